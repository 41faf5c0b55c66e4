"""HTTP range requests to one url: closed ranges, GET only, every response checked.

A request is sent once here; `fetch` decides what is sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tinycog.errors import AccessDeniedError, SourceError, SourceTimeoutError, TinycogError
from tinycog.limits import Limits
from tinycog.sources.allow_host import check_allowed
from tinycog.sources.http.connections import Body, Connection, Exchange
from tinycog.sources.http.credentials import GivenRequest, RequestCredentials
from tinycog.sources.http.deadline import Deadline
from tinycog.sources.http.errors import (
    ConditionRefusedError,
    NotPlainError,
    RedirectError,
    StaleError,
    TransportError,
)
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.http1 import ResponseHead, request_head
from tinycog.sources.http.loop_connections import LoopConnections, connections_of_loop, use
from tinycog.sources.http.options import Http
from tinycog.sources.http.redirects import RefusedRedirectError, Target
from tinycog.sources.http.response_handler import ResponseHandler
from tinycog.sources.http.routes import Endpoint, Route, Routes
from tinycog.sources.http.urls import parse_url
from tinycog.sources.protocol import RangeSink
from tinycog.sources.redact import redact_line, safe_cause
from tinycog.tiff.ranges import ByteRange

if TYPE_CHECKING:
    from tinycog.argument_types import AllowHost

DEFAULT_HEADERS = {"User-Agent": "tinycog", "Accept": "*/*"}

MAX_MOVED = 16
"""Permanent redirects that are remembered for a url."""

USES_POOL = True
"""Whether plain requests are sent on connections of ours. Tests turn it off, to send all of them by
aiohttp."""


class Outcome(NamedTuple):
    """How a request ended that the fast path sent.

    Attributes:
        error: what the response was, or why there was none.
        moved: permanent redirects that were known then.
        is_new: whether it was sent on a new connection: what that cannot read, no other can.
    """

    error: Exception
    moved: Mapping[str, str]
    is_new: bool = False


class HttpClient:
    """Range requests to one url.

    Attributes:
        name: url as it may be shown: without credentials (http.secrets).
        credentials: url and headers of the caller.
        allow_host: says which urls may be requested; None allows all.
        routes: how its urls are requested.
        responses: what is made of its responses.
        moved: permanent redirects, by url.
        prepared: what `fast_path` makes of all that is the same in every request.
    """

    def __init__(
        self,
        name: str,
        credentials: RequestCredentials,
        allow_host: AllowHost | None,
        limits: Limits,
        http: Http,
    ) -> None:
        """Hold what requests are made of; nothing is sent."""
        self.name = name
        self.credentials = credentials
        self.routes = Routes(http)
        self.allow_host = allow_host
        self._limits = limits
        self.responses = ResponseHandler(name, limits, credentials.secrets)
        self.moved: Mapping[str, str] = {}
        self.prepared: object | None = None

    @property
    def read_timeout(self) -> float:
        """Return the seconds without a byte after which a response is given up."""
        return self._limits.retries.silence

    @property
    def is_fixed(self) -> bool:
        """Return whether requests are the same but for their range, whatever was answered."""
        is_fixed = self.credentials.fixed is not None and not self.routes.keeps_cookies
        return self.allow_host is None and is_fixed

    async def get_range(self, part: ByteRange, sink: RangeSink) -> None:
        """Send one GET and check its response; once more if fresh credentials may help.

        Raises:
            SourceError: the bytes cannot be read.
        """
        given = await self.credentials.get()
        version = self.credentials.version
        try:
            await self.get(given, part, sink)
        except AccessDeniedError as exc:
            if exc.status is None or not self.credentials.is_renewable:
                raise
            await self.credentials.renew(version)
            await self.get(await self.credentials.get(), part, sink)

    async def get(
        self,
        given: GivenRequest,
        part: ByteRange,
        sink: RangeSink,
        outcome: Outcome | None = None,
    ) -> None:
        """Send one GET, or go on from the outcome of one, within the deadline.

        Raises:
            SourceError: the bytes cannot be read.
        """
        begun: list[Body] = []
        routes: list[Route] = []
        try:
            async with asyncio.timeout(None) as clock:
                deadline = Deadline(clock, self.read_timeout, sink.seconds_left)
                exchange = Exchange(partial(self._begin, part, sink, begun), sink, deadline)
                await self._request(given, part, exchange, begun, routes, outcome)
        except Exception as exc:
            is_late = isinstance(exc, TimeoutError) and bool(begun)
            error = self.to_source_error(part, begun[-1].fail(exc) if is_late else exc)
            if routes and isinstance(error, SourceError):
                routes[-1].name_proxy(error)
            if error is exc:
                raise
            raise error from error.__cause__

    def to_source_error(self, part: ByteRange, exc: Exception) -> Exception:
        """Translate what went wrong into the `SourceError` that the caller sees.

        A `TinycogError`, and what only a mistake of ours raises, is returned as it is.
        """
        if isinstance(exc, TinycogError):
            self._forget_moved()
            return exc
        if isinstance(exc, TimeoutError):
            retries = self._limits.retries
            message = (
                "the server did not answer in time (Limits.retries:"
                f" {retries.silence:g} s of silence, {retries.seconds:g} s in all)"
            )
            error: SourceError = SourceTimeoutError(message, url=self.name, range=part)
            error.may_pass = True
            error.__cause__ = exc
            return error
        if isinstance(exc, RefusedRedirectError):
            self._forget_moved()
            error = SourceError(str(exc), url=self.name, range=part)
            error.__cause__ = exc
            return error
        if isinstance(exc, TransportError | StaleError | OSError | ValueError):
            message = f"the request failed: {_described(exc)}"
            error = SourceError(message, url=self.name, range=part)
            error.may_pass = _may_pass(exc)
            error.__cause__ = safe_cause(exc)
            return error
        return exc

    def first_target(
        self,
        given: GivenRequest,
        part: ByteRange,
        generation: str | None,
        moved: Mapping[str, str],
    ) -> Target:
        """Return the url to request first, which may have moved, with all headers.

        Raises:
            ValueError: it is no url.
            RefusedRedirectError: it moved where it must not.
        """
        fields = Fields(DEFAULT_HEADERS.items())
        fields.update(self.routes.headers)
        fields.update(given.headers)
        fields.update(given.auth)
        fields.set("Range", f"bytes={part.start}-{part.stop - 1}")
        fields.set("Accept-Encoding", "identity")
        etag = self.responses.condition.etag(generation)
        if etag is not None:
            fields.set("If-Match", etag)
        url = parse_url(given.url)
        if not url.host:
            message = "the url names no host"
            raise ValueError(message)
        target = Target(url, fields, given.auth, self._limits, self.routes.logins)
        while moved and (location := moved.get(str(target.url))) is not None:
            target.follow(location)
        return target

    # --- one request -----------------------------------------------------------------------------

    async def _request(
        self,
        given: GivenRequest,
        part: ByteRange,
        exchange: Exchange,
        begun: list[Body],
        routes: list[Route],
        outcome: Outcome | None,
    ) -> None:
        """Send one GET, follow redirects, and ask once without an If-Match that is refused.

        That is http.range.closed, http.range.identity and http.pin.match.
        """
        connections = connections_of_loop()
        await self.routes.open()
        known = self.moved if outcome is None else outcome.moved
        target = self.first_target(given, part, exchange.sink.generation, known)
        moved: dict[str, str] = {}
        while True:
            check_allowed(self.allow_host, str(target.url), self.name)
            route = self.routes.route(target)
            routes.append(route)
            try:
                await self.send(connections, target, route, exchange, outcome)
            except SourceError as exc:
                target.name_server(exc)
                raise
            except RedirectError as exc:
                redirect = exc
            except ConditionRefusedError:
                redirect = None
            else:
                self._remember(moved, target)
                return
            outcome = None  # not in the handler: what fails now must not show where it led
            routes.clear()
            if redirect is None:
                target.headers.remove("If-Match")
                check = partial(self._begin, part, exchange.sink, begun, is_conditional=False)
                exchange = exchange._replace(check=check)
                continue
            if redirect.is_permanent:
                moved[str(target.url)] = redirect.location
            target.follow(redirect.location)

    async def send(
        self,
        connections: LoopConnections,
        target: Target,
        route: Route,
        exchange: Exchange,
        outcome: Outcome | None = None,
        method: str = "GET",
    ) -> None:
        """Request one url: on a kept connection, on a new one, or by aiohttp.

        Args:
            connections: those of the running loop.
            target: url and headers.
            route: how to get there.
            exchange: takes the response.
            outcome: how the same request ended that the fast path sent, if it did.
            method: of the request; what is no GET goes by aiohttp.
        """
        if outcome is not None and isinstance(outcome.error, RedirectError | ConditionRefusedError):
            raise outcome.error
        pool, endpoint = connections.pool, route.endpoint
        use(endpoint, self)
        headers, exchange = route.headers(target), route.watched(target, exchange)
        is_plain = route.is_direct and USES_POOL and method == "GET"
        request = request_head(target.url, headers) if is_plain else None
        if request is None or endpoint in pool.odd:
            await connections.send_by_aiohttp(target.url, headers, exchange, route, method)
            return
        kept = None if outcome is not None else pool.take(endpoint)
        if kept is not None:
            try:
                await _send_on(connections, endpoint, kept, request, exchange)
            except (StaleError, NotPlainError):  # what is no response is the rest of the last one
                pass
            else:
                return
        try:
            if outcome is not None and outcome.is_new:
                raise outcome.error
            connection = await pool.dial(endpoint)
            await _send_on(connections, endpoint, connection, request, exchange)
        except NotPlainError:
            await connections.send_by_aiohttp(target.url, headers, exchange, route)
            pool.odd.add(endpoint)

    def _begin(
        self,
        part: ByteRange,
        sink: RangeSink,
        begun: list[Body],
        head: ResponseHead,
        *,
        is_conditional: bool = True,
    ) -> Body | None:
        """Check a head, and keep what takes its body in `begun`."""
        body = self.responses.check(part, sink, head, is_conditional=is_conditional)
        if body is not None:
            begun.append(body)
        return body

    # --- where urls lead -------------------------------------------------------------------------

    def _remember(self, moved: Mapping[str, str], reached: Target) -> None:
        """Keep permanent redirects (http.redirect): no way round to where they began."""
        if not moved:
            return
        known = {**self.moved, **moved}
        if str(reached.url) not in known and len(known) <= MAX_MOVED:
            self.moved, self.prepared = known, None

    def _forget_moved(self) -> None:
        """Start from the first url again, next time."""
        if self.moved:
            self.moved, self.prepared = {}, None


async def _send_on(
    connections: LoopConnections,
    endpoint: Endpoint,
    connection: Connection,
    request: bytes,
    exchange: Exchange,
) -> None:
    """Send a request on a connection, and keep that for the next one if it can be kept."""
    try:
        await connection.send(request, exchange)
    finally:
        connections.pool.give(endpoint, connection)


def _described(exc: Exception) -> str:
    """Return what went wrong, in one line."""
    if isinstance(exc, TransportError):
        return redact_line(exc)
    if isinstance(exc, StaleError):
        return "the server closed the connection before it answered"
    return f"{type(exc).__name__}: {redact_line(exc)}"


def _may_pass(exc: Exception) -> bool:
    """Return whether the next try may succeed (http.retry)."""
    if isinstance(exc, TransportError):
        return exc.may_pass
    return isinstance(exc, StaleError | ConnectionError)
