"""One georeference, as data: who writes it, and into which place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Place = tuple[float, float, float, float, float, float]
"""Coefficients of a transform, (col, row) to (x, y), of the corners of pixels."""

SIDE = 1000
"""Columns and rows of each image; it is sparse."""


@dataclass(frozen=True)
class Case:
    """One file, made for the place it shall have.

    Attributes:
        name: unique; begins with the group that the sample takes its share of.
        make: writes the file for a transform; the judge asks for it twice, as the place depends
            on the CRS.
        near: longitude and latitude of the middle, in the CRS's own datum.
        placed: whether the transform that is asked for counts; not if the case is about another.
    """

    name: str
    make: Callable[[Place], bytes]
    near: tuple[float, float] = (9.0, 47.0)
    placed: bool = True

    @property
    def group(self) -> str:
        """What the case is one of."""
        return self.name.partition(":")[0]
