"""What samples mean: scales, units, names, colours, items, as rasterio tells them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from conftest import FILES, read_pyramid
from geo_files import IMAGE, TIEPOINT, geo_tiff, in_rasterio, key_fields, read_geo, rules
from hypothesis import given
from hypothesis import strategies as st
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioIOError
from rasterio.io import MemoryFile

import tinycog
from tinycog.errors import UsageError
from tinycog.geo.colour import colour_names, colour_of_gdal
from tinycog.geo.keys import GeoKey
from tinycog.geo.metadata import Metadata, Statistics
from tinycog.geo.metadata_items import MAX_SALVAGED, parse_items, unescape
from tinycog.geo.safe_xml import MAX_BYTES, MAX_DEPTH
from tinycog.limits import Limits
from tinycog.testing import Directory, Field, make_tiff
from tinycog.tiff.spec import Tag


def metadata_of(*fields: Field, limits: Limits | None = None) -> Metadata:
    return read_geo(geo_tiff(None, *fields), limits or Limits())[1]


def items_of(xml: str) -> Metadata:
    return metadata_of(Field(Tag.GDALMetadata, "ASCII", xml))


def written(**how) -> bytes:
    """A file of two bands that rasterio has written, with what `how` sets."""
    profile = {"driver": "GTiff", "width": 4, "height": 3, "count": 2, "dtype": "uint8"}
    with in_rasterio_env(), MemoryFile() as file:
        with file.open(**profile, transform=Affine(1, 0, 5, 0, -1, 6)) as dataset:
            dataset.write(np.zeros((2, 3, 4), "uint8"))
            for band, tags in how.pop("tags", {}).items():
                dataset.update_tags(band, **tags)
            for ns, tags in how.pop("domains", {}).items():
                dataset.update_tags(ns=ns, **tags)
            for name, value in how.items():
                setattr(dataset, name, value)
        return bytes(file.getbuffer())


def in_rasterio_env():
    import rasterio  # noqa: PLC0415 - for this alone

    return rasterio.Env(GDAL_PAM_ENABLED="NO")


def test_what_rasterio_writes_is_read_as_rasterio_reads_it():
    statistics = {"STATISTICS_MINIMUM": "1", "STATISTICS_MAXIMUM": "9.5", "STATISTICS_MEAN": "5"}
    data = written(
        tags={
            0: {"A": "  lead, trail  ", "C": "a&amp;b <x> &#65;", "D": "two\nlines", "name": "ü€"},
            1: {**statistics, "Z": "z"},
        },
        domains={"MINE": {"k": "v"}},
        descriptions=("one", None),
        units=("m", None),
        scales=(0.5, 1),
        offsets=(10, -3),
        colorinterp=[ColorInterp.red, ColorInterp.alpha],
    )
    actual = read_geo(data)[1]
    with in_rasterio(data) as dataset:
        assert actual.descriptions == dataset.descriptions == ("one", None)
        assert actual.units == dataset.units == ("m", None)
        assert actual.scales == dataset.scales == (0.5, 1)
        assert actual.offsets == dataset.offsets == (10, -3)
        assert actual.colorinterp == tuple(c.name for c in dataset.colorinterp)
        assert actual.tags() == dataset.tags()
        assert actual.tags(0) == dataset.tags(1)
        assert actual.tags(1) == dataset.tags(2)
        assert actual.tags(ns="MINE") == dataset.tags(ns="MINE") == {"k": "v"}
    assert actual.statistics(0) == Statistics(1, 9.5, 5, None, None)
    assert actual.statistics(1) is None
    assert actual.findings == ()


def test_without_metadata_nothing_is_told():
    assert metadata_of() == Metadata(
        (1.0,), (0.0,), (None,), (None,), ("gray",), {}, ({},), findings=()
    )


def test_a_band_that_is_not_there_is_a_usage_error():
    with pytest.raises(UsageError, match="band 1 does not exist"):
        metadata_of().tags(1)
    with pytest.raises(UsageError, match="band -1"):
        metadata_of().statistics(-1)


TIFF_FIELDS = [
    Field(Tag.DocumentName, "ASCII", "a name"),
    Field(Tag.ImageDescription, "ASCII", b" two\0texts\0"),
    Field(Tag.MinSampleValue, "SHORT", 3),
    Field(Tag.MaxSampleValue, "SHORT", 250),
    Field(Tag.XResolution, "RATIONAL", [(7200012, 100000)]),
    Field(Tag.YResolution, "RATIONAL", [(1, 3)]),
    Field(Tag.ResolutionUnit, "SHORT", 3),
    Field(Tag.Software, "ASCII", "tinycog"),
    Field(Tag.DateTime, "ASCII", "2024:01:02 03:04:05"),
    Field(Tag.Artist, "ASCII", "someone"),
    Field(Tag.HostComputer, "ASCII", "somewhere"),
    Field(Tag.Copyright, "ASCII", "nobody"),
]


def test_tags_of_tiff_are_items_by_gdals_names():
    keys = {GeoKey.GTModelType: 1, GeoKey.GTRasterType: 2}
    data = geo_tiff(keys, *TIFF_FIELDS)
    with in_rasterio(data) as dataset:
        assert read_geo(data)[1].tags() == dataset.tags()
    assert len(read_geo(data)[1].tags()) == len(TIFF_FIELDS) + 1


@pytest.mark.parametrize("unit", [1, 2, 3, 4])
@pytest.mark.parametrize("resolution", [(1, 0), (0, 1), (4294967295, 1), (1, 4294967295)])
def test_resolutions_are_told_as_gdal_tells_them(unit, resolution):
    fields = [
        Field(Tag.XResolution, "RATIONAL", [resolution]),
        Field(Tag.ResolutionUnit, "SHORT", unit),
    ]
    data = geo_tiff(None, *fields)
    with in_rasterio(data) as dataset:
        assert read_geo(data)[1].tags() == dataset.tags()


@pytest.mark.parametrize(
    "xml",
    [
        '<GDALMetadata><Item name="A">1</Item><Item name="a">2</Item></GDALMetadata>',
        '<GDALMetadata>\n  <Item name="A">  &amp;lt; &lt;b&gt; </Item>\n</GDALMetadata>',
        '<?xml version="1.0"?><GDALMetadata><Item name="A"></Item><Item>x</Item></GDALMetadata>',
        '<GDALMetadata><Item name="A" sample="0">1</Item><Item name="B"/></GDALMetadata>',
        '<GDALMetadata><Item name="S" sample="0" role="scale">0,5</Item></GDALMetadata>',
        '<GDALMetadata><Item name="O" sample="0" role="offset">1e2 m</Item></GDALMetadata>',
        '<GDALMetadata><Item name="D" sample="0" role="description">d</Item></GDALMetadata>',
        '<GDALMetadata><Item name="U" sample="0" role="unittype">K</Item></GDALMetadata>',
        '<GDALMetadata><Item name="C" sample="0" role="colorinterp">Blue</Item></GDALMetadata>',
        '<GDALMetadata><Item name="C" sample="0" role="colorinterp">mauve</Item></GDALMetadata>',
        '<gdalmetadata><item NAME="A">1</item></gdalmetadata>',
        '<Other><Item name="A">1</Item></Other>',
        "<GDALMetadata><Item name=",
        "no xml",
        "",
    ],
)
def test_xml_is_read_as_gdal_reads_it(xml):
    data = geo_tiff(None, Field(Tag.GDALMetadata, "ASCII", xml))
    actual = read_geo(data)[1]
    with in_rasterio(data) as dataset:
        assert actual.tags() == dataset.tags()
        assert actual.tags(0) == dataset.tags(1)
        assert actual.scales == dataset.scales
        assert actual.offsets == dataset.offsets
        assert actual.units == dataset.units
        assert actual.descriptions == dataset.descriptions
        assert actual.colorinterp == tuple(c.name for c in dataset.colorinterp)


@pytest.mark.parametrize(
    "xml",
    [
        "<GDALMetadata>",
        "<GDALMetadata><Item name='A'>x",
        "<Item name='A'>x</Item><GDALMetadata/>",
        "<!DOCTYPE x SYSTEM 'file:///etc/passwd'><GDALMetadata/>",
        "<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1),
        "<Other/>",
        "\x01\x02",
    ],
)
def test_broken_or_hostile_xml_is_a_finding(xml):
    metadata = items_of(xml)
    assert rules(metadata) == {"gdal.metadata.xml"}
    assert metadata.items == {}
    assert all("\n" not in str(finding) for finding in metadata.findings)


SCALES = (
    '<Item name="SCALE" sample="0" role="scale">0.0001</Item>'
    '<Item name="OFFSET" sample="0" role="offset">-5</Item>'
)


@pytest.mark.parametrize(
    ("xml", "items"),
    [
        (
            f'<GDALMetadata><Item name="A">Land & Water</Item>{SCALES}</GDALMetadata>',
            "Land & Water",
        ),
        (f'<GDALMetadata><Item name="A">a\x01b</Item>{SCALES}</GDALMetadata>', "a\x01b"),
        (f"<GDALMetadata>{SCALES.replace(chr(34), '')}</GDALMetadata>", None),
        (f"<GDALMetadata>{'<a>' * 20}{'</a>' * 20}{SCALES}</GDALMetadata>", None),
        (f"<!DOCTYPE x><GDALMetadata>{SCALES}</GDALMetadata>", None),
        (f"<GDALMetadata>{SCALES}</GDALMetadata>junk", None),
        (f"junk<GDALMetadata>{SCALES}</GDALMetadata>", None),
        (f"<gdalmetadata>{SCALES}</GDALMETADATA>", None),
        (f'<GDALMetadata>< Item name="A" name="B">x</Item>{SCALES}</GDALMetadata>', "x"),
        (f"<GDALMetadata><!-- <Item & -->{SCALES}</GDALMetadata>", None),
    ],
)
def test_items_of_xml_that_is_not_well_formed_are_those_of_gdal(xml, items):
    data = geo_tiff(None, Field(Tag.GDALMetadata, "ASCII", xml))
    actual = read_geo(data)[1]
    with in_rasterio(data) as dataset:
        assert (actual.scales, actual.offsets) == (dataset.scales, dataset.offsets)
        assert actual.tags().keys() == dataset.tags().keys()
    assert (actual.scales, actual.offsets) == ((0.0001,), (-5.0,))
    assert actual.tags().get("A") == items
    assert rules(actual) <= {"gdal.metadata.xml"}


@pytest.mark.parametrize(
    ("xml", "items"),
    [
        (f"<GDALMetadata>{SCALES}", None),
        (f"<GDALMetadata>{SCALES}</GDALMeta>", None),
        (f'<GDALMetadata><Item name="A">x</Itm></Item>{SCALES}</GDALMetadata>', "x"),
        (f'<GDALMetadata><Item name="A">a < b</Item>{SCALES}</GDALMetadata>', "a < b"),
        (f'<GDALMetadata><Item name="A"><![CDATA[a<b]]></Item>&{SCALES}</GDALMetadata>', "a<b"),
        (f'<GDALMetadata><Item name="A">&e;</Item>{SCALES}</GDALMetadata>', "&e;"),
        (f"<GDALMetadata><Item name>x</Item>{SCALES}</GDALMetadata>", None),
    ],
)
def test_items_are_salvaged_where_gdal_gives_up(xml, items):
    metadata = items_of(xml)
    assert (metadata.scales, metadata.offsets) == ((0.0001,), (-5.0,))
    assert metadata.tags().get("A") == items
    assert rules(metadata) == {"gdal.metadata.xml"}


def test_entities_of_a_doctype_are_never_expanded():
    doctype = "<!DOCTYPE x [<!ENTITY a 'b'><!ENTITY c '&a;&a;'>]>"
    metadata = items_of(f"{doctype}<GDALMetadata><Item name='A'>&c;</Item></GDALMetadata>")
    assert metadata.tags() == {"A": "&c;"}
    assert rules(metadata) == {"gdal.metadata.xml"}


def test_a_scale_that_breaks_off_is_unknown():
    metadata = items_of(f'<GDALMetadata>{SCALES}<Item name="S" sample="0" role="scale">0.5')
    assert math.isnan(metadata.scales[0])
    assert metadata.offsets == (-5.0,)
    assert rules(metadata) == {"gdal.metadata.xml", "gdal.metadata.items"}


@pytest.mark.parametrize("part", ["<", "<!--", "<![CDATA[", "<Item ", "<a", "&", "<Item name='a'>"])
def test_hostile_xml_takes_one_pass(part):
    text = "<GDALMetadata>&" + part * (MAX_SALVAGED // len(part) - 15)
    items, wrong = parse_items(text)
    assert items == []
    assert wrong is not None


def test_text_that_is_no_utf_8_is_latin_1():
    item = "<Item name='U' sample='0' role='unittype'>\u00b5m</Item>"
    for encoding in ("utf-8", "latin-1"):
        xml = f"<GDALMetadata>{item}</GDALMetadata>".encode(encoding)
        about = "5 \u00b5m".encode(encoding)
        fields = [
            Field(Tag.GDALMetadata, "ASCII", xml),
            Field(Tag.ImageDescription, "ASCII", about),
        ]
        metadata = metadata_of(*fields)
        assert metadata.units == ("\u00b5m",)
        assert metadata.tags()["TIFFTAG_IMAGEDESCRIPTION"] == "5 \u00b5m"


def test_xml_that_is_too_long_is_not_parsed():
    items, wrong = parse_items("<GDALMetadata>" + " " * MAX_BYTES + "</GDALMetadata>")
    assert items == []
    assert wrong is not None
    assert str(MAX_BYTES) in wrong


def test_xml_that_is_longer_than_a_value_may_be_is_left_out():
    data = geo_tiff(None, Field(Tag.GDALMetadata, "ASCII", "<GDALMetadata/>" + " " * 999))
    georeference, metadata = read_geo(data, Limits(value_bytes=999))
    assert rules(georeference) == {"geotiff.value.lost"}
    assert metadata.tags() == {}


def test_a_hundred_thousand_items_take_no_time():
    items = "".join(f"<Item name='{i}'>x</Item>" for i in range(100_000))
    assert len(items_of(f"<GDALMetadata>{items}</GDALMetadata>").tags()) == 100_000


def test_items_that_make_no_sense_are_one_finding():
    bad = "<Item name='A' sample='9'>1</Item><Item name='B' sample='0' role='scale'>much</Item>"
    metadata = items_of(f"<GDALMetadata>{bad}<Item name='C'>ok</Item></GDALMetadata>")
    assert [f.message for f in metadata.findings] == [
        "2 items of GDALMetadata make no sense, 'A' first"
    ]
    assert metadata.tags() == {"C": "ok"}
    assert math.isnan(metadata.scales[0])


@given(st.text(alphabet="<>/&;#x\"'= ItemGDALMetadata\n\0", max_size=200))
def test_any_text_is_items_or_a_complaint(text):
    items, wrong = parse_items(text)
    assert all(item.name for item in items)
    assert wrong is None or "\n" not in wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("&lt;&gt;&amp;&apos;&quot;", "<>&'\""),
        ("&#65;&#x42;", "AB"),
        ("&#0;&#xD800;&#x110000;&nbsp;", "&#0;&#xD800;&#x110000;&nbsp;"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_the_second_escape_is_undone_once(text, expected):
    assert unescape(text) == expected


# --- heights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("minor", [0, 1])
def test_samples_of_a_crs_with_heights_are_heights(minor):
    keys = {GeoKey.GTModelType: 1, GeoKey.ProjectedCRS: 32628, GeoKey.Vertical: 5703}
    fields = [
        Field(Tag.ModelPixelScale, "DOUBLE", [10.0, 10.0, 0.5]),
        Field(Tag.ModelTiepoint, "DOUBLE", [0.0, 0.0, 4.0, 1000.0, 2000.0, 7.0]),
    ]
    data = geo_tiff({**keys, GeoKey.VerticalUnits: 9001}, *fields, minor=minor)
    actual = read_geo(data)[1]
    with in_rasterio(data) as dataset:
        assert actual.scales == dataset.scales == ((0.5,) if minor else (1.0,))
        assert actual.offsets == dataset.offsets == ((5.0,) if minor else (0.0,))
        if minor:
            assert actual.units == dataset.units == ("metre",)


# --- colours -------------------------------------------------------------------------------------


def coloured(photometric: int, bits: int, samples: int, *fields: Field) -> bytes:
    directory = IMAGE.having(
        Field(Tag.PhotometricInterpretation, "SHORT", photometric),
        Field(Tag.BitsPerSample, "SHORT", [bits] * samples),
        Field(Tag.SamplesPerPixel, "SHORT", samples),
        *fields,
    )
    return make_tiff([directory])


def extra(*codes: int) -> Field:
    return Field(Tag.ExtraSamples, "SHORT", codes)


PALETTE = Field(Tag.ColorMap, "SHORT", [0] * 3 * 256)


@pytest.mark.parametrize(
    ("photometric", "bits", "samples", "fields"),
    [
        (0, 8, 1, []),
        (0, 16, 1, []),
        (0, 32, 1, []),
        (0, 1, 1, []),
        (1, 1, 1, []),
        (1, 8, 1, []),
        (1, 8, 2, [extra(2)]),
        (1, 8, 2, [extra(1)]),
        (1, 8, 2, [extra(0)]),
        (1, 8, 5, [extra(0, 0, 2, 0)]),
        (1, 8, 3, []),
        (1, 8, 1, [PALETTE]),
        (2, 8, 3, []),
        (2, 8, 4, [extra(2)]),
        (2, 8, 4, []),
        (2, 8, 5, [extra(0, 2)]),
        (2, 16, 3, []),
        (3, 8, 1, [PALETTE]),
        (3, 8, 2, [PALETTE, extra(2)]),
    ],
)
def test_colours_are_those_of_gdal(photometric, bits, samples, fields):
    data = coloured(photometric, bits, samples, *fields)
    with in_rasterio(data) as dataset:
        expected = [c.name for c in dataset.colorinterp]
    assert colour_names(read_pyramid(data).levels[0]) == expected


@pytest.mark.parametrize(
    ("photometric", "samples", "expected"),
    [
        (5, 4, ["cyan", "magenta", "yellow", "black"]),
        (5, 5, ["cyan", "magenta", "yellow", "black", "alpha"]),
        (6, 3, ["red", "green", "blue"]),
        (8, 3, ["undefined", "undefined", "undefined"]),
        (2, 2, ["red", "green"]),
        (3, 1, ["gray"]),
    ],
)
def test_samples_have_names_where_gdal_gives_no_samples(photometric, samples, expected):
    fields = [extra(2)] if samples == 5 else []
    assert (
        colour_names(read_pyramid(coloured(photometric, 8, samples, *fields)).levels[0]) == expected
    )


@pytest.mark.parametrize("colour", list(ColorInterp), ids=lambda colour: colour.name)
def test_every_colour_that_rasterio_writes_is_read(colour):
    data = written(colorinterp=[colour, ColorInterp.undefined])
    with in_rasterio(data) as dataset:
        expected = tuple(c.name for c in dataset.colorinterp)
    assert read_geo(data)[1].colorinterp == expected


def test_names_of_gdal_are_those_of_rasterio():
    assert colour_of_gdal("YCbCr_Cb") == "Cb"
    assert colour_of_gdal("Gray") == "gray"
    assert colour_of_gdal("SAR_Ka") == "sar_ka"


def test_hostile_numbers_do_not_warn():
    fields = [
        Field(Tag.XResolution, "DOUBLE", [1e300]),
        Field(Tag.YResolution, "DOUBLE", [math.nan]),
    ]
    assert metadata_of(*fields).tags() == {
        "TIFFTAG_XRESOLUTION": "inf",
        "TIFFTAG_YRESOLUTION": "0",
    }


def test_metadata_is_read_for_the_image_alone():
    directory = Directory([*IMAGE.fields]).having(TIEPOINT, *key_fields({GeoKey.GTModelType: 2}))
    assert read_geo(make_tiff([directory, IMAGE]))[1].tags() == {}


@pytest.mark.parametrize("number", ["nan", "inf", "-Infinity", "1e999", "1.#QNAN", "much"])
def test_a_scale_that_is_no_finite_number_is_a_finding(number):
    text = f"<GDALMetadata><Item name='S' sample='0' role='scale'>{number}</Item></GDALMetadata>"
    metadata = read_geo(geo_tiff({}, Field(Tag.GDALMetadata, "ASCII", text)))[1]
    assert math.isnan(metadata.scales[0])
    assert rules(metadata) == {"gdal.metadata.items"}


# --- domains that repeat other tags --------------------------------------------------------------

DECODED = {"JPEG_QUALITY", "JPEGTABLESMODE", "WEBP_LEVEL", "LERC_VERSION", "MAX_Z_ERROR"}
"""Items that GDAL finds out by decoding tiles."""
REVERSIBLE = "COMPRESSION_REVERSIBILITY"


@pytest.mark.parametrize("path", sorted(FILES.glob("*.tif")), ids=lambda path: path.stem)
async def test_domains_are_those_of_rasterio(path):
    cog = await tinycog.open(path)
    try:
        with in_rasterio(str(path)) as dataset:
            structure = dataset.tags(ns="IMAGE_STRUCTURE")
            bands = [dataset.tags(band, ns="IMAGE_STRUCTURE") for band in dataset.indexes]
            rpcs = dataset.tags(ns="RPC")
    except RasterioIOError:
        pytest.skip("GDAL here has no such codec")
    ours = cog.tags(ns="IMAGE_STRUCTURE")
    known = {name: text for name, text in structure.items() if name not in {*DECODED, REVERSIBLE}}
    assert {name: text for name, text in ours.items() if name in known} == known
    assert ours.keys() - known.keys() <= {*DECODED, REVERSIBLE}
    # GDAL 3.11 and newer know dtypes of 16 bits, and tell of premultiplied alpha
    newer = {("NBITS", "16")} if cog.dtype == np.float16 else {("ALPHA", "PREMULTIPLIED")}
    for band, theirs in enumerate(bands):
        found = cog.tags(band, ns="IMAGE_STRUCTURE")
        assert found == theirs or set(found.items()) ^ set(theirs.items()) == newer
    assert cog.tags(ns="RPC") == rpcs
