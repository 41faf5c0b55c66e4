"""Codecs of the libtiff inside imagecodecs, which gets a tile as the one strip of a TIFF.

Some exist nowhere else (NeXT, ThunderScan, SGILog). CCITT goes this way because imagecodecs' own
decoder returns garbage for fill bits; LZW, because this one has the last word, and imagecodecs' own
can be crashed in older versions.
"""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.ccitt import read_rows
from tinycog.decode.ccitt_encoded import is_encoded
from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError, UnsupportedError
from tinycog.tiff.spec import FIELD_TYPES, Compression, Photometric, Tag, name_of

CCITT = (Compression.CCITT_RLE, Compression.CCITT_T4, Compression.CCITT_T6)
CHECKED_BYTES = 1 << 17
"""Bytes of the longest CCITT stream whose rows are counted one by one: half a second of work."""

JUNK = bytes(range(0x21, 0x61))
"""Bytes that no decoder may need: they are put behind a long stream."""

SHORT, LONG = FIELD_TYPES[3].code, FIELD_TYPES[4].code
HEADER_LENGTH = 8


def decode_strip(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401 - any buffer
    """Decode a tile of one sample a pixel by libtiff (tiff.compression.libtiff).

    For CCITT, options are tags and white runs are 0 (tiff.compression.ccitt).
    """
    image = segment.image
    if segment.samples != 1:
        name = name_of(Compression, image.compression)
        message = f"compression {name} with {segment.samples} samples is not supported"
        raise UnsupportedError(message, feature="SamplesPerPixel", value=segment.samples)
    is_log = image.compression == Compression.SGI_LOG
    if is_log and image.photometric != Photometric.LOG_L:
        name = name_of(Photometric, image.photometric)
        message = f"SGILog with photometric {name} is not supported"
        raise UnsupportedError(message, feature="photometric", value=image.photometric)
    tags = {
        Tag.BitsPerSample: image.bits,
        Tag.Compression: image.compression,
        Tag.PhotometricInterpretation: Photometric.LOG_L if is_log else Photometric.MIN_IS_BLACK,
        Tag.SampleFormat: image.sample_formats[0],
        Tag.T4Options: image.option(Tag.T4Options, 0),
        Tag.T6Options: image.option(Tag.T6Options, 0),
    }
    data = bytes(data)
    pixels = np.asarray(_decode(_one_strip_file(data, (segment.cols, segment.rows), tags)))
    if image.compression in CCITT:
        _check_rows(segment, data, tags, pixels)
    return pixels.view(np.uint8) if pixels.dtype == np.bool_ else pixels


def _check_rows(
    segment: Segment, data: bytes, tags: dict[Tag, int], pixels: NDArray[np.generic]
) -> None:
    """Check that all rows inside the image are stored (tiff.ccitt.rows).

    They are where the stream is what an encoder makes of its pixels, as nearly all are. Others are
    read code by code; long ones are only decoded once more, with other bytes behind them: what they
    lack changes.

    Raises:
        CorruptTileError: rows are missing, or broken and not followed by a line end.
    """
    code, options = segment.image.compression, tags[Tag.T4Options]
    if is_encoded(code, options, data, pixels.astype(np.bool_, copy=False)):
        return
    needed = segment.inside_rows
    if len(data) > CHECKED_BYTES:
        longer = data.rstrip(b"\0") + JUNK
        again = np.asarray(_decode(_one_strip_file(longer, (segment.cols, segment.rows), tags)))
        if not np.array_equal(again[:needed], pixels[:needed]):
            message = "the CCITT stream ends before the last row of the tile"
            raise CorruptTileError(message)
        return
    found, broken = read_rows(code, options, data, segment.cols, segment.rows)
    is_torn = broken and found <= segment.rows and code != Compression.CCITT_T4
    if found < needed or is_torn:
        message = f"the CCITT stream holds {found} of {needed} rows, then it ends or is broken"
        raise CorruptTileError(message)
    if found > segment.rows:
        text = f"more than the {segment.rows} rows of the tile are stored: {found} or more"
        segment.tolerate("tiff.ccitt.rows", text)
    elif broken:
        text = f"{broken} of {found} rows are broken, expected {segment.rows} good ones"
        segment.tolerate("tiff.ccitt.rows", text)


def decompress(segment: Segment, data: Any, length: int) -> Any:  # noqa: ANN401
    """Decompress `length` bytes of a tile by libtiff, as one row of bytes.

    Raises:
        imagecodecs.TiffError: there are fewer.
    """
    tags = {
        Tag.BitsPerSample: 8,
        Tag.Compression: segment.image.compression,
        Tag.PhotometricInterpretation: Photometric.MIN_IS_BLACK,
    }
    out = np.frombuffer(segment.byte_output(), np.uint8)[:length].reshape(1, -1)
    return _decode(_one_strip_file(bytes(data), (length, 1), tags), out)


def _decode(file: bytes, out: Any = None) -> Any:  # noqa: ANN401 - imagecodecs' types are narrower
    try:
        return imagecodecs.tiff_decode(file, out=out)
    except IndexError as exc:  # libtiff refuses the directory itself
        message = f"libtiff cannot decode the tile: {exc}"
        raise CorruptTileError(message) from exc


def _one_strip_file(data: bytes, size: tuple[int, int], tags: dict[Tag, int]) -> bytes:
    """Make a classic little-endian TIFF around one strip of `size` (columns, rows)."""
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
