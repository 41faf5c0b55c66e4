"""JPEG XL: the size of the picture is read before anything is decoded."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.boxes import boxes
from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError

CODESTREAM = b"\xff\x0a"
BOXES = b"\0\0\0\x0cJXL \r\n\x87\n"
PARTS = {b"jxlc": 0, b"jxlp": 4}
"""Boxes that hold the codestream, and the bytes before it in each."""

HEAD_BYTES = 32
WIDTHS = (9, 13, 18, 30)
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


class _Bits:
    """A reader of bits, lowest bit of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        found = self._value & ((1 << count) - 1)
        self._value >>= count
        return found


def decode_jpegxl(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401
    """Decode one codestream, bare or in boxes (tiff.compression.jpegxl)."""
    data = bytes(data)
    rows, cols = parse_size(_head(data))
    if rows * cols > segment.rows * segment.cols * segment.samples:
        message = f"the JPEG XL stream holds {rows} x {cols} pixels, expected {segment.shape}"
        raise CorruptTileError(message)
    return imagecodecs.jpegxl_decode(data, out=segment.picture_output(rows, cols))


def _head(data: bytes) -> bytes:
    """Return the first bytes of the codestream, taken out of its boxes if it has any."""
    if data.startswith(BOXES):
        for name, start in boxes(data):
            if name in PARTS:
                return data[start + PARTS[name] :][:HEAD_BYTES]
    return data[:HEAD_BYTES]


def parse_size(head: bytes) -> tuple[int, int]:
    """Return (rows, cols) of SizeHeader (ISO 18181-1, annex D): those of one frame.

    Raises:
        CorruptTileError: it is not a JPEG XL stream.
    """
    if not head.startswith(CODESTREAM):
        message = "the tile is not a JPEG XL stream"
        raise CorruptTileError(message)
    return _size(_Bits(head[2:]))


def _size(bits: _Bits) -> tuple[int, int]:
    """Return (rows, cols)."""
    small = bits.take(1)
    rows = _side(bits, small)
    ratio = bits.take(3)
    if ratio:
        across, down = RATIOS[ratio - 1]
        return rows, rows * across // down
    return rows, _side(bits, small)


def _side(bits: _Bits, small: int) -> int:
    return (bits.take(5) + 1) * 8 if small else bits.take(WIDTHS[bits.take(2)]) + 1
