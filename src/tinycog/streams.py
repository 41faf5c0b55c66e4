"""Tiles of an area one after the other, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from tinycog.image import Image
from tinycog.pieces import Tile
from tinycog.raster import Raster

AHEAD_BYTES = 32 << 20
"""Decoded bytes that are read ahead of whoever takes the tiles, beside those just taken."""

MOST_TILES = 64
"""Tiles that are read together at most."""


async def stream(
    image: Image,
    tiles: Sequence[Tile],
    read: Callable[[list[Tile]], Awaitable[list[Raster]]],
) -> AsyncGenerator[Raster, None]:
    """Give tiles in their order; the next batch is read while the last one is taken.

    Who does not take them lets nothing more be read.
    """
    grid = image.grid
    length = grid.tile_width * grid.tile_height * image.samples * image.dtype.itemsize
    size = min(max(AHEAD_BYTES // max(length, 1), 1), MOST_TILES)
    batches = deque(list(tiles[i : i + size]) for i in range(0, len(tiles), size))
    following: asyncio.Future[list[Raster]] | None = None
    try:
        while batches or following is not None:
            current = following or asyncio.ensure_future(read(batches.popleft()))
            following = current
            rasters = deque(await current)
            following = asyncio.ensure_future(read(batches.popleft())) if batches else None
            while rasters:
                yield rasters.popleft()
    finally:
        if following is not None:
            following.cancel()
