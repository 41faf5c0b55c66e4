"""One pass: blocks of pixels to tiles, tiles to records and to the next level's pixels."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.thread_pool import run_in_pool, start_in_pool
from tinycog.writer.assemble import Assembler, Pixels, RawTile
from tinycog.writer.checksums import LevelChecksums
from tinycog.writer.deferred import Aside, Deferred
from tinycog.writer.grid import TileGrid
from tinycog.writer.halos import Halos
from tinycog.writer.in_order import SpooledRecords, StreamedRecords
from tinycog.writer.journal import Journal, lacking
from tinycog.writer.marks import Marks
from tinycog.writer.pixel_source import PixelSource, Region
from tinycog.writer.records import LevelIndex
from tinycog.writer.spilled import SpilledTiles
from tinycog.writer.statistics import Moments, StatisticsTree
from tinycog.writer.tile_work import Encoders, TileDone, TileWork


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
        has_come: (tiles,), of which some pixel came; None where all do.
    """

    grid: TileGrid
    work: TileWork
    assembler: Assembler
    halos: Halos
    records: SpooledRecords | StreamedRecords | None
    index: LevelIndex
    checksums: LevelChecksums | None = None
    has_come: NDArray[np.bool_] | None = None


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
        marks: Marks,
        in_flight: int,
        batch_bytes: int,
        progress: Callable[[int], None] | None,
        journal: Journal | None = None,
    ) -> None:
        """Take what is written.

        Args:
            source: of the pixels.
            levels: all of them, full resolution first.
            deferred: the tiles that wait until codec and predictor are chosen.
            spilled: the tiles that are not whole, in memory or put aside.
            sparse: whether pixels may be lacking.
            marks: how the file says which pixels are valid.
            in_flight: batches of tiles that threads work on at once.
            batch_bytes: of pixels of a batch: small tiles do not each pay for the way to a thread.
            progress: called with the number of pixels of level 0 that are done since.
            journal: what a write that was killed had done; what is done is kept there.
        """
        self._source = source
        self._levels = levels
        self._deferred = deferred
        self._spilled = spilled
        self._sparse = sparse
        self._marks = marks
        self._limit = in_flight
        self._batch_bytes = batch_bytes
        self._progress = progress
        self._journal = journal
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
            if self._journal is not None:
                await self._replay(self._journal)
                regions = self._lacking(self._journal, regions)
            await self._take_blocks(regions)
            for z, level in enumerate(self._levels):
                await self._finish_level(z, level)
        finally:
            for future in self._in_flight:
                if not future.cancel() and not future.cancelled():
                    future.exception()  # one is raised: others would be logged as not retrieved

    async def _finish_level(self, z: int, level: LevelPass) -> None:
        """Take what is left of a level, whose pixels have all come or never will."""
        await self._flush()
        async for tile in self._spilled.rest(z):
            await self._add_new(tile)
            await self._start_batches()
        await self._flush()
        async for tile, around in level.halos.rest():
            self._add_task(_Task(tile, around, is_encoded=level.records is not None))
            await self._start_batches()
        await self._flush()
        if not self._deferred.is_decided:
            self._backlog += await self._deferred.decide()
            if self._journal is not None:
                await self._journal.keep_choice(self._deferred.sample)
            await self._flush()
        if level.has_come is not None and level.records is not None:
            await self._take_lacking(level, level.has_come)

    async def _take_lacking(self, level: LevelPass, has_come: NDArray[np.bool_]) -> None:
        """Take the tiles of which no pixel came: they are alike (cog.written.lacking)."""
        encoders = self._deferred.encoders
        if encoders is None:
            raise AssertionError
        z = level.assembler.level
        work = replace(level.work, reducer=None)
        of_size: dict[tuple[int, int], TileDone] = {}
        for start, stop in level.grid.alike(~has_come):
            y, x = divmod(start, level.grid.across)
            region = level.grid.region(y, x)
            size = region.rows, region.cols
            if size not in of_size:
                tile = level.assembler.lacking(y, x)
                pixels = Pixels(region, tile.samples, tile.valid)
                of_size[size] = await run_in_pool(work.carry_out, tile, pixels, encoders[min(z, 1)])
            done = of_size[size]
            if level.checksums is not None and done.checksum is not None:
                level.checksums.note(slice(start, stop), done.checksum)
            if done.moments:
                self._statistics.add_alike(start, stop, done.moments)
            if not z and self._progress is not None:
                self._progress((stop - start) * region.rows * region.cols)

    async def _replay(self, journal: Journal) -> None:
        """Take what the write that was killed had done.

        Raises:
            SourceError: the journal cannot be read.
        """
        async for one in journal.replay():
            if isinstance(one, TileDone):
                await self._take(one)
                await self._start_batches()
            else:
                await self._deferred.decide_by(one.sample)
        async for tile in journal.waiting():
            await self._add(tile)
            await self._start_batches()

    def _lacking(self, journal: Journal, regions: Iterable[Region]) -> Iterable[Region]:
        """Return the regions of which something lacks, where the source gives what it is asked."""
        if not self._source.is_asked:
            return regions
        first = self._levels[0]
        first.assembler.wanted = journal.wanted(with_neighbours=first.halos.has_margins)
        return lacking(regions, first.grid, first.assembler.wanted)

    async def _take_blocks(self, regions: Iterable[Region]) -> None:
        asked: deque[Region] = deque()

        def remembered() -> Iterator[Region]:
            for region in regions:
                asked.append(region)
                yield region

        async with aclosing(self._source.blocks(remembered())) as blocks:
            async for block in blocks:
                pixels = self._marks.known(block)
                if self._source.is_asked and pixels.region != (expected := asked.popleft()):
                    raise _other_region(expected, pixels.region)
                async for tile in self._spilled.put(0, pixels):
                    await self._add_new(tile)
                    await self._start_batches()
                del block, pixels
        first = self._levels[0].assembler
        if not self._sparse and (lacking := first.missing()) is not None:
            raise _never_came(lacking, first.count_missing)

    async def _add_new(self, tile: RawTile) -> None:
        """Take a tile, unless it is known: then it is only held against what is known of it."""
        if self._journal is not None and not tile.level and self._journal.knows(tile):
            self._add_task(_Task(tile, None, is_encoded=False))
            if self._journal.is_waiting(tile):
                return
        await self._add(tile)

    async def _add(self, tile: RawTile) -> None:
        level = self._levels[tile.level]
        async for whole, around in level.halos.put(tile):
            self._add_task(_Task(whole, around, is_encoded=level.records is not None))

    def _add_task(self, task: _Task) -> None:
        self._ready.append(task)
        self._ready_bytes += task.nbytes

    async def _flush(self) -> None:
        """Work until nothing waits or is under way."""
        while self._ready or self._backlog or self._in_flight:
            await self._start_batches(least=1)
            if self._in_flight:
                await self._collect()

    async def _start_batches(self, least: int | None = None) -> None:
        """Start what waits, once it is `least` bytes, None = a batch, if few are under way."""
        await self._start_ready(self._batch_bytes if least is None else least)
        while self._backlog:
            tile = await self._deferred.load(self._backlog.popleft(), is_last=True)
            self._add_task(_Task(tile, None, is_encoded=True))
            await self._start_ready(self._batch_bytes)

    async def _start_ready(self, least: int) -> None:
        while self._ready and self._ready_bytes >= least:
            if len(self._in_flight) >= self._limit:
                await self._collect()
                continue
            batch: list[_Task] = []
            taken = 0
            while self._ready and taken < self._batch_bytes:
                task = self._ready.popleft()
                taken += task.nbytes
                self._ready_bytes -= task.nbytes
                batch.append(await self._unless_deferred(task))
            work = partial(self._carry_out, batch, self._deferred.encoders)
            self._in_flight.append(start_in_pool(work))

    async def _unless_deferred(self, task: _Task) -> _Task:
        """Return a task, without the encoding where that has to wait."""
        if self._deferred.is_decided or not task.is_encoded:
            return task
        if self._journal is None:
            self._backlog += await self._deferred.add(task.tile)
        else:
            await self._defer(self._journal, task.tile)
        return task._replace(is_encoded=False)

    async def _defer(self, journal: Journal, tile: RawTile) -> None:
        """Put a tile aside, and keep it."""
        if not tile.level:
            await journal.keep_pixels(tile)
        self._backlog += await self._deferred.add(tile)
        if self._deferred.is_decided:
            await journal.keep_choice(self._deferred.sample)

    def _carry_out(
        self, batch: Sequence[_Task], encoders: Sequence[Encoders] | None
    ) -> list[TileDone]:
        """Work on tiles, in a thread."""
        return [self._done(task, encoders) for task in batch]

    def _done(self, task: _Task, encoders: Sequence[Encoders] | None) -> TileDone:
        tile, around, is_encoded = task
        encoder = encoders[min(tile.level, 1)] if encoders and is_encoded else None
        done = self._levels[tile.level].work.carry_out(tile, around, encoder)
        if self._journal is None or tile.level:
            return done
        is_whole = encoder is not None and around is not None
        return done._replace(note=self._journal.note(tile, done, is_whole=is_whole))

    async def _collect(self) -> None:
        """Wait for the batch that was started first, and hand on what it gives."""
        for done in await self._in_flight.popleft():
            await self._take(done)

    async def _note(self, done: TileDone, position: int) -> None:
        """Keep what a journal, or who reads the file back, has to know of a tile."""
        checksums = self._levels[done.tile.level].checksums
        if self._journal is not None and done.note is not None:
            await self._journal.keep(done.tile, done.note)
        if checksums is not None and done.checksum is not None:
            checksums.note(position, done.checksum)

    async def _take(self, done: TileDone) -> None:
        tile, level = done.tile, self._levels[done.tile.level]
        position = tile.y * level.grid.across + tile.x
        await self._note(done, position)
        if level.has_come is not None and done.is_encoded:
            level.has_come[position] = True
        if level.records is not None and done.is_encoded:
            for place, stored in level.index.put(position, done.payloads, done.mask):
                await level.records.put(place, stored)
        if done.moments:
            self._statistics.add(position, done.moments)
        if done.reduced is not None:
            async for finished in self._spilled.put(tile.level + 1, done.reduced):
                await self._add(finished)
        if tile.level == 0 and done.is_encoded and self._progress is not None:
            self._progress(tile.region.rows * tile.region.cols)


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
