"""Exports of areas that exist nowhere, and the memory that they take at most.

::

    python tests/export_memory.py 2 128 npy     # GB of pixels, MB of memory; `make export`

Each export is a process of its own; its anonymous memory (RssAnon) is held against what it had
before, plus `memory=` and 64 MiB.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path

MIB = 1 << 20

WIDE, TILE = 16_384, 256

IMPORTED = {".zarr": ("tinycog.adapters.zarr.written",)}

SLACK = 64 * MIB
"""Bytes that an export may take beside `memory=`."""


def anonymous() -> int:
    """Return the bytes of anonymous memory of this process."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) << 10


class Watch(threading.Thread):
    """Looks at the memory of the process every few milliseconds.

    Attributes:
        peak: bytes at most.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self.is_over = anonymous(), False

    def run(self) -> None:
        while not self.is_over:
            self.peak = max(self.peak, anonymous())
            time.sleep(0.005)


def child(target: str, rows: int, memory: int) -> None:
    """Export an area, and print its pixels and the bytes of memory that it took at most."""
    for name in ("imagecodecs", "tinycog.exports", *IMPORTED.get(Path(target).suffix, ())):
        import_module(name)  # libraries are no pixels
    import tinycog  # noqa: PLC0415 - the child's own
    from tinycog.testing.huge import HugeTiff  # noqa: PLC0415 - likewise

    huge = HugeTiff(WIDE, rows, tile=TILE)

    async def get(start: int, stop: int) -> bytes:
        return huge.read(start, stop)

    async def export() -> int:
        async with tinycog.open(get, cache=False) as cog:
            await cog.read_tile(0, 0, 0)
            found = await tinycog.export(cog, target, memory=memory)
            return found.account.asked

    idle, watch = anonymous(), Watch()
    watch.start()
    asked = asyncio.run(export())
    watch.is_over = True
    watch.join()
    print(asked, watch.peak - idle)  # noqa: T201 - to the parent


def measure(target: Path, rows: int, memory: int) -> tuple[int, int]:
    """Return the pixels of an export, and the bytes of memory that it took at most."""
    command = [sys.executable, __file__, "child", str(target), str(rows), str(memory)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - itself
    asked, peak = map(int, told.stdout.split())
    return asked, peak


def main() -> None:
    if sys.argv[1] == "child":
        child(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
        return
    gigabytes, memory = int(sys.argv[1]), int(sys.argv[2]) * 1_000_000
    rows = -(-gigabytes * 10**9 // WIDE)
    is_over = False
    for kind in sys.argv[3:] or ("npy", "zarr", "tif"):
        with tempfile.TemporaryDirectory() as folder:
            before = time.monotonic()
            asked, peak = measure(Path(folder) / f"x.{kind}", rows, memory)
        is_over |= peak > memory + SLACK
        print(  # noqa: T201 - a program
            f"{kind}: {asked:,} pixels of one byte, memory={memory:,}: {peak:,} bytes at most,"
            f" {(memory + SLACK - peak) / MIB:.0f} MiB less than may be,"
            f" in {time.monotonic() - before:.0f} s",
            flush=True,
        )
    raise SystemExit(is_over)


if __name__ == "__main__":
    main()
