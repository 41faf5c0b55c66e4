"""Which pixels are valid: what rasterio's `dataset_mask` says, at every level."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geo_files import in_rasterio
from rasterio.windows import Window as RasterioWindow
from test_corpus import RECORDS, SKIP, path_of

import tinycog
from tinycog.pixels.mask import nodata_mask
from tinycog.pixels.validity import ALL_VALID
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.spec import Tag

FILES = Path(__file__).parent.parent / "fixtures" / "files"
MASKED = [
    *("cog-mask-rgb", "cog-bigtiff-jpeg-mask", "cog-jpeg-ycbcr-mask", "cog-sparse-mask"),
    *("tiled-internal-mask", "cog-sparse-nodata", "cog-nodata-nan", "cog-alpha-rgba"),
    *("cog-webp-rgba", "tiled-gray-alpha-u16", "cog-deflate-u8", "tiled-planar-u16-p2"),
]


def overview(z: int) -> dict[str, int]:
    return {"overview_level": z - 1} if z else {}


def mask_of(raster: tinycog.Raster) -> np.ndarray:
    """The mask of a raster, held against those of its bands."""
    assert raster.mask.shape == raster.shape[1:]
    assert raster.band_masks.shape == raster.shape
    return raster.mask


def gdal_mask(data: bytes | str, z: int = 0) -> np.ndarray:
    with in_rasterio(data, **overview(z)) as dataset:
        return dataset.dataset_mask() > 0


def image(pixels: np.ndarray, *fields: Field) -> Any:
    return make_image(pixels, tile=(16, 16)).having(*fields)


def nodata(text: str) -> Field:
    return Field(Tag.GDALNoData, "ASCII", text)


def mask_image(valid: np.ndarray, kind: int = 4) -> Any:
    fields = Field(Tag.NewSubfileType, "LONG", kind), Field(262, "SHORT", 4)
    return image(valid[None].astype(np.uint8) * 255, *fields)


async def assert_masks(data: bytes) -> np.ndarray:
    """The masks of each level are GDAL's, however they are read; gives that of level 0."""
    cog = await tinycog.open(data)
    masks: list[np.ndarray] = []
    for level in cog.levels:
        found = await cog.read(level=level.z, masked=True)
        assert_same_masks(await cog.read(level=level.z), found)
        np.testing.assert_array_equal(found.mask, gdal_mask(data, level.z))
        with in_rasterio(data, **overview(level.z)) as dataset:
            np.testing.assert_array_equal(found.band_masks, dataset.read_masks() > 0)
        masks.append(mask_of(found))
    return masks[0]


def assert_same_masks(found: tinycog.Raster, expected: tinycog.Raster) -> None:
    np.testing.assert_array_equal(found.mask, expected.mask)
    np.testing.assert_array_equal(found.band_masks, expected.band_masks)


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MASKED)
async def test_the_mask_of_every_window_and_level_is_that_of_rasterio(name: str):
    path = str(FILES / f"{name}.tif")
    rng = random.Random(name)  # noqa: S311 - the same windows in every run
    cog = await tinycog.open(path)
    for level in cog.levels:
        with in_rasterio(path, **overview(level.z)) as dataset:
            for _ in range(12):
                col, col_stop = sorted(rng.sample(range(level.width + 1), 2))
                row, row_stop = sorted(rng.sample(range(level.height + 1), 2))
                window = (col, row, col_stop - col, row_stop - row)
                expected = dataset.dataset_mask(window=RasterioWindow(*window)) > 0
                found = await cog.read(window=window, level=level.z, masked=True)
                np.testing.assert_array_equal(mask_of(found), expected)


async def test_a_mask_image_comes_with_the_pixels_unless_it_is_not_wanted():
    cog = tinycog.open(FILES / "cog-mask-rgb.tif")
    expected = (await cog.read(masked=True)).mask
    np.testing.assert_array_equal((await cog.read()).mask, expected)
    unasked = await cog.read(masked=False)
    for wanted in ("mask", "band_masks"):
        with pytest.raises(tinycog.UsageError, match="read with masked=False"):
            getattr(unasked, wanted)
    with pytest.raises(tinycog.UsageError, match="read with masked=False"):
        unasked.masked()


@pytest.mark.parametrize("name", MASKED)
async def test_the_mask_is_the_same_however_it_is_asked_for(name: str):
    cog = await tinycog.open(FILES / f"{name}.tif")
    for level in cog.levels:
        whole = await cog.read(level=level.z, masked=True)
        assert_same_masks(await cog.read(level=level.z), whole)
        async for tile in cog.iter_tiles(level=level.z):
            part = np.s_[
                tile.window.row_off : tile.window.row_off + tile.height,
                tile.window.col_off : tile.window.col_off + tile.width,
            ]
            np.testing.assert_array_equal(tile.mask, whole.mask[part])
            np.testing.assert_array_equal(tile.band_masks, whole.band_masks[(slice(None), *part)])
        points = [(x, y) for x in (0, level.width // 2) for y in (0, level.height - 1)]
        values = await cog.points(
            [level.transform @ (x + 0.5, y + 0.5) for x, y in points], level=level.z
        )
        np.testing.assert_array_equal(values.mask, [whole.mask[y, x] for x, y in points])
        np.testing.assert_array_equal(
            values.band_masks, [whole.band_masks[:, y, x] for x, y in points]
        )


async def test_a_tile_before_the_file_is_open_knows_its_mask():
    for name in MASKED:
        tile = await tinycog.open(FILES / f"{name}.tif").read_tile(0, 0, 0)
        opened = await (await tinycog.open(FILES / f"{name}.tif")).read_tile(0, 0, 0, masked=True)
        assert_same_masks(tile, opened)


async def test_whether_there_is_a_mask_is_not_known_before_the_chain_is_walked():
    pixels = np.arange(32 * 32, dtype=np.uint8).reshape(1, 32, 32)
    mask = mask_image(pixels[0] > 7)
    cog = tinycog.open(make_tiff([image(pixels), mask]), head_bytes=128)
    tile = await cog.read_tile(0, 0, 0)
    with pytest.raises(tinycog.UsageError, match="not known yet: read with masked=True"):
        _ = tile.mask
    assert "mask not known" in repr(tile)
    assert tile.to_png() == replace(tile, validity=ALL_VALID).to_png()
    known = await cog.read_tile(0, 0, 0, masked=True)
    np.testing.assert_array_equal(known.mask, (pixels[0] > 7)[:16, :16])


async def test_the_window_over_the_edge_is_not_valid_there():
    for name in ("cog-mask-rgb", "cog-sparse-nodata", "cog-alpha-rgba", "cog-deflate-u8"):
        cog = await tinycog.open(FILES / f"{name}.tif")
        inner = mask_of(await cog.read(masked=True))
        window = (-3, -4, cog.width + 8, cog.height + 9)
        found = await cog.read(window=window, boundless=True, masked=True)
        np.testing.assert_array_equal(found.mask, np.pad(inner, ((4, 5), (3, 5))))


@SKIP
async def test_masks_of_the_corpus_are_the_known_ones():
    """By their hash; alpha is graded there, and is compared with rasterio."""
    wrong: list[str] = []
    for record in RECORDS:
        images = record.get("images")
        if record["class"] != "must-read" or not images or not images[0].get("mask"):
            continue
        mask = mask_of(await tinycog.open(path_of(record)).read(masked=True))
        digest = hashlib.sha256((mask * np.uint8(255)).tobytes()).hexdigest()
        if digest != images[0]["mask"] and not np.array_equal(mask, gdal_mask(path_of(record))):
            wrong.append(record["file"])
    assert wrong == []


# --- precedence ----------------------------------------------------------------------------------


def random_file(rng: np.random.Generator, sources: set[str]) -> bytes:
    """A file of two levels with these of mask, nodata, alpha, each of its own opinion."""
    fields = [nodata("1")] if "nodata" in sources else []
    fields += [Field(Tag.ExtraSamples, "SHORT", [2])] if "alpha" in sources else []
    levels: list[Any] = []
    for z, size in enumerate((32, 16)):
        pixels = rng.integers(0, 3, (2, size, size)).astype(np.uint8)
        levels.append(image(pixels, *fields, Field(Tag.NewSubfileType, "LONG", z)))
    masks = [mask_image(rng.random((32, 32)) < 0.5), mask_image(rng.random((16, 16)) < 0.5, 5)]
    return make_tiff([*levels, *masks] if "mask" in sources else levels)


@pytest.mark.parametrize("sources", list(product(["mask", ""], ["nodata", ""], ["alpha", ""])))
async def test_a_mask_goes_before_nodata_and_nodata_before_alpha(sources: tuple[str, ...]):
    mask = await assert_masks(random_file(np.random.default_rng(1), set(sources)))
    assert mask.all() == (set(sources) == {""})


async def test_nodata_of_level_0_counts_for_all_levels_and_masks_are_their_own():
    """GDAL obeys it alone too where it reads a level for a dataset (gdal.nodata.level)."""
    rng = np.random.default_rng(2)
    full, half = (rng.integers(0, 3, (1, n, n)).astype(np.uint8) for n in (32, 16))
    reduced = Field(Tag.NewSubfileType, "LONG", 1)
    for first, second in product((None, "1"), (None, "1", "2")):
        levels = [
            image(full, *([nodata(first)] if first else [])),
            image(half, reduced, *([nodata(second)] if second else [])),
        ]
        await assert_level_masks(make_tiff(levels), half[0] != 1 if first else half[0] >= 0)
        mask, half_mask = mask_image(full[0] > 0), mask_image(half[0] > 0, 5)
        both = make_tiff([*levels, mask, half_mask])
        await assert_level_masks(both, half[0] > 0)
        await assert_masks(both)
        # the mask of level 0 alone, in every second row and column
        await assert_level_masks(make_tiff([*levels, mask]), full[0, 1::2, 1::2] > 0)
        # a mask of the level alone says nothing: the dataset has none
        alone = make_tiff([*levels, half_mask])
        await assert_level_masks(alone, half[0] != 1 if first else half[0] >= 0)


async def assert_level_masks(data: bytes, expected: np.ndarray) -> None:
    """The mask of level 1, however it is read, and as GDAL reads it for a dataset."""
    cog = await tinycog.open(data)
    assert [level.nodata for level in cog.levels] == [cog.nodata] * len(cog.levels)
    rows, cols = expected.shape
    found = [
        (await cog.read(level=1)).mask,
        (await cog.read(level=1, masked=True)).mask,
        (await cog.read(shape=(rows, cols))).mask,
        (await cog.preview(rows)).mask,
        (await cog.read(level=1, window=(-1, -2, cols + 3, rows + 4), boundless=True)).mask[
            2:-2, 1:-2
        ],
    ]
    with in_rasterio(data) as dataset:
        found.append(dataset.read_masks(1, out_shape=(rows, cols)) > 0)
    for mask in found:
        np.testing.assert_array_equal(mask, expected)
    async for tile in cog.iter_tiles(level=1):
        window = tile.window
        part = expected[window.row_off :, window.col_off :][: tile.height, : tile.width]
        np.testing.assert_array_equal(tile.mask, part)


EXTRA = [[2], [1], [0], [0, 2], [2, 0], [0, 0, 2], [2, 0, 0], [0, 0, 1], [0, 0, 0, 2]]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "float32"])
async def test_alpha_is_a_mask_where_gdal_takes_it_for_one(dtype: str):
    rng = np.random.default_rng(3)
    for kinds, colours in product(EXTRA, (1, 3)):
        pixels = rng.integers(0, 2, (colours + len(kinds), 16, 16)).astype(dtype)
        fields = [
            Field(Tag.ExtraSamples, "SHORT", kinds),
            Field(Tag.PhotometricInterpretation, "SHORT", 2 if colours == 3 else 1),
        ]
        await assert_masks(make_tiff([image(pixels, *fields)]))


def colours(*words: str) -> Field:
    items = "".join(
        f'<Item name="COLORINTERP" sample="{i}" role="colorinterp">{word}</Item>'
        for i, word in enumerate(words)
        if word
    )
    return Field(Tag.GDALMetadata, "ASCII", f"<GDALMetadata>{items}</GDALMetadata>")


NAMED: dict[str, list[Field]] = {
    "nothing": [],
    "undefined": [colours("Undefined", "Undefined", "Undefined", "Undefined")],
    "alpha": [colours("", "", "", "Alpha")],
}


@pytest.mark.parametrize("named", NAMED)
async def test_the_colours_of_level_0_say_which_band_is_alpha(named: str):
    rng = np.random.default_rng(7)
    full, half = (rng.integers(0, 2, (4, n, n)).astype(np.uint8) for n in (32, 16))
    for first, second in product((0, 2), (0, 2)):
        rgb = Field(Tag.PhotometricInterpretation, "SHORT", 2)
        kinds = [Field(Tag.ExtraSamples, "SHORT", [kind]) for kind in (first, second)]
        levels = [
            image(full, rgb, kinds[0], *NAMED[named]),
            image(half, rgb, kinds[1], Field(Tag.NewSubfileType, "LONG", 1)),
        ]
        await assert_masks(make_tiff(levels))


# --- nodata --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        *product(["uint8", "int8", "uint16", "int16", "uint32", "int32"], ["0", "7", "127"]),
        *product(["uint8", "uint16", "uint32"], ["-1", "70000000000", "nan"]),
        *product(["int16", "int32", "float32", "float64"], ["-9999", "-32768"]),
        *product(["float32", "float64"], ["nan", "inf", "-inf", "0", "1e-3", "3.4028235e38"]),
        *product(["complex64", "complex128"], ["0", "7", "nan"]),
        ("uint64", "18446744073709551615"),
        ("int64", "-9223372036854775808"),
    ],
)
async def test_nodata_is_compared_as_gdal_compares_it(dtype: str, text: str):
    kind = np.dtype(dtype)
    values: list[Any] = [0, 1, 7, 127]
    if kind.kind in "iu":
        values += [np.iinfo(kind).min, np.iinfo(kind).max, np.iinfo(kind).max - 1]
    else:
        values += [np.nan, np.inf, -np.inf, -9999, -32768, 1e-3, 3.4028235e38, -3.4028235e38]
    if kind.kind == "c":
        values += [7 + 1j, 7j, complex(np.nan, 1), complex(1, np.nan)]
    pixels = np.resize(np.array(values, kind), (1, 16, 16))
    await assert_masks(make_tiff([image(pixels, nodata(text))]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
async def test_floats_that_differ_from_nodata_by_rounding_are_nodata(dtype: str):
    rng = np.random.default_rng(4)
    for value in (-9999.0, 0.1, -3.4e38, 0.0, 1e-30):
        apart = rng.uniform(-1e-6, 1e-6, (1, 16, 16)) * rng.choice([0, 0.2, 0.5, 1], (1, 16, 16))
        with np.errstate(over="ignore"):
            pixels = (value * (1 + apart)).astype(dtype)
        await assert_masks(make_tiff([image(pixels, nodata(repr(value)))]))


async def test_a_pixel_is_valid_if_any_of_the_bands_read_is():
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 2, (3, 32, 32)).astype(np.int16)
    data = make_tiff([image(pixels, nodata("0"))])
    mask = await assert_masks(data)
    np.testing.assert_array_equal(mask, pixels.any(axis=0))
    found = await tinycog.open(data).read(bands=[2, 0], masked=True)
    np.testing.assert_array_equal(found.mask, pixels[[0, 2]].any(axis=0))


def test_a_mask_of_nothing_is_empty():
    assert nodata_mask(np.zeros((2, 0, 5)), 0).shape == (0, 5)


# --- resampled -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mask", "nodata", "alpha"])
async def test_a_mean_is_valid_where_any_pixel_of_it_is(kind: str):
    rng = np.random.default_rng(6)
    pixels = rng.integers(1, 200, (2, 64, 64)).astype(np.uint8)
    valid = rng.random((64, 64)) < 0.3
    pixels[1] = np.where(valid, pixels[1], 0)
    fields = {
        "mask": [],
        "nodata": [nodata("0")],
        "alpha": [Field(Tag.ExtraSamples, "SHORT", [2])],
    }[kind]
    if kind == "nodata":
        pixels[0] = pixels[1]
    images = [image(pixels, *fields), *([mask_image(valid)] if kind == "mask" else [])]
    cog = tinycog.open(make_tiff(images))
    found = await cog.read(shape=(32, 32), resampling="average", masked=True)
    blocks = valid.reshape(32, 2, 32, 2).sum(axis=(1, 3))
    np.testing.assert_array_equal(found.mask, blocks > 0)
    sums = np.where(valid, pixels[0], 0).reshape(32, 2, 32, 2).sum(axis=(1, 3))
    mean = np.floor(sums / np.maximum(blocks, 1) + 0.5)
    np.testing.assert_array_equal(found.data[0], np.where(blocks > 0, mean, 0))
    unmasked = await cog.read(shape=(32, 32), resampling="average", masked=False)
    with pytest.raises(tinycog.UsageError, match="masked=False"):
        _ = unmasked.mask
    np.testing.assert_array_equal(unmasked.data, found.data)


@pytest.mark.parametrize("name", MASKED)
async def test_picked_pixels_are_valid_as_they_are_in_the_level(name: str):
    cog = await tinycog.open(FILES / f"{name}.tif")
    whole = await cog.read(masked=True)
    rows, cols = 37, 41
    ys = np.arange(1, 2 * rows, 2) * cog.height // (2 * rows)
    xs = np.arange(1, 2 * cols, 2) * cog.width // (2 * cols)
    found = await cog.read(shape=(rows, cols), level=0, masked=True)
    np.testing.assert_array_equal(mask_of(found), mask_of(whole)[ys[:, None], xs])
    np.testing.assert_array_equal(found.data, whole.data[:, ys[:, None], xs])


# --- numpy's masked arrays -----------------------------------------------------------------------


async def test_a_masked_array_hides_what_is_not_valid():
    cog = await tinycog.open(FILES / "cog-mask-rgb.tif")
    found = await cog.read(masked=True)
    array = found.masked()
    np.testing.assert_array_equal(array.mask, np.broadcast_to(~found.mask, found.shape))
    assert array.count() == found.count * found.mask.sum()
    with in_rasterio(str(FILES / "cog-mask-rgb.tif")) as dataset:
        expected = dataset.read(masked=True)
    np.testing.assert_array_equal(array.mask, expected.mask)
    assert array.sum() == expected.sum()


async def test_without_a_mask_nothing_is_hidden():
    array = (await tinycog.open(FILES / "cog-deflate-u8.tif").read(masked=True)).masked()
    assert array.count() == array.size


# --- NODATA_VALUES -------------------------------------------------------------------------------


def values_of_bands(text: str) -> Field:
    item = f'<Item name="NODATA_VALUES">{text}</Item>'
    return Field(Tag.GDALMetadata, "ASCII", f"<GDALMetadata>{item}</GDALMetadata>")


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize(
    "text", ["0 1 0", "1 1 1", "1 2", "1 2 0 1", "0 x 2", "1.5 2 0", "300 1 1", "1,2,0", " 1  2 1 "]
)
async def test_values_of_the_bands_mark_a_pixel_together(dtype: str, text: str):
    pixels = np.random.default_rng(8).integers(0, 3, (3, 16, 16)).astype(dtype)
    rgb = Field(Tag.PhotometricInterpretation, "SHORT", 2)
    for more in ([], [nodata("2")]):
        data = make_tiff([image(pixels, rgb, values_of_bands(text), *more)])
        await assert_masks(data)
        assert (await tinycog.open(data)).info()["mask_flags"] == rasterio_flags(data)
        part = await tinycog.open(data).read(bands=[1])
        whole = await tinycog.open(data).read()
        if len(text.split()) == 3:
            np.testing.assert_array_equal(part.mask, whole.mask)


def rasterio_flags(data: bytes) -> list[list[str]]:
    with in_rasterio(data) as dataset:
        return [[flag.name for flag in flags] for flags in dataset.mask_flag_enums]


async def test_a_band_knows_its_mask_by_alpha_that_was_not_asked_for():
    rng = np.random.default_rng(9)
    pixels = rng.integers(0, 2, (4, 32, 32)).astype(np.uint8)
    fields = [
        Field(Tag.ExtraSamples, "SHORT", [2]),
        Field(Tag.PhotometricInterpretation, "SHORT", 2),
    ]
    cog = tinycog.open(make_tiff([image(pixels, *fields)]))
    for bands in ([0], [2, 1], [3], [3, 0]):
        for masked in (None, True):
            found = await cog.read(bands=bands, masked=masked)
            np.testing.assert_array_equal(found.data, pixels[bands])
            np.testing.assert_array_equal(found.mask, pixels[3] > 0)
            for band, mask in zip(bands, found.band_masks, strict=True):
                np.testing.assert_array_equal(mask, (pixels[3] > 0) | (band == 3))


async def test_so_does_a_band_of_another_shape():
    pixels = np.random.default_rng(9).integers(0, 2, (4, 32, 32)).astype(np.uint8)
    fields = [
        Field(Tag.ExtraSamples, "SHORT", [2]),
        Field(Tag.PhotometricInterpretation, "SHORT", 2),
    ]
    cog = tinycog.open(make_tiff([image(pixels, *fields)]))
    doubled = pixels.repeat(2, axis=1).repeat(2, axis=2)
    for masked in (None, True):
        found = await cog.read(bands=[0], shape=(64, 64), masked=masked)
        np.testing.assert_array_equal(found.data, doubled[:1])
        np.testing.assert_array_equal(found.mask, doubled[3] > 0)


async def test_in_planes_a_band_that_was_not_read_says_nothing_until_it_is_asked_for():
    pixels = np.random.default_rng(9).integers(0, 2, (4, 32, 32)).astype(np.uint8)
    fields = [
        Field(Tag.ExtraSamples, "SHORT", [2]),
        Field(Tag.PhotometricInterpretation, "SHORT", 2),
    ]
    planar = make_image(pixels, tile=(16, 16), planar=True).having(*fields)
    cog = await tinycog.open(make_tiff([planar]))
    found = await cog.read(bands=[0])
    with pytest.raises(tinycog.UsageError, match="read with masked=True"):
        _ = found.mask
    known = await cog.read(bands=[0], masked=True)
    np.testing.assert_array_equal(known.mask, pixels[3] > 0)


# --- what a tile shows ---------------------------------------------------------------------------


async def test_beyond_the_edge_of_the_image_a_padded_tile_is_not_valid():
    for name in MASKED:
        cog = await tinycog.open(FILES / f"{name}.tif")
        rows, cols = cog.levels[0].grid
        cut = await cog.read_tile(0, cols - 1, rows - 1)
        tile = await cog.read_tile(0, cols - 1, rows - 1, padded=True)
        beyond = [(0, n - m) for n, m in zip(tile.shape[1:], cut.shape[1:], strict=True)]
        np.testing.assert_array_equal(tile.mask, np.pad(cut.mask, beyond))
        np.testing.assert_array_equal(tile.band_masks, np.pad(cut.band_masks, [(0, 0), *beyond]))


async def test_all_valid_takes_no_memory():
    tile = await tinycog.open(FILES / "cog-deflate-u8.tif").read_tile(0, 0, 0)
    assert tile.mask.all()
    assert tile.band_masks.all()
    assert tile.mask.strides == (0, 0)
    assert tile.band_masks.strides == (0, 0, 0)


async def test_colours_keep_the_mask_of_the_samples():
    for name in MASKED:
        cog = await tinycog.open(FILES / f"{name}.tif")
        if cog.dtype not in (np.uint8, np.uint16):
            continue
        plain, colours = await cog.read(), await cog.read(rgb=True)
        np.testing.assert_array_equal(colours.mask, plain.mask)
        tile, coloured = await cog.read_tile(0, 0, 0), await cog.read_tile(0, 0, 0, rgb=True)
        np.testing.assert_array_equal(coloured.mask, tile.mask)
