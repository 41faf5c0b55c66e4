"""The viewer over HTTP: tiles, values, bytes, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from itertools import pairwise

import aiohttp
import numpy as np
import pytest
import rasterio
import rasterio.shutil
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from conftest import fixture_path
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds
from rasterio.warp import transform as transform_points
from rasterio.warp import transform_bounds

import tinycog
from tinycog import Limits, NotFoundError, UsageError
from tinycog.testing import RangeServer
from tinycog.viewer import folder as folder_module
from tinycog.viewer import viewer_app
from tinycog.viewer.assets import TYPES, read_asset
from tinycog.viewer.colormaps import colormap, colormap_names
from tinycog.viewer.facts import web_tile_at
from tinycog.viewer.look import Look
from tinycog.viewer.protection import ReadLanes, hosts_for
from tinycog.viewer.serve import serve, serving

# rasterio's own use of affine
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

SIZE = 600
DEGREES = (11.0, 46.0, 11.4, 46.3)
"""Where the made files lie."""


@asynccontextmanager
async def client_of(where, **options):
    async with TestClient(TestServer(viewer_app(where, **options))) as client:
        yield client


async def document(client, path, status=200, **options):
    async with client.get(path, **options) as response:
        assert response.status == status, await response.text()
        assert response.content_type == "application/json"
        return await response.json()


async def picture(client, path):
    """(rows, cols, 4), and the level that it was taken from."""
    import imagecodecs  # noqa: PLC0415 - heavy

    async with client.get(path) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "image/png"
        level = response.headers.get("Tinycog-Level")
        found = imagecodecs.png_decode(await response.read())
        assert found.ndim == 3
        assert found.shape[2] == 4
        return found, None if level is None else int(level)


@pytest.fixture(scope="module")
def smooth(tmp_path_factory):
    """A smooth COG of one band in UTM, one file for each dtype."""
    made = {}

    def write(dtype="uint8", nodata=None):
        key = dtype, nodata
        if key in made:
            return made[key]
        path = tmp_path_factory.mktemp("viewer") / f"smooth-{dtype}.tif"
        rows, cols = np.mgrid[:SIZE, :SIZE]
        data = 120 + 60 * np.sin(cols / 300) + 50 * np.cos(rows / 400)
        data = np.round(data * (200 if dtype == "uint16" else 1)).astype(dtype)
        if nodata is not None:
            data[:200, :200] = nodata
        crs = "EPSG:32632"
        bounds = transform_bounds("EPSG:4326", crs, *DEGREES)
        transform = from_bounds(*bounds, width=SIZE, height=SIZE)
        profile = {"driver": "GTiff", "count": 1, "height": SIZE, "width": SIZE, "dtype": dtype}
        with MemoryFile() as memory:
            with memory.open(**profile, crs=crs, transform=transform, nodata=nodata) as target:
                target.write(data, 1)
            with memory.open() as source:
                options = {"BLOCKSIZE": 256, "RESAMPLING": "AVERAGE"}
                rasterio.shutil.copy(source, path, driver="COG", **options)
        made[key] = path
        return path

    return write


MIDDLE = (11.2, 46.15)


# --- tiles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("zoom", [9, 11, 12])
async def test_tiles_lie_where_those_of_rio_tiler_do(smooth, zoom):
    io = pytest.importorskip("rio_tiler.io")
    path = smooth()
    x, y = web_tile_at(*MIDDLE, zoom)
    async with client_of(path) as client:
        name = f"/files/{path.name}/tiles/{zoom}/{x}/{y}.png"
        found, _ = await picture(client, f"{name}?indexes=1&min=0&max=255&resampling=bilinear")
    with io.Reader(str(path)) as reader:
        methods = {"resampling_method": "bilinear", "reproject_method": "bilinear"}
        expected = reader.tile(x, y, zoom, tilesize=256, **methods)
    valid = (expected.mask != 0) & (found[..., 3] == 255)
    assert valid.any()
    far = np.abs(found[..., 0].astype(int) - expected.data[0])[valid]
    assert far.max() <= 1
    # both may call a pixel of the very edge valid or not
    padded = np.pad(expected.mask != 0, 1, mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    assert (found[..., 3] == 255)[near.all(axis=(2, 3))].all()
    assert not (found[..., 3] == 255)[~near.any(axis=(2, 3))].any()


@pytest.mark.parametrize("name", ["cog-jpeg-ycbcr-mask", "cog-palette", "cog-webp-rgba"])
async def test_a_tile_has_the_colours_of_a_read(name):
    path = fixture_path(name)
    cog = await tinycog.open(path)
    lng, lat = cog.lnglat()
    x, y = web_tile_at(lng, lat, 14)
    expected = await cog.read_web_tile(14, x, y, rgb=True)
    async with client_of(path) as client:
        found, level = await picture(client, f"/files/{path.name}/tiles/14/{x}/{y}.png")
    assert level == expected.level
    valid = expected.mask
    assert valid.any()
    assert not found[~valid].any()
    np.testing.assert_array_equal(found[valid][:, : expected.count], expected.data[:, valid].T)
    if expected.count == 3:
        assert (found[valid][:, 3] == 255).all()


@pytest.mark.parametrize("name", ["tiled-min-is-white", "tiled-jpeg-cmyk", "tiled-palette-nbits4"])
async def test_tiles_of_pixels_have_the_colours_of_a_read(name):
    path = fixture_path(name)
    cog = await tinycog.open(path)
    expected = await cog.read(rgb=True, masked=True)
    rows, cols = min(cog.height, 256), min(cog.width, 256)
    async with client_of(path) as client:
        found, _ = await picture(client, f"/files/{path.name}/pixels/0/0/0.png")
    np.testing.assert_array_equal(
        found[:rows, :cols, :3].transpose(2, 0, 1), expected.data[:3, :rows, :cols]
    )
    assert not found[rows:].any()
    assert not found[:, cols:].any()


async def test_nodata_is_transparent_and_values_are_stretched_between_percentiles(smooth):
    path = smooth("float32", -9999.0)
    cog = await tinycog.open(path)
    smallest = await cog.read(level=len(cog.levels) - 1, masked=True)
    low, high = np.percentile(smallest.data[smallest.band_masks].astype(float), (2, 98))
    async with client_of(path) as client:
        found, _ = await picture(client, f"/files/{path.name}/pixels/0/0/0.png")
        spread = await document(client, f"/files/{path.name}/statistics.json?indexes=1")
    assert not found[:200, :200].any()
    assert (found[200:, 200:, 3] == 255).all()
    (band,) = spread["bands"]
    assert (band["low"], band["high"]) == (pytest.approx(low), pytest.approx(high))
    assert "smallest overview" in spread["of"]
    assert sum(band["counts"]) == band["of"] == smallest.band_masks.sum()
    raw = (await cog.read(window=(200, 200, 56, 56))).data[0].astype(float)
    expected = np.floor(np.clip((raw - low) / (high - low), 0, 1) * 255 + 0.5)
    np.testing.assert_array_equal(found[200:, 200:, 0], expected)


async def test_nan_is_transparent():
    path = fixture_path("cog-nodata-nan")
    data = (await tinycog.open(path).read()).data[0]
    async with client_of(path) as client:
        found, _ = await picture(client, f"/files/{path.name}/pixels/0/0/0.png")
    rows, cols = data.shape
    np.testing.assert_array_equal(found[:rows, :cols, 3] == 0, np.isnan(data))


async def test_a_colormap_goes_from_the_lowest_value_to_the_highest(tmp_path):
    path = tmp_path / "ramp.tif"
    await tinycog.write(path, np.arange(256, dtype=np.uint16).reshape(1, 16, 16))
    async with client_of(path) as client:
        name = "/files/ramp.tif/pixels/0/0/0.png?indexes=1&min=0&max=255&colormap="
        for text in ("viridis", "terrain_r"):
            found, _ = await picture(client, name + text)
            np.testing.assert_array_equal(found[:16, :16, :3].reshape(-1, 3), colormap(text))


def test_colormaps_have_the_colours_of_matplotlib():
    assert colormap("viridis")[[0, 255]].tolist() == [[68, 1, 84], [253, 231, 36]]
    assert colormap("gray")[77].tolist() == [77, 77, 77]
    np.testing.assert_array_equal(colormap("magma_r"), colormap("magma")[::-1])
    assert "terrain" in colormap_names()


async def test_a_level_that_is_chosen_is_shown(smooth):
    path = smooth()
    x, y = web_tile_at(*MIDDLE, 12)
    async with client_of(path) as client:
        found = []
        for z in range(len((await tinycog.open(path)).levels)):
            tile = f"/files/{path.name}/tiles/12/{x}/{y}.png?indexes=1&min=0&max=255&level={z}"
            pixels, level = await picture(client, tile)
            assert level == z
            found.append(pixels)
        assert not np.array_equal(found[0], found[-1])
        coarse, level = await picture(client, f"/files/{path.name}/pixels/0/0/0.png?level=1")
        assert level == 1
        # each pixel of the level is four of the picture
        np.testing.assert_array_equal(coarse[::2, ::2], coarse[1::2, 1::2])
        raw = await tinycog.open(path).read(level=1, window=(0, 0, 128, 128))
        np.testing.assert_array_equal(coarse[::2, ::2, 0], raw.data[0])
        await document(client, f"/files/{path.name}/pixels/0/0/0.png?level=9", 404)


@pytest.mark.parametrize("kind", ["tiles", "pixels"])
async def test_tiles_side_by_side_are_one_picture_and_one_read(smooth, kind):
    path = smooth()
    z, x, y = (12, *web_tile_at(*MIDDLE, 12)) if kind == "tiles" else (0, 0, 0)
    look = "indexes=1&min=0&max=255"
    async with client_of(path) as client:
        base = f"/files/{path.name}"
        begun = (await document(client, f"{base}/view.json"))["requests"]
        whole, level = await picture(client, f"{base}/{kind}/{z}/{x}/{y}/2x2.png?{look}")
        assert whole.shape == (512, 512, 4)
        sent = await document(client, f"{base}/requests.json?after={begun}")
        ranges = sorted((one["start"], one["stop"]) for one in sent["requests"])
        assert len(ranges) <= 2  # a row of stored tiles each
        assert all(one[1] <= other[0] for one, other in pairwise(ranges))  # no byte comes twice
        for col in range(2):
            for row in range(2):
                part = whole[row * 256 : row * 256 + 256, col * 256 : col * 256 + 256]
                name = f"{base}/{kind}/{z}/{x + col}/{y + row}.png?{look}&level={level}"
                one, _ = await picture(client, name)
                far = np.abs(part.astype(int) - one)
                assert far[(part[..., 3] == one[..., 3])].max() <= 1
                assert (part[..., 3] != one[..., 3]).mean() < 0.001
        for size in ("9x8", "0x1", "999x1"):
            await document(client, f"{base}/{kind}/{z}/{x}/{y}/{size}.png", 400)


async def test_three_bands_are_red_green_and_blue():
    path = fixture_path("cog-10-bands-u16")
    raw = (await tinycog.open(path).read([7, 2, 5])).data
    async with client_of(path) as client:
        query = "indexes=7,2,5&min=0,100,0&max=40000,50000,60000"
        found, _ = await picture(client, f"/files/{path.name}/pixels/0/0/0.png?{query}")
    rows, cols = raw.shape[1:]
    for band, low, high in zip(range(3), (0, 100, 0), (40000, 50000, 60000), strict=True):
        part = np.clip((raw[band] / 2 - low / 2) / (high / 2 - low / 2), 0, 1)
        np.testing.assert_array_equal(
            found[:rows, :cols, band], np.floor(part * 255 + 0.5).astype(np.uint8)
        )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("indexes=1,2", "one band or three"),
        ("indexes=x", "whole numbers"),
        ("indexes=-1", "whole numbers"),
        ("indexes=99", "1 to 10"),
        ("min=nan", "numbers"),
        ("min=1,2&indexes=1", "one for each band"),
        ("colormap=nope", "viridis"),
        ("indexes=1,2,3&colormap=viridis", "one band"),
        ("level=1e3", "whole numbers"),
        ("resampling=sinc", "bilinear"),
    ],
)
async def test_a_look_that_makes_no_sense_is_refused(query, words):
    path = fixture_path("cog-10-bands-u16")
    async with client_of(path) as client:
        found = await document(client, f"/files/{path.name}/pixels/0/0/0.png?{query}", 400)
        assert words in found["error"]
        assert "\n" not in found["error"]


async def test_a_tile_that_takes_too_much_is_refused(smooth):
    path = smooth()
    async with client_of(path, limits=Limits(result_bytes=100_000)) as client:
        x, y = web_tile_at(*MIDDLE, 8)
        base = f"/files/{path.name}/tiles"
        await picture(client, f"{base}/8/{x}/{y}.png?indexes=1&min=0&max=255&level=2")
        found = await document(client, f"{base}/8/{x}/{y}.png?indexes=1&min=0&max=255&level=0", 413)
        assert "limit" in found["error"]


# --- what is known of a file ---------------------------------------------------------------------


async def test_values_are_those_stored_at_full_resolution(smooth):
    path = smooth("float32", -9999.0)
    with rasterio.open(path) as source:
        x, y, *_ = transform_points("EPSG:4326", source.crs, [MIDDLE[0]], [MIDDLE[1]])
        row, col = source.index(x[0], y[0])
        (expected,) = next(iter(source.sample([(x[0], y[0])])))
    async with client_of(path) as client:
        base = f"/files/{path.name}/value.json"
        found = await document(client, f"{base}?lng={MIDDLE[0]}&lat={MIDDLE[1]}")
        assert (found["col"], found["row"]) == (col, row)
        assert np.float32(found["values"][0]) == expected
        assert found["valid"] == [True]
        assert await document(client, f"{base}?col={col}&row={row}") == found
        nodata = await document(client, f"{base}?col=10&row=10")
        assert (nodata["values"], nodata["valid"]) == ([-9999], [False])
        for place in ("col=-1&row=0", "col=0&row=600", "lng=0&lat=0"):
            assert (await document(client, f"{base}?{place}"))["inside"] is False
        await document(client, f"{base}?lng=11", 400)
        await document(client, f"{base}?col=inf&row=0", 400)


async def test_values_that_json_has_not_are_texts():
    path = fixture_path("cog-nodata-nan")
    data = (await tinycog.open(path).read()).data[0]
    row, col = np.argwhere(np.isnan(data))[0]
    async with client_of(path) as client:
        found = await document(client, f"/files/{path.name}/value.json?col={col}&row={row}")
    assert (found["values"], found["valid"]) == (["nan"], [False])


async def test_the_page_is_told_what_a_file_is(smooth):
    path = smooth("uint16")
    cog = await tinycog.open(path)
    async with client_of(path) as client:
        listed = await document(client, "/files.json")
        assert listed["files"] == [{"key": path.name, "name": path.name}]
        view = await document(client, f"/files/{path.name}/view.json")
        info = await document(client, f"/files/{path.name}/info.json")
    assert [level["width"] for level in view["levels"]] == [level.width for level in cog.levels]
    assert view["has_colours"] is False
    west, south, east, north = view["place"]["bounds"]
    assert west <= DEGREES[0] <= DEGREES[2] <= east
    assert south <= DEGREES[1] <= DEGREES[3] <= north
    assert info["crs"] == "EPSG:32632"
    assert info["count"] == 1
    assert str(path.parent) not in json.dumps([view, info, listed])


@pytest.mark.parametrize(
    ("name", "words"),
    [("tiled-gcps", "control points"), ("tifffile-jpeg-444", "no coordinate reference system")],
)
async def test_a_file_without_a_place_says_why(name, words):
    path = fixture_path(name)
    async with client_of(path) as client:
        view = await document(client, f"/files/{path.name}/view.json")
        assert view["place"] is None
        assert words in view["why_no_place"]
        found = await document(client, f"/files/{path.name}/tilejson.json", 404)
        assert words in found["error"]


async def test_tile_json_leads_to_tiles(smooth):
    path = smooth()
    async with client_of(path) as client:
        found = await document(
            client, f"/files/{path.name}/tilejson.json?indexes=1&colormap=magma&nope=1"
        )
        (template,) = found["tiles"]
        assert template.endswith("{z}/{x}/{y}.png?indexes=1&colormap=magma")
        zoom = found["minzoom"]
        west, south, east, north = found["bounds"]
        x, y = web_tile_at((west + east) / 2, (south + north) / 2, zoom)
        url = template.replace("{z}", str(zoom)).replace("{x}", str(x)).replace("{y}", str(y))
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_requests_of_a_view_are_told_with_what_they_brought(smooth):
    path = smooth()
    async with client_of(path) as client:
        base = f"/files/{path.name}"
        begun = (await document(client, f"{base}/view.json"))["requests"]
        first = await document(client, f"{base}/requests.json?after=0")
        assert first["requests"][0]["start"] == 0
        assert "header" in first["requests"][0]["what"]
        await picture(client, f"{base}/pixels/0/1/1.png?indexes=1&min=0&max=255&level=0")
        found = await document(client, f"{base}/requests.json?after={begun}")
        assert [one["what"] for one in found["requests"]] == ["pixels of level 0"]
        assert found["next"] == begun + 1
        assert found["bytes"] == sum(one["received"] for one in found["requests"])
        layout = await document(client, f"{base}/layout.json")
        (request,) = found["requests"]
        whole = layout["bars"][0]
        assert (whole["start"], whole["stop"]) == (0, path.stat().st_size)
        places = [
            one
            for one in whole["segments"]
            if one["start"] <= request["start"] and request["stop"] <= one["stop"]
        ]
        assert [one["label"] for one in places] == ["pixels of level 0"]


async def test_outlines_of_stored_tiles_lie_on_the_map(smooth):
    path = smooth()
    cog = await tinycog.open(path)
    async with client_of(path) as client:
        view = "west=10.9&south=45.9&east=11.5&north=46.4"
        found = await document(client, f"/files/{path.name}/grid.json?{view}&level=0")
        down, across = cog.levels[0].grid
        assert len(found["tiles"]) == down * across
        first = next(tile for tile in found["tiles"] if (tile["x"], tile["y"]) == (0, 0))
        with rasterio.open(path) as source:
            xs, ys, *_ = transform_points(
                source.crs, "EPSG:4326", *([value] for value in source.transform * (0, 0))
            )
        assert first["ring"][0] == pytest.approx([ys[0], xs[0]], abs=1e-6)
        small = await document(
            client,
            f"/files/{path.name}/grid.json?west=11.199&south=46.149&east=11.2&north=46.15&level=0",
        )
        assert 0 < len(small["tiles"]) < len(found["tiles"])
        await document(client, f"/files/{path.name}/grid.json?{view}&level=9", 400)


# --- bytes ---------------------------------------------------------------------------------------


async def test_the_bytes_of_a_file_are_served_by_ranges():
    path = fixture_path("cog-deflate-u16-p2")
    data = path.read_bytes()
    async with client_of(path) as client:
        url = f"/data/{path.name}"
        async with client.get(url, headers={"Range": "bytes=10-19"}) as response:
            assert response.status == 206
            assert response.headers["Content-Range"] == f"bytes 10-19/{len(data)}"
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert "Content-Range" in response.headers["Access-Control-Expose-Headers"]
            assert await response.read() == data[10:20]
        async with client.head(url) as response:
            assert int(response.headers["Content-Length"]) == len(data)
            assert response.headers["Accept-Ranges"] == "bytes"
        async with client.get(url, headers={"Range": f"bytes={len(data)}-"}) as response:
            assert response.status == 416
        async with client.options(
            url, headers={"Access-Control-Request-Method": "GET"}
        ) as response:
            assert response.status == 204
            assert "Range" in response.headers["Access-Control-Allow-Headers"]
        async with tinycog.open(str(client.make_url(url))) as cog:
            raster = await cog.read()
    np.testing.assert_array_equal(raster.data, (await tinycog.open(path).read()).data)


async def test_a_compressed_file_beside_is_not_sent_instead(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(fixture_path("cog-one-tile").read_bytes())
    (tmp_path / "a.tif.gz").write_bytes(b"something else")
    async with client_of(path) as client:
        headers = {"Accept-Encoding": "gzip"}
        async with client.get("/data/a.tif", headers=headers) as response:
            assert "Content-Encoding" not in response.headers
            assert await response.read() == path.read_bytes()


async def test_pages_of_others_may_read_if_they_are_named():
    path = fixture_path("cog-one-tile")
    async with client_of(path, origins=("https://one.example",)) as client:
        for origin, allowed in (
            ("https://one.example", "https://one.example"),
            ("https://two.example", None),
        ):
            headers = {"Origin": origin}
            async with client.get(f"/data/{path.name}", headers=headers) as response:
                assert response.headers.get("Access-Control-Allow-Origin") == allowed
    async with client_of(path) as client, client.get("/files.json") as response:
        assert "Access-Control-Allow-Origin" not in response.headers


# --- folders -------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "inside"
    (inside / "deep").mkdir(parents=True)
    (inside / ".hidden").mkdir()
    data = fixture_path("cog-one-tile").read_bytes()
    outside = tmp_path / "secret.tif"
    for path in (
        *(inside / "a.tif", inside / "deep" / "b b.TIFF", inside / ".hidden" / "c.tif"),
        outside,
    ):
        path.write_bytes(data)
    (inside / "notes.txt").write_text("no")
    (inside / "broken.tif").write_text("no")
    (inside / "out.tif").symlink_to(outside)
    (inside / "in.tif").symlink_to(inside / "a.tif")
    (inside / "up").symlink_to(tmp_path)
    return inside


async def test_a_folder_lists_its_tiffs_and_nothing_outside(folder):
    async with client_of(folder) as client:
        found = await document(client, "/files.json")
        names = ["a.tif", "broken.tif", "deep/b b.TIFF", "in.tif"]
        assert sorted(one["key"] for one in found["files"]) == names
        assert found["count"] == len(names)
        await picture(client, "/files/deep/b%20b.TIFF/pixels/0/0/0.png")
        broken = await document(client, "/files/broken.tif/view.json", 422)
        assert "not a TIFF" in broken["error"]
        assert str(folder) not in broken["error"]


@pytest.mark.parametrize(
    "key",
    [
        "out.tif",
        "notes.txt",
        ".hidden/c.tif",
        "up/secret.tif",
        "../secret.tif",
        "%2e%2e/secret.tif",
        "..%2fsecret.tif",
        "deep/../../secret.tif",
        "deep%2f..%2f..%2fsecret.tif",
        "a.tif%00",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "file:%2f%2f%2fetc%2fpasswd",
    ],
)
async def test_paths_out_of_a_folder_are_refused(folder, key):
    from yarl import URL  # noqa: PLC0415 - of aiohttp

    async with client_of(folder) as client:
        for path in (f"/data/{key}", f"/files/{key}/view.json", f"/files/{key}/pixels/0/0/0.png"):
            url = URL(f"{client.make_url('/')}".rstrip("/") + path, encoded=True)
            async with client.session.get(url) as response:
                assert response.status == 404, path
                assert response.content_type == "application/json"


async def test_a_file_that_becomes_a_link_out_of_the_folder_is_refused(folder):
    async with client_of(folder) as client:
        await document(client, "/files.json")
        (folder / "a.tif").unlink()
        (folder / "a.tif").symlink_to(folder.parent / "secret.tif")
        await document(client, "/data/a.tif", 404)
        await document(client, "/files/a.tif/view.json", 404)


async def test_a_large_folder_is_listed_in_part(folder, monkeypatch):
    monkeypatch.setattr(folder_module, "MOST_FILES", 2)
    async with client_of(folder) as client:
        found = await document(client, "/files.json")
    assert len(found["files"]) == 2
    assert found["count"] is None


# --- many files on one map -----------------------------------------------------------------------


@pytest.fixture
async def quarters(tmp_path, smooth):
    """Four files that are one image, one that cannot be read, and one without a place."""
    parts = tmp_path / "parts"
    parts.mkdir()
    cog = await tinycog.open(smooth())
    half = SIZE // 2
    for i, (col, row) in enumerate(((0, 0), (half, 0), (0, half), (half, half))):
        raster = await cog.read(window=(col, row, half, half))
        await tinycog.write(parts / f"{i}.tif", raster)
    (parts / "broken.tif").write_text("no")
    (parts / "plain.tif").write_bytes(fixture_path("tifffile-jpeg-444").read_bytes())
    return parts


async def test_all_files_of_a_folder_are_one_map(quarters, smooth):
    whole = smooth()
    zoom = 12
    x, y = web_tile_at(*MIDDLE, zoom)
    query = "indexes=1&min=0&max=255"
    async with client_of(whole) as client:
        expected, _ = await picture(
            client, f"/files/{whole.name}/tiles/{zoom}/{x}/{y}.png?{query}&level=0"
        )
    async with client_of(quarters) as client:
        await document(client, "/files.json")
        outlines = await document(client, "/footprints.json")
        assert [one["properties"]["name"] for one in outlines["features"]] == [
            f"{i}.tif" for i in range(4)
        ]
        assert [one["name"] for one in outlines["failed"]] == ["broken.tif"]
        assert str(quarters) not in json.dumps(outlines)
        info = await document(client, "/together/info.json")
        assert info["bounds"][0] <= DEGREES[0]
        found, _ = await picture(client, f"/together/tiles/{zoom}/{x}/{y}.png?{query}")
    both = (found[..., 3] == 255) & (expected[..., 3] == 255)
    assert both.sum() > 0.9 * (expected[..., 3] == 255).sum()
    assert np.abs(found[..., 0].astype(int) - expected[..., 0])[both].max() <= 2


async def test_an_index_shows_its_assets(quarters, tmp_path):
    collection = await tinycog.Collection.from_urls([str(quarters / f"{i}.tif") for i in range(4)])
    index = tmp_path / "index.jsonl"
    collection.save(index)
    async with client_of(index) as client:
        found = await document(client, "/files.json")
        assert [(one["key"], one["name"]) for one in found["files"]] == [
            (str(i), str(i)) for i in range(4)
        ]
        view = await document(client, "/files/3/view.json")
        assert view["requests"] == 0  # its header is that of the index
        await picture(client, "/files/3/pixels/0/0/0.png")
        await document(client, "/files/4/view.json", 404)
        await document(client, "/files/-1/view.json", 404)
        await document(client, "/data/3", 404)
        (quarters / "1.tif").write_text("no")
        x, y = web_tile_at(*MIDDLE, 10)
        async with client.get(
            f"/together/tiles/10/{x}/{y}.png?indexes=1&min=0&max=255"
        ) as response:
            assert response.status == 200
            assert "1" in response.headers["Tinycog-Lost"]


# --- safety --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8080", 200),
        ("evil.example", 403),
        ("evil.example:8080", 403),
        ("127.0.0.1.evil.example", 403),
        ("127.0.0.1@evil.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
async def test_on_loopback_only_names_of_this_machine_are_answered(host, status):
    hosts = hosts_for("127.0.0.1")
    async with client_of(fixture_path("cog-one-tile"), hosts=hosts) as client:
        for path in ("/", "/files.json", "/data/cog-one-tile.tif"):
            async with client.get(path, headers={"Host": host}) as response:
                assert response.status == status


def test_names_are_checked_on_loopback_only():
    assert hosts_for("0.0.0.0") is None  # noqa: S104 - no server
    assert hosts_for("192.168.1.2") is None
    assert "127.0.0.1" in (hosts_for("localhost") or ())
    assert "::1" in (hosts_for("::1") or ())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_it_only_reads(method):
    async with client_of(fixture_path("cog-one-tile")) as client:
        for path in ("/", "/files.json", "/data/cog-one-tile.tif", "/nope"):
            async with client.request(method, path, data=b"x") as response:
                assert response.status == 405
                assert response.headers["Allow"].split(",") == ["GET", "HEAD", "OPTIONS"]
                assert "error" in await response.json()


async def test_credentials_of_a_url_are_shown_nowhere():
    data = fixture_path("cog-deflate-u8").read_bytes()
    async with RangeServer({"a.tif": data}) as server:
        url = server.url("a.tif").replace("http://", "http://user:pa55word@") + "?sig=t0psecret"
        async with client_of(url) as client:
            (file,) = (await document(client, "/files.json"))["files"]
            base = f"/files/{file['key']}"
            texts = [json.dumps(file)]
            texts += [
                json.dumps(await document(client, f"{base}/{name}.json"))
                for name in ("view", "info", "tilejson", "requests", "layout")
            ]
            await picture(client, f"{base}/pixels/0/0/0.png")
            texts.append(json.dumps(await document(client, f"/data/{file['key']}", 404)))
    async with client_of(url) as client:  # the server is gone
        texts.append(json.dumps(await document(client, f"{base}/view.json", 502)))
    for text in texts:
        assert "pa55word" not in text
        assert "t0psecret" not in text


async def test_too_many_requests_wait_and_then_are_refused():
    lanes = ReadLanes(2, 3)
    running = most = 0
    free = asyncio.Event()

    async def read():
        nonlocal running, most
        async with lanes.lane():
            running += 1
            most = max(most, running)
            await free.wait()
            running -= 1

    tasks = [asyncio.ensure_future(read()) for _ in range(5)]
    for _ in range(5):
        await asyncio.sleep(0)
    with pytest.raises(web.HTTPServiceUnavailable) as refused:
        async with lanes.lane():
            pass
    assert refused.value.headers["Retry-After"] == "1"
    free.set()
    await asyncio.gather(*tasks)
    assert most == 2


async def test_a_file_that_was_replaced_is_told_and_then_opened_anew(tmp_path):
    path = tmp_path / "a.tif"
    await tinycog.write(path, np.full((1, 300, 300), 10, np.uint8))
    async with client_of(path) as client:
        tile = "/files/a.tif/pixels/0/0/0.png?indexes=1&min=0&max=255"
        found, _ = await picture(client, tile)
        assert set(np.unique(found[..., 0])) == {10}
        other = tmp_path / "b.tif"
        await tinycog.write(other, np.full((1, 320, 300), 20, np.uint8))
        os.utime(other, (1, 1))
        other.replace(path)
        async with client.get("/files/a.tif/pixels/0/1/1.png?indexes=1&min=0&max=255") as response:
            assert response.status in (200, 409)
            if response.status == 200:  # all of it was read with the header
                return
        found, _ = await picture(client, tile)
        assert set(np.unique(found[..., 0])) == {20}


async def test_what_is_not_there_is_told_in_json():
    async with client_of(fixture_path("cog-one-tile")) as client:
        for path in ("/nope", "/static/nope.js", "/static/../secret", "/files/x.tif/view.json"):
            assert "error" in await document(client, path, 404)
        await document(client, "/files/cog-one-tile.tif/tiles/2/9/0.png", 400)
        await document(client, "/files/cog-one-tile.tif/pixels/0/99/0.png", 404)


# --- page and server -----------------------------------------------------------------------------


async def test_the_page_needs_no_other_server():
    async with client_of(fixture_path("cog-one-tile")) as client:
        async with client.get("/") as response:
            assert response.content_type == "text/html"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            page = await response.text()
        for name, kind in TYPES.items():
            async with client.get(f"/static/{name}") as response:
                assert response.status == 200
                assert response.content_type == kind
    assert "://" not in page
    for name in ("viewer.js", "layers.js", "panels.js", "viewer.css"):
        assert b"://" not in read_asset(name)


async def test_it_is_a_part_of_another_application():
    site = web.Application()
    site.add_subapp("/demo/", viewer_app(fixture_path("cog-web-mercator")))
    async with TestClient(TestServer(site)) as client:
        found = await document(client, "/demo/files/cog-web-mercator.tif/tilejson.json")
        assert "/demo/files/cog-web-mercator.tif/tiles/" in found["tiles"][0]
        async with client.get("/demo/static/viewer.js") as response:
            assert response.status == 200


async def test_a_handle_and_a_collection_can_be_shown(quarters):
    cog = tinycog.open(quarters / "0.tif")
    async with client_of(cog) as client:
        await picture(client, "/files/0.tif/pixels/0/0/0.png")
    collection = await tinycog.Collection.from_urls(str(quarters / "1.tif"))
    async with client_of(collection) as client:
        await picture(client, "/files/0/pixels/0/0/0.png")


def test_what_cannot_be_shown_is_told_before_anything_is_served(tmp_path):
    with pytest.raises(NotFoundError, match="no such file or folder"):
        viewer_app(tmp_path / "nope.tif")
    items = tmp_path / "items.json"
    items.write_text("{}")
    with pytest.raises(UsageError, match="tinycog index --stac"):
        viewer_app(items)


async def test_it_listens_at_the_next_free_port_unless_one_is_given():
    path = fixture_path("cog-one-tile")
    async with serving(path) as first, serving(path) as second:
        assert first != second
        async with aiohttp.ClientSession() as session, session.get(second) as response:
            assert response.status == 200
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port}"):
            await serve(path, port=port)


async def test_a_file_that_is_no_tiff_is_told_before_anything_is_served(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(tinycog.NotTiffError):
        await serve(path, port=0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_stopped(number):
    path = fixture_path("cog-one-tile")
    command = [sys.executable, "-m", "tinycog", "serve", str(path), "--port", "0"]
    with subprocess.Popen(  # noqa: S603 - this Python
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().decode().strip()
        assert url.startswith("http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr.read() == b""


def test_a_look_is_read_from_a_query():
    found = Look.of_query({"indexes": "3,2,1", "min": "0", "max": "1,2,3", "level": "2"})
    assert found == Look((3, 2, 1), (0.0,), (1.0, 2.0, 3.0), None, 2)
    assert Look.of_query({}).is_plain
    assert not Look.of_query({"min": "1"}).is_plain


def test_a_web_tile_is_found_by_degrees():
    morecantile = pytest.importorskip("morecantile")
    tms = morecantile.tms.get("WebMercatorQuad")
    for lng, lat, zoom in ((11.2, 46.15, 12), (-179.9, -60, 7), (0.1, 0.1, 3), (25, 84, 5)):
        tile = tms.tile(lng, lat, zoom)
        assert web_tile_at(lng, lat, zoom) == (tile.x, tile.y)
    assert web_tile_at(370.0, 46.15, 9) == web_tile_at(10.0, 46.15, 9)
