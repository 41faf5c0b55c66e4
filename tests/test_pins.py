"""One read, one generation: whenever the object is replaced, never mixed bytes."""

from __future__ import annotations

import asyncio
import pickle

import numpy as np
import pytest
from faults.replaced import ignoring_if_match, read_while_replaced

import tinycog
from tinycog import SourceChangedError
from tinycog.errors import SourceError, UsageError
from tinycog.fetch.concurrency import BUDGET
from tinycog.fetch.fetcher import Fetcher
from tinycog.fetch.pin import Pin
from tinycog.sources.factory import make_source
from tinycog.testing import Fault, RangeServer, make_pyramid, make_tiff
from tinycog.tiff.ranges import ByteRange

SIZE = 1024


def file_of(value: int) -> bytes:
    """A file whose every pixel tells its generation; all of them have one layout."""
    pixels = np.full((1, SIZE, SIZE), value, np.uint8)
    return make_tiff(make_pyramid(pixels, (2,), tile=(64, 64)))


FILES = [file_of(value) for value in range(1, 5)]
PART = (0, 10)


@pytest.fixture
async def server():
    async with RangeServer({"a.tif": FILES[0]}) as server:
        yield server
    assert BUDGET.used == 0


# --- the pin, by itself --------------------------------------------------------------------------


def test_the_first_answer_says_which_generation_it_is():
    pin = Pin("a")
    pin.check(PART, None, '"x"')
    pin.check(PART, 1000, '"x"')
    pin.check(PART, None, '"x"')
    assert (pin.size, pin.generation) == (1000, '"x"')


@pytest.mark.parametrize(
    ("first", "then", "change", "expected", "found"),
    [
        ((9, '"x"'), (9, '"y"'), 'its generation was "x", now "y"', '"x"', '"y"'),
        ((9, '"x"'), (9, None), 'its generation was "x", now not reported', '"x"', None),
        ((9, None), (9, '"x"'), 'its generation was not reported, now "x"', None, '"x"'),
        ((9, '"x"'), (8, '"x"'), "it had 9 bytes, now 8", "9 bytes", "8 bytes"),
        ((None, '"x"'), (None, '"y"'), 'its generation was "x", now "y"', '"x"', '"y"'),
    ],
)
def test_every_other_answer_must_agree(first, then, change, expected, found):
    pin = Pin("http://x/a")
    pin.check(PART, *first)
    with pytest.raises(SourceChangedError) as caught:
        pin.check(PART, *then)
    message = f"the object has changed since it was opened: {change}: http://x/a (bytes 0 to 10)"
    assert str(caught.value) == message
    assert (caught.value.expected, caught.value.found) == (expected, found)
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (str(again), again.expected, again.found) == (message, expected, found)
    pin.check(PART, *first)


def test_a_generation_may_be_demanded_before_any_answer():
    pin = Pin("a")
    pin.require(None, '"x"')
    with pytest.raises(SourceChangedError):
        pin.check(PART, 9, None)
    pin.check(PART, 9, '"x"')
    assert pin.size == 9


def test_a_size_alone_demands_no_tag():
    pin = Pin("a")
    pin.require(9, None)
    pin.check(PART, 9, '"x"')
    with pytest.raises(SourceChangedError):
        pin.check(PART, 9, '"y"')


# --- over the wire -------------------------------------------------------------------------------


async def test_the_first_request_has_no_condition_and_every_other_has(server):
    cog = tinycog.open(server.url("a.tif"))
    assert cog.pin is None
    await cog.read()
    assert cog.pin is not None
    conditions = [line.headers.get("if-match") for line in server.log]
    assert conditions == [None] + [cog.pin] * (len(server.log) - 1)
    assert {line.status for line in server.log} == {206}


@pytest.mark.parametrize("etag", [False, "weak"])
async def test_without_a_strong_etag_there_is_no_condition(etag):
    async with RangeServer({"a.tif": FILES[0]}, etag=etag) as server:
        cog = tinycog.open(server.url("a.tif"))
        await cog.read()
        assert all("if-match" not in line.headers for line in server.log)
        assert cog.pin is not None
        assert "GMT" in cog.pin
        assert await tinycog.open(server.url("a.tif"), pin=cog.pin)


async def test_a_weak_etag_that_changes_says_that_the_bytes_did():
    async with RangeServer({"a.tif": FILES[0]}, etag="weak") as server:
        server.script(Fault.headers({"Last-Modified": None}, times=None))
        cog = await tinycog.open(server.url("a.tif"))
        server.files["a.tif"] = FILES[1]
        with pytest.raises(SourceChangedError, match="W/"):
            await cog.read()


async def test_a_replaced_object_is_refused_by_the_server_and_said(server):
    cog = await tinycog.open(server.url("a.tif"))
    server.files["a.tif"] = FILES[1]
    with pytest.raises(SourceChangedError, match=r"its generation was .* \(HTTP 412\)") as caught:
        await cog.read()
    assert caught.value.expected == cog.pin
    assert caught.value.status == 412
    assert {line.status for line in server.log[1:]} == {412}
    with pytest.raises(SourceChangedError):  # and so is every later request
        await cog.read_tile(0, 15, 15)
    assert (await tinycog.open(server.url("a.tif")).read_tile(0, 0, 0)).data.max() == 2


async def test_a_412_that_was_not_asked_for_is_a_status_like_others(server):
    server.script(Fault.status(412))
    with pytest.raises(SourceError, match=r"the server refused .HTTP 412") as caught:
        await tinycog.open(server.url("a.tif"))
    assert type(caught.value) is SourceError


async def test_a_shorter_object_is_a_change_where_no_tag_tells():
    async with RangeServer({"a.tif": FILES[0]}, etag=False) as server:
        server.script(Fault.headers({"Last-Modified": None}, times=None))
        cog = await tinycog.open(server.url("a.tif"))
        server.files["a.tif"] = FILES[0][:100]
        with pytest.raises(SourceChangedError, match=f"it had {len(FILES[0])} bytes, now 100"):
            await cog.read()


async def test_a_pin_is_demanded_from_the_first_request_on(server):
    etag = (await tinycog.open(server.url("a.tif"))).pin
    server.clear()
    cog = tinycog.open(server.url("a.tif"), pin=etag)
    assert cog.pin == etag
    assert (await cog.read()).data.max() == 1
    assert {line.headers.get("if-match") for line in server.log} == {etag}


@pytest.mark.parametrize("ignoring", [False, True])
async def test_a_pin_of_another_generation_is_refused(server, ignoring):
    if ignoring:
        server.script(ignoring_if_match())
    cog = tinycog.open(server.url("a.tif"), pin='"old"')
    for _ in range(2):
        with pytest.raises(SourceChangedError, match='its generation was "old"') as caught:
            await pickle.loads(pickle.dumps(cog)).read_tile(0, 0, 0)  # noqa: S301 - our own
        assert caught.value.expected == '"old"'


async def test_a_pin_goes_with_the_snapshot_of_its_generation(server):
    cog = await tinycog.open(server.url("a.tif"))
    held = cog.snapshot()
    server.clear()
    again = await tinycog.open(server.url("a.tif"), snapshot=held, pin=cog.pin)
    assert server.log == []
    assert (await again.read_tile(0, 0, 0)).data.max() == 1
    with pytest.raises(UsageError, match=r'is of the generation .*, not of "other"'):
        tinycog.open(server.url("a.tif"), snapshot=held, pin='"other"')


async def test_a_snapshot_that_tells_no_generation_is_not_the_one_demanded():
    held = (await tinycog.open(FILES[0])).snapshot()
    with pytest.raises(UsageError, match='is of no named generation, not of "x"'):
        tinycog.open(FILES[0], snapshot=held, pin='"x"')


@pytest.mark.parametrize("pin", ["", 'W/"x"'])
def test_a_pin_that_names_no_generation_is_a_mistake(pin):
    with pytest.raises(UsageError, match="names no generation"):
        tinycog.open("http://x/a.tif", pin=pin)


async def test_a_pin_is_held_against_a_file_too(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(FILES[0])
    pin = (await tinycog.open(path)).pin
    assert await tinycog.open(path, pin=pin)
    with pytest.raises(SourceChangedError):
        await tinycog.open(path, pin="modified 0")


async def test_what_cannot_tell_its_generation_has_not_the_one_demanded():
    with pytest.raises(SourceChangedError, match="now not reported"):
        await tinycog.open(FILES[0], pin='"x"')


async def test_requests_side_by_side_before_the_pin_is_known_are_held_against_each_other(server):
    server.script(Fault.stall(0.05, after=1, times=1), Fault.change(FILES[1], after=2))
    fetcher = Fetcher(make_source(server.url("a.tif")))
    parts = [ByteRange(i * 16_000, i * 16_000 + 100) for i in range(4)]
    found = await asyncio.gather(*(fetcher.read([p]) for p in parts), return_exceptions=True)
    assert {type(f) for f in found} == {list, SourceChangedError}
    read = [(f[0], p) for f, p in zip(found, parts, strict=True) if isinstance(f, list)]
    ways = [all(file[a:b] == data for data, (a, b) in read) for file in FILES[:2]]
    assert any(ways)


@pytest.mark.parametrize("ignoring", [False, True])
async def test_a_body_that_breaks_off_is_not_resumed_with_another_generation(server, ignoring):
    at_once = tinycog.Limits(retries=tinycog.Retries(first_delay=0))
    cog = await tinycog.open(server.url("a.tif"), limits=at_once)
    changed = Fault.change(FILES[1], times=1)
    server.script(Fault.short_body(1000), changed, *([ignoring_if_match()] if ignoring else []))
    with pytest.raises(SourceChangedError):
        await cog.read()


# --- replaced at any moment ----------------------------------------------------------------------


@pytest.mark.parametrize("block", range(8))
async def test_a_file_that_is_replaced_at_any_request_is_never_mixed(block):
    outcomes = [await read_while_replaced(seed) for seed in range(block * 40, block * 40 + 40)]
    assert {"changed", "whole"} <= set(outcomes)


def test_the_files_of_this_test_differ_only_in_their_pixels():
    assert len({len(file) for file in FILES}) == 1
    assert len(set(FILES)) == 4
