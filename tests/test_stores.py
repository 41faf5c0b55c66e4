"""Objects in fsspec's file systems: generations, time limits, forks."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import socket
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

import tinycog
from tinycog import Limits, Retries, SourceChangedError, SourceTimeoutError, UsageError
from tinycog.sources.factory import make_source
from tinycog.sources.stores.errors import status_of, to_source_error
from tinycog.sources.stores.names import names_of
from tinycog.testing import Fault, RangeRecorder, RangeServer, make_pyramid, make_tiff
from tinycog.tiff.ranges import ByteRange

SIDE = 256
OLD = np.full((1, SIDE, SIDE), 1, np.uint8)
NEW = np.full((1, SIDE, SIDE), 2, np.uint8)
FILES = [make_tiff(make_pyramid(pixels, (2,), tile=(32, 32))) for pixels in (OLD, NEW)]
UPPER, LOWER = (0, 0, SIDE, 128), (0, 128, SIDE, 128)
MEMORY: Any = fsspec.filesystem("memory")
QUICK = Limits(retries=Retries(tries=3, seconds=15, silence=0.1, first_delay=0.01))


@pytest.fixture(autouse=True)
def _empty_memory():
    yield
    if MEMORY.exists("/stores"):
        MEMORY.rm("/stores", recursive=True)


def local(way: str, folder: Path) -> tuple[str, dict[str, Any]]:
    """Where to read `a.tif` of a folder, by different file systems."""
    path = str(folder / "a.tif")
    awaited: Any = None
    if way.startswith("async"):
        wrapper = pytest.importorskip("fsspec.implementations.asyn_wrapper")  # fsspec 2024.12
        awaited = wrapper.AsyncFileSystemWrapper(LocalFileSystem(), asynchronous=False)
    block = {"blockcache": {"cache_storage": str(folder / "blocks")}}
    return {
        "local": (path, {"fs": LocalFileSystem()}),
        "async": (path, {"fs": awaited}),
        "folder": ("a.tif", {"fs": DirFileSystem(str(folder), fs=LocalFileSystem())}),
        "async folder": ("a.tif", {"fs": DirFileSystem(str(folder), fs=awaited)}),
        "blocks": (f"blockcache::file://{path}", {"storage_options": block}),
    }[way]


WAYS = ("local", "async", "folder", "async folder", "blocks")


# --- replaced ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of blockcache
@pytest.mark.parametrize("way", WAYS)
async def test_a_file_that_is_replaced_is_never_mixed(tmp_path, way):
    (tmp_path / "a.tif").write_bytes(FILES[0])
    where, options = local(way, tmp_path)
    cog = tinycog.open(where, **options)
    assert (await cog.read(window=UPPER)).data.max() == 1
    (tmp_path / "new.tif").write_bytes(FILES[1])
    (tmp_path / "new.tif").replace(tmp_path / "a.tif")
    with pytest.raises(SourceChangedError, match="has changed since it was opened"):
        await cog.read(window=LOWER)


@pytest.mark.parametrize("way", ["local", "async"])
async def test_a_snapshot_is_not_laid_over_another_file(tmp_path, way):
    (tmp_path / "a.tif").write_bytes(FILES[0])
    where, options = local(way, tmp_path)
    cog = await tinycog.open(where, **options)
    again = tinycog.open(where, snapshot=cog.snapshot(), **options)
    assert (await again.read()).data.max() == 1
    (tmp_path / "a.tif").write_bytes(FILES[1])
    with pytest.raises(SourceChangedError):
        await tinycog.open(where, snapshot=cog.snapshot(), **options).read()


async def test_memory_is_pinned_and_its_pin_is_taken():
    MEMORY.pipe("/stores/a.tif", FILES[0])
    cog = await tinycog.open("memory://stores/a.tif")
    assert cog.pin is not None
    assert cog.pin.startswith("created ")
    pinned = tinycog.open("memory://stores/a.tif", pin=cog.pin)
    assert (await pinned.read()).data.max() == 1
    MEMORY.pipe("/stores/a.tif", FILES[1])
    for one in (cog, tinycog.open("memory://stores/a.tif", pin=cog.pin)):
        with pytest.raises(SourceChangedError):
            await one.read()


async def test_a_copy_is_read_to_the_end_whatever_becomes_of_the_object(tmp_path):
    (tmp_path / "a.tif").write_bytes(FILES[0])
    options = {"simplecache": {"cache_storage": str(tmp_path / "copies")}}
    where = f"simplecache::file://{tmp_path}/a.tif"
    cog = tinycog.open(where, storage_options=options)
    await cog.read(window=UPPER)
    (tmp_path / "a.tif").write_bytes(FILES[1])
    assert (await cog.read(window=LOWER)).data.max() == 1
    for copy in (tmp_path / "copies").iterdir():
        copy.unlink()
    with pytest.raises(SourceChangedError):
        await cog.read(window=(0, 64, SIDE, 64))


async def test_a_member_of_an_archive_that_is_replaced_is_never_mixed(tmp_path):
    def write(data: bytes) -> None:
        with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
            archive.writestr("a.tif", data)
        (tmp_path / "new.zip").replace(tmp_path / "a.zip")

    write(FILES[0])
    cog = tinycog.open(f"zip://a.tif::file://{tmp_path}/a.zip")
    assert (await cog.read(window=UPPER)).data.max() == 1
    write(FILES[1])
    with pytest.raises(SourceChangedError):
        await cog.read(window=LOWER)


async def test_members_of_a_tar_are_read_side_by_side(tmp_path):
    pixels = np.arange(SIDE * SIDE, dtype=np.uint32).reshape(1, SIDE, SIDE)
    (tmp_path / "a.tif").write_bytes(make_tiff(make_pyramid(pixels, tile=(16, 16))))
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "a.tif", "a.tif")
    cog = tinycog.open(f"tar://a.tif::file://{tmp_path}/a.tar")
    tiles = [(0, x, y) for x in range(0, 16, 3) for y in range(0, 16, 2)]
    found = await asyncio.gather(*(cog.read_tile(*tile) for tile in tiles))
    for (_, x, y), tile in zip(tiles, found, strict=True):
        expected = pixels[:, y * 16 : y * 16 + 16, x * 16 : x * 16 + 16]
        assert np.array_equal(tile.data, expected)


class Swapping(LocalFileSystem):
    """Replaces the file while the first bytes of it are on their way."""

    cachable = False

    def cat_file(self, path, start=None, end=None, **_):
        data = super().cat_file(path, start=start, end=end)
        Path(path).with_name("new.tif").replace(path)
        return data


async def test_a_file_that_is_replaced_while_its_first_bytes_come_is_said(tmp_path):
    (tmp_path / "a.tif").write_bytes(FILES[0])
    (tmp_path / "new.tif").write_bytes(FILES[1])
    with pytest.raises(SourceChangedError):
        await tinycog.open(str(tmp_path / "a.tif"), fs=Swapping()).read()


class Listing(fsspec.AbstractFileSystem):
    """Remembers what it told, as stores do, and counts how often it has to find out."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.object: tuple[bytes, str] = FILES[0], '"e1"'
        self.asked = 0

    def info(self, path, **_):
        if path not in self.dircache:
            self.asked += 1
            data, etag = self.object
            self.dircache[path] = {"name": path, "size": len(data), "type": "file", "ETag": etag}
        return self.dircache[path]

    def invalidate_cache(self, path=None):
        self.dircache.pop(path, None)

    def cat_file(self, path, start=None, end=None, **_):  # noqa: ARG002
        return self.object[0][start:end]


async def test_a_remembered_listing_is_not_believed_and_costs_one_info_for_each_read():
    fs = Listing()
    cog = await tinycog.open("bucket/a.tif", fs=fs)
    await cog.read()
    assert cog.pin == '"e1"'
    assert fs.asked == 1 + len(cog.requests)
    fs.object = FILES[1], '"e2"'
    with pytest.raises(SourceChangedError) as caught:
        await cog.read()
    assert (caught.value.expected, caught.value.found) == ('"e1"', '"e2"')


# --- none is told --------------------------------------------------------------------------------


class Mute:
    """All that a file system must have: `cat_file`."""

    def cat_file(self, path, start=None, end=None):  # noqa: ARG002
        return FILES[0][start:end]


async def test_without_a_generation_a_pin_is_refused():
    cog = tinycog.open("a.tif", fs=Mute())
    assert (await cog.read()).data.max() == 1
    assert cog.pin is None
    with pytest.raises(UsageError, match=r'the generation "e" is wanted .* tells none of a\.tif'):
        await tinycog.open("a.tif", fs=Mute(), pin='"e"')
    again = tinycog.open("a.tif", fs=Mute(), snapshot=cog.snapshot())
    assert (await again.read()).data.max() == 1


@pytest.mark.parametrize("pinning", ["size", "off"])
async def test_what_a_file_system_tells_is_not_compared_where_that_is_asked_for(pinning):
    MEMORY.pipe_file("/stores/loose.tif", FILES[0])
    cog = await tinycog.open("memory://stores/loose.tif", pinning=pinning)
    MEMORY.pipe_file("/stores/loose.tif", FILES[1])
    assert (await cog.read()).data.max() == 2


@pytest.mark.parametrize(
    ("info", "names"),
    [
        (
            {"ETag": '"a"', "VersionId": "v", "LastModified": "t"},
            {"ETag": '"a"', "versionid": "v", "lastmodified": "lastmodified t"},
        ),
        (
            {"ETag": 'W/"a"', "Last-Modified": "t"},
            {"lastmodified weak ETag": 'lastmodified t, W/"a"'},
        ),
        (
            {"generation": "12", "mtime": None, "md5Hash": "m"},
            {"generation": "12", "md5hash": "md5hash m"},
        ),
        ({"ETag": "", "VersionId": "null", "size": 5, "atime": 3.0}, {}),
        (
            {"mtime": 3.5, "created": 2, "ino": 7},
            {"mtime created ino": "mtime 3.5, created 2, ino 7"},
        ),
    ],
)
def test_what_names_a_generation(info, names):
    assert list(names_of(info).items()) == list(names.items())


# --- time ----------------------------------------------------------------------------------------


class Hanging(fsspec.AbstractFileSystem):
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.called, self.event = threading.Event(), threading.Event()
        self.calls = 0

    def cat_file(self, path, start=None, end=None, **_):  # noqa: ARG002
        self.calls += 1
        self.called.set()
        self.event.wait(20)
        return FILES[0][start:end]


class HangingAwaited(AsyncFileSystem):
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.calls = self.cancelled = 0

    async def _info(self, path, **_):
        return {"name": path, "size": len(FILES[0]), "type": "file", "ETag": '"e"'}

    async def _cat_file(self, path, start=None, end=None, **_) -> bytes:  # noqa: ARG002
        self.calls += 1
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return b""


@pytest.mark.parametrize("kind", [Hanging, HangingAwaited])
async def test_a_file_system_that_hangs_is_tried_again_and_given_up(kind):
    fs = kind()
    begun = time.monotonic()
    with pytest.raises(SourceTimeoutError, match=r"did not answer in time.*\(tried 3 times\)"):
        await tinycog.open("a.tif", fs=fs, limits=QUICK)
    assert time.monotonic() - begun < 20  # a call that hangs
    assert fs.calls == 3
    if isinstance(fs, Hanging):
        fs.event.set()
    else:
        assert fs.cancelled >= 2  # the last one is under way in the other thread


async def test_what_is_cancelled_writes_nothing_later():
    fs = Hanging()
    answer = RangeRecorder()
    reading = asyncio.ensure_future(
        make_source("a.tif", fs=fs).read_range(ByteRange(0, 10), answer)
    )
    await asyncio.to_thread(fs.called.wait, 10)
    reading.cancel()
    fs.event.set()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.sleep(0.05)
    assert (answer.begun, answer.data) == (0, b"")


class Awkward(fsspec.AbstractFileSystem):
    """Fails as often as it was told, then reads."""

    cachable = False

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    def cat_file(self, path, start=None, end=None, **_):  # noqa: ARG002
        if self.errors:
            raise self.errors.pop()
        return FILES[0][start:end]


async def test_a_name_that_no_server_has_is_not_tried_again():
    fs = Awkward(socket.gaierror(socket.EAI_NONAME, "no such host"))
    with pytest.raises(tinycog.SourceError, match="no such host") as caught:
        await tinycog.open("a.tif", fs=fs, limits=QUICK)
    assert caught.value.tries == 1


async def test_a_connection_that_breaks_is_tried_again():
    fs = Awkward(ConnectionResetError("reset"), TimeoutError("slow"))
    assert (await tinycog.open("a.tif", fs=fs, limits=QUICK).read()).data.max() == 1


class StoreError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__("the store said no")
        self.status = status


@pytest.mark.parametrize(
    ("status", "kind", "may_pass"),
    [
        (403, tinycog.AccessDeniedError, False),
        (404, tinycog.NotFoundError, False),
        (416, tinycog.RangeNotSatisfiableError, False),
        (500, tinycog.SourceError, True),
        (503, tinycog.SourceBusyError, True),
    ],
)
def test_statuses_of_stores_mean_what_those_of_http_mean(status, kind, may_pass):
    error = OSError("wrapped")
    error.__cause__ = StoreError(status)
    found = to_source_error(error, "s3://bucket/a.tif", ByteRange(0, 10))
    assert (type(found), found.may_pass, status_of(error)) == (kind, may_pass, status)


# --- http by fsspec ------------------------------------------------------------------------------


async def test_the_http_of_fsspec_is_asked_with_conditions():
    http = fsspec.filesystem("http", skip_instance_cache=True)
    change = Fault.change(FILES[1], after=4)
    async with RangeServer({"a.tif": FILES[0]}, faults=[change]) as server:
        cog = tinycog.open(server.url("a.tif"), fs=http)
        assert (await cog.read(window=UPPER)).data.max() == 1
        assert len(server.log) == len(cog.requests) < 4
        assert {line.headers.get("if-match") for line in server.log} == {None, cog.pin}
        for _ in range(2):
            await cog.read_tile(0, 7, 7)
        with pytest.raises(SourceChangedError):
            await cog.read_tile(0, 7, 7)


# --- fork ----------------------------------------------------------------------------------------


def _largest(cog: tinycog.Cog) -> object:
    try:
        return int(asyncio.run(asyncio.wait_for(cog.read(), 20)).data.max())
    except Exception as exc:  # noqa: BLE001 - sent to the parent
        return f"{type(exc).__name__}: {exc}"


class Unpicklable(HangingAwaited):
    async def _cat_file(self, path, start=None, end=None, **_) -> bytes:  # noqa: ARG002
        return FILES[0][start:end]

    def __reduce__(self):
        raise TypeError("no")


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(
    ("way", "expected"),
    [("async", 1), ("async folder", 1), ("none", "SourceError: the Unpicklable was made before")],
)
def test_an_asynchronous_file_system_works_after_a_fork_or_says_why_not(tmp_path, way, expected):
    (tmp_path / "a.tif").write_bytes(FILES[0])
    lame: tuple[str, dict[str, Any]] = ("a.tif", {"fs": Unpicklable()})
    where, options = lame if way == "none" else local(way, tmp_path)
    cog = tinycog.open(where, **options)
    assert asyncio.run(_read(cog)) == 1
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=lambda: there.send(_largest(cog)))
    child.start()
    found = here.recv() if here.poll(30) else "it hangs"
    child.kill()
    child.join()
    assert str(found).startswith(str(expected))


async def _read(cog: tinycog.Cog) -> int:
    return int((await cog.read()).data.max())


async def test_a_handle_of_a_file_system_pickles(tmp_path):
    (tmp_path / "a.tif").write_bytes(FILES[0])
    where, options = local("local", tmp_path)
    cog = await tinycog.open(where, **options)
    assert (await pickle.loads(pickle.dumps(cog)).read()).data.max() == 1  # noqa: S301
