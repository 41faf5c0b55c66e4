"""An async function as a source: `get_range(start, stop) -> bytes`.

::

    async def get_range(start: int, stop: int) -> bytes:
        return await store.get_range_async("a.tif", start=start, end=stop)

    cog = await tinycog.open(get_range)
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from tinycog.errors import (
    AccessDeniedError,
    NotFoundError,
    SourceError,
    TinycogError,
    UsageError,
)
from tinycog.sources.memory import immutable_view
from tinycog.sources.protocol import RangeSink, answer_whole
from tinycog.sources.redact import redact, redact_line, safe_cause
from tinycog.tiff.ranges import ByteRange

if TYPE_CHECKING:
    from tinycog.argument_types import GetRange


class CallableSource:
    """Ranges of an object by the caller's async function.

    The function is called with `start` and `stop` in bytes, half-open, never for an empty range,
    and concurrently. It returns bytes, or any other object with a buffer; one that may still change
    is copied. Fewer bytes than asked mean that the object ends there. A blocking function is
    refused: wrap it, `lambda start, stop: asyncio.to_thread(read, start, stop)`.

    Its errors come as `SourceError` (`FileNotFoundError` as `NotFoundError`, `PermissionError` as
    `AccessDeniedError`), a `TinycogError` as it is. No deadline is set, and what failed is repeated
    only after a `SourceError` whose `may_pass` the function has set (http.retry).

    Pickles if the function does.

    Attributes:
        name: the function's `name` if it has one, else made of its qualified name; for messages,
            without credentials.
        origin: the function's `origin` if it has one, else its module and qualified name: the
            functions of one closure share a limit of concurrent requests.
    """

    def __init__(self, get_range: GetRange) -> None:
        """Take the function; it is not called yet."""
        self._get_range = get_range
        path = _qualified_name(get_range)
        self.name = redact(_text_of(get_range, "name") or f"<ranges from {path}>")
        self.origin = redact(_text_of(get_range, "origin") or path)

    async def aopen(self) -> None:
        """Do nothing: the function opens what it needs."""

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Call the function; a short answer means the end of the object.

        Raises:
            UsageError: the function is not async, or returns no bytes.
            RangeMismatchError: it returns more bytes than the range has.
            SourceError: it failed.
        """
        try:
            data = await self._call(part)
        except TinycogError:
            raise
        except FileNotFoundError as exc:
            raise NotFoundError("there is no such object", url=self.name) from safe_cause(exc)
        except PermissionError as exc:
            message = "the object may not be read"
            raise AccessDeniedError(message, url=self.name) from safe_cause(exc)
        except Exception as exc:  # noqa: BLE001 - the function is the caller's: it raises anything
            message = f"the range function failed: {type(exc).__name__}: {redact_line(exc)}"
            raise SourceError(message, url=self.name, range=part) from safe_cause(exc)
        answer_whole(self.name, part, data, answer)

    async def _call(self, part: ByteRange) -> bytes | memoryview:
        # what a caller's function returns is not always what its type says
        result: Any = self._get_range(part.start, part.stop)
        if not inspect.isawaitable(result):
            message = (
                f"the range function returned {type(result).__name__}, not an awaitable: it must"
                f" be async (wrap a blocking one in asyncio.to_thread): {self.name}"
            )
            raise UsageError(message)
        return self._bytes_of(await result)

    def _bytes_of(self, data: Any) -> bytes | memoryview:  # noqa: ANN401 - checked here
        if isinstance(data, bytes):
            return data
        try:
            view = memoryview(data)
        except TypeError:
            kind = type(data).__name__
            message = f"the range function returned {kind}, expected bytes: {self.name}"
            raise UsageError(message) from None
        return immutable_view(view)

    async def aclose(self) -> None:
        """Do nothing: what the function has open is its author's."""


def _text_of(get_range: GetRange, attribute: str) -> str:
    """Return an optional attribute of the function, if that is a text."""
    value = getattr(get_range, attribute, None)
    return value if isinstance(value, str) else ""


def _qualified_name(get_range: GetRange) -> str:
    """Return module and name of the function, or those of the class of a callable object."""
    function = get_range.func if isinstance(get_range, functools.partial) else get_range
    named: Any = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"
