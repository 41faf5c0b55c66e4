"""Make TIFF files byte by byte, right or wrong: the inverse of `tinycog.parse`.

Nothing is checked here, for broken files are the point: what a `Field` says is what is written.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain
from typing import Literal

from tinycog.tiff.spec import BIG, BYTE_ORDERS, CLASSIC, FIELD_TYPES, ByteOrder, FieldType, Variant

GHOST = b"""LAYOUT=IFDS_BEFORE_DATA
BLOCK_ORDER=ROW_MAJOR
BLOCK_LEADER=SIZE_AS_UINT4
BLOCK_TRAILER=LAST_4_BYTES_REPEATED
KNOWN_INCOMPATIBLE_EDITION=NO
\x20"""
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
    values: Plain | Places
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


Order = Literal["ifds-first", "ifds-last", "values-apart", "reversed"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the parts of a file follow each other.

    Attributes:
        order: "ifds-first": each IFD and its values, then tiles, those of the last IFD first, as in
            a COG; "ifds-last": tiles, values, IFDs; "values-apart": IFDs, tiles, and far behind
            them the values; "reversed": as the first, but the last IFD of the chain comes first.
        ghost: whether GDAL's ghost area follows the header, and each tile has a leader and a
            trailer; its promises hold with "ifds-first" and no gap.
        odd: whether every part starts at an odd position instead of an even one.
        gap: bytes of filler before each part.
    """

    order: Order = "ifds-first"
    ghost: bool = False
    odd: bool = False
    gap: int = 0

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
    writer = _Writer(byte_order, BIG if big else CLASSIC, layout)
    return writer.file([writer.node(directory) for directory in directories])


@dataclass(eq=False, slots=True)
class _Part:
    """A run of bytes: its length is known first, then its position, its content last."""

    length: int
    position: int = 0


@dataclass(eq=False, slots=True)
class _Node:
    """A directory and the parts it consists of.

    Attributes:
        values: the parts that hold values outside the IFD, by index of the field.
        tiles: None where a tile is empty.
    """

    directory: Directory
    children: list[_Node]
    ifd: _Part
    values: dict[int, _Part]
    tiles: list[_Part | None]

    def family(self) -> list[_Node]:
        """The directory and all below it."""
        return [self, *chain.from_iterable(child.family() for child in self.children)]


class _Writer:
    """Lays the parts out, then fills them in."""

    def __init__(self, byte_order: ByteOrder, variant: Variant, layout: Layout) -> None:
        self.byte_order: ByteOrder = byte_order
        self.variant = variant
        self.layout = layout

    def node(self, directory: Directory) -> _Node:
        """A directory whose parts have lengths, but no positions yet."""
        if directory.byte_order not in (None, self.byte_order):
            message = f"tiles of byte order {directory.byte_order} in a file of {self.byte_order}"
            raise ValueError(message)
        children = [self.node(child) for child in directory.sub_ifds]
        variant = self.variant
        entries = len(directory.fields) * variant.entry_length
        ifd = _Part(variant.count_length + entries + variant.offset_length)
        tiles = [_Part(len(self._tile(tile))) if tile else None for tile in directory.tiles]
        node = _Node(directory, children, ifd, {}, tiles)
        for i, field in enumerate(directory.fields):
            kind, count, data = self._value(node, field)
            if count * kind.length > variant.offset_length and field.place is None:
                node.values[i] = _Part(len(data))
        return node

    def file(self, nodes: list[_Node]) -> bytes:
        """The whole file."""
        family = [member for node in nodes for member in node.family()]
        position = len(self._header(0))
        for part in _in_order(self.layout.order, family):
            part.position = self.layout.aligned(position)
            position = part.position + part.length
        out = bytearray(FILLER * position)
        starts = [*(node.ifd.position for node in nodes), 0]
        _put(out, 0, self._header(starts[0]))
        for node, following in zip(nodes, starts[1:], strict=True):
            link = {"next": following, "first": starts[0], "beyond": BEYOND}
            self._put_node(out, node, link[node.directory.link])
            for child in node.family()[1:]:
                self._put_node(out, child, 0)
        return bytes(out)

    def _header(self, first_ifd: int) -> bytes:
        name = next(name for name, order in BYTE_ORDERS.items() if order == self.byte_order)
        sizes = self._pack("HH", 8, 0) if self.variant is BIG else b""
        start = name + self._pack("H", self.variant.magic) + sizes
        start += self._pack(self.variant.offset_code, first_ifd)
        if self.layout.ghost:
            start += f"GDAL_STRUCTURAL_METADATA_SIZE={len(GHOST):06} bytes\n".encode() + GHOST
        return start

    def _put_node(self, out: bytearray, node: _Node, link: int) -> None:
        fields = node.directory.fields
        ifd = self._pack(self.variant.count_code, len(fields))
        for i, field in enumerate(fields):
            kind, count, data = self._value(node, field)
            ifd += self._pack(self.variant.entry_code, field.tag, kind.code, count)
            if part := node.values.get(i):
                _put(out, part.position, data)
                ifd += self._pack(self.variant.offset_code, part.position)
            elif count * kind.length > self.variant.offset_length:
                ifd += self._pack(self.variant.offset_code, field.place)
            else:
                room = self.variant.offset_length
                ifd += data[:room].ljust(room, b"\0")
        _put(out, node.ifd.position, ifd + self._pack(self.variant.offset_code, link))
        for tile, part in zip(node.directory.tiles, node.tiles, strict=True):
            if part is not None:
                _put(out, part.position, self._tile(tile))

    def _value(self, node: _Node, field: Field) -> tuple[FieldType, int, bytes]:
        """Field type, claimed count and bytes of a value, by the positions known so far."""
        kind = self._kind(field.field_type)
        data = self._encode(kind, self._known(node, field.values))
        return kind, len(data) // kind.length if field.count is None else field.count, data

    def _kind(self, field_type: str | int) -> FieldType:
        if field_type == "OFFSET":
            field_type = "LONG8" if self.variant is BIG else "LONG"
        if isinstance(field_type, str):
            return next(kind for kind in FIELD_TYPES.values() if kind.name == field_type)
        return FIELD_TYPES.get(field_type, FieldType(field_type, "unknown", 1, "s"))

    def _known(self, node: _Node, values: Plain | Places) -> Plain:
        if values is Places.TILES:
            lead = 4 if self.layout.ghost else 0
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

    def _tile(self, tile: bytes) -> bytes:
        if not self.layout.ghost:
            return tile
        # Little endian whatever the file is: GDAL writes it so.
        return struct.pack("<I", len(tile)) + tile + tile[-4:].ljust(4, b"\0")

    def _pack(self, code: str, *numbers: object) -> bytes:
        return struct.pack(self.byte_order + code, *numbers)


def _in_order(order: Order, nodes: list[_Node]) -> list[_Part]:
    """All parts as they lie in the file."""
    ifds = [node.ifd for node in nodes]
    values = [part for node in nodes for part in node.values.values()]
    tiles = [part for node in reversed(nodes) for part in node.tiles if part]
    if order == "ifds-last":
        return [*tiles, *values, *ifds]
    if order == "values-apart":
        return [*ifds, *tiles, _Part(APART), *values]
    along = reversed(nodes) if order == "reversed" else nodes
    return [part for node in along for part in (node.ifd, *node.values.values())] + tiles


def _put(out: bytearray, position: int, data: bytes) -> None:
    out[position : position + len(data)] = data


def _flat(values: Sequence[float] | Sequence[tuple[int, int]]) -> list[float]:
    flat: list[float] = []
    for value in values:
        flat += value if isinstance(value, tuple) else [value]
    return flat
