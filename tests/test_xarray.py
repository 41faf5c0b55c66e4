"""The door to xarray: lazy, with the requests of the reads themselves, and the field's names."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

import tinycog
import tinycog.sync
from tinycog.testing import Field, Layout, make_image, make_pyramid, make_tiff, serve_in_thread

xr = pytest.importorskip("xarray", reason="the engine is xarray's")
pytest.importorskip("dask", reason="chunks are dask's")
rasterio = pytest.importorskip("rasterio")

from rasterio.control import GroundControlPoint  # noqa: E402
from rasterio.transform import Affine  # noqa: E402

from tinycog.adapters.xarray.backend import TinycogBackendEntrypoint as ENGINE  # noqa: E402, N814

pytestmark = [
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # of rioxarray
    pytest.mark.filterwarnings("ignore:The specified chunks separate:UserWarning"),  # small ones
]

ROOT = Path(__file__).parent.parent

BANDS, ROWS, COLS = 3, 200, 300
PIXELS = np.random.default_rng(5).integers(0, 60000, (BANDS, ROWS, COLS), np.uint16)
PYRAMID = make_pyramid(PIXELS, (2, 4), tile=(64, 64))
FILES = {
    "a.tif": make_tiff(PYRAMID, layout=Layout(ghost=True)),
    "planar.tif": make_tiff([make_image(PIXELS, tile=(64, 64), planar=True)]),
}
UTM = Affine(10.0, 0.0, 500000.0, 0.0, -10.0, 4600000.0)
ROTATED = Affine.translation(500000.0, 4600000.0) @ Affine.rotation(30) @ Affine.scale(10, -10)


@pytest.fixture
def server():
    with serve_in_thread(FILES) as server:
        yield server


@pytest.fixture
def url(server):
    return server.url("a.tif")


def opened(where, **options):
    return xr.open_dataset(where, engine=ENGINE, **options)


def written(path: Path, pixels: np.ndarray, *, fill=lambda _: None, mask=None, **profile) -> Path:
    """Write a GeoTIFF by GDAL; `fill` is called with the open dataset."""
    bands, rows, cols = pixels.shape
    profile = {"crs": "EPSG:32631", "transform": UTM, "tiled": True, **profile}
    size = {"blockxsize": 64, "blockysize": 64, "width": cols, "height": rows, "count": bands}
    with (
        warnings.catch_warnings(action="ignore"),  # of files without a georeference
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", driver="GTiff", dtype=pixels.dtype, **size, **profile) as file,
    ):
        file.write(pixels)
        fill(file)
        if mask is not None:
            file.write_mask(mask)
    return path


# --- the engine ----------------------------------------------------------------------------------


def test_it_is_an_engine_by_name_once_the_package_is_installed(url):
    if "tinycog" not in xr.backends.list_engines():
        pytest.skip("the package is not installed here, so that it has no entry points")
    with xr.open_dataset(url, engine="tinycog") as found:
        assert found.band_data.shape == PIXELS.shape


def test_it_claims_no_file_unless_asked_by_name(tmp_path):
    path = written(tmp_path / "a.tif", PIXELS)
    for where in (str(path), path, b"II*\0", "https://example.com/a.tif"):
        assert not ENGINE().guess_can_open(where)


def test_a_level_is_a_dataset(url):
    found = opened(url)

    assert dict(found.sizes) == {"band": BANDS, "y": ROWS, "x": COLS}
    assert set(found.coords) == {"band", "y", "x", "spatial_ref"}
    assert found.band.values.tolist() == [1, 2, 3]
    assert found.band_data.dtype == np.uint16
    np.testing.assert_array_equal(found.band_data, PIXELS)
    assert opened(url, default_name="dem").dem.dims == ("band", "y", "x")


def test_levels_are_chosen_or_make_a_tree(server, url):
    coarse = opened(url, level=2)
    np.testing.assert_array_equal(coarse.band_data, PIXELS[:, ::4, ::4])
    server.clear()

    with xr.open_datatree(url, engine=ENGINE) as tree:
        assert len(server.log) == 1
        assert list(tree.children) == ["0", "1", "2"]
        for z, level in enumerate(tree.children.values()):
            np.testing.assert_array_equal(level.band_data, PIXELS[:, :: 2**z, :: 2**z])
    xr.testing.assert_identical(tree["2"].to_dataset(), coarse)
    assert set(xr.open_groups(url, engine=ENGINE)) == {"/", "/0", "/1", "/2"}


@pytest.mark.parametrize("level", [3, -1])
def test_a_level_that_is_not_there_is_an_error(url, level):
    with pytest.raises(tinycog.TileIndexError, match=rf"level {level} .*levels 0 to 2"):
        opened(url, level=level)


def test_options_of_open_pass_through(url):
    with pytest.raises(tinycog.UsageError, match="pin= has no use"):
        opened(url, pin="abc", pinning="off")
    with pytest.raises(tinycog.LimitError):
        opened(url, limits=tinycog.Limits(result_bytes=1000)).load()
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        opened(url, colour=1)
    assert opened(FILES["a.tif"]).sizes["x"] == COLS
    assert opened(url, decode_coords="all", decode_times=False).sizes["x"] == COLS


def test_pages_are_opened_as_by_tinycog():
    pages = [make_image(PIXELS[:1] + n, tile=(64, 64), subfile_type=2) for n in range(3)]
    found = opened(make_tiff(pages), page=2)
    np.testing.assert_array_equal(found.band_data, PIXELS[:1] + 2)


def test_a_handle_is_opened_too_and_stays_open(url):
    handle = tinycog.open(url)
    with opened(handle) as found:
        found.band_data[0, 0, 0].load()
    blocking = tinycog.sync.Cog(handle)
    assert blocking.read(1, window=(0, 0, 1, 1)).data[0, 0, 0] == PIXELS[0, 0, 0]
    with opened(blocking, level=1) as found:
        assert found.sizes["x"] == COLS // 2
    with pytest.raises(tinycog.UsageError, match="beside a handle: pin"):
        opened(handle, pin='"a"')


def test_a_dataset_that_is_closed_reads_no_more(url):
    with opened(url) as found:
        pass
    with pytest.raises(tinycog.UsageError, match="closed"):
        found.load()


def test_variables_can_be_left_out(url):
    assert "band_data" not in opened(url, drop_variables=["band_data", "nothing"])


def test_the_source_shows_no_credentials(server):
    secret = server.url("a.tif").replace("//", "//me:secret@") + "?X-Amz-Signature=123"
    assert "secret" not in opened(secret).encoding["source"]
    assert "123" not in opened(secret).encoding["source"]


# --- indexing ------------------------------------------------------------------------------------

POINTS = {
    "near": ([3, 5, 3, 4], [70, 90, 71, 70]),
    "far": ([0, 199, 0, -1, 100], [0, 299, 299, 0, -2]),
    "grid": (np.arange(12).reshape(3, 4) * 16, np.arange(12).reshape(3, 4)[::-1] * 20),
    "none": (np.zeros(0, int), np.zeros(0, int)),
}
BASIC = {
    "all": (slice(None), slice(None), slice(None)),
    "scalar": (1, 2, -3),
    "row": (slice(None), 100, slice(None)),
    "window": (0, slice(10, 90), slice(65, 128)),
    "steps": (slice(None, None, 2), slice(3, 180, 7), slice(5, None, 11)),
    "backwards": (slice(None, None, -1), slice(150, 20, -3), slice(None, None, -64)),
    "nothing": (slice(None), slice(5, 5), slice(None)),
    "no band": (slice(3, 3), slice(0, 5), 7),
    "lists": ([2, 0], [5, 5, 199, 0], [0, 299]),
    "list and scalar": (1, [7, 3], slice(2, 9)),
    "empty list": ([], slice(0, 3), [1]),
    "lists of one": ([1], [1], [1]),
}


def numpy_result(pixels, key):
    """What orthogonal indexing gives."""
    for axis in (2, 1, 0):
        pixels = pixels[(*[slice(None)] * axis, key[axis])]
    return pixels


@pytest.mark.parametrize("key", BASIC.values(), ids=BASIC)
def test_indexing_is_that_of_numpy(url, key):
    found = opened(url).band_data[key]
    np.testing.assert_array_equal(found, numpy_result(PIXELS, key), strict=True)


@pytest.mark.parametrize("points", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize("band", [slice(None), 1, [2, 0]], ids=str)
def test_points_are_those_of_numpy(url, points, band):
    dims = ("a", "b")[: np.ndim(points[0])]
    rows, cols = (xr.DataArray(np.asarray(each), dims=dims) for each in points)

    found = opened(url).band_data.isel(band=band, y=rows, x=cols)

    np.testing.assert_array_equal(found, PIXELS[band][..., rows.values, cols.values])


def test_keys_on_keys_are_one_read(server, url):
    found = opened(url).band_data[:, 10:, ::-1]
    server.clear()
    np.testing.assert_array_equal(found[1, 5:20, 100:120], PIXELS[1, 15:30, ::-1][:, 100:120])
    assert len(server.log) == 1


async def test_values_are_loaded_side_by_side_in_the_running_loop(url):
    found = opened(url, band_as_variable=True)
    points = {"x": xr.DataArray([0, 299], dims="p"), "y": xr.DataArray([0, 199], dims="p")}

    await found.load_async()
    some = await opened(url).isel(points).load_async()
    await opened(url).isel(x=slice(0), y=3).load_async()

    for band in range(BANDS):
        np.testing.assert_array_equal(found[f"band_{band + 1}"], PIXELS[band])
    np.testing.assert_array_equal(some.band_data, PIXELS[:, [0, 199], [0, 299]])


# --- requests ------------------------------------------------------------------------------------


def sent(server):
    return sorted((line.start, line.stop) for line in server.log)


def test_opening_and_a_tile_cost_what_they_cost_tinycog(server, url):
    with tinycog.sync.open(url) as cog:
        cog.read_tile(1, 1, 1)
        expected = sent(server)
        server.clear()

    found = opened(url, level=1)
    assert len(server.log) == 1  # the header
    found.isel(y=slice(64, 100), x=slice(64, 128)).load()

    assert len(server.log) == 2
    assert sent(server) == expected


def test_only_the_bands_asked_for_are_read(server):
    found = opened(server.url("planar.tif"))
    server.clear()
    found.isel(band=[0, 2], y=slice(0, 64), x=slice(0, 64)).load()
    assert sum(line.sent for line in server.log) < 2.1 * 64 * 64 * 2
    server.clear()
    found.isel(band=1, y=3, x=3).load()
    assert sum(line.sent for line in server.log) < 1.1 * 64 * 64 * 2


def test_points_far_apart_cost_their_tiles_alone():
    rows, cols = 2048, 2048
    pixels = np.arange(rows * cols, dtype=np.uint32).reshape(1, rows, cols)
    with serve_in_thread({"b.tif": make_tiff([make_image(pixels, tile=(128, 128))])}) as server:
        found = opened(server.url("b.tif")).band_data[0]
        server.clear()
        at = {"y": xr.DataArray([5, 2000], dims="p"), "x": xr.DataArray([2040, 3], dims="p")}

        np.testing.assert_array_equal(found.isel(at), pixels[0, [5, 2000], [2040, 3]])

        assert sum(line.sent for line in server.log) == 2 * 128 * 128 * 4


def test_a_copy_and_a_pickle_know_the_header(server, url):
    found = opened(url)
    server.clear()
    for other in (
        pickle.loads(pickle.dumps(found)),  # noqa: S301 - our own
        copy.copy(found),
        copy.deepcopy(found),
        found.copy(deep=True),
    ):
        np.testing.assert_array_equal(other.band_data[0, :64, :64], PIXELS[0, :64, :64])
        assert len(server.log) == 1
        server.clear()
    assert found.variables["band_data"]._in_memory is False


# --- dask ----------------------------------------------------------------------------------------


def test_chunks_are_whole_tiles(url):
    found = opened(url, chunks={})

    assert found.band_data.encoding["preferred_chunks"] == {"band": 3, "y": ROWS, "x": COLS}
    assert found.band_data.chunks == ((3,), (ROWS,), (COLS,))
    np.testing.assert_array_equal(found.band_data.compute(), PIXELS)
    small = opened(url, chunks={"y": 64, "x": 128, "band": 1})
    np.testing.assert_array_equal(small.band_data.mean(("y", "x")), PIXELS.mean((1, 2)))


@pytest.mark.parametrize(
    ("shape", "tile", "dtype", "planar", "expected"),
    [
        ((1, 5000, 6000), (512, 512), np.uint8, False, (1, 2048, 2048)),
        ((1, 5000, 6000), (500, 300), np.uint8, False, (1, 2000, 1800)),
        ((4, 5000, 6000), (512, 512), np.float32, False, (4, 2048, 1024)),
        ((4, 5000, 6000), (512, 512), np.float32, True, (1, 2048, 2048)),
        ((1, 5000, 6000), None, np.uint16, False, (1, 688, 6000)),
        ((1, 100, 100), (512, 512), np.uint8, False, (1, 100, 100)),
    ],
)
def test_preferred_chunks_are_large_but_not_too_large(shape, tile, dtype, planar, expected):
    bands, rows, cols = shape
    tile_rows, tile_cols = tile or (16, cols)
    sizes = {"ImageLength": rows, "ImageWidth": cols}
    sizes |= {"TileLength": tile_rows, "TileWidth": tile_cols} if tile else {"RowsPerStrip": 16}
    fields = [Field(tinycog.Tag[name], "LONG", size) for name, size in sizes.items()]
    pixels = np.zeros((bands, 16, 16), dtype)  # no pixel is read
    image = make_image(pixels, tile=tile and (16, 16), planar=planar, extra=fields)
    chunks = opened(make_tiff([image]), parse_coordinates=False).band_data.encoding
    assert tuple(chunks["preferred_chunks"].values()) == expected


def test_dask_tells_files_pages_and_levels_apart(url):
    handle = tinycog.open(url)
    other = tinycog.open(make_tiff([make_image(PIXELS + 1, tile=(64, 64))]))
    names = [
        opened(where, chunks={}, **options).band_data.data.name
        for where, options in [(handle, {}), (handle, {"level": 1}), (other, {}), (url, {})]
    ]
    assert len(set(names)) == len(names)
    assert opened(handle, chunks={}).band_data.data.name == names[0]


def test_workers_of_a_cluster_read_no_header(server, url):
    distributed = pytest.importorskip("distributed", reason="needs Python 3.12")
    found = opened(url, chunks={"band": 3, "y": 64, "x": 128})
    header = sent(server)
    server.clear()
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        total = found.band_data.astype(np.uint64).sum().compute()
        workers = found.band_data.isel(x=0).compute()

    assert total == PIXELS.sum(dtype=np.uint64)
    np.testing.assert_array_equal(workers, PIXELS[:, :, 0])
    assert not {line.start for line in server.log} & {start for start, _ in header}


def test_files_side_by_side_make_one_dataset(tmp_path):
    paths = []
    for n in range(3):
        east = UTM @ Affine.translation(64 * n, 0)
        paths.append(
            written(tmp_path / f"{n}.tif", PIXELS[:, :64, 64 * n :][..., :64], transform=east)
        )

    with xr.open_mfdataset(paths, engine=ENGINE, combine="by_coords") as found:
        np.testing.assert_array_equal(found.band_data, PIXELS[:, :64, :192])


# --- values: masks and scales --------------------------------------------------------------------

SMALL = PIXELS[:, :70, :90]
HALF = np.zeros((70, 90), bool)
HALF[:, 40:] = True


def mask_cases(path):
    """Files with each kind of mask."""
    byte = (SMALL // 256).astype(np.uint8)
    rgba = np.concatenate([byte, np.where(HALF, 255, 0).astype(np.uint8)[np.newaxis]])
    floats = SMALL.astype(np.float32)
    floats[:, HALF] = np.nan
    return {
        "nodata": written(path / "n.tif", np.where(HALF, SMALL, 7).astype(np.uint16), nodata=7),
        "nan": written(path / "f.tif", floats, nodata=float("nan")),
        "mask": written(path / "m.tif", byte, mask=HALF),
        "mask and nodata": written(path / "mn.tif", np.where(HALF, 0, byte), mask=HALF, nodata=0),
        "alpha": written(path / "a.tif", rgba, photometric="RGB", alpha="YES"),
        "none": written(path / "0.tif", byte),
        "int32": written(path / "i.tif", np.where(HALF, SMALL, 7).astype(np.int32), nodata=7),
    }


@pytest.mark.parametrize("which", ["nodata", "nan", "mask", "mask and nodata", "alpha", "int32"])
def test_pixels_that_a_mask_leaves_out_are_nan(tmp_path, which):
    path = mask_cases(tmp_path)[which]
    with rasterio.open(path) as file:
        expected = file.read(masked=True)
    float_dtype = np.float64 if which == "int32" else np.float32

    found = opened(path).band_data

    expected = np.ma.filled(expected.astype(float_dtype), np.nan)
    np.testing.assert_array_equal(found, expected, strict=True)
    np.testing.assert_array_equal(opened(path, chunks={}).band_data, expected)


def test_without_masks_and_scales_values_are_as_stored(tmp_path):
    path = mask_cases(tmp_path)["none"]
    assert opened(path).band_data.dtype == np.uint8
    assert "mask" not in opened(path, mask_and_scale=False)


def test_raw_samples_come_with_what_says_which_are_valid(tmp_path):
    for which, path in mask_cases(tmp_path).items():
        found = opened(path, mask_and_scale=False)
        with rasterio.open(path) as file:
            np.testing.assert_array_equal(found.band_data, file.read(), strict=True)
            nodata, valid = file.nodata, file.dataset_mask() != 0
        fill = found.band_data.attrs.get("_FillValue")
        if which in ("mask", "mask and nodata", "alpha"):
            assert fill is None, which  # a mask alone decides
            np.testing.assert_array_equal(found.mask, valid)
            assert found.band_data.attrs.get("nodata") == nodata
        else:
            assert "mask" not in found
            assert str(fill) == str(None if nodata is None else found.band_data.dtype.type(nodata))


def test_masks_can_be_left_out_by_variable(tmp_path):
    path = mask_cases(tmp_path)["mask"]
    assert opened(path, decode_cf=False).band_data.dtype == np.uint8
    found = opened(path, band_as_variable=True, mask_and_scale={"band_1": False})
    assert (found.band_1.dtype, found.band_2.dtype) == (np.uint8, np.float32)
    assert "mask" in found


def test_a_mask_beside_the_file_counts_if_it_is_asked_for(tmp_path):
    path = written(tmp_path / "a.tif", SMALL)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
        file.write_mask(HALF)
    assert (tmp_path / "a.tif.msk").exists()

    assert opened(path).band_data.dtype == np.uint16
    np.testing.assert_array_equal(opened(path, sidecars=True).band_data.isnull()[0], ~HALF)


def scaled(file):
    file.scales, file.offsets = [0.1] * BANDS, [5.0] * BANDS


def test_values_are_scaled_as_the_file_says(tmp_path):
    path = written(tmp_path / "a.tif", SMALL, fill=scaled, nodata=int(SMALL[0, 0, 0]))
    raw = opened(path, mask_and_scale=False).band_data
    np.testing.assert_array_equal(raw, SMALL)
    assert {raw.attrs["scale_factor"], raw.attrs["add_offset"]} == {0.1, 5.0}

    found = opened(path).band_data

    assert found.dtype == np.float64
    assert np.isnan(found[0, 0, 0])
    np.testing.assert_array_equal(found, xr.decode_cf(raw.to_dataset()).band_data)
    assert found.encoding["scale_factor"] == 0.1
    again = xr.conventions.encode_cf_variable(found.variable.load())
    np.testing.assert_array_equal(again, SMALL, strict=True)


def test_each_band_has_its_own_scale(tmp_path):
    def fill(file):
        file.scales, file.offsets = [1.0, 2.0, 3.0], [0.0, 0.0, 7.0]

    path = written(tmp_path / "a.tif", SMALL, fill=fill)
    found = opened(path)
    np.testing.assert_array_equal(found.band_data[2], SMALL[2] * 3.0 + 7)
    np.testing.assert_array_equal(found.band_data[:2], SMALL[:2] * np.array([[[1]], [[2]]]))
    assert found.band_data.encoding["scales"] == [1, 2, 3]
    assert "dtype" not in found.band_data.encoding  # no writer would divide again
    third = opened(path, band_as_variable=True).band_3
    assert (third.encoding["scale_factor"], third.encoding["add_offset"]) == (3, 7)
    raw = opened(path, mask_and_scale=False).band_data.attrs
    assert raw["offsets"] == [0, 0, 7]
    assert "add_offset" not in raw


@pytest.mark.parametrize("which", ["nodata", "nan", "mask", "mask and nodata", "alpha", "none"])
def test_what_is_written_by_its_encoding_is_read_back_the_same(tmp_path, which):
    found = opened(mask_cases(tmp_path)[which]).load()
    stored = {
        name: xr.conventions.encode_cf_variable(each, name=name)
        for name, each in found.variables.items()
    }
    again = xr.decode_cf(xr.Dataset(stored), decode_coords="all")

    np.testing.assert_array_equal(again.band_data, found.band_data)
    assert set(again.coords) == set(found.coords)


# --- georeference --------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, 1])
def test_rioxarray_finds_the_georeference(tmp_path, level):
    rioxarray = pytest.importorskip("rioxarray", reason="needs Python 3.12")
    path = written(tmp_path / "a.tif", PIXELS, nodata=3)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2])
    options = {"overview_level": 0} if level else {}
    other = rioxarray.open_rasterio(path, **options)

    found = opened(path, level=level, mask_and_scale=False).band_data
    decoded = opened(path, level=level).band_data

    assert found.rio.crs == decoded.rio.crs == other.rio.crs
    assert found.rio.transform() == other.rio.transform()
    assert found.rio.bounds() == other.rio.bounds()
    assert found.rio.nodata == decoded.rio.encoded_nodata == other.rio.nodata
    for name in ("x", "y", "band"):
        np.testing.assert_array_equal(found[name], other[name], strict=True)
    cropped = decoded.isel(x=slice(10, 20), y=slice(5, 9)).rio
    assert cropped.transform() == other.rio.transform() @ Affine.translation(10, 5)
    assert found.spatial_ref.attrs["grid_mapping_name"] == "transverse_mercator"
    assert found.spatial_ref.attrs["GeoTransform"] == other.spatial_ref.attrs["GeoTransform"]


def test_odc_geo_finds_the_georeference(tmp_path):
    pytest.importorskip("odc.geo.xr", reason="needs Python 3.12")
    box = opened(written(tmp_path / "a.tif", PIXELS)).band_data.odc.geobox
    assert (box.crs, box.transform, box.shape) == ("EPSG:32631", UTM, (ROWS, COLS))


def test_a_rotated_image_has_no_coordinates_of_one_dimension(tmp_path):
    path = written(tmp_path / "a.tif", PIXELS, transform=ROTATED)
    found = opened(path)

    assert set(found.coords) == {"band", "xc", "yc", "spatial_ref"}
    assert found.xc.dims == ("y", "x")
    cols, rows = np.meshgrid(np.arange(COLS) + 0.5, np.arange(ROWS) + 0.5)
    a, b, c, d, e, f = ROTATED[:6]
    x, y = a * cols + b * rows + c, d * cols + e * rows + f
    np.testing.assert_allclose(found.xc, x, rtol=1e-15)
    np.testing.assert_allclose(found.yc[50, ::7], y[50, ::7], rtol=1e-15)
    assert found.xc[3, 4].shape == ()
    assert opened(path, chunks={}).xc.data.chunks


async def test_a_quarter_turn_is_rotated_too(tmp_path):
    turned = Affine(0.0, 10.0, 500000.0, 10.0, 0.0, 4600000.0)
    found = opened(written(tmp_path / "a.tif", PIXELS, transform=turned))
    await found.load_async()
    assert found.xc[:, 0].values[:2].tolist() == [500005.0, 500015.0]


def test_rounding_in_a_transform_is_no_rotation(tmp_path):
    nearly = Affine(10.0, 1e-12, 500000.0, -1e-12, -10.0, 4600000.0)
    assert "x" in opened(written(tmp_path / "a.tif", PIXELS, transform=nearly)).coords


def test_control_points_are_kept_and_make_no_coordinates(tmp_path):
    points = [GroundControlPoint(r, c, c * 2.0, r * 3.0, 0.0) for r in (0, 90) for c in (0, 80)]

    def fill(file):
        file.gcps = points, "EPSG:4326"

    found = opened(written(tmp_path / "a.tif", SMALL, fill=fill, transform=None, crs=None))

    assert set(found.coords) == {"band", "spatial_ref"}
    if rioxarray := pytest.importorskip("rioxarray", reason="needs Python 3.12"):
        assert [(p.row, p.col, p.x, p.y) for p in found.rio.get_gcps()] == [
            (p.row, p.col, p.x, p.y) for p in points
        ]
        other = rioxarray.open_rasterio(tmp_path / "a.tif")
        assert other.rio.crs == found.rio.crs


def test_coordinates_can_be_left_out(url):
    assert set(opened(url, parse_coordinates=False).coords) == {"band", "spatial_ref"}


def test_rasterix_makes_an_index_of_the_georeference(tmp_path):
    rasterix = pytest.importorskip("rasterix", reason="is not in any extra")
    path = written(tmp_path / "a.tif", PIXELS)
    found = opened(path, parse_coordinates=False).pipe(rasterix.assign_index)
    assert found.isel(x=slice(10, None)).xindexes["x"].transform() == UTM @ Affine.translation(
        10, 0
    )


def test_without_pyproj_the_crs_is_its_code_or_a_warning(tmp_path, monkeypatch):
    path = written(tmp_path / "a.tif", PIXELS)
    local = written(tmp_path / "l.tif", PIXELS, crs="+proj=laea +lat_0=5 +lon_0=6 +units=m")
    monkeypatch.setattr("tinycog.extras.find_spec", lambda _: None)

    found = opened(path).spatial_ref.attrs

    assert found["spatial_ref"] == "EPSG:32631"
    assert "crs_wkt" not in found
    with pytest.warns(UserWarning, match="spatial_ref names no CRS: this needs pyproj"):
        assert set(opened(local).spatial_ref.attrs) == {"GeoTransform"}


# --- attributes ----------------------------------------------------------------------------------


def described(file):
    file.descriptions = ["red", "green", "red"]
    file.units = ["m", "m", "m"]
    file.update_tags(AUTHOR="me", RUN="0071", SHARE="2.5", COUNT="12", scale_factor="9")
    file.update_tags(2, KIND="second")


def test_attributes_have_the_names_of_rioxarray(tmp_path):
    attrs = opened(written(tmp_path / "a.tif", SMALL, fill=described)).band_data.attrs

    assert attrs["long_name"] == ["red", "green", "red"]
    assert attrs["units"] == "m"
    assert (attrs["AUTHOR"], attrs["RUN"], attrs["SHARE"], attrs["COUNT"]) == (
        "me",
        "0071",
        2.5,
        12,
    )
    assert attrs["AREA_OR_POINT"] == "Area"
    assert not {"scale_factor", "KIND"} & set(attrs)  # the first says how to decode


def test_bands_are_variables_by_their_descriptions(tmp_path):
    found = opened(written(tmp_path / "a.tif", SMALL, fill=described), band_as_variable=True)

    assert list(found.data_vars) == ["band_1", "green", "band_3"]
    assert found.green.dims == ("y", "x")
    np.testing.assert_array_equal(found.green, SMALL[1])
    assert (found.green.attrs["KIND"], found.green.attrs["long_name"]) == ("second", "green")
    assert found.attrs["AUTHOR"] == "me"


def test_a_palette_is_a_coordinate(tmp_path):
    colours = {0: (1, 2, 3, 255), 1: (250, 0, 9, 255)}
    indices = (SMALL[:1] % 2).astype(np.uint8)
    path = written(tmp_path / "a.tif", indices, fill=lambda file: file.write_colormap(1, colours))

    found = opened(path)

    assert found.colormap.dims == ("color", "rgba")
    assert found.colormap[:2].values.tolist() == [[1, 2, 3, 255], [250, 0, 9, 255]]
    assert found.band_data.dtype == np.uint8


# --- against rioxarray ---------------------------------------------------------------------------

FIXTURES = sorted((ROOT / "fixtures" / "files").glob("cog-[!l]*.tif"))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_fixtures_are_what_they_are_for_rioxarray(path):
    pytest.importorskip("rioxarray", reason="needs Python 3.12")
    with warnings.catch_warnings(action="ignore"):  # of files without a georeference
        other = xr.open_dataset(path, engine="rasterio").band_data.load()
    found = opened(path).band_data

    assert found.rio.crs == other.rio.crs
    assert found.rio.transform() == other.rio.transform()
    assert set(other.coords) == set(found.coords) - {"colormap"}
    for name in set(other.coords) - {"spatial_ref"}:
        np.testing.assert_array_equal(found[name], other[name])
    if "jpeg" not in path.stem and "webp" not in path.stem:
        np.testing.assert_allclose(found, other, rtol=2e-6)
    ours, theirs = found.attrs, other.attrs
    of_band_1 = {
        name for name in theirs if name.startswith("STATISTICS") and found.sizes["band"] > 1
    }
    assert {name: ours.get(name) for name in theirs.keys() - of_band_1} == {
        name: value for name, value in theirs.items() if name not in of_band_1
    }
