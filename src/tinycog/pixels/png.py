"""Encode PNG: samples as they are, or stretched to 8 bits for viewing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.pixels.colouring import BYTE_BITS, Colouring
from tinycog.pixels.to_rgb import CONVERSIONS, palette_table, to_rgb
from tinycog.tiff.spec import Photometric

PERCENTILES = (2, 98)
"""Percentiles of a band's valid pixels that become black and white by default."""

PERCENTILE_SAMPLE = 1 << 20
"""Approximate number of a band's pixels from which percentiles are computed."""

RGB_BANDS = 3
"""Number of bands of a colour picture, without alpha."""

RAW_BANDS = (1, 2, 3, 4)
"""Numbers of bands that PNG can hold: grey, grey and alpha, RGB, RGB and alpha."""

WITH_ALPHA = (2, 4)
"""Numbers of bands of which the last is alpha."""

PNG_OVERHEAD = 1 << 12
"""Most bytes of a PNG besides its pixels."""

StretchLimits = float | Sequence[float] | None


def to_png(
    data: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    *,
    vmin: StretchLimits = None,
    vmax: StretchLimits = None,
    colormap: NDArray[np.uint16] | None = None,
    colouring: Colouring | None = None,
) -> bytes:
    """Encode an 8-bit PNG for viewing: grey or RGB, with alpha if a pixel is not valid.

    Bands whose `colouring` is known are shown in their colours, alpha among them; samples of fewer
    than 8 bits in their full range (tiff.colour.picture). What follows is for others, and for gray
    and RGB of more bits, of which MinIsWhite is inverted.

    Of more than three bands the first three are shown, of two the first. uint8 is shown as it is;
    other dtypes, and uint8 if a limit is given, are stretched band by band from `vmin` (black) to
    `vmax` (white), by default the 2nd and 98th percentile of the valid pixels. A constant band
    becomes mid grey. NaN is not valid, infinite values are black or white, complex numbers are
    shown by magnitude.

    Args:
        data: (bands, rows, cols).
        mask: (rows, cols), True = valid, or None: all valid.
        vmin: one number for all bands, or one for each band shown.
        vmax: the same.
        colormap: (entries, 3 or 4) of uint16, 65535 = full, or 255 if none is more: colours of the
            first band's indices.
        colouring: what the bands stand for, if that is known.

    Raises:
        UsageError: shapes do not fit, or there are no pixels.
    """
    picture = to_picture(data, mask, vmin=vmin, vmax=vmax, colormap=colormap, colouring=colouring)
    return _encode(picture)


def to_picture(
    data: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    *,
    vmin: StretchLimits = None,
    vmax: StretchLimits = None,
    colormap: NDArray[np.uint16] | None = None,
    colouring: Colouring | None = None,
) -> NDArray[np.uint8]:
    """Return what `to_png` encodes: (rows, cols) of grey, or (rows, cols, 2 to 4).

    Of two samples the second is alpha, of three or four the first are red, green and blue.
    """
    with np.errstate(all="ignore"):  # infinite and signalling values are valid data
        return _to_uint8(data, mask, vmin, vmax, colormap, colouring)


def to_rgba(
    data: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    *,
    vmin: StretchLimits = None,
    vmax: StretchLimits = None,
    colormap: NDArray[np.uint16] | None = None,
    colouring: Colouring | None = None,
) -> NDArray[np.uint8]:
    """Return the picture of `to_png` as (rows, cols, 4): red, green, blue, alpha.

    Raises:
        UsageError: as for `to_png`.
    """
    shown = to_picture(data, mask, vmin=vmin, vmax=vmax, colormap=colormap, colouring=colouring)
    shown = shown.reshape(*shown.shape[:2], -1)
    out = np.full((*shown.shape[:2], 4), 255, np.uint8)
    count = shown.shape[-1]
    out[..., :3] = shown[..., :3] if count >= RGB_BANDS else shown[..., :1]
    if count in WITH_ALPHA:
        out[..., 3] = shown[..., -1]
    return out


def raw_png(data: NDArray[Any]) -> bytes:
    """Encode samples as they are, (bands, rows, cols).

    Raises:
        UsageError: PNG cannot hold them: it takes 1 to 4 bands of uint8 or uint16.
    """
    if data.dtype.name not in ("uint8", "uint16") or data.shape[0] not in RAW_BANDS:
        message = (
            f"PNG holds 1 to 4 bands of uint8 or uint16, not {data.shape[0]} of {data.dtype};"
            " write .npy"
        )
        raise UsageError(message)
    # a copy has strides of its own: a view of one pixel only counts as contiguous
    return _encode((data.transpose(1, 2, 0) if len(data) > 1 else data[0]).copy(order="C"))


def _encode(pixels: NDArray[Any]) -> bytes:
    """Encode a contiguous array of (rows, cols), or (rows, cols, 2 to 4)."""
    import imagecodecs  # noqa: PLC0415 - heavy

    # imagecodecs' own guess of the size forgets the filter byte of each row
    size = pixels.nbytes + len(pixels)
    return bytes(imagecodecs.png_encode(pixels, out=size + size // 64 + PNG_OVERHEAD))


def _to_uint8(
    data: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    vmin: StretchLimits,
    vmax: StretchLimits,
    colormap: NDArray[np.uint16] | None,
    colouring: Colouring | None,
) -> NDArray[np.uint8]:
    """Return (rows, cols) of grey, or (rows, cols, n): grey and alpha, RGB, RGB and alpha."""
    _check(data, mask)
    if colouring is not None and vmin is None and vmax is None and _has_colours(data, colouring):
        shown = np.moveaxis(to_rgb(colouring, data), 0, -1)
        if colouring.is_gray:
            shown = shown[..., 2:]  # of three equal ones, and alpha
        valid = np.ones(data.shape[1:], np.bool_) if mask is None else mask
        return _flat(shown) if valid.all() else _with_alpha(shown, valid)
    count = 1 if colormap is not None or len(data) < RGB_BANDS else RGB_BANDS
    bands = data[:count]
    valid = np.ones(data.shape[1:], np.bool_) if mask is None else mask
    if bands.dtype.kind in "fc":
        valid = valid & ~np.isnan(bands).any(axis=0)
    if colormap is not None:
        shown = _painted(bands[0], valid, colormap)
    elif bands.dtype == np.uint8 and vmin is None and vmax is None:
        shown = np.moveaxis(bands, 0, -1)
    else:
        low, high = _limits(vmin, count, "vmin"), _limits(vmax, count, "vmax")
        stretched = [
            stretch(band, valid, *ends) for band, *ends in zip(bands, low, high, strict=True)
        ]
        shown = np.stack(stretched, axis=-1)
        if colouring is not None and colouring.is_inverted:
            shown = 255 - shown
    return _flat(shown) if valid.all() else _with_alpha(shown, valid)


def _has_colours(data: NDArray[Any], colouring: Colouring) -> bool:
    """Return whether the bands are shown in their colours, not stretched."""
    _, count = CONVERSIONS.get(colouring.photometric, (None, len(data) + 1))
    is_stretched = colouring.bits > BYTE_BITS and (
        colouring.is_gray or colouring.photometric in (Photometric.RGB, Photometric.YCBCR)
    )
    is_known = colouring.ink_set == 1 and colouring.photometric != Photometric.PALETTE
    return data.dtype.kind == "u" and len(data) >= count and is_known and not is_stretched


def _flat(shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a contiguous array, (rows, cols) of one band."""
    # a copy has strides of its own: a view of one pixel only counts as contiguous
    return (shown[..., 0] if shown.shape[-1] == 1 else shown).copy(order="C")


def _with_alpha(shown: NDArray[np.uint8], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Add a band of alpha, or clear the existing one; pixels that are not valid become 0."""
    if shown.shape[-1] in WITH_ALPHA:
        return np.where(valid[..., None], shown, 0).astype(np.uint8, order="C")
    out = np.zeros((*valid.shape, shown.shape[-1] + 1), np.uint8)
    out[..., :-1] = np.where(valid[..., None], shown, 0)
    out[..., -1] = np.where(valid, 255, 0)
    return out


def stretch(
    band: NDArray[Any], valid: NDArray[np.bool_], low: float | None, high: float | None
) -> NDArray[np.uint8]:
    """Stretch `low` to `high` to 0 to 255; percentiles replace a missing end."""
    values = (np.abs(band) if band.dtype.kind == "c" else band).astype(np.float64)
    if low is None or high is None:
        found = _percentiles(values, valid)
        low, high = found[0] if low is None else low, found[1] if high is None else high
    if low == high:
        # no contrast: grey, except below and above
        return np.where(values == low, 128, np.where(values > low, 255, 0)).astype(np.uint8)
    # halves: the difference of the ends may overflow float64
    with np.errstate(invalid="ignore", over="ignore"):
        part = (values / 2 - low / 2) / (high / 2 - low / 2)
    return np.floor(np.clip(np.nan_to_num(part), 0, 1) * 255 + 0.5).astype(np.uint8)


def _percentiles(values: NDArray[np.float64], valid: NDArray[np.bool_]) -> tuple[float, float]:
    """Return percentiles of the valid finite pixels, or of a sample; 0 and 0 if there are none."""
    known = values[valid & np.isfinite(values)]
    if not known.size:
        return 0.0, 0.0
    step = -(-known.size // PERCENTILE_SAMPLE)
    low, high = np.percentile(known[::step], PERCENTILES)
    if low == high:
        # make rare values on a constant background visible
        low, high = known.min(), known.max()
    return float(low), float(high)


def _painted(
    band: NDArray[Any], valid: NDArray[np.bool_], colormap: NDArray[np.uint16]
) -> NDArray[np.uint8]:
    """Look up a palette's colours; indices beyond its end become black."""
    if colormap.ndim != 2 or colormap.shape[1] not in (RGB_BANDS, RGB_BANDS + 1):  # noqa: PLR2004 - a table
        message = f"the colormap's shape is {colormap.shape}, expected (entries, 3 or 4)"
        raise UsageError(message)
    if band.dtype.kind not in "iub":
        message = f"a colormap needs integers, not {band.dtype}"
        raise UsageError(message)
    known = valid & (band >= 0) & (band < len(colormap))
    colours = palette_table(colormap)
    out = colours[np.where(known, band, 0).astype(np.intp)] if len(colours) else None
    if out is None:
        return np.zeros((*band.shape, RGB_BANDS), np.uint8)
    out[~known, :RGB_BANDS] = 0
    return out


def _limits(given: StretchLimits, count: int, name: str) -> list[float | None]:
    """Return one limit for each band shown."""
    if given is None:
        return [None] * count
    values: list[float | None] = [float(value) for value in np.atleast_1d(np.asarray(given))]
    if np.ndim(given) == 0:
        values = values * count
    if len(values) != count:
        message = f"{name} has {len(values)} values, expected one, or {count}: one for each band"
        raise UsageError(message)
    return values


def _check(data: NDArray[Any], mask: NDArray[np.bool_] | None) -> None:
    if data.ndim != 3 or not data.size:  # noqa: PLR2004 - (bands, rows, cols)
        message = f"data has shape {data.shape}, expected (bands, rows, cols), none of them 0"
        raise UsageError(message)
    if mask is not None and mask.shape != data.shape[1:]:
        message = f"the mask's shape is {mask.shape}, expected {data.shape[1:]} as of the data"
        raise UsageError(message)
