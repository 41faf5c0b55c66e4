"""The source for a url, a path, bytes, an open file or an async function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeGuard, cast

from tinycog.errors import UsageError
from tinycog.limits import Limits
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.sources.urls import check_text, links_of, scheme_of

if TYPE_CHECKING:
    from pathlib import Path

    from tinycog.argument_types import (
        AllowHost,
        BinaryFile,
        FileSystem,
        Headers,
        ObjectStore,
        Where,
    )
    from tinycog.sources.http.options import Http

EXPECTED = (
    "a url, a path, bytes, an open binary file, an async function get_range(start, stop) or a"
    " Source"
)

USES = {
    "fs": "paths in a file system",
    "store": "paths in an object store",
    "headers": "http urls",
    "auth": "http urls",
    "http": "http urls",
    "allow_host": "urls",
    "storage_options": "urls that fsspec reads",
}
"""What each argument is for that not every source has a use for."""


class SourceOptions(NamedTuple):
    """The arguments of `tinycog.open` that its source is made with."""

    fs: FileSystem | None
    store: ObjectStore | None
    headers: Headers | None
    auth: Headers | None
    http: Http | None
    allow_host: AllowHost | None
    storage_options: Mapping[str, object] | None

    def check_used(self, what: str, *used: str) -> None:
        """Check that no argument is given but those `used` by such a source: none is dropped.

        Raises:
            UsageError: one is.
        """
        for name, value in self._asdict().items():
            if value is not None and name not in used:
                message = f"{name}= has no use with {what}: it is for {USES[name]}"
                raise UsageError(message)


def make_source(
    where: Where | SignedUrl | Source,
    *,
    fs: FileSystem | None = None,
    store: ObjectStore | None = None,
    headers: Headers | None = None,
    auth: Headers | None = None,
    http: Http | None = None,
    default_http: Http | None = None,
    allow_host: AllowHost | None = None,
    limits: Limits | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> Source:
    """Return the source for an argument of `tinycog.open`, without any I/O.

    bytes: memory. A path, or `file://`: positioned reads. `http://` and `https://`: HTTP ranges.
    Any other scheme, and any path together with `fs`: fsspec. A path together with `store`: that
    object store. An open binary file: that file. A `Source` is returned as it is. Any other
    callable: an async function `get_range(start, stop)`. An object that is a url when it is written
    as text, such as a `yarl.URL` or a `UPath`: that url. `default_http` is for HTTP where there is
    no `http`.

    Raises:
        UsageError: it is none of these, or an argument is given that such a source has no use for.
    """
    storage_options = storage_options or getattr(where, "storage_options", None)  # of a UPath
    options = SourceOptions(fs, store, headers, auth, http, allow_host, storage_options or None)
    if isinstance(where, SignedUrl):
        return _of_url(where, "a signed url", options, default_http, limits)
    if isinstance(where, bytes | bytearray | memoryview):
        from tinycog.sources.memory import MemorySource  # noqa: PLC0415 - the one that is used

        options.check_used("bytes")
        return MemorySource(where)
    text = text_of(where)
    if text is None:
        return _made_of(where, options)
    if options.fs is not None or options.store is not None:
        return _in_store(text, options, limits)
    where = check_text(text)
    if scheme_of(where) in ("http", "https"):
        return _of_url(where, "an http url", options, default_http, limits)
    return _of_text(where, options, limits)


def _of_url(
    where: str | SignedUrl,
    what: str,
    options: SourceOptions,
    default_http: Http | None,
    limits: Limits | None,
) -> Source:
    """Return the source for an http url."""
    from tinycog.sources.http.options import check_http  # noqa: PLC0415 - the same
    from tinycog.sources.http.source import HttpSource  # noqa: PLC0415 - the one that is used

    options.check_used(what, "headers", "auth", "http", "allow_host")
    check_http(options.http)
    return HttpSource(
        where,
        headers=options.headers,
        auth=options.auth,
        allow_host=options.allow_host,
        limits=limits,
        http=options.http or default_http,
    )


def _in_store(path: str, options: SourceOptions, limits: Limits | None) -> Source:
    """Return the source for a path in a file system or an object store."""
    if options.store is not None:
        from tinycog.sources.object_store import ObjectStoreSource  # noqa: PLC0415 - the same

        options.check_used("store=", "store")
        return ObjectStoreSource(path, options.store, limits)
    from tinycog.sources.fsspec import FsspecSource  # noqa: PLC0415 - the same

    options.check_used("fs=", "fs")
    return FsspecSource(path, fs=options.fs, limits=limits)


def _of_text(where: str, options: SourceOptions, limits: Limits | None) -> Source:
    """Return the source for any other url, or a path."""
    scheme = scheme_of(where)
    if len(links_of(where)) > 1 or scheme not in ("", "file"):
        from tinycog.sources.fsspec import FsspecSource  # noqa: PLC0415 - the same

        options.check_used("a url that fsspec reads", "allow_host", "storage_options")
        given = options.storage_options
        allow_host = options.allow_host
        return FsspecSource(where, storage_options=given, allow_host=allow_host, limits=limits)
    from tinycog.sources.local import LocalSource  # noqa: PLC0415 - the same

    options.check_used("a path")
    return LocalSource(path_of(where))


def _made_of(where: Where | Source, options: SourceOptions) -> Source:
    """Return a `Source` as it is, and the one for an open file or a function."""
    if is_binary_file(where):
        from tinycog.sources.binary_file import BinaryFileSource  # noqa: PLC0415 - if it is used

        options.check_used("an open file")
        return BinaryFileSource(where)
    options.check_used("a source of your own")
    if not isinstance(where, type):  # a class has the methods of its instances
        if isinstance(where, Source):
            return where
        if callable(where):
            from tinycog.sources.callable import CallableSource  # noqa: PLC0415 - if it is used

            return CallableSource(where)
    message = f"cannot open a {type(where).__name__}: expected {EXPECTED}"
    raise UsageError(message)


def is_binary_file(where: object) -> TypeGuard[BinaryFile]:
    """Return whether an object has the methods of an open file, one in text mode included."""
    return not isinstance(where, type) and all(
        callable(getattr(where, method, None)) for method in ("read", "seek", "tell")
    )


def text_of(where: object) -> str | None:
    """Return the text of a path or a url; None if it is neither."""
    if isinstance(where, str):
        return where
    if isinstance(where, SignedUrl):
        return where.url
    if is_binary_file(where):  # fsspec's are paths, too
        return None
    if isinstance(where, os.PathLike):
        return os.fsdecode(cast("os.PathLike[str]", where))
    if isinstance(where, type | Source) or callable(where):
        return None
    text = str(where)  # a yarl.URL, pydantic's urls, a UPath
    return text if scheme_of(text) else None


def path_of(where: str) -> Path:
    """Return a path, or that of a `file://` url: unquoted, without a host."""
    from pathlib import Path  # noqa: PLC0415 - loads urllib.parse

    if scheme_of(where) != "file":
        return Path(where)
    from urllib.parse import urlsplit  # noqa: PLC0415 - files only
    from urllib.request import url2pathname  # noqa: PLC0415 - heavy

    return Path(url2pathname(urlsplit(where).path))
