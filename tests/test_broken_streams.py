"""Streams that are cut or overwritten, of codecs whose libraries would make pixels of them."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import pytest
from conformance.tricks_bilevel import faxed

import tinycog
from tinycog.decode.ccitt import LENGTHS, read_rows
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.spec import Tag

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SIDE = 64
RLE, T4, T6 = 2, 3, 4
FAXES = ((RLE, 0, 0), (T4, 0, 0), (T4, 0, 5), (T4, 1, 0), (T4, 1, 3), (T4, 5, 0), (T6, 0, 0))
"""Compression, T4Options, bits of fill before line ends."""


def page() -> np.ndarray:
    rng = np.random.default_rng(4)
    rows = np.zeros((SIDE, SIDE), np.uint8)
    for y, x, height, width in rng.integers(1, SIDE - 9, (40, 4)) % [SIDE, SIDE, 9, 9]:
        rows[y : y + height + 1, x : x + width + 1] = 1
    rows[-1, ::3] = 1
    return rows


PAGE = page()
PICTURE = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


async def read(array: np.ndarray, code: int, stream: bytes, *fields: Field) -> Any:
    """Return the tile, or the message of the error."""
    image = make_image(array if array.ndim == 3 else array[None], tile=(SIDE, SIDE)).having(
        Field(Tag.Compression, "SHORT", code),
        Field(Tag.TileByteCounts, "LONG", [len(stream)]),
        *fields,
    )
    try:
        return await tinycog.open(make_tiff([replace(image, tiles=[stream])])).read_tile(0, 0, 0)
    except tinycog.CorruptTileError as error:
        return str(error)


async def fax(code: int, options: int, stream: bytes) -> Any:
    tags = (Field(Tag.BitsPerSample, "SHORT", 1), Field(Tag.T4Options, "LONG", options))
    return await read(PAGE, code, stream, *tags)


@pytest.mark.parametrize(("code", "options", "fill"), FAXES)
async def test_a_fax_is_whole_or_says_what_is_missing(code: int, options: int, fill: int):
    stream = faxed(PAGE, code, options, fill)
    whole = await fax(code, options, stream)
    np.testing.assert_array_equal(whole.data[0], PAGE)
    assert whole.findings == ()

    for stop in range(1, len(stream) - 4, 13):
        for tail in (b"", bytes(len(stream) - stop), b"\xff" * (len(stream) - stop)):
            found = await fax(code, options, stream[:stop] + tail)
            if not isinstance(found, str) and not np.array_equal(found.data, whole.data):
                assert [finding.rule for finding in found.findings] == ["tiff.ccitt.rows"]


@pytest.mark.parametrize(("code", "options", "fill"), FAXES)
async def test_a_fax_that_is_overwritten_in_the_middle_is_noticed(code, options, fill):
    stream = faxed(PAGE, code, options, fill)
    half = len(stream) // 2

    for hole in (bytes(16), b"\xff" * 16, bytes(range(64, 80))):
        found = await fax(code, options, stream[:half] + hole + stream[half + 16 :])
        assert isinstance(found, str) or found.findings


async def test_rows_that_are_broken_between_line_ends_are_counted():
    stream = faxed(PAGE, T4, 0, 0)
    tile = await fax(T4, 0, stream[:100] + b"\x02" + stream[101:])

    assert "1 of 64 rows are broken" in str(tile.findings[0])


async def test_a_last_strip_of_a_fax_may_hold_more_rows():
    stream = faxed(PAGE, T6, 0, 0)
    image = make_image(PAGE[None, :40], rows_per_strip=40).having(
        Field(Tag.BitsPerSample, "SHORT", 1),
        Field(Tag.Compression, "SHORT", T6),
        Field(Tag.StripByteCounts, "LONG", [len(stream)]),
    )
    raster = await tinycog.open(make_tiff([replace(image, tiles=[stream])])).read()

    np.testing.assert_array_equal(raster.data[0], PAGE[:40])
    assert [finding.rule for finding in raster.findings] == ["tiff.ccitt.rows"]


@pytest.mark.parametrize("code", [RLE, T4, T6])
def test_every_run_is_known(code: int):
    lengths = [*LENGTHS, 2561, 2623, 2624, 5000]
    width = 6000
    rows = np.zeros((2 * len(lengths), width), np.uint8)
    for i, length in enumerate(lengths):
        rows[2 * i, 5 : 5 + length] = 1  # black
        rows[2 * i + 1] = 1
        rows[2 * i + 1, 5 : 5 + length] = 0
    stream = faxed(rows, code, 0, 0)

    assert read_rows(code, 0, stream, width, len(rows)) == (len(rows), 0)


# --- other codecs ---------------------------------------------------------------------------------


CODECS = {
    "Deflate": (8, zlib.compress(PICTURE.tobytes(), 1)),
    "JPEG 2000": (34712, bytes(imagecodecs.jpeg2k_encode(PICTURE, reversible=True))),
    "JPEG 2000, lossy": (34712, bytes(imagecodecs.jpeg2k_encode(PICTURE, level=40))),
    "JPEG XL": (50002, bytes(imagecodecs.jpegxl_encode(PICTURE, lossless=True))),
    "WebP": (50001, bytes(imagecodecs.webp_encode(PICTURE, lossless=True))),
    "LERC": (34887, bytes(imagecodecs.lerc_encode(PICTURE))),
    "PNG": (34933, bytes(imagecodecs.png_encode(PICTURE))),
    "ZSTD": (50000, bytes(imagecodecs.zstd_encode(PICTURE.tobytes()))),
    "LZW": (5, bytes(imagecodecs.lzw_encode(PICTURE.tobytes()))),
    "LZMA": (34925, bytes(imagecodecs.lzma_encode(PICTURE.tobytes()))),
    "PackBits": (32773, bytes(imagecodecs.packbits_encode(PICTURE.tobytes()))),
}


@pytest.mark.parametrize("name", CODECS)
async def test_a_stream_that_is_cut_is_an_error(name: str):
    code, stream = CODECS[name]
    whole = await read(PICTURE.transpose(2, 0, 1), code, stream)

    assert not isinstance(whole, str)
    for stop in range(1, len(stream), len(stream) // 17):
        found = await read(PICTURE.transpose(2, 0, 1), code, stream[:stop])
        assert isinstance(found, str) or np.array_equal(found.data, whole.data), stop


@pytest.mark.parametrize("name", [name for name in CODECS if name not in ("PackBits", "ZSTD")])
async def test_a_stream_whose_second_half_is_a_hole_is_an_error(name: str):
    code, stream = CODECS[name]
    half = len(stream) // 2
    found = await read(PICTURE.transpose(2, 0, 1), code, stream[:half] + bytes(len(stream) - half))

    assert isinstance(found, str)


async def test_a_broken_stream_is_an_error_though_it_decodes_to_more_than_the_tile():
    """The checksum is compared behind the last pixel."""
    code = 8
    long = bytearray(zlib.compress(PICTURE.tobytes() + bytes(999)))
    tile = await read(PICTURE.transpose(2, 0, 1), code, bytes(long))
    assert [finding.rule for finding in tile.findings] == ["tiff.decode.length"]
    for broken in (long[:-4], long[:-1] + bytes([long[-1] ^ 1])):
        assert isinstance(await read(PICTURE.transpose(2, 0, 1), code, bytes(broken)), str)
