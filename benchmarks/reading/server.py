"""A lean range server in a process of its own: `python -m reading.server DIR`.

It must cost much less than any reader, so it does only what they need: HTTP/1.1 with keep-alive,
one range a request, bodies sent from mapped files. Only the last part of a path names a file, so
that /r1/a.tif and /r2/a.tif are the same bytes under names that no cache has seen.

    /__log             what was asked since the last clearing, as JSON
    /__clear           forget it
    /__link?ms=20&mbps=100    wait so long before each answer; share so many megabytes a second
    /__link?ms=20&each=25     each connection has so many of its own
"""

from __future__ import annotations

import argparse
import asyncio
import json
import mmap
import re
import sys
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, unquote

RANGE = re.compile(rb"\r\nrange:[ ]*bytes=(\d*)-(\d*)\r\n", re.IGNORECASE)
IF_MATCH = re.compile(rb"\r\nif-match:[ ]*([^\r]*)\r\n", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"
DRIP_SECONDS = 0.002
"""Seconds between the pieces of a body on a connection that has a rate of its own."""


@dataclass(frozen=True, slots=True)
class Served:
    """One file, mapped."""

    data: memoryview
    etag: bytes
    headers: bytes

    @classmethod
    def map(cls, path: Path) -> Served:
        """Map a file and make the headers that all its answers have."""
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        stat = path.stat()
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        modified = formatdate(stat.st_mtime, usegmt=True)
        headers = (
            f"ETag: {etag}\r\nLast-Modified: {modified}\r\nAccept-Ranges: bytes\r\n"
            "Content-Type: image/tiff\r\n"
        )
        return cls(data, etag.encode(), headers.encode())


@dataclass
class Site:
    """The files, the log, and how slow the link is."""

    root: Path
    seconds: float = 0.0
    bytes_per_second: float = 0.0
    bytes_per_second_each: float = 0.0
    free_at: float = 0.0
    connections: int = 0
    log: list[tuple[str, str, int, int, int]] = field(default_factory=list)
    files: dict[str, Served] = field(default_factory=dict)

    def find(self, path: str) -> Served | None:
        """The file that the last part of the path names."""
        name = path.rpartition("/")[2]
        if name not in self.files:
            on_disk = self.root / name
            if not name or not on_disk.is_file():
                return None
            self.files[name] = Served.map(on_disk)
        return self.files[name]

    def delay(self, now: float, length: int) -> float:
        """Seconds until the last byte of such an answer is through the link that all share."""
        if not self.bytes_per_second:
            return self.seconds
        self.free_at = max(self.free_at, now + self.seconds) + length / self.bytes_per_second
        return self.free_at - now

    def administer(self, path: str, query: str) -> bytes:
        """Carry out what a path that starts with /__ asks for."""
        if path == "/__log":
            return json.dumps({"log": self.log, "connections": self.connections}).encode()
        if path == "/__clear":
            self.log.clear()
            self.connections = 0
        elif path == "/__link":
            values = parse_qs(query)
            self.seconds = float(values.get("ms", ["0"])[0]) / 1000
            self.bytes_per_second = float(values.get("mbps", ["0"])[0]) * 1e6
            self.bytes_per_second_each = float(values.get("each", ["0"])[0]) * 1e6
        return b"{}"


class Connection(asyncio.Protocol):
    """One connection: requests are answered one after the other."""

    def __init__(self, site: Site, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for a request."""
        self.site, self.loop = site, loop
        self.waiting = bytearray()
        self.busy = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = cast("asyncio.Transport", transport)
        self.site.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Answers that are still to come go nowhere."""
        del exc
        self.transport = None

    def data_received(self, data: bytes) -> None:
        """Answer, unless the request is not whole or another one is under way."""
        self.waiting += data
        if not self.busy:
            self._next()

    def _next(self) -> None:
        end = self.waiting.find(HEAD_END)
        if end < 0 or self.transport is None:
            return
        head = bytes(self.waiting[: end + 2])
        del self.waiting[: end + 4]
        self.busy = True
        method, target, _ = head[: head.index(b"\r\n")].decode("latin-1").split(" ")
        path, _, query = target.partition("?")
        if path.startswith("/__"):
            self._send(_plain(b"200 OK"), memoryview(self.site.administer(path, query)))
            return
        line, body = self._answer(method, unquote(path), head)
        delay = self.site.delay(self.loop.time(), len(body))
        if delay:
            self.loop.call_later(delay, self._send, line, body)
        else:
            self._send(line, body)

    def _answer(self, method: str, path: str, head: bytes) -> tuple[bytes, memoryview]:
        served = self.site.find(path)
        nothing = memoryview(b"")
        if served is None:
            self.site.log.append((method, path, 0, 0, 0))
            return _plain(b"404 Not Found"), nothing
        wanted = IF_MATCH.search(head)
        if wanted and wanted[1] != b"*" and served.etag not in wanted[1]:
            return _plain(b"412 Precondition Failed"), nothing
        size = len(served.data)
        start, stop, status = _part(head, size)
        line = b"HTTP/1.1 " + status + b"\r\n" + served.headers
        if status.startswith(b"416"):
            line += b"Content-Range: bytes */%d\r\n" % size
        elif status.startswith(b"206"):
            line += b"Content-Range: bytes %d-%d/%d\r\n" % (start, stop - 1, size)
        if method == "HEAD":
            self.site.log.append((method, path, 0, 0, 0))
            return line + b"Content-Length: %d\r\n\r\n" % (stop - start), nothing
        self.site.log.append((method, path, start, stop, stop - start))
        body = served.data[start:stop]
        return line + b"Content-Length: %d\r\n\r\n" % len(body), body

    def _send(self, head: bytes, body: memoryview) -> None:
        rate = self.site.bytes_per_second_each
        if rate and head.endswith(HEAD_END):
            self._drip(head, body, rate, 0.0)
            return
        self._send_at_once(head, body)

    def _drip(self, head: bytes, body: memoryview, rate: float, since: float) -> None:
        """Send what of a body is due at that rate; the rest follows."""
        if self.transport is None:
            return
        now = self.loop.time()
        since = since or now - DRIP_SECONDS
        due = min(int((now - since) * rate), len(body))
        self.transport.writelines([head, body[:due]] if head else [body[:due]])
        if due < len(body):
            since += due / rate
            self.loop.call_later(DRIP_SECONDS, self._drip, b"", body[due:], rate, since)
            return
        self.busy = False
        if self.waiting:
            self._next()

    def _send_at_once(self, head: bytes, body: memoryview) -> None:
        self.busy = False
        if self.transport is None:
            return
        if head.endswith(b"\r\n\r\n"):
            self.transport.writelines([head, body] if len(body) else [head])
        else:
            self.transport.writelines([head + b"Content-Length: %d\r\n\r\n" % len(body), body])
        if self.waiting:
            self._next()


def _plain(status: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\n"


def _part(head: bytes, size: int) -> tuple[int, int, bytes]:
    """Start, stop and status of what is to be sent; several ranges count as none."""
    found = RANGE.search(head)
    if found is None or not (found[1] or found[2]):
        return 0, size, b"200 OK"
    if not found[1]:
        return max(size - int(found[2]), 0), size, b"206 Partial Content"
    start = int(found[1])
    stop = min(int(found[2]) + 1, size) if found[2] else size
    if start >= stop:
        return 0, 0, b"416 Range Not Satisfiable"
    return start, stop, b"206 Partial Content"


async def serve(root: Path) -> None:
    """Serve until standard input ends, which it does when the driver is gone."""
    loop = asyncio.get_running_loop()
    site = Site(root)
    server = await loop.create_server(lambda: Connection(site, loop), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    """Run under uvloop if it is there: it sends mapped bytes without copying them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    root = parser.parse_args().root
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        asyncio.run(serve(root))
    else:
        uvloop.run(serve(root))


if __name__ == "__main__":
    main()
