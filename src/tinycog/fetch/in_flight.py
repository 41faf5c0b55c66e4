"""One request under way, and the wishes for bytes that it carries out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tinycog.buffer_pool import BUFFERS
from tinycog.errors import TruncatedError
from tinycog.tiff.ranges import ByteRange

Buffer = bytes | memoryview

CHUNK_BYTES = 1 << 18
"""Bytes received at once, where they are for several members."""

DIRECT_BYTES = 1 << 16
"""So many bytes for one member are received into its own memory."""


def _nothing(_: object) -> None:
    """Nobody is to be told."""


class RangeRequest:
    """A reader's wish for the bytes of one range.

    `deliver` is called in the event loop as soon as they are there, while the rest of the request
    may still be on its way; they are fewer only if the object ends inside the range. Who has them
    calls `Scheduler.release` when done: the memory is used again. `fail` is called if they cannot
    be had. Neither is called after `Scheduler.drop`.
    """

    __slots__ = ("_filled", "_slab", "_view", "deliver", "fail", "flight", "part", "rank", "state")

    WAITING, SENT, PAUSED, DELIVERED, OVER = range(5)

    def __init__(
        self,
        part: ByteRange,
        rank: int,
        deliver: Callable[[memoryview], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        """Nothing is sent yet."""
        self.part = part
        self.rank = rank
        self.deliver = deliver
        self.fail = fail
        self.state = RangeRequest.WAITING
        self.flight: InFlight | None = None
        self._slab: bytearray | None = None
        self._view: memoryview | None = None
        self._filled = 0

    @property
    def is_under_way(self) -> bool:
        """Whether a request carries it, be it that it pauses."""
        return self.state in (RangeRequest.SENT, RangeRequest.PAUSED)

    def write(self, at: int, chunk: memoryview, stop: int) -> bool:
        """Take what is ours of a chunk that lies at `at`; whether that was all up to `stop`."""
        length = min(self.part.stop, stop) - self.part.start
        first = self.part.start + self._filled - at
        piece = chunk[first : first + length - self._filled]
        if len(piece) == length:
            self._view = piece  # all of it in one chunk: no copy
        elif len(piece):
            if self._view is None:
                self._slab = BUFFERS.take(length)
                self._view = memoryview(self._slab)[:length]
            self._view[self._filled : self._filled + len(piece)] = piece
        self._filled += len(piece)
        return self._filled >= length

    def is_filled_to(self, position: int) -> bool:
        """Whether the next byte that is lacking is the one at `position`."""
        return self.part.start + self._filled == position

    def buffer(self, max_bytes: int) -> memoryview:
        """Where the next bytes may be written."""
        if self._view is None:
            self._slab = BUFFERS.take(self.part.length)
            self._view = memoryview(self._slab)[: self.part.length]
        return self._view[self._filled : self._filled + max_bytes]

    def advance(self, count: int) -> bool:
        """Note that bytes were written to the buffer; whether that was all."""
        self._filled += count
        return self._filled >= self.part.length

    def hand_over(self) -> None:
        """Give the bytes to the reader: those of a file that ends early are fewer."""
        view = memoryview(b"") if self._view is None else self._view[: self._filled]
        self._view = None
        self.state = RangeRequest.DELIVERED
        self.deliver(view.toreadonly())

    def end(self) -> None:
        """Let go of the memory, and of who waited."""
        self.state = RangeRequest.OVER
        self.deliver = self.fail = _nothing
        self._view = None
        if self._slab is not None:
            BUFFERS.give(self._slab)
            self._slab = None


class InFlight:
    """One request: it takes the answer piece by piece and serves its members in their order.

    Attributes:
        part: the bytes asked for.
        arrived: absolute position of the next byte to come.
        size: length of the object, once it is told.
        has_slot: whether it has one of the server's slots; not while it waits to be sent again.
        company: requests under way to that server when it got its slot, itself included.
    """

    def __init__(
        self,
        part: ByteRange,
        members: Iterable[RangeRequest],
        on_begin: Callable[[ByteRange, int | None, str | None], None],
    ) -> None:
        """Nothing has arrived; `on_begin` judges the head of the answer and may raise."""
        self.part = part
        self.arrived = part.start
        self.size: int | None = None
        self.has_slot = True
        self.company = 1
        self._on_begin = on_begin
        self._direct: RangeRequest | None = None
        self._chunk = bytearray()
        self._members = sorted(members, key=lambda want: want.part)
        for want in self._members:
            self._board(want)

    def _board(self, want: RangeRequest) -> None:
        want.state = RangeRequest.SENT if self.has_slot else RangeRequest.PAUSED
        want.flight = self

    @property
    def wanted(self) -> bool:
        """Whether anyone still waits for it."""
        return any(want.is_under_way for want in self._members)

    def joined(self, want: RangeRequest) -> bool:
        """Take one more member, if its bytes are still to come."""
        inside = self.arrived <= want.part.start and want.part.stop <= self.part.stop
        if inside:
            self._members.append(want)
            self._members.sort(key=lambda member: member.part)
            self._board(want)
        return inside

    # --- between two tries -----------------------------------------------------------------------

    def pause(self) -> int:
        """Wait to be sent again; bytes in flight that its members give back meanwhile."""
        self.has_slot = False
        for want in self._members:
            if want.state == RangeRequest.SENT:
                want.state = RangeRequest.PAUSED
        return self.paused

    @property
    def paused(self) -> int:
        """Bytes in flight that it needs to be sent again."""
        return sum(want.part.length for want in self._members if want.state == RangeRequest.PAUSED)

    def resume(self) -> None:
        """It has a slot and those bytes."""
        self.has_slot = True
        for want in self._members:
            if want.state == RangeRequest.PAUSED:
                want.state = RangeRequest.SENT

    # --- what a source calls: see `sources.protocol.RangeSink` ----------------------------------

    def begin(self, size: int | None, generation: str | None) -> None:
        """Take the head of the answer."""
        self._on_begin(self.part, size, generation)
        self.size = size

    def write(self, chunk: Buffer) -> None:
        """Take the next bytes of the body, and serve whom they complete."""
        view = memoryview(chunk)
        at, self.arrived = self.arrived, self.arrived + len(view)
        self._serve(at, view)

    def buffer(self, max_bytes: int) -> memoryview:
        """Where the next bytes may be written: the memory of the member itself, if it is large."""
        self._direct = self._next_alone(max_bytes)
        if self._direct is not None:
            return self._direct.buffer(max_bytes)
        self._chunk = BUFFERS.take(CHUNK_BYTES)
        return memoryview(self._chunk)[:max_bytes]

    def advance(self, count: int) -> None:
        """Take what was written to the buffer, and serve whom it completes."""
        if self._direct is not None:
            self.arrived += count
            if self._direct.advance(count) and self._direct.state == RangeRequest.SENT:
                self._direct.hand_over()
            self._forget_served()
        else:
            self.write(memoryview(self._chunk)[:count])
            BUFFERS.give(self._chunk)

    def _next_alone(self, max_bytes: int) -> RangeRequest | None:
        """The member that the next bytes are for, if they are many and for no other."""
        self._forget_served()
        if not self._members:
            return None
        first, others = self._members[0], self._members[1:2]
        left = min(first.part.stop - self.arrived, max_bytes)
        is_next = first.part.start <= self.arrived and first.is_filled_to(self.arrived)
        is_alone = not others or others[0].part.start >= first.part.stop
        return first if is_next and is_alone and left >= DIRECT_BYTES else None

    # ---------------------------------------------------------------------------------------------

    def _serve(self, at: int, view: memoryview) -> None:
        for want in self._members:
            if want.part.start >= self.arrived:
                break
            if want.state == RangeRequest.SENT and want.write(at, view, self._stop):
                want.hand_over()
        self._forget_served()

    def _forget_served(self) -> None:
        while self._members and self._members[0].state != RangeRequest.SENT:
            self._members.pop(0)

    @property
    def _stop(self) -> int:
        return self.part.stop if self.size is None else min(self.part.stop, self.size)

    @property
    def is_full(self) -> bool:
        """Whether all bytes have come that there are."""
        return self.arrived >= self._stop

    def finish(self) -> None:
        """The answer has ended; what it lacks is missing for good.

        Raises:
            TruncatedError: it is shorter than the object's size explains.
        """
        if not self.is_full:
            length = self.arrived - self.part.start
            message = f"{length} bytes came of bytes {self.part.start} to {self.part.stop}"
            raise TruncatedError(message)
        for want in self._members:
            if want.state == RangeRequest.SENT:
                want.hand_over()

    def fail(self, error: BaseException) -> list[RangeRequest]:
        """Tell all who wait; they are given back."""
        failed = [want for want in self._members if want.is_under_way]
        for want in failed:
            want.fail(error)
        return failed
