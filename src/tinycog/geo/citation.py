"""Citations: texts of GeoKeys that hold more than a name (geotiff.crs.name)."""

from __future__ import annotations

import re

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
    """Return a citation on one line, without ERDAS Imagine's copyright notice."""
    if "IMAGINE GeoTIFF" in text:
        text = text.rpartition("$")[2]
    return " ".join(text.split())
