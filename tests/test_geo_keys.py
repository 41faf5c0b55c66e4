"""The GeoKey directory: a broken key hurts no other."""

from __future__ import annotations

import csv
from pathlib import Path

import pyproj
import pytest
from geo_files import geo_tiff, key_fields, read_geo, rules
from pyproj.database import get_database_metadata, get_units_map, query_crs_info
from pyproj.enums import PJType

from tinycog.geo.epsg_codes import (
    METRES,
    Kind,
    flat_counterparts,
    kind_of_code,
    parts_of_code,
    unit_code,
)
from tinycog.geo.georeference import Georeference
from tinycog.geo.keys import USER_DEFINED, GeoKey, GeoKeys, kind_of
from tinycog.geo.projection_methods import MERCATOR_B, METHODS, PARAMETERS, POLAR_B
from tinycog.geo.units import UNITS
from tinycog.testing import Field
from tinycog.tiff.spec import Tag

SPEC = Path(__file__).parents[1] / "spec"
REGISTRY = "v11.022"

KEYS = {
    GeoKey.GTModelType: 1,
    GeoKey.GTCitation: "naïve | name",
    GeoKey.GeogTOWGS84: (1.0, 2.0, 3.0),
    GeoKey.ProjectedCRS: 32767,
    GeoKey.ProjFalseEasting: 500000.0,
}


def keys_of(*numbers: int, doubles: tuple[float, ...] = (), text: str = "") -> Georeference:
    """The keys of a directory of those numbers."""
    fields = [Field(Tag.GeoKeyDirectory, "SHORT", numbers)]
    fields += [Field(Tag.GeoDoubleParams, "DOUBLE", doubles)] if doubles else []
    fields += [Field(Tag.GeoAsciiParams, "ASCII", text)] if text else []
    return read_geo(geo_tiff(None, *fields))[0]


def test_keys_are_found_by_id_and_by_name():
    keys = read_geo(geo_tiff(KEYS, minor=1))[0].keys
    assert keys.minor == 1
    assert keys[1024] == keys["GTModelType"] == keys["GTModelTypeGeoKey"] == 1
    assert keys[GeoKey.GTCitation] == "naïve | name"
    assert keys["GeogTOWGS84"] == (1.0, 2.0, 3.0)
    assert list(keys) == [1024, 1026, 2062, 3072, 3082]
    assert len(keys) == 5
    assert 3082 in keys
    assert "ProjFalseEasting" in keys
    assert 3083 not in keys
    assert "NoSuchKey" not in keys
    assert None not in keys
    assert keys.named()["ProjFalseEasting"] == 500000.0
    with pytest.raises(KeyError):
        keys[3083]
    with pytest.raises(KeyError):
        keys["NoSuchKey"]


def test_keys_are_asked_for_what_they_should_hold():
    keys = GeoKeys(1, ((1024, 1), (1026, "x"), (2048, 32767), (2054, 0), (3082, 5.0), (9999, 7)))
    assert keys.code(GeoKey.GTModelType) == 1
    assert keys.code(GeoKey.GeogAngularUnits) is None
    assert keys.epsg(GeoKey.GeodeticCRS) is None
    assert keys.number(GeoKey.ProjFalseEasting) == 5.0
    assert keys.number(GeoKey.ProjFalseNorthing) is None
    assert keys.text(GeoKey.GTCitation) == "x"
    assert keys.text(GeoKey.GTModelType) == ""
    assert keys.named()["9999"] == 7


@pytest.mark.parametrize(
    ("numbers", "found", "rule"),
    [
        ((2, 1, 0, 1, 1024, 0, 1, 1), {}, "geotiff.keys.directory"),
        ((1, 1, 0), {}, "geotiff.keys.directory"),
        ((1, 1, 0, 3, 1024, 0, 1, 1), {1024: 1}, "geotiff.keys.directory"),
        ((1, 1, 0, 2, 1024, 0, 1, 1, 1025, 0), {1024: 1}, "geotiff.keys.directory"),
        ((1, 1, 0, 2, 1024, 0, 1, 1, 3082, 34736, 1, 9), {1024: 1}, "geotiff.keys.value"),
        ((1, 1, 0, 2, 1024, 0, 1, 1, 3082, 34736, 0, 0), {1024: 1}, "geotiff.keys.value"),
        ((1, 1, 0, 2, 1024, 0, 1, 1, 1026, 34737, 3, 99), {1024: 1}, "geotiff.keys.value"),
        ((1, 1, 0, 2, 1024, 0, 1, 1, 1026, 273, 1, 0), {1024: 1}, "geotiff.keys.value"),
        ((1, 1, 0, 2, 1025, 0, 1, 2, 1024, 0, 1, 1), {1025: 2, 1024: 1}, "geotiff.keys.order"),
        ((1, 1, 0, 2, 1024, 0, 1, 1, 1024, 0, 1, 2), {1024: 1}, "geotiff.keys.order"),
        ((1, 1, 0, 2, 1024, 0, 1, 1, 3082, 0, 1, 5), {1024: 1}, "geotiff.keys.kind"),
        ((1, 1, 0, 2, 1024, 34736, 1, 0, 1025, 0, 1, 1), {1025: 1}, "geotiff.keys.kind"),
        ((1, 1, 0, 1, 60000, 0, 1, 5), {60000: 5}, None),
        ((1, 1, 0, 1, 1024, 34735, 1, 8, 1), {1024: 1}, None),
        ((1, 1, 0, 0, 7, 7, 7, 7), {}, None),
    ],
)
def test_a_broken_key_is_a_finding_and_hurts_no_other(numbers, found, rule):
    georeference = keys_of(*numbers, doubles=(1.0,), text="x|")
    assert dict(georeference.keys) == found
    assert rules(georeference) == ({rule} if rule else set())


def test_a_directory_of_thousands_of_keys_is_none():
    many = [number for key in range(1, 3001) for number in (key, 0, 1, 1)]
    georeference = keys_of(1, 1, 0, 3000, *many)
    assert len(georeference.keys) == 1024
    assert "geotiff.keys.directory" in rules(georeference)


@pytest.mark.parametrize(
    ("pool", "count", "expected"),
    [("abc|", 4, "abc"), ("abc|", 3, "abc"), ("abc", 4, "abc"), ("a\0c|", 4, "a"), ("|", 1, "")],
)
def test_text_ends_with_its_bar_or_a_nul(pool, count, expected):
    assert keys_of(1, 1, 0, 1, 1026, 34737, count, 0, text=pool).keys["GTCitation"] == expected


def test_text_that_is_not_utf_8_is_read():
    fields = [*key_fields({GeoKey.GTCitation: "xxx"})[:1], Field(34737, "ASCII", b"a\xe9b|\0")]
    assert read_geo(geo_tiff(None, *fields))[0].keys["GTCitation"] == "a\ufffdb"


# --- tables --------------------------------------------------------------------------------------


def rows(name: str) -> list[dict[str, str]]:
    with (SPEC / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_keys_are_those_of_the_table():
    listed = [(int(row["id"]), row["name"], row["kind"]) for row in rows("geokeys.csv")]
    assert listed == [(int(key), key.name, kind_of(key)[0]) for key in GeoKey]


def test_methods_are_those_of_the_table():
    methods = [*METHODS.values(), MERCATOR_B, POLAR_B]
    assert [
        (int(row["code"]), row["name"], row["epsg"], row["parameters"])
        for row in rows("methods.csv")
    ] == [
        (m.code, m.name, str(m.epsg or ""), " ".join(f"{r}:{c}" for r, c in m.parameters))
        for m in methods
    ]
    assert {code for method in methods for _, code in method.parameters} == set(PARAMETERS)


def test_parameters_are_those_of_the_table():
    listed = {int(row["epsg"]): row["name"] for row in rows("parameters.csv")}
    assert listed == PARAMETERS


def test_units_are_those_of_the_table_and_of_epsg():
    listed = {int(row["code"]): row for row in rows("units.csv")}
    assert list(listed) == list(UNITS)
    registry = {int(unit.code): unit for unit in get_units_map("EPSG").values()}
    for code, unit in UNITS.items():
        row = listed[code]
        assert (row["name"], row["kind"], float(row["factor"])) == unit[1:]
        if code in registry:
            assert registry[code].name == unit.name
            assert registry[code].conv_factor == pytest.approx(unit.factor, rel=1e-14)
    assert set(UNITS) - set(registry) == {9106}


KINDS: dict[PJType, Kind] = {
    PJType.PROJECTED_CRS: "projected",
    PJType.GEOGRAPHIC_2D_CRS: "geographic",
    PJType.GEOGRAPHIC_3D_CRS: "geographic",
    PJType.GEOCENTRIC_CRS: "geocentric",
    PJType.VERTICAL_CRS: "vertical",
    PJType.COMPOUND_CRS: "compound",
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_codes_are_of_the_kinds_units_and_parts_that_epsg_says(kind):
    """Of another registry than ours, only those CRSs that we know count."""
    is_ours = get_database_metadata("EPSG.VERSION") == REGISTRY
    every = {int(info.code) for info in query_crs_info("EPSG", kind, allow_deprecated=True)}
    codes = sorted(code for code in every if code < USER_DEFINED)[::7]
    seen = [code for code in codes if is_ours or kind_of_code(code) is not None]
    assert len(seen) > 30
    for code in seen:
        known = pyproj.CRS.from_epsg(code)
        assert kind_of_code(code) == KINDS[kind]
        if kind == PJType.COMPOUND_CRS:
            parts = [part.to_json_dict()["id"]["code"] for part in known.sub_crs_list]
            is_redefined = not is_ours and any(kind_of_code(part) is None for part in parts)
            assert is_redefined or parts_of_code(code) == tuple(parts)
        elif kind != PJType.GEOCENTRIC_CRS:
            factor = known.axis_info[0].unit_conversion_factor
            assert UNITS[unit_code(code)].factor == pytest.approx(factor, rel=1e-12)
        if kind == PJType.GEOGRAPHIC_3D_CRS:
            for flat in flat_counterparts(code):
                assert pyproj.CRS.from_epsg(flat).datum == known.datum


def test_codes_that_are_none_are_of_no_kind():
    assert [kind_of_code(code) for code in (0, 999, 6326, 7030, 16031, 32767)] == [None] * 6
    assert unit_code(999) == METRES
    assert parts_of_code(4326) is None
    assert flat_counterparts(4326) == frozenset()
