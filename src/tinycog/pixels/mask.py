"""Masks of valid pixels, by GDAL's order of precedence (gdal.mask.precedence).

1. The file has a mask for the level: it alone decides.
2. The file has a nodata value: a pixel is valid if any of the bands read differs from it.
3. The file has an alpha band that GDAL treats as a mask: a pixel is valid if its alpha is not 0.
4. All pixels are valid.

Masks inside LERC tiles are ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.tiff.image import Image
from tinycog.tiff.spec import ALPHA

ALPHA_COUNTS = (2, 4)
"""Numbers of bands of images whose alpha band GDAL treats as a mask."""

ALPHA_DTYPES = ("uint8", "uint16")
"""Dtypes of images whose alpha band GDAL treats as a mask."""

FLOAT_TOLERANCE = np.float32(2 * np.finfo(np.float32).eps)
"""Difference of two floats, relative to their sum, below which GDAL considers them equal.

The same for 64 bits.
"""

Mask = NDArray[np.bool_]


def can_have_alpha(image: Image) -> bool:
    """Return whether GDAL would treat an alpha band of the image as a mask.

    It does if there are two or four bands of 8 or 16 bits, the last of them alpha
    (gdal.mask.precedence); any other alpha band is an ordinary band.
    """
    return image.samples in ALPHA_COUNTS and image.dtype.name in ALPHA_DTYPES


def alpha_band(image: Image, colours: Sequence[str] | None = None) -> int | None:
    """Return the alpha band that is a mask, counted from 0; None if there is none.

    `colours` are the bands' colour interpretations (`Metadata.colorinterp`), which metadata may
    have changed; without them the image's ExtraSamples decide.
    """
    if not can_have_alpha(image):
        return None
    kinds = image.extra_samples
    is_alpha = bool(kinds) and kinds[-1] in ALPHA
    if colours is not None:
        is_alpha = list(colours[-1:]) == ["alpha"]
    return image.samples - 1 if is_alpha else None


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
