"""What GDAL adds to TIFF: the ghost area behind the header, and the nodata tag.

Sources: GDAL's COG driver documentation and `frmts/gtiff` (gdal.ghost.*, gdal.nodata.*).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from tinycog.buffer import ByteRange, SparseBuffer, Steps, need
from tinycog.parse import Header

GHOST_HEAD = re.compile(rb"GDAL_STRUCTURAL_METADATA_SIZE=(\d{6}) bytes\n")
GHOST_HEAD_LENGTH = 43

NUMBER = re.compile(
    r"(?P<nan>[-+]?(nan|1\.#(qnan|snan|ind)))"
    r"|(?P<sign>[-+]?)(inf(inity)?|(\d+\.?\d*|\.\d+)(e(?P<exponent>[-+]?\d+))?)",
    re.IGNORECASE | re.ASCII,
)
EXPONENT_LENGTH, MAX_EXPONENT = 6, 400


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


def parse_ghost(buffer: SparseBuffer, header: Header) -> Steps[Ghost | None]:
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


def nodata_value(text: str, dtype: np.dtype[np.generic]) -> int | float | None:
    """Nodata as a number that samples of `dtype` can equal, else None (gdal.nodata.value).

    Integers are exact, floats rounded to the dtype; `nan` and `inf` in any case.
    """
    number = _number(text)
    if number is None:
        return None
    if dtype.kind in "iu":
        info = np.iinfo(dtype.name)
        is_inside = number.is_finite() and info.min <= number <= info.max
        return int(number) if is_inside and number == int(number) else None
    with np.errstate(over="ignore"):
        return float(np.array(float(number)).astype(np.empty(0, dtype).real.dtype))


def fill_value(text: str | None, dtype: np.dtype[np.generic]) -> int | float:
    """What a tile that is not stored is filled with: nodata, made to fit the dtype; else 0.

    Where samples cannot equal nodata, GDAL fills with the nearest value that they can have
    (gdal.nodata.fill).
    """
    number = None if text is None else _number(text)
    if text is None or number is None:
        return 0
    if dtype.kind not in "iu":
        return nodata_value(text, dtype) or 0.0
    info = np.iinfo(dtype.name)
    if number.is_nan():
        return 0
    nearest = min(max(number, Decimal(int(info.min))), Decimal(int(info.max)))
    return int(nearest.to_integral_value(ROUND_HALF_UP))


def _number(text: str) -> Decimal | None:
    """The number at the start of the text, as C reads it (gdal.nodata.text)."""
    found = NUMBER.match(text.strip(" \0\t\r\n").replace(",", "."))
    if found is None:
        return None
    if found["nan"]:
        return Decimal("nan")
    exponent = int((found["exponent"] or "0")[:EXPONENT_LENGTH])
    if abs(exponent) > MAX_EXPONENT:  # beyond every dtype: what C's strtod makes of it
        return Decimal("inf" if exponent > 0 else 0).copy_sign(Decimal(found["sign"] + "1"))
    return Decimal(found[0])
