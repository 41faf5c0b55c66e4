"""Facts of many files as one: what reads of areas need of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import MosaicError, TileIndexError, TinycogError, UsageError
from tinycog.fetch.single_flight import SingleFlight, some_at_a_time
from tinycog.geo.lazy import LazyGeoreference
from tinycog.limits import Limits
from tinycog.mosaicking.fitting import Fitted, MosaicOptions, fit
from tinycog.mosaicking.members import MosaicMember
from tinycog.mosaicking.mosaic_windows import MosaicWindows
from tinycog.mosaicking.overlaps import PICKING, result_dtype
from tinycog.mosaicking.placing import is_covered
from tinycog.pixels.mask import MaskFacts
from tinycog.reader.level_source import LevelSource
from tinycog.reader.open_file import OpenFile
from tinycog.reader.validity import FileMaskFacts, LevelMask
from tinycog.tiff.image import Grid, Image
from tinycog.tiff.parse import Value
from tinycog.tiff.spec import Photometric, SampleFormat

if TYPE_CHECKING:
    from tinycog.geo.metadata import Metadata

SIDE_BY_SIDE = 64
"""Files that are opened at the same time."""


class AllCount(FileMaskFacts):
    """Facts of a mosaic whose windows come with their masks: its samples say nothing of it."""

    def __call__(self) -> MaskFacts:
        """Return that nothing but a mask says which pixels are valid."""
        return MaskFacts()


class MosaicFile:
    """Many files as one `PixelFile`, opened when it is first read.

    Attributes:
        files: in their order.
        options: how they are read.
    """

    def __init__(self, files: Sequence[OpenFile], options: MosaicOptions) -> None:
        """Keep the files; nothing is read."""
        self.files, self.options = tuple(files), options
        self._made: Made | None = None
        self._single_flight = SingleFlight()

    @classmethod
    def of(cls, files: Sequence[OpenFile], options: MosaicOptions, fitted: Fitted) -> MosaicFile:
        """Make it of files that are open, and have been placed."""
        whole = cls(files, options)
        whole._made = _make(fitted, options)
        return whole

    async def read_all(self) -> None:
        """Open the files, and make them one image.

        Raises:
            MosaicError: they do not fit.
            TinycogError: one of them cannot be opened.
        """
        if self._made is None:
            await self._single_flight.run("files", self._read)

    async def _read(self) -> None:
        await open_files(self.files)
        self._made = _make(fit(self.files, self.options), self.options)

    async def read_header(self, z: int | None) -> None:
        """Open the files: levels of the whole are not known before."""
        del z
        await self.read_all()

    # --- what is known once they are open --------------------------------------------------------

    @property
    def _opened(self) -> Made:
        if self._made is None:
            try:  # headers may be known: those of a pickle are
                self._made = _make(fit(self.files, self.options), self.options)
            except MosaicError:
                raise
            except UsageError as exc:
                message = "the files are not open yet: use `mosaic = await tinycog.mosaic(...)`"
                raise UsageError(message) from exc
        return self._made

    @property
    def limits(self) -> Limits:
        """Those of the first file."""
        return self.files[0].limits

    @property
    def members(self) -> Sequence[MosaicMember]:
        """The files, and where they lie; a `UsageError` before they are open, as for all below."""
        return self._opened.fitted.members

    @property
    def levels(self) -> tuple[Image, ...]:
        """The levels, 0 = full resolution; tags are those of the first file."""
        return self._opened.levels

    @property
    def has_mask(self) -> bool:
        """Whether pixels may be invalid whose samples do not say so."""
        made = self._opened
        if made.by_samples:
            return False
        members = made.fitted.members
        places = [member.window(0) for member in members]
        is_whole = self.options.strict and all(member.is_whole for member in members)
        return not (is_whole and is_covered(places, self.level_size(0)))

    @property
    def windows(self) -> MosaicWindows:
        """What fills windows of the levels."""
        return self._opened.windows

    @property
    def georeference(self) -> LazyGeoreference:
        """Where pixels lie, and what samples mean to the first file."""
        return self._opened.fitted.georeference

    @property
    def metadata(self) -> Metadata:
        """What samples mean: that of the first file, where they are samples of the files."""
        found, image = self.georeference.metadata, self.levels[0]
        if image.dtype == self.files[0].levels[0].dtype:
            return found
        count = image.samples
        return replace(found, scales=(1.0,) * count, offsets=(0.0,) * count, units=(None,) * count)

    @property
    def level_sizes(self) -> list[tuple[int, int]]:
        """(width, height) of each level in pixels."""
        return [image.size for image in self.levels]

    def level_size(self, z: int) -> tuple[int, int]:
        """Return (width, height) of a level in pixels."""
        return self.levels[z].size

    # --- what reads ask for ----------------------------------------------------------------------

    async def image(self, z: int) -> Image:
        """Return a level.

        Raises:
            TileIndexError: there is no such level.
        """
        await self.read_all()
        if not 0 <= z < len(self.levels):
            message = f"level {z} does not exist (levels 0 to {len(self.levels) - 1})"
            raise TileIndexError(message)
        return self.levels[z]

    async def level(self, z: int) -> LevelSource:
        """Return a level; `TileIndexError` if there is none."""
        image = await self.image(z)
        make = FileMaskFacts if self._opened.by_samples else AllCount
        mask = LevelMask(None, is_known=True)
        return LevelSource(image, mask, make(self.georeference, self.levels[0]), self.georeference)

    async def level_so_far(self, z: int) -> LevelSource:
        """Return the same: all is known."""
        return await self.level(z)

    async def read_tag(self, tag: int, z: int) -> Value | None:
        """Return the value of a tag of the first file."""
        await self.read_all()
        return await self.files[0].read_tag(tag, self._opened.fitted.levels[z][0])

    async def read_colormap(self, z: int) -> NDArray[np.uint16] | None:
        """Return the ColorMap, which all files share."""
        await self.read_all()
        return await self.files[0].read_colormap(self._opened.fitted.levels[z][0])


class Made(NamedTuple):
    """Files that are one image.

    Attributes:
        fitted: the files, and where they lie.
        levels: as images.
        windows: what fills windows of these.
        by_samples: whether samples say which of the result are valid (nodata, alpha).
    """

    fitted: Fitted
    levels: tuple[Image, ...]
    windows: MosaicWindows
    by_samples: bool


def _make(fitted: Fitted, options: MosaicOptions) -> Made:
    first = fitted.members[0].file
    image, facts = first.levels[0], first.mask_facts()
    dtype = result_dtype(options.method, image.dtype)
    is_same = dtype == image.dtype
    is_told = facts != MaskFacts() and all(
        member.file.masks[0] is None and repr(member.file.mask_facts()) == repr(facts)
        for member in fitted.members
    )
    is_picked = options.method in PICKING and options.resampling == "nearest"
    by_samples = is_told and is_picked  # what is computed may equal nodata
    levels = tuple(
        resized(first.levels[own], size, None if is_same else dtype) for own, size in fitted.levels
    )
    values = facts.nodata_values if by_samples else None
    windows = MosaicWindows(
        fitted.members,
        options.method,
        first.limits,
        masked_by_samples=by_samples,
        gap_values=values or [levels[0].fill_value] * image.samples,
    )
    return Made(fitted, levels, windows, by_samples)


async def open_files(files: Sequence[OpenFile]) -> None:
    """Open files, some at a time.

    Raises:
        TinycogError: one of them cannot be opened, by its name.
    """
    await some_at_a_time(files, _open, SIDE_BY_SIDE)


async def _open(file: OpenFile) -> None:
    try:
        await file.read_whole()
    except TinycogError as exc:
        exc.name_file(file.name)
        raise


def resized(image: Image, size: tuple[int, int], dtype: np.dtype[np.generic] | None) -> Image:
    """Return an image of another size; of another dtype, without nodata, where that is given."""
    (width, height), grid = size, image.grid
    rows = grid.tile_height
    across = min(grid.tile_width, width) if grid.strips else grid.tile_width
    whole = replace(image, grid=Grid(width, height, across, rows, grid.planes), findings=())
    if dtype is None:
        return whole
    formats = {"u": SampleFormat.UINT, "f": SampleFormat.FLOAT}
    return replace(
        whole,
        photometric=int(Photometric.MIN_IS_BLACK),  # numbers of their own, no colours
        nodata_text=None,
        bits_per_sample=(dtype.itemsize * 8,) * image.samples,
        sample_formats=(int(formats[dtype.kind]),) * image.samples,
    )
