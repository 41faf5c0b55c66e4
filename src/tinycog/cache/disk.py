"""A block cache in a folder."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

from tinycog.cache.database import Database, DatabaseError, UnusableError
from tinycog.cache.protocol import Block, check_max_bytes
from tinycog.errors import UsageError

T = TypeVar("T")

DEFAULT_BYTES = 4 << 30


class DiskCache:
    """A block cache in a folder on a local disk: for all processes, and the next ones.

    ::

        tinycog.configure(cache=tinycog.DiskCache("~/.cache/tinycog", max_bytes=10 << 30))

    Any number of processes may use the folder at once, and be killed meanwhile. Each block is held
    against a checksum when it is read; one that does not fit is dropped, and read from its server.
    Where the disk is full, or the folder cannot be written, that is one warning, and nothing is
    kept any more (cache.failure). Nothing is opened before the first read. It pickles as its
    arguments.

    Attributes:
        folder: made if it is not there, for its user alone (mode 0o700).
        max_bytes: most bytes that blocks take there; a journal of some MiB comes on top.
    """

    waits = True

    def __init__(self, folder: str | os.PathLike[str], max_bytes: int = DEFAULT_BYTES) -> None:
        """Take the folder; nothing is opened. A leading `~` is the user's home.

        Raises:
            UsageError: `folder` is no path, or `max_bytes` no number of bytes.
        """
        if not isinstance(folder, str | os.PathLike) or not os.fspath(folder):  # pyright: ignore[reportUnnecessaryIsInstance] - of callers without types
            message = f"DiskCache needs the path of a folder, not {folder!r}"
            raise UsageError(message)
        self.folder = Path(os.path.abspath(Path(folder).expanduser()))  # noqa: PTH100 - links stay
        self.max_bytes = check_max_bytes(max_bytes)
        self._database = _database_in(self.folder)
        self._has_warned = False

    def get(self, blocks: Sequence[Block], /) -> list[bytes | None]:
        """Return the bytes of each block, None for those that are not there."""
        return self._call(lambda: self._database.get(blocks)) or [None] * len(blocks)

    def put(self, blocks: Mapping[Block, bytes], /) -> None:
        """Keep blocks; those that were not used for longest go where there is no room."""
        self._call(lambda: self._database.put(blocks, self.max_bytes))

    def has(self, blocks: Sequence[Block], /) -> list[bool]:
        """Return which blocks are there."""
        return self._call(lambda: self._database.has(blocks)) or [False] * len(blocks)

    def remove(self, blocks: Sequence[Block], /) -> None:
        """Drop blocks, where they are there."""
        self._call(lambda: self._database.remove(blocks))

    def clear(self) -> None:
        """Drop all blocks, of all processes."""
        self._call(self._database.clear)

    @property
    def held(self) -> int:
        """Bytes that blocks take now, 0 where that cannot be read."""
        return self._call(self._database.held) or 0

    def _call(self, work: Callable[[], T]) -> T | None:
        """Return what `work` returns; None, and one warning, where the folder cannot be used."""
        try:
            return work()
        except UnusableError as exc:
            if not self._has_warned:
                self._has_warned = True
                message = f"the cache in {self.folder} {exc}"
                warnings.warn(message, RuntimeWarning, stacklevel=3)
        except DatabaseError:  # another process holds it: this time it is not there
            pass
        return None

    def __eq__(self, other: object) -> bool:
        """Return whether it is of the same folder and bound."""
        return isinstance(other, DiskCache) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        """Return a hash of folder and bound."""
        return hash((self.folder, self.max_bytes))

    def __repr__(self) -> str:
        """Show folder and bound."""
        return f"DiskCache({str(self.folder)!r}, max_bytes={self.max_bytes})"

    def __reduce__(self) -> tuple[type[DiskCache], tuple[Path, int]]:
        """Pickle the arguments."""
        return DiskCache, (self.folder, self.max_bytes)


_databases: WeakValueDictionary[Path, Database] = WeakValueDictionary()
"""Those of this process, by folder."""

_lock = threading.Lock()


def _database_in(folder: Path) -> Database:
    """Return the database of a folder: one for all caches there."""
    with _lock:
        found = _databases.get(folder)
        if found is None:
            found = _databases[folder] = Database(folder)
        return found


def _forget_locks() -> None:
    """Make the lock anew in a forked child: a thread of the parent may have held it."""
    global _lock  # noqa: PLW0603 - one for the process
    _lock = threading.Lock()
    for database in list(_databases.values()):
        database.forget_connections()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)
