"""Sums in float64 back to the dtype of the pixels, as GDAL rounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF_EPSILON = 1e-9
"""What a mean of integers may lack to a half by rounding errors."""


def is_small(dtype: np.dtype[Any]) -> bool:
    """Whether float32 holds all integers of the dtype."""
    return dtype.kind in "iu" and dtype.itemsize <= 2  # noqa: PLR2004 - bytes


def settled(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """`rounded`, but that 2.4999999999 is a half which sums and quotients have missed.

    Signed ones go by way of float32 as in GDAL; for unsigned ones GDAL leaves it to chance.
    """
    if not is_small(dtype):
        return rounded(values, dtype)
    return rounded(values.astype(np.float32) if dtype.kind == "i" else values + HALF_EPSILON, dtype)


def rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """To another dtype as GDAL: integers half away from zero, kept in their range."""
    if dtype.kind not in "iu":
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    limits = np.iinfo(dtype)
    whole = np.trunc(values + np.copysign(0.5, values))
    # float(limits.max) may be one too much, so the largest is set apart
    high, low = whole >= float(limits.max), whole <= float(limits.min)
    out = np.where(high | low, 0, whole).astype(dtype)
    out[high], out[low] = limits.max, limits.min
    return out
