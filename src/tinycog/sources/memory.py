"""A file that is already in memory."""

from __future__ import annotations

from tinycog.sources.protocol import RangeSink
from tinycog.tiff.ranges import ByteRange


class MemorySource:
    """Ranges of a bytes-like object, without copies if it cannot change."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        """Keep a read-only view of the data; data that may change are copied."""
        view = memoryview(data)
        self._data = (
            view.cast("B") if view.readonly and view.contiguous else memoryview(bytes(view))
        )

    @property
    def name(self) -> str:
        """Say how many bytes there are."""
        return f"<{len(self._data)} bytes in memory>"

    @property
    def origin(self) -> str:
        """Memory is one origin."""
        return "memory"

    async def aopen(self) -> None:
        """Nothing is to be opened."""

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Slice the data."""
        answer.begin(len(self._data), None)
        answer.write(self._data[part.start : part.stop])

    async def aclose(self) -> None:
        """Nothing is open."""

    def __getstate__(self) -> bytes:
        """Pickle the bytes themselves."""
        return bytes(self._data)

    def __setstate__(self, data: bytes) -> None:
        """Take them up again."""
        self._data = memoryview(data)
