"""Encoded tiles: what each codec is given comes back, by us, GDAL and tifffile."""

from __future__ import annotations

import io
import itertools
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from encoded_files import (
    COLS,
    IMAGE,
    ROWS,
    encoder,
    file_of,
    read,
    read_by_gdal,
    read_by_tifffile,
)
from rasterio.io import MemoryFile

import tinycog
from tinycog.encode.choose import choose_fast, choose_level, choose_predictor
from tinycog.encode.lossless import has_isal
from tinycog.encode.tile import make_mask_encoder
from tinycog.tiff.spec import Compression, Photometric, Predictor, SampleFormat, Tag

pytestmark = pytest.mark.filterwarnings(
    "ignore::rasterio.errors.NotGeoreferencedWarning",
)

WHOLE = (
    *("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
PREDICTED = ("LZW", "DEFLATE", "LZMA", "ZSTD")
PLAIN = ("NONE", "PACKBITS")
LAYOUTS = ((1, 1), (3, 1), (1, 3), (5, 1))
"""Samples of a tile, and planes."""

HELD = {
    "LERC": ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"),
    "JPEG_XL": ("uint8", "uint16"),
    "JPEG_2000": ("uint8", "int8", "uint16", "int16"),
}
UNKNOWN_TO_GDAL = ("JPEG_XL", "JPEG_2000")
COMPLEX_INT = SampleFormat.COMPLEX_INT

Bands = np.ndarray


def noise(dtype: str, bands: int, bits: int | None = None) -> Bands:
    """Any numbers of a dtype, or of so many bits; floats with what is special about them."""
    rng = np.random.default_rng(7)
    kind, shape = np.dtype(dtype), (bands, *IMAGE)
    if kind.kind == "c" and bits:
        return (rng.integers(-30000, 30000, (*shape, 2)) @ [1, 1j]).astype(kind)
    if kind.kind in "bui":
        most = 2**bits if bits else 2 ** (8 * kind.itemsize - (kind.kind == "i"))
        return rng.integers(0, 2 if kind.kind == "b" else most, shape, np.uint64).astype(kind)
    pixels = rng.standard_normal((*shape, 2)) @ ([1, 1j] if kind.kind == "c" else [1, 0])
    pixels.flat[:4] = np.nan, np.inf, -np.inf, -0.0
    return pixels.astype(kind)


def smooth(bands: int = 3, shape: tuple[int, int] = IMAGE) -> Bands:
    """Bytes of a picture."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    return np.stack([128 + 60 * np.sin(rows / (9 + k)) + cols / 2 for k in range(bands)]).astype(
        np.uint8
    )


def predictors(codec: str, dtype: str) -> list[Predictor]:
    """Those that go with a codec and a dtype."""
    kind = np.dtype(dtype)
    if codec not in PREDICTED:
        return [Predictor.NONE]
    found = [Predictor.NONE]
    if kind.itemsize <= 8:
        found.append(Predictor.HORIZONTAL)
    return [*found, Predictor.FLOATING_POINT] if kind.kind == "f" else found


def assert_same(found: Bands, pixels: Bands) -> None:
    """Bit for bit, but for which NaN it is."""
    wanted = pixels.view(np.uint8) if pixels.dtype == np.bool_ else pixels
    found = found.view(np.uint8) if found.dtype == np.bool_ else found
    assert found.dtype == wanted.dtype
    if wanted.dtype.kind in "fc":
        parts = np.zeros(0, wanted.dtype).real.dtype
        np.testing.assert_array_equal(
            np.signbit(np.ascontiguousarray(found).view(parts)),
            np.signbit(np.ascontiguousarray(wanted).view(parts)),
        )
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("codec", [*PLAIN, *PREDICTED])
@pytest.mark.parametrize("dtype", WHOLE)
async def test_bytes_come_back_with_each_predictor_order_and_layout(codec, dtype):
    turns = [*itertools.product(predictors(codec, dtype), "<>", LAYOUTS)]
    half = turns[(*PLAIN, *PREDICTED).index(codec) % 2 :: 2]  # the next codec has the others
    for i, (predictor, order, (samples, planes)) in enumerate(half):
        made = encoder(codec, dtype, samples, planes=planes, predictor=predictor, byte_order=order)
        pixels = noise(dtype, samples * planes)

        file = file_of(made, pixels)

        assert made.is_lossless
        assert_same(await read(file), pixels)
        if i % 3 == 0:  # GDAL knows float16 since 3.11
            theirs = read_by_gdal(file)
            assert_same(theirs.astype(dtype) if dtype == "float16" else theirs, pixels)
        if i % 3 == 1 and (pixels.dtype.kind != "c" or predictor == Predictor.NONE):
            assert_same(read_by_tifffile(file), pixels)


@pytest.mark.parametrize(
    ("dtype", "bits", "sample_format"),
    [
        *(("uint8", bits, None) for bits in range(1, 8)),
        *(("uint16", bits, None) for bits in range(9, 16)),
        *(("uint32", bits, None) for bits in (17, 24, 31)),
        ("bool", None, None),
        ("complex64", 32, COMPLEX_INT),
        ("complex128", 64, COMPLEX_INT),
    ],
)
async def test_packed_samples_come_back(dtype, bits, sample_format):
    orders = "<" if bits == 24 else "<>"
    for codec, order, (samples, planes) in itertools.product(("NONE", "DEFLATE"), orders, LAYOUTS):
        made = encoder(
            codec,
            dtype,
            samples,
            planes=planes,
            bits=bits,
            sample_format=sample_format,
            byte_order=order,
        )
        pixels = noise(dtype, samples * planes, bits)

        file = file_of(made, pixels)

        assert_same(await read(file), pixels)
        if dtype != "complex128":  # GDAL's CInt32 is a complex64 of rasterio's
            assert_same(read_by_gdal(file), pixels)


@pytest.mark.parametrize("codec", HELD)
async def test_codecs_that_take_samples_give_them_back(codec):
    turns: list[tuple[str, tuple[int, int]]] = [*itertools.product(HELD[codec], LAYOUTS)]
    for dtype, (samples, planes) in turns:
        made = encoder(codec, dtype, samples, planes=planes)
        pixels = noise(dtype, samples * planes)

        file = file_of(made, pixels)

        assert made.is_lossless
        assert_same(await read(file), pixels)
        if codec not in UNKNOWN_TO_GDAL:
            assert_same(read_by_gdal(file), pixels)
        else:
            assert_same(read_by_tifffile(file), pixels)


async def test_jpeg_xl_gives_floats_back_or_refuses_them():
    made = encoder("JPEG_XL", "float32")
    pixels = noise("float32", 1)
    assert_same(await read(file_of(made, pixels)), pixels)


@pytest.mark.parametrize("samples", [3, 4])
async def test_lossless_webp_keeps_colours_that_cannot_be_seen(samples):
    made = encoder("WEBP", samples=samples, lossless=True)
    pixels = noise("uint8", samples)
    pixels[3:, :20] = 0

    file = file_of(made, pixels, photometric=2, alpha=2)

    assert made.is_lossless
    assert_same(await read(file), pixels)
    assert_same(read_by_gdal(file), pixels)


@pytest.mark.parametrize("wrapper", [None, "deflate", "zstd"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
async def test_lerc_keeps_what_it_may_lose_within_its_tolerance(wrapper, dtype):
    made = encoder("LERC", dtype, 3, wrapper=wrapper, max_z_error=0.01)
    pixels = np.random.default_rng(7).random((3, *IMAGE)).astype(dtype)
    pixels[:, 5:9, 5:9] = np.nan
    pixels[0, :3] = np.nan

    file = file_of(made, pixels)

    assert not made.is_lossless
    ours, theirs = await read(file), read_by_gdal(file)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(pixels))
    assert 0 < np.nanmax(np.abs(ours - pixels)) <= 0.01
    assert_same(ours, theirs)


async def test_lerc_of_a_tile_of_nan_alone():
    pixels = np.full((2, *IMAGE), np.nan, np.float32)
    file = file_of(encoder("LERC", "float32", 2), pixels)
    assert_same(await read(file), pixels)
    assert_same(read_by_gdal(file), pixels)


# --- lossy pictures ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "samples", "options"),
    [
        ("JPEG", 1, {}),
        ("JPEG", 2, {}),
        ("JPEG", 3, {}),
        ("JPEG", 3, {"photometric": "rgb"}),
        ("JPEG", 4, {"quality": 95}),
        ("WEBP", 3, {}),
        ("WEBP", 4, {"quality": 90}),
        ("JPEG_XL", 3, {"distance": 1.0}),
        ("JPEG_XL", 1, {"lossless": False, "effort": 3}),
        ("JPEG_2000", 3, {"quality": 45.0}),
        ("JPEG_2000", 1, {"lossless": False}),
    ],
)
async def test_lossy_pictures_look_like_what_they_were(codec, samples, options):
    made = encoder(codec, samples=samples, **options)
    pixels = smooth(samples)
    colours = samples in (3, 4)

    file = file_of(made, pixels, photometric=2 if colours else 1, alpha=0)

    assert not made.is_lossless
    found = await read(file)
    assert found.shape == pixels.shape
    assert np.abs(found.astype(int) - pixels).mean() < 3
    if codec not in UNKNOWN_TO_GDAL:
        theirs = read_by_gdal(file)
        assert np.abs(found.astype(int) - theirs).mean() < 1


def cog_tile_of_gdal(pixels: Bands, **options: Any) -> tuple[list[bytes], dict[int, Any]]:
    """The tiles that GDAL's COG driver makes, and the tags beside them."""
    bands, rows, cols = pixels.shape
    shape = {"width": cols, "height": rows, "count": bands, "dtype": pixels.dtype}
    with MemoryFile() as memory:
        with memory.open(
            driver="COG", **shape, BLOCKSIZE=128, OVERVIEWS="NONE", **options
        ) as dataset:
            dataset.write(pixels)
        file = memory.read()
    with tifffile.TiffFile(io.BytesIO(file)) as tif:
        page: Any = tif.pages[0]
        places = zip(page.dataoffsets, page.databytecounts, strict=True)
        tiles = [file[place : place + length] for place, length in places]
        return tiles, {tag.code: tag.value for tag in page.tags}


def our_tiles(pixels: Bands, made: Any) -> list[bytes]:
    interleaved = pixels.transpose(1, 2, 0)
    rows, cols = made.format.rows, made.format.cols
    return [
        made.encode(interleaved[top : top + rows, left : left + cols])
        for top in range(0, pixels.shape[1], rows)
        for left in range(0, pixels.shape[2], cols)
    ]


@pytest.mark.parametrize("bands", [1, 3])
def test_jpeg_tables_are_those_of_gdal_and_tiles_nearly(bands):
    pixels = smooth(bands, (150, 200))
    tiles, tags = cog_tile_of_gdal(pixels, COMPRESS="JPEG", QUALITY=80)

    made = encoder("JPEG", samples=bands, rows=128, cols=128, quality=80)

    told: dict[int, Any] = {tag: values for tag, _, values in made.fields}
    ours, theirs = (
        np.frombuffer(t, np.uint8) for t in (told[Tag.JPEGTables], tags[Tag.JPEGTables])
    )
    np.testing.assert_allclose(ours.astype(int), theirs, atol=1)  # libjpeg's versions round so
    for tag in (Tag.YCbCrSubSampling, Tag.PhotometricInterpretation):
        assert told.get(tag, tags.get(tag)) in (tags.get(tag), (tags.get(tag),))
    lengths = [len(tile) for tile in our_tiles(pixels, made)]
    assert lengths == pytest.approx([len(tile) for tile in tiles], rel=0.03)  # versions differ


@pytest.mark.parametrize(
    ("gdal", "ours"), [(1, 1), (5, 5), (6, 7), (None, None), (7, 8), (9, 10), (12, 12)]
)
def test_levels_of_deflate_are_libdeflates_and_gdals_have_the_same_bytes(gdal, ours):
    pixels = smooth(3, (150, 200)) + noise("uint8", 1)[:, :1, :1]
    options = {} if gdal is None else {"LEVEL": gdal}
    tiles, _ = cog_tile_of_gdal(pixels, COMPRESS="DEFLATE", **options)
    made = encoder("DEFLATE", samples=3, rows=128, cols=128, level=ours)
    lengths = [len(tile) for tile in our_tiles(pixels, made)]
    assert lengths == pytest.approx([len(tile) for tile in tiles], rel=0.002)


@pytest.mark.parametrize(
    ("dtype", "bands", "predictor"),
    [("uint8", 3, 2), ("uint16", 1, 2), ("int32", 2, 2), ("float32", 1, 3), ("float64", 3, 3)],
)
def test_tiles_are_before_compression_what_gdal_makes_of_them(dtype, bands, predictor):
    pixels = (smooth(bands, (150, 200)) * 3.7).astype(dtype)
    options = {"COMPRESS": "DEFLATE", "PREDICTOR": "YES", "INTERLEAVE": "PIXEL"}
    tiles, _ = cog_tile_of_gdal(pixels, **options)
    made = encoder("DEFLATE", dtype, bands, rows=128, cols=128, predictor=Predictor(predictor))
    ours = our_tiles(pixels, made)
    assert [*map(zlib.decompress, ours)] == [*map(zlib.decompress, tiles)]  # edges, too


# --- one tile ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "predictor"),
    [*itertools.product(["uint8", "uint16", "float32"], [1, 2]), ("float32", 3), ("float64", 3)],
)
def test_bytes_do_not_depend_on_the_layout_in_memory(dtype, predictor):
    made = encoder("DEFLATE", dtype, 3, predictor=Predictor(predictor))
    planes = noise(dtype, 3)[:, :ROWS, :COLS]
    apart = planes.transpose(1, 2, 0)
    together = np.ascontiguousarray(apart)
    wide = np.zeros((ROWS, COLS + 9, 3), dtype)
    wide[:, 4 : COLS + 4] = apart
    layouts = [apart, together, wide[:, 4 : COLS + 4], np.asfortranarray(apart)]
    layouts.append(np.ascontiguousarray(apart[::-1, ::-1])[::-1, ::-1])

    assert len({made.encode(layout) for layout in layouts}) == 1


@pytest.mark.parametrize("codec", ["DEFLATE", "ZSTD", "JPEG", "WEBP", "JPEG_XL", "JPEG_2000"])
def test_bytes_do_not_depend_on_threads(codec):
    made = encoder(codec, samples=3, rows=64, cols=64)
    tiles = [smooth(3, (64 - k % 5, 64)).transpose(1, 2, 0) for k in range(24)]
    alone = [made.encode(tile) for tile in tiles]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(made.encode, tiles)) == alone


def test_pixels_that_were_given_are_not_changed():
    for codec, predictor, order in (("DEFLATE", 2, ">"), ("NONE", 1, ">"), ("LZW", 3, "<")):
        made = encoder(codec, "float32", predictor=Predictor(predictor), byte_order=order)
        pixels = noise("float32", 1)[0, :ROWS, :COLS]
        before = pixels.tobytes()
        made.encode(pixels)
        assert pixels.tobytes() == before


def test_what_lies_beyond_the_image_is_zero_or_repeated():
    small = np.full((3, 5, 1), 200, np.uint8)
    stored = np.frombuffer(encoder("NONE").encode(small), np.uint8).reshape(ROWS, COLS)
    assert stored.sum() == small.sum()
    found = imagecodecs.jpegxl_decode(encoder("JPEG_XL").encode(small))
    assert found.shape == (ROWS, COLS)
    assert set(found.flat) == {200}


def test_no_run_of_packbits_crosses_rows():
    stored = encoder("PACKBITS", rows=4, cols=16).encode(np.zeros((4, 16), np.uint8))
    assert stored == bytes([241, 0]) * 4


@pytest.mark.parametrize("codec", [code.name for code in Compression])
def test_each_codec_gives_bytes_or_says_that_it_is_not_written(codec):
    try:
        made = encoder(codec, samples=3)
    except tinycog.UnsupportedError as exc:
        assert "expected one of NONE, LZW, DEFLATE" in str(exc)  # noqa: PT017
    else:
        assert type(made.encode(np.zeros((1, 1, 3), np.uint8))) is bytes


@pytest.mark.parametrize("said", [b"", RuntimeError("DeflateError: no"), MemoryError()])
def test_a_codec_that_fails_or_gives_nothing_is_an_error(monkeypatch, said):
    def fail(*_: Any, **__: Any) -> bytes:
        if isinstance(said, bytes):
            return said
        raise said

    made = encoder("DEFLATE")
    monkeypatch.setattr(imagecodecs, "deflate_encode", fail)
    with pytest.raises((tinycog.UnsupportedError, tinycog.LimitError)) as info:
        made.encode(np.zeros((ROWS, COLS), np.uint8))
    assert "\n" not in str(info.value)


def test_a_mask_is_one_bit_and_invalid_beyond_the_image():
    made = make_mask_encoder(16, 16)
    valid = np.ones((9, 11), bool)
    valid[2, 3] = False
    told = {tag: values for tag, _, values in made.fields}

    bits = np.unpackbits(np.frombuffer(imagecodecs.zlib_decode(made.encode(valid)), np.uint8))

    assert bits.sum() == valid.sum()
    np.testing.assert_array_equal(bits.reshape(16, 16)[:9, :11], valid)
    assert told[Tag.BitsPerSample] == (1,)
    assert told[Tag.PhotometricInterpretation] == (Photometric.MASK,)


async def test_a_mask_reads_back():
    valid = noise("bool", 1)
    assert_same(await read(file_of(make_mask_encoder(ROWS, COLS), valid)), valid)


def test_fields_count_the_samples_of_all_planes():
    told = {tag: v for tag, _, v in encoder("LZW", "int16", planes=3, predictor=2).fields}
    assert told[Tag.BitsPerSample] == (16, 16, 16)
    assert told[Tag.SampleFormat] == (SampleFormat.INT,) * 3
    assert told[Tag.Predictor] == (2,)


def test_memory_is_told_by_codec_and_tile():
    small, large = (encoder("DEFLATE", rows=side, cols=side).memory for side in (256, 512))
    assert large - small == 4 * (512 * 512 - 256 * 256)
    assert encoder("LZMA").memory > encoder("ZSTD").memory > encoder("DEFLATE").memory


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "options", "said"),
    [
        ("NONE", {"level": 6}, "level is no option of uncompressed: expected none"),
        ("LZW", {"quality": 75}, "quality is no option of LZW"),
        ("DEFLATE", {"level": 0}, "level of libdeflate is 0, expected 1 to 12"),
        ("DEFLATE", {"level": 13}, "expected 1 to 12"),
        ("DEFLATE", {"level": True}, "level of Deflate is True, expected a whole number"),
        ("DEFLATE", {"library": "zlib"}, "expected 'libdeflate' or 'isa-l'"),
        ("ZSTD", {"level": 23}, "level of ZSTD is 23, expected 1 to 22"),
        ("ZSTD", {"level": 0}, "expected 1 to 22"),
        ("LZMA", {"level": 10}, "expected 0 to 9"),
        ("JPEG", {"quality": 0}, "quality of JPEG is 0, expected a whole number from 1 to 100"),
        ("JPEG", {"quality": "75"}, "quality of JPEG is '75'"),
        ("JPEG", {"photometric": "cmyk"}, "expected 'ycbcr' or 'rgb'"),
        ("LERC", {"max_z_error": -1}, "max_z_error of LERC is -1"),
        ("LERC", {"max_z_error": float("nan")}, "max_z_error of LERC is nan"),
        ("LERC", {"level": 6}, "give wrapper="),
        ("LERC", {"level": 20, "wrapper": "deflate"}, "expected 1 to 12"),
        ("WEBP", {"lossless": 1}, "expected True or False"),
        ("WEBP", {"lossless": True, "quality": 80}, "exclude each other"),
        ("JPEG_XL", {"lossless": True, "distance": 1.0}, "exclude each other"),
        ("JPEG_XL", {"effort": 10}, "effort of JPEG XL is 10"),
    ],
)
def test_options_that_cannot_be_honoured_are_refused(codec, options, said):
    with pytest.raises(tinycog.UsageError, match=said):
        encoder(codec, samples=3, **options)


@pytest.mark.parametrize(
    ("codec", "dtype", "samples", "others"),
    [
        ("JPEG", "uint16", 1, {}),
        ("JPEG", "uint16", 1, {"bits": 12}),
        ("JPEG", "uint8", 5, {}),
        ("WEBP", "uint8", 1, {}),
        ("WEBP", "uint16", 3, {}),
        ("LERC", "uint64", 1, {}),
        ("LERC", "float32", 1, {"byte_order": ">"}),
        ("LERC", "complex64", 1, {}),
        ("JPEG_XL", "int16", 1, {}),
        ("JPEG_2000", "float32", 1, {}),
        ("DEFLATE", "float128", 1, {}),
        ("DEFLATE", "datetime64[s]", 1, {}),
        ("DEFLATE", "uint8", 1, {"bits": 12}),
        ("DEFLATE", "int8", 1, {"bits": 4}),
        ("DEFLATE", "float32", 1, {"bits": 24}),
        ("DEFLATE", "uint32", 1, {"bits": 24, "byte_order": ">"}),
        ("DEFLATE", "uint32", 1, {"bits": 24, "predictor": 2}),
        ("DEFLATE", "uint64", 1, {"bits": 40}),
        ("DEFLATE", "complex64", 1, {"bits": 32}),
        ("DEFLATE", "uint8", 1, {"sample_format": SampleFormat.INT}),
        ("DEFLATE", "uint8", 1, {"bits": 4, "predictor": 2}),
        ("DEFLATE", "uint8", 1, {"predictor": 3}),
        ("DEFLATE", "complex128", 1, {"predictor": 2}),
        ("PACKBITS", "uint8", 1, {"predictor": 2}),
        ("WEBP", "uint8", 3, {"predictor": 2}),
    ],
)
def test_what_a_codec_cannot_hold_is_refused_before_the_first_tile(codec, dtype, samples, others):
    with pytest.raises(tinycog.UnsupportedError, match="cannot hold"):
        encoder(codec, dtype, samples, **others)


@pytest.mark.parametrize(
    "tile",
    [
        np.zeros((ROWS + 1, COLS, 1), np.uint8),
        np.zeros((ROWS, COLS + 1), np.uint8),
        np.zeros((ROWS, COLS, 2), np.uint8),
        np.zeros((0, COLS, 1), np.uint8),
        np.zeros((ROWS, COLS, 1), np.int8),
        np.zeros(COLS, np.uint8),
    ],
)
def test_a_tile_of_another_shape_or_dtype_is_refused(tile):
    with pytest.raises(tinycog.UsageError, match="expected uint8 of"):
        encoder("DEFLATE").encode(tile)


@pytest.mark.parametrize(
    ("dtype", "others", "value"),
    [
        ("uint8", {"bits": 4}, 16),
        ("uint16", {"bits": 12}, 4096),
        ("complex64", {"bits": 32, "sample_format": COMPLEX_INT}, 40000),
        ("complex64", {"bits": 32, "sample_format": COMPLEX_INT}, 1.5j),
        ("complex64", {"bits": 32, "sample_format": COMPLEX_INT}, complex("nan")),
        ("float32", {"max_z_error": 0.1}, np.inf),
    ],
)
def test_a_sample_that_cannot_be_stored_is_an_error(dtype, others, value):
    codec = "LERC" if "max_z_error" in others else "DEFLATE"
    tile = np.zeros((ROWS, COLS), dtype)
    tile[3, 4] = value
    with pytest.raises(tinycog.UsageError, match=r"a (complex )?sample"):
        encoder(codec, dtype, **others).encode(tile)


# --- what is chosen ------------------------------------------------------------------------------


def test_the_predictor_is_the_one_that_is_smaller():
    flat = smooth(3).transpose(1, 2, 0)[:ROWS, :COLS]
    random = noise("uint8", 3).transpose(1, 2, 0)[:ROWS, :COLS]
    made = encoder("DEFLATE", samples=3).format
    assert choose_predictor(made, [flat]).predictor == Predictor.HORIZONTAL
    assert choose_predictor(made, [random]).predictor == Predictor.NONE
    ramp = np.add.outer(np.arange(ROWS), np.arange(COLS) * 1.1).astype(np.float32)
    floats = encoder("ZSTD", "float32").format
    assert choose_predictor(floats, [ramp]).predictor == Predictor.FLOATING_POINT


@pytest.mark.parametrize(("codec", "others"), [("PACKBITS", {}), ("LZW", {"bits": 4})])
def test_where_there_is_no_predictor_none_is_chosen(codec, others):
    made = encoder(codec, **others).format
    tile = np.zeros((ROWS, COLS), np.uint8)
    assert choose_predictor(made, [tile]).predictor == Predictor.NONE


def test_the_level_is_low_where_higher_ones_are_no_smaller():
    random = noise("uint8", 1)[0, :ROWS, :COLS]
    made = encoder("DEFLATE").format
    assert choose_level(made, [random]).options.level == 1
    words = np.random.default_rng(1).integers(0, 6, (300, 400)).cumsum(axis=1).astype(np.uint8)
    large = encoder("DEFLATE", rows=300, cols=400).format
    chosen = choose_level(large, [words])
    lengths = {
        level: len(encoder("DEFLATE", rows=300, cols=400, level=level).encode(words))
        for level in range(1, 8)
    }
    assert lengths[chosen.options.level or 0] <= 1.008 * min(lengths.values())
    assert choose_level(encoder("LZW").format, [random]) == encoder("LZW").format


def test_the_fast_profile_takes_isa_l_where_it_is():
    random = noise("uint8", 1)[0, :ROWS, :COLS]
    chosen = choose_fast(encoder("DEFLATE").format, [random]).options
    assert (chosen.library, chosen.level) == (("isa-l", 1) if has_isal() else (None, 1))


async def test_isa_l_gives_zlib_streams_or_says_how_to_get_it():
    if not has_isal():
        with pytest.raises(tinycog.UnsupportedError, match="lacks ISA-L: install a newer one"):
            encoder("DEFLATE", library="isa-l")
        return
    pixels = noise("uint16", 3)
    for level in range(4):
        file = file_of(encoder("DEFLATE", "uint16", 3, library="isa-l", level=level), pixels)
        assert_same(await read(file), pixels)
        assert_same(read_by_gdal(file), pixels)
