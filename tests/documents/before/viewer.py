"""What the page of the viewer serves: a file, a folder, an index."""

from __future__ import annotations

import shutil
from pathlib import Path

from documents.made import index


async def before(base: str) -> dict[str, object]:
    """Write the files."""
    del base
    Path("scenes").mkdir()
    for name in ("elevation.tif", "scenes/a.tif"):
        shutil.copy("image.tif", name)
    await index(["elevation.tif"])
    Path("scenes.jsonl").rename("index.jsonl")
    return {}
