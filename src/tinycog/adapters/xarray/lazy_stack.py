"""A stack as an array of xarray, which reads what is indexed: `Stack.to_xarray`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import xarray
from numpy.typing import NDArray
from xarray import Variable
from xarray.backends import BackendArray
from xarray.core import indexing

import tinycog
import tinycog.sync
from tinycog.adapters.cf import GRID_MAPPING
from tinycog.adapters.xarray.coordinates import centres_of
from tinycog.adapters.xarray.grid_mapping import place_attrs
from tinycog.adapters.xarray.selections import AxisKey, enclosing
from tinycog.adapters.xarray.variables import packing_of, with_nan

DIMS = ("time", "band", "y", "x")


def to_xarray(
    stack: tinycog.Stack,
    chunks: Any,  # noqa: ANN401 - as xarray takes them
    errors: tinycog.ErrorHandling,
    *,
    mask_and_scale: bool,
) -> xarray.DataArray:
    """Return a stack that is open as an array; see `Stack.to_xarray`."""
    packing = packing_of(stack.scales, stack.offsets)
    samples = StackSamples(stack, errors, mask_and_scale, bool(packing))
    attrs: dict[str, object] = {}
    encoding: dict[str, object] = {"grid_mapping": GRID_MAPPING}
    if mask_and_scale:
        if "scales" not in packing:  # which nothing applies again
            encoding |= packing | {"dtype": str(stack.dtype)}
        if stack.nodata is not None:
            encoding["_FillValue"] = stack.dtype.type(stack.nodata)
        elif samples.dtype != stack.dtype:
            encoding |= {"dtype": str(samples.dtype), "_FillValue": np.nan}
    else:
        attrs |= packing
        if stack.nodata is not None:
            attrs["_FillValue"] = stack.dtype.type(stack.nodata)
    units = set(stack.units)
    if len(units) == 1 and None not in units:
        attrs["units"] = units.pop()
    found = Variable(DIMS, indexing.LazilyIndexedArray(samples), attrs)
    array = xarray.DataArray(found, _coordinates(stack), name="stack")
    array.encoding = encoding
    if chunks is None:
        return array
    split: Any = array
    return split.chunk(chunks or dict(zip(DIMS, stack.chunks, strict=True)))


def _coordinates(stack: tinycog.Stack) -> dict[str, Variable]:
    """Return times, bands by their names or else from 1, centres of pixels, CRS, names of steps."""
    names = stack.bands
    has_names = None not in names and len(set(names)) == len(names)
    bands = np.array(names) if has_names else np.arange(1, len(names) + 1)
    steps = np.array([step.name for step in stack.steps])
    return {
        GRID_MAPPING: Variable((), 0, place_attrs(stack.crs, stack.transform)),
        "time": Variable("time", stack.times.astype("datetime64[ns]")),
        "band": Variable("band", bands),
        "step_name": Variable("time", steps),
        **centres_of(stack.transform, stack.shape[2:]),
    }


@dataclass(repr=False, eq=False)
class StackSamples(BackendArray):
    """Values of a stack, (time, band, row, col).

    An index is one read: of the steps and bands that are asked for, in the smallest window that
    holds what is.

    Attributes:
        stack: open.
        errors: as of `Stack.read`.
        is_masked: whether values are returned, NaN where they are not valid; else samples.
        is_scaled: whether samples are no values yet.
    """

    stack: tinycog.Stack
    errors: tinycog.ErrorHandling
    is_masked: bool
    is_scaled: bool
    shape: tuple[int, ...] = field(init=False)
    dtype: np.dtype[Any] = field(init=False)

    def __post_init__(self) -> None:
        """Keep what xarray asks of every array."""
        self.shape = self.stack.shape
        self.dtype = self.stack.dtype
        if self.is_masked:
            is_wide = self.is_scaled and self.dtype.kind != "c"
            self.dtype = np.dtype(np.float64) if is_wide else with_nan(self.dtype)

    def __deepcopy__(self, memo: object) -> Self:
        """Return it: a copy reads by the same handles, and nothing of it changes."""
        return self

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        """Read what a key selects."""
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )

    async def async_getitem(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        """Read what a key selects, in the running event loop."""
        return await indexing.async_explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read_async
        )

    def _read(self, key: tuple[AxisKey, ...]) -> NDArray[Any]:
        return tinycog.sync.run(self._read_async(key))

    async def _read_async(self, key: tuple[AxisKey, ...]) -> NDArray[Any]:
        along_time, *others = key
        along_bands, along_rows, along_cols = others
        selection = enclosing((along_bands, along_rows, along_cols), self.shape[1:])  # pyright: ignore[reportArgumentType] - three axes
        steps = np.arange(self.shape[0])[along_time]
        numbers: list[int] = np.atleast_1d(steps).tolist()
        if not numbers or 0 in selection.shape:
            values = np.empty((len(numbers), *selection.shape), self.dtype)
        else:
            raster = await self.stack.read(
                steps=numbers,
                bands=selection.bands.tolist(),
                window=selection.window,
                errors=self.errors,
            )
            values = self._values(raster, selection.bands)
        planes = [selection.take(one) for one in values]
        if steps.ndim == 0:
            return planes[0]
        return np.stack(planes) if planes else np.empty((0, *_shape(selection)), self.dtype)

    def _values(self, raster: tinycog.StackRaster, bands: NDArray[np.intp]) -> NDArray[Any]:
        if not self.is_masked:
            return raster.data
        values = raster.data.astype(self.dtype)
        if self.is_scaled:
            shape = (-1, 1, 1)
            values *= np.array(self.stack.scales)[bands].reshape(shape)
            values += np.array(self.stack.offsets)[bands].reshape(shape)
        nothing = complex("nan+nanj") if self.dtype.kind == "c" else np.nan
        values[~raster.band_masks] = nothing
        return values


def _shape(selection: Any) -> tuple[int, ...]:  # noqa: ANN401 - a selection
    return selection.take(np.empty(selection.shape, np.bool_)).shape
