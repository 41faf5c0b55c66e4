"""Every other scheme by fsspec: object stores, archives, caches, in-memory files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from tinycog.argument_types import AllowHost
from tinycog.errors import AccessDeniedError, NotFoundError, SourceError, UsageError
from tinycog.sources.allow_host import check_allowed
from tinycog.sources.lazy_import import load
from tinycog.sources.protocol import RangeSink, answer_whole
from tinycog.sources.redact import redact, redact_line, safe_cause, shown_url
from tinycog.sources.urls import links_of, scheme_of
from tinycog.tiff.ranges import ByteRange


class FsspecSource:
    """Ranges of a path in an fsspec file system.

    An asynchronous file system is called in its own event loop, without a thread for each read; a
    synchronous or caching one in a worker thread (the async methods bypass the cache).
    """

    def __init__(
        self,
        where: str,
        *,
        fs: Any = None,  # noqa: ANN401 - fsspec has no types
        storage_options: Mapping[str, Any] | None = None,
        allow_host: AllowHost | None = None,
    ) -> None:
        """Take url and options; nothing is opened."""
        self._url = where
        self._options = dict(storage_options or {})
        self._allow_host = allow_host
        self._target: tuple[Any, str] | None = None if fs is None else (fs, where)

    @property
    def name(self) -> str:
        """Url or path, redacted (http.secrets)."""
        return shown_url(self._url)

    @property
    def origin(self) -> str:
        """Scheme and first part of the path: the bucket, the host."""
        scheme, separator, path = self._url.rpartition("://")
        bucket = path.partition("/")[0]
        return redact(scheme + separator + bucket) if separator else "fsspec"

    async def aopen(self) -> None:
        """Create the file system, the first time."""
        await self._open()

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Read by `cat_file`; a short answer means the end of the object."""
        fs, path = await self._open()
        try:
            data = await _cat(fs, path, part)
        except FileNotFoundError as exc:
            raise NotFoundError("there is no such object", url=self.name) from safe_cause(exc)
        except PermissionError as exc:
            raise AccessDeniedError("the object may not be read", url=self.name) from safe_cause(
                exc
            )
        except Exception as exc:  # noqa: BLE001 - a file system may raise anything
            message = f"the file system cannot read it: {type(exc).__name__}: {redact_line(exc)}"
            raise SourceError(message, url=self.name, range=part) from safe_cause(exc)
        answer_whole(self.name, part, data, answer)

    async def _open(self) -> tuple[Any, str]:
        """Return the file system, created at the first call, and the path in it."""
        if self._target is not None:
            return self._target
        links = links_of(self._url)
        for link in links:
            if scheme_of(link):
                check_allowed(self._allow_host, link, self.name)
        core, registry = await load("fsspec.core"), await load("fsspec.registry")
        open_url = core.url_to_fs if len(links) > 1 else partial(_open_link, registry)
        try:
            target: tuple[Any, str] = await asyncio.to_thread(open_url, self._url, **self._options)
        except (ImportError, ValueError, TypeError) as exc:
            message = f"fsspec cannot open {self.name}: {redact_line(exc)}"
            raise UsageError(message) from safe_cause(exc)
        except FileNotFoundError as exc:
            raise NotFoundError("there is no such object", url=self.name) from safe_cause(exc)
        except Exception as exc:  # noqa: BLE001 - a file system may raise anything
            message = f"the file system cannot be opened: {type(exc).__name__}: {redact_line(exc)}"
            raise SourceError(message, url=self.name) from safe_cause(exc)
        self._target = target
        return target

    async def aclose(self) -> None:
        """Do nothing: the file system is shared, and fsspec closes it."""


def _open_link(registry: Any, url: str, **options: Any) -> tuple[Any, str]:  # noqa: ANN401 - fsspec has no types
    """Do what `fsspec.core.url_to_fs` does, which takes any "::" for a chain."""
    kind = registry.get_filesystem_class(scheme_of(url))
    found = kind._get_kwargs_from_urls(url)  # noqa: SLF001 - what fsspec offers to file systems
    return kind(**(found | options)), kind._strip_protocol(url)  # noqa: SLF001 - the same


async def _cat(fs: Any, path: str, part: ByteRange) -> bytes:  # noqa: ANN401 - fsspec has no types
    """Call `cat_file`, or its async twin where that reads the same bytes."""
    cached = await load("fsspec.implementations.cached")
    dirfs = await load("fsspec.implementations.dirfs")
    inner = fs.fs if isinstance(fs, dirfs.DirFileSystem) else fs
    if isinstance(inner, cached.CachingFileSystem):
        return await asyncio.to_thread(_cat_alone, fs, path, part)
    if not getattr(inner, "async_impl", False):
        return await asyncio.to_thread(fs.cat_file, path, start=part.start, end=part.stop)
    reading = fs._cat_file(path, start=part.start, end=part.stop)  # noqa: SLF001 - fsspec has no public async name
    if getattr(inner, "asynchronous", False):  # created for the caller's own loop
        return await reading
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(reading, fs.loop))


_locks: WeakValueDictionary[str, Lock] = WeakValueDictionary()
_locks_lock = Lock()


def _cat_alone(fs: Any, path: str, part: ByteRange) -> bytes:  # noqa: ANN401 - fsspec has no types
    """Call `cat_file` of a caching file system, one thread at a time for each path.

    fsspec fills its cached copy in place: another thread would read one that is cut.
    """
    with _locks_lock:
        lock = _locks.setdefault(path, Lock())
    with lock:
        return fs.cat_file(path, start=part.start, end=part.stop)
