"""The handle: `open` and `Cog`."""

from __future__ import annotations

import operator
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import Finding, Limits, TileIndexError, UsageError
from tinycog.fetch import Fetcher, Once, Request
from tinycog.gdal import Ghost
from tinycog.header import HEAD_BYTES, Header, read_all, read_first, read_held, sort_held
from tinycog.image import Image
from tinycog.level import Level
from tinycog.parse import parse_values
from tinycog.pieces import (
    Piece,
    Pixels,
    Tile,
    checked_bands,
    checked_room,
    checked_window,
    no_room,
    tile_pieces,
    tile_shape,
    window_pieces,
)
from tinycog.plan import Plan
from tinycog.raster import Raster
from tinycog.read import Reader
from tinycog.snapshot import pack, unpack
from tinycog.sources import Source, Where, make_source
from tinycog.spec import Photometric, Tag
from tinycog.tiles import How, Tiles, new_room, raster_of
from tinycog.workers import in_worker


class Cog:
    """A TIFF, BigTIFF or COG that can be read by tiles. Made by `tinycog.open`.

    It opens itself at the first use, once, however many callers wait; `await cog` does just that.
    It may be used from several event loops and threads, and pickles as what it was opened with.
    """

    def __init__(
        self, source: Source, limits: Limits, head_bytes: int, snapshot: bytes | None
    ) -> None:
        """Keep the source; nothing is read. Use `tinycog.open`."""
        self._opened_with = (source, limits, head_bytes, snapshot)
        self._limits = limits
        self._head_bytes = head_bytes
        self._fetcher = Fetcher(source)
        if snapshot is not None:
            self._fetcher.restore(*unpack(snapshot))
        self._reader = Reader(self._fetcher, limits)
        self._tiles = Tiles(self._reader, limits, self._found, self._in_colours)
        self._once = Once()
        self._header: Header | None = None

    # --- opening ---------------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, Self]:
        """Read the header, all levels: `cog = await tinycog.open(where)`."""
        return self._opened().__await__()

    async def _opened(self) -> Self:
        await self._ensure(None)
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
        await self._fetcher.source.aclose()

    async def _ensure(self, z: int | None) -> Header:
        """Give a header that knows level `z`, or all levels if that is None or not there."""
        header = self._header or await self._once.run("first", self._read_first)
        if not header.knows(z) and not header.walked:
            header = await self._once.run("held", self._read_held)
        return header if header.knows(z) else await self._once.run("all", self._read_all)

    async def _read_first(self) -> Header:
        self._header = await read_first(self._fetcher, self._limits, self._head_bytes)
        return self._header

    async def _read_held(self) -> Header:
        header = self._header or await self._read_first()
        self._header = await read_held(self._fetcher, self._limits, header)
        return self._header

    async def _read_all(self) -> Header:
        header = self._header or await self._read_first()
        self._header = await read_all(self._fetcher, self._limits, header)
        return self._header

    def _known(self) -> Header:
        if self._header is not None and not self._header.walked:
            self._header = sort_held(self._fetcher, self._limits, self._header) or self._header
        if self._header is None or not self._header.complete:
            message = "the file is not open yet: use `cog = await tinycog.open(...)`"
            raise UsageError(message)
        return self._header

    # --- facts -----------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What was opened: a url, a path."""
        return self._fetcher.source.name

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels of the pyramid, 0 = full resolution, masks not counted.

        Raises:
            UsageError: the file is not open yet.
        """
        pyramid = self._known().pyramid
        pairs = zip(pyramid.levels, pyramid.masks, strict=True)
        return tuple(Level(z, image, mask is not None) for z, (image, mask) in enumerate(pairs))

    @property
    def pages(self) -> int:
        """Number of further images in the file that are neither level nor mask."""
        return len(self._known().pyramid.pages)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found odd in the file so far, though it could be read."""
        found = () if self._header is None else self._header.pyramid.findings
        return (*found, *self._reader.findings)

    @property
    def requests(self) -> tuple[Request, ...]:
        """What was sent for this handle, in the order of the answers; the newest 10,000."""
        return tuple(self._fetcher.log)

    def snapshot(self) -> bytes:
        """What is known of the header, to be kept: `tinycog.open(where, snapshot=...)`.

        A handle that is opened with it asks for no header, nor for what was read of the index: a
        cold tile costs one request. It holds what names the generation of the file too, so that a
        changed file is noticed.

        Raises:
            UsageError: the file is not open yet.
        """
        self._known()
        return pack(self._fetcher.buffer, self._fetcher.tag)

    def __repr__(self) -> str:
        """What it is, as far as known."""
        if self._header is None:
            return f"<Cog {self.name}, not read yet>"
        if not self._header.walked:
            self._header = sort_held(self._fetcher, self._limits, self._header) or self._header
        variant = self._header.tiff.header.variant.name
        levels = [
            repr(Level(z, image, has_mask=False))
            for z, image in enumerate(self._header.pyramid.levels)
        ]
        return "\n  ".join([f"<Cog {self.name}, {variant}", *levels]) + ">"

    # --- reading ---------------------------------------------------------------------------------

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
        return await self._tiles.read(_tile((z, x, y)), How(padded, rgb))

    async def read_tiles(
        self, tiles: Iterable[tuple[int, int, int]], *, padded: bool = False, rgb: bool = False
    ) -> list[Raster]:
        """Read several tiles, of any levels, planned together.

        Args and errors are those of `read_tile`; the result has the order of `tiles`. Cost: tiles
        that lie near each other share a request; `plan` tells.
        """
        wanted = [_tile(place) for place in tiles]
        unique = list(dict.fromkeys(wanted))
        rasters = await self._read_tiles(unique, padded=padded, rgb=rgb)
        found = dict(zip(unique, rasters, strict=True))
        again: set[Tile] = set()
        return [
            found[tile].copy() if tile in again else (again.add(tile) or found[tile])
            for tile in wanted
        ]

    async def _read_tiles(self, tiles: list[Tile], *, padded: bool, rgb: bool) -> list[Raster]:
        """Read tiles that all differ."""
        if not tiles:
            return []
        images = await self._images(tiles)
        rooms = [new_room(images[tile.z], tile, self._limits, padded=padded) for tile in tiles]
        groups = [
            tile_pieces(images[tile.z], tile, room) for tile, room in zip(tiles, rooms, strict=True)
        ]
        flat = [piece for group in groups for piece in group]
        found = iter(await self._reader.read(flat, await self._ghost()))
        rasters = [
            raster_of(images[tile.z], tile, room, islice(found, len(group)))
            for tile, room, group in zip(tiles, rooms, groups, strict=True)
        ]
        return [await self._in_colours(raster) for raster in rasters] if rgb else rasters

    async def read(
        self,
        *,
        window: Sequence[int] | None = None,
        level: int = 0,
        bands: Iterable[int] | int | None = None,
        out: Pixels | None = None,
        rgb: bool = False,
    ) -> Raster:
        """Read a window of a level.

        Args:
            window: (col_off, row_off, width, height) in pixels of that level, inside it; None is
                all of it.
            level: 0 = full resolution.
            bands: which, counted from 0, in the order wanted; None is all. Where bands are stored
                apart, only theirs are fetched.
            out: a caller's array to put the pixels into: (bands, rows, cols) and the file's dtype.
                After an error or a cancellation its contents are anything, and may still change.
            rgb: as for `read_tile`; not together with `bands` or `out`.

        Returns:
            The pixels as (bands, rows, cols).

        Raises:
            UsageError: the window does not lie inside the level, there is no such band, or `out`
                does not fit.
            TileIndexError: there is no such level.
            FormatError, UnsupportedError, LimitError, SourceError: as for `read_tile`.

        Cost: tiles that lie side by side share a request, so in a COG one for each row of tiles;
        no tile is read twice; `plan` tells.
        """
        if rgb and not (bands is None and out is None):
            message = "rgb=True makes bands and pixels of its own: leave out bands= and out="
            raise UsageError(message)
        image = await self._image(_index(level, "level"))
        found = checked_window(image, window)
        wanted = checked_bands(image, bands)
        room = checked_room(out, (len(wanted), found.height, found.width), image.dtype)
        pieces = window_pieces(image, level, found, wanted, room)
        findings = await self._reader.read(pieces, await self._ghost())
        flat = tuple(finding for odd in findings for finding in odd)
        raster = Raster(room, level, found, image.nodata, flat)
        return await self._in_colours(raster) if rgb else raster

    async def read_level(self, z: int, **options: Any) -> Raster:  # noqa: ANN401 - those of `read`
        """Read a whole level: `read(level=z)`, with its options."""
        return await self.read(level=z, **options)

    async def plan(
        self,
        *tiles: Any,  # noqa: ANN401 - those of `read_tile` or `read_tiles`
        window: Sequence[int] | None = None,
        level: int = 0,
        bands: Iterable[int] | int | None = None,
    ) -> Plan:
        """Say what a read will send, without sending it.

        ::

            await cog.plan(z, x, y)                    # of read_tile
            await cog.plan([(z, x, y), ...])           # of read_tiles
            await cog.plan(window=..., level=...)      # of read

        Cost: what of the header and the index is not held yet is read for it; then the read costs
        just the requests of the plan, if nobody else reads meanwhile.

        Raises:
            TinycogError: what the read itself would raise before it sends anything.
        """
        ghost = await self._ghost()
        if tiles:
            wanted = [_tile(place) for place in ([tiles] if len(tiles) > 1 else next(iter(tiles)))]
            images = await self._images(wanted)
            pieces = [
                piece for tile in dict.fromkeys(wanted) for piece in _unread(images[tile.z], tile)
            ]
            return await self._reader.plan(pieces, ghost)
        image = await self._image(_index(level, "level"))
        found = checked_window(image, window)
        chosen = checked_bands(image, bands)
        room = no_room((len(chosen), found.height, found.width), image.dtype)
        return await self._reader.plan(window_pieces(image, level, found, chosen, room), ghost)

    async def read_tile_bytes(self, z: int, x: int, y: int, *, plane: int = 0) -> bytes | None:
        """Read one tile's bytes as they are stored, encoded; None if it is not stored.

        `plane` picks the band where bands are stored apart. Cost and errors are those of
        `read_tile`. A JPEG tile may need the tables in `levels[z].image.options`.
        """
        tile = _tile((z, x, y))
        pieces = _unread(await self._image(tile.z), tile)
        if not 0 <= plane < len(pieces):
            message = f"plane {plane} does not exist (planes 0 to {len(pieces) - 1})"
            raise TileIndexError(message)
        return await self._reader.read_bytes(pieces[plane])

    async def read_colormap(self, z: int = 0) -> NDArray[np.uint16] | None:
        """Read a level's ColorMap as (entries, 3): red, green, blue of 16 bits.

        None stands for a level without one that can be used.
        Cost: no request where it came with the header, else 1.
        """
        image = await self._image(_index(z, "z"))
        entry = image.ifd.entries.get(Tag.ColorMap)
        if entry is None:
            return None
        values = parse_values(
            self._fetcher.buffer, (await self._ensure(0)).tiff.header, [entry], self._limits
        )
        (colours,) = await self._fetcher.drive(values)
        if entry.field_type.name != "SHORT" or entry.count % 3:
            return None
        return np.array(colours, np.uint16).reshape(3, -1).T

    async def _ghost(self) -> Ghost | None:
        return (await self._ensure(0)).ghost

    async def _images(self, tiles: Iterable[Tile]) -> dict[int, Image]:
        return {z: await self._image(z) for z in sorted({tile.z for tile in tiles})}

    async def _image(self, z: int) -> Image:
        header = await self._ensure(z if z >= 0 else None)
        levels = header.pyramid.levels
        if not 0 <= z < len(levels):
            all_levels = f"levels 0 to {len(levels) - 1}, 0 = full resolution"
            message = f"level {z} does not exist ({all_levels})"
            raise TileIndexError(message)
        return levels[z]

    async def _found(self, z: int) -> tuple[Image, Ghost | None]:
        return await self._image(z), await self._ghost()

    async def _in_colours(self, raster: Raster) -> Raster:
        """What a person would look at, of samples as stored."""
        image = await self._image(raster.level)
        is_palette = image.photometric == Photometric.PALETTE
        colormap = await self.read_colormap(raster.level) if is_palette else None
        pixels = await in_worker(_to_rgb, image, raster.data, colormap)
        return replace(raster, data=pixels, nodata=None)

    def __getstate__(self) -> tuple[Any, ...]:
        """Pickle what it was opened with; the header is read anew, but for a snapshot's."""
        return self._opened_with

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Start over."""
        self.__init__(*state)  # type: ignore[misc]


def _tile(place: Iterable[Any]) -> Tile:
    try:
        z, x, y = place
    except (TypeError, ValueError) as exc:
        message = f"a tile is three integers (z, x, y), not {place!r}"
        raise UsageError(message) from exc
    return Tile(_index(z, "z"), _index(x, "x"), _index(y, "y"))


def _index(value: Any, name: str) -> int:  # noqa: ANN401 - anything a caller may pass
    try:
        return operator.index(value)
    except TypeError as exc:
        message = f"{name} must be an integer, not {value!r}"
        raise UsageError(message) from exc


def _unread(image: Image, tile: Tile) -> list[Piece]:
    """The pieces of a tile of which no pixels are wanted."""
    shape = tile_shape(image, tile, padded=False)
    return tile_pieces(image, tile, no_room(shape, np.dtype(np.uint8)))


def _to_rgb(image: Image, pixels: Pixels, colormap: NDArray[np.uint16] | None) -> Pixels:
    from tinycog.decode import to_rgb  # noqa: PLC0415 - loads imagecodecs

    return np.require(to_rgb(image, pixels, colormap), requirements=["C", "W"])


def open(  # noqa: A001 - the library's verb, as in rasterio
    where: Where | Source,
    *,
    fs: Any = None,  # noqa: ANN401 - fsspec has no types
    headers: Mapping[str, str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    head_bytes: int = HEAD_BYTES,
    snapshot: bytes | None = None,
) -> Cog:
    """Make a handle for a TIFF, BigTIFF or COG, without any I/O.

    ::

        tile = await tinycog.open(url).read_tile(z, x, y)   # opens itself
        cog = await tinycog.open(url)                       # or at once: cog.levels
        async with tinycog.open(path) as cog: ...

    Args:
        where: a url (`https://`, `s3://` and whatever fsspec knows), a path, or the bytes.
        fs: an fsspec file system; `where` is then a path in it.
        headers: sent along with each HTTP request.
        storage_options: for the fsspec file system of a url.
        limits: guards against files that ask for too much.
        head_bytes: bytes of the first request. Who knows that the header is longer than 32 KiB
            saves the requests for the rest of it.
        snapshot: what `Cog.snapshot()` gave: the header is not read again.

    Raises:
        UsageError: `where` or `snapshot` is none of these.
    """
    source = make_source(where, fs=fs, headers=headers, storage_options=storage_options)
    return Cog(source, limits or Limits(), head_bytes, snapshot)
