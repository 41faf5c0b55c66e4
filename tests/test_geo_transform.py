"""From pixels to the ground: transforms, bounds, levels, control points, RPCs, as GDAL has them."""

from __future__ import annotations

import math
import pickle
from itertools import product

import numpy as np
import pytest
from affine import Affine
from conftest import LIMITS, Feed
from geo_files import IMAGE, SCALE, TIEPOINT, geo_tiff, in_rasterio, key_fields, read_geo, rules
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from tinycog.affine_math import apply, coefficients, invert
from tinycog.errors import UsageError
from tinycog.geo.keys import GeoKey
from tinycog.geo.parse import parse_geo
from tinycog.geo.transform import RPC, BoundingBox, bounds_of, level_transform, res_of
from tinycog.geo.windows import PixelGrid, pixels_of, window_of_bounds
from tinycog.limits import Limits
from tinycog.testing import Field, Layout, make_tiff
from tinycog.tiff.layout import BEYOND
from tinycog.tiff.parse import parse_tiff
from tinycog.tiff.pyramid import parse_pyramid
from tinycog.tiff.spec import Tag

POINT = {GeoKey.GTModelType: 1, GeoKey.GTRasterType: 2}
MATRIX = [2.0, 0.5, 0.0, 100.0, 0.25, -3.0, 0.0, 50.0, *([0.0] * 7), 1.0]


def doubles(tag: Tag, *values: float) -> Field:
    return Field(tag, "DOUBLE", values)


SCALES = {
    "none": None,
    "usual": (10.0, 20.0, 0.0),
    "two": (10.0, 20.0),
    "one": (10.0,),
    "zero": (0.0, 20.0, 0.0),
    "south-up": (10.0, -20.0, 0.0),
    "mirrored": (-10.0, 20.0, 0.0),
}
WITHOUT_PLACE = ("usual", "two", "south-up", "mirrored")
TIEPOINTS = {
    "none": None,
    "one": (0.0, 0.0, 0.0, 1000.0, 2000.0, 0.0),
    "inside": (1.5, 2.5, 3.0, 1000.0, 2000.0, 7.0),
    "two": (0.0, 0.0, 0.0, 1000.0, 2000.0, 0.0, 4.0, 3.0, 0.0, 1040.0, 1940.0, 5.0),
    "torn": (0.0, 0.0, 0.0, 1000.0, 2000.0, 0.0, 4.0, 3.0),
    "short": (0.0, 0.0, 0.0, 1000.0, 2000.0),
}
MATRICES = {"none": None, "usual": tuple(MATRIX), "short": tuple(MATRIX[:12])}


@pytest.mark.parametrize("point", [False, True])
@pytest.mark.parametrize(
    ("scale", "tiepoint", "matrix"), list(product(SCALES, TIEPOINTS, MATRICES))
)
def test_what_the_tags_say_together_is_what_gdal_makes_of_it(scale, tiepoint, matrix, point):
    tags = {
        Tag.ModelPixelScale: SCALES[scale],
        Tag.ModelTiepoint: TIEPOINTS[tiepoint],
        Tag.ModelTransformation: MATRICES[matrix],
    }
    fields = [doubles(tag, *values) for tag, values in tags.items() if values is not None]
    data = geo_tiff(POINT if point else None, *fields)

    actual = read_geo(data)[0]

    with in_rasterio(data) as dataset:
        if scale in WITHOUT_PLACE and tiepoint in ("none", "short"):
            # GDAL says that there is none; rasterio gives what GDAL has written until then.
            assert not actual.has_transform
        else:
            assert actual.transform == dataset.transform
            assert bounds_of(actual.transform, 4, 3) == dataset.bounds
            assert res_of(actual.transform) == pytest.approx(dataset.res)
        assert actual.has_transform or actual.transform == Affine.identity()
        points = [(p.row, p.col, p.x, p.y, p.z, p.id) for p in dataset.gcps[0]]
        assert [tuple(point) for point in actual.gcps] == points


@pytest.mark.parametrize(
    "transform",
    [
        Affine(10, 0, 500, 0, -20, 900),
        Affine(10, 0, 500, 0, 20, 900),
        Affine(-10, 0, 500, 0, -20, 900),
        Affine(0, 10, 500, 20, 0, 900),
        Affine(1.7, 1.5, 500, 1.0, -2.6, 900),
    ],
)
@pytest.mark.parametrize("area_or_point", ["Area", "Point"])
def test_what_rasterio_writes_has_its_transform(transform, area_or_point):
    profile = {"driver": "GTiff", "width": 103, "height": 71, "count": 1, "dtype": "uint8"}
    with MemoryFile() as file, in_rasterio_settings():
        with file.open(**profile, transform=transform, crs="EPSG:32631") as dataset:
            dataset.update_tags(AREA_OR_POINT=area_or_point)
            dataset.write(np.zeros((1, 71, 103), "uint8"))
            dataset.build_overviews([2, 5])
        data = bytes(file.getbuffer())
    actual = read_geo(data)[0]
    with in_rasterio(data) as dataset:
        assert actual.transform == pytest.approx(dataset.transform)
        assert bounds_of(actual.transform, 103, 71) == pytest.approx(dataset.bounds)
        assert actual.area_or_point == area_or_point
    for i, size in enumerate([(52, 36), (21, 15)]):
        with in_rasterio(data, OVERVIEW_LEVEL=i) as level:
            assert level_transform(actual.transform, (103, 71), size) == pytest.approx(
                level.transform
            )


def in_rasterio_settings():
    import rasterio  # noqa: PLC0415 - for this alone

    return rasterio.Env(GDAL_PAM_ENABLED="NO")


def test_a_file_without_tags_lies_in_a_plane_of_its_pixels():
    actual = read_geo(geo_tiff())[0]
    assert actual.transform == Affine.identity()
    assert not actual.has_transform
    assert actual.crs is None
    assert actual.area_or_point is None
    assert actual.rpcs is None
    assert (len(actual.keys), actual.gcps, actual.findings) == (0, (), ())


def test_bounds_are_a_named_box():
    bounds = bounds_of(Affine(10, 0, 500, 0, -20, 900), 4, 3)
    assert bounds == BoundingBox(left=500, bottom=840, right=540, top=900)


def test_pixels_of_a_level_are_as_much_larger_as_it_is_smaller_in_each_direction():
    transform = level_transform(Affine(10, 0, 500, 0, -20, 900), (1103, 1301), (551, 650))
    assert transform.a == pytest.approx(20.018149, abs=1e-6)
    assert transform.e == pytest.approx(-40.030769, abs=1e-6)
    assert (transform.c, transform.f) == (500, 900)


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        (doubles(Tag.ModelPixelScale, 10.0), "geotiff.model.tags"),
        (doubles(Tag.ModelPixelScale, 0.0, 1.0, 0.0), "geotiff.model.tags"),
        (Field(Tag.ModelTiepoint, "DOUBLE", [0, 0, 0, math.inf, 0, 0]), "geotiff.model.gcps"),
        (doubles(Tag.ModelPixelScale, math.nan, 1.0, 0.0), "geotiff.model.tags"),
        (doubles(Tag.ModelTransformation, 1.0, 2.0), "geotiff.model.tags"),
        (doubles(Tag.ModelTransformation, *[math.inf] * 16), "geotiff.model.tags"),
        (doubles(Tag.ModelPixelScale, 10.0, -20.0, 0.0), "geotiff.model.south-up"),
        (doubles(Tag.RPCCoefficient, 1.0), "geotiff.rpc"),
        (doubles(Tag.RPCCoefficient, *[math.nan] * 92), "geotiff.model.tags"),
        (Field(Tag.ModelPixelScale, "DOUBLE", [1.0], 3, BEYOND), "geotiff.value.lost"),
        (Field(Tag.GeoKeyDirectory, "SHORT", [1], 1 << 24, 8), "geotiff.value.lost"),
    ],
)
def test_what_is_broken_is_a_finding_and_nothing_else(field, rule):
    actual = read_geo(geo_tiff(None, TIEPOINT, field))[0]
    assert rule in rules(actual)
    assert all(map(math.isfinite, actual.transform))
    assert all(finding.ifd is not None for finding in actual.findings)


NAN = math.nan


@pytest.mark.parametrize(
    "fields",
    [
        [SCALE, doubles(Tag.ModelTiepoint, 0, 0, 0, 5e5, 5e6, NAN)],
        [SCALE, doubles(Tag.ModelTiepoint, 0, 0, NAN, 5e5, 5e6, 0)],
        [SCALE, doubles(Tag.ModelTiepoint, 1, 2, 0, 5e5, 5e6, 0, NAN, NAN, 0, 0, 0, 0)],
        [doubles(Tag.ModelPixelScale, 10, 10, NAN), TIEPOINT],
        [doubles(Tag.ModelTransformation, *[10, 2, NAN, 5e5, 3, -10, NAN, 5e6], *[NAN] * 8)],
        [doubles(Tag.ModelTiepoint, 0, 0, NAN, 1, 2, NAN, 4, 0, 0, 5, 6, 0)],
    ],
)
@pytest.mark.parametrize("raster_type", [1, 2])
def test_numbers_that_are_not_used_need_not_be_finite(fields, raster_type):
    keys = {GeoKey.GTModelType: 1, GeoKey.GTRasterType: raster_type, GeoKey.ProjectedCRS: 32631}
    data = geo_tiff(keys, *fields)
    found = read_geo(data)[0]
    with in_rasterio(data) as dataset:
        assert tuple(found.transform) == tuple(dataset.transform)
        expected = [(p.row, p.col, p.x, p.y, str(p.z)) for p in dataset.gcps[0]]
    assert [(p.row, p.col, p.x, p.y, str(p.z)) for p in found.gcps] == expected
    assert found.findings == ()


def test_a_scale_needs_a_tiepoint():
    found = read_geo(geo_tiff(None, SCALE))[0]
    assert not found.has_transform
    assert rules(found) == {"geotiff.model.tags"}


def test_numbers_are_read_from_any_field_type():
    scale = Field(Tag.ModelPixelScale, "FLOAT", [10.0, 20.0])
    tiepoint = Field(Tag.ModelTiepoint, "RATIONAL", [(0, 1), (0, 1), (0, 1), (2001, 2), (9, 3)] * 2)
    data = geo_tiff(None, scale, tiepoint)
    with in_rasterio(data) as dataset:
        assert read_geo(data)[0].transform == dataset.transform


def test_a_value_that_is_too_long_is_left_out():
    georeference = read_geo(geo_tiff(None, SCALE, TIEPOINT), Limits(value_bytes=40))[0]
    assert not georeference.has_transform
    assert rules(georeference) == {"geotiff.value.lost"}


def test_rpcs_are_in_rasterios_words():
    numbers = [float(i) for i in range(1, 93)]
    data = geo_tiff(None, doubles(Tag.RPCCoefficient, *numbers))
    actual = read_geo(data)[0].rpcs
    assert actual is not None
    with in_rasterio(data) as dataset:
        for name in RPC._fields:
            assert getattr(actual, name) == pytest.approx(getattr(dataset.rpcs, name)), name


def test_all_tags_are_asked_for_in_one_step():
    keys = {**POINT, GeoKey.ProjectedCRS: 32631, GeoKey.GTCitation: "far away"}
    directory = IMAGE.having(
        *key_fields(keys), SCALE, TIEPOINT, Field(Tag.GDALMetadata, "ASCII", "<GDALMetadata/>")
    )
    feed = Feed(make_tiff([directory], layout=Layout("values-apart")))
    tiff = feed.run(parse_tiff(feed.buffer, LIMITS))
    pyramid = feed.run(parse_pyramid(feed.buffer, tiff, LIMITS))
    feed.asked.clear()
    feed.run(parse_geo(feed.buffer, tiff.header, pyramid.levels[0], LIMITS))
    assert len(feed.asked) == 1


def test_a_georeference_pickles():
    rpcs = doubles(Tag.RPCCoefficient, *[1.0] * 92)
    keys = {**POINT, GeoKey.ProjectedCRS: 32631, GeoKey.GTCitation: "x"}
    georeference, metadata = read_geo(geo_tiff(keys, SCALE, TIEPOINT, rpcs))
    assert pickle.loads(pickle.dumps(georeference)) == georeference  # noqa: S301 - our own
    assert pickle.loads(pickle.dumps(metadata)) == metadata  # noqa: S301


GEO_TAGS = [Tag.ModelPixelScale, Tag.ModelTiepoint, Tag.ModelTransformation, Tag.GeoKeyDirectory]
GEO_TAGS += [Tag.GeoDoubleParams, Tag.GeoAsciiParams, Tag.RPCCoefficient, Tag.GDALMetadata]
GEO_TAGS += [Tag.XResolution, Tag.ImageDescription, Tag.MinSampleValue]


@given(
    st.lists(
        st.builds(
            Field,
            st.sampled_from(GEO_TAGS),
            st.sampled_from([*range(1, 14), 16, 17, 18, 129]),
            st.binary(max_size=256),
            st.integers(0, 64),
        ),
        max_size=6,
    )
)
def test_whatever_the_tags_hold_they_are_read_or_left_out(fields):
    georeference, metadata = read_geo(geo_tiff(None, *fields))
    assert all(map(math.isfinite, georeference.transform))
    assert len(metadata.scales) == 1
    str(georeference.crs)


def test_an_inverse_leads_back():
    transform = coefficients(Affine(10, 0.5, 500_000, -0.25, -20, 4_000_000))
    x, y = apply(transform, np.array([0.0, 1.5, -3]), np.array([7.25, 0, 2e6]))
    col, row = invert(transform).apply(x, y)
    np.testing.assert_allclose(col, [0, 1.5, -3], atol=1e-6)
    np.testing.assert_allclose(row, [7.25, 0, 2e6], atol=1e-6)


@pytest.mark.parametrize(
    "transform",
    [
        (1, 2, 0, 2, 4, 0),
        (0, 0, 0, 0, 0, 0),
        (1e200, 0, 0, 0, -1e200, 0),
        (math.nan, 0, 0, 0, 1, 0),
    ],
)
def test_pixels_are_not_found_without_an_inverse(transform):
    with pytest.raises(UsageError, match="no inverse"):
        pixels_of(np.zeros((1, 2)), PixelGrid(transform, (4, 3)))
    with pytest.raises(UsageError, match="no inverse"):
        window_of_bounds((0, 0, 1, 1), PixelGrid(transform, (4, 3)), snapped=True)
