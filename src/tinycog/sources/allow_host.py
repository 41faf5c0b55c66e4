"""The caller's function that says which urls may be requested (http.redirect.host)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinycog.errors import AccessDeniedError, SourceError
from tinycog.sources.redact import redact, redact_line, safe_cause

if TYPE_CHECKING:
    from tinycog.argument_types import AllowHost


def check_allowed(allow_host: AllowHost | None, url: str, name: str) -> None:
    """Ask whether a url may be requested, before anything is sent there.

    Args:
        allow_host: the function; None allows all.
        url: what is requested.
        name: of the object, for messages.

    Raises:
        AccessDeniedError: it may not.
        SourceError: the function failed.
    """
    if allow_host is None:
        return
    try:
        is_allowed = bool(allow_host(url))
    except Exception as exc:  # noqa: BLE001 - a caller's function may raise anything
        message = f"allow_host failed: {type(exc).__name__}: {redact_line(exc)}"
        raise SourceError(message, url=name) from safe_cause(exc)
    if not is_allowed:
        message = f"allow_host does not allow {redact(url)}"
        raise AccessDeniedError(message, url=name)
