"""The source for a url, a path, bytes or an async function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from tinycog.argument_types import AllowHost, FileSystem, Headers, Where
from tinycog.errors import UsageError
from tinycog.limits import Limits
from tinycog.sources.protocol import Source

if TYPE_CHECKING:
    from pathlib import Path

EXPECTED = "a url, a path, bytes, an async function get_range(start, stop) or a Source"


def make_source(
    where: Where | Source,
    *,
    fs: FileSystem | None = None,
    headers: Headers | None = None,
    auth: Headers | None = None,
    allow_host: AllowHost | None = None,
    limits: Limits | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> Source:
    """Return the source for an argument of `tinycog.open`, without any I/O.

    bytes: memory. A path, or `file://`: positioned reads. `http://` and `https://`: HTTP ranges.
    Any other scheme, and any path together with `fs`: fsspec. A `Source` is returned as it is. Any
    other callable: an async function `get_range(start, stop)`.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(where, bytes | bytearray | memoryview):
        from tinycog.sources.memory import MemorySource  # noqa: PLC0415 - the one that is used

        return MemorySource(where)
    if isinstance(where, str | os.PathLike):
        path = cast("str | os.PathLike[str]", where)
        if fs is not None or _needs_fsspec(path):
            from tinycog.sources.fsspec import FsspecSource  # noqa: PLC0415 - the same

            return FsspecSource(str(path), fs=fs, storage_options=storage_options)
        if isinstance(path, str) and _scheme(path) in ("http", "https"):
            from tinycog.sources.http.source import HttpSource  # noqa: PLC0415 - the same

            return HttpSource(
                path, headers=headers, auth=auth, allow_host=allow_host, limits=limits
            )
        from tinycog.sources.local import LocalSource  # noqa: PLC0415 - the same

        return LocalSource(_path(os.fsdecode(path)))
    if not isinstance(where, type):  # a class has the methods of its instances
        if isinstance(where, Source):
            return where
        if callable(where):
            from tinycog.sources.callable import CallableSource  # noqa: PLC0415 - the same

            return CallableSource(where)
    message = f"cannot open a {type(where).__name__}: expected {EXPECTED}"
    raise UsageError(message)


def _scheme(where: str) -> str:
    head, separator, _ = where.partition("://")
    return head.lower() if separator else ""


def _path(where: str) -> Path:
    """Return a path, or that of a `file://` url: unquoted, without a host."""
    from pathlib import Path  # noqa: PLC0415 - loads urllib.parse

    if _scheme(where) != "file":
        return Path(where)
    from urllib.parse import urlsplit  # noqa: PLC0415 - files only
    from urllib.request import url2pathname  # noqa: PLC0415 - heavy

    return Path(url2pathname(urlsplit(where).path))


def _needs_fsspec(where: str | os.PathLike[str]) -> bool:
    if not isinstance(where, str):
        return False
    is_chain = "::" in where and "://" in where
    return is_chain or _scheme(where) not in ("", "file", "http", "https")
