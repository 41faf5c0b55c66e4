"""A window of a file is changed: what a full rewrite would give, of as few bytes as that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from tinycog.encode.tile_format import CodecOptions
from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.written_facts import WrittenFacts
from tinycog.limits import Limits
from tinycog.targets.pieces import Piece
from tinycog.thread_pool import shared_pool, start_in_pool
from tinycog.writer.assemble import Pixels, RawTile
from tinycog.writer.cog_file import CogFile
from tinycog.tiff.layout import Field
from tinycog.tiff.spec import BIG, CLASSIC
from tinycog.writer.head import HeadLevel, plan_head
from tinycog.writer.records import LevelIndex
from tinycog.writer.update.old import OldTiles
from tinycog.writer.update.pieces import new_pieces
from tinycog.writer.update.pixels import NewPixels, differing
from tinycog.writer.update.recover import (
    Said,
    Written,
    codecs,
    files,
    level_names,
    method_names,
)
from tinycog.writer.update.region import (
    Needed,
    Place,
    changed_regions,
    changed_tiles,
)
from tinycog.writer.update.statistics import (
    has_statistics,
    metadata_text,
    new_fields,
    new_moments,
)
from tinycog.writer.update.stored import Read, StoredFile, StoredTile
from tinycog.writer.update.trials import encoded, fitting_codecs, fitting_methods, usable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Changed:
    """A file of which some tiles change.

    Attributes:
        pieces: the new file, of new bytes and of ranges of the old one; None if it is the same.
        length: of it in bytes.
        tiles: that change, of all levels.
    """

    pieces: Sequence[Piece] | None
    length: int
    tiles: int


class Change:
    """New pixels of a window of a file."""

    def __init__(
        self, stored: StoredFile, facts: WrittenFacts, said: Said, read: Read, limits: Limits
    ) -> None:
        """Take the file.

        Args:
            stored: as it is.
            facts: its nodata and colours.
            said: what the caller says of how it was written.
            read: reads ranges of it.
            limits: of what is decoded.

        Raises:
            UsageError, UnsupportedError: it cannot be updated, or was not written so.
        """
        self._stored = stored
        self._said = said
        self._written = files(stored, said, facts, shared_pool().size)
        self._codecs = usable(self._written[0].file, codecs(stored, said))
        numbers = [z for z, one in enumerate(self._written[0].file.levels) if one.shape.is_stored]
        self._levels = dict(zip(numbers, stored.levels, strict=True))
        self._old = OldTiles(stored, self._levels, read, limits)

    async def make(self, block: Pixels) -> Changed:
        """Return what changes with a block of new pixels of level 0.

        Raises:
            UsageError: how the file was written does not show: it must be said.
            UnsupportedError: no way of ours gives the tiles that are there.
            TinycogError: a tile cannot be read, or encoded.
        """
        regions = changed_regions(self._written[0].file.levels, block.region)
        changed = list(changed_tiles(self._written[0].file.levels, regions))
        near = self._longest([place for place in changed if not place[0]])
        if near is not None:
            await self._try(near)
        made = await self._made(block)
        if made is None:
            await self._try_farthest()
            made = await self._made(block)
        if made is None:
            names = method_names(self._written)
            raise _ambiguous("overview_resampling= and like=", names)
        tiles = await self._encoded(made)
        if tiles is None:
            await self._try_farthest()
            tiles = await self._encoded(made)
        if tiles is None:
            raise _ambiguous("level=", level_names(self._codecs))
        return await self._changed(made, tiles)

    # --- how it was written ----------------------------------------------------------------------

    def _longest(self, places: Sequence[Place]) -> Place | None:
        """Return the tile of which most is stored, None if nothing is of any."""
        level = self._levels[0]
        lengths = level.index.image.sum(axis=0)
        best = max(places, key=lambda place: lengths[level.position(*place[1:])], default=None)
        return best if best is not None and lengths[level.position(*best[1:])] else None

    async def _try_farthest(self) -> None:
        """Hold what may be against the tile of level 0 that tells most."""
        level = self._levels[0]
        position = int(np.argmax(level.index.image.sum(axis=0)))
        place = (0, *divmod(position, level.grid.across))
        if level.index.image[:, position].any():
            await self._try(place)

    async def _try(self, place: Place) -> None:
        """Leave only what gives a tile as it is stored, and what the next level has of it.

        Raises:
            UnsupportedError: nothing does.
        """
        found = await fitting_methods(self._written, self._old, place)
        if not found:
            message = (
                f"the overviews are not those of {method_names(self._written)}: say which"
                " overview_resampling= they were made by (and like=), or write the file anew"
            )
            raise UnsupportedError(message, feature="update", value="overview_resampling")
        self._written = found
        tile, stored = self._old.decoded[place], self._old.stored[place]
        told = await fitting_codecs(found[0].file, self._codecs, tile, stored)
        if not told:
            what = "" if self._said.level is None else f" at level={self._said.level}"
            message = (
                f"tile x={place[2]}, y={place[1]} of level 0 is not as it is encoded here{what}: it"
                " was by another level, another version of the codec, or with loss; write the file"
                " anew"
            )
            raise UnsupportedError(message, feature="update", value="level")
        self._codecs = told

    # --- pixels ----------------------------------------------------------------------------------

    async def _made(self, block: Pixels) -> Mapping[Place, RawTile] | None:
        """Return the new tiles, None if it is not the same ones in each way that may be."""
        first: Mapping[Place, RawTile] | None = None
        for one in self._written:
            found = await self._made_by(one, block)
            if first is None:
                first = found
            elif first.keys() != found.keys() or any(differing(first, found)):
                return None
        return first

    async def _made_by(self, written: Written, block: Pixels) -> Mapping[Place, RawTile]:
        levels = written.file.levels
        regions = changed_regions(levels, block.region)
        await self._old.load(Needed(levels, regions).tiles)
        new = NewPixels(levels, regions, block, self._old.decoded)
        for z in self._levels:
            places = [place for place in changed_tiles(levels, regions) if place[0] == z]
            made = await asyncio.gather(
                *(start_in_pool(partial(new.make, place)) for place in places)
            )
            new.tiles.update(zip(places, made, strict=True))
        return new.tiles

    # --- bytes -----------------------------------------------------------------------------------

    @property
    def _file(self) -> CogFile:
        return self._written[0].file

    async def _encoded(
        self, tiles: Mapping[Place, RawTile]
    ) -> Mapping[Place, StoredTile] | None:
        """Return what is stored of tiles, None if that is not the same at each level that may be.

        Raises:
            UsageError: whether empty tiles are left out does not show.
        """
        first: Mapping[Place, StoredTile] | None = None
        for told in self._codecs:
            found = await self._encoded_by(told, tiles)
            if first is None:
                first = found
            elif first != found:
                return None
        return first

    async def _encoded_by(
        self, told: CodecOptions, tiles: Mapping[Place, RawTile]
    ) -> Mapping[Place, StoredTile]:
        has_holes = any((level.index.image == 0).any() for level in self._stored.levels)
        said = self._said.sparse
        if said is False and has_holes:
            message = "tiles of the file are left out, so that it was not written by sparse=False"
            raise UsageError(message)
        sparse = said if said is not None else True
        work = [
            partial(encoded, self._file, told, tile, sparse=sparse) for tile in tiles.values()
        ]
        found = dict(
            zip(tiles, await asyncio.gather(*map(start_in_pool, work)), strict=True)
        )
        lacking = [place for place, one in found.items() if not one.payloads]
        if lacking and said is None and not has_holes:
            z, y, x = lacking[0]
            message = (
                f"tile x={x}, y={y} of level {z} has nothing but nodata or 0 now, and no tile of the"
                " file is left out: pass sparse=, as the file was written (False by default)"
            )
            raise UsageError(message)
        return found

    async def _changed(
        self, made: Mapping[Place, RawTile], tiles: Mapping[Place, StoredTile]
    ) -> Changed:
        indices: list[LevelIndex] = []
        records: list[dict[int, bytes]] = []
        count = 0
        for z, level in self._levels.items():
            index = _copied(level.index)
            changed: dict[int, bytes] = {}
            for place, tile in tiles.items():
                if place[0] != z or self._old.stored.get(place) == tile:
                    continue
                count += 1
                position = level.position(*place[1:])
                for at, record in index.put(position, tile.payloads, tile.mask):
                    changed[at] = b"".join(record)
            indices.append(index)
            records.append(changed)
        heads = [
            HeadLevel(level.head.fields, index, level.head.mask_fields)
            for level, index in zip(self._stored.levels, indices, strict=True)
        ]
        heads[0] = replace(heads[0], fields=await self._fields(made))
        order = self._stored.levels[0].image.byte_order
        head = plan_head(heads, byte_order=order, bigtiff=self._stored.bigtiff)
        if head.variant is CLASSIC and self._stored.head.variant is BIG:
            message = (
                "the file gets short enough for a TIFF that is no BigTIFF, and whether it has to be"
                " one does not show: write it anew"
            )
            raise UnsupportedError(message, feature="update", value="bigtiff")
        if not count and b"".join(head.write()) == b"".join(self._stored.head.write()):
            return Changed(None, head.file_length, 0)
        pieces = list(new_pieces(self._stored.levels, head, records))
        return Changed(pieces, head.file_length, count)

    async def _fields(self, made: Mapping[Place, RawTile]) -> Sequence[Field]:
        """Return the tags of level 0, with the statistics of the new pixels where there are any."""
        fields = self._stored.levels[0].head.fields
        had_some = has_statistics(metadata_text(fields))
        wants_some = had_some if self._said.statistics is None else self._said.statistics
        if not (had_some or wants_some):
            return fields
        level = self._file.levels[0]
        moments = await new_moments(level, self._old, made) if wants_some else None
        return new_fields(fields, level, moments, self._stored.levels[0].image.samples)


def _copied(index: LevelIndex) -> LevelIndex:
    mask = None if index.mask is None else index.mask.copy()
    return LevelIndex(index.image.copy(), mask, index.interleave)


def _ambiguous(what: str, names: str) -> UsageError:
    message = (
        f"the tiles that were looked at do not tell how the file was written, and the new ones"
        f" would differ: pass {what} as it was; it may be {names}"
    )
    return UsageError(message)
