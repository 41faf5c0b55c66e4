"""One pass: blocks of pixels to tiles, tiles to records and to the next level's pixels."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from tinycog.errors import UsageError
from tinycog.thread_pool import start_in_pool
from tinycog.writer.assemble import Assembler, Pixels, RawTile
from tinycog.writer.checksums import LevelChecksums
from tinycog.writer.deferred import Aside, Deferred
from tinycog.writer.grid import TileGrid
from tinycog.writer.halos import Halos
from tinycog.writer.in_order import SpooledRecords, StreamedRecords
from tinycog.writer.pixel_source import PixelBlock, PixelSource, Region
from tinycog.writer.records import LevelIndex, record
from tinycog.writer.spilled import SpilledTiles
from tinycog.writer.statistics import Moments, StatisticsTree
from tinycog.writer.tile_work import Encoders, TileDone, TileWork

BATCH_BYTES = 1 << 20
"""Bytes of pixels that a worker thread takes at once: small tiles do not each pay for it."""


@dataclass(frozen=True, slots=True)
class LevelPass:
    """A level while it is made.

    Attributes:
        grid: its tiles.
        work: what is done with each.
        assembler: makes them of blocks.
        halos: adds the pixels around them.
        records: what is stored of them; None where the level is only passed through.
        index: how long that is.
        checksums: of what is stored of them; None where it will not be read back.
    """

    grid: TileGrid
    work: TileWork
    assembler: Assembler
    halos: Halos
    records: SpooledRecords | StreamedRecords | None
    index: LevelIndex
    checksums: LevelChecksums | None = None


class _Task(NamedTuple):
    """A tile that waits for a thread."""

    tile: RawTile
    around: Pixels | None
    is_encoded: bool

    @property
    def nbytes(self) -> int:
        return self.tile.nbytes


class Engine:
    """Carries pixels through all levels, with a bounded number of tiles on their way."""

    def __init__(
        self,
        source: PixelSource,
        levels: Sequence[LevelPass],
        deferred: Deferred,
        spilled: SpilledTiles,
        *,
        sparse: bool,
        keeps_valid: bool | None,
        in_flight: int,
        progress: Callable[[int], None] | None,
    ) -> None:
        """Take what is written.

        Args:
            source: of the pixels.
            levels: all of them, full resolution first.
            deferred: the tiles that wait until codec and predictor are chosen.
            spilled: the tiles that are not whole, in memory or put aside.
            sparse: whether pixels may be lacking.
            keeps_valid: whether the file says which pixels are not valid: True, or False, or None
                where none may be.
            in_flight: batches of tiles that threads work on at once.
            progress: called with the number of pixels of level 0 that are done since.
        """
        self._source = source
        self._levels = levels
        self._deferred = deferred
        self._spilled = spilled
        self._sparse = sparse
        self._keeps_valid = keeps_valid
        self._limit = in_flight
        self._progress = progress
        self._ready: deque[_Task] = deque()
        self._ready_bytes = 0
        self._backlog: deque[Aside] = deque()
        self._in_flight: deque[asyncio.Future[list[TileDone]]] = deque()
        self._statistics = StatisticsTree()

    @property
    def moments(self) -> Sequence[Moments]:
        """What is known of each band."""
        return self._statistics.result()

    async def run(self, regions: Iterable[Region]) -> None:
        """Take all pixels, of the regions in this order where the source is asked.

        Raises:
            UsageError: pixels come twice, or never.
            WriteError: a tile cannot be encoded.
        """
        try:
            await self._take_blocks(regions)
            for z, level in enumerate(self._levels):
                await self._flush()
                async for tile in self._spilled.rest(z):
                    await self._add(tile)
                    await self._start_batches()
                await self._flush()
                async for tile, around in level.halos.rest():
                    self._add_task(_Task(tile, around, is_encoded=True))
                    await self._start_batches()
                if not self._deferred.is_decided:
                    await self._flush()
                    self._backlog += await self._deferred.decide()
            await self._flush()
        finally:
            for future in self._in_flight:
                future.cancel()

    async def _take_blocks(self, regions: Iterable[Region]) -> None:
        asked: deque[Region] = deque()

        def remembered() -> Iterator[Region]:
            for region in regions:
                asked.append(region)
                yield region

        async with aclosing(self._source.blocks(remembered())) as blocks:
            async for block in blocks:
                pixels = _pixels(block)
                if self._source.is_asked and pixels.region != (expected := asked.popleft()):
                    raise _other_region(expected, pixels.region)
                async for tile in self._spilled.put(0, self._known_valid(pixels)):
                    await self._add(tile)
                    await self._start_batches()
                del block, pixels
        first = self._levels[0].assembler
        if not self._sparse and (lacking := first.missing()) is not None:
            raise _never_came(lacking, first.count_missing)

    def _known_valid(self, pixels: Pixels) -> Pixels:
        """Return pixels with the mask that the file keeps.

        Raises:
            UsageError: some are not valid, which the file cannot say.
        """
        if self._keeps_valid or pixels.valid is None:
            return pixels
        if self._keeps_valid is None and not pixels.valid.all():
            message = (
                f"the block at row {pixels.region.row}, column {pixels.region.col} has pixels that"
                ' are not valid: pass nodata=, or mask="internal" (mask="none" ignores that)'
            )
            raise UsageError(message)
        return pixels._replace(valid=None)

    async def _add(self, tile: RawTile) -> None:
        async for whole, around in self._levels[tile.level].halos.put(tile):
            self._add_task(_Task(whole, around, is_encoded=True))

    def _add_task(self, task: _Task) -> None:
        self._ready.append(task)
        self._ready_bytes += task.nbytes

    async def _flush(self) -> None:
        """Work until nothing waits or is under way."""
        while self._ready or self._backlog or self._in_flight:
            await self._start_batches(least=1)
            if self._in_flight:
                await self._collect()

    async def _start_batches(self, least: int = BATCH_BYTES) -> None:
        """Start what waits, once it is `least` bytes, as long as not too much is under way."""
        await self._start_ready(least)
        while self._backlog:
            tile = await self._deferred.load(self._backlog.popleft(), is_last=True)
            self._add_task(_Task(tile, None, is_encoded=True))
            await self._start_ready(BATCH_BYTES)

    async def _start_ready(self, least: int) -> None:
        while self._ready and self._ready_bytes >= least:
            if len(self._in_flight) >= self._limit:
                await self._collect()
                continue
            batch: list[_Task] = []
            taken = 0
            while self._ready and taken < BATCH_BYTES:
                task = self._ready.popleft()
                taken += task.nbytes
                self._ready_bytes -= task.nbytes
                batch.append(await self._unless_deferred(task))
            work = partial(self._carry_out, batch, self._deferred.encoders)
            self._in_flight.append(start_in_pool(work))

    async def _unless_deferred(self, task: _Task) -> _Task:
        """Return a task, without the encoding where that has to wait."""
        is_stored = self._levels[task.tile.level].records is not None
        if self._deferred.is_decided or not task.is_encoded or not is_stored:
            return task
        self._backlog += await self._deferred.add(task.tile)
        return task._replace(is_encoded=False)

    def _carry_out(
        self, batch: Sequence[_Task], encoders: Sequence[Encoders] | None
    ) -> list[TileDone]:
        """Work on tiles, in a thread."""
        return [
            self._levels[task.tile.level].work.carry_out(
                task.tile,
                task.around,
                encoders[min(task.tile.level, 1)] if encoders and task.is_encoded else None,
            )
            for task in batch
        ]

    async def _collect(self) -> None:
        """Wait for the batch that was started first, and hand on what it gives."""
        for done in await self._in_flight.popleft():
            await self._take(done)

    async def _take(self, done: TileDone) -> None:
        tile, level = done.tile, self._levels[done.tile.level]
        position = tile.y * level.grid.across + tile.x
        if level.records is not None and done.is_encoded:
            for place, stored in _records(level.index, position, done.payloads, done.mask):
                await level.records.put(place, stored)
        if level.checksums is not None and done.checksum is not None:
            level.checksums.note(position, done.checksum)
        if done.moments:
            self._statistics.add(position, done.moments)
        if done.reduced is not None:
            async for finished in self._spilled.put(tile.level + 1, done.reduced):
                await self._add(finished)
        if tile.level == 0 and done.is_encoded and self._progress is not None:
            self._progress(tile.region.rows * tile.region.cols)


def _records(
    index: LevelIndex, position: int, payloads: Sequence[bytes], mask: bytes
) -> Iterator[tuple[int, list[bytes | memoryview]]]:
    """Note how long the payloads of a tile are; give its records and their places in the level."""
    if payloads:
        index.image[:, position] = list(map(len, payloads))
        if index.mask is not None:
            index.mask[position] = len(mask)
    if index.interleave != "band":
        yield position, record([*payloads, mask])
        return
    planes, tiles = index.image.shape
    for plane in range(planes):
        yield plane * tiles + position, record(payloads[plane : plane + 1])
    if index.mask is not None:
        yield planes * tiles + position, record([mask])


def _pixels(block: PixelBlock) -> Pixels:
    """Return a block as (rows, cols, samples), a view."""
    _, rows, cols = block.pixels.shape
    region = Region(block.row, block.col, block.row + rows, block.col + cols)
    return Pixels(region, block.pixels.transpose(1, 2, 0), block.valid)


def _other_region(expected: Region, got: Region) -> UsageError:
    message = f"the source gave pixels of {tuple(got)}, asked for {tuple(expected)}"
    return UsageError(message)


def _never_came(lacking: Region, count: int) -> UsageError:
    rows, cols = f"{lacking.row} to {lacking.row_stop}", f"{lacking.col} to {lacking.col_stop}"
    message = (
        f"pixels of rows {rows}, columns {cols} never came, the first of {count} tiles that lack"
        " some: give all pixels, or pass sparse=True"
    )
    return UsageError(message)
