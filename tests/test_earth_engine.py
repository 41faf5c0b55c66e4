"""Requests to Earth Engine: what they say, what would be refused, and what is not known."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false
from __future__ import annotations

import json
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from math import inf, nan

import numpy as np
import pytest

import tinycog
import tinycog.sync
from tinycog import earth_engine
from tinycog.earth_engine import CloudFile, ManifestBand
from tinycog.errors import NotFoundError, SourceChangedError, UsageError

URI = "gs://bucket/folder/image.tif#1234567890"


async def image(bands: int = 1, dtype: str = "uint8", **options: object) -> bytes:
    """A COG of 600 x 500 pixels, as Earth Engine wants it by default."""
    pixels = np.add.outer(np.arange(500), np.arange(600)).astype(dtype)
    pixels = np.repeat(pixels[None], bands, 0)
    given = {"profile": "earth-engine", "crs": 32633, "transform": (10, 0, 5e5, 0, -10, 6e6)}
    return (await tinycog.write(bytes, pixels, **(given | options))).data


@pytest.fixture(scope="module")
def good() -> CloudFile:
    return CloudFile(URI, tinycog.sync.run(image()))


async def asset(file: CloudFile, asset_id: str = "users/me/image", **options: object):
    return await earth_engine.create_asset(file, asset_id, **options)


# --- create_asset --------------------------------------------------------------------------------


async def test_the_request_of_the_page(good):
    request = await earth_engine.create_asset(
        good,
        "users/user_folder_name/asset_name",
        properties={"source": "", "version": 1.1, "count": 3},
        start_time="2016-01-01",
        end_time="2016-12-31T15:01:23Z",
    )
    assert request.url == (
        "https://earthengine.googleapis.com/v1alpha/projects/earthengine-legacy/assets"
        "?assetId=users/user_folder_name/asset_name"
    )
    assert request.body == {
        "type": "IMAGE",
        "gcs_location": {"uris": [URI]},
        "properties": {"source": "", "version": 1.1, "count": 3},
        "startTime": "2016-01-01T00:00:00.000000000Z",
        "endTime": "2016-12-31T15:01:23.000000000Z",
    }
    assert json.loads(request.to_json()) == request.body
    assert request.refused == request.advice == ()
    assert request.reports[0].passed


@pytest.mark.parametrize(
    ("asset_id", "project", "path"),
    [
        ("folder/name", "my-ee", "my-ee/assets?assetId=folder/name"),
        ("projects/my-ee/assets/folder/name", None, "my-ee/assets?assetId=folder/name"),
        ("projects/my-ee/assets/name", "my-ee", "my-ee/assets?assetId=name"),
        ("projects/old/name", None, "earthengine-legacy/assets?assetId=projects/old/name"),
    ],
)
async def test_projects_legacy_and_of_the_cloud(good, asset_id, project, path):
    request = await asset(good, asset_id, project=project)
    assert request.url.endswith(f"/projects/{path}")


@pytest.mark.parametrize(
    ("asset_id", "project", "message"),
    [
        ("name", None, "is of no project: give project="),
        ("projects/a/assets/name", "b", "is of the project a, not of b"),
        ("a name", "p", "letters, digits, hyphens and underscores"),
        ("/name", "p", "parted by slashes"),
        ("name?overwrite=1", "p", "letters, digits"),
        ("name", "p/q", "a project is named by"),
    ],
)
async def test_wrong_names_are_refused(good, asset_id, project, message):
    with pytest.raises(UsageError, match=message):
        await asset(good, asset_id, project=project)


@pytest.mark.parametrize(
    ("moment", "milliseconds"),
    [
        ("2016-01-01", 1451606400000),
        (date(2016, 1, 1), 1451606400000),
        (datetime(2016, 1, 1, tzinfo=UTC), 1451606400000),
        (datetime(2016, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 1451606400000),
        ("2016-01-01T00:00:00.024Z", 1451606400024),
        ("2016-01-01T00:00:00.024000000Z", 1451606400024),
        (1451606400000, 1451606400000),
        (-1, -1),
    ],
)
async def test_times_in_properties_are_milliseconds(good, moment, milliseconds):
    for request in (
        await asset(good, time_start=moment),
        await asset(good, properties={"system:time_start": moment}),
    ):
        assert request.body["properties"] == {"system:time_start": milliseconds}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_start": datetime(2016, 1, 1)}, "time_start has no time zone"),  # noqa: DTZ001
        ({"start_time": "2016-01-01T10:00:00"}, "no time zone"),
        ({"start_time": "yesterday"}, "start_time is a date, a time with a zone"),
        ({"start_time": True}, "not True"),
        ({"start_time": 1.5}, "milliseconds since 1970 as an integer"),
        ({"start_time": 10**17}, "milliseconds since 1970"),
        ({"start_time": "2016-01-01T00:00:00.1234567Z"}, "finer than microseconds"),
        ({"time_start": "2016-01-01T00:00:00.0001Z"}, "in whole milliseconds"),
        ({"start_time": "2016-02-01", "end_time": "2016-01-01"}, "lies before the start"),
        ({"time_start": 2, "time_end": 1}, "lies before the start"),
        ({"time_start": 1, "properties": {"system:time_start": 1}}, "given twice"),
        ({"properties": {"system:time_end": 0.5}}, "system:time_end"),
        ({"properties": {"a": None}}, "the property 'a' is a string or a finite number, not None"),
        ({"properties": {"a": True}}, "not True"),
        ({"properties": {"a": nan}}, "not nan"),
        ({"properties": {"a": inf}}, "not inf"),
        ({"properties": {"a": 2**53 + 1}}, "give a string"),
        ({"properties": {"a": [1]}}, "not \\[1\\]"),
        ({"properties": {"": 1}}, "the name of a property"),
    ],
)
async def test_what_earth_engine_cannot_take_is_refused(good, options, message):
    with pytest.raises(UsageError, match=message):
        await asset(good, **options)


@pytest.mark.parametrize("uri", ["image.tif", "s3://bucket/a.tif", "gs://bucket", "gs://b/o#x", ""])
def test_uris_are_of_cloud_storage(uri):
    with pytest.raises(UsageError, match=r"expected gs://bucket/object or gs://bucket/object#gen"):
        CloudFile(uri)
    with pytest.raises(UsageError):
        earth_engine.load_failure(uri)


def test_the_failure_is_told_in_earth_engines_words():
    text = "Failed to load the GeoTIFF at gs://my-bucket/my-object#123456"
    assert earth_engine.load_failure("gs://my-bucket/my-object#123456") == text


async def test_what_would_be_refused_is_told():
    request = await asset(CloudFile(URI, await image(blocksize=2048)))
    (refused, *_) = request.refused
    assert "tiles of 2048 by 2048 pixels, not squares of 16, 32, 64" in refused
    assert "would be refused:\n  " in str(request)
    request = await asset(CloudFile(URI, b"no TIFF"))
    assert "not a TIFF" in request.refused[0]
    assert "[file/readable]" in request.refused[0]


async def test_what_is_only_worse_is_advice():
    request = await asset(CloudFile(URI, await image(blocksize=512, profile="default")))
    assert request.refused == ()
    assert any("tiles of 512 by 512 pixels, not squares of 256" in text for text in request.advice)
    assert "might be better:" in str(request)


async def test_what_cannot_be_known_is_told(good):
    request = await asset(good)
    text = "\n".join(request.unknown)
    assert "whether the object may be read by Earth Engine" in text
    assert f"whether {URI} holds the bytes that were looked at" in text
    assert "which generation" not in text
    request = await asset(CloudFile("gs://bucket/image.tif", good.where))
    assert any(
        "which generation of gs://bucket/image.tif is taken" in one for one in request.unknown
    )
    differ = await asset(good, start_time="2016-01-01", time_start="2016-01-02")
    assert any("they differ" in one for one in differ.unknown)
    same = await asset(good, start_time="2016-01-01T00:00:00.0001Z", time_start="2016-01-01")
    assert not any("they differ" in one for one in same.unknown)


async def test_a_handle_stays_open_and_must_be_of_cloud_storage(good):
    cog = tinycog.open(good.where)
    await asset(CloudFile(URI, cog))
    await cog.read_tile(0, 0, 0)
    with pytest.raises(UsageError, match=r"is not in Cloud Storage: give CloudFile"):
        await asset(cog)


async def test_requests_are_values(good):
    request = await asset(good)
    assert pickle.loads(pickle.dumps(request)) == request  # noqa: S301 - our own
    assert pickle.loads(pickle.dumps(good)) == good  # noqa: S301 - the same
    assert request == await asset(good)
    assert str(request).startswith(f"POST {request.url}\n{{")


# --- image_manifest ------------------------------------------------------------------------------

NAME = "projects/my-ee/assets/cogdemo1"


async def manifest(tilesets: object, **options: object) -> dict[str, object]:
    request = await earth_engine.image_manifest(tilesets, NAME, **options)
    return request.body["imageManifest"]  # pyright: ignore[reportReturnType]


async def test_the_manifest_of_the_page():
    file = CloudFile("gs://ee-docs-demos/COG_demo.tif", await image(3, profile="default"))
    request = await earth_engine.image_manifest(
        file,
        NAME,
        external=True,
        properties={"version": "1.1"},
        start_time="2016-01-01",
        end_time="2016-12-31T15:01:23Z",
    )
    assert request.url == (
        "https://earthengine.googleapis.com/v1alpha/projects/my-ee/image:importExternal"
    )
    assert request.body == {
        "imageManifest": {
            "name": NAME,
            "tilesets": [{"id": "0", "sources": [{"uris": ["gs://ee-docs-demos/COG_demo.tif"]}]}],
            "properties": {"version": "1.1"},
            "startTime": "2016-01-01T00:00:00.000000000Z",
            "endTime": "2016-12-31T15:01:23.000000000Z",
        },
        "overwrite": False,
    }
    assert request.refused == ()
    assert any("US multi-region" in text for text in request.unknown)


async def test_bands_of_several_tilesets():
    first = CloudFile("gs://bucket/demo/b4b3b2.tif", await image(3))
    second = CloudFile("gs://bucket/demo/b5b6b7.tif", await image(2))
    found = await manifest(
        {"a": first, "b": second},
        external=True,
        uri_prefix="gs://bucket/demo/",
        bands=[
            ManifestBand("red", "a"),
            ManifestBand("edge", "b", 1, missing_data=(0,), pyramiding_policy="MODE"),
        ],
    )
    assert found["uriPrefix"] == "gs://bucket/demo/"
    assert found["tilesets"] == [
        {"id": "a", "sources": [{"uris": ["b4b3b2.tif"]}]},
        {"id": "b", "sources": [{"uris": ["b5b6b7.tif"]}]},
    ]
    assert found["bands"] == [
        {"id": "red", "tilesetId": "a", "tilesetBandIndex": 0},
        {
            "id": "edge",
            "tilesetId": "b",
            "tilesetBandIndex": 1,
            "missingData": {"values": [0]},
            "pyramidingPolicy": "MODE",
        },
    ]


async def test_tiles_of_an_upload_are_sources_of_one_tileset():
    tiles = [
        CloudFile("gs://b/1.tif#1", await image()),
        CloudFile("gs://b/2.tif#2", await image(transform=(10, 0, 506000, 0, -10, 6e6))),
    ]
    request = await earth_engine.image_manifest(tiles, NAME)
    assert request.url.endswith("/projects/my-ee/image:import")
    assert request.body["imageManifest"]["tilesets"] == [
        {"id": "0", "sources": [{"uris": ["gs://b/1.tif#1"]}, {"uris": ["gs://b/2.tif#2"]}]}
    ]
    assert request.refused == ()
    tiles[1] = CloudFile("gs://b/2.tif#2", await image(2, transform=(10, 0, 506000, 0, -10, 6e6)))
    request = await earth_engine.image_manifest(tiles, NAME)
    assert any("[ee/files-bands]" in text for text in request.refused)
    with pytest.raises(UsageError, match="the tileset '0' has several files"):
        await earth_engine.image_manifest(tiles, NAME, external=True)


async def test_masks_and_pyramids(good):
    found = await manifest(
        good, masking="missing-data", missing_data=255, pyramiding_policy="SAMPLE"
    )
    assert found["missingData"] == {"values": [255]}
    assert found["pyramidingPolicy"] == "SAMPLE"
    rgba = CloudFile(URI, await image(4, colorinterp=("red", "green", "blue", "alpha")))
    request = await earth_engine.image_manifest(rgba, NAME, masking="alpha")
    assert request.body["imageManifest"]["maskBands"] == [{"tilesetId": "0"}]
    assert request.refused == ()
    assert any("the last band, which masks" in text for text in request.unknown)
    wide = CloudFile(URI, await image(2, "uint16"))
    request = await earth_engine.image_manifest(wide, NAME, masking="alpha")
    assert "the last band has 16 bits, an alpha band is of uint8" in request.refused[0]
    request = await earth_engine.image_manifest(good, NAME, masking="alpha")
    assert any("a single band cannot mask others" in text for text in request.refused)


async def test_alpha_of_several_tilesets_masks_its_own_bands():
    pair = {"a": CloudFile(URI, await image(2)), "b": CloudFile(URI, await image(2))}
    bands = [ManifestBand("x", "a"), ManifestBand("y", "b")]
    found = await manifest(pair, masking="alpha", bands=bands)
    assert found["maskBands"] == [
        {"tilesetId": "a", "bandIds": ["x"]},
        {"tilesetId": "b", "bandIds": ["y"]},
    ]
    with pytest.raises(UsageError, match="needs bands="):
        await manifest(pair, masking="alpha")


async def test_the_newer_page_has_other_tiles():
    request = await earth_engine.image_manifest(
        CloudFile(URI, await image(blocksize=128)), NAME, external=True
    )
    assert "tiles of 128 by 128 pixels, not squares of 256, 512, 1024, 2048" in request.refused[0]


async def test_a_legacy_name_becomes_that_of_its_project(good):
    request = await earth_engine.image_manifest(good, "users/me/a", project="mine", overwrite=True)
    assert request.body["imageManifest"]["name"] == "projects/earthengine-legacy/assets/users/me/a"
    assert request.url.endswith("/projects/mine/image:import")
    assert request.body["overwrite"] is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"masking": "missing-data"}, "go together"),
        ({"missing_data": 0}, "go together"),
        ({"masking": "none"}, "masking is"),
        ({"masking": "missing-data", "missing_data": nan}, "finite numbers"),
        ({"pyramiding_policy": "AVERAGE"}, "one of MEAN, MIN, MAX, SAMPLE, MODE"),
        ({"properties": {"system:time_start": 0}}, "deprecated in manifests"),
        ({"bands": ["a", "b"]}, "bands 0 to 0"),
        ({"bands": [ManifestBand("a"), ManifestBand("a")]}, "two bands have the name 'a'"),
        ({"bands": [ManifestBand("a", "1")]}, "of one of the tilesets 0"),
        ({"uri_prefix": "gs://other/"}, "does not begin with uri_prefix"),
    ],
)
async def test_wrong_manifests_are_refused(good, options, message):
    with pytest.raises(UsageError, match=message):
        await manifest(good, **options)


async def test_an_asset_is_made_of_files():
    with pytest.raises(UsageError, match="one file at least"):
        await manifest([])
    with pytest.raises(UsageError, match="one file at least"):
        await manifest({"a": []})


# --- where the file is ---------------------------------------------------------------------------


@pytest.mark.stores
async def test_the_generation_that_was_looked_at_is_named(good):
    from store_servers import gs_store  # noqa: PLC0415 - needs its libraries

    with gs_store() as store:
        options = store.options
        number = store.put("a.tif", good.where)
        async with tinycog.open("gs://bucket/a.tif", storage_options=options) as cog:
            request = await earth_engine.create_asset(cog, "users/me/a")
        assert request.body["gcs_location"] == {"uris": [f"gs://bucket/a.tif#{number}"]}
        assert not any("which generation" in one or "copy" in one for one in request.unknown)

        cog = tinycog.open("gs://bucket/a.tif", storage_options=options)
        file = CloudFile("gs://bucket/a.tif#1", cog)
        words = f"Failed to load the GeoTIFF at gs://bucket/a.tif#1: found generation {number}"
        with pytest.raises(SourceChangedError, match=words):
            await earth_engine.create_asset(file, "users/me/a")
        await cog.aclose()


async def test_an_object_that_is_not_there_is_told_in_earth_engines_words(monkeypatch):
    def not_there(where: object) -> tinycog.Cog:
        assert where == URI
        raise NotFoundError("there is no such object", url=str(where))

    monkeypatch.setattr(tinycog, "validate", not_there)
    monkeypatch.setattr(tinycog, "open", lambda _: Closed())
    monkeypatch.setattr(tinycog, "validate", lambda *_: not_there(URI))
    with pytest.raises(
        NotFoundError, match=f"Failed to load the GeoTIFF at {URI}: there is no such"
    ):
        await earth_engine.create_asset(URI, "users/me/a")


class Closed:
    """In place of a handle."""

    async def aclose(self) -> None:
        """Do nothing."""
