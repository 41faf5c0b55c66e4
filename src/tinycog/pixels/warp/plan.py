"""Plan a warp: the source pixels that an output in another CRS needs, and their resolution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from tinycog.affine_math import apply, coefficients, invert
from tinycog.checks import check_method
from tinycog.errors import UsageError
from tinycog.pixels.methods import WARPING
from tinycog.pixels.resample.axis import Bools, Float
from tinycog.pixels.warp.coordinate_grid import CoordinateGrid, Locate, make_grid, row_blocks
from tinycog.pixels.warp.kernels import reach
from tinycog.window import Window

Transformer = Callable[[Float, Float], tuple[Float, Float]]
"""Function from (xs, ys) in the output's CRS to the source's; infinite or NaN where undefined."""

RESOLUTION_SAMPLES = 256
"""Approximate number of output pixels from which the resolution is estimated."""


@dataclass(frozen=True, eq=False)
class WarpPlan:
    """Where the pixels of an output in another CRS lie in its source.

    Attributes:
        shape: (rows, cols) of the output.
        source_shape: (rows, cols) of the source at full resolution.
        bounds: (left, top, right, bottom) of the centres of output pixels that lie in the source,
            in source pixels from its top left corner; None if there are none.
        resolution: median (x, y) source pixels per output pixel, by which to choose a level.
        grid: source coordinates of the output's pixels.
    """

    shape: tuple[int, int]
    source_shape: tuple[int, int]
    bounds: tuple[float, float, float, float] | None
    resolution: tuple[float, float]
    grid: CoordinateGrid

    def support(self, method: str, shape: tuple[int, int] | None = None) -> Window:
        """Return the pixels of a level that `warp` needs.

        Args:
            method: one of `methods.WARPING`.
            shape: (rows, cols) of the level, by default of the source.

        Returns:
            Whole pixels inside the level; of width and height 0 if nothing is needed.
        """
        check_method(method, WARPING)
        if self.bounds is None:
            return Window(0, 0, 0, 0)
        level = self.on(shape or self.source_shape)
        (scale_x, scale_y), (rows, cols) = level.scale, level.level_shape
        around_x, around_y = reach(method, level.resolution)
        left, top, right, bottom = self.bounds
        col, row = max(0, floor(left * scale_x) - around_x), max(0, floor(top * scale_y) - around_y)
        col_stop = min(cols, ceil(right * scale_x) + around_x)
        row_stop = min(rows, ceil(bottom * scale_y) + around_y)
        return Window(col, row, col_stop - col, row_stop - row)

    def on(self, shape: tuple[int, int], window: Window | None = None) -> Coords:
        """Return the coordinates in a window of a level of `shape` (rows, cols), by default all."""
        window = window or Window(0, 0, shape[1], shape[0])
        return Coords(self, shape, window)


@dataclass(frozen=True, eq=False)
class Coords:
    """Coordinates of a plan in pixels of a window of a level.

    Attributes:
        level_shape: (rows, cols) of the level.
        window: the pixels of the level that were read.
    """

    plan: WarpPlan
    level_shape: tuple[int, int]
    window: Window

    @property
    def scale(self) -> tuple[float, float]:
        """(x, y) level pixels per source pixel."""
        (rows, cols), (source_rows, source_cols) = self.level_shape, self.plan.source_shape
        return cols / source_cols, rows / source_rows

    @property
    def resolution(self) -> tuple[float, float]:
        """(x, y) level pixels per output pixel."""
        return (
            self.plan.resolution[0] * self.scale[0],
            self.plan.resolution[1] * self.scale[1],
        )

    def blocks(self) -> Iterator[tuple[int, int, Float, Float, Bools]]:
        """Locate output rows, a block at a time.

        Yields:
            start and stop of the rows; x and y (rows, cols) in pixels from the window's top left
            corner; True where they lie in the level.
        """
        (scale_x, scale_y), (level_rows, level_cols) = self.scale, self.level_shape
        for start, stop in row_blocks(self.plan.shape):
            x, y = self.plan.grid.block(start, stop, self.plan.shape[1])
            x, y = x * scale_x, y * scale_y
            inside = (x >= 0) & (x <= level_cols) & (y >= 0) & (y <= level_rows)
            yield start, stop, x - self.window.col_off, y - self.window.row_off, inside


def warp_plan(
    transformer: Transformer,
    dst_transform: Iterable[float],
    dst_shape: tuple[int, int],
    src_transform: Iterable[float],
    src_shape: tuple[int, int],
) -> WarpPlan:
    """Locate the pixels of an output in a source.

    Args:
        transformer: converts 1-D arrays of x and y from the output's CRS to the source's, as
            `pyproj.Transformer.transform` with `always_xy=True`.
        dst_transform: output pixels to its CRS, an `Affine` or its six numbers.
        dst_shape: (rows, cols) of the output.
        src_transform: source pixels at full resolution to its CRS, likewise.
        src_shape: (rows, cols) of the source at full resolution.

    Returns:
        The plan. Its coordinates are off by less than 0.004 source pixels; for an output coarser
        than the source, by less than 0.004 pixels of the level (2, 4, 8, ...) that suits it.

    Raises:
        UsageError: a shape is empty, or the source's transform has no inverse.
    """
    if min(*dst_shape, *src_shape) < 1:
        message = f"shapes are {dst_shape} and {src_shape}, expected at least (1, 1)"
        raise UsageError(message)
    locate = _locator(transformer, dst_transform, src_transform)
    grid = make_grid(locate, dst_shape, src_shape)
    plan = WarpPlan(dst_shape, src_shape, None, (1.0, 1.0), grid)
    bounds, some = _survey(plan)
    if bounds is None:
        return plan
    return WarpPlan(dst_shape, src_shape, bounds, _resolution(locate, some), grid)


def _locator(
    transformer: Transformer, dst_transform: Iterable[float], src_transform: Iterable[float]
) -> Locate:
    target, source = coefficients(dst_transform), invert(src_transform)

    def locate(rows: Float, cols: Float) -> tuple[Float, Float]:
        xs, ys = transformer(*apply(target, cols + 0.5, rows + 0.5))
        xs, ys = np.asarray(xs, np.float64), np.asarray(ys, np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            return source.apply(xs, ys)

    return locate


def _survey(plan: WarpPlan) -> tuple[tuple[float, float, float, float] | None, NDArray[np.intp]]:
    """Return bounds of the pixels that lie in the source, and (2, n) rows and cols of a sample."""
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    some = [np.zeros((2, 0), np.intp)]
    # from every block in proportion to its rows
    for start, stop, x, y, inside in plan.on(plan.source_shape).blocks():
        xs, ys = x[inside], y[inside]
        if not xs.size:
            continue
        low = np.minimum(low, (xs.min(), ys.min()))
        high = np.maximum(high, (xs.max(), ys.max()))
        count = ceil(RESOLUTION_SAMPLES * (stop - start) / plan.shape[0])
        flat = np.flatnonzero(inside)[:: max(1, xs.size // count)]
        rows, cols = np.divmod(flat, plan.shape[1])
        some.append(np.stack([rows + start, cols]))
    if low[0] > high[0]:
        return None, some[0]
    bounds = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return bounds, np.concatenate(some, axis=1)


def _resolution(locate: Locate, some: NDArray[np.intp]) -> tuple[float, float]:
    """Return median source pixels per output pixel, along the source's axes."""
    rows, cols = some.astype(np.float64)
    above, below = locate(rows - 0.5, cols), locate(rows + 0.5, cols)
    left, right = locate(rows, cols - 0.5), locate(rows, cols + 0.5)
    found: list[float] = []
    for axis in (0, 1):
        with np.errstate(invalid="ignore", over="ignore"):
            length = np.hypot(right[axis] - left[axis], below[axis] - above[axis])
        known = length[np.isfinite(length)]
        found.append(float(np.median(known)) if known.size else 1.0)
    return found[0], found[1]
