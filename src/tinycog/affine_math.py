"""Arithmetic of affine transforms: six numbers a to f that take (col, row) to (x, y). No I/O.

`x = a * col + b * row + c`, `y = d * col + e * row + f`, as in the `affine` package, whose
`Affine` is accepted wherever six numbers are; the package itself is not imported here.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from math import isfinite
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.records import NamedTuple

Coefficients = tuple[float, float, float, float, float, float]
"""(a, b, c, d, e, f)."""

Coordinate = TypeVar("Coordinate", float, NDArray[np.float64])
"""One coordinate, or an array of them."""


def coefficients(transform: Iterable[float]) -> Coefficients:
    """Return the six coefficients of a transform as floats; an `Affine` yields three more."""
    a, b, c, d, e, f = map(float, islice(transform, 6))
    return a, b, c, d, e, f


def apply(
    transform: Coefficients, col: Coordinate, row: Coordinate
) -> tuple[Coordinate, Coordinate]:
    """Convert pixel coordinates to (x, y)."""
    a, b, c, d, e, f = transform
    return a * col + b * row + c, d * col + e * row + f


class Inverse(NamedTuple):
    """The inverse of a transform: (x, y) to (col, row).

    Attributes:
        transform: the transform itself. The numbers of its inverse are not kept: dividing last
            loses least.
        determinant: finite, not 0.
    """

    transform: Coefficients
    determinant: float

    def apply(self, x: Coordinate, y: Coordinate) -> tuple[Coordinate, Coordinate]:
        """Convert coordinates to (col, row), in pixels from the outer corner of the first."""
        a, b, c, d, e, f = self.transform
        east, north = x - c, y - f
        col = (e * east - b * north) / self.determinant
        return col, (a * north - d * east) / self.determinant


def invert(transform: Iterable[float]) -> Inverse:
    """Return the inverse of a transform.

    Raises:
        UsageError: it has none that floats can express: the determinant is 0, infinite or NaN.
    """
    numbers = coefficients(transform)
    a, b, _, d, e, _ = numbers
    determinant = a * e - b * d
    if not determinant or not isfinite(determinant):
        message = f"the transform {numbers} has no inverse: coordinates lead to no pixels"
        raise UsageError(message)
    return Inverse(numbers, determinant)
