"""What GDAL adds to TIFF: the ghost area behind the header, and the nodata tag.

Sources: GDAL's COG driver documentation and `frmts/gtiff` (gdal.ghost.*, gdal.nodata.*).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.parse import FileHeader
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps, need

GHOST_HEAD = re.compile(rb"GDAL_STRUCTURAL_METADATA_SIZE=(\d{6}) bytes\n")

GHOST_HEAD_LENGTH = 43
"""Bytes of the line that `GHOST_HEAD` matches."""


class Ghost(NamedTuple):
    """GDAL's structural metadata: what the writer guarantees about the layout.

    Attributes:
        items: the lines of the area as KEY: value, unknown keys too. That masks are interleaved
            needs no code: their tiles are coalesced wherever they lie (gdal.ghost.mask).
        stop: absolute position of the first byte after it.
    """

    items: Mapping[str, str] = MappingProxyType({})
    stop: int = 0

    @property
    def valid(self) -> bool:
        """Whether it still holds: no later edit broke it (gdal.ghost.edition)."""
        return self.items.get("KNOWN_INCOMPATIBLE_EDITION", "NO") != "YES"

    @property
    def has_leaders(self) -> bool:
        """Whether each tile lies between a leader and a trailer (gdal.ghost.leaders)."""
        return (
            self.valid
            and self.items.get("INTERLEAVE", "PIXEL") in ("PIXEL", "BAND", "TILE")
            and self.items.get("BLOCK_LEADER") == "SIZE_AS_UINT4"
            and self.items.get("BLOCK_TRAILER") == "LAST_4_BYTES_REPEATED"
        )


def parse_ghost(buffer: SparseBuffer, header: FileHeader) -> Steps[Ghost | None]:
    """Parse the ghost area if there is one (gdal.ghost.place, gdal.ghost.items).

    Whatever is wrong in it is ignored.
    """
    start = header.variant.header_length
    head = ByteRange(start, start + GHOST_HEAD_LENGTH)
    yield from need(buffer, [head])
    if buffer.size is not None and buffer.size < head.stop:
        return None
    found = GHOST_HEAD.fullmatch(buffer.read(*head))
    if found is None:
        return None
    stop = head.stop + int(found[1])
    yield from need(buffer, [ByteRange(head.stop, stop)])
    if buffer.size is not None and buffer.size < stop:
        return None
    lines = bytes(buffer.read(head.stop, stop)).decode("ascii", "replace").splitlines()
    items = (line.partition("=") for line in lines if "=" in line)
    return Ghost({key.strip(): value.strip() for key, _, value in items}, stop)
