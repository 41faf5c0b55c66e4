"""The command: each case in a process of its own, under limits.

    python tests/faults/run.py                     # everything
    python tests/faults/run.py --only "time drip"  # cases whose name has all these words
    python tests/faults/run.py --plain             # every request by aiohttp's public API

A case is right if the process ends by itself in time, says what is expected, and nothing else: not
a word on stderr. Exit status 1 if any is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from faults.client import digest, file
from faults.fault import RIGHT, Case
from faults.matrix import all_cases

CLIENT = Path(__file__).with_name("client.py")

CPU_SECONDS, MEMORY_BYTES, WALL_SECONDS, REQUESTS = 5, 512 << 20, 60, 50

AT_ONCE = 6
"""Cases side by side: many of them wait."""


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        names: "right", "wrong", the names of the error and its bases, or what else happened.
        said: the message of the error, or what stood on stderr.
        seconds: of wall time; `cpu_seconds`: of processor time.
        memory: bytes, at most.
        requests: that the server saw.
    """

    case: Case
    names: str
    said: str
    seconds: float = 0.0
    requests: int = 0
    cpu_seconds: float = 0.0
    memory: int = 0

    @property
    def is_right(self) -> bool:
        """Whether it is as expected, within the limits."""
        is_expected = set(self.names.split("|")) & set(self.case.expected.split("|"))
        return bool(is_expected) and self.requests <= REQUESTS

    def __str__(self) -> str:
        """One line."""
        name = self.names.partition("|")[0]
        used = f"{self.requests} requests, {self.seconds:.1f} s, cpu {self.cpu_seconds:.1f} s"
        return f"{self.case.name}: {name}, expected {self.case.expected} ({used}): {self.said}"


def _limit() -> None:
    import resource  # noqa: PLC0415 - not everywhere

    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


async def examine(case: Case, data: bytes, expected: str, *way: str) -> Outcome:
    """Run a case in a process of its own; `way` is what `client.py` is told besides."""
    async with case.serve(data) as wire:
        begun = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "default", CLIENT, wire.url, expected, *way),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=_limit,
        )
        is_late = False
        try:
            async with asyncio.timeout(WALL_SECONDS):
                out, err = await process.communicate()
        except TimeoutError:
            is_late = True
            process.kill()
            out, err = await process.communicate()
        seconds = time.perf_counter() - begun
    if process.returncode or err or wire.errors or is_late:
        names = "out of time" if is_late else f"status {process.returncode}"
        said = err.decode(errors="replace") + "".join(map(repr, wire.errors))
        return Outcome(case, names, said, seconds, wire.requests)
    return Outcome(case, seconds=seconds, requests=wire.requests, **json.loads(out))


async def run(cases: Sequence[Case], *way: str) -> list[Outcome]:
    """Examine all cases, some at once."""
    data, expected = file(), await asyncio.to_thread(digest)
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> Outcome:
        async with turn:
            return await examine(case, data, expected, *way)

    return await asyncio.gather(*(one(case) for case in cases))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Read from servers that do all they should not.")
    parser.add_argument("--only", default="", help="cases whose name has all these words")
    parser.add_argument("--plain", action="store_true", help="by aiohttp's public API alone")
    options = parser.parse_args(arguments)
    words = options.only.split()
    cases = [case for case in all_cases() if all(word in case.name for word in words)]
    outcomes = asyncio.run(run(cases, *(["plain"] if options.plain else [])))
    for outcome in outcomes:
        if not outcome.is_right:
            sys.stdout.write(f"{outcome}\n")
    rights = sum(outcome.names == RIGHT for outcome in outcomes)
    failed = sum(not outcome.is_right for outcome in outcomes)
    errors = len(outcomes) - rights - failed
    sys.stdout.write(
        f"{len(outcomes)} cases of {len({case.fault for case in cases})} faults:"
        f" {rights} right pixels, {errors} errors as expected, {failed} not\n"
        f"at most {max(o.seconds for o in outcomes):.1f} s,"
        f" cpu {max(o.cpu_seconds for o in outcomes):.1f} s,"
        f" {max(o.memory for o in outcomes) >> 20} MiB,"
        f" {max(o.requests for o in outcomes)} requests\n"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
