"""What the installed imagecodecs does better than the oldest one: found once, when a tile asks."""

from __future__ import annotations

import re
from functools import cache

import imagecodecs

SOUND_LZW = (2026, 10)
"""Year and month of the first imagecodecs whose own LZW decoder stood a million broken streams
(`make fuzz-lzw`): an older one can be crashed, and tells nothing by which it could be known."""


@cache
def has_sound_lzw() -> bool:
    """Return whether imagecodecs' own LZW decoder is to be trusted (tiff.compression.lzw)."""
    year_and_month = tuple(map(int, re.findall(r"\d+", imagecodecs.__version__)[:2]))
    return year_and_month >= SOUND_LZW
