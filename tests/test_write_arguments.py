"""`tinycog.write`: what is said is written, or refused in words that help."""

# pyright: reportArgumentType=false
from __future__ import annotations

import io
import re

import numpy as np
import pytest
import tifffile
from affine import Affine
from rasterio.io import MemoryFile

import tinycog

PLACE = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
GREY = np.arange(64 * 48, dtype=np.uint8).reshape(64, 48)


async def written(source, **options):
    return (await tinycog.write(bytes, source, **options)).data


# --- who reads what is written by default --------------------------------------------------------


@pytest.mark.parametrize("compression", ["deflate", "lzw", "zstd", "lzma"])
async def test_complex_numbers_are_read_by_all(compression):
    ramp = np.add.outer(np.arange(100), np.arange(80)).astype(np.float32)
    pixels = np.stack([ramp + 1j * ramp, 2 * ramp - 1j])
    assert pixels.dtype == np.complex64

    data = await written(pixels, compression=compression, blocksize=64, interleave="band", **PLACE)

    np.testing.assert_array_equal((await tinycog.open(data).read()).data, pixels)
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data), key=0), pixels)
    with MemoryFile(data) as file, file.open() as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)


async def test_differences_of_complex_numbers_are_written_where_they_are_asked_for():
    pixels = np.add.outer(np.arange(64), 1j * np.arange(64)).astype(np.complex64)

    data = await written(pixels, predictor=2, **PLACE)

    async with tinycog.open(data) as cog:
        assert cog.levels[0].image.predictor == 2
        np.testing.assert_array_equal((await cog.read()).data[0], pixels)
    with MemoryFile(data) as file, file.open() as dataset:
        np.testing.assert_array_equal(dataset.read(1), pixels)


# --- facts that are given ------------------------------------------------------------------------


def told_by_gdal(data):
    with MemoryFile(data) as file, file.open() as dataset:
        return dataset.tags().get("AREA_OR_POINT"), dataset.transform


@pytest.mark.parametrize("crs", [PLACE["crs"], None])
async def test_what_is_said_of_a_point_stands_above_the_source(crs):
    place = {**PLACE, "crs": crs}
    point = await written(GREY, area_or_point="Point", **place)
    assert told_by_gdal(point) == ("Point", PLACE["transform"])
    cog = tinycog.open(point)

    assert told_by_gdal(await written(cog)) == ("Point", PLACE["transform"])
    area = await written(cog, area_or_point="Area")

    assert told_by_gdal(area) == ("Area" if crs else None, PLACE["transform"])


@pytest.mark.parametrize("tags", [{"AREA_OR_POINT": "Point"}, {"area_or_point": "point", "a": "b"}])
async def test_an_item_of_gdals_says_it_too(tags):
    data = await written(GREY, tags=tags, **PLACE)

    assert told_by_gdal(data) == ("Point", PLACE["transform"])
    assert (await tinycog.open(data)).tags().get("a") == tags.get("a")
    area = await written(tinycog.open(data), tags={"AREA_OR_POINT": "Area"})
    assert told_by_gdal(area) == ("Area", PLACE["transform"])


async def test_no_control_points_are_none_that_are_given():
    data = await written(tinycog.open(await written(GREY, **PLACE)), gcps=[])
    assert told_by_gdal(data) == ("Area", PLACE["transform"])


async def test_a_raster_keeps_what_it_knows():
    source = await written(GREY, nodata=0, scales=[2.0], descriptions=["red"], **PLACE)
    raster = await tinycog.open(source).read()

    async with tinycog.open(await written(raster)) as cog:
        assert (cog.nodata, cog.transform) == (0, PLACE["transform"])
        assert cog.crs is not None
        assert cog.crs.to_epsg() == 32633
        assert (tuple(cog.scales), tuple(cog.descriptions)) == ((1.0,), (None,))  # as docs say


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": [5]}, r"units is a sequence of texts .* not \[5\]"),
        ({"descriptions": [b"a"]}, "descriptions is a sequence of texts"),
        ({"colorinterp": [3]}, "colorinterp is a sequence of names"),
        ({"tags": {5: "a"}}, r"tags is a mapping of names to texts, not \{5: 'a'\}"),
        ({"tags": {"a": None}}, "tags is a mapping of names to texts"),
        ({"tags": {"AREA_OR_POINT": "x"}}, "area_or_point is 'Area' or 'Point', not 'X'"),
        (
            {"tags": {"AREA_OR_POINT": "Point"}, "area_or_point": "Area"},
            "area_or_point and AREA_OR_POINT among the tags are Area and Point: leave one out",
        ),
    ],
)
async def test_facts_of_another_kind_are_named(options, message):
    with pytest.raises(tinycog.UsageError, match=message):
        await written(GREY, **options)


# --- what messages say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": (10.5, 20, 20, 20)}, r"has parts of pixels: pass whole numbers$"),
        ({"bounds": (499_900, 4_999_500, 500_200, 4_999_800)}, r"\): pass bounds inside of them$"),
        ({"quality": 80}, r"quality is no option of Deflate: expected level$"),
        ({"photometric": "rgb"}, r"photometric is no option of Deflate: expected level$"),
        (
            {"compression": "lerc", "quality": 80},
            r"quality is no option of LERC: expected max_z_error, level$",
        ),
    ],
)
async def test_messages_name_what_write_takes(options, message):
    with pytest.raises(tinycog.UsageError, match=message):
        await written(tinycog.open(await written(GREY, **PLACE)), **options)


async def test_bits_that_a_dtype_has_may_be_said():
    assert await written(GREY, bits=8) == await written(GREY)


async def test_bits_that_no_sample_can_have_are_refused_with_those_it_can():
    with pytest.raises(tinycog.UnsupportedError, match="in 17 bits of UINT: expected 9 to 15, or"):
        await written(GREY.astype(np.uint16), bits=17)


@pytest.mark.parametrize(("memory", "fits"), [(200 << 20, True), (32 << 20, False)])
async def test_smaller_tiles_are_named_where_they_take_less_memory(memory, fits):
    pixels = np.broadcast_to(np.uint16(1), (300, 1000, 1000))
    with pytest.raises(tinycog.LimitError) as caught:
        await tinycog.write(bytes, pixels, memory=memory, plan=True)

    said = r", or blocksize=(\d+)$" if fits else r"; with blocksize=(\d+) it is (\d+) MiB$"
    found = re.search(said, str(caught.value))
    assert found is not None
    blocksize, *mib = map(int, found.groups())
    allowed = mib[0] << 20 if mib else memory
    plan = await tinycog.write(bytes, pixels, memory=allowed, blocksize=blocksize, plan=True)
    assert plan.memory <= allowed
    if mib:
        assert allowed < caught.value.asked


async def test_smaller_tiles_are_not_named_where_they_do_not_help():
    pixels = np.broadcast_to(np.uint8(1), (64, 64))
    with pytest.raises(tinycog.LimitError, match=r"\(memory=\d+\)$"):
        await tinycog.write(bytes, pixels, memory=1 << 20, plan=True, blocksize=64)
