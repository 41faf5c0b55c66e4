"""What is asked again, after which pause, and what of a broken answer is kept."""

from __future__ import annotations

import asyncio
import pickle
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinycog
from tinycog import Limits, Retries
from tinycog.errors import (
    AccessDeniedError,
    RangeMismatchError,
    RangeUnsupportedError,
    SourceBusyError,
    SourceChangedError,
    SourceError,
    SourceTimeoutError,
    TinycogError,
    TruncatedError,
)
from tinycog.fetch.circuit_breaker import BreakerState, CircuitBreaker
from tinycog.fetch.concurrency import BUDGET, Budget, Server, server_named
from tinycog.fetch.fetcher import Fetcher
from tinycog.fetch.retry import (
    ATTEMPT,
    BACKOFF,
    GIVEN_UP,
    NEXT_PHASES,
    RetryClock,
    RetryPhase,
    RetryState,
    longest_pause,
    parse_retry_after,
)
from tinycog.sources.factory import make_source
from tinycog.sources.http import client, dial
from tinycog.testing import Fault, RangeServer, make_pyramid, make_tiff
from tinycog.testing.server.exchange import Framing, RequestContext, content_range
from tinycog.testing.server.exchange import Response as Sent
from tinycog.tiff.ranges import ByteRange

DATA = bytes(i * 7 % 251 for i in range(100_000))
NOW = 1_700_000_000.0

LONG_PAUSE = 9.0
"""Seconds of a timer that is no pause between tries, but watches over them."""


class Clock:
    """A clock that a test turns, a draw that it chooses, and pauses that it ends.

    No pause takes time; with `holds`, they last until `go` is set.
    """

    def __init__(self, draw: float = 1.0, *, holds: bool = False) -> None:
        self.seconds = 0.0
        self.draw = draw
        self.pauses: list[float] = []
        self.paused = asyncio.Event()
        self.go = asyncio.Event()
        if not holds:
            self.go.set()

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.paused.set()
        await asyncio.sleep(0)
        await self.go.wait()

    def later(self, seconds: float, callback: Callable[[], None]) -> asyncio.Handle:
        """Pause by a timer: a short one ends at once, as if its time were over."""
        loop = asyncio.get_running_loop()
        if seconds > LONG_PAUSE:
            return loop.call_later(seconds, callback)
        self.pauses.append(seconds)
        self.seconds += seconds
        return loop.call_soon(callback)

    def stopped(self) -> RetryClock:
        """All of it by the test."""
        return RetryClock(
            lambda: self.seconds, lambda: NOW, lambda: self.draw, self.sleep, self.later
        )

    def running(self) -> RetryClock:
        """Only the pauses by the test."""
        return RetryClock(
            lambda: self.seconds + time.monotonic(),
            sleep=self.sleep,
            later=self.later,
        )

    def retry(self, retries: Retries | None = None) -> RetryState:
        return RetryState(retries or Retries(), self.stopped())


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
    assert parse_retry_after(text, NOW) == seconds


@given(st.text())
def test_whatever_retry_after_says_it_is_seconds_or_nothing(text):
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or seconds >= 0


def test_a_backoff_may_be_twice_as_long_each_time_up_to_the_longest():
    retries = Retries(first_delay=0.25, most_delay=3)
    assert [longest_pause(retries, n) for n in range(1, 7)] == [0.25, 0.5, 1, 2, 3, 3]
    assert longest_pause(retries, 10_000) == 3


@given(draw=st.floats(0, 1), attempts=st.integers(1, 100))
def test_a_backoff_is_drawn_between_nothing_and_its_longest(draw, attempts):
    retry = Clock(draw).retry(Retries(tries=1000, seconds=1e9))
    retry.attempts = attempts
    assert retry.fail(passing()) == draw * longest_pause(Retries(), attempts)


def test_retry_after_comes_below_the_drawn_backoff_however_long():
    retry = Clock(0.5).retry(Retries(first_delay=2, most_delay=8, seconds=1000))
    assert retry.fail(passing("10")) == 11
    retry.next_attempt()
    assert retry.fail(passing("900")) == 900 + 2
    retry.next_attempt()
    assert retry.fail(passing(formatdate(NOW + 5, usegmt=True))) == 5 + 4


@pytest.mark.parametrize("retry_after", ["31", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_server_that_asks_for_more_time_than_is_left_is_given_up_at_once(retry_after):
    retry = Clock(0).retry(Retries(seconds=30))
    assert retry.fail(passing(retry_after)) is None
    assert retry.phase == GIVEN_UP


def test_there_are_so_many_attempts_and_no_more():
    retry = Clock().retry(Retries(tries=4))
    for _ in range(3):
        assert retry.fail(passing()) is not None
        retry.next_attempt()
    assert retry.fail(passing()) is None
    assert retry.attempts == 4


def test_there_is_no_attempt_that_would_begin_after_the_seconds():
    clock = Clock()
    retry = clock.retry(Retries(tries=100, seconds=10, first_delay=1, most_delay=1))
    clock.seconds = 9.0
    assert retry.fail(passing()) == 1
    retry.next_attempt()
    clock.seconds = 9.1
    assert retry.fail(passing()) is None
    assert clock.retry(Retries(seconds=5)).fail(passing("6")) is None


def test_a_failure_that_is_not_transient_is_not_retried():
    retry = Clock().retry()
    assert retry.fail(SourceError("no")) is None
    assert retry.phase == GIVEN_UP


# --- every transition of a retry -----------------------------------------------------------------


def in_phase(phase: RetryPhase) -> RetryState:
    retry = Clock().retry()
    if phase != ATTEMPT:
        retry.fail(passing() if phase == BACKOFF else SourceError("no"))
    assert retry.phase == phase
    return retry


MOVES: list[tuple[str, Callable[[RetryState], object], RetryPhase]] = [
    ("transient failure", lambda retry: retry.fail(passing()), BACKOFF),
    ("transient failure with Retry-After", lambda retry: retry.fail(passing("7")), BACKOFF),
    ("Retry-After beyond the seconds", lambda retry: retry.fail(passing("70")), GIVEN_UP),
    ("other failure", lambda retry: retry.fail(SourceError("no")), GIVEN_UP),
    ("next attempt", lambda retry: retry.next_attempt(), ATTEMPT),
    ("another request gave up", lambda retry: retry.give_up(), GIVEN_UP),
]


@pytest.mark.parametrize(("move", "after"), [m[1:] for m in MOVES], ids=[m[0] for m in MOVES])
@pytest.mark.parametrize("before", RetryPhase, ids=lambda phase: phase.name)
def test_a_retry_goes_only_where_its_diagram_says(before, move, after):
    retry = in_phase(before)
    if after in NEXT_PHASES[before]:
        move(retry)
        assert retry.phase == after
    else:
        with pytest.raises(RuntimeError, match=f"cannot go from {before.name} to {after.name}"):
            move(retry)
        assert retry.phase == before


@pytest.mark.parametrize("spent", ["attempts", "seconds"])
def test_a_retry_whose_budget_is_spent_gives_up(spent):
    clock = Clock()
    retry = clock.retry(Retries(tries=3, seconds=30))
    retry.fail(passing())
    retry.next_attempt()
    if spent == "attempts":
        retry.fail(passing())
        retry.next_attempt()
    else:
        clock.seconds = 29.99
    assert retry.fail(passing()) is None
    assert retry.phase == GIVEN_UP


# --- every transition of the circuit breaker -----------------------------------------------------


class Outage:
    """A breaker that is half-open, and two requests that wait for its probe."""

    def __init__(self) -> None:
        self.breaker = CircuitBreaker()
        self.probe, *self.others = (Clock().retry() for _ in range(3))

    async def begin(self) -> list[asyncio.Task[bool]]:
        assert self.breaker.state is BreakerState.CLOSED
        assert await self.breaker.wait(self.probe)
        assert self.breaker.state is BreakerState.HALF_OPEN
        waiting = [asyncio.ensure_future(self.breaker.wait(retry)) for retry in self.others]
        await turns()
        assert not any(task.done() for task in waiting)
        return waiting


async def test_a_probe_may_be_retried_itself():
    outage = Outage()
    waiting = await outage.begin()
    assert await outage.breaker.wait(outage.probe)
    outage.breaker.recover()
    await asyncio.gather(*waiting)


async def test_once_the_server_answers_all_are_retried():
    outage = Outage()
    waiting = await outage.begin()
    outage.breaker.recover()
    assert outage.breaker.state is BreakerState.CLOSED
    assert await asyncio.gather(*waiting) == [True, True]


async def test_once_the_probe_gives_up_all_others_do():
    outage = Outage()
    waiting = await outage.begin()
    outage.breaker.leave(outage.probe, gave_up=True)
    assert outage.breaker.state is BreakerState.CLOSED
    assert await asyncio.gather(*waiting) == [False, False]


async def test_once_the_probe_is_cancelled_the_next_one_probes():
    outage = Outage()
    first, second = await outage.begin()
    outage.breaker.leave(outage.probe)
    assert await first
    await turns()
    assert outage.breaker.state is BreakerState.HALF_OPEN
    assert not second.done()
    outage.breaker.leave(outage.others[0], gave_up=True)
    assert not await second


async def test_a_request_that_is_no_probe_leaves_the_breaker_as_it_is():
    outage = Outage()
    waiting = await outage.begin()
    outage.breaker.leave(outage.others[0], gave_up=True)
    assert outage.breaker.state is BreakerState.HALF_OPEN
    outage.breaker.recover()
    outage.breaker.recover()
    assert outage.breaker.state is BreakerState.CLOSED
    await asyncio.gather(*waiting)


# --- over the wire -------------------------------------------------------------------------------


@pytest.fixture
async def server():
    async with RangeServer({"a": DATA}) as server:
        yield server
    assert BUDGET.used == 0
    assert server_named(f"http://127.0.0.1:{server.port}").in_flight == 0


@pytest.fixture
def clock() -> Clock:
    """A clock whose pauses take no time."""
    return Clock()


def fetcher_of(
    server: RangeServer, retries: Retries | None = None, clock: Clock | None = None
) -> Fetcher:
    """A fetcher whose pauses take no time, or as a clock says."""
    limits = Limits(retries=retries or Retries())
    source = make_source(server.url("a"), limits=limits)
    return Fetcher(source, limits, clock=(clock or Clock()).running())


async def turns(n: int = 8) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def read(fetcher: Fetcher, start: int, stop: int) -> bytes:
    return (await fetcher.read([ByteRange(start, stop)]))[0]


def asked(server: RangeServer) -> list[tuple[int | None, int | None]]:
    return [(line.start, line.stop) for line in server.log]


PASSING = [408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 522, 529, 530, 598, 599]


@pytest.mark.parametrize("status", PASSING)
async def test_a_status_that_may_pass_is_asked_again(server, clock, status):
    server.script(Fault.status(status, times=3))
    fetcher = fetcher_of(server, clock=clock)
    assert await read(fetcher, 100, 200) == DATA[100:200]
    assert asked(server) == [(100, 200)] * 4
    assert len(clock.pauses) == 3
    for pause, longest in zip(clock.pauses, (0.25, 0.5, 1), strict=True):
        assert 0 <= pause <= longest


async def test_a_limit_that_a_403_tells_passes_when_it_says(server):
    clock = Clock(draw=0.0)
    server.script(Fault.status(403, headers={"Retry-After": "1"}))
    fetcher = Fetcher(make_source(server.url("a")), clock=clock.stopped())
    assert await read(fetcher, 100, 200) == DATA[100:200]
    assert clock.pauses == [1]


@pytest.mark.parametrize("ahead", [3600, -3600])
async def test_a_date_is_held_against_the_clock_of_the_server(server, ahead):
    clock = Clock(draw=0.0)
    headers = {
        "Date": formatdate(NOW + ahead, usegmt=True),
        "Retry-After": formatdate(NOW + ahead + 2, usegmt=True),
    }
    server.script(Fault.status(429, headers=headers))
    fetcher = Fetcher(make_source(server.url("a")), clock=clock.stopped())
    assert await read(fetcher, 100, 200) == DATA[100:200]
    assert clock.pauses == [2]


@pytest.mark.parametrize(
    "code", ["RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable"]
)
async def test_a_code_of_a_store_that_may_pass_is_asked_again(server, clock, code):
    body = f"<Error><Code>{code}</Code><Message>Wait.</Message></Error>".encode()
    server.script(Fault.status(400, body=body))
    assert await read(fetcher_of(server, clock=clock), 100, 200) == DATA[100:200]
    assert len(server.log) == 2


async def test_a_whole_object_that_is_too_long_is_asked_for_by_its_range_once_more(server, clock):
    server.script(Fault.ignore_range())
    limits = Limits(whole_bytes=10)
    source = make_source(server.url("a"), limits=limits)
    fetcher = Fetcher(source, limits, clock=clock.running())
    assert await read(fetcher, 100, 200) == DATA[100:200]
    server.clear()
    server.script(Fault.ignore_range(times=None))
    with pytest.raises(RangeUnsupportedError):
        await read(fetcher, 100, 200)
    assert len(server.log) == 2


async def test_a_name_that_cannot_be_looked_up_now_is_looked_up_again(server, clock, monkeypatch):
    lookup, failed = socket.getaddrinfo, list[str]()

    def busy(host: str, *rest: object) -> object:
        if host == "localhost" and not failed:
            failed.append(host)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return lookup(host, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", busy)
    source = make_source(server.url("a").replace("127.0.0.1", "localhost"))
    assert await read(Fetcher(source, clock=clock.running()), 100, 200) == DATA[100:200]
    assert failed == ["localhost"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            b"<Error><Code>AccessDenied</Code><Message>Expired\n</Message></Error>",
            ", AccessDenied: Expired\\n",
        ),
        (b"<Error><Code>AuthFailed</Code></Error>", ", AuthFailed"),
        (b'{"error": {"code": 403, "message": "no access"}}', ", 403: no access"),
        (b"<html>no</html>", ""),
        (b"<Code>" + b"x" * 100_000, ""),
        (b"", ""),
    ],
)
async def test_what_a_store_tells_of_a_refusal_is_in_the_message(server, body, told):
    server.script(Fault.status(403, times=None, body=body))
    with pytest.raises(AccessDeniedError) as caught:
        await read(fetcher_of(server), 100, 200)
    assert str(caught.value).startswith(f"access is denied (HTTP 403 Forbidden{told}): http")


@pytest.mark.parametrize("uses_pool", [True, False])
async def test_a_refusal_whose_body_is_cut_off_is_that_refusal(server, monkeypatch, uses_pool):
    monkeypatch.setattr(client, "USES_POOL", uses_pool)
    fault = Fault.status(403, times=None, body=b"<Code>AccessDenied</Code>" + bytes(100))
    server.script(replace(fault, alter=lambda context: replace(fault.alter(context), cut=30)))
    with pytest.raises(AccessDeniedError, match="HTTP 403 Forbidden, AccessDenied") as caught:
        await read(fetcher_of(server), 100, 200)
    assert caught.value.tries == len(server.log) == 1


@pytest.mark.parametrize("status", [201, 204, 400, 401, 402, 403, 404, 405, 410, 416, 501, 505])
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
async def test_a_wrong_answer_is_not_asked_again(server, fault):
    server.script(fault)
    with pytest.raises(RangeMismatchError):
        await read(fetcher_of(server), 100, 200)
    assert len(server.log) == 1


async def test_a_failure_that_does_not_pass_is_said_with_the_number_of_tries(server):
    server.script(Fault.status(503, times=None))
    url = server.url("a")
    with pytest.raises(SourceBusyError) as caught:
        await read(fetcher_of(server), 100, 200)
    refusal = "the server is overloaded or limits requests (HTTP 503 Service Unavailable)"
    assert str(caught.value) == f"{refusal}: {url} (bytes 100 to 200) (tried 6 times)"
    assert (caught.value.status, caught.value.tries, len(server.log)) == (503, 6, 6)
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (str(again), again.status, again.tries) == (str(caught.value), 503, 6)
    assert (again.url, again.range) == (url, (100, 200))


@pytest.mark.parametrize("header", ["3", "in a while", "date"])
async def test_retry_after_is_obeyed(server, header):
    clock = Clock(draw=0.0)
    text = formatdate(NOW + 3, usegmt=True) if header == "date" else header
    server.script(Fault.status(503, headers={"Retry-After": text}))
    fetcher = Fetcher(make_source(server.url("a")), clock=clock.stopped())
    await read(fetcher, 100, 200)
    assert sum(clock.pauses) == (0 if header == "in a while" else 3)


async def test_one_try_is_never_retried(server, clock):
    server.script(Fault.status(503))
    with pytest.raises(SourceBusyError, match=r"bytes 100 to 200\)$"):
        await read(fetcher_of(server, Retries(tries=1), clock), 100, 200)
    assert (len(server.log), clock.pauses) == (1, [])


async def test_the_retries_of_a_handle_are_in_its_limits(server):
    server.script(Fault.status(503, times=None))
    limits = Limits(retries=Retries(tries=3, first_delay=0))
    cog = tinycog.open(server.url("a"), limits=limits)
    with pytest.raises(SourceBusyError):
        await cog
    assert len(server.log) == 3
    again = pickle.loads(pickle.dumps(cog))  # noqa: S301 - our own
    with pytest.raises(SourceBusyError):
        await again
    assert len(server.log) == 6


async def test_a_server_that_is_not_there_is_tried_again(clock):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        source = make_source(f"http://127.0.0.1:{unused.getsockname()[1]}/a")
        with pytest.raises(SourceError, match=r"tried 6 times"):
            await Fetcher(source, clock=clock.running()).read([ByteRange(0, 10)])
    assert len(clock.pauses) == 5


@pytest.mark.parametrize("url", ["http://", "http://[::1/a.tif"])
async def test_a_url_that_is_none_is_not_tried_again(url, clock):
    with pytest.raises(SourceError):
        await Fetcher(make_source(url), clock=clock.running()).read([ByteRange(0, 10)])
    assert clock.pauses == []


def test_a_name_that_there_is_not_will_not_pass():
    nobody = socket.gaierror(-2, "Name or service not known")
    refused = ConnectionRefusedError(111, "refused")
    found = [dial.connect_error("a.b", 80, error).may_pass for error in (nobody, refused)]
    assert found == [False, True]


async def test_a_connection_that_is_reset_is_tried_again(server):
    server.script(Fault.reset(times=4))
    assert await read(fetcher_of(server), 100, 200) == DATA[100:200]


# --- a server that is down -----------------------------------------------------------------------

FAR = [ByteRange(i * 10_000, i * 10_000 + 10) for i in range(10)]


@pytest.mark.parametrize("fault", [Fault.status(503, times=None), Fault.reset(times=None)])
async def test_while_a_server_only_fails_one_request_asks_for_all(server, fault):
    server.script(fault)
    fetcher = fetcher_of(server)
    found = await asyncio.gather(*(read(fetcher, *part) for part in FAR), return_exceptions=True)
    assert {type(error) for error in found} <= {SourceError, SourceBusyError}
    assert len(server.log) == len(FAR) + 5


async def test_once_it_answers_all_ask_again(server):
    server.script(Fault.status(503, times=12))
    fetcher = fetcher_of(server)
    found = await asyncio.gather(*(read(fetcher, *part) for part in FAR))
    assert found == [DATA[a:b] for a, b in FAR]
    assert len(server.log) == 22


@pytest.mark.parametrize("n", range(10))
async def test_if_who_asks_is_given_up_another_asks(server, n):
    probed = asyncio.Event()
    stall = Fault.stall(0.05).alter

    def alter(e: RequestContext) -> Sent:
        probed.set()
        return stall(e)

    server.script(Fault.status(500, times=10), Fault(kind="stalled probe", alter=alter, times=1))
    fetcher = fetcher_of(server)
    tasks = [asyncio.ensure_future(read(fetcher, *part)) for part in FAR]
    await probed.wait()
    tasks[n].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    for i, (part, data) in enumerate(zip(FAR, found, strict=True)):
        assert isinstance(data, asyncio.CancelledError) if i == n else data == DATA[slice(*part)]


async def test_a_range_that_always_fails_does_not_hold_up_others(server):
    bad = Fault.status(500).alter

    def alter(e: RequestContext) -> Sent:
        return bad(e) if e.asked is not None and e.asked.start >= 50_000 else e.right

    server.script(Fault(kind="half is bad", alter=alter, times=None))
    fetcher = fetcher_of(server)
    found = await asyncio.gather(*(read(fetcher, *part) for part in FAR), return_exceptions=True)
    assert found[:5] == [DATA[a:b] for a, b in FAR[:5]]
    assert {type(error) for error in found[5:]} == {SourceError}


# --- resumed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [0, 1, 999, 1000, 70_000, 89_999])
async def test_a_body_that_breaks_off_is_resumed_where_it_did(server, cut):
    server.script(Fault.short_body(cut))
    fetcher = fetcher_of(server)
    assert await read(fetcher, 10_000, 100_000) == DATA[10_000:]
    assert asked(server) == [(10_000, 100_000), (10_000 + cut, 100_000)]
    etag = server.log[1].headers["if-match"]
    assert etag == fetcher.generation


async def test_a_body_is_resumed_as_often_as_it_breaks(server):
    server.script(Fault.short_body(10_000, times=5))
    assert await read(fetcher_of(server), 0, 60_000) == DATA[:60_000]
    assert asked(server) == [(i * 10_000, 60_000) for i in range(6)]


@pytest.mark.parametrize("framing", ["chunked", "close"])
async def test_a_body_of_unknown_length_that_breaks_off_is_asked_again(server, framing):
    server.script(Fault.unframed(framing, cut=50))
    assert await read(fetcher_of(server), 100, 200) == DATA[100:200]
    assert asked(server) == [(100, 200)] * 2


@pytest.mark.parametrize("framing", ["chunked", "close"])
async def test_a_body_of_unknown_length_is_read(server, framing):
    server.script(Fault.unframed(framing, times=None))
    assert await read(fetcher_of(server), 100, 90_000) == DATA[100:90_000]


async def test_what_has_come_is_delivered_and_not_asked_again(server):
    server.script(Fault.short_body(30_000), Fault.stall(0.2))
    fetcher = fetcher_of(server)
    first = asyncio.ensure_future(read(fetcher, 0, 20_000))
    second = asyncio.ensure_future(read(fetcher, 20_000, 60_000))
    assert await first == DATA[:20_000]
    assert not second.done()
    assert await second == DATA[20_000:60_000]
    assert asked(server) == [(0, 60_000), (30_000, 60_000)]


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


async def test_the_slot_and_the_bytes_are_free_in_a_pause(server):
    server.script(Fault.status(500, headers={"Retry-After": "20"}))
    clock = Clock(holds=True)
    fetcher = fetcher_of(server, clock=clock)
    task = asyncio.ensure_future(read(fetcher, 100, 200))
    await clock.paused.wait()
    assert (BUDGET.used, fetcher.server.in_flight) == (0, 0)
    assert await read(fetcher, 50_000, 50_100) == DATA[50_000:50_100]
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (BUDGET.used, fetcher.server.in_flight) == (0, 0)
    assert await read(fetcher, 100, 200) == DATA[100:200]


async def test_who_wants_bytes_of_a_request_that_pauses_joins_it(server):
    clock = Clock(holds=True)
    server.script(Fault.status(500))
    fetcher = fetcher_of(server, clock=clock)
    first = asyncio.ensure_future(read(fetcher, 0, 1000))
    await clock.paused.wait()
    second = asyncio.ensure_future(read(fetcher, 500, 600))
    await turns()
    first.cancel()
    await turns()
    clock.go.set()
    assert await second == DATA[500:600]
    assert asked(server) == [(0, 1000)] * 2


async def test_who_paused_waits_for_a_slot_like_all_others(server, clock):
    server.script(Fault.status(500, times=20))
    fetcher = fetcher_of(server, Retries(tries=100), clock)
    fetcher.server.limit = 1
    parts = [ByteRange(i * 10_000, i * 10_000 + 10) for i in range(10)]
    found = await asyncio.gather(*(read(fetcher, *part) for part in parts))
    assert found == [DATA[a:b] for a, b in parts]
    assert clock.pauses


async def test_what_pauses_waits_for_bytes_in_flight_like_all_others(server):
    server.script(Fault.short_body(100, times=6), Fault.status(503, times=6))
    fetcher = fetcher_of(server, Retries(tries=100, seconds=1e6))
    fetcher.server.budget = Budget(1000)
    parts = [ByteRange(i * 9000, i * 9000 + 700) for i in range(10)]
    found = await asyncio.gather(*(read(fetcher, *part) for part in parts))
    assert found == [DATA[a:b] for a, b in parts]
    assert await read(fetcher, 0, 50_000) == DATA[:50_000]


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_fails_and_whoever_gives_up_nothing_is_left(server, seed):
    random = Random(seed)  # noqa: S311 - a seeded test
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
    if seed % 2:
        fetcher.server.budget = Budget(10_000)
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
    await turns()
    assert (fetcher.server.budget.used, fetcher.server.in_flight) == (0, 0)


# --- a part that is shorter than was asked --------------------------------------------------------


def at_most(length: int, *, total: bool = True) -> Fault:
    """A server that sends at most so many bytes for a request, and maybe no size of the file."""

    def alter(e: RequestContext) -> Sent:
        body = e.right.body
        stop = min(body.start + length, body.stop)
        size = body.total if total else "*"
        told = {
            **e.right.headers,
            "Content-Range": content_range(ByteRange(body.start, stop), size),
        }
        return replace(e.right, headers=told, body=replace(body, stop=stop))

    return Fault(kind="at most", alter=alter, ranges_only=True, times=None)


@pytest.mark.parametrize("total", [True, False])
async def test_a_part_that_is_shorter_than_was_asked_is_read_on(server, clock, total):
    server.script(at_most(3000, total=total))
    fetcher = fetcher_of(server, clock=clock)
    assert await read(fetcher, 1000, 31_000) == DATA[1000:31_000]
    starts = range(1000, 31_000, 3000)
    assert asked(server) == [(start, 31_000) for start in starts]
    assert [(r.start, r.length, r.error) for r in fetcher.log] == [(s, 3000, None) for s in starts]


async def test_a_size_that_no_answer_tells_is_where_no_more_bytes_are(server, clock):
    server.script(at_most(60_000, total=False))
    fetcher = fetcher_of(server, clock=clock)
    with pytest.raises(TruncatedError, match="the file ends at 100000"):
        await read(fetcher, 0, 200_000)
    assert fetcher.buffer.size == 100_000
    assert asked(server) == [(0, 200_000), (60_000, 200_000), (100_000, 200_000)]


@pytest.mark.parametrize("length", [1, 1023])
async def test_a_server_that_sends_hardly_a_byte_is_given_up(server, clock, length):
    server.script(at_most(length))
    with pytest.raises(RangeMismatchError, match=f"no more than {length} of .* .tried 6 times"):
        await read(fetcher_of(server, clock=clock), 0, 50_000)
    assert len(server.log) == 6


async def test_the_rest_of_a_short_part_is_of_the_same_generation(server, clock):
    server.script(replace(at_most(20_000), times=1), Fault.change(DATA[::-1]))
    with pytest.raises(SourceChangedError):
        await read(fetcher_of(server, clock=clock), 0, 50_000)


# --- the whole object where a range was asked ----------------------------------------------------


async def test_a_short_object_that_comes_whole_is_taken_and_kept(server):
    server.script(Fault.ignore_range(times=None))
    fetcher = fetcher_of(server)
    assert await read(fetcher, 100, 200) == DATA[100:200]
    assert await read(fetcher, 50_000, 60_000) == DATA[50_000:60_000]
    assert len(server.log) == 1
    (request,) = fetcher.log
    assert (request.length, request.received) == (100, len(DATA))


async def test_many_that_come_whole_are_all_counted(server):
    server.script(Fault.ignore_range(times=None))
    fetcher = fetcher_of(server)
    await asyncio.gather(*(read(fetcher, i, i + 9) for i in range(0, 90_000, 9000)))
    assert sum(request.received for request in fetcher.log) == sum(line.sent for line in server.log)


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
    told = f"whole object of 100,000 bytes, but Limits.whole_bytes allows {most:,}: raise"
    with pytest.raises(SourceError, match=told):
        await Fetcher(source).read([ByteRange(100, 200)])


def unframed(framing: Framing) -> Fault:
    """A server that ignores ranges, and does not tell the length of what it sends."""
    whole = Fault.ignore_range().alter

    def alter(e: RequestContext) -> Sent:
        return replace(whole(e), framing=framing)

    return Fault(kind="unframed whole", alter=alter, times=None)


@pytest.mark.parametrize("framing", ["close", "chunked"])
async def test_one_of_unknown_length_is_taken_up_to_the_limit(server, framing):
    server.script(unframed(framing))
    fetcher = fetcher_of(server)
    assert await read(fetcher, 100, 200) == DATA[100:200]
    assert await read(fetcher, 50_000, 60_000) == DATA[50_000:60_000]
    assert len(server.log) == 1
    await asyncio.sleep(0)  # until the request is logged
    assert fetcher.log[0].received == len(DATA)


async def test_one_of_unknown_length_is_read_no_further_than_the_limit(server):
    server.files["a"] = bytes(20_000_000)
    server.script(unframed("chunked"))
    source = make_source(server.url("a"), limits=Limits(whole_bytes=99_999))
    fetcher = Fetcher(source)
    with pytest.raises(RangeUnsupportedError, match="of unknown length, but Limits"):
        await fetcher.read([ByteRange(100, 200)])
    assert all(99_999 < request.received < 1_000_000 for request in fetcher.log)


async def test_a_range_beyond_a_whole_object_is_said(server):
    server.script(Fault.ignore_range(times=None))
    source = make_source(server.url("a"))
    with pytest.raises(SourceError, match="lies outside"):
        await Fetcher(source).read([ByteRange(200_000, 200_100)])


async def test_a_whole_object_that_breaks_off_is_asked_again(server):
    whole = Fault.ignore_range().alter

    def cut(e: RequestContext) -> Sent:
        return replace(whole(e), cut=150)

    server.script(Fault(kind="cut", alter=cut), Fault.ignore_range(times=None))
    fetcher = fetcher_of(server)
    assert await read(fetcher, 100, 200) == DATA[100:200]
    assert asked(server) == [(100, 200), (100, 200)]


async def test_a_head_that_is_too_long_is_said(server, clock):
    server.script(Fault.headers({"X-Long": "x" * 100_000}, times=None))
    with pytest.raises(SourceError):
        await read(fetcher_of(server, clock=clock), 100, 200)
    server.script(Fault.headers({f"X-{i}": "x" * 4000 for i in range(3000)}, times=None))
    with pytest.raises(SourceError):
        await read(fetcher_of(server, clock=clock), 100, 200)
    assert clock.pauses == []


async def test_a_multipart_answer_is_refused(server):
    kind = "multipart/byteranges; boundary=x"
    server.script(Fault.headers({"Content-Type": kind, "Content-Range": None}, times=None))
    with pytest.raises(RangeMismatchError):
        await read(fetcher_of(server), 100, 200)
    assert len(server.log) == 1


# --- a whole file --------------------------------------------------------------------------------


QUICK = Retries(tries=20, first_delay=0)


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
        cog = tinycog.open(server.url("a.tif"), limits=Limits(retries=QUICK))
        raster = await cog.read()
        np.testing.assert_array_equal(raster.data, pixels)
        assert BUDGET.used == 0


# --- a server that limits requests ---------------------------------------------------------------


class Limited:
    """Allows so many requests within a second, and refuses all others."""

    def __init__(self, server: RangeServer, refusal: Fault, most: int) -> None:
        self.refused = 0
        self._most = most
        self._taken: list[float] = []
        self._refusal = refusal.alter
        server.script(Fault(kind="limited", alter=self._alter, times=None))

    def _alter(self, exchange: RequestContext) -> Sent:
        now = time.monotonic()
        self._taken = [taken for taken in self._taken if taken > now - 1]
        if len(self._taken) < self._most:
            self._taken.append(now)
            return exchange.right
        self.refused += 1
        return self._refusal(exchange)


@pytest.mark.parametrize(
    "refusal",
    [Fault.status(429), Fault.status(503), Fault.status(503, headers={"Retry-After": "1"})],
    ids=["429", "503", "503-told"],
)
async def test_many_files_are_read_from_a_server_that_limits_requests(refusal):
    data = make_tiff(make_pyramid(np.zeros((1, 64, 64), np.uint8), tile=(32, 32)))
    names = [f"{n}.tif" for n in range(40)]
    async with RangeServer(dict.fromkeys(names, data)) as server:
        limited = Limited(server, refusal, most=20)
        reads = [tinycog.open(server.url(name)).read_tile(0, 0, 0) for name in names]
        rasters = await asyncio.gather(*reads)
        assert len(rasters) == 40
        assert limited.refused < 40


async def test_a_told_pause_is_one_of_all_requests_to_the_server(server):
    server.script(Fault.status(429, headers={"Retry-After": "5"}))
    fetcher, clock = fetcher_of(server), Clock(draw=0.0)
    other = Fetcher(make_source(server.url("a")), clock=clock.running())
    first = asyncio.ensure_future(read(other, 100, 200))
    while not clock.pauses:
        await turns(1)
    clock.seconds -= 5
    begun = clock.seconds
    assert fetcher.server.throttle is not None
    assert fetcher.server.throttle.seconds > 4
    clock.seconds = begun + 5
    assert await first == DATA[100:200]
    assert await read(fetcher, 300, 400) == DATA[300:400]
    assert len(server.log) == 3


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_only_refuses_is_given_up_in_time(status):
    names = [f"{n}.tif" for n in range(40)]
    limits = Limits(retries=Retries(tries=3, seconds=1, first_delay=0.1))
    async with RangeServer(dict.fromkeys(names, DATA)) as server:
        server.script(Fault.status(status, times=None))
        begun = time.monotonic()
        reads = [tinycog.open(server.url(name), limits=limits).read_tile(0, 0, 0) for name in names]
        found = await asyncio.gather(*reads, return_exceptions=True)
        assert {type(error) for error in found} <= {SourceBusyError, SourceTimeoutError}
        assert time.monotonic() - begun < Retries().seconds
        assert len(server.log) < 60


async def test_a_read_of_a_throttled_server_is_cancelled_at_once(server):
    server.script(Fault.status(429, times=None, headers={"Retry-After": "9"}))
    fetcher = Fetcher(make_source(server.url("a")))
    task = asyncio.ensure_future(read(fetcher, 100, 200))
    while fetcher.server.throttle is None:
        await turns(1)
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begun < 9  # what the server has told
    assert (BUDGET.used, fetcher.server.in_flight) == (0, 0)


async def test_who_waits_for_a_throttled_server_is_woken_by_a_thread_without_a_loop(server):
    server.script(Fault.status(429))
    fetcher = Fetcher(make_source(server.url("a")))
    task = asyncio.ensure_future(read(fetcher, 100, 200))
    while fetcher.server.throttle is None:
        await turns(1)
    await asyncio.to_thread(fetcher.server.wake)
    assert await task == DATA[100:200]


async def test_who_waits_is_woken_though_the_pause_ends_while_that_is_found_out():
    server, now = Server(Budget(1000)), 100.0
    timers: list[Callable[[], None]] = []
    woken: list[bool] = []

    def monotonic() -> float:  # time goes on whenever it is looked at
        nonlocal now
        now += 1e-6
        return now

    def later(seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        timers.append(call)
        return asyncio.get_running_loop().call_later(seconds, lambda: None)

    ticket = server.acquire(10, 0, lambda: None)
    assert ticket is not None
    server.refuse(ticket, 0.0, Retries(), RetryClock(monotonic=monotonic, later=later))
    server.release()
    throttle = server.throttle
    assert throttle is not None
    now = throttle.opens_at - 2.5e-6  # it may be sent when a timer is to be set
    assert server.acquire(10, 0, lambda: woken.append(True)) is None
    now += 1.0
    for call in timers:
        call()
    assert woken == [True]
