"""The predictors of TIFF: what libtiff does to samples before it compresses them."""

from __future__ import annotations

import imagecodecs
import numpy as np

from tinycog.encode.edges import Pixels, is_interleaved, scratch


def differences(words: Pixels) -> Pixels:
    """Return each word less that of the pixel to its left (tiff.predictor.horizontal).

    Args:
        words: bit patterns of samples, (rows, cols, samples), in any layout; unsigned.

    Returns:
        Contiguous words of the same shape and dtype.
    """
    rows, _, count = words.shape
    out = scratch(words.shape, words.dtype)
    if count == 1 and words.itemsize > 1 and words.flags.c_contiguous:
        imagecodecs.delta_encode(words, axis=1, out=out)  # faster for wide words only
    elif is_interleaved(words):
        _subtract(words.reshape(rows, -1), out.reshape(rows, -1), count)
    else:
        for k in range(count):
            _subtract(words[..., k], out[..., k], 1)
    return out


def byte_planes(tile: Pixels) -> Pixels:
    """Return rows as planes of bytes, then the differences of these (tiff.predictor.float).

    The most significant byte comes first, whatever the file's byte order.

    Args:
        tile: (rows, cols, samples) of floats, in any layout.

    Returns:
        Contiguous bytes, (rows, bytes of a row).
    """
    rows, cols, count = tile.shape
    size = tile.itemsize
    words = tile.view(f"u{size}")
    planes = scratch((rows, size, cols, count), np.uint8)
    for k in range(size):  # by whole planes: three times as fast as byte by byte
        np.right_shift(words, 8 * (size - 1 - k), out=planes[:, k], casting="unsafe")
    out = scratch((rows, size * cols * count), np.uint8)
    _subtract(planes.reshape(rows, -1), out, count)
    return out


def _subtract(rows: Pixels, out: Pixels, distance: int) -> None:
    """Put each number less the one `distance` before it in its row; the first ones as they are."""
    out[:, :distance] = rows[:, :distance]
    np.subtract(rows[:, distance:], rows[:, :-distance], out=out[:, distance:])
