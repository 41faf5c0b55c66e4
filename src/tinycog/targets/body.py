"""The bytes of one part of an upload, as client libraries read them."""

from __future__ import annotations

from io import BufferedIOBase
from tempfile import SpooledTemporaryFile


class PartBody(BufferedIOBase):
    """Bytes that are written once and read as often as a part is sent: in memory, or in a file.

    Whoever sends it cannot close it, since it may have to be sent again; and it has no file
    descriptor, which aiohttp would ask for, so that bytes in memory would be written to a file.
    """

    def __init__(self, memory: int) -> None:
        """Keep `memory` bytes at most in memory; if there are more, all are in a temporary file."""
        self._file = SpooledTemporaryFile(max_size=memory)  # noqa: SIM115 - `drop` closes it

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
        return self._file.read(-1 if size is None else size)

    def write(self, data: bytes | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - all that is written here
        """Write bytes, and return how many."""
        return self._file.write(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position, and return it."""
        self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._file.tell()

    def close(self) -> None:
        """Leave it open."""

    def drop(self) -> None:
        """Forget the bytes."""
        self._file.close()
