"""What a server answered to the requests of a `probe`, as far as rules look at it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tinycog.sources.http.header_fields import Fields


class ServerAnswer(NamedTuple):
    """The answer of a server to one request.

    Attributes:
        told: "HTTP 206 Partial Content", or why there is no answer; without secrets.
        status: of it; 0 if there is none.
        headers: of it, without Location; values as they may be shown.
        mismatch: why a 206 does not hold the bytes that were asked; "" if it does.
        size: of the object, if the answer tells it.
        body: the first bytes of it.
        is_coded: whether the body is compressed, or changed in other ways.
        may_pass: whether the same request may be answered otherwise in a moment.
        keeps: whether the connection stays open; None if that is not known.
        hops: servers to which redirects led, in order.
    """

    told: str
    status: int = 0
    headers: Fields = Fields()
    mismatch: str = ""
    size: int | None = None
    body: bytes = b""
    is_coded: bool = False
    may_pass: bool = False
    keeps: bool | None = None
    hops: tuple[str, ...] = ()

    def shown(self, name: str) -> str:
        """Return a header for a message: its name and value, or that it is not there."""
        values = ", ".join(self.headers.get_all(name))
        return f"{name}: {values}" if values else f"no {name}"

    def words(self, name: str) -> set[str]:
        """Return the words of a header that is a list, in lower case."""
        listed = ",".join(self.headers.get_all(name)).split(",")
        return {word.strip().lower() for word in listed} - {""}

    @property
    def strong_etag(self) -> str | None:
        """The ETag, if it is a strong one."""
        etag = self.headers.get("ETag") or ""
        return etag if etag.startswith('"') else None


@dataclass
class ServerFacts:
    """The answers of a server to all requests of a probe; None where one was not sent.

    Attributes:
        base: scheme, host and port of the url.
        origin: the page that a browser would name.
        first: a range from byte 0, with Origin; nothing is to be compressed.
        head: HEAD.
        preflight: OPTIONS, as browsers ask whether they may send Range.
        size: of the object, if one of these tells it.
        start: first byte of `second`, which lies inside of `first`.
        second: a range that overlaps it, with If-Match and leave to compress, as browsers send it.
        other: a range on condition of an ETag that the object does not have.
        suffix: the last bytes.
        beyond: a range behind the end.
        several: two ranges at once.
    """

    base: str
    origin: str
    first: ServerAnswer
    head: ServerAnswer
    preflight: ServerAnswer
    size: int | None
    start: int
    second: ServerAnswer | None = None
    other: ServerAnswer | None = None
    suffix: ServerAnswer | None = None
    beyond: ServerAnswer | None = None
    several: ServerAnswer | None = None
