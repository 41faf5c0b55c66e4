"""Tags of place, nodata, colour and metadata: read as they were meant, by tinycog and by GDAL."""

from __future__ import annotations

import math
import sys
import warnings

import numpy as np
import pytest
from geo_files import in_rasterio, read_all, read_geo
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine, rpc
from rasterio.control import GroundControlPoint as RasterioPoint
from rasterio.enums import ColorInterp
from written_geo import of_gdal, written

from tinycog.errors import UsageError
from tinycog.geo.colour import Colormap
from tinycog.geo.metadata import Statistics
from tinycog.geo.transform import RPC, GroundControlPoint
from tinycog.geo.write_colour import colour_of
from tinycog.geo.write_metadata import metadata_fields
from tinycog.geo.write_tags import georeference_fields, nodata_field, number_text
from tinycog.geo.written_facts import WrittenFacts
from tinycog.testing import Field
from tinycog.tiff.nodata import nodata_value
from tinycog.tiff.spec import Photometric, Tag

NORTH_UP = Affine(10, 0, 100, 0, -20, 200)
TRANSFORMS = [
    NORTH_UP,
    Affine(10, 0, 100, 0, 20, 200),
    Affine(-10, 0, 100, 0, -20, 200),
    Affine(10, 1, 100, 2, -20, 200),
    Affine(0, 5, 1e6, -5, 0, 0.1),
    Affine(1 / 3, 0, -180, 0, -1 / 7, 90),
]
POINTS = [
    GroundControlPoint(row, col, 10.5 * col, 20 - row, 3.25, "x")
    for row, col in ((0.5, 1.5), (2, 3), (0, 3), (3, 0))
]
NUMBERS = tuple(float(i) / 7 for i in range(20))
COEFFICIENTS = RPC(
    *(1.5, 2.5, 3.5, 4.5, NUMBERS, NUMBERS[::-1], 5.5, 6.5),
    *(7.5, 8.5, NUMBERS, NUMBERS[::-1], 9.5, 10.5, 0.25, 0.75),
)


def fields_of(data: bytes, *tags: Tag) -> list[int]:
    """Which of these tags a file has."""
    entries = read_all(data)[2].levels[0].ifd.entries
    return [tag for tag in tags if tag in entries]


# --- place ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("area_or_point", ["Area", "Point"])
@pytest.mark.parametrize("crs", ["EPSG:32631", None])
def test_a_transform_is_read_as_it_is(transform, area_or_point, crs):
    data = written(WrittenFacts(crs=crs, transform=transform, area_or_point=area_or_point))
    geo, metadata = read_geo(data)
    assert np.allclose(geo.transform[:6], transform[:6], rtol=1e-15, atol=0)
    assert metadata.tags().get("AREA_OR_POINT", "Area") == area_or_point
    assert (geo.crs is None) == (crs is None)
    with in_rasterio(data) as dataset:
        assert np.allclose(dataset.transform[:6], transform[:6], rtol=1e-15, atol=0)
        assert dataset.tags().get("AREA_OR_POINT", "Area") == area_or_point


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("area_or_point", ["Area", "Point"])
def test_a_transform_has_the_tags_of_gdal(transform, area_or_point):
    if transform.a < 0:
        pytest.skip("GDAL writes a negative scale, which GeoTIFF takes for another thing")
    facts = WrittenFacts(crs="EPSG:32631", transform=transform, area_or_point=area_or_point)
    theirs = of_gdal(
        lambda dataset: dataset.update_tags(AREA_OR_POINT=area_or_point),
        transform=transform,
        crs="EPSG:32631",
    )
    tags = (Tag.ModelPixelScale, Tag.ModelTiepoint, Tag.ModelTransformation)
    assert fields_of(written(facts), *tags) == fields_of(theirs, *tags)
    assert read_geo(theirs)[0].transform == read_geo(written(facts))[0].transform


def test_the_identity_without_a_crs_is_no_transform():
    data = written(WrittenFacts(transform=Affine.identity()))
    assert not read_geo(data)[0].has_transform
    placed = written(WrittenFacts(transform=Affine.identity(), crs="EPSG:32631"))
    assert read_geo(placed)[0].has_transform


@pytest.mark.parametrize("area_or_point", ["Area", "Point"])
def test_control_points_are_read_as_they_are(area_or_point):
    facts = WrittenFacts(crs="EPSG:4326", gcps=POINTS, area_or_point=area_or_point)
    geo = read_geo(written(facts))[0]
    assert [point[:5] for point in geo.gcps] == [point[:5] for point in POINTS]
    assert geo.crs is not None
    assert (geo.crs.epsg, geo.has_transform) == (4326, False)
    theirs = of_gdal(gcps=[RasterioPoint(*point[:5]) for point in POINTS], crs="EPSG:4326")
    with in_rasterio(written(facts)) as ours, in_rasterio(theirs) as dataset:
        points = [[(p.row, p.col, p.x, p.y, p.z) for p in d.gcps[0]] for d in (ours, dataset)]
        assert points[0] == points[1]
        assert ours.gcps[1] == dataset.gcps[1]


def test_rpcs_are_read_as_they_are():
    data = written(WrittenFacts(rpcs=COEFFICIENTS))
    assert read_geo(data)[0].rpcs == COEFFICIENTS
    theirs = of_gdal(lambda dataset: setattr(dataset, "rpcs", rpc.RPC(**COEFFICIENTS._asdict())))
    with in_rasterio(data) as ours, in_rasterio(theirs) as dataset:
        assert ours.rpcs.to_dict() == dataset.rpcs.to_dict()


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (WrittenFacts(transform=Affine(1, 2, 0, 2, 4, 0)), "leads to no area"),
        (WrittenFacts(transform=Affine(math.nan, 0, 0, 0, 1, 0)), "leads to no area"),
        (WrittenFacts(transform=NORTH_UP, gcps=POINTS), "4 control points: write one of them"),
        (WrittenFacts(gcps=[POINTS[0]._replace(x=math.inf)]), "not finite"),
        (WrittenFacts(rpcs=COEFFICIENTS._replace(line_num_coeff=(1.0,))), "line_num_coeff has 1"),
        (WrittenFacts(rpcs=COEFFICIENTS._replace(lat_off=math.nan)), "not finite"),
    ],
)
def test_a_place_that_makes_no_sense_is_refused(facts, message):
    with pytest.raises(UsageError, match=message):
        georeference_fields(facts)


# --- nodata --------------------------------------------------------------------------------------

NODATA = [
    ("uint8", 255, "255"),
    ("int16", -9999.0, "-9999"),
    ("int64", -(1 << 63), "-9223372036854775808"),
    ("uint64", (1 << 64) - 1, "18446744073709551615"),
    ("float32", math.nan, "nan"),
    ("float32", -9999, "-9999"),
    ("float32", 0.1, "0.10000000149011612"),
    ("float32", np.float32(0.1), "0.10000000149011612"),
    ("float32", -3.4028234663852886e38, "-3.4028234663852886e+38"),
    ("float32", math.inf, "inf"),
    ("float64", 0.1, "0.1"),
    ("float64", 1e40, "1e+40"),
    ("float64", -sys.float_info.max, "-1.7976931348623157e+308"),
    ("float16", 65504, "65504"),
    ("complex64", -1, "-1"),
]


@pytest.mark.parametrize(("dtype", "value", "text"), NODATA)
def test_nodata_is_read_as_it_is(dtype, value, text):
    assert nodata_field(value, np.dtype(dtype)) == Field(Tag.GDALNoData, "ASCII", text)
    read = nodata_value(text, np.dtype(dtype))
    assert read is not None
    assert np.array_equal(
        np.array(read),
        np.array(
            nodata_value(repr(float(text)), np.dtype(dtype)) if dtype[0] in "fc" else int(value)
        ),
        equal_nan=True,
    )
    if dtype in ("float16", "int64", "uint64"):
        return  # which rasterio's GDAL takes for doubles
    with in_rasterio(written(WrittenFacts(nodata=value), 1, dtype)) as dataset:
        assert np.array_equal(dataset.nodata, float(text), equal_nan=True)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("uint8", 256),
        ("uint8", -1),
        ("uint8", 0.5),
        ("int16", math.nan),
        ("int32", math.inf),
        ("uint64", 1 << 64),
        ("float32", 1e300),
        ("float16", 70000),
    ],
)
def test_nodata_that_no_sample_can_be_is_refused(dtype, value):
    with pytest.raises(UsageError, match=f"which no sample of {dtype} can be"):
        nodata_field(value, np.dtype(dtype))


@given(st.floats() | st.integers(-(1 << 63), 1 << 64))
def test_a_number_is_read_as_it_is(number):
    text = number_text(number)
    again = int(text) if isinstance(number, int) else float(text)
    assert again == number or math.isnan(number)
    assert not text.endswith(".0")


# --- colours -------------------------------------------------------------------------------------

COLOURS = [
    ("uint8", None, 1), ("uint8", None, 2), ("uint8", None, 3), ("uint8", None, 4),
    ("uint8", None, 5), ("uint16", None, 3), ("uint16", None, 4), ("float32", None, 3),
    ("uint8", "red green blue", 3), ("uint16", "red green blue", 3),
    ("float32", "red green blue", 3), ("uint8", "red green blue alpha", 4),
    ("uint16", "red green blue nir alpha", 5), ("uint8", "nir green blue", 3),
    ("uint8", "gray alpha", 2), ("uint8", "alpha red green blue", 4), ("uint8", "undefined", 1),
    ("uint8", "alpha", 1), ("uint8", "cyan magenta yellow black", 4), ("uint8", "gray gray", 2),
    ("int16", "Y Cb Cr", 3), ("uint8", "undefined undefined undefined", 3),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "names", "bands"), COLOURS)
def test_colours_are_read_as_they_are(dtype, names, bands):
    told = None if names is None else names.split()
    data = written(WrittenFacts(colorinterp=told), bands, dtype)
    with in_rasterio(of_gdal(count=bands, dtype=dtype)) as dataset:
        wanted = told or [member.name for member in dataset.colorinterp]
    assert list(read_geo(data)[1].colorinterp) == wanted
    with in_rasterio(data) as dataset:
        assert [member.name for member in dataset.colorinterp] == wanted


def test_members_of_rasterios_enum_are_names():
    members = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
    colour = colour_of(WrittenFacts(colorinterp=members), 3, np.dtype("uint8"))
    assert colour == colour_of(WrittenFacts(), 3, np.dtype("uint8"))
    assert (colour.photometric, colour.extra_samples, colour.roles) == (Photometric.RGB, (), ())


def test_a_codec_may_say_what_the_colours_are_stored_as():
    facts = WrittenFacts(colorinterp=["red", "green", "blue"])
    colour = colour_of(facts, 3, np.dtype("uint8"), photometric=Photometric.YCBCR)
    assert (colour.photometric, colour.roles) == (Photometric.YCBCR, ())


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_palette_is_read_as_it_is(dtype):
    colours = {0: (1, 2, 3, 255), 5: (9, 8, 7, 255), 255: (255, 254, 0, 255)}
    data = written(WrittenFacts(colormap=colours), 1, dtype)
    with in_rasterio(data) as dataset:
        assert [member.name for member in dataset.colorinterp] == ["palette"]
        found = dataset.colormap(1)
    assert {value: found[value] for value in colours} == colours
    table = np.zeros((256, 3), np.uint16)
    table[[0, 5, 255]] = np.array([colour[:3] for colour in colours.values()]) * 257
    same = WrittenFacts(colormap=Colormap(table, None), colorinterp=["palette"])
    assert written(same, 1, dtype) == data


@pytest.mark.parametrize(
    ("facts", "dtype", "message"),
    [
        (WrittenFacts(colorinterp=["puce"]), "uint8", "'puce' is unknown"),
        (WrittenFacts(colorinterp=["red", "green"]), "uint8", "has 2 values, but there are 1"),
        (WrittenFacts(colorinterp=["palette"]), "uint8", "no colormap is given"),
        (WrittenFacts(colormap={0: (1, 2, 3)}), "int16", "samples are int16"),
        (WrittenFacts(colormap={0: (1, 2, 300)}), "uint8", "RGBA from 0 to 255"),
        (WrittenFacts(colormap={256: (1, 2, 3)}), "uint8", "holds 256"),
        (WrittenFacts(colormap=Colormap(np.ones((257, 3), "u2"), None)), "uint8", "257 colours"),
    ],
)
def test_colours_that_do_not_fit_are_refused(facts, dtype, message):
    with pytest.raises(UsageError, match=message):
        colour_of(facts, 1, np.dtype(dtype))


# --- metadata ------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
NAME = st.text(st.sampled_from("abcXYZ_é<>&\"' \t\n"), min_size=1, max_size=8)
ITEMS = st.dictionaries(NAME.map(str.casefold).filter(str.strip), TEXT, max_size=4)


@given(ITEMS, ITEMS, TEXT, TEXT, st.floats(allow_nan=False, allow_infinity=False))
def test_metadata_is_read_as_it_is(items, band_items, unit, description, number):
    facts = WrittenFacts(
        tags={"": items, "MY <DOMAIN>": items},
        band_tags=({}, {"": band_items}),
        units=(None, unit),
        descriptions=(description, ""),
        scales=(number, 1),
        offsets=(0, number),
    )
    metadata = read_geo(written(facts, 2))[1]
    assert metadata.tags() == items
    assert metadata.tags(ns="MY <DOMAIN>") == items
    assert metadata.tags(1) == band_items
    assert metadata.tags(0) == {}
    assert metadata.units == (None, unit)
    assert metadata.descriptions == (description, None)
    assert metadata.scales == (number, 1)
    assert metadata.offsets == (0, number)
    assert not metadata.findings


FACTS = WrittenFacts(
    tags={
        "": {
            "b": "a <b> & \"c\" 'd'\n\té",
            "A": "x\r\ny",
            "TIFFTAG_SOFTWARE": "s é",
            "TIFFTAG_XRESOLUTION": "72.5",
            "TIFFTAG_YRESOLUTION": "0.333333333",
            "TIFFTAG_RESOLUTIONUNIT": "2 (pixels/inch)",
            "TIFFTAG_MAXSAMPLEVALUE": "7",
        },
        "MY": {"q": "1"},
    },
    band_tags=({"": {"x": "1"}}, {"": {"STATISTICS_MEAN": "7"}}),
    scales=(0.1, 1),
    offsets=(273.15, 0),
    units=("m/s <&>", None),
    descriptions=(" first <b>", "zweites é"),
)


def test_metadata_is_read_by_gdal_as_it_is():
    with in_rasterio(written(FACTS, 2, "float32")) as dataset:
        assert dataset.tags() == read_geo(written(FACTS, 2))[1].tags()
        assert dataset.tags(ns="MY") == {"q": "1"}
        assert dataset.tags()["b"] == FACTS.tags[""]["b"]
        assert (dataset.tags(1), dataset.tags(2)) == ({"x": "1"}, {"STATISTICS_MEAN": "7"})
        assert (dataset.scales, dataset.offsets) == (FACTS.scales, FACTS.offsets)
        assert dataset.units == FACTS.units
        assert dataset.descriptions == FACTS.descriptions


def test_metadata_is_in_an_order_of_its_own():
    turned = WrittenFacts(
        tags={
            name: dict(reversed(list(items.items()))) for name, items in [*FACTS.tags.items()][::-1]
        }
    )
    assert metadata_fields(turned, 1) == metadata_fields(WrittenFacts(tags=FACTS.tags), 1)


def test_statistics_are_read_exactly_and_replace_those_of_items():
    smallest = -(1 << 62) - 1
    found = Statistics(smallest, 1 / 3, 0.1 + 0.2, 1e-300, 100.0)
    data = written(FACTS, 2, "float64", statistics=(None, found))
    metadata = read_geo(data)[1]
    assert metadata.statistics(1) == found._replace(min=float(smallest))
    assert metadata.statistics(0) is None
    assert metadata.tags(1)["STATISTICS_MINIMUM"] == str(smallest)
    with in_rasterio(data) as dataset, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert float(dataset.tags(2)["STATISTICS_MEAN"]) == found.mean


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (WrittenFacts(tags={"": {"": "a"}}), "'' has no name"),
        (WrittenFacts(tags={"": {"a": "1", "A": "2"}}), "'A' comes twice|'a' comes twice"),
        (WrittenFacts(tags={"": {"a": "\0"}}), "holds a character"),
        (WrittenFacts(tags={"": {"a\1": "x"}}), "holds a character"),
        (WrittenFacts(tags={"IMAGE_STRUCTURE": {"LAYOUT": "COG"}}), "other tags say them"),
        (WrittenFacts(tags={"": {"TIFFTAG_XRESOLUTION": "x"}}), "which its TIFF tag cannot hold"),
        (WrittenFacts(tags={"": {"TIFFTAG_XRESOLUTION": "-1"}}), "which its TIFF tag cannot hold"),
        (
            WrittenFacts(tags={"": {"TIFFTAG_RESOLUTIONUNIT": "9"}}),
            "which its TIFF tag cannot hold",
        ),
        (WrittenFacts(scales=(math.nan,)), "scale of band 0 is nan"),
        (WrittenFacts(units=("m", "m")), "2 values of unit, but 1 bands"),
        (WrittenFacts(band_tags=({}, {})), "2 values of items, but 1 bands"),
    ],
)
def test_metadata_that_would_be_lost_is_refused(facts, message):
    with pytest.raises(UsageError, match=message):
        metadata_fields(facts, 1)


# --- all of it -----------------------------------------------------------------------------------


def test_what_a_file_says_is_written_again_byte_for_byte():
    facts = WrittenFacts(
        crs="EPSG:32631",
        transform=NORTH_UP,
        area_or_point="Point",
        nodata=-1,
        colorinterp=("nir", "alpha"),
        rpcs=COEFFICIENTS,
        **{name: getattr(FACTS, name) for name in
           ("tags", "scales", "offsets", "units", "descriptions")},
    )  # fmt: skip
    data = written(facts, 2, "int16", statistics=(Statistics(1, 2, 3, 4, 5),) * 2)
    geo, metadata = read_geo(data)
    again = WrittenFacts(
        crs=geo.crs,
        transform=geo.transform,
        rpcs=geo.rpcs,
        area_or_point="Point",
        nodata=-1,
        tags=metadata.items,
        **{
            name: getattr(metadata, name)
            for name in ("colorinterp", "scales", "offsets", "units", "descriptions")
        },
    )
    assert written(again, 2, "int16") == written(facts, 2, "int16")


def test_items_without_a_text_are_none():
    facts = WrittenFacts(tags={"": {"a": "", "TIFFTAG_SOFTWARE": ""}}, descriptions=[""])
    assert metadata_fields(facts, 1) == []
