"""Parsers that read what rules look at: the ghost area, and the index. No I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ghost import GHOST_HEAD_LENGTH
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Entry, FileHeader
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import REDUCED, Tag
from tinycog.tiff.steps import Steps, need
from tinycog.tiff.tile_index import INTEGERS
from tinycog.validator.facts import BlockIndex, CornerPlace, GhostText, ghost_length

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

PIECE_BYTES = 4 << 20
"""Bytes of an index that are read together."""


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


class IndexPiece(NamedTuple):
    """A part of an array of an index.

    Attributes:
        target: where its values go.
        part: the bytes of these.
        dtype: how they are stored.
    """

    target: NDArray[np.uint64]
    part: ByteRange
    dtype: str


class WholeIndex:
    """The index of all blocks of images, as far as the file has it, read piece by piece.

    Memory: 16 bytes for each block, and `PIECE_BYTES`.
    """

    def __init__(self, buffer: SparseBuffer, images: Sequence[Image], limits: Limits) -> None:
        """Make arrays for it, none of them filled.

        Raises:
            LimitError: it has more than `limits.index_bytes`.
        """
        parts = [_part(buffer, image, e) for image in images for e in _entries(image)]
        length = sum(part.length for part in parts)
        limits.check("index_bytes", length, f"bytes of the index of {len(images)} images")
        self._pieces: list[IndexPiece] = []
        self.indices: dict[int, BlockIndex] = {}
        for image in images:
            self.indices[image.ifd.offset] = BlockIndex(
                self._column(buffer, image, image.offsets),
                self._column(buffer, image, image.byte_counts),
                min(image.stored_count, _count(buffer, image, image.offsets)),
                image.byte_counts is not None,
            )

    def _column(
        self, buffer: SparseBuffer, image: Image, entry: Entry | None
    ) -> NDArray[np.uint64]:
        """Make the array of an entry, and the pieces that fill it."""
        if entry is None:
            return np.zeros(0, np.uint64)
        part, length = _part(buffer, image, entry), entry.field_type.length
        found = np.zeros(part.length // length, np.uint64)
        step = PIECE_BYTES // length
        for i in range(0, len(found), step):
            target = found[i : i + step]
            start = part.start + i * length
            piece = ByteRange(start, start + len(target) * length)
            self._pieces.append(IndexPiece(target, piece, _dtype(image, entry)))
        return found

    def batches(self) -> Iterator[list[IndexPiece]]:
        """Yield all pieces, in the order of the file: some together."""
        batch: list[IndexPiece] = []
        length = 0
        for piece in sorted(self._pieces, key=lambda piece: piece.part):
            if batch and length + piece.part.length > PIECE_BYTES:
                yield batch
                batch, length = [], 0
            batch.append(piece)
            length += piece.part.length
        if batch:
            yield batch


def make_index(buffer: SparseBuffer, images: Sequence[Image], limits: Limits) -> Steps[WholeIndex]:
    """Make the arrays of an index, without reading anything."""
    yield from need(buffer, [])
    return WholeIndex(buffer, images, limits)


def parse_pieces(buffer: SparseBuffer, pieces: Sequence[IndexPiece]) -> Steps[None]:
    """Fill some pieces of an index."""
    yield from need(buffer, [piece.part for piece in pieces])
    for target, part, dtype in pieces:
        target[:] = np.frombuffer(buffer.read(*part), dtype).astype(np.uint64)


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


def parse_corners(
    buffer: SparseBuffer, images: Sequence[Image], *, cached: bool
) -> Steps[dict[int, CornerPlace]]:
    """Read where images begin by tiepoint and scale, if a reduced one has any.

    With `cached`, only of those whose values are here.
    """
    placed = [image for image in images if all(tag in image.ifd.entries for tag in PLACE_TAGS)]
    if not any(image.subfile_type & REDUCED for image in placed):
        return {}
    entries = {image.ifd.offset: [image.ifd.entries[tag] for tag in PLACE_TAGS] for image in placed}
    inside = {ifd: both for ifd, both in entries.items() if all(map(partial(_fits, buffer), both))}
    if not cached:
        yield from need(buffer, [entry.range for both in inside.values() for entry in both])
    order = images[0].byte_order
    found: dict[int, CornerPlace] = {}
    for ifd, (point, scale) in inside.items():
        if buffer.missing([point.range, scale.range]):
            continue
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
    return np.frombuffer(data, _dtype(image, entry)).astype(np.uint64)


def _entries(image: Image) -> list[Entry]:
    return [entry for entry in (image.offsets, image.byte_counts) if entry is not None]


def _dtype(image: Image, entry: Entry) -> str:
    code = "i" if entry.field_type.format.islower() else "u"
    return f"{image.byte_order}{code}{entry.field_type.length}"
