"""GeoKeys of every CRS: read as they were meant, by tinycog and by GDAL."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyproj
import pytest
from geo_files import in_rasterio, read_geo
from georeferences.matrix import all_cases, sample
from pyproj.database import query_crs_info
from rasterio import Affine
from rasterio.crs import CRS
from written_geo import crs_of, of_gdal, verdict, written

from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.keys import GeoKey, GeoKeys
from tinycog.geo.make_crs import make_crs
from tinycog.geo.projection_methods import METHODS
from tinycog.geo.user_keys import is_same
from tinycog.geo.write_keys import key_fields, keys_of_crs
from tinycog.geo.written_facts import WrittenFacts

PLACE = Affine(10, 0, 5, 0, -10, 5)
CODES = [4326, 4979, 4978, 4807, 4267, 32631, 3857, 3785, 27700, 27572, 2222, 2120, 3031, 32661]
CODES += [2193, 2053, 28992, 7415, 9707, 5498, 6893, 8700, 9518, 20001]
REGISTRY = [info for info in query_crs_info("EPSG") if info.type.name != "VERTICAL_CRS"]
METHODS_BY_PROJ = {
    1: "+proj=tmerc +lat_0=1 +lon_0=2 +k=0.9",
    3: "+proj=omerc +no_uoff +lat_0=4 +lonc=102 +alpha=30 +gamma=20 +k=0.99",
    7: "+proj=merc +lon_0=3 +k=0.9",
    8: "+proj=lcc +lat_0=40 +lon_0=3 +lat_1=33 +lat_2=45",
    9: "+proj=lcc +lat_1=40 +lat_0=40 +lon_0=3 +k_0=0.99",
    10: "+proj=laea +lat_0=40 +lon_0=3",
    11: "+proj=aea +lat_0=40 +lon_0=3 +lat_1=33 +lat_2=45",
    12: "+proj=aeqd +lat_0=40 +lon_0=3",
    13: "+proj=eqdc +lat_0=40 +lon_0=3 +lat_1=33 +lat_2=45",
    14: "+proj=stere +lat_0=40 +lon_0=3 +k=0.99",
    15: "+proj=stere +lat_0=90 +lon_0=3 +k=0.99",
    16: "+proj=sterea +lat_0=40 +lon_0=3 +k=0.99",
    17: "+proj=eqc +lat_ts=30 +lat_0=0 +lon_0=3",
    18: "+proj=cass +lat_0=40 +lon_0=3",
    19: "+proj=gnom +lat_0=40 +lon_0=3",
    20: "+proj=mill +lon_0=3",
    21: "+proj=ortho +lat_0=40 +lon_0=3",
    22: "+proj=poly +lat_0=40 +lon_0=3",
    23: "+proj=robin +lon_0=3",
    24: "+proj=sinu +lon_0=3",
    25: "+proj=vandg +lon_0=3",
    28: "+proj=cea +lat_ts=30 +lon_0=3",
    9815: "+proj=omerc +lat_0=4 +lonc=102 +alpha=30 +gamma=20 +k=0.99",
}
DEFAULTS = {GeoKey.ProjScaleAtNatOrigin: 1.0}
DEFINED = [
    "ESRI:102008",
    "ESRI:54009",
    "IAU_2015:49900",
    "OGC:CRS84",
    "EPSG:4326+5773",
    "+proj=merc +lat_ts=20 +lon_0=3 +ellps=intl",
    "+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=3",
    "+proj=utm +zone=31 +ellps=intl +towgs84=1,2,3 +type=crs",
    "+proj=utm +zone=31 +ellps=intl +towgs84=1,2,3,4,5,6,7 +type=crs",
    "+proj=longlat +a=6371000 +b=6371000 +type=crs",
    "+proj=longlat +ellps=clrk80ign +pm=paris +type=crs",
    "+proj=longlat +ellps=intl +pm=3 +type=crs",
    "+proj=laea +lat_0=40 +lon_0=3 +x_0=1000 +ellps=GRS80 +units=us-ft +type=crs",
    "+proj=laea +lat_0=40 +lon_0=3 +x_0=1000 +datum=WGS84 +to_meter=5 +type=crs",
    "+proj=moll +lon_0=3 +datum=NAD83 +type=crs",
    "+proj=geos +h=35785831 +lon_0=3 +type=crs",
    "+proj=geocent +ellps=intl +type=crs",
    "+proj=utm +zone=31 +datum=WGS84 +units=ft +vunits=m +geoidgrids=x.gtx +type=crs",
]


@pytest.mark.parametrize("code", [*CODES, *(int(info.code) for info in REGISTRY[::500])])
def test_a_code_of_epsg_is_read_as_it_is(code):
    assert crs_of(code).to_epsg() == code
    data = written(WrittenFacts(crs=f"EPSG:{code}", transform=PLACE))
    wanted = pyproj.CRS.from_epsg(3857 if code == 3785 else code)  # geotiff.crs.web-mercator
    found = read_geo(data)[0].crs
    assert found is not None
    assert is_same(wanted, found.to_pyproj())
    with in_rasterio(data) as dataset:  # whose registry may be another version of EPSG's
        by_gdal = pyproj.CRS.from_wkt(dataset.crs.to_wkt())
        assert dataset.crs == CRS.from_epsg(code) or is_same(wanted, by_gdal)


@pytest.mark.parametrize("code", METHODS_BY_PROJ)
def test_each_method_is_told_by_the_keys_that_gdal_writes(code):
    crs = f"{METHODS_BY_PROJ[code]} +x_0=1000 +y_0=2000 +ellps=intl +type=crs"
    assert verdict(crs) == "the same"
    ours = read_geo(written(WrittenFacts(crs=crs)))[0].keys
    theirs = read_geo(of_gdal(crs=crs, transform=PLACE))[0].keys
    assert ours[GeoKey.ProjMethod] == theirs[GeoKey.ProjMethod] == code
    numbers = {key for key in theirs if GeoKey.ProjStdParallel1 <= key < GeoKey.Vertical}
    assert {key for key in ours if GeoKey.ProjStdParallel1 <= key < GeoKey.Vertical} <= numbers
    for key in map(GeoKey, numbers):
        assert np.isclose(
            theirs[key], ours.get(key, DEFAULTS.get(key, 0.0)), rtol=1e-12, atol=1e-9
        ), key


def test_every_method_is_tried():
    assert set(METHODS) - set(METHODS_BY_PROJ) == {4, 26, 27}  # by codes of EPSG


@pytest.mark.parametrize("crs", DEFINED)
def test_a_crs_without_a_code_is_read_as_it_is_or_refused(crs):
    assert verdict(crs) == ("refused" if "geoidgrids" in crs else "the same")


def test_a_definition_that_is_a_code_of_epsg_is_told_by_the_code():
    for crs in (pyproj.CRS(32631).to_wkt("WKT1_GDAL"), pyproj.CRS(32631).to_wkt("WKT1_ESRI")):
        assert keys_of_crs(crs) == keys_of_crs("EPSG:32631") == keys_of_crs(("epsg", 32631))


def test_a_crs_of_epsgs_has_the_same_keys_however_it_is_told():
    for code in (32631, 2193, 4326, 4979, 4978, 7415, 3857):
        crs = pyproj.CRS.from_epsg(code)
        for told in (crs, crs.to_wkt(), crs.to_json_dict(), CRS.from_epsg(code), crs_of(code)):
            assert keys_of_crs(told) == keys_of_crs(code), type(told)
    assert keys_of_crs("OGC:CRS84") == keys_of_crs(4326)


def test_an_epoch_is_kept_whatever_else_is_said_of_the_crs():
    keys = GeoKeys(1, ((1024, 2), (2048, 9000), (5120, 2020.5)))
    crs = make_crs(keys, [])
    assert crs is not None
    for told in (crs, replace(crs, name="mine")):
        again = crs_of(told)
        assert (again.epsg, again.epoch) == (9000, 2020.5)


def test_a_code_that_lies_about_its_definition_is_not_written():
    crs = pyproj.CRS(32631).to_json_dict()
    crs["conversion"]["parameters"][1]["value"] = 4
    assert crs_of(crs).epsg is None
    assert verdict(pyproj.CRS.from_json_dict(crs)) == "the same"


@pytest.mark.parametrize("case", sample(all_cases())[::3], ids=lambda case: case.name)
def test_the_crs_of_a_file_is_kept(case):
    crs = read_geo(case.make(tuple(PLACE)[:6]))[0].crs
    if crs is None:
        return
    again = crs_of(crs)
    assert (again.kind, again.epsg, again.epoch, again.wkt) == (
        crs.kind,
        crs.epsg,
        crs.epoch,
        crs.wkt,
    )
    try:
        wanted = crs.to_pyproj()
    except UnsupportedError:
        return
    assert is_same(again.to_pyproj(), wanted)


def test_codes_need_no_pyproj():
    program = (
        "import sys; from tinycog.geo.write_keys import keys_of_crs, key_fields;"
        "[key_fields(keys_of_crs(c)) for c in ('EPSG:32631', 4979, 7415)];"
        "assert 'pyproj' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own


@pytest.mark.parametrize("crs", ["EPSG:5773", 5773, 5012, "+proj=utm +zone=31 +nadgrids=x"])
def test_what_keys_cannot_tell_is_refused(crs):
    with pytest.raises(UnsupportedError):
        keys_of_crs(crs)


@pytest.mark.parametrize("crs", ["EPSG:1", "nowhere", 99999])
def test_what_is_no_crs_is_refused(crs):
    with pytest.raises(UsageError, match="is no CRS that PROJ knows"):
        keys_of_crs(crs)


def test_a_name_that_would_be_read_as_a_unit_does_not_make_another_crs():
    crs = pyproj.CRS("+proj=laea +ellps=intl +type=crs").to_json_dict() | {"name": "LUnits = feet|"}
    assert verdict(pyproj.CRS.from_json_dict(crs)) in ("the same", "refused")


def test_texts_that_a_directory_cannot_hold_are_refused():
    for text in ("a\0b", "a" * 70000):
        with pytest.raises(UnsupportedError, match="the texts of the CRS"):
            key_fields(GeoKeys(0, ((GeoKey.GTCitation, text),)))
