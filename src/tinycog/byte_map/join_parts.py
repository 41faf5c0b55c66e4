"""Parts of a file to segments: blocks that follow each other are one; gaps are told, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tinycog.byte_map.layout import FileLayout, FileSegment
from tinycog.byte_map.read_parts import BlockParts, FileParts

PADDING = 16
"""Bytes between blocks that do not part them: what aligns them."""

MOST_RUNS = 2000
"""Runs of blocks that are told one by one; of more, images and then gaps are not kept apart."""

MOST_IMAGES = 3
"""Images that a segment of several names."""


def join_parts(name: str, size: int | None, parts: FileParts) -> FileLayout:
    """Make the layout of a file of what was found in it."""
    if size is None:
        stops = [one.stops for one in parts.blocks if one.stops is not None]
        size = max(one.stop for one in parts.fixed)
        size = max(size, *(int(ends.max(initial=0)) for ends in stops), 0)
    found = [
        FileSegment(one.start, min(one.stop, size), one.kind, one.of, one.tag)
        for one in parts.fixed
        if one.start < size
    ]
    ends = sorted({*(one.start for one in found), size})
    blocks = [_with_stops(one, ends, size) for one in parts.blocks]
    found += [_span(one) for one in blocks if len(one.starts) and not one.is_whole]
    found += _runs([one for one in blocks if one.is_whole])
    found.sort(key=lambda one: (one.start, -one.stop))
    segments = tuple(_with_gaps(found, size, is_whole=parts.is_whole))
    return FileLayout(name, size, segments, parts.is_whole)


def _with_stops(parts: BlockParts, ends: Sequence[int], size: int) -> BlockParts:
    """Return blocks inside of the file; without byte counts, they reach to what follows."""
    inside = parts.starts < size
    starts = parts.starts[inside]
    if parts.stops is None:
        marks = np.unique(np.concatenate([np.array(ends, np.int64), starts]))
        stops = marks[np.minimum(np.searchsorted(marks, starts, "right"), len(marks) - 1)]
        return BlockParts(parts.of, starts, stops, parts.count, is_whole=False)
    stops = np.minimum(parts.stops[inside], size)
    count = len(starts) if parts.is_whole else parts.count
    return BlockParts(parts.of, starts, stops, count, parts.is_whole)


def _span(parts: BlockParts) -> FileSegment:
    """Return the segment of blocks of which not all are known."""
    stops = parts.starts if parts.stops is None else parts.stops
    start, stop = int(parts.starts.min()), int(stops.max())
    return FileSegment(start, stop, "pixels", parts.of, blocks=parts.count, is_estimate=True)


def _runs(images: Sequence[BlockParts]) -> Iterator[FileSegment]:
    """Yield blocks that follow each other, of one image if there are not too many of these."""
    if not images:
        return
    starts = np.concatenate([one.starts for one in images])
    stops = np.concatenate([one.starts if one.stops is None else one.stops for one in images])
    which = np.repeat(np.arange(len(images)), [len(one.starts) for one in images])
    order = np.argsort(starts, kind="stable")
    starts, stops, which = starts[order], stops[order], which[order]
    if not len(starts):
        return
    reach = np.maximum.accumulate(stops)
    gaps, changes = starts[1:] - reach[:-1], which[1:] != which[:-1]
    cuts = changes | (gaps > PADDING)
    padding = PADDING
    if np.count_nonzero(cuts) >= MOST_RUNS:
        cuts = gaps > padding
    while np.count_nonzero(cuts) >= MOST_RUNS:
        padding *= 4
        cuts = gaps > padding
    firsts = np.flatnonzero(np.concatenate([[True], cuts]))
    lasts = np.concatenate([firsts[1:], [len(starts)]])
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        of = _names(images, which[first:last])
        stop = int(stops[first:last].max())
        yield FileSegment(int(starts[first]), stop, "pixels", of, blocks=last - first)


def _names(images: Sequence[BlockParts], which: NDArray[np.intp]) -> str:
    """Return the names of the images whose blocks a run holds."""
    numbers: list[int] = np.unique(which).tolist()
    found = [images[i].of for i in numbers]
    more = [f"{len(found) - MOST_IMAGES} more"] if len(found) > MOST_IMAGES else []
    return " and ".join(found[:MOST_IMAGES] + more)


def _with_gaps(found: Sequence[FileSegment], size: int, *, is_whole: bool) -> Iterator[FileSegment]:
    """Yield segments with what lies between them."""
    kind, reach = "unused" if is_whole else "unknown", 0
    for segment in found:
        if segment.start > reach:
            yield FileSegment(reach, segment.start, kind)
        yield segment
        reach = max(reach, segment.stop)
    if reach < size:
        yield FileSegment(reach, size, kind)
