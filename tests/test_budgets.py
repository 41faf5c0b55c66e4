"""What each read costs: number of requests, their bytes, and no more, on a real loopback server.

A change of a number here is a change for users: it belongs in the changelog.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import tinycog
from tinycog.testing import HugeTiff, RangeServer

FILES = Path(__file__).parent.parent / "fixtures" / "files"
HEAD = 32 * 1024


def asked(server: RangeServer) -> list[tuple[int, int]]:
    """What the server's log says was asked: (start, stop), half-open."""
    return [(line.start or 0, line.stop or 0) for line in server.log]


def all_tiles(cog: tinycog.Cog, z: int) -> list[tuple[int, int, int]]:
    down, across = cog.levels[z].grid
    return [(z, x, y) for y in range(down) for x in range(across)]


async def test_a_cold_tile_of_a_gdal_cog_costs_the_head_and_the_tile():
    async with RangeServer({"a.tif": FILES / "cog-deflate-u16-p2.tif"}) as server:
        cog = tinycog.open(server.url("a.tif"))

        await cog.read_tile(0, 2, 2)

        head, tile = asked(server)
        assert head == (0, HEAD)
        assert tile[1] - tile[0] == len(await cog.read_tile_bytes(0, 2, 2) or b"")


async def test_a_warm_tile_costs_one_request():
    async with RangeServer({"a.tif": FILES / "cog-deflate-u16-p2.tif"}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()

        await cog.read_tile(0, 2, 2)

        assert len(server.log) == 1


async def test_a_tile_inside_the_head_costs_nothing_more():
    async with RangeServer({"a.tif": FILES / "cog-deflate-u16-p2.tif"}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()

        await cog.read_tile(2, 0, 0)

        assert asked(server) == []


async def test_a_tile_across_the_end_of_the_head_costs_only_its_rest():
    async with RangeServer({"a.tif": FILES / "cog-none-u8.tif"}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()

        await cog.read_tiles(all_tiles(cog, 0))

        sent = sum(line.sent for line in server.log)
        stored = [await cog.read_tile_bytes(*tile) or b"" for tile in all_tiles(cog, 0)]
        assert all(start >= HEAD for start, _ in asked(server))
        assert sent < sum(map(len, stored))


async def test_a_tile_that_is_not_stored_costs_no_request():
    async with RangeServer({"a.tif": FILES / "cog-sparse.tif"}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        rows, cols = cog.levels[0].grid
        missing = [
            (x, y)
            for x in range(cols)
            for y in range(rows)
            if await cog.read_tile_bytes(0, x, y) is None
        ]
        server.clear()

        for x, y in missing:
            assert not (await cog.read_tile(0, x, y)).data.any()

        assert missing
        assert asked(server) == []


async def test_opening_a_small_file_costs_one_request():
    for name in ("overviews-after", "subifds", "be-bigtiff-subifds", "edited-tags", "pages"):
        (path,) = list(FILES.glob(f"*-{name}.tif"))[:1]
        async with RangeServer({"a.tif": path}) as server:
            await tinycog.open(server.url("a.tif"))
            assert len(server.log) == 1, name


async def test_tiles_that_lie_together_share_a_request():
    async with RangeServer({"a.tif": FILES / "cog-10-bands-u16.tif"}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()

        await cog.read_tiles(all_tiles(cog, 0))

        assert len(server.log) == 1


async def test_what_the_handle_says_it_sent_is_what_the_server_saw():
    async with RangeServer({"a.tif": FILES / "cog-10-bands-u16.tif"}) as server:
        cog = tinycog.open(server.url("a.tif"))

        await cog.read_tile(1, 0, 0)
        await cog.read_tiles([(0, 1, 0), (0, 0, 0), (1, 0, 0)])

        assert [(r.start, r.stop) for r in cog.requests] == asked(server)
        assert [r.length for r in cog.requests] == [line.sent for line in server.log]


async def test_fifty_callers_open_a_handle_once():
    async with RangeServer({"a.tif": FILES / "cog-deflate-u8.tif"}, latency=0.01) as server:
        cog = tinycog.open(server.url("a.tif"))

        await asyncio.gather(*(cog.read_tile(2, 0, 0) for _ in range(50)))

        assert asked(server) == [(0, HEAD)]


@pytest.mark.parametrize("side", [8_192, 65_536])
async def test_overviews_added_afterwards_open_in_three_requests_and_100_kb(
    side: int, tmp_path: Path
):
    path = tmp_path / "late.tif"
    size = make_late_overviews(path, side)
    async with RangeServer({"late.tif": path}) as server:
        cog = await tinycog.open(server.url("late.tif"))

        assert len(cog.levels) == 6
        assert len(server.log) <= 3
        assert sum(line.sent for line in server.log) < 100_000
        assert size > 40_000_000


def make_late_overviews(path: Path, side: int) -> int:
    """Write a tiled GDAL file with 40 MB of tiles, then its overviews; the rest is not stored."""
    import rasterio  # noqa: PLC0415 - a test of one kind only
    from rasterio.enums import Resampling  # noqa: PLC0415
    from rasterio.errors import NotGeoreferencedWarning  # noqa: PLC0415

    stored = np.random.default_rng(0).integers(0, 255, (1, 6_400, 6_400), dtype=np.uint8)
    options = {"tiled": True, "blockxsize": 256, "blockysize": 256, "sparse_ok": True}
    shape = {"width": side, "height": side, "count": 1, "dtype": "uint8", "compress": "lzw"}
    with rasterio.Env(SPARSE_OK_OVERVIEW="YES"), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", **shape, **options) as dataset:
            dataset.write(stored, window=((0, 6_400), (0, 6_400)))
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews([2, 4, 8, 16, 32], Resampling.nearest)
    return path.stat().st_size


async def test_a_cold_tile_among_a_million_costs_four_requests_and_milliseconds():
    huge = HugeTiff(256 * 1000, 256 * 1000)
    async with RangeServer({"huge.tif": huge}) as server:
        await tinycog.open(server.url("huge.tif")).read_tile(0, 0, 0)  # loads what there is to load
        server.clear()
        began = time.perf_counter()

        tile = await tinycog.open(server.url("huge.tif")).read_tile(0, 777, 555)

        seconds = time.perf_counter() - began
        np.testing.assert_array_equal(tile.data[0], huge.expected(777, 555))
        assert len(server.log) <= 4
        assert sum(line.sent for line in server.log) < 200_000
        assert seconds < 1  # milliseconds; a second would be a whole index
