"""Checks of a response: its status, range and generation, from its head alone. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
from tinycog.limits import Limits
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.http1 import ResponseHead
from tinycog.sources.protocol import DATE, ETAG, LAST_MODIFIED, WEAK_ETAG
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

OK, FORBIDDEN, UNSATISFIABLE = 200, 403, 416

REDIRECTED = (301, 307)
"""Statuses by which S3 says that a bucket is elsewhere."""

UNSATISFIED = r"(?a)bytes \*/(\d{1,18})"

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

STORE_ERROR = (
    r"(?s)<Code>([^<]*)</Code>(?:.*?<Message>([^<]*)</Message>)?"
    r'|"code"\s*:\s*"?([^",}]*)"?(?:.*?"message"\s*:\s*"([^"]*)")?'
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
    *,
    more: str = "",
    secrets: Iterable[str] = (),
) -> SourceError:
    """Return the error for a status other than 206; `body` and `more` may say more about it.

    Of what the server says, `secrets` are not shown.
    """
    kind, text = REFUSALS.get(status, (SourceError, "the server refused"))
    shown = f"HTTP {status} {redact_line(reason or '', secrets)}".strip()
    code, told = _store_error(body, secrets)
    region = headers.get("x-amz-bucket-region") if status in REDIRECTED else None
    where = "" if region is None else f"; the bucket is in {redact_line(region)}"
    if status == UNSATISFIABLE and part.start == 0 and _unsatisfied_size(headers) is None:
        more = ": the file is empty, or the server refuses ranges"
    message = f"{text}{more} ({shown}{told}{where})"
    error = kind(message, url=url, range=part)
    error.status = status
    error.retry_after, error.date = headers.get("Retry-After"), headers.get("Date")
    is_limited = status == FORBIDDEN and error.retry_after is not None
    error.may_pass = status in TRANSIENT or code in TRANSIENT_CODES or is_limited
    if status == OK:  # a proxy that fetches the object may send it whole, once
        error.may_pass, error.most_tries = True, 2
    if isinstance(error, RangeNotSatisfiableError):
        error.size = _unsatisfied_size(headers)
    return error


def _unsatisfied_size(headers: Fields) -> int | None:
    """Return the size of the object that a 416 tells, None if it tells none."""
    found = re.fullmatch(UNSATISFIED, _one(headers, "Content-Range").strip())
    return None if found is None else int(found[1])


def ignored_range(url: str, part: ByteRange, head: ResponseHead, limits: Limits) -> SourceError:
    """The error that a whole object is that is not taken (http.status.whole)."""
    length = "unknown length" if head.length is None else f"{head.length:,} bytes"
    more = (
        f" of {length}, but Limits.whole_bytes allows {limits.whole_bytes:,}: raise that, or read"
        " it from a server that knows ranges"
    )
    if not is_identity(head.headers):
        more = ", encoded"
    return refusal(url, part, head.status, head.reason, head.headers, more=more)


def page_instead(url: str, part: ByteRange, head: ResponseHead) -> SourceChangedError:
    """The error that an HTML page is that came instead of bytes of the object (http.page)."""
    shown = f"HTTP {head.status} {redact_line(head.reason)}".strip()
    message = (
        f"an HTML page came instead of the file: a login or error page of the server? ({shown})"
    )
    error = SourceChangedError(message, url=url, range=part)
    error.status = head.status
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

    They may be fewer than were asked: the first ones (http.range.short).

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
    return sent, size


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


def validators(headers: Fields) -> dict[str, str]:
    """All that names this state of the object, by kind, the best first (http.pin)."""
    etag = _printable(_one(headers, "ETag"))
    stores = {name: headers.get(name) for name in GENERATIONS}
    found = {
        ETAG: "" if etag.startswith("W/") else etag,
        **{
            name: f"{name} {_printable(told)}"
            for name, told in stores.items()
            if told not in (None, "null")
        },
        LAST_MODIFIED: _printable(_one(headers, "Last-Modified")),
        WEAK_ETAG: etag if etag.startswith("W/") else "",
    }
    if found[LAST_MODIFIED]:
        found[DATE] = headers.get("Date") or ""
    return {kind: name for kind, name in found.items() if name}


def _printable(text: str) -> str:
    return text if text.isascii() else ascii(text)[1:-1]


def _store_error(body: bytes, secrets: Iterable[str]) -> tuple[str, str]:
    """Return the code in the body of a refusal, and what a message says of it; "" without one."""
    found = re.search(STORE_ERROR, body.decode("utf-8", "replace"))
    if found is None:
        return "", ""
    from html import unescape  # noqa: PLC0415 - a table of 2,000 names, for errors only

    code, told = found[1] or found[3] or "", unescape(found[2] or found[4] or "")
    return code, f", {redact_line(f'{code}: {told}' if told else code, secrets)}"


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
    """Whether it is what was asked, or the first bytes of it (http.range.short)."""
    stop = part.stop if size is None else min(part.stop, size)
    return sent.start == part.start < sent.stop <= stop
