"""Tricks with the stored bytes of tiles: streams that are odd but right, and a few broken ones."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace

import imagecodecs
import numpy as np

from conformance.case import Case
from conformance.hand import CODECS, cut, directory_of, encode_block
from conformance.lzw import encode_endless
from conformance.pixels import Pixels, fill_of
from conformance.tricks import Change, Made, Trick, changed
from tinycog.testing import Directory, Field, Places
from tinycog.tiff.spec import Tag

COUNTS = (Tag.TileByteCounts, Tag.StripByteCounts)
OFFSETS = (Tag.TileOffsets, Tag.StripOffsets)
JUNK = b"\x55\xaa\x00\xff" * 4


def with_tiles(directory: Directory, tiles: list[bytes]) -> Directory:
    """The directory with other stored bytes."""
    (counts,) = (f for f in directory.fields if f.tag in COUNTS)
    lengths = [len(tile) for tile in tiles]
    return replace(directory, tiles=tiles).having(replace(counts, values=lengths))


def _each(function: Callable[[bytes], bytes]) -> Change:
    """Change the stored bytes of each tile."""
    return lambda d, _: with_tiles(d, [function(tile) if tile else tile for tile in d.tiles])


def _encoded(function: Callable[[bytes], bytes]) -> Trick:
    """Encode each tile by a function of its own."""

    def trick(case: Case, data: Pixels) -> Made:
        tiles = [function(encode_block(case, block)) for block in cut(case, data)]
        return Made([directory_of(case, data, CODECS[case.codec][0], tiles)], [data])

    return trick


def _too_many(case: Case, data: Pixels) -> Made:
    """Each tile decompresses to more bytes than it must hold."""
    code, compress = CODECS[case.codec]
    tiles = [bytes(compress(encode_block(case, block) + JUNK)) for block in cut(case, data)]
    return Made([directory_of(case, data, code, tiles)], [data])


def _short_tiles(case: Case, data: Pixels) -> Made:
    """Tiles at the bottom end with the image's last row."""
    code, compress = CODECS[case.codec]
    height = case.block[1]
    inside = data.shape[1] % height or height
    across = -(-data.shape[2] // case.block[0])
    down = -(-data.shape[1] // height)
    tiles = []
    for i, block in enumerate(cut(case, data)):
        is_last = i // across % down == down - 1
        tiles.append(bytes(compress(encode_block(case, block[:inside] if is_last else block))))
    return Made([directory_of(case, data, code, tiles)], [data])


def _full_strip(case: Case, data: Pixels) -> Made:
    """The last strip holds all rows of a strip."""
    code, compress = CODECS[case.codec]
    tiles = []
    for block in cut(case, data):
        missing = [(0, case.strip_rows - len(block)), (0, 0), (0, 0)]
        tiles.append(bytes(compress(encode_block(case, np.pad(block, missing)))))
    return Made([directory_of(case, data, code, tiles)], [data])


def _sparse(offset: bool, count: bool) -> Trick:  # noqa: FBT001 - what the first tile's index holds
    def trick(case: Case, data: Pixels) -> Made:
        code, compress = CODECS[case.codec]
        tiles = [bytes(compress(encode_block(case, block))) for block in cut(case, data)]
        made = directory_of(case, data, code, tiles)
        places, counts = (next(f for f in made.fields if f.tag in t) for t in (OFFSETS, COUNTS))
        if not count:
            made = made.having(replace(counts, values=[0, *(len(tile) for tile in tiles[1:])]))
        if not offset:
            made = with_tiles(made, [b"", *tiles[1:]])
            made = made.having(replace(places, values=Places.TILES))
            made = made.having(counts) if count else made
        width, height = case.block if case.tiled else (data.shape[2], case.strip_rows)
        truth = data.copy()
        if len(tiles) > 1 or not offset:  # an only strip without byte count reaches to the end
            truth[0 if case.planar else slice(None), :height, :width] = fill_of(case)
        if case.has("nodata"):
            made = made.having(Field(Tag.GDALNoData, "ASCII", str(fill_of(case))))
        return Made([made], [truth])

    return trick


def _frames(data: bytes) -> bytes:
    half = len(data) // 2
    parts = (data[:half], data[half:])
    return b"".join(bytes(imagecodecs.zstd_encode(part)) for part in parts)


def _sizeless_frame(data: bytes) -> bytes:
    """A ZSTD frame of raw blocks that does not say how long it is."""
    room = 1 << 12
    parts = [data[i : i + room] for i in range(0, len(data), room)]
    out = b"\x28\xb5\x2f\xfd\x00\x58"
    for i, part in enumerate(parts):
        out += struct.pack("<I", (i == len(parts) - 1) | len(part) << 3)[:3] + part
    return out


def _packbits_no_op(data: bytes) -> bytes:
    """Literal runs with the code that does nothing before each."""
    runs = (data[i : i + 100] for i in range(0, len(data), 100))
    return b"".join(b"\x80" + bytes([len(run) - 1]) + run for run in runs)


def _stored(data: bytes) -> bytes:
    return zlib.compress(data, 0)


def _small_window(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, 9)
    return stream.compress(data) + stream.flush()


def _raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


def _flushed(data: bytes) -> bytes:
    stream = zlib.compressobj()
    half = len(data) // 2
    head = stream.compress(data[:half]) + stream.flush(zlib.Z_FULL_FLUSH)
    return head + stream.compress(data[half:]) + stream.flush()


def _reversed_bits(directory: Directory, _: Case) -> Directory:
    tiles = [bytes(imagecodecs.bitorder_encode(tile)) if tile else tile for tile in directory.tiles]
    return replace(directory, tiles=tiles).having(Field(Tag.FillOrder, "SHORT", 2))


TRICKS: Mapping[str, Trick] = {
    "FillOrder 2": changed(_reversed_bits),
    "junk behind each tile": changed(_each(lambda tile: tile + JUNK)),
    "tiles hold too many bytes": _too_many,
    "bottom tiles end with the image": _short_tiles,
    "last strip is full": _full_strip,
    "sparse: neither offset nor byte count": _sparse(offset=False, count=False),
    "sparse: no byte count": _sparse(offset=True, count=False),
    "sparse: no offset": _sparse(offset=False, count=True),
    "LZW without end code": _encoded(encode_endless),
    "Deflate without checksum": changed(_each(lambda tile: tile[:-4])),
    "Deflate, stored": _encoded(_stored),
    "Deflate, small window": _encoded(_small_window),
    "Deflate, flushed": _encoded(_flushed),
    "Deflate without zlib's header": _encoded(_raw_deflate),
    "ZSTD, two frames": _encoded(_frames),
    "ZSTD, no content size": _encoded(_sizeless_frame),
    "PackBits with no-ops": _encoded(_packbits_no_op),
    "tiles cut short": changed(_each(lambda tile: tile[: len(tile) * 2 // 3])),
}
