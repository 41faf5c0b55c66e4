"""Look whether a file may hold masks, without parsing its IFDs: what a single tile can afford."""

from __future__ import annotations

import struct

from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.parse import FileHeader, Tiff
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import MASK, Tag

SUBFILE_CODES = {3: "H", 4: "I"}
"""`struct` codes of the field types SHORT and LONG, in which NewSubfileType is read here."""


def has_no_masks(buffer: SparseBuffer, tiff: Tiff) -> bool:
    """Return True if the whole IFD chain has arrived and no IFD of it is a mask.

    False means that there may be one: an IFD is missing or odd, or the first one has SubIFDs.
    """
    first = tiff.ifds[0]
    if Tag.SubIFDs in first.entries:
        return False
    seen = {first.offset}
    offset = first.next_offset
    while offset:
        if offset in seen:
            return False
        seen.add(offset)
        link = _link_of_no_mask(buffer, tiff.header, offset)
        if link is None:
            return False
        offset = link
    return True


def _link_of_no_mask(buffer: SparseBuffer, header: FileHeader, offset: int) -> int | None:
    """Return the link of an IFD to the next one; None if it may be a mask, or has not arrived."""
    variant, order = header.variant, header.byte_order
    start = offset + variant.count_length
    counted = _arrived(buffer, offset, start)
    if counted is None:
        return None
    (count,) = struct.unpack(order + variant.count_code, counted)
    stop = start + count * variant.entry_length
    data = _arrived(buffer, start, stop + struct.calcsize(variant.link_code))
    if data is None:
        return None
    layout = struct.Struct(f"{order}{variant.entry_code}{variant.offset_length}s")
    for tag, code, number, value in layout.iter_unpack(data[: stop - start]):
        if tag == Tag.NewSubfileType:
            if number != 1 or code not in SUBFILE_CODES:
                return None
            (kind,) = struct.unpack_from(order + SUBFILE_CODES[code], value)
            if kind & MASK:
                return None
    (link,) = struct.unpack(order + variant.link_code, data[stop - start :])
    return link


def _arrived(buffer: SparseBuffer, start: int, stop: int) -> memoryview | None:
    """Return bytes that have arrived, else None."""
    return (
        None
        if buffer.ends_before(stop) or buffer.missing([ByteRange(start, stop)])
        else buffer.read(start, stop)
    )
