"""Weighted means in GDAL's arithmetic, to the bit (`like="gdal"`).

GDAL adds columns first, in double precision, with weights that are differences of places; signed
and wider integers are floats in between, and compared with nodata before they are rounded. Of 2 x 2
floats it adds rows first, as many at once as a register holds; one by one those that are left at
the end of a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.overviews.axis import HalvedAxis
from tinycog.pixels.overviews.counting import Bools, Counting, Plane
from tinycog.pixels.overviews.halves import float_means

EPSILON = 1e-8
"""Pixels of overlap that GDAL ignores."""

REGISTER_BYTES = 16
"""Bytes of means that GDAL makes at once."""

Floats = NDArray[np.float64]


def gdal_weights(axis: HalvedAxis, start: int, stop: int) -> Floats:
    """Return (taps, stop - start): the parts covered, in pixels; 0 outside of the image."""
    ratio = axis.size / axis.count
    place = np.arange(start, stop)
    begin, end = place * ratio, (place + 1) * ratio
    low = (begin + EPSILON).astype(np.int64)
    high = np.minimum(np.ceil(end - EPSILON).astype(np.int64), axis.size)
    out = np.zeros((axis.taps, stop - start))
    tap = 2 * place + axis.first
    for i in range(axis.taps):
        inside = (tap + i >= low) & (tap + i < high)
        out[i, inside] = 1.0
        is_last = tap + i == high - 1
        out[i, is_last] = (1 - (high - end))[is_last]
        is_first = tap + i == low
        first = np.where(high == low + 1, 1.0, 1 - (begin - low))
        out[i, is_first] = first[is_first]
    return out


def gdal_means(
    plane: Plane,
    counts: Bools | None,
    axes: tuple[HalvedAxis, HalvedAxis],
    block: tuple[int, int, int, int],
    counting: Counting,
) -> tuple[Plane, Bools | None]:
    """Return weighted means, and where any sample counted.

    Args:
        plane: (2 n + taps - 2, 2 m + taps - 2).
        counts: of the same shape, which samples count; None: there is no mask at all.
        axes: of the rows and the columns.
        block: (row, col, row_stop, col_stop) of the means, n x m.
        counting: what means must not be.
    """
    weights = gdal_weights(axes[0], block[0], block[2]), gdal_weights(axes[1], block[1], block[3])
    dtype = plane.dtype
    is_small = dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}
    single = (np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.float32))
    work = np.dtype(np.float32 if dtype in single else np.float64)
    some = None
    if counts is None and not is_small and all(axis.is_pairs for axis in axes):
        whole = axes[1].count - axes[1].count % (REGISTER_BYTES // work.itemsize)
        means = _pairs(plane.astype(work, copy=False), max(whole - block[1], 0))
    elif counts is None:
        means = _all(plane.astype(np.float64), *weights, scales=not is_small)
    else:
        means, some = _some(plane.astype(np.float64), counts, *weights)
    means = (means + 0.5).astype(dtype) if is_small else means.astype(work)
    if not is_small:
        # of all NaN one: which one a sum gives depends on how the processor adds
        np.copyto(means, np.nan, where=np.isnan(means))
    if counting.has_nodata:
        np.copyto(means, counting.moved, where=means == work.type(counting.fill))
    return _converted(means, dtype), some


def _pairs(plane: Plane, whole: int) -> Plane:
    """Return the means of each 2 x 2 floats; of columns from `whole` on, added one by one."""
    means = float_means(plane)
    if means.shape[1] > whole:
        last = plane[:, 2 * whole :] * plane.dtype.type(0.25)
        upper, lower = last[0::2], last[1::2]
        means[:, whole:] = upper[:, 0::2] + upper[:, 1::2] + lower[:, 0::2] + lower[:, 1::2]
    return means


def _all(plane: Floats, down: Floats, across: Floats, *, scales: bool) -> Floats:
    number = (down != 0).sum(axis=0)[:, None] * (across != 0).sum(axis=0)
    inverse = 1.0 / number if scales else None
    total = np.zeros(number.shape)
    for row, weight in enumerate(down[:, :, None]):
        line = np.zeros(number.shape)
        for col, share in enumerate(across):
            value = plane[row : row + 2 * len(weight) - 1 : 2, col : col + 2 * len(share) - 1 : 2]
            value = value if inverse is None else value * inverse
            line += np.where(share != 0, value * share, 0)
        total += np.where(weight != 0, line * weight, 0)
    parts = _full(down)[:, None] * _full(across)
    return number * (total / parts) if scales else total / parts


def _some(plane: Floats, counts: Bools, down: Floats, across: Floats) -> tuple[Floats, Bools]:
    total, parts = np.zeros((2, down.shape[1], across.shape[1]))
    some = np.zeros(total.shape, np.bool_)
    for row, weight in enumerate(down[:, :, None]):
        line, part = np.zeros((2, *total.shape))
        for col, share in enumerate(across):
            at = np.s_[row : row + 2 * len(weight) - 1 : 2, col : col + 2 * len(share) - 1 : 2]
            counted = counts[at] & (share != 0)
            line += np.where(counted, plane[at] * share, 0)
            part += np.where(counted, share, 0)
            some |= counted & (weight != 0)
        total += np.where(weight != 0, line * weight, 0)
        parts += part * weight
    return total / np.where(some, parts, 1), some


def _full(weights: Floats) -> NDArray[Any]:
    """Add weights in GDAL's order: the first, the whole ones, the last."""
    # what is 0 is outside of the image, and adds nothing
    out: NDArray[Any] = np.add.reduce(weights, axis=0)
    return out


def _converted(means: NDArray[Any], dtype: np.dtype[Any]) -> Plane:
    """Convert to the dtype of the file: integers half away from zero, clipped; NaN is 0."""
    if means.dtype == dtype or dtype.kind == "f":
        return means.astype(dtype, copy=False)
    info = np.iinfo(dtype)
    whole = np.trunc(means + np.copysign(means.dtype.type(0.5), means))
    high, low = whole >= float(info.max), whole <= float(info.min)
    out = np.where(high | low | np.isnan(whole), 0, whole).astype(dtype)
    out[high], out[low] = info.max, info.min
    return out
