"""The plan of a read: which requests it will send, and for which tiles. No I/O."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tinycog.fetch.coalesce import Rates, coalesce, plan_pixels
from tinycog.tiff.ranges import ByteRange


@dataclass(frozen=True)
class Plan:
    """What a read will send: nothing has been sent for it yet.

    Attributes:
        requests: their bytes, half-open, in the order of the file.
        tiles: the tiles (z, x, y) that they are for, those that cost no request too.
        wanted: encoded bytes of those tiles that are not held already.
    """

    requests: tuple[ByteRange, ...]
    tiles: tuple[tuple[int, int, int], ...]
    wanted: int

    @property
    def bytes(self) -> int:
        """Bytes that the requests ask for."""
        return sum(part.length for part in self.requests)

    @property
    def waste(self) -> int:
        """Bytes asked for that no tile needs: gaps between tiles that were read along."""
        return self.bytes - self.wanted

    def __repr__(self) -> str:
        """Figures in a line, then the requests, the first of them if there are many."""
        share = self.waste / self.wanted if self.wanted else 0.0
        head = (
            f"<Plan: {len(self.requests)} requests, {self.bytes:,} bytes"
            f" ({share:.1%} waste), {len(self.tiles)} tiles"
        )
        shown = [f"bytes {a:,} to {b:,} ({b - a:,})" for a, b in self.requests[:SHOWN]]
        more = [f"and {len(self.requests) - SHOWN} more"] if len(self.requests) > SHOWN else []
        return "\n  ".join([head, *shown, *more]) + ">"


SHOWN = 10
"""Requests that the repr of a plan lists."""


def make_plan(
    parts: Sequence[ByteRange], tiles: Iterable[tuple[int, int, int]], rates: Rates
) -> Plan:
    """Plan the ranges that are not held, for tiles."""
    batches = plan_pixels(parts, rates)
    union = coalesce(parts, gap_bytes=0, request_bytes=sys.maxsize)
    wanted = sum(batch.range.length for batch in union)
    return Plan(tuple(batch.range for batch in batches), tuple(tiles), wanted)
