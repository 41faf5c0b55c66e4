"""Comparisons of levels that several profiles make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tinycog.tiff.image import Image
from tinycog.validator.facts import JudgedFile
from tinycog.validator.rule import Observation

UNKNOWN = "the first stored block of {} is not known without more of its index: look at all tiles"


def first_block(facts: JudgedFile, image: Image) -> int | None:
    """Return the offset of the first stored block of the first band; 0 for none, None unknown."""
    index, grid = facts.indices.get(image.ifd.offset), image.grid
    if index is None:
        return None
    return index.first_stored(grid.across, grid.down, grid.across)


def ifd_order(levels: Sequence[Image]) -> Iterator[Observation]:
    """Yield levels whose IFD does not lie behind that of the level before."""
    for z, (before, image) in enumerate(pairwise(levels), 1):
        at = image.ifd.offset
        if at < before.ifd.offset:
            text = f"the IFD of level {z} lies before that of level {z - 1}, at {before.ifd.offset}"
            yield Observation(text, at, at)


def order_of_all(facts: JudgedFile) -> Iterator[Observation]:
    """Yield levels of which any block lies before one of the level after; all blocks are known."""
    known = [(z, facts.indices[image.ifd.offset]) for z, image in enumerate(facts.pyramid.levels)]
    ends = [(z, found.min(), found.max()) for z, one in known if len(found := one.places()[0])]
    for (z, first, _), (after, _, last) in pairwise(ends):
        if first < last:
            text = f"a block of level {z} lies before one of level {after}, at {last}"
            yield Observation(text, int(first), facts.pyramid.levels[z].ifd.offset)


def data_order(
    firsts: Sequence[int | None], images: Sequence[Image], *, absent: int | None = 0
) -> Iterator[Observation]:
    """Yield levels whose first block lies before that of the level after.

    Args:
        firsts: offset of the first stored block of each level, None where it is not known.
        images: the levels.
        absent: the value of `firsts` that is not compared: of a level without stored blocks.
    """
    for z, (first, after) in enumerate(pairwise(firsts)):
        ifd = images[z].ifd.offset
        if first == absent:
            continue
        if first is None or after is None:
            name = f"level {z if first is None else z + 1}"
            yield Observation(UNKNOWN.format(name), None, ifd, "unknown")
        elif first < after:
            text = f"the first block of level {z} lies before that of level {z + 1}, at {after}"
            yield Observation(text, first, ifd)
