"""Which pixels are valid, and how the file says so (cog.written.valid)."""

from __future__ import annotations

from dataclasses import dataclass

from tinycog.argument_types import MaskKind
from tinycog.errors import UsageError, WriteError
from tinycog.pixels.mask import MaskFacts, can_have_alpha, pixel_mask
from tinycog.writer.assemble import Pixels
from tinycog.writer.grid import TileGrid
from tinycog.writer.options import FileOptions
from tinycog.writer.pixel_source import PixelBlock, PixelSource, Region


def mask_kind(source: PixelSource, options: FileOptions, said: MaskFacts) -> MaskKind:
    """Return how pixels that are not valid are marked.

    Args:
        source: of the pixels.
        options: of the file.
        said: what its samples say of that.

    Raises:
        UsageError: they cannot be marked so.
    """
    kind, nodata = options.mask, source.facts.nodata
    if kind is None:
        if source.has_valid is False:
            return "none"
        if said.nodata is not None:
            return "nodata"
        return "internal" if source.has_valid else "none"
    if kind == "alpha":
        _check_alpha(source, said)
    if kind == "nodata" and nodata is None:
        message = 'mask="nodata" marks pixels by a value: pass nodata='
        raise UsageError(message)
    if kind in ("nodata", "alpha") and said.nodata_values is not None:
        message = (
            f"mask={kind!r} with the item NODATA_VALUES: readers look at that first: pass"
            ' mask="internal", or tags= without it'
        )
        raise UsageError(message)
    return kind


def _check_alpha(source: PixelSource, said: MaskFacts) -> None:
    """Check that a band of opacity can be added, which readers take for a mask.

    Raises:
        UsageError: it cannot.
    """
    bands, dtype, nodata = source.bands, source.dtype, source.facts.nodata
    if said.alpha is not None or source.facts.premultiplied:
        message = 'the source has an alpha of its own, which is kept: leave out mask="alpha"'
        raise UsageError(message)
    if not can_have_alpha(bands + 1, dtype):
        message = (
            'mask="alpha" is a mask to readers behind one or three bands of uint8 or uint16, not'
            f' behind {bands} of {dtype}: pass mask="internal"'
        )
        raise UsageError(message)
    if nodata is not None:
        message = (
            f'mask="alpha" with nodata={nodata}: readers look at nodata first: pass mask="nodata",'
            ' or mask="internal"'
        )
        raise UsageError(message)


@dataclass(frozen=True, slots=True)
class Marks:
    """How a file says which of its pixels are valid.

    Attributes:
        kind: by what.
        is_told: whether the caller said so; "none" then means that masks are dropped.
        said: what samples say of it, where a source has no other word.
        grid: tiles of level 0, for errors.
    """

    kind: MaskKind
    is_told: bool
    said: MaskFacts
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
        if self.kind == "internal" and block.valid is None and self.said != MaskFacts():
            # readers look at the mask, and no more at samples
            bands = range(len(block.pixels))
            return pixels._replace(valid=pixel_mask(self.said, block.pixels, bands, len(bands)))
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
