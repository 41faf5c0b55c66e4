"""Reads and writes of a cache, off the event loop where it waits (cache.failure).

What is put is written later, by one thread for the process; until then it is found here.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from tinycog.cache.protocol import Block, Cache

T = TypeVar("T")

READERS = 4
"""Threads that read from caches."""

WRITTEN_AT_ONCE = 8 << 20
"""Bytes that one call writes, and one block."""

PENDING_BYTES = 64 << 20
"""Bytes that wait to be written; what comes beyond is not kept."""


class CacheIO:
    """Reads and writes of one cache, for all handles of the process.

    Attributes:
        cache: what is read and written.
    """

    def __init__(self, cache: Cache) -> None:
        """Keep the cache; nothing is called."""
        self.cache = cache
        self.forget()

    def forget(self) -> None:
        """Forget what waits to be written: in a forked child the parent writes it."""
        self._lock = threading.Lock()
        self._pending: dict[Block, bytes] = {}
        self._pending_bytes = 0
        self._is_writing = False
        self._has_warned = False

    # --- reads -----------------------------------------------------------------------------------

    def get_now(self, blocks: Sequence[Block]) -> Sequence[bytes | None]:
        """Return the bytes of blocks, None for those that are not there."""
        nothing: list[bytes | None] = [None] * len(blocks)
        if not self._pending:
            return self._call(partial(self._got, blocks), nothing)
        with self._lock:
            found = [self._pending.get(block) for block in blocks]
        lacking = [block for block, data in zip(blocks, found, strict=True) if data is None]
        rest = iter(self._call(partial(self._got, lacking), nothing) if lacking else ())
        return [next(rest) if data is None else data for data in found]

    def _got(self, blocks: Sequence[Block]) -> list[bytes | None]:
        """Return what the cache returns, checked.

        Raises:
            TypeError, ValueError: it is not what was asked for.
        """
        found = _checked(self.cache.get(blocks), len(blocks))
        if not all(data is None or isinstance(data, bytes) for data in found):  # pyright: ignore[reportUnnecessaryIsInstance] - of a caller's cache
            message = "a block is neither bytes nor None"
            raise TypeError(message)
        return found

    def has_now(self, blocks: Sequence[Block]) -> list[bool]:
        """Return which blocks are there."""
        with self._lock:  # before the cache is asked: what is written meanwhile is in one of them
            pending = [block in self._pending for block in blocks]
        found = self._call(partial(self._has, blocks), [False] * len(blocks))
        return [is_there or waits for is_there, waits in zip(found, pending, strict=True)]

    def _has(self, blocks: Sequence[Block]) -> list[bool]:
        """Return what the cache returns, checked as in `_got`."""
        return _checked(self.cache.has(blocks), len(blocks))

    def begin_get(
        self, blocks: Sequence[Block], done: Callable[[Sequence[bytes | None]], None]
    ) -> None:
        """Get blocks in a thread; `done` is called there, or here if there is none any more."""
        nothing: Sequence[bytes | None] = [None] * len(blocks)
        future = _submitted(_readers, partial(self.get_now, blocks), nothing)
        future.add_done_callback(lambda over: done(nothing if over.cancelled() else over.result()))

    # --- writes ----------------------------------------------------------------------------------

    def put(self, blocks: Mapping[Block, bytes]) -> None:
        """Put blocks: at once if the cache does not wait, else soon."""
        if not self.cache.waits:
            self._call(partial(self.cache.put, blocks), None)
            return
        with self._lock:
            for block, data in blocks.items():
                if block not in self._pending and self._pending_bytes + len(data) <= PENDING_BYTES:
                    self._pending[block] = data
                    self._pending_bytes += len(data)
            if self._is_writing or not self._pending:
                return
            self._is_writing = True
        _submitted(_writer, self._write, None)

    def remove(self, blocks: Sequence[Block]) -> None:
        """Remove blocks: at once if the cache does not wait, else soon."""
        with self._lock:
            for block in blocks:
                data = self._pending.pop(block, b"")
                self._pending_bytes -= len(data)
        work = partial(self._call, partial(self.cache.remove, blocks), None)
        if self.cache.waits:
            _submitted(_writer, work, None)
        else:
            work()

    def _write(self) -> None:
        """Write all that waits to be written."""
        while batch := self._next_batch():
            self._call(partial(self.cache.put, batch), None)
            with self._lock:
                for block in batch:
                    data = self._pending.pop(block, b"")
                    self._pending_bytes -= len(data)

    def _next_batch(self) -> dict[Block, bytes]:
        """Return what is written next; nothing more is, if that is nothing."""
        with self._lock:
            batch: dict[Block, bytes] = {}
            left = WRITTEN_AT_ONCE
            for block, data in self._pending.items():
                if left <= 0:
                    break
                batch[block] = data
                left -= len(data)
            self._is_writing = bool(batch)
            return batch

    def _call(self, work: Callable[[], T], nothing: T) -> T:
        """Return what a method of the cache returns; `nothing`, and one warning, if it fails."""
        try:
            return work()
        except Exception as exc:  # noqa: BLE001 - a caller's cache may raise anything
            if not self._has_warned:
                self._has_warned = True
                message = f"a cache failed, it is read around: {type(exc).__name__}: {exc}"
                with suppress(RuntimeWarning):  # where warnings are errors: it must fail no read
                    warnings.warn(message, RuntimeWarning, stacklevel=3)
            return nothing


def _checked(found: Sequence[T], count: int) -> list[T]:
    """Return what came of a caller's cache, if it is as many values as blocks were asked for."""
    if len(found) != count:
        message = f"{len(found)} values came for {count} blocks"
        raise ValueError(message)
    return list(found)


# --- threads -------------------------------------------------------------------------------------

_executors: dict[str, ThreadPoolExecutor] = {}
_lock = threading.Lock()


def _readers() -> ThreadPoolExecutor:
    return _executor("tinycog-cache", READERS)


def _writer() -> ThreadPoolExecutor:
    return _executor("tinycog-cache-writer", 1)


def _executor(name: str, threads: int) -> ThreadPoolExecutor:
    """Return an executor of the process; what it has begun is done before the process ends."""
    with _lock:
        if name not in _executors:
            _executors[name] = ThreadPoolExecutor(threads, thread_name_prefix=name)
        return _executors[name]


def _submitted(
    executor: Callable[[], ThreadPoolExecutor], work: Callable[[], T], nothing: T
) -> Future[T]:
    """Have work done in a thread; it comes to `nothing` where the interpreter is about to end."""
    try:
        return executor().submit(work)
    except RuntimeError:
        future: Future[T] = Future()
        future.set_result(nothing)
        return future


# --- one for each cache --------------------------------------------------------------------------

_by_cache: WeakValueDictionary[object, CacheIO] = WeakValueDictionary()


def io_of(cache: Cache) -> CacheIO:
    """Return what reads and writes a cache: one for all handles, as long as one of them lives.

    Equal caches are one: those of a folder, which handles that were pickled have.
    """
    key = cache if isinstance(cache, Hashable) else id(cache)  # pyright: ignore[reportUnnecessaryIsInstance] - a caller's may not be
    with _lock:
        found = _by_cache.get(key)
        if found is None:
            found = _by_cache[key] = CacheIO(cache)
        return found


def _forget_parent() -> None:
    """Begin anew in a forked child: it has none of the threads."""
    global _lock  # noqa: PLW0603 - one for the process
    _lock = threading.Lock()
    _executors.clear()
    for io in list(_by_cache.values()):
        io.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
