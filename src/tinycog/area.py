"""What a user asks for, to what is read: which level, which pixels of it, how many to make of them.

Levels are picked as GDAL picks overviews (gdal.level.best). No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, hypot, isfinite
from typing import Any, NamedTuple

from affine import Affine

from tinycog.errors import UsageError
from tinycog.image import Image
from tinycog.raster import Window

FloatWindow = tuple[float, float, float, float]
Size = tuple[int, int]
"""(width, height)."""

OVERSAMPLING = {"nearest": 1.2, "mode": 1.2, "sample": 1.2}
"""How much coarser than asked for a level may be; 1 for methods that are no mere picking."""

SNAP = 1e-6
"""Parts of a pixel that are rounding errors of coordinates."""


class Area(NamedTuple):
    """What is read.

    Attributes:
        z: the level.
        window: of it, in its pixels, maybe fractions of them, maybe over its edge.
        shape: (rows, cols) of the result.
    """

    z: int
    window: FloatWindow
    shape: tuple[int, int]

    @property
    def is_plain(self) -> bool:
        """Whether the result is whole pixels of the level, one by one."""
        col, row, width, height = self.window
        whole = all(float(v).is_integer() for v in (col, row))
        return whole and (height, width) == self.shape


def as_floats(window: Window) -> FloatWindow:
    """A window of whole pixels, as one that may have parts of them."""
    col, row, width, height = map(float, window)
    return (col, row, width, height)


def size_of(image: Image) -> Size:
    """(width, height) of a level."""
    _, height, width = image.shape
    return width, height


def scaled(window: FloatWindow, full: Size, size: Size) -> FloatWindow:
    """A window of an image of size `full`, in the pixels of a level of `size`."""
    across, down = size[0] / full[0], size[1] / full[1]
    col, row, width, height = window
    return (col * across, row * down, width * across, height * down)


def best_level(sizes: Sequence[Size], factors: tuple[float, float], method: str) -> int:
    """The level to read for a result that is coarser than level 0 by `factors` (across, down).

    The coarsest that is finer than what is wanted, or coarser by no more than `OVERSAMPLING`.
    """
    wanted = min(factors) * OVERSAMPLING.get(method, 1.0)
    best, best_factor = 0, 1.0
    for z, (width, height) in enumerate(sizes[1:], 1):
        factor = max(sizes[0][0] / width, sizes[0][1] / height)
        if best_factor < factor < wanted:
            best, best_factor = z, factor
    return best


def window_of_bounds(bounds: Sequence[float], transform: Affine, *, snapped: bool) -> FloatWindow:
    """The window of bounds (left, bottom, right, top) on the grid of a transform.

    Of a rotated grid, the least window that holds them. `snapped` makes it whole pixels: all that
    the bounds touch.

    Raises:
        UsageError: they are not four numbers, or upside-down.
    """
    left, bottom, right, top = checked_bounds(bounds)
    a, b, c, d, e, f = tuple(transform)[:6]
    determinant = a * e - b * d
    if not determinant:
        message = f"the transform {tuple(transform)[:6]} has no inverse: ask for a window"
        raise UsageError(message)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    cols = [(e * (x - c) - b * (y - f)) / determinant for x, y in corners]
    rows = [(a * (y - f) - d * (x - c)) / determinant for x, y in corners]
    start, stop = (min(cols), min(rows)), (max(cols), max(rows))
    if snapped:
        start = (floor(start[0] + SNAP), floor(start[1] + SNAP))
        stop = (ceil(stop[0] - SNAP), ceil(stop[1] - SNAP))
    return (*start, max(stop[0] - start[0], 0), max(stop[1] - start[1], 0))


def checked_bounds(bounds: Sequence[float]) -> tuple[float, float, float, float]:
    """Bounds as asked for.

    Raises:
        UsageError: they are not four numbers, or upside-down.
    """
    try:
        left, bottom, right, top = (float(value) for value in bounds)
    except (TypeError, ValueError) as exc:
        message = f"bounds are (left, bottom, right, top), not {bounds!r}"
        raise UsageError(message) from exc
    if not all(map(isfinite, (left, bottom, right, top))) or left >= right or bottom >= top:
        message = (
            f"bounds are (left, bottom, right, top) with left < right and bottom < top,"
            f" not {(left, bottom, right, top)}"
        )
        raise UsageError(message)
    return left, bottom, right, top


def checked_float_window(window: Sequence[float]) -> FloatWindow:
    """A window as asked for.

    Raises:
        UsageError: it is not four numbers, or empty.
    """
    try:
        col, row, width, height = (float(value) for value in window)
    except (TypeError, ValueError) as exc:
        message = f"a window is (col_off, row_off, width, height) in pixels, not {window!r}"
        raise UsageError(message) from exc
    if not all(map(isfinite, (col, row, width, height))) or width <= 0 or height <= 0:
        message = f"a window has a width and a height of more than 0 pixels, not {window!r}"
        raise UsageError(message)
    return col, row, width, height


def checked_shape(shape: Any) -> tuple[int, int]:  # noqa: ANN401 - anything a caller may pass
    """(rows, cols) as asked for.

    Raises:
        UsageError: it is not two whole numbers of at least 1.
    """
    try:
        rows, cols = (int(value) for value in shape[-2:])
    except (TypeError, ValueError) as exc:
        message = f"shape is (rows, cols), not {shape!r}"
        raise UsageError(message) from exc
    if rows < 1 or cols < 1:
        message = f"shape is (rows, cols), each at least 1, not {shape!r}"
        raise UsageError(message)
    return rows, cols


def shape_for(window: FloatWindow, transform: Affine, res: Any) -> tuple[int, int]:  # noqa: ANN401
    """(rows, cols) that a window of a grid has at another pixel size, a number or (x, y).

    Raises:
        UsageError: it is no size.
    """
    try:
        across, down = (float(res), float(res)) if isinstance(res, int | float) else map(float, res)
    except (TypeError, ValueError) as exc:
        message = f"res is a pixel size, or one for x and one for y, not {res!r}"
        raise UsageError(message) from exc
    if not (across > 0 and down > 0):
        message = f"res is more than 0, not {res!r}"
        raise UsageError(message)
    a, b, _, d, e, _ = tuple(transform)[:6]
    _, _, width, height = window
    rows, cols = round(height * hypot(b, e) / down), round(width * hypot(a, d) / across)
    return max(rows, 1), max(cols, 1)


def inside(window: FloatWindow, size: Size) -> Window:
    """The whole pixels of a level that a window touches; of width or height 0 if none."""
    col, row, width, height = window
    left, top = max(floor(col + SNAP), 0), max(floor(row + SNAP), 0)
    right, bottom = min(ceil(col + width - SNAP), size[0]), min(ceil(row + height - SNAP), size[1])
    return Window(left, top, max(right - left, 0), max(bottom - top, 0))


def reaches_out(window: FloatWindow, size: Size) -> bool:
    """Whether a window reaches over the edge of a level."""
    col, row, width, height = window
    return (
        col < -SNAP or row < -SNAP or col + width > size[0] + SNAP or row + height > size[1] + SNAP
    )
