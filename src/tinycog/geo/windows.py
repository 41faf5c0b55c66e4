"""Coordinates to pixels of a grid: windows of bounds, pixels at points, shapes at a pixel size.

No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor, hypot, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.affine_math import Coefficients, coefficients, invert
from tinycog.checks import check_bounds, check_res
from tinycog.errors import UsageError
from tinycog.geo.longitudes import full_turn, into_extent, spans_in_extent
from tinycog.geo.transform import bounds_of
from tinycog.window import SNAP, FloatWindow

if TYPE_CHECKING:
    from tinycog.geo.crs import Crs

EDGE_SNAP = 0.01
"""Part of a pixel by which bounds may reach over the edge of the image: those that STAC and
`gdalinfo` write are rounded (geotiff.place.rounded)."""

BOUNDS_SNAP = 0.001
"""Part of a pixel that bounds given in the file's coordinates must touch at least."""

MAX_PIXEL = 2.0**62
"""Rows and columns are clipped to this, so that those of distant points fit int64."""


class PixelGrid(NamedTuple):
    """The pixels of a level, for coordinates that a caller gives.

    Attributes:
        transform: pixels to (x, y).
        size: (width, height) in pixels.
        turn: a full turn in the unit of x; None where x is no longitude.
    """

    transform: Coefficients
    size: tuple[int, int]
    turn: float | None = None

    @classmethod
    def of(cls, transform: Iterable[float], size: tuple[int, int], crs: Crs | None) -> PixelGrid:
        """Make the grid of a level in a CRS, None if it has none."""
        return cls(coefficients(transform), size, full_turn(crs))

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top), in order however the grid lies."""
        left, bottom, right, top = bounds_of(self.transform, *self.size)
        return min(left, right), min(bottom, top), max(left, right), max(bottom, top)

    @property
    def snap(self) -> float:
        """The part of a pixel by which bounds may reach over the edge, in the unit of x."""
        return EDGE_SNAP * abs(self.extent[2] - self.extent[0]) / self.size[0]

    def longitudes(self, xs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return x as the file counts longitudes (geotiff.place.longitude); or as it is."""
        left, _, right, _ = self.extent
        return into_extent(xs, left, right, self.turn)


def window_of_bounds(
    bounds: Sequence[float], grid: PixelGrid, *, snapped: bool, is_hull: bool = False
) -> FloatWindow:
    """Return the window that bounds (left, bottom, right, top) cover on a grid.

    On a rotated grid, this is the smallest window that contains them. On an unrotated grid whose
    columns go left or rows go up, left > right or bottom > top are accepted, as in its own bounds.
    Of longitudes, left > right goes over the antimeridian (geotiff.place.longitude). Edges that
    miss that of the image by less than `EDGE_SNAP` pixels are on it (geotiff.place.rounded).

    Args:
        bounds: in the coordinates of the grid.
        grid: of the level.
        snapped: extend the window to all whole pixels that the bounds touch.
        is_hull: the bounds are those around something in another CRS: infinite ones end where the
            image does, and what lies at both of its ends is all of its width.

    Raises:
        UsageError: they are not four numbers, or upside-down, or lie at both ends of the image; or
            the transform has no inverse.
    """
    left, bottom, right, top = _in_extent(bounds, grid) if is_hull else _as_given(bounds, grid)
    inverse = invert(grid.transform)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    pixels = [inverse.apply(x, y) for x, y in corners]
    cols, rows = [col for col, _ in pixels], [row for _, row in pixels]
    if not all(map(isfinite, (*cols, *rows))):
        message = f"the bounds {(left, bottom, right, top)} are too far away"
        raise UsageError(message)
    least = SNAP if is_hull else BOUNDS_SNAP
    low, high = (min(cols), min(rows)), (max(cols), max(rows))
    return window_of_hull(low, high, grid.size, least if snapped else None)


def window_of_hull(
    low: Sequence[float], high: Sequence[float], size: tuple[int, int], least: float | None
) -> FloatWindow:
    """Return the window from (col, row) to (col, row) of an image of (width, height).

    `least` extends it to all whole pixels of which it holds more than that.
    """
    (col, row), (col_stop, row_stop) = low, high
    col, col_stop = _on_edges(col, col_stop, size[0])
    row, row_stop = _on_edges(row, row_stop, size[1])
    if least is not None:
        (col, col_stop), (row, row_stop) = (
            _whole(col, col_stop, least),
            _whole(row, row_stop, least),
        )
    return FloatWindow(col, row, col_stop - col, row_stop - row)


def _as_given(bounds: Sequence[float], grid: PixelGrid) -> tuple[float, float, float, float]:
    """Check the bounds of a caller; return them with longitudes as the file counts them."""
    a, b, _, d, e, _ = grid.transform
    straight = b == d == 0
    left, bottom, right, top = given = check_bounds(
        bounds,
        leftwards=straight and a < 0,
        upwards=straight and e > 0,
        around=grid.turn is not None,
    )
    if grid.turn is None:
        return given
    right += grid.turn if right < left else 0.0
    first, _, last, _ = grid.extent
    spans = spans_in_extent((left, right), (first, last), grid.turn, grid.snap)
    if len(spans) > 1 and left > given[2]:
        parts = [(max(a, first), bottom, min(b, last), top) for a, b in spans]
        message = (
            f"the bounds {given} go over the edge of the file, which is at {last}:"
            f" read {parts[0]} and {parts[1]}"
        )
        raise UsageError(message)
    left, right = spans[0] if spans else (left, right)
    return left, bottom, right, top


def _in_extent(bounds: Sequence[float], grid: PixelGrid) -> tuple[float, float, float, float]:
    """Return bounds that hold what a caller asked for in another CRS, as the file counts them."""
    extent = grid.extent
    left, bottom, right, top = (
        value if isfinite(value) else edge for value, edge in zip(bounds, extent, strict=True)
    )
    if grid.turn is not None:
        spans = spans_in_extent((left, right), (extent[0], extent[2]), grid.turn, grid.snap)
        left, right = spans[0] if len(spans) == 1 else (left, right)
        if len(spans) > 1:
            left, right = extent[0], extent[2]
    return left, bottom, right, top


def _on_edges(start: float, stop: float, size: int) -> tuple[float, float]:
    """Return where a window begins and ends along an axis of `size` pixels, on its ends if near."""
    start = 0.0 if abs(start) <= EDGE_SNAP else start
    return start, float(size) if abs(stop - size) <= EDGE_SNAP else stop


def _whole(start: float, stop: float, least: float) -> tuple[float, float]:
    """Return the whole pixels of which a window touches more than `least`, or the one it is in."""
    first, last = floor(start + least), ceil(stop - least)
    if first >= last:
        first = floor((start + stop) / 2)
        last = first + 1
    return float(first), float(last)


def pixels_of(points: NDArray[np.float64], grid: PixelGrid) -> NDArray[np.int64]:
    """Return the (row, col) of the pixel that each point lies in, which may be outside the image.

    Args:
        points: (n, 2) of x and y. NaN gives row or column -1.
        grid: of the level.

    Returns:
        (n, 2) of rows and columns, counted from 0.

    Raises:
        UsageError: the transform has no inverse.
    """
    inverse = invert(grid.transform)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite coordinates are outside
        cols, rows = inverse.apply(grid.longitudes(points[:, 0]), points[:, 1])
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
    across, down = check_res(res)
    a, b, _, d, e, _ = coefficients(transform)
    _, _, width, height = window
    rows, cols = height * hypot(b, e) / down, width * hypot(a, d) / across
    if not isfinite(rows) or not isfinite(cols):
        message = f"res is too small: {res!r}"
        raise UsageError(message)
    return max(round(rows), 1), max(round(cols), 1)
