"""Decoding beyond what fixtures show: what is tolerated, what is refused, and colours."""

from __future__ import annotations

import lzma
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numcodecs.zstd import Zstd

import tinycog
from tinycog.spec import Tag
from tinycog.testing import Field, make_image, make_tiff

FILES = Path(__file__).parent.parent / "fixtures" / "files"
GRAY = np.arange(20 * 30, dtype=np.uint8).reshape(1, 20, 30)


def tiff_of(array: np.ndarray, *fields: Field, **options: Any) -> bytes:
    return make_tiff([make_image(array, **options).having(*fields)])


def with_tile(file: bytes, stored: bytes) -> bytes:
    """A copy of a file of one tile in which that tile is `stored`, put at the end."""
    with tifffile.TiffFile(memory(file)) as tif:
        page: Any = tif.pages[0]
        offsets = page.tags.get("StripOffsets") or page.tags["TileOffsets"]
        counts = page.tags.get("StripByteCounts") or page.tags["TileByteCounts"]
    changed = bytearray(file + stored)
    place = {4: "I", 3: "H"}
    for tag, value in ((offsets, len(file)), (counts, len(stored))):
        size = np.dtype(place[int(tag.dtype)]).itemsize
        changed[tag.valueoffset : tag.valueoffset + size] = value.to_bytes(size, "little")
    return bytes(changed)


def memory(data: bytes) -> Any:
    import io  # noqa: PLC0415

    return io.BytesIO(data)


async def test_bytes_behind_the_pixels_are_left_away_with_a_finding():
    file = tiff_of(GRAY, rows_per_strip=20, compression=8)
    longer = with_tile(file, zlib.compress(GRAY.tobytes() + b"junk"))

    tile = await tinycog.open(longer).read_tile(0, 0, 0)

    np.testing.assert_array_equal(tile.data, GRAY)
    assert [finding.rule for finding in tile.findings] == ["tiff.decode.length"]


async def test_of_an_uncompressed_tile_no_more_than_its_pixels_are_read():
    file = with_tile(tiff_of(GRAY, rows_per_strip=10), GRAY[:, :10].tobytes() + b"junk")

    assert await tinycog.open(file).read_tile_bytes(0, 0, 0) == GRAY[:, :10].tobytes()


@pytest.mark.parametrize("missing", [1, 31, 299])
async def test_a_tile_with_too_few_bytes_is_refused_and_says_which(missing: int):
    file = with_tile(tiff_of(GRAY, rows_per_strip=10), GRAY[:, :10].tobytes()[:-missing])

    with pytest.raises(tinycog.CorruptTileError, match=r"level 0, tile x=0, y=0: .* expected 300"):
        await tinycog.open(file).read_tile(0, 0, 0)


async def test_a_bottom_tile_may_end_with_the_image():
    file = tiff_of(GRAY, tile=(32, 32))
    padded = np.pad(GRAY[0], ((0, 0), (0, 2)))

    tile = await tinycog.open(with_tile(file, padded.tobytes())).read_tile(0, 0, 0)

    np.testing.assert_array_equal(tile.data, GRAY)
    assert [finding.rule for finding in tile.findings] == ["tiff.tile.partial"]


async def test_a_stream_without_its_checksum_is_refused_as_gdal_refuses_it():
    file = tiff_of(GRAY, rows_per_strip=20, compression=8)

    with pytest.raises(tinycog.CorruptTileError, match="Deflate data of"):
        await tinycog.open(with_tile(file, zlib.compress(GRAY.tobytes())[:-4])).read_tile(0, 0, 0)


@pytest.mark.parametrize("code", [9, 34661, 34715, 50003])
async def test_a_compression_that_is_not_decoded_is_named(code: int):
    file = tiff_of(GRAY, Field(Tag.Compression, "SHORT", [code]), rows_per_strip=20)

    with pytest.raises(tinycog.UnsupportedError, match=str(code)) as caught:
        await tinycog.open(file).read_tile(0, 0, 0)

    assert (caught.value.feature, caught.value.value) == ("compression", code)


async def test_mixed_bits_open_and_are_refused_when_they_are_read():
    rgb = np.zeros((3, 20, 30), np.uint8)
    file = tiff_of(rgb, Field(Tag.BitsPerSample, "SHORT", [5, 6, 5]), rows_per_strip=20)
    cog = await tinycog.open(file)

    with pytest.raises(tinycog.UnsupportedError, match="BitsPerSample"):
        await cog.read_tile(0, 0, 0)


async def test_a_predictor_with_a_codec_that_ignores_it_is_ignored():
    file = tiff_of(GRAY, Field(Tag.Predictor, "SHORT", [2]), rows_per_strip=20)

    tile = await tinycog.open(file).read_tile(0, 0, 0)

    np.testing.assert_array_equal(tile.data, GRAY)


async def test_the_limit_holds_for_all_planes_together():
    planes = np.zeros((300, 64, 64), np.uint8)
    file = tiff_of(planes, tile=(64, 64), planar=True, sparse=range(300))

    with pytest.raises(tinycog.LimitError, match="tile_bytes"):
        await tinycog.open(file, limits=tinycog.Limits(tile_bytes=1 << 20)).read_tile(0, 0, 0)


@pytest.mark.parametrize(
    ("dtype", "nodata", "expected"),
    [
        ("uint8", "7", 7),
        ("uint8", "300", 255),
        ("uint8", "0.5", 1),
        ("int16", "-9999.0", -9999),
        ("float32", "nan", np.nan),
        ("float32", "0.1", np.float32(0.1)),
    ],
)
async def test_a_tile_that_is_not_stored_is_nodata(dtype: str, nodata: str, expected: float):
    array = np.zeros((1, 16, 16), dtype)
    field = Field(Tag.GDALNoData, "ASCII", nodata)
    file = tiff_of(array, field, tile=(16, 16), sparse={0})

    tile = await tinycog.open(file).read_tile(0, 0, 0)

    np.testing.assert_array_equal(tile.data, np.full((1, 16, 16), expected, dtype))


async def test_a_palette_is_looked_up_where_colours_are_asked_for():
    cog = tinycog.open(FILES / "cog-palette.tif")
    data = (await cog.read_tile(0, 0, 0)).data
    colormap = await cog.read_colormap()
    assert colormap is not None

    tile = await cog.read_tile(0, 0, 0, rgb=True)

    np.testing.assert_array_equal(tile.data, (colormap // 257)[data[0]].transpose(2, 0, 1))
    with tifffile.TiffFile(FILES / "cog-palette.tif") as tif:
        page: Any = tif.pages[0]
        np.testing.assert_array_equal(colormap, page.colormap.T)


async def test_min_is_white_is_data_until_colours_are_asked_for():
    cog = tinycog.open(FILES / "tiled-min-is-white.tif")
    data = (await cog.read_tile(0, 0, 0)).data

    tile = await cog.read_tile(0, 0, 0, rgb=True)

    np.testing.assert_array_equal(tile.data, np.repeat(255 - data, 3, axis=0))


async def test_alpha_is_the_fourth_band_and_words_are_scaled():
    cog = tinycog.open(FILES / "tiled-gray-alpha-u16.tif")
    gray, alpha = (await cog.read_tile(0, 0, 0)).data

    tile = await cog.read_tile(0, 0, 0, rgb=True)

    assert tile.shape == (4, 64, 64)
    np.testing.assert_array_equal(tile.data[0], np.rint(gray / 257))
    np.testing.assert_array_equal(tile.data[3], np.rint(alpha / 257))


async def test_floats_have_no_colours():
    with pytest.raises(tinycog.UnsupportedError, match="float32 have no colours"):
        await tinycog.open(FILES / "cog-zstd-f32-p3.tif").read_tile(0, 0, 0, rgb=True)


@pytest.mark.parametrize(
    ("code", "encode"),
    [(34925, lzma.compress), (50000, Zstd(checksum=True).encode)],
    ids=["lzma", "zstd"],
)
async def test_a_checksum_that_does_not_fit_is_never_passed_over(code: int, encode: Any):
    noise = np.random.default_rng(5).integers(0, 256, GRAY.shape, np.uint8)
    stream = bytearray(encode(noise.tobytes()))
    stream[len(stream) // 2] ^= 1
    file = tiff_of(noise, Field(Tag.Compression, "SHORT", [code]), rows_per_strip=20)

    with pytest.raises(tinycog.CorruptTileError, match="cannot be decoded"):
        await tinycog.open(with_tile(file, bytes(stream))).read_tile(0, 0, 0)


@pytest.mark.parametrize(
    ("code", "encode"), [(34925, lzma.compress), (50000, imagecodecs.zstd_encode)]
)
async def test_junk_behind_a_stream_is_passed_over(code: int, encode: Any):
    file = tiff_of(GRAY, Field(Tag.Compression, "SHORT", [code]), rows_per_strip=20)
    stream = bytes(encode(GRAY.tobytes())) + b"junk"

    tile = await tinycog.open(with_tile(file, stream)).read_tile(0, 0, 0)

    np.testing.assert_array_equal(tile.data, GRAY)


async def test_a_file_that_is_cut_while_it_is_read_is_an_error(tmp_path: Path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_of(np.zeros((1, 400, 400), np.uint8), rows_per_strip=100))
    cog = tinycog.open(path)
    await cog.read_tile(0, 0, 0)
    with path.open("r+b") as file:
        file.truncate(40_000)

    with pytest.raises(tinycog.TinycogError, match="changed"):
        await cog.read_tile(0, 0, 3)
