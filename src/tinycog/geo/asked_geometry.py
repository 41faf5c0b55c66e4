"""A geometry that a caller gives: which pixels it covers (geotiff.place.geometry)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycog.affine_math import invert
from tinycog.errors import UsageError
from tinycog.geo.crs import Crs
from tinycog.geo.longitudes import full_turn
from tinycog.geo.polygons import Polygon, Ring, curved, in_extent, polygons_of
from tinycog.geo.windows import PixelGrid, window_of_hull
from tinycog.window import SNAP, FloatWindow, meets, reaches_out

if TYPE_CHECKING:
    from tinycog.argument_types import CrsLike, GeometryLike

MOST_PIXELS = 2.0**31
"""Columns and rows that are known to a millionth of a pixel."""


def crs_of(geometry: GeometryLike, crs: CrsLike | None) -> CrsLike | None:
    """Return the CRS that a caller gives, or else that which the geometry has.

    That is an attribute of it, or the member of GeoJSON before RFC 7946, which GDAL writes still.

    Raises:
        UsageError: the member names none.
    """
    if crs is not None or not isinstance(geometry, Mapping):
        given: Any = getattr(geometry, "crs", None) if crs is None else crs
        return given
    member: Any = geometry.get("crs")
    try:
        return None if member is None else str(member["properties"]["name"])
    except (KeyError, TypeError) as exc:
        message = f"the member crs of geometry= names no CRS: {str(member)[:80]}: pass crs="
        raise UsageError(message) from exc


class AskedGeometry:
    """A geometry that a caller gives, on the pixels of a level."""

    def __init__(
        self, geometry: GeometryLike, crs: CrsLike | None, grid: PixelGrid, place: Crs | None
    ) -> None:
        """Keep it; nothing is checked yet.

        Args:
            geometry: as a caller gives it.
            crs: of its coordinates; None if that is the file's.
            grid: of the level.
            place: the CRS that the file lies in; None if it is not needed.
        """
        self._given, self._grid, self._place, self._crs = geometry, grid, place, crs

    @cached_property
    def _polygons(self) -> list[Polygon]:
        """In coordinates of the file.

        Raises:
            UsageError: it is no area, or has no place in the file's CRS.
        """
        found = polygons_of(self._given)
        if self._crs is not None:
            found = [[self._moved(ring) for ring in rings] for rings in found]
        left, _, right, _ = self._grid.extent
        return in_extent(found, (left, right), self._grid.turn)

    def _moved(self, ring: Ring) -> Ring:
        from tinycog.geo.transformer import into_crs  # noqa: PLC0415 - loads pyproj

        inverse = invert(self._grid.transform)
        x0, y0 = inverse.apply(0.0, 0.0)

        def into(points: Ring) -> Ring:
            with np.errstate(all="ignore"):
                return into_crs(points, self._crs, self._place)

        def unit(steps: Ring) -> Ring:
            cols, rows = inverse.apply(steps[:, 0], steps[:, 1])
            return np.stack([cols - x0, rows - y0], 1)

        return curved(ring, into, unit, full_turn(self._place))

    @cached_property
    def pixels(self) -> list[Polygon]:
        """In pixels of the level, (col, row), to a millionth.

        Raises:
            UsageError: as `window`.
        """
        return [[self._to_pixels(ring).round(6) for ring in rings] for rings in self._polygons]

    def _to_pixels(self, ring: Ring) -> Ring:
        cols, rows = invert(self._grid.transform).apply(ring[:, 0], ring[:, 1])
        found = np.stack([cols, rows], 1)
        if not (np.abs(found) < MOST_PIXELS).all():
            message = "the geometry is too far away from the image: is it in another CRS? pass crs="
            raise UsageError(message)
        return found

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) that hold it, in coordinates of the file.

        Raises:
            UsageError: it is no area, or has no place in the file's CRS.
        """
        hull = np.concatenate([ring for rings in self._polygons for ring in rings])
        (left, bottom), (right, top) = hull.min(axis=0).tolist(), hull.max(axis=0).tolist()
        return left, bottom, right, top

    def window(self, *, snapped: bool) -> FloatWindow:
        """Return the window that holds it; `snapped` extends that to whole pixels.

        Raises:
            UsageError: it is no area, or has no place in the file's CRS.
        """
        rings = [ring for rings in self._polygons for ring in rings]
        left, _, right, _ = self._grid.extent
        if self._grid.turn is not None and _is_straight(self._grid):
            inside = [ring for ring in rings if _overlaps(ring, left, right)]
            # what goes on over the end of the file lies at the other end of it, too
            rings = [np.clip(ring, (left, -np.inf), (right, np.inf)) for ring in inside] or rings
        hull = np.concatenate([self._to_pixels(ring) for ring in rings])
        low, high = hull.min(axis=0).tolist(), hull.max(axis=0).tolist()
        return window_of_hull(low, high, self._grid.size, SNAP if snapped else None)

    def check_inside(self, window: FloatWindow, *, crop: bool) -> None:
        """Check that the window that it covers does not reach over the edge of the image.

        `crop` allows it to, but not to lie outside.

        Raises:
            UsageError: it does.
        """
        size = self._grid.size
        if not meets(window, size):
            hint = (
                ": is it in another CRS? pass crs=" if self._crs is None else f" in {self._crs!s}"
            )
            message = f"the geometry lies outside of the file, {self._grid.extent}{hint}"
            raise UsageError(message)
        if reaches_out(window, size) and not crop:
            message = (
                f"the geometry reaches over the edge of the file, {self._grid.extent}:"
                " pass crop=True for the part inside, boundless=True, or a smaller one"
            )
            raise UsageError(message)


def _is_straight(grid: PixelGrid) -> bool:
    _, b, _, d, _, _ = grid.transform
    return b == d == 0


def _overlaps(ring: Ring, left: float, right: float) -> bool:
    return bool(ring[:, 0].max() > left and ring[:, 0].min() < right)
