"""Samples to values: the step behind `scaled=True`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinycog.errors import UnsupportedError
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.validity import Validity, settled
from tinycog.raster import Raster
from tinycog.reader.pixel_file import PixelFile
from tinycog.thread_pool import run_in_pool


async def to_scaled_raster(file: PixelFile, raster: Raster, bands: Sequence[int]) -> Raster:
    """Convert samples to values: sample * scale + offset, in float64.

    Args:
        file: has the scales and offsets, facts of level 0.
        raster: samples as stored.
        bands: which bands of the file those are, counted from 0.

    Raises:
        UnsupportedError: the samples are complex, or a scale or an offset cannot be read.
        UsageError: it is not known which samples are valid.
    """
    scales, offsets = file.metadata.scales, file.metadata.offsets
    factors: list[tuple[float, float]] = []
    for band in bands:
        scale, offset = scales[band], offsets[band]
        if not np.isfinite([scale, offset]).all():
            message = f"the scale or the offset of band {band} cannot be read: see Cog.findings"
            raise UnsupportedError(message)
        factors.append((scale, offset))
    if raster.dtype.kind == "c":
        message = "scaled=True is for real samples: these are complex"
        raise UnsupportedError(message)
    values, validity = await run_in_pool(_scaled, raster, factors)
    return replace(raster, data=values, validity=validity, nodata=float("nan"), colormap=None)


def _scaled(raster: Raster, factors: Sequence[tuple[float, float]]) -> tuple[Pixels, Validity]:
    """Return the values, NaN where they are not valid."""
    known = settled(raster.validity, raster.data)
    values = raster.data.astype(np.float64)
    for band, (scale, offset) in zip(values, factors, strict=True):
        band *= scale  # noqa: PLW2901 - in place
        band += offset  # noqa: PLW2901 - in place
    values[~known.band_masks(raster.data)] = np.nan
    return values, known
