"""Headers, chains of IFDs and entries that lie."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from hostile.case import Made, Shape, attack, base, in_all, in_turn, written
from tinycog.testing import Directory, Field, Layout, Places, flaws, make_pyramid, make_tiff
from tinycog.tiff.spec import BIG, CLASSIC, Tag

Item = tuple[str, Callable[[Shape], bytes]]

HUGE = (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


def _variant(shape: Shape):
    return BIG if shape.big else CLASSIC


def _fits(shape: Shape, number: int) -> int:
    return number & ((1 << 64) - 1 if shape.big else (1 << 32) - 1)


def _patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def _offset(shape: Shape, number: int) -> bytes:
    return struct.pack(shape.order + _variant(shape).offset_code, _fits(shape, number))


@attack
def headers() -> Made:
    """First bytes that are not those of a TIFF, or not wholly."""
    good = written(base(), Shape("<", big=False))
    yield "empty", b""
    for length in (1, 4, 7, 8, 9, 15, 16):
        yield f"only {length} bytes", good[:length]
    yield "version 44", _patched(good, 2, b"\x2c")
    yield "PNG", b"\x89PNG\r\n\x1a\n" + bytes(500)
    yield "zeros", bytes(4096)
    big = written(base(), Shape("<", big=True))
    yield "BigTIFF with offsets of 4 bytes", _patched(big, 4, b"\x04")
    yield "BigTIFF with offsets of 16 bytes", _patched(big, 4, b"\x10")
    yield "BigTIFF reserved", _patched(big, 6, b"\x01")


@attack
def first_ifd() -> Made:
    """A first IFD that lies where it cannot."""

    def items() -> Iterator[Item]:
        for number in (0, 1, 2, 4, 8, 16, *HUGE):
            yield (
                f"at {number:x}",
                lambda shape, n=number: _patched(
                    written(base(shape), shape), 8 if shape.big else 4, _offset(shape, n)
                ),
            )

    yield from in_all(items())


@attack
def ifd_counts() -> Made:
    """Counts of entries."""

    def made(shape: Shape, count: int) -> bytes:
        data = written(base(shape), shape)
        variant = _variant(shape)
        most = (1 << (8 * variant.count_length)) - 1
        packed = struct.pack(shape.order + variant.count_code, min(count, most))
        return _patched(data, variant.header_length, packed)

    counts = (0, 1, 5, 100, 4096, 4097, 65535, *HUGE)
    yield from in_turn((f"{count:x}", lambda s, n=count: made(s, n)) for count in counts)


@attack
def links() -> Made:
    """Chains that loop, or lead nowhere."""

    def to(shape: Shape, number: int) -> bytes:
        data = written([base(shape), base(shape)], shape)
        variant = _variant(shape)
        at = variant.header_length + variant.count_length
        (count,) = struct.unpack_from(
            shape.order + variant.count_code, data, at - variant.count_length
        )
        return _patched(data, at + count * variant.entry_length, _offset(shape, number))

    def loop(shape: Shape) -> bytes:
        return written(flaws.ifd_loop([base(shape)] * 3), shape)

    yield from in_all([("loop", loop)])
    numbers = (1, 2, 8, 9, 12, 20, 100, *HUGE)
    yield from in_turn((f"to {n:x}", lambda s, n=n: to(s, n)) for n in numbers)


TINY = Directory([Field(Tag.ImageWidth, "SHORT", 1), Field(Tag.ImageLength, "SHORT", 1)])


def _chain(shape: Shape, count: int, gap: int, page: Directory) -> bytes:
    first = base(shape)
    return written([first, *[page] * count], shape, Layout(gap=gap, order="ifds-last"))


@attack
def long_chains() -> Made:
    """More IFDs than anybody needs, near each other and far apart."""

    def items() -> Iterator[Item]:
        for count, gap in ((3000, 0), (6000, 0), (60, 20_000), (300, 9_000), (90, 70_000)):
            yield (
                f"{count} pages {gap} apart",
                lambda s, n=count, g=gap: _chain(s, n, g, TINY),
            )
        for count, gap in ((500, 0), (100, 12_000)):
            yield (
                f"{count} overviews {gap} apart",
                lambda s, n=count, g=gap: _chain(s, n, g, base(s, subfile_type=1)),
            )

    yield from in_turn(items())
    # backwards: read-ahead does not help
    pages = [base(), *[TINY] * 80]
    data = make_tiff(pages, layout=Layout("reversed", gap=15_000))
    yield "80 pages backwards", data


@attack
def sub_ifds() -> Made:
    """SubIFDs: many, far apart, of themselves, of nothing."""

    def having(shape: Shape, *offsets: int) -> bytes:
        kind = "LONG8" if shape.big else "LONG"
        places = [_fits(shape, n) for n in offsets]
        return written(base(shape).having(Field(Tag.SubIFDs, kind, places)), shape)

    def real(shape: Shape, count: int, gap: int) -> bytes:
        child = base(shape, subfile_type=1)
        parent = base(shape).having(Field(Tag.SubIFDs, "OFFSET", Places.SUB_IFDS))
        parent = replace(parent, sub_ifds=[child] * count)
        return written(parent, shape, Layout(gap=gap))

    first = [("itself", lambda s: having(s, 16 if s.big else 8))]
    first += [("the same 4000 times", lambda s: having(s, *[16 if s.big else 8] * 4000))]
    first += [("everywhere", lambda s: having(s, *range(1, 3000)))]
    first += [("too many", lambda s: having(s, *range(1, 60_000)))]
    first += [(f"at {n:x}", lambda s, n=n: having(s, n)) for n in (0, 1, *HUGE)]
    first += [("200 of them", lambda s: real(s, 200, 0))]
    first += [("60 far apart", lambda s: real(s, 60, 20_000))]
    first += [("200 far apart", lambda s: real(s, 200, 10_000))]
    yield from in_turn(first)


@attack
def entries() -> Made:
    """Duplicates, order, unknown types, values that overlap the IFD itself."""

    def items() -> Iterator[Item]:
        yield "unsorted", lambda s: written(flaws.unsorted_tags([base(s)]), s)
        for tag in (Tag.ImageWidth, Tag.Compression, Tag.TileOffsets, Tag.BitsPerSample):
            yield (
                f"duplicate {tag.name}",
                lambda s, t=tag: written(flaws.duplicate_tag([base(s)], tag=t), s),
            )
        for code in (0, 14, 15, 19, 255, 65535):
            yield (
                f"type {code} of ImageWidth",
                lambda s, c=code: written(
                    base(s).having(Field(Tag.ImageWidth, c, b"\x20\0\0\0")), s
                ),
            )
        yield (
            "all types unknown",
            lambda s: written(Directory([Field(f.tag, 99, b"1234") for f in base(s).fields]), s),
        )
        yield (
            "4096 private tags",
            lambda s: written(
                base(s).having(*(Field(40_000 + i, "SHORT", i) for i in range(4000))), s
            ),
        )
        yield (
            "60000 private tags",
            lambda s: written(
                base(s).having(*(Field(1000 + i, "SHORT", 1) for i in range(30_000))), s
            ),
        )

    yield from in_turn(items())


@attack
def value_places() -> Made:
    """Values of each tag beyond the end, or of counts that no file can hold."""
    tags = [Tag(f.tag) for f in base().fields] + [Tag.SubIFDs, Tag.GDALMetadata, Tag.ColorMap]

    def spoiled(shape: Shape, tag: int, count: int, place: int | None) -> bytes:
        old = next((f for f in base(shape).fields if f.tag == tag), None)
        kind = "LONG" if old is None else old.field_type
        field = Field(tag, kind, [1, 2, 3], _fits(shape, count), place)
        return written(base(shape).having(field), shape)

    def items() -> Iterator[Item]:
        for tag in tags:
            yield f"{tag.name} beyond", lambda s, t=tag: spoiled(s, t, 5, 0x7FFFFF00)
            yield f"{tag.name} in the header", lambda s, t=tag: spoiled(s, t, 5, 0)
            for count in (0, 0xFFFFFFFF, 1 << 62, (1 << 64) - 1):
                yield (
                    f"{tag.name} {count:x} times",
                    lambda s, t=tag, n=count: spoiled(s, t, n, 8),
                )

    yield from in_turn(items())


@attack
def truncated() -> Made:
    """Files that end too early, anywhere."""
    for shape in ((s) for s in (Shape("<", big=False), Shape(">", big=True))):
        for order in ("ifds-first", "ifds-last", "values-apart"):
            chain = make_pyramid(
                np.arange(9000, dtype=np.uint16).reshape(1, 90, 100),
                tile=(32, 32),
                byte_order=shape.order,
            )
            data = written(chain, shape, Layout(order))
            for part in range(1, 8):
                length = len(data) * part // 8
                yield f"{order} {length} of {len(data)} {shape.word}", data[:length]
            yield f"{order} last byte {shape.word}", data[:-1]
