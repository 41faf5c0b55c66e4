"""How long an answer may take: a clock that is wound as its bytes come. No I/O."""

from __future__ import annotations

import asyncio
from typing import Protocol

DRIP = 1024
"""Bytes that give an answer one second more."""

WINDINGS = 50
"""An answer may be given up too early by this part of the time that it has."""


class Clock(Protocol):
    """What gives an answer up: an `asyncio.Timeout`, or a line itself."""

    def reschedule(self, when: float) -> None:
        """Do so at that time of the event loop."""
        ...


class Deadline:
    """When an answer is given up: after a silence, or because it drips (http.time)."""

    __slots__ = ("_clock", "_last", "_silence", "_slack", "_time", "_when")

    def __init__(self, clock: Clock, silence: float, seconds: float) -> None:
        """Start now; there are so many seconds at most if nothing comes."""
        self._clock = clock
        self._time = asyncio.get_running_loop().time
        self._silence = silence
        self._slack = silence / WINDINGS
        self._last = self._when = self._time() + min(silence, seconds)
        self._clock.reschedule(self._when)

    def __call__(self, length: int) -> None:
        """So many bytes have come."""
        self._last += length / DRIP
        when = min(self._time() + self._silence, self._last)
        if when > self._when + self._slack:  # to wind it costs something
            self._when = when
            self._clock.reschedule(when)
