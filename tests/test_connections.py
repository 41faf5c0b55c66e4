"""Connections: every transition of their states, TLS, and what is not imported for them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from test_keep_alive import RawServer, answer, right, serving

from tinycog.sources.http.connections import (
    BODY,
    CLOSED,
    DIALLING,
    HEAD,
    IDLE,
    PART,
    Connection,
    Exchange,
    State,
)
from tinycog.sources.http.errors import NotPlainError, StaleError, TransportError

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PART_HEAD = b"HTTP/1.1 206 x\r\nContent-Length: 5\r\n\r\n"
CHUNKED_HEAD = b"HTTP/1.1 206 x\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS_HEAD = b"HTTP/1.1 206 x\r\n\r\n"
REFUSED = b"HTTP/1.1 404 x\r\nContent-Length: 2\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that notes what is written, and whether it was closed."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.is_aborted = False

    def write(self, data):
        self.written += bytes(data)

    def abort(self):
        self.is_aborted = True


class Sink:
    """Takes the bytes of a part, or all bytes of another body."""

    def __init__(self):
        self.data = b""
        self.closed = 0
        self._given = memoryview(b"")

    def write(self, chunk):
        self.data += bytes(chunk)

    def buffer(self, max_bytes):
        self._given = memoryview(bytearray(max_bytes))
        return self._given

    def advance(self, count):
        self.data += bytes(self._given[:count])

    def finish(self):
        pass

    def fail(self, error):
        return error

    def close(self):
        self.closed += 1


class Client:
    """A connection that is driven by hand, without an event loop's help."""

    def __init__(self):
        self.connection = Connection()
        self.wire = Wire()
        self.sink = Sink()
        self.ends: list[Exception | None] = []

    def check(self, head):
        if head.status == 404:
            raise LookupError
        return None if head.length is not None else self.sink

    def dialled(self):
        self.connection.connection_made(self.wire)
        return self

    def begun(self):
        exchange = Exchange(self.check, self.sink, lambda _: None)  # type: ignore[arg-type]
        self.connection.begin(REQUEST, exchange, self.ends.append)
        return self

    def receives(self, data):
        while data:
            buffer = self.connection.get_buffer(-1)
            taken = data[: len(buffer)]
            buffer[: len(taken)] = taken
            self.connection.buffer_updated(len(taken))
            data = data[len(taken) :]
        return self


def is_closed(client):
    return client.connection.state is CLOSED and client.wire.is_aborted


async def test_dialling_to_idle_to_head():
    client = Client()
    assert client.connection.state is DIALLING
    assert client.dialled().connection.state is IDLE
    assert client.begun().connection.state is HEAD
    assert client.wire.written == REQUEST


@pytest.mark.parametrize(
    ("head", "state", "body"),
    [
        (PART_HEAD, PART, b"abcde"),
        (CHUNKED_HEAD, BODY, b"5\r\nabcde\r\n0\r\n\r\n"),
        (b"HTTP/1.1 103 x\r\n\r\n" + PART_HEAD, PART, b"abcde"),
        (b"\r\n\r\n" + PART_HEAD, PART, b"abcde"),
    ],
)
async def test_head_to_part_or_body_to_idle_and_again(head, state, body):
    client = Client().dialled()
    for i in range(1, 3):
        client.begun().receives(head[:20])
        assert client.connection.state is HEAD
        client.receives(head[20:])
        assert client.connection.state is state
        client.receives(body[:2])
        assert client.connection.state is state
        client.receives(body[2:])
        assert (client.connection.state, client.ends) == (IDLE, [None] * i)
        assert client.sink.data == b"abcde" * i
        assert client.sink.closed == i * (state is BODY)


async def test_a_refusal_whose_body_came_with_its_head_leaves_the_connection_idle():
    client = Client().dialled().begun().receives(REFUSED + b"no")
    assert client.connection.state is IDLE
    assert [type(error) for error in client.ends] == [LookupError]


async def test_a_body_that_ends_with_its_connection_is_whole_then():
    client = Client().dialled().begun().receives(ENDLESS_HEAD + b"abc")
    assert client.connection.state is BODY
    client.connection.eof_received()
    assert (client.ends, client.sink.data, client.sink.closed) == ([None], b"abc", 1)
    assert is_closed(client)


CLOSING = {
    "refused, its body has not come": (REFUSED, LookupError),
    "no HTTP": (b"220 hello", NotPlainError),
    "empty lines without end": (b"\r\n" * 140_000, TransportError),
    "interim responses without end": (b"HTTP/1.1 100 x\r\n\r\n" * 16_000, TransportError),
    "a broken chunk": (CHUNKED_HEAD + b"x\r\n", TransportError),
}


@pytest.mark.parametrize(("data", "error"), CLOSING.values(), ids=CLOSING)
async def test_what_fails_closes(data, error):
    client = Client().dialled().begun().receives(data)
    assert is_closed(client)
    assert [type(found) for found in client.ends] == [error]


BEFORE = {
    HEAD: (b"HTTP/1.1 206", TransportError),
    PART: (PART_HEAD + b"abc", TransportError),
    BODY: (CHUNKED_HEAD + b"5\r\nab", TransportError),
}


@pytest.mark.parametrize("state", BEFORE)
@pytest.mark.parametrize("how", ["eof", "lost", "timeout", "close"])
async def test_from_each_state_to_closed(state, how):
    data, error = BEFORE[state]
    client = Client().dialled().begun().receives(data)
    assert client.connection.state is state
    if how == "eof":
        client.connection.eof_received()
    elif how == "lost":
        client.connection.connection_lost(ConnectionResetError())
    elif how == "timeout":
        client.connection.reschedule(asyncio.get_running_loop().time())
        await asyncio.sleep(0.01)
        error = TimeoutError
    else:
        client.connection.close()
    assert is_closed(client)
    assert [type(found) for found in client.ends] == ([] if how == "close" else [error])
    assert client.sink.closed == (state is BODY)
    client.connection.connection_lost(None)
    assert len(client.ends) == (how != "close")


@pytest.mark.parametrize("how", ["bytes", "eof", "lost", "close"])
async def test_from_idle_to_closed_after_which_a_request_is_stale(how):
    client = Client().dialled()
    if how == "bytes":
        client.receives(PART_HEAD)
    elif how == "eof":
        client.connection.eof_received()
    elif how == "lost":
        client.connection.connection_lost(None)
    else:
        client.connection.close()
    assert is_closed(client)
    client.begun()
    assert [type(found) for found in client.ends] == [StaleError]


async def test_a_connection_that_ends_unanswered_is_stale():
    client = Client().dialled().begun()
    client.connection.eof_received()
    assert [type(found) for found in client.ends] == [StaleError]


@pytest.mark.parametrize(
    "head", [PART_HEAD, PART_HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")]
)
async def test_with_more_bytes_or_where_the_server_says_so_it_is_closed_after_the_response(head):
    client = Client().dialled().begun().receives(head + b"abcde" + b"!" * (head is PART_HEAD))
    assert (client.ends, client.sink.data) == ([None], b"abcde")
    assert is_closed(client)


def test_the_states_are_those_of_the_diagram():
    from tinycog.sources.http import connections  # noqa: PLC0415 - its docstring

    assert all(state.name in (connections.__doc__ or "") for state in State)


# --- processes of their own ----------------------------------------------------------------------

READ = """
import sys, tinycog
from tinycog.fetch.fetcher import Fetcher
from tinycog.sources.factory import make_source
from tinycog.tiff.ranges import ByteRange
import asyncio

async def main():
    fetcher = Fetcher(make_source(sys.argv[1]))
    for _ in range(2):
        assert await fetcher.read([ByteRange(5, 9)]) == [bytes([5, 6, 7, 8])]

try:
    asyncio.run(main(), debug=False)  # which tells of slow steps
except tinycog.SourceError as error:
    print(type(error).__name__, error)
print(sorted({"aiohttp", "yarl", "multidict"} & set(sys.modules)))
"""


async def run(url: str, **environment: str) -> tuple[str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", "-c", READ, url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "", **environment},
    )
    out, err = await process.communicate()
    return out.decode(), err.decode()


async def test_plain_requests_are_sent_without_aiohttp_and_without_a_warning():
    async with serving(right) as raw:
        assert await run(raw.url) == ("[]\n", "")
        assert [number for number, _ in raw.asked] == [0, 0]


async def test_a_server_whose_heads_are_too_long_for_us_is_asked_by_aiohttp_at_once_then():
    def script(_, head):
        return [answer(head, more=(b"X: " + b"x" * 7000 + b"\r\n") * 3)]

    async with serving(script) as raw:
        assert await run(raw.url) == ("['aiohttp', 'multidict', 'yarl']\n", "")
        assert len(raw.asked) == 3


OPENSSL = Path("/usr/bin/openssl")


def certificate(folder: Path) -> Path:
    """A certificate for `localhost`, with its key: its own authority."""
    made = folder / "localhost.pem"
    command = [
        *(str(OPENSSL), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-keyout", str(folder / "key.pem"), "-out", str(made), "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost"),
    ]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own
    return made


@pytest.mark.skipif(not OPENSSL.exists(), reason="no openssl to make a certificate with")
async def test_https_is_read_on_one_connection_of_a_server_that_is_trusted_and_no_other(tmp_path):
    import ssl  # noqa: PLC0415 - only here

    made = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, tmp_path / "key.pem")
    raw = RawServer(right)
    server = await asyncio.start_server(raw.accept, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        url = f"https://localhost:{port}/a.tif"
        assert await run(url, SSL_CERT_FILE=str(made)) == ("[]\n", "")
        assert [number for number, _ in raw.asked] == [0, 0]
        out, err = await run(url)
        assert "CERTIFICATE_VERIFY_FAILED" in out
        assert "asked" not in out
        assert err == ""
        out, _ = await run(url.replace("localhost", "127.0.0.1"), SSL_CERT_FILE=str(made))
        assert "CERTIFICATE_VERIFY_FAILED" in out
        assert len(raw.asked) == 2
    finally:
        server.close()
        for writer in raw._writers:
            writer.close()
        await server.wait_closed()


def test_the_private_name_of_asyncio_is_there():
    from asyncio import selector_events  # noqa: PLC0415 - only here

    from tinycog.sources.http.asyncio_private import NAME  # noqa: PLC0415 - only here

    assert hasattr(selector_events._SelectorTransport, NAME), f"asyncio has no {NAME} any more"  # type: ignore[attr-defined]


def test_no_private_name_of_others_is_used_elsewhere():
    import ast  # noqa: PLC0415 - only here

    from tinycog.sources import http  # noqa: PLC0415 - only here

    found = [
        f"{path.name}:{node.lineno} {ast.unparse(node)}"
        for path in Path(http.__path__[0]).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]
    assert [text for text in found if "_replace" not in text] == []
