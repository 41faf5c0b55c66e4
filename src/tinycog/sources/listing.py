"""Files that patterns name: by fsspec, or in folders of this machine."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, cast

from tinycog.argument_types import FileSystem
from tinycog.errors import NotFoundError, UsageError
from tinycog.sources.factory import path_of, text_of
from tinycog.sources.fsspec import FsspecSource
from tinycog.sources.redact import shown_url
from tinycog.sources.stores.errors import to_source_error
from tinycog.sources.stores.threads import in_thread
from tinycog.sources.urls import check_text, links_of, scheme_of
from tinycog.tiff.ranges import ByteRange


def absolute_path(where: str) -> str:
    """Return a path as an absolute one, a url as it is."""
    return where if "://" in where else os.path.abspath(where)  # noqa: PTH100 - as it is written


async def list_files(
    wheres: Any,  # noqa: ANN401 - as a caller gives them
    fs: FileSystem | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> list[str]:
    """Return urls and paths in their order, with what patterns name in their place, sorted.

    A text with `*` is a pattern; a path object never is.

    Raises:
        UsageError: one has neither a url nor a path.
        NotFoundError: a pattern names no file.
        SourceError: a pattern cannot be listed.
    """
    is_one = isinstance(wheres, str | bytes | os.PathLike) or not isinstance(wheres, Iterable)
    found: list[str] = []
    for where in [wheres] if is_one else cast("Iterable[object]", wheres):
        text = text_of(where)
        if text is None:
            message = f"a file of a collection has a url or a path, which {where!r} is not"
            raise UsageError(message)
        text = text if fs is not None else check_text(text)
        if isinstance(where, str) and "*" in text:
            found += await _listed(text, fs, storage_options)
        else:
            found.append(text)
    return found


async def _listed(
    pattern: str, fs: FileSystem | None, storage_options: Mapping[str, object] | None
) -> list[str]:
    """Return what a pattern names, sorted."""
    scheme = scheme_of(pattern)
    if fs is None and scheme in ("", "file"):
        names = await in_thread(partial(glob.glob, str(path_of(pattern)), recursive=True))
        found = _files(names)
    else:
        found = await _listed_by_fsspec(pattern, fs, storage_options)
    if not found:
        raise NotFoundError("the pattern names no file", url=shown_url(pattern))
    return sorted(found)


def _files(names: Iterable[str]) -> list[str]:
    return [name for name in names if os.path.isfile(name)]  # noqa: PTH113 - names of glob


async def _listed_by_fsspec(
    pattern: str, fs: FileSystem | None, storage_options: Mapping[str, object] | None
) -> list[str]:
    if len(links_of(pattern)) > 1:
        message = f"a pattern cannot be a chain of fsspec's: {shown_url(pattern)}"
        raise UsageError(message)
    source = FsspecSource(pattern, fs=fs, storage_options=storage_options)
    system, path = await source.open_file_system()
    try:
        if getattr(system, "asynchronous", False):
            names = await system._glob(path)  # noqa: SLF001 - what fsspec offers to coroutines
        else:
            names = await in_thread(partial(system.glob, path))
    except Exception as exc:  # noqa: BLE001 - a file system may raise anything
        raise to_source_error(exc, source.name, ByteRange(0, 0), source.secrets()) from None
    scheme = scheme_of(pattern)
    prefix = f"{scheme}://" if fs is None else ""
    return [name if "://" in name else prefix + str(name) for name in names]
