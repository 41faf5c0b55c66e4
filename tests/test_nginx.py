"""A COG that nginx serves: every source's suite, what reads cost, an object that is replaced."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import fixture_path
from store_servers import free_port, running

import tinycog
from tinycog.sources.factory import make_source
from tinycog.testing import SourceSuite, make_pyramid, make_tiff

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
PIXELS = np.arange(512 * 512, dtype=np.uint16).reshape(1, 512, 512)
DATA = make_tiff(make_pyramid(PIXELS, (2,), tile=(64, 64)))

CONFIGURATION = """
daemon off; pid {folder}/pid; error_log {folder}/errors; worker_processes 1; {user}
events {{}}
http {{
    log_format ranges '$request_method $status $uri'; access_log {folder}/log ranges;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi; sendfile on; keepalive_requests 1000;
    gzip on; gzip_types *; gzip_min_length 1;
    server {{
        listen 127.0.0.1:{port}; root {folder}/files;
        location /open/ {{
            gzip off; types {{ image/tiff tif; }}
            add_header Access-Control-Allow-Origin * always;
            add_header Access-Control-Allow-Headers Range always;
            add_header Access-Control-Expose-Headers "Content-Range, ETag" always;
            add_header Cache-Control "public, max-age=86400";
            if ($request_method = OPTIONS) {{ return 204; }}
        }}
    }}
}}
"""
"""It compresses what it may, as many do: a range that is compressed would be other bytes. What lies
in open/ is as `tinycog.validate` advises."""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder that is served, and its url."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    (folder / "files").mkdir()
    for path in (folder, *folder.parents[:2], folder / "files"):
        path.chmod(0o755)
    user = "user root;" if os.geteuid() == 0 else ""
    text = CONFIGURATION.format(folder=folder, port=port, user=user)
    (folder / "nginx.conf").write_text(text)
    with running([NGINX, "-c", str(folder / "nginx.conf")], port):
        yield folder / "files", f"http://127.0.0.1:{port}"


def replace(path: Path, data: bytes) -> None:
    """Put other bytes in place of a file, and a later time: its ETag is of seconds."""
    kept = path.stat().st_mtime if path.exists() else time.time() - 1000
    path.with_suffix(".new").write_bytes(data)
    os.utime(path.with_suffix(".new"), (kept + 10, kept + 10))
    path.with_suffix(".new").replace(path)


class TestNginx(SourceSuite):
    @pytest.fixture(autouse=True)
    def server(self, nginx):
        self.folder, self.url = nginx

    def make(self, data):
        replace(self.folder / "a.tif", data)
        return make_source(f"{self.url}/a.tif")

    def make_missing(self):
        return f"{self.url}/no.tif"


async def test_a_cold_tile_costs_two_requests_and_a_window_those_of_its_plan(nginx):
    folder, url = nginx
    replace(folder / "b.tif", DATA)
    async with tinycog.open(f"{url}/b.tif") as cog:
        tile = await cog.read_tile(0, 3, 2)
        np.testing.assert_array_equal(tile.data, PIXELS[:, 128:192, 192:256])
        assert len(cog.requests) == 2
        before, window = len(cog.requests), (10, 20, 400, 300)
        plan = await cog.plan(window=window)
        raster = await cog.read(window=window)
        np.testing.assert_array_equal(raster.data, PIXELS[:, 20:320, 10:410])
        assert len(cog.requests) - before == len(plan.requests)
    log = (folder.parent / "log").read_text().splitlines()
    assert {line for line in log if "b.tif" in line} == {"GET 206 /b.tif"}


async def test_an_object_that_is_replaced_is_never_mixed(nginx):
    folder, url = nginx
    replace(folder / "c.tif", DATA)
    async with tinycog.open(f"{url}/c.tif") as cog:
        await cog.read_tile(0, 0, 0)
        replace(folder / "c.tif", make_tiff(make_pyramid(PIXELS + 1, (2,), tile=(64, 64))))
        with pytest.raises(tinycog.SourceChangedError):
            await cog.read()
    async with tinycog.open(f"{url}/c.tif") as cog:
        np.testing.assert_array_equal((await cog.read()).data, PIXELS + 1)


@pytest.mark.parametrize("name", ["cog-mask-rgb", "cog-metadata", "tiled-planar-10-bands"])
async def test_pixels_are_those_of_the_file(nginx, name):
    folder, url = nginx
    replace(folder / f"{name}.tif", fixture_path(name).read_bytes())
    expected = await (await tinycog.open(fixture_path(name))).read(masked=True)
    async with tinycog.open(f"{url}/{name}.tif") as cog:
        raster = await cog.read(masked=True)
    np.testing.assert_array_equal(raster.data, expected.data)
    np.testing.assert_array_equal(raster.mask, expected.mask)


async def test_a_server_that_compresses_and_has_no_cors_is_found(nginx):
    folder, url = nginx
    replace(folder / "d.tif", DATA)
    report = await tinycog.validate(f"{url}/d.tif", "http")
    errors = {one.rule for one in report.findings if one.severity == "error"}
    assert errors == {
        "http/compression",
        "http/cors-origin",
        "http/cors-preflight",
        "/req/http-range/https-headers",
    }


async def test_a_server_as_it_is_advised_breaks_no_rule(nginx):
    folder, url = nginx
    (folder / "open").mkdir(mode=0o755)
    replace(folder / "open" / "e.tif", DATA)
    report = await tinycog.validate(f"{url}/open/e.tif", "tiff", http=True, strict=True)
    assert report.passed, str(report)
    log = (folder.parent / "log").read_text().splitlines()
    assert len([line for line in log if "e.tif" in line]) == 8 + 1
    notes = [one.rule for one in report.findings]
    assert notes == ["/rec/media-type/media-type"]  # it does give multipart, if asked for two
