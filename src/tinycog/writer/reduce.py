"""Tiles of a level, with what lies around them, to blocks of the next level."""

from __future__ import annotations

from tinycog.pixels.overviews.reducer import Reducer
from tinycog.writer.assemble import Pixels
from tinycog.writer.halos import Margins
from tinycog.writer.pixel_source import Region


class BlockReducer:
    """Makes blocks of the next level.

    Attributes:
        reducer: how.
        margins: which pixels it needs around a tile.
    """

    def __init__(self, reducer: Reducer) -> None:
        """Take a reducer."""
        self.reducer = reducer
        (above, below), (left, right) = reducer.margins
        self.margins = Margins(above, below, left, right)

    def block(self, around: Pixels, region: Region) -> Pixels:
        """Return the pixels of the next level that those of a region give."""
        block = self.reducer.made_of(region)
        need = Region(*self.reducer.support(block))
        rows = slice(need.row - around.region.row, need.row_stop - around.region.row)
        cols = slice(need.col - around.region.col, need.col_stop - around.region.col)
        valid = None if around.valid is None else around.valid[rows, cols]
        samples, left = self.reducer.reduce(around.samples[rows, cols], valid, block)
        return Pixels(Region(*block), samples, left)
