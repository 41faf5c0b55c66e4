"""How long a response may take: a deadline that moves on as its bytes come. No I/O."""

from __future__ import annotations

import asyncio
from typing import Protocol

BYTES_PER_SECOND = 1024
"""Bytes that extend the total time of a response by one second (http.time)."""

RESCHEDULE_FRACTION = 50
"""The timer is moved only by more than this part of the read timeout, since to move it costs
something: a response may be given up too early by as much."""


class Clock(Protocol):
    """What gives a response up: an `asyncio.Timeout`, or a connection itself."""

    def reschedule(self, when: float) -> None:
        """Fire at loop time `when`."""
        ...


class Deadline:
    """When a response is aborted: after a read timeout, or when it is too slow (http.time)."""

    __slots__ = ("_clock", "_last", "_read_timeout", "_slack", "_time", "_when")

    def __init__(self, clock: Clock, read_timeout: float, seconds: float) -> None:
        """Start now; `seconds` are left in all if no bytes come."""
        self._clock = clock
        self._time = asyncio.get_running_loop().time
        self._read_timeout = read_timeout
        self._slack = read_timeout / RESCHEDULE_FRACTION
        self._last = self._when = self._time() + min(read_timeout, seconds)
        self._clock.reschedule(self._when)

    def __call__(self, length: int) -> None:
        """Take note that so many bytes have come."""
        self._last += length / BYTES_PER_SECOND
        when = min(self._time() + self._read_timeout, self._last)
        if when > self._when + self._slack:
            self._when = when
            self._clock.reschedule(when)
