"""Many reads of a file that is replaced at a random request: never bytes of two generations.

python tests/faults/replaced.py               # 10,000 runs
python tests/faults/replaced.py --runs 100 --first 5000
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np

import tinycog
from tinycog import Limits, Retries, SourceChangedError
from tinycog.fetch.concurrency import BUDGET, server_named
from tinycog.testing import Fault, RangeServer, make_pyramid, make_tiff
from tinycog.testing.server.content import Content
from tinycog.testing.server.exchange import RequestContext, Response
from tinycog.tiff.spec import Compression

SIDE, TILE = 1024, 64
ACROSS = SIDE // TILE
GENERATIONS = 4
RETRIES = Retries(tries=10, first_delay=0.0005, most_delay=0.001)


@cache
def generations(compression: Compression) -> list[bytes]:
    """Files whose every pixel tells the generation; all of them have one layout."""
    made = [np.full((1, SIDE, SIDE), value, np.uint8) for value in range(1, GENERATIONS + 1)]
    return [
        make_tiff(make_pyramid(one, (2,), tile=(TILE, TILE), compression=compression))
        for one in made
    ]


def ignoring_if_match() -> Fault:
    """A server that does not know If-Match."""

    def alter(exchange: RequestContext) -> Response:
        headers = {k: v for k, v in exchange.request.headers.items() if k != "if-match"}
        return RequestContext(replace(exchange.request, headers=headers), exchange.shelf).right

    return Fault(kind="ignores If-Match", alter=alter, times=None)


def _faults(random: Random, files: list[bytes]) -> list[Fault]:
    """Replaced at some request, maybe again, and whatever else goes wrong meanwhile."""
    faults = [ignoring_if_match()] if random.random() < 0.5 else []
    faults.insert(0, Fault.change(files[1], after=random.randrange(9)))
    for _ in range(random.randrange(4)):
        after = random.randrange(12)
        kinds = [
            Fault.short_body(random.randrange(20_000), after=after),
            Fault.status(503, after=after),
            Fault.stall(0.002, at=random.randrange(3000), after=after),
            Fault.unframed("chunked", after=after),
            Fault.ignore_range(after=after),
            Fault.short_answer(random.randrange(1, 20_000), after=after),
            Fault.headers({"ETag": None}, after=after),
            Fault.change(random.choice(files[2:]), after=after),
        ]
        faults.insert(0, random.choice(kinds))
    return faults


async def _read(cog: tinycog.Cog, random: Random) -> tuple[set[int], int]:
    """What the pixels of some read are, and how many of its parts failed."""
    tiles = [(0, random.randrange(ACROSS), random.randrange(ACROSS)) for _ in range(9)]
    ways = [
        lambda: [cog.read()],
        lambda: [cog.read_tiles(tiles)],
        lambda: [cog.read_tile(*tile) for tile in tiles],
    ]
    found = await asyncio.gather(*random.choice(ways)(), return_exceptions=True)
    failed = [error for error in found if isinstance(error, BaseException)]
    for error in failed:
        if not isinstance(error, SourceChangedError | tinycog.RangeUnsupportedError):
            raise error
    rasters = [r for one in found if not isinstance(one, BaseException) for r in _listed(one)]
    return {value for r in rasters for value in np.unique(r.data).tolist()}, len(failed)


def _listed(found: tinycog.Raster | list[tinycog.Raster]) -> list[tinycog.Raster]:
    return found if isinstance(found, list) else [found]


async def read_while_replaced(seed: int) -> str:
    """One run: "whole", "changed", or "mixed"."""
    random = Random(seed)  # noqa: S311 - a seeded run
    files = generations(random.choice((Compression.NONE, Compression.DEFLATE)))
    etag = random.choice((True, True, "weak", False))
    async with RangeServer({"a.tif": files[0]}, faults=_faults(random, files), etag=etag) as server:
        if etag is False:  # times to the second: one for each file
            server._shelf._in_memory = _timed(files)  # pyright: ignore[reportAttributeAccessIssue]
        limits = Limits(retries=RETRIES, whole_bytes=random.choice((0, 16 << 20)))
        cog = tinycog.open(server.url("a.tif"), limits=limits, head_bytes=2048)
        return await outcome_of(cog, server.url("").rstrip("/"), random)


async def outcome_of(cog: tinycog.Cog, origin: str, random: Random) -> str:
    """What comes of some reads: "whole", "changed", or "mixed"."""
    values: set[int] = set()
    failed = 0
    for _ in range(random.randrange(1, 4)):
        more, lost = await _read(cog, random)
        values |= more
        failed += lost
    await asyncio.sleep(0.001)
    if BUDGET.used or server_named(origin).in_flight:
        return "something left in flight"
    if len(values) > 1:
        return "mixed"
    return "changed" if failed else "whole"


def _timed(files: list[bytes]):
    """Makes a content whose time tells its generation."""

    def make(source: bytes) -> Content:
        modified = f"Tue, 14 Nov 2023 22:13:{files.index(source):02d} GMT"
        return Content(len(source), None, modified, lambda start, stop: source[start:stop])

    return make


Run = Callable[[int], Awaitable[str]]
"""One run, by its seed."""


async def run(first: int, runs: int, one: Run = read_while_replaced) -> Counter[str]:
    """How often each outcome was; the seeds of the bad ones are said."""
    found: Counter[str] = Counter()
    for seed in range(first, first + runs):
        outcome = await one(seed)
        if outcome not in ("whole", "changed"):
            outcome = f"{outcome} (seed {seed})"
        found[outcome] += 1
    return found


def main(arguments: Sequence[str] | None = None, one: Run = read_while_replaced) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Read a file that is replaced meanwhile.")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first run")
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    found = asyncio.run(run(options.first, options.runs, one))
    sys.stdout.write(f"{dict(found)} in {time.perf_counter() - begun:.0f} s\n")
    return int(not set(found) <= {"whole", "changed"})


if __name__ == "__main__":
    sys.exit(main())
