"""Threads for decoding, off the event loop: the codecs release the GIL.

Work is put into one queue; as many threads as there are processors empty it. A thread that finds
more work goes on with it, and results go back to their event loop in batches, so that small tiles
do not each pay for two changes of thread.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from tinycog.errors import LimitError

P = ParamSpec("P")

T = TypeVar("T")


class _Mailbox:
    """Results on their way back to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._results: deque[tuple[Callable[[Any, Any], None], Any, Any]] = deque()
        self._is_told = False
        self._lock = threading.Lock()

    def post(self, done: Callable[[Any, Any], None], result: Any, error: Any) -> None:  # noqa: ANN401
        """Leave a result; the loop is told once for all that it finds."""
        self._results.append((done, result, error))
        with self._lock:
            is_told, self._is_told = self._is_told, True
        if not is_told:
            try:
                self.loop.call_soon_threadsafe(self._empty)
            except RuntimeError:  # the loop is closed: nobody waits
                self._results.clear()

    def _empty(self) -> None:
        with self._lock:
            self._is_told = False
        while self._results:
            done, result, error = self._results.popleft()
            done(result, error)


class DecodePool:
    """A pool of threads and its queue."""

    def __init__(self) -> None:
        """Start no thread yet."""
        self._size = _processors()
        self._pool = ThreadPoolExecutor(self._size, thread_name_prefix="tinycog")
        self._queue: deque[tuple[_Mailbox, Callable[[], Any], Callable[[Any, Any], None]]] = deque()
        self._busy = 0
        self._lock = threading.Lock()
        self._mailboxes: dict[asyncio.AbstractEventLoop, _Mailbox] = {}

    def submit(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], T],
        done: Callable[[T | None, BaseException | None], None],
    ) -> None:
        """Run `work` in a thread, then `done(result, error)` in the event loop."""
        mailbox = self._mailboxes.get(loop)
        if mailbox is None:
            self._mailboxes = {
                other: box for other, box in self._mailboxes.items() if not other.is_closed()
            }
            mailbox = self._mailboxes[loop] = _Mailbox(loop)
        self._queue.append((mailbox, work, done))
        with self._lock:
            if self._busy >= self._size:
                return
            self._busy += 1
        turn = threading.Lock()
        try:
            self._pool.submit(self._run, turn)
        except RuntimeError:  # no room for one more thread, but maybe it is in the pool's queue now
            self._run(turn)

    def _run(self, turn: threading.Lock) -> None:
        """Empty the queue; `turn` is taken by who does."""
        if not turn.acquire(blocking=False):
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
                error = LimitError(f"there is no memory for it: {exc}")
            except BaseException as exc:  # noqa: BLE001 - told to whoever waits
                error = exc
            del work  # before anybody is told: what it holds may be looked for then
            mailbox.post(done, result, error)
            del mailbox, done, result, error


THREAD_BYTES = 80 << 20
"""Address space that a thread takes, mostly unused: its stack, and its arena of malloc."""


def _processors() -> int:
    """Processors that this process may use, but no more than a quarter of its address space."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0)) or 1
    else:
        count = os.cpu_count() or 1
    if sys.platform == "win32":
        return count
    import resource  # noqa: PLC0415 - not there on Windows

    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    is_bounded = space != resource.RLIM_INFINITY
    return max(min(count, space // 4 // THREAD_BYTES), 1) if is_bounded else count


_pool: DecodePool | None = None


def shared_pool() -> DecodePool:
    """The pool of the process."""
    global _pool  # noqa: PLW0603 - one for the process, made at first use
    if _pool is None:
        _pool = DecodePool()
    return _pool


async def run_in_pool(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function in a worker thread and await its result."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def done(result: Any, error: BaseException | None) -> None:  # noqa: ANN401
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    shared_pool().submit(loop, lambda: work(*args, **kwargs), done)
    return await future


def _forget() -> None:
    """Threads do not live on in a forked child: it makes its own."""
    global _pool  # noqa: PLW0603
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
