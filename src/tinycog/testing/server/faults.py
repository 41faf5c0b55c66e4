"""Scripted faults: how a server can answer other than it should."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from tinycog.testing.server.content import Servable
from tinycog.testing.server.exchange import (
    Framing,
    RequestContext,
    Response,
    ResponseBody,
    content_range,
)
from tinycog.tiff.ranges import ByteRange


class When(TypedDict, total=False):
    """Which requests a fault hits; every constructor of `Fault` takes these.

    Attributes:
        path: name of the file, as in `RangeServer(files)`; None (the default) = any.
        times: how many requests it hits (default 1); None = for ever.
        after: how many requests that it could hit pass first (default 0).
    """

    path: str | None
    times: int | None
    after: int


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to answer wrongly, and which requests it hits.

    Made by its constructors: `Fault.status(503, times=2)`, `Fault.short_body(100, after=1)`. Those
    that falsify a range pass by every request whose right answer is not a 206.

    Attributes:
        kind: what goes wrong, for people.
        alter: makes the answer that is sent.
        ranges_only: whether it passes by all but 206 answers.
        path, times, after: see `When`.
    """

    kind: str
    alter: Callable[[RequestContext], Response] = field(repr=False)
    ranges_only: bool = False
    path: str | None = None
    times: int | None = 1
    after: int = 0

    @classmethod
    def status(
        cls,
        code: int,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"scripted fault\n",
        **when: Unpack[When],
    ) -> Fault:
        """Answer with this status, further headers (Retry-After) and a short body."""
        answer = Response(code, headers or {}, ResponseBody.of(body))
        return cls(kind=f"status {code}", alter=lambda _: answer, **when)

    @classmethod
    def redirect(cls, location: str, *, code: int = 302, **when: Unpack[When]) -> Fault:
        """Send the client to another URL."""
        return cls.status(code, headers={"Location": location}, **when)

    @classmethod
    def reset(cls, **when: Unpack[When]) -> Fault:
        """Reset the connection (TCP RST) before any answer."""
        return cls(kind="reset", alter=lambda _: Response(0), **when)

    @classmethod
    def stall(
        cls, seconds: float = math.inf, *, at: int | None = None, **when: Unpack[When]
    ) -> Fault:
        """Pause before the head, or after `at` bytes of the body, then go on.

        Infinite `seconds`: until the client or the server closes the connection.
        """

        def alter(exchange: RequestContext) -> Response:
            return replace(exchange.right, pause=seconds, pause_at=at)

        return cls(kind="stall", alter=alter, **when)

    @classmethod
    def drip(cls, seconds: float, **when: Unpack[When]) -> Fault:
        """Send the body byte by byte, with a pause of so many seconds before each."""
        return cls(kind="drip", alter=lambda e: replace(e.right, drip=seconds), **when)

    @classmethod
    def unframed(
        cls, framing: Framing = "close", *, cut: int | None = None, **when: Unpack[When]
    ) -> Fault:
        """Do not tell the length of the body: it is "chunked", or ends as the connection closes.

        With `cut`, that is after so many bytes of it.
        """

        def alter(exchange: RequestContext) -> Response:
            return replace(exchange.right, framing=framing, cut=cut)

        return cls(kind="unframed", alter=alter, **when)

    @classmethod
    def headers(cls, headers: Mapping[str, str | None], **when: Unpack[When]) -> Fault:
        """Send these headers too, or instead; None: leave one out."""

        def alter(exchange: RequestContext) -> Response:
            merged = {**exchange.right.headers, **headers}
            kept = {name: value for name, value in merged.items() if value is not None}
            return replace(exchange.right, headers=kept)

        return cls(kind="headers", alter=alter, **when)

    @classmethod
    def short_body(cls, length: int, **when: Unpack[When]) -> Fault:
        """Promise the whole body, but close the connection after `length` bytes of it.

        With a `length` past the body, the answer is whole and only keep-alive is broken.
        """
        return cls(kind="short_body", alter=lambda e: replace(e.right, cut=length), **when)

    @classmethod
    def change(cls, source: Servable, **when: Unpack[When]) -> Fault:
        """Swap the file that is asked for, for good, before answering; it gets a new ETag."""

        def alter(exchange: RequestContext) -> Response:
            exchange.shelf.files[exchange.request.name] = source
            return RequestContext(exchange.request, exchange.shelf, exchange.cors).right

        return cls(kind="change", alter=alter, **when)

    @classmethod
    def ignore_range(cls, **when: Unpack[When]) -> Fault:
        """Answer 200 with the whole file."""
        return cls._on_ranges("ignore_range", _whole, when)

    @classmethod
    def wrong_range(cls, shift: int, **when: Unpack[When]) -> Fault:
        """Send the range `shift` bytes further on, and say so in Content-Range."""
        return cls._on_ranges("wrong_range", lambda right: _moved(right, shift), when)

    @classmethod
    def lying_range(cls, shift: int, **when: Unpack[When]) -> Fault:
        """Send bytes from `shift` bytes further on (wrapped round), labelled as what was asked."""

        def alter(right: Response) -> Response:
            return replace(right, body=_from_elsewhere(right.body, shift))

        return cls._on_ranges("lying_range", alter, when)

    @classmethod
    def mislabelled_range(cls, shift: int, **when: Unpack[When]) -> Fault:
        """Send the bytes that were asked for, but a Content-Range `shift` bytes further on."""

        def alter(right: Response) -> Response:
            part = ByteRange(right.body.start + shift, right.body.stop + shift)
            return _labelled(right, content_range(part, right.body.total + max(shift, 0)))

        return cls._on_ranges("mislabelled_range", alter, when)

    @classmethod
    def short_answer(cls, length: int, **when: Unpack[When]) -> Fault:
        """Send at most `length` bytes (one or more), and say so in Content-Range: this is legal."""

        def alter(right: Response) -> Response:
            body = right.body
            return _resized(right, min(body.start + length, body.stop))

        return cls._on_ranges("short_answer", alter, when)

    @classmethod
    def long_body(cls, extra: int, **when: Unpack[When]) -> Fault:
        """Send `extra` bytes more than Content-Range says; Content-Length counts them."""

        def alter(right: Response) -> Response:
            data = right.body.read(right.body.start, right.body.stop)
            return replace(right, body=ResponseBody.of(data + bytes(extra)))

        return cls._on_ranges("long_body", alter, when)

    @classmethod
    def no_total(cls, **when: Unpack[When]) -> Fault:
        """Do not tell the size of the file: `bytes 0-9/*`."""

        def alter(right: Response) -> Response:
            part = ByteRange(right.body.start, right.body.stop)
            return _labelled(right, content_range(part, "*"))

        return cls._on_ranges("no_total", alter, when)

    @classmethod
    def bad_content_range(cls, text: str | None = "bytes 0--1/0", **when: Unpack[When]) -> Fault:
        """Send this text as Content-Range; None: no such header. The default has been seen."""
        return cls._on_ranges("bad_content_range", lambda right: _labelled(right, text), when)

    @classmethod
    def multipart(cls, **when: Unpack[When]) -> Fault:
        """Send the range as the one part of a multipart/byteranges, which RFC 9110 forbids."""

        def alter(right: Response) -> Response:
            told = right.headers["Content-Range"]
            head = f"--part\r\nContent-Type: image/tiff\r\nContent-Range: {told}\r\n\r\n"
            data = right.body.read(right.body.start, right.body.stop)
            body = ResponseBody.of(b"%b%b\r\n--part--\r\n" % (head.encode(), data))
            headers = {**right.headers, "Content-Type": "multipart/byteranges; boundary=part"}
            return replace(_labelled(replace(right, headers=headers), None), body=body)

        return cls._on_ranges("multipart", alter, when)

    @classmethod
    def gzip(cls, *, whole: bool = False, **when: Unpack[When]) -> Fault:
        """Compress the range, as Caddy does, or the `whole` file as a 200, as nginx does."""

        def alter(right: Response) -> Response:
            answer = _whole(right) if whole else right
            data = gzip.compress(answer.body.read(answer.body.start, answer.body.stop), mtime=0)
            headers = {**answer.headers, "Content-Encoding": "gzip"}
            return replace(answer, headers=headers, body=ResponseBody.of(data))

        return cls._on_ranges("gzip", alter, when)

    @classmethod
    def _on_ranges(cls, kind: str, falsify: Callable[[Response], Response], when: When) -> Fault:
        return cls(kind=kind, alter=lambda e: falsify(e.right), ranges_only=True, **when)


class Script:
    """Faults in their order, and how often each may still strike."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Start with all faults fresh."""
        self._lines = [_Line(fault, fault.after, fault.times) for fault in faults]

    def answer(self, exchange: RequestContext) -> Response:
        """The answer of the first fault that strikes, else the right one."""
        for line in self._lines:
            if line.strikes(exchange):
                return line.fault.alter(exchange)
        return exchange.right


@dataclass
class _Line:
    fault: Fault
    passes: int
    hits: int | None

    def strikes(self, exchange: RequestContext) -> bool:
        """Whether this fault takes the request; counts it as a pass or a hit."""
        fault = self.fault
        if self.hits == 0 or fault.path not in (None, exchange.request.name):
            return False
        if fault.ranges_only and exchange.right.status != 206:  # noqa: PLR2004
            return False
        if self.passes:
            self.passes -= 1
            return False
        if self.hits is not None:
            self.hits -= 1
        return True


# --- false answers -------------------------------------------------------------------------------


def _labelled(right: Response, text: str | None) -> Response:
    """The same body under another Content-Range, or none."""
    headers = {name: value for name, value in right.headers.items() if name != "Content-Range"}
    if text is not None:
        headers["Content-Range"] = text
    return replace(right, headers=headers)


def _whole(right: Response) -> Response:
    body = replace(right.body, start=0, stop=right.body.total)
    return replace(_labelled(right, None), status=200, body=body)


def _resized(right: Response, stop: int) -> Response:
    part = ByteRange(right.body.start, stop)
    labelled = _labelled(right, content_range(part, right.body.total))
    return replace(labelled, body=replace(right.body, stop=stop))


def _moved(right: Response, shift: int) -> Response:
    """Another range, honestly labelled, as far as the file reaches."""
    body = right.body
    start = min(max(body.start + shift, 0), body.total - 1)
    stop = min(max(body.stop + shift, start + 1), body.total)
    labelled = _labelled(right, content_range(ByteRange(start, stop), body.total))
    return replace(labelled, body=replace(body, start=start, stop=stop))


def _from_elsewhere(body: ResponseBody, shift: int) -> ResponseBody:
    """As many bytes from `shift` bytes further on, from the beginning again after the end."""
    start = (body.start + shift) % body.total
    data = body.read(start, min(start + body.length, body.total))
    return ResponseBody.of(data + body.read(0, body.length - len(data)))
