"""Means, and roots of means of squares, of pixels weighted by the part that is covered.

Integers are exact: sums are added in double precision where that is exact, and else corrected by
what whole numbers of 64 bits leave over (gdal.overviews.exact).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.overviews.counting import Bools, Plane

EXACT = 1 << 52
"""Sums of up to this many halves are exact in double precision, and so is how they are rounded."""

EXACT_SINGLE = 1 << 24
"""Whole numbers below it are exact in single precision."""

Floats = NDArray[np.float64]


CACHED_BYTES = 1 << 18
"""Bytes of samples that are added together, so that they stay in a processor's cache."""


def tap_sums(plane: NDArray[Any], down: NDArray[Any], across: NDArray[Any]) -> NDArray[Any]:
    """Add samples by weights: rows first, then columns, in the order in which they lie.

    Args:
        plane: (2 n + taps - 2, 2 m + taps - 2).
        down: (taps, n), weights of rows.
        across: (taps, m), weights of columns; of the dtype of the result, `down` of that in which
            rows are added.

    Returns:
        (n, m).
    """
    rows, cols = down.shape[1], across.shape[1]
    out = np.empty((rows, cols), across.dtype)
    step = max(1, CACHED_BYTES // (2 * plane.shape[1] * down.itemsize))
    for top in range(0, rows, step):
        weights = down[:, top : top + step, None]
        count = weights.shape[1]
        block = plane[2 * top : 2 * (top + count) + len(down) - 2].astype(down.dtype, copy=False)
        lines = np.zeros((count, plane.shape[1]), down.dtype)
        for tap, each in enumerate(weights):
            _add(lines, block[tap : tap + 2 * count - 1 : 2], each)
        lines = lines.astype(out.dtype, copy=False)
        sums = out[top : top + step]
        sums[...] = 0
        for tap, each in enumerate(across[:, None]):
            _add(sums, lines[:, tap : tap + 2 * cols - 1 : 2], each)
    return out


def _add(out: NDArray[Any], samples: NDArray[Any], weights: NDArray[Any]) -> None:
    """Add weighted samples; what weighs nothing may be anything."""
    if (weights == 1).all():
        out += samples
        return
    weighted = samples * weights
    if not weights.all():
        np.copyto(weighted, 0, where=weights == 0)
    out += weighted


def integer_means(
    plane: Plane,
    amount: NDArray[np.int64] | Bools | None,
    down: NDArray[np.int64],
    across: NDArray[np.int64],
) -> tuple[Plane, Bools | None]:
    """Return weighted means of integers, exactly rounded, halves away from zero.

    Args:
        plane: as in `tap_sums`.
        amount: of the same shape, by how much each sample counts besides (0: not); None: by 1.
        down: as in `tap_sums`, whole numbers; of each pixel they add up to the same.
        across: likewise.

    Returns:
        (n, m), and where anything counted; what stands elsewhere is undefined.
    """
    info = np.iinfo(plane.dtype)
    is_short = amount is None and max(-info.min, info.max) * int(down[:, 0].sum()) < EXACT_SINGLE
    rows = down.astype(np.float32 if is_short else np.float64)
    real = rows, across.astype(np.float64)
    if amount is None:
        some = None
        parts = np.asarray(down[:, 0].sum() * across[:, 0].sum())  # of others, too
        total = tap_sums(plane, *real)
    else:
        parts = tap_sums(amount, down, across)
        some = parts != 0
        parts = np.where(some, parts, 1)
        total = tap_sums(plane * amount.astype(np.float64), *real)
    means = total / parts
    if max(-info.min, info.max) * int(parts.max(initial=1)) < EXACT:
        half = 0.5 if plane.dtype.kind == "u" else np.copysign(0.5, means)
        return (means + half).astype(plane.dtype), some
    return _corrected(plane, amount, down, across, means, parts), some


def _corrected(
    plane: Plane,
    amount: NDArray[np.int64] | Bools | None,
    down: NDArray[np.int64],
    across: NDArray[np.int64],
    means: Floats,
    parts: NDArray[np.int64],
) -> Plane:
    """Round means that double precision has only nearly.

    What a guess leaves over is small, so that it is right modulo 2 ** 64 though the sums are not.
    """
    word = np.dtype(np.uint64)
    samples = plane.astype(np.int64 if plane.dtype.kind == "i" else word).view(word)
    if amount is not None:
        samples = samples * amount.astype(word)
    total = tap_sums(samples, down.astype(word), across.astype(word))
    guess = _whole(means, plane.dtype)
    left = (total - guess * parts.astype(word)).view(np.int64)
    more = left // parts
    left -= more * parts
    guess += more.view(word)
    over = left - (parts - left)
    ups = over >= 0
    if plane.dtype.kind == "i":
        ups = np.where(guess.view(np.int64) < 0, over > 0, ups)
        return (guess + ups.astype(word)).view(np.int64).astype(plane.dtype)
    return (guess + ups.astype(word)).astype(plane.dtype)


def _whole(means: Floats, dtype: np.dtype[Any]) -> NDArray[np.uint64]:
    """Return means rounded down, of integers as of 64 bits modulo 2 ** 64."""
    info = np.iinfo(np.int64 if dtype.kind == "i" else np.uint64)
    low, high = float(info.min), np.nextafter(float(info.max), 0.0)
    return np.clip(np.floor(means), low, high).astype(info.dtype).view(np.uint64)


def float_means(
    plane: Plane, amount: NDArray[Any] | None, down: Floats, across: Floats
) -> tuple[Plane, Bools | None]:
    """Return weighted means of floats, in double precision.

    Arguments and result are those of `integer_means` but that weights are whole numbers in units
    of a power of 2, below 1: so their sums are exact, and no sum of finite samples is infinite.
    """
    samples = plane.astype(np.float64)
    if amount is None:
        parts = down.sum(axis=0)[:, None] * across.sum(axis=0)
        return (tap_sums(samples, down, across) / parts).astype(plane.dtype), None
    share = amount.astype(np.float64)
    parts = tap_sums(share, down, across)
    some = parts != 0
    samples = np.where(share != 0, samples * share, 0)
    total = tap_sums(samples, down, across) / np.where(some, parts, 1)
    return total.astype(plane.dtype), some


def in_units(shares: NDArray[np.int64], total: int) -> NDArray[Any]:
    """Return whole numbers that add up to `total` in units of a power of 2, as `float_means`."""
    return shares * 2.0 ** -total.bit_length()


def root_means(
    plane: Plane, counts: Bools | None, down: Floats, across: Floats
) -> tuple[Plane, Bools | None]:
    """Return roots of weighted means of squares, in double precision; integers are rounded.

    Arguments and result are those of `float_means`.
    """
    size = np.abs(plane.astype(np.float64))
    if counts is not None:
        size = np.where(counts, size, 0)
    mean, some = float_means(np.square(size), counts, down, across)
    roots = np.sqrt(mean)
    for unit, is_lost in ((2.0**520, mean == np.inf), (2.0**-520, mean < 2.0**-900)):
        # squares beyond the range of double precision, in units of another power of 2
        if is_lost.any():
            mean, _ = float_means(np.square(size / unit), counts, down, across)
            np.copyto(roots, np.sqrt(mean) * unit, where=is_lost)
    if plane.dtype.kind in "iu":
        return _clipped(np.floor(roots + 0.5), plane.dtype), some
    return roots.astype(plane.dtype), some


def kernel_means(
    plane: Plane, counts: Bools | None, down: Floats, across: Floats
) -> tuple[Plane, Bools | None]:
    """Return means weighted by a kernel, in double precision; integers are rounded and clipped.

    Arguments are those of `float_means`.

    Returns:
        (n, m), and where the weights of what counts add up to a tenth at least: where negative
        ones cancel the others out, a quotient is not a mean of anything.
    """
    samples = plane.astype(np.float64)
    some = None
    if counts is None:
        total = tap_sums(samples, down, across)
    else:
        parts = tap_sums(counts.astype(np.float64), down, across)
        # a kernel's weights add up to 1 but for rounding, which must not depend on other pixels
        parts = np.where(np.abs(parts - 1) < ROUNDING, 1, parts)
        some = parts >= LEAST
        total = tap_sums(np.where(counts, samples, 0), down, across) / np.where(some, parts, 1)
    if plane.dtype.kind in "iu":
        half = 0.5 if plane.dtype.kind == "u" else np.copysign(0.5, total)
        return _clipped(np.trunc(total + half), plane.dtype), some
    limits = np.finfo(plane.dtype)
    finite = np.isfinite(total)
    np.clip(total, float(limits.min), float(limits.max), out=total, where=finite)
    return total.astype(plane.dtype), some


LEAST = 0.1
"""Least sum of a kernel's weights of samples that count."""


ROUNDING = 1e-9
"""Difference from 1 that is a rounding error."""


def _clipped(whole: Floats, dtype: np.dtype[Any]) -> Plane:
    info = np.iinfo(dtype)
    high, low = whole >= float(info.max), whole <= float(info.min)
    out = np.where(high | low, 0, whole).astype(dtype)
    out[high], out[low] = info.max, info.min
    return out
