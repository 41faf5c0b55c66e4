"""What notebooks show: never an error, never more requests than stated, all text escaped."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from conftest import fixture_path

import tinycog
import tinycog.sync
from tinycog.notebook.card import MOST_BYTES, card, never_fails
from tinycog.notebook.plan_bar import plan_bar
from tinycog.notebook.world_map import world_map
from tinycog.testing import Fault, RangeServer, make_image, make_tiff, serve_in_thread
from tinycog.tiff.ranges import ByteRange

SVG = "{http://www.w3.org/2000/svg}"
PIXELS = np.random.default_rng(0).integers(100, 116, (3, 900, 800), "uint8")


@pytest.fixture(scope="module")
def data() -> bytes:
    """A COG of three levels, in UTM."""
    written = tinycog.sync.write(
        bytes,
        PIXELS,
        crs="EPSG:32633",
        transform=(10, 0, 500000, 0, -10, 5200000),
        blocksize=256,
        descriptions=["<b>red</b>", "green", "blue"],
    )
    assert written.data is not None
    return written.data


def svgs(html: str) -> list[str]:
    return re.findall(r"<svg.*?</svg>", html, re.DOTALL)


def check(html: str) -> str:
    """Check what holds for all that is shown."""
    assert len(html.encode()) <= MOST_BYTES
    assert not re.search(r"<script|<style|\sid=|\son\w+=|url\(#|javascript:", html)
    for drawing in svgs(html):
        fromstring(drawing)  # noqa: S314 - our own
    return html


def shown(value: Any) -> str:
    """Return what a notebook shows of a value, checked."""
    return check(value._repr_html_())


# --- handles -------------------------------------------------------------------------------------


async def test_an_asynchronous_handle_fetches_nothing(data):
    async with RangeServer({"a.tif": data}) as server:
        cog = tinycog.open(server.url("a.tif"))
        assert "not read yet" in shown(cog)
        assert server.log == []
        await cog
        before = len(server.log)
        html = shown(cog)
        assert len(server.log) == before
    assert "800 x 900 pixels, 3 bands of uint8" in html
    assert "EPSG:32633" in html
    assert "&lt;b&gt;red&lt;/b&gt;" in html
    assert "<img" not in html
    assert len(svgs(html)) == 1


def test_a_blocking_handle_that_is_not_open_is_not_opened(data):
    with serve_in_thread({"a.tif": data}) as server:
        html = shown(tinycog.sync.open(server.url("a.tif")))
        assert server.log == []
    assert "not read yet" in html


def test_a_blocking_handle_shows_a_thumbnail_for_one_request(data):
    with serve_in_thread({"a.tif": data}) as server:
        cog = tinycog.sync.open(server.url("a.tif"))
        assert cog.count == 3
        before = len(server.log)
        html = shown(cog)
        assert len(server.log) - before <= 2
    assert "data:image/png;base64," in html
    assert re.search(r"level \d, \d+ x \d+", html)


def test_a_thumbnail_that_takes_more_is_not_fetched():
    pixels = np.random.default_rng(0).integers(0, 65535, (1, 600, 600), "uint16")
    large = make_tiff([make_image(pixels, tile=(256, 256))])
    many = make_tiff([make_image(pixels, tile=(64, 64))])
    for data, why in ((large, "preview() takes"), (many, "the smallest level has 100 tiles")):
        with serve_in_thread({"a.tif": data}) as server:
            cog = tinycog.sync.open(server.url("a.tif"))
            assert cog.count == 1
            before = len(server.log)
            html = shown(cog)
            assert len(server.log) == before
        assert why in html
        assert "<img" not in html


def test_a_thumbnail_that_cannot_be_read_leaves_the_facts(data):
    with serve_in_thread({"a.tif": data}) as server:
        cog = tinycog.sync.open(server.url("a.tif"))
        assert cog.count == 3
        server.script(*[Fault.status(403)] * 9)
        html = shown(cog)
    assert "no picture: " in html
    assert "EPSG:32633" in html


def test_no_credential_is_shown(data):
    with serve_in_thread({"a.tif": data}) as server:
        url = server.url("a.tif").replace("http://", "http://user:hidden@") + "?sig=hidden"
        cog = tinycog.sync.open(url)
        assert "hidden" not in shown(cog)
        assert cog.count == 3
        assert "hidden" not in shown(cog)


@pytest.mark.parametrize("name", ["cog-metadata", "cog-sparse", "cog-palette"])
def test_fixtures_are_shown(name):
    cog = tinycog.sync.open(fixture_path(name))
    assert cog.levels
    assert str(cog.width) in shown(cog)
    shown(cog.preview(100))


def test_several_files_are_shown(data, tmp_path):
    path = tmp_path / "<i>a.tif"
    path.write_bytes(data)
    mosaic = tinycog.sync.mosaic([path])
    assert "not open yet" in shown(mosaic)
    assert mosaic.count == 3
    html = shown(mosaic)
    assert "800 x 900 pixels" in html
    assert "&lt;i&gt;a.tif" in html
    report = shown(tinycog.sync.validate(path))
    assert "✔ pass" in report
    plan = tinycog.sync.write(tmp_path / "b.tif", PIXELS, plan=True)
    assert "levels 800 x 900" in shown(plan)


def test_a_collection_is_shown_on_a_map():
    geometry = {"type": "Polygon", "coordinates": [[(9, 47), (10, 47), (10, 48), (9, 47)]]}
    assets = [
        tinycog.Asset(f"<b>{i}</b>", f"/data/{i}.tif", geometry=geometry, shape=(10, 10))
        for i in range(30)
    ]
    html = shown(tinycog.Collection(assets))

    assert "Collection of 30 assets" in html
    assert "&lt;b&gt;0&lt;/b&gt;" in html
    assert "and 10 more" in html
    assert len(svgs(html)) == 1


# --- rasters -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "complex64", "int8"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1500, 700), (5, 3, 2000)])
def test_a_raster_of_noise_is_small(dtype, shape):
    data = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    raster = tinycog.Raster(data, 0, tinycog.Window(0, 0, shape[2], shape[1]), None)

    assert "data:image/png" in shown(raster)


def test_a_raster_without_pixels_or_numbers_is_shown():
    empty = tinycog.Raster(np.zeros((1, 0, 4)), 0, tinycog.Window(0, 0, 4, 0), None)
    nothing = tinycog.Raster(np.full((1, 4, 4), np.nan), 0, tinycog.Window(0, 0, 4, 4), None)

    assert "(1, 0, 4)" in shown(empty)
    assert "data:image/png" in shown(nothing)


# --- plans ---------------------------------------------------------------------------------------


async def test_a_plan_is_drawn_over_the_bytes_of_the_file(data):
    cog = tinycog.open(data)
    plan = await cog.plan(window=(0, 0, 256, 256))
    (drawing,) = svgs(shown(plan))
    titles = [one.text or "" for one in fromstring(drawing).iter(f"{SVG}title")]  # noqa: S314 - our own

    assert plan.file_size == len(data)
    (request,) = plan.requests
    assert f"1 request: bytes {request.start:,} to {request.stop:,}" in titles[0]


def test_a_plan_is_to_scale():
    root = fromstring(plan_bar([ByteRange(0, 500), ByteRange(750, 1000)], 1000))  # noqa: S314 - our own
    parts = [one for one in root.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]
    widths = [float(one.get("width", 0)) for one in parts]

    assert widths[0] == pytest.approx(2 * widths[1])


def test_a_plan_of_many_requests_is_small():
    requests = [ByteRange(i * 1000, i * 1000 + 10) for i in range(50_000)]
    plan = tinycog.Plan(tuple(requests), (), 0, file_size=10**12)

    assert "50,000" in shown(plan)


def test_a_plan_without_a_size_or_requests_is_a_table():
    for plan in (tinycog.Plan((), (), 0), tinycog.Plan((ByteRange(0, 9),), ((0, 0, 0),), 9)):
        assert svgs(shown(plan)) == []


# --- whatever is shown ---------------------------------------------------------------------------


def test_what_cannot_be_shown_says_why():
    def fail() -> str:
        raise ValueError("<no>")

    html = check(never_fails(3, fail))
    assert "ValueError: &lt;no&gt;" in html


def test_text_of_any_length_and_kind_stays_text():
    hostile = "<svg onload=alert(1)>" + "\x00\x1b[31m\u202e" + "x" * 1_000_000
    html = card(hostile, {hostile: hostile, **{str(i): hostile for i in range(1000)}}, note=hostile)

    assert len(html.encode()) <= MOST_BYTES
    assert "<svg" not in html
    assert not re.search("[\x00\x1b\u202e]", html)


def test_a_picture_that_is_too_large_is_left_out():
    html = card("t", {"a": 1}, png=b"x" * MOST_BYTES)

    assert "too large" in check(html)


def test_geometries_without_an_area_draw_nothing():
    for geometry in ({}, {"type": "Point", "coordinates": [0, 0]}, {"type": "MultiPolygon"}):
        fromstring(world_map([{**geometry, "coordinates": geometry.get("coordinates", [])}]))  # noqa: S314 - our own


def test_none_of_it_is_loaded_before_it_is_shown():
    code = (
        "import sys, tinycog, tinycog.sync\n"
        "print([name for name in sys.modules if 'notebook' in name or name == 'html'])"
    )
    done = subprocess.run(  # noqa: S603 - of this process
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
