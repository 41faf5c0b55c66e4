"""Leaders and trailers of stored blocks: read in bulk, and held against the index. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ghost import LEADER_LENGTH
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps, need
from tinycog.validator.facts import BlockIndex, TileFrame, WrongFrames

GAP_BYTES = 1 << 15
"""Bytes between two frames up to which they are read together."""

WORDS = ("BLOCK_LEADER=SIZE_AS_UINT4", "BLOCK_TRAILER=LAST_4_BYTES_REPEATED")
"""Words of the ghost area by which blocks have leaders and trailers."""

BATCH_BLOCKS, BATCH_BYTES = 1 << 16, 16 << 20
"""Blocks, and bytes of the file, that are looked at together."""

Positions = NDArray[np.int64]


class _Frames(NamedTuple):
    """Where leaders and trailers of blocks lie.

    Attributes:
        blocks: of which these are.
        offsets, counts: of those.
        leaders: where leaders begin.
        ends: where the last bytes of each block begin that its trailer repeats.
        is_cut: whether the file ends before the trailer does.
    """

    blocks: NDArray[np.intp]
    offsets: Positions
    counts: Positions
    leaders: Positions
    ends: Positions
    is_cut: NDArray[np.bool_]


def has_frames(ghost: str) -> bool:
    """Return whether the ghost area declares leaders or trailers."""
    return any(words in ghost for words in WORDS)


def batches(index: BlockIndex, count: int) -> Iterator[NDArray[np.intp]]:
    """Yield the stored ones of the first `count` blocks: as many as are looked at together."""
    known = min(len(index.offsets), len(index.counts), count)
    for start in range(0, known, BATCH_BLOCKS):
        part = slice(start, min(start + BATCH_BLOCKS, known))
        offsets = index.offsets[part]
        stored = np.flatnonzero((offsets != 0) & (index.counts[part] != 0))
        if not len(stored):
            continue
        places = offsets[stored]
        behind = np.maximum(places[1:], places[:-1]) - np.minimum(places[1:], places[:-1])
        read = np.minimum(behind, np.uint64(GAP_BYTES)).cumsum() // np.uint64(BATCH_BYTES)
        cuts = np.flatnonzero(read[1:] != read[:-1]) + 2
        for blocks in np.split(stored, cuts):
            yield start + blocks


def parse_frames(
    buffer: SparseBuffer, index: BlockIndex, blocks: NDArray[np.intp]
) -> Steps[WrongFrames]:
    """Return which of some stored blocks have a wrong leader or trailer."""
    frames = _frames(index, blocks, buffer.size)
    if not len(frames.blocks):
        return WrongFrames()
    tails = frames.ends[~frames.is_cut]
    starts = np.concatenate([frames.leaders, tails])
    stops = np.concatenate([frames.leaders + LEADER_LENGTH, tails + 2 * LEADER_LENGTH])
    windows = _windows(starts, stops)
    yield from need(buffer, windows)
    return _wrong([(part.start, buffer.read(*part)) for part in windows], frames)


def wrong_frames(
    runs: Sequence[tuple[int, bytes | memoryview]],
    index: BlockIndex,
    blocks: NDArray[np.intp],
    size: int | None,
) -> WrongFrames:
    """Return which blocks have a wrong leader or trailer, of bytes that hold all of these.

    Args:
        runs: where bytes begin, and these, in the order of the file.
        index: of the image.
        blocks: of it.
        size: of the file.
    """
    frames = _frames(index, blocks, size)
    return _wrong(runs, frames) if len(frames.blocks) else WrongFrames()


def _frames(index: BlockIndex, blocks: NDArray[np.intp], size: int | None) -> _Frames:
    """Return where leaders and trailers lie, of blocks that lie inside of the file."""
    stop = np.uint64(size or 1 << 61)
    places = index.offsets[blocks]
    blocks = blocks[(places >= LEADER_LENGTH) & (places < stop)]
    offsets = index.offsets[blocks].astype(np.int64)
    counts = np.minimum(index.counts[blocks], np.uint64(1 << 61)).astype(np.int64)
    ends = offsets + np.maximum(counts, LEADER_LENGTH) - LEADER_LENGTH
    # what the end of the file cuts is taken to repeat, as GDAL's validator takes it
    is_cut = ends + 2 * LEADER_LENGTH > int(stop)
    return _Frames(blocks, offsets, counts, offsets - LEADER_LENGTH, ends, is_cut)


def _windows(starts: Positions, stops: Positions) -> list[ByteRange]:
    """Return ranges that hold all of these, joined over short gaps."""
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(stops[order])
    cuts = np.flatnonzero(starts[1:] - reach[:-1] > GAP_BYTES) + 1
    first, last = np.concatenate([[0], cuts]), np.concatenate([cuts - 1, [len(starts) - 1]])
    return [ByteRange(*pair) for pair in zip(starts[first].tolist(), reach[last].tolist())]  # noqa: B905 - of equal length


def _wrong(runs: Sequence[tuple[int, bytes | memoryview]], frames: _Frames) -> WrongFrames:
    """Compare leaders and trailers, which bytes in order hold, with the index."""
    joined = runs[0][1] if len(runs) == 1 else b"".join(part for _, part in runs)
    data = np.frombuffer(joined, np.uint8)
    begins = np.array([start for start, _ in runs], np.int64)
    lengths = np.array([len(part) for _, part in runs], np.int64)
    shifts = np.cumsum(lengths) - lengths - begins

    def words(at: Positions) -> NDArray[np.int64]:
        """Return the 4 bytes at each position as a number."""
        run = np.searchsorted(begins, at, side="right") - 1
        places = at + shifts[run]
        found = np.zeros(len(at), np.int64)
        for i in range(LEADER_LENGTH):
            found |= data[places + i].astype(np.int64) << (8 * i)
        return found

    told = words(frames.leaders)
    is_wrong = told != frames.counts
    repeats = frames.is_cut | (frames.counts < LEADER_LENGTH)
    asked = np.flatnonzero(~repeats)
    tails = frames.ends[asked]
    repeats[asked] = words(tails) == words(tails + LEADER_LENGTH)

    def first(found: NDArray[np.intp]) -> TileFrame | None:
        if not len(found):
            return None
        i = found[0]
        return TileFrame(int(frames.blocks[i]), int(frames.offsets[i]), int(told[i]))

    leaders, trailers = np.flatnonzero(is_wrong), np.flatnonzero(~repeats)
    return WrongFrames(len(leaders), len(trailers), first(leaders), first(trailers))
