"""A stack as an array of xarray: lazily, by dask, in other processes."""

# pyright: reportOptionalSubscript=false, reportOperatorIssue=false
from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from affine import Affine
from test_stack import CRS, DAYS, SIDE, TRANSFORM, cog_of, moved, pixels_of

import tinycog
import tinycog.sync
from tinycog.testing import serve_in_thread

xr = pytest.importorskip("xarray", reason="the extra xarray")
dask = pytest.importorskip("dask", reason="the extra xarray")

pytestmark = [
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # of rioxarray
]

COUNT = 4


@pytest.fixture
async def files() -> dict[str, Any]:
    """Scenes of two bands, of which one of the four lies beside the others."""
    options: dict[str, Any] = {"descriptions": ["red", "nir"], "scales": [0.1] * 2}
    return {
        f"{n}.tif": await cog_of(pixels_of(n, 2), moved(8 * (n == 3)), **options)
        for n in range(COUNT)
    }


def stack_of(server: Any, **options: Any) -> tinycog.sync.Stack:
    urls = [server.url(f"{n}.tif") for n in range(COUNT)]
    found = tinycog.sync.Collection.from_urls(urls, times=DAYS[:COUNT])
    server.log.clear()
    return found.stack(**options)


def test_it_reads_what_is_indexed(files: Any):
    with serve_in_thread(files) as server:
        stack = stack_of(server)
        array = stack.to_xarray(mask_and_scale=False)
        assert not server.log
        assert array.dims == ("time", "band", "y", "x")
        assert array.shape == (COUNT, 2, SIDE, SIDE + 8)
        assert array.dtype == np.uint16
        assert array.band.values.tolist() == ["red", "nir"]
        assert array.time.values.astype("M8[D]").astype(str).tolist() == [
            day[:10] for day in DAYS[:COUNT]
        ]
        assert array.x.values[:2].tolist() == [500_005, 500_015]
        assert array.y.values[:2].tolist() == [4_999_995, 4_999_985]
        assert array.spatial_ref.attrs["GeoTransform"].split()[0] == "500000.0"
        assert array.attrs["_FillValue"] == 0
        assert array.attrs["scale_factor"] == 0.1
        whole = stack.read()
        server.log.clear()
        one = array.sel(band="nir")[2, 40:50, 5:9]
        assert np.array_equal(one, whole.data[2, 1, 40:50, 5:9])
        assert [line.path for line in server.log] == ["2.tif"]
        picked = array[[3, 0], :, ::50, [1, 100, 7]]
        assert np.array_equal(picked, whole.data[[3, 0]][:, :, ::50][..., [1, 100, 7]])
        assert array[:0].values.shape == (0, 2, SIDE, SIDE + 8)
        values = stack.to_xarray()
        expected = np.where(whole.band_masks, whole.data * 0.1, np.nan)
        assert np.array_equal(values, expected, equal_nan=True)
        assert np.isnan(values[3, :, :, :8]).all()
        assert values.encoding["_FillValue"] == 0
        again = pickle.loads(pickle.dumps(array))  # noqa: S301 - our own
        assert np.array_equal(again[1, 0], whole.data[1, 0])


def test_what_other_libraries_make_of_it(files: Any):
    pytest.importorskip("rioxarray", reason="CRS and transform as it reads them")
    odc: Any = pytest.importorskip("odc.geo.xr", reason="likewise")
    del odc
    with serve_in_thread(files) as server:
        array = stack_of(server).to_xarray(chunks={})
        assert str(array.rio.crs) == CRS
        assert tuple(array.rio.transform())[:6] == tuple(TRANSFORM)[:6]
        box: Any = array.odc.geobox
        same = stack_of(server, like=box)
        assert (same.transform, same.shape[2:]) == (TRANSFORM, tuple(box.shape))


def test_chunks_are_tiles_and_none_is_read_twice(files: Any):
    with serve_in_thread(files) as server:
        stack = stack_of(server, bounds=(500_050, 4_998_800, 501_200, 4_999_950))
        array = stack.to_xarray(chunks={}, mask_and_scale=False)
        assert not server.log
        assert array.chunks[:2] == ((1,) * COUNT, (2,))
        small = stack.to_xarray(
            chunks={"time": 2, "y": (27, 32, 32, 24), "x": (27, 32, 32, 24)}, mask_and_scale=False
        )
        assert small.data.npartitions == 2 * 4 * 4
        mean = small.isel(time=slice(0, 3)).mean("time").compute()
        lengths = sum(line.stop - line.start for line in server.log)
        assert lengths <= sum(len(files[f"{n}.tif"]) for n in range(3))
        whole = stack.read()
        assert np.array_equal(mean, whole.data[:3].mean(axis=0))
        assert np.array_equal(array.compute(), whole.data)


def test_processes_need_no_header(files: Any):
    distributed: Any = pytest.importorskip("distributed", reason="the extra ecosystem")
    with serve_in_thread(files) as server:
        stack = stack_of(server)
        array = stack.to_xarray(chunks={}, mask_and_scale=False)
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster),
        ):
            found = array.compute()
        plan = stack.plan()
        planned = sum(map(len, plan.beside.values()))
        assert len(server.log) == planned
        assert np.array_equal(found, stack.read().data)


def test_rotated_grids_and_bands_without_names(files: Any):
    with serve_in_thread(files) as server:
        transform = Affine(10, 1, 500_000, 1, -10, 5_000_000)
        stack = stack_of(server, transform=transform, shape=(20, 30), bands=[0])
        array = stack.to_xarray()
        assert array.shape == (COUNT, 1, 20, 30)
        assert array.xc.shape == (20, 30)
        assert np.array_equal(np.isnan(array), ~stack.read().band_masks)
