"""The documents of arrays and groups, zarr 2 and 3."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycog.adapters.cf import (
    GRID_MAPPING,
    fill_value_in_zarr,
    geo_transform,
    has_transform,
    wkt_attributes,
)
from tinycog.adapters.references.encoding import Encoding
from tinycog.adapters.references.levels import LevelChunks, refusal
from tinycog.errors import UnsupportedError
from tinycog.tile_facts import TileRange

if TYPE_CHECKING:
    from tinycog.cog import Cog

Document = dict[str, Any]
"""A JSON document."""


@dataclass(frozen=True)
class ArrayPlan:
    """An array whose chunks are the stored tiles of a level.

    Attributes:
        chunks: the level.
        encoding: of its chunks.
        nodata: of the file.
        suffix: of the names of its dimensions and of its grid mapping, so that those of several
            levels differ; empty for the first.
        attributes: of the array, without those that a format writes in its own way.
    """

    chunks: LevelChunks
    encoding: Encoding
    nodata: int | float | None
    suffix: str
    attributes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the array: the index of the level."""
        return str(self.chunks.z)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels, in native byte order."""
        return self.chunks.level.dtype

    @property
    def fill_value(self) -> int | float:
        """Value of the pixels of a tile that is not stored."""
        return self.chunks.level.image.fill_value

    def dimensions(self, zarr_format: int) -> list[str]:
        """Return the names of the dimensions; zarr 2 keeps interleaved bands where they lie."""
        names = ["band", f"y{self.suffix}", f"x{self.suffix}"]
        return self._ordered(names, zarr_format)

    def chunk_shape(self, zarr_format: int) -> list[int]:
        """Return the shape of a chunk in the order of the dimensions."""
        return self._ordered(list(self.chunks.chunk_shape), zarr_format)

    def shape(self, zarr_format: int) -> list[int]:
        """Return the shape of the array in the order of the dimensions."""
        return self._ordered(list(self.chunks.level.shape), zarr_format)

    def chunk_index(self, place: TileRange, zarr_format: int) -> list[int]:
        """Return the position of a tile in the grid of chunks."""
        return self._ordered([place.plane, place.y, place.x], zarr_format)

    def _ordered(self, values: list[Any], zarr_format: int) -> list[Any]:
        return [*values[1:], values[0]] if self.is_rows_first(zarr_format) else values

    def is_rows_first(self, zarr_format: int) -> bool:
        """Whether the array is (rows, cols, bands)."""
        return zarr_format == 2 and self.encoding.interleaved  # noqa: PLR2004 - the format's number

    def v2(self) -> tuple[Document, Document]:
        """Return `.zarray` and `.zattrs`.

        Raises:
            UnsupportedError: what is not stored is no nodata (cog.references.fill).
        """
        fill = self.nodata
        if self.chunks.has_sparse and not _equal(fill, self.fill_value):
            reason = (
                f"tiles that are not stored are {self.fill_value}, which is not nodata ({fill}):"
                " zarr 2 has one value for both, zarr_format=3 has two"
            )
            raise refusal(self.chunks, "fill", reason)
        array = {
            "zarr_format": 2,
            "shape": self.shape(2),
            "chunks": self.chunk_shape(2),
            "dtype": self.dtype.newbyteorder(self.encoding.byte_order).str,
            "order": "C",
            "fill_value": None if fill is None else _in_json(fill, self.dtype),
            "filters": None,
            "compressor": self.encoding.codec,
            "dimension_separator": ".",
        }
        return array, {**self.attributes, "_ARRAY_DIMENSIONS": self.dimensions(2)}

    def v3(self) -> Document:
        """Return `zarr.json`."""
        attributes: Document = {**self.attributes, "_ARRAY_DIMENSIONS": self.dimensions(3)}
        if self.nodata is not None and self.dtype.kind != "c":
            attributes["_FillValue"] = fill_value_in_zarr(self.nodata, self.dtype)
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": self.shape(3),
            "data_type": self.dtype.name,
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": self.chunk_shape(3)},
            },
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": _in_json(self.fill_value, self.dtype),
            "codecs": self.encoding.v3_codecs,
            "attributes": attributes,
            "dimension_names": self.dimensions(3),
        }


def _equal(one: float | None, other: float) -> bool:
    return one == other or (one is not None and math.isnan(one) and math.isnan(other))


def _in_json(value: float, dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - a part of a document
    """Return a fill value as both formats write it."""
    if dtype.kind in "iu":
        return int(value)
    number = float(value)
    if math.isnan(number):
        text: Any = "NaN"
    elif math.isinf(number):
        text = "Infinity" if number > 0 else "-Infinity"
    else:
        text = number
    return [text, 0.0] if dtype.kind == "c" else text


def attributes_of(cog: Cog, chunks: LevelChunks, suffix: str) -> tuple[Document, Document | None]:
    """Return the attributes of the array of a level, and those of its grid mapping.

    Raises:
        UsageError: the file has a CRS, and pyproj is not installed.
    """
    attributes: Document = {}
    if chunks.level.has_mask:
        attributes["comment"] = "The file holds a mask image, which is not among these references."
    mapping: Document = {}
    if cog.crs is not None:
        try:
            mapping |= wkt_attributes(cog.crs.to_wkt())
        except UnsupportedError:  # PROJ cannot build it; its name is all that can be told
            mapping["crs_name"] = str(cog.crs)
    if has_transform(cog):
        mapping["GeoTransform"] = geo_transform(chunks.level.transform)
    if not mapping:
        return attributes, None
    # xarray makes it a coordinate, which rioxarray looks for, if it is named as one
    attributes["grid_mapping"] = attributes["coordinates"] = f"{GRID_MAPPING}{suffix}"
    return attributes, mapping


def mapping_v2(attributes: Document) -> tuple[Document, Document]:
    """Return `.zarray` and `.zattrs` of a grid mapping: a number without meaning."""
    array: Document = {
        "zarr_format": 2,
        "shape": [],
        "chunks": [],
        "dtype": "<i4",
        "order": "C",
        "fill_value": None,
        "filters": None,
        "compressor": None,
        "dimension_separator": ".",
    }
    return array, {**attributes, "_ARRAY_DIMENSIONS": []}


def mapping_v3(attributes: Document) -> Document:
    """Return `zarr.json` of a grid mapping; it needs no chunk."""
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [],
        "data_type": "int32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": []}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": attributes,
        "dimension_names": [],
    }
