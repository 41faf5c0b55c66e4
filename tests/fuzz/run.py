"""The command: break files by their seeds, exercise them in child processes, keep what fails.

    python tests/fuzz/run.py                           # 60 seconds
    python tests/fuzz/run.py --seconds 28800 --processes 4
    python tests/fuzz/run.py --first 7000 --cases 1000  # just these

Exit status 1 if anything failed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import pyproj  # noqa: F401 - what all children need, loaded once

import tinycog.decode.tile
import tinycog.pixels.png
import tinycog.reader.read_web_tile  # noqa: F401
from fuzz.cases import Case, case_of
from fuzz.children import Children, Found
from fuzz.keep import CORPUS, keep


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Break files, and see what tinycog makes of them.")
    parser.add_argument("--seconds", type=float, default=60, help="for so long (60)")
    parser.add_argument("--cases", type=int, default=sys.maxsize, help="so many at most")
    parser.add_argument("--first", type=int, default=None, help="seed of the first (the time)")
    parser.add_argument("--processes", type=int, default=2, help="at a time (2)")
    parser.add_argument("--out", type=Path, default=CORPUS, help="folder for what fails")
    options = parser.parse_args(arguments)
    first = int(time.time()) * 1000 if options.first is None else options.first
    say(f"seeds from {first}")
    children = Children(options.processes)
    began = time.monotonic()
    cases = until(began + options.seconds, options.cases, first)
    with closing(children.failures(cases)) as failures:
        found = sort(failures)
    seconds = time.monotonic() - began
    for (case, failure), times in found.values():
        name = f"{Path(case.name).stem}-{case.seed}"
        fate = keep(case.make(), case.turn, failure, name, options.out)
        say(f"{times} x {failure.kind}: {failure.where}, {fate}")
    say(f"{children.done} cases in {seconds:.0f} s, {children.done / seconds:.0f} a second")
    return int(bool(found))


def until(stop: float, most: int, first: int) -> Iterator[Case]:
    """Cases, until it is time."""
    for seed in count(first):
        if seed - first >= most or time.monotonic() > stop:
            return
        yield case_of(seed)


def sort(failures: Iterator[Found]) -> dict[str, tuple[Found, int]]:
    """The first of each failure, and how often it came; all are told at once."""
    found: dict[str, tuple[Found, int]] = {}
    for case, failure in failures:
        what = f"{failure.kind}: {failure.where}"
        first, times = found.get(what, ((case, failure), 0))
        found[what] = first, times + 1
        say(what if times else f"{what}\n{failure.detail}")
        say(f"  {case.name} {case.seed}")
    return found


def say(line: str) -> None:
    """Tell whoever looks on."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
