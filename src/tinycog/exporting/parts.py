"""Files that are written piece by piece, under names of their own until they are whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Protocol

from tinycog.errors import TargetExistsError
from tinycog.exporting.journal import SUFFIX
from tinycog.exporting.piecewise import ReadPiece
from tinycog.targets.appended_file import read_at, write_at
from tinycog.targets.file_errors import writing
from tinycog.targets.temporary import rename_to_new, start_of, sync_folder, take_permissions


class PieceSink(Protocol):
    """Takes the pieces of an area.

    Attributes:
        name: of what is written, for messages.
    """

    name: str

    async def open(self, *, again: bool) -> bool:
        """Begin; return whether all is there that a run before had written, where it goes on.

        Raises:
            UsageError: something of that name exists, and must not be replaced.
            SourceError: it cannot be written.
        """
        ...

    async def write(self, piece: ReadPiece) -> None:
        """Take a piece; what was written outlives the process.

        Raises:
            SourceError: it cannot be written.
        """
        ...

    async def sync(self) -> None:
        """Have what was written outlive a failure of power, too.

        Raises:
            SourceError: the disk fails.
        """
        ...

    async def seal(self) -> str:
        """Make all whole but for its name; return what `was_published` is asked with.

        Raises:
            SourceError: it cannot be written.
        """
        ...

    async def publish(self, *, masked: bool) -> None:
        """Give it its name; `masked` says whether any pixel is not valid.

        Raises:
            UsageError: something of that name exists by now, and must not be replaced.
            SourceError: it cannot be named.
        """
        ...

    async def was_published(self, sealed: str) -> bool:
        """Return whether the run before had given it its name already."""
        ...

    async def tidy(self, *, masked: bool) -> None:
        """Remove what is left beside what was published, now or by the run before."""
        ...

    async def close(self, *, removed: bool) -> None:
        """Close what is open; `removed` leaves nothing but what was published."""
        ...


def part_path(target: Path) -> Path:
    """Return the name that something has until it is whole."""
    return target.with_name(f"{start_of(target.name).rstrip('.')}{SUFFIX}-part")


class PartFile:
    """A file of a length that is known, written anywhere; calls block.

    Attributes:
        path: where it is until it is published.
    """

    def __init__(self, target: Path) -> None:
        """Take the name that it gets; nothing is opened."""
        self.path = part_path(target)
        self._target = target
        self._file: FileIO | None = None

    def open(self, length: int, *, again: bool) -> bool:
        """Open the file; return whether it is the one that was there, where that is wanted.

        Raises:
            SourceError: it cannot be made.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        with writing(str(self._target), str(self._target.parent)):
            self._file = FileIO(os.open(self.path, flags, 0o666), "r+b")
            if again and os.fstat(self._file.fileno()).st_size == length:
                return True
            self._file.truncate(0)
            self._file.truncate(length)  # full of zeros that take no room
        return False

    def write(self, parts: Sequence[memoryview], position: int) -> None:
        """Write bytes, one part behind the other.

        Raises:
            SourceError: they cannot be written.
        """
        length = sum(part.nbytes for part in parts)
        with writing(str(self._target), str(self._target.parent), length):
            write_at(self._opened, parts, position)

    def read(self, into: memoryview, position: int) -> None:
        """Read bytes.

        Raises:
            SourceError: they cannot be read.
        """
        with writing(str(self._target)):
            read_at(self._opened, into, position)

    def sync(self) -> None:
        """Have what was written outlive a failure of power.

        Raises:
            SourceError: the disk fails.
        """
        with writing(str(self._target)):
            getattr(os, "fdatasync", os.fsync)(self._opened.fileno())

    def identity(self) -> str:
        """Return what names the file whatever its name is."""
        status = os.fstat(self._opened.fileno())
        return f"{status.st_dev} {status.st_ino}"

    def publish(self, *, overwrite: bool) -> None:
        """Close it, and give it its name, at once and for good.

        Raises:
            UsageError: there is such a file, and it must not be replaced.
            SourceError: it cannot be named.
        """
        with writing(str(self._target), str(self._target.parent)):
            take_permissions(self.path, self._target)
            os.fsync(self._opened.fileno())
            self.close()
            if overwrite:
                self.path.replace(self._target)
            else:
                try:
                    rename_to_new(self.path, self._target)
                except FileExistsError:
                    raise TargetExistsError.of_target(str(self._target)) from None
            sync_folder(self._target.parent)

    def close(self) -> None:
        """Close it; it stays."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Close and remove it."""
        self.close()
        with suppress(FileNotFoundError):
            self.path.unlink()

    @property
    def _opened(self) -> FileIO:
        if self._file is None:
            raise AssertionError
        return self._file


def identity_of(path: Path) -> str | None:
    """Return what `PartFile.identity` gives of a file by its name; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{status.st_dev} {status.st_ino}"
