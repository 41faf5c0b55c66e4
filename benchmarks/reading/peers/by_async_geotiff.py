"""async-geotiff: async-tiff with windows and masks."""

from __future__ import annotations

from typing import Any

from async_geotiff import GeoTIFF, Window  # pyright: ignore[reportMissingImports]

from . import Array, Box, Place
from .by_async_tiff import Peer as AsyncTiffPeer


class Peer(AsyncTiffPeer):
    """It reads masks along with pixels, if there are any."""

    async def open(self, url: str, level: int) -> Any:  # noqa: ANN401
        """The image or one of its overviews."""
        store, path = self.locate(url)
        image = await GeoTIFF.open(path, store=store)
        return image.overviews[level - 1] if level else image

    async def tile(self, handle: Any, place: Place) -> Array:  # noqa: ANN401
        """One tile."""
        return (await handle.fetch_tile(*place)).array.data

    async def at_once(self, handle: Any, places: list[Place]) -> list[Array]:  # noqa: ANN401
        """One call."""
        return [tile.array.data for tile in await handle.fetch_tiles(places)]

    async def window(self, handle: Any, box: Box) -> Array:  # noqa: ANN401
        """A window."""
        return (await handle.read(window=Window(*box))).data

    async def level(self, handle: Any) -> Array:  # noqa: ANN401
        """The whole level."""
        return (await handle.read()).data
