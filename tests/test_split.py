"""However the bytes come, and whatever they are: one result, right or a `TinycogError`.

The important properties of a reader that pulls its bytes: where the file is split into answers
makes no difference, and no byte of it can do more than spoil pixels or raise one of our errors.
`pytest tests/test_split.py --hypothesis-profile=search` looks further.
"""

from __future__ import annotations

import asyncio
from functools import cache
from random import Random

import numpy as np
import pytest
from conftest import LIMITS, Feed, fixture_path, read_tiff
from hypothesis import given
from hypothesis import strategies as st

import tinycog
from tinycog.errors import TinycogError
from tinycog.fetch import coalesce
from tinycog.limits import Limits
from tinycog.reader import read_header
from tinycog.reader.page_bytes import HEAD_BYTES
from tinycog.testing import Layout, flaws, make_pyramid, make_tiff
from tinycog.tiff import tile_index
from tinycog.tiff.ghost import parse_ghost
from tinycog.tiff.parse import parse_tiff
from tinycog.tiff.pyramid import parse_pyramid
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.tile_index import locate

NAMES = [
    "cog-deflate-u8",
    "cog-edited-tags",
    "cog-sparse-mask",
    "strip-be-planar-u16-p2",
    "strip-pages",
    "tifffile-be-bigtiff-subifds",
    "tifffile-subifds",
    "tiled-be-bigtiff",
    "tiled-overviews-after",
]
each_file = pytest.mark.parametrize("name", NAMES)


@cache
def file(name: str) -> bytes:
    return fixture_path(name).read_bytes()


# --- any split of the bytes ----------------------------------------------------------------------


class Careless(Feed):
    """Gives what is asked, and more: before it, behind it, in pieces, in any order.

    Some bytes are there before anybody asks, and the size of the file may become known only when
    its end comes.
    """

    def __init__(self, data: bytes, random: Random) -> None:
        super().__init__(data)
        self.random = random
        self.most = random.choice([0, 1, 10, 100, 1000, 20_000])
        self.tells_size = random.random() < 0.5
        for _ in range(random.randrange(4)):
            start = random.randrange(len(data))
            self.deliver(ByteRange(start, start + random.randrange(1000)))

    def answer(self, ranges: list[ByteRange]) -> None:
        pieces = [piece for part in ranges for piece in self.pieces(part)]
        self.random.shuffle(pieces)
        for piece in pieces:
            self.deliver(piece)

    def pieces(self, part: ByteRange) -> list[ByteRange]:
        start = max(part.start - self.random.randint(0, self.most), 0)
        stop = part.stop + self.random.randint(0, self.most)
        middle = self.random.randint(start, stop)
        return [ByteRange(start, middle), ByteRange(middle, stop)]

    def deliver(self, part: ByteRange) -> None:
        if self.tells_size or part.stop > len(self.data):
            self.buffer.size = len(self.data)
        self.put(part)


def parsed(feed: Feed, steps: int | None = None) -> tuple[object, ...]:
    """All that parsers find in a file, its chain walked in strides of so many IFDs."""
    tiff = feed.run(parse_tiff(feed.buffer, LIMITS, ifds=steps))
    while not tiff.complete:
        known = len(tiff.ifds) + (steps or 1)
        tiff = feed.run(parse_tiff(feed.buffer, LIMITS, known=tiff, ifds=known))
    ghost = feed.run(parse_ghost(feed.buffer, tiff.header))
    pyramid = feed.run(parse_pyramid(feed.buffer, tiff, LIMITS))
    places = [
        feed.run(locate(feed.buffer, level, range(level.grid.count), LIMITS))
        for level in pyramid.levels
    ]
    return tiff, ghost, pyramid, places


@each_file
@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_what_is_found_in_a_file_does_not_depend_on_how_its_bytes_come(name, random, steps):
    whole = Feed(file(name))
    whole.deliver(ByteRange(0, len(whole.data)))
    assert parsed(Careless(file(name), random), steps) == parsed(whole)


FLAWED = {
    "loop": flaws.ifd_loop,
    "link": flaws.link_beyond_end,
    "empty": flaws.no_entries,
    "unsorted": flaws.unsorted_tags,
    "value": flaws.value_beyond_end,
    "count": flaws.huge_count,
}


@cache
def flawed(flaw: str, gap: int) -> bytes:
    chain = make_pyramid(np.zeros((1, 100, 100), np.uint8), tile=(16, 16))
    return make_tiff(FLAWED[flaw](chain), layout=Layout(gap=gap))


@pytest.mark.parametrize("flaw", FLAWED)
@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_nor_do_the_findings(flaw, random, steps):
    data = flawed(flaw, random.choice([0, 500]))
    whole = Feed(data)
    whole.deliver(ByteRange(0, len(data)))
    assert parsed(Careless(data, random), steps) == parsed(whole)


async def all_pixels(data: bytes, head_bytes: int = HEAD_BYTES) -> list[np.ndarray]:
    cog = await tinycog.open(data, head_bytes=head_bytes)
    tiles = [
        (level.z, x, y)
        for level in cog.levels
        for y in range(level.grid[0])
        for x in range(level.grid[1])
    ]
    return [raster.data for raster in await cog.read_tiles(tiles)]


@cache
def expected_pixels(name: str) -> list[np.ndarray]:
    return asyncio.run(all_pixels(file(name)))


sizes = st.sampled_from([1, 7, 50, 300, 2000, 10_000, 100_000])


@each_file
@given(st.fixed_dictionaries(dict.fromkeys(("head", "page", "values", "index", "gap"), sizes)))
def test_pixels_do_not_depend_on_how_much_is_read_at_once(name, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_header, "ISOLATED_IFD_BYTES", size["page"])
        patch.setattr(read_header, "MAX_IFD_BYTES", size["page"])
        patch.setattr(read_header, "VALUE_PAGE_BYTES", size["values"])
        patch.setattr(tile_index, "PAGE_BYTES", max(size["index"], 8))
        patch.setattr(coalesce, "MAX_GAP_BYTES", size["gap"])
        patch.setattr(coalesce, "HEADER_GAP_BYTES", size["gap"])
        patch.setattr(coalesce, "MAX_WASTE", size["gap"])
        patch.setattr(coalesce, "REQUEST_BYTES", size["index"])
        actual = asyncio.run(all_pixels(file(name), head_bytes=size["head"]))
    for tile, expected in zip(actual, expected_pixels(name), strict=True):
        np.testing.assert_array_equal(tile, expected)


# --- any bytes -----------------------------------------------------------------------------------

GUARDS = Limits(tile_bytes=1 << 22, value_bytes=1 << 20)
Outcome = tuple[tuple[int, ...], str, bytes] | tuple[str, str]
"""Shape, dtype and pixels of a tile; or name and message of an error."""


def named(error: TinycogError) -> Outcome:
    return (type(error).__name__, str(error))


async def outcomes_of(data: bytes) -> list[Outcome]:
    """What a user gets who opens a file and reads the first tile of each of its levels."""
    cog = tinycog.open(data, limits=GUARDS)
    try:
        levels = (await cog).levels
    except TinycogError as error:
        return [named(error)]
    return [await outcome_of(cog, level) for level in levels]


async def outcome_of(cog: tinycog.Cog, level: tinycog.Level) -> Outcome:
    try:
        raster = await cog.read_tile(level.z, 0, 0)
    except TinycogError as error:
        return named(error)
    bands, rows, cols = level.shape
    assert raster.shape == (bands, *np.minimum((rows, cols), level.tile_shape))
    assert raster.dtype == level.dtype
    return (raster.shape, raster.dtype.str, raster.data.tobytes())


@cache
def places(name: str) -> list[int]:
    """Positions in a file that say what it is: its first 1000 bytes, its IFDs, their values."""
    tiff = read_tiff(file(name))
    variant = tiff.header.variant
    found = set(range(1000))
    for ifd in tiff.ifds:
        entries = variant.count_length + len(ifd.entries) * variant.entry_length
        found |= set(range(ifd.offset, ifd.offset + entries + variant.offset_length))
        found.update(*(range(*entry.range)[:100] for entry in ifd.entries.values()))
    return sorted(place for place in found if place < len(file(name)))


@st.composite
def mutations(draw: st.DrawFn, name: str, most: int) -> bytes:
    """The file with up to so many bytes changed where it matters."""
    data = bytearray(file(name))
    for place in draw(st.lists(st.sampled_from(places(name)), min_size=1, max_size=most)):
        data[place] = draw(st.integers(0, 255))
    return bytes(data)


changed = st.sampled_from(NAMES).flatmap(lambda name: mutations(name, 3))
cut = st.sampled_from(NAMES).flatmap(
    lambda name: st.integers(0, len(file(name)) - 1).map(lambda length: file(name)[:length])
)


@each_file
@given(st.data())
def test_a_changed_byte_gives_pixels_or_our_error(name, data):
    outcomes = asyncio.run(outcomes_of(data.draw(mutations(name, 1))))
    assert outcomes


@given(changed)
def test_several_changed_bytes_give_pixels_or_our_error(data):
    assert asyncio.run(outcomes_of(data))


@given(cut)
def test_a_file_that_ends_anywhere_gives_pixels_or_our_error(data):
    assert asyncio.run(outcomes_of(data))


@given(st.binary(max_size=200), st.sampled_from([b"", *(file(name)[:16] for name in NAMES)]))
def test_any_bytes_give_our_error(data, head):
    (outcome,) = asyncio.run(outcomes_of(head + data))
    assert outcome[0] in tinycog.__all__
    assert str(outcome[1]).splitlines() == [outcome[1]]


def without_messages(outcomes: list[Outcome]) -> list[object]:
    """Which of two wrong places an error names may depend on which came first; pixels may not."""
    return [outcome[0] if len(outcome) == 2 else outcome for outcome in outcomes]


@given(changed | cut, sizes)
def test_a_broken_file_gives_the_same_however_much_is_read_at_once(data, size):
    expected = without_messages(asyncio.run(outcomes_of(data)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_header, "ISOLATED_IFD_BYTES", size)
        patch.setattr(read_header, "VALUE_PAGE_BYTES", size)
        assert without_messages(asyncio.run(outcomes_of(data))) == expected
