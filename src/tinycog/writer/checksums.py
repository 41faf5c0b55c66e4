"""What went into each tile, as a number: held against what is read back."""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

import numpy as np

from tinycog.writer.assemble import Mask, Samples
from tinycog.writer.grid import TileGrid


class TileChecksum(NamedTuple):
    """Checksums of one tile.

    Attributes:
        samples: of its samples; None where the codec does not keep them.
        valid: of its mask; None where none is stored.
    """

    samples: int | None
    valid: int | None


class LevelChecksums:
    """Checksums of the tiles of a level.

    Attributes:
        shape: (bands, rows, cols) of the level.
        tile: pixels of a tile, both ways.
    """

    def __init__(self, bands: int, grid: TileGrid) -> None:
        """Make room for all tiles."""
        self.shape = (bands, grid.rows, grid.cols)
        self.tile = grid.tile
        self._across = grid.across
        self._numbers = np.zeros((grid.tiles, 2), np.uint32)
        self._has_samples = self._has_valid = False

    def note(self, position: int | slice, found: TileChecksum) -> None:
        """Keep those of a tile, or of all of some tiles."""
        self._has_samples = found.samples is not None
        self._has_valid = found.valid is not None
        self._numbers[position] = found.samples or 0, found.valid or 0

    def __getitem__(self, place: tuple[int, int]) -> TileChecksum:
        """Return those of a tile, by (y, x)."""
        y, x = place
        samples, valid = map(int, self._numbers[y * self._across + x])
        return TileChecksum(
            samples if self._has_samples else None, valid if self._has_valid else None
        )


CHECKSUM_BYTES = 8
"""Bytes of memory for each tile."""


def checksum_of(samples: Samples) -> int:
    """Return the CRC-32 of samples, (rows, cols, samples), by value: NaN is NaN, and -0 is 0."""
    native = np.ascontiguousarray(samples, samples.dtype.newbyteorder("="))
    if native.dtype.kind in "fc":
        parts = native.view(f"f{native.itemsize // (1 + (native.dtype.kind == 'c'))}") + 0
        parts[np.isnan(parts)] = np.nan
        native = parts
    return crc32(memoryview(native).cast("B"))


def checksum_of_valid(valid: Mask | None, shape: tuple[int, int]) -> int:
    """Return the CRC-32 of a mask, (rows, cols); None = all pixels are valid."""
    if valid is None:
        valid = np.ones(shape, np.bool_)
    return crc32(memoryview(np.packbits(valid)))
