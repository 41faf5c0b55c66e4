"""One displaced tile among four million: whether `validate(depth="tiles")` finds it, and how fast.

    python tests/displaced_tiles.py [TIMES] [--side 32768]

A BigTIFF of 2048 x 2048 tiles with overviews, leaders and trailers is written to a temporary
folder. Each time, one tile at a random place is displaced: exchanged with another one, moved by a
few bytes, or said to lie where another one does. Exit status 1 if one was not found, a good file
was found fault with, or the median is over 5 s.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import numpy as np
from huge_cog import HugeCog

import tinycog

MOST_SECONDS = 5.0
MIB = 1 << 20


def displace(path: Path, cog: HugeCog, kind: str, random: Random) -> list[tuple[int, bytes]]:
    """Displace a tile; return what stood there before."""
    levels = [z for z, level in enumerate(cog.levels) if level.tiles > 1]
    (z,) = random.choices(levels, [cog.levels[z].tiles for z in levels])
    level = cog.levels[z]
    tile, other = random.sample(range(level.tiles), 2)
    here, there = (cog.offsets(z, np.array([one])).tobytes() for one in (tile, other))
    at = level.offsets_at + 8 * tile
    kept, changed = [(at, here)], [(at, there)]
    if kind == "exchanged":
        kept.append((level.offsets_at + 8 * other, there))
        changed.append((level.offsets_at + 8 * other, here))
    elif kind == "moved":
        by = random.choice([-3, -2, -1, 1, 2, 3])
        changed = [(at, (int.from_bytes(here, "little") + by).to_bytes(8, "little"))]
    patch(path, changed)
    return kept


def patch(path: Path, parts: list[tuple[int, bytes]]) -> None:
    with path.open("r+b") as file:
        for at, data in parts:
            file.seek(at)
            file.write(data)


async def judged(path: Path) -> tuple[tinycog.ValidationReport, float, float]:
    """The report, with seconds on the clock and of CPU."""
    began, used = time.perf_counter(), time.process_time()
    report = await tinycog.validate(path, "gdal", depth="tiles")
    return report, time.perf_counter() - began, time.process_time() - used


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=int, nargs="?", default=1000)
    parser.add_argument("--side", type=int, default=1 << 15)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random, cog = Random(args.seed), HugeCog(args.side)
    tiles = sum(level.tiles for level in cog.levels)
    print(f"{tiles:,} tiles on {len(cog.levels)} levels, {cog.size:,} bytes")
    missed = 0
    walls, cpus = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.tif")
        cog.write(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        report, seconds, used = asyncio.run(judged(path))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"good: {'passed' if report.passed else report}, {seconds:.2f} s, {used:.2f} s CPU")
        print(f"memory: {after - before} MiB above the {before} MiB of the process")
        is_good = report.passed
        for i in range(args.times):
            kind = ("exchanged", "moved", "doubled")[i % 3]
            kept = displace(path, cog, kind, random)
            report, seconds, used = asyncio.run(judged(path))
            patch(path, kept)
            walls.append(seconds)
            cpus.append(used)
            if report.passed:
                missed += 1
                print(f"not found: {kind}, {kept}")
            if i % 50 == 49:
                print(f"{i + 1} times, {missed} missed, {max(walls):.2f} s at most", flush=True)
    found = len(walls) - missed
    print(f"found {found} of {len(walls)}; seconds: median {np.median(walls):.2f},")
    print(f"most {max(walls):.2f}; of CPU: median {np.median(cpus):.2f}, most {max(cpus):.2f}")
    return int(missed > 0 or not is_good or float(np.median(walls)) > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
