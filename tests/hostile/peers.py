"""What GDAL and tifffile make of a file, level by level; None where they cannot read it."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from typing import Any

ENV: dict[str, Any] = {
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_NUM_THREADS": "1",
    "GTIFF_IGNORE_READ_ERRORS": "NO",
    "GDAL_ALLOW_LARGE_LIBJPEG_MEM_ALLOC": "YES",
}
MOST = 24 << 20


def load_gdal() -> Callable[[str], Any]:
    """Import rasterio."""
    import rasterio  # noqa: F401, PLC0415

    os.environ.update(ENV)
    logging.disable(logging.CRITICAL)
    return by_gdal


def load_tifffile() -> Callable[[str], Any]:
    """Import tifffile."""
    import imagecodecs  # noqa: F401, PLC0415
    import tifffile  # noqa: F401, PLC0415

    logging.disable(logging.CRITICAL)
    return by_tifffile


def by_gdal(path: str) -> list[Any]:
    """Levels as GDAL reads them, the first three."""
    import rasterio  # noqa: PLC0415

    levels: list[Any] = []
    with warnings.catch_warnings(), rasterio.Env(**ENV):
        warnings.simplefilter("ignore")
        for z in range(3):
            where: dict[str, Any] = {} if z == 0 else {"OVERVIEW_LEVEL": z - 1}
            found: Any = None
            for name in (f"GTIFF_RAW:{path}", path)[bool(z) :]:  # raw: inks are not made colours
                found = _level(name, where)
                if not isinstance(found, str):
                    break
            levels.append(found)
    return levels


def _level(name: str, where: dict[str, Any]) -> Any:
    import rasterio  # noqa: PLC0415

    try:
        with rasterio.open(name, driver="GTiff", **where) as dataset:
            return _small(dataset)
    except Exception as exc:  # noqa: BLE001 - any failure is an answer
        return f"{type(exc).__name__}: {exc}"[:200]


def _small(dataset: Any) -> Any:
    nbytes = dataset.width * dataset.height * dataset.count * 8
    return dataset.read() if nbytes <= 8 * MOST else "too large"


def by_tifffile(path: str) -> list[Any]:
    """The first page, and its reduced versions."""
    import tifffile  # noqa: PLC0415

    levels: list[Any] = []
    with warnings.catch_warnings(), tifffile.TiffFile(path) as tif:
        warnings.simplefilter("ignore")
        first: Any = tif.pages[0]
        others = [*(first.pages or ()), *tif.pages[1:20]]
        for page in [first, *(p for p in others if p.subfiletype & 5 == 1)][:3]:
            try:
                data = page.asarray().reshape(page.shaped)
                separate, _, rows, cols, contiguous = data.shape
                levels.append(
                    data[:, 0].transpose(0, 3, 1, 2).reshape(separate * contiguous, rows, cols)
                )
            except Exception as exc:  # noqa: BLE001 - any failure is an answer
                levels.append(f"{type(exc).__name__}: {exc}"[:200])
    return levels
