"""Work that starts at once, work side by side, and work that is done once for all that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")
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
        place = (asyncio.get_running_loop(), key)
        job = self._jobs.get(place)
        if job is None:
            job = self._jobs[place] = _Job(asyncio.ensure_future(work()))
            job.task.add_done_callback(lambda done: self._forget(place, done))
        job.waiting += 1
        try:
            return await asyncio.shield(job.task)
        finally:
            job.waiting -= 1
            if not job.waiting and not job.task.done():
                self._jobs.pop(place, None)
                job.task.cancel()

    def _forget(self, place: object, done: asyncio.Future[Any]) -> None:
        job = self._jobs.get(place)
        if job is not None and job.task is done:
            del self._jobs[place]
        if not done.cancelled():
            done.exception()  # raised for all that waited; if none did, asyncio need not warn


class _Job:
    """A task, and how many wait for it."""

    def __init__(self, task: asyncio.Future[Any]) -> None:
        self.task = task
        self.waiting = 0
