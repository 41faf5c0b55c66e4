"""`serve`: the viewer on a port of this machine, until it is stopped."""

from __future__ import annotations

import asyncio
import signal
import webbrowser
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from os import PathLike
from typing import Unpack

from aiohttp import web

import tinycog
from tinycog.collection.collection import Collection as Assets
from tinycog.collection.open_options import OpenOptions
from tinycog.errors import TinycogError, UsageError
from tinycog.viewer import handlers
from tinycog.viewer.application import make_app
from tinycog.viewer.facts import web_tile_at
from tinycog.viewer.given import Given, look_at
from tinycog.viewer.look import Look
from tinycog.viewer.protection import hosts_for
from tinycog.viewer.tile_blocks import TileBlock, as_pixels, on_map
from tinycog.viewer.together import FilesTogether
from tinycog.viewer.viewed_file import ViewedFiles

PORT = 8080
"""The port that is tried first, unless one is given."""

PORTS = 20
"""Ports that are tried."""

SHUTDOWN_SECONDS = 1.0

WARMED = 6
"""Times that an image without a place on the map is halved for its first tile."""


@asynccontextmanager
async def serving(
    where: str | PathLike[str] | tinycog.Cog | Assets,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    origins: Collection[str] = ("*",),
    **options: Unpack[OpenOptions],
) -> AsyncGenerator[str, None]:
    """Serve within a block, which gets the url of the page."""
    given = look_at(where, options)
    app = make_app(given, hosts_for(host), origins)
    files = app[handlers.FILES]
    if given.is_one:  # what is wrong with it is told before anything is served
        (((key, _),), _) = given.listed()
        await files.get(key).facts()
    else:
        await asyncio.to_thread(given.listed)
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        taken = await _listen(runner, host, port)
        shown = f"[{host}]" if ":" in host else host
        warming = asyncio.ensure_future(_warm(files, app[handlers.TOGETHER], given))
        try:
            yield f"http://{shown}:{taken}/"
        finally:
            warming.cancel()
    finally:
        await runner.cleanup()


async def serve(
    where: str | PathLike[str] | tinycog.Cog | Assets,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    origins: Collection[str] = ("*",),
    open_browser: bool = False,
    on_start: Callable[[str], None] | None = None,
    **options: Unpack[OpenOptions],
) -> None:
    """Serve `viewer_app` on a port of this machine, until it is cancelled or interrupted.

    Args:
        where: as for `viewer_app`. A single file is opened before anything is served.
        host: address to listen at. On loopback, the default, only requests that call the server by
            a name of this machine are answered.
        port: to listen at, 0 for any that is free; None for 8080, or the next that is free.
        origins: as for `viewer_app`.
        open_browser: open the page in a browser.
        on_start: called with the url of the page.
        options: of `tinycog.open`, for all files.

    Raises:
        UsageError: `where` is nothing that can be shown, or the port is in use.
        TinycogError: a single file cannot be opened.
    """
    stopped = asyncio.Event()
    async with serving(where, host=host, port=port, origins=origins, **options) as url:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, another thread
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stopped.set)
        if on_start is not None:
            on_start(url)
        if open_browser:
            await asyncio.to_thread(webbrowser.open, url)
        try:
            await stopped.wait()
        finally:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(number)


async def _warm(files: ViewedFiles, together: FilesTogether, given: Given) -> None:
    """Draw the first tile of a file of this machine, or read headers, while the browser starts.

    So that codecs, PROJ and percentiles need not be waited for. An error is told when it is asked
    for again.
    """
    if not given.is_one:
        with suppress(TinycogError):
            await together.place()
            await together.look(Look())
        return
    (((key, _),), _) = given.listed()
    file = files.get(key)
    if file.given.path is None:
        return
    with suppress(TinycogError):
        place = (await file.facts()).place
        if place is None:
            await file.picture(Look(), as_pixels(TileBlock(WARMED, 0, 0)))
        else:
            zoom = place.zooms[0]
            x, y = web_tile_at(
                (place.bounds[0] + place.bounds[2]) / 2, sum(place.bounds[1::2]) / 2, zoom
            )
            await file.picture(Look(), on_map(TileBlock(zoom, x, y), place.zooms[1]))


async def _listen(runner: web.AppRunner, host: str, port: int | None) -> int:
    """Listen, and return the port.

    Raises:
        UsageError: it is in use, or the host is no address of this machine.
    """
    tried = [port] if port is not None else list(range(PORT, PORT + PORTS))
    why = ""
    for one in tried:
        try:
            await web.TCPSite(runner, host, one).start()
        except OSError as error:
            why = (error.strerror or str(error)).rpartition(": ")[2]
            continue
        return runner.addresses[-1][1]
    which = f"port {tried[0]}" if len(tried) == 1 else f"ports {tried[0]} to {tried[-1]}"
    message = f"cannot listen at {host}, {which}: {why}; choose another by port= (--port, 0 = any)"
    raise UsageError(message)
