"""Read web tiles: stored ones as they are where the file is made for them, else warped ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycog.argument_types import ErrorHandling
from tinycog.checks import check_bands, check_method, check_tile_size
from tinycog.geo.crs import WEB_MERCATOR, WEB_MERCATOR_CODES, Crs
from tinycog.geo.keys import GeoKey, GeoKeys
from tinycog.geo.lazy import FixedPlacement
from tinycog.geo.tile_matrix import METRES_PER_DEGREE, TileLevel, tile_matrix_set
from tinycog.geo.transform import make_affine
from tinycog.geo.transformer import transformer
from tinycog.geo.web_grid import Alignment, find_alignment, web_tile_bounds
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.mask import Mask
from tinycog.pixels.methods import WARPING, method_for
from tinycog.pixels.validity import KnownValidity
from tinycog.pixels.warp.plan import Coords, WarpPlan, warp_plan
from tinycog.pixels.warp.warp import warp
from tinycog.raster import Raster
from tinycog.reader.pixel_file import PixelFile
from tinycog.reader.read_window import band_groups, read_area
from tinycog.reader.window_buffers import WindowRequest
from tinycog.thread_pool import run_in_pool
from tinycog.window import Area, Window, as_floats, best_level, inside, scale

if TYPE_CHECKING:  # loads attrs
    from affine import Affine

Bands = Iterable[int] | int | None
"""Bands as given to `Cog.read_web_tile`."""


WEB_MERCATOR_CRS = Crs(
    "projected",
    WEB_MERCATOR,
    "WGS 84 / Pseudo-Mercator",
    keys=GeoKeys(1, ((GeoKey.GTModelType, 1), (GeoKey.ProjectedCRS, WEB_MERCATOR))),
)
"""The CRS of web tiles."""

WARPED_PIXELS = 2
"""Source pixels per output pixel, each way, that the warp weighs one by one; finer levels are
reduced first."""


def tile_levels(file: PixelFile) -> list[TileLevel]:
    """Return the pyramid as `geo.tile_matrix` takes it; the file must be open."""
    georeference = file.georeference
    return [
        TileLevel(
            image.grid.width,
            image.grid.height,
            image.grid.tile_width,
            image.grid.tile_height,
            georeference.transform(image.size),
        )
        for image in file.levels
    ]


def own_matrix_set(file: PixelFile) -> dict[str, Any]:
    """Return the pyramid as a TileMatrixSet; see `Dataset.tile_matrix_set`."""
    crs = file.georeference.place()
    levels = tile_levels(file)
    if crs.epsg is not None and crs.kind == "geographic":
        return tile_matrix_set(levels, crs.epsg, metres_per_unit=METRES_PER_DEGREE)
    known: Any = crs.to_pyproj()
    axes = known.axis_info[:2]
    factor = axes[0].unit_conversion_factor
    return tile_matrix_set(
        levels,
        crs.epsg or known.to_json_dict(),
        metres_per_unit=factor * known.ellipsoid.semi_major_metre if crs.is_geographic else factor,
        ordered_axes=(axes[0].abbrev or "X", axes[1].abbrev or "Y"),
    )


def alignment(file: PixelFile) -> Alignment | None:
    """Return which web tiles the stored tiles are, None if not any; the file must be open."""
    crs = file.georeference.crs
    if crs is None or crs.epsg not in WEB_MERCATOR_CODES:
        return None
    if file.levels[0].grid.strips:
        return None
    return find_alignment(tile_levels(file), crs.epsg)


async def read_web_tile(
    file: PixelFile,
    tile: tuple[int, int, int],
    tilesize: Any,  # noqa: ANN401 - whatever a caller passes
    bands: Bands,
    method: Any,  # noqa: ANN401 - the same
    errors: ErrorHandling,
) -> Raster:
    """Read a web tile; see `Cog.read_web_tile`."""
    await file.read_all()
    size = check_tile_size(tilesize)
    method = check_method(method, WARPING)
    method = method_for((await file.image(0)).photometric, method)
    bounds = web_tile_bounds(*tile)
    pixel = (bounds.right - bounds.left) / size
    target = make_affine(pixel, 0.0, bounds.left, 0.0, -pixel, bounds.top)
    aligned = alignment(file)
    stored = None if aligned is None else aligned.stored_tile(*tile)
    if stored is not None:
        raster = await _stored(file, stored, size, bands, target, errors)
        if raster is not None:
            return raster
    return await _warped(file, target, size, bands, method, errors)


async def _stored(
    file: PixelFile,
    stored: tuple[int, int, int],
    tilesize: int,
    bands: Bands,
    target: Affine,
    errors: ErrorHandling,
) -> Raster | None:
    """Return the stored tile as it is, None if its size is not `tilesize`."""
    z, x, y = stored
    source = await file.level(z)
    grid = source.image.grid
    if (grid.tile_width, grid.tile_height) != (tilesize, tilesize):
        return None
    window = Window(x * tilesize, y * tilesize, tilesize, tilesize)
    area = Area(z, as_floats(window), (tilesize, tilesize))
    chosen = check_bands(source.image.samples, bands)
    request = WindowRequest(area, chosen, "nearest", masked=True, boundless=True, errors=errors)
    raster = await read_area(file.windows, source, request)
    return replace(raster, place=_place(target))


async def _warped(
    file: PixelFile,
    target: Affine,
    tilesize: int,
    bands: Bands,
    method: str,
    errors: ErrorHandling,
) -> Raster:
    """Warp the pixels of the level that suits a tile of (tilesize, tilesize) pixels."""
    crs = file.georeference.place()
    transform = _same if crs.epsg in WEB_MERCATOR_CODES else transformer(WEB_MERCATOR_CRS, crs)
    shape = (tilesize, tilesize)
    width, height = file.georeference.size
    grid = file.georeference.grid((width, height))

    def located(xs: Any, ys: Any) -> tuple[Any, Any]:  # noqa: ANN401 - arrays, as pyproj takes them
        xs, ys = transform(xs, ys)
        return grid.longitudes(xs), ys

    plan = await run_in_pool(warp_plan, located, target, shape, grid.transform, (height, width))
    sizes = file.level_sizes
    z = 0 if plan.bounds is None else best_level(sizes, plan.resolution, method)
    source = await file.level(z)
    chosen = check_bands(source.image.samples, bands)
    length = len(chosen) * tilesize * tilesize * source.image.dtype.itemsize
    file.limits.check("result_bytes", length, "bytes of the result")
    if file.windows.file_size is not None:
        file.limits.check_ratio(length, file.windows.file_size, "bytes of the result")
    level_shape = (sizes[z][1], sizes[z][0])
    reduced = level_shape if method == "nearest" else _reduced(plan, level_shape)
    window = inside(as_floats(plan.support(method, reduced)), (reduced[1], reduced[0]))
    if plan.bounds is None or not window.width or not window.height:
        data = np.full((len(chosen), *shape), source.image.fill_value).astype(source.image.dtype)
        nothing = KnownValidity(np.zeros(shape, np.bool_))
        return Raster(data, z, window, source.image.nodata, (), nothing, _place(target))
    level_window = scale(as_floats(window), (reduced[1], reduced[0]), sizes[z])
    area = Area(z, level_window, (window.height, window.width))
    first_method = "nearest" if reduced == level_shape else method
    request = WindowRequest(area, chosen, first_method, masked=True, boundless=False, errors=errors)
    raster = await read_area(file.windows, source, request)
    data, validity = await run_in_pool(
        _warp, raster, plan.on(reduced, window), method, source.image.fill_value
    )
    return replace(raster, data=data, validity=validity, place=_place(target))


def _reduced(plan: WarpPlan, shape: tuple[int, int]) -> tuple[int, int]:
    """Return (rows, cols) that a level is reduced to first, where the file has none as coarse.

    Weighing all source pixels of an output pixel costs by their number; reducing them first, by
    rows and columns, does not.
    """
    across, down = plan.on(shape).resolution
    rows, cols = shape
    return ceil(rows / max(down // WARPED_PIXELS, 1)), ceil(cols / max(across // WARPED_PIXELS, 1))


def _warp(
    raster: Raster, coords: Coords, method: str, fill_value: float
) -> tuple[Pixels, KnownValidity]:
    """Return warped pixels, and which of them are valid; invalid ones are filled.

    Where nodata counts by band, each band has a mask of its own: nodata in one is a value in
    another.
    """
    groups = band_groups(raster.validity, raster.data)
    shape = coords.plan.shape
    data = np.empty((raster.count, *shape), raster.dtype)
    masks = np.empty((raster.count, *shape), np.bool_)
    says: list[Mask] = []
    for group in groups:
        source = raster.data if len(groups) == 1 else raster.data[group.bands]
        warped, mask = warp(source, group.valid, coords, method)
        np.copyto(warped, fill_value, where=~mask, casting="unsafe")
        data[group.bands], masks[group.bands] = warped, mask
        if group.has_say:
            says.append(mask)
    return data, KnownValidity(np.logical_or.reduce(says), masks if len(groups) > 1 else None)


def _same(xs: Any, ys: Any) -> tuple[Any, Any]:  # noqa: ANN401 - arrays, as pyproj takes them
    """Return the coordinates as they are: the file is in Web Mercator."""
    return xs, ys


def _place(target: Affine) -> FixedPlacement:
    return FixedPlacement(target, WEB_MERCATOR_CRS)
