"""Measure an index: headers of many files against a bare loop of the same ranges; load and filter.

    python benchmarks/index.py
    python benchmarks/index.py --files 200 --rounds 3 --assets 20000

Floor: an aiohttp session that GETs the same ranges, so many at once, and does nothing with them.
Rounds are interleaved, and a ratio is the median of the ratios within each round, so that load
which comes and goes does not favor anyone. The server is a process of its own. Figures of an index
that is loaded are those of a fresh process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from reading.processes import ServerProcess

import tinycog

SIDE = 1024
KINDS = 8
"""Different files, each served under many names."""

LOADED = """
import json, resource, sys, time
import tinycog.collection.collection, tinycog
def held():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / (1 << 20)
before = held()
began = time.perf_counter()
found = tinycog.Collection.load(sys.argv[1])
loaded = time.perf_counter() - began
filters = [
    dict(bounds=(5, 40, 6, 41)),
    dict(start="2024-03-01", end="2024-03-02"),
    dict(where={"cloud": (None, 10.0), "platform": "b"}),
    dict(bounds=(5, 40, 25, 60), start="2024-03-01", end="2024-05-02", where={"cloud": (0, 50.0)}),
    dict(geometry={"type": "Polygon", "coordinates": [[[5, 40], [8, 40], [8, 43], [5, 40]]]}),
]
seconds = []
for options in filters:
    found.filter(**options)
    rounds = []
    for _ in range(5):
        began = time.perf_counter()
        some = found.filter(**options)
        rounds.append(time.perf_counter() - began)
    seconds.append((len(some), min(rounds)))
began = time.perf_counter()
asset = found[len(found) // 2]
one = time.perf_counter() - began
facts = {"loaded": loaded, "filters": seconds, "MiB": held() - before, "one": one}
print(json.dumps(facts))
"""


async def make_files(folder: Path) -> None:
    """Write COGs of several zones."""
    pixels = np.random.default_rng(1).integers(0, 255, (1, SIDE, SIDE)).astype(np.uint8)
    for i in range(KINDS):
        transform = (10.0, 0, 500000 + 1000 * i, 0, -10.0, 5000000)
        path = folder / f"{i}.tif"
        await tinycog.write(path, pixels, crs=f"EPSG:{32631 + i}", transform=transform, nodata=0)


async def bare(urls: list[str], concurrency: int, stop: int) -> None:
    """GET the ranges and drop them."""
    waiting = iter(urls)
    headers = {"Range": f"bytes=0-{stop - 1}"}
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def get() -> None:
            for url in waiting:
                async with session.get(url, headers=headers) as answer:
                    await answer.read()

        await asyncio.gather(*(get() for _ in range(concurrency)))


async def index(urls: list[str], concurrency: int) -> tinycog.Collection:
    """Index them."""
    return await tinycog.Collection.from_urls(urls, concurrency=concurrency)


def headers(args: argparse.Namespace, folder: Path) -> tinycog.Collection:
    """Measure the reading of headers, and print it."""
    server = ServerProcess(folder)
    server.link(args.latency, 0)
    rows: dict[str, list[tuple[float, float]]] = {"bare aiohttp": [], "tinycog": []}
    ratios: list[float] = []
    found = tinycog.Collection()
    requests = 0
    for turn in range(args.rounds + 1):
        seconds: dict[str, float] = {}
        for name, figures in rows.items():
            base = [server.base(f"{name[0]}{turn}/{i}/{i % KINDS}.tif") for i in range(args.files)]
            server.clear()
            began, cpu = time.perf_counter(), time.process_time()
            if name == "tinycog":
                found = asyncio.run(index(base, args.concurrency))
                requests = server.traffic().requests
            else:
                asyncio.run(bare(base, args.concurrency, 1 << 15))
            seconds[name] = time.perf_counter() - began
            if turn:  # the first one imports
                figures.append((seconds[name], time.process_time() - cpu))
        if turn:
            ratios.append(seconds["tinycog"] / seconds["bare aiohttp"])
    server.close()
    print(f"{args.files} headers, {args.latency:g} ms away, {args.concurrency} at once")
    for name, figures in rows.items():
        wall, cpu = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"  {name:14} {wall:6.2f} s, CPU {cpu:6.2f} s")
    print(f"  ratio          {statistics.median(ratios):6.2f}, {requests} requests")
    sizes = [len(one.snapshot or b"") for one in found]
    print(f"  snapshot of an asset: {statistics.mean(sizes):.0f} bytes")
    return found


def synthetic(found: tinycog.Collection, count: int) -> list[tinycog.Asset]:
    """Return many assets like those that were indexed, spread over the Earth and a year."""
    rng = np.random.default_rng(2)
    like = list(found[:KINDS])
    bases = rng.uniform((-170, -70), (170, 70), (count, 2)).round(6).tolist()
    clouds = rng.uniform(0, 100, count).round(2).tolist()
    days = rng.integers(0, 365, count).tolist()
    assets: list[tinycog.Asset] = []
    for i, (west, south) in enumerate(bases):
        east, north = west + 1.4, south + 1.0
        steps: Any = np.linspace(0, 1, 5)[:-1]
        sides = [(west, south), (east, south), (east, north), (west, north), (west, south)]
        ring = [
            [round(a + (c - a) * t, 7), round(b + (d - b) * t, 7)]
            for (a, b), (c, d) in pairwise(sides)
            for t in steps.tolist()
        ]
        one = like[i % len(like)]
        start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=days[i])
        assets.append(
            tinycog.Asset(
                f"scene-{i:06}",
                f"https://example.com/data/2024/scene-{i:06}/B04.tif",
                bounds=(west, south, east, north),
                geometry={"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
                crs=one.crs,
                transform=one.transform,
                shape=one.shape,
                bands=one.bands,
                dtype=one.dtype,
                nodata=one.nodata,
                mask=one.mask,
                resolution=one.resolution,
                properties={
                    "cloud": clouds[i],
                    "platform": "ab"[i % 2],
                    "orbit": i % 143,
                    "id": f"S2_{i}",
                },
                start=start,
                generation=one.generation,
                snapshot=one.snapshot,
            )
        )
    return assets


def loading(args: argparse.Namespace, found: tinycog.Collection, folder: Path) -> None:
    """Measure load and filter in fresh processes, and print it."""
    path = folder / "index.jsonl"
    began = time.perf_counter()
    tinycog.Collection(synthetic(found, args.assets)).save(path)
    print(f"{args.assets} assets made and saved in {time.perf_counter() - began:.1f} s")
    size, columns = path.stat().st_size, path.with_name(path.name + ".columns").stat().st_size
    print(f"  {size / args.assets:.0f} bytes an asset, columns {columns / args.assets:.0f}")
    for what in ("with columns", "without columns"):
        if what.startswith("without"):
            path.with_name(path.name + ".columns").unlink()
        command = [sys.executable, "-c", LOADED, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        facts = json.loads(done.stdout)
        filters = ", ".join(f"{1000 * s:.1f} ms ({n})" for n, s in facts["filters"])
        print(f"  {what}: loaded in {facts['loaded']:.2f} s, {facts['MiB']:.0f} MiB")
        print(f"    filters: {filters}; one asset {1000 * facts['one']:.2f} ms")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency", type=float, default=20, help="milliseconds")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--assets", type=int, default=100_000)
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, numpy {np.__version__}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(make_files(folder))
        loading(args, headers(args, folder), folder)


if __name__ == "__main__":
    main()
