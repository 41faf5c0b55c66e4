"""A level as chunks of an array: shapes, places of the stored tiles, what is stored short."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tinycog.adapters.references.tile_chunks import TileChunks
from tinycog.errors import UnsupportedError
from tinycog.level import Level
from tinycog.tile_facts import TileFacts, TileRange

if TYPE_CHECKING:
    from tinycog.cog import Cog


@dataclass(frozen=True)
class LevelChunks:
    """A level whose stored tiles are chunks.

    Attributes:
        level: its facts.
        facts: what decoding its tiles needs.
        ranges: its tiles, all planes, stored or not.
    """

    level: Level
    facts: TileFacts
    ranges: list[TileRange]

    @property
    def z(self) -> int:
        """Index of the level."""
        return self.level.z

    @cached_property
    def tiles(self) -> TileChunks:
        """Decoder of its tiles."""
        return TileChunks(self.facts, tuple(sorted({each.length for each in self.short_strips})))

    @property
    def chunk_shape(self) -> tuple[int, int, int]:
        """(bands, rows, cols) of a chunk."""
        return self.tiles.shape

    @property
    def stored(self) -> list[TileRange]:
        """Tiles that are stored."""
        return [each for each in self.ranges if not each.is_sparse]

    @property
    def has_sparse(self) -> bool:
        """Whether any tile is not stored."""
        return any(each.is_sparse for each in self.ranges)

    @cached_property
    def short_strips(self) -> list[TileRange]:
        """Strips at the bottom that are lower than a chunk: they end with the image."""
        facts = self.facts
        last = facts["height"] // facts["tile_height"]
        is_cut = facts["strips"] and last > 0 and facts["height"] % facts["tile_height"] > 0
        return [each for each in self.stored if is_cut and each.y == last]

    @property
    def like_short_strips(self) -> list[TileRange]:
        """Whole strips whose encoded length is that of a short one."""
        if not self.short_strips:
            return []
        last = self.short_strips[0].y
        return [each for each in self.stored if each.y < last and each.length in self.tiles.short]


async def read_levels(cog: Cog, levels: Iterable[int]) -> list[LevelChunks]:
    """Read where the tiles of levels lie, together.

    Raises:
        TileIndexError: there is no such level.
        UnsupportedError: a level lies in a file beside (cog.references.place), or no numpy type
            holds its samples.
        LimitError, FormatError, SourceError: those of `Cog.tile_ranges`.
    """
    chosen = list(levels)
    reads = [asyncio.gather(cog.tile_facts(z), cog.tile_ranges(z)) for z in chosen]
    places = await asyncio.gather(*reads)
    found = [LevelChunks(cog.levels[z], *each) for z, each in zip(chosen, places, strict=True)]
    for chunks in found:
        if chunks.level.image.sidecar:
            raise refusal(
                chunks, "place", f"it lies beside the file, in {chunks.level.image.sidecar}"
            )
        _ = chunks.level.dtype
    return found


def refusal(chunks: LevelChunks, rule: str, reason: str, value: object = None) -> UnsupportedError:
    """Return the error for a level that references cannot express."""
    message = f"references cannot express level {chunks.z}: {reason} [cog.references.{rule}]"
    return UnsupportedError(message, feature=f"cog.references.{rule}", value=value)
