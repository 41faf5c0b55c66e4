"""Whole files, all levels, as tinycog, GDAL and tifffile read them."""

from __future__ import annotations

import asyncio
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import tifffile
from numpy.typing import NDArray

import tinycog
from conformance.by_gdal import ENV

Pixels = NDArray[np.generic]

LIMITS = tinycog.Limits(unsafe_codecs=True)

RAW = ("cmyk", "cielab")
"""Photometrics that GDAL turns into RGBA unless it is asked not to."""


@dataclass(frozen=True)
class Read:
    """What a reader made of a file: its levels, or why it has none."""

    levels: tuple[Pixels, ...] = ()
    error: BaseException | None = None
    nodata: float | None = None
    masked: tuple[bool, ...] = ()


def read_tinycog(path: Path) -> Read:
    """All levels, by the public API."""
    try:
        return asyncio.run(_read_tinycog(path))
    except Exception as error:  # noqa: BLE001 - what leaks is what we look for
        return Read(error=error)


async def _read_tinycog(path: Path) -> Read:
    async with tinycog.open(path, limits=LIMITS) as cog:
        levels = [await _read_level(cog, level) for level in cog.levels]
        masked = tuple(level.has_mask for level in cog.levels)
        return Read(tuple(levels), None, cog.levels[0].nodata, masked)


async def _read_level(cog: tinycog.Cog, level: tinycog.Level) -> Pixels:
    pixels = np.zeros(level.shape, level.dtype)
    down, across = level.grid
    tiles = [(level.z, x, y) for y in range(down) for x in range(across)]
    for raster in await cog.read_tiles(tiles):
        at = raster.window
        assert raster.data.dtype == level.dtype
        rows = slice(at.row_off, at.row_off + at.height)
        pixels[:, rows, at.col_off : at.col_off + at.width] = raster.data
    return pixels


def read_gdal(path: Path, photometric: str) -> Read:
    """All levels, as rasterio gives them."""
    os.environ.update(ENV)
    where = f"GTIFF_RAW:{path}" if photometric in RAW else str(path)
    levels: list[Any] = []
    try:
        with warnings.catch_warnings(), rasterio.Env(**ENV):
            warnings.simplefilter("ignore")
            with rasterio.open(where) as dataset:
                levels.append(dataset.read())
                nodata, count = dataset.nodata, len(dataset.overviews(1))
            for i in range(count):
                with rasterio.open(path, OVERVIEW_LEVEL=i) as dataset:
                    levels.append(dataset.read())
    except Exception as error:  # noqa: BLE001 - any failure is an answer
        return Read(error=error)
    return Read(tuple(levels), None, nodata)


def read_tifffile(path: Path) -> Read:
    """The first page and its reduced versions, in the chain or as SubIFDs."""
    try:
        with warnings.catch_warnings(), tifffile.TiffFile(path) as tif:
            warnings.simplefilter("ignore")
            first: Any = tif.pages[0]
            others = [*(first.pages or ()), *tif.pages[1:]]
            reduced = [page for page in others if page.subfiletype & 5 == 1]
            return Read(tuple(_read_page(page) for page in [first, *reduced]))
    except Exception as error:  # noqa: BLE001 - any failure is an answer
        return Read(error=error)


def _read_page(page: Any) -> Pixels:
    data = page.asarray().reshape(page.shaped)
    separate, _, rows, cols, contiguous = data.shape
    return data[:, 0].transpose(0, 3, 1, 2).reshape(separate * contiguous, rows, cols)
