"""Ranges to bytes: what is held is not asked again, the rest is planned, shared, and logged.

The rooms::

    scheduler.py   wishes of one handle on one event loop, to requests
    flight.py      one request under way, and the wishes that it serves as its bytes arrive
    timed.py       one try of it, with a clock, for the log
    retries.py     which failures may pass, and how long to wait until then
    pin.py         which generation of the object is read
    origin.py      one server: its slots and its measured rates, for all handles of the process
    once.py        work done side by side, and work done once
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from tinycog.errors import RangeNotSatisfiableError, TruncatedError
from tinycog.fetch.attempt import Request
from tinycog.fetch.coalesce import plan_header
from tinycog.fetch.concurrency import Server, server_named
from tinycog.fetch.in_flight import RangeRequest
from tinycog.fetch.pin import Pin
from tinycog.fetch.scheduler import HEADER, PIXELS, Scheduler
from tinycog.limits import Limits
from tinycog.sources.protocol import Source
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps

T = TypeVar("T")

LOG_LENGTH = 10_000
"""Requests that a log keeps; older ones are dropped."""


class Fetcher:
    """Reads ranges of one source.

    Attributes:
        buffer: keeps what belongs to the header and the index.
        log: the requests so far.
        planned: requests for the header and the index so far.
    """

    def __init__(self, source: Source, limits: Limits | None = None) -> None:
        """Start with nothing held."""
        self.source = source
        self.buffer = SparseBuffer()
        self.log: deque[Request] = deque(maxlen=LOG_LENGTH)
        self.planned = 0
        self._pin = Pin(source.name)
        self._limits = limits or Limits()
        self._schedulers: dict[asyncio.AbstractEventLoop, Scheduler] = {}

    @property
    def origin(self) -> Server:
        """The server that it reads from."""
        return server_named(self.source.origin)

    @property
    def tag(self) -> str | None:
        """What names the generation that is read, if anything does."""
        return self._pin.tag

    @property
    def scheduler(self) -> Scheduler:
        """That of the running event loop."""
        loop = asyncio.get_running_loop()
        found = self._schedulers.get(loop)
        if found is None:
            self._schedulers = {
                other: held for other, held in self._schedulers.items() if not other.is_closed()
            }
            found = Scheduler(self.source, self.origin, self, self._limits.retries)
            self._schedulers[loop] = found
        return found

    def restore(
        self, size: int | None, tag: str | None, parts: Iterable[tuple[int, bytes]]
    ) -> None:
        """Take up what an earlier reader knew: the object must still be the same."""
        self.buffer.size = size
        self._pin.set(size, tag)
        for start, data in parts:
            self.buffer.put(start, data)

    async def drive(self, parser: Steps[T], *, page_bytes: int = 0, loose: bool = False) -> T:
        """Run a parser: fetch what it asks for, until it returns.

        Each range that has to be fetched is read on to at least `page_bytes`, so that a parser that
        cannot name what comes next finds it there. What is fetched is kept, if `loose` until the
        buffer sheds it.

        Raises:
            LimitError: it takes too many requests.
        """
        start_eagerly = self.planned
        try:
            wanted = next(parser)
            while True:
                try:
                    gaps = self.buffer.missing([_widened(r, page_bytes) for r in wanted])
                    self.planned += len(plan_header(gaps))
                    sent = self.planned - start_eagerly
                    self._limits.check("requests", sent, "requests for the header or the index")
                    await self._fill(gaps, loose=loose)
                except (TruncatedError, RangeNotSatisfiableError) as exc:
                    # the parser knows whether it can do without
                    wanted = parser.throw(TruncatedError(f"the file ends before: {exc}"))
                else:
                    wanted = next(parser)
        except StopIteration as done:
            return done.value

    async def _fill(self, gaps: Sequence[ByteRange], *, loose: bool) -> None:
        for gap, data in zip(gaps, await self._gather(gaps, HEADER), strict=True):
            self.buffer.put(gap.start, data, loose=loose)

    async def read(self, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read ranges, planned together; nothing of them is kept.

        Raises:
            TruncatedError: the file ends before one of them does.
            SourceError: bytes cannot be had.
        """
        found = await self._gather(ranges, PIXELS)
        for part, data in zip(ranges, found, strict=True):
            complete(part, data)
        return found

    async def _gather(self, ranges: Sequence[ByteRange], rank: int) -> list[bytes]:
        """Copies of the bytes of ranges."""
        if not ranges:
            return []
        found = [b""] * len(ranges)
        done = asyncio.get_running_loop().create_future()
        wants: list[list[RangeRequest]] = [[] for _ in ranges]
        left = len(ranges)

        def deliver(i: int, data: memoryview) -> None:
            nonlocal left
            found[i] = bytes(data)
            self.scheduler.drop(wants[i])
            left -= 1
            if not left and not done.done():
                done.set_result(None)

        try:
            for i, part in enumerate(ranges):
                wants[i] = self.want(part, partial(deliver, i), _failing(done), rank)
            if rank == HEADER:
                self.scheduler.flush()
            await done
        finally:
            self.scheduler.drop([want for group in wants for want in group])
        return found

    def want(
        self,
        part: ByteRange,
        deliver: Callable[[memoryview], None],
        fail: Callable[[BaseException], None],
        rank: int = PIXELS,
    ) -> list[RangeRequest]:
        """Wish for the bytes of a range; those held are not asked for again.

        `deliver` is called once, maybe at once; the wishes that it took are to be released then.
        """
        gaps = self.buffer.missing([part])
        if gaps == [part]:
            return [self.scheduler.want(part, deliver, fail, rank)]
        stop = part.stop if self.buffer.size is None else min(part.stop, self.buffer.size)
        part = ByteRange(part.start, max(part.start, stop))
        if not gaps:
            deliver(self.buffer.read(*part))
            return []
        return self._patched(part, gaps, deliver, fail, rank)

    def _patched(
        self,
        part: ByteRange,
        gaps: Sequence[ByteRange],
        deliver: Callable[[memoryview], None],
        fail: Callable[[BaseException], None],
        rank: int,
    ) -> list[RangeRequest]:
        """Wish for the gaps in what is held of a range."""
        whole = SparseBuffer()
        for held in _between(part, gaps):
            whole.put(held.start, self.buffer.read(*held))
        left = len(gaps)

        def patch(at: int, data: memoryview) -> None:
            nonlocal left
            whole.put(at, bytes(data))
            left -= 1
            if not left:
                lacking = whole.missing([part])
                stop = lacking[0].start if lacking else part.stop
                deliver(whole.read(part.start, stop))

        return [
            self.scheduler.want(gap, lambda data, at=gap.start: patch(at, data), fail, rank)
            for gap in gaps
        ]

    # --- what a scheduler tells: see timed.Keeper --------------------------------------------

    @property
    def pin(self) -> Pin:
        """The generation that every answer must be of."""
        return self._pin

    def begin(self, part: ByteRange, size: int | None, tag: str | None) -> None:
        """Hold every answer against the first one: the object may be replaced."""
        self._pin.hold(part, size, tag)
        self.buffer.size = self._pin.size

    def keep(self, data: bytes) -> None:
        """The whole object came unasked: nothing of it is fetched again."""
        self.buffer.put(0, data)

    def note(self, request: Request) -> None:
        """Log a request."""
        self.log.append(request)


def complete(part: ByteRange, data: bytes | memoryview) -> None:
    """Refuse bytes that are fewer than their range.

    Raises:
        TruncatedError: they are; the object ends there.
    """
    if len(data) < part.length:
        end = part.start + len(data)
        message = f"bytes {part.start} to {part.stop} are needed, but the file ends at {end}"
        raise TruncatedError(message)


def _failing(future: asyncio.Future[None]) -> Callable[[BaseException], None]:
    def fail(error: BaseException) -> None:
        if future.done():
            return
        if isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)

    return fail


def _between(part: ByteRange, gaps: Sequence[ByteRange]) -> Iterable[ByteRange]:
    """What of a range lies outside its gaps."""
    start = part.start
    for gap in gaps:
        if gap.start > start:
            yield ByteRange(start, gap.start)
        start = gap.stop
    if part.stop > start:
        yield ByteRange(start, part.stop)


def _widened(part: ByteRange, length: int) -> ByteRange:
    return ByteRange(part.start, max(part.stop, part.start + length))
