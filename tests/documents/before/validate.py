"""Two files side by side."""

from __future__ import annotations

from documents.made import scene


async def before(base: str) -> dict[str, object]:
    """Write them."""
    del base
    await scene("west.tif")
    await scene("east.tif", col=400)
    return {}
