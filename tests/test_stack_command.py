"""`tinycog stack`: many files, step by step in time, on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinycog
import tinycog.sync

PLACE = {"crs": 32633, "transform": (10, 0, 5e5, 0, -10, 6e6), "blocksize": 64, "overviews": False}
PIXELS = np.random.default_rng(1).integers(1, 9, (3, 2, 150, 130), dtype=np.uint8)


@pytest.fixture
def index(tmp_path: Path) -> str:
    """An index of three scenes, of which the first lacks pixels."""
    names: list[str] = []
    for n, pixels in enumerate(PIXELS):
        names.append(str(tmp_path / f"scene{n}.tif"))
        source = np.ma.MaskedArray(pixels, mask=np.zeros(pixels.shape, np.bool_))
        if not n:
            source[:, :20] = np.ma.masked
        tinycog.sync.write(names[-1], source, mask="internal", descriptions=["a", "b"], **PLACE)
    found = tinycog.sync.Collection.from_urls(names, times=[f"2024-06-0{n + 1}" for n in range(3)])
    found.save(tmp_path / "scenes.jsonl")
    return str(tmp_path / "scenes.jsonl")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tinycog", "stack", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def test_to_numpy(index: str, tmp_path: Path):
    done = run(index, "-o", tmp_path / "x.npy", "--memory", "1MiB")
    assert (done.returncode, done.stderr) == (0, "")
    data, valid = np.load(tmp_path / "x.npy"), np.load(tmp_path / "x.mask.npy")
    expected = np.ones(PIXELS.shape, np.bool_)
    expected[0, :, :20] = False
    assert np.array_equal(valid, expected)
    assert np.array_equal(data, PIXELS * expected)
    told = json.loads((tmp_path / "x.stack.json").read_text())
    assert [step["time"][:10] for step in told["steps"]] == [
        "2024-06-01",
        "2024-06-02",
        "2024-06-03",
    ]
    assert (told["bands"], told["crs"]) == (["a", "b"], "EPSG:32633")
    assert not list(tmp_path.glob(".*.part"))


def test_to_cogs(index: str, tmp_path: Path):
    done = run(index, "-o", tmp_path / "x.tif", "--bands", "b", "--groupby", "day", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    names = sorted(path.name for path in tmp_path.glob("x_*.tif"))
    assert names == [f"x_2024-06-0{n}.tif" for n in (1, 2, 3)]
    for name, pixels in zip(names, PIXELS, strict=True):
        with tinycog.sync.open(tmp_path / name) as cog:
            raster = cog.read(masked=True)
            assert cog.descriptions == ("b",)
        assert np.array_equal(raster.data[0, 20:], pixels[1, 20:])
        assert raster.mask[:20].all() == (name != names[0])


def test_to_zarr(index: str, tmp_path: Path):
    pytest.importorskip("zarr", reason="zarr is not installed: it needs Python 3.12")
    xr = pytest.importorskip("xarray", reason="xarray is not installed")
    done = run(index, "-o", tmp_path / "x.zarr", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    with xr.open_zarr(tmp_path / "x.zarr", chunks=None, consolidated=False) as dataset:
        assert np.array_equal(dataset["stack"].values[1:], PIXELS[1:])
    again = run(index, "-o", tmp_path / "x.zarr")
    assert again.returncode == 2
    assert "is there already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(("-o", "x.png"), "DST ends with one of"), (("-o", "x.npy", "--groupby", "cloud"), "cloud")],
)
def test_wrong_arguments_are_one_line(index: str, arguments: tuple[str, ...], text: str):
    done = run(index, *arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


FIELD = {"type": "Polygon", "coordinates": [[(x, y) for x, y in (
    (500_005, 5_999_000), (501_000, 5_998_800), (500_700, 5_999_900), (500_005, 5_999_000)
)]]}  # fmt: skip


@pytest.mark.parametrize("ending", ["npy", "tif"])
@pytest.mark.parametrize("nodata", [None, 0])
def test_a_geometry_limits_what_is_valid(tmp_path: Path, ending: str, nodata: int | None):
    scene = tmp_path / "scene.tif"
    tinycog.sync.write(scene, PIXELS[0], nodata=nodata, **PLACE)
    with tinycog.sync.open(scene) as cog:
        expected = cog.read(geometry=FIELD, crop=True)
    command = ["-o", tmp_path / f"x.{ending}", "--geometry", json.dumps(FIELD), "--quiet"]
    done = run(scene, *command, "--pad-to", 8)
    assert (done.returncode, done.stderr) == (0, "")
    if ending == "npy":
        data, valid = np.load(tmp_path / "x.npy")[0], np.load(tmp_path / "x.mask.npy")[0]
    else:
        with tinycog.sync.open(next(tmp_path.glob("x_*.tif"))) as cog:
            raster = cog.read(masked=True)
        data, valid = raster.data, np.broadcast_to(raster.mask, raster.data.shape)
    rows, cols = expected.data.shape[1:]
    assert data.shape == (2, -(-rows // 8) * 8, -(-cols // 8) * 8)
    assert expected.mask.any()
    assert not expected.mask.all()
    assert np.array_equal(valid[:, :rows, :cols], np.broadcast_to(expected.mask, (2, rows, cols)))
    assert not valid[:, rows:].any()
    assert not valid[:, :, cols:].any()
    assert np.array_equal(data[valid], expected.data[:, expected.mask].reshape(-1))
