"""Images, tiles and indexes that are larger or smaller than they can be."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import numpy as np

from hostile.case import Made, Shape, attack, base, in_turn, stream_image, written
from tinycog.testing import Field, Layout
from tinycog.tiff.spec import Tag

Item = tuple[str, Callable[[Shape], bytes]]


def _sized(shape: Shape, width: int, height: int, *fields: Field, **options: object) -> bytes:
    size = (Field(Tag.ImageWidth, "LONG", width), Field(Tag.ImageLength, "LONG", height))
    return written(base(shape, **options).having(*size, *fields), shape)  # type: ignore[arg-type]


@attack
def image_sizes() -> Made:
    """Images larger than their index, in one direction or both."""

    def items() -> Iterator[Item]:
        for width, height in (
            ((1 << 31) - 1, (1 << 31) - 1),
            ((1 << 32) - 1, (1 << 32) - 1),
            (1 << 31, 1),
            (1, 1 << 31),
            (1 << 20, 1 << 20),
            (65536, 65536),
            (20_000, 20_000),
            (1 << 32 - 1, 70),
        ):
            yield f"{width} x {height}", lambda s, w=width, h=height: _sized(s, w, h)
            yield (
                f"{width} x {height} in strips",
                lambda s, w=width, h=height: _sized(s, w, h, tile=None, rows_per_strip=16),
            )
            none = (
                Field(Tag.TileOffsets, "LONG", [0] * 6),
                Field(Tag.TileByteCounts, "LONG", [0] * 6),
            )
            yield (
                f"{width} x {height} sparse",
                lambda s, w=width, h=height, f=none: _sized(s, w, h, *f),
            )
            one = (
                Field(Tag.TileWidth, "LONG", min(width, (1 << 32) - 16) // 16 * 16 or 16),
                Field(Tag.TileLength, "LONG", min(height, (1 << 32) - 16) // 16 * 16 or 16),
            )
            yield (
                f"{width} x {height} in one tile",
                lambda s, w=width, h=height, f=one: _sized(s, w, h, *f),
            )

    yield from in_turn(items())


@attack
def tile_sizes() -> Made:
    """Tiles far larger than the image, or one pixel small."""

    def items() -> Iterator[Item]:
        for width, height in (
            (1, 1),
            (16, 1 << 31),
            (1 << 31, 16),
            ((1 << 32) - 16, (1 << 32) - 16),
            (1 << 15, 1 << 15),
            (1 << 14, 1 << 13),
            (10_000, 10_000),
        ):
            fields = (Field(Tag.TileWidth, "LONG", width), Field(Tag.TileLength, "LONG", height))
            for compression in (1, 8):
                yield (
                    f"{width} x {height} compression {compression}",
                    lambda s, f=fields, c=compression: written(
                        base(s, compression=c).having(*f), s
                    ),
                )
        yield (
            "1 x 1 of a large image",
            lambda s: _sized(
                s, 4000, 4000, Field(Tag.TileWidth, "LONG", 1), Field(Tag.TileLength, "LONG", 1)
            ),
        )

    yield from in_turn(items())


@attack
def samples() -> Made:
    """Bands without number."""

    def items() -> Iterator[Item]:
        for bands in (2, 1000, 65535):
            for planar in (1, 2):
                fields = (
                    Field(Tag.SamplesPerPixel, "SHORT", bands),
                    Field(Tag.PlanarConfiguration, "SHORT", planar),
                )
                yield (
                    f"{bands} bands planar {planar}",
                    lambda s, f=fields: written(base(s).having(*f), s),
                )
                yield (
                    f"{bands} bands planar {planar} of a large image",
                    lambda s, f=fields: _sized(s, 3000, 3000, *f),
                )
        extra = Field(Tag.ExtraSamples, "SHORT", [1] * 500)
        yield "ExtraSamples more than samples", lambda s: written(base(s).having(extra), s)
        yield (
            "bits of 65535 samples",
            lambda s: written(
                base(s).having(
                    Field(Tag.SamplesPerPixel, "SHORT", 65535),
                    Field(Tag.BitsPerSample, "SHORT", [8, 16, 1] * 20_000),
                ),
                s,
            ),
        )

    yield from in_turn(items())


def _same_tile(shape: Shape, across: int, tile: int, data: bytes, compression: int) -> bytes:
    """An image whose tiles are all the same bytes."""
    side = across * tile
    image = stream_image(data, compression, size=(side, side), tile=(tile, tile))
    plain = written(image, shape)
    at = len(plain) - len(data)
    assert plain[at:] == data
    n = across * across
    kind = "LONG8" if shape.big else "LONG"
    index = (
        Field(Tag.TileOffsets, kind, [at + 0] * n),
        Field(Tag.TileByteCounts, "LONG", [len(data)] * n),
    )
    grown = written(image.having(*index), shape)
    at = len(grown) - len(data)
    index = (Field(Tag.TileOffsets, kind, [at] * n), index[1])
    return written(image.having(*index), shape)


@attack
def overlapping_tiles() -> Made:
    """Thousands of tiles on the same bytes: a small file that decodes to gigabytes."""
    ramp = (np.add.outer(np.arange(256), np.arange(256)) % 256).astype(np.uint8).tobytes()
    zeros = zlib.compress(bytes(1 << 20))

    def items() -> Iterator[Item]:
        yield "16 GB of Deflate", lambda s: _same_tile(s, 128, 1024, zeros, 8)
        yield "1 GB of Deflate", lambda s: _same_tile(s, 32, 1024, zeros, 8)
        yield "300 MB of Deflate", lambda s: _same_tile(s, 17, 1024, zeros, 8)
        yield "1 GB uncompressed", lambda s: _same_tile(s, 128, 256, ramp, 1)
        yield "250000 small tiles", lambda s: _same_tile(s, 500, 16, bytes(256), 1)
        yield "1000000 tiles", lambda s: _same_tile(s, 1000, 16, bytes(256), 1)

    yield from in_turn(items())


@attack
def indexes() -> Made:
    """Indexes that are too short, too long, out of the file, or scattered."""
    n = 6

    def having(shape: Shape, offsets: object, counts: object) -> bytes:
        kind = "LONG8" if shape.big else "LONG"
        mask = (1 << 64) - 1 if shape.big else (1 << 32) - 1
        fields = (
            Field(Tag.TileOffsets, kind, [v & mask for v in offsets]),  # type: ignore[attr-defined]
            Field(Tag.TileByteCounts, kind, [v & mask for v in counts]),  # type: ignore[attr-defined]
        )
        return written(base(shape).having(*fields), shape)

    def scattered(shape: Shape, across: int, step: int) -> bytes:
        tile = zlib.compress(bytes(256))
        tiles = [tile] * (across * across)
        image = stream_image(tiles, 8, size=(across * 16, across * 16), tile=(16, 16))
        return written(image, shape, Layout(gap=step))

    def items() -> Iterator[Item]:
        for name, values in {
            "1": [1] * n,
            "2^31": [1 << 31] * n,
            "2^32-1": [(1 << 32) - 1] * n,
            "2^63": [1 << 63] * n,
            "2^64-1": [(1 << 64) - 1] * n,
            "none": [0] * n,
            "one": [300],
            "thousands": [300] * 50_000,
        }.items():
            yield f"offsets {name}", lambda s, v=values: having(s, v, [50] * n)
            yield f"byte counts {name}", lambda s, v=values: having(s, [300] * n, v)
            yield f"both {name}", lambda s, v=values: having(s, v, v)
        yield "256 tiles 4 KB apart", lambda s: scattered(s, 16, 4096)
        for name, field_type in (("byte counts", "LONG"), ("types", "SHORT")):
            none = (
                Field(Tag.ImageWidth, "LONG", 4064),
                Field(Tag.ImageLength, "LONG", 4064),
                Field(Tag.TileWidth, "LONG", 16),
                Field(Tag.TileLength, "LONG", 16),
                Field(Tag.TileOffsets, "LONG", [0] * 254**2),
                Field(Tag.TileByteCounts, field_type, [0] * 254**2),
            )
            yield f"64516 sparse tiles, {name}", lambda s, f=none: written(base(s).having(*f), s)
        yield "36 tiles 20 KB apart", lambda s: scattered(s, 6, 20_000)
        yield "36 tiles 70 KB apart", lambda s: scattered(s, 6, 70_000)
        yield "without offsets", lambda s: written(base(s).without(Tag.TileOffsets), s)
        yield "without byte counts", lambda s: written(base(s).without(Tag.TileByteCounts), s)
        yield (
            "signed offsets",
            lambda s: written(base(s).having(Field(Tag.TileOffsets, "SLONG", [-1] * n)), s),
        )
        yield (
            "offsets of doubles",
            lambda s: written(
                base(s).having(Field(Tag.TileOffsets, "DOUBLE", [float("nan")] * n)), s
            ),
        )

    yield from in_turn(items())


@attack
def pyramids() -> Made:
    """Overviews and masks that do not fit the image."""

    def chain(shape: Shape, *others: tuple[int, dict[str, object], tuple[Field, ...]]) -> bytes:
        more = [
            base(shape, subfile_type=kind, **options).having(*fields)  # type: ignore[arg-type]
            for kind, options, fields in others
        ]
        return written([base(shape), *more], shape)

    huge = (Field(Tag.ImageWidth, "LONG", 1 << 31), Field(Tag.ImageLength, "LONG", 1 << 31))
    tiny = (Field(Tag.ImageWidth, "LONG", 1), Field(Tag.ImageLength, "LONG", 1))
    bits = (Field(Tag.BitsPerSample, "SHORT", 16),)
    floats = (Field(Tag.SampleFormat, "SHORT", 3), Field(Tag.BitsPerSample, "SHORT", 32))
    gone = (Field(Tag.TileOffsets, "LONG", [0x7FFFFF00] * 6),)
    senseless = (Field(Tag.Compression, "SHORT", 4711),)
    bad = (Field(Tag.BitsPerSample, "SHORT", 0),)
    wide = (Field(Tag.ImageWidth, "LONG", 70), Field(Tag.ImageLength, "LONG", 90))

    def items() -> Iterator[Item]:
        for kind, word in ((1, "overview"), (4, "mask"), (5, "mask of an overview"), (7, "all")):
            yield f"{word} as large", lambda s, k=kind: chain(s, (k, {}, ()))
            yield f"{word} huge", lambda s, k=kind: chain(s, (k, {}, huge))
            yield f"{word} tiny", lambda s, k=kind: chain(s, (k, {}, tiny))
            yield f"{word} other size", lambda s, k=kind: chain(s, (k, {}, wide))
            yield f"{word} of 3 bands", lambda s, k=kind: chain(s, (k, {"bands": 3}, ()))
            yield f"{word} twice", lambda s, k=kind: chain(s, (k, {}, ()), (k, {}, ()))
            yield f"{word} of 16 bits", lambda s, k=kind: chain(s, (k, {}, bits))
            yield f"{word} of floats", lambda s, k=kind: chain(s, (k, {}, floats))
            yield f"{word} beyond the end", lambda s, k=kind: chain(s, (k, {}, gone))
            yield f"{word} of unknown compression", lambda s, k=kind: chain(s, (k, {}, senseless))
            yield f"{word} of no bits", lambda s, k=kind: chain(s, (k, {}, bad))

    yield from in_turn(items())


@attack
def ghosts() -> Made:
    """Ghost areas and leaders that lie."""
    for shape in (Shape("<", big=False), Shape("<", big=True), Shape(">", big=False)):
        good = written(base(shape), shape, Layout(ghost=True))
        first = 16 if shape.big else 8
        lie = good.replace(b"SIZE=000140 bytes", b"SIZE=999999 bytes")
        yield f"size 999999 {shape.word}", lie
        yield f"size text {shape.word}", good[: first + 30] + b"abcdef" + good[first + 36 :]
        for name, leader in {
            "0": b"\0\0\0\0",
            "2^32-1": b"\xff\xff\xff\xff",
            "1": b"\1\0\0\0",
            "2^24": b"\0\0\0\1",
        }.items():
            data = bytearray(good)
            for tile in base(shape).tiles:
                at = good.find(tile)
                data[at - 4 : at] = leader
            yield f"leaders of {name} {shape.word}", bytes(data)
        trailers = bytearray(good)
        for tile in base(shape).tiles:
            at = good.find(tile) + len(tile)
            trailers[at : at + 4] = b"ABCD"
        yield f"trailers {shape.word}", bytes(trailers)
