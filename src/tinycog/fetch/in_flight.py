"""One request in flight: it serves range requests as the bytes of its response arrive.

Its states::

                  attempt failed: slot and bytes in flight are given back
      HAS_SLOT ──────────────────────────────────────────────────────────▶ BACKING_OFF
         │  ▲                                                               │   │
         │  └──── slot and bytes in flight are taken for the next attempt ──┘   │
         ▼  complete, failed or cancelled                cancelled or failed    ▼
       ENDED ◀──────────────────────────────────────────────────────────────────┘

Those of the range requests that it serves are drawn in `range_request`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from operator import attrgetter

from tinycog.buffer_pool import BUFFERS
from tinycog.checks import Pinning
from tinycog.errors import (
    AccessDeniedError,
    NotFoundError,
    RangeMismatchError,
    RangeUnsupportedError,
    SourceBusyError,
    SourceChangedError,
    SourceError,
    SourceTimeoutError,
    TruncatedError,
)
from tinycog.fetch.attempt import Attempt
from tinycog.fetch.concurrency import QUIET_CONCURRENCY, Server, wake_all
from tinycog.fetch.ledger import Ledger
from tinycog.fetch.range_request import (
    AGAIN,
    PAUSED,
    SENT,
    Priority,
    RangeRequest,
    RequestState,
    check_transition,
    do_nothing,
    fail_all,
)
from tinycog.fetch.retry import RetryState
from tinycog.sources.protocol import NO_VALIDATORS
from tinycog.tiff.ranges import ByteRange

CHUNK_BYTES = 1 << 18
"""Bytes of a buffer that receives bytes of several members."""

OF_THE_OBJECT = (
    AccessDeniedError,
    NotFoundError,
    RangeUnsupportedError,
    SourceBusyError,
    SourceChangedError,
    SourceTimeoutError,
)
"""Errors that do not depend on which bytes are requested."""

DIRECT_BYTES = 1 << 16
"""Bytes of one member from which on they are received into its own buffer, without a copy."""


class FlightState(IntEnum):
    """States of a request in flight; drawn in the docstring of this module."""

    HAS_SLOT = 0
    BACKING_OFF = 1
    ENDED = 2


HAS_SLOT, BACKING_OFF, ENDED = FlightState

NEXT_FLIGHT_STATES: tuple[tuple[FlightState, ...], ...] = (
    (BACKING_OFF, ENDED),
    (HAS_SLOT, ENDED),
    (),
)
"""Legal transitions: the states that may follow each state of a request in flight."""


class ShortResponseError(Exception):
    """A response brought the first bytes of a range, not all of them (http.range.short).

    Attributes:
        length: number of bytes that it brought.
        error: what it comes to if no more bytes come.
    """

    def __init__(self, length: int, part: ByteRange, name: str) -> None:
        """Say how many came; the rest may come of the next request."""
        message = f"the server sent no more than {length} of the bytes that were asked"
        super().__init__(message)
        self.length = length
        self.error = RangeMismatchError(message, url=name, range=part)
        self.error.may_pass = True


_part_of: Callable[[RangeRequest], ByteRange] = attrgetter("part")


class InFlight:
    """One request: the sink of its response, which serves its members in their order.

    It has a slot at the server, and bytes in flight, but for the pauses between its attempts.

    Attributes:
        part: the bytes requested by the first attempt.
        priority: order in which it gets a slot again.
        server: that whose slot it has.
        retry: its attempts so far.
        attempt: the last one.
        state: set by the methods below only.
        position: absolute position of the next byte to arrive.
        size: length of the object in bytes, once reported.
        cancel: cancels it.
    """

    __slots__ = (
        "_chunk",
        "_direct",
        "_ledger",
        "_members",
        "attempt",
        "cancel",
        "part",
        "position",
        "priority",
        "retry",
        "server",
        "size",
        "state",
    )

    def __init__(
        self,
        part: ByteRange,
        members: Iterable[RangeRequest],
        *,
        ticket: int,
        priority: Priority,
        server: Server,
        ledger: Ledger,
        retry: RetryState,
    ) -> None:
        """Create a request with a slot; nothing is sent yet.

        Args:
            part: the bytes to request.
            members: the range requests that it serves, inside `part`.
            ticket: that of its slot.
            priority: order in which it gets a slot again.
            server: that whose slot it has.
            ledger: checks the generation of the response, and logs each attempt.
            retry: counts its attempts.
        """
        self.part = part
        self.priority = priority
        self.server = server
        self.retry = retry
        self.attempt = Attempt(part, ticket, server.in_flight)
        self.state = HAS_SLOT
        self.position = part.start
        self.size: int | None = None
        self.cancel: Callable[[], object] = do_nothing
        self._ledger = ledger
        self._direct: RangeRequest | None = None
        self._chunk = bytearray()
        self._members = sorted(members, key=_part_of)
        for member in self._members:
            self._take_on(member, SENT)

    def _take_on(self, request: RangeRequest, state: RequestState) -> None:
        request.board(self.server.budget, self.cancel_if_unwanted, state)

    def cancel_if_unwanted(self) -> None:
        """Cancel it unless it serves a range request that is not delivered."""
        if not any(member.is_in_flight for member in self._members):
            self.cancel()

    def join(self, request: RangeRequest) -> bool:
        """Serve one more range request, if all of its bytes are still to arrive."""
        is_ahead = self.position <= request.part.start and request.part.stop <= self.part.stop
        if is_ahead:
            self._members.append(request)
            self._members.sort(key=_part_of)
            if self.state == HAS_SLOT:
                self._take_on(request, SENT)
                self.server.budget.acquire_anyway(request.part.length)
            else:
                self._take_on(request, PAUSED)
        return is_ahead

    # --- attempts --------------------------------------------------------------------------------

    def _enter(self, state: FlightState) -> None:
        check_transition(self.state, state, NEXT_FLIGHT_STATES)
        self.state = state

    def end_attempt(self, error: str | None = None) -> None:
        """Log the attempt, and measure the server, unless it was this process that took so long.

        `error` is the name of the error class, None for a success.
        """
        request, seconds = self.attempt.request(self.position, error)
        busy = self.attempt.busy
        if error is None and busy is not None and not busy.was_full(seconds):
            self.server.record_body(request.received, seconds)
        self._ledger.log.append(request)

    def pause(self) -> None:
        """Give back the slot and the bytes in flight until the next attempt."""
        self._enter(BACKING_OFF)
        for member in self._members:
            if member.state == SENT:
                member.pause()
        self.server.budget.release(self.paused_bytes)
        self.server.release()
        wake_all()

    @property
    def paused_bytes(self) -> int:
        """Bytes in flight that it needs for its next attempt."""
        return sum(member.part.length for member in self._members if member.state == PAUSED)

    def resume(self, ticket: int) -> None:
        """Begin the next attempt: a slot, and `paused_bytes` in flight, were taken for it."""
        self._enter(HAS_SLOT)
        self.retry.next_attempt()
        self.attempt = Attempt(
            ByteRange(self.position, self.part.stop), ticket, self.server.in_flight
        )
        for member in self._members:
            if member.state == PAUSED:
                member.resume()

    def end(self) -> None:
        """Give back the slot: the request is complete, failed or cancelled."""
        had_slot = self.state == HAS_SLOT
        self._enter(ENDED)
        self.cancel = do_nothing  # it may hold this request
        if had_slot:
            self.server.release()

    # --- what the source calls: see `RangeSink` --------------------------------------------------

    @property
    def generation(self) -> str | None:
        """The generation that the response must be of; None if any may come."""
        return self._ledger.pin.required

    @property
    def pinning(self) -> Pinning:
        """What of the response is compared."""
        return self._ledger.pin.pinning

    @property
    def seconds_left(self) -> float:
        """Seconds left for the response if no more bytes arrive (http.time)."""
        return self.retry.seconds_left

    def begin(
        self,
        size: int | None,
        generation: str | None,
        validators: Mapping[str, str] = NO_VALIDATORS,
    ) -> None:
        """Take the headers of the response.

        Raises:
            SourceChangedError: it is of another generation of the object.
        """
        seconds = self.attempt.begin()
        is_quiet = self.attempt.concurrency <= QUIET_CONCURRENCY
        self.server.record_response(seconds, self.attempt.ticket, quiet=is_quiet)
        self._ledger.check(self.part, size, generation, validators)
        if size is not None:
            self.size = size

    def skip(self, count: int) -> None:
        """Count bytes that came though they were not requested."""
        self.attempt.skipped += count

    def write_whole(self, data: bytes) -> None:
        """Cache the whole object, sent in response to a range."""
        self._ledger.put_whole(data)

    def write(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the body, and deliver the ranges that they complete."""
        view = memoryview(chunk)
        start, self.position = self.position, self.position + len(view)
        stop = self._stop
        for member in self._members:
            if member.part.start >= self.position:
                break
            if member.state == SENT and member.write(start, view, stop):
                member.hand_over()
        self._forget_served()

    def buffer(self, max_bytes: int) -> memoryview:
        """Return where the next bytes may be written, at most `max_bytes`.

        That is the buffer of the member that they are for, if they are many and for no other.
        """
        self._direct = self._next_alone(max_bytes)
        if self._direct is not None:
            return self._direct.buffer(max_bytes)
        self._chunk = BUFFERS.take(CHUNK_BYTES)
        return memoryview(self._chunk)[:max_bytes]

    def advance(self, count: int) -> None:
        """Take bytes written to `buffer`, and deliver the ranges that they complete."""
        if self._direct is not None:
            self.position += count
            if self._direct.advance(count) and self._direct.state == SENT:
                self._direct.hand_over()
            self._forget_served()
        else:
            self.write(memoryview(self._chunk)[:count])
            BUFFERS.give(self._chunk)

    def _next_alone(self, max_bytes: int) -> RangeRequest | None:
        """Return the member that the next bytes are for, if they are many and for no other."""
        self._forget_served()
        if not self._members:
            return None
        first, others = self._members[0], self._members[1:2]
        left = min(first.part.stop - self.position, max_bytes)
        is_next = first.part.start <= self.position and first.is_filled_to(self.position)
        is_alone = not others or others[0].part.start >= first.part.stop
        return first if is_next and is_alone and left >= DIRECT_BYTES else None

    def _forget_served(self) -> None:
        while self._members and self._members[0].state != SENT:
            self._members.pop(0)

    # --- the end of the response -----------------------------------------------------------------

    @property
    def _stop(self) -> int:
        return self.part.stop if self.size is None else min(self.part.stop, self.size)

    @property
    def is_complete(self) -> bool:
        """True once all bytes that the object has of the range have arrived."""
        return self.position >= self._stop

    def shortfall(self) -> ShortResponseError | TruncatedError:
        """Return what it means that the last response did not bring all bytes: some, or none."""
        length, part = self.position - self.attempt.part.start, self.attempt.part
        if not length:
            message = f"no bytes came of bytes {part.start} to {part.stop}"
            return TruncatedError(message)
        return ShortResponseError(length, part, self._ledger.pin.name)

    def may_end_at(self, size: int | None) -> bool:
        """Return whether the object ends where its bytes do, as there is no range behind them.

        Args:
            size: of the object, as the server told when it refused the rest; None if it did not.
        """
        known = (None, self.position)
        if self.position == self.part.start or size not in known:
            return False
        if self.size is not None or self._ledger.pin.size not in known:
            return False
        self.size = self.position
        self._ledger.keep_size(self.position)
        return True

    def finish(self) -> None:
        """Deliver the ranges that the end of the object cuts short.

        Raises:
            ShortResponseError, TruncatedError: see `shortfall`.
        """
        if not self.is_complete:
            raise self.shortfall()
        for member in self._members:
            if member.state == SENT:
                member.hand_over()

    def _concerns_a_part(self, error: BaseException) -> bool:
        """Return whether an error may be the fault of some bytes alone (http.retry.alone)."""
        if not isinstance(error, SourceError) or isinstance(error, OF_THE_OBJECT):
            return False
        if error.may_pass and self.priority < AGAIN and self.retry.is_only_one:
            return False  # the caller wants no retries
        return error.status is not None or self.position > self.part.start

    def fail(self, error: BaseException) -> None:
        """Fail all ranges that are not delivered, and end them."""
        failed = [member for member in self._members if member.is_in_flight]
        served_others = len(failed) > 1 or any(member.part != self.part for member in failed)
        is_partial = served_others and self._concerns_a_part(error)
        for member in failed:
            member.may_be_alone = is_partial
        fail_all(failed, error)
