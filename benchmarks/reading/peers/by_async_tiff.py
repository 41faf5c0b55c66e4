"""async-tiff over obstore: fetches and decodes in Rust; windows are pasted here."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from async_tiff import TIFF, ImageFileDirectory  # pyright: ignore[reportMissingImports]
from obstore.store import HTTPStore  # pyright: ignore[reportMissingImports]

from . import Array, AsyncPeer, Box, Place
from .pasting import paste, touched

MASK = 4


class Peer(AsyncPeer):
    """One store for the whole run, so that its connections live on."""

    def __init__(self) -> None:
        """No store yet."""
        super().__init__()
        self._stores: dict[str, HTTPStore] = {}

    def locate(self, url: str) -> tuple[HTTPStore, str]:
        """The store of the server, and the path in it."""
        parts = urlsplit(url)
        base = f"{parts.scheme}://{parts.netloc}"
        if base not in self._stores:
            self._stores[base] = HTTPStore(base, client_options={"allow_http": True})
        return self._stores[base], parts.path.lstrip("/")

    async def open(self, url: str, level: int) -> ImageFileDirectory:
        """The directory of that level; masks do not count."""
        store, path = self.locate(url)
        tiff = await TIFF.open(path, store=store)
        return [ifd for ifd in tiff.ifds if not (ifd.new_subfile_type or 0) & MASK][level]

    async def tile(self, handle: ImageFileDirectory, place: Place) -> Array:
        """One tile."""
        return await decoded(handle, await handle.fetch_tile(*place))

    async def at_once(self, handle: ImageFileDirectory, places: list[Place]) -> list[Array]:
        """One call to fetch them, then each is decoded in the library's threads."""
        tiles = await handle.fetch_tiles(places)
        return await asyncio.gather(*(decoded(handle, tile) for tile in tiles))

    async def window(self, handle: ImageFileDirectory, box: Box) -> Array:
        """Tiles, pasted."""
        side = handle.tile_width or 0
        places = touched(box, side)
        return paste(box, side, zip(places, await self.at_once(handle, places), strict=True))

    async def level(self, handle: ImageFileDirectory) -> Array:
        """All tiles, pasted."""
        return await self.window(handle, (0, 0, handle.image_width, handle.image_height))


async def decoded(ifd: ImageFileDirectory, tile: Any) -> Array:  # noqa: ANN401
    """Pixels as (bands, rows, cols), without a copy."""
    pixels = np.asarray(await tile.decode())
    return pixels if ifd.planar_configuration == 2 else np.moveaxis(pixels, 2, 0)
