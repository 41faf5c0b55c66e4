"""One HTTP range request by aiohttp: closed range, GET only, every answer checked.

This room is loaded at the first request, off the event loop: aiohttp takes long to import. It sends
once; `fetch` decides what is sent again.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import aiohttp
from multidict import CIMultiDict

from tinycog.errors import (
    AccessDeniedError,
    RangeNotSatisfiableError,
    SourceError,
    SourceTimeoutError,
    TinycogError,
)
from tinycog.sources.http.connections import Exchange, NotPlainError, Progress, StaleError
from tinycog.sources.http.deadline import Deadline
from tinycog.sources.http.http1 import ResponseHead, request_head
from tinycog.sources.http.redirects import LASTING, REDIRECTS, Hop, as_given
from tinycog.sources.http.response import (
    STRONG,
    ResponseHeaders,
    asks_for_another_try,
    changed,
    check_identity,
    generation,
    is_identity,
    refusal,
    sent_range,
    wrong_length,
)
from tinycog.sources.http.session import LoopConnections, connections_of_loop
from tinycog.sources.http.source import HttpSource, RequestHeaders
from tinycog.sources.protocol import RangeSink
from tinycog.sources.redact import redact_line, safe_cause
from tinycog.tiff.ranges import ByteRange

WHOLE, PARTIAL_CONTENT, BAD_REQUEST, PRECONDITION_FAILED = 200, 206, 400, 412

ERROR_BYTES = 4096
"""Bytes of the body of a refusal that are looked at, if any are."""

ALWAYS = {"User-Agent": "tinycog", "Accept": "*/*"}


class ElsewhereError(Exception):
    """The server says where to ask instead, and whether for good."""

    def __init__(self, location: str, *, lasts: bool) -> None:
        """Remember where."""
        super().__init__(location)
        self.location = location
        self.lasts = lasts


async def get_range(source: HttpSource, part: ByteRange, answer: RangeSink) -> None:
    """Send one GET and check its answer; once more if fresh credentials may help."""
    worn = await source.worn()
    version = source.worn_version
    try:
        await get(source, worn, part, answer)
    except AccessDeniedError as exc:
        if exc.status is None or not source.is_renewable:
            raise
        await source.renew(version)
        await get(source, await source.worn(), part, answer)


class Outcome(NamedTuple):
    """What was met by a request that was sent at once, and where urls had moved then."""

    error: Exception
    moved: Mapping[str, str]


async def get(
    source: HttpSource,
    worn: RequestHeaders,
    part: ByteRange,
    answer: RangeSink,
    met: Outcome | None = None,
) -> None:
    """Send one GET, or go on from what was met; what goes wrong is a `SourceError`, in time."""
    try:
        async with asyncio.timeout(None) as clock:
            pace = Deadline(clock, source.limits.retries.silence, answer.seconds_left)
            await _request(source, worn, part, answer, pace, met)
    except Exception as exc:
        error = to_source_error(source, part, exc)
        if error is exc:
            raise
        raise error from error.__cause__


def to_source_error(source: HttpSource, part: ByteRange, exc: Exception) -> Exception:
    """What went wrong, as the caller is told of it."""
    if isinstance(exc, TinycogError):
        source.forget_moved()
        return exc
    if isinstance(exc, TimeoutError):
        message = "the server did not answer in time"
        error: SourceError = SourceTimeoutError(message, url=source.name, range=part)
        error.may_pass = True
        error.__cause__ = exc
        return error
    if isinstance(exc, aiohttp.ClientError | OSError | ValueError):
        message = f"the request failed: {type(exc).__name__}: {redact_line(exc)}"
        error = SourceError(message, url=source.name, range=part)
        error.may_pass = _may_pass(exc)
        error.__cause__ = safe_cause(exc)
        return error
    return exc


def _may_pass(error: Exception) -> bool:
    """Whether a broken connection may be a whole one next time (http.retry)."""
    reason = getattr(error, "os_error", None)
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ServerFingerprintMismatch):
        return False
    if isinstance(reason, socket.gaierror):  # there is no server of that name
        return False
    return isinstance(
        error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | ConnectionError
    )


async def _request(
    source: HttpSource,
    worn: RequestHeaders,
    part: ByteRange,
    answer: RangeSink,
    pace: Deadline,
    met: Outcome | None,
) -> None:
    """Send one GET, and follow redirects (http.range.closed, http.range.identity)."""
    wires = await connections_of_loop()
    asked = Exchange(partial(judge, source, part, answer), answer, pace)
    hop = first_hop(
        source, worn, part, answer.generation, source.moved if met is None else met.moved
    )
    error = None if met is None else met.error
    moved: dict[str, str] = {}
    while True:
        if not source.allows(str(hop.url)):
            message = f"allow_host does not allow {hop.url.origin()}"
            raise AccessDeniedError(message, url=source.name, range=part)
        try:
            await _follow(wires, hop, asked, source, part, error)
        except ElsewhereError as exc:
            error = None
            if exc.lasts:
                moved[str(hop.url)] = exc.location
            try:
                hop.go_on(exc.location)
            except SourceError as why:
                raise SourceError(str(why), url=source.name, range=part) from why
        else:
            source.remember(moved, hop.url)
            return


async def _follow(
    wires: LoopConnections,
    hop: Hop,
    asked: Exchange,
    source: HttpSource,
    part: ByteRange,
    met: Exception | None,
) -> None:
    """Ask one url: on a line first, if that was not tried before, then by aiohttp."""
    if isinstance(met, ElsewhereError):
        raise met
    if met is not None or not await _request_on_pool(wires, hop, asked):
        await _request_by_aiohttp(wires, hop, asked, source, part)


async def _request_on_pool(wires: LoopConnections, hop: Hop, asked: Exchange) -> bool:
    """Ask on a connection that was lent before, if there is one; whether that was all."""
    line = wires.lines.take(hop.origin)
    if line is None:
        return False
    request = request_head(hop.url, hop.headers)
    if request is None:
        wires.lines.give(hop.origin, line)
        return False
    try:
        await line.ask(asked, request)
    except (NotPlainError, StaleError):
        return False
    wires.lines.give(hop.origin, line)
    return True


async def _request_by_aiohttp(
    wires: LoopConnections, hop: Hop, asked: Exchange, source: HttpSource, part: ByteRange
) -> None:
    """Ask on a connection of aiohttp's, which is lent for a plain answer, and kept after it."""
    request = wires.session.get(hop.url, headers=hop.headers, allow_redirects=False)
    async with request as response:
        line = getattr(response, "line", None)
        if line is None:
            await _receive(source, part, response, asked)
            return
        try:
            await line.ask(asked)
        except (NotPlainError, StaleError) as exc:
            raise aiohttp.ServerDisconnectedError from exc
        wires.lines.give(hop.origin, line)


def first_hop(
    source: HttpSource,
    worn: RequestHeaders,
    part: ByteRange,
    pin: str | None,
    moved: Mapping[str, str],
) -> Hop:
    """The url to be asked first, which may have moved, and all headers."""
    given, secret = worn
    headers = CIMultiDict(ALWAYS)
    headers.update(given)
    headers.update(secret)
    headers["Range"] = f"bytes={part.start}-{part.stop - 1}"
    headers["Accept-Encoding"] = "identity"
    if pin is not None and STRONG.fullmatch(pin):
        headers["If-Match"] = pin
    hop = Hop(as_given(source.url), headers, secret, source.limits)
    while moved and (location := moved.get(str(hop.url))) is not None:
        hop.go_on(location)
    return hop


def judge(source: HttpSource, part: ByteRange, answer: RangeSink, head: ResponseHead) -> int:
    """Judge a head before its body comes: the length of that."""
    if head.status == PARTIAL_CONTENT and head.length is not None:
        return _begin(source.name, part, head.headers, head.length, answer)
    if head.status in (WHOLE, PARTIAL_CONTENT, BAD_REQUEST):  # whose body is looked at
        raise NotPlainError
    raise _refused(source.name, part, head, answer.generation)


def _refused(
    url: str, part: ByteRange, head: ResponseHead | aiohttp.ClientResponse, pin: str | None
) -> Exception:
    """What is neither a part nor the whole."""
    location = head.headers.get("Location")
    if head.status in REDIRECTS and location is not None:
        lasts = head.status in LASTING and "Cache-Control" not in head.headers
        return ElsewhereError(location, lasts=lasts)
    if head.status == PRECONDITION_FAILED and pin is not None:
        return changed(url, part, pin, head.headers)
    return refusal(url, part, head.status, head.reason, head.headers)


def _begin(
    url: str, part: ByteRange, headers: ResponseHeaders, length: int | None, answer: RangeSink
) -> int:
    """Judge the head of a part, and take it; bytes to come."""
    check_identity(url, part, headers)
    sent, size = sent_range(url, part, headers)
    if length is not None and length != sent.length:
        raise wrong_length(url, part, f"{length}", sent.length)
    answer.begin(size, generation(headers))
    return sent.length


async def _receive(
    source: HttpSource, part: ByteRange, response: aiohttp.ClientResponse, asked: Exchange
) -> None:
    """Check the head of an answer that aiohttp has read, and pass its body on."""
    url, answer, pace = source.name, asked.answer, asked.progress
    if response.status == PARTIAL_CONTENT:
        length = _begin(url, part, response.headers, response.content_length, answer)
        pace(0)
        answer.write(await _body(url, part, response, length, pace))
    elif response.status == WHOLE and _may_be_taken(source, response):
        await _take_whole(source, part, response, answer, pace)
    else:
        error = _refused(url, part, response, answer.generation)
        if response.status == BAD_REQUEST and isinstance(error, SourceError):
            error.may_pass = asks_for_another_try(await _start(response))
        raise error


async def _start(response: aiohttp.ClientResponse) -> bytes:
    """The first bytes of a body."""
    found = b""
    while len(found) < ERROR_BYTES and (more := await response.content.read(ERROR_BYTES)):
        found += more
    return found


def _may_be_taken(source: HttpSource, response: aiohttp.ClientResponse) -> bool:
    """Whether the whole object is known to be short enough (http.status.whole)."""
    length = response.content_length
    is_short = length is not None and (length == 0 or length <= source.limits.whole_bytes)
    return is_short and is_identity(response.headers)


async def _take_whole(
    source: HttpSource,
    part: ByteRange,
    response: aiohttp.ClientResponse,
    answer: RangeSink,
    pace: Progress,
) -> None:
    """Take the range out of the whole object, and keep that; one at a time keeps it."""
    size = response.content_length or 0
    if size and part.start >= size:
        error = RangeNotSatisfiableError(
            f"the range lies outside the object of {size} bytes", url=source.name, range=part
        )
        error.size = size
        raise error
    answer.begin(size, generation(response.headers))
    keeps, source.keeps_whole = source.keeps_whole, False
    try:
        if keeps and size:
            whole = await _body(source.name, part, response, size, pace)
            answer.write_whole(whole)  # first: who is served may ask for more of it at once
            answer.write(memoryview(whole)[part.start : part.stop])
            return
        at = 0
        async for chunk in response.content.iter_any():
            inside = chunk[max(part.start - at, 0) : max(part.stop - at, 0)]
            if inside:
                answer.write(inside)
            at += len(chunk)
            pace(len(chunk))
    finally:
        source.keeps_whole |= keeps


async def _body(
    url: str, part: ByteRange, response: aiohttp.ClientResponse, length: int, pace: Progress
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
        raise wrong_length(url, part, f"{held}{more}", length)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
