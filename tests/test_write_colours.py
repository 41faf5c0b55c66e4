"""What samples mean stays what it is when a file, or what was read of one, is written anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from conftest import fixture_path
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.io import MemoryFile

import tinycog
import tinycog.sync
from tinycog.errors import UnsupportedError, UsageError

NOISE = np.random.default_rng(5)
COLOURS = {
    "MinIsWhite": ("miniswhite", 1, "uint8", ()),
    "MinIsWhite of 16 bits": ("miniswhite", 1, "uint16", ()),
    "MinIsWhite with alpha": ("miniswhite", 2, "uint8", ("unassalpha",)),
    "CMYK": ("separated", 4, "uint8", ()),
    "CMYK and more": ("separated", 5, "uint8", ("unspecified",)),
    "CIELab": ("cielab", 3, "uint8", ()),
    "ICCLab": ("icclab", 3, "uint8", ()),
    "RGB": ("rgb", 3, "uint8", ()),
    "three grays": ("minisblack", 3, "uint8", ("unspecified", "unspecified")),
}


def made(path: Path, kind: str) -> bytes:
    photometric, bands, dtype, extra = COLOURS[kind]
    shape = (96, 80) if bands == 1 else (96, 80, bands)
    pixels = NOISE.integers(0, 255, shape).astype(dtype)
    tifffile.imwrite(
        path, pixels, photometric=photometric, tile=(32, 32), extrasamples=extra or None
    )
    return path.read_bytes()


async def written(source: Any, **options: Any) -> bytes:
    """Write a COG, and return its bytes."""
    data = (await tinycog.write(bytes, source, **options)).data
    assert data is not None
    return data


def picture(data: bytes | str) -> NDArray[np.uint8]:
    with tinycog.sync.open(data) as cog:
        return cog.read(rgb=True).data


@pytest.mark.parametrize("kind", COLOURS)
async def test_colours_of_a_file_are_kept(kind, tmp_path):
    source = made(tmp_path / "a.tif", kind)
    cog = await tinycog.open(source)
    of_file = await written(cog, blocksize=32)
    raster = await cog.read()
    of_raster = await written(raster, blocksize=32)
    for data in (of_file, of_raster):
        with tinycog.sync.open(data) as copy:
            assert np.array_equal(copy.read().data, raster.data)
            assert copy.colorinterp == cog.colorinterp
            assert copy.profile["photometric"] == cog.profile["photometric"]
            for level in copy.levels:
                assert level.image.photometric == cog.levels[0].image.photometric
        assert np.array_equal(picture(data), picture(source))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("kind", ["MinIsWhite", "CMYK"])
async def test_gdal_sees_the_same_in_the_copy(kind, tmp_path):
    source = made(tmp_path / "a.tif", kind)
    await tinycog.write(tmp_path / "b.tif", await tinycog.open(source), blocksize=32)
    with rasterio.open(tmp_path / "a.tif") as one, rasterio.open(tmp_path / "b.tif") as other:
        assert other.colorinterp == one.colorinterp
        assert np.array_equal(other.read(), one.read())
        keys = ("MINISWHITE", "SOURCE_COLOR_SPACE")
        structures = [file.tags(ns="IMAGE_STRUCTURE") for file in (one, other)]
        assert len({tuple(map(items.get, keys)) for items in structures}) == 1


async def test_no_codec_makes_other_colours_of_them(tmp_path):
    cog = await tinycog.open(made(tmp_path / "a.tif", "CIELab"))
    with pytest.raises(UsageError, match=r"are CIELAB, and would be written as YCBCR"):
        await tinycog.write(bytes, cog, compression="jpeg")


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12, 20])
@pytest.mark.parametrize("method", ["nearest", "cubic"])
async def test_bits_of_a_file_are_kept(bits, method):
    if bits == 1 and method == "cubic":
        pytest.skip("single bits are never blended")
    source = fixture_path("cog-nbits12" if bits == 12 else f"tiled-nbits{bits}")
    cog = await tinycog.open(source)
    data = await written(cog, overview_resampling=method, blocksize=64)
    copy = await tinycog.open(data)
    assert {level.image.bits for level in copy.levels} == {bits}
    assert len(copy.levels) > 1
    assert np.array_equal((await copy.read()).data, (await cog.read()).data)
    assert np.array_equal(picture(data), picture(str(source)))


@pytest.mark.parametrize("options", [{}, {"predictor": 1, "verify": True}, {"compression": "none"}])
async def test_24_bits_are_three_bytes_as_gdals(options, tmp_path):
    pixels = np.arange(3 * 40 * 50, dtype=np.uint32).reshape(3, 40, 50) * 2796
    path = tmp_path / "gdal.tif"
    profile = {"count": 3, "height": 40, "width": 50, "dtype": "uint32", "nbits": 24}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 5e5, 0, -10, 5e6)}
    with rasterio.open(path, "w", driver="GTiff", **profile, **place) as dataset:
        dataset.write(pixels)
    async with tinycog.open(path) as cog:
        for source, bits in ((cog, None), (pixels, 24)):
            data = await written(source, bits=bits, blocksize=32, **place, **options)

            assert np.array_equal((await tinycog.open(data).read()).data, pixels)
            with MemoryFile(data) as file, file.open() as copy:
                assert np.array_equal(copy.read(), pixels)
                assert copy.tags(1, ns="IMAGE_STRUCTURE")["NBITS"] == "24"


@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        ("uint32", {"bits": 24, "byte_order": ">"}),
        ("uint32", {"bits": 24, "predictor": 2}),
        ("uint64", {"bits": 40}),
        ("int32", {"bits": 24}),
        ("float32", {"bits": 24}),
        ("uint16", {"bits": 8}),
        ("uint8", {"bits": 0}),
    ],
)
async def test_bits_that_not_all_readers_take_alike_are_refused(dtype, options):
    with pytest.raises(UnsupportedError, match=r"Deflate cannot hold"):
        await tinycog.write(bytes, np.zeros((20, 20), dtype), **options)


async def test_what_cannot_keep_the_bits_is_told():
    cog = await tinycog.open(fixture_path("cog-nbits12"))
    with pytest.raises(UnsupportedError, match=r"LERC cannot hold uint16 in 12 bits"):
        await tinycog.write(bytes, cog, compression="lerc")
    data = await written(cog, compression="lerc", bits=16)
    assert np.array_equal((await tinycog.open(data).read()).data, (await cog.read()).data)


@pytest.mark.parametrize("nodata", [None, 15])
async def test_overviews_stay_within_the_bits(nodata):
    """Cubic reaches beyond what is there, and a valid mean moves away from nodata."""
    pixels = np.zeros((1, 64, 64), np.uint8)
    pixels[:, :, 20:40] = 15 if nodata is None else 14
    data = await written(
        pixels,
        bits=4,
        nodata=nodata,
        overview_resampling="cubic",
        blocksize=16,
        colorinterp=["gray"],
    )
    cog = await tinycog.open(data)
    for z in range(1, len(cog.levels)):
        raster = await cog.overviews[z - 1].read()
        assert raster.data.max() <= 14 + (nodata is None)
        assert raster.mask.all()


async def test_cubic_reads_stay_within_the_bits_as_gdals(tmp_path):
    """Resampled, and warped, also on the way into another file."""
    pixels = np.zeros((1, 120, 130), np.uint16)
    pixels[:, ::2], pixels[:, 40:70, 50:90] = 4095, 4095
    place: Any = {"crs": 32633, "transform": (10, 0, 5e5, 0, -10, 6e6)}
    path = tmp_path / "a.tif"
    path.write_bytes(await written(pixels, bits=12, blocksize=64, **place))
    cog = await tinycog.open(path)
    larger = await cog.read(shape=(180, 195), resampling="cubic")
    with rasterio.open(path) as dataset:
        expected = dataset.read(out_shape=(1, 180, 195), resampling=Resampling.cubic)
    assert expected.max() == 4095
    assert np.array_equal(larger.data, expected)
    grid: Any = {"crs": 32633, "transform": (9, 0, 5e5, 0, -9, 6e6), "shape": (130, 140)}
    warped = await cog.read_warped(**grid, resampling="cubic")
    assert warped.data.max() == 4095
    web = await written(cog, tiling_scheme="WebMercatorQuad", warp_resampling="cubic")
    assert (await tinycog.open(web).read()).data.max() == 4095


async def test_a_mask_of_few_bits_as_alpha():
    pixels = np.ma.MaskedArray(np.full((1, 40, 40), 7, np.uint8), mask=False)
    pixels[:, :8] = np.ma.masked
    data = await written(pixels, bits=4, mask="alpha", blocksize=16)
    found = (await tinycog.open(data).read()).data
    assert set(np.unique(found[1])) == {0, 15}


@pytest.mark.parametrize("colormap", [np.zeros((256, 4), np.uint8), [(0, 0, 0, 255)]])
def test_a_palette_of_another_kind_is_told(colormap):
    with pytest.raises(UsageError, match=r"colormap is a mapping of values to RGBA"):
        tinycog.sync.write(bytes, np.zeros((1, 4, 4), np.uint8), colormap=colormap)
