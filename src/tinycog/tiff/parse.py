"""Bytes to directories: header, IFD chain, entries and their values.

Every parser here is a generator (`Steps`): it yields the ranges that it lacks and returns a frozen
value. A broken rule that it can recover from is a `Finding`, any other a `FormatError`.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tinycog.errors import Finding, FormatError, LimitError, NotTiffError, TruncatedError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ranges import ByteRange, Span
from tinycog.tiff.spec import (
    BIG,
    BYTE_ORDERS,
    CLASSIC,
    CLASSIC_BYTES,
    FIELD_TYPES,
    NDPI,
    VARIANTS,
    ByteOrder,
    FieldType,
    Tag,
    Variant,
)
from tinycog.tiff.steps import Steps, need, need_bytes, run_cached
from tinycog.tiff.text import text_of

Value = str | bytes | tuple[int, ...] | tuple[float, ...] | tuple[tuple[int, int], ...]
"""A tag's value: text, bytes (BYTE and UNDEFINED), numbers, or (numerator, denominator) pairs."""


class FileHeader(NamedTuple):
    """The first 8 or 16 bytes: byte order, variant, and the offset of the first IFD."""

    byte_order: ByteOrder
    variant: Variant
    first_ifd: int


class Entry(NamedTuple):
    """One entry of an IFD; its value is read on demand.

    Attributes:
        tag: id of the tag.
        field_type: how each value is stored.
        count: number of values.
        offset: absolute position of the value's bytes; inside the entry itself if they fit there
            (tiff.value.place).
        upper: what is added to a single integer: the upper half of one of 64 bits, which lies
            elsewhere (tiff.header.ndpi).
    """

    tag: int
    field_type: FieldType
    count: int  # pyright: ignore[reportIncompatibleMethodOverride] - not tuple's
    offset: int
    upper: int = 0

    @property
    def range(self) -> ByteRange:
        """Bytes of the whole value."""
        return ByteRange(self.offset, self.offset + self.count * self.field_type.length)


class Ifd(NamedTuple):
    """One image file directory.

    Attributes:
        offset: absolute position of its first byte.
        entries: by tag; the first one of each tag counts (tiff.ifd.duplicate).
        next_offset: position of the next IFD in the chain, 0 at its end.
        findings: what is odd about it.
    """

    offset: int
    entries: Mapping[int, Entry]
    next_offset: int
    findings: tuple[Finding, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the read-only mapping as a plain one."""
        return (_ifd, (self.offset, dict(self.entries), self.next_offset, self.findings))

    @classmethod
    def lost(cls, offset: int) -> Ifd:
        """Make an IFD without entries: what stands for one that cannot be read."""
        return cls(offset, MappingProxyType({}), 0)


def _ifd(at: int, entries: dict[int, Entry], link: int, findings: tuple[Finding, ...]) -> Ifd:
    return Ifd(at, MappingProxyType(entries), link, findings)


class Tiff(NamedTuple):
    """The part of an IFD chain that has been walked.

    Attributes:
        header: the file's header.
        ifds: the chain so far, in order.
        next_offset: offset of the next IFD to read; 0 behind the last one.
        findings: what is odd about the chain itself.
        is_cut: whether it is not worth its requests to walk on (tiff.ifd.far).
    """

    header: FileHeader
    ifds: tuple[Ifd, ...] = ()
    next_offset: int = 0
    findings: tuple[Finding, ...] = ()
    is_cut: bool = False

    @property
    def complete(self) -> bool:
        """Whether the chain has been walked as far as it will be."""
        return self.next_offset == 0 or self.is_cut


def need_header(buffer: SparseBuffer) -> Steps[None]:
    """Yield where the file header lies, if it has not arrived.

    Raises:
        NotTiffError: there are no bytes.
    """
    try:
        yield from need(buffer, [ByteRange(0, BIG.header_length)])
    except TruncatedError as exc:
        raise no_header(exc) from exc


def parse_header(buffer: SparseBuffer) -> Steps[FileHeader]:
    """Parse the file header (tiff.header.*).

    Raises:
        NotTiffError: the file starts with other bytes, which the message shows; or with none.
    """
    yield from need_header(buffer)
    if buffer.ends_before(min(v.header_length for v in VARIANTS.values())):
        found = (
            f"{buffer.size} bytes are too few for a header" if buffer.size else "the file is empty"
        )
        message = f"not a TIFF: {found}"
        raise NotTiffError(message, finding=Finding("tiff.header.byte-order", message, 0))
    first = bytes(buffer.read(0, 4))
    byte_order = BYTE_ORDERS.get(first[:2])
    if byte_order is None:
        found = _told_by_first(bytes(buffer.read(0, BIG.header_length)))
        message = f"not a TIFF{found}: it starts with {first!r}, expected b'II' or b'MM'"
        raise NotTiffError(message, finding=Finding("tiff.header.byte-order", message, 0))
    (magic,) = struct.unpack(byte_order + "H", first[2:])
    variant = VARIANTS.get(magic)
    if variant is None:
        message = f"not a TIFF: version {magic} in bytes 2 and 3, expected 42 or 43 (BigTIFF)"
        raise NotTiffError(message, finding=Finding("tiff.header.version", message, 2))
    rest = buffer.read(4, variant.header_length)
    if variant is BIG and (sizes := struct.unpack(byte_order + "HH", rest[:4])) != (8, 0):
        message = f"BigTIFF header says offset size {sizes[0]} and reserved {sizes[1]}, not 8 and 0"
        raise NotTiffError(message, finding=Finding("tiff.header.bigtiff", message, 4))
    (first_ifd,) = struct.unpack(byte_order + variant.offset_code, rest[-variant.offset_length :])
    return FileHeader(byte_order, variant, first_ifd)


def no_header(lost: TruncatedError) -> NotTiffError:
    """Return the error of a file whose first bytes are lost."""
    error = NotTiffError(f"not a TIFF: {lost}")
    error.name = lost.name
    return error


OTHER_FILES = {
    b"<!do": "an HTML page: a login or error page of the server?",
    b"<htm": "an HTML page: a login or error page of the server?",
    b"<?xm": "XML: an error of the server?",
    b"{": "JSON: an error of the server?",
    b"version ": "a pointer of git-lfs: the file itself lies elsewhere",
    b"\x89png": "a PNG",
    b"\xff\xd8\xff": "a JPEG",
    b"\0\0\0\x0cjp": "a JPEG 2000",
    b"pk\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\x89hdf": "an HDF5 file",
    b"gif8": "a GIF",
    b"%pdf": "a PDF",
}
"""How files begin that are opened by mistake, in lower case, and what they are."""


def _told_by_first(data: bytes) -> str:
    """Return what another file is, for a message; "" if its first bytes do not tell."""
    start = data.lstrip().lower()
    return next(
        (f" but {text}" for sign, text in OTHER_FILES.items() if start.startswith(sign)), ""
    )


def parse_ndpi_header(
    buffer: SparseBuffer, header: FileHeader, limits: Limits
) -> Steps[FileHeader]:
    """Return the header of a classic TIFF as that of an NDPI, if it is one (tiff.header.ndpi).

    Only an NDPI can tell where its parts lie beyond 4 GiB: shorter files are read as any TIFF.
    """
    (first_ifd,) = struct.unpack(header.byte_order + NDPI.link_code, buffer.read(4, 12))
    found = FileHeader(header.byte_order, NDPI, first_ifd)
    try:
        ifd = yield from parse_ifd(buffer, found, first_ifd, limits)
    except (FormatError, LimitError):
        return header
    return found if Tag.NDPIFormat in ifd.entries else header


def parse_ifd(buffer: SparseBuffer, header: FileHeader, offset: int, limits: Limits) -> Steps[Ifd]:
    """Parse one IFD: entries and link, no values (tiff.ifd.layout, tiff.ifd.alignment).

    Raises:
        FormatError: it has no entries, or lies beyond the end of the file.
        LimitError: it claims more entries than `limits.entries` (tiff.ifd.entries).
    """
    variant = header.variant
    counted = yield from need_bytes(buffer, offset, variant.count_length)
    (count,) = struct.unpack(header.byte_order + variant.count_code, counted)
    if count == 0:
        raise FormatError.of(Finding("tiff.ifd.empty", "an IFD has no entries", offset, offset))
    limits.check("entries", count, f"entries of the IFD at byte {offset}")
    start = offset + variant.count_length
    stop = start + count * variant.entry_length
    link_stop = stop + struct.calcsize(variant.link_code)
    upper: Sequence[int] = [0] * count
    if variant is NDPI:  # behind the link, the upper half of each value field
        halves = yield from need_bytes(buffer, link_stop, count * variant.offset_length)
        upper = struct.unpack(f"{header.byte_order}{count}{variant.offset_code}", halves)
    yield from need(buffer, [ByteRange(start, link_stop)])
    findings: list[Finding] = []
    entries = _entries(header, offset, start, buffer.read(start, stop), upper, findings)
    length = variant.offset_length  # of a value inside the entry: it is not looked at here
    inside = (one for one in entries.values() if one.count * one.field_type.length <= length)
    buffer.leave_out(start, stop, ((one.offset, one.offset + length) for one in inside))
    try:
        link = buffer.read(stop, link_stop)
    except TruncatedError:
        findings.append(
            Finding("tiff.ifd.link", "the file ends before the link to the next IFD", stop, offset)
        )
        next_offset = 0
    else:
        (next_offset,) = struct.unpack(header.byte_order + variant.link_code, link)
    return _ifd(offset, entries, next_offset, tuple(findings))


def _entries(
    header: FileHeader,
    ifd: int,
    start: int,
    data: memoryview,
    upper: Sequence[int],
    findings: list[Finding],
) -> dict[int, Entry]:
    variant = header.variant
    layout = struct.Struct(f"{header.byte_order}{variant.entry_code}{variant.offset_length}s")
    last = -1
    entries: dict[int, Entry] = {}
    for i, (tag, code, count, place) in enumerate(layout.iter_unpack(data)):
        at = start + i * variant.entry_length
        field_type = FIELD_TYPES.get(code)
        if field_type is None:
            text = f"tag {tag} has the unknown field type {code}; the entry is skipped"
            findings.append(Finding("tiff.field-type.known", text, at, ifd))
            continue
        if tag in entries:
            text = f"tag {tag} occurs twice; the first one counts"
            findings.append(Finding("tiff.ifd.duplicate", text, at, ifd))
            continue
        if tag < last:
            text = f"tag {tag} comes after tag {last}, but tags must ascend"
            findings.append(Finding("tiff.ifd.order", text, at, ifd))
        last = max(tag, last)
        if count * field_type.length <= variant.offset_length:
            offset = at + variant.entry_length - variant.offset_length
            entries[tag] = Entry(tag, field_type, count, offset, upper[i] << 32)
        else:
            (offset,) = struct.unpack(header.byte_order + variant.offset_code, place)
            entries[tag] = Entry(tag, field_type, count, offset + (upper[i] << 32))
    return entries


def parse_tiff(
    buffer: SparseBuffer,
    limits: Limits,
    *,
    known: Tiff | None = None,
    ifds: int | None = None,
    cached: bool = False,
) -> Steps[Tiff]:
    """Walk the IFD chain: all of it, or until `ifds` directories are known.

    `known` is an earlier, shorter walk to resume. An IFD after the first that cannot be parsed ends
    the chain with a finding, as do a loop (tiff.ifd.loop) and a chain longer than `limits.ifds`.
    With `cached`, it is walked as far as its bytes have arrived.

    Raises:
        NotTiffError: not a TIFF.
        FormatError: the first IFD cannot be parsed.
    """
    if known is None:
        header = yield from parse_header(buffer)
        findings: tuple[Finding, ...] = ()
        if header.variant is CLASSIC and buffer.is_longer(CLASSIC_BYTES):
            header = yield from parse_ndpi_header(buffer, header, limits)
            findings = () if header.variant is NDPI else (_too_long(buffer.size or 0),)
        known = Tiff(header, next_offset=header.first_ifd, findings=findings)
        if header.first_ifd == 0:
            at = header.variant.header_length - header.variant.offset_length
            raise FormatError.of(Finding("tiff.header.first-ifd", "the file has no IFD", at))
    if not known.next_offset:
        return known
    found, link, findings = list(known.ifds), known.next_offset, known.findings
    seen = {ifd.offset for ifd in found}
    while link and (ifds is None or len(found) < ifds):
        parser = _parse_next(buffer, limits, known.header, link, found, seen)
        ifd = run_cached(parser) if cached else (yield from parser)
        if ifd is None:
            break
        if isinstance(ifd, Finding):
            findings, link = (*findings, ifd), 0
        else:
            found.append(ifd)
            seen.add(link)
            link = ifd.next_offset
    return Tiff(known.header, tuple(found), link, findings, known.is_cut)


def _too_long(size: int) -> Finding:
    text = (
        f"a classic TIFF of {size} bytes: its offsets end at 4 GiB, so that what lies further on"
        " may be taken from another place"
    )
    return Finding("tiff.header.beyond", text, 4)


def _parse_next(
    buffer: SparseBuffer,
    limits: Limits,
    header: FileHeader,
    at: int,
    found: Sequence[Ifd],
    seen: Collection[int],
) -> Steps[Ifd | Finding]:
    """Parse the next IFD of the chain; a finding says why it ends before."""
    before = found[-1].offset if found else None
    if at in seen:
        return Finding("tiff.ifd.loop", "the IFD chain comes back to an IFD", at, before)
    if len(found) >= limits.ifds:
        text = f"the IFD chain is cut at {limits.ifds} IFDs (Limits.ifds)"
        return Finding("tiff.ifd.count", text, at, before)
    try:
        return (yield from parse_ifd(buffer, header, at, limits))
    except (FormatError, LimitError) as exc:
        if not found:
            raise
        return Finding("tiff.ifd.unreadable", f"the IFD chain ends early: {exc}", at, before)


def spans_of(entries: Iterable[Entry]) -> list[Span]:
    """Return the ranges of values, as plain tuples."""
    return [(at, at + count * kind.length) for _, kind, count, at, _ in entries]


def parse_values(
    buffer: SparseBuffer, header: FileHeader, entries: Sequence[Entry], limits: Limits
) -> Steps[list[Value]]:
    """Parse the values of several entries in one step (tiff.value.length).

    Raises:
        LimitError: a value is longer than `limits.value_bytes`.
        TruncatedError: a value lies beyond the end of the file.
    """
    spans = spans_of(entries)
    most = limits.value_bytes
    for entry, (start, stop) in zip(entries, spans, strict=True):
        if stop - start > most:
            what = f"bytes of the value of tag {entry.tag}"
            limits.check("value_bytes", stop - start, what)
    yield from need(buffer, spans)
    found = buffer.read_each(spans)
    return [
        decode_value(header.byte_order, entry, data)
        for entry, data in zip(entries, found, strict=True)
    ]


SINGLE = {
    (byte_order, code): struct.Struct(byte_order + kind.format).unpack
    for code, kind in FIELD_TYPES.items()
    for byte_order in BYTE_ORDERS.values()
    if len(kind.format) == 1 and kind.format not in "sB"
}
"""Unpacks a single number, by byte order and code of the field type: nearly all values are one."""


def decode_value(byte_order: ByteOrder, entry: Entry, data: memoryview | bytes) -> Value:
    """Decode the bytes of a value (tiff.value.order, tiff.value.text, tiff.value.fraction)."""
    kind = entry.field_type
    if entry.upper and entry.count == 1 and kind.format in "HI":
        return (int.from_bytes(data, "little" if byte_order == "<" else "big") + entry.upper,)
    if entry.count == 1 and (unpack := SINGLE.get((byte_order, kind.code))) is not None:
        return unpack(data)
    if kind.name in ("ASCII", "UTF-8"):
        return text_of(bytes(data).rstrip(b"\0"))
    if kind.format in ("s", "B"):
        return bytes(data)
    numbers = struct.unpack(f"{byte_order}{entry.count * len(kind.format)}{kind.format[0]}", data)
    if len(kind.format) == 1:
        return numbers
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def offset_in(value: Value) -> int | None:
    """Return the offset that a value holds, the first if it holds several; None if it has none."""
    first = value[0] if isinstance(value, tuple) and value else None
    return first if isinstance(first, int) and first > 0 else None
