"""Statistics of all pixels of a file of which some change: level 0 is read once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from tinycog.geo.metadata import STATISTICS
from tinycog.geo.metadata_items import parse_items
from tinycog.geo.write_metadata import with_statistics
from tinycog.thread_pool import start_in_pool
from tinycog.tiff.layout import Field
from tinycog.tiff.spec import Tag
from tinycog.writer.assemble import Pixels, RawTile
from tinycog.writer.cog_file import LevelWork, statistics_of
from tinycog.writer.statistics import Moments, StatisticsTree
from tinycog.writer.update.old import OldTiles
from tinycog.writer.update.region import Place


def metadata_text(fields: Sequence[Field]) -> str:
    """Return GDAL's metadata of a level; empty without any."""
    values = next((one.values for one in fields if one.tag == Tag.GDALMetadata), b"")
    return values.rstrip(b"\0").decode() if isinstance(values, bytes) else ""


def has_statistics(text: str) -> bool:
    """Return whether metadata holds statistics of a band."""
    items, _ = parse_items(text) if text else ([], None)
    return any(item.band is not None and item.name in STATISTICS for item in items)


async def new_moments(
    level: LevelWork, old: OldTiles, new: Mapping[Place, RawTile]
) -> Sequence[Moments]:
    """Return the moments of each band over all tiles of level 0, those that change as they will be.

    Raises:
        TinycogError: a tile cannot be read.

    Cost: level 0 is read once, but for what was read before.
    """
    work = replace(level.work, reducer=None, statistics=True, verify=False)
    tree = StatisticsTree()
    across = level.shape.grid.across

    def measured(tile: RawTile) -> Sequence[Moments]:
        return work.carry_out(tile, Pixels(*tile[3:]), None).moments

    async def add(tiles: Sequence[RawTile]) -> None:
        found = await asyncio.gather(*(start_in_pool(partial(measured, tile)) for tile in tiles))
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


def new_fields(
    fields: Sequence[Field], level: LevelWork, moments: Sequence[Moments] | None, bands: int
) -> list[Field]:
    """Return the tags of level 0 with other statistics; None = with none."""
    grid = level.shape.grid
    found = [statistics_of(one, grid) for one in moments or ()]
    statistics = [*found, *[None] * (bands - len(found))]
    text = with_statistics(metadata_text(fields), statistics)
    others = [one for one in fields if one.tag != Tag.GDALMetadata]
    return [*others, Field(Tag.GDALMetadata, "ASCII", text)] if text else others
