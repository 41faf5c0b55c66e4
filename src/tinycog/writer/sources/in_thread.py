"""A blocking iterator, advanced in a thread of its own: the event loop is never blocked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from tinycog.sources.stores.threads import called

T = TypeVar("T")


async def in_thread(iterator: Iterator[T], name: str) -> AsyncGenerator[T, None]:
    """Yield what an iterator does; it is closed at the end, on errors and when cancelled.

    All its steps are in one thread, which is named `name`, and none goes on after the end: closing
    waits for a step that is under way.
    """
    loop, over = asyncio.get_running_loop(), object()
    thread = ThreadPoolExecutor(1, thread_name_prefix=name)
    context = copy_context()

    def step() -> object:
        return called(lambda: next(iterator, over))

    def close() -> None:
        if isinstance(iterator, Generator):
            iterator.close()

    try:
        while True:
            found = await loop.run_in_executor(thread, partial(context.run, step))
            if found is over:
                break
            yield found  # type: ignore[misc]
            del found  # nothing is held while the next one is made
    finally:
        try:
            await loop.run_in_executor(thread, partial(context.run, close))
        finally:
            thread.shutdown(wait=False)
