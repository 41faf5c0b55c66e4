"""What is asked again, how often, and after which pause (http.retry). No I/O but the clock's."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

from tinycog.errors import SourceError
from tinycog.limits import Retries

DOUBLINGS = 60
"""More would not fit a float."""


async def backoff(seconds: float) -> None:
    """Wait between two tries."""
    await asyncio.sleep(seconds)


def parse_retry_after(text: str | None, now: float) -> float | None:
    """What `Retry-After` says, in seconds from `now` (of the Unix clock); None = nothing of use."""
    told = (text or "").strip()
    if told.isascii() and told.isdecimal():
        return float(told) if len(told) < DOUBLINGS else float("inf")
    try:
        date = parsedate_to_datetime(told)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return max(date.timestamp() - now, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def longest_pause(retries: Retries, tried: int) -> float:
    """What a pause after so many tries may last (http.retry.pause)."""
    doubled = retries.first_delay * 2.0 ** min(tried - 1, DOUBLINGS)
    return max(min(doubled, retries.most_delay), 0.0)


class RetryState:
    """The tries of one request: how many there were, and whether there is one more.

    Attributes:
        made: how many there were, with the one that is under way.
        error: of the last one that failed.
    """

    __slots__ = ("_begun", "_clock", "_draw", "_now", "_retries", "error", "made")

    def __init__(
        self,
        retries: Retries,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Start the clock; the first try is about to be made."""
        self.made = 1
        self.error: SourceError | None = None
        self._retries = retries
        self._clock = clock
        self._now = now
        self._draw = draw
        self._begun = clock()

    @property
    def seconds_left(self) -> float:
        """Until all tries are over."""
        return self._retries.seconds - (self._clock() - self._begun)

    def pause_after(self, error: SourceError) -> float | None:
        """Seconds until the next try, which counts as made then; None if there is none.

        A pause is drawn evenly from 0 to its longest; on top of `Retry-After`, where that is told,
        so that those who were sent away together do not come back together. Who is told to come
        back later than there is time for gives up at once.
        """
        retries = self._retries
        self.error = error
        if not error.may_pass or self.made >= retries.tries:
            return None
        told = parse_retry_after(error.retry_after, self._now()) or 0.0
        seconds = told + self._draw() * longest_pause(retries, self.made)
        if seconds > self.seconds_left:
            return None
        self.made += 1
        return seconds
