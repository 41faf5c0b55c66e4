"""What gives the pixels that are written: blocks, each once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
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
        pixels: (bands, rows, cols), in native byte order; may be a view.
        valid: (rows, cols), which pixels are valid; None = the source says nothing of it.
    """

    row: int
    col: int
    pixels: NDArray[Any]
    valid: NDArray[np.bool_] | None = None


class PixelSource(Protocol):
    """Pixels of an image, each given once.

    Attributes:
        bands: number of bands.
        rows: number of rows.
        cols: number of columns.
        dtype: of the pixels, in native byte order.
        facts: what the source tells besides its pixels.
        has_valid: whether its blocks say which pixels are valid.
        is_asked: whether `blocks` gives the regions that it is asked for, in that order; otherwise
            blocks come in an order and in sizes of the source's own.
        chunk: (rows, cols) in which it is read best: regions that are multiples of it, from the
            first pixel on, read nothing twice; (1, 1) where any region does.
    """

    bands: int
    rows: int
    cols: int
    dtype: np.dtype[Any]
    facts: WrittenFacts
    has_valid: bool
    is_asked: bool
    chunk: tuple[int, int]

    def blocks(self, regions: Iterable[Region]) -> AsyncIterator[PixelBlock]:
        """Give the pixels of `regions` in that order, a block each, or all if it `is_asked` not.

        The next block is asked for when the last one is used up: memory is the caller's bound.
        """
        ...
