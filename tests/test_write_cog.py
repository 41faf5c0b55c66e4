"""`tinycog.compat.write_cog`: datacube's arguments, what is made of them, and what is refused."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinycog
import tinycog.sync
from tinycog.compat import write_cog
from tinycog.errors import UsageError
from tinycog.writer.sources.dask_delayed import DelayedWrite

xr = pytest.importorskip("xarray", reason="xarray is not installed")


class Resampling(IntEnum):
    """Some members of rasterio's."""

    nearest = 0
    average = 5


def image(size: int = 600, dtype: str = "uint16", dims: tuple[str, ...] = ("y", "x")) -> Any:
    """Return a DataArray as datacube loads it."""
    pixels = np.arange(size * size).reshape(size, size).astype(dtype)
    place = {
        "y": 6_000_000.0 - 10 * np.arange(size),
        "x": 500_000.0 + 10 * np.arange(size),
    }
    found = xr.DataArray(
        pixels, dims=("y", "x"), coords=place, attrs={"nodata": 5, "crs": "EPSG:32633"}
    )
    return found if len(dims) == 2 else found.expand_dims(dims[0])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any, dict[str, Any]]]:
    """Put a writer in the place of ours that keeps what it is called with."""
    made = list[tuple[Any, Any, dict[str, Any]]]()

    async def write_later() -> Any:
        return SimpleNamespace(data=b"II")

    def blocking(target: Any, source: Any, **options: Any) -> Any:
        made.append((target, source, options))
        return SimpleNamespace(data=b"II")

    def delayed(target: Any, source: Any, **options: Any) -> Any:
        made.append((target, source, options))
        return DelayedWrite(write_later)

    monkeypatch.setattr(tinycog.sync, "write", blocking, raising=False)
    monkeypatch.setattr(tinycog, "write", delayed, raising=False)
    return made


DEFAULTS = {
    "compression": "deflate",
    "level": 7,
    "predictor": 2,
    "blocksize": 512,
    "overview_resampling": "nearest",
    "overviews": [2, 4, 8, 16, 32],
}


def test_the_arguments_are_datacubes() -> None:
    """In its order, with its defaults."""
    parameters = inspect.signature(write_cog).parameters
    assert {name: each.default for name, each in parameters.items()} == {
        "geo_im": inspect.Parameter.empty,
        "fname": inspect.Parameter.empty,
        "overwrite": False,
        "blocksize": None,
        "ovr_blocksize": None,
        "overview_resampling": None,
        "overview_levels": None,
        "use_windowed_writes": False,
        "intermediate_compression": False,
        "extra_rio_opts": inspect.Parameter.empty,
    }
    assert parameters["extra_rio_opts"].kind is inspect.Parameter.VAR_KEYWORD


def test_an_array_in_memory_is_written_at_once(calls: list[Any], tmp_path: Path) -> None:
    """The path is returned; ":mem:" gives bytes."""
    given = image()
    assert write_cog(given, tmp_path / "a.tif") == tmp_path / "a.tif"
    assert write_cog(given, str(tmp_path / "a.tif")) == tmp_path / "a.tif"
    assert write_cog(given, ":mem:") == b"II"
    assert [call[0] for call in calls] == [tmp_path / "a.tif", str(tmp_path / "a.tif"), bytes]
    assert [call[2] for call in calls] == [*[{**DEFAULTS, "overwrite": False}] * 2, DEFAULTS]
    assert all(call[1].equals(given) for call in calls)


def test_an_array_of_dask_is_delayed(calls: list[Any], tmp_path: Path) -> None:
    """Several are computed together."""
    dask = pytest.importorskip("dask", reason="dask is not installed")
    delayed_type = pytest.importorskip("dask.delayed").Delayed
    given = image().chunk(256)
    delayed = [write_cog(given, tmp_path / name) for name in ("a.tif", "b.tif")]
    in_memory = write_cog(given, ":mem:")
    assert all(isinstance(each, delayed_type) for each in (*delayed, in_memory))
    with dask.config.set(scheduler="sync"):
        assert dask.compute(*delayed) == (tmp_path / "a.tif", tmp_path / "b.tif")
        assert in_memory.compute() == b"II"
    assert [call[2].get("plan", False) for call in calls] == [True, False] * 3


@pytest.mark.parametrize("change", [lambda a: a, lambda a: a.chunk(250)])
def test_an_existing_file_is_an_oserror(change: Callable[[Any], Any], tmp_path: Path) -> None:
    """Unless it is to be replaced; of dask it is looked at when it is computed."""
    path, given = tmp_path / "a.tif", change(image())

    def written(**options: Any) -> Any:
        found = write_cog(given, os.fspath(path), **options)
        if given.chunks is not None:
            path.write_bytes(b"")
            found = found.compute()
        return found

    if given.chunks is None:
        path.write_bytes(b"")
    with pytest.raises(OSError, match="overwrite=True"):
        written()
    assert path.read_bytes() == b""
    assert written(overwrite=True) == path
    assert path.stat().st_size > 1000


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"overview_resampling": Resampling.average}, {"overview_resampling": "average"}),
        ({"overview_resampling": "MODE"}, {"overview_resampling": "mode"}),
        ({"overview_levels": []}, {"overviews": []}),
        ({"overview_levels": (2, 8)}, {"overviews": [2, 8]}),
        ({"blocksize": 256, "ovr_blocksize": 128}, {"blocksize": 256, "overview_blocksize": 128}),
        ({"blockxsize": 128, "BLOCKYSIZE": "128"}, {"blocksize": 128}),
        ({"use_windowed_writes": True, "intermediate_compression": {"compress": "lzw"}}, {}),
        ({"nodata": 7, "crs": "EPSG:4326"}, {"nodata": 7, "crs": "EPSG:4326"}),
        ({"nodata": None}, {}),
        ({"compress": "DEFLATE", "ZLEVEL": "9", "predictor": 1}, {"level": 10, "predictor": 1}),
        ({"zlevel": 5, "predictor": "STANDARD"}, {"level": 5}),
        ({"overview_levels": np.array([8, 4, 2])}, {"overviews": [2, 4, 8]}),
        ({"photometric": "MINISBLACK"}, {"colorinterp": ("gray",)}),
        (
            {"compress": "jxl", "jxl_lossless": "YES"},
            {"compression": "jxl", "lossless": True, "level": None, "predictor": None},
        ),
        ({"endianness": "BIG", "statistics": "YES"}, {"byte_order": ">", "statistics": True}),
        ({"compress": "zstd", "zstd_level": 3}, {"compression": "zstd", "level": 3}),
        ({"compress": "LZW"}, {"compression": "lzw", "level": None}),
        (
            {"compress": "JPEG", "jpeg_quality": 90},
            {"compression": "jpeg", "quality": 90, "level": None, "predictor": None},
        ),
        (
            {"compress": "lerc_deflate", "max_z_error": "0.5"},
            {"compression": "lerc_deflate", "max_z_error": 0.5, "predictor": None},
        ),
        ({"interleave": "BAND", "num_threads": "ALL_CPUS"}, {"interleave": "band"}),
        ({"driver": "GTiff", "tiled": True, "bigtiff": "IF_SAFER"}, {"bigtiff": None}),
        ({"bigtiff": "YES", "nbits": "1"}, {"bigtiff": True, "bits": 1}),
        ({"sparse_ok": "TRUE"}, {"sparse": True}),
    ],
)
def test_options_become_those_of_write(
    calls: list[Any], given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """GDAL's names in any case, values as text or numbers; None: there is no such argument."""
    write_cog(image(), ":mem:", **given)
    wanted = {name: value for name, value in (DEFAULTS | expected).items() if value is not None}
    assert {name: value for name, value in calls[0][2].items() if value is not None} == wanted


def test_defaults_go_by_dtype_and_size(calls: list[Any]) -> None:
    """Predictor 3 for floats; no overviews of small images."""
    write_cog(image(dtype="float32"), ":mem:")
    write_cog(image(dtype="complex64"), ":mem:")
    write_cog(image(500, dims=("time", "y", "x")), ":mem:")
    assert [call[2].get("predictor") for call in calls] == [3, 1, 2]
    assert [len(call[2]["overviews"]) for call in calls] == [5, 5, 0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"blockxsize": 128, "blockysize": 256}, "tiles are square"),
        ({"profile": "GDALGeoTIFF"}, "profile"),
        ({"compress": "zstd", "zlevel": 6}, "zlevel: not understood with compress=zstd"),
        ({"compress": "none", "predictor": 2}, "predictor"),
        ({"zlevel": "best"}, "level must be a whole number"),
        ({"tiled": False}, "tiled=False cannot be had"),
        ({"bigtiff": "perhaps"}, "bigtiff='perhaps' is not understood"),
        ({"sparse_ok": "perhaps"}, "sparse_ok='perhaps' is not understood"),
        ({"width": 5}, "width"),
        ({"photometric": "rgb"}, "photometric='rgb' cannot be had of 1 bands"),
        ({"overview_levels": [3, 9]}, r"overview_levels=\[3, 9\]"),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    calls: list[Any], given: dict[str, Any], message: str
) -> None:
    """Never ignored."""
    with pytest.raises(UsageError, match=message):
        write_cog(image(), ":mem:", **given)
    assert not calls


def test_sizes_of_tiles_are_made_multiples_of_16(calls: list[Any]) -> None:
    """With datacube's warning."""
    with pytest.warns(UserWarning, match="multiple of 16"):
        write_cog(image(), ":mem:", blocksize=250)
    assert calls[0][2]["blocksize"] == 256


# --- with the writer -----------------------------------------------------------------------------


@pytest.mark.parametrize("change", [lambda a: a, lambda a: a.chunk(250)])
def test_what_was_written_is_read(change: Callable[[Any], Any], tmp_path: Path) -> None:
    """A program of datacube's: pixels, place and nodata by rasterio."""
    rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
    given = change(image(1100))
    written = write_cog(given, tmp_path / "a.tif", overview_levels=[2, 4])
    if given.chunks is not None:
        assert not (tmp_path / "a.tif").exists()
        written = written.compute()
    with rasterio.open(written) as opened:
        assert (opened.read(1) == given.values).all()
        assert opened.nodata == 5
        assert opened.crs == rasterio.crs.CRS.from_epsg(32633)
        assert tuple(opened.transform)[:6] == (10, 0, 499_995, 0, -10, 6_000_005)
        assert len(opened.overviews(1)) == 2
        assert opened.block_shapes == [(512, 512)]


def test_bytes_are_those_of_the_file(tmp_path: Path) -> None:
    """The same image gives the same bytes, in memory and on disk."""
    path = write_cog(image(), tmp_path / "a.tif")
    assert write_cog(image(), ":mem:") == path.read_bytes()


def test_what_write_refuses_is_refused() -> None:
    """Its own errors say what is allowed."""
    refused: list[tuple[dict[str, Any], str]] = [
        ({"compress": "lzo"}, "lzo"),
        ({"compress": "jpeg"}, "JPEG cannot hold uint16"),
        ({"predictor": 3}, "cannot hold predictor 3 with uint16"),
    ]
    for given in (image(), image().chunk(300)):
        for options, message in refused:
            with pytest.raises(UsageError, match=message):
                write_cog(given, ":mem:", **options)


@pytest.mark.parametrize("given", [np.zeros((4, 4)), xr.Dataset({"a": ("x", [1])}), None])
def test_what_is_no_array_of_a_place_is_refused(given: Any) -> None:
    """As by datacube: a ValueError."""
    with pytest.raises(UsageError, match="geo_im is a DataArray"):
        write_cog(given, ":mem:")


@pytest.mark.parametrize("attrs", [{}, {"nodata": 5}, {"_FillValue": 5.0}])
def test_floats_without_nodata_have_nan(attrs: dict[str, Any]) -> None:
    """As by datacube."""
    rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
    given = image(600, "float32").where(np.eye(600) == 0)
    given.attrs = {"crs": "EPSG:32633", **attrs}
    with rasterio.MemoryFile(write_cog(given, ":mem:")) as file, file.open() as opened:
        np.testing.assert_equal(opened.nodata, next(iter(attrs.values()), np.nan))
        if not attrs:
            assert np.count_nonzero(opened.dataset_mask()) == 600 * 599


def test_lerc_leaves_nan_where_it_was() -> None:
    """Though it is lossy, and NaN is nodata."""
    rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
    given = image(600, "float32").where(np.eye(600) == 0)
    given.attrs = {"crs": "EPSG:32633"}
    data = write_cog(given, ":mem:", compress="lerc_zstd", max_z_error=0.1)
    with rasterio.MemoryFile(data) as file, file.open() as opened:
        np.testing.assert_array_equal(np.isnan(opened.read(1)), np.eye(600))
        assert np.count_nonzero(opened.dataset_mask()) == 600 * 599


def test_what_is_said_of_other_bands_is_left_out() -> None:
    """Attributes of a file of three bands stay with one of them; datacube reads none of them."""
    given = image()
    given.attrs |= {"long_name": ("r", "g", "b"), "scales": (1, 2, 3), "note": "a\0b"}
    assert write_cog(given, ":mem:") == write_cog(image(), ":mem:")


def test_colours_are_told_of_three_bands() -> None:
    """Samples of 16 bits are no colours by themselves."""
    rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
    given = xr.concat([image()] * 3, "band", coords="minimal", compat="override")
    with (
        rasterio.MemoryFile(write_cog(given, ":mem:", photometric="RGB")) as file,
        file.open() as opened,
    ):
        assert [colour.name for colour in opened.colorinterp] == ["red", "green", "blue"]
