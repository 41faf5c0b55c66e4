"""The bytes of a file, where `bytes` is the target."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from io import BytesIO

from tinycog.targets.appended_file import kept
from tinycog.targets.head import checked_head


class BytesTarget:
    """A file in memory.

    Attributes:
        name: for messages.
        memory: bytes that it holds at most besides those of the file.
        result: the file, once it is finished.
    """

    name = "<bytes>"
    memory = 0

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.result: bytes | None = None
        self._body: deque[bytes | memoryview] = deque()

    async def begin(self) -> None:
        """Do nothing: there is nothing in the way."""

    async def append(self, data: bytes | memoryview) -> None:
        """Keep the next bytes of level 0. They may be changed afterwards."""
        self._body.append(kept(data))

    async def finish(self, head: AsyncIterator[bytes | memoryview], head_length: int) -> None:
        """Put the head in front.

        Raises:
            SourceError: it is longer or shorter than was said.
        """
        file = BytesIO()
        async for chunk in checked_head(head, head_length, self.name):
            file.write(chunk)
        while self._body:
            file.write(self._body.popleft())
        self.result = file.getvalue()

    async def abort(self) -> None:
        """Drop what was kept."""
        self._body.clear()
