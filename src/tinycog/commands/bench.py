"""`tinycog bench URL`: how quickly a file can be read from here, and what bounds it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from typing import NamedTuple

import tinycog
from tinycog.commands.opening import add_file, add_open_options, open_named
from tinycog.commands.printing import counted, say
from tinycog.commands.progress import watched

ROUND_TRIPS = 5

TILES = 64

MIB = 1 << 20


class Measured(NamedTuple):
    """What was measured.

    Attributes:
        name: of the file.
        open_seconds: until the header is there, with a connection that is made.
        open_requests: that this took.
        round_trip: seconds of a request of 1 byte, the middle of several.
        tiles: of level 0 that were read.
        bytes: that they are stored in.
        requests: that were sent for them.
        read_seconds: until all were decoded.
        fetch_seconds: until all their bytes were there, in another run.
        decode_seconds: of the codec alone, one tile after the other.
        cpus: of this machine.
    """

    name: str
    open_seconds: float
    open_requests: int
    round_trip: float
    tiles: int
    bytes: int
    requests: int
    read_seconds: float
    fetch_seconds: float
    decode_seconds: float
    cpus: int


EXAMPLES = ("tinycog bench https://example.com/image.tif",)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] FILE"
    parser.description = (
        "Measure how quickly tiles of a file can be read from here: the round trip to the server,"
        " the rate of its bytes, tiles a second, and what the codec alone would take for them. Its"
        " tiles are read twice; nothing is taken from a cache."
    )
    add_file(parser)
    parser.add_argument(
        "--tiles", type=int, default=TILES, metavar="N", help="of level 0, spread over it (64)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_open_options(parser)
    parser.set_defaults(run=bench)


async def bench(args: argparse.Namespace) -> None:
    """Carry the command out."""
    found = await _measure(args)
    if args.json:
        say(json.dumps(found._asdict(), indent=2))
        return
    rate = found.bytes / found.fetch_seconds / MIB if found.fetch_seconds else 0
    one_thread = found.tiles / found.decode_seconds if found.decode_seconds else 0
    say(found.name)
    opened = counted(found.open_requests, "request")
    say(f"  opened      in {1000 * found.open_seconds:.1f} ms, by {opened}")
    say(f"  round trip  {1000 * found.round_trip:.2f} ms (the middle of {ROUND_TRIPS})")
    say(f"  bytes       {rate:.1f} MiB/s ({found.bytes:,} of {counted(found.tiles, 'tile')})")
    say(
        f"  tiles       {found.tiles / found.read_seconds:.0f} a second, by"
        f" {counted(found.requests, 'request')}, decoded"
    )
    cpus = counted(found.cpus, "CPU")
    say(f"  codec alone {one_thread:.0f} a second in one thread; this machine has {cpus}")


async def _measure(args: argparse.Namespace) -> Measured:
    began = time.perf_counter()
    async with open_named(args) as cog:
        open_seconds, open_requests = time.perf_counter() - began, len(cog.requests)
        tiles = _spread(cog.levels[0], max(args.tiles, 1))
        await cog.plan(tiles)  # reads the part of the index that they need
        snapshot = cog.snapshot()
        facts = await cog.tile_facts(0)
        trips: list[float] = []
        for _ in range(ROUND_TRIPS):
            began = time.perf_counter()
            await cog.check_current()
            trips.append(time.perf_counter() - began)
        with watched(args, cog):
            began = time.perf_counter()
            places = [(tile, plane) for tile in tiles for plane in range(facts["planes"])]
            stored = await asyncio.gather(
                *(cog.read_tile_bytes(*tile, plane=plane) for tile, plane in places)
            )
            fetch_seconds = time.perf_counter() - began
    known = [(tile, data) for (tile, _), data in zip(places, stored, strict=True) if data]
    for (_, x, y), data in known[:1]:
        tinycog.decode_tile(data, facts, x=x, y=y)  # loads the codec
    began = time.perf_counter()
    for (_, x, y), data in known:
        tinycog.decode_tile(data, facts, x=x, y=y)
    decode_seconds = time.perf_counter() - began
    async with open_named(args, snapshot=snapshot) as cog:
        with watched(args, cog):
            began = time.perf_counter()
            await cog.read_tiles(tiles)
            read_seconds = time.perf_counter() - began
        return Measured(
            cog.name,
            open_seconds,
            open_requests,
            statistics.median(trips),
            len(tiles),
            sum(len(data) for _, data in known),
            len(cog.requests),
            read_seconds,
            fetch_seconds,
            decode_seconds,
            os.cpu_count() or 1,
        )


def _spread(level: tinycog.Level, count: int) -> list[tuple[int, int, int]]:
    """Return tiles of level 0, spread over it."""
    rows, cols = level.grid
    total = cols * rows
    places = {total * n // min(count, total) for n in range(min(count, total))}
    return [(0, place % cols, place // cols) for place in sorted(places)]
