"""A band of opacity: added behind the others, or made a mask of (cog.written.valid)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import numpy as np

from tinycog.errors import UsageError
from tinycog.geo.write_colour import RGB
from tinycog.geo.written_facts import WrittenFacts
from tinycog.pixels.mask import opaque
from tinycog.writer.pixel_source import PixelBlock, PixelSource, Region
from tinycog.writer.plan import LARGEST_REGION

OF_OPACITY: dict[str, object] = {
    "colorinterp": "alpha",
    "descriptions": None,
    "scales": 1.0,
    "offsets": 0.0,
    "units": None,
    "band_tags": {},
}
"""What is told of a band of opacity, of all that is told of each band."""


def with_alpha(facts: WrittenFacts, bands: int) -> WrittenFacts:
    """Return what is written of so many bands, with a band of opacity behind them."""
    facts = replace(facts, colorinterp=facts.colorinterp or _colour_names(bands))
    return _of_each_band(facts, lambda name, told: (*told, OF_OPACITY[name]))


def without_alpha(facts: WrittenFacts) -> WrittenFacts:
    """Return what is written of bands of which the last one, of opacity, is left out."""
    facts = replace(facts, premultiplied=False)
    return _of_each_band(facts, lambda _, told: tuple(told)[:-1])


def _of_each_band(
    facts: WrittenFacts, change: Callable[[str, Sequence[Any]], Sequence[Any]]
) -> WrittenFacts:
    told: dict[str, Sequence[Any]] = {name: getattr(facts, name) for name in OF_OPACITY}
    return replace(facts, **{name: change(name, told[name]) for name in told if told[name]})


def _colour_names(bands: int) -> list[str]:
    """Return names of bands that have none, of which the next one is alpha."""
    if bands == len(RGB):
        return list(RGB)
    return ["gray", *["undefined"] * (bands - 1)]


class MaskOfAlpha:
    """The bands of a source before its last one, alpha, which becomes their mask.

    See `PixelSource`. A pixel is valid if its alpha is not 0, and must then be opaque: a mask has
    no word for what is in between.
    """

    has_valid: bool | None = True

    def __init__(self, source: PixelSource, bits: int | None) -> None:
        """Take the source.

        Args:
            source: of all bands.
            bits: of a sample, where they are fewer than those of the dtype.
        """
        self.bands, self.rows, self.cols = source.bands - 1, source.rows, source.cols
        self.dtype, self.facts = source.dtype, without_alpha(source.facts)
        self.is_asked, self.copies, self.lends = source.is_asked, source.copies, source.lends
        self.chunk, self.origin = source.chunk, source.origin
        # with the block lies its alpha
        self.memory = source.memory + (LARGEST_REGION // self.bands if source.copies else 0)
        self.generation = source.generation
        self._source, self._opaque = source, opaque(source.dtype, bits)

    async def blocks(self, regions: Iterable[Region]) -> AsyncGenerator[PixelBlock, None]:
        """Give the blocks of the source, with masks.

        Raises:
            UsageError: a pixel is partly opaque; it is named.
        """
        async with aclosing(self._source.blocks(regions)) as blocks:
            async for block in blocks:
                turned = self._turned(block)
                del block
                yield turned
                del turned

    def _turned(self, block: PixelBlock) -> PixelBlock:
        alpha = block.pixels[-1]
        valid = np.not_equal(alpha, 0) if block.valid is None else block.valid
        lost = valid & np.not_equal(alpha, self._opaque)
        if lost.any():
            row, col = divmod(int(lost.argmax()), lost.shape[1])
            message = (
                f"the pixel at row {block.row + row}, column {block.col + col} has an alpha of"
                f" {alpha[row, col]}, between 0 and {self._opaque}, which a mask image has no"
                ' word for: leave out mask="internal", and take a lossless codec'
            )
            raise UsageError(message)
        return block._replace(pixels=block.pixels[:-1], valid=valid)
