"""Every hostile file through every profile of `tinycog.validate`, at every depth.

    python tests/hostile/validation.py                  # everything
    python tests/hostile/validation.py --only jpeg      # cases whose name has all these words
    python tests/hostile/validation.py --step 10        # only each tenth case

Each file in a process of its own, of 512 MiB; each validation has 5 s of CPU. Exit status 1 if one
crashed, took longer, raised what is no error of ours, or left verdicts that are none.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tinycog
from hostile import visit
from hostile.case import Case
from hostile.judge import REQUESTS
from hostile.prison import CPU_SECONDS, MEMORY, Fate, Limits, Warden
from hostile.run import cases_of
from tinycog.testing import serve_in_thread
from tinycog.validator.facts import DEPTHS
from tinycog.validator.profiles import PROFILES

ALL = Limits(cpu=CPU_SECONDS * len(DEPTHS) * len(PROFILES))


class Judged(NamedTuple):
    """One validation: by which profile, how deep, what came of it, and what it took."""

    profile: str
    depth: str
    verdicts: Mapping[str, str]
    error: str
    seconds: float
    requests: int


def validate_all(url: str) -> list[Judged]:
    """Validate a file by every profile at every depth."""
    found = asyncio.run(_all(url))
    gc.collect()  # so that what nobody looked at complains now
    return found


async def _all(url: str) -> list[Judged]:
    found: list[Judged] = []
    for depth in DEPTHS:
        for profile in PROFILES:
            cog = tinycog.open(url)
            began, error, verdicts = time.process_time(), "", dict[str, str]()
            try:
                report = await tinycog.validate(cog, profile, depth=depth)
                verdicts = {**report.verdicts}
                for text in (str(report), report.to_json(), report.to_junit()):
                    assert text  # all of it can be written
            except tinycog.TinycogError as exc:
                error = f"{type(exc).__name__}: {exc}"
            except Exception:  # noqa: BLE001 - what leaks is what we look for
                lines = traceback.format_exc().splitlines()
                error = "leaked: " + " | ".join(line.strip() for line in lines[-7:])[-900:]
            seconds = time.process_time() - began
            found.append(Judged(profile, depth, verdicts, error, seconds, len(cog.requests)))
            await cog.aclose()
    return found


def load() -> Callable[[str], list[Judged]]:
    """Import all that a validation will, so that a fork need not."""
    visit.load()
    import tinycog.validating  # noqa: PLC0415 - as late as tinycog does

    assert tinycog.validating
    return validate_all


def faults(fate: Fate) -> list[str]:
    """What is wrong; nothing if all is well."""
    found: list[str] = []
    if fate.stderr:
        found.append(f"stderr: {fate.stderr[-700:]!r}")
    if fate.rss > MEMORY:
        found.append(f"{fate.rss >> 20} MB of memory")
    if fate.result is None:
        how = "hung" if fate.status < 0 else f"died of {os.waitstatus_to_exitcode(fate.status)}"
        return [*found, how]
    judged: list[Judged] = fate.result
    for one in judged:
        found += [f"{one.profile} at the depth {one.depth}: {fault}" for fault in _faults(one)]
    return found


def _faults(one: Judged) -> Iterator[str]:
    """Yield what is wrong with one validation."""
    if one.error:
        yield one.error
    elif not one.verdicts or set(one.verdicts.values()) - {"pass", "fail", "unknown"}:
        yield f"verdicts {one.verdicts}"
    if one.seconds > CPU_SECONDS:
        yield f"{one.seconds:.1f} s of CPU"
    if one.requests > REQUESTS and one.depth == "header":
        yield f"{one.requests} requests"


def run(cases: Sequence[Case]) -> Iterator[tuple[Case, list[str], Fate]]:
    """Validate each of them."""
    with serve_in_thread({}) as server, Warden(load, ALL) as visitors:
        for case in cases:
            server.clear()
            server.files["a.tif"] = case.data
            fate = visitors.visit(server.url("a.tif"))
            yield case, faults(fate), fate


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Validate hostile files under limits.")
    parser.add_argument("--only", default="", help="cases whose name has all these words")
    parser.add_argument("--step", type=int, default=1, help="only each so-manieth case")
    options = parser.parse_args(arguments)
    cases = cases_of(options.only.split())[:: options.step]
    bad, slowest = 0, (0.0, "", "")
    largest, verdicts = 0, Counter[str]()
    for case, wrong, fate in run(cases):
        bad += bool(wrong)
        for fault in wrong:
            sys.stdout.write(f"{case.name}: {fault}\n")
        for one in fate.result or ():
            slowest = max(slowest, (one.seconds, case.name, f"{one.profile} {one.depth}"))
            verdicts.update(one.verdicts.values())
        largest = max(largest, fate.rss)
        sys.stdout.flush()
    sys.stdout.write(f"slowest: {slowest}; most memory: {largest >> 20} MB\n")
    sys.stdout.write(f"{len(cases)} files, {bad} bad; verdicts: {dict(verdicts)}\n")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
