"""A file is written: what goes through the engine, and what stands in front of it in the end."""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import Interleave, Progress
from tinycog.encode.choose import choose_fast, choose_level, choose_predictor
from tinycog.encode.tile import TileEncoder, make_encoder, make_mask_encoder
from tinycog.encode.tile_format import CodecOptions, TileFormat
from tinycog.errors import UsageError
from tinycog.geo.metadata import Statistics
from tinycog.geo.write_colour import WrittenColour, colour_of
from tinycog.geo.write_metadata import NO_ITEMS, metadata_fields
from tinycog.geo.write_tags import georeference_fields, nodata_field
from tinycog.pixels.overviews.memory import bytes_of_pixel
from tinycog.pixels.overviews.reducer import make_reducer
from tinycog.targets.journal_file import JournalFile
from tinycog.targets.parts import Bounds
from tinycog.targets.protocol import WriteTarget
from tinycog.tiff.layout import Field
from tinycog.tiff.spec import Compression, Photometric, Predictor, Tag
from tinycog.writer.assemble import Assembler, RawTile
from tinycog.writer.checksums import CHECKSUM_BYTES, LevelChecksums
from tinycog.writer.deferred import Deferred
from tinycog.writer.engine import Engine, LevelPass
from tinycog.writer.grid import TileGrid
from tinycog.writer.halos import Halos, Margins
from tinycog.writer.head import HeadLevel, plan_head
from tinycog.writer.in_order import SpooledRecords, Spools, StreamedRecords
from tinycog.writer.journal import Journal
from tinycog.writer.marks import Marks, mask_kind, with_alpha
from tinycog.writer.options import FileOptions
from tinycog.writer.pixel_source import PixelSource
from tinycog.writer.plan import (
    LevelShape,
    Needs,
    WritePlan,
    make_plan,
    regions,
)
from tinycog.writer.records import LevelIndex
from tinycog.writer.reduce import BlockReducer
from tinycog.writer.spilled import SpilledTiles
from tinycog.writer.statistics import Moments
from tinycog.writer.tile_work import Encoders, TileWork

WORST_EXPANSION, WORST_BYTES = 2, 1 << 10
"""What an encoded tile is longer than its samples at most: a part of them, and some bytes more."""

HEAD_BYTES = 4 << 20
"""Bytes of tags that stand in front of the tiles, at most: metadata, palettes, tables."""


@dataclass(frozen=True, slots=True)
class _Level:
    """A level of the file, and what makes the next one of it."""

    shape: LevelShape
    reducer: BlockReducer | None


class LevelWork(NamedTuple):
    """What is done with a level, whatever its pixels come from.

    Attributes:
        shape: its tiles, and whether they are stored.
        reducer: makes the next level; None for the last one.
        work: what is done with each of its tiles.
    """

    shape: LevelShape
    reducer: BlockReducer | None
    work: TileWork


class CogFile:
    """A file that is to be written of a source; nothing is asked for yet."""

    def __init__(self, source: PixelSource, options: FileOptions, threads: int) -> None:
        """Check that it can be written so.

        Args:
            source: of the pixels.
            options: how the file is laid out and encoded.
            threads: that encode.

        Raises:
            UsageError, UnsupportedError: an option does not fit the pixels.
        """
        self._source = source
        self._options = options
        self._threads = threads
        self._facts = source.facts
        kind = mask_kind(source, options)
        self._has_mask = kind == "internal"
        self._marks: Literal["nodata", "alpha"] | None = None
        if kind in ("nodata", "alpha"):
            self._marks = kind
        self._bands = source.bands + (kind == "alpha")
        if kind == "alpha":
            self._facts = with_alpha(self._facts, source.bands)
        if options.statistics and source.dtype.kind == "c":
            message = f"{source.dtype} samples have no order: leave out statistics=True"
            raise UsageError(message)
        self._bits = self._facts.bits if options.bits is None else options.bits
        colour = colour_of(self._facts, self._bands, source.dtype, bits=self._bits)
        self._alpha = None if kind == "alpha" else _alpha(colour, source.bands)
        self._is_indexed = colour.photometric == Photometric.PALETTE or self._bits == 1
        self._levels = self._make_levels()
        self._checksums: list[LevelChecksums] = []
        self._format = self._make_format(options.blocksize)
        self._undecided()  # wrong options are refused now
        is_exact = make_encoder(self._format).is_lossless
        if kind == "alpha" and not is_exact and options.compression != Compression.WEBP:
            message = 'mask="alpha" would be blurred by a lossy codec: pass mask="internal"'
            raise UsageError(message)
        if self._facts.nodata is not None and not is_exact:
            message = (
                f"a lossy codec changes samples, so that nodata={self._facts.nodata} would not be"
                " found again: take a lossless one, or a masked array without nodata"
            )
            raise UsageError(message)
        # everything that is written but statistics is made once, before a pixel is asked for
        self._fields(0, make_encoder(self._format), ())

    @property
    def bounds(self) -> Bounds:
        """Bytes that level 0, and what stands in front of it, have at most."""
        planes = self._bands if self._is_planar else 1
        sizes: list[int] = []
        for level in self._levels:
            grid = level.shape.grid
            tile = grid.tile**2 * self._bands * self._source.dtype.itemsize // planes
            most = tile + tile // WORST_EXPANSION + WORST_BYTES
            mask = grid.tile**2 // 8 + WORST_BYTES if self._has_mask else 0
            sizes.append(grid.tiles * (planes * most + mask) if level.shape.is_stored else 0)
        index = sum(24 * level.shape.grid.tiles * (planes + 1) for level in self._levels)
        return Bounds(sum(sizes[1:]) + index + HEAD_BYTES, sizes[0])

    @property
    def fingerprint(self) -> bytes:
        """What is written, in 32 bytes, but for pixels, and for what writes it."""
        source = self._source
        said = [
            replace(self._options, memory=0),
            (source.bands, source.rows, source.cols, source.dtype.str, source.has_valid),
            source.generation,
            (self._marks, self._has_mask, self._alpha, self._is_indexed, self._facts.nodata),
            *(
                (field.tag, field.field_type, np.asarray(field.values).tolist())
                for field in self._fields(0, make_encoder(self._format), ())
            ),
        ]
        return hashlib.sha256(repr(said).encode()).digest()

    def plan(self, held: int, *, journal: bool = False) -> WritePlan:
        """Choose how the pixels are asked for.

        Args:
            held: bytes that target, spool and journal hold.
            journal: whether there is one.

        Raises:
            LimitError: `memory` is too small.
        """
        source = self._source
        needs = Needs(
            source.bands * source.dtype.itemsize + self._has_mask,
            (self._bands if self._is_planar else 1) + self._has_mask,
            source.chunk,
            source.is_asked,
            source.copies,
            held + source.memory + self._checksum_bytes,
            self._threads,
            self._options.memory,
            max(map(self._worker_bytes, self._levels)),
            journal,
            source.origin,
        )
        return make_plan([level.shape for level in self._levels], needs)

    def _worker_bytes(self, level: _Level) -> int:
        """Return the bytes that a thread takes to encode a tile of a level and to reduce it."""
        tile = level.shape.grid.tile
        samples = self._bands * self._source.dtype.itemsize * tile**2
        encoder = make_encoder(replace(self._format, rows=tile, cols=tile))
        stored = samples + samples // WORST_EXPANSION
        encoding = encoder.memory + (stored if self._is_planar else 0)
        if self._marks is not None:  # in a copy
            encoding += samples
        if level.reducer is None:
            return encoding
        pixel = bytes_of_pixel(level.reducer.reducer, self._source.bands)
        return max(encoding, stored + pixel * tile**2)

    @property
    def _checksum_bytes(self) -> int:
        tiles = sum(level.shape.grid.tiles for level in self._levels if level.shape.is_stored)
        return CHECKSUM_BYTES * tiles if self._options.verify else 0

    def _make_levels(self) -> list[_Level]:
        """Return all levels, also those that are only passed through."""
        options, source = self._options, self._source
        rows, cols = source.rows, source.cols
        found: list[_Level] = []
        factor = 1
        last = max(options.overviews, default=1) if options.overviews is not None else 0
        while True:
            is_stored = factor == 1 or options.overviews is None or factor in options.overviews
            tile = options.blocksize if factor == 1 else options.overview_blocksize
            grid = TileGrid(rows, cols, tile)
            is_last = factor >= last if last else max(rows, cols) <= options.overview_blocksize
            if is_last or max(rows, cols) == 1:
                found.append(_Level(LevelShape(grid, Margins(0, 0, 0, 0), is_stored), None))
                return found
            reducer = BlockReducer(
                make_reducer(
                    options.overview_resampling,
                    source.dtype,
                    rows,
                    cols,
                    like=options.like,
                    nodata=self._facts.nodata,
                    alpha=self._alpha,
                    associated=self._facts.premultiplied,
                    has_mask=self._has_mask or self._marks is not None,
                    indexed=self._is_indexed,
                    bits=self._bits,
                )
            )
            found.append(_Level(LevelShape(grid, reducer.margins, is_stored), reducer))
            rows, cols = reducer.reducer.sizes
            factor *= 2

    # --- encoding --------------------------------------------------------------------------------

    @property
    def _interleave(self) -> Interleave:
        return self._options.interleave if self._is_planar else "pixel"

    @property
    def _is_planar(self) -> bool:
        return self._options.interleave != "pixel" and self._bands > 1

    def _make_format(self, blocksize: int) -> TileFormat:
        options, source = self._options, self._source
        planes = self._bands if self._is_planar else 1
        return TileFormat(
            rows=blocksize,
            cols=blocksize,
            dtype=source.dtype,
            samples=self._bands // planes,
            planes=planes,
            compression=options.compression,
            predictor=options.predictor or Predictor.NONE,
            byte_order=options.byte_order,
            bits=self._bits,
            options=options.codec,
        )

    def _undecided(self) -> Sequence[Encoders] | None:
        """Return the encoders, None where a sample decides."""
        options = self._options
        if options.chosen is not None or options.predictor is None:
            make_encoder(self._format)
            return None
        return self._encoders(self._format)

    def _encoders(self, made: TileFormat) -> Sequence[Encoders]:
        """Return the encoders of level 0, and of overviews."""
        found: list[Encoders] = []
        for size in (self._options.blocksize, self._options.overview_blocksize):
            mask = make_mask_encoder(size, size) if self._has_mask else None
            found.append(Encoders(make_encoder(replace(made, rows=size, cols=size)), mask))
        return found

    def encoders(self, codec: CodecOptions) -> Sequence[Encoders]:
        """Return the encoders of level 0, and of overviews, of a codec that is told so.

        Raises:
            UsageError, UnsupportedError: it cannot be, or cannot hold such pixels.
        """
        return self._encoders(replace(self._format, options=codec))

    @property
    def levels(self) -> Sequence[LevelWork]:
        """All levels, also those that are only passed through."""
        return [
            LevelWork(one.shape, one.reducer, self._work(z)) for z, one in enumerate(self._levels)
        ]

    def _choose(self, sample: RawTile | None) -> Sequence[Encoders]:
        """Choose predictor and level by a sample; without one any does."""
        made, options = self._format, self._options
        tiles: list[NDArray[Any]] = []
        if sample is not None:
            pixels = self._work(0).marked(sample).samples
            tiles = [pixels[:, :, :1] if self._is_planar else pixels]
        if options.predictor is None and tiles:
            made = choose_predictor(made, tiles)
        if options.chosen is not None and tiles:
            made = (choose_fast if options.chosen == "fast" else choose_level)(made, tiles)
        return self._encoders(made)

    # --- writing ---------------------------------------------------------------------------------

    @property
    def checksums(self) -> Sequence[LevelChecksums]:
        """What went into the tiles of each level that is stored, once it was written."""
        return self._checksums

    async def write(
        self,
        plan: WritePlan,
        target: WriteTarget,
        spool: Spools,
        progress: Progress | None = None,
        journal_file: JournalFile | None = None,
    ) -> int:
        """Write the file as planned; return its length in bytes.

        Args:
            plan: of it.
            target: where it goes; it has begun.
            spool: for what has to wait.
            progress: called with the pixels that are done.
            journal_file: what a write of it that was killed left; open.

        Raises:
            TinycogError: it cannot be written; nothing is published.
        """
        journal = None
        if journal_file is not None:
            journal = Journal(journal_file, self._levels[0].shape.grid, self._source.dtype)
        passes = [
            self._make_pass(z, level, target, spool, journal)
            for z, level in enumerate(self._levels)
        ]
        deferred = Deferred(
            self._choose,
            spool,
            self._levels[0].shape.grid.across,
            self._undecided(),
        )
        pixels = self._source.rows * self._source.cols
        engine = Engine(
            self._source,
            passes,
            deferred,
            SpilledTiles(
                [one.assembler for one in passes],
                [one.halos for one in passes],
                spool,
                plan.open_tiles,
            ),
            sparse=self._options.sparse,
            marks=Marks(
                mask_kind(self._source, self._options),
                self._options.mask is not None,
                self._facts.nodata,
                self._levels[0].shape.grid,
            ),
            in_flight=plan.in_flight,
            batch_bytes=plan.batch_bytes,
            progress=None if progress is None else _Report(progress, pixels),
            journal=journal,
        )
        self._checksums = [one.checksums for one in passes if one.checksums is not None]
        await engine.run(regions(plan, self._levels[0].shape.grid))
        first = passes[0].records
        if not isinstance(first, StreamedRecords) or deferred.encoders is None:
            raise AssertionError
        await first.finish()
        stored = [one for one in passes if one.records is not None]
        heads = [
            HeadLevel(
                self._fields(z, deferred.encoders[min(z, 1)].samples, engine.moments, one.grid),
                one.index,
                self._mask_fields(one.grid) if self._has_mask else None,
            )
            for z, one in enumerate(stored)
        ]
        head = plan_head(heads, byte_order=self._options.byte_order, bigtiff=self._options.bigtiff)

        async def pieces() -> AsyncIterator[bytes | memoryview]:
            for piece in head.write():
                yield piece
            for one in reversed(stored[1:]):
                if isinstance(one.records, SpooledRecords):
                    async for data in one.records.stream():
                        yield data
            yield bytes(head.padding)

        await target.finish(pieces(), head.length)
        return head.file_length

    def _make_pass(
        self,
        z: int,
        level: _Level,
        target: WriteTarget,
        spool: Spools,
        journal: Journal | None,
    ) -> LevelPass:
        options, source, shape = self._options, self._source, level.shape
        grid = shape.grid
        planes = self._bands if self._is_planar else 1
        index = LevelIndex.empty(
            grid.tiles, planes=planes, mask=self._has_mask, interleave=self._interleave
        )
        count = grid.tiles
        if self._interleave == "band":
            count *= planes + self._has_mask
        records: StreamedRecords | SpooledRecords | None = None
        if z == 0:
            records = StreamedRecords(count, spool, target.append)
        elif shape.is_stored:
            records = SpooledRecords(count, spool)
        fill = self._fill if options.sparse and not source.is_asked else None
        has_valid = self._has_mask or self._marks is not None
        assembler = Assembler(
            grid,
            z,
            source.bands,
            source.dtype,
            planar=self._is_planar,
            has_valid=has_valid,
            fill=fill,
            checked=z == 0 and not source.is_asked,
        )
        is_done = None if journal is None or z else journal.is_done
        halos = Halos(
            grid,
            z,
            shape.margins,
            fill,
            spool,
            has_valid=has_valid,
            is_done=is_done,
            owns_tiles=z > 0 or source.copies,
        )
        checksums = LevelChecksums(self._bands, grid) if options.verify and records else None
        return LevelPass(grid, self._work(z), assembler, halos, records, index, checksums)

    @property
    def _fill(self) -> float:
        """Value of pixels that are not stored."""
        return 0 if self._facts.nodata is None else self._facts.nodata

    def _work(self, z: int) -> TileWork:
        return TileWork(
            reducer=self._levels[z].reducer,
            planar=self._is_planar,
            sparse=self._options.sparse,
            has_mask=self._has_mask,
            marks=self._marks,
            fill=self._fill,
            nodata=self._facts.nodata,
            bits=self._bits,
            statistics=self._options.statistics and z == 0,
            verify=self._options.verify,
        )

    # --- tags ------------------------------------------------------------------------------------

    def _fields(
        self,
        z: int,
        encoder: TileEncoder,
        moments: Sequence[Moments],
        grid: TileGrid | None = None,
    ) -> list[Field]:
        """Return the tags of a level."""
        source, facts = self._source, self._facts
        grid = grid or self._levels[0].shape.grid
        stored = {tag: Field(tag, kind, values) for tag, kind, values in encoder.fields}
        told = [
            Photometric(cast("int", values[0]))
            for tag, _, values in encoder.fields
            if tag == Tag.PhotometricInterpretation
        ]
        colour = colour_of(
            facts,
            self._bands,
            source.dtype,
            bits=self._bits,
            photometric=told[0] if told else None,
        )
        fields = [
            *_size_fields(grid),
            *(one for one in colour.fields if one.tag not in stored),
            *stored.values(),
            Field(Tag.SamplesPerPixel, "SHORT", self._bands),
            Field(Tag.PlanarConfiguration, "SHORT", 2 if self._is_planar else 1),
        ]
        if facts.nodata is not None:
            fields.append(nodata_field(facts.nodata, source.dtype))
        if z == 0:
            fields += georeference_fields(facts)
            statistics = [statistics_of(one, grid) for one in moments]
            if statistics and self._marks == "alpha":
                statistics.append(None)
            is_by_tile = self._interleave == "tile"  # what GDAL has no other sign of
            fields += metadata_fields(
                facts,
                self._bands,
                roles=colour.roles,
                statistics=statistics,
                structure={"INTERLEAVE": "TILE"} if is_by_tile else NO_ITEMS,
            )
        return fields

    def _mask_fields(self, grid: TileGrid) -> list[Field]:
        encoder = make_mask_encoder(grid.tile, grid.tile)
        return [
            *_size_fields(grid),
            *(Field(tag, kind, values) for tag, kind, values in encoder.fields),
            Field(Tag.SamplesPerPixel, "SHORT", 1),
            Field(Tag.PlanarConfiguration, "SHORT", 1),
        ]


def _size_fields(grid: TileGrid) -> list[Field]:
    return [
        Field(Tag.ImageWidth, "LONG", grid.cols),
        Field(Tag.ImageLength, "LONG", grid.rows),
        Field(Tag.TileWidth, "LONG", grid.tile),
        Field(Tag.TileLength, "LONG", grid.tile),
    ]


class _Report:
    """Adds up what is done, and reports it."""

    def __init__(self, progress: Progress, pixels: int) -> None:
        self._progress = progress
        self._pixels = pixels
        self._done = 0

    def __call__(self, pixels: int) -> None:
        """Report some pixels more."""
        self._done += pixels
        self._progress(self._done, self._pixels)


def _alpha(colour: WrittenColour, bands: int) -> int | None:
    """Return the band that says how opaque a pixel is."""
    own = bands - len(colour.extra_samples)
    return next((own + i for i, kind in enumerate(colour.extra_samples) if kind), None)


def statistics_of(moments: Moments, grid: TileGrid) -> Statistics | None:
    """Return the statistics of a band; None if it has no valid pixel, or they are not finite."""
    if not (moments.pixels and math.isfinite(moments.mean) and math.isfinite(moments.squares)):
        return None
    percent = 100 * moments.pixels / (grid.rows * grid.cols)
    return Statistics(moments.lowest, moments.highest, moments.mean, moments.deviation, percent)
