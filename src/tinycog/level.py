"""Levels of a pyramid, and the overviews, which can be read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from tinycog.argument_types import ReadOptions
from tinycog.errors import UnsupportedError
from tinycog.geo.lazy import LazyGeoreference
from tinycog.image_facts import ImageFacts
from tinycog.pixels.mask import MaskFacts
from tinycog.raster import Raster
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression, name_of
from tinycog.tracebacks import short_tracebacks

if TYPE_CHECKING:
    from affine import Affine


@short_tracebacks
@dataclass(frozen=True, repr=False)
class Level(ImageFacts):
    """One level of the pyramid.

    Attributes:
        z: index of the level, 0 = full resolution.
        image: facts of its IFD that decoding needs.
        has_mask: True if the file holds a transparency mask for the level.
    """

    z: int
    image: Image
    has_mask: bool
    _georeference: LazyGeoreference

    def _described(self) -> Image:
        return self.image

    @property
    def tile_shape(self) -> tuple[int, int]:
        """(rows, cols) of a stored tile; a strip is as wide as the image."""
        return (self.image.grid.tile_height, self.image.grid.tile_width)

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, cols) of tiles: y is 0 to grid[0] - 1, x is 0 to grid[1] - 1."""
        return (self.image.grid.down, self.image.grid.across)

    @property
    def compression(self) -> str:
        """Name and code of the compression, as in spec/compressions.csv."""
        return name_of(Compression, self.image.compression)

    @property
    def transform(self) -> Affine:
        """Affine transform from (col, row) of this level to coordinates (x, y).

        That of level 0, scaled; the identity, scaled, if the file has none.
        """
        return self._georeference.transform((self.width, self.height))

    def __repr__(self) -> str:
        """Return index, shape, dtype, tiling and compression in a line."""
        return describe(self.z, self.image)


LevelReader = Callable[[int, ReadOptions], Awaitable[Raster]]
"""Reads an area of the level of an index."""


@short_tracebacks
@dataclass(frozen=True, repr=False)
class Overview(Level):
    """A level after the first, which can be read by itself.

    Attributes:
        decimation: how many times coarser than level 0, rounded, as in rasterio.
    """

    decimation: int
    _reader: LevelReader

    async def read(self, **options: Unpack[ReadOptions]) -> Raster:
        """Read an area of this level, by default all of it and with its mask.

        Options, errors and cost are those of `Cog.read`; `masked` is True unless given.
        """
        with_mask: ReadOptions = {"masked": True, **options}
        return await self._reader(self.z, with_mask)


def describe_samples(image: Image) -> tuple[str | None, int | float | None]:
    """Return the names of dtype and nodata; None for both where no numpy type holds the samples."""
    try:
        return str(image.dtype), image.nodata
    except UnsupportedError:
        return None, None


def describe(z: int, image: Image) -> str:
    """Return a line about a level."""
    dtype = describe_samples(image)[0] or "unsupported samples"
    grid = image.grid
    kind = "strips" if grid.strips else "tiles"
    compression = name_of(Compression, image.compression)
    return (
        f"<Level {z}: {image.shape} {dtype}, {grid.down} x {grid.across} {kind}"
        f" of {grid.tile_height} x {grid.tile_width}, {compression}>"
    )


GDAL_COMPRESSIONS = {
    "CCITT_RLE": "ccittrle",
    "CCITT_T4": "ccittfax3",
    "CCITT_T6": "ccittfax4",
    "OLD_DEFLATE": "deflate",
    "JPEG_2000": "jpeg2000",
    "JPEG_XL": "jxl",
}
"""GDAL's names of compressions, where they differ from those in spec/compressions.csv."""

GDAL_PHOTOMETRICS = {
    0: "miniswhite",
    2: "rgb",
    3: "palette",
    5: "cmyk",
    6: "ycbcr",
    8: "cielab",
}
"""GDAL's names of photometric interpretations; all others are "minisblack"."""


def gdal_compression(image: Image) -> str:
    """Return GDAL's name of the compression, in lower case."""
    name = name_of(Compression, image.compression).split(" ")[0]
    return GDAL_COMPRESSIONS.get(name, name.lower())


def gdal_photometric(image: Image) -> str:
    """Return GDAL's name of the photometric interpretation, in lower case."""
    return GDAL_PHOTOMETRICS.get(image.photometric, "minisblack")


def mask_flags(facts: MaskFacts, count: int, *, has_mask: bool) -> list[list[str]]:
    """Return rasterio's mask flags of each of `count` bands: where its validity comes from."""
    if has_mask:
        flags = ["per_dataset"]
    elif facts.nodata_values is not None:
        flags = ["per_dataset", "nodata"]
    elif facts.nodata is not None:  # alpha is in its shadow
        flags = ["nodata"]
    elif facts.alpha is not None:
        flags = ["per_dataset", "alpha"]
        return [["all_valid"] if band == facts.alpha else flags for band in range(count)]
    else:
        flags = ["all_valid"]
    return [flags] * count
