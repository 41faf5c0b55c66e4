"""Resample one band along both axes: means, convolutions, extremes, most frequent values.

Each method returns the mask of its result, and a function that computes one band: so only some
lines of one band are in float64 at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.methods import KERNELS, QUANTILES, SIGNED
from tinycog.pixels.resample.axis import Axis, Bools, Float, Index
from tinycog.pixels.resample.rounding import is_small, rounded, settled

MIN_SIGNED_WEIGHT = 0.1
"""Least sum of weights of valid pixels for kernels with negative weights.

The quotient of two sums near 0 is not a mean of anything.
"""

BLOCK = 1 << 22
"""Pixels that are in float64 at a time."""

Worker = Callable[[NDArray[Any]], NDArray[Any]]


def worker(
    dtype: np.dtype[Any], mask: Bools | None, down: Axis, across: Axis, method: str
) -> tuple[Worker, Bools]:
    """Return the function that resamples one band, and the mask (rows, cols) of its result."""
    if method == "mode":
        return _mode(mask, down, across)
    if method in QUANTILES:
        return _quantile(mask, down, across, QUANTILES[method])
    if method in ("min", "max"):
        return _extreme(dtype, mask, down, across, method)
    if method in KERNELS:
        return _convolution(dtype, mask, down, across, signed=method in SIGNED)
    if method == "rms":
        return _rms(dtype, mask, down, across)
    return _area(dtype, mask, down, across, divides=method != "sum")


def _rms(
    dtype: np.dtype[Any], mask: Bools | None, down: Axis, across: Axis
) -> tuple[Worker, Bools]:
    """Take the root of the average of squares."""
    squares, valid = _area(np.dtype(np.float64), mask, down, across)

    def band_rms(band: NDArray[Any]) -> NDArray[Any]:
        return settled(np.sqrt(squares(np.square(band, dtype=np.float64))), dtype)

    return band_rms, valid


def _area(
    dtype: np.dtype[Any], mask: Bools | None, down: Axis, across: Axis, *, divides: bool = True
) -> tuple[Worker, Bools]:
    """Average by area: sum over both axes, divided by the weights of valid pixels, or not."""

    def both(plane: NDArray[Any]) -> NDArray[Any]:
        return _along(_along(plane, across), down)

    if mask is None:
        whole = down.total[:, None] * across.total
        valid = down.some[:, None] & across.some
        whole = whole if divides else np.ones_like(whole)
        return lambda band: settled(both(band) / whole, dtype), valid
    whole = both(mask)
    valid = whole > 0
    divisor = np.where(valid, whole, 1) if divides else np.ones_like(whole)
    return lambda band: settled(both(np.where(mask, band, 0)) / divisor, dtype), valid


def _convolution(
    dtype: np.dtype[Any], mask: Bools | None, down: Axis, across: Axis, *, signed: bool
) -> tuple[Worker, Bools]:
    """Convolve axis by axis, bilinear or cubic (`signed`: some weights are negative)."""

    def cast(values: NDArray[Any]) -> NDArray[Any]:
        return rounded(values.astype(np.float32) if is_small(dtype) else values, dtype)

    if mask is None:
        valid = down.some[:, None] & across.some
        return lambda band: cast(_along(_along(band, across), down)), valid

    weight, fit = _weights(mask, across, signed=signed)
    weight_down, valid = _weights(fit, down, signed=signed)

    def band_convolution(band: NDArray[Any]) -> NDArray[Any]:
        lines = np.where(fit, _along(np.where(mask, band, 0), across) / weight, 0)
        return cast(np.where(valid, _along(lines, down) / weight_down, 0))

    return band_convolution, valid


def _weights(mask: Bools, axis: Axis, *, signed: bool) -> tuple[Float, Bools]:
    """Return weights of valid pixels along an axis, and where they suffice."""
    weight = _along(mask, axis)
    fit = weight > (MIN_SIGNED_WEIGHT if signed else 0)
    if signed:
        for part in _parts(mask):
            fit[:, part] &= axis.has_half(mask[part].T)
    return np.where(fit, weight, 1), fit


def _along(plane: NDArray[Any], axis: Axis) -> NDArray[Any]:
    """Compute weighted sums along the last axis, which becomes the first: (m, source) to (n, m).

    Some lines at a time: in float64 all of them would take many times the memory of the plane.
    """
    work = np.complex128 if plane.dtype.kind == "c" else np.float64
    out = np.empty((len(axis.start), len(plane)), work)
    for part in _parts(plane):
        out[:, part] = axis.sums(np.ascontiguousarray(plane[part].T, work))
    return out


def _parts(plane: NDArray[Any]) -> Iterator[slice]:
    """Return slices of about `BLOCK` pixels."""
    step = max(BLOCK // max(plane.shape[1], 1), 1)
    return (slice(at, at + step) for at in range(0, len(plane), step))


def _extreme(
    dtype: np.dtype[Any], mask: Bools | None, down: Axis, across: Axis, method: str
) -> tuple[Worker, Bools]:
    """Take minima or maxima."""
    function = np.minimum if method == "min" else np.maximum
    # masked pixels hold the value that loses against every other
    if dtype.kind == "f":
        worst = np.inf if method == "min" else -np.inf
    else:
        worst = np.iinfo(dtype).max if method == "min" else np.iinfo(dtype).min

    def both(lines: NDArray[Any], by: np.ufunc) -> NDArray[Any]:
        return down.fold(np.ascontiguousarray(across.fold(lines.T, by).T), by)

    def band_extreme(band: NDArray[Any]) -> NDArray[Any]:
        return both(band if mask is None else np.where(mask, band, dtype.type(worst)), function)

    if mask is None:
        return band_extreme, down.some[:, None] & across.some
    return band_extreme, both(mask, np.logical_or)


def _quantile(mask: Bools | None, down: Axis, across: Axis, share: float) -> tuple[Worker, Bools]:
    """Take the value that a share of the pixels touched is not above, as GDAL counts them."""
    most = across.weight.shape[1]
    reached: Index = across.start[:, None] + np.arange(most, dtype=np.intp)
    no_col: Bools = reached >= across.stop[:, None]
    cols = np.where(no_col, 0, reached)
    counts = np.zeros((len(down.start), len(across.start)), np.intp)
    for i in np.flatnonzero(down.some):
        rows = slice(down.start[i], down.stop[i])
        every = np.ones((down.stop[i] - down.start[i], 1), np.bool_) & ~no_col.reshape(1, -1)
        valid = every.reshape(-1, *no_col.shape) if mask is None else mask[rows][:, cols] & ~no_col
        counts[i] = valid.sum(axis=(0, 2))

    def band_quantile(band: NDArray[Any]) -> NDArray[Any]:
        last: Any = np.inf if band.dtype.kind == "f" else np.iinfo(band.dtype).max
        out = np.zeros(counts.shape, band.dtype)
        for i in np.flatnonzero(down.some):
            rows = slice(down.start[i], down.stop[i])
            values = band[rows][:, cols]
            counted = ~no_col if mask is None else mask[rows][:, cols] & ~no_col
            values = np.where(counted, values, band.dtype.type(last))
            ordered = np.sort(values.transpose(1, 0, 2).reshape(len(cols), -1), axis=1)
            at = np.maximum(np.ceil(share * counts[i] - 1).astype(np.intp), 0)
            out[i] = ordered[np.arange(len(cols)), np.minimum(at, ordered.shape[1] - 1)]
        return out

    return band_quantile, counts > 0


def _mode(mask: Bools | None, down: Axis, across: Axis) -> tuple[Worker, Bools]:
    """Take most frequent values; see `resample` for ties."""
    most = across.weight.shape[1]
    reached: Index = across.start[:, None] + np.arange(most, dtype=np.intp)
    no_col: Bools = reached >= across.stop[:, None]
    cols = np.where(no_col, 0, reached)
    valid = np.zeros((len(down.start), len(across.start)), np.bool_)
    if mask is None:
        valid[...] = down.some[:, None] & across.some
    else:
        for i in np.flatnonzero(down.some):
            valid[i] = (mask[down.start[i] : down.stop[i], cols] & ~no_col).any(axis=(0, 2))

    def band_mode(band: NDArray[Any]) -> NDArray[Any]:
        values, codes = _codes(band)
        if mask is not None:
            codes = np.where(mask, codes, len(values))
        out = np.zeros(valid.shape, band.dtype)
        for i in np.flatnonzero(valid.any(axis=1)):
            rows = codes[down.start[i] : down.stop[i]].astype(np.intp)
            near = np.where(no_col, len(values), rows[:, cols])
            winner = _winner(near.transpose(1, 0, 2).reshape(len(cols), -1), len(values))
            out[i] = values[np.where(valid[i], winner, 0)]
        return out

    return band_mode, valid


def _codes(band: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.integer[Any]]]:
    """Return the distinct values, and the index of each pixel's value among them."""
    if is_small(band.dtype):
        least = int(np.iinfo(band.dtype).min)
        values = np.arange(least, int(np.iinfo(band.dtype).max) + 1).astype(band.dtype)
        return values, np.subtract(band, least, dtype=np.int32)
    values, codes = np.unique(band, return_inverse=True)
    return values, codes.reshape(band.shape)


def _winner(codes: Index, none: int) -> Index:
    """Return the most frequent of (n, k) codes, (n,); the code `none` does not count."""
    k = codes.shape[1]
    step = np.arange(k, dtype=np.intp)
    keys: Index = codes * k + step
    keys.sort(axis=1)
    ordered: Index = keys // k
    place: Index = keys % k
    begins = np.zeros_like(keys)
    begins[:, 1:] = np.where(ordered[:, 1:] != ordered[:, :-1], step[1:], 0)
    # occurrences of the value up to this place, row by row; the first to reach the most wins
    seen: Index = step - np.maximum.accumulate(begins, axis=1) + 1
    best = np.where(ordered == none, -1, seen * k - place).argmax(axis=1)
    return ordered[np.arange(len(codes)), best]
