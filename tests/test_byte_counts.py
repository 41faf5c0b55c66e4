"""Where the index is wrong, or a strip is the whole image, or tiles share their bytes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinycog
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.spec import Tag

ROWS, COLS = 12, 20
GRAY = np.random.default_rng(1).integers(1, 256, (1, ROWS, COLS), np.uint8)
RULE = "tiff.tile.no-counts"


def strips(counts: Sequence[int], rows_per_strip: int = 3, **options: Any) -> bytes:
    image = make_image(GRAY, rows_per_strip=rows_per_strip, **options)
    return make_tiff([image.having(Field(Tag.StripByteCounts, "LONG", list(counts)))])


@pytest.mark.parametrize(
    ("counts", "rows_per_strip", "findings"),
    [
        ([60] * 4, 3, 0),
        ([30] * 4, 3, 4),
        ([8, 68, 128, 188], 3, 1),
        ([0] * 4, 3, 4),
        ([60, 60], 3, 2),
        ([50], 12, 1),
        ([0], 12, 1),
    ],
)
async def test_uncompressed_strips_are_as_long_as_their_pixels(counts, rows_per_strip, findings):
    raster = await tinycog.open(strips(counts, rows_per_strip)).read()

    np.testing.assert_array_equal(raster.data, GRAY)
    assert [finding.rule for finding in raster.findings] == [RULE] * findings


async def test_compressed_strips_without_byte_counts_reach_to_the_next():
    lengths = [len(tile) for tile in make_image(GRAY, rows_per_strip=3, compression=8).tiles]
    raster = await tinycog.open(strips(lengths[:2], compression=8)).read()

    np.testing.assert_array_equal(raster.data, GRAY)
    assert [finding.rule for finding in raster.findings] == [RULE] * 2


async def test_a_leader_stands_for_a_byte_count_of_0():
    data = (Path(__file__).parent.parent / "fixtures" / "files" / "cog-deflate-u8.tif").read_bytes()
    whole = await tinycog.open(data).read()
    cog = await tinycog.open(data)
    entry = (await cog._file.image(0)).byte_counts  # where the array lies
    assert entry is not None
    start, length = entry.offset, entry.count * entry.field_type.length
    silent = await tinycog.open(data[:start] + bytes(length) + data[start + length :]).read()

    np.testing.assert_array_equal(silent.data, whole.data)
    assert silent.data.any()
    assert {finding.rule for finding in silent.findings} == {"gdal.ghost.leaders"}
    assert whole.findings == ()


# --- one strip ------------------------------------------------------------------------------------


class Hole:
    """A file of one huge strip of bytes of 0, but for a run of others; it takes no memory."""

    def __init__(self, width: int, height: int, at: int) -> None:
        image = make_image(np.zeros((1, 1, 16), np.uint8), rows_per_strip=1).having(
            Field(Tag.ImageWidth, "LONG", width),
            Field(Tag.ImageLength, "LONG", height),
            Field(Tag.RowsPerStrip, "LONG", height),
            Field(Tag.StripByteCounts, "LONG", width * height),
        )
        head = make_tiff([replace(image, tiles=[b"here"])])
        self.head = head[: head.rindex(b"here")]
        self.start = len(self.head) + at
        self.asked = 0
        self.size = len(self.head) + width * height

    async def __call__(self, start: int, stop: int) -> bytes:
        stop = min(stop, self.size)
        self.asked += stop - start
        found = bytearray(stop - start)
        for place, data in ((0, self.head), (self.start, bytes(range(1, 251)))):
            first, last = max(place, start), min(place + len(data), stop)
            if first < last:
                found[first - start : last - start] = data[first - place : last - place]
        return bytes(found)


async def test_rows_of_a_huge_strip_are_read_without_the_others():
    file = Hole(20_000, 15_000, 100 * 20_000)
    raster = await tinycog.open(file).read(window=(0, 100, 250, 2))

    assert raster.data[0, 0].tolist() == list(range(1, 251))
    assert not raster.data[0, 1].any()
    assert file.asked < 200_000


async def test_a_strip_larger_than_a_tile_may_be_is_read_in_parts():
    file = Hole(2_000, 10_000, 9_999 * 2_000)
    limits = tinycog.Limits(tile_bytes=9 << 20)
    raster = await tinycog.open(file, limits=limits).read()

    assert raster.shape == (1, 10_000, 2_000)
    assert raster.data[0, 9_999, :250].tolist() == list(range(1, 251))


async def test_the_limit_of_tiles_is_held_against_as_many_as_there_are():
    tall = np.random.default_rng(1).integers(0, 256, (1, 300, 2), np.uint8)
    file = make_tiff([make_image(tall, rows_per_strip=1)])
    limits = tinycog.Limits(tiles=300)

    np.testing.assert_array_equal((await tinycog.open(file, limits=limits).read()).data, tall)


# --- shared and empty -----------------------------------------------------------------------------


async def test_many_tiles_may_be_the_same_one():
    blank = zlib.compress(np.full((16, 16), 9, np.uint8).tobytes(), 0)
    across, n = 40, 1600
    image = make_image(np.zeros((1, 16, 16), np.uint8), tile=(16, 16), compression=8)
    side = [Field(tag, "LONG", 16 * across) for tag in (Tag.ImageWidth, Tag.ImageLength)]
    image = replace(image, tiles=[blank]).having(*side)
    counts = Field(Tag.TileByteCounts, "LONG", [len(blank)] * n)
    at = make_tiff([image.having(counts, Field(Tag.TileOffsets, "LONG", [0] * n))]).rindex(blank)
    file = make_tiff([image.having(counts, Field(Tag.TileOffsets, "LONG", [at] * n))])

    assert (await tinycog.open(file).read()).data.min() == 9


def empty(side: int, **options: Any) -> bytes:
    """A file of tiles that are not stored, but for none."""
    tile = 512
    image = make_image(np.zeros((1, tile, tile), np.uint8), tile=(tile, tile), **options)
    n = (side // tile) ** 2
    return make_tiff(
        [
            replace(image, tiles=[]).having(
                *(Field(tag, "LONG", side) for tag in (Tag.ImageWidth, Tag.ImageLength)),
                *(Field(tag, "LONG", [0] * n) for tag in (Tag.TileOffsets, Tag.TileByteCounts)),
            )
        ]
    )


async def test_tiles_that_are_not_stored_do_not_count_as_decoded():
    cog = tinycog.open(empty(16384), limits=tinycog.Limits(modest_bytes=1 << 20))
    assert not (await cog.read(window=(0, 0, 4096, 4096))).data.any()
    with pytest.raises(tinycog.LimitError, match="bytes of the pixels that are read"):
        await cog.preview(512)


async def test_a_preview_of_an_empty_image_is_read():
    assert (await tinycog.open(empty(14336)).preview(64)).shape == (1, 64, 64)


async def test_an_array_that_is_too_short_and_all_0_says_nothing():
    pixels = np.arange(70 * 90, dtype=np.uint16).reshape(1, 70, 90)
    image = make_image(pixels, tile=(32, 32), compression=8)
    data = make_tiff([image.having(Field(Tag.TileByteCounts, "LONG", 0))])
    np.testing.assert_array_equal((await tinycog.open(data).read()).data, pixels)
