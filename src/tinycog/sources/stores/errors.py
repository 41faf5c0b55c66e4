"""What file systems and stores raise, as errors of ours."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from tinycog.errors import (
    AccessDeniedError,
    NotFoundError,
    RangeNotSatisfiableError,
    RangeUnsupportedError,
    SourceBusyError,
    SourceChangedError,
    SourceError,
    SourceTimeoutError,
)
from tinycog.sources.http.response import TRANSIENT
from tinycog.sources.redact import redact_line, safe_cause, shown_url
from tinycog.sources.stores.answer import ReplacedError
from tinycog.sources.stores.obspec_errors import is_broken, is_unsupported, without_details
from tinycog.sources.stores.status import causes_of, status_of
from tinycog.tiff.ranges import ByteRange

NOT_FOUND = (404, 410)
DENIED = (401, 403)
UNSATISFIABLE = 416
BUSY = (429, 503)

BROKEN_CONNECTIONS = frozenset(
    {
        *("ClientConnectionError", "ClientPayloadError"),  # aiohttp
        *("HTTPClientError", "ResponseStreamingError", "IncompleteReadError"),  # botocore
        *("ServiceRequestError", "ServiceResponseError"),  # azure.core
        *("RequestException", "ProtocolError"),  # requests, urllib3
    }
)
"""Names of classes of client libraries: the connection failed, so the next try may succeed."""


def to_source_error(
    exc: Exception,
    name: str,
    part: ByteRange,
    secrets: Iterable[str] = (),
    reader: str = "the file system",
) -> SourceError:
    """Translate what a file system, or another `reader`, raised for a range of an object.

    None of `secrets` is shown; the error has no cause that would show one.
    """
    if isinstance(exc, ReplacedError):
        return _changed(exc, name, part)
    status = status_of(exc)
    secrets = tuple(secrets)
    error = _translated(exc, status, name, part, secrets, reader)
    error.status = status
    error.may_pass = status in TRANSIENT or (status is None and is_broken_connection(exc))
    error.__cause__ = safe_cause(exc, secrets)
    return error


def _translated(
    exc: Exception,
    status: int | None,
    name: str,
    part: ByteRange,
    secrets: Iterable[str],
    reader: str,
) -> SourceError:
    if isinstance(exc, FileNotFoundError) or status in NOT_FOUND:
        return NotFoundError("there is no such object", url=name)
    if isinstance(exc, PermissionError) or status in DENIED:
        return AccessDeniedError("the object may not be read", url=name)
    if isinstance(exc, TimeoutError):
        message = f"{reader} did not answer in time"
        return SourceTimeoutError(message, url=name, range=part)
    if status == UNSATISFIABLE:
        return RangeNotSatisfiableError("the range lies outside the object", url=name, range=part)
    if is_unsupported(exc):
        return RangeUnsupportedError(f"{reader} reads no ranges of it", url=name, range=part)
    kind = SourceBusyError if status in BUSY else SourceError
    told = f"{type(exc).__name__}: {redact_line(without_details(exc), secrets)}"
    return kind(f"{reader} cannot read it: {told}", url=name, range=part)


def _changed(exc: ReplacedError, name: str, part: ByteRange) -> SourceChangedError:
    """Return the error that another generation is, in the words of the store (store.gs)."""
    found = exc.found or "none that is told"
    if exc.where:
        where = shown_url(f"{exc.where}#{exc.expected}")
        message = f"Failed to load the GeoTIFF at {where}: found generation {found} instead"
        error = SourceChangedError(f"{message} (bytes {part.start} to {part.stop})")
        error.url, error.name, error.range = name, name, part
    else:
        message = f"the object has changed since it was opened: its generation was {exc.expected}"
        error = SourceChangedError(f"{message}, now {found}", url=name, range=part)
    error.expected, error.found = exc.expected, exc.found
    return error


def is_broken_connection(exc: BaseException) -> bool:
    """Return whether a connection failed, or a time is over; not where a name is wrong."""
    causes = list(causes_of(exc))
    nameless = [error for error in causes if isinstance(error, socket.gaierror)]
    if nameless:
        return nameless[0].errno == socket.EAI_AGAIN
    return any(
        isinstance(error, ConnectionError | TimeoutError)
        or is_broken(error)
        or any(cls.__name__ in BROKEN_CONNECTIONS for cls in type(error).__mro__)
        for error in causes
    )
