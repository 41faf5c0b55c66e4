"""Which pixels are valid stays so in a copy, or the copy is refused: by rasterio and by tinycog."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags

import tinycog
import tinycog.sync
from tinycog.errors import TinycogError, UsageError

pytestmark = [
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
    pytest.mark.filterwarnings("ignore::rasterio.errors.NodataShadowWarning"),
]

RNG = np.random.default_rng(7)
ROWS, COLS = 130, 90
VALID = (RNG.random((ROWS, COLS)) < 0.7) & (np.add.outer(np.arange(ROWS), np.arange(COLS)) > 60)
SMOOTH = np.stack([np.add.outer(np.arange(ROWS), np.arange(COLS)) // k + 5 for k in (2, 3, 4)])
RGB = SMOOTH.astype(np.uint8)
ALPHA = np.where(VALID, 255, 0).astype(np.uint8)
OTHER = 254
"""A nodata value that no pixel has."""

CODECS: dict[str, dict[str, Any]] = {
    "deflate": {"compression": "deflate"},
    "jpeg": {"compression": "jpeg"},
    "webp": {"compression": "webp", "quality": 60},
}


def stored(
    pixels: NDArray[Any],
    mask: NDArray[Any] | None = None,
    tags: dict[str, str] | None = None,
    names: list[str] | None = None,
    **profile: Any,
) -> bytes:
    """A file as rasterio writes it."""
    bands, rows, cols = pixels.shape
    profile = {"count": bands, "height": rows, "width": cols, "dtype": pixels.dtype, **profile}
    transform = Affine(1, 0, 0, 0, -1, 10)
    with rasterio.MemoryFile() as memory, rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        with memory.open(driver="GTiff", transform=transform, **profile) as dataset:
            if names:
                dataset.colorinterp = [ColorInterp[name] for name in names]
            dataset.write(pixels)
            if mask is not None:
                dataset.write_mask(mask)
            if tags:
                dataset.update_tags(**tags)
        return bytes(memory.read())


def rgba(pixels: NDArray[Any], alpha: NDArray[Any], **more: Any) -> bytes:
    return stored(np.concatenate([pixels, alpha[None]]), photometric="RGB", alpha="YES", **more)


def with_values() -> bytes:
    pixels = np.where(VALID, RGB, np.array([1, 2, 3], np.uint8)[:, None, None])
    return stored(pixels, photometric="RGB", tags={"NODATA_VALUES": "1 2 3"})


def partly() -> NDArray[np.uint8]:
    alpha = ALPHA.copy()
    alpha[100, 40] = 128
    return alpha


FLOATS = SMOOTH[:1].astype(np.float32)
SOURCES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: stored(RGB, photometric="RGB"),
    "a mask": lambda: stored(RGB, VALID, photometric="RGB"),
    "alpha": lambda: rgba(RGB, ALPHA),
    "partial alpha": lambda: rgba(RGB, partly()),
    "gray and alpha": lambda: stored(
        np.stack([RGB[0], ALPHA]), photometric="MINISBLACK", alpha="YES"
    ),
    "alpha of 16 bits": lambda: rgba(
        RGB.astype(np.uint16) * 9, np.where(VALID, 65535, 0).astype(np.uint16)
    ),
    "alpha of 32 bits": lambda: rgba(RGB.astype(np.uint32), ALPHA.astype(np.uint32)),
    "a mask and alpha": lambda: rgba(RGB, ALPHA[::-1], mask=VALID),
    "nodata": lambda: stored(np.where(VALID, RGB, 0), nodata=0, photometric="RGB"),
    "NODATA_VALUES": with_values,
    "NaN": lambda: stored(np.where(VALID, FLOATS, np.float32(np.nan))),
    "NaN as nodata": lambda: stored(np.where(VALID, FLOATS, np.float32(np.nan)), nodata=np.nan),
    "NaN and nodata": lambda: stored(
        np.where(VALID, np.where(VALID[::-1], FLOATS, -9), np.float32(np.nan)), nodata=-9
    ),
}
KINDS = (None, "internal", "alpha", "nodata", "none")
LOSSLESS, EXACT_ALPHA, ALL = "deflate", "deflate webp", "deflate jpeg webp"
WRITTEN: dict[str, tuple[str, ...]] = {
    "nothing": (ALL, ALL, EXACT_ALPHA, LOSSLESS, ALL),
    "a mask": (ALL, ALL, EXACT_ALPHA, LOSSLESS, ALL),
    "alpha": (EXACT_ALPHA, ALL, "", "", EXACT_ALPHA),
    "partial alpha": (EXACT_ALPHA, "", "", "", EXACT_ALPHA),
    "gray and alpha": (LOSSLESS, "deflate jpeg", "", "", LOSSLESS),
    "alpha of 16 bits": (LOSSLESS, LOSSLESS, "", "", LOSSLESS),
    "alpha of 32 bits": (LOSSLESS, LOSSLESS, "", LOSSLESS, LOSSLESS),
    "a mask and alpha": (EXACT_ALPHA, EXACT_ALPHA, "", LOSSLESS, EXACT_ALPHA),
    "nodata": (LOSSLESS, LOSSLESS, "", LOSSLESS, LOSSLESS),
    "NODATA_VALUES": (LOSSLESS, LOSSLESS, "", "", LOSSLESS),
    "NaN": (LOSSLESS, LOSSLESS, "", LOSSLESS, LOSSLESS),
    "NaN as nodata": (LOSSLESS, LOSSLESS, "", LOSSLESS, LOSSLESS),
    "NaN and nodata": (LOSSLESS, LOSSLESS, "", LOSSLESS, LOSSLESS),
}
"""The codecs that write a copy, for each of `KINDS`; all others refuse it."""


def masks(data: bytes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels are valid to rasterio, and to tinycog."""
    with rasterio.MemoryFile(data) as memory, memory.open() as dataset:
        by_gdal = dataset.dataset_mask() > 0
    with tinycog.sync.open(data) as cog:
        by_us = np.array(cog.read(masked=True).mask)
    return by_gdal, by_us


def of(data: bytes, **options: Any) -> bytes:
    """A copy."""
    written = tinycog.sync.write(bytes, tinycog.open(data), blocksize=64, **options)
    assert written.data is not None
    return written.data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SOURCES)
def test_a_copy_keeps_what_is_valid_or_is_refused(name, kind):
    data = SOURCES[name]()
    before = masks(data)
    np.testing.assert_array_equal(*before)
    options = {} if kind is None else {"mask": kind}
    if kind == "nodata" and "nodata" not in name:
        options["nodata"] = OTHER
    written: list[str] = []
    for codec, more in CODECS.items():
        try:
            copy = of(data, **options, **more)
        except TinycogError:
            continue
        written.append(codec)
        if kind == "none" and name.startswith("a mask"):
            continue  # which is left out, as it was said
        for found, wanted in zip(masks(copy), before, strict=True):
            np.testing.assert_array_equal(found, wanted, codec)
    assert written == WRITTEN[name][KINDS.index(kind)].split()


def test_of_alpha_a_mask_is_made_as_by_gdal(tmp_path):
    data = SOURCES["alpha"]()
    path = tmp_path / "gdal.tif"
    with rasterio.MemoryFile(data) as memory, memory.open() as dataset:
        rasterio.shutil.copy(dataset, path, driver="COG", compress="JPEG", blocksize=64)
    made = of(data, mask="internal", compression="jpeg")
    with rasterio.open(path) as theirs, rasterio.MemoryFile(made) as memory, memory.open() as ours:
        for dataset in (theirs, ours):
            assert [one.name for one in dataset.colorinterp] == ["red", "green", "blue"]
            assert dataset.mask_flag_enums[0] == [MaskFlags.per_dataset]
        np.testing.assert_array_equal(ours.dataset_mask(), theirs.dataset_mask())


def test_what_is_told_of_bands_is_that_of_those_before_alpha():
    data = SOURCES["alpha"]()
    facts = {"descriptions": ["r", "g", "b", "a"], "scales": [2, 3, 4, 1], "offsets": [1, 2, 3, 0]}
    with tinycog.sync.open(of(data, mask="internal", units=["m"] * 4, **facts)) as cog:
        assert (cog.shape, cog.colorinterp) == ((3, ROWS, COLS), ("red", "green", "blue"))
        assert list(cog.descriptions) == ["r", "g", "b"]
        assert (list(cog.scales), list(cog.offsets)) == ([2, 3, 4], [1, 2, 3])
        np.testing.assert_array_equal(cog.read().data, RGB)


@pytest.mark.parametrize("masked", [False, True])
def test_of_alpha_in_blocks_a_mask_is_made(masked):
    pixels = np.concatenate([RGB, ALPHA[None]])
    if masked:
        pixels = np.ma.masked_array(pixels, np.broadcast_to(~VALID, pixels.shape))
    blocks = [((row, 0), pixels[:, row : row + 50]) for row in range(0, ROWS, 50)]
    options = {"shape": pixels.shape, "dtype": "uint8", "mask": "internal", "blocksize": 64}
    made = tinycog.sync.write(bytes, iter(blocks), **options)
    for found in masks(made.data):
        np.testing.assert_array_equal(found, VALID)


def test_partial_opacity_is_named():
    with pytest.raises(UsageError, match=r"row 100, column 40 has an alpha of 128.*lossless"):
        of(SOURCES["partial alpha"](), mask="internal")


def test_alpha_that_would_be_blurred_is_refused_with_what_to_pass():
    pixels = np.concatenate([RGB, ALPHA[None]])
    with pytest.raises(UsageError, match=r'alpha would be blurred.*mask="internal".*colorinterp='):
        tinycog.sync.write(bytes, pixels, compression="jpeg")
    names = ["red", "green", "blue", "undefined"]
    made = tinycog.sync.write(bytes, pixels, compression="jpeg", colorinterp=names)
    assert all(found.all() for found in masks(made.data))


def test_webp_has_an_exact_alpha_behind_three_bands_only():
    masked = np.ma.masked_array(RGB, np.broadcast_to(~VALID, RGB.shape))
    made = tinycog.sync.write(bytes, masked, mask="alpha", compression="webp")
    np.testing.assert_array_equal(tinycog.sync.open(made.data).read().data[3], ALPHA)
    with pytest.raises(UsageError, match=r"behind 2 of uint8.*mask=\"internal\""):
        tinycog.sync.write(bytes, masked[:2], mask="alpha", compression="webp")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "float32"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5])
def test_alpha_is_added_where_rasterio_takes_it_for_a_mask(bands, dtype):
    pixels = np.ones((bands, ROWS, COLS), dtype)
    top = np.iinfo(dtype).max if pixels.dtype.kind in "iu" else 1
    alpha = np.where(VALID, top, 0).astype(dtype)
    names = ["gray", *["undefined"] * (bands - 1), "alpha"]
    known = stored(np.concatenate([pixels, alpha[None]]), names=names, photometric="MINISBLACK")
    with rasterio.MemoryFile(known) as memory, memory.open() as dataset:
        counts = not dataset.dataset_mask().all()
    masked = np.ma.masked_array(pixels, np.broadcast_to(~VALID, pixels.shape))
    options = {} if bands != 4 else {"colorinterp": ["red", "green", "blue", "nir"]}
    if not counts:
        with pytest.raises(UsageError, match='pass mask="internal"'):
            tinycog.sync.write(bytes, masked, mask="alpha", **options)
        return
    for found in masks(tinycog.sync.write(bytes, masked, mask="alpha", **options).data):
        np.testing.assert_array_equal(found, VALID)


@pytest.mark.parametrize("name", ["alpha", "NODATA_VALUES", "nodata"])
@pytest.mark.parametrize("bands", [None, [0, 1]])
def test_pixels_that_were_read_keep_what_is_valid(name, bands):
    """What says which are valid may be a band that was not read, or an item of the file."""
    with tinycog.sync.open(SOURCES[name]()) as cog:
        raster = cog.read(bands=bands, masked=True)
    for found in masks(tinycog.sync.write(bytes, raster).data):
        np.testing.assert_array_equal(found, raster.mask)


def test_nan_is_valid_to_a_mask_unless_it_is_nodata():
    pixels = np.where(VALID, FLOATS, np.float32(np.nan))
    for nodata in (None, -9, np.nan):
        made = tinycog.sync.write(bytes, pixels, mask="internal", nodata=nodata).data
        plain = tinycog.sync.write(bytes, pixels, nodata=nodata).data
        for found, wanted in zip(masks(made), masks(plain), strict=True):
            np.testing.assert_array_equal(found, wanted)
            assert found.all() == (nodata is None or nodata == -9)


def test_means_do_not_count_what_nodata_values_says_is_not_valid():
    data = SOURCES["NODATA_VALUES"]()
    with pytest.raises(UsageError, match=r"NODATA_VALUES.*mask=\"internal\""):
        of(data, overview_resampling="average")
    with tinycog.sync.open(of(data, overview_resampling="average", mask="internal")) as cog:
        smaller = cog.read_level(1, masked=True)
    weight = VALID.reshape(ROWS // 2, 2, COLS // 2, 2)
    total = (RGB.astype(float).reshape(3, *weight.shape) * weight).sum((2, 4))
    count = weight.sum((1, 3))
    np.testing.assert_array_equal(smaller.mask, count > 0)
    wanted = total / np.maximum(count, 1)
    assert np.abs(smaller.data - wanted)[:, count > 0].max() <= 0.5


def test_an_update_has_masks_of_nodata_values_as_write_does(tmp_path):
    data = SOURCES["NODATA_VALUES"]()
    path = tmp_path / "a.tif"
    path.write_bytes(of(data, mask="internal"))
    block = RGB[:, :20, :30].copy()
    block[:, :10] = np.array([1, 2, 3], np.uint8)[:, None, None]
    tinycog.sync.update(path, block, window=(8, 5, 30, 20))
    with tinycog.sync.open(data) as cog:
        pixels = cog.read().data.copy()
        pixels[:, 5:25, 8:38] = block
        facts = {"crs": cog.crs, "transform": cog.transform, "tags": cog.tags()}
    whole = tinycog.sync.write(bytes, pixels, mask="internal", blocksize=64, **facts)
    for found, wanted in zip(masks(path.read_bytes()), masks(whole.data), strict=True):
        np.testing.assert_array_equal(found, wanted)


async def test_nodata_that_is_nan_stays_so_beside_alpha():
    """It is the file's own, though NaN equals nothing."""
    pixels = np.concatenate([RGB, ALPHA[None]]).astype(np.float32)
    pixels[:, :9] = np.nan
    data = stored(pixels, photometric="RGB", alpha="YES", nodata=np.nan)
    copy = (await tinycog.write(bytes, tinycog.open(data))).data
    np.testing.assert_array_equal(masks(copy), masks(data))
