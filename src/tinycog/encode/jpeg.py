"""JPEG with its quantization tables apart, as libtiff writes it for GDAL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import imagecodecs
import numpy as np

from tinycog.encode.edges import Pixels
from tinycog.encode.tile_format import TagValue, TileFormat
from tinycog.tiff.spec import Photometric, Tag

QUALITY = 75
"""GDAL's default."""

START_OF_IMAGE, END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
TABLES, SCAN = 0xDB, 0xDA
APPLICATION = range(0xE0, 0xF0)
"""Markers of quantization tables, of the scan, and of what others add: JFIF, Adobe."""

SUBSAMPLING = (2, 2)
REFERENCE = ((0, 1), (255, 1), (128, 1), (255, 1), (128, 1), (255, 1))
"""ReferenceBlackWhite as JPEG has it: the whole range of a byte."""

RGB_SAMPLES = 3


def jpeg(made: TileFormat) -> Callable[[Pixels], bytes]:
    """Make the codec of abbreviated streams: no quantization tables, optimized Huffman tables.

    The tables lie in JPEGTables (tiff.encode.jpeg).
    """
    encode = _encoder(made)

    def compress(tile: Pixels) -> bytes:
        return _split(encode(tile))[1]

    return compress


def jpeg_fields(made: TileFormat) -> tuple[TagValue, ...]:
    """Return JPEGTables, and what says of YCbCr how it is stored."""
    tables, _ = _split(_encoder(made)(np.zeros((8, 8, made.samples), np.uint8)))
    fields: tuple[TagValue, ...] = ((Tag.JPEGTables, "UNDEFINED", tables),)
    if not _is_ycbcr(made):
        return fields
    return (
        (Tag.PhotometricInterpretation, "SHORT", (Photometric.YCBCR,)),
        *fields,
        (Tag.YCbCrSubSampling, "SHORT", SUBSAMPLING),
        (Tag.ReferenceBlackWhite, "RATIONAL", REFERENCE),
    )


def _is_ycbcr(made: TileFormat) -> bool:
    return made.samples == RGB_SAMPLES and made.options.photometric != "rgb"


def _encoder(made: TileFormat) -> Callable[[Pixels], bytes]:
    """Return what encodes a tile as a whole stream."""
    quality = QUALITY if made.options.quality is None else int(made.options.quality)
    options: dict[str, Any] = {"optimize": True}
    if _is_ycbcr(made):
        options |= {"colorspace": "RGB", "outcolorspace": "YCBCR", "subsampling": "420"}
    elif made.samples == RGB_SAMPLES:
        options |= {"colorspace": "RGB", "outcolorspace": "RGB", "subsampling": "444"}
    elif made.samples > 1:
        options |= {"colorspace": "UNKNOWN", "outcolorspace": "UNKNOWN"}

    def encode(tile: Pixels) -> bytes:
        picture = tile if made.samples > 1 else tile[..., 0]
        return bytes(imagecodecs.jpeg8_encode(picture, quality, **options))

    return encode


def _split(stream: bytes) -> tuple[bytes, bytes]:
    """Return the tables of a stream as a stream of their own, and the rest as another."""
    tables, rest = [START_OF_IMAGE], [START_OF_IMAGE]
    at = len(START_OF_IMAGE)
    for marker, stop in _segments(stream):
        if marker == TABLES:
            tables.append(stream[at:stop])
        elif marker not in APPLICATION:
            rest.append(stream[at:stop])
        at = stop
    return b"".join([*tables, END_OF_IMAGE]), b"".join([*rest, stream[at:]])


def _segments(stream: bytes) -> Iterator[tuple[int, int]]:
    """Yield the marker and the end of each segment, the header of the scan last."""
    at, marker = len(START_OF_IMAGE), 0
    while marker != SCAN:
        marker = stream[at + 1]
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
        yield marker, at
