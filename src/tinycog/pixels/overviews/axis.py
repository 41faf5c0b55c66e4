"""One axis of a level: which of its pixels count for each of the next one, and by how much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.resample.axis import MIN_WEIGHT, kernel, kernel_radius

Span = tuple[int, int]

Sizing = Literal["ratio", "pairs", "gdal"]
"""How odd sizes are halved: up, by the true ratio; up, by pairs of which the last is one pixel;
or down, by the true ratio, as GDAL's COG driver does."""


@dataclass(frozen=True, slots=True)
class HalvedAxis:
    """Pixels of the next level along one axis: pixel j is made of those from 2j + `first` on.

    Attributes:
        size: number of pixels of this level.
        count: number of pixels of the next one.
        first: where the first pixel that counts lies, from 2j on.
        taps: how many count, those outside of the image included.
        kernel: name of a kernel that weighs them; "": each by the part of it that is covered.
    """

    size: int
    count: int
    first: int = 0
    taps: int = 2
    kernel: str = ""

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
        ratio = self.size / self.count
        place = np.arange(start, stop)
        out: NDArray[np.float64] = np.zeros((self.taps, stop - start))
        total = np.zeros(stop - start)
        for tap in range(self.taps):
            pixel = 2 * place + self.first + tap
            distance: NDArray[np.float64] = (pixel + 0.5 - (place + 0.5) * ratio) / ratio
            weight = kernel(distance, self.kernel)
            counts = (pixel >= 0) & (pixel < self.size) & (np.abs(weight) >= MIN_WEIGHT)
            out[tap, counts] = weight[counts]
            total += out[tap]
        return out / total

    def nearest(self, start: int, stop: int) -> NDArray[np.intp]:
        """Return the pixel of this level nearest to the first one covered, as GDAL rounds."""
        place = np.arange(start, stop, dtype=np.float64)
        return (0.5 + place * (self.size / self.count)).astype(np.intp)


def make_axis(size: int, sizing: Sizing) -> HalvedAxis:
    """Make the axis from a level of `size` pixels to the next one, of the pixels covered."""
    count = max(size // 2, 1) if sizing == "gdal" else -(-size // 2)
    if sizing == "pairs" or size == 2 * count:
        return HalvedAxis(size, count)
    return HalvedAxis(size, count, 0 if size > 2 * count else -1, 3)


def kernel_axis(area: HalvedAxis, kernel: str) -> HalvedAxis:
    """Make the axis with all taps that a kernel reaches, those of the pixels covered included."""
    ratio = area.size / area.count
    reach = kernel_radius(kernel) * ratio
    ends = (0.5 * ratio, (area.count - 0.5) * ratio - 2 * (area.count - 1))
    first = min(area.first, math.floor(min(ends) - reach + 0.5))
    stop = max(area.first + area.taps, math.floor(max(ends) + reach + 0.5))
    return HalvedAxis(area.size, area.count, first, stop - first, kernel)
