"""Headers that a caller gives, or a function that makes them."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Mapping
from typing import Any

from tinycog.argument_types import Headers
from tinycog.errors import SourceError, SourceTimeoutError, TinycogError, UsageError
from tinycog.sources.redact import redact_line, safe_cause


class Credentials:
    """Headers of the caller; a function is called once, and again only after a rejection.

    Attributes:
        version: number of calls so far.
    """

    def __init__(self, name: str, given: Headers | None, seconds: float) -> None:
        """Call nothing yet; `name` is the argument, for messages, `seconds` the time of a call."""
        self._name = name
        self._given = given
        self._seconds = seconds
        self.version = 0
        self._cached: Mapping[str, str] | None = None
        if given is None or not callable(given):
            self._cached = self._checked(given or {})
        self._locks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def is_renewable(self) -> bool:
        """Whether another call may return other headers."""
        return callable(self._given)

    @property
    def cached(self) -> Mapping[str, str] | None:
        """The headers, or None if a call is needed first."""
        return self._cached

    async def get(self) -> Mapping[str, str]:
        """Return the headers; call the function if that was never done.

        Raises:
            UsageError: they are none.
            SourceError: the function failed.
        """
        return await self._newer_than(-1) if self._cached is None else self._cached

    async def renew(self, version: int) -> None:
        """Refresh headers older than `version`, once for all rejected requests."""
        if self.is_renewable:
            await self._newer_than(version)

    async def _newer_than(self, version: int) -> Mapping[str, str]:
        loop = asyncio.get_running_loop()
        lock = self._locks.setdefault(loop, asyncio.Lock())
        try:
            async with asyncio.timeout(self._seconds), lock:
                if self._cached is None or self.version <= version:
                    self._cached = self._checked(await self._asked())
                    self.version += 1
                return self._cached
        except TimeoutError as exc:
            message = f"{self._name} did not come within {self._seconds:g} s"
            raise SourceTimeoutError(message) from exc

    async def _asked(self) -> Any:  # noqa: ANN401 - checked by the caller
        given: Any = self._given
        try:
            found = given()
            return await found if inspect.isawaitable(found) else found
        except TinycogError:
            raise
        except asyncio.CancelledError as exc:
            if _is_cancelled():
                raise
            message = f"{self._name} cannot be had: the function was cancelled"
            raise SourceError(message) from exc
        except Exception as exc:  # noqa: BLE001 - it may be anything; told to the caller
            message = f"{self._name} cannot be had: {type(exc).__name__}: {redact_line(exc)}"
            raise SourceError(message) from safe_cause(exc)

    def _checked(self, found: Any) -> Mapping[str, str]:  # noqa: ANN401 - whatever came
        if not isinstance(found, Mapping):
            message = f"{self._name} must be a mapping of texts, not a {type(found).__name__}"
            raise UsageError(message)
        pairs: dict[Any, Any] = dict(found)  # pyright: ignore[reportUnknownArgumentType]
        for key, value in pairs.items():
            if not isinstance(key, str) or not isinstance(value, str):
                message = f"{self._name} must be texts, not {key!r} with a {type(value).__name__}"
                raise UsageError(message)
        return pairs

    def __reduce__(self) -> tuple[type[Credentials], tuple[str, Headers | None, float]]:
        """Pickle the constructor's arguments: the function is called anew."""
        return (Credentials, (self._name, self._given, self._seconds))


def _is_cancelled() -> bool:
    """Return whether this task was cancelled, rather than the awaited function."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


RequestHeaders = tuple[Mapping[str, str], Mapping[str, str]]
"""Headers to be sent, and those that never leave the first server."""


class RequestCredentials:
    """The headers that a caller gives for a url: public ones, and secret ones."""

    def __init__(self, headers: Headers | None, auth: Headers | None, seconds: float) -> None:
        """Call nothing; a function has `seconds` to return."""
        self._headers = Credentials("headers", headers, seconds)
        self._auth = Credentials("auth", auth, seconds)

    @property
    def cached(self) -> RequestHeaders | None:
        """Return the headers, if no function has to be called for them."""
        headers, auth = self._headers.cached, self._auth.cached
        return None if headers is None or auth is None else (headers, auth)

    @property
    def version(self) -> tuple[int, int]:
        """Return which headers `get` returns: how often each were made."""
        return self._headers.version, self._auth.version

    @property
    def is_renewable(self) -> bool:
        """Return whether there may be other headers if these are refused."""
        return self._headers.is_renewable or self._auth.is_renewable

    async def get(self) -> RequestHeaders:
        """Return the headers; functions are called if they never were."""
        return await self._headers.get(), await self._auth.get()

    async def renew(self, version: tuple[int, int]) -> None:
        """Refresh the headers, once for all requests that were refused with this version.

        This is http.auth.fresh.
        """
        await self._headers.renew(version[0])
        await self._auth.renew(version[1])
