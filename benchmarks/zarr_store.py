"""What zarr costs: windows of 1,024 x 1,024 pixels through `Cog.zarr_store`, against `Cog.read`.

    python benchmarks/zarr_store.py [rounds]

Both read the same windows of a file on a loopback server, which runs in a process of its own, in
turn; the ratio is of their medians. zarr may ask for 64 chunks at once.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zarr

import tinycog.sync
from tinycog.testing import make_image, make_tiff

SIZE = 4096
WINDOW = 1024
FILES = {"1 band, tiles of 512": (1, 512), "1 band, 256": (1, 256), "3 bands, 512": (3, 512)}


def make_file(bands: int, tile: int) -> bytes:
    """Return a file of noise that Deflate makes a bit smaller."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 64, (bands, SIZE, SIZE), dtype=np.uint8)
    return make_tiff([make_image(pixels, tile=(tile, tile), compression=8)])


@contextmanager
def serve(folder: Path) -> Generator[str]:
    """Serve a folder from a process of its own; yields its url."""
    command = [sys.executable, "-m", "tinycog.testing.server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1].rstrip("/")
        server.terminate()


def measure(url: str, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each window, by what read it."""
    cog = tinycog.sync.open(url)
    array = zarr.open_array(tinycog.sync.open(url).zarr_store(), path="0", mode="r")
    times: dict[str, list[float]] = {"read": [], "zarr": []}
    for i in range(-2, rounds):
        x, y = i * 512 % 3072, i * 1024 % 3072
        start = time.perf_counter()
        expected = cog.read(window=(x, y, WINDOW, WINDOW)).data
        between = time.perf_counter()
        found = array[:, y : y + WINDOW, x : x + WINDOW]
        end = time.perf_counter()
        assert np.array_equal(found, expected)
        if i >= 0:
            times["read"].append(between - start)
            times["zarr"].append(end - between)
    return times


def main() -> None:
    """Print both medians and their ratio, for each file."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    zarr.config.set({"async.concurrency": 64})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, of in enumerate(FILES.values()):
            (folder / f"{i}.tif").write_bytes(make_file(*of))
        with serve(folder) as url:
            for i, kind in enumerate(FILES):
                found = measure(f"{url}/{i}.tif", rounds)
                read, by_zarr = (statistics.median(times) * 1000 for times in found.values())
                ratio = by_zarr / read
                print(f"{kind}: read {read:.2f} ms, zarr {by_zarr:.2f} ms, ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
