"""Codecs that take the bytes of a tile and give them back as they were."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import imagecodecs
import numpy as np

from tinycog.encode.tile_format import TileFormat
from tinycog.errors import UnsupportedError, UsageError

PACKBITS_RUN = 128
"""Bytes that one byte of PackBits tells of at most."""

Compress = Callable[[Any], Any]

DEFLATE_LEVEL, ZSTD_LEVEL, LZMA_LEVEL, ISAL_LEVEL = 7, 9, 6, 1
"""Levels where none is given: GDAL's defaults, and the fastest of ISA-L that compresses well."""

DEFLATE_LEVELS, ZSTD_LEVELS = range(1, 13), range(1, 23)
LZMA_LEVELS, ISAL_LEVELS = range(10), range(4)


def store(made: TileFormat) -> Compress:
    """Make the codec that leaves bytes as they are (tiff.compression.none)."""
    del made
    return lambda data: data if isinstance(data, bytes) else data.tobytes()


def deflate(made: TileFormat) -> Compress:
    """Make the codec of zlib streams (tiff.encode.deflate).

    Raises:
        UnsupportedError: imagecodecs lacks ISA-L.
    """
    if made.options.library == "isa-l":
        return _isal(level_of(made, "ISA-L", ISAL_LEVEL, ISAL_LEVELS))
    level = level_of(made, "libdeflate", DEFLATE_LEVEL, DEFLATE_LEVELS)
    return lambda data: imagecodecs.deflate_encode(data, level)


def level_of(made: TileFormat, library: str, default: int, allowed: range) -> int:
    """Return the level of a library that is given, or its default.

    Raises:
        UsageError: the library has no such level.
    """
    level = made.options.level
    if level is None:
        return default
    if level not in allowed:
        message = f"level of {library} is {level}, expected {allowed[0]} to {allowed[-1]}"
        raise UsageError(message)
    return level


def _isal(level: int) -> Compress:
    if not has_isal():
        message = (
            f"imagecodecs {imagecodecs.__version__} lacks ISA-L: install a newer one, 2026.6 or"
            ' later, or give library="libdeflate", level=1'
        )
        raise UnsupportedError(message, feature="library", value="isa-l")
    encode = imagecodecs.isal_encode  # pyright: ignore[reportAttributeAccessIssue]
    return lambda data: encode(data, level)


def has_isal() -> bool:
    """Return whether imagecodecs has ISA-L, on this processor."""
    codec = getattr(imagecodecs, "ISAL", None)
    return bool(getattr(codec, "available", False))


def zstd(made: TileFormat) -> Compress:
    """Make the codec of ZSTD frames; by one thread, as bytes depend on how many there are."""
    level = level_of(made, "ZSTD", ZSTD_LEVEL, ZSTD_LEVELS)
    return lambda data: imagecodecs.zstd_encode(data, level)


def lzma(made: TileFormat) -> Compress:
    """Make the codec of xz containers (tiff.compression.lzma)."""
    level = level_of(made, "LZMA", LZMA_LEVEL, LZMA_LEVELS)
    return partial(imagecodecs.lzma_encode, level=level)


def lzw(made: TileFormat) -> Compress:
    """Make the codec of LZW in the bit order of TIFF 6.0 (tiff.compression.lzw)."""
    del made
    return imagecodecs.lzw_encode


def packbits(made: TileFormat) -> Compress:
    """Make the codec of PackBits, no run of which crosses rows (tiff.compression.packbits)."""

    def encode(data: Any) -> Any:  # noqa: ANN401 - any buffer
        rows = np.frombuffer(data, np.uint8).reshape(made.rows, -1)
        length = rows.shape[1]
        most = made.rows * (length + -(-length // PACKBITS_RUN))
        return imagecodecs.packbits_encode(rows, axis=-1, out=most)

    return encode
