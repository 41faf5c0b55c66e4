"""Stacks of a geometry, and padded ones: pixels outside are not valid, and counted as outside."""

# pyright: reportArgumentType=false
from __future__ import annotations

import asyncio
import pickle
from typing import Any

import numpy as np
import pytest
from test_stack import CRS, check, cog_of, indexed, moved, pixels_of, planned, scenes, sent

import tinycog
from tinycog.testing import RangeServer

LEFT, TOP = 500_000, 5_000_000


def polygon(*corners: tuple[float, float]) -> dict[str, Any]:
    """Return GeoJSON of a polygon whose corners are (col, row) of the scenes."""
    ring = [(LEFT + col * 10, TOP - row * 10) for col, row in corners]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


TRIANGLE = polygon((10, 10), (110, 10), (110, 10.2), (10.2, 110), (10, 110))
"""Its longest side goes through no centre of a pixel."""


def inside_triangle(rows: int = 100, cols: int = 100) -> np.ndarray:
    """Return which pixels of its bounds have their centres in it."""
    row, col = np.mgrid[:rows, :cols] + 0.5
    return (row + col) <= 100


async def test_a_geometry_says_grid_and_pixels():
    files, pixels = await scenes(3)
    async with RangeServer(files) as server:
        stack = await (await indexed(server, files)).stack(geometry=TRIANGLE)
        assert stack.transform == moved(10, 10)
        assert stack.shape == (3, 1, 100, 100)
        plan = await stack.plan()
        raster = await stack.read()
        assert sent(server) == planned(plan)
        # of 4 x 4 tiles of 32 pixels, those that hold a pixel of the triangle
        assert len(plan.tiles) == 3 * 10
        inside = inside_triangle()
        for one, expected in zip(raster.data, pixels, strict=True):
            assert np.array_equal(one[0], np.where(inside, expected[0, 10:110, 10:110], 0))
        check(raster)
        assert [account.outside for account in raster.accounts] == [int((~inside).sum())] * 3
        steps = list(raster.steps)
        async for piece in stack.iter_pieces(max_bytes=100_000):
            (col, row, width, height), first = piece.window, steps.index(piece.steps[0])
            some = raster.data[first : first + len(piece.steps)]
            assert np.array_equal(piece.data, some[..., row : row + height, col : col + width])
            check(piece)


async def test_a_geometry_of_another_crs_is_that_of_one_read():
    files, _ = await scenes(2)
    pyproj = pytest.importorskip("pyproj")
    into = pyproj.Transformer.from_crs(CRS, 4326, always_xy=True)
    ring = [
        into.transform(LEFT + col * 10, TOP - row * 10)
        for col, row in ((20, 5), (90, 50), (30, 99))
    ]
    shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        stack = await collection.stack(geometry=shape, bounds_crs="EPSG:4326", all_touched=True)
        raster = await stack.read()
        cog = tinycog.open(server.url("001.tif"))
        alone = await cog.read(geometry=shape, crs="EPSG:4326", all_touched=True)
        assert raster.transform == alone.transform
        assert np.array_equal(raster.data[1], np.where(alone.mask, alone.data, 0))
        assert np.array_equal(raster.mask[1], alone.mask)
        assert raster.accounts[1] == alone.account


async def test_a_geometry_limits_a_grid_that_is_given():
    """Warped files, too; what no file has inside is a gap, and outside of the geometry outside."""
    files = {"a.tif": await cog_of(pixels_of(0)), "b.tif": await cog_of(pixels_of(1), moved(64))}
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        whole = await (await collection.stack(bounds=(LEFT, TOP - 1280, LEFT + 1920, TOP))).read()
        stack = await collection.stack(
            bounds=(LEFT, TOP - 1280, LEFT + 1920, TOP), geometry=TRIANGLE
        )
        raster = await stack.read()
        inside = np.zeros((128, 192), bool)
        inside[10:110, 10:110] = inside_triangle()
        assert np.array_equal(raster.data, np.where(inside, whole.data, 0))
        check(raster)
        assert {account.outside for account in raster.accounts} == {int((~inside).sum())}
        assert raster.accounts[1].gap == int(inside[:, :64].sum())
        fine = await (await collection.stack(geometry=TRIANGLE, res=5)).read()
        same = await (await collection.stack(bounds=bounds_of(TRIANGLE), res=5)).read()
        row, col = np.mgrid[:200, :200] + 0.5
        assert np.array_equal(fine.data, np.where(row + col <= 200, same.data, 0))
        check(fine)
        with pytest.raises(tinycog.UsageError, match="lies outside of the grid"):
            await collection.stack(
                bounds=(LEFT, TOP - 100, LEFT + 100, TOP),
                geometry=polygon((90, 90), (99, 90), (90, 99)),
            )


def bounds_of(shape: dict[str, Any]) -> tuple[float, ...]:
    xs, ys = zip(*shape["coordinates"][0], strict=True)
    return min(xs), min(ys), max(xs), max(ys)


async def test_files_that_a_geometry_does_not_meet_are_not_opened():
    files = {f"{n}.tif": await cog_of(pixels_of(n), moved(128 * n)) for n in range(4)}
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        small = polygon((130, 10), (140, 10), (130, 20))
        raster = await (await collection.stack(geometry=small)).read()
        assert {path for path, _, _ in sent(server)} == {"1.tif"}
        assert raster.shape[0] == 1


async def test_a_stack_is_padded_for_models():
    files, pixels = await scenes(2)
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        bounds = (LEFT, TOP - 500, LEFT + 450, TOP)
        stack = await collection.stack(bounds=bounds, pad_to=16)
        assert stack.shape == (2, 1, 64, 48)
        raster = await stack.read()
        for n, one in enumerate(raster.data):
            assert np.array_equal(one[0, :50, :45], pixels[n][0, :50, :45])
            assert not one[0, 50:].any()
            assert not one[0, :, 45:].any()
        assert not raster.mask[:, 50:].any()
        assert {one.outside for one in raster.accounts} == {64 * 48 - 50 * 45}
        check(raster)
        again = pickle.loads(pickle.dumps(await collection.stack(geometry=TRIANGLE, pad_to=64)))  # noqa: S301 - our own
        assert again.shape == (2, 1, 128, 128)
        whole = await collection.stack(pad_to=8)
        assert whole.shape == (2, 1, 128, 128)


async def test_what_makes_no_sense_is_told():
    files, _ = await scenes(1)
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        for options, text in (
            ({"all_touched": True}, "all_touched"),
            ({"pad_to": 0}, "pad_to"),
            ({"geometry": {"type": "Point", "coordinates": [1, 2]}}, "geometry"),
            ({"bounds_crs": 4326}, "bounds_crs"),
        ):
            with pytest.raises(tinycog.UsageError, match=text):
                collection.stack(**options)


async def test_xarray_has_nan_outside_of_a_geometry():
    pytest.importorskip("xarray")
    files, pixels = await scenes(2)
    async with RangeServer(files) as server:
        stack = await (await indexed(server, files)).stack(geometry=TRIANGLE)
        array = await stack.to_xarray()
        inside = inside_triangle()
        found = await asyncio.to_thread(lambda: array[1, 0, 20:60, 20:90].values)
        part = inside[20:60, 20:90]
        assert np.isnan(found[~part]).all()
        assert np.array_equal(found[part], pixels[1][0, 30:70, 30:100][part])
