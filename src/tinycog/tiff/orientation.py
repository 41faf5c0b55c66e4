"""Orientation: how rows and columns as stored become those of the picture.

The rule is tiff.image.orientation.
"""

from __future__ import annotations

from tinycog.records import NamedTuple
from tinycog.tiff.parse import Value


class Orientation(NamedTuple):
    """What turns an image as it is stored into the picture: transposed first, then flipped.

    Attributes:
        transposed: whether stored rows are columns of the picture.
        rows_flipped: whether the rows that come of it run from bottom to top.
        cols_flipped: whether the columns that come of it run from right to left.
    """

    transposed: bool
    rows_flipped: bool
    cols_flipped: bool

    def turned(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return (rows, cols) of the picture of an image of (rows, cols), or the reverse."""
        rows, cols = shape
        return (cols, rows) if self.transposed else shape


AS_STORED = Orientation(transposed=False, rows_flipped=False, cols_flipped=False)

ORIENTATIONS: dict[int, Orientation] = {
    code: Orientation(*flags)
    for code, flags in {
        1: (False, False, False),
        2: (False, False, True),
        3: (False, True, True),
        4: (False, True, False),
        5: (True, False, False),
        6: (True, False, True),
        7: (True, True, True),
        8: (True, True, False),
    }.items()
}
"""By the values of the tag; 1 is as stored."""


def orientation_of(value: Value | None) -> Orientation | None:
    """Return what a value of the tag says; as stored without the tag, None if it says nothing."""
    if value is None:
        return AS_STORED
    code = value[0] if isinstance(value, tuple) and len(value) == 1 else None
    return ORIENTATIONS.get(code) if isinstance(code, int) else None
