"""Every other scheme, by fsspec: object stores, archives, caches, in-memory files."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import fsspec

from tinycog.buffer import ByteRange
from tinycog.errors import AccessDeniedError, NotFoundError, SourceError, UsageError
from tinycog.sources.base import Part, part_of


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
        self._fs: Any = fs
        self._path: str = where
        self._options = dict(storage_options or {})

    @property
    def name(self) -> str:
        """Url or path, as given."""
        return self._where

    async def read_range(self, part: ByteRange) -> Part:
        """Read by `cat_file`; a short answer means the end of the object."""
        try:
            data = await self._cat(part)
        except FileNotFoundError as exc:
            raise NotFoundError("there is no such object", url=self.name) from exc
        except PermissionError as exc:
            raise AccessDeniedError("the object may not be read", url=self.name) from exc
        except (OSError, ValueError) as exc:
            message = f"the file system cannot read it: {exc}"
            raise SourceError(message, url=self.name, range=part) from exc
        return part_of(self.name, part, data)

    async def _cat(self, part: ByteRange) -> bytes:
        fs = self._file_system()
        if self._is_async(fs):
            work = fs._cat_file(self._path, start=part.start, end=part.stop)  # noqa: SLF001 - fsspec's async face
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, fs.loop))
        return await asyncio.to_thread(fs.cat_file, self._path, start=part.start, end=part.stop)

    def _file_system(self) -> Any:  # noqa: ANN401 - fsspec has no types
        if self._fs is None:
            try:
                self._fs, self._path = fsspec.core.url_to_fs(self._where, **self._options)
            except (ImportError, ValueError) as exc:
                message = f"fsspec cannot open {self._where}: {exc}"
                raise UsageError(message) from exc
        return self._fs

    @staticmethod
    def _is_async(fs: Any) -> bool:  # noqa: ANN401
        from fsspec.implementations.cached import CachingFileSystem  # noqa: PLC0415 - heavy

        return bool(getattr(fs, "async_impl", False)) and not (
            isinstance(fs, CachingFileSystem) or getattr(fs, "asynchronous", False)
        )

    async def aclose(self) -> None:
        """Nothing of ours is open."""
