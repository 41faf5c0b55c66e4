"""Memory for bytes on their way, used again and again: those of answers, and what they unpack to.

The first touch of fresh memory costs as much as receiving the bytes does, so that buffers are kept.
No I/O.
"""

from __future__ import annotations

import threading

from tinycog.errors import LimitError

IDLE_BYTES = 32 << 20
"""Bytes of buffers that are kept for the next read."""

GRAIN = 1 << 16
"""Buffers are multiples of this long, so that they fit more than once."""

ROOMY = 4
"""A buffer is not used for less than a quarter of it."""


class BufferPool:
    """Buffers that nobody looks at any more; safe to use from threads."""

    def __init__(self, most: int = IDLE_BYTES) -> None:
        """Start with none."""
        self._most = most
        self._idle: list[bytearray] = []
        self._lock = threading.Lock()

    @property
    def idle(self) -> int:
        """Number of bytes kept."""
        return sum(map(len, self._idle))

    def take(self, length: int) -> bytearray:
        """A buffer of at least `length` bytes; its contents are anything.

        Raises:
            LimitError: there is no memory for it.
        """
        with self._lock:
            for i in range(len(self._idle) - 1, -1, -1):  # the newest is still in the caches
                slab = self._idle[i]
                if length <= len(slab) <= ROOMY * max(length, GRAIN) and _is_unseen(slab):
                    return self._idle.pop(i)
        try:
            return bytearray(-(-max(length, 1) // GRAIN) * GRAIN)
        except MemoryError as exc:
            message = f"there is no memory for {length} bytes on their way"
            raise LimitError(message) from exc

    def give(self, slab: bytearray) -> None:
        """Keep a buffer for later; it is not used while any view of it lives."""
        with self._lock:
            self._idle.append(slab)
            while self.idle > self._most:
                self._idle.pop(0)

    def lend(self, length: int) -> memoryview:
        """A buffer of just that length, kept for later as soon as nobody looks at it any more."""
        slab = self.take(length)
        view = memoryview(slab)[:length]
        self.give(slab)
        return view


def _is_unseen(slab: bytearray) -> bool:
    """Whether no memoryview or array looks into it: Python lets nobody resize what is seen."""
    try:
        slab.append(slab.pop())
    except BufferError:
        return False
    return True


BUFFERS = BufferPool()
