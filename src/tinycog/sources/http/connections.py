"""One connection to a server: HTTP/1.1 written and read on an asyncio transport.

Bodies of plain responses are received where they are wanted, without a copy; a request takes no
task. The states of a connection, and what leads from one to the next::

    DIALLING ──connection_made──▶ IDLE ◀───────────────────────────┐
                                   │ begin: the request is written │
                                   ▼                               │ complete, and the server
      interim response (1xx) ┌─▶ HEAD ──────────────────────────┐  │ keeps the connection open
                             └───┘ │ the head has come          │  │
                     ┌─────────────┴──────────────┐             │  │
                     ▼                            ▼             │  │
      PART: 206 of known length,    BODY: any other that is     │  │
      received into the sink        wanted, decoded here        │  │
                     └─────────────┬──────────────┘             │  │
                                   ├────────────────────────────┼──┘
                                   │                  refused, its body came with the head
                                   ▼
                                CLOSED   from every state: close(), a failure, the end of the
                                         connection, the deadline, unsolicited bytes
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple, Protocol, cast

from tinycog.sources.http.asyncio_private import abandon_transport
from tinycog.sources.http.errors import NotPlainError, StaleError, TransportError
from tinycog.sources.http.http1 import (
    OVERHEAD_BYTES,
    BodyDecoder,
    ResponseHead,
    body_decoder,
    parse_head,
)
from tinycog.sources.protocol import RangeSink

MAX_HEAD_BYTES = 1 << 14
"""Bytes of the longest head that is parsed here; a longer one is left to aiohttp."""

BUFFER_BYTES = 1 << 17
"""Bytes that are taken of a connection at once before its head is read: to copy what follows the
head costs less than to ask the system twice."""

SMALL_BODY_BYTES = 1 << 16
"""A body shorter than this needs no buffer of the sink's: a fresh one costs less."""

HTTP_1 = b"HTTP/1."

LINE_ENDS = b"\r\n"
"""Bytes that are skipped before a head, as aiohttp does, in bounds."""

HEAD_END = b"\r\n\r\n"


class State(Enum):
    """Where a connection is; see the diagram above."""

    DIALLING = auto()
    IDLE = auto()
    HEAD = auto()
    PART = auto()
    BODY = auto()
    CLOSED = auto()


DIALLING, IDLE, HEAD, PART, BODY, CLOSED = State


class Body(Protocol):
    """Takes a body that is not that of a plain 206."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of it."""
        ...

    def finish(self) -> None:
        """Do what the whole body is for; it may raise what the response comes to."""
        ...

    def fail(self, error: Exception) -> Exception:
        """Return what the response comes to whose body is cut off, or is none."""
        ...

    def close(self) -> None:
        """Let go of it; called once, finished or not."""
        ...


Check = Callable[[ResponseHead], Body | None]
"""Check a head before its body comes, and return what takes that; None: the sink. May raise."""

Progress = Callable[[int], None]
"""Called with the number of bytes of the body that have come."""


class Exchange(NamedTuple):
    """What takes the response to one request."""

    check: Check
    sink: RangeSink
    progress: Progress


Done = Callable[[Exception | None], None]
"""Called once, in the event loop: the response is whole, or why it will not be. It never raises."""


class Connection(asyncio.BufferedProtocol):
    """A connection to one server: one request at a time.

    Attributes:
        state: only an idle one takes a request.
        idle_since: time of its event loop at which it was used last.
    """

    def __init__(self) -> None:
        """Wait for the transport: `loop.create_connection` brings it."""
        self.state = DIALLING
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray(BUFFER_BYTES)
        self._received = 0
        self._interim = 0
        self._left = 0
        self._is_reusable = False
        self._exchange: Exchange | None = None
        self._done: Done | None = None
        self._body: Body | None = None
        self._decoder: BodyDecoder | None = None
        self._buffer_error: Exception | None = None
        self._first: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # --- what a client calls ---------------------------------------------------------------------

    def begin(self, request: bytes, exchange: Exchange, done: Done) -> None:
        """Send a request, and pass its response on.

        `done` is called, maybe at once, with: None; `StaleError` and `NotPlainError`, after which
        the request must be sent another way; `TransportError`, if the connection ended inside the
        response; `TimeoutError`, see `reschedule`; or whatever `exchange` raised.
        """
        if self.state is not IDLE or self._transport is None:  # closed before anybody listened
            done(StaleError())
            return
        self.state = HEAD
        self._exchange, self._done = exchange, done
        self._received = self._interim = 0
        self._is_reusable = False
        self._transport.write(request)

    async def send(self, request: bytes, exchange: Exchange) -> None:
        """Do what `begin` does, and wait for the end; raises what `done` would be called with.

        The first bytes of the response wait for this task. A short one is all among them: it is
        over for this task, and in the log of requests, before any waiter for its bytes resumes.
        """
        over: asyncio.Future[None] = self._loop.create_future()
        first: asyncio.Future[None] = self._loop.create_future()

        def done(error: Exception | None) -> None:
            if not first.done():
                first.set_result(None)
            if over.done():
                return
            if error is None:
                over.set_result(None)
            else:
                over.set_exception(error)

        self._first = first
        self.begin(request, exchange, done)
        try:
            await first
            self._read_first()
            await over
        except (asyncio.CancelledError, GeneratorExit):
            self.close()
            if over.done() and not over.cancelled():
                over.exception()  # nobody waits for it any more
            raise

    def _read_first(self) -> None:
        """Take the bytes that have waited for the task, if any have."""
        self._first = None
        if self.state is HEAD and self._received:
            self._receive(0)

    def reschedule(self, when: float) -> None:
        """Abort the response with a `TimeoutError` at loop time `when`."""
        if self.state is CLOSED:
            return
        self._deadline = when
        if self._timer is not None and self._timer.when() > when:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(when, self._check_deadline)

    def _check_deadline(self) -> None:
        """Give up if it is time; else wait on, for the response that is received then."""
        self._timer = None
        if self._exchange is None or not self._deadline:
            return
        if self._loop.time() >= self._deadline:
            self._end(TimeoutError())
        else:
            self.reschedule(self._deadline)

    def close(self) -> None:
        """Close the connection at once; `done` of a response under way is not called."""
        self.state = CLOSED
        self._release()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    def abandon(self) -> None:
        """Close the connection after its loop was closed."""
        transport, self._transport = self._transport, None
        if transport is not None:
            abandon_transport(transport)
        self.close()

    # --- what the event loop calls ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready for a request."""
        self._transport = cast("asyncio.Transport", transport)
        self.state = IDLE

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the event loop may write to."""
        del sizehint
        if self.state is PART and self._exchange is not None:
            try:
                return self._exchange.sink.buffer(self._left)
            except Exception as exc:  # noqa: BLE001 - raised when the bytes are there: no memory
                self._buffer_error = exc
        return memoryview(self._buffer)[self._received :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take the bytes that were written there."""
        if self._exchange is None:
            self.close()  # nothing was requested: whatever comes is no response
        else:
            self._receive(nbytes)

    def eof_received(self) -> None:
        """Take note that the server sends no more; the transport closes itself then."""
        self._cut(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the connection is gone."""
        self._cut(exc)

    # --- heads and bodies ------------------------------------------------------------------------

    def _receive(self, nbytes: int) -> None:
        """Take received bytes, and call `done` if that is all, or if they are wrong."""
        try:
            is_complete = self._take(nbytes)
        except Exception as exc:  # noqa: BLE001 - `done` is called with it
            self._end(exc)
        else:
            if is_complete:
                self._end()

    def _take(self, nbytes: int) -> bool:
        """Take received bytes; return whether the response is complete."""
        if self._buffer_error is not None:
            raise self._buffer_error
        exchange = self._exchange  # what takes the bytes may give the rest up
        if exchange is None:
            return False
        if self.state is PART:
            self._left -= nbytes
            exchange.sink.advance(nbytes)
            exchange.progress(nbytes)
            return not self._left
        self._received += nbytes
        if self.state is BODY:
            return self._read_body(exchange)
        if self._first is not None and self._received < BUFFER_BYTES:
            if not self._first.done():
                self._first.set_result(None)
            return False
        return self._read_head(exchange)

    def _read_head(self, exchange: Exchange) -> bool:
        """Look for the end of the head; what follows it is of the body."""
        while True:
            if self._received and self._buffer[0] in LINE_ENDS:
                self._skip(self._received - len(self._buffer[: self._received].lstrip(LINE_ENDS)))
            end = self._buffer.find(HEAD_END, 0, self._received)
            if end < 0 and self._received <= MAX_HEAD_BYTES and self._may_be_http():
                return False
            head = parse_head(bytes(self._buffer[:end])) if 0 <= end <= MAX_HEAD_BYTES else None
            if head is None:
                raise NotPlainError
            start = end + len(HEAD_END)
            if not head.is_interim:
                return self._begin_body(head, start, exchange)
            self._skip(start)

    def _may_be_http(self) -> bool:
        """Return whether this may be the start of a head that ends as it should."""
        start = self._buffer[: min(self._received, len(HTTP_1))]
        return HTTP_1.startswith(start) and self._buffer.find(b"\n\n", 0, self._received) < 0

    def _skip(self, length: int) -> None:
        """Drop an interim response, or empty lines (http.head)."""
        self._interim += length
        if self._interim > OVERHEAD_BYTES:
            message = "the server sends too many bytes before its response"
            raise TransportError(message)
        left = self._received - length
        self._buffer[:left] = self._buffer[length : self._received]
        self._received = left

    def _begin_body(self, head: ResponseHead, start: int, exchange: Exchange) -> bool:
        """Check the head, and take what has come of the body."""
        came = self._received - start
        try:
            body = exchange.check(head)
        except Exception:
            # its body has come, if it has any: nothing is in the way of another request
            self._is_reusable = head.keeps and head.length == came
            raise
        if self._exchange is None:  # given up meanwhile
            return False
        if body is not None or head.length is None:
            self.state, self._body, self._decoder = BODY, body, body_decoder(head)
            self._is_reusable = head.keeps
            return self._read_body(exchange, start)
        # with more than the body, the next response on this connection would be none of ours
        self._is_reusable = head.keeps and came <= head.length
        length = min(came, head.length)
        self.state, self._left, self._received = PART, head.length - length, 0
        _copy(memoryview(self._buffer)[start : start + length], exchange.sink)
        exchange.progress(length)
        return not self._left

    def _read_body(self, exchange: Exchange, start: int = 0) -> bool:
        """Decode what has come of a body that is not received in place."""
        data, self._received = bytes(self._buffer[start : self._received]), 0
        decoder, body = self._decoder, self._body
        if decoder is None or body is None:
            raise NotPlainError
        chunk = decoder.feed(data)
        if chunk:
            body.write(chunk)
        exchange.progress(len(chunk))
        if decoder.has_surplus:
            self._is_reusable = False
        return decoder.is_complete and self._finish_body()

    def _finish_body(self) -> bool:
        if self._body is not None:
            self._body.finish()
        return True

    def _cut(self, exc: Exception | None) -> None:
        """The connection ends, whatever is under way."""
        self._read_first()
        if self._exchange is None:
            self.close()
            return
        self._is_reusable = False
        try:
            error = self._cut_error(exc)
        except Exception as raised:  # noqa: BLE001 - `done` is called with it
            error = raised
        self._end(error)

    def _cut_error(self, exc: Exception | None) -> Exception | None:
        """Return what the end of the connection means; None: it is that of the body."""
        if self.state is HEAD:
            if not self._received and not self._interim:
                return StaleError()
            return TransportError("the connection ended inside the head of the response")
        if self.state is PART:
            return TransportError(f"the response ended {self._left} bytes early")
        if exc is None and self._decoder is not None and self._decoder.may_end:
            self._finish_body()
            return None
        return TransportError("the connection ended inside the response")

    def _end(self, error: Exception | None = None) -> None:
        """Call `done`, last: the connection may be used again by it."""
        done = self._done
        try:
            if error is not None and self._body is not None:
                error = self._body.fail(error)
            self._let_go(error)
        except Exception as exc:  # noqa: BLE001 - `done` is called with it
            error = exc
            self.close()
        if done is not None:
            done(error)

    def _let_go(self, error: Exception | None) -> None:
        """Be ready for the next request, or close the connection."""
        keeps = self._is_reusable and (error is None or self.state is HEAD)
        if not keeps:
            self.close()
        elif self.state is not CLOSED:
            self.state = IDLE
            self._release()

    def _release(self) -> None:
        """Forget the response."""
        body, self._body = self._body, None
        self._exchange = self._done = self._decoder = None
        self._received = self._left = 0
        self._first = None
        self._deadline = 0.0
        if body is not None:
            body.close()


def _copy(body: memoryview, sink: RangeSink) -> None:
    """Pass the first bytes of a body on, to where the others will be received."""
    if len(body) < SMALL_BODY_BYTES:
        sink.write(bytes(body))
        return
    while body:
        buffer = sink.buffer(len(body))
        buffer[:] = body[: len(buffer)]
        sink.advance(len(buffer))
        body = body[len(buffer) :]
