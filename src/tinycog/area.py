"""What a user asks for, to what is read: which level, which pixels of it, how many to make of them.

Levels are picked as GDAL picks overviews (gdal.level.best). No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor, hypot, isfinite
from numbers import Real
from typing import Any, NamedTuple, cast

from affine import Affine

from tinycog.errors import UsageError
from tinycog.image import Image
from tinycog.raster import Window

FloatWindow = tuple[float, float, float, float]
Size = tuple[int, int]
"""(width, height)."""

OVERSAMPLING = {"nearest": 1.2, "sample": 1.2}
"""How much coarser than asked for a level may be; 1 for methods that are no mere picking."""

NEAR = 0.1
"""Factors that differ by less are the same to GDAL."""

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


def best_level(
    sizes: Sequence[Size], factors: tuple[float, float], method: str, *, one_row: bool = False
) -> int:
    """The level to read for a result that is coarser than level 0 by `factors` (across, down).

    The coarsest that is finer than what is wanted, or coarser by no more than `OVERSAMPLING` and
    `NEAR`; but the first, in the file's order, that is near to it (gdal.level.best). The axis that
    is reduced less decides; of a result of one row, the columns.
    """
    if max(factors) <= 1:
        return 0
    wanted = factors[0] if one_row else min(factors)
    most = wanted * OVERSAMPLING.get(method, 1.0) + NEAR
    (full_width, full_height), best, best_factor = sizes[0], 0, 0.0
    for z, (width, height) in enumerate(sizes[1:], 1):
        factor = min(full_width / width, full_height / height)
        if width <= full_width and height <= full_height and best_factor < factor < most:
            best, best_factor = z, factor
            if abs(wanted - factor) < NEAR:
                break
    return best


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
    left, bottom, right, top = checked_bounds(
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
    return col, row, col_stop - col, row_stop - row


def numbers(values: Any) -> tuple[float, ...]:  # noqa: ANN401 - anything a caller may pass
    """Numbers as asked for, none of them NaN or infinite.

    Raises:
        TypeError, ValueError: they are something else.
    """
    if isinstance(values, str | bytes):
        raise TypeError(values)
    given = list(cast("Iterable[Any]", values))
    if any(isinstance(value, str | bytes) for value in given):
        raise TypeError(values)
    try:
        found = tuple(float(value) for value in given)
    except OverflowError as exc:
        raise ValueError(values) from exc
    if not all(map(isfinite, found)):
        raise ValueError(values)
    return found


def checked_bounds(
    bounds: Any,  # noqa: ANN401 - anything a caller may pass
    *,
    leftwards: bool = False,
    upwards: bool = False,
) -> tuple[float, float, float, float]:
    """Bounds as asked for; `leftwards` and `upwards` allow for left > right, for bottom > top.

    Raises:
        UsageError: they are not four numbers, or upside-down.
    """
    try:
        left, bottom, right, top = numbers(bounds)
    except (TypeError, ValueError) as exc:
        message = f"bounds are (left, bottom, right, top), four numbers, not {bounds!r}"
        raise UsageError(message) from exc
    if leftwards and left > right:
        left, right = right, left
    if upwards and bottom > top:
        bottom, top = top, bottom
    if left >= right or bottom >= top:
        message = (
            f"bounds are (left, bottom, right, top) with left < right and bottom < top,"
            f" not {(left, bottom, right, top)}"
        )
        raise UsageError(message)
    return left, bottom, right, top


def checked_float_window(window: Any) -> FloatWindow:  # noqa: ANN401 - anything a caller may pass
    """A window as asked for: four numbers, or an object that has them, as rasterio's.

    Raises:
        UsageError: it is not four numbers, or empty.
    """
    given = window
    try:
        if hasattr(window, "col_off"):
            given = (window.col_off, window.row_off, window.width, window.height)
        col, row, width, height = numbers(given)
    except (AttributeError, TypeError, ValueError) as exc:
        message = f"a window is (col_off, row_off, width, height) in pixels, not {window!r}"
        raise UsageError(message) from exc
    if width <= 0 or height <= 0:
        message = f"a window has a width and a height of more than 0 pixels, not {window!r}"
        raise UsageError(message)
    return col, row, width, height


def checked_shape(shape: Any) -> tuple[int, int]:  # noqa: ANN401 - anything a caller may pass
    """(rows, cols) as asked for.

    Raises:
        UsageError: it is not two whole numbers of at least 1.
    """
    try:
        rows, cols = numbers(shape)
    except (TypeError, ValueError) as exc:
        message = f"shape is (rows, cols), two whole numbers, not {shape!r}"
        raise UsageError(message) from exc
    if not rows.is_integer() or not cols.is_integer() or rows < 1 or cols < 1:
        message = f"shape is (rows, cols), whole numbers of at least 1, not {shape!r}"
        raise UsageError(message)
    return int(rows), int(cols)


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
