"""Decoding beyond what fixtures show: what is tolerated, what is refused, and colours."""

from __future__ import annotations

import gzip
import lzma
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from conformance.lzw import encode_endless, encode_old, highest_first
from numcodecs.zstd import Zstd

import tinycog
from tinycog.decode import lossless, probes
from tinycog.decode.tile import decode_tile
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.spec import Tag

FILES = Path(__file__).parent.parent / "fixtures" / "files"
GRAY = np.arange(20 * 30, dtype=np.uint8).reshape(1, 20, 30)
SQUARE = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)


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


async def test_a_tile_of_too_many_bytes_is_refused_where_libtiff_would_give_others():
    file = tiff_of(GRAY, rows_per_strip=20, compression=8)
    ambiguous = with_tile(file, zlib.compress(bytes(GRAY.size - 50) + bytes(5000)))

    with pytest.raises(tinycog.CorruptTileError, match="readers differ"):
        await tinycog.open(ambiguous).read_tile(0, 0, 0)


# --- streams that lie about what they hold --------------------------------------------------------


WIDTHS_UNTIL_FULL = [*[9] * 254, *[10] * 512, *[11] * 1024, *[12] * 2500]
"""Of the codes of LZW without another clear."""


def picture(stream: bytes, code: int, *fields: Field) -> tinycog.Cog:
    """An image of one tile of 64 x 64 that is the stream."""
    image = make_image(SQUARE[None], tile=(64, 64)).having(
        Field(Tag.Compression, "SHORT", code),
        Field(Tag.TileByteCounts, "LONG", [len(stream)]),
        *fields,
    )
    return tinycog.open(make_tiff([replace(image, tiles=[stream])]))


def patched(stream: bytes, at: int, new: bytes) -> bytes:
    return stream[:at] + new + stream[at + len(new) :]


def without_alpha(pixels: np.ndarray) -> bytes:
    """WebP without the alpha."""
    return bytes(imagecodecs.webp_encode(np.ascontiguousarray(pixels[..., :3]), lossless=True))


def jpeg_2000(at: int, new: bytes) -> bytes:
    """A codestream with other bytes at a place behind the length of its SIZ."""
    good = bytes(imagecodecs.jpeg2k_encode(SQUARE, codecformat="j2k", reversible=True))
    return patched(good, good.index(b"\xff\x51") + 4 + at, new)


@pytest.mark.parametrize(
    ("at", "new"),
    [
        (2, b"\x01\0\0\x40"),  # columns
        (6, b"\x01\0\0\x40"),  # rows
        (34, b"\x40\0"),  # components
        (37, b"\xff"),  # subsampling
    ],
)
async def test_jpeg_2000_of_another_size_is_refused_before_memory_is_allocated(at, new):
    assert (await picture(jpeg_2000(0, b""), 34712).read_tile(0, 0, 0)).data.max() == 126
    with pytest.raises(tinycog.FormatError, match="not a JPEG 2000 stream"):
        await picture(jpeg_2000(at, new), 34712).read_tile(0, 0, 0)


async def test_jpeg_2000_of_packets_without_number_is_refused():
    good = jpeg_2000(0, b"")
    layers = patched(good, good.index(b"\xff\x52") + 6, b"\xff\xff")
    with pytest.raises(tinycog.LimitError, match="packets"):
        await picture(layers, 34712).read_tile(0, 0, 0)


async def test_jpeg_xl_of_another_size_is_refused():
    stream = bytes(imagecodecs.jpegxl_encode(np.zeros((512, 512), np.uint8), lossless=True))
    with pytest.raises(tinycog.CorruptTileError, match="holds 512 x 512 pixels"):
        await picture(stream, 50002).read_tile(0, 0, 0)


async def test_webp_of_another_size_is_refused():
    stream = bytes(imagecodecs.webp_encode(np.zeros((128, 128, 3), np.uint8), lossless=True))
    with pytest.raises(tinycog.CorruptTileError, match="not a WebP picture of 64 x 64"):
        await picture(stream, 50001).read_tile(0, 0, 0)


@pytest.mark.parametrize("dtype", [np.int32, np.uint32])
async def test_lerc_of_another_type_is_refused_though_it_is_as_long(dtype):
    stream = bytes(imagecodecs.lerc_encode(SQUARE.astype(dtype)))
    file = tiff_of(np.zeros((1, 64, 64), np.float32), tile=(64, 64))
    image = replace((await tinycog.open(file)).levels[0].image, compression=34887)
    with pytest.raises(tinycog.CorruptTileError, match="expected float32"):
        decode_tile(image, 0, 0, stream, tinycog.Limits(), out=np.zeros((1, 64, 64), np.float32))


@pytest.mark.parametrize(
    ("code", "pixels", "encode"),
    [
        (34887, SQUARE[..., None], imagecodecs.lerc_encode),
        (
            34887,
            np.dstack([SQUARE, SQUARE + 1]),
            lambda a: imagecodecs.lerc_encode(a, planar=False),
        ),
        (50001, np.dstack([SQUARE] * 3), lambda a: imagecodecs.webp_encode(a, lossless=True)),
        (50001, np.dstack([SQUARE] * 4), lambda a: imagecodecs.webp_encode(a, lossless=True)),
        (50001, np.dstack([SQUARE] * 3 + [np.full_like(SQUARE, 255)]), without_alpha),
    ],
)
async def test_pixels_come_where_they_belong(code, pixels, encode):
    """Without a copy, where they lie as they are stored."""
    file = tiff_of(np.zeros((pixels.shape[2], 64, 64), np.uint8), tile=(64, 64))
    image = replace((await tinycog.open(file)).levels[0].image, compression=code)
    out = np.zeros_like(pixels).transpose(2, 0, 1)
    stream = bytes(encode(pixels if pixels.shape[2] > 1 else pixels[..., 0]))
    tile = decode_tile(image, 0, 0, stream, tinycog.Limits(), out=out)
    assert np.shares_memory(tile.pixels, out)
    np.testing.assert_array_equal(out, pixels.transpose(2, 0, 1))


async def test_lerc_of_more_blobs_than_bands_is_refused():
    stream = bytes(imagecodecs.lerc_encode(SQUARE))
    with pytest.raises(tinycog.CorruptTileError, match="of 1 bands"):
        await picture(stream * 2, 34887).read_tile(0, 0, 0)


async def test_jpeg_of_scans_without_number_is_refused():
    stream = bytes(imagecodecs.jpeg_encode(SQUARE))
    scan = stream[stream.rindex(b"\xff\xda") : -2]
    with pytest.raises(tinycog.LimitError, match="201 scans"):
        await picture(stream[:-2] + scan * 200 + b"\xff\xd9", 7).read_tile(0, 0, 0)


async def test_of_png_only_the_pixels_count_and_nothing_is_said_on_stderr(capfd):
    stream = bytes(imagecodecs.png_encode(SQUARE))
    profile = b"\0\0\0\4iCCPnone" + zlib.crc32(b"iCCPnone").to_bytes(4, "big")
    tile = await picture(stream[:33] + profile + stream[33:], 34933).read_tile(0, 0, 0)
    np.testing.assert_array_equal(tile.data[0], SQUARE)
    with pytest.raises(tinycog.CorruptTileError):
        await picture(patched(stream, 16, bytes(4)), 34933).read_tile(0, 0, 0)
    assert capfd.readouterr().err == ""


async def test_a_dictionary_of_lzma_that_takes_gigabytes_is_refused():
    stream = bytearray(lzma.compress(SQUARE.tobytes()))
    stream[16] = 40  # of 4 GiB
    stream[20:24] = zlib.crc32(bytes(stream[12:20])).to_bytes(4, "little")
    with pytest.raises(tinycog.CorruptTileError, match=r"[Mm]emory"):
        await picture(bytes(stream), 34925).read_tile(0, 0, 0)


async def test_pixels_are_held_against_the_bytes_that_are_stored():
    file = tiff_of(np.zeros((1, 2048, 2048), np.uint8), tile=(2048, 2048), compression=8)
    small = tinycog.Limits(modest_bytes=1 << 20)
    with pytest.raises(tinycog.LimitError, match=r"Limits\.ratio"):
        await tinycog.open(file, limits=small).read_tile(0, 0, 0)
    with pytest.raises(tinycog.LimitError, match=r"Limits\.ratio"):
        await tinycog.open(file, limits=small).read_level(0)
    generous = tinycog.Limits(modest_bytes=1 << 20, ratio=2000)
    assert not (await tinycog.open(file, limits=generous).read_level(0)).data.any()


# --- what is tolerated ---------------------------------------------------------------------------


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


async def test_lzw_may_end_with_the_image_but_not_break_below_it():
    cog = await tinycog.open(tiff_of(GRAY, tile=(32, 32)))
    image = replace(cog.levels[0].image, compression=5)
    rows, cols = GRAY.shape[1:]
    whole = np.random.default_rng(2).integers(0, 255, (32, 32), np.uint8)
    whole[:rows, :cols] = GRAY[0]
    limits = tinycog.Limits()

    short = bytes(imagecodecs.lzw_encode(whole[:rows].tobytes()))
    tile = decode_tile(image, 0, 0, short, limits)
    np.testing.assert_array_equal(tile.pixels[0, :rows], whole[:rows])
    assert [finding.rule for finding in tile.findings] == ["tiff.tile.partial"]

    broken = bytes(imagecodecs.lzw_encode(whole.tobytes()))[:-30] + b"\xff" * 30
    with pytest.raises(tinycog.CorruptTileError, match="not yet in table"):
        decode_tile(image, 0, 0, broken, limits)


LZW_STREAMS = {
    "whole": bytes(imagecodecs.lzw_encode(SQUARE.tobytes())),
    "old bit order": encode_old(SQUARE.tobytes()),
    "without end": encode_endless(SQUARE.tobytes()),
    "more behind": bytes(imagecodecs.lzw_encode(SQUARE.tobytes())) + bytes(9),
    "more than the tile": bytes(imagecodecs.lzw_encode(SQUARE.tobytes() * 2)),
    "cut": bytes(imagecodecs.lzw_encode(SQUARE.tobytes()))[:-300],
    "one byte too few": bytes(imagecodecs.lzw_encode(SQUARE.tobytes()[:-1])),
    "no first clear": highest_first([(65, 9), (66, 9), (257, 9)]),
    "an unknown code first": highest_first([(256, 9), (258, 9), (257, 9)]),
    "a table that overflows": highest_first([(256, 9), *((65, w) for w in WIDTHS_UNTIL_FULL)]),
    "nothing": b"\x80",
}


@pytest.mark.parametrize("name", LZW_STREAMS)
async def test_both_decoders_of_lzw_say_the_same(name: str, monkeypatch: pytest.MonkeyPatch):
    """Also on an imagecodecs whose own decoder is not trusted, and then is not asked."""
    told = []
    for sound in (probes.has_sound_lzw(), False):
        monkeypatch.setattr(lossless, "has_sound_lzw", lambda sound=sound: sound)
        try:
            tile = await picture(LZW_STREAMS[name], 5).read_tile(0, 0, 0)
            told.append((tile.data.tolist(), tile.findings))
        except tinycog.CorruptTileError as error:
            told.append(str(error))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("version", "sound"), [("2026.3.6", False), ("2026.8.16", False), ("2026.10.10", True)]
)
def test_lzw_of_an_old_imagecodecs_is_not_trusted(version, sound, monkeypatch):
    monkeypatch.setattr(probes.imagecodecs, "__version__", version)
    assert probes.has_sound_lzw.__wrapped__() is sound


async def test_a_stream_without_its_checksum_is_refused_as_gdal_refuses_it():
    file = tiff_of(GRAY, rows_per_strip=20, compression=8)

    with pytest.raises(tinycog.CorruptTileError, match="Deflate data of"):
        await tinycog.open(with_tile(file, zlib.compress(GRAY.tobytes())[:-4])).read_tile(0, 0, 0)


@pytest.mark.parametrize(
    "stream",
    [
        zlib.compress(GRAY.tobytes())[:-1] + b"\0",  # another checksum
        gzip.compress(GRAY.tobytes()),
        zlib.compress(GRAY.tobytes())[2:-4],  # no header
    ],
)
async def test_deflate_is_a_zlib_stream_whose_checksum_is_compared(stream: bytes):
    """Decoders that are otherwise as good accept all of these."""
    file = tiff_of(GRAY, rows_per_strip=20, compression=8)

    with pytest.raises(tinycog.CorruptTileError, match="Deflate data of"):
        await tinycog.open(with_tile(file, stream)).read_tile(0, 0, 0)


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


# --- tiles that end with the image ----------------------------------------------------------------


CROPPED = np.arange(40 * 50 * 3, dtype=np.uint16).reshape(40, 50, 3) % 251
BYTES = CROPPED.astype(np.uint8)


def predicted(array: np.ndarray) -> bytes:
    return np.asarray(imagecodecs.delta_encode(array, axis=1)).tobytes()


@pytest.mark.parametrize("rows_only", [False, True])
@pytest.mark.parametrize(
    ("code", "encode"),
    [
        (1, np.ndarray.tobytes),
        (5, lambda a: imagecodecs.lzw_encode(a.tobytes())),
        (8, lambda a: zlib.compress(a.tobytes())),
        (32773, lambda a: imagecodecs.packbits_encode(a.tobytes())),
        (50000, lambda a: imagecodecs.zstd_encode(a.tobytes())),
        (34712, lambda a: imagecodecs.jpeg2k_encode(a, reversible=True, level=0)),
        (50001, lambda a: imagecodecs.webp_encode(a, lossless=True)),
        (50002, lambda a: imagecodecs.jpegxl_encode(a, lossless=True)),
        (34933, imagecodecs.png_encode),
        (34887, imagecodecs.lerc_encode),
    ],
)
async def test_a_tile_may_be_stored_as_far_as_the_image_reaches(code, encode, rows_only):
    stored = np.pad(BYTES, ((0, 0), (0, 14), (0, 0))) if rows_only else BYTES
    stream = bytes(encode(np.ascontiguousarray(stored)))
    image = make_image(BYTES.transpose(2, 0, 1), tile=(64, 64)).having(
        Field(Tag.Compression, "SHORT", code), Field(Tag.TileByteCounts, "LONG", [len(stream)])
    )
    tile = await tinycog.open(make_tiff([replace(image, tiles=[stream])])).read_tile(0, 0, 0)

    np.testing.assert_array_equal(tile.data.transpose(1, 2, 0), BYTES)
    assert [finding.rule for finding in tile.findings] == ["tiff.tile.partial"]


async def test_a_predictor_runs_over_the_columns_that_are_stored():
    stream = zlib.compress(predicted(BYTES))
    image = make_image(BYTES.transpose(2, 0, 1), tile=(64, 64), compression=8, predictor=2)
    image = image.having(Field(Tag.TileByteCounts, "LONG", [len(stream)]))
    tile = await tinycog.open(make_tiff([replace(image, tiles=[stream])])).read_tile(0, 0, 0)

    np.testing.assert_array_equal(tile.data.transpose(1, 2, 0), BYTES)


# --- codes of other writers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "encode"),
    [
        (33004, lambda a: imagecodecs.jpeg2k_encode(a, reversible=True, level=0)),
        (33003, lambda a: imagecodecs.jpeg2k_encode(a, reversible=True, level=0, mct=True)),
        (33007, lambda a: imagecodecs.jpeg_encode(a, 100, colorspace="RGB", outcolorspace="RGB")),
        (50013, lambda a: zlib.compress(a.tobytes())),
    ],
)
async def test_codes_of_slide_writers_are_those_of_their_streams(code, encode):
    pixels = np.stack([SQUARE, SQUARE.T // 2, 255 - SQUARE])
    stream = bytes(encode(np.ascontiguousarray(pixels.transpose(1, 2, 0))))
    image = make_image(pixels, tile=(64, 64)).having(
        Field(Tag.Compression, "SHORT", code), Field(Tag.TileByteCounts, "LONG", [len(stream)])
    )
    tile = await tinycog.open(make_tiff([replace(image, tiles=[stream])])).read_tile(0, 0, 0)

    assert np.abs(tile.data.astype(int) - pixels).max() <= 2


async def test_aperio_s_components_without_a_transform_are_ycbcr():
    rgb = np.stack([SQUARE, SQUARE.T // 2, 255 - SQUARE], axis=2)
    ycbcr = imagecodecs.jpeg_decode(
        imagecodecs.jpeg_encode(rgb, 100, subsampling="444"),
        colorspace="YCBCR",
        outcolorspace="YCBCR",
    )
    stream = bytes(imagecodecs.jpeg2k_encode(ycbcr, reversible=True, level=0, mct=False))
    image = make_image(rgb.transpose(2, 0, 1), tile=(64, 64)).having(
        Field(Tag.Compression, "SHORT", 33003), Field(Tag.TileByteCounts, "LONG", [len(stream)])
    )
    tile = await tinycog.open(make_tiff([replace(image, tiles=[stream])])).read_tile(0, 0, 0)

    assert np.abs(tile.data.transpose(1, 2, 0).astype(int) - rgb).max() <= 3


def ycbcr_planes(*fields: Field, **options: Any) -> bytes:
    rng = np.random.default_rng(2)
    image = make_image(
        rng.integers(0, 256, (3, 16, 24), np.uint8), planar=True, rows_per_strip=16, **options
    )
    photometric = Field(Tag.PhotometricInterpretation, "SHORT", 6)
    return make_tiff([image.having(photometric, *fields)])


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("compression", [1, 8])
async def test_ycbcr_in_planes_apart_is_data_until_colours_are_asked_for(compression: int):
    from rasterio.io import MemoryFile  # noqa: PLC0415

    file = ycbcr_planes(Field(Tag.YCbCrSubSampling, "SHORT", [1, 1]), compression=compression)
    cog = await tinycog.open(file)
    assert [str(name) for name in cog.colorinterp] == ["Y", "Cb", "Cr"]
    shown = await cog.read(rgb=True)
    with MemoryFile(file) as memory, memory.open() as dataset:
        assert np.abs(shown.data.astype(int) - dataset.read()).max() <= 1


async def test_subsampled_ycbcr_in_planes_apart_is_refused():
    file = ycbcr_planes(Field(Tag.YCbCrSubSampling, "SHORT", [2, 2]))
    with pytest.raises(tinycog.UnsupportedError, match="planes apart"):
        await tinycog.open(file).read()


async def test_a_predictor_that_is_left_alone_is_a_finding():
    raster = await tinycog.open(tiff_of(GRAY, Field(Tag.Predictor, "SHORT", 2))).read()
    assert [finding.rule for finding in raster.findings] == ["tiff.predictor.codecs"]


async def test_rgb_without_samples_per_pixel_has_three():
    rgb = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30).astype(np.uint8)
    image = make_image(rgb, rows_per_strip=20)
    fields = [f for f in image.fields if f.tag != Tag.SamplesPerPixel]
    photometric = Field(Tag.PhotometricInterpretation, "SHORT", 2)
    cog = await tinycog.open(make_tiff([replace(image, fields=fields).having(photometric)]))

    np.testing.assert_array_equal((await cog.read()).data, rgb)
    assert "tiff.image.samples" in [finding.rule for finding in cog.findings]


@pytest.mark.parametrize(
    ("code", "photometric", "bands", "named"),
    [
        (34676, 32845, 3, r"SGI_LOG \(34676\) with 3 samples"),
        (34676, 1, 1, r"SGILog with photometric MIN_IS_BLACK \(1\)"),
        (34677, 32845, 3, r"SGI_LOG24 \(34677\)"),
        (32909, 2, 3, r"PIXAR_LOG \(32909\)"),
        (1, 32844, 1, r"colours of photometric LOG_L \(32844\)"),
        (8, 32845, 3, r"colours of photometric LOG_LUV \(32845\)"),
    ],
)
async def test_a_picture_of_light_that_is_not_read_is_refused_by_name(
    code: int, photometric: int, bands: int, named: str
):
    data = np.ones((bands, 16, 16), np.float32)
    image = make_image(data, tile=(16, 16), compression=8 if code == 8 else 1).having(
        Field(Tag.Compression, "SHORT", code),
        Field(Tag.PhotometricInterpretation, "SHORT", photometric),
    )
    with pytest.raises(tinycog.UnsupportedError, match=named):
        await tinycog.open(make_tiff([image])).read_tile(0, 0, 0, rgb=True)
