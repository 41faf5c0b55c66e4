"""How the values of a band are spread: percentiles and a histogram, from the smallest overview."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import product
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import tinycog
from tinycog.raster import Raster

PERCENTILES = (2, 98)
"""Of the valid values of a band: black and white, unless something else is asked for."""

SAMPLE_PIXELS = 1 << 22
"""Pixels of an image up to which all are looked at."""

PATCH = 256
"""Rows and columns of the parts of a larger one that are looked at."""

PATCHES = 3
"""Parts each way."""

BINS = 64


class Spread(NamedTuple):
    """How the values of a band are spread.

    Attributes:
        low, high: percentiles 2 and 98; the extremes where these are equal.
        least, most: the extremes.
        counts: of values in 64 equal steps from `least` to `most`.
        of: how many values were looked at.
    """

    low: float
    high: float
    least: float
    most: float
    counts: tuple[int, ...]
    of: int


class Sample(NamedTuple):
    """Pixels that stand for a file.

    Attributes:
        rasters: of all bands that were asked for.
        about: which pixels they are, in words.
    """

    rasters: tuple[Raster, ...]
    about: str

    def values(self, band: int) -> NDArray[np.float64]:
        """Return the valid finite values of a band of the sample."""
        found = [_values(one, band) for one in self.rasters]
        return np.concatenate(found) if found else np.empty(0)


def pooled_spread(samples: Sequence[Sample], band: int) -> Spread:
    """Return how the values of a band are spread in samples taken together."""
    return spread_of(np.concatenate([one.values(band) for one in samples]))


async def read_sample(cog: tinycog.Cog, indexes: Sequence[int]) -> Sample:
    """Read the smallest overview, or parts of it where it is large.

    Args:
        cog: a file that is open.
        indexes: bands, counted from 1.

    Raises:
        TinycogError: as for `Cog.read`.

    Cost: that of reading the smallest overview, or nine windows of it.
    """
    level = cog.levels[-1]
    which = "the image" if level.z == 0 else f"level {level.z}, the smallest overview"
    if level.width * level.height <= SAMPLE_PIXELS:
        raster = await cog.read(list(indexes), level=level.z, masked=True)
        return Sample((raster,), f"{which} ({level.width} x {level.height} pixels)")
    width, height = min(PATCH, level.width), min(PATCH, level.height)
    steps = [step / (PATCHES - 1) for step in range(PATCHES)]
    windows = {
        (round(x * (level.width - width)), round(y * (level.height - height)), width, height)
        for x, y in product(steps, steps)
    }
    rasters = await asyncio.gather(
        *(
            cog.read(list(indexes), level=level.z, window=window, masked=True)
            for window in sorted(windows)
        )
    )
    return Sample(
        tuple(rasters), f"{len(windows)} parts of {which}, {width} x {height} pixels each"
    )


def spread_of(values: NDArray[np.float64]) -> Spread:
    """Return how values are spread; 0 to 1 if there are none."""
    if not values.size:
        return Spread(0.0, 1.0, 0.0, 1.0, (0,) * BINS, 0)
    low, high = (float(one) for one in np.percentile(values, PERCENTILES))
    least, most = float(values.min()), float(values.max())
    if low == high:  # rare values on a constant background
        low, high = least, most
    end = most if most > least else least + 1
    if not isfinite(end - least):  # the range is no number
        return Spread(low, high, least, most, (0,) * BINS, values.size)
    counts, _ = np.histogram(values, BINS, (least, end))
    return Spread(low, high, least, most, tuple(counts.tolist()), values.size)


def _values(raster: Raster, band: int) -> NDArray[np.float64]:
    data: NDArray[Any] = raster.data[band]
    values = (np.abs(data) if data.dtype.kind == "c" else data).astype(np.float64)
    return values[raster.band_masks[band] & np.isfinite(values)]
