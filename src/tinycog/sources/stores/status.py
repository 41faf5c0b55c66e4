"""The HTTP status in what a file system or a store raises. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinycog.sources.stores.obspec_errors import obspec_status

MAX_CAUSES = 8


def status_of(exc: BaseException) -> int | None:
    """Return the HTTP status in an exception of a client library or a store, or its cause."""
    for error in causes_of(exc):
        response: Any = getattr(error, "response", None)
        if isinstance(response, dict):
            found: Any = response.get("ResponseMetadata", {}).get("HTTPStatusCode")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        else:
            names = ("status", "status_code", "code")
            holders = (error, response)
            found = next((v for h in holders for n in names if (v := getattr(h, n, None))), None)
        if isinstance(found, int | str) and str(found).isdecimal():
            return int(found)
        status = obspec_status(error)
        if status is not None:
            return status
    return None


def causes_of(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it was raised from."""
    error: BaseException | None = exc
    for _ in range(MAX_CAUSES):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
