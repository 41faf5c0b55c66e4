"""One server: what its requests cost, as measured, and how many it is given at a time.

All handles of the process that read from it share these figures and these slots.
"""

from __future__ import annotations

import heapq
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from itertools import count

from tinycog.fetch.coalesce import Rates

FIRST_LIMIT, LEAST_LIMIT, MOST_LIMIT = 16, 8, 64
"""Requests under way at once: before a round trip was measured, and the range of what hides one."""

SECONDS_PER_REQUEST = 0.0003
"""What a request costs us however near the server is: more at once than hide the round trip behind
this only wait for each other."""

GROWTH = 2
"""How many times that many there may be, while answers come as early as those of a quiet server."""

QUIET = 2
"""Requests under way at which a round trip is the server's own, and not our queue's."""

RATE_BYTES = 1 << 20
"""Answers shorter than this say nothing of bytes per second."""

RATE_SAMPLES = 3
"""The fastest of so many is what a connection can do; the others were held up, maybe by us."""

BYTES_IN_FLIGHT = 64 << 20
"""Bytes asked for and not yet decoded, of all origins together."""

Wake = Callable[[], None]


class Budget:
    """Bytes in flight, of the whole process: asked for, and not yet let go of."""

    def __init__(self, most: int) -> None:
        """Start with nothing in flight."""
        self.most = most
        self.used = 0
        self._lock = threading.Lock()

    def take(self, length: int) -> bool:
        """Take that many bytes, if there are; one request alone always may."""
        with self._lock:
            if self.used and self.used + length > self.most:
                return False
            self.used += length
            return True

    def take_anyway(self, length: int) -> None:
        """Take bytes that come along with a request that is under way."""
        with self._lock:
            self.used += length

    def give(self, length: int) -> None:
        """Give them back."""
        with self._lock:
            self.used -= length


BUDGET = Budget(BYTES_IN_FLIGHT)

_waited_for: set[Server] = set()
"""Those that anyone waits for."""


class Server:
    """Slots for requests to one server; safe to use from threads.

    The limit is what hides a round trip, as it was measured when there was little else under way.
    It grows by one with each answer that comes as early as that although all slots are in use. A
    server that says 429 or 503, or falls silent, halves it; then it comes back by one at a time.
    """

    def __init__(self, budget: Budget = BUDGET) -> None:
        """Start with what is sensible before anything is measured."""
        self.budget = budget
        self.limit = FIRST_LIMIT
        self._usual = FIRST_LIMIT
        self.in_flight = 0
        self._round_trip: float | None = None
        self._speeds: deque[float] = deque(maxlen=RATE_SAMPLES)
        self._sent = 0
        self._cut_at = 0
        self._queue: list[tuple[int, int, Wake]] = []
        self._queued: dict[Wake, int] = {}
        self._turn = count()
        self._lock = threading.Lock()

    @property
    def rates(self) -> Rates:
        """What a request and a byte cost, as measured so far."""
        is_known = len(self._speeds) == RATE_SAMPLES
        return Rates.measured(self._round_trip, max(self._speeds) if is_known else None)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked of it."""
        return not self.in_flight and not self._queue

    # --- slots -----------------------------------------------------------------------------------

    def enter(self, length: int, rank: int, wake: Wake) -> int | None:
        """Take a slot and `length` bytes; the ticket, or None if there is none free.

        A length of 0 is for a request that was paused, of which all who wait have their bytes.

        Then `wake` is called once there may be; lower ranks first, then who came first.
        """
        with self._lock:
            if self.in_flight < self.limit and (not length or self.budget.take(length)):
                self.in_flight += 1
                self._sent += 1
                return self._sent
            self._line_up(rank, wake)
            return None

    def is_full(self, rank: int, wake: Wake) -> bool:
        """Whether all slots are taken; `wake` is called then as by `enter`."""
        with self._lock:
            if self.in_flight < self.limit:
                return False
            self._line_up(rank, wake)
            return True

    def _line_up(self, rank: int, wake: Wake) -> None:
        if rank < self._queued.get(wake, sys.maxsize):
            self._queued[wake] = rank
            heapq.heappush(self._queue, (rank, next(self._turn), wake))
            _waited_for.add(self)

    def leave(self) -> None:
        """Free a slot, and wake those who wait for it."""
        with self._lock:
            self.in_flight -= 1
        self.wake()

    def wake(self) -> None:
        """Wake who waits, one after the other, while there are slots."""
        for _ in range(len(self._queue)):
            with self._lock:
                if not self._queue or self.in_flight >= self.limit:
                    return
                rank, _, waiting = heapq.heappop(self._queue)
                if not self._queue:
                    _waited_for.discard(self)
                if self._queued.get(waiting) != rank:
                    continue  # it has moved forward since, and had its turn
                del self._queued[waiting]
            waiting()

    # --- measures --------------------------------------------------------------------------------

    def answered(self, seconds: float, ticket: int, *, quiet: bool) -> None:
        """Note the time from sending to the first byte of an answer.

        `quiet` says whether there was little else under way when it was sent.
        """
        with self._lock:
            if quiet:
                self._round_trip = seconds
                hiding = int(seconds / SECONDS_PER_REQUEST)
                self._usual = min(max(hiding, LEAST_LIMIT), MOST_LIMIT)
            if self._cut_at:
                if ticket > self._cut_at:
                    self.limit = min(self.limit + 1, self._usual)
                    self._cut_at *= self.limit < self._usual
            elif quiet:
                self.limit = min(max(self.limit, self._usual), GROWTH * self._usual)
            elif self.in_flight >= self.limit and self._is_early(seconds):
                self.limit = min(self.limit + 1, GROWTH * self._usual)

    def _is_early(self, seconds: float) -> bool:
        return self._round_trip is not None and seconds <= 1.5 * self._round_trip

    def received(self, length: int, seconds: float) -> None:
        """Note how long the body of a request took that was alone on its way."""
        if length >= RATE_BYTES and seconds > 0:
            with self._lock:
                self._speeds.append(length / seconds)

    def overloaded(self, ticket: int) -> None:
        """Halve the limit: the server said so, or fell silent. Once for all that were under way."""
        with self._lock:
            if ticket > self._cut_at:
                self.limit = max(self.limit // 2, 1)
                self._cut_at = self._sent


MAX_SERVERS = 1024
"""Servers that are remembered; of those that nothing is asked of, the longest known go first."""

_servers: dict[str, Server] = {}

_lock = threading.Lock()


def server_named(name: str) -> Server:
    """The origin of that name, the same for all handles of the process."""
    with _lock:
        found = _servers.get(name)
        if found is None:
            _forget_some()
            found = _servers[name] = Server()
        return found


def _forget_some() -> None:
    """Make room for one more."""
    if len(_servers) >= MAX_SERVERS:
        idle = [name for name, origin in _servers.items() if origin.is_idle]
        for name in idle[: MAX_SERVERS // 2]:
            del _servers[name]


def _forget() -> None:
    """Requests under way do not live on in a forked child: it starts anew."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _servers.clear()
    _waited_for.clear()
    BUDGET.__init__(BYTES_IN_FLIGHT)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def wake_all() -> None:
    """Bytes came free: whoever waits for them may be reading from any origin."""
    for origin in list(_waited_for):
        origin.wake()
