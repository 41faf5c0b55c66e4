"""Write a case with GDAL's GTiff and COG drivers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.enums import Resampling

from conformance.case import Case
from conformance.pixels import Pixels, make_pixels, nodata_of

ENV: dict[str, Any] = {
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_TIFF_INTERNAL_MASK": "YES",
    "GDAL_NUM_THREADS": "1",
    "GDAL_TIFF_OVR_BLOCKSIZE": "64",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
}

CODECS = {
    "ccitt-rle": "CCITTRLE",
    "ccitt-t4": "CCITTFAX3",
    "ccitt-t6": "CCITTFAX4",
    "lerc-deflate": "LERC_DEFLATE",
    "lerc-zstd": "LERC_ZSTD",
}
"""Names of GDAL that are not ours in capitals."""

ALPHAS = {"unassociated": "NON-PREMULTIPLIED", "associated": "PREMULTIPLIED", "unsaid": "NO"}


def write(case: Case, path: Path) -> list[Pixels | None]:
    """Write the file; give back the pixels of each level, None where only the readers know."""
    data = make_pixels(case)
    with rasterio.Env(**ENV):
        if case.writer == "cog":
            return _write_cog(case, path, data)
        _write(case, path, data, options_of(case))
        if not case.has("overviews"):
            return [data]
        with rasterio.open(path, "r+") as target:
            target.build_overviews([2], Resampling.nearest)
    return [data, None]


def _write(case: Case, path: Path, data: Pixels, options: dict[str, Any]) -> None:
    cols, rows = case.size
    profile = {
        "driver": "GTiff",
        "width": cols,
        "height": rows,
        "count": case.bands,
        "dtype": dtype_of(case),
        "nodata": nodata_of(case),
    }
    with rasterio.open(path, "w", **profile, **options) as target:
        if case.photometric == "palette":
            target.write_colormap(1, {i: (i % 256, i % 13, 255 - i % 256, 255) for i in range(256)})
        target.write(data.astype(np.float32) if data.dtype == np.float16 else data)
        if case.has("mask"):
            rng = np.random.default_rng(rows)
            target.write_mask(rng.random((rows, cols)) < 0.6)


def _write_cog(case: Case, path: Path, data: Pixels) -> list[Pixels | None]:
    """Copy a plain file with the COG driver; two overviews."""
    options = dict(pair.split("=") for pair in case.detail.split() if "=" in pair)
    if case.predictor > 1:
        options["PREDICTOR"] = "STANDARD" if case.predictor == 2 else "FLOATING_POINT"
    if case.kind.is_packed:
        options["NBITS"] = str(case.kind.bits)
    if case.big:
        options["BIGTIFF"] = "YES"
    codec = CODECS.get(case.codec, case.codec.upper())
    plain = {"NBITS": str(case.kind.bits)} if case.kind.is_packed else {}
    plain |= {"PHOTOMETRIC": "RGB"} if case.photometric == "rgb" else {}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source.tif")
        _write(case, source, data, {**plain, "ALPHA": ALPHAS.get(case.alpha, "NO")})
        rasterio.shutil.copy(
            source, path, driver="COG", COMPRESS=codec, OVERVIEW_COUNT=1, **options
        )
    return [data, None]


def dtype_of(case: Case) -> str:
    """Rasterio's name of the type that is written."""
    if case.sample == "complexint32":
        return "complex_int16"
    if case.kind.kind == "float" and case.kind.bits < 32:
        return "float32"
    return str(case.kind.dtype)


def options_of(case: Case) -> dict[str, Any]:
    """Creation options of the GTiff driver."""
    width, height = case.block
    options: dict[str, Any] = {
        "COMPRESS": CODECS.get(case.codec, case.codec.upper()),
        "INTERLEAVE": "BAND" if case.planar else "PIXEL",
        "ENDIANNESS": "BIG" if case.order == "MM" else "LITTLE",
        "BIGTIFF": "YES" if case.big else "NO",
        "PHOTOMETRIC": case.photometric.upper(),
        "ALPHA": ALPHAS.get(case.alpha, "NO"),
        "SPARSE_OK": case.has("sparse"),
        **_layout(case, width, height),
    }
    if case.predictor > 1:
        options["PREDICTOR"] = case.predictor
    if case.kind.is_packed or case.sample == "float16":
        options["NBITS"] = case.kind.bits
    if case.codec == "webp":
        options["WEBP_LOSSLESS"] = not case.lossy
    options |= dict(pair.split("=") for pair in case.detail.split() if "=" in pair)
    return options


def _layout(case: Case, width: int, height: int) -> dict[str, Any]:
    if case.tiled:
        return {"TILED": "YES", "BLOCKXSIZE": width, "BLOCKYSIZE": height}
    return {"TILED": "NO", "BLOCKYSIZE": min(case.strip_rows, case.size[1])}
