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
    """Return the most frequent values, of several the one that gets there first, row by row.

    NaN equals NaN. Arguments: samples from the first tap on, which of them count, the shape of the
    result, and the number of taps down and across.

    Returns:
        The values, and where any sample counted; what stands elsewhere is undefined.
    """
    values = [np.ascontiguousarray(tap) for tap in _taps(plane, shape, taps)]
    counting = [True] * len(values) if counts is None else list(_taps(counts, shape, taps))
    is_float = plane.dtype.kind in "fc"
    out = values[0].copy()
    most = np.zeros(shape, np.uint8)
    for last, value in enumerate(values):
        number = np.zeros(shape, np.uint8)
        for i in range(last + 1):
            same = values[i] == value
            if is_float:
                same |= np.isnan(values[i]) & np.isnan(value)
            number += same & counting[i]
        wins = (number > most) & counting[last]
        np.copyto(out, value, where=wins)
        np.copyto(most, number, where=wins)
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
