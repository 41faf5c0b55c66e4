"""Which requests a read costs: computed before anything is sent. No I/O.

Two costs decide: a round trip, and a byte. A gap between wanted ranges is read along where its
bytes cost less than one more request would, and a run is cut where one connection is so slow that
several are faster.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from tinycog.tiff.ranges import ByteRange

REQUEST_BYTES = 16 << 20
"""No request is made longer than this by merging."""

MOST_WASTE = 1 / 32
"""Bytes of gaps that a request may read along, for each byte that is wanted."""

FREE_GAP_BYTES = 256
"""A gap this short is always read along: the head of one more request is longer."""

HEADER_GAP_BYTES = 1 << 15
"""A gap between parts of the header that is read along; what lies in longer ones is pixels."""

MANY_PARTS, STREWN_GAP_BYTES = 16, 1 << 20
"""If parts of the header lie in more places than this, so long gaps are read along."""

MANY_REQUESTS, STREWN_BYTES = 32, 1 << 20
"""If tiles lie in more places than this, but all of them so near together, it is one request."""

MOST_GAP_BYTES = 1 << 20
"""The longest gap that is read along, however slow the round trips are."""

FAST_BYTES_PER_SECOND = 16e6
"""A connection this fast is not what a read waits for; of slower ones several are faster."""

MOST_CUTS, CUT_BYTES = 8, 1 << 20
"""A run is cut into at most so many requests, none shorter than this."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What an origin's requests cost.

    Attributes:
        round_trip: seconds from a request to its first byte.
        bytes_per_second: of one connection.
        known: whether the bytes per second were measured.
    """

    round_trip: float = 0.03
    bytes_per_second: float = 20e6
    known: bool = False

    @classmethod
    def measured(cls, round_trip: float | None, bytes_per_second: float | None) -> Rates:
        """Rates as far as they were measured, and what is sensible for the rest."""
        guess = cls()
        return cls(
            guess.round_trip if round_trip is None else round_trip,
            guess.bytes_per_second if bytes_per_second is None else bytes_per_second,
            bytes_per_second is not None,
        )

    @property
    def gap_bytes(self) -> int:
        """Bytes that cost as much as one more request."""
        return min(int(self.round_trip * self.bytes_per_second), MOST_GAP_BYTES)

    def cuts(self, length: int) -> int:
        """How many requests at once carry a run of that length fastest.

        As many as still take longer than their round trip, each.
        """
        if not self.known or self.bytes_per_second >= FAST_BYTES_PER_SECOND:
            return 1
        seconds = length / self.bytes_per_second
        wanted = min(seconds / max(self.round_trip, 0.001), length / CUT_BYTES, MOST_CUTS)
        return max(int(wanted), 1)


class CoalescedRange(NamedTuple):
    """One request: its bytes, and which of the wanted ranges it answers."""

    range: ByteRange
    members: list[int]


def coalesce(
    ranges: Iterable[ByteRange],
    *,
    gap_bytes: int,
    request_bytes: int,
    waste: float = math.inf,
    free_bytes: int = 0,
) -> list[CoalescedRange]:
    """Make requests of ranges: as few as pay.

    Args:
        ranges: the wanted ones, in any order; they may overlap.
        gap_bytes: a gap up to this length is read along.
        request_bytes: no request is made longer than this by merging.
        waste: bytes of gaps that a request may hold for each wanted byte.
        free_bytes: a gap up to this length is read along whatever the other two say.
    """
    found: list[CoalescedRange] = []
    members: list[int] = []
    first = last = wasted = 0
    for i, (start, stop) in sorted(enumerate(ranges), key=itemgetter(1)):
        gap = start - last if start > last else 0
        length = max(last, stop) - first
        fits = length <= request_bytes or stop <= last
        pays = gap <= free_bytes or (
            gap <= gap_bytes and wasted + gap <= waste * (length - wasted - gap)
        )
        if members and fits and pays:
            last = max(last, stop)
            wasted += gap
        else:
            if members:
                found.append(CoalescedRange(ByteRange(first, last), members))
            first, last, wasted, members = start, stop, 0, []
        members.append(i)
    if members:
        found.append(CoalescedRange(ByteRange(first, last), members))
    return found


def plan_header(ranges: Sequence[ByteRange]) -> list[CoalescedRange]:
    """Requests for parts of the header and the index.

    They never drag pixels along, unless the parts are strewn all over the file.
    """
    batches = coalesce(ranges, gap_bytes=HEADER_GAP_BYTES, request_bytes=REQUEST_BYTES)
    if len(batches) <= MANY_PARTS:
        return batches
    return coalesce(ranges, gap_bytes=STREWN_GAP_BYTES, request_bytes=REQUEST_BYTES)


def plan_pixels(ranges: Sequence[ByteRange], rates: Rates) -> list[CoalescedRange]:
    """Requests for encoded tiles; a small file of strewn ones is read whole."""
    batches = _merge_pixels(ranges, rates, REQUEST_BYTES)
    if len(batches) > MANY_REQUESTS:
        batches = _joined(batches)
    return [piece for batch in batches for piece in _cut(batch, ranges, rates)]


def _joined(batches: Sequence[CoalescedRange]) -> list[CoalescedRange]:
    """One request instead of many, if all that lies between them is short."""
    whole = ByteRange(batches[0].range.start, max(batch.range.stop for batch in batches))
    if whole.length > STREWN_BYTES:
        return list(batches)
    return [CoalescedRange(whole, [i for batch in batches for i in batch.members])]


def _merge_pixels(
    ranges: Sequence[ByteRange], rates: Rates, request_bytes: int
) -> list[CoalescedRange]:
    return coalesce(
        ranges,
        gap_bytes=rates.gap_bytes,
        request_bytes=request_bytes,
        waste=MOST_WASTE,
        free_bytes=FREE_GAP_BYTES,
    )


def _cut(batch: CoalescedRange, ranges: Sequence[ByteRange], rates: Rates) -> list[CoalescedRange]:
    """Cut a request between its members, where several at once are faster."""
    cuts = rates.cuts(batch.range.length)
    if cuts == 1:
        return [batch]
    inside = [ranges[i] for i in batch.members]
    pieces = _merge_pixels(inside, rates, -(-batch.range.length // cuts))
    if len(pieces) > MOST_CUTS:
        return [batch]
    return [CoalescedRange(part, [batch.members[i] for i in found]) for part, found in pieces]
