"""Pieces to a folder of chunks, which gets its name when all of them are there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import TargetExistsError, UsageError
from tinycog.exporting.parts import identity_of, part_path
from tinycog.exporting.piecewise import ReadPiece
from tinycog.exporting.to_chunks import Chunks, Rechunker
from tinycog.targets.file_errors import writing
from tinycog.targets.temporary import sync_folder
from tinycog.targets.worker import Worker
from tinycog.window import Window

OLD = "-old"
"""Ending of the name that a folder has while another takes its place."""


class FolderFormat(Protocol):
    """What a folder of chunks holds; calls block."""

    def is_one(self, folder: Path) -> bool:
        """Return whether a folder is of this format, so that it may be replaced."""
        ...

    def open(self, folder: Path, *, again: bool) -> None:
        """Make what describes the chunks, or take what is there."""
        ...

    def write(self, window: Window, data: NDArray[Any], mask: NDArray[np.bool_]) -> None:
        """Write whole chunks: (bands, rows, cols), and which pixels are valid, (rows, cols)."""
        ...

    def seal(self) -> None:
        """Write what describes the whole."""
        ...


class ToFolder:
    """See `PieceSink`: a folder, renamed when all is there; one that it replaces is removed."""

    def __init__(
        self,
        target: Path,
        layout: FolderFormat,
        chunks: Chunks,
        done: Collection[int],
        *,
        overwrite: bool,
    ) -> None:
        """Take what it will be; nothing is opened.

        Args:
            target: the name that it gets.
            layout: what it holds.
            chunks: of the result.
            done: numbers of pieces that came before, while they come.
            overwrite: whether a folder of that format is replaced.
        """
        self.name = str(target)
        self._target, self._part = target, part_path(target)
        self._old = self._part.with_name(self._part.name + OLD)
        self._layout = layout
        beside = target.with_name(f"{target.name}.parts")
        self._chunks = Rechunker(beside, chunks, layout, done)
        self._overwrite = overwrite
        self._worker = Worker()

    async def open(self, *, again: bool) -> bool:
        """Make the folder, or take what is there; see `PieceSink`."""
        return await self._worker.run(self._open, again=again)

    def _open(self, *, again: bool) -> bool:
        self._check_target()
        with writing(self.name, str(self._target.parent)):
            is_there = again and self._part.is_dir()
            if not is_there and self._part.exists():
                shutil.rmtree(self._part)
            self._part.mkdir(exist_ok=True)
            is_there = self._chunks.open(again=is_there) and is_there
            self._layout.open(self._part, again=is_there)
        return is_there

    def _check_target(self) -> None:
        """Check what is replaced.

        Raises:
            UsageError: something must not be.
        """
        if not os.path.lexists(self._target):
            return
        if not self._overwrite:
            raise TargetExistsError.of_target(self.name)
        if not self._layout.is_one(self._target):
            message = f"what is there is nothing of the kind, and is not replaced: {self.name}"
            raise UsageError(message)

    async def write(self, piece: ReadPiece) -> None:
        """Write the chunks that a piece completes; see `PieceSink`."""
        await self._worker.run(self._write, piece)

    def _write(self, piece: ReadPiece) -> None:
        with writing(self.name, str(self._target.parent)):
            self._chunks.take(piece)

    async def sync(self) -> None:
        """Flush chunks and parts to the disk; see `PieceSink`."""
        await self._worker.run(self._sync)

    def _sync(self) -> None:
        with writing(self.name, str(self._target.parent)):
            sync_all()

    async def seal(self) -> str:
        """Write what describes the whole; see `PieceSink`."""
        return await self._worker.run(self._seal)

    def _seal(self) -> str:
        with writing(self.name, str(self._target.parent)):
            self._layout.seal()
            sync_all()
            return identity_of(self._part) or ""

    async def was_published(self, sealed: str) -> bool:
        """Return whether the folder of that name is the one that was sealed."""
        return await self._worker.run(self._was_published, sealed)

    def _was_published(self, sealed: str) -> bool:
        if identity_of(self._target) == sealed:
            return True
        if self._old.exists() and not self._target.exists():
            with writing(self.name):
                self._old.rename(self._target)  # the run before was killed between two names
        return False

    async def publish(self, *, masked: bool) -> None:
        """Rename the folder; see `PieceSink`."""
        del masked
        await self._worker.run(self._publish)

    def _publish(self) -> None:
        self._check_target()
        with writing(self.name, str(self._target.parent)):
            if self._target.exists():
                self._target.rename(self._old)
            try:
                self._part.rename(self._target)
            except OSError:
                if self._old.exists():
                    self._old.rename(self._target)
                raise
            sync_folder(self._target.parent)

    async def tidy(self, *, masked: bool) -> None:
        """Remove what was replaced."""
        del masked
        await self._worker.run(self._tidy)

    def _tidy(self) -> None:
        if self._old.exists():
            with writing(self.name):
                shutil.rmtree(self._old)

    async def close(self, *, removed: bool) -> None:
        """Close the file of parts; see `PieceSink`."""
        await self._worker.run(self._close, removed=removed)
        self._worker.close()

    def _close(self, *, removed: bool) -> None:
        self._chunks.close(removed=removed)
        if removed and self._part.exists():
            shutil.rmtree(self._part, ignore_errors=True)


def sync_all() -> None:
    """Have all that was written outlive a failure of power: one by one, files take far longer."""
    if hasattr(os, "sync"):
        os.sync()
