"""What of a level is read for a key of xarray, and what of that is returned."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import tinycog

Indices = NDArray[np.intp]

AxisKey = int | slice | Indices
"""What is taken along an axis: an index, which drops it, a slice, or indices in ascending order."""


class Selection(NamedTuple):
    """Pixels of some bands that are read, and what is taken of them.

    Attributes:
        bands: places of the bands in the array, ascending.
        window: pixels of the level.
        within: what is taken of these, by axis: bands, rows, cols.
    """

    bands: Indices
    window: tinycog.Window
    within: tuple[AxisKey, AxisKey, AxisKey]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, rows, cols) that are read."""
        return (len(self.bands), self.window.height, self.window.width)

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return what is taken of the values that were read, axis by axis."""
        for axis in (2, 1, 0):  # from the last one: an index drops its axis
            values = values[(*[slice(None)] * axis, self.within[axis])]
        return values

    def take_points(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return what is taken of the values that were read, point by point."""
        return values[self.within]


def enclosing(key: tuple[AxisKey, AxisKey, AxisKey], shape: tuple[int, int, int]) -> Selection:
    """Select the smallest window that holds what a key takes along each axis."""
    bands = np.unique(np.arange(shape[0])[key[0]])
    top, height, rows = _enclosing(key[1], shape[1])
    left, width, cols = _enclosing(key[2], shape[2])
    window = tinycog.Window(left, top, width, height)
    return Selection(bands, window, (_among(bands, key[0]), rows, cols))


def scattered(
    points: tuple[Indices, Indices, Indices], tile: tuple[int, int]
) -> list[tuple[Indices, Selection]]:
    """Select what holds points, (bands, rows, cols) of each: numbers of points, and where they lie.

    That is the smallest window, or one in each tile where most tiles of that window hold no point.
    """
    bands, rows, cols = points
    if not len(rows):
        return []
    down, across = rows // tile[0], cols // tile[1]
    numbers, of_point = np.unique(down * (across.max() + 1) + across, return_inverse=True)
    if len(numbers) * 2 >= np.ptp(down + 1) * np.ptp(across + 1):
        of_point = np.zeros_like(of_point)
    order = np.argsort(of_point, kind="stable")
    ends = np.cumsum(np.bincount(of_point))
    return [
        (group, _around(bands[group], rows[group], cols[group]))
        for group in np.split(order, ends[:-1])
    ]


def _around(bands: Indices, rows: Indices, cols: Indices) -> Selection:
    places = np.unique(bands)
    top, left = int(rows.min()), int(cols.min())
    window = tinycog.Window(left, top, int(cols.max()) + 1 - left, int(rows.max()) + 1 - top)
    return Selection(places, window, (np.searchsorted(places, bands), rows - top, cols - left))


def _enclosing(key: AxisKey, size: int) -> tuple[int, int, AxisKey]:
    """Return start and length of the smallest range that holds a key, and the key within it."""
    if isinstance(key, slice):
        taken = range(size)[key]
        if not taken:
            return 0, 0, slice(0)
        return taken[0], taken[-1] + 1 - taken[0], slice(None, None, taken.step)
    if isinstance(key, np.ndarray):
        start = int(key[0])
        return start, int(key[-1]) + 1 - start, key - start
    return int(key), 1, 0


def _among(places: Indices, key: AxisKey) -> AxisKey:
    """Return the key that takes of ascending `places` what `key` takes of all."""
    if isinstance(key, slice):
        return slice(None)
    found = np.searchsorted(places, key)
    return found if isinstance(key, np.ndarray) else int(found)
