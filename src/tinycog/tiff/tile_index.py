"""Where the stored tiles of an image lie: TileOffsets and TileByteCounts, read by pages. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
        oddity: what is wrong with its byte count, if anything.
        rows: of the tile, that the bytes hold; None if they hold all.
        head: what belongs before the bytes, of old-style JPEG.
        whole: all bytes of the tile, where the range is only the first of them (tiff.tile.prefix).
    """

    range: ByteRange
    framed: bool = False
    oddity: Finding | None = None
    rows: slice | None = None
    head: bytes = b""
    whole: ByteRange | None = None


ABSENT = TileLocation(ByteRange(0, 0))
"""Of a tile that is not stored."""


def locate(
    buffer: SparseBuffer,
    image: Image,
    indices: Sequence[int],
    limits: Limits,
    *,
    leaders: bool = False,
    rows: Sequence[slice] | None = None,
) -> Steps[list[TileLocation | None]]:
    """Locate tiles, given by their positions in the index, in one step.

    Only the pages of the index around them are read. None stands for a tile that is not stored
    (tiff.tile.sparse, tiff.tile.place). With `leaders`, byte counts that have not arrived are not
    read where the offset of the next tile bounds this one, and leaders stand for those of 0.
    `rows` are those needed of each tile: only they are located where that is possible.

    Raises:
        FormatError: the image has no index.
        LimitError: a tile has more bytes than `limits.tile_bytes`.
    """
    if image.is_one_old_jpeg:
        place = yield from _locate_old_stream(buffer, image)
        limits.check("tile_bytes", place.range.length, "encoded bytes of the image")
        _check_inside(buffer, 0, place.range)
        return [place for _ in indices]
    indices = [image.stored_index(i) for i in indices] if image.depth > 1 else indices
    offsets, counts = _columns(buffer, image, indices)
    spans, lengths = yield from _lengths(buffer, image, indices, (offsets, counts), leaders=leaders)
    found = dict(zip(indices, offsets.values(indices), strict=True))
    unbounded = [i for i, length in lengths.items() if length is None]
    if image.compression == Compression.NONE:
        unbounded = []
    afters = (yield from _offsets_behind(buffer, offsets, unbounded)) if unbounded else {}
    places: list[TileLocation] = []
    for index in indices:
        if index in spans:
            places.append(spans[index])
            continue
        offset, length = found[index], lengths.get(index)
        if not offset and not length:  # of a sparse image nearly all
            places.append(ABSENT)
            continue
        places.append(_Entry(index, offset, length, afters.get(index)).place(buffer, image))
    if rows is not None and image.rows_apart:
        places = [
            _cut(place, image, index, part)
            for place, index, part in zip(places, indices, rows, strict=True)
        ]
    if image.compression == Compression.OLD_JPEG:
        from tinycog.tiff.old_jpeg import read_heads  # noqa: PLC0415 - old-style JPEG only

        heads = yield from read_heads(buffer, image, [_stored_rows(image, i) for i in indices])
        places = [place._replace(head=head) for place, head in zip(places, heads, strict=True)]
    _check_places(buffer, limits, indices, places)
    return [place if place.range.length else None for place in places]


def _offsets_behind(
    buffer: SparseBuffer, offsets: Column, indices: Sequence[int]
) -> Steps[dict[int, int]]:
    """Read the offsets of the tiles that follow those at `indices`, which they stand for."""
    following = [i + 1 for i in indices]
    yield from need(buffer, offsets.pages(following))
    return dict(zip(indices, offsets.values(following), strict=True))


def _locate_old_stream(buffer: SparseBuffer, image: Image) -> Steps[TileLocation]:
    """Locate an image that is one old-style JPEG stream (tiff.jpeg.old).

    Its coded bytes follow its head, or are those of the only strip.
    """
    from tinycog.tiff.old_jpeg import read_stream_head  # noqa: PLC0415 - old-style JPEG only

    stream, head, is_whole = yield from read_stream_head(buffer, image)
    if is_whole or image.offsets is None or not image.offsets.count:
        stop = stream.stop if stream.length or buffer.size is None else buffer.size
        return TileLocation(ByteRange(stream.start, stop))
    offsets, counts = _columns(buffer, image, [0])
    yield from need(buffer, [*offsets.pages([0]), *(counts.pages([0]) if counts else ())])
    start, length = offsets.values([0])[0], counts.values([0])[0] if counts else 0
    stop = start + length if length or buffer.size is None else buffer.size
    return TileLocation(ByteRange(start, stop), head=head)


def _cut(place: TileLocation, image: Image, index: int, rows: slice) -> TileLocation:
    """Return where some rows of a tile lie, if that saves much (tiff.tile.rows).

    Those of an uncompressed tile can be read without the others: each begins on a byte.
    """
    if place is ABSENT or place.framed:
        return place
    stored = _stored_rows(image, index)
    length = image.unpacked_length(1)
    saved = stored * length - (rows.stop - rows.start) * length
    if place.range.length != stored * length or saved < SAVED_BYTES:
        return place
    start = place.range.start
    part = ByteRange(start + rows.start * length, start + rows.stop * length)
    return place._replace(range=part, rows=rows)


def _lengths(
    buffer: SparseBuffer,
    image: Image,
    indices: Sequence[int],
    columns: tuple[Column, Column | None],
    *,
    leaders: bool,
) -> Steps[tuple[dict[int, TileLocation], dict[int, int | None]]]:
    """Read the index; return places of tiles that have leaders, and byte counts of the others."""
    offsets, counts = columns
    framed: set[int] = set()
    if leaders and counts is not None:
        framed = {i for i in indices if offsets.same_page(i, i + 1) and not counts.holds(i)}
    counted = [i for i in indices if i not in framed]
    yield from need(buffer, [*offsets.pages(indices), *(counts.pages(counted) if counts else ())])
    maybe = {i: _span(image, i, *offsets.values([i, i + 1])) for i in framed}
    spans = {i: TileLocation(span, framed=True) for i, span in maybe.items() if span is not None}
    if counts is None:
        return spans, dict.fromkeys(indices)
    if framed:
        counted += [i for i in framed if i not in spans]
        yield from need(buffer, counts.pages(counted))
    lengths = dict(zip(counted, counts.known_values(counted), strict=True))
    if image.compression == Compression.NONE or counts.is_short:
        lengths |= {i: None for i in counted if lengths[i] == 0 and counts.is_silent(i)}
    if leaders:
        silent = [i for i in counted if lengths[i] == 0]
        if silent:
            places = dict(zip(silent, offsets.values(silent), strict=True))
            spans |= yield from _read_leaders(buffer, image, places)
    return spans, lengths


def _read_leaders(
    buffer: SparseBuffer, image: Image, offsets: Mapping[int, int]
) -> Steps[dict[int, TileLocation]]:
    """Read the lengths of tiles whose byte counts are 0 from their leaders (gdal.ghost.leaders)."""
    leaders = {
        i: ByteRange(offset - FRAME_BYTES, offset)
        for i, offset in offsets.items()
        if offset > FRAME_BYTES
    }
    yield from need(buffer, list(leaders.values()))
    found: dict[int, TileLocation] = {}
    for i, leader in leaders.items():
        length = int.from_bytes(buffer.read(*leader), "little")
        span = _span(image, i, leader.stop, leader.stop + length + 2 * FRAME_BYTES)
        if length and span is not None:
            text = (
                f"tile {i} has a byte count of 0, but its leader tells {length} bytes: it is read"
            )
            odd = Finding("gdal.ghost.leaders", text, leader.start, image.ifd.offset)
            found[i] = TileLocation(span, framed=True, oddity=odd)
    return found


def _stored_rows(image: Image, index: int) -> int:
    """Return the rows of a tile, given by its position in the index."""
    return image.grid.stored_rows(index // image.grid.across % image.grid.down)


def _columns(
    buffer: SparseBuffer, image: Image, indices: Sequence[int]
) -> tuple[Column, Column | None]:
    """Return the two arrays of the index, the first with all `indices`; the second may be missing.

    Raises:
        FormatError: the image has no index, or a tile none of its values.
    """
    if image.offsets is None or image.offsets.count == 0:
        text = "the image has no TileOffsets or StripOffsets"
        raise FormatError.of(Finding("tiff.tile.index", text, None, image.ifd.offset))
    counts = image.byte_counts
    offsets = Column(buffer, image, image.offsets, image.shift + image.offsets.upper)
    if indices:
        offsets.check(max(indices))
    if counts is None or counts.count == 0:
        return offsets, None
    return offsets, Column(buffer, image, counts, counts.upper)


INTEGERS = tuple("BHIQbhiq")
"""`struct` codes of the field types that an index may have."""

SAVED_BYTES = 1 << 20
"""Bytes of an uncompressed tile that are worth a request more."""

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


def _check_places(
    buffer: SparseBuffer, limits: Limits, indices: Sequence[int], places: Sequence[TileLocation]
) -> None:
    """Check length and place of tiles that are stored (tiff.tile.place)."""
    for index, place in zip(indices, places, strict=True):
        if place is not ABSENT:
            limits.check("tile_bytes", place.range.length, f"encoded bytes of tile {index}")
            _check_inside(buffer, index, place.range)


def _check_inside(buffer: SparseBuffer, index: int, part: ByteRange) -> None:
    if buffer.size is not None and part.stop > buffer.size:
        place = f"bytes {part.start} to {part.stop}"
        message = f"tile {index} lies at {place}, but the file ends at {buffer.size}"
        raise TruncatedError(message)


MAX_SINGLE_VALUES = 16
"""Number of values up to which each is read by itself; more are read by whole pages."""


class Column:
    """One of the two arrays of an index; values beyond the last tile are never read."""

    __slots__ = (
        "_buffer",
        "_count",
        "_dtype",
        "_length",
        "_offset",
        "_per_page",
        "_shift",
        "_tag",
        "is_short",
    )

    def __init__(
        self,
        buffer: SparseBuffer,
        image: Image,
        entry: Entry,
        shift: int = 0,
    ) -> None:
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
        self.is_short = entry.count < image.stored_count
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

    def is_silent(self, index: int) -> bool:
        """Return whether all values of a page are 0, which has arrived: then they say nothing."""
        return not any(self._buffer.read(*self._page(index // self._per_page)))

    def known_values(self, indices: Sequence[int]) -> list[int | None]:
        """Return the values at `indices`, None where the array is too short (tiff.tile.short)."""
        values = self.values(indices)
        return [
            value if i < self._count else None for i, value in zip(indices, values, strict=True)
        ]

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


class _Entry(NamedTuple):
    """What the index says of a tile.

    Attributes:
        position: of the tile.
        offset: its offset.
        length: its byte count, None where there is none.
        after: the offset of the next tile, None where it is not needed.
    """

    position: int
    offset: int
    length: int | None
    after: int | None

    def place(self, buffer: SparseBuffer, image: Image) -> TileLocation:
        """Return where the tile lies; its range is empty if it is not stored."""
        index, offset, count, _ = self
        if offset < 0 or (count or 0) < 0:
            text = f"tile {index} has offset {offset} and byte count {count}"
            raise FormatError.of(Finding("tiff.value.integer", text, None, image.ifd.offset))
        if not offset:
            return ABSENT
        is_plain = image.compression == Compression.NONE
        length = self._plain_length(image) if is_plain else self._packed_length(buffer, image)
        text = ""
        if is_plain and count and buffer.size is not None and offset + length > buffer.size:
            length = min(length, count)
        if count is not None and length > count:
            text = f"tile {index} has {length} bytes, but its byte count is {count}"
        elif count is None and image.byte_counts is not None:
            text = f"tile {index} has no byte count: it is taken to have {length} bytes"
        odd = Finding("tiff.tile.no-counts", text, None, image.ifd.offset) if text else None
        return TileLocation(ByteRange(offset, offset + length), oddity=odd)

    def _plain_length(self, image: Image) -> int:
        """Return the bytes of an uncompressed tile: those of its pixels (tiff.tile.no-counts).

        A byte count has no say, as in libtiff, unless it says that the tile ends with the image.
        """
        grid, count = image.grid, self.length
        y = self.position // grid.across % grid.down
        needed = image.unpacked_length(grid.stored_rows(y)) * image.tile_depth
        if not count:
            return needed if count is None or grid.across * grid.down == 1 else 0
        if count >= needed or grid.strips or image.tile_depth > 1:
            return needed
        rows, cols = grid.inside(self.position % grid.across, y)
        ends = (image.unpacked_length(rows), image.unpacked_length(rows, cols))
        return count if count in ends else needed

    def _packed_length(self, buffer: SparseBuffer, image: Image) -> int:
        """Return the bytes of a compressed tile, its byte count, if it has one.

        Otherwise it reaches to the next tile, or to the end of the file (tiff.tile.no-counts).
        """
        index, offset, count, after = self
        is_one_strip = image.grid.strips and image.grid.across * image.grid.down == 1
        if count is not None and not (count == 0 and is_one_strip):
            return count
        has_others = image.byte_counts is not None and image.byte_counts.count > 0
        if has_others and after and (span := _span(image, index, offset, after)) is not None:
            return span.length
        is_last = has_others and index == image.stored_count - 1
        if buffer.size is None or not (is_one_strip or is_last):
            message = f"tile {index} has no byte count, and its codec does not say how long it is"
            raise CorruptTileError(message)
        return max(buffer.size - offset, 0)
