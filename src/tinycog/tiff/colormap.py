"""ColorMaps: the colours of a palette (tiff.colour.palette)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tinycog.tiff.parse import Entry, Value

FIELD_NAMES = ("BYTE", "UNDEFINED", "SHORT", "LONG")

MAX_BYTE, MAX_WORD = 255, 65535

MAX_PALETTE_BITS = 16
"""Bits of a sample that is an index."""

WORD_UNIT = 257
"""How much of 16 bits is one part of 8: 65535 becomes 255."""


def make_colormap(entry: Entry, value: Value) -> NDArray[np.uint16] | None:
    """Return a ColorMap as (entries, 3), red, green, blue; None if it is not made of integers.

    Values of 32 bits lose their lower half, if one of them needs the upper.
    """
    if entry.field_type.name not in FIELD_NAMES or entry.count % 3:
        return None
    words = np.array(list(value), np.uint32)
    if words.max(initial=0) > MAX_WORD:
        words >>= 16
    return words.astype(np.uint16).reshape(3, -1).T


def palette_unit(colormap: NDArray[Any]) -> int:
    """Return how much of a ColorMap is one part of 8 bits.

    A map whose values all fit 8 bits was written with them, one of multiples of 256 by shifting.
    """
    if colormap.max(initial=0) <= MAX_BYTE:
        return 1
    return WORD_UNIT if (colormap % (MAX_BYTE + 1)).any() else MAX_BYTE + 1
