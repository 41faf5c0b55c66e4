"""Tiles one after the other: in order, whole, and read no further than they are taken."""

from __future__ import annotations

import asyncio
import gc
import itertools
import tracemalloc
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pytest
from conftest import fixture_path, until

import tinycog
from tinycog import CorruptTileError, TileIndexError, UsageError
from tinycog.reader.iter_tiles import BATCH_TILES, stream
from tinycog.testing import HugeTiff, RangeServer, make_image, make_pyramid, make_tiff
from tinycog.tiff.spec import Compression
from tinycog.window import Tile

PIXELS = np.arange(200 * 300, dtype=np.uint16).reshape(1, 200, 300)
DATA = make_tiff(make_pyramid(PIXELS, (2, 4), tile=(64, 64)))
HUGE = HugeTiff(102_400, 102_400, tile=256, compression=Compression.NONE)
"""10 GB, of 160,000 tiles."""


async def places(tiles) -> list[tuple[int, int]]:
    return [(tile.window.col_off, tile.window.row_off) async for tile in tiles]


@pytest.mark.parametrize("name", ["cog-deflate-u16-p2", "strip-planar-u16", "cog-sparse-nodata"])
async def test_tiles_are_those_of_read_tile_row_by_row(name):
    cog = await tinycog.open(fixture_path(name))
    for level in cog.levels:
        rows, cols = level.grid
        tiles = [tile async for tile in cog.iter_tiles(level=level.z)]
        assert len(tiles) == rows * cols
        for i, tile in enumerate(tiles):
            expected = await cog.read_tile(level.z, i % cols, i // cols)
            np.testing.assert_array_equal(tile.data, expected.data)
            assert (tile.window, tile.level) == (expected.window, level.z)
            assert tuple(tile.transform) == tuple(expected.transform)
            assert tile.bounds == expected.bounds


async def test_a_window_gives_the_whole_tiles_that_it_touches():
    tiles = tinycog.open(DATA).iter_tiles(window=(63, 64, 2, 65))
    assert await places(tiles) == [(0, 64), (64, 64), (0, 128), (64, 128)]


async def test_a_window_is_in_pixels_of_its_level():
    tiles = tinycog.open(DATA).iter_tiles(level=1, window=(100, 0, 50, 1))
    assert await places(tiles) == [(64, 0), (128, 0)]


async def test_bounds_give_the_tiles_that_they_touch():
    cog = await tinycog.open(fixture_path("cog-deflate-u16-p2"))
    tile = await cog.read_tile(0, 1, 1)
    left, bottom, right, top = tile.bounds
    one = [found async for found in cog.iter_tiles(bounds=(left + 1, bottom + 1, right, top))]
    assert [found.window for found in one] == [tile.window]
    two = cog.iter_tiles(bounds=(left - 1, bottom + 1, right, top))
    assert len(await places(two)) == 2


async def test_tiles_are_given_in_colours_where_that_is_asked_for():
    cog = tinycog.open(fixture_path("cog-palette"))
    assert {tile.count async for tile in cog.iter_tiles(rgb=True)} == {3}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"level": 9}, TileIndexError),
        ({"window": (0, 0, 0, 5)}, UsageError),
        ({"window": (290, 0, 20, 5)}, UsageError),
        ({"window": (0, 0, 5, 5), "bounds": (0, 0, 5, 5)}, UsageError),
        ({"bounds": (0, 0, 5, 5), "crs": "EPSG:4326"}, UsageError),
    ],
)
async def test_wrong_arguments_are_refused(options, error):
    with pytest.raises(error):
        await anext(tinycog.open(DATA).iter_tiles(**options))


async def quiet(cog):
    """Wait until no request has ended for a fifth of a second, in which this loop did turn."""
    sent = -1
    while sent < len(cog.requests):
        sent = len(cog.requests)
        for _ in range(50):
            await asyncio.sleep(0.004)


# --- how far ahead -------------------------------------------------------------------------------


async def test_memory_does_not_grow_with_the_file():
    async with RangeServer({"a.tif": HUGE}) as server:
        cog = tinycog.open(server.url("a.tif"))
        tracemalloc.start()
        seen = 0
        async with aclosing(cog.iter_tiles()) as tiles:
            async for tile in tiles:
                x, y = (int(v) // 256 for v in tile.window[:2])
                assert (tile.data == HUGE.expected(x, y)).all()
                seen += 1
                if seen == 3000:
                    break
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 150 << 20


async def test_nothing_more_is_read_until_tiles_are_taken():
    async with RangeServer({"a.tif": HUGE}) as server:
        cog = tinycog.open(server.url("a.tif"))
        async with aclosing(cog.iter_tiles()) as tiles:
            await anext(tiles)
            await quiet(cog)
            read = sum(request.stop - request.start for request in cog.requests)
            sent = len(cog.requests)
            await asyncio.sleep(0.2)
            assert len(cog.requests) == sent
    assert read < (2 * BATCH_TILES + 1) * 256 * 256 + (4 << 20)


# --- leaving early -------------------------------------------------------------------------------


async def others() -> set[asyncio.Task]:
    for _ in range(5):
        await asyncio.sleep(0)
    return asyncio.all_tasks() - {asyncio.current_task()}


@pytest.mark.parametrize("count", [1, 3])
async def test_leaving_early_leaves_no_task(count):
    async with RangeServer({"a.tif": HUGE}, latency=0.05) as server:
        before = await others()
        cog = tinycog.open(server.url("a.tif"))
        tiles = cog.iter_tiles()
        for _ in range(count):
            await anext(tiles)
        await tiles.aclose()
        started = {str(task.get_coro()) for task in await others() - before}
        assert not any("read" in name for name in started)


async def test_an_error_reaches_who_takes_the_tiles_after_those_before_it():
    image = make_image(np.ones((1, 16, 16 * 200), np.uint8), tile=(16, 16), compression=8)
    tiles = list(image.tiles)
    tiles[150] = b"\xff" * len(tiles[150])
    cog = tinycog.open(make_tiff([replace(image, tiles=tiles)]))
    seen = []

    async def take():
        async for tile in cog.iter_tiles():
            seen.extend([tile.window.col_off])

    with pytest.raises(CorruptTileError):
        await take()
    assert seen == [16 * x for x in range(2 * BATCH_TILES)]


async def test_an_error_that_nobody_waits_for_is_no_noise():
    noise = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: noise.append(context))
    cog = await tinycog.open(DATA)
    raster = await cog.read_tile(0, 0, 0)
    calls = []

    async def read(batch):
        calls.append(batch)
        if len(calls) > 1:
            raise UsageError("gone")
        return [raster] * len(batch)

    tiles = stream(cog.levels[0].image, (Tile(0, x, 0) for x in itertools.count()), read)
    await anext(tiles)
    await until(lambda: len(calls) == 2)
    assert [len(batch) for batch in calls] == [BATCH_TILES, BATCH_TILES]
    await tiles.aclose()
    del tiles
    gc.collect()
    await asyncio.sleep(0)
    assert noise == []


async def test_a_consumer_that_is_cancelled_stops_the_reading():
    async with RangeServer({"a.tif": HUGE}, latency=0.2) as server:
        cog = tinycog.open(server.url("a.tif"))

        async def take():
            async for _tile in cog.iter_tiles():
                pass

        taking = asyncio.ensure_future(take())
        await until(lambda: server.log)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
