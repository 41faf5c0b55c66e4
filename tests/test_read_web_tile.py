"""Web tiles: those of rio-tiler, and the stored ones as they are where the file is made of them."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import rasterio
import rasterio.shutil
from conftest import fixture_path
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds
from rasterio.warp import transform_bounds

import tinycog
from tinycog import TileIndexError, UsageError
from tinycog.geo.web_grid import web_tile_bounds
from tinycog.testing import RangeServer, make_pyramid, make_tiff

# rasterio's own use of affine
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

PLAIN = make_tiff(make_pyramid(np.zeros((1, 64, 64), np.uint8), tile=(16, 16)))
SIZE = 600
DEGREES = (11.0, 46.0, 11.4, 46.3)
"""Where the made files lie."""
CRSS = ["EPSG:32632", "EPSG:4326", "EPSG:3857", "EPSG:3035"]


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Writes a smooth COG in a CRS, once."""
    made = {}

    def write(crs, **options):
        key = (crs, *sorted(options.items()))
        if key in made:
            return made[key]
        path = tmp_path_factory.mktemp("web") / "smooth.tif"
        rows, cols = np.mgrid[:SIZE, :SIZE]
        data = 120 + 60 * np.sin(cols / 300) + 50 * np.cos(rows / 400)
        bounds = transform_bounds("EPSG:4326", crs, *DEGREES)
        profile = {
            "driver": "GTiff",
            "count": 1,
            "height": SIZE,
            "width": SIZE,
            "dtype": "uint8",
            "crs": crs,
            "transform": from_bounds(*bounds, width=SIZE, height=SIZE),
        }
        with MemoryFile() as memory:
            with memory.open(**profile) as target:
                target.write(np.round(data).astype("uint8"), 1)
            with memory.open() as source:
                options = {"BLOCKSIZE": 256, "RESAMPLING": "AVERAGE", **options}
                rasterio.shutil.copy(source, path, driver="COG", **options)
        made[key] = path
        return path

    return write


def tiles_over(zoom):
    morecantile = pytest.importorskip("morecantile")
    return list(morecantile.tms.get("WebMercatorQuad").tiles(*DEGREES, zooms=zoom))


def inner(mask):
    """What is valid with all its neighbours."""
    padded = np.pad(mask, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return windows.all(axis=(2, 3)), windows.any(axis=(2, 3))


# --- against rio-tiler ---------------------------------------------------------------------------


@pytest.mark.parametrize("crs", CRSS)
@pytest.mark.parametrize("zoom", [9, 11, 12, 13])
async def test_web_tiles_are_those_of_rio_tiler(make, crs, zoom):
    io = pytest.importorskip("rio_tiler.io")
    path = make(crs)
    cog = await tinycog.open(path)
    tiles = tiles_over(zoom)
    with io.Reader(str(path)) as reader:
        for tile in tiles[:: max(len(tiles) // 3, 1)]:
            raster = await cog.read_web_tile(tile.z, tile.x, tile.y)
            expected = reader.tile(
                *(tile.x, tile.y, tile.z),
                tilesize=256,
                resampling_method="bilinear",
                reproject_method="bilinear",
            )
            valid = expected.mask != 0
            all_valid, any_valid = inner(valid)
            assert raster.mask is not None
            assert not (raster.mask & ~any_valid).any()
            assert not (all_valid & ~raster.mask).any()
            both = all_valid & raster.mask
            far = np.abs(raster.data[0].astype(int) - expected.data[0])[both]
            assert far.max(initial=0) <= 1
            assert raster.crs is not None
            assert raster.crs.to_pyproj().to_epsg() == 3857
            assert tuple(raster.bounds) == pytest.approx(tuple(expected.bounds))


# --- much coarser than the file -------------------------------------------------------------------

METHODS = ["nearest", "bilinear", "cubic", "average"]
VALUE = 200
"""The one value of a file whose resampled pixels can have no other."""


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """Writes a file in a CRS all of whose pixels are `VALUE`; neither nodata nor a mask."""
    folder = tmp_path_factory.mktemp("flat")

    def write(crs):
        path = folder / f"{crs[5:]}.tif"
        bounds = transform_bounds("EPSG:4326", crs, *DEGREES)
        profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "height": SIZE, "width": SIZE}
        place = {"crs": crs, "transform": from_bounds(*bounds, width=SIZE, height=SIZE)}
        with rasterio.open(path, "w", **profile, **place) as target:
            target.write(np.full((1, SIZE, SIZE), VALUE, np.uint8))
        return path

    return write


@pytest.fixture(scope="module")
def outside_counts(flat):
    """Whether rasterio's boundless reads count what lies outside the file, as 0.

    They are GDAL's reads of a VRT with a resampled source. GDAL 3.10 resamples the source; 3.12
    reads the VRT at full resolution, 0 where there is no source, and resamples that. So files of
    one value come to have others, which are called valid. (Where the VRT has nodata, or is warped,
    what lies outside does not count.)
    """
    with rasterio.open(flat("EPSG:3857")) as source:
        found = source.read(
            1,
            window=((-330, 950), (-330, 950)),
            out_shape=(20, 20),
            boundless=True,
            masked=True,
            resampling=Resampling.average,
        )
    return bool((found.compressed() != VALUE).any())


def exact(path, tile, method):
    """The tile in float64, by the definition of the method: (data, mask).

    Each pixel is transformed by itself, and all pixels of the file are weighed by the kernel around
    it, which is as wide as the pixel there. Weights are scaled up to the pixels that there are.
    """
    with rasterio.open(path) as source:
        data, crs = source.read(1).astype(np.float64), source.crs.to_wkt()
        a, b, c, d, e, f, *_ = ~source.transform
    rows, cols = data.shape
    left, bottom, right, top = web_tile_bounds(tile.z, tile.x, tile.y)
    to_source = pyproj.Transformer.from_crs("EPSG:3857", crs, always_xy=True)

    def locate(row, col):
        xs, ys = left + col * (right - left) / 256, top + row * (bottom - top) / 256
        xs, ys = to_source.transform(xs, ys)
        return np.stack([a * xs + b * ys + c, d * xs + e * ys + f])

    row, col = np.mgrid[:256, :256] + 0.5
    x, y = locate(row, col)
    mask = (x >= 0) & (x <= cols) & (y >= 0) & (y <= rows)
    row, col, x, y = row[mask], col[mask], x[mask], y[mask]
    width, height = np.hypot(
        locate(row, col + 0.5) - locate(row, col - 0.5),
        locate(row + 0.5, col) - locate(row - 0.5, col),
    )
    out = np.zeros(mask.shape)
    if method == "nearest":
        col, row = np.minimum(x.astype(int), cols - 1), np.minimum(y.astype(int), rows - 1)
        out[mask] = data[row, col]
        return out, mask
    across, down = weights(method, x, width, cols), weights(method, y, height, rows)
    out[mask] = (down @ data * across).sum(1) / (down.sum(1) * across.sum(1))
    return out, mask


def weights(method, places, widths, count):
    """(places, count): how much each pixel of an axis counts at each place."""
    places, widths, pixel = places[:, None], np.maximum(widths, 1)[:, None], np.arange(count)
    if method == "average":
        stop = np.minimum(pixel + 1, places + widths / 2)
        return np.maximum(stop - np.maximum(pixel, places - widths / 2), 0)
    far = np.abs(pixel + 0.5 - places) / widths
    if method == "bilinear":
        return np.maximum(1 - far, 0)
    near = 1.5 * far**3 - 2.5 * far**2 + 1
    return np.where(far < 1, near, np.where(far < 2, -0.5 * far**3 + 2.5 * far**2 - 4 * far + 2, 0))


@pytest.mark.parametrize("crs", CRSS)
@pytest.mark.parametrize("zoom", [5, 7])
@pytest.mark.parametrize("method", METHODS)
async def test_web_tiles_much_coarser_than_the_file(make, crs, zoom, method):
    """Rows and columns are reduced first: what is smooth stays what it is, up to the edges."""
    path = make(crs, OVERVIEWS="NONE")
    cog = await tinycog.open(path)
    assert len(cog.levels) == 1
    (tile,) = tiles_over(zoom)[:1]
    raster = await cog.read_web_tile(tile.z, tile.x, tile.y, resampling=method)
    expected, valid = exact(path, tile, method)
    np.testing.assert_array_equal(raster.mask, valid)
    assert valid.any()
    far = np.abs(raster.data[0] - expected)[valid]
    assert far.max() <= (0 if method == "nearest" else 2)


@pytest.mark.filterwarnings("ignore:The dataset has no Overviews")
@pytest.mark.parametrize("crs", CRSS)
@pytest.mark.parametrize("zoom", [5, 7])
@pytest.mark.parametrize("method", METHODS)
async def test_web_tiles_much_coarser_than_the_file_are_those_of_rio_tiler(
    make, crs, zoom, method, outside_counts
):
    """Through GDAL's warper where its boundless read is wrong, which only Web Mercator takes."""
    io = pytest.importorskip("rio_tiler.io")
    path = make(crs, OVERVIEWS="NONE")
    warped = {"vrt_options": {"add_alpha": True}} if outside_counts and crs == "EPSG:3857" else {}
    (tile,) = tiles_over(zoom)[:1]
    raster = await tinycog.open(path).read_web_tile(tile.z, tile.x, tile.y, resampling=method)
    with io.Reader(str(path)) as reader:
        expected = reader.tile(
            *(tile.x, tile.y, tile.z),
            tilesize=256,
            resampling_method=method,
            reproject_method=method,
            **warped,
        )
    all_valid, any_valid = inner(expected.mask != 0)
    assert raster.mask is not None
    assert not (raster.mask & ~any_valid).any()
    assert not (all_valid & ~raster.mask).any()
    both = all_valid & raster.mask
    assert both.any()
    far = np.abs(raster.data[0].astype(int) - expected.data[0])[both]
    assert far.max() <= 3


@pytest.mark.parametrize("crs", CRSS)
@pytest.mark.parametrize("method", METHODS)
async def test_what_lies_outside_the_file_counts_for_no_pixel(flat, crs, method):
    cog = await tinycog.open(flat(crs))
    for zoom in (5, 7, 9, 11):
        tile = tiles_over(zoom)[0]
        raster = await cog.read_web_tile(tile.z, tile.x, tile.y, resampling=method)
        assert raster.mask is not None
        assert raster.mask.any()
        assert set(np.unique(raster.data[0][raster.mask])) == {VALUE}


@pytest.mark.parametrize("tilesize", [1, 100, 512])
async def test_web_tiles_may_have_other_sizes(make, tilesize):
    cog = await tinycog.open(make("EPSG:32632"))
    tile = tiles_over(12)[4]
    raster = await cog.read_web_tile(tile.z, tile.x, tile.y, tilesize=tilesize)
    assert raster.shape == (1, tilesize, tilesize)
    whole = await cog.read_web_tile(tile.z, tile.x, tile.y)
    assert tuple(raster.bounds) == pytest.approx(tuple(whole.bounds))


# --- stored tiles --------------------------------------------------------------------------------


async def test_stored_tiles_are_given_as_they_are(make):
    path = make("EPSG:32632", TILING_SCHEME="GoogleMapsCompatible")
    async with RangeServer({"a.tif": path}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        with rasterio.open(path) as source:
            zoom = int(source.tags(ns="TILING_SCHEME")["ZOOM_LEVEL"])
        found = 0
        for tile in [tile for z in (zoom, zoom - 1) for tile in tiles_over(z)]:
            stored = cog.stored_web_tile(tile.z, tile.x, tile.y)
            if stored is None:
                continue
            sent = len(cog.requests)
            raster = await cog.read_web_tile(tile.z, tile.x, tile.y)
            assert len(cog.requests) <= sent + 1
            expected = await cog.read_tile(*stored)
            rows, cols = expected.shape[1:]
            np.testing.assert_array_equal(raster.data[:, :rows, :cols], expected.data)
            assert raster.shape == (cog.count, 256, 256)
            assert tuple(raster.transform)[:6] == pytest.approx(tuple(expected.transform)[:6])
            assert raster.mask is not None
            assert not raster.mask[rows:].any()
            assert not raster.mask[:, cols:].any()
            found += 1
        assert found > 4


async def test_tiles_of_a_file_in_degrees_are_no_web_tiles():
    """Its tiles may be those of another well-known set, which counts otherwise."""
    bounds = (-180.0, -90.0, 180.0, 90.0)
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "tiled": True, "blockxsize": 256}
    profile |= {"blockysize": 256, "width": 1024, "height": 512, "crs": "EPSG:4326"}
    data = np.repeat(np.arange(1024)[None] // 5, 512, 0).astype("uint8")
    with MemoryFile() as memory:
        transform = from_bounds(*bounds, 1024, 512)
        with memory.open(**profile, transform=transform) as target:
            target.write(data, 1)
        cog = await tinycog.open(memory.read())
    assert cog.stored_web_tile(1, 0, 0) is None
    east = await cog.read_web_tile(1, 1, 0, resampling="nearest")
    assert east.data[0, 128, 0] == 512 // 5
    assert east.data[0, 128, -1] == 1023 // 5


async def test_stored_tiles_of_another_size_are_warped(make):
    path = make("EPSG:32632", TILING_SCHEME="GoogleMapsCompatible")
    cog = await tinycog.open(path)
    zooms = [tile for zoom in range(8, 14) for tile in tiles_over(zoom)]
    place = next(t for t in zooms if cog.stored_web_tile(t.z, t.x, t.y) is not None)
    raster = await cog.read_web_tile(place.z, place.x, place.y, tilesize=512)
    assert raster.shape == (cog.count, 512, 512)


# --- outside, and wrong arguments ----------------------------------------------------------------


@pytest.mark.parametrize("crs", CRSS)
async def test_outside_nothing_is_valid_and_nothing_is_asked_for(make, crs):
    async with RangeServer({"a.tif": make(crs)}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        sent = len(cog.requests)
        for place in ((10, 0, 0), (10, 1023, 1023), (3, 7, 2)):
            raster = await cog.read_web_tile(*place)
            assert raster.mask is not None
            assert not raster.mask.any()
            assert raster.shape == (1, 256, 256)
            assert not raster.data.any()
        assert len(cog.requests) == sent


@pytest.mark.parametrize(
    ("place", "options"),
    [
        *[((-1, 0, 0), {}), ((31, 0, 0), {}), ((2, 4, 0), {}), ((2, 0, -1), {})],
        *[((1.5, 0, 0), {}), (("1", 0, 0), {}), ((None, 0, 0), {})],
        *[((1, 0, 0), {"tilesize": size}) for size in (0, -1, 5000, 2.5, "256", None)],
        *[((1, 0, 0), {"resampling": method}) for method in ("mode", "", None, 3, [])],
        ((1, 0, 0), {"bands": [4]}),
    ],
)
async def test_wrong_arguments_are_refused(make, place, options):
    cog = tinycog.open(make("EPSG:32632"))
    with pytest.raises(UsageError):
        await cog.read_web_tile(*place, **options)


async def test_a_file_without_a_place_has_no_web_tiles():
    with pytest.raises(UsageError, match="does not say where it lies"):
        await tinycog.open(PLAIN).read_web_tile(0, 0, 0)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "cubic", "average"])
async def test_masked_pixels_are_masked_in_web_tiles(method):
    cog = await tinycog.open(fixture_path("cog-mask-rgb"))
    lng, lat = cog.lnglat()
    tile = pytest.importorskip("morecantile").tms.get("WebMercatorQuad").tile(lng, lat, 14)
    raster = await cog.read_web_tile(tile.z, tile.x, tile.y, resampling=method)
    assert raster.shape == (3, 256, 256)
    assert raster.mask is not None
    assert raster.mask.any()
    assert not raster.mask.all()
    assert not raster.data[:, ~raster.mask].any()
    some = await cog.read_web_tile(tile.z, tile.x, tile.y, resampling=method, bands=[2])
    np.testing.assert_array_equal(some.data[0], raster.data[2])


@pytest.mark.parametrize("method", ["nearest", "bilinear", "cubic", "average"])
async def test_the_nodata_of_one_band_is_no_value_where_another_is_valid(tmp_path, method):
    data = np.full((2, 128, 128), 100, np.int16)
    data[0, :, ::2] = -9999
    path = tmp_path / "holes.tif"
    profile = {"driver": "GTiff", "count": 2, "height": 128, "width": 128, "dtype": "int16"}
    place = {
        "crs": "EPSG:32632",
        "transform": from_bounds(650000, 5100000, 660000, 5110000, 128, 128),
    }
    with rasterio.open(path, "w", **profile, **place, nodata=-9999) as target:
        target.write(data)

    tile = await tinycog.open(path).read_web_tile(10, 543, 363, resampling=method)

    assert tile.mask is not None
    assert tile.mask.any()
    assert set(np.unique(tile.data[0])) <= {-9999, 100}
    assert set(np.unique(tile.data[1][tile.mask])) == {100}


# --- a level that is given, colours for the eye --------------------------------------------------


async def test_a_web_tile_is_of_the_level_that_is_given(make):
    cog = await tinycog.open(make("EPSG:32632"))
    tile = tiles_over(12)[4]
    suits = await cog.read_web_tile(tile.z, tile.x, tile.y)
    found = [
        await cog.read_web_tile(tile.z, tile.x, tile.y, level=z) for z in range(len(cog.levels))
    ]
    assert [one.level for one in found] == list(range(len(found)))
    np.testing.assert_array_equal(found[suits.level].data, suits.data)
    assert not np.array_equal(found[0].data, found[-1].data)
    with pytest.raises(TileIndexError):
        await cog.read_web_tile(tile.z, tile.x, tile.y, level=len(found))


async def test_a_stored_tile_is_not_taken_where_another_level_is_given(make):
    cog = await tinycog.open(make("EPSG:32632", TILING_SCHEME="GoogleMapsCompatible"))
    zooms = [tile for zoom in range(8, 14) for tile in tiles_over(zoom)]
    place = next(t for t in zooms if (cog.stored_web_tile(t.z, t.x, t.y) or (1,))[0] == 0)
    stored = await cog.read_web_tile(place.z, place.x, place.y, level=0)
    coarser = await cog.read_web_tile(place.z, place.x, place.y, level=1)
    assert (stored.level, coarser.level) == (0, 1)
    assert not np.array_equal(stored.data, coarser.data)


async def test_a_web_tile_for_the_eye_has_the_colours_of_a_read():
    async with tinycog.open(fixture_path("cog-palette")) as cog:
        left, bottom, right, top = cog.bounds
        x, y = pyproj.Transformer.from_crs(32633, 3857, always_xy=True).transform(
            (left + right) / 2, (bottom + top) / 2
        )
        size = 2 * np.pi * 6378137 / 2**14
        tile = int((x + np.pi * 6378137) // size), int((np.pi * 6378137 - y) // size)
        colours = await cog.read_web_tile(14, *tile, rgb=True)
        indices = await cog.read_web_tile(14, *tile)
        assert colours.data.shape == (3, 256, 256)
        colormap = await cog.read_colormap()
        assert colormap is not None
        table = (colormap >> 8).astype(np.uint8)
        valid = indices.mask
        assert valid.any()
        np.testing.assert_array_equal(colours.mask, valid)
        np.testing.assert_array_equal(colours.data[:, valid], table[indices.data[0][valid]].T)
        with pytest.raises(UsageError, match="bands"):
            await cog.read_web_tile(14, *tile, rgb=True, bands=[0])
