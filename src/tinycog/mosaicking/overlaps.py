"""Which file's samples are taken where several have some (cog.mosaic.method). No I/O.

Files come in a fixed order, so that the result does not depend on which of them arrives first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import MosaicMethod
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.mask import Mask
from tinycog.pixels.resample.rounding import settled

METHODS: tuple[str, ...] = get_args(MosaicMethod)

DECIDING = frozenset({"first", "last"})
"""Methods that need no further file where a sample is valid."""

PICKING = frozenset({*DECIDING, "highest", "lowest", "max", "min", "mode"})
"""Methods whose results are samples of the files."""

COUNTED = np.dtype(np.uint32)
"""Dtype of "count"."""


def result_dtype(method: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of a result of samples of `dtype`."""
    if method == "count":
        return COUNTED
    if method == "stdev":
        return np.dtype(np.float64)
    return dtype


class Layer(NamedTuple):
    """Samples of one file.

    Attributes:
        rows, cols: where they lie in the result.
        data: (bands, rows, cols).
        valid: which of them count, (bands, rows, cols).
    """

    rows: slice
    cols: slice
    data: Pixels
    valid: Mask


def combine(method: str, layers: Sequence[Layer], out: Pixels, valid: Mask) -> None:
    """Write what several files say into `out`, (bands, rows, cols), and where there is any.

    Args:
        method: one of `METHODS`.
        layers: in the order of the files.
        out: the result; samples that no file has stay as they are.
        valid: (bands, rows, cols), True where a sample of `out` is valid already.
    """
    if method in DECIDING:
        _pick(layers, out, valid)
        return
    if method in ("max", "highest", "min", "lowest"):
        _extremes(layers, out, valid, largest=method in ("max", "highest"))
        return
    if not layers:
        return
    top, bottom = min(one.rows.start for one in layers), max(one.rows.stop for one in layers)
    left, right = min(one.cols.start for one in layers), max(one.cols.stop for one in layers)
    place = (slice(None), slice(top, bottom), slice(left, right))
    stack, counts = _stacked(layers, out[place].shape, (top, left))
    has_any = counts.any(axis=0)
    found = REDUCERS[method](stack, counts)
    np.copyto(out[place], _as_dtype(found, out.dtype), where=has_any)
    valid[place] |= has_any


def _pick(layers: Sequence[Layer], out: Pixels, valid: Mask) -> None:
    for rows, cols, data, there in layers:
        known = valid[:, rows, cols]
        new = there & ~known
        np.copyto(out[:, rows, cols], data, where=new)
        known |= new


def _extremes(layers: Sequence[Layer], out: Pixels, valid: Mask, *, largest: bool) -> None:
    for rows, cols, data, there in layers:
        known, so_far = valid[:, rows, cols], out[:, rows, cols]
        better = data > so_far if largest else data < so_far
        if data.dtype.kind == "f":  # a number is better than none
            better |= np.isnan(so_far) & ~np.isnan(data)
        np.copyto(so_far, data, where=there & (better | ~known))
        known |= there


def _stacked(
    layers: Sequence[Layer], shape: tuple[int, ...], origin: tuple[int, int]
) -> tuple[NDArray[Any], Mask]:
    """Return samples as (files, bands, rows, cols), and which of them count."""
    top, left = origin
    stack = np.zeros((len(layers), *shape), layers[0].data.dtype)
    counts = np.zeros(stack.shape, np.bool_)
    for k, (rows, cols, data, there) in enumerate(layers):
        place = (k, slice(None), _moved(rows, top), _moved(cols, left))
        stack[place], counts[place] = data, there
    return stack, counts


def _moved(part: slice, by: int) -> slice:
    return slice(part.start - by, part.stop - by)


def _mean(stack: NDArray[Any], counts: Mask) -> NDArray[Any]:
    """Return means of what counts, summed in the order of the files."""
    number = np.maximum(counts.sum(axis=0), 1)
    wide = np.complex128 if stack.dtype.kind == "c" else np.float64
    total = np.zeros(stack.shape[1:], wide)
    for layer, there in zip(stack, counts, strict=True):
        total += np.where(there, layer, 0)
    return total / number


def _stdev(stack: NDArray[Any], counts: Mask) -> NDArray[Any]:
    """Return standard deviations of the population: those of one sample are 0."""
    mean = _mean(stack, counts)
    squares = np.zeros(mean.shape)
    for layer, there in zip(stack, counts, strict=True):
        squares += np.where(there, np.abs(layer - mean) ** 2, 0)
    return np.sqrt(squares / np.maximum(counts.sum(axis=0), 1))


def _median(stack: NDArray[Any], counts: Mask) -> NDArray[Any]:
    """Return medians; of an even number of samples the mean of the two in the middle."""
    if stack.dtype.kind == "f":
        counts = counts & ~np.isnan(stack)
    order = np.argsort(~counts, axis=0, kind="stable")
    by_count = np.take_along_axis(stack, order, axis=0)
    number = counts.sum(axis=0)
    nothing = np.nan if stack.dtype.kind == "f" else 0.0
    found = np.full(stack.shape[1:], nothing)
    for n in np.unique(number[number > 0]).tolist():
        where = number == n
        values = np.sort(by_count[:n, where], axis=0)
        low, high = values[(n - 1) // 2].astype(np.float64), values[n // 2].astype(np.float64)
        found[where] = low + (high - low) / 2
    return found


def _mode(stack: NDArray[Any], counts: Mask) -> NDArray[Any]:
    """Return the most frequent sample; among equals that of the file that comes first."""
    best = np.zeros(stack.shape[1:], stack.dtype)
    most = np.zeros(stack.shape[1:], np.int64)
    for layer, there in zip(stack, counts, strict=True):
        same = ((stack == layer) & counts).sum(axis=0)
        better = there & (same > most)
        np.copyto(best, layer, where=better)
        np.copyto(most, same, where=better)
    return best


def _count(stack: NDArray[Any], counts: Mask) -> NDArray[Any]:
    """Return how many files have a valid sample."""
    del stack
    return counts.sum(axis=0)


REDUCERS = {"mean": _mean, "stdev": _stdev, "median": _median, "mode": _mode, "count": _count}
"""Functions of (files, bands, rows, cols) and which of them count, by method."""


def _as_dtype(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert results to the dtype of the pixels; means of integers are rounded as GDAL does."""
    if values.dtype == dtype:
        return values
    return settled(values, dtype) if values.dtype.kind == "f" else values.astype(dtype)
