"""What gives the pixels that are written: blocks, each pixel once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tinycog.geo.written_facts import WrittenFacts


class Region(NamedTuple):
    """A rectangle of pixels: first row and column, and those behind the last (half-open)."""

    row: int
    col: int
    row_stop: int
    col_stop: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.row_stop - self.row

    @property
    def cols(self) -> int:
        """Number of columns."""
        return self.col_stop - self.col


class PixelBlock(NamedTuple):
    """Pixels of a rectangle of the image.

    Attributes:
        row: first row.
        col: first column.
        pixels: (bands, rows, cols), in native byte order; may be a view of what the caller has.
        valid: (rows, cols), which pixels are valid; None = the source does not say.
        lost: (band, row, col) in the block of the first sample that is valid by the source's word,
            but is read as nodata.
    """

    row: int
    col: int
    pixels: NDArray[Any]
    valid: NDArray[np.bool_] | None = None
    lost: tuple[int, int, int] | None = None


class PixelSource(Protocol):
    """Pixels of an image, each given once.

    Attributes:
        bands: number of bands.
        rows: number of rows.
        cols: number of columns.
        dtype: of the pixels, in native byte order.
        facts: what is written besides its pixels: the caller's word, else the source's.
        has_valid: whether its blocks say which pixels are valid; None = that shows when they come.
        is_asked: whether `blocks` gives the regions that it is asked for, in that order; otherwise
            blocks come in sizes of the source's own.
        chunk: (rows, cols) in which it is read best: regions that are multiples of it, from the
            first pixel on, read nothing twice; (1, 1) where any region does.
        origin: (row, col) of the first pixel in its chunk: regions end so many pixels before
            multiples of `chunk`.
        memory: bytes that it holds at most, besides the block that it gave last.
        copies: whether a block takes memory of its own.
        lends: whether the arrays of a block may hold other pixels when the next one is asked for.
        generation: name of what the pixels are read of, another one if they change; None = there is
            none.
    """

    bands: int
    rows: int
    cols: int
    dtype: np.dtype[Any]
    facts: WrittenFacts
    has_valid: bool | None
    is_asked: bool
    chunk: tuple[int, int]
    origin: tuple[int, int]
    memory: int
    copies: bool
    lends: bool
    generation: str | None

    def blocks(self, regions: Iterable[Region]) -> AsyncGenerator[PixelBlock, None]:
        """Give the pixels of `regions` in that order, a block each, or all if it `is_asked` not.

        What is not asked takes `regions` for the order in which its blocks are wanted, if it can
        choose; they cover the image. The next block is asked for when the last one is used up:
        memory is the caller's bound. The caller closes the generator (`aclose`), also before its
        end: nothing of the source runs after that.

        Raises:
            UsageError: a block is not what was said of it; it names the block.
        """
        ...
