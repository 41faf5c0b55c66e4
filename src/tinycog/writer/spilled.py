"""Tiles that are not whole, put aside when they take too much memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.writer.assemble import Assembler, OpenTile, Pixels, RawTile, cut
from tinycog.writer.grid import intersection
from tinycog.writer.in_order import Spools

Place = tuple[int, int, int]
"""Level, row and column of a tile."""


class _Put(NamedTuple):
    """Where a tile was put.

    Attributes:
        position: in the spool.
        length: in bytes.
        shape: of the samples.
        dtype: of the samples.
        is_planar: whether they lie plane by plane.
        has_valid: whether a mask follows.
        has_covered: whether it is noted which pixels have come.
        left: how many have not.
    """

    position: int
    length: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_planar: bool
    has_valid: bool
    has_covered: bool
    left: int


class SpilledTiles:
    """Keeps what the assemblers of all levels hold below a number of bytes."""

    def __init__(self, assemblers: Sequence[Assembler], spool: Spools, limit: int) -> None:
        """Start without a tile.

        Args:
            assemblers: of all levels.
            spool: for tiles that are put aside.
            limit: bytes of tiles that are not whole, in memory.
        """
        self._assemblers = assemblers
        self._spool = spool
        self._limit = limit
        self._put: dict[Place, _Put] = {}

    async def put(self, level: int, pixels: Pixels) -> AsyncIterator[RawTile]:
        """Take pixels, and give the tiles that they make whole; see `Assembler.put`."""
        assembler = self._assemblers[level]
        for y, x in assembler.grid.touched(pixels.region):
            await self._restore((level, y, x))
            part = intersection(assembler.grid.region(y, x), pixels.region)
            for tile in assembler.put(Pixels(part, *cut(pixels, part))):
                yield tile
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
        while sum(assembler.nbytes for assembler in self._assemblers) > self._limit:
            level = max(range(len(self._assemblers)), key=lambda i: self._assemblers[i].nbytes)
            (y, x), tile = self._assemblers[level].evict()
            self._put[level, y, x] = await self._put_aside(tile)

    async def _put_aside(self, tile: OpenTile) -> _Put:
        samples = tile.samples
        is_planar = not samples.flags.c_contiguous
        lying = samples.transpose(2, 0, 1) if is_planar else samples
        parts = [np.ascontiguousarray(lying).reshape(-1).view(np.uint8)]
        parts += [
            mask.reshape(-1).view(np.uint8)
            for mask in (tile.valid, tile.covered)
            if mask is not None
        ]
        data = np.concatenate(parts)
        position = await self._spool.append(memoryview(data))
        return _Put(
            position,
            data.nbytes,
            samples.shape,
            samples.dtype,
            is_planar,
            tile.valid is not None,
            tile.covered is not None,
            tile.left,
        )

    async def _restore(self, place: Place) -> None:
        """Take a tile back, if it was put aside."""
        put = self._put.pop(place, None)
        if put is None:
            return
        data = bytearray()
        async for part in self._spool.read([put.position], [put.length], is_last=True):
            data += part
        count = put.shape[0] * put.shape[1]
        stored = count * put.shape[2] * put.dtype.itemsize
        whole: NDArray[np.uint8] = np.frombuffer(data, np.uint8)
        samples = whole[:stored].view(put.dtype)
        if put.is_planar:
            rows, cols, planes = put.shape
            samples = samples.reshape(planes, rows, cols).transpose(1, 2, 0)
        else:
            samples = samples.reshape(put.shape)
        masks = whole[stored:].view(np.bool_).reshape(-1, *put.shape[:2])
        valid = masks[0] if put.has_valid else None
        covered = masks[-1] if put.has_covered else None
        tile = OpenTile(samples, valid, covered, put.left)
        self._assemblers[place[0]].restore(place[1:], tile)
