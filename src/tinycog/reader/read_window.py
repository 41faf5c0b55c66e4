"""Read windows of a level, at any shape, with their masks: `Cog.read`.

`arguments` says what is read, `window_buffers` what is fetched for it; here its pixels are fetched,
resampled and masked. `read_points` and `read_web_tile` read through it, so that one place says
which pixels are valid (gdal.mask.precedence).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinycog.errors import Finding
from tinycog.geo.lazy import LevelPlacement
from tinycog.pixels.account import Loss, Losses
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.colouring import Colouring
from tinycog.pixels.mask import Mask
from tinycog.pixels.validity import KnownValidity, Validity, ValidityOfPixels, settled
from tinycog.raster import Raster
from tinycog.reader.level_source import LevelSource
from tinycog.reader.pixel_file import WindowReader
from tinycog.reader.validity import (
    NOT_ASKED,
    without,
)
from tinycog.reader.window_buffers import (
    WindowBuffers,
    WindowRequest,
    check_limits,
    is_whole,
    make_buffers,
    no_memory,
)
from tinycog.thread_pool import run_for_samples, run_in_pool
from tinycog.tiff.image import Image
from tinycog.window import Area, FloatWindow, Window, as_window, reaches_out


async def read_area(reader: WindowReader, source: LevelSource, request: WindowRequest) -> Raster:
    """Read an area; see `Cog.read`."""
    area = request.area
    check_limits(reader.limits, source, request, reader.file_size)
    empty = make_buffers(source, request)
    (buffers,), flat = await reader.fill(source, area.z, [empty], request.errors)
    as_is = is_whole(area, buffers.window)
    if as_is and not (request.masked and buffers.mask is None):
        data, validity = _as_fetched(source, buffers, request)
    else:
        try:
            make = _settled if as_is else _resampled
            size = buffers.pixels.size
            data, validity = await run_for_samples(size, make, source, buffers, request)
        except MemoryError as exc:
            raise no_memory(request) from exc
    losses = _losses(source, buffers, request)
    if request.asked is not None:
        validity, losses = await run_in_pool(
            _limited, source.image, request, data, validity, losses
        )
    return _raster(source, request, data, validity, flat, losses)


def _raster(
    source: LevelSource,
    request: WindowRequest,
    data: Pixels,
    validity: Validity,
    findings: tuple[Finding, ...],
    losses: Losses | None,
) -> Raster:
    area = request.area
    window = as_window(area.window)
    place = LevelPlacement(source.georeference, source.image.size, area.window)
    colormap = source.georeference.colormap(source.image) if request.bands[0] == 0 else None
    nodata, colouring = source.image.nodata, Colouring.of(source.image, request.bands)
    return Raster(
        data, area.z, window, nodata, findings, validity, place, colormap, colouring, losses
    )


def _limited(
    image: Image,
    request: WindowRequest,
    data: Pixels,
    validity: Validity,
    losses: Losses | None,
) -> tuple[Validity, Losses]:
    """Fill the pixels of a result that were not asked for; they are invalid, and outside."""
    assert request.asked is not None  # noqa: S101 - the caller's
    rest = np.logical_not(request.asked)
    fill = image.fill_value if request.fill_value is None else request.fill_value
    np.copyto(data, fill, where=rest, casting="unsafe")
    lost = np.zeros(rest.shape, np.uint8) if losses is None else losses
    lost[rest] = Loss.OUTSIDE
    return without(validity, rest), lost


def _losses(source: LevelSource, buffers: WindowBuffers, request: WindowRequest) -> Losses | None:
    """Return why pixels of a result hold no sample of a file; None where all do."""
    area, size = request.area, source.image.size
    is_out = reaches_out(area.window, size)
    if not is_out and buffers.gap is None and buffers.filled is None:
        return None
    lost = np.zeros((buffers.window.height, buffers.window.width), np.uint8)
    if buffers.gap is not None:
        lost[buffers.gap] = Loss.GAP
    if buffers.filled is not None:
        lost[buffers.filled.any(axis=0)] = Loss.FAILED
    if is_whole(area, buffers.window):
        return lost
    if not lost.size:
        return np.full(area.shape, Loss.OUTSIDE, np.uint8)
    from tinycog.pixels.resample.resample import resample  # noqa: PLC0415 - other shapes only

    picked, _ = resample(lost[None], None, _relative(area, buffers.window), area.shape, "nearest")
    found = picked[0]
    if is_out:
        found[_outside(area, size)] = Loss.OUTSIDE
    return found


def _outside(area: Area, size: tuple[int, int]) -> Mask:
    """Return where the centres of pixels of a result lie outside of a level, (rows, cols)."""
    (col, row, width, height), (rows, cols) = area.window, area.shape
    ys = row + (np.arange(rows) + 0.5) * (height / rows)
    xs = col + (np.arange(cols) + 0.5) * (width / cols)
    is_inside = [(v >= 0) & (v < length) for v, length in ((ys, size[1]), (xs, size[0]))]
    return np.logical_not(is_inside[0][:, None] & is_inside[1])


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
    from tinycog.pixels.resample.rounding import clip_to_bits  # noqa: PLC0415 - the same

    area = request.area
    window = _relative(area, buffers.window)
    every = np.broadcast_to(np.True_, area.shape)
    pixels: list[Mask] = []
    groups = band_groups(buffers.validity(source, masked=None), buffers.data)
    bands = np.empty(out.shape, np.bool_) if len(groups) > 1 else None
    for group in groups:
        data = buffers.data[group.bands] if len(groups) > 1 else buffers.data
        data, mask = resample(data, group.valid, window, area.shape, request.method)
        clip_to_bits(data, source.image.bits)
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
    outside = _outside(request.area, image.size)
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
        masks = [validity.pixels[None], *(() if validity.bands is None else (validity.bands,))]
        picked = [pick(mask.view(np.uint8))[0].view(np.bool_) for mask in masks]
        validity = KnownValidity(picked[0][0], picked[1] if len(picked) > 1 else None)
    elif isinstance(validity, ValidityOfPixels) and validity.extra is not None:
        extra, _ = pick(buffers.pixels[count:])
        validity = validity.with_extra(extra)
    if buffers.filled is not None:
        filled, _ = pick(buffers.filled.view(np.uint8))
        validity = without(validity, filled.view(np.bool_))
    return validity if inside is None else without(validity, np.logical_not(inside))
