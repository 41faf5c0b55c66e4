"""What the doors to other libraries cost: windows of 1,024 x 1,024 pixels, against the bare read.

    python benchmarks/doors.py [rounds]

All read the same windows of a file on a loopback server, in turn; ratios are of the medians to that
of `tinycog.Cog.read` in a running event loop. A door whose library is missing is left out.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec

from blocking import SIZE, WINDOW, make_file

import tinycog
import tinycog.sync
from tinycog.testing import serve_in_thread

Door = Callable[[int, int], float]
"""Reads the window at (column, row), and returns how many seconds it took."""


@contextmanager
def bare(url: str) -> Iterator[Door]:
    """`tinycog.Cog.read`."""
    cog = tinycog.open(url)

    async def read(col: int, row: int) -> float:
        start = time.perf_counter()
        await cog.read(window=(col, row, WINDOW, WINDOW))
        return time.perf_counter() - start

    with asyncio.Runner() as runner:
        yield lambda col, row: runner.run(read(col, row))


@contextmanager
def sync(url: str) -> Iterator[Door]:
    """`tinycog.sync`."""
    with tinycog.sync.open(url) as cog:
        yield lambda col, row: timed(lambda: cog.read(window=(col, row, WINDOW, WINDOW)))


@contextmanager
def by_xarray(url: str) -> Iterator[Door]:
    """`xr.open_dataset(url, engine="tinycog")`, which does not keep what it has read."""
    import xarray as xr  # noqa: PLC0415 - if it is installed

    from tinycog.adapters.xarray.backend import TinycogBackendEntrypoint  # noqa: PLC0415

    with xr.open_dataset(url, engine=TinycogBackendEntrypoint, cache=False) as image:
        yield lambda col, row: timed(
            lambda: image.isel(x=slice(col, col + WINDOW), y=slice(row, row + WINDOW)).load()
        )


DOORS = {"async": bare, "sync": sync, "xarray": by_xarray}
NEEDS = {"xarray": "xarray"}
"""Libraries that doors need."""


def timed(read: Callable[[], object]) -> float:
    """Return how many seconds a read took."""
    start = time.perf_counter()
    read()
    return time.perf_counter() - start


def main() -> None:
    """Print the median of each door, and its ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with serve_in_thread({"a.tif": make_file()}) as server, ExitStack() as stack:
        doors = {
            name: stack.enter_context(opened(server.url("a.tif")))
            for name, opened in DOORS.items()
            if name not in NEEDS or find_spec(NEEDS[name])
        }
        times: dict[str, list[float]] = {name: [] for name in doors}
        for i in range(-1, rounds):  # the first one does not count
            col, row = i * 64 % (SIZE - WINDOW), i * 192 % (SIZE - WINDOW)
            for name, read in doors.items():
                times[name].append(read(col, row))
    found = {name: statistics.median(each[1:]) * 1000 for name, each in times.items()}
    for name, median in found.items():
        print(f"{name:8} {median:7.2f} ms  {median / found['async']:.3f}")


if __name__ == "__main__":
    main()
