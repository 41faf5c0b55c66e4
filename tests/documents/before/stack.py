"""Scenes of three days with two bands, and a STAC item of three resolutions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from documents.made import index, scene

import tinycog


async def before(base: str) -> dict[str, object]:
    """Return names."""
    del base
    options = {"shape": (2700, 1000), "top": 5_217_000, "descriptions": ("B04", "B08")}
    names = [await scene(f"2024060{day}.tif", value=day, **options) for day in (1, 2, 5)]
    await index(names, times=["2024-06-01", "2024-06-02", "2024-06-05"])
    assets: dict[str, object] = {}
    for band, size in (("B04", 10.0), ("B05", 20.0), ("B01", 60.0)):
        shape = (round(6000 / size), round(6000 / size))
        path = await scene(f"{band}.tif", shape=shape, size=size, descriptions=(band,))
        assets[band] = {"href": str(Path(path).resolve()), "type": "image/tiff"}
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "S2",
        "geometry": None,
        "links": [],
        "properties": {"datetime": "2024-06-01T10:00:00Z"},
        "assets": assets,
    }
    field = {
        "type": "Polygon",
        "coordinates": [[(9.02, 47.0), (9.04, 47.0), (9.04, 47.02), (9.02, 47.0)]],
    }
    Path("field.geojson").write_text(json.dumps(field))
    return {
        "items": item,
        "field_geojson": field,
        "transform": (10, 0, 1_005_000, 0, -10, 5_950_000),
        "scenes": tinycog.Collection.load("scenes.jsonl"),
        "other": tinycog.Collection.load("scenes.jsonl").stack(),
    }


async def after(names: dict[str, object]) -> None:
    """The pieces were laid into their places."""
    composite = names["composite"]
    assert isinstance(composite, np.ndarray)
    assert composite.max() > 0
