"""What the blocking face costs: windows of 1,024 x 1,024 pixels, against the async one.

    python benchmarks/blocking.py [rounds]

Both read the same windows of a file on a loopback server, in turn; the ratio is of their medians.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import numpy as np

import tinycog
import tinycog.sync
from tinycog.testing import make_image, make_tiff, serve_in_thread

SIZE = 4096
WINDOW = 1024


def make_file() -> bytes:
    """Return a COG-like file of noise that Deflate makes a bit smaller."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 64, (1, SIZE, SIZE), dtype=np.uint8)
    return make_tiff([make_image(pixels, tile=(256, 256), compression=8)])


def main() -> None:
    """Print both medians and their ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with serve_in_thread({"a.tif": make_file()}) as server:
        url = server.url("a.tif")
        times: dict[str, list[float]] = {"async": [], "sync": []}

        async def measure() -> None:
            cog = await tinycog.open(url)
            await cog.read(window=(0, 0, WINDOW, WINDOW))
            for i in range(rounds):
                window = (i * 64 % 3000, i * 192 % 3000, WINDOW, WINDOW)
                start = time.perf_counter()
                await cog.read(window=window)
                times["async"].append(time.perf_counter() - start)

        for _ in range(3):
            asyncio.run(measure())
            with tinycog.sync.open(url) as cog:
                cog.read(window=(0, 0, WINDOW, WINDOW))
                for i in range(rounds):
                    window = (i * 64 % 3000, i * 192 % 3000, WINDOW, WINDOW)
                    start = time.perf_counter()
                    cog.read(window=window)
                    times["sync"].append(time.perf_counter() - start)
    found = {name: statistics.median(each) * 1000 for name, each in times.items()}
    ratio = found["sync"] / found["async"]
    print(f"async {found['async']:.2f} ms, sync {found['sync']:.2f} ms, ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
