"""Means of 2 x 2 pixels, each as much as the others (gdal.overviews.average).

Samples of up to 32 bits are added in words of twice their width, those at even places apart from
those at odd ones: a word is shifted and masked, and what is gathered are sums of two rows.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.overviews.counting import Bools, Plane

WIDE = {1: 2, 2: 4, 4: 8}
"""Bytes of a sample, and of the word in which two lie side by side."""

CACHED_BYTES = 1 << 16
"""Bytes of words that are added together, so that they stay in a processor's cache."""

Whole = NDArray[Any]


def sums(pixels: NDArray[Any]) -> Whole:
    """Add each 2 x 2 integers of up to 32 bits.

    Args:
        pixels: (2 n, 2 m, samples).

    Returns:
        (n, m, samples), twice as wide.
    """
    rows, cols, samples = pixels.shape
    wide = np.dtype(f"{pixels.dtype.kind}{WIDE[pixels.dtype.itemsize]}")
    words = np.ascontiguousarray(pixels).reshape(rows, -1).view(wide)
    out = np.empty((rows // 2, cols // 2, samples), wide)
    step = max(1, CACHED_BYTES // words[0].nbytes)
    even, odd, part = np.empty((3, min(step, len(out)), words.shape[1]), wide)
    for top in range(0, len(out), step):
        sums_of_rows = out[top : top + step]
        count = len(sums_of_rows)
        upper, lower = words[2 * top :: 2][:count], words[2 * top + 1 :: 2][:count]
        lanes: list[Whole] = []
        for half, is_odd in ((even[:count], False), (odd[:count], True)):
            total = _half(upper, half, is_odd=is_odd)
            total += _half(lower, part[:count], is_odd=is_odd)
            lanes.append(total.reshape(count, -1, samples))
        for i in range(samples):  # of two pixels, as words have them
            left, right = i, samples + i
            first: Whole = lanes[left % 2]
            second: Whole = lanes[int(right) % 2]
            np.add(first[..., left // 2], second[..., right // 2], out=sums_of_rows[..., i])
    return out


def _half(words: Whole, out: Whole, *, is_odd: bool) -> Whole:
    """Put the samples at even or at odd places of words into words of their own."""
    bits = words.dtype.type(4 * words.itemsize)
    if is_odd == (sys.byteorder == "little"):
        return np.right_shift(words, bits, out=out)
    if words.dtype.kind == "u":
        return np.bitwise_and(words, words.dtype.type((1 << int(bits)) - 1), out=out)
    return np.right_shift(np.left_shift(words, bits, out=out), bits, out=out)


def integer_means(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the means of each 2 x 2 integers of up to 32 bits, halves away from zero."""
    total = sums(pixels)
    if total.dtype.kind == "i":
        total += total >> total.dtype.type(8 * total.itemsize - 1)
    total += total.dtype.type(2)
    total >>= total.dtype.type(2)
    return total.astype(pixels.dtype)


def some_means(plane: Plane, counts: Bools) -> tuple[Plane, Bools]:
    """Return the means of those of each 2 x 2 integers of up to 32 bits that count.

    Args:
        plane: (2 n, 2 m).
        counts: of the same shape, which of them count.

    Returns:
        (n, m), and where any counted; what stands elsewhere is undefined.
    """
    number = plane_sums(counts.view(np.uint8))
    real = np.float32 if plane.dtype.itemsize < 4 else np.float64  # noqa: PLR2004 - bytes
    total = plane_sums(plane * counts).astype(real)
    some = number != 0
    total /= np.maximum(number, 1, out=number).astype(real)
    return rounded(total, plane.dtype), some


def plane_sums(plane: Plane) -> Whole:
    """Add each 2 x 2 integers of up to 32 bits: (2 n, 2 m) to (n, m), twice as wide."""
    return sums(plane[:, :, None])[:, :, 0]


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
    number = plane_sums(counts.view(np.uint8))
    some = number != 0
    total /= np.maximum(number, 1, out=number) * np.float64(0.25)
    return total.astype(plane.dtype), some
