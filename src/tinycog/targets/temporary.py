"""Temporary files beside the ones that they become, and what a killed process left of them.

They are named `.NAME.12345678.tinycog-part`. A writer has its file locked as long as it lives, so
that one that can be locked is left over (cog.published.left).
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import sys
import weakref
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from tinycog.errors import SourceError
from tinycog.tracebacks import short_tracebacks

if sys.platform != "win32":
    import fcntl

SUFFIX = ".tinycog-part"

PATTERN = re.compile(rf"(\..+\.)[0-9a-f]{{8}}{re.escape(SUFFIX)}", re.DOTALL)
"""Their names; the group is what those of one target have in common."""

LONGEST_STEM = 180
"""Bytes of a name that are kept in that of its temporary file: file systems take 255 in all."""

TRIES = 100


class Part:
    """A temporary file beside a target, locked, with the permissions of a new file.

    It is removed when it is forgotten, and when the process ends.

    Attributes:
        file: it, open for writing.
        path: where it is.
    """

    def __init__(self, target: Path) -> None:
        """Make it.

        Raises:
            OSError: it cannot be made.
        """
        self.file, self.path = _create(target)
        self._removal = weakref.finalize(self, _remove, self.file, self.path, os.getpid())

    def remove(self) -> None:
        """Close and remove it, unless it got the name of the target. Repeated calls do nothing."""
        self._removal()

    def publish(self, target: Path, *, overwrite: bool) -> None:
        """Close it and give it the name of the target, at once and for good.

        A file that is replaced leaves it permissions and, where that is allowed, owner.

        Raises:
            FileExistsError: there is one, and it must not be overwritten.
            OSError: it cannot be named.
        """
        take_permissions(self.path, target)
        os.fsync(self.file.fileno())
        if sys.platform == "win32":
            self.file.close()  # what is open cannot be renamed there
        if overwrite:
            self.path.replace(target)
        else:
            rename_to_new(self.path, target)
        self._removal.detach()
        self.file.close()  # not before: what is not locked may be removed
        sync_folder(target.parent)


@short_tracebacks
def leftovers(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the temporary files that killed writers left in a folder, in the order of their names.

    They may be removed; the next `tinycog.write` of such a path does that by itself.

    Raises:
        SourceError: the folder cannot be read.
    """
    try:
        found = _parts_in(Path(folder))
    except OSError as exc:
        message = f"the folder cannot be read ({exc.strerror})"
        raise SourceError(message, url=os.fspath(folder)) from exc
    return [part for part in found if _is_left(part)]


def remove_leftovers(target: Path) -> None:
    """Remove the temporary files of a target whose writer is no more, where that is possible."""
    with suppress(OSError):
        for part in _parts_in(target.parent):
            found = PATTERN.fullmatch(part.name)
            if found is not None and found[1] == start_of(target.name):
                _is_left(part, and_removed=True)


def _parts_in(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if PATTERN.fullmatch(entry.name)]
    return [folder / name for name in sorted(names)]


def _is_left(part: Path, *, and_removed: bool = False) -> bool:
    """Return whether a temporary file has no writer."""
    with suppress(OSError), _locked(part) as is_left:
        if is_left and and_removed:
            part.unlink()
        return is_left
    return False


@contextmanager
def _locked(part: Path) -> Generator[bool]:
    """Give whether a file has no writer; it gets none meanwhile."""
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    fd = os.open(part, flags)
    try:
        yield bool(lock(fd)) and is_at(fd, part)
    finally:
        os.close(fd)


def _create(target: Path) -> tuple[FileIO, Path]:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for _ in range(TRIES):
        part = target.with_name(f"{start_of(target.name)}{secrets.token_hex(4)}{SUFFIX}")
        with suppress(FileExistsError):
            file = FileIO(os.open(part, flags, 0o666), "r+b")
            if lock(file.fileno()) is not False and is_at(file.fileno(), part):
                return file, part
            file.close()  # another took it for a leftover before it was locked
    message = f"no temporary file can be made for {target.name}"
    raise OSError(message)


def _remove(file: FileIO, part: Path, pid: int) -> None:
    """Remove a temporary file, but not the one of the process that this was forked from."""
    if os.getpid() == pid:
        if sys.platform == "win32":
            file.close()
        with suppress(OSError):
            part.unlink()
    file.close()


def take_permissions(part: Path, target: Path) -> None:
    """Give a file the permissions, and where that is allowed the owner, of the one it replaces."""
    with suppress(FileNotFoundError):
        status = target.stat()
        if hasattr(os, "chown"):
            with suppress(OSError):
                os.chown(part, status.st_uid, status.st_gid)
        part.chmod(stat.S_IMODE(status.st_mode))


def rename_to_new(part: Path, target: Path) -> None:
    """Rename a file to a name that nothing has."""
    try:
        os.link(part, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(str(target)) from None
        part.rename(target)
    else:
        part.unlink()


def sync_folder(folder: Path) -> None:
    """Have the name outlive a failure of power, where the system can do that."""
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def lock(fd: int) -> bool | None:
    """Lock a file: whether that was possible, None where there are no locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_at(fd: int, part: Path) -> bool:
    """Return whether an open file is still the one of that name, and a regular one."""
    status = os.fstat(fd)
    try:
        return stat.S_ISREG(status.st_mode) and os.path.samestat(status, part.lstat())
    except FileNotFoundError:
        return False


def start_of(name: str) -> str:
    """Return how the names of a target's temporary files begin."""
    encoded = os.fsencode(name)
    if len(encoded) > LONGEST_STEM:
        digest = hashlib.sha256(encoded).hexdigest()[:16]
        name = f"{encoded[: LONGEST_STEM - 20].decode(errors='ignore')}.{digest}"
    return f".{name}."
