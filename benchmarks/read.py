"""How fast ranges of remote COGs are read: tinycog and its peers, over HTTP on loopback.

    python benchmarks/read.py --quick
    python benchmarks/read.py --only window --latency 20 --peers tinycog,rasterio --rounds 9

Every peer reads in a process of its own, in random turns, from a url that nobody has seen, and its
pixels are compared before a time counts. Medians. Files are made once, in benchmarks/data or where
TINYCOG_BENCH_DATA says.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from reading.data import make_all
from reading.measure import Bench, Row
from reading.processes import ALL_PEERS, missing
from reading.report import as_json, cpu_table, failures, memory_table, table, versions
from reading.scenarios import Case, all_cases

HERE = Path(__file__).resolve().parent


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = Path(os.environ.get("TINYCOG_BENCH_DATA", HERE / "data"))
    parser.add_argument("--quick", action="store_true", help="fewer tiles, files and rounds")
    parser.add_argument("--only", help="scenarios, with commas; also a part of what is read")
    parser.add_argument("--rounds", type=int, help="that count: 7, or 3 with --quick")
    parser.add_argument("--peers", default=",".join(ALL_PEERS), help="with commas")
    parser.add_argument("--latency", default="0,20", help="milliseconds, with commas")
    parser.add_argument(
        "--bandwidth", type=float, default=0, help="megabytes a second; 0 = no limit"
    )
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--data", type=Path, default=root, help="directory of the files")
    parser.add_argument("--json", type=Path, help="file for all that was measured")
    args = parser.parse_args()
    args.rounds = args.rounds or (3 if args.quick else 7)
    return args


def chosen(cases: list[Case], only: str | None) -> list[Case]:
    """Those that were asked for."""
    if not only:
        return cases
    words, scenarios = set(only.split(",")), {case.scenario for case in cases}
    parts = words - scenarios
    return [c for c in cases if c.scenario in words or any(part in c.title for part in parts)]


def present(names: list[str]) -> list[str]:
    """Those of the peers that can be measured here; says why the others cannot."""
    for name in names:
        if name not in ALL_PEERS:
            sys.exit(f"there is no peer {name!r}: {', '.join(ALL_PEERS)}")
        why = missing(name)
        if why:
            print(f"{name} is left out: {why}")
    return [name for name in names if not missing(name)]


def run(args: argparse.Namespace, cases: list[Case], peers: list[str]) -> list[Row]:
    """Measure every case at every latency."""
    shared = Path("/dev/shm")  # noqa: S108 - pixels pass through memory where there is such a place
    latencies = [float(latency) for latency in args.latency.split(",")]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=shared if shared.exists() else None) as scratch:
        bench = Bench(args.data, Path(scratch), peers, loop=args.loop, bandwidth=args.bandwidth)
        try:
            for name in peers:
                if why := bench.try_out(name):
                    sys.exit(f"{name} cannot read even a small file: {why}")
            for case in cases:
                rows += bench.measure(case, latencies, args.rounds)
                print(".", end="", file=sys.stderr, flush=True)
        finally:
            bench.close()
    print(file=sys.stderr)
    return rows


def main() -> None:
    """Make files, measure, report."""
    args = arguments()
    cases = chosen(all_cases(quick=args.quick), args.only)
    peers = present(args.peers.split(","))
    began, load = time.perf_counter(), os.getloadavg()[0]
    make_all(args.data, {name for case in cases for name in case.names} | {"many-0"})
    rows = run(args, cases, peers)
    print(", ".join(f"{name} {number}" for name, number in versions(peers).items()) + "\n")
    parts = (table, cpu_table, memory_table)
    for text in [*(part(rows, peers) for part in parts), failures(rows)]:
        if text:
            print(text + "\n")
    seconds = time.perf_counter() - began
    print(f"{seconds:.0f} s, {os.cpu_count()} processors, load {load:.1f} before")
    if args.json:
        settings = {
            "rounds": args.rounds,
            "quick": args.quick,
            "loop": args.loop,
            "bandwidth": args.bandwidth,
        }
        args.json.write_text(json.dumps(as_json(rows, peers, settings), indent=1) + "\n")


if __name__ == "__main__":
    main()
