"""Bytes that making pixels of the next level takes, about: measured, and rounded up."""

from __future__ import annotations

from tinycog.pixels.overviews.halves import WIDE
from tinycog.pixels.overviews.reducer import Reducer

PLANE_BYTES = {"nearest": (0, 0), "min": (4, 1), "max": (4, 1), "mode": (8, 3), "rms": (58, 0)}
"""Bytes for each pixel of one sample by method, and how many times the bytes of a sample more."""

BY_KERNEL = (40, 0)

MEAN, INTEGER_MEAN, FLOAT_MEAN, SUMS = 55, 31, 20, 9
"""The same of means: weighted ones of any kind, those of integers, of 2 x 2 floats or integers."""


def bytes_of_pixel(reducer: Reducer, samples: int) -> int:
    """Return the bytes for each pixel of a tile, its result included: one sample after the other.

    Args:
        reducer: how the next level is made.
        samples: of each pixel.
    """
    item = reducer.dtype.itemsize
    # what is made, and a copy with what lies beyond the image, or of every second row
    return _plane(reducer) + (item * samples * (5 if any(map(any, reducer.margins)) else 4)) // 4


def _plane(reducer: Reducer) -> int:
    """Return the bytes for each pixel of one sample."""
    item = reducer.dtype.itemsize
    if reducer.method == "average":
        return _mean(reducer)
    fixed, times = PLANE_BYTES.get(reducer.method, BY_KERNEL)
    return fixed + times * item


def _mean(reducer: Reducer) -> int:
    kind, maker = reducer.dtype.kind, reducer.maker
    if reducer.alpha is not None or kind == "c" or (kind == "f" and not maker.is_pairs):
        return MEAN
    if maker.is_gdal or not maker.is_pairs or reducer.dtype.itemsize not in WIDE:
        return INTEGER_MEAN
    return FLOAT_MEAN if kind == "f" else SUMS
