"""Many reads at once from a server that fails now and then, half of them cancelled.

    python tests/faults/soak.py                  # 20,000 reads, 256 at once
    python tests/faults/soak.py --reads 2000

Every pixel is compared; afterwards memory is as it was, and no task, connection or descriptor is
left.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np

import tinycog
from tinycog import Limits, Retries
from tinycog.fetch.concurrency import BUDGET, server_named
from tinycog.testing import Fault, RangeServer, make_pyramid, make_tiff, serve_in_thread
from tinycog.testing.server.exchange import RequestContext, Response

SIDE, TILE = 1024, 64
ACROSS = SIDE // TILE
FAULTY = 0.02

GROWTH = 24 << 20
"""Bytes that the process may grow by between the first tenth and the end: as memory is cut up."""

RETRIES = Retries(tries=10, silence=1.0, first_delay=0.01, most_delay=0.1)


def pixels() -> np.ndarray:
    """No two tiles are alike."""
    return np.random.default_rng(0).integers(0, 255, (1, SIDE, SIDE), np.uint8)


@dataclass
class Sum:
    """What came of a soak.

    Attributes:
        counts: of reads: right, wrong, cancelled, and names of errors.
        memory: bytes resident after a tenth of the reads, and at the end.
        left: what is left over, in words.
    """

    counts: Counter[str] = field(default_factory=Counter[str])
    memory: list[int] = field(default_factory=list[int])
    left: list[str] = field(default_factory=list[str])
    requests: int = 0
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong, and nothing left."""
        return set(self.counts) <= {"right", "cancelled"} and not self.left


def failing(random: Random) -> Fault:
    """Now and then, in some way that passes."""
    ways = [
        *(Fault.status(503), Fault.status(500), Fault.reset(), Fault.stall(0.05)),
        Fault.status(429, headers={"Retry-After": "0"}),
        *(Fault.short_body(length) for length in (0, 1, 1000, 4000)),
        *(Fault.stall(at=length) for length in (0, 4000)),
        *(Fault.unframed("chunked", cut=length) for length in (0, 1000)),
    ]

    def alter(exchange: RequestContext) -> Response:
        if random.random() >= FAULTY:
            return exchange.right
        return random.choice(ways).alter(exchange)

    return Fault(kind="now and then", alter=alter, times=None)


class Readers:
    """Read random tiles by random handles; half of the reads are cancelled at random moments."""

    def __init__(self, server: RangeServer, seed: int) -> None:
        self.found = Sum()
        self._server = server
        self._random = Random(seed)  # noqa: S311 - a seeded run
        self._wanted = pixels()
        limits = Limits(retries=RETRIES)
        self._handles = [tinycog.open(server.url("a.tif"), limits=limits) for _ in range(4)]

    async def run(self, reads: int, at_once: int) -> Sum:
        """Make so many reads."""
        begun = time.perf_counter()
        left = iter(range(reads))
        marks = (reads // 10, reads - 1)

        async def reader() -> None:
            for i in left:
                await self._read()
                if i % 1000 == 0:  # the log of the server would grow
                    self.found.requests += len(self._server.log)
                    self._server.log.clear()
                if i in marks:
                    gc.collect()
                    self.found.memory.append(_resident())

        await asyncio.gather(*(reader() for _ in range(at_once)))
        self.found.seconds = time.perf_counter() - begun
        return self.found

    async def _read(self) -> None:
        random = self._random
        x, y = random.randrange(ACROSS), random.randrange(ACROSS)
        task = asyncio.ensure_future(random.choice(self._handles).read_tile(0, x, y))
        if random.random() < 0.5:
            await asyncio.sleep(random.choice((0, 0, 0.001, 0.01, 0.05)) * random.random())
            task.cancel()
        try:
            raster = await task
        except asyncio.CancelledError:
            self.found.counts["cancelled"] += 1
        except tinycog.TinycogError as error:
            self.found.counts[f"{type(error).__name__}: {error}"] += 1
        else:
            part = self._wanted[:, y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE]
            self.found.counts["right" if np.array_equal(raster.data, part) else "wrong"] += 1


async def soak(reads: int, at_once: int = 256, seed: int = 0) -> Sum:
    """Serve, read, and look for what is left."""
    data = make_tiff(make_pyramid(pixels(), (2,), tile=(TILE, TILE)))
    tasks, descriptors = len(asyncio.all_tasks()), _descriptors()
    with serve_in_thread({"a.tif": data}) as server:
        await Readers(server, seed).run(reads // 100, at_once)  # all is loaded then
        server.script(failing(Random(seed)))  # noqa: S311 - a seeded run
        found = await Readers(server, seed).run(reads, at_once)
        await asyncio.sleep(0.1)
        origin = server_named(server.url("").rstrip("/"))
        if len(asyncio.all_tasks()) > tasks:
            found.left.append(f"tasks: {asyncio.all_tasks()}")
        if BUDGET.used or origin.in_flight:
            found.left.append(f"{BUDGET.used} bytes, {origin.in_flight} requests in flight")
    await asyncio.sleep(0.1)
    if _descriptors() > descriptors:
        found.left.append(f"{_descriptors() - descriptors} descriptors")
    if found.memory[1] > found.memory[0] + GROWTH:
        found.left.append(f"{found.memory[1] - found.memory[0]} bytes of memory")
    return found


def _resident() -> int:
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _descriptors() -> int:
    with suppress(OSError):
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - faster
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Read many tiles at once from a faulty server.")
    parser.add_argument("--reads", type=int, default=20_000)
    parser.add_argument("--at-once", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    found = asyncio.run(soak(options.reads, options.at_once, options.seed))
    mebibytes = [round(length / (1 << 20), 1) for length in found.memory]
    sys.stdout.write(
        f"{dict(found.counts)}, {found.requests} requests, {found.seconds:.0f} s,"
        f" {mebibytes} MiB resident, left over: {found.left or 'nothing'}\n"
    )
    return int(not found.is_right)


if __name__ == "__main__":
    sys.exit(main())
