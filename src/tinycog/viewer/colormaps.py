"""Colours by name, as matplotlib has them; "_r" behind a name turns it round."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.viewer.assets import read_asset

REVERSED = "_r"
"""What a name ends with that is turned round."""


@lru_cache(maxsize=1)
def colormap_names() -> tuple[str, ...]:
    """Return all names."""
    return tuple(_texts())


@lru_cache(maxsize=32)
def colormap(name: str) -> NDArray[np.uint8]:
    """Return (256, 3): red, green, blue, from low to high.

    Raises:
        UsageError: there is none of that name.
    """
    text = _texts().get(name.removesuffix(REVERSED))
    if text is None:
        message = f"there is no colormap of that name: one of {', '.join(_texts())}, or one with _r"
        raise UsageError(message)
    colours = np.frombuffer(bytes.fromhex(text), np.uint8).reshape(-1, 3)
    return colours[::-1] if name.endswith(REVERSED) else colours


@lru_cache(maxsize=1)
def _texts() -> dict[str, str]:
    """Return the colours of each as hexadecimal text."""
    return json.loads(read_asset("colormaps.json"))["colormaps"]
