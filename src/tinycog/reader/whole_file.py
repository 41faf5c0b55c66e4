"""All bytes of a file that is no image: a text beside one, a document."""

from __future__ import annotations

from tinycog.errors import RangeNotSatisfiableError, TruncatedError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps, need

FIRST_BYTES = 1 << 16
"""Bytes that are requested first: nearly always all that it has."""


def parse_whole(buffer: SparseBuffer, limits: Limits) -> Steps[bytes]:
    """Return all bytes of a file, whose size may not be known."""
    stop = 0
    try:
        while buffer.size is None or stop < buffer.size:
            stop = buffer.size or max(2 * stop, FIRST_BYTES)
            limits.check("value_bytes", stop, "bytes of a file that is read whole")
            yield from need(buffer, [ByteRange(0, stop)])
    except (TruncatedError, RangeNotSatisfiableError):  # it is empty, or ends where a request did
        pass
    held = sum(len(data) for _, data in buffer.parts())
    return bytes(buffer.read(0, held))
