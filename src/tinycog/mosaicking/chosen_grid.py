"""The grid that files are warped to: one that a caller chooses, or that of the files."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, inf
from typing import NamedTuple

from tinycog.affine_math import Coefficients
from tinycog.argument_types import CrsLike
from tinycog.checks import check_bounds, check_res
from tinycog.errors import Finding, MosaicError, TinycogError, UsageError
from tinycog.geo.crs import Crs
from tinycog.geo.given_crs import given_crs
from tinycog.geo.longitudes import full_turn
from tinycog.geo.same_crs import is_same_crs
from tinycog.geo.windows import PixelGrid, window_of_bounds
from tinycog.reader.open_file import OpenFile
from tinycog.window import FloatWindow, Size, Window, inside

SMALLEST_LEVEL = 256
"""Rows or columns below which no further level is made."""

ALIKE = 1e-6
"""Relative difference below which pixel sizes are equal."""

MARGIN = 1
"""Pixels around the bounds of a file: their edges are no straight lines."""

Bounds = tuple[float, float, float, float]


class ChosenGrid(NamedTuple):
    """Pixels of the whole.

    Attributes:
        transform: of level 0, six coefficients.
        crs: of the coordinates; None if none of the files has one.
        sizes: (width, height) of each level.
    """

    transform: tuple[float, float, float, float, float, float]
    crs: Crs | None
    sizes: tuple[Size, ...]


def choose_grid(
    files: Sequence[OpenFile],
    names: Sequence[str],
    crs: CrsLike | None,
    res: float | Sequence[float] | None,
    bounds: Sequence[float] | None,
) -> ChosenGrid:
    """Return the grid that files are warped to (cog.mosaic.warped).

    Its corner lies at whole multiples of the pixel size, so that grids of one size fit each other.

    Raises:
        MosaicError: no CRS or pixel size is given, and the files differ in it.
        UsageError: an argument is wrong.
    """
    rule = "cog.mosaic.warped"
    chosen = own_crs(files, names, rule) if crs is None else given_crs(crs)
    size = own_res(files, names, chosen, rule) if res is None else check_res(res)
    hull = hull_of(files, chosen) if bounds is None else in_order(bounds, chosen)
    transform, whole = grid_around(hull, size)
    sizes: list[Size] = [whole]
    factor = 2
    while max(sizes[-1]) > SMALLEST_LEVEL:
        sizes.append((-(-sizes[0][0] // factor), -(-sizes[0][1] // factor)))
        factor *= 2
    return ChosenGrid(transform, chosen, tuple(sizes))


def in_order(bounds: Sequence[float], crs: Crs | None) -> Bounds:
    """Return bounds of a caller; of longitudes, right goes on over the antimeridian.

    Raises:
        UsageError: they are none.
    """
    turn = full_turn(crs)
    left, bottom, right, top = check_bounds(bounds, around=turn is not None)
    return left, bottom, right + (turn if turn is not None and left > right else 0.0), top


def grid_around(
    bounds: Bounds, res: tuple[float, float], origin: tuple[float, float] = (0.0, 0.0)
) -> tuple[Coefficients, Size]:
    """Return transform and (width, height) of the grid that holds bounds.

    Args:
        bounds: (left, bottom, right, top).
        res: pixel size (x, y).
        origin: (x, y) of an edge of some pixel: the others are whole pixels apart.

    Raises:
        UsageError: the bounds are not finite.
    """
    if not all(abs(v) < inf for v in bounds):
        message = "the files have no bounds in this CRS: pass bounds="
        raise UsageError(message)
    (left, bottom, right, top), (across, down), (x, y) = bounds, res, origin
    col, row = _down((left - x) / across), _down((y - top) / down)
    width, height = _up((right - x) / across) - col, _up((y - bottom) / down) - row
    transform = (across, 0.0, x + col * across, 0.0, -down, y - row * down)
    return transform, (max(width, 1), max(height, 1))


def _down(value: float) -> int:
    return round(value) if abs(value - round(value)) < ALIKE else floor(value)


def _up(value: float) -> int:
    return round(value) if abs(value - round(value)) < ALIKE else ceil(value)


def own_crs(files: Sequence[OpenFile], names: Sequence[str], rule: str) -> Crs | None:
    """Return the CRS that all files share.

    Raises:
        MosaicError: they do not, which breaks `rule`.
    """
    first = files[0].georeference.crs
    for file, name in zip(files[1:], names[1:], strict=True):
        own = file.georeference.crs
        if is_same_crs(first, own) is not True:
            text = f"{name} has {own}, but {names[0]} has {first}: pass crs="
            raise MosaicError.of_findings([Finding(rule, text)])
    return first


def own_res(
    files: Sequence[OpenFile], names: Sequence[str], crs: Crs | None, rule: str
) -> tuple[float, float]:
    """Return the pixel size that all files share, in the CRS of the grid.

    Raises:
        MosaicError: they do not, which breaks `rule`.
    """
    first = res_of_file(files[0])
    for file, name in zip(files, names, strict=True):
        own = res_of_file(file)
        if not is_alike(own, first) or is_same_crs(file.georeference.crs, crs) is not True:
            text = f"{name} has pixels of {own} in {file.georeference.crs}, which are not those of"
            text += f" the grid, from {names[0]}: pass res="
            raise MosaicError.of_findings([Finding(rule, text)])
    return first


def is_alike(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Return whether pixel sizes are equal, rounding aside."""
    return all(abs(a - b) <= ALIKE * b for a, b in zip(one, other, strict=True))


def res_of_file(file: OpenFile) -> tuple[float, float]:
    """Return the pixel size of a file (x, y)."""
    from tinycog.geo.transform import res_of  # noqa: PLC0415 - loads attrs

    return res_of(file.geo.transform)


def hull_of(files: Sequence[OpenFile], crs: Crs | None) -> Bounds:
    """Return bounds that hold all files."""
    lefts, bottoms, rights, tops = zip(*(bounds_in(file, crs) for file in files), strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def bounds_in(file: OpenFile, crs: Crs | None) -> Bounds:
    """Return bounds of a file in a CRS."""
    own = file.georeference
    extent = own.grid(own.size).extent
    if crs is None or is_same_crs(own.crs, crs):
        return extent
    from tinycog.geo.outline import bounds_into  # noqa: PLC0415 - loads pyproj

    return bounds_into(extent, own.place(), crs)


def windows_of(file: OpenFile, grid: ChosenGrid) -> list[Window]:
    """Return the pixels of each level that a file may have; all where its bounds are torn."""
    found: list[Window] = []
    for size in grid.sizes:
        whole = Window(0, 0, *size)
        across, down = grid.sizes[0][0] / size[0], grid.sizes[0][1] / size[1]
        a, b, c, d, e, f = grid.transform
        level = PixelGrid.of((a * across, b, c, d, e * down, f), size, grid.crs)
        try:
            bounds = bounds_in(file, grid.crs)
            col, row, width, height = window_of_bounds(bounds, level, snapped=True, is_hull=True)
        except TinycogError:
            found.append(whole)
            continue
        grown = (col - MARGIN, row - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN)
        found.append(inside(FloatWindow(*grown), size))
    return found
