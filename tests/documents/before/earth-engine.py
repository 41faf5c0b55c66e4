"""Objects of Google Cloud Storage, in memory: what the page defines is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from fsspec import filesystem, register_implementation
from fsspec.implementations.memory import MemoryFileSystem

import tinycog
from tinycog.earth_engine import EarthEngineRequest

FILES = ("b4b3b2", "b5b6b7", "west", "east")


def put_into_memory() -> None:
    """Make fsspec's file system in memory the one of gs:// urls, with the files in it."""

    class Bucket(MemoryFileSystem):
        protocol = ("gs", "memory")

    register_implementation("gs", Bucket, clobber=True)
    for name in FILES:
        filesystem("gs").pipe(f"gs://bucket/{name}.tif", Path(f"{name}.tif").read_bytes())


async def before(base: str) -> dict[str, object]:
    """Write files of three bands, two of them side by side."""
    del base
    for name in FILES:
        left = 505_120 if name == "east" else 500_000
        await tinycog.write(
            f"{name}.tif",
            np.ones((3, 512, 512), "uint8"),
            crs="EPSG:32633",
            transform=(10, 0, left, 0, -10, 5_300_000),
            profile="earth-engine",
        )
    return {}


async def after(names: dict[str, Any]) -> None:
    """An external image of two files, and an upload of two tiles."""
    put_into_memory()
    for name in ("register", "upload"):
        request: EarthEngineRequest = await names[name]()
        assert request.body
        assert not request.refused, request.refused
