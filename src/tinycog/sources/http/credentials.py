"""What a caller gives for requests, or a function that makes it: headers, a url."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from tinycog.errors import SourceError, SourceTimeoutError, TinycogError, UsageError
from tinycog.sources.redact import redact_line, safe_cause, secrets_in, secrets_in_url
from tinycog.sources.signed_url import SignedUrl
from tinycog.sources.urls import scheme_of

if TYPE_CHECKING:
    from tinycog.argument_types import Headers

T = TypeVar("T")


class Renewable(Generic[T]):
    """A value of the caller's; a function is called once, and again only after a rejection.

    Attributes:
        version: number of calls so far.
        cached: the value, or None if a call is needed first.
    """

    def __init__(
        self, name: str, given: object, check: Callable[[str, Any], T], seconds: float
    ) -> None:
        """Call nothing yet.

        Args:
            name: the argument, for messages.
            given: the value, or a function, async or not, that returns it.
            check: returns it, checked; called with `name` and what came.
            seconds: time of a call.
        """
        self._name = name
        self._given = given
        self._check = check
        self._seconds = seconds
        self.version = 0
        self.cached = None if callable(given) else check(name, given)
        self._locks: MutableMapping[asyncio.AbstractEventLoop, asyncio.Lock] = (
            weakref.WeakKeyDictionary() if callable(given) else {}  # the one takes long to make
        )

    @property
    def is_renewable(self) -> bool:
        """Whether another call may return another value."""
        return callable(self._given)

    async def get(self) -> T:
        """Return the value; call the function if that was never done.

        Raises:
            UsageError: it is none.
            SourceError: the function failed.
        """
        return await self._newer_than(-1) if self.cached is None else self.cached

    async def renew(self, version: int) -> None:
        """Refresh a value older than `version`, once for all rejected requests."""
        if self.is_renewable:
            await self._newer_than(version)

    async def _newer_than(self, version: int) -> T:
        loop = asyncio.get_running_loop()
        lock = self._locks.setdefault(loop, asyncio.Lock())
        try:
            async with asyncio.timeout(self._seconds), lock:
                if self.cached is None or self.version <= version:
                    self.cached = self._check(self._name, await self._asked())
                    self.version += 1
                return self.cached
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

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the constructor's arguments: the function is called anew."""
        return (Renewable, (self._name, self._given, self._check, self._seconds))


def _headers(name: str, found: Any) -> Mapping[str, str]:  # noqa: ANN401 - whatever came
    """Return headers, checked."""
    if not isinstance(found, Mapping):
        message = f"{name} must be a mapping of texts, not a {type(found).__name__}"
        raise UsageError(message)
    pairs: dict[Any, Any] = dict(found)  # pyright: ignore[reportUnknownArgumentType]
    for key, value in pairs.items():
        if not isinstance(key, str) or not isinstance(value, str):
            message = f"{name} must be texts, not {key!r} with a {type(value).__name__}"
            raise UsageError(message)
    return pairs


def _url(name: str, found: Any) -> str:  # noqa: ANN401 - whatever came
    """Return a url, checked."""
    url = found if isinstance(found, str) else str(found)  # a yarl.URL
    if scheme_of(url) not in ("http", "https"):
        message = f"{name} must be an http url, not another {type(found).__name__}"
        raise UsageError(message)
    return url


def _is_cancelled() -> bool:
    """Return whether this task was cancelled, rather than the awaited function."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class GivenRequest(NamedTuple):
    """What a caller gives for a request.

    Attributes:
        url: what is requested.
        headers: to be sent.
        auth: headers that never leave the first server.
    """

    url: str
    headers: Mapping[str, str]
    auth: Mapping[str, str]


class RequestCredentials:
    """What a caller gives for requests.

    Attributes:
        fixed: what it is, if no function has to be called for it.
    """

    def __init__(
        self, url: str | SignedUrl, headers: Headers | None, auth: Headers | None, seconds: float
    ) -> None:
        """Call nothing; a function has `seconds` to return."""
        signed = partial(url.sign, url.url) if isinstance(url, SignedUrl) else url
        self._url = Renewable("the signed url", signed, _url, seconds)
        self._headers = Renewable("headers", headers or {}, _headers, seconds)
        self._auth = Renewable("auth", auth or {}, _headers, seconds)
        target, public, secret = self._url.cached, self._headers.cached, self._auth.cached
        self.fixed: GivenRequest | None = None
        if target is not None and public is not None and secret is not None:
            self.fixed = GivenRequest(target, public, secret)

    @property
    def version(self) -> tuple[int, int, int]:
        """Return what `get` returns: how often each was made."""
        return self._url.version, self._headers.version, self._auth.version

    @property
    def is_renewable(self) -> bool:
        """Return whether there may be something else if this is refused."""
        parts = (self._url, self._headers, self._auth)
        return any(part.is_renewable for part in parts)

    async def get(self) -> GivenRequest:
        """Return the url and headers; functions are called if they never were."""
        url, headers, auth = (
            await self._url.get(),
            await self._headers.get(),
            await self._auth.get(),
        )
        return GivenRequest(url, headers, auth)

    def secrets(self) -> set[str]:
        """Return texts that may be credentials in what is known: of the url and in headers."""
        found = secrets_in_url(self._url.cached or "")
        for headers in (self._headers.cached, self._auth.cached):
            found |= set(secrets_in(headers or {}))
        return found

    async def renew(self, version: tuple[int, int, int]) -> None:
        """Refresh it, once for all requests that were refused with this version.

        This is http.auth.fresh.
        """
        await self._url.renew(version[0])
        await self._headers.renew(version[1])
        await self._auth.renew(version[2])
