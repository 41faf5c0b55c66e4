"""What the head of an answer says: pure, over status and headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from tinycog.buffer import ByteRange
from tinycog.errors import (
    AccessDeniedError,
    NotFoundError,
    RangeMismatchError,
    RangeNotSatisfiableError,
    RangeUnsupportedError,
    SourceBusyError,
    SourceChangedError,
    SourceError,
)

CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
UNSATISFIED = re.compile(r"bytes \*/(\d{1,18})")
STRONG = re.compile(r'"[\x21\x23-\x7e]*"')

REFUSALS: dict[int, tuple[type[SourceError], str]] = {
    200: (RangeUnsupportedError, "the server ignores ranges and sent the whole object"),
    401: (AccessDeniedError, "access needs credentials"),
    403: (AccessDeniedError, "access is denied"),
    404: (NotFoundError, "there is no such object"),
    410: (NotFoundError, "the object is gone"),
    416: (RangeNotSatisfiableError, "the range lies outside the object"),
    429: (SourceBusyError, "the server is asked too much"),
    503: (SourceBusyError, "the server is asked too much"),
}
"""What answers other than 206 mean (http.status.whole, http.status.denied, http.status.missing,
http.status.unsatisfiable, http.status.busy); any other is a refusal (http.status.other)."""

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be others a little later (http.retry)."""


def refusal(
    url: str, part: ByteRange, status: int, reason: str | None, headers: Mapping[str, str]
) -> SourceError:
    """The error that a status other than 206 is."""
    kind, text = REFUSALS.get(status, (SourceError, "the server refused"))
    told = f"HTTP {status} {reason or ''}".strip()
    message = f"{text} ({told})"
    error = kind(message, url=url, range=part)
    error.status = status
    error.may_pass = status in PASSING
    error.retry_after = headers.get("Retry-After")
    if isinstance(error, RangeNotSatisfiableError):
        found = UNSATISFIED.fullmatch(headers.get("Content-Range", "").strip())
        error.size = None if found is None else int(found[1])
    return error


def changed(url: str, part: ByteRange, pin: str, headers: Mapping[str, str]) -> SourceChangedError:
    """The error that a 412 is: the generation that was wanted is no more (http.pin.match)."""
    found = headers.get("ETag")
    told = "" if found is None else f", now {found}"
    message = f"the object has changed since it was opened: its generation was {pin}{told}"
    error = SourceChangedError(f"{message} (HTTP 412)", url=url, range=part)
    error.status = HTTPStatus.PRECONDITION_FAILED
    error.expected, error.found = pin, found
    return error


def is_identity(headers: Mapping[str, str]) -> bool:
    """Whether the body is the object's own bytes (http.range.identity)."""
    return headers.get("Content-Encoding", "identity").strip().lower() in ("identity", "")


def check_identity(url: str, part: ByteRange, headers: Mapping[str, str]) -> None:
    """Refuse a part that is compressed.

    Raises:
        RangeMismatchError: it is.
    """
    if not is_identity(headers):
        coding = headers.get("Content-Encoding")
        message = f"the server sent Content-Encoding {coding}, which ranges cannot have"
        raise RangeMismatchError(message, url=url, range=part)


def sent_range(
    url: str, part: ByteRange, headers: Mapping[str, str]
) -> tuple[ByteRange, int | None]:
    """Which bytes were sent, and the object's size (http.range.content-range).

    Raises:
        RangeMismatchError: not those that were asked.
    """
    told = headers.get("Content-Range", "")
    sent, size = _content_range(told)
    if sent is None or not _answers(part, sent, size):
        message = f"the server sent Content-Range {told!r}, not the range that was asked"
        raise RangeMismatchError(message, url=url, range=part)
    return sent, sent.stop if size is None and sent.stop < part.stop else size


def generation(headers: Mapping[str, str]) -> str | None:
    """What names this state of the object: a strong ETag, else Last-Modified (http.pin)."""
    etag = headers.get("ETag", "W/")
    return headers.get("Last-Modified") if etag.startswith("W/") else etag


def _content_range(told: str) -> tuple[ByteRange | None, int | None]:
    """What was sent, if it can be read, and the object's size."""
    found = CONTENT_RANGE.fullmatch(told.strip())
    if found is None:
        return None, None
    size = None if found[3] == "*" else int(found[3])
    return ByteRange(int(found[1]), int(found[2]) + 1), size


def _answers(part: ByteRange, sent: ByteRange, size: int | None) -> bool:
    """Whether it is what was asked, or all of it that the object has (http.range.short)."""
    if size is None:
        return sent.start == part.start < sent.stop <= part.stop
    return sent == (part.start, min(part.stop, size)) and sent.length > 0
