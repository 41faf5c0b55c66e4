"""rasterio's words where they are used: `read(1)`, indexes, members of `Resampling`, scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from geo_files import in_rasterio
from rasterio.enums import Resampling

import tinycog
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.spec import Tag

FILE = Path(__file__).parent.parent / "fixtures" / "files" / "cog-mask-rgb.tif"


@pytest.mark.parametrize("indexes", [1, 3, [1], [3, 1], (2, 2, 1), np.int64(2)])
async def test_indexes_count_from_1_as_rasterio_does(indexes: int | list[int]):
    cog = await tinycog.open(FILE)
    bands = [index - 1 for index in np.atleast_1d(indexes).tolist()]
    with in_rasterio(str(FILE)) as dataset:
        expected = dataset.read(np.atleast_1d(indexes).tolist())
    for found in (
        await cog.read(indexes),
        await cog.read(indexes=indexes),
        await cog.read(bands=bands),
        await cog.read_level(0, indexes=indexes),
        await cog.preview(10_000, indexes=indexes),
    ):
        np.testing.assert_array_equal(found.data, expected)
    place = cog.transform @ (10.5, 20.5)
    np.testing.assert_array_equal(await cog.point(*place, indexes=indexes), expected[:, 20, 10])
    values = await cog.points([place], indexes=indexes)
    np.testing.assert_array_equal(values.data[0], expected[:, 20, 10])


async def test_an_index_that_is_no_band_is_refused():
    cog = await tinycog.open(FILE)
    for wrong in (0, 4, [1, 4], []):
        with pytest.raises(tinycog.UsageError, match="indexes are counted from 1 to 3"):
            await cog.read(wrong)
    for wrong in ("1", 1.0, [None]):
        with pytest.raises(tinycog.UsageError, match="indexes are whole numbers, counted from 1"):
            await cog.read(wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(tinycog.UsageError, match="leave one out"):
        await cog.read(1, bands=[0])
    with pytest.raises(tinycog.UsageError, match="indexes="):
        await cog.read(1, rgb=True)


@pytest.mark.parametrize(
    "method", ["nearest", "bilinear", "cubic", "average", "mode", "min", "max"]
)
async def test_members_of_the_enum_of_rasterio_are_methods(method: str):
    cog = await tinycog.open(FILE)
    named = await cog.read(shape=(30, 40), resampling=method)  # pyright: ignore[reportArgumentType]
    member = await cog.read(shape=(30, 40), resampling=Resampling[method])
    np.testing.assert_array_equal(named.data, member.data)
    with pytest.raises(tinycog.UsageError, match="resampling must be one of"):
        await cog.read(shape=(30, 40), resampling=Resampling.nearest.value)  # pyright: ignore[reportArgumentType]


def scaled_file(*fields: Field) -> bytes:
    items = (
        '<Item name="SCALE" sample="0" role="scale">0.5</Item>'
        '<Item name="OFFSET" sample="0" role="offset">-10</Item>'
        '<Item name="OFFSET" sample="1" role="offset">3</Item>'
    )
    pixels = np.arange(2 * 32 * 32, dtype=np.int16).reshape(2, 32, 32) % 100
    xml = Field(Tag.GDALMetadata, "ASCII", f"<GDALMetadata>{items}</GDALMetadata>")
    image = make_image(pixels, tile=(16, 16)).having(xml, *fields)
    half = make_image(pixels[:, ::2, ::2], tile=(16, 16), subfile_type=1)
    return make_tiff([image, half])


async def test_scaled_values_are_those_of_scale_and_offset_and_nan_where_not_valid():
    data = scaled_file(Field(Tag.GDALNoData, "ASCII", "7"))
    cog = tinycog.open(data)
    with in_rasterio(data) as dataset:
        samples = dataset.read(masked=True).astype(float)
        scales, offsets = (np.array(n)[:, None, None] for n in (dataset.scales, dataset.offsets))
    expected = (samples * scales + offsets).filled(np.nan)
    found = await cog.read(scaled=True)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found.data, expected)
    np.testing.assert_array_equal(found.band_masks, ~np.isnan(expected))
    assert found.nodata is not None
    assert np.isnan(found.nodata)
    one = await cog.read(2, window=(3, 4, 5, 6), scaled=True)
    np.testing.assert_array_equal(one.data, expected[1:, 4:10, 3:8])
    # scale and offset are facts of level 0
    half = await cog.read(level=1, scaled=True)
    np.testing.assert_array_equal(half.data, expected[:, ::2, ::2])


async def test_scaled_is_refused_where_it_has_no_meaning():
    cog = tinycog.open(scaled_file())
    for options in ({"rgb": True}, {"out": np.zeros((2, 32, 32))}, {"masked": False}):
        with pytest.raises(tinycog.UsageError, match="scaled=True"):
            await cog.read(scaled=True, **options)  # pyright: ignore[reportArgumentType]
    complex_file = make_tiff([make_image(np.ones((1, 4, 4), np.complex64))])
    with pytest.raises(tinycog.UnsupportedError, match="complex"):
        await tinycog.open(complex_file).read(scaled=True)


async def test_colours_that_come_after_the_pixels(tmp_path):
    """As in rasterio's own example: the file says MinIsBlack, and has a ColorMap."""
    path = tmp_path / "a.tif"
    colours = {0: (9, 8, 7, 255), 1: (255, 0, 0, 255), 2: (0, 0, 255, 255)}
    pixels = np.random.default_rng(2).integers(0, 3, (1, 40, 50), dtype=np.uint8)
    place = rasterio.Affine(10, 0, 0, 0, -10, 0)
    shape = {"width": 50, "height": 40, "count": 1, "dtype": "uint8", "transform": place}
    with rasterio.open(path, "w", driver="GTiff", **shape) as dataset:
        dataset.write(pixels)
        dataset.write_colormap(1, colours)
    with rasterio.open(path) as dataset:
        assert dataset.colorinterp[0].name == "palette"
        expected = dataset.read(1, out_shape=(20, 25), resampling=Resampling.bilinear)
    async with tinycog.open(path) as cog:
        assert [found.rule for found in cog.findings] == ["tiff.colour.palette"]
        assert cog.colorinterp == ("palette",)
        assert cog.colormap is not None
        table = np.array([colours[value][:3] for value in range(3)])
        picture = await cog.read(rgb=True)
        assert np.array_equal(picture.data, table[pixels[0]].transpose(2, 0, 1))
        smaller = await cog.read(shape=(20, 25), resampling="bilinear")
        assert np.array_equal(smaller.data[0], expected)
