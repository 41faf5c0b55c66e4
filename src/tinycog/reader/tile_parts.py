"""Map tiles and windows to stored tiles, and to where their pixels go. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from tinycog.pixels.arrays import Pixels, empty_view, new_array
from tinycog.records import NamedTuple
from tinycog.tiff.image import Image
from tinycog.window import Tile, Window

PART_BYTES = 8 << 20
"""Bytes of an uncompressed tile that are read at once: one strip may be the whole image."""


Cut = Literal["none", "rows", "prefix"]
"""What is left out of a stored tile: nothing; of one without compression, bytes before and behind
the rows; also of others, what should lie behind the rows (tiff.tile.prefix)."""


class TilePart(NamedTuple):
    """The part of a stored tile that a read needs, and where it goes.

    Attributes:
        image: the level or mask that the tile belongs to.
        tile: its z, x, y; z is the level's, also for a mask.
        position: its index in TileOffsets; each plane has its own where bands are stored apart.
        samples, rows, cols: the part of the stored tile that is read.
        target: the array that it goes to, (samples, rows, cols).
        cut: which bytes of the tile are left where they are, though they came with its request.
    """

    image: Image
    tile: Tile
    position: int
    samples: slice | list[int]
    rows: slice
    cols: slice
    target: Pixels
    cut: Cut = "none"


def tile_shape(image: Image, tile: Tile, *, padded: bool) -> tuple[int, int, int]:
    """Return (bands, rows, cols) of a tile: cut to the image, or as stored if `padded`.

    Raises:
        TileIndexError: there is no such tile.
    """
    image.grid.indices(tile.x, tile.y)
    inside = image.grid.inside(tile.x, tile.y)
    stored = image.grid.stored_rows(tile.y), image.grid.tile_width
    return (image.samples, *(stored if padded else inside))


def tile_parts(image: Image, tile: Tile, out: Pixels) -> list[TilePart]:
    """Return the parts that fill `out`, (bands, rows, cols), from a tile's first pixel on."""
    cut = slice(0, out.shape[1]), slice(0, out.shape[2])
    if image.grid.planes > 1:
        return _band_parts(image, tile, cut, range(image.samples), out)
    position = tile.y * image.grid.across + tile.x
    return [TilePart(image, tile, position, slice(None), *cut, out)]


def parts_to_plan(image: Image, tile: Tile) -> list[TilePart]:
    """Return the parts of a tile that is located, but not decoded: they have no memory behind."""
    shape = tile_shape(image, tile, padded=False)
    return tile_parts(image, tile, empty_view(shape, np.dtype(np.uint8)))


def window_tiles(image: Image, z: int, window: Window) -> Iterator[Tile]:
    """Iterate over the tiles that a window touches, row by row; there may be too many to list."""
    grid = image.grid
    ys = _touched(window.row_off, _bottom(window), grid.tile_height)
    xs = _touched(window.col_off, _right(window), grid.tile_width)
    return (Tile(z, x, y) for y in ys for x in xs)


def window_parts(
    image: Image, z: int, window: Window, bands: Sequence[int], out: Pixels
) -> list[TilePart]:
    """Return the parts that fill `out`, (bands, rows, cols), from a window inside the image."""
    grid, samples = image.grid, _interleaved(image, bands)
    tiles_across, apart = grid.across, grid.planes > 1
    parts: list[TilePart] = []
    columns = [  # what is the same for all tiles of a column is worked out once, as of a row
        (x, *_overlap(window.col_off, _right(window), x * grid.tile_width, grid.tile_width))
        for x in _touched(window.col_off, _right(window), grid.tile_width)
    ]
    for y in _touched(window.row_off, _bottom(window), grid.tile_height):
        top, first = y * grid.tile_height, y * tiles_across
        rows, down = _overlap(window.row_off, _bottom(window), top, grid.stored_rows(y))
        lines = [
            (part, slice(down.start + part.start - rows.start, down.start + part.stop - rows.start))
            for part in _row_parts(image, rows)
        ]
        for x, cols, across in columns:
            tile, position = Tile(z, x, y), first + x
            for part, below in lines:
                target = out[:, below, across]
                if apart:
                    parts += _band_parts(image, tile, (part, cols), bands, target)
                else:
                    parts.append(TilePart(image, tile, position, samples, part, cols, target))
    return parts


def _touched(start: int, stop: int, length: int) -> range:
    """Return the tiles of a length that pixels `start` to `stop` touch."""
    return range(start // length, -(-stop // length))


def _overlap(start: int, stop: int, at: int, length: int) -> tuple[slice, slice]:
    """Return what pixels `start` to `stop` take of a tile that begins at one, and where it goes."""
    first, last = max(start, at), min(stop, at + length)
    return slice(first - at, last - at), slice(first - start, last - start)


def _row_parts(image: Image, rows: slice) -> list[slice]:
    """Cut rows of a stored tile into parts that are read one by one, where that is possible."""
    if not image.rows_apart:
        return [rows]
    step = max(PART_BYTES // image.unpacked_length(1), 1)
    return [slice(i, min(i + step, rows.stop)) for i in range(rows.start, rows.stop, step)]


def _interleaved(image: Image, bands: Sequence[int]) -> slice | list[int]:
    """Return the samples of a tile that bands are, where they are not stored apart."""
    is_all = image.grid.planes > 1 or list(bands) == list(range(image.samples))
    return slice(None) if is_all else list(bands)


def _band_parts(
    image: Image,
    tile: Tile,
    cut: tuple[slice, slice],
    bands: Sequence[int],
    target: Pixels,
) -> list[TilePart]:
    """Return one part for each band, where they are stored apart."""
    grid = image.grid
    position = tile.y * grid.across + tile.x
    plane = grid.across * grid.down
    return [
        TilePart(image, tile, position + band * plane, slice(None), *cut, target[i : i + 1])
        for i, band in enumerate(bands)
    ]


def _bottom(window: Window) -> int:
    return window.row_off + window.height


def _right(window: Window) -> int:
    return window.col_off + window.width


def new_pixels(image: Image, shape: tuple[int, ...]) -> Pixels:
    """Allocate an array for all bands of an image, (bands, rows, cols), not filled.

    Its memory is laid out as that of the stored tiles, with the bands of a pixel side by side if
    they are stored so: tiles are then decoded in place, or copied by whole rows.

    Raises:
        LimitError: there is no memory for it.
    """
    if image.tile_samples == 1:
        return new_array(shape, image.dtype)
    bands, rows, cols = shape
    return new_array((rows, cols, bands), image.dtype).transpose(2, 0, 1)
