"""Every other scheme, by fsspec: object stores, archives, caches, in-memory files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tinycog.errors import AccessDeniedError, NotFoundError, SourceError, UsageError
from tinycog.sources.lazy_import import load
from tinycog.sources.protocol import RangeSink, answer_whole
from tinycog.sources.redact import redact, redact_line, safe_cause
from tinycog.tiff.ranges import ByteRange


class FsspecSource:
    """Ranges of a path in an fsspec file system.

    An asynchronous file system is used in its own event loop, without a thread for each read; a
    synchronous or a caching one in a worker thread (its asynchronous half bypasses the cache).
    """

    def __init__(
        self,
        where: str,
        *,
        fs: Any = None,  # noqa: ANN401 - fsspec has no types
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Remember what to open; nothing is opened."""
        self._where = where
        self._options = dict(storage_options or {})
        self._place: tuple[Any, str] | None = None if fs is None else (fs, where)

    @property
    def name(self) -> str:
        """Url or path, without credentials (http.secrets)."""
        return redact(self._where)

    @property
    def origin(self) -> str:
        """The scheme and the first part of the path: the bucket, the host."""
        scheme, separator, path = self._where.rpartition("://")
        place = path.partition("/")[0]
        return redact(scheme + separator + place) if separator else "fsspec"

    async def aopen(self) -> None:
        """Make the file system, the first time."""
        await self._opened()

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Read by `cat_file`; a short answer means the end of the object."""
        fs, path = await self._opened()
        try:
            data = await _cat(fs, path, part)
        except FileNotFoundError as exc:
            raise NotFoundError("there is no such object", url=self.name) from safe_cause(exc)
        except PermissionError as exc:
            raise AccessDeniedError("the object may not be read", url=self.name) from safe_cause(
                exc
            )
        except Exception as exc:  # noqa: BLE001 - it may be anything; told to the caller
            message = f"the file system cannot read it: {type(exc).__name__}: {redact_line(exc)}"
            raise SourceError(message, url=self.name, range=part) from safe_cause(exc)
        answer_whole(self.name, part, data, answer)

    async def _opened(self) -> tuple[Any, str]:
        """The file system and the path in it."""
        if self._place is not None:
            return self._place
        core = await load("fsspec.core")
        try:
            place: tuple[Any, str] = await asyncio.to_thread(
                core.url_to_fs, self._where, **self._options
            )
        except (ImportError, ValueError, TypeError) as exc:
            message = f"fsspec cannot open {self.name}: {redact_line(exc)}"
            raise UsageError(message) from safe_cause(exc)
        except FileNotFoundError as exc:
            raise NotFoundError("there is no such object", url=self.name) from safe_cause(exc)
        except Exception as exc:  # noqa: BLE001 - it may be anything; told to the caller
            message = f"the file system cannot be opened: {type(exc).__name__}: {redact_line(exc)}"
            raise SourceError(message, url=self.name) from safe_cause(exc)
        self._place = place
        return place

    async def aclose(self) -> None:
        """Nothing of ours is open."""


async def _cat(fs: Any, path: str, part: ByteRange) -> bytes:  # noqa: ANN401
    cached = await load("fsspec.implementations.cached")
    dirfs = await load("fsspec.implementations.dirfs")
    inner = fs.fs if isinstance(fs, dirfs.DirFileSystem) else fs
    if not getattr(inner, "async_impl", False) or isinstance(inner, cached.CachingFileSystem):
        return await asyncio.to_thread(fs.cat_file, path, start=part.start, end=part.stop)
    work = fs._cat_file(path, start=part.start, end=part.stop)  # noqa: SLF001 - its async face
    if getattr(inner, "asynchronous", False):  # made for the caller's own loop
        return await work
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, fs.loop))
