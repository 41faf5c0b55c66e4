"""Parsers that read what rules look at: the index, the ghost area, leaders and trailers. No I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ghost import GHOST_HEAD_LENGTH, LEADER_LENGTH
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Entry, FileHeader
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import REDUCED, Tag
from tinycog.tiff.steps import Steps, need
from tinycog.tiff.tile_index import INTEGERS
from tinycog.validator.facts import BlockIndex, CornerPlace, GhostText, TileFrame, ghost_length

FIRST_BYTES = 1 << 12
"""Bytes of an index that are read to find its first stored block."""

GAP_BYTES = 1 << 14
"""Bytes between two ranges up to which they are read together."""

MOST_BYTES = 160_000
"""Bytes that the first blocks of all levels may cost, besides the header."""

MOST_POINTS = 600
"""Numbers of tiepoints that are read to find where an image begins."""

ZLIB_METHOD = b"\x78"
"""First byte of a zlib stream with the usual window (RFC 1950)."""

BATCH = 1 << 11
"""Blocks whose leaders and trailers are read together."""


def parse_ghost_text(buffer: SparseBuffer, header: FileHeader) -> Steps[GhostText]:
    """Read the ghost area as a text."""
    start = header.variant.header_length
    head = _inside(buffer, start, start + GHOST_HEAD_LENGTH)
    yield from need(buffer, [head])
    length = ghost_length(bytes(buffer.read(*head)))
    if length is None:
        return GhostText("", start)
    body = _inside(buffer, head.stop, head.stop + length)
    yield from need(buffer, [body])
    return GhostText(bytes(buffer.read(*body)).decode("latin1"), head.stop + length)


def parse_first_blocks(
    buffer: SparseBuffer, images: Sequence[Image], requests: int
) -> Steps[dict[int, BlockIndex]]:
    """Read where blocks begin that a few requests can tell of: first those of most levels."""
    wanted = [
        part
        for image in images
        if (entry := image.offsets) is not None
        and (part := _part(buffer, image, entry, FIRST_BYTES)).length
    ]
    chosen: list[ByteRange] = []
    left = MOST_BYTES
    clusters = sorted(_clusters(buffer.missing(wanted)), key=len, reverse=True)
    for cluster in clusters[:requests]:
        part = ByteRange(cluster[0].start, cluster[-1].stop)
        if part.length <= left:
            chosen.append(part)
            left -= part.length
    yield from need(buffer, chosen)
    return {image.ifd.offset: _known(buffer, image) for image in images}


def parse_indices(buffer: SparseBuffer, images: Sequence[Image]) -> Steps[dict[int, BlockIndex]]:
    """Read the whole index of images, as far as the file has it."""
    entries = [
        (image, entry)
        for image in images
        for entry in (image.offsets, image.byte_counts)
        if entry is not None
    ]
    yield from need(buffer, [_part(buffer, image, entry) for image, entry in entries])
    return {image.ifd.offset: _known(buffer, image) for image in images}


def parse_frames(
    buffer: SparseBuffer, index: BlockIndex, blocks: NDArray[np.intp]
) -> Steps[list[TileFrame]]:
    """Compare leaders and trailers of some stored blocks with these."""
    found: list[TileFrame] = []
    places = [
        (int(i), int(index.offsets[i]), int(index.counts[i]))
        for i in blocks
        if LEADER_LENGTH <= int(index.offsets[i]) < (buffer.size or 1 << 62)
    ]
    parts = [
        part
        for _, offset, count in places
        for part in (_leader(offset), _inside(buffer, *_trailer(offset, count)))
    ]
    yield from need(buffer, parts)
    for i, offset, count in places:
        told = int.from_bytes(buffer.read(*_leader(offset)), "little")
        last = bytes(buffer.read(*_inside(buffer, *_trailer(offset, count))))
        is_cut = (
            len(last) < 2 * LEADER_LENGTH
        )  # by the end of the file, as GDAL's validator takes it
        repeats = count < LEADER_LENGTH or is_cut or last[:LEADER_LENGTH] == last[LEADER_LENGTH:]
        if told != count or not repeats:
            found.append(TileFrame(i, offset, None if told == count else told, not repeats))
    return found


def parse_stream_flags(
    buffer: SparseBuffer, firsts: Mapping[int, int], *, cached: bool
) -> Steps[dict[int, int]]:
    """Read the second byte of some blocks, given by IFD; with `cached`, of those that are here."""
    parts = {ifd: _inside(buffer, at, at + 2) for ifd, at in firsts.items()}
    if not cached:
        yield from need(buffer, list(parts.values()))
    held = {
        ifd: bytes(buffer.read(*part)) for ifd, part in parts.items() if not buffer.missing([part])
    }
    return {ifd: data[1] for ifd, data in held.items() if data[:1] == ZLIB_METHOD and data[1:]}


PLACE_TAGS = (Tag.ModelTiepoint, Tag.ModelPixelScale)


def parse_corners(buffer: SparseBuffer, images: Sequence[Image]) -> Steps[dict[int, CornerPlace]]:
    """Read where images begin by tiepoint and scale, if a reduced one has any."""
    placed = [image for image in images if all(tag in image.ifd.entries for tag in PLACE_TAGS)]
    if not any(image.subfile_type & REDUCED for image in placed):
        return {}
    entries = {image.ifd.offset: [image.ifd.entries[tag] for tag in PLACE_TAGS] for image in placed}
    inside = {ifd: both for ifd, both in entries.items() if all(map(partial(_fits, buffer), both))}
    yield from need(buffer, [entry.range for both in inside.values() for entry in both])
    order = images[0].byte_order
    found: dict[int, CornerPlace] = {}
    for ifd, (point, scale) in inside.items():
        col, row, _, x, y, _ = struct.unpack(f"{order}6d", buffer.read(*point.range)[:48])
        width, height = struct.unpack(f"{order}2d", buffer.read(*scale.range)[:16])
        if width and height:
            found[ifd] = CornerPlace(x - col * width, y + row * height, width, height)
    return found


def _fits(buffer: SparseBuffer, entry: Entry) -> bool:
    """Return whether a tiepoint or a scale is of doubles, as many as needed, inside of the file."""
    needed = 6 if entry.tag == Tag.ModelTiepoint else 3
    stop = entry.range.start + needed * 8
    is_inside = buffer.size is None or stop <= buffer.size
    return entry.field_type.format == "d" and needed <= entry.count <= MOST_POINTS and is_inside


def batches(index: BlockIndex, count: int) -> Iterator[NDArray[np.intp]]:
    """Yield the stored ones of the first `count` blocks, some at a time."""
    known = min(len(index.offsets), len(index.counts), count)
    stored = np.flatnonzero(index.stored()[:known])
    for start in range(0, len(stored), BATCH):
        yield stored[start : start + BATCH]


def _leader(offset: int) -> ByteRange:
    return ByteRange(offset - LEADER_LENGTH, offset)


def _trailer(offset: int, count: int) -> tuple[int, int]:
    """Return where the last bytes of a block and their repetition lie."""
    stop = offset + max(count, LEADER_LENGTH)
    return (stop - LEADER_LENGTH, stop + LEADER_LENGTH)


def _inside(buffer: SparseBuffer, start: int, stop: int) -> ByteRange:
    end = stop if buffer.size is None else min(stop, buffer.size)
    return ByteRange(min(start, end), end)


def _part(buffer: SparseBuffer, image: Image, entry: Entry, most: int | None = None) -> ByteRange:
    """Return the bytes of an array of the index, as far as it has blocks and the file bytes."""
    if entry.field_type.format not in INTEGERS:
        return ByteRange(entry.offset, entry.offset)
    length = min(entry.count, image.stored_count) * entry.field_type.length
    if most is not None:
        length = min(length, most)
    return _inside(buffer, entry.offset, entry.offset + length)


def _clusters(parts: Iterable[ByteRange]) -> list[list[ByteRange]]:
    """Return ranges in groups that lie near each other."""
    found: list[list[ByteRange]] = []
    for part in sorted(parts):
        if found and part.start - found[-1][-1].stop <= GAP_BYTES:
            found[-1].append(part)
        else:
            found.append([part])
    return found


def _known(buffer: SparseBuffer, image: Image) -> BlockIndex:
    offsets = _values(buffer, image, image.offsets)
    counts = _values(buffer, image, image.byte_counts)
    total = min(image.stored_count, _count(buffer, image, image.offsets))
    return BlockIndex(offsets, counts, total, image.byte_counts is not None)


def _count(buffer: SparseBuffer, image: Image, entry: Entry | None) -> int:
    """Return how many values of an array the file has, arrived or not."""
    if entry is None:
        return 0
    return _part(buffer, image, entry).length // entry.field_type.length


def _values(buffer: SparseBuffer, image: Image, entry: Entry | None) -> NDArray[np.uint64]:
    """Return the values at the beginning of an array that have arrived."""
    if entry is None:
        return np.zeros(0, np.uint64)
    part = _part(buffer, image, entry)
    length = entry.field_type.length
    gaps = buffer.missing([part])
    stop = gaps[0].start if gaps else part.stop
    data = buffer.read(part.start, part.start + (stop - part.start) // length * length)
    code = "i" if entry.field_type.format.islower() else "u"
    return np.frombuffer(data, f"{image.byte_order}{code}{length}").astype(np.uint64)
