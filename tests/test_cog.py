"""The handle as users see it: opening, facts, tiles, errors, loops and threads, and no noise."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from conftest import fixture_path, until

import tinycog
from tinycog import CorruptTileError, Limits, TileIndexError, UsageError, Window
from tinycog.errors import (
    AccessDeniedError,
    FormatError,
    LimitError,
    NotTiffError,
    TruncatedError,
    UnsupportedError,
)
from tinycog.testing import (
    Fault,
    Field,
    Layout,
    RangeServer,
    flaws,
    make_image,
    make_pyramid,
    make_tiff,
    serve_in_thread,
)
from tinycog.tiff.spec import Tag

PIXELS = np.arange(200 * 300, dtype=np.uint16).reshape(1, 200, 300)
PYRAMID = make_pyramid(PIXELS, (2, 4, 8), tile=(64, 64))
DATA = make_tiff(PYRAMID)
"""Four levels; level 0 has 4 by 5 tiles."""
FAR = make_tiff(PYRAMID, layout=Layout(gap=40_000))
"""The same, each of its IFDs too far from the others to come along with them."""


@pytest.fixture
async def server():
    async with RangeServer({"a.tif": DATA, "far.tif": FAR}) as server:
        yield server


# --- opening -------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["http://127.0.0.1:1/a.tif", "/no/such/file.tif", b"no tiff"])
def test_open_reads_nothing_and_needs_no_loop(where):
    cog = tinycog.open(where)
    assert cog.requests == ()
    assert repr(cog) == f"<Cog {cog.name}, not read yet>"


async def test_a_tile_is_read_in_one_line(server):
    tile = await tinycog.open(server.url("a.tif")).read_tile(0, 1, 2)
    np.testing.assert_array_equal(tile.data, PIXELS[:, 128:192, 64:128])


async def test_a_handle_that_is_awaited_knows_all_levels(server):
    cog = await tinycog.open(server.url("far.tif"))
    assert [level.z for level in cog.levels] == [0, 1, 2, 3]


async def test_a_handle_may_be_awaited_again_and_is_itself():
    cog = tinycog.open(DATA)
    assert await cog is cog
    assert await cog is cog
    assert len(cog.requests) == 1


async def test_a_handle_is_a_context(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(DATA)
    async with tinycog.open(path) as cog:
        assert len(cog.levels) == 4
        tile = await cog.read_tile(0, 1, 2)
    np.testing.assert_array_equal(tile.data, PIXELS[:, 128:192, 64:128])


async def test_a_context_that_cannot_be_opened_raises_why(tmp_path):
    with pytest.raises(FileNotFoundError):
        async with tinycog.open(tmp_path / "no.tif"):
            pytest.fail("unreachable")


@pytest.mark.parametrize("name", ["a.tif", "far.tif"])
async def test_fifty_callers_open_a_handle_once(server, name):
    server.latency = 0.01
    alone = await tinycog.open(server.url(name))
    cog = tinycog.open(server.url(name))
    first = [asyncio.ensure_future(cog.read_tile(3, 0, 0)) for _ in range(25)]
    others = [asyncio.ensure_future(cog.__aenter__()) for _ in range(25)]
    await asyncio.gather(*first, *others)
    headers = [(request.start, request.stop) for request in alone.requests]
    assert [(line.start, line.stop) for line in server.log[: len(headers)]] == headers
    assert [(r.start, r.stop) for r in cog.requests[: len(headers)]] == headers


@pytest.mark.parametrize("fact", ["levels", "pages"])
async def test_facts_of_a_handle_that_is_not_open_are_a_mistake_of_the_caller(fact):
    cog = tinycog.open(DATA)
    with pytest.raises(UsageError, match=r"not open yet: use `cog = await tinycog.open"):
        getattr(cog, fact)
    await cog
    assert getattr(cog, fact) is not None


async def test_what_was_read_of_level_0_alone_does_not_open_the_others(server):
    cog = tinycog.open(server.url("far.tif"))
    await cog.read_tile(0, 0, 0)
    sent = len(cog.requests)
    with pytest.raises(UsageError):
        _ = cog.levels
    assert len((await cog).levels) == 4
    assert len(cog.requests) > sent


@pytest.mark.parametrize("wrong", [b"", b"II", b"not a tiff at all", bytes(100)])
async def test_what_is_no_tiff_is_refused(wrong):
    with pytest.raises(NotTiffError, match="not a TIFF"):
        await tinycog.open(wrong)


# --- facts ---------------------------------------------------------------------------------------


async def test_a_level_says_its_sizes():
    level = (await tinycog.open(DATA)).levels[1]
    assert (level.z, level.width, level.height, level.count) == (1, 150, 100, 1)
    assert level.shape == (1, 100, 150)
    assert level.dtype == np.uint16
    assert level.tile_shape == (64, 64)
    assert level.grid == (2, 3)
    assert level.nodata is None
    assert level.compression == "NONE (1)"
    assert level.has_mask is False


async def test_a_level_knows_whether_it_has_a_mask_and_nodata():
    assert [
        level.has_mask for level in (await tinycog.open(fixture_path("cog-mask-rgb"))).levels
    ] == [*(True, True, True)]
    (level, *_) = (await tinycog.open(fixture_path("tiled-nodata-i64"))).levels
    assert isinstance(level.nodata, int)
    assert abs(level.nodata) > 2**53


async def test_further_images_are_counted():
    pages = (await tinycog.open(fixture_path("tifffile-pages"))).pages
    assert [page.role for page in pages] == ["page"] * 3
    assert [page.z for page in (await tinycog.open(DATA)).pages] == [None, 1, 2, 3]


async def test_oddities_of_a_file_are_findings():
    cog = tinycog.open(make_tiff(flaws.ifd_loop(PYRAMID)))
    assert cog.findings == ()
    assert [finding.rule for finding in (await cog).findings] == ["tiff.ifd.loop"]


async def test_a_handle_shows_what_it_holds():
    cog = await tinycog.open(make_tiff(PYRAMID[:2], big=True))
    size = len(make_tiff(PYRAMID[:2], big=True))
    assert repr(cog).splitlines() == [
        f"<Cog <{size} bytes in memory>, BigTIFF",
        "  <Level 0: (1, 200, 300) uint16, 4 x 5 tiles of 64 x 64, NONE (1)>",
        "  <Level 1: (1, 100, 150) uint16, 2 x 3 tiles of 64 x 64, NONE (1)>>",
    ]


async def test_a_handle_shows_strips_and_samples_that_no_dtype_holds():
    image = make_image(PIXELS, rows_per_strip=50, extra=[Field(Tag.BitsPerSample, "SHORT", 63)])
    assert repr(await tinycog.open(make_tiff([image]))).splitlines()[1] == (
        "  <Level 0: (1, 200, 300) unsupported samples, 4 x 1 strips of 50 x 300, NONE (1)>>"
    )


# --- tiles ---------------------------------------------------------------------------------------


async def test_edge_tiles_are_cut_to_the_image():
    tile = await tinycog.open(DATA).read_tile(0, 4, 3)
    np.testing.assert_array_equal(tile.data, PIXELS[:, 192:, 256:])
    assert tile.window == Window(col_off=256, row_off=192, width=44, height=8)


async def test_edge_tiles_may_be_had_at_full_size():
    tile = await tinycog.open(DATA).read_tile(0, 4, 3, padded=True)
    assert tile.window == Window(col_off=256, row_off=192, width=64, height=64)
    expected = np.zeros((1, 64, 64), np.uint16)
    expected[:, :8, :44] = PIXELS[:, 192:, 256:]
    np.testing.assert_array_equal(tile.data, expected)


async def test_the_last_strip_is_short_even_if_padded():
    cog = tinycog.open(make_tiff([make_image(PIXELS, rows_per_strip=150)]))
    assert (await cog.read_tile(0, 0, 1, padded=True)).shape == (1, 50, 300)


async def test_tiles_come_in_the_order_they_were_asked_for():
    wanted = [(0, 4, 3), (2, 0, 0), (0, 0, 0), (0, 4, 3), (1, 2, 1)]
    cog = tinycog.open(DATA)
    rasters = await cog.read_tiles(wanted)
    for (z, x, y), raster in zip(wanted, rasters, strict=True):
        assert raster.level == z
        assert raster.window[:2] == (64 * x, 64 * y)
        level = PIXELS[:, :: 2**z, :: 2**z]
        np.testing.assert_array_equal(
            raster.data, level[:, 64 * y : 64 * (y + 1), 64 * x : 64 * (x + 1)]
        )


async def test_no_tiles_are_an_empty_list_and_cost_nothing():
    cog = tinycog.open(DATA)
    assert await cog.read_tiles([]) == []
    assert cog.requests == ()


async def test_tiles_may_come_from_any_iterable_and_their_numbers_be_numpys():
    tiles = ((np.int64(0), np.uint8(x), np.int32(0)) for x in range(2))
    first, second = await tinycog.open(DATA).read_tiles(tiles)  # pyright: ignore[reportArgumentType]
    np.testing.assert_array_equal(
        np.concatenate([first.data, second.data], axis=2), PIXELS[:, :64, :128]
    )


async def test_a_tile_that_is_asked_for_twice_is_two_arrays():
    first, second = await tinycog.open(DATA).read_tiles([(0, 0, 0), (0, 0, 0)])
    first.data[:] = 0
    np.testing.assert_array_equal(second.data, PIXELS[:, :64, :64])


@pytest.mark.parametrize(
    "name",
    [
        *("cog-deflate-u8", "cog-sparse", "tiled-be-u16", "tiled-none-u8", "tiled-planar-u16-p2"),
        *("cog-jpeg-ycbcr", "cog-lerc-nan", "tiled-be-f32-p3", "strip-planar-u16", "cog-nbits12"),
    ],
)
async def test_pixels_are_the_callers_own_in_native_byte_order(name):
    cog = await tinycog.open(fixture_path(name))
    tile = await cog.read_tile(0, 0, 0)
    assert tile.dtype == cog.levels[0].dtype
    assert tile.dtype.isnative
    assert tile.data.flags.writeable
    before = tile.data.copy()
    tile.data[:] = 1
    np.testing.assert_array_equal((await cog.read_tile(0, 0, 0)).data, before)


@pytest.mark.parametrize(
    ("name", "interleaved"),
    [("cog-deflate-u8", False), ("tiled-planar-u16-p2", False), ("cog-jpeg-ycbcr", True)],
)
async def test_bands_lie_in_memory_as_in_the_file(name, interleaved):
    cog = tinycog.open(fixture_path(name))
    (several,) = await cog.read_tiles([(0, 0, 0)])
    for raster in (await cog.read_tile(0, 0, 0), several, await cog.read(level=0)):
        in_order = np.moveaxis(raster.data, 0, -1) if interleaved else raster.data
        assert in_order.flags.c_contiguous
        assert raster.copy().data.strides == raster.data.strides


async def test_an_array_of_ones_own_is_filled_as_it_lies_in_memory():
    cog = await tinycog.open(fixture_path("cog-jpeg-ycbcr"))
    bands, rows, cols = cog.levels[0].shape
    expected = (await cog.read()).data
    for out in (
        np.empty((bands, rows, cols), "u1"),
        np.empty((rows, cols, bands), "u1").transpose(2, 0, 1),
    ):
        raster = await cog.read(out=out)
        assert raster.data is out
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(("nodata", "expected"), [(None, 0), ("7", 7), ("-9999", 0)])
async def test_a_tile_that_is_not_stored_is_nodata_or_0(nodata, expected):
    extra = [] if nodata is None else [Field(Tag.GDALNoData, "ASCII", nodata)]
    image = make_image(PIXELS, tile=(64, 64), sparse=[0], extra=extra)
    tile = await tinycog.open(make_tiff([image])).read_tile(0, 0, 0)
    assert tile.shape == (1, 64, 64)
    assert (tile.data == expected).all()


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("byte_order", ["<", ">"])
async def test_bands_are_the_first_axis(planar, byte_order):
    pixels = np.arange(3 * 40 * 50, dtype=np.int32).reshape(3, 40, 50)
    image = make_image(pixels, tile=(16, 16), planar=planar, byte_order=byte_order)
    cog = tinycog.open(make_tiff([image], byte_order=byte_order))
    np.testing.assert_array_equal((await cog.read_tile(0, 1, 1)).data, pixels[:, 16:32, 16:32])


# --- stored bytes --------------------------------------------------------------------------------


async def test_stored_bytes_are_those_of_the_file():
    image = make_image(PIXELS, tile=(64, 64), compression=8, sparse=[1])
    cog = tinycog.open(make_tiff([image]))
    stored = [await cog.read_tile_bytes(0, i % 5, i // 5) for i in range(20)]
    assert stored == [tile or None for tile in image.tiles]


async def test_each_plane_has_stored_bytes():
    image = make_image(np.concatenate([PIXELS, PIXELS + 1]), tile=(64, 64), planar=True)
    cog = tinycog.open(make_tiff([image]))
    assert await cog.read_tile_bytes(0, 1, 0) == image.tiles[1]
    assert await cog.read_tile_bytes(0, 1, 0, plane=1) == image.tiles[21]
    with pytest.raises(TileIndexError) as caught:
        await cog.read_tile_bytes(0, 1, 0, plane=2)
    assert str(caught.value) == "plane 2 does not exist (planes 0 to 1)"


# --- wrong calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["read_tile", "read_tile_bytes"])
@pytest.mark.parametrize(
    ("tile", "message"),
    [
        ((12, 0, 0), "level 12 does not exist (levels 0 to 3, 0 = full resolution)"),
        ((4, 0, 0), "level 4 does not exist (levels 0 to 3, 0 = full resolution)"),
        ((-1, 0, 0), "level -1 does not exist (levels 0 to 3, 0 = full resolution)"),
        ((0, 5, 0), "tile x=5, y=0 does not exist (x 0 to 4, y 0 to 3)"),
        ((0, 0, 4), "tile x=0, y=4 does not exist (x 0 to 4, y 0 to 3)"),
        ((1, -1, 0), "tile x=-1, y=0 does not exist (x 0 to 2, y 0 to 1)"),
    ],
)
async def test_a_tile_that_does_not_exist_is_said_with_what_does(method, tile, message):
    cog = tinycog.open(DATA)
    with pytest.raises(TileIndexError) as caught:
        await getattr(cog, method)(*tile)
    assert str(caught.value) == message
    assert isinstance(caught.value, IndexError)


async def test_a_level_that_does_not_exist_is_looked_for_in_the_whole_file(server):
    cog = tinycog.open(server.url("far.tif"))
    await cog.read_tile(0, 0, 0)
    with pytest.raises(TileIndexError, match=r"level 12 does not exist \(levels 0 to 3,"):
        await cog.read_tile(12, 0, 0)


async def test_one_wrong_tile_among_others_reads_nothing(server):
    cog = await tinycog.open(server.url("a.tif"))
    sent = len(server.log)
    with pytest.raises(TileIndexError):
        await cog.read_tiles([(0, 0, 0), (0, 9, 9)])
    assert len(server.log) == sent


@pytest.mark.parametrize(
    ("tile", "message"),
    [
        ((0, 1.5, 0), "x must be an integer, not 1.5"),
        (("0", 0, 0), "z must be an integer, not '0'"),
        ((0, 0, None), "y must be an integer, not None"),
    ],
)
async def test_numbers_of_tiles_are_integers(tile, message):
    with pytest.raises(UsageError) as caught:
        await tinycog.open(DATA).read_tile(*tile)
    assert str(caught.value) == message


@pytest.mark.parametrize("tile", [(0, 1), (0, 1, 2, 3), 5, None, ()], ids=repr)
async def test_a_tile_is_three_numbers(tile):
    with pytest.raises(UsageError) as caught:
        await tinycog.open(DATA).read_tiles([(0, 0, 0), tile])
    assert str(caught.value) == f"a tile is three integers (z, x, y), not {tile!r}"


# --- files that are wrong ------------------------------------------------------------------------


def broken_tile() -> bytes:
    """A file whose tile (1, 0) is no Deflate stream."""
    image = make_image(PIXELS, tile=(64, 64), compression=8)
    tiles = [image.tiles[0], b"\xff" * len(image.tiles[1]), *image.tiles[2:]]
    return make_tiff([replace(image, tiles=tiles)])


@pytest.mark.parametrize("tiles", [[(0, 1, 0)], [(0, 0, 0), (0, 1, 0)]], ids=["alone", "second"])
async def test_a_tile_that_does_not_decode_says_where_it_is(tiles):
    with pytest.raises(CorruptTileError) as caught:
        await tinycog.open(broken_tile()).read_tiles(tiles)
    error = caught.value
    assert str(error).startswith("level 0, tile x=1, y=0: Deflate data of ")
    assert (error.level, error.x, error.y) == (0, 1, 0)
    assert pickle.loads(pickle.dumps(error)).x == 1  # noqa: S301 - our own


async def test_a_tile_beside_a_broken_one_is_read():
    tile = await tinycog.open(broken_tile()).read_tile(0, 0, 0)
    np.testing.assert_array_equal(tile.data, PIXELS[:, :64, :64])


async def test_a_compression_that_is_not_done_here_is_said_when_pixels_are_wanted():
    image = make_image(PIXELS, tile=(64, 64), extra=[Field(Tag.Compression, "SHORT", 34661)])
    cog = await tinycog.open(make_tiff([image]))
    assert await cog.read_tile_bytes(0, 0, 0) == image.tiles[0]
    with pytest.raises(UnsupportedError) as caught:
        await cog.read_tile(0, 0, 0)
    assert str(caught.value) == f"compression JBIG (34661) is not supported: {cog.name}"
    assert (caught.value.feature, caught.value.value) == ("compression", 34661)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
async def test_a_tile_larger_than_the_limit_is_refused(planar, sparse):
    pixels = np.zeros((4, 64, 64), np.uint8)
    image = make_image(pixels, tile=(64, 64), planar=planar, sparse=range(4) if sparse else ())
    data = make_tiff([image])
    size = 4 * 64 * 64
    assert (await tinycog.open(data, limits=Limits(tile_bytes=size)).read_tile(0, 0, 0)).shape
    with pytest.raises(LimitError) as caught:
        await tinycog.open(data, limits=Limits(tile_bytes=size - 1)).read_tile(0, 0, 0)
    assert caught.value.limit == "tile_bytes"


async def test_a_tile_beyond_the_end_of_the_file_is_refused():
    with pytest.raises(FormatError):
        await tinycog.open(make_tiff(PYRAMID[:1])[:-10_000]).read_tile(0, 4, 3)
    with pytest.raises(TruncatedError):
        await tinycog.open(make_tiff(PYRAMID[:1])[:-10_000]).read_tiles([(0, 4, 3), (0, 3, 3)])


async def test_an_error_is_not_its_own_cause():
    with pytest.raises(TruncatedError) as caught:
        await tinycog.open(make_tiff(PYRAMID[:1])[:-10_000]).read_tiles([(0, 4, 3), (0, 3, 3)])
    assert caught.value.__cause__ is not caught.value


# --- rasters -------------------------------------------------------------------------------------


async def test_a_raster_is_an_array_to_numpy():
    raster = await tinycog.open(DATA).read_tile(0, 0, 0)
    assert np.asarray(raster) is raster.data
    assert np.asarray(raster, np.float32).dtype == np.float32
    assert not np.shares_memory(np.array(raster), raster.data)
    assert np.mean(raster) == raster.data.mean()  # pyright: ignore[reportArgumentType, reportCallIssue]


async def test_a_raster_shows_what_it_is():
    raster = await tinycog.open(DATA).read_tile(1, 1, 0)
    assert repr(raster) == (
        "<Raster (1, 64, 64) uint16, level 1, Window(col_off=64, row_off=0, width=64, height=64)>"
    )


async def test_a_raster_pickles():
    raster = await tinycog.open(DATA).read_tile(1, 1, 0)
    again = pickle.loads(pickle.dumps(raster))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.data, raster.data)
    assert (again.level, again.window, again.nodata) == (raster.level, raster.window, raster.nodata)


# --- handles that travel -------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [False, True])
async def test_a_handle_pickles_as_what_it_was_opened_with(server, opened):
    cog = tinycog.open(server.url("a.tif"), headers={"X-Key": "k"}, limits=Limits(ifds=2))
    if opened:
        await cog.read_tile(0, 0, 0)
    server.clear()
    again = pickle.loads(pickle.dumps(cog))  # noqa: S301 - our own
    assert again.requests == ()
    assert len((await again).levels) == 2
    assert [line.headers["x-key"] for line in server.log] == ["k"] * len(server.log)


def test_a_handle_may_be_used_in_one_loop_after_the_other():
    with serve_in_thread({"a.tif": DATA}) as server:
        cog = tinycog.open(server.url("a.tif"))
        for x in range(3):
            tile = asyncio.run(cog.read_tile(0, x, 3))
            np.testing.assert_array_equal(tile.data, PIXELS[:, 192:, 64 * x : 64 * (x + 1)])
        assert len(cog.requests) == 4


@pytest.mark.parametrize("name", ["a.tif", "far.tif"])
def test_a_handle_may_be_used_in_many_threads_at_once(name):
    with serve_in_thread({"a.tif": DATA, "far.tif": FAR}, latency=0.005) as server:
        cog = tinycog.open(server.url(name))
        ready = threading.Barrier(8)

        def read(i: int) -> np.ndarray:
            ready.wait()
            return asyncio.run(cog.read_tile(i % 2, i % 3, 1)).data

        with ThreadPoolExecutor(8) as pool:
            tiles = list(pool.map(read, range(8)))
    for i, tile in enumerate(tiles):
        level = PIXELS[:, :: 1 + i % 2, :: 1 + i % 2]
        x = i % 3
        np.testing.assert_array_equal(tile, level[:, 64:128, 64 * x : 64 * (x + 1)])


# --- cancelling and failing ----------------------------------------------------------------------


async def test_a_caller_that_is_cancelled_does_not_cancel_the_others(server):
    server.latency = 0.05
    cog = tinycog.open(server.url("a.tif"))
    one, other = (asyncio.ensure_future(cog.read_tile(0, 0, 0)) for _ in range(2))
    await until(lambda: server.log)
    one.cancel()
    np.testing.assert_array_equal((await other).data, PIXELS[:, :64, :64])
    with pytest.raises(asyncio.CancelledError):
        await one
    assert len([line for line in server.log if line.start == 0]) == 1


async def test_where_all_are_cancelled_the_next_caller_starts_anew(server):
    server.latency = 0.05
    cog = tinycog.open(server.url("a.tif"))
    tasks = [asyncio.ensure_future(cog.read_tile(0, 0, 0)) for _ in range(3)]
    await until(lambda: server.log)
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}
    np.testing.assert_array_equal((await cog.read_tile(0, 0, 0)).data, PIXELS[:, :64, :64])


async def test_a_read_can_be_given_a_time(server):
    await tinycog.open(server.url("a.tif"))  # loads what there is to load
    server.script(Fault.stall())
    cog = tinycog.open(server.url("a.tif"))
    server.clear()

    async def read_in_time():
        async with asyncio.timeout(None) as given:
            read = asyncio.ensure_future(cog.read_tile(0, 0, 0))
            await until(lambda: server.log)  # however long this machine takes to ask
            given.reschedule(0)
            await read

    with pytest.raises(TimeoutError):
        await read_in_time()
    assert (await cog.read_tile(0, 0, 0)).shape == (1, 64, 64)


async def test_an_error_of_opening_reaches_all_callers_and_the_next_one_tries_again(server):
    server.script(Fault.status(403))
    cog = tinycog.open(server.url("a.tif"))
    outcomes = await asyncio.gather(
        *(cog.read_tile(0, 0, 0) for _ in range(5)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {AccessDeniedError}
    assert len(server.log) == 1
    assert (await cog.read_tile(0, 0, 0)).shape == (1, 64, 64)


async def test_a_tile_that_failed_does_not_spoil_the_handle(server):
    cog = await tinycog.open(server.url("a.tif"))
    server.script(Fault.status(403))
    with pytest.raises(AccessDeniedError):
        await cog.read_tile(0, 4, 3)
    np.testing.assert_array_equal((await cog.read_tile(0, 4, 3)).data, PIXELS[:, 192:, 256:])


async def test_of_tiles_read_together_the_first_error_is_raised_as_it_is(server):
    gap = make_tiff([make_image(np.zeros((1, 512, 512), np.uint8), tile=(256, 256))] * 2)
    server.files["gap.tif"] = gap
    cog = await tinycog.open(server.url("gap.tif"))
    server.script(Fault.status(403, times=None))
    with pytest.raises(AccessDeniedError):
        await cog.read_tiles([(0, 0, 0), (0, 1, 1)])


# --- no noise ------------------------------------------------------------------------------------

ONE_LINE = "asyncio.run(tinycog.open(url).read_tile(0, 1, 2))"
SCRIPTS = {
    "only opened": "tinycog.open(url)",
    "one line": ONE_LINE,
    "one line of another": f"{ONE_LINE}\n{ONE_LINE}",
    "one line inside a function": """
async def main():
    tile = await tinycog.open(url).read_tile(0, 1, 2)
    print(tile.shape)
asyncio.run(main())
""",
    "handle kept": """
cog = tinycog.open(url)
asyncio.run(cog.read_tile(0, 1, 2))
asyncio.run(cog.read_tile(0, 3, 2))
""",
    "loop closed by hand": """
loop = asyncio.new_event_loop()
cog = tinycog.open(url)
loop.run_until_complete(cog.read_tile(0, 1, 2))
loop.close()
""",
    "loop closed by hand, then another": f"""
loop = asyncio.new_event_loop()
loop.run_until_complete(tinycog.open(url).read_tile(0, 1, 2))
loop.close()
{ONE_LINE}
""",
    "many at once": """
async def main():
    cog = await tinycog.open(url)
    await asyncio.gather(*(cog.read_tile(0, x, y) for x in range(5) for y in range(4)))
asyncio.run(main())
""",
    "cancelled": """
async def main():
    task = asyncio.create_task(tinycog.open(url).read_tile(0, 1, 2))
    await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
asyncio.run(main())
""",
    "left behind": """
async def main():
    asyncio.create_task(tinycog.open(url).read_tile(0, 1, 2))
    await asyncio.sleep(0.001)
asyncio.run(main())
""",
    "error": """
try:
    asyncio.run(tinycog.open(url + "x").read_tile(0, 1, 2))
except FileNotFoundError:
    print("not found")
""",
    "file": """
async def main():
    async with tinycog.open(path) as cog:
        await cog.read_tile(0, 1, 2)
asyncio.run(main())
asyncio.run(tinycog.open(path).read_tile(0, 1, 2))
""",
}
PRINTED = {"one line inside a function": "(1, 64, 64)\n", "error": "not found\n"}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A URL and a path of the same file."""
    path = tmp_path_factory.mktemp("files") / "a.tif"
    path.write_bytes(FAR)
    with serve_in_thread({"a.tif": path}, latency=0.002) as server:
        yield server.url("a.tif"), str(path)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_use_of_a_handle_leaves_warnings_or_noise(name, places):
    script = f"import asyncio, sys, tinycog\nurl, path = sys.argv[1:]\n{SCRIPTS[name]}"
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", script, *places]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own
    # asyncio notes slow steps in this mode; a busy machine has them.
    noise = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    assert (done.returncode, done.stdout, noise) == (0, PRINTED.get(name, ""), [])


def test_importing_loads_nothing_heavy():
    script = """
import sys, tinycog
tinycog.open("http://127.0.0.1/a.tif"), tinycog.open("s3://a/b.tif"), tinycog.open(b"II")
heavy = {"aiohttp", "fsspec", "numcodecs", "imagecodecs", "pyproj", "rasterio", "tifffile"}
print(sorted({name.partition(".")[0] for name in sys.modules} & heavy))
"""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def test_a_header_is_requested_before_its_parsers_are_loaded():
    script = f"""
import asyncio, sys, tinycog
data = open({str(fixture_path("cog-deflate-u16-p2"))!r}, "rb").read()
late = {{"tinycog.reader.read_header", "tinycog.reader.tile_reader", "tinycog.raster"}}
loaded = []
async def get_range(start, stop):
    loaded.append(late & set(sys.modules))
    return data[start:stop]
asyncio.run(tinycog.open(get_range).read_tile(0, 0, 0))
print(loaded[0], late - set(sys.modules))
"""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "set() set()\n"


def test_a_tile_loads_the_codec_of_its_file_alone():
    script = f"""
import asyncio, sys, tinycog
asyncio.run(tinycog.open({str(fixture_path("cog-deflate-u16-p2"))!r}).read_tile(0, 0, 0))
names = {{name.rpartition(".")[2] for name in sys.modules if name.startswith("tinycog.decode.")}}
print(sorted(names & {{"lossless", "libtiff", "ccitt", "jpeg", "png", "lerc", "streams"}}))
"""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "['lossless']\n"
