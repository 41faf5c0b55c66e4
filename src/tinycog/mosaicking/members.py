"""Files of a mosaic: each reads what it has of windows of the whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinycog.argument_types import ErrorHandling
from tinycog.errors import Finding
from tinycog.fetch.plan import Plan
from tinycog.fetch.single_flight import side_by_side
from tinycog.geo.crs import Crs
from tinycog.geo.lazy import LazyGeoreference, within
from tinycog.mosaicking.overlaps import Layer
from tinycog.mosaicking.placing import PlacedLevel
from tinycog.pixels.account import Loss
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.mask import Mask, MaskFacts
from tinycog.pixels.validity import KnownValidity, settled
from tinycog.raster import Raster
from tinycog.reader.level_source import LevelSource
from tinycog.reader.open_file import OpenFile
from tinycog.reader.read_warped import TargetGrid, plan_warped, read_warped
from tinycog.reader.window_buffers import (
    FetchedBands,
    WindowBuffers,
    WindowRequest,
    make_buffers,
)
from tinycog.thread_pool import run_for_samples
from tinycog.window import Area, Size, Window, as_floats


class Slot(NamedTuple):
    """A window of the whole that a file reads.

    Attributes:
        window: in pixels of the level of the whole; it lies in the file's own.
        bands: counted from 0.
        target: the part of the result that it is, where no other file has a say; else None.
        needed: which of its pixels are needed, (rows, cols); None for all.
    """

    window: Window
    bands: list[int]
    target: Pixels | None
    needed: Mask | None = None


class ReadSlot(NamedTuple):
    """What a file has of a slot.

    Attributes:
        data: (bands, rows, cols).
        valid: which samples count, (bands, rows, cols).
        failed: which could not be read, likewise; None if all could.
        outside: where the file has no pixel, (rows, cols); None if it has all.
        findings: oddities of its stored tiles.
    """

    data: Pixels
    valid: Mask
    failed: Mask | None = None
    outside: Mask | None = None
    findings: tuple[Finding, ...] = ()

    def layer(self, rows: slice, cols: slice) -> Layer:
        """Return it as a layer of the result, at these rows and columns."""
        return Layer(rows, cols, self.data, self.valid)


class MosaicMember(ABC):
    """A file of a mosaic; open.

    Attributes:
        name: of the file, for messages and plans.
        label: what findings call it.
        is_whole: whether all its pixels are valid, whatever their samples are.
    """

    fills_target = False
    """Whether `read` puts pixels into the target of a slot, where it has one."""

    def __init__(self, name: str, file: OpenFile) -> None:
        """Keep the file."""
        self.name = self.label = name
        self.file = file
        facts = file.mask_facts()
        self.is_whole = facts == MaskFacts() and file.masks[0] is None
        self._has_alpha = facts.alpha is not None

    @property
    def file_size(self) -> int | None:
        """Bytes of the file, None before they are known."""
        return self.file.windows.file_size

    @abstractmethod
    def window(self, z: int) -> Window:
        """Return the pixels of level `z` of the whole that it may have."""

    @abstractmethod
    async def read(self, z: int, slots: Sequence[Slot], errors: ErrorHandling) -> list[ReadSlot]:
        """Read slots together."""

    @abstractmethod
    async def plan(self, z: int, slots: Sequence[Slot]) -> Plan:
        """Return the requests of `read`."""

    def _valid(self, known: KnownValidity, data: Pixels) -> Mask:
        """Return which samples count: an alpha band by what it says of the others."""
        if self._has_alpha:
            return np.broadcast_to(known.pixels, data.shape)
        return known.band_masks(data)


class AlignedMember(MosaicMember):
    """A file whose pixels are pixels of the whole."""

    fills_target = True

    def __init__(
        self, name: str, file: OpenFile, levels: Sequence[PlacedLevel], position: int
    ) -> None:
        """Keep the file; `position` is its place in the levels."""
        super().__init__(name, file)
        self._windows = [level.windows[position] for level in levels]
        self._own = [level.own[position] for level in levels]

    def window(self, z: int) -> Window:
        """Return the pixels of level `z` of the whole that it has."""
        return self._windows[z]

    async def read(self, z: int, slots: Sequence[Slot], errors: ErrorHandling) -> list[ReadSlot]:
        """Read slots together, into their targets where they have one."""
        own = self._own[z]
        source = await self.file.level(own)
        empty = [self._buffers(source, z, slot) for slot in slots]
        filled, findings = await self.file.windows.fill(source, own, empty, errors)
        samples = sum(one.pixels.size for one in filled)
        found = await run_for_samples(samples, self._found, source, filled)
        return [found[0]._replace(findings=findings), *found[1:]] if found else found

    def _request(self, z: int, slot: Slot) -> WindowRequest:
        (left, top, _, _), (col, row, width, height) = self._windows[z], slot.window
        area = Area(
            self._own[z], as_floats(Window(col - left, row - top, width, height)), (height, width)
        )
        return WindowRequest(
            area, slot.bands, "nearest", masked=True, boundless=False, asked=slot.needed
        )

    def _buffers(self, source: LevelSource, z: int, slot: Slot) -> WindowBuffers:
        request = self._request(z, slot)
        fetched = FetchedBands.of(source, request)
        if slot.target is not None and not fetched.extra:
            buffers = make_buffers(source, request._replace(out=slot.target))
            if buffers.pixels is slot.target:
                return buffers
        return make_buffers(source, request)

    def _found(self, source: LevelSource, filled: Sequence[WindowBuffers]) -> list[ReadSlot]:
        found: list[ReadSlot] = []
        for one in filled:
            known = settled(one.validity(source, masked=True), one.data)
            valid = self._valid(known, one.data)
            if one.filled is not None:
                valid = valid & ~one.filled
            found.append(ReadSlot(one.data, valid, one.filled))
        return found

    async def plan(self, z: int, slots: Sequence[Slot]) -> Plan:
        """Return the requests of `read`."""
        source = await self.file.level(self._own[z])
        planned = [make_buffers(source, self._request(z, slot), planned=True) for slot in slots]
        return await self.file.windows.plan(source, self._own[z], planned)


class WarpedMember(MosaicMember):
    """A file whose pixels are warped to those of the whole."""

    def __init__(
        self,
        name: str,
        file: OpenFile,
        windows: Sequence[Window],
        grid: WarpGrid,
    ) -> None:
        """Keep the file, and the pixels of each level of the whole that it may have."""
        super().__init__(name, file)
        self._windows = windows
        self._grid = grid

    def window(self, z: int) -> Window:
        """Return the pixels of level `z` of the whole that it may have."""
        return self._windows[z]

    def _target(self, z: int, slot: Slot) -> TargetGrid:
        col, row, width, height = slot.window
        level = self._grid.georeference.transform(self._grid.sizes[z])
        transform = within(level, col, row, 1, 1)
        return TargetGrid(transform, self._grid.crs, (height, width))

    async def read(self, z: int, slots: Sequence[Slot], errors: ErrorHandling) -> list[ReadSlot]:
        """Warp slots side by side."""
        method = self._grid.method
        rasters = await side_by_side(
            *(
                read_warped(self.file, self._target(z, slot), slot.bands, method, errors)
                for slot in slots
            )
        )
        return [self._found(raster) for raster in rasters]

    def _found(self, raster: Raster) -> ReadSlot:
        known = settled(raster.validity, raster.data)
        failed = outside = None
        if raster.losses is not None:
            lost = raster.losses == Loss.FAILED
            failed = np.broadcast_to(lost, raster.data.shape) if lost.any() else None
            outside = raster.losses == Loss.OUTSIDE
        valid = self._valid(known, raster.data)
        return ReadSlot(raster.data, valid, failed, outside, raster.findings)

    async def plan(self, z: int, slots: Sequence[Slot]) -> Plan:
        """Return the requests of `read`."""
        method = self._grid.method
        plans = await side_by_side(
            *(plan_warped(self.file, self._target(z, slot), slot.bands, method) for slot in slots)
        )
        requests = tuple(one for plan in plans for one in plan.requests)
        tiles = tuple(one for plan in plans for one in plan.tiles)
        return Plan(requests, tiles, sum(plan.wanted for plan in plans))


class WarpGrid(NamedTuple):
    """The pixels that files are warped to.

    Attributes:
        georeference: of the whole.
        crs: of its coordinates.
        sizes: (width, height) of each level.
        method: of resampling.
    """

    georeference: LazyGeoreference
    crs: Crs | None
    sizes: Sequence[Size]
    method: str
