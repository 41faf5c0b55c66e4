"""Bytes that wait for their place in the file: in memory while they are few, then on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from io import FileIO

from tinycog.targets.appended_file import BUFFER, AppendedFile, Buffer
from tinycog.targets.file_errors import writing
from tinycog.targets.kept_bytes import KeptBytes

NAME = "<spool>"

READ_BYTES = 4 << 20
"""Bytes that are read at once."""

MAX_GAP = 64 << 10
"""Bytes that are read along rather than left out by another call."""


class Spool:
    """Bytes that are appended, and read back in the end; in a file without a name if they are many.

    Nothing is left of it, however the process ends (cog.published.spool).

    Attributes:
        memory: bytes that it holds at most, besides `kept`; there is no file before half as many
            are appended.
        kept: how many of the first bytes stay in memory besides, and do not go to the file.
    """

    def __init__(self, folder: str | None = None, *, buffer: int = BUFFER) -> None:
        """Take the folder for the file; None: where `tempfile` makes them (TMPDIR).

        Args:
            folder: it must exist.
            buffer: bytes up to which there is no file, and which are written at once then.
        """
        from tempfile import gettempdir  # noqa: PLC0415 - heavy

        self.kept = 0
        self._kept = KeptBytes()
        self._folder = folder or gettempdir()
        self._file = AppendedFile(self._open, NAME, self._folder, buffer=buffer)
        self.memory = self._file.memory + READ_BYTES

    @property
    def length(self) -> int:
        """Bytes appended so far."""
        return self._kept.length + self._file.length

    async def append(self, *parts: Buffer) -> int:
        """Take the next bytes, and return their position. They may be changed afterwards.

        Calls side by side are taken in the order in which they are made.

        Raises:
            SourceError: there is no room; the message names the folder and the bytes.
        """
        if not self._file.length and self._kept.length < self.kept:
            return self._kept.append(*parts)
        return self._kept.length + await self._file.append(*parts)

    async def read_all(self) -> AsyncIterator[memoryview]:
        """Give all bytes in their order, for the last time: their room is free afterwards.

        Raises:
            SourceError: they cannot be read.
        """
        for part in self._kept.parts(0, self._kept.length):
            yield part
        for start in range(0, self._file.length, READ_BYTES):
            length = min(READ_BYTES, self._file.length - start)
            data = await self._file.read(start, length)
            await self._file.punch(start, length)
            yield data

    async def read(
        self, positions: Iterable[int], lengths: Iterable[int], *, is_last: bool = False
    ) -> AsyncIterator[memoryview]:
        """Give the bytes at each position, in one part or several; neighbours are read at once.

        Args:
            positions: as `append` returned them.
            lengths: of each, in bytes.
            is_last: they are not read again: their room is free afterwards.

        Raises:
            SourceError: they cannot be read.
        """
        for run in _runs(zip(positions, lengths, strict=True)):
            for position, length in run:
                if position < self._kept.length:
                    for part in self._kept.parts(position, length):
                        yield part
            in_file = [(at - self._kept.length, n) for at, n in run if at >= self._kept.length]
            if not in_file:
                continue
            start = in_file[0][0]
            data = await self._file.read(start, sum(in_file[-1]) - start)
            # before what is read is written elsewhere, so that it never has room twice
            for position, length in _joined(in_file) if is_last else ():
                await self._file.punch(position, length)
            for position, length in in_file:
                yield data[position - start : position - start + length]

    async def close(self) -> None:
        """Drop the bytes. Repeated calls do nothing."""
        self._kept.clear()
        await self._file.close()

    def _open(self) -> FileIO:
        from tempfile import TemporaryFile  # noqa: PLC0415 - heavy

        with writing(NAME, self._folder):
            return TemporaryFile(buffering=0, dir=self._folder)


def _runs(parts: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Yield positions and lengths that are read at once."""
    run: list[tuple[int, int]] = []
    for position, length in parts:
        if run:
            gap = position - sum(run[-1])
            if not 0 <= gap <= MAX_GAP or position + length - run[0][0] > READ_BYTES:
                yield run
                run = []
        run.append((position, length))
    if run:
        yield run


def _joined(run: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield positions and lengths without those that follow another: one range each."""
    start = stop = -1
    for position, length in run:
        if position != stop:
            if stop > start:
                yield start, stop - start
            start = position
        stop = position + length
    if stop > start:
        yield start, stop - start
