"""Resampling: against rasterio (GDAL's RasterIO), and against the rules in plain words."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.warp import reproject
from rasterio.windows import Window

from tinycog.errors import UsageError
from tinycog.pixels.methods import REAL_ONLY, RESAMPLING
from tinycog.pixels.resample.resample import resample, support

DTYPES = ["uint8", "int16", "uint16", "int32", "float32", "float64"]


def opened(data, mask=None):
    """The pixels as a file, seen by rasterio."""
    memory = MemoryFile()
    profile = {
        "driver": "GTiff",
        "count": len(data),
        "height": data.shape[1],
        "width": data.shape[2],
        "dtype": data.dtype.name,
        "transform": Affine(1, 0, 5, 0, -1, 5),
        "crs": "EPSG:32631",
    }
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), memory.open(**profile) as target:
        target.write(data)
        if mask is not None:
            target.write_mask(mask)
    return memory.open()


def rio_window(window):
    return Window(*window)


def made(rng, dtype, shape):
    """White noise over the whole range of a dtype: the worst case."""
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, (1, *shape), dtype=dtype, endpoint=True)
    return rng.normal(0, 1000, (1, *shape)).astype(dtype)


def cases(seed, count, *, fractional=False):
    """Random sizes, windows and output shapes."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        rows, cols = (int(n) for n in rng.integers(8, 150, 2))
        if fractional:
            width, height = rng.uniform(1, cols - 1), rng.uniform(1, rows - 1)
            col, row = rng.uniform(0, cols - width), rng.uniform(0, rows - height)
        else:
            width, height = int(rng.integers(1, cols + 1)), int(rng.integers(1, rows + 1))
            col, row = (int(rng.integers(0, n + 1)) for n in (cols - width, rows - height))
        shape = (max(1, int(height) // 2), max(1, int(width) // 2))
        if number % 2:
            shape = (int(rng.integers(1, 140)), int(rng.integers(1, 140)))
        yield rng, (rows, cols), (col, row, width, height), shape


def both(case, method, dtype, *, masked=False):
    """Ours and rasterio's; rasterio's mask too, where there is one."""
    rng, size, window, shape = case
    data = made(rng, dtype, size)
    mask = rng.random(size) > 0.3 if masked else None
    with opened(data, mask) as source:
        expected = source.read(
            window=rio_window(window),
            out_shape=(1, *shape),
            resampling=Resampling[method],
            masked=masked,
        )
    return resample(data, mask, window, shape, method), expected


@pytest.mark.parametrize("fractional", [False, True])
def test_nearest_is_rasterios_exactly(fractional):
    for case in cases(1, 150, fractional=fractional):
        for dtype in ("uint8", "float32"):
            (out, mask), expected = both(case, "nearest", dtype)
            assert mask is None
            assert (out == expected).all(), case[1:]


def test_nearest_with_a_mask_is_rasterios_exactly():
    for case in cases(2, 40):
        (out, mask), expected = both(case, "nearest", "int16", masked=True)
        assert mask is not None
        assert (mask == ~expected.mask[0]).all()
        assert (out[0] == np.where(mask, expected.data[0], 0)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "method", ["bilinear", "cubic", "cubic_spline", "lanczos", "average", "rms", "mode"]
)
@pytest.mark.parametrize("fractional", [False, True])
def test_other_methods_are_rasterios_within_rounding(method, dtype, fractional):
    pixels = different = 0
    for case in cases(3, 12, fractional=fractional):
        (out, mask), expected = both(case, method, dtype)
        assert mask is None
        pixels += out.size
        if np.dtype(dtype).kind in "iu":
            off = np.abs(out.astype(np.int64) - expected)
            assert off.max() <= 1, case[1:]
        else:
            # of numbers up to 5000: one unit in the last place, or the places' own rounding
            assert np.abs(out - expected).max() <= (5e-4 if dtype == "float32" else 1e-9)
            continue
        different += np.count_nonzero(off)
    # GDAL leaves it to rounding errors whether a mean that is a half exactly is one
    allowed = 0.02 if method in ("average", "rms") and np.dtype(dtype).kind in "iu" else 0.005
    assert different <= allowed * pixels
    if method == "mode":
        assert different == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factor", [2, 3, 4, 5, 8])
def test_gauss_is_rasterios(factor, dtype):
    rng = np.random.default_rng(5)
    for rows, cols in ((40, 48), (120, 120), (80, 240)):
        size = (rows // factor * factor, cols // factor * factor)
        shape = (size[0] // factor, size[1] // factor)
        (out, mask), expected = both((rng, size, (0, 0, size[1], size[0]), shape), "gauss", dtype)
        assert mask is None
        off = np.abs(out.astype(float) - expected)
        # GDAL drops the fraction of integers here, we round it
        assert off.max() <= (1 if np.dtype(dtype).kind in "iu" else 1e-3)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("method", ["sum", "med", "q1", "q3", "min", "max"])
@pytest.mark.parametrize("masked", [False, True])
def test_methods_of_the_warper_are_those_of_the_warper(method, dtype, masked):
    """GDAL has them for warping alone: the same grid, some times coarser."""
    rng = np.random.default_rng(6)
    for factor in (2, 3, 5):
        size = (30, 60)
        data = rng.integers(1, 12, (1, *size)).astype(dtype)
        mask = rng.random(size) > 0.3 if masked else None
        shape = (size[0] // factor, size[1] // factor)
        stored = data if mask is None else np.where(mask, data, 0)
        grid = Affine(10, 0, 5e5, 0, -10, 5e6)
        expected, _ = reproject(
            stored,
            np.zeros((1, *shape), dtype),
            src_transform=grid,
            dst_transform=grid @ Affine.scale(factor),
            src_crs="EPSG:32631",
            dst_crs="EPSG:32631",
            src_nodata=0 if masked else None,
            resampling=Resampling[method],
        )
        out, valid = resample(data, mask, (0, 0, size[1], size[0]), shape, method)
        np.testing.assert_array_equal(out if valid is None else np.where(valid, out, 0), expected)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize(("method", "allowed"), [("average", 0.02), ("bilinear", 1e-3)])
def test_masked_means_are_rasterios(method, allowed, dtype):
    pixels = different = masks = 0
    for case in cases(4, 20):
        (out, mask), expected = both(case, method, dtype, masked=True)
        compared = mask & ~expected.mask[0]
        off = np.abs(out[0].astype(float) - expected.data[0])[compared]
        pixels += out.size
        different += np.count_nonzero(off > 1e-3)
        masks += np.count_nonzero(mask != ~expected.mask[0])
        if method == "average":
            assert off.max(initial=0) <= 1
    assert different <= allowed * pixels
    # rasterio resamples the mask as if it were a band: what is less than half a grey level is lost
    assert masks <= 0.01 * pixels


def test_masked_cubic_is_rasterios_where_it_is_valid():
    same = pixels = 0
    for rng, size, window, shape in cases(5, 20):
        data = made(rng, "float64", size)
        mask = np.ones(size, bool)
        mask[: size[0] // 2, size[1] // 3 :] = False
        with opened(data, mask) as source:
            expected = source.read(
                window=rio_window(window), out_shape=(1, *shape), resampling=Resampling.cubic
            )
        out, valid = resample(data, mask, window, shape, "cubic")
        assert valid is not None
        same += np.count_nonzero(valid & (np.abs(out - expected)[0] < 1e-6))
        pixels += np.count_nonzero(valid)
    # the rest: where GDAL divides by weights that add up to nearly nothing
    assert same >= 0.995 * pixels > 0


def area_mean(plane, mask, window, shape):
    """The rule of "average" in exact arithmetic, integers rounded half away from zero."""
    col, row, width, height = (Fraction(v) for v in window)
    out = np.zeros(shape, plane.dtype)
    valid = np.zeros(shape, bool)

    def covered(offset, length, count, i):
        start, stop = offset + i * length / count, offset + (i + 1) * length / count
        for pixel in range(floor(start), ceil(stop)):
            yield pixel, min(stop, pixel + 1) - max(start, pixel)

    for i, j in np.ndindex(*shape):
        parts = [
            (high * wide, int(plane[r, c]))
            for r, high in covered(row, height, shape[0], i)
            for c, wide in covered(col, width, shape[1], j)
            if mask[r, c]
        ]
        if parts:
            mean = sum(w * v for w, v in parts) / sum(w for w, _ in parts)
            out[i, j] = int(abs(mean) + Fraction(1, 2)) * (1 if mean >= 0 else -1)
            valid[i, j] = True
    return out, valid


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
def test_average_is_the_exact_mean_by_area(dtype):
    rng = np.random.default_rng(6)
    for window, shape in (
        ((0, 0, 14, 12), (6, 7)),
        ((1, 2, 11, 7), (3, 4)),
        ((2, 1, 5, 4), (9, 12)),
        ((0.5, 0.25, 12.25, 9.75), (5, 8)),
        ((3, 3, 1, 1), (2, 2)),
    ):
        small = made(rng, dtype, (12, 14))
        mask = rng.random((12, 14)) > 0.4
        for used in (None, mask):
            out, valid = resample(small, used, window, shape, "average")
            known = np.ones((12, 14), bool) if used is None else used
            expected, there = area_mean(small[0], known, window, shape)
            assert (out[0] == expected).all()
            assert (there if valid is None else valid == there).all()


def footprints(window, shape):
    """Half-open ranges of touched pixels of every output pixel."""
    col, row, width, height = (Fraction(v) for v in window)
    for i in range(shape[0]):
        rows = slice(floor(row + i * height / shape[0]), ceil(row + (i + 1) * height / shape[0]))
        for j in range(shape[1]):
            cols = slice(floor(col + j * width / shape[1]), ceil(col + (j + 1) * width / shape[1]))
            yield i, j, rows, cols


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint64", "float32"])
@pytest.mark.parametrize("method", ["min", "max", "mode"])
def test_touched_pixels(method, dtype):
    rng = np.random.default_rng(7)
    data = (rng.integers(0, 4, (2, 13, 15)) + np.iinfo("uint64").max % 7).astype(dtype)
    mask = rng.random((13, 15)) > 0.6
    for window, shape in (((0, 0, 15, 13), (4, 6)), ((1.5, 2, 9, 8), (20, 3))):
        for used in (None, mask):
            out, valid = resample(data, used, window, shape, method)
            known = np.ones((13, 15), bool) if used is None else used
            for i, j, rows, cols in footprints(window, shape):
                for band in (0, 1):
                    inside = data[band, rows, cols][known[rows, cols]]
                    assert (valid is None or valid[i, j]) == bool(inside.size)
                    if not inside.size:
                        assert out[band, i, j] == 0
                    elif method == "mode":
                        most = np.unique_counts(inside).counts.max()
                        assert np.sum(inside == out[band, i, j]) == most
                    else:
                        assert out[band, i, j] == getattr(inside, method)()


def test_the_first_of_equally_common_values_wins():
    data = np.array([[[5, 3, 3, 5], [9, 8, 7, 6]]], "int32")
    assert resample(data, None, (0, 0, 4, 1), (1, 1), "mode")[0].tolist() == [[[3]]]
    assert resample(data, None, (0, 1, 4, 1), (1, 1), "mode")[0].tolist() == [[[9]]]
    nan = np.array([[[np.nan, 1, np.nan, 2]]])
    assert np.isnan(resample(nan, None, (0, 0, 4, 1), (1, 1), "mode")[0]).all()


def test_sample_is_the_top_left_pixel():
    data = np.arange(64).reshape(1, 8, 8)
    assert (resample(data, None, (0, 0, 8, 8), (4, 4), "sample")[0] == data[:, ::2, ::2]).all()
    out = resample(data, None, (1, 2, 6, 6), (2, 3), "sample")[0]
    assert (out == data[:, 2::3, 1:7:2][:, :2]).all()


@pytest.mark.parametrize("method", RESAMPLING)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint64", "float16", "float32", "complex64"])
def test_the_same_grid_gives_the_same_pixels(method, dtype):
    if dtype == "complex64" and method in REAL_ONLY:
        pytest.skip("complex numbers have no order")
    if method in ("gauss", "cubic_spline") or (method == "rms" and dtype == "int8"):
        pytest.skip("it smooths, or forgets the sign")
    data = np.arange(2 * 9 * 11).reshape(2, 9, 11).astype(dtype)
    out, mask = resample(data, None, (2, 3, 7, 5), (5, 7), method)
    assert mask is None
    assert out.dtype == data.dtype
    assert (out == data[:, 3:8, 2:9]).all()


@pytest.mark.parametrize("method", RESAMPLING)
def test_what_support_names_is_all_that_counts(method):
    rng = np.random.default_rng(8)
    for _, size, window, shape in cases(9, 30, fractional=True):
        data = made(rng, "float64", size)
        mask = rng.random(size) > 0.2
        col, row, width, height = support(window, shape, size, method)
        part = np.s_[row : row + height, col : col + width]
        moved = (window[0] - col, window[1] - row, *window[2:])
        whole, mask_of_whole = resample(data, mask, window, shape, method)
        some, mask_of_some = resample(data[:, *part], mask[part], moved, shape, method)
        assert np.allclose(whole, some, rtol=1e-9, atol=1e-8)
        assert mask_of_whole is not None
        assert (mask_of_whole == mask_of_some).all()


@pytest.mark.parametrize("method", RESAMPLING)
def test_masked_pixels_never_count(method):
    rng = np.random.default_rng(10)
    data = rng.normal(size=(1, 30, 40))
    mask = rng.random((30, 40)) > 0.5
    results = [
        resample(np.where(mask, data, other), mask, (1, 2, 36.5, 25), (11, 50), method)
        for other in (0, 1e300, np.nan, -np.inf)
    ]
    for out, valid in results[1:]:
        assert (valid == results[0][1]).all()
        assert (out == results[0][0]).all()
        assert np.isfinite(out).all()


@pytest.mark.parametrize("method", RESAMPLING)
def test_nan_without_a_mask_spreads_no_further_than_the_kernel(method):
    data = np.ones((1, 64, 64))
    data[0, 32, 32] = np.nan
    out, mask = resample(data, None, (0, 0, 64, 64), (32, 32), method)
    assert mask is None
    reach = 6 if method == "lanczos" else 5
    assert np.isfinite(out).sum() >= 32 * 32 - reach**2
    assert np.allclose(out[np.isfinite(out)], 4 if method == "sum" else 1)


@pytest.mark.parametrize("method", RESAMPLING)
def test_outside_the_data_nothing_is_valid(method):
    data = np.ones((1, 10, 10), "uint8")
    out, mask = resample(data, None, (-5, -5, 20, 20), (20, 20), method)
    assert mask is not None
    assert mask[6:14, 6:14].all()
    assert not mask[:3].any()
    assert not mask[:, 17:].any()
    assert (out[0] == mask).all()
    out, mask = resample(data, None, (100, 100, 5, 5), (2, 2), method)
    assert mask is not None
    assert not mask.any()
    assert not out.any()
    assert support((100, 100, 5, 5), (2, 2), (10, 10), method)[2:] == (0, 0)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "uint64", "int32"])
def test_integers_stay_in_their_range(dtype):
    limits = np.iinfo(dtype)
    data = np.full((1, 8, 8), limits.min, dtype)
    data[0, :, 4:] = limits.max
    out, _ = resample(data, None, (0, 0, 8, 8), (8, 40), "cubic")
    assert out.min() == limits.min
    assert out.max() == limits.max
    assert (np.diff(out[0, 0].astype(float)) >= -float(limits.max) * 0.2).all()


def test_complex_numbers_are_averaged():
    data = (np.arange(16).reshape(1, 4, 4) * (1 + 2j)).astype("complex64")
    out, _ = resample(data, None, (0, 0, 4, 4), (2, 2), "average")
    assert out[0, 0, 0] == pytest.approx(2.5 * (1 + 2j))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0, 4, 4, (2, 2), "quickest"), "must be one of nearest, bilinear, cubic"),
        ((0, 0, 4, 4, (0, 2), "nearest"), r"expected at least \(1, 1\)"),
        ((0, 0, 0, 4, (2, 2), "nearest"), "width and height over 0"),
        ((0, np.nan, 4, 4, (2, 2), "nearest"), "finite"),
    ],
)
def test_wrong_arguments(arguments, message):
    *window, shape, method = arguments
    with pytest.raises(UsageError, match=message):
        resample(np.zeros((1, 4, 4)), None, tuple(window), shape, method)


def test_wrong_arrays():
    window, shape = (0, 0, 4, 4), (2, 2)
    with pytest.raises(UsageError, match=r"\(bands, rows, cols\)"):
        resample(np.zeros((4, 4)), None, window, shape)
    with pytest.raises(UsageError, match="mask's shape"):
        resample(np.zeros((1, 4, 4)), np.ones((4, 5), bool), window, shape)
    with pytest.raises(UsageError, match="complex"):
        resample(np.zeros((1, 4, 4), "c8"), None, window, shape, "max")
