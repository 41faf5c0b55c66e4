"""One request in flight, and the ranges that it serves as the bytes of its response arrive.

A range request, as readers make them::

                   sent                 all its bytes arrived
      WAITING ─────────────▶ SENT ────────────────────────────▶ DELIVERED
         │                   │  ▲                                   │
         │   attempt failed  │  │ slot taken                        │
         │                   ▼  │                                   │
         ├────────────────▶ PAUSED                                  │
         │ joined a request   │        (SENT, too)                  │
         ▼ that is paused     ▼  released, or failed                ▼ released
        OVER ◀─────────────── OVER ◀────────────────────────────── OVER

A request in flight, which serves one or more of them::

                  attempt failed: slot and bytes in flight are given back
      HAS_SLOT ──────────────────────────────────────────────────────────▶ BACKING_OFF
         │  ▲                                                               │   │
         │  └──── slot and bytes in flight are taken for the next attempt ──┘   │
         ▼  complete, failed or cancelled                cancelled or failed    ▼
       ENDED ◀──────────────────────────────────────────────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from operator import attrgetter

from tinycog.buffer_pool import BUFFERS
from tinycog.errors import TruncatedError
from tinycog.fetch.attempt import Attempt
from tinycog.fetch.concurrency import QUIET_CONCURRENCY, Server, wake_all
from tinycog.fetch.ledger import Ledger
from tinycog.fetch.retry import RetryState
from tinycog.tiff.ranges import ByteRange

CHUNK_BYTES = 1 << 18
"""Bytes of a buffer that receives bytes of several members."""

DIRECT_BYTES = 1 << 16
"""Bytes of one member from which on they are received into its own buffer, without a copy."""


class Priority(IntEnum):
    """The order in which requests get slots: the header holds up everything else."""

    HEADER = 0
    PIXELS = 1


HEADER, PIXELS = Priority


class RequestState(IntEnum):
    """States of a range request; drawn in the docstring of this module."""

    WAITING = 0
    SENT = 1
    PAUSED = 2
    DELIVERED = 3
    OVER = 4


WAITING, SENT, PAUSED, DELIVERED, OVER = RequestState

NEXT_STATES: tuple[tuple[RequestState, ...], ...] = (
    (SENT, PAUSED, OVER),
    (DELIVERED, PAUSED, OVER),
    (SENT, OVER),
    (OVER,),
    (),
)
"""Legal transitions: the states that may follow each state of a range request."""


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


def _refuse(old: IntEnum, new: IntEnum) -> RuntimeError:
    return RuntimeError(f"a request cannot go from {old.name} to {new.name}")


def _ignore(_: object) -> None:
    """Stand in for a callback that is not called any more."""


def do_nothing() -> None:
    """Stand in for a cancellation where there is nothing to cancel."""


_part_of: Callable[[RangeRequest], ByteRange] = attrgetter("part")


class RangeRequest:
    """A reader's request for the bytes of one range.

    `deliver` is called in the event loop as soon as they have arrived, while the rest of the
    response may still be on its way; they are fewer only if the object ends inside the range. The
    reader calls `Fetcher.release` when it is done with them, and their memory is used again; or
    earlier, to cancel the request. `fail` is called if they cannot be had. Neither is called after
    `Fetcher.release`.

    Attributes:
        part: the bytes requested.
        deliver: receives the bytes, read-only.
        fail: receives the error.
        priority: order in which it gets a slot.
        state: set by the methods below only.
        flight: the request that serves it, or served it; None while it waits.
    """

    __slots__ = (
        "_buffer",
        "_filled",
        "_view",
        "deliver",
        "fail",
        "flight",
        "part",
        "priority",
        "state",
    )

    def __init__(
        self,
        part: ByteRange,
        deliver: Callable[[memoryview], None],
        fail: Callable[[BaseException], None],
        priority: Priority = PIXELS,
    ) -> None:
        """Create a request that waits."""
        self.part = part
        self.deliver = deliver
        self.fail = fail
        self.priority = priority
        self.state = WAITING
        self.flight: InFlight | None = None
        self._buffer: bytearray | None = None
        self._view: memoryview | None = None
        self._filled = 0

    @property
    def is_in_flight(self) -> bool:
        """True while a request serves it, also one that waits for its next attempt."""
        return self.state in (SENT, PAUSED)

    # --- transitions -----------------------------------------------------------------------------

    def _enter(self, state: RequestState) -> None:
        if state not in NEXT_STATES[self.state]:
            raise _refuse(self.state, state)
        self.state = state

    def board(self, flight: InFlight, state: RequestState) -> None:
        """Be served by `flight`: `SENT`, or `PAUSED` if that waits for its next attempt."""
        self._enter(state)
        self.flight = flight

    def pause(self) -> None:
        """Wait for the next attempt."""
        self._enter(PAUSED)

    def resume(self) -> None:
        """Go on with the next attempt."""
        self._enter(SENT)

    def hand_over(self) -> None:
        """Deliver the bytes: those of an object that ends inside the range are fewer."""
        view = memoryview(b"") if self._view is None else self._view[: self._filled]
        self._view = None
        self._enter(DELIVERED)
        self.deliver(view.toreadonly())

    def end(self) -> None:
        """Give back the buffer and the bytes in flight, and drop the callbacks."""
        if self.state == OVER:
            return
        if self.flight is not None and self.state != PAUSED:
            self.flight.server.budget.release(self.part.length)
        self._enter(OVER)
        self.deliver = self.fail = _ignore
        self._view = None
        if self._buffer is not None:
            BUFFERS.give(self._buffer)
            self._buffer = None

    # --- bytes -----------------------------------------------------------------------------------

    def write(self, position: int, chunk: memoryview, stop: int) -> bool:
        """Take the bytes of the range from a chunk; return whether all of them have arrived.

        Args:
            position: absolute position of the chunk.
            chunk: bytes that arrived.
            stop: where the response ends; no bytes come beyond it.
        """
        length = min(self.part.stop, stop) - self.part.start
        first = self.part.start + self._filled - position
        found = chunk[first : first + length - self._filled]
        if len(found) == length:
            self._view = found  # all of it in one chunk: no copy
        elif len(found):
            self._own_view(length)[self._filled : self._filled + len(found)] = found
        self._filled += len(found)
        return self._filled >= length

    def _own_view(self, length: int) -> memoryview:
        """Return a buffer of its own, `length` bytes long, taken at first use."""
        if self._view is None:
            self._buffer = BUFFERS.take(length)
            self._view = memoryview(self._buffer)[:length]
        return self._view

    def is_filled_to(self, position: int) -> bool:
        """Return whether the next byte that it lacks is the one at `position`."""
        return self.part.start + self._filled == position

    def buffer(self, max_bytes: int) -> memoryview:
        """Return where its next bytes may be written, at most `max_bytes`."""
        return self._own_view(self.part.length)[self._filled : self._filled + max_bytes]

    def advance(self, count: int) -> bool:
        """Take bytes written to `buffer`; return whether all of the range have arrived."""
        self._filled += count
        return self._filled >= self.part.length


def end_all(requests: Iterable[RangeRequest]) -> None:
    """End range requests, and wake those that wait for their bytes in flight."""
    for request in requests:
        request.end()
    wake_all()


def release(requests: Iterable[RangeRequest]) -> None:
    """Release range requests: those not delivered yet are cancelled.

    What was not sent never is, and a request in flight that serves no others is cancelled.
    """
    requests = list(requests)
    flights = {
        request.flight: None
        for request in requests
        if request.is_in_flight and request.flight is not None
    }
    end_all(requests)
    for flight in flights:
        if not flight.is_wanted:
            flight.cancel()


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
            member.board(self, SENT)

    @property
    def is_wanted(self) -> bool:
        """True while it serves a range request that is not delivered."""
        return any(member.is_in_flight for member in self._members)

    def join(self, request: RangeRequest) -> bool:
        """Serve one more range request, if all of its bytes are still to arrive."""
        is_ahead = self.position <= request.part.start and request.part.stop <= self.part.stop
        if is_ahead:
            self._members.append(request)
            self._members.sort(key=_part_of)
            if self.state == HAS_SLOT:
                request.board(self, SENT)
                self.server.budget.acquire_anyway(request.part.length)
            else:
                request.board(self, PAUSED)
        return is_ahead

    # --- attempts --------------------------------------------------------------------------------

    def _enter(self, state: FlightState) -> None:
        if state not in NEXT_FLIGHT_STATES[self.state]:
            raise _refuse(self.state, state)
        self.state = state

    def end_attempt(self, error: str | None = None) -> None:
        """Log the attempt, and measure the server if it was alone in flight.

        `error` is the name of the error class, None for a success.
        """
        request, seconds = self.attempt.request(self.position, error)
        if error is None and self.attempt.concurrency == self.server.in_flight == 1:
            self.server.record_body(request.length, seconds)
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
        return self._ledger.pin.generation

    @property
    def seconds_left(self) -> float:
        """Seconds left for the response if no more bytes arrive (http.time)."""
        return self.retry.seconds_left

    def begin(self, size: int | None, generation: str | None) -> None:
        """Take the headers of the response.

        Raises:
            SourceChangedError: it is of another generation of the object.
        """
        seconds = self.attempt.begin()
        is_quiet = self.attempt.concurrency <= QUIET_CONCURRENCY
        self.server.record_response(seconds, self.attempt.ticket, quiet=is_quiet)
        self._ledger.check(self.part, size, generation)
        self.size = size

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

    def finish(self) -> None:
        """Deliver the ranges that the end of the object cuts short.

        Raises:
            TruncatedError: the response is shorter than the size of the object explains.
        """
        if not self.is_complete:
            length = self.position - self.part.start
            message = f"{length} bytes came of bytes {self.part.start} to {self.part.stop}"
            raise TruncatedError(message)
        for member in self._members:
            if member.state == SENT:
                member.hand_over()

    def fail(self, error: BaseException) -> None:
        """Fail all ranges that are not delivered, and end them."""
        failed = [member for member in self._members if member.is_in_flight]
        for member in failed:
            member.fail(error)
        end_all(failed)
