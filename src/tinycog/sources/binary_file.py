"""A binary file that the caller has open: `open(path, "rb")`, `io.BytesIO`, one of fsspec's.

::

    with open("a.tif", "rb") as file:
        tile = await tinycog.open(file).read_tile(0, 0, 0)
"""

from __future__ import annotations

import io
import os
import stat
from functools import partial
from typing import TYPE_CHECKING, Any

from tinycog.errors import SourceError, TinycogError, UsageError
from tinycog.sources.local import PositionedReads
from tinycog.sources.memory import immutable_view
from tinycog.sources.one_at_a_time import alone
from tinycog.sources.protocol import RangeSink, check_length
from tinycog.sources.redact import shown_url
from tinycog.sources.stores.errors import to_source_error
from tinycog.sources.stores.threads import in_thread
from tinycog.tiff.ranges import ByteRange

if TYPE_CHECKING:
    from tinycog.argument_types import BinaryFile

NAMES = ("full_name", "name", "path")
"""Attributes by which files are named: fsspec's, Python's."""


class BinaryFileSource:
    """Ranges of an open file, which is never closed here; its position stays where it is.

    A file on disk that `open(path, "rb")` gave is read at positions (`pread`). Any other is read by
    one thread at a time, however many handles share it: `seek`, `read`, and back. Others that use
    it meanwhile would see its position move. No deadline is set.

    Pickles if the file does. A file of an operating system that is read by `seek` is refused in a
    process that was forked: all would move one position (store.fork).
    """

    def __init__(self, file: BinaryFile) -> None:
        """Take the file; nothing is read.

        Raises:
            UsageError: it is closed, in text mode, not for reading, or cannot seek.
        """
        self._file: Any = file  # what it is called, and whether it is closed, only some files tell
        self._pid = os.getpid()
        _check_usable(file, self.name)
        self._reads = PositionedReads(self._duplicate) if _is_plain(file) else None

    @property
    def name(self) -> str:
        """Name or path of the file if it tells one, else its type."""
        return name_of_file(self._file)

    @property
    def origin(self) -> str:
        """The same for all files on disk, for all in memory, and for all of one class."""
        if self._reads is not None:
            return "file"
        if type(self._file) is io.BytesIO:
            return "memory"
        cls = self._file.__class__
        return f"{cls.__module__}.{cls.__qualname__}"

    async def aopen(self) -> None:
        """Do nothing: the file is open."""

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Read a range, in a worker thread.

        Raises:
            UsageError: the file was closed, it returns no bytes, or a generation is wanted of one
                that tells none.
            SourceError: it cannot be read.
        """
        self._check_open()
        if self._reads is not None:
            await self._reads.read_range(part, answer, self.name)
            return
        if answer.generation is not None:
            message = (
                f"the generation {answer.generation} is wanted (pin=, or that of a snapshot), but"
                f" an open file tells none: {self.name}"
            )
            raise UsageError(message)
        try:
            data, size = await in_thread(partial(self._read, part))
        except TinycogError:
            raise
        except Exception as exc:  # noqa: BLE001 - a file of others may raise anything
            error = to_source_error(exc, self.name, part, reader=f"the {type(self._file).__name__}")
        else:
            check_length(self.name, part, data)
            answer.begin(size, None)
            answer.write(data)
            return
        raise error  # not where it would show its cause as a context

    def _read(self, part: ByteRange) -> tuple[bytes | memoryview, int]:
        """Read a range and the size of the file, and go back to where it was."""
        file = self._file
        with alone(f"file {id(file)}"):
            self._check_open()
            before = file.tell()
            try:
                file.seek(0, os.SEEK_END)
                size = file.tell()
                file.seek(part.start)
                data = self._read_all(part.length)
            finally:
                file.seek(before)
        return data, size

    def _read_all(self, length: int) -> bytes | memoryview:
        """Read so many bytes, or all that there are: files may give fewer at once."""
        data = self._next_bytes(length)
        while 0 < len(data) < length:
            more = self._next_bytes(length - len(data))
            if not more:
                break
            data = bytes(data) + more
        return data

    def _next_bytes(self, length: int) -> bytes | memoryview:
        data = self._file.read(length)
        if isinstance(data, bytes):
            return data
        try:
            return immutable_view(memoryview(data))
        except TypeError:
            kind = type(data).__name__
            message = f"the file returned {kind}, expected bytes: {self.name}"
            raise UsageError(message) from None

    def _check_open(self) -> None:
        if getattr(self._file, "closed", False):
            message = f"the file was closed: keep it open while it is read: {self.name}"
            raise UsageError(message)
        is_shared = self._reads is None and not isinstance(self._file, io.BytesIO)
        if is_shared and self._pid != os.getpid():
            message = "the file was opened before this process was forked: open it in this process"
            raise SourceError(message, url=self.name)

    def _duplicate(self) -> int:
        """Return a descriptor that stays this file's, even where the caller closes it meanwhile."""
        try:
            return os.dup(self._file.fileno())
        except ValueError:
            self._check_open()
            raise

    async def aclose(self) -> None:
        """Leave the file as it is."""
        if self._reads is not None:
            self._reads.close()

    def __reduce__(self) -> tuple[type[BinaryFileSource], tuple[BinaryFile]]:
        """Pickle the file.

        Raises:
            UsageError: it does not pickle.
        """
        try:
            self._file.__reduce_ex__(2)
        except TypeError as exc:
            message = f"an open file does not pickle: open it by its path or url: {self.name}"
            raise UsageError(message) from exc
        return BinaryFileSource, (self._file,)


def name_of_file(file: object) -> str:
    """Return name or path of an open file if it tells one, else its type; redacted."""
    named = (getattr(file, attribute, None) for attribute in NAMES)
    found = next((name for name in named if isinstance(name, str) and name), None)
    return f"<open {type(file).__name__}>" if found is None else shown_url(found)


def _check_usable(file: Any, name: str) -> None:  # noqa: ANN401 - see `BinaryFileSource`
    """Check that an open file is one to read bytes of, at any place."""
    message = ""
    if getattr(file, "closed", False):
        message = "the file is closed: open it"
    elif isinstance(file, io.TextIOBase) or hasattr(file, "encoding"):
        message = 'the file is open as text: open it with mode "rb"'
    elif not may(file, "readable"):
        message = 'the file is not open for reading: open it with mode "rb"'
    elif not may(file, "seekable"):
        message = "the file cannot seek: read it to the end, and open its bytes"
    if message:
        message = f"{message}: {name}"
        raise UsageError(message)


def may(file: Any, ability: str) -> bool:  # noqa: ANN401 - the same
    """Return what a file tells of what it can do; True if it tells nothing."""
    tell = getattr(file, ability, None)
    return not callable(tell) or bool(tell())


def _is_plain(file: object) -> bool:
    """Return whether a file is one on disk that `open(path, "rb")` gave.

    Of others, `fileno` may be that of what they decompress, and what was written not there yet.
    """
    raw = file.raw if type(file) is io.BufferedReader else file
    if type(raw) is not io.FileIO or raw.writable() or not hasattr(os, "pread"):
        return False
    return stat.S_ISREG(os.fstat(raw.fileno()).st_mode)
