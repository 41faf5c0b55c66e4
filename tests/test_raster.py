"""What was read knows where it lies, pickles, copies, and can be looked at."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import imagecodecs
import numpy as np
import pytest
import rasterio
from conftest import fixture_path
from rasterio.windows import Window as _Window
from rasterio.windows import bounds as window_bounds
from rasterio.windows import transform as window_transform

import tinycog
from tinycog import UsageError
from tinycog.testing import Layout, RangeServer, make_pyramid, make_tiff

# rasterio's own use of affine
pytestmark = pytest.mark.filterwarnings(
    "ignore::PendingDeprecationWarning", "ignore::rasterio.errors.NotGeoreferencedWarning"
)

FILES = ["cog-metadata", "cog-rotated", "cog-epsg4326", "cog-pixel-is-point", "cog-web-mercator"]
FAR = make_tiff(
    make_pyramid(np.arange(4096, dtype=np.uint16).reshape(1, 64, 64), tile=(16, 16)),
    layout=Layout(gap=40_000),
)


rio_window: Any = _Window


def same(ours, theirs):
    assert tuple(ours)[:6] == pytest.approx(tuple(theirs)[:6], rel=1e-9, abs=1e-12)


# --- places --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
async def test_tiles_lie_where_rasterio_says(name):
    cog = await tinycog.open(fixture_path(name))
    for level in cog.levels:
        options: dict[str, Any] = {} if level.z == 0 else {"overview_level": level.z - 1}
        with rasterio.open(fixture_path(name), **options) as dataset:
            for place in ((0, 0), (level.grid[1] - 1, level.grid[0] - 1)):
                for padded in (False, True):
                    tile = await cog.read_tile(level.z, *place, padded=padded)
                    window = rio_window(*tile.window)
                    same(tile.transform, window_transform(window, dataset.transform))
                    if name != "cog-rotated":
                        same(tile.bounds, window_bounds(window, dataset.transform))
            assert tile.crs is not None
            assert tile.crs.to_epsg() == dataset.crs.to_epsg()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("z", [0, 1])
async def test_windows_lie_where_rasterio_says(name, z):
    cog = await tinycog.open(fixture_path(name))
    options: dict[str, Any] = {"overview_level": z - 1} if z else {}
    with rasterio.open(fixture_path(name), **options) as dataset:
        raster = await cog.read(window=(7, 5, 30, 20), level=z)
        same(raster.transform, window_transform(rio_window(7, 5, 30, 20), dataset.transform))
        over = await cog.read(window=(-5, -4, 20, 10), level=z, boundless=True)
        same(over.transform, window_transform(rio_window(-5, -4, 20, 10), dataset.transform))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("shape", [(10, 15), (50, 45), (3, 100)])
async def test_other_shapes_lie_where_the_window_lies(name, shape):
    cog = await tinycog.open(fixture_path(name))
    raster = await cog.read(window=(8, 4, 60, 40), shape=shape)
    with rasterio.open(fixture_path(name)) as dataset:
        whole = window_transform(rio_window(8, 4, 60, 40), dataset.transform)
    a, b, c, d, e, f, *_ = whole
    across, down = 60 / shape[1], 40 / shape[0]
    expected = rasterio.Affine(a * across, b * down, c, d * across, e * down, f)
    same(raster.transform, expected)
    assert raster.shape[1:] == shape


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", [20, 64, 10_000])
async def test_previews_lie_where_the_file_lies(name, size):
    cog = await tinycog.open(fixture_path(name))
    raster = await cog.preview(size)
    assert max(raster.shape[1:]) <= size
    same(raster.bounds, cog.bounds)


async def test_pixels_without_a_georeference_lie_in_pixels():
    cog = tinycog.open(FAR)
    await cog
    tile = await cog.read_tile(1, 1, 1)
    assert tuple(tile.transform)[:6] == (2, 0, 32, 0, 2, 32)
    assert tuple(tile.bounds) == (32, 64, 64, 32)
    assert tile.crs is None


# --- when it is known ----------------------------------------------------------------------------


async def test_the_place_of_a_cold_tile_costs_nothing():
    async with RangeServer({"a.tif": fixture_path("cog-10-bands-u16")}) as server:
        cog = tinycog.open(server.url("a.tif"))
        tile = await cog.read_tile(0, 1, 0)
        sent = len(cog.requests)
        assert sent <= 2
        assert tile.transform.a == 10
        assert tile.crs is not None
        assert tile.crs.epsg == 32633
        assert len(cog.requests) == sent


@pytest.mark.parametrize("looked_at", [False, True])
async def test_a_raster_pickles_and_copies_before_and_after_its_place_was_asked_for(looked_at):
    cog = tinycog.open(fixture_path("cog-mask-rgb"))
    raster = await cog.read(window=(3, 4, 20, 10), masked=True)
    if looked_at:
        assert raster.bounds
    twins = (
        pickle.loads(pickle.dumps(raster)),  # noqa: S301 - our own
        copy.copy(raster),
        copy.deepcopy(raster),
        raster.copy(),
    )
    for twin in twins:
        np.testing.assert_array_equal(twin.data, raster.data)
        np.testing.assert_array_equal(twin.mask, raster.mask)
        assert tuple(twin.transform) == tuple(raster.transform)
        assert str(twin.crs) == "EPSG:32633"
        assert (twin.window, twin.nodata, twin.level) == (raster.window, raster.nodata, 0)
    assert not np.shares_memory(raster.copy().data, raster.data)


async def test_a_raster_whose_place_is_not_known_pickles_and_says_so():
    async with RangeServer({"a.tif": make_georeferenced_apart()}) as server:
        cog = tinycog.open(server.url("a.tif"), head_bytes=1024)
        tile = await cog.read_tile(0, 0, 0)
        twin = pickle.loads(pickle.dumps(tile))  # noqa: S301 - our own
        for raster in (tile, twin):
            with pytest.raises(UsageError, match=r"await tinycog\.open"):
                _ = raster.transform
        await cog
        assert tile.transform.a == 10
        again = pickle.loads(pickle.dumps(tile))  # noqa: S301 - our own
        assert again.transform.a == 10


def make_georeferenced_apart():
    """A file whose tags of georeference have their values far behind the head."""
    from tinycog.testing import Field, make_image  # noqa: PLC0415 - only here
    from tinycog.tiff.spec import Tag  # noqa: PLC0415 - only here

    extra = [
        Field(Tag.ModelPixelScale, "DOUBLE", [10.0, 10.0, 0.0]),
        Field(Tag.ModelTiepoint, "DOUBLE", [0.0, 0.0, 0.0, 500.0, 900.0, 0.0]),
    ]
    image = make_image(np.ones((1, 256, 256), np.uint16), tile=(256, 256), extra=extra)
    return make_tiff([image], layout=Layout(order="values-apart", gap=40_000))


# --- pixels --------------------------------------------------------------------------------------


async def test_masked_pixels_as_numpy_has_them():
    with rasterio.open(fixture_path("cog-mask-rgb")) as dataset:
        expected = dataset.read(masked=True)
    raster = await tinycog.open(fixture_path("cog-mask-rgb")).read(masked=True)
    np.testing.assert_array_equal(raster.masked().mask, expected.mask)
    np.testing.assert_array_equal(raster.masked().filled(7), expected.filled(7))
    np.testing.assert_array_equal(raster.as_masked().mask, expected.mask)


async def test_without_a_mask_nothing_is_masked():
    raster = await tinycog.open(fixture_path("cog-metadata")).read()
    assert raster.masked().mask is np.ma.nomask or not raster.masked().mask.any()
    assert raster.masked().count() == raster.data.size


# --- for people ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["cog-mask-rgb", "cog-zstd-f32-p3", "cog-complex64", "tiled-nodata-i64", "cog-one-row"]
)
async def test_any_raster_can_be_looked_at(name):
    raster = await tinycog.open(fixture_path(name)).preview(100, masked=True)
    assert raster.to_png().startswith(b"\x89PNG")
    assert "data:image/png" in raster._repr_html_()
    assert str(raster.dtype) in raster._repr_html_()


async def test_a_raster_without_a_place_can_be_looked_at():
    async with RangeServer({"a.tif": make_georeferenced_apart()}) as server:
        tile = await tinycog.open(server.url("a.tif"), head_bytes=1024).read_tile(0, 0, 0)
    assert "data:image/png" in tile._repr_html_()


async def test_a_raster_is_saved_as_a_picture_or_as_it_is(tmp_path):
    raster = await tinycog.open(fixture_path("cog-mask-rgb")).read(masked=True)
    raster.save(tmp_path / "a.png")
    raster.save(str(tmp_path / "a.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), raster.data)
    with rasterio.open(tmp_path / "a.png") as picture:
        assert picture.count == 4
        shown = picture.read(4) != 0
        np.testing.assert_array_equal(shown, raster.mask)
        np.testing.assert_array_equal(picture.read()[:3, shown], raster.data[:, shown])
    with pytest.raises(UsageError, match=r"\.png or \.npy"):
        raster.save(tmp_path / "a.tif")


# --- palettes ------------------------------------------------------------------------------------


def decoded(png: bytes) -> np.ndarray:
    return imagecodecs.png_decode(png).transpose(2, 0, 1)


async def test_rasters_of_a_palette_show_its_colours():
    cog = tinycog.open(fixture_path("cog-palette"))
    tile, shown = await cog.read_tile(0, 0, 0), await cog.read_tile(0, 0, 0, rgb=True)
    np.testing.assert_array_equal(tile.colormap, await cog.read_colormap())
    np.testing.assert_array_equal(decoded(tile.to_png()), shown.data)

    area = await cog.read(window=(3, 4, 20, 10))
    shown = await cog.read(window=(3, 4, 20, 10), rgb=True)
    np.testing.assert_array_equal(decoded(area.to_png()), shown.data)
    assert shown.colormap is None


async def test_levels_of_a_palette_have_their_own_colours():
    cog = await tinycog.open(fixture_path("cog-palette"))
    for level in cog.levels:
        tile = await cog.read_tile(level.z, 0, 0)
        np.testing.assert_array_equal(tile.colormap, await cog.read_colormap(level.z))


async def test_a_saved_palette_is_in_colour_or_raw(tmp_path):
    raster = await tinycog.open(fixture_path("cog-palette")).read_tile(0, 0, 0)
    raster.save(tmp_path / "a.png")
    raster.save(tmp_path / "raw.png", raw=True)
    np.testing.assert_array_equal(
        decoded((tmp_path / "a.png").read_bytes()), decoded(raster.to_png())
    )
    raw = imagecodecs.png_decode((tmp_path / "raw.png").read_bytes())
    np.testing.assert_array_equal(raw, raster.data[0])


async def test_colours_of_8_bits_are_shown_as_they_are():
    """Some writers store 0 to 255 where 0 to 65535 is meant (tiff.colour.palette)."""
    cog = tinycog.open(make_palette(np.arange(48) * 5))
    tile, shown = await cog.read_tile(0, 0, 0), await cog.read_tile(0, 0, 0, rgb=True)
    assert shown.data.max() == 235
    np.testing.assert_array_equal(decoded(tile.to_png()), shown.data)


async def test_a_colormap_costs_no_request():
    data = make_palette(np.arange(48) * 1000, layout=Layout(order="values-apart", gap=40_000))
    async with RangeServer({"a.tif": data}) as server:
        cog = tinycog.open(server.url("a.tif"), head_bytes=1024)
        tile = await cog.read_tile(0, 0, 0)
        assert tile.colormap is None
        assert len(server.log) == len(cog.requests)
        before = len(server.log)
        await cog
        opened = len(server.log)
        assert opened > before  # the ColorMap, for one
        tile = await cog.read_tile(0, 0, 0)
        assert tile.colormap is not None


async def test_other_bands_and_files_have_no_colours():
    assert (await tinycog.open(fixture_path("cog-deflate-u8")).read_tile(0, 0, 0)).colormap is None
    cog = await tinycog.open(fixture_path("cog-palette"))
    raster = await cog.read(window=(0, 0, 8, 8))
    twin = pickle.loads(pickle.dumps(raster))  # noqa: S301 - our own
    np.testing.assert_array_equal(twin.colormap, raster.colormap)


def make_palette(colours, **options):
    """A file of a palette of 16 entries, and its 48 colours."""
    from tinycog.testing import Field, make_image  # noqa: PLC0415 - only here

    pixels = np.arange(4096, dtype=np.uint8).reshape(1, 64, 64) % 16
    field = Field(320, "SHORT", [int(v) for v in colours])
    extra = [field, Field(262, "SHORT", [3])]
    return make_tiff([make_image(pixels, tile=(64, 64), extra=extra)], **options)
