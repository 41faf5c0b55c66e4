"""Queued ranges to requests: coalesced per turn of the event loop, shared, bounded, retried.

Ranges wait for a slot as ranges, not as requests: what is queued meanwhile is planned with them.
"""

from __future__ import annotations

import asyncio
import threading
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from tinycog.errors import (
    RangeNotSatisfiableError,
    SourceBusyError,
    SourceError,
    SourceTimeoutError,
)
from tinycog.fetch.circuit_breaker import CircuitBreaker
from tinycog.fetch.coalesce import CoalescedRange, FilesAtOnce, plan_header, plan_pixels
from tinycog.fetch.concurrency import Server
from tinycog.fetch.in_flight import InFlight, ShortResponseError
from tinycog.fetch.ledger import Ledger
from tinycog.fetch.range_request import (
    AGAIN,
    ALONE,
    HEADER,
    WAITING,
    Priority,
    RangeRequest,
    do_nothing,
    fail_all,
)
from tinycog.fetch.retry import SYSTEM_CLOCK, RetryClock, RetryState
from tinycog.limits import Retries
from tinycog.sources.protocol import SendRange, Source
from tinycog.tiff.ranges import ByteRange

ENOUGH_BYTES = 1 << 10
"""Bytes of a response that is shorter than its range from which on it is no failed try."""

RESUMED_FIRST = len(Priority)
"""What a request that is sent again goes ahead of all that were never sent: its seconds run."""


class PlannedRequest(NamedTuple):
    """A request that waits for a slot, and the range requests that it would serve."""

    part: ByteRange
    members: list[RangeRequest]
    priority: Priority


def _start(flight: InFlight) -> int:
    return flight.part.start


def _give_up(flight: InFlight, resumed: asyncio.Future[None]) -> None:
    """Give up a request that waited for its next attempt until its seconds were over."""
    error = flight.retry.error
    if not resumed.done() and error is not None:
        flight.retry.give_up()
        error.gave_up(flight.retry.attempts)
        resumed.set_exception(error)


class Scheduler:
    """Requests of one handle on one event loop."""

    def __init__(
        self,
        source: Source,
        server: Server,
        ledger: Ledger,
        retries: Retries,
        clock: RetryClock = SYSTEM_CLOCK,
        files: FilesAtOnce | None = None,
    ) -> None:
        """Create a scheduler for the running event loop.

        Args:
            source: what is read.
            server: has the slots, shared with other schedulers.
            ledger: checks and logs the responses.
            retries: how long each request is tried.
            clock: time of the retries.
            files: how many are read side by side; None = one.
        """
        self._source = source
        self._server = server
        self._ledger = ledger
        self._files = files or FilesAtOnce()
        self._retries = retries
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._submitted: list[RangeRequest] = []
        self._queue: list[RangeRequest] = []
        self._is_planned = True
        self._planned: deque[PlannedRequest] = deque()
        self._resuming: deque[tuple[InFlight, asyncio.Future[None]]] = deque()
        self._in_flight: list[InFlight] = []
        self._send_range: SendRange | None = getattr(source, "send_range", None)
        self._flush_is_due = False
        self._breaker = CircuitBreaker()
        self._watches = False

    # --- range requests --------------------------------------------------------------------------

    def submit(self, request: RangeRequest) -> None:
        """Queue a range request, to be planned with all others of this turn of the event loop."""
        self._submitted.append(request)
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._plan_submitted)

    def flush(self) -> None:
        """Send queued requests now, without waiting for the end of this loop turn."""
        self._plan_submitted()

    def _plan_submitted(self) -> None:
        """Join requests in flight, or queue for requests of their own."""
        self._flush_is_due = False
        if self._submitted:  # else they were flushed
            submitted, self._submitted = self._submitted, []
            self._queue += submitted
            self._pump(submitted)

    def _join(self, request: RangeRequest) -> bool:
        """Join a request in flight whose response brings the same bytes, if there is one."""
        i = bisect_right(self._in_flight, request.part.start, key=_start)
        return i > 0 and request.priority < AGAIN and self._in_flight[i - 1].join(request)

    # --- planning and sending --------------------------------------------------------------------

    def _plan(self) -> Iterator[PlannedRequest]:
        """Plan requests for all that is queued, header first."""
        for priority in sorted({request.priority for request in self._queue}):
            requests = [request for request in self._queue if request.priority == priority]
            parts = [request.part for request in requests]
            if priority == ALONE:
                coalesced = [CoalescedRange(part, [i]) for i, part in enumerate(parts)]
            elif priority == HEADER:
                coalesced = plan_header(parts)
            else:
                rates = self._server.rates._replace(files=self._files.count)
                coalesced = plan_pixels(parts, rates)
            for part, members in coalesced:
                yield PlannedRequest(part, [requests[i] for i in members], priority)

    def _pump(self, submitted: Sequence[RangeRequest] = ()) -> None:
        """Send what there are slots for; if that fails, all that waits does, for no other can tell.

        Args:
            submitted: what was queued since the last time.
        """
        try:
            for request in submitted:
                if request.state == WAITING and not self._join(request):
                    self._is_planned = False
            self._send_waiting()
        except Exception as exc:  # noqa: BLE001 - passed on to the readers
            resuming, self._resuming = self._resuming, deque()
            waiting = [request for request in self._queue if request.state == WAITING]
            self._queue, self._planned, self._is_planned = [], deque(), True
            for _, resumed in resuming:
                if not resumed.done():
                    resumed.set_exception(exc)
            fail_all(waiting, exc)

    def _send_waiting(self) -> None:
        """Send what there are slots for; retries go first."""
        if not self._resume_paused():
            return
        self._queue = [request for request in self._queue if request.state == WAITING]
        if not self._is_planned and self._queue:
            priority = min(request.priority for request in self._queue)
            if self._server.is_full(priority, self._wake):
                self._watch()
                return  # what is queued until there is a slot is planned along
            self._planned = deque(self._plan())
            self._is_planned = True
        self._send_planned()

    def _send_planned(self) -> None:
        """Send planned requests, as far as there are slots."""
        while self._planned:
            part, members, priority = self._planned[0]
            members = [request for request in members if request.state == WAITING]
            if members:
                length = sum(request.part.length for request in members)
                ticket = self._server.acquire(length, priority, self._wake)
                if ticket is None:
                    self._watch()
                    return
                self._launch(part, members, priority, ticket)
            self._planned.popleft()

    def _wake(self) -> None:
        """Go on after a slot or bytes in flight came free; callable from any thread."""
        if threading.get_ident() == self._thread:
            self._pump()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._pump)

    def _launch(
        self, part: ByteRange, members: list[RangeRequest], priority: Priority, ticket: int
    ) -> None:
        """Send a request that has a slot: without a task if the source can."""
        retries = replace(self._retries, tries=1) if priority >= AGAIN else self._retries
        flight = InFlight(
            part,
            members,
            ticket=ticket,
            priority=priority,
            server=self._server,
            ledger=self._ledger,
            retry=RetryState(retries, self._clock),
        )
        try:
            self._send(flight)
        except Exception as exc:  # noqa: BLE001 - passed on to the readers
            self._fail(flight, exc)
            self._land(flight)

    def _send(self, flight: InFlight) -> None:
        insort(self._in_flight, flight, key=_start)
        error: Exception | None = None
        if self._send_range is not None:
            on_end = partial(self._on_sent_end, flight)
            try:
                stop = self._send_range(flight.attempt.send(), flight, on_end)
            except Exception as exc:  # noqa: BLE001 - of a source that may be the caller's
                stop, error = None, exc
            if stop is not None:
                flight.cancel = partial(self._stop, flight, stop)
                return
        self._start_task(flight, error)

    # --- one request -----------------------------------------------------------------------------

    def _on_sent_end(self, flight: InFlight, error: Exception | None) -> None:
        """End a request that was sent without a task; one that failed goes on in a task."""
        if error is not None:
            self._start_task(flight, error)
            return
        try:
            flight.end_attempt()
            self._complete(flight)
        except ShortResponseError as exc:
            self._start_task(flight, exc)
            return
        except Exception as exc:  # noqa: BLE001 - passed on to the readers
            self._fail(flight, exc)
        self._land(flight)

    def _start_task(self, flight: InFlight, error: Exception | None) -> None:
        task = self._loop.create_task(self._run(flight, error))
        task.add_done_callback(partial(self._on_task_end, flight))
        flight.cancel = partial(self._cancel_task, flight, task)

    def _on_task_end(self, flight: InFlight, task: asyncio.Task[None]) -> None:
        """Clean up after a task, also one that was cancelled before it started."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            self._forget(flight)  # nothing may join what has failed
            flight.fail(error)
        self._land(flight)

    def _cancel_task(self, flight: InFlight, task: asyncio.Task[None]) -> None:
        """Cancel the task of a request."""
        self._forget(flight)  # nothing may join what is about to end
        task.cancel()

    def _stop(self, flight: InFlight, stop: Callable[[], None]) -> None:
        """Cancel a request that was sent without a task."""
        self._forget(flight)
        try:
            stop()
        finally:
            self._breaker.leave(flight.retry)
            self._land(flight)

    async def _run(self, flight: InFlight, error: Exception | None) -> None:
        """Carry out a request: from its first attempt on, or from the failure of that."""
        try:
            if error is None:
                seconds = await self._attempt(flight)
            elif isinstance(error, ShortResponseError):
                seconds = self._read_on(flight, error)
            else:
                seconds = self._end_failed(flight, error)
            while seconds is not None:
                await self._pause(flight, seconds)
                seconds = await self._attempt(flight)
            self._complete(flight)
        except asyncio.CancelledError:
            self._breaker.leave(flight.retry)
            raise
        except BaseException as exc:
            self._fail(flight, exc)
            if not isinstance(exc, Exception):
                raise

    async def _attempt(self, flight: InFlight) -> float | None:
        """Request the bytes that are lacking (http.retry.rest); see `_end_failed`."""
        await self._source.aopen()
        try:
            await self._source.read_range(flight.attempt.send(), flight)
        except SourceError as exc:
            return self._end_failed(flight, exc)
        flight.end_attempt()
        if flight.is_complete:
            return None
        short = flight.shortfall()
        if isinstance(short, ShortResponseError):
            return self._read_on(flight, short)
        raise short

    def _read_on(self, flight: InFlight, short: ShortResponseError) -> float | None:
        """Return the seconds until the rest is requested of what came short; see `_end_failed`."""
        self._breaker.recover()
        if short.length >= ENOUGH_BYTES:
            return flight.retry.go_on()
        return self._retry(flight, short.error)

    def _end_failed(self, flight: InFlight, error: Exception) -> float | None:
        """End an attempt that failed.

        Returns:
            seconds until the next attempt; None if all bytes had arrived nevertheless.

        Raises:
            Exception: `error`, if there is no other attempt.
        """
        if not isinstance(error, SourceError):
            raise error
        flight.end_attempt(type(error).__name__)
        if isinstance(error, SourceTimeoutError | SourceBusyError):
            self._server.record_overload(flight.attempt.ticket)
        if isinstance(error, RangeNotSatisfiableError) and error.size is not None:
            self._ledger.pin.check_size(flight.attempt.part, error.size)
        if isinstance(error, RangeNotSatisfiableError) and flight.may_end_at(error.size):
            return None
        if error.may_pass and flight.is_complete:
            return None
        return self._retry(flight, error)

    def _retry(self, flight: InFlight, error: SourceError) -> float | None:
        """Return the seconds until the next attempt after one that failed; see `_end_failed`."""
        if isinstance(error, SourceBusyError):
            seconds = self._throttle(flight, error)
        else:
            seconds = flight.retry.fail(error)
        if seconds is None:
            error.gave_up(flight.retry.attempts)
            raise error
        return seconds

    def _throttle(self, flight: InFlight, error: SourceBusyError) -> float | None:
        """Pause all requests to a server that refused one for being too many.

        That is no try of the request if the server told when to come back, or answered others
        meanwhile: time alone bounds those.
        """
        ticket, retry = flight.attempt.ticket, flight.retry
        throttle = self._server.throttle
        has_answered = throttle is not None and throttle.has_answered_since(ticket)
        told = retry.told(error)
        seconds = retry.fail(error, excused=told > 0 or has_answered)
        told = 0.0 if seconds is None else told
        self._server.refuse(ticket, told, self._retries, self._clock)
        return None if seconds is None else 0.0

    async def _pause(self, flight: InFlight, seconds: float) -> None:
        """Wait without a slot and without bytes in flight, then for both.

        Raises:
            SourceError: another request gave the server up meanwhile.
        """
        flight.pause()
        if seconds:
            await flight.retry.sleep(seconds)
        if not await self._breaker.wait(flight.retry) and flight.retry.error is not None:
            flight.retry.give_up()
            raise flight.retry.error
        resumed: asyncio.Future[None] = self._loop.create_future()
        self._resuming.append((flight, resumed))
        self._pump()
        if not resumed.done() and self._server.throttle is not None:
            late = self._clock.later(flight.retry.seconds_left, partial(_give_up, flight, resumed))
            resumed.add_done_callback(lambda _: late.cancel())
        await resumed

    def _resume_paused(self) -> bool:
        """Resume requests that waited for their next attempt; return whether all could be."""
        while self._resuming:
            flight, resumed = self._resuming[0]
            if not resumed.done():
                priority = flight.priority - RESUMED_FIRST
                ticket = self._server.acquire(flight.paused_bytes, priority, self._wake)
                if ticket is None:
                    self._watch()
                    return False
                flight.resume(ticket)
                resumed.set_result(None)
            self._resuming.popleft()
        return True

    # --- a server that throttles -----------------------------------------------------------------

    def _watch(self) -> None:
        """See to it that what waits for a server that refuses requests does not wait for ever."""
        if not self._watches and self._server.throttle is not None:
            self._watches = True
            begun = self._clock.monotonic()
            self._clock.later(self._retries.seconds, partial(self._end_watch, begun))

    def _end_watch(self, begun: float) -> None:
        """Fail what waits to be sent, if the server has answered nothing for too long."""
        self._watches = False
        throttle = self._server.throttle
        waiting = [request for request in self._queue if request.state == WAITING]
        if not waiting or throttle is None:
            return
        since = max(begun, throttle.answered_at)
        left = self._retries.seconds - (self._clock.monotonic() - since)
        if left > 0:
            self._watches = True
            self._clock.later(left, partial(self._end_watch, begun))
            return
        for request in waiting:
            message = (
                "the server refuses requests as too many, and answered none for"
                f" {self._retries.seconds:g} s (Limits.retries); this one was not sent"
            )
            error = SourceBusyError(message, url=self._source.name, range=request.part)
            error.may_pass = True
            fail_all([request], error)

    def _complete(self, flight: InFlight) -> None:
        self._breaker.recover()
        flight.finish()

    def _fail(self, flight: InFlight, error: BaseException) -> None:
        has_given_up = isinstance(error, SourceError) and error.may_pass
        self._breaker.leave(flight.retry, gave_up=has_given_up)
        self._forget(flight)  # nothing may join what has failed
        flight.fail(error)

    def _land(self, flight: InFlight) -> None:
        """Clean up after a request."""
        self._forget(flight)
        flight.end()

    def _forget(self, flight: InFlight) -> None:
        self._in_flight = [other for other in self._in_flight if other is not flight]
        flight.cancel = do_nothing
