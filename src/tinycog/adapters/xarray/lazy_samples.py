"""An array that reads what is indexed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

import tinycog
import tinycog.sync
from tinycog.adapters.xarray.selections import AxisKey, Selection, enclosing, scattered

T = TypeVar("T")

AT_ONCE = 64
"""Windows that are read side by side, where points lie far apart."""


class Reading(NamedTuple):
    """How values are read.

    Attributes:
        dtype: dtype of the values.
        options: options of `Cog.read`.
        values: returns the values of a raster in a dtype, (bands, rows, cols).
    """

    dtype: np.dtype[Any]
    options: tinycog.ReadOptions
    values: Callable[[tinycog.Raster, np.dtype[Any]], NDArray[Any]]


class LevelGrid(NamedTuple):
    """A level, as far as reading it needs: its index, its (rows, cols) and those of a tile."""

    z: int
    extent: tuple[int, int]
    tile: tuple[int, int]


@dataclass(repr=False, eq=False)
class LazySamples(BackendArray):
    """Values of some bands of a level: (bands, rows, cols), or (rows, cols) of a single one.

    An index is one read: of the smallest window that holds what is asked for, and of the bands that
    are asked for. Points far apart are read tile by tile.

    Attributes:
        cog: handle of the file.
        level: the level.
        bands: bands of the file, counted from 0.
        reading: how values are read.
        has_bands: whether bands are an axis.
    """

    cog: tinycog.Cog
    level: LevelGrid
    bands: Sequence[int]
    reading: Reading
    has_bands: bool
    shape: tuple[int, ...] = field(init=False)
    dtype: np.dtype[Any] = field(init=False)

    def __post_init__(self) -> None:
        """Keep what xarray asks of every array."""
        self.shape = (len(self.bands), *self.level.extent)[0 if self.has_bands else 1 :]
        self.dtype = self.reading.dtype

    def __deepcopy__(self, memo: object) -> Self:
        """Return it: a copy reads by the same handle, and nothing of it changes."""
        return self

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        """Read what a key selects."""
        if _is_of_points(key):
            return tinycog.sync.run(self._read_points(key.tuple))
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )

    async def async_getitem(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        """Read what a key selects, in the running event loop."""
        if _is_of_points(key):
            return await self._read_points(key.tuple)
        return await indexing.async_explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read_async
        )

    def _read(self, key: tuple[AxisKey, ...]) -> NDArray[Any]:
        selection = self._enclosing(key)
        if 0 in selection.shape:
            return selection.take(np.empty(selection.shape, self.dtype))
        raster = tinycog.sync.run(self._fetch(selection))
        return selection.take(self.reading.values(raster, self.dtype))  # in the caller's thread

    async def _read_async(self, key: tuple[AxisKey, ...]) -> NDArray[Any]:
        selection = self._enclosing(key)
        if 0 in selection.shape:
            return selection.take(np.empty(selection.shape, self.dtype))
        raster = await self._fetch(selection)
        return selection.take(self.reading.values(raster, self.dtype))

    def _enclosing(self, key: tuple[AxisKey, ...]) -> Selection:
        along_bands, along_rows, along_cols = key if self.has_bands else (0, *key)
        shape = (len(self.bands), *self.level.extent)
        return enclosing((along_bands, along_rows, along_cols), shape)

    async def _read_points(self, key: tuple[NDArray[Any], ...]) -> NDArray[Any]:
        """Read the points of a key: one array for each axis, of the same shape."""
        positive = [
            np.where(axis < 0, axis + n, axis) for axis, n in zip(key, self.shape, strict=True)
        ]
        if not self.has_bands:
            positive.insert(0, np.zeros(1, np.intp))
        bands, rows, cols = np.broadcast_arrays(*positive)
        pieces = scattered((bands.ravel(), rows.ravel(), cols.ravel()), self.level.tile)
        values = np.empty(rows.size, self.dtype)
        for start in range(0, len(pieces), AT_ONCE):
            some = pieces[start : start + AT_ONCE]
            rasters = await _side_by_side([self._fetch(selection) for _, selection in some])
            for (points, selection), raster in zip(some, rasters, strict=True):
                values[points] = selection.take_points(self.reading.values(raster, self.dtype))
        return values.reshape(rows.shape)

    async def _fetch(self, selection: Selection) -> tinycog.Raster:
        bands: list[int] = [self.bands[place] for place in selection.bands.tolist()]
        options: tinycog.AreaOptions = {
            **self.reading.options,
            "level": self.level.z,
            "window": selection.window,
            "bands": bands,
        }
        return await self.cog.read(**options)


def _is_of_points(key: indexing.ExplicitIndexer) -> bool:
    is_vectorized = isinstance(key, indexing.VectorizedIndexer)
    return is_vectorized and all(isinstance(axis, np.ndarray) for axis in key.tuple)


async def _side_by_side(reads: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait for reads that begin together; one that fails ends the others."""
    tasks = [asyncio.ensure_future(read) for read in reads]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
