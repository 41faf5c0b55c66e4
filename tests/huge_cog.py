"""A COG of millions of tiles that exists only as far as it is read: levels, leaders, trailers."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.testing import Directory, Field, Layout, make_tiff
from tinycog.tiff.spec import Tag

PATTERN = 256
"""Tiles after which lengths and values come again."""

FRAME = 4


class Level(NamedTuple):
    """One level: its side in pixels, its tiles, and where its arrays and its tiles begin."""

    side: int
    tiles: int
    offsets_at: int
    counts_at: int
    tiles_at: int


class HugeCog:
    """A square BigTIFF of one band of uint8, tiled, with overviews down to one tile.

    Header, ghost area, all IFDs, all arrays of the index, then tiles, the smallest level first,
    each with leader and trailer: GDAL's layout.

    Attributes:
        levels: full resolution first.
        size: of the file in bytes.
    """

    def __init__(self, side: int, tile: int = 16, padding: int = 0) -> None:
        """Lay it out; `padding` are bytes that each tile has more than it needs."""
        payloads = [
            zlib.compress(bytes([value]) * (tile * tile)) + bytes(padding + value % 7)
            for value in range(PATTERN)
        ]
        self._counts = np.array([len(one) for one in payloads], np.uint32)
        steps = self._counts.astype(np.int64) + 2 * FRAME
        self._starts = np.cumsum(steps) - steps + FRAME
        self._pattern = b"".join(
            len(one).to_bytes(FRAME, "little") + one + one[-FRAME:] for one in payloads
        )
        sides = [side >> z for z in range((side // tile).bit_length())]
        self.levels = [Level(each, (each // tile) ** 2, 0, 0, 0) for each in sides]
        at = len(self._make_head(tile))
        for z, level in enumerate(self.levels):
            self.levels[z] = level._replace(offsets_at=at, counts_at=at + 8 * level.tiles)
            at += 12 * level.tiles
        for z, level in reversed([*enumerate(self.levels)]):
            self.levels[z] = level._replace(tiles_at=at)
            at += self._place(level.tiles)
        self.size = at
        self._head = self._make_head(tile)

    def _make_head(self, tile: int) -> bytes:
        directories: list[Directory] = []
        for z, level in enumerate(self.levels):
            few = np.arange(min(level.tiles, 2))
            offsets, counts = self.offsets(z, few).tobytes(), self.counts(few).tobytes()
            fields = [
                Field(Tag.NewSubfileType, "LONG", int(z > 0)),
                Field(Tag.ImageWidth, "LONG", level.side),
                Field(Tag.ImageLength, "LONG", level.side),
                Field(Tag.BitsPerSample, "SHORT", 8),
                Field(Tag.Compression, "SHORT", 8),
                Field(Tag.PhotometricInterpretation, "SHORT", 1),
                Field(Tag.SamplesPerPixel, "SHORT", 1),
                Field(Tag.TileWidth, "LONG", tile),
                Field(Tag.TileLength, "LONG", tile),
                Field(Tag.TileOffsets, "OFFSET", offsets, level.tiles, level.offsets_at),
                Field(Tag.TileByteCounts, "LONG", counts, level.tiles, level.counts_at),
            ]
            directories.append(Directory(fields))
        return make_tiff(directories, big=True, layout=Layout("ifds-first", ghost=True))

    def _place(self, tile: int) -> int:
        """Bytes before the record of a tile, from the first of its level on."""
        patterns, i = divmod(tile, PATTERN)
        return patterns * len(self._pattern) + int(self._starts[i]) - FRAME

    def offsets(self, z: int, tiles: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Offsets of tiles of a level."""
        patterns, i = np.divmod(tiles, PATTERN)
        at = self.levels[z].tiles_at + patterns * len(self._pattern) + self._starts[i]
        return at.astype("<u8")

    def counts(self, tiles: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Byte counts of tiles."""
        return self._counts[tiles % PATTERN].astype("<u4")

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop`, half-open; what lies beyond the end is left out."""
        return b"".join(self._pieces(start, stop))

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        yield self._head[start:stop]
        for z, level in enumerate(self.levels):
            for at, length in ((level.offsets_at, 8), (level.counts_at, 4)):
                first, last = max(start - at, 0), min(stop - at, level.tiles * length)
                if first < last:
                    tiles = np.arange(first // length, -(-last // length))
                    made = self.offsets(z, tiles) if length == 8 else self.counts(tiles)
                    skipped = first // length * length
                    yield made.tobytes()[first - skipped : last - skipped]
        for level in reversed(self.levels):
            first, last = max(start - level.tiles_at, 0), stop - level.tiles_at
            last = min(last, self._place(level.tiles))
            if first < last:
                length = len(self._pattern)
                many = self._pattern * (-(-last // length) - first // length)
                skipped = first // length * length
                yield many[first - skipped : last - skipped]

    def write(self, path: Path) -> None:
        """Write it to disk."""
        with path.open("wb") as file:
            for at in range(0, self.size, 16 << 20):
                file.write(self.read(at, min(at + (16 << 20), self.size)))
