"""Codecs that give back the stored bytes, at most as many as the tile must hold.

Each is given a buffer of the known size: that bounds what a hostile stream can make, saves a copy,
and is what makes libdeflate the fast one. What a fast codec refuses, a slower one is asked: what
GDAL tolerates, bytes behind the stream or more than the tile holds, is tolerated then, and what it
refuses is refused (tiff.decode.length).
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import imagecodecs

from tinycog.decode import libtiff
from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError

TOO_LONG = "INSUFFICIENT_SPACE"
"""What libdeflate says of a stream that holds more than the tile."""

TOO_SHORT = ("Not enough data", "not terminated with EOI")
"""What libtiff says of LZW that ends early; of LZW that is broken it says else."""

LZMA_BYTES = 100 << 20
"""Memory that a decoder of LZMA may take: that of the largest preset (9), and some."""

Decoder = Callable[[Segment, Any], Any]


def decode_none(segment: Segment, data: Any) -> Any:  # noqa: ANN401 - any buffer
    """Stored bytes are the samples' (tiff.compression.none)."""
    del segment
    return data


def decode_deflate(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """Zlib streams (tiff.compression.deflate); of one that is too long, zlib gives the head.

    Libtiff gives what libdeflate had written when it found out, which may lack the last bytes: then
    nobody reads the tile as it was meant.
    """
    try:
        return imagecodecs.deflate_decode(data, out=segment.room())
    except imagecodecs.DeflateError as exc:
        if TOO_LONG not in str(exc):
            raise
        head = zlib.decompressobj().decompress(data, segment.length + 1)
        if head[: segment.length] != bytes(_partly_deflated(data, segment.length)):
            message = "the tile holds more bytes than its pixels, and readers differ on which count"
            raise CorruptTileError(message) from exc
        return head


def _partly_deflated(data: Any, length: int) -> bytearray:  # noqa: ANN401
    """What libdeflate writes of a stream that is too long."""
    room = bytearray(b"\xa5") * length
    with suppress(imagecodecs.DeflateError):
        imagecodecs.deflate_decode(data, out=room)
    return room


def decode_lzw(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """LZW in both bit orders (tiff.compression.lzw), by libtiff: imagecodecs' own can be crashed.

    Libtiff gives all bytes that are asked for, or none: a tile at the bottom of the image is asked
    for its rows inside, if it holds no more (tiff.tile.partial).
    """
    try:
        return libtiff.decompress(segment, data, segment.length)
    except imagecodecs.TiffError as exc:
        is_short = any(complaint in str(exc) for complaint in TOO_SHORT)
        if not is_short or segment.inside_length == segment.length:
            raise
        return libtiff.decompress(segment, data, segment.inside_length)


def decode_lzma(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """LZMA in an xz container (tiff.compression.lzma).

    Python's decoder, since it alone asks how much memory the stream's dictionary takes.
    """
    try:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LZMA_BYTES)
        return decoder.decompress(data, segment.length + 1)
    except lzma.LZMAError as exc:
        message = f"LZMA data of {len(data)} bytes cannot be decoded: {exc}"
        raise CorruptTileError(message) from exc


def lenient(decode: Callable[..., Any], *complaints: str) -> Decoder:
    """Make a codec of an imagecodecs decoder, with libtiff to ask where it complains so.

    Only of the end of the stream: a checksum that does not fit is never passed over.
    """

    def decode_or_ask(segment: Segment, data: Any) -> Any:  # noqa: ANN401
        try:
            return decode(data, out=segment.room())
        except RuntimeError as exc:
            if not any(complaint in str(exc) for complaint in complaints):
                raise
            pixels = libtiff.decompress(segment, data, segment.length)
            text = f"the codec complained ({exc}), but libtiff found all bytes of the tile"
            segment.tolerate("tiff.decode.length", text)
            return pixels

    return decode_or_ask
