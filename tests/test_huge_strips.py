"""Compressed strips that are larger than `Limits.tile_bytes`: rows of them, in bounded memory."""

from __future__ import annotations

import tracemalloc
import zlib
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import imagecodecs
import numpy as np
import pytest
from rasterio.io import MemoryFile
from rasterio.windows import Window

import tinycog
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.spec import Tag

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

ROWS, COLS = 300, 40
SMALL = tinycog.Limits(tile_bytes=20_000)
"""A tile of the pictures below is larger."""

HAS_ZSTD = find_spec("compression") is not None
PIECES = ["DEFLATE", "LZMA", "PACKBITS", *(["ZSTD"] if HAS_ZSTD else [])]


def picture(dtype: str, bands: int = 1) -> np.ndarray:
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 9, (bands, ROWS, COLS // 4)).repeat(4, axis=2) + np.arange(COLS) // 9
    if dtype == "bool":
        return (noise // 3 % 2).astype("uint8")
    return noise.astype(dtype)


def by_gdal(data: np.ndarray, **options: Any) -> bytes:
    """Write one strip, which ends with the image."""
    bands, rows, cols = data.shape
    with MemoryFile() as memory:
        profile = {"driver": "GTiff", "count": bands, "dtype": data.dtype, "blockysize": rows}
        with memory.open(height=rows, width=cols, **profile, **options) as file:
            file.write(data)
        return memory.read()


@pytest.mark.parametrize("window", [(0, 0, COLS, 3), (5, 100, 20, 90), (0, 0, COLS, ROWS)])
@pytest.mark.parametrize(
    ("dtype", "bands", "options"),
    [
        ("uint8", 1, {"compress": compress}) for compress in PIECES
    ] + [
        ("uint16", 3, {"compress": "DEFLATE", "predictor": 2, "interleave": "pixel"}),
        ("uint16", 3, {"compress": "DEFLATE", "predictor": 2, "interleave": "band"}),
        ("int32", 2, {"compress": "LZMA", "predictor": 2, "endianness": "BIG"}),
        ("float32", 1, {"compress": "DEFLATE", "predictor": 3}),
        ("bool", 2, {"compress": "DEFLATE", "nbits": 1}),
        ("bool", 2, {"compress": "PACKBITS", "nbits": 1, "interleave": "pixel"}),
    ],
)  # fmt: skip
async def test_rows_of_a_huge_strip_are_those_of_gdal(dtype, bands, options, window):
    file = by_gdal(picture(dtype, bands), **options)
    limits = replace(SMALL, tile_bytes=ROWS * COLS - 1)
    raster = await tinycog.open(file, limits=limits).read(window=window)

    with MemoryFile(file) as memory, memory.open() as right:
        assert right.block_shapes[0] == (ROWS, COLS)
        expected = right.read(window=Window(*window))
    np.testing.assert_array_equal(raster.data, expected)
    assert raster.findings == ()


@pytest.mark.parametrize("compress", PIECES)
async def test_bands_of_a_window_of_a_huge_strip(compress: str):
    data = picture("uint8", 3)
    data[:, 10:] = 7  # else PackBits makes more bytes of it
    data[:, 203] = [[1], [2], [3]]
    file = by_gdal(data, compress=compress, interleave="pixel")
    limits = tinycog.Limits(tile_bytes=data.nbytes - 1)
    raster = await tinycog.open(file, limits=limits).read(window=(3, 200, 9, 8), bands=[2, 0])

    np.testing.assert_array_equal(raster.data, data[[2, 0], 200:208, 3:12])


async def test_a_codec_that_gives_no_pieces_is_refused_by_name():
    file = by_gdal(picture("uint16"), compress="LZW")

    with pytest.raises(tinycog.LimitError, match="LZW cannot decode in pieces: 24000 is over"):
        await tinycog.open(file, limits=SMALL).read(window=(0, 0, 9, 9))


def one_strip(stream: bytes, code: int, rows: int = ROWS, cols: int = COLS) -> bytes:
    image = make_image(np.zeros((1, 1, 16), np.uint8), rows_per_strip=1).having(
        Field(Tag.ImageWidth, "LONG", cols),
        Field(Tag.ImageLength, "LONG", rows),
        Field(Tag.RowsPerStrip, "LONG", rows),
        Field(Tag.Compression, "SHORT", code),
        Field(Tag.StripByteCounts, "LONG", len(stream)),
    )
    return make_tiff([replace(image, tiles=[stream])])


STREAMS = {
    8: zlib.compress(picture("uint8").tobytes()),
    34925: bytes(imagecodecs.lzma_encode(picture("uint8").tobytes())),
    32773: bytes(imagecodecs.packbits_encode(picture("uint8").tobytes())),
}
LIMITS = tinycog.Limits(tile_bytes=ROWS * COLS - 1)


@pytest.mark.parametrize("code", STREAMS)
async def test_a_huge_strip_that_breaks_off_is_an_error_wherever_the_window_lies(code: int):
    stream = STREAMS[code]
    whole = await tinycog.open(one_strip(stream, code), limits=LIMITS).read()
    np.testing.assert_array_equal(whole.data, picture("uint8"))

    for stop in (*range(0, len(stream) - 1, 997), len(stream) - 1):
        file = one_strip(stream[:stop] or b"\0", code)
        with pytest.raises(tinycog.CorruptTileError):
            await tinycog.open(file, limits=LIMITS).read(window=(0, 0, 9, 2))


@pytest.mark.parametrize("code", [8, 34925])
async def test_the_checksum_of_a_huge_strip_is_compared(code: int):
    stream = bytearray(STREAMS[code])
    at = len(stream) - 2 if code == 8 else len(stream) // 2
    stream[at] ^= 1
    with pytest.raises(tinycog.CorruptTileError):
        await tinycog.open(one_strip(bytes(stream), code), limits=LIMITS).read(window=(0, 0, 9, 2))

    filled = await tinycog.open(one_strip(bytes(stream), code), limits=LIMITS).read(
        window=(0, 0, 9, 2), errors="fill"
    )
    assert not filled.data.any()
    assert [finding.rule for finding in filled.findings] == ["tiff.tile.filled"]


async def test_a_huge_strip_with_more_bytes_than_pixels_says_so():
    data = picture("uint8").tobytes()
    file = one_strip(zlib.compress(data + bytes(500)), 8)
    raster = await tinycog.open(file, limits=LIMITS).read(window=(0, 290, COLS, 10))

    np.testing.assert_array_equal(raster.data, picture("uint8")[:, 290:])
    assert [finding.rule for finding in raster.findings] == ["tiff.decode.length"]


@pytest.mark.parametrize("code", [8, 32773])
async def test_memory_is_that_of_the_window_not_of_the_strip(code: int):
    rows, cols = 40 << 10, 1 << 10
    block = np.random.default_rng(1).integers(0, 256, (64, cols), np.uint8)
    if code == 8:
        stream = zlib.compress(bytes((rows - 64) * cols) + block.tobytes(), 1)
    else:  # runs of 128 zeros, then copies of 128 bytes
        copies = b"".join(b"\x7f" + bytes(part) for part in block.reshape(-1, 128))
        stream = b"\x81\0" * ((rows - 64) * cols // 128) + copies
    file = one_strip(stream, code, rows, cols)
    cog = tinycog.open(file, limits=tinycog.Limits(tile_bytes=32 << 20))
    tracemalloc.start()
    raster = await cog.read(window=(0, rows - 32, cols, 32))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    np.testing.assert_array_equal(raster.data[0], block[32:])
    assert peak < 8 << 20


async def test_what_is_sent_for_a_huge_strip_is_planned():
    file = one_strip(STREAMS[8], 8)
    cog = tinycog.open(file, limits=LIMITS)
    await cog
    before = len(cog.requests)
    plan = await cog.plan(window=(0, 0, 9, 2))
    await cog.read(window=(0, 0, 9, 2))

    sent = [(request.start, request.stop) for request in cog.requests[before:]]
    assert [(one.start, one.stop) for one in plan.requests] == sent
