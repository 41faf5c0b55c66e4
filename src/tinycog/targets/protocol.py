"""The interface of a target: the end of a file comes first, its head last."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol


class WriteTarget(Protocol):
    """Where a file is written, of which the head is known last.

    `begin`, `append` as often as needed, then `finish`. If one of them fails or is cancelled,
    `abort`: it may be called at any time, and does nothing after `finish`. One call at a time,
    in one event loop. Nothing is published before `finish` is done.

    Attributes:
        name: for messages; no secret in it.
        memory: bytes that it holds at most, besides those that it is given.
    """

    name: str
    memory: int

    async def begin(self) -> None:
        """Make sure that it can be written.

        Raises:
            UsageError: it exists and must not be overwritten.
            SourceError: it cannot be written.
        """
        ...

    async def append(self, data: bytes | memoryview) -> None:
        """Take the next bytes of what follows the head. They may be changed afterwards.

        Raises:
            SourceError: they cannot be written.
        """
        ...

    async def finish(self, head: AsyncIterator[bytes | memoryview], head_length: int) -> None:
        """Write what stands in front, `head_length` bytes in all, and publish the whole.

        Args:
            head: its bytes in order.
            head_length: a multiple of 4,096.

        Raises:
            SourceError: it cannot be written; nothing is published.
        """
        ...

    async def abort(self) -> None:
        """Leave nothing behind: no half file, no open upload. Repeated calls do nothing."""
        ...
