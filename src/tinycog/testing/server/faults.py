"""Scripted faults: how a server can answer other than it should."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from tinycog.buffer import ByteRange
from tinycog.testing.server.content import Content, Source
from tinycog.testing.server.exchange import Answer, Body, Exchange, Stall, content_range


class When(TypedDict, total=False):
    """Which requests a fault hits; every constructor of `Fault` takes these.

    Attributes:
        path: name of the file, as in `RangeServer(files)`; None = any.
        times: how many requests it hits, 1 if not given; None = for ever.
        after: how many requests that it could hit pass first, 0 if not given.
    """

    path: str | None
    times: int | None
    after: int


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to answer wrongly, and which requests it hits.

    Made by its constructors: `Fault.status(503, times=2)`, `Fault.short_body(100)`. Those that
    falsify a range pass by every request whose right answer is not a 206.

    Attributes:
        kind: what goes wrong, for people.
        alter: makes the answer that is sent.
        ranges_only: whether it passes by all but 206 answers.
        path, times, after: see `When`.
    """

    kind: str
    alter: Callable[[Exchange], Answer] = field(repr=False)
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
        answer = Answer(code, headers or {}, Body.of(body))
        return cls(kind=f"status {code}", alter=lambda _: answer, **when)

    @classmethod
    def redirect(cls, location: str, *, code: int = 302, **when: Unpack[When]) -> Fault:
        """Send the client to another URL."""
        return cls.status(code, headers={"Location": location}, **when)

    @classmethod
    def reset(cls, **when: Unpack[When]) -> Fault:
        """Reset the connection (TCP RST) before any answer."""
        return cls(kind="reset", alter=lambda _: Answer(0), **when)

    @classmethod
    def stall(
        cls, seconds: float | None = None, *, after: int | None = None, **when: Unpack[StallWhen]
    ) -> Fault:
        """Placeholder."""
        raise NotImplementedError
