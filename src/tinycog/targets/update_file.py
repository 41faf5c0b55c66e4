"""A file on disk that is replaced by one made of its bytes and of new ones."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from tinycog.errors import AccessDeniedError, NotFoundError, SourceChangedError, SourceError
from tinycog.targets.appended_file import read_at, write_at
from tinycog.targets.file import copy_range
from tinycog.targets.file_errors import writing
from tinycog.targets.pieces import Piece, joined, piece_length
from tinycog.targets.temporary import Part, remove_leftovers
from tinycog.targets.update_target import Sent
from tinycog.targets.worker import Worker
from tinycog.tiff.ranges import ByteRange

STEP = 64 << 20
"""Bytes that are copied at once: a cancellation waits for them."""


class UpdateFile:
    """A path whose file is replaced (`UpdateTarget`, cog.updated.file).

    The new one is made beside it, by the system's copies where the file system has them, and
    renamed.

    Attributes:
        name: the path, as given.
    """

    def __init__(self, path: str) -> None:
        """Take the path; nothing is opened."""
        self.name = path
        self._path = Path(path)
        self._worker = Worker()
        self._file: FileIO | None = None
        self._generation: tuple[int, ...] = ()
        self._part: Part | None = None

    async def open(self) -> int:
        """Open the file, and return its length in bytes.

        Raises:
            SourceError: it is not there, or may not be read or written.
        """
        return await self._worker.run(self._open)

    async def read(self, start: int, stop: int) -> bytes:
        """Return bytes of the file.

        Raises:
            SourceChangedError: it was replaced or edited meanwhile.
            SourceError: they cannot be read.
        """
        return await self._worker.run(self._read, start, stop)

    async def publish(self, pieces: Sequence[Piece]) -> Sent:
        """Replace the file.

        Raises:
            SourceChangedError: it was replaced or edited meanwhile; it stays so.
            SourceError: it cannot be written; the file stays as it was.
        """
        await self._worker.run(self._begin)
        at = sent = 0
        for piece in joined(pieces):
            length = piece_length(piece)
            if not isinstance(piece, ByteRange):
                await self._worker.run(self._write, piece, at)
                sent += length
            else:
                for start in range(0, length, STEP):
                    stop = min(start + STEP, length)
                    part = ByteRange(piece.start + start, piece.start + stop)
                    await self._worker.run(self._copy, part, at + start)
            at += length
        await self._worker.run(self._publish)
        return Sent(sent, at - sent)

    async def close(self) -> None:
        """Remove what is temporary, and close the file. Repeated calls do nothing."""
        await self._worker.run(self._close)
        self._worker.close()

    # --- in the thread ---------------------------------------------------------------------------

    def _open(self) -> int:
        try:
            self._path = Path(os.path.realpath(self._path))
            if not stat.S_ISREG(self._path.stat().st_mode):
                raise SourceError("it is no regular file", url=self.name)
            self._file = FileIO(self._path)
        except FileNotFoundError:
            raise NotFoundError("there is no such file", url=self.name) from None
        except PermissionError:
            raise AccessDeniedError("the file may not be read", url=self.name) from None
        except (OSError, ValueError) as exc:
            if isinstance(exc, SourceError):
                raise
            message = f"the file cannot be read: {exc}"
            raise SourceError(message, url=self.name) from exc
        if not os.access(self._path, os.W_OK):
            raise AccessDeniedError("the file may not be written", url=self.name)
        status = os.fstat(self._file.fileno())
        self._generation = _generation(status)
        return status.st_size

    def _old(self) -> FileIO:
        if self._file is None:
            raise SourceError("the file is not open", url=self.name)
        return self._file

    def _read(self, start: int, stop: int) -> bytes:
        file = self._old()
        stop = min(stop, os.fstat(file.fileno()).st_size)
        data = bytearray(max(stop - start, 0))
        try:
            read_at(file, memoryview(data), start)
        except OSError as exc:
            message = f"the file cannot be read: {exc}"
            raise SourceError(message, url=self.name, range=(start, stop)) from exc
        self._check_same()
        return bytes(data)

    def _begin(self) -> None:
        with writing(self.name, str(self._path.parent)):
            remove_leftovers(self._path)
            self._part = Part(self._path)

    def _new(self) -> FileIO:
        if self._part is None:
            raise SourceError("the update was dropped", url=self.name)
        return self._part.file

    def _write(self, data: bytes | memoryview, at: int) -> None:
        with writing(self.name, str(self._path.parent), len(data)):
            write_at(self._new(), [data], at)

    def _copy(self, part: ByteRange, to: int) -> None:
        with writing(self.name, str(self._path.parent), part.length):
            copy_range(self._old(), self._new(), part.start, to, part.length)

    def _check_same(self) -> None:
        """Check that the file is the one that was opened, unchanged, and still has the name.

        Raises:
            SourceChangedError: it is not.
        """
        try:
            is_same = _generation(os.fstat(self._old().fileno())) == self._generation
            is_same = is_same and _generation(self._path.stat()) == self._generation
        except FileNotFoundError:
            is_same = False
        if not is_same:
            message = "the file was replaced or edited by another meanwhile"
            raise SourceChangedError(message, url=self.name)

    def _publish(self) -> None:
        with writing(self.name, str(self._path.parent)):
            self._check_same()
            if self._part is not None:
                self._part.publish(self._path, overwrite=True)

    def _close(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            part.remove()
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _generation(status: os.stat_result) -> tuple[int, ...]:
    """Return what is another one where a file was replaced or edited."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
