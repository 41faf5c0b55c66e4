"""Variables of a level: how samples become values, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray import Variable
from xarray.core import indexing

import tinycog
from tinycog.adapters.cf import GRID_MAPPING
from tinycog.adapters.xarray.attributes import band_attrs
from tinycog.adapters.xarray.file_facts import FileFacts
from tinycog.adapters.xarray.lazy_samples import LazySamples, LevelGrid, Reading

CHUNK_PIXELS = 2048 * 2048
CHUNK_BYTES = 32 << 20
"""The most that a chunk of dask holds, if a stored tile does not hold more."""

EXACT_IN_FLOAT32 = 2
"""Bytes of the largest integers all of which float32 holds."""


def data_variable(
    facts: FileFacts, bands: Sequence[int], *, has_bands: bool, decode: bool
) -> Variable:
    """Return bands of a level: (band, y, x), or (y, x) of a single one.

    With `decode` values are scaled, and NaN where they are not valid (gdal.mask.precedence). How
    they were stored is their encoding, as far as they can be stored so again.
    """
    is_masked = any(facts.flags[band] != ["all_valid"] for band in bands)
    packing = _packing(facts, bands)
    attrs = band_attrs(facts, bands)
    if decode:
        reading = _decoding(facts.dtype, is_masked=is_masked, is_scaled=bool(packing))
        encoding = packing | _fill_encoding(facts, is_masked=is_masked)
        if "scales" in packing:  # which nothing applies again
            del encoding["dtype"]
        return _lazy(facts, bands, reading, attrs, encoding, has_bands=has_bands)
    attrs |= packing
    if facts.nodata is not None:  # for CF, _FillValue is missing; for GDAL, a mask alone decides
        attrs["nodata" if facts.has_mask else "_FillValue"] = facts.nodata
    reading = Reading(facts.dtype, {"masked": False}, _stored)
    return _lazy(facts, bands, reading, attrs, {}, has_bands=has_bands)


def mask_variable(facts: FileFacts) -> Variable:
    """Return which pixels are valid, (y, x)."""
    reading = Reading(np.dtype(bool), {"masked": True}, _mask)
    attrs: dict[str, object] = {"long_name": "whether a pixel is valid"}
    return _lazy(facts, [0], reading, attrs, {}, has_bands=False)


def preferred_chunks(level: tinycog.Level, dtype: np.dtype[Any], bands: int) -> dict[str, int]:
    """Return the chunks that suit dask: whole tiles, some 2048 x 2048 pixels or 32 MiB of them.

    Bands that are stored side by side are in one chunk, those in planes of their own apart.
    """
    rows, cols = level.tile_shape
    deep = 1 if level.image.grid.planes > 1 else bands
    pixels = min(CHUNK_PIXELS, CHUNK_BYTES // (deep * dtype.itemsize))
    wide = min(max(isqrt(pixels) // cols, 1) * cols, level.width)
    high = min(max(pixels // wide // rows, 1) * rows, level.height)
    return {"band": deep, "y": high, "x": wide}


def _lazy(
    facts: FileFacts,
    bands: Sequence[int],
    reading: Reading,
    attrs: dict[str, object],
    encoding: dict[str, object],
    *,
    has_bands: bool,
) -> Variable:
    dims = ("band", "y", "x") if has_bands else ("y", "x")
    level = LevelGrid(facts.level.z, facts.extent, facts.level.tile_shape)
    samples = LazySamples(facts.cog.asynchronous, level, bands, reading, has_bands)
    chunks = preferred_chunks(facts.level, reading.dtype, len(bands))
    encoding |= {
        "grid_mapping": GRID_MAPPING,
        "preferred_chunks": {dim: chunks[dim] for dim in dims},
    }
    return Variable(dims, indexing.LazilyIndexedArray(samples), attrs, encoding)


def _packing(facts: FileFacts, bands: Sequence[int]) -> dict[str, object]:
    """Return scale and offset by rioxarray's names; nothing where samples are the values."""
    return packing_of(
        [facts.scales[band] for band in bands], [facts.offsets[band] for band in bands]
    )


def packing_of(scales: Sequence[float], offsets: Sequence[float]) -> dict[str, object]:
    """Return scale and offset of bands by rioxarray's names."""
    pairs = set(zip(scales, offsets, strict=True))
    if pairs == {(1.0, 0.0)}:
        return {}
    if len(pairs) == 1:
        return {"scale_factor": scales[0], "add_offset": offsets[0]}
    return {"scales": list(scales), "offsets": list(offsets)}


def _fill_encoding(facts: FileFacts, *, is_masked: bool) -> dict[str, object]:
    """Return dtype and fill value by which NaN can be stored: as NaN where a mask made it."""
    if is_masked and facts.has_mask:
        return {"dtype": str(with_nan(facts.dtype)), "_FillValue": np.nan}
    stored: dict[str, object] = {"dtype": str(facts.dtype)}
    return stored if facts.nodata is None else stored | {"_FillValue": facts.nodata}


def _decoding(dtype: np.dtype[Any], *, is_masked: bool, is_scaled: bool) -> Reading:
    if is_scaled:
        return Reading(np.dtype(np.float64), {"scaled": True}, _stored)
    if is_masked:
        return Reading(with_nan(dtype), {"masked": True}, _masked)
    return Reading(dtype, {"masked": False}, _stored)


def with_nan(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype that holds such samples and NaN, as xarray picks it."""
    if dtype.kind not in "iu":
        return dtype
    return np.dtype(np.float32 if dtype.itemsize <= EXACT_IN_FLOAT32 else np.float64)


def _stored(raster: tinycog.Raster, dtype: np.dtype[Any]) -> NDArray[Any]:
    del dtype
    return raster.data


def _masked(raster: tinycog.Raster, dtype: np.dtype[Any]) -> NDArray[Any]:
    values = raster.data.astype(dtype)
    values[~raster.band_masks] = complex("nan+nanj") if dtype.kind == "c" else np.nan
    return values


def _mask(raster: tinycog.Raster, dtype: np.dtype[Any]) -> NDArray[Any]:
    del dtype
    return raster.mask[np.newaxis]
