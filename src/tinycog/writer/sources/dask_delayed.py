"""A write as a value of dask: nothing is computed before `.compute()`, or before it is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from importlib import import_module
from typing import Any, TypeVar
from uuid import uuid4

from tinycog.writer.pending import Write

T = TypeVar("T")

Run = Callable[[], Coroutine[Any, Any, T]]
"""What writes, each time that it is called; for a cluster it can be pickled (`partial`)."""


class DelayedWrite(Write[T]):
    """A write of an array of dask: `.compute()`, `dask.compute(one, another)`, or `await`.

    To dask it is one task, which computes the chunks of the array where it runs, by the same
    scheduler: on a cluster a worker writes, and the chunks are computed by all of them. What
    several writes share is computed for each, unless it is persisted.
    """

    _has_other_ways = True

    def __init__(self, run: Run[T]) -> None:
        """Keep what writes; nothing is computed."""
        super().__init__(run)
        self._key = f"tinycog-write-{uuid4().hex}"

    def compute(self, **options: object) -> T:
        """Write, and return what the write returns; options are those of `dask.compute`."""
        base: Any = import_module("dask.base")
        (result,) = base.compute(self, **options)
        return result

    def __dask_graph__(self) -> Mapping[str, tuple[object, ...]]:
        """Return the one task."""
        return {self._key: (write_now, self._run)}

    def __dask_keys__(self) -> list[str]:
        """Return its key."""
        return [self._key]

    def __dask_tokenize__(self) -> str:
        """Return what tells it from other writes."""
        return self._key

    @staticmethod
    def __dask_optimize__(graph: Any, keys: object, **options: object) -> Any:  # noqa: ANN401 - dask's
        """Return the graph: there is nothing to do better."""
        del keys, options
        return graph

    @staticmethod
    def __dask_scheduler__(graph: Any, keys: Any, **options: Any) -> Any:  # noqa: ANN401 - dask's
        """Compute by threads, where nothing else is said."""
        threaded: Any = import_module("dask.threaded")
        return threaded.get(graph, keys, **options)

    def __dask_postcompute__(self) -> tuple[Callable[[Sequence[T]], T], tuple[()]]:
        """Return what makes the result of the task's."""
        return _first, ()

    def __dask_postpersist__(self) -> tuple[Callable[..., object], tuple[str]]:
        """Return what makes a value of dask of a task that runs or has run."""
        return _persisted, (self._key,)


def _first(results: Sequence[T]) -> T:
    return results[0]


def _persisted(graph: Any, key: str, **options: object) -> object:  # noqa: ANN401 - dask's
    del options
    delayed: Any = import_module("dask.delayed")
    return delayed.Delayed(key, graph)


def write_now(run: Run[T]) -> T:
    """Write, blocking; in a task of dask.distributed, other tasks may have its thread meanwhile."""
    with ExitStack() as stack:
        try:
            distributed: Any = import_module("distributed")
            distributed.get_worker()
        except (ImportError, ValueError):  # no task of a worker
            pass
        else:
            client: Any = stack.enter_context(distributed.worker_client())
            stack.enter_context(client.as_current())
        return run_to_end(run())


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop of its own; in a thread, where one runs in this already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, asyncio.run, work).result()
