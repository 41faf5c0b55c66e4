"""Statistics of all pixels of a file of which some change: level 0 is read once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from tinycog.geo.write_metadata import with_statistics
from tinycog.thread_pool import start_in_pool
from tinycog.tiff.layout import Field
from tinycog.tiff.spec import Tag
from tinycog.writer.assemble import Pixels, RawTile
from tinycog.writer.level_tags import statistics_of
from tinycog.writer.statistics import Moments, StatisticsTree
from tinycog.writer.update.old import OldTiles
from tinycog.writer.update.recover import WrittenBy, source_tile
from tinycog.writer.update.region import Place
from tinycog.writer.update.stored import StoredFile


def have_statistics(written: WrittenBy, tiles: Sequence[RawTile]) -> bool:
    """Return whether tiles have pixels that a file with statistics would tell of."""
    if tiles[0].samples.dtype.kind == "c":
        return True  # of which there never are any
    grid = written.levels[0].shape.grid
    found = (moments for tile in tiles for moments in measured(written, tile))
    return any(statistics_of(moments, grid) is not None for moments in found)


def measured(written: WrittenBy, tile: RawTile) -> Sequence[Moments]:
    """Return the moments of each band of a tile."""
    work = replace(written.levels[0].work, reducer=None, statistics=True)
    tile = source_tile(tile, marks_alpha=written.marks_alpha)
    return work.carry_out(tile, Pixels(*tile[3:]), None).moments


async def new_moments(
    written: WrittenBy, old: OldTiles, new: Mapping[Place, RawTile]
) -> Sequence[Moments]:
    """Return the moments of each band over all tiles of level 0, those that change as they will be.

    Raises:
        TinycogError: a tile cannot be read.

    Cost: level 0 is read once, but for what was read before.
    """
    tree = StatisticsTree()
    across = written.levels[0].shape.grid.across

    async def add(tiles: Sequence[RawTile]) -> None:
        found = await asyncio.gather(
            *(start_in_pool(partial(measured, written, tile)) for tile in tiles)
        )
        for tile, moments in zip(tiles, found, strict=True):
            tree.add(tile.y * across + tile.x, moments)

    first = [tile for tile in new.values() if not tile.level]
    await add(first)
    for batch in old.batches(0, [(0, tile.y, tile.x) for tile in first]):
        read = [place for place in batch if place not in old.decoded]
        await old.load(read)
        await add([old.decoded[place] for place in batch])
        old.forget(read)
    return tree.result()


def new_fields(file: StoredFile, moments: Sequence[Moments] | None) -> list[Field]:
    """Return the tags of level 0 with other statistics; None = with none."""
    first, fields = file.levels[0], file.levels[0].head.fields
    found = [statistics_of(one, first.grid) for one in moments or ()]
    statistics = [*found, *[None] * (first.image.samples - len(found))]
    text = with_statistics(file.metadata, statistics)
    others = [one for one in fields if one.tag != Tag.GDALMetadata]
    return [*others, Field(Tag.GDALMetadata, "ASCII", text)] if text else others
