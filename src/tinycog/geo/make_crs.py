"""Which CRS GeoKeys name or define, by their codes and citations, without PROJ (geotiff.crs.*)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from tinycog.errors import Finding, UnsupportedError
from tinycog.geo.citation import is_web_mercator, name_of, parts_of
from tinycog.geo.crs import WEB_MERCATOR, WGS_84, Crs
from tinycog.geo.epsg_codes import (
    ENSEMBLES,
    METRES,
    Kind,
    flat_counterparts,
    kind_of_code,
    parts_of_code,
    unit_code,
)
from tinycog.geo.esri_wkt import esri_wkt, kind_and_name, split, unit_in
from tinycog.geo.keys import USER_DEFINED, GeoKey, GeoKeys
from tinycog.geo.projection_methods import has_projection
from tinycog.geo.units import (
    UNIT_TOLERANCE,
    UNITS,
    Unit,
    length_without_code,
    linear_unit,
    unit_of,
)

MODELS: dict[int, Kind] = {1: "projected", 2: "geographic", 3: "geocentric"}
HEIGHTS_OF_DATUMS = range(5001, 5034)
"""Vertical codes of old files that mean heights above a datum's ellipsoid."""
WGS_84_3D, HEIGHTS_OF_WGS_84 = 4979, 5030
OLD_VERTICAL_DATUMS = range(5101, 5113)
FROM_DATUM = 600
"""What the code of a CRS of heights has more than that of its datum, of these."""
EGM96_DATUM, EGM96_HEIGHT = 5171, 5773
DATUM_KEYS = (GeoKey.GeodeticDatum, GeoKey.Ellipsoid)
"""Keys whose codes tell the ellipsoid of a CRS that has none itself."""


def make_crs(keys: GeoKeys, findings: list[Finding]) -> Crs | None:
    """Make the CRS of the keys; None without keys (geotiff.crs.model, geotiff.crs.none).

    Heights of GeoTIFF 1.0 files are omitted, as in GDAL (geotiff.crs.old-heights).
    """
    crs, found = _made(keys)
    findings += found
    return crs


@lru_cache(maxsize=256)
def _made(keys: GeoKeys) -> tuple[Crs | None, tuple[Finding, ...]]:
    """Make the CRS of keys, which many files have alike, once."""
    findings: list[Finding] = []
    return _make(keys, findings), tuple(findings)


def _make(keys: GeoKeys, findings: list[Finding]) -> Crs | None:
    if not keys:
        return None
    horizontal = _horizontal(keys, findings)
    if horizontal.wkt is not None or horizontal.kind not in ("projected", "geographic", "local"):
        return horizontal
    vertical = _vertical(keys, horizontal, findings)
    if vertical is None or vertical.kind == "geographic":
        return vertical or horizontal
    if keys.minor == 0:
        text = f"heights ({vertical}) of a GeoTIFF 1.0 file are left out of its CRS"
        findings.append(Finding("geotiff.crs.old-heights", text))
    if keys.minor == 0 or is_ellipsoidal(vertical):
        return replace(horizontal, vertical=vertical)
    text = keys.text(GeoKey.GTCitation)
    name = text if text and " = " not in text else None
    return Crs("compound", None, name, horizontal, vertical, horizontal.epoch, keys)


# --- horizontal ----------------------------------------------------------------------------------


def _horizontal(keys: GeoKeys, findings: list[Finding]) -> Crs:
    """Make the horizontal CRS (geotiff.crs.model, geotiff.crs.epsg)."""
    model = keys.code(GeoKey.GTModelType)
    kind = MODELS.get(model or USER_DEFINED, "local")
    if model in (None, USER_DEFINED) and keys.epsg(GeoKey.ProjectedCRS) is not None:
        kind = "projected"
    key = GeoKey.ProjectedCRS if kind == "projected" else GeoKey.GeodeticCRS
    code = None if kind == "local" else keys.epsg(key)
    epoch = keys.number(GeoKey.CoordinateEpoch)
    if kind == "local" or (kind == "projected" and code is None and not has_projection(keys)):
        return _told_by_wkt(keys, name_of(keys, kind), epoch)
    if code is not None and kind_of_code(code) not in (None, kind):
        if kind == "geographic" or (kind == "projected" and not has_projection(keys)):
            return _misplaced(keys, key, code, epoch, findings)
        if kind == "projected":
            text = f"ProjectedCRS names EPSG:{code}, which is none; further keys tell the CRS"
            findings.append(Finding("geotiff.crs.misplaced-code", text))
        code = None
    name = name_of(keys, kind)
    if kind == "projected" and keys.epsg(key) is None and is_web_mercator(name):
        code = WEB_MERCATOR
    _find_in_base(keys, code, findings)
    is_own = {"projected": _is_in_own_unit, "geographic": _is_in_own_angle}.get(kind)
    if code is not None and is_own is not None and not is_own(keys, code, findings):
        code = None
    return Crs(kind, code, name, epoch=epoch, keys=keys)


def _misplaced(
    keys: GeoKeys, key: GeoKey, code: int, epoch: float | None, findings: list[Finding]
) -> Crs:
    """Make the CRS of a code that its key is not for (geotiff.crs.misplaced-code)."""
    kind = kind_of_code(code) or "local"
    text = f"{key.name} names EPSG:{code}, a {kind} CRS; it is read as that"
    findings.append(Finding("geotiff.crs.misplaced-code", text))
    parts = parts_of_code(code)
    if parts is None:
        return Crs(kind, code, name_of(keys, kind), epoch=epoch, keys=keys)
    first, second = (Crs(kind_of_code(part) or "local", part, keys=keys) for part in parts)
    return Crs(kind, code, None, first, second, epoch, keys)


def _told_by_wkt(keys: GeoKeys, name: str | None, epoch: float | None) -> Crs:
    """Make the CRS of ESRI's WKT in a citation, else one of units alone (geotiff.crs.local)."""
    wkt = esri_wkt(keys)
    if wkt is None:
        return Crs("local", None, name, epoch=epoch, keys=keys)
    kind, own = kind_and_name(wkt)
    if is_web_mercator(own):
        return Crs(kind, WEB_MERCATOR, name, epoch=epoch, keys=keys, wkt=wkt)
    first, *others = (_part_of_wkt(part, keys) for part in split(wkt))
    if not others:
        return Crs(kind, None, name, epoch=epoch, keys=keys, wkt=wkt)
    return Crs("compound", None, name, first, others[0], epoch, keys, wkt)


def _part_of_wkt(wkt: str, keys: GeoKeys) -> Crs:
    kind, name = kind_and_name(wkt)
    return Crs(kind, None, name, keys=keys, wkt=wkt)


def _is_in_own_unit(keys: GeoKeys, code: int, findings: list[Finding]) -> bool:
    """Return whether a file uses a projected CRS in its own unit (geotiff.crs.overridden-unit)."""
    own = UNITS[unit_code(code)]
    default = length_without_code(keys) if keys.epsg(GeoKey.ProjectedCRS) is None else own
    try:
        unit = linear_unit(keys, default)
    except UnsupportedError as exc:
        findings.append(Finding("geotiff.crs.units", str(exc)))
        return False
    return _is_unit(unit, own, code, findings)


def _is_in_own_angle(keys: GeoKeys, code: int, findings: list[Finding]) -> bool:
    """Return whether a file uses a geographic CRS in its own unit (geotiff.crs.overridden-unit)."""
    if code in ENSEMBLES:
        return True
    own = UNITS[unit_code(code)]
    try:
        unit = unit_of(keys, GeoKey.GeogAngularUnits, None, own)
    except UnsupportedError as exc:
        findings.append(Finding("geotiff.crs.units", str(exc)))
        return False
    return _is_unit(unit, own, code, findings)


def _is_unit(unit: Unit, own: Unit, code: int, findings: list[Finding]) -> bool:
    if abs(unit.factor - own.factor) <= UNIT_TOLERANCE * own.factor:
        return True
    text = f"EPSG:{code} is in units of {own.name}, but the file is in units of {unit.name}"
    findings.append(Finding("geotiff.crs.overridden-unit", text))
    return False


def _find_in_base(keys: GeoKeys, code: int | None, findings: list[Finding]) -> None:
    """Add findings on a base that no code tells (geotiff.crs.base, geotiff.crs.units)."""
    if any((code, keys.epsg(GeoKey.ProjectedCRS), keys.epsg(GeoKey.GeodeticCRS))):
        return
    has_axis = bool(keys.number(GeoKey.EllipsoidSemiMajorAxis))
    if not has_axis and not any(keys.epsg(key) for key in DATUM_KEYS):
        text = "no GeoKey tells the datum or ellipsoid; it is taken for that of WGS 84"
        findings.append(Finding("geotiff.crs.base", text))
    size = keys.number(GeoKey.GeogAngularUnitSize)
    is_cited = "AUnits" in parts_of(keys.text(GeoKey.GeodeticCitation))
    if size and not is_cited and keys.code(GeoKey.GeogAngularUnits) == USER_DEFINED:
        text = f"angles are in a unit of {size} radians; GDAL takes them for degrees"
        findings.append(Finding("geotiff.crs.units", text))


# --- heights -------------------------------------------------------------------------------------


def _vertical(keys: GeoKeys, horizontal: Crs, findings: list[Finding]) -> Crs | None:
    """Make the vertical CRS; None if there are no usable keys (geotiff.crs.vertical).

    A geographic CRS stands for both: it has the heights itself (geotiff.crs.geographic-3d).
    """
    codes = [
        keys.code(key) or 0 for key in (GeoKey.Vertical, GeoKey.VerticalDatum, GeoKey.VerticalUnits)
    ]
    if not any(codes) or (horizontal.kind == "local" and not codes[2]):
        return None
    if max(codes) > USER_DEFINED:
        text = f"the vertical keys hold private codes {codes}; heights are ignored"
        findings.append(Finding("geotiff.crs.vertical", text))
        return None
    code = _vertical_code(keys, horizontal)
    name = keys.text(GeoKey.VerticalCitation)
    name = name.removeprefix("VCS Name = ").partition("|")[0] or None
    if code is None or kind_of_code(code) == "vertical":
        return Crs("vertical", code, name, keys=keys)
    if horizontal.epsg in (flat := flat_counterparts(code)):
        return Crs("geographic", code, horizontal.name, epoch=horizontal.epoch, keys=keys)
    if flat and horizontal.kind == "projected":  # whose datum the registry knows
        return Crs("vertical", code, name, keys=keys)
    text = f"Vertical names EPSG:{code}, which is no CRS of heights for {horizontal}; it is ignored"
    findings.append(Finding("geotiff.crs.vertical", text))
    return None


def _vertical_code(keys: GeoKeys, horizontal: Crs) -> int | None:
    """Return the code of a CRS of heights, from those that old files use; None if it has none."""
    code = keys.epsg(GeoKey.Vertical) if horizontal.kind != "local" else None
    has_datum = keys.code(GeoKey.VerticalDatum) is not None
    if code is not None and keys.minor == 0 and code in OLD_VERTICAL_DATUMS and not has_datum:
        return code + FROM_DATUM
    if keys.minor == 0 and code == EGM96_DATUM:
        return EGM96_HEIGHT
    if code in HEIGHTS_OF_DATUMS and not has_datum:
        is_known = horizontal.epsg == WGS_84 or horizontal.kind == "projected"
        return WGS_84_3D if code == HEIGHTS_OF_WGS_84 and is_known else None
    return code


def height_unit(crs: Crs) -> str | None:
    """Return the name of the unit of heights; None without heights (gdal.metadata.heights)."""
    vertical = crs.vertical
    if vertical is None:
        return None
    if vertical.wkt is not None:
        return unit_in(vertical.wkt).name
    if vertical.epsg is not None:
        return None if is_ellipsoidal(vertical) else UNITS[unit_code(vertical.epsg)].name
    unit = UNITS.get(crs.keys.epsg(GeoKey.VerticalUnits) or METRES)
    return unit.name if unit is not None and unit.kind == "length" else None


def is_ellipsoidal(vertical: Crs) -> bool:
    """Return whether heights are above the ellipsoid (geotiff.crs.geographic-3d)."""
    return vertical.epsg is not None and kind_of_code(vertical.epsg) == "geographic"
