"""Reading areas: windows and bounds of any level, at any shape, with their masks.

`area` says what is read; here it is fetched, resampled and masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinycog.errors import Finding, LimitError, UsageError
from tinycog.geo.lazy import LazyGeoreference, LevelPlacement
from tinycog.limits import Limits
from tinycog.pixels.arrays import Pixels, empty_view
from tinycog.pixels.mask import Mask, alpha_band, can_have_alpha, differs, nodata_mask, stored_mask
from tinycog.pixels.resample.window import resample, support
from tinycog.raster import Raster
from tinycog.reader.decode_pool import run_in_pool
from tinycog.reader.tile_parts import TilePart, new_pixels, window_parts
from tinycog.reader.tile_reader import TileReader
from tinycog.tiff.ghost import Ghost
from tinycog.tiff.image import Image
from tinycog.window import Area, FloatWindow, Window, inside, reaches_out

PICKING = ("nearest", "sample")
"""Methods for which a masked pixel has no part in the value of another."""

WEIGHT_BYTES = 64
"""What the weights of a row or a column of pixels take, about."""


class LevelSource(NamedTuple):
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
    facts: LazyGeoreference


class WindowRequest(NamedTuple):
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


class WindowBuffers(NamedTuple):
    """What is fetched of a level for an area: whole pixels, inside it.

    Attributes:
        window: which.
        room: for the bands that are wanted, and for those of `extra`, (bands, rows, cols).
        data: of it, the bands that are wanted.
        extra: a band that is read only for what it says of the others.
        mask: room for the stored mask, (1, rows, cols), if it counts.
        alpha: place of the alpha band in `room`, if it counts.
    """

    window: Window
    room: Pixels
    data: Pixels
    extra: list[int]
    mask: Pixels | None
    alpha: int | None


def window_tile_parts(
    source: LevelSource, z: int, parts: WindowBuffers, bands: Sequence[int]
) -> list[TilePart]:
    """The pieces of all parts; pixels and their mask tiles lie side by side in many files."""
    window = parts.window
    if not window.width or not window.height:
        return []
    pieces = window_parts(source.image, z, window, [*bands, *parts.extra], parts.room)
    if parts.mask is not None and source.mask is not None:
        pieces += window_parts(source.mask, z, window, [0], parts.mask)
    return pieces


def make_buffers(
    source: LevelSource, wanted: WindowRequest, *, planned: bool = False
) -> WindowBuffers:
    """Room for what an area needs; for a plan, room that takes no memory.

    Raises:
        UsageError: the window lies outside.
        LimitError: there is no memory for it.
    """
    window = _window(source.image, wanted)
    image, shape = source.image, (window.height, window.width)
    counts = wanted.masked or _blends(wanted)
    mask_dtype = source.mask.dtype if counts and source.mask is not None else None
    alpha = _alpha(source) if counts and mask_dtype is None and image.nodata is None else None
    extra = [] if alpha is None or alpha in wanted.bands else [alpha]
    bands = [*wanted.bands, *extra]
    make = empty_view if planned else np.empty
    is_all = bands == list(range(image.samples)) and wanted.area.is_plain
    try:
        if wanted.out is not None and not (planned or extra) and _is_whole(wanted.area, window):
            room = wanted.out
        elif is_all and not planned:
            room = new_pixels(image, (len(bands), *shape))
        else:
            room = make((len(bands), *shape), image.dtype)
        mask = None if mask_dtype is None else make((1, *shape), mask_dtype)
    except MemoryError as exc:
        raise _no_memory(wanted) from exc
    at = None if alpha is None else bands.index(alpha)
    data = room[: len(wanted.bands)] if extra else room
    return WindowBuffers(window, room, data, extra, mask, at)


def _alpha(source: LevelSource) -> int | None:
    """The alpha band, if it is a mask; colours are those of level 0, whatever the level says."""
    if not can_have_alpha(source.image):
        return None
    return alpha_band(source.image, source.facts.metadata.colorinterp)


def _window(image: Image, wanted: WindowRequest) -> Window:
    """The pixels of the level that are needed."""
    area, size = wanted.area, image.size
    if not wanted.boundless and reaches_out(area.window, size):
        window = tuple(_as_window(area.window))
        message = (
            f"the window {window} reaches over the edge of the level's {size[0]} x {size[1]}"
            " pixels: pass boundless=True, or a smaller window"
        )
        raise UsageError(message)
    if area.is_plain:
        return inside(area.window, size)
    try:
        return support(area.window, area.shape, (size[1], size[0]), wanted.method)
    except MemoryError as exc:
        raise _no_memory(wanted) from exc


def _no_memory(wanted: WindowRequest) -> LimitError:
    window = tuple(_as_window(wanted.area.window))
    return LimitError(f"there is no memory for the window {window} at {wanted.area.shape}")


def _blends(wanted: WindowRequest) -> bool:
    """Whether pixels are made of several, among which those that are not valid have no part."""
    return not wanted.area.is_plain and wanted.method not in PICKING


def _is_whole(area: Area, window: Window) -> bool:
    """Whether what is fetched is just what is wanted."""
    return area.is_plain and tuple(window) == tuple(area.window)


def check_limits(
    limits: Limits, source: LevelSource, wanted: WindowRequest, stored: int | None = None
) -> None:
    """Ask the limits before anything is allocated from numbers of the file of `stored` bytes.

    Raises:
        LimitError: the read needs too many tiles, or too much memory.
    """
    image = source.image
    # first what the area itself needs: how far a kernel reaches takes memory to find out
    _check_window(limits, image, inside(wanted.area.window, image.size), wanted, stored)
    if _blends(wanted):  # every line that counts has weights
        part = inside(wanted.area.window, image.size)
        length = WEIGHT_BYTES * (part.width + part.height)
        limits.check("result_bytes", length, "bytes of the weights to resample")
    _check_window(limits, image, _window(image, wanted), wanted, stored)


def _check_window(
    limits: Limits, image: Image, window: Window, wanted: WindowRequest, stored: int | None
) -> None:
    grid = image.grid
    length = window.height * window.width * len(wanted.bands) * image.dtype.itemsize
    limits.check("result_bytes", length, "bytes of the pixels that are read")
    if stored is not None:
        limits.check_ratio(length, stored, "bytes of the pixels that are read", image.weight)
    down = -(-window.height // grid.tile_height) + 1
    across = -(-window.width // grid.tile_width) + 1
    planes = len(wanted.bands) if grid.planes > 1 else 1
    limits.check("tiles", down * across * planes, "stored tiles of one read")


async def read_area(reader: TileReader, source: LevelSource, wanted: WindowRequest) -> Raster:
    """Read an area; see `Cog.read`."""
    area = wanted.area
    check_limits(reader.limits, source, wanted, reader.stored)
    parts = make_buffers(source, wanted)
    findings = await reader.read(
        window_tile_parts(source, area.z, parts, wanted.bands), source.ghost
    )
    flat = tuple(finding for odd in findings for finding in odd)
    is_whole = _is_whole(area, parts.window)
    if is_whole and (parts.mask is not None or not wanted.masked):
        data, mask = _as_read(source.image, parts, wanted)
    else:
        try:
            make = _as_read if is_whole else _made
            data, mask = await run_in_pool(make, source.image, parts, wanted)
        except MemoryError as exc:
            raise _no_memory(wanted) from exc
    return _raster(source, wanted, data, mask, flat)


def _raster(
    source: LevelSource,
    wanted: WindowRequest,
    data: Pixels,
    mask: Mask | None,
    findings: tuple[Finding, ...],
) -> Raster:
    area = wanted.area
    window = _as_window(area.window)
    place = LevelPlacement(source.facts, source.image.size, area.window)
    colormap = source.facts.colormap(source.image) if wanted.bands[0] == 0 else None
    return Raster(data, area.z, window, source.image.nodata, findings, mask, place, colormap)


def _mask(image: Image, parts: WindowBuffers) -> Mask | None:
    """Which of the pixels that were fetched are valid; None if all are (gdal.mask.precedence)."""
    if parts.mask is not None:
        return stored_mask(parts.mask, spent=True)
    if image.nodata is not None:
        return nodata_mask(parts.data, image.nodata)
    return None if parts.alpha is None else stored_mask(parts.room[parts.alpha :])


def _as_read(
    image: Image, parts: WindowBuffers, wanted: WindowRequest
) -> tuple[Pixels, Mask | None]:
    """The result, of what was fetched, if that is all of it."""
    data = parts.data
    if wanted.out is not None and data is not wanted.out:
        wanted.out[...] = data
        data = wanted.out
    return data, _mask(image, parts) if wanted.masked else None


class BandGroup(NamedTuple):
    """Bands that are resampled together.

    Attributes:
        places: which of those that were fetched.
        valid: which of their pixels count; None: all.
        tells: whether a pixel is valid where these bands are.
    """

    places: slice | list[int]
    valid: Mask | None
    tells: bool = True


def _band_groups(image: Image, parts: WindowBuffers, wanted: WindowRequest) -> list[BandGroup]:
    """How the bands are resampled, as GDAL does: nodata counts by band, alpha for the others."""
    if not _blends(wanted):
        valid = _mask(image, parts) if wanted.masked else None
        alone = BandGroup(slice(None), None, tells=valid is None)
        return [alone] if valid is None else [alone, BandGroup([], valid)]
    if parts.mask is None and image.nodata is not None:
        valid = differs(parts.data, image.nodata)
        return [BandGroup(slice(i, i + 1), one) for i, one in enumerate(valid)]
    valid = _mask(image, parts)
    if parts.alpha is None:
        return [BandGroup(slice(None), valid)]
    alpha = [*wanted.bands, *parts.extra][parts.alpha]
    others = [i for i, band in enumerate(wanted.bands) if band != alpha]
    alphas = [i for i, band in enumerate(wanted.bands) if band == alpha]
    return [BandGroup(others, valid), BandGroup(alphas, None, tells=False)]


def _made(image: Image, parts: WindowBuffers, wanted: WindowRequest) -> tuple[Pixels, Mask | None]:
    """The result, of what was fetched: resampled, or with room around it."""
    area, out = wanted.area, wanted.out
    col, row, width, height = area.window
    moved = FloatWindow(col - parts.window.col_off, row - parts.window.row_off, width, height)
    method = "nearest" if area.is_plain else wanted.method
    found: list[Mask | None] = []
    if out is None:
        out = np.empty((len(wanted.bands), *area.shape), image.dtype)
    for share in _band_groups(image, parts, wanted):
        data, mask = resample(parts.data[share.places], share.valid, moved, area.shape, method)
        if mask is not None:
            np.copyto(data, image.fill_value, where=np.logical_not(mask), casting="unsafe")
        out[share.places] = data
        if share.tells:
            found.append(mask)
    return out, _any(found) if wanted.masked else None


def _any(masks: Sequence[Mask | None]) -> Mask | None:
    """Where any of them is valid; None is valid everywhere."""
    some = [mask for mask in masks if mask is not None]
    return np.logical_or.reduce(some) if len(some) == len(masks) else None


def _as_window(window: FloatWindow) -> Window | FloatWindow:
    """Return a window of integers where all its numbers are whole."""
    if all(float(v).is_integer() for v in window):
        return Window(*map(int, window))
    return FloatWindow(*(int(v) if float(v).is_integer() else v for v in window))
