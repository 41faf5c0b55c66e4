"""What stands in front of level 0, held against the length that was said."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tinycog.errors import SourceError


async def checked_head(
    head: AsyncIterator[bytes | memoryview], length: int, name: str
) -> AsyncIterator[bytes | memoryview]:
    """Give what stands in front.

    Args:
        head: its bytes in order.
        length: how many they must be.
        name: of the file, for messages.

    Raises:
        SourceError: they are more or fewer.
    """
    found = 0
    async for chunk in head:
        found += memoryview(chunk).nbytes
        if found > length:
            break
        yield chunk
    if found != length:
        message = f"what stands in front of level 0 is not the {length} bytes that were said"
        raise SourceError(message, url=name)
