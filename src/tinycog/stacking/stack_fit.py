"""Which files of a stack do not fit the others (cog.stack.fit)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tinycog.errors import Finding, MosaicError, TinycogError
from tinycog.mosaicking.chosen_grid import ChosenGrid
from tinycog.mosaicking.fitting import is_same_value, listed_colormap
from tinycog.reader.open_file import OpenFile
from tinycog.stacking.chosen_bands import NOT_THERE, Uses


class NamedFile(NamedTuple):
    """An open file of a stack, and what it is called in messages."""

    name: str
    handle: OpenFile


def misfits(
    files: Mapping[int, NamedFile], uses: Uses, grid: ChosenGrid
) -> dict[int, TinycogError]:
    """Return the errors of files whose samples are others than those of the first file.

    Types of samples are the same for all; what they mean for each band.

    Args:
        files: by position, in their order.
        uses: which bands of the stack each has.
        grid: of the stack.
    """
    found: dict[int, TinycogError] = {}
    first = next(iter(files.values()))
    first_of: dict[int, tuple[NamedFile, int]] = {}
    for n, file in files.items():
        texts = [*_differs_from(first, file, grid), *_means_other(file, uses[n], first_of)]
        if texts:
            found[n] = MosaicError.of_findings([Finding("cog.stack.fit", text) for text in texts])
    return found


def _differs_from(first: NamedFile, file: NamedFile, grid: ChosenGrid) -> Iterator[str]:
    """Yield what is wrong with a whole file."""
    georeference = file.handle.georeference
    if grid.crs is not None and georeference.crs is None:
        yield f"{file.name} names no CRS, but the grid has {grid.crs}"
    own, dtype = _dtype(file.handle), _dtype(first.handle)
    if own != dtype:
        yield (
            f"{file.name} has samples of {own}, but {first.name} of {dtype}:"
            " pass bands= of one type"
        )


def _means_other(
    file: NamedFile, bands: Sequence[int], first_of: dict[int, tuple[NamedFile, int]]
) -> Iterator[str]:
    """Yield in what the first band differs whose samples mean others than before.

    Bands of the stack that no file had before are kept in `first_of`.
    """
    for place, band in enumerate(bands):
        if band == NOT_THERE:
            continue
        first, its = first_of.setdefault(place, (file, band))
        what = _difference(first.handle, its, file.handle, band)
        if what is not None:
            yield f"{file.name} and {first.name} have {what} that differ"
            return


def meaning_of(file: OpenFile) -> Hashable:
    """Return what two files have in common whose bands mean the same."""
    meta = file.metadata
    return str(_dtype(file)), file.levels[0].photometric, repr((meta.scales, meta.offsets))


def _dtype(file: OpenFile) -> np.dtype[np.generic]:
    return file.levels[0].dtype


def _difference(one: OpenFile, its: int, other: OpenFile, band: int) -> str | None:
    """Return in what meaning two bands differ."""
    pairs = [
        ("a PhotometricInterpretation", one.levels[0].photometric, other.levels[0].photometric),
        ("a ColorMap", listed_colormap(one), listed_colormap(other)),
        ("scales", one.metadata.scales[its], other.metadata.scales[band]),
        ("offsets", one.metadata.offsets[its], other.metadata.offsets[band]),
    ]
    return next((what for what, a, b in pairs if not is_same_value(a, b)), None)
