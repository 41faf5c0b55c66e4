"""Any other file system: what it tells of an object before and after its bytes (store.info)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tinycog.sources.one_at_a_time import alone
from tinycog.sources.stores.answer import ObjectAnswer, ObjectRead, ReplacedError
from tinycog.sources.stores.names import best_of, names_of, size_of
from tinycog.tiff.ranges import ByteRange

Facts = Mapping[str, object]


async def read(wanted: ObjectRead, *, is_seen: bool) -> ObjectAnswer:
    """Read by the async methods of a file system, in its event loop.

    Args:
        wanted: the range.
        is_seen: whether the generation that is wanted was seen before; then what the file system
            tells after the bytes is enough.

    Raises:
        ReplacedError: the object was replaced meanwhile.
        Exception: whatever the file system raises.
    """
    fs, path, part = wanted[:3]
    before = None if is_seen else await _info(fs, path)
    data = await fs._cat_file(path, start=part.start, end=part.stop)  # noqa: SLF001 - fsspec has no public async name
    return _answer(part, data, before, await _info(fs, path))


def read_blocking(wanted: ObjectRead, *, is_seen: bool) -> ObjectAnswer:
    """Read by the blocking methods of a file system; see `read`."""
    fs, path, part = wanted[:3]
    before = None if is_seen else _info_blocking(fs, path)
    data = fs.cat_file(path, start=part.start, end=part.stop)
    return _answer(part, data, before, _info_blocking(fs, path))


def read_archive(wanted: ObjectRead, *, is_seen: bool) -> ObjectAnswer:
    """Read a member of an archive, one thread at a time: all of them read from one open file.

    Its generation is that of the archive, if that tells one, with what the archive tells of it.
    """
    with alone(f"archive {id(wanted.fs)}"):
        before = None if is_seen else _archive_info(wanted)
        data = wanted.fs.cat_file(wanted.path, start=wanted.part.start, end=wanted.part.stop)
        return _answer(wanted.part, data, before, _archive_info(wanted))


def read_copy(wanted: ObjectRead, *, is_seen: bool) -> ObjectAnswer:
    """Read a file system that keeps copies of whole files, one thread at a time for each path.

    fsspec fills the copy in place: another thread would read one that is cut. The generation is
    that of the copy.
    """
    fs, path, part = wanted[:3]
    with alone(path):
        before = None if is_seen else _copy_info(fs, path)
        if before == {}:  # no copy yet
            fs.cat_file(path, start=part.start, end=part.start + 1)
            before = _copy_info(fs, path)
        data = fs.cat_file(path, start=part.start, end=part.stop)
        return _answer(part, data, before, _copy_info(fs, path))


def read_blocks(wanted: ObjectRead, *, is_seen: bool) -> ObjectAnswer:
    """Read a file system that keeps blocks of files, one thread at a time for each path.

    The generation is that of the file below, and the blocks must be of the same.

    Raises:
        ReplacedError: there are blocks of an earlier generation.
    """
    fs, path, part = wanted[:3]
    with alone(path):
        before = None if is_seen else _info_blocking(fs.fs, path)
        data = fs.cat_file(path, start=part.start, end=part.stop)
        after = _info_blocking(fs.fs, path)
        kept = fs._check_file(path)  # noqa: SLF001 - nothing else tells of which generation they are
        now = fs.fs.ukey(path)
        if wanted.is_pinned and kept and kept[0].get("uid", now) != now:
            raise ReplacedError("that of the blocks in the cache", best_of(names_of(after)))
        return _answer(part, data, before, after)


def _answer(part: ByteRange, data: bytes, before: Facts | None, after: Facts) -> ObjectAnswer:
    """Return the bytes with their generation: it was the same before and after."""
    names = names_of(after)
    if before is not None and (names_of(before) != names or size_of(before) != size_of(after)):
        raise ReplacedError(best_of(names_of(before)), best_of(names))
    size = size_of(after)
    if size is None and 0 < len(data) < part.length:
        size = part.start + len(data)  # a file system gives fewer bytes only there
    return ObjectAnswer(data, size, names)


# --- what is told --------------------------------------------------------------------------------


async def _info(fs: Any, path: str) -> Facts:  # noqa: ANN401 - fsspec has no types
    _forget_listing(fs, path)
    info = getattr(fs, "_info", None)
    if info is not None:
        with suppress(NotImplementedError):
            return await info(path)
    return {}


def _info_blocking(fs: Any, path: str) -> Facts:  # noqa: ANN401 - the same
    _forget_listing(fs, path)
    info = getattr(fs, "info", None)
    if info is not None:
        with suppress(NotImplementedError):
            return info(path)
    return {}


def _forget_listing(fs: Any, path: str) -> None:  # noqa: ANN401 - the same
    """Drop what a file system remembers of an object: it may be of an earlier generation."""
    forget, parent = getattr(fs, "invalidate_cache", None), getattr(fs, "_parent", None)
    if forget is not None:
        forget(path)
        if parent is not None:
            forget(parent(path))


def _archive_info(wanted: ObjectRead) -> Facts:
    member = wanted.fs.info(wanted.path)
    file = getattr(wanted.fs, "fo", None)
    below, archive = getattr(file, "fs", None), getattr(file, "path", None)
    told: Facts = {} if below is None or archive is None else _info_blocking(below, archive)
    names = (best_of(names_of(told)), best_of(names_of(member)))
    return {"etag": "; ".join(filter(None, names)), "size": member.get("size")}


def _copy_info(fs: Any, path: str) -> Facts:  # noqa: ANN401 - the same
    """Return what the operating system tells of the copy of a file; {} if there is none."""
    kept: Any = fs._check_file(fs._strip_protocol(path))  # noqa: SLF001 - nothing else tells
    if not kept:
        return {}
    name: str = kept if isinstance(kept, str) else kept[1]
    with suppress(FileNotFoundError):
        status = os.stat(name)  # noqa: PTH116 - a text
        return {"mtime": status.st_mtime_ns, "ino": status.st_ino, "size": status.st_size}
    return {}
