"""A level as reads take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tinycog.geo.lazy import LazyGeoreference
    from tinycog.reader.validity import FileMaskFacts, LevelMask
    from tinycog.tiff.image import Image


class LevelSource(NamedTuple):
    """A level, and what is needed to read it.

    Attributes:
        image: the level.
        mask: the mask image that says which of its pixels are valid.
        mask_facts: what says so where there is no mask image: facts of the file.
        georeference: of the file.
    """

    image: Image
    mask: LevelMask
    mask_facts: FileMaskFacts
    georeference: LazyGeoreference
