"""A table of properties, a STAC item of two bands, and urls with a date in their names."""

from __future__ import annotations

import json
from pathlib import Path


async def before(base: str) -> dict[str, object]:
    """Return names."""
    days = ("20240131", "20240202")
    rows = [f"{day},{number}" for number, day in enumerate(days)]
    Path("scenes.csv").write_text("\n".join(["name,eo:cloud_cover", *rows, ""]))
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "S2",
        "geometry": None,
        "links": [],
        "properties": {"datetime": "2024-01-31T10:00:00Z"},
        "assets": {
            name: {"href": f"{base}image.tif", "type": "image/tiff"} for name in ("red", "nir")
        },
    }
    Path("items.json").write_text(json.dumps(item))
    return {"urls": [f"{base}{day}.tif" for day in days]}
