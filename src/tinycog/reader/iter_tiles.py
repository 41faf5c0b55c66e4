"""Tiles of an area one after the other, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from itertools import islice

from tinycog.raster import Raster
from tinycog.tiff.image import Image
from tinycog.window import Tile

AHEAD_BYTES = 32 << 20
"""Decoded bytes that are read ahead of whoever takes the tiles, beside those just taken."""

MOST_TILES = 64
"""Tiles that are read together at most."""


async def stream(
    image: Image,
    tiles: Iterable[Tile],
    read: Callable[[list[Tile]], Awaitable[list[Raster]]],
) -> AsyncGenerator[Raster, None]:
    """Give tiles in their order; the next batch is read while the last one is taken.

    Who does not take them lets nothing more be read. Whoever leaves early closes it (`aclose`, or
    `contextlib.aclosing`): what is under way then is cancelled.
    """
    grid = image.grid
    length = grid.tile_width * grid.tile_height * image.samples * image.dtype.itemsize
    size = min(max(AHEAD_BYTES // max(length, 1), 1), MOST_TILES)
    rest = iter(tiles)

    def start() -> asyncio.Future[list[Raster]] | None:
        batch = list(islice(rest, size))
        return asyncio.ensure_future(read(batch)) if batch else None

    under_way = start()
    try:
        while under_way is not None:
            rasters = deque(await under_way)
            under_way = start()
            while rasters:
                yield rasters.popleft()
    finally:
        if under_way is not None:
            await _end(under_way)


async def _end(under_way: asyncio.Future[list[Raster]]) -> None:
    """Nobody wants it any more: leave no task, and no error that nobody was told of."""
    under_way.cancel()
    await asyncio.wait([under_way])
    if not under_way.cancelled():
        under_way.exception()
