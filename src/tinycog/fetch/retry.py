"""Retry policy: which failures are retried, how often, after which backoff (http.retry). No I/O.

::

                   transient failure
      ATTEMPT ───────────────────────────▶ BACKOFF
       │   ▲                                │   │
       │   └────────── next_attempt ────────┘   │ another request gave the server up
       │                                        │ (see circuit_breaker)
       │ other failure; attempts or seconds     │
       │ spent; Retry-After beyond them         │
       └──────────────▶ GIVEN_UP ◀──────────────┘
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import IntEnum

from tinycog.errors import SourceError
from tinycog.limits import Retries
from tinycog.records import NamedTuple

MAX_DOUBLINGS = 60
"""Doublings of the first delay; more would not fit a float."""

MAX_DIGITS = 60
"""Digits of a `Retry-After`; one with more asks for an infinite pause."""


def _draw() -> float:
    """Return a random number from 0 to 1."""
    from random import random  # noqa: PLC0415 - retries only

    return random()  # noqa: S311 - no secret


def _later(seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
    """Have the running loop call a function after so many seconds."""
    return asyncio.get_running_loop().call_later(seconds, callback)


class RetryClock(NamedTuple):
    """Time and chance of retries.

    Attributes:
        monotonic: seconds of a clock that is never set.
        unix: seconds since 1970, against which the date of a `Retry-After` is held.
        draw: a random number from 0 to 1.
        sleep: waits so many seconds, between two attempts.
        later: has the running event loop call a function after so many seconds.
    """

    monotonic: Callable[[], float] = time.monotonic
    unix: Callable[[], float] = time.time
    draw: Callable[[], float] = _draw
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    later: Callable[[float, Callable[[], None]], asyncio.TimerHandle | asyncio.Handle] = _later


SYSTEM_CLOCK = RetryClock()
"""The clock of the operating system."""


def parse_retry_after(text: str | None, now: float) -> float | None:
    """Return the seconds from `now` (Unix) that `Retry-After` asks for; None if it is invalid."""
    value = (text or "").strip()
    if value.isascii() and value.isdecimal():
        return float(value) if len(value) < MAX_DIGITS else float("inf")
    date = parse_date(value)
    return None if date is None else max(date - now, 0.0)


def parse_date(text: str | None) -> float | None:
    """Return the Unix time of an HTTP date; None if it is none."""
    if not text:
        return None
    from datetime import UTC  # noqa: PLC0415 - responses with a date only
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - the same

    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return date.timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def longest_pause(retries: Retries, attempts: int) -> float:
    """Return the longest backoff after so many attempts, in seconds (http.retry.pause)."""
    doubled = retries.first_delay * 2.0 ** min(attempts - 1, MAX_DOUBLINGS)
    return max(min(doubled, retries.most_delay), 0.0)


class RetryPhase(IntEnum):
    """Where a request stands between its attempts; drawn in the docstring of this module."""

    ATTEMPT = 0
    BACKOFF = 1
    GIVEN_UP = 2


ATTEMPT, BACKOFF, GIVEN_UP = RetryPhase

NEXT_PHASES: tuple[tuple[RetryPhase, ...], ...] = ((BACKOFF, GIVEN_UP), (ATTEMPT, GIVEN_UP), ())
"""Legal transitions: the phases that may follow each phase."""


class RetryState:
    """The attempts of one request.

    Attributes:
        phase: where it stands; set by the methods below only.
        attempts: number of attempts made, with the one under way.
        error: that of the last attempt that failed.
    """

    __slots__ = ("_begun", "_clock", "_excused", "_retries", "attempts", "error", "phase")

    def __init__(self, retries: Retries, clock: RetryClock = SYSTEM_CLOCK) -> None:
        """Start the clock: the first attempt is about to be made."""
        self.phase = ATTEMPT
        self.attempts = 1
        self.error: SourceError | None = None
        self._retries = retries
        self._clock = clock
        self._begun = clock.monotonic()
        self._excused = 0

    @property
    def seconds_left(self) -> float:
        """Seconds left for all attempts and pauses together."""
        return self._retries.seconds - (self._clock.monotonic() - self._begun)

    @property
    def is_only_one(self) -> bool:
        """Whether there is one attempt and no other."""
        return self._retries.tries == 1

    def fail(self, error: SourceError, *, excused: bool = False) -> float | None:
        """End an attempt that failed; return the seconds until the next one, None to give up.

        A backoff is drawn evenly from 0 to its longest, on top of `Retry-After` if there is one, so
        that clients rejected together do not come back together. A server that asks for more time
        than is left is given up at once. An attempt that is `excused` is none of `Retries.tries`.
        """
        self.error = error
        self._excused += excused
        seconds = self._backoff(error)
        self._enter(GIVEN_UP if seconds is None else BACKOFF)
        return seconds

    def _backoff(self, error: SourceError) -> float | None:
        most = self._retries.tries
        most = most if error.most_tries is None else min(most, error.most_tries)
        if not error.may_pass or self.attempts - self._excused >= most or most == 1:
            return None
        seconds = self.told(error)
        seconds += self._clock.draw() * longest_pause(self._retries, self.attempts)
        return None if seconds > self.seconds_left else seconds

    def go_on(self) -> float:
        """End an attempt that brought a part of the bytes; return the seconds until the next one.

        That is of the same try, and the time of all tries begins anew (http.range.short).
        """
        self._enter(BACKOFF)
        self.attempts -= 1
        self._begun = self._clock.monotonic()
        return 0.0

    def told(self, error: SourceError) -> float:
        """Return the seconds that an error asks to wait (`Retry-After`), 0 without any."""
        now = parse_date(error.date)
        now = self._clock.unix() if now is None else now
        return parse_retry_after(error.retry_after, now) or 0.0

    def next_attempt(self) -> None:
        """Begin the next attempt."""
        self._enter(ATTEMPT)
        self.attempts += 1

    def give_up(self) -> None:
        """Make no more attempts, as another request gave the server up."""
        self._enter(GIVEN_UP)

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts."""
        await self._clock.sleep(seconds)

    def _enter(self, phase: RetryPhase) -> None:
        if phase not in NEXT_PHASES[self.phase]:
            message = f"a request cannot go from {self.phase.name} to {phase.name}"
            raise RuntimeError(message)
        self.phase = phase
