"""The command: make the files of the matrix, read each three times, and say what came of it.

    python tests/conformance/run.py                 # the part that CI runs
    python tests/conformance/run.py --all           # everything
    python tests/conformance/run.py --all --write   # and make spec/conformance.md anew
    python tests/conformance/run.py --all --only "lerc float32"

Exit status 1 if tinycog had anything wrong, or raised what is no TinycogError.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from conformance.case import Case
from conformance.expected import faults
from conformance.judge import LEAKED, VERDICTS, WRONG, Outcome, judge
from conformance.made import check
from conformance.matrix import WRITERS, all_cases, sample
from conformance.report import make_report

PAGE = Path(__file__).resolve().parents[2] / "spec" / "conformance.md"
PROCESSES = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Compare tinycog with GDAL and tifffile.")
    parser.add_argument("--all", action="store_true", help="every case, not only the part of CI")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}; needs --all")
    parser.add_argument("--only", default="", help="cases whose name has all these words")
    options = parser.parse_args(arguments)
    if options.write and (not options.all or options.only):
        parser.error("--write needs --all, and no --only")
    cases = all_cases() if options.all else sample(all_cases())
    chosen = [case for case in cases if all(w in case.name.split() for w in options.only.split())]
    outcomes = run(chosen)
    for outcome in outcomes:
        if fault := faults(outcome):
            sys.stdout.write(f"{fault}\n")
    counts = Counter(outcome.tinycog.word for outcome in outcomes)
    sums = ", ".join(f"{counts[word]} {word}" for word in VERDICTS)
    sys.stdout.write(f"{len(outcomes)} files: {sums}\n")
    if options.write:
        PAGE.write_text(make_report(outcomes), encoding="utf-8")
    return int(counts[WRONG] + counts[LEAKED] > 0)


def run(cases: Sequence[Case]) -> list[Outcome]:
    """Examine all cases, in two processes."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        return list(pool.map(examine, cases, chunksize=8))


def examine(case: Case) -> Outcome:
    """Write the file of a case, see that it is what it should be, and judge how it is read."""
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    logging.getLogger("rasterio").setLevel(logging.CRITICAL + 1)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "1.tif")
        try:
            truth = WRITERS[case.writer](case, path)
            check(case, path)
        except Exception as error:  # noqa: BLE001 - whatever a writer raises
            # in words: not every codec's errors can be pickled
            told = f"{case.name} cannot be written: {type(error).__name__}: {error}"
            raise RuntimeError(told) from None
        return judge(case, path, truth)


if __name__ == "__main__":
    sys.exit(main())
