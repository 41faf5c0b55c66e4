"""Many files as one: what is read of a mosaic is what is read of the uncut raster."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import Resampling

import tinycog
from tinycog.testing import RangeServer

TRANSFORM = Affine(10, 0, 500_000, 0, -10, 5_000_000)
CRS = "EPSG:32632"
STEP = 64
SIZE = 8 * STEP
GAPS = {(1, 2), (5, 5), (7, 0)}


async def cut(folder: Path, whole: np.ndarray, **options: Any) -> list[str]:
    """Write an array as 8 x 8 files, three of them left out."""
    names: list[str] = []
    for row in range(8):
        for col in range(8):
            if (row, col) in GAPS:
                continue
            part = whole[:, row * STEP : (row + 1) * STEP, col * STEP : (col + 1) * STEP]
            name = str(folder / f"{row}_{col}.tif")
            place = TRANSFORM @ Affine.translation(col * STEP, row * STEP)
            await tinycog.write(name, part, crs=CRS, transform=place, blocksize=32, **options)
            names.append(name)
    return names


def gaps() -> np.ndarray:
    """Return where no file lies, (rows, cols)."""
    found = np.zeros((SIZE, SIZE), np.bool_)
    for row, col in GAPS:
        found[row * STEP : (row + 1) * STEP, col * STEP : (col + 1) * STEP] = True
    return found


def samples(kind: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Return pixels of a kind, and how they are written."""
    rng = np.random.default_rng(7)
    small = rng.integers(1, 250, (3, SIZE, SIZE), dtype=np.uint8)
    if kind == "plain":
        return small, {}
    if kind == "nodata":
        values = rng.integers(0, 4, (2, SIZE, SIZE)).astype(np.int16)
        return values, {"nodata": 0}
    if kind == "nan":
        values = rng.normal(size=(1, SIZE, SIZE)).astype(np.float32)
        values[rng.random(values.shape) < 0.2] = np.nan
        return values, {"nodata": float("nan")}
    if kind == "alpha":
        alpha = np.where(rng.random((1, SIZE, SIZE)) < 0.8, 255, 0).astype(np.uint8)
        return np.concatenate([small, alpha]), {"colorinterp": ["red", "green", "blue", "alpha"]}
    mask = np.broadcast_to(rng.random((SIZE, SIZE)) < 0.2, small.shape)
    return np.ma.array(small, mask=mask), {"mask": "internal"}


KINDS = ("plain", "nodata", "nan", "alpha", "mask")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_raster_that_was_cut_reads_as_the_whole(tmp_path: Path, kind: str):
    """Windows at all shapes, levels, web tiles and points, with their masks."""
    pixels, options = samples(kind)
    options |= {"overview_resampling": "average", "overviews": [2]}
    files = await cut(tmp_path, pixels, **options)
    lost = np.broadcast_to(gaps(), pixels.shape)
    if kind in ("nodata", "nan", "alpha"):
        uncut = pixels.copy()
        uncut[lost] = options.get("nodata", 0)
    else:
        uncut = np.ma.array(pixels, mask=np.ma.getmaskarray(pixels) | lost)
        uncut.data[lost] = 0
        options["mask"] = "internal"
    name = str(tmp_path / "whole.tif")
    await tinycog.write(name, uncut, crs=CRS, transform=TRANSFORM, blocksize=32, **options)
    rng = np.random.default_rng(1)
    async with await tinycog.mosaic(files) as mosaic, tinycog.open(name) as whole:
        assert mosaic.shape == whole.shape
        assert mosaic.bounds == whole.bounds
        assert len(mosaic.levels) == 2
        for level in range(2):
            await same(mosaic, whole, level=level)
        for n in range(int(os.environ.get("TINYCOG_WINDOWS", "10"))):
            left, top = rng.integers(0, SIZE - 1, 2).tolist()
            width, height = (int(rng.integers(1, SIZE - at + 1)) for at in (left, top))
            window = (left, top, width, height)
            shape = tuple(rng.integers(1, 90, 2).tolist()) if n % 2 else None
            method = ["nearest", "average", "bilinear", "mode", "cubic"][n % 5]
            await same(mosaic, whole, window=window, shape=shape, resampling=method)
        await same(mosaic, whole, window=(-9, -9, 40, 30), boundless=True)
        for zoom, x, y in ((12, 2175, 1462), (14, 8700, 5849), (11, 1087, 731)):
            one = await mosaic.read_web_tile(zoom, x, y)
            equal(one, await whole.read_web_tile(zoom, x, y))
        places = rng.uniform((499_900, 4_994_800), (505_200, 5_000_100), (50, 2))
        one, other = await mosaic.points(places), await whole.points(places)
        assert np.array_equal(one.mask, other.mask)
        assert np.array_equal(one.data[one.mask], other.data[one.mask], equal_nan=True)
        tiles = [tile async for tile in mosaic.iter_tiles(level=1, masked=True)]
        expected = [tile async for tile in whole.iter_tiles(level=1, masked=True)]
        assert len(tiles) == len(expected)
        for one, other in zip(tiles, expected, strict=True):
            equal(one, other)


async def same(one: tinycog.Mosaic, other: tinycog.Cog, **options: Any) -> None:
    """Fail unless both read the same."""
    equal(await one.read(**options, masked=True), await other.read(**options, masked=True))


def equal(one: tinycog.Raster, other: tinycog.Raster) -> None:
    """Fail unless two rasters have the same valid pixels, in the same place."""
    assert one.shape == other.shape
    assert one.transform.almost_equals(other.transform, 1e-6)
    assert np.array_equal(one.mask, other.mask)
    assert np.array_equal(one.band_masks, other.band_masks)
    valid = one.band_masks
    assert np.array_equal(one.data[valid], other.data[valid], equal_nan=one.dtype.kind == "f")
    assert sum(one.account[1:]) == one.account.asked == one.height * one.width


async def test_pixels_are_accounted_for(tmp_path: Path):
    pixels, options = samples("nodata")
    mosaic = await tinycog.mosaic(await cut(tmp_path, pixels, **options))
    raster = await mosaic.read(window=(-10, 0, SIZE + 10, SIZE), boundless=True)
    there = (pixels != 0).any(axis=0) & ~gaps()
    account = raster.account
    assert account.asked == SIZE * (SIZE + 10)
    assert account.outside == SIZE * 10
    assert account.gap == gaps().sum() == 3 * STEP * STEP
    assert account.valid == there.sum()
    assert account.failed == 0
    assert sum(account[1:]) == account.asked


async def layered(folder: Path, count: int = 4) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Write files that lie over each other; return samples (files, rows, cols), and which count."""
    rng = np.random.default_rng(3)
    stack = np.zeros((count, 96, 96), np.int16)
    there = np.zeros(stack.shape, np.bool_)
    names: list[str] = []
    for n in range(count):
        top, left = rng.integers(0, 32, 2).tolist()
        part = rng.integers(0, 6, (64, 64)).astype(np.int16)
        stack[n, top : top + 64, left : left + 64] = part
        there[n, top : top + 64, left : left + 64] = part != 0
        place = TRANSFORM @ Affine.translation(left, top)
        names.append(str(folder / f"{n}.tif"))
        await tinycog.write(
            names[-1], part, crs=CRS, transform=place, blocksize=32, nodata=0, overviews=[]
        )
    return names, stack, there


METHODS = {
    "first": lambda v: v[0],
    "last": lambda v: v[-1],
    "max": max,
    "highest": max,
    "min": min,
    "lowest": min,
    "mean": lambda v: np.floor(np.mean(v) + 0.5),
    "median": lambda v: np.floor(np.median(v) + 0.5),
    "mode": lambda v: max(v, key=lambda one: (v.count(one), -v.index(one))),
    "count": len,
    "stdev": np.std,
}


@pytest.mark.parametrize("method", METHODS)
async def test_what_becomes_of_pixels_that_several_files_have(tmp_path: Path, method: Any):
    names, stack, there = await layered(tmp_path)
    async with await tinycog.mosaic(names, method=method) as mosaic:
        raster = await mosaic.read(masked=True)
        inverse = ~TRANSFORM
        left, top = (round(v) for v in inverse @ (mosaic.bounds.left, mosaic.bounds.top))
    rows, cols = raster.data.shape[1:]
    place = (slice(None), slice(top, top + rows), slice(left, left + cols))
    values, counts = stack[place], there[place]
    assert np.array_equal(raster.mask, counts.any(axis=0))
    for row, col in np.argwhere(raster.mask).tolist():
        found = values[counts[:, row, col], row, col].tolist()
        expected = METHODS[method](found)
        assert raster.data[0, row, col] == pytest.approx(expected), (method, found)


async def test_a_file_that_is_not_needed_is_not_read(tmp_path: Path):
    """Requests are those of the plan; what lies below whole files costs none."""
    rng = np.random.default_rng(0)
    for name, left in (("a", 0), ("b", 0), ("c", 64)):
        part = rng.integers(1, 9, (1, 64, 64), dtype=np.uint8)
        place = TRANSFORM @ Affine.translation(left, 0)
        await tinycog.write(
            str(tmp_path / f"{name}.tif"), part, crs=CRS, transform=place, blocksize=32
        )
    files = {f"{n}.tif": (tmp_path / f"{n}.tif").read_bytes() for n in "abc"}
    async with RangeServer(files) as server:
        mosaic = await tinycog.mosaic([server.url(name) for name in files])
        server.log.clear()
        plan = await mosaic.plan(window=(10, 10, 80, 20))
        assert [name.rpartition("/")[2] for name in plan.beside] == ["a.tif", "c.tif"]
        await mosaic.read(window=(10, 10, 80, 20))
        sent = [(line.path, line.start, line.stop) for line in server.log]
        planned = [
            (name.rpartition("/")[2], *part)
            for name, parts in plan.beside.items()
            for part in parts
        ]
        assert sorted(sent) == sorted(planned)


VIOLATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "bands": ({"bands": 2}, "ee/files-bands"),
    "dtype": ({"dtype": np.uint16}, "ee/files-depth"),
    "crs": ({"crs": "EPSG:32633"}, "ee/files-projection"),
    "res": ({"transform": Affine(20, 0, 500_640, 0, -20, 5_000_000)}, "ee/files-resolution"),
    "offset": ({"transform": Affine(10, 0, 500_643, 0, -10, 5_000_000)}, "ee/files-offset"),
    "fill": ({"nodata": 3}, "ee/files-fill"),
    "gap": ({"transform": Affine(10, 0, 9_500_640, 0, -10, 5_000_000)}, "ee/files-gap"),
    "scale": ({"scales": [2.0]}, "cog.mosaic.meaning"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
async def test_files_that_do_not_fit_are_refused_by_name(tmp_path: Path, name: str):
    given, rule = VIOLATIONS[name]
    options = {"crs": CRS, "transform": TRANSFORM @ Affine.translation(64, 0), **given}
    bands, dtype = options.pop("bands", 1), options.pop("dtype", np.uint8)
    one, other = str(tmp_path / "one.tif"), str(tmp_path / "other.tif")
    await tinycog.write(one, np.ones((1, 64, 64), np.uint8), crs=CRS, transform=TRANSFORM)
    await tinycog.write(other, np.ones((bands, 64, 64), dtype), **options)
    with pytest.raises(tinycog.MosaicError) as caught:
        await tinycog.mosaic([one, other])
    assert rule in [finding.rule for finding in caught.value.findings]
    text = " ".join(str(finding) for finding in caught.value.findings)
    assert "one.tif" in text
    assert "other.tif" in text
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert again.findings == caught.value.findings


def cut_short(path: Path) -> None:
    """Leave half of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


async def test_one_file_of_many_that_is_broken(tmp_path: Path):
    """It is an error by its name; with errors="fill" the rest is read, and it is accounted for."""
    pixels, options = samples("plain")
    names = await cut(tmp_path, pixels, **options)
    mosaic = await tinycog.mosaic([tinycog.open(name, head_bytes=1024) for name in names])
    broken = names[10]
    cut_short(Path(broken))
    with pytest.raises(tinycog.TinycogError, match=Path(broken).name):
        await mosaic.read()
    raster = await mosaic.read(errors="fill")
    assert raster.account.failed > 0
    assert raster.account.gap == 3 * STEP * STEP
    assert any(Path(broken).name in finding.message for finding in raster.findings)
    assert np.array_equal(raster.data[:, raster.mask], pixels[:, raster.mask])
    assert sum(raster.account[1:]) == raster.account.asked


async def test_wrong_arguments_are_refused(tmp_path: Path):
    name = str(tmp_path / "one.tif")
    await tinycog.write(name, np.ones((1, 8, 8), np.uint8), crs=CRS, transform=TRANSFORM)
    wrong: Any = "best"
    with pytest.raises(tinycog.UsageError, match="the list is empty"):
        await tinycog.mosaic([])
    with pytest.raises(tinycog.UsageError, match="expected one of first, last"):
        await tinycog.mosaic([name], method=wrong)
    with pytest.raises(tinycog.UsageError, match="strict=False"):
        await tinycog.mosaic([name], crs="EPSG:3857")
    with pytest.raises(tinycog.NotFoundError, match="none"):
        await tinycog.mosaic([name, str(tmp_path / "none.tif")])


async def test_files_are_warped_to_a_grid(tmp_path: Path):
    """Files of two CRSs and pixel sizes; each pixel is that of a warp of its file alone."""
    rng = np.random.default_rng(5)
    one, other = str(tmp_path / "one.tif"), str(tmp_path / "other.tif")
    await tinycog.write(
        one,
        rng.integers(1, 99, (1, 90, 70), dtype=np.uint8),
        crs=CRS,
        transform=TRANSFORM,
        nodata=0,
    )
    await tinycog.write(
        other,
        rng.integers(1, 99, (1, 40, 50), dtype=np.uint8),
        crs="EPSG:3857",
        transform=Affine(15, 0, 1_002_300, 0, -15, 5_637_000),
    )
    with pytest.raises(tinycog.MosaicError, match="pass crs="):
        await tinycog.mosaic([one, other], strict=False)
    mosaic = await tinycog.mosaic([one, other], strict=False, crs="EPSG:4326", res=0.0001)
    raster = await mosaic.read(masked=True)
    cogs = [tinycog.open(one), tinycog.open(other)]
    options: Any = {"crs": "EPSG:4326", "transform": raster.transform, "shape": raster.shape[1:]}
    first, second = [await cog.read_warped(**options) for cog in cogs]
    expected = np.where(first.mask, first.data, np.where(second.mask, second.data, 0))
    assert first.mask.any()
    assert (second.mask & ~first.mask).any()
    assert np.array_equal(raster.mask, first.mask | second.mask)
    assert np.array_equal(raster.data * raster.mask, expected)
    assert raster.account.gap == (~(first.mask | second.mask)).sum()


@pytest.mark.parametrize("kind", ["plain", "nodata", "alpha"])
async def test_a_mosaic_is_written_as_one_file(tmp_path: Path, kind: str):
    """It is a source of `write`; gaps are masked in the file, by nodata or by alpha."""
    pixels, options = samples(kind)
    names = await cut(tmp_path, pixels, **options)
    written = await tinycog.write(bytes, await tinycog.mosaic(names), blocksize=128)
    assert written.data is not None
    async with tinycog.open(written.data) as cog:
        raster = await cog.read(masked=True)
        assert cog.crs == (await tinycog.open(names[0])).crs
        assert cog.transform == TRANSFORM
    there = {
        "plain": ~gaps(),
        "nodata": (pixels != 0).any(axis=0) & ~gaps(),
        "alpha": (pixels[-1] > 0) & ~gaps(),
    }[kind]
    assert np.array_equal(raster.mask, there)
    assert np.array_equal(raster.data[:, there], pixels[:, there])


async def test_a_mosaic_of_an_index_requests_no_header(tmp_path: Path):
    """What was indexed is known; a file that was replaced since is an error by its name."""
    pixels, options = samples("nodata")
    names = await cut(tmp_path, pixels, **options)
    files = {Path(name).name: read(name) for name in names[:6]}
    async with RangeServer(files) as server:
        collection = await tinycog.Collection.from_urls([server.url(name) for name in files])
        server.log.clear()
        mosaic = await tinycog.mosaic([asset.open() for asset in collection])
        assert not server.log
        plan = await mosaic.plan(window=(0, 0, 100, 40))
        raster = await mosaic.read(window=(0, 0, 100, 40))
        assert len(server.log) == sum(map(len, plan.beside.values()))
        assert np.array_equal(raster.data, pixels[:, :40, :100])
        last = list(files)[-1]
        server.files[last] = files[last][:-1] + b"?"
        again = await tinycog.mosaic([asset.open() for asset in collection])
        with pytest.raises(tinycog.SourceChangedError, match=last):
            await again.read()


def read(name: str) -> bytes:
    return Path(name).read_bytes()


def run(*args: object) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "tinycog", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_command_line_writes_a_mosaic(tmp_path: Path):
    pixels, options = samples("nodata")
    names = await cut(tmp_path, pixels, **options)
    target = tmp_path / "whole.tif"
    done = run("mosaic", *names, "-o", target, "--compression", "zstd")
    assert (done.returncode, done.stderr) == (0, "")
    async with tinycog.open(target) as cog:
        raster = await cog.read()
    assert np.array_equal(raster.data[:, ~gaps()], pixels[:, ~gaps()])
    warped = run("mosaic", *names[:2], "-o", target, "--crs", 3857, "--res", 20, "--quiet")
    assert (warped.returncode, warped.stdout, warped.stderr) == (0, "", "")
    assert str((await tinycog.open(target)).crs) == "EPSG:3857"
    wrong = run("mosaic", names[0], names[1], "-o", target, "--bounds", 0, 0, 0, 0)
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 1


async def test_numbers_that_are_no_samples_have_no_scales_and_no_colours(tmp_path: Path):
    """Counts are not scaled; indices of a palette are neither mixed nor warped by their order."""
    name = str(tmp_path / "one.tif")
    place: dict[str, Any] = {"crs": CRS, "transform": TRANSFORM}
    await tinycog.write(name, np.full((1, 32, 32), 7, np.uint8), scales=[0.5], **place)
    counts = await tinycog.mosaic([name, tinycog.open(name)], method="count")
    assert counts.scales == (1.0,)
    assert (await counts.read(scaled=True)).data.max() == 2
    values = await tinycog.mosaic([name], method="mean")
    assert (await values.read(scaled=True)).data.max() == 3.5

    classes = np.where(np.arange(32) % 2, 200, 3).astype(np.uint8) * np.ones((32, 1), np.uint8)
    colours = {3: (255, 0, 0, 255), 200: (0, 0, 255, 255)}
    palette = str(tmp_path / "palette.tif")
    await tinycog.write(palette, classes[None], colormap=colours, **place)
    with pytest.raises(tinycog.UsageError, match="palette"):
        await tinycog.mosaic([palette], method="mean")
    warped = await tinycog.mosaic(
        [palette], strict=False, crs="EPSG:3857", res=7, resampling="bilinear"
    )
    raster = await warped.read(masked=True)
    assert set(np.unique(raster.data[0][raster.mask])) == {3, 200}


async def test_samples_of_many_files_at_once_have_a_limit(tmp_path: Path):
    names, *_ = await layered(tmp_path)
    cogs = [tinycog.open(name, limits=tinycog.Limits(result_bytes=20_000)) for name in names]
    async with await tinycog.mosaic(cogs, method="median") as mosaic:
        with pytest.raises(
            tinycog.LimitError, match=r"samples of 4 files that overlap: \d+ is over"
        ):
            await mosaic.read()
        assert (await mosaic.read(window=(0, 0, 32, 32))).data.any()


async def test_levels_beside_have_the_palette_of_the_file(tmp_path: Path):
    """Overviews in `.ovr` files, coloured as level 0 is."""
    rng = np.random.default_rng(8)
    names = [str(tmp_path / f"{n}.tif") for n in range(2)]
    colours = {value: (value, 255 - value, 7, 255) for value in range(256)}
    options: dict[str, Any] = {
        "width": 256,
        "height": 256,
        "count": 1,
        "dtype": "uint8",
        "crs": CRS,
    }
    for n, name in enumerate(names):
        place = TRANSFORM @ Affine.translation(256 * n, 0)
        tiled = {"tiled": True, "blockxsize": 64, "blockysize": 64}
        with rasterio.open(name, "w", driver="GTiff", transform=place, **options, **tiled) as file:
            file.write(rng.integers(0, 256, (1, 256, 256), dtype=np.uint8))
            file.write_colormap(1, colours)
        with rasterio.Env(TIFF_USE_OVR="YES"), rasterio.open(name, "r+") as file:
            file.build_overviews([2, 4], Resampling.nearest)
    cogs = [tinycog.open(name, sidecars=True) for name in names]
    async with await tinycog.mosaic(cogs) as mosaic:
        assert len(mosaic.levels) == 3
        for z in range(3):
            index = await mosaic.read(level=z)
            coloured = await mosaic.read(level=z, rgb=True)
            table = np.array([colours[value][:3] for value in range(256)])
            assert np.array_equal(coloured.data[:3], table[index.data[0]].transpose(2, 0, 1))
