"""A part of the matrix of meaning: each pair of its values once. The whole is `make meaning`."""

from __future__ import annotations

import pytest
from meaning.case import Case, all_cases, sample
from meaning.judge import differences


@pytest.mark.parametrize("case", sample(all_cases()), ids=lambda case: case.name)
async def test_pixels_and_masks_are_the_truth_however_they_are_read(case: Case):
    assert await differences(case) == []


def test_the_part_for_every_day_has_every_feature():
    cases = all_cases()
    whole = {feature for case in cases for feature in case.features}
    assert {feature for case in sample(cases) for feature in case.features} == whole
