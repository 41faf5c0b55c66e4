"""Means of 2 x 2 pixels, each as much as the others (gdal.overviews.average).

In few passes over many rows: each call of numpy gives the GIL away and takes it back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.buffer_pool import BUFFERS
from tinycog.pixels.overviews.counting import Bools, Plane

WIDE = {1: 2, 2: 4, 4: 8}
"""Bytes of a sample, and of a sum of samples."""

CACHED_BYTES = 1 << 20
"""Bytes of pixels that are added together, so that they stay in a processor's cache."""

Whole = NDArray[Any]


def _sums(pixels: NDArray[Any]) -> Iterator[tuple[slice, Whole]]:
    """Add each 2 x 2 integers of up to 32 bits.

    Args:
        pixels: (2 n, 2 m, samples).

    Yields:
        Some of n rows, and their sums, (rows, m, samples), twice as wide; may be overwritten.
    """
    wide = np.dtype(f"{pixels.dtype.kind}{WIDE[pixels.dtype.itemsize]}")
    rows, cols, samples = len(pixels) // 2, pixels.shape[1], pixels.shape[2]
    lines = pixels.reshape(2 * rows, -1)
    step = min(max(1, CACHED_BYTES // (2 * lines[0].nbytes)), rows)
    tall = _scratch((step, cols * samples), wide)
    added = _scratch((step, cols // 2, samples), wide)
    for top in range(0, rows, step):
        count = min(step, rows - top)
        upper, lower = lines[2 * top :: 2][:count], lines[2 * top + 1 :: 2][:count]
        pairs = np.add(upper, lower, out=tall[:count], dtype=wide)
        for i in range(samples):
            left, right = pairs[:, i :: 2 * samples], pairs[:, samples + i :: 2 * samples]
            np.add(left, right, out=added[:count, :, i])
        yield slice(top, top + count), added[:count]


def _scratch(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Whole:
    """Return an array whose memory is reused once it is gone; its contents are undefined."""
    return np.frombuffer(BUFFERS.lend(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)


def integer_means(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the means of each 2 x 2 integers of up to 32 bits, halves away from zero.

    Args:
        pixels: (2 n, 2 m, samples).

    Returns:
        (n, m, samples).
    """
    rows, cols, samples = pixels.shape
    out = np.empty((rows // 2, cols // 2, samples), pixels.dtype)
    for block, total in _sums(pixels):
        two = total.dtype.type(2)
        if total.dtype.kind == "i":
            np.add(total, total >> total.dtype.type(8 * total.itemsize - 1), out=total)
        np.add(total, two, out=total)
        np.right_shift(total, two, out=out[block], casting="unsafe")
    return out


def some_means(plane: Plane, counts: Bools) -> tuple[Plane, Bools]:
    """Return the means of those of each 2 x 2 integers of up to 32 bits that count.

    Args:
        plane: (2 n, 2 m).
        counts: of the same shape, which of them count.

    Returns:
        (n, m), and where any counted; what stands elsewhere is undefined.
    """
    number = _numbers(counts)
    real = np.float32 if plane.dtype.itemsize < 4 else np.float64  # noqa: PLR2004 - bytes
    parts = np.maximum(number, 1).astype(real)
    out = np.empty(number.shape, plane.dtype)
    for block, total in _sums((plane * counts)[:, :, None]):
        mean = total[:, :, 0].astype(real)
        mean /= parts[block]
        out[block] = rounded(mean, plane.dtype)
    return out, number != 0


def _numbers(counts: Bools) -> NDArray[np.uint16]:
    """Return how many of each 2 x 2 count: (2 n, 2 m) to (n, m)."""
    pairs = counts.view(np.uint8)
    words = np.add(pairs[0::2], pairs[1::2], order="C").view(np.uint16)
    return (words & np.uint16(0xFF)) + (words >> np.uint16(8))


def any_counts(counts: Bools) -> Bools:
    """Return where any of each 2 x 2 counts: (2 n, 2 m) to (n, m)."""
    return np.logical_or(counts[0::2], counts[1::2], order="C").view(np.uint16) != 0


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
    out = np.empty((len(plane) // 2, plane.shape[1] // 2), plane.dtype)
    for block, pixels in _blocks(plane):
        upper, lower = _scratch((2, len(pixels) // 2, pixels.shape[1]), plane.dtype)
        np.multiply(pixels[0::2], quarter, out=upper)
        np.multiply(pixels[1::2], quarter, out=lower)
        upper += lower
        np.add(upper[:, 0::2], upper[:, 1::2], out=out[block])
    return out


def some_float_means(plane: Plane, counts: Bools | None) -> tuple[Plane, Bools | None]:
    """Return the means of those of each 2 x 2 floats that count, added in double precision.

    As GDAL does with a mask: columns first. Arguments and result are those of `some_means`.
    """
    # a quarter of each, so that no sum of finite samples is infinite
    quarter = np.float64(0.25)
    number = None if counts is None else _numbers(counts)
    out = np.empty((len(plane) // 2, plane.shape[1] // 2), plane.dtype)
    for block, found in _blocks(plane):
        pixels = found
        if counts is not None:
            pixels = _counted(found, counts[2 * block.start : 2 * block.stop])
        lines = pixels[:, 0::2] * quarter
        lines += pixels[:, 1::2] * quarter
        total = lines[0::2] + lines[1::2]
        if number is not None:
            total /= np.maximum(number[block], 1) * quarter
        out[block] = total
    return out, None if number is None else number != 0


def _blocks(plane: Plane) -> Iterator[tuple[slice, Plane]]:
    """Give the rows of a plane by pairs, as many as stay in a processor's cache, and which."""
    rows = len(plane) // 2
    step = max(1, CACHED_BYTES // (2 * plane.shape[1] * plane.itemsize))
    for top in range(0, rows, step):
        stop = min(top + step, rows)
        yield slice(top, stop), plane[2 * top : 2 * stop]


def _counted(plane: Plane, counts: Bools) -> Plane:
    """Return floats, 0 where they do not count, whatever they are: bit by bit."""
    words = np.dtype(f"i{plane.itemsize}")
    ones = np.negative(counts.view(np.int8)).astype(words)
    ones &= plane.view(words)
    return ones.view(plane.dtype)
