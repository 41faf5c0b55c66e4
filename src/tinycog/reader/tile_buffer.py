"""A tile on its way to a `Raster`: its arrays, what fills them, and what says which are valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tinycog.limits import Limits
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.validity import Validity, ValidityOfPixels
from tinycog.reader.level_source import LevelSource
from tinycog.reader.tile_parts import (
    TilePart,
    new_pixels,
    parts_to_plan,
    tile_parts,
    tile_shape,
)
from tinycog.reader.validity import NOT_ASKED, NOT_WALKED, MaskBuffer
from tinycog.tiff.image import Image
from tinycog.window import Tile, Window

if TYPE_CHECKING:
    from tinycog.reader.read_tile import TileOptions


class TileBuffer(NamedTuple):
    """A tile on its way to a `Raster`.

    Attributes:
        image: the level.
        tile: its z, x, y.
        pixels: the array that it is decoded into, (bands, rows, cols).
        mask: the array of its mask image, None where it has none or none is wanted.
        parts: what fills both arrays.
        validity: what says which pixels are valid, where no mask image does.
    """

    image: Image
    tile: Tile
    pixels: Pixels
    mask: MaskBuffer | None
    parts: list[TilePart]
    validity: Validity

    @classmethod
    def new(
        cls, source: LevelSource, tile: Tile, limits: Limits, options: TileOptions
    ) -> TileBuffer:
        """Allocate the arrays of a tile, not filled.

        Raises:
            TileIndexError: there is no such tile.
            LimitError: it is larger than `limits.tile_bytes`, or there is no memory for it.
        """
        image = source.image
        shape = tile_shape(image, tile, padded=options.padded)
        stored = image.samples * image.grid.stored_rows(tile.y) * image.grid.tile_width
        limits.check("tile_bytes", stored * image.dtype.itemsize, "decoded bytes of a tile")
        limits.check("tiles", image.grid.planes, "stored tiles of one read")
        pixels = new_pixels(image, shape)
        parts = tile_parts(image, tile, pixels)
        mask = tile_mask(source, tile, options.masked)
        if mask is not None:
            limits.check("result_bytes", mask.samples.nbytes, "bytes of the mask of a tile")
            parts += mask.parts()
        if options.masked is False:
            validity: Validity = NOT_ASKED
        elif source.mask.is_known:
            validity = ValidityOfPixels(source.mask_facts, range(image.samples))
        else:
            validity = NOT_WALKED
        return cls(image, tile, pixels, mask, parts, validity)


def tile_window(image: Image, tile: Tile, shape: tuple[int, ...]) -> Window:
    """Return the pixels of a level that a tile of (bands, rows, cols) covers."""
    grid = image.grid
    return Window(tile.x * grid.tile_width, tile.y * grid.tile_height, shape[2], shape[1])


def tile_mask(
    source: LevelSource,
    tile: Tile,
    masked: bool | None,  # noqa: FBT001 - as given by the caller
    *,
    planned: bool = False,
) -> MaskBuffer | None:
    """Allocate the array of a tile's mask image; None where it has none or none is wanted."""
    if masked is False or source.mask.source is None:
        return None
    image = source.image
    rows, cols = image.grid.inside(tile.x, tile.y)
    window = tile_window(image, tile, (image.samples, rows, cols))
    return MaskBuffer.new(source.mask.source, tile.z, image.size, window, planned=planned)


def tile_plan(
    source: LevelSource,
    tile: Tile,
    masked: bool | None,  # noqa: FBT001 - as given by the caller
) -> list[TilePart]:
    """Return the parts of a tile and of its mask, which are located, but not decoded."""
    mask = tile_mask(source, tile, masked, planned=True)
    return [*parts_to_plan(source.image, tile), *(() if mask is None else mask.parts())]
