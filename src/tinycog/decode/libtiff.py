"""Codecs of the libtiff inside imagecodecs: a tile is handed to it as the one strip of a TIFF.

Some are nowhere else (NeXT, ThunderScan, SGILog). CCITT goes this way since imagecodecs' own gives
garbage for fill bits; LZW, since this one is twice as fast, and imagecodecs' own can be crashed.
"""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError, UnsupportedError
from tinycog.tiff.spec import FIELD_TYPES, Compression, Photometric, Tag

SHORT, LONG = FIELD_TYPES[3].code, FIELD_TYPES[4].code
HEADER_LENGTH = 8


def decode_strip(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401 - any buffer
    """Samples of a tile, one a pixel, by the codec of its own code (tiff.compression.libtiff).

    CCITT too: its options are tags, white runs are 0 (tiff.compression.ccitt).
    """
    image = segment.image
    if segment.samples != 1:
        message = f"compression {image.compression} with {segment.samples} samples is not supported"
        raise UnsupportedError(message, feature="SamplesPerPixel", value=segment.samples)
    is_log = image.compression == Compression.SGI_LOG
    if is_log and image.photometric != Photometric.LOG_L:
        message = f"SGILog with photometric {image.photometric} is not supported"
        raise UnsupportedError(message, feature="photometric", value=image.photometric)
    tags = {
        Tag.BitsPerSample: image.bits,
        Tag.Compression: image.compression,
        Tag.PhotometricInterpretation: Photometric.LOG_L if is_log else Photometric.MIN_IS_BLACK,
        Tag.SampleFormat: image.sample_formats[0],
        Tag.T4Options: image.option(Tag.T4Options, 0),
        Tag.T6Options: image.option(Tag.T6Options, 0),
    }
    pixels = np.asarray(_decode(_one_strip_file(bytes(data), (segment.cols, segment.rows), tags)))
    return pixels.view(np.uint8) if pixels.dtype == np.bool_ else pixels


def decompress(segment: Segment, data: Any, length: int) -> Any:  # noqa: ANN401
    """So many bytes of a tile, by the codec of its own code: in the file they are one row of bytes.

    Raises:
        imagecodecs.TiffError: there are too few.
    """
    tags = {
        Tag.BitsPerSample: 8,
        Tag.Compression: segment.image.compression,
        Tag.PhotometricInterpretation: Photometric.MIN_IS_BLACK,
    }
    room = np.frombuffer(segment.room(), np.uint8)[:length].reshape(1, -1)
    return _decode(_one_strip_file(bytes(data), (length, 1), tags), room)


def _decode(file: bytes, room: Any = None) -> Any:  # noqa: ANN401 - imagecodecs' types are narrower
    try:
        return imagecodecs.tiff_decode(file, out=room)
    except IndexError as exc:  # libtiff finds the directory itself wanting
        message = f"libtiff cannot decode such a tile: {exc}"
        raise CorruptTileError(message) from exc


def _one_strip_file(data: bytes, size: tuple[int, int], tags: dict[Tag, int]) -> bytes:
    """A classic little-endian TIFF around one strip of `size` (columns, rows)."""
    width, height = size
    values = {
        **tags,
        Tag.ImageWidth: width,
        Tag.ImageLength: height,
        Tag.StripOffsets: HEADER_LENGTH,
        Tag.SamplesPerPixel: 1,
        Tag.RowsPerStrip: height,
        Tag.StripByteCounts: len(data),
    }
    padding = len(data) % 2
    entries = b"".join(
        struct.pack("<HHII", tag, SHORT if value < 1 << 16 else LONG, 1, value)
        for tag, value in sorted(values.items())
    )
    return b"".join(
        [
            struct.pack("<2sHI", b"II", 42, HEADER_LENGTH + len(data) + padding),
            data,
            bytes(padding),
            struct.pack("<H", len(values)),
            entries,
            bytes(4),
        ]
    )
