"""Small files of encoded tiles, and what readers make of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import tifffile
from rasterio.io import MemoryFile

import tinycog
from tinycog.encode.tile import TileEncoder, make_encoder
from tinycog.encode.tile_format import CodecOptions, TileFormat
from tinycog.testing import Directory, Field, Places, make_tiff
from tinycog.tiff.spec import Compression, Tag

ROWS, COLS = 32, 48
IMAGE = (40, 70)
"""Rows and columns of a tile, and of an image of two by two tiles that reach beyond it."""


def encoder(codec: str, dtype: str = "uint8", samples: int = 1, **others: Any) -> TileEncoder:
    """An encoder; options of the codec and fields of the format by name."""
    of_format = TileFormat.__dataclass_fields__
    options = {name: others.pop(name) for name in list(others) if name not in of_format}
    return make_encoder(
        TileFormat(
            **{"rows": ROWS, "cols": COLS, **others},
            dtype=np.dtype(dtype),
            samples=samples,
            compression=Compression[codec],
            options=CodecOptions(**options),
        )
    )


def file_of(made: TileEncoder, pixels: np.ndarray, photometric: int = 1, alpha: int = 0) -> bytes:
    """A TIFF of (bands, rows, cols)."""
    about = made.format
    bands, rows, cols = pixels.shape
    tiles = [
        made.encode(plane.transpose(1, 2, 0)[top : top + about.rows, left : left + about.cols])
        for plane in pixels.reshape(about.planes, about.samples, rows, cols)
        for top in range(0, rows, about.rows)
        for left in range(0, cols, about.cols)
    ]
    fields = [
        Field(Tag.ImageWidth, "LONG", cols),
        Field(Tag.ImageLength, "LONG", rows),
        Field(Tag.PhotometricInterpretation, "SHORT", photometric),
        Field(Tag.SamplesPerPixel, "SHORT", bands),
        Field(Tag.PlanarConfiguration, "SHORT", 2 if about.planes > 1 else 1),
        Field(Tag.TileWidth, "LONG", about.cols),
        Field(Tag.TileLength, "LONG", about.rows),
        Field(Tag.TileOffsets, "OFFSET", Places.TILES),
        Field(Tag.TileByteCounts, "LONG", [len(tile) for tile in tiles]),
        *(Field(*field) for field in made.fields),
    ]
    extra = bands - (3 if photometric in (2, 6) else 1)
    if extra > 0:
        fields.append(Field(Tag.ExtraSamples, "SHORT", [alpha] * extra))
    return make_tiff([Directory((), tiles).having(*fields)], byte_order=about.byte_order)


async def read(file: bytes) -> np.ndarray:
    """As tinycog reads it, (bands, rows, cols)."""
    async with tinycog.open(file) as cog:
        return (await cog.read()).data


def read_by_gdal(file: bytes) -> np.ndarray:
    """As GDAL reads it, (bands, rows, cols)."""
    with MemoryFile(file) as memory, memory.open() as dataset:
        return dataset.read()


def read_by_tifffile(file: bytes) -> np.ndarray:
    """As tifffile reads it, (bands, rows, cols)."""
    with tifffile.TiffFile(io.BytesIO(file)) as tif:
        page: Any = tif.pages[0]
        pixels = page.asarray()
        if pixels.ndim == 2:
            return pixels[None]
        return pixels if page.planarconfig == 2 else pixels.transpose(2, 0, 1)
