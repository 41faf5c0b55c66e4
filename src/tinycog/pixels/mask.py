"""Masks of valid pixels, by GDAL's order of precedence (gdal.mask.precedence).

1. The file has a mask image for level 0: masks alone decide, for all bands alike.
2. GDAL's metadata item NODATA_VALUES holds a value for each band: a pixel is valid, in all bands,
   unless every band equals its value.
3. The file has a nodata value: a sample is valid if it differs from it.
4. The file has an alpha band that GDAL treats as a mask: a pixel is valid if its alpha is not 0.
   The alpha band itself is valid everywhere.
5. All pixels are valid.

The dataset's mask, (rows, cols), is True where any band read is valid; the bands' masks are
(bands, rows, cols). Masks inside LERC tiles are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.tiff.c_number import leading_number

NODATA_VALUES = "NODATA_VALUES"
"""GDAL's metadata item of one value for each band, which together mark a pixel as invalid."""

RGBA = 4
"""Number of bands of colours with alpha."""

ALPHA_COUNTS = (2, RGBA)
"""Numbers of bands of images whose alpha band GDAL treats as a mask."""

ALPHA_DTYPES = ("uint8", "uint16")
"""Dtypes of images whose alpha band GDAL treats as a mask."""

FLOAT_TOLERANCE = np.float32(2 * np.finfo(np.float32).eps)
"""Difference of two floats, relative to their sum, below which GDAL considers them equal.

The same for 64 bits.
"""

Mask = NDArray[np.bool_]


class MaskFacts(NamedTuple):
    """What a file says about which of its samples are valid, beside mask images.

    Attributes:
        nodata_values: one value for each band, by NODATA_VALUES; None without them.
        nodata: the nodata value, None without one.
        alpha: the alpha band that says which pixels are valid, counted from 0; None without one.
            With `nodata` its samples say so by that value.
    """

    nodata_values: tuple[float, ...] | None = None
    nodata: int | float | None = None
    alpha: int | None = None

    @property
    def needed(self) -> Sequence[int]:
        """Return the bands that decide for all others, counted from 0."""
        if self.nodata_values is not None:
            return range(len(self.nodata_values))
        return () if self.alpha is None else (self.alpha,)


def band_masks(facts: MaskFacts, data: NDArray[Any], bands: Sequence[int], count: int) -> Mask:
    """Return (count, rows, cols), True where a sample is valid (gdal.mask.precedence).

    Args:
        facts: what decides.
        data: (bands, rows, cols); `facts.needed` are among its bands.
        bands: which bands of the file those are, counted from 0.
        count: the number of bands whose masks are returned, the first ones.
    """
    if facts.nodata_values is None and facts.nodata is not None:
        return differs(data[:count], facts.nodata)
    shape = (count, *data.shape[1:])
    masks = np.broadcast_to(pixel_mask(facts, data, bands, count), shape)
    if facts.nodata_values is None and facts.alpha is not None and facts.alpha in bands[:count]:
        masks = masks.copy()
        masks[list(bands).index(facts.alpha)] = True
    return masks


def pixel_mask(facts: MaskFacts, data: NDArray[Any], bands: Sequence[int], count: int) -> Mask:
    """Return (rows, cols), True where a pixel is valid; arguments are those of `band_masks`."""
    places = {band: i for i, band in enumerate(bands)}
    if facts.nodata_values is not None:
        samples = (data[places[band]] for band in facts.needed)
        return np.logical_or.reduce(list(map(_differs_from, samples, facts.nodata_values)))
    if facts.alpha is not None:
        alpha = data[places[facts.alpha]]
        return np.not_equal(alpha, 0) if facts.nodata is None else differs(alpha, facts.nodata)
    if facts.nodata is not None:
        return nodata_mask(data[:count], facts.nodata)
    return np.broadcast_to(np.True_, data.shape[1:])


def _differs_from(samples: NDArray[Any], value: float) -> Mask:
    """Return True where a sample is not a value of NODATA_VALUES (gdal.nodata.values)."""
    samples = np.real(samples)
    if samples.dtype.kind not in "iu":
        same = np.isnan(samples) if np.isnan(value) else samples == samples.dtype.type(value)
        return np.logical_not(same)
    info = np.iinfo(samples.dtype)
    if not np.isfinite(value) or not info.min <= int(value) <= info.max:
        return np.broadcast_to(np.True_, samples.shape)
    return np.not_equal(samples, int(value))


def opaque(dtype: np.dtype[Any], bits: int | None = None) -> int:
    """Return the alpha of an opaque pixel.

    Args:
        dtype: of the samples, unsigned integers.
        bits: of a sample, where they are fewer than those of the dtype.
    """
    return int(np.iinfo(dtype).max) if bits is None else (1 << bits) - 1


def can_have_alpha(bands: int, dtype: np.dtype[Any]) -> bool:
    """Return whether GDAL would treat an alpha band of an image as a mask.

    It does if there are two or four bands of 8 or 16 bits, the last of them alpha
    (gdal.mask.precedence); any other alpha band is an ordinary band.
    """
    return bands in ALPHA_COUNTS and dtype.name in ALPHA_DTYPES


def mask_facts_of(
    bands: int,
    dtype: np.dtype[Any],
    nodata: float | None,
    values: str | None,
    colours: Callable[[], Sequence[str]],
) -> MaskFacts:
    """Return what readers take for a word on which samples are valid (gdal.mask.precedence).

    Args:
        bands: number of bands.
        dtype: of the samples.
        nodata: value of samples that hold none, None without one.
        values: the item NODATA_VALUES, None without it.
        colours: returns the colour interpretation of each band; asked only where it matters.
    """
    numbers = nodata_values(values, bands)
    if numbers is not None:
        return MaskFacts(nodata_values=numbers)
    return MaskFacts(nodata=nodata, alpha=_alpha(bands, dtype, nodata, colours))


def _alpha(
    bands: int,
    dtype: np.dtype[Any],
    nodata: float | None,
    colours: Callable[[], Sequence[str]],
) -> int | None:
    """Return the alpha band that says which pixels are valid, None if none does."""
    may_have = bands == RGBA if nodata is not None else can_have_alpha(bands, dtype)
    names = colours() if may_have else ()
    if not names or names[-1] != "alpha":
        return None
    # in the shadow of nodata as in rasterio, unless nodata is what is opaque
    top = float(np.iinfo(dtype.name).max) if dtype.kind in "iu" else 1.0
    is_hidden = nodata is not None and (names[0] != "red" or nodata == top)
    return None if is_hidden else bands - 1


def nodata_values(text: str | None, bands: int) -> tuple[float, ...] | None:
    """Return the values of NODATA_VALUES; None unless there is one for each band, as in GDAL."""
    values = () if text is None else text.split()
    if len(values) != bands:
        return None
    return tuple(float(leading_number(value) or 0) for value in values)


def nodata_mask(data: NDArray[Any], nodata: float) -> Mask:
    """Return (rows, cols), True where any band of (bands, rows, cols) differs from nodata."""
    return np.logical_or.reduce(differs(data, nodata), axis=0)


def differs(data: NDArray[Any], nodata: float) -> Mask:
    """Return True where a sample is not nodata, as GDAL compares them (gdal.mask.precedence).

    NaN equals NaN, complex numbers are compared by real part, floats up to rounding.
    """
    data = np.real(data)
    if data.dtype.kind != "f":
        return np.not_equal(data, np.array(nodata).astype(data.dtype))
    if np.isnan(nodata):
        return np.logical_not(np.isnan(data))
    data = data.astype(np.float32) if data.dtype.itemsize < FLOAT_TOLERANCE.itemsize else data
    value = data.dtype.type(nodata)
    with np.errstate(over="ignore", invalid="ignore"):
        is_near = np.abs(data - value) < np.abs(data + value) * FLOAT_TOLERANCE
    return np.logical_not(is_near | (data == value))


def stored_mask(samples: NDArray[Any], *, spent: bool = False) -> Mask:
    """Convert a mask image's samples (1, rows, cols) to a mask: what is not 0 is valid.

    With `spent`, the samples are no longer needed, and 8-bit ones are overwritten by the mask.
    """
    own = samples[0].view(np.bool_) if spent and samples.dtype.itemsize == 1 else None
    return np.not_equal(samples[0], 0, out=own)
