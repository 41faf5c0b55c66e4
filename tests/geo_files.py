"""Small georeferenced TIFFs, and what tinycog and rasterio say of them."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyproj
import rasterio
from conftest import LIMITS, Feed
from rasterio.io import MemoryFile

from tinycog.geo.georeference import Georeference
from tinycog.geo.keys import GeoKey
from tinycog.geo.metadata import Metadata
from tinycog.geo.parse import parse_geo
from tinycog.limits import Limits
from tinycog.testing import Directory, Field, make_tiff
from tinycog.tiff.parse import parse_tiff
from tinycog.tiff.pyramid import parse_pyramid
from tinycog.tiff.roles import Pyramid
from tinycog.tiff.spec import Tag

Value = int | float | str | tuple[float, ...]

NAMED_HEIGHTS = frozenset({"gdal__compound_with_VerticalCitationGeoKey_only.tif"})
"""Files whose heights have a name and no code: GDAL 3.12 has the code of EPSG's CRS of that name,
older ones have another name."""

IMAGE = Directory(
    [
        Field(Tag.ImageWidth, "SHORT", 4),
        Field(Tag.ImageLength, "SHORT", 3),
        Field(Tag.BitsPerSample, "SHORT", 8),
        Field(Tag.Compression, "SHORT", 1),
        Field(Tag.PhotometricInterpretation, "SHORT", 1),
        Field(Tag.StripOffsets, "LONG", 8),
        Field(Tag.SamplesPerPixel, "SHORT", 1),
        Field(Tag.RowsPerStrip, "SHORT", 3),
        Field(Tag.StripByteCounts, "LONG", 12),
    ]
)
SCALE = Field(Tag.ModelPixelScale, "DOUBLE", [10.0, 20.0, 0.0])
TIEPOINT = Field(Tag.ModelTiepoint, "DOUBLE", [0.0, 0.0, 0.0, 1000.0, 2000.0, 0.0])


def geo_tiff(keys: Mapping[GeoKey, Value] | None = None, *fields: Field, minor: int = 1) -> bytes:
    """A file of those keys and further fields."""
    return make_tiff([IMAGE.having(*key_fields(keys or {}, minor), *fields)])


def key_fields(keys: Mapping[GeoKey, Value], minor: int = 1) -> list[Field]:
    """The three tags that hold keys."""
    directory: list[int] = [1, 1, minor, len(keys)]
    doubles: list[float] = []
    text = ""
    for key in sorted(keys):
        value = keys[key]
        if isinstance(value, int):
            directory += [key, 0, 1, value]
        elif isinstance(value, str):
            directory += [key, Tag.GeoAsciiParams, len(value.encode()) + 1, len(text.encode())]
            text += value + "|"
        else:
            numbers = value if isinstance(value, tuple) else (value,)
            directory += [key, Tag.GeoDoubleParams, len(numbers), len(doubles)]
            doubles += numbers
    fields = [Field(Tag.GeoKeyDirectory, "SHORT", directory)] if keys else []
    fields += [Field(Tag.GeoDoubleParams, "DOUBLE", doubles)] if doubles else []
    fields += [Field(Tag.GeoAsciiParams, "ASCII", text)] if text else []
    return fields


def read_geo(data: bytes, limits: Limits = LIMITS) -> tuple[Georeference, Metadata]:
    """What tinycog reads of the first image of a file."""
    return read_all(data, limits)[:2]


def read_all(data: bytes, limits: Limits = LIMITS) -> tuple[Georeference, Metadata, Pyramid]:
    """The same, with the images of the file."""
    feed = Feed(data)
    tiff = feed.run(parse_tiff(feed.buffer, limits))
    pyramid = feed.run(parse_pyramid(feed.buffer, tiff, limits))
    geo = feed.run(parse_geo(feed.buffer, tiff.header, pyramid.levels[0], limits))
    return (*geo, pyramid)


def rules(found: Georeference | Metadata) -> set[str]:
    """Rules that the findings name."""
    return {finding.rule for finding in found.findings}


@contextmanager
def in_rasterio(data: bytes | str, **options: Any) -> Iterator[Any]:
    """The same file in rasterio, without its warnings."""
    logging.getLogger("rasterio").setLevel(logging.CRITICAL)
    settings: dict[str, Any] = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_PAM_ENABLED": "NO",
    }
    with warnings.catch_warnings(), rasterio.Env(**settings):
        warnings.simplefilter("ignore")
        if isinstance(data, str):
            with rasterio.open(data, **options) as dataset:
                yield dataset
        else:
            with MemoryFile(data) as file, file.open(**options) as dataset:
                yield dataset


def assert_same_crs(ours: pyproj.CRS, wkt: str) -> None:
    """The same CRS, or one that gives the same coordinates to a millimetre."""
    theirs = pyproj.CRS.from_wkt(wkt)
    if ours.equals(theirs, ignore_axis_order=True):
        return
    assert ours.is_compound == theirs.is_compound
    assert ours.is_bound == theirs.is_bound
    assert_same_coordinates(horizontal(ours), horizontal(theirs))


def horizontal(crs: pyproj.CRS) -> pyproj.CRS:
    if crs.is_bound and crs.source_crs is not None:
        return horizontal(crs.source_crs)
    return horizontal(crs.sub_crs_list[0]) if crs.is_compound else crs


def assert_same_coordinates(ours: pyproj.CRS, theirs: pyproj.CRS) -> None:
    assert ours.type_name == theirs.type_name
    if not ours.is_engineering:
        one, other = ours.ellipsoid, theirs.ellipsoid
        assert one is not None
        assert other is not None
        assert math.isclose(one.semi_major_metre, other.semi_major_metre, abs_tol=1e-4)
        assert math.isclose(one.semi_minor_metre, other.semi_minor_metre, abs_tol=1e-4)
    if ours.is_projected:
        assert_same_projection(pyproj.Proj(ours), pyproj.Proj(theirs))
    else:
        assert math.isclose(
            ours.axis_info[0].unit_conversion_factor, theirs.axis_info[0].unit_conversion_factor
        )


def assert_same_projection(ours: pyproj.Proj, theirs: pyproj.Proj) -> None:
    seen = 0
    for longitude in range(-180, 180, 15):
        for latitude in range(-85, 90, 10):
            expected = theirs(longitude, latitude)
            if max(map(abs, expected)) < 1e8:
                seen += 1
                actual = ours(longitude, latitude)
                assert math.dist(actual, expected) < 1e-3, (longitude, latitude)
    assert seen > 5
