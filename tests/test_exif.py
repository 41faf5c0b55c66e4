"""Items of the domain EXIF, against GDAL; the IFDs below an Exif IFD by name."""

from typing import Any

import numpy as np
import pytest
from geo_files import in_rasterio

import tinycog
from tinycog.errors import UsageError
from tinycog.testing import Directory, Field, Layout, Places, make_image, make_tiff
from tinycog.tiff.exif import ExifTag, GpsTag, InteroperabilityTag
from tinycog.tiff.spec import Tag

EXIF = Directory(
    [
        Field(ExifTag.ExposureTime, "RATIONAL", [(1, 250)]),
        Field(ExifTag.FNumber, "RATIONAL", [(14, 5)]),
        Field(ExifTag.PhotographicSensitivity, "SHORT", [100, 200]),
        Field(ExifTag.RecommendedExposureIndex, "LONG", 4_000_000_000),
        Field(ExifTag.ExifVersion, "UNDEFINED", b"0230"),
        Field(ExifTag.DateTimeOriginal, "ASCII", "2020:01:02 03:04:05"),
        Field(ExifTag.ComponentsConfiguration, "UNDEFINED", b"\1\2\3\0"),
        Field(ExifTag.ShutterSpeedValue, "SRATIONAL", [(-7, 3)]),
        Field(ExifTag.ExposureBiasValue, "SRATIONAL", [(0, 3)]),
        Field(ExifTag.FocalLength, "RATIONAL", [(3, 0)]),
        Field(ExifTag.SubjectArea, "SHORT", [1, 2, 3]),
        Field(ExifTag.MakerNote, "UNDEFINED", b"maker\0x   "),
        Field(ExifTag.UserComment, "UNDEFINED", b"ASCII\0\0\0hello  there \0\0"),
        Field(ExifTag.SubsecTimeOriginal, "ASCII", b"12 \0x \0"),
        Field(ExifTag.Humidity, "RATIONAL", [(1, 2)]),
        Field(ExifTag.FlashPixVersion, "UNDEFINED", b"0100"),
        Field(ExifTag.PixelXDimension, "LONG", 8),
        Field(ExifTag.FocalPlaneXResolution, "FLOAT", [1.5, 2e-9]),
        Field(ExifTag.FocalPlaneYResolution, "DOUBLE", [1e300, np.inf, np.nan, 123456789.0]),
        Field(ExifTag.SubjectLocation, "SSHORT", [-5, 4]),
        Field(ExifTag.FileSource, "UNDEFINED", b"\3"),
        Field(ExifTag.CFAPattern, "SBYTE", [-1, 1, 2, 3, 4]),
        Field(ExifTag.ExposureMode, "SLONG", -70000),
        Field(ExifTag.ImageUniqueID, "ASCII", "  around  "),
        Field(ExifTag.LensSpecification, "RATIONAL", [(24, 1), (70, 1), (28, 10), (28, 10)]),
        Field(ExifTag.LensModel, "ASCII", "µm lens"),
        Field(50708, "ASCII", "a camera"),
        Field(60000, "SHORT", 5),
    ]
)
GPS = Directory(
    [
        Field(GpsTag.GPSVersionID, "BYTE", b"\2\3\0\0"),
        Field(GpsTag.GPSLatitudeRef, "ASCII", "N"),
        Field(GpsTag.GPSLatitude, "RATIONAL", [(48, 1), (12, 1), (305, 10)]),
        Field(GpsTag.GPSProcessingMethod, "UNDEFINED", b"ASCII\0\0\0GPS"),
        Field(GpsTag.GPSHPositioningError, "RATIONAL", [(1, 7)]),
        Field(Tag.Make, "ASCII", "a maker"),
    ]
)


def pointing(tag, below, *, layout: Any = "ifds-first", **options):
    """A file whose only image points to an IFD that is no image."""
    image = make_image(
        np.zeros((1, 8, 8), np.uint8), byte_order=options.get("byte_order", "<")
    ).having(Field(tag, "OFFSET", Places.SUB_IFDS))
    directory = Directory(image.fields, image.tiles, (below,), image.link)
    return make_tiff([directory], layout=layout, **options)


def with_field(*fields):
    return make_tiff([make_image(np.zeros((1, 8, 8), np.uint8), extra=fields)])


def in_gdal(data):
    with in_rasterio(data) as dataset:
        return dataset.tags(ns="EXIF")


async def items_of(data):
    cog = await tinycog.open(data)
    return cog.tags(ns="EXIF"), {finding.rule for finding in cog.findings}


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize(("tag", "below"), [(Tag.ExifIFD, EXIF), (Tag.GPSIFD, GPS)])
async def test_items_are_those_of_gdal(tag, below, byte_order):
    data = pointing(tag, below, byte_order=byte_order)
    found, rules = await items_of(data)
    assert found == in_gdal(data)
    assert len(found) == len(below.fields) - (2 if below is EXIF else 0)
    assert not rules
    big = pointing(tag, below, byte_order=byte_order, big=True)
    assert await items_of(big) == (found, set())  # GDAL takes it for a classic IFD


async def test_names_are_those_of_gdal():
    numbers = [*range(1300), *range(33400, 35000), *range(36800, 38000), *range(40900, 42300)]
    pointers = {Tag.ExifIFD, Tag.GPSIFD, ExifTag.InteroperabilityIFD}
    for tag in (Tag.ExifIFD, Tag.GPSIFD):
        for start in range(0, len(numbers), 125):
            chosen = [n for n in numbers[start : start + 125] if n not in pointers]
            data = pointing(tag, Directory([Field(n, "SHORT", n % 7) for n in chosen]))
            assert (await items_of(data))[0] == in_gdal(data), (tag, chosen[0])


async def test_both_ifds_and_other_domains_are_apart():
    image = make_image(np.zeros((1, 8, 8), np.uint8))
    pointers = [Field(tag, "LONG", Places.SUB_IFDS) for tag in (Tag.ExifIFD, Tag.GPSIFD)]
    listed = image.having(*pointers)
    first = make_tiff([Directory(listed.fields, listed.tiles, (GPS,), listed.link)])
    cog = await tinycog.open(first)  # both point to it
    assert cog.tags(ns="EXIF") == in_gdal(first)
    assert "EXIF_GPSLatitude" not in cog.tags()
    assert cog.tags(0, ns="EXIF") == {}
    assert (await tinycog.open(with_field())).tags(ns="EXIF") == {}


WRONG = {
    "beyond": with_field(Field(Tag.ExifIFD, "LONG", 99999)),
    "text": with_field(Field(Tag.ExifIFD, "ASCII", "abc")),
    "bytes": with_field(Field(Tag.ExifIFD, "UNDEFINED", b"\x08")),
    "two": with_field(Field(Tag.ExifIFD, "LONG", [8, 8])),
    "none": with_field(Field(Tag.ExifIFD, "LONG", 0)),
    "negative": with_field(Field(Tag.ExifIFD, "SLONG", -8)),
    "fraction": with_field(Field(Tag.ExifIFD, "DOUBLE", 8.0)),
    "lost": with_field(Field(Tag.ExifIFD, "LONG", [8, 8], place=1 << 28)),
    "126": pointing(Tag.ExifIFD, Directory([Field(n, "SHORT", 1) for n in range(33400, 33526)])),
    "5000": pointing(Tag.ExifIFD, Directory([Field(n, "SHORT", 1) for n in range(33400, 38400)])),
    "empty": pointing(Tag.ExifIFD, Directory([])),
    "long": pointing(Tag.ExifIFD, Directory([Field(ExifTag.MakerNote, "UNDEFINED", b"a" * 70000)])),
    "cut": pointing(
        Tag.ExifIFD,
        Directory(
            [
                Field(ExifTag.MakerNote, "UNDEFINED", b"a" * 20, place=1 << 28),
                Field(ExifTag.FileSource, "UNDEFINED", b"\3"),
            ]
        ),
    ),
    "type": pointing(Tag.ExifIFD, Directory([Field(ExifTag.Flash, "LONG8", 1)])),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_a_finding(name):
    found, rules = await items_of(WRONG[name])
    expected = in_gdal(WRONG[name])
    if name == "cut":  # of bytes that are not there, GDAL tells what its memory held before
        assert "EXIF_MakerNote" not in found
        expected.pop("EXIF_MakerNote", None)
    assert found == expected
    assert rules == {"gdal.metadata.exif"}


async def test_an_exif_ifd_that_is_the_image_is_read_once():
    data = with_field(Field(Tag.ExifIFD, "LONG", 8), Field(Tag.GPSIFD, "LONG", 8))
    found, rules = await items_of(data)
    assert found == in_gdal(data)
    assert found["EXIF_BitsPerSample"] == "8"
    assert not rules


async def test_values_in_too_many_places_are_a_finding():
    fields = [Field(n, "UNDEFINED", b"x" * 8) for n in list(ExifTag)[:40]]
    data = pointing(Tag.ExifIFD, Directory(fields), layout=Layout(gap=1 << 21))
    found, rules = await items_of(data)
    assert found == {}
    assert rules == {"gdal.metadata.exif"}


async def test_tiles_cost_nothing_for_it():
    data = pointing(Tag.ExifIFD, EXIF, layout=Layout("ifds-first", gap=40_000))
    cog = tinycog.open(data)
    await cog.read_tile(0, 0, 0)
    before = len(cog.requests)
    with pytest.raises(UsageError, match="await"):
        cog.tags(ns="EXIF")
    await cog.read(bounds=(0, 0, 8, 8))
    assert len(cog.requests) == before + 1  # its tile
    assert (await cog).tags(ns="EXIF")["EXIF_FNumber"] == "(2.8)"
    again = tinycog.open(data, snapshot=cog.snapshot())
    await again
    assert again.tags(ns="EXIF") == cog.tags(ns="EXIF")
    assert not again.requests


async def test_interoperability_is_within_reach():
    names = dict.fromkeys(InteroperabilityTag, 1)
    below = Directory([Field(tag, "SHORT", value) for tag, value in names.items()])
    exif = Directory(
        [Field(ExifTag.InteroperabilityIFD, "LONG", Places.SUB_IFDS)], sub_ifds=(below,)
    )
    tags = (await tinycog.open(pointing(Tag.ExifIFD, exif))).pages[0].tags
    found = await (await tags.read_ifd("ExifIFD")).read_ifd("InteroperabilityIFD")
    assert await found.read() == {tag.name: (value,) for tag, value in names.items()}


async def test_a_negative_offset_is_none():
    tags = (await tinycog.open(WRONG["negative"])).pages[0].tags
    with pytest.raises(UsageError, match="holds no offset"):
        await tags.read_ifd("ExifIFD")
