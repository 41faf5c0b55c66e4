"""What every page may take for granted: the url, the handle, the packages of its first example."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np

import tinycog

DEMO = Path(tinycog.__file__).parent / "data" / "demo.tif"


async def before(base: str) -> dict[str, object]:
    """Return names; `base` is the url of the server that plays example.com."""
    for name in ("image.tif", "a.tif"):
        shutil.copy(DEMO, name)
    url = f"{base}image.tif"
    cog = await tinycog.open(url)
    return {"asyncio": asyncio, "np": np, "tinycog": tinycog, "url": url, "cog": cog}
