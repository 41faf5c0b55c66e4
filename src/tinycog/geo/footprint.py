"""Where an image lies on the Earth: bounds and GeoJSON in longitudes and latitudes (WGS 84).

An edge that is straight in the image's CRS becomes a curve: it is cut into as many pieces as a
stated tolerance takes (cog.collection.footprint), and what crosses the antimeridian is split
there (cog.collection.antimeridian).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from math import ceil, floor, isfinite, log10
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
    with _any_numbers():
        corners = _corners([transform], [shape])
        (found,) = _of_plain(corners, *_to_degrees(crs))
        return found or _of_any(corners[0], crs)


def footprints(
    crs: str, transforms: Sequence[Sequence[float]], shapes: Sequence[tuple[int, int]]
) -> list[Footprint | None]:
    """Return where images of one CRS lie, as `footprint` does; None for one without a place.

    Raises:
        UsageError: the CRS is unknown, or pyproj is not installed.
        UnsupportedError: PROJ cannot build the CRS.
    """
    with _any_numbers():
        corners = _corners(transforms, shapes)
        found = _of_plain(corners, *_to_degrees(crs))
        for i in (i for i, one in enumerate(found) if one is None):
            with suppress(UsageError):
                found[i] = _of_any(corners[i], crs)
    return found


def _any_numbers() -> np.errstate:
    """Allow numbers of a file that overflow: what comes of them has no place."""
    return np.errstate(divide="ignore", over="ignore", invalid="ignore")


@lru_cache(maxsize=256)
def _to_degrees(crs: str) -> tuple[Transform, bool]:
    """Make a transformer once for all images of a CRS, and return whether that is geographic."""
    return transformer(crs, DEGREES), both(crs, DEGREES)[0].is_geographic


def _corners(transforms: Sequence[Sequence[float]], shapes: Sequence[tuple[int, int]]) -> Points:
    """Return the corners of images, counter-clockwise, the first one again at the end."""
    numbers = np.array([coefficients(transform) for transform in transforms], np.float64)
    rows, cols = np.array(shapes, np.float64).T[:, :, None]
    a, b, c, d, e, f = numbers.T[:, :, None]
    col, row = cols * (0, 0, 1, 1, 0), rows * (0, 1, 1, 0, 0)
    found = np.stack([a * col + b * row + c, d * col + e * row + f], -1)
    turned = (a * e - b * d)[:, 0] > 0  # rows go up, or columns to the left
    found[turned] = found[turned, ::-1]
    return found


def _of_plain(
    corners: Points,
    to_degrees: Transform,
    is_geographic: bool,  # noqa: FBT001 - private
) -> list[Footprint | None]:
    """Return the footprints of images of a few hundred kilometres at most, all at once.

    None for those whose edges bend more, go over the antimeridian or around a pole, or have no
    place.
    """
    pieces = FEWEST_PIECES
    line = _in_pieces(corners, pieces)
    x, y = to_degrees(line[..., 0].ravel(), line[..., 1].ravel())
    points = np.stack([x, y], 1).reshape(line.shape)
    is_plain = np.isfinite(points).all((1, 2))
    points[~is_plain] = 0
    low, high = points.min(1), points.max(1)
    is_plain &= (low[:, 0] >= -TURN / 2) & (high[:, 0] <= TURN / 2)
    is_plain &= np.abs(np.diff(points[..., 0])).max(1) < TURN / 4
    is_plain &= np.abs(points[:, -1] - points[:, 0]).max(1) < ROUNDED
    is_plain &= is_geographic | (np.maximum(-low[:, 1], high[:, 1]) <= NEAR_POLE)
    bends = _bends(points, pieces).max(1)
    allowed = TOLERANCE * (high - low).max(1)
    is_plain &= bends <= allowed
    found: list[Footprint | None] = [None] * len(points)
    with np.errstate(divide="ignore", invalid="ignore"):
        strides = np.where(bends * 64 <= allowed, 8, np.where(bends * 16 <= allowed, 4, 2))
        strides = np.where(bends * 4 > allowed, 1, strides)
    errors = bends * strides**2
    decimals = np.array([_decimals(one) for one in allowed.tolist()])
    kinds = zip(strides[is_plain].tolist(), decimals[is_plain].tolist(), strict=True)
    for stride, digits in set(kinds):
        at = np.flatnonzero(is_plain & (strides == stride) & (decimals == digits))
        rings = points[at, ::stride].round(digits)
        rings[:, -1] = rings[:, 0]
        margin = errors[at, None]
        hulls = np.concatenate([low[at] - margin, high[at] + margin], 1)
        for i, ring, (west, south, east, north) in zip(
            at.tolist(), rings.tolist(), hulls.tolist(), strict=True
        ):
            geometry = {"type": "Polygon", "coordinates": [ring]}
            found[i] = Footprint(_bounds(west, south, east, north), geometry)
    return found


def _of_any(corners: Points, crs: str) -> Footprint:
    """Return the footprint of an image, wherever it lies.

    Raises:
        UsageError: it has no place on the Earth.
    """
    to_degrees, is_geographic = _to_degrees(crs)
    curve = curved(corners, to_degrees, TOLERANCE)
    if curve is None or (not is_geographic and np.abs(curve.points[:, 1]).max() > NEAR_POLE):
        (left, bottom), (right, top) = corners.min(0).tolist(), corners.max(0).tolist()
        return _of_hull(bounds_into((left, bottom, right, top), crs, DEGREES))
    return _of_curve(curve)


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
        allowed = tolerance * float(np.ptp(points, axis=0).max())
        bends = _bends(points[None], pieces)[0].tolist()
        if max(bends) <= allowed or pieces >= MOST_PIECES:
            break
        pieces *= 2
    kept: list[Points] = []
    errors: list[float] = []
    for edge, bend in enumerate(bends):
        stride = 1
        while stride < pieces and bend * (2 * stride) ** 2 <= allowed:
            stride *= 2
        kept.append(points[edge * pieces : (edge + 1) * pieces : stride])
        errors.append(bend * stride**2)
    return Curve(np.concatenate([*kept, points[-1:]]), max(errors))


def _bends(points: Points, pieces: int) -> Points:
    """Return how far each edge in pieces may lie from the curve that it stands for, in degrees.

    Args:
        points: lines (m, n * pieces + 1, 2), of n edges each.
        pieces: of an edge.
    """
    edges = points[:, :-1].reshape(len(points), -1, pieces, 2)
    ends = points[:, pieces::pieces, None]
    return np.abs(np.diff(np.concatenate([edges, ends], 2), 2, axis=2)).max((2, 3)) / 8


def _in_pieces(corners: Points, pieces: int) -> Points:
    """Return lines (m, n + 1, 2) with each edge in pieces."""
    steps = np.linspace(0, 1, pieces, endpoint=False)[:, None]
    starts, ends = corners[:, :-1, None], corners[:, 1:, None]
    line = (starts + (ends - starts) * steps).reshape(len(corners), -1, 2)
    return np.concatenate([line, corners[:, -1:]], 1)


def _transformed(corners: Points, pieces: int, to_degrees: Transform) -> Points | None:
    """Return each edge in pieces, in longitudes that go on; None if not all have a place."""
    (line,) = _in_pieces(corners[None], pieces)
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
    (left, bottom), (right, top) = points.min(0).tolist(), points.max(0).tolist()
    decimals = _decimals(TOLERANCE * max(right - left, top - bottom))
    bottom, top = bottom - error, top + error
    if around:
        pole = POLE if points[:, 1].mean() > 0 else -POLE
        bounds = _bounds(-TURN / 2, min(bottom, pole), TURN / 2, max(top, pole))
        return Footprint(bounds, _polygons(_with_pole(points, around, pole), decimals, [0]))
    bounds = _bounds(left - error, bottom, right + error, top)
    return Footprint(bounds, _polygons(points, decimals))


def _with_pole(points: Points, around: int, pole: float) -> Points:
    """Return a ring that holds a line around a pole, three times, and the pole itself."""
    turn = np.array((TURN * around, 0))
    line = np.concatenate([points[:-1] - turn, points[:-1], points + turn])
    ends = [(line[-1, 0], pole), (line[0, 0], pole)]
    ring = np.concatenate([line, ends, line[:1]])
    return ring if around * pole > 0 else ring[::-1]


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


def bounds_around(geometry: Mapping[str, Any]) -> Bounds:
    """Return the narrowest bounds that hold GeoJSON in longitudes and latitudes."""
    parts = [geometry]
    if geometry["type"].startswith("Multi"):
        kind = geometry["type"].removeprefix("Multi")
        parts = [{"type": kind, "coordinates": one} for one in geometry["coordinates"]]
    points = np.array(list(points_of(geometry)))
    spans = [np.array(list(points_of(part)))[:, 0] for part in parts]
    ordered = sorted((float(xs.min()), float(xs.max())) for xs in spans)
    west, reach, widest = ordered[0][0], ordered[0][1], 0.0
    for left, right in ordered[1:]:
        if left - reach > widest:
            widest, west = left - reach, left
        reach = max(reach, right)
    if TURN - (reach - ordered[0][0]) >= widest:
        west = ordered[0][0]
    east = max(right + TURN * (left < west) for left, right in ordered)
    return _bounds(west, float(points[:, 1].min()), east, float(points[:, 1].max()))


def _decimals(allowed: float) -> int:
    """Return the decimals that are worth writing, where so many degrees do not matter."""
    return LEAST_DECIMALS if allowed <= 0 else max(LEAST_DECIMALS, ceil(-log10(allowed)) + 1)


def _bounds(left: float, bottom: float, right: float, top: float) -> Bounds:
    """Return bounds whose longitudes lie in -180 to 180; west > east goes over the antimeridian."""
    bottom, top = max(bottom, -POLE), min(top, POLE)
    if right - left >= TURN - ROUNDED:
        return -180.0, bottom, 180.0, top
    shift = TURN * floor((left + TURN / 2 + ROUNDED) / TURN)
    west, east = max(left - shift, -180.0), right - shift
    east = min(east, 180.0) if east <= TURN / 2 + ROUNDED else east - TURN
    return west, bottom, east, top


def _polygons(ring: Points, decimals: int, turns: Iterable[int] | None = None) -> GeoJson:
    """Return a closed ring as GeoJSON, split at the antimeridian (RFC 7946, section 3.1.9).

    Args:
        ring: its longitudes go on over the antimeridian.
        decimals: of coordinates.
        turns: which turns from -180 on to take; all by default.
    """
    first = floor((float(ring[:, 0].min()) + TURN / 2 + ROUNDED) / TURN)
    last = ceil((float(ring[:, 0].max()) + TURN / 2 - ROUNDED) / TURN)
    parts: list[list[list[list[float]]]] = []
    for turn in range(first, max(last, first + 1)) if turns is None else turns:
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
