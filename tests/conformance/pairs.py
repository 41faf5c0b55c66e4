"""A small set of rows in which every pair of values of two axes occurs, wherever that is legal."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

Row = dict[str, Any]
Axes = Mapping[str, Sequence[Any]]
Rule = tuple[tuple[str, ...], Callable[..., bool]]
"""Axes, and whether their values go together."""

SEED = 20
CANDIDATES = 3
"""Rows that are tried for each new one; the one with the most new pairs wins."""


def all_pairs(axes: Axes, rules: Sequence[Rule]) -> list[Row]:
    """Make rows until each legal pair is in one; the same rows on every run."""
    rng = random.Random(SEED)  # noqa: S311 - no secrets
    rows: list[Row] = []
    covered: set[tuple[str, Any, str, Any]] = set()
    wanted = [
        (one, a, other, b)
        for one, other in combinations(axes, 2)
        for a in axes[one]
        for b in axes[other]
    ]
    for pair in wanted:
        if pair in covered:
            continue
        start = {pair[0]: pair[1], pair[2]: pair[3]}
        made = [row for _ in range(CANDIDATES) if (row := _complete(rng, axes, rules, start))]
        if made:
            best = max(made, key=lambda row: len(_pairs(axes, row) - covered))
            covered |= _pairs(axes, best)
            rows.append(best)
    return rows


def _pairs(axes: Axes, row: Row) -> set[tuple[str, Any, str, Any]]:
    return {(a, row[a], b, row[b]) for a, b in combinations(axes, 2)}


def _complete(rng: random.Random, axes: Axes, rules: Sequence[Rule], start: Row) -> Row | None:
    """Fill the row with random values that the rules allow; first the axis with the fewest."""
    if not is_legal(rules, start):
        return None
    left = [axis for axis in axes if axis not in start]
    if not left:
        return {name: start[name] for name in axes}
    allowed = {axis: _allowed(axes, rules, start, axis) for axis in left}
    axis = min(left, key=lambda axis: (len(allowed[axis]), rng.random()))
    for value in rng.sample(allowed[axis], len(allowed[axis])):
        if row := _complete(rng, axes, rules, {**start, axis: value}):
            return row
    return None


def _allowed(axes: Axes, rules: Sequence[Rule], start: Row, axis: str) -> list[Any]:
    concerned = [rule for rule in rules if axis in rule[0]]
    return [value for value in axes[axis] if is_legal(concerned, {**start, axis: value})]


def is_legal(rules: Sequence[Rule], row: Row) -> bool:
    """Say whether no rule forbids the row, as far as it is filled."""
    return all(
        allows(*(row[axis] for axis in axes))
        for axes, allows in rules
        if all(axis in row for axis in axes)
    )
