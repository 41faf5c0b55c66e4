"""LZW as writers do it, for tests: the new bit order and the old one, with or without an end code.

Old style: codes with their lowest bit first, and no early change of width.
"""

from __future__ import annotations

CLEAR, END = 256, 257
MOST = 4093
"""The table is cleared before it has this many entries: codes stay within twelve bits."""

Code = tuple[int, int]
"""Value and width in bits."""


def encode_old(data: bytes) -> bytes:
    """Encode in the old bit order."""
    return lowest_first(codes_of(data, early=0))


def encode_endless(data: bytes) -> bytes:
    """Encode in the new bit order, without the code that ends the stream."""
    return highest_first(codes_of(data, early=1)[:-1])


def codes_of(data: bytes, early: int) -> list[Code]:
    """Codes and their widths; `early` is by how many entries a width changes before it must."""
    table = {bytes([i]): i for i in range(256)}
    codes, width, seen = [(CLEAR, 9)], 9, b""
    for value in data:
        longer = seen + bytes([value])
        if longer in table:
            seen = longer
            continue
        codes.append((table[seen], width))
        seen = bytes([value])
        if len(table) + 2 >= MOST:
            codes.append((CLEAR, width))
            table = {bytes([i]): i for i in range(256)}
            width = 9
        else:
            table[longer] = len(table) + 2
            width = (len(table) + 1 + early).bit_length()
    if seen:
        codes.append((table[seen], width))
    return [*codes, (END, (len(table) + 2 + early).bit_length())]


def lowest_first(codes: list[Code]) -> bytes:
    digits = "".join(f"{code:0{width}b}" for code, width in reversed(codes))
    return int(digits, 2).to_bytes(-(-len(digits) // 8), "little")


def highest_first(codes: list[Code]) -> bytes:
    digits = "".join(f"{code:0{width}b}" for code, width in codes)
    digits += "0" * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")
