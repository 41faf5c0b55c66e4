"""Connections that aiohttp opened, lent to us for answers, and for the ranges asked after them.

aiohttp finds the server, opens the connection, speaks TLS, and sends the first request. What it
costs from then on need not be: it takes longer over a head than the server over an answer, and
copies a body three times. So its connection is lent to a protocol of ours, which receives bodies
into the memory where they are wanted, and asks the same server for further ranges itself. An answer
that is not as plain as most are is left to aiohttp.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import aiohttp

from tinycog.sources.http.http1 import ResponseHead, parse_head
from tinycog.sources.http.redirects import Origin
from tinycog.sources.protocol import RangeSink

HEAD_BYTES = 1 << 14
"""Bytes that a head may have."""

FIRST_BYTES = 1 << 17
"""Bytes taken of a connection before the head is read: to copy what follows it costs less than to
ask the system twice. What comes later goes where it is wanted."""

SMALL_BYTES = 1 << 16
"""A body shorter than this needs no memory that is used again."""

IDLE_SECONDS = 15
"""A line that nobody has used for so long is closed, as aiohttp does with its own."""

Progress = Callable[[int], None]

Judge = Callable[[ResponseHead], int]
"""Looks at a head before the body comes: bytes of the body, or an error."""

HTTP_1 = b"HTTP/1."

HEAD_END = b"\r\n\r\n"


class NotPlainError(Exception):
    """The answer is one for aiohttp, which is to ask again."""


class StaleError(Exception):
    """The server closed the connection before it answered anything."""


class Exchange(NamedTuple):
    """Who waits for an answer."""

    judge: Judge
    answer: RangeSink
    progress: Progress


Ended = Callable[[Exception | None], None]
"""Told once, in the event loop: the answer is whole, or why it will not be. It raises nothing."""


class LentResponse(aiohttp.ClientResponse):
    """An answer of which we read the head, if it is a plain one.

    Attributes:
        line: its connection, once that is ours; aiohttp then knows nothing of the answer.
    """

    line: Connection | None = None

    async def start(self, connection: Any) -> aiohttp.ClientResponse:  # noqa: ANN401 - aiohttp's
        """Read the head; give it back to aiohttp if it is not for us."""
        if connection.transport is not None:
            line = Connection(connection)
            if await line.starts_plain():
                self.line = line
                return self
        return await super().start(connection)


class Connection(asyncio.BufferedProtocol):
    """A connection to one server, lent by aiohttp: one request at a time.

    Attributes:
        is_sound: whether another request may be sent on it.
        idle_since: time of its loop at which it was used last.
    """

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - aiohttp's Connection
        """Take a connection on which a request was just sent."""
        self.is_sound = True
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._transport: asyncio.Transport = connection.transport
        self._owner: Any = self._transport.get_protocol()
        self._scratch = bytearray(FIRST_BYTES)
        self._came = 0
        self._left = 0
        self._first: asyncio.Future[bool] | None = None
        self._asked: Exchange | None = None
        self._ended: Ended | None = None
        self._trouble: Exception | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._transport.set_protocol(self)

    # --- what is asked of it ---------------------------------------------------------------------

    async def starts_plain(self) -> bool:
        """Wait for the first head; if no plain part follows it, aiohttp has its connection back."""
        self._first = self._loop.create_future()
        try:
            return await self._first
        finally:
            if self._first.cancelled():
                self._return()
            self._first = None

    def begin(self, asked: Exchange, ended: Ended, request: bytes = b"") -> None:
        """Send a request, or none for the first answer, and pass its answer on.

        `ended` is told of these errors, maybe at once if nothing is sent: `NotPlainError` and
        `StaleError`, after which aiohttp must ask; `aiohttp.ClientPayloadError`, if the connection
        ended inside the answer; `TimeoutError`, see `reschedule`; and whatever `asked` raises.
        """
        self._asked, self._ended = asked, ended
        if not self.is_sound:  # it was closed before anybody listened
            self._end(StaleError())
        elif request:
            self._came = 0
            self._transport.write(request)
        else:
            self._transport.resume_reading()
            self._took(0)

    async def ask(self, asked: Exchange, request: bytes = b"") -> None:
        """Do what `begin` does, and wait for the end; raises what it would be told."""
        over: asyncio.Future[None] = self._loop.create_future()

        def ended(error: Exception | None) -> None:
            if over.done():
                return
            if error is None:
                over.set_result(None)
            else:
                over.set_exception(error)

        self.begin(asked, ended, request)
        try:
            await over
        except BaseException:
            self.drop()
            raise

    def reschedule(self, when: float) -> None:
        """Give the answer up at that time of the loop: with a `TimeoutError`."""
        self._until = when
        if self._timer is not None and self._timer.when() > when:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        """See whether it is time; else wait on, for what is asked then."""
        self._timer = None
        if self._asked is None or not self._until:
            return
        if self._loop.time() >= self._until:
            self._end(TimeoutError())
        else:
            self.reschedule(self._until)

    def drop(self) -> None:
        """Close the connection: aiohttp does. Who waits for an answer is told nothing."""
        self.is_sound = False
        self._asked = self._ended = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._owner)
        self._connection.close()

    def abandon(self) -> None:
        """Close the connection after its loop was closed."""
        with suppress(Exception):
            self._transport._call_connection_lost(None)  # type: ignore[attr-defined]  # noqa: SLF001
        self.drop()

    # --- what the event loop calls ---------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the event loop writes to."""
        del sizehint
        if self._left and self._asked is not None:
            try:
                return self._asked.answer.buffer(self._left)
            except Exception as exc:  # noqa: BLE001 - told when the bytes are there: no memory
                self._trouble = exc
                self._came = 0
        return memoryview(self._scratch)[self._came :]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have been written there."""
        if self._asked is None and (self._first is None or self._first.done()):
            self.drop()  # nothing was asked: whatever comes is no answer
            return
        self._took(nbytes)

    def eof_received(self) -> Any:  # noqa: ANN401 - the owner's
        """The server ends the connection."""
        self._cut()
        return self._owner.eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone."""
        self._cut()
        self._owner.connection_lost(exc)

    def pause_writing(self) -> None:
        """A request is short: there is nothing to hold back."""
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """A request is short: there was nothing to hold back."""
        self._owner.resume_writing()

    # --- heads and bodies ------------------------------------------------------------------------

    def _took(self, length: int) -> None:
        """So many bytes have come; who waits is told last, for the line may be used again then."""
        try:
            is_whole = self._take(length)
        except Exception as exc:  # noqa: BLE001 - told to whoever waits
            self._end(exc)
        else:
            if is_whole:
                self._end()

    def _take(self, length: int) -> bool:
        """Take them; whether the answer is whole."""
        if self._trouble is not None:
            raise self._trouble
        asked = self._asked  # who takes the bytes may give the rest up
        if not self._left or asked is None:
            self._came += length
            return self._read_head()
        self._left -= length
        asked.answer.advance(length)
        asked.progress(length)
        return not self._left

    def _read_head(self) -> bool:
        """Look for the end of the head; what follows it is of the body."""
        end = self._scratch.find(HEAD_END, 0, self._came)
        if end < 0 and self._came <= HEAD_BYTES and self._may_be_plain():
            return False
        head = parse_head(bytes(self._scratch[:end])) if 0 <= end <= HEAD_BYTES else None
        asked = self._asked
        if asked is None:
            self._begin(head)
            return False
        if head is None:
            raise NotPlainError
        body, self._came = memoryview(self._scratch)[end + len(HEAD_END) : self._came], 0
        length = asked.judge(head)
        # with more than that, the next answer on this connection would be none of ours
        self.is_sound = head.keeps and len(body) <= length
        body = body[:length]
        self._left = length - len(body)
        _pour(body, asked.answer)
        asked.progress(len(body))
        return not self._left

    def _may_be_plain(self) -> bool:
        """Whether what has come of a head may be that of one that ends as it should."""
        start = self._scratch[: min(self._came, len(HTTP_1))]
        return HTTP_1.startswith(start) and self._scratch.find(b"\n\n", 0, self._came) < 0

    def _begin(self, head: ResponseHead | None) -> None:
        """The first head: what follows waits until it is known who takes it."""
        if head is not None and head.is_plain_part and self._first is not None:
            self._transport.pause_reading()
            self._first.set_result(True)
        else:
            self._return()

    def _return(self) -> None:
        """Give the connection back, with all that has come."""
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._owner)
            if self._came:
                self._owner.data_received(bytes(self._scratch[: self._came]))
        if self._first is not None and not self._first.done():
            self._first.set_result(False)

    def _cut(self) -> None:
        """The connection ends, whatever is under way."""
        if self._first is not None and self._asked is None:
            self._return()
        elif self._came or self._left:
            told = "inside its head" if self._came else f"{self._left} bytes early"
            self._end(aiohttp.ClientPayloadError(f"the answer ended {told}"))
        else:
            self._end(StaleError())

    def _end(self, error: Exception | None = None) -> None:
        """Nothing is asked any more; who waited is told."""
        ended, self._asked, self._ended = self._ended, None, None
        self._until = self._left = 0
        if error is not None:
            self.drop()
        if ended is not None:
            ended(error)


def _pour(body: memoryview, answer: RangeSink) -> None:
    """Pass the first bytes of a body on, which lie where others will."""
    if len(body) < SMALL_BYTES:
        answer.write(bytes(body))
        return
    while body:
        room = answer.buffer(len(body))
        room[:] = body[: len(room)]
        answer.advance(len(room))
        body = body[len(room) :]


class ConnectionPool:
    """Lines of one event loop that nobody uses, by server."""

    def __init__(self) -> None:
        """Start with none."""
        self._loop = asyncio.get_running_loop()
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None

    def take(self, origin: Origin) -> Connection | None:
        """The line to a server that was used last, if there is any."""
        idle = self._idle.get(origin)
        while idle:
            line = idle.pop()
            if line.is_sound:
                return line
        return None

    def give(self, origin: Origin, line: Connection) -> None:
        """Keep a line for the next request, if another may be sent on it."""
        if not line.is_sound:
            line.drop()
            return
        line.idle_since = self._loop.time()
        self._idle[origin].append(line)
        if self._timer is None:
            self._timer = self._loop.call_later(IDLE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for long."""
        self._timer = None
        before = self._loop.time() - IDLE_SECONDS
        for origin, lines in list(self._idle.items()):
            old = [line for line in lines if line.idle_since <= before or not line.is_sound]
            for line in old:
                lines.remove(line)
                line.drop()
            if not lines:
                del self._idle[origin]
        if self._idle:
            self._timer = self._loop.call_later(IDLE_SECONDS, self._sweep)

    def abandon(self) -> None:
        """Drop all, in a loop that was closed: there are only private ways."""
        for line in [line for idle in self._idle.values() for line in idle]:
            line.abandon()
        self._idle.clear()

    def close(self) -> None:
        """Close all."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines = [line for idle in self._idle.values() for line in idle]
        self._idle.clear()
        for line in lines:
            line.drop()
