"""Imports of heavy modules at their first use, and what else takes long, off the event loop."""

from __future__ import annotations

import asyncio
import errno
import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, TypeVarTuple

from tinycog.errors import SourceError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_modules: dict[str, Any] = {}


def loaded(module: str) -> Any:  # noqa: ANN401 - a module's names are its own
    """Return a module that `load` has imported, or None."""
    return _modules.get(module)


def too_many_files(error: BaseException) -> SourceError | None:
    """Return the error that stands for one that says that the process has too many files open."""
    if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
        return None
    message = f"too many files are open (close some, or raise ulimit -n): {error.strerror}"
    found = SourceError(message)
    found.errno = error.errno
    found.__cause__ = error
    return found


FORK_WAIT = 10.0
"""Seconds for which a fork waits for imports at most: what forks may hold what one waits for."""

_under_way: dict[threading.Event, int] = {}
"""Imports, each set when it is over, and the thread of each."""


@contextmanager
def importing() -> Generator[None]:
    """Import within: no fork comes between, and too many open files are an error of ours.

    A child would wait for ever for a module that a thread of its parent had begun to import.

    Raises:
        SourceError: too many files are open.
    """
    over = threading.Event()
    _under_way[over] = threading.get_ident()
    try:
        yield
    except OSError as exc:
        found = too_many_files(exc)
        if found is None:
            raise
        raise found from exc
    finally:
        _under_way.pop(over, None)
        over.set()


def _await_imports() -> None:
    """Wait until no other thread imports."""
    until, own = time.monotonic() + FORK_WAIT, threading.get_ident()
    for over, thread in list(_under_way.items()):
        if thread != own:
            over.wait(max(until - time.monotonic(), 0))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_await_imports, after_in_child=_under_way.clear)


def import_whole(module: str) -> None:
    """Import a module that another thread may be importing meanwhile, and may fail at.

    Raises:
        SourceError: too many files are open.
    """
    if module in _modules:
        return
    with importing():
        found = importlib.import_module(module)
        while sys.modules.get(module) is not found:  # the other one left half of it
            found = importlib.import_module(module)
    _modules[module] = found


MOMENT = 0.001
"""Seconds until imports begin that fill a wait: what is waited for is sent before."""

_asked: set[str] = set()


def import_ahead(*modules: str) -> None:
    """Have a thread import modules in this order, while what is being requested is under way.

    Once each in a process. Whoever needs one imports it (`import_whole`), and is told of errors.
    """
    new = [module for module in modules if module not in _modules and module not in _asked]
    if new:
        _asked.update(new)
        asyncio.get_running_loop().call_later(MOMENT, _start_imports, new)


def _start_imports(modules: Sequence[str]) -> None:
    if all(module in _modules for module in modules):
        return
    with suppress(RuntimeError):  # the system allows no more threads
        threading.Thread(target=_import_each, args=(modules,), name="tinycog-import").start()


def _import_each(modules: Sequence[str]) -> None:
    for module in modules:
        with suppress(Exception):  # whoever needs it will be told
            import_whole(module)


async def load(module: str) -> Any:  # noqa: ANN401 - a module's names are its own
    """Import a module, the first time in a worker thread, so that the event loop keeps running."""
    if module not in _modules:
        # sys.modules would not do: a module is listed there while it is still being imported
        _modules[module] = await in_worker(_imported, module)
    return _modules[module]


def _imported(module: str) -> Any:  # noqa: ANN401 - a module's names are its own
    with importing():
        return importlib.import_module(module)


async def in_worker(function: Callable[[*Ts], T], *args: *Ts) -> T:
    """Call a function in a worker thread, which ends with it."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only here

    # the loop's default executor would not do: its threads stay, each with its address space
    executor = ThreadPoolExecutor(1, "tinycog-import")
    loop = asyncio.get_running_loop()
    try:
        calling = loop.run_in_executor(executor, function, *args)
    except RuntimeError:  # the system allows no more threads
        return function(*args)
    else:
        return await calling
    finally:
        executor.shutdown(wait=False)
