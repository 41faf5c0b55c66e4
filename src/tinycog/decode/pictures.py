"""Codecs whose streams are whole pictures: they give samples at once."""

from __future__ import annotations

from collections.abc import Callable
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


def whole(decode: Callable[..., Any]) -> Callable[[Segment, Any], Any]:
    """Make a codec of a decoder that needs nothing but the bytes: a picture for each tile.

    It is given the room for the tile, so a picture of another size is refused before it is made.
    """

    def decode_into(segment: Segment, data: Any) -> Any:  # noqa: ANN401
        shape = segment.shape if segment.samples > 1 else segment.shape[:2]
        return decode(data, out=np.empty(shape, segment.image.dtype))

    return decode_into
