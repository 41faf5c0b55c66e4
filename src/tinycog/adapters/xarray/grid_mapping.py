"""The coordinate `spatial_ref`: CRS by CF, GeoTransform, control points, sensor model."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from xarray import Variable

import tinycog
from tinycog.adapters.cf import geo_transform, wkt_attributes
from tinycog.adapters.xarray.file_facts import FileFacts

if TYPE_CHECKING:
    from affine import Affine


def grid_mapping(facts: FileFacts) -> Variable:
    """Return the coordinate; rioxarray and odc-geo read its attributes."""
    crs, gcps, rpcs = facts.cog.crs, facts.cog.gcps, facts.cog.rpcs
    attrs = place_attrs(crs, facts.level.transform)
    if gcps:
        attrs["gcps"] = json.dumps(_geojson(facts))
    if rpcs is not None and facts.level.z == 0:  # its pixels are those of level 0
        attrs["rpcs"] = json.dumps(rpcs._asdict())
    return Variable((), 0, attrs)


def place_attrs(crs: tinycog.Crs | None, transform: Affine) -> dict[str, Any]:
    """Return CRS and transform as attributes."""
    attrs = {} if crs is None else _crs_attrs(crs)
    return attrs | {"GeoTransform": geo_transform(transform)}


def _crs_attrs(crs: tinycog.Crs) -> dict[str, Any]:
    """Return CF's attributes and WKT; without PROJ the code, or a warning if there is none."""
    try:
        built = crs.to_pyproj()
    except (tinycog.UsageError, tinycog.UnsupportedError) as error:
        if crs.epsg is None:
            warnings.warn(f"spatial_ref names no CRS: {error}", stacklevel=2)
            return {}
        return {"spatial_ref": str(crs)}
    wkt = built.to_wkt()
    attrs: dict[str, Any] = {}
    with suppress(KeyError):  # a method that CF has no name for
        attrs |= built.to_cf()  # pyright: ignore[reportUnknownMemberType]
    return attrs | wkt_attributes(wkt)


def _geojson(facts: FileFacts) -> dict[str, Any]:
    """Return the control points as rioxarray writes them, in pixels of the level."""
    rows, cols = facts.extent
    down, across = rows / facts.cog.height, cols / facts.cog.width
    features = [
        {
            "type": "Feature",
            "properties": {
                "id": point.id,
                "info": "",
                "row": point.row * down,
                "col": point.col * across,
            },
            "geometry": {"type": "Point", "coordinates": [point.x, point.y, point.z]},
        }
        for point in facts.cog.gcps
    ]
    return {"type": "FeatureCollection", "features": features}
