"""Decode the first rows of a tile from its first bytes (tiff.tile.prefix)."""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.codecs import CODECS
from tinycog.decode.probes import has_sound_lzw
from tinycog.decode.samples import unpack_samples
from tinycog.decode.segment import Segment
from tinycog.decode.tile import TileSlices, in_order
from tinycog.errors import TinycogError
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression


def has_prefixes(image: Image) -> bool:
    """Return whether first rows of the image's tiles can be decoded from their first bytes.

    Not by codecs that give samples, nor where no library stops at a byte: ZSTD before Python 3.14,
    LZW by an imagecodecs older than 2026.10.
    """
    codec = CODECS.get(image.compression)
    if codec is None or not image.rows_follow or codec.gives != "bytes":
        return False
    return has_sound_lzw() if codec.name == "LZW" else codec.pieces is not None


def decode_prefix(
    image: Image,
    x: int,
    y: int,
    data: memoryview,
    part: TileSlices,
    out: NDArray[Any],
) -> bool:
    """Decode rows of a stored tile of tile column `x` and row `y` into `out`, from its first bytes.

    Args:
        image: one that `has_prefixes`.
        x: its tile column.
        y: its tile row.
        data: its first encoded bytes.
        part: its (samples, rows, cols) that are wanted.
        out: the array for them, (samples, rows, cols).

    Returns:
        Whether the bytes sufficed. If not, for whatever reason, all of the tile tells why.
    """
    samples, rows, cols = part
    codec = CODECS[image.compression]
    segment = Segment(image, x, y)
    strip = replace(segment, size=(rows.stop, segment.cols))
    try:
        raw = _first_bytes(image, memoryview(in_order(image, codec, data)), strip.length)
        if len(raw) < strip.length:
            return False
        pixels = unpack_samples(strip, np.frombuffer(raw, np.uint8), predicted=codec.predicted)
    except (TinycogError, RuntimeError, ValueError, zlib.error):
        return False
    if strip.findings:  # oddities are told of the whole tile
        return False
    out[...] = strip.checked(pixels).transpose(2, 0, 1)[samples, rows, cols]
    return True


def _first_bytes(image: Image, data: memoryview, length: int) -> bytes | bytearray:
    """Return decompressed bytes, `length` of them if there are as many."""
    codec = CODECS[image.compression]
    if image.compression == Compression.LZW:
        return bytes(imagecodecs.lzw_decode(data, out=length))
    found = bytearray()
    if codec.pieces is None:
        return found
    with suppress(TinycogError):  # the stream breaks off, as it must
        for piece in codec.pieces(data):
            found += memoryview(piece)[: length - len(found)]
            if len(found) == length:
                break
    return found
