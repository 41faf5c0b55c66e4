"""What an event loop has open: one connection pool, and an aiohttp session if one is needed.

An async generator owns them (http.session): `asyncio.run` finishes a loop's async generators before
it closes the loop, and so they are closed in time, whoever made the loop. What is left when the
interpreter ends (a notebook's loop) is closed then.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

from tinycog.sources.http.connections import Exchange
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.pool import ConnectionPool
from tinycog.sources.http.routes import Endpoint, Route
from tinycog.sources.http.urls import Url
from tinycog.sources.lazy_import import load

if TYPE_CHECKING:
    import aiohttp

BY_AIOHTTP = "tinycog.sources.http.by_aiohttp"

CALLERS_SESSION = "tinycog.sources.http.callers_session"

LINGER_SECONDS = 0.25
"""Seconds for which idle connections to a server outlive its last handle: who reads one file after
the other opens the next one by then, and would pay for a new connection, with TLS, each time."""


class LoopConnections:
    """What an event loop has open.

    Attributes:
        pool: connections of ours.
    """

    def __init__(self) -> None:
        """Start with nothing, in the running loop."""
        self.pool = ConnectionPool()
        self._loop = asyncio.get_running_loop()
        self._session: aiohttp.ClientSession | None = None

    async def send_by_aiohttp(
        self, url: Url, headers: Fields, exchange: Exchange, route: Route, method: str = "GET"
    ) -> None:
        """Send one request by aiohttp, which is loaded for it; see `by_aiohttp.send`."""
        by_aiohttp = await load(BY_AIOHTTP)
        if route.session is not None:
            session = (await load(CALLERS_SESSION)).checked_session(route)
        else:
            session = self._session = self._session or by_aiohttp.open_session()
        await by_aiohttp.send(session, url, headers, exchange, route, method)

    def drop_soon(self, endpoint: Endpoint) -> None:
        """Close idle connections to a server, unless a handle uses it by then."""
        self._loop.call_later(LINGER_SECONDS, self._drop_unused, endpoint)

    def _drop_unused(self, endpoint: Endpoint) -> None:
        if not _users.get(endpoint):
            self.pool.drop(endpoint)

    async def aclose(self) -> None:
        """Close all."""
        self.pool.close()
        if self._session is not None:
            await self._session.close()
        await asyncio.sleep(0)  # transports close themselves in the next turn of the loop

    def abandon(self) -> None:
        """Let go of all, after the loop was closed."""
        self.pool.abandon()
        if self._session is not None:
            self._session.detach()  # it keeps no connection: each served one request


LoopConnectionsOwner = AsyncGenerator[None, None]

_users: dict[Endpoint, WeakSet[object]] = {}
"""Clients of handles that are open, by server."""

_users_lock = threading.Lock()

_owners: dict[asyncio.AbstractEventLoop, tuple[LoopConnections, LoopConnectionsOwner]] = {}


def connections_of_loop() -> LoopConnections:
    """Return what the running loop has open; make it if there is nothing."""
    loop = asyncio.get_running_loop()
    found = _owners.get(loop)
    if found is None:
        _abandon_closed()
        connections = LoopConnections()
        owner = _own(loop, connections)
        with suppress(StopIteration):  # at its `yield`: it waits for nothing before that
            owner.__anext__().send(None)
        found = _owners[loop] = connections, owner
    return found[0]


def use(endpoint: Endpoint, user: object) -> None:
    """Count a handle's client among those of a server, as long as it lives and until it leaves."""
    with _users_lock:
        _users.setdefault(endpoint, WeakSet()).add(user)


def leave(user: object) -> None:
    """Count it no more; behind the last one, idle connections to its server close in every loop."""
    with _users_lock:
        for users in _users.values():
            users.discard(user)
        unused = [endpoint for endpoint, users in _users.items() if not users]
        for endpoint in unused:
            del _users[endpoint]
    for loop, (connections, _) in list(_owners.items()):
        for endpoint in unused:
            with suppress(RuntimeError):  # it was closed
                loop.call_soon_threadsafe(connections.drop_soon, endpoint)


async def _own(
    loop: asyncio.AbstractEventLoop, connections: LoopConnections
) -> LoopConnectionsOwner:
    try:
        yield
    finally:
        _owners.pop(loop, None)
        await connections.aclose()


def _abandon_closed() -> None:
    """Let go of what loops had open that were closed without finishing their async generators."""
    for loop, (connections, _) in list(_owners.items()):
        if loop.is_closed() and _owners.pop(loop, None):
            connections.abandon()


_inherited: list[object] = []


def _forget() -> None:
    """Make a forked child open its own; those of its parent are kept as they are, for ever.

    To close them would end the parent's connections, and to drop them gives warnings.
    """
    _inherited.append(dict(_owners))
    _owners.clear()
    global _users_lock  # noqa: PLW0603 - another thread of the parent may have held it
    _users_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@atexit.register
def _close_all() -> None:
    """Close what is left open when the interpreter ends."""
    _abandon_closed()
    for loop, (_, owner) in list(_owners.items()):
        with suppress(RuntimeError, TimeoutError):
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(owner.aclose(), loop).result(2)
            else:
                loop.run_until_complete(owner.aclose())
