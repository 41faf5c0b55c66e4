"""Requests and responses that are not plain HTTP/1.1, by aiohttp, through its public API alone.

aiohttp takes longer to import than all of tinycog, so this module is loaded when it is needed
first, in a worker thread. A connection serves one request: aiohttp would take what a server sends
unasked on a kept one as the answer to the next request (http.surplus).

aiohttp bounds neither informational responses nor empty lines, chunk extensions or trailers, so its
sockets count what they receive, and hold it against the body that has come (http.head). An event
loop that reads no Python sockets (uvloop) leaves that to the deadline of the response.
"""

from __future__ import annotations

import socket
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import aiohttp
import yarl

from tinycog.sources.http.connections import Exchange
from tinycog.sources.http.dial import is_final
from tinycog.sources.http.errors import TransportError
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.http1 import (
    CHUNK_OVERHEAD,
    OVERHEAD_BYTES,
    TOO_MANY_BYTES,
    ResponseHead,
)
from tinycog.sources.http.proxies import Proxy
from tinycog.sources.http.response import TRANSIENT
from tinycog.sources.http.routes import Route
from tinycog.sources.http.tls import context_of
from tinycog.sources.http.urls import Url
from tinycog.sources.redact import redact_line

if TYPE_CHECKING:
    from typing_extensions import Buffer

READ_BYTES = 1 << 20
"""Bytes that aiohttp buffers of a response before it stops to read; with its own 64 KiB it stops
and starts all the time."""

TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
"""None: `Deadline` sees to all of them."""

OF_OTHERS: dict[str, Any] = {
    "raise_for_status": False,
    "auto_decompress": False,
    "read_bufsize": READ_BYTES,
}
"""What a session of the caller's may have set otherwise."""

PROXY_LOGIN = 407

READ_AHEAD_BYTES = 2 << 18
"""Bytes that an event loop may receive before the head of a response is seen: two reads."""


class Allowance:
    """How many bytes a connection may still receive (http.head)."""

    def __init__(self) -> None:
        """Allow for a head, and for what may come along with it."""
        self._left = OVERHEAD_BYTES + READ_AHEAD_BYTES

    @property
    def is_exceeded(self) -> bool:
        """True if more came than the body explains."""
        return self._left < 0

    def begin_body(self) -> None:
        """Allow for what aiohttp buffers of a body."""
        self._left += 2 * READ_BYTES

    def take_body(self, length: int) -> None:
        """Allow for what may come besides so many bytes of the body."""
        self._left += (1 + CHUNK_OVERHEAD) * length

    def receive(self, length: int) -> None:
        """Count bytes that were received.

        Raises:
            ConnectionAbortedError: they are too many.
        """
        self._left -= length
        if self.is_exceeded:
            raise ConnectionAbortedError(TOO_MANY_BYTES)


_allowance: ContextVar[Allowance] = ContextVar("allowance")


class CountingSocket(socket.socket):
    """A socket that receives no more than the request allows that it was made for."""

    def __init__(self, family: int, type: int, proto: int) -> None:  # noqa: A002 - socket's own
        """Create a socket for the request of this context."""
        super().__init__(family, type, proto)
        self._allowance = _allowance.get()

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive bytes, and count them."""
        data = super().recv(bufsize, flags)
        self._allowance.receive(len(data))
        return data

    def recv_into(self, buffer: Buffer, nbytes: int = 0, flags: int = 0) -> int:
        """Receive bytes into a buffer, and count them."""
        length = super().recv_into(buffer, nbytes, flags)
        self._allowance.receive(length)
        return length


def _make_socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    family, kind, proto, _, _ = address
    return CountingSocket(family, kind, proto)


def open_session() -> aiohttp.ClientSession:
    """Return a session of the running event loop; `fetch` bounds how many connections there are."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True, socket_factory=_make_socket),
        timeout=TIMEOUT,
        auto_decompress=False,
        read_bufsize=READ_BYTES,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def send(
    session: aiohttp.ClientSession,
    url: Url,
    headers: Fields,
    exchange: Exchange,
    route: Route,
    method: str = "GET",
) -> None:
    """Send one request, and pass its response on.

    Args:
        session: ours, or that of the route.
        url: what is requested.
        headers: all that are sent, but for `Host`.
        exchange: takes the response.
        route: how to get there.
        method: of the request.

    Raises:
        TransportError: the connection failed, or there is no HTTP on it.
        Exception: whatever `exchange` raised.
    """
    allowance = Allowance()
    _allowance.set(allowance)
    options: dict[str, Any] = {"timeout": TIMEOUT, "allow_redirects": False}
    lines = list(headers.items())
    if route.proxy is not None:
        options["proxy"] = yarl.URL(route.proxy.url.base, encoded=True)
        if url.scheme == "https":  # of the tunnel
            options["proxy_headers"] = route.proxy.headers
        else:
            lines += route.proxy.headers.items()
    if route.session is not None:
        options |= OF_OTHERS
    elif url.scheme == "https" or (route.proxy and route.proxy.url.scheme == "https"):
        options["ssl"] = await context_of(route.endpoint[-1])
    try:
        async with await _requested(session, method, url, lines, options) as response:
            await _receive(response, exchange, allowance)
    except aiohttp.ClientError as exc:
        if allowance.is_exceeded:
            raise TransportError(TOO_MANY_BYTES) from exc
        raise to_transport_error(exc, route.proxy) from exc


async def _requested(
    session: aiohttp.ClientSession,
    method: str,
    url: Url,
    headers: list[tuple[str, str]],
    options: dict[str, Any],
) -> aiohttp.ClientResponse:
    """Send a request, and return the head of its response.

    Raises:
        TransportError: a session of the caller's failed with an error of its own.
    """
    target = yarl.URL(str(url), encoded=True)
    try:
        return await session.request(method, target, headers=headers, **options)
    except (aiohttp.ClientError, OSError):
        raise
    except Exception as exc:
        message = f"{type(exc).__name__}: {redact_line(exc)}"
        raise TransportError(message, may_pass=False) from exc


async def _receive(
    response: aiohttp.ClientResponse, exchange: Exchange, allowance: Allowance
) -> None:
    """Check the head, and pass the body on."""
    head = ResponseHead(
        response.status,
        response.reason or "",
        Fields(response.headers.items()),
        length=response.content_length,
        is_chunked=response.content_length is None,
        keeps=False,
    )
    body = exchange.check(head)
    exchange.progress(0)
    allowance.begin_body()
    try:
        async for chunk in response.content.iter_any():
            if body is None:
                exchange.sink.write(chunk)
            else:
                body.write(chunk)
            exchange.progress(len(chunk))
            allowance.take_body(len(chunk))
        if body is not None:
            body.finish()
    except Exception as exc:
        if body is None:
            raise
        failed = body.fail(exc)
        try:
            if failed is exc:
                raise
            raise failed from None
        finally:
            del failed  # its traceback holds this frame, and so the connection
    finally:
        if body is not None:
            body.close()


def to_transport_error(exc: aiohttp.ClientError, proxy: Proxy | None = None) -> TransportError:
    """Say what failed, and whether it may pass: a broken connection, but for one of TLS.

    What a proxy failed at, is its own: that it cannot be reached, or opens no tunnel.
    """
    if isinstance(exc, aiohttp.ClientHttpProxyError):
        remedy = "; it needs a user and password" * (exc.status == PROXY_LOGIN)
        shown = f"HTTP {exc.status} {redact_line(exc.message)}".strip()
        message = f"the proxy {proxy} opens no tunnel to the server ({shown}){remedy}"
        return TransportError(message, may_pass=exc.status in TRANSIENT)
    is_broken = isinstance(exc, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError)
    is_untrusted = isinstance(exc, aiohttp.ClientSSLError | aiohttp.ServerFingerprintMismatch)
    is_unknown = isinstance(exc, aiohttp.ClientConnectorDNSError) and is_final(exc.os_error)
    message = f"{type(exc).__name__}: {redact_line(exc)}"
    is_connector = isinstance(exc, aiohttp.ClientConnectorError)
    if is_connector and proxy and (exc.host, exc.port) == (proxy.url.host, proxy.url.port):
        message = f"cannot connect to the proxy {proxy}: {redact_line(exc.os_error)}"
    return TransportError(message, may_pass=is_broken and not (is_untrusted or is_unknown))
