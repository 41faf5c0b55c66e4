"""Pixels of the next level: against a brute-force oracle, against GDAL, cut in any way."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

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
    return rounded(mean) if dtype.kind in "iu" else float(mean)


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
        terms = [(v, weight) for v, weight in terms if v not in (nodata,) and v == v]  # noqa: PLR0124
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
        assert np.allclose(found[:, :, 0], expected, eps, 0.0, equal_nan=True), where
    else:
        assert np.array_equal(found[:, :, 0], expected), where


ORACLE_METHODS = ("average", "mode", "min", "max", "rms", "MEAN", "MIN", "MAX", "MODE")


@pytest.mark.parametrize("method", ORACLE_METHODS)
def test_equals_an_oracle_for_sizes_of_any_kind(method):
    choose = random.Random(method)
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
    for case in range(24):
        rows, cols = (int(n) for n in rng.integers(1, 41, 2))
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
        for tile in ((2, 2), (4, 16), (16, 6), (64, 64)):
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
                file.build_overviews([2, 4, 8], getattr(rasterio.enums.Resampling, method))
    with rasterio.open(path) as file:
        levels = len(file.overviews(1))
    for level in range(levels):
        with rasterio.open(path, overview_level=level) as file:
            yield np.moveaxis(file.read(), 0, -1), file.dataset_mask() != 0


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


def follow(levels, pixels, method: str, valid=None, **options):
    """Compare levels that GDAL made, each of the one before, with ours."""
    compared = 0
    for expected, mask in levels:
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
    if gdal_version() < (3, 11) and dtype == "float64":
        pytest.skip("GDAL before 3.11 adds doubles in another order")
    rng = np.random.default_rng(7)
    pixels = seen(dtype, rng, (64, 128, 1))
    options = {}
    valid = None
    if what == "nodata":
        options = {"nodata": 0 if np.dtype(dtype).kind == "u" else -1}
        pixels[rng.random(pixels.shape) < 0.3] = options["nodata"]
    if what == "mask":
        valid = rng.random((64, 128)) < 0.7
    if method == "mode" and what == "mask":
        options["like"] = "gdal"
    levels = by_gdal(tmp_path / "a.tif", pixels, method, valid=valid, nodata=options.get("nodata"))
    follow(levels, pixels, method, valid, **options)


@pytest.mark.parametrize("method", ["nearest", "average", "mode"])
@pytest.mark.parametrize("dtype", GDAL_DTYPES)
@pytest.mark.parametrize("what", ["plain", "nodata"])
def test_like_gdal_equals_its_cog_driver_at_any_size(tmp_path, method, dtype, what):
    if gdal_version() < (3, 11) and dtype in {"float64", "float32"}:
        pytest.skip("GDAL before 3.11 adds floats in another order")
    rng = np.random.default_rng(11)
    for rows, cols in ((261, 391), (1, 517), (515, 1), (256, 303)):
        pixels = seen(dtype, rng, (rows, cols, 1))
        nodata = None
        if what == "nodata":
            nodata = 0 if np.dtype(dtype).kind == "u" else -1
            pixels[rng.random(pixels.shape) < 0.3] = nodata
        levels = by_gdal(tmp_path / "a.tif", pixels, method, nodata=nodata, driver="COG")
        follow(levels, pixels, method, nodata=nodata, like="gdal")
