"""What Linux does with ranges of a file and Python has no function for: by ctypes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import cache

KEEP_SIZE, PUNCH_HOLE, INSERT_RANGE = 0x01, 0x02, 0x20
"""Flags of `fallocate`, as <linux/falloc.h> has them."""

CANNOT = frozenset(
    {
        *(errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL),
        *(errno.EPERM, errno.ENODEV, errno.ESPIPE),
    }
)
"""What it fails with where the system or the file system does not do it."""

SYNC_FILE_RANGE_WRITE = 0x02
"""Flag of `sync_file_range`, as <linux/fs.h> has it."""


def insert_range(fd: int, length: int) -> bool:
    """Move all bytes of a file `length` bytes back, without copying them.

    Args:
        fd: descriptor of the file, open for writing.
        length: a multiple of the file system's block.

    Returns:
        Whether it was done: ext4 and xfs do it.

    Raises:
        OSError: it failed; the file is as before.
    """
    return _call(fd, INSERT_RANGE, 0, length)


def punch_hole(fd: int, offset: int, length: int) -> bool:
    """Give the blocks of a range back to the file system; it reads as zeros from then on.

    Returns:
        Whether it was done; no error matters, since nothing is lost but room.
    """
    try:
        return _call(fd, PUNCH_HOLE | KEEP_SIZE, offset, length)
    except OSError:
        return False


def start_to_write(fd: int, offset: int, length: int) -> None:
    """Have the system begin to write a range to the disk, and do not wait for it.

    Where it cannot, nothing is lost: a sync writes it later.
    """
    call = _sync_file_range()
    if call is not None:
        call(fd, offset, length, SYNC_FILE_RANGE_WRITE)


def _call(fd: int, flags: int, offset: int, length: int) -> bool:
    call = _fallocate()
    if call is None:
        return False
    while (error := call(fd, flags, offset, length)) == errno.EINTR:
        pass
    if error and error not in CANNOT:
        raise OSError(error, os.strerror(error))
    return not error


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """Return the function of the C library; None if there is none."""
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - only here

    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function


@cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    """Return the function of the C library, which returns an errno; None if there is none."""
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - only here

    library = ctypes.CDLL(None, use_errno=True)
    # the one whose offsets have 64 bits wherever there are two
    function = getattr(library, "fallocate64", None) or getattr(library, "fallocate", None)
    if function is None:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)

    def call(fd: int, flags: int, offset: int, length: int) -> int:
        return ctypes.get_errno() if function(fd, flags, offset, length) else 0

    return call
