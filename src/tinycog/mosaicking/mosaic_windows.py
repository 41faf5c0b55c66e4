"""Windows of a mosaic, filled from windows of its files: all files side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tinycog.argument_types import ErrorHandling
from tinycog.errors import Finding, TinycogError
from tinycog.fetch.plan import Plan
from tinycog.fetch.single_flight import side_by_side
from tinycog.limits import Limits
from tinycog.mosaicking.overlaps import DECIDING, Layer, combine
from tinycog.mosaicking.placing import PlacedLevel, common, overlap
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.mask import Mask
from tinycog.pixels.validity import KnownValidity, settled
from tinycog.reader.pixel_file import PixelFile
from tinycog.reader.window_buffers import (
    FetchedBands,
    LevelSource,
    WindowBuffers,
    WindowRequest,
    make_buffers,
)
from tinycog.thread_pool import run_in_pool
from tinycog.tiff.ranges import ByteRange
from tinycog.window import Area, Window, as_floats


class Member(NamedTuple):
    """A file of a mosaic.

    Attributes:
        name: of the file, for messages and plans.
        file: what its pixels are read from; open.
        is_whole: whether all its pixels are valid, whatever their samples are.
        alpha: the band that says which are, counted from 0; None without one.
    """

    name: str
    file: PixelFile
    is_whole: bool
    alpha: int | None


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
        covered: where any file lies, (rows, cols).
    """

    buffers: WindowBuffers
    pending: list[Hit]
    valid: Mask
    failed: Mask
    covered: Mask
    findings: list[Finding] = field(default_factory=list[Finding])

    def part(self, window: Window) -> tuple[slice, slice]:
        """Return the rows and columns that a window takes of the arrays."""
        top, left = window.row_off - self.buffers.window.row_off, window.col_off
        left -= self.buffers.window.col_off
        return slice(top, top + window.height), slice(left, left + window.width)


class MosaicWindows:
    """The `WindowReader` of a mosaic."""

    def __init__(
        self,
        members: Sequence[Member],
        levels: Sequence[PlacedLevel],
        method: str,
        limits: Limits,
        *,
        masked_by_pixels: bool,
        gap_values: Sequence[float],
    ) -> None:
        """Keep the files.

        Args:
            members: in the order that decides where several have a pixel.
            levels: where they lie in each level.
            method: one of `overlaps.METHODS`.
            limits: of the whole.
            masked_by_pixels: whether samples say which of the result are valid (nodata, alpha).
            gap_values: of each band, where no file has a pixel.
        """
        self.limits = limits
        self._members = members
        self._levels = levels
        self._method = method
        self._masked_by_pixels = masked_by_pixels
        self._gap_values = gap_values

    @property
    def file_size(self) -> int | None:
        """Bytes of all files, None before all are known."""
        sizes = [member.file.windows.file_size for member in self._members]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

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
        canvases = [self._canvas(source, z, one) for one in buffers]
        while any(canvas.pending for canvas in canvases):
            await self._read_wave(z, canvases, errors)
        filled = await run_in_pool(self._finished, canvases)
        return filled, tuple(finding for canvas in canvases for finding in canvas.findings)

    def _canvas(self, source: LevelSource, z: int, buffers: WindowBuffers) -> Canvas:
        shape, flat = buffers.pixels.shape, buffers.pixels.shape[1:]
        valid, failed = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        canvas = Canvas(buffers, self._hits(z, buffers.window), valid, failed, np.zeros(flat, bool))
        for hit in canvas.pending:
            canvas.covered[canvas.part(hit.window)] = True
        if self._method == "count" or not canvas.covered.all():
            fills = [self._gap_values[band] for band in buffers.fetched.all]
            for plane, value in zip(buffers.pixels, fills, strict=True):
                np.copyto(plane, value, casting="unsafe")
        elif any(not hit.is_alone for hit in canvas.pending):
            np.copyto(buffers.pixels, source.image.fill_value, casting="unsafe")
        return canvas

    def _hits(self, z: int, window: Window) -> list[Hit]:
        shared = [common(window, placed) for placed in self._levels[z].windows]
        touched = [n for n, part in enumerate(shared) if part.width and part.height]
        if self._method == "last":
            touched.reverse()
        return [
            Hit(n, shared[n], not any(overlap(shared[n], shared[m]) for m in touched if m != n))
            for n in touched
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
            waits = any(overlap(left.window, other.window) for other in (*now, *later))
            (later if waits else now).append(left)
        canvas.pending = later
        return now

    def _undecided(self, canvas: Canvas, hit: Hit) -> Hit | None:
        """Return the part of a file that holds all pixels that are not decided; None if none."""
        if hit.is_alone:
            return hit
        rows, cols = canvas.part(hit.window)
        open_ = ~canvas.valid[:, rows, cols].all(axis=0)
        if not open_.any():
            return None
        (ys,), (xs,) = np.nonzero(open_.any(axis=1)), np.nonzero(open_.any(axis=0))
        window = Window(
            hit.window.col_off + int(xs[0]),
            hit.window.row_off + int(ys[0]),
            int(xs[-1] - xs[0]) + 1,
            int(ys[-1] - ys[0]) + 1,
        )
        return hit._replace(window=window)

    async def _read_wave(self, z: int, canvases: Sequence[Canvas], errors: ErrorHandling) -> None:
        """Read what need not wait of all windows, each file once, and put it in its place."""
        by_member: dict[int, list[tuple[Canvas, Hit]]] = {}
        waves = [(canvas, self._wave(canvas)) for canvas in canvases]
        for canvas, hits in waves:
            for hit in hits:
                by_member.setdefault(hit.member, []).append((canvas, hit))
        found = await side_by_side(
            *(self._read_member(z, n, held, errors) for n, held in by_member.items())
        )
        layers: dict[tuple[int, int], list[tuple[Hit, Layer]]] = {}
        for (n, held), read in zip(by_member.items(), found, strict=True):
            for (canvas, hit), layer in zip(held, read, strict=True):
                if layer is not None:
                    layers.setdefault((id(canvas), n), []).append((hit, layer))
        for canvas, hits in waves:
            order = dict.fromkeys(hit.member for hit in hits)
            mine = [pair for n in order for pair in layers.get((id(canvas), n), ())]
            await run_in_pool(self._put, canvas, mine)

    async def _read_member(
        self, z: int, n: int, held: Sequence[tuple[Canvas, Hit]], errors: ErrorHandling
    ) -> list[Layer | None]:
        """Read windows of one file; None for each where it cannot be read and errors are filled."""
        member, placed = self._members[n], self._levels[z]
        own = placed.own[n]
        try:
            source = await member.file.level(own)
            empty = [
                self._member_buffers(source, own, placed.windows[n], canvas, hit)
                for canvas, hit in held
            ]
            filled, findings = await member.file.windows.fill(source, own, empty, errors)
        except TinycogError as exc:
            exc.name_file(member.name)
            if errors == "raise":
                raise
            for canvas, hit in held:
                self._fail(canvas, hit)
                canvas.findings.append(Finding("mosaic.file.unread", str(exc)))
            return [None] * len(held)
        for canvas, _ in held[:1]:
            canvas.findings += findings
        return await run_in_pool(self._layers, member, source, held, filled)

    def _fail(self, canvas: Canvas, hit: Hit) -> None:
        """Fill what a file has of a window, which cannot be read."""
        part = canvas.part(hit.window)
        canvas.failed[(slice(None), *part)] = True
        if self._is_direct(hit):
            for plane, band in zip(canvas.buffers.pixels, canvas.buffers.fetched.all, strict=True):
                plane[part] = self._gap_values[band]

    def _member_buffers(
        self, source: LevelSource, z: int, placed: Window, canvas: Canvas, hit: Hit
    ) -> WindowBuffers:
        """Return arrays for what a file has of a window: those of the result where it is alone."""
        col, row, width, height = hit.window
        window = Window(col - placed.col_off, row - placed.row_off, width, height)
        area = Area(z, as_floats(window), (height, width))
        bands = canvas.buffers.fetched.all
        request = WindowRequest(area, bands, "nearest", masked=True, boundless=False)
        fetched = FetchedBands.of(source, request)
        buffers = WindowBuffers.new(source, z, fetched, window, as_stored=True)
        if not self._is_direct(hit) or fetched.extra:
            return buffers
        target: Pixels = canvas.buffers.pixels[(slice(None), *canvas.part(hit.window))]
        return buffers._replace(pixels=target)

    def _is_direct(self, hit: Hit) -> bool:
        return hit.is_alone and self._method not in ("count", "stdev")

    def _layers(
        self,
        member: Member,
        source: LevelSource,
        held: Sequence[tuple[Canvas, Hit]],
        filled: Sequence[WindowBuffers],
    ) -> list[Layer | None]:
        found: list[Layer | None] = []
        for (canvas, hit), buffers in zip(held, filled, strict=True):
            rows, cols = canvas.part(hit.window)
            data = buffers.data
            known = settled(buffers.validity(source, masked=True), data)
            valid = known.band_masks(data)
            if member.alpha is not None and known.bands is not None:
                valid = np.broadcast_to(known.pixels, data.shape)
            if buffers.filled is not None:
                canvas.failed[:, rows, cols] |= buffers.filled
                valid = valid & ~buffers.filled
            found.append(Layer(rows, cols, data, valid))
        return found

    def _put(self, canvas: Canvas, layers: Sequence[tuple[Hit, Layer]]) -> None:
        """Put what was read in its place."""
        pixels, together = canvas.buffers.pixels, list[Layer]()
        for hit, layer in layers:
            if self._is_direct(hit):
                target = pixels[:, layer.rows, layer.cols]
                if not np.shares_memory(target, layer.data):
                    target[...] = layer.data
                canvas.valid[:, layer.rows, layer.cols] = layer.valid
            else:
                together.append(layer)
        combine(self._method, together, pixels, canvas.valid)

    def _finished(self, canvases: Sequence[Canvas]) -> list[WindowBuffers]:
        """Return the buffers with what is known of their pixels."""
        found: list[WindowBuffers] = []
        for canvas in canvases:
            count = len(canvas.buffers.fetched.bands)
            lost = canvas.failed[:count] & ~canvas.valid[:count]
            gap = None if canvas.covered.all() else ~canvas.covered
            known = None
            if not self._masked_by_pixels:
                known = KnownValidity(canvas.valid[:count].any(axis=0))
            filled = lost if lost.any() else None
            found.append(canvas.buffers._replace(known=known, gap=gap, filled=filled))
        return found

    async def plan(self, source: LevelSource, z: int, buffers: Sequence[WindowBuffers]) -> Plan:
        """Return the requests that `fill` would send at most; see `WindowReader.plan`.

        A file that lies below others is left out where these hold valid pixels only.
        """
        del source  # that of each file has its own
        by_member: dict[int, list[WindowBuffers]] = {}
        sources: dict[int, LevelSource] = {}
        for one in buffers:
            for hit in self._needed(self._hits(z, one.window)):
                n, placed = hit.member, self._levels[z].windows[hit.member]
                if n not in sources:
                    sources[n] = await self._members[n].file.level(self._levels[z].own[n])
                by_member.setdefault(n, []).append(
                    self._planned(sources[n], self._levels[z].own[n], placed, one, hit)
                )
        plans = await side_by_side(
            *(
                self._members[n].file.windows.plan(sources[n], self._levels[z].own[n], held)
                for n, held in by_member.items()
            )
        )
        names = [self._members[n].name for n in by_member]
        return joined_plan(zip(names, plans, strict=True))

    def _needed(self, hits: Sequence[Hit]) -> Iterator[Hit]:
        """Yield the files that are read whatever their samples are, and those that may be."""
        done: list[Window] = []
        for hit in hits:
            if self._method in DECIDING and any(common(hit.window, w) == hit.window for w in done):
                continue
            yield hit
            if self._members[hit.member].is_whole:
                done.append(hit.window)

    def _planned(
        self, source: LevelSource, z: int, placed: Window, buffers: WindowBuffers, hit: Hit
    ) -> WindowBuffers:
        """Return arrays that take no memory for what a file has of a window."""
        col, row, width, height = hit.window
        window = Window(col - placed.col_off, row - placed.row_off, width, height)
        area = Area(z, as_floats(window), (height, width))
        bands = buffers.fetched.all
        request = WindowRequest(area, bands, "nearest", masked=True, boundless=False)
        return make_buffers(source, request, planned=True)


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
