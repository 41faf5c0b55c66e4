"""The process of one library of `many_files.py`: it reads scenes as it is told, a JSON line a job.

A job has the STAC items of the scenes, the grid of the result and the case; the answer has the
seconds, and the pixels are saved for whoever compares them. Libraries are set up as their
documentation tells for files in a cloud.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import numpy as np

AT_ONCE = 64
"""Scenes that are read side by side, by all libraries."""

CLOUD = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
}
"""What GDAL is told by those who know."""

Job = dict[str, Any]
Pixels = np.ndarray[Any, Any]


def urls_of(job: Job) -> list[str]:
    """Return the files of the scenes."""
    return [item["assets"]["data"]["href"] for item in job["items"]]


# --- tinycog -------------------------------------------------------------------------------------


class Tinycog:
    """One event loop, and an index where the case allows one."""

    def __init__(self, name: str) -> None:
        """Start a loop."""
        self._runner = asyncio.Runner()
        self._with_index = "index" in name
        self._by_stack = name.endswith("stack")
        self._index: Any = None

    def prepare(self, job: Job) -> None:
        """Make the index, before the clock starts."""
        if self._with_index:
            self._index = self._run(self._indexed(job))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        return self._runner.run(work)

    async def _indexed(self, job: Job) -> Any:  # noqa: ANN401
        import pickle  # noqa: PLC0415 - of this process only

        import tinycog  # noqa: PLC0415

        found = await tinycog.Collection.from_stac(job["items"], assets="data", read_headers=True)
        return pickle.loads(pickle.dumps(found))  # noqa: S301 - as an index that is loaded

    def read(self, job: Job) -> Pixels:
        """Read."""
        return self._run(self._read(job))

    async def _read(self, job: Job) -> Pixels:
        import tinycog  # noqa: PLC0415

        bounds = job["bounds"]
        if self._by_stack:
            found = self._index or await tinycog.Collection.from_stac(job["items"], assets="data")
            options = {"crs": job["crs"], "res": job["res"], "groupby": job["groupby"]}
            async with found.stack(bounds=bounds, **options) as stack:
                return np.asarray((await stack.read()).data)[:, 0]
        files = (
            [asset.open() for asset in self._index]
            if self._with_index
            else [tinycog.open(url) for url in urls_of(job)]
        )
        if job["case"] == "mosaic":
            mosaic = await tinycog.mosaic(files)
            raster = await mosaic.read(bounds=bounds)
            found = raster.data
        else:
            rasters = await asyncio.gather(*(file.read(bounds=bounds) for file in files))
            found = np.stack([raster.data[0] for raster in rasters])
        for file in files:
            await file.aclose()
        return found


# --- the floor -----------------------------------------------------------------------------------


class Bare:
    """aiohttp that GETs the same bytes, so many at once, and libdeflate in two threads.

    Where the tiles lie is known before the clock starts; "bare" GETs the headers all the same, and
    "bare, index" does not. No response is checked.
    """

    def __init__(self, name: str) -> None:
        """Start a loop."""
        self._runner = asyncio.Runner()
        self._pool = ThreadPoolExecutor(os.cpu_count())
        self._reads_headers = "index" not in name
        self._tiles: list[list[Any]] = []
        self._window = (0, 0, 0, 0)

    def prepare(self, job: Job) -> None:
        """Find out where the tiles lie."""
        if job["case"] == "mosaic":
            message = "the floor of a mosaic is not measured"
            raise NotImplementedError(message)
        left, bottom, right, top = job["bounds"]
        res, _, west, _, _, north = job["items"][0]["assets"]["data"]["proj:transform"][:6]
        edges = (left - west) / res, (north - top) / res, (right - left) / res, (top - bottom) / res
        col, row, width, height = map(round, edges)
        self._window = col, row, width, height
        self._tiles = self._runner.run(self._located(urls_of(job)))

    async def _located(self, urls: Sequence[str]) -> list[list[Any]]:
        import tinycog  # noqa: PLC0415 - a part of what is measured elsewhere

        found: list[list[Any]] = []
        for url in urls:
            async with tinycog.open(url) as cog:
                found.append(await cog.tile_ranges(0, window=self._window))
        return found

    def read(self, job: Job) -> Pixels:
        """Read."""
        return self._runner.run(self._read(urls_of(job)))

    async def _read(self, urls: Sequence[str]) -> Pixels:
        import aiohttp  # noqa: PLC0415 - as for the others

        col, row, width, height = self._window
        found = np.zeros((len(urls), *self._grid), np.uint16)
        loop = asyncio.get_running_loop()
        decoding: list[asyncio.Future[None]] = []
        waiting = iter(enumerate(urls))
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def get(url: str, start: int, stop: int) -> bytes:
                headers = {"Range": f"bytes={start}-{stop - 1}"}
                async with session.get(url, headers=headers) as answer:
                    return await answer.read()

            async def work() -> None:
                for n, url in waiting:
                    if self._reads_headers:
                        await get(url, 0, 1 << 15)
                    tiles = self._tiles[n]
                    start = min(tile.offset for tile in tiles)
                    stop = max(tile.offset + tile.length for tile in tiles)
                    data = memoryview(await get(url, start, stop))
                    for tile in tiles:
                        at = tile.offset - start
                        part = data[at : at + tile.length]
                        decoding.append(
                            loop.run_in_executor(self._pool, _decode, part, found[n], tile)
                        )

            await asyncio.gather(*(work() for _ in range(AT_ONCE)))
            await asyncio.gather(*decoding)
        return found[:, row : row + height, col : col + width]

    @property
    def _grid(self) -> tuple[int, int]:
        """(rows, cols) up to the end of the last tile."""
        col, row, width, height = self._window
        return -(-(row + height) // SIDE) * SIDE, -(-(col + width) // SIDE) * SIDE


SIDE = 256
"""Rows and columns of a tile of the scenes."""


def _decode(data: memoryview, found: Pixels, tile: Any) -> None:  # noqa: ANN401 - a TileRange
    imagecodecs: Any = import_module("imagecodecs")
    whole = imagecodecs.deflate_decode(data, out=2 * SIDE * SIDE)
    differences = np.frombuffer(whole, np.uint16).reshape(SIDE, SIDE)
    rows = slice(tile.y * SIDE, (tile.y + 1) * SIDE)
    cols = slice(tile.x * SIDE, (tile.x + 1) * SIDE)
    found[rows, cols] = imagecodecs.delta_decode(differences, axis=1)


# --- peers ---------------------------------------------------------------------------------------


class Rioxarray:
    """Threads of windows, put together by xarray, or by its own merge."""

    def __init__(self) -> None:
        """Set GDAL up."""
        os.environ.update(CLOUD)
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def read(self, job: Job) -> Pixels:
        """Read."""
        rioxarray: Any = import_module("rioxarray")
        xr: Any = import_module("xarray")
        merge_arrays: Any = import_module("rioxarray.merge").merge_arrays

        left, bottom, right, top = job["bounds"]

        def part(url: str) -> Any:  # noqa: ANN401
            array: Any = rioxarray.open_rasterio(url, lock=False)
            return array.sel(x=slice(left, right), y=slice(top, bottom)).load()

        parts = list(self._pool.map(part, urls_of(job)))
        if job["case"] == "mosaic":
            parts = [one for one in parts if one.size]
            return merge_arrays(parts, bounds=job["bounds"]).values
        return xr.concat(parts, "time")[:, 0].values


class OdcStac:
    """`odc.stac.load` with its pool of threads."""

    def __init__(self) -> None:
        """Set GDAL up as it recommends."""
        odc_stac: Any = import_module("odc.stac")

        odc_stac.configure_rio(cloud_defaults=True, **CLOUD)

    def read(self, job: Job) -> Pixels:
        """Read."""
        odc_stac: Any = import_module("odc.stac")
        pystac: Any = import_module("pystac")
        GeoBox: Any = import_module("odc.geo.geobox").GeoBox  # noqa: N806 - a class

        items = [pystac.Item.from_dict(item) for item in job["items"]]
        box = GeoBox.from_bbox(job["bounds"], job["crs"], resolution=job["res"])
        options: Any = {"groupby": "solar_day" if job["case"] == "mosaic" else "time"}
        found = odc_stac.load(items, bands=["data"], geobox=box, pool=AT_ONCE, **options)
        return found["data"].values


class Stackstac:
    """`stackstac.stack`, computed by threads of dask."""

    def __init__(self) -> None:
        """Set GDAL up; it has more settings of its own."""
        os.environ.update(CLOUD)

    def read(self, job: Job) -> Pixels:
        """Read."""
        stackstac: Any = import_module("stackstac")

        array = stackstac.stack(
            job["items"],
            assets=["data"],
            epsg=int(job["crs"].partition(":")[2]),
            resolution=job["res"],
            bounds=tuple(job["bounds"]),
            dtype=np.dtype("uint16"),
            fill_value=np.uint16(0),
            rescale=False,
            chunksize=(1, 1, -1, -1),
        )
        options: Any = {"scheduler": "threads", "num_workers": AT_ONCE}
        if job["case"] == "mosaic":
            return stackstac.mosaic(array, nodata=0).compute(**options).values
        return array[:, 0].compute(**options).values


class ItemsInMemory:
    """What `lazycogs` asks of DuckDB, answered from a list: its extension cannot be had offline."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        """Keep the items."""
        self._items = items

    def search(
        self,
        href: str,
        *,
        bbox: list[float] | None = None,
        datetime: str | None = None,
        max_items: int | None = None,
        **options: object,
    ) -> list[dict[str, Any]]:
        """Return items of an area and of a time, by whole days."""
        del href, options
        found = self._items
        if bbox is not None:
            found = [one for one in found if _meets(one["bbox"], bbox)]
        if datetime is not None:
            first, _, last = datetime.partition("/")
            days = first[:10], (last or first)[:10]
            found = [
                one for one in found if days[0] <= one["properties"]["datetime"][:10] <= days[1]
            ]
        return found[:max_items]

    def search_to_arrow(self, href: str, **options: Any) -> ItemTable:  # noqa: ANN401
        """Return the times of items."""
        return ItemTable(self.search(href, **options))


class ItemTable:
    """As much of a table as is looked at."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        """Keep the items."""
        self._items = items
        self.schema = self
        self.names = self.column_names = ["datetime"]

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def column(self, name: str) -> Any:  # noqa: ANN401
        """Return a column of times."""
        values = [one["properties"].get(name) for one in self._items]
        return type("Column", (), {"to_pylist": lambda _: values})()


def _meets(one: list[float], other: list[float]) -> bool:
    return one[0] <= other[2] and one[2] >= other[0] and one[1] <= other[3] and one[3] >= other[1]


class Lazycogs:
    """`lazycogs.open` of items that are in memory."""

    def read(self, job: Job) -> Pixels:
        """Read."""
        lazycogs: Any = import_module("lazycogs")
        HTTPStore: Any = import_module("obstore.store").HTTPStore  # noqa: N806 - likewise

        server = "/".join(urls_of(job)[0].split("/")[:3])
        array = lazycogs.open(
            "items.parquet",
            bbox=tuple(job["bounds"]),
            crs=job["crs"],
            resolution=job["res"],
            bands=["data"],
            time_period="P1D",
            max_concurrent_reads=AT_ONCE,
            store=HTTPStore.from_url(server, client_options={"allow_http": True}),
            duckdb_client=ItemsInMemory(job["items"]),
        )
        return array[0].values


MAKERS: dict[str, Callable[[], Any]] = {
    "rioxarray": Rioxarray,
    "odc-stac": OdcStac,
    "stackstac": Stackstac,
    "lazycogs": Lazycogs,
}


def main() -> None:
    """Answer jobs until there are no more."""
    warnings.simplefilter("ignore")
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed
    name = sys.argv[1]
    library: Any = None
    for line in sys.stdin:
        job = json.loads(line)
        try:
            if library is None:
                own = {"tinycog": Tinycog, "bare": Bare}.get(name.partition(",")[0])
                library = MAKERS[name]() if own is None else own(name)
            reply: dict[str, object] = {}
            if job["step"] == "prepare":
                getattr(library, "prepare", lambda _: None)(job)
            else:
                began, cpu = time.perf_counter(), time.process_time()
                pixels = library.read(job)
                reply = {
                    "seconds": time.perf_counter() - began,
                    "cpu_seconds": time.process_time() - cpu,
                }
                np.save(job["save"], pixels)
        except Exception as exc:  # noqa: BLE001 - told to whoever asks
            reply = {"error": f"{type(exc).__name__}: {exc}"[:300]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
