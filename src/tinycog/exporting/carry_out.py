"""An export, carried out: pieces read, written, kept in the journal; then all gets its name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from tinycog.argument_types import Progress
from tinycog.exporting.area import ExportArea
from tinycog.exporting.journal import ExportJournal, boot_id, total
from tinycog.exporting.parts import PieceSink
from tinycog.exporting.piecewise import Pieces, read_pieces
from tinycog.pixels.account import Account
from tinycog.window import Window

SYNC_BYTES = 256 << 20
"""Bytes of pixels after which all is flushed to the disk: a failure of power loses no more."""


class Exported(NamedTuple):
    """What `tinycog.export` has done.

    Attributes:
        name: of what was written, without secrets.
        shape: (bands, rows, cols) of the result.
        pieces: that the area was read in.
        resumed: those of them that a run before had done.
        bytes: of the pixels of the result.
        account: what became of the pixels; `asked` are rows times columns.
    """

    name: str
    shape: tuple[int, int, int]
    pieces: int
    resumed: int
    bytes: int
    account: Account


@dataclass(frozen=True)
class ExportPlan:
    """What an export takes; no pixel was read.

    Attributes:
        shape: (bands, rows, cols) of the result.
        windows: of the pieces, in pixels of the result, in their order.
        requests: that are sent for pixels at most: those of pieces that are read at the same
            time may be joined.
        bytes: that are requested.
        memory: bytes that are held at most.
        held: pieces that are in memory at once at most.
        spool: bytes that are put aside on the disk at most, besides the result.
    """

    shape: tuple[int, int, int]
    windows: tuple[Window, ...]
    requests: int
    bytes: int
    memory: int
    held: int
    spool: int = 0

    @property
    def pieces(self) -> int:
        """Number of pieces."""
        return len(self.windows)

    def __str__(self) -> str:
        """Return it in a few lines."""
        bands, rows, cols = self.shape
        mib = 1 << 20
        return (
            f"{cols} x {rows} pixels of {bands} bands in {self.pieces} pieces,"
            f" {self.held} at once\n"
            f"{self.requests} requests, {self.bytes:,} bytes\n"
            f"memory at most {self.memory / mib:.0f} MiB, spool at most {self.spool / mib:.0f} MiB"
        )


async def plan_of(area: ExportArea, windows: Iterable[Window]) -> tuple[int, int]:
    """Return the requests of pieces, and the bytes that these request.

    Cost: parts of the index that are not known yet.
    """
    requests = length = 0
    for window in windows:
        plan = await area.plan(window)
        requests += len(plan.requests) + sum(map(len, plan.beside.values()))
        length += plan.bytes
    return requests, length


def report(
    name: str, area: ExportArea, pieces: int, resumed: int, done: Mapping[int, Account]
) -> Exported:
    """Return what was done."""
    return Exported(name, area.shape, pieces, resumed, area.nbytes, total(done.values()))


async def carry_out(
    area: ExportArea,
    pieces: Pieces,
    sink: PieceSink,
    journal: ExportJournal,
    *,
    resume: bool,
    progress: Progress | None,
) -> Exported:
    """Export an area: what a run before has done is not done again (cog.export.resume).

    Raises:
        TinycogError: it cannot be read or written; see `tinycog.export`.
    """
    count = len(pieces.windows)
    await journal.open(anew=not resume)
    is_over = not resume
    try:
        resumed = len(journal.done)
        is_published = resumed == count and await sink.was_published(journal.left)
        if not is_published:
            if not await sink.open(again=resumed > 0) and resumed:
                await journal.close(removed=True)  # what it tells of is no more there
                await journal.open(anew=True)
                resumed = 0
            await _take_pieces(area, pieces, sink, journal, progress)
        found = report(sink.name, area, count, resumed, journal.done)
        masked = found.account.valid < found.account.asked
        if not is_published:
            await journal.note(await sink.seal())
            await sink.publish(masked=masked)
        await sink.tidy(masked=masked)
        is_over = True
    finally:
        await asyncio.shield(_close(sink, journal, removed=is_over or journal.is_empty))
    return found


async def _close(sink: PieceSink, journal: ExportJournal, *, removed: bool) -> None:
    try:
        await sink.close(removed=removed)
    finally:
        await journal.close(removed=removed)


async def _take_pieces(
    area: ExportArea,
    pieces: Pieces,
    sink: PieceSink,
    journal: ExportJournal,
    progress: Progress | None,
) -> None:
    """Read the pieces that lack, and write them; one is kept when it is written."""
    windows = pieces.windows
    lacking = ((n, window) for n, window in enumerate(windows) if n not in journal.done)
    pixels = area.rows * area.cols
    done = sum(windows[n].width * windows[n].height for n in journal.done)
    unsynced, most = 0, 0 if boot_id() is None else SYNC_BYTES
    async with aclosing(read_pieces(area, lacking, pieces.held)) as read:
        async for piece in read:
            await sink.write(piece)
            await journal.keep(piece.number, piece.raster.account)
            unsynced += piece.raster.data.nbytes
            if unsynced > most:
                await sink.sync()
                await journal.keep_synced()
                unsynced = 0
            done += piece.window.width * piece.window.height
            if progress is not None:
                progress(done, pixels)
            del piece
