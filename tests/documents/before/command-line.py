"""What the page of the command line takes for granted: places in two formats."""

from __future__ import annotations

from pathlib import Path

CITIES = "name,lon,lat\nAngra,-27.22,38.66\n"
AREA = """{"type": "Polygon",
    "coordinates": [[[472000, 4301000], [480000, 4301000], [472000, 4309000], [472000, 4301000]]]}
"""


async def before(base: str) -> dict[str, object]:
    """Write the files."""
    del base
    Path("cities.csv").write_text(CITIES)
    Path("area.geojson").write_text(AREA)
    return {}
