"""What of a file is used, and how often: overlaps, ranges that are used twice, and gaps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PAGE_BYTES = 4096
"""Bytes between what is used from which on they are no alignment."""

Positions = NDArray[np.int64]


class Occurrences(NamedTuple):
    """How often something was found, and where first.

    Attributes:
        times: how often.
        at: absolute position of the first.
        other: a second position: of an overlap, where what lies before ends.
    """

    times: int = 0
    at: int = 0
    other: int = 0


class UsedRanges(NamedTuple):
    """What was found of all ranges that are used.

    Attributes:
        header_overlaps: ranges of the header, of IFDs and values that begin before others end.
        block_overlaps: the same where one of both is a stored block.
        duplicates: ranges that are the same as another.
        gaps: unused ranges of `PAGE_BYTES` or more.
        gap_bytes: of these together.
    """

    header_overlaps: Occurrences
    block_overlaps: Occurrences
    duplicates: Occurrences
    gaps: Occurrences
    gap_bytes: int


def look(
    fixed: Iterable[tuple[int, int]],
    blocks: Iterable[tuple[Positions, Positions]],
    size: int | None,
    between: int,
) -> UsedRanges:
    """Look at all ranges of a file.

    Memory: some 30 bytes for each block.

    Args:
        fixed: (start, stop) of header, ghost area, IFDs and values.
        blocks: starts and stops of the stored blocks of each image.
        size: of the file.
        between: bytes between two blocks that are used, too: those of leaders and trailers.
    """
    starts, stops, is_block = _in_order(fixed, blocks)
    reach = np.maximum.accumulate(stops)
    begins, ends = starts[1:], stops[1:]
    same = (begins == starts[:-1]) & (ends == stops[:-1]) & (ends > begins)
    duplicates = _occurrences(same, starts, stops)
    wrong = (begins < reach[:-1]) & (ends > begins) & ~same
    with_block = is_block[1:] | is_block[:-1]
    header_overlaps = _occurrences(wrong & ~with_block, begins, reach)
    block_overlaps = _occurrences(wrong & with_block, begins, reach)
    del same, wrong, with_block
    ends_at = int(reach[-1])
    del stops, ends, is_block
    gaps = np.empty_like(reach)
    np.subtract(begins, reach[:-1], out=gaps[:-1])
    gaps[-1] = 0 if size is None else size - ends_at
    found = gaps >= PAGE_BYTES + between
    total = int(gaps[found].sum())
    return UsedRanges(
        header_overlaps, block_overlaps, duplicates, _occurrences(found, reach, reach), total
    )


def _in_order(
    fixed: Iterable[tuple[int, int]], blocks: Iterable[tuple[Positions, Positions]]
) -> tuple[Positions, Positions, NDArray[np.bool_]]:
    """Return starts and stops of all ranges by their starts, and which are blocks."""
    ends = np.array([*fixed], np.float64).clip(0, 2**62).astype(np.int64)
    by_place = sorted((one for one in blocks if len(one[0])), key=lambda one: int(one[0][0]))
    lists = [list(one) for one in zip((ends[:, 0], ends[:, 1]), *by_place, strict=True)]
    del blocks, by_place
    stops = np.concatenate(lists.pop())  # of which the parts are free before the next are joined
    starts = np.concatenate(lists.pop())
    is_block = np.ones(len(starts), np.bool_)
    is_block[: len(ends)] = False
    if not (starts[1:] > starts[:-1]).all():
        order = np.argsort(starts, kind="stable")  # quick where few are out of order
        starts = starts[order]
        stops = stops[order]
        if (starts[1:] == starts[:-1]).any():
            again = np.lexsort((stops, starts))
            starts, stops, order = starts[again], stops[again], order[again]
        is_block = is_block[order]
    return starts, stops, is_block


def _occurrences(found: NDArray[np.bool_], at: Positions, other: Positions) -> Occurrences:
    count = int(np.count_nonzero(found))
    if not count:
        return Occurrences()
    first = int(found.argmax())
    return Occurrences(count, int(at[first]), int(other[first]))
