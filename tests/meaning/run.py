"""The command: every file of the matrix of meaning, by every way of reading.

    python tests/meaning/run.py                  # the part that CI runs
    python tests/meaning/run.py --all            # everything: `make meaning`
    python tests/meaning/run.py --all --only "alpha band"

Exit status 1 if any way of reading differs from the truth.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from meaning.case import Case, all_cases, sample
from meaning.judge import differences

PROCESSES = 2


def judge(case: Case) -> list[str]:
    """Return in what a case differs."""
    return [f"{case.name}: {what}" for what in asyncio.run(differences(case))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Hold pixels and masks against GDAL.")
    parser.add_argument("--all", action="store_true", help="every case, not only the part of CI")
    parser.add_argument("--only", default="", help="cases whose name has all these words")
    options = parser.parse_args(arguments)
    cases = all_cases() if options.all else sample(all_cases())
    chosen = [case for case in cases if all(word in case.name for word in options.only.split())]
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        found = [what for some in pool.map(judge, chosen, chunksize=4) for what in some]
    sys.stdout.write("".join(f"{what}\n" for what in found))
    sys.stdout.write(f"{len(chosen)} files, every way of reading: {len(found)} differences\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
