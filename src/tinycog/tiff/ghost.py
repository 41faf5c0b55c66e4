"""What GDAL adds to TIFF: the ghost area behind the header, and the nodata tag.

Sources: GDAL's COG driver documentation and `frmts/gtiff` (gdal.ghost.*, gdal.nodata.*).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.parse import FileHeader
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps, need

GHOST_HEAD = re.compile(rb"GDAL_STRUCTURAL_METADATA_SIZE=(\d{6}) bytes\n")

GHOST_HEAD_LENGTH = 43


@dataclass(frozen=True, slots=True)
class Ghost:
    """GDAL's structural metadata: what the writer promises about the layout.

    Attributes:
        items: the lines of the area as KEY: value, unknown keys too.
        stop: absolute position of the first byte behind it.
    """

    items: Mapping[str, str] = field(default_factory=dict[str, str])
    stop: int = 0

    @property
    def valid(self) -> bool:
        """Whether its promises still hold: no later edit broke them (gdal.ghost.edition)."""
        return self.items.get("KNOWN_INCOMPATIBLE_EDITION", "NO") != "YES"

    @property
    def has_leaders(self) -> bool:
        """Whether each tile stands between its length and its last 4 bytes (gdal.ghost.leaders)."""
        return (
            self.valid
            and self.items.get("INTERLEAVE", "PIXEL") in ("PIXEL", "BAND", "TILE")
            and self.items.get("BLOCK_LEADER") == "SIZE_AS_UINT4"
            and self.items.get("BLOCK_TRAILER") == "LAST_4_BYTES_REPEATED"
        )

    @property
    def has_interleaved_mask(self) -> bool:
        """Whether each mask tile lies right behind its image tile (gdal.ghost.mask)."""
        return self.valid and self.items.get("MASK_INTERLEAVED_WITH_IMAGERY") == "YES"


def parse_ghost(buffer: SparseBuffer, header: FileHeader) -> Steps[Ghost | None]:
    """Read the ghost area if there is one (gdal.ghost.place, gdal.ghost.items).

    Nothing wrong in it can hurt.
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
