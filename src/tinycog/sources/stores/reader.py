"""How ranges of an object are read in a file system: which way, where, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from tinycog.sources.condition import Condition
from tinycog.sources.lazy_import import load
from tinycog.sources.protocol import RangeSink
from tinycog.sources.stores import azure, by_info, gcs, s3, web
from tinycog.sources.stores.answer import ObjectAnswer, ObjectRead
from tinycog.sources.stores.threads import in_thread
from tinycog.sources.stores.timed import Arrived, in_time
from tinycog.tiff.ranges import ByteRange

DIRECT: dict[tuple[str, str], Callable[[ObjectRead], Coroutine[Any, Any, ObjectAnswer]]] = {
    ("s3fs.core", "S3FileSystem"): s3.read,
    ("gcsfs.core", "GCSFileSystem"): gcs.read,
    ("gcsfs.extended_gcsfs", "ExtendedGcsFileSystem"): gcs.read,
    ("adlfs.spec", "AzureBlobFileSystem"): azure.read,
    ("fsspec.implementations.http", "HTTPFileSystem"): web.read,
}
"""File systems that are asked directly, by module and name of the class that defines `_cat_file`.

One that overrides it reads in a way of its own (store.direct)."""


class ObjectReader:
    """Reads ranges of one object."""

    def __init__(self, fs: Any, path: str, name: str) -> None:  # noqa: ANN401 - fsspec has no types
        """Take file system and path; nothing is read."""
        self._fs = fs
        self._path = path
        self._name = name
        self._seen: frozenset[str] = frozenset()
        self._names_generations = True
        self._condition = Condition()

    async def read(self, part: ByteRange, sink: RangeSink, silence: float) -> ObjectAnswer:
        """Read a range with its generation, within the time that is left (store.time).

        Args:
            part: the bytes wanted.
            sink: tells generation and time left.
            silence: seconds without a byte after which it is given up.

        Raises:
            TimeoutError: that time is over.
            Exception: whatever the file system raises.
        """

        def wanted(arrived: Arrived) -> ObjectRead:
            return ObjectRead(
                self._fs,
                self._path,
                part,
                sink.generation,
                arrived,
                self._name,
                self._condition,
                is_pinned=sink.pinning == "strict",
            )

        answer = await in_time(
            lambda arrived: self._read(wanted(arrived)), sink, silence, part.length
        )
        self._seen |= frozenset(answer.names.values())
        return answer

    async def _read(self, wanted: ObjectRead) -> ObjectAnswer:
        """Read it in the way that the file system allows."""
        fs, path = await _below_folders(wanted.fs, wanted.path)
        wanted = wanted._replace(fs=fs, path=path)
        is_seen = wanted.generation in self._seen or not wanted.is_pinned
        blocking = await _blocking_way(fs)
        if blocking is not None:
            return await in_thread(partial(blocking, wanted, is_seen=is_seen))
        direct = DIRECT.get(_reading_class(fs)) if self._names_generations else None
        if direct is not None and await self._is_direct(direct, wanted):
            answer = await _in_its_loop(fs, direct(wanted))
            if answer.names:
                return answer
            self._names_generations = False
        return await _in_its_loop(fs, by_info.read(wanted, is_seen=is_seen))

    async def _is_direct(self, direct: object, wanted: ObjectRead) -> bool:
        if direct is gcs.read:
            return await _in_its_loop(wanted.fs, gcs.is_readable(wanted.fs, wanted.path))
        return True


async def _below_folders(fs: Any, path: str) -> tuple[Any, str]:  # noqa: ANN401 - the same
    """Return the file system and the path that a folder as a file system stands for."""
    dirfs = await load("fsspec.implementations.dirfs")
    while isinstance(fs, dirfs.DirFileSystem):
        fs, path = fs.fs, fs._join(path)  # noqa: SLF001 - nothing else tells
    return fs, path


async def _blocking_way(fs: Any) -> Callable[..., ObjectAnswer] | None:  # noqa: ANN401 - the same
    """Return how a file system is read in a thread; None if it is asynchronous.

    The async methods of caching ones bypass the cache.
    """
    cached = await load("fsspec.implementations.cached")
    archive = await load("fsspec.archive")
    if isinstance(fs, cached.WholeFileCacheFileSystem):
        return by_info.read_copy
    if isinstance(fs, cached.CachingFileSystem):
        return by_info.read_blocks
    if isinstance(fs, archive.AbstractArchiveFileSystem):
        return by_info.read_archive
    return None if getattr(fs, "async_impl", False) else by_info.read_blocking


def _reading_class(fs: Any) -> tuple[str, str]:  # noqa: ANN401 - the same
    """Return module and name of the class that defines `_cat_file` of a file system."""
    for cls in type(fs).__mro__:
        if "_cat_file" in cls.__dict__:
            return cls.__module__, cls.__name__
    return "", ""


async def _in_its_loop(fs: Any, reading: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - the same
    """Await in the event loop of a file system, or here if it was created for the caller's."""
    if getattr(fs, "asynchronous", False):
        return await reading
    try:
        waiting: Awaitable[Any] = asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(reading, fs.loop)
        )
    except BaseException:
        reading.close()
        raise
    return await waiting
