"""GeoJSON to WKB (OGC 06-103r4, section 8): two dimensions, little-endian."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from tinycog.errors import UsageError

KINDS = {
    "Point": 1,
    "LineString": 2,
    "Polygon": 3,
    "MultiPoint": 4,
    "MultiLineString": 5,
    "MultiPolygon": 6,
    "GeometryCollection": 7,
}
PARTS = {"MultiPoint": "Point", "MultiLineString": "LineString", "MultiPolygon": "Polygon"}


def to_wkb(geometry: Mapping[str, Any] | None) -> bytes:
    """Return GeoJSON as WKB, b"" for None.

    Raises:
        UsageError: it is no GeoJSON.
    """
    if geometry is None:
        return b""
    try:
        kind = str(geometry["type"])
        if kind == "GeometryCollection":
            found = [to_wkb(one) for one in geometry["geometries"]]
            return _head(kind) + struct.pack("<I", len(found)) + b"".join(found)
        return _of_coordinates(kind, geometry["coordinates"])
    except (KeyError, TypeError, IndexError, struct.error) as exc:
        message = f"expected GeoJSON with a type and coordinates, not {str(geometry)[:80]}"
        raise UsageError(message) from exc


def _head(kind: str) -> bytes:
    return struct.pack("<BI", 1, KINDS[kind])


def _of_coordinates(kind: str, given: Any) -> bytes:  # noqa: ANN401 - as deep as the kind says
    if kind in PARTS:
        found = [_of_coordinates(PARTS[kind], one) for one in given]
        return _head(kind) + struct.pack("<I", len(found)) + b"".join(found)
    if kind == "Point":
        return _head(kind) + struct.pack("<2d", given[0], given[1])
    if kind == "LineString":
        return _head(kind) + _points(given)
    rings = b"".join(map(_points, given))
    return _head(kind) + struct.pack("<I", len(given)) + rings


def _points(given: Any) -> bytes:  # noqa: ANN401 - a list of points
    numbers = [number for point in given for number in point[:2]]
    return struct.pack(f"<I{len(numbers)}d", len(given), *numbers)
