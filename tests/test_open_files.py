"""Binary files that the caller has open: read at any place, left where and as they were."""

from __future__ import annotations

import asyncio
import copy
import gzip
import io
import multiprocessing
import os
import pickle
import sys
import tempfile
import threading
import zipfile
from contextlib import contextmanager
from typing import Any

import fsspec
import numpy as np
import pytest

import tinycog
import tinycog.sync
from tinycog import RangeMismatchError, SourceChangedError, SourceError, UsageError
from tinycog.sources.factory import make_source
from tinycog.testing import SourceSuite, make_pyramid, make_tiff
from tinycog.testing.source_suite import read_range

SIDE = 256
PIXELS = np.arange(SIDE * SIDE, dtype=np.uint32).reshape(1, SIDE, SIDE)
FILE = make_tiff(make_pyramid(PIXELS, (2,), tile=(32, 32)))
DATA = bytes(i * 7 % 251 for i in range(1000))
MEMORY: Any = fsspec.filesystem("memory")
DISK: Any = fsspec.filesystem("file")


# --- all alike -----------------------------------------------------------------------------------


class TestBytesIO(SourceSuite):
    def make(self, data):
        return io.BytesIO(data)


class TestOpenFile(SourceSuite):
    is_picklable = False

    @pytest.fixture(autouse=True, params=["buffered", "unbuffered", "to write", "fsspec"])
    def way(self, request, tmp_path):
        self.kind, self.path = request.param, tmp_path / "a.tif"

    @contextmanager
    def make(self, data):
        self.path.write_bytes(data)
        kinds: dict[str, Any] = {
            "buffered": lambda: self.path.open("rb"),
            "unbuffered": lambda: self.path.open("rb", buffering=0),
            "to write": lambda: self.path.open("r+b"),
            "fsspec": lambda: DISK.open(str(self.path), "rb"),
        }
        with kinds[self.kind]() as file:
            file.seek(17)
            yield make_source(file)
            assert not file.closed
            assert file.tell() == 17


class TestTemporaryFile(SourceSuite):
    is_picklable = False

    @pytest.fixture(autouse=True, params=[tempfile.TemporaryFile, tempfile.NamedTemporaryFile])
    def way(self, request):
        self.opened = request.param

    @contextmanager
    def make(self, data):
        with self.opened() as file:
            file.write(data)  # some of it is still in the buffer
            yield make_source(file)
            assert file.tell() == len(data)


class TestFileInMemoryOfFsspec(SourceSuite):
    is_picklable = False

    @contextmanager
    def make(self, data):
        MEMORY.pipe("/open/a.tif", data)
        with MEMORY.open("/open/a.tif") as file:
            yield make_source(file)
        MEMORY.rm("/open", recursive=True)


class TestMemberOfArchive(SourceSuite):
    is_picklable = False

    @contextmanager
    def make(self, data):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.tif", data)
        with zipfile.ZipFile(packed) as archive, archive.open("a.tif") as file:
            yield make_source(file)


# --- pixels --------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(FILE)
    return path


async def test_handles_that_share_a_file_read_side_by_side(path):
    with path.open("r+b") as file:
        cogs = [tinycog.open(file) for _ in range(4)]
        found = await asyncio.gather(
            *(cog.read_tile(0, x, y) for x, cog in enumerate(cogs) for y in range(8))
        )
    tiles = [(x, y) for x in range(4) for y in range(8)]
    for (x, y), tile in zip(tiles, found, strict=True):
        assert np.array_equal(tile.data, PIXELS[:, 32 * y : 32 * y + 32, 32 * x : 32 * x + 32])


async def test_what_is_decompressed_on_the_way_is_read_as_it_is_given(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(FILE))
    with gzip.GzipFile(tmp_path / "a.gz") as file:
        assert np.array_equal((await tinycog.open(file).read()).data, PIXELS)
    with io.BufferedReader(gzip.GzipFile(tmp_path / "a.gz")) as file:  # pyright: ignore[reportArgumentType]
        assert np.array_equal((await tinycog.open(file).read()).data, PIXELS)


def test_the_blocking_face_reads_an_open_file(path):
    with path.open("rb") as file, tinycog.sync.open(file) as cog:
        assert np.array_equal(cog.read().data, PIXELS)
    with tinycog.sync.open(io.BytesIO(FILE)) as cog:
        assert np.array_equal(cog.read().data, PIXELS)


async def test_a_file_on_disk_is_pinned(path):
    with path.open("rb") as file:
        cog = await tinycog.open(file)
        assert cog.pin == (await tinycog.open(path)).pin
        os.utime(path, ns=(0, 0))
        with pytest.raises(SourceChangedError):
            await cog.read()


async def test_a_file_that_tells_no_generation_takes_no_pin():
    cog = await tinycog.open(io.BytesIO(FILE))
    assert cog.pin is None
    with pytest.raises(UsageError, match="but an open file tells none: <open BytesIO>"):
        await tinycog.open(io.BytesIO(FILE), pin='"e"')


async def test_a_file_that_grows_has_changed(path):
    with path.open("r+b") as file:
        cog = await tinycog.open(file)
        file.seek(0, os.SEEK_END)
        file.write(b"more")
        with pytest.raises(SourceChangedError):
            await cog.read()


def test_a_file_says_what_it_is(path):
    with path.open("rb") as file, tempfile.TemporaryFile() as nameless:
        assert (make_source(file).name, make_source(file).origin) == (str(path), "file")
        assert make_source(io.BytesIO()).name == "<open BytesIO>"
        assert make_source(io.BytesIO()).origin == "memory"
        assert make_source(nameless).name == "<open BufferedRandom>"


async def test_a_file_of_a_url_shows_no_secret_of_it():
    class Remote(io.BytesIO):
        name = "https://me:S3CRET@h/a.tif?sig=S3CRET"

        def read(self, size: int | None = -1, /) -> bytes:
            del size
            raise OSError("GET https://me:S3CRET@h/a.tif?sig=S3CRET")

    source = make_source(Remote(DATA))
    assert source.name == "https://***@h/a.tif"
    with pytest.raises(SourceError, match="the Remote cannot read it: OSError: GET") as caught:
        await read_range(source, 0, 10)
    assert "S3CRET" not in str(caught.value)


# --- refused -------------------------------------------------------------------------------------


class Pipe(io.BytesIO):
    """Cannot go back."""

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("r", 'the file is open as text: open it with mode "rb"'),
        ("ab", 'the file is not open for reading: open it with mode "rb"'),
    ],
)
def test_a_file_in_another_mode_is_refused_by_name(path, mode, said):
    with path.open(mode) as file, pytest.raises(UsageError) as caught:
        make_source(file)
    assert str(caught.value) == f"{said}: {path}"


def test_text_and_what_cannot_seek_are_refused():
    with pytest.raises(UsageError, match="open as text"):
        make_source(io.StringIO())  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="the file cannot seek"):
        make_source(Pipe())


@pytest.mark.parametrize("buffering", [-1, 0])
async def test_a_file_that_was_closed_says_so(path, buffering):
    with path.open("rb", buffering=buffering) as file:
        cog = await tinycog.open(file)
    said = f"^the file was closed: keep it open while it is read: {path}$"
    with pytest.raises(UsageError, match=said):
        await cog.read()
    with pytest.raises(UsageError, match="the file is closed"):
        tinycog.open(file)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ("text", UsageError, "the file returned str, expected bytes: <open Odd>"),
        (None, UsageError, "the file returned NoneType, expected bytes"),
        (DATA, RangeMismatchError, "1000 bytes came where 10 were asked"),
    ],
)
async def test_a_file_that_returns_something_else_is_found_out(given, kind, said):
    class Odd:
        def read(self, size: int = -1, /) -> Any:
            del size
            return given

        def seek(self, offset: int, whence: int = 0, /) -> int:
            del offset, whence
            return 0

        def tell(self) -> int:
            return 0

    with pytest.raises(kind, match=said):
        await read_range(make_source(Odd()), 0, 10)


@pytest.mark.parametrize("name", ["fs", "store", "headers", "storage_options"])
def test_an_argument_that_a_file_has_no_use_for_is_refused(name):
    given: dict[str, Any] = {name: {"a": "b"}}
    with pytest.raises(UsageError, match=f"^{name}= has no use with an open file"):
        make_source(io.BytesIO(), **given)
    with pytest.raises(UsageError, match="sidecars=True needs a url or a path"):
        tinycog.open(io.BytesIO(), sidecars=True)


# --- processes -----------------------------------------------------------------------------------


async def test_a_handle_pickles_if_its_file_does(path):
    cog = await tinycog.open(io.BytesIO(FILE))
    for again in (pickle.loads(pickle.dumps(cog)), copy.deepcopy(cog)):  # noqa: S301 - dumped right here
        assert np.array_equal((await again.read()).data, PIXELS)
    with path.open("rb") as file:
        cog = await tinycog.open(file)
        with pytest.raises(UsageError, match="an open file does not pickle: open it by its path"):
            pickle.dumps(cog)


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs fork")
@pytest.mark.parametrize("mode", ["rb", "r+b", "memory"])
def test_a_file_is_read_after_a_fork_or_refused(path, mode):
    file: Any = io.BytesIO(FILE) if mode == "memory" else path.open(mode)
    with file:
        cog = tinycog.open(file)
        asyncio.run(_read(cog))
        here, there = multiprocessing.Pipe()

        def read_below() -> None:
            try:
                there.send(asyncio.run(_read(cog)))
            except SourceError as error:
                there.send(str(error))

        child = multiprocessing.get_context("fork").Process(target=read_below)
        child.start()
        found = here.recv() if here.poll(20) else None
        child.join()
    refused = f"the file was opened before this process was forked: open it in this process: {path}"
    assert found == (refused if mode == "r+b" else True)


async def _read(cog: tinycog.Cog) -> bool:
    return np.array_equal((await cog.read()).data, PIXELS)


async def test_threads_wait_for_each_other_and_not_for_other_files():
    inside = threading.Semaphore()
    most = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            most.append(inside.acquire(blocking=False))
            try:
                return super().read(size)
            finally:
                inside.release()

    file = Watched(DATA)
    sources = [make_source(file) for _ in range(3)]
    await asyncio.gather(*(read_range(source, at, at + 9) for source in sources for at in range(9)))
    assert all(most)
    assert len(most) >= 27
