"""Tile matrix sets: a pyramid as an OGC TileMatrixSet 2.0, and which web tiles a file holds.

Two ways of counting meet here. A file's levels go from 0 = full resolution to coarser ones (`z`);
the matrices of OGC and the zooms of the web go from 0 = coarsest to finer ones. No I/O; nothing but
arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import atan, degrees, pi, sinh
from typing import Any, NamedTuple

from tinycog.errors import UsageError

EARTH_RADIUS = 6378137.0
"""Of WGS 84's ellipsoid at the equator, in metres."""

METRES_PER_DEGREE = EARTH_RADIUS * pi / 180
"""As OGC 17-083r4 turns degrees into metres."""

PIXEL_OF_SCALE = 0.00028
"""Metres of the screen pixel that scale denominators speak of (OGC 17-083r4)."""

MAX_ZOOM = 30
"""Finest zoom that is looked for: 0.1 mm at the equator."""

DRIFT = 0.01
"""Pixels by which a level may miss a matrix anywhere, and still be its part."""

SQUARE_DRIFT = 1.0
"""Pixels by which square cells may miss the far edge of a level: overviews are rounded up."""

ANGULAR = 1000.0
"""Metres per unit from which on the unit must be an angle."""

CRS_OF_EPSG = "http://www.opengis.net/def/crs/EPSG/0/{}"


class Bounds(NamedTuple):
    """A rectangle in coordinates, in rasterio's words."""

    left: float
    bottom: float
    right: float
    top: float


@dataclass(frozen=True)
class TileLevel:
    """What counts of a level here.

    Attributes:
        width: columns of pixels.
        height: rows of pixels.
        tile_width: columns of pixels of a tile.
        tile_height: rows of pixels of a tile.
        transform: the first six numbers of an Affine: pixels of this level to the CRS.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    transform: Iterable[float]

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, cols) of tiles."""
        return -(-self.height // self.tile_height), -(-self.width // self.tile_width)


# --- a file's own pyramid ------------------------------------------------------------------------


def tile_matrix_set(
    levels: Sequence[TileLevel],
    crs: int | str | Mapping[str, Any],
    *,
    identifier: str = "pyramid",
    metres_per_unit: float = 1.0,
    ordered_axes: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """Describe a pyramid as an OGC TileMatrixSet 2.0, ready for `json.dumps` and morecantile.

    Tile (x, y) of level z is tile (column x, row y) of the matrix with the id
    `str(len(levels) - 1 - z)`.

    Args:
        levels: level 0, full resolution, first.
        crs: an EPSG code, a URI, or PROJJSON as a mapping (TileMatrixSet 2.0 has no other text).
        identifier: of the set: letters, digits, `_` and `-`.
        metres_per_unit: of the CRS: `METRES_PER_DEGREE` for degrees.
        ordered_axes: short names of the CRS's axes, in its own order, in which points are written.
            By default: as PROJJSON says; ("Lat", "Lon") for degrees, but not for OGC's CRS84;
            otherwise ("X", "Y"), which is wrong for the few projected CRSs that put north first.

    Raises:
        UsageError: there are no levels, or pixels are rotated or not square.
    """
    if not levels:
        message = "there are no levels, expected at least one"
        raise UsageError(message)
    axes = ordered_axes or _axes_of(crs, metres_per_unit)
    swapped = axes[0].upper() in ("Y", "N", "LAT")
    return {
        "id": identifier,
        "title": f"Levels of {identifier}, coarsest first",
        "crs": _crs(crs),
        "orderedAxes": list(axes),
        "tileMatrices": [
            _matrix(str(number), level, metres_per_unit, swapped=swapped)
            for number, level in enumerate(reversed(levels))
        ],
    }


def _axes_of(crs: int | str | Mapping[str, Any], metres_per_unit: float) -> tuple[str, str]:
    """Names of the axes, as well as can be known without a registry."""
    if isinstance(crs, Mapping):
        return ("Y", "X") if _north_first(crs) else ("X", "Y")
    if metres_per_unit < ANGULAR:
        return "X", "Y"
    return ("Lon", "Lat") if isinstance(crs, str) and "CRS84" in crs else ("Lat", "Lon")


def _north_first(projjson: Mapping[str, Any]) -> bool:
    """Whether the first axis that PROJJSON names goes north or south."""
    axes: Any = projjson.get("coordinate_system", {}).get("axis")
    return bool(axes) and axes[0].get("direction") in ("north", "south")


def _crs(crs: int | str | Mapping[str, Any]) -> object:
    """The CRS as the JSON encoding has it."""
    if isinstance(crs, int):
        return CRS_OF_EPSG.format(crs)
    if isinstance(crs, str):
        if not crs.startswith(("http", "urn:")):
            message = f"the crs is {crs[:60]!r}, expected an EPSG code, a URI, or PROJJSON"
            raise UsageError(message)
        return crs
    return {"wkt": dict(crs)}


def _matrix(
    identifier: str, level: TileLevel, metres_per_unit: float, *, swapped: bool
) -> dict[str, Any]:
    a, b, c, d, e, f = map(float, tuple(level.transform)[:6])
    if b or d or a <= 0 or e == 0:
        message = f"the transform is {(a, b, c, d, e, f)}, expected unrotated pixels that go east"
        raise UsageError(message)
    if abs(a - abs(e)) * level.height > SQUARE_DRIFT * a:
        message = f"pixels are {a} by {abs(e)}, expected square ones: a tile matrix has one size"
        raise UsageError(message)
    down, across = level.grid
    return {
        "id": identifier,
        "scaleDenominator": a * metres_per_unit / PIXEL_OF_SCALE,
        "cellSize": a,
        # rows that go up have their first tile at the bottom
        "cornerOfOrigin": "topLeft" if e < 0 else "bottomLeft",
        "pointOfOrigin": [f, c] if swapped else [c, f],
        "tileWidth": level.tile_width,
        "tileHeight": level.tile_height,
        "matrixWidth": across,
        "matrixHeight": down,
    }


# --- the web's -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class WebTiles:
    """A well-known quadtree of tiles.

    Attributes:
        identifier: OGC's.
        epsg: codes of CRSs in which a file has the same coordinates (x east, y north).
        left: of all tiles.
        top: of all tiles.
        size: of a tile at zoom 0, in units of the CRS.
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

    def bounds(self, zoom: int, x: int, y: int) -> Bounds:
        """Bounds of a tile, in units of the CRS.

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
        return Bounds(left, top - size, left + size, top)


HALF_WORLD = pi * EARTH_RADIUS
"""Metres from the middle of web Mercator to its edge."""

WEB_MERCATOR_QUAD = WebTiles(
    "WebMercatorQuad", (3857, 900913, 3785, 102100), -HALF_WORLD, HALF_WORLD, 2 * HALF_WORLD, 1, 1
)
WORLD_CRS84_QUAD = WebTiles("WorldCRS84Quad", (4326,), -180.0, 90.0, 180.0, 2, 1)
WELL_KNOWN = (WEB_MERCATOR_QUAD, WORLD_CRS84_QUAD)


def web_tile_bounds(zoom: int, x: int, y: int) -> Bounds:
    """Bounds of a web tile in metres of EPSG:3857.

    Raises:
        UsageError: there is no such tile.
    """
    return WEB_MERCATOR_QUAD.bounds(zoom, x, y)


def web_tile_lonlat(zoom: int, x: int, y: int) -> Bounds:
    """Bounds of a web tile in degrees of longitude and latitude (WGS 84).

    Raises:
        UsageError: there is no such tile.
    """
    left, bottom, right, top = (metres / EARTH_RADIUS for metres in web_tile_bounds(zoom, x, y))
    return Bounds(
        degrees(left), degrees(atan(sinh(bottom))), degrees(right), degrees(atan(sinh(top)))
    )


class Place(NamedTuple):
    """Where a level lies in a quadtree: its first tile is tile (x, y) of a zoom."""

    zoom: int
    x: int
    y: int


@dataclass(frozen=True)
class Alignment:
    """Which tiles of a well-known set a file holds as stored tiles.

    Attributes:
        tiles: the set.
        places: for each level where it lies, or None: its tiles are none of the set's.
        levels: as given to `find_alignment`.
    """

    tiles: WebTiles
    places: tuple[Place | None, ...]
    levels: tuple[TileLevel, ...]

    @property
    def zooms(self) -> dict[int, int]:
        """Level of each zoom that is stored."""
        return {place.zoom: z for z, place in enumerate(self.places) if place is not None}

    def stored_tile(self, zoom: int, x: int, y: int) -> tuple[int, int, int] | None:
        """The stored tile (z, x, y) that has exactly the bounds of a web tile, or None.

        Its pixels are the web tile's: 256 by 256, or 512 by 512 for a file with tiles of that size
        ("@2x"). At the right and lower edge of the image it may reach over it: read it padded, what
        lies outside is not valid. None also where the file has no tile: there, or at that zoom.
        """
        z = self.zooms.get(zoom)
        place = None if z is None else self.places[z]
        if z is None or place is None:
            return None
        down, across = self.levels[z].grid
        col, row = x - place.x, y - place.y
        return (z, col, row) if 0 <= col < across and 0 <= row < down else None


def find_alignment(levels: Sequence[TileLevel], epsg: int | None) -> Alignment | None:
    """Find the well-known set whose tiles are tiles of the file; None if there is none.

    What counts is where the tiles lie, not what the file says of itself: a level belongs to a zoom
    if its tiles are as large, in its CRS, as the zoom's, and its first tile is one of them, all
    within 0.01 pixel. So files with tiles of 512 belong to the zoom one coarser than the size of
    their pixels says.

    Args:
        levels: level 0, full resolution, first.
        epsg: code of the CRS, None if it has none.
    """
    for tiles in WELL_KNOWN:
        if epsg in tiles.epsg:
            places = tuple(_place(level, tiles) for level in levels)
            if any(places):
                return Alignment(tiles, places, tuple(levels))
    return None


def _place(level: TileLevel, tiles: WebTiles) -> Place | None:
    a, b, c, d, e, f = map(float, tuple(level.transform)[:6])
    if b or d or a <= 0 or e >= 0 or level.tile_width != level.tile_height:
        return None
    if not (math.isfinite(c) and math.isfinite(f)):
        return None
    for zoom in range(MAX_ZOOM + 1):
        size = tiles.size / (1 << zoom)
        cell = size / level.tile_width
        # the error of one pixel's size adds up along the level
        if (
            abs(a - cell) * level.width > DRIFT * cell
            or abs(-e - cell) * level.height > DRIFT * cell
        ):
            continue
        x, y = (c - tiles.left) / size, (tiles.top - f) / size
        place = Place(zoom, round(x), round(y))
        near = max(abs(x - place.x), abs(y - place.y)) * level.tile_width <= DRIFT
        inside = 0 <= place.x < tiles.across << zoom and 0 <= place.y < tiles.down << zoom
        return place if near and inside else None
    return None
