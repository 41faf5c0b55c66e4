"""CRSs of GeoKeys: what the keys tell without PROJ, and the same CRS as GDAL's with it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pyproj
import pytest
import rasterio
from geo_files import (
    SCALE,
    TIEPOINT,
    assert_same_crs,
    geo_tiff,
    in_rasterio,
    read_geo,
    rules,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from tinycog.errors import TinycogError, UnsupportedError, UsageError
from tinycog.geo.crs import Crs
from tinycog.geo.keys import NUMBERS, TEXTS, GeoKey, GeoKeys
from tinycog.geo.make_crs import make_crs
from tinycog.geo.transformer import transformer

K = GeoKey
PROJECTED = {K.GTModelType: 1, K.GTRasterType: 1}
GEOGRAPHIC = {K.GTModelType: 2, K.GTRasterType: 1}
IMAGINE = "IMAGINE GeoTIFF Support\nby ERDAS $ \nProjection Name = mine\nUnits = feet"
USER = {**PROJECTED, K.ProjectedCRS: 32767, K.Projection: 32767}


def crs_of(keys, minor=1) -> Crs:
    crs = read_geo(geo_tiff(keys, minor=minor))[0].crs
    assert crs is not None
    return crs


def written(crs: str | int) -> bytes:
    """A file that GDAL has written with that CRS."""
    profile = {"driver": "GTiff", "width": 4, "height": 3, "count": 1, "dtype": "uint8"}
    transform = rasterio.Affine(10, 0, 1000, 0, -10, 2000)
    found = rasterio.CRS.from_epsg(crs) if isinstance(crs, int) else rasterio.CRS.from_proj4(crs)
    with MemoryFile() as file, rasterio.Env(GDAL_PAM_ENABLED="NO"):
        with file.open(**profile, transform=transform, crs=found) as dataset:
            dataset.write(np.zeros((1, 3, 4), "uint8"))
        return bytes(file.getbuffer())


# --- what the keys tell --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "kind", "epsg", "text"),
    [
        ({**PROJECTED, K.ProjectedCRS: 32628}, "projected", 32628, "EPSG:32628"),
        ({K.ProjectedCRS: 32628}, "projected", 32628, "EPSG:32628"),
        ({K.GTModelType: 32767, K.ProjectedCRS: 32628}, "projected", 32628, "EPSG:32628"),
        ({**GEOGRAPHIC, K.GeodeticCRS: 4326}, "geographic", 4326, "EPSG:4326"),
        ({K.GTModelType: 3, K.GeodeticCRS: 4978}, "geocentric", 4978, "EPSG:4978"),
        ({K.GeodeticCRS: 4326}, "local", None, "local CRS None"),
        ({**USER, K.ProjMethod: 1, K.GTCitation: "a"}, "projected", None, "projected CRS 'a'"),
        ({**USER, K.GTCitation: "mine"}, "local", None, "local CRS 'mine'"),
        ({**PROJECTED, K.ProjectedCRS: 40000}, "local", None, "local CRS None"),
        (
            {**GEOGRAPHIC, K.GeodeticCRS: 4326, K.Vertical: 5773},
            "compound",
            None,
            "EPSG:4326 + EPSG:5773",
        ),
        ({**GEOGRAPHIC, K.GeodeticCRS: 4326, K.Vertical: 4979}, "geographic", 4979, "EPSG:4979"),
        ({**GEOGRAPHIC, K.GeodeticCRS: 4326, K.Vertical: 5030}, "geographic", 4979, "EPSG:4979"),
        ({**GEOGRAPHIC, K.GeodeticCRS: 4326, K.Vertical: 65000}, "geographic", 4326, "EPSG:4326"),
    ],
)
def test_kind_and_code_need_no_proj(keys, kind, epsg, text):
    crs = crs_of(keys)
    assert (crs.kind, crs.epsg, str(crs)) == (kind, epsg, text)
    assert crs.is_projected == (kind == "projected")
    assert crs.is_geographic == (kind in ("geographic", "compound"))
    assert pickle.loads(pickle.dumps(crs)) == crs  # noqa: S301 - our own


def test_a_file_without_keys_has_no_crs():
    assert read_geo(geo_tiff(None, SCALE, TIEPOINT))[0].crs is None


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        ({K.ProjectedCitation: "own", K.GTCitation: "file"}, "own"),
        ({K.GTCitation: "file"}, "file"),
        ({K.ProjectedCitation: "PCS Name = inner|LUnits = m|"}, "inner"),
        ({K.ProjectedCitation: "LUnits = m|", K.GTCitation: "file"}, "file"),
        ({K.GTCitation: "IMAGINE GeoTIFF Support\nx $ \nUTM Zone 10N"}, "UTM Zone 10N"),
        ({}, None),
    ],
)
def test_the_name_is_what_the_file_calls_it(texts, name):
    assert crs_of({**USER, **texts}).name == name


@pytest.mark.parametrize(
    ("keys", "own_unit"),
    [
        ({K.ProjectedCRS: 26967}, True),
        ({K.ProjectedCRS: 26967, K.ProjLinearUnits: 9001}, True),
        ({K.ProjectedCRS: 26967, K.ProjLinearUnits: 9003}, False),
        ({K.ProjectedCRS: 2264, K.ProjLinearUnits: 9003}, True),
        ({K.ProjectedCRS: 2264, K.ProjLinearUnits: 9001}, False),
        ({K.ProjectedCRS: 2264, K.ProjLinearUnits: 9999}, False),
        ({K.ProjectedCRS: 2838, K.GTCitation: IMAGINE}, False),
        ({K.ProjectedCRS: 2838, K.GTCitation: "LUnits = meters|"}, True),
    ],
)
def test_a_crs_in_another_unit_than_epsgs_has_no_code(keys, own_unit):
    georeference = read_geo(geo_tiff({**PROJECTED, **keys}))[0]
    crs = georeference.crs
    assert crs is not None
    assert crs.epsg == (keys[K.ProjectedCRS] if own_unit else None)
    assert bool(georeference.findings) != own_unit
    if keys.get(K.ProjLinearUnits) == 9999:
        with pytest.raises(UnsupportedError, match="unit 9999"):
            crs.to_pyproj()
    else:
        with in_rasterio(geo_tiff({**PROJECTED, **keys})) as dataset:
            assert crs.to_epsg() == dataset.crs.to_epsg()
            assert_same_crs(crs.to_pyproj(), dataset.crs.to_wkt())


def test_degrees_that_are_none_take_the_code_away():
    keys = {**GEOGRAPHIC, K.GeodeticCRS: 4267, K.GeogAngularUnits: 9105}
    georeference = read_geo(geo_tiff(keys))[0]
    assert georeference.crs is not None
    assert georeference.crs.epsg is None
    assert rules(georeference) == {"geotiff.crs.overridden-unit"}
    assert georeference.crs.to_pyproj().axis_info[0].unit_name == "grad"


def test_heights_of_old_files_are_told_apart():
    keys = {**PROJECTED, K.ProjectedCRS: 32628, K.Vertical: 5103}
    georeference = read_geo(geo_tiff(keys, minor=0))[0]
    assert georeference.crs is not None
    assert georeference.crs.epsg == 32628
    assert rules(georeference) == {"geotiff.crs.old-heights"}
    (finding,) = georeference.findings
    assert "EPSG:5703" in finding.message


def test_the_epoch_of_coordinates_is_told():
    keys = {**GEOGRAPHIC, K.GeodeticCRS: 9057, K.CoordinateEpoch: 2021.3}
    assert crs_of(keys).epoch == 2021.3


# --- codes in keys that are not for them, and names ----------------------------------------------


@pytest.mark.parametrize(
    ("keys", "kind", "epsg"),
    [
        ({**PROJECTED, K.ProjectedCRS: 4326}, "geographic", 4326),
        ({**PROJECTED, K.ProjectedCRS: 4979}, "geographic", 4979),
        ({**PROJECTED, K.ProjectedCRS: 4978}, "geocentric", 4978),
        ({**PROJECTED, K.ProjectedCRS: 5773}, "vertical", 5773),
        ({**PROJECTED, K.ProjectedCRS: 7415}, "compound", 7415),
        ({K.ProjectedCRS: 4326}, "geographic", 4326),
        ({**GEOGRAPHIC, K.GeodeticCRS: 32631}, "projected", 32631),
        ({**GEOGRAPHIC, K.GeodeticCRS: 27700}, "projected", 27700),
        ({**GEOGRAPHIC, K.GeodeticCRS: 9707}, "compound", 9707),
    ],
)
def test_a_code_says_what_it_is_whatever_key_it_is_in(keys, kind, epsg):
    georeference = read_geo(geo_tiff(keys, SCALE, TIEPOINT))[0]
    crs = georeference.crs
    assert crs is not None
    assert (crs.kind, crs.epsg) == (kind, epsg)
    assert rules(georeference) == {"geotiff.crs.misplaced-code"}
    assert crs.to_pyproj() == pyproj.CRS.from_epsg(epsg)


def test_a_compound_code_has_its_parts():
    crs = crs_of({**PROJECTED, K.ProjectedCRS: 7415})
    assert (str(crs.horizontal), str(crs.vertical)) == ("EPSG:28992", "EPSG:5709")
    assert crs.is_projected


@pytest.mark.parametrize("code", [4326, 7415])
def test_a_code_of_another_kind_beside_a_projection_is_not_looked_at(code):
    keys = {**PROJECTED, K.ProjectedCRS: code, K.GeodeticCRS: 4258, K.ProjMethod: 10}
    found = read_geo(geo_tiff(keys, SCALE, TIEPOINT))[0]
    assert found.crs is not None
    assert (found.crs.kind, found.crs.epsg) == ("projected", None)
    assert rules(found) == {"geotiff.crs.misplaced-code"}
    with in_rasterio(geo_tiff(keys, SCALE, TIEPOINT)) as dataset:
        assert_same_crs(found.crs.to_pyproj(), dataset.crs.to_wkt())


@pytest.mark.parametrize("code", [4326, 4979, 4269])
def test_a_geocentric_crs_of_a_geographic_code_has_not_its_code(code):
    crs = crs_of({K.GTModelType: 3, K.GeodeticCRS: code})
    assert (crs.kind, crs.epsg) == ("geocentric", None)
    assert crs.to_pyproj().is_geocentric


NAMES = [
    "WGS 84 / Pseudo-Mercator",
    "WGS_1984_Web_Mercator_Auxiliary_Sphere",
    "WGS_1984_Web_Mercator",
    "Google Maps Global Mercator",
]
MERCATOR = {**USER, K.GeodeticCRS: 4326, K.ProjMethod: 7, K.ProjLinearUnits: 9001}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "cited", [{K.GTCitation: "{}"}, {K.ProjectedCitation: "{}"}, {K.GTCitation: "PCS Name = {}|"}]
)
def test_web_mercator_is_told_by_its_names(name, cited):
    keys = {**MERCATOR, **{key: text.format(name) for key, text in cited.items()}}
    crs = crs_of(keys)
    assert (crs.kind, crs.epsg) == ("projected", 3857)
    with in_rasterio(geo_tiff(keys, SCALE, TIEPOINT)) as dataset:
        assert_same_crs(crs.to_pyproj(), dataset.crs.to_wkt(version="WKT2_2019"))


def test_a_name_counts_in_gdals_order():
    below = {**MERCATOR, K.ProjectedCitation: NAMES[0], K.GTCitation: "PCS Name = other|"}
    assert crs_of(below).epsg is None
    assert crs_of({**MERCATOR, K.ProjectedCitation: "other", K.GTCitation: NAMES[0]}).epsg is None
    assert crs_of({**MERCATOR, K.ProjectedCitation: NAMES[0], K.GTCitation: "other"}).epsg == 3857


def test_the_other_code_of_web_mercator_is_the_same_crs():
    crs = crs_of({**PROJECTED, K.ProjectedCRS: 3785})
    assert crs.epsg == 3785
    assert crs.to_pyproj() == pyproj.CRS.from_epsg(3857)


@pytest.mark.parametrize(
    ("wkt", "kind", "name"),
    [
        ("EPSG:3035", "projected", "ETRS_1989_LAEA"),
        ("EPSG:4267", "geographic", "GCS_North_American_1927"),
        ("EPSG:4326+5773", "compound", None),
    ],
)
def test_esris_wkt_says_what_it_defines_without_proj(wkt, kind, name):
    text = pyproj.CRS(wkt).to_wkt("WKT1_ESRI")
    crs = crs_of({K.GTModelType: 32767, K.ProjectedCitation: f"ESRI PE String = {text}"})
    assert crs.kind == kind
    assert crs.wkt == text
    assert crs.to_pyproj().equals(pyproj.CRS(text))
    if name is None:
        assert (crs.horizontal, crs.vertical) != (None, None)
        assert crs.is_geographic


def test_heights_within_esris_projected_wkt_are_no_part_of_it():
    """As in PROJ; ArcGIS writes so."""
    heights = 'VERTCS["NAVD_1988",VDATUM["NAVD88"],PARAMETER["Direction",1.0],UNIT["Meter",1.0]]'
    text = pyproj.CRS(5070).to_wkt("WKT1_ESRI").removesuffix("]") + f",{heights}]"
    crs = crs_of({K.GTModelType: 32767, K.ProjectedCitation: f"ESRI PE String = {text}"})
    assert (crs.kind, crs.vertical) == ("projected", None)
    assert crs.to_pyproj().is_projected


def test_no_way_leads_from_mars_to_the_earth():
    mars = {K.EllipsoidSemiMajorAxis: 3396190.0, K.GeodeticCitation: "Mars 2000"}
    crs = crs_of({**GEOGRAPHIC, K.GeodeticCRS: 32767, **mars})
    with pytest.raises(UsageError, match="geographic CRS 'Mars 2000' and EPSG:4326 are of diff"):
        transformer(crs, Crs("geographic", 4326))


def test_esris_web_mercator_has_a_code():
    text = pyproj.CRS(3857).to_wkt("WKT1_ESRI")
    crs = crs_of({K.GTModelType: 32767, K.ProjectedCitation: f"ESRI PE String = {text}"})
    assert (crs.kind, crs.epsg) == ("projected", 3857)


def test_a_crs_without_datum_or_ellipsoid_is_told():
    found = read_geo(geo_tiff({**USER, K.ProjMethod: 1, K.GeodeticCitation: "NAD27"}))[0]
    assert rules(found) == {"geotiff.crs.base"}


# --- heights -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "unit"),
    [
        ({K.Vertical: 5703}, "metre"),
        ({K.Vertical: 6360}, "US survey foot"),
        ({K.Vertical: 6360, K.VerticalUnits: 9001}, "US survey foot"),
        ({K.Vertical: 8228}, "foot"),
        ({K.VerticalUnits: 9003}, "US survey foot"),
        ({K.VerticalDatum: 5103}, "metre"),
        ({K.VerticalUnits: 32767}, "metre"),
        ({K.Vertical: 4979}, None),
        ({K.Vertical: 9707}, None),
    ],
)
@pytest.mark.parametrize("minor", [0, 1])
def test_bands_have_the_unit_of_heights(keys, unit, minor):
    data = geo_tiff({**PROJECTED, K.ProjectedCRS: 32628, **keys}, SCALE, TIEPOINT, minor=minor)
    assert read_geo(data)[1].units == (unit,)
    with in_rasterio(data) as dataset:
        assert dataset.units == (unit,)


@pytest.mark.parametrize("code", [9707, 32631, 4326, 999])
def test_a_code_that_is_no_crs_of_heights_is_ignored_and_told(code):
    found = read_geo(geo_tiff({**PROJECTED, K.ProjectedCRS: 32628, K.Vertical: code}))[0]
    assert str(found.crs) == "EPSG:32628"
    assert rules(found) == {"geotiff.crs.vertical"}


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({}, "WGS 84 / UTM zone 28N + NAVD88 height"),
        ({K.GTCitation: "PCS Name = x|"}, "WGS 84 / UTM zone 28N + NAVD88 height"),
        ({K.GTCitation: "both of them"}, "both of them"),
    ],
)
def test_a_compound_crs_is_called_by_the_file_or_its_parts(keys, name):
    keys = {**PROJECTED, K.ProjectedCRS: 32628, K.Vertical: 5703, **keys}
    assert crs_of(keys).to_pyproj().name == name
    with in_rasterio(geo_tiff(keys, SCALE, TIEPOINT)) as dataset:
        assert pyproj.CRS.from_wkt(dataset.crs.to_wkt(version="WKT2_2019")).name == name


# --- the same CRS as GDAL's ----------------------------------------------------------------------

PROJECTIONS = [
    "tmerc +lat_0=10 +lon_0=20 +k=0.9 +x_0=1000 +y_0=200",
    "omerc +lat_0=4 +lonc=115 +alpha=53.3 +gamma=53.1 +k=0.99984 +x_0=10 +y_0=20",
    "omerc +no_uoff +lat_0=4 +lonc=115 +alpha=53.3 +gamma=53.1 +k=0.99984 +x_0=10 +y_0=20",
    "somerc +lat_0=46.9 +lon_0=7.4 +k=1 +x_0=600000 +y_0=200000",
    "labrd +lat_0=-18.9 +lon_0=46.4 +azi=18.9 +k=0.9995 +x_0=400000 +y_0=800000",
    "merc +lon_0=110 +k=0.997 +x_0=3900000 +y_0=900000",
    "merc +lat_ts=-41 +lon_0=100 +x_0=10",
    "lcc +lat_1=30 +lat_2=40 +lat_0=20 +lon_0=-96 +x_0=1 +y_0=2",
    "lcc +lat_1=46.8 +lat_0=46.8 +lon_0=0 +k_0=0.99987742 +x_0=600000 +y_0=2200000",
    "laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000",
    "aea +lat_1=29.5 +lat_2=45.5 +lat_0=37.5 +lon_0=-96 +x_0=5",
    "aeqd +lat_0=10 +lon_0=20 +x_0=3",
    "eqdc +lat_0=39 +lon_0=-96 +lat_1=33 +lat_2=45 +x_0=7",
    "stere +lat_0=30 +lon_0=20 +k=0.9 +x_0=9",
    "stere +lat_0=90 +lat_ts=70 +lon_0=-45 +x_0=4",
    "stere +lat_0=-90 +lat_ts=-71 +lon_0=10",
    "stere +lat_0=90 +k=0.994 +lon_0=0 +x_0=2000000 +y_0=2000000",
    "stere +lat_0=-90 +k=0.994 +lon_0=30",
    "sterea +lat_0=52 +lon_0=5 +k=0.9999 +x_0=155000",
    "eqc +lat_ts=30 +lat_0=5 +lon_0=10",
    "cass +lat_0=10 +lon_0=-61 +x_0=86501",
    "gnom +lat_0=10 +lon_0=20",
    "mill +lon_0=20 +x_0=3",
    "ortho +lat_0=10 +lon_0=20",
    "poly +lat_0=0 +lon_0=-54 +x_0=5000000",
    "robin +lon_0=10 +x_0=4",
    "sinu +lon_0=10 +x_0=2",
    "vandg +lon_0=10",
    "nzmg +lat_0=-41 +lon_0=173 +x_0=2510000 +y_0=6023150",
    "cea +lat_ts=30 +lon_0=10 +x_0=3",
    "moll",
    "geos +h=35785831 +lon_0=9.5 +sweep=y",
    "utm +zone=33 +south",
]
DATUMS = [
    "+datum=WGS84",
    "+ellps=bessel",
    "+a=6378000 +b=6356000",
    "+datum=NAD27 +units=us-ft",
    "+ellps=GRS80 +pm=paris +to_meter=0.2",
    "+ellps=bessel +towgs84=1,2,3,4,5,6,7",
]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda text: text.split()[0])
def test_each_projection_that_gdal_writes_is_read(projection):
    i = PROJECTIONS.index(projection)
    for datum in (DATUMS[i % len(DATUMS)], DATUMS[(i + 3) % len(DATUMS)]):
        data = written(f"+proj={projection} {datum} +no_defs")
        crs = read_geo(data)[0].crs
        assert crs is not None
        with in_rasterio(data) as dataset:
            assert_same_crs(crs.to_pyproj(), dataset.crs.to_wkt())


def test_a_sphere_is_a_sphere():
    data = written("+proj=sinu +lon_0=0 +R=6371007.181 +units=m +no_defs")
    crs = read_geo(data)[0].crs
    assert crs is not None
    ellipsoid = crs.to_pyproj().ellipsoid
    assert ellipsoid is not None
    assert ellipsoid.semi_major_metre == ellipsoid.semi_minor_metre == 6371007.181


@pytest.mark.parametrize(
    "epsg",
    [
        *(2056, 2154, 2193, 2264, 2450, 27700, 28992, 3031, 3035, 3067, 3395, 3413, 3857, 3976),
        *(5070, 5514, 6933, 8857, 25832, 26910, 27200, 29873, 31370, 32628, 32733),
        *(4269, 4326, 4258, 4807, 4979, 6668, 4978, 9707, 5498, 7415, 4937),
    ],
)
def test_codes_of_epsg_make_the_trip(epsg):
    data = written(epsg)
    crs = read_geo(data)[0].crs
    assert crs is not None
    with in_rasterio(data) as dataset:
        assert_same_crs(crs.to_pyproj(), dataset.crs.to_wkt())
    assert crs.to_epsg() == epsg


GEO_KEYS = [
    {**PROJECTED, K.ProjectedCRS: 32767, K.GeodeticCRS: 4326, K.Projection: 16031},
    {**PROJECTED, K.ProjectedCRS: 32767, K.GeodeticCRS: 4267, K.Projection: 16110},
    {**PROJECTED, K.ProjectedCRS: 32767, K.GeodeticCRS: 4269, K.Projection: 10231},
    {**PROJECTED, K.ProjectedCRS: 3857, K.ProjMethod: 7, K.ProjLinearUnits: 9001},
    {**PROJECTED, K.ProjectedCRS: 3857, K.ProjMethod: 7, K.ProjLinearUnits: 9002},
    {**PROJECTED, K.ProjectedCRS: 26910, K.GeodeticCRS: 4267},
    {**PROJECTED, K.ProjectedCRS: 32631, K.ProjLinearUnits: 9036},
    {**PROJECTED, K.ProjectedCRS: 32631, K.GeodeticDatum: 6267},
    {**PROJECTED, K.ProjectedCRS: 27563, K.GeogAngularUnits: 9105, K.GeodeticCRS: 4807},
    {**USER, K.GeodeticCRS: 4326, K.ProjMethod: 15, K.ProjNatOriginLat: -71.0},
    {**USER, K.GeodeticCRS: 4326, K.ProjMethod: 15, K.ProjNatOriginLat: 90.0},
    {**USER, K.GeodeticCRS: 4326, K.ProjMethod: 1, K.ProjCenterLong: 9.0, K.ProjScaleAtCenter: 0.9},
    {**USER, K.ProjMethod: 10, K.ProjCenterLat: 50.0, K.Ellipsoid: 7004},
    {**USER, K.ProjMethod: 24, K.EllipsoidSemiMajorAxis: 6371007.181},
    {**USER, K.ProjMethod: 24, K.EllipsoidSemiMajorAxis: 6378137.0, K.EllipsoidInvFlattening: 0.0},
    {**USER, K.ProjMethod: 24, K.GeodeticCRS: 4267, K.EllipsoidInvFlattening: 299.0},
    {
        **USER,
        K.GeodeticCRS: 4269,
        K.ProjMethod: 8,
        K.ProjStdParallel1: 30.0,
        K.ProjStdParallel2: 40.0,
        K.ProjNatOriginLat: 20.0,
        K.ProjFalseOriginEasting: 2e6,
        K.ProjLinearUnits: 9003,
    },
    {
        **USER,
        K.GeodeticCRS: 4326,
        K.ProjMethod: 1,
        K.ProjLinearUnits: 32767,
        K.ProjLinearUnitSize: 2.5,
    },
    {**USER, K.GeodeticCRS: 4326, K.ProjMethod: 1, K.ProjLinearUnitSize: 2.5},
    {**USER, K.GeodeticCRS: 4326, K.ProjMethod: 1, K.GTCitation: "LUnits = kilometers|"},
    {**GEOGRAPHIC, K.GeodeticCRS: 4326, K.EllipsoidSemiMajorAxis: 6378000.0},
    {**GEOGRAPHIC, K.GeodeticCRS: 4267, K.EllipsoidSemiMinorAxis: 6356000.0},
    {**GEOGRAPHIC, K.GeodeticCRS: 4267, K.PrimeMeridian: 8903},
    {**GEOGRAPHIC, K.GeodeticCRS: 4267, K.PrimeMeridian: 32767, K.PrimeMeridianLongitude: 2.5},
    {**GEOGRAPHIC, K.GeodeticCRS: 32767, K.GeodeticDatum: 6807},
    {**GEOGRAPHIC, K.GeodeticCRS: 32767, K.Ellipsoid: 7030, K.GeogTOWGS84: (1.0, 2.0, 3.0)},
    {**GEOGRAPHIC},
    {K.GTModelType: 3, K.GeodeticCRS: 4978},
    {K.GTModelType: 3, K.GeodeticCRS: 4269},
    {K.GTModelType: 32767, K.GTCitation: "here", K.ProjLinearUnits: 9002},
    {**MERCATOR, K.ProjNatOriginLat: -33.014167, K.ProjNatOriginLong: -71.6},
    {**MERCATOR, K.ProjCenterLat: 30.0, K.ProjScaleAtNatOrigin: 1.0},
    {**MERCATOR, K.GTCitation: "PCS Name = x|LUnits = inches|"},
    {**MERCATOR, K.GTCitation: "PCS Name = x|LUnits = Foot_Gold_Coast|"},
    {**MERCATOR, K.ProjectedCitation: "LUnits = parsecs|", K.ProjLinearUnitSize: 0.5},
    {**GEOGRAPHIC, K.ProjectedCRS: 27700},
    {
        **GEOGRAPHIC,
        K.GeodeticCRS: 32767,
        K.EllipsoidSemiMajorAxis: 6378137.0,
        K.GeodeticCitation: "GCS Name = x|AUnits = foo|",
        K.GeogAngularUnitSize: 0.0157,
    },
    {
        **GEOGRAPHIC,
        K.GeodeticCRS: 32767,
        K.EllipsoidSemiMajorAxis: 3396190.0,
        K.GeodeticCitation: "GCS Name = m|Datum = D_Mars|Primem = Reference_Meridian|",
    },
    {**PROJECTED, K.ProjectedCRS: 27700, K.GeodeticCRS: 32767, K.Ellipsoid: 7004},
    {**GEOGRAPHIC, K.GeodeticCRS: 4979, K.GeogAngularUnits: 9105},
    {**GEOGRAPHIC, K.GeodeticCitation: "GCS Name = g|Datum = d|AUnits = grad|"},
    {**MERCATOR, K.GTCitation: NAMES[0], K.ProjLinearUnits: 9002},
    {**PROJECTED, K.ProjectedCRS: 32628, K.Vertical: 5030},
    {**PROJECTED, K.ProjectedCRS: 32628, K.Vertical: 5703},
    {**PROJECTED, K.ProjectedCRS: 32628, K.VerticalUnits: 9003, K.VerticalCitation: "mine"},
    {**PROJECTED, K.ProjectedCRS: 32628, K.Vertical: 4979},
    {**PROJECTED, K.ProjectedCRS: 26910, K.Vertical: 4979},
]


@pytest.mark.parametrize("keys", GEO_KEYS, ids=lambda keys: "-".join(k.name for k in keys)[-60:])
@pytest.mark.parametrize("minor", [0, 1])
def test_keys_mean_what_they_mean_to_gdal(keys, minor):
    data = geo_tiff(keys, SCALE, TIEPOINT, minor=minor)
    with in_rasterio(data) as dataset:
        assert_same_crs(crs_of(keys, minor).to_pyproj(), dataset.crs.to_wkt())


def test_a_unit_of_angles_is_what_its_size_key_says():
    """As GeoTIFF has it; GDAL heeds the size only where a text names the unit."""
    size = {K.GeogAngularUnits: 32767, K.GeogAngularUnitSize: 0.01570796326794897}
    keys = {**GEOGRAPHIC, K.GeodeticCRS: 32767, K.Ellipsoid: 7030, **size}
    axis = crs_of(keys).to_pyproj().axis_info[0]
    assert axis.unit_conversion_factor == pytest.approx(0.01570796326794897)
    named = {**keys, K.GeodeticCitation: "GCS Name = x|AUnits = grad|"}
    with in_rasterio(geo_tiff(named)) as dataset:
        assert_same_crs(crs_of(named).to_pyproj(), dataset.crs.to_wkt())


# --- what cannot be built ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({**PROJECTED, K.ProjectedCRS: 999}, "EPSG:999 is not in the registry"),
        ({**GEOGRAPHIC, K.GeodeticCRS: 999}, "EPSG:999 is not in the registry"),
        ({**PROJECTED, K.ProjectedCRS: 32628, K.ProjMethod: 2}, "method 2 of EPSG:32628"),
        (
            {
                **USER,
                K.GeodeticCRS: 4326,
                K.ProjMethod: 7,
                K.ProjNatOriginLat: 30.0,
                K.ProjScaleAtNatOrigin: 0.9,
            },
            "a scale of 0.9 and the latitude of origin 30",
        ),
        (
            {**USER, K.GeodeticCRS: 4326, K.ProjMethod: 15, K.ProjNatOriginLat: 71.0}
            | {K.ProjScaleAtNatOrigin: 0.994},
            "Polar Stereographic .* latitude of origin 71",
        ),
        ({**USER, K.GeodeticCRS: 32631, K.ProjMethod: 1}, "EPSG:32631, a projected CRS, which"),
        ({**PROJECTED, K.ProjectedCRS: 27700, K.GeodeticCRS: 32767}, "base of EPSG:27700 is anoth"),
        ({**USER, K.ProjMethod: 8, K.ProjStdParallel1: 45.0}, "lacks its second standard paral"),
        ({K.GTModelType: 3, K.GeodeticCRS: 7415}, "EPSG:7415, a compound CRS, which cannot"),
        ({**USER, K.GeodeticCRS: 4326, K.Projection: 99}, "EPSG:99 is not in the registry"),
        ({**GEOGRAPHIC, K.GeodeticCRS: 32767, K.CelestialBody: "Moon"}, "one of 'Moon', but no"),
        (
            {**USER, K.GeodeticCRS: 4326, K.ProjMethod: 1}
            | {K.ProjectedCitation: "LUnits = parsecs|", K.ProjLinearUnits: 9002},
            "the unit is 'parsecs', whose size is not known",
        ),
        ({**USER, K.ProjMethod: 1, K.GTCitation: "PCS Name = x|LUnits = miles|"}, "'miles'"),
        (
            {**PROJECTED, K.ProjectedCRS: 2264, K.ProjLinearUnits: 32767},
            "ProjLinearUnits says that the unit is one of its own, but no GeoKey tells its size",
        ),
        (
            {**USER, K.ProjMethod: 1, K.ProjNatOriginLong: 9.0, K.GeogAngularUnitSize: 0.0157}
            | {K.GeodeticCitation: "GCS Name = x|AUnits = foo|"},
            "a unit of 0.0157 radians, as GeoTIFF has it, or in degrees, as GDAL takes it",
        ),
        ({**USER, K.GeodeticCRS: 4326, K.ProjMethod: 1, K.GeogAngularUnits: 9110}, "unit 9110"),
        (
            {K.GTModelType: 32767, K.ProjectedCitation: "ESRI PE String = PROJCS["},
            "PROJ cannot build",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(keys, message):
    with pytest.raises(UnsupportedError, match=message):
        crs_of(keys).to_pyproj()


def test_without_pyproj_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr("tinycog.extras.find_spec", lambda _name: None)
    crs = crs_of({**PROJECTED, K.ProjectedCRS: 32628})
    assert crs.to_epsg() == 32628
    with pytest.raises(UsageError, match=r"pip install 'tinycog\[geo\]'"):
        crs.to_pyproj()


def test_importing_geo_does_not_load_pyproj():
    code = "import sys, tinycog.geo; sys.exit('pyproj' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


def values_of(key: GeoKey) -> st.SearchStrategy[object]:
    if key in TEXTS:
        return st.sampled_from(
            ["x", "LUnits = feet|", "Google Maps Global Mercator", "ESRI PE String = ["]
        )
    if key in NUMBERS:
        return st.sampled_from([0.0, 1.0, -1.0, 45.0, 90.0, 298.2, 6378137.0, 1e308, float("nan")])
    codes = [
        0,
        1,
        2,
        3,
        7,
        8,
        15,
        24,
        4326,
        4267,
        7415,
        32628,
        9001,
        9102,
        9110,
        16031,
        7030,
        32767,
    ]
    return st.sampled_from(codes)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries({}, optional={key: values_of(key) for key in GeoKey}),
    st.sampled_from([0, 1]),
)
def test_whatever_the_keys_say_there_is_a_crs_or_a_tinycog_error(keys, minor):
    crs = make_crs(GeoKeys(minor, tuple((int(k), v) for k, v in keys.items())), [])
    if crs is not None:
        with suppress(TinycogError):
            assert isinstance(crs.to_pyproj(), pyproj.CRS)
