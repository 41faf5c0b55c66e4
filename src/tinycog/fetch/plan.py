"""The plan of a read: which requests it will send, and for which tiles. No I/O."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from tinycog.fetch.coalesce import Rates, coalesce, plan_pixels
from tinycog.tiff.ranges import ByteRange


@dataclass(frozen=True)
class Plan:
    """The requests that a read will send; none of them has been sent.

    Attributes:
        requests: the bytes of each, half-open, in the order of the file.
        tiles: the tiles (z, x, y) of the read, those included that cost no request.
        wanted: encoded bytes of those tiles that are not cached.
        beside: requests of files beside, by what their names end with (`open(sidecars=True)`).
        file_size: bytes of the file, None if that is not known, or of several files.
    """

    requests: tuple[ByteRange, ...]
    tiles: tuple[tuple[int, int, int], ...]
    wanted: int
    beside: Mapping[str, tuple[ByteRange, ...]] = field(
        default_factory=dict[str, tuple[ByteRange, ...]]
    )
    file_size: int | None = field(default=None, compare=False)

    @property
    def bytes(self) -> int:
        """Bytes requested."""
        return sum(part.length for part in chain(self.requests, *self.beside.values()))

    @property
    def waste(self) -> int:
        """Bytes requested that no tile needs: gaps between tiles that are read along."""
        return self.bytes - self.wanted

    def __repr__(self) -> str:
        """Show the figures in a line, then the first requests."""
        share = self.waste / self.wanted if self.wanted else 0.0
        count = len(self.requests) + sum(map(len, self.beside.values()))
        figures = (
            f"<Plan: {count} requests, {self.bytes:,} bytes"
            f" ({share:.1%} waste), {len(self.tiles)} tiles"
        )
        listed = [
            f"{sidecar} bytes {a:,} to {b:,} ({b - a:,})".lstrip()
            for sidecar, requests in (("", self.requests), *self.beside.items())
            for a, b in requests[:REPR_REQUESTS]
        ]
        first = listed[:REPR_REQUESTS]
        others = count - len(first)
        more = [f"and {others} more"] if others else []
        return "\n  ".join([figures, *first, *more]) + ">"

    def _repr_html_(self) -> str:
        """Return the figures, and the requests over the bytes of the file, for notebooks."""
        from tinycog.notebook.card import card, never_fails  # noqa: PLC0415 - only notebooks
        from tinycog.notebook.plan_bar import plan_bar  # noqa: PLC0415 - the same

        def draw() -> str:
            count = len(self.requests) + sum(map(len, self.beside.values()))
            share = "" if not self.file_size else f" of {self.file_size:,} in the file"
            facts: dict[str, object] = {
                "requests": f"{count:,}",
                "bytes": f"{self.bytes:,}{share}",
                "read along": f"{self.waste:,} bytes that no tile needs",
                "tiles": f"{len(self.tiles):,}",
            }
            for sidecar, requests in list(self.beside.items())[:REPR_REQUESTS]:
                length = sum(part.length for part in requests)
                facts[sidecar] = f"{len(requests):,} requests, {length:,} bytes"
            size = self.file_size
            drawings = [plan_bar(self.requests, size)] if size and self.requests else []
            return card("Plan", facts, drawings=drawings)

        return never_fails(self, draw)


REPR_REQUESTS = 10
"""Requests that the repr of a plan lists."""


def make_plan(
    parts: Sequence[ByteRange], tiles: Iterable[tuple[int, int, int]], rates: Rates
) -> Plan:
    """Plan requests for the ranges of tiles that are not cached."""
    coalesced = plan_pixels(parts, rates)
    union = coalesce(parts, gap_bytes=0, request_bytes=sys.maxsize)
    wanted = sum(request.range.length for request in union)
    return Plan(tuple(request.range for request in coalesced), tuple(tiles), wanted)


def add_plans(plans: Sequence[Plan]) -> Plan:
    """Return the plan of reads of other tiles of the same file, one after the other."""
    beside: dict[str, tuple[ByteRange, ...]] = {}
    for plan in plans:
        for name, requests in plan.beside.items():
            beside[name] = tuple(sorted((*beside.get(name, ()), *requests)))
    return Plan(
        tuple(sorted(chain.from_iterable(plan.requests for plan in plans))),
        tuple(chain.from_iterable(plan.tiles for plan in plans)),
        sum(plan.wanted for plan in plans),
        beside,
        plans[0].file_size if plans else None,
    )


def join_plans(
    plans: Mapping[str, Plan], tiles: Iterable[tuple[int, int, int]], file_size: int | None = None
) -> Plan:
    """Return the plan of a read of several files: those beside by what their names end with."""
    beside = {sidecar: plan.requests for sidecar, plan in plans.items() if sidecar}
    requests = plans[""].requests if "" in plans else ()
    wanted = sum(plan.wanted for plan in plans.values())
    return Plan(requests, tuple(tiles), wanted, beside, file_size)
