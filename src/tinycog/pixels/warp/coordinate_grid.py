"""Source coordinates of all output pixels, interpolated bilinearly in a grid of nodes.

Transforming every pixel is expensive, and interpolation is as good nearly everywhere. So the grid
is refined until interpolation predicts the nodes in between; cells where it never does (poles, the
antimeridian, the limits of a projection) are transformed pixel by pixel, and so are pixels so close
to the border of two source pixels that the small error would decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import floor, log2

import numpy as np

from tinycog.pixels.resample.axis import Bools, Float, Index

Locate = Callable[[Float, Float], tuple[Float, Float]]
"""Function from output (rows, cols), from the centre of the first pixel, to source (x, y)."""

COARSEST_STEP = 64
"""Output pixels between nodes of the coarsest grid."""

FINEST_STEP = 4
"""Output pixels between nodes of the finest grid; beyond it every pixel is transformed."""

MAX_EXACT_PART = 0.1
"""Fraction of cells that may be transformed pixel by pixel before the grid is refined."""

TOLERANCE = 0.004
"""Error of interpolated cell middles, in units of `_unit`; nodes there reduce it to a quarter."""

OFF_MIDDLE = 0.29
"""Place of one more point to test, as a part of a cell: a curve that is symmetric around the middle
of a cell passes through its corners and middles however far it is from straight in between."""

BLOCK = 1 << 16
"""Output pixels that are processed at a time."""


@dataclass(frozen=True, eq=False)
class CoordinateGrid:
    """Nodes with known coordinates, and single pixels that interpolation does not predict.

    Attributes:
        rows, cols: positions of the nodes, in output pixels from the centre of the first.
        x, y: (nodes down, nodes across) source pixels from the source's top left corner.
        exact: flat indices of output pixels, ascending; `exact_x`, `exact_y` are their coordinates.
    """

    rows: Float
    cols: Float
    x: Float
    y: Float
    exact: Index
    exact_x: Float
    exact_y: Float

    def block(self, start: int, stop: int, width: int) -> tuple[Float, Float]:
        """Return source x and y, (stop - start, width), of the output rows `start` to `stop`."""
        row, down = _between(self.rows, np.arange(start, stop, dtype=np.float64))
        col, right = _between(self.cols, np.arange(width, dtype=np.float64))
        first, last = np.searchsorted(self.exact, (start * width, stop * width))
        found: list[Float] = []
        for nodes, exact in ((self.x, self.exact_x), (self.y, self.exact_y)):
            lines = nodes[row] * (1 - down[:, None]) + nodes[row + 1] * down[:, None]
            full = lines[:, col] * (1 - right) + lines[:, col + 1] * right
            np.put(full, self.exact[first:last] - start * width, exact[first:last])
            found.append(full)
        return found[0], found[1]


def make_grid(
    locate: Locate, shape: tuple[int, int], source_shape: tuple[int, int]
) -> CoordinateGrid:
    """Locate the pixels of an output of `shape` (rows, cols) by few transformed points."""
    unit = _unit(locate, shape)
    return _sharpened(_filled(locate, shape, unit), locate, shape, source_shape, unit)


def _unit(locate: Locate, shape: tuple[int, int]) -> float:
    """Estimate source pixels per pixel of the level that will be read: a power of two.

    Precision of a fraction of a full-resolution pixel is of no use to a coarser output.
    """
    rows, cols = _nodes(shape[0], COARSEST_STEP), _nodes(shape[1], COARSEST_STEP)
    x, y = _locate_grid(locate, rows, cols)
    with np.errstate(invalid="ignore", over="ignore"):
        across = np.hypot(np.diff(x), np.diff(y)) / np.diff(cols)
        down = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0)) / np.diff(rows)[:, None]
    known = [steps[np.isfinite(steps)] for steps in (across, down)]
    smallest = min((float(np.median(steps)) for steps in known if steps.size), default=1.0)
    return 2.0 ** floor(log2(max(smallest, 1.0)))


def row_blocks(shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield half-open ranges of output rows to process at a time."""
    step = max(1, BLOCK // shape[1])
    for start in range(0, shape[0], step):
        yield start, min(shape[0], start + step)


def _filled(locate: Locate, shape: tuple[int, int], unit: float) -> CoordinateGrid:
    """Refine the grid until few cells mispredict their middles."""
    step = COARSEST_STEP
    while True:
        rows, cols = _nodes(shape[0], step), _nodes(shape[1], step)
        x, y = _locate_grid(locate, rows, cols)
        bad = _misses(x / unit) | _misses(y / unit)
        if bad.mean() <= MAX_EXACT_PART or step <= FINEST_STEP:
            bad |= _misses_off_middle(locate, (rows, cols), (x, y), unit)
        if bad.mean() <= MAX_EXACT_PART or step <= FINEST_STEP:
            break
        step //= 2
    # infinite nodes lie in cells that are transformed pixel by pixel; 0 avoids warnings
    x, y = np.where(np.isfinite(x), x, 0), np.where(np.isfinite(y), y, 0)
    exact = _pixels(bad, rows, cols, shape)
    return CoordinateGrid(rows, cols, x, y, exact, *_locate_flat(locate, exact, shape))


def _locate_grid(locate: Locate, rows: Float, cols: Float) -> tuple[Float, Float]:
    down, right = np.repeat(rows, len(cols)), np.tile(cols, len(rows))
    x, y = locate(down, right)
    return x.reshape(len(rows), -1), y.reshape(len(rows), -1)


def _nodes(count: int, step: int) -> Float:
    """Return corners and middles, alternating, of cells of `step` pixels over `count` pixels."""
    corners = np.append(np.arange(0, count - 1, step), max(count - 1, 1)).astype(np.float64)
    if count == 1:
        corners = np.array([0.0, 1.0])
    nodes = np.empty(2 * len(corners) - 1)
    nodes[::2], nodes[1::2] = corners, (corners[1:] + corners[:-1]) / 2
    return nodes


def _misses(nodes: Float) -> Bools:
    """Return (cells down, cells across), True where a cell's corners mispredict its middles."""
    with np.errstate(invalid="ignore", over="ignore"):
        guess = nodes.copy()
        guess[:, 1::2] = (nodes[:, :-1:2] + nodes[:, 2::2]) / 2
        guess[1::2] = (guess[:-1:2] + guess[2::2]) / 2
        close = np.abs(guess - nodes) <= TOLERANCE
    down = close[:-1:2] & close[1::2] & close[2::2]
    return ~(down[:, :-1:2] & down[:, 1::2] & down[:, 2::2])


def _misses_off_middle(
    locate: Locate, nodes: tuple[Float, Float], found: tuple[Float, Float], unit: float
) -> Bools:
    """Return (cells down, cells across), True where interpolation fails at a point off the middle.

    Args:
        locate: locates the points.
        nodes: positions of the nodes, as of `CoordinateGrid`.
        found: their x and y.
        unit: as of `_unit`.
    """
    rows, cols = (v[:-1:2] + OFF_MIDDLE * (v[2::2] - v[:-1:2]) for v in nodes)
    part = 2 * OFF_MIDDLE  # of the way to the middle
    misses = np.zeros((len(rows), len(cols)), np.bool_)
    for exact, known in zip(_locate_grid(locate, rows, cols), found, strict=True):
        with np.errstate(invalid="ignore", over="ignore"):
            lines = known[:-1:2] * (1 - part) + known[1::2] * part
            guess = lines[:, :-1:2] * (1 - part) + lines[:, 1::2] * part
            misses |= ~(np.abs(guess - exact) <= TOLERANCE * unit)
    return misses


def _pixels(bad: Bools, rows: Float, cols: Float, shape: tuple[int, int]) -> Index:
    """Return flat indices of the output pixels in bad cells, ascending."""
    if not bad.any():
        return np.zeros(0, np.intp)
    row = _between(rows, np.arange(shape[0], dtype=np.float64))[0] // 2
    col = _between(cols, np.arange(shape[1], dtype=np.float64))[0] // 2
    return np.flatnonzero(bad[row[:, None], col])


def _between(nodes: Float, positions: Float) -> tuple[Index, Float]:
    """Return for each position the node before it, and the fraction of the way to the next."""
    before = np.clip(np.searchsorted(nodes, positions, side="right") - 1, 0, len(nodes) - 2)
    return before, (positions - nodes[before]) / (nodes[before + 1] - nodes[before])


def _sharpened(
    grid: CoordinateGrid,
    locate: Locate,
    shape: tuple[int, int],
    source_shape: tuple[int, int],
    unit: float,
) -> CoordinateGrid:
    """Transform pixels within the tolerance of a border of source pixels, or of the source.

    So "nearest" picks the pixel that exact transformation picks.
    """
    found = [grid.exact]
    for start, stop in row_blocks(shape):
        x, y = grid.block(start, stop, shape[1])
        with np.errstate(invalid="ignore"):
            close = np.minimum(_from_border(x, unit), _from_border(y, unit)) <= TOLERANCE
            close |= _from_edge(x, source_shape[1]) <= TOLERANCE * unit
            close |= _from_edge(y, source_shape[0]) <= TOLERANCE * unit
            close &= (x > -unit) & (x < source_shape[1] + unit)
            close &= (y > -unit) & (y < source_shape[0] + unit)
        found.append(np.flatnonzero(close) + start * shape[1])
    exact = np.unique(np.concatenate(found))
    return CoordinateGrid(
        grid.rows, grid.cols, grid.x, grid.y, exact, *_locate_flat(locate, exact, shape)
    )


def _from_border(x: Float, unit: float) -> Float:
    """Return the distance to the nearest border of two pixels, in units."""
    return np.abs(x / unit - np.rint(x / unit))


def _from_edge(x: Float, size: int) -> Float:
    """Return the distance to the nearer edge of the source, in source pixels."""
    return np.minimum(np.abs(x), np.abs(x - size))


def _locate_flat(locate: Locate, flat: Index, shape: tuple[int, int]) -> tuple[Float, Float]:
    """Return source x and y of output pixels given by flat indices."""
    if not flat.size:
        return np.zeros(0), np.zeros(0)
    rows, cols = np.divmod(flat, shape[1])
    return locate(rows.astype(np.float64), cols.astype(np.float64))
