"""JPEG in TIFF: abbreviated streams with shared tables; colour is what Photometric says."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.segment import Segment
from tinycog.errors import UnsupportedError
from tinycog.spec import Photometric, Tag

START_OF_IMAGE = b"\xff\xd8"


def decode_jpeg(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401 - any buffer
    """One JPEG stream, with JPEGTables put before it (tiff.jpeg.tables, tiff.jpeg.colour).

    YCbCr comes as RGB; every other photometric as the components are stored. A last strip may be
    encoded at its full height: rows below the image are left away (tiff.jpeg.height).
    """
    tables = segment.image.options.get(Tag.JPEGTables)
    stored, wanted = _colours(segment)
    pixels = imagecodecs.jpeg8_decode(
        bytes(data),
        tables=tables if isinstance(tables, bytes) and tables else None,
        colorspace=stored,
        outcolorspace=wanted,
    )
    if segment.image.grid.strips and pixels.shape[0] > segment.rows:
        pixels = pixels[: segment.rows]
    return pixels


def decode_old_jpeg(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401
    """Compression 6, where the one tile of an image is a complete stream (tiff.jpeg.old)."""
    if segment.image.grid.count > 1 or bytes(data[:2]) != START_OF_IMAGE:
        message = "old-style JPEG is only supported where the image is one complete JPEG stream"
        raise UnsupportedError(message, feature="compression", value=segment.image.compression)
    return decode_jpeg(segment, data)


def _colours(segment: Segment) -> tuple[str | None, str | None]:
    """Colour spaces in the stream and in the result; alike unless it is YCbCr."""
    photometric, samples = segment.image.photometric, segment.samples
    if samples == 1:
        return None, None
    if photometric == Photometric.YCBCR and samples == 3:  # noqa: PLR2004
        return "YCBCR", "RGB"
    same = {3: "RGB", 4: "CMYK"}.get(samples, "UNKNOWN")
    return same, same
