"""A file that is already in memory."""

from __future__ import annotations

from tinycog.sources.protocol import RangeSink
from tinycog.tiff.ranges import ByteRange


class MemorySource:
    """Ranges of a bytes-like object, without copies if it cannot change."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        """Take a read-only view of the data, or a copy if they may change."""
        self._data = immutable_view(memoryview(data))

    @property
    def name(self) -> str:
        """Number of bytes, for messages."""
        return f"<{len(self._data)} bytes in memory>"

    @property
    def origin(self) -> str:
        """The same for all sources in memory."""
        return "memory"

    async def aopen(self) -> None:
        """Do nothing: there is nothing to open."""

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Slice the data, without a copy."""
        answer.begin(len(self._data), None)
        answer.write(self._data[part.start : part.stop])

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""

    def __getstate__(self) -> bytes:
        """Pickle the bytes."""
        return bytes(self._data)

    def __setstate__(self, data: bytes) -> None:
        """Restore from the bytes."""
        self._data = memoryview(data)


def immutable_view(view: memoryview) -> memoryview:
    """Return the same bytes, flat and read-only: a copy if they are writable or scattered."""
    if view.readonly and view.c_contiguous:
        return view.cast("B")
    return memoryview(bytes(view))
