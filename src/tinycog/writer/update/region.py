"""Which pixels of each level change with a region of level 0, and which old tiles are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinycog.writer.design import LevelWork
from tinycog.writer.grid import intersection
from tinycog.writer.pixel_source import Region
from tinycog.writer.reduce import BlockReducer

Place = tuple[int, int, int]
"""(level, row, column) of a tile."""


def changed_regions(levels: Sequence[LevelWork], changed: Region) -> list[Region]:
    """Return the pixels of each level that may change, level 0 first."""
    found = [changed]
    for level in levels[:-1]:
        reducer = level.reducer
        if reducer is None:
            raise AssertionError  # only the last level has none
        margins, grid = reducer.margins, level.shape.grid
        around = Region(
            _even_before(changed.row - margins.below, grid.rows),
            _even_before(changed.col - margins.right, grid.cols),
            _even_behind(changed.row_stop + margins.above, grid.rows),
            _even_behind(changed.col_stop + margins.left, grid.cols),
        )
        changed = Region(*reducer.reducer.made_of(around))
        found.append(changed)
    return found


def _even_before(position: int, size: int) -> int:
    return min(max(position - position % 2, 0), size)


def _even_behind(position: int, size: int) -> int:
    return min(position + position % 2, size)


def inner_region(level: LevelWork, region: Region) -> Region:
    """Return the part of a region that begins and ends at even pixels, with margins inside of it.

    Where it ends with the image, nothing lies beyond.
    """
    grid = level.shape.grid
    margins = level.shape.margins

    def start(position: int, margin: int) -> int:
        return 0 if not position else position + margin + (position + margin) % 2

    def stop(position: int, margin: int, size: int) -> int:
        inside = position - margin
        return size if position == size else inside - inside % 2

    row, col = start(region.row, margins.above), start(region.col, margins.left)
    row_stop = stop(region.row_stop, margins.below, grid.rows)
    col_stop = stop(region.col_stop, margins.right, grid.cols)
    return Region(row, col, max(row, row_stop), max(col, col_stop))


class Needed:
    """The old tiles without whose pixels the tiles that change cannot be made."""

    def __init__(self, levels: Sequence[LevelWork], changed: Sequence[Region]) -> None:
        """Find them.

        Args:
            levels: all of them.
            changed: pixels of each that change.
        """
        self._levels = levels
        self._changed = changed
        self._seen = set[Place]()
        self.tiles = set[Place]()
        for place in changed_tiles(levels, changed):
            self._make(place)

    def _make(self, place: Place) -> None:
        if place in self._seen:
            return
        self._seen.add(place)
        z, y, x = place
        region = self._levels[z].shape.grid.region(y, x)
        part = intersection(region, self._changed[z])
        if part != region:
            self.tiles.add(place)
        if is_empty(part):
            return
        self._reduce(z, part)

    def _reduce(self, z: int, part: Region) -> None:
        """Note what the pixels of a part of a level are made of."""
        if not z:
            return
        support = support_of(self._levels[z - 1].reducer, part)
        below = self._levels[z - 1].shape
        if not below.is_stored:
            self._reduce(z - 1, support)
            return
        for y, x in below.grid.touched(support):
            self._make((z - 1, y, x))


def changed_tiles(levels: Sequence[LevelWork], changed: Sequence[Region]) -> Iterator[Place]:
    """Iterate over the tiles that are stored and may change, level by level."""
    for z, (level, region) in enumerate(zip(levels, changed, strict=True)):
        if level.shape.is_stored:
            for y, x in level.shape.grid.touched(region):
                yield z, y, x


def support_of(reducer: BlockReducer | None, block: Region) -> Region:
    """Return the pixels of a level that a block of the next one is made of."""
    if reducer is None:
        raise AssertionError  # the last level has no next one
    return Region(*reducer.reducer.support(block))


def is_empty(region: Region) -> bool:
    """Return whether a region has no pixels."""
    return region.rows <= 0 or region.cols <= 0
