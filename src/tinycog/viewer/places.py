"""Pixels under the pointer, and outlines of stored tiles on the map."""

from __future__ import annotations

from itertools import pairwise
from math import floor, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinycog
from tinycog.affine_math import apply, coefficients, invert
from tinycog.errors import LimitError, UsageError
from tinycog.geo.transformer import into_crs
from tinycog.viewer.facts import EXACT

DEGREES = "OGC:CRS84"
"""Longitudes and latitudes of WGS 84."""

MOST_TILES = 600
"""Stored tiles whose outlines are drawn."""

ALONG = 9
"""Points of each edge of a view, and of a tile 5: straight edges become curves."""


async def value_at(cog: tinycog.Cog, col: int, row: int) -> dict[str, Any]:
    """Return the values of a pixel of level 0, as they are stored.

    Args:
        cog: a file that is open.
        col: column.
        row: row.

    Raises:
        TinycogError: they cannot be read.

    Cost: that of one tile.
    """
    found: dict[str, Any] = {"col": col, "row": row, "inside": False}
    if not (0 <= col < cog.width and 0 <= row < cog.height):
        return found
    raster = await cog.read(window=(col, row, 1, 1), masked=True)
    values = raster.data[:, 0, 0]
    found |= {
        "inside": True,
        "values": [_in_json(one) for one in values],
        "valid": raster.band_masks[:, 0, 0].tolist(),
        "scaled": None,
    }
    factors = list(zip(cog.scales, cog.offsets, strict=True))
    if any(pair != (1, 0) and all(map(isfinite, pair)) for pair in factors):
        found["scaled"] = [
            _in_json(one * scale + offset)
            for one, (scale, offset) in zip(values, factors, strict=True)
        ]
    if cog.crs is not None and not cog.gcps:
        found["x"], found["y"] = apply(coefficients(cog.transform), col + 0.5, row + 0.5)
    return found


def pixel_of(cog: tinycog.Cog, longitude: float, latitude: float) -> tuple[int, int]:
    """Return column and row of the pixel of level 0 that a place lies in, inside or not.

    Raises:
        UsageError: the file has no place on the Earth, or the place none in its CRS.
    """
    ((x, y),) = into_crs(np.array([[longitude, latitude]]), DEGREES, _crs_of(cog)).tolist()
    if not (isfinite(x) and isfinite(y)):
        message = f"longitude {longitude:g}, latitude {latitude:g} has no place in {cog.crs}"
        raise UsageError(message)
    row, col = cog.index(x, y)
    return col, row


def tile_outlines(
    cog: tinycog.Cog, z: int, view: tuple[float, float, float, float]
) -> list[dict[str, Any]]:
    """Return the stored tiles of a level that touch a view, as rings of (latitude, longitude).

    Args:
        cog: a file that is open.
        z: level.
        view: (west, south, east, north) in degrees.

    Raises:
        UsageError: the file has no place on the Earth, or there is no such level.
        LimitError: they are too many to be drawn.
    """
    if not 0 <= z < len(cog.levels):
        message = f"level {z} does not exist (levels 0 to {len(cog.levels) - 1})"
        raise UsageError(message)
    level = cog.levels[z]
    down, across = level.grid
    high, wide = level.tile_shape
    cols, rows = _tiles_in(cog, level, view)
    first_col, last_col = max(cols[0] // wide, 0), min(cols[1] // wide, across - 1)
    first_row, last_row = max(rows[0] // high, 0), min(rows[1] // high, down - 1)
    count = max(last_col - first_col + 1, 0) * max(last_row - first_row + 1, 0)
    if count > MOST_TILES:
        message = f"{count:,} tiles are too many to be drawn, at most {MOST_TILES}"
        raise LimitError(message, limit="tiles", asked=count, allowed=MOST_TILES)
    places = [
        (x, y) for y in range(first_row, last_row + 1) for x in range(first_col, last_col + 1)
    ]
    if not places:
        return []
    rings = np.array(
        [
            _ring(
                x * wide,
                y * high,
                min((x + 1) * wide, level.width),
                min((y + 1) * high, level.height),
            )
            for x, y in places
        ]
    )
    to_degrees = _to_degrees(cog, level, rings.reshape(-1, 2)).reshape(rings.shape)
    return [
        {"x": x, "y": y, "ring": ring[:, ::-1].round(7).tolist()}
        for (x, y), ring in zip(places, to_degrees, strict=True)
        if np.isfinite(ring).all()
    ]


def _crs_of(cog: tinycog.Cog) -> tinycog.Crs:
    if cog.crs is None or cog.gcps:
        message = "the file has no place on the Earth: ask for pixels, by col= and row="
        raise UsageError(message)
    return cog.crs


def _tiles_in(
    cog: tinycog.Cog, level: tinycog.Level, view: tuple[float, float, float, float]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return first and last column, and first and last row, of the pixels in a view."""
    west, south, east, north = view
    xs, ys = np.meshgrid(np.linspace(west, east, ALONG), np.linspace(south, north, ALONG))
    points = into_crs(np.stack([xs.ravel(), ys.ravel()], 1), DEGREES, _crs_of(cog))
    cols, rows = invert(level.transform).apply(points[:, 0], points[:, 1])
    known = np.isfinite(cols) & np.isfinite(rows)
    if not known.all():  # a part of the view has no place in the CRS: all that there is
        return (0, level.width - 1), (0, level.height - 1)
    return (
        (floor(cols.min()), floor(cols.max())),
        (floor(rows.min()), floor(rows.max())),
    )


def _ring(left: int, top: int, right: int, bottom: int) -> NDArray[np.float64]:
    """Return points around a rectangle of pixels, four along each side."""
    steps = np.linspace(0, 1, 5)[:-1, None]
    corners = np.array(
        [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], float
    )
    return np.concatenate([start + steps * (end - start) for start, end in pairwise(corners)])


def _to_degrees(
    cog: tinycog.Cog, level: tinycog.Level, points: NDArray[np.float64]
) -> NDArray[np.float64]:
    xy = apply(coefficients(level.transform), points[:, 0], points[:, 1])
    return into_crs(np.stack(xy, 1), _crs_of(cog), DEGREES)


def _in_json(value: Any) -> Any:  # noqa: ANN401 - a number of numpy
    """Return a number as JSON has it; those that are not finite, and complex ones, as text."""
    if np.iscomplexobj(value):
        return str(complex(value)).strip("()")
    plain = value.item()
    if isinstance(plain, float):
        return float(np.format_float_positional(value)) if isfinite(plain) else str(plain)
    if isinstance(plain, int) and abs(plain) >= EXACT:
        return str(plain)  # more than a number of JavaScript holds
    return plain
