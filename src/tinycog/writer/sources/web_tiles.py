"""Another file as web tiles: reprojected to Web Mercator, on the grid of a zoom."""

from __future__ import annotations

from asyncio import gather
from collections.abc import AsyncGenerator, Awaitable, Iterable
from dataclasses import replace
from itertools import product
from math import ceil, floor, isfinite, log2
from typing import Any, NamedTuple, Protocol

import numpy as np

from tinycog.argument_types import WarpResamplingLike
from tinycog.checks import check_tile_size
from tinycog.errors import UsageError
from tinycog.geo.crs import WEB_MERCATOR
from tinycog.geo.structure import TILING_SCHEME
from tinycog.geo.transform import make_affine
from tinycog.geo.web_grid import MAX_ZOOM, WEB_MERCATOR_QUAD
from tinycog.raster import Raster
from tinycog.writer.pixel_source import PixelBlock, Region
from tinycog.writer.sources.blocks import BlockMaker
from tinycog.writer.sources.cog import ReadingFace, file_facts, generation_of
from tinycog.writer.sources.told import Shape, Told, as_dtype, merge_facts

SNAP = 1e-6
"""Part of a tile by which bounds may reach into the next one: they are rounded."""


class WarpingFace(ReadingFace, Protocol):
    """A file that also reads web tiles."""

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top)."""
        ...

    def read_web_tile(
        self, zoom: int, x: int, y: int, *, tilesize: int, resampling: WarpResamplingLike
    ) -> Awaitable[Raster]:
        """Read a web tile."""
        ...


class WebGrid(NamedTuple):
    """The grid of web tiles that a file is written on.

    Attributes:
        zoom: of the tiles; None = that whose pixels are nearest in size to the file's.
        tilesize: rows and columns of a tile.
        resampling: of the warp.
    """

    zoom: int | None = None
    tilesize: int = 256
    resampling: WarpResamplingLike = "bilinear"


async def make_web_source(cog: WarpingFace, told: Told, grid: WebGrid) -> WebTileSource:
    """Open a file, and make a source of the web tiles that it touches.

    Raises:
        UsageError: the file has no place, there is no such zoom, or pyproj is not installed.
        TinycogError: it cannot be opened.

    Cost: that of opening.
    """
    await cog
    return WebTileSource(cog, told, grid)


TMS_NAME, TMS_TILE = "GoogleMapsCompatible", 256
"""GDAL's name of the grid of web tiles, and pixels of its tiles both ways."""


class WebTileSource:
    """A file warped to Web Mercator; see `PixelSource`. Regions are multiples of tiles.

    Each pixel of the result is asked for once; those of the file that web tiles share at their
    edges are read for each, unless the handle has a cache.
    """

    origin: tuple[int, int] = (0, 0)
    is_asked: bool = True
    copies: bool = True

    def __init__(self, cog: WarpingFace, told: Told, grid: WebGrid) -> None:
        """Place the grid over the open file.

        Raises:
            UsageError: as for `make_web_source`, or the result is not what the caller says.
        """
        if cog.crs is None:
            message = "the file names no CRS: it cannot be put on a grid of web tiles"
            raise UsageError(message)
        from tinycog.geo.outline import bounds_into  # noqa: PLC0415 - loads pyproj

        size = check_tile_size(grid.tilesize)
        left, bottom, right, top = bounds_into(cog.bounds, cog.crs, WEB_MERCATOR)
        quad = WEB_MERCATOR_QUAD
        left, right = _within(left, right, quad.left)
        bottom, top = _within(bottom, top, quad.left)
        zoom = _zoom((right - left) / cog.shape[2], size) if grid.zoom is None else grid.zoom
        edge = quad.size / (1 << zoom) if 0 <= zoom <= MAX_ZOOM else quad.size
        first_col, last_col = _tiles(left - quad.left, right - quad.left, edge)
        first_row, last_row = _tiles(quad.top - top, quad.top - bottom, edge)
        corner = quad.bounds(zoom, first_col, first_row)
        shape = Shape(cog.shape[0], (last_row - first_row) * size, (last_col - first_col) * size)
        self.dtype = as_dtype(cog.dtype)
        told.check(shape, self.dtype)
        self.bands, self.rows, self.cols = shape
        place = make_affine(edge / size, 0, corner.left, 0, -edge / size, corner.top)
        facts = replace(file_facts(cog), crs=WEB_MERCATOR, transform=place, gcps=(), rpcs=None)
        facts = replace(facts, tags={**facts.tags, **_scheme(zoom, size)})
        self.facts = merge_facts(replace(facts, area_or_point="Area"), told.facts)
        self.generation = generation_of(cog, grid)
        self.has_valid: bool | None = cog.nodata is None or cog.has_mask
        self.chunk: tuple[int, int] = (size, size)
        self.memory = 0
        self._cog, self._zoom, self._first = cog, zoom, (first_row, first_col)
        self._resampling: WarpResamplingLike = grid.resampling
        self._maker = BlockMaker(shape, self.dtype, self.facts.nodata, self.has_valid)

    async def blocks(self, regions: Iterable[Region]) -> AsyncGenerator[PixelBlock, None]:
        """Give `regions`, whose web tiles are read together.

        Raises:
            UsageError: a region is not made of whole tiles.
        """
        size, _ = self.chunk
        for region in regions:
            if any(edge % size for edge in region):
                message = f"the region {tuple(region)} is not made of tiles of {size} x {size}"
                raise UsageError(message)
            down, across = region.rows // size, region.cols // size
            top, left = self._first[0] + region.row // size, self._first[1] + region.col // size
            places = product(range(down), range(across))
            rasters = await gather(*(self._read(left + col, top + row) for row, col in places))
            pixels: Any = np.empty((self.bands, region.rows, region.cols), self.dtype)
            valid = np.empty(pixels.shape[1:], np.bool_)
            for (row, col), raster in zip(np.ndindex(down, across), rasters, strict=True):
                place = (
                    slice(row * size, (row + 1) * size),
                    slice(col * size, (col + 1) * size),
                )
                pixels[:, *place] = raster.data
                if self.has_valid:
                    valid[place] = raster.mask
            known = valid if self.has_valid else None
            yield self._maker.make(region.row, region.col, pixels, known)

    async def _read(self, x: int, y: int) -> Raster:
        return await self._cog.read_web_tile(
            self._zoom, x, y, tilesize=self.chunk[0], resampling=self._resampling
        )


def _scheme(zoom: int, size: int) -> dict[str, dict[str, str]]:
    """Return the items by which GDAL tells of the grid, whose tiles have 256 pixels to it."""
    finer = log2(size / TMS_TILE)
    if finer != int(finer):
        return {}
    return {TILING_SCHEME: {"NAME": TMS_NAME, "ZOOM_LEVEL": str(zoom + int(finer))}}


def _within(first: float, last: float, edge: float) -> tuple[float, float]:
    """Return what of an interval lies between the edges of Web Mercator."""
    first = max(first, edge) if isfinite(first) else edge
    last = min(last, -edge) if isfinite(last) else -edge
    if first >= last:
        message = "the image lies outside of Web Mercator"
        raise UsageError(message)
    return first, last


def _zoom(res: float, size: int) -> int:
    """Return the zoom whose pixels are nearest in size, by factors of two."""
    return min(max(round(log2(WEB_MERCATOR_QUAD.size / size / res)), 0), MAX_ZOOM)


def _tiles(start: float, stop: float, edge: float) -> tuple[int, int]:
    """Return the first tile of an interval, and the one behind the last."""
    first = max(floor(start / edge + SNAP), 0)
    return first, max(ceil(stop / edge - SNAP), first + 1)
