"""Sources: an array, a file, and a dataset of dask with a place, as rioxarray has it."""

from __future__ import annotations

import shutil
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from pyproj import CRS


async def before(base: str) -> dict[str, object]:
    """Return names."""
    del base
    shutil.copy("image.tif", "in.tif")
    pixels = np.arange(600 * 500, dtype="uint16").reshape(1, 600, 500)
    names: dict[str, object] = {"source": pixels}
    if find_spec("dask") and find_spec("xarray"):
        xarray = import_module("xarray")
        place = {
            "crs_wkt": CRS.from_epsg(32633).to_wkt(),
            "GeoTransform": "500000 10 0 5000000 0 -10",
        }
        coords = {
            "x": 500_005.0 + 10 * np.arange(500),
            "y": 4_999_995.0 - 10 * np.arange(600),
            "spatial_ref": ((), 0, place),
        }
        red = xarray.DataArray(
            pixels, dims=("time", "y", "x"), coords=coords, attrs={"grid_mapping": "spatial_ref"}
        )
        names["xx"] = xarray.Dataset({"red": red}).chunk({"y": 256, "x": 256})
    return names
