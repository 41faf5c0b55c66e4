"""An image that a service gives, as a `PixelFile`: of one level, all of it known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import TileIndexError
from tinycog.geo.lazy import LazyGeoreference
from tinycog.limits import Limits
from tinycog.reader.level_source import LevelSource
from tinycog.reader.validity import FileMaskFacts, LevelMask
from tinycog.servicing.requests import ServiceWindows
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Value

if TYPE_CHECKING:
    from tinycog.geo.metadata import Metadata


class ServiceFile:
    """See `PixelFile`.

    Attributes:
        levels: the one level.
        georeference: where it lies.
        windows: what calls the service.
    """

    def __init__(
        self, image: Image, georeference: LazyGeoreference, windows: ServiceWindows
    ) -> None:
        """Keep what is known."""
        self.levels: tuple[Image, ...] = (image,)
        self.georeference = georeference
        self.windows = windows

    @property
    def limits(self) -> Limits:
        """Those of the handle."""
        return self.windows.limits

    @property
    def metadata(self) -> Metadata:
        """What samples mean."""
        return self.georeference.metadata

    @property
    def level_sizes(self) -> list[tuple[int, int]]:
        """(width, height) of the level."""
        return [self.levels[0].size]

    def level_size(self, z: int) -> tuple[int, int]:
        """Return (width, height) of a level."""
        return self.levels[z].size

    async def read_all(self) -> None:
        """Do nothing: all is known."""

    async def read_header(self, z: int | None) -> None:
        """Do nothing, likewise."""
        del z

    async def image(self, z: int) -> Image:
        """Return the level.

        Raises:
            TileIndexError: it is another one.
        """
        if z != 0:
            message = f"level {z} does not exist: a service has level 0 only"
            raise TileIndexError(message)
        return self.levels[0]

    async def level(self, z: int) -> LevelSource:
        """Return the level; `TileIndexError` if it is another one."""
        image = await self.image(z)
        facts = FileMaskFacts(self.georeference, image)
        return LevelSource(image, LevelMask(None, is_known=True), facts, self.georeference)

    async def level_so_far(self, z: int) -> LevelSource:
        """Return the same: all is known."""
        return await self.level(z)

    async def read_tag(self, tag: int, z: int) -> Value | None:
        """Return that there are no tags."""
        del tag, z

    async def read_colormap(self, z: int) -> NDArray[np.uint16] | None:
        """Return that there is no palette."""
        del z
