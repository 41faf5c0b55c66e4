"""Coordinates to pixels of a grid: windows of bounds, pixels at points, shapes at a pixel size.

No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor, hypot, isfinite
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.affine_math import coefficients, invert
from tinycog.checks import check_bounds, numbers
from tinycog.errors import UsageError
from tinycog.window import SNAP, FloatWindow

MAX_PIXEL = 2.0**62
"""Rows and columns are clipped to this, so that those of distant points fit int64."""


def window_of_bounds(
    bounds: Sequence[float], transform: Iterable[float], *, snapped: bool
) -> FloatWindow:
    """Return the window that bounds (left, bottom, right, top) cover on a transform's grid.

    On a rotated grid, this is the smallest window that contains them. On an unrotated grid whose
    columns go left or rows go up, left > right or bottom > top are accepted, as in its own bounds.
    `snapped` extends the window to all whole pixels that the bounds touch.

    Raises:
        UsageError: they are not four numbers, or upside-down; or the transform has no inverse.
    """
    a, b, _, d, e, _ = coefficients(transform)
    straight = b == d == 0
    left, bottom, right, top = check_bounds(
        bounds, leftwards=straight and a < 0, upwards=straight and e > 0
    )
    inverse = invert(transform)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    pixels = [inverse.apply(x, y) for x, y in corners]
    cols, rows = [col for col, _ in pixels], [row for _, row in pixels]
    col, row, col_stop, row_stop = min(cols), min(rows), max(cols), max(rows)
    if not all(map(isfinite, (col, row, col_stop, row_stop))):
        message = f"the bounds {(left, bottom, right, top)} are too far away"
        raise UsageError(message)
    if snapped:
        col, row = float(floor(col + SNAP)), float(floor(row + SNAP))
        col_stop = max(float(ceil(col_stop - SNAP)), col)
        row_stop = max(float(ceil(row_stop - SNAP)), row)
    return FloatWindow(col, row, col_stop - col, row_stop - row)


def pixels_of(points: NDArray[np.float64], transform: Iterable[float]) -> NDArray[np.int64]:
    """Return the (row, col) of the pixel that each point lies in, which may be outside the image.

    Args:
        points: (n, 2) of x and y. NaN gives row or column -1.
        transform: pixels of the level to (x, y).

    Returns:
        (n, 2) of rows and columns, counted from 0.

    Raises:
        UsageError: the transform has no inverse.
    """
    inverse = invert(transform)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite coordinates are outside
        cols, rows = inverse.apply(points[:, 0], points[:, 1])
    pixels = np.stack([rows, cols], 1)
    pixels = np.floor(np.nan_to_num(pixels, nan=-1.0, posinf=MAX_PIXEL, neginf=-MAX_PIXEL))
    return np.clip(pixels, -MAX_PIXEL, MAX_PIXEL).astype(np.int64)


def shape_for(
    window: FloatWindow,
    transform: Iterable[float],
    res: Any,  # noqa: ANN401 - anything a caller may pass
) -> tuple[int, int]:
    """Return the shape (rows, cols) of a window resampled to another pixel size.

    Args:
        window: in pixels of the transform's grid.
        transform: pixels to (x, y).
        res: pixel size in coordinates, one number or (x, y).

    Raises:
        UsageError: `res` is not a pixel size, or too small.
    """
    try:
        across, down = numbers([res, res] if isinstance(res, Real) else res)
    except (TypeError, ValueError) as exc:
        message = f"res is a pixel size, or one for x and one for y, not {res!r}"
        raise UsageError(message) from exc
    if across <= 0 or down <= 0:
        message = f"res must be more than 0, not {res!r}"
        raise UsageError(message)
    a, b, _, d, e, _ = coefficients(transform)
    _, _, width, height = window
    rows, cols = height * hypot(b, e) / down, width * hypot(a, d) / across
    if not isfinite(rows) or not isfinite(cols):
        message = f"res is too small: {res!r}"
        raise UsageError(message)
    return max(round(rows), 1), max(round(cols), 1)
