"""What reads of areas need of a file, or of many that are read as one: two protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import ErrorHandling
from tinycog.errors import Finding
from tinycog.fetch.plan import Plan
from tinycog.geo.lazy import LazyGeoreference
from tinycog.limits import Limits
from tinycog.reader.level_source import LevelSource
from tinycog.reader.window_buffers import WindowBuffers
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Value

if TYPE_CHECKING:
    from tinycog.geo.metadata import Metadata


class WindowReader(Protocol):
    """Fills the arrays of windows of a level."""

    @property
    def limits(self) -> Limits:
        """What is checked before anything is fetched."""
        ...

    @property
    def file_size(self) -> int | None:
        """Bytes that the pixels are stored in, None before that is known."""
        ...

    @property
    def pixel_memory(self) -> int:
        """Bytes that a pixel of a window takes while it is filled, besides those of its arrays."""
        ...

    async def fill(
        self,
        source: LevelSource,
        z: int,
        buffers: Sequence[WindowBuffers],
        errors: ErrorHandling,
    ) -> tuple[list[WindowBuffers], tuple[Finding, ...]]:
        """Fetch the pixels of windows of level `z` together, into their arrays.

        Returns:
            The buffers as they are afterwards, and what was odd about the stored tiles.

        Raises:
            TinycogError: something cannot be read; with `errors="fill"` not for a broken tile.
        """
        ...

    async def plan(self, source: LevelSource, z: int, buffers: Sequence[WindowBuffers]) -> Plan:
        """Return the requests that `fill` would send; the index is read for it, no pixels."""
        ...


class PixelFile(Protocol):
    """A pyramid of pixels with a place: what `arguments` resolves reads for."""

    @property
    def limits(self) -> Limits:
        """Those of the handle."""
        ...

    @property
    def windows(self) -> WindowReader:
        """What fills windows of its levels."""
        ...

    @property
    def georeference(self) -> LazyGeoreference:
        """Where pixels lie and what samples mean."""
        ...

    @property
    def metadata(self) -> Metadata:
        """What samples mean: scales, units, colours."""
        ...

    @property
    def levels(self) -> tuple[Image, ...]:
        """The levels, 0 = full resolution."""
        ...

    @property
    def level_sizes(self) -> list[tuple[int, int]]:
        """(width, height) of each level in pixels."""
        ...

    def level_size(self, z: int) -> tuple[int, int]:
        """Return (width, height) of a level in pixels."""
        ...

    async def read_all(self) -> object:
        """Read all that levels, masks and places need."""
        ...

    async def read_header(self, z: int | None) -> object:
        """Read as much as level `z` needs."""
        ...

    async def image(self, z: int) -> Image:
        """Return a level; `TileIndexError` if there is none."""
        ...

    async def level(self, z: int) -> LevelSource:
        """Return a level with its mask."""
        ...

    async def level_so_far(self, z: int) -> LevelSource:
        """Return a level with its mask if that is known without a further request."""
        ...

    async def read_tag(self, tag: int, z: int) -> Value | None:
        """Return the value of a tag of a level, None without it."""
        ...

    async def read_colormap(self, z: int) -> NDArray[np.uint16] | None:
        """Return the ColorMap of a level as (entries, 3), None without one."""
        ...
