"""A TIFF of any size that exists nowhere: its bytes are computed when they are read."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tinycog.tiff.layout import Directory, Field, make_tiff
from tinycog.tiff.spec import BIG, CLASSIC, Compression, Tag

VALUES = 251
"""Number of different tiles; a prime, so that few grids repeat themselves after it."""

Indices = NDArray[np.int64]
"""Of tiles, in the order of TileOffsets."""


class HugeTiff:
    """A tiled image of one band; all pixels of tile (x, y) have the value `expected(x, y)`.

    The file is: header, IFD, TileOffsets, TileByteCounts, then the tiles in equal distances. It is
    little endian. Reading costs what the length of the range costs, wherever it lies.

    Attributes:
        size: length of the file in bytes.
        across, down: number of tiles in a row, in a column.
        offsets_at, byte_counts_at, tiles_at: absolute positions of the two arrays and of the first
            tile.
        step: bytes from one tile to the next; a tile may be shorter, by its byte count.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        tile: int = 256,
        dtype: DTypeLike = np.uint8,
        compression: int = Compression.DEFLATE,
        big: bool = True,
    ) -> None:
        """Lay the file out.

        Args:
            width: of the image in pixels.
            height: of the image in pixels.
            tile: width and height of a tile in pixels.
            dtype: of the pixels: an unsigned integer type.
            compression: 1 (none) or 8 (Deflate).
            big: whether it is a BigTIFF; a classic TIFF must end before 4 GiB.
        """
        self.across, self.down = -(-width // tile), -(-height // tile)
        self._compression, self._big = compression, big
        self._tile = np.zeros((tile, tile), np.dtype(dtype).newbyteorder("<"))
        self._deflated: list[bytes] = []
        if compression == Compression.DEFLATE:
            self._deflated = [zlib.compress(self._raw(value)) for value in range(VALUES)]
        lengths = [len(data) for data in self._deflated] or [self._tile.nbytes] * VALUES
        self._lengths = np.array(lengths, "<u4")
        self._offset_type = np.dtype(f"<u{(BIG if big else CLASSIC).offset_length}")
        self.step = max(lengths)
        self._lay_out(width, height)

    def _lay_out(self, width: int, height: int) -> None:
        count = self.across * self.down
        self.offsets_at = self.byte_counts_at = self.tiles_at = 0
        # The head is equally long whatever places stand in it: the first one is made to measure.
        self.offsets_at = len(self._make_head(width, height))
        self.byte_counts_at = self.offsets_at + count * self._offset_type.itemsize
        self.tiles_at = self.byte_counts_at + count * self._lengths.itemsize
        self.size = self.tiles_at + count * self.step
        self._head = self._make_head(width, height)

    def _make_head(self, width: int, height: int) -> bytes:
        count = self.across * self.down
        # An array of one or two values lies in its entry; a longer one is only pointed at.
        few = np.arange(min(count, 2))
        offsets, lengths = self._offsets(few), self._byte_counts(few)
        fields = [
            Field(Tag.ImageWidth, "LONG", width),
            Field(Tag.ImageLength, "LONG", height),
            Field(Tag.BitsPerSample, "SHORT", self._tile.itemsize * 8),
            Field(Tag.Compression, "SHORT", self._compression),
            Field(Tag.PhotometricInterpretation, "SHORT", 1),
            Field(Tag.SamplesPerPixel, "SHORT", 1),
            Field(Tag.TileWidth, "LONG", len(self._tile)),
            Field(Tag.TileLength, "LONG", len(self._tile)),
            Field(Tag.TileOffsets, "OFFSET", offsets, count, self.offsets_at),
            Field(Tag.TileByteCounts, "LONG", lengths, count, self.byte_counts_at),
        ]
        return make_tiff([Directory(fields)], big=self._big)

    def expected(self, x: int, y: int) -> int:
        """Value of every pixel of tile (x, y)."""
        return (x + 31 * y) % VALUES

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop`, half-open; what lies beyond the end is left out."""
        parts = [self._head[start:stop]]
        for at, end, make in (
            (self.offsets_at, self.byte_counts_at, self._offsets),
            (self.byte_counts_at, self.tiles_at, self._byte_counts),
            (self.tiles_at, self.size, self._tiles),
        ):
            length = (end - at) // (self.across * self.down)
            parts.append(_items(make, length, max(start, at) - at, min(stop, end) - at))
        return b"".join(parts)

    def _offsets(self, indices: Indices) -> bytes:
        return (self.tiles_at + self.step * indices).astype(self._offset_type).tobytes()

    def _byte_counts(self, indices: Indices) -> bytes:
        return self._lengths[self._values(indices)].tobytes()

    def _tiles(self, indices: Indices) -> bytes:
        values: list[int] = self._values(indices).tolist()
        if self._deflated:
            return b"".join(self._deflated[value].ljust(self.step, b"\0") for value in values)
        return b"".join(self._raw(value) for value in values)

    def _values(self, indices: Indices) -> NDArray[np.int64]:
        y, x = np.divmod(indices, self.across)
        return (x + 31 * y) % VALUES

    def _raw(self, value: int) -> bytes:
        return np.full_like(self._tile, value).tobytes()


def _items(make: Callable[[Indices], bytes], length: int, start: int, stop: int) -> bytes:
    """Bytes `start` to `stop` of a row of items, each `length` bytes long; only these are made."""
    if start >= stop:
        return b""
    first, end = start // length, -(-stop // length)
    data = make(np.arange(first, end))
    return data[start - first * length : stop - first * length]
