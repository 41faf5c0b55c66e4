"""`viewer_app`: the routes of the viewer, and what all requests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from os import PathLike
from typing import Unpack

from aiohttp import web

import tinycog
from tinycog.collection.collection import Collection as Assets
from tinycog.collection.open_options import OpenOptions
from tinycog.viewer import handlers, listings
from tinycog.viewer.given import Given, look_at
from tinycog.viewer.protection import ReadLanes, guard
from tinycog.viewer.together import FilesTogether
from tinycog.viewer.viewed_file import ViewedFiles

MOST_AT_ONCE = 8
"""Reads at once."""

MOST_WAITING = 512
"""Requests that wait for one; more are refused (503)."""

KEY = "{key:.+}"
FIRST = r"{z:\d{1,3}}/{x:\d{1,12}}/{y:\d{1,12}}"
TILE_PATH = f"{FIRST}.png"
BLOCK_PATH = FIRST + r"/{across:\d{1,3}}x{down:\d{1,3}}.png"


def viewer_app(
    where: str | PathLike[str] | tinycog.Cog | Assets,
    *,
    hosts: Collection[str] | None = None,
    origins: Collection[str] = ("*",),
    **options: Unpack[OpenOptions],
) -> web.Application:
    """Make an application of aiohttp that shows a file, a folder or an index on a map.

    ::

        site = web.Application()
        site.add_subapp("/dem/", viewer_app("dem.tif"))
        web.run_app(site, host="127.0.0.1")

    It reads only, and only what it was given: no path of a request is opened. It has no login.

    Args:
        where: path or url of a TIFF, a folder of them, an index (`Collection.save`), a handle, a
            collection.
        hosts: names that requests may call the server by (the header Host); None is any. Give
            ("localhost", "127.0.0.1", "::1") where it listens on loopback: pages of others cannot
            reach it by a name of theirs then (DNS rebinding).
        origins: pages of others that may read bytes and tiles of files by CORS; "*" is any.
        options: of `tinycog.open`, for all files. By default `Limits.result_bytes` is 256 MiB.

    Raises:
        UsageError: `where` is nothing that can be shown.
        NotFoundError: there is no such file or folder.

    Cost: 0 requests; a file is opened when it is first looked at.
    """
    return make_app(look_at(where, options), hosts, origins)


def make_app(
    given: Given, hosts: Collection[str] | None, origins: Collection[str]
) -> web.Application:
    """Make the application of what was given; see `viewer_app`."""
    app = web.Application(middlewares=[guard(hosts, origins, given.shown)])
    files = ViewedFiles(given)
    app[handlers.FILES] = files
    app[handlers.TOGETHER] = FilesTogether(files)
    app[handlers.LANES] = ReadLanes(MOST_AT_ONCE, MOST_WAITING)

    async def closing(_: web.Application) -> AsyncIterator[None]:
        yield
        await files.aclose()

    app.cleanup_ctx.append(closing)
    _add_routes(app.router)
    return app


def _add_routes(router: web.UrlDispatcher) -> None:
    """Add all routes; those whose name begins with "open_" may be read by pages of others."""
    router.add_get("/", listings.page)
    router.add_get("/static/{name:.+}", listings.asset)
    router.add_get("/files.json", listings.file_list)
    router.add_get("/footprints.json", listings.footprints)
    router.add_get("/together/info.json", listings.together_info)
    router.add_get("/together/statistics.json", listings.together_statistics)
    for name, path, handler in (
        ("together_tile_json", "/together/tilejson.json", listings.together_tile_json),
        ("together_tile", f"/together/tiles/{TILE_PATH}", listings.together_tile),
        ("bytes", f"/data/{KEY}", handlers.file_bytes),
        ("tile_json", f"/files/{KEY}/tilejson.json", handlers.file_tile_json),
        ("tile", f"/files/{KEY}/tiles/{TILE_PATH}", handlers.web_tile),
        ("pixels", f"/files/{KEY}/pixels/{TILE_PATH}", handlers.pixel_tile),
        ("info", f"/files/{KEY}/info.json", handlers.file_facts),
    ):
        resource = router.add_resource(path, name=f"open_{name}")
        resource.add_route("GET", handler)
        resource.add_route("HEAD", handler)
        resource.add_route("OPTIONS", handler)
    router.add_get(f"/together/tiles/{BLOCK_PATH}", listings.together_tile)
    router.add_get(f"/files/{KEY}/tiles/{BLOCK_PATH}", handlers.web_tile)
    router.add_get(f"/files/{KEY}/pixels/{BLOCK_PATH}", handlers.pixel_tile)
    router.add_get(f"/files/{KEY}/view.json", handlers.file_info)
    router.add_get(f"/files/{KEY}/statistics.json", handlers.file_statistics)
    router.add_get(f"/files/{KEY}/value.json", handlers.value)
    router.add_get(f"/files/{KEY}/grid.json", handlers.grid)
    router.add_get(f"/files/{KEY}/requests.json", handlers.requests_made)
    router.add_get(f"/files/{KEY}/layout.json", handlers.layout)
