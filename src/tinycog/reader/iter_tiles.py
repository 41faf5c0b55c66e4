"""Stream the tiles of an area one after the other, in bounded memory: `Cog.iter_tiles`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from itertools import islice

from tinycog.raster import Raster
from tinycog.tiff.image import Image
from tinycog.window import Tile

READ_AHEAD_BYTES = 32 << 20
"""Most decoded bytes of the batch that is read ahead of the consumer, unless one tile is more."""

BATCH_TILES = 64
"""Most tiles that are read together."""


async def stream(
    image: Image,
    tiles: Iterable[Tile],
    read: Callable[[list[Tile]], Awaitable[list[Raster]]],
) -> AsyncGenerator[Raster, None]:
    """Yield tiles in their order, reading the next batch while the consumer takes the last one.

    Back-pressure: no further batch is requested until the consumer asks for it. Closing the
    generator early (`aclose`, or `contextlib.aclosing`) cancels what is under way.
    """
    grid = image.grid
    length = grid.tile_width * grid.tile_height * image.samples * image.dtype.itemsize
    size = min(max(READ_AHEAD_BYTES // max(length, 1), 1), BATCH_TILES)
    remaining = iter(tiles)

    def start() -> asyncio.Future[list[Raster]] | None:
        batch = list(islice(remaining, size))
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
            await _cancel(under_way)


async def _cancel(under_way: asyncio.Future[list[Raster]]) -> None:
    """Cancel a batch and wait for its end, so that neither a task nor an error is left behind."""
    under_way.cancel()
    await asyncio.wait([under_way])
    if not under_way.cancelled():
        under_way.exception()
