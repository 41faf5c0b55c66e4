"""Read values at points: each tile that holds any is read once. `Cog.points`, and its plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import ErrorHandling
from tinycog.errors import LimitError
from tinycog.fetch.plan import Plan, add_plans
from tinycog.limits import Limits
from tinycog.pixels.validity import KnownValidity
from tinycog.reader.level_source import LevelSource
from tinycog.reader.pixel_file import WindowReader
from tinycog.reader.tile_parts import Cut
from tinycog.reader.validity import without
from tinycog.reader.window_buffers import FetchedBands, WindowBuffers, WindowRequest
from tinycog.tiff.image import Image
from tinycog.window import Area, FloatWindow, Tile, Window

BATCH_TILES = 32
"""Most tiles whose pixels are held at the same time."""

BATCH_BYTES = 64 << 20
"""Most bytes of pixels held at the same time, except where a single tile is larger."""


class Values(NamedTuple):
    """Values at points.

    Attributes:
        data: (points, bands), the file's own dtype.
        mask: (points,), True where a point lies inside and its pixel is valid.
        inside: (points,), True where a point lies inside.
        band_masks: (points, bands), True where a point lies inside and the sample is valid.
    """

    data: NDArray[Any]
    mask: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    band_masks: NDArray[np.bool_]


class PointPixels(NamedTuple):
    """Pixels that points lie in.

    Attributes:
        source: the level.
        z: its number.
        pixels: (points, 2): row and column of each in the level.
        bands: those of the result.
        cut: what is fetched of the tiles.
    """

    source: LevelSource
    z: int
    pixels: NDArray[np.int64]
    bands: list[int]
    cut: Cut

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(points,), True where a point lies inside the level."""
        width, height = self.source.image.size
        rows, cols = self.pixels.T
        return (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)


async def read_points(reader: WindowReader, asked: PointPixels, errors: ErrorHandling) -> Values:
    """Read single pixels of a level; those outside are fill values and not valid."""
    source, pixels, image = asked.source, asked.pixels, asked.source.image
    inside = asked.inside
    data = np.full((len(pixels), len(asked.bands)), image.fill_value).astype(image.dtype)
    mask = inside.copy()
    masks = np.repeat(inside[:, None], len(asked.bands), axis=1)
    for members, empty in _buffers(reader.limits, asked):
        buffers, _ = await reader.fill(source, asked.z, empty, errors)
        for one, own in zip(buffers, members, strict=True):
            data[own], mask[own], masks[own] = _values(source, one, pixels[own])
    return Values(data, mask, inside, masks)


async def plan_points(reader: WindowReader, asked: PointPixels) -> Plan:
    """Return the requests that `read_points` would send; the index is read for it, no pixels."""
    batches = _buffers(reader.limits, asked)
    return add_plans([await reader.plan(asked.source, asked.z, empty) for _, empty in batches])


def _buffers(
    limits: Limits, asked: PointPixels
) -> Iterator[tuple[list[NDArray[np.intp]], list[WindowBuffers]]]:
    """Iterate over batches of tiles: of each the indices of its points, and arrays for its rows.

    Raises:
        LimitError: a tile is too large, or there is no memory for what is read of it.
    """
    source, z, image = asked.source, asked.z, asked.source.image
    grid = image.grid
    tile_bytes = grid.tile_height * grid.tile_width * image.samples * image.dtype.itemsize
    limits.check("tile_bytes", tile_bytes, "decoded bytes of a tile")
    width, height = image.size
    length = grid.tile_width * grid.tile_height * len(asked.bands) * image.dtype.itemsize
    batch_tiles = min(max(BATCH_BYTES // length, 1), BATCH_TILES)
    everything = Area(z, FloatWindow(0, 0, width, height), (height, width))
    request = WindowRequest(everything, asked.bands, "nearest", masked=True, boundless=False)
    fetched = FetchedBands.of(source, request)
    rows = asked.pixels[:, 0]
    for batch in _batches(image, z, asked.pixels, asked.inside, batch_tiles):
        empty = [
            _tile_buffers(source, fetched, tile, rows[members], asked.cut)
            for tile, members in batch.items()
        ]
        yield list(batch.values()), empty


def _batches(
    image: Image, z: int, pixels: NDArray[np.int64], inside: NDArray[np.bool_], length: int
) -> Iterator[dict[Tile, NDArray[np.intp]]]:
    """Iterate over batches of tiles, each tile with the indices of the pixels that it holds."""
    grid = image.grid
    indices = np.flatnonzero(inside)
    ys, xs = (pixels[indices] // (grid.tile_height, grid.tile_width)).T
    keys, members = np.unique(ys * grid.across + xs, return_inverse=True)
    # sorted by tile: those of tile i are `order[stops[i] : stops[i + 1]]`
    order = indices[np.argsort(members, kind="stable")]
    stops = np.concatenate([[0], np.cumsum(np.bincount(members, minlength=len(keys)))])
    for start in range(0, len(keys), length):
        yield {
            Tile(z, int(key) % grid.across, int(key) // grid.across): order[stops[i] : stops[i + 1]]
            for i, key in enumerate(keys[start : start + length], start)
        }


def _tile_buffers(
    source: LevelSource, fetched: FetchedBands, tile: Tile, points: NDArray[np.int64], cut: Cut
) -> WindowBuffers:
    """Allocate the arrays for the rows of a tile from the first to the last that has points.

    Raises:
        LimitError: there is no memory for them.
    """
    grid = source.image.grid
    _, cols = grid.inside(tile.x, tile.y)
    top, rows = int(points.min()), int(np.ptp(points)) + 1
    window = Window(tile.x * grid.tile_width, top, cols, rows)
    try:
        found = WindowBuffers.new(source, tile.z, fetched, window, as_stored=True)
        return found._replace(cut=cut)
    except MemoryError as exc:
        what = f"the pixels of {rows} x {cols} of a tile"
        raise LimitError.no_memory(what) from exc


def _values(
    source: LevelSource, buffers: WindowBuffers, pixels: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return values (n, bands) of pixels (n, 2) of the level; valid pixels (n,), and samples."""
    rows, cols = (pixels - (buffers.window.row_off, buffers.window.col_off)).T
    picked = buffers.pixels[:, None, rows, cols]
    data = picked[: len(buffers.fetched.bands)]
    validity = buffers._replace(pixels=picked, filled=None).validity(source, masked=True)
    if isinstance(validity, KnownValidity):
        bands = None if validity.bands is None else validity.bands[:, None, rows, cols]
        validity = KnownValidity(validity.pixels[None, rows, cols], bands)
    if buffers.filled is not None:
        validity = without(validity, buffers.filled[:, None, rows, cols])
    return data[:, 0].T, validity.mask(data)[0], validity.band_masks(data)[:, 0].T
