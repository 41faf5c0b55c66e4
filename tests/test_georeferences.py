"""A part of the matrix of georeferences: some of each group, placed as by GDAL and PROJ.

The whole matrix is `python tests/georeferences/run.py --all`.
"""

from __future__ import annotations

import pytest
from georeferences.expected import EXPECTED, fault
from georeferences.judge import judge
from georeferences.matrix import all_cases, sample


@pytest.mark.parametrize("case", sample(all_cases()), ids=lambda case: case.name)
def test_ten_pixels_lie_where_gdal_and_proj_say_or_a_reason_says_why_not(case):
    assert not fault(judge(case))


def test_every_expected_outcome_is_about_something():
    assert not [e.name for e in EXPECTED if not any(e.concerns(case) for case in all_cases())]


def test_the_matrix_has_a_thousand_cases_of_unique_names():
    assert len({case.name for case in all_cases()}) == len(all_cases()) > 1000
