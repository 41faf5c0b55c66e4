"""Whatever a server does: the right pixels or a `TinycogError`, in time, and nothing left over.

Here all cases run in one process, on a short budget. `make faults` runs each in a process of its
own, with the budget that a caller has, under limits of time and memory.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time

import pytest
from faults import run, soak
from faults.client import digest, file, outcome
from faults.fault import Case, Faults
from faults.matrix import KINDS, all_cases
from faults.wire import Talk

from tinycog import Limits, Retries
from tinycog.fetch.concurrency import BUDGET

BUDGET_OF_A_TEST = Retries(seconds=3.0, silence=1.2, first_delay=0.005, most_delay=0.02)
LIMITS = Limits(retries=BUDGET_OF_A_TEST)
SECONDS, AT_ONCE = 10, 24


@pytest.fixture(scope="module")
def data() -> bytes:
    return file()


@pytest.fixture(scope="module")
def expected(data) -> str:
    assert len(data) > 100_000
    return digest()


async def complaint(case: Case, data: bytes, expected: str) -> str | None:
    """What is not as it should be."""
    async with case.serve(data) as wire:
        begun = time.perf_counter()
        names, said = await outcome(wire.url, expected, LIMITS)
        seconds = time.perf_counter() - begun
        assert not wire.errors, case.name
        found = run.Outcome(case, names, said, seconds, wire.requests)
        return None if found.is_right and seconds < SECONDS else str(found)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
async def test_every_fault_ends_in_right_pixels_or_the_error_that_says_why(
    kind: Faults, data, expected, caplog
):
    caplog.set_level(logging.WARNING)
    turn = asyncio.Semaphore(AT_ONCE)
    before = asyncio.all_tasks()

    async def one(case: Case) -> str | None:
        async with turn:
            return await complaint(case, data, expected)

    cases = [case for fault in kind.all for case in fault.cases()]
    found = [text for text in await asyncio.gather(*map(one, cases)) if text]
    assert not found, "\n".join(found)
    assert not caplog.records
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before
    assert BUDGET.used == 0


def test_there_are_hundreds_of_cases_and_each_has_a_name():
    names = [case.name for case in all_cases()]
    assert len(names) == len(set(names)) >= 500


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process here")
def test_the_command_runs_a_case_in_a_process_of_its_own(capsys):
    assert run.main(["--only", "gzip, at first"]) == 0
    assert "0 not" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process here")
def test_the_command_notices_wrong_pixels_and_words_on_stderr(data):
    kind = Faults("test")

    @kind.of("wrong, as nothing can tell", "right", whens=("later",))
    async def _(talk: Talk) -> None:
        await talk.send(talk.head(), bytes(len(talk.body)))

    (case,) = [case for fault in kind.all for case in fault.cases()]
    found = asyncio.run(run.examine(case, data, "0"))
    assert (found.names, found.is_right) == ("wrong", False)


# --- many at once --------------------------------------------------------------------------------


def test_many_reads_at_once_from_a_faulty_server_are_right_and_leave_nothing():
    found = asyncio.run(soak.soak(1500, seed=0))
    assert found.is_right, found
    assert found.counts["right"] > 500
    assert found.counts["cancelled"] > 500
