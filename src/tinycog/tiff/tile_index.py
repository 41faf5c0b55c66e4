"""Where the stored tiles of an image lie: TileOffsets and TileByteCounts, read by pages. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tinycog.errors import CorruptTileError, Finding, FormatError, TruncatedError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Entry
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import Compression
from tinycog.tiff.steps import Steps, need

PAGE_BYTES = 1 << 14
"""Bytes of a page of TileOffsets or TileByteCounts: what locating one tile reads."""


class TileLocation(NamedTuple):
    """Where a stored tile lies.

    Attributes:
        range: the bytes to read.
        framed: whether the bytes start with the tile's leader, which holds its length, and reach to
            the next tile (gdal.ghost.leaders).
    """

    range: ByteRange
    framed: bool = False


def locate(
    buffer: SparseBuffer,
    image: Image,
    indices: Sequence[int],
    limits: Limits,
    *,
    leaders: bool = False,
) -> Steps[list[TileLocation | None]]:
    """Locate tiles, given by their positions in the index, in one step.

    Only the pages of the index around them are read. None stands for a tile that is not stored
    (tiff.tile.sparse, tiff.tile.place). With `leaders`, byte counts that have not arrived are not
    read where the offset of the next tile bounds this one.

    Raises:
        FormatError: the image has no index.
        LimitError: a tile has more bytes than `limits.tile_bytes`.
    """
    offsets, counts = _columns(buffer, image)
    indices = [image.stored_index(i) for i in indices] if image.depth > 1 else indices
    for column in (offsets, counts):
        if column is not None and indices:
            column.check(max(indices))
    framed: set[int] = set()
    if leaders and counts is not None:
        framed = {i for i in indices if offsets.same_page(i, i + 1) and not counts.holds(i)}
    counted = [i for i in indices if i not in framed]
    yield from need(buffer, [*offsets.pages(indices), *(counts.pages(counted) if counts else ())])
    spans = {i: _span(image, i, *offsets.values([i, i + 1])) for i in framed}
    if counts is not None and None in spans.values():
        counted += [i for i, span in spans.items() if span is None]
        yield from need(buffer, counts.pages(counted))
    lengths = dict(zip(counted, counts.values(counted), strict=True)) if counts else {}
    places: list[TileLocation | None] = []
    for index, offset in zip(indices, offsets.values(indices), strict=True):
        span = spans.get(index)
        part = span or _range(buffer, image, index, offset, lengths.get(index))
        limits.check("tile_bytes", part.length, f"encoded bytes of tile {index}")
        places.append(
            TileLocation(_inside(buffer, index, part), span is not None) if part.length else None
        )
    return places


def _columns(buffer: SparseBuffer, image: Image) -> tuple[Column, Column | None]:
    """Return the two arrays of the index; byte counts may be missing."""
    if image.offsets is None or image.offsets.count == 0:
        text = "the image has no TileOffsets or StripOffsets"
        raise FormatError.of(Finding("tiff.tile.index", text, None, image.ifd.offset))
    counts = image.byte_counts
    if counts is None or counts.count == 0:
        return Column(buffer, image, image.offsets, image.shift + image.offsets.upper), None
    offsets = Column(buffer, image, image.offsets, image.shift + image.offsets.upper)
    return offsets, Column(buffer, image, counts, counts.upper)


INTEGERS = tuple("BHIQbhiq")
"""`struct` codes of the field types that an index may have."""

FRAME_BYTES = 4
"""Bytes of a leader, and of a trailer."""


def _span(image: Image, index: int, offset: int, after: int) -> ByteRange | None:
    """Return the range from a tile's leader to the next one's, or None if it is not plausible."""
    rows = image.grid.stored_rows(index // image.grid.across % image.grid.down)
    most = 2 * image.unpacked_length(rows) + PAGE_BYTES
    if not FRAME_BYTES < offset < after <= offset + most:
        return None
    return ByteRange(offset - FRAME_BYTES, after - FRAME_BYTES)


def unframed(data: memoryview) -> memoryview | None:
    """Return the tile between leader and trailer, or None if they disagree (gdal.ghost.leaders)."""
    length = int.from_bytes(data[:FRAME_BYTES], "little")
    stop = FRAME_BYTES + length
    tile = data[FRAME_BYTES:stop]
    trailer = bytes(data[stop : stop + FRAME_BYTES])
    repeated = bytes(tile[-FRAME_BYTES:]).ljust(FRAME_BYTES, b"\0")
    return tile if length and trailer == repeated else None


def _range(
    buffer: SparseBuffer, image: Image, index: int, offset: int, count: int | None
) -> ByteRange:
    """Return the range of a tile by offset and byte count; empty if it is not stored."""
    if offset < 0 or (count or 0) < 0:
        text = f"tile {index} has offset {offset} and byte count {count}"
        raise FormatError.of(Finding("tiff.value.integer", text, None, image.ifd.offset))
    length = _length(buffer, image, index, offset, count) if offset else 0
    return ByteRange(offset, offset + length)


def _inside(buffer: SparseBuffer, index: int, part: ByteRange) -> ByteRange:
    if buffer.size is not None and part.stop > buffer.size:
        place = f"bytes {part.start} to {part.stop}"
        message = f"tile {index} lies at {place}, but the file ends at {buffer.size}"
        raise TruncatedError(message)
    return part


MAX_SINGLE_VALUES = 16
"""Number of values up to which each is read by itself; more are read by whole pages."""


class Column:
    """One of the two arrays of an index; values beyond the last tile are never read."""

    __slots__ = ("_buffer", "_count", "_dtype", "_length", "_offset", "_per_page", "_shift", "_tag")

    def __init__(self, buffer: SparseBuffer, image: Image, entry: Entry, shift: int = 0) -> None:
        """Refuse an entry that is not an array of integers. `shift` is added to those not 0."""
        code = entry.field_type.format
        if code not in INTEGERS:
            text = f"tag {entry.tag} has field type {entry.field_type.name}, expected integers"
            raise FormatError.of(Finding("tiff.value.integer", text, entry.offset))
        self._buffer = buffer
        self._tag = entry.tag
        self._offset = entry.offset
        self._length = entry.field_type.length
        self._per_page = PAGE_BYTES // self._length
        self._count = min(entry.count, image.stored_count)
        self._shift = shift
        self._dtype = f"{image.byte_order}{'i' if code.islower() else 'u'}{self._length}"

    def _page(self, page: int) -> ByteRange:
        stop = min((page + 1) * self._per_page, self._count)
        start = self._offset + page * self._per_page * self._length
        return ByteRange(start, self._offset + stop * self._length)

    def pages(self, indices: Iterable[int]) -> list[ByteRange]:
        """Return the pages that hold the values at `indices`."""
        return [
            self._page(page) for page in {i // self._per_page for i in indices if i < self._count}
        ]

    def check(self, index: int) -> None:
        """Refuse a tile that has no value in the array (tiff.tile.short)."""
        if index >= self._count:
            text = f"tag {self._tag} has {self._count} values, none for tile {index}"
            raise FormatError.of(Finding("tiff.tile.short", text, self._offset))

    def holds(self, index: int) -> bool:
        """Return whether the value has arrived."""
        return not self._buffer.missing(self.pages([index]))

    def same_page(self, first: int, second: int) -> bool:
        """Return whether two values lie in one page."""
        return second < self._count and first // self._per_page == second // self._per_page

    def values(self, indices: Sequence[int]) -> list[int]:
        """Return the values at `indices`; 0 beyond the last tile."""
        found = self._values(indices)
        return [value and value + self._shift for value in found] if self._shift else found

    def _values(self, indices: Sequence[int]) -> list[int]:
        if len(indices) <= MAX_SINGLE_VALUES:
            return [self._value(i) if i < self._count else 0 for i in indices]
        wanted = {i // self._per_page for i in indices if i < self._count}
        pages = {
            page: np.frombuffer(self._buffer.read(*self._page(page)), self._dtype).tolist()
            for page in wanted
        }
        return [
            pages[i // self._per_page][i % self._per_page] if i < self._count else 0
            for i in indices
        ]

    def _value(self, index: int) -> int:
        start = self._offset + index * self._length
        data = self._buffer.read(start, start + self._length)
        order = "little" if self._dtype[0] == "<" else "big"
        return int.from_bytes(data, order, signed=self._dtype[1] == "i")


def _length(buffer: SparseBuffer, image: Image, index: int, offset: int, count: int | None) -> int:
    """Return the bytes of a tile; its byte count may be missing or wrong (tiff.tile.no-counts).

    An uncompressed tile needs no more than its pixels, whatever the count says; that of a single
    strip is ignored. A compressed single strip of a plane without a count reaches to the end.
    """
    is_one_strip = image.grid.strips and image.grid.across * image.grid.down == 1
    if image.compression == Compression.NONE and (count != 0 or is_one_strip):
        rows = image.grid.stored_rows(index // image.grid.across % image.grid.down)
        needed = image.unpacked_length(rows) * image.tile_depth
        return needed if count is None or is_one_strip else min(count, needed)
    if count is not None and not (count == 0 and is_one_strip):
        return count
    if buffer.size is None or not is_one_strip:
        message = f"tile {index} has no byte count, and its codec does not say how long it is"
        raise CorruptTileError(message)
    return max(buffer.size - offset, 0)
