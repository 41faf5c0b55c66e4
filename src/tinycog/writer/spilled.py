"""Tiles that wait for their pixels, or for their neighbours, put aside if they are too many."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from tinycog.writer.aside import Put, put_aside, read_back
from tinycog.writer.assemble import Assembler, OpenTile, Pixels, RawTile, cut
from tinycog.writer.grid import intersection
from tinycog.writer.halos import Halos
from tinycog.writer.in_order import Spools

Place = tuple[int, int, int]
"""Level, row and column of a tile."""


class _Put(NamedTuple):
    """A tile that was put aside, and how many of its pixels have not come."""

    put: Put
    left: int


class SpilledTiles:
    """Keeps what the assemblers and the halos of all levels hold below a number of bytes."""

    def __init__(
        self,
        assemblers: Sequence[Assembler],
        halos: Sequence[Halos],
        spool: Spools,
        limit: int,
    ) -> None:
        """Start without a tile.

        Args:
            assemblers: of all levels.
            halos: likewise.
            spool: for tiles that are put aside.
            limit: bytes of tiles that are not whole, or wait, in memory.
        """
        self._assemblers = assemblers
        self._halos = halos
        self._spool = spool
        self._limit = limit
        self._put: dict[Place, _Put] = {}

    async def put(self, level: int, pixels: Pixels) -> AsyncIterator[RawTile]:
        """Take pixels, and give the tiles that they make whole; see `Assembler.put`."""
        assembler = self._assemblers[level]
        for y, x in assembler.grid.touched(pixels.region):
            if self._put:
                await self._restore((level, y, x))
            part = intersection(assembler.grid.region(y, x), pixels.region)
            for tile in assembler.put(Pixels(part, *cut(pixels, part))):
                yield tile
            if self._held() > self._limit:
                await self._relieve()

    async def rest(self, level: int) -> AsyncIterator[RawTile]:
        """Give the tiles of a level that are not whole, filled."""
        assembler = self._assemblers[level]
        for tile in assembler.rest():
            yield tile
        for place in sorted(place for place in self._put if place[0] == level):
            await self._restore(place)
            for tile in assembler.rest():
                yield tile

    async def _relieve(self) -> None:
        """Put tiles aside until they take no more than allowed."""
        while self._held() > self._limit:
            holder = max((*self._assemblers, *self._halos), key=lambda one: one.nbytes)
            if isinstance(holder, Halos):
                await holder.put_aside()
                continue
            (y, x), tile = holder.evict()
            put = await put_aside(self._spool, tile.samples, tile.valid, tile.covered)
            self._put[holder.level, y, x] = _Put(put, tile.left)

    def _held(self) -> int:
        return sum(one.nbytes for one in (*self._assemblers, *self._halos))

    async def _restore(self, place: Place) -> None:
        """Take a tile back, if it was put aside."""
        found = self._put.pop(place, None)
        if found is not None:
            samples, (valid, covered) = await read_back(self._spool, found.put)
            tile = OpenTile(samples, valid, covered, found.left)
            self._assemblers[place[0]].restore(place[1:], tile)
