"""Records of a level put in order: those that come before their turn wait in the spool."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

Buffers = Sequence[bytes | memoryview]
"""The parts of a record, in order."""


KEPT_BYTES = 4 << 20
"""Bytes of records that wait for their turn in memory."""


class Spools(Protocol):
    """Bytes that are put aside: `targets.spool.Spool`."""

    async def append(self, *parts: bytes | bytearray | memoryview) -> int:
        """Put bytes aside, one part behind the other; return where they lie."""
        ...

    def read(
        self, positions: Iterable[int], lengths: Iterable[int], *, is_last: bool = False
    ) -> AsyncIterator[memoryview]:
        """Give the bytes at each position; if `is_last`, they are not read again."""
        ...


class SpooledRecords:
    """Records of a level in any order, all put aside.

    Attributes:
        lengths: of each record, by its place in the level; 0 = not stored.
    """

    def __init__(self, count: int, spool: Spools) -> None:
        """Start without a record; `count` is how many there may be."""
        self.lengths = np.zeros(count, np.uint64)
        self._positions = np.zeros(count, np.uint64)
        self._spool = spool

    async def put(self, place: int, record: Buffers) -> None:
        """Put the record of a place aside; an empty one is not stored."""
        length = sum(map(len, record))
        if length:
            self._positions[place] = await self._spool.append(*record)
            self.lengths[place] = length

    async def stream(self) -> AsyncIterator[bytes | memoryview]:
        """Give the bytes of all records in order."""
        stored = np.flatnonzero(self.lengths)
        positions, lengths = self._positions[stored].tolist(), self.lengths[stored].tolist()
        async for data in self._spool.read(positions, lengths, is_last=True):
            yield data


class StreamedRecords:
    """Records of a level, handed on in order: those whose turn has not come are put aside.

    Attributes:
        lengths: of each record, by its place in the level; 0 = not stored.
    """

    def __init__(
        self,
        count: int,
        spool: Spools,
        append: Callable[[bytes | memoryview], Awaitable[None]],
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        """Start without a record.

        Args:
            count: how many records there may be.
            spool: for those whose turn has not come.
            append: takes the bytes in order.
            kept_bytes: of records that wait in memory.
        """
        self.lengths = np.zeros(count, np.uint64)
        self._append = append
        self._next = 0
        self._waiting: dict[int, Buffers] = {}
        self._spooled: dict[int, int] = {}
        self._spool = spool
        self._kept_bytes = kept_bytes
        self._waiting_bytes = 0

    async def put(self, place: int, record: Buffers) -> None:
        """Take the record of a place; an empty one is not stored."""
        length = sum(map(len, record))
        self.lengths[place] = length
        if place == self._next:
            await self._hand_on(*record)
            self._next += 1
            await self._catch_up()
            return
        if self._waiting_bytes + length <= self._kept_bytes:
            self._waiting[place] = record
            self._waiting_bytes += length
        else:
            self._spooled[place] = await self._spool.append(*record) if length else 0

    async def _catch_up(self) -> None:
        """Hand on the records whose turn has come."""
        while True:
            record = self._waiting.pop(self._next, None)
            if record is not None:
                self._waiting_bytes -= sum(map(len, record))
                await self._hand_on(*record)
                self._next += 1
            elif self._next in self._spooled:
                await self._read_back()
            else:
                return

    async def _read_back(self) -> None:
        """Hand on the records that were put aside, as many as follow each other."""
        stop = self._next
        positions: list[int] = []
        while stop in self._spooled:
            positions.append(self._spooled.pop(stop))
            stop += 1
        lengths = self.lengths[self._next : stop].tolist()
        stored = [i for i, length in enumerate(lengths) if length]
        async for data in self._spool.read(
            [positions[i] for i in stored], [lengths[i] for i in stored], is_last=True
        ):
            await self._hand_on(data)
        self._next = stop

    async def finish(self) -> None:
        """Hand on all that is left; places whose records never came are not stored."""
        for place in sorted([*self._waiting, *self._spooled]):
            self._next = max(self._next, place)
            await self._catch_up()

    async def _hand_on(self, *record: bytes | memoryview) -> None:
        for part in record:
            await self._append(part)
