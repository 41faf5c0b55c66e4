"""Which bytes a read needs, and in how many requests: computed before anything is sent. No I/O.

`locate` finds the bytes of tiles by pages of the index; `merge` makes requests of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tinycog.buffer import ByteRange, SparseBuffer, Steps, need, together
from tinycog.errors import CorruptTileError, Finding, FormatError, Limits, TruncatedError
from tinycog.image import Image
from tinycog.parse import Entry
from tinycog.spec import Compression

PAGE_BYTES = 1 << 14
"""Bytes of one page of TileOffsets or TileByteCounts: the index that one tile costs."""


def locate(
    buffer: SparseBuffer, image: Image, indices: Sequence[int], limits: Limits
) -> Steps[list[ByteRange | None]]:
    """Find the bytes of tiles, given by their positions in the index, in one step.

    Only the pages of the index around them are read. None stands for a tile that is not stored
    (tiff.tile.sparse, tiff.tile.place).

    Raises:
        FormatError: the image has no index.
        LimitError: a tile claims more bytes than `limits.tile_bytes`.
    """
    if image.offsets is None or image.offsets.count == 0:
        text = "the image has no TileOffsets or StripOffsets"
        raise FormatError.of(Finding("tiff.tile.index", text, None, image.ifd.offset))
    wanted = [image.offsets] if image.byte_counts is None else [image.offsets, image.byte_counts]
    columns = yield from together(
        _parse_elements(buffer, image, entry, indices) for entry in wanted
    )
    offsets = columns[0]
    counts = columns[1] if len(columns) > 1 else [None] * len(offsets)
    ranges: list[ByteRange | None] = []
    for index, offset, count in zip(indices, offsets, counts, strict=True):
        if offset < 0 or (count or 0) < 0:
            text = f"tile {index} has offset {offset} and byte count {count}"
            raise FormatError.of(Finding("tiff.value.integer", text, None, image.ifd.offset))
        length = _length(buffer, image, index, offset, count) if offset else 0
        limits.check("tile_bytes", length, f"encoded bytes of tile {index}")
        if buffer.size is not None and length and offset + length > buffer.size:
            place = f"bytes {offset} to {offset + length}"
            message = f"tile {index} lies at {place}, but the file ends at {buffer.size}"
            raise TruncatedError(message)
        ranges.append(ByteRange(offset, offset + length) if length else None)
    return ranges


def _parse_elements(
    buffer: SparseBuffer, image: Image, entry: Entry, indices: Sequence[int]
) -> Steps[list[int]]:
    """Values of an index array at `indices`; 0 where the array is too short (tiff.tile.short).

    What it holds beyond the last tile is never read.
    """
    if entry.field_type.format not in tuple("BHIQbhiq"):
        text = f"tag {entry.tag} has field type {entry.field_type.name}, expected integers"
        raise FormatError.of(Finding("tiff.value.integer", text, entry.offset))
    length = entry.field_type.length
    per_page = PAGE_BYTES // length
    count = min(entry.count, image.grid.count)
    pages: dict[int, ByteRange] = {}
    for i in indices:
        page = i // per_page
        if page not in pages and i < count:
            stop = min((page + 1) * per_page, count)
            pages[page] = ByteRange(
                entry.offset + page * per_page * length, entry.offset + stop * length
            )
    yield from need(buffer, pages.values())
    kind = "i" if entry.field_type.format.islower() else "u"
    dtype = np.dtype(f"{image.byte_order}{kind}{length}")
    values = {page: np.frombuffer(buffer.read(*at), dtype) for page, at in pages.items()}
    return [int(values[i // per_page][i % per_page]) if i < count else 0 for i in indices]


def _length(buffer: SparseBuffer, image: Image, index: int, offset: int, count: int | None) -> int:
    """Bytes to read of a tile; its byte count is not always there, or right (tiff.tile.no-counts).

    An uncompressed tile needs no more than its pixels, whatever the count says; that of a lone
    strip is not looked at. Compressed, the lone strip of a plane reaches to the end without one.
    """
    is_one_strip = image.grid.strips and image.grid.across * image.grid.down == 1
    if image.compression == Compression.NONE and (count != 0 or is_one_strip):
        needed = image.unpacked_length(
            image.grid.stored_rows(index // image.grid.across % image.grid.down)
        )
        return needed if count is None or is_one_strip else min(count, needed)
    if count is not None and not (count == 0 and is_one_strip):
        return count
    if buffer.size is None or not is_one_strip:
        message = f"tile {index} has no byte count, and its codec does not say how long it is"
        raise CorruptTileError(message)
    return max(buffer.size - offset, 0)


class Batch(NamedTuple):
    """One request: its bytes, and which of the wanted ranges it answers."""

    range: ByteRange
    members: list[int]


def merge(ranges: Iterable[ByteRange], *, round_trip_bytes: int, request_bytes: int) -> list[Batch]:
    """Make requests of ranges: as few as pay.

    Args:
        ranges: the wanted ones, in any order; they may overlap.
        round_trip_bytes: how many bytes cost as much as one more request: a gap up to this length
            is read along.
        request_bytes: no request is made longer than this by merging.
    """
    batches: list[Batch] = []
    for i, (start, stop) in sorted(enumerate(ranges), key=lambda item: item[1]):
        if batches:
            (first, last), members = batches[-1]
            joined = ByteRange(first, max(last, stop))
            fits = joined.length <= request_bytes or stop <= last
            if start - last <= round_trip_bytes and fits:
                batches[-1] = Batch(joined, [*members, i])
                continue
        batches.append(Batch(ByteRange(start, stop), [i]))
    return batches
