"""Pixels and a look to RGBA, and to PNG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.png import raw_png, stretch
from tinycog.raster import Raster
from tinycog.viewer.colormaps import colormap

Rgba = NDArray[np.uint8]
"""(rows, cols, 4)."""

ALPHA = 3


def as_rgba(raster: Raster) -> Rgba:
    """Return colours that `rgb=True` has made; invalid pixels are transparent."""
    data = raster.data
    found = np.full((raster.height, raster.width, ALPHA + 1), 255, np.uint8)
    found[..., : raster.count] = data.transpose(1, 2, 0)
    found[~raster.mask] = 0
    return found


def stretched(
    raster: Raster, low: Sequence[float], high: Sequence[float], name: str | None
) -> Rgba:
    """Return one band in the colours of a colormap, or three as red, green and blue.

    Args:
        raster: of one band or three, whose mask is known.
        low: value shown as black or in the first colour, for each band.
        high: value shown as white or in the last colour, for each band.
        name: of the colormap of one band; None for grey.
    """
    valid = raster.mask
    if raster.dtype.kind in "fc":
        valid = valid & ~np.isnan(raster.data).any(axis=0)
    with np.errstate(all="ignore"):  # infinite and signalling values are valid data
        bands = [
            stretch(band, valid, *ends) for band, *ends in zip(raster.data, low, high, strict=True)
        ]
    found = np.empty((*valid.shape, ALPHA + 1), np.uint8)
    if len(bands) == 1 and name is not None:
        found[..., :ALPHA] = colormap(name)[bands[0]]
    else:
        for colour in range(ALPHA):
            found[..., colour] = bands[colour if len(bands) > 1 else 0]
    found[..., ALPHA] = 255
    found[~valid] = 0
    return found


def over(pictures: Iterable[Rgba]) -> Rgba:
    """Return pictures of one shape on top of each other, the first on top."""
    first, *others = pictures
    found = first.copy()
    for one in others:
        below = found[..., ALPHA] == 0
        found[below] = one[below]
    return found


def to_png(rgba: Rgba) -> bytes:
    """Encode a picture."""
    data: NDArray[Any] = rgba.transpose(2, 0, 1)
    return raw_png(data)
