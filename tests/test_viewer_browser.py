"""The viewer in a real browser: pictures, bands, values under the pointer, requests of a view."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from affine import Affine
from chromium import find_chromium, open_page

import tinycog
from tinycog.viewer.serve import serving

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed")

SHOWN = "document.body && document.body.dataset.state === 'shown'"
PLACE = {"transform": Affine(10, 0, 632000, 0, -10, 5182000), "crs": "EPSG:32632"}
SIZE = 800


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of three bands in UTM, elevations with nodata, and pixels without a CRS."""
    folder = tmp_path_factory.mktemp("shown")
    rows, cols = np.mgrid[:SIZE, :SIZE]
    heights = (1000 + rows + cols / 4).astype(np.float32)
    heights[:100] = -9999

    async def make():
        bands = np.stack([rows % 256, cols % 256, np.full_like(rows, 80)]).astype(np.uint8)
        await tinycog.write(folder / "rgb.tif", bands, **PLACE)
        await tinycog.write(folder / "dem.tif", heights[None], nodata=-9999, **PLACE)
        await tinycog.write(folder / "plain.tif", rows[None].astype(np.uint16))

    asyncio.run(make())
    return folder


async def colour_at(page, x, y):
    """The colour of the picture at a place of the window, by the tile that lies there."""
    return await page.run(
        f"""(() => {{
          for (const tile of document.querySelectorAll('.leaflet-tile-pane canvas')) {{
            const box = tile.getBoundingClientRect();
            if (box.left <= {x} && {x} < box.right && box.top <= {y} && {y} < box.bottom) {{
              const context = tile.getContext('2d');
              const scale = 256 / box.width;
              const at = [({x} - box.left) * scale, ({y} - box.top) * scale].map(Math.floor);
              return Array.from(context.getImageData(...at, 1, 1).data);
            }}
          }}
          return null;
        }})()"""
    )


async def value_at(page, x, y):
    """What the page says of the pixel under the pointer: [column, row], values."""
    await page.run("document.getElementById('where').textContent = ''")
    await page.move_to(x, y)
    where = await page.wait_for("document.getElementById('where').textContent")
    values = await page.run(
        "Array.from(document.querySelectorAll('#values .value'), (one) => one.textContent)"
    )
    words = where.replace(",", "").replace("·", " ").split()
    place = [int(words[words.index(name) + 1]) for name in ("column", "row")]
    return place, values


async def test_a_file_on_the_map(files):
    async with (
        serving(files / "rgb.tif", port=0) as url,
        open_page(url) as page,
        tinycog.open(files / "rgb.tif") as cog,
    ):
        await page.wait_for(SHOWN)
        assert await page.run("document.getElementById('title').textContent") == "rgb.tif"
        box = json.loads(
            await page.run("JSON.stringify(document.getElementById('map').getBoundingClientRect())")
        )
        x, y = box["width"] / 2, box["height"] / 2
        (col, row), values = await value_at(page, x, y)
        assert abs(col - SIZE / 2) < 40
        assert abs(row - SIZE / 2) < 40
        raw = (await cog.read(window=(col, row, 1, 1))).data[:, 0, 0]
        assert [int(one) for one in values] == raw.tolist()
        colour = await colour_at(page, x, y)
        assert colour is not None
        assert colour[2:] == [80, 255]

        # one band, in a colormap
        await page.choose("bands", "one")
        await page.choose("colormap", "viridis")
        layers = "document.querySelectorAll('.leaflet-tile-pane .leaflet-layer').length"
        await page.wait_for(f"{SHOWN} && {layers} === 1")
        changed = await colour_at(page, x, y)
        assert changed is not None
        assert changed != colour
        assert await page.run("document.getElementById('legend-low').textContent") == "0"

        # what that has cost, and where in the file it lies
        await page.wait_for("document.querySelectorAll('#bars canvas').length > 0")
        cost = await page.wait_for("document.getElementById('cost').textContent")
        assert cost.startswith("This view:")
        assert page.errors == []


HELD = """(() => {
  const ask = window.fetch;
  window.given = 0;
  window.fetch = (url, options) =>
    !url.includes(".png") || url.includes("colormap=viridis")
      ? ask(url, options)
      : new Promise((_, fail) =>
          options.signal.addEventListener("abort", () => {
            window.given += 1;
            fail(new DOMException("given up", "AbortError"));
          }));
})()"""
"""Pictures do not come, but for those in one colormap."""


async def test_a_picture_that_is_overtaken_leaves_nothing_behind(files):
    async with serving(files / "rgb.tif", port=0) as url, open_page(url) as page:
        await page.wait_for(SHOWN)
        await page.run(HELD)
        await page.choose("bands", "one")  # does not come
        await page.choose("colormap", "viridis")
        layers = "document.querySelectorAll('.leaflet-tile-pane .leaflet-layer').length"
        await page.wait_for(f"{SHOWN} && {layers} === 1")
        assert await page.run("window.given") > 0  # nobody waits for it
        assert await page.run("document.getElementById('notice').hidden")
        assert page.errors == []


async def test_a_chosen_level_is_the_one_that_is_shown(files):
    async with serving(files / "rgb.tif", port=0) as url, open_page(url) as page:
        await page.wait_for(SHOWN)
        await page.choose("level", "1")
        said = "document.getElementById('shown').textContent"
        await page.wait_for(f"{said} === 'Shown: level 1, 400 \u00d7 400'")
        await page.choose("level", "0")
        await page.wait_for(f"{said} === 'Shown: level 0, 800 \u00d7 800'")
        await page.run("document.getElementById('grid').click()")
        tiles = "document.querySelectorAll('.leaflet-overlay-pane path').length"
        await page.wait_for(f"{tiles} === 1 + 4")  # the outline of the file, and its tiles
        assert page.errors == []


async def test_elevations_are_stretched_and_nodata_is_not_drawn(files):
    async with serving(files / "dem.tif", port=0) as url, open_page(url) as page:
        await page.wait_for(SHOWN)
        await page.wait_for("document.getElementById('spread').textContent.includes('overview')")
        low = float(await page.run("document.getElementById('min').value"))
        high = float(await page.run("document.getElementById('max').value"))
        assert 1100 < low < high < 2000
        box = json.loads(
            await page.run(
                "JSON.stringify(document.querySelector('.leaflet-overlay-pane path')"
                ".getBoundingClientRect())"
            )
        )
        x, top = box["x"] + box["width"] / 2, box["y"] + box["height"] / 16
        (_, row), values = await value_at(page, x, top)
        assert row < 100
        assert values == ["-9999"]
        nodata = await colour_at(page, x, top)
        assert nodata is None or nodata[3] == 0
        valid = await colour_at(page, x, box["y"] + box["height"] / 2)
        assert valid is not None
        assert valid[3] == 255


async def test_a_file_without_a_crs_is_shown_by_pixels(files):
    async with serving(files / "plain.tif", port=0) as url, open_page(url) as page:
        await page.wait_for(SHOWN)
        assert "no coordinate reference system" in await page.run(
            "document.getElementById('why').textContent"
        )
        (_, row), values = await value_at(page, 400, 300)
        assert values == [str(row)]
        assert page.errors == []


async def test_a_folder_in_a_narrow_window(files):
    async with serving(files, port=0) as url, open_page(url, (420, 800)) as page:
        await page.wait_for(SHOWN)
        names = await page.run(
            "Array.from(document.querySelectorAll('#files button'), (one) => one.textContent)"
        )
        assert names == ["All files on one map", "dem.tif", "plain.tif", "rgb.tif"]
        outlines = "document.querySelectorAll('.leaflet-overlay-pane path').length"
        await page.wait_for(f"{outlines} === 2")
        assert await page.run("document.documentElement.scrollWidth") <= 420
        await page.run("document.querySelectorAll('#files button')[3].click()")
        await page.wait_for("document.getElementById('title').textContent === 'rgb.tif'")
        await page.wait_for(SHOWN)
        assert page.errors == []


async def test_a_file_that_cannot_be_opened_is_told(files, tmp_path):
    (tmp_path / "a.tif").write_bytes((files / "plain.tif").read_bytes())
    (tmp_path / "b.tif").write_text("nothing of this kind, but long enough")
    async with serving(tmp_path, port=0) as url, open_page(url) as page:
        await page.wait_for(SHOWN)
        await page.run("document.querySelectorAll('#files button')[2].click()")
        await page.wait_for("document.getElementById('notice').textContent.includes('not a TIFF')")
        assert page.errors == []
