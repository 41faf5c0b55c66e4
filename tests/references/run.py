"""The command: every file of a corpus by references, read back through zarr and compared.

    TINYCOG_CORPUS=... python tests/references/run.py          # `make references`
    TINYCOG_CORPUS=... python tests/references/run.py --only lerc

Exit status 1 if any file has other pixels by references than by `Cog.read`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from references.judge import WAYS, Outcome, Way, judge_file

PROCESSES = 2
FILES = Path(os.environ.get("TINYCOG_CORPUS", "")) / "files"
KINDS = ("right", "refused", "unreadable", "loud", "wrong")


def judge(path: Path) -> tuple[str, dict[Way, Outcome]]:
    """Judge a file in a process of the pool."""
    return path.name, asyncio.run(judge_file(path))


def best(outcomes: dict[Way, Outcome]) -> str:
    """Return what a file is by the best of the ways; "wrong" if it is by any."""
    kinds = [outcome.kind for outcome in outcomes.values()]
    order = ("wrong", "right", "loud")
    by_tinycog = [outcome.kind for way, outcome in outcomes.items() if way.codecs == "tinycog"]
    return next((kind for kind in order if kind in kinds), by_tinycog[-1])


def table(found: list[tuple[str, dict[Way, Outcome]]]) -> str:
    """Return the figures: how many files are what, by each way and by the best one."""
    lines = [f"{'':14}" + "".join(f"{kind:>12}" for kind in KINDS)]
    for way in WAYS:
        counts = Counter(outcomes[way].kind for _, outcomes in found)
        lines.append(f"{way!s:14}" + "".join(f"{counts[kind]:12}" for kind in KINDS))
    counts = Counter(best(outcomes) for _, outcomes in found)
    lines.append(f"{'any of them':14}" + "".join(f"{counts[kind]:12}" for kind in KINDS))
    readable = len(found) - counts["unreadable"]
    share = 100 * counts["right"] / max(len(found), 1)
    of_readable = 100 * counts["right"] / max(readable, 1)
    lines.append(
        f"{len(found)} files: {share:.1f} % right by references,"
        f" {of_readable:.1f} % of the {readable} that tinycog reads"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Hold references against Cog.read.")
    parser.add_argument("--only", default="", help="files whose name has this in it")
    parser.add_argument("--every", type=int, default=1, help="one file of so many")
    parser.add_argument("--tell", action="store_true", help="why files are refused, too")
    options = parser.parse_args(arguments)
    paths = [path for path in sorted(FILES.iterdir()) if options.only in path.name]
    paths = paths[:: options.every]
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        found = list(pool.map(judge, paths, chunksize=4))
    for name, outcomes in found:
        for way, (kind, reason) in outcomes.items():
            if kind in ("wrong", "loud") or (options.tell and kind != "right"):
                sys.stdout.write(f"{kind}: {name} ({way}): {reason}\n")
    sys.stdout.write(f"{table(found)}\n")
    return int(any(best(outcomes) == "wrong" for _, outcomes in found))


if __name__ == "__main__":
    sys.exit(main())
