"""A source of whatever the caller has."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.geo.written_facts import WrittenFacts
from tinycog.pixels.mask import pixel_mask
from tinycog.pixels.validity import KnownValidity
from tinycog.raster import Raster
from tinycog.writer.pixel_source import PixelSource
from tinycog.writer.sources.arrays import ArraySource, as_array
from tinycog.writer.sources.cog import Subset, make_cog_source, raster_facts
from tinycog.writer.sources.dask import DaskSource
from tinycog.writer.sources.iterators import IteratorSource
from tinycog.writer.sources.told import Told, as_dtype, check_order, merge_facts
from tinycog.writer.sources.web_tiles import WebGrid, make_web_source
from tinycog.writer.sources.xarray import make_xarray_source
from tinycog.writer.validity import said_by_samples

MEMORY = 64 << 20
"""Bytes of pixels that a source may hold, unless the caller says so."""

WHOLE = Subset()


async def make_pixel_source(
    source: object,
    *,
    shape: Sequence[int] | None = None,
    dtype: object = None,
    facts: WrittenFacts | None = None,
    subset: Subset = WHOLE,
    web_grid: WebGrid | None = None,
    memory: int = MEMORY,
) -> PixelSource:
    """Make a source of pixels of what the caller has; no pixel is read.

    Args:
        source: an array, a memmap, a masked array, (bands, rows, cols) or (rows, cols) for one
            band; a dask array; a DataArray; a `Raster`; an iterator of ((row, col), block), async
            or plain; an open file or a handle of tinycog's, also a blocking one, or what has its
            reading face.
        shape: (bands, rows, cols) or (rows, cols); an iterator needs it, others must have it.
        dtype: of the pixels; likewise.
        facts: what the caller gives; it stands above what the source tells.
        subset: the part of a file.
        web_grid: the grid of web tiles that a file is warped to; all of it, then.
        memory: bytes of pixels that the source should hold at most besides a block; its own
            `memory` says what it does.

    Raises:
        UsageError: the source is none of these, is not what the caller says, or what it tells makes
            no sense.
        TinycogError: a file cannot be opened.
    """
    told = Told(shape=shape, dtype=dtype, facts=facts or WrittenFacts())
    given: Any = getattr(source, "asynchronous", source)
    if _is_file(given):
        return await _make_file_source(given, told, subset, web_grid)
    if subset != WHOLE or web_grid is not None:
        message = "a window, bounds or a grid are of a file that is open: slice the array instead"
        raise UsageError(message)
    return _make_array_source(given, told, memory)


async def _make_file_source(
    cog: Any,  # noqa: ANN401 - of either face
    told: Told,
    subset: Subset,
    web_grid: WebGrid | None,
) -> PixelSource:
    """Make a source of a file.

    Raises:
        UsageError: a part of it is to be warped.
    """
    if web_grid is None:
        return await make_cog_source(cog, told, subset)
    if subset != WHOLE:
        message = "only a whole file can be put on a grid of web tiles: leave out window and bounds"
        raise UsageError(message)
    return await make_web_source(cog, told, web_grid)


def _make_array_source(given: Any, told: Told, memory: int) -> PixelSource:  # noqa: ANN401 - anything
    """Make a source of what is no file.

    Raises:
        UsageError: as for `make_pixel_source`.
    """
    if isinstance(given, Raster):
        told = replace(told, facts=merge_facts(raster_facts(given), told.facts))
        return ArraySource(given.data, told, _valid(given, told))
    if _is_data_array(given):
        return make_xarray_source(given, told, memory)
    check_order(getattr(given, "shape", ()), told)
    if _is_dask_array(given):
        return DaskSource(given, told, memory)
    if _is_array(given):
        return ArraySource(as_array(given), told)
    if _is_iterator(given):
        return IteratorSource(given, told)
    raise _refusal(given)


def is_lazy(source: object) -> bool:
    """Return whether dask computes the pixels: a write of them is a value of dask, too."""
    given: Any = source
    if _is_data_array(given):
        return given.chunks is not None
    return _is_dask_array(given)


def _valid(raster: Raster, told: Told) -> NDArray[np.bool_] | None:
    """Return which pixels are valid, where samples that are written do not say the same."""
    validity = raster.validity
    if isinstance(validity, KnownValidity) and validity.bands is None:
        return raster.mask
    if validity.why_unknown is not None:
        return None
    bands = range(raster.count)
    said = said_by_samples(told.facts, raster.count, as_dtype(raster.dtype))
    by_samples = pixel_mask(said, raster.data, bands, raster.count)
    return None if np.array_equal(raster.mask, by_samples) else raster.mask


def _is_file(given: object) -> bool:
    return _has(given, "__await__", "read", "tags")


def _is_data_array(given: object) -> bool:
    return _has(given, "dims", "coords", "isel", "attrs", "dtype")


def _is_dask_array(given: object) -> bool:
    return _has(given, "__dask_graph__", "chunks", "dtype")


def _has(given: object, *names: str) -> bool:
    """Return whether the class of an object has all these: some objects answer to any name."""
    return all(hasattr(type(given), name) for name in names)


def _is_array(given: object) -> bool:
    is_one = hasattr(given, "__array__") or hasattr(given, "__array_interface__")
    return is_one and not _has(given, "data_vars")


def _is_iterator(given: object) -> bool:
    if _has(given, "__dask_graph__"):
        return False
    is_other = isinstance(given, str | bytes | bytearray | memoryview | Mapping)
    return isinstance(given, AsyncIterable | Iterable) and not is_other


def _refusal(given: object) -> UsageError:
    """Return the error that says what to give instead."""
    kind = type(given).__name__
    message = (
        f"pixels come from an array, a DataArray, an iterator of ((row, col), block) or an open"
        f" file, not from a {kind}"
    )
    if _has(given, "data_vars"):
        names = ", ".join(map(str, cast("Any", given).data_vars)) or "none"
        message = (
            f"a Dataset holds several images ({names}): write one of them, or"
            " dataset.to_dataarray(dim='band') if they are bands of one"
        )
    elif _has(given, "__dask_graph__"):
        message = f"a {kind} of dask does not tell its shape: give dask.array.from_delayed(...)"
    elif isinstance(given, str | bytes):
        message = "the source is text or bytes: give tinycog.open(...) of it"
    return UsageError(message)
