"""The command: our verdicts beside those of GDAL's validator and of rio-cogeo.

    python tests/validation/verdicts.py --gdal PYTHON --rio-cogeo PYTHON --mutants 250
    python tests/validation/verdicts.py --gdal PYTHON --rio-cogeo PYTHON --record

Files: the corpus of TINYCOG_CORPUS, the fixtures, COGs that GDAL makes, files for and against each
rule, and spoiled copies of good ones. `--record` writes the verdicts of a few spoiled fixtures
that the suite compares with. Exit status 1 on a difference that has no reason in `NAMED`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from validation import mutants
from validation.judges import Judge, difference

RECORDED = Path(__file__).with_name("recorded.json")

RECORDED_COUNT = 64
"""Spoiled fixtures among them."""

_LIMIT = "a damaged tag claims more than Limits.value_bytes: tinycog refuses it, libtiff ignores it"

NAMED = {
    "image-tiff__id_000004_sig_06_src_000000_op_havoc_rep_2": _LIMIT,
    "marsman__poc-tiffsplit-b2d61984-_TIFFVGetField-stackoverflow": _LIMIT,
    "mdextract__m3-d0f86ab189cbe900ec389ca6d7464713.tif": _LIMIT,
    "pillow__crash-86214e58da443d2b80820cff9677a38a33dcbbca.tif": _LIMIT,
    "mdextract__m3-76d5d8fd02d58b774f2bae6f7b763e3e.tif": (
        "a fuzzed IFD whose first strip libtiff takes from another entry than tinycog"
    ),
}
"""Files, broken on purpose, of which verdicts differ, and why."""


def files(folder: Path, count: int) -> Iterator[tuple[str, Path]]:
    """All files that are judged, one after the other in the same place but those of the corpus."""
    corpus = os.environ.get("TINYCOG_CORPUS")
    if corpus:
        for path in sorted(Path(corpus, "files").iterdir()):
            yield path.name, path
    good = [*mutants.fixtures(), *mutants.by_gdal(folder, 60)]
    made = [*good, *mutants.by_makers()]
    for seed in range(count):
        name, data = good[seed * 13 % len(good)]
        ways, mutant = mutants.spoiled(data, seed)
        made.append((f"mutant-{seed}-{name}{ways}", mutant))
    for name, data in made:
        path = folder / "image.tif"
        path.write_bytes(data)
        yield name, path


def compare(judges: Sequence[Judge], count: int) -> int:
    """Print what differs; return how much has no reason."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for name, path in files(Path(folder), count):
            for judge in judges:
                for option in (False, True):
                    theirs = judge.ask(path, option=option)
                    if theirs is None:
                        counts[f"{judge.profile}: no answer in time"] += 1
                        continue
                    found = difference(path, judge.profile, theirs, option=option)
                    fate = "equal" if found is None else "named" if name in NAMED else "different"
                    fate += ", not opened by them" if theirs.kinds is None else ""
                    counts[f"{judge.profile}: {fate}"] += 1
                    if fate.startswith("different"):
                        sys.stdout.write(f"{judge.profile} {option} {name}: {found}\n")
                        sys.stdout.flush()
    for fate, number in sorted(counts.items()):
        sys.stdout.write(f"{number:6} {fate}\n")
    return sum(number for fate, number in counts.items() if "different" in fate)


def record(judges: Sequence[Judge]) -> None:
    """Write what is said of a few spoiled fixtures."""
    verdicts: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.tif")
        for name, data in mutants.recorded(RECORDED_COUNT):
            path.write_bytes(data)
            verdicts[name] = {"sha256": hashlib.sha256(data).hexdigest()}
            for judge in judges:
                for option in (False, True):
                    theirs = judge.ask(path, option=option)
                    if theirs is not None:
                        kinds = None if theirs.kinds is None else dict(theirs.kinds)
                        verdicts[name][f"{judge.profile} {option}"] = [kinds, theirs.valid]
    document = {"versions": [judge.version for judge in judges], "verdicts": verdicts}
    RECORDED.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Compare verdicts with those of others.")
    parser.add_argument("--gdal", help="a Python that has osgeo_utils")
    parser.add_argument("--rio-cogeo", help="a Python that has rio-cogeo")
    parser.add_argument("--mutants", type=int, default=250)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    asked = {"gdal": options.gdal, "rio-cogeo": options.rio_cogeo}
    judges = [Judge(profile, python) for profile, python in asked.items() if python]
    for judge in judges:
        sys.stdout.write(f"{judge.version}\n")
    try:
        if options.record:
            record(judges)
            return 0
        return int(compare(judges, options.mutants) > 0)
    finally:
        for judge in judges:
            judge.close()


if __name__ == "__main__":
    sys.exit(main())
