"""One HTTP range request, sent at once on an idle connection, without a task; or on a new one.

Most are sent so: the head of the request is built once per url, the connection keeps its own
deadline, and the caller is notified by a callback. A task only opens a connection where none is
idle. Any other response, a redirect say, is left to `HttpClient.get`, which goes on from there in a
task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, NamedTuple

from tinycog.errors import SourceError, TinycogError
from tinycog.sources.http import client as http_client
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
from tinycog.sources.http.loop_connections import connections_of_loop, use
from tinycog.sources.http.pool import ConnectionPool
from tinycog.sources.http.routes import Endpoint
from tinycog.sources.protocol import Done, RangeSink
from tinycog.tiff.ranges import ByteRange

EMPTY_LINE = b"\r\n"

ANY_RANGE = ByteRange(0, 1)
"""Stands in the head that is prepared, until its range is taken out."""

GOES_ON = (RedirectError, ConditionRefusedError, NotPlainError)
"""What a request goes on from, in a task; and `StaleError`, of a connection that was kept."""

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
    """Send one GET now, or as soon as there is a connection; see `sources.protocol.SendRange`."""
    given = client.credentials.fixed
    if given is None:
        return None
    prepared = client.prepared
    if not isinstance(prepared, Prepared):
        prepared = client.prepared = prepare(client, given)
        use(prepared.endpoint, client)
    start, pool = prepared.start, connections_of_loop().pool
    connection = None if start is None else pool.take(prepared.endpoint)
    if start is None or (connection is None and not _may_dial(pool, prepared)):
        return None
    etag = client.responses.condition.etag(sink.generation)
    match = "" if etag is None else f"If-Match: {etag}\r\n"
    rest = f"Range: bytes={part.start}-{part.stop - 1}\r\n{match}\r\n".encode()
    request = _Request(client, part, sink, done, pool, prepared, start + rest)
    if connection is None:
        request.dial()
    else:
        request.begin(connection)
    return request.cancel


def _may_dial(pool: ConnectionPool, prepared: Prepared) -> bool:
    """Return whether a new connection of ours is what the request would be sent on in a task."""
    is_ours = http_client.USES_POOL and prepared.endpoint not in pool.odd
    return is_ours and not prepared.moved


class _Request:
    """A request on a connection, and the task that opens that, or goes on from its response."""

    __slots__ = (
        "_client",
        "_connection",
        "_done",
        "_is_given_up",
        "_is_new",
        "_part",
        "_pool",
        "_prepared",
        "_request",
        "_sink",
        "_task",
    )

    _connection: Connection

    def __init__(
        self,
        client: HttpClient,
        part: ByteRange,
        sink: RangeSink,
        done: Done,
        pool: ConnectionPool,
        prepared: Prepared,
        request: bytes,
    ) -> None:
        self._client = client
        self._part = part
        self._sink = sink
        self._done = done
        self._pool = pool
        self._prepared = prepared
        self._request = request
        self._task: asyncio.Task[None] | None = None
        self._is_given_up = False
        self._is_new = False

    def begin(self, connection: Connection) -> None:
        """Send it."""
        self._connection = connection
        deadline = Deadline(connection, self._client.read_timeout, self._sink.seconds_left)
        check = partial(self._client.responses.check, self._part, self._sink)
        connection.begin(self._request, Exchange(check, self._sink, deadline), self._ended)

    def dial(self) -> None:
        """Open a connection for it, then send it."""
        self._is_new = True
        self._start_task(self._dial())

    async def _dial(self) -> None:
        seconds = min(self._client.read_timeout, self._sink.seconds_left)
        async with asyncio.timeout(seconds):
            connection = await self._pool.dial(self._prepared.endpoint)
        self._task = None
        self.begin(connection)

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
        elif isinstance(error, GOES_ON) or (isinstance(error, StaleError) and not self._is_new):
            self._start_task(self._go_on(error))
        else:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        try:
            error = self._client.to_source_error(self._part, error)
        except Exception as exc:  # noqa: BLE001 - `done` is called with it
            error = exc
        self._done(error)

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(self._on_task_end)

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        """Tell why a task failed, also one that was cancelled before it started."""
        if not task.cancelled():
            error = task.exception()
            if isinstance(error, Exception):
                self._fail(error)
        elif not self._is_given_up:  # somebody cancels whatever tasks there are
            message = "the task of the request was cancelled"
            self._done(SourceError(message, url=self._client.name, range=self._part))

    async def _go_on(self, error: Exception) -> None:
        outcome = Outcome(error, self._prepared.moved, self._is_new)
        await self._client.get(self._prepared.given, self._part, self._sink, outcome)
        self._done(None)
