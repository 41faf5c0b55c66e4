"""Threads for decoding: results come home to their event loop, whatever happens to other loops."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
from conftest import until

import tinycog
from tinycog.testing import Layout, RangeServer, make_pyramid, make_tiff, serve_in_thread
from tinycog.thread_pool import ThreadPool, run_in_pool, shared_pool

PIXELS = np.arange(200 * 300, dtype=np.uint16).reshape(1, 200, 300)
DATA = make_tiff(make_pyramid(PIXELS, (2, 4), tile=(64, 64)), layout=Layout(gap=40_000))


class SpoiltError(Exception):
    """What some work raises."""


def spoil() -> None:
    raise SpoiltError


async def result_of(pool: ThreadPool, work: Callable[[], Any]) -> Any:
    """The result of work that a pool does."""
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[Any] = loop.create_future()
    pool.submit(loop, work, lambda result, _: finished.set_result(result))
    return await asyncio.wait_for(finished, 5)


async def test_work_is_done_in_another_thread_and_its_result_awaited():
    here = threading.get_ident()
    there = await run_in_pool(threading.get_ident)
    assert there != here
    assert await run_in_pool(divmod, 17, 5) == (3, 2)


async def test_results_arrive_in_the_thread_of_the_loop():
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[int] = loop.create_future()
    shared_pool().submit(loop, lambda: None, lambda *_: finished.set_result(threading.get_ident()))
    assert await finished == threading.get_ident()


async def test_an_exception_reaches_who_awaits_the_work():
    with pytest.raises(SpoiltError):
        await run_in_pool(spoil)
    assert await run_in_pool(int, "5") == 5


async def test_a_stop_iteration_reaches_who_awaits_the_work_as_another_error():
    """A future takes none: before Python 3.12 it would be awaited for ever."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(run_in_pool(next, iter(())), 10)


async def test_an_answer_that_fails_does_not_keep_the_others_from_theirs():
    loop, pool = asyncio.get_running_loop(), ThreadPool(1)
    lost, answers = [], []
    loop.set_exception_handler(lambda _, context: lost.append(context["exception"]))
    start = threading.Event()

    def answer(i: int, *_: object) -> None:
        answers.append(i)
        if i % 2:
            spoil()

    pool.submit(loop, start.wait, lambda *_: None)
    for i in range(6):
        pool.submit(loop, lambda: None, partial(answer, i))
    start.set()
    pool.submit(loop, lambda: time.sleep(0.05), lambda *_: None)
    await until(lambda: len(answers) == 6)
    assert answers == list(range(6))
    await until(lambda: len(lost) == 3)
    assert {type(error) for error in lost} == {SpoiltError}


async def test_many_works_are_each_answered():
    results = await asyncio.gather(*(run_in_pool(pow, i, 2) for i in range(500)))
    assert results == [i * i for i in range(500)]


async def test_no_more_threads_are_started_than_there_are_processors():
    seen = await asyncio.gather(*(run_in_pool(threading.get_ident) for _ in range(200)))
    assert len(set(seen)) <= max(os.cpu_count() or 1, 1)


async def test_a_caller_that_is_cancelled_leaves_the_others_their_results():
    gate = threading.Event()
    blocked = [asyncio.ensure_future(run_in_pool(gate.wait, 5)) for _ in range(4)]
    behind = asyncio.ensure_future(run_in_pool(int, "7"))
    await asyncio.sleep(0)
    blocked[0].cancel()
    gate.set()
    assert await behind == 7
    outcomes = await asyncio.gather(*blocked, return_exceptions=True)
    assert [isinstance(found, BaseException) for found in outcomes] == [True, False, False, False]


async def test_work_is_done_although_no_thread_can_be_started(monkeypatch):
    pool = ThreadPool()

    def refuse(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert await result_of(pool, lambda: divmod(17, 5)) == (3, 2)
        assert [await result_of(pool, lambda n=n: -n) for n in range(5)] == [0, -1, -2, -3, -4]
    assert await result_of(pool, threading.get_ident) != threading.get_ident()


async def test_work_that_finds_no_memory_is_a_limit():
    def exhaust() -> None:
        raise MemoryError

    with pytest.raises(tinycog.LimitError, match="no memory"):
        await run_in_pool(exhaust)


def test_loops_of_two_threads_get_their_own_results():
    def run(base: int) -> list[int]:
        async def main() -> list[int]:
            return await asyncio.gather(*(run_in_pool(pow, base, i) for i in range(100)))

        return asyncio.run(main())

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, range(2, 6)))
    assert found == [[base**i for i in range(100)] for base in range(2, 6)]


def test_a_loop_that_was_closed_does_not_break_the_pool():
    gate = threading.Event()
    loop = asyncio.new_event_loop()
    pool = ThreadPool()
    heard: list[Any] = []
    for work in (lambda: gate.wait(5), spoil, int):
        pool.submit(loop, work, lambda *result: heard.append(result))
    loop.close()
    gate.set()

    assert [asyncio.run(result_of(pool, lambda: 5)) for _ in range(3)] == [5] * 3
    assert heard == []


def test_the_pool_keeps_no_loop_that_was_closed():
    pool = ThreadPool()
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def main() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await result_of(pool, int)

    for _ in range(10):
        asyncio.run(main())
    gc.collect()
    assert sum(loop() is not None for loop in loops) <= 2


def test_a_read_whose_loop_ends_leaves_the_next_one_alone():
    with serve_in_thread({"a.tif": DATA}, latency=0.005) as server:
        cog = tinycog.open(server.url("a.tif"))

        async def leave() -> None:
            asyncio.ensure_future(cog.read())  # noqa: RUF006 - nobody waits: that is the point
            await until(lambda: server.log)

        for _ in range(3):
            server.clear()
            asyncio.run(leave())
        np.testing.assert_array_equal(asyncio.run(cog.read()).data, PIXELS)


# --- forked --------------------------------------------------------------------------------------


def in_child(work: Callable[[], bool]) -> int:
    """The exit code of a forked child: 0 if `work` says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        code = 0 if work() else 2
    finally:
        os._exit(code)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("where", ["server", "path", "memory"])
def test_a_forked_child_reads_again_with_handles_old_and_new(where, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(DATA)
    with serve_in_thread({"a.tif": DATA}) as server:
        place: Any = {"server": server.url("a.tif"), "path": path, "memory": DATA}[where]
        cog = tinycog.open(place)
        asyncio.run(cog.read_tile(0, 1, 1))

        def read_again() -> bool:
            async def main() -> bool:
                found = [await one.read() for one in (cog, tinycog.open(place))]
                await cog.aclose()
                return all((raster.data == PIXELS).all() for raster in found)

            return asyncio.run(asyncio.wait_for(main(), 10))

        assert in_child(read_again) == 0
        assert (asyncio.run(cog.read()).data == PIXELS).all()
        asyncio.run(cog.aclose())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_that_is_forked_while_requests_are_under_way_starts_anew():
    with serve_in_thread({"a.tif": DATA}, latency=0.05) as server:
        cog = tinycog.open(server.url("a.tif"))

        async def main() -> int:
            await cog
            server.clear()
            reading = asyncio.ensure_future(cog.read())
            await until(lambda: server.log)
            code = in_child(child)
            assert ((await reading).data == PIXELS).all()
            return code

        def child() -> bool:
            asyncio.events._set_running_loop(None)
            work = asyncio.wait_for(tinycog.open(server.url("a.tif")).read(), 10)
            return bool((asyncio.run(work).data == PIXELS).all())

        assert asyncio.run(main()) == 0


# --- another event loop --------------------------------------------------------------------------


def test_all_of_it_works_on_uvloop():
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        async with RangeServer({"a.tif": DATA}, latency=0.002) as server:
            cog = await tinycog.open(server.url("a.tif"))
            np.testing.assert_array_equal((await cog.read()).data, PIXELS)
            tiles = await asyncio.gather(
                *(cog.read_tile(0, x, y) for x in range(5) for y in (1, 2))
            )
            for tile in tiles:
                left, top, width, height = tile.window
                expected = PIXELS[:, top : top + height, left : left + width]
                np.testing.assert_array_equal(tile.data, expected)
            server.clear()
            task = asyncio.ensure_future(cog.read())
            await until(lambda: server.log)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(FileNotFoundError):
                await tinycog.open(server.url("no.tif")).read_tile(0, 0, 0)
            np.testing.assert_array_equal((await cog.read_level(1)).data, PIXELS[:, ::2, ::2])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
