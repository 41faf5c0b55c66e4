"""Which pixels are valid: one rule of precedence, GDAL's (gdal.mask.precedence).

1. The file holds a mask for the level: what it says, alone.
2. The file has a nodata value: a pixel is valid if any of the bands read differs from it.
3. The file has an alpha band: a pixel is valid if its alpha is not 0.
4. All pixels are valid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.image import Image

ALPHA = (1, 2)
"""ExtraSamples of associated and of unassociated alpha."""

Mask = NDArray[np.bool_]


def alpha_band(image: Image) -> int | None:
    """The first alpha band, counted from 0; None if there is none (tiff.image.extra-samples)."""
    first = image.samples - len(image.extra_samples)
    alphas = [first + i for i, kind in enumerate(image.extra_samples) if kind in ALPHA]
    return alphas[0] if alphas and alphas[0] >= 0 else None


def nodata_mask(data: NDArray[Any], nodata: float) -> Mask:
    """True where any band, of (bands, rows, cols), differs from nodata; NaN equals NaN."""
    value = np.array(nodata).astype(data.dtype)
    differs = ~np.isnan(data) if np.isnan(nodata) else data != value
    return differs.any(axis=0)


def stored_mask(samples: NDArray[Any]) -> Mask:
    """The mask that a mask image's samples (1, rows, cols) say: what is not 0 is valid."""
    return samples[0] != 0
