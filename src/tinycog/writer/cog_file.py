"""A file is written: what goes through the engine, and what stands in front of it in the end."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import numpy as np

from tinycog.argument_types import Progress
from tinycog.encode.tile import make_encoder
from tinycog.errors import LimitError
from tinycog.pixels.overviews.memory import bytes_of_pixel
from tinycog.targets.journal_file import JournalFile
from tinycog.targets.parts import Bounds
from tinycog.targets.protocol import WriteTarget
from tinycog.writer.assemble import Assembler
from tinycog.writer.checksums import CHECKSUM_BYTES, LevelChecksums
from tinycog.writer.deferred import Deferred
from tinycog.writer.design import FileDesign, LevelWork
from tinycog.writer.engine import Engine, LevelPass
from tinycog.writer.halos import Halos
from tinycog.writer.head import Head, HeadLevel, plan_head
from tinycog.writer.in_order import SpooledRecords, Spools, StreamedRecords
from tinycog.writer.journal import Journal
from tinycog.writer.level_tags import level_fields, mask_fields
from tinycog.writer.marks import Marks
from tinycog.writer.options import SMALLEST_BLOCK
from tinycog.writer.plan import Needs, WritePlan, make_plan, regions
from tinycog.writer.records import LevelIndex
from tinycog.writer.spilled import SpilledTiles
from tinycog.writer.statistics import Moments
from tinycog.writer.tile_work import Encoders

WORST_EXPANSION, WORST_BYTES = 2, 1 << 10
"""What an encoded tile is longer than its samples at most: a part of them, and some bytes more."""

MIB = 1 << 20

LEAST_ADVISED = 64
"""Pixels of the smallest tiles that are worth their requests."""

HEAD_BYTES = 4 << 20
"""Bytes of tags that stand in front of the tiles, at most: metadata, palettes, tables."""


class CogFile:
    """A file that is to be written as designed; nothing is asked for yet."""

    def __init__(self, design: FileDesign, threads: int) -> None:
        """Check that its tags can be written.

        Args:
            design: of the file.
            threads: that encode.

        Raises:
            UsageError, UnsupportedError: a tag cannot hold what it is to tell.
        """
        self._design = design
        self._threads = threads
        self._checksums: list[LevelChecksums] = []
        # all tags but statistics are made once, before a pixel is asked for
        encoder = make_encoder(design.format_of(design.options.blocksize))
        self._fields = level_fields(design, encoder, design.levels[0].shape.grid, ())

    @property
    def bounds(self) -> Bounds:
        """Bytes that level 0, and what stands in front of it, have at most."""
        design, planes = self._design, self._design.planes
        sizes: list[int] = []
        for level in design.levels:
            grid = level.shape.grid
            tile = grid.tile**2 * design.bands * design.source.dtype.itemsize // planes
            most = tile + tile // WORST_EXPANSION + WORST_BYTES
            mask = grid.tile**2 // 8 + WORST_BYTES if design.has_mask else 0
            sizes.append(grid.tiles * (planes * most + mask) if level.shape.is_stored else 0)
        index = sum(24 * level.shape.grid.tiles * (planes + 1) for level in design.levels)
        return Bounds(sum(sizes[1:]) + index + HEAD_BYTES, sizes[0])

    @property
    def fingerprint(self) -> bytes:
        """What is written, in 32 bytes, but for pixels, and for what writes it."""
        design, source = self._design, self._design.source
        said = [
            replace(design.options, memory=0),
            (source.bands, source.rows, source.cols, source.dtype.str, source.has_valid),
            source.generation,
            (
                design.marks,
                design.has_mask,
                design.alpha,
                design.is_indexed,
                design.facts.nodata,
            ),
            *(
                (field.tag, field.field_type, np.asarray(field.values).tolist())
                for field in self._fields
            ),
        ]
        return hashlib.sha256(repr(said).encode()).digest()

    def plan(self, held: int, *, journal: bool = False) -> WritePlan:
        """Choose how the pixels are asked for.

        Args:
            held: bytes that target, spool and journal hold.
            journal: whether there is one.

        Raises:
            LimitError: `memory` is too small; it names a smaller blocksize that takes less.
        """
        try:
            return self._plan(held, journal=journal)
        except LimitError as exc:
            hint = self._smaller_blocks(exc, held, journal=journal)
            message = f"{exc}{hint}"
            numbers = {"asked": exc.asked, "allowed": exc.allowed}
            raise LimitError(message, limit=exc.limit, **numbers) from None

    def _smaller_blocks(self, refused: LimitError, held: int, *, journal: bool) -> str:
        """Return which blocksize takes less memory, as the end of a message; empty if none does."""
        options = self._design.options
        least, size = (refused.asked, 0), options.blocksize // 2
        while size >= LEAST_ADVISED and not size % SMALLEST_BLOCK:
            is_one = options.overview_blocksize == options.blocksize
            over = size if is_one else options.overview_blocksize
            smaller = replace(options, blocksize=size, overview_blocksize=over)
            other = CogFile(FileDesign(self._design.source, smaller), self._threads)
            try:
                other._plan(held, journal=journal)
            except LimitError as exc:
                least = min(least, (exc.asked, size))
            else:
                return f", or blocksize={size}"
            size //= 2
        asked, size = least
        return f"; with blocksize={size} it is {-(-asked // MIB)} MiB" if size else ""

    def _plan(self, held: int, *, journal: bool) -> WritePlan:
        """Return the plan; see `plan`."""
        design, source = self._design, self._design.source
        needs = Needs(
            source.bands * source.dtype.itemsize + design.has_mask,
            design.planes + design.has_mask,
            source.chunk,
            source.is_asked,
            source.copies,
            held + source.memory + self._checksum_bytes,
            self._threads,
            design.options.memory,
            max(map(self._worker_bytes, design.levels)),
            journal,
            source.origin,
        )
        return make_plan([level.shape for level in design.levels], needs)

    def _worker_bytes(self, level: LevelWork) -> int:
        """Return the bytes that a thread takes to encode a tile of a level and to reduce it."""
        design = self._design
        tile = level.shape.grid.tile
        samples = design.bands * design.source.dtype.itemsize * tile**2
        encoder = make_encoder(design.format_of(tile))
        stored = samples + samples // WORST_EXPANSION
        encoding = encoder.memory + (stored if design.is_planar else 0)
        if design.marks is not None:  # in a copy
            encoding += samples
        if level.reducer is None:
            return encoding
        pixel = bytes_of_pixel(level.reducer.reducer, design.source.bands)
        return max(encoding, stored + pixel * tile**2)

    @property
    def _checksum_bytes(self) -> int:
        shapes = [level.shape for level in self._design.levels if level.shape.is_stored]
        tiles = sum(shape.grid.tiles for shape in shapes)
        return CHECKSUM_BYTES * tiles if self._design.options.verify else 0

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
        design, source = self._design, self._design.source
        grid = design.levels[0].shape.grid
        journal = None
        if journal_file is not None:
            journal = Journal(journal_file, grid, source.dtype)
        passes = [
            self._make_pass(z, level, target, spool, journal)
            for z, level in enumerate(design.levels)
        ]
        deferred = Deferred(
            design.encoders_of_sample, spool, grid.across, design.encoders_unless_sampled
        )
        engine = Engine(
            source,
            passes,
            deferred,
            SpilledTiles(
                [one.assembler for one in passes],
                [one.halos for one in passes],
                spool,
                plan.open_tiles,
            ),
            sparse=design.options.sparse,
            marks=Marks(design.mask_kind, design.options.mask is not None, design.said, grid),
            in_flight=plan.in_flight,
            batch_bytes=plan.batch_bytes,
            progress=None if progress is None else _Report(progress, source.rows * source.cols),
            journal=journal,
        )
        self._checksums = [one.checksums for one in passes if one.checksums is not None]
        await engine.run(regions(plan, grid))
        first = passes[0].records
        if not isinstance(first, StreamedRecords) or deferred.encoders is None:
            raise AssertionError
        await first.finish()
        stored = [one for one in passes if one.records is not None]
        head = self._head(stored, deferred.encoders, engine.moments)

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

    def _head(
        self,
        stored: Sequence[LevelPass],
        encoders: Sequence[Encoders],
        moments: Sequence[Moments],
    ) -> Head:
        """Return what stands in front of level 0, of the levels that are stored."""
        design = self._design
        levels: list[HeadLevel] = []
        for one in stored:
            is_overview = bool(levels)
            fields = level_fields(
                design, encoders[is_overview].samples, one.grid, None if is_overview else moments
            )
            levels.append(
                HeadLevel(fields, one.index, mask_fields(one.grid) if design.has_mask else None)
            )
        return plan_head(
            levels, byte_order=design.options.byte_order, bigtiff=design.options.bigtiff
        )

    def _make_pass(
        self,
        z: int,
        level: LevelWork,
        target: WriteTarget,
        spool: Spools,
        journal: Journal | None,
    ) -> LevelPass:
        design, source, shape = self._design, self._design.source, level.shape
        options, grid = design.options, shape.grid
        index = LevelIndex.empty(
            grid.tiles, planes=design.planes, mask=design.has_mask, interleave=design.interleave
        )
        count = grid.tiles
        if design.interleave == "band":
            count *= design.planes + design.has_mask
        records: StreamedRecords | SpooledRecords | None = None
        if z == 0:
            records = StreamedRecords(count, spool, target.append)
        elif shape.is_stored:
            records = SpooledRecords(count, spool)
        fill = design.fill if options.sparse and not source.is_asked else None
        assembler = Assembler(
            grid,
            z,
            source.bands,
            source.dtype,
            planar=design.is_planar,
            has_valid=design.has_valid,
            fill=fill,
            checked=z == 0 and not source.is_asked,
            are_lent=z == 0 and source.lends,
        )
        halos = Halos(
            grid,
            z,
            shape.margins,
            fill,
            spool,
            has_valid=design.has_valid,
            is_done=None if journal is None or z else journal.is_done,
            owns_tiles=z > 0 or source.copies,
        )
        checksums = LevelChecksums(design.bands, grid) if options.verify and records else None
        has_come = None if fill is None else np.zeros(grid.tiles, np.bool_)
        return LevelPass(grid, level.work, assembler, halos, records, index, checksums, has_come)


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
