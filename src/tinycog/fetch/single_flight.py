"""Work that starts at once, work side by side, and work that is done once for all that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar, overload

T = TypeVar("T")
Item = TypeVar("Item")
First = TypeVar("First")
Second = TypeVar("Second")


def start_eagerly(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run a coroutine up to its first wait, and return a task for the rest; None if it is done.

    Saves a turn of the event loop, and the task where there is nothing to wait for. Up to its first
    wait the coroutine must not ask for the current task.
    """
    try:
        first_wait = work.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_Rest(work, first_wait))


class _Rest(Coroutine[Any, Any, None]):
    """A started coroutine: its first step returns the future that it already waits for."""

    def __init__(self, work: Coroutine[Any, Any, None], first_wait: object) -> None:
        self._work = work
        self._first_wait: object | None = first_wait

    def send(self, value: Any) -> Any:  # noqa: ANN401 - as of any coroutine
        first_wait, self._first_wait = self._first_wait, None
        return self._work.send(value) if first_wait is None else first_wait

    def throw(self, *error: Any) -> Any:  # noqa: ANN401 - as of any coroutine
        self._first_wait = None
        return self._work.throw(*error)

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Any:  # noqa: ANN401 - as of any coroutine
        return self._work.__await__()


@overload
async def side_by_side(
    first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second], /
) -> tuple[First, Second]: ...


@overload
async def side_by_side(*work: Coroutine[Any, Any, T]) -> tuple[T, ...]: ...


async def side_by_side(*work: Coroutine[Any, Any, object]) -> tuple[object, ...]:
    """Return the results of all; if one fails, the others are given up."""
    if len(work) == 1:  # needs no task of its own
        return (await work[0],)
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


async def some_at_a_time(
    items: Sequence[Item], work: Callable[[Item], Awaitable[T]], most: int
) -> list[T]:
    """Return the results of work on each item, in their order; `most` are under way at a time.

    The next one begins as soon as any has ended. At first one begins in each turn of the event
    loop, so that the first answers come while the others begin. If one fails, the others are given
    up, and have ended before its error is raised.
    """
    found: dict[int, T] = {}
    waiting = iter(enumerate(items))

    async def work_on() -> None:
        for n, item in waiting:
            found[n] = await work(item)

    tasks: list[asyncio.Task[None]] = []
    try:
        for _ in range(min(most, len(items))):
            tasks.append(asyncio.create_task(work_on()))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [found[n] for n in range(len(items))]


class SingleFlight:
    """Work that is done once, however many wait for it, and cancelled when the last waiter leaves.

    A failure is raised for all that wait, and the next call tries again. Each event loop does its
    own work: a task of one loop cannot be awaited in another.
    """

    def __init__(self) -> None:
        """Create one without any work."""
        self._jobs: dict[object, _Job] = {}

    async def run(self, key: object, work: Callable[[], Awaitable[T]]) -> T:
        """Join the work of that key, or start it; return its result."""
        loop = asyncio.get_running_loop()
        place = (loop, key)
        job = self._jobs.get(place)
        if job is None:
            job = self._jobs[place] = _Job(asyncio.ensure_future(work()))
            job.task.add_done_callback(partial(self._end, place, job))
        waiter: asyncio.Future[T] = loop.create_future()
        job.waiters.append(waiter)
        try:
            return await waiter
        finally:
            job.waiters.remove(waiter)
            if not job.waiters and not job.task.done():
                self._jobs.pop(place, None)
                job.task.cancel()

    def _end(self, place: object, job: _Job, task: asyncio.Future[Any]) -> None:
        """Pass what came of the work on to all that wait; where none does, it matters to none."""
        if self._jobs.get(place) is job:
            del self._jobs[place]
        error = None if task.cancelled() else task.exception()
        for waiter in job.waiters:
            if waiter.done():  # it leaves
                continue
            if task.cancelled():
                waiter.cancel()
            elif error is not None:
                waiter.set_exception(error)
            else:
                waiter.set_result(task.result())


class _Job:
    """A task, and who waits for it."""

    def __init__(self, task: asyncio.Future[Any]) -> None:
        self.task = task
        self.waiters: list[asyncio.Future[Any]] = []
