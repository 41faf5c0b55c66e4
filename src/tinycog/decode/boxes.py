"""Boxes of the JPEG 2000 family: length, name, contents, one after the other."""

from __future__ import annotations

import struct
from collections.abc import Iterator

HEAD = struct.Struct(">I4s")
LONG = struct.Struct(">Q")


def boxes(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the name and the position of the contents of each box; the last may be open-ended."""
    at = 0
    while at + HEAD.size <= len(data):
        length, name = HEAD.unpack_from(data, at)
        head = HEAD.size
        if length == 1 and at + head + LONG.size <= len(data):
            (length,) = LONG.unpack_from(data, at + head)
            head += LONG.size
        yield name, at + head
        if length < head:  # 0: to the end
            return
        at += length
