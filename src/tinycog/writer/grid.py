"""Levels of an image that is written, their tiles, and the orders in which they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.writer.pixel_source import Region


class TileGrid(NamedTuple):
    """A level and its tiles.

    Attributes:
        rows: of pixels.
        cols: of pixels.
        tile: pixels of a tile, both ways.
    """

    rows: int
    cols: int
    tile: int

    @property
    def down(self) -> int:
        """Rows of tiles."""
        return -(-self.rows // self.tile)

    @property
    def across(self) -> int:
        """Columns of tiles."""
        return -(-self.cols // self.tile)

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return self.down * self.across

    def region(self, y: int, x: int) -> Region:
        """Return the pixels of a tile that lie inside the image."""
        row, col = y * self.tile, x * self.tile
        return Region(row, col, min(row + self.tile, self.rows), min(col + self.tile, self.cols))

    def touched(self, region: Region) -> Iterator[tuple[int, int]]:
        """Iterate over (y, x) of the tiles that a region touches, row by row."""
        if not (region.rows and region.cols):  # it may lie within one all the same
            return iter(())
        ys = range(region.row // self.tile, -(-region.row_stop // self.tile))
        xs = range(region.col // self.tile, -(-region.col_stop // self.tile))
        return ((y, x) for y in ys for x in xs)

    def alike(self, some: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
        """Iterate over (start, stop) of tiles that follow each other and have one size, half-open.

        Args:
            some: (tiles,), those that count.
        """
        sizes = np.ones((self.down, self.across), np.uint8)  # 0 = does not count
        sizes[:, -1] += 1
        sizes[-1] += 2
        found = sizes.reshape(-1) * some
        ends = np.flatnonzero(np.diff(found)) + 1
        for start, stop in pairwise([0, *ends.tolist(), self.tiles]):
            if found[start]:
                yield start, stop

    @property
    def whole(self) -> Region:
        """All pixels."""
        return Region(0, 0, self.rows, self.cols)


def intersection(a: Region, b: Region) -> Region:
    """Return the pixels that two regions share; without rows or columns if there are none."""
    row, col = max(a.row, b.row), max(a.col, b.col)
    return Region(
        row, col, max(row, min(a.row_stop, b.row_stop)), max(col, min(a.col_stop, b.col_stop))
    )


def row_by_row(
    grid: TileGrid, step: tuple[int, int], origin: tuple[int, int] = (0, 0)
) -> Iterator[Region]:
    """Cut an image into regions of `step` (rows, cols), row by row.

    The image begins `origin` (rows, cols) behind the corner of the first region.
    """
    for row in range(-origin[0], grid.rows, step[0]):
        for col in range(-origin[1], grid.cols, step[1]):
            yield _region(grid, row, col, step)


def _region(grid: TileGrid, row: int, col: int, step: tuple[int, int]) -> Region:
    """Return what lies in the image of a region of `step`."""
    row_stop, col_stop = min(row + step[0], grid.rows), min(col + step[1], grid.cols)
    return Region(max(row, 0), max(col, 0), row_stop, col_stop)


def in_squares(
    grid: TileGrid, step: tuple[int, int], origin: tuple[int, int] = (0, 0)
) -> Iterator[Region]:
    """Cut an image into regions of `step`, in Z-order: each square of 2 x 2 squares in turn.

    A region comes after those above it and to its left; `origin` as for `row_by_row`.
    """
    down, across = (
        -(-(size + first) // one)
        for size, first, one in zip((grid.rows, grid.cols), origin, step, strict=True)
    )
    stack = [(0, 0, 1 << max(down - 1, across - 1, 0).bit_length())]
    while stack:
        y, x, size = stack.pop()
        if y >= down or x >= across:
            continue
        if size > 1:
            half = size // 2
            corners = [(y, x), (y, x + half), (y + half, x), (y + half, x + half)]
            stack += [(*corner, half) for corner in reversed(corners)]
            continue
        yield _region(grid, y * step[0] - origin[0], x * step[1] - origin[1], step)
