"""Ranges to requests: merged, shared, bounded, cancelled, on a source that a test scripts.

After every test all slots are free and no byte is in flight.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from itertools import count, cycle, pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinycog
from tinycog.buffer_pool import BUFFER_UNIT, BufferPool
from tinycog.errors import SourceBusyError, SourceError, SourceTimeoutError
from tinycog.fetch import concurrency, in_flight, scheduler
from tinycog.fetch.concurrency import BUDGET, SLOTS, Budget, Server, SlotRange, server_named
from tinycog.fetch.fetcher import Fetcher
from tinycog.fetch.in_flight import (
    BACKING_OFF,
    ENDED,
    HAS_SLOT,
    NEXT_FLIGHT_STATES,
    FlightState,
    InFlight,
    ShortResponseError,
)
from tinycog.fetch.ledger import Ledger
from tinycog.fetch.range_request import (
    DELIVERED,
    HEADER,
    NEXT_STATES,
    OVER,
    PAUSED,
    PIXELS,
    SENT,
    WAITING,
    Priority,
    RangeRequest,
    RequestState,
    release,
)
from tinycog.fetch.retry import RetryState
from tinycog.fetch.single_flight import some_at_a_time, start_eagerly
from tinycog.sources.protocol import RangeSink
from tinycog.testing import Fault, Layout, RangeServer, make_image, make_pyramid, make_tiff
from tinycog.testing.server.exchange import RequestContext
from tinycog.testing.server.exchange import Response as Sent
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps

DATA = bytes(i * 7 % 251 for i in range(10_000))
FAR = 3_000_000
"""So far apart no two ranges are merged."""
names = count()


class Call:
    """One request that a source was given; the test answers it."""

    def __init__(self, part: ByteRange, answer: RangeSink, size: int) -> None:
        self.part = part
        self.answer = answer
        self.size = size
        self.sent = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.was_cancelled = False

    def send(self, length: int | None = None) -> None:
        """Let bytes come."""
        if not self.sent:
            self.answer.begin(self.size, "tag")
        start = self.part.start + self.sent
        stop = self.part.stop if length is None else start + length
        stop = min(stop, self.part.stop, self.size)
        self.answer.write(bytes_at(start, stop))
        self.sent += stop - start

    def end(self) -> None:
        """Send the rest."""
        self.send()
        self.ended.set_result(None)

    def fail(self, error: Exception) -> None:
        self.ended.set_exception(error)


def bytes_at(start: int, stop: int) -> bytes:
    first = start % 251
    repeated = DATA[:251] * ((stop - start) // 251 + 2)
    return repeated[first : first + stop - start]


class Scripted:
    """A source that answers as a test says; with `at_once`, by itself a few turns later."""

    def __init__(self, name: str = "", *, at_once: bool = False, size: int = 1 << 40) -> None:
        self.name = self.origin = name or f"scripted-{next(names)}"
        self.at_once = at_once
        self.size = size
        self.calls: list[Call] = []
        self.most = 0

    @property
    def asked(self) -> list[tuple[int, int]]:
        return [(call.part.start, call.part.stop) for call in self.calls]

    @property
    def under_way(self) -> list[Call]:
        return [call for call in self.calls if not call.ended.done() and not call.was_cancelled]

    async def aopen(self) -> None:
        """Nothing is to be opened."""

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        call = Call(part, answer, self.size)
        self.calls.append(call)
        self.most = max(self.most, len(self.under_way))
        try:
            if self.at_once:
                await turns(1 + len(self.calls) % 3)
                call.end()
            await call.ended
        except asyncio.CancelledError:
            call.was_cancelled = True
            raise

    async def aclose(self) -> None:
        """Nothing is open."""


async def turns(n: int = 8) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


def reading(fetcher: Fetcher, *parts: tuple[int, int]) -> asyncio.Task[list[bytes]]:
    return asyncio.ensure_future(fetcher.read([ByteRange(*part) for part in parts]))


def assert_idle(fetcher: Fetcher) -> None:
    assert fetcher.server.in_flight == 0
    assert fetcher.server.budget.used == 0


@pytest.fixture
async def source() -> AsyncIterator[Scripted]:
    source = Scripted()
    yield source
    await turns()
    assert server_named(source.origin).in_flight == 0
    assert server_named(source.origin).budget.used == 0


@pytest.fixture
def fetcher(source: Scripted) -> Fetcher:
    return Fetcher(source)


ONE_SLOT = SlotRange(1, 1, 1, 1)


def only_one_slot(name: str) -> Server:
    """A server that never gets more than one request at a time."""
    server = server_named(name)
    server.slots, server.limit = ONE_SLOT, 1
    return server


# --- memory that is used again -------------------------------------------------------------------


def test_a_buffer_that_nobody_sees_is_used_again():
    slabs = BufferPool()
    slab = slabs.take(100)
    assert len(slab) >= 100
    slabs.give(slab)
    assert slabs.take(50_000) is slab
    assert slabs.idle == 0


@pytest.mark.parametrize("look", [memoryview, np.frombuffer], ids=["memoryview", "array"])
def test_a_buffer_is_not_used_again_while_anything_looks_into_it(look):
    slabs = BufferPool()
    slab = slabs.take(100)
    view = look(slab)[10:20]
    slabs.give(slab)
    other = slabs.take(100)
    assert other is not slab
    del view
    assert slabs.take(100) is slab


def test_a_buffer_that_was_looked_into_keeps_its_length():
    slabs = BufferPool()
    slab = slabs.take(BUFFER_UNIT)
    slabs.give(slab)
    for _ in range(10):
        assert len(slabs.take(BUFFER_UNIT)) == BUFFER_UNIT
        slabs.give(slab)


def test_idle_buffers_are_bounded_and_the_oldest_go_first():
    slabs = BufferPool(max_bytes=3 * BUFFER_UNIT)
    taken = [slabs.take(BUFFER_UNIT) for _ in range(5)]
    for slab in taken:
        slabs.give(slab)
        assert slabs.idle <= 3 * BUFFER_UNIT
    assert [slabs.take(1) for _ in range(3)] == taken[:1:-1]


def test_a_huge_buffer_is_not_spent_on_a_small_one():
    slabs = BufferPool()
    slabs.give(slabs.take(10 * BUFFER_UNIT))
    assert len(slabs.take(BUFFER_UNIT)) == BUFFER_UNIT
    assert len(slabs.take(9 * BUFFER_UNIT)) == 10 * BUFFER_UNIT


# --- the budget of bytes, and the slots of a server ----------------------------------------------


def test_bytes_in_flight_are_bounded_but_one_request_always_may():
    budget = Budget(100)
    assert budget.acquire(500)
    assert not budget.acquire(1)
    budget.release(500)
    assert budget.acquire(60)
    assert not budget.acquire(41)
    assert budget.acquire(40)
    budget.acquire_anyway(30)
    assert budget.used == 130


class Line:
    """Those that wait for slots of a server."""

    def __init__(self, limit: int = 1) -> None:
        self.server = Server(Budget(1 << 20))
        self.server.limit = limit
        self.woken: list[str] = []

    def enter(self, name: str = "", priority: Priority = PIXELS) -> int | None:
        return self.server.acquire(1, priority, partial(self._wake, name))

    def _wake(self, name: str) -> None:
        self.woken.append(name)

    def leave(self) -> None:
        self.server.budget.release(1)
        self.server.release()


def test_there_are_as_many_slots_as_the_limit_says():
    line = Line(3)
    assert [line.enter() is not None for _ in range(5)] == [True, True, True, False, False]
    assert line.server.in_flight == 3
    line.leave()
    assert line.enter() is not None


def test_who_waits_is_woken_by_priority_then_by_turn():
    line = Line()
    line.enter()
    for name, priority in (("a", PIXELS), ("b", HEADER), ("c", PIXELS), ("d", HEADER)):
        assert line.enter(name, priority) is None
    line.leave()
    assert line.woken == ["b", "d", "a", "c"]  # none of them took the slot


def test_nobody_is_woken_while_there_is_no_slot():
    line = Line(2)
    line.enter()
    line.enter()
    line.enter("a")
    line.server.limit = 1
    line.leave()
    assert line.woken == []
    line.leave()
    assert line.woken == ["a"]


def test_who_has_nothing_to_send_any_more_leaves_the_slot_to_the_next():
    line = Line()
    line.enter()
    line.enter("gone")
    line.enter("there")
    line.leave()
    assert line.woken == ["gone", "there"]


@pytest.mark.parametrize(
    ("seconds", "limit"),
    [(0.0001, SLOTS.initial), (0.009, 30), (10, SLOTS.most)],
)
def test_a_round_trip_is_hidden_by_so_many_requests(seconds, limit):
    line = Line(SLOTS.initial)
    line.server.record_response(seconds, 1, quiet=True)
    assert line.server.limit == pytest.approx(limit, abs=1)
    assert line.server.rates.round_trip == seconds


def test_a_server_near_by_gets_fewer_at_once_after_it_was_overloaded():
    line = Line(16)
    ticket = line.enter() or 0
    line.server.record_overload(ticket)
    assert line.server.limit == 8


def test_the_limit_is_halved_once_for_all_that_were_under_way():
    line = Line(16)
    tickets = [line.enter() or 0 for _ in range(16)]
    for ticket in tickets:
        line.server.record_overload(ticket)
    assert line.server.limit == 8
    line.leave()
    later = [line.enter() for _ in range(2)]
    assert later == [None, None]


def test_the_limit_is_halved_again_by_what_was_sent_later():
    line = Line(16)
    line.server.record_overload(line.enter() or 0)
    line.server.record_overload(line.enter() or 0)
    assert line.server.limit == 4


def test_the_limit_never_falls_below_one():
    line = Line(2)
    for _ in range(5):
        line.server.record_overload(line.enter() or 0)
        line.leave()
    assert line.server.limit == 1


def test_a_limit_that_was_halved_comes_back_by_one_with_each_answer():
    line = Line(16)
    old = [line.enter() or 0 for _ in range(4)]
    line.server.record_overload(old[0])
    for ticket in old:
        line.server.record_response(0.01, ticket, quiet=False)
    assert line.server.limit == 8  # what was under way then says nothing
    limits: list[int] = []
    for _ in range(10):
        line.leave()
        line.server.record_response(0.01, line.enter() or 0, quiet=False)
        limits.append(line.server.limit)
    assert limits[:8] == [9, 10, 11, 12, 13, 14, 15, 16]


def test_a_limit_of_one_comes_back_too():
    line = Line(16)
    for _ in range(4):
        line.server.record_overload(line.enter() or 0)
        line.leave()
    assert line.server.limit == 1
    for _ in range(100):
        ticket = line.enter() or 0
        line.server.record_response(
            0.01, ticket, quiet=line.server.in_flight <= concurrency.QUIET_CONCURRENCY
        )
        line.leave()
    assert line.server.limit >= SLOTS.least


def test_long_bodies_that_were_alone_tell_the_rate_of_a_connection():
    line = Line()
    for _ in range(10):
        line.server.record_body(1000, 0.001)
    assert not line.server.rates.known
    for _ in range(10):
        line.server.record_body(2_000_000, 1)
    assert line.server.rates.known
    assert line.server.rates.bytes_per_second == 2e6


# --- one request under way -----------------------------------------------------------------------

members_of_a_flight = st.lists(
    st.tuples(st.integers(0, 900), st.integers(1, 300)).map(
        lambda pair: ByteRange(pair[0], min(sum(pair), 1000))
    ),
    min_size=1,
    max_size=12,
)
cuts_of_a_body = st.lists(st.integers(0, 1000), max_size=12).map(sorted)


def boarded(parts: list[ByteRange]) -> tuple[InFlight, dict[int, bytes], list[BaseException]]:
    found: dict[int, bytes] = {}
    errors: list[BaseException] = []

    def deliver(i: int) -> Callable[[memoryview], None]:
        def take(data: memoryview) -> None:
            assert i not in found
            assert data.readonly
            found[i] = bytes(data)

        return take

    requests = [RangeRequest(part, deliver(i), errors.append) for i, part in enumerate(parts)]
    whole = ByteRange(min(part.start for part in parts), max(part.stop for part in parts))
    return flight_of(whole, requests), found, errors


def flight_of(part: ByteRange, requests: list[RangeRequest]) -> InFlight:
    """A request that has a slot and its bytes in flight, alone on its server."""
    server = Server(Budget(1 << 20))
    ticket = server.acquire(sum(one.part.length for one in requests), PIXELS, lambda: None)
    assert ticket is not None
    return InFlight(
        part,
        requests,
        ticket=ticket,
        priority=PIXELS,
        server=server,
        ledger=Ledger("scripted"),
        retry=RetryState(tinycog.Retries()),
    )


def receive(flight: InFlight, data: bytes, *, copied: bool) -> None:
    """Let the flight take bytes: given to it, or written where it says."""
    if copied:
        flight.write(data)
        return
    while data:
        room = flight.buffer(len(data))
        written = min(len(room), len(data))
        room[:written] = data[:written]
        flight.advance(written)
        data = data[written:]


@given(
    members_of_a_flight,
    cuts_of_a_body,
    st.sampled_from([None, 350, 1000, 5000]),
    st.lists(st.booleans(), min_size=1),
    st.sampled_from([1, 50, 1 << 16]),
)
def test_each_member_gets_its_bytes_however_the_answer_is_cut(parts, cuts, size, copied, direct):
    flight, found, errors = boarded(parts)
    start, stop = flight.part
    stop = stop if size is None else max(min(stop, size), start)
    flight.begin(size, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_flight, "DIRECT_BYTES", direct)
        pieces = pairwise([start, *(c for c in cuts if start <= c <= stop), stop])
        for (first, last), how in zip(pieces, cycle(copied), strict=False):
            receive(flight, DATA[first:last], copied=how)
    flight.finish()
    assert errors == []
    assert found == {
        i: DATA[part.start : min(part.stop, stop)] if part.start < stop else b""
        for i, part in enumerate(parts)
    }


@given(
    members_of_a_flight, members_of_a_flight, cuts_of_a_body, st.lists(st.booleans(), min_size=1)
)
def test_who_joins_on_the_way_gets_the_same_bytes(parts, joining, cuts, copied):
    flight, found, _ = boarded(parts)
    start, stop = flight.part
    flight.begin(None, None)
    late: dict[int, bytes] = {}
    joined: list[int] = []
    pieces = pairwise([start, *(c for c in cuts if start <= c <= stop), stop])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_flight, "DIRECT_BYTES", 10)
        for n, (first, last) in enumerate(pieces):
            if n < len(joining):
                request = RangeRequest(joining[n], partial(_keep, late, n), refused)
                may = first <= joining[n].start and joining[n].stop <= stop
                assert flight.join(request) == may
                joined += [n] * may
            receive(flight, DATA[first:last], copied=copied[n % len(copied)])
    flight.finish()
    assert found == {i: DATA[slice(*part)] for i, part in enumerate(parts)}
    assert late == {n: DATA[slice(*joining[n])] for n in joined}


def refused(error: BaseException) -> None:
    raise AssertionError from error


def _keep(found: dict[int, bytes], i: int, data: memoryview) -> None:
    found[i] = bytes(data)


@given(members_of_a_flight, cuts_of_a_body)
def test_a_member_gets_its_bytes_as_soon_as_they_are_there(parts, cuts):
    flight, found, _ = boarded(parts)
    flight.begin(None, None)
    start, stop = flight.part
    for first, last in pairwise([start, *(c for c in cuts if start <= c <= stop), stop]):
        flight.write(DATA[first:last])
        assert set(found) == {i for i, part in enumerate(parts) if part.stop <= last > start}


def test_an_answer_that_is_too_short_is_an_error():
    flight, found, _ = boarded([ByteRange(0, 10), ByteRange(10, 20)])
    flight.begin(1000, None)
    flight.write(DATA[:15])
    with pytest.raises(ShortResponseError, match="no more than 15 of the bytes"):
        flight.finish()
    assert found == {0: DATA[:10]}


# --- every transition of a range request, and of the request that serves it ----------------------


def nothing(_: object) -> None: ...


def in_state(state: RequestState) -> RangeRequest:
    """A range request that went the usual way to a state."""
    return with_its_flight(state)[0]


def with_its_flight(state: RequestState) -> tuple[RangeRequest, InFlight]:
    """A range request that went the usual way to a state, and the request that serves it."""
    request = RangeRequest(ByteRange(0, 10), nothing, nothing)
    flight = flight_of(ByteRange(0, 10), [] if state == WAITING else [request])
    if state == WAITING:
        return request, flight
    if state == PAUSED:
        flight.pause()
    elif state != SENT:
        flight.begin(1000, None)
        flight.write(DATA[:10])
        release([request] if state == OVER else [])
    assert request.state == state
    return request, flight


def board(request: RangeRequest, *, paused: bool = False) -> None:
    flight = flight_of(ByteRange(0, 10), [])
    if paused:
        flight.pause()
    assert flight.join(request)


REQUEST_MOVES: list[tuple[str, Callable[[RangeRequest], object], RequestState]] = [
    ("joins a request", board, SENT),
    ("joins a paused request", partial(board, paused=True), PAUSED),
    ("the attempt failed", lambda request: request.pause(), PAUSED),
    ("the next attempt", lambda request: request.resume(), SENT),
    ("the bytes arrived", lambda request: request.hand_over(), DELIVERED),
    ("released", lambda request: release([request]), OVER),
]


@pytest.mark.parametrize(
    ("move", "after"), [m[1:] for m in REQUEST_MOVES], ids=[m[0] for m in REQUEST_MOVES]
)
@pytest.mark.parametrize("before", RequestState, ids=lambda state: state.name)
def test_a_range_request_goes_only_where_its_diagram_says(before, move, after):
    request = in_state(before)
    if after in NEXT_STATES[before]:
        move(request)
        assert request.state == after
    elif before == after == OVER:
        move(request)  # to be released twice is no error
    else:
        with pytest.raises(RuntimeError, match=f"cannot go from {before.name} to {after.name}"):
            move(request)
        assert request.state == before


@pytest.mark.parametrize("state", RequestState, ids=lambda state: state.name)
def test_in_whatever_state_it_is_released_a_range_request_holds_nothing(state):
    request, flight = with_its_flight(state)
    release([request])
    assert request.state == OVER
    assert flight.server.budget.used == 0


def test_a_range_request_that_fails_is_over_and_tells_the_reader():
    errors: list[BaseException] = []
    request = RangeRequest(ByteRange(0, 10), nothing, errors.append)
    error = SourceError("gone")
    flight_of(ByteRange(0, 10), [request]).fail(error)
    assert (request.state, errors) == (OVER, [error])


def in_flight_state(state: FlightState) -> InFlight:
    request = RangeRequest(ByteRange(0, 10), nothing, nothing)
    flight = flight_of(ByteRange(0, 10), [request])
    if state == BACKING_OFF:
        pause(flight)
    elif state == ENDED:
        flight.end()
    assert flight.state == state
    return flight


def pause(flight: InFlight) -> None:
    error = SourceError("busy")
    error.may_pass = True
    flight.retry.fail(error)
    flight.pause()


FLIGHT_MOVES: list[tuple[str, Callable[[InFlight], object], FlightState]] = [
    ("the attempt failed", lambda flight: flight.pause(), BACKING_OFF),
    ("a slot again", lambda flight: flight.resume(2), HAS_SLOT),
    ("ended", lambda flight: flight.end(), ENDED),
]


@pytest.mark.parametrize(
    ("move", "after"), [m[1:] for m in FLIGHT_MOVES], ids=[m[0] for m in FLIGHT_MOVES]
)
@pytest.mark.parametrize("before", FlightState, ids=lambda state: state.name)
def test_a_request_in_flight_goes_only_where_its_diagram_says(before, move, after):
    flight = in_flight_state(before)
    if after in NEXT_FLIGHT_STATES[before]:
        move(flight)
        assert flight.state == after
    else:
        with pytest.raises(RuntimeError, match=f"cannot go from {before.name} to {after.name}"):
            move(flight)
        assert flight.state == before


def test_a_request_has_a_slot_and_bytes_in_flight_but_in_its_pauses():
    flight = flight_of(ByteRange(0, 10), [RangeRequest(ByteRange(0, 10), nothing, nothing)])
    server = flight.server
    assert (server.in_flight, server.budget.used) == (1, 10)
    pause(flight)
    assert (server.in_flight, server.budget.used) == (0, 0)
    ticket = server.acquire(flight.paused_bytes, PIXELS, lambda: None)
    assert ticket == 2
    flight.resume(ticket)
    assert (server.in_flight, server.budget.used, flight.retry.attempts) == (1, 10, 2)
    flight.fail(SourceError("gone"))
    flight.end()
    assert (server.in_flight, server.budget.used) == (0, 0)


# --- merged --------------------------------------------------------------------------------------


async def test_ranges_of_one_turn_are_one_request_whoever_reads_them(source, fetcher):
    one, other, far = (
        reading(fetcher, (100, 200)),
        reading(fetcher, (0, 100), (200, 300)),
        reading(fetcher, (FAR, FAR + 10)),
    )
    await turns()
    assert source.asked == [(0, 300), (FAR, FAR + 10)]
    for call in source.calls:
        call.end()
    assert await one == [bytes_at(100, 200)]
    assert await other == [bytes_at(0, 100), bytes_at(200, 300)]
    assert await far == [bytes_at(FAR, FAR + 10)]


async def test_nothing_wanted_is_nothing_asked(source, fetcher):
    assert await fetcher.read([]) == []
    assert source.asked == []


async def test_ranges_that_wait_for_a_slot_are_planned_with_those_that_come_meanwhile(
    source, fetcher
):
    fetcher.server.limit = 1
    first = reading(fetcher, (FAR, FAR + 10))
    await turns()
    waiting = reading(fetcher, (0, 100))
    await turns()
    late = reading(fetcher, (100, 200))
    await turns()
    fetcher.server.limit = 1
    source.calls[0].end()
    await turns()
    assert source.asked == [(FAR, FAR + 10), (0, 200)]
    source.calls[1].end()
    await asyncio.gather(first, waiting, late)


async def test_gaps_of_the_header_are_its_own(source, fetcher):
    wanted = (((0, 10), HEADER), ((20, 30), PIXELS), ((40, 50), HEADER))
    requests = [
        queued
        for part, priority in wanted
        for queued in fetcher.submit(RangeRequest(ByteRange(*part), nothing, nothing, priority))
    ]
    await turns()
    assert source.asked == [(0, 50), (20, 30)]
    fetcher.release(requests)
    await turns()


# --- shared --------------------------------------------------------------------------------------


async def test_what_is_under_way_is_not_asked_again(source, fetcher):
    one = reading(fetcher, (0, 1000))
    await turns()
    other, part = reading(fetcher, (0, 1000)), reading(fetcher, (300, 400))
    await turns()
    assert source.asked == [(0, 1000)]
    source.calls[0].end()
    assert await one == await other == [bytes_at(0, 1000)]
    assert await part == [bytes_at(300, 400)]


async def test_a_request_under_way_is_joined_only_for_bytes_that_are_still_to_come(source, fetcher):
    one = reading(fetcher, (0, 1000))
    await turns()
    source.calls[0].send(500)
    late, passed = reading(fetcher, (600, 700)), reading(fetcher, (100, 200))
    await turns()
    assert source.asked == [(0, 1000), (100, 200)]
    source.calls[0].send(250)
    await turns()
    assert late.done()
    assert not one.done()
    for call in source.calls:
        call.end()
    assert await one == [bytes_at(0, 1000)]
    assert await late == [bytes_at(600, 700)]
    assert await passed == [bytes_at(100, 200)]


async def test_bytes_are_delivered_while_the_rest_is_on_its_way(source, fetcher):
    near, far = reading(fetcher, (0, 10)), reading(fetcher, (10, 1000))
    await turns()
    source.calls[0].send(10)
    await turns()
    assert (near.done(), far.done()) == (True, False)
    source.calls[0].end()
    assert await far == [bytes_at(10, 1000)]


async def test_a_range_that_is_partly_held_asks_for_its_rest(source, fetcher):
    fetcher.buffer.put(100, bytes_at(100, 2000))
    task = reading(fetcher, (50, 2050))
    await turns()
    assert source.asked == [(50, 100), (2000, 2050)]
    for call in source.calls:
        call.end()
    assert await task == [bytes_at(50, 2050)]


async def test_a_range_that_is_held_costs_nothing(source, fetcher):
    fetcher.buffer.put(100, bytes_at(100, 200))
    assert await fetcher.read([ByteRange(120, 130)]) == [bytes_at(120, 130)]
    assert source.asked == []


# --- cancelled -----------------------------------------------------------------------------------


async def test_who_shares_a_request_may_be_cancelled_without_disturbing_the_others(source, fetcher):
    one, other = reading(fetcher, (0, 1000)), reading(fetcher, (0, 1000))
    await turns()
    source.calls[0].send(300)
    one.cancel()
    await turns()
    assert source.calls[0].was_cancelled is False
    source.calls[0].end()
    assert await other == [bytes_at(0, 1000)]
    assert one.cancelled()
    assert source.asked == [(0, 1000)]


async def test_where_the_last_is_cancelled_the_request_ends_and_its_slot_is_free(source, fetcher):
    tasks = [reading(fetcher, (0, 1000)) for _ in range(3)]
    await turns()
    source.calls[0].send(300)
    for task in tasks:
        task.cancel()
    await turns(3)
    assert source.calls[0].was_cancelled
    assert_idle(fetcher)


async def test_what_was_not_sent_is_never_sent_if_nobody_waits(source, fetcher):
    fetcher.server.limit = 1
    first = reading(fetcher, (FAR, FAR + 10))
    await turns()
    waiting, kept = reading(fetcher, (0, 10)), reading(fetcher, (2 * FAR, 2 * FAR + 10))
    await turns()
    waiting.cancel()
    await turns()
    source.calls[0].end()
    await turns()
    source.calls[1].end()
    await asyncio.gather(first, kept)
    assert source.asked == [(FAR, FAR + 10), (2 * FAR, 2 * FAR + 10)]


async def test_of_a_merged_request_whoever_is_left_gets_its_part(source, fetcher):
    near, far = reading(fetcher, (0, 100)), reading(fetcher, (100, 200))
    await turns()
    near.cancel()
    await turns()
    source.calls[0].end()
    assert await far == [bytes_at(100, 200)]


@pytest.mark.parametrize("after", [1, 2])
async def test_who_is_cancelled_as_the_request_is_made_leaves_no_slot_taken(after):
    source = Scripted()
    fetcher = Fetcher(source)
    lost: list[int] = []
    for n in range(8):
        task = reading(fetcher, (0, 1000))
        await turns(n if after == 1 else 8 - n)
        task.cancel()
        await turns()
        lost.append(fetcher.server.in_flight)
    assert lost == [0] * 8


async def test_after_it_the_same_bytes_can_be_read():
    source = Scripted(at_once=True)
    fetcher = Fetcher(source)
    for n in range(8):
        task = reading(fetcher, (0, 1000))
        await turns(n)
        task.cancel()
        await turns()
    assert await asyncio.wait_for(reading(fetcher, (0, 1000)), 10) == [bytes_at(0, 1000)]


async def test_who_asks_as_another_gives_up_is_not_cancelled_with_it():
    source = Scripted()
    fetcher = Fetcher(source)
    one = reading(fetcher, (0, 1000))
    await turns()
    other = reading(fetcher, (0, 1000))
    one.cancel()
    await turns()
    for call in source.under_way:
        call.end()
    await turns()
    assert other.done()
    assert not other.cancelled()
    assert await other == [bytes_at(0, 1000)]


async def test_a_tile_that_another_reader_gives_up_can_be_read_at_any_moment():
    pixels = np.arange(128 * 128, dtype=np.uint16).reshape(1, 128, 128)
    data = make_tiff([make_image(pixels, tile=(64, 64))], layout=Layout(gap=40_000))
    asked = asyncio.Event()

    def alter(e: RequestContext) -> Sent:
        asked.set()
        return e.right

    async with RangeServer({"a.tif": data}, latency=0.01) as server:
        cog = await tinycog.open(server.url("a.tif"))
        server.script(Fault(kind="tells", alter=alter, times=None))

        async def give_up(task: asyncio.Future[Any], after: int) -> None:
            await turns(after)
            task.cancel()

        outcomes: list[object] = []
        for after in range(6):
            asked.clear()
            one = asyncio.ensure_future(cog.read_tile(0, 1, 1))
            await asked.wait()

            async def read(after: int = after) -> object:
                await turns(after + 1)
                return await cog.read_tiles([(0, 1, 1)])

            found = await asyncio.gather(give_up(one, after), read(), one, return_exceptions=True)
            outcomes.append(found[1])
        assert not [found for found in outcomes if isinstance(found, BaseException)]


# --- failed --------------------------------------------------------------------------------------


async def test_an_error_reaches_all_who_wait_and_frees_the_slot(source, fetcher):
    tasks = [reading(fetcher, (i * 100, i * 100 + 100)) for i in range(4)]
    await turns()
    late = reading(fetcher, (50, 250))
    await turns()
    source.calls[0].fail(SourceError("gone"))
    outcomes = await asyncio.gather(*tasks, late, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["gone"] * 5
    assert len(source.calls) == 1
    assert_idle(fetcher)


async def test_who_asks_at_the_moment_of_an_error_does_not_join_what_has_failed(source, fetcher):
    found: list[bytes] = []
    requests: list[RangeRequest] = []

    def keep(data: memoryview) -> None:
        found.append(bytes(data))

    def ask_again(_: BaseException) -> None:
        requests.extend(fetcher.submit(RangeRequest(ByteRange(500, 600), keep, refused)))
        fetcher.flush()

    requests.extend(fetcher.submit(RangeRequest(ByteRange(0, 1000), keep, ask_again)))
    await turns()
    source.calls[0].fail(SourceError("once"))
    await turns()
    assert source.asked == [(0, 1000), (500, 600)]
    source.calls[1].end()
    await turns()
    assert found == [bytes_at(500, 600)]
    fetcher.release(requests)


async def test_who_has_its_bytes_is_not_told_of_an_error_that_comes_later(source, fetcher):
    near, far = reading(fetcher, (0, 100)), reading(fetcher, (100, 200))
    await turns()
    source.calls[0].send(100)
    source.calls[0].fail(SourceError("gone"))
    assert await near == [bytes_at(0, 100)]
    with pytest.raises(SourceError, match="gone"):
        await far


async def test_after_an_error_the_same_bytes_are_asked_again(source, fetcher):
    task = reading(fetcher, (0, 100))
    await turns()
    source.calls[0].fail(SourceError("gone"))
    with pytest.raises(SourceError):
        await task
    again = reading(fetcher, (0, 100))
    await turns()
    source.calls[1].end()
    assert await again == [bytes_at(0, 100)]


@pytest.mark.parametrize("error", [SourceBusyError("429"), SourceTimeoutError("silence")])
async def test_a_server_that_is_asked_too_much_is_asked_less(source, fetcher, error):
    tasks = [reading(fetcher, (i * FAR, i * FAR + 10)) for i in range(10)]
    await turns()
    limit = fetcher.server.limit
    for call in source.calls:
        call.fail(error)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert fetcher.server.limit == limit // 2


async def test_another_error_says_nothing_of_how_much_the_server_bears(source, fetcher):
    task = reading(fetcher, (0, 10))
    await turns()
    limit = fetcher.server.limit
    source.calls[0].fail(SourceError("denied"))
    await asyncio.gather(task, return_exceptions=True)
    assert fetcher.server.limit == limit


async def test_a_source_that_raises_what_no_source_should_is_heard_too(source, fetcher):
    task = reading(fetcher, (0, 10))
    await turns()
    source.calls[0].fail(ZeroDivisionError("bug"))
    with pytest.raises(ZeroDivisionError):
        await task


def asked(fetcher: Fetcher, part: tuple[int, int], deliver: Any, fail: Any) -> RangeRequest:
    """Ask as a reader of tiles does."""
    request = RangeRequest(ByteRange(*part), deliver, fail)
    fetcher.submit(request)
    return request


def raising(error: Exception) -> Callable[[object], None]:
    def call(_: object) -> None:
        raise error

    return call


@pytest.mark.parametrize(
    ("raised", "told"), [(KeyError("own"), KeyError), (MemoryError(), tinycog.LimitError)]
)
async def test_what_a_reader_raises_as_bytes_come_fails_it_and_nobody_else(
    source, fetcher, raised, told
):
    """Nobody would call it again: it would wait for ever."""
    errors: list[Exception] = []
    came: list[int] = []
    requests = [
        asked(fetcher, (0, 100), raising(raised), errors.append),
        asked(fetcher, (100, 200), lambda data: came.append(len(data)), errors.append),
    ]
    await turns()
    (call,) = source.calls
    call.end()
    await turns()
    assert came == [100]
    assert [type(error) for error in errors] == [told]
    release(requests)
    assert_idle(fetcher)


async def test_cached_bytes_that_a_reader_cannot_take_fail_it_too(source, fetcher):
    fetcher.buffer.put(0, b"0123456789")
    errors: list[Exception] = []
    asked(fetcher, (2, 8), raising(KeyError("own")), errors.append)
    assert [type(error) for error in errors] == [KeyError]
    assert not source.calls


async def test_who_fails_as_it_is_told_of_an_error_keeps_it_from_nobody(source, fetcher):
    lost: list[str] = []
    handler: Any = lambda _, context: lost.append(repr(context["exception"]))  # noqa: E731
    asyncio.get_running_loop().set_exception_handler(handler)
    errors: list[Exception] = []
    asked(fetcher, (0, 100), bytes, raising(KeyError("own")))
    asked(fetcher, (100, 200), bytes, errors.append)
    await turns()
    (call,) = source.calls
    call.fail(SourceError("no bytes"))
    await turns()
    assert [str(error) for error in errors] == ["no bytes"]
    assert lost == ["KeyError('own')"]
    assert_idle(fetcher)


async def test_ranges_that_cannot_be_planned_fail(source, fetcher, monkeypatch):
    def plan(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "plan_pixels", plan)
        with pytest.raises(MemoryError):
            await asyncio.wait_for(reading(fetcher, (0, 100)), 10)
    other = reading(fetcher, (0, 100))
    await turns()
    source.calls[0].end()
    assert list(map(len, await other)) == [100]


class Eager(Scripted):
    """A source that also sends at once, and fails at that, or at stopping it."""

    error: Exception = KeyError("own")
    refuses = True

    def send_range(self, part: ByteRange, answer: RangeSink, done: Any) -> Callable[[], None]:
        del part, answer, done
        if self.refuses:
            raise self.error
        return partial(raising(self.error), None)


async def test_a_source_that_cannot_send_at_once_fails_the_read():
    source = Eager()
    fetcher = Fetcher(source)
    with pytest.raises(KeyError):
        await asyncio.wait_for(reading(fetcher, (0, 100)), 10)
    source.error = SourceError("for now")
    source.error.may_pass = True
    other = reading(fetcher, (0, 100))
    async with asyncio.timeout(10):
        while not source.calls:  # noqa: ASYNC110 - after a pause
            await asyncio.sleep(0.01)
    source.calls[0].end()
    assert list(map(len, await asyncio.wait_for(other, 10))) == [100]
    await turns()
    assert_idle(fetcher)


async def test_a_request_that_cannot_be_stopped_gives_back_its_slot():
    source = Eager()
    source.refuses = False
    fetcher = Fetcher(source)
    task = reading(fetcher, (0, 100))
    await turns()
    task.cancel()
    await asyncio.wait([task])
    assert_idle(fetcher)


# --- bounded -------------------------------------------------------------------------------------


def header_of(part: ByteRange) -> Steps[None]:
    yield [part]


async def test_the_header_goes_before_pixels(source, fetcher):
    only_one_slot(source.origin)
    other = Fetcher(source)
    first = reading(fetcher, (0, 10))
    await turns()
    pixels = reading(fetcher, (FAR, FAR + 10))
    await turns()
    header = asyncio.ensure_future(other.drive(header_of(ByteRange(2 * FAR, 2 * FAR + 10))))
    own = asyncio.ensure_future(fetcher.drive(header_of(ByteRange(3 * FAR, 3 * FAR + 10))))
    await turns()
    for _ in range(4):
        (call,) = source.under_way
        call.end()
        await turns()
    await asyncio.gather(first, pixels, header, own)
    assert source.asked[-1] == (FAR, FAR + 10)


async def test_no_more_requests_are_under_way_than_the_server_is_given(source, fetcher):
    tasks = [reading(fetcher, (i * FAR, i * FAR + 10)) for i in range(40)]
    await turns()
    assert len(source.under_way) == fetcher.server.limit == SLOTS.initial
    source.at_once = True
    for call in source.under_way:
        call.end()
    await asyncio.gather(*tasks)
    assert len(source.calls) == 40


class Releasing:
    """A reader who lets go of its bytes after a few turns, as a decoder does."""

    def __init__(self, fetcher: Fetcher) -> None:
        self.fetcher = fetcher
        self.read = 0
        self.most = 0
        self.failed: list[BaseException] = []
        self.is_done = asyncio.Event()

    def want(self, start: int, stop: int) -> None:
        request = RangeRequest(
            ByteRange(start, stop), lambda data: self._take(request, data), self.failed.append
        )
        assert self.fetcher.submit(request) == [request]

    def _take(self, request: RangeRequest, data: memoryview) -> None:
        assert bytes(data) == bytes_at(*request.part)
        self.most = max(self.most, self.fetcher.server.budget.used)
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.call_soon(lambda: self._release(request)))

    def _release(self, request: RangeRequest) -> None:
        self.read += request.part.length
        self.fetcher.release([request])
        if self.read == 50 * 150 + 5000:
            self.is_done.set()


async def test_bytes_in_flight_are_bounded_until_they_are_let_go_of(source, fetcher):
    fetcher.server.budget = Budget(1000)
    source.at_once = True
    reader = Releasing(fetcher)
    for i in range(50):
        reader.want(i * FAR, i * FAR + 150)
    reader.want(100 * FAR, 100 * FAR + 5000)  # one that is longer than the bound, alone
    async with asyncio.timeout(10):
        await reader.is_done.wait()
    assert reader.failed == []
    assert reader.most in (900, 5000)
    assert_idle(fetcher)


async def test_more_than_the_bound_can_be_read_at_once():
    source = Scripted(at_once=True)
    fetcher = Fetcher(source)
    fetcher.server.budget = Budget(1000)
    parts = [ByteRange(i * FAR, i * FAR + 150) for i in range(20)]
    async with asyncio.timeout(10):
        assert await fetcher.read(parts) == [bytes_at(*part) for part in parts]


# --- many handles, few slots ---------------------------------------------------------------------


async def test_nobody_is_forgotten_where_many_handles_share_one_slot():
    name = f"shared-{next(names)}"
    only_one_slot(name)
    sources = [Scripted(name, at_once=True) for _ in range(50)]
    tasks = [
        reading(Fetcher(source), *((i * FAR, i * FAR + 10) for i in range(3))) for source in sources
    ]
    await turns()
    gone = tasks[10::3]
    assert not any(source.calls for source in sources[10::3])
    for task in gone:  # they wait in the line, and have nothing to send any more
        task.cancel()
    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 50 - len(gone)
    assert max(source.most for source in sources) == 1
    assert server_named(name).in_flight == 0


def test_nobody_is_forgotten_where_event_loops_of_several_threads_share_one_slot():
    name = f"shared-{next(names)}"
    only_one_slot(name)
    found: list[list[bytes]] = []

    async def read() -> None:
        fetchers = [Fetcher(Scripted(name, at_once=True)) for _ in range(10)]
        parts = [(i * FAR, i * FAR + 10) for i in range(3)]
        async with asyncio.timeout(20):
            found.extend(await asyncio.gather(*(reading(one, *parts) for one in fetchers)))

    threads = [threading.Thread(target=asyncio.run, args=(read(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    assert server_named(name).in_flight == 0


class Script:
    """Reads that begin, are answered bit by bit, and are cancelled, as chance has it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - a script, not a secret
        self.source = Scripted()
        self.fetcher = Fetcher(self.source)
        self.fetcher.server.limit = self.random.choice([1, 3, 16])
        self.tasks: dict[asyncio.Task[list[bytes]], list[ByteRange]] = {}

    def begin(self) -> None:
        starts = [self.random.choice([0, FAR]) + self.random.randrange(2000) for _ in range(3)]
        parts = [ByteRange(start, start + self.random.randrange(1, 500)) for start in starts]
        self.tasks[asyncio.ensure_future(self.fetcher.read(parts))] = parts

    def cancel(self) -> None:
        if self.tasks:
            self.random.choice(list(self.tasks)).cancel()

    def answer(self) -> None:
        if self.source.under_way:
            call = self.random.choice(self.source.under_way)
            call.send(self.random.randrange(1, 800))
            if call.sent == call.part.length:
                call.end()

    async def end(self) -> None:
        while any(not task.done() for task in self.tasks):
            for call in self.source.under_way:
                call.end()
            await turns()


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_is_read_and_cancelled_the_bytes_are_right_and_nothing_is_left(seed):
    script = Script(seed)
    deeds = [script.begin] * 5 + [script.answer] * 4 + [script.cancel]
    for _ in range(150):
        script.random.choice(deeds)()
        await turns(6)
    await script.end()
    for task, parts in script.tasks.items():
        if not task.cancelled():
            assert task.result() == [bytes_at(*part) for part in parts]
    assert any(task.cancelled() for task in script.tasks)
    assert_idle(script.fetcher)


# --- of the whole handle -------------------------------------------------------------------------

PIXEL_VALUES = np.arange(200 * 300, dtype=np.uint16).reshape(1, 200, 300)
TIFF = make_tiff(make_pyramid(PIXEL_VALUES, (2, 4), tile=(64, 64)), layout=Layout(gap=40_000))


def server_of(server: RangeServer) -> Server:
    return server_named(server.url("").rstrip("/"))


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_says_it_is_busy_is_believed(status):
    async with RangeServer({"a.tif": TIFF}) as server:
        once = tinycog.Limits(retries=tinycog.Retries(tries=1))
        cog = await tinycog.open(server.url("a.tif"), limits=once)
        limit = server_of(server).limit
        server.script(Fault.status(status))
        with pytest.raises(SourceBusyError, match=f"limits requests .HTTP {status}"):
            await cog.read_tile(0, 1, 1)
        assert server_of(server).limit == limit // 2
        tile = await cog.read_tile(0, 1, 1)
        np.testing.assert_array_equal(tile.data, PIXEL_VALUES[:, 64:128, 64:128])


async def outcome(work: Awaitable[object]) -> object:
    (found,) = await asyncio.gather(work, return_exceptions=True)
    return found


async def test_nothing_is_in_flight_after_reads_that_went_well_or_wrong():
    async with RangeServer({"a.tif": TIFF}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        await cog.read()
        server.script(Fault.status(403, times=None))
        assert isinstance(await outcome(cog.read(level=1)), PermissionError)
        server.script(Fault.short_body(100, times=None))
        assert isinstance(await outcome(cog.read(level=1)), SourceError)
        server.script(Fault.stall(times=None))
        assert isinstance(await outcome(asyncio.wait_for(cog.read(), 0.05)), TimeoutError)
        await turns()
        assert server_of(server).in_flight == 0
    assert BUDGET.used == 0


@pytest.mark.parametrize("where", ["server", "memory"])
async def test_pixels_that_the_caller_let_go_of_are_let_go_of(where):
    async with RangeServer({"a.tif": TIFF}) as server:
        cog = await tinycog.open(server.url("a.tif") if where == "server" else TIFF)
        raster = await cog.read()
        seen = weakref.ref(raster.data)
        del raster
        await turns()
        gc.collect()
        assert seen() is None


# --- a limit of requests -------------------------------------------------------------------------


async def test_a_header_that_takes_too_many_requests_is_refused():
    pages = [make_image(np.zeros((1, 16, 16), np.uint8), tile=(16, 16)) for _ in range(20)]
    data = make_tiff(pages, layout=Layout(gap=100_000))
    async with RangeServer({"a.tif": data}) as server:
        assert len((await tinycog.open(server.url("a.tif"))).pages) == 20
        needed = len(server.log)
        server.clear()
        few = tinycog.Limits(requests=needed // 2)
        with pytest.raises(tinycog.LimitError, match=r"over the limit of .* \(Limits.requests\)"):
            await tinycog.open(server.url("a.tif"), limits=few)
        assert len(server.log) < needed


async def test_a_read_that_takes_too_many_requests_is_refused_before_any():
    pixels = np.zeros((1, 2048, 512), np.uint8)
    data = make_tiff(make_pyramid(pixels, (2,), tile=(64, 64)))
    far = [(0, 0, y) for y in range(0, 32, 2)]
    async with RangeServer({"a.tif": data}) as server:
        cog = await tinycog.open(server.url("a.tif"), limits=tinycog.Limits(requests=10))
        assert len(await cog.read_tiles(far[:10])) == 10
        sent = len(server.log)
        with pytest.raises(tinycog.LimitError, match=r"requests of one read: 1\d is over"):
            await cog.read_tiles(far)
        assert len(server.log) == sent
        assert (await cog.read()).data.shape == pixels.shape  # many tiles, few requests


def test_servers_without_number_are_not_remembered_without_end():
    first = weakref.ref(concurrency.server_named("test://first"))
    for i in range(2 * concurrency.MAX_SERVERS):
        concurrency.server_named(f"test://{i}")
    gc.collect()
    assert first() is None
    busy = concurrency.server_named("test://busy")
    assert busy.acquire(1, PIXELS, lambda: None) is not None
    for i in range(2 * concurrency.MAX_SERVERS):
        concurrency.server_named(f"test://{i}")
    assert concurrency.server_named("test://busy") is busy
    busy.budget.release(1)
    busy.release()


# --- work that is begun at once ------------------------------------------------------------------


async def test_work_that_never_waits_is_over_at_once():
    done = []

    async def work():
        done.append(1)

    assert start_eagerly(work()) is None
    assert done == [1]


async def test_work_that_waits_goes_on_in_a_task():
    steps: list[object] = []
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work():
        steps.append("begun")
        steps.append(await gate)
        await asyncio.sleep(0)
        steps.append("over")

    task = start_eagerly(work())
    assert steps == ["begun"]
    gate.set_result("gone on")
    assert task is not None
    await task
    assert steps == ["begun", "gone on", "over"]


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_work_that_is_cancelled_is_cancelled_however_early(turns):
    cancelled = []

    async def work():
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    task = start_eagerly(work())
    assert task is not None
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == [1]


async def test_an_error_after_a_wait_is_the_tasks_and_before_it_the_callers():
    async def work(*, early):
        if not early:
            await asyncio.sleep(0)
        raise KeyError

    with pytest.raises(KeyError):
        start_eagerly(work(early=True))
    task = start_eagerly(work(early=False))
    assert task is not None
    with pytest.raises(KeyError):
        await task


def test_who_finds_all_slots_taken_is_woken_as_if_it_had_asked_for_one():
    line = Line()
    woken: list[int] = []
    assert not line.server.is_full(PIXELS, partial(woken.append, 1))
    line.enter()
    assert line.server.is_full(PIXELS, partial(woken.append, 2))
    line.leave()
    assert woken == [2]


# --- some at a time ------------------------------------------------------------------------------


async def test_some_at_a_time_are_under_way_and_results_have_the_order_of_the_items():
    under_way: list[int] = []
    most: list[int] = []

    async def work(item: int) -> int:
        under_way.append(item)
        most.append(len(under_way))
        await asyncio.sleep(0.001 * (item % 5))
        under_way.remove(item)
        return item * item

    assert await some_at_a_time(range(40), work, 7) == [n * n for n in range(40)]
    assert max(most) == 7
    assert await some_at_a_time([], work, 7) == []


async def test_answers_come_while_others_have_yet_to_begin():
    events: list[str] = []

    async def work(item: int) -> None:
        events.append(f"begins {item}")
        await asyncio.sleep(0)
        events.append(f"ends {item}")

    await some_at_a_time(range(10), work, 10)
    assert events.index("ends 0") < events.index("begins 9")


async def test_if_one_of_some_fails_the_others_have_ended_before_its_error_is_raised():
    ended: list[int] = []

    async def work(item: int) -> None:
        try:
            await asyncio.sleep(0.01 if item == 3 else 10)
            if item == 3:
                raise ValueError(item)
        finally:
            ended.append(item)

    with pytest.raises(ValueError, match="3"):
        await some_at_a_time(range(10), work, 5)
    assert sorted(ended) == [0, 1, 2, 3, 4]
