"""GeoKeys of a projection in PROJJSON: the inverse of projection_methods.py (geotiff.write.method).

Each number is in the key that libgeotiff writes for its method.
"""

from __future__ import annotations

from typing import Literal

from tinycog.geo.keys import USER_DEFINED, GeoKey
from tinycog.geo.projection_methods import (
    MERCATOR_B,
    METHODS,
    PARAMETERS,
    POLAR_B,
    SOURCES,
    Method,
    Role,
)
from tinycog.geo.registry import Json
from tinycog.geo.units import Unit, unit_of_json
from tinycog.geo.write_keys import Keys

Point = Literal["origin", "false origin", "centre"]
"""What point the parameters of a method refer to."""

ORIGIN_KEYS: dict[Point, dict[Role, GeoKey]] = {
    "origin": {
        "lat": GeoKey.ProjNatOriginLat,
        "lon": GeoKey.ProjNatOriginLong,
        "east": GeoKey.ProjFalseEasting,
        "north": GeoKey.ProjFalseNorthing,
        "scale": GeoKey.ProjScaleAtNatOrigin,
        "natural-scale": GeoKey.ProjScaleAtNatOrigin,
    },
    "false origin": {
        "lat": GeoKey.ProjFalseOriginLat,
        "lon": GeoKey.ProjFalseOriginLong,
        "east": GeoKey.ProjFalseOriginEasting,
        "north": GeoKey.ProjFalseOriginNorthing,
    },
    "centre": {
        "lat": GeoKey.ProjCenterLat,
        "lon": GeoKey.ProjCenterLong,
        "east": GeoKey.ProjFalseEasting,
        "north": GeoKey.ProjFalseNorthing,
        "scale": GeoKey.ProjScaleAtCenter,
        "natural-scale": GeoKey.ProjScaleAtNatOrigin,
    },
}

POINTS: dict[int, Point] = {
    8: "false origin",
    **dict.fromkeys((3, 4, 10, 12, 14, 17, 19, 20, 21, 23, 24, 25, 9815), "centre"),
}
"""What point the keys of a method name, by GeoTIFF's codes; others the natural origin."""

ALL_METHODS = (*METHODS.values(), MERCATOR_B, POLAR_B)


def projection_keys(conversion: Json, linear: Unit, angular: Unit) -> Keys | None:
    """Make the keys of a conversion; None if GeoTIFF does not have its method.

    Args:
        conversion: PROJJSON of it.
        linear: unit of eastings, and so of false eastings.
        angular: unit of the base, and so of angles.
    """
    method = _method(conversion["method"])
    if method is None:
        return None
    values = {_name(p): p for p in conversion.get("parameters", ())}
    keys: Keys = {GeoKey.Projection: USER_DEFINED, GeoKey.ProjMethod: method.code}
    for role, code in method.parameters:
        found = values.get(PARAMETERS[code].casefold())
        if found is not None:
            sizes = {"length": linear.factor, "angle": angular.factor, "scale": 1.0}
            keys[_key(method, role)] = _in_unit(found, sizes[SOURCES[role].kind])
    return keys


def _method(method: Json) -> Method | None:
    """Return the method of that code of EPSG, else of that name."""
    code = method.get("id", {}).get("code")
    name = str(method["name"]).casefold()
    by_code = (known for known in ALL_METHODS if code is not None and known.epsg == code)
    by_name = (known for known in ALL_METHODS if known.name.casefold() == name)
    return next(by_code, next(by_name, None))


def _name(parameter: Json) -> str:
    code = parameter.get("id", {}).get("code")
    return PARAMETERS.get(code, str(parameter["name"])).casefold()


def _key(method: Method, role: Role) -> GeoKey:
    """Return the key that holds a parameter."""
    by_point = ORIGIN_KEYS[POINTS.get(method.code, "origin")]
    return by_point.get(role) or SOURCES[role].keys[0]


def _in_unit(parameter: Json, size: float) -> float:
    """Return the value of a parameter in a unit of that size; as it is, if that is its own."""
    unit = parameter.get("unit", "unity")
    value = float(parameter["value"])
    factor = 1.0 if unit == "unity" else unit_of_json(unit).factor
    return value if factor == size else value * factor / size
