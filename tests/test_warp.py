"""Warping: against exact transformation, GDAL's warper, and rio-tiler's web tiles."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import reproject

from tinycog.errors import UsageError
from tinycog.geo.web_grid import web_tile_bounds
from tinycog.pixels.methods import WARPING
from tinycog.pixels.warp.plan import warp_plan
from tinycog.pixels.warp.warp import warp
from tinycog.window import Window

pyproj = pytest.importorskip("pyproj")
# rasterio's own use of affine
pytestmark = [
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The dataset has no Overviews"),
]

UTM = Affine(100, 0, 300000, 0, -100, 5000000)
DEGREES = Affine(0.05, 0, -20, 0, -0.05, 60)
SHAPE = (300, 400)
CASES = {
    "utm to mercator": ("EPSG:32631", UTM, "EPSG:3857", Affine(142, 0, 60000, 0, -142, 5640000)),
    "utm to degrees": ("EPSG:32631", UTM, "EPSG:4326", Affine(1e-3, 0, 0.5, 0, -1e-3, 45.1)),
    "degrees to mercator": ("EPSG:4326", DEGREES, "EPSG:3857", Affine(6e3, 0, -2e6, 0, -6e3, 8e6)),
    "degrees to equal area": ("EPSG:4326", DEGREES, "EPSG:3035", Affine(5e3, 0, 2e6, 0, -5e3, 4e6)),
    "turned": ("EPSG:32631", UTM, "EPSG:3857", Affine(100, 90, 80000, 90, -100, 5600000)),
    "a tenth": ("EPSG:32631", UTM, "EPSG:3857", Affine(14, 0, 90000, 0, -14, 5630000)),
}


def transformer(dst, src):
    return pyproj.Transformer.from_crs(dst, src, always_xy=True).transform


def smooth(shape=SHAPE, bands=1):
    rows, cols = np.mgrid[0 : shape[0], 0 : shape[1]]
    plane = 127 + 60 * np.sin(cols / 23) + 60 * np.cos(rows / 31)
    return np.stack([np.roll(plane, 0) * (1 - band / 10) for band in range(bands)]).astype("uint8")


def noise(shape=SHAPE):
    return np.random.default_rng(0).integers(0, 256, (1, *shape)).astype("uint8")


def opened(data, crs, transform, mask=None, **profile):
    memory = MemoryFile()
    profile |= {"driver": "GTiff", "count": len(data), "dtype": data.dtype.name}
    profile |= {"height": data.shape[1], "width": data.shape[2], "crs": crs, "transform": transform}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), memory.open(**profile) as target:
        target.write(data)
        if mask is not None:
            target.write_mask(mask)
    return memory.open()


def by_gdal(data, case, method, shape=(320, 310), mask=None):
    """GDAL's warper, its approximation switched off as far as it goes."""
    src_crs, src_transform, dst_crs, dst_transform = CASES[case]
    with (
        opened(data, src_crs, src_transform, mask) as source,
        WarpedVRT(
            source,
            crs=dst_crs,
            transform=dst_transform,
            height=shape[0],
            width=shape[1],
            tolerance=1e-4,
            resampling=Resampling[method],
            add_alpha=True,
        ) as warped,
    ):
        return warped.read(1), warped.dataset_mask() > 0


def planned(case, shape=(320, 310), src_shape=SHAPE):
    src_crs, src_transform, dst_crs, dst_transform = CASES[case]
    return warp_plan(transformer(dst_crs, src_crs), dst_transform, shape, src_transform, src_shape)


def all_coords(plan):
    """(rows, cols) of x, y and whether they lie in the source."""
    parts = [block[2:] for block in plan.on(plan.source_shape).blocks()]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def placed(transform, cols, rows):
    """x and y of pixel coordinates, flat. affine 2 and 3 have no operator for it in common."""
    a, b, c, d, e, f, *_ = transform
    return (a * cols + b * rows + c).ravel(), (d * cols + e * rows + f).ravel()


def exact_coords(case, shape):
    src_crs, src_transform, dst_crs, dst_transform = CASES[case]
    rows, cols = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    xs, ys = transformer(dst_crs, src_crs)(*placed(dst_transform, cols, rows))
    a, b, c, d, e, f, *_ = ~src_transform
    x, y = a * xs + b * ys + c, d * xs + e * ys + f
    return np.reshape(x, shape), np.reshape(y, shape)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shape", [(320, 310), (1, 1), (1, 200), (3, 2), (256, 256), (65, 129)])
def test_coordinates_are_exact_to_far_below_a_hundredth_of_a_pixel(case, shape):
    x, y, inside = all_coords(planned(case, shape))
    exact_x, exact_y = exact_coords(case, shape)
    assert np.abs(x - exact_x)[inside].max(initial=0) < 0.004
    assert np.abs(y - exact_y)[inside].max(initial=0) < 0.004
    there = (exact_x >= 0) & (exact_x <= SHAPE[1]) & (exact_y >= 0) & (exact_y <= SHAPE[0])
    assert (inside == there).all()
    assert (np.floor(x) == np.floor(exact_x))[inside].all()
    assert (np.floor(y) == np.floor(exact_y))[inside].all()


def test_a_web_tile_takes_few_transformed_points():
    asked = []

    def counting(xs, ys):
        asked.append(len(xs))
        return transformer("EPSG:3857", "EPSG:32631")(xs, ys)

    left, _, right, top = web_tile_bounds(12, 2080, 1470)
    size = (right - left) / 256
    transform = (size, 0, left, 0, -size, top)
    plan = warp_plan(counting, transform, (256, 256), (10, 0, 3e5, 0, -10, 5.3e6), (40000, 40000))
    assert plan.bounds is not None
    # of 65,536: nodes, 256 places asked for the resolution, and what is close to a border
    assert sum(asked) < 4000


@pytest.mark.parametrize("factor", [3, 39, 700])
def test_coarse_outputs_are_exact_to_a_part_of_the_level_that_is_read(factor):
    transform = (10 * factor, 0, 3e5, 0, -10 * factor, 5.8e6)
    source = Affine(10, 0, 2e5, 0, -10, 6e6)
    size = (100_000, 90_000)
    asked = []

    def counting(xs, ys):
        asked.append(len(xs))
        return transformer("EPSG:25832", "EPSG:32631")(xs, ys)

    plan = warp_plan(counting, transform, (256, 256), source, size)
    assert sum(asked) < 8000
    cols, rows = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    xs, ys = transformer("EPSG:25832", "EPSG:32631")(
        (transform[0] * cols + transform[2]).ravel(), (transform[4] * rows + transform[5]).ravel()
    )
    x, y, inside = all_coords(plan)
    exact_x, exact_y = np.reshape((xs - 2e5) / 10, x.shape), np.reshape((6e6 - ys) / 10, y.shape)
    there = (exact_x >= 0) & (exact_x <= size[1]) & (exact_y >= 0) & (exact_y <= size[0])
    assert (inside == there).all()
    level = 2 ** int(np.log2(factor))
    for found, exact in ((x, exact_x), (y, exact_y)):
        assert np.abs(found - exact)[inside].max() < 0.004 * level
        assert (np.floor(found / level) == np.floor(exact / level))[inside].all()


def test_poles_and_what_does_not_transform():
    source = (0.5, 0, -180, 0, -0.5, 90)
    polar = Affine(40000, 0, -6.4e6, 0, -40000, 6.4e6)
    plan = warp_plan(transformer("EPSG:3995", "EPSG:4326"), polar, (320, 320), source, (360, 720))
    rows, cols = np.mgrid[0:320, 0:320] + 0.5
    xs, _ = transformer("EPSG:3995", "EPSG:4326")(*placed(polar, cols, rows))
    exact = np.reshape((np.asarray(xs) + 180) / 0.5, (320, 320))
    x, _, inside = all_coords(plan)
    assert inside.all()
    assert np.abs(x - exact).max() < 0.004

    # the earth from far away: around it is nothing
    earth = "+proj=ortho +lat_0=20 +lon_0=10"
    disc = Affine(50000, 0, -8e6, 0, -50000, 8e6)
    plan = warp_plan(transformer(earth, "EPSG:4326"), disc, (320, 320), source, (360, 720))
    out, mask = warp(np.ones((1, 360, 720), "uint8"), None, plan.on((360, 720)))
    xs, _ = transformer(earth, "EPSG:4326")(*placed(disc, cols, rows))
    assert (mask == np.isfinite(np.reshape(xs, (320, 320)))).all()
    assert 0.4 < mask.mean() < 0.6
    assert (out[0] == mask).all()


def test_nothing_of_the_source_is_needed():
    plan = warp_plan(lambda x, y: (x + np.inf, y), UTM, (10, 10), UTM, SHAPE)
    assert plan.bounds is None
    assert plan.support("cubic") == Window(0, 0, 0, 0)
    window = plan.support("cubic")
    out, mask = warp(np.zeros((2, 0, 0), "int16"), None, plan.on(SHAPE, window), "cubic")
    assert out.shape == (2, 10, 10)
    assert out.dtype == "int16"
    assert not mask.any()


def test_resolution_is_source_pixels_per_output_pixel():
    def identity(xs, ys):
        return xs, ys

    for factors in ((1, 1), (3, 2), (0.25, 0.5)):
        coarse = Affine(100 * factors[0], 0, 310000, 0, -100 * factors[1], 4995000)
        plan = warp_plan(identity, coarse, (50, 60), UTM, SHAPE)
        assert plan.resolution == pytest.approx(factors)
        assert plan.on((150, 200)).resolution == pytest.approx((factors[0] / 2, factors[1] / 2))
    turned = Affine(0, 200, 310000, 300, 0, 4980000)
    assert warp_plan(identity, turned, (9, 9), UTM, SHAPE).resolution == pytest.approx((2, 3))


@pytest.mark.parametrize("case", CASES)
def test_nearest_is_gdals(case):
    out, mask = warp(noise(), None, planned(case).on(SHAPE), "nearest")
    expected, there = by_gdal(noise(), case, "nearest")
    assert np.count_nonzero(mask != there) <= 2
    assert (out[0] == expected)[mask & there].mean() >= 0.9999


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["bilinear", "cubic", "average"])
def test_smooth_data_are_gdals_within_one_grey_level(case, method):
    out, mask = warp(smooth(), None, planned(case).on(SHAPE), method)
    expected, there = by_gdal(smooth(), case, method)
    # GDAL's average takes pixels too whose centre lies outside
    inner = mask & there
    off = np.abs(out[0].astype(int) - expected)[inner]
    # a turned box is not what GDAL's average takes; and pixels of the edge
    assert np.count_nonzero(off > 1) <= (0.01 if method == "average" else 0.0005) * off.size
    assert off.max() <= 3
    if method != "average":
        assert np.count_nonzero(mask != there) <= 2


@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_noise_at_about_the_same_resolution_is_gdals(method):
    out, mask = warp(noise(), None, planned("a tenth").on(SHAPE), method)
    expected, there = by_gdal(noise(), "a tenth", method)
    assert (np.abs(out[0].astype(int) - expected)[mask & there] <= 1).mean() > 0.999


def test_reproject_of_rasterio_on_smooth_data():
    src_crs, src_transform, dst_crs, dst_transform = CASES["utm to mercator"]
    expected = np.zeros((320, 310), "uint8")
    reproject(
        smooth()[0],
        expected,
        src_transform=src_transform,
        src_crs=src_crs,
        dst_transform=dst_transform,
        dst_crs=dst_crs,
        resampling=Resampling.bilinear,
    )
    out, mask = warp(smooth(), None, planned("utm to mercator").on(SHAPE), "bilinear")
    assert np.abs(out[0].astype(int) - expected)[mask & (expected > 0)].max() <= 1


def test_masked_pixels_are_gdals():
    mask = np.ones(SHAPE, bool)
    mask[100:140, 50:250] = False
    mask[200:, 210:220] = False
    data = np.where(mask, smooth(), 255)
    for method in ("nearest", "bilinear", "cubic"):
        out, valid = warp(data, mask, planned("utm to mercator").on(SHAPE), method)
        expected, there = by_gdal(data, "utm to mercator", method, mask=mask)
        assert (valid == there).mean() > 0.995, method
        compared = valid & there
        assert (np.abs(out[0].astype(int) - expected)[compared] <= 1).mean() > 0.999, method


@pytest.mark.parametrize("method", WARPING)
def test_masked_pixels_never_count(method):
    mask = np.random.default_rng(1).random(SHAPE) > 0.4
    data = np.random.default_rng(2).normal(size=(1, *SHAPE))
    coords = planned("utm to degrees").on(SHAPE)
    results = [warp(np.where(mask, data, v), mask, coords, method) for v in (0, np.nan, np.inf)]
    for out, valid in results[1:]:
        assert np.array_equal(out, results[0][0])
        assert (valid == results[0][1]).all()


@pytest.mark.parametrize("method", WARPING)
@pytest.mark.parametrize("case", ["utm to mercator", "turned", "a tenth"])
def test_support_is_all_that_counts(case, method):
    plan = planned(case, (100, 90))
    window = plan.support(method)
    col, row, width, height = window
    assert width * height < SHAPE[0] * SHAPE[1]
    part = noise()[:, row : row + height, col : col + width]
    whole = warp(noise(), None, plan.on(SHAPE), method)
    some = warp(part, None, plan.on(SHAPE, window), method)
    assert (whole[0] == some[0]).all()
    assert (whole[1] == some[1]).all()


def test_a_coarser_level_gives_the_same_picture():
    plan = planned("utm to mercator")
    fine, mask = warp(smooth(), None, plan.on(SHAPE), "bilinear")
    half = smooth().reshape(1, 150, 2, 200, 2).mean(axis=(2, 4)).round().astype("uint8")
    window = plan.support("bilinear", (150, 200))
    col, row, width, height = window
    part = half[:, row : row + height, col : col + width]
    coarse, other = warp(part, None, plan.on((150, 200), window), "bilinear")
    assert (mask == other).all()
    assert np.abs(fine.astype(int) - coarse)[:, mask].max() <= 3


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint64", "float32", "complex64"])
@pytest.mark.parametrize("method", WARPING)
def test_dtypes_and_bands(dtype, method):
    data = smooth(bands=5).astype(dtype)
    plan = planned("turned", (40, 50))
    out, mask = warp(data, None, plan.on(SHAPE), method)
    assert out.dtype == data.dtype
    assert out.shape == (5, 40, 50)
    assert not out[:, ~mask].any()
    one, _ = warp(data[3:4], None, plan.on(SHAPE), method)
    assert (out[3] == one[0]).all()


@pytest.mark.parametrize("tile", [(8, 130, 86), (9, 260, 173), (10, 522, 346), (11, 1044, 693)])
@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_web_tiles_are_rio_tilers(tile, method):
    rio_tiler = pytest.importorskip("rio_tiler.io")
    shape = (700, 800)
    z, x, y = tile
    transform = Affine(100, 0, 500000, 0, -100, 5620000)
    left, _, right, top = web_tile_bounds(z, x, y)
    size = (right - left) / 256
    plan = warp_plan(
        transformer("EPSG:3857", "EPSG:32631"),
        (size, 0, left, 0, -size, top),
        (256, 256),
        transform,
        shape,
    )
    window = plan.support(method)
    col, row, width, height = window
    part = smooth(shape)[:, row : row + height, col : col + width]
    out, mask = warp(part, None, plan.on(shape, window), method)
    with (
        opened(smooth(shape), "EPSG:32631", transform) as source,
        rio_tiler.Reader(None, dataset=source) as reader,
    ):
        theirs = reader.tile(x, y, z, resampling_method=method, reproject_method=method)
    there = theirs.mask > 0
    # the mask differs in the outermost pixel at most
    grown = np.pad(mask, 1)
    near = np.logical_or.reduce([np.roll(grown, s, a)[1:-1, 1:-1] for s in (-1, 1) for a in (0, 1)])
    lone = np.pad(~mask, 1)
    edge = np.logical_or.reduce([np.roll(lone, s, a)[1:-1, 1:-1] for s in (-1, 1) for a in (0, 1)])
    assert not (there & ~mask & ~near).any()
    assert not (mask & ~there & ~edge).any()
    assert (mask & there).sum() > 2000
    off = np.abs(out[0].astype(int) - theirs.data[0])[mask & there]
    # nearest: GDAL's coordinates are off by up to an eighth of a pixel
    assert (off <= 1).mean() > (0.97 if method == "nearest" else 0.999)


def test_wrong_arguments():
    plan = planned("utm to mercator")
    data = smooth()
    with pytest.raises(UsageError, match="must be one of nearest, bilinear, cubic, average"):
        warp(data, None, plan.on(SHAPE), "mode")
    with pytest.raises(UsageError, match="must be one of"):
        plan.support("lanczos")
    with pytest.raises(UsageError, match="of the window"):
        warp(data[:, 1:], None, plan.on(SHAPE))
    with pytest.raises(UsageError, match="mask's shape"):
        warp(data, np.ones((2, 2), bool), plan.on(SHAPE))
    with pytest.raises(UsageError, match="no inverse"):
        warp_plan(lambda x, y: (x, y), UTM, (4, 4), (0, 0, 1, 0, 0, 1), (4, 4))
    with pytest.raises(UsageError, match="at least"):
        warp_plan(lambda x, y: (x, y), UTM, (0, 4), UTM, (4, 4))
