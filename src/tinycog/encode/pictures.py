"""WebP, JPEG XL and JPEG 2000: codecs that take a picture of samples (tiff.encode.pictures).

Each runs in one thread, so that bytes and processor time are those of the tile alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import imagecodecs

from tinycog.encode.edges import Pixels
from tinycog.encode.tile_format import TileFormat

WEBP_QUALITY, JPEG_XL_DISTANCE, JPEG_XL_EFFORT = 75, 1.0, 5
"""GDAL's defaults."""

JPEG_2000_DECIBELS = 50.0
RGB_SAMPLES = 3

Encode = Callable[[Pixels], Any]


def webp(made: TileFormat) -> Encode:
    """Make the codec of WebP; pixels under a transparent alpha are kept if lossless."""
    quality = made.options.quality
    options = {
        "level": WEBP_QUALITY if quality is None else quality,
        "lossless": is_lossless_webp(made),
        "numthreads": 1,
    }
    return partial(imagecodecs.webp_encode, **options)


def is_lossless_webp(made: TileFormat) -> bool:
    """Return whether all pixels come back as they are: only if that is said."""
    return bool(made.options.lossless)


def jpeg_xl(made: TileFormat) -> Encode:
    """Make the codec of JPEG XL (tiff.compression.jpegxl)."""
    distance, effort = made.options.distance, made.options.effort
    options: dict[str, Any] = {
        "effort": JPEG_XL_EFFORT if effort is None else effort,
        "numthreads": 1,
        "usecontainer": False,
    }
    if is_lossless(made):
        options["lossless"] = True
    else:
        options["distance"] = JPEG_XL_DISTANCE if distance is None else distance
    return partial(_encode_picture, partial(imagecodecs.jpegxl_encode, **options))


def jpeg_2000(made: TileFormat) -> Encode:
    """Make the codec of bare JPEG 2000 codestreams (tiff.compression.jpeg2000)."""
    quality = made.options.quality
    options: dict[str, Any] = {
        "codecformat": "J2K",
        "mct": made.samples == RGB_SAMPLES,
        "numthreads": 1,
        "reversible": is_lossless(made),
    }
    if not is_lossless(made):
        options["level"] = JPEG_2000_DECIBELS if quality is None else quality
    return partial(_encode_picture, partial(imagecodecs.jpeg2k_encode, **options))


def is_lossless(made: TileFormat) -> bool:
    """Return whether all pixels come back as they are: unless something else is said."""
    options = made.options
    if options.lossless is not None:
        return options.lossless
    return options.distance is None and options.quality is None


def _encode_picture(encode: Encode, tile: Pixels) -> Any:  # noqa: ANN401
    return encode(tile if tile.shape[2] > 1 else tile[..., 0])
