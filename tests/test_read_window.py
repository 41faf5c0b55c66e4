"""Windows, bounds, shapes and levels: the pixels and the level that rasterio gives."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import json
import math
import random
import warnings
from collections import Counter
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import fixture_path
from geo_files import in_rasterio
from rasterio.coords import BoundingBox
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rasterio.windows import Window as RasterioWindow
from rasterio.windows import from_bounds

import tinycog
import tinycog.reader.tile_job
from tinycog import LimitError, TileIndexError, UsageError, Window
from tinycog.pixels.methods import RESAMPLING
from tinycog.testing import Field, make_image, make_pyramid, make_tiff
from tinycog.tiff.spec import REDUCED, Tag

ROOT = Path(__file__).parent.parent
FIXTURES = [
    record
    for record in json.loads((ROOT / "fixtures" / "manifest.json").read_text())
    if "gdal" in record["readers"]
]
TRIALS = 8
"""Windows of each level of each file."""

UTM = [
    Field(34735, "SHORT", [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32631]),
    Field(33550, "DOUBLE", [10.0, 10.0, 0.0]),
    Field(33922, "DOUBLE", [0.0, 0.0, 0.0, 500_000.0, 5_000_000.0, 0.0]),
]
PIXELS = np.arange(200 * 300, dtype=np.uint16).reshape(1, 200, 300)
PYRAMID = make_pyramid(PIXELS, (2, 4, 8), tile=(64, 64))
DATA = make_tiff([PYRAMID[0].having(*UTM), *PYRAMID[1:]])


def rng_of(seed: object) -> random.Random:
    return random.Random(str(seed))  # noqa: S311 - the same windows in every run


def random_window(rng: random.Random, width: int, height: int, over: int = 0) -> Window:
    col, col_stop = sorted(rng.sample(range(-over, width + over + 1), 2))
    row, row_stop = sorted(rng.sample(range(-over, height + over + 1), 2))
    return Window(col, row, col_stop - col, row_stop - row)


def cut(full: np.ndarray, window: Window, fill: float) -> np.ndarray:
    """A window of an image, with `fill` around it."""
    _, height, width = full.shape
    around = max(0, *(-v for v in window[:2]))
    around = max(around, window[0] + window[2] - width, window[1] + window[3] - height)
    sides = (around, around)
    padded = np.pad(full, ((0, 0), sides, sides), constant_values=fill)
    row, col = window.row_off + around, window.col_off + around
    return padded[:, row : row + window.height, col : col + window.width]


def equal(actual: np.ndarray, expected: np.ndarray) -> bool:
    return np.array_equal(actual, expected, equal_nan=expected.dtype.kind in "fc")


# --- windows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", FIXTURES, ids=lambda record: record["name"])
async def test_windows_of_every_level_have_the_pixels_of_rasterio(record: dict[str, Any]):
    rng, path = rng_of(record["name"]), str(ROOT / record["path"])
    cog = await tinycog.open(path)
    for level in cog.levels:
        with in_rasterio(path, **overview(level.z)) as dataset:
            full = dataset.read()
        if record["lossy"]:  # decoders differ; `test_oracle` says by how much
            full = (await cog.read_level(level.z)).data
        for _ in range(TRIALS):
            over = rng.choice([0, 0, 9])
            window = random_window(rng, level.width, level.height, over)
            bands = rng.choice([None, [rng.randrange(level.count) for _ in range(2)]])
            chosen = full if bands is None else full[bands]
            found = await cog.read(window=window, level=level.z, bands=bands, boundless=over > 0)
            assert found.window == window
            assert equal(found.data, cut(chosen, window, level.image.fill_value)), (window, bands)


def overview(z: int) -> dict[str, int]:
    return {"overview_level": z - 1} if z else {}


@pytest.mark.parametrize("name", ["cog-deflate-u16-p2", "cog-nodata-nan", "strip-planar-u16"])
async def test_windows_that_overhang_are_those_of_rasterio_boundless(name: str):
    rng, path = rng_of(name), str(ROOT / f"fixtures/files/{name}.tif")
    cog = await tinycog.open(path)
    fill = cog.levels[0].image.fill_value
    with in_rasterio(path) as dataset:
        for _ in range(20):
            window = random_window(rng, cog.width, cog.height, 40)
            expected = dataset.read(window=RasterioWindow(*window), boundless=True, fill_value=fill)
            found = await cog.read(window=window, boundless=True)
            assert equal(found.data, expected), window


async def test_a_window_far_outside_is_all_fill_and_costs_nothing():
    cog = await tinycog.open(DATA)
    sent = len(cog.requests)
    for shape in (None, (3, 4)):
        for method in RESAMPLING:
            found = await cog.read(
                window=(1000, -5000, 5, 6),
                boundless=True,
                masked=True,
                shape=shape,
                resampling=method,
                level=0,
            )
            assert found.shape == (1, *(shape or (6, 5)))
            assert not found.data.any()
            assert found.mask is not None
            assert not found.mask.any()
    assert len(cog.requests) == sent


async def test_what_is_around_the_image_does_not_depend_on_the_mask():
    """Pixels under a mask stay as they are stored, at the edge and inside."""
    path = str(ROOT / "fixtures/files/cog-jpeg-ycbcr-mask.tif")
    cog = await tinycog.open(path)
    window = (-5, -5, cog.width + 10, cog.height + 10)
    plain = await cog.read(window=window, boundless=True)
    masked = await cog.read(window=window, boundless=True, masked=True)
    np.testing.assert_array_equal(masked.data, plain.data)
    np.testing.assert_array_equal(plain.data[:, 5:-5, 5:-5], (await cog.read()).data)


async def test_rasterios_windows_and_numpys_numbers_are_understood():
    cog = tinycog.open(DATA)
    expected = PIXELS[:, 20:50, 10:50]
    for window in (RasterioWindow(10, 20, 40, 30), np.array([10, 20, 40, 30]), [10.0, 20, 40, 30]):
        found = await cog.read(window=window, bands=np.int64(0), level=np.int32(0))
        np.testing.assert_array_equal(found.data, expected)


# --- into a caller's array -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"window": (10, 20, 40, 30)},
        {"window": (-10, -20, 40, 30), "boundless": True},
        {"window": (10, 20, 40, 30), "masked": True},
        {"shape": (17, 19), "resampling": "average", "level": 0},
        {"shape": (17, 19), "resampling": "nearest", "masked": True},
    ],
)
@pytest.mark.parametrize("kind", ["plain", "alpha", "nodata"])
async def test_pixels_are_put_into_the_callers_array(options: dict[str, Any], kind: str):
    pixels = np.concatenate([PIXELS, PIXELS % 3]).astype(np.uint16)
    fields = {"plain": [], "alpha": [alpha()], "nodata": [nodata("2")]}[kind]
    cog = tinycog.open(make_tiff([make_image(pixels, tile=(64, 64)).having(*fields)]))
    expected = await cog.read(**options, bands=0)
    out = np.zeros(expected.shape, np.uint16)
    found = await cog.read(**options, bands=0, out=out)
    assert found.data is out
    np.testing.assert_array_equal(out, expected.data)
    assert (found.mask is None) == (expected.mask is None)
    np.testing.assert_array_equal(found.mask, expected.mask)


def alpha(*before: int) -> Field:
    return Field(Tag.ExtraSamples, "SHORT", [*before, 2])


def nodata(text: str) -> Field:
    return Field(Tag.GDALNoData, "ASCII", text)


# --- shapes --------------------------------------------------------------------------------------


async def test_nearest_is_the_pixel_under_each_centre():
    rng = rng_of(1)
    cog = tinycog.open(DATA)
    for _ in range(60):
        z = rng.randrange(3)
        level = PIXELS[:, :: 2**z, :: 2**z]
        window = random_window(rng, level.shape[2], level.shape[1])
        rows, cols = rng.randint(1, 90), rng.randint(1, 90)
        ys = window.row_off + np.arange(1, 2 * rows, 2) * window.height // (2 * rows)
        xs = window.col_off + np.arange(1, 2 * cols, 2) * window.width // (2 * cols)
        found = await cog.read(window=window, level=z, shape=(rows, cols))
        assert found.level == z
        np.testing.assert_array_equal(found.data, level[:, ys[:, None], xs])


async def test_average_is_the_mean_weighted_by_area():
    """Of what lies inside; what does not has no weight, and where all does not there is fill."""
    rng = rng_of(2)
    cog = tinycog.open(DATA)
    for _ in range(40):
        z = rng.randrange(3)
        level = PIXELS[0, :: 2**z, :: 2**z].astype(np.float64)
        window = random_window(rng, level.shape[1], level.shape[0], rng.choice([0, 20]))
        rows, cols = rng.randint(1, 60), rng.randint(1, 60)
        down = shares(window.row_off, window.height, rows, level.shape[0])
        across = shares(window.col_off, window.width, cols, level.shape[1])
        found = await cog.read(
            window=window,
            level=z,
            shape=(rows, cols),
            resampling=rng.choice(["average", "mean"]),
            boundless=True,
            masked=True,
        )
        weights = down.sum(axis=1)[:, None] * across.sum(axis=1)
        expected = down @ level @ across.T / np.where(weights > 0, weights, 1)
        assert np.abs(found.data[0] - expected).max() <= 0.5 + 1e-6
        is_valid = weights > 0
        np.testing.assert_array_equal(is_valid if found.mask is None else found.mask, is_valid)


def shares(offset: int, length: int, count: int, size: int) -> np.ndarray:
    """How much of each output pixel (rows) each source pixel (columns) covers."""
    edges = offset + np.arange(count + 1) * length / count
    pixels = np.arange(size)
    low = np.maximum(edges[:-1, None], pixels)
    high = np.minimum(edges[1:, None], pixels + 1)
    share = np.maximum(high - low, 0) * count / length
    return np.where(share < 1e-7, 0, share)


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        *product(["plain", "nodata", "mask", "hard alpha"], ["nearest", "average", "bilinear"]),
        ("alpha", "nearest"),
        ("alpha", "average"),  # bilinear: GDAL weighs colours by their alpha
    ],
)
async def test_other_shapes_are_those_of_rasterio_where_there_are_no_overviews(
    kind: str, method: str
):
    rng = rng_of(f"{kind} {method}")
    data = one_level(kind)
    cog = await tinycog.open(data)
    with in_rasterio(data) as dataset:
        for _ in range(25):
            window = fractional(rng, random_window(rng, cog.width, cog.height))
            shape = (rng.randint(1, 150), rng.randint(1, 150))
            expected = dataset.read(
                window=RasterioWindow(*window),
                out_shape=(cog.count, *shape),
                resampling=Resampling[method],
            )
            found = await cog.read(window=window, shape=shape, resampling=method, masked=True)
            valid = np.ones(shape, bool) if found.mask is None else found.mask
            apart = np.abs(found.data.astype(int) - expected)[:, valid]
            assert (apart > TOLERANCE[method]).sum() <= 0.02 * apart.size * (method in KERNELS)


TOLERANCE = {"nearest": 0, "average": 1, "bilinear": 1}
KERNELS = ("bilinear",)
"""A column whose neighbour lies just where the kernel ends: GDAL gives it a weight of 1e-17, which
is everything where all else is masked."""


def fractional(rng: random.Random, window: Window) -> tuple[float, ...]:
    return tuple(v * rng.uniform(0.9, 1) for v in window) if rng.random() < 0.5 else window


def one_level(kind: str) -> bytes:
    rng = np.random.default_rng(3)
    shape = (4 if "alpha" in kind else 3, 90, 120)
    pixels = rng.integers(1, 255, shape).astype(np.uint8)
    hidden = rng.random(shape[1:]) < 0.4
    if kind == "nodata":
        pixels[rng.random(shape) < 0.4] = 7
        return make_tiff([make_image(pixels, tile=(64, 64)).having(nodata("7"))])
    if "alpha" in kind:
        pixels[3] = np.where(hidden, 0, 255 if kind == "hard alpha" else pixels[3])
        colours = Field(Tag.PhotometricInterpretation, "SHORT", 2)
        return make_tiff([make_image(pixels, tile=(64, 64)).having(alpha(), colours)])
    image = make_image(pixels, tile=(64, 64))
    return make_tiff([image, mask_of(~hidden)] if kind == "mask" else [image])


def mask_of(valid: np.ndarray, kind: int = 4) -> Any:
    fields = [Field(Tag.NewSubfileType, "LONG", kind), Field(262, "SHORT", 4)]
    return make_image(valid[None].astype(np.uint8) * 255, tile=(64, 64)).having(*fields)


async def test_nodata_of_one_band_has_no_part_in_the_mean_of_that_band():
    pixels = np.full((2, 64, 64), 10, np.int16)
    pixels[0, ::2] = -9999
    image = make_image(pixels, tile=(64, 64)).having(nodata("-9999"))
    found = await tinycog.open(make_tiff([image])).read(shape=(32, 32), resampling="average")
    assert (found.data == 10).all()


async def test_complex_numbers_have_no_extremes():
    cog = tinycog.open(str(ROOT / "fixtures/files/cog-complex64.tif"))
    with pytest.raises(UsageError, match="complex"):
        await cog.read(shape=(5, 5), resampling="min")


# --- levels --------------------------------------------------------------------------------------


def levels_of(sizes: list[tuple[int, int]]) -> bytes:
    """Levels of these (width, height), each with its own number for pixels."""
    images = [
        make_image(
            np.full((1, height, width), z, np.uint8),
            tile=(64, 64),
            subfile_type=REDUCED if z else 0,
        )
        for z, (width, height) in enumerate(sizes)
    ]
    return make_tiff(images)


def random_sizes(rng: random.Random) -> list[tuple[int, int]]:
    width, height = rng.randint(50, 500), rng.randint(50, 500)
    halves = rng.choice([True, False])
    sizes, factor = [(width, height)], 1.0
    while min(width, height) > 4 * factor and len(sizes) < 7:
        factor *= 2 if halves else rng.uniform(1.05, 2.5)
        sizes.append((math.ceil(width / factor), math.ceil(height / factor)))
    return sizes


@pytest.mark.parametrize("seed", range(12))
async def test_a_shape_picks_the_level_that_gdal_picks(seed: int):
    rng = rng_of(seed)
    sizes = random_sizes(rng)
    data = levels_of(sizes)
    cog = await tinycog.open(data)
    with in_rasterio(data) as dataset:
        assert len(cog.levels) == len(dataset.overviews(1)) + 1
        for _ in range(40):
            window = rng.choice([(0, 0, *sizes[0]), random_window(rng, *sizes[0])])
            window = fractional(rng, Window(*window))
            factor = rng.uniform(0.5, 30)
            other = rng.choice([factor, factor, rng.uniform(0.5, 30)])
            shape = max(round(window[3] / factor), 1), max(round(window[2] / other), 1)
            method = rng.choice(["nearest", "bilinear", "cubic", "average", "mode"])
            expected = dataset.read(
                1,
                window=RasterioWindow(*window),
                out_shape=shape,
                resampling=Resampling[method],
            )
            found = await cog.read(window=window, shape=shape, resampling=method)
            assert found.shape == (1, *shape)
            assert found.level == np.unique(expected), (sizes, window, shape, method)
            assert (found.data == found.level).all()


@pytest.mark.parametrize(
    ("method", "level"), [("nearest", 1), ("sample", 1), ("average", 0), ("mode", 0)]
)
async def test_only_picking_of_pixels_takes_a_level_coarser_than_asked_for(method, level):
    cog = await tinycog.open(levels_of([(400, 400), (200, 200)]))
    found = await cog.read(shape=(230, 230), resampling=method)
    assert found.level == level


async def test_a_level_that_is_named_is_the_one():
    cog = await tinycog.open(DATA)
    found = await cog.read(level=2, shape=(2, 3))
    assert (found.level, found.shape) == (2, (1, 2, 3))
    assert (await cog.read(window=(0, 0, 50, 40))).level == 0


async def test_res_is_the_shape_that_has_pixels_of_that_size():
    cog = await tinycog.open(DATA)
    for res, shape, level in ((20, (100, 150), 1), ((40.0, 20), (100, 75), 1), (5, (400, 600), 0)):
        found = await cog.read(res=res)
        assert (found.shape, found.level) == ((1, *shape), level)
        assert found.transform.a == pytest.approx(3000 / shape[1])
    found = await cog.read(res=np.float32(40), bounds=(500_000, 4_999_000, 501_000, 5_000_000))
    assert (found.shape, found.level) == ((1, 25, 25), 2)


# --- bounds --------------------------------------------------------------------------------------


def placed(a: float, b: float, c: float, d: float, e: float, f: float) -> bytes:
    matrix = [a, b, 0, c, d, e, 0, f, 0, 0, 0, 0, 0, 0, 0, 1]
    image = make_image(PIXELS, tile=(64, 64))
    return make_tiff([image.having(Field(34264, "DOUBLE", [float(v) for v in matrix]))])


TRANSFORMS = {
    "north-up": (10, 0, 1000, 0, -10, 5000),
    "not square": (0.1, 0, -180, 0, -0.3, 90),
    "south-up": (10, 0, 1000, 0, 10, 5000),
    "leftwards": (-10, 0, 1000, 0, -10, 5000),
    "rotated": (8, 3, 1000, 3, -8, 5000),
    "rotated a lot": (-1, -7, 0, -7, 2, 0),
}


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name != "rotated a lot"])
async def test_bounds_are_the_window_of_rasterio_rounded_outwards(name: str):
    rng, data = rng_of(name), placed(*TRANSFORMS[name])
    cog = await tinycog.open(data)
    with in_rasterio(data) as dataset:
        left, bottom, right, top = dataset.bounds
        transform = dataset.transform
    for _ in range(40):
        x0, x1 = sorted((rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)))
        y0, y1 = sorted((rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)))
        across, down = right - left, top - bottom
        bounds = BoundingBox(
            left + x0 * across, bottom + y0 * down, left + x1 * across, bottom + y1 * down
        )
        window = from_bounds(*bounds, transform)
        col, row = math.floor(window.col_off + 1e-3), math.floor(window.row_off + 1e-3)
        col_stop = math.ceil(window.col_off + window.width - 1e-3)
        row_stop = math.ceil(window.row_off + window.height - 1e-3)
        expected = Window(col, row, col_stop - col, row_stop - row)
        found = await cog.read(bounds=bounds, boundless=True)
        assert found.window == expected
        np.testing.assert_array_equal(found.data, cut(PIXELS, expected, 0))


@pytest.mark.parametrize("name", TRANSFORMS)
async def test_the_bounds_of_a_file_are_all_of_it(name: str):
    cog = await tinycog.open(placed(*TRANSFORMS[name]))
    is_rotated = "rotated" in name
    found = await cog.read(bounds=cog.bounds, boundless=is_rotated)
    if not is_rotated:
        np.testing.assert_array_equal(found.data, PIXELS)
        assert found.bounds == pytest.approx(cog.bounds)
    assert found.window.width >= 300
    assert found.window.height >= 200


async def test_bounds_either_way_up_are_understood_where_the_file_is_south_up():
    cog = await tinycog.open(placed(*TRANSFORMS["south-up"]))
    found = await cog.read(bounds=(1100, 5200, 1300, 5500))
    other = await cog.read(bounds=(1100, 5500, 1300, 5200))
    assert found.window == other.window == (10, 20, 20, 30)


async def test_bounds_on_the_grid_take_no_pixel_more():
    cog = await tinycog.open(placed(0.1, 0, 0.3, 0, -0.1, 0.7))
    for col in range(0, 290, 7):
        left, top = 0.3 + 0.1 * col, 0.7 - 0.1 * (col // 2)
        found = await cog.read(bounds=(left, top - 0.3, left + 0.4, top))
        assert found.window == (col, col // 2, 4, 3)


async def test_bounds_of_a_level_are_in_its_pixels():
    cog = await tinycog.open(DATA)
    found = await cog.read(bounds=(500_100, 4_999_000, 500_500, 4_999_900), level=1)
    assert found.window == (5, 5, 20, 45)


async def test_bounds_of_another_crs_hold_all_that_was_asked_for():
    import pyproj  # noqa: PLC0415 - a test of one kind only

    cog = await tinycog.open(DATA)
    bounds = (3.002, 45.144, 3.02, 45.15)
    to_file = pyproj.Transformer.from_crs(4326, 32631, always_xy=True).transform
    edge = np.linspace(0, 1, 1000)
    xs, ys = bounds[0] + edge * (bounds[2] - bounds[0]), bounds[1] + edge * (bounds[3] - bounds[1])
    x, y = to_file(
        np.concatenate([xs, xs, np.full(1000, bounds[0]), np.full(1000, bounds[2])]),
        np.concatenate([np.full(1000, bounds[1]), np.full(1000, bounds[3]), ys, ys]),
    )
    expected = await cog.read(bounds=(x.min(), y.min(), x.max(), y.max()))
    for crs in ("EPSG:4326", 4326, pyproj.CRS.from_epsg(4326), pyproj.CRS.from_epsg(4326).to_wkt()):
        assert (await cog.read(bounds=bounds, crs=crs)).window == expected.window


async def test_a_raster_knows_where_it_lies_after_resampling():
    cog = await tinycog.open(DATA)
    bounds = (500_105, 4_999_000, 500_500, 4_999_912)
    found = await cog.read(bounds=bounds, shape=(30, 40))
    assert found.bounds == pytest.approx(bounds)


# --- wrong arguments -----------------------------------------------------------------------------


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"window": (290, 0, 20, 10)}, "reaches over the edge of the level's 300 x 200"),
    ({"window": (-1, 0, 20, 10)}, "boundless=True"),
    ({"window": (5000, 5000, 20, 10)}, "boundless=True"),
    ({"window": (0, 0, 0, 10)}, "more than 0 pixels"),
    ({"window": (0, 0, 10, -1)}, "more than 0 pixels"),
    ({"window": (0, 0, math.nan, 10)}, "in pixels"),
    ({"window": (0, 0, math.inf, 10)}, "in pixels"),
    ({"window": (0, 0, 10**400, 10)}, "in pixels"),
    ({"window": (0, 0, 10)}, r"\(col_off, row_off, width, height\)"),
    ({"window": "0123"}, "not '0123'"),
    ({"window": ("0", "0", "1", "1")}, "in pixels"),
    ({"window": 7}, "not 7"),
    ({"window": (0.5, 0, 10, 10)}, "pass the shape"),
    ({"window": (0, 0, 10, 10), "bounds": (0, 0, 1, 1)}, "leave one out"),
    ({"bounds": (500_000, 4_999_000, 499_000, 5_000_000)}, "left < right"),
    ({"bounds": (500_000, 5_000_000, 501_000, 4_999_000)}, "bottom < top"),
    ({"bounds": (500_000, 5_000_000, 501_000, 5_000_000)}, "bottom < top"),
    ({"bounds": (0, 0, math.nan, 1)}, "four numbers"),
    ({"bounds": "0011"}, "four numbers"),
    ({"bounds": (0, 0, 1, 1)}, r"\(0, 0, 1, 1\) lie outside those of the file, \(500000, 4998000,"),
    ({"bounds": (0, 0, 1e300, 1e300), "boundless": True}, "memory"),
    ({"bounds": (0, 0, 1, 1), "crs": "EPSG:0"}, "is unknown"),
    ({"crs": "EPSG:4326"}, "missing"),
    ({"level": 4}, "levels 0 to 3"),
    ({"level": -1}, "levels 0 to 3"),
    ({"level": "1"}, "level must be an integer"),
    ({"level": 1.5}, "level must be an integer"),
    ({"shape": (0, 10)}, "at least 1"),
    ({"shape": (10, -1)}, "at least 1"),
    ({"shape": (10.5, 10)}, "whole numbers"),
    ({"shape": 10}, r"\(rows, cols\)"),
    ({"shape": "12"}, r"\(rows, cols\)"),
    ({"shape": (1, 10, 10)}, r"\(rows, cols\)"),
    ({"shape": (10**9, 10**12)}, "more than any memory"),
    ({"shape": (10, 10), "res": 10}, "leave one out"),
    ({"res": 0}, "more than 0"),
    ({"res": (10, -10)}, "more than 0"),
    ({"res": math.nan}, "pixel size"),
    ({"res": "10"}, "pixel size"),
    ({"res": 1e-320}, "too small"),
    ({"resampling": "quickest"}, "one of nearest, bilinear"),
    ({"resampling": 3}, "one of nearest, bilinear"),
    ({"resampling": np.array(["nearest", "mode"])}, "one of nearest, bilinear"),
    ({"bands": 1}, "0 to 0"),
    ({"bands": []}, "0 to 0"),
    ({"bands": [-1]}, "0 to 0"),
    ({"bands": "0"}, "whole numbers"),
    ({"bands": 0.5}, "whole numbers"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
@pytest.mark.parametrize("call", ["read", "plan"])
async def test_wrong_arguments_are_refused_with_what_is_allowed(call, options, message):
    cog = await tinycog.open(DATA)
    with pytest.raises((UsageError, LimitError), match=message) as caught:
        await getattr(cog, call)(**options)
    is_level = isinstance(options.get("level"), int)
    assert isinstance(caught.value, TileIndexError) == is_level


ODD = [
    *(None, "", "12", b"1234", 0, -1, 2.5, math.nan, math.inf, 10**400, 1j, (), (1,), (-1, 5)),
    *(
        (0, 0, 10, 10),
        (0, 0, -1, 5),
        (1e18, 1e18, 1, 1),
        (0, 0, 1e300, 1),
        (-1e308,) * 2 + (1e308,) * 2,
    ),
    *({1: 2}, object(), np.zeros(2), np.zeros((2, 2)), (None,) * 4, True, set(), (1, 10**15)),
]
AND: list[dict[str, Any]] = [
    {"boundless": True},
    {"shape": (5, 6), "resampling": "average"},
    {"bounds": (500_000, 4_999_000, 501_000, 5_000_000)},
    {"masked": True, "boundless": True, "res": 33.3, "level": 1},
]


@pytest.mark.parametrize("key", ["window", "bounds", "level", "shape", "res", "bands", "out"])
async def test_whatever_an_argument_is_the_outcome_is_pixels_or_an_error_of_ours(key: str):
    cog = await tinycog.open(DATA)
    outcomes: Counter[str] = Counter()
    for value in ODD:
        for others in AND:
            try:
                await cog.read(**{**others, key: value})
            except (UsageError, LimitError):
                outcomes["error"] += 1
            else:
                outcomes["pixels"] += 1
    assert outcomes["error"] > outcomes["pixels"] > 0


async def test_a_result_larger_than_allowed_is_refused_before_anything_is_read():
    cog = await tinycog.open(DATA)
    for options in ({}, {"shape": (1000, 1000)}, {"window": (-9, -9, 999, 999), "boundless": True}):
        with pytest.raises(LimitError) as caught:
            await cog.read(**options, max_bytes=100_000)
        assert caught.value.allowed == 100_000
    assert (await cog.read(window=(0, 0, 250, 200), max_bytes=100_000)).data.nbytes == 100_000


# --- requests ------------------------------------------------------------------------------------


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 255, shape, np.uint8)


@pytest.fixture(scope="module")
def large() -> bytes:
    """A COG of tiles of 512 pixels, too large for its head to hold it."""
    return make_tiff(make_pyramid(noise(1, 2560, 2560), (2, 4), tile=(512, 512)))


@pytest.fixture(scope="module")
def interleaved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COG as GDAL writes it, each tile of the mask right behind that of the image."""
    path = tmp_path_factory.mktemp("area") / "masked.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile() as file:
            size = {"width": 1024, "height": 1024, "count": 1, "dtype": "uint8"}
            with file.open(driver="GTiff", **size) as dataset:
                dataset.write(noise(1, 1024, 1024))
                dataset.write_mask(noise(1024, 1024) > 99)
            copy(file.name, path, driver="COG", blocksize=256, compress="DEFLATE")
    return path


class Decoded(Counter):
    """Counts how often each stored tile is decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        real = tinycog.reader.tile_job.decode_part

        def spy(piece: Any, *rest: Any) -> Any:
            self[id(piece.image), piece.position] += 1
            return real(piece, *rest)

        monkeypatch.setattr(tinycog.reader.tile_job, "decode_part", spy)


def sent_since(cog: tinycog.Cog, before: int) -> list[tuple[int, int]]:
    return sorted((request.start, request.stop) for request in cog.requests[before:])


async def test_no_tile_of_a_window_is_read_twice(large: bytes, monkeypatch: pytest.MonkeyPatch):
    cog = await tinycog.open(large)
    decoded, before = Decoded(monkeypatch), len(cog.requests)
    found = await cog.read(window=(200, 300, 2048, 2048))
    np.testing.assert_array_equal(found.data, noise(1, 2560, 2560)[:, 300:2348, 200:2248])
    assert set(decoded.values()) == {1}
    assert len(decoded) == 25
    sent = sent_since(cog, before)
    assert all(stop <= start for (_, stop), (start, _) in pairwise(sent))
    assert len(sent) <= 5


PLANNED: list[dict[str, Any]] = [
    {"window": (200, 300, 700, 600)},
    {"window": (200, 300, 700, 600), "masked": True},
    {"window": (-200, -300, 700, 600), "boundless": True},
    {"window": (200, 100, 300, 300), "level": 1, "masked": True},
    {"window": (200, 300, 601, 599), "shape": (500, 500), "resampling": "cubic"},
    {"shape": (300, 300), "resampling": "average"},
    {"shape": (300, 300), "masked": True},
    {"bounds": (100, 300, 700, 900)},
    {"res": 2.5},
    {"bands": 0, "level": 2},
]


@pytest.mark.parametrize("options", PLANNED)
@pytest.mark.parametrize("which", ["large", "interleaved"])
async def test_what_is_planned_is_what_is_sent(which, options, request):
    data: Any = request.getfixturevalue(which)
    cog = await tinycog.open(data)
    plan = await cog.plan(**options)
    before = len(cog.requests)
    await cog.read(**options)
    assert sent_since(cog, before) == sorted((part.start, part.stop) for part in plan.requests)
    assert plan.requests or options.get("level") == 2 or options.get("shape") == (300, 300)


LAYOUTS: dict[str, dict[str, Any]] = {
    "tiles": {"tile": (128, 128)},
    "strips": {"rows_per_strip": 17},
    "planar": {"tile": (128, 128), "planar": True},
}


@pytest.mark.parametrize("name", LAYOUTS)
async def test_whatever_is_asked_for_the_plan_holds_and_nothing_is_read_twice(name: str):
    rng, layout = rng_of(name), LAYOUTS[name]
    images = make_pyramid(noise(4, 500, 400), (2, 4), **layout)
    data = make_tiff([image.having(alpha(0, 0)) for image in images])
    for _ in range(30):
        cog = await tinycog.open(data)
        options = random_options(rng, cog)
        plan, before = await cog.plan(**options), len(cog.requests)
        found = await cog.read(**options)
        sent = sent_since(cog, before)
        assert sent == sorted((part.start, part.stop) for part in plan.requests), options
        assert all(stop <= start for (_, stop), (start, _) in pairwise(sent)), options
        out = rng.choice([np.empty(found.shape[::-1], np.uint8).T, np.empty(found.shape, np.uint8)])
        again = await cog.read(**options, out=out)
        np.testing.assert_array_equal(out, found.data)
        if found.has_known_mask:
            np.testing.assert_array_equal(again.mask, found.mask)


def random_options(rng: random.Random, cog: tinycog.Cog) -> dict[str, Any]:
    level = rng.choice([None, *range(len(cog.levels))])
    size = cog.levels[level or 0]
    options: dict[str, Any] = {
        "level": level,
        "window": rng.choice([None, random_window(rng, size.width, size.height, 30)]),
        "boundless": True,
        "masked": rng.choice([True, False]),
        "bands": rng.choice([None, [rng.randrange(cog.count) for _ in range(3)]]),
    }
    if rng.random() < 0.5:
        options |= {"shape": (rng.randint(1, 300), rng.randint(1, 300))}
        options |= {"resampling": rng.choice(RESAMPLING)}
    return options


async def test_the_mask_of_a_cog_costs_no_request_more(interleaved: Path):
    for options in ({"window": (200, 300, 700, 600)}, {}, {"window": (0, 0, 99, 99), "level": 1}):
        cog = await tinycog.open(interleaved)
        plain, masked = await cog.plan(**options), await cog.plan(**options, masked=True)
        assert len(masked.requests) <= len(plain.requests)
        found = await cog.read(**options, masked=True)
        assert found.mask is not None
        assert not found.mask.all()


async def test_alpha_is_decoded_with_the_colours_that_it_masks(monkeypatch: pytest.MonkeyPatch):
    pixels = noise(4, 256, 256)
    colours = Field(Tag.PhotometricInterpretation, "SHORT", 2)
    data = make_tiff([make_image(pixels, tile=(128, 128)).having(alpha(), colours)])
    for bands in (None, [0, 1, 2], [3], [2, 3, 3]):
        cog = await tinycog.open(data)
        decoded = Decoded(monkeypatch)
        found = await cog.read(bands=bands, masked=True)
        assert set(decoded.values()) == {1}
        np.testing.assert_array_equal(found.data, pixels if bands is None else pixels[bands])
        np.testing.assert_array_equal(found.mask, pixels[3] > 0)
        monkeypatch.undo()


async def test_a_read_of_more_tiles_than_the_limit_is_refused_before_it_begins():
    cog = tinycog.open(fixture_path("cog-deflate-u8"), limits=tinycog.Limits(tiles=3))
    with pytest.raises(tinycog.LimitError, match="stored tiles"):
        await cog.read()
    with pytest.raises(tinycog.LimitError, match="stored tiles"):
        await cog.plan()
    assert len(cog.requests) == 1


async def test_a_result_over_the_limit_is_refused_before_it_is_made():
    cog = tinycog.open(fixture_path("cog-deflate-u8"), limits=tinycog.Limits(result_bytes=1000))
    with pytest.raises(tinycog.LimitError, match="result_bytes"):
        await cog.read()
