"""One request and its right answer. No sockets here, only what HTTP says (RFC 9110, and nginx).

Of what nginx does, multipart answers are left out: a request for several ranges gets the whole
file, as RFC 9110 §14.2 allows. Accept-Ranges stands on every answer that has a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus
from typing import Literal
from urllib.parse import unquote

from tinycog.testing.server.content import Content, Shelf
from tinycog.tiff.ranges import ByteRange

_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))", re.IGNORECASE)
Framing = Literal["length", "chunked", "close"]
CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Range, ETag, Accept-Ranges",
}
"""What pages of other servers are allowed (WHATWG Fetch)."""

PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Range, If-Match, If-Range",
    "Access-Control-Max-Age": "86400",
}
"""What they are told before they send more than a plain request."""

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request head.

    Attributes:
        method: in capitals.
        name: path without its leading slash and query, unquoted.
        headers: by lower-case name.
        keep_alive: whether the connection stays open after the answer.

    """

    method: str
    name: str
    headers: Mapping[str, str]
    keep_alive: bool

    @classmethod
    def parse(cls, head: bytes) -> ReceivedRequest:
        """Read a request head.

        Raises:
            ValueError: it is not HTTP/1.

        """
        lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, version = lines[0].split(" ")
        if not version.startswith("HTTP/1."):
            message = f"{version!r} is not HTTP/1"
            raise ValueError(message)
        pairs = (line.split(":", 1) for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        keep_alive = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        name = unquote(target.partition("?")[0]).removeprefix("/")
        return cls(method, name, headers, keep_alive)


@dataclass(frozen=True, slots=True)
class ResponseBody:
    """Bytes `start` to `stop` (half-open) of a thing of `total` bytes that `read` reads."""

    read: Callable[[int, int], bytes]
    start: int
    stop: int
    total: int

    @classmethod
    def of(cls, data: bytes) -> ResponseBody:
        """The body that consists of `data`."""
        return cls(lambda start, stop: data[start:stop], 0, len(data), len(data))

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Response:
    """What the server sends, and how it fails to.

    Attributes:
        status: of the answer; 0 if the connection is reset instead.
        headers: all but Content-Length and Connection.
        body: its length is announced as Content-Length.
        cut: number of body bytes after which the connection is closed; None = not cut.
        pause: seconds to wait on the way; infinite = until the connection is closed.
        pause_at: number of body bytes that go before the pause; None = it comes before the head.
        drip: seconds before each single byte of the body; 0 = it goes as fast as it can.
        framing: how the body is framed: "length", "chunked", or "close" the connection.

    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: ResponseBody = field(default_factory=lambda: ResponseBody.of(b""))
    cut: int | None = None
    pause: float = 0.0
    pause_at: int | None = None
    drip: float = 0.0
    framing: Framing = "length"

    def head(self, *, keep_alive: bool) -> bytes:
        """The head as it goes over the wire."""
        lines = [f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.framing == "length":
            lines.append(f"Content-Length: {self.body.length}")
        elif self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        if not keep_alive or self.framing == "close":
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def content_range(part: ByteRange, total: int | str) -> str:
    """A Content-Range header: the wire counts the last byte in."""
    return f"bytes {part.start}-{part.stop - 1}/{total}"


@dataclass(frozen=True)
class RequestContext:
    """One request against the files as they are at this moment."""

    request: ReceivedRequest
    shelf: Shelf
    cors: bool = False

    @cached_property
    def content(self) -> Content | None:
        """The requested file."""
        return self.shelf.find(self.request.name)

    @cached_property
    def asked(self) -> ByteRange | None:
        """The range that was asked for, beyond the end if it said so; None if there is none.

        Open and suffix forms are resolved by the size of the file.
        """
        found = _RANGE.fullmatch(self.request.headers.get("range", ""))
        if found is None:
            return None
        size = 0 if self.content is None else self.content.size
        first, last, suffix = found.groups()
        if suffix is not None:
            return ByteRange(max(size - int(suffix), 0), size)
        return ByteRange(int(first), int(last) + 1 if last else max(size, int(first)))

    @cached_property
    def right(self) -> Response:
        """The answer of a server without faults."""
        answer = self._answer()
        if not self.cors or "origin" not in self.request.headers:
            return answer
        return replace(answer, headers={**answer.headers, **CORS_HEADERS})

    def _answer(self) -> Response:
        request, content = self.request, self.content
        if self.cors and request.method == "OPTIONS":
            return Response(204, PREFLIGHT_HEADERS)
        if request.method not in ("GET", "HEAD"):
            return Response(405, {"Allow": "GET, HEAD"})
        if content is None:
            return Response(404, {"Content-Type": "text/plain"}, ResponseBody.of(b"no such file\n"))
        match = request.headers.get("if-match")
        if match is not None and not _matches(match, content.etag):
            return Response(412)
        return self._in_range(content) if self._wants_part(content) else _whole(content)

    def _in_range(self, content: Content) -> Response:
        if self.asked is not None:
            part = ByteRange(self.asked.start, min(self.asked.stop, content.size))
            if part.length > 0:
                return _partial(content, part)
            # nginx says so: what starts at 0 and is empty can only be an empty file.
            if part.start == 0:
                return _whole(content)
        return Response(416, {"Content-Range": f"bytes */{content.size}"})

    def _wants_part(self, content: Content) -> bool:
        """Whether the Range header counts: its unit is known, and If-Range agrees."""
        text = self.request.headers.get("range", "").lower()
        if not text.startswith("bytes=") or "," in text:
            return False
        condition = self.request.headers.get("if-range")
        return condition is None or condition == content.modified or _strong(condition, content)


def _whole(content: Content) -> Response:
    return Response(
        200, _headers(content), ResponseBody(content.read, 0, content.size, content.size)
    )


def _partial(content: Content, part: ByteRange) -> Response:
    headers = {**_headers(content), "Content-Range": content_range(part, content.size)}
    return Response(206, headers, ResponseBody(content.read, *part, content.size))


def _headers(content: Content) -> dict[str, str]:
    headers = {
        "Content-Type": "image/tiff",
        "Accept-Ranges": "bytes",
        "Last-Modified": content.modified,
    }
    if content.etag is not None:
        headers["ETag"] = content.etag
    return headers


def _strong(condition: str, content: Content) -> bool:
    return condition == content.etag and not condition.startswith("W/")


def _matches(condition: str, etag: str | None) -> bool:
    """Whether an If-Match holds, by strong comparison: weak tags never match."""
    if etag is None or condition == "*":
        return etag is not None
    return not etag.startswith("W/") and etag in (tag.strip() for tag in condition.split(","))
