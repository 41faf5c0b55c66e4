"""tinycog."""

from __future__ import annotations

import urllib.request
from urllib.parse import urlsplit

import tinycog

from . import Array, AsyncPeer, Box, Job, Place

Handle = tuple[tinycog.Cog, int]


class Peer(AsyncPeer):
    """Opens without I/O; the first read reads the header. Pixels alone, as the others read them."""

    async def open(self, url: str, level: int) -> Handle:
        """The handle, not opened."""
        return tinycog.open(url), level

    async def tile(self, handle: Handle, place: Place) -> Array:
        """One tile."""
        cog, level = handle
        return (await cog.read_tile(level, *place, masked=False)).data

    async def at_once(self, handle: Handle, places: list[Place]) -> list[Array]:
        """Planned together."""
        cog, level = handle
        tiles = [(level, *place) for place in places]
        return [raster.data for raster in await cog.read_tiles(tiles, masked=False)]

    async def window(self, handle: Handle, box: Box) -> Array:
        """A window."""
        cog, level = handle
        return (await cog.read(window=box, level=level, masked=False)).data

    async def level(self, handle: Handle) -> Array:
        """The whole level."""
        cog, level = handle
        return (await cog.read_level(level, masked=False)).data

    async def plan(self, job: Job) -> list[Array]:
        """Plan on an open handle, then read; the server's log is cleared in between."""
        cog = await tinycog.open(job.urls[0])
        if job.tiles:
            tiles = [(job.level, *place) for place in job.tiles]
            plan = await cog.plan(tiles, masked=False)
        else:
            plan = await cog.plan(window=job.window, level=job.level, masked=False)
        self.facts = {
            "plan": [tuple(part) for part in plan.requests],
            "plan_bytes": plan.bytes,
            "plan_waste": plan.waste,
        }
        server = urlsplit(job.urls[0])
        urllib.request.urlopen(f"http://{server.netloc}/__clear").close()  # noqa: ASYNC210
        if job.tiles:
            return await self.at_once((cog, job.level), job.tiles)
        return [await self.window((cog, job.level), job.window)]
