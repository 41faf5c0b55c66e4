"""The handle of the page's first block, whose process is its own."""

from __future__ import annotations

import tinycog.sync


async def before(base: str) -> dict[str, object]:
    """Return names."""
    return {"cog": tinycog.sync.open(f"{base}image.tif")}
