"""A part of the conformance matrix: each value of each axis at least once.

The whole matrix is `python tests/conformance/run.py --all`; spec/conformance.md is its result.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from conformance.case import Case
from conformance.expected import EXPECTED, faults
from conformance.judge import Outcome
from conformance.matrix import all_cases, sample
from conformance.run import run


@pytest.fixture(scope="module")
def cases() -> Sequence[Case]:
    return all_cases()


@pytest.fixture(scope="module")
def outcomes(cases: Sequence[Case]) -> Sequence[Outcome]:
    return run(sample(cases))


@pytest.mark.timeout(240)
def test_pixels_are_those_that_were_written_or_a_known_error_says_why_not(
    outcomes: Sequence[Outcome],
):
    found = [fault for outcome in outcomes if (fault := faults(outcome))]

    assert not found, "\n".join(found)


def test_every_expected_refusal_is_about_something(cases: Sequence[Case]):
    idle = [one.name for one in EXPECTED if not any(one.concerns(case) for case in cases)]

    assert not idle


def test_the_matrix_has_at_least_a_thousand_cases(cases: Sequence[Case]):
    assert len(cases) >= 1000


def test_the_part_for_every_day_has_every_value_of_every_axis(cases: Sequence[Case]):
    whole = {feature for case in cases for feature in case.features()}
    part = {feature for case in sample(cases) for feature in case.features()}

    assert part == whole
