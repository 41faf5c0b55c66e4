"""The levels of a file as a hierarchy: each an array, or each a group of variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinycog.adapters.cf import GRID_MAPPING, has_transform
from tinycog.adapters.zarr.arrays import ChunkedArray, MaskTiles, Numbers, Tiles
from tinycog.adapters.zarr.attributes import (
    SPATIAL_DIMENSIONS,
    grid_mapping_attributes,
    level_attributes,
    pyramid_attributes,
    variable_attributes,
)
from tinycog.adapters.zarr.documents import Json, array_document, group_document
from tinycog.adapters.zarr.hierarchy import Hierarchy
from tinycog.affine_math import coefficients

if TYPE_CHECKING:
    from tinycog import Cog, Level

BANDS = ("band", *SPATIAL_DIMENSIONS)
"""Names of the axes of pixels."""

PIXELS, MASK = "band_data", "mask"
"""Names of pixels, as rioxarray's, and of their mask."""


def levels_as_arrays(cog: Cog) -> Hierarchy:
    """Return arrays "0", "1", ... of pixels, and "mask/0", "mask/1", ... if any can be invalid.

    The handle is open.

    Raises:
        UnsupportedError: no numpy type can hold the samples.
        UsageError: the CRS has no code, and pyproj is not installed.
    """
    made = _Builder()
    made.group("", pyramid_attributes(cog))
    for level in cog.levels:
        _add_pixels(made, str(level.z), cog, level, {})
    if can_be_invalid(cog):
        made.group(MASK, pyramid_attributes(cog))
        for level in cog.levels:
            _add_mask(made, f"{MASK}/{level.z}", cog, level)
    return made.hierarchy()


def levels_as_groups(cog: Cog) -> Hierarchy:
    """Return groups "0", "1", ... of variables as xarray knows them: pixels, mask, coordinates.

    The handle is open.

    Raises:
        UnsupportedError: no numpy type can hold the samples.
        UsageError: there is a CRS, and pyproj is not installed.
    """
    made = _Builder()
    made.group("", pyramid_attributes(cog))
    for level in cog.levels:
        name = str(level.z)
        made.group(name, level_attributes(cog, level))
        _add_pixels(made, f"{name}/{PIXELS}", cog, level, variable_attributes(cog, level.dtype))
        if can_be_invalid(cog):
            _add_mask(made, f"{name}/{MASK}", cog, level)
        made.numbers(f"{name}/band", np.arange(1, level.count + 1), ["band"], {})
        reference = grid_mapping_attributes(cog, level)
        made.numbers(f"{name}/{GRID_MAPPING}", np.array(0), [], reference)
        for axis, values in centres(cog, level).items():
            made.numbers(f"{name}/{axis}", values, [axis], {"axis": axis.upper()})
    return made.hierarchy()


def can_be_invalid(cog: Cog) -> bool:
    """Return whether anything of the file says which pixels are valid (cog.zarr.mask)."""
    return (
        cog.nodata is not None
        or any(level.has_mask for level in cog.levels)
        or "alpha" in cog.colorinterp
        or "NODATA_VALUES" in cog.tags()
    )


class _Builder:
    """A hierarchy while it is made."""

    def __init__(self) -> None:
        self._documents: dict[str, Json] = {}
        self._arrays: dict[str, ChunkedArray] = {}

    def group(self, path: str, attributes: Json) -> None:
        self._documents[path] = group_document(attributes)

    def array(self, path: str, array: ChunkedArray, document: Json) -> None:
        self._documents[path] = document
        self._arrays[path] = array

    def numbers(
        self, path: str, values: NDArray[Any], dimensions: list[str], attributes: Json
    ) -> None:
        array = Numbers.of(values)
        self.array(path, array, array_document(array, dimensions, attributes))

    def hierarchy(self) -> Hierarchy:
        return Hierarchy(self._documents, self._arrays)


def _add_pixels(made: _Builder, path: str, cog: Cog, level: Level, attributes: Json) -> None:
    array = Tiles.of(cog, level)
    attributes = level_attributes(cog, level) | attributes
    made.array(path, array, array_document(array, BANDS, attributes, fill=cog.nodata))


def _add_mask(made: _Builder, path: str, cog: Cog, level: Level) -> None:
    array = MaskTiles.of(cog, level)
    attributes = level_attributes(cog, level)
    made.array(path, array, array_document(array, SPATIAL_DIMENSIONS, attributes))


def centres(cog: Cog, level: Level) -> dict[str, NDArray[np.floating[Any]]]:
    """Return the coordinates of the centres of columns and rows; none where they are turned."""
    a, b, c, d, e, f = coefficients(level.transform)
    if b or d or not has_transform(cog):
        return {}
    return {
        "x": c + a * (np.arange(level.width) + 0.5),
        "y": f + e * (np.arange(level.height) + 0.5),
    }
