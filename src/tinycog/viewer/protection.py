"""Who is answered, how, and how many at once: hosts, origins, methods; errors as JSON."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tinycog.errors import (
    AccessDeniedError,
    LimitError,
    NotFoundError,
    SourceBusyError,
    SourceChangedError,
    SourceError,
    TileIndexError,
    TinycogError,
    UsageError,
)

LOG = logging.getLogger("tinycog.viewer")

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
"""Names of this machine that a browser uses when nobody deceives it."""

METHODS = ("GET", "HEAD", "OPTIONS")

STATUSES: tuple[tuple[type[TinycogError], int], ...] = (
    (TileIndexError, 404),
    (UsageError, 400),
    (LimitError, 413),
    (NotFoundError, 404),
    (AccessDeniedError, 403),
    (SourceChangedError, 409),
    (SourceBusyError, 503),
    (SourceError, 502),
)
"""HTTP statuses of errors; of the others, 422: the file cannot be shown."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
"""Nothing but what this server sends is run or loaded."""

PREFLIGHT_SECONDS = 600

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ReadLanes:
    """How many reads go on at once, and how many more may wait."""

    def __init__(self, most: int, most_waiting: int) -> None:
        """Let none in yet."""
        self._free = asyncio.Semaphore(most)
        self._most_waiting, self._waiting = most_waiting, 0

    @asynccontextmanager
    async def lane(self) -> AsyncGenerator[None, None]:
        """Wait for one.

        Raises:
            HTTPServiceUnavailable: too many wait.
        """
        if self._waiting >= self._most_waiting:
            raise web.HTTPServiceUnavailable(
                text="too many requests wait: ask again in a second", headers={"Retry-After": "1"}
            )
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()


def guard(
    hosts: Collection[str] | None, origins: Collection[str], shown: Callable[[str], str]
) -> Any:  # noqa: ANN401 - a middleware of aiohttp
    """Return the middleware that all requests go through.

    Args:
        hosts: names of this server that requests may call it by; None for any.
        origins: of pages of others that may read bytes and tiles; "*" for any.
        shown: what of a message may be shown.
    """
    allowed = None if hosts is None else {host.lower() for host in hosts}

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check(request, allowed)
            response = _preflight() if request.method == "OPTIONS" else await handler(request)
        except web.HTTPException as error:
            nothing = error.status == web.HTTPNotFound.status_code
            text = "there is nothing at this url" if nothing else error.text or error.reason
            response = _error(error.status, text, error.headers)
        except TinycogError as error:
            response = _error(status_of(error), shown(str(error)))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # what goes wrong here is a fault of ours
            LOG.exception("%s %s", request.method, request.path)
            response = _error(500, f"the viewer failed: {type(error).__name__}")
        _add_headers(request, response, origins)
        return response

    return middleware


def status_of(error: TinycogError) -> int:
    """Return the HTTP status of an error."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 422)


def hosts_for(host: str) -> tuple[str, ...] | None:
    """Return the names that a server at an address is called by; None where any will do.

    A page of another site can give its own name the address of this machine (DNS rebinding), and
    is told apart by the name only: on loopback there are few.
    """
    try:
        is_loopback = ip_address(host).is_loopback
    except ValueError:
        is_loopback = host.lower() == "localhost"
    return (*LOOPBACK_HOSTS, host) if is_loopback else None


def _check(request: web.Request, hosts: set[str] | None) -> None:
    if request.method not in METHODS:
        raise web.HTTPMethodNotAllowed(request.method, METHODS, text="this server only reads")
    if hosts is None:
        return
    try:
        name = (urlsplit(f"//{request.headers.get('Host', '')}").hostname or "").lower()
    except ValueError:
        name = ""
    if name not in hosts:
        raise web.HTTPForbidden(text="this server answers to localhost only: see --host")


def _preflight() -> web.Response:
    return web.Response(
        status=204,
        headers={
            "Allow": ", ".join(METHODS),
            "Access-Control-Allow-Methods": ", ".join(METHODS),
            "Access-Control-Allow-Headers": "Range, If-Match, If-None-Match, If-Range",
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        },
    )


def _error(status: int, text: str, headers: Any = None) -> web.Response:  # noqa: ANN401 - of aiohttp
    """Return an error as JSON of one line."""
    response = web.json_response({"error": " ".join(text.split())}, status=status)
    for name in ("Allow", "Retry-After"):
        if headers is not None and name in headers:
            response.headers[name] = headers[name]
    return response


def _add_headers(
    request: web.Request, response: web.StreamResponse, origins: Collection[str]
) -> None:
    """Add what keeps pages of others out, or lets them read bytes and tiles."""
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Content-Security-Policy"] = CONTENT_POLICY
    route = request.match_info.route.name or ""
    origin = request.headers.get("Origin")
    if route.startswith("open_"):
        headers["Vary"] = "Origin"
        if "*" in origins or origin in origins:
            headers["Access-Control-Allow-Origin"] = "*" if "*" in origins else origin or ""
            headers["Access-Control-Expose-Headers"] = (
                "Accept-Ranges, Content-Length, Content-Range, ETag, Last-Modified"
            )
