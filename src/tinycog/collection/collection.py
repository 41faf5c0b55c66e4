"""Assets in an order (cog.collection.order): of files, STAC, tables, an index; and filtered."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Self, SupportsIndex, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from tinycog import errors as errors_of_ours
from tinycog.argument_types import CrsLike, GeometryLike, MosaicMethod, WarpResamplingLike
from tinycog.collection.asset import Asset, Sign
from tinycog.collection.facts import placed
from tinycog.collection.filters import AssetFilter, AssetTest
from tinycog.collection.geo_frames import GeoFrame, of_frame, to_frame
from tinycog.collection.given_facts import AssetTimes, AssetWhere, bare_assets
from tinycog.collection.open_options import OpenOptions, check_names
from tinycog.collection.read_headers import AssetErrors, FailedAsset, HeaderReading, OnProgress
from tinycog.collection.rows import AssetRows, HeldRows
from tinycog.collection.stac_read import StacLike, assets_of_items, read_stac
from tinycog.collection.stack_steps import GroupBy, area_of, steps_of
from tinycog.collection.times import TimeLike
from tinycog.errors import TinycogError, UnsupportedError, UsageError
from tinycog.mosaics import OFFSET_TOLERANCE, Mosaic, mosaic_options
from tinycog.notebook.card import card, never_fails
from tinycog.notebook.world_map import MOST_SHAPES, world_map
from tinycog.sources.listing import absolute_path, list_files
from tinycog.stacking.stack_options import (
    AskedGrid,
    BandResampling,
    BandSelection,
    GridLike,
    StackOptions,
    asked_grid,
    check_resampling,
    check_selection,
    check_stack_method,
)
from tinycog.stacks import Stack
from tinycog.tracebacks import short_tracebacks

NOTHING = (None, None, None)
"""Of a filter: neither beginning, end nor properties."""

SHOWN = 5
"""Assets that `repr` shows."""

Part = tuple[AssetRows, NDArray[np.intp]]
"""Some assets of those that are kept together."""


SHOWN_ROWS = 20
"""Assets in the table of a notebook."""


@short_tracebacks
class Collection(Sequence[Asset]):
    """Files and what is known of each, in an order that stays: immutable.

    ::

        collection = await tinycog.Collection.from_urls(["s3://bucket/2024/*.tif"])
        collection.save("index.jsonl")
        some = tinycog.Collection.load("index.jsonl").filter(bounds=(9, 47, 10, 48))
        raster = await some[0].open().preview()

    Iterating and indexing give `Asset`s; a slice, a filter and `+` give collections. Opening an
    asset costs no request for its header.
    """

    def __init__(self, assets: Iterable[Asset] = (), failed: Iterable[FailedAsset] = ()) -> None:
        """Keep assets in their order, and those that failed.

        Raises:
            UsageError: one is no `Asset`.
        """
        held = list(assets)
        for one in held:
            if not isinstance(one, Asset):  # pyright: ignore[reportUnnecessaryIsInstance]
                message = f"a collection holds assets, not {one!r}: use Collection.from_urls"
                raise UsageError(message)
        self._parts = _parts([(HeldRows(held), np.arange(len(held)))])
        self._failed = tuple(failed)
        self._replaced: tuple[str, ...] = ()
        self._removed: tuple[str, ...] = ()
        self._starts = _starts(self._parts)

    @classmethod
    def _of(cls, parts: Iterable[Part], failed: tuple[FailedAsset, ...]) -> Self:
        found = cls()
        found._parts = _parts(parts)
        found._failed = failed
        found._starts = _starts(found._parts)
        return found

    @classmethod
    def _refreshed(
        cls,
        assets: Iterable[Asset],
        failed: Iterable[FailedAsset],
        replaced: tuple[str, ...],
        removed: tuple[str, ...],
    ) -> Self:
        found = cls(assets, failed)
        found._replaced, found._removed = replaced, removed
        return found

    # --- made of ---------------------------------------------------------------------------------

    @classmethod
    async def from_urls(
        cls,
        wheres: AssetWhere | Iterable[AssetWhere],
        *,
        names: Sequence[str] | Callable[[str], str] | None = None,
        properties: Sequence[Mapping[str, object]]
        | Callable[[str], Mapping[str, object]]
        | None = None,
        times: Sequence[AssetTimes] | Callable[[str], AssetTimes] | None = None,
        concurrency: int = 64,
        errors: AssetErrors = "raise",
        on_progress: OnProgress | None = None,
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Self:
        """Read the headers of files, side by side.

        Args:
            wheres: urls and paths, or one; a text with `*` is a pattern, which fsspec lists (for
                paths and any url that it knows; `**` goes into folders). Their order is kept; what
                a pattern finds is sorted.
            names: one for each file, or a function of its url. By default the last part of the
                path without its ending, or all of it where two are the same.
            properties: JSON objects, likewise.
            times: a time for each, or (beginning, end), likewise.
            concurrency: files at once.
            errors: "raise" the error of a file that cannot be read, by its name, or "keep" it:
                `failed` tells.
            on_progress: called with how many were read, and of how many.
            sign: function of a url that signs it; assets keep the url without.
            options: of `tinycog.open`, for all.

        Returns:
            The assets, in the order of the files.

        Raises:
            TinycogError: a file cannot be read, and which.
            UsageError: a file has no url and no path, or an argument is wrong.

        Cost: one request for each file whose header lies in its first 32 KiB, and one to list each
        pattern.
        """
        reading = HeaderReading(concurrency, errors, on_progress, sign, options)
        fs, store = options.get("fs"), options.get("store")
        found = await list_files(wheres, fs, options.get("storage_options"), store)
        if fs is None and store is None:
            found = [absolute_path(where) for where in found]
        return await cls._read(bare_assets(found, names, properties, times), reading)

    @classmethod
    async def _read(
        cls, assets: Sequence[Asset], reading: HeaderReading, failed: Sequence[FailedAsset] = ()
    ) -> Self:
        read, broken = await reading.read(assets)
        return cls(read, [*failed, *broken])

    @classmethod
    async def from_stac(
        cls,
        items: StacLike,
        *,
        assets: str | Iterable[str] | None = None,
        read_headers: bool = False,
        concurrency: int = 64,
        errors: AssetErrors = "raise",
        on_progress: OnProgress | None = None,
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Self:
        """Take assets from STAC: what items say of them, asset before item.

        Their names are "item/asset". What an item does not say, or contradicts, is not known, until
        the header is read.

        Args:
            items: an item, an item collection, the response of a search, a list of items, or
                what holds one: a path, a url; objects of pystac.
            assets: which of an item's; by default those that are TIFFs by media type or ending.
            read_headers: read the headers, too: only then an asset has its generation and costs no
                request when it is opened.
            concurrency: headers at once.
            errors: "raise" the error of an item without such an asset, and of a file that cannot
                be read, or "keep" it: `failed` tells.
            on_progress: called with how many headers were read, and of how many.
            sign: function of a url that signs it; assets keep the url without.
            options: of `tinycog.open`, for the headers.

        Returns:
            The assets, in the order of the items, and of `assets`.

        Raises:
            UsageError: it is no STAC item, or one page of several.
            TinycogError: as for `from_urls`.

        Cost: 0 requests, one for a url; with `read_headers` those of `from_urls`.
        """
        check_names(options, "from_stac")
        reading = HeaderReading(concurrency, errors, on_progress, sign, options)
        found, failed = await read_stac(items, assets, keep=errors == "keep", options=options)
        if not read_headers:
            return cls(found, failed)
        return await cls._read(found, reading, failed)

    @classmethod
    def from_geodataframe(
        cls,
        frame: GeoFrame,
        *,
        where: str = "where",
        name: str | None = None,
        start: str | None = None,
        end: str | None = None,
    ) -> Self:
        """Take assets from a GeoDataFrame: a row each, its other columns as properties.

        Args:
            frame: of geopandas; its geometry is the footprint, in whatever CRS.
            where: column of the url or path.
            name: column of the name; by default as for `from_urls`, or "name" if it is there.
            start: column of the time, or of its beginning; "start" or "datetime" if it is there.
            end: column of its end; "end" if it is there.

        Returns:
            The assets, in the order of the rows. No header is read: see `read_headers`. Rows of
            `to_geodataframe` come back with all that was known of them.

        Raises:
            UsageError: a column is not there, or geopandas is not installed.
        """
        return cls(of_frame(frame, where=where, name=name, start=start, end=end))

    @classmethod
    def from_stac_geoparquet(
        cls, path: str | os.PathLike[str], *, assets: str | Iterable[str] | None = None
    ) -> Self:
        """Take assets from a table of STAC items, as stac-geoparquet and rustac write it.

        Args:
            path: of a Parquet file.
            assets: as for `from_stac`.

        Raises:
            UsageError: it is no such table, or pyarrow or shapely is not installed.
        """
        from tinycog.collection.geo_parquet import read_items  # noqa: PLC0415 - only here

        found, failed = assets_of_items(read_items(Path(path)), assets, keep=False)
        return cls(found, failed)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Load an index that `save` has written: JSON Lines, or GeoParquet by its ending.

        Of JSON Lines the assets stay in the file, which stays open; each is read when it is asked
        for. Their columns are kept beside it (`index.jsonl.columns`), where the folder can be
        written, and made anew when the index is another.

        Raises:
            UsageError: it is no index, or was cut.
            OSError: it cannot be read.
        """
        found = Path(path)
        if found.suffix == ".parquet":
            from tinycog.collection.geo_parquet import load  # noqa: PLC0415 - an extra

            assets, head = load(found)
            return cls(assets, _failed_of(head))
        from tinycog.collection import json_lines  # noqa: PLC0415 - only here

        rows, head = json_lines.load(found)
        numbers = np.arange(len(rows.columns))
        return cls._of([(rows, numbers)], tuple(_failed_of(head)))

    def save(self, path: str | os.PathLike[str], *, secrets: bool = False) -> None:
        """Write an index: JSON Lines, or GeoParquet with STAC's columns if it ends in `.parquet`.

        It is replaced whole, or stays as it was.

        Args:
            path: of the index.
            secrets: write urls with a query, user or password, too: they may be credentials.

        Raises:
            UsageError: a url may show a credential, a property is no JSON, or pyarrow is not
                installed.
            OSError: it cannot be written.
        """
        target = Path(path)
        head = {"failed": [_failed_document(one) for one in self.failed]} if self.failed else {}
        if target.suffix == ".parquet":
            from tinycog.collection.geo_parquet import save  # noqa: PLC0415 - an extra

            save(target, self, head, secrets=secrets)
            return
        from tinycog.collection import json_lines  # noqa: PLC0415 - only here
        from tinycog.collection.rows import check_urls  # noqa: PLC0415 - likewise

        lines = (rows.line(row) for rows, numbers in self._parts for row in numbers.tolist())
        if not secrets:
            lines = check_urls(lines)
        json_lines.save(target, head, lines, len(self))

    # --- a sequence ------------------------------------------------------------------------------

    @property
    def failed(self) -> tuple[FailedAsset, ...]:
        """Assets that are not there because their headers could not be read."""
        return self._failed

    @property
    def replaced(self) -> tuple[str, ...]:
        """Names of the assets whose files `refresh` found replaced."""
        return self._replaced

    @property
    def removed(self) -> tuple[str, ...]:
        """Names of the assets whose files `refresh` found no more: they are left out."""
        return self._removed

    def __len__(self) -> int:
        """Return the number of assets."""
        return self._starts[-1]

    @overload
    def __getitem__(self, index: SupportsIndex) -> Asset: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Asset | Self:
        """Return an asset, or a collection of some."""
        if isinstance(index, slice):
            places = np.arange(len(self))[index]
            return self._of(self._at(places), self._failed)
        number = index.__index__()
        place = number + len(self) if number < 0 else number
        if not 0 <= place < len(self):
            message = f"there is no asset {number}: the collection has {len(self)}"
            raise IndexError(message)
        part = bisect_right(self._starts, place) - 1
        rows, numbers = self._parts[part]
        return rows.asset(int(numbers[place - self._starts[part]]))

    def _at(self, places: NDArray[np.intp]) -> Iterator[Part]:
        """Yield the parts that hold the assets at some places, in their order."""
        parts = np.searchsorted(self._starts, places, side="right") - 1
        edges = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist(), len(places)]
        for start, stop in pairwise(edges):
            if stop > start:
                part = int(parts[start])
                rows, numbers = self._parts[part]
                yield rows, numbers[places[start:stop] - self._starts[part]]

    def __iter__(self) -> Iterator[Asset]:
        """Yield the assets."""
        for rows, numbers in self._parts:
            for row in numbers.tolist():
                yield rows.asset(row)

    def __add__(self, other: Collection) -> Self:
        """Return the assets of both, one after the other."""
        if not isinstance(other, Collection):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        return self._of([*self._parts, *other._parts], (*self._failed, *other._failed))

    def __reduce__(self) -> tuple[type[Self], tuple[list[Asset], tuple[FailedAsset, ...]]]:
        """Pickle the assets, not the file that they are read from."""
        return type(self), (list(self), self._failed)

    def __repr__(self) -> str:
        """Return how many assets there are, and the first ones."""
        lines = [f"{one.name}: {one.shape} {one.dtype}, {one.crs}" for one in self[:SHOWN]]
        if len(self) > SHOWN:
            lines.append(f"... {len(self) - SHOWN} more")
        if self._failed:
            lines.append(f"{len(self._failed)} failed")
        return "\n  ".join([f"<Collection of {len(self)} assets", *lines]) + ">"

    def _repr_html_(self) -> str:
        """Return a table of the first assets, and where the first 500 lie, for notebooks."""

        def draw() -> str:
            facts: dict[str, object] = {
                one.name: f"{one.shape} {one.dtype}, {one.crs}, {one.start or ''}"
                for one in self[:SHOWN_ROWS]
            }
            if len(self) > SHOWN_ROWS:
                facts[""] = f"and {len(self) - SHOWN_ROWS} more"
            if self._failed:
                facts["failed"] = len(self._failed)
            places = [one.geometry for one in self[:MOST_SHAPES] if one.geometry]
            title = f"Collection of {len(self)} asset{'s'[: len(self) != 1]}"
            return card(title, facts, drawings=[world_map(places)] if places else [])

        return never_fails(self, draw)

    # --- parts of it -----------------------------------------------------------------------------

    def filter(
        self,
        *,
        bounds: Sequence[float] | None = None,
        geometry: GeometryLike | None = None,
        crs: CrsLike | None = None,
        start: TimeLike | None = None,
        end: TimeLike | None = None,
        where: AssetTest | None = None,
    ) -> Self:
        """Return the assets that lie in an area and a time, and have certain properties.

        An asset is kept if all that is given holds. No file is touched.

        ::

            collection.filter(bounds=(9, 47, 10, 48), start="2024-06-01", end="2024-07-01",
                              where={"eo:cloud_cover": (None, 20), "platform": ["a", "b"]})

        Args:
            bounds: (left, bottom, right, top): assets whose bounds have a point in common with it,
                edges included. Of longitudes, left > right goes over the antimeridian, and a full
                turn more or less is the same place.
            geometry: GeoJSON, or an object with `__geo_interface__`, instead: assets whose
                footprint has a point in common with it. Needs the extra `collections`.
            crs: CRS of `bounds` or `geometry`, if not longitudes and latitudes (WGS 84).
            start: assets that do not end before it.
            end: assets that begin before it: the time itself is not included. Without a zone, both
                are UTC; a date is its beginning.
            where: for each property a value that it equals, a tuple (low, high) that it lies in,
                ends included and None for no end, or a list or set that it is one of; or a function
                of an asset, which has it read.

        Returns:
            The assets in their order. One whose place, time or property is not known is not kept
            where that is asked for. `failed` is that of the whole.

        Raises:
            UsageError: an argument is wrong, or no asset has the property.
        """
        wanted = AssetFilter.of(bounds, geometry, crs, start, end, where)
        wanted.check_properties(rows for rows, _ in self._parts)
        parts = [(rows, wanted.keep(rows, numbers)) for rows, numbers in self._parts]
        return self._of(parts, self._failed)

    async def read_headers(
        self,
        *,
        concurrency: int = 64,
        errors: AssetErrors = "raise",
        on_progress: OnProgress | None = None,
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Self:
        """Read the headers that are not known, of assets from STAC or a table.

        Args:
            concurrency: as for `from_urls`.
            errors: as for `from_urls`.
            on_progress: as for `from_urls`.
            sign: as for `from_urls`.
            options: as for `from_urls`.

        Returns:
            The assets, with what their headers say.

        Raises:
            TinycogError: as for `from_urls`.

        Cost: as for `from_urls`, of those assets.
        """
        reading = HeaderReading(concurrency, errors, on_progress, sign, options)

        async def read(asset: Asset) -> Asset:
            return asset if asset.snapshot is not None else await reading.read_one(asset)

        found = await reading.each(list(self), read)
        return type(self)(
            placed([one for one in found if isinstance(one, Asset)]),
            [*self._failed, *(one for one in found if isinstance(one, FailedAsset))],
        )

    async def refresh(
        self,
        *,
        concurrency: int = 64,
        errors: AssetErrors = "raise",
        on_progress: OnProgress | None = None,
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Self:
        """Look which files were replaced or removed since, and read the headers of those alone.

        Args:
            concurrency: files at once.
            errors: "raise" the error of a file that cannot be read, or "keep" it: it is in `failed`
                of the collection. That a file is not there is no error.
            on_progress: called with how many were looked at, and of how many.
            sign: as for `from_urls`.
            options: as for `from_urls`.

        Returns:
            The collection as it is now: `replaced` has the names of the assets that have another
            header, `removed` of those that are left out. What had `failed` is tried again.

        Raises:
            TinycogError: a file cannot be read, and which.

        Cost: one request of one byte for each file, and those of `from_urls` for what was replaced,
        failed, or has no generation to compare. Assets whose header was never read stay as they
        are.
        """
        from tinycog.collection.refreshing import refreshed  # noqa: PLC0415 - only here

        reading = HeaderReading(concurrency, errors, on_progress, sign, options)
        found = await refreshed(list(self), self._failed, reading)
        return self._refreshed(found.assets, found.failed, found.replaced, found.removed)

    # --- read as one -----------------------------------------------------------------------------

    def mosaic(
        self,
        *,
        method: MosaicMethod = "first",
        strict: bool = True,
        tolerance: float = OFFSET_TOLERANCE,
        crs: CrsLike | None = None,
        res: float | Sequence[float] | None = None,
        bounds: Sequence[float] | None = None,
        resampling: WarpResamplingLike = "nearest",
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Mosaic:
        """Make a handle of all assets as one image, without any I/O: `tinycog.mosaic` of them.

        Args:
            method: as for `tinycog.mosaic`.
            strict: as for `tinycog.mosaic`.
            tolerance: as for `tinycog.mosaic`.
            crs: as for `tinycog.mosaic`.
            res: as for `tinycog.mosaic`.
            bounds: as for `tinycog.mosaic`.
            resampling: as for `tinycog.mosaic`.
            sign: as for `Asset.open`.
            options: as for `Asset.open`.

        Returns:
            A handle that opens its files at its first use, and closes them.

        Raises:
            UsageError: there are no assets, or an argument is wrong.

        Cost: 0 requests; the first use opens each file, which costs none for an asset whose header
        was indexed.
        """
        checked = mosaic_options(method, tolerance, crs, res, bounds, resampling, strict=strict)
        self._check_any()
        cogs = [asset.open(sign=sign, **options) for asset in self]
        return Mosaic(cogs, checked, cogs)

    def stack(
        self,
        *,
        bounds: Sequence[float] | None = None,
        crs: CrsLike | None = None,
        res: float | Sequence[float] | None = None,
        bands: BandSelection = None,
        groupby: GroupBy = None,
        method: MosaicMethod = "first",
        resampling: BandResampling = "nearest",
        bounds_crs: CrsLike | None = None,
        transform: Iterable[float] | None = None,
        shape: Sequence[int] | None = None,
        like: GridLike | None = None,
        geometry: GeometryLike | None = None,
        all_touched: bool = False,
        pad_to: int | None = None,
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Stack:
        """Make a handle of the assets as (time, band, row, col) on one grid, without any I/O.

        ::

            stack = await collection.stack(
                bounds=(500_000, 5_190_000, 510_000, 5_200_000), crs="EPSG:32632", res=10,
                bands=["B04", "B8A"], groupby="solar_day", resampling={"B8A": "cubic"},
            )
            raster = await stack.read()

        The grid is given, or taken from the first asset (`Stack.grid_from` names it): its CRS and
        pixel size, which all others must have, and the edges of its pixels.

        Args:
            bounds: (left, bottom, right, top) of the grid in its CRS; by default those of all
                assets. Its edges are moved outwards to edges of the pixels of an asset that has
                this CRS and pixel size, else to multiples of the pixel size. Of longitudes,
                left > right goes over the antimeridian.
            crs: of the grid; by default that of all assets.
            res: pixel size of the grid, a number or (x, y); by default that of all assets.
            bands: names, or positions counted from 0; by default all. Names are those of assets in
                a STAC item, of bands in STAC (common names, too: "red"), and descriptions of bands
                in files; the first scene says which there are.
            groupby: what makes a step in time: None, each scene (an item of STAC, else an asset);
                "time"; "day" of UTC; "solar_day", as in odc-stac; the name of a property; or a
                function of an asset. Assets of a step are a mosaic in the order of the collection.
            method: what becomes of pixels that several assets of a step have, as for
                `tinycog.mosaic`: "first", "last", "highest", "lowest", "mean", "median", "mode",
                "count", "stdev".
            resampling: "nearest", "bilinear", "cubic" or "average"; or a mapping of bands, by name
                or position, to one of them; bands that it has not are "nearest".
            bounds_crs: CRS of `bounds` or `geometry`, if not that of the grid.
            transform: of the grid, from (col, row) to (x, y), with `shape`, instead of bounds and
                pixel size.
            shape: (rows, cols) of the grid: with `transform`, or with `bounds`, which it divides.
            like: a grid to have, instead of all these: anything with `transform`, `crs`, `shape`.
            geometry: pixels outside of it are not valid, and counted as outside; only tiles that
                hold a pixel inside are requested. GeoJSON of polygons, or an object with
                `__geo_interface__`; its attribute `crs` counts where there is no `bounds_crs`.
                Where neither `bounds` nor a grid is given, the grid is that of its bounds.
            all_touched: take pixels of which the geometry touches any part for inside, too.
            pad_to: append rows below and columns at the right of the grid up to multiples of this,
                for models; they are not valid, and counted as outside.
            sign: as for `Asset.open`.
            options: as for `Asset.open`.

        Returns:
            A handle that opens its files at its first use, and closes them. Steps are ordered by
            time, without one as the assets are; those that have no pixel of the grid are left out.

        Raises:
            UsageError: there are no assets, or an argument is wrong. When it opens, `MosaicError`
                if assets do not fit each other, which it names.

        Cost: 0 requests; the first use opens each file, which costs none for an asset whose header
        was indexed. Assets whose bounds are known to lie outside are not opened.
        """
        grid = asked_grid(crs, res, bounds, bounds_crs, transform, shape, like, geometry)
        grid = grid.limited_to(geometry, pad_to, all_touched=all_touched)
        checked = StackOptions(
            grid, check_selection(bands), check_stack_method(method), check_resampling(resampling)
        )
        self._check_any()
        assets = list(self._near(grid))
        files, steps = steps_of(assets, groupby)
        cogs = [asset.open(sign=sign, **options) for asset in assets]
        return Stack(cogs, files, steps, checked)

    def _near(self, grid: AskedGrid) -> Self:
        """Return the assets that may have pixels of a grid; all where that is not known.

        Raises:
            UsageError: no asset may have any.
        """
        try:
            found = area_of(grid, self[0])
            if found is None:
                return self
            bounds, crs = found
            wanted = AssetFilter.of(bounds, None, crs, *NOTHING)
        except (UsageError, UnsupportedError):  # it is said when the grid is made
            return self
        parts = [(rows, wanted.keep_unknown(rows, numbers)) for rows, numbers in self._parts]
        near = self._of(parts, self._failed)
        if grid.crs is None and any(one.crs not in (None, self[0].crs) for one in near):
            return self  # whose CRS is meant is not clear
        if not len(near):
            message = (
                f"no asset lies in the grid, {bounds} in {crs!s}: are bounds in another CRS"
                " (bounds_crs=), or latitude and longitude swapped?"
            )
            raise UsageError(message)
        return near

    def _check_any(self) -> None:
        """Raise a `UsageError` if there is no asset."""
        if not len(self):
            message = "the collection has no assets to read: filters may have left none"
            raise UsageError(message)

    # --- made into -------------------------------------------------------------------------------

    def to_stac(self) -> dict[str, object]:
        """Return an item collection of STAC 1.1: an item for each asset.

        Raises:
            UsageError: an asset has no time, which an item must have.
        """
        from tinycog.collection.stac_write import to_items  # noqa: PLC0415 - only here

        return {"type": "FeatureCollection", "features": to_items(self)}

    def to_geodataframe(self) -> GeoFrame:
        """Return a GeoDataFrame of geopandas: a row for each asset, its properties as columns.

        Raises:
            UsageError: geopandas or shapely is not installed.
        """
        return to_frame(self)


def _parts(parts: Iterable[Part]) -> list[Part]:
    return [(rows, numbers) for rows, numbers in parts if len(numbers)]


def _starts(parts: Sequence[Part]) -> list[int]:
    """Return how many assets stand before each part, and before the end."""
    return [0, *accumulate(len(numbers) for _, numbers in parts)]


def _failed_document(failed: FailedAsset) -> dict[str, str]:
    kind = type(failed.error).__name__
    return {"name": failed.name, "where": failed.where, "error": kind, "message": str(failed.error)}


def _failed_of(head: Mapping[str, object]) -> list[FailedAsset]:
    """Return those that failed, as the head of an index tells of them."""
    found: list[FailedAsset] = []
    given: Any = head.get("failed") or []
    for one in given:
        kind = getattr(errors_of_ours, str(one.get("error")), TinycogError)
        is_ours = isinstance(kind, type) and issubclass(kind, TinycogError)
        error = (kind if is_ours else TinycogError)(str(one.get("message")))
        found.append(FailedAsset(str(one.get("name")), str(one.get("where")), error))
    return found
