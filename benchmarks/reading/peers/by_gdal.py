"""GDAL by rasterio, set as GDAL's documentation and TiTiler's advise for COGs over HTTP."""

from __future__ import annotations

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.update(
    GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
    CPL_VSIL_CURL_ALLOWED_EXTENSIONS=".tif",
    CPL_VSIL_CURL_CACHE_SIZE="200000000",
    GDAL_HTTP_MERGE_CONSECUTIVE_RANGES="YES",
    GDAL_HTTP_MULTIPLEX="YES",
    GDAL_INGESTED_BYTES_AT_OPEN="32768",
    GDAL_BAND_BLOCK_CACHE="HASHSET",
    GDAL_CACHEMAX="512",
    GDAL_NUM_THREADS="ALL_CPUS",
    VSI_CACHE="TRUE",
    VSI_CACHE_SIZE="5000000",
)
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from . import Array, Box, Job, Place, ThreadedPeer

THREADS = 16
"""More of them only cost: measured on two cores, at both latencies."""
warnings.simplefilter("ignore", NotGeoreferencedWarning)


class Peer(ThreadedPeer):
    """A dataset for each thread, since GDAL's cannot be shared."""

    def __init__(self) -> None:
        """Nothing is open."""
        self._open: list[Any] = []

    def open(self, url: str, level: int) -> Any:  # noqa: ANN401
        """A dataset of that level."""
        options: dict[str, Any] = {"OVERVIEW_LEVEL": level - 1} if level else {}
        dataset = rasterio.open(url, sharing=False, NUM_THREADS="ALL_CPUS", **options)
        self._open.append(dataset)
        return dataset

    def tile(self, handle: Any, place: Place) -> Array:  # noqa: ANN401
        """One block."""
        rows, cols = handle.block_shapes[0]
        return self.window(handle, (place[0] * cols, place[1] * rows, cols, rows))

    def tiles(self, handle: Any, job: Job) -> list[Array]:  # noqa: ANN401
        """By threads; the first dataset is open already, so that the others find the header."""
        local = threading.local()

        def one(place: Place) -> Array:
            if not hasattr(local, "dataset"):
                local.dataset = self.open(job.urls[0], job.level)
            return self.tile(local.dataset, place)

        del handle
        with ThreadPoolExecutor(min(job.concurrency, THREADS)) as pool:
            return list(pool.map(one, job.tiles))

    def window(self, handle: Any, box: Box) -> Array:  # noqa: ANN401
        """A window."""
        return handle.read(window=Window(*box))  # pyright: ignore[reportCallIssue]

    def level(self, handle: Any) -> Array:  # noqa: ANN401
        """The whole level."""
        return handle.read()

    def finish(self) -> dict[str, Any]:
        """Close what is open."""
        for dataset in self._open:
            dataset.close()
        self._open.clear()
        return {}
