"""Allocate arrays of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import LimitError

Pixels = NDArray[Any]


def new_array(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
    """Allocate an array, not filled.

    Raises:
        LimitError: there is no memory for it.
    """
    try:
        return np.empty(shape, dtype)
    except MemoryError as exc:
        what = f"{dtype} of shape {shape}"
        raise LimitError.no_memory(what) from exc


def empty_view(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
    """Return a read-only array of a shape that takes no memory: for plans, which write nothing."""
    return np.broadcast_to(np.empty((), dtype), shape)
