"""Pixels of the next level: against a brute-force oracle, against GDAL, cut in any way."""

# pyright: reportArgumentType=false
from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tinycog import UnsupportedError, UsageError
from tinycog.pixels.overviews.reducer import Reducer, make_reducer

INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
FLOATS = ("float16", "float32", "float64")
METHODS = ("nearest", "average", "mode", "min", "max", "rms", "bilinear", "cubic")
POLICIES = ("MEAN", "MIN", "MAX", "SAMPLE", "MODE")


def whole(reducer: Reducer, pixels, valid=None):
    """The next level, made at once."""
    return reducer.reduce(pixels, valid, (0, 0, *reducer.sizes))


# --- the oracle -----------------------------------------------------------------------------------


def covered(size: int, *, pairs: bool):
    """For each pixel of the next level, those of this one that it covers, and how much of each."""
    count = -(-size // 2)
    ratio = Fraction(2 if pairs else Fraction(size, count))
    for j in range(count):
        begin, end = j * ratio, (j + 1) * ratio
        pixels = range(math.floor(begin), min(math.ceil(end), size))
        yield [(i, min(i + 1, end) - max(i, begin)) for i in pixels]


def rounded(value: Fraction) -> int:
    """Half away from zero."""
    return math.floor(abs(value) + Fraction(1, 2)) * (1 if value >= 0 else -1)


def combine(method: str, terms, dtype: np.dtype):
    """One sample of (value, weight) pairs that count."""
    values = [value for value, _ in terms]
    if method in {"min", "max"}:
        return {"min": min, "max": max}[method](values)
    if method == "mode":
        most = max(Counter(values).values())
        return next(v for i, v in enumerate(values) if values[: i + 1].count(v) == most)
    if dtype.kind == "f" and any(map(math.isinf, values)):
        size = [abs(v) if method == "rms" else v for v in values if math.isinf(v)]
        return size[0] if len(set(size)) == 1 else 0.0
    square = method == "rms"
    total = sum(Fraction(v) ** (2 if square else 1) * weight for v, weight in terms)
    mean = total / sum(weight for _, weight in terms)
    if square:
        mean = Fraction(math.isqrt(int(mean * 4**80)), 2**80)
    return min(rounded(mean), np.iinfo(dtype).max) if dtype.kind in "iu" else float(mean)


def oracle(plane, valid, method: str, nodata):
    """The next level of one sample, by whole numbers and fractions, and its mask."""
    pairs, name = method.isupper(), {"MEAN": "average"}.get(method, method.lower())
    down, across = (list(covered(size, pairs=pairs)) for size in plane.shape)
    fill = nodata if nodata is not None else math.nan if plane.dtype.kind == "f" else 0
    out = np.full((len(down), len(across)), fill, plane.dtype)
    left = np.zeros(out.shape, bool)
    for (i, rows), (j, cols) in itertools.product(enumerate(down), enumerate(across)):
        inside = [(r, c, y * x) for (r, y), (c, x) in itertools.product(rows, cols)]
        left[i, j] = any(valid[r, c] for r, c, _ in inside)
        terms = [(plane[r, c].item(), weight) for r, c, weight in inside if valid[r, c]]
        terms = [(v, weight) for v, weight in terms if v != nodata and not math.isnan(v)]
        if terms:
            out[i, j] = combine(name, terms, plane.dtype)
            if nodata is not None and out[i, j] == nodata:
                out[i, j] = moved(out[i, j])
    if nodata is None:
        out[~left] = 0
    return out, left


def moved(value):
    """The value next to nodata."""
    info = np.iinfo(value.dtype)
    return value + value.dtype.type(1) if value < info.max else value - value.dtype.type(1)


def made(rng, rows: int, cols: int, dtype: str):
    """Pixels with ties, extremes, and whatever floats can be."""
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        info = np.iinfo(kind)
        low, high = (info.min, info.max) if rng.random() < 0.5 else (max(info.min, -3), 6)
        return rng.integers(low, high, (rows, cols), kind, endpoint=True)
    out = rng.integers(-8, 8, (rows, cols)).astype(kind)
    if rng.random() < 0.5:
        out += rng.random((rows, cols)).astype(kind)
    special = rng.random((rows, cols))
    out[special < 0.1] = np.nan
    out[(special > 0.1) & (special < 0.15)] = np.inf
    out[(special > 0.15) & (special < 0.17)] = -np.inf
    return out


def compare(rows: int, cols: int, dtype: str, method: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plane = made(rng, rows, cols, dtype)
    valid = rng.random((rows, cols)) < rng.choice([0.3, 0.9, 1.1])
    nodata = None
    if rng.random() < 0.5 and plane.dtype.kind in "iu":
        nodata = int(rng.choice(plane.ravel()))
    reducer = make_reducer(method, plane.dtype, rows, cols, nodata=nodata, has_mask=True)
    found, left = whole(reducer, plane[:, :, None], valid)
    expected, mask = oracle(plane, valid, method, nodata)
    where = f"{method} of {rows} x {cols} {dtype}, nodata {nodata}, seed {seed}"
    assert np.array_equal(mask, mask | True if left is None else left), where
    if plane.dtype.kind == "f":
        eps = 4 * float(np.finfo(dtype).eps)
        # of a sum of both signs, what is lost is a part of its terms
        lost = eps * np.abs(plane[np.isfinite(plane)]).max(initial=0)
        assert np.allclose(found[:, :, 0], expected, eps, lost, equal_nan=True), where
    else:
        assert np.array_equal(found[:, :, 0], expected), where


ORACLE_METHODS = ("average", "mode", "min", "max", "rms", "MEAN", "MIN", "MAX", "MODE")


@pytest.mark.parametrize("method", ORACLE_METHODS)
def test_equals_an_oracle_for_sizes_of_any_kind(method):
    choose = random.Random(method)  # noqa: S311 - sizes
    for seed in range(40):
        rows, cols = choose.choice([1, 2, 3, 4, 5, 7, 8, 13]), choose.randint(1, 14)
        dtype = choose.choice(INTEGERS[:6] if method == "rms" else INTEGERS + FLOATS)
        compare(rows, cols, dtype, method, seed)


# --- however it is cut ----------------------------------------------------------------------------


def in_tiles(reducer: Reducer, pixels, valid, tile: tuple[int, int]):
    """The next level, made tile by tile as a writer does."""
    out = np.zeros((*reducer.sizes, pixels.shape[2]), pixels.dtype)
    left = np.zeros(reducer.sizes, bool)
    rows, cols = pixels.shape[:2]
    for row, col in itertools.product(range(0, rows, tile[0]), range(0, cols, tile[1])):
        box = (row, col, min(row + tile[0], rows), min(col + tile[1], cols))
        block = reducer.made_of(box)
        r, c, r_stop, c_stop = reducer.support(block)
        (above, below), (before, behind) = reducer.margins
        if 0 not in (block[2] - block[0], block[3] - block[1]):
            assert r >= row - above
            assert c >= col - before
            assert r_stop <= box[2] + below
            assert c_stop <= box[3] + behind
        mask = None if valid is None else valid[r:r_stop, c:c_stop]
        found, known = reducer.reduce(pixels[r:r_stop, c:c_stop], mask, block)
        at = np.s_[block[0] : block[2], block[1] : block[3]]
        out[at], left[at] = found, True if known is None else known
    return out, left


@pytest.mark.parametrize("like", [None, "gdal"])
@pytest.mark.parametrize("method", METHODS + POLICIES)
def test_any_cut_gives_the_same_bits(method, like):
    if like == "gdal" and method not in {"nearest", "average", "mode"}:
        pytest.skip("not like GDAL")
    rng = np.random.default_rng(3)
    for case in range(12):
        rows, cols = (int(n) for n in rng.integers(1, 21, 2))
        samples = int(rng.integers(1, 5))
        dtype = (INTEGERS + FLOATS)[case % 11]
        pixels = np.stack([made(rng, rows, cols, dtype) for _ in range(samples)], axis=-1)
        if pixels.dtype.kind == "f":
            pixels *= pixels.dtype.type(0.37)
        valid = rng.random((rows, cols)) < 0.8 if case % 2 else None
        alpha = samples - 1 if samples > 1 and case % 3 == 0 else None
        nodata = -1.0 if case % 4 == 0 and pixels.dtype.kind != "u" else None
        reducer = make_reducer(
            method, pixels.dtype, rows, cols,
            like=like, nodata=nodata, alpha=alpha, has_mask=valid is not None,
        )  # fmt: skip
        expected, left = whole(reducer, pixels, valid)
        left = np.ones(reducer.sizes, bool) if left is None else left
        for tile in ((2, 2), (4, 16)):
            found, known = in_tiles(reducer, pixels, valid, tile)
            where = f"{rows} x {cols} x {samples} {dtype} in {tile}"
            assert found.tobytes() == expected.tobytes(), where
            assert np.array_equal(known, left), where


# --- as GDAL --------------------------------------------------------------------------------------


def by_gdal(path: Path, pixels, method: str, *, nodata=None, valid=None, driver="GTiff", **options):
    """Overviews that GDAL makes of (rows, cols, samples): [(pixels, mask)], first to last."""
    rasterio = pytest.importorskip("rasterio")
    if driver == "COG":
        options |= {"OVERVIEW_RESAMPLING": method, "BLOCKSIZE": 128}
    rows, cols, count = pixels.shape
    shape = {"height": rows, "width": cols, "count": count, "dtype": pixels.dtype.name}
    shape["transform"] = rasterio.Affine(10, 0, 0, 0, -10, 0)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        with rasterio.open(path, "w", driver=driver, nodata=nodata, **shape, **options) as file:
            file.write(np.moveaxis(pixels, -1, 0))
            if valid is not None:
                file.write_mask(valid)
        if driver == "GTiff":
            with rasterio.open(path, "r+") as file:
                file.build_overviews([2, 4], getattr(rasterio.enums.Resampling, method))
    with rasterio.open(path) as file:
        levels = len(file.overviews(1))
    out = []
    for level in range(levels):
        with rasterio.open(path, overview_level=level) as file:
            out.append((np.moveaxis(file.read(), 0, -1), file.dataset_mask() != 0))
    return out


def gdal_version() -> tuple[int, ...]:
    rasterio = pytest.importorskip("rasterio")
    return tuple(map(int, rasterio.__gdal_version__.split(".")[:2]))


def seen(dtype: str, rng, shape):
    """Pixels with ties, and of the whole range where GDAL's arithmetic holds it."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (rng.normal(size=shape) * 100).astype(kind)
    info = np.iinfo(kind)
    low, high = (max(info.min, -(2**50)), min(info.max, 2**50))
    out = rng.integers(low, high, shape, kind, endpoint=True)
    few = rng.integers(max(info.min, -2), 3, shape, kind)
    return np.where(rng.random(shape) < 0.5, few, out)


DOUBLES = {"float32", "float64", "int64", "uint64"}


def skip_what_gdal_cannot(dtype: str, method: str, what: str) -> None:
    if gdal_version() < (3, 11) and method == "average" and dtype in DOUBLES:
        pytest.skip("GDAL before 3.11 adds doubles in another order")
    if dtype in {"int64", "uint64"} and what == "nodata":
        pytest.skip("GDAL 3.12 does not come back from means of 64-bit integers with nodata")


def follow(levels, pixels, method: str, valid=None, **options):
    """Compare levels that GDAL made, each of the one before, with ours."""
    compared = 0
    for level, mask in levels:
        expected = level
        rows, cols, _ = pixels.shape
        has_mask = valid is not None
        reducer = make_reducer(method, pixels.dtype, rows, cols, has_mask=has_mask, **options)
        found, left = whole(reducer, pixels, valid)
        assert found.shape == expected.shape
        if valid is not None:
            left = np.ones(mask.shape, bool) if left is None else left
            if options.get("like") or method != "mode":
                assert np.array_equal(left, mask)
            found, expected = found[left & mask], expected[left & mask]
        assert np.array_equal(found, expected, equal_nan=found.dtype.kind == "f")
        pixels, valid = whole(reducer, pixels, valid)
        compared += 1
    assert compared


GDAL_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
               "float32", "float64")  # fmt: skip


@pytest.mark.parametrize("method", ["nearest", "average", "mode"])
@pytest.mark.parametrize("dtype", GDAL_DTYPES)
@pytest.mark.parametrize("what", ["plain", "nodata", "mask"])
def test_equals_gdal_at_powers_of_two(tmp_path, method, dtype, what):
    skip_what_gdal_cannot(dtype, method, what)
    rng = np.random.default_rng(7)
    pixels = seen(dtype, rng, (32, 64, 1))
    options = {}
    valid = None
    kind = np.dtype(dtype).kind
    if what == "nodata":
        options = {"nodata": 0 if kind == "u" else -1}
        pixels[rng.random(pixels.shape) < 0.3] = options["nodata"]
    if what == "mask":
        valid = rng.random((32, 64)) < 0.7
    # GDAL's masks by mode, and its means of signed integers that round to nodata, are its own
    if (method == "mode" and what == "mask") or (kind == "i" and what == "nodata"):
        options["like"] = "gdal"
    nodata = options.get("nodata")
    levels = by_gdal(tmp_path / "a.tif", pixels, method, valid=valid, nodata=nodata)
    if kind == "f" and what == "mask":
        levels = levels[:1]  # GDAL goes on in the precision of means without a mask
    follow(levels, pixels, method, valid, **options)


@pytest.mark.parametrize("method", ["nearest", "average", "mode"])
@pytest.mark.parametrize("dtype", GDAL_DTYPES)
@pytest.mark.parametrize("what", ["plain", "nodata"])
def test_like_gdal_equals_its_cog_driver_at_any_size(tmp_path, method, dtype, what):
    skip_what_gdal_cannot(dtype, method, what)
    rng = np.random.default_rng(11)
    for rows, cols in ((133, 135), (1, 131), (132, 268)):
        pixels = seen(dtype, rng, (rows, cols, 1))
        nodata = None
        if what == "nodata":
            nodata = 0 if np.dtype(dtype).kind == "u" else -1
            pixels[rng.random(pixels.shape) < 0.3] = nodata
        levels = by_gdal(tmp_path / "a.tif", pixels, method, nodata=nodata, driver="COG")
        follow(levels, pixels, method, nodata=nodata, like="gdal")


# --- what it promises -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
@pytest.mark.parametrize("method", METHODS + POLICIES)
def test_valid_never_becomes_nodata_nor_the_reverse(method, dtype):
    rng = np.random.default_rng(5)
    kind = np.dtype(dtype)
    for nodata in (0, 3, np.iinfo(kind).max if kind.kind in "iu" else np.nan):
        pixels = rng.integers(0, 7, (15, 16, 1)).astype(kind)
        is_nodata = rng.random(pixels.shape) < 0.4
        if math.isnan(nodata):
            is_nodata |= np.isnan(pixels)
        pixels[is_nodata] = nodata
        reducer = make_reducer(method, kind, 15, 16, nodata=nodata)
        found, _ = whole(reducer, pixels)
        truth = np.isnan(pixels) if math.isnan(nodata) else pixels == nodata
        if method in {"nearest", "SAMPLE"}:
            continue
        name = "MEAN" if method.isupper() else "average"
        plain = make_reducer(name, np.dtype(np.uint8), 15, 16, has_mask=True)
        _, left = whole(plain, np.ones((15, 16, 1), np.uint8), ~truth[:, :, 0])
        gone = np.isnan(found) if math.isnan(nodata) else found == nodata
        expected = np.zeros(reducer.sizes, bool) if left is None else ~left
        assert np.array_equal(gone[:, :, 0], expected)


def test_a_mean_near_a_float_nodata_is_not_read_as_nodata():
    from tinycog.pixels.mask import differs  # noqa: PLC0415 - what the reader asks

    for dtype in ("float32", "float64"):
        pixels = np.array([[-9998.0, -10000.0]], dtype)[:, :, None]
        found, _ = whole(make_reducer("average", np.dtype(dtype), 1, 2, nodata=-9999.0), pixels)
        assert differs(found, -9999.0).all()
        assert found == pytest.approx(-9999.0, rel=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float16", "float32", "float64"])
@pytest.mark.parametrize("kind", ["all", "masked", "not a number"])
def test_means_do_not_depend_on_how_pixels_lie_in_memory(dtype, kind):
    rng = np.random.default_rng(3)
    pixels = rng.uniform(-100, 100, (700, 130, 2)).astype(np.int8).astype(dtype)
    valid = rng.random((700, 130)) < 0.5 if kind == "masked" else None
    if kind == "not a number" and pixels.dtype.kind == "f":
        pixels[rng.random(pixels.shape) < 0.3] = np.nan
    reducer = make_reducer("average", pixels.dtype, 700, 130, has_mask=valid is not None)
    expected, left = whole(reducer, pixels, valid)
    wider = np.zeros((701, 133, 2), dtype)[1:, 3:]
    unaligned = np.frombuffer(bytearray(pixels.nbytes + 1), np.uint8)[1:].view(dtype)
    for other in (
        wider,
        np.asfortranarray(np.zeros_like(pixels)),
        np.zeros((2, 700, 130), dtype).transpose(1, 2, 0),
        unaligned.reshape(pixels.shape),
    ):
        other[...] = pixels
        for mask in (valid, None if valid is None else np.asfortranarray(valid)):
            found, its_left = whole(reducer, other, mask)
            assert found.tobytes() == expected.tobytes()
            assert np.array_equal(its_left, left)


def test_integers_of_64_bits_are_exact():
    top = 2**64 - 1
    pixels = np.array([[top, top - 1, top], [top - 2, top, top - 9]], np.uint64)[:, :, None]
    found, _ = whole(make_reducer("average", np.dtype(np.uint64), 2, 3), pixels)
    weights = ((2, 1, 0), (0, 1, 2))
    for j, weight in enumerate(weights):
        total = sum(int(v) * w for row in pixels[:, :, 0] for v, w in zip(row, weight, strict=True))
        assert int(found[0, j, 0]) == rounded(Fraction(total, 6))


def test_colours_are_weighted_by_alpha():
    pixels = np.array([[[200, 255], [100, 0]], [[50, 51], [0, 0]]], np.uint8)
    found, _ = whole(make_reducer("average", np.dtype(np.uint8), 2, 2, alpha=1), pixels)
    assert found.tolist() == [[[175, 77]]]  # (200 * 255 + 50 * 51) / 306, 306 / 4
    found, _ = whole(
        make_reducer("average", np.dtype(np.uint8), 2, 2, alpha=1, like="gdal"), pixels
    )
    assert found.tolist() == [[[125, 153]]]  # of what is not transparent


def test_nan_beside_nodata_is_invalid_but_to_gdal():
    pixels = np.array([[np.nan, 4.0], [6.0, -9999.0]], np.float32)[:, :, None]
    ours = make_reducer("average", np.dtype(np.float32), 2, 2, nodata=-9999)
    gdal = make_reducer("average", np.dtype(np.float32), 2, 2, nodata=-9999, like="gdal")
    assert whole(ours, pixels)[0].item() == 5.0
    assert math.isnan(whole(gdal, pixels)[0].item())


def test_means_of_complex_numbers():
    pixels = np.array([[1 + 2j, 3 + 4j], [5 + 6j, 7]], np.complex64)[:, :, None]
    found, _ = whole(make_reducer("average", np.dtype(np.complex64), 2, 2), pixels)
    assert found.tolist() == [[[4 + 3j]]]


@pytest.mark.parametrize(
    ("method", "dtype", "options", "words"),
    [
        ("median", "uint8", {}, "expected one of"),
        ("average", "uint8", {"indexed": True}, "palette"),
        ("cubic", "complex64", {}, "complex"),
        ("cubic", "uint8", {"like": "gdal"}, "like"),
        ("average", ">u2", {}, "byte order"),
    ],
)
def test_what_cannot_be_made_is_refused(method, dtype, options, words):
    with pytest.raises(UsageError, match=words):
        make_reducer(method, np.dtype(dtype), 4, 4, **options)


def test_an_image_too_large_for_exact_means_is_refused():
    with pytest.raises(UnsupportedError, match="exact"):
        make_reducer("average", np.dtype(np.int64), 2**25 + 1, 2**25 + 1)


def test_pixels_of_another_block_are_refused():
    reducer = make_reducer("average", np.dtype(np.uint8), 5, 5)
    with pytest.raises(UsageError, match="expected"):
        reducer.reduce(np.zeros((4, 4, 1), np.uint8), None, (0, 0, 3, 3))


@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_kernels_keep_constants_and_follow_gdal_inside(tmp_path, method):
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 255, (32, 64, 1)).astype(np.uint8)
    ((expected, _), *_) = by_gdal(tmp_path / "a.tif", pixels, method)
    found, _ = whole(make_reducer(method, pixels.dtype, 32, 64), pixels)
    assert np.abs(found.astype(int) - expected).max() <= 1
    constant = np.full((9, 7, 1), 41, np.uint8)
    assert (whole(make_reducer(method, pixels.dtype, 9, 7), constant)[0] == 41).all()
