"""For each rule a file that keeps it and one that breaks it, small and made to order."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import tinycog.sync
from tinycog.testing import (
    Directory,
    Field,
    Layout,
    Places,
    flaws,
    make_image,
    make_pyramid,
    make_tiff,
)
from tinycog.tiff.spec import Tag

PIXELS = (np.add.outer(np.arange(600), np.arange(600)) % 251).astype(np.uint8)[None]

GEO = (
    Field(Tag.ModelPixelScale, "DOUBLE", [10.0, 10.0, 0.0]),
    Field(Tag.ModelTiepoint, "DOUBLE", [0.0, 0.0, 0.0, 5e5, 6e6, 0.0]),
    Field(
        Tag.GeoKeyDirectory,
        "SHORT",
        [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633],
    ),
)
"""Pixels of 10 m in UTM zone 33 N."""

COG = Layout("index-last", ghost=True)

LARGE = (1 << 32) + 2
"""Bytes of a file that is a little too large for a classic TIFF."""


@dataclass(frozen=True, slots=True)
class Made:
    """A file.

    Attributes:
        data: its first bytes.
        size: its length where that is more: the rest are holes.
        has_ovr: whether overviews lie beside it.
        literal: whether only the letter of a rule is broken.
    """

    data: bytes
    size: int | None = None
    has_ovr: bool = False
    literal: bool = False


Maker = Callable[[], bytes | Made]


@functools.cache
def level_nine(tile: bytes) -> bytes:
    """A tile packed anew as small as it can be."""
    return zlib.compress(zlib.decompress(tile), 9)


def georeferenced(directories: Sequence[Directory]) -> list[Directory]:
    """Directories with a place of the first."""
    return [directories[0].having(*GEO), *directories[1:]]


def packed(directories: Sequence[Directory]) -> list[Directory]:
    """Directories whose tiles are packed by level 9."""
    found: list[Directory] = []
    for directory in directories:
        tiles = [level_nine(tile) for tile in directory.tiles]
        counts = Field(Tag.TileByteCounts, "LONG", [len(tile) for tile in tiles])
        found.append(replace(directory.having(counts), tiles=tiles))
    return found


def pyramid(factors: Sequence[int] = (2, 4), pixels: Any = PIXELS, **options: Any) -> Any:
    """An image and its overviews, in tiles of 256, with a place."""
    chosen = {"tile": (256, 256), "compression": 8, "predictor": 2, **options}
    return georeferenced(make_pyramid(pixels, factors, **chosen))


def reduced(factor: int, **options: Any) -> Directory:
    """An overview by itself."""
    chosen = {"tile": (256, 256), "compression": 8, "subfile_type": 1, **options}
    return make_image(PIXELS[:, ::factor, ::factor], **chosen)


def cog(*directories: Directory, layout: Layout | Any = COG, big: bool = False) -> bytes:
    """A file of such directories, laid out as a COG."""
    return make_tiff(directories, layout=layout, big=big)


@functools.cache
def good(*, big: bool = False) -> bytes:
    """A file that keeps all rules but those that want a BigTIFF, or none."""
    return cog(*packed(pyramid()), big=big)


@functools.cache
def large_tiles() -> bytes:
    """The same in tiles of 512, which the newer page of Earth Engine finds best."""
    return cog(*packed(pyramid(tile=(512, 512))))


@functools.cache
def masked() -> bytes:
    """A COG of which pixels are masked by a mask image, as GDAL lays it out."""
    pixels = np.ma.MaskedArray(PIXELS, mask=PIXELS < 40)
    place = {"crs": 32633, "transform": (10, 0, 5e5, 0, -10, 6e6)}
    return tinycog.sync.write(bytes, pixels, mask="internal", blocksize=256, **place).data  # pyright: ignore[reportArgumentType]


# --- patches -------------------------------------------------------------------------------------


def entry(data: bytes, tag: int, page: int = 0) -> tinycog.Entry:
    """An entry of an IFD of the chain."""
    return tinycog.sync.open(data).pages[page].image.ifd.entries[tag]


def put(data: bytes, at: int, value: bytes) -> bytes:
    """A file with other bytes at a place."""
    return data[:at] + value + data[at + len(value) :]


def offset(data: bytes, tile: int, page: int = 0) -> int:
    """Where a tile begins."""
    at = entry(data, Tag.TileOffsets, page).offset + 4 * tile
    return struct.unpack_from("<I", data, at)[0]


def with_offset(data: bytes, tile: int, change: Callable[[int], int], page: int = 0) -> bytes:
    """A file that says of a tile that it begins elsewhere."""
    at = entry(data, Tag.TileOffsets, page).offset + 4 * tile
    return put(data, at, struct.pack("<I", change(offset(data, tile, page))))


def swapped(one: tuple[int, int], other: tuple[int, int]) -> bytes:
    """The good file with two tiles (page, tile) exchanged in the index."""
    data = good()
    first, second = offset(data, one[1], one[0]), offset(data, other[1], other[0])
    data = with_offset(data, one[1], lambda _: second, one[0])
    return with_offset(data, other[1], lambda _: first, other[0])


def told_twice() -> bytes:
    """The good file, whose first tile is said to be the second."""
    data = with_offset(good(), 0, lambda _: offset(good(), 1))
    counts = entry(data, Tag.TileByteCounts)
    return put(data, counts.offset, data[counts.offset + 4 : counts.offset + 8])


def edited() -> bytes:
    """The good file, marked as edited."""
    return good().replace(b"EDITION=NO\n ", b"EDITION=YES\n")


def of_main(*fields: Field, without: Sequence[int] = ()) -> bytes:
    """The good file with other fields of the image."""
    main, *others = packed(pyramid())
    return cog(main.having(*fields).without(*without), *others)


def strips(**options: Any) -> bytes:
    """An image in strips, and its overviews."""
    pixels = np.tile(PIXELS, (1, 1, 4))[:, :40]
    return cog(*pyramid(pixels=pixels, tile=None, **options))


def in_sub_ifds() -> bytes:
    """An image whose overviews are SubIFDs."""
    main, *others = packed(pyramid())
    main = main.having(Field(Tag.SubIFDs, "IFD", Places.SUB_IFDS))
    return cog(replace(main, sub_ifds=others))


def with_a_page_between() -> bytes:
    """An image of other samples stands between two overviews."""
    main, first, second = packed(pyramid())
    other = make_image(np.zeros((3, 300, 300), np.uint8), tile=(256, 256), compression=8)
    return cog(main, first, other, second)


def with_classic_sub_ifd() -> bytes:
    """A BigTIFF with a SubIFD that has the structure of a classic TIFF's."""
    data = cog(pyramid()[0].having(Field(Tag.SubIFDs, "IFD8", [0x7FFFFF])), big=True)
    classic = struct.pack("<H", 1) + struct.pack("<HHII", 256, 4, 1, 64) + struct.pack("<I", 0)
    return data.replace(struct.pack("<Q", 0x7FFFFF), struct.pack("<Q", len(data))) + classic


def with_long_index() -> bytes:
    """A BigTIFF that uses none of the field types of BigTIFF."""
    index = Field(Tag.TileOffsets, "LONG", Places.TILES)
    return cog(*(one.having(index) for one in packed(pyramid())), big=True)


def placed_at(x: float) -> tuple[Field, ...]:
    """The place of an overview whose corner lies somewhere."""
    scale = Field(Tag.ModelPixelScale, "DOUBLE", [20.0, 20.0, 0.0])
    return scale, Field(Tag.ModelTiepoint, "DOUBLE", [0.0, 0.0, 0.0, x, 6e6, 0.0]), GEO[2]


def overview_at(x: float) -> bytes:
    """A file whose first overview carries a place of its own."""
    main, first, second = packed(pyramid())
    return cog(main, first.having(*placed_at(x)), second)


def mask_of_strange_tiles() -> bytes:
    """A mask with tiles that are wider than the image's."""
    data = masked()
    return put(data, entry(data, Tag.TileWidth, 1).offset, struct.pack("<H", 272))


def mask_elsewhere() -> bytes:
    """A mask with a tile that does not lie behind that of the image."""
    return with_offset(masked(), 4, lambda at: at + 1, 1)


# --- which rules they break ----------------------------------------------------------------------

LATE = Layout("ifds-last")

OVERVIEWS = "/req/geotiff-overviews/overviews"

_OGC: Mapping[str, Maker] = {
    "/req/geotiff-format/use-geotiff": lambda: Made(good(), LARGE),
    "/req/geotiff-format/tiling": strips,
    "/rec/geotiff-format/use-geotiff": lambda: good(big=True),
    "/rec/geotiff-format/rec-compression": lambda: cog(*pyramid(compression=1, predictor=1)),
    f"{OVERVIEWS} A": lambda: cog(*georeferenced([reduced(1), reduced(2)])),
    f"{OVERVIEWS} B": in_sub_ifds,
    f"{OVERVIEWS} C": lambda: cog(*pyramid((1,))),
    f"{OVERVIEWS} D": with_a_page_between,
    f"{OVERVIEWS} E": lambda: cog(*pyramid((4, 2))),
    f"{OVERVIEWS} F": lambda: cog(*flaws.ifd_loop(pyramid())),
    "/rec/geotiff-overviews/ifd-order": lambda: cog(*pyramid(), layout=LATE),
    "/req/geotiff-keys/basic-metadata-format": lambda: of_main(without=[Tag.GeoKeyDirectory]),
    "/req/geotiff-keys/georeference": lambda: of_main(without=[Tag.ModelPixelScale]),
    "/req/geotiff-keys/point-of-origin": lambda: overview_at(5e5),
    "/req/optimized_geotiff/geotiff": lambda: of_main(without=[Tag.GeoKeyDirectory]),
    "/req/optimized_geotiff/number A": lambda: cog(*pyramid((16,))),
    "/req/optimized_geotiff/number B": lambda: cog(*pyramid(())),
    "/req/optimized_geotiff/small-sizes A": lambda: cog(*pyramid(tile=(256, 128))),
    "/req/optimized_geotiff/small-sizes B": lambda: Made(
        cog(*pyramid(tile=(2048, 2048))), literal=True
    ),
    "/rec/optimized-geotiff/size-and-numbers": lambda: cog(*pyramid(tile=(128, 128))),
}

_T17 = {
    "t17/use-geotiff-a": "/rec/geotiff-format/use-geotiff",
    "t17/use-geotiff-b": "/req/geotiff-format/use-geotiff",
    "t17/tiling": "/req/geotiff-format/tiling",
    "t17/basic-metadata": "/req/geotiff-keys/basic-metadata-format",
    **{f"t17/overviews-{part}": f"{OVERVIEWS} {part.upper()}" for part in "abcde"},
    "t17/georeference": "/req/geotiff-keys/georeference",
}

_BIG: Mapping[str, Maker] = {
    "/req/core/big-offsets size": lambda: Made(with_long_index(), literal=True),
    "/req/core/bifh": good,
    "/req/core/bifd classic": with_classic_sub_ifd,
    "/req/core/bifd sorted": lambda: cog(*flaws.unsorted_tags(pyramid()), big=True),
    "/req/core/bifd types": lambda: cog(*flaws.unknown_field_type(pyramid()), big=True),
    "/req/core/bifd next": lambda: cog(*flaws.no_entries(pyramid()), big=True),
    "/req/core/bifd integers": lambda: cog(
        pyramid()[0].having(Field(Tag.Predictor, "SLONG", 2)), big=True
    ),
    "/rec/core/rec-small-files": with_long_index,
}

_GDAL: Mapping[str, Maker] = {
    "gdal/opened": lambda: of_main(Field(Tag.Compression, "SHORT", 34712)),
    "gdal/external-overviews": lambda: Made(good(), has_ovr=True),
    "gdal/tiled": strips,
    "gdal/overviews": lambda: cog(*pyramid(())),
    "gdal/first-ifd": lambda: cog(*pyramid(), layout=LATE),
    "gdal/edition": edited,
    "gdal/overview-size": lambda: cog(*pyramid((4, 2))),
    "gdal/overview-tiled": strips,
    "gdal/ifd-order": lambda: cog(*pyramid(), layout="reversed"),
    "gdal/data-after-ifds": lambda: cog(*pyramid(), layout=LATE),
    "gdal/data-order": lambda: swapped((0, 0), (1, 0)),
    "gdal/block-order": lambda: swapped((0, 1), (0, 2)),
    "gdal/leader": lambda: put(good(), offset(good(), 3) - 4, b"\1\2\3\4"),
    "gdal/trailer": lambda: put(good(), offset(good(), 3) - 8, b"\1\2\3\4"),
    "gdal/mask-size": mask_of_strange_tiles,
    "gdal/mask-place": mask_elsewhere,
}

_RIO: Mapping[str, Maker] = {
    "rio-cogeo/opened": _GDAL["gdal/opened"],
    "rio-cogeo/external-overviews": _GDAL["gdal/external-overviews"],
    "rio-cogeo/tiled": strips,
    "rio-cogeo/overviews": lambda: cog(*pyramid(())),
    "rio-cogeo/first-ifd": lambda: cog(*pyramid(), layout=LATE),
    "rio-cogeo/edition": edited,
    "rio-cogeo/sorted": lambda: cog(*pyramid((4, 2))),
    "rio-cogeo/decimation": lambda: cog(*pyramid((1,))),
    "rio-cogeo/ifd-order": lambda: cog(*pyramid(), layout="reversed"),
    "rio-cogeo/data-after-ifds": lambda: cog(*pyramid(), layout=LATE),
    "rio-cogeo/data-order": lambda: swapped((0, 0), (1, 0)),
    "rio-cogeo/overview-tiled": strips,
}

_EARTH_ENGINE: Mapping[str, Maker] = {
    "ee/tiled": strips,
    "ee/tile-size": lambda: cog(*pyramid(tile=(48, 48))),
    "ee/ifds-first": lambda: cog(*pyramid(), layout=LATE),
    "ee/tile-256": lambda: cog(*pyramid(tile=(128, 128))),
    "ee/overviews": lambda: cog(*pyramid((3,))),
    "ee/codec": lambda: cog(*pyramid(compression=1, predictor=1)),
    "ee/level": lambda: cog(*pyramid()),
    "ee/predictor": lambda: cog(*pyramid(predictor=1)),
    "ee/external-tile-size": lambda: cog(*pyramid(tile=(128, 128))),
    "ee/external-tile-512": lambda: cog(*pyramid()),
    "ee/external-interleave": lambda: cog(*pyramid(pixels=np.repeat(PIXELS, 2, 0))),
    "ee/upload-codec": lambda: of_main(Field(Tag.Compression, "SHORT", 34712)),
    "ee/upload-codec-lossy": lambda: of_main(Field(Tag.Compression, "SHORT", 7)),
    "ee/upload-codec-slow": lambda: of_main(Field(Tag.Compression, "SHORT", 34925)),
    "ee/upload-masking": masked,
    "ee/upload-size": lambda: Made(good(), 11 * 10**9),
}

_TIFF: Mapping[str, Maker] = {
    "tiff/tag-order": lambda: cog(*flaws.unsorted_tags(pyramid())),
    "tiff/tag-once": lambda: cog(*flaws.duplicate_tag(pyramid())),
    "tiff/field-type": lambda: cog(*flaws.unknown_field_type(pyramid())),
    "tiff/chain": lambda: cog(*flaws.link_beyond_end(pyramid())),
    "tiff/ifd-alignment": lambda: cog(*pyramid(), layout=Layout(odd=True)),
    "tiff/value-alignment": lambda: cog(*pyramid(), layout=Layout(odd=True)),
    "tiff/value-inside": lambda: cog(*flaws.value_beyond_end(pyramid())),
    "tiff/required-tags": lambda: of_main(without=[Tag.PhotometricInterpretation]),
    "tiff/index-length": lambda: cog(*flaws.short_index(pyramid())),
    "tiff/tile-step": lambda: cog(*pyramid(tile=(100, 100))),
    "tiff/mask": lambda: cog(*pyramid(), make_image(PIXELS > 9, tile=(256, 256), subfile_type=4)),
    "tiff/overlap": lambda: of_main(Field(Tag.ImageDescription, "ASCII", "", count=300, place=16)),
    "tiff/block-order": lambda: swapped((0, 1), (0, 2)),
    "tiff/block-stored": lambda: with_offset(good(), 3, lambda _: 0),
    "tiff/block-inside": lambda: with_offset(good(), 3, lambda at: at + (1 << 30)),
    "tiff/block-overlap": lambda: with_offset(good(), 3, lambda at: at - 100),
    "tiff/duplicate-data": told_twice,
    "tiff/unused-bytes": lambda: cog(*pyramid(), layout=Layout(gap=5000)),
}

BREAKING: Mapping[str, Maker] = {
    **_OGC,
    **{name: _OGC[like] for name, like in _T17.items()},
    "t17/point-of-origin": lambda: overview_at(5e5 + 300),
    **_BIG,
    **_GDAL,
    **_RIO,
    **_EARTH_ENGINE,
    **_TIFF,
}
"""For each rule a file that breaks it."""

KEEPING: Mapping[str, Maker] = {
    **dict.fromkeys(BREAKING, good),
    **dict.fromkeys(_BIG, lambda: good(big=True)),
    "t17/point-of-origin": lambda: overview_at(5e5),
    "gdal/mask-size": masked,
    "gdal/mask-place": masked,
    "ee/external-tile-512": large_tiles,
}
"""For each rule a file that keeps it."""
