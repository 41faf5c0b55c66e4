"""Import heavy modules at their first use, off the event loop."""

from __future__ import annotations

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_loaded: dict[str, Any] = {}


def loaded(module: str) -> Any:  # noqa: ANN401 - a module's names are its own
    """A module, if it has been loaded."""
    return _loaded.get(module)


async def load(module: str) -> Any:  # noqa: ANN401 - a module's names are its own
    """Import a heavy module at its first use, in a worker thread: the event loop goes on."""
    if module not in _loaded:
        # not `sys.modules`: a module stands there while another thread is still importing it
        # nor the loop's own threads: they would stay, each with its share of the address space
        pool = ThreadPoolExecutor(1, "tinycog-import")
        loop = asyncio.get_running_loop()
        try:
            work = loop.run_in_executor(pool, importlib.import_module, module)
        except RuntimeError:  # no room for one more thread
            _loaded[module] = importlib.import_module(module)
        else:
            _loaded[module] = await work
        finally:
            pool.shutdown(wait=False)
    return _loaded[module]
