"""STAC to assets and back: each way of saying a thing, and what contradicts itself."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from affine import Affine
from collection_files import SIDE, cog_of, pixels_of

import tinycog
from tinycog.testing import RangeServer

TRANSFORM = [10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0]
ITEM: dict[str, Any] = {
    "type": "Feature",
    "stac_version": "1.1.0",
    "id": "scene",
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[15, 45.1], [15.1, 45.1], [15.1, 45.2], [15, 45.2], [15, 45.1]]],
    },
    "bbox": [15, 45.1, 15.1, 45.2],
    "collection": "scenes",
    "properties": {
        "datetime": "2024-05-06T07:08:09Z",
        "proj:code": "EPSG:32633",
        "proj:shape": [SIDE, SIDE],
        "proj:transform": TRANSFORM,
        "eo:cloud_cover": 12.5,
        "gone": None,
    },
    "links": [],
    "assets": {
        "red": {
            "href": "https://example.com/scene/red.tif",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "bands": [{"name": "B04", "data_type": "uint16", "nodata": 0}],
        },
        "thumbnail": {"href": "https://example.com/scene/t.png", "type": "image/png"},
    },
}


def item(asset=None, properties=None, **fields):
    made = copy.deepcopy(ITEM)
    made["assets"]["red"].update(asset or {})
    made["properties"].update(properties or {})
    return {**made, **fields}


async def only(given, **options):
    (asset,) = await tinycog.Collection.from_stac(given, **options)
    return asset


async def test_what_an_item_says_is_known_without_a_request():
    asset = await only(ITEM)
    assert (asset.name, asset.where) == ("scene/red", "https://example.com/scene/red.tif")
    assert (asset.crs, asset.shape) == ("EPSG:32633", (SIDE, SIDE))
    assert asset.transform == Affine(*TRANSFORM)
    assert asset.resolution == (10, 10)
    assert (asset.bands, asset.dtype, asset.nodata) == (("B04",), "uint16", 0)
    assert asset.bounds == (15, 45.1, 15.1, 45.2)
    assert asset.geometry == ITEM["geometry"]
    assert asset.start == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert asset.properties["eo:cloud_cover"] == 12.5
    assert [asset.properties[key] for key in ("item", "asset", "collection")] == [
        *("scene", "red", "scenes")
    ]
    assert "gone" not in asset.properties
    assert (asset.snapshot, asset.generation) == (None, None)


@pytest.mark.parametrize(
    ("asset", "properties", "crs"),
    [
        ({}, {"proj:code": None, "proj:epsg": 32634}, "EPSG:32634"),
        ({"proj:epsg": 32635}, {}, "EPSG:32635"),
        ({"proj:code": "IAU_2015:30100"}, {}, "IAU_2015:30100"),
        ({}, {"proj:code": None, "proj:wkt2": "WKT"}, "WKT"),
        ({"proj:wkt2": "WKT"}, {}, "WKT"),
        ({}, {"proj:code": None, "proj:projjson": {"a": 1}}, '{"a": 1}'),
        ({}, {"proj:code": None}, None),
        ({"proj:code": None}, {}, "EPSG:32633"),
    ],
)
async def test_the_crs_of_an_asset_goes_before_the_items(asset, properties, crs):
    assert (await only(item(asset, properties))).crs == crs


BOX = [500_000, 5_000_000 - 10 * SIDE, 500_000 + 10 * SIDE, 5_000_000]


@pytest.mark.parametrize(
    ("asset", "properties", "expected"),
    [
        ({}, {"proj:transform": [*TRANSFORM, 0, 0, 1]}, TRANSFORM),
        ({"proj:transform": [20.0, 0, 1, 0, -20.0, 2]}, {}, [20.0, 0, 1, 0, -20.0, 2]),
        ({}, {"proj:transform": None}, None),
        ({}, {"proj:transform": TRANSFORM[:5]}, None),
        ({}, {"proj:transform": ["a"] * 6}, None),
        ({}, {"proj:transform": [0.0] * 6}, None),
        ({}, {"proj:bbox": BOX}, TRANSFORM),
        # centres of pixels in place of corners; GDAL's order of the numbers; another shape
        ({}, {"proj:bbox": BOX, "proj:transform": [10, 0, 500_005, 0, -10, 4_999_995]}, None),
        ({}, {"proj:bbox": BOX, "proj:transform": [500_000, 10, 0, 5e6, 0, -10]}, None),
        ({"proj:shape": [SIDE, SIDE + 1]}, {"proj:bbox": BOX}, None),
    ],
)
async def test_a_transform_that_is_absent_or_contradicted_is_not_known(asset, properties, expected):
    found = await only(item(asset, properties))
    assert found.transform == (None if expected is None else Affine(*expected))
    assert (found.resolution is None) == (expected is None)


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        ({"bands": [{"nodata": "nan"}] * 2}, "nan"),
        ({"bands": [{"nodata": "-inf"}]}, "-inf"),
        ({"bands": [{"nodata": 1}, {"nodata": 2}], "nodata": 3}, "None"),
        ({"bands": [{"name": "a"}], "nodata": 3}, "3"),
        ({"bands": None, "raster:bands": [{"nodata": 7, "data_type": "int8"}]}, "7"),
        ({"bands": [{"nodata": "oops"}]}, "None"),
        ({"bands": None}, "None"),
    ],
)
async def test_nodata_is_that_of_all_bands_or_not_known(asset, expected):
    assert str((await only(item(asset))).nodata).replace(".0", "") == expected


@pytest.mark.parametrize(
    ("given", "dtype"),
    [("float32", "float32"), ("cfloat64", "complex128"), ("other", None), ("cint16", None)],
)
async def test_types_of_samples_have_numpys_names(given, dtype):
    assert (await only(item({"bands": [{"data_type": given}]}))).dtype == dtype


@pytest.mark.parametrize(
    ("properties", "start", "end"),
    [
        ({"datetime": "2024-01-02T03:04:05"}, (2024, 1, 2, 3, 4, 5), None),
        ({"datetime": "2024-01-02T03:04:05.123456789+02:00"}, (2024, 1, 2, 1, 4, 5, 123456), None),
        (
            {
                "datetime": None,
                "start_datetime": "2024-01-01T00:00:00Z",
                "end_datetime": "2024-02-01",
            },
            (2024, 1, 1),
            (2024, 2, 1),
        ),
        ({"datetime": None}, None, None),
    ],
)
async def test_times(properties, start, end):
    found = await only(item(properties=properties))
    assert found.start == (None if start is None else datetime(*start, tzinfo=UTC))
    assert found.end == (None if end is None else datetime(*end, tzinfo=UTC))


async def test_the_time_of_an_asset_goes_before_the_items():
    found = await only(item({"datetime": "2020-01-01T00:00:00Z"}))
    assert found.start == datetime(2020, 1, 1, tzinfo=UTC)


async def test_a_place_that_no_bbox_tells_follows_from_the_grid():
    made = item(geometry=None)
    del made["bbox"]
    found = await only(made)
    assert found.bounds is not None
    west, south, east, north = found.bounds
    assert west == pytest.approx(15, abs=1e-4)
    assert (east - west, north - south) == pytest.approx((0.038, 0.027), abs=2e-3)
    assert found.geometry is not None
    assert found.geometry["type"] == "Polygon"
    heights = await only(item(bbox=[1, 2, -100, 3, 4, 100]))
    assert heights.bounds == (1, 2, 3, 4)


# --- which assets, which items -------------------------------------------------------------------


async def test_assets_are_chosen_by_name_or_those_that_are_tiffs():
    made = item()
    made["assets"]["nir"] = {"href": "https://example.com/scene/nir.TIFF?a=b"}
    found = await tinycog.Collection.from_stac([made, made])
    assert [one.name for one in found] == ["scene/red", "scene/nir"] * 2
    found = await tinycog.Collection.from_stac(made, assets=["nir", "red"])
    assert [one.name for one in found] == ["scene/nir", "scene/red"]
    assert (await only(made, assets="thumbnail")).name == "scene/thumbnail"
    with pytest.raises(tinycog.UsageError, match="no asset 'blue'"):
        await tinycog.Collection.from_stac(made, assets="blue")
    kept = await tinycog.Collection.from_stac([ITEM, made], assets="nir", errors="keep")
    assert [one.name for one in kept] == ["scene/nir"]
    assert [one.name for one in kept.failed] == ["scene"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"type": "Catalog"}, "'Catalog'"),
        ({"type": "Feature", "properties": {}}, "'Feature'"),
        (
            {"type": "FeatureCollection", "features": [ITEM], "links": [{"rel": "next"}]},
            "one page of several",
        ),
        (5, "expected STAC items"),
        (item({"href": "./red.tif"}), "is relative"),
        (item(properties={"datetime": "then"}), "datetime of asset 'scene/red'"),
    ],
)
async def test_what_is_no_item_is_refused(given, text):
    with pytest.raises(tinycog.UsageError, match=text):
        await tinycog.Collection.from_stac(given)


async def test_items_come_from_files_and_urls_with_relative_links(tmp_path):
    made = item({"href": "./0.tif"})
    (tmp_path / "0.tif").write_bytes(cog_of(0))
    (tmp_path / "item.json").write_text(json.dumps(made))
    found = await only(tmp_path / "item.json", read_headers=True)
    assert found.where == str(tmp_path / "0.tif")
    assert np.array_equal((await found.open().read()).data, pixels_of(0))

    files = {"a/item.json": json.dumps(made).encode(), "a/0.tif": cog_of(0)}
    async with RangeServer(files) as server:
        found = await only(server.url("a/item.json"))
        assert found.where == server.url("a/0.tif")
        assert len(server.log) == 1
        assert np.array_equal((await found.open().read()).data, pixels_of(0))
        linked = item({"href": "0.tif"}, links=[{"rel": "self", "href": server.url("a/i.json")}])
        assert (await only(linked)).where == server.url("a/0.tif")
    (tmp_path / "text.json").write_text("no json")
    with pytest.raises(tinycog.UsageError, match="no JSON"):
        await only(tmp_path / "text.json")


async def test_headers_are_read_where_that_is_wanted():
    async with RangeServer({"0.tif": cog_of(0)}) as server:
        made = item({"href": server.url("0.tif")}, {"proj:code": "EPSG:32699"})
        bare = await tinycog.Collection.from_stac(made)
        assert not server.log
        told = await bare.read_headers()
        at_once = await tinycog.Collection.from_stac(made, read_headers=True)
        assert list(told) == list(at_once)
        (asset,) = told
        assert asset.crs == "EPSG:32633"  # the file's
        assert asset.snapshot is not None
        assert asset.properties == bare[0].properties
        assert asset.start == bare[0].start
        server.clear()
        assert list(await told.read_headers()) == list(told)
        await asset.open().read_tile(0, 0, 0)
        assert len(server.log) == 1


# --- the way back --------------------------------------------------------------------------------


async def collection():
    async with RangeServer({f"{i}.tif": cog_of(i) for i in range(3)}) as server:
        return await tinycog.Collection.from_urls(
            [server.url(f"{i}.tif") for i in range(3)],
            times=[datetime(2024, 1, 1 + i, tzinfo=UTC) for i in range(2)]
            + [("2024-01-01", datetime(2024, 2, 1, 2, tzinfo=timezone(timedelta(hours=2))))],
            properties=[{"n": i, "text": "a"} for i in range(3)],
        )


async def test_items_come_back_as_they_were():
    found = await collection()
    document = found.to_stac()
    json.dumps(document, allow_nan=False)
    again = await tinycog.Collection.from_stac(document)
    for one, other in zip(found, again, strict=True):
        assert other.name == f"{one.name}/data"
        for fact in ("where", "bounds", "geometry", "crs", "transform", "shape", "dtype", "nodata"):
            assert getattr(one, fact) == getattr(other, fact), fact
        assert (one.start, one.end or one.start) == (other.start, other.end or other.start)
        assert other.properties["n"] == one.properties["n"]


async def test_items_are_valid():
    pystac = pytest.importorskip("pystac", reason="pystac is not there")
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not there")
    referencing = pytest.importorskip("referencing", reason="referencing is not there")
    local = pytest.importorskip("pystac.validation.local_validator")
    schemas = local.get_local_schema_cache()
    core = next(key for key in schemas if "1.1.0" in key and "item.json" in key)
    contents = referencing.Resource.from_contents
    registry = referencing.Registry().with_resources(
        [(key, contents(schema)) for key, schema in schemas.items()]
    )
    document: Any = (await collection()).to_stac()
    for one in document["features"]:
        validator = jsonschema.Draft7Validator(schemas[core], registry=registry)
        errors = list(validator.iter_errors(one))
        assert errors == []
        assert pystac.Item.from_dict(one).to_dict()["properties"]["n"] in (0, 1, 2)
    objects = pystac.ItemCollection(document["features"])
    assert len(await tinycog.Collection.from_stac(objects)) == 3
    assert len(await tinycog.Collection.from_stac(list(objects))) == 3


async def test_what_cannot_be_an_item_is_refused():
    bare = tinycog.Collection([tinycog.Asset("a", "/a.tif")])
    with pytest.raises(tinycog.UsageError, match="'a' has no time"):
        bare.to_stac()
    twice = tinycog.Collection([tinycog.Asset(n, "/", start=_NOW) for n in ("a/b", "a_b")])
    with pytest.raises(tinycog.UsageError, match="two assets are called 'a_b'"):
        twice.to_stac()


_NOW = datetime(2024, 1, 1, tzinfo=UTC)


# --- tables --------------------------------------------------------------------------------------


async def test_a_table_of_items_is_read(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow, of the extra collections, is not there")
    pytest.importorskip("shapely", reason="shapely, of the extra collections, is not there")
    found = await collection()
    path = tmp_path / "a.parquet"
    found.save(path)
    again = tinycog.Collection.from_stac_geoparquet(path)
    for one, other in zip(found, again, strict=True):
        assert (other.name, other.where) == (f"{one.name}/data", one.where)
        for fact in ("bounds", "crs", "transform", "shape", "dtype", "nodata", "start"):
            assert getattr(one, fact) == getattr(other, fact), fact
        assert other.properties["n"] == one.properties["n"]
    with pytest.raises(tinycog.UsageError, match="no Parquet file"):
        tinycog.Collection.from_stac_geoparquet(__file__)


async def test_a_geodataframe_goes_there_and_back(tmp_path):
    geopandas = pytest.importorskip("geopandas", reason="geopandas is not there")
    found = await collection()
    frame: Any = found.to_geodataframe()
    assert list(frame.n) == [0, 1, 2]
    again = tinycog.Collection.from_geodataframe(frame[frame.n > 0])
    assert list(again) == list(found[1:])

    pytest.importorskip("pyarrow", reason="pyarrow, of the extra collections, is not there")
    found.save(tmp_path / "a.parquet")
    table = geopandas.read_parquet(tmp_path / "a.parquet")
    assert table.crs.to_authority() == ("OGC", "CRS84")
    assert table.geometry.is_valid.all()
    assert list(table.n) == [0, 1, 2]


def test_a_geodataframe_of_others_gives_assets():
    geopandas = pytest.importorskip("geopandas", reason="geopandas is not there")
    box = pytest.importorskip("shapely.geometry").box
    frame = geopandas.GeoDataFrame(
        {
            "url": ["/a/x.tif", "/b/y.tif"],
            "datetime": ["2024-01-01", None],
            "cloud": [3.5, np.nan],
            "n": [1, 2],
        },
        geometry=[box(500_000, 5_000_000, 501_000, 5_001_000), None],
        crs="EPSG:32633",
    )
    one, other = tinycog.Collection.from_geodataframe(frame, where="url")
    assert (one.name, one.where) == ("x", "/a/x.tif")
    assert one.properties == {"cloud": 3.5, "n": 1}
    assert one.bounds == pytest.approx((15, 45.15, 15.0127, 45.162), abs=1e-2)
    assert one.start == _NOW
    assert (other.properties, other.bounds, other.start) == ({"n": 2}, None, None)
    with pytest.raises(tinycog.UsageError, match="no column 'href'"):
        tinycog.Collection.from_geodataframe(frame, where="href")


async def test_an_argument_that_there_is_not_is_told():
    with pytest.raises(TypeError, match="unexpected keyword argument 'asset'"):
        await tinycog.Collection.from_stac([], asset="red")  # type: ignore[call-arg]
