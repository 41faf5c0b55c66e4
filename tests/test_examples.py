"""The programs of `examples/` run, against a server on this machine."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from conftest import fixture_path

import tinycog.sync
from tinycog.testing import RangeServer, serve_in_thread

EXAMPLES = Path(__file__).parent.parent / "examples"
SERVED = {"a.tif": fixture_path("cog-metadata"), "b.tif": fixture_path("cog-alpha-rgba")}

RASTERIO = "-W", "ignore:Use `@` matmul:PendingDeprecationWarning"
"""Rasterio 1.4 multiplies by what affine 3 warns of."""

NEEDED = {
    "tile_server": ("fastapi", "httpx", "pyproj"),
    "rio_tiler_reader": ("rio_tiler", "async_geotiff"),
    "dask_mean": ("xarray", "dask"),
    "stac_assets": ("pyproj",),
    "index_files": ("pyproj",),
}
"""Packages that an example needs beside tinycog's own."""


def need(name: str) -> None:
    missing = [package for package in NEEDED.get(name, ()) if find_spec(package) is None]
    if missing:
        pytest.skip(f"examples/{name}.py needs {', '.join(missing)}")


def run(name: str, *arguments: str) -> str:
    """Run an example as users do; return what it prints."""
    need(name)
    command = [sys.executable, "-W", "error", *RASTERIO, str(EXAMPLES / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)  # noqa: S603 - our own
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def server():
    with serve_in_thread(SERVED) as server:
        yield server


def test_the_list_of_examples_is_that_of_the_folder():
    listed = re.findall(r"^\| `(\w+)\.py", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


def test_one_tile(server: RangeServer):
    printed = run("one_tile", server.url("a.tif"))
    assert printed.startswith("level ")
    assert printed.count("bytes ") == len(server.log)


def test_a_plan_equals_what_is_sent(server: RangeServer):
    planned, sent = run("plan", server.url("a.tif")).splitlines()
    assert planned.split(":")[1].strip() == sent.split(":")[1].strip()


def test_workers_of_a_dataset_send_no_request_for_the_header(server: RangeServer):
    server.clear()
    printed = run("dataset_with_workers", server.url("a.tif"))
    assert re.fullmatch(r"\d+ tiles, mean [\d.-]+\n", printed)
    assert sum(line.start == 0 for line in server.log) == 1


def test_a_cog_is_written(tmp_path):
    printed = run("write_cog").splitlines()
    assert printed[0] == "1 pass over the source, by the source's own order"
    assert printed[-1].endswith("mean height 274")
    assert run("write_cog", str(tmp_path / "a.tif")).splitlines()[-1] == printed[-1]


def test_rio_tiler(server: RangeServer):
    assert "bytes of PNG" in run("rio_tiler_reader", server.url("a.tif"))


def test_the_mean_by_dask():
    if not entry_points(group="xarray.backends", name="tinycog"):
        pytest.skip("tinycog is not installed, so that xarray does not know its engine")
    printed = run("dask_mean").splitlines()
    assert printed[1] == "mean 3071.5"  # of a ramp from 2048 to 4095
    assert re.fullmatch(r"9 requests, \d+ bytes", printed[2])  # the header, and each row of tiles


def test_the_assets_of_a_stac_item(server: RangeServer, tmp_path: Path):
    need("stac_assets")
    with tinycog.sync.open(fixture_path("cog-metadata")) as cog:
        lng, lat = cog.lnglat()
    bbox = [lng - 0.005, lat - 0.005, lng + 0.005, lat + 0.005]
    assets = {
        name: {"href": server.url(f"{name}.tif"), "type": "image/tiff; application=geotiff"}
        for name in ("a", "b")
    }
    text = {"href": server.url("a.txt"), "type": "text/plain"}
    path = tmp_path / "item.json"
    path.write_text(json.dumps({"bbox": bbox, "assets": {**assets, "text": text}}))
    assert len(run("stac_assets", str(path)).splitlines()) == 2


async def test_a_tile_server(server: RangeServer):
    need("tile_server")
    import httpx  # noqa: PLC0415 - if it is there

    spec = spec_from_file_location("tile_server", EXAMPLES / "tile_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    app = module.make_app(server.url("a.tif"))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tiles") as client,
    ):
        lng, lat = (await client.get("/info")).json()["lnglat"]
        tiles = 1 << 12
        x = int((lng + 180) / 360 * tiles)
        y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * tiles)
        found = await client.get(f"/tiles/12/{x}/{y}.png")
        raster = await tinycog.open(server.url("a.tif")).read_web_tile(
            12, x, y, resampling="bilinear"
        )
        assert (found.status_code, found.content) == (200, raster.to_png())
        assert (await client.get("/tiles/3/0/99.png")).status_code in (400, 404)


def test_an_index_of_files_is_read_from(server):
    output = run("index_files", server.url("a.tif"), server.url("b.tif"), server.url("no.tif"))
    assert "left out: asset 'no'" in output
    assert "2 headers are kept" in output
    assert re.search(r"^a: \(\d+, \d+, \d+\), [12] requests$", output, re.MULTILINE)
