"""Where bytes come from: one method, `read_range`, over memory, files, HTTP and fsspec.

A source knows nothing of TIFF. It answers a range with just those bytes, or raises a `SourceError`
that says which object and which range; only at the end of the object may an answer be short.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tinycog.errors import UsageError
from tinycog.limits import Limits
from tinycog.sources.fsspec import FsspecSource
from tinycog.sources.http.credentials import Headers
from tinycog.sources.http.source import AllowHost, HttpSource
from tinycog.sources.local import LocalSource
from tinycog.sources.memory import MemorySource
from tinycog.sources.protocol import Source

Where = str | os.PathLike[str] | bytes | bytearray | memoryview


def make_source(
    where: Where | Source,
    *,
    fs: Any = None,  # noqa: ANN401 - fsspec has no types
    headers: Headers | None = None,
    auth: Headers | None = None,
    allow_host: AllowHost | None = None,
    limits: Limits | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Source:
    """Pick the source for what the caller has, without any I/O.

    bytes: memory. A path, or `file://`: positioned reads. `http://` and `https://`: aiohttp. Every
    other scheme, and any path together with `fs`: fsspec.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(where, bytes | bytearray | memoryview):
        return MemorySource(where)
    if fs is not None or (isinstance(where, str) and _needs_fsspec(where)):
        return FsspecSource(str(where), fs=fs, storage_options=storage_options)
    if isinstance(where, str) and _scheme(where) in ("http", "https"):
        return HttpSource(where, headers=headers, auth=auth, allow_host=allow_host, limits=limits)
    if isinstance(where, str | os.PathLike):
        return LocalSource(_path(os.fspath(where)))
    if hasattr(where, "read_range"):
        return where
    message = f"cannot open a {type(where).__name__}: expected a url, a path or bytes"
    raise UsageError(message)


def _scheme(where: str) -> str:
    head, separator, _ = where.partition("://")
    return head.lower() if separator else ""


def _path(where: str) -> Path:
    """A path, or that of a `file://` url: with its quoting undone, and a host left out."""
    if _scheme(where) != "file":
        return Path(where)
    return Path(url2pathname(urlsplit(where).path))


def _needs_fsspec(where: str) -> bool:
    is_chain = "::" in where and "://" in where
    return is_chain or _scheme(where) not in ("", "file", "http", "https")
