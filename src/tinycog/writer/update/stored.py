"""A file that `write` has written, as it is: its head, and where its tiles lie."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import Interleave
from tinycog.decode.tile import decode_tile
from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.metadata import STATISTICS
from tinycog.geo.metadata_items import parse_items
from tinycog.limits import Limits
from tinycog.tiff.ghost import Ghost
from tinycog.tiff.image import Image
from tinycog.tiff.layout import Field
from tinycog.tiff.parse import Ifd, Tiff
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.roles import Pyramid
from tinycog.tiff.spec import CLASSIC, CLASSIC_BYTES, Tag, Variant
from tinycog.writer.assemble import RawTile
from tinycog.writer.grid import TileGrid
from tinycog.writer.head import Head, HeadLevel
from tinycog.writer.records import LevelIndex, payload_ranges

Read = Callable[[Sequence[ByteRange]], Awaitable[list[bytes]]]
"""Reads ranges of the file, as few requests as that takes."""

INTERLEAVES: dict[str, Interleave] = {"PIXEL": "pixel", "BAND": "band", "TILE": "tile"}
"""By the words of the ghost area."""

OF_THE_HEAD = frozenset({Tag.NewSubfileType, Tag.TileOffsets, Tag.TileByteCounts})
"""Tags that a head is written with by itself."""


class StoredTile(NamedTuple):
    """What is stored of a tile.

    Attributes:
        payloads: encoded bytes of each plane; empty if it is not stored.
        mask: encoded bytes of its mask; empty without one.
    """

    payloads: Sequence[bytes]
    mask: bytes


@dataclass(frozen=True, slots=True)
class StoredLevel:
    """A level of the file.

    Attributes:
        grid: its tiles.
        image: its tags.
        mask: those of its mask image; None without one.
        head: what is written of it in front.
        starts: absolute position of each record, by its place in the level, and of their end.
    """

    grid: TileGrid
    image: Image
    mask: Image | None
    head: HeadLevel
    starts: NDArray[np.uint64]

    @property
    def index(self) -> LevelIndex:
        """Lengths of its payloads."""
        return self.head.index

    def position(self, y: int, x: int) -> int:
        """Return the place of a tile in row-major order."""
        return y * self.grid.across + x

    def record(self, place: int) -> ByteRange:
        """Return where the record of a place lies, empty if there is none."""
        return ByteRange(int(self.starts[place]), int(self.starts[place + 1]))

    def records(self, y: int, x: int) -> list[ByteRange]:
        """Return where the records of a tile lie."""
        return [self.record(place) for place in self.index.places(self.position(y, x))]

    def unpacked(self, y: int, x: int, records: Sequence[bytes]) -> StoredTile:
        """Return what is stored of a tile, of the bytes of its records."""
        position, index = self.position(y, x), self.index
        lengths = [int(count) for count in index.image[:, position]]
        masks = [] if index.mask is None else [int(index.mask[position])]
        if index.interleave == "band":
            ranges = [payload_ranges([count])[0] for count in (*lengths, *masks)]
            found = [data[slice(*part)] for data, part in zip(records, ranges, strict=True)]
        else:
            found = [records[0][slice(*part)] for part in payload_ranges([*lengths, *masks])]
        payloads = found[: len(lengths)] if any(lengths) else []
        return StoredTile(payloads, found[-1] if masks else b"")

    def decoded(
        self, z: int, y: int, x: int, stored: StoredTile, fill: float, limits: Limits
    ) -> RawTile:
        """Decode a tile: its pixels inside the image; `fill` where it is not stored.

        Raises:
            FormatError, UnsupportedError, LimitError: it cannot be decoded.
        """
        image, region = self.image, self.grid.region(y, x)
        inside = (slice(None), slice(region.rows), slice(region.cols))
        planes = [
            decode_tile(image, x, y, payload, limits).pixels[inside] for payload in stored.payloads
        ]
        samples: NDArray[Any]
        if planes:
            samples = np.concatenate(planes).transpose(1, 2, 0)
        else:
            dtype = image.dtype.newbyteorder("=")
            samples = np.full((region.rows, region.cols, image.samples), fill, dtype)
        valid = None
        if self.mask is not None:
            valid = np.zeros((region.rows, region.cols), np.bool_)
            if stored.mask:
                valid = decode_tile(self.mask, x, y, stored.mask, limits).pixels[inside][0] != 0
        return RawTile(z, y, x, region, samples, valid)


class StoredFile:
    """A file whose head is the one that `write` would have written.

    Attributes:
        levels: those that are stored, full resolution first.
        head: what stands in front of level 0.
    """

    def __init__(self, levels: Sequence[StoredLevel], head: Head) -> None:
        """Take what was found."""
        self.levels = levels
        self.head = head

    @property
    def bigtiff(self) -> bool | None:
        """What `write` was told: True, or None for what the length of the file decides."""
        heads = [level.head for level in self.levels]
        if self.head.variant is CLASSIC:
            return None
        order = self.levels[0].image.byte_order
        return Head(heads, CLASSIC, order).file_length < CLASSIC_BYTES or None

    @property
    def metadata(self) -> str:
        """GDAL's metadata of the image; empty without any."""
        fields = self.levels[0].head.fields
        values = next((one.values for one in fields if one.tag == Tag.GDALMetadata), b"")
        return values.rstrip(b"\0").decode() if isinstance(values, bytes) else ""

    @property
    def bands_with_statistics(self) -> set[int]:
        """Bands of which there are statistics."""
        items = parse_items(self.metadata)[0] if self.metadata else []
        return {item.band for item in items if item.band is not None and item.name in STATISTICS}


async def read_stored(
    read: Read, tiff: Tiff, pyramid: Pyramid, ghost: Ghost | None, size: int
) -> StoredFile:
    """Read the head of a file, and hold it against the one that `write` would have written.

    Raises:
        UnsupportedError: it is another.
        SourceError: it cannot be read.
    """
    images, masks = pyramid.levels, pyramid.masks
    if any(image.grid.strips or image.sidecar for image in images) or ghost is None:
        raise _other("it has strips, or no words on its layout")
    length = max(_end_of(ifd, tiff.header.variant) for ifd in tiff.ifds)
    (data,) = await read([ByteRange(0, length)])
    interleave = INTERLEAVES.get(ghost.items.get("INTERLEAVE", "PIXEL"), "pixel")
    try:
        heads = [
            _head_level(data, image, mask, interleave)
            for image, mask in zip(images, masks, strict=True)
        ]
        head = Head(heads, tiff.header.variant, images[0].byte_order)
        written = b"".join(head.write()) if head.ifds_length == len(data) else b""
    except (UsageError, ValueError, KeyError, IndexError) as exc:
        raise _other(str(exc)) from exc
    if written != data or head.file_length != size:
        raise _other("its head, or its length, is another")
    levels: list[StoredLevel] = []
    at = head.ifds_length
    for image, mask, one in reversed(list(zip(images, masks, heads, strict=True))):
        at = head.length if one is heads[0] else at
        lengths = one.index.record_lengths()
        starts = np.zeros(len(lengths) + 1, np.uint64)
        np.cumsum(lengths, out=starts[1:])
        starts += np.uint64(at)
        grid = TileGrid(image.grid.height, image.grid.width, image.grid.tile_width)
        levels.append(StoredLevel(grid, image, mask, one, starts))
        at = int(starts[-1])
    return StoredFile(levels[::-1], head)


def _other(why: str) -> UnsupportedError:
    message = (
        f"only a file that tinycog.write has laid out can be updated, and this one is not ({why}):"
        " write it anew"
    )
    return UnsupportedError(message, feature="update", value=why)


def _end_of(ifd: Ifd, variant: Variant) -> int:
    """Return where an IFD and its values end."""
    entries = len(ifd.entries) * variant.entry_length
    own = ifd.offset + variant.count_length + entries + variant.offset_length
    return max([own, *(entry.range.stop for entry in ifd.entries.values())])


def _head_level(data: bytes, image: Image, mask: Image | None, interleave: Interleave) -> HeadLevel:
    grid = image.grid
    if grid.tile_width != grid.tile_height:
        message = f"tiles of {grid.tile_width} x {grid.tile_height} pixels"
        raise UsageError(message)
    lengths = _lengths(data, image).reshape(grid.planes, -1)
    masks = None if mask is None else _lengths(data, mask)
    index = LevelIndex(lengths, masks, interleave)
    return HeadLevel(
        list(_fields(data, image.ifd)),
        index,
        None if mask is None else list(_fields(data, mask.ifd)),
    )


def _lengths(data: bytes, image: Image) -> NDArray[np.uint32]:
    entry = image.ifd.entries[Tag.TileByteCounts]
    stored = np.dtype(image.byte_order + entry.field_type.format[0])
    return np.frombuffer(data[slice(*entry.range)], stored).astype(np.uint32)


def _fields(data: bytes, ifd: Ifd) -> Iterable[Field]:
    for entry in ifd.entries.values():
        if entry.tag not in OF_THE_HEAD:
            yield Field(
                entry.tag, entry.field_type.code, data[slice(*entry.range)], count=entry.count
            )
