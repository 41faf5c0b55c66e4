"""Geographic and geocentric CRSs of GeoKeys, as PROJJSON (geotiff.crs.base).

Loads pyproj to look up datums, ellipsoids and meridians.
"""

from __future__ import annotations

from tinycog.errors import UnsupportedError
from tinycog.geo.citation import name_of, parts_of
from tinycog.geo.epsg_codes import ENSEMBLES, kind_of_code
from tinycog.geo.keys import GeoKey, GeoKeys
from tinycog.geo.registry import Json, from_epsg, not_in_registry
from tinycog.geo.units import DEGREE, METRE, UNITS, Unit, unit_of

WGS84_AXES = (6378137.0, 298.257223563)
WGS84_ELLIPSOID, WGS84_GEOGRAPHIC = 7030, 4326
GREENWICH = 8901
GEOGRAPHIC, GEOCENTRIC = 2, 3
DATUM_KEYS = (GeoKey.GeodeticDatum, GeoKey.Ellipsoid, GeoKey.EllipsoidSemiMajorAxis)
"""Keys any one of which defines a CRS whose code is unknown."""
ELLIPSOID_TOLERANCE = 1e-10
"""Relative difference up to which axes of ellipsoids are equal."""


def base_crs(keys: GeoKeys, code: int | None, name: str | None) -> Json:
    """Build the CRS with that EPSG code, changed where keys override it (geotiff.crs.base).

    Raises:
        UnsupportedError: PROJ does not know the code, and no key defines a datum.
    """
    known = _known(code)
    model = keys.code(GeoKey.GTModelType)
    is_geocentric = known is not None and known["type"] == "GeodeticCRS"
    if code is not None and (known is None or (is_geocentric and model != GEOCENTRIC)):
        _refuse_code(keys, code)
    if known is not None and model == GEOGRAPHIC and _is_dynamic(code, known):
        return known
    unit = angular_unit(keys, code)
    datum = _datum(keys, known, unit)
    is_same = known is not None and datum == _datum_of(known) and unit == known_unit(known)
    if known is not None and is_same and (known["type"] == "GeodeticCRS") == (model == GEOCENTRIC):
        return known
    definition = {
        "type": "GeodeticCRS" if model == GEOCENTRIC else "GeographicCRS",
        "name": (known or {}).get("name") or name or name_of(keys, "geographic") or "unknown",
        "datum_ensemble" if "members" in datum else "datum": datum,
    }
    if model == GEOCENTRIC:
        linear = unit_of(keys, GeoKey.GeogLinearUnits, GeoKey.GeogLinearUnitSize, METRE)
        linear = unit_of(keys, GeoKey.ProjLinearUnits, GeoKey.ProjLinearUnitSize, linear)
        return definition | {"coordinate_system": _xyz(linear)}
    return definition | {"coordinate_system": _ellipsoidal(unit)}


def _refuse_code(keys: GeoKeys, code: int) -> None:
    """Raise `UnsupportedError` for a code that tells no datum, where no key defines one."""
    found = from_epsg("CRS", code)
    if found is not None:
        kind = kind_of_code(code) or found["type"]
        message = (
            f"GeodeticCRS names EPSG:{code}, a {kind} CRS, which cannot be the base of another"
        )
        raise UnsupportedError(message, feature="crs", value=code)
    if not any(key in keys for key in DATUM_KEYS):
        raise not_in_registry(code)


def _known(code: int | None) -> Json | None:
    """Look up a geographic or geocentric CRS; None if the code is not one."""
    found = from_epsg("CRS", code)
    is_base = found is not None and found["type"] in ("GeographicCRS", "GeodeticCRS")
    return found if is_base else None


def angular_unit(keys: GeoKeys, code: int | None) -> Unit:
    """Return the unit of angles: its key's, else that of the CRS `code` (geotiff.crs.units).

    The size key counts where no code says what the CRS is.
    """
    known = _known(code)
    if known is not None:
        return unit_of(keys, GeoKey.GeogAngularUnits, None, known_unit(known))
    cited = parts_of(keys.text(GeoKey.GeodeticCitation)).get("AUnits")
    size = keys.number(GeoKey.GeogAngularUnitSize)
    if cited and size and size > 0:
        return Unit(None, cited, "angle", size)
    angles = (unit for unit in UNITS.values() if unit.kind == "angle")
    named = next((unit for unit in angles if unit.name == (cited or "").lower()), DEGREE)
    return unit_of(keys, GeoKey.GeogAngularUnits, GeoKey.GeogAngularUnitSize, named)


def known_unit(definition: Json) -> Unit:
    """Return the angular unit of an EPSG CRS from our table; degrees if it is not there."""
    unit = definition["coordinate_system"]["axis"][0]["unit"]
    name = unit if isinstance(unit, str) else unit["name"]
    angles = (known for known in UNITS.values() if known.kind == "angle")
    return next((known for known in angles if known.name == name), DEGREE)


def _is_dynamic(code: int | None, known: Json) -> bool:
    """Return whether coordinates move in time: GDAL then ignores all keys beside the code.

    Ensembles are recognized by their codes: PROJ sometimes returns them as a plain datum, depending
    on its cache.
    """
    return code in ENSEMBLES or _datum_of(known).get("type") == "DynamicGeodeticReferenceFrame"


def _datum_of(definition: Json) -> Json:
    found: Json = definition.get("datum") or definition["datum_ensemble"]
    return found


def _datum(keys: GeoKeys, known: Json | None, angular: Unit) -> Json:
    """Build the datum: its key's, else the CRS's, with the ellipsoid and meridian of the keys."""
    datum = from_epsg("Datum", keys.epsg(GeoKey.GeodeticDatum))
    if known is not None and (GeoKey.GeodeticDatum not in keys or _is_code_of(datum, known)):
        datum = _datum_of(known)
    ellipsoid = _ellipsoid(keys, (datum or {}).get("ellipsoid"))
    meridian = _meridian(keys, known, angular)
    is_same = datum is not None and ellipsoid == datum["ellipsoid"]
    if datum is not None and is_same and meridian == datum.get("prime_meridian"):
        return datum
    parts = parts_of(keys.text(GeoKey.GeodeticCitation))
    name = parts.get("Datum") or (datum or {}).get("name") or "unknown"
    built: Json = {"type": "GeodeticReferenceFrame", "name": name, "ellipsoid": ellipsoid}
    return built if meridian is None else built | {"prime_meridian": meridian}


def _is_code_of(datum: Json | None, known: Json) -> bool:
    """Return whether a datum is the CRS's own."""
    return datum is not None and datum.get("id") == _datum_of(known).get("id", ())


def _meridian(keys: GeoKeys, crs: Json | None, angular: Unit) -> Json | None:
    """Find the prime meridian: key, else CRS, else longitude key; None is Greenwich."""
    known: Json | None = None if crs is None else _datum_of(crs).get("prime_meridian")
    code = keys.epsg(GeoKey.PrimeMeridian)
    if code is not None:
        return None if code == GREENWICH else from_epsg("PrimeMeridian", code) or known
    if crs is not None and GeoKey.PrimeMeridian not in keys:
        return known
    longitude = keys.number(GeoKey.PrimeMeridianLongitude) or 0.0
    name = parts_of(keys.text(GeoKey.GeodeticCitation)).get("Primem")
    if not longitude and name in (None, "Greenwich"):
        return None
    name = name or "unnamed"
    return {"name": name, "longitude": longitude * angular.factor / DEGREE.factor}


def _ellipsoid(keys: GeoKeys, known: Json | None) -> Json:
    """Build the ellipsoid: its key's or the datum's, with axes of keys (geotiff.crs.ellipsoid)."""
    code = keys.epsg(GeoKey.Ellipsoid)
    if code == WGS84_GEOGRAPHIC:
        code = WGS84_ELLIPSOID
    if GeoKey.Ellipsoid in keys:
        known = from_epsg("Ellipsoid", code)
    axes = _axes(keys, known)
    if known is not None and _same(axes, _known_axes(known)):
        return known
    name = parts_of(keys.text(GeoKey.GeodeticCitation)).get("Ellipsoid") or "unknown"
    major, minor = axes
    body = keys.text(GeoKey.CelestialBody)
    if not major and body not in ("", "Earth"):
        message = f"the CRS is one of {body[:40]!r}, but no GeoKey tells the ellipsoid"
        raise UnsupportedError(message, feature="crs", value=body)
    if not major:
        return {
            "name": "WGS 84",
            "semi_major_axis": WGS84_AXES[0],
            "inverse_flattening": WGS84_AXES[1],
        }
    if abs(minor / major - 1) < ELLIPSOID_TOLERANCE:
        return {"name": name, "radius": major}
    inverse = keys.number(GeoKey.EllipsoidInvFlattening) or major / (major - minor)
    return {"name": name, "semi_major_axis": major, "inverse_flattening": inverse}


def _same(axes: tuple[float, float], known: tuple[float, float]) -> bool:
    pairs = zip(axes, known, strict=True)
    return all(abs(a - b) <= ELLIPSOID_TOLERANCE * b for a, b in pairs)


def _known_axes(ellipsoid: Json) -> tuple[float, float]:
    if "radius" in ellipsoid:
        return _metres(ellipsoid["radius"]), _metres(ellipsoid["radius"])
    major = _metres(ellipsoid["semi_major_axis"])
    if "semi_minor_axis" in ellipsoid:
        return major, _metres(ellipsoid["semi_minor_axis"])
    return major, major * (1 - 1 / ellipsoid["inverse_flattening"])


def _conversion_factor(unit: str | Json) -> float:
    factor: float = 1.0 if isinstance(unit, str) else unit["conversion_factor"]
    return factor


def _metres(measure: float | Json) -> float:
    if not isinstance(measure, dict):
        return measure
    value: float = measure["value"]
    return value * _conversion_factor(measure["unit"])


def _axes(keys: GeoKeys, known: Json | None) -> tuple[float, float]:
    """Return both semi-axes: the ellipsoid's, each overridden by its key; 0 if unknown.

    In metres whatever GeogLinearUnits says, as in libgeotiff.
    """
    major, minor = (0.0, 0.0) if known is None else _known_axes(known)
    major = keys.number(GeoKey.EllipsoidSemiMajorAxis) or major
    minor = keys.number(GeoKey.EllipsoidSemiMinorAxis) or minor or major
    inverse = keys.number(GeoKey.EllipsoidInvFlattening)
    if inverse is not None:
        minor = major * (1 - 1 / inverse) if inverse else major
    return major, minor


def _ellipsoidal(unit: Unit) -> Json:
    axes = (("Latitude", "lat", "north"), ("Longitude", "lon", "east"))
    return {
        "subtype": "ellipsoidal",
        "axis": [
            {"name": name, "abbreviation": short, "direction": direction, "unit": unit.json()}
            for name, short, direction in axes
        ],
    }


def _xyz(unit: Unit) -> Json:
    return {
        "subtype": "Cartesian",
        "axis": [
            {
                "name": f"Geocentric {axis}",
                "abbreviation": axis,
                "direction": f"geocentric{axis}",
                "unit": unit.json(),
            }
            for axis in "XYZ"
        ],
    }
