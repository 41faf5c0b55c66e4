"""Sizes of the parts of a numbered upload, before its length is known. No I/O.

A file is uploaded from its level 0 on, and what stands in front of it last::

    part        1 ... K                        K+1      K+2  ...            n
    holds       head, then the first bytes     the rest of level 0 ...      what is left
                of level 0: held back          as it is made

K is chosen before the first byte, since numbers must have no gap. So that each of the first K parts
is long enough however short the head turns out, the shortest part that a store takes is held back
of level 0 for each (store.upload.order).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tinycog.errors import LimitError

MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

SHORTEST = 4 * MIB
"""Bytes of a part where the store would take shorter ones."""

PREFERRED = 16 * MIB
"""Bytes that parts grow to, if those are enough: a request each costs little then."""

HEAD_PART = GIB
"""Bytes of a part in front at most: it is read from the spool while it is sent."""

NUMERATOR, DENOMINATOR = 5, 4
"""How much longer the next part is, until parts are as long as they need to be."""


class PartRules(NamedTuple):
    """What a store takes (store.upload.size).

    Attributes:
        name: of the store, for messages.
        min_bytes: shortest part, but for the last.
        max_bytes: longest part.
        max_parts: most parts.
        max_object: longest object in bytes.
        are_equal: whether all parts but the last must have one length.
        are_numbered: whether parts are numbered 1 to n without a gap, so that those in front must
            be counted before they are made; otherwise they are listed in the end.
    """

    name: str
    min_bytes: int
    max_bytes: int
    max_parts: int
    max_object: int
    are_equal: bool = False
    are_numbered: bool = True


S3 = PartRules("S3", 5 * MIB, 5 * GIB, 10_000, 50 * 10**12)
GCS = PartRules("Google Cloud Storage", 5 * MIB, 5 * GIB, 10_000, 5 * TIB)
OCI = PartRules("Oracle's Object Storage", 10 * MIB, 50 * GIB, 10_000, 10 * TIB)
R2 = PartRules("R2", 5 * MIB, 5 * GIB, 10_000, 5 * TIB - 5 * GIB, are_equal=True)
AZURE = PartRules("Azure", 1, 4000 * MIB, 50_000, 50_000 * 4000 * MIB, are_numbered=False)


class Bounds(NamedTuple):
    """What is known of the length of a file before it is made.

    Attributes:
        head: bytes in front of level 0 at most.
        body: bytes of level 0 at most.
    """

    head: int
    body: int


class PartPlan(NamedTuple):
    """How a file is cut into parts.

    Attributes:
        rules: what the store takes.
        head_parts: numbers of parts that are kept free in front.
        head_part: bytes of such a part at most.
        held: first bytes of level 0, which go out with the head; None = all of it, where parts
            must be equal: where in a part level 0 begins is not known before the head is.
        first: bytes of the first part of level 0.
        largest: bytes that its parts grow to.
    """

    rules: PartRules
    head_parts: int
    head_part: int
    held: int | None
    first: int
    largest: int

    def body_sizes(self) -> Iterator[int]:
        """Yield the length in bytes of each part of level 0 behind what is held back.

        The last one may be shorter.

        Raises:
            LimitError: there are no more parts, or the object would be too long.
        """
        total, size = self.held or 0, self.first
        for _ in range(self.rules.max_parts - self.head_parts):
            yield size
            total += size
            if total > self.rules.max_object:
                break
            size = _longer(size, self.largest)
        raise _too_long(self.rules, total)

    def head_sizes(self, length: int, *, is_alone: bool = False) -> list[int]:
        """Return the length in bytes of each part in front.

        Args:
            length: of the head and what was held back of level 0, together.
            is_alone: that is the whole file: no part of level 0 was sent.

        Raises:
            LimitError: it does not fit.
        """
        if is_alone:
            return _cut(length, max(self.largest, -(-length // self.rules.max_parts)), self.rules)
        if not self.rules.are_numbered:
            return _cut(length, max(self.head_part, -(-length // self.head_parts)), self.rules)
        size, longer = divmod(length, self.head_parts)
        if size >= self.rules.max_bytes:
            raise _too_long(self.rules, length)
        return [size + 1] * longer + [size] * (self.head_parts - longer)

    def memory(self, in_flight: int) -> int:
        """Return the bytes held at most: `in_flight` parts that are sent, and one that is filled.

        What is held back of level 0 is counted, unless that is all of it.
        """
        return (in_flight + 1) * self.largest + (self.held or 0)


def plan_parts(
    rules: PartRules,
    head_bound: int = 0,
    body_bound: int | None = None,
    *,
    preferred: int = PREFERRED,
    head_part: int = HEAD_PART,
) -> PartPlan:
    """Return how a file is cut of whose length only a bound is known.

    The first part is short, so that it goes out early. Others are longer and longer, but none is
    longer than it must be so that all fit, or than `preferred`: parts are held in memory.

    Args:
        rules: what the store takes.
        head_bound: bytes in front of level 0 at most.
        body_bound: bytes of level 0 at most; None = what the store takes.
        preferred: bytes that parts grow to if that is enough.
        head_part: bytes of a part in front at most.

    Raises:
        LimitError: the head leaves no part to level 0.
    """
    body = rules.max_object if body_bound is None else min(body_bound, rules.max_object)
    if rules.are_equal:
        size = max(preferred, rules.min_bytes, -(-(head_bound + body) // rules.max_parts))
        size = min(size, rules.max_bytes)
        return PartPlan(rules, 0, head_part, None, size, size)
    held = rules.min_bytes if rules.are_numbered else 0
    head_part = min(head_part, rules.max_bytes)
    head_parts = max(-(-head_bound // (head_part - held)), 1)
    first = max(rules.min_bytes, SHORTEST)
    plan = PartPlan(rules, head_parts, head_part, head_parts * held, first, 0)
    low, high = max(plan.first, min(preferred, rules.max_bytes)), rules.max_bytes
    if head_parts >= rules.max_parts:
        raise _too_long(rules, head_bound)
    while low < high:
        middle = (low + high) // 2
        is_enough = _fits(plan._replace(largest=middle), body)
        low, high = (low, middle) if is_enough else (middle + 1, high)
    return plan._replace(largest=low)


def _longer(size: int, largest: int) -> int:
    """Return the length of the part behind one."""
    return min(size * NUMERATOR // DENOMINATOR, largest)


def _fits(plan: PartPlan, length: int) -> bool:
    """Return whether level 0 fits into the parts of a plan."""
    left, size = length - (plan.held or 0), plan.first
    parts = plan.rules.max_parts - plan.head_parts
    while parts > 0 and left > 0 and size < plan.largest:
        left, size, parts = left - size, _longer(size, plan.largest), parts - 1
    return parts >= 0 and left <= parts * size


def _cut(length: int, size: int, rules: PartRules) -> list[int]:
    """Return the lengths of equal parts, and of a shorter last one."""
    if length > rules.max_object or size > rules.max_bytes:
        raise _too_long(rules, length)
    count, rest = divmod(length, size)
    return [size] * count + [rest] * bool(rest)


def _too_long(rules: PartRules, length: int) -> LimitError:
    message = (
        f"{length} bytes do not fit into an object of {rules.name}, which takes"
        f" {rules.max_object} in at most {rules.max_parts} parts of {rules.max_bytes}"
    )
    return LimitError(message, asked=length, allowed=rules.max_object)
