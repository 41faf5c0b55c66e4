"""Codecs that give back the stored bytes, at most as many as the tile must hold.

Each is given a buffer of the known size: that bounds what a hostile stream can make, saves a copy,
and is what makes libdeflate the fast one. A stream that holds more than the tile is cut, as libtiff
cuts it; one that holds less is refused by the caller (tiff.decode.length).
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import Any

import imagecodecs
import numpy as np

from tinycog.decode import libtiff
from tinycog.decode.segment import Segment

TOO_LONG = "INSUFFICIENT_SPACE"
"""What libdeflate says of a stream that holds more than the tile."""

SPARE = 1 << 16
"""Bytes of room for what a stream may hold beyond the tile."""


def decode_none(segment: Segment, data: Any) -> Any:  # noqa: ANN401 - any buffer
    """Stored bytes are the samples' (tiff.compression.none)."""
    del segment
    return data


def decode_deflate(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """Zlib streams (tiff.compression.deflate): libdeflate; zlib where one is too long."""
    try:
        return imagecodecs.deflate_decode(data, out=_room(segment))
    except imagecodecs.DeflateError as exc:
        if TOO_LONG not in str(exc):
            raise
        return zlib.decompressobj().decompress(data, segment.length + 1)


def decode_lzw(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """LZW in both bit orders (tiff.compression.lzw); what libtiff refuses is tried by parts."""
    if imagecodecs.TIFF.available:
        with suppress(imagecodecs.TiffError):
            return libtiff.decompress(segment, data)
    return imagecodecs.lzw_decode(data, out=_room(segment))


def decode_zstd(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """ZSTD frames (tiff.compression.zstd); one that is too long is given more room."""
    try:
        return imagecodecs.zstd_decode(data, out=_room(segment))
    except imagecodecs.ZstdError:
        return imagecodecs.zstd_decode(data, out=2 * segment.length + SPARE)


def decode_lzma(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """LZMA in an xz container (tiff.compression.lzma)."""
    return imagecodecs.lzma_decode(data, out=_room(segment))


def decode_packbits(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """PackBits (tiff.compression.packbits); runs past the end of the tile are left away."""
    try:
        return imagecodecs.packbits_decode(data, out=_room(segment))
    except imagecodecs.PackbitsError:
        return _packbits(bytes(data), segment.length)


def _packbits(data: bytes, length: int) -> bytes:
    """Decode no more than `length` bytes, whatever comes behind them."""
    out = bytearray()
    at = 0
    while len(out) < length and at + 1 < len(data):
        code = data[at]
        if code < 128:  # noqa: PLR2004 - as many bytes, and one, as they are
            out += data[at + 1 : at + 2 + code]
            at += 2 + code
        elif code == 128:  # noqa: PLR2004 - nothing
            at += 1
        else:
            out += data[at + 1 : at + 2] * (257 - code)
            at += 2
    return bytes(out)


def _room(segment: Segment) -> Any:  # noqa: ANN401 - imagecodecs' types name no arrays
    return np.empty(segment.length, np.uint8)
