"""Texts of GeoKeys that hold more than a name (geotiff.crs.name)."""

from __future__ import annotations

import re

IMAGINE = "IMAGINE GeoTIFF Support"
IMAGINE_PARTS = re.compile(
    r"(?P<name>NAD|Datum|Ellipsoid|Units|Projection Name|Projection) = (?P<value>[^\n]*)"
)


def parts_of(text: str) -> dict[str, str]:
    """Parts of a text by name; empty if it is plain.

    GDAL and ESRI write `GCS Name = x|Datum = y|`, ERDAS Imagine writes lines; its "Units" are
    called "LUnits" here, as with the others.
    """
    if text.startswith(IMAGINE):
        found = {match["name"]: match["value"].strip() for match in _imagine(text)}
        if "Units" in found:
            found["LUnits"] = found.pop("Units")
        return found
    parts = (part.partition(" = ") for part in text.split("|"))
    return {name.strip(): value.strip() for name, sign, value in parts if sign}


def _imagine(text: str) -> list[re.Match[str]]:
    """Parts of a text of ERDAS Imagine; of each name, the first counts."""
    first: dict[str, re.Match[str]] = {}
    for match in IMAGINE_PARTS.finditer(text):
        first.setdefault(match["name"], match)
    return list(first.values())


def plain(text: str) -> str:
    """The text without the notice of rights of ERDAS Imagine, on one line."""
    if "IMAGINE GeoTIFF" in text:
        text = text.rpartition("$")[2]
    return " ".join(text.split())
