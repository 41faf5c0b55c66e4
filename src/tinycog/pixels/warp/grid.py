"""Coordinates of all pixels of an output, by a grid of nodes with bilinear filling.

Transforming every pixel is dear, and nearly everywhere filling is as good. So the grid is made
finer until filling it predicts the nodes in between; cells where it never does (poles, the
antimeridian, the end of a projection) are transformed pixel by pixel, and so is what lies so close
to the border of two source pixels that the little error would decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import floor, log2

import numpy as np

from tinycog.pixels.resample.axis import Bools, Float, Index

Locate = Callable[[Float, Float], tuple[Float, Float]]
"""Output (rows, cols) from the centre of the first pixel to source (x, y) in pixels."""

FIRST_STEP = 64
"""Output pixels between the first nodes."""

LAST_STEP = 4
"""Below, every pixel is transformed."""

FEW = 0.1
"""Part of the cells that may be transformed pixel by pixel before the grid is made finer."""

TOLERANCE = 0.004
"""Units by which cells may miss their middles; with the nodes there, a quarter is left."""

BLOCK = 1 << 16
"""Output pixels that are worked on at a time."""


@dataclass(frozen=True, eq=False)
class CoordinateGrid:
    """Nodes of known coordinates, and single pixels that no filling predicts.

    Attributes:
        rows, cols: positions of the nodes, in output pixels from the centre of the first.
        x, y: (nodes down, nodes across) source pixels from the source's top left corner.
        exact: flat indices of output pixels, rising; `exact_x`, `exact_y` lie there.
    """

    rows: Float
    cols: Float
    x: Float
    y: Float
    exact: Index
    exact_x: Float
    exact_y: Float

    def block(self, start: int, stop: int, width: int) -> tuple[Float, Float]:
        """Source x and y, (stop - start, width), of the output rows from `start` to `stop`."""
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
    """Find where the pixels of an output of `shape` (rows, cols) lie, by few transformed points."""
    unit = _unit(locate, shape)
    return _sharpened(_filled(locate, shape, unit), locate, shape, source_shape, unit)


def _unit(locate: Locate, shape: tuple[int, int]) -> float:
    """Source pixels to a pixel of the level that is likely to be read: a power of two.

    To be exact to a part of a pixel at full resolution is of no use to an output that is coarser.
    """
    rows, cols = _nodes(shape[0], FIRST_STEP), _nodes(shape[1], FIRST_STEP)
    x, y = _locate_grid(locate, rows, cols)
    with np.errstate(invalid="ignore", over="ignore"):
        across = np.hypot(np.diff(x), np.diff(y)) / np.diff(cols)
        down = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0)) / np.diff(rows)[:, None]
    known = [steps[np.isfinite(steps)] for steps in (across, down)]
    smallest = min((float(np.median(steps)) for steps in known if steps.size), default=1.0)
    return 2.0 ** floor(log2(max(smallest, 1.0)))


def row_blocks(shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Half-open ranges of output rows that are worked on at a time."""
    step = max(1, BLOCK // shape[1])
    for start in range(0, shape[0], step):
        yield start, min(shape[0], start + step)


def _filled(locate: Locate, shape: tuple[int, int], unit: float) -> CoordinateGrid:
    """Make the grid finer until few cells miss their middles."""
    step = FIRST_STEP
    while True:
        rows, cols = _nodes(shape[0], step), _nodes(shape[1], step)
        x, y = _locate_grid(locate, rows, cols)
        bad = _misses(x / unit) | _misses(y / unit)
        if bad.mean() <= FEW or step <= LAST_STEP:
            break
        step //= 2
    # infinite nodes lie in cells that are transformed pixel by pixel; 0 keeps warnings away
    x, y = np.where(np.isfinite(x), x, 0), np.where(np.isfinite(y), y, 0)
    exact = _pixels(bad, rows, cols, shape)
    return CoordinateGrid(rows, cols, x, y, exact, *_locate_flat(locate, exact, shape))


def _locate_grid(locate: Locate, rows: Float, cols: Float) -> tuple[Float, Float]:
    down, right = np.repeat(rows, len(cols)), np.tile(cols, len(rows))
    x, y = locate(down, right)
    return x.reshape(len(rows), -1), y.reshape(len(rows), -1)


def _nodes(count: int, step: int) -> Float:
    """Corners of cells of `step` pixels and their middles in turn, over `count` pixels."""
    corners = np.append(np.arange(0, count - 1, step), max(count - 1, 1)).astype(np.float64)
    if count == 1:
        corners = np.array([0.0, 1.0])
    nodes = np.empty(2 * len(corners) - 1)
    nodes[::2], nodes[1::2] = corners, (corners[1:] + corners[:-1]) / 2
    return nodes


def _misses(nodes: Float) -> Bools:
    """(cells down, cells across): where the corners of a cell do not predict its middles."""
    with np.errstate(invalid="ignore", over="ignore"):
        guess = nodes.copy()
        guess[:, 1::2] = (nodes[:, :-1:2] + nodes[:, 2::2]) / 2
        guess[1::2] = (guess[:-1:2] + guess[2::2]) / 2
        good = np.abs(guess - nodes) <= TOLERANCE
    down = good[:-1:2] & good[1::2] & good[2::2]
    return ~(down[:, :-1:2] & down[:, 1::2] & down[:, 2::2])


def _pixels(bad: Bools, rows: Float, cols: Float, shape: tuple[int, int]) -> Index:
    """Flat indices of the output pixels of bad cells, rising."""
    if not bad.any():
        return np.zeros(0, np.intp)
    row = _between(rows, np.arange(shape[0], dtype=np.float64))[0] // 2
    col = _between(cols, np.arange(shape[1], dtype=np.float64))[0] // 2
    return np.flatnonzero(bad[row[:, None], col])


def _between(nodes: Float, positions: Float) -> tuple[Index, Float]:
    """For each position: the node before it, and how far it lies to the next, 0 to 1."""
    before = np.clip(np.searchsorted(nodes, positions, side="right") - 1, 0, len(nodes) - 2)
    return before, (positions - nodes[before]) / (nodes[before + 1] - nodes[before])


def _sharpened(
    grid: CoordinateGrid,
    locate: Locate,
    shape: tuple[int, int],
    source_shape: tuple[int, int],
    unit: float,
) -> CoordinateGrid:
    """Transform what lies within the tolerance of a border of source pixels, or of the source.

    So "nearest" takes the pixel that exact transformation takes.
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
    """Units to the next border of two."""
    return np.abs(x / unit - np.rint(x / unit))


def _from_edge(x: Float, size: int) -> Float:
    """Source pixels to the nearer edge of the source."""
    return np.minimum(np.abs(x), np.abs(x - size))


def _locate_flat(locate: Locate, flat: Index, shape: tuple[int, int]) -> tuple[Float, Float]:
    """Source x and y of output pixels given by their flat indices."""
    if not flat.size:
        return np.zeros(0), np.zeros(0)
    rows, cols = np.divmod(flat, shape[1])
    return locate(rows.astype(np.float64), cols.astype(np.float64))
