"""Web tiles: stored ones where the file is made for them, else warped from the right level."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
from affine import Affine

from tinycog.checks import check_method
from tinycog.errors import UsageError
from tinycog.geo.crs import Crs
from tinycog.geo.keys import GeoKey, GeoKeys
from tinycog.geo.lazy import NO_CRS, FixedPlacement
from tinycog.geo.tile_matrix import EARTH_RADIUS, METRES_PER_DEGREE, TileLevel, tile_matrix_set
from tinycog.geo.transformer import transformer
from tinycog.geo.web_grid import Alignment, find_alignment, web_tile_bounds
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.mask import Mask, nodata_mask
from tinycog.pixels.warp.array import warp
from tinycog.pixels.warp.kernels import METHODS
from tinycog.pixels.warp.plan import Coords, WarpPlan, warp_plan
from tinycog.raster import Raster
from tinycog.reader.decode_pool import run_in_pool
from tinycog.reader.open_file import OpenFile
from tinycog.reader.read_window import WindowRequest, read_area
from tinycog.tiff.image import Image
from tinycog.window import Area, Window, as_floats, best_level, inside, scale

Bands = Callable[[Image], list[int]]

WEB_MERCATOR = (3857, 900913, 3785, 102100, 102113)
"""Codes of the one CRS of web tiles."""

PLACE = Crs(
    "projected",
    WEB_MERCATOR[0],
    "WGS 84 / Pseudo-Mercator",
    keys=GeoKeys(1, ((GeoKey.GTModelType, 1), (GeoKey.ProjectedCRS, WEB_MERCATOR[0]))),
)
"""The CRS of web tiles."""

ENOUGH = 2
"""Pixels under one of the output, each way, that are weighed one by one."""

MOST_PIXELS = 4096
"""Width and height of the largest web tile."""


def tile_levels(opening: OpenFile) -> list[TileLevel]:
    """The pyramid as `tms` sees it; the file must be open."""
    facts = opening.facts
    return [
        TileLevel(
            image.grid.width,
            image.grid.height,
            image.grid.tile_width,
            image.grid.tile_height,
            facts.transform(image.size),
        )
        for image in opening.known().pyramid.levels
    ]


def own_matrix_set(opening: OpenFile) -> dict[str, Any]:
    """The pyramid as a TileMatrixSet; see `Dataset.tile_matrix_set`."""
    crs = opening.facts.crs
    if crs is None:
        raise UsageError(NO_CRS)
    levels = tile_levels(opening)
    if crs.epsg is not None and crs.kind == "geographic":
        return tile_matrix_set(levels, crs.epsg, metres_per_unit=METRES_PER_DEGREE)
    known: Any = crs.to_pyproj()
    axes = known.axis_info[:2]
    factor = axes[0].unit_conversion_factor
    return tile_matrix_set(
        levels,
        crs.epsg or known.to_json_dict(),
        metres_per_unit=factor * EARTH_RADIUS if crs.is_geographic else factor,
        ordered_axes=(axes[0].abbrev or "X", axes[1].abbrev or "Y"),
    )


def alignment(opening: OpenFile) -> Alignment | None:
    """Which tiles of the web (Web Mercator) the stored tiles are; the file must be open."""
    crs = opening.facts.crs
    if crs is None or crs.epsg not in WEB_MERCATOR:
        return None
    if opening.known().pyramid.levels[0].grid.strips:
        return None
    return find_alignment(tile_levels(opening), crs.epsg)


async def read_web_tile(
    opening: OpenFile,
    tile: tuple[int, int, int],
    tilesize: Any,  # noqa: ANN401 - whatever a caller passes
    bands: Bands,
    method: Any,  # noqa: ANN401 - the same
) -> Raster:
    """Read a web tile; see `Cog.read_web_tile`. `bands` makes a list of what a level has."""
    await opening.all()
    size = _size(tilesize)
    check_method(method, METHODS)
    bounds = web_tile_bounds(*tile)
    pixel = (bounds.right - bounds.left) / size
    target = Affine(pixel, 0, bounds.left, 0, -pixel, bounds.top)
    aligned = alignment(opening)
    stored = None if aligned is None else aligned.stored_tile(*tile)
    if stored is not None:
        raster = await _stored(opening, stored, size, bands, target)
        if raster is not None:
            return raster
    return await _warped(opening, target, size, bands, method)


def _size(tilesize: Any) -> int:  # noqa: ANN401 - whatever a caller passes
    try:
        size = operator.index(tilesize)
    except TypeError:
        size = 0
    if not 1 <= size <= MOST_PIXELS:
        message = f"tilesize is 1 to {MOST_PIXELS} pixels, not {tilesize!r}"
        raise UsageError(message)
    return size


async def _stored(
    opening: OpenFile, stored: tuple[int, int, int], tilesize: int, bands: Bands, target: Affine
) -> Raster | None:
    """The stored tile as it is; None if its size is not the one that is wanted."""
    z, x, y = stored
    source = await opening.level(z)
    grid = source.image.grid
    if (grid.tile_width, grid.tile_height) != (tilesize, tilesize):
        return None
    window = Window(x * tilesize, y * tilesize, tilesize, tilesize)
    area = Area(z, as_floats(window), (tilesize, tilesize))
    wanted = WindowRequest(area, bands(source.image), "nearest", masked=True, boundless=True)
    raster = await read_area(opening.reader, source, wanted)
    return _placed(raster, raster.data, raster.mask, target)


async def _warped(
    opening: OpenFile, target: Affine, tilesize: int, bands: Bands, method: str
) -> Raster:
    facts = opening.facts
    crs = facts.crs
    if crs is None:
        raise UsageError(NO_CRS)
    transform = _same if crs.epsg in WEB_MERCATOR else transformer(PLACE, crs)
    full = facts.size
    shape = (tilesize, tilesize)
    plan = await run_in_pool(
        warp_plan, transform, target, shape, facts.geo.transform, (full[1], full[0])
    )
    sizes = [image.size for image in opening.known().pyramid.levels]
    z = 0 if plan.bounds is None else best_level(sizes, plan.resolution, method)
    source = await opening.level(z)
    chosen = bands(source.image)
    length = len(chosen) * tilesize * tilesize * source.image.dtype.itemsize
    opening.limits.check("result_bytes", length, "bytes of the result")
    if opening.reader.stored is not None:
        opening.limits.check_ratio(length, opening.reader.stored, "bytes of the result")
    level_shape = (sizes[z][1], sizes[z][0])
    reduced = level_shape if method == "nearest" else _reduced(plan, level_shape)
    window = inside(as_floats(plan.support(method, reduced)), (reduced[1], reduced[0]))
    if plan.bounds is None or not window.width or not window.height:
        data = np.full((len(chosen), *shape), source.image.fill_value).astype(source.image.dtype)
        mask = np.zeros(shape, np.bool_)
        return Raster(data, z, window, source.image.nodata, (), mask, _place(target))
    there = scale(as_floats(window), (reduced[1], reduced[0]), sizes[z])
    area = Area(z, there, (window.height, window.width))
    how = "nearest" if reduced == level_shape else method
    wanted = WindowRequest(area, chosen, how, masked=True, boundless=False)
    raster = await read_area(opening.reader, source, wanted)
    by_band = source.mask is None and source.image.nodata is not None
    data, mask = await run_in_pool(
        _warp, raster, plan.on(reduced, window), method, source.image, by_band=by_band
    )
    return _placed(raster, data, mask, target)


def _reduced(plan: WarpPlan, shape: tuple[int, int]) -> tuple[int, int]:
    """Size (rows, cols) of the level that suits, where the file has none that is coarse enough.

    To weigh all pixels under one of the output costs by their number; to reduce them first, by rows
    and columns, does not.
    """
    across, down = plan.on(shape).resolution
    rows, cols = shape
    return ceil(rows / max(down // ENOUGH, 1)), ceil(cols / max(across // ENOUGH, 1))


def _warp(
    raster: Raster, coords: Coords, method: str, image: Image, *, by_band: bool
) -> tuple[Pixels, Mask]:
    """Warped pixels, and which of them are valid; what is not is filled.

    By nodata each band has a mask of its own: the nodata of one is no value of another.
    """
    groups = [slice(i, i + 1) for i in range(raster.count)] if by_band else [slice(None)]
    found: list[Pixels] = []
    valid = np.zeros(coords.plan.shape, np.bool_)
    for group in groups:
        part = raster.data[group]
        mask = raster.mask
        if by_band and image.nodata is not None:
            mask = nodata_mask(part, image.nodata)
        warped, good = warp(part, mask, coords, method)
        np.copyto(warped, image.fill_value, where=~good, casting="unsafe")
        found.append(warped)
        valid |= good
    return np.concatenate(found), valid


def _same(xs: Any, ys: Any) -> tuple[Any, Any]:  # noqa: ANN401 - arrays, as pyproj takes them
    """The coordinates are those of the file."""
    return xs, ys


def _placed(raster: Raster, data: Pixels, mask: Mask | None, target: Affine) -> Raster:
    mask = np.ones(data.shape[1:], np.bool_) if mask is None else mask
    return replace(raster, data=data, mask=mask, place=_place(target))


def _place(target: Affine) -> FixedPlacement:
    return FixedPlacement(target, PLACE)
