"""Samples of a tile to its bytes before compression: the way back of `decode.samples`."""

from __future__ import annotations

import sys
from typing import Any

import imagecodecs
import numpy as np

from tinycog.encode.differences import byte_planes, differences
from tinycog.encode.edges import Pixels, contiguous, copy_pixels, is_interleaved, scratch
from tinycog.encode.tile_format import TileFormat
from tinycog.errors import UsageError
from tinycog.tiff.spec import WHOLE_WORDS, Predictor, SampleFormat

NATIVE = "<" if sys.byteorder == "little" else ">"


def tile_bytes(made: TileFormat, tile: Pixels, *, rows_apart: bool = False) -> Any:  # noqa: ANN401 - bytes, or an array of them
    """Return the bytes of a whole tile as a contiguous buffer (tiff.encode.order).

    Args:
        made: the format.
        tile: (rows, cols, samples), in any layout.
        rows_apart: whether the tile itself will do if only its rows do not follow each other.

    Raises:
        UsageError: a sample does not fit the bits that it is stored in (tiff.encode.exact).
    """
    if made.predictor == Predictor.FLOATING_POINT:
        return byte_planes(tile)
    if made.stored_bits not in WHOLE_WORDS:
        return _packed(made, tile)
    if made.stored_format == SampleFormat.COMPLEX_INT:
        tile = _stored_parts(made, tile)
    if made.predictor == Predictor.HORIZONTAL:
        words = differences(tile.view(f"u{made.stored_bits // 8}"))
    elif made.byte_order == NATIVE:
        return tile if rows_apart and is_interleaved(tile) else contiguous(tile)
    else:
        words = scratch(tile.shape, tile.dtype)
        copy_pixels(tile, words)
    return words if made.byte_order == NATIVE else words.byteswap(inplace=True)


def _packed(made: TileFormat, tile: Pixels) -> Any:  # noqa: ANN401
    """Return samples of odd widths, rows padded to whole bytes (tiff.sample.packed)."""
    values = contiguous(tile).reshape(made.rows, -1)
    bits = made.stored_bits
    if values.dtype != np.bool_ and (most := values.max()) >> bits:
        message = f"a sample is {most}, but BitsPerSample is {bits}: expected at most {2**bits - 1}"
        raise UsageError(message)
    if bits == 1:
        return np.packbits(values, axis=1)
    return imagecodecs.packints_encode(values, bits, runlen=values.shape[1])


def _stored_parts(made: TileFormat, tile: Pixels) -> Pixels:
    """Return the parts of complex samples as integers, (rows, cols, 2 for each sample).

    Numpy has no dtype for both (tiff.sample.complex).

    Raises:
        UsageError: a part is no such integer.
    """
    parts = contiguous(tile).view(f"f{tile.itemsize // 2}")
    with np.errstate(all="ignore"):
        stored = parts.astype(f"i{made.stored_bits // 16}")
    if not np.array_equal(stored, parts):
        message = f"a complex sample has a part that is no {stored.dtype}, as it would be stored"
        raise UsageError(message)
    return stored
