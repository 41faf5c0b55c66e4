"""Tiles that reach beyond the image, and arrays as codecs take them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tinycog.buffer_pool import BUFFERS

Pixels = NDArray[Any]

CACHED_BYTES = 1 << 18
"""Bytes of pixels that are made together, so that they stay in a processor's cache."""


def scratch(shape: tuple[int, ...], dtype: DTypeLike) -> Pixels:
    """Return an array whose memory is reused once it is gone; its contents are undefined."""
    length = math.prod(shape) * np.dtype(dtype).itemsize
    return np.frombuffer(BUFFERS.lend(length), dtype).reshape(shape)


def whole_tile(samples: Pixels, rows: int, cols: int, *, repeats: bool) -> Pixels:
    """Return a tile of all rows and columns: itself, or with what lies beyond the image.

    Args:
        samples: those inside the image, (rows, cols, samples).
        rows: of the tile.
        cols: of the tile.
        repeats: whether the last row and column are repeated; else 0 follows (tiff.encode.edges).
    """
    inside_rows, inside_cols, count = samples.shape
    if (inside_rows, inside_cols) == (rows, cols):
        return samples
    tile = scratch((rows, cols, count), samples.dtype)
    copy_pixels(samples, tile[:inside_rows, :inside_cols])
    if repeats:
        tile[:inside_rows, inside_cols:] = tile[:inside_rows, inside_cols - 1 : inside_cols]
        tile[inside_rows:] = tile[inside_rows - 1]
    else:
        tile[:inside_rows, inside_cols:] = 0
        tile[inside_rows:] = 0
    return tile


def copy_pixels(source: Pixels, target: Pixels) -> None:
    """Copy (rows, cols, samples), one sample after the other where planes lie apart.

    Numpy copies such planes in the order of the target, at a tenth of the speed. It is done by
    blocks of rows that stay in the processor's cache.
    """
    if is_interleaved(source):
        target[...] = source
        return
    rows, _, count = target.shape
    step = max(1, CACHED_BYTES // target[0].nbytes)
    for top in range(0, rows, step):
        block = slice(top, top + step)
        for k in range(count):
            target[block, :, k] = source[block, :, k]


def is_interleaved(samples: Pixels) -> bool:
    """Return whether the samples of a pixel, and the pixels of a row, follow each other."""
    itemsize, count = samples.itemsize, samples.shape[2]
    return samples.strides[1:] == (count * itemsize, itemsize)


def contiguous(samples: Pixels) -> Pixels:
    """Return (rows, cols, samples) whose samples, pixels and rows follow each other."""
    if samples.flags.c_contiguous:
        return samples
    out = scratch(samples.shape, samples.dtype)
    copy_pixels(samples, out)
    return out
