"""A table of properties, and urls with a date in their names."""

from __future__ import annotations

from pathlib import Path


async def before(base: str) -> dict[str, object]:
    """Return names."""
    names = [f"{base}20240131.tif", f"{base}20240202.tif"]
    Path("scenes.csv").write_text("where,eo:cloud_cover\n")
    return {"urls": names}
