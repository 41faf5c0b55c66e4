"""Three files side by side, and an index of them."""

from __future__ import annotations

from documents.made import index, three


async def before(base: str) -> dict[str, object]:
    """Return names."""
    del base
    names = await three()
    await index(names)
    return {"urls": names}
