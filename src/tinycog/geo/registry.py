"""Look up EPSG codes and build CRSs of PROJJSON, by pyproj.

This is the boundary to pyproj: its `CRSError` becomes None here, and its missing types are
declared.
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
    """Return the definition of an EPSG code as PROJJSON; None if the registry does not have it."""
    if code is None:
        return None
    try:
        definition: Json = getattr(_classes, kind).from_epsg(code).to_json_dict()
    except CRSError:
        return None
    return definition


def crs_of_epsg(code: int | None) -> pyproj.CRS | None:
    """Return the CRS of an EPSG code; None if the registry does not have it."""
    if code is None:
        return None
    try:
        return pyproj.CRS.from_epsg(code)
    except CRSError:
        return None


def crs_of(definition: Json) -> pyproj.CRS:
    """Build a CRS from PROJJSON."""
    make: Any = pyproj.CRS.from_json_dict  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    built: pyproj.CRS = make(definition)
    return built


def definition_of(crs: pyproj.CRS) -> Json:
    """Return a CRS as PROJJSON."""
    made: Any = crs
    definition: Json = made.to_json_dict()
    return definition


def not_in_registry(code: int) -> UnsupportedError:
    """Make the error for a code that PROJ does not know, such as one newer than its registry."""
    message = f"EPSG:{code} is not in the registry of PROJ {pyproj.proj_version_str}"
    return UnsupportedError(message, feature="crs", value=code)
