"""Whether a read is cut into as many requests as bring it soonest, where each connection is slow.

    python benchmarks/capped.py [--rates 10,25,50,100] [--latency 5,20,100] [--rounds 3] [--json F]

A level without compression (8 MB or 33 MB) is read from a server that gives each connection so many
megabytes a second, after so many milliseconds. Once with as many requests as tinycog chooses (a
first read of the server, then one that knows its rate), and with each fixed number of splits; the
best of these is what a choice can reach. Medians; all ways take turns in random order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, product
from pathlib import Path
from unittest import mock

from reading.data import make_all
from reading.processes import ServerProcess
from reading.report import versions

import tinycog
from tinycog.fetch import concurrency
from tinycog.fetch.coalesce import Rates

HERE = Path(__file__).resolve().parent
FILE = "none"
SPLITS = (1, 2, 4, 8, 16, 32, 64)
MARK = 1.2
"""The time of the choice may be so many times that of the best fixed number."""

_names = count()


@contextmanager
def fixed(splits: int | None) -> Iterator[None]:
    """Have each read cut into so many requests; None = as tinycog chooses."""
    if splits is None:
        yield
        return
    with mock.patch.object(Rates, "splits", return_value=splits):
        yield


def forget_servers() -> None:
    """Forget what was measured of servers, as a new process would."""
    concurrency._servers.clear()  # noqa: SLF001 - there is no other way in one process


async def read(server: ServerProcess, level: int) -> tuple[float, int]:
    """Read a level by a fresh handle whose header is there; return seconds and requests."""
    async with tinycog.open(f"{server.base(f'c{next(_names)}')}/{FILE}.tif") as cog:
        await cog.read_tile(cog.levels[-1].z, 0, 0)
        before = len(cog.requests)
        began = time.perf_counter()
        await cog.read(level=level)
        return time.perf_counter() - began, len(cog.requests) - before


async def cell(server: ServerProcess, level: int, rounds: int) -> dict[str, object]:
    """Measure all ways at one rate and round trip."""
    ways: list[int | None] = [None, *SPLITS]
    seconds: dict[int | None, list[float]] = {way: [] for way in ways}
    requests: dict[int | None, int] = {}
    forget_servers()
    first, first_requests = await read(server, level)
    for _ in range(rounds):
        for way in random.sample(ways, len(ways)):
            with fixed(way):
                spent, requests[way] = await read(server, level)
            seconds[way].append(spent)
    medians = {way: statistics.median(spent) for way, spent in seconds.items()}
    best = min(SPLITS, key=lambda way: medians[way])
    return {
        "first": first,
        "first_requests": first_requests,
        "chosen": medians[None],
        "chosen_requests": requests[None],
        "best": medians[best],
        "best_splits": best,
        "ratio": medians[None] / medians[best],
        "first_ratio": first / medians[best],
        "fixed": {str(way): medians[way] for way in SPLITS},
    }


def main() -> None:
    """Measure the grid, print it, and keep it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = Path(os.environ.get("TINYCOG_BENCH_DATA", HERE / "data"))
    parser.add_argument("--rates", default="10,25,50,100", help="megabytes a second, with commas")
    parser.add_argument("--latency", default="5,20,100", help="milliseconds, with commas")
    parser.add_argument("--level", type=int, default=2, help="2 has 8 MB, 1 has 33 MB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=root, help="directory of the file")
    parser.add_argument("--json", type=Path, help="file for all that was measured")
    args = parser.parse_args()
    make_all(args.data, {FILE})
    rates = [float(rate) for rate in args.rates.split(",")]
    latencies = [float(latency) for latency in args.latency.split(",")]
    print("| MB/s | ms | chosen s (requests) | first read s | best s (splits) | ratio | first |")
    print("|---|---|---|---|---|---|---|")
    cells: list[dict[str, object]] = []
    server = ServerProcess(args.data)
    try:
        for latency, rate in product(latencies, rates):
            server.link(latency, 0, rate)
            found = asyncio.run(cell(server, args.level, args.rounds))
            cells.append({"rate": rate, "latency": latency, "level": args.level, **found})
            print(
                f"| {rate:g} | {latency:g} | {found['chosen']:.3f} ({found['chosen_requests']}) "
                f"| {found['first']:.3f} ({found['first_requests']}) "
                f"| {found['best']:.3f} ({found['best_splits']}) "
                f"| {found['ratio']:.2f} | {found['first_ratio']:.2f} |",
                flush=True,
            )
    finally:
        server.close()
    above = [found for found in cells if float(str(found["ratio"])) > MARK]
    print(f"\nmark of {MARK}: " + (f"exceeded {len(above)} times" if above else "kept"))
    if args.json:
        kept = {"versions": versions(["tinycog"]), "rounds": args.rounds, "cells": cells}
        args.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
