"""Facts of many files as one: what reads of areas need of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import TileIndexError
from tinycog.geo.lazy import LazyGeoreference
from tinycog.limits import Limits
from tinycog.mosaicking.members import Member
from tinycog.mosaicking.mosaic_windows import MosaicWindows
from tinycog.mosaicking.overlaps import result_dtype
from tinycog.pixels.mask import MaskFacts
from tinycog.reader.validity import FileMaskFacts, LevelMask
from tinycog.reader.window_buffers import LevelSource
from tinycog.tiff.image import Grid, Image
from tinycog.tiff.parse import Value
from tinycog.tiff.spec import SampleFormat
from tinycog.window import Size

if TYPE_CHECKING:
    from tinycog.geo.metadata import Metadata


class AllCount(FileMaskFacts):
    """Facts of a mosaic whose windows come with their masks: its samples say nothing of it."""

    def __call__(self) -> MaskFacts:
        """Return that nothing but a mask says which pixels are valid."""
        return MaskFacts()


class MosaicFile:
    """Many files as one `PixelFile`.

    Attributes:
        limits: of the whole.
        levels: 0 = full resolution; tags are those of the first file.
        georeference: of the whole.
        windows: fills windows of the levels.
        members: the files.
    """

    def __init__(
        self,
        members: Sequence[Member],
        levels: Sequence[tuple[int, Size]],
        georeference: LazyGeoreference,
        method: str,
        *,
        aligned: bool,
    ) -> None:
        """Keep the files, which are open and fit each other.

        Args:
            members: the files, in their order.
            levels: for each level which one of the first file has its tags, and its size.
            georeference: of the whole.
            method: what becomes of pixels that several files have.
            aligned: whether pixels are those of the files, which tell in one way which are valid.
        """
        self.members, self.georeference = members, georeference
        self._own = [own for own, _ in levels]
        first = self._first = members[0].file
        self.limits: Limits = first.limits
        image, facts = first.levels[0], first.mask_facts()
        dtype = result_dtype(method, image.dtype)
        is_same = dtype == image.dtype
        by_samples = (
            all(member.file.masks[0] is None for member in members) and facts != MaskFacts()
        )
        self._by_samples = by_samples and is_same and aligned
        self.levels = tuple(
            _image(first.levels[own], size, None if is_same else dtype) for own, size in levels
        )
        values = facts.nodata_values if self._by_samples else None
        self.windows = MosaicWindows(
            members,
            method,
            first.limits,
            masked_by_samples=self._by_samples,
            gap_values=values or [self.levels[0].fill_value] * image.samples,
        )

    # --- what is known ---------------------------------------------------------------------------

    @property
    def metadata(self) -> Metadata:
        """What samples mean: that of the first file."""
        return self.georeference.metadata

    @property
    def level_sizes(self) -> list[tuple[int, int]]:
        """(width, height) of each level in pixels."""
        return [image.size for image in self.levels]

    def level_size(self, z: int) -> tuple[int, int]:
        """Return (width, height) of a level in pixels."""
        return self.levels[z].size

    # --- what reads ask for; all of it is known --------------------------------------------------

    async def read_all(self) -> None:
        """Do nothing: the files are open."""

    async def read_header(self, z: int | None) -> None:
        """Do nothing: the files are open."""
        del z

    async def image(self, z: int) -> Image:
        """Return a level.

        Raises:
            TileIndexError: there is no such level.
        """
        if not 0 <= z < len(self.levels):
            message = f"level {z} does not exist (levels 0 to {len(self.levels) - 1})"
            raise TileIndexError(message)
        return self.levels[z]

    async def level(self, z: int) -> LevelSource:
        """Return a level; `TileIndexError` if there is none."""
        image = await self.image(z)
        make = FileMaskFacts if self._by_samples else AllCount
        mask = LevelMask(None, is_known=True)
        return LevelSource(image, mask, make(self.georeference, self.levels[0]), self.georeference)

    async def level_so_far(self, z: int) -> LevelSource:
        """Return the same: all is known."""
        return await self.level(z)

    async def read_tag(self, tag: int, z: int) -> Value | None:
        """Return the value of a tag of the first file."""
        return await self._first.read_tag(tag, self._own[z])

    async def read_colormap(self, z: int) -> NDArray[np.uint16] | None:
        """Return the ColorMap, which all files share."""
        return await self._first.read_colormap(self._own[z])


def _image(image: Image, size: tuple[int, int], dtype: np.dtype[np.generic] | None) -> Image:
    """Return an image of another size; of another dtype, without nodata, where that is given."""
    (width, height), grid = size, image.grid
    rows = grid.tile_height
    across = min(grid.tile_width, width) if grid.strips else grid.tile_width
    whole = replace(
        image, grid=Grid(width, height, across, rows, grid.planes), findings=(), sidecar=""
    )
    if dtype is None:
        return whole
    formats = {"u": SampleFormat.UINT, "f": SampleFormat.FLOAT}
    return replace(
        whole,
        nodata_text=None,
        bits_per_sample=(dtype.itemsize * 8,) * image.samples,
        sample_formats=(int(formats[dtype.kind]),) * image.samples,
    )
