"""One thread for blocking calls, which it makes in the order in which they came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from tinycog.sources.stores.threads import called

if TYPE_CHECKING:
    from concurrent.futures import Future

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """A thread of one target or spool, from its first call to `close`.

    The event loop's own threads would not do: they stay, each with its address space.
    """

    def __init__(self) -> None:
        """Start no thread yet."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - heavy

        self._executor: ThreadPoolExecutor | None = ThreadPoolExecutor(1, "tinycog-write")

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a function called after those before; whoever waits, and whether he is cancelled."""
        work = partial(called, partial(function, *args, **kwargs))
        if self._executor is not None:
            try:
                return self._executor.submit(work)
            except RuntimeError:  # it is closed, or the system allows no more threads
                self._executor = None
        from concurrent.futures import Future  # noqa: PLC0415 - heavy

        future: Future[T] = Future()
        try:
            future.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - for the caller who waits
            future.set_exception(exc)
        return future

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function after those before, and return what it returns."""
        return await settled(self.submit(function, *args, **kwargs))

    def close(self) -> None:
        """Let the thread end after the calls that wait. A later call is made in its caller's."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)


async def settled(future: Future[T]) -> T:
    """Wait for a call; if the wait is cancelled, it is made all the same."""
    if future.done():
        return future.result()
    return await asyncio.shield(asyncio.wrap_future(future))
