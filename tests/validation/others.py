"""The command: no error of a profile on a file by other writers that has no reason.

    python tests/validation/others.py --gdal PYTHON --rio-cogeo PYTHON
    python tests/validation/others.py --write      # counts differences over TINYCOG_CORPUS

Files: `by_others.py`. `gdal` and `rio-cogeo` are compared with what these say themselves; each
error of the other profiles must be one that the options ask for. `--write` makes the table of
spec/validation.md that tells how many files of the corpus GDAL's validator passes and another
profile does not, by rule.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tinycog.sync
from tinycog.validator.profiles import PROFILES
from validation import tables
from validation.by_others import MAKERS, MadeByOthers
from validation.judges import Judge, difference

JUDGED = ("gdal", "rio-cogeo")

Asked = Callable[[Mapping[str, Any], bytes], bool]


def _is_big(_: Mapping[str, Any], head: bytes) -> bool:
    return 43 in head[2:4]


def _is_classic(_: Mapping[str, Any], head: bytes) -> bool:
    return 42 in head[2:4]


EXPLAINED: Mapping[str, Asked] = {
    "/req/core/bifh": _is_classic,
    "t17/use-geotiff-a": _is_big,
    "/req/optimized_geotiff/number B": lambda asked, _: asked.get("OVERVIEWS") == "NONE",
    "/req/geotiff-overviews/overviews B": lambda asked, _: bool(asked.get("subifds")),
    "t17/overviews-b": lambda asked, _: bool(asked.get("subifds")),
    "ee/ifds-first": lambda asked, _: bool(asked.get("tifffile")),
    "ee/external-tile-size": lambda asked, _: asked.get("BLOCKSIZE") == "128",
    "ee/upload-codec": lambda asked, _: asked.get("COMPRESS") == "PACKBITS",
}
"""Errors that are right, and which options ask for them.

A classic file is no BigTIFF, and a small BigTIFF none for Testbed-17; no overviews were wanted, or
as SubIFDs; tifffile writes each IFD before its own pixels; Earth Engine does not list PackBits,
and its newer page no tiles of 128.
"""


def errors(made: MadeByOthers, profile: str) -> list[str]:
    """What a profile has against a file without a reason."""
    head = made.path.read_bytes()[:4]
    report = tinycog.sync.validate(made.path, profile, depth="tiles")
    return [
        str(one)
        for one in report.findings
        if one.severity in ("error", "unknown")
        and not (one.rule in EXPLAINED and EXPLAINED[one.rule](made.options, head))
    ]


def judge(judges: Sequence[Judge]) -> int:
    """Print errors without a reason, and how many files had none; return the former."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for maker in MAKERS:
            try:
                for made in maker(Path(folder)):
                    found = [
                        f"{profile}: {text}"
                        for profile in PROFILES
                        if profile not in JUDGED
                        for text in errors(made, profile)
                    ]
                    for one in judges:
                        theirs = one.ask(made.path, option=True)
                        if theirs is not None:
                            text = difference(made.path, one.profile, theirs, option=True)
                            found += [f"{one.profile}: {text}"] if text else []
                    counts[f"{maker.__name__}: {'wrong' if found else 'right'}"] += 1
                    for text in found:
                        sys.stdout.write(f"{made.name}: {text} {made.options}\n")
            except ImportError as exc:
                sys.stdout.write(f"{maker.__name__} left out: {exc}\n")
    for fate, number in sorted(counts.items()):
        sys.stdout.write(f"{number:6} {fate}\n")
    return sum(number for fate, number in counts.items() if "wrong" in fate)


def count(corpus: Path) -> tuple[int, Counter[str]]:
    """Count files that pass `gdal`, and of these those that break a rule of another profile."""
    counts: Counter[str] = Counter()
    passed = 0
    for path in sorted(corpus.joinpath("files").iterdir()):
        if not tinycog.sync.validate(path, "gdal", depth="tiles").passed:
            continue
        passed += 1
        for profile in PROFILES:
            report = tinycog.sync.validate(path, profile, depth="tiles")
            counts.update({one.rule for one in report.findings if one.severity == "error"})
    return passed, counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Validate files by other writers.")
    parser.add_argument("--gdal", help="a Python that has osgeo_utils")
    parser.add_argument("--rio-cogeo", help="a Python that has rio-cogeo")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    logging.disable()
    if options.write:
        passed, counts = count(Path(os.environ["TINYCOG_CORPUS"]))
        tables.write(passed, counts)
        return 0
    asked = {"gdal": options.gdal, "rio-cogeo": options.rio_cogeo}
    judges = [Judge(profile, python) for profile, python in asked.items() if python]
    try:
        return int(judge(judges) > 0)
    finally:
        for one in judges:
            one.close()


if __name__ == "__main__":
    sys.exit(main())
