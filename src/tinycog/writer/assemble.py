"""Blocks of any size, in any order, to whole tiles of a level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.writer.grid import TileGrid, intersection
from tinycog.writer.pixel_source import Region

Samples = NDArray[Any]
"""(rows, cols, samples)."""

Mask = NDArray[np.bool_]
"""(rows, cols), True where a pixel is valid."""

NO_SAMPLES: Samples = np.empty((0, 0, 0), np.uint8)
"""In place of samples that were dropped."""


class RawTile(NamedTuple):
    """A tile of pixels, only those inside the image.

    Attributes:
        level: 0 = full resolution.
        y: its row of tiles.
        x: its column of tiles.
        region: of the level.
        samples: (rows, cols, samples); may be a view.
        valid: which pixels are valid; None = all.
    """

    level: int
    y: int
    x: int
    region: Region
    samples: Samples
    valid: Mask | None

    @property
    def nbytes(self) -> int:
        """Bytes of its pixels."""
        return self.samples.nbytes + (0 if self.valid is None else self.valid.nbytes)


class Pixels(NamedTuple):
    """Pixels of a region of a level.

    Attributes:
        region: of the level.
        samples: (rows, cols, samples); may be a view.
        valid: which pixels are valid; None = all.
    """

    region: Region
    samples: Samples
    valid: Mask | None

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return self.samples.nbytes + (0 if self.valid is None else self.valid.nbytes)


class OpenTile:
    """A tile of which some pixels have come.

    Attributes:
        samples: (rows, cols, samples).
        valid: which pixels are valid; None = all that have come.
        covered: which pixels have come; None = that is not noted.
        left: how many have not.
    """

    __slots__ = ("covered", "left", "samples", "valid")

    def __init__(
        self, samples: Samples, valid: Mask | None, covered: Mask | None, left: int
    ) -> None:
        """Take the arrays."""
        self.samples = samples
        self.valid = valid
        self.covered = covered
        self.left = left

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        arrays = (self.samples, self.valid, self.covered)
        return sum(array.nbytes for array in arrays if array is not None)


class Assembler:
    """Makes whole tiles of a level of blocks that come in any order.

    Attributes:
        grid: the level.
        level: 0 = full resolution.
        wanted: (down, across), the tiles that are made; None = all.
    """

    def __init__(
        self,
        grid: TileGrid,
        level: int,
        samples: int,
        dtype: np.dtype[Any],
        *,
        planar: bool,
        has_valid: bool,
        fill: float | None,
        checked: bool,
        are_lent: bool = False,
    ) -> None:
        """Start without a pixel.

        Args:
            grid: the level.
            level: 0 = full resolution.
            samples: of a pixel.
            dtype: of a sample.
            planar: whether tiles are laid out plane by plane in memory.
            has_valid: whether pixels may be invalid.
            fill: value of samples that never come; None = all come.
            checked: whether a pixel that comes twice is looked for.
            are_lent: whether pixels may be others once all tiles were given: none is a view then.
        """
        self.grid = grid
        self.level = level
        self.wanted: NDArray[np.bool_] | None = None
        self._samples = samples
        self._dtype = dtype
        self._planar = planar
        self._has_valid = has_valid
        self._fill = fill
        self._are_lent = are_lent
        self._open: dict[tuple[int, int], OpenTile] = {}
        self._bytes = 0
        self._done = np.zeros((grid.down, grid.across), np.bool_) if checked else None

    @property
    def nbytes(self) -> int:
        """Bytes of the tiles that are not whole yet."""
        return self._bytes

    def put(self, pixels: Pixels) -> Iterator[RawTile]:
        """Take pixels, and give the tiles that they make whole, one at a time.

        Raises:
            UsageError: a pixel comes a second time.
        """
        for y, x in self._wanted(pixels.region):
            region = self.grid.region(y, x)
            part = intersection(region, pixels.region)
            self._note((y, x), part, is_whole=part == region)
            samples, valid = cut(pixels, part)
            if part == region:
                if self._are_lent:
                    samples, valid = _copied(samples, valid)
                yield RawTile(self.level, y, x, region, samples, valid)
                continue
            tile = self._open.get((y, x))
            if tile is None:
                tile = self._new(region)
                self.restore((y, x), tile)
            self._put_into(tile, region, part, samples, valid)
            if not tile.left:
                yield self._close(y, x)

    def _note(self, place: tuple[int, int], part: Region, *, is_whole: bool) -> None:
        """Note that pixels of a tile come, which must not have come before."""
        if self._done is not None:
            if self._done[place]:
                raise self._twice(part)
            self._done[place] = is_whole
        if is_whole and place in self._open:
            raise self._twice(part)

    def _wanted(self, region: Region) -> Iterator[tuple[int, int]]:
        wanted = self.wanted
        touched = self.grid.touched(region)
        return touched if wanted is None else (place for place in touched if wanted[place])

    def _put_into(
        self, tile: OpenTile, region: Region, part: Region, samples: Samples, valid: Mask | None
    ) -> None:
        rows = slice(part.row - region.row, part.row_stop - region.row)
        cols = slice(part.col - region.col, part.col_stop - region.col)
        if tile.covered is not None:
            if tile.covered[rows, cols].any():
                raise self._twice(part)
            tile.covered[rows, cols] = True
        tile.samples[rows, cols] = samples
        if tile.valid is not None:
            tile.valid[rows, cols] = True if valid is None else valid
        elif valid is not None:
            tile.valid = np.ones(tile.samples.shape[:2], np.bool_)
            tile.valid[rows, cols] = valid
            self._bytes += tile.valid.nbytes
        tile.left -= part.rows * part.cols

    def _new(self, region: Region) -> OpenTile:
        rows, cols = region.rows, region.cols
        if self._planar:
            samples = np.empty((self._samples, rows, cols), self._dtype).transpose(1, 2, 0)
        else:
            samples = np.empty((rows, cols, self._samples), self._dtype)
        valid = None
        if self._fill is not None:
            samples[...] = self._fill
            valid = np.zeros((rows, cols), np.bool_) if self._has_valid else None
        covered = None if self._done is None else np.zeros((rows, cols), np.bool_)
        return OpenTile(samples, valid, covered, rows * cols)

    def lacking(self, y: int, x: int) -> RawTile:
        """Return a tile of which no pixel came, or will."""
        region = self.grid.region(y, x)
        tile = self._new(region)
        return RawTile(self.level, y, x, region, tile.samples, tile.valid)

    def evict(self) -> tuple[tuple[int, int], OpenTile]:
        """Give away the tile that has waited longest, and its (y, x)."""
        place = next(iter(self._open))
        tile = self._open.pop(place)
        self._bytes -= tile.nbytes
        return place, tile

    def restore(self, place: tuple[int, int], tile: OpenTile) -> None:
        """Take a tile that is not whole."""
        self._open[place] = tile
        self._bytes += tile.nbytes

    def rest(self) -> Iterator[RawTile]:
        """Give the tiles that are not whole, filled where pixels never came."""
        for y, x in sorted(self._open):
            yield self._close(y, x)

    def missing(self) -> Region | None:
        """Return the first tile, row by row, that lacks pixels; None if none does."""
        if self._done is None or self._done.all():
            return None
        y, x = np.unravel_index(int(np.argmin(self._done)), self._done.shape)
        return self.grid.region(int(y), int(x))

    @property
    def count_missing(self) -> int:
        """Number of tiles that lack pixels."""
        return 0 if self._done is None else int(self._done.size - np.count_nonzero(self._done))

    def _close(self, y: int, x: int) -> RawTile:
        tile = self._open.pop((y, x))
        self._bytes -= tile.nbytes
        if tile.left and self._fill is None:
            raise AssertionError  # its pixels would be whatever the memory held
        if self._done is not None:
            self._done[y, x] = True
        valid = tile.valid
        if valid is not None and valid.all():
            valid = None
        return RawTile(self.level, y, x, self.grid.region(y, x), tile.samples, valid)

    def _twice(self, part: Region) -> UsageError:
        rows, cols = f"{part.row} to {part.row_stop}", f"{part.col} to {part.col_stop}"
        message = f"pixels of rows {rows}, columns {cols} come a second time: each may come once"
        return UsageError(message)


def _copied(samples: Samples, valid: Mask | None) -> tuple[Samples, Mask | None]:
    return samples.copy(order="K"), None if valid is None else valid.copy()


def cut(pixels: Pixels, part: Region) -> tuple[Samples, Mask | None]:
    """Return the pixels of a part, as views."""
    region = pixels.region
    rows = slice(part.row - region.row, part.row_stop - region.row)
    cols = slice(part.col - region.col, part.col_stop - region.col)
    valid = None if pixels.valid is None else pixels.valid[rows, cols]
    return pixels.samples[rows, cols], valid
