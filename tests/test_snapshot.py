"""A header kept outside the handle: it comes back as it was, or is refused."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import pickle
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from conftest import FILES, fixture_path
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import tinycog
from tinycog.errors import SourceChangedError, UsageError
from tinycog.reader.snapshot import MAGIC
from tinycog.testing import HugeTiff, Layout, RangeServer, make_image, make_pyramid, make_tiff

PIXELS = np.arange(200 * 300, dtype=np.uint16).reshape(1, 200, 300)
DATA = make_tiff(make_pyramid(PIXELS, (2, 4), tile=(64, 64)), layout=Layout(gap=40_000))
"""Its IFDs lie apart, so that a snapshot has several parts."""
CLOSE = make_tiff(make_pyramid(PIXELS, (2, 4), tile=(64, 64)))
"""The same, its header in one piece."""
SMALL = make_tiff([make_image(PIXELS[:, :64, :64], tile=(64, 64))])


async def snapshot_of(where: Any) -> bytes:
    return (await tinycog.open(where)).snapshot()


KEPT = asyncio.run(snapshot_of(DATA))
SMALL_KEPT = asyncio.run(snapshot_of(SMALL))


def signed(body: bytes) -> bytes:
    return MAGIC + hashlib.blake2b(body, digest_size=8).digest() + body


def made(facts: object, content: bytes = b"") -> bytes:
    return signed(zlib.compress(json.dumps(facts).encode() + b"\n" + content))


# --- there and back ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cog-mask-rgb", "tiled-planar-u16-p2", "strip-pages"])
async def test_a_handle_of_a_snapshot_reads_what_any_other_reads(name):
    path = fixture_path(name)
    plain = await tinycog.open(path)
    cog = await tinycog.open(path, snapshot=plain.snapshot())
    assert cog.pages == plain.pages
    assert repr(cog) == repr(plain)
    for level, other in zip(cog.levels, plain.levels, strict=True):
        assert level.shape == other.shape
        found, expected = await cog.read_level(level.z), await plain.read_level(level.z)
        np.testing.assert_array_equal(found.data, expected.data)


async def test_a_snapshot_of_a_handle_that_was_made_of_one_is_the_same():
    assert (await tinycog.open(DATA, snapshot=KEPT)).snapshot() == KEPT


async def test_pixels_that_were_read_make_a_snapshot_no_longer():
    cog = await tinycog.open(DATA)
    await cog.read()
    await cog.read_level(1)
    before = cog.snapshot()
    await cog.read()
    await cog.read_level(1)
    assert cog.snapshot() == before
    assert len(before) < 3000


async def test_pages_that_were_read_of_a_long_index_are_part_of_a_snapshot():
    async with RangeServer({"a.tif": HugeTiff(256 * 500, 256 * 500)}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        await cog.read_tile(0, 3, 400)
        again = tinycog.open(server.url("a.tif"), snapshot=cog.snapshot())
        server.clear()
        await again.read_tile(0, 4, 400)
        assert len(server.log) == 1


async def test_an_index_of_80_bytes_that_was_read_is_part_of_a_snapshot():
    """Else a cold tile costs more than the one request that is promised."""
    async with RangeServer({"a.tif": DATA}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        await cog.read_tile(0, 3, 3)
        again = tinycog.open(server.url("a.tif"), snapshot=cog.snapshot())
        server.clear()
        await again.read_tile(0, 1, 1)
        assert len(server.log) == 1


async def test_a_handle_that_is_not_open_has_no_snapshot():
    with pytest.raises(UsageError, match="not open yet"):
        tinycog.open(DATA).snapshot()


async def test_a_handle_of_a_snapshot_pickles_with_it():
    async with RangeServer({"a.tif": CLOSE}) as server:
        kept = await snapshot_of(server.url("a.tif"))
        cog = tinycog.open(server.url("a.tif"), snapshot=kept)
        again = pickle.loads(pickle.dumps(cog))  # noqa: S301 - our own
        server.clear()
        tile = await again.read_tile(0, 1, 1)
        np.testing.assert_array_equal(tile.data, PIXELS[:, 64:128, 64:128])
        assert len(server.log) == 1


@pytest.mark.parametrize("path", sorted(FILES.glob("*.tif")), ids=lambda path: path.stem)
async def test_a_snapshot_holds_the_header_and_nothing_else(path):
    cog = await tinycog.open(path)
    with suppress(tinycog.TinycogError):
        await cog.read_tile(0, 0, 0)
    snapshot = cog._file.snapshot()
    length = sum(len(data) for _, data in snapshot.parts)
    assert len(cog.snapshot()) <= max(1.1 * length, 275)
    again = await pickle.loads(pickle.dumps(cog))  # noqa: S301 - our own
    assert again.requests == ()
    assert (repr(again), again.findings) == (repr(cog), cog.findings)
    assert again.snapshot() == cog.snapshot()


async def test_a_snapshot_goes_through_json_too():
    cog = await tinycog.open(DATA)
    document: Any = json.loads(json.dumps(cog.snapshot_document()))
    assert document["tinycog_snapshot"] == 2
    again = await tinycog.open(DATA, snapshot=document)
    assert again.snapshot() == cog.snapshot()
    assert again.requests == ()
    with pytest.raises(UsageError, match="version 2"):
        tinycog.open(DATA, snapshot=document | {"tinycog_snapshot": 3})
    with pytest.raises(UsageError, match="cannot be read"):
        tinycog.open(DATA, snapshot=document | {"data": document["data"][:-8]})


# --- pickles -------------------------------------------------------------------------------------


async def test_a_pickle_carries_what_was_read_and_no_more():
    async with RangeServer({"a.tif": DATA}) as server:
        cog = tinycog.open(server.url("a.tif"))
        assert pickle.loads(pickle.dumps(cog))._file.header is None  # noqa: S301 - our own
        await cog.read_tile(0, 1, 1)
        server.clear()
        for again in (pickle.loads(pickle.dumps(cog)), copy.copy(cog), copy.deepcopy(cog)):  # noqa: S301
            tile = await again.read_tile(0, 2, 1)
            np.testing.assert_array_equal(tile.data, PIXELS[:, 64:128, 128:192])
        assert [line.start for line in server.log] == [server.log[0].start] * 3


async def test_a_pickle_of_an_object_that_was_replaced_is_noticed():
    async with RangeServer({"a.tif": DATA}) as server:
        kept = pickle.dumps(await tinycog.open(server.url("a.tif")))
        server.files["a.tif"] = DATA[:-1] + b"?"
        with pytest.raises(SourceChangedError, match="its generation was"):
            await pickle.loads(kept).read_tile(0, 1, 1)  # noqa: S301 - our own


SHELF = {"bytes": DATA}


async def get_range(start: int, stop: int) -> bytes:
    return SHELF["bytes"][start:stop]


async def test_without_a_generation_a_pickle_reads_the_header_anew(monkeypatch):
    kept = pickle.dumps(await tinycog.open(get_range))
    monkeypatch.setitem(SHELF, "bytes", SMALL)
    again = pickle.loads(kept)  # noqa: S301 - our own
    assert (await again.read_tile(0, 0, 0)).shape == (1, 64, 64)
    assert (await again).shape == (1, 64, 64)


async def test_a_pickle_of_a_handle_that_compares_nothing_reads_the_header_anew():
    async with RangeServer({"a.tif": DATA}) as server:
        kept = pickle.dumps(await tinycog.open(server.url("a.tif"), pinning="off"))
        server.files["a.tif"] = SMALL
        again = pickle.loads(kept)  # noqa: S301 - our own
        np.testing.assert_array_equal((await again.read()).data, PIXELS[:, :64, :64])


async def test_a_page_pickles_with_its_part_of_the_chain():
    path = fixture_path("strip-pages")
    page = await tinycog.open(path).page(1)
    again = await pickle.loads(pickle.dumps(page))  # noqa: S301 - our own
    assert again.requests == ()
    assert repr(again) == repr(page)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
async def test_a_snapshot_may_be_any_kind_of_bytes(kind):
    cog = await tinycog.open(DATA, snapshot=kind(KEPT))
    assert len(cog.levels) == 3


# --- stale ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("etag", [True, "weak"])
async def test_a_file_that_grew_since_is_noticed(etag):
    async with RangeServer({"a.tif": DATA}, etag=etag) as server:
        kept = await snapshot_of(server.url("a.tif"))
        server.files["a.tif"] = DATA + b"more"
        with pytest.raises(SourceChangedError, match="has changed since it was opened"):
            await tinycog.open(server.url("a.tif"), snapshot=kept).read_tile(0, 1, 1)


async def test_a_file_of_the_same_length_but_another_etag_is_noticed():
    async with RangeServer({"a.tif": DATA}) as server:
        kept = await snapshot_of(server.url("a.tif"))
        server.files["a.tif"] = DATA[:-1] + b"?"
        with pytest.raises(SourceChangedError, match="its generation was"):
            await tinycog.open(server.url("a.tif"), snapshot=kept).read_tile(0, 1, 1)


async def test_a_path_that_was_written_anew_is_noticed(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(DATA)
    kept = await snapshot_of(path)
    path.write_bytes(DATA + b"more")
    async with tinycog.open(path, snapshot=kept) as cog:
        with pytest.raises(SourceChangedError):
            await cog.read_tile(0, 1, 1)


@pytest.mark.parametrize(
    ("data", "kept", "tile"), [(DATA, SMALL_KEPT, (0, 1, 1)), (SMALL, KEPT, (0, 1, 1))]
)
async def test_a_snapshot_of_another_file_is_noticed(data, kept, tile):
    with pytest.raises(tinycog.TinycogError):
        await tinycog.open(data, snapshot=kept).read_tile(*tile)


# --- spoilt --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"II*\0",
        DATA,
        MAGIC,
        MAGIC + b"\n",
        signed(b"{}"),
        made({}),
        made([]),
        made(None),
        signed(zlib.compress(b"\xff\xfe\n")),
        signed(zlib.compress(bytes(1 << 20))[:-20]),
        KEPT[1:],
        KEPT[: len(KEPT) // 2],
        KEPT + b"x",
        b"tinycog snapshot 1\n" + KEPT,
        KEPT.replace(b"tinycog2", b"tinycog3"),
        made([1, None]),
        made([None, None, [[0]]]),
        made([None, None, [[-5, 2]]], b"II"),
        made([None, None, [[0, -2]]], b"II"),
        made([None, None, [[0, 2, 3]]], b"II"),
        made([None, None, [[0, 3]]], b"II"),
        made([None, None, "ab"], b"II"),
    ],
    ids=lambda wrong: repr(wrong[:60]),
)
def test_what_is_no_snapshot_is_refused_at_once(wrong):
    with pytest.raises(UsageError, match="snapshot"):
        tinycog.open(DATA, snapshot=wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        "text",
        made([-1, None, []]),
        made(["1", None, []]),
        made([5, None, [[0, 10]]], bytes(10)),
        signed(zlib.compress(b"[" * 100_000 + b"\n")),
    ],
    ids=["text", "negative size", "size as text", "parts beyond the end", "nested without end"],
)
def test_what_else_is_no_snapshot_is_refused_too(wrong: Any):
    with pytest.raises(UsageError):
        tinycog.open(DATA, snapshot=wrong)


async def outcome(kept: bytes) -> list[Any]:
    cog = await tinycog.open(SMALL, snapshot=kept)
    raster = await cog.read_tile(0, 0, 0)
    return [raster.data.tolist(), raster.window, raster.nodata, len(cog.levels)]


EXPECTED = asyncio.run(outcome(SMALL_KEPT))


@given(st.integers(0, len(SMALL_KEPT) - 1))
def test_a_snapshot_that_was_cut_is_refused(stop):
    with pytest.raises(UsageError):
        asyncio.run(outcome(SMALL_KEPT[:stop]))


@given(st.integers(0, len(SMALL_KEPT) - 1), st.integers(1, 255))
@settings(phases=[Phase.explicit, Phase.generate])
def test_a_snapshot_with_a_changed_byte_is_refused_or_reads_the_same(at, change):
    kept = bytearray(SMALL_KEPT)
    kept[at] ^= change
    try:
        found = asyncio.run(outcome(bytes(kept)))
    except UsageError:
        return
    assert found == EXPECTED
