"""A thread pool for codecs and arithmetic, off the event loop: both release the GIL.

Work goes into one queue that as many threads as there are processors take from. A thread goes on
as long as it finds work, and results go back to their event loop in batches, so that small tiles
do not each pay for two changes of thread.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from tinycog.errors import LimitError
from tinycog.sources.lazy_import import importing
from tinycog.sources.stores.threads import future_error

P = ParamSpec("P")

T = TypeVar("T")


class _Mailbox:
    """Results on their way back to one event loop, in batches."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._results: deque[tuple[Callable[[Any, Any], None], Any, Any]] = deque()
        self._is_scheduled = False
        self._lock = threading.Lock()

    def post(self, done: Callable[[Any, Any], None], result: Any, error: Any) -> None:  # noqa: ANN401 - of any work
        """Put a result; one callback is scheduled for all that have come when it runs."""
        self._results.append((done, result, error))
        with self._lock:
            is_scheduled, self._is_scheduled = self._is_scheduled, True
        if not is_scheduled:
            try:
                self.loop.call_soon_threadsafe(self._empty)
            except RuntimeError:  # the loop is closed: no caller waits
                self._results.clear()

    def _empty(self) -> None:
        with self._lock:
            self._is_scheduled = False
        try:
            while self._results:
                done, result, error = self._results.popleft()
                done(result, error)
        finally:  # an error of one goes to the loop's handler; the others are not lost by it
            if self._results:
                self.loop.call_soon(self._empty)


class ThreadPool:
    """A thread pool with one queue."""

    def __init__(self, size: int | None = None) -> None:
        """Make the queue; no thread is started yet.

        Args:
            size: number of threads at most; None = as many as there are processors.
        """
        self._size = size or _processors()
        with importing():
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - at the first tile

        self._pool = ThreadPoolExecutor(self._size, thread_name_prefix="tinycog")
        self._queue: deque[tuple[_Mailbox, Callable[[], Any], Callable[[Any, Any], None]]] = deque()
        self._busy = 0
        self._lock = threading.Lock()
        self._mailboxes: dict[asyncio.AbstractEventLoop, _Mailbox] = {}

    @property
    def size(self) -> int:
        """Number of threads at most."""
        return self._size

    def submit(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], T],
        done: Callable[[T | None, BaseException | None], None],
    ) -> None:
        """Run `work` in a thread, then call `done(result, error)` in the event loop."""
        mailbox = self._mailboxes.get(loop) or self._new_mailbox(loop)
        self._queue.append((mailbox, work, done))
        with self._lock:
            if self._busy >= self._size:
                return
            self._busy += 1
        claim = threading.Lock()
        try:
            self._pool.submit(self._run, claim)
        except RuntimeError:  # no thread could be started, but the call may be in the pool's queue
            self._run(claim)

    def _new_mailbox(self, loop: asyncio.AbstractEventLoop) -> _Mailbox:
        with self._lock:  # other threads have loops, too
            mailboxes = {b.loop: b for b in self._mailboxes.values() if not b.loop.is_closed()}
            mailbox = mailboxes[loop] = _Mailbox(loop)
            self._mailboxes = mailboxes
            return mailbox

    def _run(self, claim: threading.Lock) -> None:
        """Work until the queue is empty; only the first call that acquires `claim` does so."""
        if not claim.acquire(blocking=False):
            return
        while True:
            try:
                mailbox, work, done = self._queue.popleft()
            except IndexError:
                with self._lock:
                    if self._queue:
                        continue
                    self._busy -= 1
                    return
            result = error = None
            try:
                result = work()
            except MemoryError as exc:
                error = _no_memory(exc)
            except BaseException as exc:  # noqa: BLE001 - handed to the caller that waits
                error = future_error(exc)
            del work  # before the result is posted: memory that it refers to is free by then
            mailbox.post(done, result, error)
            del mailbox, done, result, error


THREAD_BYTES = 80 << 20
"""Address space of a thread, mostly unused: its stack and its malloc arena."""


def _processors() -> int:
    """Return the processors of this process, fewer if threads would take a quarter of its memory.

    Memory means address space, where that is bounded (`ulimit -v`).
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0)) or 1
    else:
        count = os.cpu_count() or 1
    if sys.platform == "win32":
        return count
    import resource  # noqa: PLC0415 - does not exist on Windows

    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    is_bounded = space != resource.RLIM_INFINITY
    return max(min(count, space // 4 // THREAD_BYTES), 1) if is_bounded else count


_pool: ThreadPool | None = None


def shared_pool() -> ThreadPool:
    """Return the pool of the process, made at first use."""
    global _pool  # noqa: PLW0603 - one for the process
    if _pool is None:
        _pool = ThreadPool()
    return _pool


def start_in_pool(work: Callable[[], T]) -> asyncio.Future[T]:
    """Start a function in a worker thread; it runs to its end even if its result is not awaited."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def done(result: Any, error: BaseException | None) -> None:  # noqa: ANN401 - of any work
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    shared_pool().submit(loop, work, done)
    return future


async def run_in_pool(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function in a worker thread and await its result."""
    return await start_in_pool(lambda: work(*args, **kwargs))


FEW_SAMPLES = 1 << 16
"""Samples up to which arithmetic takes less time than two changes of thread."""


async def run_for_samples(count: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that looks at so many samples: at once if few, else as `run_in_pool`."""
    if count > FEW_SAMPLES:
        return await run_in_pool(work, *args, **kwargs)
    try:
        return work(*args, **kwargs)
    except MemoryError as exc:
        raise _no_memory(exc) from exc


def _no_memory(error: MemoryError) -> LimitError:
    return LimitError.no_memory(f"the pixels of a read: {error}")


def _drop_after_fork() -> None:
    """Drop the pool in a forked child, where its threads do not exist."""
    global _pool  # noqa: PLW0603 - one for the process
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_after_fork)
