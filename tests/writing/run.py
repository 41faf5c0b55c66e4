"""The command: write many files, and have them read and judged by others.

    python tests/writing/run.py --count 1000
    python tests/writing/run.py --gdal /usr/bin/python3     # a Python that has osgeo_utils

Judges (`judges.py`): tinycog itself, overviews made anew, rasterio, overviews of GDAL's COG driver,
tifffile; rio-cogeo where it is installed, strict; tinycog's profiles of rules; GDAL's own validator
with its full check, by a Python that has it. Exit status 1 if anything is found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tinycog
from writing.by_profiles import NOT_GDALS
from writing.judges import JUDGES
from writing.matrix import Case, cases

VALIDATE = """
import json, sys
from osgeo import gdal
from osgeo_utils.samples.validate_cloud_optimized_geotiff import validate
gdal.UseExceptions()
for line in sys.stdin:
    try:
        warnings, errors, _ = validate(line.strip(), full_check=True)
    except Exception as exc:
        warnings, errors = [], [str(exc)]
    print(json.dumps([warnings, errors]), flush=True)
"""


async def write(case: Case, path: Path) -> None:
    """Write a file."""
    pixels: Any = case.pixels()
    if case.masked:
        valid = case.valid()
        pixels = np.ma.MaskedArray(pixels, np.broadcast_to(~valid, pixels.shape))
    await tinycog.write(path, pixels, **case.options)


class Gdal:
    """GDAL's own validator, in a Python that has it."""

    def __init__(self, python: str) -> None:
        """Start it."""
        self._process = subprocess.Popen(  # noqa: S603 - the caller's Python
            [python, "-c", VALIDATE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def findings(self, path: Path) -> list[str]:
        """What it warns of, and what it calls errors."""
        asked, answers = self._process.stdin, self._process.stdout
        if asked is None or answers is None:
            raise AssertionError
        asked.write(f"{path}\n")
        asked.flush()
        notes, errors = json.loads(answers.readline())
        return [f"GDAL: {text}" for text in (*notes, *errors)]

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def findings(case: Case, path: Path, gdal: Gdal | None) -> list[str]:
    """What any judge has to say of a file."""
    found: list[str] = []
    for judge in JUDGES:
        try:
            found += judge(case, path)
        except Exception as exc:  # noqa: BLE001 - what is wrong is what is looked for
            found.append(f"{judge.__name__}: {type(exc).__name__}: {exc}"[:300])
    if gdal is not None and case.options["compression"] not in NOT_GDALS:
        found += gdal.findings(path)
    return found


def judged(case: Case, path: Path, gdal: Gdal | None) -> tuple[str, list[str]]:
    """Write a file and have it judged; return what became of it, and what was found."""
    try:
        asyncio.run(write(case, path))
    except tinycog.UnsupportedError as exc:
        return f"refused: {exc}"[:90], []
    except Exception as exc:  # noqa: BLE001 - what is wrong is what is looked for
        return "failed", [f"{type(exc).__name__}: {exc}"]
    found = findings(case, path, gdal)
    return "bad" if found else "good", found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Write files, and have them judged.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gdal", help="a Python that has osgeo_utils")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    counts: Counter[str] = Counter()
    gdal = Gdal(options.gdal) if options.gdal else None
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(options.count, options.seed):
            fate, found = judged(case, Path(folder, "a.tif"), gdal)
            counts[fate] += 1
            for text in found:
                sys.stdout.write(f"{case.name}: {text}\n")
            sys.stdout.flush()
    if gdal is not None:
        gdal.close()
    sys.stdout.write(f"{dict(counts)}\n")
    return int(counts["bad"] + counts["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
