"""One axis of a level: which of its pixels count for each of the next one, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.resample.axis import kernel_axis

Span = tuple[int, int]

Sizing = Literal["ratio", "pairs", "gdal"]
"""How odd sizes are halved: up, by the true ratio; up, by pairs of which the last is one pixel;
or down, by the true ratio, as GDAL's COG driver does."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Pixels of the next level along one axis: pixel j is made of those from 2j + `first` on.

    Attributes:
        size: number of pixels of this level.
        count: number of pixels of the next one.
        first: where the first pixel that counts lies, from 2j on.
        taps: how many count, those outside of the image included.
        kernel: name of a kernel that weighs them; None: each by the part of it that is covered.
    """

    size: int
    count: int
    first: int = 0
    taps: int = 2
    kernel: str | None = None

    @property
    def is_pairs(self) -> bool:
        """Whether each pixel is two pixels of this level, the last of an odd size counted twice."""
        return self.taps == 2  # noqa: PLR2004 - a pair

    @property
    def margins(self) -> Span:
        """Number of pixels needed before and behind a tile that starts and ends at even pixels."""
        return max(0, -self.first), max(0, self.first + self.taps - 2)

    def made_of(self, start: int, stop: int) -> Span:
        """Return the pixels that a tile of this level gives, a half-open range of the next one."""
        return start // 2, min(-(-stop // 2), self.count)

    def support(self, start: int, stop: int) -> Span:
        """Return the pixels of this level that pixels of the next one need, likewise."""
        if stop <= start:
            return min(2 * start, self.size), min(2 * start, self.size)
        end = 2 * (stop - 1) + self.first + self.taps
        return max(0, 2 * start + self.first), min(end, self.size)

    def padding(self, start: int, stop: int) -> Span:
        """Return how many of the taps lie before and behind the image."""
        begin, end = 2 * start + self.first, 2 * (stop - 1) + self.first + self.taps
        return max(0, -begin), max(0, end - self.size)

    def shares(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return (taps, stop - start): the parts covered, in 1 / `count` of a pixel; 0 outside.

        They add up to `size`, as whole numbers; to 2 for pairs.
        """
        if self.is_pairs:
            return np.ones((2, stop - start), np.int64)
        place = np.arange(start, stop, dtype=np.int64)
        whole = np.full_like(place, self.count)
        if self.first < 0:
            return np.stack([place, whole, self.count - 1 - place])
        return np.stack([self.count - place, whole, place + 1])

    def total(self) -> int:
        """Return the sum of the parts covered."""
        return 2 if self.is_pairs else self.size

    def weights(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return (taps, stop - start) of the kernel, which add up to 1; 0 outside of the image."""
        assert self.kernel is not None  # noqa: S101 - only a kernel has them
        return _kernel_taps(self, start, stop)

    def nearest(self, start: int, stop: int) -> NDArray[np.intp]:
        """Return the pixel of this level nearest to the first one covered, as GDAL rounds."""
        place = np.arange(start, stop, dtype=np.float64)
        return (0.5 + place * (self.size / self.count)).astype(np.intp)


def make_axis(size: int, sizing: Sizing, kernel: str | None = None) -> Axis:
    """Make the axis from a level of `size` pixels to the next one."""
    count = max(size // 2, 1) if sizing == "gdal" else -(-size // 2)
    if kernel is not None:
        return _kernel_axis(size, count, kernel)
    if sizing == "pairs" or size == 2 * count:
        return Axis(size, count)
    return Axis(size, count, 0 if size > 2 * count else -1, 3)


def _kernel_axis(size: int, count: int, kernel: str) -> Axis:
    """Make an axis with the taps that a kernel reaches at either end of the image."""
    ratio = size / count
    reach = (1 if kernel == "bilinear" else 2) * max(ratio, 1.0)
    ends = (0.5 * ratio, (count - 0.5) * ratio - 2 * (count - 1))
    first = int(np.floor(min(ends) - reach + 0.5))
    stop = int(np.floor(max(ends) + reach + 0.5))
    return Axis(size, count, first, stop - first, kernel)


def _kernel_taps(axis: Axis, start: int, stop: int) -> NDArray[np.float64]:
    ratio = axis.size / axis.count
    place = np.arange(start, stop)
    kernel = axis.kernel or ""
    centre: NDArray[Any] = (place + 0.5) * ratio
    made = kernel_axis(centre, max(ratio, 1.0), axis.size, kernel)
    out: NDArray[Any] = np.zeros((axis.taps, stop - start))
    for tap in range(axis.taps):
        at = 2 * place + axis.first + tap - made.start
        inside = (at >= 0) & (at < made.stop - made.start)
        out[tap, inside] = made.weight[np.flatnonzero(inside), at[inside]]
    return out
