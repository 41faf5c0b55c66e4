"""Well-known quadtrees of web tiles, and which of their tiles a file stores. No I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import NamedTuple

from tinycog.affine_math import coefficients
from tinycog.errors import UsageError
from tinycog.geo.crs import WEB_MERCATOR_CODES, WGS_84
from tinycog.geo.tile_matrix import EARTH_RADIUS, TileLevel
from tinycog.geo.transform import BoundingBox

MAX_ZOOM = 30
"""Finest zoom considered: 0.1 mm per pixel at the equator."""

ALIGNMENT_TOLERANCE = 0.01
"""Pixels by which an aligned level may deviate from a zoom's grid anywhere."""


@dataclass(frozen=True)
class WebTiles:
    """A well-known quadtree of tiles.

    Attributes:
        identifier: OGC's identifier.
        epsg: codes of CRSs with the same coordinates in files (x east, y north).
        left: left edge of all tiles.
        top: upper edge of all tiles.
        size: width and height of a tile at zoom 0, in units of the CRS.
        across: tiles in a row at zoom 0.
        down: tiles in a column at zoom 0.
    """

    identifier: str
    epsg: tuple[int, ...]
    left: float
    top: float
    size: float
    across: int
    down: int

    def bounds(self, zoom: int, x: int, y: int) -> BoundingBox:
        """Return the bounds of a tile, in units of the CRS.

        Raises:
            UsageError: there is no such tile.
        """
        across, down = self.across << max(zoom, 0), self.down << max(zoom, 0)
        if not (0 <= zoom <= MAX_ZOOM and 0 <= x < across and 0 <= y < down):
            message = (
                f"tile {zoom}/{x}/{y} does not exist in {self.identifier}, expected zoom 0 to"
                f" {MAX_ZOOM} and, at zoom {zoom}, x under {across}, y under {down}"
            )
            raise UsageError(message)
        size = self.size / (1 << zoom)
        left, top = self.left + x * size, self.top - y * size
        return BoundingBox(left, top - size, left + size, top)


HALF_WORLD = pi * EARTH_RADIUS
"""Metres from the centre of Web Mercator to its edge."""

WEB_MERCATOR_QUAD = WebTiles(
    "WebMercatorQuad", WEB_MERCATOR_CODES, -HALF_WORLD, HALF_WORLD, 2 * HALF_WORLD, 1, 1
)

WORLD_CRS84_QUAD = WebTiles("WorldCRS84Quad", (WGS_84,), -180.0, 90.0, 180.0, 2, 1)

WELL_KNOWN = (WEB_MERCATOR_QUAD, WORLD_CRS84_QUAD)


def web_tile_bounds(zoom: int, x: int, y: int) -> BoundingBox:
    """Return the bounds of a web tile in metres of EPSG:3857.

    Raises:
        UsageError: there is no such tile.
    """
    return WEB_MERCATOR_QUAD.bounds(zoom, x, y)


class LevelOffset(NamedTuple):
    """Position of a level in a quadtree: its first tile is tile (x, y) of the zoom."""

    zoom: int
    x: int
    y: int


@dataclass(frozen=True)
class Alignment:
    """The tiles of a quadtree that a file stores as they are.

    Attributes:
        tiles: the quadtree.
        places: for each level its position, or None if its tiles are not the quadtree's.
        levels: as passed to `find_alignment`.
    """

    tiles: WebTiles
    places: tuple[LevelOffset | None, ...]
    levels: tuple[TileLevel, ...]

    @property
    def zooms(self) -> dict[int, int]:
        """The level that stores each zoom."""
        return {place.zoom: z for z, place in enumerate(self.places) if place is not None}

    def stored_tile(self, zoom: int, x: int, y: int) -> tuple[int, int, int] | None:
        """Return the stored tile (z, x, y) with exactly the bounds of a web tile, or None.

        Its pixels are the web tile's: 256 by 256, or 512 by 512 for a file with tiles of that size
        ("@2x"). At the right and lower edge it may extend over the image: read it padded, pixels
        outside are not valid. None also where the file has no tile there, or no such zoom.
        """
        z = self.zooms.get(zoom)
        place = None if z is None else self.places[z]
        if z is None or place is None:
            return None
        down, across = self.levels[z].grid
        col, row = x - place.x, y - place.y
        return (z, col, row) if 0 <= col < across and 0 <= row < down else None


def find_alignment(levels: Sequence[TileLevel], epsg: int | None) -> Alignment | None:
    """Find the quadtree whose tiles are tiles of the file; None if there is none.

    Positions of tiles decide, not what the file says about itself: a level belongs to a zoom if its
    tiles are as large, in its CRS, as the zoom's, and its first tile is one of them, all within
    0.01 pixel. So a file with tiles of 512 belongs to one zoom coarser than its pixel size
    suggests.

    Args:
        levels: level 0, full resolution, first.
        epsg: EPSG code of the CRS, None if it has none.
    """
    for tiles in WELL_KNOWN:
        if epsg in tiles.epsg:
            places = tuple(_level_offset(level, tiles) for level in levels)
            if any(places):
                return Alignment(tiles, places, tuple(levels))
    return None


def _level_offset(level: TileLevel, tiles: WebTiles) -> LevelOffset | None:
    a, b, c, d, e, f = coefficients(level.transform)
    if b or d or a <= 0 or e >= 0 or level.tile_width != level.tile_height:
        return None
    if not (math.isfinite(c) and math.isfinite(f)):
        return None
    for zoom in range(MAX_ZOOM + 1):
        size = tiles.size / (1 << zoom)
        cell = size / level.tile_width
        # the error of one pixel's size adds up along the level
        if (
            abs(a - cell) * level.width > ALIGNMENT_TOLERANCE * cell
            or abs(-e - cell) * level.height > ALIGNMENT_TOLERANCE * cell
        ):
            continue
        x, y = (c - tiles.left) / size, (tiles.top - f) / size
        place = LevelOffset(zoom, round(x), round(y))
        near = max(abs(x - place.x), abs(y - place.y)) * level.tile_width <= ALIGNMENT_TOLERANCE
        inside = 0 <= place.x < tiles.across << zoom and 0 <= place.y < tiles.down << zoom
        return place if near and inside else None
    return None
