"""Tiles with the pixels around them that the next level's pixels are made of, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.writer.aside import Put, put_aside, read_back
from tinycog.writer.assemble import NO_SAMPLES, Mask, Pixels, RawTile, Samples
from tinycog.writer.grid import TileGrid, intersection
from tinycog.writer.in_order import Spools
from tinycog.writer.pixel_source import Region


class Margins(NamedTuple):
    """How many pixels beyond a tile are needed."""

    above: int
    below: int
    left: int
    right: int

    def around(self, region: Region, grid: TileGrid) -> Region:
        """Return a region with its margins, as far as they lie in the image."""
        return Region(
            max(region.row - self.above, 0),
            max(region.col - self.left, 0),
            min(region.row_stop + self.below, grid.rows),
            min(region.col_stop + self.right, grid.cols),
        )


@dataclass(slots=True)
class _Waiting:
    """What has come of a tile and its neighbours.

    Attributes:
        left: neighbours of which nothing has come.
        tile: itself, without its samples if they were put aside.
        pieces: parts of the margins.
        aside: where its samples were put, and parts of the margins.
    """

    left: int
    tile: RawTile | None = None
    pieces: list[Pixels] = field(default_factory=list[Pixels])
    aside: list[tuple[Region, Put]] = field(default_factory=list[tuple[Region, Put]])


class Halos:
    """Gives each tile of a level once all pixels around it have come.

    Only the pixels that a neighbour needs are kept of a tile that is used up: in an order in which
    a tile comes after those above and to its left, none waits where nothing is needed from below
    or from the right. What waits can be put aside.

    Attributes:
        nbytes: of the pixels that are kept, and of tiles that wait, in memory.
    """

    def __init__(
        self,
        grid: TileGrid,
        level: int,
        margins: Margins,
        fill: float | None,
        spool: Spools,
        *,
        has_valid: bool,
        owns_tiles: bool = True,
        is_done: NDArray[np.bool_] | None = None,
    ) -> None:
        """Start without a tile.

        Args:
            grid: the level.
            level: 0 = full resolution.
            margins: what is needed around a tile.
            fill: value of samples that never come; None = all come.
            spool: for what is put aside.
            has_valid: whether those that never come are invalid.
            owns_tiles: whether tiles take memory, and are not views of what the caller has.
            is_done: (down, across), tiles that are not wanted: their pixels only lie around
                others. None = all are.
        """
        self._grid = grid
        self._level = level
        self._margins = margins
        self._fill = fill
        self._has_valid = has_valid
        self._spool = spool
        self._owns_tiles = owns_tiles
        self._is_done = is_done
        self._waiting: dict[tuple[int, int], _Waiting] = {}
        self._kept: dict[tuple[int, int], int] = {}
        self.nbytes = 0

    @property
    def has_margins(self) -> bool:
        """Whether pixels around a tile are needed."""
        return any(self._margins)

    async def put(self, tile: RawTile) -> AsyncIterator[tuple[RawTile, Pixels]]:
        """Take a tile; give those that lack nothing any more, with their margins."""
        is_wanted = self._wants(tile.y, tile.x)
        if not self.has_margins:
            if is_wanted:
                yield tile, Pixels(tile.region, tile.samples, tile.valid)
            return
        if is_wanted:
            waiting = self._of(tile.y, tile.x)
            if waiting.left and self._owns_tiles:
                tile = tile._replace(samples=_alone(tile.samples), valid=_alone(tile.valid))
            waiting.tile = tile
            self._keep((tile.y, tile.x), tile.nbytes if self._owns_tiles else 0)
        for y, x, part in self._parts_for_others(tile):
            neighbour = self._of(y, x)
            neighbour.left -= 1
            piece = _copy(tile, part)
            neighbour.pieces.append(piece)
            self._keep((y, x), piece.nbytes)
            if not neighbour.left and neighbour.tile is not None:
                yield await self._complete(y, x, neighbour.tile)
        if is_wanted and not self._of(tile.y, tile.x).left:
            yield await self._complete(tile.y, tile.x, tile)

    def _parts_for_others(self, tile: RawTile) -> Iterator[tuple[int, int, Region]]:
        """Iterate over (y, x) of the tiles that need pixels of a tile, and which they need."""
        for y, x in self._neighbours(tile.y, tile.x):
            if self._wants(y, x):
                around = self._margins.around(self._grid.region(y, x), self._grid)
                part = intersection(around, tile.region)
                if part.rows and part.cols:
                    yield y, x, part

    def _wants(self, y: int, x: int) -> bool:
        return self._is_done is None or not self._is_done[y, x]

    def _keep(self, place: tuple[int, int], nbytes: int) -> None:
        if nbytes:
            self._kept[place] = self._kept.get(place, 0) + nbytes
            self.nbytes += nbytes

    async def put_aside(self) -> None:
        """Put aside what has come of the tile that waits longest."""
        place = next(iter(self._kept))
        waiting = self._waiting[place]
        tile = waiting.tile
        if tile is not None and self._owns_tiles and tile.samples is not NO_SAMPLES:
            waiting.pieces.append(Pixels(tile.region, tile.samples, tile.valid))
            waiting.tile = tile._replace(samples=NO_SAMPLES, valid=None)
        for piece in waiting.pieces:
            put = await put_aside(self._spool, piece.samples, piece.valid)
            waiting.aside.append((piece.region, put))
        waiting.pieces = []
        self.nbytes -= self._kept.pop(place)

    async def rest(self) -> AsyncIterator[tuple[RawTile, Pixels]]:
        """Give all tiles that still wait, filled where pixels never came."""
        if self._waiting and self._fill is None:
            raise AssertionError  # pixels would be whatever the memory held
        for y, x in sorted(self._waiting):
            waiting = self._waiting[y, x]
            tile = waiting.tile
            if tile is None:
                like = waiting.pieces[0].samples if waiting.pieces else waiting.aside[0][1]
                region = self._grid.region(y, x)
                samples = self._filled((region.rows, region.cols, like.shape[2]), like.dtype)
                valid = np.zeros(samples.shape[:2], np.bool_) if self._has_valid else None
                tile = RawTile(self._level, y, x, region, samples, valid)
            yield await self._complete(y, x, tile)

    def _filled(self, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Samples:
        samples: Samples = np.empty(shape, dtype)
        if self._fill is not None:
            samples[...] = self._fill
        return samples

    def _neighbours(self, y: int, x: int) -> Iterator[tuple[int, int]]:
        for row in range(max(y - 1, 0), min(y + 2, self._grid.down)):
            for col in range(max(x - 1, 0), min(x + 2, self._grid.across)):
                if (row, col) != (y, x):
                    yield row, col

    def _of(self, y: int, x: int) -> _Waiting:
        found = self._waiting.get((y, x))
        if found is None:
            around = self._margins.around(self._grid.region(y, x), self._grid)
            parts = (
                intersection(around, self._grid.region(*other)) for other in self._neighbours(y, x)
            )
            count = sum(1 for part in parts if part.rows and part.cols)
            found = self._waiting[y, x] = _Waiting(count)
        return found

    async def _complete(self, y: int, x: int, tile: RawTile) -> tuple[RawTile, Pixels]:
        """Return a tile and the pixels around it, which are not kept any longer."""
        waiting = self._waiting.pop((y, x))
        self.nbytes -= self._kept.pop((y, x), 0)
        pieces = waiting.pieces
        for region, put in waiting.aside:
            samples, (valid,) = await read_back(self._spool, put)
            if region == tile.region:
                tile = tile._replace(samples=samples, valid=valid)
            else:
                pieces.append(Pixels(region, samples, valid))
        around = self._margins.around(tile.region, self._grid)
        if around == tile.region:
            return tile, Pixels(tile.region, tile.samples, tile.valid)
        samples = self._filled(
            (around.rows, around.cols, tile.samples.shape[2]), tile.samples.dtype
        )
        lacks = self._fill is not None and self._has_valid
        has_mask = lacks or tile.valid is not None
        has_mask = has_mask or any(piece.valid is not None for piece in pieces)
        valid = None
        if has_mask:
            valid = np.full(samples.shape[:2], not lacks, np.bool_)
        for piece in (Pixels(tile.region, tile.samples, tile.valid), *pieces):
            rows = slice(piece.region.row - around.row, piece.region.row_stop - around.row)
            cols = slice(piece.region.col - around.col, piece.region.col_stop - around.col)
            samples[rows, cols] = piece.samples
            if valid is not None:
                valid[rows, cols] = True if piece.valid is None else piece.valid
        return tile, Pixels(around, samples, valid)


def _alone(array: Samples | None) -> Samples | None:
    """Return an array that keeps no more memory than it counts: a copy, if it is a part."""
    if array is None:
        return None
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return array.copy(order="K") if owner.nbytes > array.nbytes else array


def _copy(tile: RawTile, part: Region) -> Pixels:
    """Return a copy of a part of a tile, which does not keep the tile."""
    rows = slice(part.row - tile.region.row, part.row_stop - tile.region.row)
    cols = slice(part.col - tile.region.col, part.col_stop - tile.region.col)
    valid: Mask | None = None if tile.valid is None else tile.valid[rows, cols].copy()
    return Pixels(part, tile.samples[rows, cols].copy(), valid)
