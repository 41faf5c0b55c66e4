"""Areas by geometry, and results padded for models: which pixels are inside, what is requested."""

from __future__ import annotations

import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio.features
import rasterio.mask
from affine import Affine
from rasterio.io import MemoryFile

import tinycog
import tinycog.sync
from tinycog import UsageError
from tinycog.pixels.rasterize import rasterize
from tinycog.testing import Field, RangeServer, make_image, make_pyramid, make_tiff
from tinycog.tiff.spec import MASK

TRANSFORM = Affine(10, 0, 500_000, 0, -10, 5_000_000)
CRS = "EPSG:32632"
SIZE, TILE = 256, 32
UTM = [
    Field(34735, "SHORT", [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632]),
    Field(33550, "DOUBLE", [10.0, 10.0, 0.0]),
    Field(33922, "DOUBLE", [0.0, 0.0, 0.0, 500_000.0, 5_000_000.0, 0.0]),
]
PIXELS = np.random.default_rng(3).integers(1, 250, (3, SIZE, SIZE), dtype=np.uint8)


def at(transform: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    """Return the coordinates of a pixel, or of arrays of them."""
    a, b, c, d, e, f = transform[:6]
    return a * x + b * y + c, d * x + e * y + f


def star(rng: np.random.Generator, centre: tuple[float, float], radius: float) -> list[Any]:
    """Return a closed ring around a point."""
    count = int(rng.integers(3, 12))
    angles = np.sort(rng.uniform(0, 2 * math.pi, count))
    radii = rng.uniform(0.3, 1, count) * radius
    points = np.stack([np.cos(angles) * radii, np.sin(angles) * radii], 1) + centre
    return [*map(tuple, points.tolist()), tuple(points[0].tolist())]


def random_area(rng: np.random.Generator, size: float) -> dict[str, Any]:
    """Return one to three polygons, with or without holes, that may overlap."""
    parts: list[list[Any]] = []
    for _ in range(int(rng.integers(1, 4))):
        centre = tuple(rng.uniform(0.2 * size, 0.8 * size, 2).tolist())
        radius = float(rng.uniform(0.02, 0.5)) * size
        rings = [star(rng, centre, radius)]
        rings += [star(rng, centre, radius / 3) for _ in range(int(rng.integers(0, 3)))]
        parts.append(rings)
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def placed(area: dict[str, Any], transform: Affine = TRANSFORM) -> dict[str, Any]:
    """Return an area in pixels in coordinates."""

    def of(given: Any) -> Any:
        return at(transform, *given) if isinstance(given[0], float) else [of(one) for one in given]

    return {"type": area["type"], "coordinates": of(area["coordinates"])}


def rings_of(area: dict[str, Any]) -> list[list[np.ndarray]]:
    several = area["coordinates"] if area["type"] == "MultiPolygon" else [area["coordinates"]]
    return [[np.array(ring, np.float64) for ring in rings] for rings in several]


def inside_of(area: dict[str, Any], xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Return which points lie inside, one edge after the other."""
    found = np.zeros(xs.shape, np.bool_)
    for rings in rings_of(area):
        odd = np.zeros(xs.shape, np.bool_)
        for ring in rings:
            for (x, y), (x2, y2) in pairwise(ring):
                if y != y2:
                    crosses = (y > ys) != (y2 > ys)
                    odd ^= crosses & (xs < (x2 - x) * (ys - y) / (y2 - y) + x)
        found |= odd
    return found


async def written(pixels: Any = PIXELS, **options: Any) -> bytes:
    options = {"crs": CRS, "transform": TRANSFORM, "blocksize": TILE, **options}
    found = await tinycog.write(bytes, pixels, **options)
    assert found.data is not None
    return found.data


@pytest.mark.parametrize("all_touched", [False, True])
def test_masks_are_those_of_rasterio(monkeypatch: pytest.MonkeyPatch, *, all_touched: bool):
    monkeypatch.setattr("tinycog.pixels.rasterize.MOST_TOUCHED", 50)
    rng = np.random.default_rng(1)
    for _ in range(300):
        shape = tuple(rng.integers(1, 60, 2).tolist())
        area = random_area(rng, float(rng.uniform(2, 80)))
        area = placed(area, Affine.translation(*rng.uniform(-20, 20, 2).tolist()))
        expected = rasterio.features.geometry_mask(
            [area], shape, Affine.identity(), all_touched=all_touched, invert=True
        )
        found = rasterize(rings_of(area), shape, all_touched=all_touched)
        assert np.array_equal(found, expected), area


def test_pixels_belong_to_one_of_two_polygons_that_share_an_edge():
    """Also where the edge goes through their centres."""
    for edge in (3.0, 3.5, 4.25):
        left = np.array([(0, 0), (edge, 0), (edge, 8), (0, 8), (0, 0)], np.float64)
        right = np.array([(edge, 0), (8, 0), (8, 8), (edge, 8), (edge, 0)], np.float64)
        for one, other in ((left, right), (left[:, ::-1], right[:, ::-1])):
            first, second = rasterize([[one]], (8, 8)), rasterize([[other]], (8, 8))
            assert (first ^ second).all()


def test_an_area_of_whole_pixels_touches_no_others():
    ring = np.array([(2, 1), (5, 1), (5, 4), (2, 4), (2, 1)], np.float64)
    found = rasterize([[ring]], (6, 8), all_touched=True)
    assert found.sum() == 9
    assert found[1:4, 2:5].all()


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # of rasterio 1.4
@pytest.mark.parametrize("all_touched", [False, True])
async def test_pixels_are_those_of_rasterio_mask(*, all_touched: bool):
    data = await written(nodata=0)
    rng = np.random.default_rng(2)
    with MemoryFile(data) as file, file.open() as dataset:
        cog = await tinycog.open(data)
        for _ in range(30):
            area = placed(random_area(rng, SIZE))
            expected, transform = rasterio.mask.mask(
                dataset, [area], crop=True, all_touched=all_touched
            )
            raster = await cog.read(geometry=area, crop=True, all_touched=all_touched)
            assert np.array_equal(raster.data, expected)
            assert raster.transform.almost_equals(transform)
            assert np.array_equal(raster.mask, (expected != 0).all(axis=0))
            account = raster.account
            assert account.valid == raster.mask.sum()
            assert account.outside == account.asked - account.valid


async def test_a_geometry_of_another_crs_has_edges_that_are_straight_there():
    """A pixel is inside where its centre, in that CRS, is."""
    pyproj = pytest.importorskip("pyproj")
    place = Affine(4_000, 0, 300_000, 0, -4_000, 6_000_000)  # so large that edges bend by pixels
    cog = await tinycog.open(await written(transform=place))
    west, south, east, north = 7.0, 45.0, 16.0, 52.0
    hole = [(9.0, 47.0), (14.0, 47.5), (11.0, 50.0), (9.0, 47.0)]
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    area = {"type": "Polygon", "coordinates": [ring, hole]}
    raster = await cog.read(geometry=area, crs="EPSG:4326")
    cols, rows = np.meshgrid(np.arange(raster.width) + 0.5, np.arange(raster.height) + 0.5)
    xs, ys = at(raster.transform, cols, rows)
    to_degrees = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    lons, lats = to_degrees.transform(xs, ys)
    expected = inside_of(area, lons, lats)
    assert 10_000 < expected.sum() < expected.size
    assert (raster.mask != expected).sum() <= 2  # within a hundredth of a pixel of an edge
    shown: Any = SimpleNamespace(__geo_interface__={"type": "Feature", "geometry": area}, crs=4326)
    assert np.array_equal((await cog.read(geometry=shown)).mask, raster.mask)
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert np.array_equal((await cog.read(geometry=area | {"crs": named})).mask, raster.mask)
    with pytest.raises(UsageError, match="names no CRS"):
        await cog.read(geometry=area | {"crs": 4326})


def diagonal(wide: float = 2.0) -> dict[str, Any]:
    """Return a thin polygon from corner to corner, in pixels."""
    ring = [(1.0, 1.0), (1.0 + wide, 1.0), (250.0, 249.0), (250.0 - wide, 249.0), (1.0, 1.0)]
    return {"type": "Polygon", "coordinates": [ring]}


def tiles_of(mask: np.ndarray) -> set[tuple[int, int]]:
    """Return (x, y) of the tiles that hold a pixel of a mask of the whole image."""
    blocks = mask.reshape(SIZE // TILE, TILE, SIZE // TILE, TILE).any(axis=(1, 3))
    return {(int(x), int(y)) for y, x in np.argwhere(blocks)}


@pytest.mark.parametrize("kind", ["nodata", "mask"])
async def test_only_tiles_that_hold_a_pixel_inside_are_requested(kind: str):
    pixels: Any = PIXELS
    options: dict[str, Any] = {"nodata": 7}
    if kind == "mask":
        invalid = np.random.default_rng(5).random((SIZE, SIZE)) < 0.2
        pixels = np.ma.array(PIXELS, mask=np.broadcast_to(invalid, PIXELS.shape))
        options = {"mask": "internal"}
    data = await written(pixels, **options, overviews=[2])
    area = placed(diagonal())
    inside = rasterize(rings_of(diagonal()), (SIZE, SIZE))
    async with RangeServer({"a.tif": data}) as server, tinycog.open(server.url("a.tif")) as cog:
        await cog
        whole = await cog.read(masked=True)
        plan = await cog.plan(geometry=area)
        assert {(x, y) for _, x, y in plan.tiles} == tiles_of(inside)
        assert len(tiles_of(inside)) < SIZE // TILE * 3
        server.clear()
        raster = await cog.read(geometry=area)
        assert sorted((r.start, r.stop) for r in server.log) == sorted(plan.requests)
        top, left = raster.window.row_off, raster.window.col_off
        part = np.s_[top : top + raster.height, left : left + raster.width]
        assert np.array_equal(raster.mask, (whole.mask & inside)[part])
        expected = whole.data[:, part[0], part[1]]
        assert np.array_equal(raster.data[:, raster.mask], expected[:, raster.mask])


@pytest.mark.parametrize("tile", [(32, 32), (16, 64)])
async def test_a_mask_of_another_level_is_read_where_pixels_are_inside(tile: tuple[int, int]):
    """Of an overview without a mask of its own, whose pixels are masked by level 0's."""
    valid = np.random.default_rng(6).random((1, SIZE, SIZE)) < 0.7
    image, overview = make_pyramid(PIXELS[:1], (2,), tile=(TILE, TILE))
    mask = make_image(valid, subfile_type=MASK, tile=tile)
    data = make_tiff([image.having(*UTM), mask, overview])
    cog = await tinycog.open(data)
    whole = await cog.read(level=1, masked=True)
    raster = await cog.read(level=1, geometry=placed(diagonal(6)), masked=True)
    left, top = raster.window[:2]
    half = placed(diagonal(6), Affine.scale(0.5))
    inside = rasterize(rings_of(half), (SIZE // 2, SIZE // 2))
    part = np.s_[top : top + raster.height, left : left + raster.width]
    assert np.array_equal(raster.mask, (whole.mask & inside)[part])
    plan = await cog.plan(level=1, geometry=placed(diagonal(6)), masked=True)
    everything = await cog.plan(level=1, masked=True)
    assert len(plan.tiles) < len(everything.tiles) / 2


@pytest.mark.parametrize(
    ("method", "shape"),
    [("nearest", (90, 70)), ("average", (100, 40)), ("cubic", (300, 300)), ("mode", (60, 90))],
)
async def test_pixels_of_another_shape_are_those_of_the_read_without(method: Any, shape: Any):
    """Inside they are the same, whatever was fetched of what lies outside."""
    data = await written(PIXELS[:1].astype(np.float32), nodata=5, overviews=[2])
    area = placed(diagonal(30))
    async with RangeServer({"a.tif": data}) as server:
        async with tinycog.open(server.url("a.tif")) as cog:
            left, top, right, bottom = 1.0, 1.0, 250.0, 249.0
            (x, y), (x2, y2) = at(TRANSFORM, left, top), at(TRANSFORM, right, bottom)
            options: dict[str, Any] = {"shape": shape, "resampling": method}
            whole = await cog.read(bounds=(x, y2, x2, y), **options)
            plan = await cog.plan(geometry=area, **options)
            server.clear()
            raster = await cog.read(geometry=area, **options)
        assert sorted((r.start, r.stop) for r in server.log) == sorted(plan.requests)
        assert len(plan.tiles) < (SIZE // TILE) ** 2 * 0.7
    assert raster.window == whole.window
    scales = (shape[1] / (right - left), shape[0] / (bottom - top))
    polygons = [[(ring - (left, top)) * scales for ring in one] for one in rings_of(diagonal(30))]
    inside = rasterize(polygons, shape)
    assert np.array_equal(raster.mask, whole.mask & inside)
    assert np.array_equal(raster.data[0][raster.mask], whole.data[0][raster.mask])
    assert (raster.data[0][~inside] == 5).all()
    assert raster.account.outside == (~inside).sum()


async def test_a_mosaic_reads_only_what_a_geometry_needs_of_each_file():
    """Files that hold no pixel inside are not read, and of the others only the tiles that do."""
    files: dict[str, bytes] = {}
    for row in range(4):
        for col in range(4):
            if (row, col) == (1, 1):
                continue
            part = PIXELS[:, row * 64 : row * 64 + 64, col * 64 : col * 64 + 64]
            place = TRANSFORM @ Affine.translation(col * 64, row * 64)
            files[f"{row}{col}.tif"] = await written(part, transform=place, nodata=0)
    area = placed(diagonal())
    gap = np.zeros((SIZE, SIZE), np.bool_)
    gap[64:128, 64:128] = True
    inside = rasterize(rings_of(diagonal()), (SIZE, SIZE))
    async with RangeServer(files) as server:
        mosaic = await tinycog.mosaic([server.url(name) for name in files])
        plan = await mosaic.plan(geometry=area)
        server.clear()
        raster = await mosaic.read(geometry=area)
        sent = sorted((line.path, line.start, line.stop) for line in server.log)
        planned = [
            (name.rpartition("/")[2], *part)
            for name, parts in plan.beside.items()
            for part in parts
        ]
        assert sent == sorted(planned)
        assert len(plan.tiles) == len(tiles_of(inside & ~gap))
        resampled = await mosaic.read(geometry=area, shape=(80, 90), resampling="average")
        await mosaic.aclose()
    top, left = raster.window.row_off, raster.window.col_off
    part = np.s_[top : top + raster.height, left : left + raster.width]
    inside, gap = inside[part], gap[part]
    assert np.array_equal(raster.mask, inside & ~gap)
    assert np.array_equal(raster.data[:, raster.mask], PIXELS[:, part[0], part[1]][:, raster.mask])
    account = raster.account
    assert (account.gap, account.outside) == ((inside & gap).sum(), (~inside).sum())
    assert account.valid + account.gap + account.outside == account.asked
    pixels = PIXELS.copy()
    pixels[:, 64:128, 64:128] = 0
    cog = await tinycog.open(await written(pixels, nodata=0))
    expected = await cog.read(geometry=area, shape=(80, 90), resampling="average")
    assert np.array_equal(resampled.data, expected.data)
    assert np.array_equal(resampled.mask, expected.mask)


@pytest.mark.parametrize("first", [-180, 0])
async def test_a_geometry_over_the_antimeridian(first: int):
    """Split there, as RFC 7946 has it, or going on; in files that begin at -180 or at 0."""
    place = Affine(2.5, 0, first, 0, -2.5, 80)
    pixels = np.arange(1, 64 * 144 + 1, dtype=np.uint16).reshape(1, 64, 144)
    cog = await tinycog.open(await written(pixels, transform=place, crs="EPSG:4326"))
    west = [(170.0, -10.3), (180.0, -12.3), (180.0, 20.0), (170.0, 20.0), (170.0, -10.3)]
    east = [(-180.0, -12.3), (-171.0, -14.1), (-171.0, 20.0), (-180.0, 20.0), (-180.0, -12.3)]
    split = {"type": "MultiPolygon", "coordinates": [[west], [east]]}
    whole = [(170.0, -10.3), (189.0, -14.1), (189.0, 20.0), (170.0, 20.0), (170.0, -10.3)]
    lons, lats = at(place, *np.meshgrid(np.arange(144) + 0.5, np.arange(64) + 0.5))
    lons = (lons + 180) % 360 - 180
    expected = inside_of(split, lons, lats)
    assert expected.sum() > 80
    for area in (split, {"type": "Polygon", "coordinates": [whole]}):
        raster = await cog.read(geometry=area)
        col, row = raster.window.col_off, raster.window.row_off
        found = np.zeros(expected.shape, np.bool_)
        found[row : row + raster.height, col : col + raster.width] = raster.mask
        assert np.array_equal(found, expected)
        assert (raster.width == 144) == (first == -180)
        tiles = (await cog.plan(geometry=area)).tiles
        assert {x for _, x, _ in tiles} == ({0, 4} if first == -180 else {2})


async def test_a_geometry_that_a_projection_tears_apart_is_refused():
    pytest.importorskip("pyproj")
    place = Affine(100_000, 0, -20_000_000, 0, -100_000, 10_000_000)
    cog = await tinycog.open(await written(crs="EPSG:3857", transform=place))
    ring = [(170.0, 0.0), (190.0, 0.0), (190.0, 20.0), (170.0, 20.0), (170.0, 0.0)]
    with pytest.raises(UsageError, match="torn apart"):
        await cog.read(geometry={"type": "Polygon", "coordinates": [ring]}, crs=4326)
    north = [(0.0, 80.0), (20.0, 80.0), (10.0, 95.0), (0.0, 80.0)]
    with pytest.raises(UsageError, match="has no place"):
        await cog.read(geometry={"type": "Polygon", "coordinates": [north]}, crs=4326)


async def test_a_geometry_around_a_pole():
    """It is all longitudes there: refused in degrees, and right in a projection of the pole."""
    pyproj = pytest.importorskip("pyproj")
    transformed = pyproj.Transformer.from_crs(4326, 3413, always_xy=True).transform
    ring = [(-1e6, -1e6), (1e6, -1e6), (1e6, 1e6), (-1e6, 1e6), (-1e6, -1e6)]
    area = {"type": "Polygon", "coordinates": [ring]}
    place = Affine(2.5, 0, -180, 0, -2.5, 90)
    pixels = np.ones((1, 72, 144), np.uint8)
    degrees = await tinycog.open(await written(pixels, transform=place, crs="EPSG:4326"))
    with pytest.raises(UsageError, match="around a pole"):
        await degrees.read(geometry=area, crs="EPSG:3413")
    polar = Affine(10_000, 0, -1_280_000, 0, -10_000, 1_280_000)
    cog = await tinycog.open(await written(crs="EPSG:3413", transform=polar))
    cap = [(-180.0, 85.0), (180.0, 85.0), (180.0, 90.0), (-180.0, 90.0), (-180.0, 85.0)]
    raster = await cog.read(geometry={"type": "Polygon", "coordinates": [cap]}, crs=4326)
    radius = math.hypot(*transformed(0, 85))
    assert raster.account.valid * 1e8 == pytest.approx(math.pi * radius**2, rel=0.02)


SQUARE = placed({"type": "Polygon", "coordinates": [[(3.0, 3.0), (9.0, 3.0), (9.0, 9.0)]]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"geometry": {"type": "Point", "coordinates": (0, 0)}}, "a Point has none"),
        ({"geometry": {"type": "LineString", "coordinates": [(0, 0)]}}, "a LineString has none"),
        ({"geometry": {"type": "Polygon", "coordinates": []}}, "is empty"),
        ({"geometry": {"type": "FeatureCollection", "features": []}}, "is empty"),
        ({"geometry": {"type": "Feature", "geometry": None}}, "is empty"),
        ({"geometry": {"type": "Polygon", "coordinates": [[(0, 0), (1, 1)]]}}, "at least 3"),
        (
            {"geometry": {"type": "Polygon", "coordinates": [[(0, 0), (1, math.nan), (1, 1)]]}},
            "fin",
        ),
        ({"geometry": {"type": "Polygon", "coordinates": "here"}}, "is GeoJSON"),
        ({"geometry": {}}, "is GeoJSON"),
        ({"geometry": "POLYGON ((0 0))"}, "is GeoJSON"),
        ({"geometry": placed(diagonal(), Affine.identity())}, "lies outside.*pass crs="),
        ({"geometry": placed(diagonal(300))}, "reaches over the edge"),
        ({"geometry": SQUARE, "window": (0, 0, 9, 9)}, "window= and geometry="),
        ({"geometry": SQUARE, "bounds": (0, 0, 9, 9)}, "bounds= and geometry="),
        ({"all_touched": True}, "all_touched= is of geometry="),
        ({"crs": 4326}, "crs= is that of bounds= or geometry="),
        ({"pad_to": 0}, "pad_to must be at least 1"),
        ({"pad_to": 8, "oriented": True}, "leave one out"),
        ({"window": (250, 250, 9, 9), "pad_to": 8}, "reaches over the edge"),
    ],
)
async def test_what_makes_no_sense_is_refused(options: dict[str, Any], message: str):
    cog = await tinycog.open(await written())
    with pytest.raises(UsageError, match=message):
        await cog.read(**options)
    with pytest.raises(UsageError, match=message):
        await cog.plan(**options)


async def test_what_lies_over_the_edge_is_outside():
    cog = await tinycog.open(await written())
    area = placed(diagonal(300))
    inside = rasterize(rings_of(diagonal(300)), (SIZE, SIZE))
    raster = await cog.read(geometry=area, boundless=True, fill_value=9)
    assert raster.account.valid == inside.sum()
    assert raster.account.outside == raster.account.asked - inside.sum()
    assert (raster.data[:, ~raster.mask] == 9).all()
    cropped = await cog.read(geometry=area, crop=True)
    assert cropped.account.valid == inside.sum()
    assert cropped.account.asked < raster.account.asked


async def test_a_geometry_between_the_centres_of_pixels_has_none_and_costs_nothing():
    ring = [(10.1, 10.1), (10.3, 10.1), (10.3, 10.3), (10.1, 10.1)]
    area = placed({"type": "Polygon", "coordinates": [ring]})
    cog = await tinycog.open(await written())
    raster = await cog.read(geometry=area)
    assert raster.account[:2] == (1, 0)
    assert raster.account.outside == 1
    assert (await cog.plan(geometry=area)).tiles == ()
    assert (await cog.read(geometry=area, all_touched=True)).account.valid == 1


@pytest.mark.parametrize("method", ["nearest", "average", "bilinear", "cubic"])
async def test_padding_leaves_the_other_pixels(method: Any):
    """At any shape, at the edge of the image and inside."""
    data = await written(PIXELS, nodata=3)
    cog = await tinycog.open(data)
    for window, shape, boundless in (
        ((10, 20, 45, 30), None, False),
        ((211, 226, 45, 30), None, False),
        ((240, 240, 45, 30), None, True),
        ((10, 20, 90, 60), (31, 45), False),
        ((166, 196, 90, 60), (31, 45), False),
    ):
        options: Any = {"window": window, "shape": shape, "boundless": boundless}
        plain = await cog.read(resampling=method, masked=True, **options)
        raster = await cog.read(resampling=method, masked=True, pad_to=8, **options)
        rows, cols = plain.shape[1:]
        assert raster.shape[1:] == (-(-rows // 8) * 8, -(-cols // 8) * 8)
        assert np.array_equal(raster.data[:, :rows, :cols], plain.data)
        assert np.array_equal(raster.band_masks[:, :rows, :cols], plain.band_masks)
        assert raster.transform.almost_equals(plain.transform)
        rest = np.ones(raster.shape[1:], np.bool_)
        rest[:rows, :cols] = False
        assert not raster.mask[rest].any()
        assert (raster.data[:, rest] == 3).all()
        assert raster.account.outside == plain.account.outside + rest.sum()
        plans = [await cog.plan(resampling=method, **options, pad_to=n) for n in (None, 64)]
        assert plans[0].requests == plans[1].requests


async def test_padding_goes_with_every_option():
    cog = await tinycog.open(await written(nodata=3, overviews=[2]))
    area = placed(diagonal(30))
    plain, raster = [await cog.read(geometry=area, pad_to=n) for n in (None, 16)]
    assert raster.shape[1] % 16 == raster.shape[2] % 16 == 0
    assert raster.account.valid == plain.account.valid
    out = np.empty(raster.shape, np.uint8)
    assert np.array_equal((await cog.read(geometry=area, pad_to=16, out=out)).data, raster.data)
    assert np.array_equal(out, raster.data)
    values = await cog.read(1, geometry=area, pad_to=16, scaled=True)
    assert np.array_equal(np.isnan(values.data[0]), ~raster.band_masks[0])
    colours = await cog.read(geometry=area, pad_to=16, rgb=True)
    assert colours.account == raster.account
    overview = await cog.overviews[0].read(geometry=area, pad_to=16)
    assert overview.level == 1
    assert overview.account.valid == pytest.approx(raster.account.valid / 4, rel=0.05)
    assert (await cog.preview(64, geometry=area, pad_to=48)).shape[1:] == (96, 96)
    unmasked = await cog.read(geometry=area, masked=False)
    assert not unmasked.has_known_mask
    with tinycog.sync.open(await written(nodata=3)) as blocking:
        assert np.array_equal(blocking.read(geometry=area, pad_to=16).data, raster.data)
