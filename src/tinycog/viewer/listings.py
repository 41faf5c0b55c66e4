"""The list of files, their footprints, and all of them together on one map."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from aiohttp import web

from tinycog.errors import NotFoundError
from tinycog.version import __version__
from tinycog.viewer.assets import PAGE, TYPES, read_asset
from tinycog.viewer.colormaps import colormap_names
from tinycog.viewer.facts import tile_json
from tinycog.viewer.handlers import (
    FILES,
    LANES,
    TOGETHER,
    answer,
    block_of,
    look_of,
    png,
    tile_url,
)
from tinycog.viewer.look import Look
from tinycog.viewer.pictures import to_png
from tinycog.viewer.tile_blocks import on_map

LOST = "Tinycog-Lost"
"""Header of a tile of all files: names and errors of those that could not be read, quoted."""

MOST_TOLD = 3


async def page(request: web.Request) -> web.Response:
    """Send the page."""
    del request
    return _asset(PAGE)


async def asset(request: web.Request) -> web.Response:
    """Send a script or a style of the page."""
    name = request.match_info["name"]
    if name not in TYPES:
        raise NotFoundError("there is no such file of the page", url=name)
    return _asset(name)


async def file_list(request: web.Request) -> web.Response:
    """List the files."""
    given = request.app[FILES].given
    files, count = await asyncio.to_thread(given.listed)
    return answer(
        {
            "title": given.title,
            "is_one": given.is_one,
            "version": __version__,
            "colormaps": colormap_names(),
            "files": [{"key": key, "name": name} for key, name in files],
            "count": count,
        }
    )


async def footprints(request: web.Request) -> web.Response:
    """Return outlines of the files as GeoJSON."""
    return answer(await request.app[TOGETHER].footprints())


async def together_info(request: web.Request) -> web.Response:
    """Say where all files lie, and what is shown of them."""
    together = request.app[TOGETHER]
    place = await together.place()
    return answer(
        {
            "bounds": place.bounds,
            "minzoom": place.zooms[0],
            "native_zoom": place.zooms[1],
            "maxzoom": place.deepest,
        }
    )


async def together_statistics(request: web.Request) -> web.Response:
    """Say how the values of some of the files are spread, taken together."""
    together = request.app[TOGETHER]
    indexes = Look.of_query({"indexes": request.query.get("indexes", "1")}).indexes or (1,)
    async with request.app[LANES].lane():
        spreads = await together.spreads(indexes)
    bands = [{"index": index, **one._asdict()} for index, one in zip(indexes, spreads, strict=True)]
    return answer({"of": "the smallest overviews of up to 8 of the files", "bands": bands})


async def together_tile_json(request: web.Request) -> web.Response:
    """Return TileJSON of all files."""
    place = await request.app[TOGETHER].place()
    title = request.app[FILES].given.title
    return answer(tile_json(title, tile_url(request), place))


async def together_tile(request: web.Request) -> web.Response:
    """Return web tiles of all files as one PNG."""
    block = block_of(request)
    together = request.app[TOGETHER]
    native = (await together.place()).zooms[1]
    async with request.app[LANES].lane():
        found = await together.picture(block, look_of(request), on_map(block, native))
    response = await png(request, await asyncio.to_thread(to_png, found.rgba))
    if found.lost:
        given = request.app[FILES].given
        told = "; ".join(given.shown(f"{name}: {error}") for name, error in found.lost[:MOST_TOLD])
        response.headers[LOST] = quote(told)
    return response


def _asset(name: str) -> web.Response:
    return web.Response(
        body=read_asset(name),
        content_type=TYPES[name],
        charset="utf-8",
        headers={"Cache-Control": "no-cache"},
    )
