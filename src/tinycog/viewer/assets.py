"""Page, scripts and styles: files of the package."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

PAGE = "index.html"

TYPES = {
    "index.html": "text/html",
    "viewer.css": "text/css",
    "viewer.js": "text/javascript",
    "layers.js": "text/javascript",
    "panels.js": "text/javascript",
    "leaflet/leaflet.css": "text/css",
    "leaflet/leaflet.js": "text/javascript",
    "leaflet/LICENSE": "text/plain",
    "colormaps.json": "application/json",
}
"""What is sent, and as what: nothing else of the package is."""


@lru_cache(maxsize=len(TYPES))
def read_asset(name: str) -> bytes:
    """Return the bytes of one."""
    return resources.files("tinycog").joinpath("data", "viewer", *name.split("/")).read_bytes()
