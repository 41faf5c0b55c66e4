"""Checks of a response: its status, range and generation, from its head alone. No I/O."""

from __future__ import annotations

import re

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
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.redact import redact_line
from tinycog.tiff.ranges import ByteRange

CONTENT_RANGE = re.compile(
    r"bytes[ =\t]+(\d{1,18})[ \t]*-[ \t]*(\d{1,18})[ \t]*(?:/[ \t]*(\d{1,18}|\*))?",
    re.ASCII | re.IGNORECASE,
)
"""As servers write it: in any case, with = as in a request, with blanks, or without the size."""

CODED = frozenset({"content-encoding", "transfer-encoding", "im"})
"""Headers that tell what was done to the object's bytes."""

NO_CODINGS = frozenset({"", "identity", "none", "binary", "8bit", "utf-8", "utf8", "aws-chunked"})
"""Labels of bodies that are not coded; stores keep those that they were given."""

OK, FORBIDDEN, PRECONDITION_FAILED = 200, 403, 412

REDIRECTED = (301, 307)
"""Statuses by which S3 says that a bucket is elsewhere."""

UNSATISFIED = re.compile(r"bytes \*/(\d{1,18})", re.ASCII)

STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')

REFUSALS: dict[int, tuple[type[SourceError], str]] = {
    200: (RangeUnsupportedError, "the server ignores ranges and sent the whole object"),
    401: (AccessDeniedError, "access needs credentials"),
    403: (AccessDeniedError, "access is denied"),
    404: (NotFoundError, "there is no such object"),
    407: (SourceError, "the proxy needs a user and password"),
    410: (NotFoundError, "the object is gone"),
    416: (RangeNotSatisfiableError, "the range lies outside the object"),
    429: (SourceBusyError, "the server is overloaded or limits requests"),
    503: (SourceBusyError, "the server is overloaded or limits requests"),
}
"""What statuses other than 206 mean (http.status.whole, http.status.denied, http.status.missing,
http.status.unsatisfiable, http.status.busy); any other is a refusal (http.status.other)."""

TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504, 507, 509, *range(520, 531), 598, 599))
"""Statuses that are transient (http.retry); those that RFC 9110 does not know are of proxies."""

TRANSIENT_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable"})
"""Codes of stores that are transient, whatever the status (http.retry)."""

STORE_ERROR = re.compile(
    r"<Code>([^<]*)</Code>(?:.*?<Message>([^<]*)</Message>)?"
    r'|"code"\s*:\s*"?([^",}]*)"?(?:.*?"message"\s*:\s*"([^"]*)")?',
    re.DOTALL,
)
"""Code and message of an error of S3, Google's and Azure's stores: XML or JSON."""

GENERATIONS = ("x-goog-generation", "x-amz-version-id")
"""Headers by which object stores name a generation besides ETag; "null" is not a name."""


def refusal(
    url: str,
    part: ByteRange,
    status: int,
    reason: str | None,
    headers: Fields,
    body: bytes = b"",
) -> SourceError:
    """Return the error for a status other than 206; `body` may say more about it."""
    kind, text = REFUSALS.get(status, (SourceError, "the server refused"))
    shown = f"HTTP {status} {redact_line(reason or '')}".strip()
    code, told = _store_error(body)
    region = headers.get("x-amz-bucket-region") if status in REDIRECTED else None
    where = "" if region is None else f"; the bucket is in {redact_line(region)}"
    message = f"{text} ({shown}{told}{where})"
    error = kind(message, url=url, range=part)
    error.status = status
    error.retry_after, error.date = headers.get("Retry-After"), headers.get("Date")
    is_limited = status == FORBIDDEN and error.retry_after is not None
    error.may_pass = status in TRANSIENT or code in TRANSIENT_CODES or is_limited
    if status == OK:  # a proxy that fetches the object may send it whole, once
        error.may_pass, error.most_tries = True, 2
    if isinstance(error, RangeNotSatisfiableError):
        found = UNSATISFIED.fullmatch(_one(headers, "Content-Range").strip())
        error.size = None if found is None else int(found[1])
    return error


def changed(url: str, part: ByteRange, pin: str, headers: Fields) -> SourceChangedError:
    """The error that a 412 is: the generation that was wanted is no more (http.pin.match)."""
    found = headers.get("ETag")
    told = "" if found is None else f", now {redact_line(found)}"
    message = f"the object has changed since it was opened: its generation was {pin}{told}"
    error = SourceChangedError(f"{message} (HTTP 412)", url=url, range=part)
    error.status = PRECONDITION_FAILED
    error.expected, error.found = pin, found
    return error


def is_identity(headers: Fields) -> bool:
    """Whether the body is the object's own bytes (http.range.identity)."""
    codings = ",".join(headers.get_all("Content-Encoding"))
    transfer = ",".join(headers.get_all("Transfer-Encoding")).strip().lower()
    own = {coding.strip().lower() for coding in codings.split(",")} <= NO_CODINGS
    changes = ",".join(headers.get_all("IM"))  # of a 226: what was done to the object
    is_whole = {change.strip().lower() for change in changes.split(",")} <= {
        "",
        "range",
        "identity",
    }
    return own and is_whole and transfer in ("", "chunked", "identity")


def check_identity(url: str, part: ByteRange, headers: Fields) -> None:
    """Refuse a part that is compressed.

    Raises:
        RangeMismatchError: it is.
    """
    if not is_identity(headers):
        told = [pair for pair in headers.items() if pair[0].lower() in CODED]
        codings = [" ".join(pair) for pair in told]
        message = f"the server sent {redact_line(', '.join(codings))}, which ranges cannot have"
        raise RangeMismatchError(message, url=url, range=part)


def sent_range(url: str, part: ByteRange, headers: Fields) -> tuple[ByteRange, int | None]:
    """Which bytes were sent, and the object's size (http.range.content-range).

    Raises:
        RangeMismatchError: not those that were asked.
    """
    told = _one(headers, "Content-Range")
    if (headers.get("Content-Type") or "")[:10].lower() == "multipart/":
        told = f"{told} of several parts"
    sent, size = _content_range(told)
    if sent is None or not _answers(part, sent, size):
        message = (
            f"the server sent Content-Range {redact_line(told)!r}, not the range that was asked"
        )
        raise RangeMismatchError(message, url=url, range=part)
    return sent, sent.stop if size is None and sent.stop < part.stop else size


def wrong_length(url: str, part: ByteRange, told: str, length: int) -> RangeMismatchError:
    """The error that another length of the body is (http.range.length)."""
    message = f"the body has {told} bytes, its Content-Range says {length}"
    return RangeMismatchError(message, url=url, range=part)


def generation(headers: Fields) -> str | None:
    """What names this state of the object (http.pin).

    A strong ETag, else the number that a store gives it, else Last-Modified and a weak ETag: that
    may stay when bytes change, but when it changes, so have they.
    """
    etag = _one(headers, "ETag")
    if etag and not etag.startswith("W/"):
        return _printable(etag)
    for name in GENERATIONS:
        if headers.get(name) not in (None, "null"):
            return f"{name} {_printable(_one(headers, name))}"
    return _printable(" ".join(filter(None, (_one(headers, "Last-Modified"), etag)))) or None


def _printable(text: str) -> str:
    return text if text.isascii() else ascii(text)[1:-1]


def _store_error(body: bytes) -> tuple[str, str]:
    """Return the code in the body of a refusal, and what a message says of it; "" without one."""
    found = STORE_ERROR.search(body.decode("utf-8", "replace"))
    if found is None:
        return "", ""
    code, told = found[1] or found[3] or "", found[2] or found[4]
    return code, f", {redact_line(f'{code}: {told}' if told else code)}"


def _one(headers: Fields, name: str) -> str:
    """A header that is sent once; where it is sent twice and differs, both: that fits nothing."""
    found = headers.get_all(name)
    return found[0] if len(found) == 1 else ", ".join(dict.fromkeys(found))


def _content_range(told: str) -> tuple[ByteRange | None, int | None]:
    """What was sent, if it can be read, and the object's size."""
    found = CONTENT_RANGE.fullmatch(told.strip())
    if found is None:
        return None, None
    size = None if found[3] in (None, "*") else int(found[3])
    return ByteRange(int(found[1]), int(found[2]) + 1), size


def _answers(part: ByteRange, sent: ByteRange, size: int | None) -> bool:
    """Whether it is what was asked, or all of it that the object has (http.range.short)."""
    if size is None:
        return sent.start == part.start < sent.stop <= part.stop
    return sent == (part.start, min(part.stop, size)) and sent.length > 0
