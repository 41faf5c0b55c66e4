"""Which pixels are valid: one rule of precedence, GDAL's (gdal.mask.precedence).

1. The file holds a mask for the level: what it says, alone.
2. The file has a nodata value: a pixel is valid if any of the bands read differs from it.
3. The file has an alpha band that GDAL takes for a mask: a pixel is valid if its alpha is not 0.
4. All pixels are valid.

The masks inside of LERC tiles are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.tiff.image import Image
from tinycog.tiff.spec import ALPHA

ALPHA_COUNTS = (2, 4)

ALPHA_DTYPES = ("uint8", "uint16")
"""Of which images GDAL takes the last band for a mask, if it is alpha."""

ROUNDING = np.float32(2 * np.finfo(np.float32).eps)
"""Times the sum of two floats: how far apart GDAL takes them for equal, be they of 64 bits."""

Mask = NDArray[np.bool_]


def can_have_alpha(image: Image) -> bool:
    """Whether GDAL would take an alpha band of it for a mask, if there is one.

    It does so for two or four bands of 8 or 16 bits, the last of them alpha
    (gdal.mask.precedence); other alpha bands are bands like others.
    """
    return image.samples in ALPHA_COUNTS and image.dtype.name in ALPHA_DTYPES


def alpha_band(image: Image, colours: Sequence[str] | None = None) -> int | None:
    """The alpha band that is a mask, counted from 0; None if there is none.

    `colours` are the colour interpretations of the file's bands (`Metadata.colorinterp`), which
    metadata may have changed; without them ExtraSamples of the image decides.
    """
    if not can_have_alpha(image):
        return None
    kinds = image.extra_samples
    is_alpha = bool(kinds) and kinds[-1] in ALPHA
    if colours is not None:
        is_alpha = list(colours[-1:]) == ["alpha"]
    return image.samples - 1 if is_alpha else None


def nodata_mask(data: NDArray[Any], nodata: float) -> Mask:
    """True where any band, of (bands, rows, cols), differs from nodata."""
    return np.logical_or.reduce(differs(data, nodata), axis=0)


def differs(data: NDArray[Any], nodata: float) -> Mask:
    """True where a sample is not nodata, as GDAL compares them (gdal.mask.precedence).

    NaN equals NaN, of complex numbers the real part counts, floats are equal up to rounding.
    """
    data = np.real(data)
    if data.dtype.kind != "f":
        return np.not_equal(data, np.array(nodata).astype(data.dtype))
    if np.isnan(nodata):
        return np.logical_not(np.isnan(data))
    data = data.astype(np.float32) if data.dtype.itemsize < ROUNDING.itemsize else data
    value = data.dtype.type(nodata)
    with np.errstate(over="ignore", invalid="ignore"):
        is_near = np.abs(data - value) < np.abs(data + value) * ROUNDING
    return np.logical_not(is_near | (data == value))


def stored_mask(samples: NDArray[Any], *, spent: bool = False) -> Mask:
    """The mask that a mask image's samples (1, rows, cols) say: what is not 0 is valid.

    `spent` samples nobody needs any more: the mask takes their memory, if it fits.
    """
    own = samples[0].view(np.bool_) if spent and samples.dtype.itemsize == 1 else None
    return np.not_equal(samples[0], 0, out=own)
