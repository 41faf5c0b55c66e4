"""The boundary to pyproj: what codes of EPSG mean, and CRSs made of PROJJSON.

pyproj hardly has types; they are given here, once.
"""

from __future__ import annotations

from typing import Any, Literal

import pyproj
import pyproj.crs
from pyproj.exceptions import CRSError

from tinycog.errors import UnsupportedError

Json = dict[str, Any]
Kind = Literal["CRS", "Datum", "Ellipsoid", "PrimeMeridian", "CoordinateOperation"]

_classes: Any = pyproj.crs


def from_epsg(kind: Kind, code: int | None) -> Json | None:
    """Definition of a thing of EPSG, as PROJJSON; None if the registry does not have it."""
    if code is None:
        return None
    try:
        definition: Json = getattr(_classes, kind).from_epsg(code).to_json_dict()
    except CRSError:
        return None
    return definition


def crs_of_epsg(code: int | None) -> pyproj.CRS | None:
    """CRS of EPSG; None if the registry has none of that code."""
    if code is None:
        return None
    try:
        return pyproj.CRS.from_epsg(code)
    except CRSError:
        return None


def crs_of(definition: Json) -> pyproj.CRS:
    """CRS of PROJJSON."""
    make: Any = pyproj.CRS.from_json_dict  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    built: pyproj.CRS = make(definition)
    return built


def not_in_registry(code: int) -> UnsupportedError:
    """The error for a code that PROJ does not know, an older registry's newer one say."""
    message = f"EPSG:{code} is not in the registry of PROJ {pyproj.proj_version_str}"
    return UnsupportedError(message, feature="crs", value=code)
