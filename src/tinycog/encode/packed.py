"""Pixels that are kept for a while, compressed quickly, and taken back as they were."""

from __future__ import annotations

import imagecodecs

LIBRARY = f"imagecodecs {imagecodecs.__version__}"
"""What encodes tiles: another one may give other bytes."""

LEVEL = 1
"""Of ZSTD: it costs about as much as copying."""


def pack(data: bytes) -> bytes:
    """Return bytes, compressed."""
    return bytes(imagecodecs.zstd_encode(data, LEVEL)) if data else b""


def unpack(data: bytes, length: int) -> bytes:
    """Return the `length` bytes that were compressed."""
    return bytes(imagecodecs.zstd_decode(data, out=length)) if length else b""
