"""Which pixels are valid, and how the file says so (cog.written.valid)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tinycog.argument_types import MaskKind
from tinycog.errors import UsageError, WriteError
from tinycog.geo.write_colour import RGB
from tinycog.geo.written_facts import WrittenFacts
from tinycog.pixels.mask import nodata_mask
from tinycog.writer.assemble import Pixels
from tinycog.writer.grid import TileGrid
from tinycog.writer.options import FileOptions
from tinycog.writer.pixel_source import PixelBlock, PixelSource, Region


def mask_kind(source: PixelSource, options: FileOptions) -> MaskKind:
    """Return how pixels that are not valid are marked.

    Raises:
        UsageError: they cannot be marked so.
    """
    kind, nodata = options.mask, source.facts.nodata
    if kind is None:
        if source.has_valid is False:
            return "none"
        if nodata is not None:
            return "nodata"
        return "internal" if source.has_valid else "none"
    if kind == "nodata" and nodata is None:
        message = 'mask="nodata" marks pixels by a value: pass nodata='
        raise UsageError(message)
    if kind == "alpha" and source.dtype.kind != "u":
        message = f'mask="alpha" needs unsigned samples, not {source.dtype}: pass mask="internal"'
        raise UsageError(message)
    if kind == "alpha" and source.facts.premultiplied:
        message = (
            "the source has an alpha of its own, by which colours are multiplied: leave out"
            ' mask="alpha"'
        )
        raise UsageError(message)
    if kind == "alpha" and nodata is not None:
        message = (
            f'mask="alpha" with nodata={nodata}: readers look at nodata first: pass mask="nodata",'
            ' or mask="internal"'
        )
        raise UsageError(message)
    return kind


@dataclass(frozen=True, slots=True)
class Marks:
    """How a file says which of its pixels are valid.

    Attributes:
        kind: by what.
        is_told: whether the caller said so; "none" then means that masks are dropped.
        nodata: value of samples that hold none; None without one.
        grid: tiles of level 0, for errors.
    """

    kind: MaskKind
    is_told: bool
    nodata: float | None
    grid: TileGrid

    def known(self, block: PixelBlock) -> Pixels:
        """Return a block as (rows, cols, samples), a view, with the mask that the file keeps.

        Raises:
            UsageError: some pixels are not valid, which the file cannot say.
            WriteError: one is valid, which the file would deny.
        """
        _, rows, cols = block.pixels.shape
        region = Region(block.row, block.col, block.row + rows, block.col + cols)
        pixels = Pixels(region, block.pixels.transpose(1, 2, 0), block.valid)
        if self.kind == "nodata":
            if block.lost is not None:
                raise self._becomes_nodata(block, *block.lost)
            return pixels
        if self.kind == "internal" and block.valid is None and self.nodata is not None:
            # readers look at the mask, and no more at nodata
            return pixels._replace(valid=nodata_mask(block.pixels, self.nodata))
        if self.kind != "none" or block.valid is None:
            return pixels
        if not self.is_told and not block.valid.all():
            message = (
                f"the block at row {block.row}, column {block.col} has pixels that"
                ' are not valid: pass nodata=, or mask="internal" (mask="none" ignores that)'
            )
            raise UsageError(message)
        return pixels._replace(valid=None)

    def _becomes_nodata(self, block: PixelBlock, band: int, row: int, col: int) -> WriteError:
        place = (0, (block.col + col) // self.grid.tile, (block.row + row) // self.grid.tile)
        reason = (
            f"the pixel at row {block.row + row}, column {block.col + col} is valid, but would not"
            f" be any more: band {band} is {block.pixels[band, row, col]}, which is read as nodata:"
            ' take another nodata=, or mask="internal"'
        )
        return WriteError.of_tile(place, reason)


def _colour_names(bands: int) -> list[str]:
    """Return names of bands that have none, of which the next one is alpha."""
    if bands == len(RGB):
        return list(RGB)
    return ["gray", *["undefined"] * (bands - 1)]


def with_alpha(facts: WrittenFacts, bands: int) -> WrittenFacts:
    """Return what is written of so many bands, with a band of opacity behind them."""
    facts = replace(facts, colorinterp=facts.colorinterp or _colour_names(bands))
    more: dict[str, Any] = {}
    nothing: dict[str, object] = {
        "colorinterp": "alpha",
        "descriptions": None,
        "scales": 1.0,
        "offsets": 0.0,
        "units": None,
        "band_tags": {},
    }
    for name, value in nothing.items():
        told = getattr(facts, name)
        if told:
            more[name] = (*told, value)
    return replace(facts, **more)
