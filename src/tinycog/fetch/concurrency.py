"""Concurrency of requests to one server, and what they cost as measured.

All handles of the process that read from a server share its slots and its measured rates, and all
servers share one budget of bytes in flight.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count

from tinycog.fetch.attempt import MIN_RATE_BYTES
from tinycog.fetch.coalesce import Rates
from tinycog.fetch.retry import RetryClock
from tinycog.fetch.throttle import Throttle
from tinycog.limits import Retries
from tinycog.records import NamedTuple


class SlotRange(NamedTuple):
    """How many requests to one server may be in flight at once.

    Attributes:
        initial: before a round trip was measured.
        least: however short the round trip is.
        most: however long the round trip is.
        growth: how many times those that hide the round trip, while responses come as early as
            those of a quiet server.
    """

    initial: int = 16
    least: int = 8
    most: int = 64
    growth: int = 2

    def at_most(self, most: int) -> SlotRange:
        """Return a range that never has more slots."""
        initial, least, own, _ = self
        return SlotRange(min(initial, most), min(least, most), min(own, most), growth=1)


SLOTS = SlotRange()
"""The range for every server."""

REQUEST_SECONDS = 0.0003
"""Seconds that a request costs this process, however near the server is: more at once than hide the
round trip behind this only wait for each other."""

QUIET_CONCURRENCY = 2
"""Requests in flight up to which a round trip is the server's own, and not our queue's."""

EARLY_ROUND_TRIPS = 1.5
"""Round trips within which a response is early."""

FEWEST_SAMPLES, RATE_SAMPLES = 3, 16
"""Responses whose median is what a connection can do: some were held up, some came in one burst."""

BYTES_IN_FLIGHT = 64 << 20
"""Bytes requested and not yet decoded, of all servers together."""

Wake = Callable[[], None]


class Budget:
    """Bytes in flight of the whole process: requested, and not yet released."""

    def __init__(self, most: int) -> None:
        """Create a budget of `most` bytes, none of them in flight."""
        self.most = most
        self.used = 0
        self._lock = threading.Lock()

    def acquire(self, length: int) -> bool:
        """Take `length` bytes if they are left; one request alone may always have its bytes."""
        with self._lock:
            if self.used and self.used + length > self.most:
                return False
            self.used += length
            return True

    def acquire_anyway(self, length: int) -> None:
        """Take bytes that a request in flight brings along, whether or not they are left."""
        with self._lock:
            self.used += length

    def release(self, length: int) -> None:
        """Give bytes back."""
        with self._lock:
            self.used -= length

    def reset(self) -> None:
        """Give all bytes back: in a forked child nothing is in flight."""
        self._lock = threading.Lock()
        self.used = 0


BUDGET = Budget(BYTES_IN_FLIGHT)
"""The budget of the process."""

_servers_waited_for: set[Server] = set()


LEAST_PAUSE = 0.005
"""Seconds after which those that wait for a throttled server look again at least."""


class Server:
    """Slots for requests to one server, and its measured rates; thread-safe.

    The limit of slots is what hides a round trip, as measured with little else in flight. It grows
    by one with each response that comes as early as that although all slots are in use. A server
    that sends 429 or 503, or falls silent, has it halved; then it comes back one by one. After 429
    and 503, `Throttle` says besides when the next request may be sent.

    Attributes:
        budget: bytes in flight, shared with other servers.
        in_flight: slots taken.
        slots: range of the limit.
    """

    def __init__(self, budget: Budget = BUDGET, slots: SlotRange = SLOTS) -> None:
        """Create a server of which nothing has been measured."""
        self.budget = budget
        self.slots = slots
        self.in_flight = 0
        self._opened = 1
        self._hiding = slots.initial
        self._round_trip: float | None = None
        self._speeds: deque[float] = deque(maxlen=RATE_SAMPLES)
        self._last_ticket = 0
        self._halved_at = 0
        self._throttle: Throttle | None = None
        self._limit = self._free = slots.initial
        self._timers: dict[asyncio.AbstractEventLoop, asyncio.Handle] = {}
        self._queue: list[tuple[int, int, Wake]] = []
        self._queued: dict[Wake, int] = {}
        self._order = count()
        self._lock = threading.Lock()

    @property
    def rates(self) -> Rates:
        """What a request and a byte cost, as measured so far."""
        is_known = len(self._speeds) >= FEWEST_SAMPLES
        speed = sorted(self._speeds)[len(self._speeds) // 2] if is_known else None
        return Rates.measured(self._round_trip, speed, self.slots.most, self._opened)

    @property
    def is_idle(self) -> bool:
        """True while no request is in flight or waits for a slot."""
        return not self.in_flight and not self._queue

    @property
    def limit(self) -> int:
        """Slots at present."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._free = limit if self._throttle is None else 0

    # --- slots -----------------------------------------------------------------------------------

    def acquire(self, length: int, priority: int, wake: Wake) -> int | None:
        """Take a slot and `length` bytes in flight; return its ticket, None if there is no slot.

        Tickets count up. Without a slot, `wake` is called once there may be one: lower priorities
        first, then in the order of the calls. A length of 0 takes a slot alone, for a request that
        is resumed although all ranges that it still serves are cancelled.
        """
        with self._lock:
            has_slot = self.in_flight < self._free or self._admits()
            if has_slot and (not length or self.budget.acquire(length)):
                self.in_flight += 1
                self._opened = max(self._opened, self.in_flight)
                self._last_ticket += 1
                if self._throttle is not None:
                    self._throttle.send()
                return self._last_ticket
            self._enqueue(priority, wake)
            return None

    def is_full(self, priority: int, wake: Wake) -> bool:
        """Return whether all slots are taken; `wake` is then called as by `acquire`."""
        with self._lock:
            if self.in_flight < self._free or self._admits():
                return False
            self._enqueue(priority, wake)
            return True

    def _enqueue(self, priority: int, wake: Wake) -> None:
        if priority < self._queued.get(wake, sys.maxsize):
            self._queued[wake] = priority
            heapq.heappush(self._queue, (priority, next(self._order), wake))
            _servers_waited_for.add(self)
        if self._throttle is not None:
            self._set_timer(self._throttle)

    def release(self) -> None:
        """Free a slot, and wake those that wait for it."""
        with self._lock:
            self.in_flight -= 1
        self.wake()

    def wake(self) -> None:
        """Wake those that wait, one after the other, while there are slots."""
        for _ in range(len(self._queue)):
            with self._lock:
                if not self._queue:
                    return
                is_full = self.in_flight >= self._free and not self._admits()
                if is_full and (self._throttle is None or self._set_timer(self._throttle)):
                    return  # without a loop, those that wait set timers in theirs
                priority, _, waiting = heapq.heappop(self._queue)
                if not self._queue:
                    _servers_waited_for.discard(self)
                if self._queued.get(waiting) != priority:
                    continue  # it was queued again with a higher priority, and has been woken
                del self._queued[waiting]
            waiting()

    # --- throttled -------------------------------------------------------------------------------

    @property
    def throttle(self) -> Throttle | None:
        """When requests may be sent, after the server refused one; None while they are free."""
        return self._throttle

    def refuse(self, ticket: int, told: float, retries: Retries, clock: RetryClock) -> None:
        """Pause requests, as the server refused one for being too many (http.retry.throttle).

        Args:
            ticket: that of the request.
            told: seconds of its `Retry-After`, or 0.
            retries: how long a pause may be that the server does not tell.
            clock: time of the pauses.
        """
        waiting: list[tuple[int, int, Wake]] = []
        with self._lock:
            if self._throttle is None:
                self._throttle = Throttle(clock)
                self._free = 0
                waiting, self._queue = sorted(self._queue), []
                self._queued.clear()
                _servers_waited_for.discard(self)
            self._throttle.refuse(ticket, self._last_ticket, told, retries)
        for _, _, wake in waiting:
            wake()  # those that waited for a slot queue again, and watch the time from now on

    def _admits(self) -> bool:
        """Return whether a request may be sent although the server is throttled."""
        throttle = self._throttle
        if throttle is None:
            return False
        if throttle.is_over:
            self._free, self._throttle = self._limit, None
            return self.in_flight < self._limit
        return self.in_flight < self._limit and not throttle.seconds

    def _set_timer(self, throttle: Throttle) -> bool:
        """Wake those that wait once the next request may be sent; each loop has one timer.

        There is none while all slots are taken: one that comes free wakes them. Time goes on since
        it was found that the next request may not be sent: a timer is set if it may by now, too.

        Returns:
            False if no event loop runs in this thread.
        """
        try:
            loop, seconds = asyncio.get_running_loop(), throttle.seconds
        except RuntimeError:
            return False
        self._timers = {other: t for other, t in self._timers.items() if not other.is_closed()}
        if self.in_flight < self._limit and loop not in self._timers:
            later = max(seconds, LEAST_PAUSE)
            self._timers[loop] = throttle.clock.later(later, partial(self._on_time, loop))
        return True

    def _on_time(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake those that wait; that sets the timer for the next."""
        self._timers.pop(loop, None)
        self.wake()

    def _answer(self, throttle: Throttle, ticket: int) -> None:
        """Note an answer of a throttled server: the next request may be sent earlier."""
        before = throttle.opens_at
        throttle.answer(ticket, self._last_ticket)
        timer = self._timers.pop(asyncio.get_running_loop(), None)
        if timer is not None and throttle.opens_at < before:
            timer.cancel()
            self._set_timer(throttle)
        elif timer is not None:
            self._timers[asyncio.get_running_loop()] = timer

    # --- measurements ----------------------------------------------------------------------------

    def record_response(self, seconds: float, ticket: int, *, quiet: bool) -> None:
        """Record the seconds from sending a request to the first byte of its response.

        `quiet` says that at most `QUIET_CONCURRENCY` requests were in flight when it was sent.
        """
        with self._lock:
            if quiet:
                self._round_trip = seconds
                hiding = int(seconds / REQUEST_SECONDS)
                self._hiding = min(max(hiding, self.slots.least), self.slots.most)
            if self._halved_at:
                self._recover(ticket)
            elif quiet:
                self.limit = min(max(self.limit, self._hiding), self.slots.growth * self._hiding)
            elif self.in_flight >= self._limit and self._is_early(seconds):
                self.limit = min(self.limit + 1, self.slots.growth * self._hiding)

    def _recover(self, ticket: int) -> None:
        """Raise a limit that was halved, after the response to a request sent since."""
        if self._throttle is not None:
            self._answer(self._throttle, ticket)
        if ticket > self._halved_at:
            self.limit = min(self.limit + 1, self._hiding)
            if self.limit >= self._hiding and self._throttle is None:
                self._halved_at = 0

    def _is_early(self, seconds: float) -> bool:
        return self._round_trip is not None and seconds <= EARLY_ROUND_TRIPS * self._round_trip

    def record_body(self, length: int, seconds: float) -> None:
        """Record how long a connection takes for a body of so many bytes."""
        if length >= MIN_RATE_BYTES and seconds > 0:
            with self._lock:
                self._speeds.append(length / seconds)

    def record_overload(self, ticket: int) -> None:
        """Halve the limit, once for all requests in flight: the server is overloaded, or silent."""
        with self._lock:
            if ticket > self._halved_at:
                self.limit = max(self.limit // 2, 1)
                self._halved_at = self._last_ticket


MAX_SERVERS = 1024
"""Servers that are remembered; of those that are idle, the longest known are forgotten first."""

_servers: dict[tuple[str, int | None], Server] = {}
"""By name, and by the most slots that a caller allows."""

_lock = threading.Lock()


def server_named(name: str, most: int | None = None) -> Server:
    """Return the server of that name, the same for all handles of the process.

    With `most` slots, if the caller says how many: for all handles that say the same.
    """
    with _lock:
        found = _servers.get((name, most))
        if found is None:
            _forget_idle_servers()
            slots = SLOTS if most is None else SLOTS.at_most(most)
            found = _servers[name, most] = Server(slots=slots)
        return found


def _forget_idle_servers() -> None:
    """Keep the number of servers below `MAX_SERVERS`."""
    if len(_servers) >= MAX_SERVERS:
        idle = [key for key, server in _servers.items() if server.is_idle]
        for key in idle[: MAX_SERVERS // 2]:
            del _servers[key]


def _reset_after_fork() -> None:
    """Start anew in a forked child, in which no request is in flight."""
    global _lock  # noqa: PLW0603 - the old one may be locked by a thread of the parent
    _lock = threading.Lock()
    _servers.clear()
    _servers_waited_for.clear()
    BUDGET.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)


def wake_all() -> None:
    """Wake those that wait for bytes in flight, at any server."""
    for server in list(_servers_waited_for):
        server.wake()
