"""The source for a url, a path, bytes or an async function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tinycog.errors import UsageError
from tinycog.limits import Limits
from tinycog.sources.callable import CallableSource
from tinycog.sources.fsspec import FsspecSource
from tinycog.sources.http.credentials import Headers
from tinycog.sources.http.source import AllowHost, HttpSource
from tinycog.sources.local import LocalSource
from tinycog.sources.memory import MemorySource
from tinycog.sources.protocol import GetRange, Source

Where = str | os.PathLike[str] | bytes | bytearray | memoryview | GetRange
"""What `tinycog.open` makes a source of, besides a `Source`."""

EXPECTED = "a url, a path, bytes, an async function get_range(start, stop) or a Source"


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
    """Return the source for an argument of `tinycog.open`, without any I/O.

    bytes: memory. A path, or `file://`: positioned reads. `http://` and `https://`: aiohttp. Every
    other scheme, and any path together with `fs`: fsspec. A `Source` is returned as it is. Any
    other callable: an async function `get_range(start, stop)`.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(where, bytes | bytearray | memoryview):
        return MemorySource(where)
    if isinstance(where, str | os.PathLike):
        path = cast("str | os.PathLike[str]", where)
        if fs is not None or _needs_fsspec(path):
            return FsspecSource(str(path), fs=fs, storage_options=storage_options)
        if isinstance(path, str) and _scheme(path) in ("http", "https"):
            return HttpSource(
                path, headers=headers, auth=auth, allow_host=allow_host, limits=limits
            )
        return LocalSource(_path(os.fsdecode(path)))
    if not isinstance(where, type):  # a class has the methods of its instances
        if isinstance(where, Source):
            return where
        if callable(where):
            return CallableSource(where)
    message = f"cannot open a {type(where).__name__}: expected {EXPECTED}"
    raise UsageError(message)


def _scheme(where: str) -> str:
    head, separator, _ = where.partition("://")
    return head.lower() if separator else ""


def _path(where: str) -> Path:
    """Return a path, or that of a `file://` url: unquoted, without a host."""
    if _scheme(where) != "file":
        return Path(where)
    return Path(url2pathname(urlsplit(where).path))


def _needs_fsspec(where: str | os.PathLike[str]) -> bool:
    if not isinstance(where, str):
        return False
    is_chain = "::" in where and "://" in where
    return is_chain or _scheme(where) not in ("", "file", "http", "https")
