"""Wishes to requests: merged if they come in the same turn of the event loop, shared, bounded.

Wishes wait for a slot as wishes, not as requests: what comes meanwhile is planned together with
them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tinycog.buffer import ByteRange
from tinycog.errors import (
    RangeNotSatisfiableError,
    Retries,
    SourceBusyError,
    SourceError,
    SourceTimeoutError,
)
from tinycog.fetch import retries
from tinycog.fetch.flight import Flight, Want
from tinycog.fetch.origin import QUIET, Origin, wake_all
from tinycog.fetch.pin import Pin
from tinycog.fetch.retries import Outage, Tries
from tinycog.plan import Batch, plan_header, plan_pixels
from tinycog.sources import Source

HEADER, PIXELS, AHEAD = range(3)
"""Ranks: what all else waits for, what somebody waits for, what may be wanted later."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: one try, answered or not.

    Those without an error are the answers that came whole, as the server logs them. A try that
    failed is one of its own, and so is the one that resumed it. Redirects, the replay with fresh
    credentials, and what is sent again since a kept connection was closed or gave an answer that is
    left to aiohttp, are not.

    Attributes:
        start, stop: the bytes asked, half-open.
        length: number of bytes that came of them; fewer than asked at the end of the file, or where
            the answer was cut.
        seconds: from sending to the last byte.
        error: why it failed, in a word (`SourceBusyError`); None if it did not.
    """

    start: int
    stop: int
    length: int
    seconds: float
    error: str | None = None


class Keeper(Protocol):
    """Who keeps what the requests of a handle bring: its fetcher."""

    @property
    def pin(self) -> Pin:
        """The generation that every answer must be of."""
        ...

    def begin(self, part: ByteRange, size: int | None, tag: str | None) -> None:
        """Judge the head of an answer."""
        ...

    def keep(self, data: bytes) -> None:
        """Take the whole object, which came unasked."""
        ...

    def note(self, request: Request) -> None:
        """Log a request."""
        ...


class Scheduler:
    """Requests of one handle on one event loop."""

    def __init__(self, source: Source, origin: Origin, keeper: Keeper, budget: Retries) -> None:
        """Nothing is sent; `keeper` judges the head of each answer and logs it."""
        self._source = source
        self._origin = origin
        self._keeper = keeper
        self._budget = budget
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._new: list[Want] = []
        self._waiting: list[Want] = []
        self._is_planned = True
        self._planned: deque[tuple[int, ByteRange, list[Want]]] = deque()
        self._returning: deque[tuple[int, Flight, asyncio.Future[int]]] = deque()
        self._flights: list[tuple[int, int, Flight, asyncio.Task[None]]] = []
        self._turn_is_due = False
        self._outage = Outage()

    # --- wishes ----------------------------------------------------------------------------------

    def want(
        self,
        part: ByteRange,
        deliver: Callable[[memoryview], None],
        fail: Callable[[BaseException], None],
        rank: int = PIXELS,
    ) -> Want:
        """Wish for the bytes of a range; see `Want`."""
        want = Want(part, rank, deliver, fail)
        self._new.append(want)
        if not self._turn_is_due:
            self._turn_is_due = True
            self._loop.call_soon(self._turn)
        return want

    def flush(self) -> None:
        """Plan and send at once what is wished for: who has named all of it does not wait."""
        if self._new:
            self._turn()

    def release(self, want: Want) -> None:
        """The reader is done with the bytes of a wish."""
        self._end([want])

    def drop(self, wants: Iterable[Want]) -> None:
        """Nobody waits any more: what is not sent never is, and a request without others ends."""
        wants = [want for want in wants if want.state != Want.OVER]
        flights = {want.flight for want in wants if want.is_under_way}
        self._end(wants)
        for _, _, flight, task in list(self._flights):
            if flight in flights and not flight.wanted:
                self._forget(flight)  # nobody may join what is about to end
                task.cancel()

    def _end(self, wants: Sequence[Want]) -> None:
        """Free what wishes hold of the memory in flight."""
        for want in wants:
            if want.state in (Want.SENT, Want.DELIVERED):
                self._origin.budget.give(want.part.length)
            want.end()
        wake_all()

    # --- requests --------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Plan all that waits, together."""
        self._turn_is_due = False
        new, self._new = self._new, []
        waiting = [want for want in new if want.state == Want.WAITING and not self._joined(want)]
        if waiting:
            self._waiting += waiting
            self._is_planned = False
        self._pump()

    def _joined(self, want: Want) -> bool:
        """Join a request that is under way, if it carries the same bytes."""
        i = bisect_right(self._flights, want.part.start, key=lambda flown: flown[0])
        if not i or not self._flights[i - 1][2].joined(want):
            return False
        if want.state == Want.SENT:
            self._origin.budget.take_anyway(want.part.length)
        return True

    def _plan(self) -> Iterable[tuple[int, ByteRange, list[Want]]]:
        for rank in sorted({want.rank for want in self._waiting}):
            wants = [want for want in self._waiting if want.rank == rank]
            parts = [want.part for want in wants]
            if rank == HEADER:
                batches: Sequence[Batch] = plan_header(parts)
            else:
                batches = plan_pixels(parts, self._origin.rates)
            yield from ((rank, part, [wants[i] for i in members]) for part, members in batches)

    def _pump(self) -> None:
        """Send what there are slots for; what was sent before goes first."""
        if not self._returned():
            return
        self._waiting = [want for want in self._waiting if want.state == Want.WAITING]
        if not self._is_planned and self._waiting:
            rank = min(want.rank for want in self._waiting)
            if self._origin.is_full(rank, self._wake):
                return  # what comes until there is a slot is planned along
            self._planned = deque(self._plan())
            self._is_planned = True
        self._send()

    def _send(self) -> None:
        """Send what is planned, as far as there are slots."""
        while self._planned:
            rank, part, members = self._planned[0]
            members = [want for want in members if want.state == Want.WAITING]
            if members:
                length = sum(want.part.length for want in members)
                ticket = self._origin.enter(length, rank, self._wake)
                if ticket is None:
                    return
                self._launch(part, members, rank, ticket)
            self._planned.popleft()

    def _wake(self) -> None:
        """Go on, from whatever thread."""
        if threading.get_ident() == self._thread:
            self._pump()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._pump)

    def _returned(self) -> bool:
        """Let requests go on that were paused; whether all of them could."""
        while self._returning:
            rank, flight, turn = self._returning[0]
            if not turn.done():
                ticket = self._origin.enter(flight.paused, rank, self._wake)
                if ticket is None:
                    return False
                flight.resume()
                flight.company = self._origin.in_flight
                turn.set_result(ticket)
            self._returning.popleft()
        return True

    def _launch(self, part: ByteRange, members: list[Want], rank: int, ticket: int) -> None:
        flight = Flight(part, members, self._keeper.begin)
        flight.company = self._origin.in_flight
        task = self._loop.create_task(self._fly(flight, rank, ticket))
        task.add_done_callback(partial(self._landed, flight))
        insort(self._flights, (part.start, ticket, flight, task))

    def _landed(self, flight: Flight, task: asyncio.Task[None]) -> None:
        """A request is over, and be it that it was cancelled before it began."""
        self._forget(flight)
        if task.cancelled():
            self._end(flight.fail(asyncio.CancelledError()))
        if flight.has_slot:
            self._origin.leave()

    def _forget(self, flight: Flight) -> None:
        self._flights = [flown for flown in self._flights if flown[2] is not flight]

    async def _fly(self, flight: Flight, rank: int, ticket: int) -> None:
        """Carry out one request."""
        tries = Tries(self._budget)
        try:
            while (seconds := await self._try(flight, tries, ticket)) is not None:
                ticket = await self._pause(flight, rank, tries, seconds)
            self._outage.passed()
            flight.finish()
        except asyncio.CancelledError:
            self._outage.left(tries)
            raise
        except BaseException as exc:
            self._outage.left(tries, gave_up=isinstance(exc, SourceError) and exc.may_pass)
            self._forget(flight)  # nobody may join what has failed
            self._end(flight.fail(exc))
            if not isinstance(exc, Exception):
                raise

    async def _try(self, flight: Flight, tries: Tries, ticket: int) -> float | None:
        """Ask for what is lacking (http.retry.rest); seconds until the next try, if there is one.

        Raises:
            SourceError: there is none.
        """
        await self._source.aopen()
        timed = _Timed(flight, self._origin, ticket, self._keeper, tries)
        try:
            await self._source.read_range(timed.part, timed)
        except SourceError as exc:
            self._keeper.note(timed.request(type(exc).__name__))
            if isinstance(exc, SourceTimeoutError | SourceBusyError):
                self._origin.overloaded(ticket)
            if isinstance(exc, RangeNotSatisfiableError) and exc.size is not None:
                self._keeper.pin.hold_size(timed.part, exc.size)
            if exc.may_pass and flight.is_full:
                return None
            seconds = tries.pause_after(exc)
            if seconds is None:
                exc.gave_up(tries.made)
                raise
            return seconds
        self._keeper.note(timed.request())
        return None

    async def _pause(self, flight: Flight, rank: int, tries: Tries, seconds: float) -> int:
        """Wait without a slot and without bytes in flight, then for them; the ticket.

        Raises:
            SourceError: another request gave up on the server meanwhile.
        """
        self._origin.budget.give(flight.pause())
        self._origin.leave()
        wake_all()
        await retries.pause(seconds)
        if not await self._outage.turn(tries) and tries.error is not None:
            raise tries.error
        turn: asyncio.Future[int] = self._loop.create_future()
        self._returning.append((rank, flight, turn))
        self._pump()
        return await turn


class _Timed:
    """An answer on its way to a flight, with a clock."""

    def __init__(
        self, flight: Flight, origin: Origin, ticket: int, keeper: Keeper, tries: Tries
    ) -> None:
        self.part = ByteRange(flight.arrived, flight.part.stop)
        self._flight = flight
        self._origin = origin
        self._ticket = ticket
        self._keeper = keeper
        self._tries = tries
        self._under_way = flight.company
        self._sent = self._begun = time.perf_counter()

    @property
    def pin(self) -> str | None:
        """The generation that is wanted, if one is known."""
        return self._keeper.pin.tag

    @property
    def seconds(self) -> float:
        """How long it may still take if no more bytes come."""
        return self._tries.seconds_left

    def begin(self, size: int | None, tag: str | None) -> None:
        """Take the head."""
        self._begun = time.perf_counter()
        seconds = self._begun - self._sent
        self._origin.answered(seconds, self._ticket, quiet=self._under_way <= QUIET)
        self._flight.begin(size, tag)

    def keep(self, data: bytes) -> None:
        """Take the whole object, which came unasked."""
        self._keeper.keep(data)

    def add(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the body."""
        self._flight.add(chunk)

    def room(self, most: int) -> memoryview:
        """Where the next bytes may be written."""
        return self._flight.room(most)

    def filled(self, length: int) -> None:
        """Take what was written there."""
        self._flight.filled(length)

    def request(self, error: str | None = None) -> Request:
        """The whole exchange, for the log."""
        now = time.perf_counter()
        length = self._flight.arrived - self.part.start
        if error is None and self._under_way == self._origin.in_flight == 1:
            self._origin.received(length, now - self._begun)
        return Request(*self.part, length, now - self._sent, error)
