"""A file on disk: level 0 first, then what stands in front of it, then its name."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, suppress
from io import FileIO
from pathlib import Path

from tinycog.errors import AccessDeniedError, TargetExistsError, UsageError
from tinycog.targets.appended_file import AppendedFile, read_at, write_at
from tinycog.targets.fallocate import insert_range, punch_hole
from tinycog.targets.file_errors import writing
from tinycog.targets.head import checked_head
from tinycog.targets.temporary import Part, remove_leftovers
from tinycog.targets.worker import Worker

COPIED_BYTES = 4 << 20
"""Bytes that are copied at once where the head cannot be inserted: no tile is held by then."""


class FileTarget:
    """A path. Nothing has that name before all is written (cog.published.file).

    Level 0 goes to a temporary file beside it (`temporary`). The head is inserted in front without
    copying where the file system can do that (ext4, xfs); otherwise level 0 is copied behind the
    head to another one, and its room given back meanwhile. A file that is replaced keeps
    permissions and, where that is allowed, owner. A symbolic link is followed.

    Attributes:
        name: the path, as given.
        memory: bytes that it holds at most.
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Take the path; nothing is opened.

        Args:
            path: of the file; its folder must be there.
            overwrite: whether what has that name is replaced.
        """
        self.name = os.fspath(path)
        self._path = Path(path)
        self._folder = str(self._path.parent)
        self._overwrite = overwrite
        self._worker = Worker()
        self._parts: list[Part] = []
        self._body = self._new_file()
        self.memory = self._body.memory

    async def begin(self) -> None:
        """Make the temporary file; remove those that killed writers of this path left.

        Raises:
            TargetExistsError: it exists and must not be overwritten.
            UsageError: it is no file.
            NotFoundError: there is no such folder.
            SourceError: it cannot be written.
        """
        await self._worker.run(self._begin)

    async def append(self, data: bytes | memoryview) -> None:
        """Take the next bytes of level 0. They may be changed afterwards.

        Raises:
            SourceError: they cannot be written.
        """
        await self._body.append(data)

    async def finish(self, head: AsyncIterator[bytes | memoryview], head_length: int) -> None:
        """Write what stands in front, and give the file its name.

        Raises:
            TargetExistsError: it exists by now and must not be overwritten.
            SourceError: it cannot be written.
        """
        await self._body.flush()
        is_inserted = await self._worker.run(self._insert, head_length)
        front = self._new_file()
        async for chunk in checked_head(head, head_length, self.name):
            await front.append(chunk)
        await front.flush()
        for start in () if is_inserted else range(0, self._body.length, COPIED_BYTES):
            await self._worker.run(self._copy, start, head_length)
        await self._worker.run(self._publish)
        self._worker.close()

    async def abort(self) -> None:
        """Remove the temporary file; what has the name stays. Repeated calls do nothing."""
        await self._worker.run(self._remove_parts)
        self._worker.close()

    def _new_file(self) -> AppendedFile:
        """Return what writes the temporary file that was made last, from its start on."""
        return AppendedFile(self._newest, self.name, self._folder, worker=self._worker, synced=True)

    def _writing(self) -> AbstractContextManager[None]:
        return writing(self.name, self._folder)

    # --- in the thread ---------------------------------------------------------------------------

    def _newest(self) -> FileIO:
        return self._parts[-1].file

    def _begin(self) -> None:
        if "\0" in self.name:
            message = f"no path has a character 0: {self.name!r}"
            raise UsageError(message)
        with self._writing():
            self._check_free()
            self._path = Path(os.path.realpath(self._path))
            remove_leftovers(self._path)
            self._parts.append(Part(self._path))

    def _check_free(self) -> None:
        try:
            found = self._path.stat().st_mode
        except FileNotFoundError:
            found = None
        if self.name.endswith((os.sep, os.altsep or os.sep)) or (found and stat.S_ISDIR(found)):
            message = f"it is a folder: give the path of a file in it: {self.name}"
            raise UsageError(message)
        if found is None:
            return
        if not stat.S_ISREG(found):
            message = f"it is no regular file: pass it open, open(path, 'wb'): {self.name}"
            raise UsageError(message)
        if not self._overwrite:
            raise TargetExistsError.of_target(self.name)
        if not os.access(self._path, os.W_OK):
            raise AccessDeniedError("the file may not be written", url=self.name)

    def _insert(self, length: int) -> bool:
        """Make room in front of level 0; return whether it is there, not in another file."""
        with self._writing():
            if not self._body.length or insert_range(self._newest().fileno(), length):
                return True
            self._parts.append(Part(self._path))
            return False

    def _copy(self, start: int, head_length: int) -> None:
        """Copy bytes of level 0 behind the head, and give back their room."""
        length = min(COPIED_BYTES, self._body.length - start)
        source, target = (part.file for part in self._parts)
        with writing(self.name, self._folder, length):
            copy_range(source, target, start, head_length + start, length)
        punch_hole(source.fileno(), start, length)

    def _publish(self) -> None:
        with self._writing():
            try:
                self._parts[-1].publish(self._path, overwrite=self._overwrite)
            except FileExistsError:
                raise TargetExistsError.of_target(self.name) from None
            finally:
                self._remove_parts()

    def _remove_parts(self) -> None:
        while self._parts:
            self._parts.pop().remove()


def copy_range(source: FileIO, target: FileIO, start: int, to: int, length: int) -> None:
    """Copy a range of a file to a position of another, in the kernel where it can do that.

    Raises:
        OSError: it cannot be read or written.
    """
    copied = 0
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):
            while copied < length:
                fds, left = (source.fileno(), target.fileno()), length - copied
                count = os.copy_file_range(*fds, left, start + copied, to + copied)
                if not count:
                    break
                copied += count
    rest = memoryview(bytearray(length - copied))
    read_at(source, rest, start + copied)
    write_at(target, [rest], to + copied)
