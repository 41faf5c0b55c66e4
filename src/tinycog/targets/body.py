"""The bytes of one part of an upload, as client libraries read them."""

from __future__ import annotations

from io import SEEK_CUR, SEEK_END, BufferedIOBase, BytesIO
from typing import IO

from tinycog.targets.file_errors import writing

NAME = "<part of an upload>"


class PartBody(BufferedIOBase):
    """Bytes that are written once and read as often as a part is sent: in memory, then in a file.

    Whoever sends it cannot close it, since it may have to be sent again; and it has no file
    descriptor, which aiohttp would ask for, so that bytes in memory would be written to a file.
    """

    def __init__(self, memory: int, folder: str | None = None) -> None:
        """Keep the first `memory` bytes in memory, and those behind them in a temporary file.

        Args:
            memory: bytes.
            folder: for the file, which has no name; None: where `tempfile` makes them.
        """
        self._memory = memory
        self._folder = folder
        self._first = BytesIO()
        self._rest: IO[bytes] | None = None
        self._length = 0
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, `size` at most."""
        left = max(self._length - self._position, 0)
        size = left if size is None or size < 0 else min(size, left)
        data = b""
        if self._position < self._memory:
            self._first.seek(self._position)
            data = self._first.read(size)
        if len(data) < size and self._rest is not None:
            self._rest.seek(self._position + len(data) - self._memory)
            rest = self._rest.read(size - len(data))
            data = data + rest if data else rest
        self._position += len(data)
        return data

    def write(self, data: bytes | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - all that is written here
        """Add bytes at the end, and return how many.

        Raises:
            SourceError: there is no room for them.
        """
        view = memoryview(data)
        room = max(self._memory - self._length, 0)
        self._first.seek(0, SEEK_END)
        self._first.write(view[:room])
        if len(view) > room:
            with writing(NAME, self._folder or "", len(view)):
                rest = self._file()
                rest.seek(0, SEEK_END)
                rest.write(view[room:])
        self._length += len(view)
        self._position = self._length
        return len(view)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position, and return it."""
        start = {SEEK_CUR: self._position, SEEK_END: self._length}.get(whence, 0)
        self._position = max(start + offset, 0)
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def close(self) -> None:
        """Leave it open."""

    def drop(self) -> None:
        """Forget the bytes."""
        self._first.close()
        if self._rest is not None:
            self._rest.close()

    def _file(self) -> IO[bytes]:
        """Return the temporary file, made when it is first needed."""
        if self._rest is None:
            from tempfile import TemporaryFile  # noqa: PLC0415 - heavy

            self._rest = TemporaryFile(dir=self._folder)  # noqa: SIM115 - `drop` closes it
        return self._rest
