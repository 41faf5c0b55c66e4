"""rio-tiler's asynchronous reader over tinycog gives what its synchronous one does, by GDAL."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import FILES, fixture_path

import tinycog
from tinycog.testing import RangeServer

pytest.importorskip("async_geotiff", reason="the extra rio-tiler is not installed")
rio_tiler = pytest.importorskip("rio_tiler.io", reason="the extra rio-tiler is not installed")
pytest.importorskip("rio_tiler.experimental", reason="this rio-tiler has no asynchronous reader")

from tinycog.adapters.rio_tiler import Reader  # noqa: E402 - where it can be imported

NAMES = [
    "cog-metadata",
    "cog-alpha-rgba",
    "cog-mask-rgb",
    "cog-nodata-nan",
    "cog-palette",
    "cog-sparse-nodata",
    "cog-one-row",
    "tiled-planar-10-bands",
    "tiled-gray-alpha-u16",
    "tiled-lerc-nan-bands",
    "tiled-f32-bands-p3",
    "tiled-internal-mask",
]

IN_FLOATS = {"nodata_value"}
"""Facts that GDAL tells as floating point, whatever the dtype."""


def same(found: Any, expected: Any) -> None:
    np.testing.assert_array_equal(found.array.data, expected.array.data)
    np.testing.assert_array_equal(found.array.mask, expected.array.mask)
    if expected.alpha_mask is not None:
        np.testing.assert_array_equal(found.alpha_mask, expected.alpha_mask)
    assert found.bounds == pytest.approx(expected.bounds)
    for fact in (
        "crs",
        "band_names",
        "band_descriptions",
        "scales",
        "offsets",
        "dataset_statistics",
    ):
        assert getattr(found, fact) == getattr(expected, fact), fact
    np.testing.assert_equal(found.nodata, expected.nodata)


@pytest.mark.parametrize("name", NAMES)
async def test_previews_and_facts_are_those_of_rio_tiler(name):
    path = fixture_path(name)
    with rio_tiler.Reader(str(path)) as theirs:
        expected = theirs.info().model_dump()
        async with Reader(path) as ours:
            told = (await ours.info()).model_dump()
            assert {key for key in expected if repr(told[key]) != repr(expected[key])} <= IN_FLOATS
            same(await ours.preview(max_size=10_000), theirs.preview(max_size=None))


@pytest.mark.parametrize("name", ["cog-metadata", "cog-alpha-rgba", "cog-mask-rgb"])
async def test_bands_and_parts_in_pixels_of_the_file_are_those_of_rio_tiler(name):
    path = fixture_path(name)
    with rio_tiler.Reader(str(path)) as theirs:
        left, _, _, top = theirs.bounds
        dx, dy = theirs.transform.a, theirs.transform.e
        bounds = (left + 20 * dx, top + 70 * dy, left + 90 * dx, top + 10 * dy)
        options: Any = {"bounds_crs": theirs.crs, "dst_crs": theirs.crs}
        async with Reader(path) as ours:
            same(await ours.part(bounds, **options), theirs.part(bounds, **options))
            bands = (2, 1) if theirs.dataset.count > 1 else (1,)
            found = await ours.part(bounds, indexes=bands, **options)
            same(found, theirs.part(bounds, indexes=bands, **options))
            if name != "cog-alpha-rgba":  # which rio-tiler itself cannot
                found = await ours.part(bounds, unscale=True, **options)
                same(found, theirs.part(bounds, unscale=True, **options))


async def test_tiles_points_features_and_statistics():
    path = fixture_path("cog-metadata")
    with rio_tiler.Reader(str(path)) as theirs:
        async with Reader(path) as ours:
            left, bottom, right, top = theirs.get_geographic_bounds("EPSG:4326")
            x, y = (left + right) / 2, (bottom + top) / 2
            point, expected = await ours.point(x, y), theirs.point(x, y)
            np.testing.assert_array_equal(point.array.data, expected.array.data)
            place = theirs.tms.tile(x, y, ours.maxzoom)
            tile = await ours.tile(place.x, place.y, place.z)
            assert tile.array.shape[1:] == (256, 256)
            assert tile.render(img_format="PNG").startswith(b"\x89PNG")
            ring = [(left, bottom), (x, bottom), (x, y), (left, bottom)]
            shape = {"type": "Polygon", "coordinates": [ring]}
            feature = await ours.feature(shape)
            assert 0 < feature.mask.astype(bool).mean() < 1
            found = await ours.statistics()
            wanted = theirs.statistics()
            assert found["b1"].mean == pytest.approx(wanted["b1"].mean, rel=0.02)


async def test_a_tile_costs_the_requests_of_the_window_and_bands_alone_are_fetched():
    data = (FILES / "tiled-planar-10-bands.tif").read_bytes()
    async with RangeServer({"a.tif": data}) as server:
        async with Reader(server.url("a.tif")) as reader:
            assert len(server.log) == 1
            await reader.preview(indexes=3, max_size=10_000)
        sent = sum(line.sent for line in server.log[1:])
    assert sent < len(data) / 5


async def test_a_handle_given_open_stays_open_and_options_are_those_of_open():
    cog = await tinycog.open(fixture_path("cog-metadata"))
    reader = Reader(cog)
    assert reader.bounds == tuple(cog.bounds)
    async with reader:
        await reader.preview()
    await cog.read_tile(0, 0, 0)
    with pytest.raises(tinycog.SourceChangedError):
        async with Reader(fixture_path("cog-metadata"), pin="another"):
            pass


async def test_a_reader_that_is_not_open_says_what_to_do():
    with pytest.raises(AttributeError, match="async with Reader"):
        await Reader(fixture_path("cog-metadata")).tile(0, 0, 0)


@pytest.mark.parametrize("name", ["tiled-gcps", "tiled-jpeg-cmyk", "cog-rotated"])
async def test_what_rio_tiler_would_misunderstand_is_refused(name):
    with pytest.raises(tinycog.UnsupportedError, match="rio-tiler"):
        async with Reader(fixture_path(name)):
            pass
