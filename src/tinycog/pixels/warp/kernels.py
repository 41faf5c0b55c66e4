"""Sample a source at points: nearest, bilinear, cubic, average."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.resample.axis import POINT_EPSILON, Bools, Float, Index, kernel, kernel_radius
from tinycog.pixels.resample.rounding import settled

MAX_UNWIDENED = 1 / 0.95
"""Source pixels per output pixel up to which GDAL's warper does not widen kernels."""

MIN_WEIGHT = 1e-5
"""Sum of valid weights below which GDAL's warper masks a pixel."""


@dataclass(frozen=True, eq=False)
class Points:
    """Points in a plane of pixels, from its top left corner.

    Attributes:
        x, y: (n,) in pixels.
        resolution: (x, y) pixels per output pixel.
    """

    x: Float
    y: Float
    resolution: tuple[float, float]

    def at(self, chosen: Bools) -> Points:
        """Return the points that a mask (n,) selects."""
        return Points(self.x[chosen], self.y[chosen], self.resolution)


@dataclass(frozen=True, eq=False)
class Taps:
    """For each point along one axis, the first pixel that counts and the weights from there on.

    Attributes:
        first: (n,).
        weight: (count, n).
    """

    first: Index
    weight: Float


def reach(method: str, resolution: tuple[float, float]) -> tuple[int, int]:
    """Return how many pixels (x, y) can count beyond the one that contains a point."""
    if method == "nearest":
        return 1, 1
    if method in ("bilinear", "cubic"):
        radius = kernel_radius(method)
        wide = _widened(resolution)
        return ceil(radius * wide[0]), ceil(radius * wide[1])
    return ceil(resolution[0] / 2), ceil(resolution[1] / 2)


def _widened(resolution: tuple[float, float]) -> tuple[float, float]:
    """Return the factors (x, y) by which kernels are widened where the output is coarser."""
    if max(resolution) <= MAX_UNWIDENED:
        return 1.0, 1.0
    return max(1.0, resolution[0]), max(1.0, resolution[1])


def sample(
    data: NDArray[Any], mask: Bools | None, points: Points, method: str
) -> tuple[NDArray[Any], Bools]:
    """Return values (bands, n) at points, and which (n,) are valid; by the rules of `warp`."""
    if method == "nearest":
        return _nearest(data, mask, points)
    if method in ("average", "mean"):
        boxes = (_box(points.x, points.resolution[0]), _box(points.y, points.resolution[1]))
        return _weigh(data, mask, *boxes)
    wide = _widened(points.resolution)
    out, valid = _weigh(data, mask, *_kernels(points, method, wide), whole=method == "cubic")
    if method == "cubic" and not valid.all():
        # bilinear beside an edge or a masked pixel, as in GDAL
        rest = ~valid
        out[:, rest], valid[rest] = _weigh(data, mask, *_kernels(points.at(rest), "bilinear", wide))
    return out, valid


def _nearest(data: NDArray[Any], mask: Bools | None, points: Points) -> tuple[NDArray[Any], Bools]:
    rows, cols = data.shape[1:]
    col = np.floor(points.x + POINT_EPSILON).astype(np.intp)
    row = np.floor(points.y + POINT_EPSILON).astype(np.intp)
    # a point on the right or lower border of the source belongs to it
    col, row = np.where(points.x == cols, cols - 1, col), np.where(points.y == rows, rows - 1, row)
    valid = (col >= 0) & (col < cols) & (row >= 0) & (row < rows)
    row, col = np.where(valid, row, 0), np.where(valid, col, 0)
    if mask is not None:
        valid &= mask[row, col]
    return np.where(valid, data[:, row, col], 0), valid


def _kernels(points: Points, method: str, wide: tuple[float, float]) -> tuple[Taps, Taps]:
    return _kernel_taps(points.x, method, wide[0]), _kernel_taps(points.y, method, wide[1])


def _kernel_taps(centre: Float, method: str, widen: float) -> Taps:
    radius = kernel_radius(method) * widen
    first = np.floor(centre - radius + 0.5)
    place = first + np.arange(ceil(2 * radius))[:, None]
    return Taps(first.astype(np.intp), kernel((place + 0.5 - centre) / widen, method))


def _box(centre: Float, width: float) -> Taps:
    """Return weights by overlap with a box around each point."""
    half = width / 2
    first = np.floor(centre - half)
    place = first + np.arange(ceil(2 * half) + 1)[:, None]
    overlap = np.minimum(place + 1, centre + half) - np.maximum(place, centre - half)
    return Taps(first.astype(np.intp), np.maximum(overlap, 0.0))


def _weigh(
    data: NDArray[Any], mask: Bools | None, across: Taps, down: Taps, *, whole: bool = False
) -> tuple[NDArray[Any], Bools]:
    """Average valid pixels by weight; with `whole`, valid only where all that count are."""
    places = list(_places(data.shape[1:], mask, across, down))
    weights = np.sum([weight for _, weight, _ in places], axis=0)
    valid = weights > MIN_WEIGHT
    if whole:
        valid &= np.logical_and.reduce([here for *_, here in places])
    divisor = np.where(valid, weights, 1)
    has_nan = data.dtype.kind in "fc"
    out = np.zeros((len(data), len(weights)), data.dtype)
    for band, target in zip(data, out, strict=True):
        total = np.zeros(weights.shape, np.complex128 if data.dtype.kind == "c" else np.float64)
        for flat, weight, _ in places:
            values = band.reshape(-1)[flat]
            # 0 times NaN is NaN: replace pixels that do not count
            total += weight * (np.where(weight != 0, values, 0) if has_nan else values)
        target[valid] = settled((total / divisor)[valid], data.dtype)
    return out, valid


def _places(
    shape: tuple[int, ...], mask: Bools | None, across: Taps, down: Taps
) -> Iterator[tuple[Index, Float, Bools]]:
    """Yield for each tap of the kernel flat indices, weights and validity, all (n,)."""
    rows, cols = shape
    for i, weight_y in enumerate(down.weight):
        row = down.first + i
        row_inside = (row >= 0) & (row < rows)
        for j, weight_x in enumerate(across.weight):
            col = across.first + j
            here = row_inside & (col >= 0) & (col < cols)
            flat = np.where(here, row * cols + col, 0)
            if mask is not None:
                here &= mask.reshape(-1)[flat]
            yield flat, np.where(here, weight_x * weight_y, 0.0), here
