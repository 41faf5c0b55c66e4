"""A tile whose parts are in place, as a `Raster`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinycog.geo.lazy import LazyGeoreference, LevelPlacement
from tinycog.pixels.colouring import Colouring
from tinycog.pixels.mask import Mask
from tinycog.pixels.validity import KnownValidity
from tinycog.raster import Raster
from tinycog.reader.tile_buffer import TileBuffer, tile_window
from tinycog.reader.tile_job import PartResult
from tinycog.reader.validity import filled_pixels, without

if TYPE_CHECKING:
    from tinycog.pixels.account import Losses


def to_raster(
    buffer: TileBuffer, georeference: LazyGeoreference, results: Sequence[PartResult]
) -> Raster:
    """Return the tile, once its parts are in place, with the result of each part."""
    image, tile, pixels, mask, parts, validity = buffer
    window = tile_window(image, tile, pixels.shape)
    if mask is not None:
        validity = KnownValidity(_padded(mask.mask(), pixels.shape))
    elif pixels.shape[1:] != image.grid.inside(tile.x, tile.y):
        inside = np.ones(image.grid.inside(tile.x, tile.y), np.bool_)
        validity = without(validity, ~_padded(inside, pixels.shape))
    flat = tuple(finding for result in results for finding in result.findings)
    bands = range(image.samples)
    filled = filled_pixels(image, bands, window, parts, results)
    validity = without(validity, filled)
    losses = _tile_losses(image.grid.inside(tile.x, tile.y), pixels.shape[1:], filled)
    place = LevelPlacement(georeference, image.size, window)
    colormap = georeference.colormap(image)
    colouring = Colouring.of(image, bands)
    return Raster(
        pixels, tile.z, window, image.nodata, flat, validity, place, colormap, colouring, losses
    )


def _tile_losses(
    inside: tuple[int, int], shape: tuple[int, ...], filled: Mask | None
) -> Losses | None:
    """Return why pixels of a tile hold no sample of the file; None where all do."""
    if inside == shape and filled is None:
        return None
    from tinycog.pixels.account import Loss  # noqa: PLC0415 - few tiles have any

    losses = np.full(shape, Loss.OUTSIDE, np.uint8)
    losses[: inside[0], : inside[1]] = Loss.NONE
    if filled is not None:
        losses[filled.any(axis=0)] = Loss.FAILED
    return losses


def _padded(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return a mask of (bands, rows, cols) pixels; those beyond the image's edge are invalid."""
    if mask.shape == shape[1:]:
        return mask
    padded = np.zeros(shape[1:], np.bool_)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return padded
