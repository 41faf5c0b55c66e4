"""`tinycog.export`: areas of any size, in bounded memory, are what `read` gives, or not there."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import asyncio
import errno
import sys
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import export_kills
import export_memory
import numpy as np
import pytest
from affine import Affine

import tinycog
import tinycog.sync
from tinycog.errors import LimitError, SourceError, UsageError
from tinycog.exporting.piecewise import OVERHEAD
from tinycog.exporting.split import AreaAxis, halves, least_budget, split
from tinycog.window import Window

MIB = 1 << 20
TRANSFORM = Affine(10, 0, 500_000, 0, -10, 5_000_000)
CRS = "EPSG:32632"
ROWS, COLS, TILE = 500, 700, 64
WINDOW = (100, 70, 450, 390)
SMALL = 9 * MIB
LARGE = 192 * MIB

needs_zarr = pytest.mark.skipif(find_spec("zarr") is None, reason="needs the extra zarr")
TARGETS = ["x.npy", pytest.param("x.zarr", marks=needs_zarr), "x.tif"]


def pixels() -> np.ndarray:
    rng = np.random.default_rng(3)
    found = rng.integers(1, 250, (3, ROWS, COLS), dtype=np.uint8)
    found[:, 80:200, 150:300] = 0
    found[1, 300:310, 300:400] = 0
    return found


@pytest.fixture(scope="module")
def data() -> bytes:
    async def write() -> bytes:
        options = {"crs": CRS, "transform": TRANSFORM, "nodata": 0, "compression": "zstd"}
        return (await tinycog.write(bytes, pixels(), blocksize=TILE, **options)).data or b""

    return asyncio.run(write())


class Ranges:
    """Bytes of a file by a function, which notes what was asked for, and fails where it is told."""

    name = "ranges"

    def __init__(self, data: bytes, fails_at: int | None = None) -> None:
        self.data, self.fails_at, self.asked = data, fails_at, list[tuple[int, int]]()

    async def __call__(self, start: int, stop: int) -> bytes:
        self.asked.append((start, stop))
        if self.fails_at is not None and len(self.asked) > self.fails_at:
            raise OSError(errno.EIO, "the line is cut")
        await asyncio.sleep(0)
        return self.data[start:stop]

    def twice(self) -> int:
        """Return how many bytes were asked for twice."""
        stop_so_far = found = 0
        for start, stop in sorted(self.asked):
            found += max(min(stop_so_far, stop) - start, 0)
            stop_so_far = max(stop_so_far, stop)
        return found


def memory_of(name: str) -> int:
    return LARGE if name.endswith(".tif") else SMALL


def blocks_of(name: str) -> dict[str, int]:
    return {"blocksize": TILE} if name.endswith(".tif") else {}


async def read_back(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels and mask of what was exported."""
    if path.suffix == ".npy":
        found, beside = np.load(path), path.with_name("x.mask.npy")
        return found, np.load(beside) if beside.exists() else np.ones(found.shape[1:], np.bool_)
    if path.suffix == ".zarr":
        import zarr  # noqa: PLC0415 - an extra

        group: Any = zarr.open_group(path, mode="r")
        return group["band_data"][...], group["mask"][...]
    async with tinycog.open(path, cache=False) as cog:
        raster = await cog.read(masked=True)
        return raster.data, raster.mask


# --- pixels, requests, places ---------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("window", [None, WINDOW])
async def test_an_export_is_what_read_gives_and_its_requests_are_those_of_the_plan(
    name, window, data, tmp_path
):
    source = Ranges(data)
    async with tinycog.open(source, cache=False) as cog:
        expected = await cog.read(window=window, masked=True)
        source.asked.clear()
        options = {"window": window, "memory": memory_of(name), "concurrency": 1}

        plan = await tinycog.export(cog, tmp_path / name, plan=True, **options)
        assert not source.asked
        found = await tinycog.export(cog, tmp_path / name, **options)

    assert len(source.asked) == plan.requests
    assert sum(stop - start for start, stop in source.asked) == plan.bytes
    assert source.twice() == 0
    assert found.pieces == plan.pieces
    assert found.account == expected.account
    assert found.bytes == expected.data.nbytes
    got, mask = await read_back(tmp_path / name)
    np.testing.assert_array_equal(got, expected.data)
    np.testing.assert_array_equal(mask, expected.mask)
    left = {"x.npy": {"x.npy", "x.mask.npy"}}.get(name, {name})
    assert {path.name for path in tmp_path.iterdir()} == left


@pytest.mark.parametrize("name", TARGETS)
async def test_pieces_that_are_read_at_once_need_no_more_bytes(name, data, tmp_path):
    source = Ranges(data)
    async with tinycog.open(source, cache=False) as cog:
        plan = await tinycog.export(
            cog, tmp_path / name, window=WINDOW, memory=memory_of(name), plan=True
        )
        source.asked.clear()
        await tinycog.export(cog, tmp_path / name, window=WINDOW, memory=memory_of(name))

    assert len(source.asked) <= plan.requests
    assert source.twice() == 0
    assert plan.memory <= memory_of(name)


async def test_place_and_facts_are_those_of_the_area(data, tmp_path):
    async with tinycog.open(data) as cog:
        bounds = (501_000, 4_997_000, 503_000, 4_999_000)
        whole = await cog.read([3, 1], bounds=bounds, masked=True)
        await tinycog.export(cog, tmp_path / "x.tif", bounds=bounds, indexes=[3, 1])

    async with tinycog.open(tmp_path / "x.tif") as cog:
        assert (cog.transform, cog.crs, cog.nodata) == (whole.transform, whole.crs, 0)
        np.testing.assert_array_equal((await cog.read()).data, whole.data)


@needs_zarr
async def test_zarr_is_what_xarray_reads_with_its_place(data, tmp_path):
    xr = pytest.importorskip("xarray", reason="needs the extra xarray")
    async with tinycog.open(data) as cog:
        expected = await cog.read(window=WINDOW, masked=True)
        await tinycog.export(cog, tmp_path / "x.zarr", window=WINDOW)
        await tinycog.export(cog, tmp_path / "x.zarr", window=WINDOW)  # it is replaced

    with xr.open_zarr(tmp_path / "x.zarr", consolidated=True, mask_and_scale=False) as found:
        np.testing.assert_array_equal(found.band_data, expected.data)
        left, top = expected.transform.c, expected.transform.f
        assert (float(found.x[0]), float(found.y[0])) == (left + 5, top - 5)
        assert found.spatial_ref.attrs["GeoTransform"] == f"{left} 10.0 0.0 {top} 0.0 -10.0"
        assert found.band_data.attrs["_FillValue"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x.zarr"]


@pytest.mark.parametrize(
    "area",
    [
        {"res": 20, "resampling": "average"},
        {"window": WINDOW, "shape": (130, 150), "resampling": "nearest"},
        {"window": (10, 20, 444, 333), "shape": (371, 401), "resampling": "nearest"},
        {"bounds": (501_000, 4_997_000, 503_000, 4_999_000), "res": 5, "resampling": "cubic"},
    ],
)
@pytest.mark.parametrize("name", ["x.npy", "x.tif"])
async def test_resampled_pixels_are_those_of_read(area, name, data, tmp_path):
    async with tinycog.open(data) as cog:
        expected = await cog.read(masked=True, **area)
        memory = LARGE if name == "x.tif" else 96 * MIB
        found = await tinycog.export(cog, tmp_path / name, memory=memory, **area)

    got, mask = await read_back(tmp_path / name)
    np.testing.assert_array_equal(got, expected.data)
    np.testing.assert_array_equal(mask, expected.mask)
    assert found.account == expected.account


GEOMETRY = {
    "type": "Polygon",
    "coordinates": [
        [(501_000, 4_999_000), (506_000, 4_998_500), (502_000, 4_995_500), (501_000, 4_999_000)]
    ],
}


@pytest.mark.parametrize("options", [{}, {"pad_to": 64}, {"res": 30, "resampling": "average"}])
@pytest.mark.parametrize("name", TARGETS)
async def test_an_area_by_geometry_is_that_of_read(name, options, data, tmp_path):
    source = Ranges(data)
    async with tinycog.open(source, cache=False) as cog:
        expected = await cog.read(geometry=GEOMETRY, masked=True, **options)
        wanted = (await cog.plan(geometry=GEOMETRY, masked=True, **options)).wanted
        source.asked.clear()
        memory = LARGE if options.get("res") else memory_of(name)
        found = await tinycog.export(
            cog, tmp_path / name, geometry=GEOMETRY, memory=memory, **options
        )

    assert found.account == expected.account
    assert found.account.outside > 0
    got, mask = await read_back(tmp_path / name)
    np.testing.assert_array_equal(got, expected.data)
    np.testing.assert_array_equal(mask, expected.mask)
    if not options:
        assert sum(stop - start for start, stop in source.asked) < 1.2 * wanted


@pytest.mark.parametrize("name", ["x.npy", "x.tif"])
async def test_a_mosaic_is_exported_with_its_gaps(name, tmp_path):
    whole = pixels()
    for n, col in enumerate((0, 256, 512)):
        if n != 1:
            place = TRANSFORM @ Affine.translation(col, 0)
            part = whole[:, :, col : col + 256]
            await tinycog.write(
                tmp_path / f"{n}.tif", part, crs=CRS, transform=place, blocksize=TILE
            )
    out = tmp_path / "out"
    out.mkdir()
    async with tinycog.mosaic([tmp_path / "0.tif", tmp_path / "2.tif"]) as mosaic:
        expected = await mosaic.read(masked=True)
        found = await tinycog.export(mosaic, out / name, memory=LARGE)

    got, mask = await read_back(out / name)
    np.testing.assert_array_equal(got, expected.data)
    np.testing.assert_array_equal(mask, expected.mask)
    assert found.account == expected.account
    assert found.account.gap == 256 * ROWS


async def test_a_broken_tile_is_an_error_or_accounted(data, tmp_path):
    broken = bytearray(data)
    async with tinycog.open(data) as cog:
        plan = await cog.plan(0, 3, 3)
    start, stop = plan.requests[0]
    broken[start + 8 : stop] = bytes(stop - start - 8)
    async with tinycog.open(bytes(broken)) as cog:
        with pytest.raises(tinycog.FormatError):
            await tinycog.export(cog, tmp_path / "x.npy", resume=False)
        assert not list(tmp_path.iterdir())
        found = await tinycog.export(cog, tmp_path / "x.npy", errors="fill")

    assert found.account.failed == TILE * TILE
    assert sum(found.account[1:]) == found.account.asked == ROWS * COLS


# --- functions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_function_gets_each_piece_once_in_order(is_async, data):
    taken: list[tuple[Window, tinycog.Raster]] = []

    async def sink(window, raster):
        await asyncio.sleep(0)
        taken.append((window, raster))

    def plain(window, raster):
        taken.append((window, raster))

    async with tinycog.open(data) as cog:
        plan = await tinycog.export(cog, sink, window=WINDOW, memory=SMALL, plan=True)
        found = await tinycog.export(cog, sink if is_async else plain, window=WINDOW, memory=SMALL)
        expected = await cog.read(window=WINDOW, masked=True)

    assert tuple(window for window, _ in taken) == plan.windows
    assert found.pieces == len(taken) > 3
    got = np.zeros_like(expected.data)
    for (col, row, width, height), raster in taken:
        got[:, row : row + height, col : col + width] = raster.data
    np.testing.assert_array_equal(got, expected.data)


async def test_a_function_goes_on_with_a_journal_in_a_folder(data, tmp_path):
    taken: list[Window] = []

    async def sink(window, raster):
        del raster
        if len(taken) == 3:
            raise KeyError("full")
        taken.append(window)

    options = {"window": WINDOW, "memory": SMALL, "resume": tmp_path}
    async with tinycog.open(data) as cog:
        plan = await tinycog.export(cog, sink, plan=True, **options)
        with pytest.raises(KeyError):
            await tinycog.export(cog, sink, **options)
        rest: list[Window] = []
        found = await tinycog.export(cog, lambda window, _: rest.append(window), **options)

    assert (*taken, *rest) == plan.windows
    assert found.resumed == 3
    assert found.account.asked == WINDOW[2] * WINDOW[3]
    assert not list(tmp_path.iterdir())


async def test_a_function_that_stops_its_iteration_ends_the_export(data):
    """A future takes no StopIteration: before Python 3.12 it would be awaited for ever."""
    async with tinycog.open(data) as cog:
        export = tinycog.export(cog, lambda *_: next(iter(())))
        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(export, 20)


# --- pieces ---------------------------------------------------------------------------------------


def test_pieces_cover_an_area_once_end_where_tiles_do_and_fit():
    random = Random(5)  # noqa: S311 - no secret
    for _ in range(200):
        tile = random.choice([1, 7, 64, 512])
        down, across = (
            AreaAxis(random.randint(1, 40 * tile), random.randint(0, 3 * tile), 1, tile, 10**6)
            for _ in range(2)
        )

        def cost(window, down=down, across=across, tile=tile):
            rows = down.footprint(window.row_off, window.row_off + window.height)
            cols = across.footprint(window.col_off, window.col_off + window.width)
            return rows.pixels * cols.pixels + rows.tiles * cols.tiles * tile**2

        budget = least_budget(down, across, cost) * random.randint(1, 30)
        found = list(split(down, across, cost, budget, budget))

        assert sum(w.width * w.height for w in found) == down.count * across.count
        assert max(map(cost, found)) <= budget
        for axis, starts in (
            (down, {w.row_off for w in found}),
            (across, {w.col_off for w in found}),
        ):
            assert all((start + axis.offset) % tile == 0 for start in starts - {0})


def test_a_thin_strip_has_as_many_pieces_as_its_bytes_take():
    def cost(window):
        return window.width * window.height

    long, thin = AreaAxis(10**6, 0, 1, 256, 10**6), AreaAxis(3, 0, 1, 256, 3)

    assert len(list(split(thin, long, cost, 10**6, 10**6))) == 4
    assert len(list(split(long, thin, cost, 10**6, 10**6))) == 4


def test_halves_are_cut_across_the_longer_side():
    assert halves(Window(5, 6, 7, 2)) == (Window(5, 6, 3, 2), Window(8, 6, 4, 2))
    assert halves(Window(0, 0, 2, 3)) == (Window(0, 0, 2, 1), Window(0, 1, 2, 2))
    assert halves(Window(0, 0, 1, 1)) is None


async def test_too_little_memory_is_refused_with_the_smallest_that_works(data, tmp_path):
    source = Ranges(data)
    async with tinycog.open(source, cache=False) as cog:
        source.asked.clear()
        with pytest.raises(LimitError, match="the smallest that works is 9 MiB") as caught:
            await tinycog.export(cog, tmp_path / "x.npy", memory=OVERHEAD)
        assert not source.asked
        assert caught.value.asked < 9 * MIB

        plan = await tinycog.export(cog, tmp_path / "x.npy", memory=caught.value.asked, plan=True)
        await tinycog.export(cog, tmp_path / "x.npy", memory=caught.value.asked)
    assert plan.held == 1
    assert plan.memory <= caught.value.asked


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory_is_a_budget_not_the_area(tmp_path):
    memory, rows = 24 * MIB, 9_984
    target = tmp_path / "x.npy"

    asked, peak = export_memory.measure(target, rows, memory)

    assert asked == 16_384 * rows
    assert peak <= memory + 64 * MIB < asked / 1.7
    found = np.load(target, mmap_mode="r")
    assert found.shape == (1, rows, 16_384)
    assert found[0, 255::256, 255::256].tolist() == [
        [(x + 31 * y) % 251 for x in range(64)] for y in range(39)
    ]


# --- kills, errors, other runs --------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_an_export_that_was_killed_goes_on_with_the_same_bytes():
    assert export_kills.run(3, 1024, ("npy",), 0.002) == []


@pytest.mark.parametrize("name", TARGETS)
async def test_what_was_done_is_not_done_again(name, data, tmp_path, monkeypatch):
    monkeypatch.setattr("tinycog.writer.plan.LARGEST_REGION", 1 << 17)
    options = {"window": WINDOW, "memory": memory_of(name), "concurrency": 1} | blocks_of(name)
    whole = tmp_path / "whole"
    whole.mkdir()
    async with tinycog.open(Ranges(data), cache=False) as cog:
        await tinycog.export(cog, whole / name, **options)
    before = Ranges(data, fails_at=4)
    async with tinycog.open(before, cache=False) as cog:
        with pytest.raises(SourceError, match="the line is cut"):
            await tinycog.export(cog, tmp_path / name, **options)
    assert not (tmp_path / name).exists()
    after = Ranges(data)
    async with tinycog.open(after, cache=False) as cog:
        found = await tinycog.export(cog, tmp_path / name, **options)
        expected = await cog.read(window=WINDOW, masked=True)

    assert found.account == expected.account
    if name != "x.tif":
        assert found.resumed == 3
    for one, other in zip(
        await read_back(tmp_path / name), await read_back(whole / name), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert {path.name for path in tmp_path.iterdir()} - {"whole"} == {
        path.name for path in whole.iterdir()
    }


@pytest.mark.parametrize(
    ("name", "other"),
    [("x.npy", {"bands": [0]}), ("x.npy", {"memory": 10 * MIB}), ("x.tif", {"window": None})],
)
async def test_a_journal_of_another_export_is_refused_by_its_name(
    name, other, data, tmp_path, monkeypatch
):
    monkeypatch.setattr("tinycog.writer.plan.LARGEST_REGION", 1 << 17)
    options = {"window": WINDOW, "memory": memory_of(name), "concurrency": 1} | blocks_of(name)
    async with tinycog.open(Ranges(data, fails_at=4), cache=False) as cog:
        with pytest.raises(SourceError):
            await tinycog.export(cog, tmp_path / name, **options)
    left = sorted(path.name for path in tmp_path.iterdir())
    async with tinycog.open(Ranges(data), cache=False) as cog:
        with pytest.raises(UsageError, match=rf"\.{name}\.tinycog-export"):
            await tinycog.export(cog, tmp_path / name, **{**options, **other})
        assert sorted(path.name for path in tmp_path.iterdir()) == left

        await tinycog.export(cog, tmp_path / name, resume=False, **{**options, **other})
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


async def test_a_full_disk_leaves_nothing_under_the_name(data, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no room")

    async with tinycog.open(data) as cog:
        monkeypatch.setattr("tinycog.exporting.parts.write_at", full)
        with pytest.raises(SourceError, match="the disk is full"):
            await tinycog.export(cog, tmp_path / "x.npy", resume=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("resume", [True, False])
async def test_a_cancelled_export_leaves_nothing_under_the_name(resume, data, tmp_path):
    begun = asyncio.Event()
    async with tinycog.open(data) as cog:
        work = tinycog.export(
            cog,
            tmp_path / "x.npy",
            memory=SMALL,
            resume=resume,
            progress=lambda *_: begun.set(),
        )
        task = asyncio.create_task(work)
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = {path.name for path in tmp_path.iterdir()}
        assert "x.npy" not in left
        assert bool(left) is resume
        found = await tinycog.export(cog, tmp_path / "x.npy", memory=SMALL)
    assert bool(found.resumed) is resume


async def test_what_is_there_is_replaced_or_not(data, tmp_path):
    (tmp_path / "x.npy").write_bytes(b"old")
    (tmp_path / "x.zarr").mkdir()
    (tmp_path / "x.zarr" / "thesis.doc").write_bytes(b"mine")
    async with tinycog.open(data) as cog:
        with pytest.raises(UsageError, match="overwrite is False"):
            await tinycog.export(cog, tmp_path / "x.npy", overwrite=False)
        assert (tmp_path / "x.npy").read_bytes() == b"old"
        if find_spec("zarr") is not None:
            with pytest.raises(UsageError, match="is not replaced"):
                await tinycog.export(cog, tmp_path / "x.zarr")
        await tinycog.export(cog, tmp_path / "x.npy", window=(0, 0, 64, 64))
    assert np.load(tmp_path / "x.npy").shape == (3, 64, 64)
    assert (tmp_path / "x.zarr" / "thesis.doc").read_bytes() == b"mine"
    assert not (tmp_path / "x.mask.npy").exists()


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        ("x.png", {}, "ends with .tif, .zarr or .npy"),
        ("s3://bucket/x.npy", {}, "written to a path"),
        (bytes, {}, "ends with .tif, .zarr or .npy"),
        ("x.npy", {"compression": "zstd"}, "for .tif only"),
        ("x.npy", {"window": (0, 0, 10_000, 10)}, "reaches over the edge"),
        ("x.npy", {"concurrency": 0}, "concurrency"),
        (print, {"resume": True}, "give a folder"),
    ],
)
async def test_a_wrong_call_says_what_is_expected(
    target, options, said, data, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    async with tinycog.open(data) as cog:
        with pytest.raises(UsageError, match=said):
            await tinycog.export(cog, target, **options)
    assert not list(tmp_path.iterdir())


async def test_an_export_is_of_a_handle(tmp_path):
    with pytest.raises(UsageError, match="an export is of a handle"):
        await tinycog.export("a.tif", tmp_path / "x.npy")


def test_blocking(data, tmp_path):
    seen: list[tuple[int, int]] = []
    with tinycog.sync.open(data) as cog:
        found = tinycog.sync.export(
            cog, tmp_path / "x.npy", window=WINDOW, progress=lambda *done: seen.append(done)
        )
        expected = cog.read(window=WINDOW, masked=True)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), expected.data)
    assert found.account == expected.account
    assert seen[-1] == (WINDOW[2] * WINDOW[3],) * 2
