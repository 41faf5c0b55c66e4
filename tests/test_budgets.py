"""What each read costs: number of requests, their bytes, and no more, on a real loopback server.

A change of a number here is a change for users: it belongs in the changelog.
"""

from __future__ import annotations

import asyncio
import time
import tracemalloc
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinycog
from tinycog import FormatError, NotTiffError
from tinycog.reader import tile_job
from tinycog.testing import (
    Fault,
    HugeTiff,
    Layout,
    RangeServer,
    make_image,
    make_pyramid,
    make_tiff,
)
from tinycog.testing.server.exchange import RequestContext, Response

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


@pytest.mark.parametrize(("compression", "most"), [(1, 3 * 512), (8, 0.6)])
async def test_points_need_the_rows_that_hold_them(compression, most):
    noise = np.random.default_rng(3).integers(0, 4000, (1, 256, 256)).astype(np.uint16)
    image = make_image(noise, tile=(256, 256), compression=compression)
    async with RangeServer({"a.tif": make_tiff([image])}) as server:
        cog = await tinycog.open(server.url("a.tif"), head_bytes=512)

        values = await cog.points([(7.5, 60.5), (200.5, 62.5)], whole_tiles=False)

        assert values.data[:, 0].tolist() == [noise[0, 60, 7], noise[0, 62, 200]]
        (_, (start, stop)) = asked(server)
        whole = len(await cog.read_tile_bytes(0, 0, 0) or b"")
        assert stop - start <= (most if compression == 1 else most * whole)


def refuse_ends_beyond(*, headers: bool) -> Fault:
    """Answer 416 where the last byte that is asked for lies beyond the end, as node-static does."""

    def alter(exchange: RequestContext) -> Response:
        content, wanted = exchange.content, exchange.asked
        if content is None or wanted is None or wanted.stop <= content.size:
            return exchange.right
        return Response(416, {"Content-Range": f"bytes */{content.size}"} if headers else {})

    return Fault(kind="ends beyond", alter=alter, times=None)


async def test_a_server_that_refuses_a_head_beyond_the_end_is_asked_once_more():
    data = make_tiff([make_image(np.arange(256, dtype=np.uint8).reshape(1, 16, 16))])
    async with RangeServer({"a.tif": data}) as server:
        server.script(refuse_ends_beyond(headers=True))
        cog = tinycog.open(server.url("a.tif"))
        assert (await cog.read()).data.ravel().tolist() == list(range(256))
        assert asked(server) == [(0, HEAD), (0, len(data))]


@pytest.mark.parametrize("data", [b"", b"II*\0\x08\0\0"])
async def test_a_server_that_refuses_everything_is_not_asked_for_ever(data):
    async with RangeServer({"a.tif": data}) as server:
        server.script(refuse_ends_beyond(headers=True))
        with pytest.raises(FormatError):
            await tinycog.open(server.url("a.tif"))
        assert len(server.log) <= 2


async def test_a_416_that_tells_no_size_is_final():
    data = make_tiff([make_image(np.zeros((1, 16, 16), np.uint8))])
    async with RangeServer({"a.tif": data}) as server:
        server.script(refuse_ends_beyond(headers=False))
        with pytest.raises(NotTiffError, match="outside the object"):
            await tinycog.open(server.url("a.tif"))
        assert len(server.log) == 1


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
        began = time.process_time()

        tile = await tinycog.open(server.url("huge.tif")).read_tile(0, 777, 555)

        seconds = time.process_time() - began  # whatever else this machine does
        np.testing.assert_array_equal(tile.data[0], huge.expected(777, 555))
        assert len(server.log) <= 4
        assert sum(line.sent for line in server.log) < 200_000
        assert seconds < 1  # milliseconds; a second would be a whole index


# --- many tiles at once --------------------------------------------------------------------------

SIDE = 20
"""Tiles in a row, and in a column, of `GRID`: 64 x 64 pixels, stored as they are, 4,096 bytes."""
GRID_PIXELS = np.random.default_rng(3).integers(0, 255, (1, SIDE * 64, SIDE * 64), np.uint8)
GRID = make_tiff(make_pyramid(GRID_PIXELS, (2, 4), tile=(64, 64)), layout=Layout(ghost=True))
FRAMES = 8
"""Bytes of a trailer and the next leader, between two tiles."""


def window_of(pixels: np.ndarray, window: tuple[Any, ...]) -> np.ndarray:
    left, top, width, height = window
    return pixels[:, top : top + height, left : left + width]


async def test_neighbours_read_one_by_one_cost_what_they_cost_together():
    tiles = [(0, 8 + x, 8 + y) for x in range(4) for y in range(4)]
    async with RangeServer({"a.tif": GRID}) as server:
        await (await tinycog.open(server.url("a.tif"))).read_tiles(tiles)
        together = asked(server)
        server.clear()
        cog = await tinycog.open(server.url("a.tif"))

        found = await asyncio.gather(*(cog.read_tile(*tile) for tile in tiles))

        assert sorted(asked(server)) == sorted(together)
        assert len(together) == 1 + 4
        for raster in found:
            np.testing.assert_array_equal(raster.data, window_of(GRID_PIXELS, raster.window))


async def test_neighbours_of_a_handle_that_is_not_open_yet_cost_no_more():
    tiles = [(0, 8 + x, 8 + y) for x in range(4) for y in range(4)]
    async with RangeServer({"a.tif": GRID}) as server:
        cog = tinycog.open(server.url("a.tif"))

        await asyncio.gather(*(cog.read_tile(*tile) for tile in tiles))

        assert len(server.log) == 1 + 4


async def test_a_hundred_who_wait_for_one_tile_cost_one_request_and_one_decoding(monkeypatch):
    decoded: list[object] = []
    decode = tile_job.decode_part

    def counting(piece: Any, *args: Any, **options: Any) -> Any:
        decoded.append(piece.tile)
        return decode(piece, *args, **options)

    monkeypatch.setattr(tile_job, "decode_part", counting)
    async with RangeServer({"a.tif": GRID}) as server:
        cog = tinycog.open(server.url("a.tif"))

        found = await asyncio.gather(*(cog.read_tile(0, 9, 9) for _ in range(100)))

        head, tile = asked(server)
        assert head == (0, HEAD)
        assert tile[1] - tile[0] == 4096
        assert decoded == [(0, 9, 9)]
    found[0].data[:] = 0
    for raster in found[1:]:
        assert not np.may_share_memory(raster.data, found[0].data)
        np.testing.assert_array_equal(raster.data, window_of(GRID_PIXELS, raster.window))


async def test_a_tile_that_is_wanted_twice_is_read_once_and_given_twice():
    async with RangeServer({"a.tif": GRID}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()

        one, other = await cog.read_tiles([(0, 9, 9), (0, 9, 9)])

        assert len(server.log) == 1
        one.data[:] = 0
        assert other.data.any()


async def test_a_window_costs_a_request_for_each_row_of_tiles():
    async with RangeServer({"a.tif": GRID}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()
        window = (8 * 64 + 10, 9 * 64 + 20, 4 * 64 + 3, 4 * 64 + 5)  # 5 x 5 tiles

        raster = await cog.read(window=window)

        assert [stop - start for start, stop in asked(server)] == [5 * 4096 + 4 * FRAMES] * 5
        np.testing.assert_array_equal(raster.data, window_of(GRID_PIXELS, window))


async def test_a_whole_level_costs_one_request():
    async with RangeServer({"a.tif": GRID}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()

        raster = await cog.read_level(1)

        assert len(server.log) == 1
        np.testing.assert_array_equal(raster.data, GRID_PIXELS[:, ::2, ::2])


async def test_a_whole_level_of_tiny_tiles_costs_few_requests_too():
    """Sea, or nodata: what GDAL compresses to a few bytes for each tile."""
    image = make_image(np.zeros((1, 55 * 16, 55 * 16), np.uint8), tile=(16, 16), compression=8)
    data = make_tiff([image], layout=Layout(ghost=True))
    async with RangeServer({"a.tif": data}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()
        plan = await cog.plan(level=0)
        assert len(plan.requests) <= 4


async def test_256_tiles_here_and_there_cost_no_more_requests_and_little_waste():
    huge = HugeTiff(256 * 200, 256 * 200)
    places = np.random.default_rng(5).choice(200 * 200, 256, replace=False)
    tiles = [(0, int(i) % 200, int(i) // 200) for i in places]
    async with RangeServer({"huge.tif": huge}) as server:
        cog = await tinycog.open(server.url("huge.tif"))
        plan = await cog.plan(tiles)
        server.clear()

        found = await cog.read_tiles(tiles)

        assert len(server.log) <= 256
        assert sum(line.sent for line in server.log) <= 1.05 * plan.wanted
        for (_, x, y), raster in zip(tiles, found, strict=True):
            assert (raster.data == huge.expected(x, y)).all()


async def test_a_cold_tile_among_four_million_costs_four_requests_and_little_memory():
    huge = HugeTiff(256 * 2000, 256 * 2000)
    async with RangeServer({"huge.tif": huge}) as server:
        await tinycog.open(server.url("huge.tif")).read_tile(0, 0, 0)  # loads what there is to load
        server.clear()
        tracemalloc.start()
        try:
            tile = await tinycog.open(server.url("huge.tif")).read_tile(0, 1777, 1555)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert (tile.data == huge.expected(1777, 1555)).all()
        assert len(server.log) <= 4
        assert sum(line.sent for line in server.log) < 400_000
        assert peak < 20_000_000


async def test_200_handles_cost_two_requests_each():
    async with RangeServer({f"{i}.tif": GRID for i in range(200)}) as server:
        slots = asyncio.Semaphore(32)

        async def tile(i: int) -> None:
            async with slots:
                await tinycog.open(server.url(f"{i}.tif")).read_tile(0, 9, i % SIDE)

        await asyncio.gather(*(tile(i) for i in range(200)))

        assert Counter(line.path for line in server.log) == {f"{i}.tif": 2 for i in range(200)}


async def test_reads_one_after_the_other_share_a_connection():
    async with RangeServer({"a.tif": GRID}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        for i in range(10):
            await cog.read_tile(0, i, 10)
            await cog.read(window=(0, 64 * i, 640, 64))
        assert server.connections == 1


async def test_reads_side_by_side_take_no_more_connections_than_they_have_requests():
    async with RangeServer({"a.tif": GRID}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        for _ in range(4):
            await asyncio.gather(*(cog.read_tile(0, x, y) for x in (1, 9) for y in (3, 8, 13)))
        assert len(server.log) == 1 + 4 * 6
        assert server.connections <= 6


# --- what a plan says ----------------------------------------------------------------------------

PLANNED = [
    "cog-none-u8",
    "cog-deflate-u16-p2",
    "cog-10-bands-u16",
    "cog-mask-rgb",
    "cog-sparse-nodata",
    "cog-long-index",
    "tiled-planar-10-bands",
    "tiled-be-planar-i32-p2",
    "tiled-overviews-after",
    "strip-planar-u16",
    "strip-lerc-u16",
]


@pytest.mark.parametrize("head_bytes", [2048, HEAD])
@pytest.mark.parametrize("name", PLANNED)
async def test_a_plan_is_what_the_read_then_sends(name, head_bytes):
    random = np.random.default_rng(len(name))
    async with RangeServer({"a.tif": FILES / f"{name}.tif"}) as server:
        cog = await tinycog.open(server.url("a.tif"), head_bytes=head_bytes)
        z = int(random.integers(len(cog.levels)))
        tiles = all_tiles(cog, z)
        some = [tiles[i] for i in random.integers(len(tiles), size=5)]
        one = tiles[-1]
        _, rows, cols = cog.levels[z].shape
        window = (cols // 4, rows // 4, max(cols // 2, 1), max(rows // 2, 1))
        cases = [
            (await cog.plan(*one), lambda: cog.read_tile(*one)),
            (await cog.plan(some), lambda: cog.read_tiles(some)),
            (await cog.plan(window=window, level=z), lambda: cog.read(window=window, level=z)),
            (await cog.plan(level=z, bands=0), lambda: cog.read_level(z, bands=0)),
            (await cog.plan(level=z), lambda: cog.read_level(z)),
        ]
        for plan, work in cases:
            server.clear()
            await work()
            assert sorted(asked(server)) == list(plan.requests)
            assert sum(line.sent for line in server.log) == plan.bytes


async def test_a_plan_of_an_open_file_sends_nothing():
    async with RangeServer({"a.tif": FILES / "cog-none-u8.tif"}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()

        plan = await cog.plan(level=0)

        assert asked(server) == []
        assert plan.requests
        assert plan.tiles == tuple(all_tiles(cog, 0))


# --- heads ---------------------------------------------------------------------------------------


async def test_with_a_snapshot_a_cold_tile_costs_one_request():
    async with RangeServer({"a.tif": GRID}) as server:
        kept = (await tinycog.open(server.url("a.tif"))).snapshot()
        server.clear()

        raster = await tinycog.open(server.url("a.tif"), snapshot=kept).read_tile(0, 9, 9)

        ((start, stop),) = asked(server)
        assert stop - start == 4096
        np.testing.assert_array_equal(raster.data, window_of(GRID_PIXELS, raster.window))


async def test_with_a_snapshot_opening_costs_nothing():
    async with RangeServer({"a.tif": GRID}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()

        again = await tinycog.open(server.url("a.tif"), snapshot=cog.snapshot())

        assert asked(server) == []
        assert [level.shape for level in again.levels] == [level.shape for level in cog.levels]


@pytest.mark.parametrize("head_bytes", [500, 20_000, 100_000])
async def test_the_first_request_is_as_long_as_the_caller_says(head_bytes):
    async with RangeServer({"a.tif": GRID}) as server:
        await tinycog.open(server.url("a.tif"), head_bytes=head_bytes)

        assert asked(server)[0] == (0, head_bytes)
        assert len(server.log) == 1 or head_bytes == 500


@pytest.mark.parametrize("name", ["cog-sparse", "cog-jpeg-ycbcr-mask", "strip-pages"])
async def test_a_small_file_costs_one_request_in_all(name):
    path = FILES / f"{name}.tif"
    assert path.stat().st_size <= HEAD
    async with RangeServer({"a.tif": path}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        for level in cog.levels:
            await cog.read_level(level.z)
        assert asked(server) == [(0, HEAD)]


async def test_where_bands_are_stored_apart_only_those_wanted_are_fetched():
    async with RangeServer({"a.tif": FILES / "tiled-planar-10-bands.tif"}) as server:
        cog = await tinycog.open(server.url("a.tif"), head_bytes=2048)
        stored = [
            [await cog.read_tile_bytes(*tile, plane=band) or b"" for tile in all_tiles(cog, 0)]
            for band in range(10)
        ]
        for bands in ([3], [9], [7, 2]):
            server.clear()
            await cog.read(bands=bands)
            wanted = sum(len(data) for band in bands for data in stored[band])
            assert sum(line.sent for line in server.log) == wanted


async def test_overviews_of_8192_pixels_added_afterwards_open_in_two_requests(tmp_path: Path):
    path = tmp_path / "late.tif"
    make_late_overviews(path, 8_192)
    async with RangeServer({"late.tif": path}) as server:
        assert len((await tinycog.open(server.url("late.tif"))).levels) == 6
        assert len(server.log) == 2
