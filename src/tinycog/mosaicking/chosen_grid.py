"""The grid that files are warped to: one that a caller chooses, or that of the files."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, inf
from typing import NamedTuple

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
    chosen = _own_crs(files, names) if crs is None else given_crs(crs)
    across, down = _own_res(files, names, chosen) if res is None else check_res(res)
    if bounds is None:
        left, bottom, right, top = _hull(files, chosen)
    else:
        turn = full_turn(chosen)
        left, bottom, right, top = check_bounds(bounds, around=turn is not None)
        right += turn if turn is not None and left > right else 0.0
    if not all(abs(v) < inf for v in (left, bottom, right, top)):
        message = "the files have no bounds in this CRS: pass bounds="
        raise UsageError(message)
    col, row = _down(left / across), _down(-top / down)
    width, height = _up(right / across) - col, _up(-bottom / down) - row
    sizes: list[Size] = [(max(width, 1), max(height, 1))]
    factor = 2
    while max(sizes[-1]) > SMALLEST_LEVEL:
        sizes.append((-(-sizes[0][0] // factor), -(-sizes[0][1] // factor)))
        factor *= 2
    transform = (across, 0.0, col * across, 0.0, -down, -row * down)
    return ChosenGrid(transform, chosen, tuple(sizes))


def _down(value: float) -> int:
    return round(value) if abs(value - round(value)) < ALIKE else floor(value)


def _up(value: float) -> int:
    return round(value) if abs(value - round(value)) < ALIKE else ceil(value)


def _own_crs(files: Sequence[OpenFile], names: Sequence[str]) -> Crs | None:
    first = files[0].georeference.crs
    for file, name in zip(files[1:], names[1:], strict=True):
        own = file.georeference.crs
        if is_same_crs(first, own) is not True:
            text = f"{name} has {own}, but {names[0]} has {first}: pass crs="
            raise MosaicError.of_findings([Finding("cog.mosaic.warped", text)])
    return first


def _own_res(
    files: Sequence[OpenFile], names: Sequence[str], crs: Crs | None
) -> tuple[float, float]:
    first = _res(files[0])
    for file, name in zip(files, names, strict=True):
        own = _res(file)
        same = all(abs(a - b) <= ALIKE * b for a, b in zip(own, first, strict=True))
        if not same or is_same_crs(file.georeference.crs, crs) is not True:
            text = f"{name} has pixels of {own} in {file.georeference.crs}, which are not those of"
            text += f" the grid, from {names[0]}: pass res="
            raise MosaicError.of_findings([Finding("cog.mosaic.warped", text)])
    return first


def _res(file: OpenFile) -> tuple[float, float]:
    from tinycog.geo.transform import res_of  # noqa: PLC0415 - loads attrs

    return res_of(file.geo.transform)


def _hull(files: Sequence[OpenFile], crs: Crs | None) -> Bounds:
    """Return bounds that hold all files."""
    lefts, bottoms, rights, tops = zip(*(_bounds(file, crs) for file in files), strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _bounds(file: OpenFile, crs: Crs | None) -> Bounds:
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
            bounds = _bounds(file, grid.crs)
            col, row, width, height = window_of_bounds(bounds, level, snapped=True, is_hull=True)
        except TinycogError:
            found.append(whole)
            continue
        grown = (col - MARGIN, row - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN)
        found.append(inside(FloatWindow(*grown), size))
    return found
