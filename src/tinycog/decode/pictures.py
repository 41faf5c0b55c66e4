"""Codecs whose streams are whole pictures: they return samples."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError

Pixels = NDArray[np.generic]
RGB, RGBA = 3, 4
WEBP_HEAD = 30
ANIMATED = 2
TAIL = bytes(16)
"""Bytes that no WebP stream ends with."""

HOLE_BYTES, HOLE_PIXELS = 1024, 256
"""Bytes of 0 that may stand together, and the pixels that may make one more."""


def decode_webp(segment: Segment, data: Any) -> Pixels:  # noqa: ANN401 - any buffer
    """Decode WebP; an alpha that is opaque throughout is not stored: add it (tiff.webp.alpha)."""
    data = bytes(data)
    rows, cols = _check_webp(segment, data[:WEBP_HEAD])
    _check_holes(data, rows * cols)
    fits = segment.samples in (RGB, RGBA) and segment.image.dtype == np.uint8
    out = segment.picture_output(rows, cols) if fits else None
    return imagecodecs.webp_decode(data, hasalpha=segment.samples == RGBA or None, out=out)


def _check_webp(segment: Segment, head: bytes) -> tuple[int, int]:
    """Compare the size in the header with the tile's before decoding; return (rows, cols)."""
    kind, cols, rows = head[12:16], 0, 0
    if kind == b"VP8X" and not head[20] & ANIMATED:
        cols, rows = _number(head[24:27], 24) + 1, _number(head[27:30], 24) + 1
    elif kind == b"VP8 ":
        cols, rows = _number(head[26:28], 14), _number(head[28:30], 14)
    elif kind == b"VP8L":
        cols = _number(head[21:25], 14) + 1
        rows = _number(head[21:25], 28) // (1 << 14) + 1
    if not segment.fits(rows, cols):
        message = f"the tile is not a WebP picture of {segment.rows} x {segment.cols} pixels"
        raise CorruptTileError(message)
    return rows, cols


def _check_holes(data: bytes, pixels: int) -> None:
    """Refuse a stream that was overwritten with 0: libwebp makes pixels of it (tiff.webp.holes)."""
    stop = 8 + _number(data[4:8], 32)
    is_cut_off = data[max(stop - len(TAIL), 0) : stop] == TAIL
    if is_cut_off or data.find(bytes(HOLE_BYTES + pixels // HOLE_PIXELS)) >= 0:
        message = "the WebP stream holds more bytes of 0 than can be pixels: it was overwritten"
        raise CorruptTileError(message)


def _number(data: bytes, bits: int) -> int:
    return int.from_bytes(data, "little") & ((1 << bits) - 1)


def decode_jpegxr(segment: Segment, data: Any) -> Any:  # noqa: ANN401 - any buffer
    """Decode JPEG XR (tiff.compression.jpegxr).

    Into an array of the tile's size, so a picture of another size is refused first.
    """
    return imagecodecs.jpegxr_decode(data, out=segment.picture_output(segment.rows, segment.cols))
