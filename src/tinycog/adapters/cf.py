"""What CF, GDAL and rioxarray call the place and the nodata of pixels: shared by the adapters."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycog.affine_math import coefficients

if TYPE_CHECKING:
    from affine import Affine

    from tinycog import Cog

GRID_MAPPING = "spatial_ref"
"""Name of the variable that holds CRS and transform, as rioxarray and odc-geo have it."""

IDENTITY = (1, 0, 0, 0, 1, 0)
"""Coefficients of the transform of a file that has none."""


def has_transform(cog: Cog) -> bool:
    """Return whether the transform says where pixels lie.

    That of a file without georeference says so in pixels of level 0. Where there are control points
    in its place, or a CRS and nothing else, none says so.
    """
    return not cog.gcps and (cog.crs is None or coefficients(cog.transform) != IDENTITY)


def geo_transform(transform: Affine) -> str:
    """Return GDAL's GeoTransform: six numbers, all their digits."""
    a, b, c, d, e, f = coefficients(transform)
    return " ".join(repr(float(number)) for number in (c, a, b, f, d, e))


def wkt_attributes(wkt: str) -> dict[str, Any]:
    """Return a CRS by CF's name and by GDAL's."""
    return {"crs_wkt": wkt, "spatial_ref": wkt}


def fill_value_in_zarr(value: float, dtype: np.dtype[Any]) -> int | str | list[str]:
    """Return `_FillValue` as xarray keeps it in zarr 3: parts of floats as bytes of a double."""
    if dtype.kind not in "fc":
        return int(value)
    parts = [base64.b64encode(struct.pack("<d", part)).decode() for part in (value, 0)]
    return parts if dtype.kind == "c" else parts[0]
