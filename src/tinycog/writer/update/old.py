"""Tiles of a file as they are stored, read and decoded once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from tinycog.limits import Limits
from tinycog.thread_pool import start_in_pool
from tinycog.writer.assemble import RawTile
from tinycog.writer.update.region import Place
from tinycog.writer.update.stored import Read, StoredFile, StoredLevel, StoredTile

BATCH_BYTES = 32 << 20
"""Bytes of tiles that are read at once, about."""


class OldTiles:
    """Tiles as they are stored.

    Attributes:
        stored: what is stored of those that were read.
        decoded: their pixels.
    """

    def __init__(
        self, file: StoredFile, levels: Mapping[int, StoredLevel], read: Read, limits: Limits
    ) -> None:
        """Take the file; nothing is read.

        Args:
            file: the file.
            levels: its levels, by their number among all that there are.
            read: reads ranges of it.
            limits: of what is decoded.
        """
        self.stored: dict[Place, StoredTile] = {}
        self.decoded: dict[Place, RawTile] = {}
        self._levels = levels
        self._read = read
        self._limits = limits
        self._fill = file.levels[0].image.fill_value

    async def load(self, places: Iterable[Place]) -> None:
        """Read and decode tiles, those that were not before.

        Raises:
            TinycogError: one cannot be.
        """
        wanted = sorted(place for place in set(places) if place not in self.decoded)
        ranges = [self._levels[z].records(y, x) for z, y, x in wanted]
        data = iter(await self._read([part for parts in ranges for part in parts]))
        for place, parts in zip(wanted, ranges, strict=True):
            records = [next(data) for _ in parts]
            self.stored[place] = self._levels[place[0]].unpacked(*place[1:], records)
        tiles = await asyncio.gather(
            *(start_in_pool(partial(self._decode, place)) for place in wanted)
        )
        self.decoded.update(zip(wanted, tiles, strict=True))

    def _decode(self, place: Place) -> RawTile:
        z, y, x = place
        return self._levels[z].decoded(z, y, x, self.stored[place], self._fill, self._limits)

    def forget(self, places: Iterable[Place]) -> None:
        """Drop tiles that are not needed again."""
        for place in places:
            del self.stored[place], self.decoded[place]

    def batches(self, z: int, without: Iterable[Place]) -> Iterator[list[Place]]:
        """Give all other tiles of a level, so many at once as are read at once."""
        level, skipped = self._levels[z], set(without)
        batch: list[Place] = []
        taken = 0
        for y in range(level.grid.down):
            for x in range(level.grid.across):
                if (z, y, x) in skipped:
                    continue
                batch.append((z, y, x))
                taken += level.grid.tile**2 * level.image.samples * level.image.dtype.itemsize
                if taken >= BATCH_BYTES:
                    yield batch
                    batch, taken = [], 0
        if batch:
            yield batch
