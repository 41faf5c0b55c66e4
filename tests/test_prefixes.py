"""Points fetch of a tile the bytes that hold their rows, and are what the whole tile gives."""

from __future__ import annotations

import lzma
import sys
from typing import Any

import imagecodecs
import numpy as np
import pytest
from conftest import fixture_path

import tinycog
from tinycog import CorruptTileError
from tinycog.decode import prefix
from tinycog.decode.probes import has_sound_lzw
from tinycog.fetch.coalesce import Rates
from tinycog.reader import prefixes
from tinycog.reader.tile_parts import TilePart
from tinycog.testing import RangeServer, images, make_image, make_tiff
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import Compression
from tinycog.tiff.tile_index import TileLocation
from tinycog.window import Tile

RNG = np.random.default_rng(11)
SIDE = 512
NOISE = RNG.integers(0, 50, (1, SIDE, SIDE))
PIXELS = (NOISE + np.arange(SIDE)[:, None] * 100).astype(np.uint16)
COMPRESSIONS = [
    Compression.NONE,
    Compression.PACKBITS,
    Compression.DEFLATE,
    Compression.LZMA,
    pytest.param(
        Compression.LZW,
        marks=pytest.mark.skipif(not has_sound_lzw(), reason="needs imagecodecs 2026.10"),
    ),
    pytest.param(
        Compression.ZSTD,
        marks=pytest.mark.skipif(sys.version_info < (3, 14), reason="needs Python 3.14"),
    ),
]
PREDICTED = (Compression.LZW, Compression.DEFLATE, Compression.ZSTD, Compression.LZMA)


ENCODERS = {
    Compression.PACKBITS: imagecodecs.packbits_encode,
    Compression.LZW: imagecodecs.lzw_encode,
    Compression.LZMA: lzma.compress,
    Compression.ZSTD: imagecodecs.zstd_encode,
}


@pytest.fixture(autouse=True)
def more_codecs(monkeypatch):
    """`make_image` compresses by Deflate; here it knows other codecs, too."""
    for code, encode in ENCODERS.items():
        monkeypatch.setitem(images._COMPRESS, code, encode)


def one_tile(
    pixels: Any,
    compression: int = Compression.DEFLATE,
    byte_order: Any = "<",
    **options: Any,
) -> bytes:
    """A file whose only image is one tile."""
    options |= {"tile": pixels.shape[1:], "compression": compression, "byte_order": byte_order}
    return make_tiff([make_image(pixels, **options)], byte_order=byte_order)


async def tile_bytes(data):
    """The encoded bytes of the first tile."""
    found = await tinycog.open(data).read_tile_bytes(0, 0, 0)
    assert found is not None
    return found


async def points_over_http(data, places, *, whole_tiles=False, **options):
    """Values at (col, row), and the ranges that were requested beyond the header."""
    async with RangeServer({"a.tif": data}) as server:
        cog = await tinycog.open(server.url("a.tif"), head_bytes=512, **options)
        before = len(server.log)
        try:
            values = await cog.points(
                [(x + 0.5, y + 0.5) for x, y in places], whole_tiles=whole_tiles
            )
        finally:
            asked = [(line.start, line.stop) for line in server.log[before:]]
            await cog.aclose()
    return values, asked


async def is_whole(data, asked):
    """Whether one request reached to the end of the only tile; the head may hold its start."""
    tile = await tile_bytes(data)
    start = data.index(tile)
    ((first, last),) = asked
    return first <= max(start, 512) and last == start + len(tile)


def length(asked):
    """Bytes of all ranges."""
    return sum(stop - start for start, stop in asked)


# --- what is fetched -----------------------------------------------------------------------------


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("predictor", [1, 2, 3])
@pytest.mark.parametrize("byte_order", ["<", ">"])
async def test_rows_come_from_the_first_bytes(compression, predictor, byte_order):
    if predictor > 1 and compression not in PREDICTED:
        pytest.skip("libtiff applies no predictor with this codec")
    pixels = PIXELS.astype(np.float32) if predictor == 3 else PIXELS
    data = one_tile(pixels, compression, predictor=predictor, byte_order=byte_order)
    values, asked = await points_over_http(data, [(3, 100), (511, 130)])
    np.testing.assert_array_equal(values.data[:, 0], pixels[0, [100, 130], [3, 511]])
    assert values.mask.all()
    assert len(asked) == 1
    assert length(asked) < 0.5 * len(await tile_bytes(data))


async def test_uncompressed_rows_are_fetched_alone():
    values, asked = await points_over_http(one_tile(PIXELS, Compression.NONE), [(7, 300)])
    assert values.data[0, 0] == PIXELS[0, 300, 7]
    assert length(asked) == SIDE * 2


async def test_rows_at_the_end_need_the_whole_tile():
    data = one_tile(PIXELS)
    _, asked = await points_over_http(data, [(7, 500)])
    assert await is_whole(data, asked)


async def test_what_lies_below_the_image_has_no_share():
    pixels = np.concatenate([PIXELS, PIXELS[:, :128]], axis=1)  # a quarter of the second tile
    data = make_tiff([make_image(pixels, tile=(SIDE, SIDE), compression=8)])
    values, asked = await points_over_http(data, [(5, SIDE + 60)])
    assert values.data[0, 0] == pixels[0, SIDE + 60, 5]
    assert len(asked) == 1


async def test_a_cache_gets_whole_tiles():
    data = one_tile(PIXELS)
    _, asked = await points_over_http(data, [(3, 10)], cache=tinycog.MemoryCache(1 << 20))
    assert await is_whole(data, asked)


async def test_whole_tiles_are_the_default():
    data = one_tile(PIXELS)
    async with RangeServer({"a.tif": data}) as server:
        cog = await tinycog.open(server.url("a.tif"), head_bytes=512)
        await cog.points([(3.5, 10.5)])
        assert await is_whole(data, [(line.start, line.stop) for line in server.log[1:]])
        await cog.aclose()


# --- where the first bytes do not suffice --------------------------------------------------------


async def test_what_lacks_is_requested_and_no_byte_twice():
    uneven = np.zeros((1, SIDE, SIDE), np.uint16)
    uneven[:, :128] = RNG.integers(0, 1 << 16, (128, SIDE))  # all bytes are in the first quarter
    data = one_tile(uneven)
    values, asked = await points_over_http(data, [(3, 120)])
    assert values.data[0, 0] == uneven[0, 120, 3]
    (start, middle), (behind, stop) = asked
    assert middle == behind
    assert await is_whole(data, [(start, stop)])


async def test_several_tiles_of_which_one_is_short():
    pixels = np.zeros((1, 2 * SIDE, 3 * SIDE), np.uint16)
    pixels[:, :, SIDE : 2 * SIDE] = np.concatenate([PIXELS, PIXELS], axis=1)
    pixels[:, :128, 2 * SIDE :] = RNG.integers(0, 1 << 16, (128, SIDE))
    data = make_tiff([make_image(pixels, tile=(SIDE, SIDE), compression=8)])
    places = [(5, 3), (SIDE + 5, 200), (2 * SIDE + 9, 110), (SIDE + 8, SIDE + 30)]
    values, _ = await points_over_http(data, places)
    assert values.data[:, 0].tolist() == [pixels[0, y, x] for x, y in places]


@pytest.mark.parametrize("whole_tiles", [True, False])
async def test_a_stream_that_does_not_decode_fails_as_a_whole(whole_tiles):
    data = bytearray(one_tile(PIXELS))
    at = bytes(data).index(await tile_bytes(bytes(data)))
    data[at + 2] = 0x07  # a type of block that there is not
    with pytest.raises(CorruptTileError) as whole:
        await tinycog.open(bytes(data)).read_tile(0, 0, 0)
    with pytest.raises(CorruptTileError) as found:
        await points_over_http(bytes(data), [(3, 200)], whole_tiles=whole_tiles)
    assert str(found.value)[:60] == str(whole.value)[:60]


async def test_only_the_whole_tile_tells_that_it_was_damaged():
    data = bytearray(one_tile(PIXELS))
    at = bytes(data).index(await tile_bytes(bytes(data)))
    data[at + 2000 : at + 2100] = b"\xff" * 100  # decodes, to other pixels
    with pytest.raises(CorruptTileError):
        await points_over_http(bytes(data), [(3, 200)], whole_tiles=True)
    await points_over_http(bytes(data), [(3, 200)])


# --- parts of it ---------------------------------------------------------------------------------


@pytest.mark.skipif(not has_sound_lzw(), reason="needs imagecodecs 2026.10")
def test_lzw_makes_up_no_byte_at_the_end_of_a_prefix():
    raw = PIXELS.tobytes()
    encoded = imagecodecs.lzw_encode(raw)
    for stop in (*range(2, 2000), *RNG.integers(2000, len(encoded), 500)):
        found = bytes(imagecodecs.lzw_decode(encoded[:stop], out=len(raw)))
        assert raw.startswith(found)


@pytest.mark.parametrize("stop", [1, 100, 5000, 50_000])
async def test_a_prefix_gives_the_rows_or_nothing(stop):
    name = fixture_path("cog-deflate-u16-p2")
    cog = await tinycog.open(name)
    image = await cog._file.image(0)
    stored = memoryview(await cog.read_tile_bytes(0, 0, 0) or b"")
    expected = (await cog.read_tile(0, 0, 0)).data
    out = np.zeros((1, 5, expected.shape[2]), expected.dtype)
    rows = slice(2, 7)
    cols = slice(0, expected.shape[2])
    got = prefix.decode_prefix(image, 0, 0, stored[:stop], (slice(None), rows, cols), out)
    assert got == (out == expected[:, 2:7]).all()
    assert got or not out.any()


@pytest.mark.parametrize(("row", "is_cut"), [(100, True), (480, False)])
async def test_the_margin_grows_with_the_price_of_a_request(row, is_cut):
    cog = await tinycog.open(one_tile(PIXELS))
    image = await cog._file.image(0)
    place = TileLocation(ByteRange(1000, 301_000))
    out = np.empty((1, 1, SIDE), np.uint16)
    rows, cols = slice(row, row + 1), slice(0, SIDE)
    part = TilePart(image, Tile(0, 0, 0), 0, slice(None), rows, cols, out, cut="prefix")
    lengths = []
    for rates in (Rates(0.0005, 100e6), Rates(0.02, 20e6)):
        (found,) = prefixes.shortened([part], [place], rates, lambda _: True)
        assert isinstance(found, TileLocation)
        lengths.append(found.range.length)
        assert (found.whole == place.range) == is_cut
    near, far = lengths
    assert (near < far < 300_000) == is_cut


async def test_tiles_side_by_side_stay_one_request():
    pixels = np.concatenate([PIXELS, PIXELS, PIXELS], axis=2)
    data = make_tiff([make_image(pixels, tile=(SIDE, SIDE), compression=8)])
    places = [(5, 30), (SIDE + 5, 30), (2 * SIDE + 5, 30)]
    values, asked = await points_over_http(data, places)
    assert values.data[:, 0].tolist() == [pixels[0, y, x] for x, y in places]
    assert len(asked) == 1
    whole = [len(await tinycog.open(data).read_tile_bytes(0, x, 0) or b"") for x in range(3)]
    assert sum(whole[:2]) < length(asked) < sum(whole) - 0.7 * whole[2]
