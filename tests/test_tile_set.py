"""Tiles of a tile matrix set, stored in COGs: which level is which, and what a tile costs."""

from __future__ import annotations

import copy
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest

import tinycog
import tinycog.sync
from tinycog import MosaicError, TileIndexError, UnsupportedError, UsageError
from tinycog.geo.matrix_set import matrix_set
from tinycog.testing import RangeServer

HALF = math.pi * 6378137
TILE = 256
ZOOM, COL, ROW = 10, 544, 356
PIXELS = np.random.default_rng(1).integers(1, 250, (2, 4 * TILE, 4 * TILE), dtype=np.uint8)


def place(zoom: int, col: float, row: float) -> tuple[float, ...]:
    """Return the transform of pixels that begin at a tile of Web Mercator."""
    size = 2 * HALF / 2**zoom
    return (size / TILE, 0, -HALF + col * size, 0, -size / TILE, HALF - row * size)


async def written(pixels: Any = PIXELS, **options: Any) -> bytes:
    options = {"crs": "EPSG:3857", "blocksize": TILE, "overviews": False, **options}
    found = await tinycog.write(bytes, pixels, **options)
    assert found.data is not None
    return found.data


async def one_file(**options: Any) -> bytes:
    return await written(transform=place(ZOOM, COL, ROW), **{"overviews": [2, 4], **options})


async def test_levels_of_one_file_are_matrices():
    """A tile is the stored one, by one request for it."""
    data = await one_file()
    whole = await tinycog.open(data)
    async with RangeServer({"a.tif": data}) as server:
        tiles = await tinycog.TileSet([server.url("a.tif")])
        assert [(one.id, one.limits) for one in tiles.matrices] == [
            ("8", (136, 89, 136, 89)),
            ("9", (272, 178, 273, 179)),
            ("10", (544, 356, 547, 359)),
        ]
        for z, (zoom, across) in enumerate(((10, 4), (9, 2), (8, 1))):
            level = (await whole.read_level(z)).data
            for row in range(across):
                for col in range(across):
                    x, y = (COL >> z) + col, (ROW >> z) + row
                    plan = await tiles.plan(zoom, x, y)
                    assert plan.tiles == ((z, col, row),)
                    ((_, requests),) = plan.beside.items()
                    server.clear()
                    raster = await tiles.read_tile(zoom, x, y)
                    assert [(line.start, line.stop) for line in server.log] == list(requests)
                    assert len(requests) == 1
                    part = np.s_[:, row * TILE : (row + 1) * TILE, col * TILE : (col + 1) * TILE]
                    assert np.array_equal(raster.data, level[part])
                    assert raster.mask.all()
                    assert tuple(raster.transform)[:6] == pytest.approx(place(zoom, x, y))
                    assert raster.crs is not None
                    assert raster.crs.epsg == 3857
        server.clear()
        nothing = await tiles.read_tile("10", 0, 0)
        assert nothing.account.gap == nothing.account.asked == TILE * TILE
        assert not server.log
        assert (await tiles.read_tile(10, COL, ROW, indexes=2)).shape == (1, TILE, TILE)


async def test_a_matrix_is_cut_into_files_that_overlap():
    """The first valid pixel counts; what no file has is a gap; the coarser matrix has its own."""
    left = np.where(np.arange(300) % 3 == 0, 0, PIXELS[:, :TILE, :300])
    right = PIXELS[:, :TILE, 200 : 2 * TILE] // 2 + 1
    files = {
        "left.tif": await written(left, nodata=0, transform=place(ZOOM, COL, ROW)),
        "right.tif": await written(
            right, nodata=0, transform=place(ZOOM, COL + 200 / TILE, ROW), blocksize=64
        ),
        "coarse.tif": await written(
            PIXELS[:, :TILE, :TILE], nodata=0, transform=place(ZOOM - 1, COL // 2, ROW // 2)
        ),
    }
    expected = np.zeros((2, TILE, 2 * TILE), np.uint8)
    expected[:, :, 200:] = right
    expected[:, :, :300] = np.where(left, left, expected[:, :, :300])
    async with RangeServer(files) as server:
        tiles = await tinycog.TileSet([server.url(name) for name in files])
        assert [len(one.files) for one in tiles.matrices] == [1, 2]
        for n in range(2):
            plan = await tiles.plan("10", COL + n, ROW)
            server.clear()
            raster = await tiles.read_tile("10", COL + n, ROW)
            sent = sorted((line.path, line.start, line.stop) for line in server.log)
            planned = [(k.rpartition("/")[2], *r) for k, v in plan.beside.items() for r in v]
            assert sent == sorted(planned)
            part = expected[:, :, n * TILE : (n + 1) * TILE]
            assert np.array_equal(raster.data, part)
            assert np.array_equal(raster.band_masks, part != 0)
        coarse = await tiles.read_tile("9", COL // 2, ROW // 2)
        assert np.array_equal(coarse.data, PIXELS[:, :TILE, :TILE])
        with pytest.raises(UsageError, match=r"no file has matrix '8'.*they have 9, 10"):
            await tiles.read_tile(8, 0, 0)
        server.files["left.tif"] = b""
        other = await tinycog.TileSet([server.url("right.tif")])
        assert (await other.read_tile(10, COL, ROW)).account.gap == 200 * TILE


async def test_what_does_not_align_is_refused_by_name():
    shifted = await written(transform=place(ZOOM, COL + 0.3 / TILE, ROW))
    other_size = await written(transform=(*place(ZOOM, COL, ROW)[:1], 0, 0, 0, -150, 0))
    utm = await written(crs="EPSG:32632", transform=(10, 0, 500_000, 0, -10, 5_000_000))
    good = await one_file()
    async with RangeServer({"a": shifted, "b": other_size, "c": utm, "d": good}) as server:
        for name, why in (
            ("a", "level 0 has pixels of matrix '10', but lies 0.3 columns and 0 rows beside them"),
            ("b", "of which no matrix is"),
            ("c", "it has EPSG:32632"),
        ):
            with pytest.raises(MosaicError, match=why) as caught:
                await tinycog.TileSet([server.url("d"), server.url(name)])
            (finding,) = caught.value.findings
            assert finding.rule == "cog.tileset.aligned"
            assert server.url(name) in str(finding)
        with pytest.raises(MosaicError, match="files-bands"):
            await tinycog.TileSet([good, await written(PIXELS[:1], transform=place(9, 0, 0))])


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
async def test_what_does_not_align_is_resampled_when_asked_for(method: Any):
    pytest.importorskip("pyproj")
    utm = await written(nodata=0, crs="EPSG:32632", transform=(150, 0, 600_000, 0, -150, 6_100_000))
    cog = await tinycog.open(utm)
    assert cog.lnglat() is not None
    tiles = await tinycog.TileSet([cog], strict=False, resampling=method)
    assert tiles.matrices == ()
    zoom, x, y = 8, 137, 80
    expected = await cog.read_web_tile(zoom, x, y, resampling=method)
    assert expected.mask.any()
    found = await tiles.read_tile(zoom, x, y)
    off = np.abs(found.data.astype(int) - expected.data)  # places are exact to 0.01 pixel
    assert off.max() <= (0 if method == "nearest" else 4)
    assert np.array_equal(found.mask, expected.mask)
    plan = await tiles.plan(zoom, x, y)
    assert plan.tiles
    stored = await tinycog.TileSet([await one_file(nodata=0), utm], strict=False)
    assert np.array_equal((await stored.read_tile(10, COL, ROW)).data, PIXELS[:, :TILE, :TILE])
    assert (await stored.read_tile(11, 2 * COL, 2 * ROW)).account.valid == TILE * TILE


async def test_a_level_that_ends_inside_of_a_pixel_is_a_matrix():
    """Reduced by 2 of 301 columns are 151 pixels of that size, the last one made of one."""
    data = await written(PIXELS[:, :300, :301], transform=place(ZOOM, COL, ROW), overviews=[2])
    tiles = await tinycog.TileSet([data])
    assert [one.id for one in tiles.matrices] == ["9", "10"]
    raster = await tiles.read_tile(9, COL // 2, ROW // 2)
    assert raster.account.valid == 150 * 151


UTM = {
    "id": "Mine",
    "crs": "http://www.opengis.net/def/crs/EPSG/0/32632",
    "orderedAxes": ["E", "N"],
    "tileMatrices": [
        {
            "id": "a-10m",
            "scaleDenominator": 10 / 0.00028,
            "cellSize": 10,
            "cornerOfOrigin": "bottomLeft",
            "pointOfOrigin": [500_000, 4_990_000],
            "tileWidth": 100,
            "tileHeight": 50,
            "matrixWidth": 20,
            "matrixHeight": 20,
        }
    ],
}


async def test_a_set_of_ones_own_whose_rows_are_counted_from_below():
    data = await written(
        PIXELS[:, :300, :400], crs="EPSG:32632", transform=(10, 0, 501_000, 0, -10, 4_994_000)
    )
    tiles = await tinycog.TileSet([data], UTM)
    (matrix,) = tiles.matrices
    assert matrix.limits == (1, 2, 4, 7)
    raster = await tiles.read_tile("a-10m", 2, 3)  # its bottom lies at 4 990 000 + 3 * 500
    assert raster.bounds == pytest.approx((502_000, 4_991_500, 503_000, 4_992_000))
    assert np.array_equal(raster.data, PIXELS[:, 200:250, 100:200])
    assert json.loads(json.dumps(tiles.info()))["tileMatrixSetLimits"] == [
        {"tileMatrix": "a-10m", "minTileRow": 2, "maxTileRow": 7, "minTileCol": 1, "maxTileCol": 4}
    ]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3035"])
async def test_a_file_is_a_tile_set_of_its_own_matrices(crs: str):
    """By what it says of its own tiles, in the order of the axes of its CRS."""
    pytest.importorskip("pyproj")
    at = (0.5, 0, 5, 0, -0.5, 50) if crs == "EPSG:4326" else (50, 0, 4e6, 0, -50, 3e6)
    pixels = PIXELS[:, :128, :192]
    cog = await tinycog.open(
        await written(pixels, crs=crs, transform=at, blocksize=64, overviews=[2])
    )
    await cog
    tiles = await tinycog.TileSet([cog], json.loads(json.dumps(cog.tile_matrix_set())))
    assert [one.limits for one in tiles.matrices] == [(0, 0, 1, 0), (0, 0, 2, 1)]
    raster = await tiles.read_tile(1, 2, 1)
    assert np.array_equal(raster.data, pixels[:, 64:, 128:])


def test_sets_of_morecantile_have_the_same_tiles():
    morecantile = pytest.importorskip("morecantile")
    compared = 0
    for name in morecantile.tms.list():
        known = morecantile.tms.get(name)
        document = json.loads(known.model_dump_json(exclude_none=True))
        try:
            ours = [matrix_set(document)]
        except UnsupportedError:  # rows of different widths, and a CRS of another body
            continue
        if name in ("WebMercatorQuad", "WorldCRS84Quad"):
            ours.append(matrix_set(name))
        for one in ours:
            for zoom in [int(matrix.id) for matrix in known.tileMatrices[:12]]:
                matrix = one.matrix(zoom)
                rows, cols = matrix.grid
                for x, y in ((0, 0), (cols - 1, rows - 1)):
                    col, row, width, height = matrix.window(x, y)
                    a, _, c, _, e, f = matrix.transform
                    box = (c + a * col, f + e * (row + height), c + a * (col + width), f + e * row)
                    expected = known.xy_bounds(morecantile.Tile(x, y, zoom))
                    assert box == pytest.approx(tuple(expected), abs=a / 100), (name, zoom)
                    compared += 1
    assert compared > 100


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("Quad", "'Quad' is unknown: expected WebMercatorQuad"),
        ({}, "no TileMatrixSet 2.0"),
        ({**UTM, "tileMatrices": []}, "has no tileMatrices"),
        ({**UTM, "tileMatrices": [{**UTM["tileMatrices"][0], "cellSize": 0}]}, "has no tiles"),
        ({**UTM, "tileMatrices": [{"id": "1"}]}, "no TileMatrixSet 2.0"),
        ({**UTM, "crs": "here"}, "the CRS of tile_matrix_set= is 'here'"),
        (
            {**UTM, "tileMatrices": [{**UTM["tileMatrices"][0], "variableMatrixWidths": [1]}]},
            "different widths",
        ),
    ],
)
def test_a_set_that_is_none_is_refused(given: Any, message: str):
    with pytest.raises((UsageError, UnsupportedError), match=message):
        tinycog.TileSet([b""], given)


async def test_tiles_that_do_not_exist_are_refused():
    tiles = tinycog.TileSet([await one_file()])
    assert "not open yet" in repr(tiles)
    with pytest.raises(UsageError, match="not open yet"):
        _ = tiles.matrices
    with pytest.raises(UsageError, match="has no matrix '77'"):
        await tiles.read_tile("77", 0, 0)
    with pytest.raises(TileIndexError, match="columns are 0 to 1023"):
        await tiles.plan(10, 1024, 0)
    with pytest.raises(UsageError, match="col must be an integer"):
        await tiles.read_tile(10, 1.5, 0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="no files"):
        tinycog.TileSet([])
    with pytest.raises(UsageError, match="strict=False"):
        tinycog.TileSet([b""], resampling="cubic")
    assert repr(await tiles) == "<TileSet WebMercatorQuad: 1 files, matrices 8, 9, 10>"


async def test_levels_that_are_no_matrix_are_told():
    data = await written(transform=place(ZOOM, COL + 1 / TILE, ROW), overviews=[2])
    tiles = await tinycog.TileSet([data])
    assert [one.id for one in tiles.matrices] == ["10"]
    (left_out,) = tiles.info()["left_out"]  # pyright: ignore[reportGeneralTypeIssues]
    assert left_out["level"] == 1
    assert "lies 0.5 columns" in left_out["reason"].replace("-", "")
    with pytest.raises(UsageError, match="no file has matrix '9'"):
        await tiles.read_tile(9, 272, 178)


async def test_it_blocks_too():
    data = await one_file()
    with tinycog.sync.TileSet([data], "WebMercatorQuad") as tiles:
        assert [one.id for one in tiles.matrices] == ["8", "9", "10"]
        assert np.array_equal(tiles.read_tile(10, COL, ROW).data, PIXELS[:, :TILE, :TILE])
    with tinycog.sync.open(data) as cog:
        other = tinycog.sync.TileSet([cog])
        assert other.matrices[0].id == "8"
        assert isinstance(other.asynchronous, tinycog.TileSet)


async def test_a_copy_reads_without_a_request_for_headers():
    data = await one_file()
    async with RangeServer({"a.tif": data}) as server:
        tiles = await tinycog.TileSet([server.url("a.tif")])
        for one in (pickle.loads(pickle.dumps(tiles)), copy.copy(tiles), copy.deepcopy(tiles)):  # noqa: S301
            server.clear()
            assert one.matrices == tiles.matrices
            assert repr(one) == repr(tiles)
            raster = await one.read_tile(10, COL, ROW)
            assert np.array_equal(raster.data, PIXELS[:, :TILE, :TILE])
            assert len(server.log) == 1
