"""What was parsed of one file, taken for others that say the same where the parser looked.

Files of a collection are written alike: their headers differ in offsets and lengths of tiles, which
no parser of headers looks at. A result is taken again only if every byte and every length that it
was made of is the same, so that it is what parsing would give.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from operator import is_
from typing import Generic, NamedTuple, TypeVar

from tinycog.tiff.buffer import LengthQuestion, RecordingBuffer, SparseBuffer
from tinycog.tiff.ranges import Span, joined

T = TypeVar("T")

MOST_KINDS = 128
"""Kinds of files whose results are kept: those that were taken last."""

MOST_BYTES = 1 << 16
"""Bytes that a parser has looked at, of a result that is kept."""

Bits = tuple[int, ...]
"""The bits that a parser looked at, of each of its ranges."""


class _Look(NamedTuple):
    """Where a parser looked: the same for files of one layout, whatever they say there.

    Attributes:
        key: what else the result was made of, compared by identity.
        spans: ranges that were asked for, joined.
        masks: by range: which of its bits count.
        lengths: what was asked of the length of the file, and the answers.
    """

    key: tuple[object, ...]
    spans: Sequence[Span]
    masks: Bits
    lengths: Sequence[tuple[LengthQuestion, int, bool]]

    def bits(self, buffer: SparseBuffer) -> Bits | None:
        """Return what a file says there; None if it is not of that layout, as far as is known."""
        for question, at, answer in self.lengths:
            if question(buffer, at) != answer:
                return None
        pieces = buffer.read_held(self.spans)
        return None if pieces is None else _masked(pieces, self.masks)

    def is_as(self, other: _Look) -> bool:
        """Return whether another parser looked at the same places."""
        return self[1:] == other[1:] and all(map(is_, self.key, other.key))


class _Recorded(NamedTuple, Generic[T]):
    """A result as it was recorded: what it was made of is only sorted if another file comes."""

    key: tuple[object, ...]
    looked_at: list[tuple[Span, Sequence[Span]]]
    lengths: dict[tuple[LengthQuestion, int], bool]
    spans: list[Span]
    pieces: list[bytes]
    result: T

    def look(self) -> _Look:
        """Return where the parser looked, with the bits that count."""
        masks: list[int] = []
        looked_at = sorted(self.looked_at)
        at = 0
        for start, stop in self.spans:
            mask = bytearray(stop - start)
            while at < len(looked_at) and looked_at[at][0][0] < stop:
                span, unused = looked_at[at]
                for first, last in _without(span, unused):
                    mask[first - start : last - start] = b"\xff" * (last - first)
                at += 1
            masks.append(int.from_bytes(mask, "little"))
        return _Look(self.key, tuple(self.spans), tuple(masks), self._lengths())

    def _lengths(self) -> tuple[tuple[LengthQuestion, int, bool], ...]:
        """Return the answers that tell all others: of each kind, those nearest to the length."""
        nearest: dict[tuple[LengthQuestion, bool], int] = {}
        answers = [*self.lengths.items(), ((SparseBuffer.ends_before, self.spans[-1][1]), False)]
        for (question, at), found in answers:
            is_below = found if question is SparseBuffer.is_longer else not found
            before = nearest.get((question, found), at)
            nearest[question, found] = max(before, at) if is_below else min(before, at)
        return tuple((question, at, found) for (question, found), at in nearest.items())


class Recall(Generic[T]):
    """Results of one parser, by what it looked at. Safe to use from threads.

    Where it looked is kept once for all files of one layout, so that it takes no longer to find one
    of a hundred kinds than one of two.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._looks: dict[tuple[int, ...], list[_Look]] = {}
        self._kinds: dict[tuple[int, Bits], tuple[_Look, T]] = {}
        self._recorded: list[_Recorded[T]] = []

    def run(
        self,
        key: tuple[object, ...],
        buffer: SparseBuffer,
        parse: Callable[[SparseBuffer], T | None],
    ) -> T | None:
        """Return the result for another file that says the same, or else parse.

        Args:
            key: what the result depends on besides, compared by identity.
            buffer: what has arrived of the file.
            parse: parses what has arrived; None = it lacks bytes.
        """
        if self._recorded:
            self._sort()
        for look in self._looks.get(tuple(map(id, key)), ()):
            bits = look.bits(buffer)
            if bits is None:
                continue
            kind = (id(look), bits)
            with self._lock:
                found = self._kinds.pop(kind, None)
                if found is not None:
                    self._kinds[kind] = found  # the last to be forgotten
                    return found[1]
        recorder = RecordingBuffer(buffer)
        result = parse(recorder)
        spans = joined(recorder.asked)
        length = sum(stop - start for start, stop in spans)
        is_held = spans and not buffer.ends_before(spans[-1][1]) and not buffer.missing(spans)
        if result is not None and is_held and length <= MOST_BYTES:
            pieces = list(map(bytes, buffer.read_each(spans)))
            found = _Recorded(key, recorder.looked_at, recorder.lengths, spans, pieces, result)
            with self._lock:
                self._recorded.append(found)
        return result

    def _sort(self) -> None:
        """Make what was recorded ready to be compared with; forget what has not been taken long."""
        with self._lock:
            recorded, self._recorded = self._recorded, []
            for one in recorded:
                look = one.look()
                looks = self._looks.setdefault(tuple(map(id, one.key)), [])
                for known in looks:
                    if known.is_as(look):
                        look = known
                        break
                else:
                    looks.append(look)
                self._kinds[id(look), _masked(one.pieces, look.masks)] = (look, one.result)
            while len(self._kinds) > MOST_KINDS:
                look, _ = self._kinds.pop(next(iter(self._kinds)))
                if not any(known is look for known, _ in self._kinds.values()):
                    self._forget(look)

    def _forget(self, look: _Look) -> None:
        """Forget where a parser looked, as no result is known by it any more."""
        name = tuple(map(id, look.key))
        left = [known for known in self._looks[name] if known is not look]
        if left:
            self._looks[name] = left
        else:
            del self._looks[name]


def _masked(pieces: Sequence[bytes | memoryview], masks: Bits) -> Bits:
    """Return the bits of ranges that count."""
    from_bytes = int.from_bytes
    return tuple(
        [from_bytes(data, "little") & mask for data, mask in zip(pieces, masks, strict=True)]
    )


def _without(span: Span, unused: Sequence[Span]) -> list[Span]:
    """Return what of a range lies outside of others, which lie in it in order."""
    start, stop = span
    found: list[Span] = []
    for first, last in sorted(unused):
        found.append((start, first))
        start = last
    return [*found, (start, stop)]
