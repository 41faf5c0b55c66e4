"""The handle: `open` and `Cog`."""

from __future__ import annotations

import operator
from collections.abc import Generator, Iterable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tinycog.buffer import ByteRange, together
from tinycog.errors import (
    CorruptTileError,
    Finding,
    FormatError,
    Limits,
    TileIndexError,
    UsageError,
)
from tinycog.fetch import Fetcher, Once, Request, in_parallel
from tinycog.header import Header, read_all, read_first
from tinycog.image import Image
from tinycog.level import Level
from tinycog.parse import parse_values
from tinycog.plan import locate
from tinycog.raster import Raster, Window
from tinycog.sources import Source, Where, make_source
from tinycog.spec import Photometric, Tag
from tinycog.workers import in_worker


class Cog:
    """A TIFF, BigTIFF or COG that can be read by tiles. Made by `tinycog.open`.

    It opens itself at the first use, once, however many callers wait; `await cog` does just that.
    It may be used from several event loops and threads, and pickles as what it was opened with.
    """

    def __init__(self, source: Source, limits: Limits) -> None:
        """Keep the source; nothing is read. Use `tinycog.open`."""
        self._limits = limits
        self._fetcher = Fetcher(source)
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
        if header.complete or (z is not None and z < len(header.pyramid.levels)):
            return header
        return await self._once.run("all", self._read_all)

    async def _read_first(self) -> Header:
        self._header = await read_first(self._fetcher, self._limits)
        return self._header

    async def _read_all(self) -> Header:
        header = self._header or await self._read_first()
        self._header = await read_all(self._fetcher, self._limits, header)
        return self._header

    def _known(self) -> Header:
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
        return () if self._header is None else self._header.pyramid.findings

    @property
    def requests(self) -> tuple[Request, ...]:
        """What was sent for this handle, in the order of the answers; the newest 10,000."""
        return tuple(self._fetcher.log)

    def __repr__(self) -> str:
        """What it is, as far as known."""
        if self._header is None:
            return f"<Cog {self.name}, not read yet>"
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
        index.
        """
        return (await self.read_tiles([(z, x, y)], padded=padded, rgb=rgb))[0]

    async def read_tiles(
        self, tiles: Iterable[tuple[int, int, int]], *, padded: bool = False, rgb: bool = False
    ) -> list[Raster]:
        """Read several tiles, of any levels, planned together.

        Args and errors are those of `read_tile`; the result has the order of `tiles`. Cost: tiles
        that lie near each other share a request.
        """
        wanted = [_tile(place) for place in tiles]
        ranges = await self._locate(wanted)
        how = _How(padded, rgb, await self._colormaps(_levels(wanted)) if rgb else {})
        flat = [r for tile_ranges in ranges for r in tile_ranges if r is not None]
        parts = iter(await self._fetcher.read(flat))
        work = [
            self._decode(tile, [None if r is None else next(parts) for r in found], how)
            for tile, found in zip(wanted, ranges, strict=True)
        ]
        return await in_parallel(work)

    async def read_tile_bytes(self, z: int, x: int, y: int, *, plane: int = 0) -> bytes | None:
        """Read one tile's bytes as they are stored, encoded; None if it is not stored.

        `plane` picks the band where bands are stored apart. Cost and errors are those of
        `read_tile`. A JPEG tile may need the tables in `levels[z].image.options`.
        """
        tile = _tile((z, x, y))
        (found,) = await self._locate([tile])
        if not 0 <= plane < len(found):
            message = f"plane {plane} does not exist (planes 0 to {len(found) - 1})"
            raise TileIndexError(message)
        where = found[plane]
        return None if where is None else bytes((await self._fetcher.read([where]))[0])

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

    async def _colormaps(self, levels: Iterable[int]) -> dict[int, NDArray[np.uint16] | None]:
        """The palettes of those levels that are looked up in one."""
        return {
            z: await self.read_colormap(z)
            for z in levels
            if (await self._image(z)).photometric == Photometric.PALETTE
        }

    async def _image(self, z: int) -> Image:
        header = await self._ensure(z if z >= 0 else None)
        levels = header.pyramid.levels
        if not 0 <= z < len(levels):
            all_levels = f"levels 0 to {len(levels) - 1}, 0 = full resolution"
            message = f"level {z} does not exist ({all_levels})"
            raise TileIndexError(message)
        return levels[z]

    async def _locate(self, tiles: list[_Tile]) -> list[list[ByteRange | None]]:
        """Where the stored tiles of each tile lie, one for each plane; one step for all levels."""
        images = {z: await self._image(z) for z in _levels(tiles)}
        indices = [images[tile.z].grid.indices(tile.x, tile.y) for tile in tiles]
        by_level: dict[int, list[int]] = {z: [] for z in images}
        for tile, planes in zip(tiles, indices, strict=True):
            by_level[tile.z] += planes
        buffer, limits = self._fetcher.buffer, self._limits
        try:
            found = await self._fetcher.drive(
                together(locate(buffer, images[z], by_level[z], limits) for z in images)
            )
        except FormatError as exc:
            if len(tiles) > 1:
                raise
            raise _placed(exc, tiles[0]) from exc
        ranges = {z: iter(level) for z, level in zip(images, found, strict=True)}
        return [
            [next(ranges[tile.z]) for _ in planes]
            for tile, planes in zip(tiles, indices, strict=True)
        ]

    async def _decode(self, tile: _Tile, parts: list[memoryview | None], how: _How) -> Raster:
        image = await self._image(tile.z)
        try:
            data, findings = await in_worker(_decode_planes, image, tile, parts, how, self._limits)
        except FormatError as exc:
            raise _placed(exc, tile) from exc
        grid = image.grid
        window = Window(
            tile.x * grid.tile_width, tile.y * grid.tile_height, data.shape[2], data.shape[1]
        )
        return Raster(data, tile.z, window, None if how.rgb else image.nodata, findings)

    def __getstate__(self) -> tuple[Source, Limits]:
        """Pickle what it was opened with; the header is read anew."""
        return (self._fetcher.source, self._limits)

    def __setstate__(self, state: tuple[Source, Limits]) -> None:
        """Start over."""
        self.__init__(*state)  # type: ignore[misc]


class _Tile(NamedTuple):
    z: int
    x: int
    y: int


class _How(NamedTuple):
    """What is to be made of tiles; colormaps by level, where colours are asked for."""

    padded: bool
    rgb: bool
    colormaps: Mapping[int, NDArray[np.uint16] | None]


def _tile(place: Iterable[Any]) -> _Tile:
    try:
        z, x, y = place
    except (TypeError, ValueError) as exc:
        message = f"a tile is three integers (z, x, y), not {place!r}"
        raise UsageError(message) from exc
    return _Tile(_index(z, "z"), _index(x, "x"), _index(y, "y"))


def _levels(tiles: Iterable[_Tile]) -> list[int]:
    return sorted({tile.z for tile in tiles})


def _index(value: Any, name: str) -> int:  # noqa: ANN401 - anything a caller may pass
    try:
        return operator.index(value)
    except TypeError as exc:
        message = f"{name} must be an integer, not {value!r}"
        raise UsageError(message) from exc


def _placed(error: FormatError, tile: _Tile) -> FormatError:
    """The error, saying which tile it is about."""
    message = f"level {tile.z}, tile x={tile.x}, y={tile.y}: {error}"
    placed = CorruptTileError(message, finding=error.finding)
    placed.level, placed.x, placed.y = tile
    return placed


def _decode_planes(
    image: Image, tile: _Tile, parts: list[memoryview | None], how: _How, limits: Limits
) -> tuple[NDArray[Any], tuple[Finding, ...]]:
    """Decode the stored tiles of one tile into (bands, rows, cols), C order, writable."""
    from tinycog.decode import decode_tile, empty_tile, to_rgb  # noqa: PLC0415 - loads imagecodecs

    planes = [
        empty_tile(image, tile.y, limits)
        if part is None
        else decode_tile(image, tile.y, part, limits)
        for part in parts
    ]
    rows, cols = image.grid.inside(tile.x, tile.y)
    if how.padded:
        rows, cols = planes[0].pixels.shape[1:]
    data = [plane.pixels[:, :rows, :cols] for plane in planes]
    pixels = np.concatenate(data) if len(data) > 1 else data[0]
    if how.rgb:
        pixels = to_rgb(image, pixels, how.colormaps.get(tile.z))
    findings = tuple(finding for plane in planes for finding in plane.findings)
    return np.require(pixels, requirements=["C", "W"]), findings


def open(  # noqa: A001 - the library's verb, as in rasterio
    where: Where | Source,
    *,
    fs: Any = None,  # noqa: ANN401 - fsspec has no types
    headers: Mapping[str, str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
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

    Raises:
        UsageError: `where` is none of these.
    """
    source = make_source(where, fs=fs, headers=headers, storage_options=storage_options)
    return Cog(source, limits or Limits())
