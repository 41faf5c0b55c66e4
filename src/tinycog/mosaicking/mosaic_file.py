"""Facts of many files as one: what reads of areas need of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import TileIndexError
from tinycog.limits import Limits
from tinycog.mosaicking.mosaic_windows import Member, MosaicWindows
from tinycog.mosaicking.overlaps import result_dtype
from tinycog.mosaicking.placing import Placing
from tinycog.pixels.mask import MaskFacts
from tinycog.reader.open_file import OpenFile
from tinycog.reader.validity import FileMaskFacts, LevelMask
from tinycog.reader.window_buffers import LevelSource
from tinycog.tiff.image import Grid, Image
from tinycog.tiff.parse import Value
from tinycog.tiff.spec import SampleFormat

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
        placing: where each file lies.
    """

    def __init__(
        self, files: Sequence[OpenFile], names: Sequence[str], placing: Placing, method: str
    ) -> None:
        """Keep the files, which are open and fit each other."""
        self.files, self.placing = files, placing
        first = files[0]
        self.limits: Limits = first.limits
        facts = [file.mask_facts() for file in files]
        has_mask = [file.masks[0] is not None for file in files]
        by_pixels = not any(has_mask) and _says(facts[0])
        members = [
            Member(name, file, not (masked or _says(own)), own.alpha)
            for name, file, masked, own in zip(names, files, has_mask, facts, strict=True)
        ]
        image = first.levels[0]
        dtype = result_dtype(method, image.dtype)
        is_same = dtype == image.dtype
        self._by_pixels = by_pixels and is_same
        self.levels = tuple(
            _image(first.levels[level.own[0]], level.size, None if is_same else dtype)
            for level in placing.levels
        )
        values = facts[0].nodata_values if self._by_pixels else None
        fill = self.levels[0].fill_value
        self.windows = MosaicWindows(
            members,
            placing.levels,
            method,
            first.limits,
            masked_by_pixels=self._by_pixels,
            gap_values=values or [fill] * image.samples,
        )
        self.georeference = first.georeference.moved(placing.transform, placing.levels[0].size)

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
        make = FileMaskFacts if self._by_pixels else AllCount
        mask = LevelMask(None, is_known=True)
        return LevelSource(image, mask, make(self.georeference, self.levels[0]), self.georeference)

    async def level_so_far(self, z: int) -> LevelSource:
        """Return the same: all is known."""
        return await self.level(z)

    async def read_tag(self, tag: int, z: int) -> Value | None:
        """Return the value of a tag of the first file."""
        return await self.files[0].read_tag(tag, self.placing.levels[z].own[0])

    async def read_colormap(self, z: int) -> NDArray[np.uint16] | None:
        """Return the ColorMap, which all files share."""
        return await self.files[0].read_colormap(self.placing.levels[z].own[0])


def _says(facts: MaskFacts) -> bool:
    """Return whether samples say which pixels are valid."""
    return facts != MaskFacts()


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
