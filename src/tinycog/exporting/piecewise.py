"""Pieces of an area, the memory that they take, and how they are read side by side."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import NamedTuple

from tinycog.errors import LimitError
from tinycog.exporting.area import ExportArea
from tinycog.exporting.split import least_budget, split
from tinycog.raster import Raster
from tinycog.window import Window

OVERHEAD = 8 << 20
"""Bytes that are held beside pieces: what the allocator keeps, lists, the index of the tiles."""

PIECE_BYTES = 32 << 20
"""Bytes up to which rows of tiles are put together: more would save no request, and be lost when a
run is killed."""


class Pieces(NamedTuple):
    """How an area is read.

    Attributes:
        windows: of the pieces, in pixels of the result, row by row.
        held: pieces that are held at once at most: those that are read, and the one that is
            written.
        memory: bytes that they take at most.
    """

    windows: Sequence[Window]
    held: int
    memory: int


class ReadPiece(NamedTuple):
    """A piece that was read: its number, its place in the result, its pixels."""

    number: int
    window: Window
    raster: Raster


def cut(area: ExportArea, memory: int, concurrency: int) -> Pieces:
    """Cut an area into pieces that are read side by side in so much memory (cog.export.memory).

    Raises:
        LimitError: that is too little for the smallest piece.
    """
    down, across = area.down, area.across
    left = memory - OVERHEAD
    least = least_budget(down, across, area.cost)
    if left < least:
        mib = -(-(OVERHEAD + least) // (1 << 20))
        bands, rows, cols = area.shape
        message = (
            f"memory={memory} bytes are too few for pieces of {cols} x {rows} pixels of {bands}"
            f" bands of {area.dtype}: a tile takes {least}; the smallest that works is {mib} MiB"
            f" (memory={mib << 20})"
        )
        raise LimitError(message, limit="memory", asked=OVERHEAD + least, allowed=memory)
    row = max(down.edges[1:] - down.edges[:-1])
    wide = area.cost(Window(0, 0, area.cols, int(row)))
    counts = range(concurrency + 1, 0, -1)
    # a row of tiles in one piece is one request: rather fewer at once than more of them
    held = next((n for n in counts if n > 1 and left // n >= wide), 0)
    held = held or next(n for n in counts if left // n >= least)
    windows = list(split(down, across, area.cost, left // held, PIECE_BYTES))
    held = min(held, len(windows))
    most = max(map(area.cost, windows))
    return Pieces(windows, held, OVERHEAD + held * most)


async def read_pieces(
    area: ExportArea, pieces: Iterable[tuple[int, Window]], held: int
) -> AsyncGenerator[ReadPiece, None]:
    """Read pieces side by side, and give them in their order; `held` are in memory at most.

    The next one is asked for when the last one is used up. Closing the generator cancels what is
    under way.

    Raises:
        TinycogError: a piece cannot be read.
    """
    ahead = _Ahead(area, pieces, max(held - 1, 1))
    try:
        while await ahead.fill():
            number, window, task = ahead.under_way[0]
            raster = await task
            ahead.under_way.popleft()
            del task
            if held > 1:
                ahead.start()
            yield ReadPiece(number, window, raster)
            del raster
    finally:
        await ahead.cancel()


class _Ahead:
    """Pieces that are read while others are used.

    Attributes:
        under_way: in their order.
    """

    def __init__(self, area: ExportArea, pieces: Iterable[tuple[int, Window]], most: int) -> None:
        self._area, self._rest, self._most = area, iter(pieces), most
        self.under_way: deque[tuple[int, Window, asyncio.Task[Raster]]] = deque()

    def start(self) -> bool:
        """Start the next piece; return whether there was one."""
        found = next(self._rest, None)
        if found is not None:
            self.under_way.append((*found, asyncio.create_task(self._area.read(found[1]))))
        return found is not None

    async def fill(self) -> bool:
        """Start as many as may be read at once; return whether any is under way."""
        for _ in range(self._most - len(self.under_way)):
            if not self.start():
                break
            await asyncio.sleep(0)  # each has its own requests, as it was planned
        return bool(self.under_way)

    async def cancel(self) -> None:
        """Cancel what is under way, and wait for its end."""
        tasks = [task for *_, task in self.under_way]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.exception()  # one is raised: others would be logged as not retrieved
