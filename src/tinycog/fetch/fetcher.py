"""Ranges of one source: cached bytes come from the buffer, the rest from requests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tinycog.cache.protocol import Cache
from tinycog.checks import Pinning
from tinycog.errors import RangeNotSatisfiableError, TinycogError, TruncatedError, UsageError
from tinycog.fetch import range_request
from tinycog.fetch.attempt import Request
from tinycog.fetch.claims import Claims
from tinycog.fetch.coalesce import FilesAtOnce, Rates, plan_header
from tinycog.fetch.concurrency import Server, server_named
from tinycog.fetch.ledger import Ledger
from tinycog.fetch.range_request import HEADER, PIXELS, Priority, RangeRequest
from tinycog.fetch.retry import SYSTEM_CLOCK, RetryClock
from tinycog.fetch.scheduler import Scheduler
from tinycog.limits import Limits
from tinycog.sources.identity import identity_of
from tinycog.sources.protocol import Source
from tinycog.sources.redact import shown_url
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps

if TYPE_CHECKING:
    from tinycog.fetch.cached_object import CachedObject, CachingScheduler

T = TypeVar("T")


LOCAL_ORIGINS = ("file", "memory")
"""Origins of sources that read from this machine."""


class Fetcher:
    """Reads ranges of one source, on any event loop.

    Attributes:
        planned: number of requests planned for the header and the index so far.
        asset: name of the asset of a collection that it is, for messages.
        files: how many are read side by side with it: what its requests are planned by.
    """

    def __init__(
        self,
        source: Source,
        limits: Limits | None = None,
        *,
        pinning: Pinning = "strict",
        cache: Cache | None = None,
        clock: RetryClock = SYSTEM_CLOCK,
        asset: str = "",
    ) -> None:
        """Create a fetcher with an empty buffer.

        Args:
            source: what is read.
            limits: bounds requests, and says how long each is tried.
            pinning: what of the responses is compared.
            cache: where bytes are looked for before they are requested.
            clock: time of the retries.
            asset: name of the asset of a collection that it is, for messages.
        """
        self.planned = 0
        self.asset = asset
        self.files = FilesAtOnce()
        self._source = source
        self._ledger = Ledger(source.name, pinning)
        self._limits = limits or Limits()
        self._clock = clock
        self._schedulers: dict[asyncio.AbstractEventLoop, Scheduler | CachingScheduler] = {}
        self._claims = Claims()
        self._is_closed = False
        identity = None if cache is None else identity_of(source)
        self._cached: CachedObject | None = None
        if cache is not None and identity is not None:
            from tinycog.fetch.cached_object import CachedObject  # noqa: PLC0415 - loads hashlib

            self._cached = CachedObject(cache, identity, self._ledger)

    # --- what is known ---------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of what is read, for messages: a url, a path."""
        return self._source.name

    @property
    def url(self) -> str | None:
        """Url or absolute path that others read it by; None if there is none that may be shown."""
        url = getattr(self._source, "url", None)
        return url if isinstance(url, str) and shown_url(url) == url else None

    @property
    def buffer(self) -> SparseBuffer:
        """Bytes of the header and the index that have arrived."""
        return self._ledger.buffer

    @property
    def log(self) -> deque[Request]:
        """The requests so far, oldest first."""
        return self._ledger.log

    @property
    def generation(self) -> str | None:
        """The generation that is read (http.pin); None if none is known."""
        return self._ledger.pin.generation

    @property
    def server(self) -> Server:
        """The server that is read from: its slots and its rates."""
        most: int | None = getattr(self._source, "max_connections", None)
        return server_named(self._source.origin, most)

    @property
    def rates(self) -> Rates:
        """What a request and a byte cost, as measured so far."""
        return self.server.rates._replace(files=self.files.count)

    @property
    def pays_for_bytes(self) -> bool:
        """Whether bytes that are not needed now are best not requested.

        They are where reading takes no network, or a cache may need the same range again.
        """
        return self._cached is None and self._source.origin not in LOCAL_ORIGINS

    def restore(
        self, size: int | None, generation: str | None, parts: Iterable[tuple[int, bytes]]
    ) -> None:
        """Take over what an earlier handle knew: the object must still be the same."""
        self.buffer.size = size
        self._ledger.pin.require(size, generation)
        for start, data in parts:
            self.buffer.put(start, data)

    async def aclose(self) -> None:
        """Close the source; nothing is read any more."""
        self._is_closed = True
        await self._source.aclose()

    def check_open(self) -> None:
        """Check that reading is still allowed.

        Raises:
            UsageError: it was closed.
        """
        if self._is_closed:
            message = (
                f"the handle is closed, nothing is read by it any more; open again: {self.name}"
            )
            raise UsageError(message)

    # --- parsers ---------------------------------------------------------------------------------

    async def drive(self, parser: Steps[T], *, page_bytes: int = 0, loose: bool = False) -> T:
        """Run a parser: fetch the ranges that it asks for, until it returns.

        Args:
            parser: asks for ranges, and reads them from `buffer`.
            page_bytes: each range that has to be fetched is extended to at least this length, so
                that a parser that cannot name what comes next finds it there.
            loose: whether the buffer may shed the bytes.

        Raises:
            LimitError: it takes too many requests.
        """
        before = self.planned
        if self._cached is not None:
            await self._cached.recall_head()
        try:
            wanted = next(parser)
            while True:
                short: TruncatedError | None = None
                try:
                    parts = _extended(wanted, page_bytes)
                    if not await self._fill(parts, before, loose=loose):
                        continue  # another event loop has: what is still missing
                except (TruncatedError, RangeNotSatisfiableError) as exc:
                    if self._learns_size(exc):
                        continue  # what of it lies inside the object
                    # the parser knows whether it can do without
                    short = TruncatedError(f"the file ends before: {exc}")
                    short.name = exc.name
                wanted = next(parser) if short is None else parser.throw(short)
        except StopIteration as done:
            return done.value
        except TinycogError as exc:
            self.name_error(exc)
            raise

    def name_error(self, error: TinycogError) -> None:
        """Add to an error what was read: the file, and the asset that it is."""
        error.name_file(self.name)
        if self.asset:
            required = self._ledger.pin.required
            error.name_asset(self.asset, required and f"{self.name}#{required}")

    def _learns_size(self, error: TinycogError) -> bool:
        """Return whether an error tells the size of an object that begins before its range ends.

        Some servers refuse a range that only ends beyond the object (http.status.unsatisfiable).
        """
        if not isinstance(error, RangeNotSatisfiableError) or self.buffer.size is not None:
            return False
        size, part = error.size, error.range
        if size is None or part is None:
            return False
        if 0 < size <= part[0]:
            return False
        self._ledger.keep_size(size)
        return True

    async def _fill(self, parts: Sequence[ByteRange], before: int, *, loose: bool) -> bool:
        """Fetch what is missing; False if another event loop was about to, and has ended.

        What is cached is not missing.

        Raises:
            LimitError: with what has been planned since `before`, that takes too many requests.
        """
        gaps = self.buffer.missing(parts)
        if gaps and self._cached is not None:
            gaps = await self._cached.recall(gaps, loose=loose)
        if not gaps:
            return True
        claim = await self._claims.claim(gaps)
        if claim is None:
            return False
        try:
            self.planned += len(plan_header(gaps))
            planned = self.planned - before
            self._limits.check("requests", planned, "requests for the header or the index")
            for gap, data in zip(gaps, await self._gather(gaps, HEADER), strict=True):
                self.buffer.put(gap.start, data, loose=loose)
                if self._cached is not None:
                    self._cached.keep("header", gap, data)
        finally:
            claim.release()
        return True

    # --- readers ---------------------------------------------------------------------------------

    async def read(self, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read ranges, planned together; their bytes are not cached.

        Raises:
            TruncatedError: the file ends before one of them does.
            SourceError: bytes cannot be had.
        """
        try:
            found = await self._gather(ranges, PIXELS)
            for part, data in zip(ranges, found, strict=True):
                check_complete(part, data)
        except TinycogError as exc:
            if self.asset:
                self.name_error(exc)
            raise
        return found

    async def ask(self) -> None:
        """Request a byte of the object, whether or not it is cached, and compare its generation.

        Raises:
            SourceError: it was replaced, or cannot be read.
        """
        self.check_open()
        done = asyncio.get_running_loop().create_future()

        def deliver(_: memoryview) -> None:
            if not done.done():
                done.set_result(None)

        request = RangeRequest(ByteRange(0, 1), deliver, partial(_fail, done), HEADER)
        self._scheduler.submit(request)
        self.flush()
        try:
            await done
        except TinycogError as exc:
            self.name_error(exc)
            raise
        finally:
            self.release([request])

    async def _gather(self, ranges: Sequence[ByteRange], priority: Priority) -> list[bytes]:
        """Return copies of the bytes of ranges."""
        if not ranges:
            return []
        found = [b""] * len(ranges)
        done = asyncio.get_running_loop().create_future()
        requests: list[list[RangeRequest]] = [[] for _ in ranges]
        left = len(ranges)

        def deliver(i: int, data: memoryview) -> None:
            nonlocal left
            found[i] = bytes(data)
            self.release(requests[i])
            left -= 1
            if not left and not done.done():
                done.set_result(None)

        fail = partial(_fail, done)
        try:
            for i, part in enumerate(ranges):
                request = RangeRequest(part, partial(deliver, i), fail, priority)
                requests[i] = self.submit(request)
            if priority == HEADER:
                self.flush()
            await done
        finally:
            self.release(request for group in requests for request in group)
        return found

    async def missing(self, ranges: Sequence[ByteRange]) -> list[ByteRange]:
        """Return what of the ranges of stored tiles would be requested."""
        gaps = self.buffer.missing(ranges)
        return gaps if self._cached is None else await self._cached.missing(gaps)

    def forget(self, requests: Iterable[RangeRequest]) -> None:
        """Have stored tiles that cannot be decoded requested again, the next time."""
        if self._cached is not None:
            self._cached.remove([request.part for request in requests])

    def submit(self, request: RangeRequest) -> list[RangeRequest]:
        """Queue a range request; cached bytes of it are not requested again.

        `request.deliver` is called once, maybe at once.

        Returns:
            the range requests that are queued for it, to be released: itself if nothing of it is
            cached, else one for each gap.
        """
        part = request.part
        gaps = self.buffer.missing([part])
        if gaps == [part]:
            self._scheduler.submit(request)
            return [request]
        stop = part.stop if self.buffer.size is None else min(part.stop, self.buffer.size)
        part = ByteRange(part.start, max(part.start, stop))
        if not gaps:
            request.hand(self.buffer.read(*part))
            return []
        return self._submit_gaps(request, part, gaps)

    def _submit_gaps(
        self, request: RangeRequest, part: ByteRange, gaps: Sequence[ByteRange]
    ) -> list[RangeRequest]:
        """Queue range requests for the gaps in what is cached of `part`."""
        whole = SparseBuffer()
        for cached in _between(part, gaps):
            whole.put(cached.start, self.buffer.read(*cached))
        left = len(gaps)

        def patch(start: int, data: memoryview) -> None:
            nonlocal left
            whole.put(start, bytes(data))
            left -= 1
            if not left:
                lacking = whole.missing([part])
                stop = lacking[0].start if lacking else part.stop
                request.deliver(whole.read(part.start, stop))

        requests = [
            RangeRequest(gap, partial(patch, gap.start), request.fail, request.priority)
            for gap in gaps
        ]
        for queued in requests:
            self._scheduler.submit(queued)
        return requests

    def flush(self) -> None:
        """Send queued requests now, without waiting for the end of this loop turn."""
        self._scheduler.flush()

    def release(self, requests: Iterable[RangeRequest]) -> None:
        """Release range requests: their memory is used again; those not delivered are cancelled."""
        range_request.release(requests)

    @property
    def _scheduler(self) -> Scheduler | CachingScheduler:
        """The scheduler of the running event loop."""
        loop = asyncio.get_running_loop()
        found = self._schedulers.get(loop)
        if found is None:
            self._schedulers = {
                other: scheduler
                for other, scheduler in self._schedulers.items()
                if not other.is_closed()
            }
            retries = self._limits.retries
            found = Scheduler(
                self._source, self.server, self._ledger, retries, self._clock, self.files
            )
            if self._cached is not None:
                found = self._cached.before(found)
            self._schedulers[loop] = found
        return found


def check_complete(part: ByteRange, data: bytes | memoryview) -> None:
    """Check that a range is not cut short by the end of the object.

    Raises:
        TruncatedError: there are fewer bytes than the range has.
    """
    if len(data) < part.length:
        end = part.start + len(data)
        message = f"bytes {part.start} to {part.stop} are needed, but the file ends at {end}"
        raise TruncatedError(message)


def _fail(future: asyncio.Future[None], error: BaseException) -> None:
    if future.done():
        return
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    else:
        future.set_exception(error)


def _between(part: ByteRange, gaps: Sequence[ByteRange]) -> Iterable[ByteRange]:
    """Yield what of a range lies outside its gaps."""
    start = part.start
    for gap in gaps:
        if gap.start > start:
            yield ByteRange(start, gap.start)
        start = gap.stop
    if part.stop > start:
        yield ByteRange(start, part.stop)


def _extended(parts: Sequence[ByteRange], length: int) -> list[ByteRange]:
    return [ByteRange(start, max(stop, start + length)) for start, stop in parts]
