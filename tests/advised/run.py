"""The command: make files that break rules, run what is advised, and look at the files again.

    python tests/advised/run.py
    python tests/advised/run.py --only ee/ --keep FOLDER

Each command must remove the finding that it is advised for, and change no pixel of level 0, no
mask, no nodata and no place. Commands of GDAL are run where `gdal_translate` is there. Exit status
1 if one fails.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from validation.files import Made

import tinycog
import tinycog.cli
import tinycog.sync
from advised.files import TOOLS, Case, cases

SECONDS = 60

HAS_GDAL = shutil.which("gdal_translate") is not None


def findings(path: Path, case: Case, *, literal: bool) -> list[tinycog.RuleFinding]:
    """What a file has against the rule of a case."""
    only = tinycog.ValidationProfile("only", "a test", {"all": [case.rule]})
    is_deep = path.stat().st_size < 1 << 30
    report = tinycog.sync.validate(
        path, only, depth="tiles" if is_deep else "header", literal=literal
    )
    return [one for one in report.findings if one.severity in ("error", "warning", "unknown")]


def run(case: Case, folder: Path) -> Iterator[tuple[str, str]]:
    """Make the file, and carry out what is advised: yield each tool and what went wrong, or ""."""
    made = case.make()
    made = made if isinstance(made, Made) else Made(made)
    path = folder / "image.tif"
    with path.open("wb") as file:
        file.write(made.data)
        file.truncate(made.size or len(made.data))
    if made.has_ovr:
        (folder / "image.tif.ovr").write_bytes(made.data)
    found = findings(path, case, literal=made.literal)
    if not found:
        yield "tinycog", "the file breaks no rule"
        return
    commands = {shlex.split(command)[0]: command for command in found[0].commands}
    if tuple(commands) != case.tools:
        yield "tinycog", f"{tuple(commands)} are advised, expected {case.tools}"
    for tool, command in commands.items():
        if tool == "tinycog" or HAS_GDAL:
            yield tool, fault_of(command, path, case, literal=made.literal)


def fault_of(command: str, path: Path, case: Case, *, literal: bool) -> str:
    """Run a command and compare the file that it has written; return what is wrong, or ""."""
    words = shlex.split(command)
    target = Path(words[3] if words[0] == "tinycog" else words[-1])
    target.unlink(missing_ok=True)
    failure = cogify(words[1:]) if words[0] == "tinycog" else translate(words)
    if failure is not None or not target.is_file():
        return f"it fails: {failure}"
    left = findings(target, case, literal=literal)
    if left:
        return f"the finding is left: {left[0]}"
    return difference(path, target)


def cogify(words: list[str]) -> str | None:
    """Run a command of tinycog here; return what it says if it fails."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        status = tinycog.cli.main(words)
    return said.getvalue().strip() if status else None


def translate(words: list[str]) -> str | None:
    """Run a command of GDAL; return what it says if it fails."""
    done = subprocess.run(  # noqa: S603 - our own advice
        words, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return (done.stderr or done.stdout).strip()[-300:] if done.returncode else None


def difference(path: Path, target: Path) -> str:
    """Return what of level 0 has changed, or ""."""
    with tinycog.sync.open(path) as one, tinycog.sync.open(target) as other:
        before, after = one.read(masked=True), other.read(masked=True)
        same = {
            "place": np.allclose(tuple(one.transform), tuple(other.transform))
            and code(one) == code(other),
            "mask": np.array_equal(before.mask, after.mask),
            "pixels": same_pixels(before, after),
            "colours": not has_colours(before) or same_colours(one, other),
            "nodata": one.nodata == other.nodata or other.count > one.count or has_alpha(other),
        }
    return ", ".join(f"{name} changed" for name, is_same in same.items() if not is_same)


def code(cog: Any) -> tuple[str, int | None] | None:
    """What a CRS is called."""
    return None if cog.crs is None else (cog.crs.kind, cog.crs.epsg)


def has_alpha(cog: Any) -> bool:
    """Whether the last band is alpha, which masks in the place of nodata."""
    return "alpha" in cog.colorinterp


def same_pixels(before: tinycog.Raster, after: tinycog.Raster) -> bool:
    """Whether valid pixels are the same; what is added may be alpha."""
    one, other = before.data, after.data[: len(before.data)]
    valid = np.broadcast_to(before.mask, one.shape)
    return bool(np.array_equal(one[valid], other[valid]))


def has_colours(raster: tinycog.Raster) -> bool:
    """Whether a picture can be made of pixels."""
    return raster.data.dtype == np.uint8 and len(raster.data) in (1, 3, 4)


def same_colours(one: Any, other: Any) -> bool:
    """Whether valid pixels look the same."""
    before, after = (cog.read(rgb=True, masked=True) for cog in (one, other))
    valid = np.broadcast_to(before.mask, before.data.shape)
    return bool(np.array_equal(before.data[valid], after.data[: len(before.data)][valid]))


def main() -> int:
    """Run all cases that are wanted; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="part of the names of cases")
    parser.add_argument("--keep", type=Path, help="folder for the files, which are kept")
    args = parser.parse_args()
    counts: Counter[str] = Counter()
    faults = 0
    for i, case in enumerate(one for one in cases() if args.only in one.name):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) if args.keep is None else args.keep / f"{i}"
            folder.mkdir(parents=True, exist_ok=True)
            for tool, fault in run(case, folder):
                counts[tool] += 1
                if fault:
                    faults += 1
                    sys.stdout.write(f"{case.name}: {tool}: {fault}\n")
    if not HAS_GDAL:
        sys.stdout.write("skipped: gdal_translate is not installed\n")
    told = ", ".join(f"{counts[tool]} by {tool}" for tool in TOOLS)
    sys.stdout.write(f"{told}: {faults} faults\n")
    return 1 if faults or not HAS_GDAL else 0


if __name__ == "__main__":
    sys.exit(main())
