"""Ranges to requests, by cost, before anything is sent. No I/O.

Two costs decide: that of a round trip, and that of a byte. A gap between two ranges is read along
where its bytes cost less than one more request would, and a run of ranges is split where one
connection is so slow that several are faster.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

from tinycog.tiff.ranges import ByteRange

REQUEST_BYTES = 16 << 20
"""Bytes of the longest request made by coalescing; one range may be longer."""

MAX_WASTE = 1 / 32
"""Bytes of gaps that a request for pixels may read along, for each byte that is needed."""

MANY_WASTE = 1.0
"""The same where many files are read side by side: there a request is not sent beside the others
of its file, but waits for a slot that another file could have."""

FREE_GAP_BYTES = 256
"""Bytes of a gap between pixels that is always read along: the headers of a request are longer."""

HEADER_GAP_BYTES = 1 << 15
"""Bytes of a gap between parts of the header that is read along; longer ones hold pixels."""

MAX_HEADER_REQUESTS, SCATTERED_GAP_BYTES = 16, 1 << 20
"""Requests for the header; if it would take more, gaps up to so many bytes are read along."""

MAX_PIXEL_REQUESTS, SCATTERED_BYTES = 32, 1 << 20
"""Requests for tiles; if it would take more for so many bytes, all of them are one request."""

MAX_GAP_BYTES = 1 << 20
"""Bytes of the longest gap between pixels that is read along, however slow the round trip is."""

FAST_BYTES_PER_SECOND = 16e6
"""Bytes per second of a connection to a near server from which on nothing is split for it."""

FAR_SECONDS = 0.003
"""Round trip of a server that is not near: its connections are taken to be slow, each."""

CLIENT_BYTES_PER_SECOND = 800e6
"""Bytes per second that this process takes from all connections together."""

MAX_SPLITS, MIN_SPLIT_BYTES = 64, 1 << 19
"""Requests that one read is split into at most, and the least bytes of each."""

MANY_SPLIT_BYTES = 4 << 20
"""The same of one file of many, whose requests are several connections already."""

UNKNOWN_SPLITS, UNKNOWN_SPLIT_BYTES = 32, 1 << 20
"""The same before any connection was measured: a first round trip may be longer than others."""

NEARLY = 1.1
"""Times the shortest time that a read may take, to be made with fewer requests: their price."""

SETUP_ROUND_TRIPS = 2
"""Round trips that splitting must save where connections are opened for it: they take as long."""


class FilesAtOnce:
    """How many files are read side by side with one; shared by all that plan its requests.

    Attributes:
        count: of them, itself included.
    """

    __slots__ = ("count",)

    def __init__(self) -> None:
        """Read one alone."""
        self.count = 1


class Rates(NamedTuple):
    """What a request to a server costs.

    Attributes:
        round_trip: seconds from a request to the first byte of its response.
        bytes_per_second: bytes per second of one connection.
        known: whether the bytes per second were measured.
        far: whether the round trip was, and is that of a server that is not near.
        connections: how many there may be at most.
        opened: how many have been in use at once, so that they need not be opened.
        files: how many are read side by side, by as many requests at least.
    """

    round_trip: float = 0.03
    bytes_per_second: float = 20e6
    known: bool = False
    far: bool = False
    connections: int = MAX_SPLITS
    opened: int = 1
    files: int = 1

    @classmethod
    def measured(
        cls,
        round_trip: float | None,
        bytes_per_second: float | None,
        connections: int = MAX_SPLITS,
        opened: int = 1,
    ) -> Rates:
        """Return rates as measured, with the defaults for what was not measured."""
        default = cls()
        return cls(
            default.round_trip if round_trip is None else round_trip,
            default.bytes_per_second if bytes_per_second is None else bytes_per_second,
            bytes_per_second is not None,
            round_trip is not None and round_trip >= FAR_SECONDS,
            connections,
            opened,
        )

    @property
    def gap_bytes(self) -> int:
        """Bytes that cost as much as one more request.

        Of many files, connections share what the server sends: what one was seen to bring says too
        little of it, and counts for no less than is taken of one that was not measured.
        """
        rate = self.bytes_per_second
        if self.files > 1:
            rate = max(rate, Rates().bytes_per_second)
        return min(int(self.round_trip * rate), MAX_GAP_BYTES)

    @property
    def waste(self) -> float:
        """Bytes of gaps that a request may read along, for each byte that is needed."""
        return MAX_WASTE if self.files == 1 else MANY_WASTE

    def splits(self, length: int) -> int:
        """Return the fewest concurrent requests that bring `length` bytes nearly as soon as any.

        1 where splitting saves too little: near a server, unless it was found to be slow.
        """
        rate = self.bytes_per_second
        if not self.far and (not self.known or rate >= FAST_BYTES_PER_SECOND):
            return 1
        seconds, round_trip = length / rate, max(self.round_trip, 0.001)
        useful = CLIENT_BYTES_PER_SECOND / rate
        most, least = UNKNOWN_SPLITS, UNKNOWN_SPLIT_BYTES
        if self.known:
            most, least = MAX_SPLITS, MIN_SPLIT_BYTES
        if self.files > 1:
            least = MANY_SPLIT_BYTES
        connections = self.connections // self.files
        most = max(int(min(length / least, useful, most, connections)), 1)
        rest = round_trip + length / CLIENT_BYTES_PER_SECOND
        soonest = rest + seconds / most
        best = max(math.ceil(seconds / (NEARLY * soonest - rest)), 1)
        if seconds - seconds / best > SETUP_ROUND_TRIPS * round_trip:
            return best
        return min(best, max(self.opened, 1))


class CoalescedRange(NamedTuple):
    """The bytes of one request, and the indices of the ranges that lie in it."""

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
    """Coalesce ranges into as few requests as pay, in the order of the file.

    Args:
        ranges: the bytes needed, in any order; they may overlap.
        gap_bytes: length of the longest gap that is read along.
        request_bytes: length of the longest request made by coalescing.
        waste: bytes of gaps that a request may hold for each byte that is needed.
        free_bytes: length of the longest gap that is read along whatever the other two say.
    """
    found: list[CoalescedRange] = []
    members: list[int] = []
    ranges = list(ranges)
    if len(ranges) == 1:  # as nearly always of headers
        return [CoalescedRange(ranges[0], [0])]
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
    """Plan requests for parts of the header and the index.

    They read no pixels along, unless the parts are scattered all over the file.
    """
    requests = coalesce(ranges, gap_bytes=HEADER_GAP_BYTES, request_bytes=REQUEST_BYTES)
    if len(requests) <= MAX_HEADER_REQUESTS:
        return requests
    return coalesce(ranges, gap_bytes=SCATTERED_GAP_BYTES, request_bytes=REQUEST_BYTES)


def plan_pixels(ranges: Sequence[ByteRange], rates: Rates) -> list[CoalescedRange]:
    """Plan requests for encoded tiles; a small file of scattered ones is read whole."""
    requests = _coalesce_pixels(ranges, rates, REQUEST_BYTES)
    if len(requests) > MAX_PIXEL_REQUESTS:
        requests = _joined(requests)
    total = sum(request.range.length for request in requests)
    splits = rates.splits(total)
    if splits <= len(requests):
        return requests
    found = _coalesce_pixels(ranges, rates, -(-total // splits))
    # parts that no gap may join would be requests of their own
    return found if len(found) <= 2 * splits else requests


def _joined(requests: Sequence[CoalescedRange]) -> list[CoalescedRange]:
    """Join all requests into one, if it is short."""
    whole = ByteRange(requests[0].range.start, max(request.range.stop for request in requests))
    if whole.length > SCATTERED_BYTES:
        return list(requests)
    return [CoalescedRange(whole, [i for request in requests for i in request.members])]


def _coalesce_pixels(
    ranges: Sequence[ByteRange], rates: Rates, request_bytes: int
) -> list[CoalescedRange]:
    return coalesce(
        ranges,
        gap_bytes=rates.gap_bytes,
        request_bytes=request_bytes,
        waste=rates.waste,
        free_bytes=FREE_GAP_BYTES,
    )
