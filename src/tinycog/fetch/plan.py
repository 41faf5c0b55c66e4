"""The plan of a read: which requests it will send, and for which tiles. No I/O."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tinycog.fetch.coalesce import Rates, coalesce, plan_pixels
from tinycog.tiff.ranges import ByteRange


@dataclass(frozen=True)
class Plan:
    """The requests that a read will send; none of them has been sent.

    Attributes:
        requests: the bytes of each, half-open, in the order of the file.
        tiles: the tiles (z, x, y) of the read, those included that cost no request.
        wanted: encoded bytes of those tiles that are not cached.
    """

    requests: tuple[ByteRange, ...]
    tiles: tuple[tuple[int, int, int], ...]
    wanted: int

    @property
    def bytes(self) -> int:
        """Bytes requested."""
        return sum(part.length for part in self.requests)

    @property
    def waste(self) -> int:
        """Bytes requested that no tile needs: gaps between tiles that are read along."""
        return self.bytes - self.wanted

    def __repr__(self) -> str:
        """Show the figures in a line, then the first requests."""
        share = self.waste / self.wanted if self.wanted else 0.0
        figures = (
            f"<Plan: {len(self.requests)} requests, {self.bytes:,} bytes"
            f" ({share:.1%} waste), {len(self.tiles)} tiles"
        )
        first = [f"bytes {a:,} to {b:,} ({b - a:,})" for a, b in self.requests[:REPR_REQUESTS]]
        others = len(self.requests) - len(first)
        more = [f"and {others} more"] if others else []
        return "\n  ".join([figures, *first, *more]) + ">"


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
