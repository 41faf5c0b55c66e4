"""Byte ranges of a file, half-open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class ByteRange(NamedTuple):
    """Bytes `start` to `stop` of a file, half-open."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.stop - self.start


Span = tuple[int, int]
"""A range where it is not worth a name: start and stop."""

FAR = 1 << 20
"""Bytes between what is fetched one by one."""


def count_clusters(ranges: Iterable[ByteRange]) -> int:
    """How many places far from each other ranges lie in."""
    found, stop = 0, -FAR
    for start, end in sorted(ranges):
        found += start - stop >= FAR
        stop = max(stop, end)
    return found
