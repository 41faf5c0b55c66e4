"""The grid of a stack: given, or that of its first file (cog.stack.grid)."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from tinycog.errors import UsageError
from tinycog.geo.asked_geometry import AskedGeometry
from tinycog.geo.crs import Crs
from tinycog.geo.same_crs import is_same_crs
from tinycog.geo.windows import PixelGrid
from tinycog.mosaicking.chosen_grid import (
    Bounds,
    ChosenGrid,
    grid_around,
    hull_of,
    in_order,
    is_alike,
    own_crs,
    own_res,
    res_of_file,
)
from tinycog.reader.arguments import AskedPixels
from tinycog.reader.open_file import OpenFile
from tinycog.stacking.stack_options import AskedGrid
from tinycog.window import FloatWindow, meets

RULE = "cog.stack.grid"


class StackGrid(NamedTuple):
    """The grid of a stack.

    Attributes:
        grid: its pixels; it has one level.
        source: position of the file that it has CRS, pixel size or edges of; None if of none.
        asked: which of its pixels are asked for; None for all.
    """

    grid: ChosenGrid
    source: int | None
    asked: AskedPixels | None = None


GEOGRAPHIC_UNIT, PROJECTED_UNIT = 1e-5, 1.0
"""What the edges of a geometry are followed to where the size of pixels is not known."""


def geometry_bounds(asked: AskedGrid, crs: Crs | None) -> Bounds:
    """Return the bounds of a geometry in a CRS.

    Raises:
        UsageError: it has no place there.
    """
    unit = GEOGRAPHIC_UNIT if crs is not None and crs.is_geographic else PROJECTED_UNIT
    across, down = asked.res or (unit, unit)
    geometry = _geometry(asked, PixelGrid((across, 0, 0, 0, -down, 0), (1, 1)), crs)
    assert geometry is not None  # noqa: S101 - the caller's
    return geometry.bounds


def choose_stack_grid(
    asked: AskedGrid, files: Sequence[OpenFile], names: Sequence[str]
) -> StackGrid:
    """Return the grid that a stack has, and which of its pixels are wanted (cog.stack.area).

    Raises:
        MosaicError: files differ in CRS or pixel size, and none is given.
        UsageError: the bounds are none, have no place in the CRS, or the geometry lies outside.
    """
    found = _chosen(asked, files, names)
    if asked.geometry is None and asked.pad_to is None:
        return found
    grid = found.grid
    (cols, rows), step = grid.sizes[0], asked.pad_to or 1
    padded = -(-rows // step) * step, -(-cols // step) * step
    pixels = PixelGrid.of(grid.transform, (cols, rows), grid.crs)
    geometry = _geometry(asked, pixels, grid.crs)
    if geometry is not None and not meets(geometry.window(snapped=False), (cols, rows)):
        message = (
            f"the geometry, {geometry.bounds}, lies outside of the grid in {grid.crs}: is it in"
            " another CRS? pass bounds_crs="
        )
        raise UsageError(message)
    if geometry is None and padded == (rows, cols):
        return found
    whole = FloatWindow(0.0, 0.0, float(cols), float(rows))
    wanted = AskedPixels(geometry, whole, (rows, cols), padded, asked.all_touched)
    return StackGrid(grid._replace(sizes=(padded[::-1],)), found.source, wanted)


def _geometry(asked: AskedGrid, pixels: PixelGrid, crs: Crs | None) -> AskedGeometry | None:
    """Return the geometry on the pixels of a grid in a CRS; None if there is none.

    Raises:
        UsageError: it has a CRS, but the grid has none.
    """
    if asked.geometry is None:
        return None
    if asked.bounds_crs is not None and crs is None:
        raise UsageError("geometry= has a CRS, but the files have none: pass crs=")
    place = None if asked.bounds_crs is None else crs
    return AskedGeometry(asked.geometry, asked.bounds_crs, pixels, place)


def _chosen(asked: AskedGrid, files: Sequence[OpenFile], names: Sequence[str]) -> StackGrid:
    """Return the grid that a stack has (cog.stack.grid).

    Raises:
        MosaicError: files differ in CRS or pixel size, and none is given.
        UsageError: the bounds are none, or have no place in the CRS.
    """
    crs = own_crs(files, names, RULE) if asked.crs is None else asked.crs
    taken = None if asked.crs is not None else 0
    if asked.transform is not None and asked.shape is not None:
        rows, cols = asked.shape
        return StackGrid(ChosenGrid(asked.transform, crs, ((cols, rows),)), taken)
    if asked.bounds is not None:
        bounds = _bounds(asked, crs)
    elif asked.geometry is not None:
        bounds = geometry_bounds(asked, crs)
    else:
        bounds = hull_of(files, crs)
    if not all(abs(value) < inf for value in bounds):
        message = f"the bounds are torn apart in {crs}: pass bounds= of this CRS, or another crs="
        raise UsageError(message)
    if asked.shape is not None:
        return StackGrid(_stretched(bounds, asked.shape, crs), taken)
    res = own_res(files, names, crs, RULE) if asked.res is None else asked.res
    source = _first_alike(files, crs, res)
    origin = (0.0, 0.0)
    if source is not None:
        transform = files[source].geo.transform
        origin = (transform.c, transform.f)
    elif asked.res is None:
        source = 0
    transform, size = grid_around(bounds, res, origin)
    return StackGrid(ChosenGrid(transform, crs, (size,)), source)


def _bounds(asked: AskedGrid, crs: Crs | None) -> Bounds:
    """Return the bounds that are given, in the CRS of the grid."""
    given: Sequence[float] = asked.bounds or ()
    if asked.bounds_crs is None:
        return in_order(given, crs)
    from tinycog.geo.outline import bounds_into  # noqa: PLC0415 - loads pyproj

    if crs is None:
        raise UsageError("bounds_crs= needs the CRS of the grid: the files have none, pass crs=")
    return bounds_into(given, asked.bounds_crs, crs)


def _stretched(bounds: Bounds, shape: tuple[int, int], crs: Crs | None) -> ChosenGrid:
    """Return the grid of so many rows and columns between bounds."""
    (left, bottom, right, top), (rows, cols) = bounds, shape
    across, down = (right - left) / cols, (top - bottom) / rows
    return ChosenGrid((across, 0.0, left, 0.0, -down, top), crs, ((cols, rows),))


def _first_alike(
    files: Sequence[OpenFile], crs: Crs | None, res: tuple[float, float]
) -> int | None:
    """Return the first file whose pixels are those of a north-up grid of this size."""
    for n, file in enumerate(files):
        transform = file.geo.transform
        is_straight = transform.b == transform.d == 0
        if (
            is_straight
            and is_alike(res_of_file(file), res)
            and is_same_crs(file.georeference.crs, crs)
        ):
            return n
    return None
