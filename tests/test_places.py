"""Where a file lies: bounds of any CRS, over the antimeridian, around poles; files of no place."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import re
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pyproj
import pytest
from geo_files import in_rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.coords import BoundingBox
from rasterio.warp import transform_bounds
from rasterio.windows import Window as RasterioWindow
from rasterio.windows import from_bounds

import tinycog
from tinycog import Cog, Raster, UsageError
from tinycog.geo.outline import bounds_into
from tinycog.pixels.warp.plan import warp_plan
from tinycog.testing import Field, make_pyramid, make_tiff

WORLD = np.arange(180 * 360, dtype=np.uint16).reshape(1, 180, 360)
"""A pixel for each degree."""


def keys(code: int) -> Field:
    model, key = (2, 2048) if 4000 < code < 5000 else (1, 3072)
    return Field(34735, "SHORT", [1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, 1, key, 0, 1, code])


def placed(pixels: np.ndarray, code: int, left: float, top: float, pixel: float = 1.0) -> bytes:
    """A file of square pixels."""
    levels = make_pyramid(pixels, (), tile=(64, 64))
    scale = Field(33550, "DOUBLE", [pixel, pixel, 0.0])
    tiepoint = Field(33922, "DOUBLE", [0.0, 0.0, 0.0, left, top, 0.0])
    return make_tiff([levels[0].having(keys(code), scale, tiepoint)])


async def opened(left: float, width: int = 360) -> Cog:
    """A file of all latitudes, in degrees."""
    return await tinycog.open(placed(WORLD[:, :, :width], 4326, left, 90))


def rows_cols(raster: Raster) -> tuple[int, int, int, int]:
    col, row, width, height = map(int, raster.window)
    return row, row + height, col, col + width


# --- files of no place ---------------------------------------------------------------------------

GCPS = Field(33922, "DOUBLE", [0, 0, 0, 10, 48, 0, 60, 0, 0, 11, 48, 0, 0, 60, 0, 10, 47, 0])
NOWHERE = {
    "control points": make_tiff(
        [make_pyramid(WORLD[:, :64, :64], (), tile=(16, 16))[0].having(keys(4326), GCPS)]
    ),
    "keys": make_tiff([make_pyramid(WORLD[:, :64, :64], (), tile=(16, 16))[0].having(keys(4326))]),
}
IN_DEGREES: dict[str, Any] = {"bounds": (10, 47, 11, 48), "crs": "EPSG:4326"}


async def all_tiles(cog: Cog, **options: Any) -> list[Raster]:
    return [tile async for tile in cog.iter_tiles(**options)]


@pytest.mark.parametrize("name", NOWHERE)
@pytest.mark.parametrize(
    "call",
    [
        lambda cog: cog.read(**IN_DEGREES),
        lambda cog: cog.read(bounds=(10, 47, 11, 48)),
        lambda cog: cog.read(res=0.01),
        lambda cog: cog.plan(**IN_DEGREES),
        lambda cog: cog.plan(bounds=(10, 47, 11, 48)),
        lambda cog: cog.preview(**IN_DEGREES),
        lambda cog: all_tiles(cog, **IN_DEGREES),
        lambda cog: all_tiles(cog, bounds=(10, 47, 11, 48)),
        lambda cog: cog.points([(10.2, 47.5)], crs="EPSG:4326"),
        lambda cog: cog.points([(10.2, 47.5)]),
        lambda cog: cog.point(10.2, 47.5),
        lambda cog: cog.read_web_tile(0, 0, 0),
    ],
)
async def test_coordinates_lead_to_no_pixel_of_a_file_that_has_a_crs_and_no_transform(name, call):
    cog = await tinycog.open(NOWHERE[name])
    with pytest.raises(
        UsageError, match=r"does not say where it lies in a CRS: it .* no transform"
    ):
        await call(cog)
    assert len(cog.requests) == 1


@pytest.mark.parametrize("name", NOWHERE)
async def test_what_is_said_of_such_a_file_is_in_pixels(name):
    cog = await tinycog.open(NOWHERE[name])
    for call in (cog.lnglat, cog.tile_matrix_set, lambda: cog.index(10.5, 47.5)):
        with pytest.raises(UsageError, match="does not say where it lies"):
            call()
    with in_rasterio(NOWHERE[name]) as dataset:
        assert cog.bounds == dataset.bounds
    assert str(cog.crs) == "EPSG:4326"
    assert cog.info()["lnglat"] is None
    raster = await cog.read(window=(0, 0, 8, 8))
    assert raster.crs is None
    assert tuple(raster.bounds) == (0, 8, 8, 0)


async def test_a_file_without_crs_and_transform_is_a_plane_of_pixels():
    cog = await tinycog.open(make_tiff(make_pyramid(WORLD[:, :64, :64], (), tile=(16, 16))))
    assert rows_cols(await cog.read(bounds=(10, 20, 12, 30))) == (20, 30, 10, 12)
    with pytest.raises(UsageError, match="neither a transform nor a CRS; leave out crs="):
        await cog.read(**IN_DEGREES)


# --- bounds of another CRS -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("EPSG:3413", (-1e6, -1e6, 1e6, 1e6)),
        ("EPSG:3995", (-1e6, -5e5, 5e5, 1e6)),
        ("EPSG:3031", (-1e6, -1e6, 1e6, 1e6)),
        ("EPSG:3031", (-3e6, -3e6, 3e6, 3e6)),
        ("EPSG:3575", (-2e6, -2e6, 2e6, 2e6)),
        ("EPSG:32601", (-8e5, 9.5e6, 1.4e6, 10.2e6)),
        ("EPSG:32661", (1.5e6, 1.8e6, 2.2e6, 2.9e6)),
    ],
)
@pytest.mark.parametrize("left", [-180, 0])
async def test_bounds_around_a_pole_hold_its_cap(crs, bounds, left):
    cog = await opened(left)
    _, bottom, _, top = transform_bounds(crs, "EPSG:4326", *bounds)
    assert abs(top) == 90 or abs(bottom) == 90
    expected = (int(np.floor(90 - top + 1e-9)), int(np.ceil(90 - bottom - 1e-9)), 0, 360)
    assert rows_cols(await cog.read(bounds=bounds, crs=crs)) == expected


AROUND = [
    ("EPSG:3413", -3e6, 3e6),
    ("EPSG:3031", -3e6, 3e6),
    ("EPSG:3832", -9e6, 9e6),
    ("EPSG:3857", -2e7, 2e7),
    ("EPSG:32601", -2e5, 9e5),
    ("EPSG:3035", 1e6, 7e6),
]


TARGETS = ["EPSG:4326", "EPSG:4807", "EPSG:6933", "EPSG:3857", "EPSG:3995"]


@cache
def transform(crs: str, target: str) -> Any:
    return pyproj.Transformer.from_crs(crs, target, always_xy=True).transform


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=25)
@given(data=st.data())
def test_bounds_hold_every_point_of_what_was_asked_for(target, data):
    crs, low, high = data.draw(st.sampled_from(AROUND))
    corners = st.tuples(st.floats(low, high), st.floats(low, high)).map(sorted)
    (left, right), (bottom, top) = data.draw(corners), data.draw(corners)
    right, top = max(right, left + 1e4), max(top, bottom + 1e4)
    try:
        found = BoundingBox(*bounds_into((left, bottom, right, top), crs, target))
    except UsageError:
        return
    xs, ys = np.meshgrid(np.linspace(left, right, 40), np.linspace(bottom, top, 40))
    x, y = map(np.asarray, transform(crs, target)(xs.ravel(), ys.ravel()))
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    across, down = (found.right - found.left) * 1e-5, (found.top - found.bottom) * 1e-5
    if target in ("EPSG:4326", "EPSG:4807"):
        turn = 360 if target == "EPSG:4326" else 400
        x = found.left + (x - found.left + across) % turn - across
        x = x[np.abs(y) < turn / 4 - 1e-6]  # at a pole every longitude is right
    assert (x >= found.left - across).all()
    assert (x <= found.right + across).all()
    assert (y >= found.bottom - down).all()
    assert (y <= found.top + down).all()


@pytest.mark.parametrize(
    ("crs", "bounds", "target"),
    [
        ("EPSG:4326", (3.0, 45.1, 3.2, 45.5), "EPSG:32631"),
        ("EPSG:32631", (5e5, 5e6, 6e5, 5.1e6), "EPSG:4326"),
        ("EPSG:4326", (179.0, 50.0, -179.0, 51.0), "EPSG:32601"),
        ("EPSG:4326", (170.0, -20.0, -170.0, 20.0), "EPSG:3832"),
        ("EPSG:3857", (2e6, 5e6, 2.1e6, 5.1e6), "EPSG:3035"),
        ("EPSG:2056", (2.6e6, 1.2e6, 2.7e6, 1.3e6), "EPSG:4326"),
    ],
)
def test_bounds_are_those_of_rasterio(crs, bounds, target):
    expected = transform_bounds(crs, target, *bounds, densify_pts=101)
    assert bounds_into(bounds, crs, target) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("to", ["EPSG:4258", "EPSG:4326", "EPSG:4267"])
@pytest.mark.parametrize(
    "bounds",
    [(-180, -90, 180, 90), (-170, -90, 170, 90), (0, -90, 360, 90), (10, 40, 20, 90)],
)
def test_bounds_in_degrees_that_reach_a_pole_keep_their_longitudes(bounds, to):
    assert bounds_into(bounds, "EPSG:4326", to) == pytest.approx(bounds, abs=0.01)


async def test_bounds_of_a_pole_in_a_projection_end_where_the_file_does():
    pixel = 25_025.26
    grid = placed(np.zeros((1, 584, 1388), np.uint8), 6933, -17_367_530.44, 7_307_375.92, pixel)
    cog = await tinycog.open(grid)
    raster = await cog.read(bounds=(-1e6, -1e6, 1e6, 1e6), crs="EPSG:3413", crop=True)
    _, south = transform("EPSG:3413", "EPSG:6933")(-1e6, -1e6)
    assert rows_cols(raster) == (0, int(np.ceil((7_307_375.92 - south) / pixel)), 0, 1388)


# --- longitudes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "bounds", "cols"),
    [
        (-180, (-90, 0, -80, 10), (90, 100)),
        (-180, (200, 0, 210, 10), (20, 30)),
        (-180, (-180, 0, 180, 10), (0, 360)),
        (-180, (0, 0, 360, 10), (0, 360)),
        (-180, (179, 0, 180, 10), (359, 360)),
        (0, (-90, 0, -80, 10), (270, 280)),
        (0, (170, 0, -170, 10), (170, 190)),
        (0, (170, 0, 190, 10), (170, 190)),
        (0, (-180, 0, 180, 10), (0, 360)),
        (0, (-190, 0, -170, 10), (170, 190)),
        (-180.5, (179, 0, 179.5, 10), (359, 360)),
        (-180.5, (179.5, 0, 180, 10), (0, 1)),
    ],
)
@pytest.mark.parametrize("crs", [None, "EPSG:4326", "EPSG:4269"])
async def test_a_full_turn_more_or_less_is_the_same_place(left, bounds, cols, crs):
    cog = await opened(left)
    raster = await cog.read(bounds=bounds, crs=crs)
    assert rows_cols(raster) == (80, 90, *cols)
    assert raster.bounds.left == left + cols[0]


async def test_bounds_over_the_antimeridian_are_read_from_a_file_that_reaches_over_it():
    cog = await opened(170, width=40)
    for bounds in ((175, 0, -175, 10), (175, 0, 185, 10), (-185, 0, -175, 10)):
        assert rows_cols(await cog.read(bounds=bounds)) == (80, 90, 5, 15)
        (tile,) = [tile async for tile in cog.iter_tiles(bounds=bounds)]
        assert tile.window.col_off == 0
        plan = await cog.plan(bounds=bounds)
        assert plan == await cog.plan(window=(5, 80, 10, 10))


@pytest.mark.parametrize("options", [{}, {"boundless": True}, {"crop": True}])
async def test_bounds_over_the_edge_of_a_file_that_ends_at_the_antimeridian_are_two(options):
    cog = await opened(-180)
    message = re.escape("read (170.0, 0.0, 180.0, 10.0) and (-180.0, 0.0, -170.0, 10.0)")
    with pytest.raises(UsageError, match=message):
        await cog.read(bounds=(170, 0, -170, 10), **options)


async def test_bounds_of_another_crs_over_that_edge_are_all_of_the_width():
    cog = await opened(-180)
    pacific = (1e6, -1e6, 6e6, 1e6)
    assert rows_cols(await cog.read(bounds=pacific, crs="EPSG:3832"))[2:] == (0, 360)
    other = await opened(0)
    left, _, right, _ = transform_bounds("EPSG:3832", "EPSG:4326", *pacific)
    expected = (int(left), int(np.ceil(right + 360)))
    assert rows_cols(await other.read(bounds=pacific, crs="EPSG:3832"))[2:] == expected


@pytest.mark.parametrize("left", [-180, 0, -180.5])
async def test_points_may_count_longitudes_either_way(left):
    cog = await opened(left)
    for lon, lat in product((-179.7, -90.2, -0.3, 0.2, 90.6, 179.6), (-89.5, 0.5, 45.5)):
        for longitude in (lon, lon % 360):
            values = await cog.points([(longitude, lat), (longitude, lat)], crs="EPSG:4326")
            row, col = int(90 - lat), int((lon - left) % 360 // 1)
            assert values.data[:, 0].tolist() == [WORLD[0, row, col]] * 2
            assert (await cog.point(longitude, lat)).tolist() == [WORLD[0, row, col]]
            assert cog.index(longitude, lat) == (row, col)


async def test_a_longitude_is_in_the_unit_of_the_file():
    levels = make_pyramid(WORLD[:, :, :200], (), tile=(64, 64))
    scale = Field(33550, "DOUBLE", [2.0, 1.0, 0.0])
    tiepoint = Field(33922, "DOUBLE", [0.0, 0.0, 0.0, 0.0, 90.0, 0.0])
    cog = await tinycog.open(make_tiff([levels[0].having(keys(4807), scale, tiepoint)]))
    assert rows_cols(await cog.read(bounds=(-100, 0, -80, 10))) == (80, 90, 150, 160)


@pytest.mark.parametrize("tile", [(0, 0, 0), (1, 0, 0), (1, 1, 1), (3, 7, 3), (3, 0, 4)])
async def test_web_tiles_of_files_that_count_from_0_are_those_of_others(tile):
    other = placed(np.roll(WORLD, -180, axis=2), 4326, 0, 90)
    a = await (await opened(-180)).read_web_tile(*tile, resampling="nearest")
    b = await (await tinycog.open(other)).read_web_tile(*tile, resampling="nearest")
    assert a.mask is not None
    assert b.mask is not None
    assert a.mask.all()
    np.testing.assert_array_equal(a.mask, b.mask)
    np.testing.assert_array_equal(a.data, b.data)


# --- small web tiles -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 16, 31, 32, 33, 48, 63, 64, 65, 100, 192])
def test_a_symmetric_tile_is_as_exact_as_others(size):
    half = 20_037_508.342789244
    to_degrees = transform("EPSG:3857", "EPSG:4326")
    pixel = 2 * half / size
    target = (pixel, 0, -half, 0, -pixel, half)
    plan = warp_plan(to_degrees, target, (size, size), (0.1, 0, -180, 0, -0.1, 90), (1800, 3600))
    x, y = plan.grid.block(0, size, size)
    middles = (np.arange(size) + 0.5) * pixel
    lon, _ = to_degrees(middles - half, np.zeros(size))
    _, lat = to_degrees(np.zeros(size), half - middles)
    unit = min(plan.resolution)
    assert np.abs(x - (np.asarray(lon) + 180) * 10).max() < 0.004 * unit
    assert np.abs(y - (90 - np.asarray(lat)[:, None]) * 10).max() < 0.004 * unit


# --- rounded, too large, outside -----------------------------------------------------------------

ARC_SECOND = 1 / 3600
CORNER = (-125.00166666666667, 44.00166666666667)


@pytest.mark.parametrize("decimals", [12, 10, 9, 8, 7, 6])
async def test_the_bounds_of_a_file_may_be_rounded(decimals):
    data = placed(np.zeros((1, 301, 301), np.float32), 4269, *CORNER, ARC_SECOND)
    cog = await tinycog.open(data)
    bounds = tuple(round(value, decimals) for value in cog.bounds)
    with in_rasterio(data) as dataset:
        window = from_bounds(*bounds, dataset.transform)
        expected = dataset.read(window=window).shape
    assert (await cog.read(bounds=bounds)).shape == expected == (1, 301, 301)
    assert (await cog.read(bounds=bounds, shape=(100, 100))).window == (0, 0, 301, 301)
    assert rows_cols(await cog.read(bounds=bounds, crs="EPSG:4269")) == (0, 301, 0, 301)


@pytest.mark.parametrize("decimals", [12, 9, 8, 7])
async def test_bounds_inside_may_be_rounded(decimals):
    data = placed(np.zeros((1, 301, 301), np.float32), 4269, *CORNER, ARC_SECOND)
    cog = await tinycog.open(data)
    for start, stop in ((10, 20), (33, 34), (100, 299)):
        left, top = cog.transform @ (start, start)
        right, bottom = cog.transform @ (stop, stop)
        bounds = tuple(round(value, decimals) for value in (left, bottom, right, top))
        assert rows_cols(await cog.read(bounds=bounds)) == (start, stop, start, stop)


async def test_bounds_narrower_than_what_is_rounded_are_one_pixel():
    cog = await opened(-180)
    for x, col in ((10.0005, 190), (10.9995, 190), (11.0, 191)):
        raster = await cog.read(bounds=(x - 1e-4, 5.5, x + 1e-4, 5.6))
        assert rows_cols(raster)[2:] == ((col, col + 1) if x != 11 else (191, 192))


async def test_what_reaches_over_the_edge_is_cropped_on_request():
    cog = await opened(-20, width=40)
    area: dict[str, Any] = {"bounds": (-30, 10, -10, 20)}
    with pytest.raises(UsageError, match=r"reach over .* \(-20, -90, 20, 90\): pass crop=True"):
        await cog.read(**area)
    raster = await cog.read(**area, crop=True)
    assert rows_cols(raster) == (70, 80, 0, 10)
    assert tuple(raster.bounds) == (-20, 10, -10, 20)
    assert (await cog.read(**area, crop=True, shape=(5, 5))).window == raster.window
    assert (await cog.read(**area, crop=True, res=2)).shape == (1, 5, 5)
    assert rows_cols(await cog.read(window=(-5, 170, 20, 20), crop=True)) == (170, 180, 0, 15)
    tiles = [tile async for tile in cog.iter_tiles(**area, crop=True)]
    assert [tuple(tile.window)[:2] for tile in tiles] == [(0, 64)]
    assert await cog.plan(**area, crop=True) == await cog.plan(window=(0, 70, 10, 10))
    assert rows_cols(await cog.read(**area, boundless=True)) == (70, 80, -10, 10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bounds": (30, 0, 40, 10), "crop": True}, r"\(30, 0, 40, 10\) lie outside those of the"),
        ({"window": (50, 0, 9, 9), "crop": True}, "lies outside of 40 x 180 pixels"),
        ({"crop": True, "boundless": True}, "leave one out"),
    ],
)
async def test_what_lies_outside_cannot_be_cropped(options, message):
    cog = await opened(-20, width=40)
    with pytest.raises(UsageError, match=message):
        await cog.read(**options)


@pytest.mark.parametrize("shape", [None, (50, 70), (17, 9)])
@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "average"])
async def test_what_lies_outside_has_the_fill_value(shape, resampling):
    data = placed(WORLD[:, :, :40] + 1, 4326, -20, 90)
    cog = await tinycog.open(data)
    window = (-20, -10, 70, 50)
    options: dict[str, Any] = {"shape": shape, "resampling": resampling, "boundless": True}
    raster = await cog.read(window=window, fill_value=9999, **options)
    other = await cog.read(window=window, **options)
    assert (raster.data[0][~raster.mask] == 9999).all()
    np.testing.assert_array_equal(raster.mask, other.mask)
    np.testing.assert_array_equal(raster.data[0][raster.mask], other.data[0][raster.mask])
    assert not raster.mask.all()
    if shape is None:
        with in_rasterio(data) as dataset:
            asked = RasterioWindow(*window)
            expected = dataset.read(window=asked, boundless=True, fill_value=9999)
        np.testing.assert_array_equal(raster.data, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fill_value": 1}, "pass boundless=True, too"),
        ({"fill_value": -1, "boundless": True}, "a number that uint16 can hold, not -1"),
        ({"fill_value": 0.5, "boundless": True}, "a number that uint16 can hold"),
        ({"fill_value": float("nan"), "boundless": True}, "a number that uint16 can hold"),
        ({"fill_value": "1", "boundless": True}, "a number that uint16 can hold"),
        ({"fill_value": [1, 2], "boundless": True}, "a number that uint16 can hold"),
    ],
)
async def test_a_fill_value_must_be_one(options, message):
    cog = await opened(-20, width=40)
    with pytest.raises(UsageError, match=message):
        await cog.read(**options)


SWAPPED = "are latitude and longitude swapped"


@pytest.mark.parametrize(
    ("bounds", "crs", "message"),
    [
        ((46, 10, 47, 11), "EPSG:4326", SWAPPED),
        ((46, 10, 47, 11), "EPSG:4326", r"the bounds \(46, 10, 47, 11\) lie outside .* \(10\.25"),
        ((46, 10, 47, 11), "EPSG:4326", r"in EPSG:4326; are"),
        ((46, 110, 47, 111), "EPSG:4326", "longitudes before latitudes"),
        ((5_100_000, 610_000, 5_110_000, 620_000), None, SWAPPED),
        ((5_100_000, 610_000, 5_110_000, 620_000), None, r"of the file, \(600000, 4900000, 1"),
        ((5_100_000, 610_000, 5_110_000, 620_000), "EPSG:32632", SWAPPED),
    ],
)
async def test_bounds_outside_are_told_with_those_of_the_file(bounds, crs, message):
    data = placed(np.zeros((1, 400, 400), np.uint8), 32632, 6e5, 5.3e6, 1000.0)
    cog = await tinycog.open(data)
    with pytest.raises(UsageError, match=message) as raised:
        await cog.read(bounds=bounds, crs=crs)
    assert "window" not in str(raised.value)
    with pytest.raises(UsageError, match=message):
        await cog.plan(bounds=bounds, crs=crs)


async def test_no_swap_is_suspected_where_it_would_not_help():
    cog = await opened(-20, width=40)
    with pytest.raises(UsageError) as raised:
        await cog.read(bounds=(100, 10, 110, 20))
    assert "swapped" not in str(raised.value)
