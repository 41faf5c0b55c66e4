"""What counts as a file beside that is not there (gdal.sidecar.names)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from tinycog.errors import AccessDeniedError, Finding, NotFoundError

T = TypeVar("T")

UNAUTHORIZED = 401


async def none_if_absent(read: Awaitable[T], name: str, findings: list[Finding]) -> T | None:
    """Return what a read returns; None if there is no such file, or if it may not be read (403)."""
    try:
        return await read
    except NotFoundError:
        return None
    except AccessDeniedError as exc:
        if exc.status == UNAUTHORIZED:
            raise
        text = f"{name} may not be read, and is taken for absent: {exc}"
        findings.append(Finding("gdal.sidecar.names", text))
        return None
