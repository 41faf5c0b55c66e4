"""Arrays in memory, and memmaps: blocks are views."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.writer.pixel_source import PixelBlock, Region
from tinycog.writer.sources.blocks import BlockMaker, is_masked
from tinycog.writer.sources.told import Told, as_dtype, as_shape


class ArraySource:
    """An array (bands, rows, cols), or (rows, cols) for one band; see `PixelSource`.

    Nothing is copied but what is not in native byte order, block by block. Of a masked array with
    nodata, masked samples become nodata, and their `fill_value` is not looked at.
    """

    origin: tuple[int, int] = (0, 0)
    is_asked: bool = True
    lends: bool = False
    generation: str | None = None
    memory: int = 0

    def __init__(
        self, pixels: NDArray[Any], told: Told, valid: NDArray[np.bool_] | None = None
    ) -> None:
        """Keep the array.

        Args:
            pixels: the array.
            told: what the caller says of it.
            valid: (rows, cols), which pixels are valid, where that is known besides.

        Raises:
            UsageError: it is no image, or not what the caller says.
        """
        shape, self.dtype = as_shape(pixels.shape), as_dtype(pixels.dtype)
        told.check(shape, self.dtype)
        self.bands, self.rows, self.cols = shape
        self.facts = told.facts
        self.has_valid: bool | None = valid is not None or is_masked(pixels)
        self._valid = valid
        self.copies: bool = not pixels.dtype.isnative or is_masked(pixels)
        is_mapped = isinstance(pixels, np.memmap)
        self.chunk: tuple[int, int] = (1, self.cols if is_mapped else 1)
        if is_mapped:  # whose views take several times as long to make
            pixels = pixels.view(np.ndarray)
        self._pixels = pixels.reshape(shape) if pixels.ndim < len(shape) else pixels
        self._maker = BlockMaker(shape, self.dtype, self.facts.nodata, self.has_valid)

    async def blocks(self, regions: Iterable[Region]) -> AsyncGenerator[PixelBlock, None]:
        """Give views of `regions`."""
        for row, col, row_stop, col_stop in regions:
            valid = None if self._valid is None else self._valid[row:row_stop, col:col_stop]
            yield self._maker.make(row, col, self._pixels[:, row:row_stop, col:col_stop], valid)


def as_array(source: Any) -> NDArray[Any]:  # noqa: ANN401 - anything with numpy's interfaces
    """Return an array, masked if it is, of what is one in memory.

    Raises:
        UsageError: it is read in chunks, so that numpy would load all of it.
    """
    if hasattr(source, "chunks"):
        message = (
            f"a {type(source).__name__} that is read in chunks would be loaded as a whole: give"
            " dask.array.from_array(...) of it, or an iterator of ((row, col), block)"
        )
        raise UsageError(message)
    return np.asanyarray(source)
