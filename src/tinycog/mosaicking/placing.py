"""Where files lie in a grid that they share, and which levels they have in common. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.affine_math import apply, coefficients, invert
from tinycog.errors import UsageError
from tinycog.window import Size, Window

MOST_OFF = 0.25
"""Fraction of a pixel beyond which it is not clear which pixel of the grid is meant."""


DEPTH_CELLS = 256
"""Cells, both ways, in which it is counted how many files lie above each other."""


class Levels(NamedTuple):
    """What is known of the pyramid of one file.

    Attributes:
        transform: of level 0, six coefficients.
        sizes: (width, height) of each level.
    """

    transform: tuple[float, ...]
    sizes: Sequence[Size]


class PlacedLevel(NamedTuple):
    """A level that all files share.

    Attributes:
        size: (width, height) of the whole.
        windows: where each file lies, in pixels of the level.
        own: which of its levels it is for each file.
    """

    size: Size
    windows: tuple[Window, ...]
    own: tuple[int, ...]


class Placing(NamedTuple):
    """Where files lie in the grid of the whole.

    Attributes:
        transform: of the whole, six coefficients.
        levels: those that all files share, 0 = full resolution.
    """

    transform: tuple[float, ...]
    levels: tuple[PlacedLevel, ...]


def place(files: Sequence[Levels]) -> Placing:
    """Place files of equal pixels (cog.mosaic.grid, cog.mosaic.levels).

    Raises:
        UsageError: a file lies between the pixels of the others.
    """
    offsets = [_offset(files[0].transform, file.transform) for file in files]
    left, top = min(col for col, _ in offsets), min(row for _, row in offsets)
    windows = [
        Window(col - left, row - top, *file.sizes[0])
        for (col, row), file in zip(offsets, files, strict=True)
    ]
    numbers = coefficients(files[0].transform)
    a, b, _, d, e, _ = numbers
    x, y = apply(numbers, left, top)
    full = PlacedLevel(_extent(windows), tuple(windows), (0,) * len(files))
    coarser = (_shared(files, windows, factor) for factor in _factors(files[0]))
    levels = [full, *(level for level in coarser if level is not None)]
    return Placing((a, b, x, d, e, y), tuple(levels))


def _offset(origin: Iterable[float], transform: Sequence[float]) -> tuple[int, int]:
    col, row = invert(origin).apply(transform[2], transform[5])
    if max(abs(col - round(col)), abs(row - round(row))) > MOST_OFF:
        message = f"a file lies {col:.3f} columns and {row:.3f} rows from the first"
        raise UsageError(message)
    return round(col), round(row)


def _extent(windows: Iterable[Window]) -> Size:
    width = height = 0
    for col, row, across, down in windows:
        width, height = max(width, col + across), max(height, row + down)
    return width, height


def _factors(file: Levels) -> list[int]:
    """Return by how much each further level of a file is reduced, where that is a whole number."""
    width, height = file.sizes[0]
    found: list[int] = []
    for across, down in file.sizes[1:]:
        factor = max(round(width / across), round(height / down))
        if (-(-width // factor), -(-height // factor)) == (across, down):
            found.append(factor)
    return found


def _shared(files: Sequence[Levels], windows: Sequence[Window], factor: int) -> PlacedLevel | None:
    """Return the level that is reduced by a factor, None unless its pixels are those of the whole.

    They are where each file has such a level and begins at one of its pixels.
    """
    placed: list[Window] = []
    own: list[int] = []
    for file, (col, row, width, height) in zip(files, windows, strict=True):
        size = -(-width // factor), -(-height // factor)
        if col % factor or row % factor or size not in file.sizes[1:]:
            return None
        own.append(file.sizes.index(size, 1))
        placed.append(Window(col // factor, row // factor, *size))
    whole = _extent(windows)
    return PlacedLevel((-(-whole[0] // factor), -(-whole[1] // factor)), tuple(placed), tuple(own))


def common(one: Window, other: Window) -> Window:
    """Return what two windows share; width or height is 0 where they share nothing."""
    left, top = max(one.col_off, other.col_off), max(one.row_off, other.row_off)
    right = min(one.col_off + one.width, other.col_off + other.width)
    bottom = min(one.row_off + one.height, other.row_off + other.height)
    return Window(left, top, max(right - left, 0), max(bottom - top, 0))


def overlap(one: Window, other: Window) -> bool:
    """Return whether two windows share a pixel."""
    shared = common(one, other)
    return bool(shared.width and shared.height)


def rectangles(windows: Sequence[Window]) -> NDArray[np.int64]:
    """Return (left, top, right, bottom) of windows, (n, 4)."""
    found = np.array(windows, np.int64).reshape(-1, 4)
    found[:, 2:] += found[:, :2]
    return found


def meeting(places: NDArray[np.int64], window: Window) -> NDArray[np.bool_]:
    """Return which rectangles share a pixel with a window, (n,)."""
    col, row, width, height = window
    left, top, right, bottom = places.T
    return (left < col + width) & (right > col) & (top < row + height) & (bottom > row)


MOST_CELLS = 1 << 26
"""Cells between the edges of files beyond which it is not worked out whether they leave gaps."""


def is_covered(windows: Sequence[Window], size: Size) -> bool:
    """Return whether each pixel of the whole lies in a window, False where that is not clear."""
    left, top, right, bottom = rectangles(windows).T
    xs = np.unique(np.concatenate([[0, size[0]], left, right]))
    ys = np.unique(np.concatenate([[0, size[1]], top, bottom]))
    if len(xs) * len(ys) > MOST_CELLS:
        return False
    cells = np.zeros((len(ys) - 1, len(xs) - 1), np.bool_)
    rows, cols = (np.searchsorted(ys, (top, bottom)), np.searchsorted(xs, (left, right)))
    for y0, y1, x0, x1 in zip(*rows.tolist(), *cols.tolist(), strict=True):
        cells[y0:y1, x0:x1] = True
    return bool(cells.all())


def depth(windows: Sequence[Window]) -> int:
    """Return how many windows share a pixel at most; where they nearly do, they may count, too."""
    width, height = _extent(windows)
    across, down = max(-(-width // DEPTH_CELLS), 1), max(-(-height // DEPTH_CELLS), 1)
    counts = np.zeros((height // down + 2, width // across + 2), np.int64)
    for col, row, wide, high in windows:
        left, right = col // across, (col + wide - 1) // across + 1
        top, bottom = row // down, (row + high - 1) // down + 1
        if wide > across:  # a cell that two files share by their edges holds few pixels
            left, right = -(-col // across), max((col + wide) // across, -(-col // across) + 1)
        if high > down:
            top, bottom = -(-row // down), max((row + high) // down, -(-row // down) + 1)
        counts[top, left] += 1
        counts[bottom, left] -= 1
        counts[top, right] -= 1
        counts[bottom, right] += 1
    return max(int(counts.cumsum(axis=0).cumsum(axis=1).max()), 1)
