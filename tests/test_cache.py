"""The block cache: fewer requests, never another generation's bytes, never another's secrets."""

from __future__ import annotations

import asyncio
import copy
import errno
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

import tinycog
import tinycog.sync
from tinycog import Block, ByteRange, DiskCache, MemoryCache, UsageError
from tinycog.cache import database
from tinycog.errors import CorruptTileError, SourceChangedError
from tinycog.fetch import cached_object
from tinycog.fetch.cache_io import io_of
from tinycog.fetch.pin import Pin
from tinycog.testing import (
    Layout,
    RangeServer,
    make_image,
    make_pyramid,
    make_tiff,
    serve_in_thread,
)

HEAD = 32 * 1024
PIXELS = np.random.default_rng(1).integers(0, 9, (1, 512, 768), np.uint8)
DATA = make_tiff(make_pyramid(PIXELS, (2, 4), tile=(64, 64)), layout=Layout(gap=40_000))
"""Its IFDs, indices and tiles lie outside of the head, and far apart."""
COLD = 5
"""Requests of a tile of it: the head, an IFD, both columns of its index, the tile."""
BLOCKS = COLD + 1
"""The same, and its size."""

OLD = 1_000_000_000
NAME = "a.tif"


def on_disk(folder: Path, data: bytes = DATA, modified: int = OLD) -> Path:
    """A file that was modified long ago: its ETag is that of nginx."""
    path = folder / NAME
    path.write_bytes(data)
    os.utime(path, (modified, modified))
    return path


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryCache | DiskCache:
    return MemoryCache() if request.param == "memory" else DiskCache(tmp_path / "cache")


@pytest.fixture
def disk(tmp_path: Path) -> DiskCache:
    return DiskCache(tmp_path / "cache")


def tile(cog: tinycog.Cog, x: int = 1, y: int = 1) -> Any:
    return cog.read_tile(0, x, y)


def expected(x: int = 1, y: int = 1, pixels: np.ndarray = PIXELS) -> np.ndarray:
    return pixels[:, 64 * y : 64 * y + 64, 64 * x : 64 * x + 64]


def database_of(cache: DiskCache) -> Path:
    return cache.folder / database.FILE_NAME


def written(cache: DiskCache, blocks: int) -> None:
    """Wait until so many blocks are on disk."""
    wait_until(lambda: cache.held and _count(cache) >= blocks)


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _count(cache: DiskCache) -> int:
    connection = sqlite3.connect(database_of(cache))
    try:
        return connection.execute("SELECT count(*) FROM contents").fetchone()[0]
    finally:
        connection.close()


# --- what it costs -------------------------------------------------------------------------------


async def test_a_warm_handle_asks_which_generation_it_is_and_nothing_else(tmp_path, cache):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        cold = tinycog.open(server.url(NAME), cache=cache)
        await tile(cold)
        assert len(server.log) == COLD
        server.clear()

        warm = tinycog.open(server.url(NAME), cache=cache)
        np.testing.assert_array_equal((await tile(warm)).data, expected())
        assert [(line.start, line.stop, line.sent) for line in server.log] == [(0, HEAD, HEAD)]
        assert [request.start for request in warm.requests] == [0]


async def test_a_handle_that_knows_its_generation_sends_nothing(tmp_path, cache):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        cold = await tinycog.open(server.url(NAME), cache=cache)
        await tile(cold)
        pin, snapshot = cold.pin, cold.snapshot()
        server.clear()

        for cog in (
            tinycog.open(server.url(NAME), cache=cache, pin=pin),
            tinycog.open(server.url(NAME), cache=cache, snapshot=snapshot),
        ):
            np.testing.assert_array_equal((await tile(await cog)).data, expected())
            assert cog.requests == ()
            assert cog._file.fetcher.buffer.size == len(DATA)
        assert server.log == []


async def test_a_snapshot_has_no_pixels_but_the_head_is_cached(tmp_path, cache):
    data = make_tiff([make_image(PIXELS, tile=(64, 64))])
    async with RangeServer({NAME: on_disk(tmp_path, data)}) as server:
        cold = await tinycog.open(server.url(NAME), cache=cache)
        snapshot = cold.snapshot()
        await cold.read()
        server.clear()
        warm = tinycog.open(server.url(NAME), cache=cache, snapshot=snapshot)
        assert (await warm.plan()).requests == ()
        np.testing.assert_array_equal((await warm.read()).data, PIXELS)
        assert server.log == []


async def test_a_whole_header_costs_nothing_of_a_pinned_handle(tmp_path, cache):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        cold = await tinycog.open(server.url(NAME), cache=cache)
        server.clear()
        warm = await tinycog.open(server.url(NAME), cache=cache, pin=cold.pin)
        assert server.log == []
        assert warm.info() == cold.info()


async def test_the_plan_leaves_out_what_is_cached(tmp_path, cache):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        first = await tinycog.open(server.url(NAME), cache=cache)
        await first.read_tiles([(0, 2, 2), (0, 3, 2), (0, 8, 5)])
        cog = await tinycog.open(server.url(NAME), cache=cache)
        window = (64, 64, 600, 300)
        plan = await cog.plan(window=window)
        whole = await tinycog.open(server.url(NAME), cache=False)
        server.clear()

        raster = await cog.read(window=window)
        asked = sorted((line.start, line.stop) for line in server.log)
        assert asked == sorted(plan.requests)
        assert plan.bytes < (await whole.plan(window=window)).bytes
        np.testing.assert_array_equal(raster.data, PIXELS[:, 64:364, 64:664])
        assert (await cog.plan(window=window)).requests == ()


async def test_stored_bytes_and_points_come_from_the_cache_too(tmp_path, cache):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        cold = await tinycog.open(server.url(NAME), cache=cache)
        stored = await cold.read_tile_bytes(0, 3, 3)
        server.clear()
        warm = tinycog.open(server.url(NAME), cache=cache, pin=cold.pin)
        assert await warm.read_tile_bytes(0, 3, 3) == stored
        assert (await warm.points([(3 * 64, 3 * 64)])).data[0, 0] == PIXELS[0, 192, 192]
        tiles = warm.iter_tiles(window=(192, 192, 64, 64))
        (found,) = [one.data async for one in tiles]
        np.testing.assert_array_equal(found, expected(3, 3))
        assert server.log == []


async def test_what_is_read_along_in_a_gap_is_not_kept(tmp_path):
    data = make_tiff([make_image(PIXELS, tile=(64, 64))], layout=Layout(gap=100))
    cache = MemoryCache()
    async with RangeServer({NAME: on_disk(tmp_path, data)}) as server:
        cog = await tinycog.open(server.url(NAME), cache=cache)
        ranges = {(place.start, place.stop) for place in map(_half_open, await cog.tile_ranges(0))}
        await cog.read()
    tiles = cache._blocks["tile"]
    assert tiles
    in_head = {(HEAD, stop) for _, stop in ranges}  # the rest of a tile that begins in the head
    assert {tuple(block.range) for block in tiles} <= ranges | in_head


def _half_open(place: tinycog.TileRange) -> ByteRange:
    return ByteRange(place.offset, place.offset + place.length)


async def test_files_beside_are_cached_each_with_its_own_generation(tmp_path, cache):
    world = b"2\n0\n0\n-2\n10\n20\n"
    (tmp_path / "a.tfw").write_bytes(world)
    os.utime(tmp_path / "a.tfw", (OLD, OLD))
    overview = tmp_path / "b.ovr"
    overview.write_bytes(make_tiff([make_image(PIXELS[:, ::2, ::2], tile=(64, 64))]))
    os.utime(overview, (OLD, OLD))
    plain = on_disk(tmp_path, make_tiff([make_image(PIXELS, tile=(64, 64))]))
    files = {NAME: plain, "a.tfw": tmp_path / "a.tfw", "a.tif.ovr": overview}
    async with RangeServer(files) as server:
        cold = await tinycog.open(server.url(NAME), cache=cache, sidecars=True)
        before = (await cold.read_tile(1, 2, 2)).data
        server.clear()
        warm = await tinycog.open(server.url(NAME), cache=cache, sidecars=True)
        assert len(warm.levels) == 2
        assert warm.transform == cold.transform
        headers = len(server.log)
        np.testing.assert_array_equal((await warm.read_tile(1, 2, 2)).data, before)
        assert len(server.log) == headers


def test_the_blocking_face_has_it_too(tmp_path, cache):
    with serve_in_thread({NAME: on_disk(tmp_path)}) as server:
        with tinycog.sync.open(server.url(NAME), cache=cache) as cog:
            cog.read_tile(0, 1, 1)
            pin = cog.pin
        server.clear()
        with tinycog.sync.open(server.url(NAME), cache=cache, pin=pin) as cog:
            np.testing.assert_array_equal(cog.read_tile(0, 1, 1).data, expected())
        assert server.log == []


async def test_one_cache_can_be_set_for_the_process(tmp_path):
    cache = MemoryCache()
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        try:
            tinycog.configure(cache=cache)
            await tile(tinycog.open(server.url(NAME)))
            held = cache.held
            assert held > HEAD
            await tile(tinycog.open(server.url(NAME), cache=False), 2, 2)
            assert cache.held == held
            tinycog.configure(http=None)
            server.clear()
            await tile(tinycog.open(server.url(NAME)))
            assert len(server.log) == 1
        finally:
            tinycog.configure(cache=None)
        server.clear()
        await tile(tinycog.open(server.url(NAME)))
        assert len(server.log) == COLD


@pytest.mark.parametrize("wrong", ["folder", 1, MemoryCache, True])
def test_what_is_no_cache_is_refused(wrong):
    for call in (
        lambda: tinycog.open("a.tif", cache=wrong),
        lambda: tinycog.configure(cache=wrong),
    ):
        with pytest.raises(UsageError, match="cache= must be"):
            call()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "1", True, None])
def test_a_bound_is_a_number_of_bytes(wrong, tmp_path):
    for make in (MemoryCache, lambda max_bytes: DiskCache(tmp_path, max_bytes)):
        with pytest.raises(UsageError, match="max_bytes"):
            make(wrong)
    with pytest.raises(UsageError, match="folder"):
        DiskCache("")


# --- never another generation --------------------------------------------------------------------


async def test_an_object_that_was_replaced_is_read_anew(tmp_path, cache):
    path = on_disk(tmp_path)
    async with RangeServer({NAME: path}) as server:
        first = await tinycog.open(server.url(NAME), cache=cache)
        await tile(first)
        other = 9 - PIXELS
        on_disk(
            tmp_path,
            make_tiff(make_pyramid(other, (2, 4), tile=(64, 64)), layout=Layout(gap=40_000)),
            OLD + 1,
        )

        fresh = tinycog.open(server.url(NAME), cache=cache)
        np.testing.assert_array_equal((await tile(fresh)).data, expected(pixels=other))
        assert fresh.pin != first.pin
        again = await tinycog.open(server.url(NAME), cache=cache)
        np.testing.assert_array_equal((await tile(again)).data, expected(pixels=other))

        # what was pinned is still there, and never mixed with what is there now
        pinned = tinycog.open(server.url(NAME), cache=cache, pin=first.pin)
        np.testing.assert_array_equal((await tile(pinned)).data, expected())
        with pytest.raises(SourceChangedError):
            await tile(pinned, 3, 3)


async def test_an_object_that_is_replaced_all_the_time_is_never_mixed(cache):
    versions = [
        make_tiff(
            [make_image(np.full((1, 256, 256), i, np.uint8), tile=(32, 32))],
            layout=Layout(gap=40_000),
        )
        for i in range(5)
    ]
    async with RangeServer({NAME: versions[0]}) as server:
        pins: dict[str | None, int] = {}
        whole = changed = 0

        async def read(i: int) -> None:
            nonlocal whole, changed
            known = sorted(pins, key=str)
            cog = tinycog.open(
                server.url(NAME),
                cache=cache,
                pin=known[i % len(known)] if known and i % 3 else None,
            )
            try:
                tiles = [await cog.read_tile(0, (i + k) % 8, (i * k) % 8) for k in range(4)]
            except SourceChangedError:
                changed += 1
                return
            (value,) = {int(v) for raster in tiles for v in np.unique(raster.data)}
            assert pins.setdefault(cog.pin, value) == value
            whole += 1

        for i in range(0, 120, 4):
            reads = [asyncio.ensure_future(read(i + k)) for k in range(4)]
            await asyncio.sleep(0.002)
            server.files[NAME] = versions[i // 4 % 5]
            await asyncio.gather(*reads)
            await read(0)  # whole, however slow the others were
        assert len(pins) > 2
        assert whole > 20
        assert changed


@pytest.mark.parametrize("etag", [False, "weak"])
async def test_nothing_is_kept_of_a_generation_without_a_lasting_name(tmp_path, cache, etag):
    async with RangeServer({NAME: on_disk(tmp_path)}, etag=etag) as server:
        for _ in range(2):
            server.clear()
            await tile(tinycog.open(server.url(NAME), cache=cache))
            assert len(server.log) == COLD
    assert cache.held == 0


async def test_what_is_new_is_kept_if_its_name_is_not_made_of_the_time(cache):
    async with RangeServer({NAME: DATA}) as server:
        await tile(tinycog.open(server.url(NAME), cache=cache))
        server.clear()
        await tile(tinycog.open(server.url(NAME), cache=cache))
        assert len(server.log) == 1


@pytest.mark.parametrize(
    "write", [lambda s: f"{s:x}-4d2", str, lambda s: np.base_repr(s, 36).lower() + "ya"]
)
@pytest.mark.parametrize("age", [1, 3600])
def test_an_etag_of_a_time_that_is_new_names_nothing_that_lasts(write, age):
    """As nginx, in hexadecimal, and Caddy, in base 36, write them."""
    modified = int(time.time()) - age
    etag = f'"{write(modified)}"'
    validators = {"ETag": etag, "Last-Modified": formatdate(modified, usegmt=True)}
    pin = Pin("a.tif")
    pin.check((0, 10), 100, etag, validators)
    assert pin.lasting == (None if age == 1 else etag)


@pytest.mark.parametrize("pinning", ["size", "off"])
async def test_nothing_is_kept_where_generations_are_not_compared(tmp_path, cache, pinning):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        await tile(tinycog.open(server.url(NAME), cache=cache, pinning=pinning))
    assert cache.held == 0


@pytest.mark.parametrize("kind", ["path", "bytes", "function", "fsspec"])
async def test_nothing_is_kept_of_sources_that_name_no_lasting_generation(tmp_path, kind):
    cache = MemoryCache()
    path = on_disk(tmp_path)

    async def get_range(start: int, stop: int) -> bytes:
        return DATA[start:stop]

    where: Any = {"path": path, "bytes": DATA, "function": get_range, "fsspec": str(path)}[kind]
    fs = fsspec.filesystem("file") if kind == "fsspec" else None
    np.testing.assert_array_equal(
        (await tile(tinycog.open(where, fs=fs, cache=cache))).data, expected()
    )
    assert cache.held == 0


async def test_a_file_system_that_names_generations_is_cached(tmp_path, cache):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        fs = fsspec.filesystem("http", skip_instance_cache=True)
        cold = tinycog.open(server.url(NAME), fs=fs, cache=cache)
        await tile(cold)
        server.clear()
        warm = tinycog.open(server.url(NAME), fs=fs, cache=cache, pin=cold.pin)
        np.testing.assert_array_equal((await tile(warm)).data, expected())
        assert len(server.log) == 1  # its credentials are not known: it has to be answered


# --- nobody else's bytes, no secrets -------------------------------------------------------------


async def test_bytes_that_were_read_with_other_credentials_are_not_read(tmp_path, cache):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        url = server.url(NAME)
        cold = tinycog.open(url, auth={"Authorization": "Bearer mine"}, cache=cache)
        await tile(cold)
        ways: list[dict[str, Any]] = [
            {"auth": {"Authorization": "Bearer yours"}},
            {"headers": {"Authorization": "Bearer mine"}},
            {},
        ]
        for options in ways:
            server.clear()
            await tile(tinycog.open(url, cache=cache, pin=cold.pin, **options))
            assert len(server.log) == COLD
        server.clear()
        mine = tinycog.open(url, auth={"authorization": "Bearer mine"}, cache=cache, pin=cold.pin)
        await tile(mine)
        assert server.log == []


@pytest.mark.parametrize(
    "options",
    [
        {"auth": lambda: {"Authorization": "Bearer new"}},
        {"http": tinycog.Http(cookies={"session": "1"})},
        {"allow_host": lambda _: True},
    ],
    ids=["function", "cookies", "allow_host"],
)
async def test_where_credentials_are_not_known_the_server_has_to_answer_first(
    tmp_path, cache, options
):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        cold = tinycog.open(server.url(NAME), cache=cache, **options)
        await tile(cold)
        server.clear()
        warm = tinycog.open(server.url(NAME), cache=cache, pin=cold.pin, **options)
        np.testing.assert_array_equal((await tile(warm)).data, expected())
        assert [(line.start, line.stop) for line in server.log] == [(0, HEAD)]


async def test_no_secret_lies_on_disk(tmp_path, disk):
    secrets = ("hunter2", "s3cr3t-t0ken", "Bearer-abc", "cookie-xyz", "127.0.0.1", NAME)
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        url = server.url(NAME).replace("127", "user:hunter2@127", 1) + "?sig=s3cr3t-t0ken"
        cog = tinycog.open(
            url,
            headers={"X-Api-Key": "Bearer-abc"},
            http=tinycog.Http(cookies={"session": "cookie-xyz"}),
            cache=disk,
        )
        await tile(cog)
    written(disk, BLOCKS)
    assert len(list(disk.folder.iterdir())) >= 1
    for path in disk.folder.iterdir():
        content = path.read_bytes()
        assert not [text for text in secrets if text.encode() in content or text in path.name]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
async def test_the_folder_is_its_users_alone(tmp_path):
    disk = DiskCache(tmp_path / "made" / "cache")
    disk.put({block(0): b"1"})
    assert disk.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in disk.folder.iterdir()} == {0}


# --- the bound -----------------------------------------------------------------------------------


def block(start: int, kind: Any = "tile", length: int = 1000, name: str = "ab" * 32) -> Block:
    return Block(name, kind, ByteRange(start, start + length))


@pytest.mark.parametrize("make", [MemoryCache, "disk"])
def test_the_blocks_that_were_not_used_for_longest_go_first(make, tmp_path, monkeypatch):
    monkeypatch.setattr(database, "USED_SECONDS", 0)
    most = 300_000
    cache: Any = DiskCache(tmp_path / "c", most) if make == "disk" else make(most)
    cache.put({block(1, "header"): b"h" * 1000})
    for i in range(2, 100):
        cache.put({block(i): bytes([i]) * 9000})
        assert cache.get([block(2)]) == [b"\2" * 9000]  # used again and again
        assert cache.held <= most
    assert cache.get([block(1, "header"), block(99), block(3)]) == [
        b"h" * 1000,
        b"\x63" * 9000,
        None,
    ]
    assert cache.has([block(2), block(50), block(3)]) == [True, False, False]
    cache.put({block(5000): bytes(most + 1)})  # larger than all of it
    assert cache.has([block(5000), block(2)]) == [False, True]
    cache.remove([block(2)])
    assert cache.has([block(2)]) == [False]
    cache.clear()
    assert cache.held == 0


@pytest.mark.parametrize("make", [MemoryCache, "disk"])
def test_header_blocks_are_bounded_too(make, tmp_path):
    most = 200_000
    cache: Any = DiskCache(tmp_path / "c", most) if make == "disk" else make(most)
    for i in range(100):
        cache.put({block(i, "header"): bytes(8000), block(i): bytes(8000)})
        assert cache.held <= most
    kinds = [sum(cache.has([block(i, kind) for i in range(100)])) for kind in ("header", "tile")]
    assert min(kinds) >= 3
    assert kinds[0] < kinds[1]


def test_the_files_are_bounded_too(tmp_path):
    most = 4 << 20
    cache = DiskCache(tmp_path / "c", most)
    for i in range(400):
        cache.put({block(i): os.urandom(40_000)})
    assert sum(path.stat().st_size for path in cache.folder.iterdir()) < 1.5 * most
    smaller = DiskCache(tmp_path / "c", most // 4)
    smaller.put({block(1000): b"1"})
    assert smaller.held <= most // 4
    assert database_of(cache).stat().st_size < most


# --- several at once -----------------------------------------------------------------------------


READ_ALL = """
import asyncio, sys
import tinycog

async def run(url, folder):
    for _ in range(3):
        cog = await tinycog.open(url, cache=tinycog.DiskCache(folder, 150_000))
        data = (await cog.read()).data
    return data

sys.stdout.buffer.write(asyncio.run(run(*sys.argv[1:])).tobytes())
"""

WRITE_FOR_EVER = """
import sys
from itertools import count
from tinycog import Block, ByteRange, DiskCache

cache = DiskCache(sys.argv[1], 1 << 20)
for i in count():
    cache.put({Block("ab" * 32, "tile", ByteRange(i, i + 50_000)): bytes([i % 256]) * 50_000})
"""


def started(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Run code in a process of its own."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - ours


def test_two_processes_share_a_folder(tmp_path):
    with serve_in_thread({NAME: on_disk(tmp_path)}) as server:
        both = [started(READ_ALL, server.url(NAME), tmp_path / "cache") for _ in range(2)]
        found = [process.communicate()[0] for process in both]
        assert found == [PIXELS.tobytes()] * 2
        assert [process.returncode for process in both] == [0, 0]


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_process_that_is_killed_while_it_writes_leaves_whole_blocks(tmp_path):
    cache = DiskCache(tmp_path / "cache", 1 << 20)
    cache.put({block(1_000_000): b"1"})
    with started(WRITE_FOR_EVER, cache.folder) as process:
        wait_until(lambda: cache.held > 800_000)
        process.kill()
    blocks = [block(i, length=50_000) for i in range(2000)]
    found = {i: data for i, data in enumerate(cache.get(blocks)) if data is not None}
    assert found
    assert all(data == bytes([i % 256]) * 50_000 for i, data in found.items())
    assert cache.held <= 1 << 20
    cache.clear()
    cache.put({block(1): b"1"})
    assert cache.get([block(1)]) == [b"1"]


def test_threads_and_loops_share_a_handle_and_a_cache(tmp_path, cache):
    with serve_in_thread({NAME: on_disk(tmp_path)}) as server:
        cog = tinycog.open(server.url(NAME), cache=cache)
        asyncio.run(cog.read())
        pin = cog.pin
        server.clear()
        shared = tinycog.open(server.url(NAME), cache=cache, pin=pin)
        wrong: list[int] = []

        def read() -> None:
            raster = asyncio.run(shared.read())
            wrong.append(int((raster.data != PIXELS).sum()))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == [0] * 8
        assert server.log == []


def test_a_read_does_not_wait_for_another_process_that_writes(disk, monkeypatch):
    monkeypatch.setattr(database, "USED_SECONDS", 0)
    disk.put({block(1): b"1"})
    writing = sqlite3.connect(database_of(disk), isolation_level=None)
    try:
        writing.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        assert disk.get([block(1)]) == [b"1"]
        disk.put({block(1): b"1"})  # it is there: nothing is written
        assert time.monotonic() - begun < database.BUSY_SECONDS
        disk.put({block(2): b"2"})  # given up
        assert disk.get([block(2)]) == [None]
    finally:
        writing.close()
    disk.put({block(2): b"2"})
    assert disk.get([block(2)]) == [b"2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_reads_and_writes_too(disk):
    disk.put({block(1): b"1"})
    pid = os.fork()
    if not pid:
        try:
            is_right = disk.get([block(1)]) == [b"1"]
            disk.put({block(2): b"2"})
        except BaseException:  # noqa: BLE001 - a child must not go on as a test
            is_right = False
        os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert disk.get([block(1), block(2)]) == [b"1", b"2"]


async def test_reads_side_by_side_join_what_is_under_way(tmp_path, cache):
    async with RangeServer({NAME: on_disk(tmp_path)}, latency=0.02) as server:
        cog = await tinycog.open(server.url(NAME), cache=cache)
        await tile(cog)
        server.clear()
        many = [cog.read_tile(0, 2, 2), cog.read_tile(0, 2, 2), cog.read_tile(0, 2, 2, padded=True)]
        for raster in await asyncio.gather(*many):
            np.testing.assert_array_equal(raster.data, expected(2, 2))
        assert len(server.log) == 1


async def test_a_read_that_is_cancelled_while_it_looks_leaves_nothing_behind(tmp_path):
    slow = SlowCache()
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        cog = await tinycog.open(server.url(NAME), cache=slow)
        await tile(cog, 2, 2)
        server.clear()
        slow.may_go_on.clear()
        reading = asyncio.ensure_future(tile(cog))
        await asyncio.to_thread(slow.waits_for.wait)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        slow.may_go_on.set()
        await asyncio.sleep(0.05)
        assert server.log == []
        np.testing.assert_array_equal((await tile(cog)).data, expected())


# --- what breaks ---------------------------------------------------------------------------------


BREAKS = {
    "altered": "UPDATE contents SET data = substr(data, 1, 10) || x'ff' || substr(data, 12)",
    "cut": "UPDATE contents SET data = substr(data, 1, length(data) / 2)",
    "emptied": "UPDATE contents SET data = x''",
    "without checksum": "UPDATE contents SET checksum = NULL",
    "exchanged": "UPDATE blocks SET id = 1000 - id",
    "of another kind": "UPDATE contents SET data = 'text'",
    "lost": "DELETE FROM contents",
}


@pytest.mark.parametrize("how", BREAKS)
async def test_a_broken_block_is_removed_and_read_anew(tmp_path, disk, how):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        pin = await warmed(server, disk)
        broken = sqlite3.connect(database_of(disk))
        broken.execute("DROP TRIGGER removed") if how == "exchanged" else None
        broken.execute(BREAKS[how])
        broken.commit()
        broken.close()
        server.clear()

        cog = tinycog.open(server.url(NAME), cache=disk, pin=pin)
        np.testing.assert_array_equal((await tile(cog)).data, expected())
        assert len(server.log) == COLD


async def warmed(server: RangeServer, cache: DiskCache) -> str | None:
    cog = tinycog.open(server.url(NAME), cache=cache)
    await tile(cog)
    await asyncio.to_thread(written, cache, BLOCKS)
    return cog.pin


@pytest.mark.parametrize("content", [b"", b"no database " * 1000, None])
async def test_a_broken_file_is_made_anew(tmp_path, disk, content):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        pin = await warmed(server, disk)
        path = database_of(disk)
        if content is None:  # pages in the middle are lost
            sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
            whole = path.read_bytes()
            content = whole[:4096] + os.urandom(len(whole) - 4096)
        path.with_name(path.name + "-wal").unlink(missing_ok=True)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        path.unlink()
        path.write_bytes(content)
        for _ in range(3):
            cog = tinycog.open(server.url(NAME), cache=DiskCache(disk.folder), pin=pin)
            np.testing.assert_array_equal((await tile(cog)).data, expected())
            await asyncio.sleep(0.05)
        server.clear()
        await tile(tinycog.open(server.url(NAME), cache=disk, pin=pin))
        assert server.log == []


async def test_a_folder_that_is_removed_is_made_anew(tmp_path, disk):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        pin = await warmed(server, disk)
        for path in disk.folder.iterdir():
            path.unlink()
        disk.folder.rmdir()
        await tile(tinycog.open(server.url(NAME), cache=disk, pin=pin))
        await asyncio.to_thread(written, disk, BLOCKS)
        server.clear()
        await tile(tinycog.open(server.url(NAME), cache=disk, pin=pin))
        assert server.log == []


async def test_a_tile_that_cannot_be_decoded_is_asked_for_again(tmp_path, cache):
    image = make_image(PIXELS, tile=(64, 64), compression=8)
    data = make_tiff([image], layout=Layout(gap=40_000))
    broken = bytearray(data)
    async with RangeServer({NAME: on_disk(tmp_path, data)}) as server:
        cog = await tinycog.open(server.url(NAME), cache=False)
        (place,) = [one for one in await cog.tile_ranges(0) if (one.x, one.y) == (1, 1)]
        broken[place.offset : place.offset + 40] = bytes(40)
        on_disk(tmp_path, bytes(broken))
        for _ in range(2):
            server.clear()
            with pytest.raises(CorruptTileError):
                await tile(tinycog.open(server.url(NAME), cache=cache))
            assert (place.offset, place.offset + place.length) in [
                (line.start, line.stop) for line in server.log
            ]
        on_disk(tmp_path, data)  # of the same name: what was sent was broken on its way
        np.testing.assert_array_equal(
            (await tile(tinycog.open(server.url(NAME), cache=cache))).data, expected()
        )


# --- folders and disks that cannot be used -------------------------------------------------------


async def reads_right(server: RangeServer, cache: Any, pin: str | None = None) -> list[str]:
    """Read by three handles, and return the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            cog = tinycog.open(server.url(NAME), cache=cache, pin=pin)
            np.testing.assert_array_equal((await tile(cog)).data, expected())
            await asyncio.sleep(0.02)
    return [str(one.message) for one in caught if one.category is RuntimeWarning]


async def test_a_folder_that_cannot_be_made_is_one_warning(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    disk = DiskCache(tmp_path / "file" / "cache")
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        (told,) = await reads_right(server, disk)
    assert "cannot be used" in told
    assert str(disk.folder) in told


async def test_a_folder_that_cannot_be_written_is_still_read(tmp_path, disk, monkeypatch):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        pin = await warmed(server, disk)
        folder = tmp_path / "other"
        disk.folder.rename(folder)

        def refuse(*_: object) -> int:
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(database.os, "open", refuse)
        read_only = DiskCache(folder)
        server.clear()
        assert await reads_right(server, read_only, pin) == []
        assert server.log == []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for i in range(3):
                read_only.put({block(i): b"1"})
        (told,) = [str(one.message) for one in caught if one.category is RuntimeWarning]
        assert "nothing is kept there any more" in told
        assert read_only.has([block(1)]) == [False]
        read_only.remove([block(1)])
        assert await reads_right(server, read_only, pin) == []
        assert server.log == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_the_first_call_in_a_folder_that_cannot_be_written_may_be_to_write(disk, monkeypatch):
    disk.put({block(1): b"1"})
    disk._database.forget_connections()
    monkeypatch.setattr(database.os, "open", lambda *_: os.close(-1))  # raises an OSError
    with pytest.warns(RuntimeWarning, match="nothing is kept there"):
        disk.put({block(2): b"2"})
    assert disk.get([block(1), block(2)]) == [b"1", None]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
async def test_a_folder_without_permission_to_write_is_still_read(tmp_path, disk):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        pin = await warmed(server, disk)
        database_of(disk).chmod(0o400)
        disk.folder.chmod(0o500)
        try:
            server.clear()
            await reads_right(server, DiskCache(disk.folder), pin)
            assert server.log == []
        finally:
            disk.folder.chmod(0o700)


async def test_a_full_disk_is_one_warning_and_what_is_there_is_still_read(
    tmp_path, disk, monkeypatch
):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        pin = await warmed(server, disk)
        connect = database._connect

        def full(uri: str, *, is_new: bool) -> sqlite3.Connection:
            connection = connect(uri, is_new=is_new)
            connection.execute("PRAGMA max_page_count = 1").fetchall()  # no more than it has
            return connection

        monkeypatch.setattr(database, "_connect", full)
        disk._database.forget_connections()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for i in range(8):
                disk.put({block(i): os.urandom(100_000)})
        (told,) = [str(one.message) for one in caught if one.category is RuntimeWarning]
        assert "nothing is kept there any more" in told
        assert "full" in told
        server.clear()
        assert await reads_right(server, disk, pin) == []
        assert server.log == []


# --- caches of one's own -------------------------------------------------------------------------


class DictCache:
    """What a user may bring."""

    waits = True

    def __init__(self) -> None:
        self.held: dict[Block, bytes] = {}
        self.threads: set[int] = set()

    def get(self, blocks: Sequence[Block], /) -> list[bytes | None]:
        self.threads.add(threading.get_ident())
        return [self.held.get(one) for one in blocks]

    def put(self, blocks: Mapping[Block, bytes], /) -> None:
        self.threads.add(threading.get_ident())
        self.held.update(blocks)

    def has(self, blocks: Sequence[Block], /) -> list[bool]:
        return [one in self.held for one in blocks]

    def remove(self, blocks: Sequence[Block], /) -> None:
        for one in blocks:
            self.held.pop(one, None)


class SlowCache(DictCache):
    """Answers when it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on, self.waits_for = threading.Event(), threading.Event()
        self.may_go_on.set()

    def get(self, blocks: Sequence[Block], /) -> list[bytes | None]:
        if not self.may_go_on.is_set():
            self.waits_for.set()
            assert self.may_go_on.wait(10)
        return super().get(blocks)


class LateCache(DictCache):
    """Writes only between what it tells of its blocks and the return of that."""

    def __init__(self) -> None:
        super().__init__()
        self.may_write = threading.Event()

    def put(self, blocks: Mapping[Block, bytes], /) -> None:
        assert self.may_write.wait(10)
        super().put(blocks)

    def has(self, blocks: Sequence[Block], /) -> list[bool]:
        told, waiting = super().has(blocks), io_of(self)._pending
        self.may_write.set()
        until = time.monotonic() + 10
        while waiting and time.monotonic() < until:
            time.sleep(0.001)
        return told


class BrokenCache(DictCache):
    def get(self, _: Sequence[Block], /) -> list[bytes | None]:
        raise ConnectionError("no such host")

    put = has = remove = get  # pyright: ignore[reportAssignmentType]


class WrongCache(DictCache):
    def get(self, _: Sequence[Block], /) -> list[bytes | None]:
        return [b""]

    def has(self, _: Sequence[Block], /) -> list[bool]:
        return []


async def test_a_cache_of_ones_own_is_called_off_the_event_loop(tmp_path):
    own = DictCache()
    assert isinstance(own, tinycog.Cache)
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        cog = tinycog.open(server.url(NAME), cache=own)
        await tile(cog)
        server.clear()
        await tile(tinycog.open(server.url(NAME), cache=own, pin=cog.pin))
        assert server.log == []
    assert threading.get_ident() not in own.threads
    assert {one.kind for one in own.held} == {"header", "tile"}


async def test_a_cache_that_waits_does_not_stop_the_event_loop(tmp_path):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        slow = SlowCache()
        cog = await tinycog.open(server.url(NAME), cache=slow)
        await tile(cog)
        slow.may_go_on.clear()
        reading = asyncio.ensure_future(tile(cog, 2, 2))
        await asyncio.to_thread(slow.waits_for.wait)
        slow.may_go_on.set()  # by the event loop, which is not stopped
        await reading


async def test_what_is_written_while_a_plan_asks_is_cached_to_it(tmp_path):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        late = LateCache()
        cog = await tinycog.open(server.url(NAME), cache=late)
        await cog.read(window=(64, 64, 600, 300))
        assert (await cog.plan(window=(64, 64, 600, 300))).requests == ()
        assert late.may_write.is_set()


async def test_a_cache_that_does_not_answer_is_not_waited_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(cached_object, "MOST_SECONDS", 0.1)
    slow = SlowCache()
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        slow.may_go_on.clear()
        try:
            cog = tinycog.open(server.url(NAME), cache=slow)
            np.testing.assert_array_equal((await tile(cog)).data, expected())
            assert len(server.log) == COLD
        finally:
            slow.may_go_on.set()


@pytest.mark.parametrize("kind", [BrokenCache, WrongCache])
@pytest.mark.parametrize("waits", [True, False])
async def test_a_cache_that_fails_is_one_warning_and_no_failed_read(tmp_path, kind, waits):
    own = kind()
    own.waits = waits
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        cog = await tinycog.open(server.url(NAME), cache=False)
        for told in await reads_right(server, own):
            assert told.startswith("a cache failed, it is read around: ")
        pinned = tinycog.open(server.url(NAME), cache=own, pin=cog.pin)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert len((await pinned.plan(0, 1, 1)).requests) == 1
        assert [one.category for one in caught] == [RuntimeWarning]


# --- pickles -------------------------------------------------------------------------------------


ELSEWHERE = """
import pickle, sys
first, second = (pickle.loads(bytes.fromhex(text)) for text in sys.argv[1:])
print(first, first is second, first.held)
"""


def test_a_cache_pickles(disk):
    memory = MemoryCache(12345)
    memory.put({block(1): b"1"})
    disk.put({block(1): b"1"})
    assert pickle.loads(pickle.dumps(memory)) is memory  # noqa: S301 - ours
    assert copy.deepcopy(memory) is memory
    assert pickle.loads(pickle.dumps(disk)) == disk  # noqa: S301 - ours
    assert hash(copy.copy(disk)) == hash(disk)
    assert disk != DiskCache(disk.folder, 1)
    pickles = [pickle.dumps(one).hex() for one in (memory, disk)]
    running = [started(ELSEWHERE, pickled, pickled) for pickled in pickles]
    found = [process.communicate()[0].decode().strip() for process in running]
    assert found == [f"{memory} True 0", f"{disk} False {disk.held}"]


async def test_a_handle_pickles_with_its_cache(tmp_path, cache):
    async with RangeServer({NAME: on_disk(tmp_path)}) as server:
        cog = await tinycog.open(server.url(NAME), cache=cache)
        await tile(cog)
        again = pickle.loads(pickle.dumps(cog))  # noqa: S301 - ours
        server.clear()
        np.testing.assert_array_equal((await tile(again)).data, expected())
        assert server.log == []  # the pickle has the header, the cache the tile
