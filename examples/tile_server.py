"""Serve a COG as web map tiles: `python examples/tile_server.py URL`, then /tiles/{z}/{x}/{y}.png.

Needs `pip install fastapi uvicorn`; for files in other projections `pip install 'tinycog[geo]'`.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Response

import tinycog


def make_app(url: str) -> FastAPI:
    """Return an application that shows one file; its header is read once, at the start."""
    cog = tinycog.open(url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with cog:
            yield

    app = FastAPI(title="tiles of a COG", lifespan=lifespan)

    @app.get("/tiles/{zoom}/{x}/{y}.png")
    async def tile(zoom: int, x: int, y: int) -> Response:
        try:
            raster = await cog.read_web_tile(zoom, x, y, resampling="bilinear")
        except tinycog.TileIndexError as exc:
            raise HTTPException(404, str(exc)) from exc
        except tinycog.UsageError as exc:
            raise HTTPException(400, str(exc)) from exc
        except tinycog.SourceError as exc:
            raise HTTPException(502, str(exc)) from exc
        return Response(raster.to_png(), media_type="image/png")

    @app.get("/info")
    async def info() -> dict[str, object]:
        return cog.info()

    return app


if __name__ == "__main__":
    import uvicorn  # pyright: ignore[reportMissingImports] - only to serve

    uvicorn.run(make_app(sys.argv[1]), host="127.0.0.1", port=8000)
