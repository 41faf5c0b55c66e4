"""One event loop in a thread of its own, for all blocking calls of a process."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from typing import Any, Generic, TypeVar

import tinycog

T = TypeVar("T")

NAME = "tinycog.sync"
"""Name of the thread."""


class LoopThread:
    """A thread that runs an event loop: started at the first call, again in a child process."""

    def __init__(self) -> None:
        """Start nothing."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_over = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, and return its result; an interrupt (Ctrl-C) cancels it.

        Raises:
            UsageError: the caller runs in the loop itself, which would wait for itself for ever.
        """
        if threading.current_thread() is self._thread:
            work.close()
            message = (
                "a blocking call from a function that tinycog.sync calls, of headers= for one:"
                " make it an async function, and use tinycog.open in it"
            )
            raise tinycog.UsageError(message)
        call = _Call(work)
        loop = self._running()
        loop.call_soon_threadsafe(call.start)
        try:
            return call.result.result()
        finally:
            if not call.result.done():
                loop.call_soon_threadsafe(call.cancel)
                wait([call.result])

    def iterate(self, items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """Iterate over what an async generator yields; it is closed at the end, or when left."""
        try:
            while found := self.run(_next(items)):
                yield found[0]
        finally:
            if not self._is_over:  # else the loop has closed it
                self.run(_close(items))

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_turn, args=(self._loop,), name=NAME, daemon=True
                )
                self._thread.start()
            return self._loop

    def stop(self) -> None:
        """Cancel what runs, end the thread and close the loop; the next call starts another."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        call = _Call(_cancel_all())
        loop.call_soon_threadsafe(call.start)
        call.result.result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def end(self) -> None:
        """Stop for good: the process ends."""
        self._is_over = True
        self.stop()

    def forget(self) -> None:
        """Forget a thread that a fork has left behind in the parent."""
        self._lock = threading.Lock()
        self._loop = self._thread = None


class _Call(Generic[T]):
    """A coroutine that runs in the loop, and its result for the thread that waits for it."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self.result: Future[T] = Future()
        self._work = work
        self._task: asyncio.Task[T] | None = None

    def start(self) -> None:
        """Begin; called in the loop, as is `cancel`."""
        try:
            self._task = asyncio.ensure_future(self._work)
        except Exception as exc:  # noqa: BLE001 - raised where the result is waited for
            self.result.set_exception(exc)
        else:
            self._task.add_done_callback(self._on_done)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _on_done(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.result.set_exception(CancelledError())
        elif (error := task.exception()) is not None:
            self.result.set_exception(error)
        else:
            self.result.set_result(task.result())


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    """Run an event loop until it is stopped.

    A `SystemExit` or `KeyboardInterrupt` that a caller's function raises in it ends `run_forever`;
    who waits for the task is told, but by this loop.
    """
    is_stopped = False
    while not is_stopped:
        with suppress(SystemExit, KeyboardInterrupt):
            loop.run_forever()
            is_stopped = True


async def _next(items: AsyncGenerator[T, None]) -> tuple[T] | None:
    """Return the next item alone in a tuple, None after the last one."""
    async for item in items:
        return (item,)
    return None


async def _close(items: AsyncGenerator[T, None]) -> None:
    await items.aclose()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


THREAD = LoopThread()
"""That of this process."""

atexit.register(THREAD.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=THREAD.forget)
