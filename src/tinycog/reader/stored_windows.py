"""Fill windows of a level from its stored tiles: several windows in one read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from tinycog.errors import Finding
from tinycog.fetch.fetcher import Fetcher
from tinycog.limits import Limits
from tinycog.reader.tile_reader import TileReader

if TYPE_CHECKING:
    from tinycog.argument_types import ErrorHandling
    from tinycog.fetch.plan import Plan
    from tinycog.reader.level_source import LevelSource
    from tinycog.reader.window_buffers import WindowBuffers


class StoredWindows:
    """The `WindowReader` of one file.

    Attributes:
        reader: reads its stored tiles.
    """

    def __init__(self, fetcher: Fetcher, limits: Limits) -> None:
        """Make what reads stored tiles; nothing is read."""
        self.reader = TileReader(fetcher, limits)

    @property
    def limits(self) -> Limits:
        """Those of the handle."""
        return self.reader.limits

    @property
    def file_size(self) -> int | None:
        """Bytes of the file and of those beside, None before the first response tells."""
        return self.reader.file_size

    @property
    def pixel_memory(self) -> int:
        """None: tiles are decoded into the arrays."""
        return 0

    async def fill(
        self,
        source: LevelSource,
        z: int,
        buffers: Sequence[WindowBuffers],
        errors: ErrorHandling,
    ) -> tuple[list[WindowBuffers], tuple[Finding, ...]]:
        """Fetch and decode the stored tiles of windows together; see `WindowReader.fill`."""
        parts = [one.parts(source, z) for one in buffers]
        results = await self.reader.read(list(chain.from_iterable(parts)), errors)
        rest = iter(results)
        filled = [
            one.read(source.image, own, list(islice(rest, len(own))))
            for one, own in zip(buffers, parts, strict=True)
        ]
        return filled, tuple(finding for result in results for finding in result.findings)

    async def plan(self, source: LevelSource, z: int, buffers: Sequence[WindowBuffers]) -> Plan:
        """Return the requests that `fill` would send; see `WindowReader.plan`."""
        return await self.reader.plan([part for one in buffers for part in one.parts(source, z)])
