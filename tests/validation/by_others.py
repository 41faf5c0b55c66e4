"""Files by other writers, as they are made every day: GDAL, rio-cogeo, odc-geo, tifffile."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class MadeByOthers(NamedTuple):
    """A file, and how it was made.

    Attributes:
        name: maker and options.
        options: what was asked for.
        path: where it lies until the next is made.
    """

    name: str
    options: dict[str, Any]
    path: Path


PLACES: dict[str, Any] = {
    "north-up": (10.0, 0.0, 5e5, 0.0, -10.0, 6e6),
    "rotated": (8.0, 6.0, 5e5, 6.0, -8.0, 6e6),
}

SIZES = ((700, 900), (512, 1100), (1300, 600), (64, 40), (1025, 1025), (300, 2000))


def _pixels(rng: random.Random, rows: int, cols: int, bands: int, dtype: str) -> Any:
    ramp = np.add.outer(np.arange(rows), np.arange(cols)) % 250
    noise = np.random.default_rng(rng.randrange(1 << 30)).integers(0, 4, (bands, rows, cols))
    return (ramp + noise).astype(dtype)


def _codec(rng: random.Random, dtype: str, bands: int) -> dict[str, str]:
    codecs = ["NONE", "LZW", "DEFLATE", "ZSTD", "LZMA", "LERC", "LERC_DEFLATE", "LERC_ZSTD"]
    if dtype == "uint8":
        codecs += ["JPEG"] if bands in (1, 3) else []
        codecs += ["WEBP"] if bands in (3, 4) else []
    options = {"COMPRESS": rng.choice(codecs)}
    if options["COMPRESS"] in ("LZW", "DEFLATE", "ZSTD"):
        options["PREDICTOR"] = rng.choice(["NO", "YES"])
        options["LEVEL"] = rng.choice(["6", "9"])
    if options["COMPRESS"] == "LZW":
        del options["LEVEL"]
    return options


def by_gdal(folder: Path, count: int = 100) -> Iterator[MadeByOthers]:
    """Files of GDAL's COG driver, each with other options."""
    import rasterio  # noqa: PLC0415 - a peer
    from rasterio.io import MemoryFile  # noqa: PLC0415
    from rasterio.shutil import copy  # noqa: PLC0415
    from rasterio.transform import Affine  # noqa: PLC0415

    rng = random.Random(7)  # noqa: S311 - always the same
    for i in range(count):
        rows, cols = rng.choice(SIZES)
        bands = rng.choice([1, 1, 3, 4])
        dtype = rng.choice(["uint8", "uint8", "uint16", "int16", "float32", "float64"])
        options = _codec(rng, dtype, bands)
        options["BLOCKSIZE"] = rng.choice(["128", "256", "512", "1024"])
        options["OVERVIEWS"] = rng.choice(["AUTO", "AUTO", "AUTO", "NONE"])
        options["BIGTIFF"] = rng.choice(["NO", "NO", "YES"])
        options["SPARSE_OK"] = rng.choice(["NO", "YES"])
        options["STATISTICS"] = rng.choice(["AUTO", "YES"])
        if bands > 1 and options["COMPRESS"] not in ("WEBP", "JPEG"):
            options["INTERLEAVE"] = rng.choice(["PIXEL", "BAND", "TILE"])
        if rng.random() < 0.15:
            options["TILING_SCHEME"] = "GoogleMapsCompatible"
            options.pop("INTERLEAVE", None)
        place = rng.choice(["north-up", "north-up", "north-up", "rotated"])
        nodata = rng.choice([None, None, 0])
        is_masked = nodata is None and rng.random() < 0.4 and bands < 4
        shape: dict[str, Any] = {"height": rows, "width": cols, "count": bands, "dtype": dtype}
        path = folder / "made.tif"
        path.unlink(missing_ok=True)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
            with memory.open(
                driver="GTiff",
                crs="EPSG:32633",
                transform=Affine(*PLACES[place]),
                nodata=nodata,
                **shape,
            ) as dataset:
                dataset.write(_pixels(rng, rows, cols, bands, dtype))
                if is_masked:
                    mask = np.full((rows, cols), 255, np.uint8)
                    mask[: rows // 3, : cols // 2] = 0
                    dataset.write_mask(mask)
            with memory.open() as dataset:
                copy(dataset, path, driver="COG", **options)
        told = {**options, "place": place, "mask": is_masked, "size": (cols, rows), "dtype": dtype}
        yield MadeByOthers(f"gdal-{i}", {**told, "bands": bands, "nodata": nodata}, path)


def by_rio_cogeo(folder: Path) -> Iterator[MadeByOthers]:
    """Files of `rio cogeo create`, by each of its profiles."""
    import rasterio  # noqa: PLC0415 - a peer
    from rasterio.io import MemoryFile  # noqa: PLC0415
    from rasterio.transform import Affine  # noqa: PLC0415
    from rio_cogeo.cogeo import (  # pyright: ignore[reportMissingImports] # noqa: PLC0415
        cog_translate,
    )
    from rio_cogeo.profiles import (  # pyright: ignore[reportMissingImports] # noqa: PLC0415
        cog_profiles,
    )

    rng = random.Random(8)  # noqa: S311 - always the same
    for name in cog_profiles:
        for is_web in (False, True):
            path = folder / "made.tif"
            path.unlink(missing_ok=True)
            pixels = _pixels(rng, 700, 1100, 3, "uint8")
            with MemoryFile() as memory, rasterio.Env():
                with memory.open(
                    driver="GTiff",
                    height=700,
                    width=1100,
                    count=3,
                    dtype="uint8",
                    crs="EPSG:32633",
                    transform=Affine(*PLACES["north-up"]),
                ) as dataset:
                    dataset.write(pixels)
                try:
                    cog_translate(
                        memory.name,
                        path,
                        cog_profiles.get(name),
                        web_optimized=is_web,
                        quiet=True,
                        in_memory=True,
                    )
                except Exception:  # noqa: BLE001, S112 - a codec that this GDAL was built without
                    continue
            options = {"COMPRESS": name.upper(), "web": is_web, "place": "north-up"}
            yield MadeByOthers(f"rio-cogeo-{name}-{is_web}", options, path)


def by_odc_geo(folder: Path) -> Iterator[MadeByOthers]:
    """Files of odc-geo: by GDAL, and by its own writer over dask."""
    import odc.geo.xr  # noqa: F401, PLC0415 # pyright: ignore[reportUnusedImport]
    import xarray as xr  # noqa: PLC0415
    from odc.geo.cog import save_cog_with_dask, write_cog  # noqa: PLC0415
    from odc.geo.geobox import GeoBox  # noqa: PLC0415
    from odc.geo.xr import wrap_xr  # noqa: PLC0415

    rng = random.Random(9)  # noqa: S311 - always the same
    for dtype in ("uint8", "int16", "float32"):
        for blocksize in (256, 512):
            box = GeoBox.from_bbox((5e5, 5.99e6, 5.11e5, 6e6), crs="EPSG:32633", resolution=10)
            rows, cols = box.shape
            pixels = _pixels(rng, rows, cols, 1, dtype)[0]
            array: xr.DataArray = wrap_xr(pixels, box, nodata=0)
            options = {"COMPRESS": "DEFLATE", "place": "north-up", "dtype": dtype}
            path = folder / "made.tif"
            path.unlink(missing_ok=True)
            write_cog(array, path, blocksize=blocksize)
            yield MadeByOthers(f"odc-geo-{dtype}-{blocksize}", options, path)
            path.unlink(missing_ok=True)
            chunked = array.chunk({"y": 512, "x": 512})
            save_cog_with_dask(chunked, str(path), blocksize=blocksize).compute()
            yield MadeByOthers(f"odc-geo-dask-{dtype}-{blocksize}", options, path)


def by_tifffile(folder: Path) -> Iterator[MadeByOthers]:
    """Files of tifffile, with overviews as pages and as SubIFDs."""
    import tifffile  # noqa: PLC0415 - a peer

    rng = random.Random(10)  # noqa: S311 - always the same
    geo = [
        (33550, "d", 3, (10.0, 10.0, 0.0)),
        (33922, "d", 6, (0.0, 0.0, 0.0, 5e5, 6e6, 0.0)),
        (34735, "H", 16, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)),
    ]
    for dtype in ("uint8", "uint16", "float32"):
        for subs in (0, 2):
            for bigtiff in (False, True):
                order = ">" if bigtiff else "<"
                pixels = _pixels(rng, 1024, 1024, 1, dtype)[0]
                path = folder / "made.tif"
                options: dict[str, Any] = {"tile": (256, 256), "compression": "zlib"}
                with tifffile.TiffWriter(path, bigtiff=bigtiff, byteorder=order) as file:
                    file.write(pixels, subifds=subs or None, extratags=geo, **options)
                    for factor in (2, 4):
                        file.write(pixels[::factor, ::factor], subfiletype=1, **options)
                told = {"COMPRESS": "DEFLATE", "subifds": bool(subs), "place": "north-up"}
                told |= {"BIGTIFF": "YES" if bigtiff else "NO", "dtype": dtype, "tifffile": True}
                yield MadeByOthers(f"tifffile-{dtype}-{subs}-{order}", told, path)


MAKERS = (by_gdal, by_rio_cogeo, by_odc_geo, by_tifffile)
