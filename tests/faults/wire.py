"""A server on loopback that says byte by byte what a fault wants."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

HOST = "127.0.0.1"
ETAG = '"v1"'
MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"
RANGE = re.compile(r"range: *bytes=(\d+)-(\d+)", re.IGNORECASE)


class HungUpError(Exception):
    """The connection is over, as the fault wants it."""


@dataclass
class Talk:
    """One request, and the ways to answer it.

    Attributes:
        file: what is served.
        number: of the request, from 1, of all connections.
        text: head of the request.
        start, stop: the bytes asked, half-open, as far as the file reaches.
        state: a fault may keep something here between requests.
    """

    wire: Wire
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    text: str
    state: dict[str, object] = field(default_factory=dict[str, object])

    def __post_init__(self) -> None:
        found = RANGE.search(self.text)
        size = len(self.file)
        self.start, self.stop = (
            (int(found[1]), min(int(found[2]) + 1, size)) if found else (0, size)
        )

    @property
    def file(self) -> bytes:
        return self.wire.file

    @property
    def body(self) -> bytes:
        return self.file[self.start : self.stop]

    @property
    def path(self) -> str:
        return self.text.split(" ")[1]

    def head(self, status: str = "206 Partial Content", *more: str, **headers: object) -> bytes:
        """A head: that of the right answer but for `headers` (None: leave one out)."""
        told: dict[str, object] = {
            "Content-Range": f"bytes {self.start}-{self.stop - 1}/{len(self.file)}",
            "Content-Length": self.stop - self.start,
            "ETag": ETAG,
            "Last-Modified": MODIFIED,
            "Content-Type": "image/tiff",
        }
        told.update({name.replace("_", "-"): value for name, value in headers.items()})
        lines = [f"{name}: {value}" for name, value in told.items() if value is not None]
        return "\r\n".join([f"HTTP/1.1 {status}", *lines, *more, "", ""]).encode("latin-1")

    def right(self) -> bytes:
        return self.head() + self.body

    async def send(self, *data: bytes) -> None:
        self.writer.write(b"".join(data))
        await self.writer.drain()

    async def drip(self, data: bytes, seconds: float = 0.02) -> None:
        for i in range(len(data)):
            await self.send(data[i : i + 1])
            await asyncio.sleep(seconds)

    async def flood(self, data: bytes) -> None:
        """Send it again and again, until nobody takes it any more."""
        block = data * max(1, 65536 // len(data))
        while True:
            await self.send(block)
            await asyncio.sleep(0)

    async def wait(self) -> None:
        """Say nothing until the other side hangs up."""
        while await self.reader.read(65536):
            pass
        raise HungUpError

    def close(self) -> None:
        """Hang up."""
        raise HungUpError

    def reset(self) -> None:
        """Hang up rudely."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise HungUpError


ENDS = (HungUpError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)

Handler = Callable[[Talk], Awaitable[None]]


class Wire:
    """A server of one file; `handler` answers every request.

    Attributes:
        requests: how many have come.
        greeting: what is sent to each new connection before it asks; None hangs up at once.
    """

    scheme = "http"

    def __init__(self, file: bytes, handler: Handler, greeting: bytes | None = b"") -> None:
        self.file = file
        self.requests = 0
        self.greeting = greeting
        self._handler = handler
        self._state: dict[str, object] = {}
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.errors: list[BaseException] = []

    @property
    def url(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}/a.tif"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0, limit=1 << 20)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task, writer in list(self._open.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._open[task] = writer
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.errors.append(error)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(*ENDS):
            if self.greeting is None:
                return writer.close()
            writer.write(self.greeting)
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                text = head.decode("latin-1")
                await self._handler(Talk(self, reader, writer, self.requests, text, self._state))
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return None


class Refusing(Wire):
    """Nobody listens there."""

    async def __aenter__(self) -> Self:
        with socket.socket() as unused:
            unused.bind((HOST, 0))
            self.port = unused.getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class Deaf(Wire):
    """It listens, but accepts nobody: its queue is full."""

    async def __aenter__(self) -> Self:
        self._listening = socket.socket()
        self._listening.bind((HOST, 0))
        self._listening.listen(0)
        self.port = self._listening.getsockname()[1]
        self._queued = [socket.socket() for _ in range(4)]
        for one in self._queued:
            one.settimeout(0)
            one.connect_ex((HOST, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in (*self._queued, self._listening):
            one.close()


class Encrypting(Wire):
    """Its url says https, but it does not speak TLS."""

    scheme = "https"
