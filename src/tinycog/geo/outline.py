"""Bounds of one CRS in another: what holds all of them (geotiff.place.bounds).

Their outline becomes curves, and in longitudes it may go around a pole or over the antimeridian; a
projection may tear what lies inside apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.checks import check_bounds
from tinycog.errors import UsageError
from tinycog.geo.longitudes import turn_in
from tinycog.geo.transformer import both, transformer

if TYPE_CHECKING:
    import pyproj

EDGE_STEPS = 100
"""Parts into which each edge of bounds is cut: straight lines become curves."""

INNER_POINTS = 33
"""Points along each side of the grid inside of bounds that shows where they are torn apart."""

AT_POLE = 1 - 1e-12
"""Part of a quarter turn beyond which a longitude says nothing."""

BESIDE_POLE = 1 - 1e-11
"""Part of a quarter turn up to which it does."""

Coordinates = NDArray[np.float64]
Bounds = tuple[float, float, float, float]


def bounds_into(bounds: Any, crs: Any, to: Any) -> Bounds:  # noqa: ANN401 - as the caller gives them
    """Return bounds (left, bottom, right, top) that hold those of another CRS.

    In a geographic CRS longitudes go on over the antimeridian: right may be more than half a turn.
    In a projected one that tears the area apart, left and right, or bottom and top, are infinite.

    Args:
        bounds: of `crs`; of longitudes, left > right goes over the antimeridian.
        crs: anything that pyproj accepts.
        to: the same.

    Raises:
        UsageError: the bounds are none, or have no place in `to`; or as `transformer`.
        UnsupportedError: PROJ cannot build the file's CRS.
    """
    source, target = both(crs, to)
    given = left, bottom, right, top = check_bounds(bounds, around=source.is_geographic)
    if left > right:
        right += _turn(source)
    area = _Area(left, bottom, right, top)
    with np.errstate(all="ignore"):
        shown = _off_poles(area, source) if target.is_geographic else area
        x, y, is_whole = _outline(shown, source, target)
        if not x.size:
            message = (
                f"the bounds {given} have no place in the CRS {to}:"
                " bounds are (left, bottom, right, top), longitudes before latitudes"
            )
            raise UsageError(message)
        if target.is_geographic:
            return _geographic(area, source, target, x, y, is_whole=is_whole)
        return _projected(area, source, target, x, y)


class _Area(NamedTuple):
    """An area, left < right and bottom < top."""

    left: float
    bottom: float
    right: float
    top: float

    def edges(self, places: Coordinates) -> tuple[Coordinates, Coordinates]:
        """Return x and y of points on its edges, at 0 to 4 corners from the lower left one."""
        left, bottom, right, top = self
        xs = np.interp(places, range(5), (left, right, right, left, left))
        return xs, np.interp(places, range(5), (bottom, bottom, top, top, bottom))

    def inside(self) -> tuple[Coordinates, Coordinates]:
        """Return x and y of a grid of points inside and on the edges, row by row."""
        xs = np.linspace(self.left, self.right, INNER_POINTS)
        ys = np.linspace(self.bottom, self.top, INNER_POINTS)
        return np.tile(xs, INNER_POINTS), np.repeat(ys, INNER_POINTS)

    def holds(self, x: Coordinates, y: Coordinates) -> NDArray[np.bool_]:
        """Return which points lie in it."""
        return (self.left <= x) & (x <= self.right) & (self.bottom <= y) & (y <= self.top)


def _off_poles(area: _Area, source: pyproj.CRS) -> _Area:
    """Return an area in degrees without the poles themselves, where all longitudes are one."""
    if not source.is_geographic:
        return area
    most = _turn(source) / 4 * BESIDE_POLE
    return area._replace(bottom=max(area.bottom, -most), top=min(area.top, most))


def _outline(
    area: _Area, source: pyproj.CRS, target: pyproj.CRS
) -> tuple[Coordinates, Coordinates, bool]:
    """Return points of an outline that have a place in the target, and whether all have.

    They are denser where it goes furthest out.
    """
    places: Coordinates = np.linspace(0, 4, 4 * EDGE_STEPS + 1)
    x, y = transformer(source, target)(*area.edges(places))
    if target.is_geographic:
        x = _unwrapped(np.asarray(x, np.float64), _turn(target))
    finer: list[Coordinates] = [places]
    for v in (x, y):
        lowest = np.argmin(np.where(np.isfinite(v), v, np.inf))
        highest = np.argmax(np.where(np.isfinite(v), v, -np.inf))
        for i in (int(lowest), int(highest)):
            start, stop = float(places[max(i - 1, 0)]), float(places[min(i + 1, len(places) - 1)])
            finer.append(np.linspace(start, stop, EDGE_STEPS))
    places = np.unique(np.concatenate(finer))
    x, y = _transformed(area.edges(places), source, target)
    return x, y, len(x) == len(places)


def _transformed(
    points: tuple[Coordinates, Coordinates], source: pyproj.CRS, target: pyproj.CRS
) -> tuple[Coordinates, Coordinates]:
    """Return the transformed points that have a place in the target."""
    x, y = (np.asarray(v, np.float64) for v in transformer(source, target)(*points))
    has_place = np.isfinite(x) & np.isfinite(y)
    return x[has_place], y[has_place]


def _unwrapped(x: Coordinates, turn: float) -> Coordinates:
    """Return longitudes that go on over the antimeridian, those that are none left out of it."""
    found, has_place = x.copy(), np.isfinite(x)
    found[has_place] = np.unwrap(x[has_place], period=turn)
    return found


def _geographic(
    area: _Area,
    source: pyproj.CRS,
    target: pyproj.CRS,
    x: Coordinates,
    y: Coordinates,
    *,
    is_whole: bool,
) -> Bounds:
    """Return bounds in longitudes and latitudes, from the points of an outline."""
    turn = _turn(target)
    poles = _poles_of_degrees(area, source, target) or _poles(area, source, target)
    along = _unwrapped(x[np.abs(y) < turn / 4 * AT_POLE], turn)
    goes_around = not along.size or abs(along[-1] - along[0]) > turn / 2
    if goes_around and not poles:  # where they are is not known, but the nearer one is inside
        poles = [float(np.copysign(turn / 4, y.mean()))]
    if not is_whole:
        y = np.append(y, _transformed(area.inside(), source, target)[1])
    bottom, top = float(min(y.min(), *poles, y[0])), float(max(y.max(), *poles, y[0]))
    if goes_around or not is_whole:
        return -turn / 2, bottom, turn / 2, top
    return float(along.min()), bottom, float(along.max()), top


def _projected(
    area: _Area, source: pyproj.CRS, target: pyproj.CRS, x: Coordinates, y: Coordinates
) -> Bounds:
    """Return bounds in a projection, from the points of an outline."""
    inner = [np.asarray(v) for v in transformer(source, target)(*area.inside())]
    poles = _images_of_poles(area, source, target)
    found: list[tuple[float, float]] = []
    for axis, edge in enumerate((x, y)):
        points = inner[axis].reshape(INNER_POINTS, INNER_POINTS)
        known_points = np.concatenate([edge, points.ravel(), *(pole[axis] for pole in poles)])
        known_points = known_points[np.isfinite(known_points)]
        low, high = float(known_points.min()), float(known_points.max())
        steps = (np.diff(edge), np.diff(points), np.diff(points, axis=0))
        longest = max(float(np.max(np.abs(v), initial=0, where=np.isfinite(v))) for v in steps)
        is_torn = longest > (high - low) / 2
        found.append((-np.inf, np.inf) if is_torn else (low, high))
    (left, right), (bottom, top) = found
    return left, bottom, right, top


def _poles_of_degrees(area: _Area, source: pyproj.CRS, target: pyproj.CRS) -> list[float]:
    """Return the latitudes of the poles that an area in degrees reaches."""
    if not source.is_geographic:
        return []
    own, quarter = _turn(source) / 4 * BESIDE_POLE, _turn(target) / 4
    ends = ((-quarter, area.bottom < -own), (quarter, area.top > own))
    return [pole for pole, is_inside in ends if is_inside]


def _poles(area: _Area, source: pyproj.CRS, target: pyproj.CRS) -> list[float]:
    """Return the latitudes of the poles that lie in an area that is projected."""
    geodetic = target.geodetic_crs
    if source.is_geographic or geodetic is None:
        return []
    quarter = _turn(geodetic) / 4
    poles = np.array([-quarter, quarter])
    x, y = (np.asarray(v) for v in transformer(geodetic, source)(np.zeros(2), poles))
    return poles[area.holds(x, y)].tolist()


def _images_of_poles(
    area: _Area, source: pyproj.CRS, target: pyproj.CRS
) -> list[tuple[Coordinates, Coordinates]]:
    """Return what becomes of the poles that lie in an area in a projection: points, or lines."""
    geodetic = target.geodetic_crs
    if geodetic is None:
        return []
    turn = _turn(geodetic)
    around = np.linspace(-turn / 2, turn / 2, EDGE_STEPS)
    return [
        _transformed((around, np.full_like(around, pole)), geodetic, target)
        for pole in _poles(area, source, target)
    ]


def _turn(crs: pyproj.CRS) -> float:
    """Return a full turn in the unit of a geographic CRS."""
    if crs.is_bound and crs.source_crs is not None:
        return _turn(crs.source_crs)
    if crs.is_compound:
        return _turn(crs.sub_crs_list[0])
    return turn_in(crs.axis_info[0].unit_conversion_factor)
