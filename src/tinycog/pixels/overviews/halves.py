"""Means of 2 x 2 pixels, each as much as the others (gdal.overviews.average).

Samples of up to 32 bits are added in pairs, side by side in words of twice their width: a word is
shifted and masked, and nothing is gathered.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.overviews.counting import Bools, Plane

WIDE = {1: 2, 2: 4, 4: 8}
"""Bytes of a sample, and of the word in which two lie side by side."""

Whole = NDArray[Any]


def sums(plane: Plane) -> Whole:
    """Add each 2 x 2 integers of up to 32 bits: (2 n, 2 m) to (n, m), twice as wide."""
    wide = np.dtype(f"{plane.dtype.kind}{WIDE[plane.dtype.itemsize]}")
    words = np.ascontiguousarray(plane).view(wide)
    bits = wide.type(4 * wide.itemsize)
    upper, lower = words[0::2], words[1::2]
    out = upper >> bits
    part = np.empty_like(out)
    for row, is_right in ((lower, False), (upper, True), (lower, True)):
        if not is_right:
            np.right_shift(row, bits, out=part)
        elif wide.kind == "u":
            np.bitwise_and(row, wide.type((1 << int(bits)) - 1), out=part)
        else:
            np.right_shift(np.left_shift(row, bits, out=part), bits, out=part)
        out += part
    return out


def integer_means(plane: Plane) -> Plane:
    """Return the means of each 2 x 2 integers of up to 32 bits, halves away from zero."""
    total = sums(plane)
    if total.dtype.kind == "i":
        total += total >> total.dtype.type(8 * total.itemsize - 1)
    total += total.dtype.type(2)
    total >>= total.dtype.type(2)
    return total.astype(plane.dtype)


def some_means(plane: Plane, counts: Bools) -> tuple[Plane, Bools]:
    """Return the means of those of each 2 x 2 integers of up to 32 bits that count.

    Args:
        plane: (2 n, 2 m).
        counts: of the same shape, which of them count.

    Returns:
        (n, m), and where any counted; what stands elsewhere is undefined.
    """
    number = sums(counts.view(np.uint8))
    real = np.float32 if plane.dtype.itemsize < 4 else np.float64  # noqa: PLR2004 - bytes
    total = sums(np.where(counts, plane, plane.dtype.type(0))).astype(real)
    some = number != 0
    total /= np.maximum(number, 1, out=number).astype(real)
    return rounded(total, plane.dtype), some


def rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> Plane:
    """Round means to integers in place, halves away from zero, and convert them."""
    half = values.dtype.type(0.5)
    values += half if dtype.kind == "u" else np.copysign(half, values)
    return values.astype(dtype)


def float_means(plane: Plane) -> Plane:
    """Return the means of each 2 x 2 floats in their own precision, as GDAL does without a mask.

    A quarter of each is added, rows first, so that no sum is infinite.
    """
    quarter = plane.dtype.type(0.25)
    lines = plane[0::2] * quarter
    lines += plane[1::2] * quarter
    return lines[:, 0::2] + lines[:, 1::2]


def some_float_means(plane: Plane, counts: Bools | None) -> tuple[Plane, Bools | None]:
    """Return the means of those of each 2 x 2 floats that count, added in double precision.

    As GDAL does with a mask: columns first. Arguments and result are those of `some_means`.
    """
    if counts is None:
        left, right = plane[:, 0::2], plane[:, 1::2]
    else:
        left, right = (
            np.where(counts[:, col::2], plane[:, col::2], plane.dtype.type(0)) for col in (0, 1)
        )
    # a quarter of each, so that no sum of finite samples is infinite
    lines = left * np.float64(0.25)
    lines += right * np.float64(0.25)
    total = lines[0::2] + lines[1::2]
    if counts is None:
        return total.astype(plane.dtype), None
    number = sums(counts.view(np.uint8))
    some = number != 0
    total /= np.maximum(number, 1, out=number) * np.float64(0.25)
    return total.astype(plane.dtype), some
