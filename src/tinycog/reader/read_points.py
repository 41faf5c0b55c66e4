"""Values at points: each tile that holds any is read once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.mask import alpha_band, nodata_mask, stored_mask
from tinycog.reader.read_window import LevelSource
from tinycog.reader.tile_parts import TilePart, window_parts
from tinycog.reader.tile_reader import TileReader
from tinycog.window import Tile, Window

TILES_AT_ONCE = 32
"""Tiles whose pixels are held at the same time, at most."""

BYTES_AT_ONCE = 64 << 20
"""Bytes of pixels that are held at the same time, but for one tile that is larger."""


class Values(NamedTuple):
    """Values at points.

    Attributes:
        data: (points, bands), the file's own dtype.
        mask: (points,), True where a point lies inside and its pixel is valid.
        inside: (points,), True where a point lies inside.
    """

    data: NDArray[Any]
    mask: NDArray[np.bool_]
    inside: NDArray[np.bool_]


async def read_points(
    reader: TileReader, source: LevelSource, z: int, pixels: NDArray[np.int64], bands: list[int]
) -> Values:
    """Read single pixels (row, col) of a level; those outside are not valid."""
    image = source.image
    width, height = image.size
    tile = image.grid.tile_height * image.grid.tile_width * image.samples * image.dtype.itemsize
    reader.limits.check("tile_bytes", tile, "decoded bytes of a tile")
    rows, cols = pixels.T
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    data = np.full((len(pixels), len(bands)), image.fill_value).astype(image.dtype)
    mask = inside.copy()
    grid = image.grid
    places = np.flatnonzero(inside)
    ys, xs = (pixels[places] // (grid.tile_height, grid.tile_width)).T
    keys, members = np.unique(ys * grid.across + xs, return_inverse=True)
    # by their tiles: those of tile i are `order[ends[i] : ends[i + 1]]`
    order = places[np.argsort(members, kind="stable")]
    ends = np.concatenate([[0], np.cumsum(np.bincount(members, minlength=len(keys)))])
    length = grid.tile_width * grid.tile_height * len(bands) * image.dtype.itemsize
    step = min(max(BYTES_AT_ONCE // length, 1), TILES_AT_ONCE)
    for start in range(0, len(keys), step):
        tiles = [
            Tile(z, int(key) % grid.across, int(key) // grid.across)
            for key in keys[start : start + step]
        ]
        parts = [_Part.of(source, tile, bands) for tile in tiles]
        pieces = [piece for part in parts for piece in part.pieces]
        await reader.read(pieces, source.ghost)
        for i, part in enumerate(parts, start):
            here = order[ends[i] : ends[i + 1]]
            data[here], mask[here] = part.pick(source, pixels[here])
    return Values(data, mask, inside)


class _Part(NamedTuple):
    """One tile: its pixels, and what says which of them are valid."""

    window: Window
    room: NDArray[Any]
    extra: NDArray[Any] | None
    pieces: list[TilePart]

    @classmethod
    def of(cls, source: LevelSource, tile: Tile, bands: Sequence[int]) -> _Part:
        image = source.image
        rows, cols = image.grid.inside(tile.x, tile.y)
        window = Window(tile.x * image.grid.tile_width, tile.y * image.grid.tile_height, cols, rows)
        room = np.empty((len(bands), rows, cols), image.dtype)
        pieces = window_parts(image, tile.z, window, bands, room)
        extra: NDArray[Any] | None = None
        alpha = alpha_band(image, source.facts.metadata.colorinterp)
        if source.mask is not None:
            extra = np.empty((1, rows, cols), source.mask.dtype)
            pieces += window_parts(source.mask, tile.z, window, [0], extra)
        elif image.nodata is None and alpha is not None:
            extra = np.empty((1, rows, cols), image.dtype)
            pieces += window_parts(image, tile.z, window, [alpha], extra)
        return cls(window, room, extra, pieces)

    def pick(
        self, source: LevelSource, pixels: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        rows, cols = (pixels - (self.window.row_off, self.window.col_off)).T
        values = self.room[:, rows, cols]
        if self.extra is not None:
            return values.T, stored_mask(self.extra)[rows, cols]
        if source.image.nodata is not None:
            return values.T, nodata_mask(values[:, None], source.image.nodata)[0]
        return values.T, np.ones(len(pixels), np.bool_)
