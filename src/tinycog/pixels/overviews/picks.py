"""Single samples of those that count: the nearest, the most frequent, the least, the greatest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.overviews.counting import Bools, Plane

Shape = tuple[int, int]


def _taps(plane: NDArray[Any], shape: Shape, taps: Shape) -> Iterator[NDArray[Any]]:
    """Give the samples (rows, cols) of each tap, row by row."""
    (rows, cols), (down, across) = shape, taps
    for row in range(down):
        for col in range(across):
            yield plane[row : row + 2 * rows - 1 : 2, col : col + 2 * cols - 1 : 2]


def modes(plane: Plane, counts: Bools | None, shape: Shape, taps: Shape) -> tuple[Plane, Bools]:
    """Return the most frequent values, of several the first to get there (gdal.overviews.mode).

    NaN equals NaN. Arguments: samples from the first tap on, which of them count, the shape of the
    result, and the number of taps down and across.

    Returns:
        The values, and where any sample counted; what stands elsewhere is undefined.
    """
    values = [np.ascontiguousarray(tap) for tap in _taps(plane, shape, taps)]
    counting = None
    if counts is not None:
        counting = [np.ascontiguousarray(tap) for tap in _taps(counts, shape, taps)]
    words = np.dtype(f"u{plane.itemsize}")
    out = values[0].copy()
    most = np.ones(shape, np.uint8) if counting is None else counting[0].astype(np.uint8)
    nans = [np.isnan(value) for value in values] if plane.dtype.kind == "f" else None
    for last in range(1, len(values)):
        number = np.ones(shape, np.uint8)
        for i in range(last):
            same = values[i] == values[last]
            if nans is not None:
                same |= nans[i] & nans[last]
            if counting is not None:
                same &= counting[i]
            number += same.view(np.uint8)
        if counting is not None:
            number *= counting[last].view(np.uint8)
        wins = number > most
        np.maximum(most, number, out=most)
        # a choice by bits, which is several times as fast as one by cases
        bits, others = out.view(words), values[last].view(words)
        bits ^= (bits ^ others) & -wins.astype(words)
    return out, most != 0


def extremes(
    plane: Plane, counts: Bools | None, shape: Shape, taps: Shape, *, greatest: bool
) -> tuple[Plane, Bools | None]:
    """Return the least or greatest values; NaN among them, if that counts.

    Arguments and result are those of `modes`.
    """
    function = np.maximum if greatest else np.minimum
    some = None
    if counts is not None:
        plane = np.where(counts, plane, _neutral(plane.dtype, greatest=greatest))
        some = np.zeros(shape, np.bool_)
        for tap in _taps(counts, shape, taps):
            some |= tap
    first, *others = _taps(plane, shape, taps)
    out = first.copy()
    for other in others:
        function(out, other, out=out)
    return out, some


def _neutral(dtype: np.dtype[Any], *, greatest: bool) -> Any:  # noqa: ANN401 - a scalar of it
    """Return the value that no other is beyond."""
    if dtype.kind == "f":
        return dtype.type(-np.inf if greatest else np.inf)
    info = np.iinfo(dtype)
    return dtype.type(info.min if greatest else info.max)
