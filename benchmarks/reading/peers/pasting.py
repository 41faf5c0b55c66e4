"""Windows of tiles, for libraries that only know tiles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def touched(box: tuple[int, int, int, int], side: int) -> list[tuple[int, int]]:
    """(x, y) of the tiles that a window touches, row by row."""
    left, top, width, height = box
    rows = range(top // side, -(-(top + height) // side))
    cols = range(left // side, -(-(left + width) // side))
    return [(x, y) for y in rows for x in cols]


def paste(
    box: tuple[int, int, int, int],
    side: int,
    tiles: Iterable[tuple[tuple[int, int], NDArray[Any]]],
) -> NDArray[Any]:
    """Put (bands, rows, cols) tiles into the window."""
    left, top, width, height = box
    result: NDArray[Any] | None = None
    for (x, y), tile in tiles:
        if result is None:
            result = np.empty((tile.shape[0], height, width), tile.dtype)
        row, col = y * side - top, x * side - left
        rows = slice(max(row, 0), min(row + side, height))
        cols = slice(max(col, 0), min(col + side, width))
        source = tile[:, rows.start - row : rows.stop - row, cols.start - col : cols.stop - col]
        result[:, rows, cols] = source
    assert result is not None
    return result
