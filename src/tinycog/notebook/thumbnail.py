"""Pixels as a PNG of so many bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.colouring import Colouring
from tinycog.pixels.png import to_png

SIZES = (512, 320, 192, 128)
"""Rows and columns of a picture, at most: the first of them that is short enough as a PNG."""

MOST_BYTES = 120_000
"""Of a PNG; base64 makes 160 kB of it."""


def thumbnail(
    data: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    colormap: NDArray[np.uint16] | None,
    colouring: Colouring | None,
) -> bytes | None:
    """Return (bands, rows, cols) as a small PNG, by every n-th pixel; None without pixels."""
    if not data.size:
        return None
    png = b""
    for size in SIZES:
        step = max(1, -(-max(data.shape[1:]) // size))
        chosen = None if mask is None else mask[::step, ::step]
        pixels = data[:, ::step, ::step]
        png = to_png(pixels, chosen, colormap=colormap, colouring=colouring)
        if len(png) <= MOST_BYTES:
            break
    return png
