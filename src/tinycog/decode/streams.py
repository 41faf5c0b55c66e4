"""Decompressors that give a tile in pieces, for one that is too large to be held (tiff.tile.rows).

Each goes through all of the encoded bytes, so that checksums are compared and what is missing is
noticed, however few rows are wanted. LZW has none: no library gives it in pieces.
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from importlib import import_module
from typing import Any

import imagecodecs

from tinycog.decode.lossless import LZMA_BYTES
from tinycog.errors import CorruptTileError

PIECE_BYTES = 1 << 20
"""Bytes of a piece at most, but for what one run of PackBits adds."""

STEP_BYTES = 1 << 16
"""Encoded bytes that a decompressor gets at once."""

try:
    zstd: Any = import_module("compression.zstd")
except ImportError:
    zstd = None

Pieces = Callable[[memoryview], Iterator[bytes | bytearray | memoryview]]
"""Encoded bytes to decompressed ones, in order."""

LITERAL, NOTHING, REPEATED = 127, 128, 257
"""PackBits: headers up to the first copy, the second does nothing, the third less one repeats."""


def cut(data: memoryview) -> Iterator[memoryview]:
    """Cut bytes that are not compressed into pieces (tiff.compression.none)."""
    return (data[i : i + PIECE_BYTES] for i in range(0, len(data), PIECE_BYTES))


def inflate(data: memoryview) -> Iterator[bytes]:
    """Decompress a zlib stream in pieces (tiff.compression.deflate).

    Raises:
        zlib.error: it is broken.
        CorruptTileError: it breaks off.
    """
    decoder = zlib.decompressobj()
    for start in range(0, len(data), STEP_BYTES):
        left: Any = data[start : start + STEP_BYTES]
        while left and not decoder.eof:
            yield decoder.decompress(left, PIECE_BYTES)
            left = decoder.unconsumed_tail
    yield decoder.flush()
    _check_end(decoder)


def unpack_xz(data: memoryview) -> Iterator[bytes]:
    """Decompress an xz container in pieces (tiff.compression.lzma).

    Raises:
        CorruptTileError: it is broken, or breaks off.
    """
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LZMA_BYTES)
    yield from _pull(decoder, data, lzma.LZMAError)


def _unpack_frames(data: memoryview) -> Iterator[bytes]:
    """Decompress ZSTD frames likewise (tiff.compression.zstd)."""
    while data:
        behind = yield from _pull(zstd.ZstdDecompressor(), data, zstd.ZstdError)
        data = data[behind:]


unpack_frames: Pieces | None = None if zstd is None else _unpack_frames
"""None before Python 3.14, which no library has that is at hand."""


def _pull(
    decoder: Any,  # noqa: ANN401 - of LZMA or ZSTD
    data: memoryview,
    error: type[Exception],
) -> Generator[bytes, None, int]:
    """Yield what a decompressor makes of bytes until its stream ends; return how many it took.

    Raises:
        CorruptTileError: the stream is broken, or breaks off.
    """
    at = 0
    try:
        while at < len(data) and not decoder.eof:
            yield decoder.decompress(data[at : at + STEP_BYTES], PIECE_BYTES)
            at = min(at + STEP_BYTES, len(data))
            while not (decoder.eof or decoder.needs_input):
                yield decoder.decompress(b"", PIECE_BYTES)
    except error as exc:
        message = f"the stream of the tile cannot be decoded: {exc}"
        raise CorruptTileError(message) from exc
    _check_end(decoder)
    return at - len(decoder.unused_data)


def _check_end(decoder: Any) -> None:  # noqa: ANN401 - of any of these libraries
    if not decoder.eof:
        message = "the stream of the tile breaks off"
        raise CorruptTileError(message)


def unpack_runs(data: memoryview) -> Iterator[bytes | bytearray]:
    """Unpack PackBits in pieces (tiff.compression.packbits).

    Only headers are looked at here, to cut between runs. A last one that is not whole is dropped.
    """
    start = at = made = 0
    stop = len(data)
    while at < stop:
        header = data[at]
        if header <= LITERAL:
            behind, length = at + header + 2, header + 1
        elif header == NOTHING:
            behind, length = at + 1, 0
        else:
            behind, length = at + 2, REPEATED - header
        if behind > stop:
            break
        at, made = behind, made + length
        if made >= PIECE_BYTES:
            yield bytes(imagecodecs.packbits_decode(bytes(data[start:at])))
            start, made = at, 0
    if made:
        yield bytes(imagecodecs.packbits_decode(bytes(data[start:at])))
