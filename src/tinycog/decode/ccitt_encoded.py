"""Whether a CCITT stream is what an encoder makes of its pixels: then nothing of it is broken.

T.4 and T.6 leave an encoder hardly a choice: the codes of all rows follow from the pixels, and
numpy compares them with those stored, many at once. A stream that is written otherwise may be good
all the same: `ccitt.read_rows` reads it code by code (tiff.ccitt.rows).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.decode.ccitt import (
    BLACK,
    HORIZONTAL,
    LINE_BITS,
    LONG,
    MODES,
    PASS,
    TWO_DIMENSIONAL,
    WHITE,
    WINDOW_BITS,
    has_rest,
    windows_of,
)
from tinycog.tiff.spec import Compression

Integers = NDArray[np.signedinteger[Any]]
Flags = NDArray[np.bool_]

BLOCK_PIXELS = 1 << 20
"""Pixels of the rows that are looked at together; each takes up to some hundred bytes."""

WORD_BITS = 25
"""Bits of the longest code that a window holds wherever in a byte it begins."""

TERMINATING, LONGEST = 64, 2560
"""Runs of fewer pixels are one code; the longest code that others begin with."""

FARTHEST = 3
"""Pixels that a change may lie off the one above to be told by that distance."""


def _words(codes: list[str]) -> Integers:
    """Return (value, bits) of codes; those of none are 0."""
    return np.array([(int(f"0{code}", 2), len(code)) for code in codes], np.int32)


def _run_words(codes: str) -> Integers:
    """Return (value, bits) of the one or two codes of each run shorter than the longest."""
    words = codes.split()
    high = _words(["", *words[TERMINATING:], *LONG.split()[:-1]])[:, None]
    low = _words(words[:TERMINATING])
    values = high[..., 0] << low[:, 1] | low[:, 0]
    return np.stack([values, high[..., 1] + low[:, 1]], axis=-1).reshape(-1, 2)


RUN_VALUES, RUN_BITS = np.moveaxis(np.stack([_run_words(WHITE), _run_words(BLACK)]), -1, 0)
MODE_CODES = {meaning: code for code, meaning in MODES.items()}
STEP_VALUES, STEP_BITS = _words([MODE_CODES[i] for i in range(-FARTHEST, FARTHEST + 1)]).T
LONGEST_VALUE = int(LONG.split()[-1], 2)
PASS_VALUE, PASS_BITS = int(MODE_CODES[PASS], 2), len(MODE_CODES[PASS])
RUNS_VALUE, RUNS_BITS = int(MODE_CODES[HORIZONTAL], 2), len(MODE_CODES[HORIZONTAL])


def is_encoded(code: int, options: int, data: bytes, pixels: Flags) -> bool:
    """Return whether a stream is just what an encoder makes of pixels, with nothing behind.

    Args:
        code: Compression.
        options: T4Options.
        data: the stream.
        pixels: (rows, cols), True for black.
    """
    rows, cols = pixels.shape
    if cols > BLOCK_PIXELS:
        return False
    stream = _CodedBits(data)
    step = BLOCK_PIXELS // cols
    at = 0
    for top in range(0, rows, step):
        block = np.zeros((min(step, rows - top) + 1, cols), np.bool_)
        block[0 if top else 1 :] = pixels[max(top - 1, 0) : top + step]
        changes = _find_changes(block)
        if changes.col.size > stream.size - at:
            return False  # each takes a bit at least
        behind = _follow(stream, at, changes, code, options)
        if behind is None:
            return False
        at = behind
    return not has_rest(data, at)


def _follow(stream: _CodedBits, at: int, changes: _Changes, code: int, options: int) -> int | None:
    """Return where a stream goes on behind rows that begin at a bit; None if it holds others."""
    if code == Compression.CCITT_T4:
        return _follow_lines(stream, at, changes, has_tags=bool(options & TWO_DIMENSIONAL))
    is_plain = code == Compression.CCITT_RLE
    codes = _PlainCodes(changes) if is_plain else _ReferringCodes(changes)
    lengths = (codes.row_bits + 7) // 8 * 8 if is_plain else codes.row_bits
    stops = at + np.cumsum(lengths)
    everything = np.ones(len(changes.col), np.bool_)
    places = codes.places(stops - lengths)
    return int(stops[-1]) if codes.stand(stream, places, everything) else None


def _follow_lines(stream: _CodedBits, at: int, changes: _Changes, *, has_tags: bool) -> int | None:
    """Do so for rows behind line ends; `has_tags` if each says whether it refers to another."""
    plain = _PlainCodes(changes)
    referring = _ReferringCodes(changes) if has_tags else plain
    lengths = (referring.row_bits.tolist(), plain.row_bits.tolist())
    count = len(lengths[0])
    starts, is_plain = np.empty(count, np.int64), np.ones(count, np.bool_)
    for i in range(count):
        start = stream.behind_line_end(at)
        if start is None:
            return None
        tag = 1
        if has_tags:
            tag = stream.peek(start, 1)
            start += 1
        starts[i], is_plain[i] = start, tag
        at = start + lengths[tag][i]
    which = is_plain[changes.row]
    stands = plain.stand(stream, plain.places(starts), which)
    if stands and has_tags:
        stands = referring.stand(stream, referring.places(starts), ~which)
    return at if stands else None


class _CodedBits:
    """The bits of a stream."""

    def __init__(self, data: bytes) -> None:
        self.size = 8 * len(data)
        self._windows = windows_of(data)

    def peek(self, at: int, count: int) -> int:
        """Return up to 25 bits from a place on; they are 0 behind the end."""
        window = int(self._windows[min(at, self.size) >> 3]) << (at & 7) & 0xFFFFFFFF
        return window >> (WINDOW_BITS - count)

    def behind_line_end(self, at: int) -> int | None:
        """Return the place behind the line end that is next, with its fill; None if none is."""
        zeros = WORD_BITS - self.peek(at, WORD_BITS).bit_length()
        return at + zeros + 1 if LINE_BITS - 1 <= zeros < WORD_BITS else None

    def holds(self, at: Integers, values: Integers | int, bits: Integers | int) -> bool:
        """Return whether codes of up to 25 bits stand at places, which ascend."""
        if not at.size:
            return True
        if at[-1] >= self.size:
            return False
        windows = self._windows[at >> 3] << (at & 7).astype(np.uint32)
        return bool((windows >> np.asarray(WINDOW_BITS - bits, np.uint32) == values).all())

    def holds_repeated(self, at: Integers, counts: Integers, value: int, bits: int) -> bool:
        """Return whether a code stands so many times at each place."""
        some = np.flatnonzero(counts)
        counts = counts[some]
        index: Integers = np.arange(int(counts.sum())) - np.repeat(
            np.cumsum(counts) - counts, counts
        )
        return self.holds(np.repeat(at[some], counts) + index * bits, value, bits)

    def holds_runs(self, at: Integers, colour: Integers, runs: Integers) -> bool:
        """Return whether runs of pixels of a colour stand at places, which ascend."""
        if runs.max(initial=0) >= LONGEST:
            longest, runs = np.divmod(runs, LONGEST)
            if not self.holds_repeated(at, longest, LONGEST_VALUE, LINE_BITS):
                return False
            at = at + longest * LINE_BITS
        return self.holds(at, RUN_VALUES[colour, runs], RUN_BITS[colour, runs])


def _bits_of(colour: Integers, runs: Integers) -> Integers:
    """Return how many bits runs of pixels of a colour take."""
    if runs.max(initial=0) < LONGEST:
        return RUN_BITS[colour, runs]
    longest, rest = np.divmod(runs, LONGEST)
    return longest * LINE_BITS + RUN_BITS[colour, rest]


class _Changes(NamedTuple):
    """Where colours change in rows below another one; one change more lies behind each row.

    Attributes:
        stride: difference of places below each other.
        places: of all changes, those of the row above first.
        above: how many of those there are.
        row, col: of each change below; rows count from 0.
        colour: of the pixels left of it: 0 is white.
        first: indices of the first change of each row.
    """

    stride: int
    places: Integers
    above: int
    row: Integers
    col: Integers
    colour: Integers
    first: Integers


def _find_changes(pixels: Flags) -> _Changes:
    """Find where colours change in (rows, cols), the first of which is the row above."""
    rows, cols = pixels.shape
    differs = np.ones((rows, cols + 1), np.bool_)
    differs[:, 0] = pixels[:, 0]
    np.not_equal(pixels[:, 1:], pixels[:, :-1], out=differs[:, 1:-1])
    places = np.flatnonzero(differs).astype(np.int32)
    all_counts: Integers = differs.sum(axis=1)
    above, counts = int(all_counts[0]), all_counts[1:]
    first: Integers = np.cumsum(counts) - counts
    row = np.repeat(np.arange(rows - 1, dtype=np.int32), counts)
    col = places[above:] - (row + 1) * (cols + 1)
    colour = (np.arange(row.size, dtype=np.int32) - np.repeat(first, counts).astype(np.int32)) & 1
    return _Changes(cols + 1, places, above, row, col, colour, first)


class _Codes:
    """The codes that a change in a row is encoded with, one kind of them.

    Attributes:
        bits: that each change takes.
        row_bits: that each row takes.
    """

    bits: Integers

    def __init__(self, changes: _Changes) -> None:
        self.changes = changes

    @property
    def row_bits(self) -> Integers:
        return np.add.reduceat(self.bits, self.changes.first)

    def places(self, starts: Integers) -> Integers:
        """Return where the codes of each change begin, in rows that begin at `starts`."""
        row_bits = self.row_bits
        before = np.cumsum(row_bits) - row_bits
        return np.cumsum(self.bits) - self.bits + (starts - before)[self.changes.row]


class _PlainCodes(_Codes):
    """Runs of white and black in turn."""

    def __init__(self, changes: _Changes) -> None:
        super().__init__(changes)
        self.runs = np.diff(changes.col, prepend=0)
        self.runs[changes.first] = changes.col[changes.first]
        self.bits = _bits_of(changes.colour, self.runs)

    def stand(self, stream: _CodedBits, at: Integers, which: Flags) -> bool:
        """Return whether the codes of some changes stand at their places in a stream."""
        return stream.holds_runs(at[which], self.changes.colour[which], self.runs[which])


class _ReferringCodes(_Codes):
    """Modes that tell a change by those of the row above, its b1 and b2 in the words of T.4."""

    def __init__(self, changes: _Changes) -> None:
        super().__init__(changes)
        first, colour = changes.first, changes.colour
        col = np.concatenate([changes.places[: changes.above], changes.col])  # the row above, too
        row_first = np.concatenate([[0], first + changes.above])
        begin, last = row_first[:-1][changes.row], row_first[1:][changes.row] - 1

        up = np.searchsorted(changes.places, changes.places[changes.above :] - changes.stride)
        right = np.roll(up + (col[up] == changes.col), 1)  # above, right of the change before
        right[first] = row_first[:-1]
        b1 = np.minimum(right + ((right - begin ^ colour) & 1), last)
        self._passes = np.maximum(up - b1, 0) >> 1
        b1 += 2 * self._passes
        self._step = changes.col - col[b1]

        is_far = np.abs(self._step) > FARTHEST
        goes_on = np.roll(is_far, 1)
        goes_on[first] = False
        index = np.arange(len(is_far))
        start = np.maximum.accumulate(np.where(goes_on, 0, index))
        self._is_coded = (index - start) & 1 == 0  # of two far ones, the second ends a run
        self._is_far = is_far & self._is_coded

        left = np.roll(changes.col, 1)
        left[first] = 0
        left = np.where(self._passes > 0, col[b1 - 1], left)
        self._runs = changes.col - left
        following = np.minimum(index + 1, np.append(first[1:], len(index))[changes.row] - 1)
        self._more = changes.col[following] - changes.col
        near = STEP_BITS[np.clip(self._step, -FARTHEST, FARTHEST) + FARTHEST]
        self.bits = self._passes * PASS_BITS + np.where(self._is_far, RUNS_BITS, near)
        far = np.flatnonzero(self._is_far)
        self.bits[far] += _bits_of(colour[far], self._runs[far])
        self.bits[far] += _bits_of(colour[far] ^ 1, self._more[far])
        self.bits *= self._is_coded

    def stand(self, stream: _CodedBits, at: Integers, which: Flags) -> bool:
        """Return whether the codes of some changes stand at their places in a stream."""
        which = which & self._is_coded
        if not stream.holds_repeated(at, self._passes * which, PASS_VALUE, PASS_BITS):
            return False
        at = at + self._passes * PASS_BITS
        near = np.flatnonzero(which & ~self._is_far)
        step = self._step[near] + FARTHEST
        if not stream.holds(at[near], STEP_VALUES[step], STEP_BITS[step]):
            return False
        far = np.flatnonzero(which & self._is_far)
        at, colour = at[far], self.changes.colour[far]
        if not stream.holds(at, RUNS_VALUE, RUNS_BITS):
            return False
        at = at + RUNS_BITS
        if not stream.holds_runs(at, colour, self._runs[far]):
            return False
        at = at + _bits_of(colour, self._runs[far])
        return stream.holds_runs(at, colour ^ 1, self._more[far])
