"""Documents of groups and arrays, as zarr v3 has them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinycog.adapters.zarr.arrays import ChunkedArray

Json = dict[str, Any]
"""A JSON object."""


def array_document(
    array: ChunkedArray, dimensions: Sequence[str], attributes: Json, *, fill: float | None = None
) -> Json:
    """Return the document of an array; without `fill`, its fill value is 0 (cog.zarr.fill)."""
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(array.shape),
        "data_type": array.dtype.name,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": list(array.chunk_shape)},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": _fill_value(array.dtype, 0 if fill is None else fill),
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": attributes,
        "dimension_names": list(dimensions),
    }


def group_document(attributes: Json) -> Json:
    """Return the document of a group, without what lies in it."""
    return {"zarr_format": 3, "node_type": "group", "attributes": attributes}


def consolidated(document: Json, members: Mapping[str, Json]) -> Json:
    """Return the document of a group with those of all that lies in it, by path."""
    metadata = {"kind": "inline", "must_understand": False, "metadata": dict(members)}
    return {**document, "consolidated_metadata": metadata}


def _fill_value(dtype: np.dtype[Any], value: float) -> object:
    """Return a value of a dtype as zarr v3 writes it."""
    if dtype.kind == "c":
        return [_number(value), 0.0]
    if dtype.kind == "f":
        return _number(value)
    return bool(value) if dtype.kind == "b" else int(value)


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)
