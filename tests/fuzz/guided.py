"""The command: coverage-guided fuzzing, where atheris is installed.

    pip install atheris
    python tests/fuzz/guided.py --seconds 600

It starts with the small fixtures; what fails is made small and kept as `run.py` keeps it. Exit
status 1 if anything failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from fuzz.cases import file, fixtures
from fuzz.children import Children, Given
from fuzz.exercise import TURNS
from fuzz.keep import CORPUS, keep
from fuzz.run import say

MOST_BYTES = 16_000
OPTIONS = (f"-max_len={MOST_BYTES}", "-timeout=10", "-rss_limit_mb=6000", "-print_final_stats=1")
TARGET = Path(__file__).with_name("target.py")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Break files, guided by what they reach.")
    parser.add_argument("--seconds", type=float, default=60, help="for so long (60)")
    parser.add_argument("--out", type=Path, default=CORPUS, help="folder for what fails")
    options = parser.parse_args(arguments)
    if find_spec("atheris") is None:
        say("atheris is not installed: nothing is guided")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        found, corpus = Path(folder, "found"), Path(folder, "corpus")
        found.mkdir()
        corpus.mkdir()
        for name in fixtures():
            if len(file(name)[0]) <= MOST_BYTES:
                (corpus / name).write_bytes(file(name)[0])
        guide(found, corpus, options.seconds)
        fates = [fate for path in sorted(found.iterdir()) for fate in settle(path, options.out)]
    for fate in fates:
        say(fate)
    return int(bool(fates))


def guide(found: Path, corpus: Path, seconds: float) -> None:
    """Let libFuzzer work, and start it again where a case ended it."""
    stop = time.monotonic() + seconds
    while (left := int(stop - time.monotonic())) > 0:
        before = len(list(found.iterdir()))
        limits = (f"-max_total_time={left}", f"-artifact_prefix={found}/")
        command = [sys.executable, str(TARGET), str(found), str(corpus), *OPTIONS, *limits]
        done = subprocess.run(command, check=False)  # noqa: S603 - our own script
        if done.returncode and len(list(found.iterdir())) == before:
            message = f"libFuzzer ended with status {done.returncode}, without a case"
            raise RuntimeError(message)


def settle(path: Path, out: Path) -> list[str]:
    """Keep what fails in a process of its own: how it failed, and what came of it."""
    data = path.read_bytes()
    items = [Given(data, turn) for turn in range(TURNS)]
    failures = {f"{f.kind}: {f.where}": (item, f) for item, f in Children().failures(items)}
    return [
        f"{what}, {keep(data, item.turn, failure, f'guided-{path.stem}', out)}"
        for what, (item, failure) in failures.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
