"""What sparse points cost: requests, bytes and time of whole tiles and of their first bytes.

    python benchmarks/points.py [--latency 0,20] [--points 10,50,200] [--json F]

Points at random places of a file, by a fresh handle: with whole tiles, which is the default,
without (`whole_tiles=False`), and by rasterio's `sample`, set as in `read.py`. Values are compared
before a time counts. Medians; a way takes its turn in random order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import count, product
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from reading.data import make_all
from reading.peers import by_gdal  # noqa: F401 - sets GDAL
from reading.processes import ServerProcess
from reading.report import versions

import tinycog

HERE = Path(__file__).resolve().parent
FILES = ("deflate", "lzw-256", "none")
_names = count()

Places = NDArray[np.float64]


async def _read(url: str, places: Places, *, whole_tiles: bool) -> NDArray[Any]:
    async with tinycog.open(url) as cog:
        return (await cog.points(places, whole_tiles=whole_tiles)).data


def by_tinycog(url: str, places: Places, *, whole_tiles: bool) -> NDArray[Any]:
    """One call."""
    return asyncio.run(_read(url, places, whole_tiles=whole_tiles))


async def planned(url: str, places: Places, server: ServerProcess, *, whole_tiles: bool) -> str:
    """Compare the plan of a read with the server's log of it."""
    async with tinycog.open(url) as cog:
        plan = await cog.plan(points=places, whole_tiles=whole_tiles)
        server.clear()
        await cog.points(places, whole_tiles=whole_tiles)
        sent = sorted(server.traffic().ranges)
    ranges = sorted(tuple(part) for part in plan.requests)
    if sent == ranges:
        return "as planned"
    length = sum(stop - start for start, stop in sent)
    found = f"{len(sent)} requests, {length / 1e6:.2f} MB"
    return f"{found}; planned {len(ranges)}, {plan.bytes / 1e6:.2f}"


def by_rasterio(url: str, places: Places) -> NDArray[Any]:
    """Return what `sample` gives, one point after the other."""
    with rasterio.open(url, sharing=False) as dataset:
        return np.array(list(dataset.sample(places)))


WAYS: dict[str, Callable[[str, Places], NDArray[Any]]] = {
    "whole tiles": partial(by_tinycog, whole_tiles=True),
    "first bytes": partial(by_tinycog, whole_tiles=False),
    "rasterio": by_rasterio,
}


def places_in(path: Path, points: int) -> Places:
    """Return random places of a file, in its coordinates."""
    with rasterio.open(path) as dataset:
        rng = np.random.default_rng(5)
        rows, cols = rng.integers(0, dataset.height, points), rng.integers(0, dataset.width, points)
        return np.stack(dataset.xy(rows, cols), axis=1).astype(np.float64)


def main() -> None:
    """Print the table, and keep it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = Path(os.environ.get("TINYCOG_BENCH_DATA", HERE / "data"))
    parser.add_argument("--latency", default="0,20", help="milliseconds, with commas")
    parser.add_argument("--points", default="10,50,200", help="numbers of points, with commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=root, help="directory of the files")
    parser.add_argument("--json", type=Path, help="file for all that was measured")
    args = parser.parse_args()
    make_all(args.data, set(FILES))
    latencies = [float(latency) for latency in args.latency.split(",")]
    print("| file | points | ms away | way | requests | MB | ms | plan |\n" + "|---" * 8 + "|")
    rows: list[dict[str, object]] = []
    server = ServerProcess(args.data)
    try:
        for name, latency, points in product(FILES, latencies, map(int, args.points.split(","))):
            server.link(latency, 0)
            places = places_in(args.data / f"{name}.tif", points)
            expected = asyncio.run(_read(str(args.data / f"{name}.tif"), places, whole_tiles=True))
            seconds: dict[str, list[float]] = {way: [] for way in WAYS}
            traffic: dict[str, tuple[int, int]] = {}
            for turn in range(args.rounds + 1):
                for way in random.sample(list(WAYS), len(WAYS)):
                    server.clear()
                    url = f"{server.base(f'p{next(_names)}')}/{name}.tif"
                    began = time.perf_counter()
                    found = WAYS[way](url, places)
                    if turn:
                        seconds[way].append(time.perf_counter() - began)
                    np.testing.assert_array_equal(found, expected)
                    seen = server.traffic()
                    traffic[way] = seen.requests, seen.bytes
            plans = {"rasterio": ""}
            for way, whole in (("whole tiles", True), ("first bytes", False)):
                url = f"{server.base(f'p{next(_names)}')}/{name}.tif"
                plans[way] = asyncio.run(planned(url, places, server, whole_tiles=whole))
            for way, spent in seconds.items():
                requests, length = traffic[way]
                ms = 1000 * statistics.median(spent)
                print(
                    f"| {name} | {points} | {latency:g} | {way} "
                    f"| {requests} | {length / 1e6:.2f} | {ms:.0f} | {plans[way]} |",
                    flush=True,
                )
                rows.append(
                    {
                        "file": name,
                        "points": points,
                        "latency": latency,
                        "way": way,
                        "requests": requests,
                        "bytes": length,
                        "seconds": spent,
                        "plan": plans[way],
                    }
                )
    finally:
        server.close()
    if args.json:
        kept = {"versions": versions(["tinycog", "rasterio"]), "rows": rows}
        args.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
