"""The SQLite file of a disk cache: blocks, each with a checksum, and when it was last used.

A block is put by one transaction, so a process that is killed leaves whole blocks only. Nothing is
forced to the disk: after a power cut the file may be broken. That is found by SQLite or by the
checksum of a block (cache.checksum); a file that SQLite cannot read is made anew.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tinycog.cache.protocol import Block, BlockKind, overfull

FILE_NAME = "blocks-1.sqlite"
"""The number is that of the schema."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS blocks (
  id INTEGER PRIMARY KEY, object BLOB, kind TEXT, start INTEGER, stop INTEGER,
  used REAL, cost INTEGER, UNIQUE (object, kind, start, stop));
CREATE INDEX IF NOT EXISTS by_use ON blocks (kind, used);
CREATE TABLE IF NOT EXISTS contents (id INTEGER PRIMARY KEY, checksum BLOB, data BLOB);
CREATE TABLE IF NOT EXISTS totals (kind TEXT PRIMARY KEY, bytes INTEGER);
INSERT OR IGNORE INTO totals VALUES ('header', 0), ('tile', 0);
CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON blocks BEGIN
  UPDATE totals SET bytes = bytes + NEW.cost WHERE kind = NEW.kind; END;
CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON blocks BEGIN
  UPDATE totals SET bytes = bytes - OLD.cost WHERE kind = OLD.kind;
  DELETE FROM contents WHERE id = OLD.id; END;
"""

ADDRESS = "object = ? AND kind = ? AND start = ? AND stop = ?"

FIND = f"SELECT id, used, checksum, data FROM blocks LEFT JOIN contents USING (id) WHERE {ADDRESS}"  # noqa: S608 - constants

PAGE_BYTES = 4096
"""Bytes of a page of the file, which holds no parts of two blocks."""

OVERHEAD_BYTES = 512
"""Bytes that a block takes besides its own: its row, and its places in two indexes."""

JOURNAL_PAGES = 256
"""Pages of the journal from which on it is written into the file, and cut to so many."""

BUSY_SECONDS = 2.0
"""How long a worker thread waits for another process that writes."""

USED_SECONDS = 10.0
"""Age of a note of the last use from which on it is written again: reads write seldom."""

BROKEN = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""Codes of a file that is no database, or none of ours: one lacks its tables."""

UNWRITABLE = (
    *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR),
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM),
)
"""Codes of a folder or a disk that cannot be written."""

NOT_WRITTEN = "cannot be written, nothing is kept there any more"

EVICTED_AT_ONCE = 64
"""Blocks that one statement drops at most."""


class DatabaseError(Exception):
    """The file cannot be used this time."""


class UnusableError(DatabaseError):
    """The folder cannot be used any more, and why: "..., nothing is kept"."""


class Database:
    """The blocks of a folder, for all threads of a process."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; nothing is opened."""
        self._folder = folder
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._inode: int | None = None
        self._unusable = ""
        self._is_read_only = False
        weakref.finalize(self, _close_all, self._idle)

    # --- blocks ----------------------------------------------------------------------------------

    def get(self, blocks: Sequence[Block]) -> list[bytes | None]:
        """Return the bytes of each block, None for those that are not there, or do not fit.

        Raises:
            DatabaseError: they cannot be read.
        """
        with self._connection() as connection:
            now = time.time()
            found: list[bytes | None] = []
            used: list[tuple[float, int]] = []
            broken: list[tuple[int]] = []
            for block in blocks:
                row = connection.execute(FIND, _address(block)).fetchone()
                data = None if row is None else _checked(block, row[2], row[3])
                found.append(data)
                if row is not None and data is None:
                    broken.append((row[0],))
                elif row is not None and abs(now - row[1]) > USED_SECONDS:
                    used.append((now, row[0]))
            if (used or broken) and not self._is_read_only:
                self._note(connection, used, broken)
            return found

    def _note(
        self,
        connection: sqlite3.Connection,
        used: Sequence[tuple[float, int]],
        broken: Sequence[tuple[int]],
    ) -> None:
        """Note when rows were used, and drop broken ones; another time, if someone writes now."""
        connection.execute("PRAGMA busy_timeout = 0").fetchall()
        with suppress(sqlite3.OperationalError), _transaction(connection):
            connection.executemany("UPDATE blocks SET used = ? WHERE id = ?", used)
            connection.executemany("DELETE FROM blocks WHERE id = ?", broken)
        timeout = int(BUSY_SECONDS * 1000)
        connection.execute(f"PRAGMA busy_timeout = {timeout}").fetchall()

    def has(self, blocks: Sequence[Block]) -> list[bool]:
        """Return which blocks are there; they are not read.

        Raises:
            DatabaseError: that cannot be read.
        """
        with self._connection() as connection:
            find = f"SELECT 1 FROM blocks WHERE {ADDRESS}"  # noqa: S608 - constants
            rows = (connection.execute(find, _address(block)).fetchone() for block in blocks)
            return [row is not None for row in rows]

    def put(self, blocks: Mapping[Block, bytes], max_bytes: int) -> None:
        """Put blocks that are not there yet, and drop the oldest beyond the bound (cache.bound).

        Raises:
            DatabaseError: they cannot be written.
        """
        fitting = [block for block, data in blocks.items() if _cost(data) <= max_bytes]
        new = [
            block
            for block, is_there in zip(fitting, self.has(fitting), strict=True)
            if not is_there
        ]
        if not new:  # as nearly always for the head of a file: no other process has to wait
            return
        if self._is_read_only:
            raise UnusableError(NOT_WRITTEN)
        with self._connection() as connection:
            with _transaction(connection):
                for block in new:
                    data = blocks[block]
                    self._insert(connection, block, data)
                self._evict(connection, max_bytes)
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            if free * PAGE_BYTES > max_bytes // 8:  # the bound is lower than it was
                _shrink(connection)

    def _insert(self, connection: sqlite3.Connection, block: Block, data: bytes) -> None:
        row = (*_address(block), time.time(), _cost(data))
        columns = "object, kind, start, stop, used, cost"
        inserted = connection.execute(
            f"INSERT OR IGNORE INTO blocks ({columns}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
            row,
        )
        if inserted.rowcount == 1:
            content = (inserted.lastrowid, _checksum(block, data), data)
            connection.execute("INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", content)

    def _evict(self, connection: sqlite3.Connection, max_bytes: int) -> None:
        while True:
            totals = dict(connection.execute("SELECT kind, bytes FROM totals"))
            kind = overfull(totals["header"], totals["tile"], max_bytes)
            if kind is None or not self._evict_oldest(connection, kind, totals, max_bytes):
                return

    def _evict_oldest(
        self,
        connection: sqlite3.Connection,
        kind: BlockKind,
        totals: Mapping[str, int],
        max_bytes: int,
    ) -> bool:
        """Drop the oldest blocks of a kind, as many as are over; return whether there were any."""
        oldest = "SELECT id, cost FROM blocks WHERE kind = ? ORDER BY used, id LIMIT ?"
        over = sum(totals.values()) - max_bytes
        dropped: list[tuple[int]] = []
        for row, cost in connection.execute(oldest, (kind, EVICTED_AT_ONCE)).fetchall():
            if over <= 0:
                break
            dropped.append((row,))
            over -= cost
        connection.executemany("DELETE FROM blocks WHERE id = ?", dropped)
        return bool(dropped)

    def remove(self, blocks: Sequence[Block]) -> None:
        """Drop blocks.

        Raises:
            DatabaseError: they cannot be dropped.
        """
        if not any(self.has(blocks)) or self._is_read_only:
            return
        with self._connection() as connection, _transaction(connection):
            drop = f"DELETE FROM blocks WHERE {ADDRESS}"  # noqa: S608 - constants
            connection.executemany(drop, map(_address, blocks))

    def clear(self) -> None:
        """Drop all blocks.

        Raises:
            DatabaseError: they cannot be dropped.
        """
        with self._connection() as connection:
            with _transaction(connection):
                connection.execute("DELETE FROM blocks")
            _shrink(connection)

    def held(self) -> int:
        """Return the bytes that blocks take.

        Raises:
            DatabaseError: that cannot be read.
        """
        with self._connection() as connection:
            return int(connection.execute("SELECT sum(bytes) FROM totals").fetchone()[0])

    # --- connections -----------------------------------------------------------------------------

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        """Lend a connection to one thread.

        Raises:
            DatabaseError: the file cannot be used.
        """
        connection: sqlite3.Connection | None = None
        try:
            connection = self._taken()
            yield connection
        except (sqlite3.Error, OSError) as exc:
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()
            raise self._error(exc) from exc
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        with self._lock:
            self._idle.append(connection)

    def _taken(self) -> sqlite3.Connection:
        """Return an idle connection, or a new one; of a file that was replaced, none is taken."""
        with self._lock:
            if self._unusable:
                raise UnusableError(self._unusable)
            inode = _inode(self._path)
            if inode is None or inode != self._inode:
                _close_all(self._idle)
            return self._idle.pop() if self._idle else self._opened()

    def _opened(self) -> sqlite3.Connection:
        uri = self._path.as_uri()
        if not self._is_read_only:
            try:
                self._folder.mkdir(0o700, parents=True, exist_ok=True)
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
                self._inode = _inode(self._path)
                return _connect(f"{uri}?mode=rw", is_new=True)
            except (OSError, sqlite3.OperationalError) as exc:
                if not _cannot_write(exc) or not self._path.exists():
                    raise
                self._is_read_only = True
                self._inode = _inode(self._path)
        try:
            return _connect(f"{uri}?mode=ro", is_new=False)
        except sqlite3.OperationalError:  # no journal can be made: nobody else writes there either
            return _connect(f"{uri}?mode=ro&immutable=1", is_new=False)

    def _error(self, exc: Exception) -> DatabaseError:
        """Return what is to be done about an error: nothing, another time, or never again."""
        if _cannot_write(exc):
            return self._give_up(exc)
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF not in BROKEN:
            return DatabaseError(str(exc))
        with self._lock:
            _close_all(self._idle)
            try:
                if _inode(self._path) == self._inode:  # else another process has made it anew
                    for ending in ("-wal", "-shm", ""):
                        Path(f"{self._path}{ending}").unlink(missing_ok=True)
            except OSError as failed:
                exc = failed
            else:
                return DatabaseError("it was broken, and is made anew")
        return self._give_up(exc)

    def _give_up(self, exc: Exception) -> UnusableError:
        """Keep nothing any more; go on reading where that is possible."""
        if self._is_read_only or not self._path.exists():
            self._unusable = f"cannot be used: {exc}"
            return UnusableError(self._unusable)
        self._is_read_only = True
        return UnusableError(f"{NOT_WRITTEN}: {exc}")

    def forget_connections(self) -> None:
        """Leave all connections to the parent of a forked process: here they must not be used."""
        _left_by_fork.extend(self._idle)
        self._idle.clear()
        self._lock = threading.Lock()


_left_by_fork: list[sqlite3.Connection] = []
"""Connections of a parent process: they are never closed here."""


def _connect(uri: str, *, is_new: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        if is_new:
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}").fetchall()
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL").fetchall()
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute("PRAGMA synchronous = OFF").fetchall()
            connection.execute(f"PRAGMA wal_autocheckpoint = {JOURNAL_PAGES}").fetchall()
            limit = JOURNAL_PAGES * PAGE_BYTES
            connection.execute(f"PRAGMA journal_size_limit = {limit}").fetchall()
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                connection.executescript(f"BEGIN IMMEDIATE;{SCHEMA}COMMIT;")
        connection.execute("SELECT 1 FROM blocks LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has ended it
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _shrink(connection: sqlite3.Connection) -> None:
    """Give the pages back that hold nothing any more."""
    # a script, since each step of this frees one page, and `execute` makes one step only
    connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint;")


def _cannot_write(exc: Exception) -> bool:
    """Return whether an error is one of the folder or the disk, which will stay."""
    return isinstance(exc, OSError) or getattr(exc, "sqlite_errorcode", 0) & 0xFF in UNWRITABLE


def _close_all(connections: list[sqlite3.Connection]) -> None:
    while connections:
        with suppress(sqlite3.Error):
            connections.pop().close()


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _address(block: Block) -> tuple[bytes, str, int, int]:
    return bytes.fromhex(block.object), block.kind, block.range.start, block.range.stop


def _cost(data: bytes) -> int:
    """Return the bytes of the file that a block takes: whole pages."""
    return -(-len(data) // PAGE_BYTES) * PAGE_BYTES + OVERHEAD_BYTES


def _checksum(block: Block, data: bytes) -> bytes:
    """Return the checksum of a block: of its bytes, and of which they are."""
    digest = hashlib.sha256(repr(_address(block)).encode())  # processors have instructions for it
    digest.update(data)
    return digest.digest()


def _checked(block: Block, checksum: object, data: object) -> bytes | None:
    """Return the bytes of a block; None where they are not those that were put (cache.checksum)."""
    if not isinstance(data, bytes) or checksum != _checksum(block, data):
        return None
    return data
