"""Directories to bytes: the inverse of `parse`.

What a `Field` says is what is written, right or wrong: `tinycog.testing` makes broken files of it.
The positions of all parts are known before any of them is written.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.tiff.ghost import LEADER_LENGTH, frame, make_ghost
from tinycog.tiff.spec import (
    BIG,
    BYTE_ORDERS,
    CLASSIC,
    FIELD_TYPES,
    ByteOrder,
    FieldType,
    Tag,
    Variant,
)

FILLER = b"\xee"
APART = 1 << 16
"""Bytes between everything else and the values, where these lie apart."""
BEYOND = 0x7FFFFF00
"""A position beyond the end of any file that is made here; fits into 4 bytes."""


class Places(Enum):
    """Values that are not known before the layout is: absolute positions."""

    TILES = "tiles"
    """Of each tile of the directory; 0 for an empty one."""
    SUB_IFDS = "sub-IFDs"
    """Of each directory in `Directory.sub_ifds`."""


Plain = int | float | str | bytes | Sequence[int] | Sequence[float] | Sequence[tuple[int, int]]
"""Numbers, fractions (numerator, denominator), text (a NUL is added), or raw bytes as they are."""

NumberArray = NDArray[np.integer] | NDArray[np.floating]
"""Many numbers, one after the other; of fractions numerator and denominator."""

INDEX_TAGS = (Tag.TileOffsets, Tag.TileByteCounts)
"""Tags whose values are as long as the image has tiles."""

PIECE_VALUES = 1 << 17
"""Numbers of an array that are converted at once."""


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of a directory, to be written.

    Attributes:
        tag: id of the tag.
        field_type: name ("SHORT") or code; an unknown code takes `values` as raw bytes. "OFFSET" is
            LONG in a classic TIFF and LONG8 in a BigTIFF.
        values: what the entry holds.
        count: number of values that the entry claims; None = what it has.
        place: absolute position that the entry claims for a value too long for the entry itself;
            the value is then not written. None = where it is.
    """

    tag: int
    field_type: str | int
    values: Plain | NumberArray | Places
    count: int | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """One image file directory with its tiles and sub-IFDs, to be written.

    Attributes:
        fields: in ascending order of tags, if the file is to be valid.
        tiles: stored bytes of each tile or strip; an empty one is not stored. They are only found
            if a field holds `Places.TILES`.
        sub_ifds: further directories, found if a field holds `Places.SUB_IFDS`.
        link: what its link leads to: the "next" directory of the list, the "first" one (a loop), or
            a place "beyond" the end of the file. A sub-IFD has no link.
        byte_order: of the samples in `tiles`; None = it does not matter.
    """

    fields: Sequence[Field]
    tiles: Sequence[bytes] = ()
    sub_ifds: Sequence[Directory] = ()
    link: Literal["next", "first", "beyond"] = "next"
    byte_order: ByteOrder | None = None

    def having(self, *fields: Field) -> Directory:
        """A copy with these fields, in place of those with the same tags, sorted by tag."""
        merged = {field.tag: field for field in (*self.fields, *fields)}
        return replace(self, fields=[merged[tag] for tag in sorted(merged)])

    def without(self, *tags: int) -> Directory:
        """A copy that lacks these tags."""
        return replace(self, fields=[field for field in self.fields if field.tag not in tags])


Order = Literal["ifds-first", "index-last", "ifds-last", "values-apart", "reversed"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the parts of a file follow each other.

    Attributes:
        order: "ifds-first": each IFD and its values, then tiles, those of the last IFD first, as in
            a COG; "index-last": likewise, but TileOffsets and TileByteCounts follow all other
            values, the shortest first; "ifds-last": tiles, values, IFDs; "values-apart": IFDs,
            tiles, and far behind them the values; "reversed": as the first, but the last IFD of the
            chain comes first.
        ghost: whether GDAL's ghost area follows the header, and each tile has a leader and a
            trailer; its promises hold with "ifds-first" or "index-last" and no gap.
        odd: whether every part starts at an odd position instead of an even one.
        gap: bytes of filler before each part.
        filler: the byte between parts.
    """

    order: Order = "ifds-first"
    ghost: bool = False
    odd: bool = False
    gap: int = 0
    filler: bytes = FILLER

    def aligned(self, position: int) -> int:
        """The next position where a part may start."""
        return position + self.gap + (position + self.gap + self.odd) % 2


def make_tiff(
    directories: Sequence[Directory],
    *,
    byte_order: ByteOrder = "<",
    big: bool = False,
    layout: Layout | Order = "ifds-first",
) -> bytes:
    """Write a TIFF, or a BigTIFF if `big`.

    Args:
        directories: the IFD chain; an empty one gives a file without IFDs.
        byte_order: "<" or ">".
        big: whether it is a BigTIFF.
        layout: order of the parts, or a `Layout` to say more.

    Raises:
        ValueError: the tiles of a directory were made in the other byte order.
        struct.error: a value or a position does not fit its field.
    """
    if not isinstance(layout, Layout):
        layout = Layout(layout)
    ghost = make_ghost() if layout.ghost else b""
    variant = BIG if big else CLASSIC
    return b"".join(PlacedTiff(directories, byte_order, variant, layout, ghost).pieces())


class _Value(NamedTuple):
    """The value of a field: its length is known before it is written.

    Attributes:
        kind: its field type.
        count: number of values that the entry claims.
        length: bytes.
        pieces: gives its bytes.
    """

    kind: FieldType
    count: int  # pyright: ignore[reportIncompatibleMethodOverride] - not tuple's
    length: int
    pieces: Callable[[], Iterable[bytes | memoryview]]


@dataclass(eq=False, slots=True)
class _Part:
    """A run of bytes: its length is known first, then its position, its content last."""

    length: int
    pieces: Callable[[], Iterable[bytes | memoryview]]
    position: int = 0


@dataclass(eq=False, slots=True)
class _Node:
    """A directory and the parts it consists of.

    Attributes:
        ifd: the IFD itself.
        values: the parts that hold values outside the IFD, by index of the field.
        tiles: None where a tile is empty.
        link: position of the next directory.
    """

    directory: Directory
    children: list[_Node]
    ifd: _Part
    values: dict[int, _Part]
    tiles: list[_Part | None]
    link: int = 0

    def family(self) -> list[_Node]:
        """The directory and all below it."""
        return [self, *chain.from_iterable(child.family() for child in self.children)]

    def index(self) -> list[_Part]:
        """The values that tell where tiles lie."""
        fields = self.directory.fields
        return [part for i, part in self.values.items() if fields[i].tag in INDEX_TAGS]


class PlacedTiff:
    """A TIFF of which all parts have their positions.

    Attributes:
        length: of the whole in bytes.
    """

    def __init__(
        self,
        directories: Sequence[Directory],
        byte_order: ByteOrder,
        variant: Variant,
        layout: Layout,
        ghost: bytes = b"",
    ) -> None:
        """Lay the parts out; `ghost` follows the header.

        Raises:
            ValueError: the tiles of a directory were made in the other byte order.
            struct.error: a value does not fit its field.
        """
        self._byte_order: ByteOrder = byte_order
        self._variant = variant
        self._layout = layout
        self._ghost = ghost
        nodes = [self._node(directory) for directory in directories]
        self._parts = _in_order(layout.order, [each for node in nodes for each in node.family()])
        self.length = variant.header_length + len(ghost)
        for part in self._parts:
            part.position = layout.aligned(self.length)
            self.length = part.position + part.length
        starts = [*(node.ifd.position for node in nodes), 0]
        self._first_ifd = starts[0]
        for node, following in zip(nodes, starts[1:], strict=True):
            links = {"next": following, "first": starts[0], "beyond": BEYOND}
            node.link = links[node.directory.link]

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Give the bytes of the whole, in order.

        Raises:
            struct.error: a position does not fit its field.
        """
        header = self._header()
        yield header
        at = len(header)
        for part in self._parts:
            if part.position > at:
                yield self._layout.filler * (part.position - at)
            yield from part.pieces()
            at = part.position + part.length

    def _node(self, directory: Directory) -> _Node:
        """A directory whose parts have lengths, but no positions yet."""
        if directory.byte_order not in (None, self._byte_order):
            message = f"tiles of byte order {directory.byte_order} in a file of {self._byte_order}"
            raise ValueError(message)
        variant = self._variant
        entries = len(directory.fields) * variant.entry_length
        length = variant.count_length + entries + variant.offset_length
        ifd = _Part(length, lambda: [self._ifd(node)])
        children = [self._node(child) for child in directory.sub_ifds]
        tiles = [self._tile(tile) if tile else None for tile in directory.tiles]
        node = _Node(directory, children, ifd, {}, tiles)
        for i, field in enumerate(directory.fields):
            value = self._value(node, field)
            if value.count * value.kind.length > variant.offset_length and field.place is None:
                node.values[i] = _Part(value.length, self._later(node, field))
        return node

    def _later(self, node: _Node, field: Field) -> Callable[[], Iterable[bytes | memoryview]]:
        """Give a value by the positions known when it is written."""
        return lambda: self._value(node, field).pieces()

    def _tile(self, tile: bytes) -> _Part:
        pieces = frame(tile) if self._layout.ghost else (tile,)
        return _Part(sum(map(len, pieces)), lambda: pieces)

    def _header(self) -> bytes:
        name = next(name for name, order in BYTE_ORDERS.items() if order == self._byte_order)
        sizes = self._pack("HH", 8, 0) if self._variant is BIG else b""
        start = name + self._pack("H", self._variant.magic) + sizes
        return start + self._pack(self._variant.offset_code, self._first_ifd) + self._ghost

    def _ifd(self, node: _Node) -> bytes:
        room = self._variant.offset_length
        ifd = self._pack(self._variant.count_code, len(node.directory.fields))
        for i, field in enumerate(node.directory.fields):
            value = self._value(node, field)
            ifd += self._pack(self._variant.entry_code, field.tag, value.kind.code, value.count)
            if part := node.values.get(i):
                ifd += self._pack(self._variant.offset_code, part.position)
            elif value.count * value.kind.length > room:
                ifd += self._pack(self._variant.offset_code, field.place)
            else:
                ifd += b"".join(value.pieces())[:room].ljust(room, b"\0")
        return ifd + self._pack(self._variant.offset_code, node.link)

    def _value(self, node: _Node, field: Field) -> _Value:
        """The value of a field, by the positions known so far."""
        kind = self._kind(field.field_type)
        values = self._known(node, field.values)
        if isinstance(values, np.ndarray):
            stored = np.dtype(self._byte_order + kind.format[0].replace("s", "B"))
            length = values.size * stored.itemsize
            pieces = _converted(values, stored)
        else:
            data = self._encode(kind, values)
            length, pieces = len(data), lambda: [data]
        count = length // kind.length if field.count is None else field.count
        return _Value(kind, count, length, pieces)

    def _kind(self, field_type: str | int) -> FieldType:
        if field_type == "OFFSET":
            field_type = "LONG8" if self._variant is BIG else "LONG"
        if isinstance(field_type, str):
            return next(kind for kind in FIELD_TYPES.values() if kind.name == field_type)
        return FIELD_TYPES.get(field_type, FieldType(field_type, "unknown", 1, "s"))

    def _known(self, node: _Node, values: Plain | NumberArray | Places) -> Plain | NumberArray:
        if values is Places.TILES:
            lead = LEADER_LENGTH if self._layout.ghost else 0
            return [part.position + lead if part else 0 for part in node.tiles]
        if values is Places.SUB_IFDS:
            return [child.ifd.position for child in node.children]
        return values

    def _encode(self, kind: FieldType, values: Plain) -> bytes:
        if isinstance(values, bytes):
            return values
        if isinstance(values, str):
            return values.encode() + b"\0"
        numbers = [values] if isinstance(values, int | float) else _flat(values)
        return self._pack(f"{len(numbers)}{kind.format[0]}", *numbers)

    def _pack(self, code: str, *numbers: object) -> bytes:
        return struct.pack(self._byte_order + code, *numbers)


def _in_order(order: Order, nodes: list[_Node]) -> list[_Part]:
    """All parts as they lie in the file."""
    ifds = [node.ifd for node in nodes]
    values = [part for node in nodes for part in node.values.values()]
    tiles = [part for node in reversed(nodes) for part in node.tiles if part]
    if order == "ifds-last":
        return [*tiles, *values, *ifds]
    if order == "values-apart":
        return [*ifds, *tiles, _Part(APART, lambda: [FILLER * APART]), *values]
    along = reversed(nodes) if order == "reversed" else nodes
    parts = [part for node in along for part in (node.ifd, *node.values.values())]
    if order == "index-last":
        indices = sorted(
            (node.index() for node in nodes), key=lambda index: sum(map(_length, index))
        )
        last = list(chain.from_iterable(indices))
        parts = [part for part in parts if part not in last] + last
    return parts + tiles


def _length(part: _Part) -> int:
    return part.length


def _converted(
    values: NumberArray, stored: np.dtype[np.number]
) -> Callable[[], Iterator[memoryview]]:
    """Give an array's numbers in their stored type, some at a time.

    Raises:
        struct.error: a number does not fit.
    """
    if stored.kind in "iu" and values.size:
        room = np.iinfo(stored.name)
        low, high = values.min(), values.max()
        if values.dtype.kind == "f" or low < room.min or high > room.max:
            message = f"numbers from {low} to {high} ({values.dtype}) as {stored.name}"
            raise struct.error(message)

    def pieces() -> Iterator[memoryview]:
        flat = values.reshape(-1)
        for start in range(0, flat.size, PIECE_VALUES):
            yield memoryview(np.ascontiguousarray(flat[start : start + PIECE_VALUES], stored)).cast(
                "B"
            )

    return pieces


def _flat(values: Sequence[float] | Sequence[tuple[int, int]]) -> list[float]:
    flat: list[float] = []
    for value in values:
        flat += value if isinstance(value, tuple) else [value]
    return flat
