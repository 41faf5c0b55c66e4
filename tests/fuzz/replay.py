"""The command: exercise cases and files again, in every way.

    python tests/fuzz/replay.py tests/corpus           # files, or folders of them
    python tests/fuzz/replay.py cog-sparse.tif 4711    # a case: a name and a seed

Exit status 1 if anything failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from fuzz.cases import Case
from fuzz.children import Children, Given
from fuzz.exercise import TURNS
from fuzz.run import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Exercise broken files again.")
    parser.add_argument("what", nargs="+", help="files or folders; or a name and a seed")
    parser.add_argument("--slack", type=float, default=1.0, help="times as much time (1)")
    parser.add_argument("--half", type=int, choices=(0, 1), help="of the ways: even, or odd (all)")
    options = parser.parse_args(arguments)
    if len(options.what) == 2 and options.what[1].isdigit():
        items = [Case(options.what[0], int(options.what[1]))]
    else:
        paths = [path for name in options.what for path in files(Path(name))]
        turns = range(options.half or 0, TURNS, 1 if options.half is None else 2)
        items = [Given(p.read_bytes(), turn, str(p)) for p in paths for turn in turns]
    found = list(Children(slack=options.slack).failures(items))
    for item, failure in found:
        say(f"{item.name}, turn {item.turn}: {failure.kind}: {failure.where}\n{failure.detail}")
    return int(bool(found))


def files(path: Path) -> list[Path]:
    """The file, or those in the folder."""
    return sorted(path.rglob("*.tif")) if path.is_dir() else [path]


if __name__ == "__main__":
    sys.exit(main())
