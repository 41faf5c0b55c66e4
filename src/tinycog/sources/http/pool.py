"""Connections of one event loop that are kept for further requests."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from tinycog.sources.http.connections import IDLE, Connection
from tinycog.sources.http.dial import Dialler
from tinycog.sources.http.routes import Endpoint

IDLE_SECONDS = 15
"""Seconds after which a connection that is not used is closed, as aiohttp does with its own."""


class ConnectionPool:
    """Idle connections, by endpoint, and how new ones are made.

    Attributes:
        odd: servers whose HTTP only aiohttp reads; requested through it from the start.
    """

    def __init__(self) -> None:
        """Start with none."""
        self.odd: set[Endpoint] = set()
        self._loop = asyncio.get_running_loop()
        self._dialler = Dialler()
        self._idle: defaultdict[Endpoint, list[Connection]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None

    def take(self, endpoint: Endpoint) -> Connection | None:
        """Return the connection to a server that was used last, if any is idle."""
        idle = self._idle.get(endpoint)
        while idle:
            connection = idle.pop()
            if connection.state is IDLE:
                return connection
        return None

    async def dial(self, endpoint: Endpoint) -> Connection:
        """Open a connection to a server.

        Raises:
            TransportError: it cannot be had.
        """
        return await self._dialler.dial(endpoint)

    def give(self, endpoint: Endpoint, connection: Connection) -> None:
        """Keep a connection for the next request, if it takes another."""
        if connection.state is not IDLE:
            connection.close()
            return
        connection.idle_since = self._loop.time()
        self._idle[endpoint].append(connection)
        if self._timer is None:
            self._timer = self._loop.call_later(IDLE_SECONDS, self._sweep)

    def drop(self, endpoint: Endpoint) -> None:
        """Close those to a server that nobody reads from any more."""
        for connection in self._idle.pop(endpoint, ()):
            connection.close()

    def _sweep(self) -> None:
        """Close what has been idle for long."""
        self._timer = None
        before = self._loop.time() - IDLE_SECONDS
        for endpoint, idle in list(self._idle.items()):
            for connection in [c for c in idle if c.idle_since <= before or c.state is not IDLE]:
                idle.remove(connection)
                connection.close()
            if not idle:
                del self._idle[endpoint]
        if self._idle:
            self._timer = self._loop.call_later(IDLE_SECONDS, self._sweep)

    def _take_all(self) -> list[Connection]:
        found = [connection for idle in self._idle.values() for connection in idle]
        self._idle.clear()
        return found

    def abandon(self) -> None:
        """Close all, after the loop was closed."""
        for connection in self._take_all():
            connection.abandon()

    def close(self) -> None:
        """Close all."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in self._take_all():
            connection.close()
