"""Reading areas: windows and bounds of any level, at any shape, with their masks.

`area` says what is read; here it is fetched, resampled and masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinycog.area import Area, FloatWindow, inside, reaches_out, size_of
from tinycog.errors import Finding, UsageError
from tinycog.facts import Facts, LevelPlace
from tinycog.gdal import Ghost
from tinycog.image import Image
from tinycog.masks import Mask, alpha_band, nodata_mask, stored_mask
from tinycog.pieces import Piece, Pixels, no_room, window_pieces
from tinycog.raster import Raster, Window
from tinycog.read import Reader
from tinycog.resample import resample, support
from tinycog.workers import in_worker

PICKING = ("nearest", "sample")
"""Methods for which a masked pixel has no part in the value of another."""


class Source(NamedTuple):
    """A level, and what reading it needs.

    Attributes:
        image: the level's.
        mask: of its mask in the file, if there is one.
        ghost: GDAL's promises of the file.
        facts: where pixels are.
    """

    image: Image
    mask: Image | None
    ghost: Ghost | None
    facts: Facts


class Wanted(NamedTuple):
    """How an area is read.

    Attributes:
        area: which level, which window, which shape.
        bands: counted from 0, in the order wanted.
        method: of resampling, if the shape differs.
        masked: whether the mask is wanted.
        boundless: whether the window may reach over the edge.
        out: a caller's array for the result.
    """

    area: Area
    bands: list[int]
    method: str
    masked: bool
    boundless: bool
    out: Pixels | None = None


class Parts(NamedTuple):
    """What is fetched of a level for an area: whole pixels, inside it.

    Attributes:
        window: which.
        data: room for the bands that are wanted, (bands, rows, cols).
        mask: room for the stored mask, (1, rows, cols), if it counts.
        alpha: room for the alpha band, (1, rows, cols), if it counts.
    """

    window: Window
    data: Pixels
    mask: Pixels | None
    alpha: Pixels | None


def pieces_of(source: Source, z: int, parts: Parts, bands: Sequence[int]) -> list[Piece]:
    """The pieces of all parts; pixels and their mask tiles lie side by side in many files."""
    image, window = source.image, parts.window
    if not window.width or not window.height:
        return []
    pieces = window_pieces(image, z, window, bands, parts.data)
    alpha = alpha_band(image)
    if parts.mask is not None and source.mask is not None:
        pieces += window_pieces(source.mask, z, window, [0], parts.mask)
    if parts.alpha is not None and alpha is not None:
        pieces += window_pieces(image, z, window, [alpha], parts.alpha)
    return pieces


def parts_of(source: Source, wanted: Wanted, *, planned: bool = False) -> Parts:
    """Room for what an area needs; for a plan, room that takes no memory.

    Raises:
        UsageError: the window lies outside.
    """
    image, area = source.image, wanted.area
    size = size_of(image)
    if not wanted.boundless and reaches_out(area.window, size):
        message = (
            f"the window {_shown(area.window)} reaches out of the level's {size[0]} x {size[1]}"
            " pixels: ask for boundless=True, or for less"
        )
        raise UsageError(message)
    if area.is_plain:
        window = inside(area.window, size)
    else:
        window = support(area.window, area.shape, (size[1], size[0]), wanted.method)
    make = no_room if planned else np.empty
    shape = (window.height, window.width)
    counts = wanted.masked or (not area.is_plain and wanted.method not in PICKING)
    has_mask = counts and source.mask is not None
    needs_alpha = counts and not has_mask and image.nodata is None and _alpha(image) is not None
    out = None if planned or not _is_whole(area, window) else wanted.out
    data = make((len(wanted.bands), *shape), image.dtype) if out is None else out
    mask = make((1, *shape), source.mask.dtype) if has_mask and source.mask is not None else None
    alpha = make((1, *shape), image.dtype) if needs_alpha else None
    return Parts(window, data, mask, alpha)


def _alpha(image: Image) -> int | None:
    return alpha_band(image)


def _is_whole(area: Area, window: Window) -> bool:
    """Whether what is fetched is just what is wanted."""
    return area.is_plain and tuple(window) == tuple(area.window)


async def read_area(reader: Reader, source: Source, wanted: Wanted) -> Raster:
    """Read an area; see `Cog.read`."""
    area = wanted.area
    parts = parts_of(source, wanted)
    findings = await reader.read(pieces_of(source, area.z, parts, wanted.bands), source.ghost)
    flat = tuple(finding for odd in findings for finding in odd)
    if _is_whole(area, parts.window):
        data, mask = parts.data, _mask(source.image, parts) if wanted.masked else None
    else:
        data, mask = await in_worker(_made, source.image, parts, wanted)
    return _raster(source, wanted, data, mask, flat)


def _raster(
    source: Source, wanted: Wanted, data: Pixels, mask: Mask | None, findings: tuple[Finding, ...]
) -> Raster:
    area = wanted.area
    window = Window(*(int(v) if float(v).is_integer() else v for v in area.window))  # type: ignore[arg-type]
    place = LevelPlace(source.facts, size_of(source.image), area.window)
    return Raster(data, area.z, window, source.image.nodata, findings, mask, place)


def _mask(image: Image, parts: Parts) -> Mask | None:
    """Which of the pixels that were fetched are valid; None if all are."""
    if parts.mask is not None:
        valid = stored_mask(parts.mask)
    elif image.nodata is not None and parts.data.size:
        valid = nodata_mask(parts.data, image.nodata)
    elif parts.alpha is not None:
        valid = stored_mask(parts.alpha)
    else:
        return None
    return valid


def _made(image: Image, parts: Parts, wanted: Wanted) -> tuple[Pixels, Mask | None]:
    """The result, of what was fetched: resampled, or with room around it."""
    area = wanted.area
    valid = _mask(image, parts)
    col, row, width, height = area.window
    moved: FloatWindow = (col - parts.window.col_off, row - parts.window.row_off, width, height)
    method = "nearest" if area.is_plain else wanted.method
    used = valid if wanted.masked or method not in PICKING else None
    data, mask = resample(parts.data, used, moved, area.shape, method)
    if mask is not None:
        np.copyto(data, image.fill_value, where=~mask, casting="unsafe")
    if wanted.out is not None:
        wanted.out[...] = data
        data = wanted.out
    return data, mask if wanted.masked else None


def _shown(window: FloatWindow) -> tuple[Any, ...]:
    return tuple(int(v) if float(v).is_integer() else v for v in window)
