"""One handle on the event loops of several threads: header and index are requested once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import tinycog
from tinycog.fetch.claims import Claims
from tinycog.testing import Fault, HugeTiff, RangeServer, serve_in_thread
from tinycog.tiff.ranges import ByteRange

THREADS = 8
RANGES = [ByteRange(0, 100)]
HUGE = HugeTiff(256 * 500, 256 * 500)


def in_threads(work: Callable[[int], Awaitable[object]]) -> list[object]:
    """Run it in eight threads at once, each with an event loop; return results and errors."""
    barrier = threading.Barrier(THREADS)

    async def start(i: int) -> object:
        barrier.wait()
        return await work(i)

    def run(i: int) -> object:
        try:
            return asyncio.run(start(i))
        except tinycog.TinycogError as exc:
            return exc

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


@pytest.fixture
def server():
    with serve_in_thread({"a.tif": HUGE}, latency=0.05) as server:
        yield server


def starts(server: RangeServer) -> list[int]:
    return sorted(line.start or 0 for line in server.log)


def test_eight_threads_that_share_a_handle_request_header_and_index_once(server):
    cog = tinycog.open(server.url("a.tif"))

    async def work(i: int) -> object:
        await cog.read_tile(0, 2 * i, 400)
        return (await cog).shape

    assert in_threads(work) == [(1, 256 * 500, 256 * 500)] * THREADS
    pages = 2  # of offsets and of byte counts
    assert len(server.log) == 1 + pages + THREADS
    assert starts(server).count(0) == 1


def test_eight_threads_that_open_a_file_without_a_header_in_its_head_walk_it_once(server):
    cog = tinycog.open(server.url("a.tif"), head_bytes=16)
    in_threads(lambda _: cog)
    alone = tinycog.open(server.url("a.tif"), head_bytes=16)
    before = len(server.log)
    asyncio.run(alone._opened())
    assert before == len(server.log) - before


def test_what_one_thread_cannot_read_the_others_try_themselves(server):
    server.script(Fault.status(403))
    cog = tinycog.open(server.url("a.tif"))
    outcomes = in_threads(lambda _: cog)
    assert sum(isinstance(one, tinycog.AccessDeniedError) for one in outcomes) == 1
    assert len(server.log) == 2


# --- who is waited for ---------------------------------------------------------------------------


def claim_in_thread(claims: Claims, hold: Callable[[], None]) -> threading.Thread:
    """Claim RANGES in another thread, whose event loop is then blocked by `hold`."""
    claimed = threading.Event()

    async def main() -> None:
        assert await claims.claim(RANGES) is not None
        claimed.set()
        hold()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert claimed.wait(5)
    return thread


def _wait(event: threading.Event) -> None:
    event.wait(20)


async def test_ranges_apart_are_claimed_by_any_number_of_loops():
    claims = Claims()
    thread = claim_in_thread(claims, lambda: None)
    claim = await claims.claim([ByteRange(100, 200)])
    assert claim is not None
    thread.join()


async def test_who_has_a_claim_in_the_same_loop_is_not_waited_for():
    claims = Claims()
    assert await claims.claim(RANGES) is not None
    assert await claims.claim(RANGES) is not None


async def test_a_loop_that_is_blocked_is_not_waited_for_without_end():
    claims = Claims()
    go_on = threading.Event()
    thread = claim_in_thread(claims, lambda: _wait(go_on))
    began = time.monotonic()
    assert await claims.claim(RANGES) is None
    claim = await claims.claim(RANGES)
    assert claim is not None
    assert time.monotonic() - began < 5
    claim.release()
    go_on.set()
    thread.join()


async def test_a_loop_that_ended_is_not_waited_for():
    claims = Claims()
    claim_in_thread(claims, lambda: None).join()
    assert await claims.claim(RANGES) is None
    assert await claims.claim(RANGES) is not None


async def test_who_is_cancelled_while_waiting_does_no_harm():
    claims = Claims()
    released: list[bool] = []

    def other() -> None:
        async def main() -> None:
            claim = await claims.claim(RANGES)
            assert claim is not None
            claimed.set()
            await asyncio.to_thread(go_on.wait)
            released.append(True)
            claim.release()

        asyncio.run(main())

    claimed, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=other)
    thread.start()
    claimed.wait(5)
    waiting = [asyncio.ensure_future(claims.claim(RANGES)) for _ in range(2)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    go_on.set()
    assert await waiting[1] is None
    thread.join()
    assert released == [True]
