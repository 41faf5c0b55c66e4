"""Chunks of a dask graph in batches: each task in one batch, what later ones need is kept."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Key = Hashable
"""Name of a task of dask."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that are computed together.

    Attributes:
        results: keys whose results are wanted.
        tasks: all tasks that no batch before has computed.
        kept: those of them whose results a later batch needs.
        needed: results of earlier batches that it needs.
        last: those of all kept results that no later batch needs.
    """

    results: Sequence[Key]
    tasks: list[Key] = field(default_factory=list[Key])
    kept: list[Key] = field(default_factory=list[Key])
    needed: set[Key] = field(default_factory=set[Key])
    last: list[Key] = field(default_factory=list[Key])


def make_batches(
    dependencies: Mapping[Key, Iterable[Key]],
    order: Iterable[Key],
    wanted: Iterable[Sequence[Key]],
) -> list[Batch]:
    """Split a graph by the results that are wanted one batch after the other.

    Args:
        dependencies: keys that each task needs.
        order: all keys, each behind those that it needs.
        wanted: keys of the results of each batch.
    """
    batches, ordered = [Batch(results) for results in wanted], [*order]
    first, last = _uses(dependencies, ordered, batches)
    for key in ordered:
        if key not in first:
            continue  # nothing that is wanted needs it
        own = batches[first[key]]
        own.tasks.append(key)
        own.needed.update(need for need in dependencies[key] if first[need] < first[key])
        if last[key] > first[key]:
            own.kept.append(key)
            batches[last[key]].last.append(key)
    return batches


def _uses(
    dependencies: Mapping[Key, Iterable[Key]], order: Sequence[Key], batches: Sequence[Batch]
) -> tuple[dict[Key, int], dict[Key, int]]:
    """Return the first and the last batch that needs the result of each key that one needs."""
    first = {key: number for number, batch in enumerate(batches) for key in batch.results}
    last = dict(first)
    for key in reversed(order):
        if key not in first:
            continue
        for needed in dependencies[key]:
            first[needed] = min(first.get(needed, first[key]), first[key])
            last[needed] = max(last.get(needed, first[key]), first[key])
    return first, last
