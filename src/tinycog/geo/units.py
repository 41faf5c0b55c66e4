"""Units of length and angle by their EPSG codes (geotiff.crs.units).

Source: the EPSG registry as in PROJ. `spec/units.csv` is the same table. Codes of angles in
degrees, minutes and seconds at once (9107, 9108, 9110, 9111) have no factor.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from tinycog.errors import UnsupportedError
from tinycog.geo.citation import parts_of
from tinycog.geo.keys import USER_DEFINED, GeoKey, GeoKeys


class Unit(NamedTuple):
    """A unit; `factor` is its size in metres or radians."""

    code: int | None
    name: str
    kind: Literal["length", "angle"]
    factor: float

    def json(self) -> str | dict[str, Any]:
        """Return the unit as PROJJSON."""
        if self.code in (METRE.code, DEGREE.code):
            return self.name
        unit: dict[str, Any] = {
            "type": "LinearUnit" if self.kind == "length" else "AngularUnit",
            "name": self.name,
            "conversion_factor": self.factor,
        }
        if self.code is not None:
            unit["id"] = {"authority": "EPSG", "code": self.code}
        return unit


METRE = Unit(9001, "metre", "length", 1.0)
DEGREE = Unit(9102, "degree", "angle", math.pi / 180)

UNITS: dict[int, Unit] = {
    unit.code: unit
    for unit in (
        Unit(1025, "millimetre", "length", 0.001),
        Unit(1033, "centimetre", "length", 0.01),
        METRE,
        Unit(9002, "foot", "length", 0.3048),
        Unit(9003, "US survey foot", "length", 12 / 39.37),
        Unit(9005, "Clarke's foot", "length", 0.3047972654),
        Unit(9014, "fathom", "length", 1.8288),
        Unit(9030, "nautical mile", "length", 1852.0),
        Unit(9031, "German legal metre", "length", 1.0000135965),
        Unit(9033, "US survey chain", "length", 792 / 39.37),
        Unit(9034, "US survey link", "length", 7.92 / 39.37),
        Unit(9035, "US survey mile", "length", 63360 / 39.37),
        Unit(9036, "kilometre", "length", 1000.0),
        Unit(9037, "Clarke's yard", "length", 0.9143917962),
        Unit(9038, "Clarke's chain", "length", 20.1166195164),
        Unit(9039, "Clarke's link", "length", 0.201166195164),
        Unit(9040, "British yard (Sears 1922)", "length", 36 / 39.370147),
        Unit(9041, "British foot (Sears 1922)", "length", 12 / 39.370147),
        Unit(9042, "British chain (Sears 1922)", "length", 792 / 39.370147),
        Unit(9043, "British link (Sears 1922)", "length", 7.92 / 39.370147),
        Unit(9050, "British yard (Benoit 1895 A)", "length", 0.9143992),
        Unit(9051, "British foot (Benoit 1895 A)", "length", 0.9143992 / 3),
        Unit(9060, "British yard (Benoit 1895 B)", "length", 36 / 39.370113),
        Unit(9061, "British foot (Benoit 1895 B)", "length", 12 / 39.370113),
        Unit(9070, "British foot (1865)", "length", 0.9144025 / 3),
        Unit(9080, "Indian foot", "length", 12 / 39.370142),
        Unit(9084, "Indian yard", "length", 36 / 39.370142),
        Unit(9085, "Indian yard (1937)", "length", 0.91439523),
        Unit(9062, "British chain (Benoit 1895 B)", "length", 792 / 39.370113),
        Unit(9093, "Statute mile", "length", 1609.344),
        Unit(9094, "Gold Coast foot", "length", 6378300 / 20926201),
        Unit(9095, "British foot (1936)", "length", 0.3048007491),
        Unit(9096, "yard", "length", 0.9144),
        Unit(9097, "chain", "length", 20.1168),
        Unit(9098, "link", "length", 0.201168),
        Unit(9300, "British foot (Sears 1922 truncated)", "length", 0.914398 / 3),
        Unit(9301, "British chain (Sears 1922 truncated)", "length", 20.116756),
        Unit(9101, "radian", "angle", 1.0),
        DEGREE,
        Unit(9103, "arc-minute", "angle", math.pi / 10800),
        Unit(9104, "arc-second", "angle", math.pi / 648000),
        Unit(9105, "grad", "angle", math.pi / 200),
        Unit(9106, "gon", "angle", math.pi / 200),
        Unit(9109, "microradian", "angle", 1e-6),
        Unit(9122, "degree (supplier to define representation)", "angle", math.pi / 180),
    )
    if unit.code is not None
}


UNIT_TOLERANCE = 1e-12
"""Relative difference up to which two units are equal."""

FOOT, US_FOOT = 0.3048, 1200 / 3937
CITED_UNITS: dict[str, float | None] = {
    "meters": 1.0,
    "centimeters": 0.01,
    "cm": 0.01,
    "millimeters": 0.001,
    "mm": 0.001,
    "kilometers": 1000.0,
    "km": 1000.0,
    "us_survey_feet": US_FOOT,
    "us_survey_foot": US_FOOT,
    "feet": US_FOOT,
    "foot": US_FOOT,
    "ft": US_FOOT,
    "international_feet": FOOT,
    "international_foot": FOOT,
    "inches": 0.0254000508001,
    "inch": 0.0254000508001,
    "yards": 0.9144,
    "yd": 0.9144,
    "miles": None,
    "modified_american_feet": 0.3048122530,
    "modified_american_foot": 0.3048122530,
    "clarke_feet": 0.3047972651,
    "clarke_foot": 0.3047972651,
    "indian_feet": 0.3047995142,
    "indian_foot": 0.3047995142,
    "yard_indian": 0.9143985307444408,
    "foot_clarke": 0.30479726540,
    "foot_gold_coast": 0.3047997101815088,
    "link_clarke": 0.2011661951640,
    "yard_sears": 0.9143984146160287,
    "50_kilometers": 50000.0,
    "150_kilometers": 150000.0,
}
"""Names of units in citations of ERDAS and ESRI in GDAL's order, and their metres.

All letters of a cited name but the last count, and the first name that begins with them. GDAL takes
miles for 1304.544 m.
"""


def unit_of_json(unit: str | dict[str, Any]) -> Unit:
    """Return a unit of PROJJSON: ours of that size, else its own; the inverse of `Unit.json`."""
    if isinstance(unit, str):
        return DEGREE if unit == DEGREE.name else METRE
    factor = float(unit["conversion_factor"])
    kind = "angle" if unit["type"] == "AngularUnit" else "length"
    same = (
        known
        for known in UNITS.values()
        if known.kind == kind and abs(known.factor - factor) < UNIT_TOLERANCE * factor
    )
    return next(same, Unit(None, str(unit["name"]), kind, factor))


def linear_unit(keys: GeoKeys, default: Unit) -> Unit:
    """Return the unit of eastings and northings: a citation's, its key's, else the default.

    ERDAS writes it into citations, which take precedence (geotiff.crs.cited-unit).

    Raises:
        UnsupportedError: the unit is not known.
    """
    texts = [keys.text(GeoKey.GTCitation)]
    if keys.epsg(GeoKey.ProjectedCRS) is None:
        texts.append(keys.text(GeoKey.ProjectedCitation))
    cited = next((name for text in texts if (name := parts_of(text).get("LUnits"))), None)
    if cited is None:
        return unit_of(keys, GeoKey.ProjLinearUnits, GeoKey.ProjLinearUnitSize, default)
    names = (name for name in CITED_UNITS if name.startswith(cited.lower()[:-1]))
    name = next(names, None)
    size = keys.number(GeoKey.ProjLinearUnitSize) if name is None else CITED_UNITS[name]
    if size is None and name is None and keys.code(GeoKey.ProjLinearUnits) in (None, METRE.code):
        size = 1.0
    if size is None:
        message = f"the citation says that the unit is {cited[:40]!r}, whose size is not known"
        raise UnsupportedError(message, feature="unit", value=cited)
    return length_of(size, cited)


def length_without_code(keys: GeoKeys) -> Unit:
    """Return the unit of eastings where neither a code nor ProjLinearUnits tells it.

    ProjLinearUnitSize alone, else GeogLinearUnits, else metres (geotiff.crs.units).
    """
    size = keys.number(GeoKey.ProjLinearUnitSize) or 0.0
    default = Unit(None, "unknown", "length", size) if size > 0 else METRE
    return unit_of(keys, GeoKey.GeogLinearUnits, None, default)


def length_of(factor: float, name: str) -> Unit:
    """Return EPSG's unit of that length in metres; one of that name if EPSG has none."""
    lengths = (unit for unit in UNITS.values() if unit.kind == "length")
    same = (unit for unit in lengths if abs(unit.factor - factor) < UNIT_TOLERANCE * factor)
    return next(same, Unit(None, name, "length", factor))


def unit_of(keys: GeoKeys, code_key: GeoKey, size_key: GeoKey | None, default: Unit) -> Unit:
    """Return the unit that a key names, or whose size another key holds (geotiff.crs.units).

    Raises:
        UnsupportedError: the EPSG unit is not in the table.
    """
    code = keys.code(code_key)
    if code is None:
        return default
    size = keys.number(size_key) if size_key is not None else None
    if code >= USER_DEFINED and size is not None and size > 0:
        return Unit(None, "unknown", default.kind, size)
    if code >= USER_DEFINED and default in (METRE, DEGREE):
        return default
    if code == USER_DEFINED:
        message = (
            f"{code_key.name} says that the unit is one of its own, but no GeoKey tells its size"
        )
        raise UnsupportedError(message, feature="unit", value=code)
    unit = UNITS.get(code)
    if unit is None or unit.kind != default.kind:
        message = f"unit {code} of GeoKey {code_key.name} is not supported"
        raise UnsupportedError(message, feature="unit", value=code)
    return unit
