"""The command: visit every hostile file under limits, and say what did not end well.

    python tests/hostile/run.py                  # everything
    python tests/hostile/run.py --only jpeg      # cases whose name has all these words
    python tests/hostile/run.py --rss            # measure resident memory, not address space
    python tests/hostile/run.py --list           # every outcome, not only the bad ones

Exit status 1 if anything did not end well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from hostile import meaning, mutants, peers, pictures, sizes, streams, structure, values, visit
from hostile.case import PIXELS, Case, all_cases
from hostile.judge import alone, faults
from hostile.prison import CPU_SECONDS, MEMORY, Limits, Warden
from tinycog.testing import serve_in_thread

ATTACKERS = (meaning, mutants, pictures, sizes, streams, structure, values)
"""Importing them registers their attacks."""

PEERS = Limits(cpu=30, memory=3 << 30)


@dataclass(frozen=True)
class Outcome:
    """A case, and what is wrong with how it ended."""

    case: Case
    faults: list[str]
    seconds: float
    rss: int
    requests: int
    read: bool


COUNTS = "ByteCounts"
"""Cases whose tiles are all there: the image that was spoilt is a peer, too."""


def cases_of(words: Sequence[str]) -> list[Case]:
    """Every case whose name has all the words."""
    return [case for case in all_cases() if all(word in case.name for word in words)]


def sample(cases: Sequence[Case]) -> list[Case]:
    """Some of each attack: more of those that have more."""
    attacks: dict[str, list[Case]] = {}
    for case in cases:
        attacks.setdefault(case.attack, []).append(case)
    return [case for group in attacks.values() for case in group[:: max(len(group) // 2, 1)][:2]]


def run(
    cases: Sequence[Case],
    *,
    cpu: int = CPU_SECONDS,
    memory: int | None = MEMORY,
    compare: bool = True,
) -> Iterator[Outcome]:
    """Visit each of them, with so many seconds of CPU and bytes of memory."""
    with (
        serve_in_thread({}) as server,
        Warden(visit.load, Limits(cpu, memory)) as visitors,
        Warden(peers.load_gdal, PEERS) as gdal,
        Warden(peers.load_tifffile, PEERS) as tifffile,
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder, "a.tif")
        for case in cases:
            server.clear()
            data = server.files["a.tif"] = case.data
            fate = visitors.visit(server.url("a.tif"))
            requests = len(server.log)
            seen = fate.result
            read = seen is not None and bool(seen.levels)
            levels: list[list[Any]] = []
            if seen is not None and read and compare:
                path.write_bytes(data)
                for peer in (gdal, tifffile):
                    if not alone(seen, levels):
                        break
                    levels.append(peer.visit(str(path)).result or [])
                if COUNTS in case.name:  # they may be told from offsets: tiff.tile.no-counts
                    levels.append([PIXELS])
            wrong = faults(fate, levels if compare else None, cpu)
            yield Outcome(case, wrong, fate.seconds, fate.rss, requests, read)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Open hostile files under limits.")
    parser.add_argument("--only", default="", help="cases whose name has all these words")
    parser.add_argument("--rss", action="store_true", help="measure resident memory instead")
    parser.add_argument("--list", action="store_true", help="every outcome")
    parser.add_argument("--step", type=int, default=1, help="only each so-manieth case")
    options = parser.parse_args(arguments)
    cases = cases_of(options.only.split())[:: options.step]
    counts: Counter[str] = Counter()
    slowest: list[tuple[float, int, int, str]] = []
    for outcome in run(cases, memory=None if options.rss else MEMORY):
        counts["bad" if outcome.faults else "read" if outcome.read else "refused"] += 1
        slowest.append((outcome.seconds, outcome.rss >> 20, outcome.requests, outcome.case.name))
        for fault in outcome.faults:
            sys.stdout.write(f"{outcome.case.name}: {fault}\n")
        if options.list:
            sys.stdout.write(
                f"  {outcome.case.name}: {outcome.seconds:.2f} s, {outcome.rss >> 20} MB,"
                f" {outcome.requests} requests, {'read' if outcome.read else 'refused'}\n"
            )
        sys.stdout.flush()
    for key, name in ((0, "slowest"), (1, "largest"), (2, "most requests")):
        top = sorted(slowest, key=lambda one: one[key], reverse=True)[:8]
        sys.stdout.write(f"{name}:\n" + "".join(f"  {one}\n" for one in top))
    sys.stdout.write(f"{len(cases)} files: {dict(counts)}\n")
    return int(counts["bad"] > 0)


if __name__ == "__main__":
    sys.exit(main())
