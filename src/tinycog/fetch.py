"""Ranges to bytes: what is held is not asked again, neighbours are merged, all of it is logged."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tinycog.buffer import ByteRange, SparseBuffer, Steps
from tinycog.errors import RangeNotSatisfiableError, SourceChangedError, TruncatedError
from tinycog.plan import merge
from tinycog.sources import Source

T = TypeVar("T")

ROUND_TRIP_BYTES = 1 << 15
"""Bytes that are taken to cost as much as one more request."""

REQUEST_BYTES = 8 << 20
"""No request is made longer than this by merging."""

LOG_LENGTH = 10_000
"""Requests that a log keeps; older ones are dropped."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was answered.

    Attributes:
        start, stop: the bytes asked, half-open.
        length: number of bytes that came; fewer than asked at the end of the file.
        seconds: from sending to the last byte.
    """

    start: int
    stop: int
    length: int
    seconds: float


class Fetcher:
    """Reads ranges of one source; `buffer` keeps what belongs to the header and the index."""

    def __init__(self, source: Source) -> None:
        """Start with nothing held."""
        self.source = source
        self.buffer = SparseBuffer()
        self.log: deque[Request] = deque(maxlen=LOG_LENGTH)
        self._tag: str | None = None

    async def drive(self, parser: Steps[T], *, page_bytes: int = 0) -> T:
        """Run a parser: fetch what it asks for, until it returns.

        Each range that has to be fetched is read on to at least `page_bytes`, so that a parser that
        cannot name what comes next finds it there.
        """
        try:
            wanted = next(parser)
            while True:
                try:
                    await self._fill([_widened(r, page_bytes) for r in wanted])
                except (TruncatedError, RangeNotSatisfiableError) as exc:
                    # the parser knows whether it can do without
                    wanted = parser.throw(TruncatedError(f"the file ends before: {exc}"))
                else:
                    wanted = next(parser)
        except StopIteration as done:
            return done.value

    async def read(self, ranges: Sequence[ByteRange]) -> list[memoryview]:
        """Read ranges, planned together; nothing of them is kept.

        Raises:
            TruncatedError: the file ends before one of them does.
            SourceError: bytes cannot be had.
        """
        buffer = self.buffer.overlay()
        await self._fill(ranges, buffer)
        return [buffer.read(*wanted) for wanted in ranges]

    async def _fill(self, ranges: Iterable[ByteRange], buffer: SparseBuffer | None = None) -> None:
        buffer = self.buffer if buffer is None else buffer
        gaps = buffer.missing(ranges)
        batches = merge(gaps, round_trip_bytes=ROUND_TRIP_BYTES, request_bytes=REQUEST_BYTES)
        parts = await in_parallel([self._request(batch.range) for batch in batches])
        for batch, data in zip(batches, parts, strict=True):
            buffer.size = self.buffer.size
            buffer.put(batch.range.start, data)

    async def _request(self, part: ByteRange) -> bytes | memoryview:
        await self.source.aopen()
        began = time.perf_counter()
        data, size, tag = await self.source.read_range(part)
        if size is not None and part.start + len(data) > max(size, part.start):
            message = f"{len(data)} bytes came of an object of {size}"
            raise SourceChangedError(message, url=self.source.name, range=part)
        self.log.append(Request(*part, len(data), time.perf_counter() - began))
        self._pin(part, size, tag)
        if len(data) < part.length and size != part.start + len(data):
            message = f"{len(data)} bytes came of bytes {part.start} to {part.stop}"
            raise TruncatedError(message)
        return data

    def _pin(self, part: ByteRange, size: int | None, tag: str | None) -> None:
        """Hold every answer against the first one (http.pin): the object may be replaced."""
        told: str | None = None
        if size is not None and self.buffer.size not in (None, size):
            told = f"it had {self.buffer.size} bytes, now {size}"
        elif tag is not None and self._tag not in (None, tag):
            told = f"its generation was {self._tag}, now {tag}"
        if told is not None:
            message = f"the object has changed since it was opened: {told}"
            raise SourceChangedError(message, url=self.source.name, range=part)
        self.buffer.size = self.buffer.size if size is None else size
        self._tag = tag or self._tag


def _widened(part: ByteRange, length: int) -> ByteRange:
    return ByteRange(part.start, max(part.stop, part.start + length))


async def in_parallel(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Await all of it; the first error cancels the rest and is raised as it is."""
    if len(work) == 1:
        return [await work[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors.exceptions[0].__cause__
    return [task.result() for task in tasks]


class Once:
    """Work that is done once, however many wait for it, and that lives while anyone waits.

    A failure is told to all who wait, and the next caller tries again. Each event loop does its
    own work: a task of one loop cannot be awaited in another.
    """

    def __init__(self) -> None:
        """Start with nothing under way."""
        self._under_way: dict[object, tuple[asyncio.Task[Any], list[int]]] = {}

    async def run(self, key: object, work: Callable[[], Awaitable[T]]) -> T:
        """Join the work of that name, or start it."""
        place = (asyncio.get_running_loop(), key)
        held = self._under_way.get(place)
        if held is None:
            task = asyncio.ensure_future(work())
            held = self._under_way[place] = task, [0]
            task.add_done_callback(lambda done: self._forget(place, done))
        task, waiting = held
        waiting[0] += 1
        try:
            return await asyncio.shield(task)
        finally:
            waiting[0] -= 1
            if not waiting[0] and not task.done():
                self._under_way.pop(place, None)
                task.cancel()

    def _forget(self, place: object, done: asyncio.Task[Any]) -> None:
        held = self._under_way.get(place)
        if held is not None and held[0] is done:
            del self._under_way[place]
        if not done.cancelled():
            done.exception()  # told to all who waited; nobody is left to tell if none did
