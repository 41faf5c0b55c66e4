"""What the operating system raises while a file is written, as errors of ours."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager

from tinycog.errors import AccessDeniedError, NotFoundError, SourceError, TinycogError
from tinycog.sources.lazy_import import too_many_files

FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


@contextmanager
def writing(name: str, folder: str = "", length: int | None = None) -> Generator[None]:
    """Have what the operating system raises be an error of ours.

    Args:
        name: what is written.
        folder: where it is, if that is known.
        length: bytes that are being written.

    Raises:
        SourceError: it raised something.
    """
    try:
        yield
    except TinycogError:
        raise
    except OSError as exc:
        raise _translated(exc, name, folder, length) from exc


def _translated(exc: OSError, name: str, folder: str, length: int | None) -> SourceError:
    place = f" in {folder}" if folder else ""
    told = os.strerror(exc.errno) if exc.errno else str(exc)
    if exc.errno in FULL:
        size = "" if length is None else f" for {length} more bytes"
        error = SourceError(f"the disk is full: no room{size}{place}", url=name)
    elif isinstance(exc, FileNotFoundError | NotADirectoryError):
        error = NotFoundError(f"there is no folder {folder}: make it first", url=name)
    elif isinstance(exc, PermissionError) or exc.errno == errno.EROFS:
        error = AccessDeniedError(f"it may not be written{place} ({told})", url=name)
    else:
        error = too_many_files(exc) or SourceError(f"it cannot be written ({told})", url=name)
    error.errno = exc.errno
    return error
