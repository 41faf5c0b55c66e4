"""The coordinate reference system that GeoKeys name or define (geotiff.crs.*).

Codes and names come from the keys, without PROJ. `to_pyproj` builds the whole CRS; it needs the
extra `geo`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple

from tinycog.errors import Finding, UnsupportedError, UsageError
from tinycog.geo.citation import parts_of, plain
from tinycog.geo.epsg_units import ENSEMBLES, GRAD, IN_GRADS, unit_code
from tinycog.geo.keys import USER_DEFINED, GeoKey, GeoKeys
from tinycog.geo.units import DEGREE, UNITS, Unit, linear_unit, unit_of

if TYPE_CHECKING:
    import pyproj

Kind = Literal["projected", "geographic", "geocentric", "local", "vertical", "compound"]

MODELS: dict[int, Kind] = {1: "projected", 2: "geographic", 3: "geocentric"}
ESRI_PE = "ESRI PE String = "
HEIGHTS_OF_DATUMS = range(5001, 5034)
"""Vertical codes of old files that mean heights above a datum's ellipsoid."""
WGS_84, WGS_84_3D, HEIGHTS_OF_WGS_84 = 4326, 4979, 5030
WEB_MERCATOR = 3857
WEB_MERCATOR_CODES = (WEB_MERCATOR, 3785)
"""EPSG codes of Web Mercator that files can name, the current one and a deprecated one.

Those of other registries (900913, 102100, 102113) do not fit a GeoKey: it is 16 bits wide.
"""
OLD_VERTICAL_DATUMS = range(5101, 5113)
EGM96_DATUM, EGM96_HEIGHT = 5171, 5773

UNIT_TOLERANCE = 1e-12
GEOGRAPHIC = 2

GEOGRAPHIC_3D: dict[int, int] = {
    4326: 4979,
    4258: 4937,
    4152: 4957,
    4171: 4965,
    4617: 4955,
    4759: 4893,
    6318: 6319,
    4283: 4939,
    7844: 7843,
    4167: 4959,
    4674: 4989,
    4612: 4947,
    4490: 4480,
}
"""3D counterparts of 2D geographic CRSs."""


class Heights(NamedTuple):
    """Heights of samples where the CRS is vertical too: `sample * scale + offset`, in `unit`.

    Scale and unit are None where the file does not state them.
    """

    scale: float | None
    offset: float
    unit: str | None


@dataclass(frozen=True, slots=True)
class Crs:
    """A coordinate reference system, as far as the keys define it.

    Attributes:
        kind: "projected", "geographic", "geocentric", "vertical", "compound", or "local": units,
            but no place on the Earth.
        epsg: its EPSG code; None if it has none or the keys do not state it.
        name: its name in the file, if any.
        horizontal: the horizontal part of a compound CRS.
        vertical: the vertical part of a compound CRS.
        epoch: coordinate epoch as a decimal year, if stated.
        keys: the keys that define it.
    """

    kind: Kind
    epsg: int | None = None
    name: str | None = None
    horizontal: Crs | None = None
    vertical: Crs | None = None
    epoch: float | None = None
    keys: GeoKeys = field(default_factory=GeoKeys, repr=False)

    @property
    def is_projected(self) -> bool:
        """Whether coordinates are eastings and northings of a projection."""
        return (self.horizontal or self).kind == "projected"

    @property
    def is_geographic(self) -> bool:
        """Whether coordinates are longitudes and latitudes."""
        return (self.horizontal or self).kind == "geographic"

    def __str__(self) -> str:
        """Return `EPSG:32628` if there is a code, else kind and name."""
        if self.epsg is not None:
            return f"EPSG:{self.epsg}"
        if self.horizontal is not None and self.vertical is not None:
            return f"{self.horizontal} + {self.vertical}"
        return f"{self.kind} CRS {self.name!r}"

    def to_pyproj(self) -> pyproj.CRS:
        """Build a `pyproj.CRS`, also of a user-defined CRS.

        Axes are in the order of the definition; coordinates in files are always (x, y), so
        transform with `always_xy=True`.

        Raises:
            UsageError: pyproj is not installed.
            UnsupportedError: PROJ cannot build it from the keys.
        """
        if find_spec("pyproj") is None:
            message = "this needs pyproj: pip install 'tinycog[geo]'"
            raise UsageError(message)
        from tinycog.geo.build_crs import build_crs  # noqa: PLC0415 - loads pyproj

        return build_crs(self)

    def to_wkt(self) -> str:
        """Return it as WKT 2, for rasterio's `CRS.from_user_input` and the like.

        Raises:
            UsageError, UnsupportedError: those of `to_pyproj`.
        """
        return self.to_pyproj().to_wkt()

    def to_epsg(self) -> int | None:
        """Return its EPSG code: the keys', else that of an equal CRS in PROJ's registry.

        The latter needs pyproj.

        Raises:
            UsageError, UnsupportedError: those of `to_pyproj`.
        """
        if self.epsg is not None:
            return self.epsg
        built = self.to_pyproj()
        return (built.source_crs or built if built.is_bound else built).to_epsg()


def make_crs(keys: GeoKeys, findings: list[Finding]) -> Crs | None:
    """Make the CRS of the keys; None without keys (geotiff.crs.model, geotiff.crs.none).

    Heights of GeoTIFF 1.0 files are omitted, as in GDAL (geotiff.crs.old-heights).
    """
    if not keys:
        return None
    horizontal = _horizontal(keys, findings)
    vertical = _vertical(keys, findings)
    if vertical is None or horizontal.kind == "geocentric":
        return horizontal
    if (found := _geographic_3d(keys, horizontal, vertical)) is not None:
        return found
    if keys.minor == 0:
        text = f"heights ({vertical}) of a GeoTIFF 1.0 file are left out of its CRS"
        findings.append(Finding("geotiff.crs.old-heights", text))
        return horizontal
    name = keys.text(GeoKey.GTCitation)
    if not name or " = " in name:
        name = f"{horizontal.name or 'unnamed'} + {vertical.name or 'unknown'}"
    return Crs("compound", None, name, horizontal, vertical, horizontal.epoch, keys)


def _horizontal(keys: GeoKeys, findings: list[Finding]) -> Crs:
    """Make the horizontal CRS (geotiff.crs.model, geotiff.crs.epsg)."""
    epoch = keys.number(GeoKey.CoordinateEpoch)
    kind = MODELS.get(keys.code(GeoKey.GTModelType) or USER_DEFINED, "local")
    projected = keys.epsg(GeoKey.ProjectedCRS)
    if keys.code(GeoKey.GTModelType) in (None, USER_DEFINED) and projected is not None:
        kind = "projected"
    code = None
    if kind == "projected" and projected is not None:
        code = projected if _in_own_unit(keys, projected, findings) else None
    elif kind in ("geographic", "geocentric"):
        geodetic = keys.epsg(GeoKey.GeodeticCRS)
        code = geodetic if geodetic is None or _in_own_angle(keys, geodetic, findings) else None
    return Crs(kind, code, _name(keys, kind), epoch=epoch, keys=keys)


def _in_own_unit(keys: GeoKeys, code: int, findings: list[Finding]) -> bool:
    """Return whether a file uses a projected CRS in its own unit (geotiff.crs.overridden-unit)."""
    own = UNITS[unit_code(code)]
    try:
        unit = linear_unit(keys, own)
    except UnsupportedError as exc:
        findings.append(Finding("geotiff.crs.units", str(exc)))
        return False
    return _is_unit(unit, own, code, findings)


def _in_own_angle(keys: GeoKeys, code: int, findings: list[Finding]) -> bool:
    """Return whether a file uses a geographic CRS in its own unit (geotiff.crs.overridden-unit)."""
    own = UNITS[GRAD] if code in IN_GRADS else DEGREE
    if keys.code(GeoKey.GTModelType) != GEOGRAPHIC or code in ENSEMBLES:
        return True
    try:
        unit = unit_of(keys, GeoKey.GeogAngularUnits, GeoKey.GeogAngularUnitSize, own)
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


def _name(keys: GeoKeys, kind: Kind) -> str | None:
    """Return the name that the file gives the CRS (geotiff.crs.name)."""
    own = GeoKey.ProjectedCitation if kind == "projected" else GeoKey.GeodeticCitation
    order = (own, GeoKey.GTCitation) if kind != "local" else (GeoKey.GTCitation, own)
    if kind == "projected" and keys.epsg(GeoKey.ProjectedCRS) is not None:
        order = (GeoKey.GTCitation, own)
    for key in order:
        text = keys.text(key).strip()
        if text and not text.startswith((ESRI_PE, "LUnits = ")):
            parts = parts_of(text)
            return parts.get("PCS Name") or parts.get("GCS Name") or plain(text)
    return None


def _vertical(keys: GeoKeys, findings: list[Finding]) -> Crs | None:
    """Make the vertical CRS; None if there are no usable keys (geotiff.crs.vertical)."""
    codes = [
        keys.code(key) or 0 for key in (GeoKey.Vertical, GeoKey.VerticalDatum, GeoKey.VerticalUnits)
    ]
    if not any(codes):
        return None
    if max(codes) > USER_DEFINED:
        text = f"the vertical keys hold private codes {codes}; heights are ignored"
        findings.append(Finding("geotiff.crs.vertical", text))
        return None
    code: int | None = codes[0]
    if keys.minor == 0 and code in OLD_VERTICAL_DATUMS:
        code += 600
    elif keys.minor == 0 and code == EGM96_DATUM:
        code = EGM96_HEIGHT
    elif (code in HEIGHTS_OF_DATUMS and not codes[1]) or code in (0, USER_DEFINED):
        code = None
    name = keys.text(GeoKey.VerticalCitation)
    return Crs("vertical", code, parts_of(name).get("VCS Name") or name or None, keys=keys)


def _geographic_3d(keys: GeoKeys, horizontal: Crs, vertical: Crs) -> Crs | None:
    """Make a geographic CRS with ellipsoidal heights, or None (geotiff.crs.geographic-3d)."""
    if horizontal.kind != "geographic" or horizontal.epsg is None:
        return None
    code = GEOGRAPHIC_3D.get(horizontal.epsg)
    is_old = horizontal.epsg == WGS_84 and keys.code(GeoKey.Vertical) == HEIGHTS_OF_WGS_84
    if not is_old and (code is None or vertical.epsg != code):
        return None
    return Crs("geographic", code, horizontal.name, None, None, horizontal.epoch, keys)
