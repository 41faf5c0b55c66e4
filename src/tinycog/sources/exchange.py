"""One HTTP range request by aiohttp: closed range, GET only, every answer checked.

This room is loaded at the first request, off the event loop: aiohttp takes long to import.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import aiohttp
import yarl

from tinycog.buffer import ByteRange
from tinycog.errors import (
    AccessDeniedError,
    NotFoundError,
    RangeMismatchError,
    RangeNotSatisfiableError,
    RangeUnsupportedError,
    SourceBusyError,
    SourceError,
    SourceTimeoutError,
)
from tinycog.sources.base import Answer
from tinycog.sources.body import receive
from tinycog.sources.session import session_of_loop

CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
WHOLE, PARTIAL_CONTENT = 200, 206

SILENCE = 60
"""Seconds without any byte after which a server is given up."""

REFUSALS: dict[int, tuple[type[SourceError], str]] = {
    200: (RangeUnsupportedError, "the server ignores ranges and sent the whole object"),
    401: (AccessDeniedError, "access needs credentials"),
    403: (AccessDeniedError, "access is denied"),
    404: (NotFoundError, "there is no such object"),
    410: (NotFoundError, "the object is gone"),
    416: (RangeNotSatisfiableError, "the range lies outside the object"),
    429: (SourceBusyError, "the server is asked too much"),
    503: (SourceBusyError, "the server is asked too much"),
}
"""What answers other than 206 mean (http.status.whole, http.status.denied, http.status.missing,
http.status.unsatisfiable, http.status.busy); any other is a refusal (http.status.other)."""


async def get_range(url: str, part: ByteRange, headers: Mapping[str, str], answer: Answer) -> None:
    """Send one GET and check its answer (http.range.closed, http.range.identity)."""
    headers = {
        **headers,
        "Range": f"bytes={part.start}-{part.stop - 1}",
        "Accept-Encoding": "identity",
    }
    session = await session_of_loop()
    try:
        async with (
            asyncio.timeout(SILENCE) as clock,
            session.get(_quoted(url), headers=headers) as response,
        ):
            await _receive(url, part, response, answer, clock)
    except TimeoutError as exc:
        message = "the server did not answer in time"
        raise SourceTimeoutError(message, url=url, range=part) from exc
    except (aiohttp.ClientError, ValueError) as exc:
        message = f"the request failed: {type(exc).__name__}: {exc}"
        raise SourceError(message, url=url, range=part) from exc


def _quoted(url: str) -> yarl.URL:
    """A url as given, for a signed one must not be quoted anew; quoted if it cannot be sent so."""
    return yarl.URL(url, encoded=url.isascii() and url.isprintable() and " " not in url)


async def _receive(
    url: str,
    part: ByteRange,
    response: aiohttp.ClientResponse,
    answer: Answer,
    clock: asyncio.Timeout,
) -> None:
    """Check the head, then pass the body on as it comes."""
    if response.status == WHOLE and response.content_length == 0:
        answer.begin(0, None)
        return
    _check_status(url, part, response)
    told = response.headers.get("Content-Range", "")
    sent, size = _content_range(told)
    if sent is None or not _answers(part, sent, size):
        message = f"the server sent Content-Range {told!r}, not the range that was asked"
        raise RangeMismatchError(message, url=url, range=part)
    size = sent.stop if size is None and sent.stop < part.stop else size
    tag = _generation(response.headers)

    def progress() -> None:
        clock.reschedule(asyncio.get_running_loop().time() + SILENCE)

    progress()
    if response.content_length == sent.length:
        answer.begin(size, tag)
        await receive(response, sent.length, answer, progress)
    else:
        body = await _body(url, part, response, sent.length)
        answer.begin(size, tag)
        answer.add(body)


def _check_status(url: str, part: ByteRange, response: aiohttp.ClientResponse) -> None:
    """Refuse what is no answer to a range."""
    if response.status != PARTIAL_CONTENT:
        kind, text = REFUSALS.get(response.status, (SourceError, "the server refused"))
        status = f"HTTP {response.status} {response.reason or ''}".strip()
        message = f"{text} ({status})"
        raise kind(message, url=url, range=part)
    coding = response.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        message = f"the server sent Content-Encoding {coding}, which ranges cannot have"
        raise RangeMismatchError(message, url=url, range=part)


def _generation(headers: Mapping[str, str]) -> str | None:
    """What names this state of the object: a strong ETag, else Last-Modified (http.pin)."""
    etag = headers.get("ETag", "W/")
    return headers.get("Last-Modified") if etag.startswith("W/") else etag


def _content_range(told: str) -> tuple[ByteRange | None, int | None]:
    """What was sent, if it can be read, and the object's size (http.range.content-range)."""
    found = CONTENT_RANGE.fullmatch(told.strip())
    if found is None:
        return None, None
    size = None if found[3] == "*" else int(found[3])
    return ByteRange(int(found[1]), int(found[2]) + 1), size


def _answers(part: ByteRange, sent: ByteRange, size: int | None) -> bool:
    """Whether it is what was asked, or all of it that the object has (http.range.short)."""
    if size is None:
        return sent.start == part.start < sent.stop <= part.stop
    return sent == (part.start, min(part.stop, size)) and sent.length > 0


async def _body(url: str, part: ByteRange, response: aiohttp.ClientResponse, length: int) -> bytes:
    """Read the body, at most a byte beyond what was promised (http.range.length)."""
    chunks: list[bytes] = []
    held = 0
    while held <= length and (chunk := await response.content.read(length + 1 - held)):
        chunks.append(chunk)
        held += len(chunk)
    if held != length:
        more = " or more" if held > length else ""
        message = f"the body has {held}{more} bytes, its Content-Range says {length}"
        raise RangeMismatchError(message, url=url, range=part)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
