"""Whether files fit, and how they make one image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from tinycog.affine_math import coefficients
from tinycog.argument_types import CrsLike, MosaicMethod
from tinycog.errors import Finding, MosaicError, UsageError
from tinycog.geo.lazy import LazyGeoreference
from tinycog.member_facts import member_of
from tinycog.mosaicking.chosen_grid import ChosenGrid, choose_grid, windows_of
from tinycog.mosaicking.members import AlignedMember, MosaicMember, WarpedMember, WarpGrid
from tinycog.mosaicking.placing import Levels, place
from tinycog.pixels.methods import method_for
from tinycog.reader.open_file import OpenFile
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Photometric
from tinycog.validator.among_files import OFFSET_TOLERANCE, SET_RULES, check_files
from tinycog.validator.set_rule import SetMember
from tinycog.window import Size

RULES = [rule for name, rule in SET_RULES.items() if name != "ee/files-size"]
"""What files of a mosaic have in common: Earth Engine's rules for uploads in tiles."""

ALWAYS = frozenset({"ee/files-bands", "ee/files-depth"})
"""Those that hold for files that are warped, too."""

COMPLEX_METHODS = frozenset({"first", "last", "mean", "count"})
"""Methods that compare no samples."""


AVERAGING = frozenset({"mean", "median", "stdev"})
"""Methods whose results are none of the samples."""


class MosaicOptions(NamedTuple):
    """Arguments of `tinycog.mosaic`, checked.

    Attributes:
        method: what becomes of pixels that several files have.
        strict: whether pixels are those of the files.
        tolerance: fraction of a pixel that a file may lie beside the grid of the others.
        crs, res, bounds: of the grid that files are warped to, as given.
        resampling: how they are.
    """

    method: MosaicMethod = "first"
    strict: bool = True
    tolerance: float = OFFSET_TOLERANCE
    crs: CrsLike | None = None
    res: float | Sequence[float] | None = None
    bounds: Sequence[float] | None = None
    resampling: str = "nearest"


class Fitted(NamedTuple):
    """Files that make one image.

    Attributes:
        members: the files, in their order.
        levels: for each level which one of the first file has its tags, and its size.
        georeference: of the whole.
    """

    members: Sequence[MosaicMember]
    levels: Sequence[tuple[int, Size]]
    georeference: LazyGeoreference


def fit(files: Sequence[OpenFile], options: MosaicOptions) -> Fitted:
    """Return files that are open as one image (cog.mosaic.rules, cog.mosaic.warped).

    Raises:
        MosaicError: they do not fit.
        UsageError: an option is wrong.
    """
    _check(files, options)
    names = names_of(files)
    if options.strict:
        return _aligned(files, names)
    grid = choose_grid(files, names, options.crs, options.res, options.bounds)
    return _warped(files, names, grid, options.resampling)


def _aligned(files: Sequence[OpenFile], names: Sequence[str]) -> Fitted:
    """Return files whose pixels are those of the whole."""
    first = files[0].georeference
    placing = place([Levels(coefficients(file.geo.transform), file.level_sizes) for file in files])
    members = [
        AlignedMember(name, file, placing.levels, n)
        for n, (name, file) in enumerate(zip(names, files, strict=True))
    ]
    levels = [(level.own[0], level.size) for level in placing.levels]
    georeference = first.moved(placing.transform, levels[0][1], first.crs)
    return Fitted(members, levels, georeference)


def _warped(
    files: Sequence[OpenFile], names: Sequence[str], grid: ChosenGrid, sampling: str
) -> Fitted:
    """Return files that are warped to a grid."""
    georeference = files[0].georeference.moved(grid.transform, grid.sizes[0], grid.crs)
    sampling = method_for(files[0].levels[0].photometric, sampling)
    target = WarpGrid(georeference, grid.crs, grid.sizes, sampling)
    members = [
        WarpedMember(name, file, windows_of(file, grid), target)
        for name, file in zip(names, files, strict=True)
    ]
    levels = [(0, size) for size in grid.sizes]
    return Fitted(members, levels, georeference)


def _check(files: Sequence[OpenFile], options: MosaicOptions) -> None:
    """Raise a `MosaicError` unless the files fit (cog.mosaic.rules)."""
    check_alike(files, None if options.strict else ALWAYS, options.tolerance)
    check_suits(files[0].levels[0], options.method)


def check_suits(image: Image, method: str) -> None:
    """Raise a `UsageError` if samples cannot be combined by a method."""
    if image.photometric == Photometric.PALETTE and method in AVERAGING:
        message = f"method={method!r} would mix indices of a palette, which are no colours"
        raise UsageError(message)
    if image.dtype.kind == "c" and method not in COMPLEX_METHODS:
        message = f"method={method!r} compares samples: complex ones have no order"
        raise UsageError(message)


def check_alike(
    files: Sequence[OpenFile],
    ids: Collection[str] | None,
    tolerance: float = OFFSET_TOLERANCE,
) -> None:
    """Check rules among files that are open, all of `RULES` or those of some ids; and meaning.

    Raises:
        MosaicError: they differ.
    """
    members = [member_of(file) for file in files]
    rules = RULES if ids is None else [rule for rule in RULES if rule.id in ids]
    found = [
        Finding(rule.id, seen.message) for rule, seen in check_files(members, rules, tolerance)
    ]
    found += _differences(files, members)
    if found:
        raise MosaicError.of_findings(found)


def _differences(files: Sequence[OpenFile], members: Sequence[SetMember]) -> list[Finding]:
    """Return in what meaning files differ: colours, scales (cog.mosaic.meaning)."""
    found: list[Finding] = []
    first = files[0]
    for file, member in zip(files[1:], members[1:], strict=True):
        one, other = first.levels[0], file.levels[0]
        pairs = [
            ("a PhotometricInterpretation", one.photometric, other.photometric),
            ("a ColorMap", listed_colormap(first), listed_colormap(file)),
            ("scales", first.metadata.scales, file.metadata.scales),
            ("offsets", first.metadata.offsets, file.metadata.offsets),
        ]
        for what, mine, yours in pairs:
            if not is_same_value(mine, yours):
                text = f"{member.name} and {members[0].name} have {what} that differ"
                found.append(Finding("cog.mosaic.meaning", text))
    return found


def is_same_value(one: object, other: object) -> bool:
    """Return whether two facts are equal."""
    return bool(one == other) or repr(one) == repr(other)  # NaN is no other than itself


def listed_colormap(file: OpenFile) -> list[object] | None:
    """Return the ColorMap of a file as a list, None without one."""
    return None if file.colormap is None else np.asarray(file.colormap).tolist()


def names_of(files: Sequence[OpenFile]) -> list[str]:
    """Return the names of files; those that come twice with their number."""
    counts = Counter(file.name for file in files)
    return [
        f"{file.name} ({n})" if counts[file.name] > 1 else file.name
        for n, file in enumerate(files, 1)
    ]
