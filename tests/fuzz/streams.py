"""Broken streams of one codec: good ones of every kind, changed where it hurts."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import NamedTuple

import imagecodecs
from conformance.lzw import (
    CLEAR,
    END,
    Code,
    codes_of,
    encode_endless,
    encode_old,
    highest_first,
    lowest_first,
)

SIDES = (8, 16, 64, 200)
"""Rows and columns of the tiles that are expected, of one byte a pixel."""

WEIGHTS = (4, 8, 5, 1)
"""How often each of them is."""

SEED = 20261010
FIRST_FREE, MOST_BITS = 258, 12
COPIES, FEW, LARGE = 8, 2, 100
"""Streams of each kind that are made once, to be broken; few of sides as long as that."""

Change = tuple[int, int, bytes]
"""What is put between two places of a stream."""


class Stream(NamedTuple):
    """Encoded bytes, and how many they should decode to."""

    data: bytes
    length: int


def lzw(random: Random) -> Stream:
    """Break a stream of LZW."""
    side = random.choices(SIDES, WEIGHTS)[0]
    good = good_lzw(side)
    data = bytearray(random.choice(good))
    if random.random() < 0.05:
        data = bytearray(hostile_codes(random, random.randrange(1, 60)))
    return Stream(bytes(broken(data, random, good)), side * side)


@cache
def good_lzw(side: int) -> list[bytes]:
    """Streams in both bit orders, with and without an end; and codes that no encoder writes."""
    random = Random(SEED + side)  # noqa: S311 - no secret
    found: list[bytes] = []
    for _ in range(COPIES if side < LARGE else FEW):
        for length in (side * side, side * side, side * side + side, side * (side - 5)):
            raw = pixels(random, max(length, 1))
            found += [bytes(imagecodecs.lzw_encode(raw)), encode_old(raw), encode_endless(raw)]
            found.append(highest_first([*codes_of(raw, early=1), (65, 9)]))
        found += [hostile_codes(random, side * side // random.choice([1, 2, 9])) for _ in range(9)]
    return found


def pixels(random: Random, length: int) -> bytes:
    """Bytes of some kind: flat, rows that repeat, noise of few or many values."""
    kind = random.randrange(4)
    if kind == 0:
        return bytes([random.randrange(256)]) * length
    if kind == 1:
        row = random.randbytes(random.randrange(1, 40))
        return (row * (length // len(row) + 1))[:length]
    return bytes(random.choices(range(3 if kind == 2 else 256), k=length))


def hostile_codes(random: Random, number: int) -> bytes:
    """Codes of the right widths, whatever they mean: tables may overflow, codes be unknown."""
    early = random.randrange(2)
    clears, unknown = random.choice([0, 0, 0.002, 0.05]), random.choice([0, 0, 0, 0.002])
    literals, values = random.choice([0.05, 0.5, 0.95]), random.choice([1, 4, 256])
    codes: list[Code] = [(CLEAR, 9)] if random.random() < 0.95 else []
    free, width, is_first = FIRST_FREE, 9, True
    for _ in range(number):
        draw = random.random()
        if draw < clears:
            codes.append((CLEAR, width))
            free, width, is_first = FIRST_FREE, 9, True
            continue
        if draw > 1 - unknown:
            code = random.randrange(1 << width)
        elif is_first or random.random() < literals:
            code = random.randrange(values)
        else:  # the newest entry may be one that is not there yet
            code = min(random.randrange(FIRST_FREE, free + 1), (1 << width) - 1)
        codes.append((code, width))
        free += not is_first
        is_first = False
        width = min(max((free + early).bit_length(), 9), MOST_BITS)
    if random.random() < 0.7:
        codes.append((END, width))
    return (highest_first if early else lowest_first)(codes)


def broken(data: bytearray, random: Random, donors: list[bytes]) -> bytearray:
    """Change bits and bytes, cut, insert, repeat, and put a piece of another stream into it."""
    for _ in range(random.choice([0, 0, 0, 1, 1, 1, 2, 8])):
        near = random.random() < 0.2
        at = random.randrange(min(len(data), 6) + 1 if near else len(data) + 1)
        start, stop, new = random.choice(CHANGES)(random, data, at, donors)
        data[start:stop] = new
    return data


def _flip(random: Random, data: bytearray, at: int, _: object) -> Change:
    return at, at + 1, bytes(value ^ (1 << random.randrange(8)) for value in data[at : at + 1])


def _set(random: Random, data: bytearray, at: int, _: object) -> Change:
    value = random.choice([0, 1, 128, 255, random.randrange(256)])
    return at, at + 1, bytes([value]) * len(data[at : at + 1])


def _remove(random: Random, _: object, at: int, __: object) -> Change:
    return at, at + random.choice([1, 2, 3, 30]), b""


def _cut(_: object, data: bytearray, at: int, __: object) -> Change:
    return at, len(data), b""


def _insert(random: Random, _: object, at: int, __: object) -> Change:
    return at, at, random.randbytes(random.randrange(1, 6))


def _repeat(random: Random, data: bytearray, at: int, _: object) -> Change:
    return at, at, bytes(data[at : at + random.randrange(1, 40)])


def _splice(random: Random, data: bytearray, at: int, donors: list[bytes]) -> Change:
    donor = random.choice(donors)
    return at, len(data), donor[random.randrange(len(donor) + 1) :]


def _flatten(random: Random, data: bytearray, at: int, _: object) -> Change:
    return at, at + 8, bytes([random.choice([0, 255])]) * len(data[at : at + 8])


CHANGES = (_flip, _set, _remove, _cut, _insert, _repeat, _splice, _flatten)
