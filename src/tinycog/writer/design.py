"""What a file is to hold: bands and levels, what is done with their tiles, how they are encoded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from numpy.typing import NDArray

from tinycog.argument_types import Interleave, MaskKind
from tinycog.encode.choose import choose_fast, choose_level, choose_predictor
from tinycog.encode.tile import make_encoder, make_mask_encoder
from tinycog.encode.tile_format import CodecOptions, TileFormat
from tinycog.errors import UsageError
from tinycog.geo.write_colour import WrittenColour, colour_of
from tinycog.pixels.mask import RGBA
from tinycog.pixels.overviews.reducer import POLICIES, make_reducer
from tinycog.tiff.spec import Compression, Photometric, Predictor
from tinycog.writer.assemble import RawTile
from tinycog.writer.grid import TileGrid
from tinycog.writer.halos import Margins
from tinycog.writer.marks import mask_kind
from tinycog.writer.opacity import MaskOfAlpha, with_alpha
from tinycog.writer.options import FileOptions
from tinycog.writer.pixel_source import PixelSource
from tinycog.writer.plan import LevelShape
from tinycog.writer.reduce import BlockReducer
from tinycog.writer.tile_work import Encoders, TileWork
from tinycog.writer.validity import said_by_samples


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


class FileDesign:
    """What a file holds that is made of a source; no pixel is asked for.

    Attributes:
        source: of the pixels, without an alpha of which a mask is made.
        options: how the file is laid out and encoded.
        facts: what its tags tell; with the band of opacity, if the file gets one.
        bands: that are stored.
        bits: of a sample, None = those of its dtype.
        mask_kind: how pixels that are not valid are marked.
        said: what samples say of it, where the source has no other word.
        marks: how, if not by a mask.
        alpha: index of the source's band of opacity, None = it has none.
        is_indexed: whether samples are no quantities, so that no mean of them is one.
        levels: all of them, also those that are only passed through.
    """

    def __init__(self, source: PixelSource, options: FileOptions) -> None:
        """Check that the pixels can be written so.

        Raises:
            UsageError, UnsupportedError: an option does not fit them.
        """
        self.bits = source.facts.bits if options.bits is None else options.bits
        said = said_by_samples(source.facts, source.bands, source.dtype)
        kind = mask_kind(source, options, said)
        is_by_alpha = said.alpha is not None and said.nodata is None
        if kind == "internal" and is_by_alpha and source.has_valid is not True:
            source = MaskOfAlpha(source, self.bits)
        self.said = said
        self.source = source
        self.options = options
        self.mask_kind: MaskKind = kind
        self.marks: Literal["nodata", "alpha"] | None = None
        if kind in ("nodata", "alpha"):
            self.marks = kind
        is_marked_by_band = kind == "alpha"
        self.bands = source.bands + is_marked_by_band
        self.facts = with_alpha(source.facts, source.bands) if is_marked_by_band else source.facts
        if options.statistics and source.dtype.kind == "c":
            message = f"{source.dtype} samples have no order: leave out statistics=True"
            raise UsageError(message)
        colour = colour_of(self.facts, self.bands, source.dtype, bits=self.bits)
        self.alpha = None if is_marked_by_band else _alpha(colour, source.bands)
        self.is_indexed = colour.photometric == Photometric.PALETTE or self.bits == 1
        self.levels: Sequence[LevelWork] = self._make_levels()
        self._format = self._make_format(options.blocksize)
        _ = self.encoders_unless_sampled  # wrong options are refused now
        self._check_overviews()
        encoder = make_encoder(self._format)
        if not encoder.is_lossless:
            self._check_lossy(source, keeps_nan=encoder.keeps_nan)

    def _check_overviews(self) -> None:
        """Check that overviews leave out what is not valid.

        Raises:
            UsageError: they would blend it with what is.
        """
        method = self.options.overview_resampling
        if self.has_mask or self.said.nodata_values is None or len(self.levels) == 1:
            return
        if POLICIES.get(method, method) != "nearest":
            message = (
                f"overviews by {method!r} would count pixels that the item NODATA_VALUES says are"
                ' not valid: pass mask="internal", or overview_resampling="nearest"'
            )
            raise UsageError(message)

    def _check_lossy(self, source: PixelSource, *, keeps_nan: bool) -> None:
        """Check that samples that say which pixels are valid are none that a codec changes.

        Raises:
            UsageError: one of them is.
        """
        said = said_by_samples(self.facts, self.bands, source.dtype)
        word = f"nodata={self.facts.nodata}"
        if said.nodata_values is not None:
            word = "NODATA_VALUES"
        nodata = self.facts.nodata
        is_lost = nodata is not None and not (keeps_nan and math.isnan(nodata))
        if said.nodata_values is not None or is_lost:
            message = (
                f"a lossy codec changes samples, so that {word} would not be found again: take a"
                " lossless one, or a masked array without nodata"
            )
            raise UsageError(message)
        is_webp = self.options.compression == Compression.WEBP
        if said.alpha is None or (is_webp and self._format.samples == RGBA):  # whose alpha is exact
            return
        if self.marks == "alpha":
            message = 'mask="alpha" would be blurred by a lossy codec: pass mask="internal"'
            raise UsageError(message)
        message = "alpha would be blurred by a lossy codec: "
        if source.has_valid is not True:
            message += 'pass mask="internal", which makes a mask image of it; or, '
        message += "if that band is no opacity, call it something else by colorinterp="
        raise UsageError(message)

    @property
    def has_mask(self) -> bool:
        """Whether each tile has one beside it."""
        return self.mask_kind == "internal"

    @property
    def has_valid(self) -> bool:
        """Whether it matters which pixels are valid."""
        return self.has_mask or self.marks is not None

    @property
    def is_planar(self) -> bool:
        """Whether each band is a tile of its own."""
        return self.options.interleave != "pixel" and self.bands > 1

    @property
    def interleave(self) -> Interleave:
        """How bands lie beside each other."""
        return self.options.interleave if self.is_planar else "pixel"

    @property
    def planes(self) -> int:
        """Tiles of a place in the grid."""
        return self.bands if self.is_planar else 1

    @property
    def fill(self) -> float:
        """Value of pixels that are not stored."""
        return 0 if self.facts.nodata is None else self.facts.nodata

    # --- levels ----------------------------------------------------------------------------------

    def _make_levels(self) -> list[LevelWork]:
        options, source = self.options, self.source
        rows, cols = source.rows, source.cols
        found: list[LevelWork] = []
        factor = 1
        last = max(options.overviews, default=1) if options.overviews is not None else 0
        while True:
            is_stored = factor == 1 or options.overviews is None or factor in options.overviews
            tile = options.blocksize if factor == 1 else options.overview_blocksize
            grid = TileGrid(rows, cols, tile)
            is_last = factor >= last if last else max(rows, cols) <= options.overview_blocksize
            is_last = is_last or max(rows, cols) == 1
            reducer = None if is_last else self._make_reducer(rows, cols)
            margins = Margins(0, 0, 0, 0) if reducer is None else reducer.margins
            work = self._make_work(reducer, statistics=options.statistics and factor == 1)
            found.append(LevelWork(LevelShape(grid, margins, is_stored), reducer, work))
            if reducer is None:
                return found
            rows, cols = reducer.reducer.sizes
            factor *= 2

    def _make_reducer(self, rows: int, cols: int) -> BlockReducer:
        """Return what makes the next level of one of this size."""
        return BlockReducer(
            make_reducer(
                self.options.overview_resampling,
                self.source.dtype,
                rows,
                cols,
                like=self.options.like,
                nodata=self.facts.nodata,
                alpha=self.alpha,
                associated=self.facts.premultiplied,
                has_mask=self.has_valid,
                indexed=self.is_indexed,
                bits=self.bits,
            )
        )

    def _make_work(self, reducer: BlockReducer | None, *, statistics: bool) -> TileWork:
        return TileWork(
            reducer=reducer,
            planar=self.is_planar,
            sparse=self.options.sparse,
            has_mask=self.has_mask,
            marks=self.marks,
            fill=self.fill,
            nodata=self.facts.nodata,
            bits=self.bits,
            statistics=statistics,
            verify=self.options.verify,
        )

    # --- encoding --------------------------------------------------------------------------------

    def _make_format(self, blocksize: int) -> TileFormat:
        options = self.options
        return TileFormat(
            rows=blocksize,
            cols=blocksize,
            dtype=self.source.dtype,
            samples=self.bands // self.planes,
            planes=self.planes,
            compression=options.compression,
            predictor=options.predictor or Predictor.NONE,
            byte_order=options.byte_order,
            bits=self.bits,
            options=options.codec,
        )

    def _encoders(self, made: TileFormat) -> Sequence[Encoders]:
        """Return the encoders of level 0, and of overviews."""
        found: list[Encoders] = []
        for size in (self.options.blocksize, self.options.overview_blocksize):
            mask = make_mask_encoder(size, size) if self.has_mask else None
            found.append(Encoders(make_encoder(replace(made, rows=size, cols=size)), mask))
        return found

    @property
    def encoders_unless_sampled(self) -> Sequence[Encoders] | None:
        """The encoders of level 0, and of overviews; None where a sample decides on them."""
        if self.options.chosen is not None or self.options.predictor is None:
            make_encoder(self._format)
            return None
        return self._encoders(self._format)

    def encoders_of_sample(self, sample: RawTile | None) -> Sequence[Encoders]:
        """Choose predictor and level by a tile of level 0; without one any does."""
        made, options = self._format, self.options
        tiles: list[NDArray[Any]] = []
        if sample is not None:
            pixels = self.levels[0].work.marked(sample).samples
            tiles = [pixels[:, :, :1] if self.is_planar else pixels]
        if options.predictor is None and tiles:
            made = choose_predictor(made, tiles)
        if options.chosen is not None and tiles:
            made = (choose_fast if options.chosen == "fast" else choose_level)(made, tiles)
        return self._encoders(made)

    def encoders_told(self, codec: CodecOptions) -> Sequence[Encoders]:
        """Return the encoders of level 0, and of overviews, of a codec that is told so.

        Raises:
            UsageError, UnsupportedError: it cannot be, or cannot hold such pixels.
        """
        return self._encoders(replace(self._format, options=codec))

    def format_of(self, size: int) -> TileFormat:
        """Return the format of tiles of a size, whatever a sample may decide."""
        return replace(self._format, rows=size, cols=size)


def _alpha(colour: WrittenColour, bands: int) -> int | None:
    """Return the band that says how opaque a pixel is."""
    own = bands - len(colour.extra_samples)
    return next((own + i for i, kind in enumerate(colour.extra_samples) if kind), None)
