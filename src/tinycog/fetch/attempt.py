"""One attempt of a request, with a clock, and its line in the log."""

from __future__ import annotations

import os
import time

from tinycog.records import NamedTuple
from tinycog.tiff.ranges import ByteRange

PROCESSORS = os.cpu_count() or 1

MIN_RATE_BYTES = 1 << 19
"""Bytes of the shortest response that says anything about bytes per second."""

FULL = 0.75
"""Share of a processor from which on a thread, or all of them, can do no more."""


class Request(NamedTuple):
    """One attempt of a request, successful or not.

    Those without an error are the complete responses, as the server logs them. A failed attempt is
    logged by itself, and so is the one that resumes it. Not logged are redirects, the replay with
    fresh credentials or without If-Match, and what is sent again because a kept connection was
    closed, or gave a response that is left to aiohttp.

    Attributes:
        start, stop: the bytes requested, half-open.
        length: number of the requested bytes that were received; fewer than requested at the end of
            the file, or where the response was cut short.
        seconds: from sending to the last byte.
        error: name of the error class (`SourceBusyError`); None for a success.
        sidecar: what the name of the file beside ends with that was requested (`.aux.xml`); empty
            for the file itself.
        received: number of bytes received as bodies; more than `length` where the server sent the
            whole file instead of a range.
    """

    start: int
    stop: int
    length: int
    seconds: float
    error: str | None = None
    sidecar: str = ""
    received: int = 0


class Busy(NamedTuple):
    """What this thread, and the whole process, have taken of the processors, in seconds."""

    thread: float
    process: float

    @classmethod
    def now(cls) -> Busy:
        """Return what they have taken so far."""
        return cls(time.thread_time(), time.process_time())

    def was_full(self, seconds: float) -> bool:
        """Return whether it was this process that could do no more in the seconds since."""
        thread, process = Busy.now()
        least = FULL * seconds
        return thread - self.thread >= least or process - self.process >= PROCESSORS * least


class Attempt:
    """One attempt of a request that has a slot.

    Attributes:
        part: the bytes requested: those that earlier attempts did not bring (http.retry.rest).
        ticket: number of its slot, see `Server.acquire`.
        concurrency: requests in flight to the server when it got the slot, itself included.
        sent: time of sending, in seconds of `time.perf_counter`.
        begun: time at which the response began; that of sending until then.
        busy: what the processors had done at `begun`; None for a part that is short.
        skipped: number of bytes that came though they were not requested.
    """

    __slots__ = ("begun", "busy", "concurrency", "part", "sent", "skipped", "ticket")

    def __init__(self, part: ByteRange, ticket: int, concurrency: int) -> None:
        """Start the clock."""
        self.part = part
        self.ticket = ticket
        self.concurrency = concurrency
        self.skipped = 0
        self.sent = self.begun = time.perf_counter()
        self.busy: Busy | None = None

    def send(self) -> ByteRange:
        """Start the clock anew, as the request is sent now; return the bytes to request."""
        self.sent = self.begun = time.perf_counter()
        return self.part

    def begin(self) -> float:
        """Note that the response begins; return the seconds since the request was sent."""
        self.begun = time.perf_counter()
        if self.part.length >= MIN_RATE_BYTES:  # these clocks are slow
            self.busy = Busy.now()
        return self.begun - self.sent

    def request(self, position: int, error: str | None) -> tuple[Request, float]:
        """Return the line for the log, and the seconds that the body took.

        Args:
            position: absolute position of the first byte that did not arrive.
            error: name of the error class, None for a success.
        """
        now = time.perf_counter()
        length = position - self.part.start
        received = length + self.skipped
        request = Request(*self.part, length, now - self.sent, error, "", received)
        return request, now - self.begun
