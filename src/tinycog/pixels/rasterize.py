"""Polygons to masks: pixels whose centre lies inside (geotiff.place.geometry). No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.mask import Mask

MOST_TOUCHED = 1 << 22
"""Pixels that are set at once; a line adds those that it goes through."""

Ring = NDArray[np.float64]
Index = NDArray[np.intp]


def rasterize(
    polygons: Sequence[Sequence[Ring]], shape: tuple[int, int], *, all_touched: bool = False
) -> Mask:
    """Return which pixels lie in any of some polygons.

    A centre on an edge belongs to what lies to the left of it, or below: of two polygons that
    share an edge, a pixel is in one of them.

    Args:
        polygons: closed rings (n, 2) of each, in pixels (col, row) from the corner of the first; a
            point is inside of a polygon if it is inside of an odd number of its rings.
        shape: (rows, cols).
        all_touched: count pixels of which a polygon touches any part, too.

    Returns:
        (rows, cols), True where a pixel is inside.
    """
    found = np.zeros(shape, np.bool_)
    for rings in polygons:
        starts, stops = _edges(rings)
        _fill(starts, stops, found)
        if all_touched:
            _touch(starts, stops, found)
    return found


def _edges(rings: Sequence[Ring]) -> tuple[Ring, Ring]:
    """Return where edges start and stop, from the upper end to the lower one."""
    starts = np.concatenate([ring[:-1] for ring in rings])
    stops = np.concatenate([ring[1:] for ring in rings])
    goes_up = (starts[:, 1] > stops[:, 1])[:, None]
    return np.where(goes_up, stops, starts), np.where(goes_up, starts, stops)


def _lines(first: Ring | Index, last: Ring | Index, count: int) -> tuple[Index, Index]:
    """Return (edge, row) of each row, of `count`, between two of each edge, half-open."""
    start, stop = (np.clip(v, 0, count).astype(np.intp) for v in (first, last))
    lengths = np.maximum(stop - start, 0)
    edges = np.repeat(np.arange(len(lengths)), lengths)
    before = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return edges, start[edges] + np.arange(len(edges)) - before


def _columns(points: Ring) -> tuple[Ring, Ring]:
    return points[:, 0], points[:, 1]


def _fill(starts: Ring, stops: Ring, found: Mask) -> None:
    """Set the pixels whose centres lie inside of an odd number of rings."""
    height, width = found.shape
    edges, rows = _lines(np.ceil(starts[:, 1] - 0.5), np.ceil(stops[:, 1] - 0.5), height)
    if not len(edges):
        return
    (x, y), (x2, y2) = _columns(starts[edges]), _columns(stops[edges])
    at = (rows + 0.5 - y) * (x2 - x) / (y2 - y) + x
    cols = np.clip(np.floor(at + 0.5), 0, width).astype(np.intp)
    top, left = int(rows.min()), int(cols.min())
    part = found[top : int(rows.max()) + 1, left : int(cols.max())]
    crossed = np.zeros((part.shape[0], part.shape[1] + 1), np.uint8)
    np.bitwise_xor.at(crossed, (rows - top, cols - left), 1)
    part |= np.bitwise_xor.accumulate(crossed, axis=1)[:, :-1].view(np.bool_)


def _touch(starts: Ring, stops: Ring, found: Mask) -> None:
    """Set the pixels that edges go through; those that they only border on are left."""
    height, width = found.shape
    is_flat = starts[:, 1] == stops[:, 1]
    first, last = np.floor(starts[:, 1]), np.ceil(stops[:, 1])
    edges, rows = _lines(first, np.where(is_flat & (first == last), first, last), height)
    if not len(edges):
        return
    (x, y), (x2, y2) = _columns(starts[edges]), _columns(stops[edges])
    slope = (x2 - x) / np.where(y2 == y, 1.0, y2 - y)
    flat = is_flat[edges]
    one = np.where(flat, x, x + (np.maximum(rows, y) - y) * slope)
    other = np.where(flat, x2, x + (np.minimum(rows + 1, y2) - y) * slope)
    left = np.clip(np.floor(np.minimum(one, other)), 0, width).astype(np.intp)
    right = np.clip(np.ceil(np.maximum(one, other)), 0, width).astype(np.intp)
    reach = np.cumsum(np.maximum(right - left, 0))
    cuts = np.searchsorted(reach, np.arange(MOST_TOUCHED, int(reach[-1]), MOST_TOUCHED))
    for first_line, last_line in pairwise([0, *cuts.tolist(), len(reach)]):
        lines = slice(first_line, last_line)
        spans, cols = _lines(left[lines], right[lines], width)
        found[rows[lines][spans], cols] = True
