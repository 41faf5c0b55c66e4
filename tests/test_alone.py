"""Of requests that serve several tiles, one that cannot be had does not fail its neighbours."""

import asyncio

import numpy as np
import pytest

import tinycog
from tinycog.errors import SourceError
from tinycog.fetch.concurrency import BUDGET
from tinycog.testing import Fault, RangeServer, make_image, make_tiff

PIXELS = np.random.default_rng(5).integers(0, 255, (1, 512, 512)).astype(np.uint8)
DATA = make_tiff([make_image(PIXELS, tile=(128, 128))])
BAD = 6
"""The tile that cannot be had."""

LIMITS = tinycog.Limits(retries=tinycog.Retries(tries=2, first_delay=0.01))


def place(tile):
    """Return where the bytes of a tile lie, half-open."""
    found = PIXELS[0, tile // 4 * 128 :][:128, tile % 4 * 128 :][:, :128].tobytes()
    start = DATA.index(found)
    return start, start + len(found)


def touches_bad(context):
    start, stop = place(BAD)
    return context.asked is not None and context.asked.start < stop and context.asked.stop > start


def refused(status):
    """Refuse ranges that touch the bad tile."""

    def alter(context):
        right = Fault.status(status).alter(context)
        return right if touches_bad(context) else ANSWER.alter(context)

    return Fault(kind="refused", alter=alter, times=None)


def breaks_off():
    """Break each body off inside the bad tile."""
    start, _ = place(BAD)

    def alter(context):
        if not touches_bad(context):
            return ANSWER.alter(context)
        return Fault.short_body(max(start + 5 - context.asked.start, 0)).alter(context)

    return Fault(kind="breaks off", alter=alter, times=None)


ANSWER = Fault.headers({})
"""Answers as it should be."""

WAYS = {"418": refused(418), "500": refused(500), "breaks off": breaks_off()}


@pytest.fixture
async def server():
    async with RangeServer({"a.tif": DATA}) as server:
        yield server
    assert BUDGET.used == 0


def expected(tile):
    y, x = divmod(tile, 4)
    return PIXELS[:, y * 128 :, x * 128 :][:, :128, :128]


@pytest.mark.parametrize("way", WAYS)
async def test_reads_of_other_tiles_are_right(way, server):
    cog = await tinycog.open(server.url("a.tif"), limits=LIMITS)
    server.script(WAYS[way])
    server.clear()
    tiles = range(2, 14)  # those before came with the header
    reads = [cog.read_tile(0, tile % 4, tile // 4) for tile in tiles]
    found = await asyncio.gather(*reads, return_exceptions=True)
    for tile, raster in zip(tiles, found, strict=True):
        if tile == BAD:
            assert isinstance(raster, SourceError)
        else:
            assert isinstance(raster, tinycog.Raster), (tile, raster)
            assert np.array_equal(raster.data, expected(tile))
    assert len(server.log) <= 2 + len(tiles)
    await cog.aclose()


@pytest.mark.parametrize("way", WAYS)
async def test_a_read_of_several_fails_for_its_own_alone(way, server):
    cog = await tinycog.open(server.url("a.tif"), limits=LIMITS)
    server.script(WAYS[way])
    good = [(0, x, 2) for x in range(4)]
    bad = [(0, x, 1) for x in range(4)]
    found = await asyncio.gather(cog.read_tiles(good), cog.read_tiles(bad), return_exceptions=True)
    assert isinstance(found[0], list)
    assert isinstance(found[1], SourceError)
    for raster, (_, x, y) in zip(found[0], good, strict=True):
        assert np.array_equal(raster.data, expected(y * 4 + x))


async def test_a_server_that_refuses_everything_is_asked_little_more(server):
    cog = await tinycog.open(server.url("a.tif"), limits=LIMITS)
    server.script(Fault.status(418, times=None))
    server.clear()
    with pytest.raises(SourceError):
        await cog.read()
    assert len(server.log) == 5  # for 15 tiles, one came with the header; for 8, 4, 2, 1 of them
    server.script(Fault.status(404, times=None))
    server.clear()
    with pytest.raises(tinycog.NotFoundError):
        await cog.read()
    assert len(server.log) == 1


async def test_a_read_that_is_cancelled_meanwhile_leaves_nothing(server):
    cog = await tinycog.open(server.url("a.tif"), limits=LIMITS)
    server.script(WAYS["418"])
    server.latency = 0.05
    for wait in (0.02, 0.07, 0.12):
        read = asyncio.ensure_future(cog.read())
        await asyncio.sleep(wait)
        read.cancel()
        with pytest.raises((asyncio.CancelledError, SourceError)):
            await read
    await asyncio.sleep(0.2)
    assert BUDGET.used == 0
    server.script()
    assert np.array_equal((await cog.read()).data, PIXELS)


async def test_one_failure_of_many_tiles_costs_two_requests_more(server):
    cog = await tinycog.open(server.url("a.tif"), limits=LIMITS)
    server.script(Fault.status(418))
    server.clear()
    assert np.array_equal((await cog.read()).data, PIXELS)
    assert len(server.log) == 3
