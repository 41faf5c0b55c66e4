"""Requests that are sent at once, without a task: what is asked, and what comes of failures."""

import asyncio
import time
from typing import Any

import pytest
from test_keep_alive import DATA, RawServer, answer, asked_range, expected, right, serving

from tinycog.errors import AccessDeniedError, SourceError, SourceTimeoutError
from tinycog.fetch.fetcher import Fetcher
from tinycog.limits import Limits, Retries
from tinycog.sources.factory import make_source
from tinycog.sources.http.connections import Connection
from tinycog.sources.http.pool import ConnectionPool
from tinycog.tiff.ranges import ByteRange


def fetcher_of(raw: RawServer, limits: Limits | None = None, **options: Any) -> Fetcher:
    limits = limits or Limits(retries=Retries(tries=1))
    return Fetcher(make_source(raw.url, limits=limits, **options), limits)


async def read(fetcher: Fetcher, *parts: tuple[int, int]) -> list[bytes]:
    return [(await fetcher.read([ByteRange(*part)]))[0] for part in parts]


def names(head: bytes) -> dict[bytes, bytes]:
    lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:] if line]
    return {name.lower(): value for name, _, value in lines}


async def test_no_task_is_made_for_a_range_on_an_open_connection():
    tasks: list[int] = []

    def script(_, head):
        tasks.append(len(asyncio.all_tasks()))
        return right(_, head)

    async with serving(script) as raw:
        fetcher = fetcher_of(raw)
        await read(fetcher, (0, 10), (20, 30), (30, 40))
        assert tasks[0] >= tasks[1] == tasks[2]


async def test_it_asks_for_the_generation_that_it_has_seen():
    async with serving(right) as raw:
        await read(fetcher_of(raw, headers={"X-Own": "1"}), (0, 10), (20, 30), (30, 40))
        first, second, third = (names(head) for _, head in raw.asked)
        assert b"if-match" not in first
        assert second[b"if-match"] == third[b"if-match"] == b'"a"'
        assert (second[b"range"], third[b"range"]) == (b"bytes=20-29", b"bytes=30-39")
        assert first[b"x-own"] == second[b"x-own"] == third[b"x-own"] == b"1"


async def test_a_handle_that_comes_later_is_sent_at_once_too():
    async with serving(right) as raw:
        await read(fetcher_of(raw), (0, 10))
        assert await read(fetcher_of(raw, headers={"X-Own": "2"}), (5, 9)) == expected((5, 9))
        (_, head) = raw.asked[1]
        assert names(head)[b"x-own"] == b"2"
        assert b"if-match" not in names(head)


@pytest.mark.parametrize("cut", [0, 30, 400, 60_000, 200_000])
async def test_an_answer_that_falls_silent_is_given_up_in_time(cut):
    def script(number, head):
        return [answer(head) if number == 0 else answer(head)[:cut]]

    async with serving(script) as raw:
        await read(fetcher_of(raw), (0, 10))
        fetcher = fetcher_of(raw, Limits(retries=Retries(tries=1, silence=0.1)))
        began = time.monotonic()
        with pytest.raises(SourceTimeoutError):
            await read(fetcher, (0, 300_000))
        assert 0.09 < time.monotonic() - began < Retries().silence
        await asyncio.sleep(0)  # the task that tells of it ends
        assert fetcher.server.in_flight == 0
        assert [request.error for request in fetcher.log] == ["SourceTimeoutError"]
        assert len(raw.asked) == 2


async def test_what_fell_silent_goes_on_where_it_did():
    def script(number, head):
        return [answer(head)[:100_000] if number == 1 else answer(head)]

    async with serving(script) as raw:
        fetcher = fetcher_of(raw, Limits(retries=Retries(silence=0.1, first_delay=0.01)))
        await read(fetcher, (0, 10))
        assert await read(fetcher, (0, 300_000)) == expected((0, 300_000))
        start, last = asked_range(raw.asked[2][1])
        assert 99_000 < start < 100_000
        assert last == 299_999


async def test_a_slow_answer_that_goes_on_is_waited_for():
    def script(number, head):
        whole = answer(head)
        step = len(whole) if number == 0 else len(whole) // 6
        return Slowly(whole[i : i + step] for i in range(0, len(whole), step))

    async with serving(script) as raw:
        fetcher = fetcher_of(raw, Limits(retries=Retries(tries=1, silence=0.15)))
        assert await read(fetcher, (0, 10), (0, 300_000)) == expected((0, 10), (0, 300_000))


class Slowly:
    """Parts of an answer, each a while after the one before."""

    def __init__(self, parts):
        self._parts = iter(parts)

    def __iter__(self):
        return self

    def __next__(self):
        part = next(self._parts)
        time.sleep(0.05)  # the server stands still, and with it all of this loop
        return part


async def test_a_read_that_is_given_up_frees_its_slot_at_once():
    came = asyncio.Event()

    def script(number, head):
        if number == 1:
            came.set()
            return [answer(head)[:1000]]
        return [answer(head)]

    async with serving(script) as raw:
        fetcher = fetcher_of(raw)
        await read(fetcher, (0, 10))
        task = asyncio.ensure_future(read(fetcher, (0, 100_000)))
        await came.wait()
        assert fetcher.server.in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (fetcher.server.in_flight, fetcher.server.budget.used) == (0, 0)
        assert await read(fetcher, (20, 30)) == expected((20, 30))


async def test_a_redirect_that_lasts_is_remembered_and_sent_at_once():
    def script(_, head):
        if b"/b.tif" in head:
            return [answer(head)]
        return [b"HTTP/1.1 308 Moved\r\nLocation: /b.tif\r\nContent-Length: 0\r\n\r\n"]

    async with serving(script) as raw:
        fetcher = fetcher_of(raw)
        parts = (0, 10), (20, 30), (30, 40)
        assert await read(fetcher, *parts) == expected(*parts)
        paths = [head.split(b" ", 2)[1] for _, head in raw.asked]
        assert paths == [b"/a.tif", b"/b.tif", b"/b.tif", b"/b.tif"]


async def test_a_redirect_each_time_costs_no_request_more_than_it_must():
    def script(_, head):
        if b"/b.tif" in head:
            return [answer(head)]
        return [b"HTTP/1.1 302 Found\r\nLocation: /b.tif\r\nContent-Length: 0\r\n\r\n"]

    async with serving(script) as raw:
        parts = (0, 10), (20, 30)
        assert await read(fetcher_of(raw), *parts) == expected(*parts)
        paths = [head.split(b" ", 2)[1] for _, head in raw.asked]
        assert paths == [b"/a.tif", b"/b.tif"] * 2


async def test_many_that_are_redirected_at_once_all_come_where_they_should():
    def script(number, head):
        if b"/deep/c.tif" in head or number == 0:
            return [answer(head)]
        return [b"HTTP/1.1 308 Moved\r\nLocation: deep/c.tif\r\nContent-Length: 0\r\n\r\n"]

    async with serving(script) as raw:
        fetcher = fetcher_of(raw)
        await read(fetcher, (0, 10))
        await asyncio.gather(*(read(fetcher_of(raw), (i, i + 5)) for i in range(4)))  # connections
        parts = [(i * 1000, i * 1000 + 9) for i in range(8)]
        found = await asyncio.gather(*(read(fetcher, part) for part in parts))
        assert [data for (data,) in found] == expected(*parts)
        paths = {head.split(b" ", 2)[1] for _, head in raw.asked}
        assert paths == {b"/a.tif", b"/deep/c.tif"}


@pytest.mark.parametrize("url", ["http://[half/a.tif", "http://127.0.0.1:99999/a.tif"])
async def test_a_url_that_is_none_is_said_also_where_connections_are_open(url):
    async with serving(right) as raw:
        await read(fetcher_of(raw), (0, 10))
        fetcher = Fetcher(make_source(url), Limits(retries=Retries(tries=1)))
        for _ in range(2):
            with pytest.raises(SourceError):
                await read(fetcher, (0, 10))
        await asyncio.sleep(0)  # the task that tells of it ends
        assert fetcher.server.in_flight == 0


async def test_each_url_is_asked_about_where_the_caller_wants_that():
    about: list[str] = []

    def allow(url: str) -> bool:
        about.append(url)
        return len(about) < 3

    async with serving(right) as raw:
        fetcher = fetcher_of(raw, allow_host=allow)
        await read(fetcher, (0, 10), (20, 30))
        with pytest.raises(AccessDeniedError):
            await read(fetcher, (30, 40))
        assert about == [raw.url] * 3


async def test_headers_that_are_refused_are_made_anew():
    given = iter(["old", "new"])

    def script(number, head):
        wanted = b"old" if number == 0 else b"new"
        return [answer(head) if wanted in head else answer(head, status=b"401 No", body=b"")]

    async with serving(script) as raw:
        fetcher = fetcher_of(raw, auth=lambda: {"Authorization": next(given)})
        assert await read(fetcher, (0, 10), (20, 30)) == expected((0, 10), (20, 30))
        assert len(raw.asked) == 3


async def test_an_own_if_match_is_not_sent_twice():
    async with serving(right) as raw:
        await read(fetcher_of(raw, headers={"If-Match": '"own"'}), (0, 10), (20, 30))
        counts = [head.lower().count(b"if-match") for _, head in raw.asked]
        assert counts == [1, 1]


async def test_many_at_once_are_all_right_over_few_connections():
    parts = [(i * 1000, i * 1000 + 900) for i in range(0, len(DATA) // 1000, 3)]
    async with serving(right) as raw:
        fetcher = fetcher_of(raw)
        await read(fetcher, (0, 10))
        for _ in range(3):
            found = await asyncio.gather(*(read(fetcher, part) for part in parts))
            assert [data for (data,) in found] == expected(*parts)
        assert len({number for number, _ in raw.asked}) <= 64
        assert (fetcher.server.in_flight, fetcher.server.budget.used) == (0, 0)


# --- where no connection is idle -----------------------------------------------------------------


async def never(*_: object) -> Connection:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_read_that_is_given_up_while_it_connects_frees_its_slot_at_once(monkeypatch):
    async with serving(right) as raw:
        fetcher = fetcher_of(raw)
        with monkeypatch.context() as patch:
            patch.setattr(ConnectionPool, "dial", never)
            task = asyncio.ensure_future(read(fetcher, (0, 10)))
            await asyncio.sleep(0.01)
            assert fetcher.server.in_flight == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (fetcher.server.in_flight, fetcher.server.budget.used) == (0, 0)
        assert await read(fetcher, (20, 30)) == expected((20, 30))
        assert len(raw.asked) == 1


async def test_a_connection_that_does_not_come_is_given_up_in_time(monkeypatch):
    monkeypatch.setattr(ConnectionPool, "dial", never)
    async with serving(right) as raw:
        fetcher = fetcher_of(raw, Limits(retries=Retries(tries=1, silence=0.1)))
        with pytest.raises(SourceTimeoutError):
            await read(fetcher, (0, 10))
        await asyncio.sleep(0)
        assert fetcher.server.in_flight == 0


async def test_a_read_does_not_wait_for_ever_if_somebody_cancels_the_task_that_connects(
    monkeypatch,
):
    monkeypatch.setattr(ConnectionPool, "dial", never)
    async with serving(right) as raw:
        before = asyncio.all_tasks()
        reading = asyncio.ensure_future(read(fetcher_of(raw), (0, 10)))
        for turns in (0, 1):  # before it has begun, and while it waits
            others: set[asyncio.Task[Any]] = set()
            for _ in range(5):
                others = others or asyncio.all_tasks() - before - {reading}
                if not others:
                    await asyncio.sleep(0)
            await asyncio.sleep(0.01 * turns)
            assert others
            for task in others:
                task.cancel()
            with pytest.raises(SourceError, match="cancelled"):
                await reading
            reading = asyncio.ensure_future(read(fetcher_of(raw), (0, 10)))
        reading.cancel()


async def test_what_a_new_connection_cannot_read_goes_by_aiohttp_from_then_on():
    async with serving(lambda _, head: [long_head(answer(head))]) as raw:
        fetcher = fetcher_of(raw)
        assert await read(fetcher, (0, 10)) == expected((0, 10))
        assert len(raw.asked) == 2
        assert await read(fetcher, (20, 30)) == expected((20, 30))
        assert len(raw.asked) == 3


def long_head(response: bytes) -> bytes:
    """Put more headers into a response than are read here."""
    lines = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 5000) for i in range(4))
    return response.replace(b"\r\n", b"\r\n" + lines, 1)
