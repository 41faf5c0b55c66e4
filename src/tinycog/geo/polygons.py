"""Polygons that a caller gives as GeoJSON, as rings of pixels of a grid (geotiff.place.geometry).

Edges that are straight in another CRS become curves. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.geo.longitudes import TURNS

CURVE_TOLERANCE = 0.001
"""Pixels by which an edge that becomes a curve may be missed."""

FEWEST_PIECES = 8
"""Pieces of each edge that are looked at in any case."""

MOST_HALVINGS = 24
"""Of a piece; one that is not straight then is torn apart."""

MOST_POINTS = 1 << 22
"""Points of all curves of a ring."""

Ring = NDArray[np.float64]
"""Points (n, 2) of a closed line; the last one may be the first again."""

Polygon = list[Ring]
"""Rings: what lies inside of an odd number of them is inside."""

PointsInto = Callable[[Ring], Ring]
"""(n, 2) to (n, 2)."""


def polygons_of(geometry: object) -> list[Polygon]:
    """Return the polygons of GeoJSON: of a geometry, a feature, or a collection of these.

    Raises:
        UsageError: it is no GeoJSON, has lines or points, or is empty.
    """
    try:
        found = [[_ring(ring) for ring in rings] for rings in _polygons(geometry)]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as exc:
        if isinstance(exc, UsageError):
            raise
        message = (
            "geometry= is GeoJSON, or an object with __geo_interface__, not"
            f" {str(geometry)[:80]!r}: {exc}"
        )
        raise UsageError(message) from exc
    if not found:
        message = "geometry= is empty: it has no polygon"
        raise UsageError(message)
    return found


def _polygons(geometry: Any) -> Iterator[Any]:  # noqa: ANN401 - anything a caller may pass
    """Yield the coordinates of each polygon that is not empty."""
    given: Any = getattr(geometry, "__geo_interface__", geometry)
    kind: Any = given["type"]
    if kind == "Feature":
        yield from () if given["geometry"] is None else _polygons(given["geometry"])
    elif kind in ("FeatureCollection", "GeometryCollection"):
        parts: Any = given["features" if kind == "FeatureCollection" else "geometries"]
        yield from chain.from_iterable(map(_polygons, parts))
    elif kind in ("Polygon", "MultiPolygon"):
        several: Any = [given["coordinates"]] if kind == "Polygon" else given["coordinates"]
        yield from (rings for rings in several if len(rings))
    else:
        message = f"geometry= is an area, of polygons: a {kind} has none (see Cog.points)"
        raise UsageError(message)


def _ring(points: Any) -> Ring:  # noqa: ANN401 - coordinates of GeoJSON
    """Return a closed ring."""
    ring = np.array([tuple(point)[:2] for point in points], np.float64)
    if ring.ndim != 2 or len(ring) < 3 or not np.isfinite(ring).all():  # noqa: PLR2004 - a triangle
        message = f"geometry= has a ring of {len(ring)} points: at least 3, of finite numbers"
        raise UsageError(message)
    return ring if (ring[0] == ring[-1]).all() else np.concatenate([ring, ring[:1]])


def curved(ring: Ring, into: PointsInto, unit: PointsInto, turn: float | None) -> Ring:
    """Return a ring in another CRS, its edges as curves of as many points as that takes.

    Args:
        ring: closed.
        into: transforms points.
        unit: makes pixels of distances in the target.
        turn: a full turn of its longitudes, which go on over the antimeridian; or None.

    Raises:
        UsageError: a part has no place in the target, or is torn apart there.
    """
    steps = np.linspace(0, 1, FEWEST_PIECES, endpoint=False)[:, None]
    source = (ring[:-1, None] + np.diff(ring, axis=0)[:, None] * steps).reshape(-1, 2)
    source = np.concatenate([source, ring[-1:]])
    target = _placed(source, into)
    is_open = np.ones(len(source) - 1, np.bool_)
    for _ in range(MOST_HALVINGS):
        starts = np.flatnonzero(is_open)
        middles = (source[starts] + source[starts + 1]) / 2
        placed = _placed(middles, into)
        steps = _turned(target[starts + 1] - target[starts], turn)
        bends = unit(_turned(placed - target[starts], turn) - steps / 2)
        is_bent = np.hypot(bends[:, 0], bends[:, 1]) > CURVE_TOLERANCE
        if not is_bent.any():
            return _unwrapped(target, turn)
        after = starts[is_bent] + 1
        source = np.insert(source, after, middles[is_bent], axis=0)
        target = np.insert(target, after, placed[is_bent], axis=0)
        if len(source) > MOST_POINTS:
            break
        is_open = np.zeros(len(source) - 1, np.bool_)
        new = after + np.arange(len(after))
        is_open[new] = is_open[new - 1] = True
    message = "the geometry is torn apart in the CRS of the file: cut it where that ends"
    raise UsageError(message)


def _placed(points: Ring, into: PointsInto) -> Ring:
    found = into(points)
    if not np.isfinite(found).all():
        message = (
            "a part of the geometry has no place in the CRS of the file:"
            " coordinates are (x, y), longitudes before latitudes"
        )
        raise UsageError(message)
    return found


def _turned(steps: Ring, turn: float | None) -> Ring:
    """Return steps that go the shorter way around."""
    if turn is not None:
        steps[:, 0] -= turn * np.round(steps[:, 0] / turn)
    return steps


def _unwrapped(ring: Ring, turn: float | None) -> Ring:
    """Return a ring whose longitudes go on over the antimeridian.

    Raises:
        UsageError: it goes around a pole.
    """
    if turn is None:
        return ring
    ring[:, 0] = np.unwrap(ring[:, 0], period=turn)
    if abs(ring[-1, 0] - ring[0, 0]) > turn / 2:
        message = "the geometry goes around a pole, where longitudes have no end: cut it in two"
        raise UsageError(message)
    return ring


def in_extent(
    polygons: Sequence[Polygon], extent: tuple[float, float], turn: float | None
) -> list[Polygon]:
    """Return polygons where a file has them, as it counts longitudes (geotiff.place.longitude).

    One that lies at both ends of the file is there twice; one that lies outside stays.

    Args:
        polygons: in the CRS of the file.
        extent: (left, right) of the file.
        turn: a full turn; None where x is no longitude.
    """
    if turn is None:
        return list(polygons)
    found: list[Polygon] = []
    for rings in polygons:
        outer = rings[0][:, 0]
        middle = (outer.min() + outer.max()) / 2
        whole = [_turned_to(ring, middle, turn) for ring in rings]
        west, east = float(outer.min()), float(outer.max())
        turns = [n for n in TURNS if east + n * turn > extent[0] and west + n * turn < extent[1]]
        found += [[_moved(ring, n * turn) for ring in whole] for n in turns or (0,)]
    return found


def _turned_to(ring: Ring, middle: float, turn: float) -> Ring:
    """Return a ring of a polygon as near to the middle of its outer ring as turns allow."""
    own = (ring[:, 0].min() + ring[:, 0].max()) / 2
    return _moved(ring, turn * round((middle - own) / turn))


def _moved(ring: Ring, along: float) -> Ring:
    return ring + np.array((along, 0.0))
