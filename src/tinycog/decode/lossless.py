"""Codecs that return the stored bytes, at most as many as the tile must hold.

Each writes to a buffer of the known size: that bounds a hostile stream, saves a copy, and is what
makes libdeflate fast. What a fast codec refuses goes to a slower one, which tolerates what GDAL
tolerates (bytes after the stream, or more than the tile holds) and refuses what it refuses
(tiff.decode.length).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import imagecodecs

from tinycog.decode.probes import has_sound_lzw
from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError

TOO_LONG = "INSUFFICIENT_SPACE"
"""Message of libdeflate for a stream that holds more than the tile."""

TOO_SHORT = ("Not enough data", "not terminated with EOI")
"""Message of libtiff for LZW that ends early; broken LZW has another."""

LONGEST_TAIL = 4
"""How many times as long as the tile a tail is decompressed only to compare its checksum."""

LZMA_BYTES = 100 << 20
"""Memory limit of the LZMA decoder in bytes: a little above the largest preset (9)."""


def decode_none(segment: Segment, data: Any) -> Any:  # noqa: ANN401 - any buffer
    """Return the stored bytes (tiff.compression.none)."""
    del segment
    return data


def decode_deflate(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """Decompress a zlib stream (tiff.compression.deflate); one that is too long is cut by zlib.

    Libtiff returns what libdeflate had written when it noticed, which may lack the last bytes: then
    no reader returns the tile as it was meant, and it is refused.
    """
    try:
        return imagecodecs.deflate_decode(data, out=segment.byte_output())
    except imagecodecs.DeflateError as exc:
        if TOO_LONG not in str(exc):
            raise
    decoder = zlib.decompressobj()
    head = decoder.decompress(data, segment.length + 1)
    _check_tail(decoder, segment.length)
    if head[: segment.length] != bytes(_partly_deflated(data, segment.length)):
        message = "the tile holds more bytes than its pixels, and readers differ on which count"
        raise CorruptTileError(message)
    return head


def _check_tail(decoder: Any, length: int) -> None:  # noqa: ANN401 - zlib's type has no public name
    """Decompress what is left of a stream that is too long, to compare its checksum.

    Raises:
        zlib.error: it does not fit.
        CorruptTileError: the stream breaks off.
    """
    left = LONGEST_TAIL * length + (1 << 20)
    while not decoder.eof and left > 0:
        tail = decoder.decompress(decoder.unconsumed_tail, 1 << 20)
        left -= len(tail)
        if not tail and not decoder.eof:
            message = "the tile holds more bytes than its pixels, and then breaks off"
            raise CorruptTileError(message)


def _partly_deflated(data: Any, length: int) -> bytearray:  # noqa: ANN401
    """Return what libdeflate writes for a stream that is too long."""
    out = bytearray(b"\xa5") * length
    with suppress(imagecodecs.DeflateError):
        imagecodecs.deflate_decode(data, out=out)
    return out


def decode_lzw(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """Decompress LZW of both bit orders (tiff.compression.lzw).

    By imagecodecs' own decoder where that is sound, in down to a third of libtiff's time. It judges
    nothing: what it does not decode to just the length of the tile goes to libtiff.
    """
    if has_sound_lzw():
        with suppress(imagecodecs.LzwError):
            raw = imagecodecs.lzw_decode(data, out=segment.byte_output())
            if len(raw) == segment.length:
                return raw
    return lzw_by_libtiff(segment, data)


def lzw_by_libtiff(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """Decompress LZW of both bit orders by libtiff, which has the last word.

    It returns all requested bytes or none: of a tile that ends early, only those inside the image
    are requested (tiff.tile.partial).
    """
    cropped = segment.cropped
    lengths = [
        segment.length,
        segment.inside_length,
        *([] if cropped is None else [cropped.length]),
    ]
    for i, length in enumerate(lengths):
        try:
            return _by_libtiff(segment, data, length)
        except imagecodecs.TiffError as exc:
            is_short = any(complaint in str(exc) for complaint in TOO_SHORT)
            if not is_short or lengths[i:] == [length] * (len(lengths) - i):
                raise
    raise AssertionError


def decode_lzma(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """Decompress LZMA in an xz container (tiff.compression.lzma).

    By Python's decoder, the only one with a limit for the memory of the stream's dictionary.
    """
    import lzma  # noqa: PLC0415 - LZMA only

    try:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LZMA_BYTES)
        return decoder.decompress(data, segment.length + 1)
    except lzma.LZMAError as exc:
        message = f"LZMA data of {len(data)} bytes cannot be decoded: {exc}"
        raise CorruptTileError(message) from exc


def decode_zstd(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """Decompress ZSTD (tiff.compression.zstd)."""
    complaints = ("too small", "Src size is incorrect")
    return _lenient(imagecodecs.zstd_decode, complaints, segment, data)


def decode_packbits(segment: Segment, data: Any) -> Any:  # noqa: ANN401
    """Unpack PackBits (tiff.compression.packbits)."""
    complaints = ("TOO_SMALL", "INPUT_CORRUPT")
    return _lenient(imagecodecs.packbits_decode, complaints, segment, data)


def _lenient(
    decode: Callable[..., Any],
    complaints: Sequence[str],
    segment: Segment,
    data: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Decode by a decoder of imagecodecs, and by libtiff where that has certain complaints.

    They concern the end of the stream only: a wrong checksum is never ignored.
    """
    try:
        return decode(data, out=segment.byte_output())
    except RuntimeError as exc:
        if not any(complaint in str(exc) for complaint in complaints):
            raise
        pixels = _by_libtiff(segment, data, segment.length)
        text = f"the codec complained ({exc}), but libtiff found all bytes of the tile"
        segment.tolerate("tiff.decode.length", text)
        return pixels


def _by_libtiff(segment: Segment, data: Any, length: int) -> Any:  # noqa: ANN401
    from tinycog.decode import libtiff  # noqa: PLC0415 - what few tiles need

    return libtiff.decompress(segment, data, length)
