"""Projection methods of GeoTIFF, and their PROJJSON (geotiff.crs.method).

Sources: GeoTIFF 1.1 for the codes, libgeotiff for keys that writers use in place of the right ones,
the EPSG registry for methods and parameters. `spec/methods.csv` and `spec/parameters.csv` are the
same tables.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from tinycog.errors import UnsupportedError
from tinycog.geo.keys import USER_DEFINED, GeoKey, GeoKeys
from tinycog.geo.units import DEGREE, Unit

Role = Literal[
    "lat", "lon", "pole", "sp1", "sp2", "azimuth", "skew", "scale", "natural-scale", "east", "north"
]
"""The role of a parameter in a projection."""


class ParameterSource(NamedTuple):
    """Keys that may hold a parameter, the first present one counts; and its default."""

    keys: tuple[GeoKey, ...]
    default: float
    kind: Literal["length", "angle", "scale"]


LONGITUDES = (GeoKey.ProjNatOriginLong, GeoKey.ProjFalseOriginLong, GeoKey.ProjCenterLong)
LATITUDES = (GeoKey.ProjNatOriginLat, GeoKey.ProjFalseOriginLat, GeoKey.ProjCenterLat)
EASTINGS = (GeoKey.ProjFalseEasting, GeoKey.ProjCenterEasting, GeoKey.ProjFalseOriginEasting)
NORTHINGS = (GeoKey.ProjFalseNorthing, GeoKey.ProjCenterNorthing, GeoKey.ProjFalseOriginNorthing)

SOURCES: dict[Role, ParameterSource] = {
    "lat": ParameterSource(LATITUDES, 0.0, "angle"),
    "lon": ParameterSource(LONGITUDES, 0.0, "angle"),
    "pole": ParameterSource((GeoKey.ProjStraightVertPoleLong, *LONGITUDES), 0.0, "angle"),
    "sp1": ParameterSource((GeoKey.ProjStdParallel1,), 0.0, "angle"),
    "sp2": ParameterSource((GeoKey.ProjStdParallel2,), 0.0, "angle"),
    "azimuth": ParameterSource((GeoKey.ProjAzimuthAngle,), 0.0, "angle"),
    "skew": ParameterSource((GeoKey.ProjRectifiedGridAngle,), 90.0, "angle"),
    "scale": ParameterSource((GeoKey.ProjScaleAtNatOrigin, GeoKey.ProjScaleAtCenter), 1.0, "scale"),
    "natural-scale": ParameterSource((GeoKey.ProjScaleAtNatOrigin,), 1.0, "scale"),
    "east": ParameterSource(EASTINGS, 0.0, "length"),
    "north": ParameterSource(NORTHINGS, 0.0, "length"),
}

PARAMETERS: dict[int, str] = {
    8801: "Latitude of natural origin",
    8802: "Longitude of natural origin",
    8805: "Scale factor at natural origin",
    8806: "False easting",
    8807: "False northing",
    8811: "Latitude of projection centre",
    8812: "Longitude of projection centre",
    8813: "Azimuth at projection centre",
    8814: "Angle from Rectified to Skew Grid",
    8815: "Scale factor at projection centre",
    8816: "Easting at projection centre",
    8817: "Northing at projection centre",
    8821: "Latitude of false origin",
    8822: "Longitude of false origin",
    8823: "Latitude of 1st standard parallel",
    8824: "Latitude of 2nd standard parallel",
    8826: "Easting at false origin",
    8827: "Northing at false origin",
    8832: "Latitude of standard parallel",
    8833: "Longitude of origin",
}
"""Names of parameters by their EPSG codes."""


class Method(NamedTuple):
    """A projection method: GeoTIFF's code, name, EPSG code, and roles of its parameters."""

    code: int
    name: str
    epsg: int | None
    parameters: tuple[tuple[Role, int], ...]


FALSE_ORIGIN: tuple[tuple[Role, int], ...] = (("east", 8806), ("north", 8807))
MERIDIAN: tuple[tuple[Role, int], ...] = (("lon", 8802), *FALSE_ORIGIN)
ORIGIN: tuple[tuple[Role, int], ...] = (("lat", 8801), *MERIDIAN)
SCALED: tuple[tuple[Role, int], ...] = (
    ("lat", 8801),
    ("lon", 8802),
    ("scale", 8805),
    *FALSE_ORIGIN,
)
UNIT_SCALED: tuple[tuple[Role, int], ...] = (
    ("lat", 8801),
    ("lon", 8802),
    ("natural-scale", 8805),
    *FALSE_ORIGIN,
)
CONIC: tuple[tuple[Role, int], ...] = (
    ("lat", 8821),
    ("lon", 8822),
    ("sp1", 8823),
    ("sp2", 8824),
    ("east", 8826),
    ("north", 8827),
)
CENTRE: tuple[tuple[Role, int], ...] = (("lat", 8811), ("lon", 8812), ("azimuth", 8813))
HOTINE: tuple[tuple[Role, int], ...] = (*CENTRE, ("skew", 8814), ("scale", 8815))

METHODS: dict[int, Method] = {
    method.code: method
    for method in (
        Method(1, "Transverse Mercator", 9807, SCALED),
        Method(3, "Hotine Oblique Mercator (variant A)", 9812, (*HOTINE, *FALSE_ORIGIN)),
        Method(4, "Laborde Oblique Mercator", 9813, (*CENTRE, ("scale", 8815), *FALSE_ORIGIN)),
        Method(7, "Mercator (variant A)", 9804, UNIT_SCALED),
        Method(8, "Lambert Conic Conformal (2SP)", 9802, CONIC),
        Method(9, "Lambert Conic Conformal (1SP)", 9801, SCALED),
        Method(10, "Lambert Azimuthal Equal Area", 9820, ORIGIN),
        Method(11, "Albers Equal Area", 9822, CONIC),
        Method(12, "Azimuthal Equidistant", 1125, ORIGIN),
        Method(13, "Equidistant Conic", 1119, CONIC),
        Method(14, "Stereographic", None, UNIT_SCALED),
        Method(
            15, "Polar Stereographic (variant A)", 9810, (SCALED[0], ("pole", 8802), *SCALED[2:])
        ),
        Method(16, "Oblique Stereographic", 9809, SCALED),
        Method(17, "Equidistant Cylindrical", 1028, (("sp1", 8823), *ORIGIN)),
        Method(18, "Cassini-Soldner", 9806, ORIGIN),
        Method(19, "Gnomonic", None, ORIGIN),
        Method(20, "Miller Cylindrical", None, MERIDIAN),
        Method(21, "Orthographic", 9840, ORIGIN),
        Method(22, "American Polyconic", 9818, ORIGIN),
        Method(23, "Robinson", None, MERIDIAN),
        Method(24, "Sinusoidal", None, MERIDIAN),
        Method(25, "Van Der Grinten", None, MERIDIAN),
        Method(26, "New Zealand Map Grid", 9811, ORIGIN),
        Method(27, "Transverse Mercator (South Orientated)", 9808, SCALED),
        Method(28, "Lambert Cylindrical Equal Area", 9835, (("sp1", 8823), *MERIDIAN)),
        Method(
            9815,
            "Hotine Oblique Mercator (variant B)",
            9815,
            (*HOTINE, ("east", 8816), ("north", 8817)),
        ),
    )
}
"""Methods by GeoTIFF's codes; 28 is libgeotiff's, 9815 GDAL's."""

MERCATOR, CONIC_2SP, POLAR = 7, 8, 15
POLE_TOLERANCE = 1e-8
MERCATOR_B = Method(7, "Mercator (variant B)", 9805, (("sp1", 8823), *MERIDIAN))
MERCATOR_B_BY_ORIGIN = Method(7, MERCATOR_B.name, 9805, (("lat", 8823), *MERIDIAN))
"""What ArcGIS writes: the standard parallel is in the key of the latitude of origin."""
POLAR_B = Method(
    15, "Polar Stereographic (variant B)", 9829, (("lat", 8832), ("pole", 8833), *FALSE_ORIGIN)
)

UTM_ZONES = 60
UTM_NORTH, UTM_SOUTH = 16000, 16100
"""EPSG codes of UTM projections are these plus the zone."""
UTM_SCALE, UTM_EASTING, UTM_SOUTHING = 0.9996, 500_000.0, 10_000_000.0


def has_projection(keys: GeoKeys) -> bool:
    """Return whether keys tell a projection that is supported, without a ProjectedCRS."""
    method = keys.code(GeoKey.ProjMethod)
    if method in (None, USER_DEFINED):
        return keys.epsg(GeoKey.Projection) is not None
    return method in METHODS


def method_of(keys: GeoKeys, degrees: float) -> Method | None:
    """Return the method that ProjMethod names (geotiff.crs.mercator, geotiff.crs.polar).

    `degrees` is the size of the angular unit in degrees. None stands for an unsupported method.

    Raises:
        UnsupportedError: PROJ does not support the method with these parameters.
    """
    code = keys.code(GeoKey.ProjMethod)
    if code == MERCATOR:
        return _mercator(keys)
    if code == POLAR:
        return _polar(keys, degrees)
    if code == CONIC_2SP and keys.number(GeoKey.ProjStdParallel2) is None:
        name = METHODS[CONIC_2SP].name
        message = f"{name} lacks its second standard parallel, ProjStdParallel2"
        raise UnsupportedError(message, feature="projection", value=name)
    return METHODS.get(code or 0)


def _polar(keys: GeoKeys, degrees: float) -> Method:
    """Return the variant of polar stereographic (geotiff.crs.polar)."""
    latitude, scale = _stored(keys, SOURCES["lat"]) * degrees, _stored(keys, SOURCES["scale"])
    if abs(abs(latitude) - 90) <= POLE_TOLERANCE:
        return METHODS[POLAR]
    if scale != 1:
        raise _not_both(METHODS[POLAR], f"a scale of {scale}", latitude)
    return POLAR_B


def _not_both(method: Method, other: str, latitude: float) -> UnsupportedError:
    message = f"{method.name} with {other} and the latitude of origin {latitude} is not supported"
    return UnsupportedError(message, feature="projection", value=method.name)


def _mercator(keys: GeoKeys) -> Method:
    """Return the variant of Mercator (geotiff.crs.mercator)."""
    latitude = _stored(keys, SOURCES["lat"])
    scale = _stored(keys, SOURCES["natural-scale"])
    has_parallel = keys.number(GeoKey.ProjStdParallel1) is not None
    if not latitude:
        return MERCATOR_B if has_parallel else METHODS[MERCATOR]
    if has_parallel or scale != 1:
        other = "a standard parallel" if has_parallel else f"a scale of {scale}"
        raise _not_both(METHODS[MERCATOR], other, latitude)
    return MERCATOR_B_BY_ORIGIN


def conversion(keys: GeoKeys, linear: Unit, angular: Unit) -> dict[str, Any] | None:
    """Build the PROJJSON of ProjMethod and its parameters; None for an unsupported method.

    Raises:
        UnsupportedError: PROJ does not support the method with these parameters.
    """
    degrees = angular.factor / DEGREE.factor
    method = method_of(keys, degrees)
    if method is None:
        return None
    units = {"length": linear.json(), "angle": DEGREE.json(), "scale": "unity"}
    parameters: list[dict[str, Any]] = []
    for role, code in method.parameters:
        source = SOURCES[role]
        is_angle = source.kind == "angle" and any(key in keys for key in source.keys)
        stored = _stored(keys, source)
        if is_angle and stored and angular.code is None:
            message = (
                f"{PARAMETERS[code]} is in a unit of {angular.factor} radians, as GeoTIFF has it,"
                " or in degrees, as GDAL takes it"
            )
            raise UnsupportedError(message, feature="unit", value=angular.name)
        parameters.append(
            {
                "name": PARAMETERS[code],
                "value": stored * (degrees if is_angle else 1),
                "unit": units[source.kind],
                "id": {"authority": "EPSG", "code": code},
            }
        )
    return _conversion(method, parameters)


def utm(code: int) -> dict[str, Any] | None:
    """Build the UTM projection with that EPSG code; None if the code is not UTM's."""
    zone, south = code - UTM_NORTH, code - UTM_SOUTH
    is_south = 1 <= south <= UTM_ZONES
    if not (is_south or 1 <= zone <= UTM_ZONES):
        return None
    numbers = {
        "lat": (0.0, "degree"),
        "lon": (6.0 * (south if is_south else zone) - 183, "degree"),
        "scale": (UTM_SCALE, "unity"),
        "east": (UTM_EASTING, "metre"),
        "north": (UTM_SOUTHING if is_south else 0.0, "metre"),
    }
    parameters: list[dict[str, Any]] = [
        {
            "name": PARAMETERS[parameter],
            "value": numbers[role][0],
            "unit": numbers[role][1],
            "id": {"authority": "EPSG", "code": parameter},
        }
        for role, parameter in SCALED
    ]
    name = f"UTM zone {south if is_south else zone}{'S' if is_south else 'N'}"
    return _conversion(METHODS[1], parameters) | {"name": name}


def _conversion(method: Method, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    named: dict[str, Any] = {"name": method.name}
    if method.epsg is not None:
        named["id"] = {"authority": "EPSG", "code": method.epsg}
    return {
        "type": "Conversion",
        "name": "unnamed",
        "method": named,
        "parameters": parameters,
    }


def _stored(keys: GeoKeys, source: ParameterSource) -> float:
    """Return a parameter as stored, from the first of its keys that is present."""
    found = (keys.number(key) for key in source.keys)
    return next((number for number in found if number is not None), source.default)
