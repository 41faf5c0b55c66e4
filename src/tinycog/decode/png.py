"""PNG: checked before libpng sees it, which complains of oddities on stderr."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError, UnsupportedError

MAGIC = b"\x89PNG\r\n\x1a\n"
CHUNK = struct.Struct(">I4s")
CHECKSUM = struct.Struct(">I")
IHDR = struct.Struct(">IIBBBBB")
SAMPLES = {0: 1, 2: 3, 4: 2, 6: 4}
"""Samples of a pixel, by colour type; palettes are not supported."""

PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""Passes of interlaced pictures: first column, first row, steps between columns and rows."""


def decode_png(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401 - any buffer
    """Decode a PNG (tiff.compression.png): only IHDR and the pixels are used.

    The pixels are decompressed here, to exactly the expected length, and libpng gets a stream that
    holds nothing to warn of: it writes warnings to stderr.
    """
    data = bytes(data)
    header = b""
    packed: list[bytes] = []
    for name, body in _chunks(data):
        if name == b"IHDR":
            header = header or body
        elif name == b"IDAT":
            packed.append(body)
        elif name in (b"PLTE", b"tRNS"):
            message = f"PNG with {name.decode()} is not supported"
            raise UnsupportedError(message, feature="compression", value=segment.image.compression)
    rows, cols, length = _check(segment, header)
    clean = b"".join(
        [MAGIC, _chunk(b"IHDR", header), _chunk(b"IDAT", _repacked(packed, length)), _END]
    )
    return imagecodecs.png_decode(clean, out=segment.picture_output(rows, cols))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and body of each chunk up to IEND."""
    at = len(MAGIC)
    while data.startswith(MAGIC) and at + CHUNK.size <= len(data):
        length, name = CHUNK.unpack_from(data, at)
        body = data[at + 8 : at + 8 + length]
        if name in (b"IHDR", b"IDAT"):
            stored = data[at + 8 + length : at + 12 + length]
            if stored != CHECKSUM.pack(zlib.crc32(body, zlib.crc32(name))):
                message = f"the checksum of the PNG's {name.decode()} does not fit"
                raise CorruptTileError(message)
        if not name.isalpha():
            break
        if name == b"IEND":
            return
        yield name, body
        at += 12 + length
    message = "the tile is no whole PNG stream"
    raise CorruptTileError(message)


def _check(segment: Segment, header: bytes) -> tuple[int, int, int]:
    """Compare the header with the tags; return rows, columns, bytes of pixels and filters."""
    if len(header) == IHDR.size:
        cols, rows, bits, colour, *methods, interlace = IHDR.unpack(header)
        samples = SAMPLES.get(colour, 0)
        is_right = segment.fits(rows, cols) and samples == segment.samples and methods == [0, 0]
        if is_right and bits in (8, 16) and bits == segment.image.bits and interlace in (0, 1):
            passes = PASSES if interlace else ((0, 0, 1, 1),)
            length = sum(_pass(cols, rows, samples * bits // 8, *one) for one in passes)
            return rows, cols, length
    message = f"the tile is not a PNG of {segment.shape} samples of {segment.image.bits} bits"
    raise CorruptTileError(message)


def _pass(cols: int, rows: int, pixel: int, x: int, y: int, across: int, down: int) -> int:
    """Return the bytes of one pass: each row has a filter byte."""
    width, height = -(-(cols - x) // across), -(-(rows - y) // down)
    return height * (1 + width * pixel) if width > 0 and height > 0 else 0


def _repacked(packed: list[bytes], length: int) -> bytes:
    """Return the pixels as a zlib stream of exactly that length."""
    stream = b"".join(packed)
    decoder = zlib.decompressobj()
    raw = decoder.decompress(stream, length + 1)
    if len(raw) != length or not decoder.eof:
        message = f"the PNG holds {len(raw)} bytes of pixels, expected {length}"
        raise CorruptTileError(message)
    return stream[: len(stream) - len(decoder.unused_data)]


def _chunk(name: bytes, body: bytes) -> bytes:
    checksum = CHECKSUM.pack(zlib.crc32(body, zlib.crc32(name)))
    return b"".join([CHUNK.pack(len(body), name), body, checksum])


_END = _chunk(b"IEND", b"")
