"""How many calls to a service are under way at once, and at which pace (cog.service.busy).

The number is halved when the service refuses calls as too many, and grows again by one after as
many answers as there are calls at once. The pace is that of `fetch.throttle`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tinycog.errors import SourceError
from tinycog.fetch.retry import SYSTEM_CLOCK, RetryClock, RetryState
from tinycog.fetch.throttle import Throttle
from tinycog.limits import Retries
from tinycog.servicing.refusals import as_busy

T = TypeVar("T")


class Lanes:
    """Calls of one event loop.

    Attributes:
        open: calls that may be under way at once now.
    """

    def __init__(self, most: int, retries: Retries, clock: RetryClock = SYSTEM_CLOCK) -> None:
        """Start with all of them.

        Args:
            most: calls at once.
            retries: how long a call is repeated that was refused as one too many.
            clock: of pauses.
        """
        self.open = most
        self._most, self._retries, self._clock = most, retries, clock
        self._busy = 0
        self._answers = 0
        self._last_ticket = self._lowered_at = 0
        self._throttle: Throttle | None = None
        self._waiting: set[asyncio.Future[None]] = set()

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Make a call when there is room, and again while the service refuses it as one too many.

        Raises:
            SourceBusyError: it did so for too long.
            Exception: whatever the call raises.
        """
        state = RetryState(self._retries, self._clock)
        while True:
            ticket = await self._enter()
            try:
                found = await work()
            except BaseException as exc:
                busy = as_busy(exc)
                if busy is None:
                    raise
                if self._refused(ticket, state, busy) is None:
                    busy.gave_up(state.attempts)
                    raise busy from (None if busy is exc else exc)
                state.next_attempt()
            else:
                self._answered(ticket)
                return found
            finally:
                self._busy -= 1
                self._wake()

    async def _enter(self) -> int:
        """Wait until a call may be made; return its ticket."""
        while self._busy >= self.open or self._pause:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            timer = self._clock.later(self._pause, self._wake) if self._pause else None
            try:
                await waiting
            finally:
                self._waiting.discard(waiting)
                if timer is not None:
                    timer.cancel()
        self._busy += 1
        self._last_ticket += 1
        if self._throttle is not None:
            self._throttle.send()
        return self._last_ticket

    @property
    def _pause(self) -> float:
        return 0.0 if self._throttle is None else self._throttle.seconds

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def _refused(self, ticket: int, state: RetryState, busy: SourceError) -> float | None:
        """Note a refusal; return None if the call is given up."""
        if self._throttle is None:
            self._throttle = Throttle(self._clock)
        throttle = self._throttle
        told = state.told(busy)
        is_excused = bool(told) or throttle.has_answered_since(ticket)
        throttle.refuse(ticket, self._last_ticket, told, self._retries)
        if ticket > self._lowered_at:  # once for all that were under way together
            self.open = max(self.open // 2, 1)
            self._lowered_at, self._answers = self._last_ticket, 0
        return state.fail(busy, excused=is_excused)

    def _answered(self, ticket: int) -> None:
        if self._throttle is not None:
            self._throttle.answer(ticket, self._last_ticket)
            if self._throttle.is_over:
                self._throttle = None
        self._answers += 1
        if self.open < self._most and self._answers >= self.open:
            self.open, self._answers = self.open + 1, 0
