"""What a read is made of: which stored tiles it needs, and where their pixels go. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tinycog.pixels.arrays import Pixels, new_array
from tinycog.tiff.image import Image
from tinycog.window import Tile, Window


class TilePart(NamedTuple):
    """What is to be made of one stored tile.

    Attributes:
        image: whose tile it is.
        tile: which one.
        position: its place in TileOffsets; of planes stored apart, each has its own.
        samples, rows, cols: the part of the stored tile that is wanted.
        target: where that goes, (samples, rows, cols).
    """

    image: Image
    tile: Tile
    position: int
    samples: slice | list[int]
    rows: slice
    cols: slice
    target: Pixels


def tile_shape(image: Image, tile: Tile, *, padded: bool) -> tuple[int, int, int]:
    """(bands, rows, cols) of a tile: cut to the image, or as stored if `padded`.

    Raises:
        TileIndexError: there is no such tile.
    """
    image.grid.indices(tile.x, tile.y)
    inside = image.grid.inside(tile.x, tile.y)
    stored = image.grid.stored_rows(tile.y), image.grid.tile_width
    return (image.samples, *(stored if padded else inside))


def tile_parts(image: Image, tile: Tile, room: Pixels) -> list[TilePart]:
    """Pieces of one tile from its first pixel on; `room` is (bands, rows, cols)."""
    cut = slice(0, room.shape[1]), slice(0, room.shape[2])
    return list(_band_parts(image, tile, cut, range(image.samples), room))


def window_tiles(image: Image, z: int, window: Window) -> Iterator[Tile]:
    """The tiles that a window touches, row by row, each made as it is taken: there may be many."""
    grid = image.grid
    ys = range(window.row_off // grid.tile_height, -(-_bottom(window) // grid.tile_height))
    xs = range(window.col_off // grid.tile_width, -(-_right(window) // grid.tile_width))
    return (Tile(z, x, y) for y in ys for x in xs)


def window_parts(
    image: Image, z: int, window: Window, bands: Sequence[int], room: Pixels
) -> list[TilePart]:
    """Pieces of a window that lies inside the image; `room` is (bands, rows, cols) of it."""
    pieces: list[TilePart] = []
    for tile in window_tiles(image, z, window):
        top, left = tile.y * image.grid.tile_height, tile.x * image.grid.tile_width
        rows = slice(
            max(window.row_off - top, 0),
            min(_bottom(window) - top, image.grid.stored_rows(tile.y)),
        )
        cols = slice(
            max(window.col_off - left, 0), min(_right(window) - left, image.grid.tile_width)
        )
        target = room[
            :,
            top + rows.start - window.row_off : top + rows.stop - window.row_off,
            left + cols.start - window.col_off : left + cols.stop - window.col_off,
        ]
        pieces += _band_parts(image, tile, (rows, cols), bands, target)
    return pieces


def _band_parts(
    image: Image, tile: Tile, cut: tuple[slice, slice], bands: Sequence[int], target: Pixels
) -> Iterable[TilePart]:
    """Bands of one tile: planes stored apart are pieces of their own."""
    indices = image.grid.indices(tile.x, tile.y)
    if image.grid.planes == 1:
        samples = slice(None) if list(bands) == list(range(image.samples)) else list(bands)
        return [TilePart(image, tile, indices[0], samples, *cut, target)]
    return [
        TilePart(image, tile, indices[band], slice(None), *cut, target[i : i + 1])
        for i, band in enumerate(bands)
    ]


def _bottom(window: Window) -> int:
    return window.row_off + window.height


def _right(window: Window) -> int:
    return window.col_off + window.width


def new_pixels(image: Image, shape: tuple[int, ...]) -> Pixels:
    """Room for all bands of an image, (bands, rows, cols), not filled.

    In memory they lie as in its tiles, the bands of a pixel side by side if they are stored so:
    then tiles are decoded in place, or copied by whole rows.

    Raises:
        LimitError: there is no memory for it.
    """
    if image.tile_samples == 1:
        return new_array(shape, image.dtype)
    bands, rows, cols = shape
    return new_array((rows, cols, bands), image.dtype).transpose(2, 0, 1)
