"""What GDAL adds to TIFF: the ghost area behind the header, a leader and a trailer for each tile.

Sources: GDAL's COG driver documentation and `frmts/gtiff` (gdal.ghost.*).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from tinycog.errors import UnsupportedError
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.parse import FileHeader
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps, need

if TYPE_CHECKING:
    from tinycog.argument_types import Interleave

GHOST_HEAD = re.compile(rb"GDAL_STRUCTURAL_METADATA_SIZE=(\d{6}) bytes\n")

GHOST_HEAD_LENGTH = 43
"""Bytes of the line that `GHOST_HEAD` matches."""

LEADER_LENGTH = 4
"""Bytes before a tile: its length."""

LONGEST_PAYLOAD = (1 << 32) - 1
"""Bytes of the longest tile that a leader can tell."""

FRAME_LENGTH = 2 * LEADER_LENGTH
"""Bytes before and after a tile: leader and trailer."""


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
    if buffer.ends_before(head.stop):
        return None
    found = GHOST_HEAD.fullmatch(buffer.read(*head))
    if found is None:
        return None
    stop = head.stop + int(found[1])
    yield from need(buffer, [ByteRange(head.stop, stop)])
    if buffer.ends_before(stop):
        return None
    lines = bytes(buffer.read(head.stop, stop)).decode("ascii", "replace").splitlines()
    items = (line.partition("=") for line in lines if "=" in line)
    return Ghost({key.strip(): value.strip() for key, _, value in items}, stop)


def make_ghost(interleave: Interleave = "pixel", *, masks: bool = False) -> bytes:
    """Write the ghost area of a file whose tiles have leaders and trailers (cog.written.ghost).

    Args:
        interleave: how the bands of all its images lie.
        masks: whether there are mask images; that their tiles lie behind those of the image is
            only said, as by GDAL, where bands are stored together.
    """
    lines = [
        "LAYOUT=IFDS_BEFORE_DATA",
        "BLOCK_ORDER=ROW_MAJOR",
        "BLOCK_LEADER=SIZE_AS_UINT4",
        "BLOCK_TRAILER=LAST_4_BYTES_REPEATED",
    ]
    if interleave != "pixel":
        lines.append(f"INTERLEAVE={interleave.upper()}")
    lines.append("KNOWN_INCOMPATIBLE_EDITION=NO")
    text = "\n".join(lines) + "\n "  # the blank is room for YES
    if masks and interleave == "pixel":
        text += "MASK_INTERLEAVED_WITH_IMAGERY=YES\n"
    return f"GDAL_STRUCTURAL_METADATA_SIZE={len(text):06} bytes\n{text}".encode()


def frame(payload: bytes | memoryview) -> tuple[bytes, memoryview, bytes]:
    """Return leader, bytes and trailer of a stored tile (gdal.ghost.leaders).

    Both are little endian in any file. The trailer of less than 4 bytes ends with zeros.

    Raises:
        UnsupportedError: the tile has more bytes than a leader can tell.
    """
    view = memoryview(payload).cast("B")
    if len(view) > LONGEST_PAYLOAD:
        message = (
            f"a stored tile of {len(view)} bytes: the {LEADER_LENGTH} bytes before it can tell"
            f" {LONGEST_PAYLOAD} at most; choose a smaller blocksize"
        )
        raise UnsupportedError(message, feature="tile bytes", value=len(view))
    return struct.pack("<I", len(view)), view, bytes(view[-4:]).ljust(LEADER_LENGTH, b"\0")
