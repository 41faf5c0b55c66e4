"""Where bytes come from: just those that were asked, or an error that says what came instead."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import traceback
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import yarl
from fsspec.implementations.local import LocalFileSystem
from hypothesis import given
from hypothesis import strategies as st

import tinycog
from tinycog import Limits, Retries
from tinycog.errors import (
    AccessDeniedError,
    NotFoundError,
    NotTiffError,
    RangeMismatchError,
    RangeNotSatisfiableError,
    RangeUnsupportedError,
    SourceChangedError,
    SourceError,
    SourceTimeoutError,
    TinycogError,
    TruncatedError,
    UsageError,
    show_urls,
)
from tinycog.fetch.fetcher import Fetcher
from tinycog.sources.factory import make_source
from tinycog.sources.http import response
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.memory import MemorySource
from tinycog.sources.protocol import RangeSink, Source
from tinycog.sources.redact import redact, redact_line, shown_url
from tinycog.sources.urls import links_of
from tinycog.testing import Fault, RangeRecorder, RangeServer, SourceSuite
from tinycog.testing.server.exchange import RequestContext, Response
from tinycog.testing.source_suite import read_range
from tinycog.tiff.ranges import ByteRange

DATA = bytes(i * 7 % 256 for i in range(1000))


async def read(source: Source, start: int, stop: int) -> bytes:
    return (await read_range(source, start, stop)).data


async def failure(source: Source, start: int = 100, stop: int = 200) -> SourceError:
    """The error that a read raises."""
    with pytest.raises(SourceError) as caught:
        await read(source, start, stop)
    return caught.value


# --- all alike -----------------------------------------------------------------------------------


@pytest.fixture
async def server():
    async with RangeServer({"a.tif": DATA}) as server:
        yield server


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(DATA)
    return path


def asynchronous_file_system() -> Any:
    wrapper = pytest.importorskip("fsspec.implementations.asyn_wrapper")  # fsspec 2024.12
    return wrapper.AsyncFileSystemWrapper(LocalFileSystem(), asynchronous=False)


def ranges_of(data: bytes):
    async def get_range(start: int, stop: int) -> bytes:
        await asyncio.sleep(0)
        return data[start:stop]

    return get_range


class Ranges:
    """A range function that pickles."""

    name = "https://me:S3CRET@h/a.tif?sig=S3CRET"
    origin = "https://me:S3CRET@h"

    def __init__(self, data: bytes | None) -> None:
        self.data = data

    async def __call__(self, start: int, stop: int) -> bytes:
        await asyncio.sleep(0)
        if self.data is None:
            raise FileNotFoundError(self.name)
        return self.data[start:stop]


class TestBytes(SourceSuite):
    def make(self, data):
        return make_source(data)


class TestLocal(SourceSuite):
    @pytest.fixture(autouse=True, params=["path", "text", "file-url"])
    def folder(self, request, tmp_path):
        self.way = {"path": Path, "text": str, "file-url": lambda path: f"file://{path}"}[
            request.param
        ]
        self.path = tmp_path / "a file.tif"

    def make(self, data):
        self.path.write_bytes(data)
        return make_source(self.way(self.path))

    def make_missing(self):
        return make_source(self.way(self.path.with_name("no.tif")))


class TestHttp(SourceSuite):
    secrets = ("S3CRET",)

    @asynccontextmanager
    async def make(self, data):
        async with RangeServer({"a.tif": data}) as server:
            yield make_source(f"{server.url('a.tif')}?sig=S3CRET", headers={"X-Key": "S3CRET"})

    @asynccontextmanager
    async def make_missing(self):
        async with RangeServer({}) as server:
            yield f"{server.url('no.tif')}?sig=S3CRET"


MEMORY: Any = fsspec.filesystem("memory")


class TestFsspec(SourceSuite):
    @pytest.fixture(autouse=True, params=["url", "fs", "async-fs", "simplecache"])
    def way(self, request, tmp_path):
        self.kind, self.folder = request.param, tmp_path
        yield
        if MEMORY.exists("/tinycog"):
            MEMORY.rm("/tinycog", recursive=True)

    def make(self, data):
        MEMORY.pipe("/tinycog/a.tif", data)
        (self.folder / "a.tif").write_bytes(data)
        return self.source("a.tif")

    def make_missing(self):
        return self.source("no.tif")

    def source(self, name: str) -> Source:
        cache = {"simplecache": {"cache_storage": str(self.folder / "cache")}}
        url = f"memory://tinycog/{name}"
        return {
            "url": lambda: make_source(url),
            "fs": lambda: make_source(f"/tinycog/{name}", fs=MEMORY),
            "async-fs": lambda: make_source(self.folder / name, fs=asynchronous_file_system()),
            "simplecache": lambda: make_source(f"simplecache::{url}", storage_options=cache),
        }[self.kind]()


class TestFunction(SourceSuite):
    is_picklable = False

    def make(self, data):
        return ranges_of(data)


class TestCallableObject(SourceSuite):
    secrets = ("S3CRET",)

    async def make(self, data):
        return Ranges(data)

    def make_missing(self):
        return Ranges(None)


def test_a_source_says_what_it_reads(server, path):
    assert make_source(DATA).name == "<1000 bytes in memory>"
    assert make_source(path).name == str(path)
    assert make_source(server.url("a.tif")).name == server.url("a.tif")
    assert make_source("memory://a.tif").name == "memory://a.tif"


EXPECTED = (
    "a url, a path, bytes, an open binary file, an async function get_range(start, stop) or a"
    " Source"
)


@pytest.mark.parametrize("where", [None, 7, ["a.tif"], {"a": 1}, RangeServer, MemorySource])
def test_what_cannot_be_opened_is_a_mistake_of_the_caller(where):
    with pytest.raises(UsageError) as caught:
        tinycog.open(where)
    name = type(where).__name__
    assert str(caught.value) == f"cannot open a {name}: expected {EXPECTED}"


def test_a_source_of_the_callers_own_is_taken_as_it_is():
    own = make_source(DATA)
    assert make_source(own) is own


# --- functions -----------------------------------------------------------------------------------


async def test_a_file_is_read_by_an_async_function():
    data = (Path(__file__).parent.parent / "src/tinycog/data/demo.tif").read_bytes()
    from_function = await tinycog.open(ranges_of(data)).read_tile(0, 0, 0)
    from_bytes = await tinycog.open(data).read_tile(0, 0, 0)
    assert (from_function.data == from_bytes.data).all()


def giving(value):
    async def get_range(start: int, stop: int):
        del start, stop
        if isinstance(value, Exception):
            raise value
        return value

    return get_range


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, np.array])
async def test_a_function_may_return_any_buffer(kind):
    value = np.frombuffer(DATA[:100], "u1").reshape(2, 50).T if kind is np.array else DATA[:100]
    source = make_source(giving(kind(value)))
    expected = value.tobytes() if isinstance(value, np.ndarray) else value
    assert await read(source, 0, 100) == expected


async def test_a_buffer_that_a_function_uses_again_is_copied():
    buffer = bytearray(b"once")
    answer = await read_range(make_source(giving(buffer)), 0, 4)
    buffer[:] = b"then"
    assert answer.data == b"once"


@pytest.mark.parametrize("value", [None, "text", 7, [1, 2]], ids=repr)
async def test_a_function_that_returns_no_bytes_is_said(value):
    name = f"<ranges from {__name__}.giving.<locals>.get_range>"
    with pytest.raises(UsageError) as caught:
        await read(make_source(giving(value)), 0, 10)
    assert str(caught.value) == (
        f"the range function returned {type(value).__name__}, expected bytes: {name}"
    )


async def test_a_function_that_blocks_is_refused():
    def get_range(start: int, stop: int) -> bytes:
        return DATA[start:stop]

    with pytest.raises(UsageError, match="returned bytes, not an awaitable: it must be async"):
        await read(make_source(get_range), 0, 10)  # pyright: ignore[reportArgumentType]
    threaded = make_source(lambda start, stop: asyncio.to_thread(get_range, start, stop))
    assert await read(threaded, 0, 10) == DATA[:10]


async def test_a_function_that_returns_too_much_is_refused():
    error = await failure(make_source(giving(DATA[:101])))
    assert type(error) is RangeMismatchError
    assert "101 bytes came where 100 were asked" in str(error)


async def test_errors_of_a_function_are_ours_with_their_cause():
    plain, secret = KeyError("bucket"), ValueError("GET https://h/a?sig=S3CRET")
    error = await failure(make_source(giving(plain)))
    assert (type(error), error.range, error.__cause__) == (SourceError, (100, 200), plain)
    assert "the range function failed: KeyError: 'bucket'" in str(error)
    error = await failure(make_source(giving(secret)))
    assert "S3CRET" not in "".join(traceback.format_exception(error)).replace(
        'ValueError("GET https://h/a?sig=S3CRET")', ""
    )
    assert type(await failure(make_source(giving(PermissionError())))) is AccessDeniedError
    ours = SourceTimeoutError("too late")
    assert await failure(make_source(giving(ours))) is ours


def test_a_function_names_itself_and_its_origin():
    source = make_source(Ranges(DATA))
    assert source.name == "https://***@h/a.tif"
    assert source.origin == "https://***@h"
    source = make_source(partial(ranges_of(DATA)))
    assert source.origin.endswith("test_sources.ranges_of.<locals>.get_range")


def test_a_source_that_can_be_called_is_a_source():
    class Both(MemorySource):
        def __call__(self) -> None:
            """Never called."""

    both = Both(DATA)
    assert make_source(both) is both


# --- the suite itself ----------------------------------------------------------------------------


class Broken(MemorySource):
    """Breaks the contract as its class attributes say."""

    offset = extra = begins = size = 0
    late = False

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        for _ in range(1 + self.begins):
            answer.begin(len(self._data) + self.size, None)
        reused = bytearray(
            self._data[part.start + self.offset : part.stop + self.offset + self.extra]
        )
        answer.write(memoryview(reused))
        if self.late:
            reused[:1] = b"?"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"offset": 1}, "10 bytes that are not bytes 0 to 10"),
        ({"extra": 1}, "11 bytes that are not bytes 0 to 10"),
        ({"begins": 1}, "`begin` was called 2 times"),
        ({"begins": -1}, "`begin` was called 0 times"),
        ({"size": 1}, "the size is 1001 instead of 1000"),
        ({"late": True}, "the source changed bytes after `write`"),
    ],
    ids=str,
)
async def test_the_suite_finds_a_source_that_breaks_the_contract(fault, said):
    class Suite(SourceSuite):
        def make(self, data):
            source = Broken(data)
            vars(source).update(fault)
            return source

    with pytest.raises(AssertionError, match=said):
        await Suite().test_a_closed_source_opens_again()


def test_the_suite_runs_under_plain_pytest_with_assertions_left_out(tmp_path):
    (tmp_path / "test_own.py").write_text(
        "import pytest\n"
        "from tinycog.testing import SourceSuite\n"
        "@pytest.mark.asyncio\n"
        "class TestOwn(SourceSuite):\n"
        "    def make(self, data): return data\n"
        "@pytest.mark.asyncio\n"
        "class TestWrong(SourceSuite):\n"
        "    def make(self, data): return data[1:]\n"
    )
    command = [sys.executable, "-O", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        command, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert failed, done.stdout + done.stderr
    assert all("TestWrong" in line for line in failed)


def test_the_tools_for_tests_need_no_pytest():
    code = "import sys, tinycog.testing; sys.exit('pytest' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own interpreter


# --- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_any_bytes_in_memory_can_be_read(kind):
    assert await read(make_source(kind(DATA)), 100, 200) == DATA[100:200]


async def test_a_view_of_wider_items_is_read_as_bytes():
    view = memoryview(DATA).cast("I")
    assert await read(make_source(view), 1, 5) == DATA[1:5]


# --- files ---------------------------------------------------------------------------------------


async def test_a_file_that_is_missing_is_not_found(tmp_path):
    error = await failure(make_source(tmp_path / "no.tif"))
    assert type(error) is NotFoundError
    assert str(error) == f"there is no such file: {tmp_path}/no.tif"
    assert error.url == f"{tmp_path}/no.tif"


async def test_a_folder_is_no_file(tmp_path):
    error = await failure(make_source(tmp_path))
    assert type(error) is SourceError
    assert str(tmp_path) in str(error)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
async def test_a_file_that_may_not_be_read_is_denied(path):
    path.chmod(0)
    assert type(await failure(make_source(path))) is AccessDeniedError


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_a_file_is_open_from_the_first_read_until_it_is_closed(path):
    def is_open() -> bool:
        links = [Path(link) for link in Path("/proc/self/fd").iterdir()]
        return any(os.path.realpath(link) == str(path) for link in links)

    source = make_source(path)
    assert not is_open()
    await read(source, 0, 10)
    assert is_open()
    await source.aclose()
    assert not is_open()
    await read(source, 0, 10)
    del source  # the thread that read may still hold it, for a moment
    for _ in range(1000):
        if not is_open():
            break
        await asyncio.sleep(0.01)
    assert not is_open()


# --- fsspec --------------------------------------------------------------------------------------


async def test_an_unknown_scheme_is_a_mistake_of_the_caller():
    with pytest.raises(UsageError, match=r"fsspec cannot open nope://a.tif: Protocol not known"):
        await read(make_source("nope://a.tif"), 0, 10)


async def test_an_object_that_is_missing_is_not_found():
    error = await failure(make_source("memory://nothing/a.tif"))
    assert type(error) is NotFoundError
    assert str(error) == "there is no such object: memory://nothing/a.tif"


class OddFileSystem(fsspec.AbstractFileSystem):
    """Answers each read with what it was made with, or raises it."""

    cachable = False

    def __init__(self, answer: bytes | Exception) -> None:
        super().__init__()
        self.answer = answer

    def cat_file(self, path, start=None, end=None, **_):  # noqa: ARG002
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (FileNotFoundError("gone"), NotFoundError, "there is no such object: a.tif"),
        (PermissionError("no"), AccessDeniedError, "the object may not be read: a.tif"),
        (
            OSError("broken"),
            SourceError,
            "the file system cannot read it: OSError: broken: a.tif (bytes 100 to 200)",
        ),
        (
            ValueError("odd"),
            SourceError,
            "the file system cannot read it: ValueError: odd: a.tif (bytes 100 to 200)",
        ),
        (
            DATA,
            RangeMismatchError,
            "1000 bytes came where 100 were asked: a.tif (bytes 100 to 200)",
        ),
    ],
    ids=["missing", "denied", "broken", "odd", "too-much"],
)
async def test_what_a_file_system_answers_is_an_error_of_ours(answer, kind, message):
    error = await failure(make_source("a.tif", fs=OddFileSystem(answer)))
    assert (type(error), str(error)) == (kind, message)


async def test_an_answer_without_any_bytes_tells_no_size():
    source = make_source("a.tif", fs=OddFileSystem(b""))
    assert (await read_range(source, 10**9, 10**9 + 1)).size is None


async def test_options_go_to_the_file_system_of_a_url(tmp_path):
    memory: Any = fsspec.filesystem("memory")
    memory.pipe("/tinycog/a.tif", DATA)
    options = {"simplecache": {"cache_storage": str(tmp_path)}}
    source = make_source("simplecache::memory://tinycog/a.tif", storage_options=options)
    await read(source, 0, 10)
    assert DATA in [cached.read_bytes() for cached in tmp_path.iterdir() if cached.is_file()]


# --- HTTP ----------------------------------------------------------------------------------------

REFUSED = RangeMismatchError
ANSWERS: dict[str, tuple[Fault, type[SourceError], str]] = {
    "other range": (
        Fault.wrong_range(10),
        REFUSED,
        "the server sent Content-Range 'bytes 110-209/1000', not the range that was asked",
    ),
    "other label": (
        Fault.mislabelled_range(-10),
        REFUSED,
        "the server sent Content-Range 'bytes 90-189/1000', not the range that was asked",
    ),
    "a longer body": (
        Fault.long_body(5),
        REFUSED,
        "the body has 105 bytes, its Content-Range says 100",
    ),
    "no Content-Range": (
        Fault.bad_content_range(None),
        REFUSED,
        "the server sent Content-Range '', not the range that was asked",
    ),
    "senseless Content-Range": (
        Fault.bad_content_range(),
        REFUSED,
        "the server sent Content-Range 'bytes 0--1/0', not the range that was asked",
    ),
    "Content-Range beyond its total": (
        Fault.bad_content_range("bytes 100-199/150"),
        REFUSED,
        "the server sent Content-Range 'bytes 100-199/150', not the range that was asked",
    ),
    "Content-Range backwards": (
        Fault.bad_content_range("bytes 199-100/1000"),
        REFUSED,
        "the server sent Content-Range 'bytes 199-100/1000', not the range that was asked",
    ),
    "other unit": (
        Fault.bad_content_range("items 100-199/1000"),
        REFUSED,
        "the server sent Content-Range 'items 100-199/1000', not the range that was asked",
    ),
    "more than asked, no total": (
        Fault.bad_content_range("bytes 100-200/*"),
        REFUSED,
        "the server sent Content-Range 'bytes 100-200/*', not the range that was asked",
    ),
    "gzip of the range": (
        Fault.gzip(),
        REFUSED,
        "the server sent Content-Encoding gzip, which ranges cannot have",
    ),
    "gzip of the whole": (
        Fault.gzip(whole=True),
        RangeUnsupportedError,
        "the server ignores ranges and sent the whole object, encoded (HTTP 200 OK)",
    ),
    "401": (
        Fault.status(401),
        AccessDeniedError,
        "access needs credentials (HTTP 401 Unauthorized)",
    ),
    "403": (Fault.status(403), AccessDeniedError, "access is denied (HTTP 403 Forbidden)"),
    "404": (Fault.status(404), NotFoundError, "there is no such object (HTTP 404 Not Found)"),
    "410": (Fault.status(410), NotFoundError, "the object is gone (HTTP 410 Gone)"),
    "416": (
        Fault.status(416),
        RangeNotSatisfiableError,
        f"the range lies outside the object (HTTP 416 {HTTPStatus(416).phrase})",
    ),
    "204": (Fault.status(204, body=b""), SourceError, "the server refused (HTTP 204 No Content)"),
    "400": (Fault.status(400), SourceError, "the server refused (HTTP 400 Bad Request)"),
    "412": (Fault.status(412), SourceError, "the server refused (HTTP 412 Precondition Failed)"),
}


@pytest.mark.parametrize(("fault", "kind", "message"), ANSWERS.values(), ids=list(ANSWERS))
async def test_what_a_server_answers_instead_is_said(server, fault, kind, message):
    server.script(fault)
    url = server.url("a.tif")
    error = await failure(make_source(url))
    assert (type(error), str(error)) == (kind, f"{message}: {url} (bytes 100 to 200)")
    assert (error.url, error.range) == (url, (100, 200))


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_that_goes_on_failing_is_said(server, status):
    server.script(Fault.status(status, times=None))
    error = await failure(make_source(server.url("a.tif")))
    assert isinstance(error, SourceError)
    assert f"HTTP {status}" in str(error)


@pytest.mark.parametrize(
    "fault",
    [Fault.reset(times=None), Fault.short_body(50, times=None), Fault.short_body(0, times=None)],
    ids=["reset", "half-a-body", "no-body"],
)
async def test_a_connection_that_breaks_is_said(server, fault):
    server.script(fault)
    url = server.url("a.tif")
    error = await failure(make_source(url))
    assert type(error) is SourceError
    assert str(error).endswith(f": {url} (bytes 100 to 200)")
    assert error.__cause__ is not None


async def test_a_connection_that_is_refused_is_said():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a.tif"
        error = await failure(make_source(url))
    assert type(error) is SourceError
    assert error.url == url


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:99999/a.tif", "http://[::1/a.tif"])
async def test_a_url_that_is_none_is_an_error_of_ours(url):
    with pytest.raises(tinycog.TinycogError, match=r"a\.tif|http://"):
        await read(make_source(url), 0, 10)


@pytest.mark.parametrize("at", [None, 50], ids=["before-the-answer", "in-the-body"])
async def test_a_server_that_does_not_answer_in_time_is_said(server, at):
    server.script(Fault.stall(at=at, times=None))
    limits = Limits(retries=Retries(silence=0.05))
    error = await failure(make_source(server.url("a.tif"), limits=limits))
    assert type(error) is SourceTimeoutError
    assert isinstance(error, TimeoutError)


async def test_a_body_that_was_not_asked_for_is_not_read(server):
    server.files["a.tif"] = bytes(50_000_000)
    server.script(Fault.ignore_range(times=None))
    await failure(make_source(server.url("a.tif")))
    assert sum(line.sent for line in server.log) < 10_000_000


async def test_a_request_is_a_get_of_a_closed_range_without_coding(server):
    await read(make_source(server.url("a.tif"), headers={"X-Key": "secret"}), 100, 200)
    (line,) = server.log
    assert line.method == "GET"
    assert line.headers["range"] == "bytes=100-199"
    assert line.headers["accept-encoding"] == "identity"
    assert line.headers["x-key"] == "secret"


async def test_a_file_is_read_by_gets_alone(server):
    server.files["a.tif"] = (
        Path(__file__).parent.parent / "src/tinycog/data/demo.tif"
    ).read_bytes()
    cog = await tinycog.open(server.url("a.tif"))
    await cog.read_tile(0, 0, 0)
    assert {line.method for line in server.log} == {"GET"}


async def test_a_size_that_is_not_told_is_learned_at_the_end(server):
    server.script(Fault.no_total(times=None))
    source = make_source(server.url("a.tif"))
    assert (await read_range(source, 100, 200)).size is None
    assert await Fetcher(source).read([ByteRange(900, 1000)]) == [DATA[900:]]
    cog = Fetcher(source)
    with pytest.raises(TruncatedError, match="the file ends at 1000"):
        await cog.read([ByteRange(900, 1100)])
    assert cog.buffer.size == 1000


async def test_fewer_bytes_than_were_asked_are_read_on(server):
    server.script(Fault.short_answer(99))
    fetcher = Fetcher(make_source(server.url("a.tif")))
    assert await fetcher.read([ByteRange(100, 200)]) == [DATA[100:200]]
    assert [tuple(line)[:3] for line in fetcher.log] == [(100, 200, 99), (199, 200, 1)]


async def test_requests_share_their_connections(server):
    source = make_source(server.url("a.tif"))
    for i in range(5):
        await read(source, i, i + 10)
    assert server.connections == 1


# --- a page instead of the file ------------------------------------------------------------------

PAGE = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize("status", [200, 206])
async def test_a_page_in_the_middle_of_a_file_is_said(server, status):
    fetcher = Fetcher(make_source(server.url("a.tif")))
    await fetcher.read([ByteRange(0, 10)])
    page = Fault.headers(PAGE) if status == 206 else Fault.status(200, headers=PAGE)
    server.script(page)
    with pytest.raises(SourceError, match=f"an HTML page came instead of .*HTTP {status}"):
        await fetcher.read([ByteRange(100, 200)])


async def test_a_file_that_is_always_called_a_page_is_read(server):
    server.script(Fault.headers(PAGE, times=None))
    fetcher = Fetcher(make_source(server.url("a.tif")))
    for start in (0, 100):
        assert await fetcher.read([ByteRange(start, start + 10)]) == [DATA[start : start + 10]]


@pytest.mark.parametrize("told", [None, "bytes */*"])
async def test_a_416_to_the_first_byte_says_what_it_may_mean(server, told):
    headers = {} if told is None else {"Content-Range": told}
    server.script(Fault.status(416, headers=headers))
    with pytest.raises(NotTiffError, match="the file is empty, or the server refuses") as caught:
        await tinycog.open(server.url("a.tif"))
    assert str(caught.value).count(server.url("a.tif")) == 1


async def test_a_message_names_what_is_read_once():
    def none(start: int, stop: int) -> None: ...

    wheres: list[Any] = [none, "memory://no.tif", "nosuchscheme://x/a.tif"]
    for where in wheres:
        with pytest.raises(TinycogError) as caught:
            await tinycog.open(where)
        name = make_source(where).name
        assert str(caught.value).count(name) == 1


# --- redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_with_its_range(server, code):
    server.files["b.tif"] = DATA[::-1]
    server.script(Fault.redirect(server.url("b.tif"), code=code, path="a.tif"))
    assert await read(make_source(server.url("a.tif")), 100, 200) == DATA[::-1][100:200]
    assert [line.path for line in server.log] == ["a.tif", "b.tif"]
    assert {line.headers["range"] for line in server.log} == {"bytes=100-199"}


async def test_a_redirect_to_another_server_takes_no_credentials_along(server):
    async with RangeServer({"b.tif": DATA}) as other:
        server.script(Fault.redirect(other.url("b.tif")))
        source = make_source(server.url("a.tif"), headers={"Authorization": "Bearer x"})
        assert await read(source, 100, 200) == DATA[100:200]
        assert server.log[0].headers["authorization"] == "Bearer x"
        assert "authorization" not in other.log[0].headers


async def test_redirects_without_end_are_said(server):
    server.script(Fault.redirect(server.url("a.tif"), times=None))
    assert type(await failure(make_source(server.url("a.tif")))) is SourceError


# --- an object that changes ----------------------------------------------------------------------

OLD = (Path(__file__).parent.parent / "fixtures/files/cog-none-u8.tif").read_bytes()
NEW = OLD[:40_000] + bytes(len(OLD) - 40_000)


@pytest.mark.parametrize(
    "new", [NEW, NEW + b"\0", NEW[:-1]], ids=["same-size", "longer", "shorter"]
)
async def test_an_object_that_is_replaced_meanwhile_is_said(server, new):
    server.files["a.tif"] = OLD
    cog = await tinycog.open(server.url("a.tif"))
    server.files["a.tif"] = new
    with pytest.raises(SourceChangedError, match="the object has changed since it was opened"):
        await cog.read_tile(0, 0, 0)


@pytest.mark.parametrize(
    "new", [NEW, NEW + b"\0", NEW[:-1]], ids=["same-size", "longer", "shorter"]
)
async def test_a_file_that_is_written_meanwhile_is_said(path, new):
    path.write_bytes(OLD)
    os.utime(path, (1, 1))
    cog = await tinycog.open(path)
    path.write_bytes(new)
    with pytest.raises(SourceChangedError, match="the object has changed since it was opened"):
        await cog.read_tile(0, 0, 0)


# --- what is shown -------------------------------------------------------------------------------

SIGNED = {
    "https://h/a.tif?X-Amz-Signature=S3CRET&X-Amz-Date=1": "https://h/a.tif",
    "https://h/a.tif?sv=2&anything=S3CRET": "https://h/a.tif",
    "https://h/a.tif?file=b.tif&page=2": "https://h/a.tif",
    "https://h/a.tif#S3CRET": "https://h/a.tif",
    "https://h/a.tif?S3CRET#x": "https://h/a.tif",
    "https://S3CRET@h/a.tif": "https://***@h/a.tif",
    "https://me:S3CRET@h:1/a?b=c": "https://***@h:1/a",
    "https://me:S3C@RET@h:1/a?b=c": "https://***@h:1/a",
    "https://me:S3C/RET@h:1/a?b=c": "https://***",
    "https://S3C/RET@h/a": "https://***@h/a",
    "HTTPS://S3C/RET@h/a": "HTTPS://***@h/a",
    "https://h/a?sig=x'S3CRET": "https://h/a",
    'https://h/a?sig=x"<S3CRET': "https://h/a",
    "https://me:S3C?RET@h:1/a?b=c": "https://***",
    "https://me:S3C#RET@h:1/a?b=c": "https://***",
    "https://me:3/S3CRET@h/a": "https://***@h/a",
    "https://me:S3C RET@h/a": "https://***@h/a",
    "https://me:S3CRET": "https://***",
    "https://h/a?email=S3C@RET": "https://***",
    "http://[::1?apikey=S3CRET": "http://[::1",
    "http://[::1]:80/a?apikey=S3CRET": "http://[::1]:80/a",
    "s3://KEY:S3CRET@bucket/a.tif": "s3://***@bucket/a.tif",
    "s3://KEY:S3C/RET@bucket/a.tif": "s3://***",
    "s3://bucket/a@2x.tif": "s3://bucket/a@2x.tif",
    "gs://bucket/a.tif#123456": "gs://bucket/a.tif#123456",
    "gs://bucket/a.tif#S3CRET": "gs://bucket/a.tif",
    "simplecache::s3://KEY:S3CRET@bucket/a::b.tif": "simplecache::s3://***@bucket/a::b.tif",
    "zip://a.tif::https://u:S3CRET@h/a.zip?x=S3CRET": "zip://a.tif::https://***@h/a.zip",
    "/a/path?token=that-is-none": "/a/path?token=that-is-none",
}


@pytest.mark.parametrize("url", SIGNED)
def test_credentials_of_a_url_are_not_shown(url):
    assert shown_url(url) == SIGNED[url]
    assert "S3C" not in redact(f"GET {url.replace(' ', '')}, 'then' {url.replace(' ', '')}")
    assert make_source(url).name == SIGNED[url]
    assert "S3CRET" not in make_source(url).origin


@given(
    st.sampled_from(["https://{}@h/a", "https://me:{}@h:1/a", "http://h/a?sig={}", "http://h?{}"]),
    st.text(st.sampled_from("/?#@:;&=%+ \"'<>[]\\\tü3"), max_size=4),
    st.text(st.sampled_from("/?#@:;&=%+ \"'<>[]\\\tü3"), max_size=4),
    st.sampled_from(["", "?x=1", "#x", "?email=a@b", "?X-Amz-Signature=S3CRET", "#S3CRET"]),
)
def test_no_shape_of_a_credential_is_shown(form, before, after, rest):
    url = form.format(f"{before}S3CRET{after}") + rest
    assert "S3CRET" not in shown_url(url)
    assert "S3CRET" not in make_source(url).origin


@pytest.mark.timeout(10)
def test_urls_are_found_in_a_long_text_at_once():
    word = "surplus" * 200_000
    assert redact(f"{word} https://u:S3CRET@h/a?b, {word}") == f"{word} https://***@h/a {word}"
    assert redact("a://" * 100_000).count("***") == 0
    assert make_source(word).name == word


def test_urls_are_shown_whole_on_demand():
    url = "https://me:S3CRET@h/a.tif?sig=S3CRET"
    show_urls()
    try:
        assert make_source(url).name == url
        assert redact_line(f"GET {url}") == f"GET {url}"
    finally:
        show_urls(whole=False)
    assert make_source(url).name == "https://***@h/a.tif"


@pytest.mark.parametrize("url", [url for url in SIGNED if "S3C" in url])
async def test_nor_by_errors_and_handles(url):
    cog = tinycog.open(url, limits=Limits(retries=Retries(tries=1, silence=1)))
    with pytest.raises(tinycog.TinycogError) as caught:
        await cog
    redact_line = [
        *traceback.format_exception(caught.value),
        repr(cog),
        cog.name,
        repr(caught.value),
    ]
    redact_line += [str(getattr(caught.value, "url", "")), cog._repr_html_()]
    assert "S3C" not in "".join(line for line in redact_line if "format_exception" not in line)


async def test_a_signed_url_is_sent_as_it_was_given(server):
    url = server.url("a.tif") + "?X-Amz-Signature=S3CRET%2F&sig=a+b"
    server.script(Fault.status(403, after=1))
    source = make_source(url)
    assert await read(source, 0, 10) == DATA[:10]
    error = await failure(source)
    assert error.url == server.url("a.tif")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("a\r\nb\x1b[2J\x00\udcff", "a\\r\\nb\\x1b[2J\\x00\\udcff"),
        ("ü", "ü"),
        ("x" * 10_000, "x" * 500 + "..."),
    ],
)
def test_what_others_wrote_is_shown_in_a_short_line(text, line):
    assert redact_line(text) == line


# --- heads ---------------------------------------------------------------------------------------

PART = ByteRange(0, 10)


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Range", "bytes 0-9/100"), ("Content-Range", "bytes 0-9/200")],
        [("Content-Range", "bytes 0-9/100"), ("Content-Type", "multipart/byteranges; boundary=x")],
        [("Content-Range", "bytes 0-9/\u0661\u0660\u0660")],
    ],
)
def test_a_content_range_that_is_not_one_is_refused(headers):
    with pytest.raises(RangeMismatchError):
        response.sent_range("http://h/a", PART, Fields(headers))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("bytes 0-9/100", 100),
        ("Bytes 0-9/100", 100),
        ("bytes=0-9/100", 100),
        ("bytes  0 - 9 / 100", 100),
        ("bytes 0-9/*", None),
        ("bytes 0-9", None),
    ],
)
def test_a_content_range_is_read_as_servers_write_it(text, size):
    headers = Fields([("Content-Range", text)])
    assert response.sent_range("http://h/a", PART, headers) == (PART, size)


@pytest.mark.parametrize("change", ["range", "vcdiff"])
async def test_a_226_is_the_range_too_unless_it_is_a_difference(server, change):
    def alter(context: RequestContext) -> Response:
        right = context.right
        return replace(right, status=226, headers={**right.headers, "IM": change})

    server.script(replace(Fault.status(226), alter=alter))
    source = make_source(server.url("a.tif"))
    if change == "range":
        assert await read(source, 0, 10) == DATA[:10]
    else:
        assert str(await failure(source)).startswith("the server sent IM vcdiff, which ranges")


@pytest.mark.parametrize(
    ("headers", "is_identity"),
    [
        ([], True),
        ([("Content-Encoding", "Identity")], True),
        ([("Content-Encoding", "identity"), ("content-encoding", "gzip")], False),
        ([("Content-Encoding", "identity, gzip")], False),
        ([("Content-Encoding", "aws-chunked")], True),
        ([("Content-Encoding", "none, UTF-8, binary")], True),
        ([("Content-Encoding", "aws-chunked, gzip")], False),
        ([("IM", "range")], True),
        ([("IM", "vcdiff")], False),
        ([("IM", "range, gzip")], False),
        ([("Transfer-Encoding", "chunked")], True),
        ([("Transfer-Encoding", "gzip, chunked")], False),
    ],
)
def test_every_coding_counts(headers, is_identity):
    assert response.is_identity(Fields(headers)) == is_identity


MODIFIED = ("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT")


@pytest.mark.parametrize(
    ("headers", "tag"),
    [
        ([("ETag", '"a"'), ("x-goog-generation", "17"), MODIFIED], '"a"'),
        ([("ETag", 'W/"a"'), ("x-goog-generation", "17"), MODIFIED], "x-goog-generation 17"),
        ([("x-amz-version-id", "v7"), MODIFIED], "x-amz-version-id v7"),
        ([("x-amz-version-id", "null"), MODIFIED], MODIFIED[1]),
        ([("ETag", 'W/"a"'), MODIFIED], f'{MODIFIED[1]} W/"a"'),
        ([("ETag", 'W/"a"')], 'W/"a"'),
        ([("ETag", '"\udce4"')], '"\\udce4"'),
        ([("ETag", '"a"'), ("ETag", '"b"')], '"a", "b"'),
        ([], None),
    ],
)
def test_a_generation_is_named_by_the_best_that_is_told(headers, tag):
    assert response.generation(Fields(headers)) == tag


async def test_s3_says_by_a_400_that_a_connection_was_slow(server):
    body = b"<?xml?><Error><Code>RequestTimeout</Code></Error>"
    server.script(Fault.status(400, body=body), Fault.status(400))
    source = make_source(server.url("a.tif"))
    assert [(await failure(source)).may_pass for _ in range(2)] == [True, False]


# --- memory that there is none of ----------------------------------------------------------------


class Crowded(RangeRecorder):
    """Has no room for more than a few bytes."""

    def buffer(self, max_bytes: int) -> memoryview:
        del max_bytes
        raise MemoryError


async def test_a_body_that_has_no_room_fails_without_a_word(server, caplog):
    server.bandwidth = 50_000
    server.files["a.tif"] = bytes(50_000)
    with pytest.raises(MemoryError):
        await make_source(server.url("a.tif")).read_range(ByteRange(0, 50_000), Crowded())
    assert not caplog.records
    assert await read(make_source(server.url("a.tif")), 0, 100) == bytes(100)


# --- what a string names, and what an argument is for --------------------------------------------


class Written:
    """An object that is a url when it is written as text, as those of yarl and pydantic are."""

    def __init__(self, url: str, **options: object) -> None:
        self._url = url
        self.storage_options = options

    @property
    def scheme(self) -> str:
        return self._url.partition(":")[0]

    def __str__(self) -> str:
        return self._url


@pytest.mark.parametrize("query", ["crs=urn:ogc:def:crs:EPSG::4326", "a=b::c&d=s3://e"])
async def test_two_colons_in_an_http_url_are_its_own(server, query):
    asked: list[str] = []
    url = f"{server.url('a.tif')}?{query}"
    source = make_source(url, allow_host=lambda url: asked.append(url) or True)
    assert await read(source, 0, 10) == DATA[:10]
    assert asked == [url]


@pytest.mark.parametrize(
    ("url", "links"),
    [
        ("http://[::1]/a", ["http://[::1]/a"]),
        ("s3://b/a::b.tif", ["s3://b/a::b.tif"]),
        ("s3://b/a::zip", ["s3://b/a::zip"]),
        ("simplecache::s3://b/a", ["simplecache", "s3://b/a"]),
        (
            "filecache::zip://a.tif::s3://b/c::d.zip",
            ["filecache", "zip://a.tif", "s3://b/c::d.zip"],
        ),
        ("simplecache::http://h/?crs=EPSG::4326", ["simplecache", "http://h/?crs=EPSG::4326"]),
        ("a::b.tif", ["a::b.tif"]),
    ],
)
def test_links_of_a_chain_are_urls_and_names_before_them(url, links):
    assert links_of(url) == links


async def test_a_key_with_two_colons_is_read_by_fsspec(tmp_path):
    (tmp_path / "a::b.tif").write_bytes(DATA)
    assert await read(make_source(f"local://{tmp_path}/a::b.tif"), 5, 9) == DATA[5:9]


async def test_allow_host_is_asked_for_each_link_of_a_chain():
    fsspec.filesystem("memory").pipe_file("/allowed/a.tif", DATA)
    asked: list[str] = []
    url = "simplecache::memory://allowed/a.tif"
    source = make_source(url, allow_host=lambda url: asked.append(url) or False)
    assert type(await failure(source)) is AccessDeniedError
    assert asked == ["memory://allowed/a.tif"]


@pytest.mark.parametrize(
    "url", ["simplecache::http://h/a::http://other/b", "simplecache::memory://m/a::b.tif"]
)
async def test_a_chain_that_fsspec_would_split_otherwise_is_refused(url):
    asked: list[str] = []
    source = make_source(url, allow_host=lambda url: asked.append(url) or True)
    with pytest.raises(UsageError, match='takes each "::" of a chain for a link'):
        await read(source, 0, 10)
    assert asked == []


@pytest.mark.parametrize("where", [DATA, "a.tif", Path("a.tif"), "file:///a.tif", ranges_of(DATA)])
@pytest.mark.parametrize("name", ["headers", "auth", "allow_host", "storage_options"])
def test_an_argument_that_a_source_has_no_use_for_is_refused(where, name):
    given: dict[str, Any] = {name: bool if name == "allow_host" else {"a": "b"}}
    with pytest.raises(UsageError, match=f"^{name}= has no use with .*: it is for .*url"):
        make_source(where, **given)


@pytest.mark.parametrize(
    ("where", "options", "name"),
    [
        ("http://h/a.tif", {"storage_options": {"a": 1}}, "storage_options"),
        ("s3://b/a.tif", {"headers": {"a": "b"}}, "headers"),
        ("s3://b/a.tif", {"auth": {"a": "b"}}, "auth"),
        ("a.tif", {"fs": LocalFileSystem(), "allow_host": bool}, "allow_host"),
        (
            "a.tif",
            {"fs": LocalFileSystem(), "storage_options": {"a": 1}},
            "storage_options",
        ),
        (DATA, {"fs": LocalFileSystem()}, "fs"),
        (Written("http://h/a.tif", a=1), {}, "storage_options"),
    ],
)
def test_an_argument_for_another_kind_of_source_is_refused(where, options, name):
    with pytest.raises(UsageError, match=f"^{name}= has no use with "):
        make_source(where, **options)


@pytest.mark.parametrize("around", [" {}", "{} ", "\n{}\t"])
async def test_blanks_around_a_url_are_none_of_it(server, around):
    assert await read(make_source(around.format(server.url("a.tif"))), 0, 10) == DATA[:10]


async def test_an_object_that_is_written_as_a_url_is_that_url(server):
    assert await read(make_source(Written(server.url("a.tif"))), 0, 10) == DATA[:10]
    assert await read(make_source(yarl.URL(server.url("a.tif"))), 0, 10) == DATA[:10]


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (
            "/vsicurl/http://h/a.tif",
            "/vsicurl/ is a path of GDAL, not read here: write http://h/a.tif",
        ),
        ("/vsis3/b/a.tif", "/vsis3/ is a path of GDAL, not read here: write s3://b/a.tif"),
        ("/vsizip/a.zip/a.tif", "/vsizip/ is a path of GDAL, not read here"),
        ("http:/h/a.tif", "the url lacks a slash: http://h/a.tif"),
        (Path("s3://b/a.tif"), "the url lacks a slash: s3://b/a.tif"),
    ],
)
def test_what_looks_like_a_url_and_is_none_is_named(where, text):
    with pytest.raises(UsageError, match=f"^{re.escape(text)}"):
        make_source(where)
