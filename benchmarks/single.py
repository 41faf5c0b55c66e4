"""What tiles cost that are awaited one by one, beside one call for all of them.

    python benchmarks/single.py [--rounds 15] [--no-decoding]

128 tiles of 256 x 256 (Deflate, uint16), from memory and from a loopback server in a thread of its
own: by `read_tiles`, by `gather` over `read_tile`, by 16 workers that each await one tile after
the other, and by one such worker. Milliseconds of a tile: medians, of the clock and of the
processor time of the event loop's thread, in which tiles are requested and handed out. Tiles are
decoded in other threads; with `--no-decoding` they are not, so that the event loop is alone.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable

import numpy as np

import tinycog
from tinycog.reader import tile_job
from tinycog.testing import make_image, make_tiff, serve_in_thread

SIDE, TILE, TILES = 4096, 256, 128
Places = list[tuple[int, int, int]]


def make_file() -> bytes:
    """Return a file of terrain with some noise."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / 8192
    smooth = 4000 * (np.sin(9 * x) + np.cos(7 * y) + np.sin(40 * x * y) + 3.2)
    pixels = (smooth + 12 * np.random.default_rng(7).standard_normal(smooth.shape)).astype("uint16")
    image = make_image(pixels[None], tile=(TILE, TILE), compression=8, predictor=2)
    return make_tiff([image])


async def by_one_call(cog: tinycog.Cog, places: Places) -> None:
    """Planned together."""
    await cog.read_tiles(places)


async def by_gather(cog: tinycog.Cog, places: Places) -> None:
    """Each in a task of its own."""
    await asyncio.gather(*(cog.read_tile(*place) for place in places))


async def by_workers(cog: tinycog.Cog, places: Places, workers: int = 16) -> None:
    """Each worker awaits one after the other."""
    left = iter(places)

    async def work() -> None:
        for place in left:
            await cog.read_tile(*place)

    await asyncio.gather(*(work() for _ in range(workers)))


async def by_one_worker(cog: tinycog.Cog, places: Places) -> None:
    """One after the other."""
    await by_workers(cog, places, 1)


WAYS: dict[str, Callable[[tinycog.Cog, Places], Awaitable[None]]] = {
    "one call": by_one_call,
    "gather": by_gather,
    "16 workers": by_workers,
    "one worker": by_one_worker,
}


async def measure(where: str | bytes, rounds: int) -> dict[str, tuple[float, float]]:
    """Return the medians of each way, in milliseconds of a tile."""
    everywhere = [(0, x, y) for x in range(SIDE // TILE) for y in range(SIDE // TILE)]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for turn in range(rounds + 1):
        for name in random.sample(sorted(WAYS), len(WAYS)):
            async with tinycog.open(where) as cog:
                places = random.sample(everywhere, TILES)
                began, worked = time.perf_counter(), time.thread_time()
                await WAYS[name](cog, places)
                spent = time.perf_counter() - began, time.thread_time() - worked
                if turn:  # the first warms up
                    times[name].append(spent)
    to_ms = 1000 / TILES
    return {
        name: (
            to_ms * statistics.median(clock for clock, _ in spent),
            to_ms * statistics.median(loop for _, loop in spent),
        )
        for name, spent in times.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--no-decoding", action="store_true")
    options = parser.parse_args()
    rounds = options.rounds
    if options.no_decoding:
        tile_job.decode_part = lambda *_: ()
    file = make_file()
    print("| from | way | ms a tile | to one call | event loop ms |")
    print("|---|---|---|---|---|")
    with serve_in_thread({"a.tif": file}) as server:
        for name, where in (("memory", file), ("loopback", server.url("a.tif"))):
            found = asyncio.run(measure(where, rounds))
            for way, (clock, loop) in found.items():
                ratio = clock / found["one call"][0]
                print(f"| {name} | {way} | {clock:.3f} | {ratio:.2f} | {loop:.3f} |", flush=True)


if __name__ == "__main__":
    main()
