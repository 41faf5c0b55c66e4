"""A file on disk, by positioned reads off the event loop."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from tinycog.errors import AccessDeniedError, NotFoundError, SourceError
from tinycog.sources.protocol import RangeSink
from tinycog.tiff.ranges import ByteRange

if TYPE_CHECKING:
    from pathlib import Path


class PositionedReads:
    """Reads at positions of a file, which is opened at the first read and closed with this object.

    No read moves the position of a descriptor, where the system can do that.
    """

    def __init__(self, open_file: Callable[[], int]) -> None:
        """Take a function that returns a descriptor; it is not called yet."""
        self._open_file = open_file
        self._lock = threading.Lock()
        self._open: tuple[int, weakref.finalize[Any, Any]] | None = None

    async def read_range(self, part: ByteRange, answer: RangeSink, name: str) -> None:
        """Read at a position (`pread`), in a worker thread.

        Raises:
            SourceError: the file, called `name`, cannot be read.
        """
        try:
            data, size, generation = await asyncio.to_thread(self._read, part)
        except FileNotFoundError as exc:
            raise NotFoundError("there is no such file", url=name) from exc
        except PermissionError as exc:
            raise AccessDeniedError("the file may not be read", url=name) from exc
        except OSError as exc:
            message = f"the file cannot be read: {exc}"
            raise SourceError(message, url=name, range=part) from exc
        answer.begin(size, generation)
        answer.write(data)

    def _read(self, part: ByteRange) -> tuple[bytes, int, str]:
        fd = self._descriptor()
        status = os.fstat(fd)
        size = status.st_size
        data = self._read_at(fd, part.length, part.start)
        while len(data) < part.length and part.start + len(data) < size:
            more = self._read_at(fd, part.length - len(data), part.start + len(data))
            if not more:  # truncated meanwhile: the short answer is refused by `fetch`
                break
            data += more
        return data, size, f"modified {status.st_mtime_ns}"

    def _read_at(self, fd: int, length: int, position: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(fd, length, position)
        with self._lock:  # Windows has no positioned read
            os.lseek(fd, position, os.SEEK_SET)
            return os.read(fd, length)

    def _descriptor(self) -> int:
        with self._lock:
            if self._open is None:
                fd = self._open_file()
                self._open = fd, weakref.finalize(self, os.close, fd)
            return self._open[0]

    def close(self) -> None:
        """Close the file; a later read opens it again."""
        with self._lock:
            if self._open is not None:
                self._open[1]()
                self._open = None


class LocalSource:
    """Ranges of a file, opened at the first read and closed with this object."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is opened."""
        self._path = path
        self._file = PositionedReads(partial(_open_regular, path))

    @property
    def name(self) -> str:
        """Path, as given."""
        return str(self._path)

    @property
    def url(self) -> str:
        """Absolute path."""
        return str(self._path.absolute())

    @property
    def origin(self) -> str:
        """The same for all files."""
        return "file"

    async def aopen(self) -> None:
        """Do nothing: the first read opens the file, in its worker thread."""

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Read at a position, in a worker thread."""
        await self._file.read_range(part, answer, self.name)

    async def aclose(self) -> None:
        """Close the file; a later read opens it again."""
        self._file.close()

    def __reduce__(self) -> tuple[type[LocalSource], tuple[Path]]:
        """Pickle the path alone."""
        return LocalSource, (self._path,)


def _open_regular(path: Path) -> int:
    """Open a file: nothing that is read to no end, or waits for a writer."""
    kind = path.stat().st_mode
    if not stat.S_ISREG(kind):
        what = "a folder: name a file in it" if stat.S_ISDIR(kind) else "not a regular file"
        message = f"it is {what}"
        raise OSError(message)
    return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
