"""Which bytes a read needs, and in how many requests: found and merged before anything is sent."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
import pytest
from conftest import LIMITS, Feed
from hypothesis import example, given
from hypothesis import strategies as st

from tinycog.errors import CorruptTileError, FormatError, LimitError, TruncatedError
from tinycog.fetch.coalesce import (
    FREE_GAP_BYTES,
    MAX_SPLITS,
    MIN_SPLIT_BYTES,
    REQUEST_BYTES,
    CoalescedRange,
    Rates,
    coalesce,
    plan_header,
    plan_pixels,
)
from tinycog.fetch.plan import make_plan
from tinycog.limits import Limits
from tinycog.testing import Directory, Field, HugeTiff, flaws, make_image, make_tiff
from tinycog.tiff import tile_index
from tinycog.tiff.image import Image
from tinycog.tiff.parse import parse_tiff
from tinycog.tiff.pyramid import parse_image
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import Tag
from tinycog.tiff.tile_index import locate

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
    assert located(TILED.having(Field(tag, "LONG", [0] + [300] * 15))).ranges(0) == [None]
    packed = Field(Tag.Compression, "SHORT", 8)
    assert located(TILED.having(packed, Field(tag, "LONG", [0] * 16))).ranges(0) == [None]


def test_byte_counts_that_are_all_0_say_nothing_of_uncompressed_tiles():
    file = located(TILED.having(Field(Tag.TileByteCounts, "LONG", [0] * 16)))
    assert tiles_of(file.feed.data, file.ranges(3)) == [TILED.tiles[3]]


def test_a_tile_missing_from_a_short_index_is_refused_and_the_others_are_read():
    file = Located(make_tiff(flaws.short_index([TILED])))
    assert tiles_of(file.feed.data, file.ranges(14)) == [TILED.tiles[14]]
    with pytest.raises(FormatError, match=r"15 values, none for tile 15"):
        file.ranges(14, 15)


@pytest.mark.parametrize("compression", [1, 8])
def test_a_tile_missing_from_short_byte_counts_reaches_to_the_next_one(compression):
    code = Field(Tag.Compression, "SHORT", compression)
    whole = located(TILED.having(code))
    file = located(TILED.having(code, Field(Tag.TileByteCounts, "LONG", [512] * 3)))
    for position in (2, 3, 14):
        assert tiles_of(file.feed.data, file.ranges(position)) == tiles_of(
            whole.feed.data, whole.ranges(position)
        )


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
    assert [part.length for part in asked] == [tile_index.PAGE_BYTES, tile_index.PAGE_BYTES]
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
        patch.setattr(tile_index, "PAGE_BYTES", page_bytes)
        assert tiles_of(file.feed.data, file.ranges(*indices)) == expected


# --- merging -------------------------------------------------------------------------------------


def merged(
    *ranges: tuple[int, int], gap_bytes: int = 10, request_bytes: int = 1000
) -> list[tuple[ByteRange, list[int]]]:
    wanted = [ByteRange(*part) for part in ranges]
    batches = coalesce(wanted, gap_bytes=gap_bytes, request_bytes=request_bytes)
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
    batches = coalesce(wanted, gap_bytes=gap, request_bytes=cap)
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
    batches = coalesce(wanted, gap_bytes=gap, request_bytes=cap)
    for before, after in pairwise(batches):
        assert before.range.stop <= after.range.start
    for batch in batches:
        inside = sum(wanted[i].length for i in batch.members)
        assert batch.range.length <= inside + gap * (len(batch.members) - 1)
        assert batch.range.length <= max(cap, *(wanted[i].length for i in batch.members))


@given(wanted_ranges.map(disjoint), st.integers(0, 50), st.integers(1, 200))
def test_no_two_neighbours_could_have_been_merged(wanted, gap, cap):
    batches = coalesce(wanted, gap_bytes=gap, request_bytes=cap)
    for before, after in pairwise(batches):
        start, stop = after.range.start, min(wanted[i].stop for i in after.members[:1])
        far = start - before.range.stop > gap
        long = stop - before.range.start > cap
        assert far or long


# --- what a plan promises ------------------------------------------------------------------------

MIB = 1 << 20
FAST = Rates(0.03, 100e6, known=True)
SLOW = Rates(0.03, 2e6, known=True)
"""A connection that is worth cutting for."""
one_file = st.just(1)
all_rates = st.builds(
    Rates, st.floats(0.0001, 1), st.floats(1e5, 2e8), st.booleans(), files=one_file
)
unmeasured = st.builds(
    Rates,
    st.floats(0.0001, 1),
    st.floats(1e5, 2e8),
    known=st.just(value=False),
    far=st.just(value=False),
    files=one_file,
)
tile_ranges = st.lists(
    st.tuples(st.integers(0, 8 * MIB), st.integers(1, MIB // 4)).map(
        lambda pair: ByteRange(pair[0], sum(pair))
    ),
    max_size=40,
)


def gaps(batch: CoalescedRange, wanted: list[ByteRange]) -> list[int]:
    """Lengths of the runs of a request that none of its members wants."""
    found: list[int] = []
    at = batch.range.start
    for part in sorted(wanted[i] for i in batch.members):
        if part.start > at:
            found.append(part.start - at)
        at = max(at, part.stop)
    return [*found, *([batch.range.stop - at] if batch.range.stop > at else [])]


def shape(
    batches: list[CoalescedRange], wanted: list[ByteRange]
) -> list[tuple[ByteRange, list[ByteRange]]]:
    return [(batch.range, sorted(wanted[i] for i in batch.members)) for batch in batches]


@given(tile_ranges, all_rates)
def test_no_wanted_byte_is_lost_by_planning(wanted, rates):
    for batches in (plan_pixels(wanted, rates), plan_header(wanted)):
        assert sorted(i for batch in batches for i in batch.members) == list(range(len(wanted)))
        for batch in batches:
            for i in batch.members:
                assert batch.range.start <= wanted[i].start < wanted[i].stop <= batch.range.stop


@given(tile_ranges, all_rates, st.randoms(use_true_random=False))
def test_the_requests_do_not_depend_on_the_order_of_the_wishes(wanted, rates, random):
    mixed = random.sample(wanted, len(wanted))
    assert plan_pixels(wanted, rates) == plan_pixels(list(wanted), rates)
    assert shape(plan_pixels(mixed, rates), mixed) == shape(plan_pixels(wanted, rates), wanted)
    assert shape(plan_header(mixed), mixed) == shape(plan_header(wanted), wanted)


def waste(batch: CoalescedRange, wanted: list[ByteRange]) -> int:
    """Bytes of gaps, but for those so short that it costs less to read them than to ask twice."""
    return sum(gap for gap in gaps(batch, wanted) if gap > FREE_GAP_BYTES)


@given(tile_ranges, unmeasured)
def test_no_request_for_pixels_wastes_more_than_a_32nd_of_what_it_brings(wanted, rates):
    for batch in plan_pixels(wanted, rates):
        brought = batch.range.length - sum(gaps(batch, wanted))
        assert 32 * waste(batch, wanted) <= brought
        assert max(gaps(batch, wanted), default=0) <= max(rates.gap_bytes, FREE_GAP_BYTES)


@pytest.mark.parametrize("length", [1, 30, 1000])
def test_tiles_between_leaders_and_trailers_are_one_request_however_small_they_are(length):
    wanted = [ByteRange((length + 8) * i, (length + 8) * i + length) for i in range(1000)]
    assert len(plan_pixels(wanted, Rates(0.0001))) == 1


def many_small_ones_behind_a_long_one() -> list[ByteRange]:
    start = 8 * MIB
    small = [ByteRange(start + 20_000 * i, start + 20_000 * i + 10_000) for i in range(1, 26)]
    return [ByteRange(0, start), *small]


@given(tile_ranges, all_rates)
@example(many_small_ones_behind_a_long_one(), SLOW)
def test_nor_does_a_request_that_was_cut(wanted, rates):
    for batch in plan_pixels(wanted, rates):
        assert 32 * waste(batch, wanted) <= batch.range.length - sum(gaps(batch, wanted))


@given(tile_ranges, all_rates, st.integers(2, 100))
def test_of_many_files_a_request_brings_twice_what_is_needed_at_most(wanted, rates, files):
    rates = rates._replace(files=files)
    for batch in plan_pixels(wanted, rates):
        brought = batch.range.length - sum(gaps(batch, wanted))
        assert waste(batch, wanted) <= brought
        assert max(gaps(batch, wanted), default=0) <= max(rates.gap_bytes, FREE_GAP_BYTES)
    assert len(plan_pixels(wanted, rates)) <= len(plan_pixels(wanted, rates._replace(files=1)))


def test_connections_are_shared_by_files_that_are_read_side_by_side():
    slow = Rates(0.05, 1e6, known=True, far=True)
    whole = [ByteRange(0, 64 * MIB)]
    splits = [slow._replace(files=n).splits(64 * MIB) for n in (1, 2, 16, 64, 100)]
    assert splits[0] > splits[1] > splits[2] > splits[3] == splits[4] == 1
    assert len(plan_pixels(whole, slow._replace(files=64))) == 1
    short = [slow._replace(files=n).splits(3 * MIB) for n in (1, 2)]
    assert short[0] > short[1] == 1
    fast = Rates(0.02, 2e6)  # what one of many connections was seen to bring
    assert fast._replace(files=2).gap_bytes == Rates(0.02).gap_bytes > fast.gap_bytes


def test_a_run_is_cut_into_few_requests():
    assert len(plan_pixels(many_small_ones_behind_a_long_one(), Rates())) == 1
    assert len(plan_pixels(many_small_ones_behind_a_long_one(), SLOW)) <= 2 * 17


@given(st.lists(st.integers(1, MIB), min_size=1, max_size=16), unmeasured)
def test_tiles_that_touch_are_one_request_however_fast_the_server_is(lengths, rates):
    stops = list(accumulate(lengths))
    wanted = [ByteRange(stop - n, stop) for stop, n in zip(stops, lengths, strict=True)]
    assert [batch.range for batch in plan_pixels(wanted, rates)] == [(0, stops[-1])]


def test_tiles_that_touch_are_cut_only_where_a_request_would_be_too_long():
    wanted = [ByteRange(i * MIB, (i + 1) * MIB) for i in range(40)]
    assert [batch.range.length for batch in plan_pixels(wanted, FAST)] == [
        REQUEST_BYTES,
        REQUEST_BYTES,
        8 * MIB,
    ]


@given(tile_ranges)
def test_the_header_never_drags_pixels_along(wanted):
    for batch in plan_header(wanted):
        assert max(gaps(batch, wanted), default=0) <= 32 * 1024


def test_parts_of_the_header_that_lie_near_are_one_request():
    assert len(plan_header([ByteRange(0, 10), ByteRange(10 + 32 * 1024, 50_000)])) == 1
    assert len(plan_header([ByteRange(0, 10), ByteRange(11 + 32 * 1024, 50_000)])) == 2


EIGHT = [ByteRange(i * MIB, (i + 1) * MIB) for i in range(8)]


@pytest.mark.parametrize("rates", [Rates(0.03, 2e6), FAST, Rates(30, 2e6, known=True)])
def test_nothing_is_cut_unless_a_connection_was_found_to_be_slow(rates):
    assert len(plan_pixels(EIGHT, rates)) == 1


def test_over_a_slow_connection_a_run_is_cut_between_its_tiles():
    batches = plan_pixels(EIGHT, SLOW)
    assert [batch.range for batch in batches] == EIGHT
    assert [batch.members for batch in batches] == [[i] for i in range(8)]


FAR = Rates.measured(0.02, None)
HUNDRED = [ByteRange(i * MIB, (i + 1) * MIB) for i in range(100)]


@pytest.mark.parametrize(
    ("rates", "requests"),
    [
        (Rates.measured(0.0002, None), 7),  # of 16 MiB, and a rest
        (FAR, 34),  # 32 until connections were measured, were tiles not whole
        (Rates.measured(0.02, 1e9), 7),  # one connection brings what this process can take
        (Rates.measured(0.02, 25e6), 34),
        (Rates.measured(0.02, 1e6), 100),  # of one tile each: not one for each 1.6 MiB
        (Rates.measured(0.1, 100e6), 7),  # 9 would be sooner by less than a tenth
        (Rates.measured(0.1, 100e6)._replace(opened=64), 7),
    ],
)
def test_a_server_that_is_not_near_is_read_by_many_connections(rates, requests):
    found = plan_pixels(HUNDRED, rates)
    assert len(found) == requests
    assert sum(one.range.length for one in found) == 100 * MIB


@given(tile_ranges, st.builds(Rates.measured, st.floats(0.003, 0.3), st.floats(1e5, 2e9)))
def test_the_price_of_speed_is_two_requests_for_each_half_mebibyte(wanted, rates):
    whole, cut = (
        plan_pixels(wanted, rates._replace(far=False, known=False)),
        plan_pixels(wanted, rates),
    )
    brought = sum(one.range.length for one in cut)
    assert len(cut) <= max(len(whole), 2 * brought / MIN_SPLIT_BYTES)
    assert brought <= sum(one.range.length for one in whole)


@pytest.mark.parametrize(("opened", "requests"), [(1, 1), (4, 5), (64, 10)])
def test_connections_that_are_open_cost_no_round_trips(opened, requests):  # tiles are whole
    ten_mib = HUNDRED[:10]
    found = plan_pixels(ten_mib, Rates.measured(0.1, 60e6, opened=opened))
    assert len(found) == requests


def test_no_read_is_cut_for_more_connections_than_there_may_be():
    assert len(plan_pixels(HUNDRED[:99], Rates.measured(0.02, 25e6, 9))) == 9
    assert len(plan_pixels(HUNDRED[:16], Rates.measured(0.02, 25e6, 1))) == 1


@pytest.mark.parametrize("rates", [FAR, Rates.measured(0.02, 25e6), Rates.measured(0.3, 5e6)])
def test_what_saves_less_than_opening_connections_is_not_cut(rates):
    assert len(plan_pixels(HUNDRED[:1], rates)) == 1
    assert len(plan_pixels([ByteRange(i, i + 1000) for i in range(0, 10**6, 1000)], rates)) == 1


def test_one_tile_is_never_cut():
    assert len(plan_pixels([ByteRange(0, 8 * MIB)], SLOW)) == 1


@given(
    tile_ranges.map(disjoint),
    st.builds(Rates, st.floats(0.001, 0.1), st.floats(1e5, 4e7), files=one_file),
)
def test_cutting_makes_disjoint_requests_and_reads_no_more(wanted, guessed):
    slow = Rates(guessed.round_trip, guessed.bytes_per_second, known=True)
    whole, cut = plan_pixels(wanted, guessed), plan_pixels(wanted, slow)
    assert sum(b.range.length for b in cut) <= sum(b.range.length for b in whole)
    assert len(whole) <= len(cut) <= MAX_SPLITS * len(whole)
    for before, after in pairwise(cut):
        assert before.range.stop <= after.range.start


def test_what_was_not_measured_is_guessed():
    assert Rates.measured(None, None) == Rates()
    assert Rates.measured(0.1, None) == Rates(0.1, far=True)
    assert Rates.measured(0.001, None) == Rates(0.001)
    assert Rates.measured(None, 5e6) == Rates(bytes_per_second=5e6, known=True)


def test_a_gap_is_never_longer_than_a_mebibyte_however_slow_the_round_trip():
    assert Rates(10, 1e9).gap_bytes == MIB


def test_a_plan_tells_its_bytes_its_waste_and_its_tiles():
    tiles = [(0, 0, 0), (0, 1, 0), (1, 0, 0)]
    parts = [ByteRange(0, 32_000), ByteRange(32_500, 64_000), ByteRange(9_000_000, 9_000_100)]
    plan = make_plan(parts, tiles, Rates())
    assert plan.requests == ((0, 64_000), (9_000_000, 9_000_100))
    assert plan.tiles == tuple(tiles)
    assert (plan.bytes, plan.wanted, plan.waste) == (64_100, 63_600, 500)
    assert repr(plan).splitlines() == [
        "<Plan: 2 requests, 64,100 bytes (0.8% waste), 3 tiles",
        "  bytes 0 to 64,000 (64,000)",
        "  bytes 9,000,000 to 9,000,100 (100)>",
    ]


def test_a_plan_of_nothing_costs_nothing():
    plan = make_plan([], [(0, 0, 0)], Rates())
    assert (plan.requests, plan.bytes, plan.waste) == ((), 0, 0)
    assert repr(plan) == "<Plan: 0 requests, 0 bytes (0.0% waste), 1 tiles>"


def test_a_long_plan_shows_its_first_requests():
    parts = [ByteRange(i * 10 * MIB, i * 10 * MIB + 5) for i in range(25)]
    lines = repr(make_plan(parts, [], Rates())).splitlines()
    assert len(lines) == 12
    assert lines[-1] == "  and 15 more>"


@given(wanted_ranges, all_rates)
def test_bytes_that_several_tiles_share_are_wanted_once(wanted, rates):
    plan = make_plan(wanted, [], rates)
    assert plan.wanted == len({at for part in wanted for at in range(*part)})
    assert plan.waste >= 0


def test_overlapping_ranges_are_counted_once():
    plan = make_plan([ByteRange(0, 100), ByteRange(50, 150), ByteRange(0, 100)], [], Rates())
    assert (plan.wanted, plan.bytes, plan.waste) == (150, 150, 0)
