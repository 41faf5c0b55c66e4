"""Imports of heavy modules at their first use, and what else takes long, off the event loop."""

from __future__ import annotations

import asyncio
import errno
import importlib
import sys
import threading
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


@contextmanager
def importing() -> Generator[None]:
    """Have an import that fails because too many files are open raise an error of ours.

    Raises:
        SourceError: they are.
    """
    try:
        yield
    except OSError as exc:
        found = too_many_files(exc)
        if found is None:
            raise
        raise found from exc


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
        with importing():
            _modules[module] = await in_worker(importlib.import_module, module)
    return _modules[module]


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
