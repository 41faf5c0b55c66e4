"""Read web tiles: stored ones as they are where the file is made for them, else warped ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from tinycog.argument_types import ErrorHandling
from tinycog.checks import check_bands, check_method, check_tile_size
from tinycog.geo.crs import WEB_MERCATOR, WEB_MERCATOR_CODES, Crs
from tinycog.geo.keys import GeoKey, GeoKeys
from tinycog.geo.lazy import FixedPlacement
from tinycog.geo.tile_matrix import METRES_PER_DEGREE, TileLevel, tile_matrix_set
from tinycog.geo.transform import make_affine
from tinycog.geo.web_grid import Alignment, find_alignment, web_tile_bounds
from tinycog.pixels.methods import WARPING, method_for
from tinycog.raster import Raster
from tinycog.reader.pixel_file import PixelFile
from tinycog.reader.read_warped import Bands, TargetGrid, read_warped
from tinycog.reader.read_window import read_area
from tinycog.reader.window_buffers import WindowRequest
from tinycog.window import Area, Window, as_floats

if TYPE_CHECKING:  # loads attrs
    from affine import Affine

WEB_MERCATOR_CRS = Crs(
    "projected",
    WEB_MERCATOR,
    "WGS 84 / Pseudo-Mercator",
    keys=GeoKeys(1, ((GeoKey.GTModelType, 1), (GeoKey.ProjectedCRS, WEB_MERCATOR))),
)
"""The CRS of web tiles."""


class WebTile(NamedTuple):
    """A web tile to be read.

    Attributes:
        zoom, x, y: which one.
        size: rows and columns, as a caller gives them.
        level: that pixels are taken from; None for the one that suits.
    """

    zoom: int
    x: int
    y: int
    size: Any
    level: int | None = None


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
    tile: WebTile,
    bands: Bands,
    method: Any,  # noqa: ANN401 - whatever a caller passes
    errors: ErrorHandling,
) -> Raster:
    """Read a web tile; see `Cog.read_web_tile`."""
    await file.read_all()
    size = check_tile_size(tile.size)
    method = check_method(method, WARPING)
    method = method_for((await file.image(0)).photometric, method)
    place = (tile.zoom, tile.x, tile.y)
    bounds = web_tile_bounds(*place)
    pixel = (bounds.right - bounds.left) / size
    target = make_affine(pixel, 0.0, bounds.left, 0.0, -pixel, bounds.top)
    aligned = alignment(file)
    stored = None if aligned is None else aligned.stored_tile(*place)
    if stored is not None and tile.level in (None, stored[0]):
        raster = await _stored(file, stored, size, bands, target, errors)
        if raster is not None:
            return raster
    grid = TargetGrid(target, WEB_MERCATOR_CRS, (size, size))
    return await read_warped(file, grid, bands, method, errors, tile.level)


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


def _place(target: Affine) -> FixedPlacement:
    return FixedPlacement(target, WEB_MERCATOR_CRS)
