"""A file that bytes are appended to, by a thread, in large writes."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Sequence
from io import FileIO
from typing import TYPE_CHECKING

from tinycog.errors import TinycogError
from tinycog.targets.fallocate import punch_hole, start_to_write
from tinycog.targets.file_errors import writing
from tinycog.targets.worker import Worker, settled

if TYPE_CHECKING:
    from concurrent.futures import Future

BUFFER = 1 << 20
"""Bytes that are written at once."""

BLOCK = 4096
"""Bytes whose room a file system gives back at once."""

SMALL = 16 << 10
"""Bytes that are copied together rather than kept, and written, apart."""

MOST_PARTS = 1024
"""Parts that systems write at once."""

TO_DISK = 8 << 20
"""Bytes whose way to the disk begins together, where they must have arrived in the end."""

Buffer = bytes | bytearray | memoryview


class AppendedFile:
    """Bytes that are appended: gathered in memory, and written while the next ones are gathered.

    There is no file before the first buffer is full.

    Attributes:
        length: bytes appended so far.
        memory: bytes that it holds at most, and those of one call.
        worker: the thread that has the file.
    """

    def __init__(
        self,
        open_file: Callable[[], FileIO],
        name: str,
        folder: str,
        *,
        buffer: int = BUFFER,
        worker: Worker | None = None,
        synced: bool = False,
    ) -> None:
        """Take a function that opens the file, called in the thread at the first write.

        Args:
            open_file: returns it; bytes go to it from position 0 on.
            name: of what is written, for messages.
            folder: where it is, for messages.
            buffer: bytes that are written at once.
            worker: the thread, if there is one already.
            synced: whether the file will be synced: what is written is on its way to the disk
                then while the next bytes are made, which leaves less to wait for.
        """
        self.length = 0
        self.memory = 2 * buffer
        self.worker = worker or Worker()
        self._open_file = open_file
        self._name = name
        self._folder = folder
        self._size = buffer
        self._synced = synced
        self._parts: list[Buffer] = []
        self._waiting = 0
        self._file: FileIO | None = None
        self._last: Future[None] | None = None
        self._failure: TinycogError | None = None
        self._punches = True
        self._on_its_way = 0
        self._partly_read: dict[int, int] = {}

    async def append(self, *parts: Buffer) -> int:
        """Take the next bytes, and return their position. They may be changed afterwards.

        Calls side by side are taken in the order in which they are made.

        Raises:
            SourceError: these or earlier ones cannot be written.
        """
        position = self.length
        for part in parts:
            self._gather(part)
        if self._waiting >= self._size:
            before = self._last
            self._submit()
            if before is not None:
                await settled(before)
        return position

    async def flush(self) -> None:
        """Write what was gathered.

        Raises:
            SourceError: it cannot be written.
        """
        if self._waiting or self._last is None:
            self._submit()
        if self._last is not None:
            await settled(self._last)

    async def read(self, position: int, length: int) -> memoryview:
        """Return bytes that were appended.

        Raises:
            SourceError: they cannot be read, or written before.
        """
        if self._last is None:
            joined = b"".join(self._parts)
            self._parts = [joined]
            return memoryview(joined)[position : position + length]
        await self.flush()
        return await self.worker.run(self._read, position, length)

    async def punch(self, position: int, length: int) -> None:
        """Give back the room of bytes that are not read again, where the file system can."""
        if self._last is not None and self._punches:
            self._punches = await self.worker.run(self._punch, position, length)

    async def close(self) -> None:
        """Close the file, if it was opened. Repeated calls do nothing."""
        self._parts, self._waiting = [], 0
        await self.worker.run(self._close)
        self.worker.close()

    def _gather(self, data: Buffer) -> None:
        """Keep bytes until they are written: themselves where nobody can change them."""
        length = memoryview(data).nbytes
        self.length += length
        self._waiting += length
        gather(self._parts, data)

    def _submit(self) -> None:
        """Have the thread write what was gathered; there is a file from then on."""
        parts, waiting = self._parts, self._waiting
        self._parts, self._waiting = [], 0
        self._last = self.worker.submit(self._write, parts, waiting, self.length - waiting)

    # --- in the thread ---------------------------------------------------------------------------

    def _write(self, parts: Sequence[Buffer], length: int, position: int) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            with writing(self._name, self._folder, length):
                write_at(self._opened(), parts, position)
            if self._synced:
                self._send_to_disk(position + length)
        except TinycogError as exc:
            self._failure = exc
            raise

    def _send_to_disk(self, stop: int) -> None:
        """Have what was written so far begin its way to the disk, once it is enough."""
        if stop - self._on_its_way >= TO_DISK:
            start_to_write(self._opened().fileno(), self._on_its_way, stop - self._on_its_way)
            self._on_its_way = stop

    def _read(self, position: int, length: int) -> memoryview:
        with writing(self._name, self._folder):
            return memoryview(read_from(self._opened(), position, length))

    def _punch(self, position: int, length: int) -> bool:
        """Give back the blocks of which nothing is left to be read."""
        stop = position + length
        first, last = position // BLOCK, (stop - 1) // BLOCK
        found = range(first, last + 1)
        if not self._is_read(last, min(length, stop - last * BLOCK)):
            found = found[:-1]
        if first != last and not self._is_read(first, (first + 1) * BLOCK - position):
            found = found[1:]
        if not found:
            return True
        return punch_hole(self._opened().fileno(), found[0] * BLOCK, len(found) * BLOCK)

    def _is_read(self, block: int, length: int) -> bool:
        """Return whether a block has been read, with `length` more of its bytes."""
        read = self._partly_read.pop(block, 0) + length
        if read < BLOCK:
            self._partly_read[block] = read
        return read >= BLOCK

    def _opened(self) -> FileIO:
        if self._file is None:
            self._file = self._open_file()
            weakref.finalize(self, self._file.close)  # of one that is forgotten
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


def gather(parts: list[Buffer], data: Buffer) -> None:
    """Add bytes to parts that are kept: themselves where nobody can change them.

    A few are added to the last part, if that is a bytearray.
    """
    last = parts[-1] if parts else None
    if memoryview(data).nbytes >= SMALL:
        parts.append(kept(data))
    elif isinstance(last, bytearray):
        last += data
    else:
        parts.append(bytearray(data))


def kept(data: Buffer) -> bytes | memoryview:
    """Return bytes that nobody can change: themselves, or a copy."""
    if isinstance(data, memoryview) and isinstance(data.obj, bytes):
        return data
    return bytes(data)


def write_at(file: FileIO, parts: Sequence[Buffer], position: int) -> None:
    """Write bytes at a position, all of them, one part behind the other.

    Raises:
        OSError: they cannot be written.
    """
    file.seek(position)
    written = 0
    if parts and hasattr(os, "writev"):
        written = os.writev(file.fileno(), parts[:MOST_PARTS])
    for part in parts:
        view = memoryview(part).cast("B")
        skipped = min(written, len(view))
        written -= skipped
        view = view[skipped:]
        while view:
            view = view[file.write(view) :]


def read_from(file: FileIO, position: int, length: int) -> bytes:
    """Return the bytes at a position, all of them.

    Raises:
        OSError: they cannot be read, or are no more there.
    """
    file.seek(position)
    found = file.read(length)
    if len(found) == length:
        return found
    whole = bytearray(length)
    read_at(file, memoryview(whole), position)
    return bytes(whole)


def read_at(file: FileIO, into: memoryview, position: int) -> None:
    """Read the bytes at a position, all of them.

    Raises:
        OSError: they cannot be read, or are no more there.
    """
    file.seek(position)
    while into:
        count = file.readinto(into)
        if not count:
            message = f"the temporary file ends at byte {position}: it was cut by another"
            raise OSError(message)
        into, position = into[count:], position + count
