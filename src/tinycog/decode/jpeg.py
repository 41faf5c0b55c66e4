"""JPEG in TIFF: abbreviated streams with shared tables, and the colours of their components."""

from __future__ import annotations

from functools import partial
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.jpeg_stream import (
    START_OF_IMAGE,
    Frame,
    check_holes,
    check_restarts,
    find_missing,
    looks_broken,
    walk,
)
from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError, LimitError, UnsupportedError
from tinycog.tiff.spec import Compression, Photometric, Tag

FEW_SCANS, MOST_SCANS, SCAN_BYTES = 16, 100, 1 << 30
"""Scans allowed in any tile, in a small one; bytes of pixels allowed in all scans together."""

RGB, YCBCR, CMYK, YCCK, UNKNOWN = "RGB", "YCBCR", "CMYK", "YCCK", "UNKNOWN"
"""Colour spaces by the names of imagecodecs."""

COLOURED = (Photometric.RGB, Photometric.YCBCR, Photometric.SEPARATED)
"""Photometric interpretations of streams that may say otherwise."""

THREE, FOUR = 3, 4
"""Components of RGB and YCbCr, and of CMYK and YCCK."""


def decode_jpeg(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401 - any buffer
    """Decode a JPEG stream, JPEGTables put before it (tiff.jpeg.tables, tiff.jpeg.colour).

    YCbCr is converted to RGB; components of any other colour space stay as stored. A last strip may
    be encoded at full height: rows below the image are dropped (tiff.jpeg.height). Pixels that are
    not stored are an error (tiff.jpeg.end).
    """
    data = bytes(data)
    stream = walk(data)
    frame = stream.frame
    _check_frame(segment, frame)
    _check_scans(segment, len(stream.scans))
    check_restarts(data, stream)
    value = segment.image.options.get(Tag.JPEGTables)
    tables = value if isinstance(value, bytes) else b""
    check_holes(data, stream, tables)
    stored, wanted = (None, None) if frame.is_lossless else _colours(segment, frame)
    decode = partial(
        imagecodecs.jpeg_decode,
        tables=tables or None,
        colorspace=stored,
        outcolorspace=wanted,
    )
    pixels = decode(data, out=_output(segment, frame))
    if looks_broken(data, stream, pixels):
        again = partial(_decode_again, decode)
        lack = find_missing(data, stream, pixels, _inside(segment, frame), again)
        if lack is not None:
            segment.tolerate("tiff.jpeg.end", lack)
    if frame.is_lossless and pixels.size == np.prod(segment.shape):
        return pixels.reshape(segment.shape)
    if frame.rows > segment.rows:
        text = f"the last strip is encoded with {frame.rows} rows, not {segment.rows}"
        segment.tolerate("tiff.jpeg.height", text)
    return pixels[: segment.rows]


def _inside(segment: Segment, frame: Frame) -> tuple[int, int]:
    """Return how many (rows, columns) of the decoded pixels lie inside the image."""
    if (frame.rows, frame.cols) == (segment.rows, segment.cols):
        return segment.inside_rows, segment.inside_cols
    return min(frame.rows, segment.rows), frame.cols


def _decode_again(decode: Any, data: bytes) -> NDArray[Any]:  # noqa: ANN401
    """Decode another stream; nothing comes of it if it cannot be decoded."""
    try:
        return decode(data)
    except RuntimeError:
        return np.empty((0, 0), np.uint8)


def _output(segment: Segment, frame: Frame) -> NDArray[Any] | None:
    """Return the output array of an ordinary stream, else None."""
    is_usual = not frame.is_lossless and segment.image.bits == 8  # noqa: PLR2004
    return segment.picture_output(frame.rows, frame.cols) if is_usual else None


def decode_old_jpeg(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401
    """Decode compression 6, where a tile is a complete stream (tiff.jpeg.old)."""
    if bytes(data[:2]) != START_OF_IMAGE:
        message = "old-style JPEG is only supported where each tile is a complete JPEG stream"
        raise UnsupportedError(message, feature="compression", value=segment.image.compression)
    return decode_jpeg(segment, data)


def _check_frame(segment: Segment, frame: Frame) -> None:
    """Compare the frame with the tags before anything is decoded (tiff.jpeg.frame)."""
    components = len(frame.factors)
    is_whole = frame.cols == segment.cols and components == segment.samples
    is_right = components == segment.samples and segment.fits(frame.rows, frame.cols)
    is_right = is_right or (is_whole and segment.is_last_strip and frame.rows >= segment.rows)
    if frame.is_lossless:  # samples side by side may be called components, and rows columns
        count = frame.rows * frame.cols * components
        is_right = is_right or count == segment.rows * segment.cols * segment.samples
    if not is_right:
        found = f"{frame.rows} x {frame.cols} pixels of {components} components"
        message = f"the JPEG stream holds {found}, expected {segment.shape}"
        raise CorruptTileError(message)
    is_ycbcr = segment.image.photometric == Photometric.YCBCR
    if frame.is_lossless and is_ycbcr and segment.samples > 1 and frame.transform != 0:
        message = "lossless JPEG whose components are YCbCr is not supported"
        raise UnsupportedError(message, feature="compression", value=segment.image.compression)


def _check_scans(segment: Segment, scans: int) -> None:
    """Refuse too many scans: each passes over all pixels, however short it is (tiff.jpeg.scans)."""
    most = min(max(SCAN_BYTES // segment.pixel_bytes, FEW_SCANS), MOST_SCANS)
    if scans > most:
        message = f"the JPEG stream has {scans} scans, expected at most {most}"
        raise LimitError(message, asked=scans, allowed=most)


def _colours(segment: Segment, frame: Frame) -> tuple[str | None, str | None]:
    """Return the colour spaces of the stream and of the result; equal unless it is converted."""
    if segment.samples == 1:
        return None, None
    tagged, said = _tagged(segment), _said(frame)
    if segment.image.photometric not in COLOURED or said in (None, tagged):
        return tagged, _shown(tagged)
    text = f"the JPEG stream says that it is {said}, its tags that it is {tagged}"
    if tagged == RGB and not (frame.is_jfif or frame.is_subsampled):
        segment.tolerate("tiff.jpeg.colour", f"{text}: as its tags say, as in other readers")
        return tagged, tagged
    segment.tolerate("tiff.jpeg.colour", f"{text}: as the stream says")
    return said, _shown(said)


def _tagged(segment: Segment) -> str:
    """Return the colour space that the tags name; RGB and CMYK also stand for any components."""
    image, samples = segment.image, segment.samples
    is_old = image.compression == Compression.OLD_JPEG and image.photometric == Photometric.RGB
    if (image.photometric == Photometric.YCBCR or is_old) and samples == THREE:
        return YCBCR
    return {THREE: RGB, FOUR: CMYK}.get(samples, UNKNOWN)


def _said(frame: Frame) -> str | None:
    """Return the colour space that the stream names; None if it names none.

    Only YCbCr has components of fewer samples; that alone says so, where the markers are silent.
    """
    if len(frame.factors) == FOUR:
        return {0: CMYK, 2: YCCK}.get(frame.transform)  # type: ignore[arg-type]
    if len(frame.factors) != THREE:
        return None
    if frame.is_jfif:
        return YCBCR
    if frame.transform is not None:
        return RGB if frame.transform == 0 else YCBCR
    if frame.names == b"RGB":
        return RGB
    return YCBCR if frame.is_subsampled else None


def _shown(stored: str) -> str:
    """Return the colour space of the result."""
    return {YCBCR: RGB, YCCK: CMYK}.get(stored, stored)
