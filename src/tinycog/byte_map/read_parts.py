"""The parser of what lies where: header, ghost area, IFDs, their values, and blocks of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.byte_map.layout import FileSegment
from tinycog.errors import TinycogError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ghost import LEADER_LENGTH, parse_ghost
from tinycog.tiff.header_ranges import MOST_BROKEN, POINTERS
from tinycog.tiff.parse import Entry, Ifd, Tiff, parse_ifd, parse_values
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.roles import Place
from tinycog.tiff.spec import ByteOrder, Tag, Variant, name_of
from tinycog.tiff.steps import Steps, need
from tinycog.tiff.tile_index import INTEGERS

MOST_BLOCKS = 1 << 17
"""Blocks of an image whose index is read anyway; of a longer one its two ends."""

END_BLOCKS = 1 << 9
"""Blocks of each end."""

INDEX = {
    Tag.TileOffsets: Tag.TileByteCounts,
    Tag.StripOffsets: Tag.StripByteCounts,
    Tag.JPEGInterchangeFormat: Tag.JPEGInterchangeFormatLength,
}
"""Tags that say where blocks begin, and those that say how long these are."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BlockParts:
    """Blocks of an image, as far as its index is known.

    Attributes:
        of: which image.
        starts: where they begin; those that are not stored are left out.
        stops: where they end; None where the file has no byte counts.
        count: how many they are; where only some are known, how many they may be.
        is_whole: whether all are known.
    """

    of: str
    starts: Numbers
    stops: Numbers | None
    count: int
    is_whole: bool = True


class FileParts(NamedTuple):
    """What was found in a file.

    Attributes:
        fixed: header, ghost area, IFDs, values, indices.
        blocks: of each image.
        is_whole: whether nothing that may point to bytes was left unread.
    """

    fixed: list[FileSegment]
    blocks: list[BlockParts]
    is_whole: bool


def parse_parts(
    buffer: SparseBuffer,
    tiff: Tiff,
    places: Sequence[Place],
    limits: Limits,
    *,
    whole: bool,
) -> Steps[FileParts]:
    """Read what lies where.

    Args:
        buffer: the bytes of the file.
        tiff: its chain of IFDs, walked.
        places: the roles of IFDs, and those below the chain that are known.
        limits: of the handle.
        whole: read the index of each image, however long it is.
    """
    header = tiff.header
    ghost = yield from parse_ghost(buffer, header)
    fixed = [FileSegment(0, header.variant.header_length, "header")]
    frame = 0
    if ghost is not None:
        fixed.append(FileSegment(header.variant.header_length, ghost.stop, "ghost"))
        frame = LEADER_LENGTH * ghost.has_leaders
    ifds = {ifd.offset: (ifd, f"IFD {n}") for n, ifd in enumerate(tiff.ifds)}
    ifds |= {place.ifd.offset: (place.ifd, _name(place)) for place in places if place.ifd.entries}
    is_whole = yield from _read_ifds_below(buffer, tiff, ifds, limits)
    for ifd, name in ifds.values():
        fixed += _segments_of(ifd, name, header.variant)
    indices = [
        (name, ifd.entries[tag], ifd.entries.get(length))
        for ifd, name in ifds.values()
        for tag, length in INDEX.items()
        if tag in ifd.entries
    ]
    most = None if whole else MOST_BLOCKS
    wanted = [part for _, *pair in indices for entry in pair for part in _ends(buffer, entry, most)]
    yield from need(buffer, wanted)
    blocks = [_BlockIndex(buffer, header.byte_order, most).blocks(*one, frame) for one in indices]
    is_whole = is_whole and tiff.complete and not tiff.is_cut
    return FileParts(fixed, blocks, is_whole and all(one.is_whole for one in blocks))


def _name(place: Place) -> str:
    """Return what an image is called."""
    page = "" if place.of == (0,) else f" of page {'.'.join(map(str, place.of))}"
    if place.role == "mask" and place.z is not None:
        return f"mask of level {place.z}{page}"
    if place.role == "level" and place.z is not None:
        return f"level {place.z}{page}"
    return "level 0" if place.path == (0,) else f"{place.role} {'.'.join(map(str, place.path))}"


def _read_ifds_below(
    buffer: SparseBuffer, tiff: Tiff, ifds: dict[int, tuple[Ifd, str]], limits: Limits
) -> Steps[bool]:
    """Add IFDs that others point to; return whether all of them could be read."""
    pending, broken = [ifd for ifd, _ in ifds.values()], 0
    while pending:
        ifd = pending.pop()
        for tag in POINTERS:
            offsets = yield from _offsets(buffer, tiff, ifd.entries.get(tag), limits)
            for n, offset in enumerate(offsets):
                if offset in ifds:
                    continue
                if len(ifds) >= limits.ifds or broken >= MOST_BROKEN:
                    return False
                try:
                    below = yield from parse_ifd(buffer, tiff.header, offset, limits)
                except TinycogError:
                    broken += 1
                    continue
                kind = tag.name.removesuffix("IFD") if tag != Tag.SubIFDs else f"SubIFD {n}"
                ifds[offset] = below, f"{kind} of {ifds[ifd.offset][1]}"
                pending.append(below)
    return not broken


def _offsets(
    buffer: SparseBuffer, tiff: Tiff, entry: Entry | None, limits: Limits
) -> Steps[list[int]]:
    if entry is None:
        return []
    with suppress(TinycogError):
        (value,) = yield from parse_values(buffer, tiff.header, [entry], limits)
        return [number for number in value if isinstance(number, int) and number > 0]
    return []


def _segments_of(ifd: Ifd, name: str, variant: Variant) -> Iterator[FileSegment]:
    """Yield where an IFD lies, and where those of its values that lie apart do."""
    entries = len(ifd.entries) * variant.entry_length
    length = variant.count_length + entries + variant.offset_length
    yield FileSegment(ifd.offset, ifd.offset + length, "ifd", name)
    index = {*INDEX, *INDEX.values()}
    for tag, entry in ifd.entries.items():
        if entry.range.length > variant.offset_length:
            kind = "index" if tag in index else "values"
            yield FileSegment(*entry.range, kind, name, name_of(Tag, tag).partition(" ")[0])


# --- index ---------------------------------------------------------------------------------------


def _ends(buffer: SparseBuffer, entry: Entry | None, most: int | None) -> list[ByteRange]:
    """Return the bytes of an array that are read: all, or both ends of one that is long."""
    if entry is None or entry.field_type.format not in INTEGERS:
        return []
    size, length = buffer.size or entry.range.stop, entry.field_type.length
    count = min(entry.count, max(size - entry.offset, 0) // length)
    if not count:
        return []
    stop, end = entry.offset + count * length, END_BLOCKS * length
    if most is None or count <= most:
        return [ByteRange(entry.offset, stop)]
    return [ByteRange(entry.offset, entry.offset + end), ByteRange(stop - end, stop)]


class _BlockIndex(NamedTuple):
    """What reads the index of an image from bytes that have arrived.

    Attributes:
        buffer: these.
        byte_order: of the file.
        most: blocks whose index was read wholly; None for any number.
    """

    buffer: SparseBuffer
    byte_order: ByteOrder
    most: int | None

    def blocks(self, of: str, offsets: Entry, counts: Entry | None, frame: int) -> BlockParts:
        """Return blocks of an image, with leaders and trailers of so many bytes."""
        starts, lengths = self._numbers(offsets), self._numbers(counts)
        is_whole = len(starts) == offsets.count
        if not len(lengths) or len(lengths) != len(starts):
            starts = starts[starts > 0]
            count = len(starts) if is_whole else offsets.count
            return BlockParts(of, starts, None, count, is_whole)
        stored = (starts > 0) & (lengths > 0)
        starts, stops = starts[stored] - frame, starts[stored] + lengths[stored] + frame
        count = len(starts) if is_whole else offsets.count
        return BlockParts(of, starts, stops, count, is_whole)

    def _numbers(self, entry: Entry | None) -> Numbers:
        """Return the values of an array that were read, those beyond any file cut."""
        parts = _ends(self.buffer, entry, self.most)
        if entry is None or not parts:
            return np.zeros(0, np.int64)
        kind = entry.field_type
        code = f"{self.byte_order}{'i' if kind.format.islower() else 'u'}{kind.length}"
        data = b"".join(bytes(self.buffer.read(*part)) for part in parts)
        most = min(1 << 61, int(np.iinfo(code).max))
        return np.frombuffer(data, code).clip(0, most).astype(np.int64)
