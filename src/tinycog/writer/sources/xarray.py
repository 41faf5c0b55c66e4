"""DataArrays: in memory or lazy, read region by region; those of dask are left to dask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.sources.stores.threads import called
from tinycog.writer.pixel_source import PixelBlock, PixelSource, Region
from tinycog.writer.sources.blocks import BlockMaker
from tinycog.writer.sources.dask import DaskSource
from tinycog.writer.sources.told import Told, as_dtype, as_shape
from tinycog.writer.sources.xarray_facts import facts_of
from tinycog.writer.sources.xarray_place import spatial_dims


def make_xarray_source(array: Any, told: Told, memory: int) -> PixelSource:  # noqa: ANN401 - xarray's
    """Make a source of a DataArray, in any order of its dimensions.

    Pixels are written as its values are: what `encoding` says of another dtype, scale or fill value
    is not applied. Rows and columns are written as they lie, also where y ascends.

    Raises:
        UsageError: it is no image of two dimensions with bands, what it says of its place makes no
            sense, or it is not what the caller says.
    """
    down, across = spatial_dims(array)
    bands = [name for name in array.dims if name not in (down, across)]
    if len(bands) > 1:
        names = ", ".join(map(str, bands))
        message = f"an image has one dimension of bands, not {names}: choose by isel() or squeeze()"
        raise UsageError(message)
    order = (*bands, down, across)
    facts = facts_of(array, bands[0] if bands else None, down, across, told.facts)
    told = replace(told, facts=facts)
    if array.chunks is not None:
        return DaskSource(array.transpose(*order).data, told, memory)
    return DataArraySource(array, order, told)


class DataArraySource:
    """A DataArray that is not of dask; see `PixelSource`. A lazy one is loaded by regions."""

    origin: tuple[int, int] = (0, 0)
    is_asked: bool = True
    copies: bool = True
    lends: bool = False
    generation: str | None = None
    has_valid: bool | None = False
    memory: int = 0

    def __init__(self, array: Any, order: tuple[Hashable, ...], told: Told) -> None:  # noqa: ANN401 - xarray's
        """Keep the array.

        Args:
            array: the DataArray.
            order: its dimensions as (bands, rows, cols), or (rows, cols).
            told: what the caller says of it.

        Raises:
            UsageError: it is no image, or not what the caller says.
        """
        shape = as_shape(array.sizes[name] for name in order)
        self.dtype = as_dtype(array.dtype)
        told.check(shape, self.dtype)
        self.bands, self.rows, self.cols = shape
        self.facts = told.facts
        chunks: dict[Hashable, Any] = array.encoding.get("preferred_chunks") or {}
        self.chunk: tuple[int, int] = (int(chunks.get(order[-2], 1)), int(chunks.get(order[-1], 1)))
        self._array, self._order = array, order
        self._maker = BlockMaker(shape, self.dtype, told.facts.nodata, self.has_valid)

    async def blocks(self, regions: Iterable[Region]) -> AsyncGenerator[PixelBlock, None]:
        """Give `regions`, each loaded in a thread."""
        for region in regions:
            pixels = await asyncio.to_thread(called, partial(self._load, region))
            yield self._maker.make(region.row, region.col, pixels)

    def _load(self, region: Region) -> NDArray[Any]:
        rows, cols = slice(region.row, region.row_stop), slice(region.col, region.col_stop)
        *_, down, across = self._order
        part = self._array.isel({down: rows, across: cols}).transpose(*self._order)
        return np.asarray(part.values)
