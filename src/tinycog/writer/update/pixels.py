"""Old and new pixels, to the tiles that change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.writer.assemble import Mask, Pixels, RawTile, cut
from tinycog.writer.design import LevelWork
from tinycog.writer.grid import intersection
from tinycog.writer.pixel_source import Region
from tinycog.writer.reduce import BlockReducer
from tinycog.writer.update.region import Place, is_empty, support_of


class NewPixels:
    """Makes the tiles that change, the levels in order; each of a level by itself.

    Attributes:
        tiles: those that were made.
    """

    def __init__(
        self,
        levels: Sequence[LevelWork],
        changed: Sequence[Region],
        block: Pixels,
        old: Mapping[Place, RawTile],
    ) -> None:
        """Take the pixels.

        Args:
            levels: all of them.
            changed: pixels of each that change.
            block: the new ones of level 0.
            old: the tiles that are needed, as they are.
        """
        self.tiles: dict[Place, RawTile] = {}
        self._levels = levels
        self._changed = changed
        self._block = block
        self._old = old

    def make(self, place: Place) -> RawTile:
        """Make a tile of which those of the levels before are there."""
        z, y, x = place
        region = self._levels[z].shape.grid.region(y, x)
        part = intersection(region, self._changed[z])
        made = self._made(z, part)
        if part == region:
            return RawTile(z, y, x, region, made.samples, made.valid)
        old = self._old[place]
        samples: NDArray[Any] = old.samples.copy()
        valid = _merged(old.valid, made.valid, region)
        paste(made, region, samples, valid)
        return RawTile(z, y, x, region, samples, valid)

    def _made(self, z: int, part: Region) -> Pixels:
        """Return new pixels of a part of a level that changes."""
        if not z:
            return Pixels(part, *cut(self._block, part))
        reducer = self._levels[z - 1].reducer
        return reduced(reducer, self._pixels(z - 1, support_of(reducer, part)), part)

    def _pixels(self, z: int, region: Region) -> Pixels:
        """Return pixels of a level, those that change as they will be."""
        shape = self._levels[z].shape
        if not shape.is_stored:
            return self._made(z, region)
        places = [(z, y, x) for y, x in shape.grid.touched(region)]
        return assembled(region, [self.tiles.get(place) or self._old[place] for place in places])


def reduced(reducer: BlockReducer | None, pixels: Pixels, part: Region) -> Pixels:
    """Return a part of the next level, of exactly the pixels that it is made of."""
    if reducer is None:
        raise AssertionError  # the last level has no next one
    return Pixels(part, *reducer.reducer.reduce(pixels.samples, pixels.valid, part))


def assembled(region: Region, tiles: Sequence[RawTile]) -> Pixels:
    """Return the pixels of a region that tiles cover."""
    if len(tiles) == 1:
        return Pixels(region, *cut(Pixels(*tiles[0][3:]), region))
    first = tiles[0].samples
    samples = np.empty((region.rows, region.cols, first.shape[2]), first.dtype)
    valid = None
    if any(tile.valid is not None for tile in tiles):
        valid = np.ones(samples.shape[:2], np.bool_)
    for tile in tiles:
        paste(Pixels(*tile[3:]), region, samples, valid)
    return Pixels(region, samples, valid)


def paste(pixels: Pixels, region: Region, samples: NDArray[Any], valid: Mask | None) -> None:
    """Put pixels into the arrays of a region, as far as they lie in it."""
    part = intersection(pixels.region, region)
    if is_empty(part):
        return
    rows = slice(part.row - region.row, part.row_stop - region.row)
    cols = slice(part.col - region.col, part.col_stop - region.col)
    samples[rows, cols], known = cut(pixels, part)
    if valid is not None:
        valid[rows, cols] = True if known is None else known


def _merged(old: Mask | None, new: Mask | None, region: Region) -> Mask | None:
    """Return a mask that can hold both; None where neither has one."""
    if old is None and new is None:
        return None
    return np.ones((region.rows, region.cols), np.bool_) if old is None else old.copy()


def differing(one: Mapping[Place, RawTile], other: Mapping[Place, RawTile]) -> Iterator[Place]:
    """Iterate over the tiles whose pixels are not the same, bit by bit."""
    for place, tile in one.items():
        if not is_same(Pixels(*tile[3:]), Pixels(*other[place][3:])):
            yield place


def is_same(one: Pixels, other: Pixels) -> bool:
    """Return whether pixels and masks are the same, bit by bit."""
    shape = one.samples.shape[:2]
    masks = [np.ones(shape, np.bool_) if p.valid is None else p.valid for p in (one, other)]
    return one.samples.tobytes() == other.samples.tobytes() and bool((masks[0] == masks[1]).all())
