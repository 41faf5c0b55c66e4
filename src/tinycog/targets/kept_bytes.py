"""Bytes that are appended, and stay in memory."""

from __future__ import annotations

from bisect import bisect_right

from tinycog.targets.appended_file import Buffer, gather


class KeptBytes:
    """Bytes in memory, found by their position.

    Attributes:
        length: bytes appended so far.
    """

    def __init__(self) -> None:
        """Start without a byte."""
        self.length = 0
        self._parts: list[Buffer] = []
        self._starts: list[int] = []

    def append(self, *parts: Buffer) -> int:
        """Take the next bytes, and return their position. They may be changed afterwards."""
        position = self.length
        for data in parts:
            gather(self._parts, data)
            if len(self._starts) < len(self._parts):
                self._starts.append(self.length)
            self.length += memoryview(data).nbytes
        return position

    def parts(self, position: int, length: int) -> list[memoryview]:
        """Return bytes, in one part or several, long ones without a copy; none are one part."""
        found: list[memoryview] = []
        number = max(bisect_right(self._starts, position) - 1, 0)
        stop = position + length
        while position < stop:
            part, start = self._parts[number], self._starts[number]
            view = memoryview(part)[position - start : stop - start]
            position += len(view)
            number += 1
            # one that still grows must not be exported
            found.append(memoryview(bytes(view)) if isinstance(part, bytearray) else view)
        return found or [memoryview(b"")]

    def clear(self) -> None:
        """Drop the bytes."""
        self._parts, self._starts = [], []
