"""One level of a pyramid, as users see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine

from tinycog.errors import UnsupportedError
from tinycog.facts import Facts
from tinycog.geo import BoundingBox, bounds_of, res_of
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
        transform, bounds, res: where it lies, by its own size.
    """

    z: int
    image: Image
    has_mask: bool
    facts: Facts

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

    @property
    def transform(self) -> Affine:
        """(col, row) to coordinates (x, y): the identity, scaled, if the file tells none."""
        return self.facts.transform((self.width, self.height))

    @property
    def bounds(self) -> BoundingBox:
        """(left, bottom, right, top) in coordinates."""
        return bounds_of(self.transform, self.width, self.height)

    @property
    def res(self) -> tuple[float, float]:
        """Width and height of a pixel in coordinates."""
        return res_of(self.transform)

    def __repr__(self) -> str:
        """Sizes in words."""
        return described(self.z, self.image)


def described(z: int, image: Image) -> str:
    """A level in a line."""
    try:
        dtype = str(image.dtype)
    except UnsupportedError:
        dtype = "unsupported samples"
    grid = image.grid
    kind = "strips" if grid.strips else "tiles"
    compression = name_of(Compression, image.compression)
    return (
        f"<Level {z}: {image.shape} {dtype}, {grid.down} x {grid.across} {kind}"
        f" of {grid.tile_height} x {grid.tile_width}, {compression}>"
    )
