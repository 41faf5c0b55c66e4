"""What is opened by `await` or by `async with`, and closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from types import TracebackType
from typing import Any, Self

from tinycog.tracebacks import short_tracebacks


@short_tracebacks
class Handle(ABC):
    """What is opened by `await` or by `async with`: a handle on a file, or on several."""

    @abstractmethod
    async def _opened(self) -> Self:
        """Read what opening reads, once, and return the handle itself."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what it has opened."""

    def __await__(self) -> Generator[Any, None, Self]:
        """Open it, with all levels: `cog = await tinycog.open(where)`."""
        return self._opened().__await__()

    async def __aenter__(self) -> Self:
        """Open it, with all levels."""
        return await self._opened()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.aclose()
