"""Build a `pyproj.CRS` from GeoKeys; needs pyproj (extra `geo`).

The precedence of keys is libgeotiff's (geotiff.crs.user-defined): EPSG's definition first, then the
keys that override parts of it. PROJ's `CRSError` is translated here and in registry.py.
"""

from __future__ import annotations

from typing import Literal

import pyproj
from pyproj.crs import BoundCRS, CompoundCRS
from pyproj.crs.coordinate_operation import ToWGS84Transformation
from pyproj.exceptions import CRSError

from tinycog.errors import UnsupportedError
from tinycog.geo.base_crs import DATUM_KEYS, angular_unit, base_crs
from tinycog.geo.citation import is_web_mercator, parts_of
from tinycog.geo.crs import WEB_MERCATOR, WEB_MERCATOR_CODES, WGS_84, Crs
from tinycog.geo.epsg_codes import unit_code
from tinycog.geo.keys import USER_DEFINED, GeoKey, GeoKeys
from tinycog.geo.projection_methods import conversion, utm
from tinycog.geo.registry import Json, crs_of, crs_of_epsg, from_epsg, not_in_registry
from tinycog.geo.units import (
    METRE,
    UNIT_TOLERANCE,
    UNITS,
    Unit,
    length_without_code,
    linear_unit,
    unit_of,
)

OVERRIDES = (
    GeoKey.Projection,
    GeoKey.ProjMethod,
    GeoKey.GeodeticCRS,
    GeoKey.GeodeticDatum,
    GeoKey.Ellipsoid,
)
"""Keys that may override parts of the definition of an EPSG code."""

POLAR_METHODS, LATITUDES = (9810, 9829), (8801, 8832)
WEB_MERCATOR_METHODS = (1024, 9841)


def build_crs(crs: Crs) -> pyproj.CRS:
    """Build the CRS.

    Raises:
        UnsupportedError: PROJ cannot build one from the keys.
    """
    try:
        return _build(crs)
    except CRSError as exc:
        message = f"PROJ cannot build a CRS from the GeoKeys: {' '.join(str(exc).split())[:200]}"
        raise UnsupportedError(message, feature="crs", value=str(crs)) from exc


def _build(crs: Crs) -> pyproj.CRS:
    if crs.epsg is not None and not _is_by_keys(crs):
        return _of_code(crs.epsg)
    if crs.wkt is not None:
        return pyproj.CRS.from_wkt(crs.wkt)
    if crs.kind == "compound" and crs.horizontal is not None and crs.vertical is not None:
        return _compound(crs, _build(crs.horizontal), crs.vertical)
    if crs.kind == "vertical":
        return _vertical(crs)
    if crs.kind == "local":
        return _local(crs)
    if crs.kind == "projected":
        built = _projected(crs)
    else:
        code = _base_code(crs.keys, _known(crs.keys))
        built = _equal_or_own(crs, base_crs(crs.keys, code, crs.name))
    return _with_ellipsoidal_height(crs, _with_towgs84(crs, built))


def _is_by_keys(crs: Crs) -> bool:
    """Return whether further keys may change what the code of a CRS says (geotiff.crs.epsg).

    Not if a part of it, a citation or a key that is not for it has the code.
    """
    if crs.epsg in WEB_MERCATOR_CODES:
        return crs.epsg == crs.keys.epsg(GeoKey.ProjectedCRS) == WEB_MERCATOR
    key = {"projected": GeoKey.ProjectedCRS, "geographic": GeoKey.GeodeticCRS}.get(crs.kind)
    return key is not None and crs.epsg == crs.keys.epsg(key)


def _of_code(code: int) -> pyproj.CRS:
    """Return EPSG's CRS, for all codes of Web Mercator the current one.

    Raises:
        UnsupportedError: the registry does not have the code.
    """
    built = crs_of_epsg(WEB_MERCATOR if code in WEB_MERCATOR_CODES else code)
    if built is None:
        raise not_in_registry(code)
    return built


def _equal_or_own(crs: Crs, definition: Json) -> pyproj.CRS:
    """Return EPSG's CRS if the definition equals it; else the definition's (geotiff.crs.epsg)."""
    own = crs_of(definition)
    if crs.epsg is None:
        return own
    known = crs_of_epsg(crs.epsg)
    is_same = known is not None and known.equals(own, ignore_axis_order=True)
    return known if known is not None and is_same else own


# --- projected -----------------------------------------------------------------------------------


def _projected(crs: Crs) -> pyproj.CRS:
    """Return EPSG's projected CRS, or build one (geotiff.crs.epsg, geotiff.crs.user-defined)."""
    keys = crs.keys
    code = keys.epsg(GeoKey.ProjectedCRS)
    known = _known(keys)
    if code is not None and not any(key in keys for key in OVERRIDES):
        return _in_units(code, known, keys)
    base = base_crs(keys, _base_code(keys, known), None)
    projection = _projection(keys, known)
    if projection is None:
        raise _no_projection(keys, known)
    if _method_code(projection) in WEB_MERCATOR_METHODS or (
        code is None and is_web_mercator(crs.name)
    ):
        return _in_units(WEB_MERCATOR, from_epsg("CRS", WEB_MERCATOR), keys)
    definition = {
        "type": "ProjectedCRS",
        "name": crs.name or "unnamed" if known is None else known["name"],
        "base_crs": base,
        "conversion": projection,
        "coordinate_system": _cartesian(
            linear_unit(keys, _linear_default(keys, known)), _pole(projection)
        ),
    }
    return _equal_or_own(crs, definition)


def _known(keys: GeoKeys) -> Json | None:
    """Look up the projected CRS that the keys name; None if the registry has none."""
    known = from_epsg("CRS", keys.epsg(GeoKey.ProjectedCRS))
    return known if known is not None and known["type"] == "ProjectedCRS" else None


def _no_projection(keys: GeoKeys, known: Json | None) -> UnsupportedError:
    """Make the error for a code without a usable projection."""
    code, method = keys.epsg(GeoKey.ProjectedCRS), keys.code(GeoKey.ProjMethod)
    if known is not None:
        message = f"projection method {method} of EPSG:{code} is not supported"
        return UnsupportedError(message, feature="projection", value=method)
    return not_in_registry(code or keys.epsg(GeoKey.Projection) or 0)


def _method_code(projection: Json) -> int:
    code: int = projection["method"].get("id", {}).get("code", 0)
    return code


def _pole(projection: Json) -> Literal["north", "south"] | None:
    """Return the pole of a polar stereographic projection, whose axes all lead to it or away."""
    if _method_code(projection) not in POLAR_METHODS:
        return None
    latitude = next(p["value"] for p in projection["parameters"] if p["id"]["code"] in LATITUDES)
    return "south" if latitude < 0 else "north"


def _base_code(keys: GeoKeys, known: Json | None) -> int | None:
    """Return the code of the geographic CRS: its key's, else that of the projected CRS.

    Raises:
        UnsupportedError: the key says that it is another, and nothing tells which.
    """
    own: int | None = None if known is None else known["base_crs"].get("id", {}).get("code")
    code = keys.epsg(GeoKey.GeodeticCRS)
    if code is not None or known is None or GeoKey.GeodeticCRS not in keys:
        return code or own
    if any(keys.get(key) not in (None, USER_DEFINED) for key in DATUM_KEYS):
        return None
    message = (
        f"the base of EPSG:{known['id']['code']} is another one, but no GeoKey tells its datum"
    )
    raise UnsupportedError(message, feature="crs", value=keys.get(GeoKey.GeodeticCRS))


def _linear_default(keys: GeoKeys, known: Json | None) -> Unit:
    """Return the unit of eastings in the absence of ProjLinearUnits."""
    if known is None or keys.epsg(GeoKey.ProjectedCRS) is None:
        return length_without_code(keys)
    return UNITS[unit_code(known["id"]["code"])]


def _projection(keys: GeoKeys, known: Json | None) -> Json | None:
    """Build the conversion: ProjMethod and its parameters, else EPSG's (geotiff.crs.projection).

    Parameters are in the units of their keys, whatever a citation says of the axes.
    """
    own: Json | None = None if known is None else known["conversion"]
    if own is not None and _method_code(own) in WEB_MERCATOR_METHODS:
        return own
    if keys.code(GeoKey.ProjMethod) not in (None, USER_DEFINED):
        default = _linear_default(keys, known)
        linear = unit_of(keys, GeoKey.ProjLinearUnits, GeoKey.ProjLinearUnitSize, default)
        return conversion(keys, linear, angular_unit(keys, _base_code(keys, known)))
    return own if own is not None else _epsg_projection(keys.epsg(GeoKey.Projection))


def _epsg_projection(code: int | None) -> Json | None:
    """Look up a projection by its EPSG code; None if it is not one."""
    if code is None:
        return None
    zone = utm(code)
    if zone is not None:
        return zone
    found = from_epsg("CoordinateOperation", code)
    return found if found is not None and found["type"] == "Conversion" else None


def _cartesian(unit: Unit, pole: Literal["north", "south"] | None = None) -> Json:
    """Return the axes of a plane; around a pole both lead away from it, as in EPSG."""
    away = {None: ("east", "north"), "north": ("south", "south"), "south": ("north", "north")}
    names = (("Easting", "E"), ("Northing", "N"))
    axes = [(*name, direction) for name, direction in zip(names, away[pole], strict=True)]
    return {
        "subtype": "Cartesian",
        "axis": [
            {"name": name, "abbreviation": short, "direction": direction, "unit": unit.json()}
            for name, short, direction in axes
        ],
    }


def _in_units(code: int, known: Json | None, keys: GeoKeys) -> pyproj.CRS:
    """Return EPSG's CRS with its axes in the file's unit (geotiff.crs.units).

    Raises:
        UnsupportedError: the registry does not have the code.
    """
    if known is None:  # missing, or not projected
        return _of_code(code)
    own = UNITS[unit_code(code)]
    unit = linear_unit(keys, _linear_default(keys, known))
    if abs(unit.factor - own.factor) <= UNIT_TOLERANCE * unit.factor:
        return pyproj.CRS.from_epsg(code)
    definition = {name: value for name, value in known.items() if name not in ("id", "ids")}
    return crs_of(definition | {"coordinate_system": _cartesian(unit)})


def _with_towgs84(crs: Crs, built: pyproj.CRS) -> pyproj.CRS:
    """Bind a user-defined CRS to WGS 84 by the file's datum shift (geotiff.crs.towgs84)."""
    shift = crs.keys.numbers(GeoKey.GeogTOWGS84)
    is_known = _base_code(crs.keys, _known(crs.keys)) is not None
    if not shift or is_known or built.geodetic_crs is None:
        return built
    numbers = [*shift[:7], *([0.0] * (7 - len(shift[:7])))]
    step = ToWGS84Transformation(built.geodetic_crs, *numbers)
    return BoundCRS(built, pyproj.CRS.from_epsg(WGS_84), step)


# --- local, vertical, compound -------------------------------------------------------------------


def _local(crs: Crs) -> pyproj.CRS:
    """Build a CRS of units without a place (geotiff.crs.local)."""
    keys = crs.keys
    default = _linear_default(keys, None)
    linear = unit_of(keys, GeoKey.ProjLinearUnits, GeoKey.ProjLinearUnitSize, default)
    return crs_of(
        {
            "type": "EngineeringCRS",
            "name": crs.name or "unnamed",
            "datum": {"name": "Unknown engineering datum"},
            "coordinate_system": _cartesian(linear),
        }
    )


def _vertical(crs: Crs) -> pyproj.CRS:
    """Build the CRS of heights above a datum with that code or name (geotiff.crs.vertical)."""
    unit = unit_of(crs.keys, GeoKey.VerticalUnits, None, METRE)
    name = parts_of(crs.keys.text(GeoKey.VerticalCitation)).get("Datum") or crs.name or "unknown"
    datum = from_epsg("Datum", crs.keys.epsg(GeoKey.VerticalDatum))
    if datum is None or datum["type"] != "VerticalReferenceFrame":
        datum = {"type": "VerticalReferenceFrame", "name": name}
    axis = {
        "name": "Up",
        "abbreviation": "H",
        "direction": "up",
        "unit": unit.json(),
    }
    return crs_of(
        {
            "type": "VerticalCRS",
            "name": crs.name or "unknown",
            "datum": datum,
            "coordinate_system": {"subtype": "vertical", "axis": [axis]},
        }
    )


def _compound(crs: Crs, horizontal: pyproj.CRS, vertical: Crs) -> pyproj.CRS:
    """Combine both (geotiff.crs.vertical)."""
    heights = _build(vertical)
    name = crs.name or f"{horizontal.name} + {heights.name}"
    return CompoundCRS(name, [horizontal, heights])


def _with_ellipsoidal_height(crs: Crs, built: pyproj.CRS) -> pyproj.CRS:
    """Add heights above the ellipsoid of the CRS; of another, they are left out as in GDAL.

    Rule: geotiff.crs.geographic-3d.
    """
    if crs.vertical is None or crs.keys.minor == 0 or built.geodetic_crs is None:
        return built
    heights = crs_of_epsg(crs.vertical.epsg)
    is_same = heights is not None and _datum_name(heights) == _datum_name(built.geodetic_crs)
    return built.to_3d() if is_same else built


def _datum_name(crs: pyproj.CRS) -> str | None:
    return None if crs.datum is None else crs.datum.name
