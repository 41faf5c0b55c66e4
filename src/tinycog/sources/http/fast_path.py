"""One HTTP range request that is sent at once: on an open connection that nobody uses.

Most are: the head of the request is made once for all of a source, and no task waits for the
answer. What is met that is not the answer, a redirect say, is left to `exchange`, which goes on
from there in a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from tinycog.errors import SourceError
from tinycog.sources.http.client import (
    ElsewhereError,
    Outcome,
    first_hop,
    get,
    get_range,
    judge,
    to_source_error,
)
from tinycog.sources.http.connections import Connection, Exchange, NotPlainError, StaleError
from tinycog.sources.http.deadline import Deadline
from tinycog.sources.http.http1 import request_head
from tinycog.sources.http.redirects import Origin
from tinycog.sources.http.response import STRONG
from tinycog.sources.http.session import LoopConnections, open_connections
from tinycog.sources.http.source import HttpSource, RequestHeaders
from tinycog.sources.protocol import Done, RangeSink
from tinycog.tiff.ranges import ByteRange

__all__ = ["get_range", "send"]

EMPTY_LINE = b"\r\n"

NO_RANGE = ByteRange(0, 1)


class Prepared(NamedTuple):
    """The requests of a source, but for what differs.

    Attributes:
        start: all lines of the head that are always the same; None if it cannot be sent so.
        origin: the server.
        worn: headers in it.
        moved: where urls had moved when it was made.
    """

    start: bytes | None
    origin: Origin
    worn: RequestHeaders
    moved: Mapping[str, str]


NOWHERE: Origin = ("", None, None)


def prepare(source: HttpSource, worn: RequestHeaders) -> Prepared:
    """Make the head of a source's requests, as far as it is always the same."""
    moved = source.moved
    never = Prepared(None, NOWHERE, worn, moved)
    if source.is_gated or source.is_renewable:
        return never
    try:
        hop = first_hop(source, worn, NO_RANGE, None, moved)
        hop.headers.popall("Range")
        head = request_head(hop.url, hop.headers)
    except (ValueError, SourceError):  # said when it is sent the other way
        return never
    if head is None or "If-Match" in hop.headers:
        return never
    return Prepared(head.removesuffix(EMPTY_LINE), hop.origin, worn, moved)


def send(
    source: HttpSource, part: ByteRange, answer: RangeSink, done: Done
) -> Callable[[], None] | None:
    """Send one GET now, if a line is free; see `sources.base.SendRange`."""
    wires, worn = open_connections(), source.worn_so_far
    if wires is None or worn is None:
        return None
    prepared = source.prepared
    if not isinstance(prepared, Prepared):
        prepared = source.prepared = prepare(source, worn)
    line = None if prepared.start is None else wires.lines.take(prepared.origin)
    if line is None or prepared.start is None:
        return None
    pin = answer.generation
    match = f"If-Match: {pin}\r\n" if pin is not None and STRONG.fullmatch(pin) else ""
    request = f"Range: bytes={part.start}-{part.stop - 1}\r\n{match}\r\n".encode()
    sent = _Sent(source, part, answer, done)
    sent.ask(wires, line, prepared, prepared.start + request)
    return sent.cancel


class _Sent:
    """A request on a line, and the task that goes on with it if the line does not suffice."""

    __slots__ = ("_answer", "_done", "_line", "_part", "_prepared", "_source", "_task", "_wires")

    _line: Connection
    _prepared: Prepared
    _wires: LoopConnections

    def __init__(self, source: HttpSource, part: ByteRange, answer: RangeSink, done: Done) -> None:
        self._source = source
        self._part = part
        self._answer = answer
        self._done = done
        self._task: asyncio.Task[None] | None = None

    def ask(
        self, wires: LoopConnections, line: Connection, prepared: Prepared, request: bytes
    ) -> None:
        """Send it."""
        self._wires, self._line, self._prepared = wires, line, prepared
        pace = Deadline(line, self._source.limits.retries.silence, self._answer.seconds_left)
        judged = partial(judge, self._source, self._part, self._answer)
        line.begin(Exchange(judged, self._answer, pace), self._ended, request)

    def cancel(self) -> None:
        """Nobody waits any more, and nobody is told."""
        if self._task is None:
            self._line.drop()
        else:
            self._task.cancel()

    def _ended(self, error: Exception | None) -> None:
        if error is None:
            self._wires.lines.give(self._prepared.origin, self._line)
            self._done(None)
        elif isinstance(error, ElsewhereError | NotPlainError | StaleError):
            self._task = asyncio.get_running_loop().create_task(self._go_on(error))
        else:
            self._done(to_source_error(self._source, self._part, error))

    async def _go_on(self, met: Exception) -> None:
        try:
            worn, found = self._prepared.worn, Outcome(met, self._prepared.moved)
            await get(self._source, worn, self._part, self._answer, found)
        except Exception as exc:  # noqa: BLE001 - told to whoever waits
            self._done(exc)
        else:
            self._done(None)
