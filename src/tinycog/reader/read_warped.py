"""Read pixels of a grid of any CRS: warped from the level that suits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinycog.argument_types import ErrorHandling
from tinycog.checks import check_bands
from tinycog.fetch.plan import Plan
from tinycog.geo.crs import WEB_MERCATOR_CODES, Crs
from tinycog.geo.lazy import FixedPlacement
from tinycog.geo.same_crs import is_same_crs
from tinycog.geo.transformer import transformer
from tinycog.pixels.account import Loss, Losses
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.mask import Mask
from tinycog.pixels.resample.rounding import clip_to_bits
from tinycog.pixels.validity import KnownValidity
from tinycog.pixels.warp.plan import Coords, WarpPlan, warp_plan
from tinycog.pixels.warp.warp import warp
from tinycog.raster import Raster
from tinycog.reader.level_source import LevelSource
from tinycog.reader.pixel_file import PixelFile
from tinycog.reader.read_window import band_groups, read_area
from tinycog.reader.window_buffers import WindowRequest, make_buffers
from tinycog.thread_pool import run_in_pool
from tinycog.tiff.image import Image
from tinycog.window import Area, Window, as_floats, best_level, inside, scale

if TYPE_CHECKING:  # loads attrs
    from affine import Affine

Bands = Iterable[int] | int | None
"""Bands as given to `Cog.read`, counted from 0."""

WARPED_PIXELS = 2
"""Source pixels per output pixel, each way, that the warp weighs one by one; finer levels are
reduced first."""


class TargetGrid(NamedTuple):
    """Pixels of a result.

    Attributes:
        transform: from (col, row) to (x, y).
        crs: of the coordinates; None if they are the file's.
        shape: (rows, cols).
    """

    transform: Affine
    crs: Crs | None
    shape: tuple[int, int]

    @property
    def placement(self) -> FixedPlacement:
        """Where the pixels lie."""
        return FixedPlacement(self.transform, self.crs)


class Sampling(NamedTuple):
    """What a grid needs of a file.

    Attributes:
        plan: where the pixels of the grid lie.
        source: the level that is read.
        request: what is read of it; None where no pixel of the grid lies in the file.
        window: pixels of the level, or of that reduced to `reduced`.
        reduced: (rows, cols) that the level is reduced to first.
    """

    plan: WarpPlan
    source: LevelSource
    request: WindowRequest | None
    window: Window
    reduced: tuple[int, int]


async def _sampling(
    file: PixelFile,
    target: TargetGrid,
    bands: Bands,
    method: str,
    errors: ErrorHandling,
    level: int | None = None,
) -> Sampling:
    """Find the level that suits a grid, if none is given, and what is read of it."""
    shape = target.shape
    transform = _into(target.crs, file)
    width, height = file.georeference.size
    grid = file.georeference.grid((width, height))

    def located(xs: Any, ys: Any) -> tuple[Any, Any]:  # noqa: ANN401 - arrays, as pyproj takes them
        xs, ys = transform(xs, ys)
        return grid.longitudes(xs), ys

    plan = await run_in_pool(
        warp_plan, located, target.transform, shape, grid.transform, (height, width)
    )
    sizes = file.level_sizes
    z = level
    if z is None:
        z = 0 if plan.bounds is None else best_level(sizes, plan.resolution, method)
    source = await file.level(z)
    chosen = check_bands(source.image.samples, bands)
    length = len(chosen) * shape[0] * shape[1] * source.image.dtype.itemsize
    file.limits.check("result_bytes", length, "bytes of the result")
    if file.windows.file_size is not None:
        file.limits.check_ratio(length, file.windows.file_size, "bytes of the result")
    level_shape = (sizes[z][1], sizes[z][0])
    reduced = level_shape if method == "nearest" else _reduced(plan, level_shape)
    window = inside(as_floats(plan.support(method, reduced)), (reduced[1], reduced[0]))
    if plan.bounds is None or not window.width or not window.height:
        return Sampling(plan, source, None, window, reduced)
    level_window = scale(as_floats(window), (reduced[1], reduced[0]), sizes[z])
    area = Area(z, level_window, (window.height, window.width))
    first_method = "nearest" if reduced == level_shape else method
    request = WindowRequest(area, chosen, first_method, masked=True, boundless=False, errors=errors)
    return Sampling(plan, source, request, window, reduced)


async def read_warped(
    file: PixelFile,
    target: TargetGrid,
    bands: Bands,
    method: str,
    errors: ErrorHandling,
    level: int | None = None,
) -> Raster:
    """Warp the pixels of a level, by default the one that suits a grid; see `Cog.read_warped`."""
    sampling = await _sampling(file, target, bands, method, errors, level)
    plan, source, request, window, reduced = sampling
    image, shape = source.image, target.shape
    if request is None:
        chosen = check_bands(image.samples, bands)
        data = np.full((len(chosen), *shape), image.fill_value).astype(image.dtype)
        nothing = KnownValidity(np.zeros(shape, np.bool_))
        outside = np.full(shape, Loss.OUTSIDE, np.uint8)
        place, nodata = target.placement, image.nodata
        return Raster(data, 0, window, nodata, (), nothing, place, losses=outside)
    raster = await read_area(file.windows, source, request)
    coords = plan.on(reduced, window)
    data, validity = await run_in_pool(_warp, raster, coords, method, image)
    losses = await run_in_pool(_losses, raster, coords, validity.pixels)
    return replace(raster, data=data, validity=validity, place=target.placement, losses=losses)


async def plan_warped(file: PixelFile, target: TargetGrid, bands: Bands, method: str) -> Plan:
    """Return the requests of `read_warped`."""
    _, source, request, _, _ = await _sampling(file, target, bands, method, "raise")
    if request is None:
        return Plan((), (), 0)
    buffers = make_buffers(source, request, planned=True)
    return await file.windows.plan(source, request.area.z, [buffers])


def _into(crs: Crs | None, file: PixelFile) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Return what converts coordinates of a grid to those of a file."""
    if crs is None:
        return _same
    own = file.georeference.place()
    both_web = crs.epsg in WEB_MERCATOR_CODES and own.epsg in WEB_MERCATOR_CODES
    return _same if both_web or is_same_crs(crs, own) else transformer(crs, own)


def _reduced(plan: WarpPlan, shape: tuple[int, int]) -> tuple[int, int]:
    """Return (rows, cols) that a level is reduced to first, where the file has none as coarse.

    Weighing all source pixels of an output pixel costs by their number; reducing them first, by
    rows and columns, does not.
    """
    across, down = plan.on(shape).resolution
    rows, cols = shape
    return ceil(rows / max(down // WARPED_PIXELS, 1)), ceil(cols / max(across // WARPED_PIXELS, 1))


def _warp(
    raster: Raster, coords: Coords, method: str, image: Image
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
        if method != "nearest":
            clip_to_bits(warped, image.bits)
        np.copyto(warped, image.fill_value, where=~mask, casting="unsafe")
        data[group.bands], masks[group.bands] = warped, mask
        if group.has_say:
            says.append(mask)
    return data, KnownValidity(np.logical_or.reduce(says), masks if len(groups) > 1 else None)


def _losses(raster: Raster, coords: Coords, valid: Mask) -> Losses | None:
    """Return why pixels of a result hold no sample of a file; None where all do."""
    if valid.all():
        return None
    shape = (coords.window.height, coords.window.width)
    lost = np.zeros(shape, np.uint8) if raster.losses is None else raster.losses
    found, inside = warp(lost[None], None, coords, "nearest")
    found[0][~inside] = Loss.OUTSIDE
    return found[0]


def _same(xs: Any, ys: Any) -> tuple[Any, Any]:  # noqa: ANN401 - arrays, as pyproj takes them
    """Return the coordinates as they are: the grid lies in the CRS of the file."""
    return xs, ys
