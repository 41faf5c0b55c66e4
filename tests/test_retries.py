"""What is asked again, after which pause, and what of a broken answer is kept."""

from __future__ import annotations

import asyncio
import pickle
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinycog
from tinycog import Limits, Retries
from tinycog.buffer import ByteRange
from tinycog.errors import (
    RangeMismatchError,
    SourceBusyError,
    SourceError,
    SourceTimeoutError,
    TinycogError,
)
from tinycog.fetch import Fetcher, retries
from tinycog.fetch.origin import BUDGET, origin_named
from tinycog.fetch.retries import Tries, longest_pause, seconds_told
from tinycog.sources import exchange, make_source
from tinycog.testing import Fault, RangeServer, make_pyramid, make_tiff
from tinycog.testing.server.exchange import Answer as Sent
from tinycog.testing.server.exchange import Exchange

DATA = bytes(i * 7 % 251 for i in range(100_000))
NOW = 1_700_000_000.0


class Clock:
    """A clock that a test turns, and a draw that it chooses."""

    def __init__(self, draw: float = 1.0) -> None:
        self.seconds = 0.0
        self.draw = draw

    def tries(self, budget: Retries) -> Tries:
        return Tries(budget, clock=lambda: self.seconds, now=lambda: NOW, draw=lambda: self.draw)


def passing(retry_after: str | None = None) -> SourceError:
    error = SourceError("busy")
    error.may_pass = True
    error.retry_after = retry_after
    return error


# --- the policy, by itself -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 120 ", 120),
        ("9" * 400, float("inf")),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW - 90, usegmt=True), 0),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("Tue, 99 Nov 2023 22:14:20 GMT", None),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, seconds):
    assert seconds_told(text, NOW) == seconds


@given(st.text())
def test_whatever_retry_after_says_it_is_seconds_or_nothing(text):
    seconds = seconds_told(text, NOW)
    assert seconds is None or seconds >= 0


def test_a_pause_may_be_twice_as_long_each_time_up_to_the_longest():
    budget = Retries(first_delay=0.25, most_delay=3)
    assert [longest_pause(budget, n) for n in range(1, 7)] == [0.25, 0.5, 1, 2, 3, 3]
    assert longest_pause(budget, 10_000) == 3


@given(draw=st.floats(0, 1), tried=st.integers(1, 100))
def test_a_pause_is_drawn_between_nothing_and_its_longest(draw, tried):
    clock = Clock(draw)
    tries = clock.tries(Retries(tries=1000, seconds=1e9))
    tries.made = tried
    pause = tries.pause_after(passing())
    assert pause == draw * longest_pause(Retries(), tried)


def test_retry_after_comes_below_the_drawn_pause_however_long():
    tries = Clock(0.5).tries(Retries(first_delay=2, most_delay=8, seconds=1000))
    assert tries.pause_after(passing("10")) == 11
    assert tries.pause_after(passing("900")) == 900 + 2
    assert tries.pause_after(passing(formatdate(NOW + 5, usegmt=True))) == 5 + 4


@pytest.mark.parametrize("told", ["31", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_who_is_told_to_come_back_too_late_gives_up_at_once(told):
    assert Clock(0).tries(Retries(seconds=30)).pause_after(passing(told)) is None


def test_there_are_so_many_tries_and_no_more():
    tries = Clock().tries(Retries(tries=4))
    pauses = [tries.pause_after(passing()) for _ in range(5)]
    assert [pause is None for pause in pauses] == [False, False, False, True, True]
    assert tries.made == 4


def test_there_is_no_try_that_would_begin_after_the_seconds():
    clock = Clock()
    tries = clock.tries(Retries(tries=100, seconds=10, first_delay=1, most_delay=1))
    clock.seconds = 9.0
    assert tries.pause_after(passing()) == 1
    clock.seconds = 9.1
    assert tries.pause_after(passing()) is None
    assert clock.tries(Retries(seconds=5)).pause_after(passing("6")) is None


def test_what_will_not_pass_is_not_tried_again():
    assert Clock().tries(Retries()).pause_after(SourceError("no")) is None


# --- over the wire -------------------------------------------------------------------------------


@pytest.fixture
async def server():
    async with RangeServer({"a": DATA}) as server:
        yield server
    assert BUDGET.used == 0
    assert origin_named(f"http://127.0.0.1:{server.port}").in_flight == 0


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """The pauses that were asked for; none is made."""
    asked: list[float] = []

    async def pause(seconds: float) -> None:
        asked.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(retries, "pause", pause)
    return asked


def fetcher_of(server: RangeServer, budget: Retries | None = None) -> Fetcher:
    limits = Limits(retries=budget or Retries())
    return Fetcher(make_source(server.url("a"), limits=limits), limits)


async def read(fetcher: Fetcher, start: int, stop: int) -> bytes:
    return (await fetcher.read([ByteRange(start, stop)]))[0]


def asked(server: RangeServer) -> list[tuple[int | None, int | None]]:
    return [(line.start, line.stop) for line in server.log]


PASSING = [408, 425, 429, 500, 502, 503, 504]


@pytest.mark.parametrize("status", PASSING)
async def test_a_status_that_may_pass_is_asked_again(server, pauses, status):
    server.script(Fault.status(status, times=3))
    fetcher = fetcher_of(server)
    assert await read(fetcher, 100, 200) == DATA[100:200]
    assert asked(server) == [(100, 200)] * 4
    assert len(pauses) == 3
    for pause, longest in zip(pauses, (0.25, 0.5, 1), strict=True):
        assert 0 <= pause <= longest


@pytest.mark.parametrize("status", [201, 204, 400, 401, 402, 403, 404, 405, 410, 416, 501, 505])
@pytest.mark.usefixtures("pauses")
async def test_a_status_that_will_not_pass_is_not_asked_again(server, status):
    server.script(Fault.status(status, times=None, body=b""))
    with pytest.raises(SourceError) as caught:
        await read(fetcher_of(server), 100, 200)
    assert (caught.value.status, caught.value.may_pass, caught.value.tries) == (status, False, 1)
    assert len(server.log) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault.wrong_range(10, times=None),
        Fault.bad_content_range(times=None),
        Fault.gzip(times=None),
        Fault.long_body(5, times=None),
    ],
    ids=lambda fault: fault.kind,
)
@pytest.mark.usefixtures("pauses")
async def test_a_wrong_answer_is_not_asked_again(server, fault):
    server.script(fault)
    with pytest.raises(RangeMismatchError):
        await read(fetcher_of(server), 100, 200)
    assert len(server.log) == 1


@pytest.mark.usefixtures("pauses")
async def test_a_failure_that_does_not_pass_is_said_with_the_number_of_tries(server):
    server.script(Fault.status(503, times=None))
    url = server.url("a")
    with pytest.raises(SourceBusyError) as caught:
        await read(fetcher_of(server), 100, 200)
    told = "the server is asked too much (HTTP 503 Service Unavailable)"
    assert str(caught.value) == f"{told}: {url} (bytes 100 to 200) (asked 6 times)"
    assert (caught.value.status, caught.value.tries, len(server.log)) == (503, 6, 6)
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (str(again), again.status, again.tries) == (str(caught.value), 503, 6)
    assert (again.url, again.range) == (url, (100, 200))


@pytest.mark.parametrize("header", ["3", "in a while", "date"])
async def test_retry_after_is_obeyed(server, pauses, monkeypatch, header):
    defaults = Tries.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "now", lambda: NOW)
    monkeypatch.setitem(defaults, "draw", lambda: 0.0)
    text = formatdate(NOW + 3, usegmt=True) if header == "date" else header
    server.script(Fault.status(503, headers={"Retry-After": text}))
    await read(fetcher_of(server), 100, 200)
    assert pauses == [0 if header == "in a while" else 3]


async def test_a_budget_of_one_try_asks_once(server, pauses):
    server.script(Fault.status(503))
    with pytest.raises(SourceBusyError, match=r"bytes 100 to 200\)$"):
        await read(fetcher_of(server, Retries(tries=1)), 100, 200)
    assert (len(server.log), pauses) == (1, [])


async def test_the_budget_of_a_handle_is_in_its_limits(server, pauses):
    server.script(Fault.status(503, times=None))
    cog = tinycog.open(server.url("a"), limits=Limits(retries=Retries(tries=3)))
    with pytest.raises(SourceBusyError):
        await cog
    assert (len(server.log), len(pauses)) == (3, 2)
    again = pickle.loads(pickle.dumps(cog))  # noqa: S301 - our own
    with pytest.raises(SourceBusyError):
        await again
    assert len(server.log) == 6


async def test_a_server_that_is_not_there_is_tried_again(pauses):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        source = make_source(f"http://127.0.0.1:{unused.getsockname()[1]}/a")
        with pytest.raises(SourceError, match=r"asked 6 times"):
            await Fetcher(source).read([ByteRange(0, 10)])
    assert len(pauses) == 5


async def test_a_url_that_is_none_is_not_tried_again(pauses):
    for url in ("http://", "http://[::1/a.tif"):
        with pytest.raises(SourceError):
            await Fetcher(make_source(url)).read([ByteRange(0, 10)])
    assert pauses == []


def test_a_name_that_there_is_not_will_not_pass():
    key: Any = None
    nobody = aiohttp.ClientConnectorError(key, socket.gaierror(-2, "Name or service not known"))
    refused = aiohttp.ClientConnectorError(key, ConnectionRefusedError(111, "refused"))
    assert [exchange._may_pass(error) for error in (nobody, refused)] == [False, True]


@pytest.mark.usefixtures("pauses")
async def test_a_connection_that_is_reset_is_tried_again(server):
    server.script(Fault.reset(times=4))
    assert await read(fetcher_of(server), 100, 200) == DATA[100:200]


# --- a server that is down -----------------------------------------------------------------------

FAR = [ByteRange(i * 10_000, i * 10_000 + 10) for i in range(10)]


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("fault", [Fault.status(503, times=None), Fault.reset(times=None)])
async def test_while_a_server_only_fails_one_request_asks_for_all(server, fault):
    server.script(fault)
    fetcher = fetcher_of(server)
    found = await asyncio.gather(*(read(fetcher, *part) for part in FAR), return_exceptions=True)
    assert {type(error) for error in found} <= {SourceError, SourceBusyError}
    assert len(server.log) == len(FAR) + 5


@pytest.mark.usefixtures("pauses")
async def test_once_it_answers_all_ask_again(server):
    server.script(Fault.status(503, times=12))
    fetcher = fetcher_of(server)
    found = await asyncio.gather(*(read(fetcher, *part) for part in FAR))
    assert found == [DATA[a:b] for a, b in FAR]
    assert len(server.log) == 22


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("n", range(10))
async def test_if_who_asks_is_given_up_another_asks(server, n):
    server.script(Fault.status(500, times=10), Fault.stall(0.05, times=1))
    fetcher = fetcher_of(server)
    tasks = [asyncio.ensure_future(read(fetcher, *part)) for part in FAR]
    await turns_until(lambda: len(server.log) > 10)
    tasks[n].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    for i, (part, data) in enumerate(zip(FAR, found, strict=True)):
        assert isinstance(data, asyncio.CancelledError) if i == n else data == DATA[slice(*part)]


@pytest.mark.usefixtures("pauses")
async def test_a_range_that_always_fails_does_not_hold_up_others(server):
    bad = Fault.status(500).alter

    def alter(e: Exchange) -> Sent:
        return bad(e) if e.asked is not None and e.asked.start >= 50_000 else e.right

    server.script(Fault(kind="half is bad", alter=alter, times=None))
    fetcher = fetcher_of(server)
    found = await asyncio.gather(*(read(fetcher, *part) for part in FAR), return_exceptions=True)
    assert found[:5] == [DATA[a:b] for a, b in FAR[:5]]
    assert {type(error) for error in found[5:]} == {SourceError}


# --- resumed -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("cut", [0, 1, 999, 1000, 70_000, 89_999])
async def test_a_body_that_breaks_off_is_resumed_where_it_did(server, cut):
    server.script(Fault.short_body(cut))
    fetcher = fetcher_of(server)
    assert await read(fetcher, 10_000, 100_000) == DATA[10_000:]
    assert asked(server) == [(10_000, 100_000), (10_000 + cut, 100_000)]
    etag = server.log[1].headers["if-match"]
    assert etag == fetcher.tag


@pytest.mark.usefixtures("pauses")
async def test_a_body_is_resumed_as_often_as_it_breaks(server):
    server.script(Fault.short_body(10_000, times=5))
    assert await read(fetcher_of(server), 0, 60_000) == DATA[:60_000]
    assert asked(server) == [(i * 10_000, 60_000) for i in range(6)]


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("framing", ["chunked", "close"])
async def test_a_body_of_unknown_length_that_breaks_off_is_asked_again(server, framing):
    server.script(Fault.unframed(framing, cut=50))
    assert await read(fetcher_of(server), 100, 200) == DATA[100:200]
    assert asked(server) == [(100, 200)] * 2


@pytest.mark.parametrize("framing", ["chunked", "close"])
async def test_a_body_of_unknown_length_is_read(server, framing):
    server.script(Fault.unframed(framing, times=None))
    assert await read(fetcher_of(server), 100, 90_000) == DATA[100:90_000]


@pytest.mark.usefixtures("pauses")
async def test_what_has_come_is_delivered_and_not_asked_again(server):
    server.script(Fault.short_body(30_000), Fault.stall(0.2))
    fetcher = fetcher_of(server)
    first = asyncio.ensure_future(read(fetcher, 0, 20_000))
    second = asyncio.ensure_future(read(fetcher, 20_000, 60_000))
    assert await first == DATA[:20_000]
    assert not second.done()
    assert await second == DATA[20_000:60_000]
    assert asked(server) == [(0, 60_000), (30_000, 60_000)]


@pytest.mark.usefixtures("pauses")
async def test_the_log_tells_each_try(server):
    server.script(Fault.status(500), Fault.short_body(40))
    fetcher = fetcher_of(server)
    await read(fetcher, 100, 200)
    assert [(r.start, r.stop, r.length, r.error) for r in fetcher.log] == [
        (100, 200, 0, "SourceError"),
        (100, 200, 40, "SourceError"),
        (140, 200, 60, None),
    ]
    assert [(line.start, line.stop, line.sent) for line in server.log[1:]] == [
        (100, 200, 40),
        (140, 200, 60),
    ]


# --- time ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("at", [None, 50], ids=["before-the-answer", "in-the-body"])
async def test_a_server_that_stalls_is_asked_again(server, at):
    server.script(Fault.stall(at=at, times=2))
    assert await read(fetcher_of(server, Retries(silence=0.1)), 100, 200) == DATA[100:200]
    assert asked(server)[-1] == (100 + (at or 0), 200)


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_server_that_drips_is_given_up(server, framing):
    fault = Fault.drip(0.02, times=None)
    if framing == "chunked":
        fault = Fault(
            kind="drip",
            alter=lambda e: replace(e.right, drip=0.02, framing="chunked"),
            times=None,
        )
    server.script(fault)
    clock = asyncio.get_running_loop().time
    begun = clock()
    with pytest.raises(SourceTimeoutError):
        await read(fetcher_of(server, Retries(seconds=0.3)), 0, 10_000)
    assert clock() - begun < 3


@pytest.mark.parametrize("opened", [False, True], ids=["new-connection", "open-connection"])
async def test_a_slow_server_that_goes_on_sending_is_not_given_up(monkeypatch, opened):
    loop = asyncio.get_running_loop()
    now = loop.time()
    step, steps = 10_000, asyncio.Semaphore(0)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(1 + opened):
            head = await reader.readuntil(b"\r\n\r\n")
            start, last = map(int, re.findall(rb"bytes=(\d+)-(\d+)", head)[0])
            ranged = f"Content-Range: bytes {start}-{last}/{len(DATA)}\r\n"
            length = f"Content-Length: {last + 1 - start}\r\n\r\n"
            writer.write(f"HTTP/1.1 206 Partial Content\r\n{ranged}{length}".encode())
            for at in range(start, last + 1, step):
                await steps.acquire()
                writer.write(DATA[at : min(at + step, last + 1)])
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/a"
        limits = Limits(retries=Retries(tries=1, seconds=30, silence=10))
        fetcher = Fetcher(make_source(url, limits=limits), limits)
        if opened:
            steps.release()
            await read(fetcher, 0, 10)
        with monkeypatch.context() as patch:
            patch.setattr(loop, "time", lambda: now)  # moved by this test alone
            parts = range(0, len(DATA), step)
            reads = [asyncio.ensure_future(read(fetcher, at, at + step)) for at in parts]
            for at, part in zip(parts, reads, strict=True):
                steps.release()
                assert await part == DATA[at : at + step]
                now += 8  # 80 s in all
        assert [request.error for request in fetcher.log] == [None] * (1 + opened)


# --- slots, and who gives up ---------------------------------------------------------------------


async def turns_until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)


async def test_the_slot_and_the_bytes_are_free_in_a_pause(server):
    server.script(Fault.status(503, headers={"Retry-After": "20"}))
    fetcher = fetcher_of(server)
    task = asyncio.ensure_future(read(fetcher, 100, 200))
    await turns_until(lambda: bool(fetcher.log))
    await turns_until(lambda: fetcher.origin.in_flight == 0)
    assert BUDGET.used == 0
    assert await read(fetcher, 50_000, 50_100) == DATA[50_000:50_100]
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (BUDGET.used, fetcher.origin.in_flight) == (0, 0)
    assert await read(fetcher, 100, 200) == DATA[100:200]


async def test_who_wants_bytes_of_a_request_that_pauses_joins_it(server, monkeypatch):
    go = asyncio.Event()

    async def pause(_: float) -> None:
        await go.wait()

    monkeypatch.setattr(retries, "pause", pause)
    server.script(Fault.status(500))
    fetcher = fetcher_of(server)
    first = asyncio.ensure_future(read(fetcher, 0, 1000))
    await turns_until(lambda: bool(fetcher.log))
    second = asyncio.ensure_future(read(fetcher, 500, 600))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    go.set()
    assert await second == DATA[500:600]
    assert asked(server) == [(0, 1000)] * 2


async def test_who_paused_waits_for_a_slot_like_all_others(server, pauses):
    server.script(Fault.status(500, times=20))
    fetcher = fetcher_of(server, Retries(tries=100))
    fetcher.origin.limit = 1
    parts = [ByteRange(i * 10_000, i * 10_000 + 10) for i in range(10)]
    found = await asyncio.gather(*(read(fetcher, *part) for part in parts))
    assert found == [DATA[a:b] for a, b in parts]
    assert pauses


@pytest.mark.usefixtures("pauses")
async def test_what_pauses_waits_for_bytes_in_flight_like_all_others(server, monkeypatch):
    monkeypatch.setattr(BUDGET, "most", 1000)
    server.script(Fault.short_body(100, times=6), Fault.status(503, times=6))
    fetcher = fetcher_of(server, Retries(tries=100))
    parts = [ByteRange(i * 9000, i * 9000 + 700) for i in range(10)]
    found = await asyncio.gather(*(read(fetcher, *part) for part in parts))
    assert found == [DATA[a:b] for a, b in parts]
    assert await read(fetcher, 0, 50_000) == DATA[:50_000]


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("seed", range(40))
async def test_whatever_fails_and_whoever_gives_up_nothing_is_left(server, seed, monkeypatch):
    random = Random(seed)  # noqa: S311 - a seeded test
    if seed % 2:
        monkeypatch.setattr(BUDGET, "most", 10_000)
    faults = [
        Fault.status(503),
        Fault.status(500),
        Fault.reset(),
        Fault.short_body(random.randrange(5000)),
        Fault.stall(0.01, at=random.randrange(100)),
        Fault.status(404),
    ]
    script = [random.choice(faults) for _ in range(30)]
    server.script(*script)
    fetcher = fetcher_of(server)
    tasks = []
    for _ in range(12):
        start = random.randrange(90_000)
        part = ByteRange(start, start + random.randrange(1, 9000))
        tasks.append((part, asyncio.ensure_future(fetcher.read([part]))))
        await asyncio.sleep(random.choice((0, 0, 0.001, 0.004)))
        if random.random() < 0.3:
            random.choice(tasks)[1].cancel()
    for part, task in tasks:
        with suppress(TinycogError, asyncio.CancelledError):
            assert await task == [DATA[part.start : part.stop]]
    await asyncio.sleep(0.005)
    assert (BUDGET.used, fetcher.origin.in_flight) == (0, 0)


# --- the whole object where a range was asked ----------------------------------------------------


async def test_a_short_object_that_comes_whole_is_taken_and_kept(server):
    server.script(Fault.ignore_range(times=None))
    fetcher = fetcher_of(server)
    assert await read(fetcher, 100, 200) == DATA[100:200]
    assert await read(fetcher, 50_000, 60_000) == DATA[50_000:60_000]
    assert len(server.log) == 1


async def test_a_file_is_read_from_a_server_without_ranges_by_one_request(server):
    data = (Path(__file__).parent.parent / "src/tinycog/data/demo.tif").read_bytes()
    server.files["a"] = data
    server.script(Fault.ignore_range(times=None))
    cog = await tinycog.open(server.url("a"))
    raster = await cog.read_level(0)
    expected = await tinycog.open(data).read_level(0)
    np.testing.assert_array_equal(raster.data, expected.data)
    assert len(server.log) == 1


async def test_many_ranges_that_come_whole_at_once_are_right(server):
    server.script(Fault.ignore_range(times=None))
    fetcher = fetcher_of(server)
    found = await asyncio.gather(*(read(fetcher, i, i + 9) for i in range(0, 90_000, 9000)))
    assert found == [DATA[i : i + 9] for i in range(0, 90_000, 9000)]


@pytest.mark.parametrize("most", [0, 99_999])
async def test_a_longer_one_is_refused_early(server, most):
    server.script(Fault.ignore_range(times=None))
    source = make_source(server.url("a"), limits=Limits(whole_bytes=most))
    with pytest.raises(SourceError, match="the server ignores ranges"):
        await Fetcher(source).read([ByteRange(100, 200)])


async def test_one_of_unknown_length_is_refused_early(server):
    whole = Fault.ignore_range().alter

    def unframed(e: Exchange) -> Sent:
        return replace(whole(e), framing="close")

    server.script(Fault(kind="unframed whole", alter=unframed, times=None))
    with pytest.raises(SourceError, match="the server ignores ranges"):
        await read(fetcher_of(server), 100, 200)


async def test_a_range_beyond_a_whole_object_is_said(server):
    server.script(Fault.ignore_range(times=None))
    source = make_source(server.url("a"))
    with pytest.raises(SourceError, match="lies outside"):
        await Fetcher(source).read([ByteRange(200_000, 200_100)])


@pytest.mark.usefixtures("pauses")
async def test_a_whole_object_that_breaks_off_is_asked_again(server):
    whole = Fault.ignore_range().alter

    def cut(e: Exchange) -> Sent:
        return replace(whole(e), cut=150)

    server.script(Fault(kind="cut", alter=cut), Fault.ignore_range(times=None))
    fetcher = fetcher_of(server)
    assert await read(fetcher, 100, 200) == DATA[100:200]
    assert asked(server) == [(100, 200), (100, 200)]


async def test_a_head_that_is_too_long_is_said(server, pauses):
    server.script(Fault.headers({"X-Long": "x" * 100_000}, times=None))
    with pytest.raises(SourceError):
        await read(fetcher_of(server), 100, 200)
    server.script(Fault.headers({f"X-{i}": "x" * 4000 for i in range(3000)}, times=None))
    with pytest.raises(SourceError):
        await read(fetcher_of(server), 100, 200)
    assert pauses == []


async def test_a_multipart_answer_is_refused(server):
    kind = "multipart/byteranges; boundary=x"
    server.script(Fault.headers({"Content-Type": kind, "Content-Range": None}, times=None))
    with pytest.raises(RangeMismatchError):
        await read(fetcher_of(server), 100, 200)
    assert len(server.log) == 1


# --- a whole file --------------------------------------------------------------------------------


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("seed", range(10))
async def test_a_file_is_read_right_through_whatever_passes(seed):
    random = Random(seed)  # noqa: S311 - a seeded test
    pixels = np.arange(3 * 300 * 300, dtype=np.uint16).reshape(3, 300, 300)
    data = make_tiff(make_pyramid(pixels, tile=(64, 64)))
    faults = [
        random.choice(
            [
                Fault.status(random.choice(PASSING), after=random.randrange(3)),
                Fault.short_body(random.randrange(40_000), after=random.randrange(3)),
                Fault.reset(after=random.randrange(3)),
            ]
        )
        for _ in range(5)
    ]
    async with RangeServer({"a.tif": data}, faults=faults) as server:
        cog = tinycog.open(server.url("a.tif"), limits=Limits(retries=Retries(tries=20)))
        raster = await cog.read()
        np.testing.assert_array_equal(raster.data, pixels)
        assert BUDGET.used == 0
