"""Byte counts that need not be read: tiles between leaders and trailers, and what if these lie.

The files are so that TileByteCounts does not come with the head.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import replace

import numpy as np
import pytest
from conftest import fixture_path
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tinycog
from tinycog.testing import Directory, Field, HugeTiff, Layout, RangeServer, make_image, make_tiff
from tinycog.tiff import tile_index
from tinycog.tiff.spec import Tag

TILE = 16
SIDE = 32
"""Tiles in a row, and in a column."""
HEAD = 1024
"""Bytes of the first request: the IFD, and nothing of the byte counts."""
PIXELS = np.random.default_rng(7).integers(0, 90, (1, SIDE * TILE, SIDE * TILE), np.uint8)


def close(image: Directory) -> Directory:
    """The same with tiles of even lengths: `make_tiff` puts no byte between them."""
    tiles = [tile + bytes(len(tile) % 2) for tile in image.tiles]
    counts = Field(Tag.TileByteCounts, "LONG", [len(tile) for tile in tiles])
    return replace(image, tiles=tiles).having(counts)


LOOSE = make_image(PIXELS, tile=(TILE, TILE), compression=8)
IMAGE = close(LOOSE)
DATA = make_tiff([IMAGE], layout=Layout(ghost=True))
LEADERS = "gdal.ghost.leaders"


def position(data: bytes, i: int) -> int:
    """Where tile `i` lies: no two tiles are alike."""
    return data.index(IMAGE.tiles[i])


def patched(data: bytes, *changes: tuple[int, bytes]) -> bytes:
    out = bytearray(data)
    for at, new in changes:
        out[at : at + len(new)] = new
    return bytes(out)


def lying_leader(i: int) -> bytes:
    length = len(IMAGE.tiles[i]) - 3
    return patched(DATA, (position(DATA, i) - 4, struct.pack("<I", length)))


def lying_trailer(i: int) -> bytes:
    return patched(DATA, (position(DATA, i) + len(IMAGE.tiles[i]), b"lies"))


def handle(data: bytes, head_bytes: int = HEAD) -> tinycog.Cog:
    return tinycog.open(data, head_bytes=head_bytes)


def columns(cog: tinycog.Cog) -> tuple[tuple[int, int], tuple[int, int]]:
    """The bytes of TileOffsets, and of TileByteCounts."""
    image = cog.levels[0].image
    assert image.offsets is not None
    assert image.byte_counts is not None
    return image.offsets.range, image.byte_counts.range


def pixels(i: int) -> np.ndarray:
    y, x = divmod(i, SIDE)
    return PIXELS[:, y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE]


async def assert_reads(cog: tinycog.Cog, i: int) -> None:
    y, x = divmod(i, SIDE)
    np.testing.assert_array_equal((await cog.read_tile(0, x, y)).data, pixels(i))


async def asked_for_counts(cog: tinycog.Cog) -> bool:
    """Whether any request overlaps TileByteCounts."""
    sent = cog.requests
    start, stop = columns(await cog)[1]
    return any(request.start < stop and start < request.stop for request in sent)


# --- promises that hold --------------------------------------------------------------------------


async def test_where_the_ghost_area_promises_leaders_byte_counts_are_not_read():
    cog = handle(DATA)
    await assert_reads(cog, 40)
    assert not await asked_for_counts(cog)
    assert cog.findings == ()


async def test_a_cold_tile_of_a_large_cog_costs_head_offsets_and_tile():
    count = 100 * 100
    image = make_image(
        np.random.default_rng(1).integers(0, 255, (1, 100 * TILE, 100 * TILE), np.uint8),
        tile=(TILE, TILE),
        compression=8,
        sparse=set(range(count)) - {9050, 9051},
    )
    image = close(image)
    data = make_tiff([image], layout=Layout(ghost=True))
    async with RangeServer({"a.tif": data}) as server:
        cog = tinycog.open(server.url("a.tif"))

        await cog.read_tile(0, 50, 90)

        head, offsets, tile = [(line.start or 0, line.stop or 0) for line in server.log]
        assert head == (0, 32 * 1024)
        assert offsets[1] - offsets[0] <= tile_index.PAGE_BYTES
        assert tile[1] - tile[0] == 4 + len(image.tiles[9050]) + 4


async def test_a_large_tiff_without_ghost_area_costs_its_byte_counts_too():
    huge = HugeTiff(256 * 100, 256 * 100)
    async with RangeServer({"a.tif": huge}) as server:
        await tinycog.open(server.url("a.tif")).read_tile(0, 50, 50)
        assert len(server.log) == 4


async def test_neighbours_that_are_read_by_their_leaders_share_a_request():
    cog = handle(DATA)
    await cog.read_tile(0, 0, 0)
    sent = len(cog.requests)
    tiles = await cog.read_tiles([(0, x, 1) for x in range(8)])
    for x, tile in enumerate(tiles):
        np.testing.assert_array_equal(tile.data, pixels(SIDE + x))
    assert len(cog.requests) == sent + 1


async def test_the_last_tile_is_read_by_its_byte_count():
    cog = handle(DATA)
    await assert_reads(cog, SIDE * SIDE - 1)
    assert await asked_for_counts(cog)
    assert cog.findings == ()


async def test_a_tile_before_one_that_is_not_stored_is_read_by_its_byte_count():
    sparse = close(make_image(PIXELS, tile=(TILE, TILE), compression=8, sparse=[41]))
    cog = handle(make_tiff([sparse], layout=Layout(ghost=True)))
    await assert_reads(cog, 40)
    assert not (await cog.read_tile(0, 9, 1)).data.any()
    assert await asked_for_counts(cog)
    assert cog.findings == ()


async def test_encoded_bytes_are_those_of_the_byte_count():
    cog = handle(DATA)
    assert await cog.read_tile_bytes(0, 8, 1) == IMAGE.tiles[40]
    assert await asked_for_counts(cog)


async def test_bytes_between_two_tiles_are_no_lie():
    """They are filler: leader and trailer are as they were promised."""
    cog = handle(make_tiff([LOOSE], layout=Layout(ghost=True)))
    odd = next(i for i, tile in enumerate(LOOSE.tiles) if len(tile) % 2)
    await assert_reads(cog, odd)
    assert cog.findings == ()
    assert not await asked_for_counts(cog)


# --- promises that do not hold -------------------------------------------------------------------


@pytest.mark.parametrize("lie", [lying_leader, lying_trailer])
async def test_where_the_ghost_area_lies_byte_counts_are_read_and_it_is_told(lie):
    cog = handle(lie(40))

    await assert_reads(cog, 40)

    assert [finding.rule for finding in cog.findings] == [LEADERS]
    assert "byte counts are read instead" in cog.findings[0].message


@pytest.mark.parametrize("lie", [lying_leader, lying_trailer])
async def test_after_one_lie_nothing_is_believed_any_more(lie):
    cog = handle(lie(40))
    await assert_reads(cog, 40)
    await assert_reads(cog, 40)
    for i in (3, 41, 999):
        await assert_reads(cog, i)
    np.testing.assert_array_equal((await cog.read()).data, PIXELS)
    assert [finding.rule for finding in cog.findings] == [LEADERS]


@pytest.mark.parametrize("lie", [lying_leader, lying_trailer])
async def test_a_lie_among_many_tiles_spoils_none_of_them(lie):
    cog = handle(lie(40))
    np.testing.assert_array_equal((await cog.read()).data, PIXELS)
    assert [finding.rule for finding in cog.findings] == [LEADERS]


async def test_a_lie_that_many_readers_meet_at_once_hurts_none_of_them():
    cog = handle(lying_leader(40))
    await asyncio.gather(*(assert_reads(cog, i) for i in range(36, 44)))
    assert {finding.rule for finding in cog.findings} == {LEADERS}


async def test_where_byte_counts_came_with_the_head_a_lie_is_not_even_met():
    cog = handle(lying_leader(40), head_bytes=32 * 1024)
    await assert_reads(cog, 40)
    assert cog.findings == ()


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4))
@example(struct.pack("<I", 0), bytes(4))
@example(struct.pack("<I", 0xFFFFFFFF), b"\xff\xff\xff\xff")
def test_whatever_stands_before_and_behind_a_tile_its_pixels_are_right(leader, trailer):
    at = position(DATA, 40)
    data = patched(DATA, (at - 4, leader), (at + len(IMAGE.tiles[40]), trailer))
    asyncio.run(assert_reads(handle(data), 40))


async def test_a_file_that_was_edited_is_read_by_byte_counts():
    at = DATA.index(b"KNOWN_INCOMPATIBLE_EDITION=NO\n ")
    edited = patched(lying_leader(40), (at, b"KNOWN_INCOMPATIBLE_EDITION=YES\n"))
    cog = handle(edited)
    await assert_reads(cog, 40)
    assert await asked_for_counts(cog)
    assert cog.findings == ()


@given(st.randoms(use_true_random=False))
@settings(max_examples=3)
def test_tiles_may_lie_in_any_order_whatever_the_ghost_area_says(random):
    """The index is mixed, and with it the picture."""

    async def check() -> None:
        plain = await tinycog.open(DATA)
        order = random.sample(range(SIDE * SIDE), SIDE * SIDE)
        data = DATA
        for start, stop in columns(plain):
            values = np.frombuffer(DATA[start:stop], "<u4")[order]
            data = patched(data, (start, values.tobytes()))
        found = await handle(data).read()
        rows = [np.concatenate([pixels(i) for i in row], axis=2) for row in _rows(order)]
        np.testing.assert_array_equal(found.data, np.concatenate(rows, axis=1))

    asyncio.run(check())


def _rows(order: list[int]) -> list[list[int]]:
    return [order[i : i + SIDE] for i in range(0, len(order), SIDE)]


async def test_tiles_that_share_their_bytes_are_read_by_byte_counts():
    plain = await tinycog.open(DATA)
    data = DATA
    for start, stop in columns(plain):
        values = np.frombuffer(DATA[start:stop], "<u4").copy()
        values[41] = values[40]
        data = patched(data, (start, values.tobytes()))
    cog = handle(data)
    both = await cog.read_tiles([(0, 8, 1), (0, 9, 1)])
    for tile in both:
        np.testing.assert_array_equal(tile.data, pixels(40))


async def test_offsets_beyond_the_end_are_an_error_and_no_hang():
    start, _ = columns(await tinycog.open(DATA))[0]
    far = struct.pack("<I", len(DATA) + 1000)
    cog = handle(patched(DATA, (start + 4 * 41, far)))
    await assert_reads(cog, 40)
    with pytest.raises(tinycog.FormatError, match=r"tile 41 lies at bytes .* but the file ends at"):
        await cog.read_tile(0, 9, 1)


async def test_without_byte_counts_leaders_tell_nothing_that_is_relied_on():
    cog = handle(make_tiff([IMAGE.without(Tag.TileByteCounts)], layout=Layout(ghost=True)))
    with pytest.raises(tinycog.CorruptTileError, match="has no byte count"):
        await cog.read_tile(0, 8, 1)


# --- pages and heads of any size -----------------------------------------------------------------

GHOSTED = [
    "cog-mask-rgb",
    "cog-sparse-mask",
    "cog-deflate-u16-p2",
    "cog-mixed-tiles",
    "cog-sparse",
    "cog-none-u8",
    "tiled-be-ghost",
    "tiled-planar-u16-p2",
]
FILES = {name: fixture_path(name).read_bytes() for name in GHOSTED}


async def levels_of(cog: tinycog.Cog) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    while True:
        try:
            found.append((await cog.read_level(len(found))).data)
        except tinycog.TileIndexError:
            return found


@pytest.fixture(scope="module")
def expected() -> dict[str, list[np.ndarray]]:
    return {
        name: asyncio.run(levels_of(tinycog.open(data, head_bytes=len(data))))
        for name, data in FILES.items()
    }


@given(st.sampled_from(GHOSTED), st.integers(8, 200), st.integers(1, 4000))
@example("cog-mask-rgb", 16, 1508)
@example("cog-sparse-mask", 16, 1472)
def test_pixels_do_not_depend_on_how_much_is_read_at_once(expected, name, page_bytes, head_bytes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tile_index, "PAGE_BYTES", page_bytes)
        cog = handle(FILES[name], head_bytes)
        found = asyncio.run(levels_of(cog))
    assert cog.findings == ()
    for level, wanted in zip(found, expected[name], strict=True):
        np.testing.assert_array_equal(level, wanted)


async def test_a_tile_whose_mask_lies_behind_it_is_read_by_its_leader(expected):
    data = FILES["cog-mask-rgb"]
    (offsets, _) = columns(await tinycog.open(data))
    cog = tinycog.open(data, head_bytes=offsets[0])

    tile = await cog.read_tile(0, 1, 1, masked=False)

    np.testing.assert_array_equal(tile.data, expected["cog-mask-rgb"][0][:, 128:256, 128:256])
    assert not await asked_for_counts(cog)
    assert cog.findings == ()
