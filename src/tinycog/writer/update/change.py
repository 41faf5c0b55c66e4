"""A window of a file is changed: the bytes of a full rewrite, of as few new ones as that takes.

See cog.updated.bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.written_facts import WrittenFacts
from tinycog.limits import Limits
from tinycog.targets.pieces import Piece
from tinycog.thread_pool import run_in_pool, start_in_pool
from tinycog.tiff.layout import Field
from tinycog.tiff.spec import BIG, CLASSIC, Compression
from tinycog.writer.assemble import Pixels, RawTile
from tinycog.writer.head import HeadLevel, plan_head
from tinycog.writer.records import LevelIndex
from tinycog.writer.update.old import OldTiles
from tinycog.writer.update.pieces import new_pieces
from tinycog.writer.update.pixels import NewPixels, differing
from tinycog.writer.update.recover import (
    Said,
    WrittenBy,
    codec_names,
    codecs,
    files,
    method_names,
)
from tinycog.writer.update.region import (
    Needed,
    Place,
    changed_regions,
    changed_tiles,
)
from tinycog.writer.update.statistics import (
    have_statistics,
    new_fields,
    new_moments,
)
from tinycog.writer.update.stored import Read, StoredFile, StoredTile
from tinycog.writer.update.trials import encoded, usable
from tinycog.writer.update.ways import Ways

MORE_TILES = 16
"""Tiles that are read where those that change do not tell the level."""


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
            facts: its nodata and palette.
            said: what the caller says of how it was written.
            read: reads ranges of it.
            limits: of what is decoded.

        Raises:
            UsageError, UnsupportedError: it cannot be updated, or was not written so.
        """
        self._stored = stored
        self._said = said
        told = codecs(stored, said)
        written = files(stored, said, facts)
        told = usable(written[0].design, told)
        numbers = [z for z, one in enumerate(written[0].levels) if one.shape.is_stored]
        self._levels = dict(zip(numbers, stored.levels, strict=True))
        self._old = OldTiles(stored, self._levels, read, limits)
        self._ways = Ways(written, told, self._old, stored.levels[0])

    async def make(self, block: Pixels) -> Changed:
        """Return what changes with a block of new pixels of level 0.

        Raises:
            UsageError: how the file was written does not show: it must be said.
            UnsupportedError: no way of ours gives the tiles that are there.
            TinycogError: a tile cannot be read, or encoded.
        """
        ways = self._ways
        ways.hold_alpha(block.samples, "the block")
        levels = ways.written[0].levels
        changed = changed_tiles(levels, changed_regions(levels, block.region))
        await ways.try_near([place for place in changed if not place[0]])
        made = await self._made(block)
        if made is None:
            await ways.try_longest()
            made = await self._made(block)
        if made is None:
            names = method_names(ways.written)
            raise _ambiguous("overview_resampling=, like= and mask=", names)
        tiles = await self._encoded(made)
        for more in (0, MORE_TILES):
            if tiles is None:
                await ways.try_more_codecs(more)
                tiles = await self._encoded(made)
        if tiles is None:
            raise _ambiguous(*codec_names(ways.codecs))
        return await self._changed(made, tiles)

    # --- pixels ----------------------------------------------------------------------------------

    async def _made(self, block: Pixels) -> Mapping[Place, RawTile] | None:
        """Return the new tiles, None if it is not the same ones in each way that may be."""
        first: Mapping[Place, RawTile] | None = None
        for one in self._ways.written:
            found = await self._made_by(one, block)
            if first is None:
                first = found
            elif first.keys() != found.keys() or any(differing(first, found)):
                return None
        return first

    async def _made_by(self, written: WrittenBy, block: Pixels) -> Mapping[Place, RawTile]:
        levels = written.levels
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

    async def _encoded(self, tiles: Mapping[Place, RawTile]) -> Mapping[Place, StoredTile] | None:
        """Return what is stored of tiles, None if that is not the same at each level that may be.

        Raises:
            UsageError: whether empty tiles are left out does not show.
        """
        found = await self._encoded_so(tiles, sparse=True)
        lacking = [place for place, one in (found or {}).items() if not one.payloads]
        if lacking and not await self._is_sparse(lacking[0]):
            return await self._encoded_so(tiles, sparse=False)
        return found

    async def _encoded_so(
        self, tiles: Mapping[Place, RawTile], *, sparse: bool
    ) -> dict[Place, StoredTile] | None:
        written = self._ways.written[0]
        first: dict[Place, StoredTile] | None = None
        for told in self._ways.codecs:
            encoders = written.design.encoders_told(told)
            work = [partial(encoded, written, encoders, t, sparse=sparse) for t in tiles.values()]
            done = await asyncio.gather(*map(start_in_pool, work))
            found = dict(zip(tiles, done, strict=True))
            if first is not None and first != found:
                return None
            first = found
        return first

    async def _is_sparse(self, place: Place) -> bool:
        """Return whether tiles of nothing but nodata are left out, of which `place` is one now.

        Raises:
            UsageError: that does not show.
        """
        said = self._said.sparse
        has_holes = any((level.index.image == 0).any() for level in self._stored.levels)
        if said is False and has_holes:
            message = "tiles of the file are left out, so that it was not written by sparse=False"
            raise UsageError(message)
        if said is not None or has_holes:
            return said is not False
        level = self._levels[0]
        shortest = (0, *divmod(int(level.index.image.sum(axis=0).argmin()), level.grid.across))
        await self._old.load([shortest])
        tile, written = self._old.decoded[shortest], self._ways.written[0]
        encoders = written.design.encoders_told(self._ways.codecs[0])
        if not (await run_in_pool(encoded, written, encoders, tile, sparse=True)).payloads:
            return False
        z, y, x = place
        message = (
            f"tile x={x}, y={y} of level {z} has nothing but nodata or 0 now, and whether such"
            " tiles are left out does not show: pass sparse=, as the file was written (False by"
            " default)"
        )
        raise UsageError(message)

    async def _changed(
        self, made: Mapping[Place, RawTile], tiles: Mapping[Place, StoredTile]
    ) -> Changed:
        indices: list[LevelIndex] = []
        records: list[dict[int, bytes]] = []
        count = 0
        await self._old.load(self._maybe_same(tiles))
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
        pieces = list(new_pieces(self._stored, head, records))
        return Changed(pieces, head.file_length, count)

    def _maybe_same(self, tiles: Mapping[Place, StoredTile]) -> Iterator[Place]:
        """Iterate over the tiles that are as long as before: reading them may save sending them."""
        if self._stored.levels[0].image.compression == Compression.NONE:
            return
        for place, tile in tiles.items():
            level = self._levels[place[0]]
            position = level.position(*place[1:])
            lengths = [len(payload) for payload in tile.payloads]
            if lengths and lengths == level.index.image[:, position].tolist():
                yield place

    async def _fields(self, made: Mapping[Place, RawTile]) -> Sequence[Field]:
        """Return the tags of level 0, with the statistics of the new pixels where there are any."""
        had_some = bool(self._stored.bands_with_statistics)
        wants_some = had_some if self._said.statistics is None else self._said.statistics
        if not (had_some or wants_some):
            if self._said.statistics is None and not await self._would_have_some():
                message = (
                    "no valid pixel of the file was seen, so that it does not show whether it was"
                    " written with statistics: pass statistics=, as then (False by default)"
                )
                raise UsageError(message)
            return self._stored.levels[0].head.fields
        written = self._ways.written[0]
        moments = await new_moments(written, self._old, made) if wants_some else None
        return new_fields(self._stored, moments)

    async def _would_have_some(self) -> bool:
        """Return whether pixels were seen of which the file would have statistics."""
        for is_last in (False, True):
            if is_last:
                await self._ways.try_longest()
            tiles = [tile for tile in self._old.decoded.values() if not tile.level]
            if tiles and await start_in_pool(
                partial(have_statistics, self._ways.written[0], tiles)
            ):
                return True
        return False


def _copied(index: LevelIndex) -> LevelIndex:
    mask = None if index.mask is None else index.mask.copy()
    return LevelIndex(index.image.copy(), mask, index.interleave)


def _ambiguous(what: str, names: str) -> UsageError:
    message = (
        f"the tiles that were looked at do not tell how the file was written, and the new ones"
        f" would differ: pass {what} as it was; it may be {names}"
    )
    return UsageError(message)
