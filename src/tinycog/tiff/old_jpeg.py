"""Old-style JPEG: what belongs before the bytes of a strip to make a JPEG stream of them. No I/O.

TIFF 6.0 left it to writers where the head of a stream lies (tiff.jpeg.old)::

    each tile is a complete stream                               nothing is needed
    JPEGInterchangeFormat: a whole stream, or its head           the head, for each strip
    JPEGQTables, JPEGDCTables, JPEGACTables, for a component     a head made of them, for each tile
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from tinycog.errors import Finding, FormatError
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Value
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import Photometric, Tag
from tinycog.tiff.steps import Steps, need

HEAD_BYTES = 1 << 16
"""Most bytes of a head."""

START_OF_IMAGE = b"\xff\xd8"
START_OF_SCAN = b"\xff\xda"
END_OF_IMAGE = b"\xff\xd9"
QUANTIZATION, HUFFMAN, FRAME, SCAN, INTERVAL = 0xDB, 0xC4, 0xC0, 0xDA, 0xDD
FRAMES = (0xC0, 0xC1, 0xC2)
Q_LENGTH, COUNTS_LENGTH, MOST_SYMBOLS = 64, 16, 256
COLOURS = 3

HUFFMAN_LENGTH = COUNTS_LENGTH + MOST_SYMBOLS
TABLES = (
    (Tag.JPEGQTables, Q_LENGTH, QUANTIZATION, 0),
    (Tag.JPEGDCTables, HUFFMAN_LENGTH, HUFFMAN, 0),
    (Tag.JPEGACTables, HUFFMAN_LENGTH, HUFFMAN, 0x10),
)
"""Tag, most bytes, marker, and class of the tables of the components."""


def numbers(image: Image, tag: Tag) -> tuple[int, ...]:
    """Return the values of a tag, () without it."""
    value: Value = image.options.get(tag, ())
    return tuple(v for v in value if isinstance(v, int))


def read_stream_head(buffer: SparseBuffer, image: Image) -> Steps[tuple[ByteRange, bytes, bool]]:
    """Read the head that JPEGInterchangeFormat tells.

    Returns:
        Where the stream lies, its head up to the coded bytes, and whether these follow it there.

    Raises:
        FormatError: there is no JPEG stream.
    """
    start = numbers(image, Tag.JPEGInterchangeFormat)[0]
    length = (*numbers(image, Tag.JPEGInterchangeFormatLength), 0)[0]
    stop = start + min(length or HEAD_BYTES, HEAD_BYTES)
    part = ByteRange(start, _bounded(buffer, start, stop))
    yield from need(buffer, [part])
    data = bytes(buffer.read(*part))
    head, frame = _head(data)
    if not data.startswith(START_OF_IMAGE) or frame is None:
        text = f"JPEGInterchangeFormat tells of a JPEG stream at byte {start}, but there is none"
        raise FormatError.of(Finding("tiff.jpeg.old", text, start, image.ifd.offset))
    if not head:
        head = data + _scan(frame[6 : 6 + 3 * frame[5] : 3], _huffman_tables(data))
        return ByteRange(start, start), head, False
    return ByteRange(start, _bounded(buffer, start, start + length)), head, length > len(head)


def read_heads(buffer: SparseBuffer, image: Image, rows: Sequence[int]) -> Steps[list[bytes]]:
    """Read what belongs before tiles of so many rows each; b"" where the tags say nothing.

    Each tile is coded by itself, as the parts of a stream between restart markers are.
    """
    if numbers(image, Tag.JPEGInterchangeFormat):
        _, head, _ = yield from read_stream_head(buffer, image)
        return [_with_rows(head, count) for count in rows]
    if numbers(image, Tag.JPEGQTables):
        tables = yield from read_tables(buffer, image)
        return [head_of_tables(image, tables, count) for count in rows]
    return [b""] * len(rows)


def _with_rows(head: bytes, rows: int) -> bytes:
    """Return a head whose frame has other rows."""
    for marker, start, _ in _segments(head):
        if marker in FRAMES:
            at = start + 3
            return head[:at] + struct.pack(">H", rows) + head[at + 2 :]
    return head


def joined(head: bytes, data: bytes) -> bytes:
    """Return a stream: the head before bytes that may begin with one, or with that of a scan.

    Those of a strip need no marker of the end.
    """
    if data.startswith(START_OF_IMAGE):
        return data
    if data.startswith(START_OF_SCAN):
        head = head[: head.rindex(START_OF_SCAN)]
    return head + data + (b"" if data.endswith(END_OF_IMAGE) else END_OF_IMAGE)


def _head(data: bytes) -> tuple[bytes, bytes | None]:
    """Return a stream up to its coded bytes, b"" if there are none, and its frame header."""
    frame: bytes | None = None
    for marker, start, stop in _segments(data):
        if marker in FRAMES:
            frame = data[start + 2 : stop]
        if marker == SCAN:
            return data[:stop], frame
    return b"", frame


def _huffman_tables(data: bytes) -> int:
    """Return how many Huffman tables of each class a head defines, at least one."""
    numbers = {0}
    for marker, start, stop in _segments(data):
        at = start + 2
        while marker == HUFFMAN and at + COUNTS_LENGTH < min(stop, len(data)):
            numbers.add(data[at] & 3)
            at += 1 + COUNTS_LENGTH + sum(data[at + 1 : at + 1 + COUNTS_LENGTH])
    return len(numbers)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and stop of each segment, its length included."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004
        if data[at + 1] == 0xFF:  # noqa: PLR2004 - a fill byte
            at += 1
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], at + 2, at + 2 + length
        at += 2 + max(length, 2)


def read_tables(buffer: SparseBuffer, image: Image) -> Steps[list[bytes]]:
    """Read the tables of the components, as marker segments.

    A component whose offset is missing, 0, or that of the one before has the same table.

    Raises:
        FormatError: the first component has none.
    """
    tables: list[bytes] = []
    for tag, length, marker, kind in TABLES:
        offsets = numbers(image, tag)[: image.samples]
        if not offsets or not offsets[0]:
            text = f"old-style JPEG has no table in {tag.name}"
            raise FormatError.of(Finding("tiff.jpeg.old", text, None, image.ifd.offset))
        offsets = _filled(offsets, image.samples)
        ranges = [ByteRange(at, _bounded(buffer, at, at + length)) for at in offsets]
        yield from need(buffer, ranges)
        for i, part in enumerate(ranges):
            data = bytes(buffer.read(*part))
            body = data if marker == QUANTIZATION else _cut(data)
            tables.append(_segment(marker, bytes([kind | i]) + body))
    return tables


def _filled(offsets: Sequence[int], count: int) -> list[int]:
    """Return an offset for each component: that of the one before where it has none."""
    filled: list[int] = []
    for i in range(count):
        own = offsets[i] if i < len(offsets) else 0
        filled.append(own or filled[-1])
    return filled


def _bounded(buffer: SparseBuffer, start: int, stop: int) -> int:
    """Return `stop`, or where the file ends."""
    return stop if buffer.size is None else max(start, min(stop, buffer.size))


def _cut(table: bytes) -> bytes:
    """Return a Huffman table without the bytes behind it."""
    return table[: COUNTS_LENGTH + sum(table[:COUNTS_LENGTH])]


def head_of_tables(image: Image, tables: Sequence[bytes], rows: int) -> bytes:
    """Return the head of a stream of `rows` rows, made of the tables of its components."""
    across, down = 1, 1
    if image.samples == COLOURS and image.photometric in (Photometric.YCBCR, Photometric.RGB):
        across, down = (*numbers(image, Tag.YCbCrSubSampling), 2, 2)[:2]
        if len(numbers(image, Tag.YCbCrSubSampling)) == 1:
            across, down = 2, 2
    components = b"".join(
        bytes((i + 1, (across << 4 | down) if i == 0 else 0x11, i)) for i in range(image.samples)
    )
    frame = struct.pack(">BHHB", 8, rows, image.grid.tile_width, image.samples) + components
    interval = numbers(image, Tag.JPEGRestartInterval)
    parts = [START_OF_IMAGE, *tables, _segment(FRAME, frame)]
    if interval and interval[0]:
        parts.append(_segment(INTERVAL, struct.pack(">H", interval[0])))
    parts.append(_scan(bytes(range(1, image.samples + 1)), image.samples))
    return b"".join(parts)


def _scan(names: bytes, tables: int) -> bytes:
    """Return the header of a scan of all components; those that have no table share the last."""
    own = [min(i, tables - 1) for i in range(len(names))]
    choice = b"".join(bytes((name, i << 4 | i)) for name, i in zip(names, own, strict=True))
    return _segment(SCAN, bytes([len(names)]) + choice + b"\0\x3f\0")


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
