"""Circuit breaker of a server: while it only fails, one request probes it for all.

::

               a request is retried: it is the probe
      CLOSED ────────────────────────────────────────▶ HALF_OPEN
        ▲                                                │
        └────────────────────────────────────────────────┘
           any request is answered    RECOVERED: all others are retried
           the probe gives up         GAVE_UP: all others give up, too
           the probe is cancelled     ABANDONED: the first that waits is the next probe
"""

from __future__ import annotations

import asyncio
from enum import Enum

from tinycog.fetch.retry import RetryState


class BreakerState(Enum):
    """Whether retries are made freely, or wait for one of them."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"


class ProbeResult(Enum):
    """How a probe ended."""

    RECOVERED = "recovered"
    GAVE_UP = "gave up"
    ABANDONED = "abandoned"


class CircuitBreaker:
    """Lets one retry at a time reach a server that only fails (http.retry.one).

    A server that is down then gets a few more requests in total, not a few more for each that it
    failed.
    """

    def __init__(self) -> None:
        """Create a breaker that is closed."""
        self._probe: RetryState | None = None
        self._waiting: list[asyncio.Future[ProbeResult]] = []

    @property
    def state(self) -> BreakerState:
        """`HALF_OPEN` while a probe is under way."""
        return BreakerState.CLOSED if self._probe is None else BreakerState.HALF_OPEN

    async def wait(self, retry: RetryState) -> bool:
        """Wait while another request probes; return False if it gave up, as this one should."""
        while self._probe is not None and self._probe is not retry:
            waiting: asyncio.Future[ProbeResult] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            result = await waiting
            if result is not ProbeResult.ABANDONED:
                return result is ProbeResult.RECOVERED
        self._probe = retry
        return True

    def recover(self) -> None:
        """Note that the server answered a request: all retries may go on."""
        if self._probe is not None:
            self._close(ProbeResult.RECOVERED)

    def leave(self, retry: RetryState, *, gave_up: bool = False) -> None:
        """Note that a request has ended without an answer; that matters if it was the probe."""
        if self._probe is retry:
            self._close(ProbeResult.GAVE_UP if gave_up else ProbeResult.ABANDONED)

    def _close(self, result: ProbeResult) -> None:
        waiting, self._waiting, self._probe = self._waiting, [], None
        for future in waiting:
            if not future.done():
                future.set_result(result)
