"""A BigTIFF of four million tiles: 67 MB of index, and 16 stored tiles that all places share.

It is laid out as GDAL's COG driver does it: all IFDs first, then the indexes, then the tiles.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from tinycog.testing import Directory, Field, make_tiff

TILE = 512
GRIDS = (2048, 1024, 512, 256, 128, 64)
"""Tiles in a row, and in a column, of each level."""
STORED = 16
INDEX_AT = 16384
"""Where the indexes begin: behind all IFDs."""


def stored_tile(number: int) -> NDArray[np.uint8]:
    """Pixels of one of the tiles that are really there."""
    rng = np.random.default_rng(number)
    return rng.integers(0, 16, (TILE, TILE), np.uint8) + np.uint8(number)


def which(level: int, x: NDArray[np.int64] | int, y: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Number of the stored tile that lies at a place."""
    return np.asarray((x + 31 * y + 7 * level) % STORED, np.int64)


def write_huge(path: Path) -> None:
    """Write the file."""
    tiles = [zlib.compress(stored_tile(number).tobytes()) for number in range(STORED)]
    lengths = np.array([len(tile) for tile in tiles], "<u4")
    tiles_at = INDEX_AT + sum(12 * side * side for side in GRIDS)
    offsets = (tiles_at + np.cumsum(lengths) - lengths).astype("<u8")
    head = make_tiff([_directory(level) for level in range(len(GRIDS))], big=True)
    assert len(head) <= INDEX_AT
    with path.open("wb") as file:
        file.write(head.ljust(INDEX_AT, b"\0"))
        for level, side in enumerate(GRIDS):
            _write_index(file, level, side, offsets, lengths)
        file.writelines(tiles)


def _write_index(
    file: BinaryIO,
    level: int,
    side: int,
    offsets: NDArray[np.uint64],
    lengths: NDArray[np.uint32],
) -> None:
    y, x = np.divmod(np.arange(side * side), side)
    numbers = which(level, x, y)
    file.write(offsets[numbers].tobytes())
    file.write(lengths[numbers].tobytes())


def _directory(level: int) -> Directory:
    side = GRIDS[level]
    count = side * side
    at = INDEX_AT + sum(12 * above * above for above in GRIDS[:level])
    fields = [
        Field(254, "LONG", int(level > 0)),
        Field(256, "LONG", side * TILE),
        Field(257, "LONG", side * TILE),
        Field(258, "SHORT", 8),
        Field(259, "SHORT", 8),  # Deflate
        Field(262, "SHORT", 1),
        Field(277, "SHORT", 1),
        Field(284, "SHORT", 1),
        Field(322, "LONG", TILE),
        Field(323, "LONG", TILE),
        Field(324, "LONG8", b"", count, at),
        Field(325, "LONG", b"", count, at + 8 * count),
        Field(339, "SHORT", 1),
    ]
    if level == 0:  # Web Mercator, from the corner
        fields += [
            Field(33550, "DOUBLE", (10.0, 10.0, 0.0)),
            Field(33922, "DOUBLE", (0.0, 0.0, 0.0, 500_000.0, 6_000_000.0, 0.0)),
            Field(34735, "SHORT", (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 3857)),
        ]
    return Directory(fields)
