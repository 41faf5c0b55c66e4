"""What a user's type checker sees: pyright checks this file strictly, and test_surface runs it.

A line with an ignore must be an error: the last setting below reports ignores that are not needed.
"""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import aiohttp
import numpy as np
from affine import Affine
from numpy.typing import NDArray

import tinycog


async def read(where: str | Path) -> list[tinycog.Raster]:
    cog = await tinycog.open(where, limits=tinycog.Limits(retries=tinycog.Retries(tries=2)))
    assert_type(cog, tinycog.Cog)
    assert_type(cog.levels[0].shape, tuple[int, int, int])
    assert_type(cog.crs, tinycog.Crs | None)
    assert_type(cog.transform, Affine)
    assert_type(cog.bounds, tinycog.BoundingBox)
    assert_type(cog.profile["width"], int)
    assert_type(cog.stored_stats, dict[int, tinycog.Statistics])

    tile = await cog.read_tile(0, 0, 0)
    assert_type(tile.data, NDArray[Any])
    assert_type(tile.mask, NDArray[np.bool_])
    window = await cog.read(window=tile.window, resampling="average", shape=(16, 16))
    whole = await cog.read_level(0, masked=True, bands=[0])
    small = await cog.preview(16, level=0, resampling="nearest")
    coarse = [await overview.read(window=(0, 0, 8, 8)) for overview in cog.overviews]

    assert_type(await cog.plan(0, 0, 0), tinycog.Plan)
    assert_type(await cog.plan([(0, 0, 0)]), tinycog.Plan)
    assert_type(await cog.plan(window=tinycog.Window(0, 0, 8, 8)), tinycog.Plan)
    assert_type(await cog.points([(1.0, 2.0)]), tinycog.Values)
    async for part in cog.iter_tiles(level=0):
        assert_type(part, tinycog.Raster)

    description = await cog.read_tag("ImageDescription")
    if isinstance(description, str):
        assert_type(description.upper(), str)
    return [tile, window, whole, small, *coarse]


async def options(cog: tinycog.Cog, mine: tinycog.ReadOptions, crs: tinycog.CrsLike) -> None:
    """Options may be kept in a variable; wrong ones are errors."""
    await cog.preview(16, **mine)
    await cog.read(bounds=(0, 0, 1, 1), crs=crs)
    await cog.preview(16, resampling="quickest")  # pyright: ignore[reportArgumentType]
    await cog.read_level(0, windows=(0, 0, 1, 1))  # pyright: ignore[reportCallIssue]
    await cog.plan(0, 0)  # pyright: ignore[reportCallIssue]
    await cog.no_such_method()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


class Ones:
    """A source of one's own."""

    name = "ones"
    origin = "ones"

    async def aopen(self) -> None:
        """Nothing to open."""

    async def read_range(self, part: tinycog.ByteRange, answer: tinycog.RangeSink) -> None:
        """Answer with ones."""
        answer.begin(None, None)
        answer.write(b"\1" * part.length)

    async def aclose(self) -> None:
        """Nothing to close."""


def of_my_own() -> tinycog.Cog:
    return tinycog.open(Ones())


async def sign(url: str) -> str:
    return url


def open_as(url: str, session: aiohttp.ClientSession) -> list[tinycog.Cog]:
    tinycog.configure(http=tinycog.Http(proxy="http://proxy:3128", client_cert=("cert", "key")))
    tinycog.configure(http="http://proxy:3128")  # pyright: ignore[reportArgumentType]
    return [
        tinycog.open(url, http=tinycog.Http(session=session, cookies={"a": "b"})),
        tinycog.open(tinycog.SignedUrl(url, sign)),
        tinycog.open(tinycog.SignedUrl(url, str.upper), http=tinycog.Http(cookies=True)),
    ]
