"""Windows of a mosaic, filled from windows of its files: all files side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import ErrorHandling
from tinycog.errors import Finding, TinycogError
from tinycog.fetch.plan import Plan
from tinycog.fetch.single_flight import side_by_side
from tinycog.limits import Limits
from tinycog.mosaicking.members import MosaicMember, ReadSlot, Slot
from tinycog.mosaicking.overlaps import DECIDING, Layer, combine
from tinycog.mosaicking.placing import common, depth, meeting, overlap, rectangles
from tinycog.pixels.mask import Mask
from tinycog.pixels.validity import KnownValidity
from tinycog.reader.level_source import LevelSource
from tinycog.reader.window_buffers import WindowBuffers
from tinycog.thread_pool import run_for_samples
from tinycog.tiff.ranges import ByteRange
from tinycog.window import Window

WARPED_SAMPLES = 5
"""Samples that are held for one that is warped: its own, and two by two of the file."""

COORDINATE_BYTES = 32
"""Bytes of the place of a pixel in a file."""


class Hit(NamedTuple):
    """What one file has of a window.

    Attributes:
        member: position of the file.
        window: in pixels of the mosaic's level.
        is_alone: whether no other file has any of these pixels.
    """

    member: int
    window: Window
    is_alone: bool


@dataclass
class Canvas:
    """A window on its way.

    Attributes:
        buffers: its arrays.
        pending: what files have of it and has not been read, in their order.
        valid: where a sample is there, (bands, rows, cols) of all bands fetched.
        failed: where a file could not be read, likewise.
        covered: where any file has a pixel, (rows, cols).
        findings: oddities of stored tiles, and files that could not be read.
    """

    buffers: WindowBuffers
    pending: list[Hit]
    valid: Mask
    failed: Mask
    covered: Mask
    findings: list[Finding] = field(default_factory=list[Finding])

    def part(self, window: Window) -> tuple[slice, slice]:
        """Return the rows and columns that a window takes of the arrays."""
        return _place(window, self.buffers.window)


class MosaicWindows:
    """The `WindowReader` of a mosaic."""

    def __init__(
        self,
        members: Sequence[MosaicMember],
        method: str,
        limits: Limits,
        *,
        masked_by_samples: bool,
        gap_values: Sequence[float],
    ) -> None:
        """Keep the files.

        Args:
            members: in the order that decides where several have a pixel.
            method: one of `overlaps.METHODS`.
            limits: of the whole.
            masked_by_samples: whether samples say which of the result are valid (nodata, alpha).
            gap_values: of each band, where no file has a pixel.
        """
        self.limits = limits
        self.members = members
        self._method = method
        self._masked_by_samples = masked_by_samples
        self._gap_values = gap_values
        self._places: dict[int, NDArray[np.int64]] = {}
        self._pixel_memory: int | None = None
        self._is_counted = method in ("count", "stdev")

    @property
    def file_size(self) -> int | None:
        """Bytes of all files, None before all are known."""
        sizes = [member.file_size for member in self.members]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    @property
    def pixel_memory(self) -> int:
        """Bytes of a pixel: what is known of it, and what lies above each other."""
        if self._pixel_memory is None:
            layers = depth([member.window(0) for member in self.members])
            first = self.members[0]
            image = first.file.levels[0]
            sample = image.dtype.itemsize + 2  # and whether it is valid, or failed
            if not first.fills_target:
                sample, layers = WARPED_SAMPLES * sample + COORDINATE_BYTES, layers + 1
            elif layers == 1 and not self._is_counted:
                sample = 2
            self._pixel_memory = image.samples * sample * layers + 1
        return self._pixel_memory

    async def fill(
        self,
        source: LevelSource,
        z: int,
        buffers: Sequence[WindowBuffers],
        errors: ErrorHandling,
    ) -> tuple[list[WindowBuffers], tuple[Finding, ...]]:
        """Read the files that windows touch, side by side; see `WindowReader.fill`.

        Files are read in waves: one that lies below another waits, where the method needs it only
        for pixels that are not decided above.
        """
        del source  # each file has its own
        hits = [self._hits(z, one.window) for one in buffers]
        if len(buffers) == 1 and self._has_all(hits[0], buffers[0]):
            return await self._fill_whole(z, hits[0][0], buffers[0], errors)
        canvases = [self._canvas(one, found) for one, found in zip(buffers, hits, strict=True)]
        while any(canvas.pending for canvas in canvases):
            await self._read_wave(z, canvases, errors)
        samples = sum(canvas.valid.size for canvas in canvases)
        filled = await run_for_samples(samples, self._finished, canvases)
        return filled, tuple(finding for canvas in canvases for finding in canvas.findings)

    def _has_all(self, hits: Sequence[Hit], buffers: WindowBuffers) -> bool:
        """Return whether one file, and no other, has all pixels of a window, as in most stacks."""
        is_whole = len(hits) == 1 and hits[0].window == buffers.window and buffers.needed is None
        return is_whole and self._fills(hits[0])

    async def _fill_whole(
        self, z: int, hit: Hit, buffers: WindowBuffers, errors: ErrorHandling
    ) -> tuple[list[WindowBuffers], tuple[Finding, ...]]:
        """Have a file fill a window, all pixels of which it has; see `fill`."""
        member = self.members[hit.member]
        slot = _empty_slot(buffers, hit)._replace(target=buffers.pixels)
        try:
            (found,) = await member.read(z, [slot], errors)
        except TinycogError as exc:
            exc.name_file(member.name)
            if errors == "raise":
                raise
            canvas = self._canvas(buffers, [])
            self._fail(canvas, hit)
            failed = Finding("cog.mosaic.file.unread", str(exc))
            return self._finished([canvas]), (failed,)
        filled = await run_for_samples(found.valid.size, self._kept, buffers, found)
        return [filled], tuple(self._named(hit, found.findings))

    def _kept(self, buffers: WindowBuffers, found: ReadSlot) -> WindowBuffers:
        """Return buffers of which one file has filled all, with what is known of their pixels."""
        if found.data is not buffers.pixels and not np.shares_memory(found.data, buffers.pixels):
            buffers.pixels[...] = found.data
        count = len(buffers.fetched.bands)
        valid = found.valid[:count]
        known = None if self._masked_by_samples else KnownValidity.of_bands(valid)
        if found.failed is None:
            return buffers._replace(known=known)
        lost = found.failed[:count] & ~valid
        return buffers._replace(known=known, filled=lost if lost.any() else None)

    def _canvas(self, buffers: WindowBuffers, all_hits: Sequence[Hit]) -> Canvas:
        """Return a window whose pixels are those of a gap (cog.mosaic.gap), and its files."""
        shape = buffers.pixels.shape
        valid, failed = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        covered = np.zeros(shape[1:], np.bool_)
        hits = _of_needed(buffers, all_hits)
        if buffers.needed is not None:  # what a file has that is not needed is no gap
            for hit in all_hits:
                covered[_place(hit.window, buffers.window)] = True
        is_one = len(hits) == 1 and hits[0].window == buffers.window
        if not is_one or not self._fills(hits[0]):
            for plane, band in zip(buffers.pixels, buffers.fetched.all, strict=True):
                plane[...] = self._gap_values[band]
        return Canvas(buffers, hits, valid, failed, covered)

    def _fills(self, hit: Hit) -> bool:
        """Return whether a file puts its pixels into the result itself."""
        is_direct = hit.is_alone and not self._is_counted
        return is_direct and self.members[hit.member].fills_target

    def _hits(self, z: int, window: Window) -> list[Hit]:
        if len(self.members) == 1:
            part = common(window, self.members[0].window(z))
            return [Hit(0, part, is_alone=True)] if part.width and part.height else []
        if z not in self._places:
            self._places[z] = rectangles([member.window(z) for member in self.members])
        touched = np.flatnonzero(meeting(self._places[z], window)).tolist()
        if self._method == "last":
            touched.reverse()
        shared = [common(window, self.members[n].window(z)) for n in touched]
        lying = rectangles(shared)
        return [
            Hit(n, part, int(meeting(lying, part).sum()) == 1)
            for n, part in zip(touched, shared, strict=True)
        ]

    def _wave(self, canvas: Canvas) -> list[Hit]:
        """Take the files that need not wait for others, and drop those that are not needed."""
        if self._method not in DECIDING:
            now, canvas.pending = canvas.pending, []
            return now
        now: list[Hit] = []
        later: list[Hit] = []
        for hit in canvas.pending:
            left = self._undecided(canvas, hit)
            if left is None:
                continue
            waits = not left.is_alone and any(
                overlap(left.window, other.window) for other in (*now, *later)
            )
            (later if waits else now).append(left)
        canvas.pending = later
        return now

    def _undecided(self, canvas: Canvas, hit: Hit) -> Hit | None:
        """Return the part of a file that holds all pixels that are not decided; None if none."""
        if hit.is_alone:
            return hit
        rows, cols = canvas.part(hit.window)
        is_open = ~canvas.valid[:, rows, cols].all(axis=0)
        if canvas.buffers.needed is not None:
            is_open &= canvas.buffers.needed[rows, cols]
        if not is_open.any():
            canvas.covered[rows, cols] = True
            return None
        return hit._replace(window=_around(is_open, hit.window))

    async def _read_wave(self, z: int, canvases: Sequence[Canvas], errors: ErrorHandling) -> None:
        """Read what need not wait of all windows, each file once, and put it in its place."""
        held: dict[int, list[tuple[Canvas, Hit]]] = {}
        length = 0
        for canvas in canvases:
            for hit in self._wave(canvas):
                held.setdefault(hit.member, []).append((canvas, hit))
                length += 0 if self._fills(hit) else _layer_bytes(canvas, hit)
        what = f"bytes of the samples of {len(held)} files that overlap"
        self.limits.check("result_bytes", length, what)
        lists = await side_by_side(
            *(self._read_member(z, n, pairs, errors) for n, pairs in held.items())
        )
        found: dict[int, list[tuple[Hit, ReadSlot]]] = {}
        for pairs, read in zip(held.values(), lists, strict=True):
            for (canvas, hit), one in zip(pairs, read, strict=True):
                if one is not None:
                    found.setdefault(id(canvas), []).append((hit, one))
        for canvas in canvases:
            pairs = found.get(id(canvas), [])
            order = -1 if self._method == "last" else 1
            pairs.sort(key=lambda pair: order * pair[0].member)
            await run_for_samples(canvas.valid.size, self._put, canvas, pairs)

    async def _read_member(
        self, z: int, n: int, pairs: Sequence[tuple[Canvas, Hit]], errors: ErrorHandling
    ) -> list[ReadSlot | None]:
        """Read windows of one file; None for each where it cannot be read and errors are filled."""
        member = self.members[n]
        slots = [self._slot(canvas, hit) for canvas, hit in pairs]
        try:
            return list(await member.read(z, slots, errors))
        except TinycogError as exc:
            exc.name_file(member.name)
            if errors == "raise":
                raise
            for canvas, hit in pairs:
                self._fail(canvas, hit)
                canvas.findings.append(Finding("cog.mosaic.file.unread", str(exc)))
            return [None] * len(pairs)

    def _slot(self, canvas: Canvas, hit: Hit) -> Slot:
        slot = _empty_slot(canvas.buffers, hit)
        if not self._fills(hit):
            return slot
        target = canvas.buffers.pixels[(slice(None), *canvas.part(hit.window))]
        return slot._replace(target=target)

    def _fail(self, canvas: Canvas, hit: Hit) -> None:
        """Fill what a file has of a window, which cannot be read."""
        part = canvas.part(hit.window)
        canvas.failed[(slice(None), *part)] = canvas.covered[part] = True
        if self._fills(hit):
            for plane, band in zip(canvas.buffers.pixels, canvas.buffers.fetched.all, strict=True):
                plane[part] = self._gap_values[band]

    def _put(self, canvas: Canvas, pairs: Sequence[tuple[Hit, ReadSlot]]) -> None:
        """Put what was read in its place."""
        pixels, together = canvas.buffers.pixels, list[Layer]()
        for hit, found in pairs:
            rows, cols = canvas.part(hit.window)
            canvas.covered[rows, cols] |= True if found.outside is None else ~found.outside
            canvas.findings += self._named(hit, found.findings)
            if found.failed is not None:
                canvas.failed[:, rows, cols] |= found.failed
            if self._fills(hit):
                target = pixels[:, rows, cols]
                if not np.shares_memory(target, found.data):
                    target[...] = found.data
                canvas.valid[:, rows, cols] = found.valid
            else:
                together.append(found.layer(rows, cols))
        combine(self._method, together, pixels, canvas.valid)

    def _named(self, hit: Hit, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings of a file with its name."""
        name = self.members[hit.member].label
        return [
            one if name in one.message else replace(one, message=f"{name}: {one.message}")
            for one in findings
        ]

    def _finished(self, canvases: Sequence[Canvas]) -> list[WindowBuffers]:
        """Return the buffers with what is known of their pixels."""
        found: list[WindowBuffers] = []
        for canvas in canvases:
            count = len(canvas.buffers.fetched.bands)
            valid = canvas.valid[:count]
            lost = canvas.failed[:count] & ~valid
            gap = None if canvas.covered.all() else ~canvas.covered
            known = None if self._masked_by_samples else KnownValidity.of_bands(valid)
            filled = lost if lost.any() else None
            found.append(canvas.buffers._replace(known=known, gap=gap, filled=filled))
        return found

    async def plan(self, source: LevelSource, z: int, buffers: Sequence[WindowBuffers]) -> Plan:
        """Return the requests that `fill` would send at most; see `WindowReader.plan`.

        A file that lies below others is left out where these hold valid pixels only.
        """
        del source  # each file has its own
        held: dict[int, list[Slot]] = {}
        for one in buffers:
            hits = _of_needed(one, self._hits(z, one.window))
            for hit in self._needed(hits):
                slot = _empty_slot(one, hit)
                held.setdefault(hit.member, []).append(slot)
        plans = await side_by_side(*(self.members[n].plan(z, slots) for n, slots in held.items()))
        names = [self.members[n].name for n in held]
        return joined_plan(zip(names, plans, strict=True))

    def _needed(self, hits: Sequence[Hit]) -> Iterator[Hit]:
        """Yield the files that are read whatever their samples are, and those that may be."""
        done: list[Window] = []
        for hit in hits:
            if self._method in DECIDING and any(common(hit.window, w) == hit.window for w in done):
                continue
            yield hit
            member = self.members[hit.member]
            if member.is_whole and member.fills_target:
                done.append(hit.window)


def _layer_bytes(canvas: Canvas, hit: Hit) -> int:
    """Return the bytes of what one file has of a window, and of which samples count."""
    bands, _, _ = canvas.buffers.pixels.shape
    return bands * hit.window.height * hit.window.width * (canvas.buffers.pixels.itemsize + 1)


def _place(window: Window, whole: Window) -> tuple[slice, slice]:
    """Return the rows and columns that a window takes of another that holds it."""
    top, left = window.row_off - whole.row_off, window.col_off - whole.col_off
    return slice(top, top + window.height), slice(left, left + window.width)


def _around(pixels: Mask, window: Window) -> Window:
    """Return the smallest part of a window that holds some of its pixels, (rows, cols)."""
    (ys,), (xs,) = np.nonzero(pixels.any(axis=1)), np.nonzero(pixels.any(axis=0))
    left, top = window.col_off + int(xs[0]), window.row_off + int(ys[0])
    return Window(left, top, int(xs[-1] - xs[0]) + 1, int(ys[-1] - ys[0]) + 1)


def _of_needed(buffers: WindowBuffers, hits: Sequence[Hit]) -> list[Hit]:
    """Return what files have of the pixels that are needed."""
    if buffers.needed is None:
        return list(hits)
    found: list[Hit] = []
    for hit in hits:
        needed = buffers.needed[_place(hit.window, buffers.window)]
        if needed.any():
            found.append(hit._replace(window=_around(needed, hit.window)))
    return found


def _empty_slot(buffers: WindowBuffers, hit: Hit) -> Slot:
    """Return what is read of a file, without a place for its pixels."""
    needed = buffers.needed
    if needed is not None:
        needed = needed[_place(hit.window, buffers.window)]
    return Slot(hit.window, buffers.fetched.all, None, needed)


def joined_plan(plans: Iterable[tuple[str, Plan]]) -> Plan:
    """Return the plan of a read of several files, by their names."""
    beside: dict[str, tuple[ByteRange, ...]] = {}
    tiles: list[tuple[int, int, int]] = []
    wanted = 0
    for name, plan in plans:
        beside[name] = (*beside.get(name, ()), *plan.requests)
        tiles += plan.tiles
        wanted += plan.wanted
    return Plan((), tuple(tiles), wanted, beside)
