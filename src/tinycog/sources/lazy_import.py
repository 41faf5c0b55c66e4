"""Imports of heavy modules at their first use, and what else takes long, off the event loop."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_modules: dict[str, Any] = {}


def loaded(module: str) -> Any:  # noqa: ANN401 - a module's names are its own
    """Return a module that `load` has imported, or None."""
    return _modules.get(module)


async def load(module: str) -> Any:  # noqa: ANN401 - a module's names are its own
    """Import a module, the first time in a worker thread, so that the event loop keeps running."""
    if module not in _modules:
        # sys.modules would not do: a module is listed there while it is still being imported
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
