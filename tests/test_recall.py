"""What was parsed of one file is taken for another only where parsing would give the same."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import tinycog
from tinycog.entry import LIMITS
from tinycog.errors import TinycogError
from tinycog.geo import lazy
from tinycog.geo.lazy import LazyGeoreference
from tinycog.reader import read_header
from tinycog.reader.read_header import HeaderState, first_cached, sort_cached
from tinycog.tiff.buffer import RecordingBuffer, SparseBuffer
from tinycog.tiff.header_ranges import header_ranges
from tinycog.tiff.page_view import VIEW
from tinycog.tiff.recall import MOST_KINDS, Recall
from tinycog.tiff.steps import run_cached


async def cog_bytes(seed: int = 0, **options: Any) -> bytes:
    """Return a COG with two levels, one of them a single tile, and a mask."""
    rng = np.random.default_rng(seed)
    mask = np.broadcast_to(rng.random((48, 64)) < 0.1, (2, 48, 64))
    pixels = np.ma.array(rng.integers(0, 99, (2, 48, 64), dtype=np.uint8), mask=mask)
    place = {"crs": "EPSG:32632", "transform": (10, 0, 5e5, 0, -10, 5e6), "mask": "internal"}
    options = place | options
    written = await tinycog.write(
        bytes, pixels, blocksize=32, overviews=[2], tags={"made": "by a test"}, **options
    )
    assert written.data is not None
    return written.data


def buffer_of(data: bytes, size: int | None = -1) -> SparseBuffer:
    buffer = SparseBuffer(len(data) if size == -1 else size)
    buffer.put(0, data)
    return buffer


def header(buffer: SparseBuffer) -> HeaderState | None:
    first = first_cached(buffer, LIMITS, VIEW)
    return None if first is None else sort_cached(buffer, LIMITS, first)


def told(data: bytes, size: int | None = -1) -> str:
    """Return all that header, georeference and metadata of a file say, or the error."""
    buffer = buffer_of(data, size)
    try:
        state = header(buffer)
        if state is None:
            return "lacks bytes"
        image = state.pyramid.levels[0]
        places = LazyGeoreference(buffer, state.tiff.header, image, LIMITS)
        geo = run_cached(places.parse())
        ranges = header_ranges(buffer, state.pyramid.places, LIMITS, state.tiff)
        return repr((state, geo, ranges))
    except TinycogError as error:
        return repr(error)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch):
    """Begin each test with nothing known."""
    return partial(forget, monkeypatch)()


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinycog.tiff import header_ranges as ranges  # noqa: PLC0415 - the module

    monkeypatch.setattr(read_header, "FIRSTS", Recall[Any]())
    monkeypatch.setattr(read_header, "WHOLES", Recall[Any]())
    monkeypatch.setattr(lazy, "PARSED", Recall[Any]())
    monkeypatch.setattr(ranges, "RANGES", Recall[Any]())


async def test_files_that_are_written_alike_are_parsed_once():
    """Their tiles are others, and so are lengths and offsets of these in the header."""
    one, other = await cog_bytes(1), await cog_bytes(2)
    assert one[:1500] != other[:1500]
    assert len(one) != len(other)
    first, second = header(buffer_of(one)), header(buffer_of(other))
    assert first is not None
    assert first.complete
    assert second is first
    moved = header(buffer_of(await cog_bytes(1, transform=(10, 0, 6e5, 0, -10, 5e6))))
    assert moved is first  # places lie in values that no header parser looks at


async def test_any_other_byte_or_length_is_parsed_anew(monkeypatch: pytest.MonkeyPatch):
    """A bit of bytes all over the header: the result is that of a parser that knows nothing."""
    data = await cog_bytes()
    assert told(data) == told(data)  # kept, and taken
    stop = max(place.ifd.offset for place in (header(buffer_of(data)) or _none()).pyramid.places)
    stop = min(stop + 400, len(data))
    known = {"FIRSTS": read_header.FIRSTS, "WHOLES": read_header.WHOLES}
    parsed = lazy.PARSED
    differ, original = 0, told(data)
    for at in range(0, stop, 5):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        forget(monkeypatch)
        expected = told(bytes(changed))
        for name, recall in known.items():
            monkeypatch.setattr(read_header, name, recall)
        monkeypatch.setattr(lazy, "PARSED", parsed)
        assert told(data) == original  # the first one to be taken
        assert told(bytes(changed)) == expected, at
        differ += expected != original
    assert differ > stop / 20


def _none() -> HeaderState:
    raise AssertionError


async def test_files_that_end_elsewhere_are_parsed_anew(monkeypatch: pytest.MonkeyPatch):
    data = await cog_bytes()
    assert told(data) == told(data)
    known = {"FIRSTS": read_header.FIRSTS, "WHOLES": read_header.WHOLES}
    for length in (*range(0, 1600, 7), len(data) // 2, len(data) - 1):
        for size in (length, None):
            forget(monkeypatch)
            expected = told(data[:length], size)
            for name, recall in known.items():
                monkeypatch.setattr(read_header, name, recall)
            assert told(data[:length], size) == expected
    long = told(data, (1 << 32) + 5)  # of a classic TIFF: a finding with its length
    assert "4294967301 bytes" in long
    assert "4294967301 bytes" not in told(data)
    assert "4294967302 bytes" in told(data, (1 << 32) + 6)


def test_what_is_left_out_does_not_count_unless_it_is_looked_at_elsewhere():
    recall: Recall[bytes] = Recall()
    calls = 0

    def parse(buffer: SparseBuffer) -> bytes:
        nonlocal calls
        calls += 1
        found = bytes(buffer.read(0, 4))
        buffer.leave_out(0, 4, [(1, 3)])
        if found[0] == ord("b"):
            found += bytes(buffer.read(2, 3))
        return found[:1] + found[3:]

    def run(data: bytes) -> bytes | None:
        return recall.run((), buffer_of(data), parse)

    assert run(b"a12z") == run(b"a34z!") == b"az"
    assert calls == 1
    assert run(b"b12z") == run(b"b92z") == b"bz2"
    assert calls == 2
    assert run(b"b13z") == b"bz3"
    assert run(b"c12z") == b"cz"
    assert run(b"a99z") == b"az"
    assert calls == 4
    assert recall.run((), buffer_of(b"a1"), lambda _: None) is None


def test_as_many_kinds_are_kept_as_were_taken_last():
    recall: Recall[bytes] = Recall()
    calls: list[bytes] = []

    def parse(buffer: SparseBuffer) -> bytes:
        calls.append(bytes(buffer.read(0, 1)))
        return calls[-1]

    key = object()
    for n in (*range(MOST_KINDS + 1), 1, 0):
        assert recall.run((key,), buffer_of(bytes([n])), parse) == bytes([n])
    assert len(calls) == MOST_KINDS + 2  # that of 0 was forgotten
    assert recall.run((object(),), buffer_of(b"\1"), parse) == b"\1"
    assert len(calls) == MOST_KINDS + 3


def test_of_many_kinds_of_one_layout_one_is_found_by_one_look(monkeypatch: pytest.MonkeyPatch):
    recall: Recall[bytes] = Recall()
    looks = parsed = 0
    read = SparseBuffer.read_held

    def counted(self: SparseBuffer, ranges: Any) -> Any:
        nonlocal looks
        looks += 1
        return read(self, ranges)

    def parse(buffer: SparseBuffer) -> bytes:
        nonlocal parsed
        parsed += 1
        return bytes(buffer.read(0, 2)) + bytes(buffer.read(4, 6))

    def run(n: int) -> bytes | None:
        return recall.run((), buffer_of(bytes([n, 1, 2, 3, n, 5])), parse)

    kinds = [run(n) for n in range(100)]
    assert parsed == 100
    monkeypatch.setattr(SparseBuffer, "read_held", counted)
    assert [run(n) for n in range(100)] == kinds == [bytes([n, 1, n, 5]) for n in range(100)]
    assert (looks, parsed) == (100, 100)
    assert recall.run((), buffer_of(bytes([7, 1, 2, 3])), lambda _: None) is None


async def test_places_that_all_differ_are_each_recalled():
    """As scenes of many tiles of a grid do, in turn."""
    places = [(10, 0, 5e5 + 1e5 * n, 0, -10, 5e6) for n in range(4)]
    files = [await cog_bytes(n, transform=place) for n, place in enumerate(places)]
    first = [LazyOf(data).geo() for data in files]
    again = [LazyOf(data).geo() for data in reversed(files)]
    assert [id(one) for one in reversed(again)] == [id(one) for one in first]
    assert [one.transform[2] for one in first] == [place[2] for place in places]


class LazyOf:
    """The georeference of a file, parsed anew or recalled."""

    def __init__(self, data: bytes) -> None:
        self.buffer = buffer_of(data)
        self.state = header(self.buffer) or _none()

    def geo(self) -> Any:
        image = self.state.pyramid.levels[0]
        lazy_one = LazyGeoreference(self.buffer, self.state.tiff.header, image, LIMITS)
        found = run_cached(lazy_one.parse())
        assert found is not None
        return found[0]


def test_a_length_that_is_asked_for_counts_exactly():
    recorder = RecordingBuffer(SparseBuffer(10))
    assert recorder.size == 10
    same, other = SparseBuffer(10), SparseBuffer(11)
    asked = recorder.lengths.items()
    assert all(ask(same, at) == found for (ask, at), found in asked)
    assert not all(ask(other, at) == found for (ask, at), found in asked)
    assert not all(ask(SparseBuffer(9), at) == found for (ask, at), found in asked)
    unknown = RecordingBuffer(SparseBuffer())
    assert unknown.size is None
    asked = unknown.lengths.items()
    assert not all(ask(same, at) == found for (ask, at), found in asked)


async def test_handles_do_not_share_what_they_are_told_of_a_file():
    """Tags, metadata and arrays of one may be changed by a caller."""
    one, other = tinycog.open(await cog_bytes(1)), tinycog.open(await cog_bytes(2))
    await one
    await other
    one.tags()["made"] = "by another"
    assert other.tags() == {"made": "by a test"} or "by a test" in other.tags().values()
