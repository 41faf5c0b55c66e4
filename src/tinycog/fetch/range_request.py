"""A range request: what a reader waits for, and where its bytes go.

Its states::

                   sent                 all its bytes arrived
      WAITING ─────────────▶ SENT ────────────────────────────▶ DELIVERED
         │                   │  ▲                                   │
         │   attempt failed  │  │ slot taken                        │
         │                   ▼  │                                   │
         ├────────────────▶ PAUSED                                  │
         │ joined a request   │        (SENT, too)                  │
         ▼ that is paused     ▼  released, or failed                ▼ released
        OVER ◀─────────────── OVER ◀────────────────────────────── OVER
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

from tinycog.buffer_pool import BUFFERS
from tinycog.errors import LimitError
from tinycog.fetch.concurrency import Budget, wake_all
from tinycog.tiff.ranges import ByteRange


class Priority(IntEnum):
    """The order in which requests get slots: the header holds up everything else.

    What is asked for `AGAIN`, at last `ALONE`, was part of a request that failed
    (http.retry.alone).
    """

    HEADER = 0
    PIXELS = 1
    AGAIN = 2
    ALONE = 3


HEADER, PIXELS, AGAIN, ALONE = Priority


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


def check_transition(old: IntEnum, new: IntEnum, legal: tuple[tuple[IntEnum, ...], ...]) -> None:
    """Check that state `new` may follow `old`.

    Raises:
        RuntimeError: it may not: a defect of this package.
    """
    if new not in legal[old]:
        message = f"a request cannot go from {old.name} to {new.name}"
        raise RuntimeError(message)


def _ignore(_: object) -> None:
    """Stand in for a callback that is not called any more."""


def do_nothing() -> None:
    """Stand in for a cancellation where there is nothing to cancel."""


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
        leave: called by `release` if it was in flight: the request that serves it may be
            cancelled then.
        may_be_alone: whether it failed with others, though the fault may not be its own.
    """

    __slots__ = (
        "_budget",
        "_buffer",
        "_filled",
        "_view",
        "deliver",
        "fail",
        "leave",
        "may_be_alone",
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
        self.leave: Callable[[], None] = do_nothing
        self.may_be_alone = False
        self._budget: Budget | None = None
        self._buffer: bytearray | None = None
        self._view: memoryview | None = None
        self._filled = 0

    @property
    def is_in_flight(self) -> bool:
        """True while a request serves it, also one that waits for its next attempt."""
        return self.state in (SENT, PAUSED)

    # --- transitions -----------------------------------------------------------------------------

    def _enter(self, state: RequestState) -> None:
        check_transition(self.state, state, NEXT_STATES)
        self.state = state

    def board(self, budget: Budget, leave: Callable[[], None], state: RequestState) -> None:
        """Be served by a request in flight.

        Args:
            budget: that which its bytes in flight are taken from.
            leave: called if it is released before its bytes have arrived.
            state: `SENT`, or `PAUSED` if that request waits for its next attempt.
        """
        self._enter(state)
        self._budget = budget
        self.leave = leave

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
        self.hand(view.toreadonly())

    def hand(self, data: memoryview) -> None:
        """Call `deliver`; what that raises fails the request, or its reader would wait for ever."""
        fail = self.fail  # the reader may have released the request by then
        try:
            self.deliver(data)
        except MemoryError as exc:
            error = LimitError.no_memory(f"{len(data)} bytes that came")
            error.__cause__ = exc
            fail(error)
        except Exception as exc:  # noqa: BLE001 - nobody but the reader can take it
            fail(exc)

    def end(self) -> None:
        """Give back the buffer and the bytes in flight, and drop the callbacks."""
        if self.state == OVER:
            return
        if self._budget is not None and self.state != PAUSED:
            self._budget.release(self.part.length)
        self._enter(OVER)
        self.deliver = self.fail = _ignore
        self.leave = do_nothing
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


def fail_all(requests: Sequence[RangeRequest], error: BaseException) -> None:
    """Fail range requests, and end them; a reader that fails at that keeps no other from it."""
    for request in requests:
        try:
            request.fail(error)
        except Exception as exc:  # noqa: BLE001 - told to whoever handles errors of callbacks
            message = "a reader failed when it was told that a range request had"
            context = {"message": message, "exception": exc}
            asyncio.get_running_loop().call_exception_handler(context)
    end_all(requests)


def release(requests: Iterable[RangeRequest]) -> None:
    """Release range requests: those not delivered yet are cancelled.

    What was not sent never is, and a request in flight that serves no others is cancelled.
    """
    requests = list(requests)
    leave_calls = {request.leave: None for request in requests if request.is_in_flight}
    end_all(requests)
    for leave in leave_calls:
        leave()
