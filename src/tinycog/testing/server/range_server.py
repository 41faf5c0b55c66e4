"""The server itself: connections, pace and log. What is answered is decided in `exchange`."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import struct
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Self, TypedDict, Unpack
from urllib.parse import quote

from tinycog.testing.server.content import EtagMode, Servable, Shelf
from tinycog.testing.server.exchange import ReceivedRequest, RequestContext, Response
from tinycog.testing.server.faults import Fault, Script

HOST = "127.0.0.1"

PIECE = 256 << 10
"""Bytes of a body that are read and written at once: bounds memory, and between two pieces a
client's hanging up is noticed."""

PIECES_PER_SECOND = 50
"""Where a bandwidth sets the pace."""


class Options(TypedDict, total=False):
    """The options of `RangeServer`."""

    latency: float
    bandwidth: float | None
    faults: Iterable[Fault]
    etag: EtagMode
    port: int
    cors: bool


@dataclass(slots=True)
class Logged:
    """One request, logged as soon as its answer is decided.

    Attributes:
        method: GET or HEAD, or whatever the client sent.
        path: name of the file, as in `RangeServer(files)`.
        start, stop: the bytes that were asked for, half-open, not cut to the size of the file; None
            without a readable Range header.
        status: of the answer; 0 if the connection is reset instead.
        sent: bytes of the body that went out; grows while the answer is under way.
        headers: of the request, by lower-case name.
    """

    method: str
    path: str
    start: int | None
    stop: int | None
    status: int
    sent: int
    headers: Mapping[str, str]


class RangeServer:
    """An HTTP/1.1 server of byte ranges on 127.0.0.1, with a log, a pace and scripted faults.

    It answers GET and HEAD as nginx does: single, open and suffix ranges, If-Match, If-Range. It
    runs in the event loop of its `async with`; `serve_in_thread` gives it a loop of its own.

    Attributes:
        files: what is served, by name; may be changed at any time.
        latency: seconds before each answer.
        bandwidth: bytes of body per second, for each connection; None = unbounded.
        log: the requests so far, in the order of their arrival.
        connections: number of connections accepted so far.
        port: of the running server.
    """

    def __init__(
        self,
        files: Mapping[str, Servable],
        *,
        latency: float = 0.0,
        bandwidth: float | None = None,
        faults: Iterable[Fault] = (),
        etag: EtagMode = True,
        port: int = 0,
        cors: bool = False,
    ) -> None:
        """Prepare, but do not listen yet.

        Args:
            files: by name, which is the path of the URL: bytes, a path on disk or a `VirtualFile`.
            latency: seconds before each answer.
            bandwidth: bytes of body per second, for each connection; None = unbounded.
            faults: see `script`.
            etag: whether entity tags are sent: True = strong ones, "weak", False = none.
            port: to listen at; 0 = any free one.
            cors: whether pages of other servers may read, as browsers ask by OPTIONS.
        """
        self.files = dict(files)
        self.latency = latency
        self.bandwidth = bandwidth
        self.port = port
        self.log: list[Logged] = []
        self.connections = 0
        self._shelf = Shelf(self.files, etag)
        self._script = Script(faults)
        self._cors = cors
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._errors: list[BaseException] = []
        self._server: asyncio.Server | None = None

    @property
    def open_connections(self) -> int:
        """Number of connections that are open now."""
        return len(self._open)

    def url(self, name: str) -> str:
        """URL of a served file."""
        return f"http://{HOST}:{self.port}/{quote(name)}"

    def clear(self) -> None:
        """Forget the log."""
        self.log.clear()

    def script(self, *faults: Fault) -> None:
        """Make these the faults from now on, instead of all earlier ones.

        The first fault that matches a request and has hits left takes it; those behind it do not
        count the request as one that passed.
        """
        self._script = Script(faults)

    def decide(self, request: ReceivedRequest) -> tuple[Response, Logged]:
        """The answer to a request, faults considered, and its new line in the log."""
        exchange = RequestContext(request, self._shelf, self._cors)
        start, stop = exchange.asked or (None, None)
        answer = self._script.answer(exchange)
        status, headers = answer.status, request.headers
        logged = Logged(request.method, request.name, start, stop, status, 0, headers)
        self.log.append(logged)
        return answer, logged

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, HOST, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop at once: answers under way are cut. Raises what a `VirtualFile` raised, if any."""
        server, self._server = self._server, None
        if server is None:
            return
        await _close(server)
        for task, writer in self._open.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await server.wait_closed()
        if self._errors and exc[0] is None:
            raise self._errors[0]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(_Connection(self, reader, writer).serve())
        self._open[task] = writer
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        del self._open[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)


async def _close(server: asyncio.Server) -> None:
    """Stop listening.

    A connection that is being accepted when an asyncio server closes makes it fail (CPython
    gh-109564): so no more are accepted first, and those on their way get two turns of the loop.
    """
    with contextlib.suppress(NotImplementedError):  # the loop of Windows has no readers
        asyncio.get_running_loop().remove_reader(server.sockets[0].fileno())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    server.close()


class _Connection:
    """One connection: requests come in and answers go out, one after the other."""

    def __init__(
        self, server: RangeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer

    async def serve(self) -> None:
        """Answer until one side has had enough."""
        try:
            while await self._exchange():
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client hung up, or does not speak HTTP
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    async def _exchange(self) -> bool:
        """Answer one request; whether the connection stays open."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        try:
            request = ReceivedRequest.parse(head)
        except ValueError:
            self._writer.write(Response(400).head(keep_alive=False))
            return False
        answer, logged = self._server.decide(request)
        if self._server.latency:
            await asyncio.sleep(self._server.latency)
        if answer.status == 0:
            self._reset()
            return False
        await self._send(request, answer, logged)
        return request.keep_alive and answer.cut is None and answer.framing != "close"

    async def _send(self, request: ReceivedRequest, answer: Response, logged: Logged) -> None:
        head = answer.head(keep_alive=request.keep_alive)
        length = 0 if request.method == "HEAD" else answer.body.length
        length = length if answer.cut is None else min(length, answer.cut)
        first = length if answer.pause_at is None else min(length, answer.pause_at)
        if answer.pause_at is None:
            await self._pause(answer.pause)
        await self._write(head, answer, 0, first, logged)
        if first < length:
            await self._pause(answer.pause)
            await self._write(b"", answer, first, length, logged)
        if answer.framing == "chunked" and length == answer.body.length:
            self._writer.write(b"0\r\n\r\n")

    async def _pause(self, seconds: float) -> None:
        if math.isinf(seconds):
            await self._reader.read()  # returns when the client hangs up
            raise ConnectionAbortedError
        if seconds:
            await asyncio.sleep(seconds)

    async def _write(
        self, head: bytes, answer: Response, start: int, stop: int, logged: Logged
    ) -> None:
        """Write the head and the bytes `start` to `stop` of the body, at the server's pace."""
        bandwidth, body = self._server.bandwidth, answer.body
        length = PIECE if bandwidth is None else max(1, int(bandwidth / PIECES_PER_SECOND))
        if answer.drip:
            length = 1
            self._writer.write(head)
            head = b""
        clock = asyncio.get_running_loop().time
        due = clock()
        at = start
        while at < stop or head:
            data = body.read(body.start + at, body.start + min(at + length, stop))
            if bandwidth is not None:
                due += len(data) / bandwidth
                await asyncio.sleep(due - clock())
            if answer.drip:
                await asyncio.sleep(answer.drip)
            # Counted before it is written: a client in another thread may look at once.
            logged.sent += len(data)
            self._writer.write(head + _framed(data, answer))
            head = b""
            at += length
            if at < stop:
                await self._writer.drain()

    def _reset(self) -> None:
        sock: socket.socket = self._writer.get_extra_info("socket")
        # To linger for no time at all turns the closing into a reset.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def _framed(data: bytes, answer: Response) -> bytes:
    if answer.framing != "chunked" or not data:
        return data
    return b"%x\r\n%b\r\n" % (len(data), data)


@contextlib.contextmanager
def serve_in_thread(
    files: Mapping[str, Servable], **options: Unpack[Options]
) -> Generator[RangeServer]:
    """Run a `RangeServer` in a thread with an event loop of its own.

    It takes the options of `RangeServer`. While it runs, its log may be read, and its files, pace
    and faults may be changed. Where its share of the interpreter would spoil a measurement, run
    `python -m tinycog.testing.server DIR` in a process of its own.
    """
    server = RangeServer(files, **options)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        async with server:
            started.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()

    with ThreadPoolExecutor(1, "tinycog-testing-server") as pool:
        running = pool.submit(asyncio.run, run())
        either: list[Future[Any]] = [started, running]
        wait(either, return_when=FIRST_COMPLETED)
        if not started.done():
            running.result()  # raises what kept it from starting
        loop, stop = started.result()
        try:
            yield server
        finally:
            loop.call_soon_threadsafe(stop.set)
        running.result()
