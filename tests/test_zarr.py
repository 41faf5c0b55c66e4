"""`Cog.zarr_store`: the same pixels, masks and places through zarr, for the same requests."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import random
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import FILES, fixture_path
from test_corpus import CORPUS, SKIP, of_class

import tinycog
import tinycog.sync
from tinycog.testing import Field, RangeServer, make_image, make_pyramid, make_tiff, serve_in_thread

zarr = pytest.importorskip("zarr", reason="zarr is not installed: it needs Python 3.12")

from zarr.abc.store import (  # noqa: E402 - skipped without
    OffsetByteRequest,
    RangeByteRequest,
    SuffixByteRequest,
)
from zarr.core.buffer import default_buffer_prototype  # noqa: E402
from zarr.storage import MemoryStore  # noqa: E402

PROTOTYPE = default_buffer_prototype()
BYTE_RANGES = [
    None,
    RangeByteRequest(3, 20),
    RangeByteRequest(5, 10**9),
    RangeByteRequest(10**9, 10**9 + 1),
    OffsetByteRequest(7),
    SuffixByteRequest(9),
    SuffixByteRequest(10**9),
]
TOGETHER = {"async.concurrency": 64}
"""Lets zarr ask for as many chunks at once; by default it is 10."""


def open_store(where: Any, levels: Any = "arrays", **options: Any) -> Any:
    return tinycog.sync.open(where, **options).zarr_store(levels=levels)


def open_root(where: Any, levels: Any = "arrays", **options: Any) -> Any:
    return zarr.open_group(open_store(where, levels, **options), mode="r")


async def values(items: Any) -> list[Any]:
    return [item async for item in items]


async def bytes_of(store: Any, key: str, byte_range: Any = None) -> bytes | None:
    found = await store.get(key, PROTOTYPE, byte_range)
    return None if found is None else found.to_bytes()


def same(one: Any, other: Any) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and bytes_equal(one, other)


def bytes_equal(one: Any, other: Any) -> bool:
    return np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()


# --- pixels and masks ----------------------------------------------------------------------------


def random_window(rng: random.Random, level: tinycog.Level) -> tuple[int, int, int, int]:
    x, y = rng.randrange(level.width), rng.randrange(level.height)
    return (
        x,
        y,
        rng.randint(1, min(level.width - x, 300)),
        rng.randint(1, min(level.height - y, 300)),
    )


def compare_windows(path: Path, count: int) -> list[str]:
    """Compare windows of a file, and their masks; says what differs, or why it is not read."""
    rng = random.Random(path.name)  # noqa: S311 - the same in every run
    cog = tinycog.sync.open(path, limits=tinycog.Limits(unsafe_codecs=True))
    root = zarr.open_group(cog.zarr_store(), mode="r")
    wrong: list[str] = []
    for _ in range(count):
        level = rng.choice(cog.levels)
        window = x, y, width, height = random_window(rng, level)
        expected = cog.read(window=window, level=level.z, masked=True)
        rows, cols = slice(y, y + height), slice(x, x + width)
        if not same(root[str(level.z)][:, rows, cols], expected.data):
            wrong.append(f"{path.name}: pixels of level {level.z}, {window}")
        mask = root[f"mask/{level.z}"][rows, cols] if "mask" in root else np.True_
        if not np.array_equal(np.broadcast_to(mask, expected.mask.shape), expected.mask):
            wrong.append(f"{path.name}: mask of level {level.z}, {window}")
    return wrong


def test_random_windows_of_every_fixture_are_what_read_returns():
    wrong = [each for path in sorted(FILES.glob("*.tif")) for each in compare_windows(path, 4)]

    assert wrong == []


@SKIP
def test_random_windows_of_the_corpus_are_what_read_returns():
    records = of_class("must-read")[::10]
    wrong: list[str] = []
    for record in records:
        try:
            wrong += compare_windows(CORPUS / "files" / record["file"], 5)
        except tinycog.TinycogError as exc:  # its pixels are compared in test_corpus.py
            wrong += [] if "invalid" in str(record) else [f"{record['file']}: {exc}"]

    assert len(records) > 80
    assert wrong == []


@pytest.mark.parametrize(
    "name",
    ["cog-deflate-u8", "strip-be-planar-u16-p2", "cog-mask-rgb", "tiled-nbits1", "cog-complex64"],
)
def test_whole_levels_are_what_read_returns(name):
    cog = tinycog.sync.open(fixture_path(name))
    root = zarr.open_group(cog.zarr_store(), mode="r")

    for level in cog.levels:
        array = root[str(level.z)]
        assert same(array[...], cog.read_level(level.z).data)
        planes = level.image.grid.planes > 1
        assert array.chunks == (1 if planes else level.count, *level.tile_shape)
        assert array.metadata.dimension_names == ("band", "y", "x")


def test_a_tile_that_is_not_stored_is_the_fill_value():
    cog = tinycog.sync.open(fixture_path("cog-sparse-nodata"))
    array = zarr.open_group(cog.zarr_store(), mode="r")["0"]

    assert array.fill_value == cog.nodata
    assert same(array[...], cog.read().data)
    assert (array[...] == cog.nodata).any()


@pytest.mark.parametrize(
    ("nodata", "dtype", "written"),
    [
        ("nan", "float32", "NaN"),
        ("inf", "float64", "Infinity"),
        ("-inf", "float32", "-Infinity"),
        ("-9999", "int16", -9999),
        ("18446744073709551615", "uint64", 2**64 - 1),
        ("-1.5", "complex64", [-1.5, 0.0]),
        ("0.5", "float16", 0.5),
        ("-9999", "uint8", 0),
    ],
)
def test_the_fill_value_is_nodata_as_zarr_writes_it(nodata, dtype, written):
    pixels = np.zeros((1, 4, 4), dtype)
    tags = [Field(42113, "ASCII", nodata)]
    store = open_store(make_tiff([make_image(pixels, extra=tags)]))

    document = json.loads(asyncio.run(bytes_of(store, "0/zarr.json")) or b"")

    assert document["fill_value"] == written
    assert zarr.open_array(store, path="0", mode="r")[...].dtype == dtype


def test_a_file_whose_samples_numpy_cannot_hold_is_refused_with_the_reason():
    path = next(path for path in unsupported_files())

    with pytest.raises(tinycog.UnsupportedError, match="SampleFormat"):
        open_root(path)


def unsupported_files() -> Iterator[bytes]:
    pixels = np.zeros((1, 4, 4), np.uint32)
    wide = Field(258, "SHORT", 48)
    yield make_tiff([make_image(pixels, extra=[wide])])


def test_a_broken_tile_is_an_error_and_never_the_fill_value():
    data = bytearray(
        make_tiff([make_image(np.ones((1, 64, 64), np.uint8), tile=(32, 32), compression=8)])
    )
    root = open_root(bytes(data))
    start = root.store.cog  # the handle that the store reads
    place = asyncio.run(start.tile_ranges(0))[3]
    data[place.offset : place.offset + place.length] = b"\xff" * place.length
    array = open_root(bytes(data))["0"]

    assert array[:, :32, :32].all()
    with pytest.raises(tinycog.CorruptTileError):
        _ = array[:, 32:, 32:]


def test_a_file_that_is_not_there_is_an_error():
    """zarr says that there is no group, whatever error means that."""
    with pytest.raises(FileNotFoundError) as caught:
        open_root(FILES / "nothing.tif")
    assert "nothing.tif" in str(caught.value)
    with pytest.raises(tinycog.NotTiffError):
        open_root(b"no TIFF")


def test_a_file_that_vanishes_is_an_error_and_never_the_fill_value():
    data = make_tiff([make_image(np.ones((1, 512, 512), np.uint8), tile=(256, 256))])
    with serve_in_thread({"a.tif": data}) as server:
        array = open_root(server.url("a.tif"))["0"]
        server.files.clear()
        with pytest.raises(tinycog.SourceError):
            _ = array[:, 256:, 256:]


# --- keys ----------------------------------------------------------------------------------------


async def copied(store: Any) -> MemoryStore:
    memory = MemoryStore()
    async for key in store.list():
        found = await store.get(key, PROTOTYPE)
        assert found is not None
        await memory.set(key, found)
    return memory


@pytest.mark.parametrize("levels", ["arrays", "groups"])
@pytest.mark.parametrize("name", ["cog-mask-rgb", "strip-be-planar-u16-p2"])
async def test_a_copy_of_all_keys_answers_the_same(name, levels):
    store = tinycog.open(fixture_path(name)).zarr_store(levels=levels)
    memory = await copied(store)
    keys = await values(memory.list())

    assert sorted(await values(store.list())) == sorted(keys)
    paths = {"", "nothing", "0/c/99", "0/c/-1", "c", *keys}
    paths |= {key[:end] for key in keys for end, letter in enumerate(key) if letter == "/"}
    for path in sorted(paths):
        for prefix in (path, f"{path}/", path[:-1]):
            listed = await values(store.list_prefix(prefix))
            assert sorted(listed) == sorted(await values(memory.list_prefix(prefix))), prefix
        for prefix in (path, f"{path}/"):
            listed = await values(store.list_dir(prefix))
            assert sorted(listed) == sorted(await values(memory.list_dir(prefix))), prefix
        assert await store.exists(path) == await memory.exists(path), path
        assert await store.is_empty(path) == await memory.is_empty(path), path
        if path in keys:
            assert await store.getsize(path) == await memory.getsize(path)
    assert await store.getsize_prefix("") == await memory.getsize_prefix("")


@pytest.mark.parametrize(
    "key",
    ["0/c/0/0/00", "0/c/0/0", "0/c/0/0/0/0", "0/c", "0/c/x/0/0", "0/c/1/0/0", "zarr.json/c", ""],
)
async def test_a_key_that_is_no_chunk_is_not_there(key):
    store = tinycog.open(fixture_path("cog-mask-rgb")).zarr_store()

    assert await store.get(key, PROTOTYPE) is None
    assert not await store.exists(key)
    with pytest.raises(FileNotFoundError):
        await store.getsize(key)


async def test_byte_ranges_of_chunks_and_documents_are_slices_of_them():
    store = tinycog.open(fixture_path("cog-deflate-u16-p2")).zarr_store()
    memory = await copied(store)

    for key in ("zarr.json", "0/c/0/0/0", "0/c/0/99/0"):
        wanted = [(key, byte_range) for byte_range in BYTE_RANGES]
        expected = [await bytes_of(memory, key, byte_range) for byte_range in BYTE_RANGES]
        assert [await bytes_of(store, key, each) for each in BYTE_RANGES] == expected
        together = await store.get_partial_values(PROTOTYPE, wanted)
        assert [None if found is None else found.to_bytes() for found in together] == expected
    chunk = "0/c/0/0/0"
    ranges = [part async for part in store.get_ranges(chunk, BYTE_RANGES, prototype=PROTOTYPE)]
    found = {
        i: b"" if buffer is None else buffer.to_bytes() for part in ranges for i, buffer in part
    }
    assert found == {i: await bytes_of(memory, chunk, each) for i, each in enumerate(BYTE_RANGES)}
    with pytest.raises(ExceptionGroup) as caught:
        _ = [part async for part in store.get_ranges("0/c/9/9/9", [None], prototype=PROTOTYPE)]
    assert isinstance(caught.value.exceptions[0], FileNotFoundError)


async def test_the_store_is_a_value():
    cog = tinycog.open(fixture_path("cog-mask-rgb"))
    store = cog.zarr_store()
    await store.get("zarr.json", PROTOTYPE)

    for again in (copy.copy(store), copy.deepcopy(store), pickle.loads(pickle.dumps(store))):  # noqa: S301
        assert again == store
        assert hash(again) == hash(store)
        assert await bytes_of(again, "0/c/0/0/0") == await bytes_of(store, "0/c/0/0/0")
    assert tinycog.open(fixture_path("cog-mask-rgb")).zarr_store() == store
    assert cog.zarr_store(levels="groups") != store
    assert tinycog.open(fixture_path("cog-palette")).zarr_store() != store
    data = [make_tiff([make_image(np.full((1, 4, 4), n, np.uint8))]) for n in range(2)]
    assert tinycog.open(data[0]).zarr_store() != tinycog.open(data[1]).zarr_store()
    with serve_in_thread({"a.tif": data[0]}) as server:
        stores = [tinycog.open(server.url("a.tif"), pin=pin).zarr_store() for pin in ('"1"', '"2"')]
    assert stores[0] != stores[1]


async def test_another_page_has_a_store_of_its_own():
    pages = [make_image(np.full((1, 8, 8), n, np.uint8)) for n in range(3)]
    cog = tinycog.open(make_tiff(pages))

    for n in range(3):
        store = cog.page(n).zarr_store()
        assert await bytes_of(store, "0/c/0/0/0") == bytes([n]) * 64
        assert (store == cog.zarr_store()) == (n == 0)


async def test_stores_of_functions_are_equal_only_by_their_handle():
    async def get_range(start: int, stop: int) -> bytes:
        return data[start:stop]

    data = make_tiff([make_image(np.zeros((1, 4, 4), np.uint8))])
    cog = tinycog.open(get_range)

    assert cog.zarr_store() == cog.zarr_store()
    assert cog.zarr_store() != tinycog.open(get_range).zarr_store()


async def test_nothing_can_be_written():
    store = tinycog.open(fixture_path("cog-mask-rgb")).zarr_store()

    with pytest.raises(ValueError, match="read-only"):
        await store.set("0/c/0/0/0", PROTOTYPE.buffer.from_bytes(b""))
    with pytest.raises(ValueError, match="read-only"):
        await store.delete("0/c/0/0/0")
    with pytest.raises(NotImplementedError):
        store.with_read_only(read_only=False)
    assert store.with_read_only(read_only=True) == store


def test_what_levels_are_is_checked():
    with pytest.raises(tinycog.UsageError, match="arrays, groups"):
        open_store(fixture_path("cog-mask-rgb"), levels="array")


def test_without_zarr_the_error_names_what_installs_it(monkeypatch):
    monkeypatch.setattr("tinycog.extras.find_spec", lambda _: None)
    with pytest.raises(tinycog.UsageError, match=r"pip install 'tinycog\[zarr\]'"):
        open_store(fixture_path("cog-mask-rgb"))


# --- requests ------------------------------------------------------------------------------------


def pyramid(bands: int = 1, **options: Any) -> bytes:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 255, (bands, 1024, 1024), dtype=np.uint8)
    return make_tiff(make_pyramid(pixels, tile=(128, 128), compression=8, **options))


def asked_after(server: RangeServer, count: int) -> list[tuple[int, int]]:
    """Ranges that were asked for after so many requests."""
    return [(line.start or 0, line.stop or 0) for line in list(server.log)[count:]]


@pytest.mark.parametrize("planar", [False, True])
def test_a_window_of_sixteen_tiles_costs_the_requests_of_read(planar):
    with serve_in_thread({"a.tif": pyramid(2, planar=planar)}) as server:
        cog = tinycog.sync.open(server.url("a.tif"))
        array = zarr.open_group(cog.zarr_store(), mode="r")["0"]
        opened = len(server.log)
        with zarr.config.set(TOGETHER):
            pixels = array[:, 128:640, 256:768]
        asked = asked_after(server, opened)
        bare = tinycog.sync.open(server.url("a.tif"))
        _ = bare.crs
        opened = len(server.log)
        raster = bare.read(window=(256, 128, 512, 512), masked=False)
        expected = asked_after(server, opened)

    assert same(pixels, raster.data)
    assert sorted(asked) == sorted(expected)


def test_opening_costs_the_header_and_listing_nothing():
    with serve_in_thread({"a.tif": pyramid()}) as server:
        store = open_store(server.url("a.tif"))
        root = zarr.open_group(store, mode="r")
        _ = [*root.members(max_depth=None)]
        assert len(asyncio.run(values(store.list()))) == 1 + 3 + 64 + 16 + 4
        assert asyncio.run(store.getsize("0/c/0/3/3")) == 128 * 128
        assert len(server.log) == 1
        _ = root["1"][:, :128, :128]
        assert len(server.log) == 2


def test_a_store_that_was_pickled_reads_no_header():
    with serve_in_thread({"a.tif": pyramid()}) as server:
        store = open_store(server.url("a.tif"))
        root = zarr.open_group(store, mode="r")
        again = pickle.loads(pickle.dumps(root))  # noqa: S301 - our own
        opened = len(server.log)
        _ = again["0"][:, :128, :128]
        assert len(server.log) - opened == 1


def test_a_planar_file_is_fetched_by_band():
    with serve_in_thread({"a.tif": pyramid(3, planar=True)}) as server:
        cog = tinycog.sync.open(server.url("a.tif"))
        array = zarr.open_group(cog.zarr_store(), mode="r")["0"]
        opened = len(server.log)
        band = array[1, :128, :128]
        ((start, stop),) = asked_after(server, opened)
        assert stop - start == len(cog.read_tile_bytes(0, 0, 0, plane=1) or b"")
        assert np.array_equal(band, cog.read(bands=1).data[0, :128, :128])


# --- conventions ---------------------------------------------------------------------------------


def nodes(store: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    root = json.loads(asyncio.run(bytes_of(store, "zarr.json")) or b"")
    yield "", root
    yield from root["consolidated_metadata"]["metadata"].items()


@pytest.mark.parametrize("levels", ["arrays", "groups"])
def test_every_document_is_what_the_consolidated_ones_say(levels):
    store = open_store(fixture_path("cog-mask-rgb"), levels)

    for path, document in nodes(store):
        key = f"{path}/zarr.json" if path else "zarr.json"
        found = json.loads(asyncio.run(bytes_of(store, key)) or b"")
        if path:
            found.pop("consolidated_metadata", None)
        assert found == document


GEOREFERENCED = [
    "cog-epsg4326",
    "cog-mask-rgb",
    "cog-rotated",
    "cog-user-crs",
    "cog-compound-crs",
    "cog-pixel-is-point",
    "cog-no-overviews",
    "cog-one-row",
    "tiled-none-u8",
]


@pytest.mark.parametrize("levels", ["arrays", "groups"])
@pytest.mark.parametrize("name", GEOREFERENCED)
def test_the_validators_of_the_conventions_find_no_error(name, levels):
    zarr_cm = pytest.importorskip("zarr_cm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydantic, about how it is imported
        toolkit = pytest.importorskip("geozarr_toolkit.helpers.validation")
    store = open_store(fixture_path(name), levels)
    revisions = {"multiscales": "r2", "spatial": "r3", "proj": "r3"}

    for _, document in nodes(store):
        attributes = document["attributes"]
        for convention in attributes.get("zarr_conventions", []):
            module = getattr(zarr_cm, convention["name"])
            module.validate_node_metadata(document)
            assert module.detect(attributes) == revisions[convention["name"]]
        if "zarr_conventions" in attributes:
            assert not any(toolkit.validate_attrs(attributes).values())
    root = zarr.open_group(store, mode="r")
    assert not any(toolkit.validate_group(root).values())
    assert toolkit.validate_multiscales_structure(root) == (True, [])


def test_scales_are_the_ratios_of_sizes_and_places_those_of_the_levels():
    pixels = np.zeros((1, 75, 101), np.uint8)
    cog = tinycog.sync.open(make_tiff(make_pyramid(pixels, (2, 4))))
    attributes = dict(zarr.open_group(cog.zarr_store(), mode="r").attrs)

    layout = attributes["multiscales"]["layout"]
    assert [entry["asset"] for entry in layout] == ["0", "1", "2"]
    for entry, level in zip(layout, cog.levels, strict=True):
        scale = [75 / level.height, 101 / level.width]
        assert entry["transform"]["scale"] == scale
        assert entry["transform"]["translation"] == [(factor - 1) / 2 for factor in scale]
        assert entry["spatial:shape"] == [level.height, level.width]
        assert entry["spatial:transform"] == list(level.transform)[:6]
    assert layout[1]["transform"]["scale"][0] != 2
    assert attributes["spatial:bbox"] == [0, 0, 101, 75]


@pytest.mark.parametrize("name", ["cog-rotated", "cog-epsg4326"])
def test_places_and_crs_are_those_of_the_handle(name):
    cog = tinycog.sync.open(fixture_path(name))
    attributes = dict(zarr.open_group(cog.zarr_store(), mode="r")["0"].attrs)

    assert attributes["spatial:transform"] == list(cog.transform)[:6]
    assert attributes["proj:code"] == str(cog.crs)


def test_control_points_make_no_transform():
    names = [path for path in sorted(FILES.glob("*.tif")) if tinycog.sync.open(path).gcps]
    assert names
    attributes = dict(open_root(names[0])["0"].attrs)
    assert "spatial:transform" not in attributes


# --- readers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["cog-mask-rgb", "cog-sparse-nodata", "cog-nodata-nan", "cog-complex64", "cog-rotated"]
)
def test_xarray_opens_each_level_as_a_dataset(name):
    xr = pytest.importorskip("xarray")
    cog = tinycog.sync.open(fixture_path(name))
    store = cog.zarr_store(levels="groups")

    for level in cog.levels:
        with xr.open_zarr(store, group=str(level.z), chunks=None, mask_and_scale=False) as data:
            expected = cog.read_level(level.z, masked=True)
            assert same(data.band_data.values, expected.data)
            assert data.band.values.tolist() == list(range(1, cog.count + 1))
            if "mask" in data:
                assert np.array_equal(data["mask"].values, expected.mask)
            else:
                assert expected.mask.all()
            if "x" in data.coords:
                left, top = level.transform @ (0.5, 0.5)
                assert (data.x[0], data.y[0]) == pytest.approx((left, top))
    with xr.open_datatree(store, engine="zarr") as tree:
        assert list(tree.children) == [str(level.z) for level in cog.levels]


def test_xarray_masks_nodata():
    xr = pytest.importorskip("xarray")
    cog = tinycog.sync.open(fixture_path("cog-sparse-nodata"))

    with xr.open_zarr(cog.zarr_store(levels="groups"), group="0", chunks=None) as data:
        valid = cog.read(masked=True).band_masks
        assert np.array_equal(~np.isnan(data.band_data.values), valid)
        assert data.band_data.encoding["_FillValue"] == cog.nodata


@pytest.mark.filterwarnings("ignore:Use `@` matmul")
def test_rioxarray_finds_the_georeference():
    xr = pytest.importorskip("xarray")
    pytest.importorskip("rioxarray")
    cog = tinycog.sync.open(fixture_path("cog-sparse-nodata"))

    with xr.open_zarr(cog.zarr_store(levels="groups"), group="0", chunks=None) as data:
        found = data.band_data.rio
        assert str(found.crs) == str(cog.crs)
        assert list(found.transform(recalc=False)) == list(cog.transform)
        assert found.encoded_nodata == cog.nodata


@pytest.mark.filterwarnings("ignore:Use `@` matmul", "ignore:This module is experimental")
async def test_rio_tiler_reads_the_pyramid():
    pytest.importorskip("isochron", reason="rio-tiler[zarr] is not installed")
    from rio_tiler.experimental.zarr import AsyncGroupReader  # noqa: PLC0415 - an extra

    cog = await tinycog.open(fixture_path("cog-web-mercator"))
    group = await zarr.api.asynchronous.open_group(cog.zarr_store(levels="groups"), mode="r")

    async with AsyncGroupReader(input=group) as reader:
        assert reader.bounds == pytest.approx(cog.bounds)
        assert reader.crs.to_epsg() == 3857
        names = {each["name"] for each in await reader.list_variables()}
        assert "band_data" in names
        level = cog.levels[-1]
        image = await reader.preview(
            variables=["band_data"], max_size=None, height=level.height, width=level.width
        )
        assert same(image.array.data, (await cog.read_level(level.z)).data)


def test_nothing_is_left_open_and_nothing_warned_of():
    code = f"""
from pathlib import Path
import zarr, tinycog
from tinycog.testing import serve_in_thread
path = Path({str(fixture_path("cog-mask-rgb"))!r})
with serve_in_thread({{"a.tif": path}}) as server:
    root = zarr.open_group(tinycog.open(server.url("a.tif")).zarr_store(), mode="r")
    print(root["0"][...].shape, root["mask/1"][...].any())
"""
    run = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    noise = [line for line in run.stderr.splitlines() if not line.startswith("Executing <")]
    assert (run.returncode, noise) == (0, [])
    assert run.stdout == "(3, 260, 300) True\n"


def test_a_store_is_read_in_several_threads_and_loops():
    cog = tinycog.open(fixture_path("cog-deflate-u8"))
    array = zarr.open_group(cog.zarr_store(), mode="r")["0"]

    async def read() -> Sequence[Any]:
        mine = cog.read()
        return [(await mine).data, await asyncio.to_thread(lambda: array[...])]

    for _ in range(2):
        one, other = asyncio.run(read())
        assert same(one, other)
