"""What a caller of `write` asked for, carried out: prepared, written, resumed, read back."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from tinycog.argument_types import (
    FileSystem,
    ObjectStore,
    PixelDtype,
    Progress,
    UrlObject,
    WriteWhere,
)
from tinycog.cog import Cog
from tinycog.encode.packed import LIBRARY
from tinycog.entry import open as open_file
from tinycog.errors import LimitError, NotFoundError, UsageError
from tinycog.geo.written_facts import WrittenFacts
from tinycog.targets.factory import is_target, is_writable_file, make_target
from tinycog.targets.file import FileTarget
from tinycog.targets.journal_file import JournalFile
from tinycog.targets.memory import BytesTarget
from tinycog.targets.multipart import MultipartTarget
from tinycog.targets.parts import PREFERRED, SHORTEST
from tinycog.targets.protocol import WriteTarget
from tinycog.targets.spool import Spool
from tinycog.thread_pool import shared_pool
from tinycog.version import __version__
from tinycog.writer.cog_file import CogFile
from tinycog.writer.design import FileDesign
from tinycog.writer.options import FileOptions
from tinycog.writer.plan import WritePlan
from tinycog.writer.sources.cog import Subset
from tinycog.writer.sources.make import make_pixel_source
from tinycog.writer.sources.web_tiles import WebGrid

JOURNAL_SUFFIX = ".tinycog-journal"

PARTS_SHARE = 16
"""Part of the memory that one part of an upload may have; three are held at once."""


KEPT_SHARE = 2
"""Part of the memory that nothing else needs in which what is put aside may stay."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written.

    Attributes:
        name: of the file, without secrets.
        length: in bytes.
        plan: what writing it was said to take.
        data: the file, where `bytes` was the target.
    """

    name: str
    length: int
    plan: WritePlan
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteJob:
    """What `write` was called with, checked as far as it can be without the source."""

    target: WriteWhere | WriteTarget
    source: object
    options: FileOptions
    facts: WrittenFacts
    shape: Sequence[int] | None
    dtype: PixelDtype | None
    subset: Subset
    web_grid: WebGrid | None
    fs: FileSystem | None
    store: ObjectStore | None
    storage_options: Mapping[str, object] | None
    overwrite: bool
    resume: bool | str | PathLike[str]
    spool: str | PathLike[str] | None
    progress: Progress | None


class _Prepared(NamedTuple):
    """A file that can be written, and where it goes."""

    file: CogFile
    target: WriteTarget
    spool: Spool
    journal: JournalFile | None
    plan: WritePlan


async def _prepare(job: WriteJob) -> _Prepared:
    options = job.options
    source = await make_pixel_source(
        job.source,
        shape=job.shape,
        dtype=job.dtype,
        facts=job.facts,
        subset=job.subset,
        web_grid=job.web_grid,
        memory=options.memory // 4,
    )
    file = CogFile(FileDesign(source, options), shared_pool().size)
    spool = Spool(None if job.spool is None else os.fspath(job.spool))

    def with_parts_of(part_bytes: int) -> _Prepared:
        target = make_target(
            job.target,
            fs=job.fs,
            store=job.store,
            storage_options=job.storage_options,
            overwrite=job.overwrite,
            spool=job.spool,
            part_bytes=part_bytes,
            bounds=file.bounds,
        )
        journal = _journal(job.resume, target, file)
        held = target.memory + spool.memory + (0 if journal is None else journal.memory)
        plan = file.plan(held, journal=journal is not None)
        spool.kept = min(plan.spool, (plan.memory_limit - plan.memory) // KEPT_SHARE)
        plan = replace(plan, kept=spool.kept)
        if getattr(target, "spools_body", False):
            plan = replace(plan, spool=plan.spool + file.bounds.body)
        return _Prepared(file, target, spool, journal, plan)

    try:
        return with_parts_of(max(min(options.memory // PARTS_SHARE, PREFERRED), SHORTEST))
    except LimitError:  # what it says to be the smallest memory must not depend on the memory
        return with_parts_of(SHORTEST)


def _journal(
    resume: bool | str | PathLike[str],  # noqa: FBT001 - as the caller gave it
    target: WriteTarget,
    file: CogFile,
) -> JournalFile | None:
    """Return the journal of a write; nothing is opened.

    Raises:
        UsageError: it is not said where it is.
    """
    if resume is False:
        return None
    if resume is not True:
        digest = hashlib.sha256(target.name.encode(errors="surrogateescape")).hexdigest()[:16]
        path = Path(resume) / f"{digest}{JOURNAL_SUFFIX}"
    elif isinstance(target, FileTarget):
        beside = Path(os.path.realpath(target.name))
        path = beside.with_name(f".{beside.name}{JOURNAL_SUFFIX}")
    else:
        message = f"resume=True is of a path: give a folder for the journal of {target.name}"
        raise UsageError(message)
    return JournalFile(path, _fingerprint(file))


def _fingerprint(file: CogFile) -> bytes:
    """Return what bytes of a file depend on, but for pixels, in 32 bytes (cog.written.resume)."""
    versions = f"tinycog {__version__}, numpy {np.__version__}, {LIBRARY}"
    return hashlib.sha256(versions.encode() + file.fingerprint).digest()


async def plan_of(job: WriteJob) -> WritePlan:
    """Return what a write takes; nothing is written.

    Raises:
        UsageError, UnsupportedError: an argument does not fit the pixels.
        LimitError: `memory` is too small.
    """
    return (await _prepare(job)).plan


def _reopened(job: WriteJob, data: bytes | None) -> Cog:
    """Return a handle on what was written, without any I/O.

    Raises:
        UsageError: it cannot be read.
    """
    where = job.target
    if where is bytes:
        return open_file(data or b"", cache=False)
    if is_target(where) or is_writable_file(where) or isinstance(where, type):
        message = "verify=True reads the file back: write to a path, a url, a store or bytes"
        raise UsageError(message)
    return open_file(
        cast("str | PathLike[str] | UrlObject", where),
        fs=job.fs,
        store=job.store,
        storage_options=job.storage_options,
        cache=False,
    )


async def _begin(job: WriteJob, target: WriteTarget, journal: JournalFile | None) -> None:
    """Begin to write; the upload that a killed write left open is dropped (cog.written.resume).

    Raises:
        UsageError: the target exists and must not be overwritten.
        SourceError: it cannot be written, or that upload cannot be dropped.
    """
    if journal is None or not isinstance(target, MultipartTarget):
        await target.begin()
        return
    if journal.left:
        from tinycog.targets.uploads import OpenUpload, abort_upload  # noqa: PLC0415 - heavy

        options = job.storage_options or getattr(job.target, "storage_options", None)
        with suppress(NotFoundError):  # it was dropped when the write failed
            key = target.name.partition("://")[2].partition("/")[2]
            left = OpenUpload(target.name, key, journal.left, None)
            await abort_upload(left, storage_options=options)
    await target.begin()
    await journal.note(target.upload_id)


async def carry_out(job: WriteJob) -> Written:
    """Write a file; nothing is published before all of it is there.

    Raises:
        TinycogError: it cannot be written; see `tinycog.write`.
    """
    if job.options.verify:
        _reopened(job, b"")  # what cannot be read back is refused now
    file, target, spool, journal, plan = await _prepare(job)
    try:
        if journal is not None:
            await journal.open()
        try:
            await _begin(job, target, journal)
            length = await file.write(plan, target, spool, job.progress, journal)
        except BaseException:
            await asyncio.shield(target.abort())
            raise
        if journal is not None:
            await asyncio.shield(journal.remove())
    finally:
        try:
            await asyncio.shield(spool.close())
        finally:
            if journal is not None:
                await asyncio.shield(journal.close())
    data = target.result if isinstance(target, BytesTarget) else None
    if job.options.verify:
        from tinycog.verifying import verify as verify_file  # noqa: PLC0415 - heavy

        async with _reopened(job, data) as cog:
            await verify_file(cog, target.name, file.checksums)
    return Written(target.name, length, plan, data)
