"""Windows, bands, whole levels: the pixels that rasterio gives, and where the caller wants them."""

from __future__ import annotations

import asyncio
import gc
import warnings
import weakref
from typing import Any

import numpy as np
import pytest
import rasterio
from conftest import fixture_path, until
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window as GdalWindow

import tinycog
from tinycog import TileIndexError, UsageError, Window
from tinycog.errors import SourceError
from tinycog.testing import Fault, Layout, RangeServer, make_image, make_pyramid, make_tiff

NAMES = [
    "cog-deflate-u16-p2",
    "cog-mask-rgb",
    "cog-sparse-nodata",
    "cog-mixed-tiles",
    "cog-10-bands-u16",
    "cog-zstd-f32-p3",
    "cog-one-tile",
    "cog-palette",
    "tiled-planar-10-bands",
    "tiled-be-planar-i32-p2",
    "tiled-nbits12-planar",
    "tiled-oblong",
    "tiled-be-u16-rgb-p2",
    "tiled-overviews-after",
    "strip-planar-u16",
    "strip-be-f32",
    "strip-one-row-strips",
    "strip-one-strip",
    "strip-one-pixel",
    "strip-sparse",
]


def gdal_levels(name: str) -> list[np.ndarray]:
    """Whole levels, as GDAL reads them."""
    path = fixture_path(name)
    found: list[np.ndarray] = []
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path) as dataset:
            count = len(dataset.overviews(1))
        for i in range(-1, count):
            options: dict[str, Any] = {} if i < 0 else {"OVERVIEW_LEVEL": i}
            with rasterio.open(path, **options) as dataset:
                found.append(dataset.read())
    return found


def window_of(pixels: np.ndarray, window: tuple[Any, ...]) -> np.ndarray:
    left, top, width, height = window
    return pixels[:, top : top + height, left : left + width]


def some_window(random: np.random.Generator, rows: int, cols: int) -> tuple[int, int, int, int]:
    left, top = int(random.integers(cols)), int(random.integers(rows))
    width, height = (
        int(random.integers(1, cols - left + 1)),
        int(random.integers(1, rows - top + 1)),
    )
    return left, top, width, height


@pytest.mark.parametrize("name", NAMES)
async def test_windows_of_all_levels_are_those_of_gdal(name):
    random = np.random.default_rng(len(name))
    cog = await tinycog.open(fixture_path(name))
    for z, expected in enumerate(gdal_levels(name)):
        bands, rows, cols = expected.shape
        windows = [some_window(random, rows, cols) for _ in range(6)]
        windows += [(0, 0, cols, rows), (cols - 1, rows - 1, 1, 1), (0, rows - 1, cols, 1)]
        for window in windows:
            chosen = [int(i) for i in random.integers(bands, size=random.integers(1, bands + 2))]
            raster = await cog.read(window=window, level=z, bands=chosen)
            assert raster.window == window
            assert raster.level == z
            assert raster.dtype == expected.dtype
            np.testing.assert_array_equal(raster.data, window_of(expected, window)[chosen])
            whole = await cog.read(window=window, level=z)
            np.testing.assert_array_equal(whole.data, window_of(expected, window))


async def test_a_window_that_rasterio_made_is_read_as_it_is():
    (expected, *_) = gdal_levels("cog-mask-rgb")
    window = GdalWindow(13, 27, 140, 150)  # type: ignore[call-arg]
    raster = await tinycog.open(fixture_path("cog-mask-rgb")).read(window=window.flatten())
    np.testing.assert_array_equal(raster.data, window_of(expected, (13, 27, 140, 150)))


PIXELS = np.arange(3 * 100 * 130, dtype=np.uint16).reshape(3, 100, 130)
MADE: dict[str, bytes] = {
    "tiled": make_tiff(make_pyramid(PIXELS, (2,), tile=(32, 48))),
    "planar": make_tiff(make_pyramid(PIXELS, (2,), tile=(32, 48), planar=True)),
    "strips": make_tiff([make_image(PIXELS, rows_per_strip=7, compression=8)]),
    "strips apart": make_tiff([make_image(PIXELS, rows_per_strip=33, planar=True)]),
    "ghost": make_tiff(
        [make_image(PIXELS, tile=(16, 16), compression=8, predictor=2)], layout=Layout(ghost=True)
    ),
}


@given(st.sampled_from(sorted(MADE)), st.data())
def test_any_window_and_any_bands_of_any_layout_are_those_that_were_written(name, data):
    left, top = data.draw(st.integers(0, 129)), data.draw(st.integers(0, 99))
    width, height = data.draw(st.integers(1, 130 - left)), data.draw(st.integers(1, 100 - top))
    bands = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=5))
    window = (left, top, width, height)

    raster = asyncio.run(tinycog.open(MADE[name]).read(window=window, bands=bands))

    np.testing.assert_array_equal(raster.data, window_of(PIXELS, window)[bands])
    assert raster.data.flags.c_contiguous
    assert raster.data.flags.writeable


@pytest.mark.parametrize("name", sorted(MADE))
async def test_one_band_may_be_given_as_a_number(name):
    raster = await tinycog.open(MADE[name]).read(bands=1)
    np.testing.assert_array_equal(raster.data, PIXELS[1:2])


@pytest.mark.parametrize("name", sorted(MADE))
async def test_read_level_is_read_without_a_window(name):
    cog = tinycog.open(MADE[name])
    raster = await cog.read_level(0, bands=[2, 0])
    np.testing.assert_array_equal(raster.data, PIXELS[[2, 0]])
    assert raster.window == Window(0, 0, 130, 100)


async def test_windows_read_side_by_side_are_each_right():
    cog = tinycog.open(MADE["tiled"])
    windows = [(x, y, 40, 30) for x in (0, 33, 90) for y in (0, 41, 70)]
    found = await asyncio.gather(*(cog.read(window=window) for window in windows))
    for window, raster in zip(windows, found, strict=True):
        np.testing.assert_array_equal(raster.data, window_of(PIXELS, window))


# --- into the caller's array ---------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(MADE))
async def test_pixels_are_put_where_the_caller_wants_them(name):
    out = np.full((2, 50, 60), 7, np.uint16)
    raster = await tinycog.open(MADE[name]).read(window=(33, 21, 60, 50), bands=[2, 0], out=out)
    assert raster.data is out
    np.testing.assert_array_equal(out, window_of(PIXELS, (33, 21, 60, 50))[[2, 0]])


@pytest.mark.parametrize("name", sorted(MADE))
@pytest.mark.parametrize("kind", ["part", "reversed", "columns first"])
async def test_the_callers_array_may_be_a_view_of_any_layout(name, kind):
    large = np.full((6, 120, 140), 7, np.uint16)
    out: Any = {
        "part": large[:3, 10:110, 5:135],
        "reversed": large[2::-1, 99::-1, :130],
        "columns first": np.full((130, 100, 3), 7, np.uint16).transpose(2, 1, 0),
    }[kind]
    raster = await tinycog.open(MADE[name]).read(out=out)
    assert raster.data is out
    np.testing.assert_array_equal(out, PIXELS)
    assert large[3:].min() == large[3:].max() == 7
    if kind == "part":
        assert (large[:3, :10] == 7).all()
        assert (large[:3, :, 135:] == 7).all()


async def test_tiles_that_are_not_stored_overwrite_what_was_in_the_callers_array():
    (expected, *_) = gdal_levels("cog-sparse-nodata")
    out = np.full(expected.shape, 77, expected.dtype)
    await tinycog.open(fixture_path("cog-sparse-nodata")).read(out=out)
    np.testing.assert_array_equal(out, expected)


def read_only() -> np.ndarray:
    array = np.empty((3, 100, 130), np.uint16)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "out",
    [
        np.empty((3, 100, 129), np.uint16),
        np.empty((100, 130, 3), np.uint16),
        np.empty((100, 130), np.uint16),
        np.empty((3, 100, 130), np.int16),
        np.empty((3, 100, 130), ">u2"),
        read_only(),
    ],
    ids=["narrow", "rasters", "one band", "signed", "other byte order", "read-only"],
)
async def test_an_array_that_does_not_fit_is_refused_before_anything_is_read(out):
    cog = await tinycog.open(MADE["tiled"], head_bytes=1000)
    sent = len(cog.requests)
    with pytest.raises(UsageError, match=r"out must be a writable uint16 array of shape \(3, 100"):
        await cog.read(out=out)
    assert len(cog.requests) == sent


@pytest.mark.parametrize("out", [[[1, 2]], b"bytes", 5], ids=["list", "bytes", "number"])
async def test_what_is_no_array_is_refused(out):
    with pytest.raises(UsageError):
        await tinycog.open(MADE["tiled"]).read(out=out)


# --- wrong calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "window",
    [
        (0, 0, 131, 100),
        (0, 0, 130, 101),
        (130, 0, 1, 1),
        (-1, 0, 10, 10),
        (0, -1, 10, 10),
        (0, 0, 0, 10),
        (0, 0, 10, 0),
        (10, 10, -5, 5),
        (0, 0, 10),
        (0, 0, 10, 10, 10),
        ("a", 0, 1, 1),
        (None, 0, 1, 1),
        5,
    ],
    ids=str,
)
@pytest.mark.parametrize("call", ["read", "plan"])
async def test_a_window_that_does_not_lie_in_the_level_is_refused(window, call):
    cog = tinycog.open(MADE["tiled"])
    with pytest.raises(UsageError, match=r"window|lie inside"):
        await getattr(cog, call)(window=window)


@pytest.mark.parametrize("window", [(0.5, 0, 10, 10), (0, 0, 10.9, 10)])
async def test_a_window_of_parts_of_pixels_is_refused(window):
    with pytest.raises(UsageError):
        await tinycog.open(MADE["tiled"]).read(window=window)


@pytest.mark.parametrize("bands", [[3], [-1], [0, 7], [], 3, -1])
async def test_a_band_that_does_not_exist_is_refused(bands):
    with pytest.raises(UsageError, match="bands are counted from 0 to 2"):
        await tinycog.open(MADE["tiled"]).read(bands=bands)


@pytest.mark.parametrize("bands", ["12", [0.5], [None]], ids=str)
async def test_bands_that_are_no_numbers_are_refused(bands):
    with pytest.raises(UsageError):
        await tinycog.open(MADE["tiled"]).read(bands=bands)


@pytest.mark.parametrize("level", [2, -1])
async def test_a_level_that_does_not_exist_is_refused(level):
    with pytest.raises(TileIndexError, match=f"level {level} does not exist"):
        await tinycog.open(MADE["tiled"]).read(level=level)


@pytest.mark.parametrize("options", [{"bands": [0]}, {"out": np.empty((3, 100, 130), np.uint8)}])
async def test_colours_take_neither_bands_nor_an_array(options):
    with pytest.raises(UsageError, match="leave out bands=, indexes= and out="):
        await tinycog.open(MADE["tiled"]).read(rgb=True, **options)


# --- colours -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["cog-palette", "tiled-min-is-white", "cog-alpha-rgba", "tiled-jpeg-ycbcr"]
)
async def test_a_window_in_colours_is_the_tiles_in_colours_side_by_side(name):
    cog = await tinycog.open(fixture_path(name))
    level = cog.levels[0]
    _, rows, cols = level.shape
    window = (cols // 5, rows // 7, cols // 2, rows // 2)

    raster = await cog.read(window=window, rgb=True)

    down, across = level.grid
    tiles = await cog.read_tiles([(0, x, y) for y in range(down) for x in range(across)], rgb=True)
    whole = np.zeros((len(tiles[0].data), rows, cols), np.uint8)
    for tile in tiles:
        window_of(whole, tile.window)[...] = tile.data
    assert raster.dtype == np.uint8
    np.testing.assert_array_equal(raster.data, window_of(whole, window))


# --- tiles that several callers want at once -----------------------------------------------------

NOISE = np.random.default_rng(1).integers(0, 60_000, (2, 512, 512), np.uint16)
NOISY = [NOISE, NOISE[:, ::2, ::2]]
FILE = make_tiff(make_pyramid(NOISE, (2,), tile=(64, 64)), layout=Layout(ghost=True))


def assert_right(raster: tinycog.Raster) -> None:
    np.testing.assert_array_equal(raster.data, window_of(NOISY[raster.level], raster.window))


async def test_a_wrong_call_among_many_fails_alone():
    cog = tinycog.open(FILE)
    places = [(0, 0, 0), (0, 99, 0), (7, 0, 0), (1, 3, 3), (0, -1, 0)]
    outcomes = await asyncio.gather(
        *(cog.read_tile(*place) for place in places), return_exceptions=True
    )
    assert [isinstance(found, TileIndexError) for found in outcomes] == [0, 1, 1, 0, 1]
    for found in outcomes:
        if isinstance(found, tinycog.Raster):
            assert_right(found)


async def test_a_tile_that_cannot_be_decoded_fails_alone():
    image = make_image(NOISE, tile=(64, 64), compression=8)
    data = make_tiff([image])
    at = data.index(image.tiles[10])
    cog = tinycog.open(data[:at] + bytes(500) + data[at + 500 :])
    outcomes = await asyncio.gather(
        *(cog.read_tile(0, i % 8, i // 8) for i in range(16)), return_exceptions=True
    )
    assert [isinstance(found, tinycog.CorruptTileError) for found in outcomes] == [
        i == 10 for i in range(16)
    ]
    error: Any = outcomes[10]
    assert (error.level, error.x, error.y) == (0, 2, 1)


async def test_a_request_that_fails_spoils_only_the_tiles_that_it_was_for():
    async with RangeServer({"a.tif": FILE}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.script(Fault.status(403))
        outcomes = await asyncio.gather(
            *(cog.read_tile(0, x, y) for y in (1, 5) for x in range(4)), return_exceptions=True
        )
        assert sum(isinstance(found, PermissionError) for found in outcomes) == 4
        for found in outcomes:
            if isinstance(found, tinycog.Raster):
                assert_right(found)


async def test_a_tile_may_be_wanted_in_several_ways_at_once():
    cog = tinycog.open(fixture_path("cog-palette"))
    plain, rgb, padded, other = await asyncio.gather(
        cog.read_tile(0, 2, 2),
        cog.read_tile(0, 2, 2, rgb=True),
        cog.read_tile(0, 2, 2, padded=True),
        cog.read_tile(0, 2, 2, rgb=True),
    )
    assert plain.shape[0] == padded.shape[0] == 1
    assert rgb.shape == other.shape == (3, *plain.shape[1:])
    assert padded.shape[1:] == (128, 128)
    np.testing.assert_array_equal(rgb.data, other.data)


async def test_of_many_callers_that_wait_for_a_tile_some_may_be_cancelled():
    async with RangeServer({"a.tif": FILE}, latency=0.02) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.clear()
        tasks = [asyncio.ensure_future(cog.read_tile(0, 5, 5)) for _ in range(20)]
        await until(lambda: server.log)
        for task in tasks[::2]:
            task.cancel()
        for task in tasks[1::2]:
            assert_right(await task)
        assert all(task.cancelled() for task in tasks[::2])
        assert len(server.log) == 1


@pytest.mark.parametrize(("seed", "bandwidth"), [(0, None), (1, 5e6)])
async def test_whatever_is_read_side_by_side_every_pixel_is_right(seed, bandwidth):
    random = np.random.default_rng(seed)
    async with RangeServer({"a.tif": FILE}, latency=0.001, bandwidth=bandwidth) as server:
        cog = await tinycog.open(server.url("a.tif"))

        async def read(kind: int) -> None:
            z = int(random.integers(2))
            _, rows, cols = NOISY[z].shape
            tiles = [tuple(map(int, random.integers(rows // 64, size=2))) for _ in range(5)]
            window = some_window(random, rows, cols)
            await asyncio.sleep(float(random.random()) * 0.03)
            if kind == 0:
                assert_right(await cog.read_tile(z, *tiles[0]))
            elif kind == 1:
                assert_right(await cog.read(window=window, level=z))
            else:
                for raster in await cog.read_tiles([(z, x, y) for x, y in tiles]):
                    assert_right(raster)

        await asyncio.gather(*(read(i % 3) for i in range(60)))


# --- bodies that come in pieces, or not whole ----------------------------------------------------


@pytest.mark.parametrize("at", [0, 1, 100, 8191, 65_536, 70_001, 300_000])
async def test_a_body_may_stop_anywhere_and_go_on(at):
    async with RangeServer({"a.tif": FILE}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.script(Fault.stall(0.01, at=at))
        assert_right(await cog.read())


@pytest.mark.parametrize("length", [0, 1, 100, 70_001, 300_000])
async def test_a_body_that_ends_too_early_is_an_error_and_the_next_one_is_read(length):
    async with RangeServer({"a.tif": FILE}) as server:
        once = tinycog.Limits(retries=tinycog.Retries(tries=1))
        cog = await tinycog.open(server.url("a.tif"), limits=once)
        server.script(Fault.short_body(length))
        with pytest.raises(SourceError):
            await cog.read()
        assert_right(await cog.read())


@pytest.mark.parametrize("at", [0, 100, 100_000])
async def test_after_a_read_that_was_given_up_amid_its_body_the_next_one_is_right(at):
    async with RangeServer({"a.tif": FILE}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.script(Fault.stall(at=at))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cog.read(), 0.05)
        assert_right(await cog.read())


async def test_pixels_are_freed_at_once_when_the_caller_drops_them():
    """No reference cycle keeps them until the garbage collector comes."""
    cog = await tinycog.open(fixture_path("cog-deflate-u16-p2"))
    reads = (
        lambda: cog.read_tile(0, 0, 0),
        lambda: cog.read(window=(10, 10, 50, 50)),
        lambda: cog.read_level(1),
    )
    gc.collect()
    gc.disable()
    try:
        for read in reads:
            raster = await read()
            pixels = weakref.ref(raster.data)
            del raster
            await until(lambda gone=pixels: gone() is None)
    finally:
        gc.enable()
