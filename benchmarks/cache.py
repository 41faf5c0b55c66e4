"""What a block cache saves: a fresh handle that reads a tile, or a window, without and with one.

    python benchmarks/cache.py [rounds]

A loopback server answers after 20 ms, and at once. Handles are fresh each time: "pinned" ones know
the generation (`pin=`), the others ask for it. Medians in milliseconds, with requests and bytes.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import tinycog
from tinycog.testing import RangeServer, make_image, make_tiff, serve_in_thread

SIZE = 4096
READS = {"1 tile of 256²": (256, 256, 256, 256), "1024²": (1000, 1000, 1024, 1024)}
LONG_AGO = 1_000_000_000


def make_file(folder: Path) -> Path:
    """Write a COG-like file of noise that Deflate makes a bit smaller, modified long ago."""
    pixels = np.random.default_rng(1).integers(0, 64, (1, SIZE, SIZE), dtype=np.uint8)
    path = folder / "a.tif"
    path.write_bytes(make_tiff([make_image(pixels, tile=(256, 256), compression=8)]))
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


async def measure(server: RangeServer, rounds: int, folder: Path) -> None:
    """Print a line for each read and each way."""
    url = server.url("a.tif")
    memory, disk = tinycog.MemoryCache(), tinycog.DiskCache(folder)
    pin = None
    for cache in (memory, disk):
        cog = await tinycog.open(url, cache=cache)
        await cog.read(window=(0, 0, 2048, 2048))
        pin = cog.pin
    await asyncio.sleep(1)  # what is left behind has been written
    ways = [
        ("no cache", None, None),
        ("memory", memory, None),
        ("disk", disk, None),
        ("memory, pinned", memory, pin),
        ("disk, pinned", disk, pin),
    ]
    for what, window in READS.items():
        times: dict[str, list[float]] = {}
        costs: dict[str, tuple[int, int]] = {}
        for _ in range(rounds):
            for name, cache, generation in ways:
                server.clear()
                start = time.perf_counter()
                await tinycog.open(url, cache=cache, pin=generation).read(window=window)
                times.setdefault(name, []).append(time.perf_counter() - start)
                costs[name] = len(server.log), sum(line.sent for line in server.log)
        for name, each in times.items():
            requests, received = costs[name]
            median = statistics.median(each) * 1000
            latency = server.latency * 1000
            line = f"{latency:3.0f} ms  {what:16}{name:16}{median:8.1f} ms"
            print(f"{line}  {requests} requests, {received:,} bytes")


def main() -> None:
    """Measure at both latencies."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        path = make_file(Path(folder))
        for latency in (0.02, 0.0):
            with serve_in_thread({"a.tif": path}, latency=latency) as server:
                asyncio.run(measure(server, rounds, Path(folder) / f"cache-{latency}"))


if __name__ == "__main__":
    main()
