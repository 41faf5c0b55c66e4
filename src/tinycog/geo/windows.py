"""Coordinates to pixels of a grid, and back: windows of bounds, shapes at a pixel size.

No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, hypot, isfinite
from numbers import Real
from typing import Any

from affine import Affine

from tinycog.checks import check_bounds, numbers
from tinycog.errors import UsageError
from tinycog.window import SNAP, FloatWindow


def window_of_bounds(bounds: Sequence[float], transform: Affine, *, snapped: bool) -> FloatWindow:
    """The window of bounds (left, bottom, right, top) on the grid of a transform.

    Of a rotated grid, the least window that holds them. Of one that is not, and goes up or left,
    bounds may go its way, as its own do. `snapped` makes it whole pixels: all that the bounds
    touch.

    Raises:
        UsageError: they are not four numbers, or upside-down.
    """
    a, b, c, d, e, f = tuple(transform)[:6]
    straight = b == d == 0
    left, bottom, right, top = check_bounds(
        bounds, leftwards=straight and a < 0, upwards=straight and e > 0
    )
    determinant = a * e - b * d
    if not determinant:
        message = f"the transform {tuple(transform)[:6]} has no inverse: ask for a window"
        raise UsageError(message)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    cols = [(e * (x - c) - b * (y - f)) / determinant for x, y in corners]
    rows = [(a * (y - f) - d * (x - c)) / determinant for x, y in corners]
    col, row, col_stop, row_stop = min(cols), min(rows), max(cols), max(rows)
    if not all(map(isfinite, (col, row, col_stop, row_stop))):
        message = f"the bounds {(left, bottom, right, top)} are too far away"
        raise UsageError(message)
    if snapped:
        col, row = float(floor(col + SNAP)), float(floor(row + SNAP))
        col_stop = max(float(ceil(col_stop - SNAP)), col)
        row_stop = max(float(ceil(row_stop - SNAP)), row)
    return FloatWindow(col, row, col_stop - col, row_stop - row)


def shape_for(window: FloatWindow, transform: Affine, res: Any) -> tuple[int, int]:  # noqa: ANN401
    """(rows, cols) that a window of a grid has at another pixel size, a number or (x, y).

    Raises:
        UsageError: it is no size.
    """
    try:
        across, down = numbers([res, res] if isinstance(res, Real) else res)
    except (TypeError, ValueError) as exc:
        message = f"res is a pixel size, or one for x and one for y, not {res!r}"
        raise UsageError(message) from exc
    if across <= 0 or down <= 0:
        message = f"res is more than 0, not {res!r}"
        raise UsageError(message)
    a, b, _, d, e, _ = tuple(transform)[:6]
    _, _, width, height = window
    rows, cols = height * hypot(b, e) / down, width * hypot(a, d) / across
    if not isfinite(rows) or not isfinite(cols):
        message = f"res is too small: {res!r}"
        raise UsageError(message)
    return max(round(rows), 1), max(round(cols), 1)
