"""The parts of a file that have arrived: what is put is what is read, and a gap is never bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycog.errors import TruncatedError
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps, need, need_bytes, run_cached, together

DATA = bytes(range(100))


def buffer_of(*parts: tuple[int, int], size: int | None = None) -> SparseBuffer:
    """A buffer that holds those parts of `DATA`."""
    buffer = SparseBuffer(size)
    for start, stop in parts:
        buffer.put(start, DATA[start:stop])
    return buffer


# --- putting and reading -------------------------------------------------------------------------


def test_what_is_put_is_what_is_read():
    assert bytes(buffer_of((10, 20)).read(12, 18)) == DATA[12:18]


def test_a_read_across_pieces_joins_them():
    assert bytes(buffer_of((30, 40), (10, 20), (20, 30)).read(15, 35)) == DATA[15:35]


def test_a_read_inside_one_piece_makes_no_copy():
    data = bytearray(DATA)
    buffer = SparseBuffer()
    buffer.put(0, memoryview(data))
    view = buffer.read(10, 20)
    data[10] = 255
    assert view[0] == 255


def test_pieces_may_overlap():
    assert bytes(buffer_of((10, 20), (15, 30), (5, 40)).read(5, 40)) == DATA[5:40]


def test_bytes_that_are_held_already_stay():
    buffer = buffer_of((10, 20))
    buffer.put(5, bytes(30))
    assert bytes(buffer.read(5, 35)) == bytes(5) + DATA[10:20] + bytes(15)


def test_bytes_that_are_held_are_counted_once():
    assert buffer_of((10, 20), (15, 30), (12, 14), (50, 60)).held == 30


def test_nothing_is_read_of_an_empty_range():
    assert bytes(buffer_of((10, 20)).read(15, 15)) == b""
    assert bytes(buffer_of((10, 20)).read(50, 50)) == b""


def test_to_put_nothing_changes_nothing():
    buffer = buffer_of((10, 20))
    buffer.put(15, b"")
    buffer.put(50, b"")
    assert buffer.held == 10


# --- gaps ----------------------------------------------------------------------------------------


def test_the_gaps_are_what_is_missing():
    buffer = buffer_of((10, 20), (30, 40))
    assert buffer.missing([ByteRange(0, 50)]) == [(0, 10), (20, 30), (40, 50)]
    assert buffer.missing([ByteRange(12, 18)]) == []
    assert buffer.missing([ByteRange(15, 35), ByteRange(60, 70)]) == [(20, 30), (60, 70)]


def test_nothing_is_missing_of_an_empty_range():
    assert buffer_of((10, 20)).missing([ByteRange(50, 50)]) == []


def test_nothing_is_missing_beyond_the_end_of_the_file():
    buffer = buffer_of((10, 20), size=40)
    assert buffer.missing([ByteRange(15, 99), ByteRange(50, 60)]) == [(20, 40)]


def test_a_read_of_what_has_not_arrived_is_a_mistake_of_the_parser():
    with pytest.raises(LookupError, match="bytes 15 to 25 have not arrived"):
        buffer_of((10, 20), (22, 30)).read(15, 25)


def test_a_short_read_is_refused():
    buffer = buffer_of((10, 40), size=40)
    assert bytes(buffer.read(30, 40)) == DATA[30:40]
    with pytest.raises(TruncatedError) as caught:
        buffer.read(30, 41)
    assert str(caught.value) == "the file ends at byte 40, but bytes 30 to 41 are needed"


def test_a_read_beyond_the_end_is_refused_even_if_nothing_was_put():
    with pytest.raises(TruncatedError):
        SparseBuffer(40).read(50, 60)


def test_bytes_beyond_the_end_of_the_file_are_not_taken():
    with pytest.raises(ValueError, match="the file ends at 40"):
        buffer_of((30, 50), size=40)


# --- asking --------------------------------------------------------------------------------------


def steps_of(parser: Steps[object], buffer: SparseBuffer) -> tuple[list[list[ByteRange]], object]:
    """What a parser asks, step by step, and what it returns."""
    asked: list[list[ByteRange]] = []
    while True:
        try:
            ranges = list(next(parser))
        except StopIteration as done:
            return asked, done.value
        asked.append(ranges)
        for start, stop in ranges:
            buffer.put(start, DATA[start:stop])


def test_a_parser_asks_for_all_that_it_lacks_in_one_step():
    buffer = buffer_of((10, 20))
    wanted = [ByteRange(0, 12), ByteRange(18, 30), ByteRange(15, 16)]
    assert steps_of(need(buffer, wanted), buffer) == ([[(0, 10), (20, 30)]], None)


def test_a_parser_asks_for_nothing_if_all_of_it_is_held():
    buffer = buffer_of((10, 20))
    assert steps_of(need(buffer, [ByteRange(10, 20)]), buffer) == ([], None)


def test_bytes_that_were_needed_are_returned():
    buffer = buffer_of((10, 20))
    assert steps_of(need_bytes(buffer, 15, 10), buffer) == ([[(20, 25)]], DATA[15:25])


def chain(buffer: SparseBuffer, *places: int) -> Steps[bytes]:
    """A parser that needs one byte after the other, each in a step of its own."""
    found = b""
    for place in places:
        found += yield from need_bytes(buffer, place, 1)
    return found


def test_parsers_side_by_side_ask_for_the_union_in_one_step():
    buffer = SparseBuffer()
    asked, results = steps_of(
        together([chain(buffer, 1, 2), chain(buffer, 50), chain(buffer, 3, 4, 5)]), buffer
    )
    assert asked == [[(1, 2), (50, 51), (3, 4)], [(2, 3), (4, 5)], [(5, 6)]]
    assert results == [b"\1\2", b"\x32", b"\3\4\5"]


def test_parsers_side_by_side_share_what_has_come():
    buffer = buffer_of((0, 10))
    asked, results = steps_of(together([chain(buffer, 1, 2), chain(buffer, 2, 20)]), buffer)
    assert asked == [[(20, 21)]]
    assert results == [b"\1\2", b"\2\x14"]


def test_no_parsers_give_no_results():
    assert steps_of(together([]), SparseBuffer()) == ([], [])


# --- properties ----------------------------------------------------------------------------------

ranges_of_data = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(
    lambda pair: ByteRange(min(pair), max(pair))
)


@given(st.lists(ranges_of_data, max_size=30), ranges_of_data)
def test_any_pieces_in_any_order_read_back_the_same(pieces, asked):
    buffer = buffer_of(*pieces)
    for start, stop in buffer.missing([asked]):
        buffer.put(start, DATA[start:stop])
    assert bytes(buffer.read(*asked)) == DATA[slice(*asked)]


@given(st.lists(ranges_of_data, max_size=30), ranges_of_data, st.none() | st.just(100))
def test_what_is_missing_is_exactly_what_was_not_put(pieces, asked, size):
    buffer = buffer_of(*pieces, size=size)
    put = {i for piece in pieces for i in range(*piece)}
    gaps = buffer.missing([asked])
    assert [i for gap in gaps for i in range(*gap)] == sorted(set(range(*asked)) - put)
    assert buffer.held == len(put)


def test_a_parser_runs_on_what_has_arrived_or_not_at_all():
    buffer = buffer_of((0, 10))
    assert run_cached(chain(buffer, 1, 2)) == b"\1\2"
    lacking = chain(buffer, 1, 20)
    assert run_cached(lacking) is None
    assert next(lacking, "closed") == "closed"
