"""Wishes to requests: merged if they come in the same turn of the event loop, shared, bounded.

Wishes wait for a slot as wishes, not as requests: what comes meanwhile is planned together with
them.
"""

from __future__ import annotations

import asyncio
import threading
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from tinycog.errors import (
    RangeNotSatisfiableError,
    SourceBusyError,
    SourceError,
    SourceTimeoutError,
)
from tinycog.fetch import retry
from tinycog.fetch.attempt import Attempt, Ledger
from tinycog.fetch.circuit_breaker import CircuitBreaker
from tinycog.fetch.coalesce import CoalescedRange, plan_header, plan_pixels
from tinycog.fetch.concurrency import Server, wake_all
from tinycog.fetch.in_flight import InFlight, RangeRequest
from tinycog.fetch.retry import RetryState
from tinycog.limits import Retries
from tinycog.sources.protocol import EagerSource, Source
from tinycog.tiff.ranges import ByteRange

HEADER, PIXELS, AHEAD = range(3)
"""Ranks: what all else waits for, what somebody waits for, what may be wanted later."""


class Failed(NamedTuple):
    """A try that failed."""

    timed: Attempt
    error: Exception


class Trip:
    """A request from its slot to its end: the flight, and its tries."""

    __slots__ = ("cancel", "flight", "rank", "ticket", "tries")

    def __init__(self, flight: InFlight, rank: int, ticket: int, tries: RetryState) -> None:
        """Nothing is sent."""
        self.flight = flight
        self.rank = rank
        self.ticket = ticket
        self.tries = tries
        self.cancel: Callable[[], object] = _nothing


def _nothing() -> None:
    """Nothing is to be cancelled."""


def _start(trip: tuple[int, int, Trip]) -> int:
    return trip[0]


class Scheduler:
    """Requests of one handle on one event loop."""

    def __init__(self, source: Source, origin: Server, keeper: Ledger, budget: Retries) -> None:
        """Nothing is sent; `keeper` judges the head of each answer and logs it."""
        self._source = source
        self._origin = origin
        self._keeper = keeper
        self._budget = budget
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._new: list[RangeRequest] = []
        self._waiting: list[RangeRequest] = []
        self._is_planned = True
        self._planned: deque[tuple[int, ByteRange, list[RangeRequest]]] = deque()
        self._returning: deque[tuple[int, InFlight, asyncio.Future[int]]] = deque()
        self._trips: list[tuple[int, int, Trip]] = []
        self._send_range = source.send_range if isinstance(source, EagerSource) else None
        self._turn_is_due = False
        self._outage = CircuitBreaker()

    # --- wishes ----------------------------------------------------------------------------------

    def want(
        self,
        part: ByteRange,
        deliver: Callable[[memoryview], None],
        fail: Callable[[BaseException], None],
        rank: int = PIXELS,
    ) -> RangeRequest:
        """Wish for the bytes of a range; see `RangeRequest`."""
        want = RangeRequest(part, rank, deliver, fail)
        self._new.append(want)
        if not self._turn_is_due:
            self._turn_is_due = True
            self._loop.call_soon(self._turn)
        return want

    def flush(self) -> None:
        """Plan and send at once what is wished for: who has named all of it does not wait."""
        if self._new:
            self._turn()

    def release(self, want: RangeRequest) -> None:
        """The reader is done with the bytes of a wish."""
        self._end([want])

    def drop(self, wants: Iterable[RangeRequest]) -> None:
        """Nobody waits any more: what is not sent never is, and a request without others ends."""
        wants = [want for want in wants if want.state != RangeRequest.OVER]
        flights = {want.flight for want in wants if want.is_under_way}
        self._end(wants)
        if not flights:
            return
        for _, _, trip in list(self._trips):
            if trip.flight in flights and not trip.flight.wanted:
                self._forget(trip)  # nobody may join what is about to end
                trip.cancel()

    def _end(self, wants: Sequence[RangeRequest]) -> None:
        """Free what wishes hold of the memory in flight."""
        for want in wants:
            if want.state in (RangeRequest.SENT, RangeRequest.DELIVERED):
                self._origin.budget.give(want.part.length)
            want.end()
        wake_all()

    # --- requests --------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Plan all that waits, together."""
        self._turn_is_due = False
        new, self._new = self._new, []
        waiting = [
            want for want in new if want.state == RangeRequest.WAITING and not self._joined(want)
        ]
        if waiting:
            self._waiting += waiting
            self._is_planned = False
        self._pump()

    def _joined(self, want: RangeRequest) -> bool:
        """Join a request that is under way, if it carries the same bytes."""
        i = bisect_right(self._trips, want.part.start, key=_start)
        if not i or not self._trips[i - 1][2].flight.joined(want):
            return False
        if want.state == RangeRequest.SENT:
            self._origin.budget.take_anyway(want.part.length)
        return True

    def _plan(self) -> Iterable[tuple[int, ByteRange, list[RangeRequest]]]:
        for rank in sorted({want.rank for want in self._waiting}):
            wants = [want for want in self._waiting if want.rank == rank]
            parts = [want.part for want in wants]
            if rank == HEADER:
                batches: Sequence[CoalescedRange] = plan_header(parts)
            else:
                batches = plan_pixels(parts, self._origin.rates)
            yield from ((rank, part, [wants[i] for i in members]) for part, members in batches)

    def _pump(self) -> None:
        """Send what there are slots for; what was sent before goes first."""
        if not self._returned():
            return
        self._waiting = [want for want in self._waiting if want.state == RangeRequest.WAITING]
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
            members = [want for want in members if want.state == RangeRequest.WAITING]
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

    def _launch(self, part: ByteRange, members: list[RangeRequest], rank: int, ticket: int) -> None:
        flight = InFlight(part, members, self._keeper.begin)
        flight.company = self._origin.in_flight
        trip = Trip(flight, rank, ticket, RetryState(self._budget))
        insort(self._trips, (part.start, ticket, trip))
        if self._send_range is not None:
            timed = self._timed(trip)
            done = partial(self._answered, trip, timed)
            stop = self._send_range(timed.part, timed, done)
            if stop is not None:
                trip.cancel = partial(self._stopped, trip, stop)
                return
        self._travel(trip, None)

    def _timed(self, trip: Trip) -> Attempt:
        return Attempt(trip.flight, self._origin, trip.ticket, self._keeper, trip.tries)

    def _answered(self, trip: Trip, timed: Attempt, error: Exception | None) -> None:
        """A request that was sent without a task is over; what failed goes on with one."""
        if error is not None:
            self._travel(trip, Failed(timed, error))
            return
        self._keeper.note(timed.request())
        try:
            self._arrived(trip)
        except Exception as exc:  # noqa: BLE001 - told to whoever waits
            self._failed(trip, exc)
        self._landed(trip)

    def _stopped(self, trip: Trip, stop: Callable[[], None]) -> None:
        """Nobody waits for it any more."""
        stop()
        self._outage.left(trip.tries)
        self._landed(trip)

    def _travel(self, trip: Trip, failed: Failed | None) -> None:
        task = self._loop.create_task(self._fly(trip, failed))
        task.add_done_callback(lambda done: self._landed(trip, was_cancelled=done.cancelled()))
        trip.cancel = task.cancel

    def _landed(self, trip: Trip, *, was_cancelled: bool = False) -> None:
        """A request is over, and be it that it was cancelled before it began."""
        self._forget(trip)
        trip.cancel = _nothing  # it holds the trip
        if was_cancelled:
            self._end(trip.flight.fail(asyncio.CancelledError()))
        if trip.flight.has_slot:
            self._origin.leave()

    def _forget(self, trip: Trip) -> None:
        self._trips = [other for other in self._trips if other[2] is not trip]

    def _arrived(self, trip: Trip) -> None:
        self._outage.passed()
        trip.flight.finish()

    def _failed(self, trip: Trip, error: BaseException) -> None:
        self._outage.left(trip.tries, gave_up=isinstance(error, SourceError) and error.may_pass)
        self._forget(trip)  # nobody may join what has failed
        self._end(trip.flight.fail(error))

    async def _fly(self, trip: Trip, failed: Failed | None) -> None:
        """Carry out one request, from where it failed if it did."""
        try:
            seconds = self._after(trip, *failed) if failed else await self._try(trip)
            while seconds is not None:
                trip.ticket = await self._pause(trip, seconds)
                seconds = await self._try(trip)
            self._arrived(trip)
        except asyncio.CancelledError:
            self._outage.left(trip.tries)
            raise
        except BaseException as exc:
            self._failed(trip, exc)
            if not isinstance(exc, Exception):
                raise

    async def _try(self, trip: Trip) -> float | None:
        """Ask for what is lacking (http.retry.rest); seconds until the next try, if there is one.

        Raises:
            SourceError: there is none.
        """
        await self._source.aopen()
        timed = self._timed(trip)
        try:
            await self._source.read_range(timed.part, timed)
        except SourceError as exc:
            return self._after(trip, timed, exc)
        self._keeper.note(timed.request())
        return None

    def _after(self, trip: Trip, timed: Attempt, exc: Exception) -> float | None:
        """What comes after a try that failed: see `_try`."""
        if not isinstance(exc, SourceError):
            raise exc
        self._keeper.note(timed.request(type(exc).__name__))
        if isinstance(exc, SourceTimeoutError | SourceBusyError):
            self._origin.overloaded(trip.ticket)
        if isinstance(exc, RangeNotSatisfiableError) and exc.size is not None:
            self._keeper.pin.hold_size(timed.part, exc.size)
        if exc.may_pass and trip.flight.is_full:
            return None
        seconds = trip.tries.pause_after(exc)
        if seconds is None:
            exc.gave_up(trip.tries.made)
            raise exc
        return seconds

    async def _pause(self, trip: Trip, seconds: float) -> int:
        """Wait without a slot and without bytes in flight, then for them; the ticket.

        Raises:
            SourceError: another request gave up on the server meanwhile.
        """
        self._origin.budget.give(trip.flight.pause())
        self._origin.leave()
        wake_all()
        await retry.backoff(seconds)
        if not await self._outage.turn(trip.tries) and trip.tries.error is not None:
            raise trip.tries.error
        turn: asyncio.Future[int] = self._loop.create_future()
        self._returning.append((trip.rank, trip.flight, turn))
        self._pump()
        return await turn
