"""HTTP/1.1 as it is written (RFC 9112): heads of requests and responses, bodies. No I/O."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from tinycog.sources.http.errors import TransportError
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.urls import Url

FRAMING_HEADERS = frozenset(
    ("connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding")
)
"""Headers that say how to speak, not what is requested: a request with them is left to aiohttp."""

FIELD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*"

REQUEST = re.compile(rf"GET /[\x21-\x7e]* HTTP/1\.1\r\n(?:{FIELD}\r\n)+\r\n")

STATUS_AND_HEADERS = re.compile(
    rf"HTTP/1\.([01]) ([1-9][0-9]{{2}})(?: ([^\r\n]*))?((?:\r\n{FIELD})*)"
)

NAME_AND_VALUE = re.compile(r"\r\n([^:]+):[ \t]*((?:[^\r\n]*[^ \t\r\n])?)")
"""A line of `STATUS_AND_HEADERS`: its name, and its value without white space around."""

LENGTH = re.compile(r"[0-9]{1,18}")

CHUNK_LINE = rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?"
"""Size of a chunk, and its extensions, which are ignored."""

HEX_DIGITS = b"0123456789ABCDEFabcdef"

MAX_SIZE_DIGITS = 15
"""Digits of the size of a chunk, as `CHUNK_LINE` has them."""

CRLF = b"\r\n"

NO_CONTENT, NOT_MODIFIED = 204, 304
"""Statuses whose responses have no body, whatever their headers say."""

FIRST_FINAL_STATUS = 200
"""Below it responses are informational: they have no body, and another response follows."""

SWITCHING_PROTOCOLS = 101
"""The one informational status that is final: what follows is no HTTP."""

OVERHEAD_BYTES = 256 << 10
"""Bytes of a response besides its body, at most (http.head)."""

CHUNK_OVERHEAD = 8
"""Further bytes besides the body for each byte of it: chunks of one byte take five."""

TOO_MANY_BYTES = "the response holds too many bytes besides its body"


class ResponseHead(NamedTuple):
    """Head of a response.

    Attributes:
        length: bytes of its body; None if that ends with its last chunk or with the connection.
        is_chunked: whether it ends with its last chunk.
        keeps: whether the connection may be used again afterwards.
    """

    status: int
    reason: str
    headers: Fields
    length: int | None
    is_chunked: bool
    keeps: bool

    @property
    def is_interim(self) -> bool:
        """Return whether another response follows (RFC 9110, section 15.2)."""
        return self.status < FIRST_FINAL_STATUS and self.status != SWITCHING_PROTOCOLS


def request_head(url: Url, headers: Fields) -> bytes | None:
    """Write a GET without a body; None if it is not as plain as that."""
    lines = [f"GET {url.path} HTTP/1.1", f"Host: {url.authority}"]
    for name, value in headers.items():
        if name.lower() in FRAMING_HEADERS:
            return None
        lines.append(f"{name}: {value}")
    text = "\r\n".join([*lines, "", ""])
    # no value may bring a line of its own
    is_plain = text.count("\n") == len(lines) + 1 and REQUEST.fullmatch(text) is not None
    return text.encode() if is_plain else None


def parse_head(data: bytes) -> ResponseHead | None:
    """Parse a head, without its last empty line.

    None if it is not plain HTTP/1, or if its headers disagree on where the body ends.
    """
    found = STATUS_AND_HEADERS.fullmatch(data.decode("utf-8", "surrogateescape"))  # as aiohttp does
    if found is None:
        return None
    version, status, reason, lines = found.groups()
    headers = Fields(NAME_AND_VALUE.findall(lines))
    return _framed(int(status), reason or "", headers, is_1_1=version == "1")


def _framed(status: int, reason: str, headers: Fields, *, is_1_1: bool) -> ResponseHead | None:
    """Find out where the body ends (RFC 9112, section 6.3)."""
    lengths, codings = headers.get_all("Content-Length"), headers.get_all("Transfer-Encoding")
    is_bodiless = status < FIRST_FINAL_STATUS or status in (NO_CONTENT, NOT_MODIFIED)
    if is_bodiless:
        length, is_chunked = 0, False
    elif lengths:
        if len(lengths) > 1 or codings or LENGTH.fullmatch(lengths[0]) is None:
            return None  # two truths at least: the next response would be read at the wrong place
        length, is_chunked = int(lengths[0]), False
    else:
        last = codings[-1].rpartition(",")[2] if codings else ""
        length, is_chunked = None, last.strip().lower() == "chunked"
    closes = not is_1_1 or "close" in (headers.get("Connection") or "").lower()
    keeps = not closes and (length is not None or is_chunked)
    return ResponseHead(status, reason, headers, length, is_chunked, keeps)


class BodyDecoder(Protocol):
    """Finds the bytes of a body among those of a connection.

    Attributes:
        is_complete: whether the body has ended.
        has_surplus: whether bytes came after its end.
        may_end: whether the connection may end here.
    """

    @property
    def is_complete(self) -> bool: ...  # noqa: D102 - above

    @property
    def has_surplus(self) -> bool: ...  # noqa: D102 - above

    @property
    def may_end(self) -> bool: ...  # noqa: D102 - above

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the connection; return those of the body among them.

        Raises:
            TransportError: they are no such body.
        """
        ...


def body_decoder(head: ResponseHead) -> BodyDecoder:
    """Return what decodes the body of a response."""
    return ChunkedDecoder() if head.is_chunked else IdentityDecoder(head.length)


class IdentityDecoder:
    """A body that lies on the connection as it is: so many bytes, or all until its end."""

    def __init__(self, length: int | None) -> None:
        """Expect so many bytes; None: until the connection ends."""
        self._left = length
        self.has_surplus = False

    @property
    def is_complete(self) -> bool:
        """Return whether all bytes have come."""
        return self._left == 0

    @property
    def may_end(self) -> bool:
        """Return whether the end of the connection is the end of the body."""
        return self._left is None

    def feed(self, data: bytes) -> bytes:
        """Return the bytes that are of the body."""
        if self._left is None:
            return data
        self.has_surplus = len(data) > self._left
        body = data[: self._left]
        self._left -= len(body)
        return body


class ChunkedDecoder:
    """A body in chunks (RFC 9112, section 7.1); extensions and trailers are ignored, in bounds.

    Attributes:
        is_complete: whether the last trailer has come.
    """

    may_end = False

    def __init__(self) -> None:
        """Expect the size of the first chunk."""
        self.is_complete = False
        self._pending = b""
        self._left = 0
        self._at_end_of_chunk = False
        self._in_trailers = False
        self._overhead = 0
        self._body = 0

    @property
    def has_surplus(self) -> bool:
        """Return whether bytes came after the trailers."""
        return self.is_complete and bool(self._pending)

    def feed(self, data: bytes) -> bytes:
        """Return the bytes that are of the body.

        Raises:
            TransportError: they are no chunks, or there is too much besides the body.
        """
        if self._pending:
            data = self._pending + data
        found: list[bytes] = []
        at = 0
        while not self.is_complete:
            if self._left:
                chunk = data[at : at + self._left]
                at += len(chunk)
                self._left -= len(chunk)
                found.append(chunk)
                if self._left:
                    break
                if data.startswith(CRLF, at):  # else it has not come, or is none
                    at += len(CRLF)
                    self._overhead += len(CRLF)
                    self._at_end_of_chunk = False
            else:
                end = data.find(CRLF, at)
                if end < 0:
                    break
                self._read_line(data[at:end])
                at = end + len(CRLF)
        self._pending = data[at:]
        return self._bounded(b"".join(found))

    def _bounded(self, body: bytes) -> bytes:
        """Hold what came besides the body against it."""
        self._body += len(body)
        waiting = 0 if self.is_complete else len(self._pending)
        if self._overhead + waiting > OVERHEAD_BYTES + CHUNK_OVERHEAD * self._body:
            raise TransportError(TOO_MANY_BYTES)
        return body

    def _read_line(self, line: bytes) -> None:
        """Take a line that is not of the body."""
        self._overhead += len(line) + len(CRLF)
        if self._at_end_of_chunk:
            self._at_end_of_chunk = False
            if line:
                message = "a chunk of the response is longer than its size"
                raise TransportError(message)
        elif self._in_trailers:
            self.is_complete = not line
        else:
            self._begin_chunk(line)

    def _begin_chunk(self, line: bytes) -> None:
        if len(line) > MAX_SIZE_DIGITS or line.translate(None, HEX_DIGITS) or not line:
            found = re.fullmatch(CHUNK_LINE, line)
            if found is None:
                message = "the response holds a chunk without a size"
                raise TransportError(message)
            line = found[1]
        self._left = int(line, 16)
        self._in_trailers = self._left == 0
        self._at_end_of_chunk = self._left > 0
