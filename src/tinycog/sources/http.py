"""HTTP ranges by aiohttp: closed ranges, GET only, every answer checked before it is believed.

One session for each event loop, shared by all handles and closed with the loop (http.session.*).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import aiohttp

from tinycog.buffer import ByteRange
from tinycog.errors import (
    AccessDeniedError,
    NotFoundError,
    RangeMismatchError,
    RangeNotSatisfiableError,
    RangeUnsupportedError,
    SourceError,
    SourceTimeoutError,
)
from tinycog.sources.base import Part
from tinycog.sources.session import session_of_loop

CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class HttpSource:
    """Ranges of a url."""

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None) -> None:
        """Remember the url; nothing is sent."""
        self._url = url
        self._headers = dict(headers or {})

    @property
    def name(self) -> str:
        """Url, as given."""
        return self._url

    async def read_range(self, part: ByteRange) -> Part:
        """Send one GET with a closed range and check all of its answer (http.range.*)."""
        headers = {
            **self._headers,
            "Range": f"bytes={part.start}-{part.stop - 1}",
            "Accept-Encoding": "identity",
        }
        session = await session_of_loop()
        try:
            async with session.get(self._url, headers=headers) as answer:
                return await self._checked(part, answer)
        except TimeoutError as exc:
            message = "the server did not answer in time"
            raise SourceTimeoutError(message, url=self._url, range=part) from exc
        except (aiohttp.ClientError, ValueError) as exc:
            message = f"the request failed: {type(exc).__name__}: {exc}"
            raise SourceError(message, url=self._url, range=part) from exc

    async def _checked(self, part: ByteRange, answer: aiohttp.ClientResponse) -> Part:
        if answer.status != 206:  # noqa: PLR2004 - partial content
            raise self._refusal(part, answer)
        coding = answer.headers.get("Content-Encoding", "identity")
        if coding.lower() != "identity":
            message = f"the server sent Content-Encoding {coding}, which ranges cannot have"
            raise RangeMismatchError(message, url=self._url, range=part)
        told = answer.headers.get("Content-Range", "")
        start, stop, size = self._content_range(part, told)
        expected = ByteRange(part.start, part.stop if size is None else min(part.stop, size))
        if (start, stop) != expected and not (size is None and start == part.start < stop):
            message = f"the server sent Content-Range {told!r}, not the range that was asked"
            raise RangeMismatchError(message, url=self._url, range=part)
        data = await self._body(part, answer, stop - start)
        return Part(data, stop if size is None and stop < part.stop else size)

    def _content_range(self, part: ByteRange, told: str) -> tuple[int, int, int | None]:
        """Start, stop (half-open) and size; the size is None where the server does not say it."""
        found = CONTENT_RANGE.fullmatch(told.strip())
        if found is None:
            message = f"the server sent Content-Range {told!r}, expected 'bytes a-b/size'"
            raise RangeMismatchError(message, url=self._url, range=part)
        size = None if found[3] == "*" else int(found[3])
        return int(found[1]), int(found[2]) + 1, size

    async def _body(self, part: ByteRange, answer: aiohttp.ClientResponse, length: int) -> bytes:
        """Read the body, but never more than one byte beyond what was promised."""
        chunks: list[bytes] = []
        held = 0
        while held <= length and (chunk := await answer.content.read(length + 1 - held)):
            chunks.append(chunk)
            held += len(chunk)
        if held != length:
            more = " or more" if held > length else ""
            message = f"the body has {held}{more} bytes, its Content-Range says {length}"
            raise RangeMismatchError(message, url=self._url, range=part)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _refusal(self, part: ByteRange, answer: aiohttp.ClientResponse) -> SourceError:
        """Make the error that an answer other than 206 means (http.status.*)."""
        status = f"HTTP {answer.status} {answer.reason or ''}".strip()
        kinds: dict[int, tuple[type[SourceError], str]] = {
            200: (RangeUnsupportedError, "the server ignores ranges and sent the whole object"),
            401: (AccessDeniedError, "access needs credentials"),
            403: (AccessDeniedError, "access is denied"),
            404: (NotFoundError, "there is no such object"),
            410: (NotFoundError, "the object is gone"),
            416: (RangeNotSatisfiableError, "the range lies outside the object"),
        }
        kind, text = kinds.get(answer.status, (SourceError, "the server refused"))
        return kind(f"{text} ({status})", url=self._url, range=part)

    async def aclose(self) -> None:
        """Nothing is this source's own: the session belongs to the loop."""
