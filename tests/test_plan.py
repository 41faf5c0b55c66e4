"""Which bytes a read needs, and in how many requests: found and merged before anything is sent."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from conftest import LIMITS, Feed
from hypothesis import given
from hypothesis import strategies as st

from tinycog import index
from tinycog.buffer import ByteRange
from tinycog.errors import CorruptTileError, FormatError, LimitError, Limits, TruncatedError
from tinycog.image import Image
from tinycog.index import locate
from tinycog.parse import parse_tiff
from tinycog.plan import merge
from tinycog.pyramid import parse_image
from tinycog.spec import Tag
from tinycog.testing import Directory, Field, HugeTiff, flaws, make_image, make_tiff

PIXELS = np.arange(60 * 100, dtype=np.uint8).reshape(1, 60, 100)
TILED = make_image(PIXELS, tile=(16, 32))
"""4 by 4 tiles of 512 bytes."""


class Located:
    """The first image of a file, read; then the index of its tiles."""

    def __init__(self, data: bytes) -> None:
        self.feed = Feed(data)
        tiff = self.feed.run(parse_tiff(self.feed.buffer, LIMITS))
        image = parse_image(self.feed.buffer, tiff.header, tiff.ifds[0], LIMITS)
        self.image: Image = self.feed.run(image)
        self.feed.asked.clear()

    def ranges(self, *indices: int, limits: Limits = LIMITS) -> list[ByteRange | None]:
        places = self.feed.run(locate(self.feed.buffer, self.image, indices, limits))
        assert not any(place and place.framed for place in places)
        return [place and place.range for place in places]


def located(directory: Directory, *, big: bool = False) -> Located:
    return Located(make_tiff([directory], big=big))


def tiles_of(data: bytes, ranges: list[ByteRange | None]) -> list[bytes | None]:
    return [None if part is None else data[slice(*part)] for part in ranges]


# --- where tiles lie -----------------------------------------------------------------------------


@pytest.mark.parametrize("big", [False, True])
def test_tiles_are_found_where_they_lie(big):
    file = located(TILED, big=big)
    indices = [3, 0, 15, 3]
    expected = [TILED.tiles[i] for i in indices]
    assert tiles_of(file.feed.data, file.ranges(*indices)) == expected


def test_strips_are_found_where_they_lie():
    directory = make_image(PIXELS, rows_per_strip=25)
    file = located(directory)
    assert tiles_of(file.feed.data, file.ranges(0, 1, 2)) == list(directory.tiles)


def test_a_tile_that_is_not_stored_is_none():
    file = located(make_image(PIXELS, tile=(16, 32), sparse=[1, 2]))
    assert [part is None for part in file.ranges(0, 1, 2, 3)] == [False, True, True, False]


@pytest.mark.parametrize("tag", [Tag.TileOffsets, Tag.TileByteCounts])
def test_a_tile_without_offset_or_without_bytes_is_not_stored(tag):
    assert located(TILED.having(Field(tag, "LONG", [0] * 16))).ranges(0) == [None]


def test_a_tile_missing_from_a_short_index_is_not_stored():
    file = Located(make_tiff(flaws.short_index([TILED])))
    assert tiles_of(file.feed.data, file.ranges(14, 15)) == [TILED.tiles[14], None]


def test_byte_counts_may_be_shorter_than_offsets():
    counts = Field(Tag.TileByteCounts, "LONG", [512] * 3)
    assert [part is None for part in located(TILED.having(counts)).ranges(2, 3)] == [False, True]


@pytest.mark.parametrize("name", ["SHORT", "LONG", "LONG8", "SLONG"])
def test_byte_counts_may_have_any_integer_type(name):
    counts = Field(Tag.TileByteCounts, name, [512] * 16)
    file = located(TILED.having(counts))
    assert tiles_of(file.feed.data, file.ranges(5)) == [TILED.tiles[5]]


@pytest.mark.parametrize("name", ["ASCII", "DOUBLE", "RATIONAL", "UNDEFINED"])
def test_an_index_that_is_no_integers_is_refused(name):
    offsets = Field(Tag.TileOffsets, name, bytes(16 * 8), count=16)
    with pytest.raises(FormatError, match=f"field type {name}, expected integers"):
        located(TILED.having(offsets)).ranges(5)


@pytest.mark.parametrize("tag", [Tag.TileOffsets, Tag.TileByteCounts])
def test_a_negative_place_is_refused(tag):
    with pytest.raises(FormatError) as caught:
        located(TILED.having(Field(tag, "SLONG", [-5] * 16))).ranges(5)
    assert caught.value.finding is not None
    assert caught.value.finding.rule == "tiff.value.integer"


@pytest.mark.parametrize(
    "directory",
    [TILED.without(Tag.TileOffsets), TILED.having(Field(Tag.TileOffsets, "LONG", b""))],
    ids=["missing", "empty"],
)
def test_an_image_without_index_is_refused(directory):
    with pytest.raises(FormatError) as caught:
        located(directory).ranges(0)
    assert caught.value.finding is not None
    assert (caught.value.finding.rule, caught.value.finding.ifd) == ("tiff.tile.index", 8)


# --- guards --------------------------------------------------------------------------------------


def test_a_tile_with_more_bytes_than_the_limit_is_refused():
    file = located(TILED)
    assert file.ranges(0, limits=Limits(tile_bytes=512)) != [None]
    with pytest.raises(LimitError) as caught:
        file.ranges(0, limits=Limits(tile_bytes=511))
    assert str(caught.value) == (
        "encoded bytes of tile 0: 512 is over the limit of 511 (Limits.tile_bytes)"
    )


def test_a_tile_beyond_the_end_of_the_file_is_refused():
    file = Located(make_tiff([TILED])[:-1])
    last = len(TILED.tiles) - 1
    assert file.ranges(0) != [None]
    with pytest.raises(TruncatedError, match=f"tile {last} lies at bytes .* but the file ends at"):
        file.ranges(last)


def test_an_index_beyond_the_end_of_the_file_is_refused():
    offsets = Field(Tag.TileOffsets, "LONG", b"", count=16, place=0x7FFFFF00)
    with pytest.raises(TruncatedError):
        located(TILED.having(offsets)).ranges(0)


# --- byte counts that are not there --------------------------------------------------------------


def test_uncompressed_tiles_need_no_byte_counts():
    file = located(TILED.without(Tag.TileByteCounts))
    assert tiles_of(file.feed.data, file.ranges(0, 15)) == [TILED.tiles[0], TILED.tiles[15]]


@pytest.mark.parametrize("planar", [False, True])
def test_uncompressed_strips_need_no_byte_counts(planar):
    pixels = np.arange(2 * 25 * 10, dtype=np.uint16).reshape(2, 25, 10)
    directory = make_image(pixels, rows_per_strip=8, planar=planar)
    file = located(directory.without(Tag.StripByteCounts))
    found = file.ranges(*range(len(directory.tiles)))
    assert tiles_of(file.feed.data, found) == list(directory.tiles)


@pytest.mark.parametrize("change", ["missing", "zero"])
def test_the_only_strip_reaches_to_the_end_of_the_file_if_its_byte_count_is_not_there(change):
    strip = make_image(PIXELS, compression=8)
    directory = strip.having(Field(Tag.StripByteCounts, "LONG", 0))
    if change == "missing":
        directory = strip.without(Tag.StripByteCounts)
    file = located(directory)
    assert tiles_of(file.feed.data, file.ranges(0)) == list(strip.tiles)


def test_other_tiles_without_byte_counts_are_refused():
    tiles = make_image(PIXELS, tile=(16, 32), compression=8)
    with pytest.raises(CorruptTileError, match="tile 3 has no byte count"):
        located(tiles.without(Tag.TileByteCounts)).ranges(3)


# --- what is asked -------------------------------------------------------------------------------


def test_offsets_and_byte_counts_are_asked_for_in_one_step():
    file = located(TILED)
    file.ranges(3, 7, 3)
    offsets, counts = file.image.offsets, file.image.byte_counts
    assert offsets is not None
    assert counts is not None
    assert file.feed.asked == [[offsets.range, counts.range]]


def test_an_index_that_is_held_costs_nothing():
    file = located(TILED)
    file.ranges(3)
    file.feed.asked.clear()
    file.ranges(12)
    assert file.feed.asked == []


class Paged(Located):
    """A file of a million tiles that exists nowhere."""

    def __init__(self) -> None:
        self.huge = HugeTiff(256 * 1000, 256 * 1000)
        super().__init__(self.huge.read(0, 1000))
        self.feed.deliver = self.deliver

    def deliver(self, part: ByteRange) -> None:
        self.feed.buffer.size = self.huge.size
        self.feed.buffer.put(part.start, self.huge.read(*part))


def test_of_a_long_index_only_the_pages_around_the_tiles_are_asked_for():
    file = Paged()
    file.feed.buffer.size = file.huge.size
    file.ranges(555_777, 555_778)
    (asked,) = file.feed.asked
    assert [part.length for part in asked] == [index.PAGE_BYTES, index.PAGE_BYTES]
    for part, start, length in zip(
        asked, (file.huge.offsets_at, file.huge.byte_counts_at), (8, 4), strict=True
    ):
        assert part.start <= start + length * 555_777
        assert part.stop >= start + length * 555_779


def test_each_page_is_asked_for_once():
    file = Paged()
    file.feed.buffer.size = file.huge.size
    file.ranges(0, 1, 999_999, 2, 999_998)
    (asked,) = file.feed.asked
    assert len(asked) == 4
    assert len(set(asked)) == 4


def test_a_page_ends_where_the_index_ends():
    file = Paged()
    file.feed.buffer.size = file.huge.size
    file.ranges(999_999)
    (asked,) = file.feed.asked
    assert [part.stop for part in asked] == [file.huge.byte_counts_at, file.huge.tiles_at]


@given(st.lists(st.integers(0, 15), max_size=20), st.integers(8, 200))
def test_pages_of_any_length_find_the_same_tiles(indices, page_bytes):
    file = located(TILED)
    expected = [TILED.tiles[i] for i in indices]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "PAGE_BYTES", page_bytes)
        assert tiles_of(file.feed.data, file.ranges(*indices)) == expected


# --- merging -------------------------------------------------------------------------------------


def merged(
    *ranges: tuple[int, int], gap_bytes: int = 10, request_bytes: int = 1000
) -> list[tuple[ByteRange, list[int]]]:
    wanted = [ByteRange(*part) for part in ranges]
    batches = merge(wanted, gap_bytes=gap_bytes, request_bytes=request_bytes)
    return [(batch.range, batch.members) for batch in batches]


def test_nothing_wanted_is_nothing_asked():
    assert merged() == []


def test_a_gap_that_costs_less_than_a_request_is_read_along():
    assert merged((0, 10), (20, 30)) == [((0, 30), [0, 1])]
    assert merged((0, 10), (21, 30)) == [((0, 10), [0]), ((21, 30), [1])]


def test_ranges_that_touch_are_merged_even_if_no_gap_is():
    assert merged((0, 10), (10, 20), (21, 30), gap_bytes=0) == [
        ((0, 20), [0, 1]),
        ((21, 30), [2]),
    ]


def test_merging_stops_at_the_longest_request():
    assert merged((0, 10), (10, 20), (20, 30), request_bytes=20) == [
        ((0, 20), [0, 1]),
        ((20, 30), [2]),
    ]


def test_one_range_may_be_longer_than_the_longest_request():
    assert merged((0, 100), (100, 110), request_bytes=50) == [((0, 100), [0]), ((100, 110), [1])]


def test_ranges_may_come_in_any_order():
    assert merged((50, 60), (0, 10), (12, 20)) == [((0, 20), [1, 2]), ((50, 60), [0])]


def test_ranges_that_overlap_share_a_request():
    assert merged((0, 10), (5, 20), (2, 4)) == [((0, 20), [0, 2, 1])]


def test_a_range_that_is_wanted_twice_is_asked_once():
    assert merged((0, 10), (0, 10)) == [((0, 10), [0, 1])]


positions = st.integers(0, 300)
wanted_ranges = st.lists(
    st.tuples(positions, st.integers(1, 40)).map(lambda pair: ByteRange(pair[0], sum(pair))),
    max_size=30,
)


@given(wanted_ranges, st.integers(0, 50), st.integers(1, 200))
def test_every_wanted_range_lies_in_the_one_batch_that_claims_it(wanted, gap, cap):
    batches = merge(wanted, gap_bytes=gap, request_bytes=cap)
    assert sorted(i for batch in batches for i in batch.members) == list(range(len(wanted)))
    for batch in batches:
        for i in batch.members:
            assert batch.range.start <= wanted[i].start
            assert wanted[i].stop <= batch.range.stop
    assert [batch.range.start for batch in batches] == sorted(
        batch.range.start for batch in batches
    )


def disjoint(wanted: list[ByteRange]) -> list[ByteRange]:
    """Those of the ranges that overlap no earlier one."""
    taken: list[ByteRange] = []
    for part in wanted:
        if all(part.stop <= other.start or other.stop <= part.start for other in taken):
            taken.append(part)
    return taken


@given(wanted_ranges.map(disjoint), st.integers(0, 50), st.integers(1, 200))
def test_batches_of_disjoint_ranges_are_disjoint_and_read_little_along(wanted, gap, cap):
    batches = merge(wanted, gap_bytes=gap, request_bytes=cap)
    for before, after in pairwise(batches):
        assert before.range.stop <= after.range.start
    for batch in batches:
        inside = sum(wanted[i].length for i in batch.members)
        assert batch.range.length <= inside + gap * (len(batch.members) - 1)
        assert batch.range.length <= max(cap, *(wanted[i].length for i in batch.members))


@given(wanted_ranges.map(disjoint), st.integers(0, 50), st.integers(1, 200))
def test_no_two_neighbours_could_have_been_merged(wanted, gap, cap):
    batches = merge(wanted, gap_bytes=gap, request_bytes=cap)
    for before, after in pairwise(batches):
        start, stop = after.range.start, min(wanted[i].stop for i in after.members[:1])
        far = start - before.range.stop > gap
        long = stop - before.range.start > cap
        assert far or long
