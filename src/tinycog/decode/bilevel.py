"""CCITT codecs: one bit a pixel, white runs are 0 whatever the photometric says."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.segment import Segment
from tinycog.errors import UnsupportedError
from tinycog.spec import Tag

Pixels = NDArray[np.uint8]


def decode_rle(segment: Segment, data: Any) -> Pixels:  # noqa: ANN401 - any buffer
    """Modified Huffman, rows on byte boundaries (tiff.compression.ccitt)."""
    _check(segment)
    return imagecodecs.ccittrle_decode(data, segment.rows, segment.cols)


def decode_t4(segment: Segment, data: Any) -> Pixels:  # noqa: ANN401
    """Group 3, one- or two-dimensional by T4Options (tiff.compression.ccitt)."""
    _check(segment)
    options = segment.image.option(Tag.T4Options, 0)
    return imagecodecs.ccittfax3_decode(data, segment.rows, segment.cols, t4options=options)


def decode_t6(segment: Segment, data: Any) -> Pixels:  # noqa: ANN401
    """Group 4; every tile begins with a white reference row (tiff.compression.ccitt)."""
    _check(segment)
    return imagecodecs.ccittfax4_decode(data, segment.rows, segment.cols)


def _check(segment: Segment) -> None:
    """CCITT codes know pixels of one bit only."""
    image = segment.image
    if image.bits != 1 or segment.samples != 1:
        message = f"CCITT with {segment.samples} samples of {image.bits} bits is not supported"
        raise UnsupportedError(message, feature="BitsPerSample", value=image.bits)
