"""Where a file can only be written from its first byte on: level 0 waits in a spool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from tinycog.targets.appended_file import BUFFER
from tinycog.targets.head import checked_head
from tinycog.targets.spool import READ_BYTES, Spool


class Sink(Protocol):
    """What takes the bytes of a file in order.

    Attributes:
        name: for messages; no secret in it.
        memory: bytes that it holds at most.
    """

    name: str
    memory: int

    async def check(self) -> None:
        """Make sure that it can be written.

        Raises:
            UsageError: it exists and must not be overwritten, or cannot be written.
            SourceError: the place cannot be reached.
        """
        ...

    async def send(self, chunks: AsyncIterator[bytes], length: int) -> None:
        """Write all bytes, `length` of them, and publish them at the end.

        Raises:
            SourceError: they cannot be written.
        """
        ...

    async def discard(self) -> None:
        """Take back what was sent, if it was not published. Repeated calls do nothing."""
        ...


class StreamTarget:
    """A target that takes its bytes in order: the head first (cog.published.in-order).

    Level 0 waits in a spool, compressed as it is. Nothing is sent before the head is known; as it
    is sent, the spool's room is given back.

    Attributes:
        name: of the target.
        memory: bytes that it holds at most.
        spools_body: that level 0 is put aside.
    """

    def __init__(self, sink: Sink, folder: str | None = None) -> None:
        """Write to a sink.

        Args:
            sink: takes the bytes.
            folder: for the spool; None: where `tempfile` makes its files.
        """
        self.name = sink.name
        self._sink = sink
        self._spool = Spool(folder)
        self.memory = self._spool.memory + 2 * READ_BYTES + sink.memory
        self.spools_body = True

    async def begin(self) -> None:
        """Make sure that it can be written.

        Raises:
            UsageError: it exists and must not be overwritten, or cannot be written.
            SourceError: the place cannot be reached.
        """
        await self._sink.check()

    async def append(self, data: bytes | memoryview) -> None:
        """Keep the next bytes of level 0. They may be changed afterwards.

        Raises:
            SourceError: there is no room for them.
        """
        await self._spool.append(data)

    async def finish(self, head: AsyncIterator[bytes | memoryview], head_length: int) -> None:
        """Send the head, then level 0.

        Raises:
            SourceError: they cannot be written.
        """
        await self._sink.send(self._whole(head, head_length), head_length + self._spool.length)
        await self._spool.close()

    async def abort(self) -> None:
        """Take back what was sent, where that is possible. Repeated calls do nothing."""
        try:
            await self._sink.discard()
        finally:
            await self._spool.close()

    async def _whole(
        self, head: AsyncIterator[bytes | memoryview], length: int
    ) -> AsyncIterator[bytes]:
        """Give all bytes, not too few at once."""
        gathered = bytearray()
        async for chunk in checked_head(head, length, self.name):
            gathered += chunk
            if len(gathered) >= BUFFER:
                yield bytes(gathered)
                gathered.clear()
        yield bytes(gathered)
        async for chunk in self._spool.read_all():
            yield bytes(chunk)
