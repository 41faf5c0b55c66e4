"""The files that are read: made once from fixed seeds, as noisy as pictures are.

The noise is chosen so that Deflate halves the pixels, as it does with satellite scenes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.shutil import copy as copy_raster
from rasterio.transform import from_origin

from .huge import write_huge

os.environ.setdefault("GDAL_CACHEMAX", "1024")
MANY = 8
"""Different small files; 200 names share them."""


@dataclass(frozen=True)
class Recipe:
    """How one file is made."""

    name: str
    side: int = 8192
    bands: int = 1
    dtype: str = "uint16"
    options: dict[str, Any] = field(default_factory=dict)
    tile: int = 512
    mask: bool = False
    planar: bool = False
    seed: int = 7


RECIPES = (
    Recipe("deflate", options={"compress": "deflate", "predictor": 2}),
    Recipe("none", options={"compress": "none"}),
    Recipe("lzw-256", options={"compress": "lzw", "predictor": 2}, tile=256),
    Recipe("zstd-f32", dtype="float32", options={"compress": "zstd", "predictor": 3}),
    Recipe("jpeg-mask", bands=3, dtype="uint8", options={"compress": "jpeg"}, mask=True),
    Recipe("bands-10", 4096, bands=10, options={"compress": "deflate", "predictor": 2}),
    Recipe("planar-4", 4096, bands=4, options={"compress": "deflate", "predictor": 2}, planar=True),
    Recipe("planar-4-plain", 4096, bands=4, options={"compress": "deflate"}, planar=True),
    Recipe("webp", 4096, bands=3, dtype="uint8", options={"compress": "webp"}),
    Recipe("lerc-f32", 4096, dtype="float32", options={"compress": "lerc", "max_z_error": 0.01}),
    *(
        Recipe(f"many-{i}", 2048, options={"compress": "deflate", "predictor": 2}, seed=100 + i)
        for i in range(MANY)
    ),
)


def make_all(root: Path, names: set[str]) -> None:
    """Make those of the files that are not there yet."""
    root.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[Path], None]] = {
        recipe.name: partial(make_file, recipe) for recipe in RECIPES
    }
    makers["huge"] = write_huge
    for name in sorted(names):
        path = root / f"{name}.tif"
        if path.exists():
            continue
        began = time.perf_counter()
        unfinished = path.with_suffix(".part.tif")
        makers[name](unfinished)
        unfinished.rename(path)
        seconds, size = time.perf_counter() - began, path.stat().st_size / 1e6
        print(f"made {path.name}: {size:.0f} MB in {seconds:.0f} s", flush=True)


def make_pixels(recipe: Recipe) -> NDArray[Any]:
    """Terrain with as much noise as pictures have, (bands, rows, cols)."""
    y = np.arange(recipe.side, dtype="float32")[:, None] / recipe.side
    x = y.reshape(1, -1)
    smooth = np.sin(9 * x) + np.cos(7 * y) + np.sin(40 * x * y)
    span, noise = {"uint8": (40, 0.3), "uint16": (4000, 0.003)}.get(recipe.dtype, (300.0, 0.02))
    rng = np.random.default_rng(recipe.seed)
    pixels = np.empty((recipe.bands, recipe.side, recipe.side), recipe.dtype)
    grain = rng.standard_normal(smooth.shape, dtype="float32")
    for i, band in enumerate(pixels):
        if recipe.dtype != "uint8":  # a picture's grain is grey, a scene's bands are different
            grain = rng.standard_normal(smooth.shape, dtype="float32")
        # what does not fit would not be the same on every machine
        values = (smooth * (1 - i / 12) + 3.2 + noise * grain) * span
        band[:] = np.clip(values, 0, 255 if recipe.dtype == "uint8" else 65535)
    return pixels


def make_file(recipe: Recipe, path: Path) -> None:
    """Write pixels without compression to memory, then let GDAL copy them into a COG."""
    shape = {"width": recipe.side, "height": recipe.side, "count": recipe.bands}
    place = {"crs": CRS.from_epsg(3857), "transform": from_origin(500_000, 6_000_000, 10, 10)}
    interleave = "band" if recipe.planar else "pixel"
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_NUM_THREADS=2),
        MemoryFile() as memory,
    ):
        with memory.open(
            driver="GTiff",
            dtype=recipe.dtype,
            interleave=interleave,
            bigtiff="yes",
            **shape,
            **place,
        ) as dataset:
            dataset.write(make_pixels(recipe))
            if recipe.mask:
                dataset.write_mask(_ellipse(recipe.side))
            if recipe.planar:
                dataset.build_overviews([2, 4, 8], Resampling.average)
        with memory.open() as dataset:
            copy_raster(dataset, path, **_creation(recipe))


def _creation(recipe: Recipe) -> dict[str, Any]:
    common = {"num_threads": 2, "bigtiff": "no", **recipe.options}
    if not recipe.planar:
        if "predictor" in common:
            common["predictor"] = {2: "standard", 3: "floating_point"}[common["predictor"]]
        return {"driver": "COG", "blocksize": recipe.tile, "resampling": "average", **common}
    # This GDAL's COG driver knows no bands apart.
    tiling = {"tiled": True, "blockxsize": recipe.tile, "blockysize": recipe.tile}
    return {
        "driver": "GTiff",
        "interleave": "band",
        "copy_src_overviews": True,
        **tiling,
        **common,
    }


def _ellipse(side: int) -> NDArray[np.bool_]:
    y, x = np.ogrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return np.asarray(x * x + y * y < 1.7)
