"""What an export has done: pieces, and what became of their pixels, for the run that goes on.

What a process that is killed has written is there; after a failure of power only what was flushed
to the disk is. So an entry counts if the system still runs that it was made in, or if it stands
before one that says that all was flushed: flushing for each piece would take longer than reading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from struct import Struct

from tinycog.errors import UsageError
from tinycog.pixels.account import Account
from tinycog.targets.journal_file import JournalFile
from tinycog.version import __version__

SUFFIX = ".tinycog-export"

ENTRY = Struct("<q6q")
"""A piece, and its account."""

SYNCED, BOOT = b"S", b"B"
"""Kinds of other entries: what comes before is on the disk; which run of the system comes now."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Where Linux names the run of the system."""


class ExportJournal:
    """Pieces that are done; without a path, only while the export runs.

    Attributes:
        done: accounts by number of the piece.
        left: what was noted last.
    """

    def __init__(self, path: Path | None, said: object) -> None:
        """Take the path; nothing is opened.

        Args:
            path: of the file.
            said: what the pieces are of, with a `repr` that tells all of it.
        """
        self.done: dict[int, Account] = {}
        self.left = ""
        self._path = path
        self._fingerprint = hashlib.sha256(f"tinycog {__version__} {said!r}".encode()).digest()
        self._file: JournalFile | None = None

    async def open(self, *, anew: bool) -> None:
        """Open the file with what was done, or without it (`anew`).

        Raises:
            UsageError: it is one of another export, or another process has it open.
            SourceError: it cannot be opened.
        """
        self.done.clear()
        self.left = ""
        if self._path is None:
            return
        if anew:
            self._forget(self._path)
        file = JournalFile(self._path, self._fingerprint)
        await file.open()
        self._file = file
        self.left = file.left
        boot = BOOT + (boot_id() or b"")
        unsure, is_sure = dict[int, Account](), False
        async for _, entry in file.entries():
            if len(entry) == ENTRY.size:
                number, *counts = ENTRY.unpack(entry)
                (self.done if is_sure else unsure)[number] = Account(*counts)
            elif entry == SYNCED:
                self.done |= unsure
            else:
                unsure.clear()
                is_sure = entry == boot != BOOT
        await file.append(boot)

    def _forget(self, path: Path) -> None:
        """Remove what another run has left, unless that is still running.

        Raises:
            UsageError: it is.
        """
        if JournalFile.is_open_elsewhere(path):
            message = f"another process is writing with this journal: {path}"
            raise UsageError(message)
        path.unlink(missing_ok=True)

    async def keep(self, number: int, account: Account) -> None:
        """Keep that a piece is done.

        Raises:
            SourceError: it cannot be written.
        """
        self.done[number] = account
        if self._file is not None:
            await self._file.append(ENTRY.pack(number, *account))

    async def keep_synced(self) -> None:
        """Keep that all that is done is on the disk.

        Raises:
            SourceError: it cannot be written.
        """
        if self._file is not None:
            await self._file.append(SYNCED)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is done, so that there is nothing to go on with."""
        return not self.done

    async def flush(self) -> None:
        """Wait until all that was kept is written.

        Raises:
            SourceError: it cannot be.
        """
        if self._file is not None:
            await self._file.flush()

    async def note(self, text: str) -> None:
        """Keep a text in place of the one before.

        Raises:
            SourceError: it cannot be written.
        """
        await self.flush()
        if self._file is not None:
            await self._file.note(text)

    async def close(self, *, removed: bool) -> None:
        """Close the file, and remove it."""
        if self._file is not None:
            if removed:
                await self._file.remove()
            await self._file.close()
            self._file = None


def boot_id() -> bytes | None:
    """Return what names the run of the system; None where nothing does."""
    try:
        return BOOT_ID.read_bytes().strip()
    except OSError:
        return None


def total(accounts: Iterable[Account]) -> Account:
    """Return the sum of accounts."""
    return Account(*map(sum, zip(Account(0, 0, 0, 0, 0, 0), *accounts, strict=True)))


def journal_path(target: Path, folder: Path | None) -> Path:
    """Return the path of the journal of a target: beside it, or in a folder."""
    if folder is None:
        return target.with_name(f".{target.name}{SUFFIX}")
    digest = hashlib.sha256(str(target).encode(errors="surrogateescape")).hexdigest()[:16]
    return folder / f"{digest}{SUFFIX}"
