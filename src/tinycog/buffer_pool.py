"""Memory for bytes on their way, reused: those of responses, and what they decompress to. No I/O.

The first touch of fresh memory costs as much as receiving the bytes, so buffers are kept.
"""

from __future__ import annotations

import threading

from tinycog.errors import LimitError

POOL_BYTES = 32 << 20
"""Bytes of idle buffers that are kept."""

BUFFER_UNIT = 1 << 16
"""Lengths of buffers are multiples of this many bytes, so that they fit more than once."""

MAX_OVERSIZE = 4
"""A buffer is not used where less than a quarter of it is needed."""


class BufferPool:
    """Buffers for reuse, safe to use from threads.

    A buffer may be given back while views of it live; it is handed out again once they are gone.
    """

    def __init__(self, max_bytes: int = POOL_BYTES) -> None:
        """Start empty; `max_bytes` bounds the idle buffers."""
        self._max_bytes = max_bytes
        self._idle: list[bytearray] = []
        self._lock = threading.Lock()

    @property
    def idle(self) -> int:
        """Bytes of the idle buffers."""
        return sum(map(len, self._idle))

    def take(self, length: int) -> bytearray:
        """Return a buffer of at least `length` bytes; its contents are undefined.

        Raises:
            LimitError: there is no memory for it.
        """
        max_length = MAX_OVERSIZE * max(length, BUFFER_UNIT)
        with self._lock:
            for i in range(len(self._idle) - 1, -1, -1):  # the newest is still in the caches
                buffer = self._idle[i]
                if length <= len(buffer) <= max_length and _is_unused(buffer):
                    return self._idle.pop(i)
        try:
            return bytearray(-(-max(length, 1) // BUFFER_UNIT) * BUFFER_UNIT)
        except MemoryError as exc:
            what = f"a buffer of {length} bytes"
            raise LimitError.no_memory(what) from exc

    def give(self, buffer: bytearray) -> None:
        """Return a buffer to the pool; the oldest are dropped above `max_bytes`."""
        with self._lock:
            self._idle.append(buffer)
            while self.idle > self._max_bytes:
                self._idle.pop(0)

    def lend(self, length: int) -> memoryview:
        """Return a view of just `length` bytes, whose buffer is reused once the view is gone.

        Raises:
            LimitError: there is no memory for it.
        """
        buffer = self.take(length)
        view = memoryview(buffer)[:length]
        self.give(buffer)
        return view


def _is_unused(buffer: bytearray) -> bool:
    """Return whether no view of it lives: Python refuses to resize while one does."""
    try:
        buffer.append(buffer.pop())
    except BufferError:
        return False
    return True


BUFFERS = BufferPool()
"""The pool of the process."""
