"""A file that is to be written: nothing runs before it is awaited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Write(Generic[T]):
    """A file that is to be written, each time that it is awaited."""

    def __init__(self, run: Callable[[], Awaitable[T]]) -> None:
        """Keep what writes; nothing runs."""
        self._run = run

    def __await__(self) -> Generator[Any, None, T]:
        """Write it, in this event loop."""
        return self._run().__await__()
