"""The doors: each opens a file once and reads windows of it, as its users do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import tinycog
import tinycog.sync

Window = tuple[int, int, int, int]


class Seen(NamedTuple):
    """What a door gives of a window of a level; None where it does not tell.

    Attributes:
        pixels: (bands, rows, cols), as stored.
        mask: (bands, rows, cols), True where a pixel is valid.
        facts: nodata, crs (an EPSG code) and transform (of the window, six numbers), by name.
    """

    pixels: NDArray[Any]
    mask: NDArray[np.bool_] | None
    facts: dict[str, Any]


Read = Callable[[int, Window], Awaitable[Seen]]
Door = Callable[["Served"], Any]


@dataclass(frozen=True)
class Served:
    """A file, and where it can be had.

    Attributes:
        path: on disk.
        url: by http.
        s3: url in a bucket and options of s3fs, None without one.
        az: the same of adlfs.
    """

    path: Path
    url: str
    s3: tuple[str, dict[str, Any]] | None = None
    az: tuple[str, dict[str, Any]] | None = None


DOORS: dict[str, Door] = {}


def door(make: Door) -> Door:
    """Register a door."""
    DOORS[make.__name__.replace("_", " ")] = make
    return make


def of_raster(raster: tinycog.Raster) -> Seen:
    """Return what a raster says."""
    transform = None if raster.place is None else tuple(raster.transform)[:6]
    crs = None if raster.crs is None else raster.crs.to_epsg()
    facts = {"nodata": raster.nodata, "crs": crs, "transform": transform}
    return Seen(raster.data, raster.band_masks, facts)


@asynccontextmanager
async def handle(cog: tinycog.Cog) -> AsyncIterator[Read]:
    """Read by a handle."""

    async def read(level: int, window: Window) -> Seen:
        return of_raster(await cog.read(window=window, level=level, masked=True))

    async with cog:
        yield read


@door
def asynchronous(served: Served) -> Any:
    return handle(tinycog.open(served.url))


@door
def by_fsspec(served: Served) -> Any:
    import fsspec

    fs = fsspec.filesystem("memory")
    fs.pipe("/doors.tif", served.path.read_bytes())
    return handle(tinycog.open("/doors.tif", fs=fs))


@door
def by_obstore(served: Served) -> Any:
    from obstore.store import HTTPStore

    base, _, name = served.url.rpartition("/")
    store = HTTPStore.from_url(base, client_options={"allow_http": True})
    return handle(tinycog.open(name, store=store))


@door
@asynccontextmanager
async def an_open_file(served: Served) -> AsyncIterator[Read]:
    with served.path.open("rb") as file:
        async with handle(tinycog.open(file)) as read:
            yield read


@door
def s3(served: Served) -> Any:
    assert served.s3 is not None
    url, options = served.s3
    return handle(tinycog.open(url, storage_options=options))


@door
def azure(served: Served) -> Any:
    assert served.az is not None
    url, options = served.az
    return handle(tinycog.open(url, storage_options=options))


@door
@asynccontextmanager
async def synchronous(served: Served) -> AsyncIterator[Read]:
    with tinycog.sync.open(served.url) as cog:

        async def read(level: int, window: Window) -> Seen:
            return of_raster(cog.read(window=window, level=level, masked=True))

        yield read


# --- xarray --------------------------------------------------------------------------------------


def of_dataset(dataset: Any, window: Window) -> Seen:
    """Return what a dataset of xarray's says."""
    col, row, cols, rows = window
    part = dataset.isel(x=slice(col, col + cols), y=slice(row, row + rows)).load()
    band = part.band_data
    crs = band.rio.crs
    mask = None
    if "mask" in part:
        mask = np.broadcast_to(part["mask"].values.astype(bool), band.shape)
    transform = tuple(band.rio.transform(recalc=min(rows, cols) > 1))[:6]
    facts = {"crs": None if crs is None else crs.to_epsg(), "transform": transform}
    if min(rows, cols) == 1 or "x" not in band.coords:
        del facts["transform"]  # one pixel's size cannot be told from its centre
    return Seen(band.values, mask, facts)


def xarray_door(make: Callable[[str, int], Any]) -> Any:
    """Read by datasets, one for each level."""

    @asynccontextmanager
    async def opened(served: Served) -> AsyncIterator[Read]:
        datasets: dict[int, Any] = {}

        async def read(level: int, window: Window) -> Seen:
            if level not in datasets:
                datasets[level] = make(served.url, level)
            return of_dataset(datasets[level], window)

        yield read
        for dataset in datasets.values():
            dataset.close()

    return opened


@door
def xarray(served: Served) -> Any:
    import rioxarray  # noqa: F401 - the accessor
    import xarray as xr

    def make(url: str, level: int) -> Any:
        return xr.open_dataset(url, engine="tinycog", level=level, mask_and_scale=False)

    return xarray_door(make)(served)


@door
def dask(served: Served) -> Any:
    import rioxarray  # noqa: F401 - the accessor
    import xarray as xr

    def make(url: str, level: int) -> Any:
        return xr.open_dataset(url, engine="tinycog", level=level, mask_and_scale=False, chunks={})

    return xarray_door(make)(served)


@door
def datatree(served: Served) -> Any:
    import rioxarray  # noqa: F401 - the accessor
    import xarray as xr

    def make(url: str, level: int) -> Any:
        return xr.open_datatree(url, engine="tinycog", mask_and_scale=False)[
            str(level)
        ].to_dataset()

    return xarray_door(make)(served)


# --- zarr ----------------------------------------------------------------------------------------


def _index(window: Window) -> tuple[slice, slice]:
    col, row, cols, rows = window
    return slice(row, row + rows), slice(col, col + cols)


@door
@asynccontextmanager
async def zarr_synchronous(served: Served) -> AsyncIterator[Read]:
    import zarr as library

    async with tinycog.open(served.url) as cog:
        root: Any = library.open_group(cog.zarr_store(), mode="r")

        async def read(level: int, window: Window) -> Seen:
            index = _index(window)
            pixels = root[str(level)][(slice(None), *index)]
            mask = None
            if f"mask/{level}" in root:
                mask = np.broadcast_to(root[f"mask/{level}"][index], pixels.shape)
            return Seen(pixels, mask, {})

        yield read


@door
@asynccontextmanager
async def zarr_asynchronous(served: Served) -> AsyncIterator[Read]:
    import zarr.api.asynchronous as library

    async with tinycog.open(served.url) as cog:
        root: Any = await library.open_group(cog.zarr_store(), mode="r")

        async def read(level: int, window: Window) -> Seen:
            array = await root.getitem(str(level))
            pixels = await array.getitem((slice(None), *_index(window)))
            return Seen(np.asarray(pixels), None, {})

        yield read


# --- references ----------------------------------------------------------------------------------


OWN: dict[str, Any] = {"asynchronous": True, "skip_instance_cache": True}
"""Options of an http file system of its own, whose session can be closed."""


async def _close(references: Any) -> None:
    """Close the sessions of what references lead to, in the loop that opened them."""
    for fs in references.fss.values():
        if fs is not references and hasattr(fs, "set_session"):
            await (await fs.set_session()).close()


def references_door(codecs: Any, zarr_format: Any) -> Any:
    """Read by zarr over fsspec's file system of references."""

    @asynccontextmanager
    async def opened(served: Served) -> AsyncIterator[Read]:
        import zarr as library
        from fsspec.implementations.reference import ReferenceFileSystem
        from zarr.core.sync import sync
        from zarr.storage import FsspecStore

        async with tinycog.open(served.url) as cog:
            told = await cog.references(codecs=codecs, zarr_format=zarr_format)
        fs = ReferenceFileSystem(told, asynchronous=True, remote_options=OWN)
        root: Any = library.open_group(FsspecStore(fs), mode="r", zarr_format=zarr_format)

        async def read(level: int, window: Window) -> Seen:
            array = root[str(level)]
            rows, cols = _index(window)
            names = array.attrs.get("_ARRAY_DIMENSIONS") or array.metadata.dimension_names
            if names[-1].startswith("band"):
                pixels = np.moveaxis(array[rows, cols], -1, 0)
            else:
                pixels = array[(..., rows, cols)]
            return Seen(pixels if pixels.ndim > 2 else pixels[None], None, {})

        yield read
        sync(_close(fs))

    return opened


@door
def kerchunk_v2(served: Served) -> Any:
    return references_door("numcodecs", 2)(served)


@door
def kerchunk_v3(served: Served) -> Any:
    return references_door("numcodecs", 3)(served)


@door
def tinycog_tile_v2(served: Served) -> Any:
    return references_door("tinycog", 2)(served)


@door
def tinycog_tile_v3(served: Served) -> Any:
    return references_door("tinycog", 3)(served)


@door
@asynccontextmanager
async def virtualizarr(served: Served) -> AsyncIterator[Read]:
    import zarr as library
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import HTTPStore

    from tinycog.adapters.virtualizarr import Parser

    base, _, _ = served.url.rpartition("/")
    store = HTTPStore.from_url(base, client_options={"allow_http": True})
    registry: Any = ObjectStoreRegistry({base: store})
    root: Any = library.open_group(Parser(codecs="tinycog")(served.url, registry), mode="r")

    async def read(level: int, window: Window) -> Seen:
        return Seen(root[str(level)][(..., *_index(window))], None, {})

    yield read


# --- rio-tiler -----------------------------------------------------------------------------------


@door
@asynccontextmanager
async def rio_tiler(served: Served) -> AsyncIterator[Read]:
    from rasterio.windows import Window as RasterioWindow

    from tinycog.adapters.rio_tiler import Reader

    async with Reader(served.url) as reader:
        cog: tinycog.Cog = reader.input
        make_window: Any = RasterioWindow  # attrs, without types

        async def read(level: int, window: Window) -> Seen:
            dataset = cog if level == 0 else cog.overviews[level - 1]
            bands = list(range(1, cog.count + 1))
            image = await reader._read(dataset, indexes=bands, window=make_window(*window))
            crs = None if image.crs is None else image.crs.to_epsg()
            transform = tuple(image.transform)[:6]
            facts = {"nodata": image.nodata, "crs": crs, "transform": transform}
            mask = None if image.alpha_mask is not None else ~np.ma.getmaskarray(image.array)
            return Seen(image.array.data, mask, facts)

        yield read
