"""What a read is made of: which stored tiles it needs, and where their pixels go. No I/O."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import LimitError, UsageError
from tinycog.image import Image
from tinycog.raster import Window

Pixels = NDArray[Any]


class Tile(NamedTuple):
    """A tile by its place in the pyramid."""

    z: int
    x: int
    y: int


class Piece(NamedTuple):
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


def tile_pieces(image: Image, tile: Tile, room: Pixels) -> list[Piece]:
    """Pieces of one tile from its first pixel on; `room` is (bands, rows, cols)."""
    cut = slice(0, room.shape[1]), slice(0, room.shape[2])
    return list(_band_pieces(image, tile, cut, range(image.samples), room))


def window_tiles(image: Image, z: int, window: Window) -> Iterator[Tile]:
    """The tiles that a window touches, row by row, each made as it is taken: there may be many."""
    grid = image.grid
    ys = range(window.row_off // grid.tile_height, -(-_bottom(window) // grid.tile_height))
    xs = range(window.col_off // grid.tile_width, -(-_right(window) // grid.tile_width))
    return (Tile(z, x, y) for y in ys for x in xs)


def window_pieces(
    image: Image, z: int, window: Window, bands: Sequence[int], room: Pixels
) -> list[Piece]:
    """Pieces of a window that lies inside the image; `room` is (bands, rows, cols) of it."""
    pieces: list[Piece] = []
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
        pieces += _band_pieces(image, tile, (rows, cols), bands, target)
    return pieces


def _band_pieces(
    image: Image, tile: Tile, cut: tuple[slice, slice], bands: Sequence[int], target: Pixels
) -> Iterable[Piece]:
    """Bands of one tile: planes stored apart are pieces of their own."""
    indices = image.grid.indices(tile.x, tile.y)
    if image.grid.planes == 1:
        samples = slice(None) if list(bands) == list(range(image.samples)) else list(bands)
        return [Piece(image, tile, indices[0], samples, *cut, target)]
    return [
        Piece(image, tile, indices[band], slice(None), *cut, target[i : i + 1])
        for i, band in enumerate(bands)
    ]


def _bottom(window: Window) -> int:
    return window.row_off + window.height


def _right(window: Window) -> int:
    return window.col_off + window.width


def checked_window(image: Image, window: Sequence[int] | None) -> Window:
    """The window as asked for, which must lie inside the image; all of it for None.

    Raises:
        UsageError: it is empty, or reaches over the edge.
    """
    _, height, width = image.shape
    if window is None:
        return Window(0, 0, width, height)
    try:
        found = Window(*(_whole(value) for value in window))
    except (TypeError, ValueError) as exc:
        message = f"a window is (col_off, row_off, width, height) in whole pixels, not {window!r}"
        raise UsageError(message) from exc
    is_inside = (
        0 <= found.col_off < _right(found) <= width
        and 0 <= found.row_off < _bottom(found) <= height
    )
    if not is_inside:
        message = f"{found} does not lie inside the level's {width} x {height} pixels"
        raise UsageError(message)
    return found


def _whole(value: Any) -> int:  # noqa: ANN401 - anything a caller may pass
    """A whole number; floats that are one are what rasterio's windows hold."""
    number = int(value)
    if number != value:
        raise ValueError(value)
    return number


def checked_bands(image: Image, bands: Iterable[int] | int | None) -> list[int]:
    """Bands as asked for, counted from 0; all of them for None.

    Raises:
        UsageError: there is no such band.
    """
    if bands is None:
        return list(range(image.samples))
    try:
        found = [operator.index(band) for band in ([bands] if isinstance(bands, int) else bands)]
    except TypeError as exc:
        message = f"bands are whole numbers, counted from 0, not {bands!r}"
        raise UsageError(message) from exc
    if not found or not all(0 <= band < image.samples for band in found):
        message = f"bands are counted from 0 to {image.samples - 1}, not {found}"
        raise UsageError(message)
    return found


def checked_room(out: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
    """The caller's array, or a new one, not filled.

    Raises:
        UsageError: the caller's has another shape or dtype, or cannot be written to.
    """
    if out is None:
        return new_array(shape, dtype)
    if not isinstance(out, np.ndarray):
        message = f"out must be a numpy array, not a {type(out).__name__}"
        raise UsageError(message)
    found = cast("Pixels", out)
    if found.shape != shape or found.dtype != dtype or not found.flags.writeable:
        what = f"{found.dtype} of {found.shape}"
        message = f"out must be a writable {dtype} array of shape {shape}, not {what}"
        raise UsageError(message)
    return found


def new_array(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
    """An array, not filled.

    Raises:
        LimitError: there is no memory for it.
    """
    try:
        return np.empty(shape, dtype)
    except MemoryError as exc:
        message = f"there is no memory for {dtype} of shape {shape}"
        raise LimitError(message) from exc


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


def no_room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
    """Room of that shape that takes no memory: for a plan, which puts nothing there."""
    return np.broadcast_to(np.empty((), dtype), shape)
