"""How long a read of a store may take (store.time)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tinycog.sources.http.deadline import Deadline
from tinycog.sources.protocol import RangeSink

T = TypeVar("T")

Arrived = Callable[[int], None]
"""Called with a number of bytes as they arrive, from any thread."""

BYTES_PER_SECOND = 1 << 18
"""Bytes that give a read one second more whose bytes are not seen to come."""


async def in_time(
    read: Callable[[Arrived], Awaitable[T]], sink: RangeSink, silence: float, unseen: int
) -> T:
    """Return what a read gives, within the time that is left.

    Args:
        read: is given what to call as bytes arrive.
        sink: tells the time left.
        silence: seconds without a byte after which it is given up.
        unseen: bytes that it brings without a sign before the last of them.

    Raises:
        TimeoutError: that time is over.
        Exception: whatever the read raises.
    """
    more = unseen / BYTES_PER_SECOND
    async with asyncio.timeout(None) as clock:
        deadline = Deadline(clock, silence + more, sink.seconds_left + more)
        loop = asyncio.get_running_loop()

        def arrived(count: int) -> None:
            loop.call_soon_threadsafe(advance, count)

        def advance(count: int) -> None:
            if not is_over:
                deadline(count)

        is_over = False
        try:
            return await read(arrived)
        finally:
            is_over = True
