"""Citations: texts of GeoKeys that hold more than a name (geotiff.crs.name)."""

from __future__ import annotations

import re

from tinycog.geo.epsg_codes import Kind
from tinycog.geo.keys import GeoKey, GeoKeys

ESRI_PE = "ESRI PE String = "
WEB_MERCATOR_NAMES = frozenset(
    (
        "wgs84pseudomercator",
        "wgs1984webmercatorauxiliarysphere",
        "wgs1984webmercator",
        "googlemapsglobalmercator",
    )
)
IMAGINE = "IMAGINE GeoTIFF Support"
IMAGINE_PARTS = re.compile(
    r"(?P<name>NAD|Datum|Ellipsoid|Units|Projection Name|Projection) = (?P<value>[^\n]*)"
)


def parts_of(text: str) -> dict[str, str]:
    """Split a citation into parts by name; empty for plain text.

    GDAL and ESRI write `GCS Name = x|Datum = y|`, ERDAS Imagine writes lines; its "Units" are
    returned as "LUnits", the name that the others use.
    """
    if text.startswith(IMAGINE):
        found = {match["name"]: match["value"].strip() for match in _imagine(text)}
        if "Units" in found:
            found["LUnits"] = found.pop("Units")
        return found
    parts = (part.partition(" = ") for part in text.split("|"))
    return {name.strip(): value.strip() for name, sign, value in parts if sign}


def _imagine(text: str) -> list[re.Match[str]]:
    """Return the parts of an ERDAS Imagine citation; the first of each name counts."""
    first: dict[str, re.Match[str]] = {}
    for match in IMAGINE_PARTS.finditer(text):
        first.setdefault(match["name"], match)
    return list(first.values())


def plain(text: str) -> str:
    """Return a citation on one line; of ERDAS Imagine's, the line below its copyright notice."""
    if "IMAGINE GeoTIFF" in text:
        text = text.rpartition("$")[2].strip().partition("\n")[0]
    return " ".join(text.split())


def name_of(keys: GeoKeys, kind: Kind) -> str | None:
    """Return the name that the file gives its CRS; None if it gives none (geotiff.crs.name)."""
    for text in _citations(keys, kind):
        if text and not text.startswith((ESRI_PE, "LUnits = ")):
            parts = parts_of(text)
            named = (parts.get(name) for name in ("PCS Name", "GCS Name", "Projection Name"))
            return next((name for name in named if name), None) or plain(text)
    return None


def _citations(keys: GeoKeys, kind: Kind) -> tuple[str, str]:
    """Return the texts that may hold the name, in order."""
    is_projected = kind == "projected"
    key = GeoKey.ProjectedCitation if is_projected else GeoKey.GeodeticCitation
    own, whole = keys.text(key).strip(), keys.text(GeoKey.GTCitation).strip()
    is_whole_first = kind == "local" or (
        is_projected
        and (
            keys.epsg(GeoKey.ProjectedCRS) is not None
            or "PCS Name" in parts_of(whole)
            or "unnamed" in own
        )
    )
    return (whole, own) if is_whole_first else (own, whole)


def is_web_mercator(name: str | None) -> bool:
    """Return whether this is a name of Web Mercator (geotiff.crs.web-mercator).

    As in PROJ, letters and digits count, in any case.
    """
    return re.sub(r"[\W_]", "", name or "").lower() in WEB_MERCATOR_NAMES
