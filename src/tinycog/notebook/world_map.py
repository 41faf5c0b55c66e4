"""Footprints on the Earth: a small map of longitudes and latitudes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tinycog.errors import TinycogError
from tinycog.geo.footprint import footprint, in_degrees

WIDTH, HEIGHT = 240, 120
"""Of the map, in pixels: 360 by 180 degrees."""

MOST_SHAPES = 500
"""Footprints that are drawn."""

MOST_POINTS = 24
"""Points of a ring that are drawn, at most: a pixel is 1.5 degrees."""

SMALL = 5
"""Pixels below which a ring is drawn around what is hardly seen."""

COLOUR = "#d9480f"

LAND = """
-168 66, -156 71, -128 70, -95 72, -82 68, -94 60, -82 55, -78 62, -65 59, -56 52, -66 44, -81
31, -80 25, -90 30, -97 26, -95 19, -87 21, -83 9, -78 8, -94 16, -106 23, -117 32, -124 40,
-124 48, -135 59, -152 60, -165 55, -165 61

-72 78, -30 83, -18 76, -42 60, -52 65, -56 75

-78 8, -62 10, -50 0, -35 -6, -40 -20, -48 -26, -58 -38, -66 -46, -69 -54, -75 -50, -73 -37, -70
-18, -81 -5

-17 15, -10 30, -6 36, 10 37, 20 31, 33 31, 43 12, 51 12, 40 -4, 40 -15, 35 -24, 28 -33, 19 -34,
12 -18, 9 -1, 8 4, -8 4

-9 37, -9 43, -1 44, -4 48, 8 54, 12 58, 5 60, 14 68, 26 71, 42 67, 70 73, 104 78, 140 73, 180
69, 178 64, 163 60, 156 51, 142 59, 135 54, 140 48, 129 42, 126 35, 122 40, 121 29, 108 21, 109
11, 104 2, 98 9, 94 16, 87 21, 80 13, 77 8, 72 21, 66 25, 57 25, 56 18, 44 13, 35 28, 36 36, 27
37, 23 38, 14 45, 18 40, 12 44, 3 43, 0 38, -6 36

113 -22, 122 -18, 131 -12, 136 -15, 141 -11, 146 -19, 153 -27, 150 -37, 140 -38, 131 -32, 115
-34

-5 50, 1 51, -2 56, -6 58

130 31, 136 34, 141 36, 141 42, 136 36

95 5, 105 -5, 115 -8, 120 -8, 118 2, 110 -2, 102 0

131 -1, 141 -3, 150 -10, 138 -8

44 -16, 50 -15, 47 -25

167 -46, 174 -35, 178 -38, 172 -44

-24 65, -14 65, -18 63

-180 -78, -150 -77, -100 -73, -65 -66, -60 -75, 0 -70, 50 -67, 90 -66, 140 -66, 170 -73, 180
-78, 180 -90, -180 -90
"""
"""Coarse outlines of land, enough for a pixel of 1.5 degrees: longitudes and latitudes."""


def map_of(crs: object, transform: Iterable[float], shape: tuple[int, int]) -> list[str]:
    """Return the map of an image of (rows, cols), alone in a list; nothing if it has no place.

    Args:
        crs: of the transform, None without one.
        transform: from (col, row) to (x, y), six numbers or more.
        shape: (rows, cols).
    """
    if crs is None:
        return []
    name, transform = str(crs), tuple(transform)[:6]
    try:
        if name.startswith("EPSG:"):
            return [world_map([footprint(name, transform, shape).geometry])]
        return [world_map([in_degrees(_outline(transform, shape), crs)])]
    except (TinycogError, ValueError):  # not of this Earth, or pyproj is not installed
        return []


def _outline(transform: Sequence[float], shape: tuple[int, int]) -> dict[str, Any]:
    a, b, c, d, e, f = transform
    rows, cols = shape
    corners = [(0, 0), (cols, 0), (cols, rows), (0, rows), (0, 0)]
    ring = [[a * col + b * row + c, d * col + e * row + f] for col, row in corners]
    return {"type": "Polygon", "coordinates": [ring]}


def world_map(geometries: Sequence[Mapping[str, Any]]) -> str:
    """Return an SVG element of footprints: GeoJSON of polygons in longitudes and latitudes."""
    land = "".join(f"M{_path(_points(ring))}Z" for ring in LAND.split("\n\n"))
    shapes = [
        shape for geometry in geometries[:MOST_SHAPES] for shape in _shapes(list(_rings(geometry)))
    ]
    grid = "".join(f"M{x} 0V{HEIGHT}" for x in range(40, WIDTH, 40)) + "".join(
        f"M0 {y}H{WIDTH}" for y in range(20, HEIGHT, 20)
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}'"
        f" viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='footprint'"
        " style='max-width:100%'>"
        f"<path d='{land}' fill='currentColor' fill-opacity='.2'/>"
        f"<path d='{grid}' stroke='currentColor' stroke-opacity='.12' fill='none'/>"
        f"<rect x='.5' y='.5' width='{WIDTH - 1}' height='{HEIGHT - 1}' fill='none'"
        " stroke='currentColor' stroke-opacity='.4'/>"
        f"{''.join(shapes)}</svg>"
    )


def _shapes(rings: Sequence[Sequence[tuple[float, float]]]) -> Iterator[str]:
    for ring in rings:
        points = [_pixel(*point) for point in _thinned(ring)]
        if not points:
            continue
        xs, ys = [x for x, _ in points], [y for _, y in points]
        yield (
            f"<path d='M{_path(points)}Z' fill='{COLOUR}' fill-opacity='.35' stroke='{COLOUR}'/>"
        )
        if max(max(xs) - min(xs), max(ys) - min(ys)) < SMALL:
            x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
            yield (
                f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='none' stroke='{COLOUR}'"
                " stroke-width='1.5'/>"
            )


def _rings(geometry: Mapping[str, Any]) -> Iterator[list[tuple[float, float]]]:
    """Yield the outer rings of a Polygon or a MultiPolygon; nothing of any other."""
    kind, found = geometry.get("type"), geometry.get("coordinates")
    polygons: Any = [found] if kind == "Polygon" else found if kind == "MultiPolygon" else []
    for polygon in polygons:
        yield [(float(x), float(y)) for x, y, *_ in polygon[0]]


def _thinned(ring: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    return ring[:: -(-len(ring) // MOST_POINTS) or 1]


def _points(text: str) -> list[tuple[float, float]]:
    return [_pixel(*map(float, point.split())) for point in text.split(",")]


def _pixel(longitude: float, latitude: float) -> tuple[float, float]:
    return (longitude + 180) * WIDTH / 360, (90 - latitude) * HEIGHT / 180


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
