"""Where a file says what it is, found with tinycog's own parsers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from tinycog.errors import TinycogError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.image import Image
from tinycog.tiff.parse import FileHeader, Ifd, parse_ifd, parse_tiff, parse_values
from tinycog.tiff.pyramid import parse_image
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import Tag
from tinycog.tiff.steps import Steps
from tinycog.tiff.tile_index import locate

T = TypeVar("T")

LIMITS = Limits(ifds=64, value_bytes=1 << 20)
INDEX = (Tag.TileOffsets, Tag.TileByteCounts, Tag.StripOffsets, Tag.StripByteCounts)
MOST_STREAMS = 64
"""Tiles of an image whose streams are looked for."""


class Array(NamedTuple):
    """A value that lies apart from its entry: `items` of `length` bytes from `start`."""

    tag: int
    start: int
    length: int
    items: int


@dataclass
class Places:
    """What is where in a file; all positions are absolute.

    Attributes:
        header: None if it is no TIFF.
        ifds: positions of the IFDs, sub-IFDs too.
        entries: positions of their entries.
        links: positions of their links.
        arrays: values apart from their entries.
        streams: encoded tiles.
    """

    header: FileHeader | None = None
    ifds: list[int] = field(default_factory=list[int])
    entries: list[int] = field(default_factory=list[int])
    links: list[int] = field(default_factory=list[int])
    arrays: list[Array] = field(default_factory=list[Array])
    streams: list[ByteRange] = field(default_factory=list[ByteRange])

    @property
    def index(self) -> list[Array]:
        """The arrays of TileOffsets and the like."""
        return [array for array in self.arrays if array.tag in INDEX]


def places_of(data: bytes) -> Places:
    """Look at a file; what cannot be read of it is not among its places."""
    buffer = SparseBuffer(len(data))
    buffer.put(0, data)
    found = Places()
    tiff = _found(parse_tiff(buffer, LIMITS))
    if tiff is None:
        return found
    found.header = tiff.header
    for ifd in [*tiff.ifds, *_sub_ifds(buffer, tiff.header, tiff.ifds[0])]:
        _add(found, tiff.header, ifd, len(data))
        image = _found(parse_image(buffer, tiff.header, ifd, LIMITS))
        if image is not None:
            found.streams += _streams(buffer, image)
    return found


def _found(parser: Steps[T]) -> T | None:
    """What a parser gives that need not wait for bytes; None if it cannot read them."""
    try:
        next(parser)
    except StopIteration as done:
        return done.value
    except TinycogError:
        pass
    return None


def _sub_ifds(buffer: SparseBuffer, header: FileHeader, first: Ifd) -> list[Ifd]:
    entry = first.entries.get(Tag.SubIFDs)
    found = None if entry is None else _found(parse_values(buffer, header, [entry], LIMITS))
    places = [place for place in found[0] if isinstance(place, int)] if found else []
    ifds = [_found(parse_ifd(buffer, header, place, LIMITS)) for place in places[: LIMITS.ifds]]
    return [ifd for ifd in ifds if ifd is not None]


def _add(found: Places, header: FileHeader, ifd: Ifd, size: int) -> None:
    variant = header.variant
    start = ifd.offset + variant.count_length
    found.ifds.append(ifd.offset)
    stored = len(ifd.entries)  # fewer than there are, where some are skipped: no matter
    found.entries += [start + i * variant.entry_length for i in range(stored)]
    found.links.append(start + stored * variant.entry_length)
    for entry in ifd.entries.values():
        length = entry.field_type.length
        if entry.count * length > variant.offset_length and entry.range.stop <= size:
            found.arrays.append(Array(entry.tag, entry.offset, length, entry.count))


def _streams(buffer: SparseBuffer, image: Image) -> list[ByteRange]:
    indices = range(min(image.grid.count, MOST_STREAMS))
    placed = _found(locate(buffer, image, indices, LIMITS)) or []
    return [place.range for place in placed if place is not None]
