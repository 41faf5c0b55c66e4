"""Requests and responses that are not plain HTTP/1.1, by aiohttp, through its public API alone.

aiohttp takes longer to import than all of tinycog, so this module is loaded when it is needed
first, in a worker thread. A connection serves one request: aiohttp would take what a server sends
unasked on a kept one as the answer to the next request (http.surplus).
"""

from __future__ import annotations

import aiohttp
import yarl

from tinycog.sources.http.connections import Exchange
from tinycog.sources.http.errors import TransportError
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.http1 import ResponseHead
from tinycog.sources.http.urls import Url
from tinycog.sources.redact import redact_line

READ_BYTES = 1 << 20
"""Bytes that aiohttp buffers of a response before it stops to read; with its own 64 KiB it stops
and starts all the time."""

TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
"""None: `Deadline` sees to all of them."""


def open_session() -> aiohttp.ClientSession:
    """Return a session of the running event loop; `fetch` bounds how many connections there are."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=TIMEOUT,
        auto_decompress=False,
        read_bufsize=READ_BYTES,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def send(
    session: aiohttp.ClientSession, url: Url, headers: Fields, exchange: Exchange
) -> None:
    """Send one GET, and pass its response on.

    Raises:
        TransportError: the connection failed, or there is no HTTP on it.
        Exception: whatever `exchange` raised.
    """
    target = yarl.URL(str(url), encoded=True)
    try:
        async with session.get(
            target, headers=list(headers.items()), allow_redirects=False
        ) as response:
            await _receive(response, exchange)
    except aiohttp.ClientError as exc:
        raise to_transport_error(exc) from exc


async def _receive(response: aiohttp.ClientResponse, exchange: Exchange) -> None:
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
    try:
        async for chunk in response.content.iter_any():
            if body is None:
                exchange.sink.write(chunk)
            else:
                body.write(chunk)
            exchange.progress(len(chunk))
        if body is not None:
            body.finish()
    finally:
        if body is not None:
            body.close()


def to_transport_error(exc: aiohttp.ClientError) -> TransportError:
    """Say what failed, and whether it may pass: a broken connection, but for one of TLS."""
    is_broken = isinstance(exc, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError)
    is_untrusted = isinstance(exc, aiohttp.ClientSSLError | aiohttp.ServerFingerprintMismatch)
    is_unknown = isinstance(exc, aiohttp.ClientConnectorDNSError)
    message = f"{type(exc).__name__}: {redact_line(exc)}"
    return TransportError(message, may_pass=is_broken and not (is_untrusted or is_unknown))
