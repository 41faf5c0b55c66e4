"""`update`: a window of a COG is written, and the rest of it is copied where it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Literal

import numpy as np

from tinycog.affine_math import coefficients
from tinycog.argument_types import MaskKind, NamedMember, OverviewMethod, UrlObject, WindowLike
from tinycog.cog import Cog
from tinycog.entry import open as open_file
from tinycog.errors import UsageError
from tinycog.geo.lazy import within
from tinycog.geo.written_facts import WrittenFacts
from tinycog.pixels.mask import NODATA_VALUES, mask_facts_of
from tinycog.reader.open_file import OpenFile
from tinycog.targets.update_target import Sent, UpdateTarget, make_update_target
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps, need
from tinycog.tracebacks import short_tracebacks
from tinycog.window import Window
from tinycog.writer.assemble import Pixels
from tinycog.writer.marks import Marks
from tinycog.writer.options import check_options
from tinycog.writer.pixel_source import PixelSource, Region
from tinycog.writer.sources.cog import Subset, window_of
from tinycog.writer.sources.make import make_pixel_source
from tinycog.writer.tile_work import with_opacity
from tinycog.writer.update.change import Change
from tinycog.writer.update.pixels import paste
from tinycog.writer.update.recover import Said, mask_kinds
from tinycog.writer.update.stored import StoredFile, read_stored
from tinycog.writing import PixelsFrom

SAME_PLACE = 1e-6
"""Part of a pixel by which a block may lie beside the window."""


@dataclass(frozen=True, slots=True)
class Updated:
    """A file of which a window was written.

    Attributes:
        name: of the file, without secrets.
        length: in bytes.
        tiles: that changed, of all levels; 0 if no byte did, and the file was left alone.
        sent: bytes that were sent, or written.
        copied: bytes that the store, or the system, copied by itself.
    """

    name: str
    length: int
    tiles: int
    sent: int
    copied: int


@short_tracebacks
async def update(
    target: str | PathLike[str] | UrlObject,
    block: PixelsFrom,
    *,
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    level: int | None = None,
    effort: int | None = None,
    overview_resampling: OverviewMethod | NamedMember | None = None,
    like: Literal["gdal"] | None = None,
    mask: MaskKind | None = None,
    sparse: bool | None = None,
    statistics: bool | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> Updated:
    """Write a window of a COG that `write` has written; the store copies the rest by itself.

    ::

        await tinycog.update("s3://bucket/red.tif", block, window=(1024, 512, 256, 256))

    The file is then, byte by byte, what `write` makes of its pixels with the block among them, by
    the options that it was written by. They are taken from the file; what its tags do not tell, the
    level and how overviews were made, is found by trial: what gives the tiles that are there. If
    that leaves a choice that matters, it is an error that names what to pass.

    Sent are the tiles that change, those of the overviews above them, the head, and what lies
    between them or fills up parts: a store copies none that is shorter than 5 MiB. The object is
    replaced as a whole, or not at all, and only while it is the one that was read.

    Args:
        target: a path, or the url of an object of S3 or of a store like it.
        block: the new pixels, as `write` takes them: an array, (bands, rows, cols), or (rows, cols)
            for one band; a masked array's mask says which of them are valid. Of a file that
            was written by mask="alpha" the bands without opacity do, which is made of the mask;
            of an iterator pass mask="alpha" then.
        window: (col_off, row_off, width, height) in pixels of level 0.
        bounds: (left, bottom, right, top) instead, in the file's CRS: all pixels that they touch.
        level: of the codec, as it was given to `write`; None = by trial.
        effort: likewise.
        overview_resampling: likewise.
        like: likewise.
        mask: likewise; whether a band of opacity is made of a mask, "alpha", shows by trial.
        sparse: likewise; None = whether any tile is left out.
        statistics: whether there are any; None = if the file has some. They are made anew, which
            reads level 0 once.
        storage_options: as s3fs takes them.

    Returns:
        What was sent and copied.

    Raises:
        UsageError: an argument is wrong, or something is to be said of how the file was written.
        UnsupportedError: the file is not as `write` writes it, or its codec loses pixels; or the
            store copies no parts.
        SourceChangedError: the object was replaced meanwhile; it stays so.
        SourceError: it cannot be read or written; it stays as it was.

    Cost: one or two requests for the header; the old tiles, in two or three rounds; one request for
        each part, and for what fills it up; four more. With statistics level 0 is read once.
    """
    if window is None and bounds is None:
        message = "which pixels change is not said: pass window= or bounds="
        raise UsageError(message)
    options = check_options(overview_resampling=overview_resampling, like=like, mask=mask)
    said = Said(
        level=level,
        effort=effort,
        overview_resampling=None if overview_resampling is None else options.overview_resampling,
        like=options.like,
        mask=options.mask,
        sparse=sparse,
        statistics=statistics,
    )
    place = make_update_target(target, storage_options=storage_options)
    try:
        size = await place.open()
        cog = open_file(_Ranges(place), cache=False)
        async with cog:
            change, pixels = await _prepare(cog, size, block, Subset(window, bounds), said)
            found = await change.make(pixels)
            sent = Sent(0, 0)
            if found.pieces is not None:
                sent = await place.publish(found.pieces)
        return Updated(place.name, found.length, found.tiles, *sent)
    finally:
        await asyncio.shield(place.close())


class _Ranges:
    """Reads a file where it is replaced: what is read and what is copied are of one generation."""

    def __init__(self, place: UpdateTarget) -> None:
        self._place = place
        self.name = place.name
        self.origin = place.name

    async def __call__(self, start: int, stop: int) -> bytes:
        return await self._place.read(start, stop)


async def _prepare(
    cog: Cog, size: int, block: PixelsFrom, subset: Subset, said: Said
) -> tuple[Change, Pixels]:
    """Return the change of an open file, and the new pixels."""
    file = cog._file  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - bytes, not pixels
    lock = asyncio.Lock()

    async def read(ranges: Sequence[ByteRange]) -> list[bytes]:
        async with lock:
            return await _read(file, ranges)

    header = await file.read_all()
    stored = await read_stored(read, header.tiff, header.pyramid, header.ghost, size)
    window = window_of(cog, subset)
    facts = WrittenFacts(nodata=cog.nodata, colormap=cog.colormap)
    kinds: list[MaskKind] = [said.mask] if said.mask else mask_kinds(stored, facts)
    source = await _source(cog, block, window, kinds)
    if source.bands < cog.shape[0]:
        said = said._replace(mask="alpha")
    change = Change(stored, facts, said, read, file.limits)
    return change, await _pixels(cog, stored, source, window)


async def _source(
    cog: Cog, block: PixelsFrom, window: Window, kinds: Sequence[MaskKind]
) -> PixelSource:
    """Return what gives the new pixels: of all bands, or of those that `write` took by a mask.

    Raises:
        UsageError: they are others than the window has.
    """
    bands = [cog.shape[0]]
    if "alpha" in kinds and bands != [1]:
        bands.append(bands[0] - 1)
    if kinds[0] == "alpha":  # an iterator has as many as are said
        bands.reverse()
    refused: UsageError | None = None
    for count in bands:
        shape = (count, int(window.height), int(window.width))
        try:
            return await make_pixel_source(
                block, shape=shape, dtype=cog.dtype, facts=WrittenFacts(nodata=cog.nodata)
            )
        except UsageError as exc:
            refused = refused or exc
    raise refused or AssertionError


async def _read(file: OpenFile, ranges: Sequence[ByteRange]) -> list[bytes]:
    """Read ranges, as few requests as that takes."""

    def parse(buffer: SparseBuffer) -> Steps[list[bytes]]:
        yield from need(buffer, [part for part in ranges if part.length])
        return [bytes(buffer.read(*part)) if part.length else b"" for part in ranges]

    found = await file.parse(lambda buffer, _: parse(buffer), loose=True)
    file.shed()
    return found


async def _pixels(cog: Cog, stored: StoredFile, source: PixelSource, window: Window) -> Pixels:
    """Return the new pixels as the file has them: with nodata, or opacity, for their mask.

    Raises:
        UsageError: they are others than the window has.
    """
    shape = (source.bands, int(window.height), int(window.width))
    _check_place(cog, source, window)
    row, col = int(window.row_off), int(window.col_off)
    values = cog.tags().get(NODATA_VALUES)
    said = mask_facts_of(cog.shape[0], cog.dtype, cog.nodata, values, lambda: ())
    kind: MaskKind = "none" if said.nodata is None else "nodata"
    if stored.levels[0].mask is not None:
        kind = "internal"
    if source.bands < cog.shape[0]:
        kind = "alpha"
    marks = Marks(kind, is_told=False, said=said, grid=stored.levels[0].grid)
    own = Region(row, col, row + shape[1], col + shape[2])
    samples = np.empty((*shape[1:], shape[0]), source.dtype)
    valid = np.ones(shape[1:], np.bool_)
    has_come = np.zeros(shape[1:], np.bool_)
    async for one in source.blocks([Region(0, 0, *shape[1:])]):
        pixels = marks.known(one._replace(row=row + one.row, col=col + one.col))
        paste(pixels, own, samples, valid)
        rows, cols = pixels.samples.shape[:2]
        has_come[one.row : one.row + rows, one.col : one.col + cols] = True
    if not has_come.all():
        message = f"some pixels of the block never came: it has {shape[2]} x {shape[1]}"
        raise UsageError(message)
    if kind == "nodata" and not valid.all():
        samples[~valid] = cog.nodata
    if kind == "alpha":
        samples = with_opacity(samples, valid, stored.levels[0].image.bits)
    return Pixels(own, samples, valid if kind == "internal" and not valid.all() else None)


def _check_place(cog: Cog, source: PixelSource, window: Window) -> None:
    """Check that a block that says where it lies lies at the window.

    Raises:
        UsageError: it lies elsewhere.
    """
    told = source.facts.transform
    if told is None:
        return
    here = coefficients(within(cog.transform, window.col_off, window.row_off, 1, 1))
    there = coefficients(told)
    pixel = max(map(abs, (here[0], here[1], here[3], here[4])))
    if any(abs(a - b) > SAME_PLACE * pixel for a, b in zip(here, there, strict=True)):
        message = f"the block lies at {there} by its own transform, but the window at {here}"
        raise UsageError(message)
