"""A file that outlives its writer: entries with checksums, each of which was written or was not."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING
from zlib import crc32

from tinycog.errors import UsageError
from tinycog.targets.appended_file import BUFFER, read_at, write_at
from tinycog.targets.file_errors import writing
from tinycog.targets.spool import READ_BYTES
from tinycog.targets.temporary import is_at, lock
from tinycog.targets.worker import Worker, settled

if TYPE_CHECKING:
    from concurrent.futures import Future

MAGIC = b"tinycog journal 2\n"

FINGERPRINT_LENGTH = 32

FRAME = Struct("<II")
"""In front of an entry: its length, and its checksum."""

NOTE = len(MAGIC) + FINGERPRINT_LENGTH
"""Position of the note."""

NOTE_LENGTH = 2048
"""Bytes that it has, its frame included."""

FIRST = NOTE + NOTE_LENGTH
"""Position of the first entry."""

TRIES = 10


class JournalFile:
    """Entries that are appended, and read back by the process that goes on.

    A process that is killed loses the entries that were not written yet; one of which a part was
    written is dropped. It is locked as long as it is open. Nothing is flushed to the disk: what a
    failure of power leaves is read up to the first entry whose checksum is wrong.

    Attributes:
        name: its path.
        left: what the process before this one had noted, once it is open; "" = nothing.
        memory: bytes that it holds at most, besides the entry that was read last.
    """

    def __init__(self, path: Path, fingerprint: bytes) -> None:
        """Take the path; nothing is opened.

        Args:
            path: of the file; its folder must be there.
            fingerprint: of what is written: 32 bytes.
        """
        self.name = str(path)
        self.left = ""
        self.memory = 2 * BUFFER + 2 * READ_BYTES
        self._path = path
        self._fingerprint = fingerprint
        self._file: FileIO | None = None
        self._worker = Worker()
        self._end = FIRST
        self._buffer = bytearray()
        self._last: Future[None] | None = None

    async def open(self) -> None:
        """Open the file, or make it.

        Raises:
            UsageError: it is no journal, is one of another write, or another process has it open.
            SourceError: it cannot be opened.
        """
        await self._worker.run(self._open)

    async def note(self, text: str) -> None:
        """Keep a short text in place of the one before; one that is too long is not kept.

        Raises:
            SourceError: it cannot be written.
        """
        await self._worker.run(self._note, text.encode())

    async def entries(self) -> AsyncIterator[tuple[int, bytes]]:
        """Give the position of each entry, and itself; what follows the last one is dropped.

        Nothing is appended meanwhile.

        Raises:
            SourceError: they cannot be read.
        """
        while found := await self._worker.run(self._entries_at, self._end):
            for position, entry in found:
                self._end = position + FRAME.size + len(entry)
                yield position, entry
        await self._worker.run(self._truncate)

    async def read(self, position: int) -> bytes:
        """Return the entry at a position that `entries` gave.

        Raises:
            SourceError: it cannot be read.
        """
        return (await self._worker.run(self._entries_at, position))[0][1]

    async def append(self, entry: bytes) -> None:
        """Take an entry, after `entries` were given; it is written soon.

        Raises:
            SourceError: earlier ones cannot be written.
        """
        self._buffer += FRAME.pack(len(entry), crc32(entry)) + entry
        last = self._last
        if last is not None and (last.done() or len(self._buffer) >= BUFFER):
            await settled(last)
            last = None
        if last is None:
            self._submit()

    async def flush(self) -> None:
        """Wait until all that was appended is written.

        Raises:
            SourceError: it cannot be.
        """
        if self._last is not None:
            await settled(self._last)
        if self._buffer:
            await settled(self._submit())

    @staticmethod
    def is_open_elsewhere(path: Path) -> bool:
        """Return whether another process, or another journal of this one, has the file open."""
        try:
            file = FileIO(os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0)), "r+b")
        except FileNotFoundError:
            return False
        with file:
            return lock(file.fileno()) is False

    async def close(self) -> None:
        """Close the file, with what was appended; one without entries goes. May be repeated.

        Entries for which there is no room any more are lost, as if the process had been killed.
        """
        try:
            await self._worker.run(self._close)
        finally:
            self._worker.close()

    async def remove(self) -> None:
        """Remove the file, and close it."""
        self._buffer = bytearray()
        await self._worker.run(self._remove)

    def _submit(self) -> Future[None]:
        full, self._buffer = self._buffer, bytearray()
        position, self._end = self._end, self._end + len(full)
        self._last = self._worker.submit(self._write, full, position)
        return self._last

    # --- in the thread ---------------------------------------------------------------------------

    def _opened(self) -> FileIO:
        if self._file is None:
            raise AssertionError
        return self._file

    def _open(self) -> None:
        with writing(self.name, str(self._path.parent)):
            self._file = self._locked()
        try:
            with writing(self.name):
                self._check_head()
        except BaseException:
            self._file.close()
            self._file = None
            raise

    def _locked(self) -> FileIO:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        for _ in range(TRIES):
            file = FileIO(os.open(self._path, flags, 0o666), "r+b")
            if lock(file.fileno()) is False:
                file.close()
                break
            if is_at(file.fileno(), self._path):
                return file
            file.close()  # it was removed by one that had it locked
        message = f"another process is writing with this journal: {self.name}"
        raise UsageError(message)

    def _check_head(self) -> None:
        file, head = self._opened(), MAGIC + self._fingerprint + bytes(NOTE_LENGTH)
        found = bytearray(min(self._size(), FIRST))
        read_at(file, memoryview(found), 0)
        if not found.startswith(MAGIC[: len(found)]):
            message = f"it is no journal of tinycog: remove it, or name another folder: {self.name}"
            raise UsageError(message)
        if len(found) < FIRST:
            file.truncate(0)
            write_at(file, [head], 0)
        elif bytes(found[:NOTE]) != head[:NOTE]:
            message = (
                "the journal is of another write (other arguments, another source, or another"
                f" version of a library): give the same ones, or remove it: {self.name}"
            )
            raise UsageError(message)
        else:
            length, checksum = FRAME.unpack_from(found, NOTE)
            text = bytes(found[NOTE + FRAME.size :][:length])
            self.left = text.decode() if crc32(text) == checksum else ""

    def _note(self, text: bytes) -> None:
        if len(text) <= NOTE_LENGTH - FRAME.size:
            with writing(self.name, str(self._path.parent)):
                framed = bytearray(FRAME.pack(len(text), crc32(text)) + text)
                write_at(self._opened(), [framed], NOTE)

    def _size(self) -> int:
        return os.fstat(self._opened().fileno()).st_size

    def _entries_at(self, start: int) -> list[tuple[int, bytes]]:
        """Return entries from a position on, at least one if there is one."""
        with writing(self.name):
            left = self._size() - start
            data = self._bytes(start, min(left, READ_BYTES))
            found: list[tuple[int, bytes]] = []
            at = 0
            while len(data) - at >= FRAME.size:
                length, checksum = FRAME.unpack_from(data, at)
                stop = at + FRAME.size + length
                if not length or stop > left or (found and stop > len(data)):
                    break
                if stop > len(data):
                    data += self._bytes(start + len(data), stop - len(data))
                entry = bytes(memoryview(data)[at + FRAME.size : stop])
                if crc32(entry) != checksum:
                    break
                found.append((start + at, entry))
                at = stop
            return found

    def _bytes(self, start: int, length: int) -> bytearray:
        data = bytearray(max(length, 0))
        read_at(self._opened(), memoryview(data), start)
        return data

    def _truncate(self) -> None:
        with writing(self.name):
            self._opened().truncate(self._end)

    def _write(self, data: bytearray, position: int) -> None:
        with writing(self.name, str(self._path.parent), len(data)):
            write_at(self._opened(), [data], position)

    def _close(self) -> None:
        if self._file is None:
            return
        try:
            with suppress(OSError):
                if self._buffer:
                    write_at(self._file, [self._buffer], self._end)
            with suppress(OSError):
                if self._size() <= FIRST:
                    self._unlink(self._file)
        finally:
            self._unlock(self._file)

    def _remove(self) -> None:
        if self._file is None:
            return
        try:
            with writing(self.name):
                self._unlink(self._file)
        finally:
            self._unlock(self._file)

    def _unlink(self, file: FileIO) -> None:
        if os.name == "nt":
            file.close()  # what is open cannot be removed there
        self._path.unlink(missing_ok=True)

    def _unlock(self, file: FileIO) -> None:
        """Close the file, which unlocks it."""
        self._file, self._buffer = None, bytearray()
        with suppress(OSError):  # of what was written before
            file.close()
