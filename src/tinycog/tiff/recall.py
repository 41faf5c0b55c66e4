"""What was parsed of one file, taken for others that say the same where the parser looked.

Files of a collection are written alike: their headers differ in offsets and lengths of tiles, which
no parser of headers looks at. A result is taken again only if every byte and every length that it
was made of is the same, so that it is what parsing would give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from tinycog.records import NamedTuple
from tinycog.tiff.buffer import LengthQuestion, RecordingBuffer, SparseBuffer
from tinycog.tiff.ranges import Span, joined

T = TypeVar("T")

MOST_KINDS = 32
"""Kinds of files whose results are kept: those that were taken last."""

MOST_BYTES = 1 << 16
"""Bytes that a parser has looked at, of a result that is kept."""


class _Looks(NamedTuple, Generic[T]):
    """A result, and all that it was made of.

    Attributes:
        key: what else it was made of, compared by identity.
        spans: ranges that were asked for, joined.
        masks: by range: which of its bits count.
        values: by range: these bits.
        lengths: what was asked of the length of the file, and the answers.
        result: of the parser.
    """

    key: tuple[object, ...]
    spans: list[Span]
    masks: list[int]
    values: list[int]
    lengths: list[tuple[LengthQuestion, int, bool]]
    result: T

    def fits(self, buffer: SparseBuffer) -> bool:
        """Return whether the result is that of another file."""
        if any(question(buffer, at) != answer for question, at, answer in self.lengths):
            return False
        if buffer.missing(self.spans):
            return False
        pieces = zip(buffer.read_each(self.spans), self.masks, self.values, strict=True)
        return all(int.from_bytes(data, "little") & mask == value for data, mask, value in pieces)


class _Recorded(NamedTuple, Generic[T]):
    """A result as it was recorded: what it was made of is only sorted if another file comes."""

    key: tuple[object, ...]
    looked_at: list[tuple[Span, Sequence[Span]]]
    lengths: dict[tuple[LengthQuestion, int], bool]
    spans: list[Span]
    pieces: list[bytes]
    result: T

    def sorted(self) -> _Looks[T]:
        """Return it with the bits that count."""
        masks: list[int] = []
        values: list[int] = []
        looked_at = sorted(self.looked_at)
        at = 0
        for (start, stop), data in zip(self.spans, self.pieces, strict=True):
            mask = bytearray(stop - start)
            while at < len(looked_at) and looked_at[at][0][0] < stop:
                span, unused = looked_at[at]
                for first, last in _without(span, unused):
                    mask[first - start : last - start] = b"\xff" * (last - first)
                at += 1
            masks.append(int.from_bytes(mask, "little"))
            values.append(int.from_bytes(data, "little") & masks[-1])
        lengths = [(ask, place, found) for (ask, place), found in self.lengths.items()]
        lengths.append((SparseBuffer.ends_before, self.spans[-1][1], False))
        return _Looks(self.key, self.spans, masks, values, lengths, self.result)


class Recall(Generic[T]):
    """Results of one parser, by what it looked at. Safe to use from threads."""

    def __init__(self) -> None:
        """Start empty."""
        self._known: list[_Looks[T] | _Recorded[T]] = []

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
        known = self._known
        for place, one in enumerate(known):
            if any(a is not b for a, b in zip(one.key, key, strict=True)):
                continue
            looks = one.sorted() if isinstance(one, _Recorded) else one
            if looks.fits(buffer):
                if place or looks is not one:
                    self._known = [looks, *known[:place], *known[place + 1 :]]
                return looks.result
        recorder = RecordingBuffer(buffer)
        result = parse(recorder)
        spans = joined(recorder.asked)
        length = sum(stop - start for start, stop in spans)
        is_held = spans and not buffer.ends_before(spans[-1][1]) and not buffer.missing(spans)
        if result is not None and is_held and length <= MOST_BYTES:
            pieces = list(map(bytes, buffer.read_each(spans)))
            found = _Recorded(key, recorder.looked_at, recorder.lengths, spans, pieces, result)
            self._known = [found, *known[: MOST_KINDS - 1]]
        return result


def _without(span: Span, unused: Sequence[Span]) -> list[Span]:
    """Return what of a range lies outside of others, which lie in it in order."""
    start, stop = span
    found: list[Span] = []
    for first, last in sorted(unused):
        found.append((start, first))
        start = last
    return [*found, (start, stop)]
