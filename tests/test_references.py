"""References as documents: keys, places, refusals, files; chunks by numcodecs alone."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import fixture_path
from numcodecs.registry import get_codec

import tinycog
import tinycog.sync
from tinycog.adapters import numcodecs as _numcodecs  # noqa: F401 - registers tinycog_tile
from tinycog.testing import Directory, Field, make_image, make_tiff, serve_in_thread

STRIPS = np.arange(10 * 7, dtype=np.uint16).reshape(1, 10, 7)


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "image.tif"
    path.write_bytes(data)
    return path


def with_tiles(image: Directory, tiles: list[bytes]) -> Directory:
    """The same directory with other stored tiles, or strips."""
    tag = next(field.tag for field in image.fields if field.tag in (279, 325))
    counts = Field(tag, "LONG", [len(tile) for tile in tiles])
    return Directory(image.having(counts).fields, tiles, byte_order=image.byte_order)


def document(references: Any, key: str) -> Any:
    return json.loads(references["refs"][key])


async def test_a_level_is_an_array_and_its_stored_tiles_are_its_chunks():
    path = fixture_path("cog-sparse-nodata")
    cog = await tinycog.open(path)
    references = await cog.references()
    refs = references["refs"]

    assert references["version"] == 1
    array = document(references, "1/.zarray")
    assert (array["shape"], array["chunks"]) == ([1, 130, 150], [1, 128, 128])
    assert (array["dtype"], array["compressor"]["id"]) == ("<i2", "zlib")
    assert array["fill_value"] == cog.nodata
    assert document(references, "0/.zattrs")["_ARRAY_DIMENSIONS"] == ["band", "y", "x"]
    assert document(references, "1/.zattrs")["_ARRAY_DIMENSIONS"] == ["band", "y_1", "x_1"]
    for z in range(3):
        found = {key: value for key, value in refs.items() if key.startswith(f"{z}/0.")}
        assert found == {
            f"{z}/0.{place.y}.{place.x}": [str(path), place.offset, place.length]
            for place in await cog.tile_ranges(z)
            if not place.is_sparse
        }
    assert json.loads(json.dumps(references, allow_nan=False)) == references


async def test_what_a_path_gets_is_what_is_returned_and_parquet_holds_zarr_2_only(tmp_path):
    cog = await tinycog.open(fixture_path("cog-deflate-u8"))
    references = await cog.references(tmp_path / "refs.json", levels=1)

    assert json.loads((tmp_path / "refs.json").read_text()) == references
    assert {key.partition("/")[0] for key in references["refs"]} >= {"1", "spatial_ref"}
    assert "0/.zarray" not in references["refs"]
    with pytest.raises(tinycog.UsageError, match="zarr 2 only"):
        await cog.references(tmp_path / "refs.parq", zarr_format=3)
    with pytest.raises(tinycog.UsageError, match=r"ends with \.json or \.parq"):
        await cog.references(tmp_path / "refs.txt")


def test_the_blocking_face_has_them():
    references = tinycog.sync.open(fixture_path("cog-deflate-u8")).references(levels=0)
    assert "0/0.0.0" in references["refs"]


# --- what they cost, and what they name ----------------------------------------------------------


async def test_reading_chunks_back_costs_what_reading_these_tiles_costs():
    with serve_in_thread({"image.tif": fixture_path("cog-10-bands-u16")}) as server:
        url = server.url("image.tif")
        cog = await tinycog.open(url)
        opened = len(cog.requests)
        references = await cog.references(codecs="tinycog", check=2)
        once = len(cog.requests) - opened
        await cog.references(codecs="tinycog", check=100)
    assert once <= 2
    place = references["refs"]["0/0.0.0"]
    assert isinstance(place, list)
    assert place[0] == url


async def test_a_url_that_may_show_a_credential_is_not_written():
    with serve_in_thread({"image.tif": fixture_path("cog-deflate-u8")}) as server:
        url = server.url("image.tif")
        cog = await tinycog.open(f"{url}?sig=secret")
        assert cog.url is None
        with pytest.raises(tinycog.UsageError, match="url="):
            await cog.references()
        references = await cog.references(url=url)
    assert "secret" not in json.dumps(references)
    assert tinycog.open(b"II*\0").url is None


async def test_arguments_are_checked():
    cog = await tinycog.open(fixture_path("cog-deflate-u8"))
    wrong: list[dict[str, Any]] = [
        {"zarr_format": 4},
        {"codecs": "imagecodecs"},
        {"check": 0},
        {"levels": []},
        {"levels": [0, 0]},
        {"levels": [9]},
    ]
    for arguments in wrong:
        with pytest.raises(tinycog.UsageError):
            await cog.references(**arguments)


# --- what is refused -----------------------------------------------------------------------------

REFUSED = {
    "cog-jpeg-ycbcr-mask": "compression JPEG",
    "cog-lerc-nan": "compression LERC",
    "cog-lzw-u8": "compression LZW",
    "strip-ccitt-fax4": "compression CCITT",
    "cog-mask-rgb": "predictor 2",
    "cog-deflate-f64-p3": "predictor 3",
    "cog-nbits12": "samples of 12 bits",
    "strip-be-f32": "last strip is shorter",
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_numcodecs_does_not_decode_exactly_is_refused_with_the_reason(name):
    cog = await tinycog.open(fixture_path(name))
    with pytest.raises(tinycog.UnsupportedError, match=REFUSED[name]) as caught:
        await cog.references()
    assert caught.value.feature == "cog.references.plain"
    assert 'codecs="tinycog"' in str(caught.value)
    await cog.references(codecs="tinycog")


async def test_zarr_2_refuses_tiles_that_are_not_stored_without_nodata():
    cog = await tinycog.open(fixture_path("cog-sparse"))
    with pytest.raises(tinycog.UnsupportedError, match="zarr_format=3"):
        await cog.references(codecs="tinycog")
    references = await cog.references(codecs="tinycog", zarr_format=3)
    array = document(references, "0/zarr.json")
    assert array["fill_value"] == 0
    assert "_FillValue" not in array["attributes"]


async def test_a_tile_that_is_stored_cut_is_found_by_reading_back(tmp_path):
    """Edge tiles may be stored as far as the image reaches; a codec does not know its place."""
    pixels = np.arange(20 * 32, dtype=np.uint8).reshape(1, 20, 32)
    image = make_image(pixels, tile=(16, 16), compression=8)
    cut = make_image(pixels[:, 16:, 16:], tile=(4, 16), compression=8).tiles[0]
    made = with_tiles(image, [*image.tiles[:3], cut])
    cog = await tinycog.open(written(tmp_path, make_tiff([made])))

    np.testing.assert_array_equal((await cog.read()).data, pixels)
    with pytest.raises(tinycog.UnsupportedError, match=r"x=1, y=1 .*cog\.references\.checked"):
        await cog.references(codecs="tinycog")
    with pytest.raises(tinycog.UnsupportedError, match=r"x=1, y=1 .*cog\.references\.checked"):
        await cog.references()


# --- tinycog_tile --------------------------------------------------------------------------------


async def codec_of(path: Path) -> Any:
    references = await (await tinycog.open(path)).references(codecs="tinycog")
    return get_codec(document(references, "0/.zarray")["compressor"])


async def test_only_what_is_as_long_as_a_short_strip_may_be_one(tmp_path):
    data = make_tiff([make_image(STRIPS, rows_per_strip=4)])
    path = written(tmp_path, data)
    codec = await codec_of(path)
    strips = [await tinycog.open(path).read_tile_bytes(0, 0, y) for y in range(3)]
    first, last = strips[0], strips[2]
    assert first is not None
    assert last is not None

    np.testing.assert_array_equal(codec.decode(first), STRIPS[:, :4])
    found = codec.decode(last)
    assert found.shape == (1, 4, 7)
    np.testing.assert_array_equal(found[:, :2], STRIPS[:, 8:])
    with pytest.raises(tinycog.CorruptTileError):
        codec.decode(first[:-2])


async def test_a_whole_strip_as_long_as_a_short_one_is_read_before_it_is_trusted(tmp_path):
    image = make_image(STRIPS, rows_per_strip=4, compression=8)
    made = with_tiles(image, [image.tiles[0], image.tiles[2], image.tiles[2]])
    cog = await tinycog.open(written(tmp_path, make_tiff([made])))
    with pytest.raises(tinycog.CorruptTileError):
        await cog.references(codecs="tinycog")


async def test_the_codec_only_decodes_and_is_what_its_configuration_says(tmp_path):
    codec = await codec_of(written(tmp_path, make_tiff([make_image(STRIPS, rows_per_strip=4)])))
    again = get_codec(json.loads(json.dumps(codec.get_config())))

    assert codec == again == pickle.loads(pickle.dumps(codec))  # noqa: S301 - our own
    with pytest.raises(tinycog.UnsupportedError, match="does not encode"):
        codec.encode(b"")
    with pytest.raises(tinycog.UsageError, match="facts="):
        get_codec({"id": "tinycog_tile", "facts": None})
    with pytest.raises(tinycog.UsageError, match="no facts of a level"):
        get_codec({"id": "tinycog_tile", "facts": {"version": 1}}).decode(b"")
