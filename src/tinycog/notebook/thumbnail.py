"""Pixels as a PNG of so many bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.colouring import Colouring
from tinycog.pixels.png import to_png

SIZES = (512, 320, 256, 224, 192, 160, 128)
"""Rows and columns of a picture, at most: the first of them that is short enough as a PNG."""

MOST_BYTES = 130_000
"""Of a PNG; base64 makes 173 kB of it."""


def thumbnail(
    data: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    colormap: NDArray[np.uint16] | None,
    colouring: Colouring | None,
) -> bytes | None:
    """Return (bands, rows, cols) as a small PNG, by pixels at equal distances; None without any."""
    if not data.size:
        return None
    png = b""
    for size in SIZES:
        factor = max(max(data.shape[1:]) / size, 1)
        rows, cols = (_places(length, factor) for length in data.shape[1:])
        chosen = None if mask is None else mask[rows][:, cols]
        pixels = data[:, rows][:, :, cols]
        png = to_png(pixels, chosen, colormap=colormap, colouring=colouring)
        if len(png) <= MOST_BYTES:
            break
    return png


def _places(length: int, factor: float) -> NDArray[np.intp]:
    """Return which of so many pixels are shown, at least one."""
    count = max(round(length / factor), 1)
    return ((np.arange(count) + 0.5) * length / count).astype(np.intp)
