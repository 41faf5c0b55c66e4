"""JPEG in TIFF: abbreviated streams with shared tables; Photometric decides the colour."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError, LimitError, UnsupportedError
from tinycog.tiff.spec import Photometric, Tag

START_OF_IMAGE = b"\xff\xd8"
START_OF_SCAN = 0xDA
SCAN = re.compile(bytes((0xFF, START_OF_SCAN)))
FEW_SCANS, MOST_SCANS, SCAN_BYTES = 16, 100, 1 << 30
"""Scans allowed in any tile, in a small one; bytes of pixels allowed in all scans together."""

FILL = re.compile(b"\xff{2,}")
LOSSLESS = 0xC3
ADOBE, ADOBE_TRANSFORM = 0xEE, 11
NOT_FRAMES = (0xC4, 0xC8, 0xCC)
"""Markers between 0xC0 and 0xCF that do not start a frame: tables and extensions."""


class Frame(NamedTuple):
    """The frame header of a JPEG stream, and what precedes it."""

    marker: int
    """Kind of frame: 0xC0 baseline, 0xC3 lossless."""
    transform: int | None
    """What an Adobe marker says of colours: 0 none, 1 YCbCr, 2 YCCK; None without one."""
    precision: int
    rows: int
    cols: int
    factors: tuple[int, ...]
    """Sampling factors of each component, as stored: 0x11 where it is not subsampled."""


def decode_jpeg(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401 - any buffer
    """Decode a JPEG stream, JPEGTables put before it (tiff.jpeg.tables, tiff.jpeg.colour).

    YCbCr is converted to RGB; components of any other photometric stay as stored. A last strip may
    be encoded at full height: rows below the image are dropped (tiff.jpeg.height).
    """
    data = bytes(data)
    frame = parse_frame(data)
    _check(segment, frame)
    _check_scans(segment, data)
    tables = segment.image.options.get(Tag.JPEGTables)
    stored, wanted = (None, None) if frame.marker == LOSSLESS else _colours(segment)
    pixels = imagecodecs.jpeg_decode(
        data,
        tables=tables if isinstance(tables, bytes) and tables else None,
        colorspace=stored,
        outcolorspace=wanted,
        out=_output(segment, frame),
    )
    if segment.image.grid.strips and pixels.shape[0] > segment.rows:
        text = f"the last strip is encoded with {pixels.shape[0]} rows, not {segment.rows}"
        segment.tolerate("tiff.jpeg.height", text)
        pixels = pixels[: segment.rows]
    return pixels


def _output(segment: Segment, frame: Frame) -> NDArray[Any] | None:
    """Return the output array of an ordinary stream, else None."""
    is_usual = frame.marker != LOSSLESS and segment.image.bits == 8  # noqa: PLR2004
    if not is_usual or (frame.rows, frame.cols) != (segment.rows, segment.cols):
        return None
    return segment.picture_output()


def decode_old_jpeg(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401
    """Decode compression 6, where a tile is a complete stream (tiff.jpeg.old)."""
    if bytes(data[:2]) != START_OF_IMAGE:
        message = "old-style JPEG is only supported where each tile is a complete JPEG stream"
        raise UnsupportedError(message, feature="compression", value=segment.image.compression)
    return decode_jpeg(segment, data)


def parse_frame(data: bytes) -> Frame:
    """Find the frame header among the markers before the scan (tiff.jpeg.frame).

    Raises:
        CorruptTileError: there is none.
    """
    at, transform = 2, None
    while data[:2] == START_OF_IMAGE and at + 4 <= len(data):
        if (fill := FILL.match(data, at)) is not None:
            at = fill.end() - 1
            continue
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if data[at] != 0xFF or length < 2 or marker == START_OF_SCAN:  # noqa: PLR2004
            break
        if 0xC0 <= marker <= 0xCF and marker not in NOT_FRAMES and len(body) >= 6:  # noqa: PLR2004
            factors = tuple(body[7 : 6 + 3 * body[5] : 3])
            rows, cols = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            return Frame(marker, transform, body[0], rows, cols, factors)
        if marker == ADOBE and body[:5] == b"Adobe" and len(body) > ADOBE_TRANSFORM:
            transform = body[ADOBE_TRANSFORM]
        at += 2 + length
    message = (
        f"the tile is not a JPEG stream: no frame header in its first {min(at, len(data))} bytes"
    )
    raise CorruptTileError(message)


def _check(segment: Segment, frame: Frame) -> None:
    """Compare the frame with the tags before anything is decoded (tiff.jpeg.frame)."""
    is_tall_strip = segment.image.grid.strips and frame.rows >= segment.rows
    right_rows = is_tall_strip or segment.inside_rows <= frame.rows <= segment.rows
    if frame.cols != segment.cols or not right_rows or len(frame.factors) != segment.samples:
        found = f"{frame.rows} x {frame.cols} pixels of {len(frame.factors)} components"
        message = f"the JPEG stream holds {found}, expected {segment.shape}"
        raise CorruptTileError(message)
    is_ycbcr = segment.image.photometric == Photometric.YCBCR
    if frame.marker == LOSSLESS and is_ycbcr and segment.samples > 1 and frame.transform != 0:
        message = "lossless JPEG whose components are YCbCr is not supported"
        raise UnsupportedError(message, feature="compression", value=segment.image.compression)
    is_subsampled = len(set(frame.factors)) > 1
    if is_subsampled and not is_ycbcr:
        message = "JPEG with subsampled components that are not YCbCr is not supported"
        raise UnsupportedError(message, feature="YCbCrSubSampling", value=frame.factors)


def _check_scans(segment: Segment, data: bytes) -> None:
    """Refuse too many scans: each passes over all pixels, however short it is (tiff.jpeg.scans)."""
    most = min(max(SCAN_BYTES // segment.pixel_bytes, FEW_SCANS), MOST_SCANS)
    # inside a scan these bytes are never a marker: 0 follows each 255 there
    scans = len(SCAN.findall(data))
    if scans > most:
        message = f"the JPEG stream has {scans} scans, expected at most {most}"
        raise LimitError(message, asked=scans, allowed=most)


def _colours(segment: Segment) -> tuple[str | None, str | None]:
    """Return the colour spaces of the stream and of the result; equal unless it is YCbCr."""
    photometric, samples = segment.image.photometric, segment.samples
    if samples == 1:
        return None, None
    if photometric == Photometric.YCBCR and samples == 3:  # noqa: PLR2004
        return "YCBCR", "RGB"
    same = {3: "RGB", 4: "CMYK"}.get(samples, "UNKNOWN")
    return same, same
