"""Convert float64 sums to the dtype of the pixels, rounding as GDAL does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF_EPSILON = 1e-9
"""Rounding error by which a mean of integers may fall short of a half."""


def is_small(dtype: np.dtype[Any]) -> bool:
    """Return whether float32 represents all integers of the dtype."""
    return dtype.kind in "iu" and dtype.itemsize <= 2  # noqa: PLR2004 - bytes


def settled(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Round as `rounded`, but treat 2.4999999999 as a half that sums and quotients missed.

    Signed integers go by way of float32 as in GDAL; for unsigned ones GDAL leaves it to chance.
    """
    if not is_small(dtype):
        return rounded(values, dtype)
    return rounded(values.astype(np.float32) if dtype.kind == "i" else values + HALF_EPSILON, dtype)


def rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert to another dtype as GDAL: integers half away from zero, clipped to their range."""
    if dtype.kind not in "iu":
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    limits = np.iinfo(dtype)
    whole = np.trunc(values + np.copysign(0.5, values))
    # float(limits.max) may be one too much, so the extremes are set apart
    high, low = whole >= float(limits.max), whole <= float(limits.min)
    out = np.where(high | low, 0, whole).astype(dtype)
    out[high], out[low] = limits.max, limits.min
    return out


def clip_to_bits(values: NDArray[Any], bits: int) -> None:
    """Clip unsigned samples, in place, to what their bits hold (gdal.resample.bits).

    Args:
        values: of any dtype.
        bits: of a stored sample, where they may be fewer than those of the dtype.
    """
    if values.dtype.kind == "u" and bits < 8 * values.itemsize:
        np.minimum(values, (1 << bits) - 1, out=values)
