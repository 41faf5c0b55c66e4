"""Exact statistics of the valid pixels of each band, the same whatever the order of the tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

EXACT_BYTES = 2
"""Bytes of an integer up to which the squares of a tile add up exactly in 64 bits."""


class Moments(NamedTuple):
    """What is known of the valid pixels of one band in some tiles.

    Attributes:
        pixels: how many are valid.
        lowest: of their values.
        highest: likewise.
        mean: likewise.
        squares: sum of the squared differences from the mean.
    """

    pixels: int
    lowest: float
    highest: float
    mean: float
    squares: float

    def merged(self, other: Moments) -> Moments:
        """Return what is known of both (Chan, Golub and LeVeque)."""
        if not self.pixels or not other.pixels:
            return self if self.pixels else other
        count = self.pixels + other.pixels
        delta = other.mean - self.mean
        return Moments(
            count,
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            self.mean + delta * (other.pixels / count),
            self.squares + other.squares + delta * delta * (self.pixels * (other.pixels / count)),
        )

    @property
    def deviation(self) -> float:
        """Standard deviation, of all pixels and not of a sample."""
        return math.sqrt(self.squares / self.pixels) if self.pixels else math.nan


NONE = Moments(0, math.inf, -math.inf, 0.0, 0.0)
"""Of no pixels."""


def moments_of(samples: NDArray[Any], valid: NDArray[np.bool_] | None) -> Moments:
    """Return the moments of one band of a tile, (rows, cols); NaN is not valid.

    The result does not depend on how the array lies in memory.
    """
    plane = np.ascontiguousarray(samples)
    values = plane.reshape(-1) if valid is None else plane[valid]
    if values.dtype.kind == "f":
        known = ~np.isnan(values)
        values = values if known.all() else values[known]
    if not values.size:
        return NONE
    with np.errstate(all="ignore"):  # infinite values have no mean
        return _moments(values)


def _moments(values: NDArray[Any]) -> Moments:
    lowest, highest = values.min(), values.max()
    if values.dtype.kind in "iub" and values.dtype.itemsize <= EXACT_BYTES:
        total = int(values.sum(dtype=np.int64))
        wide = values.astype(np.int64)
        squares = int(np.dot(wide, wide))
        mean = total / values.size
        spread = (squares * values.size - total * total) / values.size
        return Moments(values.size, lowest.item(), highest.item(), mean, spread)
    wide = values.astype(np.float64)
    mean = float(wide.mean())
    wide -= mean
    return Moments(values.size, lowest.item(), highest.item(), mean, float(np.sum(wide * wide)))


def _merged(first: Sequence[Moments], second: Sequence[Moments]) -> list[Moments]:
    return [one.merged(other) for one, other in zip(first, second, strict=True)]


class StatisticsTree:
    """Moments of each band over all tiles, merged in a fixed order: a tree over their positions."""

    def __init__(self) -> None:
        """Start without a tile."""
        self._nodes: dict[tuple[int, int], Sequence[Moments]] = {}

    def add(self, position: int, moments: Sequence[Moments]) -> None:
        """Add the moments of each band of a tile, given by its position in row-major order."""
        self._add((0, position), moments)

    def add_alike(self, start: int, stop: int, moments: Sequence[Moments]) -> None:
        """Add moments that are those of each of some tiles: `start` to `stop`, half-open."""
        height, alike = 0, moments
        while start < stop:
            if start % 2:
                self._add((height, start), alike)
                start += 1
            if stop % 2 and start < stop:
                stop -= 1
                self._add((height, stop), alike)
            start, stop, height = start // 2, stop // 2, height + 1
            alike = _merged(alike, alike)

    def _add(self, node: tuple[int, int], moments: Sequence[Moments]) -> None:
        height, position = node
        while (height, position ^ 1) in self._nodes:
            other = self._nodes.pop((height, position ^ 1))
            first, second = (moments, other) if position % 2 == 0 else (other, moments)
            moments = _merged(first, second)
            height, position = height + 1, position // 2
        self._nodes[height, position] = moments

    def result(self) -> list[Moments]:
        """Return the moments of each band; tiles that were not added have no valid pixels."""
        while len(self._nodes) > 1:  # the lowest node has no sibling: it moves up by itself
            height, position = min(self._nodes)
            self._add((height + 1, position // 2), self._nodes.pop((height, position)))
        return list(next(iter(self._nodes.values()), ()))
