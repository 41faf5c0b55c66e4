"""Which parts of a file are drawn again, larger: IFDs and what lies around them."""

from __future__ import annotations

from typing import NamedTuple

from tinycog.byte_map.layout import FileLayout, FileSegment, SegmentKind

PIXELS_AND_GAPS: frozenset[SegmentKind] = frozenset({"pixels", "unused", "unknown"})

SMALL = 0.02
"""Part of a bar below which an IFD is drawn again; segments as far apart are drawn together."""

LARGE = 0.1
"""Part of a bar from which a segment is seen well enough."""

LEAST_FACTOR = 4
"""Times that a part is drawn larger at least."""

DEPTH = 2
"""Times that a part of a part is drawn larger at most."""

MOST_BARS = 6
"""Parts that are drawn larger at most."""


class Bar(NamedTuple):
    """A range of a file that is drawn as a bar of full width.

    Attributes:
        start, stop: the range.
        within: number of the bar that it magnifies; None for the whole file.
    """

    start: int
    stop: int
    within: int | None = None

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.stop - self.start


def bars_of(layout: FileLayout) -> list[Bar]:
    """Return what is drawn: the whole file, and parts of it that are too small to be seen there."""
    bars, first = [Bar(0, layout.size)], 0
    for _ in range(DEPTH):
        around = list(enumerate(bars))[first:]
        first = len(bars)
        for number, bar in around:
            found = [Bar(*part, number) for part in _clusters(layout, bar)]
            bars += found[: MOST_BARS + 1 - len(bars)]
    return bars


def _clusters(layout: FileLayout, bar: Bar) -> list[tuple[int, int]]:
    """Return ranges of a bar where IFDs are too small to be seen, with what lies near them."""
    found: list[list[FileSegment]] = []
    reach = 0
    for segment in layout.between(bar.start, bar.stop):
        if segment.kind in PIXELS_AND_GAPS or segment.length > bar.length * LARGE:
            continue
        if found and segment.start - reach <= bar.length * SMALL:
            found[-1].append(segment)
        else:
            found.append([segment])
        reach = max(reach, segment.stop)
    parts = [
        (ones[0].start, max(one.stop for one in ones))
        for ones in found
        if any(one.kind == "ifd" and one.length < bar.length * SMALL for one in ones)
    ]
    return [part for part in parts if (part[1] - part[0]) * LEAST_FACTOR <= bar.length]
