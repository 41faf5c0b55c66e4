"""Values at points are those of rasterio.sample, and each tile is read once."""

from __future__ import annotations

import tracemalloc
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import rasterio
from conftest import fixture_path
from rasterio.warp import transform

import tinycog
from tinycog import TileIndexError, UsageError
from tinycog.testing import HugeTiff, RangeServer, make_image, make_pyramid, make_tiff
from tinycog.tiff.spec import Compression

# rasterio's own use of affine
pytestmark = pytest.mark.filterwarnings(
    "ignore::PendingDeprecationWarning", "ignore::rasterio.errors.NotGeoreferencedWarning"
)

PIXELS = np.arange(200 * 300, dtype=np.uint16).reshape(1, 200, 300)
DATA = make_tiff(make_pyramid(PIXELS, (2, 4), tile=(64, 64)))
RNG = np.random.default_rng(7)
NAMES = [
    "cog-alpha-rgba",
    "cog-deflate-u16-p2",
    "cog-mask-rgb",
    "cog-nodata-nan",
    "cog-one-row",
    "cog-pixel-is-point",
    "cog-rotated",
    "cog-sparse-nodata",
    "strip-planar-u16",
    "strip-one-row-strips",
    "tiled-internal-mask",
    "tiled-nodata-f32",
    "tiled-nodata-i64",
    "tiled-planar-10-bands",
]


def places_in(dataset, count=200):
    """Places inside of a dataset, no edge of a pixel among them."""
    rows = RNG.integers(0, dataset.height, count) + RNG.uniform(0.01, 0.99, count)
    cols = RNG.integers(0, dataset.width, count) + RNG.uniform(0.01, 0.99, count)
    a, b, c, d, e, f = dataset.transform[:6]
    return np.stack([a * cols + b * rows + c, d * cols + e * rows + f], 1)


# --- against rasterio ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
async def test_values_are_those_of_rasterio(name):
    cog = await tinycog.open(fixture_path(name))
    with rasterio.open(fixture_path(name)) as dataset:
        places = places_in(dataset)
        sampled = list(dataset.sample(places, masked=True))
        expected = np.array([values.data for values in sampled])
        rows, cols = np.array([dataset.index(x, y) for x, y in places], int).T
        valid = dataset.dataset_mask()[rows, cols] != 0
    values = await cog.points(places)
    assert values.data.dtype == expected.dtype
    np.testing.assert_array_equal(values.data, expected)
    np.testing.assert_array_equal(values.mask, valid)
    assert values.inside.all()


@pytest.mark.parametrize("name", ["cog-deflate-u16-p2", "cog-mask-rgb", "tiled-overviews-after"])
async def test_values_are_read_from_the_level_that_is_named(name):
    cog = await tinycog.open(fixture_path(name))
    with rasterio.open(fixture_path(name), overview_level=0) as dataset:
        places = places_in(dataset)
        expected = np.array(list(dataset.sample(places)))
        rows, cols = np.array([dataset.index(x, y) for x, y in places], int).T
        valid = dataset.read_masks(1)[rows, cols] != 0
    values = await cog.points(places, level=1)
    np.testing.assert_array_equal(values.data, expected)
    np.testing.assert_array_equal(values.mask, valid)


async def test_points_may_be_in_another_crs():
    cog = await tinycog.open(fixture_path("cog-deflate-u16-p2"))
    with rasterio.open(fixture_path("cog-deflate-u16-p2")) as dataset:
        places = places_in(dataset, 50)
        expected = np.array(list(dataset.sample(places)))
        degrees = np.stack(transform(dataset.crs, "EPSG:4326", *places.T), 1)
        crs = dataset.crs
    for there in ("EPSG:4326", 4326, rasterio.CRS.from_epsg(4326)):
        values = await cog.points(degrees, crs=there)
        np.testing.assert_array_equal(values.data, expected)
    for there in (cog.crs, crs):
        np.testing.assert_array_equal((await cog.points(places, crs=there)).data, expected)


async def test_bands_come_in_the_order_that_is_named():
    cog = await tinycog.open(fixture_path("strip-planar-u16"))
    x, y = cog.bounds.left + 5, cog.bounds.top - 5
    all_of_them = await cog.point(x, y)
    np.testing.assert_array_equal(await cog.point(x, y, bands=[2, 0]), all_of_them[[2, 0]])
    np.testing.assert_array_equal(await cog.point(x, y, bands=1), all_of_them[[1]])


# --- outside, and no places at all ---------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        *[(-0.001, 5), (300, 5), (5, -1), (5, 200.5), (1e300, 5), (5, -1e300)],
        *[(float("nan"), 5), (5, float("inf")), (float("-inf"), 5)],
    ],
)
async def test_outside_there_is_no_pixel(place):
    cog = await tinycog.open(DATA)
    values = await cog.points([place, (1, 0)])
    assert values.inside.tolist() == values.mask.tolist() == [False, True]
    assert values.data.tolist() == [[0], [1]]
    with pytest.raises(UsageError, match="outside"):
        await cog.point(*place)


async def test_outside_there_is_nodata():
    cog = await tinycog.open(fixture_path("tiled-nodata-f32"))
    values = await cog.points([(0, 0)])
    assert values.data.tolist() == [[cog.nodata]]


async def test_no_points_have_no_values():
    cog = await tinycog.open(fixture_path("strip-planar-u16"))
    for none in ([], (), np.empty((0, 2)), iter([])):
        values = await cog.points(none)
        assert (values.data.shape, values.mask.shape) == ((0, 3), (0,))
    assert (await cog.points([], crs="EPSG:4326")).data.shape == (0, 3)


async def test_places_that_the_crs_does_not_know_lie_outside():
    cog = await tinycog.open(fixture_path("cog-deflate-u16-p2"))
    values = await cog.points([(1e9, 1e9), (float("nan"), 0)], crs="EPSG:3857")
    assert not values.inside.any()


@pytest.mark.parametrize("points", [[(1, 2)], np.array([[1, 2]]), ((1, 2),), iter([(1.5, 2.5)])])
async def test_points_may_come_in_many_shapes(points):
    assert (await tinycog.open(DATA).points(points)).data.tolist() == [[601]]


async def test_points_may_be_numbers_of_other_classes():
    points: Any = [(Decimal("1.5"), Decimal(2))]
    values = await tinycog.open(DATA).points(points)
    assert values.data.tolist() == [[601]]


@pytest.mark.parametrize(
    "points",
    [
        *[5, None, [5], [(1,)], [(1, 2, 3)], [(1, 2), (3,)], "ab", ["ab"], [("a", "b")]],
        *[[(1j, 2)], np.zeros((2, 2), complex), np.zeros((2, 2), "M8[s]"), [[[1, 2]]], [(None, 1)]],
        *[[(10**400, 1)], [("1", "2")], [(True, False)], object()],
    ],
)
async def test_what_is_no_point_is_refused(points):
    with pytest.raises(UsageError, match="points are pairs"):
        await tinycog.open(DATA).points(points)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"level": 3}, TileIndexError),
        ({"level": -1}, TileIndexError),
        ({"level": 0.5}, UsageError),
        ({"bands": [1]}, UsageError),
        ({"bands": "a"}, UsageError),
        ({"crs": "EPSG:4326"}, UsageError),
    ],
)
async def test_wrong_options_are_refused(options, error):
    with pytest.raises(error):
        await tinycog.open(DATA).points([(1, 2)], **options)


@pytest.mark.parametrize("crs", ["EPSG:1", "nonsense", object(), 3.5, 'LOCAL_CS["here"]'])
async def test_an_unknown_crs_is_refused(crs):
    cog = await tinycog.open(fixture_path("cog-deflate-u16-p2"))
    with pytest.raises(UsageError, match="is unknown, or does not lead"):
        await cog.points([(1, 2)], crs=crs)


async def test_control_points_give_no_place_to_points_of_a_crs():
    cog = await tinycog.open(fixture_path("tiled-gcps"))
    with pytest.raises(UsageError, match="does not say where it lies"):
        await cog.points([(1, 2)], crs="EPSG:4326")


# --- costs ---------------------------------------------------------------------------------------


async def test_ten_thousand_points_of_a_tile_cost_one_tile():
    large = np.zeros((1, 512, 512), np.uint16)
    large[0] = np.arange(512)
    data = make_tiff([make_image(large, tile=(256, 256))])
    places = RNG.uniform(256, 511.9, (10_000, 2))
    async with RangeServer({"a.tif": data}) as server:
        cog = tinycog.open(server.url("a.tif"))
        values = await cog.points(places)
        assert len(cog.requests) == 2
    np.testing.assert_array_equal(values.data[:, 0], places[:, 0].astype(int))


async def test_each_tile_is_read_once_whatever_the_order():
    cog = await tinycog.open(DATA)
    before = len(cog.requests)
    points = RNG.uniform((0, 0), (300, 200), (3000, 2))
    values = await cog.points(points)
    sent = sorted((request.start, request.stop) for request in cog.requests[before:])
    tiles = [(0, x, y) for y in range(4) for x in range(5)]
    planned = await cog.plan(tiles)
    assert sent == sorted((request.start, request.stop) for request in planned.requests)
    cols, rows = points.astype(int).T
    np.testing.assert_array_equal(values.data[:, 0], PIXELS[0, rows, cols])


async def test_memory_does_not_grow_with_the_tiles():
    huge = HugeTiff(64_000, 64_000, tile=1024, compression=Compression.DEFLATE)
    places = RNG.uniform(0, 30_000, (20_000, 2))
    places[:600] = np.stack(np.divmod(np.arange(600), 30), 1) * 1024 + 5
    async with RangeServer({"a.tif": huge}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        tracemalloc.start()
        values = await cog.points(places[:600])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    expected = [huge.expected(int(x) // 1024, int(y) // 1024) for x, y in places[:600]]
    assert values.data[:, 0].tolist() == expected
    assert peak < 150 << 20


@pytest.mark.parametrize(
    ("compression", "whole_tiles"),
    [(Compression.DEFLATE, True), (Compression.DEFLATE, False), (Compression.NONE, True)],
)
@pytest.mark.parametrize("count", [3, 25])
async def test_a_plan_of_points_is_what_is_sent(compression, whole_tiles, count):
    noise = RNG.integers(0, 4000, (1, 1600, 1600)).astype(np.uint16)
    data = make_tiff([make_image(noise, tile=(128, 128), compression=compression)])
    places = RNG.uniform(0, 1700, (count, 2))
    async with RangeServer({"a.tif": data}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        await cog.plan()  # all of the index
        before = len(cog.requests)

        planned = await cog.plan(points=places, whole_tiles=whole_tiles)
        assert len(cog.requests) == before
        values = await cog.points(places, whole_tiles=whole_tiles)

    sent = {(request.start, request.stop) for request in cog.requests[before:]}
    expected = set(map(tuple, planned.requests))
    assert expected <= sent
    later = {start for start, _ in sent - expected}  # first bytes that did not suffice
    assert later <= (set() if whole_tiles else {stop for _, stop in expected})
    inside = places[values.inside].astype(int)
    assert set(planned.tiles) == {(0, x, y) for x, y in inside // 128}
    np.testing.assert_array_equal(
        values.data[values.inside, 0], noise[0, inside[:, 1], inside[:, 0]]
    )


async def test_a_plan_of_points_takes_their_options_alone():
    cog: Any = tinycog.open(DATA)
    for options in ({"window": (0, 0, 9, 9)}, {"masked": True}):
        with pytest.raises(UsageError, match="a plan of points takes crs, level, bands"):
            await cog.plan(points=[(1, 2)], **options)
    with pytest.raises(UsageError, match="whole_tiles= is an option of points"):
        await cog.plan(whole_tiles=False)
    with pytest.raises(UsageError, match='errors is "raise"'):
        await cog.plan(points=[(1, 2)], errors="drop")
    assert not cog.requests
