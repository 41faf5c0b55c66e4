"""What a function of the caller's raised: that a request is too large, or that there are too many.

Any client library may be behind it, so that it is told by the HTTP status, or by words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinycog.errors import SourceBusyError, TooLargeError
from tinycog.sources.redact import redact_line
from tinycog.sources.stores.status import causes_of, status_of

TOO_LARGE_STATUS = 413

TOO_LARGE_TEXT = "Total request size"
"""Words by which Earth Engine says so, with status 400."""

BUSY_STATUSES = (429, 503)

RETRY_AFTER = "Retry-After"


def is_too_large(exc: BaseException) -> bool:
    """Return whether a request was refused as too large (cog.service.large)."""
    if any(isinstance(error, TooLargeError) for error in causes_of(exc)):
        return True
    told = any(TOO_LARGE_TEXT in str(error) for error in causes_of(exc))
    return told or status_of(exc) == TOO_LARGE_STATUS


def as_busy(exc: BaseException) -> SourceBusyError | None:
    """Return the error of a service that refused a request as one too many; None of another."""
    busy = next((error for error in causes_of(exc) if isinstance(error, SourceBusyError)), None)
    if busy is None:
        if status_of(exc) not in BUSY_STATUSES:
            return None
        busy = SourceBusyError(f"the service refuses requests: {redact_line(exc)}")
        busy.status = status_of(exc)
        busy.retry_after = next(_retry_after(exc), None)
    busy.may_pass = True
    return busy


def _retry_after(exc: BaseException) -> Iterator[str]:
    """Give what errors and their responses say of when to come back."""
    for error in causes_of(exc):
        for holder in (error, getattr(error, "response", None), getattr(error, "resp", None)):
            own: Any = getattr(holder, "retry_after", None)
            if own is not None:
                yield str(own)
            headers: Any = getattr(holder, "headers", None)
            if hasattr(headers, "get"):
                found = headers.get(RETRY_AFTER) or headers.get(RETRY_AFTER.lower())
                if found is not None:
                    yield str(found)
