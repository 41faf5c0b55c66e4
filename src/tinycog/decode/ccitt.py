"""Check of CCITT streams: whether each row is coded as wide as the tile, and none is missing.

libtiff decodes them, and goes on with what it can where one is broken; but it tells nobody who
calls it through imagecodecs. So runs are read here as well, without their pixels (tiff.ccitt.rows).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.tiff.spec import Compression

TWO_DIMENSIONAL = 1
"""Bit of T4Options: rows may refer to the one above."""

WHITE = (
    "00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100"
    " 110101 101010 101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011"
    " 0100100 0011000 00000010 00000011 00011010 00011011 00010010 00010011 00010100 00010101"
    " 00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 00000101"
    " 00001010 00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 01011001"
    " 01011010 01011011 01001010 01001011 00110010 00110011 00110100"
    " 11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100"
    " 011001101 011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001"
    " 011011010 011011011 010011000 010011001 010011010 011000 010011011"
)
"""Codes of white runs of 0 to 63 pixels, then of 64, 128, ... to 1728 (T.4, tables 2 and 3a)."""

BLACK = (
    "0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100"
    " 00000111 000011000 0000010111 0000011000 0000001000 00001100111 00001101000 00001101100"
    " 00000110111 00000101000 00000010111 00000011000 000011001010 000011001011 000011001100"
    " 000011001101 000001101000 000001101001 000001101010 000001101011 000011010010 000011010011"
    " 000011010100 000011010101 000011010110 000011010111 000001101100 000001101101 000011011010"
    " 000011011011 000001010100 000001010101 000001010110 000001010111 000001100100 000001100101"
    " 000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000"
    " 000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111"
    " 0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101"
    " 0000001101100 0000001101101 0000001001010 0000001001011 0000001001100 0000001001101"
    " 0000001110010 0000001110011 0000001110100 0000001110101 0000001110110 0000001110111"
    " 0000001010010 0000001010011 0000001010100 0000001010101 0000001011010 0000001011011"
    " 0000001100100 0000001100101"
)
"""The same of black runs."""

LONG = (
    "00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101"
    " 000000010110 000000010111 000000011100 000000011101 000000011110 000000011111"
)
"""Codes of runs of either colour of 1792, 1856, ... to 2560 pixels (T.4, table 3b)."""

PASS, HORIZONTAL = 100, 101
MODES = {
    "0001": PASS,
    "001": HORIZONTAL,
    "1": 0,
    "011": 1,
    "000011": 2,
    "0000011": 3,
    "010": -1,
    "000010": -2,
    "0000010": -3,
}
"""Modes of two-dimensional rows; small numbers say how far a change lies right of the one above."""

LENGTHS = (*range(64), *range(64, 1729, 64), *range(1792, 2561, 64))

RUN_BITS, MODE_BITS, LINE_BITS = 13, 7, 12
WINDOW_BITS = 32

BAD = (0, 0)
"""Neither value nor length: no code begins with these bits."""

Table = Sequence[tuple[int, int]]


def _table(codes: dict[str, int], bits: int) -> Table:
    """Return (value, bits of its code) for each number of `bits` bits that begins with a code."""
    table: list[tuple[int, int]] = [BAD] * (1 << bits)
    for code, value in codes.items():
        rest = bits - len(code)
        first = int(code, 2) << rest
        table[first : first + (1 << rest)] = [(value, len(code))] * (1 << rest)
    return table


RUNS = tuple(
    _table(dict(zip(f"{codes} {LONG}".split(), LENGTHS, strict=True)), RUN_BITS)
    for codes in (WHITE, BLACK)
)
MODE_TABLE = _table(MODES, MODE_BITS)


def windows_of(data: bytes) -> NDArray[np.uint32]:
    """Return the 32 bits from each byte of a stream on, and behind it; what it lacks is 0."""
    padded = np.frombuffer(data + bytes(WINDOW_BITS), np.uint8).astype(np.uint32)
    windows = padded[:-3] << 24 | padded[1:-2] << 16 | padded[2:-1] << 8 | padded[3:]
    return windows.astype(np.uint32, copy=False)


def has_rest(data: bytes, at: int) -> bool:
    """Return whether what is left from a bit on is more than the end of a block, and padding."""
    rest = _Stream(data[at // 8 :], 0)
    rest.at = at % 8
    return rest.has_rest()


class BrokenRowError(ValueError):
    """A row is not coded as wide as the tile, or the stream has ended."""


class Rows(NamedTuple):
    """How much of a stream could be read.

    Attributes:
        found: rows that are there; those behind the last one of the tile are not all counted.
        broken: how many of them are not coded as wide as the tile. Without line ends nothing more
            can be read behind the first.
    """

    found: int
    broken: int


def read_rows(code: int, options: int, data: bytes, width: int, rows: int) -> Rows:
    """Read the rows of a tile.

    Args:
        code: Compression.
        options: T4Options.
        data: the stream.
        width: columns of the tile.
        rows: of the tile; up to as many more are read, which must come to an end.
    """
    stream = _Stream(data, width)
    if code == Compression.CCITT_T4:
        return _lines(stream, rows, has_tags=bool(options & TWO_DIMENSIONAL))
    above: list[int] = []
    found = 0
    while found < rows or (found < 2 * rows and stream.has_rest()):
        try:
            above = stream.plain_row() if code == Compression.CCITT_RLE else stream.row_after(above)
        except BrokenRowError:
            return Rows(found + (found >= rows), 1)
        if code == Compression.CCITT_RLE:
            stream.at += -stream.at % 8
        found += 1
    return Rows(found, int(found > rows and not stream.is_at_line_end()))


def _lines(stream: _Stream, rows: int, *, has_tags: bool) -> Rows:
    """Read rows behind line ends; `has_tags` if each says whether it refers to the one above."""
    above: list[int] = []
    found = broken = 0
    while found < rows and stream.seek_line():
        found += 1
        try:
            is_plain = not has_tags or stream.take_bit()
            above = stream.plain_row() if is_plain else stream.row_after(above)
            broken += stream.has_rest() and found == rows
        except BrokenRowError:
            broken += 1
    return Rows(found, broken)


class _Stream:
    """The bits of a stream, and the place of the next one."""

    def __init__(self, data: bytes, width: int) -> None:
        self.at = 0
        self._width = width
        self._length = 8 * len(data)
        self._windows = array("I", windows_of(data).tobytes())

    def take_bit(self) -> int:
        """Return the next bit, 0 behind the end."""
        at = self.at
        self.at += 1
        return self._windows[at >> 3] >> (WINDOW_BITS - 1 - (at & 7)) & 1

    def has_rest(self) -> bool:
        """Return whether what is left is more than the end of a block, and padding."""
        if self._length - self.at < LINE_BITS or self.is_at_line_end():
            return False
        return any(self._windows[self.at // 8 + 1 :])

    def is_at_line_end(self) -> bool:
        """Return whether the end of a line is next; two are the end of a block."""
        bits = self._windows[self.at >> 3] << (self.at & 7) & 0xFFFFFFFF
        return bits >> (WINDOW_BITS - LINE_BITS) == 1

    def seek_line(self) -> bool:
        """Go behind the next line end, and return whether there is one, with anything behind it."""
        windows, at, stop = self._windows, self.at, self._length
        zeros = 0
        while at < stop:
            if windows[at >> 3] >> (WINDOW_BITS - 1 - (at & 7)) & 1:
                if zeros >= LINE_BITS - 1:
                    self.at = at + 1
                    return self.at < stop
                zeros = 0
            else:
                zeros += 1
            at += 1
        return False

    def plain_row(self) -> list[int]:
        """Read runs of white and black in turn; return where colours change."""
        changes: list[int] = []
        place, colour = 0, 0
        while place < self._width:
            place += self._run(colour)
            changes.append(place)
            colour ^= 1
        if place > self._width or self.at > self._length:
            raise BrokenRowError
        return changes

    def _run(self, colour: int) -> int:
        """Read the length of a run: long codes, then a short one."""
        windows, table, total = self._windows, RUNS[colour], 0
        while True:
            at = self.at
            if at >= self._length:
                raise BrokenRowError
            peek = windows[at >> 3] >> (WINDOW_BITS - RUN_BITS - (at & 7)) & 0x1FFF
            length, bits = table[peek]
            if not bits:
                raise BrokenRowError
            self.at = at + bits
            total += length
            if length < 64:  # noqa: PLR2004
                return total

    def row_after(self, above: Sequence[int]) -> list[int]:
        """Read a row that refers to the one above; return where colours change."""
        width, table, above = self._width, MODE_TABLE, (*above, *[self._width] * 3)
        changes: list[int] = []
        place, colour, i = -1, 0, 0
        while place < width:
            at = self.at
            peek = self._windows[at >> 3] >> (WINDOW_BITS - MODE_BITS - (at & 7)) & 0x7F
            step, bits = table[peek]
            if not bits or at >= self._length:
                raise BrokenRowError
            self.at = at + bits
            if step == HORIZONTAL:
                middle = max(place, 0) + self._run(colour)
                place = middle + self._run(colour ^ 1)
                changes += (middle, place)
                continue
            i = _next_change(above, i, place, colour)
            if step == PASS:
                place = above[i + 1]
                continue
            change = above[i] + step
            if change < max(place, 0):
                raise BrokenRowError
            place = change
            changes.append(change)
            colour ^= 1
        if place > width or self.at > self._length:
            raise BrokenRowError
        return changes


def _next_change(above: Sequence[int], i: int, place: int, colour: int) -> int:
    """Return the first change above right of a place that ends runs of a colour; `i` is near it."""
    while i and above[i - 1] > place:
        i -= 1
    last = len(above) - 3
    while i < last and above[i] <= place:
        i += 1
    return i + ((i ^ colour) & 1)
