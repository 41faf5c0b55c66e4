"""Tiles decoded without a handle: ranges and facts as JSON, any way to the bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinycog
from tinycog.testing import Field, Layout, make_image, make_tiff

FILES = Path(__file__).parent.parent / "fixtures" / "files"
NAMES = [
    *("cog-mask-rgb", "cog-deflate-u8", "cog-jpeg-ycbcr-mask", "cog-sparse-nodata"),
    *("tiled-planar-u16-p2", "cog-webp-rgba", "cog-lerc-f32", "tiled-lzw-p2-u8"),
]


@pytest.mark.parametrize("name", [name for name in NAMES if (FILES / f"{name}.tif").exists()])
async def test_bytes_at_the_ranges_decode_to_the_tiles(name: str):
    path = FILES / f"{name}.tif"
    data = path.read_bytes()
    cog = await tinycog.open(path)
    for level in cog.levels:
        facts = json.loads(json.dumps(await cog.tile_facts(level.z), allow_nan=False))
        for place in await cog.tile_ranges(level.z):
            tile = await cog.read_tile(level.z, place.x, place.y, padded=True)
            stored = await cog.read_tile_bytes(level.z, place.x, place.y, plane=place.plane)
            assert place.is_sparse == (stored is None)
            if stored is None:
                continue
            assert data[place.offset : place.offset + place.length] == stored
            found = tinycog.decode_tile(stored, facts, x=place.x, y=place.y)
            bands = [place.plane] if facts["planes"] > 1 else slice(None)
            np.testing.assert_array_equal(found, tile.data[bands])


async def test_strips_end_with_the_image():
    pixels = np.arange(10 * 7, dtype=np.uint8).reshape(1, 10, 7)
    cog = await tinycog.open(make_tiff([make_image(pixels, rows_per_strip=4)]))
    facts = await cog.tile_facts()
    rows = [
        tinycog.decode_tile(stored, facts, y=y)
        for y in range(3)
        if (stored := await cog.read_tile_bytes(0, 0, y)) is not None
    ]
    np.testing.assert_array_equal(np.concatenate(rows, axis=1), pixels)


async def test_a_byte_count_of_0_is_what_the_leader_tells():
    """As GDAL's COGs may have them: the tiles are stored, and `read` returns them."""
    pixels = np.arange(32 * 32, dtype=np.uint8).reshape(1, 32, 32)
    image = make_image(pixels, tile=(16, 16), compression=8)
    silent = image.having(Field(325, "LONG", [0] * 4))
    data = make_tiff([silent], layout=Layout(ghost=True))
    cog = await tinycog.open(data)
    np.testing.assert_array_equal((await cog.read()).data, pixels)
    for place, tile in zip(await cog.tile_ranges(), image.tiles, strict=True):
        assert data[place.offset : place.offset + place.length] == tile
        assert await cog.read_tile_bytes(0, place.x, place.y) == tile


async def test_ranges_of_a_window_cost_the_index_alone():
    cog = await tinycog.open(FILES / "cog-mask-rgb.tif")
    before = len(cog.requests)
    everything = await cog.tile_ranges(0)
    part = await cog.tile_ranges(0, window=(0, 0, 10, 10))
    assert part == everything[:1]
    assert len(cog.requests) == before


async def test_wrong_arguments_are_refused():
    cog = await tinycog.open(FILES / "cog-deflate-u8.tif")
    facts = await cog.tile_facts()
    stored = await cog.read_tile_bytes(0, 0, 0)
    assert stored is not None
    with pytest.raises(tinycog.TileIndexError, match="does not exist"):
        tinycog.decode_tile(stored, facts, x=1000)
    with pytest.raises(tinycog.CorruptTileError):
        tinycog.decode_tile(b"\xff" * 20, facts)
    with pytest.raises(tinycog.LimitError):
        tinycog.decode_tile(stored, facts, limits=tinycog.Limits(tile_bytes=10))
    for wrong in ({}, None, [], {**facts, "version": 2}, {**facts, "options": 3}):
        with pytest.raises(tinycog.UsageError, match="facts"):
            tinycog.decode_tile(stored, wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(tinycog.UsageError, match="reaches over the edge"):
        await cog.tile_ranges(0, window=(-1, 0, 5, 5))
    limited = tinycog.open(FILES / "cog-deflate-u8.tif", limits=tinycog.Limits(tiles=1))
    with pytest.raises(tinycog.LimitError):
        await limited.tile_ranges(0)


async def test_facts_of_an_image_that_lacks_tags_with_defaults_are_facts():
    pixels = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    bits = Field(258, "SHORT", [8])  # one value for all samples
    cog = await tinycog.open(make_tiff([make_image(pixels).having(bits).without(339)]))
    data = await cog.read_tile_bytes(0, 0, 0)
    assert data is not None
    np.testing.assert_array_equal(tinycog.decode_tile(data, await cog.tile_facts()), pixels)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tile_width": 0},
        {"height": "x"},
        {"planes": 1 << 70},
        {"bits_per_sample": []},
        {"sample_formats": ["x"]},
        {"compression": []},
    ],
)
async def test_facts_whose_sizes_are_none_are_refused(wrong):
    cog = await tinycog.open(make_tiff([make_image(np.zeros((1, 4, 4), np.uint8))]))
    facts: Any = await cog.tile_facts()
    with pytest.raises(tinycog.UsageError, match="no facts of a level"):
        tinycog.decode_tile(b"", facts | wrong)
