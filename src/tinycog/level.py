"""One level of a pyramid, as users see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tinycog.errors import UnsupportedError
from tinycog.geo.lazy import LazyGeoreference
from tinycog.geo.transform import BoundingBox, bounds_of, res_of
from tinycog.pixels.mask import alpha_band
from tinycog.raster import Raster
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression, name_of

if TYPE_CHECKING:  # loads attrs
    from affine import Affine


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
    facts: LazyGeoreference

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

    def as_overview(self, decimation: int, handle: Reads) -> Overview:
        """The same, that can be read."""
        return Overview(self.z, self.image, self.has_mask, self.facts, decimation, handle)

    def __repr__(self) -> str:
        """Sizes in words."""
        return described(self.z, self.image)


class Reads(Protocol):
    """A handle that reads areas."""

    async def read(self, **options: Any) -> Raster:  # noqa: ANN401 - those of `Cog.read`
        """Read an area."""
        ...


@dataclass(frozen=True, repr=False)
class Overview(Level):
    """A level after the first, which can be read by itself.

    Attributes:
        decimation: how many times coarser than level 0 it is, rounded, as rasterio has it.
        handle: who reads it.
    """

    decimation: int
    handle: Reads

    async def read(self, **options: Any) -> Raster:  # noqa: ANN401 - those of `Cog.read`
        """Read an area of it, with the mask: options are those of `Cog.read`, but for `level`."""
        return await self.handle.read(**{"masked": True, **options, "level": self.z})


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


COMPRESS = {
    "CCITT_RLE": "ccittrle",
    "CCITT_T4": "ccittfax3",
    "CCITT_T6": "ccittfax4",
    "OLD_DEFLATE": "deflate",
    "JPEG_2000": "jpeg2000",
    "JPEG_XL": "jxl",
}
"""GDAL's names of compressions, where they are not ours."""

PHOTOMETRIC = {0: "miniswhite", 2: "rgb", 3: "palette", 5: "cmyk", 6: "ycbcr", 8: "cielab"}
"""GDAL's names of photometric interpretations."""


def gdal_compression(image: Image) -> str:
    """What GDAL calls the compression, in lower case."""
    name = name_of(Compression, image.compression).split(" ")[0]
    return COMPRESS.get(name, name.lower())


def gdal_photometric(image: Image) -> str:
    """What GDAL calls the photometric interpretation, in lower case."""
    return PHOTOMETRIC.get(image.photometric, "minisblack")


def mask_flags(colours: Sequence[str], image: Image, *, has_mask: bool) -> list[list[str]]:
    """What tells which pixels of each band are valid, in rasterio's words."""
    flags = ["per_dataset"] if has_mask else ["nodata"]
    if not has_mask and image.nodata is None:
        flags = ["all_valid"]
        if (alpha := alpha_band(image)) is not None:
            of_alpha = ["per_dataset", "alpha"]
            return [flags if band == alpha else of_alpha for band in range(image.samples)]
    return [flags] * len(colours)
