"""The head of a COG: what stands in front of its full resolution, once all lengths are known.

The file is: header, ghost area, IFDs with their values, tile indices; the records of the
overviews, the smallest first; zeros up to a multiple of `ALIGNMENT`; the records of level 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.tiff.ghost import make_ghost
from tinycog.tiff.layout import Directory, Field, Layout, PlacedTiff
from tinycog.tiff.spec import BIG, CLASSIC, CLASSIC_BYTES, MASK, REDUCED, ByteOrder, Tag, Variant
from tinycog.writer.records import LevelIndex, Positions

ALIGNMENT = 4096
"""Level 0 begins at a multiple of it: the block size of file systems that can insert a range."""

_LAYOUT = Layout("index-last", filler=b"\0")


@dataclass(frozen=True, slots=True)
class HeadLevel:
    """A level of the file, its tiles encoded.

    Attributes:
        fields: of its image, without NewSubfileType, TileOffsets and TileByteCounts.
        index: lengths of its payloads.
        mask_fields: likewise of its mask image; None without one.
    """

    fields: Sequence[Field]
    index: LevelIndex
    mask_fields: Sequence[Field] | None = None

    def __post_init__(self) -> None:
        """Refuse masks without fields, and fields without masks.

        Raises:
            UsageError: only one of them is there.
        """
        if (self.mask_fields is None) != (self.index.mask is None):
            message = "a level with a mask needs fields and lengths of it: expected both or none"
            raise UsageError(message)


class Head:
    """What stands in front of level 0.

    Attributes:
        variant: TIFF or BigTIFF.
        ifds_length: bytes of header, ghost area, IFDs, values and tile indices.
        overviews_length: bytes of the records of the overviews, which follow.
        padding: zeros behind these.
        length: bytes of all that, a multiple of `ALIGNMENT`.
        file_length: bytes of the file.
    """

    def __init__(
        self, levels: Sequence[HeadLevel], variant: Variant, byte_order: ByteOrder
    ) -> None:
        """Measure the head of `levels`, level 0 first (cog.written.order)."""
        self._levels = levels
        self._byte_order: ByteOrder = byte_order
        self.variant = variant
        # Positions are as long whatever they are.
        self.ifds_length = self._placed([_nowhere(level.index) for level in levels]).length
        self.overviews_length = sum(level.index.stored_bytes for level in levels[1:])
        self.padding = -(self.ifds_length + self.overviews_length) % ALIGNMENT
        self.length = self.ifds_length + self.overviews_length + self.padding
        self.file_length = self.length + levels[0].index.stored_bytes

    def write(self) -> Iterator[bytes | memoryview]:
        """Give the bytes up to the overviews, some at a time."""
        return self._placed(self.positions()).pieces()

    def positions(self) -> list[Positions]:
        """Return where the payloads of each level lie, level 0 first."""
        found: list[Positions] = []
        at = self.ifds_length
        for level in reversed(self._levels[1:]):
            found.append(level.index.positions(at))
            at += level.index.stored_bytes
        found.append(self._levels[0].index.positions(self.length))
        return found[::-1]

    def _placed(self, positions: Sequence[Positions]) -> PlacedTiff:
        first, *overviews = [
            _directories(level, places, REDUCED if z else 0)
            for z, (level, places) in enumerate(zip(self._levels, positions, strict=True))
        ]
        images = [each[0] for each in overviews]
        masks = [mask for each in overviews for mask in each[1:]]
        interleave = self._levels[0].index.interleave
        ghost = make_ghost(interleave, masks=len(first) > 1)
        chain = [*first, *images, *masks]
        return PlacedTiff(chain, self._byte_order, self.variant, _LAYOUT, ghost)


def plan_head(
    levels: Sequence[HeadLevel], *, byte_order: ByteOrder = "<", bigtiff: bool | None = None
) -> Head:
    """Return the head of a COG of which all tiles are encoded (cog.written.variant).

    Args:
        levels: level 0 first, the smallest last; all or none with a mask, interleaved alike.
        byte_order: of the file.
        bigtiff: whether it is a BigTIFF; None = if it is too long for a TIFF.

    Raises:
        UsageError: it is too long for a TIFF, and must not be a BigTIFF; or a tile lacks that of
            its mask.
    """
    for z, level in enumerate(levels):
        if (tile := level.index.unmasked()) is not None:
            message = f"tile {tile} of level {z} is stored, but not that of its mask behind it"
            raise UsageError(message)
    if not bigtiff:
        head = Head(levels, CLASSIC, byte_order)
        if head.file_length < CLASSIC_BYTES:
            return head
        if bigtiff is False:
            message = (
                f"the file has {head.file_length} bytes, but a TIFF that is no BigTIFF ends at"
                f" {CLASSIC_BYTES - 1}: leave bigtiff=False out"
            )
            raise UsageError(message)
    return Head(levels, BIG, byte_order)


def _directories(level: HeadLevel, places: Positions, subfile_type: int) -> list[Directory]:
    """The directory of a level, and that of its mask."""
    index = level.index
    found = [_directory(level.fields, subfile_type, places.image, index.image)]
    if level.mask_fields is not None and places.mask is not None and index.mask is not None:
        mask = _directory(level.mask_fields, subfile_type | MASK, places.mask, index.mask)
        found.append(mask)
    return found


def _directory(
    fields: Sequence[Field],
    subfile_type: int,
    places: NDArray[np.uint64],
    lengths: NDArray[np.uint32],
) -> Directory:
    role = [Field(Tag.NewSubfileType, "LONG", subfile_type)] if subfile_type else []
    return Directory(fields).having(
        *role,
        Field(Tag.TileOffsets, "OFFSET", places),
        Field(Tag.TileByteCounts, "LONG", lengths),
    )


def _nowhere(index: LevelIndex) -> Positions:
    """Positions that are not known yet; they take no memory."""
    nowhere = np.zeros((), np.uint64)
    mask = None if index.mask is None else np.broadcast_to(nowhere, index.mask.shape)
    return Positions(np.broadcast_to(nowhere, index.image.shape), mask)
