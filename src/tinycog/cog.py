"""The handle: what can be read of a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tinycog.checks import check_bands, check_integer, check_points, check_size, check_tile
from tinycog.dataset import Dataset
from tinycog.errors import TileIndexError, UsageError
from tinycog.fetch.plan import Plan
from tinycog.geo.transformer import into_crs
from tinycog.geo.windows import pixels_of
from tinycog.limits import Limits
from tinycog.pixels.arrays import Pixels
from tinycog.raster import Raster
from tinycog.reader.arguments import ReadArguments, resolve
from tinycog.reader.colours import to_rgb_raster
from tinycog.reader.iter_tiles import stream
from tinycog.reader.read_points import Values, read_points
from tinycog.reader.read_tile import TileBatcher, TileOptions
from tinycog.reader.read_window import check_limits, make_buffers, read_area
from tinycog.reader.tile_parts import parts_to_plan, window_tiles
from tinycog.sources.protocol import Source


class Cog(Dataset):
    """A TIFF, BigTIFF or COG that can be read by tiles, windows, levels. Made by `tinycog.open`.

    It opens itself at the first use, once, however many callers wait; `await cog` does just that.
    It may be used from several event loops and threads, and pickles as what it was opened with.
    """

    def __init__(
        self, source: Source, limits: Limits, head_bytes: int, snapshot: bytes | None
    ) -> None:
        """Keep the source; nothing is read. Use `tinycog.open`."""
        super().__init__(source, limits, head_bytes, snapshot)
        self._tiles = TileBatcher(self._file)

    def __await__(self) -> Generator[Any, None, Self]:
        """Read the header, all levels: `cog = await tinycog.open(where)`."""
        return self._opened().__await__()

    async def _opened(self) -> Self:
        await self._file.read_all()
        return self

    async def __aenter__(self) -> Self:
        """Read the header, all levels."""
        return await self._opened()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go of what is open."""
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of what this handle holds open, a file say; a later read opens it again."""
        await self._file.aclose()

    @property
    def pin(self) -> str | None:
        """What names the generation that is read, for `open(..., pin=)`: a strong ETag, say.

        None before the first answer, and where nothing names it.
        """
        return self._file.generation

    # --- tiles -----------------------------------------------------------------------------------

    async def read_tile(
        self, z: int, x: int, y: int, *, padded: bool = False, rgb: bool = False
    ) -> Raster:
        """Read one tile.

        Args:
            z: level, 0 = full resolution.
            x: tile column in that level.
            y: tile row in that level.
            padded: give edge tiles at their full stored size; otherwise they are cut to the image.
            rgb: give what a person would look at, uint8 RGB or RGBA: palettes looked up,
                MinIsWhite inverted, inks mixed. Otherwise samples are data, as they are stored
                (but YCbCr is RGB always).

        Returns:
            The pixels as (bands, rows, cols). A tile that is not stored is nodata, or 0.

        Raises:
            TileIndexError: there is no such level or tile.
            FormatError, UnsupportedError, LimitError: the file cannot be read, and why.
            SourceError: the bytes cannot be had.

        Cost: at first 2 requests (header, tile); then 1, or as many as there are planes; 0 for a
        tile that lies in the first 32 KiB or is not stored. A large file may add up to 2 for the
        index. Callers that ask in the same turn of the event loop share requests as `read_tiles`
        does, and those that ask for the same tile share its decoding.
        """
        tile = check_tile((z, x, y))
        (raster,) = await self._tiles.read((tile,), TileOptions(padded, rgb))
        return raster

    async def read_tiles(
        self, tiles: Iterable[tuple[int, int, int]], *, padded: bool = False, rgb: bool = False
    ) -> list[Raster]:
        """Read several tiles, of any levels, planned together.

        Args and errors are those of `read_tile`; the result has the order of `tiles`. Cost: tiles
        that lie near each other share a request; `plan` tells.
        """
        checked = [check_tile(tile) for tile in tiles]
        return await self._tiles.read(checked, TileOptions(padded, rgb))

    async def read_tile_bytes(self, z: int, x: int, y: int, *, plane: int = 0) -> bytes | None:
        """Read one tile's bytes as they are stored, encoded; None if it is not stored.

        `plane` picks the band where bands are stored apart. Cost and errors are those of
        `read_tile`. A JPEG tile may need the tables in `levels[z].image.options`.
        """
        tile = check_tile((z, x, y))
        parts = parts_to_plan(await self._file.image(tile.z), tile)
        if not 0 <= plane < len(parts):
            message = f"plane {plane} does not exist (planes 0 to {len(parts) - 1})"
            raise TileIndexError(message)
        return await self._file.reader.read_bytes(parts[plane])

    # --- areas -----------------------------------------------------------------------------------

    async def read(
        self,
        *,
        window: Sequence[float] | None = None,
        bounds: Sequence[float] | None = None,
        crs: Any = None,  # noqa: ANN401 - whatever pyproj understands
        level: int | None = None,
        shape: Sequence[int] | None = None,
        res: float | Sequence[float] | None = None,
        bands: Iterable[int] | int | None = None,
        resampling: str = "nearest",
        boundless: bool = False,
        masked: bool | None = None,
        out: Pixels | None = None,
        max_bytes: int | None = None,
        rgb: bool = False,
    ) -> Raster:
        """Read an area.

        Args:
            window: (col_off, row_off, width, height) in pixels of `level`, or of level 0 if none is
                named; None is all of it.
            bounds: (left, bottom, right, top) instead of a window: all pixels that they touch.
            crs: of `bounds`, if not the file's: a code ("EPSG:4326"), WKT, a `pyproj.CRS`. Needs
                the extra `geo`.
            level: 0 = full resolution. If it is not named, `shape` or `res` pick one as GDAL does,
                else it is 0.
            shape: (rows, cols) of the result; another one than the window's is resampled.
            res: pixel size of the result instead, a number or (x, y), in units of the file's CRS.
            bands: which, counted from 0, in the order wanted; None is all. Where bands are stored
                apart, only theirs are fetched.
            resampling: "nearest", "bilinear", "cubic", "average" (or "mean"), "mode", "min", "max",
                "sample" (the top left pixel); masked pixels have no part in it.
            boundless: let the window reach over the edge: nodata, or 0, lies there.
            masked: give `Raster.mask` too: the mask image of the level, else nodata, else alpha
                (where GDAL takes it for a mask) says which pixels are valid. False leaves it out;
                None, the default, gives it if the file holds a mask image, as far as its header is
                known. It is fetched with the pixels.
            out: a caller's array to put the pixels into: (bands, rows, cols) and the file's dtype.
                After an error or a cancellation its contents are anything, and may still change.
            max_bytes: refuse to make a larger result.
            rgb: as for `read_tile`; not together with `bands` or `out`.

        Returns:
            The pixels as (bands, rows, cols).

        Raises:
            UsageError: an argument is wrong, or the window reaches over the edge.
            TileIndexError: there is no such level.
            LimitError: the result is larger than `max_bytes`.
            FormatError, UnsupportedError, SourceError: as for `read_tile`.

        Cost: tiles that lie side by side share a request, so in a COG one for each row of tiles;
        no tile is read twice; `plan` tells.
        """
        if rgb and not (bands is None and out is None):
            message = "rgb=True makes bands and pixels of its own: leave out bands= and out="
            raise UsageError(message)
        arguments = ReadArguments(window, bounds, crs, level, shape, res, resampling)
        source, request = await resolve(
            self._file, arguments, bands, boundless=boundless, masked=masked, out=out
        )
        rows, cols = request.area.shape
        length = len(request.bands) * rows * cols * source.image.dtype.itemsize
        limits = self._file.limits
        if max_bytes is not None:
            limits = replace(limits, result_bytes=check_integer(max_bytes, "max_bytes"))
        limits.check("result_bytes", length, "bytes of the result")
        raster = await read_area(self._file.reader, source, request)
        return await to_rgb_raster(self._file, raster) if rgb else raster

    async def read_level(self, z: int, **options: Any) -> Raster:  # noqa: ANN401 - those of `read`
        """Read a whole level: `read(level=z)`, with its options."""
        return await self.read(level=z, **options)

    async def preview(self, max_size: int = 512, **options: Any) -> Raster:  # noqa: ANN401
        """Read all of it at a size that fits `max_size` rows and cols, from the level that suits.

        Options are those of `read`. It is never made larger than it is.
        """
        image = await self._file.image(0)
        width, height = image.size
        factor = max(width, height) / check_size(max_size, "max_size")
        if factor > 1:
            shape = max(round(height / factor), 1), max(round(width / factor), 1)
            options.setdefault("shape", shape)
        return await self.read(**options)

    async def plan(
        self,
        *tiles: Any,  # noqa: ANN401 - those of `read_tile` or `read_tiles`
        bands: Iterable[int] | int | None = None,
        boundless: bool = False,
        masked: bool | None = None,
        **area: Any,  # noqa: ANN401 - those of `read`
    ) -> Plan:
        """Say what a read will send, without sending it.

        ::

            await cog.plan(z, x, y)                    # of read_tile
            await cog.plan([(z, x, y), ...])           # of read_tiles
            await cog.plan(window=..., level=...)      # of read, with its arguments

        Cost: what of the header and the index is not held yet is read for it; then the read costs
        just the requests of the plan, if nobody else reads meanwhile.

        Raises:
            TinycogError: what the read itself would raise before it sends anything.
        """
        file = self._file
        if tiles:
            places = [tiles] if len(tiles) > 1 else next(iter(tiles))
            checked = [check_tile(place) for place in places]
            images = await file.images(checked)
            unique = dict.fromkeys(checked)
            parts = [part for tile in unique for part in parts_to_plan(images[tile.z], tile)]
            return await file.reader.plan(parts)
        source, request = await resolve(
            file, ReadArguments.of(area), bands, boundless=boundless, masked=masked, out=None
        )
        check_limits(file.limits, source, request)
        buffers = make_buffers(source, request, planned=True)
        return await file.reader.plan(buffers.parts(source, request))

    async def iter_tiles(
        self,
        *,
        level: int = 0,
        window: Sequence[float] | None = None,
        bounds: Sequence[float] | None = None,
        crs: Any = None,  # noqa: ANN401 - whatever pyproj understands
        rgb: bool = False,
    ) -> AsyncGenerator[Raster, None]:
        """Give the tiles that an area touches, row by row, in bounded memory.

        ::

            async for tile in cog.iter_tiles(level=1): ...

        Tiles are read some way ahead, and no further until they are taken. Arguments and errors
        are those of `read`; tiles are whole.
        """
        arguments = ReadArguments(window, bounds, crs, level)
        source, request = await resolve(
            self._file, arguments, None, boundless=False, masked=False, out=None
        )
        touched = make_buffers(source, request, planned=True).window
        tiles = window_tiles(source.image, request.area.z, touched)
        read = partial(self._tiles.read, options=TileOptions(padded=False, rgb=rgb))
        async with aclosing(stream(source.image, tiles, read)) as rasters:
            async for raster in rasters:
                yield raster

    # --- places ----------------------------------------------------------------------------------

    async def point(
        self,
        x: float,
        y: float,
        *,
        crs: Any = None,  # noqa: ANN401 - whatever pyproj understands
        level: int = 0,
        bands: Iterable[int] | int | None = None,
    ) -> NDArray[Any]:
        """Read the values of the pixel at a place, one for each band.

        Raises:
            UsageError: it lies outside; and as for `points`.

        Cost: one tile.
        """
        values = await self.points([(x, y)], crs=crs, level=level, bands=bands)
        if not values.inside[0]:
            message = f"the point {(x, y)} lies outside of the image"
            raise UsageError(message)
        return values.data[0]

    async def points(
        self,
        points: Iterable[Sequence[float]],
        *,
        crs: Any = None,  # noqa: ANN401 - whatever pyproj understands
        level: int = 0,
        bands: Iterable[int] | int | None = None,
    ) -> Values:
        """Read the values of the pixels at places (x, y), in coordinates of the file or of `crs`.

        Returns:
            `data` (points, bands), `mask` (points,): True where the pixel is valid, and `inside`
            (points,): True where there is one. Outside there is nodata, or 0.

        Raises:
            UsageError: they are no pairs of numbers, or the CRS is unknown.
            TileIndexError, FormatError, UnsupportedError, SourceError: as for `read_tile`.

        Cost: each tile that holds a point is read once, however many it holds.
        """
        checked = check_points(points)
        source = await self._file.level(check_integer(level, "level"))
        if crs is not None:
            checked = into_crs(checked, crs, source.georeference.crs)
        chosen = check_bands(source.image.samples, bands)
        pixels = pixels_of(checked, source.georeference.transform(source.image.size))
        return await read_points(self._file.reader, source, level, pixels, chosen)

    async def read_web_tile(
        self,
        zoom: int,
        x: int,
        y: int,
        *,
        tilesize: int = 256,
        bands: Iterable[int] | int | None = None,
        resampling: str = "bilinear",
    ) -> Raster:
        """Read a web tile (XYZ, Web Mercator): (bands, tilesize, tilesize), with its mask.

        Where the file's tiles are web tiles of that size, the stored one is given as it is.
        Otherwise pixels are warped from the level that suits; resampling is "nearest", "bilinear",
        "cubic" or "average". Coordinates are right to a hundredth of a pixel.

        Raises:
            UsageError: there is no such tile, the file tells no CRS, or pyproj is missing (it is
                not needed for files in Web Mercator).
            FormatError, UnsupportedError, SourceError: as for `read_tile`.

        Cost: that of the window of the level that it needs; none if the tile lies outside.
        """
        from tinycog.reader.read_web_tile import read_web_tile  # noqa: PLC0415 - only here

        place = (check_integer(zoom, "zoom"), check_integer(x, "x"), check_integer(y, "y"))
        return await read_web_tile(self._file, place, tilesize, bands, resampling)

    # ---------------------------------------------------------------------------------------------

    async def read_colormap(self, z: int = 0) -> NDArray[np.uint16] | None:
        """Read a level's ColorMap as (entries, 3): red, green, blue of 16 bits.

        None stands for a level without one that can be used.
        Cost: no request where it came with the header, else 1.
        """
        return await self._file.read_colormap(check_integer(z, "z"))

    def __getstate__(self) -> tuple[Any, ...]:
        """Pickle what it was opened with; the header is read anew, but for a snapshot's."""
        return self._opened_with

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Start over."""
        self.__init__(*state)  # type: ignore[misc]
