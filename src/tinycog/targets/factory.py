"""The target for a path, a url, `bytes`, an open file or a path in a store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from tinycog.argument_types import FileSystem, ObjectStore, WritableFile, WriteWhere
from tinycog.errors import UsageError
from tinycog.sources.factory import USES as EVERY
from tinycog.sources.factory import path_of, text_of
from tinycog.sources.redact import shown_url
from tinycog.sources.urls import check_text, links_of, scheme_of
from tinycog.targets.parts import PREFERRED, Bounds
from tinycog.targets.protocol import WriteTarget

if TYPE_CHECKING:
    from tinycog.targets.stream import Sink

EXPECTED = "a path, a url, bytes (the type), an open binary file, or a path with fs= or store="

USES = {name: EVERY[name] for name in ("fs", "store")} | {"storage_options": "urls of stores"}
"""What each argument is for that not every target has a use for."""

METHODS = ("begin", "append", "finish", "abort")


class TargetOptions(NamedTuple):
    """The arguments that a target is made with; see `make_target`."""

    fs: FileSystem | None
    store: ObjectStore | None
    storage_options: Mapping[str, object] | None
    overwrite: bool
    folder: str | None
    part_bytes: int
    bounds: Bounds | None

    def check_used(self, what: str, *used: str) -> None:
        """Check that no argument is given but those `used` by such a target: none is dropped.

        Raises:
            UsageError: one is.
        """
        for name, use in USES.items():
            if getattr(self, name) is not None and name not in used:
                message = f"{name}= has no use with {what}: it is for {use}"
                raise UsageError(message)


def make_target(
    where: WriteWhere | WriteTarget,
    *,
    fs: FileSystem | None = None,
    store: ObjectStore | None = None,
    storage_options: Mapping[str, object] | None = None,
    overwrite: bool = True,
    spool: str | os.PathLike[str] | None = None,
    part_bytes: int = PREFERRED,
    bounds: Bounds | None = None,
) -> WriteTarget:
    """Return the target for what a file is written to, without any I/O.

    `bytes`: memory. A path, or `file://`: a file. `s3://`, `gs://`, `az://`: an upload in numbered
    parts. Any other scheme, and any path together with `fs`: fsspec. A path together with `store`:
    that object store. An open binary file: that file. A `WriteTarget` is returned as it is.

    Args:
        where: what it is written to.
        fs: a file system of fsspec's, in which it is a path.
        store: a store with obspec's methods, in which it is a path.
        storage_options: of the file system or store that a url names.
        overwrite: whether what is there is replaced.
        spool: folder for what has to wait; None: where `tempfile` makes its files.
        part_bytes: that parts of an upload grow to, unless they must be longer.
        bounds: of the length of the file; None: not known.

    Raises:
        UsageError: it is none of these, cannot be written, or an argument has no use for it.
        LimitError: what stands in front of level 0 does not fit into an object of such a store.
    """
    folder = None if spool is None else os.fspath(spool)
    storage_options = storage_options or getattr(where, "storage_options", None)  # of a UPath
    options = TargetOptions(
        fs, store, storage_options or None, overwrite, folder, part_bytes, bounds
    )
    if is_target(where):
        options.check_used("a target of your own")
        return where
    if is_writable_file(where):
        from tinycog.targets.binary_file import FileSink  # noqa: PLC0415 - the one that is used

        options.check_used("an open file")
        return _in_order(FileSink(where), options)
    text = text_of(where)
    if text is not None:
        return _of_text(text, options)
    if where is bytes:
        from tinycog.targets.memory import BytesTarget  # noqa: PLC0415 - the same

        options.check_used("bytes")
        return BytesTarget()
    what = where if isinstance(where, type) else type(where)
    message = f"cannot write to {what.__name__}: expected {EXPECTED}"
    raise UsageError(message)


def _of_text(text: str, options: TargetOptions) -> WriteTarget:
    """Return the target for a path or a url."""
    if options.store is not None:
        from tinycog.targets.object_store import ObjectSink  # noqa: PLC0415 - the same

        options.check_used("store=", "store")
        sink = ObjectSink(
            text,
            options.store,
            overwrite=options.overwrite,
            part_bytes=options.part_bytes,
            bounds=options.bounds,
        )
        return _in_order(sink, options)
    if options.fs is not None:
        options.check_used("fs=", "fs")
        return _by_fsspec(text, options)
    text = check_text(text)
    scheme = scheme_of(links_of(text)[-1])
    if scheme in ("http", "https"):
        message = (
            "http urls cannot be written: write to a path, to a bucket (s3://, gs://, az://), or"
            f" to bytes, and upload those: {shown_url(text)}"
        )
        raise UsageError(message)
    if len(links_of(text)) == 1 and scheme in ("", "file"):
        from tinycog.targets.file import FileTarget  # noqa: PLC0415 - the same

        options.check_used("a path")
        return FileTarget(path_of(text) if scheme else text, overwrite=options.overwrite)
    return _numbered(text, options) or _by_fsspec(text, options)


def _numbered(url: str, options: TargetOptions) -> WriteTarget | None:
    """Return the target of an upload in numbered parts, or None if the url names no such store."""
    from tinycog.targets.numbered import numbered_target  # noqa: PLC0415 - the same

    return numbered_target(
        url,
        options.storage_options or {},
        overwrite=options.overwrite,
        part_bytes=options.part_bytes,
        bounds=options.bounds,
        folder=options.folder,
    )


def _by_fsspec(where: str, options: TargetOptions) -> WriteTarget:
    """Return the target of a path or url of fsspec."""
    from tinycog.targets.fsspec import FsspecSink  # noqa: PLC0415 - the same

    sink = FsspecSink(
        where,
        fs=options.fs,
        storage_options=options.storage_options,
        overwrite=options.overwrite,
        block_bytes=options.part_bytes,
    )
    return _in_order(sink, options)


def _in_order(sink: Sink, options: TargetOptions) -> WriteTarget:
    """Return the target that writes to a sink."""
    from tinycog.targets.stream import StreamTarget  # noqa: PLC0415 - the same

    return StreamTarget(sink, options.folder)


def is_target(where: object) -> TypeGuard[WriteTarget]:
    """Return whether an object has the methods of a target."""
    has = (callable(getattr(where, method, None)) for method in METHODS)
    return not isinstance(where, type) and all(has)


def is_writable_file(where: object) -> TypeGuard[WritableFile]:
    """Return whether an object has the method of a file that is written, in text mode included."""
    return not isinstance(where, type) and callable(getattr(where, "write", None))
