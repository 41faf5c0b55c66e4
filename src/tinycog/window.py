"""Windows, tiles and areas in pixels of a level: types and arithmetic, no I/O.

Levels are chosen as GDAL chooses overviews (gdal.level.best).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

from tinycog.errors import UsageError
from tinycog.records import NamedTuple

Size = tuple[int, int]
"""(width, height)."""


class Window(NamedTuple):
    """A rectangle of whole pixels, by rasterio's names."""

    col_off: int
    row_off: int
    width: int
    height: int


class FloatWindow(NamedTuple):
    """A rectangle that may begin and end inside pixels, and extend over the image's edge."""

    col_off: float
    row_off: float
    width: float
    height: float


class Tile(NamedTuple):
    """A tile: level `z`, column `x` and row `y` in tiles."""

    z: int
    x: int
    y: int


OVERSAMPLING = {"nearest": 1.2, "sample": 1.2}
"""Allowed undersampling per method; 1.0 for those that interpolate."""

FACTOR_TOLERANCE = 0.1
"""Difference below which two reduction factors are equal to GDAL."""

SNAP = 1e-6
"""Fraction of a pixel that counts as a rounding error of coordinates."""


class Area(NamedTuple):
    """What a read covers, and the shape of its result.

    Attributes:
        z: the level.
        window: in pixels of that level; may be fractional, and extend over the edge.
        shape: (rows, cols) of the result.
    """

    z: int
    window: FloatWindow
    shape: tuple[int, int]

    @property
    def is_plain(self) -> bool:
        """Whether the result is whole pixels of the level, without resampling."""
        col, row, width, height = self.window
        starts_whole = float(col).is_integer() and float(row).is_integer()
        return starts_whole and (height, width) == self.shape


def as_floats(window: Window) -> FloatWindow:
    """Convert a window of whole pixels to floats."""
    return FloatWindow(*map(float, window))


def scale(window: FloatWindow, full: Size, size: Size) -> FloatWindow:
    """Convert a window of an image of size `full` to pixels of a level of `size`."""
    across, down = size[0] / full[0], size[1] / full[1]
    col, row, width, height = window
    return FloatWindow(col * across, row * down, width * across, height * down)


def best_level(
    sizes: Sequence[Size], factors: tuple[float, float], method: str, *, one_row: bool = False
) -> int:
    """Choose the level to read for a result coarser than level 0 by `factors` (across, down).

    This is the coarsest level that is finer than the result, or coarser by at most `OVERSAMPLING`
    plus `FACTOR_TOLERANCE`; or else the first in the file's order within `FACTOR_TOLERANCE` of the
    result (gdal.level.best). The axis that is reduced less decides; for a result of one row, the
    columns.
    """
    if max(factors) <= 1:
        return 0
    wanted = factors[0] if one_row else min(factors)
    most = wanted * OVERSAMPLING.get(method, 1.0) + FACTOR_TOLERANCE
    (full_width, full_height), best, best_factor = sizes[0], 0, 0.0
    for z, (width, height) in enumerate(sizes[1:], 1):
        factor = min(full_width / width, full_height / height)
        if width <= full_width and height <= full_height and best_factor < factor < most:
            best, best_factor = z, factor
            if abs(wanted - factor) < FACTOR_TOLERANCE:
                break
    return best


def inside(window: FloatWindow, size: Size) -> Window:
    """Return the whole pixels of a level that a window touches; empty if it touches none."""
    col, row, width, height = window
    left, top = max(floor(col + SNAP), 0), max(floor(row + SNAP), 0)
    right, bottom = min(ceil(col + width - SNAP), size[0]), min(ceil(row + height - SNAP), size[1])
    return Window(left, top, max(right - left, 0), max(bottom - top, 0))


def reaches_out(window: FloatWindow, size: Size) -> bool:
    """Return whether a window extends over the edge of a level."""
    col, row, width, height = window
    return (
        col < -SNAP or row < -SNAP or col + width > size[0] + SNAP or row + height > size[1] + SNAP
    )


def meets(window: FloatWindow, size: Size) -> bool:
    """Return whether any part of a window lies in a level."""
    col, row, width, height = window
    return -width < col < size[0] and -height < row < size[1]


def cropped(window: FloatWindow, size: Size) -> FloatWindow:
    """Return the part of a window that lies in a level.

    Raises:
        UsageError: none does.
    """
    if not meets(window, size):
        message = f"the window {tuple(window)} lies outside of {size[0]} x {size[1]} pixels"
        raise UsageError(message)
    col, row, width, height = window
    left, top = max(col, 0.0), max(row, 0.0)
    right, bottom = min(col + width, float(size[0])), min(row + height, float(size[1]))
    return FloatWindow(left, top, right - left, bottom - top)


def as_window(window: FloatWindow) -> Window | FloatWindow:
    """Return a window of integers where all its numbers are whole."""
    if all(float(v).is_integer() for v in window):
        return Window(*map(int, window))
    return FloatWindow(*(int(v) if float(v).is_integer() else v for v in window))
