"""Imports of heavy modules at their first use, off the event loop."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

_modules: dict[str, Any] = {}


def loaded(module: str) -> Any:  # noqa: ANN401 - a module's names are its own
    """Return a module that `load` has imported, or None."""
    return _modules.get(module)


async def load(module: str) -> Any:  # noqa: ANN401 - a module's names are its own
    """Import a module, the first time in a worker thread, so that the event loop keeps running."""
    if module not in _modules:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only here

        # sys.modules would not do: a module is listed there while it is still being imported.
        # Nor would the loop's default executor: its threads stay, each with its address space.
        executor = ThreadPoolExecutor(1, "tinycog-import")
        loop = asyncio.get_running_loop()
        try:
            importing = loop.run_in_executor(executor, importlib.import_module, module)
        except RuntimeError:  # the system allows no more threads
            _modules[module] = importlib.import_module(module)
        else:
            _modules[module] = await importing
        finally:
            executor.shutdown(wait=False)
    return _modules[module]
