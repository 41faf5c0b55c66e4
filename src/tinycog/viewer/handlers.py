"""A function for each url of a file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from math import floor, isfinite
from typing import Any

from aiohttp import web

from tinycog.errors import NotFoundError, TinycogError, UsageError
from tinycog.viewer.facts import tile_json
from tinycog.viewer.look import PARAMETERS, Look
from tinycog.viewer.pictures import to_png
from tinycog.viewer.places import pixel_of, tile_outlines, value_at
from tinycog.viewer.protection import ReadLanes
from tinycog.viewer.tile_blocks import TileBlock, as_pixels, on_map
from tinycog.viewer.together import FilesTogether
from tinycog.viewer.traffic import layout_document, requests_document
from tinycog.viewer.viewed_file import Read, ViewedFile, ViewedFiles

FILES = web.AppKey("files", ViewedFiles)
TOGETHER = web.AppKey("together", FilesTogether)
LANES = web.AppKey("lanes", ReadLanes)

LEVEL = "Tinycog-Level"
"""Header of a tile: the level that its pixels were taken from."""


def answer(document: object, status: int = 200) -> web.Response:
    """Return a document as JSON, never kept by browsers."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return web.json_response(text=text, status=status, headers={"Cache-Control": "no-store"})


async def file_info(request: web.Request) -> web.Response:
    """Say what a file is."""
    file = _file(request)
    facts = await file.facts()
    return answer(
        {
            "key": file.given.key,
            "name": file.given.name,
            **facts.document,
            "has_bytes": file.given.path is not None,
            "requests": file.log.total(),
        }
    )


async def file_facts(request: web.Request) -> web.Response:
    """Return `Cog.info`: the keys of `rio info`."""
    file = _file(request)
    await file.facts()
    return answer({"name": file.given.name, **file.cog.info()})


async def file_statistics(request: web.Request) -> web.Response:
    """Say how the values of bands are spread, from the smallest overview."""
    file = _file(request)
    indexes = Look.of_query({"indexes": request.query.get("indexes", "1")}).indexes or (1,)
    async with request.app[LANES].lane():
        spreads, about = await file.spreads(indexes)
    bands = [{"index": index, **one._asdict()} for index, one in zip(indexes, spreads, strict=True)]
    return answer({"of": about, "bands": bands})


async def file_tile_json(request: web.Request) -> web.Response:
    """Return TileJSON of a file, with the look of the query."""
    file = _file(request)
    facts = await file.facts()
    if facts.place is None:
        raise NotFoundError(facts.why_no_place, url=file.given.name)
    return answer(tile_json(file.given.name, tile_url(request), facts.place))


async def web_tile(request: web.Request) -> web.Response:
    """Return web tiles of a file (XYZ, Web Mercator) as one PNG."""
    file, look, block = _file(request), look_of(request), block_of(request)
    facts = await file.facts()
    native = block.z if facts.place is None else facts.place.zooms[1]
    async with request.app[LANES].lane():
        return await _picture(request, file, look, on_map(block, native))


async def pixel_tile(request: web.Request) -> web.Response:
    """Return tiles of 256 x 256 pixels of level 0, or of that halved some times, as one PNG."""
    file, look, block = _file(request), look_of(request), block_of(request)
    async with request.app[LANES].lane():
        return await _picture(request, file, look, as_pixels(block))


async def value(request: web.Request) -> web.Response:
    """Say what the file holds at a place, or at a pixel of level 0."""
    file = _file(request)
    await file.facts()
    query = request.query
    if "lng" in query or "lat" in query:
        col, row = pixel_of(file.cog, _number(query, "lng"), _number(query, "lat"))
    else:
        col, row = floor(_number(query, "col")), floor(_number(query, "row"))
    async with request.app[LANES].lane():
        return answer(await value_at(file.cog, col, row))


async def grid(request: web.Request) -> web.Response:
    """Return the outlines of the stored tiles in a view."""
    file = _file(request)
    await file.facts()
    west, south, east, north = (
        _number(request.query, name) for name in ("west", "south", "east", "north")
    )
    z = floor(_number(request.query, "level"))
    view = (west, max(south, -90.0), east, min(north, 90.0))
    return answer({"tiles": await asyncio.to_thread(tile_outlines, file.cog, z, view)})


async def requests_made(request: web.Request) -> web.Response:
    """Say what was requested of a file, from a number on."""
    file = _file(request)
    await file.facts()
    number = floor(_number(request.query, "after")) if "after" in request.query else 0
    return answer(requests_document(file.log, number, await file.cog.layout()))


async def layout(request: web.Request) -> web.Response:
    """Say what lies where in the file."""
    file = _file(request)
    await file.facts()
    found = await file.cog.layout()
    return answer(await asyncio.to_thread(layout_document, found))


async def file_bytes(request: web.Request) -> web.StreamResponse:
    """Send the bytes of a file of this machine, or a range of them."""
    given = request.app[FILES].given.find(request.match_info["key"])
    if given.path is None:
        raise NotFoundError("its bytes are not served here: it lies elsewhere", url=given.name)
    return PlainFile(given.path, headers={"Content-Type": "image/tiff"})


class PlainFile(web.FileResponse):
    """A file as it is: aiohttp would send one beside it that is compressed instead."""

    async def prepare(self, request: web.BaseRequest) -> Any:  # noqa: ANN401 - of aiohttp
        """Begin to send, as to a client that takes nothing compressed."""
        headers = request.headers.copy()
        headers.popall("Accept-Encoding", None)
        return await super().prepare(request.clone(headers=headers))


async def _picture(request: web.Request, file: ViewedFile, look: Look, read: Read) -> web.Response:
    try:
        rgba, raster = await file.picture(look, read)
    except TinycogError as error:
        request.app[FILES].forget(error, file.given.key)
        raise
    response = await png(request, await asyncio.to_thread(to_png, rgba))
    if rgba[..., 3].any():
        response.headers[LEVEL] = str(raster.level)
    return response


async def png(_: web.Request, data: bytes) -> web.Response:
    """Return a picture, which browsers ask for again: the file may be another by then."""
    return web.Response(body=data, content_type="image/png", headers={"Cache-Control": "no-cache"})


# --- what urls say -------------------------------------------------------------------------------


def look_of(request: web.Request) -> Look:
    """Return the look of a query."""
    return Look.of_query(request.query)


def tile_url(request: web.Request) -> str:
    """Return the url of tiles beside that of a TileJSON document, with the look of its query."""
    look_of(request)
    query = {name: request.query[name] for name in PARAMETERS if request.query.get(name)}
    base = str(request.url.with_query(None)).removesuffix("tilejson.json")
    asked = str(request.url.with_query(query)).partition("?")[2]
    return f"{base}tiles/{{z}}/{{x}}/{{y}}.png" + (f"?{asked}" if asked else "")


def block_of(request: web.Request) -> TileBlock:
    """Return the tiles of a url: one, or some side by side.

    Raises:
        UsageError: they are too many.
    """
    found = request.match_info
    z, x, y = (int(found[name]) for name in "zxy")
    return TileBlock(z, x, y, int(found.get("across", 1)), int(found.get("down", 1))).checked()


def _file(request: web.Request) -> ViewedFile:
    return request.app[FILES].get(request.match_info["key"])


def _number(query: Mapping[str, str], name: str) -> float:
    try:
        found = float(query.get(name, "nan"))
    except ValueError:
        found = float("nan")
    if not isfinite(found):
        message = f"{name}= is a number that is missing, or is none"
        raise UsageError(message)
    return found
