"""Measure what a fresh process costs: CPU of imports, time to the first pixel over HTTP.

    python benchmarks/start.py
    python benchmarks/start.py --rounds 21 --latency 0,20 --peers tinycog,rasterio --json out.json

Every child is a new process. Within a round all of them run once, in random order; the first round
does not count. Figures are medians; a ratio is the median of the ratios within each round, so that
load which comes and goes does not favor anyone. CPU is that of all threads of the child.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from reading.processes import ServerProcess, missing
from reading.report import versions

HERE = Path(__file__).resolve().parent
FILE = "many-0"
"""A COG, Deflate with predictor 2, in tiles of 512 x 512 uint16."""

IMPORTS = {name: f"import {name}" for name in ("numpy, asyncio", "tinycog")}
LIMIT = 1.3
"""`import tinycog` may cost so many times the CPU of `import numpy, asyncio`."""

READS = {
    "tinycog": """
import asyncio, tinycog
async def main():
    tile = await tinycog.open(url).read_tile(0, 0, 0)
    done(tile.data[0, 0, 0])
asyncio.run(main())
""",
    "rasterio": """
import rasterio
from rasterio.windows import Window
with rasterio.open(url) as dataset:
    rows, cols = dataset.block_shapes[0]
    done(dataset.read(window=Window(0, 0, cols, rows))[0, 0, 0])
""",
    "async-tiff": """
import asyncio
import numpy as np
from async_tiff import TIFF
from obstore.store import HTTPStore
async def main():
    base, _, path = url.rpartition("/")
    tiff = await TIFF.open(path, store=HTTPStore(base, client_options={"allow_http": True}))
    tile = await tiff.ifds[0].fetch_tile(0, 0)
    done(np.asarray(await tile.decode())[0, 0, 0])
asyncio.run(main())
""",
    "async-geotiff": """
import asyncio
import numpy as np
from async_geotiff import GeoTIFF
from obstore.store import HTTPStore
async def main():
    base, _, path = url.rpartition("/")
    store = HTTPStore(base, client_options={"allow_http": True})
    geotiff = await GeoTIFF.open(path, store=store)
    tile = await geotiff.fetch_tile(0, 0)
    done(np.asarray(tile.array.data)[0, 0, 0])
asyncio.run(main())
""",
}
PROLOGUE = """
import os, sys, time
url = sys.argv[1]
def done(pixel):
    print(pixel, time.process_time(), flush=True)
    os._exit(0)
"""
"""What is between the first pixel and the end of the process is not measured, so it is not run."""
GDAL_OPTIONS = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
}
"""As GDAL's documentation advises for COGs over HTTP."""
ENVIRONMENT = {**os.environ, **GDAL_OPTIONS}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)
"""Of the children: bytecode is cached, or an import from a clone would compile it each time."""


class Cost(NamedTuple):
    """Seconds of one child, and the pixel it printed."""

    cpu: float
    wall: float
    pixel: str = ""


def import_cost(code: str) -> Cost:
    """Run an import in a child, from start to exit."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)  # noqa: S603
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def read_cost(code: str, url: str) -> Cost:
    """Read a tile in a child, from its start until its first pixel is printed."""
    command = [sys.executable, "-c", PROLOGUE + code, url]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as child:  # noqa: S603
        assert child.stdout is not None
        line = child.stdout.readline().decode()
        wall = time.perf_counter() - began
    if not line:
        sys.exit(f"a reader ended with status {child.returncode}, without a pixel:\n{code}")
    pixel, cpu = line.split()
    return Cost(float(cpu), wall, pixel)


def in_turns(children: dict[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """Run each child once a round, in random order."""
    costs: dict[str, list[Cost]] = {name: [] for name in children}
    for i in range(rounds + 1):
        for name in random.sample(list(children), len(children)):
            cost = children[name]()
            if i:
                costs[name].append(cost)
    return costs


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Median over the rounds of our cost divided by theirs."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def table(head: str, costs: dict[str, list[Cost]], base: str) -> str:
    """Format medians in ms as Markdown, and ratios to the child named `base`."""
    rows = [f"| {head} | CPU ms | wall ms | CPU to {base} | wall to {base} |", "|" + "---|" * 5]
    columns = {name: [[c.cpu for c in its], [c.wall for c in its]] for name, its in costs.items()}
    for name, mine in columns.items():
        times = [f"{1000 * statistics.median(seconds):.0f}" for seconds in mine]
        ratios = [f"{ratio(a, b):.2f}" for a, b in zip(mine, columns[base], strict=True)]
        rows.append("| " + " | ".join([name, *times, *ratios]) + " |")
    return "\n".join(rows)


def as_json(costs: dict[str, list[Cost]]) -> dict[str, dict[str, list[float]]]:
    """Seconds of every round."""
    return {
        name: {"cpu": [cost.cpu for cost in mine], "wall": [cost.wall for cost in mine]}
        for name, mine in costs.items()
    }


def to_best_peer(costs: dict[str, list[Cost]]) -> str:
    """Say how our wall time compares with that of the best peer of each round."""
    if len(costs) < 2 or "tinycog" not in costs:
        return ""
    walls = {name: [cost.wall for cost in mine] for name, mine in costs.items()}
    ours = walls.pop("tinycog")
    peer = min(walls, key=lambda name: statistics.median(walls[name]))
    return f"\n\nto {peer}, the best peer: {ratio(ours, walls[peer]):.2f}"


def measure_imports(rounds: int, kept: dict[str, object]) -> str:
    """Compare `import tinycog` with `import numpy, asyncio`."""
    children = {name: (lambda code=code: import_cost(code)) for name, code in IMPORTS.items()}
    costs = in_turns(children, rounds)
    kept["imports"] = as_json(costs)
    base = "numpy, asyncio"
    found = ratio(*([cost.cpu for cost in costs[name]] for name in ("tinycog", base)))
    mark = "kept" if found <= LIMIT else "EXCEEDED"
    return table("import", costs, base) + f"\n\nlimit of {LIMIT} (CPU): {mark}, {found:.2f}"


def measure_reads(
    peers: list[str], data: Path, latency: float, rounds: int, kept: dict[str, object]
) -> str:
    """Compare the first pixel of a fresh process; all peers must see the same one."""
    server = ServerProcess(data)
    try:
        server.link(latency, 0)
        url = f"{server.base('start')}/{FILE}.tif"
        children = {name: (lambda code=READS[name]: read_cost(code, url)) for name in peers}
        costs = in_turns(children, rounds)
    finally:
        server.close()
    pixels = {name: {cost.pixel for cost in mine} for name, mine in costs.items()}
    if len(set.union(*pixels.values())) > 1:
        sys.exit(f"the first pixel differs: {pixels}")
    kept[f"first pixel, {latency:g} ms"] = as_json(costs)
    return table(f"first pixel, {latency:g} ms latency", costs, peers[0]) + to_best_peer(costs)


def present(names: list[str]) -> list[str]:
    """Keep the peers that are installed; print why others are skipped."""
    for name in names:
        if name not in READS:
            sys.exit(f"there is no peer {name!r}: {', '.join(READS)}")
        if why := missing(name):
            print(f"{name} is skipped: {why}")
    return [name for name in names if not missing(name)]


def ensure_file(data: Path) -> None:
    """Make the file that is read, unless it is there; rasterio makes it."""
    if not (data / f"{FILE}.tif").exists():
        from reading.data import make_all  # noqa: PLC0415 - needs rasterio

        make_all(data, {FILE})


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = Path(os.environ.get("TINYCOG_BENCH_DATA", HERE / "data"))
    parser.add_argument("--rounds", type=int, default=11, help="rounds that count")
    parser.add_argument("--latency", default="0,20", help="milliseconds before each answer")
    parser.add_argument("--peers", default=",".join(READS), help="separated by commas")
    parser.add_argument("--data", type=Path, default=root, help="directory of the file")
    parser.add_argument("--json", type=Path, help="file for all that was measured")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    peers = present(args.peers.split(","))
    ensure_file(args.data)
    kept: dict[str, object] = {"versions": versions(peers), "rounds": args.rounds}
    print(measure_imports(args.rounds, kept) + "\n", flush=True)
    for latency in map(float, args.latency.split(",")) if peers else ():
        print(measure_reads(peers, args.data, latency, args.rounds, kept) + "\n", flush=True)
    if args.json:
        args.json.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"{args.rounds} rounds, {os.cpu_count()} processors, load {load:.1f} before")


if __name__ == "__main__":
    main()
