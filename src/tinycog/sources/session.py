"""One aiohttp session for each event loop, closed with the loop.

An async generator owns each session: `asyncio.run` finishes a loop's async generators before it
closes the loop, and so the session is closed in time, whoever made the loop. What is left when the
interpreter ends (a notebook's loop) is closed then.
"""

from __future__ import annotations

import asyncio
import atexit
import weakref
from collections.abc import AsyncGenerator
from contextlib import suppress

import aiohttp

CONNECTIONS = 32
"""Connections to one host. aiohttp's own default of 100 in all costs a factor of 2 to 3."""

TIMEOUT = aiohttp.ClientTimeout(total=None, connect=30, sock_connect=15, sock_read=60)
"""Seconds: to get a connection, to open it, and between two arrivals of bytes."""

Keeper = AsyncGenerator[aiohttp.ClientSession, None]
_keepers: weakref.WeakKeyDictionary[
    asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, Keeper]
] = weakref.WeakKeyDictionary()


async def session_of_loop() -> aiohttp.ClientSession:
    """Give the running loop's session; make it if there is none."""
    loop = asyncio.get_running_loop()
    held = _keepers.get(loop)
    if held is None or held[0].closed:
        keeper = _keep()
        held = _keepers[loop] = await anext(keeper), keeper
    return held[0]


async def _keep() -> Keeper:
    connector = aiohttp.TCPConnector(limit=0, limit_per_host=CONNECTIONS)
    session = aiohttp.ClientSession(
        connector=connector,
        timeout=TIMEOUT,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "tinycog"},
    )
    try:
        yield session
    finally:
        await session.close()


@atexit.register
def _close_all() -> None:
    """Close the sessions of loops that nobody has closed."""
    for loop, (_, keeper) in list(_keepers.items()):
        with suppress(RuntimeError, TimeoutError):
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(keeper.aclose(), loop).result(2)
            elif not loop.is_closed():
                loop.run_until_complete(keeper.aclose())
