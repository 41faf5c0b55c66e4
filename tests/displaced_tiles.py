"""One displaced tile among four million: whether `validate(depth="tiles")` finds it, and how fast.

    python tests/displaced_tiles.py [TIMES] [--calls 20] [--side 32768]

A BigTIFF of 2048 x 2048 tiles with overviews, leaders and trailers is written to a temporary
folder. Each time, one tile at a random place is displaced: exchanged with another one, moved by a
few bytes, or said to lie where another one does. The first calls go through `validate`, with the
file changed on disk. The others change the index that was read of the good file, read leader and
trailer of the tile again, and have the same rules judge: reading all of the file a thousand times
takes an hour, and shows no more. Exit status 1 if one was not found, a good file was found fault
with, or the median of the calls is over 5 s.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from huge_cog import HugeCog

import tinycog
from tinycog.reader.judged_file import read_facts
from tinycog.validator.facts import JudgedFile, WrongFrames
from tinycog.validator.profiles import PROFILES, RULES
from tinycog.validator.read_frames import wrong_frames
from tinycog.validator.report import judge

MOST_SECONDS = 5.0
KINDS = ("exchanged", "moved", "doubled")


def say(text: str) -> None:
    """Tell a person."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Change(NamedTuple):
    """A displaced tile: its level, and what stands in the index now, and stood there before."""

    z: int
    now: list[tuple[int, bytes]]
    before: list[tuple[int, bytes]]


def displace(cog: HugeCog, kind: str, random: Random) -> Change:
    """Displace a tile at a random place."""
    levels = [z for z, level in enumerate(cog.levels) if level.tiles > 1]
    (z,) = random.choices(levels, [cog.levels[z].tiles for z in levels])
    level = cog.levels[z]
    tile, other = random.sample(range(level.tiles), 2)
    here, there = (cog.offsets(z, np.array([one])).tobytes() for one in (tile, other))
    at, at_other = (level.offsets_at + 8 * one for one in (tile, other))
    if kind == "exchanged":
        return Change(z, [(at, there), (at_other, here)], [(at, here), (at_other, there)])
    if kind == "moved":
        by = random.choice([-3, -2, -1, 1, 2, 3])
        there = (int.from_bytes(here, "little") + by).to_bytes(8, "little")
    return Change(z, [(at, there)], [(at, here)])


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


class Judge:
    """Judges the file with another index than it has on disk."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.facts = asyncio.run(self._read(path))

    async def _read(self, path: Path) -> JudgedFile:
        async with tinycog.open(path) as cog:
            return await read_facts(cog._file, "tiles")

    def passes(self, ifd: int, changed: dict[int, int]) -> bool:
        """Whether the file passes with other offsets of some tiles of an image."""
        offsets, counts = self.facts.indices[ifd].offsets, self.facts.indices[ifd].counts
        kept = {tile: int(offsets[tile]) for tile in changed}
        for tile, offset in changed.items():
            offsets[tile] = offset
        found = WrongFrames()
        for tile, offset in changed.items():
            self._file.seek(offset - 4)
            run = (offset - 4, self._file.read(int(counts[tile]) + 8))
            index, blocks = self.facts.indices[ifd], np.array([tile])
            found = found.and_then(wrong_frames([run], index, blocks, self.facts.size))
        # a copy: what was worked out of the index before is not taken over
        facts = replace(self.facts, frames={**self.facts.frames, ifd: found})
        report = judge("a.tif", PROFILES["gdal"], RULES, facts, strict=False, literal=False)
        for tile, offset in kept.items():
            offsets[tile] = offset
        return report.passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=int, nargs="?", default=1000)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--side", type=int, default=1 << 15)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random = Random(args.seed)  # noqa: S311 - places of tiles
    cog = HugeCog(args.side)
    tiles = sum(level.tiles for level in cog.levels)
    say(f"{tiles:,} tiles on {len(cog.levels)} levels, {cog.size:,} bytes")
    missed = 0
    walls, cpus = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.tif")
        cog.write(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        report, seconds, used = asyncio.run(judged(path))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        say(f"good: {'passed' if report.passed else report}, {seconds:.2f} s, {used:.2f} s CPU")
        say(f"memory: {after - before} MiB above the {before} MiB of the process")
        is_good = report.passed
        for i in range(min(args.calls, args.times)):
            change = displace(cog, KINDS[i % 3], random)
            patch(path, change.now)
            report, seconds, used = asyncio.run(judged(path))
            patch(path, change.before)
            walls.append(seconds)
            cpus.append(used)
            if report.passed:
                missed += 1
                say(f"not found: {change}")
        judging = Judge(path)
        levels = {image.grid.width: image.ifd.offset for image in judging.facts.images()}
        is_good &= judging.passes(judging.facts.main.ifd.offset, {})
        for i in range(len(walls), args.times):
            change = displace(cog, KINDS[i % 3], random)
            level = cog.levels[change.z]
            offsets = {
                (at - level.offsets_at) // 8: int.from_bytes(data, "little")
                for at, data in change.now
            }
            if judging.passes(levels[level.side], offsets):
                missed += 1
                say(f"not found: {change}")
            if i % 100 == 99:
                say(f"{i + 1} times, {missed} missed")
    say(f"found {args.times - missed} of {args.times}; seconds: median {np.median(walls):.2f},")
    say(f"most {max(walls):.2f}; of CPU: median {np.median(cpus):.2f}, most {max(cpus):.2f}")
    return int(missed > 0 or not is_good or float(np.median(walls)) > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
