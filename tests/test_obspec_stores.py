"""Stores with obspec's methods, `open(path, store=...)`: obstore's, and others of their kind."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from store_servers import azure_store, by_obstore, gs_store, s3_store

import tinycog
import tinycog.sync
from tinycog import (
    AccessDeniedError,
    Limits,
    NotFoundError,
    RangeMismatchError,
    RangeNotSatisfiableError,
    RangeUnsupportedError,
    Retries,
    SourceBusyError,
    SourceChangedError,
    SourceError,
    SourceTimeoutError,
    UsageError,
)
from tinycog.sources.factory import make_source
from tinycog.testing import Fault, RangeRecorder, RangeServer, SourceSuite, make_pyramid, make_tiff
from tinycog.testing.source_suite import read_range
from tinycog.tiff.ranges import ByteRange

SIDE = 256
FILES = [
    make_tiff(make_pyramid(np.full((1, SIDE, SIDE), value, np.uint8), (2,), tile=(32, 32)))
    for value in (1, 2)
]
UPPER, LOWER = (0, 0, SIDE, 128), (0, 128, SIDE, 128)
ONCE = Limits(retries=Retries(tries=1))
DATA = bytes(i * 7 % 251 for i in range(1000))
CLEAR: Any = {"client_options": {"allow_http": True}, "retry_config": {"max_retries": 0}}
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)  # of the servers


@pytest.fixture(scope="module", autouse=True)
def _collect_garbage():
    """Let what the servers leave open be warned of here, where that is ignored."""
    yield
    gc.collect()


def obstore() -> Any:
    return pytest.importorskip("obstore.store")


async def value_of(raster) -> int:
    values = np.unique((await raster).data)
    assert len(values) == 1
    return int(values[0])


async def failure(store: Any, start: int = 0, stop: int = 10, **options) -> SourceError:
    """The error that a read raises."""
    source = make_source("a.tif", store=store, **options)
    with pytest.raises(SourceError) as caught:
        await read_range(source, start, stop)
    return caught.value


# --- stores of our own, by structure -------------------------------------------------------------


class PreconditionError(Exception):
    """As obspec asks errors to be called."""


class NoObjectError(FileNotFoundError):
    """As obspec's NotFoundError is one."""


class Result:
    """An answer of obspec's."""

    def __init__(self, data: bytes, start: int, stop: int) -> None:
        self.attributes: dict[str, str] = {}
        if start >= len(data):
            raise IndexError
        self.range = (start, min(stop, len(data)))
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        modified = datetime(2026, 11, 28, tzinfo=UTC)
        self.meta = {"size": len(data), "e_tag": etag, "last_modified": modified, "version": None}
        self._data = data[start:stop]

    def buffer(self) -> memoryview:
        return memoryview(bytearray(self._data))

    async def buffer_async(self) -> memoryview:
        await asyncio.sleep(0)
        return self.buffer()


class Iterated(Result):
    """An answer that is only iterated over."""

    buffer: Any = None
    buffer_async: Any = None

    def __iter__(self):
        yield from (self._data[:5], self._data[5:])

    async def __aiter__(self):
        for chunk in self:
            yield chunk


class Shelf:
    """Objects by their paths."""

    result = Result

    def __init__(self, **objects: bytes) -> None:
        self.objects = {name.replace("_", "."): data for name, data in objects.items()}
        self.asked: list[Any] = []

    def _get(self, path: str, options: Any) -> Any:
        self.asked.append(options)
        if path not in self.objects:
            raise NoObjectError(path)
        result = self.result(self.objects[path], *options["range"])
        if options.get("if_match", result.meta["e_tag"]) != result.meta["e_tag"]:
            raise PreconditionError
        return result


class AsyncStore(Shelf):
    async def get_async(self, path: str, *, options: Any = None) -> Any:
        await asyncio.sleep(0)
        return self._get(path, options)


class IteratedStore(AsyncStore):
    result = Iterated


class BlockingStore(Shelf):
    def get(self, path: str, *, options: Any = None) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        return self._get(path, options)


class RangeStore(Shelf):
    async def get_range_async(self, path, *, start, end=None, length=None) -> bytes:
        del length
        return self._get(path, {"range": (start, end)}).buffer()


class RangesStore(Shelf):
    async def get_ranges_async(self, path, *, starts, ends=None, lengths=None) -> list[bytes]:
        del lengths
        ranges = zip(starts, ends or [], strict=True)
        return [self._get(path, {"range": part}).buffer() for part in ranges]


class BlockingRangeStore(Shelf):
    def get_range(self, path, *, start, end=None, length=None) -> bytes:
        del length
        return self._get(path, {"range": (start, end)}).buffer()


TELLING = [AsyncStore, IteratedStore, BlockingStore]
SILENT = [RangeStore, RangesStore, BlockingRangeStore]


class Behind(SourceSuite):
    """A store may raise whatever it likes behind the end."""

    async def test_a_range_behind_the_end_has_no_bytes(self):
        async with self._source() as source:
            with pytest.raises(SourceError):
                await read_range(source, 1000, 1010)


class TestOwnStores(Behind):
    @pytest.fixture(autouse=True, params=TELLING)
    def kind(self, request):
        self.store = request.param

    def make(self, data):
        return make_source("a.tif", store=self.store(a_tif=data))

    def make_missing(self):
        return make_source("a.tif", store=self.store())


class TestStoresOfRanges(Behind):
    @pytest.fixture(autouse=True, params=SILENT)
    def kind(self, request):
        self.store = request.param

    def make(self, data):
        return make_source("a.tif", store=self.store(a_tif=data))

    def make_missing(self):
        return make_source("a.tif", store=self.store())


# --- obstore's -----------------------------------------------------------------------------------


class TestMemoryStore(SourceSuite):
    is_picklable = False

    def make(self, data):
        store = obstore().MemoryStore()
        store.put("a.tif", data)
        return make_source("a.tif", store=store)

    def make_missing(self):
        return make_source("a.tif", store=obstore().MemoryStore())


class TestLocalStore(SourceSuite):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        self.store = obstore().LocalStore(tmp_path)
        self.path = tmp_path / "a.tif"

    def make(self, data):
        self.path.write_bytes(data)
        return make_source("a.tif", store=self.store)

    def make_missing(self):
        return make_source("no.tif", store=self.store)


class TestHttpStore(SourceSuite):
    secrets = ("S3CRET",)

    @asynccontextmanager
    async def make(self, data):
        async with RangeServer({"a.tif": data}) as server:
            options = {"allow_http": True, "default_headers": {"X-Key": "S3CRET"}}
            url = server.url("").replace("://", "://me:S3CRET@")
            yield make_source("a.tif", store=obstore().HTTPStore(url, client_options=options))

    @asynccontextmanager
    async def make_missing(self):
        async with RangeServer({}) as server:
            yield make_source("no.tif", store=obstore().HTTPStore(server.url(""), **CLEAR))


SERVERS = {"s3": s3_store, "gs": gs_store, "azure": azure_store}


@pytest.fixture(scope="module")
def running():
    """The bucket of each kind, whose server is started when it is first asked for."""
    with ExitStack() as stack:
        yield cache(lambda kind: stack.enter_context(SERVERS[kind]("obstore")))


class TestCloudStores(SourceSuite):
    secrets = ("k3yk3y", "s3cr3t", "AccountKey")

    @pytest.fixture(autouse=True, params=SERVERS)
    def server(self, request, running):
        self.bucket = running(request.param)

    def make(self, data):
        self.bucket.put("suite", data)
        return make_source("suite", store=by_obstore(self.bucket))

    def make_missing(self):
        return make_source("missing", store=by_obstore(self.bucket))


# --- replaced ------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "local", "http", "s3", "gs", "azure", *TELLING])
async def place(request, tmp_path):
    """A store, and what puts `a.tif` into it."""
    kind = request.param
    if kind in SERVERS:
        bucket = request.getfixturevalue("running")(kind)
        yield by_obstore(bucket), partial(bucket.put, "a.tif")
    elif kind == "memory":
        store = obstore().MemoryStore()
        yield store, partial(store.put, "a.tif")
    elif kind == "local":

        def put(data: bytes) -> None:
            (tmp_path / "new").write_bytes(data)
            (tmp_path / "new").replace(tmp_path / "a.tif")

        yield obstore().LocalStore(tmp_path), put
    elif kind == "http":
        async with RangeServer({}) as server:
            store = obstore().HTTPStore(server.url(""), **CLEAR)
            yield store, partial(server.files.__setitem__, "a.tif")
    else:
        store = kind()
        yield store, partial(store.objects.__setitem__, "a.tif")


async def test_an_object_that_is_replaced_is_never_mixed(place):
    store, put = place
    put(FILES[0])
    cog = tinycog.open("a.tif", store=store)
    assert await value_of(cog.read(window=UPPER)) == 1
    put(FILES[1])
    with pytest.raises(SourceChangedError) as caught:
        await cog.read(window=LOWER)
    fresh = await tinycog.open("a.tif", store=store)
    assert cog.pin
    assert (caught.value.expected, caught.value.found) == (cog.pin, fresh.pin)
    with pytest.raises(SourceChangedError):
        await tinycog.open("a.tif", store=store, snapshot=cog.snapshot()).read(window=LOWER)
    with pytest.raises(SourceChangedError):
        await tinycog.open("a.tif", store=store, pin=cog.pin)
    pinned = tinycog.open("a.tif", store=store, pin=fresh.pin)
    assert await value_of(pinned.read(window=LOWER)) == 2
    loose = tinycog.open("a.tif", store=store, snapshot=cog.snapshot(), pinning="size")
    assert await value_of(loose.read(window=LOWER)) == 2


async def test_a_body_that_broke_off_is_not_completed_from_another_object():
    async with RangeServer({"a.tif": FILES[0]}) as server:
        options = CLEAR | {"retry_config": {"max_retries": 3}}
        cog = await tinycog.open("a.tif", store=obstore().HTTPStore(server.url(""), **options))
        server.script(Fault.short_body(100), Fault.change(FILES[1]))
        with pytest.raises(SourceChangedError):
            await cog.read()


@pytest.mark.parametrize("kind", SILENT)
async def test_a_store_that_tells_no_generation_takes_no_pin(kind):
    store = kind(a_tif=FILES[0])
    cog = await tinycog.open("a.tif", store=store)
    assert await value_of(cog.read()) == 1
    assert cog.pin is None
    with pytest.raises(UsageError, match=r"but the store tells none of .*a.tif"):
        await tinycog.open("a.tif", store=store, pin='"e"')
    pinned = (await tinycog.open("a.tif", store=AsyncStore(a_tif=FILES[0]))).snapshot()
    with pytest.raises(UsageError, match="but the store tells none"):
        await tinycog.open("a.tif", store=store, snapshot=pinned).read(window=LOWER)


async def test_a_condition_that_is_not_understood_is_left_out():
    class Picky(AsyncStore):
        async def get_async(self, path: str, *, options: Any = None) -> Any:
            if "if_match" in options:
                self.asked.append(options)
                raise PreconditionError
            return await super().get_async(path, options=options)

    store = Picky(a_tif=FILES[0])
    cog = await tinycog.open("a.tif", store=store)
    assert await value_of(cog.read(window=UPPER)) == 1
    before = len(store.asked)
    assert await value_of(cog.read(window=LOWER)) == 1
    assert len(store.asked) == before + 1
    store.objects["a.tif"] = FILES[1]
    with pytest.raises(SourceChangedError):
        await cog.read(window=UPPER)


# --- requests ------------------------------------------------------------------------------------


async def test_a_tile_costs_what_it_costs_by_http():
    async with RangeServer({"a.tif": FILES[0]}) as server:
        store = obstore().HTTPStore(server.url(""), **CLEAR)
        cog = tinycog.open("a.tif", store=store)
        await cog.read_tile(0, 7, 7)
        ours = tinycog.open(server.url("a.tif"))
        await ours.read_tile(0, 7, 7)
    assert [asked[:3] for asked in cog.requests] == [asked[:3] for asked in ours.requests]
    assert [asked.received for asked in cog.requests] == [asked.length for asked in cog.requests]
    assert cog.requests[0].stop == 32768
    half = len(server.log) // 2
    assert half == 2
    sent = [asked.headers["range"] for asked in server.log]
    assert sent[:half] == sent[half:]
    assert "if-match" not in server.log[0].headers
    assert server.log[1].headers["if-match"] == cog.pin


async def test_a_long_answer_is_passed_on_as_it_comes():
    class Arriving(RangeRecorder):
        chunks = 0

        def write(self, chunk: bytes | memoryview) -> None:
            self.chunks += 1
            super().write(chunk)

    data = bytes(1_000_000)
    async with RangeServer({"a.tif": data}) as server:
        store = obstore().HTTPStore(server.url(""), **CLEAR)
        answer = Arriving()
        await make_source("a.tif", store=store).read_range(ByteRange(0, 1_000_000), answer)
    assert answer.data == data
    assert answer.chunks > 1


async def test_files_beside_are_read_from_the_store():
    store = AsyncStore(a_tif=FILES[0], a_tfw=b"2\n0\n0\n-2\n101\n199\n")
    cog = await tinycog.open("a.tif", store=store, sidecars=True)
    assert tuple(cog.transform)[:6] == (2, 0, 100, 0, -2, 200)


def test_the_blocking_face_reads_a_store():
    with tinycog.sync.open("a.tif", store=AsyncStore(a_tif=FILES[0])) as cog:
        assert (cog.read().data == 1).all()
    store = obstore().MemoryStore()
    store.put("a.tif", FILES[1])
    assert (tinycog.sync.open(Path("a.tif"), store=store).read().data == 2).all()


async def test_a_handle_pickles_with_its_store(tmp_path):
    (tmp_path / "a.tif").write_bytes(FILES[0])
    cog = await tinycog.open("a.tif", store=obstore().LocalStore(tmp_path))
    assert await value_of(pickle.loads(pickle.dumps(cog)).read()) == 1  # noqa: S301 - dumped right here


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "may_pass"),
    [
        (400, SourceError, False),
        (401, AccessDeniedError, False),
        (403, AccessDeniedError, False),
        (404, NotFoundError, False),
        (410, NotFoundError, False),
        (416, RangeNotSatisfiableError, False),
        (429, SourceBusyError, True),
        (500, SourceError, True),
        (503, SourceBusyError, True),
    ],
)
async def test_a_status_is_the_error_that_it_is_by_http(status, kind, may_pass):
    async with RangeServer({"a.tif": DATA}) as server:
        server.script(Fault.status(status))
        error = await failure(obstore().HTTPStore(server.url(""), **CLEAR))
    assert (type(error), error.may_pass) == (kind, may_pass)
    assert error.url == server.url("a.tif")
    assert "Debug source" not in str(error)


@pytest.mark.parametrize(
    ("fault", "kind", "may_pass"),
    [
        (Fault.reset(), SourceError, True),
        (Fault.short_body(3), SourceError, True),
        (Fault.ignore_range(), RangeUnsupportedError, False),
        (Fault.wrong_range(1), SourceError, False),
        (Fault.gzip(), RangeMismatchError, False),
        (Fault.long_body(5), RangeMismatchError, False),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
async def test_an_answer_that_is_not_the_range_is_refused(fault, kind, may_pass):
    async with RangeServer({"a.tif": DATA}) as server:
        server.script(fault)
        error = await failure(obstore().HTTPStore(server.url(""), **CLEAR), 100, 200)
    assert (type(error), error.may_pass) == (kind, may_pass)


async def test_of_an_answer_that_is_too_long_no_pixel_is_shown():
    async with RangeServer({"a.tif": FILES[0]}) as server:
        cog = await tinycog.open("a.tif", store=obstore().HTTPStore(server.url(""), **CLEAR))
        server.script(Fault.long_body(1))
        with pytest.raises(RangeMismatchError, match=r"more than the \d+ bytes came"):
            await cog.read_tile(0, 7, 7)


async def test_a_server_that_is_not_there_may_come_back_and_a_wrong_name_stays_wrong():
    error = await failure(obstore().HTTPStore("http://127.0.0.1:1/", **CLEAR))
    assert (type(error), error.may_pass) == (SourceError, True)
    error = await failure(obstore().HTTPStore("http://no-such-host.invalid/", **CLEAR))
    assert error.may_pass is False


async def test_a_server_that_falls_silent_is_given_up():
    async with RangeServer({"a.tif": DATA}) as server:
        server.script(Fault.stall())
        limits = Limits(retries=Retries(silence=0.2))
        error = await failure(obstore().HTTPStore(server.url(""), **CLEAR), limits=limits)
    assert type(error) is SourceTimeoutError
    assert "the store did not answer in time" in str(error)


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"range": (0, 1000)}, RangeUnsupportedError, "ignores ranges"),
        ({"range": (101, 201)}, RangeMismatchError, "the store sent bytes 101 to 201"),
        ({"attributes": {"Content-Encoding": "gzip"}}, RangeMismatchError, "gzip"),
        ({"buffer_async": lambda: asyncio.sleep(0, DATA)}, RangeMismatchError, "1000 bytes came"),
    ],
)
async def test_an_own_store_that_sends_something_else_is_found_out(change, kind, said):
    class Odd(AsyncStore):
        def _get(self, path: str, options: Any) -> Any:
            result = super()._get(path, options)
            vars(result).update(change)
            return result

    error = await failure(Odd(a_tif=DATA), 100, 200)
    assert type(error) is kind
    assert said in str(error)


async def test_errors_show_no_secret_of_the_store():
    key = "S3CRETKEY"
    store = obstore().S3Store(
        "bucket",
        prefix="x",
        endpoint=f"http://127.0.0.1:1/{key}",
        access_key_id=key,
        secret_access_key=f"{key}2",
        **CLEAR,
    )
    source = make_source("a.tif", store=store)
    assert source.name == "s3://bucket/x/a.tif"
    assert source.origin == "s3://bucket"
    with pytest.raises(SourceError) as caught:
        await read_range(source, 0, 10)
    assert "error sending request" in str(caught.value)
    assert key not in str(caught.value) + repr(caught.value.__cause__)


def test_a_store_is_named_by_what_it_tells(tmp_path):
    stores = obstore()
    named = {
        str(tmp_path / "a.tif"): stores.LocalStore(tmp_path),
        "MemoryStore/a.tif": stores.MemoryStore(),
        "https://h/b/a.tif": stores.HTTPStore("https://h/b?sig=S3CRET"),
        "gs://bucket/a.tif": stores.GCSStore("bucket"),
        "az://box/a.tif": stores.AzureStore("box", account_name="me"),
    }
    assert {make_source("a.tif", store=store).name: store for store in named.values()} == named
    assert make_source("a.tif", store=named[str(tmp_path / "a.tif")]).origin == "file"


# --- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize("store", [7, object(), {1}, AsyncStore])
def test_what_is_no_store_is_a_mistake_of_the_caller(store):
    with pytest.raises(UsageError, match=r"is no object store: expected an object with a method"):
        tinycog.open("a.tif", store=store)


def test_a_file_system_of_fsspec_is_no_store():
    fs: Any = fsspec.filesystem("memory")
    with pytest.raises(UsageError, match="pass MemoryFileSystem as fs="):
        tinycog.open("a.tif", store=fs)


@pytest.mark.parametrize(
    "options", [{"fs": fsspec.filesystem("memory")}, {"headers": {"a": "b"}}, {"allow_host": bool}]
)
def test_an_argument_that_a_store_has_no_use_for_is_refused(options):
    with pytest.raises(UsageError, match=f"^{next(iter(options))}= has no use with store="):
        tinycog.open("a.tif", store=AsyncStore(), **options)


@pytest.mark.parametrize("where", [DATA, Shelf()._get])
def test_a_store_is_for_paths(where):
    with pytest.raises(UsageError, match=r"^store= has no use with .*: it is for paths in"):
        tinycog.open(where, store=AsyncStore())


def test_stores_are_read_without_obstore_and_obspec(tmp_path):
    code = (
        "import sys; sys.modules['obstore'] = sys.modules['obspec'] = None\n"
        "import asyncio, tinycog, test_obspec_stores as own\n"
        "cog = tinycog.open('a.tif', store=own.AsyncStore(a_tif=own.FILES[0]))\n"
        "assert asyncio.run(own.value_of(cog.read())) == 1\n"
    )
    folders = [str(Path(__file__).parent), *sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)  # noqa: S603 - our own interpreter


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs fork")
def test_obstore_is_refused_after_a_fork_instead_of_hanging(tmp_path):
    (tmp_path / "a.tif").write_bytes(FILES[0])
    store = obstore().LocalStore(tmp_path)
    assert asyncio.run(value_of(tinycog.open("a.tif", store=store).read(window=UPPER))) == 1
    cog = tinycog.open("a.tif", store=store, limits=ONCE)
    here, there = multiprocessing.Pipe()

    def read_below() -> None:
        try:
            asyncio.run(value_of(cog.read(window=LOWER)))
        except SourceError as error:
            there.send(str(error))

    child = multiprocessing.get_context("fork").Process(target=read_below)
    child.start()
    found = here.recv() if here.poll(20) else None
    child.kill()
    child.join()
    assert found is not None
    assert found.startswith("obstore was used before this process was forked")
