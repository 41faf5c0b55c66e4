"""A file that is to be written: nothing runs before it is awaited."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Generator
from typing import Any, ClassVar, Generic, TypeVar

from tinycog.tracebacks import short_tracebacks

T = TypeVar("T")


@short_tracebacks
class Write(Generic[T]):
    """A file that is to be written, each time that it is awaited."""

    _has_other_ways: ClassVar[bool] = False
    """Whether it may be carried out without being awaited."""

    def __init__(self, run: Callable[[], Awaitable[T]]) -> None:
        """Keep what writes; nothing runs."""
        self._run = run
        self._is_begun = False

    def __repr__(self) -> str:
        """Say that nothing was written, where nothing was."""
        return f"<{type(self).__name__}: {'begun' if self._is_begun else 'not awaited yet'}>"

    def __await__(self) -> Generator[Any, None, T]:
        """Write it, in this event loop."""
        self._is_begun = True
        return self._run().__await__()

    def __del__(self) -> None:
        """Warn of what was forgotten, as Python does of a coroutine."""
        if not (self._is_begun or self._has_other_ways):
            message = "tinycog.write was never awaited: nothing was written (tinycog.sync blocks)"
            warnings.warn(message, RuntimeWarning, stacklevel=2, source=self)
