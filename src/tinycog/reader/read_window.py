"""Read windows of a level, at any shape, with their masks: `Cog.read`.

`arguments` says what is read; here its pixels are fetched, resampled and masked. `read_points` and
`read_web_tile` read through it, so that one place says which pixels are valid
(gdal.mask.precedence).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tinycog.argument_types import ErrorHandling
from tinycog.errors import Finding, LimitError, UsageError
from tinycog.geo.lazy import LazyGeoreference, LevelPlacement
from tinycog.limits import Limits
from tinycog.pixels.arrays import Pixels, empty_view
from tinycog.pixels.mask import Mask
from tinycog.pixels.methods import PICKING
from tinycog.pixels.to_rgb import Colouring
from tinycog.pixels.validity import KnownValidity, Validity, ValidityOfPixels, settled
from tinycog.raster import Raster
from tinycog.reader.decode_pool import run_in_pool
from tinycog.reader.tile_parts import TilePart, new_pixels, window_parts
from tinycog.reader.tile_reader import PartResult, TileReader
from tinycog.reader.validity import (
    NOT_ASKED,
    NOT_WALKED,
    FileMaskFacts,
    LevelMask,
    MaskBuffer,
    MaskSource,
    filled_pixels,
    without,
)
from tinycog.tiff.image import Image
from tinycog.window import Area, FloatWindow, Window, inside, reaches_out

WEIGHT_BYTES = 64
"""Approximate bytes of resampling weights for one row or column of pixels."""


class LevelSource(NamedTuple):
    """A level, and what is needed to read it.

    Attributes:
        image: the level.
        mask: the mask image that says which of its pixels are valid.
        mask_facts: what says so where there is no mask image: facts of the file.
        georeference: of the file.
    """

    image: Image
    mask: LevelMask
    mask_facts: FileMaskFacts
    georeference: LazyGeoreference


class WindowRequest(NamedTuple):
    """What is read of a level, and how.

    Attributes:
        area: level, window and shape of the result.
        bands: counted from 0, in the order of the result.
        method: of resampling, used if the shape of the result differs from the window's.
        masked: whether its mask is wanted: True reads all that says so, False nothing, None what
            comes along without further requests for the header.
        boundless: whether the window may reach over the edge of the level.
        errors: what is done where a stored tile is broken.
        out: the caller's array for the result, (bands, rows, cols).
        fill_value: of pixels outside of the level; None is what tiles that are not stored have.
    """

    area: Area
    bands: list[int]
    method: str
    masked: bool | None
    boundless: bool
    errors: ErrorHandling = "raise"
    out: Pixels | None = None
    fill_value: float | None = None

    @property
    def blends(self) -> bool:
        """Whether a pixel of the result is made of several, of which invalid ones are left out."""
        return not self.area.is_plain and self.method not in PICKING

    @property
    def needs_valid(self) -> bool:
        """Whether what says which pixels are valid is read along."""
        return self.masked is not False or self.blends


class FetchedBands(NamedTuple):
    """Bands to fetch of a level, and what says which of their pixels are valid.

    Attributes:
        bands: those requested, counted from 0.
        extra: those fetched only because they say which pixels of the others are valid.
        mask: the mask image, None where it has no say.
    """

    bands: list[int]
    extra: list[int]
    mask: MaskSource | None

    @classmethod
    def of(cls, source: LevelSource, request: WindowRequest) -> FetchedBands:
        """Add to the bands requested what says which of their pixels are valid."""
        bands, image = request.bands, source.image
        if not request.needs_valid or source.mask.source is not None:
            return cls(bands, [], source.mask.source if request.needs_valid else None)
        if set(bands) == set(range(image.samples)):
            return cls(bands, [], None)
        is_free = image.grid.planes == 1  # else a band of its own costs requests
        facts = source.mask_facts.if_read() if is_free or request.masked or request.blends else None
        extra = [] if facts is None else [band for band in facts.needed if band not in bands]
        return cls(bands, extra, None)

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
        mask: the mask image, None where it has no say.
        filled: where stored tiles were filled because they are broken, (bands, rows, cols) of
            `data`; None if nowhere.
    """

    window: Window
    fetched: FetchedBands
    pixels: Pixels
    mask: MaskBuffer | None
    filled: Mask | None = None

    @classmethod
    def new(
        cls, source: LevelSource, z: int, fetched: FetchedBands, window: Window, *, as_stored: bool
    ) -> WindowBuffers:
        """Allocate the arrays; `as_stored` lays memory out as the tiles are, if it can be.

        Raises:
            MemoryError, LimitError: there is no memory for them.
        """
        image = source.image
        shape = (window.height, window.width)
        bands = fetched.all
        if as_stored and bands == list(range(image.samples)):
            pixels = new_pixels(image, (len(bands), *shape))
        else:
            pixels = np.empty((len(bands), *shape), image.dtype)
        return cls(window, fetched, pixels, _mask_buffer(fetched, z, image, window))

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
        return parts if self.mask is None else parts + self.mask.parts()

    def read(self, image: Image, parts: list[TilePart], results: list[PartResult]) -> WindowBuffers:
        """Return them as they are after a read, whose parts had these results."""
        filled = filled_pixels(image, self.fetched.bands, self.window, parts, results)
        return self if filled is None else self._replace(filled=filled)

    def validity(self, source: LevelSource, masked: bool | None) -> Validity:  # noqa: FBT001 - as given by the caller
        """Return what says which of `data` are valid (gdal.mask.precedence).

        It overwrites the samples of a mask image. What was filled is not valid.
        """
        return without(self._stored_validity(source, masked), self.filled)

    def _stored_validity(self, source: LevelSource, masked: bool | None) -> Validity:  # noqa: FBT001 - as above
        """Return what says so in the file."""
        if masked is False:
            return NOT_ASKED
        if self.mask is not None:
            return KnownValidity(self.mask.mask())
        if not source.mask.is_known:
            return NOT_WALKED
        bands, extra = self.fetched.bands, self.fetched.extra
        return ValidityOfPixels(
            source.mask_facts, bands, self.pixels[len(bands) :] if extra else None, extra
        )


def _mask_buffer(
    fetched: FetchedBands, z: int, image: Image, window: Window, *, planned: bool = False
) -> MaskBuffer | None:
    if fetched.mask is None:
        return None
    return MaskBuffer.new(fetched.mask, z, image.size, window, planned=planned)


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
    fetched = FetchedBands.of(source, request)
    z = request.area.z
    if planned:
        shape = (len(fetched.all), window.height, window.width)
        mask = _mask_buffer(fetched, z, image, window, planned=True)
        return WindowBuffers(window, fetched, empty_view(shape, image.dtype), mask)
    try:
        if request.out is None or fetched.extra or not _is_whole(request.area, window):
            as_stored = request.area.is_plain
            return WindowBuffers.new(source, z, fetched, window, as_stored=as_stored)
        mask = _mask_buffer(fetched, z, image, window)
        return WindowBuffers(window, fetched, request.out, mask)
    except MemoryError as exc:
        raise _no_memory(request) from exc


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
    if request.area.is_plain:  # what is decoded is checked where it is known what is stored
        file_size = None
    # first the area itself: how far a kernel reaches takes memory to find out
    touched = inside(request.area.window, image.size)
    _check_window(limits, image, touched, len(request.bands), file_size)
    if request.blends:  # each row and column has weights
        length = WEIGHT_BYTES * (touched.width + touched.height)
        limits.check("result_bytes", length, "bytes of the weights to resample")
    window = _source_window(image, request)
    _check_window(limits, image, window, len(request.bands), file_size)
    fetched = FetchedBands.of(source, request)
    mask = _mask_buffer(fetched, request.area.z, image, window, planned=True)
    if mask is not None and mask.window is not window:
        _check_window(limits, mask.source.image, mask.window, 1, file_size)


def _check_window(
    limits: Limits, image: Image, window: Window, bands: int, file_size: int | None
) -> None:
    grid = image.grid
    length = window.height * window.width * bands * image.dtype.itemsize
    limits.check("result_bytes", length, "bytes of the pixels that are read")
    if file_size is not None:
        limits.check_ratio(length, file_size, "bytes of the pixels that are read", image.weight)
    down = _touched(window.row_off, window.height, grid.tile_height)
    across = _touched(window.col_off, window.width, grid.tile_width)
    planes = bands if grid.planes > 1 else 1
    limits.check("tiles", down * across * planes, "stored tiles of one read")


def _touched(start: int, length: int, step: int) -> int:
    """Return how many tiles of `step` pixels a run of pixels touches."""
    return (start + length - 1) // step - start // step + 1 if length else 0


async def read_area(reader: TileReader, source: LevelSource, request: WindowRequest) -> Raster:
    """Read an area; see `Cog.read`."""
    area = request.area
    check_limits(reader.limits, source, request, reader.file_size)
    buffers = make_buffers(source, request)
    parts = buffers.parts(source, area.z)
    results = await reader.read(parts, request.errors)
    flat = tuple(finding for result in results for finding in result.findings)
    buffers = buffers.read(source.image, parts, results)
    is_whole = _is_whole(area, buffers.window)
    if is_whole and not (request.masked and buffers.mask is None):
        data, validity = _as_fetched(source, buffers, request)
    else:
        try:
            make = _settled if is_whole else _resampled
            data, validity = await run_in_pool(make, source, buffers, request)
        except MemoryError as exc:
            raise _no_memory(request) from exc
    return _raster(source, request, data, validity, flat)


def _raster(
    source: LevelSource,
    request: WindowRequest,
    data: Pixels,
    validity: Validity,
    findings: tuple[Finding, ...],
) -> Raster:
    area = request.area
    window = _as_window(area.window)
    place = LevelPlacement(source.georeference, source.image.size, area.window)
    colormap = source.georeference.colormap(source.image) if request.bands[0] == 0 else None
    nodata, colouring = source.image.nodata, Colouring.of(source.image, request.bands)
    return Raster(data, area.z, window, nodata, findings, validity, place, colormap, colouring)


def _as_fetched(
    source: LevelSource, buffers: WindowBuffers, request: WindowRequest
) -> tuple[Pixels, Validity]:
    """Return a result that is exactly what was fetched."""
    data = buffers.data
    if request.out is not None and data is not request.out:
        request.out[...] = data
        data = request.out
    return data, buffers.validity(source, request.masked)


def _settled(
    source: LevelSource, buffers: WindowBuffers, request: WindowRequest
) -> tuple[Pixels, Validity]:
    """Return a result that is exactly what was fetched, its masks worked out."""
    data, validity = _as_fetched(source, buffers, request)
    return data, settled(validity, data)


class BandGroup(NamedTuple):
    """Bands that are resampled together, for the same of their pixels are valid.

    Attributes:
        bands: counted from 0 in the array that is resampled.
        valid: which source pixels count, (rows, cols); None if all do.
        has_say: whether a pixel of the result is valid where it is valid in these bands.
    """

    bands: list[int]
    valid: Mask | None
    has_say: bool = True


def band_groups(validity: Validity, data: Pixels) -> list[BandGroup]:
    """Group the bands of `data` by their masks: nodata counts by band, alpha for other bands."""
    known = settled(validity, data)
    groups: list[tuple[list[int], Mask]] = []
    for band in range(len(data)):
        mask = known.pixels if known.bands is None else known.bands[band]
        same = next((group for group, other in groups if np.array_equal(mask, other)), None)
        if same is None:
            groups.append(([band], mask))
        else:
            same.append(band)
    found = [BandGroup(bands, None if mask.all() else mask) for bands, mask in groups]
    same = [np.array_equal(mask, known.pixels) for _, mask in groups]
    if not any(same) and not np.array_equal(
        np.logical_or.reduce([mask for _, mask in groups]), known.pixels
    ):  # what says so is not among the bands
        return [*(group._replace(has_say=False) for group in found), BandGroup([], known.pixels)]
    if not any(same):
        return found
    return [group._replace(has_say=say) for group, say in zip(found, same, strict=True)]


def _resampled(
    source: LevelSource, buffers: WindowBuffers, request: WindowRequest
) -> tuple[Pixels, Validity]:
    """Return pixels and mask of a result that is resampled, or padded beyond the level's edge."""
    image, area = source.image, request.area
    out = request.out
    if out is None:
        out = np.empty((len(request.bands), *area.shape), image.dtype)
    fill = _blended if request.blends else _picked
    validity = fill(source, buffers, request, out)
    return out, settled(validity, out) if request.masked else validity


def _relative(area: Area, window: Window) -> FloatWindow:
    """Return the window of an area relative to the pixels that were fetched."""
    col, row, width, height = area.window
    return FloatWindow(col - window.col_off, row - window.row_off, width, height)


def _blended(
    source: LevelSource, buffers: WindowBuffers, request: WindowRequest, out: Pixels
) -> Validity:
    """Fill `out` with pixels made of several each, of which invalid ones are left out."""
    from tinycog.pixels.resample.resample import resample  # noqa: PLC0415 - other shapes only

    area = request.area
    window = _relative(area, buffers.window)
    every = np.broadcast_to(np.True_, area.shape)
    pixels: list[Mask] = []
    groups = band_groups(buffers.validity(source, masked=None), buffers.data)
    bands = np.empty(out.shape, np.bool_) if len(groups) > 1 else None
    for group in groups:
        data = buffers.data[group.bands] if len(groups) > 1 else buffers.data
        data, mask = resample(data, group.valid, window, area.shape, request.method)
        if mask is not None:
            _fill_invalid(data, np.logical_not(mask), source.image, request)
        out[group.bands] = data
        mask = every if mask is None else mask
        if bands is not None:
            bands[group.bands] = mask
        if group.has_say:
            pixels.append(mask)
    if request.masked is False:
        return NOT_ASKED
    return KnownValidity(np.logical_or.reduce(pixels) if len(pixels) > 1 else pixels[0], bands)


def _fill_invalid(data: Pixels, invalid: Mask, image: Image, request: WindowRequest) -> None:
    """Fill invalid pixels (rows, cols) of `data`: those outside of the level may differ."""
    np.copyto(data, image.fill_value, where=invalid, casting="unsafe")
    if request.fill_value is None:
        return
    (col, row, width, height), (rows, cols) = request.area.window, request.area.shape
    ys = row + (np.arange(rows) + 0.5) * (height / rows)
    xs = col + (np.arange(cols) + 0.5) * (width / cols)
    is_inside = [(v >= 0) & (v < size) for v, size in ((ys, image.size[1]), (xs, image.size[0]))]
    outside = np.logical_not(is_inside[0][:, None] & is_inside[1])
    np.copyto(data, request.fill_value, where=invalid & outside, casting="unsafe")


def _picked(
    source: LevelSource, buffers: WindowBuffers, request: WindowRequest, out: Pixels
) -> Validity:
    """Fill `out` with pixels of the level; what lies outside of it is filled and invalid."""
    from tinycog.pixels.resample.resample import resample  # noqa: PLC0415 - other shapes only

    area, count = request.area, len(request.bands)
    window = _relative(area, buffers.window)
    method = "nearest" if area.is_plain else request.method

    def pick(data: Pixels) -> tuple[Pixels, Mask | None]:
        return resample(data, None, window, area.shape, method)

    data, inside = pick(buffers.data)
    if inside is not None:
        _fill_invalid(data, np.logical_not(inside), source.image, request)
    out[...] = data
    validity = buffers._replace(filled=None).validity(source, request.masked)
    if isinstance(validity, KnownValidity):
        picked, _ = pick(validity.pixels[None].view(np.uint8))
        validity = KnownValidity(picked[0].view(np.bool_))
    elif isinstance(validity, ValidityOfPixels) and validity.extra is not None:
        extra, _ = pick(buffers.pixels[count:])
        validity = replace(validity, extra=extra)
    if buffers.filled is not None:
        filled, _ = pick(buffers.filled.view(np.uint8))
        validity = without(validity, filled.view(np.bool_))
    return validity if inside is None else without(validity, np.logical_not(inside))


def _as_window(window: FloatWindow) -> Window | FloatWindow:
    """Return a window of integers where all its numbers are whole."""
    if all(float(v).is_integer() for v in window):
        return Window(*map(int, window))
    return FloatWindow(*(int(v) if float(v).is_integer() else v for v in window))
