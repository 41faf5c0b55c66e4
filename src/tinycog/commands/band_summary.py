"""What the valid samples of a band are, added up tile by tile in a bounded amount of memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.writer.statistics import StatisticsTree, moments_of

KEPT = 1 << 22
"""Samples of a band that are kept, for exact percentiles."""

FINE_BITS = 20
"""Bits of a float32 by which more samples than these are counted: within 1/4096 of their value."""

WORD_BITS, SIGN = 32, np.uint32(1 << 31)

COUNTED_BYTES = 2
"""Bytes of integers that are counted value by value."""


class BandSummary(NamedTuple):
    """What the valid samples of a band are.

    Attributes:
        pixels: how many there were.
        valid: how many of them are valid.
        min, max, mean, std: of the valid ones, None if there are none; std is that of all of them,
            as numpy and GDAL have it.
        percentiles: by their number.
        edges: of the bins of the histogram.
        counts: of each bin; the last one holds its upper edge, too.
        is_counted: whether percentiles and histogram are exact; else they are within 1/4096 of
            each value.
    """

    pixels: int
    valid: int
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    percentiles: dict[float, float]
    edges: list[float]
    counts: list[int]
    is_counted: bool

    def scaled(self, scale: float, offset: float) -> BandSummary:
        """Return the same of sample * scale + offset."""

        def value(sample: float | None) -> float | None:
            return None if sample is None else sample * scale + offset

        ends = [value(self.min), value(self.max)]
        edges = [edge * scale + offset for edge in self.edges]
        step = -1 if scale < 0 else 1
        return self._replace(
            min=ends[::step][0],
            max=ends[::step][1],
            mean=value(self.mean),
            std=None if self.std is None else self.std * abs(scale),
            percentiles={
                100 - p if scale < 0 else p: found * scale + offset
                for p, found in self.percentiles.items()
            },
            edges=edges[::step],
            counts=self.counts[::step],
        )


class Summaries:
    """Adds up the bands of tiles."""

    def __init__(self, dtype: np.dtype[Any], bands: int) -> None:
        """Begin with nothing."""
        self._tree = StatisticsTree()
        self._values = [_counter(dtype) for _ in range(bands)]
        self._pixels = self._tiles = 0

    def add(self, data: NDArray[Any], masks: NDArray[np.bool_]) -> None:
        """Add a tile: (bands, rows, cols), and which samples are valid."""
        moments = [moments_of(band, mask) for band, mask in zip(data, masks, strict=True)]
        self._tree.add(self._tiles, moments)
        self._tiles += 1
        self._pixels += data[0].size
        for band, mask, values in zip(data, masks, self._values, strict=True):
            values.add(band[mask])

    def result(self, percentiles: Sequence[float], bins: int) -> list[BandSummary]:
        """Return what was found for each band.

        Args:
            percentiles: from 0 to 100.
            bins: of the histograms, of the same width from the lowest to the highest value.
        """
        found: list[BandSummary] = []
        for moments, values in zip(self._tree.result(), self._values, strict=True):
            is_some = moments.pixels > 0
            low, high = moments.lowest, moments.highest
            edges, counts = values.histogram(low, high, bins) if is_some else ([], [])
            found.append(
                BandSummary(
                    self._pixels,
                    moments.pixels,
                    low if is_some else None,
                    high if is_some else None,
                    moments.mean if is_some else None,
                    moments.deviation if is_some else None,
                    dict(zip(percentiles, values.percentiles(percentiles), strict=True))
                    if is_some
                    else {},
                    edges,
                    counts,
                    values.is_exact,
                )
            )
        return found


class CountedValues:
    """Counts the samples of each value, or of values so near that they are taken for one."""

    is_exact = True

    def __init__(self, count: int) -> None:
        """Begin with values of that number."""
        self._counts = np.zeros(count, np.int64)

    def add(self, samples: NDArray[Any]) -> None:
        """Count samples."""
        self._counts += np.bincount(self._places(samples), minlength=len(self._counts))

    def percentiles(self, wanted: Sequence[float]) -> list[float]:
        """Return percentiles, between two samples in proportion, as numpy has them."""
        used = np.flatnonzero(self._counts)
        ends = np.cumsum(self._counts[used])
        values = self._samples(used)
        found: list[float] = []
        for one in wanted:
            rank = (int(ends[-1]) - 1) * one / 100
            below, above = (
                float(values[np.searchsorted(ends, place, side="right")])
                for place in (math.floor(rank), math.ceil(rank))
            )
            found.append(below if below == above else below + (above - below) * (rank % 1))
        return found

    def histogram(self, low: float, high: float, bins: int) -> tuple[list[float], list[int]]:
        """Return edges, and how many samples lie between them."""
        used = np.flatnonzero(self._counts)
        values = np.clip(self._samples(used), low, high)
        counts, edges = np.histogram(values, bins, _range(low, high), weights=self._counts[used])
        return edges.tolist(), counts.astype(np.int64).tolist()

    def _places(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return where samples are counted."""
        raise NotImplementedError

    def _samples(self, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the values that are counted there, as they are sorted."""
        raise NotImplementedError


class CountedIntegers(CountedValues):
    """Counts integers of 8 or 16 bits, each value by itself."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        """Begin with nothing."""
        self._lowest = -(1 << (8 * dtype.itemsize - 1)) if dtype.kind == "i" else 0
        super().__init__(1 << 8 * dtype.itemsize)

    def _places(self, samples: NDArray[Any]) -> NDArray[Any]:
        return samples.astype(np.intp) - self._lowest

    def _samples(self, places: NDArray[np.intp]) -> NDArray[np.float64]:
        return (places + self._lowest).astype(np.float64)


class CountedFloats(CountedValues):
    """Counts float32 by its first bits: sign, exponent and 11 bits of the fraction."""

    is_exact = False

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__(1 << FINE_BITS)

    def _places(self, samples: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(over="ignore"):  # beyond float32 is infinite
            bits = np.ascontiguousarray(samples, np.float32).view(np.uint32)
        sortable = np.where(bits & SIGN, ~bits, bits | SIGN)
        return (sortable >> np.uint32(WORD_BITS - FINE_BITS)).astype(np.intp)

    def _samples(self, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the middle of what is counted together."""
        half = np.uint32(1 << (WORD_BITS - FINE_BITS - 1))
        sortable = (places.astype(np.uint32) << np.uint32(WORD_BITS - FINE_BITS)) | half
        bits = np.where(sortable & SIGN, sortable & ~SIGN, ~sortable)
        found = bits.astype(np.uint32).view(np.float32).astype(np.float64)
        return np.nan_to_num(found, nan=math.inf)  # what is counted with infinity


class KeptValues:
    """Keeps samples as long as there are few, and counts them by their first bits then."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._kept: list[NDArray[Any]] = []
        self._size = 0
        self._counted: CountedFloats | None = None

    @property
    def is_exact(self) -> bool:
        """Return whether all are kept."""
        return self._counted is None

    def add(self, samples: NDArray[Any]) -> None:
        """Add samples; NaN is none."""
        if samples.dtype.kind == "f":
            samples = samples[~np.isnan(samples)]
        if self._counted is not None:
            self._counted.add(samples)
            return
        self._kept.append(samples)
        self._size += samples.size
        if self._size > KEPT:
            self._counted = CountedFloats()
            for kept in self._kept:
                self._counted.add(kept)
            self._kept = []

    def percentiles(self, wanted: Sequence[float]) -> list[float]:
        """Return percentiles, as numpy has them."""
        if self._counted is not None:
            return self._counted.percentiles(wanted)
        with np.errstate(invalid="ignore"):  # between infinite values
            found = np.percentile(np.concatenate(self._kept).astype(np.float64), list(wanted))
        return found.tolist()

    def histogram(self, low: float, high: float, bins: int) -> tuple[list[float], list[int]]:
        """Return edges, and how many samples lie between them; none where one is infinite."""
        if not math.isfinite(low) or not math.isfinite(high):
            return [], []
        if self._counted is not None:
            return self._counted.histogram(low, high, bins)
        wide = np.concatenate(self._kept).astype(np.float64)
        counts, edges = np.histogram(wide, bins, _range(low, high))
        return edges.tolist(), counts.tolist()


def _counter(dtype: np.dtype[Any]) -> CountedIntegers | KeptValues:
    is_counted = dtype.kind in "iub" and dtype.itemsize <= COUNTED_BYTES
    return CountedIntegers(dtype) if is_counted else KeptValues()


def _range(low: float, high: float) -> tuple[float, float]:
    """Return the ends of a histogram; those of a constant band are apart, as numpy has them."""
    return (low, high) if low < high else (low - 0.5, high + 0.5)
