"""New connections: names resolved, addresses tried, TLS."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from tinycog.sources.http.connections import Connection
from tinycog.sources.http.errors import TransportError
from tinycog.sources.http.routes import Endpoint
from tinycog.sources.lazy_import import load
from tinycog.sources.redact import redact_line

TLS = "tinycog.sources.http.tls"

IP_ADDRESS = re.compile(r"[0-9.]+|.*:.*")
"""Hosts that are not looked up; an IPv4 address that is none is refused by the system."""

RESOLVED_SECONDS = 10
"""Seconds for which the addresses of a host are kept, as aiohttp does: many connections are made
at once, and each lookup takes a thread."""

HAPPY_EYEBALLS_SECONDS = 0.25
"""Seconds after which the next address is tried besides (RFC 8305)."""

AddrInfo = tuple[int, int, int, str, Any]


class Dialler:
    """Makes connections in one event loop."""

    def __init__(self) -> None:
        """Know no addresses."""
        self._loop = asyncio.get_running_loop()
        self._lookups: dict[tuple[str, int], tuple[float, asyncio.Future[list[Any]]]] = {}
        self._turn = 0

    async def dial(self, endpoint: Endpoint) -> Connection:
        """Open a connection to a server.

        Raises:
            TransportError: it cannot be had.
            UsageError: certificates of the caller cannot be read.
        """
        scheme, host, port, tls = endpoint
        try:
            options: dict[str, Any] = {}
            if scheme == "https":
                context = await (await load(TLS)).context_of(tls)
                options = {"ssl": context, "server_hostname": host}
            return await self._connect(host, port, options)
        except OSError as exc:
            raise connect_error(host, port, exc) from exc

    async def _connect(self, host: str, port: int, options: dict[str, Any]) -> Connection:
        create = self._loop.create_connection
        if IP_ADDRESS.fullmatch(host):
            return (await create(Connection, host, port, **options))[1]
        found = self._rotated(await self._lookup(host, port))
        if len(found) == 1:
            address = found[0][4][0]
            return (await create(Connection, address, port, **options))[1]
        sock = await self._race(found)
        try:
            return (await create(Connection, sock=sock, **options))[1]
        except BaseException:
            sock.close()
            raise

    async def _race(self, addresses: Sequence[AddrInfo]) -> socket.socket:
        """Connect to the first of several addresses that answers."""
        import aiohappyeyeballs  # noqa: PLC0415 - only for several

        return await aiohappyeyeballs.start_connection(  # pyright: ignore[reportUnknownMemberType]
            addresses,
            happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS,
            interleave=1,
            loop=self._loop,
        )

    def _rotated(self, addresses: Sequence[AddrInfo]) -> Sequence[AddrInfo]:
        """Begin with another address each time: a store has several, and shares its load so."""
        self._turn += 1
        at = self._turn % len(addresses)
        return [*addresses[at:], *addresses[:at]]

    async def _lookup(self, host: str, port: int) -> Sequence[AddrInfo]:
        """Resolve a name: once for all that connect at the same time.

        Raises:
            OSError: there is no such host.
        """
        now = self._loop.time()
        until, found = self._lookups.get((host, port), (0.0, None))
        if found is None or now >= until or (found.done() and _has_failed(found)):
            flags = socket.AI_ADDRCONFIG
            found = self._loop.run_in_executor(
                None, socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM, 0, flags
            )
            found.add_done_callback(_has_failed)  # retrieve the exception even if no task awaits it
            self._lookups[host, port] = now + RESOLVED_SECONDS, found
        addresses = await asyncio.shield(found)
        if not addresses:
            message = f"{host} has no address"
            raise OSError(message)
        return addresses


def _has_failed(lookup: asyncio.Future[list[Any]]) -> bool:
    return lookup.cancelled() or lookup.exception() is not None


def is_final(exc: OSError) -> bool:
    """Return whether a certificate or a name is wrong, and not only its lookup failed for now."""
    is_unknown = isinstance(exc, socket.gaierror) and exc.errno != socket.EAI_AGAIN
    return is_unknown or isinstance(exc, ssl.SSLError)


def connect_error(host: str, port: int, exc: OSError) -> TransportError:
    """Return the error of a connection that failed, and whether it is transient (http.retry).

    A refused connection may succeed later; a name or a certificate that is wrong will not.
    """
    may_pass = not is_final(exc)
    message = f"cannot connect to {redact_line(host)} port {port}: {redact_line(exc)}"
    return TransportError(message, may_pass=may_pass)
