"""One try of a request: its answer on the way to a flight, with a clock, and what is logged."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from tinycog.fetch.concurrency import QUIET, Server
from tinycog.fetch.in_flight import InFlight
from tinycog.fetch.pin import Pin
from tinycog.fetch.retry import RetryState
from tinycog.tiff.ranges import ByteRange


@dataclass(frozen=True, slots=True)
class Request:
    """One request: one try, answered or not.

    Those without an error are the answers that came whole, as the server logs them. A try that
    failed is one of its own, and so is the one that resumed it. Redirects, the replay with fresh
    credentials, and what is sent again since a kept connection was closed or gave an answer that is
    left to aiohttp, are not.

    Attributes:
        start, stop: the bytes asked, half-open.
        length: number of bytes that came of them; fewer than asked at the end of the file, or where
            the answer was cut.
        seconds: from sending to the last byte.
        error: why it failed, in a word (`SourceBusyError`); None if it did not.
    """

    start: int
    stop: int
    length: int
    seconds: float
    error: str | None = None


class Ledger(Protocol):
    """Who keeps what the requests of a handle bring: its fetcher."""

    @property
    def pin(self) -> Pin:
        """The generation that every answer must be of."""
        ...

    def begin(self, part: ByteRange, size: int | None, tag: str | None) -> None:
        """Judge the head of an answer."""
        ...

    def keep(self, data: bytes) -> None:
        """Take the whole object, which came unasked."""
        ...

    def note(self, request: Request) -> None:
        """Log a request."""
        ...


class Attempt:
    """An answer on its way to a flight, with a clock."""

    def __init__(
        self, flight: InFlight, origin: Server, ticket: int, keeper: Ledger, tries: RetryState
    ) -> None:
        """Start the clock: it is sent now."""
        self.part = ByteRange(flight.arrived, flight.part.stop)
        self._flight = flight
        self._origin = origin
        self._ticket = ticket
        self._keeper = keeper
        self._tries = tries
        self._under_way = flight.company
        self._sent = self._begun = time.perf_counter()

    @property
    def generation(self) -> str | None:
        """The generation that is wanted, if one is known."""
        return self._keeper.pin.tag

    @property
    def seconds_left(self) -> float:
        """How long it may still take if no more bytes come."""
        return self._tries.seconds_left

    def begin(self, size: int | None, generation: str | None) -> None:
        """Take the head."""
        self._begun = time.perf_counter()
        seconds = self._begun - self._sent
        self._origin.answered(seconds, self._ticket, quiet=self._under_way <= QUIET)
        self._flight.begin(size, generation)

    def write_whole(self, data: bytes) -> None:
        """Take the whole object, which came unasked."""
        self._keeper.keep(data)

    def write(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the body."""
        self._flight.write(chunk)

    def buffer(self, max_bytes: int) -> memoryview:
        """Where the next bytes may be written."""
        return self._flight.buffer(max_bytes)

    def advance(self, count: int) -> None:
        """Take what was written there."""
        self._flight.advance(count)

    def request(self, error: str | None = None) -> Request:
        """The whole exchange, for the log."""
        now = time.perf_counter()
        length = self._flight.arrived - self.part.start
        if error is None and self._under_way == self._origin.in_flight == 1:
            self._origin.received(length, now - self._begun)
        return Request(*self.part, length, now - self._sent, error)
