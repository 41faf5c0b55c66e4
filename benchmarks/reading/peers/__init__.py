"""The libraries that are measured, behind one small interface.

A peer does a `Job` and gives arrays of (bands, rows, cols), one for each tile, or one for a window
or a level. It starts from a cold handle each time; connections may stay open from job to job.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Place = tuple[int, int]
Box = tuple[int, int, int, int]

MODULES = {
    "tinycog": "by_tinycog",
    "rasterio": "by_gdal",
    "async-tiff": "by_async_tiff",
    "async-geotiff": "by_async_geotiff",
    "tifffile": "by_tifffile",
}


class CannotError(Exception):
    """The library has no way to do this."""


@dataclass(frozen=True)
class Job:
    """What is to be read.

    Attributes:
        op: "tile", "tiles" (independent calls), "at-once" (one call), "many" (a tile of each url),
            "window", "level", or "plan" (tinycog only).
        urls: one, but for "many".
        level: 0 = full resolution.
        tiles: (x, y) of each tile.
        window: col_off, row_off, width, height.
        concurrency: calls under way at the same time.
        dump: file for the pixels.
    """

    op: str
    urls: list[str]
    level: int
    dump: str
    tiles: list[Place] = field(default_factory=list)
    window: Box = (0, 0, 0, 0)
    concurrency: int = 1

    @classmethod
    def parse(cls, line: str) -> Job:
        """Read it from JSON, which has no tuples."""
        job = cls(**json.loads(line))
        return replace(job, tiles=[(x, y) for x, y in job.tiles])


def load(name: str) -> AsyncPeer | ThreadedPeer:
    """Make the peer of that name; only its own libraries are imported."""
    return import_module("." + MODULES[name], __package__).Peer()


class AsyncPeer(ABC):
    """A library that is awaited. All its jobs run in one event loop, so connections live on."""

    def __init__(self) -> None:
        """Make the loop."""
        self._runner = asyncio.Runner()
        self.facts: dict[str, Any] = {}

    @abstractmethod
    async def open(self, url: str, level: int) -> Any:  # noqa: ANN401 - each has its own
        """A handle for that level."""

    @abstractmethod
    async def tile(self, handle: Any, place: Place) -> Array:  # noqa: ANN401
        """One tile."""

    @abstractmethod
    async def window(self, handle: Any, box: Box) -> Array:  # noqa: ANN401
        """A window."""

    @abstractmethod
    async def level(self, handle: Any) -> Array:  # noqa: ANN401
        """The whole level."""

    async def at_once(self, handle: Any, places: list[Place]) -> list[Array]:  # noqa: ANN401
        """Several tiles by one call."""
        del handle, places
        raise CannotError("no call for several tiles")

    async def plan(self, job: Job) -> list[Array]:
        """Say what a job would ask for, then do it."""
        del job
        raise CannotError("no plans")

    def run(self, job: Job) -> list[Array]:
        """Do a job."""
        self.facts = {}
        return self._runner.run(self._do(job))

    def finish(self) -> dict[str, Any]:
        """After the clock has stopped: what else is to be told."""
        return self.facts

    async def _do(self, job: Job) -> list[Array]:
        if job.op == "many":
            return await self._many(job)
        if job.op == "plan":
            return await self.plan(job)
        handle = await self.open(job.urls[0], job.level)
        if job.op == "window":
            return [await self.window(handle, job.window)]
        if job.op == "level":
            return [await self.level(handle)]
        if job.op == "at-once":
            return await self.at_once(handle, job.tiles)
        return await self._tiles(handle, job)

    async def _tiles(self, handle: Any, job: Job) -> list[Array]:  # noqa: ANN401
        gate = asyncio.Semaphore(job.concurrency)

        async def one(place: Place) -> Array:
            async with gate:
                return await self.tile(handle, place)

        return await asyncio.gather(*map(one, job.tiles))

    async def _many(self, job: Job) -> list[Array]:
        gate = asyncio.Semaphore(job.concurrency)

        async def one(url: str, place: Place) -> Array:
            async with gate:
                return await self.tile(await self.open(url, job.level), place)

        return await asyncio.gather(*map(one, job.urls, job.tiles))


class ThreadedPeer(ABC):
    """A library that blocks: what is concurrent runs in threads."""

    @abstractmethod
    def open(self, url: str, level: int) -> Any:  # noqa: ANN401 - each has its own
        """A handle for that level."""

    @abstractmethod
    def tile(self, handle: Any, place: Place) -> Array:  # noqa: ANN401
        """One tile."""

    @abstractmethod
    def tiles(self, handle: Any, job: Job) -> list[Array]:  # noqa: ANN401
        """Several tiles, independently."""

    @abstractmethod
    def window(self, handle: Any, box: Box) -> Array:  # noqa: ANN401
        """A window."""

    @abstractmethod
    def level(self, handle: Any) -> Array:  # noqa: ANN401
        """The whole level."""

    def at_once(self, handle: Any, places: list[Place]) -> list[Array]:  # noqa: ANN401
        """Several tiles by one call."""
        del handle, places
        raise CannotError("no call for several tiles")

    def finish(self) -> dict[str, Any]:
        """After the clock has stopped: let go of the handles."""
        return {}

    def run(self, job: Job) -> list[Array]:
        """Do a job."""
        if job.op == "plan":
            raise CannotError("no plans")
        if job.op == "many":
            return self._many(job)
        handle = self.open(job.urls[0], job.level)
        if job.op == "window":
            return [self.window(handle, job.window)]
        if job.op == "level":
            return [self.level(handle)]
        if job.op == "at-once":
            return self.at_once(handle, job.tiles)
        if job.op == "tile":
            return [self.tile(handle, job.tiles[0])]
        return self.tiles(handle, job)

    def _many(self, job: Job) -> list[Array]:
        def one(url: str, place: Place) -> Array:
            return self.tile(self.open(url, job.level), place)

        with ThreadPoolExecutor(job.concurrency) as pool:
            return list(pool.map(one, job.urls, job.tiles))
