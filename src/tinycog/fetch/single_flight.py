"""Work done side by side, and work done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def start_eagerly(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run a coroutine to where it first waits, and make a task of the rest; None if it is over.

    Saves a turn of the event loop and a task where there is nothing to wait for. Up to there it
    must not ask which task it is.
    """
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_Rest(work, waits_for))


class _Rest(Coroutine[Any, Any, None]):
    """A coroutine that waits for a future already: the first who asks is given that."""

    def __init__(self, work: Coroutine[Any, Any, None], waits_for: object) -> None:
        self._work = work
        self._waits_for: object | None = waits_for

    def send(self, value: Any) -> Any:  # noqa: ANN401 - as of any coroutine
        waits_for, self._waits_for = self._waits_for, None
        return self._work.send(value) if waits_for is None else waits_for

    def throw(self, *error: Any) -> Any:  # noqa: ANN401
        self._waits_for = None
        return self._work.throw(*error)

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Any:  # noqa: ANN401
        return self._work.__await__()


class SingleFlight:
    """Work that is done once, however many wait for it, and that lives while anyone waits.

    A failure is told to all who wait, and the next caller tries again. Each event loop does its
    own work: a task of one loop cannot be awaited in another.
    """

    def __init__(self) -> None:
        """Start with nothing under way."""
        self._under_way: dict[object, _Work] = {}

    async def run(self, key: object, work: Callable[[], Awaitable[T]]) -> T:
        """Join the work of that name, or start it."""
        place = (asyncio.get_running_loop(), key)
        held = self._under_way.get(place)
        if held is None:
            held = self._under_way[place] = _Work(asyncio.ensure_future(work()))
            held.task.add_done_callback(lambda done: self._forget(place, done))
        held.waiting += 1
        try:
            return await asyncio.shield(held.task)
        finally:
            held.waiting -= 1
            if not held.waiting and not held.task.done():
                self._under_way.pop(place, None)
                held.task.cancel()

    def _forget(self, place: object, done: asyncio.Future[Any]) -> None:
        held = self._under_way.get(place)
        if held is not None and held.task is done:
            del self._under_way[place]
        if not done.cancelled():
            done.exception()  # told to all who waited; nobody is left to tell if none did


@dataclass
class _Work:
    """A task, and how many wait for it."""

    task: asyncio.Future[Any]
    waiting: int = 0
