"""A token, and a url to be signed."""

from __future__ import annotations


async def before(base: str) -> dict[str, object]:
    """Return names."""

    async def fetch_token() -> str:
        return "made anew"

    return {"fetch_token": fetch_token, "href": f"{base}image.tif"}
