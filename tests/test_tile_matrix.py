"""Tile matrix sets: read by morecantile, compared with GDAL's tiling schemes."""

import json
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.io import MemoryFile
from rasterio.transform import from_origin, xy

from tinycog.errors import UsageError
from tinycog.geo.tile_matrix import METRES_PER_DEGREE, TileLevel, tile_matrix_set
from tinycog.geo.web_grid import WORLD_CRS84_QUAD, find_alignment, web_tile_bounds

# rasterio's own use of affine
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


@pytest.fixture
def morecantile():
    return pytest.importorskip("morecantile")


def aligned_to(levels, epsg=3857):
    """The alignment that there must be."""
    found = find_alignment(levels, epsg)
    assert found is not None
    return found


def levels_of(path):
    """Levels as rasterio sees them."""
    found = []
    with rasterio.open(path) as full:
        count = len(full.overviews(1))
    for number in range(-1, count):
        options: dict[str, Any] = {} if number < 0 else {"overview_level": number}
        with rasterio.open(path, **options) as image:
            rows, cols = image.block_shapes[0]
            found.append(TileLevel(image.width, image.height, cols, rows, image.transform[:6]))
    return found


@pytest.fixture(scope="module")
def make_cog(tmp_path_factory):
    """Writes a COG by GDAL, of a picture that covers a part of the world."""

    def make(scheme="GoogleMapsCompatible", **options):
        path = tmp_path_factory.mktemp("cog") / "web.tif"
        data = np.random.default_rng(0).integers(1, 255, (1, 700, 900)).astype("uint8")
        profile = {
            "driver": "GTiff",
            "count": 1,
            "height": 700,
            "width": 900,
            "dtype": "uint8",
            "crs": "EPSG:32631",
            "transform": from_origin(500000, 5000000, 30, 30),
        }
        with MemoryFile() as memory:
            with memory.open(**profile) as target:
                target.write(data)
            with memory.open() as source:
                rasterio.shutil.copy(source, path, driver="COG", TILING_SCHEME=scheme, **options)
        return path

    return make


@pytest.mark.parametrize("tile", [(0, 0, 0), (5, 3, 7), (12, 4095, 0), (22, 3000, 800000)])
def test_bounds_of_web_tiles(morecantile, tile):
    web = morecantile.tms.get("WebMercatorQuad")
    z, x, y = tile
    there = morecantile.Tile(x, y, z)
    assert web_tile_bounds(z, x, y) == pytest.approx(tuple(web.xy_bounds(there)), abs=1e-7)


def test_bounds_of_world_crs84(morecantile):
    other = morecantile.tms.get("WorldCRS84Quad")
    for z, x, y in ((0, 1, 0), (3, 9, 7)):
        there = morecantile.Tile(x, y, z)
        assert WORLD_CRS84_QUAD.bounds(z, x, y) == pytest.approx(tuple(other.xy_bounds(there)))


@pytest.mark.parametrize("tile", [(-1, 0, 0), (31, 0, 0), (2, 4, 0), (2, 0, -1)])
def test_no_such_web_tile(tile):
    with pytest.raises(UsageError, match="does not exist in WebMercatorQuad"):
        web_tile_bounds(*tile)


@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize("aligned", [1, 3])
def test_gdals_tiling_scheme(make_cog, size, aligned):
    path = make_cog(BLOCKSIZE=size, ALIGNED_LEVELS=aligned)
    levels = levels_of(path)
    found = aligned_to(levels)
    assert found.tiles.identifier == "WebMercatorQuad"
    with rasterio.open(path) as source:
        zoom = int(source.tags(ns="TILING_SCHEME")["ZOOM_LEVEL"])
        transform = source.transform
    assert found.zooms[zoom] == 0
    assert all(place is not None for place in found.places[:aligned])
    for z, place in enumerate(found.places):
        if place is None:
            continue
        assert place.zoom == zoom - z
        down, across = levels[z].grid
        for x, y in ((0, 0), (across - 1, down - 1)):
            assert found.stored_tile(place.zoom, place.x + x, place.y + y) == (z, x, y)
            left, _, _, top = web_tile_bounds(place.zoom, place.x + x, place.y + y)
            corner = xy(transform, y * size * 2**z, x * size * 2**z, offset="ul")
            assert corner == pytest.approx((left, top), abs=1e-5)
        assert found.stored_tile(place.zoom, place.x - 1, place.y) is None
        assert found.stored_tile(place.zoom, place.x + across, place.y) is None
    assert found.stored_tile(zoom + 1, 0, 0) is None


def test_pixels_of_a_stored_web_tile(make_cog):
    rio_tiler = pytest.importorskip("rio_tiler.io")
    path = make_cog(BLOCKSIZE=256, ALIGNED_LEVELS=2)
    found = aligned_to(levels_of(path))
    assert found.places[1] is not None
    zoom, left, top = found.places[1]
    with rio_tiler.Reader(str(path)) as reader, rasterio.open(path, overview_level=0) as level:
        for x, y in ((left, top), (left + 1, top + 1)):
            z, col, row = found.stored_tile(zoom, x, y) or (-1, 0, 0)
            assert z == 1
            stored = level.read(
                1, window=((row * 256, row * 256 + 256), (col * 256, col * 256 + 256))
            )
            assert (reader.tile(x, y, zoom).data[0] == stored).all()


def test_what_is_not_aligned():
    size = 2 * 20037508.342789244 / 2**10 / 256
    web = (-20037508.342789244, 20037508.342789244)

    def level(shift=0.0, pixel=size, tile=256, across=1024):
        left, top = web[0] + (512 * 256 + shift) * size, web[1] - 400 * 256 * size
        return TileLevel(across, 1024, 256, tile, (pixel, 0, left, 0, -pixel, top))

    assert aligned_to([level()]).places == ((10, 512, 400),)
    assert aligned_to([level(across=1000)]).stored_tile(10, 515, 400) == (0, 3, 0)
    assert find_alignment([level(shift=0.005)], 3857) is not None
    assert find_alignment([level()], 32631) is None
    assert find_alignment([level()], None) is None
    changes: list[dict[str, Any]] = [
        {"shift": 0.02},
        {"shift": 128},
        {"pixel": size * 1.0001},
        {"pixel": size * 1.5},
        {"tile": 512},
    ]
    for wrong in changes:
        assert find_alignment([level(**wrong)], 3857) is None, wrong


def test_world_crs84_alignment():
    levels = [
        TileLevel(2048 >> z, 1024 >> z, 256, 256, (s := 0.17578125 * 2**z, 0, -180, 0, -s, 90))
        for z in range(3)
    ]
    found = aligned_to(levels, 4326)
    assert found.tiles.identifier == "WorldCRS84Quad"
    assert found.stored_tile(2, 7, 3) == (0, 7, 3)
    assert found.stored_tile(0, 1, 0) == (2, 1, 0)


@pytest.mark.parametrize("crs", [32631, "http://www.opengis.net/def/crs/EPSG/0/32631", "projjson"])
def test_morecantile_reads_the_document(morecantile, crs):
    pyproj = pytest.importorskip("pyproj")
    crs = json.loads(pyproj.CRS(32631).to_json()) if crs == "projjson" else crs
    # 1001 columns: the overviews' pixels are not quite square
    transforms = [(1001 / w * 10, 0, 500000, 0, -999 / h * 10, 5000000) for w, h in
                  ((1001, 999), (501, 500), (251, 250))]  # fmt: skip
    levels = [TileLevel(round(10010 / t[0]), round(9990 / -t[4]), 128, 256, t) for t in transforms]
    document = json.loads(json.dumps(tile_matrix_set(levels, crs, identifier="mine")))
    found = morecantile.TileMatrixSet.model_validate(document)
    assert found.crs.to_epsg() == 32631
    assert [matrix.id for matrix in found.tileMatrices] == ["0", "1", "2"]
    for z, level in enumerate(levels):
        matrix = found.matrix(2 - z)
        assert (matrix.matrixHeight, matrix.matrixWidth) == level.grid
        right, down = transforms[z][0], transforms[z][4]
        assert matrix.scaleDenominator == pytest.approx(right / 0.00028)
        left, _, _, top = found.xy_bounds(morecantile.Tile(1, 1, 2 - z))
        assert left == pytest.approx(500000 + 128 * right)
        # less than one pixel off, as the rows' size is not quite the columns'
        assert abs(top - (5000000 + 256 * down)) < right


def test_degrees_are_written_in_the_order_of_the_crs(morecantile):
    level = TileLevel(720, 360, 256, 256, (0.5, 0, -180, 0, -0.5, 90))
    for crs, origin in (
        (4326, [90, -180]),
        ("http://www.opengis.net/def/crs/OGC/0/CRS84", [-180, 90]),
    ):
        document = tile_matrix_set([level], crs, metres_per_unit=METRES_PER_DEGREE)
        matrix = document["tileMatrices"][0]
        assert matrix["pointOfOrigin"] == origin
        assert matrix["scaleDenominator"] == pytest.approx(0.5 * 111319.49079327358 / 0.00028)
        found = morecantile.TileMatrixSet.model_validate(document)
        assert tuple(found.xy_bounds(morecantile.Tile(0, 0, 0))) == pytest.approx(
            (-180, -38, -52, 90)
        )


def test_projected_crs_with_north_first(morecantile):
    pyproj = pytest.importorskip("pyproj")
    level = TileLevel(512, 512, 256, 256, (100, 0, 4000000, 0, -100, 3000000))
    document = tile_matrix_set([level], json.loads(pyproj.CRS(3035).to_json()))
    assert document["tileMatrices"][0]["pointOfOrigin"] == [3000000, 4000000]
    found = morecantile.TileMatrixSet.model_validate(document)
    assert found.xy_bounds(morecantile.Tile(0, 0, 0)).left == 4000000


def test_rows_that_go_up():
    level = TileLevel(512, 512, 256, 256, (1, 0, 0, 0, 1, 0))
    matrix = tile_matrix_set([level], 3857)["tileMatrices"][0]
    assert matrix["cornerOfOrigin"] == "bottomLeft"


@pytest.mark.parametrize(
    ("levels", "crs", "message"),
    [
        ([], 3857, "no levels"),
        ([TileLevel(512, 512, 256, 256, (1, 0.1, 0, 0, -1, 0))], 3857, "unrotated"),
        ([TileLevel(512, 512, 256, 256, (1, 0, 0, 0, -1.01, 0))], 3857, "square"),
        ([TileLevel(512, 512, 256, 256, (1, 0, 0, 0, -1, 0))], "PROJCS[...]", "PROJJSON"),
    ],
)
def test_wrong_arguments(levels, crs, message):
    with pytest.raises(UsageError, match=message):
        tile_matrix_set(levels, crs)
