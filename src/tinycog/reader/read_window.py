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
from tinycog.pixels.arrays import Pixels, empty_view
from tinycog.pixels.mask import Mask, alpha_band, can_have_alpha, differs, nodata_mask, stored_mask
from tinycog.pixels.methods import PICKING
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


class FetchedBands(NamedTuple):
    """Bands to fetch of a level, and what says which of their pixels are valid.

    Attributes:
        bands: those requested, counted from 0.
        extra: those fetched only because they say which pixels of the others are valid.
        mask: the mask image, None where it has no say.
        alpha: index of the alpha band in `all`, None where it has no say.
    """

    bands: list[int]
    extra: list[int]
    mask: Image | None
    alpha: int | None

    @classmethod
    def of(cls, source: LevelSource, bands: list[int], *, needs_valid: bool) -> FetchedBands:
        """Add to `bands` what says which of their pixels are valid (gdal.mask.precedence)."""
        mask = source.mask if needs_valid else None
        decides = needs_valid and mask is None and source.image.nodata is None
        alpha = _alpha(source) if decides else None
        extra = [] if alpha is None or alpha in bands else [alpha]
        return cls(bands, extra, mask, None if alpha is None else [*bands, *extra].index(alpha))

    @property
    def all(self) -> list[int]:
        """All bands fetched, in the order of `WindowBuffers.pixels`."""
        return [*self.bands, *self.extra]


class WindowBuffers(NamedTuple):
    """Arrays that whole pixels of a level are fetched into.

    Attributes:
        window: the pixels, all inside the level.
        fetched: the bands.
        pixels: all bands fetched, (bands, rows, cols).
        mask: the stored mask, (1, rows, cols), None where it has no say.
    """

    window: Window
    fetched: FetchedBands
    pixels: Pixels
    mask: Pixels | None

    @classmethod
    def new(
        cls, image: Image, fetched: FetchedBands, window: Window, *, as_stored: bool
    ) -> WindowBuffers:
        """Allocate the arrays; `as_stored` lays memory out as the tiles are, if it can be.

        Raises:
            MemoryError, LimitError: there is no memory for them.
        """
        shape = (window.height, window.width)
        bands = fetched.all
        if as_stored and bands == list(range(image.samples)):
            pixels = new_pixels(image, (len(bands), *shape))
        else:
            pixels = np.empty((len(bands), *shape), image.dtype)
        mask = None if fetched.mask is None else np.empty((1, *shape), fetched.mask.dtype)
        return cls(window, fetched, pixels, mask)

    @property
    def data(self) -> Pixels:
        """The bands requested, (bands, rows, cols), a view of `pixels`."""
        return self.pixels[: len(self.fetched.bands)] if self.fetched.extra else self.pixels

    def parts(self, source: LevelSource, z: int) -> list[TilePart]:
        """Return the parts of stored tiles of level `z` that fill the arrays.

        Pixels and mask are read together: their tiles lie side by side in many files.
        """
        window = self.window
        if not window.width or not window.height:
            return []
        parts = window_parts(source.image, z, window, self.fetched.all, self.pixels)
        if self.mask is not None and source.mask is not None:
            parts += window_parts(source.mask, z, window, [0], self.mask)
        return parts

    def pick(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> WindowBuffers:
        """Return copies of single pixels as the columns of one row, (bands, 1, n)."""
        mask = None if self.mask is None else self.mask[:, None, rows, cols]
        return self._replace(pixels=self.pixels[:, None, rows, cols], mask=mask)

    def valid(self, image: Image) -> Mask | None:
        """Return which pixels are valid, (rows, cols); None if all are (gdal.mask.precedence).

        It overwrites the samples of a stored mask.
        """
        if self.mask is not None:
            return stored_mask(self.mask, spent=True)
        if image.nodata is not None:
            return nodata_mask(self.data, image.nodata)
        alpha = self.fetched.alpha
        return None if alpha is None else stored_mask(self.pixels[alpha:])


def make_buffers(
    source: LevelSource, request: WindowRequest, *, planned: bool = False
) -> WindowBuffers:
    """Allocate the arrays for a request; `planned` ones take no memory and cannot be written.

    Raises:
        UsageError: the window reaches over the edge of the level.
        LimitError: there is no memory for them.
    """
    image = source.image
    window = _source_window(image, request)
    fetched = FetchedBands.of(source, request.bands, needs_valid=request.masked or request.blends)
    shape = (window.height, window.width)
    if planned:
        pixels = empty_view((len(fetched.all), *shape), image.dtype)
        mask = None if fetched.mask is None else empty_view((1, *shape), fetched.mask.dtype)
        return WindowBuffers(window, fetched, pixels, mask)
    try:
        if request.out is None or fetched.extra or not _is_whole(request.area, window):
            as_stored = request.area.is_plain
            return WindowBuffers.new(image, fetched, window, as_stored=as_stored)
        mask = None if fetched.mask is None else np.empty((1, *shape), fetched.mask.dtype)
        return WindowBuffers(window, fetched, request.out, mask)
    except MemoryError as exc:
        raise _no_memory(request) from exc


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
    from tinycog.pixels.resample.resample import support  # noqa: PLC0415 - other shapes only

    try:
        return support(area.window, area.shape, (size[1], size[0]), request.method)
    except MemoryError as exc:
        raise _no_memory(request) from exc


def _no_memory(request: WindowRequest) -> LimitError:
    window = tuple(_as_window(request.area.window))
    return LimitError.no_memory(f"the window {window} at {request.area.shape}")


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
    findings = await reader.read(buffers.parts(source, area.z))
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
    if buffers.fetched.alpha is None:
        return [BandGroup(slice(None), valid)]
    alpha = buffers.fetched.all[buffers.fetched.alpha]
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
    from tinycog.pixels.resample.resample import resample  # noqa: PLC0415 - other shapes only

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
