"""A part of the kit of hostile files: some of each attack, each in a process of its own.

The whole kit is `make hostile`, and `make hostile-validation`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

if sys.platform == "win32":
    pytest.skip("limits of processes are those of Unix", allow_module_level=True)

from hostile import validation
from hostile.case import ATTACKS, Case
from hostile.prison import CPU_SECONDS
from hostile.run import cases_of, run, sample

CPU_ON_BUSY_MACHINE = 3 * CPU_SECONDS
"""The same work takes several times the CPU where other tests share the core's caches and units."""


@pytest.fixture(scope="module")
def cases() -> Sequence[Case]:
    return cases_of(())


@pytest.mark.timeout(100)
def test_hostile_files_end_in_the_right_pixels_or_in_an_error_of_ours(cases: Sequence[Case]):
    outcomes = run(sample(cases), cpu=CPU_ON_BUSY_MACHINE)
    found = [f"{one.case.name}: {fault}" for one in outcomes for fault in one.faults]

    assert not found, "\n".join(found)


@pytest.mark.timeout(100)
def test_hostile_files_are_validated_without_harm(cases: Sequence[Case]):
    few = sample(cases)[::8]
    found = [f"{case.name}: {fault}" for case, faults, _ in validation.run(few) for fault in faults]

    assert not found, "\n".join(found)


def test_the_kit_has_hundreds_of_files_of_every_attack(cases: Sequence[Case]):
    names = [case.name for case in cases]

    assert len(set(names)) == len(names) >= 1500
    assert {case.attack for case in cases} == set(ATTACKS)
