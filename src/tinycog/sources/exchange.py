"""One HTTP range request by aiohttp: closed range, GET only, every answer checked.

This room is loaded at the first request, off the event loop: aiohttp takes long to import. It sends
once; `fetch` decides what is sent again.
"""

from __future__ import annotations

import asyncio
import socket

import aiohttp
from multidict import CIMultiDict

from tinycog.buffer import ByteRange
from tinycog.errors import (
    AccessDeniedError,
    RangeMismatchError,
    RangeNotSatisfiableError,
    SourceError,
    SourceTimeoutError,
    TinycogError,
)
from tinycog.sources import heads
from tinycog.sources.base import Answer
from tinycog.sources.body import receive
from tinycog.sources.http import HttpSource, Worn
from tinycog.sources.redirects import REDIRECTS, Hop, as_given
from tinycog.sources.session import session_of_loop

WHOLE, PARTIAL_CONTENT, PRECONDITION_FAILED = 200, 206, 412

SILENCE = 60
"""Seconds without any byte after which a server is given up."""

DRIP = 1024
"""Bytes per second; a body that comes slower is given up when the seconds of `Retries` are over."""


class Pace:
    """When an answer is given up: after a silence, or because it drips (http.time)."""

    def __init__(self, clock: asyncio.Timeout, seconds: float) -> None:
        """Start now."""
        self._clock = clock
        self._time = asyncio.get_running_loop().time
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Another request begins."""
        self._last = self._time() + self._seconds
        self(0)

    def __call__(self, length: int) -> None:
        """So many bytes have come."""
        self._last += length / DRIP
        self._clock.reschedule(min(self._time() + SILENCE, self._last))


async def get_range(source: HttpSource, part: ByteRange, answer: Answer) -> None:
    """Send one GET and check its answer; once more if fresh credentials may help."""
    url = source.name
    try:
        async with asyncio.timeout(SILENCE) as clock:
            pace = Pace(clock, source.limits.retries.seconds)
            worn = await source.worn()
            version = source.worn_version
            try:
                await _ask(source, worn, part, answer, pace)
            except AccessDeniedError as exc:
                if exc.status is None or not source.is_renewable:
                    raise
                await source.renew(version)
                await _ask(source, await source.worn(), part, answer, pace)
    except TinycogError:
        raise
    except TimeoutError as exc:
        message = "the server did not answer in time"
        error: SourceError = SourceTimeoutError(message, url=url, range=part)
        error.may_pass = True
        raise error from exc
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        message = f"the request failed: {type(exc).__name__}: {exc}"
        error = SourceError(message, url=url, range=part)
        error.may_pass = _may_pass(exc)
        raise error from exc


def _may_pass(error: Exception) -> bool:
    """Whether a broken connection may be a whole one next time (http.retry)."""
    cause = getattr(error, "os_error", None)
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ServerFingerprintMismatch):
        return False
    if isinstance(cause, socket.gaierror):  # there is no server of that name
        return False
    return isinstance(
        error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | ConnectionError
    )


async def _ask(source: HttpSource, worn: Worn, part: ByteRange, answer: Answer, pace: Pace) -> None:
    """Send one GET, and follow redirects (http.range.closed, http.range.identity)."""
    session = await session_of_loop()
    hop = _first_hop(source, worn, part, answer.pin)
    while True:
        if not source.allows(str(hop.url)):
            message = f"allow_host does not allow {hop.url.origin()}"
            raise AccessDeniedError(message, url=source.name, range=part)
        pace.restart()
        async with session.get(hop.url, headers=hop.headers, allow_redirects=False) as response:
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or location is None:
                await _receive(source, part, response, answer, pace)
                return
        try:
            hop.go_on(location)
        except SourceError as exc:
            raise SourceError(str(exc), url=source.name, range=part) from exc


def _first_hop(source: HttpSource, worn: Worn, part: ByteRange, pin: str | None) -> Hop:
    given, secret = worn
    headers = CIMultiDict({**given, **secret})
    headers["Range"] = f"bytes={part.start}-{part.stop - 1}"
    headers["Accept-Encoding"] = "identity"
    if pin is not None and heads.STRONG.fullmatch(pin):
        headers["If-Match"] = pin
    return Hop(as_given(source.name), headers, secret, source.limits)


async def _receive(
    source: HttpSource,
    part: ByteRange,
    response: aiohttp.ClientResponse,
    answer: Answer,
    pace: Pace,
) -> None:
    """Check the head, then pass the body on as it comes."""
    url, headers = source.name, response.headers
    tag = heads.generation(headers)
    if response.status != PARTIAL_CONTENT:
        if response.status == WHOLE and _may_be_taken(source, response):
            await _take_whole(source, part, response, answer, pace)
            return
        if response.status == PRECONDITION_FAILED and answer.pin is not None:
            raise heads.changed(url, part, answer.pin, headers)
        raise heads.refusal(url, part, response.status, response.reason, headers)
    heads.check_identity(url, part, headers)
    sent, size = heads.sent_range(url, part, headers)
    pace(0)
    if response.content_length == sent.length:
        answer.begin(size, tag)
        await receive(response, sent.length, answer, pace)
    else:
        body = await _body(url, part, response, sent.length, pace)
        answer.begin(size, tag)
        answer.add(body)


def _may_be_taken(source: HttpSource, response: aiohttp.ClientResponse) -> bool:
    """Whether the whole object is known to be short enough (http.status.whole)."""
    length = response.content_length
    is_short = length is not None and (length == 0 or length <= source.limits.whole_bytes)
    return is_short and heads.is_identity(response.headers)


async def _take_whole(
    source: HttpSource,
    part: ByteRange,
    response: aiohttp.ClientResponse,
    answer: Answer,
    pace: Pace,
) -> None:
    """Take the range out of the whole object, and keep that; one at a time keeps it."""
    size = response.content_length or 0
    if size and part.start >= size:
        error = RangeNotSatisfiableError(
            f"the range lies outside the object of {size} bytes", url=source.name, range=part
        )
        error.size = size
        raise error
    answer.begin(size, heads.generation(response.headers))
    keeps, source.keeps_whole = source.keeps_whole, False
    kept = bytearray()
    at = 0
    try:
        async for chunk in response.content.iter_any():
            inside = chunk[max(part.start - at, 0) : max(part.stop - at, 0)]
            if inside:
                answer.add(inside)
            if keeps:
                kept += chunk
            at += len(chunk)
            pace(len(chunk))
    finally:
        source.keeps_whole |= keeps
    if keeps and size:
        answer.keep(bytes(kept))


async def _body(
    url: str, part: ByteRange, response: aiohttp.ClientResponse, length: int, pace: Pace
) -> bytes:
    """Read the body, at most a byte beyond what was promised (http.range.length).

    Raises:
        RangeMismatchError: it is longer, or was announced as shorter.
        aiohttp.ClientPayloadError: it is shorter; nothing told where it would end.
    """
    chunks: list[bytes] = []
    held = 0
    while held <= length and (chunk := await response.content.read(length + 1 - held)):
        chunks.append(chunk)
        held += len(chunk)
        pace(len(chunk))
    if held < length and response.content_length is None:
        message = f"the body ended {length - held} bytes early"
        raise aiohttp.ClientPayloadError(message)
    if held != length:
        more = " or more" if held > length else ""
        message = f"the body has {held}{more} bytes, its Content-Range says {length}"
        raise RangeMismatchError(message, url=url, range=part)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
