"""`tinycog stats`: against numpy, and against GDAL."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from conftest import fixture_path

import tinycog.sync
from tinycog.cli import main
from tinycog.commands import band_summary
from tinycog.commands.band_summary import Summaries

RANDOM = np.random.default_rng(20)


def found(capsys, path, *options: str) -> dict:
    assert main(["stats", str(path), "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def check(band: dict, values: np.ndarray, tolerance: float = 0) -> None:
    """Hold what was printed of a band against numpy."""
    wide = values.astype(np.float64)
    assert (band["valid"], band["min"], band["max"]) == (values.size, wide.min(), wide.max())
    assert band["mean"] == pytest.approx(wide.mean(), rel=1e-12, abs=1e-12)
    assert band["std"] == pytest.approx(wide.std(), rel=1e-9)
    for name, value in band["percentiles"].items():
        expected = np.percentile(wide, float(name))
        assert value == pytest.approx(expected, rel=tolerance or 1e-12, abs=1e-12)
    counts, edges = np.histogram(wide, len(band["histogram"]["counts"]))
    np.testing.assert_allclose(band["histogram"]["edges"], edges, rtol=1e-12, atol=1e-9)
    assert sum(band["histogram"]["counts"]) == values.size
    if not tolerance:
        assert band["histogram"]["counts"] == counts.tolist()


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "int32", "uint32", "float32", "float64"]
)
def test_exact_statistics_are_those_of_numpy(dtype, tmp_path, capsys):
    kind = np.dtype(dtype)
    if kind.kind == "f":
        pixels = RANDOM.normal(0, 1000, (2, 300, 200)).astype(kind)
    else:
        info = np.iinfo(kind)
        pixels = RANDOM.integers(info.min // 2, info.max // 2, (2, 300, 200)).astype(kind)
    tinycog.sync.write(tmp_path / "a.tif", pixels, blocksize=64)
    document = found(capsys, tmp_path / "a.tif", "--exact", "--bins", "7")
    for band, values in zip(document["bands"], pixels, strict=True):
        check(band, values)
        assert band["histogram"]["exact"]


def test_pixels_that_are_not_valid_do_not_count(tmp_path, capsys):
    pixels = RANDOM.integers(1, 200, (2, 100, 100)).astype(np.int16)
    pixels[0, :50] = -1
    pixels[1, :, 90:] = -1
    tinycog.sync.write(tmp_path / "a.tif", pixels, nodata=-1)
    document = found(capsys, tmp_path / "a.tif", "--exact")
    for band, values in zip(document["bands"], pixels, strict=True):
        check(band, values[values != -1])
        assert band["pixels"] == 10_000


def test_nan_does_not_count(tmp_path, capsys):
    pixels = RANDOM.random((1, 50, 50)).astype(np.float32)
    pixels[0, 3:9] = np.nan
    tinycog.sync.write(tmp_path / "a.tif", pixels)
    (band,) = found(capsys, tmp_path / "a.tif", "--exact")["bands"]
    check(band, pixels[~np.isnan(pixels)])


def test_a_mask_counts(capsys):
    path = fixture_path("cog-mask-rgb")
    with tinycog.sync.open(path) as cog:
        raster = cog.read(masked=True)
    document = found(capsys, path, "--exact", "--indexes", "3", "1")
    assert [band["index"] for band in document["bands"]] == [3, 1]
    for band, n in zip(document["bands"], (2, 0), strict=True):
        check(band, raster.data[n][raster.mask])


def test_a_band_without_a_valid_pixel(tmp_path, capsys):
    tinycog.sync.write(tmp_path / "a.tif", np.zeros((1, 20, 20), np.uint8), nodata=0)
    (band,) = found(capsys, tmp_path / "a.tif")["bands"]
    assert (band["valid"], band["min"], band["std"]) == (0, None, None)
    assert (band["percentiles"], band["histogram"]["counts"]) == ({}, [])
    assert main(["stats", str(tmp_path / "a.tif")]) == 0
    assert "valid      0 of 400 pixels (0.00%)" in capsys.readouterr().out


def test_a_constant_band(tmp_path, capsys):
    tinycog.sync.write(tmp_path / "a.tif", np.full((1, 20, 20), 7, np.uint8))
    (band,) = found(capsys, tmp_path / "a.tif")["bands"]
    check(band, np.full(400, 7))


def test_scaled_statistics(capsys):
    with tinycog.sync.open(fixture_path("cog-metadata")) as cog:
        values = cog.read(scaled=True).data[0]
    (band,) = found(capsys, fixture_path("cog-metadata"), "--exact", "--scaled")["bands"]
    assert band["min"] == pytest.approx(values.min())
    assert band["mean"] == pytest.approx(values.mean())
    assert band["std"] == pytest.approx(values.std())
    assert band["percentiles"]["98"] == pytest.approx(np.percentile(values, 98))


def test_a_negative_scale_turns_them_round():
    summaries = Summaries(np.dtype(np.uint8), 1)
    values = np.arange(100, dtype=np.uint8)[None, None]
    summaries.add(values, np.ones(values.shape, np.bool_))
    (one,) = summaries.result([10, 50], 4)
    turned = one.scaled(-2, 5)
    wide = values * -2.0 + 5
    assert (turned.min, turned.max, turned.mean) == (wide.min(), wide.max(), wide.mean())
    assert turned.percentiles == pytest.approx({p: np.percentile(wide, p) for p in (50, 90)})
    assert turned.edges == sorted(turned.edges)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_more_samples_than_are_kept_are_counted_nearly(dtype, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(band_summary, "KEPT", 1000)
    pixels = RANDOM.normal(0, 1e5, (1, 300, 300)).astype(dtype)
    tinycog.sync.write(tmp_path / "a.tif", pixels, blocksize=64)
    (band,) = found(capsys, tmp_path / "a.tif", "--exact")["bands"]
    assert not band["histogram"]["exact"]
    check(band, pixels[0], tolerance=1 / 1024)


def test_an_approximation_reads_the_last_level_that_has_enough_pixels(tmp_path, capsys):
    pixels = RANDOM.integers(0, 255, (1, 1500, 1500)).astype(np.uint8)
    tinycog.sync.write(tmp_path / "a.tif", pixels, blocksize=256, overviews=(2, 4))
    document = found(capsys, tmp_path / "a.tif")
    assert (document["level"], document["exact"], document["shape"]) == (1, False, [750, 750])
    with tinycog.sync.open(tmp_path / "a.tif") as cog:
        check(document["bands"][0], cog.read(level=1).data[0])
    assert found(capsys, tmp_path / "a.tif", "--level", "2")["shape"] == [375, 375]
    assert main(["stats", str(tmp_path / "a.tif")]) == 0
    assert "approximate, of 750 x 750 pixels of level 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["cog-deflate-u8", "cog-zstd-f32-p3", "cog-10-bands-u16", "cog-mask-rgb"]
)
def test_exact_statistics_are_those_of_gdal(name, capsys, tmp_path):
    rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
    path = shutil.copy(fixture_path(name), tmp_path / "a.tif")  # GDAL writes beside it
    document = found(capsys, path, "--exact")
    with rasterio.open(path) as source:
        for band, theirs in zip(document["bands"], source.stats(approx=False), strict=True):
            ours = band["min"], band["max"], band["mean"], band["std"]
            assert ours == pytest.approx(
                (theirs.min, theirs.max, theirs.mean, theirs.std), rel=1e-9
            )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--percentiles 101", "a percentile is from 0 to 100, not 101"),
        ("--bins 0", "--bins is from 1 to 65536, not 0"),
        ("--exact --level 1", "--exact reads level 0"),
        ("--level 9", "level 9 does not exist"),
        ("--indexes 4", "indexes are counted from 1 to 1"),
    ],
)
def test_wrong_options(options, message, capsys):
    try:
        status = main(["stats", str(fixture_path("cog-deflate-u8")), *options.split()])
    except SystemExit as left:
        status = left.code
    (line,) = capsys.readouterr().err.splitlines()
    assert (status, message in line) == (2, True), line
