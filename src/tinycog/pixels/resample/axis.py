"""One axis of a resampling: source pixels that count for each output pixel, and their weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.checks import check_method
from tinycog.errors import UsageError
from tinycog.pixels.methods import KERNELS, PICKING, RESAMPLING

POINT_EPSILON = 1e-10
"""Pixels by which GDAL shifts a sampled point, so that 2.9999999999 means 3."""

AREA_EPSILON = 1e-8
"""Pixels of overlap that GDAL ignores."""

MIN_WEIGHT = 1e-12
"""Weights below this are rounding errors of 0."""

LANCZOS_RADIUS = 3
"""Pixels of the windowed sinc, each way."""

BINOMIAL = ((1, 2, 1), (1, 4, 6, 4, 1), (1, 6, 15, 20, 15, 6, 1))
"""Weights of "gauss" along an axis: for results 2, 3 or 4, and more times coarser."""

Float = NDArray[np.float64]

Bools = NDArray[np.bool_]

Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Axis:
    """For each output pixel along one axis, the source pixels that count and their weights.

    Attributes:
        start, stop: (n,) half-open ranges of source pixels; empty where nothing counts.
        weight: (n, longest range), of the source pixels from `start` on.
    """

    start: Index
    stop: Index
    weight: Float

    @property
    def reach(self) -> tuple[int, int]:
        """Half-open range of all source pixels that count; (0, 0) if none do."""
        if not self.some.any():
            return 0, 0
        return int(self.start[self.some].min()), int(self.stop[self.some].max())

    @cached_property
    def some(self) -> Bools:
        """(n,), True where any source pixel counts."""
        return self.stop > self.start

    @cached_property
    def total(self) -> Float:
        """(n,), sums of the weights; 1 where they are 0."""
        total = self.weight.sum(axis=1)
        return np.where(total == 0, 1.0, total)

    def scaled(self) -> Axis:
        """Return the axis with weights that add up to 1."""
        return Axis(self.start, self.stop, self.weight / self.total[:, None])

    def moved(self, by: int) -> Axis:
        """Return the axis with source pixels renumbered by an offset."""
        return Axis(self.start + by, self.stop + by, self.weight)

    @cached_property
    def _terms(self) -> list[tuple[int, int, int, Float]]:
        """(i, start, stop, weights) of each output pixel that has source pixels."""
        return [
            (i, start, stop, self.weight[i, : stop - start])
            for i, start, stop in zip(
                range(len(self.start)), self.start.tolist(), self.stop.tolist(), strict=True
            )
            if self.some[i]
        ]

    def sums(self, lines: NDArray[Any]) -> NDArray[Any]:
        """Compute weighted sums of lines: (source, m) to (n, m)."""
        out = np.zeros((len(self.start), lines.shape[1]), lines.dtype)
        is_real = lines.dtype == self.weight.dtype
        for i, start, stop, weights in self._terms:
            # one small product each: a matrix of all weights would spread NaN and infinity
            factors = weights if is_real else weights.astype(lines.dtype)
            np.dot(factors, lines[start:stop], out=out[i])
        return out

    def fold(self, lines: NDArray[Any], function: np.ufunc) -> NDArray[Any]:
        """Reduce lines by `function` (minimum, maximum, ...): (source, m) to (n, m)."""
        out = np.zeros((len(self.start), lines.shape[1]), lines.dtype)
        for i in np.flatnonzero(self.some):
            function.reduce(lines[self.start[i] : self.stop[i]], axis=0, out=out[i])
        return out

    def has_half(self, valid: Bools) -> Bools:
        """Return (n, m), True where a run of half of the lines that count is valid.

        `valid` is (source, m). This is GDAL's condition for kernels with negative weights: with
        fewer, their sum may be near 0.
        """
        place = np.arange(len(valid))[:, None]
        run = place - np.maximum.accumulate(np.where(valid, -1, place), axis=0)
        out = np.zeros((len(self.start), valid.shape[1]), np.bool_)
        for i in np.flatnonzero(self.some):
            start, stop = self.start[i], self.stop[i]
            longest = np.minimum(run[start:stop], place[start:stop] - start + 1).max(axis=0)
            out[i] = longest >= (stop - start) // 2
        return out


def axes(
    window: tuple[float, float, float, float],
    shape: tuple[int, int],
    source_shape: tuple[int, ...],
    method: str,
) -> tuple[Axis, Axis]:
    """Return the axes of columns and rows of a resampling; arguments as in `support`."""
    check_method(method, RESAMPLING)
    if min(shape) < 1:
        message = f"the output shape is {tuple(shape)}, expected at least (1, 1)"
        raise UsageError(message)
    col_off, row_off, width, height = map(float, window)
    if not (np.isfinite([col_off, row_off, width, height]).all() and width > 0 and height > 0):
        message = f"the window is {tuple(window)}, expected finite numbers, width and height over 0"
        raise UsageError(message)
    return (
        _axis(col_off, width, shape[1], source_shape[1], method),
        _axis(row_off, height, shape[0], source_shape[0], method),
    )


def _axis(offset: float, length: float, count: int, size: int, method: str) -> Axis:
    """Make the axis of `count` output pixels over `length` of `size` source pixels."""
    ratio = length / count
    place = np.arange(count, dtype=np.float64)
    if method in PICKING:
        shift, epsilon = (0.5, POINT_EPSILON) if method == "nearest" else (0.0, AREA_EPSILON)
        first = np.floor(offset + (place + shift) * ratio + epsilon)
        return _weighted(first, first + 1, size, np.ones_like)
    if method in KERNELS:
        centre: Float = offset + (place + 0.5) * ratio
        return kernel_axis(centre, max(ratio, 1.0), size, method)
    if method == "gauss":
        return _gauss(offset, place, ratio, size)
    begin, end = offset + place * ratio, offset + (place + 1) * ratio
    first = np.floor(begin + AREA_EPSILON)
    # at least one pixel, however narrow
    last = np.maximum(np.ceil(end - AREA_EPSILON), first + 1)

    def overlap(pixel: Float) -> Float:
        return np.minimum(pixel + 1, end[:, None]) - np.maximum(pixel, begin[:, None])

    return _weighted(first, last, size, overlap)


def _gauss(offset: float, place: Float, ratio: float, size: int) -> Axis:
    """Make binomial weights around the middle of the pixels that GDAL counts as touched."""
    factor = int(0.5 + ratio)
    weights = BINOMIAL[2 if factor > 4 else 1 if factor > 2 else 0]  # noqa: PLR2004 - as in GDAL
    count = len(weights)
    first = np.floor(0.5 + offset + place * ratio)
    last = np.floor(0.5 + offset + (place + 1) * ratio) + 1
    first = first + (last - first) // 2 - count // 2

    def weigh(pixel: Float) -> Float:
        at = np.clip(pixel - first[:, None], 0, count - 1).astype(np.intp)
        return np.asarray(weights, np.float64)[at]

    return _weighted(first, first + count, size, weigh)


def kernel_axis(centre: Float, widen: float, size: int, method: str) -> Axis:
    """Make the weights of a kernel around each `centre` (n,), the kernel widened by a factor."""
    radius = kernel_radius(method) * widen
    first, last = np.floor(centre - radius + 0.5), np.floor(centre + radius + 0.5)

    def weights(pixel: Float) -> Float:
        return kernel((pixel + 0.5 - centre[:, None]) / widen, method)

    return _weighted(first, last, size, weights).scaled()


def _weighted(first: Float, last: Float, size: int, weigh: Callable[[Float], Float]) -> Axis:
    """Clip half-open ranges to the source, and weight their pixels."""
    start = np.clip(first, 0, size).astype(np.intp)
    stop = np.maximum(np.clip(last, 0, size).astype(np.intp), start)
    most = int((stop - start).max(initial=0))
    pixel = start[:, None] + np.arange(most)
    weight = np.where(pixel < stop[:, None], weigh(pixel.astype(np.float64)), 0.0)
    # a rounding error of 0 must not become the only weight left beside masked pixels
    weight[np.abs(weight) < MIN_WEIGHT] = 0
    # beyond the source's edge only zero or negative weights may be left
    return Axis(start, np.where(weight.sum(axis=1) > 0, stop, start), weight)


def kernel_radius(method: str) -> int:
    """Return the radius of a kernel in pixels, before it is widened."""
    return {"bilinear": 1, "lanczos": LANCZOS_RADIUS}.get(method, 2)


def kernel(distance: Float, method: str) -> Float:
    """Return weights at distances in pixels.

    A tent, Keys' cubic convolution with a = -0.5, the cubic B-spline, or Lanczos' windowed sinc.
    """
    x = np.abs(distance)
    if method == "bilinear":
        return np.maximum(0.0, 1 - x)
    if method == "lanczos":
        return np.where(x < LANCZOS_RADIUS, np.sinc(x) * np.sinc(x / LANCZOS_RADIUS), 0.0)
    if method == "cubic_spline":
        near, far = (3 * x - 6) * x * x + 4, (2 - x) ** 3
        return np.where(x <= 1, near, np.where(x < 2, far, 0.0)) / 6  # noqa: PLR2004 - the radius
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))  # noqa: PLR2004 - the radius
