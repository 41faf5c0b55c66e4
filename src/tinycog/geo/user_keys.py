"""GeoKeys of a CRS that no code tells, by pyproj: the inverse of build_crs.py.

Whatever is made is read back and compared with what was asked for, so that a file never tells
another CRS (geotiff.write.compared). PROJ's `CRSError` is translated here.
"""

from __future__ import annotations

from typing import Any, Literal

import pyproj
from pyproj.exceptions import CRSError

from tinycog.argument_types import CrsLike
from tinycog.errors import UnsupportedError
from tinycog.geo.citation import ESRI_PE
from tinycog.geo.crs import Crs
from tinycog.geo.keys import USER_DEFINED, GeoKey, GeoKeys
from tinycog.geo.make_crs import make_crs
from tinycog.geo.registry import Json, crs_of, crs_of_epsg, definition_of
from tinycog.geo.units import DEGREE, METRE, Unit, unit_of_json
from tinycog.geo.write_keys import MODEL_CODES, Keys, coded, directory, keys_of_code, no_crs
from tinycog.geo.written_methods import projection_keys

Codes = Literal["all", "base", "none"]
"""What is told by codes of EPSG: all that has one, all but the projection, nothing."""

EAST_AND_NORTH = ({"east", "north"}, {"north"}, {"south"})
"""Directions of the axes of a plane; those of one direction lead to or from a pole."""

PLANE = 2
"""Axes of a CRS without heights."""

SHIFTS = range(8605, 8612)
"""EPSG codes of the seven parameters of a datum shift, in the order of GeogTOWGS84."""


def keys_by_pyproj(crs: CrsLike) -> GeoKeys:
    """Make the keys of a CRS: the first of some ways that reads back as it is.

    Raises:
        UsageError: it is no CRS.
        UnsupportedError: GeoKeys cannot tell it.
    """
    wanted, epoch = _wanted(crs)
    code = _code(wanted)
    known = None if code is None or epoch is not None else keys_of_code(code)
    if known is not None and _reads_as(known, wanted):
        return known
    for way in (_with_all, _with_base, _with_none, _by_esri):
        keys = way(wanted)
        if keys is None:
            continue
        if epoch is not None:
            keys[GeoKey.CoordinateEpoch] = epoch
        made = directory(keys)
        if _reads_as(made, wanted):
            return made
    message = f"GeoTIFF has no keys that tell the CRS {wanted.name!r} ({wanted.type_name}) exactly"
    raise UnsupportedError(message, feature="crs", value=wanted.name)


def _wanted(crs: CrsLike) -> tuple[pyproj.CRS, float | None]:
    """Return a CRS as pyproj's, and the epoch of its coordinates."""
    if isinstance(crs, Crs):
        return crs.to_pyproj(), crs.epoch
    try:
        return pyproj.CRS.from_user_input(crs), None  # pyright: ignore[reportUnknownMemberType]
    except CRSError as exc:
        raise no_crs(crs) from exc


def _reads_as(keys: GeoKeys, wanted: pyproj.CRS) -> bool:
    """Return whether keys are read as that CRS (geotiff.write.compared)."""
    read = make_crs(keys, [])
    try:
        return read is not None and is_same(wanted, read.to_pyproj())
    except UnsupportedError:
        return False


def is_same(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    """Return whether coordinates (x, y) mean the same in both, names aside."""
    if one.equals(other, ignore_axis_order=True):
        return True
    first, second = (crs_of(_in_usual_order(definition_of(crs))) for crs in (one, other))
    return first.equals(second, ignore_axis_order=True)


def _in_usual_order(definition: Json) -> Json:
    """Return a definition whose eastings come first, or latitudes.

    Eastings and longitudes are x in files, whatever the CRS counts first. Around a pole, axes are
    called eastings and northings, too.
    """
    made = dict(definition)
    if "components" in made:
        made["components"] = [_in_usual_order(part) for part in made["components"]]
    if "source_crs" in made:
        made["source_crs"] = _in_usual_order(made["source_crs"])
    system: Json = made.get("coordinate_system", {})
    axes: list[Json] = system.get("axis", [])
    ways = {axis["direction"] for axis in axes[:PLANE]}
    if made["type"] == "ProjectedCRS" and ways in EAST_AND_NORTH:
        named = zip(axes, ("east", "north", "up"), strict=False)
        axes = [
            {"name": way, "abbreviation": way, "direction": way, "unit": axis["unit"]}
            for axis, way in named
        ]
        made["coordinate_system"] = system | {"axis": axes}
    elif made["type"] == "GeographicCRS" and [a["direction"] for a in axes[:1]] == ["east"]:
        made["coordinate_system"] = system | {"axis": [axes[1], axes[0], *axes[PLANE:]]}
        made.pop("id", None)
    return made


def _with_all(crs: pyproj.CRS) -> Keys | None:
    return _keys(crs, "all")


def _with_base(crs: pyproj.CRS) -> Keys | None:
    return _keys(crs, "base")


def _with_none(crs: pyproj.CRS) -> Keys | None:
    return _keys(crs, "none")


def _by_esri(crs: pyproj.CRS) -> Keys | None:
    """Make the keys that hold ESRI's WKT (geotiff.crs.local), of a projected CRS as GDAL does."""
    definition = definition_of(crs)
    if definition["type"] != "ProjectedCRS" or len(crs.axis_info) > PLANE:
        return None
    try:
        wkt = crs.to_wkt("WKT1_ESRI")
    except CRSError:
        return None
    unit = _unit(definition, METRE)
    return {
        GeoKey.GTModelType: USER_DEFINED,
        GeoKey.GTCitation: crs.name,
        GeoKey.ProjectedCitation: ESRI_PE + wkt,
        **_unit_keys(unit, GeoKey.ProjLinearUnits, GeoKey.ProjLinearUnitSize),
    }


def _keys(crs: pyproj.CRS, codes: Codes) -> Keys | None:
    if crs.is_bound and crs.source_crs is not None:
        source, shift = _keys(crs.source_crs, "none"), _shift(crs)
        if source is None or shift is None:
            return None
        return source | {GeoKey.GeogTOWGS84: shift}
    if not crs.is_compound:
        return _horizontal(crs, codes)
    if len(crs.sub_crs_list) != 2:  # noqa: PLR2004 - where and how high
        return None
    place, heights = crs.sub_crs_list
    first, second = _horizontal(place, codes), _vertical(heights, codes)
    if first is None or second is None:
        return None
    return first | second | {GeoKey.GTCitation: crs.name}


def _shift(crs: pyproj.CRS) -> tuple[float, ...] | None:
    """Return the shift of a bound CRS to WGS 84 in 7 numbers; None if it is by other means."""
    step: Json = definition_of(crs)["transformation"]
    found: dict[int, Any] = {_epsg(p) or 0: p.get("value") for p in step["parameters"]}
    numbers = [found.pop(code, 0.0) for code in SHIFTS]
    is_number = all(isinstance(number, int | float) for number in numbers)
    return tuple(map(float, numbers)) if is_number and not found else None


def _horizontal(crs: pyproj.CRS, codes: Codes) -> Keys | None:
    """Make the keys of a CRS of places; None if there are none for its kind."""
    definition: Json = definition_of(crs)
    kind: str = definition["type"]
    if kind in ("ProjectedCRS", "GeographicCRS") and len(crs.axis_info) > PLANE:
        flat, spatial = _horizontal(crs.to_2d(), codes), _base_code(crs)
        return None if flat is None or spatial is None else flat | {GeoKey.Vertical: spatial}
    if kind == "ProjectedCRS":
        return _projected(crs, definition, codes)
    if kind == "GeographicCRS":
        return {GeoKey.GTModelType: MODEL_CODES["geographic"]} | _base(crs, codes)
    if kind == "GeodeticCRS":
        return _geocentric(crs, definition, codes)
    return _local(crs, definition) if kind == "EngineeringCRS" else None


def _geocentric(crs: pyproj.CRS, definition: Json, codes: Codes) -> Keys:
    unit = _unit(definition, METRE)
    linear = _unit_keys(unit, GeoKey.GeogLinearUnits, GeoKey.GeogLinearUnitSize)
    return {GeoKey.GTModelType: MODEL_CODES["geocentric"]} | _base(crs, codes) | linear


def _local(crs: pyproj.CRS, definition: Json) -> Keys:
    unit = _unit(definition, METRE)
    linear = _unit_keys(unit, GeoKey.ProjLinearUnits, GeoKey.ProjLinearUnitSize)
    return {GeoKey.GTModelType: USER_DEFINED, GeoKey.GTCitation: crs.name} | linear


def _code(crs: pyproj.CRS) -> int | None:
    """Return the code of EPSG's CRS that equals this one, axes aside; None if there is none."""
    code = crs.to_epsg()
    if code is None:
        code = crs_of(_in_usual_order(definition_of(crs))).to_epsg()
    known = crs_of_epsg(code)
    is_known = known is not None and is_same(known, crs)
    return code if is_known and code is not None and code < USER_DEFINED else None


def _base_code(crs: pyproj.CRS) -> int | None:
    return None if crs.geodetic_crs is None else _code(crs.geodetic_crs)


def _projected(crs: pyproj.CRS, definition: Json, codes: Codes) -> Keys | None:
    """Make the keys of a code, or of a method and its parameters (geotiff.write.method)."""
    linear = _unit(definition, METRE)
    code = _code(crs) if codes == "all" else None
    if code is not None and linear.code is not None:
        return coded(code, "projected", linear.code)
    base = crs.geodetic_crs
    if base is None:
        return None
    keys = _base(base, codes)
    angular = _unit(definition_of(base), DEGREE)
    projection = projection_keys(definition["conversion"], linear, angular)
    if projection is None:
        return None
    return {
        GeoKey.GTModelType: MODEL_CODES["projected"],
        GeoKey.GTCitation: crs.name,
        GeoKey.ProjectedCRS: USER_DEFINED,
        **keys,
        **projection,
        **_unit_keys(linear, GeoKey.ProjLinearUnits, GeoKey.ProjLinearUnitSize),
    }


def _base(crs: pyproj.CRS, codes: Codes) -> Keys:
    """Make the keys of a geographic or geocentric CRS (geotiff.write.base)."""
    definition: Json = definition_of(crs)
    is_flat = definition["type"] == "GeographicCRS"
    angular = _unit(definition, DEGREE) if is_flat else DEGREE
    code = None if codes == "none" else _code(crs)
    if code is not None and (angular.code is not None or not is_flat):
        found = coded(code, "geographic" if is_flat else "geocentric", angular.code or 0)
        return {key: value for key, value in found.items() if key != GeoKey.GTModelType}
    datum: Json = definition.get("datum") or definition["datum_ensemble"]
    ellipsoid: Json = datum["ellipsoid"]
    names = {"GCS Name": crs.name, "Datum": datum["name"], "Ellipsoid": ellipsoid["name"]}
    keys: Keys = {
        GeoKey.GeodeticCRS: USER_DEFINED,
        GeoKey.GeodeticDatum: _epsg(datum) or USER_DEFINED,
        **_ellipsoid(ellipsoid, datum),
        **_unit_keys(angular, GeoKey.GeogAngularUnits, GeoKey.GeogAngularUnitSize),
    }
    meridian: Json | None = datum.get("prime_meridian")
    if meridian is not None:
        names["Primem"] = meridian["name"]
        keys[GeoKey.PrimeMeridian] = _epsg(meridian) or USER_DEFINED
        radians = _measure(meridian["longitude"], DEGREE)
        keys[GeoKey.PrimeMeridianLongitude] = radians / angular.factor
    if angular.code is None:
        names["AUnits"] = angular.name
    keys[GeoKey.GeodeticCitation] = "|".join(f"{k} = {v}" for k, v in names.items()) + "|"
    return keys


def _ellipsoid(ellipsoid: Json, datum: Json) -> Keys:
    """Make the keys of an ellipsoid; it has a code of its own unless the datum tells it."""
    keys: Keys = {}
    if _epsg(datum) is None:
        keys[GeoKey.Ellipsoid] = _epsg(ellipsoid) or USER_DEFINED
    if "radius" in ellipsoid:
        radius = _measure(ellipsoid["radius"], METRE)
        return keys | {GeoKey.EllipsoidSemiMajorAxis: radius, GeoKey.EllipsoidSemiMinorAxis: radius}
    keys[GeoKey.EllipsoidSemiMajorAxis] = _measure(ellipsoid["semi_major_axis"], METRE)
    if "inverse_flattening" in ellipsoid:
        inverse = float(ellipsoid["inverse_flattening"])
        return keys | {GeoKey.EllipsoidInvFlattening: inverse}
    return keys | {GeoKey.EllipsoidSemiMinorAxis: _measure(ellipsoid["semi_minor_axis"], METRE)}


def _vertical(crs: pyproj.CRS, codes: Codes) -> Keys | None:
    """Make the keys of heights (geotiff.crs.vertical); None if it is not a CRS of heights."""
    definition: Json = definition_of(crs)
    if definition["type"] != "VerticalCRS":
        return None
    code = _code(crs) if codes != "none" else None
    if code is not None:
        return {GeoKey.Vertical: code}
    datum: Json = definition.get("datum") or definition.get("datum_ensemble") or {}
    unit = _unit(definition, METRE)
    return {
        GeoKey.Vertical: USER_DEFINED,
        GeoKey.VerticalCitation: f"VCS Name = {crs.name}|Datum = {datum.get('name')}|",
        GeoKey.VerticalDatum: _epsg(datum) or USER_DEFINED,
        GeoKey.VerticalUnits: unit.code or USER_DEFINED,
    }


# --- parts of definitions ------------------------------------------------------------------------


def _epsg(part: Json) -> int | None:
    """Return the code of EPSG that a part of a definition has, if a key can hold it."""
    found: Json = part.get("id", {})
    code = found.get("code")
    is_fit = found.get("authority") == "EPSG" and isinstance(code, int) and code < USER_DEFINED
    return code if is_fit else None


def _unit(definition: Json, default: Unit) -> Unit:
    """Return the unit of the first axis; a code of it is that of our table (geotiff.crs.units)."""
    found: str | Json = definition["coordinate_system"]["axis"][0].get("unit", default.name)
    return unit_of_json(found)


def _measure(measure: float | Json, default: Unit) -> float:
    """Return a measure in metres or radians."""
    if isinstance(measure, dict):
        return float(measure["value"]) * unit_of_json(measure["unit"]).factor
    return float(measure) * default.factor


def _unit_keys(unit: Unit, code_key: GeoKey, size_key: GeoKey) -> Keys:
    if unit.code is not None:
        return {code_key: unit.code}
    return {code_key: USER_DEFINED, size_key: unit.factor}
