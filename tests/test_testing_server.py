from __future__ import annotations

import asyncio
import gzip
import http.client
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import tinycog.testing
from tinycog.testing import Fault, RangeServer, serve_in_thread

DATA = bytes(i * 7 % 256 for i in range(1000))
NAME = "a.tif"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def range(self) -> str | None:
        return self.headers.get("content-range")


class Client:
    """One connection, nothing hidden: an early end is an `IncompleteReadError`."""

    def __init__(self, server):
        self.server = server

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        return self

    async def __aexit__(self, *exc):
        self.writer.transport.abort()

    def send(self, part=None, *, method="GET", path=NAME, **headers):
        lines = [f"{method} /{path} HTTP/1.1", "Host: x"]
        lines += [f"Range: bytes={part}"] if part is not None else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def receive(self, *, body=True):
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().rstrip().split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        length = int(headers["content-length"]) if body else 0
        return Reply(int(first.split()[1]), headers, await self.reader.readexactly(length))

    async def get(self, part=None, **options):
        self.send(part, **options)
        return await self.receive(body=options.get("method") != "HEAD")


async def until(condition):
    """Wait for what the server has yet to notice; the test's own timeout is the limit."""
    while not condition():  # noqa: ASYNC110 - the server has no event for a test to wait for
        await asyncio.sleep(0.001)


@pytest.fixture
async def server():
    async with RangeServer({NAME: DATA, "empty": b""}) as server:
        yield server


@pytest.fixture
async def client(server):
    async with Client(server) as client:
        yield client


# --- right answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "start", "stop"),
    [
        ("0-9", 0, 10),
        ("990-5000", 990, 1000),
        ("995-", 995, 1000),
        ("-7", 993, 1000),
        ("-5000", 0, 1000),
        ("0-999", 0, 1000),
    ],
)
async def test_range_gives_206_clamped_to_the_file(client, part, start, stop):
    reply = await client.get(part)
    assert reply.status == 206
    assert reply.body == DATA[start:stop]
    assert reply.range == f"bytes {start}-{stop - 1}/1000"
    assert reply.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("part", ["1000-", "1000-1010", "5-2", "-0", "x-y", "-"])
async def test_unsatisfiable_range_gives_416_with_the_total(client, part):
    reply = await client.get(part)
    assert (reply.status, reply.range, reply.body) == (416, "bytes */1000", b"")


@pytest.mark.parametrize("headers", [{}, {"range": "lines=0-1"}, {"range": "bytes=0-1,5-6"}])
async def test_no_range_other_units_and_several_ranges_give_the_whole_file(client, headers):
    reply = await client.get(**headers)
    assert (reply.status, reply.body, reply.range) == (200, DATA, None)


@pytest.mark.parametrize("part", ["0-9", "-5", "0-"])
async def test_empty_file_gives_200(client, part):
    reply = await client.get(part, path="empty")
    assert (reply.status, reply.body) == (200, b"")


async def test_head_has_the_headers_of_get_and_no_body(client, server):
    reply = await client.get("10-19", method="HEAD")
    assert (reply.status, reply.headers["content-length"]) == (206, "10")
    assert (await client.get("0-0")).body == DATA[:1]  # the connection is still in step
    assert server.log[0].method == "HEAD"
    assert server.log[0].sent == 0


async def test_unknown_names_and_methods(client):
    assert (await client.get("0-9", path="b.tif")).status == 404
    assert (await client.get(method="DELETE")).status == 405


@pytest.mark.parametrize("head", [b"hello\r\n\r\n", b"GET / HTTP/2\r\n\r\n"])
async def test_what_is_not_http_1_gives_400_and_the_end(server, head):
    async with Client(server) as client:
        client.writer.write(head)
        assert (await client.receive()).status == 400
        assert await client.reader.read() == b""


async def test_names_are_quoted_in_urls_and_queries_are_ignored(server, client):
    server.files["a b/ü.tif"] = b"x"
    path = server.url("a b/ü.tif").split("/", 3)[3]
    assert path == "a%20b/%C3%BC.tif"
    assert (await client.get(path=path + "?sig=1")).body == b"x"
    assert server.log[0].path == "a b/ü.tif"


async def test_if_match_and_if_range(client):
    first = await client.get("0-9")
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    assert etag.startswith('"')
    for tags in (etag, "*", f'"other", {etag}'):
        assert (await client.get("0-9", if_match=tags)).status == 206
    for tags in ('"other"', f"W/{etag}"):
        assert (await client.get("0-9", if_match=tags)).status == 412
    for condition in (etag, modified):
        assert (await client.get("0-9", if_range=condition)).status == 206
    for condition in ('"other"', f"W/{etag}", "Thu, 01 Jan 1970 00:00:00 GMT"):
        assert (await client.get("0-9", if_range=condition)).status == 200


async def test_weak_and_no_etags():
    async with RangeServer({NAME: DATA}, etag="weak") as server, Client(server) as client:
        etag = (await client.get("0-9")).headers["etag"]
        assert etag.startswith('W/"')
        assert (await client.get("0-9", if_match=etag)).status == 412
        assert (await client.get("0-9", if_range=etag)).status == 200
    async with RangeServer({NAME: DATA}, etag=False) as server, Client(server) as client:
        assert "etag" not in (await client.get("0-9")).headers
        assert (await client.get("0-9", if_match="*")).status == 412


# --- what is served ------------------------------------------------------------------------------


async def test_replaced_file_has_another_etag_and_the_same_content_the_same(client, server):
    old = (await client.get("0-9")).headers["etag"]
    server.files[NAME] = DATA[::-1]
    changed = await client.get("0-9")
    assert changed.body == DATA[::-1][:10]
    assert changed.headers["etag"] != old
    server.files[NAME] = bytes(bytearray(DATA))
    assert (await client.get("0-9")).headers["etag"] == old
    del server.files[NAME]
    assert (await client.get("0-9")).status == 404


async def test_path_is_read_by_range_and_noticed_when_it_changes(client, server, tmp_path):
    path = tmp_path / "huge.tif"
    size = 1 << 40
    with path.open("wb") as file:
        file.seek(size - 3)
        file.write(b"end")
    server.files["huge"] = path
    reply = await client.get("-5", path="huge")
    assert (reply.body, reply.range) == (b"\0\0end", f"bytes {size - 5}-{size - 1}/{size}")
    os.utime(path, (1, 1))
    again = await client.get("-5", path="huge", if_match=reply.headers["etag"])
    assert again.status == 412
    path.unlink()
    assert (await client.get("-5", path="huge")).status == 404


class Squares:
    size = 1 << 50

    def read(self, start: int, stop: int) -> bytes:
        return bytes(i * i % 256 for i in range(start, stop))


async def test_virtual_file_is_asked_for_the_range_only(client, server):
    server.files["squares"] = Squares()
    start = (1 << 49) + 1
    reply = await client.get(f"{start}-{start + 3}", path="squares")
    assert reply.body == bytes([1, 4, 9, 16])
    server.files["squares"] = Squares()
    again = await client.get("0-1", path="squares")
    assert again.headers["etag"] != reply.headers["etag"]


async def test_what_a_virtual_file_raises_comes_out_at_the_end():
    class Broken:
        size = 10

        def read(self, start: int, stop: int) -> bytes:
            raise ZeroDivisionError(start, stop)

    async def run():
        async with RangeServer({"broken": Broken()}) as server, Client(server) as client:
            with pytest.raises(asyncio.IncompleteReadError):
                await client.get("0-1", path="broken")

    with pytest.raises(ZeroDivisionError):
        await run()


# --- log, pace, connections ----------------------------------------------------------------------


async def test_log_tells_what_was_asked_half_open_and_what_was_sent(client, server):
    await client.get("990-2000", X_Note="hi")
    await client.get("-4")
    await client.get()
    await client.get("0-1", path="none")
    lines = [(g.path, g.start, g.stop, g.status, g.sent) for g in server.log]
    assert lines == [
        (NAME, 990, 2001, 206, 10),
        (NAME, 996, 1000, 206, 4),
        (NAME, None, None, 200, 1000),
        ("none", 0, 2, 404, 13),
    ]
    assert server.log[0].headers["x-note"] == "hi"
    server.clear()
    assert server.log == []


async def test_keep_alive_connections_are_counted(server):
    async with Client(server) as one, Client(server) as two:
        for client in (one, two, one, two):
            assert (await client.get("0-9")).status == 206
        assert (server.connections, server.open_connections) == (2, 2)
        assert "connection" not in (await one.get("0-9")).headers
        assert (await one.get("0-9", connection="close")).headers["connection"] == "close"
        assert await one.reader.read() == b""
    await until(lambda: server.open_connections == 0)
    assert server.connections == 2


async def test_requests_sent_ahead_are_answered_in_order(client):
    for i in range(5):
        client.send(f"{i}-{i}")
    assert [(await client.receive()).body for _ in range(5)] == [DATA[i : i + 1] for i in range(5)]


async def test_latency_is_waited_once_for_requests_side_by_side(server):
    server.latency = 0.05

    async def get(i):
        async with Client(server) as client:
            return (await client.get(f"{i}-{i}")).body

    began = time.monotonic()
    bodies = await asyncio.gather(*(get(i) for i in range(100)))
    took = time.monotonic() - began
    assert bodies == [DATA[i : i + 1] for i in range(100)]
    assert 0.05 <= took < 100 * 0.05


async def test_bandwidth_is_a_bound_for_each_connection(server, client):
    server.bandwidth = 10_000
    began = time.monotonic()
    assert (await client.get()).body == DATA
    assert time.monotonic() - began >= 0.1


async def test_large_body_is_not_read_on_when_the_client_hangs_up(server):
    server.files["squares"] = squares = Squares()
    squares.read = lambda start, stop: bytes(stop - start)
    async with Client(server) as client:
        client.send(path="squares")
        await client.reader.readexactly(1 << 20)
    await until(lambda: server.open_connections == 0)
    assert 1 << 20 <= server.log[0].sent < 1 << 30


async def test_stopping_cuts_what_is_under_way_and_leaves_nothing():
    server = RangeServer({NAME: DATA}, faults=[Fault.stall(times=None)])
    async with server:
        clients = [await Client(server).__aenter__() for _ in range(5)]
        for client in clients:
            client.send("0-9")
        await until(lambda: len(server.log) == 5)
        assert server.open_connections == 5
    assert server.open_connections == 0
    for client in clients:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.receive()
        await client.__aexit__()
    assert asyncio.all_tasks() == {asyncio.current_task()}


# --- faults --------------------------------------------------------------------------------------


async def scripted(server, client, fault, part="100-199"):
    """The reply under a fault; the next one must be right again."""
    server.script(fault)
    reply = await client.get(part)
    assert (await client.get("0-9")).body == DATA[:10]
    return reply


async def test_fault_status(server, client):
    fault = Fault.status(503, headers={"Retry-After": "1"}, body=b"slow down")
    reply = await scripted(server, client, fault)
    assert (reply.status, reply.headers["retry-after"], reply.body) == (503, "1", b"slow down")
    assert server.log[0].status == 503


async def test_fault_redirect(server, client):
    reply = await scripted(server, client, Fault.redirect("/b.tif", code=307))
    assert (reply.status, reply.headers["location"]) == (307, "/b.tif")


async def test_fault_ignore_range(server, client):
    reply = await scripted(server, client, Fault.ignore_range())
    assert (reply.status, reply.range, reply.body) == (200, None, DATA)


@pytest.mark.parametrize(
    ("part", "shift", "start", "stop"),
    [
        ("100-199", 5, 105, 205),
        ("100-199", -5, 95, 195),
        ("990-999", 3, 993, 1000),
        ("0-9", -3, 0, 7),
        ("0-9", 9999, 999, 1000),
    ],
)
async def test_fault_wrong_range(server, client, part, shift, start, stop):
    reply = await scripted(server, client, Fault.wrong_range(shift), part)
    assert (reply.status, reply.range) == (206, f"bytes {start}-{stop - 1}/1000")
    assert reply.body == DATA[start:stop]


@pytest.mark.parametrize(
    ("part", "start", "stop"), [("100-199", 100, 200), ("950-999", 950, 1000), ("0-", 0, 1000)]
)
async def test_fault_lying_range(server, client, part, start, stop):
    reply = await scripted(server, client, Fault.lying_range(7), part)
    assert reply.range == f"bytes {start}-{stop - 1}/1000"
    assert reply.body == (DATA + DATA)[start + 7 : stop + 7]


async def test_fault_mislabelled_range(server, client):
    reply = await scripted(server, client, Fault.mislabelled_range(7))
    assert (reply.range, reply.body) == ("bytes 107-206/1007", DATA[100:200])


async def test_fault_short_answer(server, client):
    reply = await scripted(server, client, Fault.short_answer(30))
    assert (reply.range, reply.body) == ("bytes 100-129/1000", DATA[100:130])


async def test_fault_long_body(server, client):
    reply = await scripted(server, client, Fault.long_body(3))
    assert (reply.range, reply.body) == ("bytes 100-199/1000", DATA[100:200] + bytes(3))


async def test_fault_no_total(server, client):
    reply = await scripted(server, client, Fault.no_total())
    assert (reply.range, reply.body) == ("bytes 100-199/*", DATA[100:200])


@pytest.mark.parametrize("text", ["bytes 0--1/0", "nonsense", None])
async def test_fault_bad_content_range(server, client, text):
    reply = await scripted(server, client, Fault.bad_content_range(text))
    assert (reply.status, reply.range, reply.body) == (206, text, DATA[100:200])


async def test_fault_gzip(server, client):
    reply = await scripted(server, client, Fault.gzip())
    assert (reply.status, reply.headers["content-encoding"]) == (206, "gzip")
    assert gzip.decompress(reply.body) == DATA[100:200]
    reply = await scripted(server, client, Fault.gzip(whole=True))
    assert (reply.status, reply.range) == (200, None)
    assert gzip.decompress(reply.body) == DATA


async def test_fault_change(server, client):
    old = await client.get("0-9")
    etag = old.headers["etag"]
    server.script(Fault.change(b"new"))
    assert (await client.get("0-9", if_match=etag)).status == 412
    new = await client.get("0-9")
    assert (new.body, new.range) == (b"new", "bytes 0-2/3")
    assert new.headers["etag"] != etag


async def test_fault_short_body(server, client):
    server.script(Fault.short_body(40))
    client.send("100-199")
    with pytest.raises(asyncio.IncompleteReadError) as caught:
        await client.receive()
    assert caught.value.partial == DATA[100:140]
    assert (server.log[0].status, server.log[0].sent) == (206, 40)


async def test_short_body_past_the_end_only_hangs_up(server, client):
    server.script(Fault.short_body(1000))
    assert (await client.get("100-199")).body == DATA[100:200]
    assert await client.reader.read() == b""


async def test_fault_reset(server, client):
    server.script(Fault.reset())
    with pytest.raises(ConnectionResetError):
        await client.get("100-199")
    assert (server.log[0].status, server.log[0].sent) == (0, 0)


@pytest.mark.parametrize("at", [None, 40])
async def test_fault_stall_for_a_while(server, client, at):
    began = time.monotonic()
    reply = await scripted(server, client, Fault.stall(0.03, at=at))
    assert time.monotonic() - began >= 0.03
    assert reply.body == DATA[100:200]


@pytest.mark.parametrize(("at", "length"), [(None, 0), (40, 40)])
async def test_fault_stall_for_ever_until_the_client_hangs_up(server, at, length):
    server.script(Fault.stall(at=at))
    async with Client(server) as client:
        client.send("100-199")
        if at is not None:
            await client.reader.readuntil(b"\r\n\r\n")
            assert await client.reader.readexactly(at) == DATA[100:140]
        await until(lambda: server.log)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.02)
        assert (server.log[0].sent, server.open_connections) == (length, 1)
    await until(lambda: server.open_connections == 0)


async def test_faults_strike_in_order_as_often_as_they_say(server, client):
    server.script(
        Fault.status(404, path="other", times=None),
        Fault.status(503, times=2),
        Fault.status(500, after=1),
    )
    got = [(await client.get("0-9")).status for _ in range(6)]
    assert got == [503, 503, 206, 500, 206, 206]
    assert [(await client.get(path="other")).status for _ in range(3)] == [404] * 3
    server.script()
    assert (await client.get(path="other")).body == b"no such file\n"


async def test_faults_of_ranges_wait_for_a_range(server, client):
    server.script(Fault.short_answer(1))
    assert [(await client.get(p)).status for p in (None, "5000-")] == [200, 416]
    assert (await client.get("0-9")).body == DATA[:1]


def test_fault_says_what_it_is():
    assert "'status 503'" in repr(Fault.status(503, times=2))


# --- threads and processes -----------------------------------------------------------------------


def test_server_in_a_thread_serves_blocking_clients():
    with serve_in_thread({NAME: DATA}, latency=0.001) as server:
        for i in range(3):
            assert blocking_get(server.port, f"/{NAME}", f"{i}-{i + 1}") == DATA[i : i + 2]
            assert (server.log[i].start, server.log[i].sent) == (i, 2)
        assert server.connections == 3


def test_server_in_a_thread_that_cannot_start_says_so():
    with (
        serve_in_thread({}) as server,
        pytest.raises(OSError, match="in use"),
        serve_in_thread({}, port=server.port),
    ):
        pytest.fail("unreachable")


def test_server_in_a_thread_stops_when_the_caller_fails():
    with pytest.raises(KeyError), serve_in_thread({NAME: DATA}) as server:
        raise KeyError
    assert server.open_connections == 0


def test_example_of_the_package_runs(capsys):
    text = tinycog.testing.__doc__ or ""
    code = text.split("scripted::\n\n")[1].split("`serve_in_thread`")[0]
    exec(compile(textwrap.dedent(code), "example", "exec"), {})  # noqa: S102 - our own words
    assert "HTTP 403" in capsys.readouterr().out


SCRIPT = """
import http.client
import tinycog.testing
from tinycog.testing import Fault, serve_in_thread
with serve_in_thread({"a": b"abc"}, faults=[Fault.stall()]) as server:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=0.05)
    connection.request("GET", "/a")
    try:
        connection.getresponse()
    except TimeoutError:
        print("timeout")
    idle = http.client.HTTPConnection("127.0.0.1", server.port)
    idle.connect()
connection.close()
idle.close()
"""


def test_nothing_is_warned_of_in_development_mode():
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", SCRIPT]
    done = subprocess.run(  # noqa: S603 - our own words
        command, capture_output=True, text=True, timeout=30, check=True
    )
    # asyncio notes slow steps in this mode; a busy machine has them.
    noise = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    assert (done.stdout, noise) == ("timeout\n", [])


def blocking_get(port, path, part):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Range": f"bytes={part}"})
    with connection.getresponse() as reply:
        body = reply.read()
    connection.close()
    return body


def test_server_as_a_program_prints_its_url_and_serves_a_directory(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.tif").write_bytes(DATA)
    command = [sys.executable, "-W", "error", "-m", "tinycog.testing.server", str(tmp_path)]
    with subprocess.Popen(  # noqa: S603 - our own words
        [*command, "--latency-ms", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        try:
            url = urlsplit(process.stdout.readline().strip())
            assert (url.scheme, url.hostname, url.path) == ("http", "127.0.0.1", "/")
            assert blocking_get(url.port, "/sub/a.tif", "5-9") == DATA[5:10]
        finally:
            process.terminate()
        try:
            assert process.wait(30) == 0
        finally:
            process.kill()
        assert process.stderr.read() == ""
