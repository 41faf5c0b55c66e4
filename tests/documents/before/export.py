"""Three files side by side."""

from __future__ import annotations

from documents.made import three


async def before(base: str) -> dict[str, object]:
    """Return names."""
    del base
    return {"urls": await three()}
