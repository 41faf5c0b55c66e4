"""One level of a pyramid, as users see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinycog.errors import UnsupportedError
from tinycog.image import Image
from tinycog.spec import Compression, name_of


@dataclass(frozen=True)
class Level:
    """One level of the pyramid.

    Attributes:
        z: its index, 0 = full resolution.
        width, height: in pixels.
        count: number of bands.
        tile_shape: (rows, cols) of a tile; strips are as wide as the image.
        grid: (rows, cols) of tiles: y goes from 0 to grid[0] - 1, x from 0 to grid[1] - 1.
        compression: name and code, as spec/compressions.csv has them.
        has_mask: whether the file holds a transparency mask for it.
    """

    z: int
    image: Image
    has_mask: bool

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self.image.grid.width

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.image.grid.height

    @property
    def count(self) -> int:
        """Number of bands."""
        return self.image.samples

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, rows, cols)."""
        return self.image.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels as arrays.

        Raises:
            UnsupportedError: no numpy type holds such samples.
        """
        return self.image.dtype

    @property
    def tile_shape(self) -> tuple[int, int]:
        """(rows, cols) of a stored tile."""
        return (self.image.grid.tile_height, self.image.grid.tile_width)

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, cols) of tiles."""
        return (self.image.grid.down, self.image.grid.across)

    @property
    def nodata(self) -> int | float | None:
        """The value that means "no data", or None."""
        return self.image.nodata

    @property
    def compression(self) -> str:
        """Name and code of the compression."""
        return name_of(Compression, self.image.compression)

    def __repr__(self) -> str:
        """Sizes in words."""
        try:
            dtype = str(self.dtype)
        except UnsupportedError:
            dtype = "unsupported samples"
        kind = "strips" if self.image.grid.strips else "tiles"
        return (
            f"<Level {self.z}: {self.shape} {dtype}, {self.grid[0]} x {self.grid[1]} {kind}"
            f" of {self.tile_shape[0]} x {self.tile_shape[1]}, {self.compression}>"
        )
