"""Tile matrix sets that a caller names or gives as OGC's JSON (cog.tileset.set). No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, cast

from tinycog.affine_math import Coefficients
from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.crs import WEB_MERCATOR_CODES, Crs
from tinycog.geo.given_crs import given_crs
from tinycog.geo.same_crs import is_same_crs
from tinycog.geo.web_grid import ALIGNMENT_TOLERANCE, MAX_ZOOM, WELL_KNOWN, WebTiles
from tinycog.window import Size, Window

if TYPE_CHECKING:
    from tinycog.argument_types import CrsLike

WELL_KNOWN_TILE = 256
"""Rows and columns of a tile of OGC's well-known sets."""

CRS_NAMES = (
    (
        re.compile(
            r"^(?:https?://www\.opengis\.net/def/crs/|urn:ogc:def:crs:)EPSG[/:][^/:]*[/:](\d+)$"
        ),
        "EPSG:{}",
    ),
    (re.compile(r"^\[?EPSG:(\d+)\]?$"), "EPSG:{}"),
    (
        re.compile(
            r"^(?:https?://www\.opengis\.net/def/crs/|urn:ogc:def:crs:)OGC[/:][^/:]*[/:](CRS84)$"
        ),
        "OGC:{}",
    ),
    (re.compile(r"^\[?OGC:(CRS84)\]?$"), "OGC:{}"),
)
"""How documents name a CRS."""

NORTH_FIRST = ("Y", "N", "LAT", "NORTHING", "LATITUDE")
"""Short names of a first axis that goes north, in capitals."""


@dataclass(frozen=True)
class TileMatrix:
    """Tiles of one size.

    Attributes:
        id: name in its set.
        cell_size: width and height of a pixel, in units of the CRS.
        corner: (x, y) of the upper left corner of all tiles.
        tile: (width, height) of a tile in pixels.
        grid: (rows, cols) of tiles.
        origin: where rows of tiles are counted from.
    """

    id: str
    cell_size: float
    corner: tuple[float, float]
    tile: Size
    grid: tuple[int, int]
    origin: Literal["topLeft", "bottomLeft"] = "topLeft"

    @property
    def size(self) -> Size:
        """(width, height) of all tiles in pixels."""
        return self.grid[1] * self.tile[0], self.grid[0] * self.tile[1]

    @property
    def transform(self) -> Coefficients:
        """From (col, row) of its pixels to (x, y), rows from the top."""
        (x, y), cell = self.corner, self.cell_size
        return cell, 0.0, x, 0.0, -cell, y

    def window(self, col: int, row: int) -> Window:
        """Return the pixels of a tile, which exists."""
        width, height = self.tile
        down = self.grid[0] - 1 - row if self.origin == "bottomLeft" else row
        return Window(col * width, down * height, width, height)

    def offset_of(self, transform: Coefficients, size: Size) -> tuple[float, float] | None:
        """Return the column and row at which pixels begin that are as large as these.

        None where they are of another size, by more than `ALIGNMENT_TOLERANCE` along an image of
        `size`, or turned.
        """
        a, b, c, d, e, f = transform
        cell, allowed = self.cell_size, ALIGNMENT_TOLERANCE * self.cell_size
        if b or d or abs(a - cell) * size[0] > allowed or abs(-e - cell) * size[1] > allowed:
            return None
        return (c - self.corner[0]) / cell, (self.corner[1] - f) / cell


@dataclass(frozen=True)
class MatrixSet:
    """A tile matrix set.

    Attributes:
        id: its name.
        crs: of its coordinates.
        matrices: in the order of its document.
    """

    id: str
    crs: Crs
    matrices: tuple[TileMatrix, ...]

    def matrix(self, name: object) -> TileMatrix:
        """Return a matrix by its id, or by its number if that is its id.

        Raises:
            UsageError: there is none.
        """
        found = next((one for one in self.matrices if one.id == str(name)), None)
        if found is None:
            ids = ", ".join(one.id for one in self.matrices)
            message = f"{self.id} has no matrix {str(name)[:40]!r}: expected one of {ids}"
            raise UsageError(message)
        return found

    def has_crs(self, crs: Crs | None) -> bool:
        """Return whether coordinates of a file mean the same as those of the set."""
        if crs is not None and {crs.epsg, self.crs.epsg} <= set(WEB_MERCATOR_CODES):
            return True
        return is_same_crs(self.crs, crs) is True


def matrix_set(given: str | Mapping[str, object]) -> MatrixSet:
    """Return a tile matrix set by its name, or of its JSON (OGC 17-083r4).

    Raises:
        UsageError: there is none of that name, or it is no such document.
        UnsupportedError: rows of its tiles have different widths, or its CRS is no CRS.
    """
    if isinstance(given, Mapping):
        return _parsed(given)
    for known in WELL_KNOWN:
        if known.identifier == given:
            return _well_known(known)
    names = ", ".join(known.identifier for known in WELL_KNOWN)
    message = (
        f"tile_matrix_set={str(given)[:60]!r} is unknown: expected {names}, or the JSON of one as"
        " a mapping"
    )
    raise UsageError(message)


def _well_known(tiles: WebTiles) -> MatrixSet:
    size = WELL_KNOWN_TILE, WELL_KNOWN_TILE
    matrices = [
        TileMatrix(
            str(zoom),
            tiles.size / (1 << zoom) / WELL_KNOWN_TILE,
            (tiles.left, tiles.top),
            size,
            (tiles.down << zoom, tiles.across << zoom),
        )
        for zoom in range(MAX_ZOOM + 1)
    ]
    return MatrixSet(tiles.identifier, given_crs(tiles.epsg[0]), tuple(matrices))


def _parsed(document: Mapping[str, Any]) -> MatrixSet:
    try:
        name = str(document.get("id", document.get("identifier", "the tile matrix set")))
        crs, is_swapped = _crs(document["crs"])
        axes = document.get("orderedAxes")
        if axes is not None:
            is_swapped = str(axes[0]).upper() in NORTH_FIRST
        matrices = [_matrix(one, is_swapped=is_swapped) for one in document["tileMatrices"]]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as exc:
        if isinstance(exc, UsageError):
            raise
        message = f"tile_matrix_set= is no TileMatrixSet 2.0 of OGC: {type(exc).__name__} {exc}"
        raise UsageError(message) from exc
    if not matrices:
        raise UsageError("tile_matrix_set= has no tileMatrices")
    return MatrixSet(name, crs, tuple(matrices))


def _crs(given: Any) -> tuple[Crs, bool]:  # noqa: ANN401 - of JSON
    """Return a CRS, and whether its first axis goes north."""
    name: Any = given
    if isinstance(given, Mapping):
        members = cast("Mapping[str, Any]", given)
        if "wkt" in members:
            return _with_axes(members["wkt"])
        name = members.get("uri")
    text = str(name)
    for pattern, code in CRS_NAMES:
        if (match := pattern.match(text)) is not None:
            if match[1] == "CRS84":
                return given_crs("EPSG:4326"), False
            return _with_axes(code.format(match[1]))
    message = (
        f"the CRS of tile_matrix_set= is {text[:60]!r}: expected EPSG's, CRS84, or WKT as JSON"
    )
    raise UnsupportedError(message, feature="crs", value=text[:60])


def _with_axes(given: CrsLike) -> tuple[Crs, bool]:
    crs = given_crs(given)
    if crs.epsg in WEB_MERCATOR_CODES:
        return crs, False
    if crs.kind == "geographic" and not isinstance(given, Mapping):
        return crs, True  # all of EPSG's name latitudes first
    if isinstance(given, Mapping):
        members: Any = given
        axes = members.get("coordinate_system", {}).get("axis", [{}])
        return crs, axes[0].get("direction") == "north"
    return crs, crs.to_pyproj().axis_info[0].direction == "north"


def _matrix(given: Mapping[str, Any], *, is_swapped: bool) -> TileMatrix:
    name = str(given["id"])
    if given.get("variableMatrixWidths"):
        message = f"rows of tiles of matrix {name!r} have different widths"
        raise UnsupportedError(message, feature="variableMatrixWidths", value=name)
    cell = float(given["cellSize"])
    x, y = map(float, reversed(given["pointOfOrigin"]) if is_swapped else given["pointOfOrigin"])
    tile = int(given["tileWidth"]), int(given["tileHeight"])
    grid = int(given["matrixHeight"]), int(given["matrixWidth"])
    if not (cell > 0 and isfinite(cell + x + y) and min(*tile, *grid) >= 1):
        message = f"matrix {name!r} has no tiles: {cell}, {(x, y)}, {tile}, {grid}"
        raise UsageError(message)
    origin: Any = given.get("cornerOfOrigin", "topLeft")
    if origin not in ("topLeft", "bottomLeft"):
        message = f"cornerOfOrigin of matrix {name!r} is {origin!r}"
        raise UsageError(message)
    if origin == "bottomLeft":
        y += cell * grid[0] * tile[1]
    return TileMatrix(name, cell, (x, y), tile, grid, origin)
