"""An area to pieces that each fit a budget of bytes, cut where stored tiles begin. No I/O.

Pieces are whole rows of tiles where one fits, as many as do: tiles that lie side by side share a
request. A row that does not fit is cut across. So no tile is read for two pieces, and a thin strip
has as many pieces as its bytes take, not as its length does (cog.export.pieces).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.window import SNAP, Window

Cost = Callable[[Window], int]
"""Bytes that a piece takes while it is read; a larger piece takes more."""


class SourceShare(NamedTuple):
    """What some pixels of a result need of the source along one axis.

    Attributes:
        pixels: of the source.
        tiles: that hold them.
    """

    pixels: int
    tiles: int


@dataclass(frozen=True)
class AreaAxis:
    """One axis of an area, and the tiles under it.

    Attributes:
        count: pixels of the result.
        offset: source pixel that the first of them begins at; may be fractional.
        ratio: source pixels per pixel of the result.
        tile: source pixels of a tile.
        size: source pixels of the whole.
        reach: source pixels that are needed on either side of a pixel's own.
    """

    count: int
    offset: float
    ratio: float
    tile: int
    size: int
    reach: float = 0.0

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """Where pieces may begin and end, in pixels of the result: from 0 to `count`.

        These are the first pixels of tiles; of a result of other pixels, the nearest to them.
        """
        first = floor(self.offset / self.tile) + 1
        last = ceil((self.offset + self.count * self.ratio) / self.tile)
        begins = np.arange(first, max(last, first), dtype=np.float64) * self.tile
        inner = np.rint((begins - self.offset) / self.ratio).astype(np.int64)
        inner = inner[(inner > 0) & (inner < self.count)]
        return np.unique(np.concatenate([[0], inner, [self.count]]))

    def footprint(self, start: int, stop: int) -> SourceShare:
        """Return what pixels `start` to `stop` (half-open) need of the source."""
        low = floor(self.offset + start * self.ratio - self.reach + SNAP)
        high = ceil(self.offset + stop * self.ratio + self.reach - SNAP)
        low, high = max(low, 0), min(high, self.size)
        if high <= low:
            return SourceShare(0, 0)
        return SourceShare(high - low, (high - 1) // self.tile - low // self.tile + 1)


def least_budget(down: AreaAxis, across: AreaAxis, cost: Cost) -> int:
    """Return the bytes that the most expensive piece takes if all are as small as can be."""
    rows, cols = np.diff(down.edges), np.diff(across.edges)
    y, x = int(rows.argmax()), int(cols.argmax())
    row, col = int(down.edges[y]), int(across.edges[x])
    return cost(Window(col, row, int(cols[x]), int(rows[y])))


def split(
    down: AreaAxis, across: AreaAxis, cost: Cost, budget: int, wanted: int
) -> Iterator[Window]:
    """Cut an area into pieces, row by row, each of which takes at most `budget` bytes.

    Args:
        down: its rows.
        across: its columns.
        cost: bytes of a piece.
        budget: bytes of a piece at most; no less than `least_budget`.
        wanted: bytes up to which rows of tiles are put together.
    """
    cells = _Cells(down.edges.tolist(), across.edges.tolist(), cost)
    first, most = 0, min(budget, wanted)
    while first < cells.down:
        stop = cells.last_row(first, budget, most)
        yield from cells.across_row(first, stop, budget)
        first = stop


class _Cells:
    """Tiles of an area, and what rectangles of them cost."""

    def __init__(self, rows: list[int], cols: list[int], cost: Cost) -> None:
        self._rows, self._cols, self._cost = rows, cols, cost
        self.down, self._across = len(rows) - 1, len(cols) - 1

    def window(self, first: int, stop: int, begin: int, end: int) -> Window:
        """Return the pixels of rows `first` to `stop` and columns `begin` to `end` of tiles."""
        row, col = self._rows[first], self._cols[begin]
        return Window(col, row, self._cols[end] - col, self._rows[stop] - row)

    def last_row(self, first: int, budget: int, most: int) -> int:
        """Return behind which row a piece ends: one row, or as many whole ones as `most` allows."""
        if self._cost(self.window(first, first + 1, 0, self._across)) > budget:
            return first + 1

        def fits(stop: int) -> bool:
            return self._cost(self.window(first, stop, 0, self._across)) <= most

        return _last(first, self.down, fits)

    def across_row(self, first: int, stop: int, budget: int) -> Iterator[Window]:
        """Give the pieces of some rows, from left to right."""
        begin = 0
        while begin < self._across:
            end = self._last_col(first, stop, begin, budget)
            yield self.window(first, stop, begin, end)
            begin = end

    def _last_col(self, first: int, stop: int, begin: int, budget: int) -> int:
        def fits(end: int) -> bool:
            return self._cost(self.window(first, stop, begin, end)) <= budget

        return _last(begin, self._across, fits)


def _last(first: int, most: int, fits: Callable[[int], bool]) -> int:
    """Return the last of `first` + 1 to `most` that fits; `first` + 1 in any case."""
    low, high = first + 1, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def halves(window: Window) -> tuple[Window, Window] | None:
    """Return the halves of a window, cut across its longer side; None of a single pixel."""
    col, row, width, height = window
    if width == height == 1:
        return None
    if width >= height:
        half = width // 2
        return Window(col, row, half, height), Window(col + half, row, width - half, height)
    half = height // 2
    return Window(col, row, width, half), Window(col, row + half, width, height - half)
