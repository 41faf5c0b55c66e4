"""`tinycog.Http`, `configure` and `SignedUrl`: how requests are sent, as a caller wants it."""

from __future__ import annotations

import asyncio
import base64
import pickle
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

import tinycog
from tinycog import (
    AccessDeniedError,
    Http,
    Limits,
    NotFoundError,
    Retries,
    SignedUrl,
    SourceError,
    SourceTimeoutError,
    UnsupportedError,
    UsageError,
    configure,
)
from tinycog.fetch.fetcher import Fetcher
from tinycog.sources.condition import Condition
from tinycog.sources.factory import make_source
from tinycog.sources.http.netrc_file import Logins
from tinycog.sources.http.proxies import ProxyRules, is_loopback
from tinycog.sources.http.urls import parse_url
from tinycog.sources.stores import s3
from tinycog.sources.stores.answer import ObjectRead
from tinycog.testing import RangeServer, make_image, make_tiff
from tinycog.tiff.ranges import ByteRange

DATA = bytes(i * 7 % 256 for i in range(1000))
PART = DATA[100:200]
ONCE = Limits(retries=Retries(tries=1, seconds=5, silence=2))
OPENSSL = Path("/usr/bin/openssl")
needs_openssl = pytest.mark.skipif(not OPENSSL.exists(), reason="no openssl to make certificates")

SECRETS = ("hemlig", "geheim")
"""Stand in everything that must not be shown."""


class Asked(NamedTuple):
    """A request as a server got it; `headers` by their names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    peer: int


Answer = bytes | None
Respond = Callable[[Asked], Answer]


def part(asked: Asked, data: bytes = DATA, more: str = "") -> bytes:
    """The range that was asked."""
    first, _, last = asked.headers["range"].removeprefix("bytes=").partition("-")
    body = data[int(first) : int(last) + 1]
    told = f"bytes {first}-{int(first) + len(body) - 1}/{len(data)}"
    lines = f"Content-Range: {told}\r\nContent-Length: {len(body)}\r\n{more}"
    return f"HTTP/1.1 206 OK\r\n{lines}\r\n".encode() + body


def empty(status: str, more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\n\r\n".encode()


def moved(where: str, more: str = "") -> bytes:
    return empty("302 Found", f"Location: {where}\r\n{more}")


class Server:
    """An HTTP server on loopback, and a forward proxy: `log` holds what it was asked.

    `CONNECT` to any host leads to the port of `tunnels`, if `respond` answers it with a 200.
    """

    def __init__(self, respond: Respond, tunnels: int = 0) -> None:
        self.respond = respond
        self.tunnels = tunnels
        self.log: list[Asked] = []
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._count = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._count += 1
        peer = self._count
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, target, _ = lines[0].split(" ")
                pairs = (line.partition(":") for line in lines[1:] if line)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                self.log.append(Asked(method, target, headers, peer))
                answer = self.respond(self.log[-1])
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
                if method == "CONNECT" and answer.startswith(b"HTTP/1.1 200"):
                    await self._tunnel(reader, writer)

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other, back = await asyncio.open_connection("127.0.0.1", self.tunnels)
        self._writers.append(back)
        await asyncio.gather(_pipe(reader, back), _pipe(other, writer))

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def serving(
    respond: Respond = part, context: ssl.SSLContext | None = None, tunnels: int = 0
) -> AsyncIterator[Server]:
    server = Server(respond, tunnels)
    listener = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        server.close()
        await asyncio.sleep(0)


async def read(where: Any, limits: Limits = ONCE, **options: Any) -> bytes:
    fetcher = Fetcher(make_source(where, limits=limits, **options), limits)
    return (await fetcher.read([ByteRange(100, 200)]))[0]


async def failure(where: Any, kind: type[Exception] = SourceError, **options: Any) -> str:
    """What an error says, in which no secret stands, nor in what it came of."""
    with pytest.raises(kind) as caught:
        await read(where, **options)
    error: BaseException | None = caught.value
    while error is not None:
        assert not any(secret in f"{error} {error!r}" for secret in SECRETS), repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return str(caught.value)


# --- proxies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_asked_for_names_that_only_it_knows(name, monkeypatch):
    async with serving() as proxy:
        monkeypatch.setenv(name, f"http://user:geheim@127.0.0.1:{proxy.port}")
        assert await read("http://data.test/a.tif?sig=1") == PART

    (asked,) = proxy.log
    assert asked.target == "http://data.test/a.tif?sig=1"
    assert asked.headers["host"] == "data.test"
    assert base64.b64decode(asked.headers["proxy-authorization"].split()[1]) == b"user:geheim"
    assert "authorization" not in asked.headers


async def test_an_explicit_proxy_counts_before_the_environment_and_for_loopback_too(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "*")
    async with serving() as proxy, RangeServer({"a": DATA}) as server:
        http = Http(proxy=f"127.0.0.1:{proxy.port}")
        assert await read(server.url("a"), http=http) == PART
        assert await read("http://data.test/a", http=http) == PART
        assert await read(server.url("a")) == PART

    assert [asked.target for asked in proxy.log] == [server.url("a"), "http://data.test/a"]
    assert len(server.log) == 1


async def test_the_environment_can_be_left_out(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    told = await failure("http://data.test/a", http=Http(trust_env=False))

    assert "proxy" not in told


ENVIRONMENT = {
    "http_proxy": "http://one:1",
    "HTTP_PROXY": "http://two:2",
    "HTTPS_PROXY": "three:3",
    "NO_PROXY": "inside.test, .dotted.test,10.0.0.0/8 192.168.1.1,[2001:db8::1],named.test:8080"
    ",*.star.test",
}


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://a.test/", "one:1"),
        ("https://a.test/", "three:3"),
        ("http://inside.test/", None),
        ("http://a.inside.test/", None),
        ("http://beinside.test/", "one:1"),
        ("http://inside.test.other/", "one:1"),
        ("http://dotted.test/", None),
        ("http://a.b.dotted.test/", None),
        ("http://a.star.test/", None),
        ("http://10.1.2.3/", None),
        ("http://11.1.2.3/", "one:1"),
        ("http://192.168.1.1/", None),
        ("http://192.168.1.11/", "one:1"),
        ("http://[2001:db8::1]/", None),
        ("http://[2001:db8::2]/", "one:1"),
        ("http://named.test:8080/", None),
        ("http://named.test/", "one:1"),
        ("http://localhost:8000/", None),
        ("http://a.localhost/", None),
        ("http://127.8.0.1/", None),
        ("http://[::1]/", None),
        ("https://127.0.0.1/", None),
    ],
)
def test_variables_are_read_as_curl_does(url, proxy):
    found = ProxyRules(None, ENVIRONMENT).proxy_for(parse_url(url))

    assert (None if found is None else str(found)) == proxy


def test_more_of_the_environment():
    url = parse_url("http://a.test/")

    def proxy(**variables: str) -> object:
        found = ProxyRules(None, variables).proxy_for(url)
        return found and str(found)

    assert proxy(HTTP_PROXY="http://a:1", REQUEST_METHOD="GET") is None
    assert proxy(http_proxy="http://a:1", REQUEST_METHOD="GET") == "a:1"
    assert proxy(http_proxy="", all_proxy="https://b") == "b:443"
    assert proxy(https_proxy="http://a:1") is None
    assert proxy(http_proxy="http://a:1", no_proxy="*") is None
    assert proxy(http_proxy="http://[2001:db8::1]:3128/") == "[2001:db8::1]:3128"
    assert not is_loopback("128.0.0.1")
    assert is_loopback("::ffff:127.0.0.1")
    assert is_loopback("127.1")


async def test_what_a_proxy_fails_at_is_named_as_its_own():
    def respond(asked: Asked) -> Answer:
        answers = {"/login": "407 Proxy Authentication Required", "/bad": "502 Bad Gateway"}
        return empty(answers.get(asked.target.removeprefix("http://data.test"), "404 Not Found"))

    async with serving(respond) as proxy:
        http = Http(proxy=f"http://user:geheim@127.0.0.1:{proxy.port}")
        through = f"through the proxy 127.0.0.1:{proxy.port}"
        told = await failure("http://data.test/login", http=http)
        assert "the proxy needs a user and password (HTTP 407" in told
        assert through in told
        told = await failure("http://data.test/bad", http=http)
        assert "HTTP 502 Bad Gateway" in told
        assert through in told
        assert through in await failure("http://data.test/none", NotFoundError, http=http)
    told = await failure("http://data.test/a?x=hemlig", http=http)
    assert f"cannot connect to the proxy 127.0.0.1:{proxy.port}: " in told
    assert told.count("proxy") == 1
    told = await failure("http://data.test/a", http=Http(proxy="http://u:geheim@proxy.invalid:31"))
    assert "cannot connect to the proxy proxy.invalid:31: " in told


async def test_a_proxy_that_is_silent_is_named():
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    limits = Limits(retries=Retries(tries=1, seconds=1, silence=0.2))
    http = Http(proxy=f"http://127.0.0.1:{port}")
    told = await failure("http://data.test/a", SourceTimeoutError, http=http, limits=limits)
    listener.close()
    for writer in writers:
        writer.close()

    assert f"through the proxy 127.0.0.1:{port}" in told


@pytest.mark.parametrize(("status", "remedy"), [("407 Login", True), ("502 Bad Gateway", False)])
async def test_a_tunnel_that_is_refused_is_the_proxys_failure(status, remedy):
    async with serving(lambda _: empty(status)) as proxy:
        http = Http(proxy=f"http://user:geheim@127.0.0.1:{proxy.port}")
        told = await failure("https://data.test/a?sig=hemlig", http=http)

    assert f"the proxy 127.0.0.1:{proxy.port} opens no tunnel to the server (HTTP {status})" in told
    assert ("user and password" in told) == remedy
    assert {asked.target for asked in proxy.log} == {"data.test:443"}


async def test_proxies_that_do_not_speak_http_are_refused_with_a_remedy(monkeypatch):
    with pytest.raises(UnsupportedError, match=r"proxy= names a socks5 proxy.*trust_env=False"):
        Http(proxy="socks5://user:geheim@127.0.0.1:1080")
    monkeypatch.setenv("ALL_PROXY", "socks5h://user:geheim@127.0.0.1:1080")

    told = await failure("http://data.test/a", UnsupportedError)
    assert "ALL_PROXY names a socks5h proxy" in told
    monkeypatch.setenv("ALL_PROXY", "http://user:geheim@/")
    assert "ALL_PROXY names no proxy" in await failure("http://data.test/a", UsageError)


async def test_redirects_and_allow_host_hold_through_a_proxy():
    def respond(asked: Asked) -> Answer:
        if asked.target.startswith("http://first.test"):
            return moved("http://second.test/b")
        return part(asked)

    async with serving(respond) as proxy:
        http = Http(proxy=f"http://user:geheim@127.0.0.1:{proxy.port}")
        auth = {"X-Token": "hemlig"}
        assert await read("http://first.test/a", http=http, auth=auth) == PART
        told = await failure(
            "http://first.test/a",
            AccessDeniedError,
            http=http,
            allow_host=lambda url: "first" in url,
        )

    assert ["x-token" in asked.headers for asked in proxy.log] == [True, False, False]
    assert all("proxy-authorization" in asked.headers for asked in proxy.log)
    assert "allow_host does not allow http://second.test/b" in told
    assert "proxy" not in told


# --- certificates --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory) -> Path:
    """A certificate with its key for `localhost` and `data.test`: its own authority."""
    folder = tmp_path_factory.mktemp("certificates")
    made = folder / "own.pem"
    command = [
        *(str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-days", "2", "-subj", "/CN=own", "-keyout", str(folder / "key.pem"), "-out", str(made)),
        *("-addext", "subjectAltName=DNS:localhost,DNS:data.test,IP:127.0.0.1"),
        *("-passout", "pass:hemlig"),
    ]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own
    return made


def server_context(pem: Path, *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, pem.with_name("key.pem"), "hemlig")
    if asks:
        context.load_verify_locations(pem)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@needs_openssl
async def test_authorities_of_ones_own(pem, monkeypatch, tmp_path):
    async with serving(context=server_context(pem)) as server:
        url = f"https://127.0.0.1:{server.port}/a"
        assert await read(url, http=Http(ca_file=pem)) == PART
        assert "CERTIFICATE_VERIFY_FAILED" in await failure(url)  # not on a connection of the other
        assert await read(url, http=Http(ssl=ssl.create_default_context(cafile=str(pem)))) == PART
        assert await read(url, http=Http(ssl=False)) == PART
        for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            monkeypatch.setenv(name, str(pem))
            assert await read(url.replace("127.0.0.1", "localhost")) == PART
            monkeypatch.delenv(name)
        monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "none.pem"))
        told = await failure("https://data.test/a", UsageError)
        assert "CURL_CA_BUNDLE" in told
        assert "none.pem cannot be read as certificates in PEM: No such file" in told


@needs_openssl
async def test_certificates_that_are_replaced_are_read_again(pem, tmp_path):
    path = tmp_path / "ca.pem"
    async with serving(context=server_context(pem)) as server:
        url = f"https://127.0.0.1:{server.port}/a"
        path.write_text("none")
        assert "cannot be read as certificates" in await failure(
            url, UsageError, http=Http(ca_file=path)
        )
        path.write_bytes(pem.read_bytes())
        assert await read(url, http=Http(ca_file=path)) == PART


@needs_openssl
async def test_equal_options_share_connections_and_others_do_not(pem):
    async with serving(context=server_context(pem)) as server:
        url = f"https://127.0.0.1:{server.port}/a"
        for http in (Http(ca_file=pem), Http(ca_file=str(pem)), Http(ssl=False)):
            assert await read(url, http=http) == PART

    assert [asked.peer for asked in server.log] == [1, 1, 2]


@needs_openssl
async def test_a_client_certificate_is_shown_to_the_first_server_only(pem):
    context = server_context(pem, asks=True)
    cert = (pem, pem.with_name("key.pem"), "hemlig")
    async with serving(context=context) as other:

        def respond(asked: Asked) -> Answer:
            is_moved = asked.target == "/moved"
            return moved(f"https://127.0.0.1:{other.port}/b") if is_moved else part(asked)

        async with serving(respond, context=context) as server:
            url = f"https://127.0.0.1:{server.port}/a"
            http = Http(ca_file=pem, client_cert=cert)
            assert await read(url, http=http) == PART
            await failure(url, http=Http(ca_file=pem))
            await failure(url.replace("/a", "/moved"), http=http)
            assert "needs a password" in await failure(
                url, UsageError, http=Http(ca_file=pem, client_cert=cert[:2])
            )

    assert other.log == []


@needs_openssl
async def test_https_through_a_proxy_is_verified_up_to_the_server(pem):
    async with serving(context=server_context(pem)) as server:
        respond = lambda _: b"HTTP/1.1 200 Connection established\r\n\r\n"  # noqa: E731
        async with serving(respond, tunnels=server.port) as proxy:
            given = f"http://user:geheim@127.0.0.1:{proxy.port}"
            url = "https://data.test/a?sig=hemlig"
            assert await read(url, http=Http(proxy=given, ca_file=pem)) == PART
            assert "CERTIFICATE_VERIFY_FAILED" in await failure(url, http=Http(proxy=given))

        context = server_context(pem)
        async with serving(respond, context=context, tunnels=server.port) as tls_proxy:
            given = f"https://localhost:{tls_proxy.port}"
            assert await read(url, http=Http(proxy=given, ca_file=pem)) == PART

    assert proxy.log[0].target == "data.test:443"
    assert "proxy-authorization" in proxy.log[0].headers
    assert "proxy-authorization" not in server.log[0].headers
    assert server.log[0].target == "/a?sig=hemlig"


# --- cookies and logins --------------------------------------------------------------------------


@asynccontextmanager
async def earthdata() -> AsyncIterator[tuple[Server, Server]]:
    """A data server that asks a login server on another host, which wants user and password."""

    def login(asked: Asked) -> Answer:
        if "authorization" not in asked.headers:
            return empty("401 Unauthorized")
        assert "cookie" not in asked.headers
        back = f"http://127.0.0.1:{data.port}/back?code=1"
        return moved(back, "Set-Cookie: login=geheim; Path=/; HttpOnly\r\n")

    def respond(asked: Asked) -> Answer:
        assert "login=geheim" not in asked.headers.get("cookie", "")
        if "sid=hemlig" in asked.headers.get("cookie", ""):
            return part(asked)
        if asked.target.startswith("/back"):
            return moved("/a.tif", "Set-Cookie: sid=hemlig; Path=/\r\nSet-Cookie: b=2; Path=/x\r\n")
        return moved(f"http://localhost:{urs.port}/oauth")

    async with serving(login) as urs, serving(respond) as data:
        yield data, urs


@pytest.fixture
def netrc_file(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "netrc"
    path.write_text("machine localhost login user password geheim\n")
    monkeypatch.setenv("NETRC", str(path))
    return path


@pytest.mark.usefixtures("netrc_file")
async def test_a_login_like_that_of_nasa_earthdata():
    async with earthdata() as (data, urs):
        url = f"http://127.0.0.1:{data.port}/a.tif"
        fetcher = Fetcher(make_source(url, http=Http(netrc=True, cookies=True)), ONCE)
        for _ in range(3):
            assert await fetcher.read([ByteRange(100, 200)]) == [PART]
        assert len(urs.log) == 1
        assert [asked.target for asked in data.log].count("/a.tif") == 4
        assert all("authorization" not in asked.headers for asked in data.log)
        await read(url, http=Http(netrc=True, cookies=True))
        assert len(urs.log) == 2  # another handle has cookies of its own
        assert "401" in await failure(url, AccessDeniedError, http=Http(cookies=True))
        assert "more than 5 redirects" in await failure(url, http=Http(netrc=True))


async def test_cookies_of_the_caller_stay_at_the_urls_own_server():
    async with serving() as other:
        respond = lambda _: moved(f"http://127.0.0.1:{other.port}/b")  # noqa: E731
        async with serving(respond) as server:
            url = f"http://127.0.0.1:{server.port}/a"
            http = Http(cookies={"sid": "1", "x": "a=b"}, user_agent="mine/1.0")
            assert await read(url, http=http) == PART
            assert await read(url, http=http, headers={"Cookie": "y=2", "user-agent": "x"}) == PART

    assert [asked.headers.get("cookie") for asked in server.log] == ["sid=1; x=a=b", "y=2"]
    assert [asked.headers["user-agent"] for asked in server.log] == ["mine/1.0", "x"]
    assert [asked.headers.get("cookie") for asked in other.log] == [None, None]
    assert other.log[0].headers["user-agent"] == "mine/1.0"


async def test_kept_cookies_follow_the_rules_of_browsers():
    def respond(asked: Asked) -> Answer:
        if asked.target != "/a":
            return part(asked)
        lines = ["host=1", "p=2; Path=/b", "q=3; Path=/c", "s=4; Secure", "d=5; Domain=other.test"]
        more = "".join(f"Set-Cookie: {line}\r\n" for line in lines)
        return moved("/b", more)

    async with serving(respond) as server:
        http = Http(cookies=True)
        headers = {"Cookie": "own=0"}
        assert await read(f"http://127.0.0.1:{server.port}/a", http=http, headers=headers) == PART

    assert sorted(server.log[-1].headers["cookie"].split("; ")) == ["host=1", "own=0", "p=2"]


async def test_cookies_without_end_are_not_kept():
    def respond(asked: Asked) -> Answer:
        if asked.target == "/b":
            return part(asked)
        lines = [f"c{i}=1" for i in range(101)] if asked.target == "/many" else ["c=" + "x" * 5000]
        lines += ["\xe4=\xff; Path=/x"]
        return moved("/b", "".join(f"Set-Cookie: {line}\r\n" for line in lines))

    async with serving(respond) as server:
        for path in ("many", "long"):
            url = f"http://127.0.0.1:{server.port}/{path}"
            assert await read(url, http=Http(cookies=True)) == PART

    assert all("cookie" not in asked.headers for asked in server.log)


async def test_netrc_is_sent_by_host_and_only_if_asked_for(netrc_file):
    async with serving() as other:
        respond = lambda _: moved(f"http://127.0.0.1:{other.port}/b")  # noqa: E731
        async with serving(respond) as server:
            url = f"http://localhost:{server.port}/a"
            assert await read(url) == PART
            assert await read(url, http=Http(netrc=True)) == PART
            assert await read(url, http=Http(netrc=True), auth={"authorization": "own"}) == PART

    basic = "Basic " + base64.b64encode(b"user:geheim").decode()
    assert [asked.headers.get("authorization") for asked in server.log] == [None, basic, "own"]
    assert [asked.headers.get("authorization") for asked in other.log] == [None, None, None]

    netrc_file.write_text("machine a login u password p\ndefault login d password q\n")
    logins = Logins()
    assert logins.login_of("a", is_first=False) == ("u", "p")
    assert logins.login_of("b", is_first=True) == ("d", "q")
    assert logins.login_of("b", is_first=False) is None


async def test_a_netrc_that_cannot_be_read_is_told_without_what_stands_in_it(netrc_file):
    netrc_file.write_text("machine a login u password geheim hemlig geheim\n")
    told = await failure("http://127.0.0.1:9/", UsageError, http=Http(netrc=True))
    assert "netrc cannot be read, line 1" in told
    netrc_file.unlink()
    told = await failure("http://127.0.0.1:9/", UsageError, http=Http(netrc=True))
    assert "netrc=True: " in told
    assert "No such file" in told


# --- a session of the caller's -------------------------------------------------------------------


async def test_every_request_goes_by_the_session_which_stays_open():
    def respond(asked: Asked) -> Answer:
        if asked.target == "/a":
            return moved("/b", "Set-Cookie: sid=1; Path=/\r\n")
        return part(asked)

    jar = aiohttp.CookieJar(unsafe=True)
    async with serving(respond) as server:
        async with aiohttp.ClientSession(
            headers={"X-Mine": "1"}, cookie_jar=jar, raise_for_status=True
        ) as session:
            cog = Fetcher(
                make_source(f"http://127.0.0.1:{server.port}/a", http=Http(session=session)), ONCE
            )
            assert await cog.read([ByteRange(100, 200)]) == [PART]
            await cog.aclose()
            assert not session.closed
        told = await failure(
            f"http://127.0.0.1:{server.port}/a", UsageError, http=Http(session=session)
        )
        assert "the session of Http(session=...) is closed" in told

    assert [asked.target for asked in server.log] == ["/a", "/b"]
    assert {asked.headers["x-mine"] for asked in server.log} == {"1"}
    assert {asked.headers["accept-encoding"] for asked in server.log} == {"identity"}
    assert server.log[1].headers["cookie"] == "sid=1"


async def test_refusals_by_a_session_are_ours():
    async with (
        serving(lambda _: empty("404 Not Found")) as server,
        aiohttp.ClientSession(raise_for_status=True) as session,
    ):
        url = f"http://127.0.0.1:{server.port}/a?x=hemlig"
        assert "HTTP 404" in await failure(url, NotFoundError, http=Http(session=session))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of auth=
@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"headers": {"Authorization": "hemlig"}}, "the header Authorization"),
        ({"auth": ("user", "geheim")}, "auth="),
        ({"cookies": {"sid": "geheim"}}, "cookies="),
    ],
)
async def test_credentials_of_a_session_follow_no_redirect_to_another_server(options, what):
    if "auth" in options:
        options = dict[str, Any](auth=aiohttp.BasicAuth(*options["auth"]))
    async with serving() as other:
        respond = lambda _: moved(f"http://127.0.0.1:{other.port}/b")  # noqa: E731
        async with serving(respond) as server, aiohttp.ClientSession(**options) as session:
            url = f"http://127.0.0.1:{server.port}/a"
            told = await failure(url, http=Http(session=session))

    assert f"the session would send {what} of its own" in told
    assert other.log == []


def test_a_session_of_another_event_loop_is_refused():
    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    loop = asyncio.new_event_loop()
    session = loop.run_until_complete(make())
    try:
        told = asyncio.run(failure("http://a.test/", UsageError, http=Http(session=session)))
        assert "belongs to another event loop" in told
    finally:
        loop.run_until_complete(session.close())
        loop.close()


# --- signed urls ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_signed_url_is_renewed_once_when_it_is_refused(is_async):
    good = ["hemlig1"]
    calls: list[str] = []

    def sign(url: str) -> str:
        calls.append(url)
        return f"http://127.0.0.1:{server.port}/a?sig={good[0]}"

    async def sign_later(url: str) -> str:
        await asyncio.sleep(0)
        return sign(url)

    def respond(asked: Asked) -> Answer:
        return part(asked) if asked.target.endswith(good[0]) else empty("403 Forbidden")

    async with serving(respond) as server:
        where = SignedUrl("s3://bucket/key.tif", sign_later if is_async else sign)
        assert repr(where) == "SignedUrl('s3://bucket/key.tif', ...)"
        source = make_source(where, allow_host=lambda url: "127.0.0.1" in url)
        assert source.name == "s3://bucket/key.tif"
        fetcher = Fetcher(source, ONCE)
        assert await fetcher.read([ByteRange(100, 200)]) == [PART]
        good[0] = "hemlig2"
        ranges = [ByteRange(at, at + 10) for at in (0, 400, 900)]
        await asyncio.gather(*(fetcher.read([each]) for each in ranges))
        assert calls == ["s3://bucket/key.tif"] * 2
        server.respond = lambda _: empty("403 Forbidden")
        told = await failure(where, AccessDeniedError)
        assert "s3://bucket/key.tif" in told
        assert "127.0.0.1" not in told


@pytest.mark.parametrize(
    ("sign", "kind", "told"),
    [
        (lambda _: "s3://bucket/hemlig", UsageError, "the signed url must be an http url"),
        (lambda _: None, UsageError, "the signed url must be an http url"),
        (lambda _: 1 // 0, SourceError, "the signed url cannot be had: ZeroDivisionError"),
    ],
)
async def test_a_function_that_returns_no_url(sign, kind, told):
    assert told in await failure(SignedUrl("https://a.test/b", sign), kind)


async def test_files_beside_a_signed_url_are_signed_too():
    import numpy as np  # noqa: PLC0415 - only here

    data = make_tiff([make_image(np.zeros((1, 32, 32), np.uint8), tile=(16, 16))])

    def respond(asked: Asked) -> Answer:
        return part(asked, data) if asked.target == "/a.tif?sig" else empty("404 Not Found")

    async with serving(respond) as server:
        url = f"http://127.0.0.1:{server.port}/a.tif"
        await tinycog.open(SignedUrl(url, lambda url: f"{url}?sig"), sidecars=True)

    assert {asked.target for asked in server.log} >= {"/a.tif.aux.xml?sig", "/a.tfw?sig"}


# --- limits, the process, arguments --------------------------------------------------------------


async def test_max_connections_bounds_what_is_open():
    async with RangeServer({"a": DATA}, latency=0.02) as server:
        fetcher = Fetcher(make_source(server.url("a"), http=Http(max_connections=2)))
        parts = [ByteRange(at, at + 1) for at in range(0, 1000, 100)]
        fetchers = [fetcher, Fetcher(make_source(server.url("a"), http=Http(max_connections=2)))]
        assert fetchers[0].server is fetchers[1].server
        assert fetcher.server is not Fetcher(make_source(server.url("a"))).server
        await asyncio.gather(*(each.read([part]) for each in fetchers for part in parts))
        assert fetcher.server.limit <= 2
        assert fetcher.server.slots.most == 2


async def test_the_default_of_the_process_is_for_handles_that_are_made_then(tmp_path):
    (tmp_path / "a").write_bytes(DATA)
    async with serving() as server:
        url = f"http://127.0.0.1:{server.port}/a"
        before = tinycog.open(url)
        configure(http=Http(user_agent="default"))
        try:
            made = tinycog.open(url)
            configure()
            handles = [before, made, tinycog.open(url, http=Http(user_agent="own"))]
            tinycog.open(DATA)
            tinycog.open(tmp_path / "a")
        finally:
            configure(http=None)
        copies = [pickle.loads(pickle.dumps(each)) for each in (*handles, tinycog.open(url))]  # noqa: S301
        for each in (*handles, *copies):
            with pytest.raises(tinycog.NotTiffError):
                await each
    names = ["tinycog", "default", "own"]
    assert [asked.headers["user-agent"] for asked in server.log] == [*names, *names, "tinycog"]

    with pytest.raises(UsageError, match=r"http= must be a tinycog\.Http, not a dict"):
        configure(http={})  # type: ignore[arg-type]


@pytest.mark.parametrize("where", [b"II*\0", "a.tif", "s3://bucket/key", "memory://a"])
def test_http_has_no_use_elsewhere(where):
    with pytest.raises(UsageError, match=r"http= has no use with .*: it is for http urls"):
        tinycog.open(where, http=Http())


def test_what_has_no_use_with_a_signed_url_is_refused():
    where = SignedUrl("https://a.test/b", str)
    with pytest.raises(UsageError, match="storage_options= has no use with a signed url"):
        tinycog.open(where, storage_options={"anon": True})
    with pytest.raises(UsageError, match=r"must be a tinycog\.Http, not a str"):
        tinycog.open("http://a.test/", http="http://proxy")  # type: ignore[arg-type]


WRONG: list[dict[str, Any]] = [
    {"proxy": 3},
    {"proxy": ""},
    {"proxy": "http://user:geheim@"},
    {"proxy": "http://user:geheim@host:port"},
    {"proxy": "http://user:12/geheim@host:3128"},
    {"proxy": "http://user:12#geheim@host:3128"},
    {"proxy": "user:12?geheim@host:3128"},
    {"trust_env": "yes"},
    {"netrc": "geheim"},
    {"ssl": "geheim"},
    {"ca_file": 3},
    {"ca_file": ""},
    {"ca_file": "a", "ssl": False},
    {"client_cert": ()},
    {"client_cert": ("a", "b", 3)},
    {"client_cert": "a", "ssl": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
    {"cookies": "a=geheim"},
    {"cookies": {"a": "geheim;x"}},
    {"cookies": {"a": "geheim\r\nx: y"}},
    {"cookies": {"a b": "geheim"}},
    {"cookies": {"a": 3}},
    {"user_agent": "a\nb"},
    {"user_agent": ""},
    {"max_connections": 0},
    {"max_connections": True},
    {"max_connections": 1.5},
    {"session": object(), "max_connections": 3},
    {"session": object(), "ssl": False},
    {"session": object(), "cookies": True},
]


@pytest.mark.parametrize("arguments", WRONG, ids=str)
def test_values_that_make_no_sense_are_refused(arguments):
    with pytest.raises(UsageError) as caught:
        Http(**arguments)
    assert next(iter(arguments)) in str(caught.value) or "session" in arguments
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_session_that_is_none_is_refused():
    http = Http(session=object())  # type: ignore[arg-type]
    assert "aiohttp.ClientSession, not object" in await failure(
        "http://a.test/", UsageError, http=http
    )


def test_options_show_no_credential():
    http = Http(
        proxy="http://user:geheim@host:3128/hemlig",
        client_cert=("a", "b", "geheim"),
        cookies={"a": "hemlig"},
        ca_file="ca.pem",
        max_connections=3,
    )

    assert repr(http) == (
        "Http(proxy='http://host:3128', ca_file='ca.pem', client_cert=..., cookies=...,"
        " max_connections=3)"
    )
    assert repr(Http()) == "Http()"
    assert repr(Http(cookies=True, ssl=False)) == "Http(ssl=False, cookies=True)"


def test_options_are_values():
    first = Http(proxy="http://a:1", cookies={"a": "b"}, client_cert=("a", "b"))

    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301
    assert hash(first) == hash(pickle.loads(pickle.dumps(first)))  # noqa: S301
    with pytest.raises(AttributeError):
        first.proxy = None  # type: ignore[misc]


def test_signed_urls_pickle_if_their_function_does():
    source = pickle.loads(pickle.dumps(make_source(SignedUrl("https://a.test/b", str))))  # noqa: S301
    assert source.name == "https://a.test/b"


def test_what_cannot_be_pickled_says_so():
    context = Http(ssl=ssl.create_default_context())
    session = Http(session=object())  # type: ignore[arg-type]
    for http, told in ((context, "ssl context"), (session, "belongs to its event loop")):
        with pytest.raises(pickle.PicklingError, match=told):
            pickle.dumps(tinycog.open("http://a.test/", http=http))


# --- requester pays ------------------------------------------------------------------------------


async def test_requester_pays_reaches_s3():
    class Fs:
        req_kw: Mapping[str, str] = {"RequestPayer": "requester"}  # what s3fs makes of the option

        def split_path(self, _: str) -> tuple[str, str, None]:
            return "bucket", "key", None

        async def _call_s3(self, method: str, **options: str) -> object:
            asked.update(options)
            raise FileNotFoundError(method)

    asked: dict[str, str] = {}
    part, condition = ByteRange(0, 10), Condition()
    wanted = ObjectRead(
        Fs(), "bucket/key", part, None, lambda _: None, "a", condition, is_pinned=True
    )
    with pytest.raises(FileNotFoundError):
        await s3.read(wanted)

    assert asked["RequestPayer"] == "requester"


async def test_requester_pays_over_https_is_a_header_that_follows_redirects():
    def respond(asked: Asked) -> Answer:
        return moved(f"http://localhost:{server.port}/b") if asked.target == "/a" else part(asked)

    async with serving(respond) as server:
        headers = {"x-amz-request-payer": "requester"}
        assert await read(f"http://127.0.0.1:{server.port}/a", headers=headers) == PART

    assert {asked.headers["x-amz-request-payer"] for asked in server.log} == {"requester"}
