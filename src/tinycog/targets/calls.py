"""Blocking calls of others' code, one after another, in threads that may hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from tinycog.sources.stores.threads import in_thread

T = TypeVar("T")


class Calls:
    """Calls off the event loop: each begins when the one before has ended, cancelled or not."""

    def __init__(self) -> None:
        """Nothing was called yet."""
        self._last: asyncio.Future[Any] | None = None

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function, and return what it returns."""
        if self._last is not None:
            await asyncio.wait([self._last])
        call = self._last = asyncio.ensure_future(in_thread(function))
        return await asyncio.shield(call)
