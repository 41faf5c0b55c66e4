"""Many files, step by step in time: what a stack reads is what each file has on its grid."""

# pyright: reportArgumentType=false, reportReturnType=false
from __future__ import annotations

import asyncio
import os
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine

import tinycog
import tinycog.sync
from tinycog.testing import Fault, RangeServer

TRANSFORM = Affine(10, 0, 500_000, 0, -10, 5_000_000)
CRS = "EPSG:32632"
SIDE = 128
DAYS = [f"2024-05-{day:02}T10:00:00Z" for day in range(1, 29)]


def pixels_of(n: int, bands: int = 1, side: int = SIDE) -> np.ndarray:
    """Return pixels of scene n: those of no other, some of them 0."""
    values = np.arange(bands * side * side).reshape(bands, side, side)
    return ((values * 7 + n * 4999) % 60_000).astype(np.uint16)


async def cog_of(pixels: np.ndarray, transform: Affine = TRANSFORM, **options: Any) -> bytes:
    """Write a COG in tiles of 32 x 32."""
    options = {"crs": CRS, "blocksize": 32, "overviews": [2], "nodata": 0} | options
    written = await tinycog.write(bytes, pixels, transform=transform, **options)
    assert written.data is not None
    return written.data


def moved(cols: float, rows: float = 0) -> Affine:
    return TRANSFORM @ Affine.translation(cols, rows)


async def scenes(count: int) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return files of scenes of one grid, and their pixels."""
    pixels = [pixels_of(n) for n in range(count)]
    return {f"{n:03}.tif": await cog_of(one) for n, one in enumerate(pixels)}, pixels


async def indexed(server: RangeServer, names: Any, **options: Any) -> tinycog.Collection:
    """Index files, a day each, unless times are given."""
    urls = [server.url(name) for name in names]
    options.setdefault("times", DAYS[: len(urls)])
    found = await tinycog.Collection.from_urls(urls, **options)
    server.log.clear()
    return found


def sent(server: RangeServer) -> list[tuple[str, int, int]]:
    return sorted((line.path, line.start, line.stop) for line in server.log)


def planned(plan: tinycog.Plan) -> list[tuple[str, int, int]]:
    return sorted(
        (name.rpartition("/")[2], *part) for name, parts in plan.beside.items() for part in parts
    )


def check(raster: tinycog.StackRaster) -> None:
    """Fail unless pixels are accounted for, step by step and band by band."""
    steps, bands, rows, cols = raster.shape
    assert len(raster.accounts) == len(raster.steps) == steps
    for account, mask in zip(raster.accounts, raster.mask, strict=True):
        assert account.asked == rows * cols == sum(account[1:])
        assert account.valid == mask.sum()
    for of_step, masks in zip(raster.band_accounts, raster.band_masks, strict=True):
        assert len(of_step) == bands
        for account, mask in zip(of_step, masks, strict=True):
            assert account.asked == rows * cols == sum(account[1:])
            assert account.valid == mask.sum()
    fill = 0 if raster.nodata is None else raster.nodata
    assert np.array_equal(
        raster.data[~raster.band_masks], np.full((~raster.band_masks).sum(), fill, raster.dtype)
    )


# --- requests ------------------------------------------------------------------------------------


async def test_a_stack_of_an_index_costs_the_tiles_that_it_needs_and_no_header():
    """Of 100 scenes; steps come by time, whatever the order of the assets."""
    some, _ = await scenes(4)
    files = {f"{n:03}.tif": some[f"{n % 4:03}.tif"] for n in range(100)}
    times = [np.datetime64("2024-01-01") + np.timedelta64(99 - n, "D") for n in range(100)]
    async with RangeServer(files) as server:
        collection = await indexed(server, files, times=times)
        stack = collection.stack(bounds=(500_100, 4_999_400, 500_700, 4_999_900))
        await stack
        assert not server.log
        assert stack.shape == (100, 1, 50, 60)
        plan = await stack.plan()
        assert not server.log
        raster = await stack.read()
        # rows 10 to 60, columns 10 to 70: 2 x 3 small tiles, near enough for a single request
        assert len(server.log) == 100
        assert len(plan.tiles) == 600
        assert sent(server) == planned(plan)
        assert raster.times.tolist() == sorted(raster.times.tolist())
        for n in range(100):
            expected = pixels_of((99 - n) % 4)[:, 10:60, 10:70]
            assert np.array_equal(raster.data[n], expected)
        check(raster)
        await stack.aclose()


async def test_near_rows_of_tiles_are_one_request_of_each_file_for_twice_the_bytes_at_most():
    """A request for each row is what a handle of one file sends, which reads no such gap."""
    rng = np.random.default_rng(1)
    pixels = [rng.integers(1, 60_000, (1, SIDE, SIDE)).astype(np.uint16) for _ in range(8)]
    files = {f"{n}.tif": await cog_of(one) for n, one in enumerate(pixels)}
    async with RangeServer(files, latency=0.02) as server:
        collection = await indexed(server, files)
        for cols, requests in ((96, 8), (64, 8), (32, 32)):  # of 4 tiles in a row: 3, 2, 1
            bounds = (500_000, 5_000_000 - 10 * SIDE, 500_000 + 10 * cols, 5_000_000)
            async with collection.stack(bounds=bounds) as stack:
                plan = await stack.plan()
                raster = await stack.read()
            assert sent(server) == planned(plan)
            assert len(server.log) == requests
            assert plan.wanted <= plan.bytes <= 2 * plan.wanted
            assert np.array_equal(raster.data, np.array(pixels)[..., :cols])
            server.log.clear()
        async with collection[0].open() as cog:
            await cog.read(window=(0, 0, 96, SIDE))
            assert len(server.log) == 4


async def test_a_part_of_a_stack_is_read_alone():
    files, pixels = await scenes(5)
    async with RangeServer(files) as server:
        stack = await (await indexed(server, files)).stack()
        plan = await stack.plan(steps=slice(1, 3), window=(33, 0, 20, 10))
        raster = await stack.read(steps=slice(1, 3), window=(33, 0, 20, 10))
        assert sent(server) == planned(plan)
        assert {path for path, _, _ in sent(server)} == {"001.tif", "002.tif"}
        assert raster.transform == moved(33)
        for n, one in enumerate(raster.data):
            assert np.array_equal(one, pixels[1 + n][:, :10, 33:53])
        assert np.array_equal((await stack.read(steps=[-1])).data[0], pixels[4])
        for wrong in ({"steps": 5}, {"bands": "red"}, {"bands": 1}, {"window": (0, 0, 129, 1)}):
            with pytest.raises(tinycog.UsageError):
                await stack.read(**wrong)
        with pytest.raises(tinycog.LimitError):
            await stack.read(max_bytes=1000)


async def test_a_stack_pickles_with_its_headers():
    files, pixels = await scenes(3)
    async with RangeServer(files) as server:
        stack = await (await indexed(server, files)).stack(res=10)
        again = pickle.loads(pickle.dumps(stack))  # noqa: S301 - our own
        assert again.shape == stack.shape
        assert not server.log
        raster = await again.read()
        assert len(server.log) == sum(map(len, (await stack.plan()).beside.values()))
        assert np.array_equal(raster.data, np.array(pixels))


@pytest.mark.parametrize("split", ["area", "time"])
async def test_pieces_are_the_whole_and_no_tile_is_read_twice(split: Any):
    """Under a budget; with a grid whose edges are none of the tiles."""
    files, pixels = await scenes(6)
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        stack = await collection.stack(bounds=(500_050, 4_998_800, 501_200, 4_999_950))
        whole = np.array(pixels)[:, :, 5:120, 5:120]
        found = np.zeros(whole.shape, whole.dtype)
        count = 0
        async for piece in stack.iter_pieces(max_bytes=2 * 60_000, split=split):
            assert piece.data.nbytes + piece.band_masks.nbytes + piece.mask.nbytes <= 60_000
            first = stack.steps.index(piece.steps[0])
            col, row, width, height = piece.window
            assert piece.transform == stack.transform @ Affine.translation(col, row)
            found[first : first + len(piece), :, row : row + height, col : col + width] = piece.data
            count += 1
            check(piece)
        assert count > 1
        assert np.array_equal(found, whole)
        ranges = sent(server)
        for (path, _, stop), (other, start, _) in pairwise(ranges):
            assert path != other or start >= stop
        with pytest.raises(tinycog.LimitError, match="not one row"):
            _ = [piece async for piece in stack.iter_pieces(max_bytes=100)]


# --- pixels --------------------------------------------------------------------------------------


GRIDS: dict[str, tuple[float, tuple[float, float]]] = {
    CRS: (10, (500_000, 5_000_000)),
    "EPSG:3857": (14, (1_002_000, 5_636_000)),
    "EPSG:4326": (0.0001, (9.0, 45.15)),
}


async def warped_files(kind: str) -> dict[str, Any]:
    """Return files of two CRSs, one of them half a pixel beside: of noise, or of slopes."""
    rng = np.random.default_rng(11)
    slope = np.add.outer(np.arange(SIDE) * 20, np.arange(SIDE) * 30) + 1
    place = Affine(14, 0, 1_002_000, 0, -14, 5_636_000)
    pixels = [
        slope[None] * np.array([1, 2])[:, None, None]
        if kind == "slopes"
        else rng.integers(0, 5000, (2, SIDE, SIDE))
        for _ in range(3)
    ]
    a, b, c = (one.astype(np.uint16) for one in pixels)
    return {
        "a.tif": await cog_of(a, overviews=[]),  # the VRT does not read them
        "b.tif": await cog_of(b, moved(0.5, 0.5), overviews=[]),
        "c.tif": await cog_of(c, place, crs="EPSG:3857", overviews=[]),
    }


@pytest.mark.parametrize(
    ("kind", "methods"), [("noise", ["nearest"]), ("slopes", ["bilinear", "cubic"])]
)
async def test_random_grids_are_as_those_of_a_warped_vrt(kind: str, methods: Any):
    """Nearest equal, half pixels included; blends within a tenth of a pixel of a slope.

    Coordinates in another CRS are accurate to a hundredth of a pixel, and so are the oracle's to
    less than that: a pixel of thousands may be the next one.
    """
    rasterio = pytest.importorskip("rasterio", reason="the oracle")
    vrt: Any = pytest.importorskip("rasterio.vrt", reason="the oracle")
    files = await warped_files(kind)
    rng = np.random.default_rng(12)
    checked = 0
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        for n in range(int(os.environ.get("TINYCOG_GRIDS", "30"))):
            crs, method = list(GRIDS)[n % 3], methods[n // 3 % len(methods)]
            size, corner = GRIDS[crs]
            res = size * (rng.uniform(0.4, 3) if kind == "noise" else rng.uniform(0.4, 1))
            left, top = np.array(corner) + rng.uniform(5, 60, 2) * size * (1, -1)
            shape = tuple(rng.integers(5, 60, 2).tolist())
            transform = Affine(res, 0, left, 0, -res, top)
            options: Any = {"crs": crs, "transform": transform}
            stack = await collection.stack(shape=shape, resampling=method, **options)
            raster = await stack.read()
            check(raster)
            options |= {"width": shape[1], "height": shape[0], "tolerance": 1e-4}
            options["resampling"] = rasterio.enums.Resampling[method]
            for step, data, masks in zip(raster.steps, raster.data, raster.band_masks, strict=True):
                with (
                    rasterio.MemoryFile(files[f"{step.name}.tif"]) as file,
                    file.open() as source,
                    vrt.WarpedVRT(source, **options) as warped,
                ):
                    expected = warped.read(masked=True)
                checked += 1
                there = ~np.ma.getmaskarray(expected)
                if method == "nearest":
                    is_exact = str(raster.crs) == ("EPSG:3857" if step.name == "c" else CRS)
                    assert (data != expected.data).mean() <= (0 if is_exact else 0.002)
                    assert (masks != there).mean() <= (0 if is_exact else 0.002)
                    continue
                both = there & masks
                assert (there != masks).sum() <= 2 * sum(shape)  # at edges
                off = np.abs(data[both].astype(float) - expected.data[both])
                assert not off.size or np.quantile(off, 0.95) <= 6, (crs, method, res)
    assert checked > 40


async def test_aligned_pixels_are_those_of_each_file():
    """Whole pixels between files, an overview, gaps; a mask image and alpha."""
    one, other = pixels_of(0, 2), pixels_of(1, 2)
    mask = np.broadcast_to(np.arange(SIDE) % 5 == 0, other.shape)
    files = {
        "a.tif": await cog_of(one, descriptions=["red", "nir"]),
        "b.tif": await cog_of(
            np.ma.array(other, mask=mask), moved(40, -20), nodata=None, mask="internal"
        ),
    }
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        stack = await collection.stack(bands=[1, 0], res=10)
        raster = await stack.read()
        check(raster)
        assert raster.shape == (2, 2, SIDE + 20, SIDE + 40)
        assert stack.bounds == (500_000, 4_998_720, 501_680, 5_000_200)
        assert raster.bands == ("nir", "red")
        assert np.array_equal(raster.data[0, :, 20:, :SIDE], one[::-1])
        valid = ~mask
        assert np.array_equal(raster.band_masks[1, :, :SIDE, 40:], valid)
        assert np.array_equal(raster.data[1, :, :SIDE, 40:], np.where(valid, other, 0)[::-1])
        assert raster.accounts[1].gap == (SIDE + 20) * (SIDE + 40) - SIDE * SIDE
        assert raster.accounts[1].nodata == mask[0].sum()
        assert raster.nodata is None
        assert any(finding.rule == "cog.stack.nodata" for finding in raster.findings)
        halves = await collection[:1].stack(res=20)
        coarse = await tinycog.open(files["a.tif"]).read(level=1)
        assert np.array_equal((await halves.read()).data[0], coarse.data)


@pytest.mark.parametrize("method", ["first", "last", "median", "mean", "count"])
async def test_assets_of_a_step_are_a_mosaic(method: Any):
    rng = np.random.default_rng(2)
    values = rng.integers(0, 9, (4, 1, SIDE, SIDE)).astype(np.uint16)
    files = {f"{n}.tif": await cog_of(one, moved(16 * n)) for n, one in enumerate(values)}
    times = ["2024-05-02T01:00Z", "2024-05-01T23:00Z", "2024-05-01T01:00Z", "2024-05-02T20:00Z"]
    async with RangeServer(files) as server:
        collection = await indexed(server, files, times=times)
        stack = await collection.stack(groupby="day", method=method)
        raster = await stack.read()
        check(raster)
        assert [step.name for step in stack.steps] == ["2024-05-01", "2024-05-02"]
        assert stack.times.astype("M8[m]").astype(str).tolist() == [
            "2024-05-01T01:00",
            "2024-05-02T01:00",
        ]
        assert stack.steps[1].assets == ("0", "3")
        for step, data, mask in zip(stack.steps, raster.data, raster.mask, strict=True):
            urls = [server.url(f"{name}.tif") for name in step.assets]
            mosaic = await tinycog.mosaic(
                urls, strict=False, bounds=tuple(stack.bounds), method=method
            )
            expected = await mosaic.read(masked=True)
            assert np.array_equal(mask, expected.mask)
            assert np.array_equal(data[:, mask], expected.data[:, mask])
        assert sum(raster.account[1:]) == raster.account.asked == 2 * SIDE * (SIDE + 48)


async def test_a_mosaic_of_a_collection():
    files, pixels = await scenes(2)
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        async with collection.mosaic(method="last") as mosaic:
            assert not server.log
            assert np.array_equal((await mosaic.read()).data, pixels[1])


def asset_of(name: str, lon: float, time: str, **properties: Any) -> tinycog.Asset:
    start = np.datetime64(time).astype("M8[us]").item().replace(tzinfo=__import__("datetime").UTC)
    bounds = (lon, 0.0, lon + 1, 1.0)
    return tinycog.Asset(name, f"/{name}.tif", bounds=bounds, start=start, properties=properties)


def test_what_makes_a_step():
    """Days of UTC, days of the sun as odc-stac has them, properties, functions."""
    collection = tinycog.Collection(
        [
            asset_of("nz-1", 174, "2024-05-01T22:30", orbit=1),
            asset_of("nz-2", 174, "2024-05-02T01:00", orbit=2),
            asset_of("fiji", 179.5, "2024-05-01T11:30", orbit=1),
        ]
    )

    def steps(groupby: Any) -> list[tuple[str, ...]]:
        return [step.assets for step in collection.stack(groupby=groupby)._steps]

    assert steps(None) == [("fiji",), ("nz-1",), ("nz-2",)]
    assert steps("time") == [("fiji",), ("nz-1",), ("nz-2",)]
    assert steps("day") == [("nz-1", "fiji"), ("nz-2",)]
    assert steps("solar_day") == [("fiji",), ("nz-1", "nz-2")]
    assert steps("orbit") == [("nz-1", "fiji"), ("nz-2",)]
    assert steps(lambda asset: asset.name[:2]) == [("fiji",), ("nz-1", "nz-2")]
    with pytest.raises(tinycog.UsageError, match="neither time, day, solar_day nor a property"):
        steps("orbits")
    timeless = tinycog.Collection([tinycog.Asset("a", "/a.tif"), collection[0]])
    with pytest.raises(tinycog.UsageError, match="1 of 2 assets have no time"):
        timeless.stack()


# --- bands ---------------------------------------------------------------------------------------

NATIVE = {"B04": 10, "B05": 20, "B01": 60}


async def sentinel(server: RangeServer) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Put two items on a server, whose bands are files of 10, 20 and 60 m, and one not wanted."""
    pixels: dict[str, np.ndarray] = {}
    features: list[Any] = []
    for item in (1, 2):
        assets: dict[str, Any] = {}
        for key, res in {**NATIVE, "visual": 10}.items():
            side = 240 * 10 // res
            pixels[f"{item}/{key}"] = pixels_of(item + res, side=side) + 1
            place = Affine(res, 0, 500_000, 0, -res, 5_000_000)
            name = f"{item}_{key}.tif"
            server.files[name] = await cog_of(pixels[f"{item}/{key}"], place)
            assets[key] = {"href": server.url(name), "type": "image/tiff; application=geotiff"}
        features.append(
            {
                "type": "Feature",
                "id": f"S2_{item}",
                "bbox": [9, 45.1, 9.1, 45.2],
                "geometry": None,
                "properties": {"datetime": DAYS[item]},
                "assets": assets,
            }
        )
    return {"type": "FeatureCollection", "features": features}, pixels


async def test_bands_that_are_files_of_several_resolutions():
    """Each by its method, as that file alone warped; files of other bands are not opened."""
    async with RangeServer({}) as server:
        items, _ = await sentinel(server)
        collection = await tinycog.Collection.from_stac(items)
        server.log.clear()
        stack = await collection.stack(
            bands=["B05", "B04", "B01"], res=10, resampling={"B05": "cubic", "B01": "bilinear"}
        )
        opened = {line.path for line in server.log}
        assert opened == {f"{item}_{key}.tif" for item in (1, 2) for key in NATIVE}
        assert len(server.log) == 6
        assert stack.bands == ("B05", "B04", "B01")
        assert stack.shape == (2, 3, 240, 240)
        assert [step.assets for step in stack.steps] == [
            tuple(f"S2_{item}/{key}" for key in NATIVE) for item in (1, 2)
        ] or [len(step.assets) for step in stack.steps] == [4, 4]
        server.log.clear()
        plan = await stack.plan()
        raster = await stack.read()
        assert sent(server) == planned(plan)
        check(raster)
        options: Any = {"transform": stack.transform, "shape": stack.shape[2:]}
        for n, item in enumerate((1, 2)):
            for band, (key, method) in enumerate(
                [("B05", "cubic"), ("B04", "nearest"), ("B01", "bilinear")]
            ):
                async with tinycog.open(server.url(f"{item}_{key}.tif")) as cog:
                    alone = await cog.read_warped(**options, resampling=method)
                assert np.array_equal(raster.data[n, band], alone.data[0])
                assert np.array_equal(raster.band_masks[n, band], alone.mask)
        with pytest.raises(tinycog.MosaicError, match=r"2?_B05.*B04.*pass res=|pass res="):
            await collection.stack(bands=["B04", "B05"])
        with pytest.raises(tinycog.UsageError, match="has no band 'B8A', but B04, B05, B01"):
            await collection.stack(bands=["B8A"], res=10)
        with pytest.raises(tinycog.UsageError, match="resampling= has a method for 'B8A'"):
            await collection.stack(bands=["B04"], res=10, resampling={"B8A": "cubic"})


async def test_bands_are_found_by_their_names_however_files_order_them():
    one, other = pixels_of(0, 2), pixels_of(1, 2)
    files = {
        "a.tif": await cog_of(one, descriptions=["red", "nir"]),
        "b.tif": await cog_of(other, descriptions=["nir", "red"]),
    }
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        for bands in (None, ["red", "nir"]):
            raster = await (await collection.stack(bands=bands)).read()
            assert np.array_equal(raster.data, np.array([one, other[::-1]]))
        raster = await (await collection.stack(bands="nir", groupby=lambda _: 0)).read()
        assert np.array_equal(raster.data[0], np.where(one[1:], one[1:], other[:1]))
        assert np.array_equal((await (await collection.stack(bands=1)).read()).data[1], other[1:])


# --- what does not fit ---------------------------------------------------------------------------

MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "crs": ({"crs": "EPSG:32633"}, "pass crs="),
    "res": ({"transform": Affine(20, 0, 500_000, 0, -20, 5_000_000)}, "pass res="),
    "dtype": ({"dtype": np.int16}, "int16"),
    "bands": ({"bands": 2}, "has [12]"),
    "scale": ({"scales": [2.0]}, "scales that differ"),
}


@pytest.mark.parametrize("is_last", [True, False])
@pytest.mark.parametrize("name", MISFITS)
async def test_what_does_not_fit_is_refused_by_name_or_left_out(name: str, is_last: Any):
    """Whether it comes last or first: the others are those that fit each other."""
    options, text = MISFITS[name]
    options = dict(options)
    bands, dtype = options.pop("bands", 1), options.pop("dtype", np.uint16)
    files, pixels = await scenes(3)
    files["odd.tif"] = await cog_of(np.ones((bands, SIDE, SIDE), dtype), **options)
    order = list(files) if is_last else ["odd.tif", *list(files)[:3]]
    place = 3 if is_last else 0
    async with RangeServer(files) as server:
        collection = await indexed(server, order)
        stack = collection.stack()
        with pytest.raises(tinycog.UsageError, match=text) as caught:
            await stack
        assert "odd" in str(caught.value)
        raster = await stack.read(errors="fill")
        rest = [n for n in range(4) if n != place]
        assert np.array_equal(raster.data[rest], np.array(pixels))
        assert raster.shape[0] == 4
        assert any("odd" in finding.message for finding in raster.findings)
        assert raster.accounts[place].valid == 0
        if name != "bands":
            assert raster.accounts[place].failed == SIDE * SIDE
        check(raster)
        with pytest.raises(tinycog.UsageError, match=text):
            await stack.read()


BROKEN = [
    ("gone", True),
    ("gone", False),
    ("replaced", True),
    ("truncated", False),
    ("corrupt", False),
]


@pytest.mark.parametrize(("kind", "is_indexed"), BROKEN)
async def test_one_broken_asset_of_many(kind: str, is_indexed: Any):
    """It is an error by its name; with errors="fill" the others are as they are."""
    files, pixels = await scenes(20)
    async with RangeServer(files) as server:
        collection = await indexed(server, files, times=DAYS[:20])
        if not is_indexed:
            bare = [
                tinycog.Asset(one.name, one.where, start=one.start, bounds=one.bounds)
                for one in collection
            ]
            collection = tinycog.Collection(bare)
        data = files["007.tif"]
        if kind == "gone":
            server.script(Fault.status(404, path="007.tif", times=None))
        elif kind == "replaced":
            server.files["007.tif"] = data[:-1] + b"?"
        elif kind == "truncated":
            server.files["007.tif"] = data[: len(data) // 8]
        else:
            server.files["007.tif"] = data[:-3000] + bytes(3000)
        stack = collection.stack()
        with pytest.raises(tinycog.TinycogError, match="asset '007'") as caught:
            await stack.read()
        if kind == "replaced":
            assert f"007.tif#{collection[7].generation}" in str(caught.value)
        raster = await stack.read(errors="fill")
        check(raster)
        rest = [n for n in range(20) if n != 7]
        assert np.array_equal(raster.data[rest], np.array(pixels)[rest])
        account = raster.accounts[7]
        assert account.failed > 0
        if kind != "corrupt":
            assert account.failed == account.asked
        assert any("007" in finding.message for finding in raster.findings)
        assert raster.account.failed == account.failed


async def test_bands_are_chosen_by_their_common_names():
    """Of STAC 1.0 and 1.1; files of other bands stay closed; a name of a band goes before."""
    async with RangeServer({}) as server:
        items, _ = await sentinel(server)
        commons = {"B04": "red", "B05": "rededge", "B01": "B04"}
        for n, item in enumerate(items["features"]):
            for key, common in commons.items():
                band = {"name": f"x{key}"} | {("eo:common_name", "common_name")[n]: common}
                item["assets"][key][("bands", "eo:bands")[n]] = [band]
        collection = await tinycog.Collection.from_stac(items)
        server.log.clear()
        await collection.stack(bands=["red"], res=10)
        assert {line.path for line in server.log} == {"1_B04.tif", "2_B04.tif"}
        with pytest.raises(tinycog.UsageError, match="twice"):
            await collection.stack(bands=["red", "B04"], res=10)
        red = await (await collection.stack(bands=["red"], res=10)).read()
        own = await (await collection.stack(bands=["B04"], res=10)).read()
        assert np.array_equal(red.data, own.data)
        some = collection.filter(where={"eo:common_name": ["red", "rededge"]})
        assert {asset.properties["asset"] for asset in some} == {"B04", "B05"}
        read = await some.read_headers()
        assert [asset.bands for asset in read] == [("xB04",), ("xB05",)] * 2
        again = await tinycog.Collection.from_stac(read.to_stac())
        assert [one.properties["eo:common_name"] for one in again] == ["red", "rededge"] * 2


async def test_a_band_of_a_file_that_is_broken_is_accounted_for_by_band():
    async with RangeServer({}) as server:
        items, _ = await sentinel(server)
        collection = await tinycog.Collection.from_stac(items)
        del server.files["2_B05.tif"]
        stack = collection.stack(bands=["B04", "B05"], res=10)
        with pytest.raises(tinycog.NotFoundError, match="S2_2/B05"):
            await stack
        raster = await stack.read(errors="fill")
        assert [one.failed for one in raster.band_accounts[0]] == [0, 0]
        assert [one.failed for one in raster.band_accounts[1]] == [0, 240 * 240]
        assert any("S2_2/B05" in finding.message for finding in raster.findings)
        check(raster)


async def test_bands_of_one_file_by_two_methods_cost_its_tiles_twice_at_most():
    files = {"a.tif": await cog_of(pixels_of(0, 2), descriptions=["red", "nir"])}
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        stack = await collection.stack(res=13, resampling={"red": "bilinear"})
        await stack.read()
        assert len(planned(await stack.plan())) == 2
        assert set(sent(server)) == set(planned(await stack.plan()))
        assert len(server.log) in (1, 2)  # one where the second method asks before the answer comes


async def test_nothing_in_the_grid_is_an_error_that_says_so():
    files, _ = await scenes(2)
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        bare = tinycog.Collection([tinycog.Asset(one.name, one.where) for one in collection])
        for some in (collection, bare):
            with pytest.raises(tinycog.UsageError, match="lies in the grid"):
                await some.stack(bounds=(9.0, 45.1, 9.01, 45.2))
            with pytest.raises(tinycog.UsageError, match="lies in the grid"):
                await some.stack(transform=(1, 0, 0, 0, -1, 0), shape=(5, 5), crs="EPSG:3857")
        assert len((await collection.stack(bounds=(9, 45.1, 9.01, 45.2), bounds_crs=4326)).steps)
        with pytest.raises(tinycog.UsageError, match="no assets"):
            collection[:0].stack()


async def test_steps_that_lie_outside_are_left_out():
    files, _ = await scenes(2)
    files["far.tif"] = await cog_of(pixels_of(1), moved(5000))
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        bounds = (500_000, 4_999_000, 500_500, 5_000_000)
        assert [step.name for step in (await collection.stack(bounds=bounds)).steps] == [
            "000",
            "001",
        ]
        bare = tinycog.Collection(
            [tinycog.Asset(one.name, one.where, start=one.start) for one in collection]
        )
        stack = await bare.stack(bounds=bounds)
        assert stack.outside == ("far",)
        assert len(stack.steps) == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"res": 0}, "more than 0"),
        ({"res": 1, "shape": (1, 1)}, "shape= comes with"),
        ({"transform": (1, 0, 0, 0, -1, 0)}, "comes with shape="),
        ({"like": 1}, "transform, crs and shape"),
        ({"bounds_crs": 4326}, "give one of these"),
        ({"bands": []}, "bands= are names"),
        ({"bands": ["a", "a"]}, "twice"),
        ({"method": "best"}, "expected one of first"),
        ({"resampling": "best"}, "resampling must be one of"),
        ({"resampling": {"a": "best"}}, "resampling must be one of"),
        ({"bounds": (1, 2, 3)}, "four numbers"),
    ],
)
async def test_wrong_arguments_are_refused(options: Any, text: str):
    files, _ = await scenes(1)
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        with pytest.raises(tinycog.UsageError, match=text):
            await collection.stack(**options)


# --- grids ---------------------------------------------------------------------------------------


async def test_a_grid_is_given_or_taken_from_the_first_asset_and_said_so():
    files = {
        "a.tif": await cog_of(pixels_of(0), moved(0.25, 0.5)),
        "b.tif": await cog_of(pixels_of(1), moved(3, 3)),
    }
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        stack = await collection.stack()
        assert stack.grid_from == "a"
        assert stack.transform == moved(0.25, 0.5)
        assert stack.shape[2:] == (SIDE + 3, SIDE + 3)
        part = await collection.stack(bounds=(500_003, 4_999_900, 500_013, 4_999_990))
        assert part.bounds == (500_002.5, 4_999_895, 500_022.5, 4_999_995)
        given = await collection.stack(
            res=30, crs=CRS, bounds=(500_003, 4_999_900, 500_103, 4_999_990)
        )
        assert given.grid_from is None
        assert given.bounds == (499_980, 4_999_890, 500_130, 4_999_990 + 20)
        other = await collection.stack(like=await given.read())
        assert (other.transform, other.shape, other.grid_from) == (
            given.transform,
            given.shape,
            None,
        )
        divided = await collection.stack(
            bounds=(500_000, 4_999_000, 500_900, 4_999_900), shape=(9, 18)
        )
        assert divided.transform == Affine(50, 0, 500_000, 0, -100, 4_999_900)


@pytest.mark.parametrize("first", [-180, 0])
async def test_the_antimeridian(first: int):
    """Bounds over it, of files that count longitudes from -180 and from 0."""
    world = (np.arange(180 * 360).reshape(1, 180, 360) % 60_000 + 1).astype(np.uint16)
    shifted = world if first == -180 else np.roll(world, 180, axis=2)
    data = await cog_of(shifted, Affine(1, 0, first, 0, -1, 90), crs="EPSG:4326")
    expected = np.concatenate([world[:, 80:110, 350:], world[:, 80:110, :20]], axis=2)
    async with RangeServer({"world.tif": data}) as server:
        collection = await indexed(server, ["world.tif"])
        stack = await collection.stack(bounds=(170, -20, -160, 10), crs="EPSG:4326")
        raster = await stack.read()
        assert raster.bounds == (170, -20, 200, 10)
        assert np.array_equal(raster.data[0], expected)
        assert raster.account.valid == 900
        bare = tinycog.Collection([tinycog.Asset("world", server.url("world.tif"))])
        again = await (await bare.stack(bounds=(170, -20, -160, 10))).read()
        assert np.array_equal(again.data[0], expected)


async def test_small_files_on_both_sides_of_the_antimeridian():
    east, west = pixels_of(0, side=64) + 1, pixels_of(1, side=64) + 1
    files = {
        "east.tif": await cog_of(east, Affine(0.01, 0, 179.36, 0, -0.01, 0), crs="EPSG:4326"),
        "west.tif": await cog_of(west, Affine(0.01, 0, -180, 0, -0.01, 0), crs="EPSG:4326"),
    }
    async with RangeServer(files) as server:
        collection = await indexed(server, files)
        stack = await collection.stack(bounds=(179.5, -0.3, -179.5, 0), groupby=lambda _: 0)
        raster = await stack.read()
        both = np.concatenate([east, west], axis=2)
        assert np.array_equal(raster.data[0], both[:, :30, 14:114])


async def test_a_pole():
    """A polar grid of a file in longitudes and latitudes: as the file alone warped, none empty."""
    world = (np.arange(180 * 360).reshape(1, 180, 360) % 60_000 + 1).astype(np.uint16)
    data = await cog_of(world, Affine(1, 0, -180, 0, -1, 90), crs="EPSG:4326")
    async with RangeServer({"world.tif": data}) as server:
        collection = await indexed(server, ["world.tif"])
        bounds = (-3e6, -3e6, 3e6, 3e6)
        stack = await collection.stack(bounds=bounds, crs="EPSG:3413", res=100_000)
        raster = await stack.read()
        cog = tinycog.open(data)
        alone = await cog.read_warped(
            transform=raster.transform, shape=raster.shape[2:], crs="EPSG:3413"
        )
        assert np.array_equal(raster.data[0], alone.data)
        assert raster.account.valid == raster.account.asked == 3600


# --- blocking ------------------------------------------------------------------------------------


def test_it_blocks(tmp_path: Path):
    files, pixels = asyncio.run(scenes(2))
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = tinycog.sync.Collection.from_urls(str(tmp_path / "*.tif"))
    with found.stack() as stack:
        assert stack.shape == (2, 1, SIDE, SIDE)
        assert np.array_equal(stack.read().data, np.array(pixels))
        assert sum(len(piece) for piece in stack.iter_pieces(split="time")) == 2
        assert len(stack.plan().beside) == 2
    mosaic = found.mosaic(method="last")
    assert isinstance(mosaic, tinycog.sync.Mosaic)
    assert np.array_equal(mosaic.read().data, pixels[1])
