"""Where a file is written: level 0 first, what stands in front of it last, all or nothing."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycog.errors import LimitError
from tinycog.targets.parts import AZURE, GCS, GIB, MIB, OCI, R2, S3, PartPlan, PartRules, plan_parts

# --- parts of a numbered upload ------------------------------------------------------------------

STORES = (S3, GCS, OCI, R2, AZURE)

lengths = st.integers(0, 60).flatmap(lambda bits: st.integers(0, 1 << bits))


def cut(plan: PartPlan, head: int, body: int) -> list[int]:
    """Lengths of all parts of a file, in the order of their numbers."""
    held = body if plan.held is None else min(plan.held, body)
    left, sizes = body - held, []
    for size in plan.body_sizes() if left else ():
        sizes.append(min(size, left))
        left -= sizes[-1]
        if not left:
            break
    return plan.head_sizes(head + held, is_alone=not sizes) + sizes


def check_legal(rules: PartRules, parts: list[int]) -> None:
    assert len(parts) <= rules.max_parts
    assert all(rules.min_bytes <= size for size in parts[:-1])
    assert all(0 < size <= rules.max_bytes for size in parts)
    if rules.are_equal:
        assert len(set(parts[:-1])) <= 1
        assert parts[-1:] <= parts[:1]


@pytest.mark.parametrize("rules", STORES, ids=lambda rules: rules.name)
@given(data=st.data(), body=lengths, head=lengths, slack=lengths)
@settings(max_examples=25, deadline=None)
def test_parts_are_legal_whatever_the_length(rules, data, body, head, slack):
    head = max(min(head, rules.max_object // 3), 1)
    body = min(body, rules.max_object // 2)
    bound = data.draw(st.sampled_from([None, body, body + slack]))
    plan = plan_parts(rules, data.draw(st.integers(head, 2 * head)), bound)
    parts = cut(plan, head, body)
    check_legal(rules, parts)
    assert sum(parts) == head + body


@pytest.mark.parametrize("rules", STORES, ids=lambda rules: rules.name)
def test_the_longest_objects_fit_though_its_length_is_not_known(rules):
    plan = plan_parts(rules, 40 * GIB)
    head = 40 * GIB
    parts = cut(plan, head, rules.max_object // 100 * 99 - head)
    check_legal(rules, parts)
    with pytest.raises(LimitError, match=rf"do not fit into an object of {rules.name}, which"):
        cut(plan, head, rules.max_object + GIB)


@pytest.mark.parametrize("rules", [S3, GCS, AZURE], ids=lambda rules: rules.name)
def test_the_first_part_goes_out_once_ten_mebibytes_are_there(rules):
    plan = plan_parts(rules, GIB // 2, 100 * GIB)
    assert plan.held is not None
    assert plan.held + next(plan.body_sizes()) <= 10 * MIB


def test_parts_are_no_longer_than_they_must_be():
    small = plan_parts(S3, GIB, 100 * GIB)
    assert small.largest == 16 * MIB
    assert [round(size / MIB) for size in islice(small.body_sizes(), 8)] == [
        5,
        6,
        8,
        10,
        12,
        15,
        16,
        16,
    ]
    assert small.memory(2) == 3 * 16 * MIB + small.head_parts * 5 * MIB
    assert plan_parts(S3, GIB, 100 * GIB, preferred=0).largest < 11 * MIB
    large = plan_parts(S3, GIB, 1000 * GIB)
    assert large.largest < 1.01 * 1000 * GIB / 10_000


def test_what_is_held_back_is_little_beside_the_head():
    plan = plan_parts(S3, 100 * GIB, 300 * GIB)
    assert plan.head_parts == 101
    assert plan.held == 101 * 5 * MIB


def test_a_head_that_leaves_no_part_is_refused():
    with pytest.raises(LimitError, match="bytes do not fit into an object of S3"):
        plan_parts(S3, 10_000 * GIB)
