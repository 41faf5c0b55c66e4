"""Read windows of a level, at any shape, with their masks: `Cog.read`.

`arguments` says what is read; here its pixels are fetched, resampled and masked. `read_points` and
`read_web_tile` read through it, so that one place says which pixels are valid
(gdal.mask.precedence).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import Finding, LimitError, UsageError
from tinycog.geo.lazy import LazyGeoreference, LevelPlacement
from tinycog.limits import Limits
from tinycog.pixels.arrays import Pixels, empty_view, no_memory
from tinycog.pixels.mask import Mask, alpha_band, can_have_alpha, differs, nodata_mask, stored_mask
from tinycog.pixels.methods import PICKING
from tinycog.pixels.resample.window import resample, support
from tinycog.raster import Raster
from tinycog.reader.decode_pool import run_in_pool
from tinycog.reader.tile_parts import TilePart, new_pixels, window_parts
from tinycog.reader.tile_reader import TileReader
from tinycog.tiff.image import Image
from tinycog.window import Area, FloatWindow, Window, inside, reaches_out

WEIGHT_BYTES = 64
"""Approximate bytes of resampling weights for one row or column of pixels."""


class LevelSource(NamedTuple):
    """A level, and what is needed to read it.

    Attributes:
        image: the level.
        mask: its mask image, None where the file holds none.
        georeference: of the file.
    """

    image: Image
    mask: Image | None
    georeference: LazyGeoreference


class WindowRequest(NamedTuple):
    """What is read of a level, and how.

    Attributes:
        area: level, window and shape of the result.
        bands: counted from 0, in the order of the result.
        method: of resampling, used if the shape of the result differs from the window's.
        masked: whether the result has a mask.
        boundless: whether the window may reach over the edge of the level.
        out: the caller's array for the result, (bands, rows, cols).
    """

    area: Area
    bands: list[int]
    method: str
    masked: bool
    boundless: bool
    out: Pixels | None = None

    @property
    def blends(self) -> bool:
        """Whether a pixel of the result is made of several, of which invalid ones are left out."""
        return not self.area.is_plain and self.method not in PICKING


class WindowBuffers(NamedTuple):
    """Arrays that whole pixels of a level are fetched into.

    Attributes:
        window: the pixels, all inside the level.
        pixels: the bands requested, then those of `extra`, (bands, rows, cols).
        data: the bands requested, a view of `pixels`.
        extra: bands fetched only because they say which pixels of the others are valid.
        mask: the stored mask, (1, rows, cols), None where it has no say.
        alpha: index of the alpha band in `pixels`, None where it has no say.
    """

    window: Window
    pixels: Pixels
    data: Pixels
    extra: list[int]
    mask: Pixels | None
    alpha: int | None

    def parts(self, source: LevelSource, request: WindowRequest) -> list[TilePart]:
        """Return the parts of stored tiles that fill the arrays.

        Pixels and mask are read together: their tiles lie side by side in many files.
        """
        z, window = request.area.z, self.window
        if not window.width or not window.height:
            return []
        bands = [*request.bands, *self.extra]
        parts = window_parts(source.image, z, window, bands, self.pixels)
        if self.mask is not None and source.mask is not None:
            parts += window_parts(source.mask, z, window, [0], self.mask)
        return parts

    def pick(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> WindowBuffers:
        """Return copies of single pixels as the columns of one row, (bands, 1, n)."""
        pixels = self.pixels[:, None, rows, cols]
        data = pixels[: len(self.data)]
        mask = None if self.mask is None else self.mask[:, None, rows, cols]
        return self._replace(pixels=pixels, data=data, mask=mask)

    def valid(self, image: Image) -> Mask | None:
        """Return which pixels are valid, (rows, cols); None if all are (gdal.mask.precedence).

        The samples of a stored mask are used up.
        """
        if self.mask is not None:
            return stored_mask(self.mask, spent=True)
        if image.nodata is not None:
            return nodata_mask(self.data, image.nodata)
        return None if self.alpha is None else stored_mask(self.pixels[self.alpha :])


def make_buffers(
    source: LevelSource, request: WindowRequest, *, planned: bool = False
) -> WindowBuffers:
    """Allocate the arrays for a request; `planned` ones take no memory and cannot be written.

    Raises:
        UsageError: the window reaches over the edge of the level.
        LimitError: there is no memory for them.
    """
    window = _source_window(source.image, request)
    counts = request.masked or request.blends
    mask = source.mask if counts else None
    alpha = _alpha(source) if counts and mask is None and source.image.nodata is None else None
    extra = [] if alpha is None or alpha in request.bands else [alpha]
    bands = [*request.bands, *extra]
    shape = (window.height, window.width)
    try:
        if planned:
            pixels = empty_view((len(bands), *shape), source.image.dtype)
        else:
            pixels = _new_pixels(source.image, request, window, bands)
        make = empty_view if planned else np.empty
        mask_pixels = None if mask is None else make((1, *shape), mask.dtype)
    except MemoryError as exc:
        raise _no_memory(request) from exc
    index = None if alpha is None else bands.index(alpha)
    data = pixels[: len(request.bands)] if extra else pixels
    return WindowBuffers(window, pixels, data, extra, mask_pixels, index)


def _new_pixels(
    image: Image, request: WindowRequest, window: Window, bands: Sequence[int]
) -> Pixels:
    """Return the caller's array if it can be filled directly, else a new one."""
    has_extra = len(bands) > len(request.bands)
    if request.out is not None and not has_extra and _is_whole(request.area, window):
        return request.out
    shape = (len(bands), window.height, window.width)
    if request.area.is_plain and list(bands) == list(range(image.samples)):
        return new_pixels(image, shape)
    return np.empty(shape, image.dtype)


def _alpha(source: LevelSource) -> int | None:
    """Return the alpha band if it is a mask; level 0 decides what it is, for all levels."""
    if not can_have_alpha(source.image):
        return None
    return alpha_band(source.image, source.georeference.metadata.colorinterp)


def _source_window(image: Image, request: WindowRequest) -> Window:
    """Return the whole pixels of the level that a request needs."""
    area, size = request.area, image.size
    if not request.boundless and reaches_out(area.window, size):
        window = tuple(_as_window(area.window))
        message = (
            f"the window {window} reaches over the edge of the level's {size[0]} x {size[1]}"
            " pixels: pass boundless=True, or a smaller window"
        )
        raise UsageError(message)
    if area.is_plain:
        return inside(area.window, size)
    try:
        return support(area.window, area.shape, (size[1], size[0]), request.method)
    except MemoryError as exc:
        raise _no_memory(request) from exc


def _no_memory(request: WindowRequest) -> LimitError:
    window = tuple(_as_window(request.area.window))
    return no_memory(f"the window {window} at {request.area.shape}")


def _is_whole(area: Area, window: Window) -> bool:
    """Whether the pixels fetched are exactly those of the result."""
    return area.is_plain and tuple(window) == tuple(area.window)


def check_limits(
    limits: Limits, source: LevelSource, request: WindowRequest, file_size: int | None = None
) -> None:
    """Check the limits before anything is allocated; `file_size` is in bytes, if known.

    Raises:
        LimitError: the read needs too many tiles, or too much memory.
    """
    image = source.image
    # first the area itself: how far a kernel reaches takes memory to find out
    touched = inside(request.area.window, image.size)
    _check_window(limits, image, touched, request, file_size)
    if request.blends:  # each row and column has weights
        length = WEIGHT_BYTES * (touched.width + touched.height)
        limits.check("result_bytes", length, "bytes of the weights to resample")
    _check_window(limits, image, _source_window(image, request), request, file_size)


def _check_window(
    limits: Limits, image: Image, window: Window, request: WindowRequest, file_size: int | None
) -> None:
    grid = image.grid
    length = window.height * window.width * len(request.bands) * image.dtype.itemsize
    limits.check("result_bytes", length, "bytes of the pixels that are read")
    if file_size is not None:
        limits.check_ratio(length, file_size, "bytes of the pixels that are read", image.weight)
    down = -(-window.height // grid.tile_height) + 1
    across = -(-window.width // grid.tile_width) + 1
    planes = len(request.bands) if grid.planes > 1 else 1
    limits.check("tiles", down * across * planes, "stored tiles of one read")


async def read_area(reader: TileReader, source: LevelSource, request: WindowRequest) -> Raster:
    """Read an area; see `Cog.read`."""
    area = request.area
    check_limits(reader.limits, source, request, reader.file_size)
    buffers = make_buffers(source, request)
    findings = await reader.read(buffers.parts(source, request))
    flat = tuple(finding for found in findings for finding in found)
    is_whole = _is_whole(area, buffers.window)
    if is_whole and (buffers.mask is not None or not request.masked):
        data, mask = _as_fetched(source.image, buffers, request)
    else:
        try:
            make = _as_fetched if is_whole else _resampled
            data, mask = await run_in_pool(make, source.image, buffers, request)
        except MemoryError as exc:
            raise _no_memory(request) from exc
    return _raster(source, request, data, mask, flat)


def _raster(
    source: LevelSource,
    request: WindowRequest,
    data: Pixels,
    mask: Mask | None,
    findings: tuple[Finding, ...],
) -> Raster:
    area = request.area
    window = _as_window(area.window)
    place = LevelPlacement(source.georeference, source.image.size, area.window)
    colormap = source.georeference.colormap(source.image) if request.bands[0] == 0 else None
    return Raster(data, area.z, window, source.image.nodata, findings, mask, place, colormap)


def _as_fetched(
    image: Image, buffers: WindowBuffers, request: WindowRequest
) -> tuple[Pixels, Mask | None]:
    """Return pixels and mask of a result that is exactly what was fetched."""
    data = buffers.data
    if request.out is not None and data is not request.out:
        request.out[...] = data
        data = request.out
    return data, buffers.valid(image) if request.masked else None


class BandGroup(NamedTuple):
    """Bands that are resampled together.

    Attributes:
        bands: indices in `WindowBuffers.data`.
        valid: which source pixels count, (rows, cols); None if all do.
        has_say: whether a pixel of the result is valid where it is valid in these bands.
    """

    bands: slice | list[int]
    valid: Mask | None
    has_say: bool = True


def _band_groups(image: Image, buffers: WindowBuffers, request: WindowRequest) -> list[BandGroup]:
    """Group bands as GDAL resamples them: nodata counts by band, alpha for the other bands."""
    if not request.blends:
        valid = buffers.valid(image) if request.masked else None
        picked = BandGroup(slice(None), None, has_say=valid is None)
        return [picked] if valid is None else [picked, BandGroup([], valid)]
    if buffers.mask is None and image.nodata is not None:
        by_band = differs(buffers.data, image.nodata)
        return [BandGroup(slice(i, i + 1), valid) for i, valid in enumerate(by_band)]
    valid = buffers.valid(image)
    if buffers.alpha is None:
        return [BandGroup(slice(None), valid)]
    alpha = [*request.bands, *buffers.extra][buffers.alpha]
    others = [i for i, band in enumerate(request.bands) if band != alpha]
    alphas = [i for i, band in enumerate(request.bands) if band == alpha]
    return [BandGroup(others, valid), BandGroup(alphas, None, has_say=False)]


def _resampled(
    image: Image, buffers: WindowBuffers, request: WindowRequest
) -> tuple[Pixels, Mask | None]:
    """Return pixels and mask of a result that is resampled, or padded beyond the level's edge."""
    area, out = request.area, request.out
    col, row, width, height = area.window
    window = FloatWindow(col - buffers.window.col_off, row - buffers.window.row_off, width, height)
    method = "nearest" if area.is_plain else request.method
    masks: list[Mask | None] = []
    if out is None:
        out = np.empty((len(request.bands), *area.shape), image.dtype)
    for group in _band_groups(image, buffers, request):
        data, mask = resample(buffers.data[group.bands], group.valid, window, area.shape, method)
        if mask is not None:
            np.copyto(data, image.fill_value, where=np.logical_not(mask), casting="unsafe")
        out[group.bands] = data
        if group.has_say:
            masks.append(mask)
    return out, _any(masks) if request.masked else None


def _any(masks: Sequence[Mask | None]) -> Mask | None:
    """Return where any of the masks is valid; None is valid everywhere."""
    some = [mask for mask in masks if mask is not None]
    return np.logical_or.reduce(some) if len(some) == len(masks) else None


def _as_window(window: FloatWindow) -> Window | FloatWindow:
    """Return a window of integers where all its numbers are whole."""
    if all(float(v).is_integer() for v in window):
        return Window(*map(int, window))
    return FloatWindow(*(int(v) if float(v).is_integer() else v for v in window))
