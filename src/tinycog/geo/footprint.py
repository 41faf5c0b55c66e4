"""Where an image lies on the Earth: bounds and GeoJSON in longitudes and latitudes (WGS 84).

An edge that is straight in the image's CRS becomes a curve: it is cut into as many pieces as a
stated tolerance takes (collection.footprint.tolerance), and what crosses the antimeridian is split
there (collection.footprint.antimeridian).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import ceil, floor, isfinite, log10, sqrt
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tinycog.affine_math import coefficients
from tinycog.errors import UsageError
from tinycog.geo.outline import bounds_into
from tinycog.geo.transformer import Transform, both, transformer

DEGREES = "OGC:CRS84"
"""Longitudes and latitudes of WGS 84: what bounds and GeoJSON are in."""

TOLERANCE = 1e-4
"""Of the longer side of an image: how far an edge of its footprint may lie from where it is."""

FEWEST_PIECES, MOST_PIECES = 8, 512
"""Of an edge, while it is found out how many it takes."""

LEAST_DECIMALS = 7
"""Of coordinates in GeoJSON: a centimetre."""

TURN, POLE = 360.0, 90.0
ROUNDED = 1e-9
"""Degrees that are no distance: what arithmetic leaves of 360 * 0.1 * 10."""

NEAR_POLE = 89.9999

Points = NDArray[np.float64]
Bounds = tuple[float, float, float, float]
GeoJson = dict[str, Any]


class Footprint(NamedTuple):
    """Where an image lies.

    Attributes:
        bounds: (west, south, east, north); west > east goes over the antimeridian.
        geometry: Polygon or MultiPolygon.
    """

    bounds: Bounds
    geometry: GeoJson


def footprint(crs: str, transform: Sequence[float], shape: tuple[int, int]) -> Footprint:
    """Return where an image of (rows, cols) lies.

    Args:
        crs: of the transform: a code, or WKT.
        transform: from (col, row) to (x, y), six numbers or more.
        shape: (rows, cols).

    Raises:
        UsageError: it has no place on the Earth, or pyproj is not installed.
        UnsupportedError: PROJ cannot build the CRS.
    """
    a, b, c, d, e, f = coefficients(transform)
    rows, cols = shape
    corners = np.array([(0, 0), (0, rows), (cols, rows), (cols, 0), (0, 0)], np.float64)
    places = corners @ np.array([[a, d], [b, e]]) + (c, f)
    if a * e - b * d > 0:  # rows go up, or columns to the left
        places = places[::-1]
    to_degrees, is_geographic = _to_degrees(crs)
    curve = curved(places, to_degrees, TOLERANCE)
    if curve is None or (not is_geographic and np.abs(curve.points[:, 1]).max() > NEAR_POLE):
        (left, bottom), (right, top) = places.min(0).tolist(), places.max(0).tolist()
        return _of_hull(bounds_into((left, bottom, right, top), crs, DEGREES))
    return _of_curve(curve)


@lru_cache(maxsize=256)
def _to_degrees(crs: str) -> tuple[Transform, bool]:
    """Make a transformer once for all images of a CRS, and return whether that is geographic."""
    return transformer(crs, DEGREES), both(crs, DEGREES)[0].is_geographic


class Curve(NamedTuple):
    """A line in longitudes and latitudes.

    Attributes:
        points: (n, 2); longitudes go on over the antimeridian.
        error: how far it lies from where it is, in degrees, at most.
    """

    points: Points
    error: float


def curved(corners: Points, to_degrees: Transform, tolerance: float) -> Curve | None:
    """Return a line of another CRS, in as many points as the tolerance takes; None if it is torn.

    Args:
        corners: points of the line, (n, 2).
        to_degrees: transforms them.
        tolerance: part of the longer side of the result.
    """
    pieces = FEWEST_PIECES
    while True:
        points = _transformed(corners, pieces, to_degrees)
        if points is None:
            return None
        size = float((points.max(0) - points.min(0)).max())
        edges = points[: (len(corners) - 1) * pieces].reshape(-1, pieces, 2)
        ends = np.append(edges[1:, 0], points[-1:], axis=0)
        edges = np.concatenate([edges, ends[:, None]], axis=1)
        bends = np.abs(np.diff(edges, 2, axis=1)).max((1, 2)) / 8
        allowed = tolerance * size
        worst = float(bends.max())
        if worst <= allowed or pieces >= MOST_PIECES:
            break
        pieces = min(MOST_PIECES, pieces * max(2, ceil(sqrt(worst / allowed))))
    kept: list[Points] = []
    errors = [0.0]
    for edge, bend in zip(edges, bends.tolist(), strict=True):
        wanted = min(pieces, max(1, ceil(pieces * sqrt(bend / allowed)))) if allowed else 1
        kept.append(edge[_spread(pieces, wanted)])
        errors.append(bend * (pieces / wanted + 1) ** 2)
    return Curve(np.concatenate([*kept, points[-1:]]), max(errors))


@lru_cache(maxsize=4096)
def _spread(pieces: int, wanted: int) -> NDArray[np.intp]:
    """Return where `wanted` of the pieces of an edge begin, spread evenly."""
    return np.unique(np.linspace(0, pieces, wanted, endpoint=False).round().astype(np.intp))


def _transformed(corners: Points, pieces: int, to_degrees: Transform) -> Points | None:
    """Return each edge in pieces, in longitudes that go on; None if not all have a place."""
    steps = np.linspace(0, 1, pieces, endpoint=False)[None, :, None]
    starts, ends = corners[:-1, None], corners[1:, None]
    line = np.concatenate([(starts + (ends - starts) * steps).reshape(-1, 2), corners[-1:]])
    x, y = to_degrees(line[:, 0], line[:, 1])
    points = np.stack([x, y], 1)
    if not np.isfinite(points).all():
        return None
    if np.abs(np.diff(points[:, 0])).max() > TURN / 2:
        points[:, 0] = np.unwrap(points[:, 0], period=TURN)
    return points


def _of_curve(curve: Curve) -> Footprint:
    """Return the footprint of a closed line, which goes around a pole if its ends are apart."""
    points, error = curve
    around = round((points[-1, 0] - points[0, 0]) / TURN)
    left, right = float(points[:, 0].min()), float(points[:, 0].max())
    bottom, top = float(points[:, 1].min()) - error, float(points[:, 1].max()) + error
    if around:
        pole = POLE if points[:, 1].mean() > 0 else -POLE
        bottom, top = min(bottom, pole), max(top, pole)
        ends = np.array([(points[-1, 0], pole), (points[0, 0], pole)])
        points = np.concatenate([points, ends, points[:1]])
        if around < 0:
            points = points[::-1]
    decimals = _decimals(error)
    found = Footprint(
        _bounds(left - error, bottom, right + error, top), _polygons(points, decimals)
    )
    return found if not around else found._replace(bounds=_bounds(-180, bottom, 180, top))


def _of_hull(hull: Bounds) -> Footprint:
    """Return the footprint of an image that a projection tears apart: all of its bounds."""
    if not all(map(isfinite, hull)):
        message = f"the image has no place on the Earth: its bounds are {hull}"
        raise UsageError(message)
    left, bottom, right, top = hull
    ring = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
    return Footprint(_bounds(*hull), _polygons(np.array(ring), LEAST_DECIMALS))


def box_geometry(bounds: Sequence[float]) -> GeoJson:
    """Return bounds as GeoJSON; west > east goes over the antimeridian."""
    west, south, east, north = bounds
    return _of_hull((west, south, east + TURN if west > east else east, north)).geometry


def _decimals(error: float) -> int:
    """Return the decimals that are worth writing."""
    return max(LEAST_DECIMALS, ceil(-log10(error)) + 1 if error > 1e-12 else LEAST_DECIMALS)  # noqa: PLR2004 - less is rounding


def _bounds(left: float, bottom: float, right: float, top: float) -> Bounds:
    """Return bounds whose longitudes lie in -180 to 180; west > east goes over the antimeridian."""
    bottom, top = max(bottom, -POLE), min(top, POLE)
    if right - left >= TURN - ROUNDED:
        return -180.0, bottom, 180.0, top
    shift = TURN * floor((left + TURN / 2 + ROUNDED) / TURN)
    west, east = max(left - shift, -180.0), right - shift
    east = min(east, 180.0) if east <= TURN / 2 + ROUNDED else east - TURN
    return west, bottom, east, top


def _polygons(ring: Points, decimals: int) -> GeoJson:
    """Return a closed ring as GeoJSON, split at the antimeridian (RFC 7946, section 3.1.9)."""
    first = floor((float(ring[:, 0].min()) + TURN / 2 + ROUNDED) / TURN)
    last = ceil((float(ring[:, 0].max()) + TURN / 2 - ROUNDED) / TURN)
    parts: list[list[list[list[float]]]] = []
    for turn in range(first, max(last, first + 1)):
        part = ring - (turn * TURN, 0)
        part = _clipped(_clipped(part, -180.0, 1), 180.0, -1)
        if len(part) < 4 or not np.ptp(part[:, 0]):  # noqa: PLR2004 - less is no area
            continue
        points = part.round(decimals).tolist()
        parts.append([[p for i, p in enumerate(points) if not i or p != points[i - 1]]])
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def _clipped(ring: Points, meridian: float, side: int) -> Points:
    """Return what of a closed ring lies east (`side` 1) or west (-1) of a meridian."""
    inside = (ring[:, 0] - meridian) * side >= 0
    if inside.all():
        return ring
    kept: list[tuple[float, float]] = []
    pairs = zip(ring[:-1].tolist(), ring[1:].tolist(), inside[:-1], inside[1:], strict=True)
    for (x, y), (x2, y2), here, there in pairs:
        if here:
            kept.append((x, y))
        if here != there:
            kept.append((meridian, y + (y2 - y) * (meridian - x) / (x2 - x)))
    if not kept:
        return np.empty((0, 2))
    return np.array([*kept, kept[0]])


# --- GeoJSON of a caller -------------------------------------------------------------------------


def in_degrees(geometry: Mapping[str, Any], crs: object) -> GeoJson:
    """Return GeoJSON of another CRS in longitudes and latitudes, its edges as curves.

    Raises:
        UsageError: it is no GeoJSON, or has no place on the Earth.
    """
    return _mapped(geometry, transformer(crs, DEGREES), crs)


def _mapped(geometry: Mapping[str, Any], to_degrees: Transform, crs: object) -> GeoJson:
    kind = geometry["type"]
    if kind == "GeometryCollection":
        parts = [_mapped(part, to_degrees, crs) for part in geometry["geometries"]]
        return {"type": kind, "geometries": parts}
    is_line = kind not in ("Point", "MultiPoint")

    def of(given: Any) -> Any:  # noqa: ANN401 - coordinates of any depth
        if given and not isinstance(given[0], int | float):
            is_points = isinstance(given[0][0], int | float) if given[0] else False
            return line(given) if is_points and is_line else [of(one) for one in given]
        return line([given])[0] if given else []

    def line(given: Any) -> list[list[float]]:  # noqa: ANN401 - likewise
        corners = np.array([tuple(point)[:2] for point in given], np.float64)
        if len(corners) > 1:
            found = curved(corners, to_degrees, TOLERANCE)
            points = None if found is None else found.points
        else:
            x, y = to_degrees(corners[:, 0], corners[:, 1])
            points = np.stack([x, y], 1)
        if points is None or not np.isfinite(points).all():
            message = f"the geometry has no place on the Earth in the CRS {crs}"
            raise UsageError(message)
        return cast("list[list[float]]", points.tolist())

    return {"type": kind, "coordinates": of(geometry["coordinates"])}


def points_of(geometry: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    """Yield all points of GeoJSON."""
    if geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from points_of(part)
        return

    def walk(given: Any) -> Iterator[tuple[float, float]]:  # noqa: ANN401 - of any depth
        if given and isinstance(given[0], int | float):
            yield float(given[0]), float(given[1])
            return
        for one in given:
            yield from walk(one)

    yield from walk(geometry["coordinates"])
