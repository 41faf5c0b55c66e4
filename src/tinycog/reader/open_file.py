"""How a handle opens itself: once, as far as is needed, however many callers wait."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import FormatError, LimitError, TileIndexError, UsageError
from tinycog.fetch.fetcher import Fetcher
from tinycog.fetch.single_flight import SingleFlight
from tinycog.geo.colour import make_colormap
from tinycog.geo.lazy import LazyGeoreference
from tinycog.limits import Limits
from tinycog.reader.read_header import HeaderState, read_all, read_first, read_held, sort_held
from tinycog.reader.read_window import LevelSource as AreaSource
from tinycog.reader.snapshot import unpack
from tinycog.reader.tile_reader import TileReader
from tinycog.sources.protocol import Source
from tinycog.tiff.ghost import Ghost
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Value, parse_values
from tinycog.tiff.spec import Tag
from tinycog.window import Tile


class OpenFile:
    """A file as far as it has been opened.

    Attributes:
        header: what is known of it so far, None before the first read.
        fetcher: reads its bytes.
        reader: reads its tiles.
        limits: as the handle was given them.
        colormap: of level 0, once all is read.
    """

    def __init__(
        self, source: Source, limits: Limits, head_bytes: int, snapshot: bytes | None
    ) -> None:
        """Nothing is read."""
        self.limits = limits
        self.fetcher = Fetcher(source, limits)
        if snapshot is not None:
            self.fetcher.restore(*unpack(snapshot))
        self.reader = TileReader(self.fetcher, limits)
        self.header: HeaderState | None = None
        self.colormap: NDArray[np.uint16] | None = None
        self._head_bytes = head_bytes
        self._once = SingleFlight()
        self._facts: LazyGeoreference | None = None
        self._facts_read = False

    async def all(self) -> HeaderState:
        """Know all levels, and where they are."""
        header = await self.ensure(None)
        if not self._facts_read:
            await self._once.run("facts", self._read_facts)
        return header

    async def ensure(self, z: int | None) -> HeaderState:
        """Give a header that knows level `z`, or all levels if that is None or not there."""
        header = self.header or await self._once.run("first", self._read_first)
        if not header.knows(z):
            header = self.look() or header
        if not header.knows(z) and not header.walked:
            header = await self._once.run("held", self._read_held)
        return header if header.knows(z) else await self._once.run("all", self._read_all)

    def knows(self, z: int) -> bool:
        """Whether level `z` can be had without waiting."""
        return z >= 0 and self.header is not None and self.header.knows(z)

    async def _read_first(self) -> HeaderState:
        self.header = await read_first(self.fetcher, self.limits, self._head_bytes)
        return self.header

    async def _read_held(self) -> HeaderState:
        header = self.header or await self._read_first()
        self.header = await read_held(self.fetcher, self.limits, header)
        return self.header

    async def _read_all(self) -> HeaderState:
        header = self.header or await self._read_first()
        self.header = await read_all(self.fetcher, self.limits, header)
        return self.header

    async def _read_facts(self) -> None:
        await self.fetcher.drive(self.facts.parse())
        with suppress(FormatError, LimitError):  # pixels can be read without it
            self.colormap = await self.read_colormap(0)
        self._facts_read = True

    async def read_tag(self, tag: int, z: int) -> Value | None:
        """Return the value of a tag of a level's IFD, None without it; see `Cog.read_tag`."""
        entry = (await self.image(z)).ifd.entries.get(tag)
        if entry is None:
            return None
        header = (await self.ensure(0)).tiff.header
        parser = parse_values(self.fetcher.buffer, header, [entry], self.limits)
        (value,) = await self.fetcher.drive(parser)
        return value

    async def read_colormap(self, z: int) -> NDArray[np.uint16] | None:
        """Return a level's ColorMap as (entries, 3), or None; see `Cog.read_colormap`."""
        entry = (await self.image(z)).ifd.entries.get(Tag.ColorMap)
        value = await self.read_tag(Tag.ColorMap, z)
        return None if entry is None or value is None else make_colormap(entry, value)

    def look(self) -> HeaderState | None:
        """What is known, with all that can be known without a request."""
        if self.header is not None and not self.header.walked:
            self.header = sort_held(self.fetcher, self.limits, self.header) or self.header
        return self.header

    def known(self) -> HeaderState:
        """The header with all its levels.

        Raises:
            UsageError: not all of it has been read.
        """
        header = self.look()
        if header is None or not header.complete:
            message = "the file is not open yet: use `cog = await tinycog.open(...)`"
            raise UsageError(message)
        return header

    @property
    def facts(self) -> LazyGeoreference:
        """Where the pixels of level 0 are and what they mean.

        Raises:
            UsageError: the file is not open yet.
        """
        if self._facts is None:
            header = self.header or self.known()
            first = header.pyramid.levels[0]
            self._facts = LazyGeoreference(
                self.fetcher.buffer, header.tiff.header, first, self.limits
            )
        return self._facts

    async def image(self, z: int) -> Image:
        """A level.

        Raises:
            TileIndexError: there is none of that number.
        """
        header = await self.ensure(z if z >= 0 else None)
        levels = header.pyramid.levels
        if not 0 <= z < len(levels):
            all_levels = f"levels 0 to {len(levels) - 1}, 0 = full resolution"
            message = f"level {z} does not exist ({all_levels})"
            raise TileIndexError(message)
        return levels[z]

    async def images(self, tiles: Iterable[Tile]) -> dict[int, Image]:
        """The levels of tiles."""
        return {z: await self.image(z) for z in sorted({tile.z for tile in tiles})}

    async def ghost(self) -> Ghost | None:
        """GDAL's promises, if there are any."""
        return (await self.ensure(0)).ghost

    async def found(self, z: int) -> tuple[Image, Ghost | None]:
        """A level, and GDAL's promises."""
        return await self.image(z), await self.ghost()

    async def level_so_far(self, z: int) -> AreaSource:
        """A level with its mask, if that came with the header; no request is made to find it.

        Raises:
            TileIndexError: there is no level of that number.
        """
        image, ghost = await self.found(z)
        header = self.look()
        masks = () if header is None else header.pyramid.masks
        return AreaSource(image, masks[z] if z < len(masks) else None, ghost, self.facts)

    async def level(self, z: int) -> AreaSource:
        """A level with its mask: all levels are looked at for that.

        Raises:
            TileIndexError: there is none of that number.
        """
        header = await self.all()
        image = await self.image(z)
        return AreaSource(image, header.pyramid.masks[z], header.ghost, self.facts)
