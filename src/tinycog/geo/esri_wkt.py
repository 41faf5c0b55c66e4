"""The WKT of ESRI that a citation may hold in place of keys, without PROJ (geotiff.crs.local)."""

from __future__ import annotations

import re

from tinycog.geo.citation import ESRI_PE
from tinycog.geo.epsg_codes import Kind
from tinycog.geo.keys import GeoKey, GeoKeys
from tinycog.geo.units import METRE, Unit, length_of

KINDS: dict[str, Kind] = {
    "PROJCS": "projected",
    "GEOGCS": "geographic",
    "GEOCCS": "geocentric",
    "VERTCS": "vertical",
}
HEAD = re.compile(r'\s*(\w+)\s*\[\s*"([^"]*)"')
UNIT = re.compile(r'UNIT\s*\[\s*"[^"]*"\s*,\s*([0-9.eE+-]+)')


def esri_wkt(keys: GeoKeys) -> str | None:
    """Return the WKT in ProjectedCitation; None if there is none."""
    _, found, wkt = keys.text(GeoKey.ProjectedCitation).partition(ESRI_PE)
    return wkt.strip() if found else None


def split(wkt: str) -> list[str]:
    """Split WKT into its horizontal and its vertical part; one part if it has no heights.

    Heights within the horizontal part are not looked at, as in PROJ.
    """
    horizontal, comma, vertical = wkt.partition(",VERTCS[")
    is_whole = horizontal.count("[") == horizontal.count("]")
    return ([horizontal, f"VERTCS[{vertical}"]) if comma and is_whole else [wkt]


def kind_and_name(wkt: str) -> tuple[Kind, str | None]:
    """Return kind and name of the CRS that WKT defines; "local" for kinds not known."""
    found = HEAD.match(wkt)
    return ("local", None) if found is None else (KINDS.get(found[1].upper(), "local"), found[2])


def unit_in(wkt: str) -> Unit:
    """Return the unit of length of WKT without angles, such as a vertical part; else metres."""
    found = UNIT.search(wkt)
    return METRE if found is None else length_of(float(found[1]), "unknown")
