"""A header kept outside the handle: it comes back as it was, or is refused."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import numpy as np
import pytest
from conftest import fixture_path
from hypothesis import Phase, example, given, settings
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


def made(facts: object, body: bytes = b"") -> bytes:
    return MAGIC + json.dumps(facts).encode() + b"\n" + body


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
    assert len(before) < len(KEPT) + 1000


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
        MAGIC + b"{}\n",
        MAGIC + b"[]\n",
        MAGIC + b"null\n",
        MAGIC + b"\xff\xfe\n",
        KEPT[1:],
        KEPT[: len(KEPT) // 2],
        KEPT + b"x",
        KEPT.replace(b"snapshot 1", b"snapshot 2"),
        made({"size": 1, "tag": None}),
        made({"size": None, "tag": None, "parts": [[0]]}),
        made({"size": None, "tag": None, "parts": [[-5, 2]]}, b"II"),
        made({"size": None, "tag": None, "parts": [[0, -2]]}, b"II"),
        made({"size": None, "tag": None, "parts": [[0, 2, 3]]}, b"II"),
        made({"size": None, "tag": None, "parts": [[0, 3]]}, b"II"),
        made({"size": None, "tag": None, "parts": "ab"}, b"II"),
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
        made({"size": -1, "tag": None, "parts": []}),
        made({"size": "1", "tag": None, "parts": []}),
        made({"size": 5, "tag": None, "parts": [[0, 10]]}, bytes(10)),
        MAGIC + b"[" * 100_000 + b"\n",
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
@example(SMALL_KEPT.index(b"II*") + 8 + 2 + 9, 0x40)
def test_a_snapshot_with_a_changed_byte_is_refused_or_reads_the_same(at, change):
    kept = bytearray(SMALL_KEPT)
    kept[at] ^= change
    try:
        found = asyncio.run(outcome(bytes(kept)))
    except UsageError:
        return
    assert found == EXPECTED
