"""Codecs whose streams are whole pictures: they give samples at once."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.segment import Segment

Pixels = NDArray[np.generic]
RGB, RGBA = 3, 4


def decode_webp(segment: Segment, data: Any) -> Pixels:  # noqa: ANN401 - any buffer
    """WebP; an alpha that is opaque throughout is not stored: it is put back (tiff.webp.alpha)."""
    pixels = imagecodecs.webp_decode(data)
    if segment.samples == RGBA and pixels.shape[2:] == (RGB,):
        opaque = np.full((*pixels.shape[:2], 1), 255, pixels.dtype)
        return np.concatenate([pixels, opaque], axis=2)
    return pixels


def decode_jpeg2000(segment: Segment, data: Any) -> Pixels:  # noqa: ANN401
    """JPEG 2000, codestream or JP2 (tiff.compression.jpeg2000)."""
    del segment
    return imagecodecs.jpeg2k_decode(data)


def decode_jpegxl(segment: Segment, data: Any) -> Pixels:  # noqa: ANN401
    """JPEG XL (tiff.compression.jpegxl)."""
    del segment
    return imagecodecs.jpegxl_decode(data)


def decode_png(segment: Segment, data: Any) -> Pixels:  # noqa: ANN401
    """A whole PNG for each tile (tiff.compression.png)."""
    del segment
    return imagecodecs.png_decode(data)


def decode_jpegxr(segment: Segment, data: Any) -> Pixels:  # noqa: ANN401
    """JPEG XR (tiff.compression.jpegxr)."""
    del segment
    return imagecodecs.jpegxr_decode(data)
