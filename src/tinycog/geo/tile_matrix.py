"""Describe a pyramid as an OGC TileMatrixSet 2.0.

Two ways of counting meet here: a file's levels go from 0 = full resolution to coarser ones (`z`),
OGC's matrices from 0 = coarsest to finer ones. Arithmetic only, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import pi
from typing import Any

from tinycog.affine_math import coefficients
from tinycog.errors import UsageError

EARTH_RADIUS = 6378137.0
"""Semi-major axis of WGS 84's ellipsoid, in metres."""

SQUARE_TOLERANCE = 1.0
"""Pixels by which square cells may miss the far edge of a level: overview sizes are rounded up."""

METRES_PER_DEGREE = EARTH_RADIUS * pi / 180
"""Metres per degree by OGC 17-083r4."""

STANDARD_PIXEL = 0.00028
"""Size in metres of the screen pixel that defines scale denominators (OGC 17-083r4)."""

MIN_METRES_PER_ANGLE = 1000.0
"""Metres per unit above which the unit must be an angle."""

CRS_OF_EPSG = "http://www.opengis.net/def/crs/EPSG/0/{}"


@dataclass(frozen=True)
class TileLevel:
    """Size, tile size and transform of a level.

    Attributes:
        width: columns of pixels.
        height: rows of pixels.
        tile_width: columns of pixels in a tile.
        tile_height: rows of pixels in a tile.
        transform: pixels of this level to (x, y) in the CRS, an `Affine` or its six numbers.
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
        identifier: id of the set: letters, digits, `_` and `-`.
        metres_per_unit: metres per unit of the CRS: `METRES_PER_DEGREE` for degrees.
        ordered_axes: short names of the CRS's axes in its own order, in which points are written.
            By default: as in the PROJJSON; ("Lat", "Lon") for degrees, except OGC's CRS84;
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
    """Guess the names of the axes without a registry."""
    if isinstance(crs, Mapping):
        return ("Y", "X") if _north_first(crs) else ("X", "Y")
    if metres_per_unit < MIN_METRES_PER_ANGLE:
        return "X", "Y"
    return ("Lon", "Lat") if isinstance(crs, str) and "CRS84" in crs else ("Lat", "Lon")


def _north_first(projjson: Mapping[str, Any]) -> bool:
    """Return whether the first axis of PROJJSON points north or south."""
    axes: Any = projjson.get("coordinate_system", {}).get("axis")
    return bool(axes) and axes[0].get("direction") in ("north", "south")


def _crs(crs: int | str | Mapping[str, Any]) -> object:
    """Encode the CRS for JSON."""
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
    a, b, c, d, e, f = coefficients(level.transform)
    if b or d or a <= 0 or e == 0:
        message = f"the transform is {(a, b, c, d, e, f)}, expected unrotated pixels that go east"
        raise UsageError(message)
    if abs(a - abs(e)) * level.height > SQUARE_TOLERANCE * a:
        message = f"pixels are {a} by {abs(e)}, expected square ones: a tile matrix has one size"
        raise UsageError(message)
    down, across = level.grid
    return {
        "id": identifier,
        "scaleDenominator": a * metres_per_unit / STANDARD_PIXEL,
        "cellSize": a,
        # rows that go up have their first tile at the bottom
        "cornerOfOrigin": "topLeft" if e < 0 else "bottomLeft",
        "pointOfOrigin": [f, c] if swapped else [c, f],
        "tileWidth": level.tile_width,
        "tileHeight": level.tile_height,
        "matrixWidth": across,
        "matrixHeight": down,
    }
