"""One aiohttp session for each event loop, closed with the loop (http.session).

An async generator owns each session: `asyncio.run` finishes a loop's async generators before it
closes the loop, and so the session is closed in time, whoever made the loop. What is left when the
interpreter ends (a notebook's loop) is closed then.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, NamedTuple

import aiohttp

from tinycog.sources.http.connections import ConnectionPool, LentResponse
from tinycog.sources.http.guard import Connector

READ_BYTES = 1 << 20
"""Bytes that aiohttp takes from a connection before we do; with its own 64 KiB it stops and starts
reading all the time."""

TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
"""None: `exchange` sees to all of them."""


class LoopConnections(NamedTuple):
    """What an event loop has open: aiohttp's session, and the lines that it lent."""

    session: aiohttp.ClientSession
    lines: ConnectionPool


SessionOwner = AsyncGenerator[LoopConnections, None]

_owners: dict[asyncio.AbstractEventLoop, tuple[LoopConnections, SessionOwner]] = {}


async def connections_of_loop() -> LoopConnections:
    """Give what the running loop has open; make it if there is nothing."""
    loop = asyncio.get_running_loop()
    held = _owners.get(loop)
    if held is None:
        _abandon_closed()
        keeper = _keep(loop)
        held = _owners[loop] = await anext(keeper), keeper
    return held[0]


def open_connections() -> LoopConnections | None:
    """What the running loop has open, if anything."""
    held = _owners.get(asyncio.get_running_loop())
    return None if held is None else held[0]


async def _keep(loop: asyncio.AbstractEventLoop) -> SessionOwner:
    session = aiohttp.ClientSession(
        connector=Connector(),
        timeout=TIMEOUT,
        auto_decompress=False,
        read_bufsize=READ_BYTES,
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=LentResponse,
    )
    lines = ConnectionPool()
    try:
        yield LoopConnections(session, lines)
    finally:
        _owners.pop(loop, None)
        lines.close()
        await session.close()


def _abandon_closed() -> None:
    """Let go of sessions whose loop was closed without finishing its async generators."""
    for loop, (wires, _) in list(_owners.items()):
        if loop.is_closed() and _owners.pop(loop, None):
            wires.lines.abandon()
            _abandon(wires.session)


def _abandon(session: aiohttp.ClientSession) -> None:
    """Drop connections that nobody can close any more: a closed loop leaves only private ways."""
    connector = session.connector  # it must not be gone before its connections are
    pooled: dict[object, list[tuple[Any, float]]] = getattr(connector, "_conns", {})
    session.detach()
    for protocol, _ in [connection for host in pooled.values() for connection in host]:
        with suppress(Exception):
            protocol.transport._call_connection_lost(None)  # noqa: SLF001
    pooled.clear()


_inherited: list[object] = []


def _forget() -> None:
    """A forked child makes its own; those of its parent are kept as they are, for ever.

    To close them would end the parent's connections, and to drop them gives warnings.
    """
    _inherited.append(dict(_owners))
    _owners.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@atexit.register
def _close_all() -> None:
    """Close the sessions that are left when the interpreter ends."""
    _abandon_closed()
    for loop, (_, keeper) in list(_owners.items()):
        with suppress(RuntimeError, TimeoutError):
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(keeper.aclose(), loop).result(2)
            else:
                loop.run_until_complete(keeper.aclose())
