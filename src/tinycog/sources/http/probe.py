"""A server looked at, not read: eight requests that rules judge the answers of.

They take the way of a read: credentials, proxies, redirects and `allow_host` are those of the
handle. Nothing is sent again, unless the server had closed a kept connection, and of each body no
more is read than `BODY_BYTES`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from tinycog.errors import RangeMismatchError, RangeNotSatisfiableError, SourceError
from tinycog.sources.allow_host import check_allowed
from tinycog.sources.http.client import HttpClient
from tinycog.sources.http.connections import Exchange
from tinycog.sources.http.deadline import Deadline
from tinycog.sources.http.errors import RedirectError
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.http1 import ResponseHead
from tinycog.sources.http.loop_connections import connections_of_loop
from tinycog.sources.http.redirects import PERMANENT, REDIRECTS, Target
from tinycog.sources.http.response import (
    OK,
    TRANSIENT,
    UNSATISFIABLE,
    is_identity,
    refusal,
    sent_range,
    wrong_length,
)
from tinycog.sources.http.server_answer import ServerAnswer, ServerFacts
from tinycog.sources.http.urls import parse_url, shown_base
from tinycog.sources.redact import redact_line
from tinycog.tiff.ranges import ByteRange

if TYPE_CHECKING:
    from tinycog.sources.protocol import RangeSink

BODY_BYTES = 2048
"""Bytes of a body that are kept; one that goes on is cut off, with its connection."""

PART_BYTES = 1024
"""Bytes of each range: servers that compress leave shorter ones as they are."""

ORIGIN = "https://tinycog.example"
"""The page that a browser would name."""

PARTIAL = 206

OTHER_ETAG = '"tinycog-another-object"'

PLAIN = {"Origin": ORIGIN, "Accept-Encoding": "identity"}

CODED = {"Origin": ORIGIN, "Accept-Encoding": "gzip, deflate, br, zstd"}
"""As browsers send it."""

PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "range",
}

SEVERAL = "bytes=0-15,32-47"

HIDDEN = frozenset({"location", "set-cookie"})
"""Headers that may hold secrets."""

NO_PART = ByteRange(0, 1)
"""Stands for the range of a request without a known one."""


async def probe(client: HttpClient) -> ServerFacts:
    """Send all requests, one after the other.

    Raises:
        SourceError: the object cannot be had.
    """
    part = ByteRange(0, PART_BYTES)
    response = await _ask(client, {**PLAIN, **_range(part)}, part)
    if response.head.status not in (OK, PARTIAL, UNSATISFIABLE):
        raise response.refusal(client.name, part)
    first = response.answer(client.name, part)
    head = await _answer(client, PLAIN, None, "HEAD")
    preflight = await _answer(client, PREFLIGHT, None, "OPTIONS")
    told = first.size or (head.size if head.status == OK else None)
    start = min(PART_BYTES, told or PART_BYTES) // 2
    base = shown_base(parse_url((await client.credentials.get()).url))
    facts = ServerFacts(base, ORIGIN, first, head, preflight, told, start)
    if first.status != PARTIAL:  # each of the others might begin to send all of it
        return facts
    part = ByteRange(start, start + PART_BYTES)
    condition = {} if first.strong_etag is None else {"If-Match": first.strong_etag}
    facts.second = await _answer(client, {**CODED, **_range(part), **condition}, part)
    if condition:
        other = {**PLAIN, **_range(part), "If-Match": OTHER_ETAG}
        facts.other = await _answer(client, other, part)
    if told is not None:
        part = ByteRange(max(told - PART_BYTES, 0), told)
        facts.suffix = await _answer(client, {**PLAIN, "Range": f"bytes=-{PART_BYTES}"}, part)
        part = ByteRange(told, told + PART_BYTES)
        facts.beyond = await _answer(client, {**PLAIN, **_range(part)}, part)
    facts.several = await _answer(client, {**PLAIN, "Range": SEVERAL}, None)
    return facts


def _range(part: ByteRange) -> dict[str, str]:
    return {"Range": f"bytes={part.start}-{part.stop - 1}"}


class _EnoughError(Exception):
    """The body is longer than what is kept of it."""


class _ProbedResponse:
    """A response as it comes: its head, and the first bytes of its body.

    Attributes:
        head: of the last server.
        body: as much as is kept.
        hops: servers to which redirects led.
        keeps: whether the connection stays open; None if that is not known.
    """

    head: ResponseHead

    def __init__(self) -> None:
        self.body = b""
        self.hops: list[str] = []
        self.keeps: bool | None = None

    def check(self, head: ResponseHead) -> _ProbedResponse:
        """Take a head, and the body behind it."""
        location = head.headers.get("Location")
        if head.status in REDIRECTS and location is not None:
            raise RedirectError(location, is_permanent=head.status in PERMANENT)
        self.head = head
        return self

    def write(self, chunk: bytes) -> None:
        """Keep bytes as long as there is room."""
        room = BODY_BYTES - len(self.body)
        self.body += bytes(chunk[:room])
        if len(chunk) > room:
            raise _EnoughError

    def finish(self) -> None:
        """Do nothing: all of it is kept."""

    def fail(self, error: Exception) -> Exception:
        """Return the error: a part of a body is no answer."""
        return error

    def close(self) -> None:
        """Do nothing: nothing is held open."""

    def refusal(self, name: str, part: ByteRange) -> SourceError:
        """Return the error that a read would raise."""
        head = self.head
        return refusal(name, part, head.status, head.reason, head.headers, self.body)

    def answer(self, name: str, part: ByteRange | None) -> ServerAnswer:
        """Return what rules look at; `part` is what was asked, if it is one range."""
        head, mismatch = self.head, ""
        is_coded = not is_identity(head.headers)
        size = head.length if head.status == OK and not is_coded else None
        if head.status == PARTIAL and part is not None:
            try:
                sent, size = sent_range(name, part, head.headers)
                if head.length not in (None, sent.length) or len(self.body) > sent.length:
                    raise wrong_length(name, part, f"{head.length}", sent.length)
            except RangeMismatchError as error:
                mismatch = str(error)
        elif head.status == UNSATISFIABLE:
            error = self.refusal(name, part or NO_PART)
            size = error.size if isinstance(error, RangeNotSatisfiableError) else None
        shown = [
            (key, redact_line(value))
            for key, value in head.headers.items()
            if key.lower() not in HIDDEN
        ]
        return ServerAnswer(
            f"HTTP {head.status} {redact_line(head.reason)}".strip(),
            head.status,
            Fields(shown),
            mismatch,
            size,
            self.body,
            is_coded,
            head.status in TRANSIENT,
            self.keeps,
            tuple(self.hops),
        )


async def _answer(
    client: HttpClient, headers: Mapping[str, str], part: ByteRange | None, method: str = "GET"
) -> ServerAnswer:
    """Send one request; what fails is an answer, too."""
    try:
        return (await _ask(client, headers, part, method)).answer(client.name, part)
    except SourceError as error:
        return ServerAnswer(str(error), may_pass=error.may_pass)


async def _ask(
    client: HttpClient, headers: Mapping[str, str], part: ByteRange | None, method: str = "GET"
) -> _ProbedResponse:
    """Send one request, and follow redirects.

    Args:
        client: of the url, with credentials and options.
        headers: besides those of every request; `Range` is among them.
        part: the bytes that are asked for, if it is one range.
        method: GET, HEAD or OPTIONS.

    Raises:
        SourceError: there is no answer.
    """
    response = _ProbedResponse()
    try:
        async with asyncio.timeout(None) as clock:
            deadline = Deadline(clock, client.read_timeout, client.read_timeout)
            # nothing is written to a sink: `check` always tells what takes the body
            exchange = Exchange(response.check, cast("RangeSink", None), deadline)
            target = client.first_target(await client.credentials.get(), part or NO_PART, None, {})
            target.headers.remove("Range")
            target.headers.update(headers)
            while (location := await _send(client, target, exchange, response, method)) is not None:
                target.follow(location)
                response.hops.append(shown_base(target.url))
    except Exception as exc:
        error = client.to_source_error(part or NO_PART, exc)
        if error is exc:
            raise
        raise error from error.__cause__
    return response


async def _send(
    client: HttpClient, target: Target, exchange: Exchange, response: _ProbedResponse, method: str
) -> str | None:
    """Request one url; return where it is redirected to."""
    await client.routes.open()
    connections = connections_of_loop()
    check_allowed(client.allow_host, str(target.url), client.name)
    route = client.routes.route(target)
    try:
        await client.send(connections, target, route, exchange, method=method)
    except RedirectError as redirect:
        return redirect.location
    except _EnoughError:
        pass
    # by aiohttp, a connection serves one request
    is_ours = route.is_direct and method == "GET" and route.endpoint not in connections.pool.odd
    response.keeps = response.head.keeps if is_ours else None
    return None
