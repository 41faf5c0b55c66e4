"""What is done to a file: all that a user may ask of it, each with its outcome."""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import numpy as np

import tinycog

MOST_COMPARED = 24 << 20
"""Bytes of a level that is compared; of larger ones only the reading counts."""


class Step(NamedTuple):
    """One thing that was asked.

    Attributes:
        what: in a word or two.
        error: how it was refused; "" if it was not.
        requests: that it took.
        leaked: whether the error is none of tinycog's.
    """

    what: str
    error: str
    requests: int
    leaked: bool = False


class Seen(NamedTuple):
    """All that came of a visit: steps, and the pixels of the levels that are not too large."""

    steps: list[Step]
    levels: dict[int, Any]
    sizes: list[tuple[int, ...]]
    lossy: bool


TINYCOG = (
    "tinycog.decode.tile",
    "tinycog.pixels.png",
    "tinycog.sources.http.fast_path",
    "tinycog.reader.read_web_tile",
)
LOSSY = ("JPEG", "WEBP", "LERC", "JPEG_2000", "JPEG_XL", "JPEG_XR")


def visit(url: str) -> Seen:
    """Ask everything."""
    seen = asyncio.run(_Visitor(url).all())
    gc.collect()  # so that what nobody looked at complains now
    return seen


def load() -> Callable[[str], Seen]:
    """Import all that a visit will, so that a fork need not."""
    for module in ("aiohttp", *TINYCOG):
        importlib.import_module(module)
    import imagecodecs  # noqa: PLC0415 - as late as tinycog does

    for name in (
        "jpeg2k",
        "jpegxl",
        "lzma",
        "webp",
        "lerc",
        "png",
        "jpeg",
        "tiff",
        "zstd",
        "deflate",
    ):
        getattr(imagecodecs, f"{name}_decode")
    return visit


class _Visitor:
    def __init__(self, url: str) -> None:
        self.cog = tinycog.open(url)
        self.steps: list[Step] = []
        self.levels: dict[int, Any] = {}

    async def all(self) -> Seen:
        await self.step("open", self._open)
        sizes: list[tuple[int, ...]] = []
        lossy = False
        if not self.steps[0].error:
            sizes = [level.shape for level in self.cog.levels]
            lossy = any(level.compression.startswith(LOSSY) for level in self.cog.levels)
            await self.step("facts", self._facts)
        count = min(max(len(sizes), 1), 3)
        for z in range(count):
            await self.step(f"level {z}", lambda z=z: self._level(z))
            await self.step(f"first tile of {z}", lambda z=z: self._tile(z, last=False))
            await self.step(f"last tile of {z}", lambda z=z: self._tile(z, last=True))
        await self.step("window", lambda: self.cog.read(window=(0, 0, 40, 30), masked=True))
        await self.step("preview", lambda: self.cog.preview(64))
        await self.step("average", lambda: self.cog.preview(64, resampling="average"))
        await self.step("colours", lambda: self.cog.read_tile(0, 0, 0, rgb=True))
        await self.cog.aclose()
        return Seen(self.steps, self.levels, sizes, lossy)

    async def step(self, what: str, work: Callable[[], Awaitable[object]]) -> None:
        before = len(self.cog.requests)
        error, leaked = "", False
        try:
            await work()
        except tinycog.TinycogError as exc:
            error = f"{type(exc).__name__}: {exc}"[:300]
        except Exception:  # noqa: BLE001 - what leaks is what we look for
            lines = traceback.format_exc().splitlines()
            error, leaked = " | ".join(line.strip() for line in lines[-7:])[-900:], True
        self.steps.append(Step(what, error, len(self.cog.requests) - before, leaked))

    async def _open(self) -> None:
        await self.cog

    async def _facts(self) -> None:
        cog = self.cog
        facts: list[object] = [repr(cog), repr(cog.levels), cog._repr_html_(), cog.snapshot()]
        facts += [cog.findings, cog.info(), cog.profile, cog.stored_stats, cog.colormap]
        facts += [cog.gcps, cog.rpcs, str(cog.crs)]
        for level in cog.levels:
            facts += [level.compression, level.dtype, level.nodata, level.transform, level.bounds]

    async def _level(self, z: int) -> None:
        raster = await self.cog.read_level(z)
        if raster.data.nbytes <= MOST_COMPARED:
            self.levels[z] = np.array(raster.data)

    async def _tile(self, z: int, *, last: bool) -> None:
        x = y = 0
        if last and z < len(self.cog.levels):
            down, across = self.cog.levels[z].grid
            x, y = across - 1, down - 1
        await self.cog.read_tile(z, x, y)


def main() -> None:
    """Visit in a process of one's own: `python -m hostile.visit URL`."""
    for step in visit(sys.argv[1]).steps:
        sys.stdout.write(f"{step.what}: {step.error or 'ok'} ({step.requests} requests)\n")


if __name__ == "__main__":
    main()
