"""The new file: bytes that are new, and ranges of the old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tinycog.targets.pieces import Piece
from tinycog.tiff.ranges import ByteRange
from tinycog.writer.head import Head
from tinycog.writer.update.stored import StoredFile, StoredLevel

Records = Mapping[int, bytes]
"""New records of a level, by their places."""


def new_pieces(file: StoredFile, head: Head, records: Sequence[Records]) -> Iterator[Piece]:
    """Give the new file, in order.

    Args:
        file: as it is.
        head: the new one.
        records: that change, of each level, full resolution first.
    """
    levels = file.levels
    yield b"".join(head.write())
    for level, changed in reversed(list(zip(levels[1:], records[1:], strict=True))):
        yield from _level_pieces(level, changed)
    start = int(levels[0].starts[0])
    is_same = head.padding == file.head.padding
    yield ByteRange(start - head.padding, start) if is_same else bytes(head.padding)
    yield from _level_pieces(levels[0], records[0])


def _level_pieces(level: StoredLevel, changed: Records) -> Iterator[Piece]:
    at = int(level.starts[0])
    for place in sorted(changed):
        start, stop = level.record(place)
        yield ByteRange(at, start)
        yield changed[place]
        at = stop
    yield ByteRange(at, int(level.starts[-1]))
