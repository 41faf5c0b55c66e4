"""CRSs that GDAL writes: by code, by PROJ string and WKT, in its own way and in ESRI's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyproj
import rasterio
from pyproj.exceptions import CRSError
from rasterio.io import MemoryFile

from georeferences.case import SIDE, Case, Place

EPSG = """
    2000 2036 2037 2044 2046 2056 2062 2065 2066 2085 2099 2101 2136 2138 2155 2163 2171 2204 2218
    2222 2235 2251 2290 2292 2314 2934 2963 2964 2985 3000 3005 3031 3034 3035 3052 3068 3078 3139
    3140 3167 3295 3388 3407 3408 3409 3410 3411 3571 3785 3786 3857 3993 3994 4087 5017 5041 5042
    5221 5224 5225 5472 5513 5514 5515 5516 5530 5588 5589 6200 6244 6793 6809 6932 6933 7082 8044
    8065 8441 8857 9221 9549 9895 9947 10622 20790 21500 21780 22300 22700 23301 23302 24100 24370
    24571 26591 26731 27200 27291 27391 27500 27561 27701 27702 29100 29371 29700 29701 29702
    29871 29872 31251 31291 31300 32600 3819 4035 4801 4802 4803 4804 4805 4806 4807 4809 4814
    4815 4817 4901 4903 7035 8449 3823 4327 7034 3822 3901 4097 5498 5707 7400 7406 7407 8700 9289
    9502 10318
"""
"""One of each kind, method, unit, meridian and order of axes in the registry."""

ESRI = """
    ESRI:102003 ESRI:102113 ESRI:53009 ESRI:54012 ESRI:54030 ESRI:54052 ESRI:102100 ESRI:104905
    ESRI:102645 EPSG:3857 EPSG:3395 EPSG:32633 EPSG:2263 EPSG:27700 EPSG:3031 EPSG:2056 EPSG:4326
    EPSG:4267 EPSG:4807 EPSG:27561 EPSG:5514 EPSG:3035 EPSG:4979 EPSG:4326+5773 EPSG:2263+6360
    EPSG:8857 EPSG:6933 EPSG:3413 IAU_2015:49900 IAU_2015:49910 IAU_2015:49930
"""
"""Written with ESRI's strings of WKT."""

BODIES = """
    IAU_2015:30100 IAU_2015:30110 IAU_2015:30130 IAU_2015:49900 IAU_2015:49902 IAU_2015:49910
    IAU_2015:49915 IAU_2015:49930 IAU_2015:19910 IAU_2015:29920 ESRI:104903 ESRI:104905
    ESRI:103878 ESRI:103885
"""

PROJECTIONS = """
    tmerc +lat_0=10 +lon_0=20 +k=0.9 +x_0=1000 +y_0=200
    omerc +lat_0=4 +lonc=115 +alpha=53.3 +gamma=53.1 +k=0.99984 +x_0=10 +y_0=20
    omerc +no_uoff +lat_0=4 +lonc=115 +alpha=53.3 +gamma=53.1 +k=0.99984 +x_0=10 +y_0=20
    somerc +lat_0=46.9 +lon_0=7.4 +k=1 +x_0=600000 +y_0=200000
    labrd +lat_0=-18.9 +lon_0=46.4 +azi=18.9 +k=0.9995 +x_0=400000 +y_0=800000
    merc +lon_0=110 +k=0.997 +x_0=3900000 +y_0=900000
    merc +lat_ts=-41 +lon_0=100 +x_0=10
    lcc +lat_1=30 +lat_2=40 +lat_0=20 +lon_0=-96 +x_0=1 +y_0=2
    lcc +lat_1=46.8 +lat_0=46.8 +lon_0=0 +k_0=0.99987742 +x_0=600000 +y_0=2200000
    laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000
    aea +lat_1=29.5 +lat_2=45.5 +lat_0=37.5 +lon_0=-96 +x_0=5
    aeqd +lat_0=10 +lon_0=20 +x_0=3
    eqdc +lat_0=39 +lon_0=-96 +lat_1=33 +lat_2=45 +x_0=7
    stere +lat_0=30 +lon_0=20 +k=0.9 +x_0=9
    stere +lat_0=90 +lat_ts=70 +lon_0=-45 +x_0=4
    stere +lat_0=-90 +lat_ts=-71 +lon_0=10
    stere +lat_0=90 +k=0.994 +lon_0=0 +x_0=2000000 +y_0=2000000
    sterea +lat_0=52 +lon_0=5 +k=0.9999 +x_0=155000
    eqc +lat_ts=30 +lat_0=5 +lon_0=10
    cass +lat_0=10 +lon_0=-61 +x_0=86501
    gnom +lat_0=10 +lon_0=20
    mill +lon_0=20 +x_0=3
    ortho +lat_0=10 +lon_0=20
    poly +lat_0=0 +lon_0=-54 +x_0=5000000
    robin +lon_0=10 +x_0=4
    sinu +lon_0=10 +x_0=2
    vandg +lon_0=10
    nzmg +lat_0=-41 +lon_0=173 +x_0=2510000 +y_0=6023150
    cea +lat_ts=30 +lon_0=10 +x_0=3
    moll +lon_0=10
    eck4 +lon_0=10
    geos +h=35785831 +lon_0=9.5 +sweep=y
    utm +zone=33 +south
    ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39.25 +lon_0=18
"""
"""Methods, and parameters of each."""

DATUMS = """
    +datum=WGS84
    +ellps=bessel
    +a=6378000 +b=6356000
    +datum=NAD27 +units=us-ft
    +ellps=GRS80 +pm=paris +to_meter=0.2
    +ellps=bessel +towgs84=1,2,3,4,5,6,7
    +R=6371007.181
    +R=3396190 +units=km
"""
"""Bases and units that the methods take in turn."""

UNITS = {
    "custom angle": ("GEOGCS", 1.23),
    "half degree": ("GEOGCS", 0.00872664625997165),
    "mil": ("GEOGCS", 0.0009817477042468104),
    "arc-second": ("GEOGCS", 4.84813681109536e-06),
    "microradian": ("GEOGCS", 1e-06),
    "grad": ("GEOGCS", 0.015707963267948967),
    "custom length": ("PROJCS", 1.23),
    "half metre": ("PROJCS", 0.5),
    "odd chain": ("PROJCS", 20.1168),
    "US survey foot": ("PROJCS", 0.304800609601219),
    "Foot_Clarke": ("PROJCS", 0.3047972654),
    "Yard_Sears": ("PROJCS", 0.914398414616029),
    "kilometre": ("PROJCS", 1000.0),
    "meters to the letter": ("PROJCS", 1.000001),
}
"""Units of their own: of angles, of lengths."""

GEOGCS = (
    'GEOGCS["{name}",DATUM["{datum}",SPHEROID["{ellipsoid}",{axis},{flattening}]],'
    'PRIMEM["{meridian}",{longitude}],UNIT["{unit}",{size!r}]]'
)
WGS_84 = {
    "name": "WGS 84",
    "datum": "WGS_1984",
    "ellipsoid": "WGS 84",
    "axis": 6378137,
    "flattening": 298.257223563,
    "meridian": "Greenwich",
    "longitude": 0,
    "unit": "degree",
    "size": 0.0174532925199433,
}
PROJCS = (
    'PROJCS["{name}",{base},PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],'
    'PARAMETER["central_meridian",9],PARAMETER["scale_factor",0.9996],'
    'PARAMETER["false_easting",{easting}],PARAMETER["false_northing",0],UNIT["{unit}",{size!r}]]'
)
BASES: dict[str, dict[str, Any]] = {
    "NAD27": {
        "name": "GCS_North_American_1927",
        "datum": "D_North_American_1927",
        "ellipsoid": "Clarke_1866",
        "axis": 6378206.4,
        "flattening": 294.9786982,
    },
    "own datum": {
        "name": "mine",
        "datum": "my_datum",
        "ellipsoid": "my_ellipsoid",
        "axis": 6377000,
    },
    "own meridian": {"name": "mine", "datum": "my_datum", "meridian": "here", "longitude": 7.25},
    "Paris": {"name": "mine", "datum": "my_datum", "meridian": "Paris", "longitude": 2.33722917},
    "sphere": {
        "name": "ball",
        "datum": "ball",
        "ellipsoid": "ball",
        "axis": 6370997,
        "flattening": 0,
    },
    "Mars": {
        "name": "GCS_Mars_2000_Sphere",
        "datum": "D_Mars_2000_Sphere",
        "ellipsoid": "Mars_2000_Sphere_IAU_IAG",
        "axis": 3396190,
        "flattening": 0,
        "meridian": "Reference_Meridian",
    },
    "Moon": {
        "name": "GCS_Moon_2000",
        "datum": "D_Moon_2000",
        "ellipsoid": "Moon_2000_IAU_IAG",
        "axis": 1737400,
        "flattening": 0,
        "meridian": "Reference_Meridian",
    },
}
"""Bases that no code names, over those of WGS 84."""


def written(crs: str, **options: Any) -> Callable[[Place], bytes]:
    """Return a writer of sparse files in that CRS."""

    def make(place: Place) -> bytes:
        profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint8"}
        known = rasterio.CRS.from_user_input(crs)
        transform = rasterio.Affine(*place)
        with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as file:
            with file.open(**profile, crs=known, transform=transform, SPARSE_OK=True, **options):
                pass
            return bytes(file.getbuffer())

    return make


def middle_of(crs: str) -> tuple[float, float]:
    """Return longitude and latitude of the middle of the area that a CRS is used in."""
    area = pyproj.CRS.from_user_input(crs).area_of_use
    if area is None or area.west >= area.east:
        return (9.0, 47.0)
    return ((area.west + area.east) / 2, (area.south + area.north) / 2)


def is_known(code: str) -> bool:
    """Return whether the registry that is installed has a code."""
    try:
        pyproj.CRS.from_epsg(int(code))
    except CRSError:
        return False
    return True


def epsg_case(group: str, code: int) -> Case:
    """Return a case of a code."""
    return Case(f"{group}: {code}", written(f"EPSG:{code}"), middle_of(f"EPSG:{code}"))


def cases() -> Iterator[Case]:
    """Every case of this module."""
    yield from (epsg_case("epsg", int(code)) for code in EPSG.split() if is_known(code))
    for code in ESRI.split():
        make = written(code, GEOTIFF_KEYS_FLAVOR="ESRI_PE")
        yield Case(f"esri-pe: {code}", make, middle_of(code))
    for version in ("1.0", "1.1"):
        for code in (
            "EPSG:4979",
            "EPSG:4326+5773",
            "EPSG:2263+6360",
            "EPSG:32633+3855",
            "EPSG:7415",
        ):
            make = written(code, GEOTIFF_VERSION=version)
            yield Case(f"geotiff-{version}: {code}", make, middle_of(code))
    for code in BODIES.split():
        yield Case(f"body: {code}", written(code), (20.0, 30.0))
    bases = [base.strip() for base in DATUMS.strip().splitlines()]
    for i, projection in enumerate(PROJECTIONS.strip().splitlines()):
        for base in (bases[i % len(bases)], bases[(i + 3) % len(bases)]):
            crs = f"+proj={projection.strip()} {base}"
            yield Case(f"method: {crs}", written(f"{crs} +no_defs"), _near(projection))
    yield from _by_wkt()


def _near(projection: str) -> tuple[float, float]:
    """Return a place near the origin of a projection."""
    words = (word.partition("=") for word in projection.split())
    told = {name.lstrip("+"): value for name, _, value in words}
    lon = float(told.get("lonc", told.get("lon_0", "15"))) + 1
    lat = float(told.get("lat_0", told.get("lat_ts", told.get("lat_1", "30"))))
    return (lon, max(min(lat + 1, 88.0), -88.0))


def _by_wkt() -> Iterator[Case]:
    for unit, (root, size) in UNITS.items():
        if root == "GEOGCS":
            wkt = GEOGCS.format(**{**WGS_84, "name": f"in {unit}", "unit": unit, "size": size})
        else:
            base = GEOGCS.format(**WGS_84)
            wkt = PROJCS.format(name="mine", base=base, unit=unit, size=size, easting=5e5 / size)
        yield Case(f"unit: {unit}", written(wkt))
    for name, differing in BASES.items():
        base = GEOGCS.format(**{**WGS_84, **differing})
        yield Case(f"base: {name}", written(base), (9.0, 47.0))
        wkt = PROJCS.format(name="mine", base=base, unit="metre", size=1.0, easting=5e5)
        yield Case(f"base: {name}, projected", written(wkt), (9.0, 47.0))
        esri = written(wkt, GEOTIFF_KEYS_FLAVOR="ESRI_PE")
        yield Case(f"base: {name}, projected, ESRI's", esri, (9.0, 47.0))
