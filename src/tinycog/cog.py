"""The handle of a file, and everything that can be read from it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Literal, Self, Unpack, cast, overload

from tinycog.area_reads import AreaReads
from tinycog.checks import (
    check_errors,
    check_integer,
    check_masked,
    check_tile,
)
from tinycog.dataset import Dataset
from tinycog.errors import TileIndexError, UsageError
from tinycog.handle import Handle
from tinycog.reader.open_file import OpenArguments, OpenFile
from tinycog.reader.read_tile import TileBatcher, TileOptions
from tinycog.tiff.page_view import VIEW
from tinycog.tracebacks import short_tracebacks
from tinycog.window import Tile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from zarr.abc.store import Store

    from tinycog.argument_types import (
        AreaOptions,
        CrsLike,
        ErrorHandling,
        PlanOptions,
        PointOptions,
        ReadOptions,
        ReferenceCodecs,
        References,
        WindowLike,
    )
    from tinycog.byte_map.layout import FileLayout
    from tinycog.fetch.plan import Plan
    from tinycog.raster import Raster
    from tinycog.series.model import Plane, Series
    from tinycog.tiff.parse import Value as TagValue
    from tinycog.tile_facts import TileFacts, TileRange


@short_tracebacks
class Cog(Dataset, AreaReads, Handle):
    """Handle of a TIFF, BigTIFF or COG, made by `tinycog.open`: reads tiles, windows and levels.

    It opens itself at its first use, once, however many callers wait; `await cog` only opens it.
    It may be used from several event loops and threads, and pickles as the arguments of `open` with
    the header as far as it has been read.
    """

    def __init__(self, arguments: OpenArguments, parent: Cog | None = None) -> None:
        """Keep the source; nothing is read. Called by `tinycog.open` and `page`."""
        super().__init__(arguments, parent)
        self._tiles = TileBatcher(self._file)

    def _pixels(self) -> OpenFile:
        return self._file

    async def _opened(self) -> Self:
        await self._file.read_whole()
        return self

    async def aclose(self) -> None:
        """Close the handle, and its pages: a later read is a `UsageError`; what is known stays.

        Idle connections to its server are closed a quarter of a second after the last handle. A
        handle that is not closed is no leak: connections end with the event loop, or after 15 s.
        """
        await self._file.aclose()

    @property
    def pin(self) -> str | None:
        """Name of the generation that is read, for `open(..., pin=)`: a strong ETag, for one.

        None before the first response, and where the source does not name generations; where they
        are not compared (`open(pinning=)`), once different ones were named.
        """
        return self._file.generation

    async def check_current(self) -> None:
        """Ask the server whether the object is still the one that is read.

        Raises:
            SourceChangedError: it was replaced.
            SourceError: it is not there any more, or cannot be read.

        Cost: 1 request of 1 byte, with If-Match where that is possible.
        """
        await self._file.check_current()

    def page(self, page: int | Sequence[int] | Plane) -> Self:
        """Return a handle on another page of the file, with levels of its own, without any I/O.

        ::

            planes = [await cog.page(n).read() for n in range(10)]
            raw = await cog.page((0, 1)).read()     # second SubIFD of the first IFD

        Files beside are those of the first page alone (`open(sidecars=True)`). It shares bytes,
        connections and the log with this handle; closing either closes both.

        Args:
            page: number of the IFD in the chain, from 0; for a SubIFD (n, k): SubIFD k of IFD n; or
                a plane of a series.

        Raises:
            UsageError: `page` is no such number. `TileIndexError`, when it is first read, if there
                is no such page.

        Cost: 0 requests. The first read walks the chain up to the page, if that is not known yet.
        """
        from tinycog.series.model import as_view  # noqa: PLC0415 - other pages only

        view = as_view(page)
        arguments = self._opened_with._replace(view=view)
        return type(self)(arguments if view == VIEW else arguments._replace(sidecars=None), self)

    # --- tiles -----------------------------------------------------------------------------------

    async def read_tile(
        self,
        z: int,
        x: int,
        y: int,
        *,
        padded: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Raster:
        """Read one tile.

        Args:
            z: level, 0 = full resolution.
            x: tile column in that level.
            y: tile row in that level.
            padded: return edge tiles at their full stored size; by default they are cut to the
                image.
            masked: None, the default, reads the mask image along if the header that has been read
                names one; True reads the whole header first to find it; False reads none, and the
                raster does not know its mask. Nodata and alpha cost nothing.
            errors: "raise" the error of a stored tile that is broken, or "fill" it as one that is
                not stored: it is not valid in the mask, and a finding (tiff.tile.filled).
            rgb: return colours for the eye, uint8 RGB or RGBA: palettes looked up, MinIsWhite
                inverted, inks mixed. By default samples are data, as they are stored (except that
                YCbCr is always converted to RGB).

        Returns:
            The pixels as (bands, rows, cols). A tile that is not stored is nodata, or 0.

        Raises:
            TileIndexError: there is no such level or tile.
            FormatError, UnsupportedError, LimitError: the file cannot be read, and why.
            SourceError: the bytes cannot be fetched.

        Cost: 2 requests the first time (header, tile); then 1, or one for each plane; 0 for a tile
        that lies in the first 32 KiB or is not stored. A large file may add up to 2 for the index.
        A mask image costs no request in GDAL's COGs, where its tile lies beside that of the pixels;
        in other files 1, and those of its index.
        Reads that begin in the same iteration of the event loop share requests as `read_tiles`
        does, and concurrent reads of the same tile share its decoding.
        """
        tile = check_tile((z, x, y))
        options = TileOptions(padded, rgb, check_masked(masked), check_errors(errors))
        (raster,) = await self._tiles.read_unique((tile,), options)
        return raster

    async def read_tiles(
        self,
        tiles: Iterable[tuple[int, int, int]],
        *,
        padded: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> list[Raster]:
        """Read several tiles, of any levels, with requests planned together.

        Args:
            tiles: (z, x, y) of each tile: level, column, row.
            padded: as for `read_tile`.
            masked: as for `read_tile`.
            errors: as for `read_tile`.
            rgb: as for `read_tile`.

        Returns:
            One raster for each tile, in the order of `tiles`.

        Raises:
            TinycogError: as for `read_tile`.

        Cost: tiles that lie near each other in the file share a request; `plan` says how many.
        """
        checked = [check_tile(tile) for tile in tiles]
        options = TileOptions(padded, rgb, check_masked(masked), check_errors(errors))
        return await self._tiles.read(checked, options)

    async def read_tile_bytes(self, z: int, x: int, y: int, *, plane: int = 0) -> bytes | None:
        """Read the encoded bytes of one tile, as they are stored.

        `tinycog.decode_tile` decodes them, with what `tile_facts` says.

        Args:
            z: level, 0 = full resolution.
            x: tile column in that level.
            y: tile row in that level.
            plane: band, counted from 0, where bands are stored in separate planes; else 0.

        Returns:
            The bytes, None for a tile that is not stored.

        Raises:
            TileIndexError: there is no such level, tile or plane.
            FormatError, LimitError, SourceError: as for `read_tile`.

        Cost: as for `read_tile`.
        """
        tile = check_tile((z, x, y))
        image = await self._file.image(tile.z)
        from tinycog.reader.tile_parts import parts_to_plan  # noqa: PLC0415 - behind the header

        parts = parts_to_plan(image, tile)
        if not 0 <= plane < len(parts):
            message = f"plane {plane} does not exist (planes 0 to {len(parts) - 1})"
            raise TileIndexError(message)
        return await self._file.reader.read_bytes(parts[plane])

    async def tile_ranges(self, z: int = 0, *, window: WindowLike | None = None) -> list[TileRange]:
        """Return where the stored tiles of a level lie, row by row, plane by plane.

        Args:
            z: level, 0 = full resolution.
            window: (col_off, row_off, width, height) in pixels of the level: the tiles that it
                touches; None is all of them.

        Raises:
            UsageError: the window is wrong, or reaches over the edge of the level.
            TileIndexError: there is no such level.
            LimitError: the tiles are more than `Limits.tiles`.
            FormatError, SourceError: as for `read_tile`.

        Cost: the pages of the index that are not known yet; no tile is read.
        """
        from tinycog.reader.arguments import ReadArguments, resolve  # noqa: PLC0415 - no tile needs it
        from tinycog.reader.tile_parts import parts_to_plan, window_tiles  # noqa: PLC0415 - the same
        from tinycog.reader.window_buffers import make_buffers  # noqa: PLC0415 - the same

        arguments = ReadArguments(window, level=check_integer(z, "z"))
        source, request = await resolve(
            self._file, arguments, None, boundless=False, masked=False, out=None
        )
        image = source.image
        touched = make_buffers(source, request, planned=True).window
        grid = image.grid
        tiles = window_tiles(image, request.area.z, touched)
        most = self._file.limits.tiles
        listed = list(islice(tiles, most + 1))
        self._file.limits.check("tiles", len(listed) * grid.planes, "stored tiles of a level")
        parts = [part for tile in listed for part in parts_to_plan(image, tile)]
        ranges = await self._file.reader.locate(parts)
        from tinycog.tile_facts import TileRange  # noqa: PLC0415 - no tile needs it

        return [
            TileRange(
                part.tile.x,
                part.tile.y,
                part.position // (grid.across * grid.down),
                0 if place is None else place.start,
                0 if place is None else place.length,
            )
            for part, place in zip(parts, ranges, strict=True)
        ]

    async def tile_facts(self, z: int = 0) -> TileFacts:
        """Return what decoding the tiles of a level needs, as a JSON document for `decode_tile`.

        Args:
            z: level, 0 = full resolution.

        Raises:
            TileIndexError: there is no such level.
            FormatError, SourceError: as for `read_tile`.

        Cost: 0 requests where the level is known, else that of opening.
        """
        from tinycog.tile_facts import make_facts  # noqa: PLC0415 - no tile needs it

        return make_facts(await self._file.image(check_integer(z, "z")))

    # --- areas -----------------------------------------------------------------------------------

    async def _read_level(self, z: int, options: ReadOptions) -> Raster:
        return await self.read(level=z, **options)

    @overload
    async def plan(
        self,
        z: int,
        x: int,
        y: int,
        /,
        *,
        padded: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Plan: ...

    @overload
    async def plan(
        self,
        tiles: Iterable[tuple[int, int, int]],
        /,
        *,
        padded: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Plan: ...

    @overload
    async def plan(
        self, *, points: Iterable[Sequence[float]], **options: Unpack[PointOptions]
    ) -> Plan: ...

    @overload
    async def plan(self, **options: Unpack[AreaOptions]) -> Plan: ...

    async def plan(
        self,
        *tiles: int | Iterable[tuple[int, int, int]],
        padded: bool = False,
        points: Iterable[Sequence[float]] | None = None,
        **options: Unpack[PlanOptions],
    ) -> Plan:
        """Return the requests that a read would send, without sending them.

        ::

            await cog.plan(z, x, y)                    # of read_tile
            await cog.plan([(z, x, y), ...])           # of read_tiles
            await cog.plan(window=..., level=...)      # of read, with its arguments
            await cog.plan(points=..., crs=...)        # of points, with its arguments

        Args:
            tiles: one tile, or an iterable of tiles; none for an area.
            padded: accepted as by `read_tile`; it does not change the requests.
            points: pairs (x, y), instead of tiles or an area.
            options: those of `read`, or of `points`; without any the plan is that of all of
                level 0.

        Returns:
            The bytes of each request, and the tiles that they are of.

        Raises:
            TinycogError: what the read itself would raise before it sends anything.
            UsageError: an option is none of the read that is planned.

        Cost: the parts of the header and the index that are not known yet are read; then the read
        sends just the planned requests, unless another read fetches some of them first. Points of
        more than 32 tiles are read in turns: later ones by the rates that were measured meanwhile.
        """
        del padded
        if points is not None:
            from tinycog.argument_types import PointOptions  # noqa: PLC0415 - no tile needs it

            if tiles or not options.keys() <= PointOptions.__annotations__.keys():
                message = f"a plan of points takes {', '.join(PointOptions.__annotations__)} alone"
                raise UsageError(message)
            return await self._plan_points(points, cast("PointOptions", options))
        if "whole_tiles" in options:
            message = "whole_tiles= is an option of points: give points=, too"
            raise UsageError(message)
        file = self._file
        if tiles:
            from tinycog.reader.tile_buffer import tile_plan  # noqa: PLC0415 - no tile needs it

            checked = _as_tiles(tiles)
            masked = check_masked(options.get("masked"))
            sources = await file.sources(checked, masked=masked)
            unique = dict.fromkeys(checked)
            parts = [part for tile in unique for part in tile_plan(sources[tile.z], tile, masked)]
            return await file.reader.plan(parts)
        return await self._plan_area(options)

    async def iter_tiles(
        self,
        *,
        level: int = 0,
        window: WindowLike | None = None,
        bounds: Sequence[float] | None = None,
        crs: CrsLike | None = None,
        crop: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> AsyncGenerator[Raster, None]:
        """Iterate over the tiles that an area touches, row by row, in bounded memory.

        ::

            async for tile in cog.iter_tiles(level=1): ...

        Tiles are read ahead, at most 32 MiB of pixels or 64 tiles, and no further until the
        consumer takes them.

        Args:
            level: 0 = full resolution.
            window: as for `read`, in pixels of `level`.
            bounds: as for `read`, instead of a window.
            crs: as for `read`: that of `bounds`.
            crop: as for `read`.
            masked: as for `read_tile`.
            errors: as for `read_tile`.
            rgb: as for `read_tile`.

        Yields:
            Whole tiles, cut to the image at its edge only.

        Raises:
            TinycogError: as for `read`.

        Cost: as for `read_tiles`, of some tiles at a time.
        """
        from tinycog.reader.arguments import ReadArguments, resolve  # noqa: PLC0415 - no tile needs it
        from tinycog.reader.iter_tiles import stream  # noqa: PLC0415 - the same
        from tinycog.reader.tile_parts import window_tiles  # noqa: PLC0415 - the same
        from tinycog.reader.window_buffers import make_buffers  # noqa: PLC0415 - the same

        arguments = ReadArguments(window, bounds, crs, level, crop=crop)
        source, request = await resolve(
            self._file, arguments, None, boundless=False, masked=False, out=None
        )
        touched = make_buffers(source, request, planned=True).window
        tiles = window_tiles(source.image, request.area.z, touched)
        options = TileOptions(
            padded=False, rgb=rgb, masked=check_masked(masked), errors=check_errors(errors)
        )
        read = partial(self._tiles.read, options=options)
        async with aclosing(stream(source.image, tiles, read)) as rasters:
            async for raster in rasters:
                yield raster

    # --- series and tags -------------------------------------------------------------------------

    async def series(self) -> list[Series]:
        """Return the images of several dimensions that the pages make together.

        ::

            for series in await cog.series():
                print(series.name, series.axes, series.shape)       # "TZCYX" (10, 5, 2, 512, 512)
            plane = await cog.page(series.plane(T=3, Z=1)).read()

        By the OME-XML, ImageJ, MetaMorph, tifffile, Aperio or Hamamatsu that wrote the file; in any
        other file, pages that are alike are a series. Names, shapes and axes are tifffile's.

        Raises:
            UsageError: the handle is one on another page than the first.
            FormatError, LimitError, SourceError: as for `read_tag`.

        Cost: that of opening, and of values that did not come with the header: 1 request, and 1 for
        the SubIFDs of the first page of each series.
        """
        return await self._file.read_series()

    async def read_tag(self, tag: str | int, *, level: int = 0) -> TagValue | None:
        """Read the value of a TIFF tag, such as "ImageDescription" or 270.

        Args:
            tag: name as in TIFF 6.0 and its successors (spec/tags.csv), or number. A private tag
                is read by its number.
            level: level whose IFD is read, 0 = full resolution.

        Returns:
            Text for ASCII; bytes for BYTE and UNDEFINED; for all other types a tuple with one item
            for each value: integers, floats, or (numerator, denominator) of a RATIONAL. None if
            the IFD has no such tag.

        Raises:
            UsageError: no tag has that name.
            TileIndexError: there is no such level.
            LimitError: the value is longer than `Limits.value_bytes`.
            TruncatedError: the value lies beyond the end of the file.
            SourceError: as for `read_tile`.

        Cost: 0 requests where the value came with the header, else 1; that of opening if the
        handle is not open yet.
        """
        from tinycog.tiff.spec import tag_number  # noqa: PLC0415 - no tile needs it

        return await self._file.read_tag(tag_number(tag), check_integer(level, "level"))

    async def read_colormap(self, z: int = 0) -> NDArray[np.uint16] | None:
        """Read the ColorMap of a level as (entries, 3): red, green, blue of 16 bits.

        None if the level has none that can be used.

        Cost: 0 requests where it came with the header, else 1.
        """
        return await self._file.read_colormap(check_integer(z, "z"))

    # --- other libraries -------------------------------------------------------------------------

    async def layout(self, *, whole: bool = False) -> FileLayout:
        """Return what lies where in the file: header, IFDs, values of tags, index, tiles, gaps.

        ::

            print(await cog.layout())

        Args:
            whole: read the index of each image, however long it is. By default, of an image of more
                than 131,072 tiles the two ends are, and what lies between is estimated.

        Raises:
            UsageError: the handle is of another page than the first.
            FormatError, LimitError, SourceError: as for `read_tile`.

        Cost: that of opening; then what has not come with the header of values that point to other
        IFDs, and the index of all images at once.
        """
        from tinycog.byte_map.join_parts import join_parts  # noqa: PLC0415 - no tile needs it
        from tinycog.byte_map.read_parts import parse_parts  # noqa: PLC0415 - the same

        file = self._file
        header = await file.read_header(None)
        places = file.places
        parts = await file.parse(
            lambda buffer, limits: parse_parts(buffer, header.tiff, places, limits, whole=whole)
        )
        return join_parts(file.name, file.size, parts)

    def zarr_store(self, *, levels: Literal["arrays", "groups"] = "arrays") -> Store:
        """Return a read-only zarr v3 store of the decoded tiles of all levels, without any I/O.

        ::

            root = zarr.open_group(cog.zarr_store(), mode="r")
            root["0"][:, :512, :512]                               # (band, y, x), level 0
            xr.open_zarr(cog.zarr_store(levels="groups"), group="1")

        A chunk is a stored tile or strip, decoded; see docs/zarr.md. It holds this handle, pickles
        as it does, and needs the extra `zarr`.

        Args:
            levels: "arrays" makes arrays "0", "1", ... of pixels, and "mask/0", "mask/1", ... if
                any can be invalid; "groups" makes groups "0", "1", ... of what xarray opens:
                `band_data`, `mask`, `spatial_ref`, `band`, `x`, `y`.

        Raises:
            UsageError: zarr is not installed, or `levels` is none of these. When the store is first
                read, if a CRS has to be written as WKT and pyproj is not installed.
            UnsupportedError: when the store is first read, if no numpy type can hold the samples.

        Cost: 0 requests; opening it costs those of opening the handle; a chunk those of its tile.
        """
        from tinycog.extras import check_installed  # noqa: PLC0415 - a door

        check_installed("zarr", "zarr")
        from tinycog.adapters.zarr.decoded_store import ZarrStore  # noqa: PLC0415 - only here

        return ZarrStore(self, levels=levels)

    async def references(
        self,
        path: str | PathLike[str] | None = None,
        *,
        levels: Iterable[int] | int | None = None,
        zarr_format: int = 2,
        codecs: ReferenceCodecs = "numcodecs",
        url: str | None = None,
        check: int = 2,
    ) -> References:
        """Return references to the stored tiles as chunks of zarr arrays, as kerchunk does.

        ::

            await cog.references("image.json")
            xr.open_dataset("image.json", engine="kerchunk")["0"]

        Each level is an array "0", "1", ... of (band, y, x); in zarr 2, bands that are stored side
        by side are (y, x, band) with codecs "numcodecs". Pixels are those of `read(masked=False)`:
        a mask image is left out. What is written is only what was read back and is the same.

        Args:
            path: where to write them, too: `.json`, or `.parq` for Parquet, which needs the extra
                `references`. An older file is replaced.
            levels: to refer to; None is all. The first has dimensions y, x, each other y_1, x_1.
            zarr_format: 2, or 3, which has names for dimensions and two values where zarr 2 has
                one: that of tiles that are not stored, and nodata.
            codecs: "numcodecs" decodes wherever zarr is, and is refused for what it does not decode
                exactly; "tinycog" decodes whatever tinycog does, where tinycog is installed.
            url: of the file for those who open the references; by default `Cog.url`.
            check: how many chunks of each level are read back, spread over it.

        Returns:
            The document of kerchunk, as a dict with "version", 1, and "refs".

        Raises:
            UsageError: an argument is wrong, the file has no url without a credential, or the file
                has a CRS and pyproj (extra `geo`) is not installed.
            UnsupportedError: references cannot express a level, and why (cog.references.plain,
                cog.references.fill, cog.references.checked).
            TileIndexError, LimitError, FormatError, SourceError: as for `tile_ranges` and `read`.
            OSError: they cannot be written.

        Cost: the whole index of each level, then `check` tiles of each, planned together.
        """
        from tinycog.adapters.references.make import make_references  # noqa: PLC0415 - a door

        return await make_references(
            self,
            path,
            levels=levels,
            zarr_format=zarr_format,
            codecs=codecs,
            url=url,
            check=check,
        )

    def __reduce__(self) -> tuple[type[Self], tuple[object]]:
        """Pickle the arguments of `open`, and what is known of the header, which is not read again.

        Without it where nothing names the file's generation, so that it would be read as it was.
        """
        return (type(self), (self._file.arguments_now(),))


def _as_tiles(places: tuple[int | Iterable[tuple[int, int, int]], ...]) -> list[Tile]:
    """Return the tiles that `plan` was given: three integers, or an iterable of such."""
    first = places[0]
    if len(places) == 1 and not isinstance(first, int):
        return [check_tile(place) for place in first]
    return [check_tile(places)]
