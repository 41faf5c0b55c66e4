"""Rate of requests to a server that refuses some as too many (http.retry.throttle).

The rate follows what the server answers, by additive increase and multiplicative decrease, as in
congestion control. After a refusal there is a pause; then one request tries for all, and once that
is answered the others follow, spaced out. No I/O.
"""

from __future__ import annotations

from tinycog.fetch.retry import RetryClock, longest_pause
from tinycog.limits import Retries

FIRST_RATE = 10.0
"""Requests per second after the first refusal."""

LEAST_RATE = 0.5
"""Requests per second at least, once one is answered."""

DECREASE, INCREASE = 0.7, 0.5
"""What a refusal leaves of the rate, and what each answer adds, in requests per second."""

FREE_RATE = 500.0
"""Requests per second from which on they are not spaced out any more."""

FORGET_SECONDS = 60.0
"""Seconds without a refusal after which a server is asked as freely as before."""


class Throttle:
    """When the next request may be sent to a server that refused one.

    Attributes:
        clock: time of the pauses.
        opens_at: time from which on the next request may be sent.
        answered_at: time of the last answer, or of the first refusal.
    """

    def __init__(self, clock: RetryClock) -> None:
        """Begin at the first refusal."""
        self.clock = clock
        self.opens_at = self.answered_at = self._refused_at = clock.monotonic()
        self._told_until = self.opens_at
        self._rate = FIRST_RATE / DECREASE
        self._refusals = 0
        self._retry_seconds = 0.0
        self._refused_ticket = self._answered_ticket = 0

    @property
    def seconds(self) -> float:
        """Seconds until the next request may be sent; none if that is now."""
        return max(self.opens_at - self.clock.monotonic(), 0.0)

    @property
    def is_over(self) -> bool:
        """Whether requests need not be spaced out any more."""
        quiet = self.clock.monotonic() - self._refused_at
        return not self._refusals and (self._rate >= FREE_RATE or quiet >= FORGET_SECONDS)

    def has_answered_since(self, ticket: int) -> bool:
        """Return whether the server answered another request since that of a ticket was sent."""
        return ticket <= self._answered_ticket

    def refuse(self, ticket: int, last_ticket: int, told: float, retries: Retries) -> None:
        """Pause all requests, as one was refused; one for all that were under way together.

        Args:
            ticket: that of the request that was refused.
            last_ticket: that of the request that was sent last.
            told: seconds of its `Retry-After`, or 0.
            retries: how long a pause may be that the server does not tell.
        """
        now = self._refused_at = self.clock.monotonic()
        self._told_until = max(self._told_until, now + told)
        if ticket > self._refused_ticket:
            if not self._refusals:
                self._rate = max(self._rate * DECREASE, LEAST_RATE)
            self._refusals += 1
            self._refused_ticket = last_ticket
            self._retry_seconds = longest_pause(retries, self._refusals)
            self.opens_at = now + told + self.clock.draw() * self._retry_seconds
        self.opens_at = max(self.opens_at, self._told_until)

    def send(self) -> None:
        """Note that a request is sent: after a refusal alone, until it is answered or late."""
        now = self.clock.monotonic()
        self.opens_at = now + (self._retry_seconds if self._refusals else 1 / self._rate)

    def answer(self, ticket: int, last_ticket: int) -> None:
        """Note that the request of a ticket was answered: the rate grows."""
        self.answered_at = self.clock.monotonic()
        self._answered_ticket = last_ticket
        if ticket > self._refused_ticket:
            if self._refusals:
                self._refusals = 0
                self.opens_at = max(self.answered_at + 1 / self._rate, self._told_until)
            self._rate += INCREASE
