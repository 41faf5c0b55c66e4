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
from tinycog.decode import ccitt_encoded, libtiff
from tinycog.decode.ccitt import LENGTHS, read_rows
from tinycog.decode.ccitt_encoded import is_encoded
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


@pytest.mark.parametrize(("code", "options", "fill"), FAXES)
async def test_what_encoders_write_is_not_read_code_by_code(code, options, fill, monkeypatch):
    monkeypatch.setattr(libtiff, "read_rows", None)
    tile = await fax(code, options, faxed(PAGE, code, options, fill))

    np.testing.assert_array_equal(tile.data[0], PAGE)


def shifted_rows(rng: np.random.Generator, rows: int, cols: int) -> np.ndarray:
    """Rows that differ little from those above, some of them all black or white."""
    page = np.zeros((rows, cols), bool)
    edges = np.cumsum(rng.random(cols) < 0.05) % 2 == 1
    for i in range(rows):
        page[i] = np.roll(edges, int(rng.integers(-5, 6))) ^ (rng.random(cols) < 0.004)
    page[rng.random(rows) < 0.1] = rng.random() < 0.5
    return page


@pytest.mark.parametrize("cols", [1, 2, 8, 31, 64, 333, 6000])
def test_codes_follow_from_the_pixels(cols: int, monkeypatch):
    monkeypatch.setattr(ccitt_encoded, "BLOCK_PIXELS", 7 * cols)
    rng = np.random.default_rng(cols)
    for rows, pixels in ((1, None), (8, 0.5), (9, 0.02), (16, None)):
        page = (
            shifted_rows(rng, rows, cols) if pixels is None else rng.random((rows, cols)) < pixels
        )
        for code, options, fill in FAXES:
            stream = faxed(page.astype(np.uint8), code, options, fill)
            assert is_encoded(code, options, stream, page), (rows, code, options)
            assert read_rows(code, options, stream, cols, rows) == (rows, 0)


@pytest.mark.parametrize(("code", "options", "fill"), FAXES)
def test_a_stream_that_is_what_an_encoder_makes_of_its_pixels_has_all_its_rows(code, options, fill):
    rng = np.random.default_rng(code)
    page = shifted_rows(rng, 24, 200)
    stream = faxed(page.astype(np.uint8), code, options, fill)
    tags = {
        Tag.BitsPerSample: 1,
        Tag.Compression: code,
        Tag.PhotometricInterpretation: 1,
        Tag.T4Options: options,
    }
    right = 0
    for _ in range(150):
        broken = bytearray(stream)
        for at in rng.integers(0, len(broken), rng.integers(1, 4)):
            broken[at] ^= 1 << int(rng.integers(8))
        file = libtiff._one_strip_file(bytes(broken), (200, 24), tags)
        try:
            pixels = np.asarray(imagecodecs.tiff_decode(file))
        except imagecodecs.TiffError:
            continue
        if is_encoded(code, options, bytes(broken), pixels):
            right += 1
            assert read_rows(code, options, bytes(broken), 200, 24) == (24, 0)
    assert right < 50


async def test_a_stream_of_other_codes_than_an_encoder_takes_is_read_code_by_code():
    """Each row is coded by its runs, though the second could be told by the first."""
    page = np.zeros((SIDE, SIDE), np.uint8)
    page[:, 10:20] = 1
    row = "001" + "00111" + "0000100" + "1"
    digits = row * SIDE + "000000000001" * 2 + "0" * 8
    stream = bytes(int(digits[i : i + 8], 2) for i in range(0, len(digits) - 7, 8))
    tile = await fax(T6, 0, stream)

    np.testing.assert_array_equal(tile.data[0], page)
    assert tile.findings == ()
    assert not is_encoded(T6, 0, stream, page.astype(bool))
    assert isinstance(await fax(T6, 0, stream[: len(stream) // 2]), str)


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
