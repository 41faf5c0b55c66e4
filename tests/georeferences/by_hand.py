"""Keys that no careful writer would write: codes in wrong keys, names alone, parts left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from geo_files import IMAGE, Value, key_fields

from georeferences.case import SIDE, Case, Place
from tinycog.geo.keys import GeoKey
from tinycog.testing import Field, make_tiff
from tinycog.tiff.spec import Tag

K = GeoKey
Keys = Mapping[GeoKey, Value]

PROJECTED = {K.GTModelType: 1, K.GTRasterType: 1}
GEOGRAPHIC = {K.GTModelType: 2, K.GTRasterType: 1}
LOCAL = {K.GTModelType: 32767, K.GTRasterType: 1}
USER = {**PROJECTED, K.ProjectedCRS: 32767, K.Projection: 32767}
MERCATOR: Keys = {
    **USER,
    K.GeodeticCRS: 4326,
    K.ProjMethod: 7,
    K.ProjLinearUnits: 9001,
    K.ProjNatOriginLong: 0.0,
    K.ProjNatOriginLat: 0.0,
    K.ProjFalseEasting: 0.0,
    K.ProjFalseNorthing: 0.0,
    K.ProjScaleAtNatOrigin: 1.0,
}
TRANSVERSE: Keys = {
    **MERCATOR,
    K.ProjMethod: 1,
    K.ProjNatOriginLong: 9.0,
    K.ProjFalseEasting: 500000.0,
    K.ProjScaleAtNatOrigin: 0.9996,
}
CLARKE = {K.EllipsoidSemiMajorAxis: 6378206.4, K.EllipsoidInvFlattening: 294.9786982}
IMAGINE = "IMAGINE GeoTIFF Support\nCopyright 1991 - 2001 by ERDAS, Inc. @(#)$RCSfile$ $Date$\n"


def stored(keys: Keys, minor: int = 1) -> Callable[[Place], bytes]:
    """Return a writer of sparse files with those keys."""

    def make(place: Place) -> bytes:
        a, _, c, _, e, f = place
        return make_tiff(
            [
                SPARSE.having(
                    *key_fields(keys, minor),
                    Field(Tag.ModelPixelScale, "DOUBLE", [a, -e, 0.0]),
                    Field(Tag.ModelTiepoint, "DOUBLE", [0.0, 0.0, 0.0, c, f, 0.0]),
                )
            ]
        )

    return make


SPARSE = IMAGE.having(
    Field(Tag.ImageWidth, "SHORT", SIDE),
    Field(Tag.ImageLength, "SHORT", SIDE),
    Field(Tag.StripOffsets, "LONG", 0),
    Field(Tag.StripByteCounts, "LONG", 0),
    Field(Tag.RowsPerStrip, "SHORT", SIDE),
)
"""An image without pixels."""


def without(keys: Keys, *gone: GeoKey) -> Keys:
    """Return keys less some."""
    return {key: value for key, value in keys.items() if key not in gone}


def cases() -> Iterator[Case]:
    """Every case of this module."""
    for group in (_codes, _web_mercator, _mercator, _methods, _bases, _angles, _lengths, _heights):
        for i, (what, keys) in enumerate(group()):
            name = f"{group.__name__.strip('_').replace('_', '-')}: {what or i}"
            yield Case(name, stored(keys))
            if group is _heights:
                yield Case(f"{name} (1.0)", stored(keys, minor=0))


Named = Iterator[tuple[str, Keys]]


def _codes() -> Named:
    """Codes in keys that are not for them."""
    codes = (
        4326,
        4269,
        4979,
        4978,
        7415,
        9707,
        5773,
        16031,
        32631,
        3857,
        27700,
        27561,
        6326,
        7030,
        999,
    )
    for code in codes:
        yield f"ProjectedCRS {code}", {**PROJECTED, K.ProjectedCRS: code}
        yield f"GeodeticCRS {code}", {**GEOGRAPHIC, K.GeodeticCRS: code}
        yield f"no model, ProjectedCRS {code}", {K.GTRasterType: 1, K.ProjectedCRS: code}
        yield f"geocentric {code}", {K.GTModelType: 3, K.GTRasterType: 1, K.GeodeticCRS: code}
        yield f"projected by GeodeticCRS {code}", {**PROJECTED, K.GeodeticCRS: code}
        yield f"base {code}", {**TRANSVERSE, K.GeodeticCRS: code}
        yield f"UTM on {code}", {**PROJECTED, K.ProjectedCRS: 32631, K.GeodeticCRS: code}
        yield f"geographic by ProjectedCRS {code}", {**GEOGRAPHIC, K.ProjectedCRS: code}
        yield f"both {code}", {**PROJECTED, K.ProjectedCRS: code, K.GeodeticCRS: code}
    yield "geographic, both", {**GEOGRAPHIC, K.ProjectedCRS: 32631, K.GeodeticCRS: 4326}
    yield "model 0", {K.GTModelType: 0, K.GTRasterType: 1, K.ProjectedCRS: 32631}
    yield "model 32767", {**LOCAL, K.ProjectedCRS: 32631}
    yield "model 32767, geographic", {**LOCAL, K.GeodeticCRS: 4326}
    yield "projected, nothing else", {**PROJECTED}
    yield "geographic, nothing else", {**GEOGRAPHIC}
    yield "private", {**PROJECTED, K.ProjectedCRS: 40000}


def _web_mercator() -> Named:
    """Web Mercator by its names."""
    names = (
        "WGS 84 / Pseudo-Mercator",
        "WGS_84_Pseudo_Mercator",
        "wgs84 pseudo mercator",
        "WGS_1984_Web_Mercator_Auxiliary_Sphere",
        "WGS_1984_Web_Mercator",
        "Google Maps Global Mercator",
        "Popular Visualisation CRS / Mercator",
        "Web Mercator",
        "Mercator",
        "WGS 84 / World Mercator",
    )
    for name in names:
        yield f"GTCitation {name}", {**MERCATOR, K.GTCitation: name}
        yield f"ProjectedCitation {name}", {**MERCATOR, K.ProjectedCitation: name}
        yield f"PCS Name = {name}", {**MERCATOR, K.GTCitation: f"PCS Name = {name}"}
        yield (
            f"below {name}",
            {**MERCATOR, K.GTCitation: f"PCS Name = {name}", K.ProjectedCitation: "x"},
        )
    named = {**MERCATOR, K.ProjectedCitation: names[0]}
    for key, value in (
        (K.ProjLinearUnits, 9002),
        (K.ProjStdParallel1, 30.0),
        (K.ProjNatOriginLong, 10.0),
        (K.ProjFalseEasting, 500000.0),
        (K.ProjScaleAtNatOrigin, 0.9),
        (K.ProjMethod, 1),
        (K.GeodeticCRS, 4267),
        (K.ProjectedCRS, 3395),
    ):
        yield f"and {key.name} {value}", {**named, key: value}
    yield "without method", without(named, K.ProjMethod)
    yield "of UTM 31", {**without(named, K.ProjMethod), K.Projection: 16031}
    yield "over another name", {**named, K.GTCitation: "x"}
    yield "under another name", {**named, K.GTCitation: "PCS Name = x"}
    yield "with LUnits", {**MERCATOR, K.GTCitation: names[0], K.ProjectedCitation: "LUnits = m"}
    yield (
        "of ERDAS",
        {**MERCATOR, K.GTCitation: f"{IMAGINE}Projection Name = {names[3]}\nUnits = meters"},
    )
    yield "of the base", {**MERCATOR, K.GeodeticCitation: names[0]}
    yield "code 3785", {**PROJECTED, K.ProjectedCRS: 3785}
    yield "code 3857, method", {**MERCATOR, K.ProjectedCRS: 3857}


def _mercator() -> Named:
    """Mercator with latitudes, parallels and scales in many keys."""
    bare = without(MERCATOR, K.ProjNatOriginLat, K.ProjScaleAtNatOrigin, K.ProjStdParallel1)
    for key in (K.ProjNatOriginLat, K.ProjFalseOriginLat, K.ProjCenterLat, K.ProjStdParallel1):
        yield f"{key.name} 30", {**bare, key: 30.0}
        yield f"{key.name} -33, scale 1", {**bare, key: -33.0, K.ProjScaleAtNatOrigin: 1.0}
        yield f"{key.name} 30, scale 0.9", {**bare, key: 30.0, K.ProjScaleAtNatOrigin: 0.9}
    yield "parallel and latitude", {**bare, K.ProjStdParallel1: 30.0, K.ProjNatOriginLat: 10.0}
    yield "parallel 0 and latitude", {**bare, K.ProjStdParallel1: 0.0, K.ProjNatOriginLat: 10.0}
    yield "scale at centre", {**bare, K.ProjScaleAtCenter: 0.9}
    yield (
        "ArcGIS",
        {
            **MERCATOR,
            K.ProjNatOriginLong: -71.598333,
            K.ProjNatOriginLat: -33.014167,
        },
    )


def _methods() -> Named:
    """Every method, with all parameters there are, or with none."""
    parameters = {
        K.ProjStdParallel1: 30.0,
        K.ProjStdParallel2: 40.0,
        K.ProjNatOriginLat: 20.0,
        K.ProjNatOriginLong: 10.0,
        K.ProjFalseEasting: 1000.0,
        K.ProjFalseNorthing: 2000.0,
    }
    for code in (*range(1, 30), 9815):
        yield f"{code}", {**USER, K.GeodeticCRS: 4326, K.ProjMethod: code, **parameters}
        yield f"{code}, bare", {**USER, K.GeodeticCRS: 4326, K.ProjMethod: code}
        centre = {K.ProjCenterLat: 25.0, K.ProjCenterLong: 12.0, K.ProjScaleAtCenter: 0.99}
        angles = {K.ProjAzimuthAngle: 30.0, K.ProjRectifiedGridAngle: 40.0}
        yield (
            f"{code}, centre",
            {**USER, K.GeodeticCRS: 4326, K.ProjMethod: code, **centre, **angles},
        )
    for latitude in (90.0, -90.0, 71.0, -71.0, 0.0):
        polar = {**USER, K.GeodeticCRS: 4326, K.ProjMethod: 15, K.ProjNatOriginLat: latitude}
        yield f"polar {latitude}", polar
        yield f"polar {latitude}, 0.994", {**polar, K.ProjScaleAtNatOrigin: 0.994}
        yield f"polar {latitude} at 30", {**polar, K.ProjStraightVertPoleLong: 30.0}
    for code in (16031, 16110, 10231, 19916, 19914, 3856, 99):
        base = {**PROJECTED, K.ProjectedCRS: 32767, K.GeodeticCRS: 4326, K.Projection: code}
        yield f"conversion {code}", base
        yield f"conversion {code}, method 32767", {**base, K.ProjMethod: 32767}
        yield f"conversion {code}, method 2", {**base, K.ProjMethod: 2}
        yield f"conversion {code}, method 1", {**base, K.ProjMethod: 1, K.ProjNatOriginLong: 9.0}


def _bases() -> Named:
    """Datums, ellipsoids and meridians, by codes, numbers and names."""
    esri = (
        "GCS Name = GCS_North_American_1927|Datum = D_North_American_1927|Ellipsoid = Clarke_1866|"
    )
    names = {
        "": {},
        "by axes": CLARKE,
        "by name": {K.GeodeticCitation: "NAD27"},
        "by ESRI's name": {K.GeodeticCitation: "GCS_North_American_1927"},
        "by name and axes": {K.GeodeticCitation: "NAD27", **CLARKE},
        "by ESRI's names": {K.GeodeticCitation: f"{esri}Primem = Greenwich|"},
        "by ESRI's names and axes": {K.GeodeticCitation: f"{esri}Primem = Greenwich|", **CLARKE},
        "by EPSG's names": {
            K.GeodeticCitation: "GCS Name = x|Datum = North American Datum 1927|",
            **CLARKE,
        },
        "by ERDAS": {
            K.GeodeticCitation: f"{IMAGINE}Unable to match\nEllipsoid = Clarke 1866\nDatum = NAD27",
            **CLARKE,
        },
        "datum 6267": {K.GeodeticDatum: 6267},
        "datum 6807": {K.GeodeticDatum: 6807},
        "datum 999": {K.GeodeticDatum: 999},
        "ellipsoid 7004": {K.Ellipsoid: 7004},
        "ellipsoid 4326": {K.Ellipsoid: 4326},
        "sphere": {K.EllipsoidSemiMajorAxis: 6371007.181},
        "flattening 0": {K.EllipsoidSemiMajorAxis: 6378137.0, K.EllipsoidInvFlattening: 0.0},
        "axes": {K.EllipsoidSemiMajorAxis: 6378137.0, K.EllipsoidSemiMinorAxis: 6356000.0},
        "meridian 8903": {K.GeodeticDatum: 6807, K.PrimeMeridian: 8903},
        "meridian 2.5": {**CLARKE, K.PrimeMeridian: 32767, K.PrimeMeridianLongitude: 2.5},
        "shift": {K.Ellipsoid: 7004, K.GeogTOWGS84: (598.1, 73.7, 418.2)},
        "7 shifts": {K.Ellipsoid: 7004, K.GeogTOWGS84: (598.1, 73.7, 418.2, 0.2, 0.05, -2.4, 6.7)},
        "Mars": {
            K.GeodeticCitation: "GCS Name = Mars 2000|Datum = D_Mars_2000|Primem = R|",
            K.EllipsoidSemiMajorAxis: 3396190.0,
            K.EllipsoidInvFlattening: 169.894447223612,
        },
        "Moon by CelestialBody": {K.EllipsoidSemiMajorAxis: 1737400.0, K.CelestialBody: "Moon"},
    }
    for what, keys in names.items():
        yield f"geographic {what}", {**GEOGRAPHIC, K.GeodeticCRS: 32767, **keys}
        yield f"projected {what}", {**without(TRANSVERSE, K.GeodeticCRS), **keys}
    for code in (4326, 4267, 4807, 4258, 4283):
        for what in ("by axes", "by ESRI's names", "datum 6267", "ellipsoid 7004", "meridian 2.5"):
            yield f"geographic {code} {what}", {**GEOGRAPHIC, K.GeodeticCRS: code, **names[what]}
            yield f"projected {code} {what}", {**TRANSVERSE, K.GeodeticCRS: code, **names[what]}
    for code in (32631, 26910, 27561, 2264):
        yield f"{code} by ellipsoid", {**PROJECTED, K.ProjectedCRS: code, K.Ellipsoid: 7004}
        yield f"{code} by datum", {**PROJECTED, K.ProjectedCRS: code, K.GeodeticDatum: 6267}
        yield f"{code} on 4267", {**PROJECTED, K.ProjectedCRS: code, K.GeodeticCRS: 4267}
        yield f"{code} by axes", {**PROJECTED, K.ProjectedCRS: code, **CLARKE}
        yield f"{code} shifted", {**PROJECTED, K.ProjectedCRS: code, K.GeogTOWGS84: (1.0, 2.0, 3.0)}


def _angles() -> Named:
    """Units of angles."""
    cited = {K.GeodeticCitation: "GCS Name = x|AUnits = foo|", K.GeogAngularUnitSize: 0.0157}
    units = {
        "cited": cited,
        "cited, code 32767": {**cited, K.GeogAngularUnits: 32767},
        "cited, code 9105": {**cited, K.GeogAngularUnits: 9105},
        "cited, no size": {
            K.GeodeticCitation: "GCS Name = x|AUnits = grad|",
            K.GeogAngularUnits: 9105,
        },
        "size alone": {K.GeogAngularUnitSize: 0.0157},
        "32767 and size": {K.GeogAngularUnitSize: 0.0157, K.GeogAngularUnits: 32767},
        "32767": {K.GeogAngularUnits: 32767},
        **{
            str(code): {K.GeogAngularUnits: code}
            for code in (9101, 9102, 9103, 9104, 9105, 9110, 9122)
        },
    }
    for what, keys in units.items():
        near_zero = {**without(TRANSVERSE, K.GeodeticCRS), **CLARKE, K.ProjNatOriginLong: 0.001}
        yield f"geographic {what}", {**GEOGRAPHIC, K.GeodeticCRS: 32767, **CLARKE, **keys}
        yield f"projected {what}", {**near_zero, **keys}
        for code in (4267, 4807, 4326):
            yield f"{code} {what}", {**GEOGRAPHIC, K.GeodeticCRS: code, **keys}
            base = {**TRANSVERSE, K.ProjNatOriginLong: 0.001, K.GeodeticCRS: code}
            yield f"projected {code} {what}", {**base, **keys}
        yield f"27561 {what}", {**PROJECTED, K.ProjectedCRS: 27561, **keys}


def _lengths() -> Named:
    """Units of eastings and northings."""
    size = {K.ProjLinearUnitSize: 0.5}
    units: dict[str, Keys] = {
        **{
            str(code): {K.ProjLinearUnits: code}
            for code in (9001, 9002, 9003, 9036, 9098, 1234, 9102)
        },
        "32767": {K.ProjLinearUnits: 32767},
        "32767 and size": {K.ProjLinearUnits: 32767, **size},
        "size alone": size,
        "geog units": {K.GeogLinearUnits: 9002},
    }
    cited = (
        "meters m feet ft us_survey_feet international_feet yards km inches miles Foot_Clarke foo x"
    )
    for name in cited.split():
        units[f"{name} cited"] = {K.ProjectedCitation: f"PCS Name = x|LUnits = {name}|"}
        units[f"{name} cited above"] = {K.GTCitation: f"PCS Name = x|LUnits = {name}|"}
    units["parsecs cited"] = {K.ProjectedCitation: "LUnits = parsecs|"}
    units["parsecs cited, size"] = {K.ProjectedCitation: "LUnits = parsecs|", **size}
    units["parsecs cited, feet"] = {
        K.ProjectedCitation: "LUnits = parsecs|",
        K.ProjLinearUnits: 9002,
    }
    units["of ERDAS"] = {K.GTCitation: f"{IMAGINE}Projection Name = UTM\nUnits = feet"}
    for what, keys in units.items():
        bare = without(TRANSVERSE, K.ProjLinearUnits)
        yield what, {**bare, **keys}
        yield f"32631 {what}", {**PROJECTED, K.ProjectedCRS: 32631, **keys}
        yield f"2264 {what}", {**PROJECTED, K.ProjectedCRS: 2264, **keys}
        yield f"local {what}", {**LOCAL, K.GTCitation: "x", **keys}


def _heights() -> Named:
    """Keys of heights."""
    for base in ({**PROJECTED, K.ProjectedCRS: 32631}, {**GEOGRAPHIC, K.GeodeticCRS: 4326}):
        what = "32631" if K.ProjectedCRS in base else "4326"
        for code in (
            5773,
            6360,
            5703,
            5030,
            5019,
            4979,
            4937,
            5103,
            5171,
            9707,
            32631,
            4326,
            999,
            40000,
        ):
            yield f"{what} {code}", {**base, K.Vertical: code}
        yield f"{what} 6360 in metres", {**base, K.Vertical: 6360, K.VerticalUnits: 9001}
        yield f"{what} 5703 in feet", {**base, K.Vertical: 5703, K.VerticalUnits: 9003}
        for unit in (9001, 9002, 9036, 32767, 9102, 1234):
            yield f"{what} unit {unit}", {**base, K.VerticalUnits: unit}
        for datum in (5103, 5171, 1027, 6326, 999):
            yield f"{what} datum {datum}", {**base, K.VerticalDatum: datum}
        own = {**base, K.Vertical: 32767, K.VerticalUnits: 9003}
        yield f"{what} own", {**own, K.VerticalCitation: "mine"}
        yield f"{what} own, ESRI's", {**own, K.VerticalCitation: "VCS Name = mine|VDatum = x|"}
        yield f"{what} named", {**base, K.Vertical: 5703, K.GTCitation: "both of them"}
        yield f"{what} with parts", {**base, K.Vertical: 5703, K.GTCitation: "PCS Name = x|"}
    yield "local", {**LOCAL, K.GTCitation: "here", K.ProjLinearUnits: 9001, K.VerticalUnits: 9003}
    yield "local 5703", {**LOCAL, K.GTCitation: "here", K.ProjLinearUnits: 9001, K.Vertical: 5703}
    yield "own base", {**TRANSVERSE, K.ProjectedCitation: "p", K.Vertical: 5703}
