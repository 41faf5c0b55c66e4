"""Assets to STAC items: version 1.1, with the extensions projection and raster."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from tinycog.collection.asset import Asset
from tinycog.collection.stac_assets import TIMES
from tinycog.collection.times import to_text
from tinycog.errors import UsageError

VERSION = "1.1.0"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
GEOTIFF_TYPE = "image/tiff; application=geotiff"
STAC_NAMES = {"complex64": "cfloat32", "complex128": "cfloat64", "complex_int16": "cint16"}
NOT_KEPT = ("item", "asset", "collection", *TIMES)
KEY = "data"
"""Of the asset of an item."""


def to_items(assets: Iterable[Asset]) -> list[dict[str, Any]]:
    """Return an item for each asset.

    Raises:
        UsageError: two would have the same id, or one has no time.
    """
    found = [to_item(asset) for asset in assets]
    seen: set[str] = set()
    for item in found:
        if item["id"] in seen:
            message = f"two assets are called {item['id']!r}, which an item collection cannot hold"
            raise UsageError(message)
        seen.add(item["id"])
    return found


def to_item(asset: Asset, *, needs_time: bool = True) -> dict[str, Any]:
    """Return an asset as an item.

    Raises:
        UsageError: it has no time, though an item needs one.
    """
    own = {name: value for name, value in asset.properties.items() if name not in NOT_KEPT}
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [PROJECTION, RASTER],
        "id": asset.name.replace("/", "_"),
        "geometry": None if asset.bounds is None else asset.geometry,
        "properties": {**own, **_times(asset, needs_time), **_projection(asset)},
        "links": [],
        "assets": {KEY: _asset(asset)},
    }
    if asset.bounds is not None:
        item["bbox"] = list(asset.bounds)
    return item


def _times(asset: Asset, needs_time: bool) -> Mapping[str, str | None]:  # noqa: FBT001 - private
    start, end = asset.start, asset.end
    if start is None and end is None and needs_time:
        message = (
            f"asset {asset.name!r} has no time, which a STAC item must have: give times= when the"
            " collection is made"
        )
        raise UsageError(message)
    if start is None or end is None:
        return {"datetime": to_text(start or end)}
    return {"datetime": None, "start_datetime": to_text(start), "end_datetime": to_text(end)}


def _projection(asset: Asset) -> Mapping[str, object]:
    crs = asset.crs
    found: dict[str, object] = {"proj:code": None}
    if crs is not None and crs.startswith("{"):
        found["proj:projjson"] = json.loads(crs)
    elif crs is not None and not crs.partition(":")[0].isalnum():
        found["proj:wkt2"] = crs
    elif crs is not None:
        found["proj:code"] = crs
    if asset.shape is not None:
        found["proj:shape"] = list(asset.shape)
    if asset.transform is not None:
        found["proj:transform"] = list(asset.transform)[:6]
    return found


def _asset(asset: Asset) -> Mapping[str, object]:
    found: dict[str, object] = {"href": asset.where, "type": GEOTIFF_TYPE, "roles": ["data"]}
    facts = _facts(asset)
    if asset.bands is not None:
        found["bands"] = [
            {"name": name or f"b{i}", **facts} for i, name in enumerate(asset.bands, 1)
        ]
    else:
        found |= facts
    if asset.generation is not None:
        found["tinycog:generation"] = asset.generation
    return found


def _facts(asset: Asset) -> Mapping[str, object]:
    """Return what holds for each band."""
    found: dict[str, object] = {}
    if asset.dtype is not None:
        found["data_type"] = STAC_NAMES.get(asset.dtype, asset.dtype)
    if asset.nodata is not None:
        found["nodata"] = asset.nodata if isfinite(asset.nodata) else str(asset.nodata)
    if asset.resolution is not None and asset.resolution[0] == asset.resolution[1]:
        found["raster:spatial_resolution"] = asset.resolution[0]
    return found
