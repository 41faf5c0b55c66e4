"""Allocate arrays of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import LimitError

Pixels = NDArray[Any]


def new_array(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
    """An array, not filled.

    Raises:
        LimitError: there is no memory for it.
    """
    try:
        return np.empty(shape, dtype)
    except MemoryError as exc:
        message = f"there is no memory for {dtype} of shape {shape}"
        raise LimitError(message) from exc


def empty_view(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
    """Room of that shape that takes no memory: for a plan, which puts nothing there."""
    return np.broadcast_to(np.empty((), dtype), shape)
