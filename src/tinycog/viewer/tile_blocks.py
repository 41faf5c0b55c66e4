"""Tiles of a map, one or some side by side, and what reads them at once.

The page asks for all tiles of a view together, so that what they need is planned together: stored
tiles that several of them touch are read once.
"""

from __future__ import annotations

from math import log2
from typing import Any, NamedTuple, Self

import tinycog
from tinycog.errors import TileIndexError, UsageError
from tinycog.geo.web_grid import web_tile_bounds
from tinycog.raster import Raster
from tinycog.viewer.facts import TILE
from tinycog.viewer.look import Look
from tinycog.viewer.viewed_file import Read

MOST_TILES_AT_ONCE = 64
"""Tiles of one picture."""

MOST_HALVINGS = 20

WEB_MERCATOR = "EPSG:3857"


class TileBlock(NamedTuple):
    """Tiles side by side.

    Attributes:
        z: zoom of web tiles; of tiles of pixels, how often those of level 0 are halved.
        x: column of the first.
        y: row of the first.
        across: how many columns.
        down: how many rows.
    """

    z: int
    x: int
    y: int
    across: int = 1
    down: int = 1

    def checked(self) -> Self:
        """Return it.

        Raises:
            UsageError: there are none, or too many.
        """
        if not 0 < self.across * self.down <= MOST_TILES_AT_ONCE:
            message = (
                f"a picture has 1 to {MOST_TILES_AT_ONCE} tiles, not {self.across * self.down}"
            )
            raise UsageError(message)
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of the picture."""
        return self.down * TILE, self.across * TILE

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in metres of Web Mercator.

        Raises:
            UsageError: there are no such web tiles.
        """
        left, _, _, top = web_tile_bounds(self.z, self.x, self.y)
        _, bottom, right, _ = web_tile_bounds(
            self.z, self.x + self.across - 1, self.y + self.down - 1
        )
        return left, bottom, right, top


def on_map(block: TileBlock, native: float) -> Read:
    """Return what reads web tiles: single pixels stay such where they are enlarged.

    Args:
        block: the tiles.
        native: zoom of the pixels of level 0.
    """

    async def read(cog: tinycog.Cog, look: Look, rgb: bool) -> Raster:  # noqa: FBT001 - see `Read`
        finest = native
        if look.level is not None and look.level < len(cog.levels):
            finest -= log2(cog.width / cog.levels[look.level].width)
        method: Any = look.resampling or ("nearest" if block.z > finest else "bilinear")
        options: Any = {"level": look.level, "indexes": look.indexes, "rgb": rgb}
        if block.across == block.down == 1:
            return await cog.read_web_tile(block.z, block.x, block.y, resampling=method, **options)
        left, bottom, right, top = block.bounds
        rows, cols = block.shape
        transform = ((right - left) / cols, 0, left, 0, (bottom - top) / rows, top)
        return await cog.read_warped(
            transform=transform, shape=block.shape, crs=WEB_MERCATOR, resampling=method, **options
        )

    return read


def as_pixels(block: TileBlock) -> Read:
    """Return what reads tiles of pixels."""

    async def read(cog: tinycog.Cog, look: Look, rgb: bool) -> Raster:  # noqa: FBT001 - see `Read`
        side = TILE << min(block.z, MOST_HALVINGS)
        left, top = block.x * side, block.y * side
        if block.z > MOST_HALVINGS or left >= cog.width or top >= cog.height:
            message = f"there is no tile {block.z}/{block.x}/{block.y} of pixels"
            raise TileIndexError(message)
        window = (left, top, block.across * side, block.down * side)
        if look.level is not None:
            if look.level >= len(cog.levels):
                message = f"level {look.level} does not exist (levels 0 to {len(cog.levels) - 1})"
                raise TileIndexError(message)
            level = cog.levels[look.level]
            across, down = level.width / cog.width, level.height / cog.height
            window = (left * across, top * down, window[2] * across, window[3] * down)
        is_enlarged = window[2] <= block.shape[1]
        method: Any = look.resampling or ("nearest" if is_enlarged else "bilinear")
        return await cog.read(
            look.indexes,
            window=window,
            level=look.level,
            shape=block.shape,
            boundless=True,
            masked=True,
            resampling=method,
            rgb=rgb,
        )

    return read
