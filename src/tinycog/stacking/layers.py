"""Files of a step on the grid of the stack: windows of a mosaic, for bands that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tinycog.affine_math import coefficients
from tinycog.argument_types import ErrorHandling
from tinycog.errors import TinycogError
from tinycog.fetch.plan import Plan
from tinycog.geo.lazy import LazyGeoreference
from tinycog.geo.same_crs import is_same_crs
from tinycog.geo.windows import PixelGrid, window_of_bounds
from tinycog.mosaicking.chosen_grid import Bounds, ChosenGrid, bounds_in, windows_of
from tinycog.mosaicking.members import (
    AlignedMember,
    MosaicMember,
    ReadSlot,
    Slot,
    WarpedMember,
    WarpGrid,
)
from tinycog.mosaicking.mosaic_file import AllCount, resized
from tinycog.mosaicking.mosaic_windows import MosaicWindows
from tinycog.mosaicking.placing import PlacedLevel, common
from tinycog.reader.level_source import LevelSource
from tinycog.reader.open_file import OpenFile
from tinycog.reader.validity import LevelMask
from tinycog.tiff.image import Image
from tinycog.window import FloatWindow, Size, Window, meets

EXACT = 1e-6
"""Part of a pixel by which those of a file may lie beside those of the grid, at any corner."""


class LostMember(MosaicMember):
    """A file that cannot be read at all: each read of it is its error."""

    def __init__(self, name: str, file: OpenFile, error: TinycogError, window: Window) -> None:
        """Keep the error, and the pixels of the grid that the file may have."""
        self.name = self.label = name
        self.file, self.is_whole = file, False
        self._error, self._window = error, window

    @property
    def file_size(self) -> int | None:
        """Bytes of the file: none of it is read."""
        return 0

    def window(self, z: int) -> Window:
        """Return the pixels that it may have."""
        del z
        return self._window

    async def read(self, z: int, slots: Sequence[Slot], errors: ErrorHandling) -> list[ReadSlot]:
        """Raise its error."""
        del z, slots, errors
        raise self._error

    async def plan(self, z: int, slots: Sequence[Slot]) -> Plan:
        """Return no requests."""
        del z, slots
        return Plan((), (), 0)


class RenumberedMember(MosaicMember):
    """A file whose bands are counted otherwise than those of the first file of a layer."""

    def __init__(self, member: MosaicMember, bands: Mapping[int, int]) -> None:
        """Keep the file, and which of its bands is each of the first file's."""
        self.name, self.label = member.name, member.label
        self.file, self.is_whole = member.file, member.is_whole
        self.fills_target = member.fills_target
        self._member, self._bands = member, bands

    @property
    def file_size(self) -> int | None:
        """Bytes of the file, None before they are known."""
        return self._member.file_size

    def window(self, z: int) -> Window:
        """Return the pixels that it may have."""
        return self._member.window(z)

    def _own(self, slot: Slot) -> Slot:
        return slot._replace(bands=[self._bands[band] for band in slot.bands])

    async def read(self, z: int, slots: Sequence[Slot], errors: ErrorHandling) -> list[ReadSlot]:
        """Read slots together, of its own bands."""
        return await self._member.read(z, [self._own(slot) for slot in slots], errors)

    async def plan(self, z: int, slots: Sequence[Slot]) -> Plan:
        """Return the requests of `read`."""
        return await self._member.plan(z, [self._own(slot) for slot in slots])


class KindsOnGrid:
    """How kinds of files lie on a grid: found once for all whose headers say the same.

    Such headers are parsed once (module `recall`): a kind is known by what came of it.
    """

    def __init__(self, grid: ChosenGrid) -> None:
        """Know nothing yet."""
        self.grid = grid
        self._inside: dict[tuple[int, int], tuple[object, bool]] = {}
        self._aligned: dict[tuple[int, int], tuple[object, tuple[int, Window] | None]] = {}
        self._images: dict[int, tuple[object, Image]] = {}

    def lies_in(self, file: OpenFile) -> bool:
        """Return whether a file may have pixels of the grid."""
        geo, pyramid = file.geo, file.pyramid
        found = self._inside.get((id(geo), id(pyramid)))
        if found is None:
            found = (geo, pyramid), lies_in(file, self.grid)
            self._inside[id(geo), id(pyramid)] = found
        return found[1]

    def aligned_level(self, file: OpenFile) -> tuple[int, Window] | None:
        """Return the level of a file whose pixels are those of the grid, and where."""
        geo, pyramid = file.geo, file.pyramid
        found = self._aligned.get((id(geo), id(pyramid)))
        if found is None:
            found = (geo, pyramid), aligned_level(file, self.grid)
            self._aligned[id(geo), id(pyramid)] = found
        return found[1]

    def image(self, file: OpenFile, dtype: np.dtype[np.generic] | None) -> Image:
        """Return the grid as an image of a file; of another dtype, the same for all, if given."""
        image = file.levels[0]
        found = self._images.get(id(image))
        if found is None:
            found = image, resized(image, self.grid.sizes[0], dtype)
            self._images[id(image)] = found
        return found[1]


class FileOnGrid(NamedTuple):
    """A file, and how its pixels become those of the grid.

    Attributes:
        name: of the file, for plans.
        label: what findings call it.
        file: open.
        kinds: of files on the grid.
        georeference: of the grid, with the metadata of the file.
    """

    name: str
    label: str
    file: OpenFile
    kinds: KindsOnGrid
    georeference: LazyGeoreference

    @classmethod
    def of(cls, name: str, label: str, file: OpenFile, kinds: KindsOnGrid) -> FileOnGrid:
        """Place an open file on a grid."""
        grid = kinds.grid
        moved = file.georeference.moved(grid.transform, grid.sizes[0], grid.crs)
        return cls(name, label, file, kinds, moved)

    def member(self, method: str) -> MosaicMember:
        """Return what reads it: pixels as they are where they are those of the grid."""
        grid = self.kinds.grid
        aligned = self.kinds.aligned_level(self.file)
        if aligned is None:
            target = WarpGrid(self.georeference, grid.crs, grid.sizes, method)
            windows = windows_of(self.file, grid)
            found: MosaicMember = WarpedMember(self.name, self.file, windows, target)
        else:
            z, window = aligned
            level = PlacedLevel(grid.sizes[0], (window,), (z,))
            found = AlignedMember(self.name, self.file, [level], 0)
        found.label = self.label
        return found

    def source(self, dtype: np.dtype[np.generic] | None) -> LevelSource:
        """Return the grid as a level of this file; of another dtype where one is given."""
        image = self.kinds.image(self.file, dtype)
        mask = LevelMask(None, is_known=True)
        return LevelSource(image, mask, AllCount(self.georeference, image), self.georeference)


class StackLayer(NamedTuple):
    """Bands of a step that are read of the same files, by the same method.

    Attributes:
        bands: positions in the stack.
        own: bands of the files, as the first of these counts them.
        windows: what fills windows of the grid.
        source: the grid as a level.
    """

    bands: list[int]
    own: list[int]
    windows: MosaicWindows
    source: LevelSource


def aligned_level(file: OpenFile, grid: ChosenGrid) -> tuple[int, Window] | None:
    """Return the level of a file whose pixels are those of a grid, and where (cog.stack.aligned).

    None if there is none; and where longitudes of the file lie in the grid a full turn on, too.
    """
    own = file.georeference
    if not file.geo.has_coordinates or is_same_crs(own.crs, grid.crs) is not True:
        return None
    if _is_turned(file, grid):
        return None
    for z, size in enumerate(file.level_sizes):
        window = _whole_window(coefficients(own.transform(size)), size, grid)
        if window is not None:
            return z, window
    return None


def _whole_window(transform: tuple[float, ...], size: Size, grid: ChosenGrid) -> Window | None:
    """Return where pixels lie in a grid, None unless they are pixels of it."""
    a, b, c, d, e, f = transform
    across, b_grid, left, d_grid, down, top = grid.transform
    if b or d or b_grid or d_grid:
        return None
    col, row = (c - left) / across, (f - top) / down
    far_col, far_row = (c + a * size[0] - left) / across, (f + e * size[1] - top) / down
    first, last = (round(col), round(row)), (round(col) + size[0], round(row) + size[1])
    off = max(abs(far_col - last[0]), abs(far_row - last[1]))
    if max(abs(col - first[0]), abs(row - first[1]), off) > EXACT:
        return None
    return Window(*first, *size)


def _is_turned(file: OpenFile, grid: ChosenGrid) -> bool:
    """Return whether the grid has pixels of a file a full turn away from its own longitudes."""
    whole = PixelGrid.of(grid.transform, grid.sizes[0], grid.crs)
    if whole.turn is None:
        return False
    own = file.georeference.grid(file.georeference.size).extent
    left, _, right, _ = whole.extent
    return any(own[0] + turn < right and own[2] + turn > left for turn in (whole.turn, -whole.turn))


def lies_in(file: OpenFile, grid: ChosenGrid) -> bool:
    """Return whether a file may have pixels of a grid: by bounds that hold it."""
    try:
        window = _place_of(bounds_in(file, grid.crs), grid)
    except TinycogError:  # torn apart in this CRS
        return True
    return meets(window, grid.sizes[0])


def window_of_place(bounds: Bounds | None, grid: ChosenGrid) -> Window:
    """Return the pixels of a grid that a file with these longitudes and latitudes may have."""
    whole = Window(0, 0, *grid.sizes[0])
    if bounds is None or grid.crs is None:
        return whole
    from tinycog.geo.outline import bounds_into  # noqa: PLC0415 - loads pyproj

    try:
        found = _place_of(bounds_into(bounds, "EPSG:4326", grid.crs), grid)
    except TinycogError:
        return whole
    col, row, width, height = found
    return common(whole, Window(int(col) - 1, int(row) - 1, int(width) + 3, int(height) + 3))


def _place_of(bounds: Bounds, grid: ChosenGrid) -> FloatWindow:
    level = PixelGrid.of(grid.transform, grid.sizes[0], grid.crs)
    return window_of_bounds(bounds, level, snapped=False, is_hull=True)
