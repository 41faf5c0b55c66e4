"""Byte ranges of a file, half-open."""

from __future__ import annotations

from collections.abc import Iterable

from tinycog.records import NamedTuple


class ByteRange(NamedTuple):
    """Bytes `start` to `stop` of a file, half-open."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.stop - self.start


Span = tuple[int, int]
"""A `ByteRange` as a plain tuple, where many are made."""


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return ranges in order, those joined that touch; none is empty."""
    found: list[Span] = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(stop, found[-1][1])
        elif stop > start:
            found.append((start, stop))
    return found


CLUSTER_GAP_BYTES = 1 << 20
"""Bytes between ranges that are never fetched together."""


def count_clusters(ranges: Iterable[ByteRange]) -> int:
    """Count the groups of ranges that lie at least `CLUSTER_GAP_BYTES` apart."""
    found, stop = 0, -CLUSTER_GAP_BYTES
    for start, end in sorted(ranges):
        found += start - stop >= CLUSTER_GAP_BYTES
        stop = max(stop, end)
    return found
