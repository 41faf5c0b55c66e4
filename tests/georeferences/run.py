"""The command: where ten pixels of each file lie by tinycog, and by GDAL with PROJ.

    python tests/georeferences/run.py                  # the part of every day
    python tests/georeferences/run.py --all            # every case
    python tests/georeferences/run.py --all --only "heights 4326"
    python tests/georeferences/run.py --registry 10    # every tenth CRS of EPSG's registry

Exit status 1 if a place is wrong, or refused without a reason.
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from georeferences.expected import fault, reason_for
from georeferences.judge import VERDICTS, Outcome, Word, judge
from georeferences.matrix import all_cases, case_of, registry, sample

PROCESSES = 2
EXPLAINED = "otherwise, with a reason"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Compare places with GDAL's and PROJ's.")
    parser.add_argument("--all", action="store_true", help="every case, not only a part")
    parser.add_argument("--only", default="", help="cases whose name has all these words")
    parser.add_argument("--registry", type=int, default=0, help="every n-th CRS of EPSG's")
    options = parser.parse_args(arguments)
    cases = all_cases() if options.all else sample(all_cases())
    cases = registry(options.registry) if options.registry else cases
    words = options.only.split()
    outcomes = run([case.name for case in cases if all(word in case.name for word in words)])
    sys.stdout.writelines(f"{text}\n" for outcome in outcomes if (text := fault(outcome)))
    counts = Counter(EXPLAINED if reason_for(outcome) else outcome.word for outcome in outcomes)
    sums = ", ".join(f"{counts[word]} {word}" for word in (*VERDICTS, EXPLAINED))
    sys.stdout.write(f"{len(outcomes)} georeferences: {sums}\n")
    return int(any(map(fault, outcomes)))


def run(names: Sequence[str]) -> list[Outcome]:
    """Judge cases by name, in two processes."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(examine, names, chunksize=16))
    return [
        Outcome(case_of(name), word, why) for name, (word, why) in zip(names, found, strict=True)
    ]


def examine(name: str) -> tuple[Word, str]:
    """Judge one case, without the warnings of GDAL."""
    logging.getLogger("rasterio").setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = judge(case_of(name))
    return outcome.word, outcome.why


if __name__ == "__main__":
    sys.exit(main())
