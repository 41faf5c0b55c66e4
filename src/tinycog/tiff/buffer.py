"""The parts of a file that have arrived.

A parser reads ranges from the buffer; the driver puts ranges into it. Nothing here knows where the
bytes come from, and no parser ever sees a short read: it is refused here.
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from tinycog.errors import TruncatedError
from tinycog.tiff.ranges import ByteRange, Span, joined


class SparseBuffer:
    """Bytes of one file by absolute position, with gaps.

    Safe to use from threads.

    Attributes:
        size: length of the file in bytes, None until it is known.
        loose: bytes of loose parts: those that may be dropped, and fetched again.
    """

    def __init__(self, size: int | None = None) -> None:
        """Start empty."""
        self.size = size
        self._lock = threading.Lock()
        self._starts: list[int] = []
        self._parts: list[memoryview] = []
        self._loose: set[int] = set()
        self.loose = 0

    @property
    def held(self) -> int:
        """Number of bytes that have arrived and are kept."""
        return sum(map(len, self._parts))

    def ends_before(self, stop: int) -> bool:
        """Return whether the file is known to end before `stop`."""
        return self.size is not None and stop > self.size

    def is_longer(self, length: int) -> bool:
        """Return whether the file is known to be longer."""
        return self.size is not None and self.size > length

    def put(self, start: int, data: bytes | memoryview, *, loose: bool = False) -> None:
        """Add bytes that begin at `start`; bytes that are there already stay.

        Raises:
            ValueError: they reach beyond the end of the file.
        """
        view = memoryview(data)
        if not view:  # of a range beyond an end that was unknown
            return
        stop = start + len(view)
        if self.size is not None and stop > self.size:
            message = f"bytes {start} to {stop} were put, but the file ends at {self.size}"
            raise ValueError(message)
        with self._lock:
            for gap in self._gaps(start, stop):
                i = bisect_right(self._starts, gap.start)
                self._starts.insert(i, gap.start)
                self._parts.insert(i, view[gap.start - start : gap.stop - start])
                if loose:
                    self._loose.add(gap.start)
                    self.loose += gap.length

    def parts(self) -> list[tuple[int, bytes]]:
        """Return copies of all parts, with their positions."""
        with self._lock:
            return [(a, bytes(part)) for a, part in zip(self._starts, self._parts, strict=True)]

    def parts_of(self, ranges: Iterable[Span]) -> list[tuple[int, bytes]]:
        """Return copies of what has arrived of ranges, with positions: in order, none twice."""
        found: list[tuple[int, bytes]] = []
        for start, stop in joined(ranges):
            with self._lock:
                piece = self._in_one_part(start, stop)
            if piece is not None:
                found.append((start, bytes(piece)))
            else:
                held = self._held(start, stop)
                found += [(part.start, bytes(self.read(*part))) for part in held]
        return found

    def _held(self, start: int, stop: int) -> list[ByteRange]:
        """Return the parts of a range that have arrived."""
        found: list[ByteRange] = []
        with self._lock:
            for at, part in self._overlapping(start, stop):
                piece = ByteRange(max(at, start), min(at + len(part), stop))
                if found and found[-1].stop == piece.start:
                    piece = ByteRange(found.pop().start, piece.stop)
                if piece.length > 0:
                    found.append(piece)
        return found

    def shed(self) -> None:
        """Drop all loose parts."""
        with self._lock:
            kept = [i for i, start in enumerate(self._starts) if start not in self._loose]
            self._starts, self._parts = (
                [self._starts[i] for i in kept],
                [self._parts[i] for i in kept],
            )
            self._loose.clear()
            self.loose = 0

    def missing(self, ranges: Iterable[Span]) -> list[ByteRange]:
        """Return the parts of `ranges` that have not arrived, up to the end of the file."""
        with self._lock:
            starts, parts = self._starts, self._parts
            end = sys.maxsize if self.size is None else self.size
            gaps: list[ByteRange] = []
            for start, stop in ranges:
                i = bisect_right(starts, start) - 1
                if i < 0 or stop - starts[i] > len(parts[i]):
                    gaps += self._gaps(start, min(stop, end))
            return gaps

    def read(self, start: int, stop: int) -> memoryview:
        """Return bytes `start` to `stop`; without a copy if they arrived in one piece.

        Raises:
            TruncatedError: the file ends before `stop`.
            LookupError: the range has not arrived; a parser must yield it first.
        """
        with self._lock:
            piece = self._in_one_part(start, stop)
            if piece is not None:
                return piece
            if self.size is not None and stop > self.size:
                message = (
                    f"the file ends at byte {self.size}, but bytes {start} to {stop} are needed"
                )
                raise TruncatedError(message)
            if self._gaps(start, stop):
                message = f"bytes {start} to {stop} have not arrived"
                raise LookupError(message)
            pieces = [
                part[max(start - at, 0) : stop - at] for at, part in self._overlapping(start, stop)
            ]
        return pieces[0] if len(pieces) == 1 else memoryview(b"".join(pieces))

    def read_each(self, ranges: Iterable[Span]) -> list[memoryview]:
        """Return the bytes of several ranges; see `read`."""
        with self._lock:
            found = [(start, stop, self._in_one_part(start, stop)) for start, stop in ranges]
        return [self.read(start, stop) if piece is None else piece for start, stop, piece in found]

    def read_held(self, ranges: Sequence[Span]) -> list[memoryview] | None:
        """Return the bytes of ranges, in order and apart; None if not all of them have arrived."""
        with self._lock:
            if len(self._starts) == 1 and ranges:  # the head, as nearly always
                (at,), (part,) = self._starts, self._parts
                if at <= ranges[0][0] and ranges[-1][1] <= at + len(part):
                    return [part[start - at : stop - at] for start, stop in ranges]
        return None if self.missing(ranges) else self.read_each(ranges)

    def leave_out(self, start: int, stop: int, unused: Iterable[Span]) -> None:
        """Say that of what was just read the parser looks at all but `unused`: to a recorder."""

    def _in_one_part(self, start: int, stop: int) -> memoryview | None:
        """Return the range if one part holds it, as nearly always."""
        i = bisect_right(self._starts, start) - 1
        if i < 0:
            return None
        at, part = self._starts[i], self._parts[i]
        return part[start - at : stop - at] if stop - at <= len(part) else None

    def _overlapping(self, start: int, stop: int) -> list[tuple[int, memoryview]]:
        first = max(bisect_right(self._starts, start) - 1, 0)
        last = bisect_right(self._starts, stop - 1)
        held = zip(self._starts[first:last], self._parts[first:last], strict=True)
        return [(at, part) for at, part in held if at + len(part) > start]

    def _gaps(self, start: int, stop: int) -> list[ByteRange]:
        gaps: list[ByteRange] = []
        for at, part in self._overlapping(start, stop) if stop > start else ():
            if at > start:
                gaps.append(ByteRange(start, at))
            start = at + len(part)
        if stop > start:
            gaps.append(ByteRange(start, stop))
        return gaps


LengthQuestion = Callable[[SparseBuffer, int], bool]
"""`ends_before` or `is_longer`."""


class RecordingBuffer(SparseBuffer):
    """The bytes of another buffer; it keeps what a parser asks for.

    Attributes:
        asked: the ranges.
        looked_at: those that it read, and what of each it did not look at.
        lengths: what it asked of the length of the file, and the answers.
    """

    def __init__(self, buffer: SparseBuffer) -> None:
        """Read from a buffer; nothing is put into this one."""
        self._buffer = buffer
        super().__init__(buffer.size)
        self.asked: list[Span] = []
        self.looked_at: list[tuple[Span, Sequence[Span]]] = []
        self.lengths: dict[tuple[LengthQuestion, int], bool] = {}

    @property
    def size(self) -> int | None:  # pyright: ignore[reportIncompatibleVariableOverride] - an answer
        """Length of the file in bytes, None until it is known."""
        size = self._buffer.size
        at_least, at_most = (-1, -1) if size is None else (size, size)
        self.lengths[SparseBuffer.ends_before, at_least] = False
        self.lengths[SparseBuffer.is_longer, at_most] = False
        return size

    @size.setter
    def size(self, size: int | None) -> None:
        """Take that of the other buffer."""

    def ends_before(self, stop: int) -> bool:
        """Return whether the file is known to end before `stop`."""
        found = self._buffer.ends_before(stop)
        self.lengths[SparseBuffer.ends_before, stop] = found
        return found

    def is_longer(self, length: int) -> bool:
        """Return whether the file is known to be longer."""
        found = self._buffer.is_longer(length)
        self.lengths[SparseBuffer.is_longer, length] = found
        return found

    def missing(self, ranges: Iterable[Span]) -> list[ByteRange]:
        """Return the parts of `ranges` that have not arrived."""
        ranges = list(ranges)
        self.asked += ranges
        return self._buffer.missing(ranges)

    def read(self, start: int, stop: int) -> memoryview:
        """Return bytes `start` to `stop`; see `SparseBuffer.read`."""
        self.asked.append((start, stop))
        self.looked_at.append(((start, stop), ()))
        return self._buffer.read(start, stop)

    def read_each(self, ranges: Iterable[Span]) -> list[memoryview]:
        """Return the bytes of several ranges."""
        ranges = list(ranges)
        self.asked += ranges
        self.looked_at += [(span, ()) for span in ranges]
        return self._buffer.read_each(ranges)

    def leave_out(self, start: int, stop: int, unused: Iterable[Span]) -> None:
        """Keep what of the bytes that were read last the parser does not look at."""
        assert self.looked_at[-1][0] == (start, stop)  # noqa: S101 - as it is called
        self.looked_at[-1] = ((start, stop), tuple(unused))
