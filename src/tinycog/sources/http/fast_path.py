"""One HTTP range request, sent at once on an idle connection, without a task.

Most are sent so: the head of the request is built once per url, the connection keeps its own
deadline, and the caller is notified by a callback. Any other response, a redirect say, is left to
`HttpClient.get`, which goes on from there in a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from tinycog.errors import SourceError, TinycogError
from tinycog.sources.http.client import HttpClient, Outcome
from tinycog.sources.http.connections import Connection, Exchange
from tinycog.sources.http.credentials import GivenRequest
from tinycog.sources.http.deadline import Deadline
from tinycog.sources.http.errors import (
    ConditionRefusedError,
    NotPlainError,
    RedirectError,
    StaleError,
)
from tinycog.sources.http.http1 import request_head
from tinycog.sources.http.loop_connections import open_connections, use
from tinycog.sources.http.pool import ConnectionPool
from tinycog.sources.http.routes import Endpoint
from tinycog.sources.protocol import Done, RangeSink
from tinycog.tiff.ranges import ByteRange

EMPTY_LINE = b"\r\n"

ANY_RANGE = ByteRange(0, 1)
"""Stands in the head that is prepared, until its range is taken out."""

GOES_ON = (RedirectError, ConditionRefusedError, NotPlainError, StaleError)
"""What a request goes on from, in a task."""

NO_ENDPOINT: Endpoint = ("", "", 0, None)


class Prepared(NamedTuple):
    """The requests of a url, but for what differs.

    Attributes:
        start: all lines of the head that are always the same; None if it cannot be sent so.
        endpoint: the server.
        given: what of it the caller gave.
        moved: permanent redirects that were known when it was made.
    """

    start: bytes | None
    endpoint: Endpoint
    given: GivenRequest
    moved: Mapping[str, str]


def prepare(client: HttpClient, given: GivenRequest) -> Prepared:
    """Write the head of a url's requests, as far as it is always the same."""
    moved = client.moved
    never = Prepared(None, NO_ENDPOINT, given, moved)
    if not client.is_fixed:
        return never
    try:
        target = client.first_target(given, ANY_RANGE, None, moved)
        route = client.routes.route(target)
    except (ValueError, TinycogError):  # raised again, and translated, where it is sent in a task
        return never
    target.headers.remove("Range")
    head = request_head(target.url, target.headers)
    if head is None or "If-Match" in target.headers or not route.is_direct:
        return never
    return Prepared(head.removesuffix(EMPTY_LINE), route.endpoint, given, moved)


def send(
    client: HttpClient, part: ByteRange, sink: RangeSink, done: Done
) -> Callable[[], None] | None:
    """Send one GET now, if a connection is idle; see `sources.protocol.SendRange`."""
    connections, given = open_connections(), client.credentials.fixed
    if connections is None or given is None:
        return None
    prepared = client.prepared
    if not isinstance(prepared, Prepared):
        prepared = client.prepared = prepare(client, given)
        use(prepared.endpoint, client)
    start = prepared.start
    connection = None if start is None else connections.pool.take(prepared.endpoint)
    if connection is None or start is None:
        return None
    etag = client.responses.condition.etag(sink.generation)
    match = "" if etag is None else f"If-Match: {etag}\r\n"
    rest = f"Range: bytes={part.start}-{part.stop - 1}\r\n{match}\r\n".encode()
    request = _Request(client, part, sink, done)
    request.begin(connections.pool, connection, prepared, start + rest)
    return request.cancel


class _Request:
    """A request on an idle connection, and the task that goes on if that does not suffice."""

    __slots__ = (
        "_client",
        "_connection",
        "_done",
        "_is_given_up",
        "_part",
        "_pool",
        "_prepared",
        "_sink",
        "_task",
    )

    _connection: Connection
    _prepared: Prepared
    _pool: ConnectionPool

    def __init__(self, client: HttpClient, part: ByteRange, sink: RangeSink, done: Done) -> None:
        self._client = client
        self._part = part
        self._sink = sink
        self._done = done
        self._task: asyncio.Task[None] | None = None
        self._is_given_up = False

    def begin(
        self, pool: ConnectionPool, connection: Connection, prepared: Prepared, request: bytes
    ) -> None:
        """Send it."""
        self._pool, self._connection, self._prepared = pool, connection, prepared
        deadline = Deadline(connection, self._client.read_timeout, self._sink.seconds_left)
        check = partial(self._client.responses.check, self._part, self._sink)
        connection.begin(request, Exchange(check, self._sink, deadline), self._ended)

    def cancel(self) -> None:
        """Give the request up; `done` is not called."""
        self._is_given_up = True
        if self._task is None:
            self._connection.close()
        else:
            self._task.cancel()

    def _ended(self, error: Exception | None) -> None:
        self._pool.give(self._prepared.endpoint, self._connection)
        if error is None:
            self._done(None)
        elif isinstance(error, GOES_ON):
            self._task = asyncio.get_running_loop().create_task(self._go_on(error))
        else:
            try:
                error = self._client.to_source_error(self._part, error)
            except Exception as exc:  # noqa: BLE001 - `done` is called with it
                error = exc
            self._done(error)

    async def _go_on(self, error: Exception) -> None:
        try:
            outcome = Outcome(error, self._prepared.moved)
            await self._client.get(self._prepared.given, self._part, self._sink, outcome)
        except asyncio.CancelledError:
            if not self._is_given_up:  # somebody cancels whatever tasks there are
                message = "the task of the request was cancelled"
                self._done(SourceError(message, url=self._client.name, range=self._part))
            raise
        except Exception as exc:  # noqa: BLE001 - `done` is called with it
            self._done(exc)
        else:
            self._done(None)
