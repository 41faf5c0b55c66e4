"""What groups and arrays say of a file: by zarr's conventions, and by CF as xarray reads it.

The conventions are multiscales, spatial and proj of github.com/zarr-conventions, in version 0.1,
whose schemas are published; the drafts before it, called v1, have the same uuids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycog.adapters.cf import (
    GRID_MAPPING,
    fill_value_in_zarr,
    geo_transform,
    has_transform,
    wkt_attributes,
)
from tinycog.adapters.zarr.documents import Json
from tinycog.affine_math import apply, coefficients
from tinycog.errors import UnsupportedError

if TYPE_CHECKING:
    from tinycog import Cog, Level

SPATIAL_DIMENSIONS = ("y", "x")
"""Names of the axes that lie in space: rows, columns."""


def _convention(name: str, uuid: str, description: str) -> Json:
    home = f"zarr-conventions/{name}"
    return {
        "uuid": uuid,
        "schema_url": f"https://raw.githubusercontent.com/{home}/refs/tags/v0.1/schema.json",
        "spec_url": f"https://github.com/{home}/blob/v0.1/README.md",
        "name": name,
        "description": description,
    }


MULTISCALES = _convention(
    "multiscales", "d35379db-88df-4056-af3a-620245f8e347", "Multiscale layout of zarr datasets"
)
SPATIAL = _convention(
    "spatial", "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4", "Spatial coordinate information"
)
PROJ = _convention(
    "proj",
    "f17cb550-5864-4468-aeb7-f3180cfb622f",
    "Coordinate reference system information for geospatial data",
)

# --- conventions ---------------------------------------------------------------------------------


def pyramid_attributes(cog: Cog) -> Json:
    """Return the attributes of a group whose members are the levels, "0", "1" (cog.zarr.place).

    Raises:
        UsageError: the CRS has no code, and pyproj is not installed.
    """
    crs = _crs_attributes(cog)
    attributes: Json = {
        "zarr_conventions": [MULTISCALES, SPATIAL, *([PROJ] if crs else [])],
        "multiscales": {"layout": [_layout(cog, level) for level in cog.levels]},
        "spatial:dimensions": list(SPATIAL_DIMENSIONS),
        **crs,
    }
    if has_transform(cog):
        attributes["spatial:bbox"] = _bbox(cog)
    return attributes


def level_attributes(cog: Cog, level: Level) -> Json:
    """Return the attributes of an array of a level, or of its group.

    Raises:
        UsageError: as for `pyramid_attributes`.
    """
    crs = _crs_attributes(cog)
    return {
        "zarr_conventions": [SPATIAL, *([PROJ] if crs else [])],
        "spatial:dimensions": list(SPATIAL_DIMENSIONS),
        **_place(cog, level),
        **crs,
    }


def _layout(cog: Cog, level: Level) -> Json:
    """Return the entry of a level: its scale is the ratio of sizes, however they were rounded."""
    scale = [cog.height / level.height, cog.width / level.width]
    transform = {"scale": scale, "translation": [(factor - 1) / 2 for factor in scale]}
    derived = {"derived_from": "0"} if level.z else {}
    return {"asset": str(level.z), **derived, "transform": transform, **_place(cog, level)}


def _place(cog: Cog, level: Level) -> Json:
    shape: Json = {"spatial:shape": [level.height, level.width]}
    return shape | (
        {"spatial:transform": list(coefficients(level.transform))} if has_transform(cog) else {}
    )


def _bbox(cog: Cog) -> list[float]:
    """Return [xmin, ymin, xmax, ymax] of the corners, however the image is turned."""
    cols, rows = np.array([0, cog.width, 0, cog.width]), np.array([0, 0, cog.height, cog.height])
    x, y = apply(coefficients(cog.transform), cols, rows)
    return [float(x.min()), float(y.min()), float(x.max()), float(y.max())]


def _crs_attributes(cog: Cog) -> Json:
    """Return what the convention proj says; nothing where PROJ has no words for the CRS."""
    if cog.crs is not None and cog.crs.epsg is not None:
        return {"proj:code": f"EPSG:{cog.crs.epsg}"}
    wkt = _crs_wkt(cog)
    return {} if wkt is None else {"proj:wkt2": wkt}


def _crs_wkt(cog: Cog) -> str | None:
    """Return the CRS as WKT 2; None where there is none, or none that PROJ can build."""
    try:
        return None if cog.crs is None else cog.crs.to_wkt()
    except UnsupportedError:
        return None


# --- CF ------------------------------------------------------------------------------------------


def variable_attributes(cog: Cog, dtype: np.dtype[Any]) -> Json:
    """Return what CF says of the pixels: nodata, scale and offset, descriptions."""
    attributes: Json = {"grid_mapping": GRID_MAPPING, "coordinates": GRID_MAPPING}
    if cog.nodata is not None:
        attributes["_FillValue"] = fill_value_in_zarr(cog.nodata, dtype)
    scale, offset = _common(cog.scales), _common(cog.offsets)
    if scale is not None and offset is not None and (scale, offset) != (1, 0):
        attributes |= {"scale_factor": scale, "add_offset": offset}
    if any(cog.descriptions):
        attributes["long_name"] = [text or "" for text in cog.descriptions]
    return attributes


def _common(numbers: Sequence[float]) -> float | None:
    """Return the number of all bands; None where they differ, or it cannot be read."""
    return numbers[0] if len(set(numbers)) == 1 and math.isfinite(numbers[0]) else None


def grid_mapping_attributes(cog: Cog, level: Level) -> Json:
    """Return the attributes of `spatial_ref`: the CRS as WKT, and GDAL's GeoTransform.

    Raises:
        UsageError: there is a CRS, and pyproj is not installed.
    """
    attributes: Json = {}
    if (wkt := _crs_wkt(cog)) is not None:
        attributes |= wkt_attributes(wkt)
    if has_transform(cog):
        attributes["GeoTransform"] = geo_transform(level.transform)
    return attributes
