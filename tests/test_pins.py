"""One read, one generation: whenever the object is replaced, never mixed bytes."""

from __future__ import annotations

import asyncio
import itertools
import os
import pickle
from dataclasses import replace

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
from tinycog.testing.server.exchange import RequestContext, Response, ResponseBody
from tinycog.tiff.ranges import ByteRange

SIZE = 1024


def file_of(value: int) -> bytes:
    """A file whose every pixel tells its generation; all of them have one layout."""
    pixels = np.full((1, SIZE, SIZE), value, np.uint8)
    return make_tiff(make_pyramid(pixels, (2,), tile=(64, 64)))


FILES = [file_of(value) for value in range(1, 5)]
PART = (0, 10)
REMEDY = '(of the same size: if the bytes are the same, open it with pinning="size")'
SIZELESS = REMEDY.replace("of the same size: ", "")
LAST_MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"
OLD = {"Last-Modified": LAST_MODIFIED, "Date": "Mon, 01 Jan 2024 00:01:00 GMT"}
NEW = {"Last-Modified": LAST_MODIFIED, "Date": "Mon, 01 Jan 2024 00:00:59 GMT"}


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
        ((9, '"x"'), (9, '"y"'), f'its generation was "x", now "y" {REMEDY}', '"x"', '"y"'),
        ((9, '"x"'), (8, '"x"'), "it had 9 bytes, now 8", "9 bytes", "8 bytes"),
        ((None, '"x"'), (None, '"y"'), f'its generation was "x", now "y" {SIZELESS}', '"x"', '"y"'),
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


@pytest.mark.parametrize(("first", "then"), [('"x"', None), (None, '"x"')])
def test_an_answer_without_anything_to_compare_is_asked_for_once_more(first, then):
    pin = Pin("a")
    pin.check(PART, 9, first)
    with pytest.raises(SourceChangedError, match=r"nothing tells .* with pinning=.size") as caught:
        pin.check(PART, 9, then)
    assert "has changed" not in str(caught.value)
    assert (caught.value.expected, caught.value.found) == (first, then)
    assert (caught.value.may_pass, caught.value.most_tries) == (True, 2)


@pytest.mark.parametrize(
    ("first", "then", "is_same"),
    [
        ({"ETag": '"x"', **OLD}, {**OLD}, True),
        ({"ETag": '"x"', **OLD}, {"Last-Modified": "Mon, 01 Jan 2024 00:00:09 GMT"}, False),
        ({"ETag": '"x"', **NEW}, {**NEW}, None),  # it may be replaced in the same second
        ({**OLD}, {"ETag": '"x"', **OLD}, True),
        ({**NEW}, {"ETag": '"x"', **NEW}, None),
        ({**NEW}, {"weak ETag": 'W/"x"', **NEW}, None),
        ({"ETag": '"x"', **OLD}, {"ETag": '"x-gzip"', **OLD}, False),
        ({"ETag": '"x"', **OLD}, {"weak ETag": 'W/"x"', **OLD}, True),
        ({"ETag": '"x"', **OLD}, {"weak ETag": 'W/"y"', **OLD}, False),
        ({"ETag": '"x"'}, {"weak ETag": 'W/"x"'}, None),
        ({"weak ETag": 'W/"x"'}, {"ETag": '"x"'}, None),
        ({"weak ETag": 'W/"x"', **NEW}, {"weak ETag": 'W/"x"'}, None),
        ({"weak ETag": 'W/"x"', **NEW}, {**NEW}, None),
        ({"weak ETag": 'W/"x"', **OLD}, {**OLD}, True),
        ({"weak ETag": 'W/"x"', **NEW}, {"weak ETag": 'W/"x"', **NEW}, True),
        ({"weak ETag": 'W/"x"', **NEW}, {"weak ETag": 'W/"y"', **NEW}, False),
        ({"x-goog-generation": "1", **NEW}, {"x-goog-generation": "1"}, True),
        ({"ETag": '"x"', "x-goog-generation": "1"}, {"x-goog-generation": "2", **OLD}, False),
    ],
)
def test_like_is_compared_with_like(first, then, is_same):
    pin = Pin("a")
    pin.check(PART, 9, name_of(first), first)
    if is_same:
        pin.check(PART, 9, name_of(then), then)
        return
    with pytest.raises(SourceChangedError) as caught:
        pin.check(PART, 9, name_of(then), then)
    assert caught.value.may_pass is (is_same is None)


def name_of(validators: dict[str, str]) -> str:
    """What a response is called by: a strong ETag, else all the rest."""
    strong = validators.get("ETag")
    return strong or " ".join(text for kind, text in validators.items() if kind != "Date")


def test_what_an_answer_names_besides_is_kept():
    pin = Pin("a")
    pin.require(None, '"x"')
    pin.check(PART, 9, '"x"', {"ETag": '"x"', **OLD})
    pin.check(PART, 9, LAST_MODIFIED, OLD)
    assert (pin.generation, pin.required) == ('"x"', '"x"')


def test_a_size_alone_is_compared_where_that_is_asked_for():
    pin = Pin("a", "size")
    pin.check(PART, 9, '"x"')
    assert (pin.generation, pin.required) == ('"x"', None)
    pin.check(PART, 9, '"y"')
    assert pin.generation is None
    with pytest.raises(SourceChangedError, match="it had 9 bytes, now 8"):
        pin.check(PART, 8, '"y"')


def test_nothing_is_compared_where_that_is_asked_for():
    pin = Pin("a", "off")
    pin.check(PART, 9, '"x"')
    pin.check(PART, 8, None)
    assert pin.size == 8


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
    with pytest.raises(SourceChangedError, match="its generation was") as caught:
        await cog.read()
    found = (await tinycog.open(server.url("a.tif"))).pin
    assert (caught.value.expected, caught.value.found) == (cog.pin, found)
    refused = [line.status for line in server.log[1:-1] if "if-match" in line.headers]
    assert set(refused) == {412}
    assert len(server.log) == 2 + 2 * len(refused)
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
    with pytest.raises(SourceChangedError, match=r'nothing tells .* wanted "x": it names no'):
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


# --- If-Match that is refused ---------------------------------------------------------------------


def refusing_if_match(status: int) -> Fault:
    """A server that answers any If-Match so."""

    def alter(exchange: RequestContext) -> Response:
        has_it = "if-match" in exchange.request.headers
        return Response(status, {}, ResponseBody.of(b"")) if has_it else exchange.right

    return Fault(kind="refuses If-Match", alter=alter, times=None)


@pytest.mark.parametrize("by_aiohttp", [False, True])
@pytest.mark.parametrize("status", [400, 412, 501])
async def test_a_condition_that_is_not_understood_is_left_out(
    server, status, by_aiohttp, monkeypatch
):
    monkeypatch.setattr("tinycog.sources.http.client.USES_POOL", not by_aiohttp)
    server.script(refusing_if_match(status))
    cog = await tinycog.open(server.url("a.tif"))
    assert (await cog.read()).data.max() == 1
    await cog.read_tile(0, 15, 15)
    refused = [line for line in server.log if "if-match" in line.headers]
    assert len(refused) == 1
    assert len(cog.requests) == len(server.log) - 1
    server.files["a.tif"] = FILES[1]
    with pytest.raises(SourceChangedError):
        await cog.read()


@pytest.mark.parametrize("etag", ['"other"', None])
async def test_after_a_412_the_etag_alone_shows_that_the_object_is_the_same(server, etag):
    cog = await tinycog.open(server.url("a.tif"))
    server.script(Fault.status(412), Fault.headers({"ETag": etag}, times=None))
    with pytest.raises(SourceChangedError) as caught:
        await cog.read_tile(0, 15, 15)
    assert caught.value.expected == cog.pin
    assert len(server.log) == 3


async def test_a_412_to_what_has_no_condition_is_not_asked_again(server):
    cog = await tinycog.open(server.url("a.tif"))
    server.script(Fault.status(412, times=None))
    with pytest.raises(SourceError, match="HTTP 412"):
        await cog.read_tile(0, 15, 15)
    assert len(server.log) == 3


# --- validators that vary ------------------------------------------------------------------------


def in_turn(*headers: dict[str, str | None]) -> Fault:
    """A server that does not know If-Match, and whose answers have these headers in turn."""
    turns = itertools.cycle(headers)

    def alter(exchange: RequestContext) -> Response:
        right = ignoring_if_match().alter(exchange)
        merged = {**right.headers, **next(turns)}
        return replace(right, headers={k: v for k, v in merged.items() if v is not None})

    return Fault(kind="validators in turn", alter=alter, times=None)


VARYING = {
    "ETags of two edges": ({"ETag": '"x"'}, {"ETag": '"y"'}),
    "weak ETags of two replicas": ({"ETag": 'W/"x"'}, {"ETag": 'W/"y"'}),
    "gzip": ({"ETag": '"x"'}, {"ETag": '"x-gzip"'}),
    "times": tuple(
        {"ETag": None, "Last-Modified": f"Mon, 01 Jan 2024 00:00:0{i} GMT"} for i in range(9)
    ),
}


@pytest.mark.parametrize("headers", VARYING.values(), ids=list(VARYING))
async def test_validators_that_vary_are_refused_and_read_by_the_size(server, headers):
    server.script(in_turn(*headers))
    with pytest.raises(SourceChangedError, match='open it with pinning="size"'):
        await (await tinycog.open(server.url("a.tif"))).read()
    for pinning in ("size", "off"):
        server.clear()
        cog = pickle.loads(pickle.dumps(tinycog.open(server.url("a.tif"), pinning=pinning)))  # noqa: S301 - our own
        assert (await cog.read()).data.max() == 1
        assert cog.pin is None
        assert {line.headers.get("if-match") for line in server.log} == {None}


async def test_an_etag_that_some_answers_lack_is_no_change(server):
    dated: dict[str, str | None] = {"Last-Modified": LAST_MODIFIED}
    server.script(in_turn(dated, {"ETag": None, **dated}))
    cog = await tinycog.open(server.url("a.tif"))
    assert (await cog.read()).data.max() == 1
    server.files["a.tif"] = FILES[1]
    with pytest.raises(SourceChangedError):
        await cog.read()


async def test_another_size_is_a_change_unless_nothing_is_compared(server):
    sized = await tinycog.open(server.url("a.tif"), pinning="size")
    loose = await tinycog.open(server.url("a.tif"), pinning="off")
    server.files["a.tif"] = FILES[0] + b"more"
    with pytest.raises(SourceChangedError, match="bytes, now"):
        await sized.read()
    assert (await loose.read()).data.max() == 1


async def test_a_snapshot_is_laid_over_whatever_is_not_compared(server):
    cog = await tinycog.open(server.url("a.tif"))
    server.files["a.tif"] = FILES[1]
    with pytest.raises(SourceChangedError):
        await tinycog.open(server.url("a.tif"), snapshot=cog.snapshot()).read()
    loose = tinycog.open(server.url("a.tif"), snapshot=cog.snapshot(), pinning="size")
    assert (await loose.read()).data.max() == 2
    assert loose.pin is None


async def test_a_snapshot_names_the_generation_if_all_answers_told_one(server):
    loose = await tinycog.open(server.url("a.tif"), pinning="size")
    held = loose.snapshot()
    assert tinycog.open(server.url("a.tif"), snapshot=held).pin == loose.pin is not None


@pytest.mark.parametrize("pinning", ["strict", "size", "off"])
async def test_all_kinds_of_sources_take_a_pinning(tmp_path, pinning):
    path = tmp_path / "a.tif"
    path.write_bytes(FILES[0])

    async def get_range(start: int, stop: int) -> bytes:
        return FILES[0][start:stop]

    for where in (path, FILES[0], get_range, f"local://{path}"):
        assert (await tinycog.open(where, pinning=pinning).read_tile(0, 0, 0)).data.max() == 1
    cog = await tinycog.open(path, pinning=pinning)
    os.utime(path, (1, 1))
    if pinning == "strict":
        with pytest.raises(SourceChangedError):
            await cog.read_tile(0, 15, 15)
    else:
        assert (await cog.read_tile(0, 15, 15)).data.max() == 1


@pytest.mark.parametrize("pinning", ["weak", None, True, 1])
def test_a_pinning_is_one_of_three(pinning):
    with pytest.raises(UsageError, match='pinning is "strict", "size" or "off", not'):
        tinycog.open("http://x/a.tif", pinning=pinning)


def test_a_pin_is_not_wanted_where_none_is_compared():
    with pytest.raises(UsageError, match="pin= has no use with pinning="):
        tinycog.open("http://x/a.tif", pin='"x"', pinning="size")


# --- replaced at any moment ----------------------------------------------------------------------


@pytest.mark.parametrize("block", range(8))
async def test_a_file_that_is_replaced_at_any_request_is_never_mixed(block):
    outcomes = [await read_while_replaced(seed) for seed in range(block * 20, block * 20 + 20)]
    assert {"changed", "whole"} <= set(outcomes)


def test_the_files_of_this_test_differ_only_in_their_pixels():
    assert len({len(file) for file in FILES}) == 1
    assert len(set(FILES)) == 4
