"""Arrays of the hierarchy: how they are cut into chunks, and what the chunks hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tinycog import Cog, Level

Chunk = NDArray[Any]
"""Samples of a chunk: C order, little-endian, as the codec `bytes` stores them."""


@dataclass(frozen=True, eq=False)
class ChunkedArray(ABC):
    """An array as zarr sees it; chunks at its edges are as large as all others.

    Attributes:
        shape, chunk_shape: of the same length; none for a single number.
        dtype: of the samples.
    """

    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of chunks along each axis."""
        return tuple(-(-n // size) for n, size in zip(self.shape, self.chunk_shape, strict=True))

    @property
    def chunk_bytes(self) -> int:
        """Length of each chunk."""
        return prod(self.chunk_shape) * self.dtype.itemsize

    async def read(self, index: tuple[int, ...]) -> Chunk:
        """Return a chunk as it would be stored; its index lies inside `grid`.

        Raises:
            TinycogError: as for `Cog.read_tile`.
        """
        found = await self._read(index)
        if found.shape != self.chunk_shape:  # a strip that ends with the image
            whole = np.zeros(self.chunk_shape, self.dtype)
            whole[tuple(map(slice, found.shape))] = found
            found = whole
        return np.ascontiguousarray(found, self.dtype.newbyteorder("<"))

    @abstractmethod
    async def _read(self, index: tuple[int, ...]) -> NDArray[Any]:
        """Return the chunk, or as much of it as there is."""


@dataclass(frozen=True, eq=False)
class Numbers(ChunkedArray):
    """Few numbers in one chunk: coordinates.

    Attributes:
        values: all of them.
    """

    values: NDArray[Any]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Numbers:
        """Make one of an array of any shape."""
        return cls(values.shape, values.shape, values.dtype, values)

    async def _read(self, index: tuple[int, ...]) -> NDArray[Any]:
        del index
        return self.values


@dataclass(frozen=True, eq=False)
class Tiles(ChunkedArray):
    """The pixels of a level, (band, y, x): a chunk is a stored tile, or strip (cog.zarr.chunk).

    Attributes:
        cog: reads them.
        level: whose pixels they are.
    """

    cog: Cog = field(repr=False)
    level: Level

    @classmethod
    def of(cls, cog: Cog, level: Level) -> Tiles:
        """Make the array of a level; a chunk has one band where bands are stored in planes.

        Raises:
            UnsupportedError: no numpy type can hold the samples.
        """
        bands = 1 if level.image.grid.planes > 1 else level.count
        return cls(level.shape, (bands, *level.tile_shape), level.dtype, cog, level)

    async def _read(self, index: tuple[int, ...]) -> NDArray[Any]:
        band, row, col = index
        if self.level.image.grid.planes == 1:
            tile = await self.cog.read_tile(self.level.z, col, row, padded=True, masked=False)
            return tile.data
        rows, cols = self.level.tile_shape
        window = (col * cols, row * rows, cols, rows)
        plane = await self.cog.read(
            level=self.level.z, window=window, bands=[band], crop=True, masked=False
        )
        return plane.data


@dataclass(frozen=True, eq=False)
class MaskTiles(ChunkedArray):
    """Which pixels of a level are valid, (y, x): in chunks like the pixels' (cog.zarr.mask).

    Attributes:
        cog: reads them.
        level: whose mask it is.
    """

    cog: Cog = field(repr=False)
    level: Level

    @classmethod
    def of(cls, cog: Cog, level: Level) -> MaskTiles:
        """Make the mask of a level."""
        return cls(level.shape[1:], level.tile_shape, np.dtype(bool), cog, level)

    async def _read(self, index: tuple[int, ...]) -> NDArray[Any]:
        row, col = index
        tile = await self.cog.read_tile(self.level.z, col, row, padded=True, masked=True)
        return tile.mask
